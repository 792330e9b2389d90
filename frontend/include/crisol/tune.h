/* crisol/tune.h - schedules by measuring: `crisol tune`.
 *
 *     cr_tune(g, &(cr_tune_options){.seconds = 30, .event = print, .user = NULL});
 *
 * The contractions of a step are taken out one by one, other tiles are tried for each, and what is
 * faster by a margin is stored for the device, beside the program cache; cr_compile uses it from
 * then on (options.schedules, $CRISOL_TUNED). Results never change by a bit. */
#ifndef CRISOL_TUNE_H
#define CRISOL_TUNE_H

#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cr_tune_kind {
    CR_TUNE_FOUND, /* one for each kind of contraction, dearest first, before any is tried */
    CR_TUNE_TRY,   /* a schedule is about to be tried: should the device hang, this one does it */
    CR_TUNE_DONE,  /* with a contraction: as it was and as it is from now on */
    CR_TUNE_STEP   /* the whole step before and after; after 0: not known yet */
} cr_tune_kind;

typedef struct cr_tune_event {
    cr_tune_kind kind;
    uint32_t index;        /* of the contraction */
    char contraction[112]; /* batch x M x N x K, and a hash of how the operands lie */
    char schedule[96];     /* TRY: the one that is tried; DONE: the one in use */
    uint32_t times;        /* in a step */
    uint32_t tried, failed;
    double flops, before_us, after_us; /* of one */
} cr_tune_event;

/* All fields may be zero. */
typedef struct cr_tune_options {
    cr_compile_options compile; /* of the step: device, outputs, bind... */
    double seconds;             /* the budget; 0: 30 */
    bool (*skip)(const cr_tune_event *event, void *user); /* of a TRY: leave it out? */
    void (*event)(const cr_tune_event *event, void *user);
    void *user;
} cr_tune_options;

/* Tunes the fused step of g. Inputs are made up. What a driver does with a kernel cannot be stopped
 * from within a process: a try is not begun when it may not end in time, but one that hangs, hangs.
 * `crisol tune` does this in a child process that it ends. Schedules are stored one by one; when
 * the whole step turns out to be slower with them, they are taken back. CR_E_DEVICE when there is
 * none; CR_E_IO when nothing can be stored. */
CR_API cr_status cr_tune(const cr_graph *g, const cr_tune_options *options);

#ifdef __cplusplus
}
#endif
#endif
