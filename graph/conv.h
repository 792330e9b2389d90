/* conv.h - what a convolution comes down to, and its gradients; conv.c says how. `attr` is that of
 * the CONV node, whose shapes are right. */
#ifndef CR_CONV_H
#define CR_CONV_H

#include "ir.h"

/* conv(x, w) as movement and a contraction; y is its shape. */
cr_value cr_conv_expand(cr_loc at, cr_value x, cr_value w, const cr_shape *y, const int64_t *attr);
/* d / d x and d / d w, for the gradient g of the result; x or w is the shape of what is not given.
 */
cr_value cr_conv_by_x(cr_loc at, cr_value g, cr_value w, const cr_shape *x, const int64_t *attr);
cr_value cr_conv_by_w(cr_loc at, cr_value g, cr_value x, const cr_shape *w, const int64_t *attr);

#endif
