/* prepare.c - what the layers standardize and scale know of the samples: figures of each feature
 * over the training samples alone, so that nothing of the others is known to the net. */
#include <math.h>

#include "crisol/net.h"
#include "ir.h"
#include "trainer.h"

/* ---- which features -------------------------------------------------------------------------- */

/* What a layer sees of an element of x: scale x + offset. */
typedef struct view {
    double scale, offset;
} view;

static void see_through(view *v, double scale, double offset)
{
    v->offset += v->scale * offset;
    v->scale *= scale;
}

static uint32_t operand_of(const cr_layer *l)
{
    return l->noperands ? l->operand[0] : 0;
}

/* From the layer's operand back to x; the number of the layer that is in the way, 0: there is none.
 */
static uint32_t look_back(const cr_net *net, const cr_layer *from, view *out)
{
    *out = (view){1, 0};
    for (uint32_t i = operand_of(from); i; i = operand_of(&net->layer[i - 1])) {
        const cr_layer *l = &net->layer[i - 1];
        switch (l->kind) {
        case CR_LAYER_INPUT:
        case CR_LAYER_FLATTEN:
        case CR_LAYER_RESHAPE: break;
        case CR_LAYER_NORMALIZE:
            see_through(out, 1 / (double)l->std, -(double)l->mean / (double)l->std);
            break;
        case CR_LAYER_RESCALE: see_through(out, (double)l->scale, (double)l->offset); break;
        default: return i;
        }
    }
    return 0;
}

/* The column of x that a onehot layer takes, from 1; 0: it is none. Those before it have moved the
 * columns behind theirs. */
static int64_t column_of_x(const cr_net *net, const cr_layer *onehot)
{
    int64_t column = onehot->column;
    for (uint32_t i = operand_of(onehot); i; i = operand_of(&net->layer[i - 1])) {
        const cr_layer *l = &net->layer[i - 1];
        if (l->kind != CR_LAYER_ONEHOT || column < l->column)
            continue;
        if (column < l->column + l->units)
            return 0;
        column -= l->units - 1;
    }
    return column;
}

static void leave_out_classes(const cr_net *net, bool *left_out, uint64_t features)
{
    for (uint32_t i = 0; i < net->nlayers; i++) {
        if (net->layer[i].kind != CR_LAYER_ONEHOT)
            continue;
        const int64_t column = column_of_x(net, &net->layer[i]);
        if (column >= 1 && (uint64_t)column <= features)
            left_out[column - 1] = true;
    }
}

/* ---- figures --------------------------------------------------------------------------------- */

/* Of one feature. */
typedef struct figures {
    double sum, squares, low, high; /* squares: of differences from the mean */
} figures;

typedef struct counting {
    const cr_trainer *t;
    view view;
    uint64_t features, elements; /* of a sample */
    figures *of;
    double n; /* elements of a feature */
} counting;

static double number_at(const cr_samples *s, uint64_t i)
{
    if (s->x_dtype == CR_F32)
        return (double)((const float *)s->train.x)[i];
    if (s->x_dtype == CR_I32)
        return (double)((const int32_t *)s->train.x)[i];
    return (double)((const uint8_t *)s->train.x)[i];
}

static void add_up(counting *c, uint64_t first)
{
    const cr_samples *s = &c->t->samples;
    for (uint64_t i = 0, f = 0; i < c->elements; i++, f = f + 1 == c->features ? 0 : f + 1) {
        const double v = c->view.scale * number_at(s, first + i) + c->view.offset;
        figures *of = &c->of[f];
        of->sum += v;
        of->low = fmin(of->low, v);
        of->high = fmax(of->high, v);
    }
}

static void add_squares(counting *c, uint64_t first)
{
    const cr_samples *s = &c->t->samples;
    for (uint64_t i = 0, f = 0; i < c->elements; i++, f = f + 1 == c->features ? 0 : f + 1) {
        const double v = c->view.scale * number_at(s, first + i) + c->view.offset;
        const double d = v - c->of[f].sum / c->n;
        c->of[f].squares += d * d;
    }
}

