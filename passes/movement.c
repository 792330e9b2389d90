/* movement.c - the algebra of movement ops and reductions: rules that look at shapes and axes,
 * which a term cannot say. Each function answers for one row of rules.def. */
#include "rewrite.h"

/* ---- helpers --------------------------------------------------------------------------------- */

/* n, the source of its operand, and the shapes on the way, copied: tables move while nodes are
 * made. */
struct view {
    const cr_node *n;
    cr_node inner;     /* n's source */
    cr_shape out, mid; /* of n and of its source */
    cr_shape in;       /* of the source's source; a scalar where it has none */
    const int64_t *attr, *inner_attr;
    int rank;
};

static struct view look(const cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    struct view v = {.n = n,
                     .inner = *cr_at(g, n->src[0]),
                     .out = g->shape.at[n->shape],
                     .mid = *cr_shape_of(g, n->src[0]),
                     .attr = g->attr.at[n->attr].at,
                     .inner_attr = cr_attr_of(g, n->src[0])->at};
    if (v.inner.nsrc)
        v.in = *cr_shape_of(g, v.inner.src[0]);
    v.rank = v.out.rank;
    return v;
}

/* n with x as its source. */
static cr_ref with_source(cr_rewriter *rw, const cr_node *n, cr_ref x)
{
    cr_node copy = *n;
    copy.src[0] = x;
    return cr_emit(rw, &copy);
}

/* Reads each element of its result from anywhere in its source, which a constant does not mind. */
static bool is_index_map(const cr_node *n)
{
    return n->op == CR_OP_reshape || n->op == CR_OP_permute || n->op == CR_OP_expand ||
           n->op == CR_OP_slice || n->op == CR_OP_window || n->op == CR_OP_flip;
}

static bool same_shape(const cr_rewriter *rw, const cr_node *n)
{
    return cr_at(cr_rewriter_graph(rw), n->src[0])->shape == n->shape;
}

/* ---- constants and scalars ------------------------------------------------------------------- */

cr_ref cr_rule_move_splat(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    int64_t bits;
    if (!is_index_map(n) || !cr_is_splat(g, n->src[0], &bits))
        return 0;
    if (n->op == CR_OP_expand && cr_at(g, n->src[0])->op == CR_OP_CONST && n->shape != 0)
        return 0; /* is a splat itself */
    return cr_emit_splat(rw, (cr_dtype)n->dtype, bits, n->shape);
}

cr_ref cr_rule_move_scalar(cr_rewriter *rw, const cr_node *n)
{
    if (!is_index_map(n))
        return 0;
    struct view v = look(rw, n);
    if (v.inner.op != CR_OP_expand || v.in.rank != 0)
        return 0;
    return v.rank == 0 ? v.inner.src[0]
                       : cr_emit_move(rw, CR_OP_expand, v.inner.src[0], &v.out, NULL, 0);
}

cr_ref cr_rule_pad_splat(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t bits;
    if (!cr_is_splat(cr_rewriter_graph(rw), n->src[0], &bits) || bits != v.attr[v.rank])
        return 0;
    return cr_emit_splat(rw, (cr_dtype)n->dtype, bits, n->shape);
}

cr_ref cr_rule_concat_splat(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    int64_t x, y;
    if (!cr_is_splat(g, n->src[0], &x) || !cr_is_splat(g, n->src[1], &y) || x != y)
        return 0;
    return cr_emit_splat(rw, (cr_dtype)n->dtype, x, n->shape);
}

cr_ref cr_rule_gather_splat(cr_rewriter *rw, const cr_node *n)
{
    int64_t bits;
    if (!cr_is_splat(cr_rewriter_graph(rw), n->src[0], &bits))
        return 0;
    return cr_emit_splat(rw, (cr_dtype)n->dtype, bits, n->shape);
}

cr_ref cr_rule_iota_one(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    if (g->shape.at[n->shape].dim[g->attr.at[n->attr].at[0]] != 1)
        return 0;
    return cr_emit_splat(rw, CR_I32, 0, n->shape);
}

