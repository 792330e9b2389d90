/* array.h - arrays of samples, labels and targets, whichever file they come from: what of them can
 * be used as it lies, and what is converted. */
#ifndef CR_ARRAY_H
#define CR_ARRAY_H

#include "crisol/data.h"
#include "h5.h"

typedef struct cr_array {
    const char *from; /* "x.npy", "set.h5: /x_train": for messages */
    cr_h5_type type;
    uint32_t rank;
    uint64_t dim[CR_H5_MAX_RANK]; /* the first: samples */
    uint64_t elements;
    const void *data; /* of any alignment, as long as the cr_data */
    bool mapped;
} cr_array;

/* The samples of a part, and its labels or targets. Their types and shapes become those of
 * data->samples when `first`, else they are held against those. CR_E_ARGUMENT when they cannot be
 * samples, or differ; CR_E_LIMIT. */
cr_status cr_array_samples(cr_data *data, const cr_array *x, bool first, cr_part *part);
cr_status cr_array_targets(cr_data *data, const cr_array *y, bool first, cr_part *part);

/* Bytes of n samples, or of the targets of n, each of that shape. */
uint64_t cr_array_bytes(cr_dtype dtype, const cr_shape *one, uint32_t n);

/* Reads an array in numpy's format, versions 1 to 3, that is `size` bytes at `bytes`; out->data is
 * in these. CR_E_SYNTAX when it is damaged, or of a type or an order that is not read; nothing is
 * allocated. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
cr_status cr_npy_read(const char *file, const char *bytes, size_t size, cr_array *out);
/* Does it begin as such a file does? */
bool cr_npy_is(const char *bytes, size_t size);

/* Data sets of an HDF5 file: "x_train" and the like (crisol/io/table.h). `h` becomes the data's,
 * whatever happens. */
struct cr_table_options;
cr_status cr_h5_samples(cr_data *data, cr_h5 *h, const struct cr_table_options *options, bool first,
                        cr_part *part);

#endif
