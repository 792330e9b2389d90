/* cnn.c - Crisol's side of the benchmark of a CNN (step.h): `net cnn 64` is
 *
 *     conv 32 3 relu, maxpool 2, conv 64 3 relu, maxpool 2, conv 64 3 relu, flatten, dense 64 relu,
 * dense 10
 *
 * with softmax cross-entropy and Adam. */
#include "bench.h"
#include "step.h"

static cr_value conv(step_data *d, cr_value x, const char *name, int64_t filters)
{
    const cr_init init = step_weights(d, 9 * cr_value_shape(x).dim[3] * filters);
    const cr_conv_options o = {.activation = CR_RELU, .init = &init};
    return cr_conv2d_ex(x, name, filters, 3, 3, &o);
}

static cr_graph *build(step_data *d, char *net, int64_t batch)
{
    cr_graph *g = cr_graph_create(net);
    cr_value labels, x = step_batch(d, g, batch, &labels);
    x = cr_reshape(x, CR_SHAPE(batch, 28, 28, 1));
    x = cr_max_pool2d(conv(d, x, "conv1", 32), 2);
    x = cr_max_pool2d(conv(d, x, "conv2", 64), 2);
    x = cr_flatten(conv(d, x, "conv3", 64));
    x = step_dense(d, x, 1, 64, CR_RELU);
    x = step_dense(d, x, 2, STEP_CLASSES, CR_LINEAR);
    cr_value loss = cr_softmax_cross_entropy(x, labels);
    cr_output(g, "loss", loss);
    cr_output(g, "scores", x);
    cr_adam_minimize(loss, 0.001f);
    return g;
}

int main(int argc, char **argv)
{
    return step_main(argc, argv, build);
}
