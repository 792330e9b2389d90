/* trial.h - a contraction by itself: taken out of a plan, compiled with a schedule, timed. */
#ifndef CR_TRIAL_H
#define CR_TRIAL_H

#include "compile.h"
#include "tuned.h"

/* A graph that computes what the phase does, its loads inputs and its stores outputs. NULL when it
 * cannot be taken out, or out of memory. */
cr_graph *cr_phase_graph(const cr_plan *plan, const cr_phase *p);

/* A program with inputs made up: of f32 in [0.5, 1), else 0. */
typedef struct cr_trial {
    cr_program *program;
    cr_arena arena; /* what was fed */
    double each;    /* seconds of a run, when it was last timed */
} cr_trial;

/* `u` NULL: schedules.def. */
cr_status cr_trial_create(cr_trial *t, const cr_graph *g, const cr_compile_options *o,
                          const cr_target *target, const cr_tuned *list, uint32_t n);
void cr_trial_destroy(cr_trial *t); /* may be all zero */

/* The plan's first contraction with that key; NULL: none. */
const cr_phase *cr_plan_contraction(const cr_plan *plan, const char *key);

/* Microseconds in kernels of a run, and of a run as a whole; the median over some that take
 * `seconds` in all. */
cr_status cr_trial_kernels(cr_trial *t, double seconds, double *us);
cr_status cr_trial_steps(cr_trial *t, double seconds, double *us);

#endif
