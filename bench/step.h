/* step.h - the talk of a worker that trains with bench.py: mlp.c and cnn.c give the graph of a
 * step.
 *
 *     PROGRAM FOLDER
 *
 * FOLDER holds the data set (images.u8, labels.u8), the shuffled order of samples (order.i32) and,
 * before each `net`, the weights to start from (weights.f32, layer by layer). Commands:
 *
 *     net NET BATCH [LIST]      compiles all variants, or those listed with commas between them
 *     losses VARIANT N          the losses of the first N steps
 *     measure VARIANT SECONDS   -> ok MICROSECONDS of one step
 *     about VARIANT             -> ok LAUNCHES, BYTES MOVED per step
 *     contractions NET BATCH    -> ok FLOP MICROSECONDS LABEL ... of each contraction of the fused
 *                               step, run with a launch a phase
 *     memory                    -> ok MiB that the process took at most, above what it had before
 *                               its first net
 *
 * Variants: naive, unfused and fused training; infer, the same graph with nothing asked for but the
 * scores. The batch is gathered from the resident u8 images in the resident order, which is walked
 * through again and again, whole batches only, as the peers do. */
#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include <crisol/crisol.h>

enum { STEP_FEATURES = 784, STEP_CLASSES = 10 };

typedef struct step_data {
    int64_t n; /* samples */
    uint8_t *images, *labels;
    int32_t *order;
    float *weight; /* of the net asked for, all layers' one behind the other */
    size_t nweight, used;
} step_data;

/* The graph of a step of `net`, with the outputs "loss" and "scores"; NULL: no such net. */
typedef cr_graph *(*step_build)(step_data *d, char *net, int64_t batch);

/* The batch's images, f32 [batch, 784] in [0, 1], and its labels, i32 [batch]. */
cr_value step_batch(const step_data *d, cr_graph *g, int64_t batch, cr_value *labels);
/* The next `count` of the weights to start from. */
cr_init step_weights(step_data *d, int64_t count);
/* A dense layer that begins with them, "dense1" for layer 1. */
cr_value step_dense(step_data *d, cr_value x, int layer, int64_t units, cr_activation a);

int step_main(int argc, char **argv, step_build build);

#endif
