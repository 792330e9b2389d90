/* train.h - what the files of the trainer share. */
#ifndef CR_TRAIN_H
#define CR_TRAIN_H

#include "base.h"
#include "crisol/train.h"

/* CR_OK, or what a user has done wrong: what all below takes for granted. */
cr_status cr_train_check(const cr_dataset *data, const cr_train_options *options);

/* Samples of a step, as the options say, and of an evaluation step. */
uint32_t cr_train_batch(const cr_dataset *data, const cr_train_options *options);
uint32_t cr_train_test_batch(const cr_dataset *data);

/* cr_training_graph; *classes is how many scores the model gives a sample. */
cr_graph *cr_train_build(const cr_dataset *data, const cr_train_options *options,
                         uint32_t *classes);

/* What a step that went wrong is replayed from. */
typedef struct cr_replay {
    const cr_graph *graph;
    cr_program *program; /* its states are frozen as they were before the step */
    cr_program *rest;    /* the program of the last, smaller batch; NULL: there is none */
    const cr_dataset *data;
    int32_t *order;
    const char *const *updates; /* states that a training step assigns */
    uint32_t nupdates;
    uint32_t batch; /* of a whole step */
    uint32_t epoch;
    uint64_t steps; /* of an epoch */
} cr_replay;

/* Runs the step in the reference interpreter, says in cr_error() where it went wrong, and returns
 * CR_E_NUMERIC (or what kept it from finding out). */
cr_status cr_replay_step(const cr_replay *r);

#endif