/* ---- reshape, permute, expand ---------------------------------------------------------------- */

cr_ref cr_rule_reshape_same(cr_rewriter *rw, const cr_node *n)
{
    return same_shape(rw, n) ? n->src[0] : 0;
}

cr_ref cr_rule_reshape_reshape(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    return v.inner.op == CR_OP_reshape ? with_source(rw, n, v.inner.src[0]) : 0;
}

cr_ref cr_rule_permute_same(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    for (int i = 0; i < v.rank; i++)
        if (v.attr[i] != i)
            return 0;
    return n->src[0];
}

cr_ref cr_rule_permute_permute(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t axes[CR_MAX_RANK];
    if (v.inner.op != CR_OP_permute)
        return 0;
    for (int i = 0; i < v.rank; i++)
        axes[i] = v.inner_attr[v.attr[i]];
    return cr_emit_move(rw, CR_OP_permute, v.inner.src[0], &v.out, axes, (uint32_t)v.rank);
}

cr_ref cr_rule_permute_units(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t last = -1;
    for (int i = 0; i < v.rank; i++) {
        if (v.out.dim[i] == 1)
            continue;
        if (v.attr[i] < last)
            return 0;
        last = v.attr[i];
    }
    return cr_emit_move(rw, CR_OP_reshape, n->src[0], &v.out, NULL, 0);
}

cr_ref cr_rule_window_one(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    if (v.attr[1] != 1 || v.attr[2] != 1)
        return 0;
    return cr_emit_move(rw, CR_OP_reshape, n->src[0], &v.out, NULL, 0);
}

cr_ref cr_rule_flip_flip(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    cr_ref x = n->src[0];
    int64_t axes = v.attr[0];
    if (v.inner.op == CR_OP_flip)
        x = v.inner.src[0], axes ^= v.inner_attr[0];
    for (int i = 0; i < v.rank; i++)
        if (v.out.dim[i] == 1)
            axes &= ~(int64_t)CR_AXIS(i);
    if (axes == v.attr[0] && x == n->src[0])
        return 0;
    return axes ? cr_emit_move(rw, CR_OP_flip, x, &v.out, &axes, 1) : x;
}

cr_ref cr_rule_expand_same(cr_rewriter *rw, const cr_node *n)
{
    return same_shape(rw, n) ? n->src[0] : 0;
}

cr_ref cr_rule_expand_expand(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    return v.inner.op == CR_OP_expand ? with_source(rw, n, v.inner.src[0]) : 0;
}

cr_ref cr_rule_expand_reshape(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int lead = v.mid.rank - v.in.rank;
    if (v.inner.op != CR_OP_reshape || lead < 0)
        return 0;
    for (int i = 0; i < v.mid.rank; i++)
        if (v.mid.dim[i] != (i < lead ? 1 : v.in.dim[i - lead]))
            return 0;
    return with_source(rw, n, v.inner.src[0]);
}

/* ---- slice ----------------------------------------------------------------------------------- */

cr_ref cr_rule_slice_whole(cr_rewriter *rw, const cr_node *n)
{
    return same_shape(rw, n) ? n->src[0] : 0;
}

cr_ref cr_rule_slice_slice(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t begin[CR_MAX_RANK];
    if (v.inner.op != CR_OP_slice)
        return 0;
    for (int i = 0; i < v.rank; i++)
        begin[i] = v.attr[i] + v.inner_attr[i];
    return cr_emit_move(rw, CR_OP_slice, v.inner.src[0], &v.out, begin, (uint32_t)v.rank);
}

cr_ref cr_rule_slice_expand(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int lead = v.mid.rank - v.in.rank;
    if (v.inner.op != CR_OP_expand)
        return 0;
    for (int i = lead; i < v.rank; i++)
        if (v.in.dim[i - lead] != 1 && v.out.dim[i] != v.mid.dim[i])
            return 0;
    return cr_emit_move(rw, CR_OP_expand, v.inner.src[0], &v.out, NULL, 0);
}

