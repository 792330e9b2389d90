/* h5_hdf5.h - types of elements, as HDF5's own: for the files that call it. */
#ifndef CR_H5_HDF5_H
#define CR_H5_HDF5_H

#include <hdf5.h>

#include "h5.h"

/* What a type of a file is to us. *swapped: not in this machine's byte order. */
cr_h5_type cr_h5_classify(hid_t type, bool *swapped);
/* The type of an element in memory; the caller closes it. < 0 out of memory. */
hid_t cr_h5_native(cr_h5_type type);

#endif
