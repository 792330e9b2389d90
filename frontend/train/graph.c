/* graph.c - the graph of training and evaluation: batch, model, loss, watch, progress, updates.
 *
 *     order, offset --> batch --> x --> model --> scores --> loss --> watch --> guard
 *                                                   |          |                  |
 *                                                   v          v                  v
 *                                                correct    loss_sum     gradients, updates
 *
 * All that changes from step to step is state on the device: where the batch begins, how many steps
 * were done, what the epoch reports. The guard freezes all of it at the first loss that is not
 * finite, so that the step can be replayed. */
#include "crisol/ops.h"
#include "ir.h"
#include "train.h"

enum { DEFAULT_BATCH = 64, TEST_BATCH = 1000 };

static const cr_loc nowhere; /* not the user's lines */

cr_status cr_train_check(const cr_dataset *data, const cr_train_options *options)
{
    if (!data || !options)
        return cr_fail(CR_E_ARGUMENT, "train: the %s NULL", data ? "options are" : "data set is");
    if (!options->model)
        return cr_fail(CR_E_ARGUMENT, "train: no model");
    if ((unsigned)options->loss > CR_LOSS_SOFTMAX_CROSS_ENTROPY)
        return cr_fail(CR_E_ARGUMENT, "train: %d is not a cr_loss", (int)options->loss);
    if (data->rows == 0 || data->cols == 0)
        return cr_fail(CR_E_ARGUMENT, "train: the images are of %u x %u pixels", data->rows,
                       data->cols);
    if (data->ntrain == 0)
        return cr_fail(CR_E_ARGUMENT, "train: the data set has no training samples");
    if (data->ntest == 0 && !options->no_evaluation)
        return cr_fail(CR_E_ARGUMENT,
                       "train: the data set has no test samples (no_evaluation does without)");
    if (options->batch > data->ntrain)
        return cr_fail(CR_E_ARGUMENT,
                       "train: a batch of %u samples is larger than the training set of %u",
                       options->batch, data->ntrain);
    return CR_OK;
}

uint32_t cr_train_batch(const cr_dataset *data, const cr_train_options *options)
{
    return options->batch ? options->batch : CR_MIN(DEFAULT_BATCH, data->ntrain);
}

uint32_t cr_train_test_batch(const cr_dataset *data)
{
    return CR_MIN(TEST_BATCH, data->ntest);
}

cr_value cr_net_model(cr_value x, void *net)
{
    return cr_net_build_at(nowhere, net, x);
}

struct builder {
    cr_graph *g;
    const cr_dataset *data;
    const cr_train_options *options;
    cr_dim batch;
    cr_value guard; /* bool: the loss, and all before it, was finite */
};

