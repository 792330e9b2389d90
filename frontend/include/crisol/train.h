/* crisol/train.h - training a net: the loop, and the graph that it runs.
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
 * One graph holds training and evaluation. The samples, the shuffling order, the weights and what
 * an epoch reports stay on the device: the host uploads the order once an epoch, enqueues steps,
 * and reads a few numbers at the epoch's end. Samples that do not fit pass through the device
 * (cr_trainer_get_info). */
#ifndef CRISOL_TRAIN_H
#define CRISOL_TRAIN_H

#include "crisol/data.h"
#include "crisol/net.h"
#include "crisol/nn.h"
#include "crisol/optim.h"
#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is minimised: one row a loss, enumerator, word, what it compares.
 *
 * The distances compare with the targets, or with one-hot labels; so do the binary cross-entropies,
 * where each score is a yes or no of its own. The categorical ones compare with labels, or with
 * targets that are shares of the classes. A net of one score compares with the label itself, which
 * is 0 or 1. */
#define CR_LOSS_MAP(X)                                                                             \
    X(CR_LOSS_MSE, "mse", "mean squared error")                                                    \
    X(CR_LOSS_SOFTMAX_CROSS_ENTROPY, "softmax-cross-entropy", "categorical, of logits")            \
    X(CR_LOSS_MAE, "mae", "mean absolute error")                                                   \
    X(CR_LOSS_HUBER, "huber", "squared up to delta, then absolute")                                \
    X(CR_LOSS_CROSS_ENTROPY, "cross-entropy", "categorical, of probabilities")                     \
    X(CR_LOSS_SIGMOID_CROSS_ENTROPY, "sigmoid-cross-entropy", "binary, of logits")                 \
    X(CR_LOSS_BINARY_CROSS_ENTROPY, "binary-cross-entropy", "binary, of probabilities")

typedef enum cr_loss {
#define CR_X(name, word, help) name,
    CR_LOSS_MAP(CR_X)
#undef CR_X
        CR_LOSS_COUNT
} cr_loss;

/* "mse"; "?" for what is no loss. */
CR_API const char *cr_loss_name(cr_loss loss);

/* How far an epoch is. */
typedef struct cr_progress {
    uint32_t epoch;        /* from 1 */
    uint64_t step, steps;  /* done, and of the whole epoch */
    double seconds;        /* since the epoch began */
    double loss, accuracy; /* of its samples so far; NaN as in cr_epoch */
} cr_progress;

/* Images of training are changed at random, anew in each step, on the device: `seed` of the
 * training options decides how. Samples must be images, [rows, cols, channels]. */
typedef struct cr_augment {
    bool flip;      /* left and right are exchanged in every second image */
    uint32_t shift; /* moved by up to so many pixels along both axes; what comes in is 0 */
} cr_augment;

/* All fields but `model` may be zero. */
typedef struct cr_train_options {
    /* Builds the model: x [n, shape of a sample...] -> scores f32 [n, classes], or what compares
     * with the targets of a regression, which has their shape. x is f32; u8 samples are divided by
     * 255, so that images are [n, rows, cols, channels] in [0, 1]; i32 samples stay i32.
     *
     * It is called for training, and then for each evaluation with cr_is_training(x.graph) false:
     * parameters of the same names are then the same ones (cr_set_reuse), assigns and outputs are
     * ignored. States that it assigns in training do not change at a loss that is not finite. */
    cr_value (*model)(cr_value x, void *user);
    void *model_user;
    bool raw; /* the model gets samples of u8 as they are; else as f32, divided by 255 */
    cr_loss loss;
    float huber_delta;      /* of CR_LOSS_HUBER, above 0; 0: 1 */
    float label_smoothing;  /* of the cross-entropies, in [0, 1): see cr_cross_entropy_options */
    cr_optimizer optimizer; /* .params, .prefix and .guard are set by the trainer; a schedule may be
                               in epochs */
    uint32_t top_k;         /* count the label among so many largest scores too; 0: do not */
    bool confusion;         /* for cr_trainer_confusion: count the test set's confusion matrix */
    uint32_t batch;         /* at most all samples; 0: 64, or all when they are fewer */
    uint64_t seed;          /* of initial weights, of the order of samples, of `augment` */
    bool keep_order;        /* do not shuffle */
    bool no_evaluation;     /* leave out the test set, which may be empty */
    float validation_split; /* this part of the training samples, their end, is for validation; in
                               [0, 1) */
    float test_split; /* this part of them is for testing, where there is no test set: drawn by
                         `seed`, and so are those for validation then; in [0, 1) */
    cr_augment augment;
    uint64_t max_device_bytes; /* of device memory that the trainer may use in all; samples that do
                                  not fit are streamed (cr_trainer_get_info); 0: what there is */
    /* Device, variant and the like; outputs, updates, bind, share and seed are set by the trainer.
     */
    cr_compile_options compile;
    void (*progress)(const cr_progress *progress, void *user); /* now and then during an epoch */
    void *progress_user;
} cr_train_options;

