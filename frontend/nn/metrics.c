/* metrics.c - counts of what a model gets right, each one op of the user. Counts are i32, so that
 * sums over any number of batches are exact. */
#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "scores.h"

static cr_value count(cr_loc at, cr_value hit)
{
    return cr_sum_at(at, cr_cast_at(at, hit, CR_I32), CR_ALL_AXES);
}

cr_value cr_count_correct_at(cr_loc at, cr_value scores, cr_value labels)
{
    if (!cr_scores_and_labels(at, "count_correct", scores, labels))
        return (cr_value){scores.graph, 0};
    cr_op_begin(scores.graph, "count_correct", at);
    cr_value v = count(at, cr_eq_at(at, cr_argmax_at(at, scores, CR_LAST_AXIS), labels));
    cr_op_end(scores.graph);
    return v;
}

cr_value cr_count_binary_at(cr_loc at, cr_value scores, cr_value targets, float threshold)
{
    const char *op = "count_binary";
    if (!cr_alike(at, op, scores, targets))
        return (cr_value){scores.graph, 0};
    cr_graph *g = scores.graph;
    if (!isfinite(threshold))
        return cr_mistake(g, at, "%s: the threshold is not finite", op);
    cr_op_begin(g, op, at);
    cr_value said = cr_gt_at(at, scores, cr_f32(g, threshold));
    cr_value v = count(at, cr_eq_at(at, said, cr_gt_at(at, targets, cr_f32(g, 0.5f))));
    cr_op_end(g);
    return v;
}

/* How many classes come before the label's: those that are not below it, of equals the ones before
 * it. [n...] */
static cr_value place_of_label(cr_loc at, cr_value scores, cr_value labels)
{
    cr_graph *g = scores.graph;
    cr_shape s = cr_value_shape(scores), column = s;
    column.dim[s.rank - 1] = 1;
    cr_value hit = cr_at_label(at, scores, labels);
    cr_value own = cr_sum_keep_at(at, cr_select_at(at, hit, scores, cr_f32(g, 0)), CR_LAST_AXIS);
    cr_value index = cr_iota_at(at, g, s, s.rank - 1);
    cr_value later = cr_le_at(at, cr_reshape_at(at, labels, column), index);
    cr_value behind =
        cr_or_at(at, cr_lt_at(at, scores, own), cr_and_at(at, cr_eq_at(at, scores, own), later));
    return cr_sum_at(at, cr_cast_at(at, cr_not_at(at, behind), CR_I32), CR_LAST_AXIS);
}

cr_value cr_count_top_k_at(cr_loc at, cr_value scores, cr_value labels, int64_t k)
{
    const char *op = "count_top_k";
    if (!cr_scores_and_labels(at, op, scores, labels))
        return (cr_value){scores.graph, 0};
    cr_graph *g = scores.graph;
    const cr_shape s = cr_value_shape(scores);
    if (k < 1 || !cr_dim_literal(s.dim[s.rank - 1]) || k > s.dim[s.rank - 1])
        return cr_mistake(g, at, "%s: k is %lld; it must be from 1 to the number of classes", op,
                          (long long)k);
    cr_op_begin(g, op, at);
    cr_value classes = cr_i32(g, (int32_t)s.dim[s.rank - 1]);
    cr_value inside =
        cr_and_at(at, cr_ge_at(at, labels, cr_i32(g, 0)), cr_lt_at(at, labels, classes));
    cr_value near = cr_lt_at(at, place_of_label(at, scores, labels), cr_i32(g, (int32_t)k));
    cr_value v = count(at, cr_and_at(at, inside, near));
    cr_op_end(g);
    return v;
}

/* Sums of ones are exact in f32 up to 2^24. */
cr_value cr_confusion_matrix_at(cr_loc at, cr_value scores, cr_value labels)
{
    const char *op = "confusion_matrix";
    if (!cr_scores_and_labels(at, op, scores, labels))
        return (cr_value){scores.graph, 0};
    cr_graph *g = scores.graph;
    const cr_shape s = cr_value_shape(scores);
    const int64_t classes = s.dim[s.rank - 1];
    if (!cr_dim_literal(classes))
        return cr_mistake(g, at, "%s: the number of classes must be literal", op);
    cr_op_begin(g, op, at);
    cr_value flat = cr_reshape_at(at, scores, CR_SHAPE(-1, classes));
    cr_value is = cr_onehot_at(at, cr_reshape_at(at, labels, CR_SHAPE(-1)), classes);
    cr_value said = cr_onehot_at(at, cr_argmax_at(at, flat, CR_LAST_AXIS), classes);
    cr_value v = cr_cast_at(at, cr_matmul_ex_at(at, is, true, said, false), CR_I32);
    cr_op_end(g);
    return v;
}
