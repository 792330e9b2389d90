/* losses.c - losses and metrics, each one op of the user. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"

cr_value cr_mse_at(cr_loc at, cr_value y, cr_value t)
{
    if (!cr_usable(at, "mse", &y, 1))
        return (cr_value){y.graph, 0};
    cr_op_begin(y.graph, "mse", at);
    cr_value v = cr_mean_at(at, cr_square_at(at, cr_sub_at(at, y, t)), CR_ALL_AXES);
    cr_op_end(y.graph);
    return v;
}

/* Scores [n, classes] and labels i32 [n], of one graph; else a mistake. */
static bool scores_and_labels(cr_loc at, const char *op, cr_value x, cr_value labels)
{
    if (!cr_usable(at, op, (const cr_value[]){x, labels}, 2))
        return false;
    const cr_shape s = cr_value_shape(x), l = cr_value_shape(labels);
    if (s.rank == 2 && l.rank == 1 && s.dim[0] == l.dim[0] && cr_value_dtype(x) == CR_F32 &&
        cr_value_dtype(labels) == CR_I32)
        return true;
    char a[CR_TYPE_TEXT], b[CR_TYPE_TEXT];
    cr_mistake(x.graph, at, "%s(%s, %s): needs scores f32 [n, classes] and labels i32 [n]", op,
               cr_type_text(x.graph, cr_value_dtype(x), &s, a),
               cr_type_text(x.graph, cr_value_dtype(labels), &l, b));
    return false;
}

/* [n, classes]: true at the label. */
static cr_value at_label(cr_loc at, cr_value x, cr_value labels)
{
    const cr_shape s = cr_value_shape(x);
    cr_value column = cr_reshape_at(at, labels, CR_SHAPE(s.dim[0], 1));
    return cr_eq_at(at, column, cr_iota_at(at, x.graph, s, 1));
}

/* log(sum(exp(x))) - x[label], with x shifted by its maximum so that no exponential overflows. The
 * shift changes neither value nor gradient, and so none is computed for it. The label's element is
 * selected, not multiplied by 1 beside zeros: an infinite logit elsewhere would make NaN of
 * 0 * inf. */
cr_value cr_softmax_cross_entropy_at(cr_loc at, cr_value logits, cr_value labels)
{
    const char *op = "softmax_cross_entropy";
    if (!scores_and_labels(at, op, logits, labels))
        return (cr_value){logits.graph, 0};
    cr_graph *g = logits.graph;
    cr_op_begin(g, op, at);
    cr_value shift = cr_detach_at(at, cr_amax_keep_at(at, logits, CR_LAST_AXIS));
    cr_value s = cr_sub_at(at, logits, shift);
    cr_value all = cr_log_at(at, cr_sum_at(at, cr_exp_at(at, s), CR_LAST_AXIS));
    cr_value hit = cr_select_at(at, at_label(at, logits, labels), s, cr_f32(g, 0));
    cr_value loss = cr_sub_at(at, all, cr_sum_at(at, hit, CR_LAST_AXIS));
    cr_value v = cr_mean_at(at, loss, CR_ALL_AXES);
    cr_op_end(g);
    return v;
}

cr_value cr_count_correct_at(cr_loc at, cr_value scores, cr_value labels)
{
    if (!scores_and_labels(at, "count_correct", scores, labels))
        return (cr_value){scores.graph, 0};
    cr_op_begin(scores.graph, "count_correct", at);
    cr_value hit = cr_eq_at(at, cr_argmax_at(at, scores, CR_LAST_AXIS), labels);
    cr_value v = cr_sum_at(at, cr_cast_at(at, hit, CR_I32), CR_ALL_AXES);
    cr_op_end(scores.graph);
    return v;
}
