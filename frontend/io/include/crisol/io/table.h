/* crisol/io/table.h - samples from files of many kinds, which the files themselves tell apart.
 *
 *     CSV     columns of numbers and of words, the last one being the target
 *     NPY     an array [n, ...] of samples, and another file with that of labels or targets
 *     HDF5    data sets x_train, y_train, x_test, y_test
 *     a folder of IDX files, or the name of a set: as cr_data_open
 *
 *     cr_data *data = cr_table_open("iris.csv", &(cr_table_options){.target = "species"});
 *     if (!data) { fprintf(stderr, "%s\n", cr_error()); return 1; }
 *
 * docs/data.md describes the formats. */
#ifndef CRISOL_IO_TABLE_H
#define CRISOL_IO_TABLE_H

#include "crisol/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does the first line of a CSV file name the columns? */
typedef enum cr_header {
    CR_HEADER_AUTO, /* when it has no number; with numbers and a word above a number it is unclear,
                       and a mistake */
    CR_HEADER_YES,
    CR_HEADER_NO
} cr_header;

/* What the targets of a CSV file are. */
typedef enum cr_targets {
    CR_TARGETS_AUTO,    /* classes when they are words, or whole numbers from 0 to 999 */
    CR_TARGETS_CLASSES, /* words, or whole numbers from 0 */
    CR_TARGETS_NUMBERS  /* of a regression */
} cr_targets;

/* All fields may be zero. */
typedef struct cr_table_options {
    const char *labels;      /* the file of labels or targets, where that of the samples has none */
    const char *test;        /* the file of the test samples, of the same kind; NULL: none */
    const char *test_labels; /* as `labels`, for `test` */
    const char *target; /* CSV: name or number (from 1) of the target's column, or of several with a
                           comma between them, which are numbers; NULL: the last one. HDF5: see
                           `input` */
    const char *drop;   /* CSV: columns that are left out, likewise */
    /* CSV: columns of words though they look like numbers (00501), likewise. */
    const char *categories;
    /* HDF5: the data set of samples, instead of x_train; `target` is that of y. */
    const char *input;
    cr_header header;
    cr_targets targets;
    char separator;  /* CSV: between fields; 0: a comma, a tab or a semicolon, the first of these
                        that the first line has */
    bool no_targets; /* samples alone will do: parts may have y NULL */
    /* Samples read before, or a cr_data that holds their shape, columns, classes and categories
     * only: words get the codes that they have there, and one that has none is a mistake. Where
     * both have names, features stand in the same order, and targets are by default the columns of
     * the same names. NULL: codes are made, in the words' sorted order. */
    const cr_data *like;
} cr_table_options;

/* Reads the samples for training, and those for testing where options.test names a file. Types are
 *     CSV   x f32 [features], words as their codes; y i32 classes, or f32 [targets]
 *     NPY, HDF5
 *           x f32, i32, u8; y i32, u8 classes or f32 targets. f64 is converted to f32, bool samples
 *           to f32 0 and 1, other whole numbers, and bool labels, to i32; arrays of f32, i32 and u8
 *           that lie in the file as they are needed are not read, but mapped: the file may not
 *           change while `data` is open. u8 and bool [n, rows, cols] are images of one channel
 * NULL on a mistake, and the message says the file, and of a CSV file the line and the column. To
 * be given to cr_data_close. `options` may be NULL. */
CR_API cr_data *cr_table_open(const char *path, const cr_table_options *options);

/* The number of `word` among `words`; -1: it is none of them. */
CR_API int64_t cr_words_find(const cr_words *words, const char *word);

#ifdef __cplusplus
}
#endif
#endif
