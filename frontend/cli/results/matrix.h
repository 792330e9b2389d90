/* matrix.h - a confusion matrix: counted, read from CSV, written as CSV, drawn as a heat map. */
#ifndef CRISOL_CLI_MATRIX_H
#define CRISOL_CLI_MATRIX_H

#include "cli.h"

typedef struct matrix {
    uint32_t n;
    char **name; /* of the classes */
    uint64_t
        *count; /* [n, n]: how many samples of the row's label were taken for the column's class */
} matrix;

/* Zero, with the names (or numbers) of the data set's classes. To be freed by matrix_finish. */
matrix matrix_create(const cr_data *data, uint32_t n);
/* Reads what matrix_write has written. CLI_GO, or the exit status after a message. */
int matrix_read(const char *path, matrix *out);
void matrix_finish(matrix *m);

/* Is it drawn, or else written as CSV? NULL: neither. */
bool matrix_is_drawn(const char *path);
/* As CSV, or by gnuplot where the path ends in .svg or .png. CLI_OK or CLI_MISTAKE. */
int matrix_write(const matrix *m, const char *path);

#endif
