/* losses.c - losses, each one op of the user. */
#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "scores.h"

static const float smallest_probability = 1e-7f; /* Keras's epsilon */

/* ---- operands -------------------------------------------------------------------------------- */

static cr_value no_loss(cr_value y)
{
    return (cr_value){y.graph, 0};
}

/* op(y's type, t's type): why */
static cr_value refuse(cr_loc at, const char *op, cr_value y, cr_value t, const char *why)
{
    const cr_shape a = cr_value_shape(y), b = cr_value_shape(t);
    char ta[CR_TYPE_TEXT], tb[CR_TYPE_TEXT];
    return cr_mistake(y.graph, at, "%s(%s, %s): %s", op,
                      cr_type_text(y.graph, cr_value_dtype(y), &a, ta),
                      cr_type_text(y.graph, cr_value_dtype(t), &b, tb), why);
}

/* Is t's shape that of y without its last axis? */
static bool is_lead(const cr_shape *y, const cr_shape *t)
{
    if (y->rank != t->rank + 1)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != y->dim[i])
            return false;
    return true;
}

bool cr_scores_and_labels(cr_loc at, const char *op, cr_value x, cr_value labels)
{
    if (!cr_usable(at, op, (const cr_value[]){x, labels}, 2))
        return false;
    const cr_shape s = cr_value_shape(x), l = cr_value_shape(labels);
    if (s.rank >= 2 && is_lead(&s, &l) && cr_value_dtype(x) == CR_F32 &&
        cr_value_dtype(labels) == CR_I32)
        return true;
    refuse(at, op, x, labels, "needs scores f32 [n, classes] and labels i32 [n]");
    return false;
}

bool cr_alike(cr_loc at, const char *op, cr_value y, cr_value t)
{
    if (!cr_usable(at, op, (const cr_value[]){y, t}, 2))
        return false;
    const cr_shape a = cr_value_shape(y), b = cr_value_shape(t);
    if (cr_shape_equal(&a, &b) && cr_value_dtype(y) == CR_F32 && cr_value_dtype(t) == CR_F32)
        return true;
    refuse(at, op, y, t, "needs two f32 of one shape");
    return false;
}

cr_value cr_at_label(cr_loc at, cr_value x, cr_value labels)
{
    const cr_shape s = cr_value_shape(x);
    cr_shape column = s;
    column.dim[s.rank - 1] = 1;
    return cr_eq_at(at, cr_reshape_at(at, labels, column), cr_iota_at(at, x.graph, s, s.rank - 1));
}

/* ---- distances ------------------------------------------------------------------------------- */

cr_value cr_mse_at(cr_loc at, cr_value y, cr_value t)
{
    if (!cr_usable(at, "mse", &y, 1))
        return no_loss(y);
    cr_op_begin(y.graph, "mse", at);
    cr_value v = cr_mean_at(at, cr_square_at(at, cr_sub_at(at, y, t)), CR_ALL_AXES);
    cr_op_end(y.graph);
    return v;
}

cr_value cr_mae_at(cr_loc at, cr_value y, cr_value t)
{
    if (!cr_alike(at, "mae", y, t))
        return no_loss(y);
    cr_op_begin(y.graph, "mae", at);
    cr_value v = cr_mean_at(at, cr_abs_at(at, cr_sub_at(at, y, t)), CR_ALL_AXES);
    cr_op_end(y.graph);
    return v;
}

/* With c = min(|e|, delta), both arms are c (|e| - c / 2): a square below delta, a line above, and
 * nothing that could overflow before it is chosen. */
cr_value cr_huber_at(cr_loc at, cr_value y, cr_value t, float delta)
{
    if (!cr_alike(at, "huber", y, t))
        return no_loss(y);
    cr_graph *g = y.graph;
    if (!(delta > 0) || !isfinite(delta))
        return cr_mistake(g, at, "huber: delta is %g; it must be above 0", (double)delta);
    cr_op_begin(g, "huber", at);
    cr_value e = cr_abs_at(at, cr_sub_at(at, y, t));
    cr_value c = cr_min_at(at, e, cr_f32(g, delta));
    cr_value half = cr_mul_at(at, c, cr_f32(g, 0.5f));
    cr_value v = cr_mean_at(at, cr_mul_at(at, c, cr_sub_at(at, e, half)), CR_ALL_AXES);
    cr_op_end(g);
    return v;
}

/* ---- cross-entropies ------------------------------------------------------------------------- */

/* x shifted by its maximum so that no exponential overflows. The shift changes neither value nor
 * gradient of what follows, and so none is computed for it. */
static cr_value shifted(cr_loc at, cr_value x)
{
    return cr_sub_at(at, x, cr_detach_at(at, cr_amax_keep_at(at, x, CR_LAST_AXIS)));
}

/* The sum over the classes of x where `hit`, [n...]. Selected, not multiplied by 1 beside zeros: an
 * infinite logit elsewhere would make NaN of 0 * inf. */
static cr_value sum_where(cr_loc at, cr_value hit, cr_value x)
{
    return cr_sum_at(at, cr_select_at(at, hit, x, cr_f32(x.graph, 0)), CR_LAST_AXIS);
}

