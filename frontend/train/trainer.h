/* trainer.h - the trainer itself, for the files that are its parts.
 *
 *     whole   a step on a whole batch      rest   the last, smaller batch of its samples
 *
 * for training and for each evaluation: programs over one graph, which share states, inputs and
 * device. Nothing moves between host and device inside an epoch, but samples that are streamed. */
#ifndef CR_TRAINER_H
#define CR_TRAINER_H

#include "compile.h"
#include "stream.h"
#include "train.h"

/* The samples of one purpose, and the programs that go through them. */
typedef struct cr_train_set {
    const char *name;         /* of its inputs and states: "NAME_x", "NAME.offset" */
    uint32_t first, n, batch; /* samples first .. first + n - 1 of `part`, or of those drawn */
    const cr_part *part;
    bool own;                 /* it has inputs of its own, and not the training's */
    cr_program *whole, *rest; /* rest NULL: not needed; both NULL: there are no such samples */
} cr_train_set;

/* The states that a set may have: where its next batch begins, and what is summed up of it. */
enum { CR_TRAIN_SUMS = 6 };
extern const char *const cr_train_sum[CR_TRAIN_SUMS];

/* Means over a set's samples; NaN for what is not counted. */
typedef struct cr_train_figures {
    double loss, accuracy, top_k;
} cr_train_figures;

typedef enum cr_train_part {
    CR_TRAINING,
    CR_VALIDATION,
    CR_TESTING,
    CR_TRAIN_PARTS,
    CR_PREDICTING = CR_TRAIN_PARTS /* a program of that kind, but no set */
} cr_train_part;

/* A program that gives scores of so many samples. */
typedef struct cr_predictor {
    cr_program *program;
    uint32_t batch;
} cr_predictor;

enum { CR_PREDICTORS = 2 };

struct cr_trainer {
    cr_samples samples;
    cr_train_options options;
    cr_train_sizes n;
    cr_graph *graph;
    cr_train_built built;
    cr_train_set set[CR_TRAIN_PARTS];
    cr_predictor predictor[CR_PREDICTORS]; /* the last used first */
    const char **update, **output;         /* what a training step assigns and gives */
    uint32_t nupdate, noutput;
    bool *predicting;            /* per node: the model's scores are made of it */
    int32_t *order, *next_order; /* the latter where samples are streamed */
    int32_t *drawn;              /* the numbers of samples, set by set; NULL: as they lie */
    bool ordered;                /* the order was uploaded */
    uint32_t epoch;              /* begun so far */
    uint64_t done;               /* whole batches of this epoch */
    struct {
        uint32_t epoch; /* 0: there is none */
        double figure;
        char *weights;      /* the model's states, one after the other; NULL: not kept */
    } best;                 /* what early stopping remembers */
    const char *why_copied; /* the first that was, of `copied` arrays */
    char first_copied[32];
    uint32_t copied;
    cr_trainer_info info;
    char reason[320];
    uint32_t evaluation_window; /* as info.window, in whole batches of evaluations */
    cr_stream *stream;          /* NULL: the samples are not streamed */
};

/* ---- states (states.c) ----------------------------------------------------------------------- */

/* Finds out what predicting is made of. */
cr_status cr_trainer_mark_predicting(cr_trainer *t);
/* Bytes of the model's states; of all of them, one after the other in cr_trainer_states' order. */
size_t cr_trainer_model_bytes(cr_trainer *t);
cr_status cr_trainer_get_model(cr_trainer *t, char *out);
cr_status cr_trainer_set_model(cr_trainer *t, const char *from);
/* Makes room for the best weights. */
cr_status cr_trainer_keep_best(cr_trainer *t);

/* ---- trainer.c ------------------------------------------------------------------------------- */

/* The graph's program of that kind, of `batch` samples, that shares with `share` (NULL: the first
 * one). */
cr_program *cr_trainer_compile(cr_trainer *t, cr_train_part part, cr_program *share,
                               uint32_t batch);
/* What it would need of a device. */
cr_status cr_trainer_needs(const cr_trainer *t, cr_train_part part, uint32_t batch,
                           const cr_device_facts *device, cr_needs *out);
/* Makes t->graph, and what follows from it. */
cr_status cr_trainer_build(cr_trainer *t, bool streamed);
/* Sets out which samples belong to which set. */
void cr_trainer_name_sets(cr_trainer *t);

/* ---- place.c --------------------------------------------------------------------------------- */

/* Decides where the samples are to be, and builds the graph for that. */
cr_status cr_trainer_place(cr_trainer *t);
/* Samples of a prediction, at most. */
uint32_t cr_trainer_predicted(const cr_trainer *t);

/* ---- steps.c --------------------------------------------------------------------------------- */

/* The order of the epoch to come. */
cr_status cr_trainer_make_order(cr_trainer *t);
/* A set's samples from the first one on, when they are streamed; `epoch` is the next to be begun.
 */
void cr_trainer_begin_pass(cr_trainer *t, cr_train_part part, uint32_t epoch);
/* n steps on whole batches, of which `done` were done in this pass; and the last, smaller batch. */
cr_status cr_trainer_run_whole(cr_trainer *t, cr_train_part part, uint64_t done, uint64_t n);
cr_status cr_trainer_run_rest(cr_trainer *t, cr_train_part part);

/* ---- epoch.c --------------------------------------------------------------------------------- */

/* The number of training sample i, from 0, as they lie. */
static inline uint32_t cr_trainer_sample(const cr_trainer *t, uint32_t i)
{
    return t->drawn ? (uint32_t)t->drawn[i] : i;
}

/* Of the `n` samples that a set has seen since its sums were reset. */
cr_status cr_trainer_figures(cr_trainer *t, const cr_train_set *set, uint64_t n,
                             cr_train_figures *out);

#endif
