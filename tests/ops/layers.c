/* layers.c - training and evaluation of small nets of all layers, losses, metrics and optimizers,
 * on the device in half of the setups, against the interpreter. crisol-test: timeout=300 */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "ops/on_device.h"

static void check(cr_graph *g, size_t first)
{
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    const size_t every = getenv("CRISOL_SLOW") ? 1 : 3;
    for (size_t i = every == 1 ? 0 : first; i < CR_COUNTOF(setups); i += every) {
        const char *why = compare_on_device(g, &setups[i], 7, TAME);
        cr_expect(!*why, "%s: %s", g->name, why);
    }
    cr_graph_destroy(g);
}

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
    cr_minimize(loss, &(cr_optimizer){.kind = CR_ADAMW,
                                      .clip_norm = 0.25f,
                                      .schedule = {CR_LR_COSINE, 20, 0.1f, 4}});
    check(g, 0);
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
    check(g, 1);
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
                                      .schedule = {CR_LR_STEP, 7, 0.5f, 0}});
    check(g, 2);
}