/* A model function for a cr_net of one input and one output, which must outlive its use: .model =
 * cr_net_model, .model_user = &net, .raw = true. Samples of u8 are images: an input that the net
 * declares as u8, i32 or raw gets them as they are, any other as f32, divided by 255. */
CR_API cr_value cr_net_model(cr_value x, void *net);

/* The graph that a trainer runs, without a device: `data` gives the sizes only. Its roots: the
 * output "loss" and the assigns of the states
 *     the parameters and the optimizer's states, "lr"
 *     train.offset (i32: the step's first sample), train.step (i32), train.bad_step (i32: the first
 *     step whose loss was not finite, else -1), train.loss_sum (f32), train.correct (i32; where
 *     there is an accuracy), train.top_k (i32; where asked for)
 *     test.offset, .loss_sum, .correct, .top_k               (unless no_evaluation)
 *     test.confusion (i32 [classes, classes]; where asked for)
 *     validation.offset, .loss_sum, .correct, .top_k         (when there are such samples)
 * its inputs train_x, train_y, test_x, test_y, validation_x, validation_y (types as the samples),
 * order (i32) and, with a test_split, drawn (i32: the numbers of all samples, those for training
 * first, then those for validation, then those for testing), and its symbol "batch". NULL on a
 * mistake. */
CR_API cr_graph *cr_training_graph(const cr_dataset *data, const cr_train_options *options);
/* The same for any samples. */
CR_API cr_graph *cr_training_graph_of(const cr_samples *samples, const cr_train_options *options);

/* What of a batch is summed up; where a value is none, it is not asked for, or does not exist. */
typedef struct cr_train_measure {
    cr_value loss;      /* f32 scalar: the mean over the batch */
    cr_value correct;   /* i32 scalar: see cr_epoch */
    cr_value top_k;     /* i32 scalar */
    cr_value confusion; /* i32 [classes, classes] */
} cr_train_measure;
/* The model's scores of a batch, against y, i32 labels or f32 targets, as a trainer measures them:
 * `samples` tells which of the two they are, `options` the loss and what belongs to it, and top_k.
 * The batch may be a symbol. */
CR_API cr_train_measure cr_train_measure_of(const cr_samples *samples,
                                            const cr_train_options *options, cr_value scores,
                                            cr_value y, bool confusion);

typedef struct cr_trainer cr_trainer;

/* ---- life ------------------------------------------------------------------------------------ */

/* Builds the graph, compiles, uploads the data set. `data` must outlive the trainer. NULL on a
 * mistake. */
CR_API cr_trainer *cr_trainer_create(const cr_dataset *data, const cr_train_options *options);
/* The same for any samples. The arrays must outlive the trainer and may not change: a device that
 * shares the host's memory uses them where they lie if it can (cr_feed_in_place), others copy them.
 * `samples` itself is copied. */
CR_API cr_trainer *cr_trainer_create_of(const cr_samples *samples, const cr_train_options *options);
/* Accepts NULL. */
CR_API void cr_trainer_destroy(cr_trainer *t);

