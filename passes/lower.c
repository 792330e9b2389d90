/* lower.c - ops that stand for others are written out: a convolution becomes a contraction over a
 * view (graph/conv.c).
 * requires: a literal graph
 * provides: no CONV; all that a user's op became is still that op (its origin)
 * breaks:   node numbers */
#include "conv.h"
#include "copy.h"
#include "passes.h"

static cr_ref lowered(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *changes)
{
    const cr_node *n = cr_at(from, r);
    if (n->op != CR_OP_conv)
        return cr_copy_node(g, from, r, src, (cr_space)n->space, NULL);
    const cr_loc at = from->origins.at[from->origin.at[r]].at;
    g->open_depth++; /* keeps the builders from opening origins of their own */
    cr_origin_follow(g, from, r);
    cr_value v = cr_conv_expand(at, (cr_value){g, src[0]}, (cr_value){g, src[1]},
                                cr_shape_of(from, r), cr_attr_of(from, r)->at);
    cr_origin_follow(g, from, 0);
    g->open_depth--;
    ++*(uint32_t *)changes;
    return v.ref;
}

cr_status cr_pass_lower(cr_pass_context *cx)
{
    return cr_pass_replace(cx, cr_copy_with(cx->graph, NULL, lowered, &cx->changes, &cx->scratch));
}
