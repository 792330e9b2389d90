/* graph.c - the graph of training and evaluation: batch, model, loss, watch, progress, updates.
 *
 *     order, offset --> batch --> x --> model --> scores --> loss --> watch --> guard
 *                                                   |          |                  |
 *                                                   v          v                  v
 *                                             counts       loss_sum     gradients, updates
 *
 * All that changes from step to step is state on the device: where the batch begins, how many steps
 * were done, what the epoch reports. The guard freezes all of it, and what the model assigns, at
 * the first loss that is not finite, so that the step can be replayed.
 *
 * The model function is called once for training and once for each evaluation, which have the same
 * parameters, by their names. */
#include "crisol/ops.h"
#include "ir.h"
#include "nn/schedule.h"
#include "train.h"

static const cr_loc nowhere; /* not the user's lines */

struct builder {
    cr_graph *g;
    const cr_samples *samples;
    const cr_train_options *options;
    cr_train_sizes n;
    cr_dim batch;
    bool predict, streamed;
    cr_dim window, evaluation_window; /* of streamed sets: samples */
    cr_value train_x, train_y;
    cr_value drawn; /* the numbers of samples, set by set; none where they are as they lie */
    cr_value guard; /* bool: the loss, and all before it, was finite */
    cr_train_built built;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static cr_value new_state(cr_graph *g, const char *name, cr_dtype dtype, cr_init init)
{
    return cr_state_at(nowhere, g, name, dtype, init, CR_SCALAR, false);
}

static cr_value scalar_state(cr_graph *g, const char *set, const char *name, cr_dtype dtype,
                             float start)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", set, name);
    return new_state(g, full, dtype, (cr_init){.kind = CR_INIT_CONSTANT, .a = start});
}

/* n elements of a sample's type and shape: the input SET_x or SET_y. */
static cr_value sample_input(const struct builder *b, const char *set, const char *suffix, cr_dim n)
{
    const bool is_x = *suffix == 'x';
    const cr_shape *one = is_x ? &b->samples->x_shape : &b->samples->y_shape;
    cr_shape shape = {.rank = one->rank + 1, .dim = {n}};
    memcpy(shape.dim + 1, one->dim, (size_t)one->rank * sizeof one->dim[0]);
    char name[64];
    snprintf(name, sizeof name, "%s_%s", set, suffix);
    return cr_input_at(nowhere, b->g, name, is_x ? b->samples->x_dtype : b->samples->y_dtype,
                       shape);
}

/* The numbers of the step's samples. `order` is NULL for "as they lie". */
static cr_value batch_index(const struct builder *b, const cr_value *order, cr_value first)
{
    cr_value at = cr_iota_at(nowhere, b->g, CR_SHAPE(b->batch), 0);
    cr_value index = cr_add_at(nowhere, first, at);
    return order ? cr_gather_at(nowhere, *order, index) : index;
}

/* The step's samples, gathered from what is on the device: one op. */
static void take_batch(const struct builder *b, const char *op, const cr_value *order,
                       cr_value first, cr_value *x, cr_value *y)
{
    cr_op_begin(b->g, op, nowhere);
    cr_value index = batch_index(b, order, first);
    *x = cr_gather_at(nowhere, *x, index);
    *y = cr_gather_at(nowhere, *y, index);
    if (cr_has_labels(b->samples))
        *y = cr_cast_at(nowhere, *y, CR_I32);
    cr_op_end(b->g);
}

/* Bytes are pixels. */
static cr_value prepared(cr_value x)
{
    return cr_value_dtype(x) == CR_U8 ? cr_normalize_at(nowhere, x, 0, 255) : x;
}

cr_value cr_net_model(cr_value x, void *net)
{
    const bool as_given = cr_is_poison(x) || !cr_net_divides_bytes(net, 0);
    return cr_net_build_at(nowhere, net, as_given ? x : prepared(x));
}

/* Scores are f32 [batch, classes], or of the targets' shape. */
static bool are_scores(const struct builder *b, cr_value v)
{
    const cr_shape s = cr_value_shape(v), *y = &b->samples->y_shape;
    if (v.graph != b->g || cr_value_dtype(v) != CR_F32 || s.rank < 1 || s.dim[0] != b->batch)
        return false;
    if (cr_has_labels(b->samples))
        return s.rank == 2 && cr_dim_literal(s.dim[1]);
    return s.rank == y->rank + 1 &&
           memcmp(s.dim + 1, y->dim, (size_t)y->rank * sizeof y->dim[0]) == 0;
}

