/* train.h - what the files of the trainer share. */
#ifndef CR_TRAIN_H
#define CR_TRAIN_H

#include "base.h"
#include "crisol/train.h"

/* ---- sizes (check.c) ------------------------------------------------------------------------- */

/* CR_OK, or what a user has done wrong: what all below takes for granted. */
cr_status cr_train_check(const cr_samples *samples, const cr_train_options *options);

typedef struct cr_train_sizes {
    uint32_t train, validation, test; /* samples; 0: none */
    uint32_t batch, evaluation_batch; /* of a step */
    uint32_t first_validation;        /* among the training samples, when split off from these */
    uint32_t first_test;              /* likewise */
    bool split;                       /* validation samples are split off */
    bool drawn;                       /* what is split off is drawn, test samples among it */
} cr_train_sizes;
cr_train_sizes cr_train_sizes_of(const cr_samples *samples, const cr_train_options *options);

/* Elements of a sample, or of its targets; bytes of n of these. */
uint64_t cr_train_elements(const cr_shape *one);
size_t cr_samples_bytes(cr_dtype dtype, const cr_shape *one, uint32_t n);
static inline size_t cr_x_bytes(const cr_samples *s, uint32_t n)
{
    return cr_samples_bytes(s->x_dtype, &s->x_shape, n);
}
static inline size_t cr_y_bytes(const cr_samples *s, uint32_t n)
{
    return cr_samples_bytes(s->y_dtype, &s->y_shape, n);
}

/* Are there labels, and not targets? */
static inline bool cr_has_labels(const cr_samples *samples)
{
    return samples->y_dtype != CR_F32;
}
/* Is anything counted that is right? */
bool cr_has_accuracy(const cr_samples *samples, cr_loss loss);
/* Can samples be told apart by class: where there are top-k and confusion? */
bool cr_has_classes(const cr_samples *samples, cr_loss loss);
bool cr_is_categorical(cr_loss loss);
bool cr_is_binary(cr_loss loss);

/* ---- the graph (graph.c, measure.c, augment.c) ----------------------------------------------- */

/* What is to be known of a graph that was built. */
typedef struct cr_train_built {
    cr_shape scores;                 /* what the model gives: [batch, ...] */
    uint32_t model_begin, model_end; /* nodes that the model made in training */
    uint32_t training_end;           /* behind the nodes of training */
} cr_train_built;

/* For a trainer: cr_training_graph_of with the output "predict.scores" of the input "predict_x", of
 * `batch` samples. Where `streamed`, all sets pass through the inputs train_x and train_y, which
 * hold the symbol "window" of samples in the order of the steps: as many as fit, those of
 * evaluations the symbol "evaluation_window". Each is a multiple of its set's batch. */
cr_graph *cr_train_build(const cr_samples *samples, const cr_train_options *options, bool streamed,
                         cr_train_built *out);

/* Images [batch, rows, cols, channels] of one step, flipped and shifted at random. */
cr_value cr_augment_images(cr_value images, const cr_augment *how);

/* ---- replay (replay.c) ----------------------------------------------------------------------- */

/* What a step that went wrong is replayed from. */
typedef struct cr_replay {
    const cr_graph *graph;
    cr_program *program; /* its states are frozen as they were before the step */
    cr_program *rest;    /* the program of the last, smaller batch; NULL: there is none */
    const cr_samples *samples;
    int32_t *order;
    const char *const *updates; /* states that a training step assigns */
    uint32_t nupdates;
    uint32_t ntrain;
    uint32_t batch; /* of a whole step */
    uint32_t epoch;
    uint64_t steps;  /* of an epoch */
    uint32_t window; /* samples of the program's inputs; 0: all */
} cr_replay;

/* Runs the step in the reference interpreter, says in cr_error() where it went wrong, and returns
 * CR_E_NUMERIC (or what kept it from finding out). */
cr_status cr_replay_step(const cr_replay *r);

typedef struct cr_replay_limits {
    uint64_t steps; /* whole batches, as many as the epoch has left at most */
    double seconds; /* ends after the step in which so many have passed; 0: no limit */
    const volatile int *interrupt; /* may be NULL */
} cr_replay_limits;

/* Runs the steps that come next in the reference interpreter, on copies of the states; gives their
 * losses, unless `loss` is NULL. */
cr_status cr_replay_on(const cr_replay *r, const cr_replay_limits *limits, float *loss,
                       cr_interpreted *out);

#endif
