/* scores.h - what losses and metrics share. */
#ifndef CR_SCORES_H
#define CR_SCORES_H

#include "ir.h"

/* Scores f32 [n..., classes] and labels i32 [n...], of one graph; else a mistake. */
bool cr_scores_and_labels(cr_loc at, const char *op, cr_value x, cr_value labels);

/* [n..., classes], as x: true at the label. */
cr_value cr_at_label(cr_loc at, cr_value x, cr_value labels);

/* Two values f32 of one shape and graph; else a mistake. */
bool cr_alike(cr_loc at, const char *op, cr_value y, cr_value t);

#endif