static cr_value check_scores(const struct builder *b, cr_value v)
{
    if (cr_is_poison(v)) {
        if (b->g->status == CR_OK)
            cr_mistake(b->g, nowhere, "train: the model gave no value");
        return v;
    }
    if (are_scores(b, v))
        return v;
    const cr_shape s = cr_value_shape(v);
    char type[CR_TYPE_TEXT], wanted[CR_TYPE_TEXT] = "f32 [batch, classes]";
    if (!cr_has_labels(b->samples)) {
        cr_shape y = {.rank = b->samples->y_shape.rank + 1, .dim = {b->batch}};
        memcpy(y.dim + 1, b->samples->y_shape.dim, (size_t)(y.rank - 1) * sizeof y.dim[0]);
        cr_type_text(b->g, CR_F32, &y, wanted);
    }
    return cr_mistake(b->g, nowhere, "train: the model gave %s; it must give %s",
                      cr_type_text(v.graph, cr_value_dtype(v), &s, type), wanted);
}

static cr_value model(const struct builder *b, cr_value x)
{
    if (b->g->status != CR_OK)
        return (cr_value){b->g, 0};
    const cr_train_options *o = b->options;
    return check_scores(b, o->model(o->raw ? x : prepared(x), o->model_user));
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Where a set's next batch begins: by its place in the set, and in the input that holds `window` of
 * its samples at a time. The second one is a state too, since a remainder that is computed for each
 * element would keep the gather out of the first contraction. */
struct place {
    cr_value offset, at;
    cr_dim window;
};

static struct place make_place(const struct builder *b, const char *set, cr_dim window)
{
    struct place p = {.offset = scalar_state(b->g, set, "offset", CR_I32, 0), .window = window};
    p.at = b->streamed ? scalar_state(b->g, set, "at", CR_I32, 0) : p.offset;
    return p;
}

static void move_on(const struct builder *b, const struct place *p, bool guarded)
{
    cr_value next = cr_add_at(nowhere, p->offset, cr_size(b->g, b->batch));
    if (guarded)
        next = cr_select_at(nowhere, b->guard, next, p->offset);
    cr_assign_at(nowhere, p->offset, next);
    if (b->streamed)
        cr_assign_at(nowhere, p->at, cr_imod_at(nowhere, next, cr_size(b->g, p->window)));
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* The states of a set that its measures are added to, one for each that there is. */
struct sums {
    cr_value loss, correct, top_k, confusion;
};

static cr_value count_state(cr_graph *g, const char *set, const char *name, cr_value of)
{
    char full[64];
    if (!of.ref)
        return (cr_value){0};
    snprintf(full, sizeof full, "%s.%s", set, name);
    return cr_state_at(nowhere, g, full, CR_I32, (cr_init){0}, cr_value_shape(of), false);
}

static struct sums make_sums(cr_graph *g, const char *set, const cr_train_measure *m)
{
    return (struct sums){.loss = scalar_state(g, set, "loss_sum", CR_F32, 0),
                         .correct = count_state(g, set, "correct", m->correct),
                         .top_k = count_state(g, set, "top_k", m->top_k),
                         .confusion = count_state(g, set, "confusion", m->confusion)};
}

static void add_to(const struct builder *b, cr_value sum, cr_value more, bool guarded)
{
    if (!sum.ref)
        return;
    cr_value next = cr_add_at(nowhere, sum, more);
    if (guarded)
        next = cr_select_at(nowhere, b->guard, next, sum);
    cr_assign_at(nowhere, sum, next);
}

/* The loss is the mean of the batch's samples. */
static void add_up(const struct builder *b, const struct sums *s, const cr_train_measure *m,
                   bool guarded)
{
    cr_value n = cr_cast_at(nowhere, cr_size(b->g, b->batch), CR_F32);
    add_to(b, s->loss, cr_mul_at(nowhere, m->loss, n), guarded);
    add_to(b, s->correct, m->correct, guarded);
    add_to(b, s->top_k, m->top_k, guarded);
    add_to(b, s->confusion, m->confusion, guarded);
}

/* ---- training -------------------------------------------------------------------------------- */

/* bad_step' is the first step whose loss was not finite; the guard holds before it. */
static void watch(struct builder *b, cr_value loss, cr_value step)
{
    cr_graph *g = b->g;
    cr_value bad = scalar_state(g, "train", "bad_step", CR_I32, -1);
    cr_op_begin(g, "watch", nowhere);
    cr_value fine = cr_lt_at(nowhere, bad, cr_i32(g, 0));
    cr_value broke = cr_and_at(nowhere, fine, cr_not_at(nowhere, cr_is_finite_at(nowhere, loss)));
    cr_value next = cr_select_at(nowhere, broke, step, bad);
    b->guard = cr_lt_at(nowhere, next, cr_i32(g, 0));
    cr_op_end(g);
    cr_assigns_guard(b->guard);
    cr_assign_at(nowhere, bad, next);
}

static void count_progress(const struct builder *b, const cr_train_measure *m,
                           const struct place *place, cr_value step)
{
    cr_graph *g = b->g;
    const struct sums sums = make_sums(g, "train", m);
    cr_op_begin(g, "progress", nowhere);
    move_on(b, place, true);
    add_to(b, step, cr_i32(g, 1), true);
    add_up(b, &sums, m, true);
    cr_op_end(g);
}

static uint64_t steps_of_epoch(const cr_train_sizes *n)
{
    return (n->train + n->batch - 1) / n->batch;
}

static void minimize(const struct builder *b, cr_value loss)
{
    cr_optimizer optimizer = b->options->optimizer;
    optimizer.guard = &b->guard;
    optimizer.params = NULL;
    optimizer.prefix = NULL;
    optimizer.schedule = cr_lr_schedule_in_steps(&optimizer.schedule, steps_of_epoch(&b->n));
    cr_minimize_at(nowhere, loss, &optimizer);
}

/* The seed of all that is drawn in training. */
static void seed_randomness(const struct builder *b)
{
    const uint32_t seed = (uint32_t)(b->options->seed ^ b->options->seed >> 32);
    new_state(b->g, "random.seed", CR_I32, (cr_init){.kind = CR_INIT_DATA, .data = &seed});
}

static cr_value trained_model(struct builder *b, cr_value x)
{
    b->built.model_begin = b->g->node.len;
    cr_value scores = model(b, x);
    b->built.model_end = b->g->node.len;
    b->built.scores = cr_value_shape(scores);
    return scores;
}

static void build_training(struct builder *b)
{
    cr_graph *g = b->g;
    const cr_dim n = b->streamed ? b->window : b->samples->train.n;
    b->train_x = sample_input(b, "train", "x", n);
    b->train_y = sample_input(b, "train", "y", n);
    cr_value order = {0};
    if (!b->streamed)
        order = cr_input_at(nowhere, g, "order", CR_I32, CR_SHAPE(b->n.train));
    const struct place place = make_place(b, "train", b->window);
    cr_value step = scalar_state(g, "train", "step", CR_I32, 0);
    cr_value x = b->train_x, y = b->train_y;
    seed_randomness(b);
    take_batch(b, "batch", b->streamed ? NULL : &order, place.at, &x, &y);
    g->root_mode = CR_ROOTS_GUARDED;
    if (g->status == CR_OK)
        x = cr_augment_images(x, &b->options->augment);
    cr_value scores = trained_model(b, x);
    const cr_train_measure m = cr_train_measure_of(b->samples, b->options, scores, y, false);
    cr_output_at(nowhere, g, "loss", m.loss);
    if (g->status != CR_OK)
        return;
    watch(b, m.loss, step);
    count_progress(b, &m, &place, step);
    minimize(b, m.loss);
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static cr_value evaluated_model(const struct builder *b, cr_value x)
{
    cr_graph *g = b->g;
    cr_set_training(g, false);
    cr_set_reuse(g, true);
    g->root_mode = CR_ROOTS_IGNORED;
    cr_value scores = model(b, x);
    g->root_mode = CR_ROOTS_MADE;
    cr_set_reuse(g, false);
    cr_set_training(g, true);
    return scores;
}

/* The samples x and y, as they lie or, where they are not its own, as they were drawn; `set` names
 * the states. */
static void build_evaluation(const struct builder *b, const char *set, cr_value x, cr_value y,
                             bool own, bool confusion)
{
    cr_graph *g = b->g;
    char op[64];
    const struct place place = make_place(b, set, b->evaluation_window);
    snprintf(op, sizeof op, "%s_batch", set);
    take_batch(b, op, !own && b->drawn.ref ? &b->drawn : NULL, place.at, &x, &y);
    cr_value scores = evaluated_model(b, x);
    const cr_train_measure m = cr_train_measure_of(b->samples, b->options, scores, y, confusion);
    const struct sums sums = make_sums(g, set, &m);
    snprintf(op, sizeof op, "%s_progress", set);
    cr_op_begin(g, op, nowhere);
    move_on(b, &place, false);
    add_up(b, &sums, &m, false);
    cr_op_end(g);
}

/* A set of n samples with an input of its own, or with that of training. */
static void build_evaluation_of(const struct builder *b, const char *set, uint32_t n, bool own,
                                bool confusion)
{
    cr_value x = b->train_x, y = b->train_y;
    if (own && !b->streamed) {
        x = sample_input(b, set, "x", n);
        y = sample_input(b, set, "y", n);
    }
    build_evaluation(b, set, x, y, own, confusion);
}

static void build_evaluations(struct builder *b)
{
    if (b->n.drawn && !b->streamed && (b->n.test || b->n.validation))
        b->drawn = cr_input_at(nowhere, b->g, "drawn", CR_I32, CR_SHAPE(b->samples->train.n));
    if (b->n.test)
        build_evaluation_of(b, "test", b->n.test, !b->n.drawn, b->options->confusion);
    if (b->n.validation)
        build_evaluation_of(b, "validation", b->n.validation, !b->n.split, false);
}

static void build_prediction(const struct builder *b)
{
    cr_value scores = evaluated_model(b, sample_input(b, "predict", "x", b->batch));
    cr_output_at(nowhere, b->g, "predict.scores", scores);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The largest batch of all programs. */
static int64_t batch_bound(const cr_train_sizes *n, bool predict)
{
    const uint32_t most = CR_MAX(n->test, n->validation);
    const uint32_t evaluated = predict ? n->evaluation_batch : CR_MIN(n->evaluation_batch, most);
    return CR_MAX(n->batch, evaluated);
}

/* A window may be the whole set, and the rest of a last batch. */
static void name_sizes(struct builder *b)
{
    const int64_t batch = batch_bound(&b->n, b->predict);
    const int64_t most = CR_MAX(b->n.train, CR_MAX(b->n.test, b->n.validation));
    b->batch = cr_symbol(b->g, "batch", batch);
    if (!b->streamed)
        return;
    b->window = cr_symbol(b->g, "window", CR_MIN(most + batch, INT32_MAX));
    if (b->n.test || b->n.validation)
        b->evaluation_window =
            cr_symbol(b->g, "evaluation_window", CR_MIN(most + batch, INT32_MAX));
}

static cr_graph *build(struct builder *b, cr_train_built *out)
{
    if (cr_train_check(b->samples, b->options) != CR_OK)
        return NULL;
    b->n = cr_train_sizes_of(b->samples, b->options);
    b->g = cr_graph_create("train");
    if (!b->g)
        return NULL;
    name_sizes(b);
    build_training(b);
    b->built.training_end = b->g->node.len;
    if (b->g->status == CR_OK)
        build_evaluations(b);
    if (b->g->status == CR_OK && b->predict)
        build_prediction(b);
    *out = b->built;
    if (cr_graph_status(b->g) == CR_OK)
        return b->g;
    cr_graph_destroy(b->g);
    return NULL;
}

cr_graph *cr_train_build(const cr_samples *samples, const cr_train_options *options, bool streamed,
                         cr_train_built *out)
{
    struct builder b = {
        .samples = samples, .options = options, .predict = true, .streamed = streamed};
    return build(&b, out);
}

cr_graph *cr_training_graph_of(const cr_samples *samples, const cr_train_options *options)
{
    struct builder b = {.samples = samples, .options = options};
    cr_train_built built;
    return build(&b, &built);
}

cr_graph *cr_training_graph(const cr_dataset *data, const cr_train_options *options)
{
    if (!data) {
        cr_train_check(NULL, options); /* which says so */
        return NULL;
    }
    const cr_samples samples = cr_dataset_samples(data);
    return cr_training_graph_of(&samples, options);
}
