/* crisol/train.h - training a classifier of images: the loop, and the graph that it runs.
 *
 *     cr_trainer *t = cr_trainer_create(data, &(cr_train_options){
 *         .model = model, .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
 *         .optimizer = {.kind = CR_ADAM}, .batch = 64});
 *     for (int i = 0; t && i < 5; i++) {
 *         cr_epoch e;
 *         if (cr_trainer_epoch(t, &e) != CR_OK) break;
 *         printf("%u  %.4f  %.2f %%\n", e.epoch, e.train_loss, 100 * e.test_accuracy);
 *     }
 *
 * One graph holds training and evaluation. The data set, the shuffling order, the weights and what
 * an epoch reports stay on the device: the host uploads the order once an epoch, enqueues steps,
 * and reads three numbers at the epoch's end. */
#ifndef CRISOL_TRAIN_H
#define CRISOL_TRAIN_H

#include "crisol/data.h"
#include "crisol/nn.h"
#include "crisol/optim.h"
#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cr_loss {
    CR_LOSS_MSE, /* of the scores and the one-hot labels */
    CR_LOSS_SOFTMAX_CROSS_ENTROPY
} cr_loss;

/* How far an epoch is. */
typedef struct cr_progress {
    uint32_t epoch;       /* from 1 */
    uint64_t step, steps; /* done, and of the whole epoch */
    double seconds;       /* since the epoch began */
} cr_progress;

/* All fields but `model` may be zero. */
typedef struct cr_train_options {
    /* Builds the model, once: x f32 [n, rows * cols] in [0, 1] -> scores f32 [n, classes]. */
    cr_value (*model)(cr_value x, void *user);
    void *model_user;
    cr_loss loss;
    cr_optimizer optimizer; /* .params, .prefix and .guard are set by the trainer */
    uint32_t batch;         /* at most all samples; 0: 64, or all when they are fewer */
    uint64_t seed;          /* of initial weights and of the order of samples */
    bool keep_order;        /* do not shuffle */
    bool no_evaluation;     /* leave out the test set, which may be empty */
    /* Device, variant and the like; outputs, updates, bind, share and seed are set by the trainer.
     */
    cr_compile_options compile;
    void (*progress)(const cr_progress *progress, void *user); /* now and then during an epoch */
    void *progress_user;
} cr_train_options;

/* A model function for a cr_net: .model = cr_net_model, .model_user = &net. */
CR_API cr_value cr_net_model(cr_value x, void *net);

/* The graph that a trainer runs, without a device: `data` gives the sizes only. Its roots: the
 * output "loss" and the assigns of the states
 *     the parameters and the optimizer's states, "lr"
 *     offset (i32: the step's first sample), step (i32), bad_step (i32: the first step whose loss
 *     was not finite, else -1), loss_sum (f32), correct (i32)
 *     test_offset, test_loss_sum, test_correct    (unless no_evaluation)
 * its inputs train_x, train_y, test_x, test_y (u8) and order (i32), and its symbol "batch". NULL on
 * a mistake. */
CR_API cr_graph *cr_training_graph(const cr_dataset *data, const cr_train_options *options);

typedef struct cr_trainer cr_trainer;

/* Builds the graph, compiles, uploads the data set. `data` must outlive the trainer. NULL on a
 * mistake. */
CR_API cr_trainer *cr_trainer_create(const cr_dataset *data, const cr_train_options *options);
/* Accepts NULL. */
CR_API void cr_trainer_destroy(cr_trainer *t);

/* What an epoch was like. Training figures are the running ones, over the epoch's steps as the
 * weights changed; test figures are those of the weights at its end. */
typedef struct cr_epoch {
    uint32_t epoch; /* from 1 */
    double train_loss, train_accuracy;
    double test_loss, test_accuracy; /* NaN without evaluation */
    double seconds;                  /* training alone */
    double test_seconds;
    uint64_t steps;
} cr_epoch;

/* Trains for one epoch and evaluates. CR_E_NUMERIC when a loss was not finite: cr_error() names the
 * epoch, the step and the first value that was not; the weights are those before that step.
 * CR_E_INTERRUPTED as cr_run. */
CR_API cr_status cr_trainer_epoch(cr_trainer *t, cr_epoch *out);

/* The pieces of an epoch. cr_trainer_begin shuffles, uploads the order, and resets the figures;
 * cr_trainer_run enqueues n steps of whole batches, at most cr_trainer_left of them;
 * cr_trainer_check waits and looks for a loss that was not finite. */
CR_API cr_status cr_trainer_begin(cr_trainer *t);
CR_API cr_status cr_trainer_run(cr_trainer *t, uint64_t n);
CR_API uint64_t cr_trainer_left(const cr_trainer *t);
CR_API cr_status cr_trainer_check(cr_trainer *t);
/* Loss and accuracy on the test set. */
CR_API cr_status cr_trainer_evaluate(cr_trainer *t, double *loss, double *accuracy);

/* The trainer's graph, and its program of one training step on a whole batch, to fetch from, to set
 * states of, and to read figures of. Both belong to the trainer. */
CR_API cr_graph *cr_trainer_graph(cr_trainer *t);
CR_API cr_program *cr_trainer_program(cr_trainer *t);

/* Runs n training steps with a time for each command, on a program compiled for that. */
CR_API cr_status cr_trainer_profile(cr_trainer *t, uint64_t n, cr_profile *out);

/* A random order of 0 .. n-1 (Fisher-Yates, drawn from Philox by seed and epoch). */
CR_API void cr_shuffle(int32_t *order, uint32_t n, uint64_t seed, uint32_t epoch);

#ifdef __cplusplus
}
#endif
#endif
