/* schedule.h - the learning rate over the steps. */
#ifndef CR_NN_SCHEDULE_H
#define CR_NN_SCHEDULE_H

#include "crisol/optim.h"

/* What is wrong with it; NULL when nothing is. */
const char *cr_lr_schedule_wrong(const cr_lr_schedule *s);

/* The same schedule in steps, where an epoch has so many. */
cr_lr_schedule cr_lr_schedule_in_steps(const cr_lr_schedule *s, uint64_t steps_of_epoch);

/* Is the factor 1 in all steps? */
bool cr_lr_schedule_is_constant(const cr_lr_schedule *s);

/* The factor of the first step. */
float cr_lr_schedule_first(const cr_lr_schedule *s);

/* The factor of the step that `done` steps, an i32 scalar, were done before: an f32 scalar. */
cr_value cr_lr_schedule_factor(cr_loc at, const cr_lr_schedule *s, cr_value done);

#endif
