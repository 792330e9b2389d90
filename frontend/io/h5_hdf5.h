/* h5_hdf5.h - types of elements, as HDF5's own: for the files that call it. */
#ifndef CR_H5_HDF5_H
#define CR_H5_HDF5_H

#include <hdf5.h>

#include "h5.h"

/* What a type of a file is to us. *swapped: not in this machine's byte order. */
cr_h5_type cr_h5_classify(hid_t type, bool *swapped);
/* The type of an element in memory; the caller closes it. < 0 out of memory. */
hid_t cr_h5_native(cr_h5_type type);

/* ---- in a child (h5_child.c) ----------------------------------------------------------------- */

/* A data set, with what describes it. */
typedef struct cr_h5_opened {
    hid_t id, type, space, list;
    cr_h5_type kind;
    bool swapped;
    int rank;
    hsize_t dim[H5S_MAX_RANK];
    uint64_t n, bytes;
} cr_h5_opened;

/* The file at `path`, or the one in memory; < 0 when it is none. */
hid_t cr_h5_open_file(const char *path, const void *image, size_t size);
/* false when something of what describes the data set cannot be read. */
bool cr_h5_open_dataset(hid_t parent, const char *name, cr_h5_opened *d);
/* Why its elements are not to be read; NULL when they are. */
const char *cr_h5_why_not_read(const cr_h5_opened *d);

#endif