/* Tells the layers `standardize` and `scale` of the trainer's net (options.model is cr_net_model)
 * what the samples are like: mean and deviation, or low and range, of each feature over the
 * training samples alone, in f64. Columns that a `onehot` layer takes stay as they are; what is the
 * same in all samples is divided by 1. CR_E_ARGUMENT when options.model is another function, or
 * when more than input, flatten, reshape, normalize and rescale come between x and such a layer;
 * CR_E_DEVICE. Without such layers nothing is done. */
CR_API cr_status cr_trainer_prepare(cr_trainer *t);

/* ---- epochs ---------------------------------------------------------------------------------- */

/* What an epoch was like. Training figures are the running ones, over the epoch's steps as the
 * weights changed; the others are those of the weights at its end. Figures of samples that there
 * are none of are NaN.
 *
 * Accuracies are in [0, 1]. With classes: how many samples have their largest score at the label;
 * of a net of one score, how many scores are on the label's side of 0.5 (of logits, of 0). With
 * targets: the same for shares of classes under a categorical cross-entropy, and the part of all
 * scores that are on their target's side under a binary one; NaN under the others. Those of top k
 * are NaN unless asked for. */
typedef struct cr_epoch {
    uint32_t epoch; /* from 1 */
    double train_loss, train_accuracy, train_top_k;
    double validation_loss, validation_accuracy, validation_top_k;
    double test_loss, test_accuracy, test_top_k;
    double seconds;      /* training alone */
    double test_seconds; /* validation and test */
    uint64_t steps;
} cr_epoch;

/* Trains for one epoch and evaluates. CR_E_NUMERIC when a loss was not finite: cr_error() names the
 * epoch, the step and the first value that was not, or the sample that is not itself; the weights
 * are those before that step. CR_E_INTERRUPTED as cr_run. */
CR_API cr_status cr_trainer_epoch(cr_trainer *t, cr_epoch *out);

/* The pieces of an epoch. cr_trainer_begin shuffles, uploads the order, and resets the figures;
 * cr_trainer_run enqueues n steps of whole batches, at most cr_trainer_left of them;
 * cr_trainer_check waits and looks for a loss that was not finite. */
CR_API cr_status cr_trainer_begin(cr_trainer *t);
CR_API cr_status cr_trainer_run(cr_trainer *t, uint64_t n);
CR_API uint64_t cr_trainer_left(const cr_trainer *t);
CR_API cr_status cr_trainer_check(cr_trainer *t);

/* What cr_trainer_interpret did. */
typedef struct cr_interpreted {
    uint64_t steps;
    double seconds; /* of these steps alone */
} cr_interpreted;

/* Runs the next n steps on whole batches in the reference interpreter: plain sequential C on one
 * thread of the host, node by node, nothing fused. It begins where the trainer is (cr_trainer_begin
 * has been called, and n is at most cr_trainer_left) and works on copies: the trainer does not
 * change, and cr_trainer_run runs the same steps. It ends after the step in which `seconds` have
 * passed; 0: no such limit. loss[i] is the loss of step i, bit for bit that of the device where the
 * device divides as IEEE 754 says; `loss` (n floats) may be NULL. CR_E_ARGUMENT for too many steps;
 * CR_E_INTERRUPTED between two steps, when *out is as far as it came. */
CR_API cr_status cr_trainer_interpret(cr_trainer *t, uint64_t n, double seconds, float *loss,
                                      cr_interpreted *out);

/* Loss and accuracy on the test set, and on the validation samples; NaN when there are none. */
CR_API cr_status cr_trainer_evaluate(cr_trainer *t, double *loss, double *accuracy);
CR_API cr_status cr_trainer_validate(cr_trainer *t, double *loss, double *accuracy);

/* Goes through the test set with the weights as they are, and gives the confusion matrix that was
 * counted on the device: `out` holds classes * classes counts, row by row, how many samples of the
 * row's label were taken for the column's class. CR_E_ARGUMENT unless options.confusion was set;
 * else as cr_run. */
CR_API cr_status cr_trainer_confusion(cr_trainer *t, int32_t *out);
/* How many classes there are: as many as scores, 2 where there is one; 0 without classes. */
CR_API uint32_t cr_trainer_classes(const cr_trainer *t);