/* log(sum(exp(s))) - s[label], [n] */
cr_value cr_softmax_cross_entropy_at(cr_loc at, cr_value logits, cr_value labels)
{
    const char *op = "softmax_cross_entropy";
    if (!cr_scores_and_labels(at, op, logits, labels))
        return no_loss(logits);
    cr_op_begin(logits.graph, op, at);
    cr_value s = shifted(at, logits);
    cr_value all = cr_log_at(at, cr_sum_at(at, cr_exp_at(at, s), CR_LAST_AXIS));
    cr_value own = sum_where(at, cr_at_label(at, logits, labels), s);
    cr_value v = cr_mean_at(at, cr_sub_at(at, all, own), CR_ALL_AXES);
    cr_op_end(logits.graph);
    return v;
}

static cr_value clipped(cr_loc at, cr_value p)
{
    return cr_clamp_at(at, p, smallest_probability, 1 - smallest_probability);
}

/* Logarithms of the probabilities of classes. */
static cr_value log_probabilities(cr_loc at, cr_value y, bool probabilities)
{
    if (!probabilities)
        return cr_log_softmax_at(at, y);
    cr_value p = cr_div_at(at, y, cr_sum_keep_at(at, y, CR_LAST_AXIS));
    return cr_log_at(at, clipped(at, p));
}

/* Sum over the classes of t log p; nothing where t is 0, be log p infinite. [n...] */
static cr_value expected(cr_loc at, cr_value logp, cr_value t)
{
    if (cr_value_dtype(t) == CR_I32)
        return sum_where(at, cr_at_label(at, logp, t), logp);
    cr_value zero = cr_f32(t.graph, 0);
    return sum_where(at, cr_ne_at(at, t, zero), cr_mul_at(at, t, logp));
}

static bool wrong_options(cr_loc at, const char *op, cr_graph *g, const cr_cross_entropy_options *o)
{
    if (o->label_smoothing >= 0 && o->label_smoothing < 1)
        return false;
    cr_mistake(g, at, "%s: label_smoothing is %g; it must be in [0, 1)", op,
               (double)o->label_smoothing);
    return true;
}

cr_value cr_cross_entropy_at(cr_loc at, cr_value y, cr_value t,
                             const cr_cross_entropy_options *options)
{
    const char *op = "cross_entropy";
    const cr_cross_entropy_options o = options ? *options : (cr_cross_entropy_options){0};
    if (!cr_usable(at, op, (const cr_value[]){y, t}, 2))
        return no_loss(y);
    const bool fits =
        cr_value_dtype(t) == CR_I32 ? cr_scores_and_labels(at, op, y, t) : cr_alike(at, op, y, t);
    cr_graph *g = y.graph;
    if (!fits || wrong_options(at, op, g, &o))
        return no_loss(y);
    if (cr_value_shape(y).rank < 1)
        return refuse(at, op, y, t, "needs an axis of classes");
    cr_op_begin(g, op, at);
    cr_value logp = log_probabilities(at, y, o.probabilities);
    cr_value sum = expected(at, logp, t);
    if (o.label_smoothing > 0) { /* t becomes (1 - a) t + a / classes */
        cr_value even = cr_mean_at(at, logp, CR_LAST_AXIS);
        sum = cr_add_at(at, cr_mul_at(at, cr_f32(g, 1 - o.label_smoothing), sum),
                        cr_mul_at(at, cr_f32(g, o.label_smoothing), even));
    }
    cr_value v = cr_neg_at(at, cr_mean_at(at, sum, CR_ALL_AXES));
    cr_op_end(g);
    return v;
}

/* -(t log p + (1 - t) log(1 - p)) */
static cr_value of_probability(cr_loc at, cr_value y, cr_value t)
{
    cr_value one = cr_f32(y.graph, 1), p = clipped(at, y);
    cr_value yes = cr_mul_at(at, t, cr_log_at(at, p));
    cr_value no = cr_mul_at(at, cr_sub_at(at, one, t), cr_log_at(at, cr_sub_at(at, one, p)));
    return cr_neg_at(at, cr_add_at(at, yes, no));
}

/* The same of p = sigmoid(y): log(1 + exp(y)) - t y. */
static cr_value of_logit(cr_loc at, cr_value y, cr_value t)
{
    return cr_sub_at(at, cr_softplus_at(at, y), cr_mul_at(at, t, y));
}

cr_value cr_binary_cross_entropy_at(cr_loc at, cr_value y, cr_value t,
                                    const cr_cross_entropy_options *options)
{
    const char *op = "binary_cross_entropy";
    const cr_cross_entropy_options o = options ? *options : (cr_cross_entropy_options){0};
    if (!cr_alike(at, op, y, t) || wrong_options(at, op, y.graph, &o))
        return no_loss(y);
    cr_graph *g = y.graph;
    cr_op_begin(g, op, at);
    if (o.label_smoothing > 0)
        t = cr_add_at(at, cr_mul_at(at, t, cr_f32(g, 1 - o.label_smoothing)),
                      cr_f32(g, 0.5f * o.label_smoothing));
    cr_value each = o.probabilities ? of_probability(at, y, t) : of_logit(at, y, t);
    cr_value v = cr_mean_at(at, each, CR_ALL_AXES);
    cr_op_end(g);
    return v;
}
