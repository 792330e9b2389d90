/* layers.c - training and evaluation of small nets of all layers, losses, metrics and optimizers,
 * on the device against the interpreter, each in some of the setups. crisol-test: timeout=300 */
#include "crisol/conv.h"
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "ops/on_device.h"

static cr_value classifier(cr_value x)
{
    cr_value h = cr_dense(x, "a", 19, CR_LINEAR);
    h = cr_silu(cr_batch_norm(h, "n", 0, 0));
    h = cr_layer_norm(cr_dropout(h, 0.4f), "m", 0);
    return cr_dense(h, "b", 10, CR_LINEAR);
}

static void add_metrics(cr_value y, cr_value t)
{
    cr_graph *g = y.graph;
    cr_value matrix = cr_state(g, "matrix", CR_I32, (cr_init){0}, CR_SHAPE(10, 10));
    cr_assign(matrix, cr_add(matrix, cr_confusion_matrix(y, t)));
    cr_output(g, "top3", cr_count_top_k(y, t, 3));
    cr_output(g, "binary", cr_count_binary(y, cr_onehot(t, 10), 0));
}

Test(layers, training)
{
    cr_graph *g = cr_graph_create("training");
    cr_value x = cr_input(g, "x", CR_F32, 9, 14), t = cr_input(g, "t", CR_I32, 9);
    cr_value y = classifier(x);
    cr_value loss = cr_cross_entropy(y, t, &(cr_cross_entropy_options){.label_smoothing = 0.1f});
    cr_output(g, "loss", loss);
    add_metrics(y, t);
    cr_minimize(loss,
                &(cr_optimizer){
                    .kind = CR_ADAMW,
                    .clip_norm = 0.25f,
                    .schedule = {.kind = CR_LR_COSINE, .steps = 20, .decay = 0.1f, .warmup = 4}});
    expect_on_device(g, 6, 0);
}

Test(layers, evaluation)
{
    cr_graph *g = cr_graph_create("evaluation");
    cr_set_training(g, false);
    cr_value x = cr_input(g, "x", CR_F32, 17, 14), t = cr_input(g, "t", CR_I32, 17);
    cr_value y = classifier(x);
    cr_output(g, "y", y);
    cr_output(g, "loss", cr_softmax_cross_entropy(y, t));
    add_metrics(y, t);
    expect_on_device(g, 8, 1);
}

/* Batch 1, one channel, windows of one pixel: means over few elements or over one. */
Test(layers, one_sample)
{
    cr_graph *g = cr_graph_create("one sample");
    cr_value x = cr_input(g, "x", CR_F32, 1, 3, 5, 1), t = cr_input(g, "t", CR_F32, 1, 2),
             i = cr_input(g, "i", CR_I32, 1, 1);
    cr_value h = cr_batch_norm(cr_conv2d(x, "c", 3, 1, CR_TANH), "n", 0, 0);
    h = cr_layer_norm(cr_dense(cr_flatten(h), "d", 1, CR_ELU), "m", 0);
    cr_value w = cr_layer_norm(cr_flatten(cr_embedding(i, "words", 1, 7)), "o", 0);
    cr_value y = cr_dense(cr_concat(h, w, 1), "out", 2, CR_LINEAR);
    cr_value loss = cr_mse(y, t);
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.1f);
    expect_on_device(g, 8, 1);
}

Test(layers, words)
{
    cr_graph *g = cr_graph_create("words");
    cr_value i = cr_input(g, "i", CR_I32, 4, 5), t = cr_input(g, "t", CR_F32, 4, 3);
    cr_value w = cr_flatten(cr_gelu(cr_embedding(i, "words", 11, 6)));
    cr_value y = cr_dense(w, "out", 3, CR_SOFTPLUS);
    cr_value loss = cr_add(cr_huber(y, t, 0.5f), cr_binary_cross_entropy(y, t, NULL));
    cr_output(g, "loss", loss);
    cr_minimize(loss, &(cr_optimizer){.kind = CR_NESTEROV,
                                      .weight_decay = 0.1f,
                                      .clip_value = 0.01f,
                                      .schedule = {.kind = CR_LR_STEP, .steps = 7, .decay = 0.5f}});
    expect_on_device(g, 6, 2);
}

/* Windows of whole and of ragged images, beside and across each other, with the gradient by what
 * they see; of equal elements the first takes it all. */