/* ---- many epochs ----------------------------------------------------------------------------- */

/* What early stopping looks at: of the validation samples, else of the test set. */
typedef enum cr_monitor { CR_MONITOR_LOSS, CR_MONITOR_ACCURACY } cr_monitor;

typedef struct cr_early_stopping {
    cr_monitor monitor;
    uint32_t patience; /* epochs in a row without a better one, after which training ends; from 1 */
    double min_delta;  /* better is only what is better by more than this; from 0 */
    bool keep_last;    /* keep the last epoch's weights instead of the best one's */
} cr_early_stopping;

/* All fields may be zero. */
typedef struct cr_fit_options {
    /* After each epoch; false ends the training. */
    bool (*on_epoch)(const cr_epoch *epoch, void *user);
    /* After each epoch, with its number and its training loss. */
    void (*on_epoch_with_loss)(uint32_t epoch, double loss, void *user);
    /* After each epoch, once early stopping has looked at it: the place for a checkpoint
     * (cr_trainer_states). Other than CR_OK ends the training with that status. */
    cr_status (*after_epoch)(cr_trainer *t, const cr_epoch *epoch, void *user);
    void *user;                              /* of all three */
    const cr_early_stopping *early_stopping; /* NULL: none */
    bool go_on; /* early stopping goes on with what it remembers (cr_trainer_best), instead of
                   forgetting it first */
} cr_fit_options;

/* What came of it. */
typedef struct cr_fit {
    uint32_t epochs; /* that were run */
    bool stopped;    /* before the last one asked for */
    uint32_t
        best_epoch; /* whose weights are there now, unless keep_last; 0 without early stopping */
    double best;    /* its monitored figure */
} cr_fit;

/* Trains for up to `epochs` more epochs. With early stopping the parameters, and the states that
 * the model itself assigns, end as they were after the best epoch, whether training was stopped or
 * not; the optimizer's states stay. `options` and `out` may be NULL. CR_E_ARGUMENT for a patience
 * of 0, a negative min_delta, or nothing to monitor; else as cr_trainer_epoch, and *out is as far
 * as it came. */
CR_API cr_status cr_trainer_fit(cr_trainer *t, uint32_t epochs, const cr_fit_options *options,
                                cr_fit *out);

/* ---- states, to go on later ------------------------------------------------------------------ */

/* A state of the trainer's graph. The texts belong to the graph. */
typedef struct cr_trainer_state {
    const char *name;
    cr_dtype dtype;
    cr_shape shape;
    size_t bytes;
    bool model; /* made by the model: a parameter, a running mean, a count of dropout; else by the
                   training: of the optimizer, sums, seeds */
    bool predicts; /* the model's scores are made of it */
} cr_trainer_state;

/* All states that a training goes on from, in the order they were built: writes at most `max`,
 * gives how many there are. Sums of an evaluation, which start anew each time, are none. A trainer
 * of the same samples and options whose states are set to those of another between two epochs, and
 * which goes on after as many epochs, continues it bit for bit. */
CR_API uint32_t cr_trainer_states(cr_trainer *t, cr_trainer_state *out, uint32_t max);
/* Reads and sets one of them; errors as cr_fetch and cr_set. */
CR_API cr_status cr_trainer_get(cr_trainer *t, const char *name, void *out, size_t bytes);
CR_API cr_status cr_trainer_set(cr_trainer *t, const char *name, const void *data, size_t bytes);
/* Epochs begun so far; and: the next one is to be the one after so many. */
CR_API uint32_t cr_trainer_epochs(const cr_trainer *t);
CR_API void cr_trainer_go_on(cr_trainer *t, uint32_t epochs);
/* What early stopping remembers: the best epoch (0: none yet), its figure, and its weights, those
 * of the states with `model`, one after the other; NULL when they are not kept. The weights belong
 * to the trainer. cr_trainer_set_best copies them. */
