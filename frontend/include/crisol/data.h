/* crisol/data.h - data sets of labelled images, as MNIST's IDX files hold them.
 *
 *     cr_dataset *data = cr_dataset_load("fashion-mnist");
 *     if (!data) { fprintf(stderr, "%s\n", cr_error()); return 1; }
 *
 * The format: http://yann.lecun.com/exdb/mnist/. Files may be compressed with gzip. */
#ifndef CRISOL_DATA_H
#define CRISOL_DATA_H

#include "crisol/base.h"

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

#ifdef __cplusplus
}
#endif
#endif