static cr_graph *pooled(const char *name, bool channels_first,
                        cr_value (*pool)(cr_value x, const cr_window_options *o))
{
    cr_graph *g = cr_graph_create(name);
    cr_init whole = {.kind = CR_INIT_UNIFORM, .a = -3, .b = 3};
    cr_shape shape = channels_first ? CR_SHAPE(3, 5, 9, 7) : CR_SHAPE(3, 9, 7, 5);
    cr_value x = cr_state_at(CR_HERE, g, "x", CR_F32, whole, shape, true), d;
    cr_value equals = cr_floor(x); /* six values: many are equal */
    const cr_window_options o[] = {
        {.channels_first = channels_first},
        {.padding = CR_SAME, .channels_first = channels_first},
        {.stride = {1, 2}, .channels_first = channels_first},
        {.stride = {3, 4}, .channels_first = channels_first}, /* above the window */
    };
    cr_value loss = cr_f32(g, 0);
    for (size_t i = 0; i < CR_COUNTOF(o); i++) {
        cr_value y = pool(cr_add(x, equals), &o[i]);
        char out[16];
        snprintf(out, sizeof out, "y%zu", i);
        cr_output(g, out, y);
        loss = cr_add(loss, cr_mean(cr_mul(y, y), CR_ALL_AXES));
    }
    cr_assert_eq(cr_gradients(loss, &x, 1, &d), CR_OK, "%s", cr_error());
    cr_output(g, "d", d);
    return g;
}

static cr_value max_pool(cr_value x, const cr_window_options *o)
{
    return cr_max_pool2d_ex(x, 2, 3, o);
}

static cr_value avg_pool(cr_value x, const cr_window_options *o)
{
    return cr_avg_pool2d_ex(x, 3, 2, o);
}

Test(layers, max_pooling)
{
    expect_on_device(pooled("max pooling", false, max_pool), 7, 0);
    expect_on_device(pooled("max pooling, channels first", true, max_pool), 11, 3);
}

Test(layers, average_pooling)
{
    expect_on_device(pooled("average pooling", false, avg_pool), 7, 1);
    expect_on_device(pooled("average pooling, channels first", true, avg_pool), 11, 4);
}

/* Two convolutions side by side in PyTorch's order of axes, pooled whole. */
Test(layers, branches)
{
    cr_graph *g = cr_graph_create("branches");
    cr_value x = cr_input(g, "x", CR_F32, 4, 3, 8, 8), t = cr_input(g, "t", CR_I32, 4);
    cr_conv_options narrow = {.window = {.channels_first = true}, .activation = CR_RELU},
                    wide = {.window = {.padding = CR_SAME, .channels_first = true},
                            .activation = CR_RELU6};
    cr_value a = cr_conv2d_ex(x, "a", 5, 1, 1, &narrow), b = cr_conv2d_ex(x, "b", 6, 3, 3, &wide);
    cr_value h = cr_concat(a, b, 1);
    h = cr_concat(cr_global_max_pool2d(h, true), cr_global_avg_pool2d(h, true), 1);
    cr_value y = cr_softmax(cr_dense(h, "out", 10, CR_LINEAR));
    cr_value loss = cr_cross_entropy(
        y, t, &(cr_cross_entropy_options){.probabilities = true, .label_smoothing = 0.2f});
    cr_output(g, "loss", loss);
    cr_minimize(loss, &(cr_optimizer){.kind = CR_RMSPROP});
    expect_on_device(g, 7, 2);
}

Test(layers, absolute_errors)
{
    cr_graph *g = cr_graph_create("absolute errors");
    cr_value x = cr_input(g, "x", CR_F32, 6, 11), t = cr_input(g, "t", CR_F32, 6, 3);
    cr_value loss = cr_mae(cr_dense(cr_dense(x, "a", 17, CR_ELU), "b", 3, CR_LINEAR), t);
    cr_output(g, "loss", loss);
    cr_minimize(
        loss, &(cr_optimizer){.kind = CR_MOMENTUM,
                              .schedule = {.kind = CR_LR_EXPONENTIAL, .steps = 5, .decay = 0.5f}});
    expect_on_device(g, 7, 3);
}

/* Small states that each other's next values read, that early and late phases read, and of which
 * one is an output: all see what was before the step, several steps long. */
Test(layers, small_states_that_late_phases_read)
{
    cr_graph *g = cr_graph_create("small states");
    cr_value x = cr_input(g, "x", CR_F32, 8, 12);
    cr_init half = {.kind = CR_INIT_CONSTANT, .a = 0.5f};
    cr_value s = cr_state_at(CR_HERE, g, "s", CR_F32, half, CR_SHAPE(12), false),
             t = cr_state_at(CR_HERE, g, "t", CR_F32, half, CR_SHAPE(12), false),
             n = cr_state_at(CR_HERE, g, "n", CR_I32, (cr_init){0}, CR_SCALAR, false);
    cr_value first = cr_mul(x, cr_add(s, cr_cast(n, CR_F32)));
    cr_value rows = cr_sum(first, CR_AXIS(0)), all = cr_sum(rows, CR_AXIS(0));
    cr_value late = cr_add(cr_mul(cr_sub(first, all), t), cr_cast(n, CR_F32));
    cr_output(g, "late", cr_sum(late, CR_AXIS(1)));
    cr_output(g, "t", t);
    cr_assign(s, cr_add(s, cr_mul(t, cr_f32(g, 0.25f))));
    cr_assign(t, cr_sub(t, cr_mul(s, cr_f32(g, 0.125f))));
    cr_assign(n, cr_add(n, cr_i32(g, 3)));
    expect_on_device(g, 4, 0);
}