/* The second pass is what makes the deviation of large numbers right. */
static void count(counting *c)
{
    const uint32_t n = c->t->n.train;
    c->n = (double)n * (double)(c->elements / c->features);
    for (uint64_t f = 0; f < c->features; f++)
        c->of[f] = (figures){.low = INFINITY, .high = -INFINITY};
    for (uint32_t i = 0; i < n; i++)
        add_up(c, cr_trainer_sample(c->t, i) * c->elements);
    for (uint32_t i = 0; i < n; i++)
        add_squares(c, cr_trainer_sample(c->t, i) * c->elements);
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Of one that is the same everywhere 0, however its sum was rounded. */
static double spread_of(const figures *of, double n, bool standardize)
{
    return standardize && of->high > of->low ? sqrt(of->squares / n) : of->high - of->low;
}

/* A feature that is the same everywhere keeps its unit. */
static void to_states(const counting *c, bool standardize, const bool *left_out, float *from,
                      float *factor)
{
    for (uint64_t f = 0; f < c->features; f++) {
        const figures *of = &c->of[f];
        const float by = (float)(1 / spread_of(of, c->n, standardize));
        from[f] = (float)(standardize ? of->sum / c->n : of->low);
        factor[f] = isfinite(by) ? by : 1;
        if (left_out[f]) {
            from[f] = 0;
            factor[f] = 1;
        }
    }
}

static cr_ref find_state(const cr_trainer *t, const char *layer, const char *what)
{
    char name[CR_NET_MAX_NAME + 16];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    return cr_find(t->graph, name).ref;
}

static cr_status set_state(cr_trainer *t, cr_ref state, const float *to, uint64_t n)
{
    return cr_set(t->set[CR_TRAINING].whole, cr_name_of(t->graph, state), to,
                  (size_t)n * sizeof *to);
}

static cr_status set_states(cr_trainer *t, counting *c, bool standardize, cr_ref from,
                            cr_ref factor)
{
    const size_t n = (size_t)c->features;
    float *at = cr_alloc(2 * n * sizeof *at);
    bool *left_out = cr_alloc(n * sizeof *left_out);
    c->of = cr_alloc(n * sizeof *c->of);
    cr_status status = CR_E_MEMORY;
    if (at && left_out && c->of) {
        leave_out_classes(t->options.model_user, left_out, n);
        count(c);
        to_states(c, standardize, left_out, at, at + n);
        status = set_state(t, from, at, n);
        if (status == CR_OK)
            status = set_state(t, factor, at + n, n);
    }
    cr_free(c->of);
    cr_free(left_out);
    cr_free(at);
    return status;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static cr_status prepare_layer(cr_trainer *t, const cr_net *net, uint32_t number)
{
    const cr_layer *l = &net->layer[number - 1];
    const char *name = cr_net_layer_name(net, number);
    const bool standardize = l->kind == CR_LAYER_STANDARDIZE;
    counting c = {.t = t, .elements = cr_train_elements(&t->samples.x_shape)};
    const uint32_t between = look_back(net, l, &c.view);
    if (between)
        return cr_fail(
            CR_E_ARGUMENT,
            "train: the layer %s comes behind %s; what it needs to know of the samples is "
            "known of x only: put it before",
            name, cr_net_layer_name(net, between));
    if (t->samples.x_dtype == CR_U8 && cr_net_divides_bytes(net, 0))
        see_through(&c.view, 1.0 / 255, 0);
    const cr_ref from = find_state(t, name, standardize ? "mean" : "low");
    const cr_ref factor = find_state(t, name, "factor");
    if (!from || !factor) /* nothing that is trained or evaluated has it */
        return CR_OK;
    const cr_shape shape = *cr_shape_of(t->graph, from);
    c.features = cr_train_elements(&shape);
    CR_ASSERT(c.features && c.elements % c.features == 0);
    return set_states(t, &c, standardize, from, factor);
}

cr_status cr_trainer_prepare(cr_trainer *t)
{
    if (t->options.model != cr_net_model)
        return cr_fail(CR_E_ARGUMENT, "train: only of a cr_net is it known which layers are to be "
                                      "prepared");
    const cr_net *net = t->options.model_user;
    for (uint32_t i = 0; i < net->nlayers; i++)
        if (net->layer[i].kind == CR_LAYER_STANDARDIZE || net->layer[i].kind == CR_LAYER_SCALE)
            CR_TRY(prepare_layer(t, net, i + 1));
    return CR_OK;
}
