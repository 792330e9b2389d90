/* csv.h - tables as text: records, fields and numbers (csv_text.c), the first records (csv_head.c),
 * what the columns are (csv_columns.c), and samples (csv.c).
 *
 * RFC 4180: fields in quotes may hold separators, line ends, and quotes written twice. Lines end in
 * LF or CRLF. Beyond it: blanks around a field without quotes do not count, and lines without
 * anything may follow the last record. */
#ifndef CR_CSV_H
#define CR_CSV_H

#include "base.h"
#include "crisol/io/table.h"

/* ---- text ------------------------------------------------------------------------------------ */

typedef struct cr_csv_text {
    const char *file; /* for messages */
    const char *at, *end;
    uint64_t line; /* of `at`, from 1 */
    char separator;
    cr_strbuf unquoted; /* the field, where it is not as it lies in the text */
} cr_csv_text;

/* A field's text: valid until the next one is read. */
typedef struct cr_csv_field {
    const char *at;
    size_t n;
    uint64_t line; /* where it begins */
    bool last;     /* of its record */
} cr_csv_field;

/* Begins at the first record, behind a byte order mark. `separator` 0: chosen by the first line. */
void cr_csv_begin(cr_csv_text *t, const char *file, const char *text, size_t size, char separator);
void cr_csv_text_finish(cr_csv_text *t);
/* Is there another record? Skips empty lines at the end of the text. */
bool cr_csv_more(cr_csv_text *t);
/* Reads a field and the separator or line end behind it. `column` from 0 is for messages. */
cr_status cr_csv_next(cr_csv_text *t, uint32_t column, cr_csv_field *out);
/* The same for a field that is a number. False when it is none, and nothing was read. */
bool cr_csv_next_number(cr_csv_text *t, float *out, bool *last);
/* Is the whole text a number that f32 has? */
bool cr_csv_is_number(const char *at, size_t n);

/* "FILE:LINE: column 3: WHAT", and CR_E_SYNTAX. `name` may be NULL. */
cr_status cr_csv_error(const cr_csv_text *t, uint64_t line, uint32_t column, const char *name,
                       const char *what);
/* The field as messages show it: no more than CR_CSV_SHOWN characters, and none that is odd. */
enum { CR_CSV_SHOWN = 48 };
const char *cr_csv_show(const cr_csv_field *f, char buf[CR_CSV_SHOWN]);

/* ---- columns (csv_columns.c) ----------------------------------------------------------------- */

/* The words of a column, numbered from 0 as they are seen. */
typedef struct cr_csv_words {
    cr_map map; /* hash to number + 1 */
    CR_VEC(const char *) word;
    bool fixed; /* others are mistakes */
} cr_csv_words;

typedef struct cr_csv_column {
    const char *name; /* NULL: none */
    bool words;       /* else numbers */
    bool told;        /* by the options, that it is of words */
    bool target, dropped;
    cr_csv_words list;
    uint64_t line; /* of the record that decided */
} cr_csv_column;

/* The samples of a file; words get their codes when all files are read. */
typedef struct cr_csv_rows {
    float *x, *y;
    uint32_t n;
} cr_csv_rows;

/* Files of the same columns, which the first one decides on. */
typedef struct cr_csv {
    cr_data *data;
    cr_table_options o;
    CR_VEC(cr_csv_column) column;
    uint32_t features, targets; /* columns */
    bool header;                /* the first file has one */
    cr_arena arena;             /* words and names */
    cr_csv_rows file[2];        /* for training, for testing */
    uint32_t nfiles;
} cr_csv;

/* Does it stand for a number that is missing, or is none? */
bool cr_csv_is_missing(const char *at, size_t n);
/* Which columns are targets, dropped, or of words, by the options and by what these samples are to
 * be like; c->column holds the names, and what the first values are. */
cr_status cr_csv_choose(cr_csv *c, const cr_csv_text *t);
/* The code of a field of a column of words. */
cr_status cr_csv_take_word(cr_csv *c, const cr_csv_text *t, uint32_t column, const cr_csv_field *f,
                           float *out);
/* Why the field of a column of numbers is none. */
cr_status cr_csv_no_number(const cr_csv *c, const cr_csv_text *t, uint32_t column,
                           const cr_csv_field *f);

/* ---- the first records (csv_head.c) ---------------------------------------------------------- */

/* Reads the first lines, and decides on the columns, or holds them against those of the first file.
 * The text is then at the first record that has values. */
cr_status cr_csv_read_head(cr_csv *c, cr_csv_text *t);

/* ---- tables (csv.c) -------------------------------------------------------------------------- */

/* For the samples of `data`, which gets its arrays now and its names at the end. */
void cr_csv_start(cr_csv *c, cr_data *data, const cr_table_options *options);
void cr_csv_finish(cr_csv *c);
/* The samples of one file, of two at most. CR_E_SYNTAX with the line and the column on a mistake.
 * `text` may go afterwards. */
cr_status cr_csv_read(cr_csv *c, const char *file, const char *text, size_t size, cr_part *part);
/* After the last file: the codes of words, types, shapes, and names. */
cr_status cr_csv_end(cr_csv *c);

#endif
