/* prepare.c - layers that make inputs ready: whole images by a constant, features each by what the
 * samples are like, classes as columns. They are ops, so that they fuse into the first kernel. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "layer.h"

cr_value cr_normalize_at(cr_loc at, cr_value x, float mean, float std)
{
    if (!cr_usable(at, "normalize", &x, 1))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    if (!(std > 0))
        return cr_mistake(g, at, "normalize: std is %g; it must be above 0", (double)std);
    cr_op_begin(g, "normalize", at);
    cr_value v = cr_cast_at(at, x, CR_F32);
    if (mean != 0)
        v = cr_sub_at(at, v, cr_f32(g, mean));
    v = cr_mul_at(at, v, cr_f32(g, 1 / std));
    cr_op_end(g);
    return v;
}

cr_value cr_rescale_at(cr_loc at, cr_value x, float scale, float offset)
{
    if (!cr_usable(at, "rescale", &x, 1))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    cr_op_begin(g, "rescale", at);
    cr_value v = cr_mul_at(at, cr_cast_at(at, x, CR_F32), cr_f32(g, scale));
    if (offset != 0)
        v = cr_add_at(at, v, cr_f32(g, offset));
    cr_op_end(g);
    return v;
}

/* (x - NAME.FROM) NAME.factor of each feature. A product and no quotient, so light that all that
 * read x compute it anew rather than have it stored. */
static cr_value by_feature(cr_loc at, const char *op, cr_value x, const char *name,
                           const char *from)
{
    if (!cr_layer_fits(at, op, name, x))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    const cr_shape s = cr_value_shape(x), features = CR_SHAPE(s.dim[s.rank - 1]);
    cr_value begin = cr_layer_state(at, g, op, name, from, 0, features);
    cr_value factor = cr_layer_state(at, g, op, name, "factor", 1, features);
    cr_op_begin(g, op, at);
    cr_value v = cr_mul_at(at, cr_sub_at(at, cr_cast_at(at, x, CR_F32), begin), factor);
    cr_op_end(g);
    return v;
}

cr_value cr_standardize_at(cr_loc at, cr_value x, const char *name)
{
    return by_feature(at, "standardize", x, name, "mean");
}

cr_value cr_scale_range_at(cr_loc at, cr_value x, const char *name)
{
    return by_feature(at, "scale_range", x, name, "low");
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Columns from `first` on, `n` of them, of x. */
static cr_value columns(cr_loc at, cr_value x, int64_t first, int64_t n)
{
    cr_shape size = cr_value_shape(x), begin = {.rank = size.rank};
    begin.dim[size.rank - 1] = first;
    size.dim[size.rank - 1] = n;
    return cr_slice_at(at, x, begin, size);
}

/* [..., 1] -> [..., size]: 1 where the number is that of the column. */
static cr_value as_columns(cr_loc at, cr_value number, int64_t size)
{
    cr_graph *g = number.graph;
    cr_value place = cr_cast_at(at, cr_iota_at(at, g, CR_SHAPE(size), 0), CR_F32);
    return cr_cast_at(at, cr_eq_at(at, number, place), CR_F32);
}

cr_value cr_onehot_column_at(cr_loc at, cr_value x, int64_t column, int64_t size)
{
    static const char op[] = "onehot_column";
    if (!cr_layer_fits(at, op, op, x))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    const cr_shape s = cr_value_shape(x);
    const int64_t n = s.dim[s.rank - 1], before = column - 1;
    if (column < 1 || column > n || size < 1)
        return cr_mistake(g, at, "%s: column %lld as %lld columns, of x with %lld", op,
                          (long long)column, (long long)size, (long long)n);
    cr_op_begin(g, op, at);
    x = cr_cast_at(at, x, CR_F32);
    cr_value v = as_columns(at, columns(at, x, before, 1), size);
    if (before > 0)
        v = cr_concat_at(at, columns(at, x, 0, before), v, s.rank - 1);
    if (column < n)
        v = cr_concat_at(at, v, columns(at, x, column, n - column), s.rank - 1);
    cr_op_end(g);
    return v;
}