CR_API uint32_t cr_trainer_best(const cr_trainer *t, double *figure, const void **weights);
CR_API cr_status cr_trainer_set_best(cr_trainer *t, uint32_t epoch, double figure,
                                     const void *weights);
/* What it was made from. */
CR_API const cr_train_options *cr_trainer_options(const cr_trainer *t);
CR_API const cr_samples *cr_trainer_samples(const cr_trainer *t);

/* ---- using the net --------------------------------------------------------------------------- */

/* The model's scores of n samples at x (type and shape as those of training): f32 [n, classes], or
 * as the model gives them. They are what the model ends in: logits where the loss is a softmax
 * cross entropy. A program for batches of that many is compiled when there is none yet.
 * CR_E_ARGUMENT for NULL or n = 0. */
CR_API cr_status cr_trainer_predict(cr_trainer *t, const void *x, uint32_t n, float *scores);
/* How many scores a sample has. */
CR_API uint32_t cr_trainer_scores(const cr_trainer *t);
/* Test sample i of the trainer: its number in samples.test, or, with a test_split, in
 * samples.train. */
CR_API uint32_t cr_trainer_test_sample(const cr_trainer *t, uint32_t i);

/* ---- figures --------------------------------------------------------------------------------- */

/* Samples of a whole training step. */
CR_API uint32_t cr_trainer_batch(const cr_trainer *t);
/* NULL: the device uses all samples where they lie. Else the reason why some were copied, and which
 * (that of cr_trainer_get_info where they are streamed). */
CR_API const char *cr_trainer_why_copied(const cr_trainer *t);

/* Where the samples are. */
typedef enum cr_placement {
    CR_PLACED_COPIED,   /* on the device, all of them */
    CR_PLACED_IN_PLACE, /* in the caller's memory, which the device shares */
    CR_PLACED_STREAMED, /* in the caller's memory; they pass through two windows on the device */
    CR_PLACED_ON_HOST   /* in the caller's memory; a step of the naive variant, or one with
                           compile.max_resident_bytes, takes its batch up itself */
} cr_placement;

/* Samples that are streamed are gathered on the host, in the order of the steps, while the device
 * works on the window before; batches, their order and so all results are those of a trainer that
 * has them on the device. An evaluation's batch is smaller where the limit asks for it: its sums
 * may then differ in their last bits. Any size will do when the samples lie in a mapped file: no
 * more of it is touched than is needed. */
typedef struct cr_trainer_info {
    cr_placement placement;
    const char *reason;      /* why there; belongs to the trainer */
    uint64_t sample_bytes;   /* of all sets */
    uint64_t limit_bytes;    /* max_device_bytes, or what the device has for it; 0: not asked */
    uint32_t window;         /* samples of a window; 0: they are not streamed */
    uint32_t windows;        /* of them in an epoch's training */
    uint64_t window_bytes;   /* of one of the two */
    uint64_t uploaded_bytes; /* samples copied to the device since the trainer was made */
    cr_device_use device;    /* of all its programs */
    uint32_t train, validation, test; /* samples of each set, after splits */
} cr_trainer_info;
CR_API cr_trainer_info cr_trainer_get_info(const cr_trainer *t);

/* The trainer's graph, and its program of one training step on a whole batch, to fetch from, to set
 * states of, and to read figures of. Both belong to the trainer. Of streamed samples the inputs
 * train_x and train_y are one window, of all sets in turn; the symbols "window" and
 * "evaluation_window" are its samples, and states "SET.at" say where in it the next batch is. */
CR_API cr_graph *cr_trainer_graph(cr_trainer *t);
CR_API cr_program *cr_trainer_program(cr_trainer *t);

/* Runs n training steps with a time for each command; of an epoch, or of a window of streamed
 * samples, that is nearly over, as many as are left. */
CR_API cr_status cr_trainer_profile(cr_trainer *t, uint64_t n, cr_profile *out);

/* A random order of 0 .. n-1 (Fisher-Yates, drawn from Philox by seed and epoch). */
CR_API void cr_shuffle(int32_t *order, uint32_t n, uint64_t seed, uint32_t epoch);

#ifdef __cplusplus
}
#endif
#endif
