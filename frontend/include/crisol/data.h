/* crisol/data.h - data sets: labelled images as MNIST's IDX files hold them, and any samples that
 * the caller has in memory.
 *
 *     cr_data *data = cr_data_open("fashion-mnist");
 *     if (!data) { fprintf(stderr, "%s\n", cr_error()); return 1; }
 *     cr_trainer *t = cr_trainer_create_of(&data->samples, &options);
 *
 *     const cr_samples samples = {.x_dtype = CR_F32, .x_shape = CR_SHAPE(2),
 *                                 .train = {.x = points, .y = targets, .n = 1000}};
 *
 * The format of the files: http://yann.lecun.com/exdb/mnist/. Files may be compressed with gzip. */
#ifndef CRISOL_DATA_H
#define CRISOL_DATA_H

#include "crisol/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One IDX file of unsigned bytes. */
typedef struct cr_idx {
    uint32_t rank;
    uint32_t dim[4];
    uint8_t *data; /* row-major */
} cr_idx;

/* Reads an IDX file; the caller gives it to cr_idx_finish. CR_E_IO when it is missing, truncated or
 * longer than it says; CR_E_SYNTAX when it is no IDX file of bytes. */
CR_API cr_status cr_idx_read(const char *path, cr_idx *out);
/* Frees its elements. */
CR_API void cr_idx_finish(cr_idx *idx);

/* Images [n, rows, cols] and their labels [n], for training and for testing. */
typedef struct cr_dataset {
    uint32_t ntrain, ntest, rows, cols;
    uint32_t classes; /* one more than the largest label */
    uint8_t *train_x, *train_y, *test_x, *test_y;
} cr_dataset;

/* `name` is a folder that holds train-images-idx3-ubyte, train-labels-idx1-ubyte,
 * t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (each with .gz or without), or one of
 *     mnist           $CRISOL_DATA/mnist
 *     fashion-mnist   $CRISOL_DATA/fashion-mnist, or that of Debian's package dataset-fashion-mnist
 * NULL on a mistake: files missing, truncated or not IDX, images and labels of different counts,
 * images of different sizes. */
CR_API cr_dataset *cr_dataset_load(const char *name);
/* Accepts NULL. */
CR_API void cr_dataset_destroy(cr_dataset *data);
/* CR_E_ARGUMENT, with the sample's number, when a label is not below `classes`. */
CR_API cr_status cr_dataset_check_labels(const cr_dataset *data, uint32_t classes);

/* ---- samples in memory ----------------------------------------------------------------------- */

/* n samples, one after the other: x [n, x_shape...] and y [n, y_shape...], row-major. */
typedef struct cr_part {
    const void *x, *y;
    uint32_t n;
} cr_part;

/* Samples in the caller's memory. Types and shapes hold for all parts; those that have n = 0 are
 * not there. */
typedef struct cr_samples {
    cr_dtype x_dtype; /* CR_F32, CR_I32 or CR_U8 */
    cr_dtype y_dtype; /* CR_U8 or CR_I32: a class each; CR_F32: targets of a regression */
    cr_shape x_shape; /* of one sample, up to 7 axes: CR_SHAPE(28, 28, 1) */
    cr_shape y_shape; /* of one sample's targets; CR_SCALAR for classes */
    cr_part train, validation, test;
} cr_samples;

/* ---- samples and what they are --------------------------------------------------------------- */

/* Words, one for each number from 0; n = 0: there are none. */
typedef struct cr_words {
    const char *const *word;
    uint32_t n;
} cr_words;

/* Samples, and what holds them. A reader fills it in; all that it points to belongs to it. */
typedef struct cr_data {
    cr_samples samples;
    const char *name; /* what was opened */
    cr_words classes; /* names of the classes, where the source has them */
    cr_words columns; /* names of the features of x and, behind them, of the targets */
    /* Of each feature of x: the words that its whole numbers stand for; n = 0: it is a number
     * itself. NULL: all are. */
    const cr_words *categories;
    const char *from[3]; /* the file of training, validation and test; NULL: it is none of a file */
    bool mapped;         /* x of training is a view of its file, not read before it is used */
    struct cr_data_owned *owned; /* private */
} cr_data;

/* Opens a data set of IDX files, named as for cr_dataset_load; the classes of fashion-mnist have
 * their names. NULL on a mistake, with the message of it. Formats of other files are read by the
 * library of crisol/io/table.h. */
CR_API cr_data *cr_data_open(const char *name);
/* Frees it, and all that belongs to it. Trainers of its samples must be gone. Accepts NULL. */
CR_API void cr_data_close(cr_data *data);

/* For readers of other formats. An empty one; `name` is copied. NULL: out of memory. */
CR_API cr_data *cr_data_create(const char *name);
/* Zeroed memory that belongs to `data`, placed so that a device that shares the host's memory can
 * use it without a copy (cr_feed_in_place). NULL: out of memory. */
CR_API void *cr_data_alloc(cr_data *data, size_t bytes);
/* A copy of a text, that belongs to `data`. */
CR_API const char *cr_data_text(cr_data *data, const char *text);
/* finish(what) is called when `data` is closed, the last one first; at once when this fails. */
CR_API cr_status cr_data_own(cr_data *data, void *what, void (*finish)(void *what));

/* The images [rows, cols, 1] and the labels of a data set, where they lie. */
CR_API cr_samples cr_dataset_samples(const cr_dataset *data);
/* CR_E_ARGUMENT, with the sample's number, when a class is not below `classes`. Nothing is wrong
 * with targets of a regression. */
CR_API cr_status cr_samples_check_labels(const cr_samples *samples, uint32_t classes);

#ifdef __cplusplus
}
#endif
#endif
