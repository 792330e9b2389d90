/* layer.h - what the files of layers share. */
#ifndef CR_LAYER_H
#define CR_LAYER_H

#include "ir.h"

/* The parameter LAYER.SUFFIX, made, or the one that is there, which must be of that shape. `op` is
 * for messages. */
cr_value cr_layer_param(cr_loc at, cr_graph *g, const char *op, const char *layer,
                        const char *suffix, cr_init init, cr_shape shape);

#endif