struct samples {
    cr_value x, labels; /* f32 [batch, features] in [0, 1]; i32 [batch] */
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static cr_value scalar_state(cr_graph *g, const char *name, cr_dtype dtype, float start)
{
    cr_init init = {.kind = CR_INIT_CONSTANT, .a = start};
    return cr_state_at(nowhere, g, name, dtype, init, CR_SCALAR, false);
}

static void assign_guarded(const struct builder *b, cr_value state, cr_value next)
{
    cr_assign_at(nowhere, state, cr_select_at(nowhere, b->guard, next, state));
}

/* The step's samples, gathered from the resident set: one op. `order` is NULL for "as they lie". */
static struct samples take_batch(const struct builder *b, const char *op, const cr_value *order,
                                 cr_value offset, cr_value images, cr_value labels)
{
    cr_op_begin(b->g, op, nowhere);
    cr_value at = cr_iota_at(nowhere, b->g, CR_SHAPE(b->batch), 0);
    cr_value index = cr_add_at(nowhere, offset, at);
    if (order)
        index = cr_gather_at(nowhere, *order, index);
    cr_value rows = cr_gather_at(nowhere, images, index);
    cr_value y = cr_cast_at(nowhere, cr_gather_at(nowhere, labels, index), CR_I32);
    cr_op_end(b->g);
    return (struct samples){cr_normalize_at(nowhere, rows, 0, 255), y};
}

static cr_value loss_of(const struct builder *b, cr_value scores, cr_value labels)
{
    if (cr_is_poison(scores))
        return scores;
    if (b->options->loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY)
        return cr_softmax_cross_entropy_at(nowhere, scores, labels);
    cr_value target = cr_onehot_at(nowhere, labels, cr_value_shape(scores).dim[1]);
    return cr_mse_at(nowhere, scores, target);
}

/* The model's scores are [batch, classes]; else a mistake. */
static cr_value check_scores(const struct builder *b, cr_value scores)
{
    if (cr_is_poison(scores)) {
        if (b->g->status == CR_OK)
            cr_mistake(b->g, nowhere, "train: the model gave no value");
        return scores;
    }
    const cr_shape s = cr_value_shape(scores);
    if (scores.graph == b->g && s.rank == 2 && s.dim[0] == b->batch && cr_dim_literal(s.dim[1]) &&
        cr_value_dtype(scores) == CR_F32)
        return scores;
    char type[CR_TYPE_TEXT];
    return cr_mistake(b->g, nowhere, "train: the model gave %s; it must give f32 [batch, classes]",
                      cr_type_text(scores.graph, cr_value_dtype(scores), &s, type));
}

/* Sum of the losses of the batch's samples: loss is their mean. */
static cr_value batch_loss(const struct builder *b, cr_value loss)
{
    cr_value n = cr_cast_at(nowhere, cr_size(b->g, b->batch), CR_F32);
    return cr_mul_at(nowhere, loss, n);
}

/* ---- training -------------------------------------------------------------------------------- */

/* bad_step' is the first step whose loss was not finite; the guard holds before it. */
static void watch(struct builder *b, cr_value loss, cr_value step)
{
    cr_graph *g = b->g;
    cr_value bad = scalar_state(g, "train.bad_step", CR_I32, -1);
    cr_op_begin(g, "watch", nowhere);
    cr_value fine = cr_lt_at(nowhere, bad, cr_i32(g, 0));
    cr_value broke = cr_and_at(nowhere, fine, cr_not_at(nowhere, cr_is_finite_at(nowhere, loss)));
    cr_value next = cr_select_at(nowhere, broke, step, bad);
    cr_assign_at(nowhere, bad, next);
    b->guard = cr_lt_at(nowhere, next, cr_i32(g, 0));
    cr_op_end(g);
}

static void count_progress(const struct builder *b, cr_value loss, cr_value correct,
                           cr_value offset, cr_value step)
{
    cr_graph *g = b->g;
    cr_value loss_sum = scalar_state(g, "train.loss_sum", CR_F32, 0);
    cr_value correct_sum = scalar_state(g, "train.correct", CR_I32, 0);
    cr_op_begin(g, "progress", nowhere);
    assign_guarded(b, offset, cr_add_at(nowhere, offset, cr_size(g, b->batch)));
    assign_guarded(b, step, cr_add_at(nowhere, step, cr_i32(g, 1)));
    assign_guarded(b, loss_sum, cr_add_at(nowhere, loss_sum, batch_loss(b, loss)));
    assign_guarded(b, correct_sum, cr_add_at(nowhere, correct_sum, correct));
    cr_op_end(g);
}

static cr_value image_input(const struct builder *b, const char *name, uint32_t n)
{
    return cr_input_at(nowhere, b->g, name, CR_U8,
                       CR_SHAPE(n, (int64_t)b->data->rows * b->data->cols));
}

static cr_value label_input(const struct builder *b, const char *name, uint32_t n)
{
    return cr_input_at(nowhere, b->g, name, CR_U8, CR_SHAPE(n));
}

/* Gives x and the scores, for the evaluation. */
static void build_training(struct builder *b, cr_value *x, cr_value *scores)
{
    cr_graph *g = b->g;
    const uint32_t n = b->data->ntrain;
    cr_value images = image_input(b, "train_x", n), labels = label_input(b, "train_y", n);
    cr_value order = cr_input_at(nowhere, g, "order", CR_I32, CR_SHAPE(n));
    cr_value offset = scalar_state(g, "train.offset", CR_I32, 0);
    cr_value step = scalar_state(g, "train.step", CR_I32, 0);
    struct samples s = take_batch(b, "batch", &order, offset, images, labels);
    *x = s.x;
    *scores = check_scores(b, b->options->model(s.x, b->options->model_user));
    if (g->status != CR_OK)
        return;
    cr_value loss = loss_of(b, *scores, s.labels);
    cr_value correct = cr_count_correct_at(nowhere, *scores, s.labels);
    cr_output_at(nowhere, g, "loss", loss);
    if (g->status != CR_OK)
        return;
    watch(b, loss, step);
    count_progress(b, loss, correct, offset, step);

    cr_optimizer optimizer = b->options->optimizer;
    optimizer.guard = &b->guard;
    optimizer.params = NULL;
    optimizer.prefix = NULL;
    cr_minimize_at(nowhere, loss, &optimizer);
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* v with `from` replaced by `to`, which has the same type: the model, applied to other samples. All
 * that depends on `from` is made anew, in the order of the array. */
static cr_value substitute(cr_graph *g, cr_value v, cr_value from, cr_value to)
{
    cr_ref *remap = cr_alloc((v.ref + 1) * sizeof *remap);
    if (!remap)
        return cr_mistake(g, nowhere, "train: out of memory");
    for (cr_ref r = 1; r <= v.ref; r++) {
        const cr_node n = *cr_at(g, r);
        cr_ref src[3] = {0};
        bool changed = false;
        for (int i = 0; i < n.nsrc; i++) {
            src[i] = remap[n.src[i]];
            changed |= src[i] != n.src[i];
        }
        remap[r] = r == from.ref ? to.ref : r;
        if (changed && !cr_is_root(&n))
            remap[r] = cr_node_copy(g, g, r, src);
    }
    cr_value out = {g, remap[v.ref]};
    cr_free(remap);
    return out;
}

static void build_evaluation(const struct builder *b, cr_value x, cr_value scores)
{
    cr_graph *g = b->g;
    const uint32_t n = b->data->ntest;
    cr_value images = image_input(b, "test_x", n), labels = label_input(b, "test_y", n);
    cr_value offset = scalar_state(g, "test.offset", CR_I32, 0);
    cr_value loss_sum = scalar_state(g, "test.loss_sum", CR_F32, 0);
    cr_value correct_sum = scalar_state(g, "test.correct", CR_I32, 0);
    struct samples s = take_batch(b, "test_batch", NULL, offset, images, labels);
    if (g->status != CR_OK)
        return;
    cr_value y = substitute(g, scores, x, s.x);
    cr_value loss = loss_of(b, y, s.labels);
    cr_value correct = cr_count_correct_at(nowhere, y, s.labels);
    cr_op_begin(g, "test_progress", nowhere);
    cr_assign_at(nowhere, offset, cr_add_at(nowhere, offset, cr_size(g, b->batch)));
    cr_assign_at(nowhere, loss_sum, cr_add_at(nowhere, loss_sum, batch_loss(b, loss)));
    cr_assign_at(nowhere, correct_sum, cr_add_at(nowhere, correct_sum, correct));
    cr_op_end(g);
}

/* ---- the whole ------------------------------------------------------------------------------- */

cr_graph *cr_train_build(const cr_dataset *data, const cr_train_options *options, uint32_t *classes)
{
    if (cr_train_check(data, options) != CR_OK)
        return NULL;
    struct builder b = {.data = data, .options = options};
    b.g = cr_graph_create("train");
    if (!b.g)
        return NULL;
    uint32_t bound = cr_train_batch(data, options);
    if (!options->no_evaluation)
        bound = CR_MAX(bound, cr_train_test_batch(data));
    b.batch = cr_symbol(b.g, "batch", bound);
    cr_value x = {b.g, 0}, scores = {b.g, 0};
    build_training(&b, &x, &scores);
    if (!options->no_evaluation && b.g->status == CR_OK)
        build_evaluation(&b, x, scores);
    if (cr_graph_status(b.g) == CR_OK) {
        *classes = (uint32_t)cr_value_shape(scores).dim[1];
        return b.g;
    }
    cr_graph_destroy(b.g);
    return NULL;
}

cr_graph *cr_training_graph(const cr_dataset *data, const cr_train_options *options)
{
    uint32_t classes;
    return cr_train_build(data, options, &classes);
}
