/* idx.h - IDX files for a data set. */
#ifndef CR_IDX_H
#define CR_IDX_H

#include "base.h"
#include "crisol/data.h"

/* As cr_idx_read, but the elements belong to `data` (cr_data_alloc); out is not to be given to
 * cr_idx_finish. */
cr_status cr_idx_read_for(cr_data *data, const char *path, cr_idx *out);

#endif
