/* parts.h - what the files of this folder share. */
#ifndef CR_NN_PARTS_H
#define CR_NN_PARTS_H

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"

/* Scores f32 [n..., classes] and labels i32 [n...], of one graph; else a mistake. */
bool cr__scores_and_labels(cr_loc at, const char *op, cr_value x, cr_value labels);

/* [n..., classes], as x: true at the label. */
cr_value cr__at_label(cr_loc at, cr_value x, cr_value labels);

/* Two values f32 of one shape and graph; else a mistake. */
bool cr__alike(cr_loc at, const char *op, cr_value y, cr_value t);

#endif
