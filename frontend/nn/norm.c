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

/* ---- batch normalization --------------------------------------------------------------------- */

struct batch_norm {
    cr_loc at;
    cr_value x, gamma, beta, mean, var; /* mean, var: the running ones */
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
    cr_value scale = cr_mul_at(at, inverse_deviation(at, m.var, b->epsilon), b->gamma);
    return cr_add_at(at, cr_mul_at(at, cr_sub_at(at, b->x, m.mean), scale), b->beta);
}

static cr_value evaluate(const struct batch_norm *b)
{
    cr_loc at = b->at;
    cr_value scale = cr_mul_at(at, inverse_deviation(at, b->var, b->epsilon), b->gamma);
    cr_value shift = cr_sub_at(at, b->beta, cr_mul_at(at, b->mean, scale));
    cr_value folded = cr_layer_fold(at, b->x, scale, shift);
    return folded.ref ? folded : cr_add_at(at, cr_mul_at(at, b->x, scale), shift);
}

static const char *wrong(float momentum, float epsilon)
{
    if (!(momentum >= 0 && momentum < 1))
        return "the momentum must be in [0, 1)";
    return epsilon > 0 && isfinite(epsilon) ? NULL : "epsilon must be above 0";
}

cr_value cr_batch_norm_at(cr_loc at, cr_value x, const char *name, float momentum, float epsilon)
{
    static const char what[] = "batch_norm";
    if (!cr_layer_fits(at, what, name, x))
        return (cr_value){x.graph, 0};
    struct batch_norm b = {.at = at, .x = x};
    b.momentum = momentum == 0 ? 0.99f : momentum;
    b.epsilon = epsilon == 0 ? 1e-3f : epsilon;
    cr_graph *g = x.graph;
    const char *why = wrong(b.momentum, b.epsilon);
    if (why)
        return cr_mistake(g, at, "%s \"%s\": %s", what, name, why);
    const cr_shape s = cr_value_shape(x), features = CR_SHAPE(s.dim[s.rank - 1]);
    const cr_init one = {.a = 1}, zero = {0};
    b.gamma = cr_layer_param(at, g, what, name, "gamma", one, features);
    b.beta = cr_layer_param(at, g, what, name, "beta", zero, features);
    b.mean = cr_layer_state(at, g, what, name, "mean", 0, features);
    b.var = cr_layer_state(at, g, what, name, "var", 1, features);
    cr_op_begin(g, what, at);
    cr_value v = cr_is_training(g) ? train(&b) : evaluate(&b);
    cr_op_end(g);
    return v;
}

/* ---- layer normalization --------------------------------------------------------------------- */

cr_value cr_layer_norm_at(cr_loc at, cr_value x, const char *name, float epsilon)
{
    static const char what[] = "layer_norm";
    if (!cr_layer_fits(at, what, name, x))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    const char *why = wrong(0, epsilon == 0 ? 1e-3f : epsilon);
    if (why)
        return cr_mistake(g, at, "%s \"%s\": %s", what, name, why);
    const cr_shape s = cr_value_shape(x), features = CR_SHAPE(s.dim[s.rank - 1]);
    const cr_init one = {.a = 1}, zero = {0};
    cr_value gamma = cr_layer_param(at, g, what, name, "gamma", one, features);
    cr_value beta = cr_layer_param(at, g, what, name, "beta", zero, features);
    cr_op_begin(g, what, at);
    struct moments m = moments(at, x, CR_AXIS(s.rank - 1));
    cr_value down = inverse_deviation(at, m.var, epsilon == 0 ? 1e-3f : epsilon);
    cr_value v = cr_mul_at(at, cr_mul_at(at, cr_sub_at(at, x, m.mean), down), gamma);
    v = cr_add_at(at, v, beta);
    cr_op_end(g);
    return v;
}
