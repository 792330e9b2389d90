/* norm.c - batch and layer normalization, by the conventions of Keras 3. */
#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "layer.h"

/* Mean and variance (biased) over `axes`, which stay with size 1. */
struct moments {
    cr_value mean, var;
};

static cr_value mean_keep(cr_loc at, cr_value x, cr_axes axes)
{
    cr_shape s = cr_value_shape(x);
    for (int i = 0; i < s.rank; i++)
        if (axes >> i & 1)
            s.dim[i] = 1;
    return cr_reshape_at(at, cr_mean_at(at, x, axes), s);
}

static struct moments moments(cr_loc at, cr_value x, cr_axes axes)
{
    struct moments m = {mean_keep(at, x, axes), {x.graph, 0}};
    m.var = mean_keep(at, cr_square_at(at, cr_sub_at(at, x, m.mean)), axes);
    return m;
}

/* 1 / sqrt(var + epsilon) */
static cr_value inverse_deviation(cr_loc at, cr_value var, float epsilon)
{
    cr_value root = cr_sqrt_at(at, cr_add_at(at, var, cr_f32(var.graph, epsilon)));
    return cr_div_at(at, cr_f32(var.graph, 1), root);
}

/* scale gamma, v + beta, where the layer has them. */
static cr_value scaled(cr_loc at, cr_value scale, cr_value gamma)
{
    return gamma.ref ? cr_mul_at(at, scale, gamma) : scale;
}

static cr_value shifted(cr_loc at, cr_value v, cr_value beta)
{
    return beta.ref ? cr_add_at(at, v, beta) : v;
}

static cr_value make_gamma(cr_loc at, cr_value x, const char *what, const char *name,
                           const cr_norm_options *o)
{
    const cr_shape s = cr_value_shape(x);
    const cr_init one = {.a = 1};
    return o->no_scale
               ? (cr_value){x.graph, 0}
               : cr_layer_param(at, x.graph, what, name, "gamma", one, CR_SHAPE(s.dim[s.rank - 1]));
}

static cr_value make_beta(cr_loc at, cr_value x, const char *what, const char *name,
                          const cr_norm_options *o)
{
    const cr_shape s = cr_value_shape(x);
    return o->no_center ? (cr_value){x.graph, 0}
                        : cr_layer_param(at, x.graph, what, name, "beta", (cr_init){0},
                                         CR_SHAPE(s.dim[s.rank - 1]));
}

/* The options with nothing left to default. */
static cr_norm_options filled(const cr_norm_options *options)
{
    cr_norm_options o = options ? *options : (cr_norm_options){0};
    o.momentum = o.momentum == 0 ? 0.99f : o.momentum;
    o.epsilon = o.epsilon == 0 ? 1e-3f : o.epsilon;
    return o;
}

static const char *wrong(const cr_norm_options *o)
{
    if (!(o->momentum >= 0 && o->momentum < 1))
        return "the momentum must be in [0, 1)";
    return o->epsilon > 0 && isfinite(o->epsilon) ? NULL : "epsilon must be above 0";
}

/* ---- batch normalization --------------------------------------------------------------------- */

struct batch_norm {
    cr_loc at;
    cr_value x, gamma, beta; /* none where the layer has none */
    cr_value mean, var;      /* the running ones */
    float momentum, epsilon;
};

/* average' = momentum average + (1 - momentum) batch */
static void follow(const struct batch_norm *b, cr_value average, cr_value batch)
{
    cr_loc at = b->at;
    cr_graph *g = average.graph;
    if (cr_is_assigned(g, average.ref))
        return;
    batch = cr_reshape_at(at, batch, cr_value_shape(average));
    cr_value old = cr_mul_at(at, average, cr_f32(g, b->momentum));
    cr_assign_at(at, average, cr_add_at(at, old, cr_mul_at(at, batch, cr_f32(g, 1 - b->momentum))));
}

static cr_value train(const struct batch_norm *b)
{
    cr_loc at = b->at;
    const int rank = cr_value_shape(b->x).rank;
    struct moments m = moments(at, b->x, CR_AXIS(rank - 1) - 1);
    follow(b, b->mean, m.mean);
    follow(b, b->var, m.var);
    cr_value scale = scaled(at, inverse_deviation(at, m.var, b->epsilon), b->gamma);
    return shifted(at, cr_mul_at(at, cr_sub_at(at, b->x, m.mean), scale), b->beta);
}

static cr_value evaluate(const struct batch_norm *b)
{
    cr_loc at = b->at;
    cr_value scale = scaled(at, inverse_deviation(at, b->var, b->epsilon), b->gamma);
    cr_value from = cr_mul_at(at, b->mean, scale);
    cr_value shift = b->beta.ref ? cr_sub_at(at, b->beta, from) : cr_neg_at(at, from);
    cr_value folded = cr_layer_fold(at, b->x, scale, shift);
    return folded.ref ? folded : cr_add_at(at, cr_mul_at(at, b->x, scale), shift);
}

cr_value cr_batch_norm_ex_at(cr_loc at, cr_value x, const char *name,
                             const cr_norm_options *options)
{
    static const char what[] = "batch_norm";
    const cr_norm_options o = filled(options);
    if (!cr_layer_fits(at, what, name, x))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    const char *why = wrong(&o);
    if (why)
        return cr_mistake(g, at, "%s \"%s\": %s", what, name, why);
    const cr_shape s = cr_value_shape(x), features = CR_SHAPE(s.dim[s.rank - 1]);
    struct batch_norm b = {.at = at, .x = x, .momentum = o.momentum, .epsilon = o.epsilon};
    b.gamma = make_gamma(at, x, what, name, &o);
    b.beta = make_beta(at, x, what, name, &o);
    b.mean = cr_layer_state(at, g, what, name, "mean", 0, features);
    b.var = cr_layer_state(at, g, what, name, "var", 1, features);
    if (g->status != CR_OK)
        return (cr_value){g, 0};
    cr_op_begin(g, what, at);
    cr_value v = cr_is_training(g) ? train(&b) : evaluate(&b);
    cr_op_end(g);
    return v;
}

cr_value cr_batch_norm_at(cr_loc at, cr_value x, const char *name, float momentum, float epsilon)
{
    return cr_batch_norm_ex_at(at, x, name,
                               &(cr_norm_options){.momentum = momentum, .epsilon = epsilon});
}

/* ---- layer normalization --------------------------------------------------------------------- */

cr_value cr_layer_norm_ex_at(cr_loc at, cr_value x, const char *name,
                             const cr_norm_options *options)
{
    static const char what[] = "layer_norm";
    const cr_norm_options o = filled(options);
    if (!cr_layer_fits(at, what, name, x))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    const char *why = wrong(&o);
    if (why)
        return cr_mistake(g, at, "%s \"%s\": %s", what, name, why);
    cr_value gamma = make_gamma(at, x, what, name, &o);
    cr_value beta = make_beta(at, x, what, name, &o);
    if (g->status != CR_OK)
        return (cr_value){g, 0};
    cr_op_begin(g, what, at);
    struct moments m = moments(at, x, CR_AXIS(cr_value_shape(x).rank - 1));
    cr_value down = inverse_deviation(at, m.var, o.epsilon);
    cr_value v = scaled(at, cr_mul_at(at, cr_sub_at(at, x, m.mean), down), gamma);
    v = shifted(at, v, beta);
    cr_op_end(g);
    return v;
}

cr_value cr_layer_norm_at(cr_loc at, cr_value x, const char *name, float epsilon)
{
    return cr_layer_norm_ex_at(at, x, name, &(cr_norm_options){.epsilon = epsilon});
}
