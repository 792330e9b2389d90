/* layer.h - what the files of layers share. */
#ifndef CR_LAYER_H
#define CR_LAYER_H

#include "ir.h"

/* The parameter LAYER.SUFFIX, made, or the one that is there, which must be of that shape. `op` is
 * for messages. */
cr_value cr_layer_param(cr_loc at, cr_graph *g, const char *op, const char *layer,
                        const char *suffix, cr_init init, cr_shape shape);

/* The same for a state that is not trained, all elements of which begin as `start`. */
cr_value cr_layer_state(cr_loc at, cr_graph *g, const char *op, const char *layer,
                        const char *suffix, float start, cr_shape shape);

/* A layer needs a name, and x [samples..., features], the features literal; else a mistake. */
bool cr_layer_fits(cr_loc at, const char *op, const char *name, cr_value x);

/* x scale + shift along the last axis, both [features], with the scale worked into the weights of
 * the contraction that x comes from; no value (and no mistake) where it comes from none. */
cr_value cr_layer_fold(cr_loc at, cr_value x, cr_value scale, cr_value shift);

#endif
