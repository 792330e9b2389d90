/* grid.h - images of a data set beside each other, as PNG, with what they are and are taken for. */
#ifndef CRISOL_CLI_GRID_H
#define CRISOL_CLI_GRID_H

#include "cli.h"

/* A sample of a part. */
typedef struct grid_cell {
    uint32_t index;
    int64_t label, predicted; /* classes; below 0: not known */
} grid_cell;

/* Are the samples images that can be shown: [rows, columns], or with 1 or 3 channels? Can this
 * build write `path` (NULL is fine)? CLI_GO, or the exit status after a message that begins with
 * `option`. */
int grid_check_path(const char *option, const char *path);
int grid_check(const char *option, const cr_data *data);

/* The label of a sample; below 0: it has targets. */
int64_t grid_label(const cr_data *data, const cr_part *part, uint32_t index);
/* The name of a class, or its number, into buf of CLI_SIZE_TEXT bytes. */
const char *grid_class(const cr_data *data, int64_t class, char *buf);

/* Draws n cells, `columns` in a row (0: about a square). A cell has the image, and below it the
 * class; where something is predicted, a green frame when it is right, and a thick orange one when
 * it is wrong, with the class it is taken for first, and below it the one it is. CLI_OK, or the
 * exit status after a message. */
int grid_write(const char *path, const cr_data *data, const cr_part *part, const grid_cell *cells,
               size_t n, uint32_t columns);

#endif