cr_ref cr_rule_slice_pad(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t begin[CR_MAX_RANK];
    if (v.inner.op != CR_OP_pad)
        return 0;
    for (int i = 0; i < v.rank; i++) {
        begin[i] = v.attr[i] - v.inner_attr[i];
        if (begin[i] < 0 || begin[i] + v.out.dim[i] > v.in.dim[i])
            return 0;
    }
    return cr_emit_move(rw, CR_OP_slice, v.inner.src[0], &v.out, begin, (uint32_t)v.rank);
}

cr_ref cr_rule_slice_concat(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t begin[CR_MAX_RANK];
    if (v.inner.op != CR_OP_concat)
        return 0;
    int64_t axis = v.inner_attr[0], seam = v.in.dim[axis];
    bool second = v.attr[axis] >= seam;
    if (!second && v.attr[axis] + v.out.dim[axis] > seam)
        return 0;
    memcpy(begin, v.attr, (size_t)v.rank * sizeof *begin);
    if (second)
        begin[axis] -= seam;
    return cr_emit_move(rw, CR_OP_slice, v.inner.src[second], &v.out, begin, (uint32_t)v.rank);
}

/* ---- pad ------------------------------------------------------------------------------------- */

cr_ref cr_rule_pad_nothing(cr_rewriter *rw, const cr_node *n)
{
    return same_shape(rw, n) ? n->src[0] : 0;
}

cr_ref cr_rule_pad_pad(cr_rewriter *rw, const cr_node *n)
{
    struct view v = look(rw, n);
    int64_t attr[CR_MAX_RANK + 1];
    if (v.inner.op != CR_OP_pad || v.attr[v.rank] != v.inner_attr[v.rank])
        return 0;
    for (int i = 0; i < v.rank; i++)
        attr[i] = v.attr[i] + v.inner_attr[i];
    attr[v.rank] = v.attr[v.rank];
    return cr_emit_move(rw, CR_OP_pad, v.inner.src[0], &v.out, attr, (uint32_t)v.rank + 1);
}

/* ---- reductions ------------------------------------------------------------------------------ */

/* 0 + x, which is not x: -0.0 becomes 0. */
static cr_ref sum_of_one(cr_rewriter *rw, const cr_node *n)
{
    cr_ref zero = cr_emit_splat(rw, (cr_dtype)n->dtype, 0, n->shape);
    cr_node add = {
        .op = CR_OP_add, .dtype = n->dtype, .nsrc = 2, .src = {n->src[0], zero}, .shape = n->shape};
    return zero ? cr_emit(rw, &add) : 0;
}

cr_ref cr_rule_reduce_one(cr_rewriter *rw, const cr_node *n)
{
    if (cr_kind_of(n) != CR_KIND_RED)
        return 0;
    struct view v = look(rw, n);
    int64_t axes = v.attr[0];
    for (int i = 0; i < v.mid.rank; i++)
        if (v.mid.dim[i] == 1)
            axes &= ~(int64_t)CR_AXIS(i);
    if (axes != 0 && axes == v.attr[0])
        return 0;
    if (axes != 0) {
        cr_node fewer = *n;
        fewer.attr = cr_intern_attr(cr_rewriter_graph(rw), &axes, 1);
        return cr_emit(rw, &fewer);
    }
    switch (n->op) {
    case CR_OP_sum: return sum_of_one(rw, n);
    case CR_OP_amax: return n->src[0];
    default: return cr_emit_splat(rw, CR_I32, 0, n->shape);
    }
}

cr_ref cr_rule_reduce_reduce(cr_rewriter *rw, const cr_node *n)
{
    if (n->op != CR_OP_sum && n->op != CR_OP_amax)
        return 0;
    struct view v = look(rw, n);
    if (v.inner.op != n->op || !cr_used_once(rw, n->src[0]))
        return 0;
    if (n->dtype == CR_F32 && !cr_rewriter_fast(rw))
        return 0;
    int64_t axes = v.attr[0] | v.inner_attr[0];
    return cr_emit_move(rw, (cr_op)n->op, v.inner.src[0], &v.out, &axes, 1);
}
