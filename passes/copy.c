/* copy.c - copying nodes into a new graph. */
#include "copy.h"

cr_ref cr_copy_node(cr_graph *g, const cr_graph *from, cr_ref r, const cr_ref *src, cr_space space,
                    const cr_shape *shape)
{
    cr_node n = *cr_at(from, r);
    const cr_attr *attr = cr_attr_of(from, r);
    for (int i = 0; i < n.nsrc; i++)
        n.src[i] = src[i];
    n.space = (uint8_t)space;
    n.shape = cr_intern_shape(g, shape ? shape : cr_shape_of(from, r));
    n.attr = cr_intern_attr(g, attr->at, attr->len);
    cr_origin_follow(g, from, r);
    cr_ref made = cr_is_root(&n) ? cr_root_add(g, &n) : cr_node_make(g, &n);
    cr_origin_follow(g, from, 0);
    return made;
}

cr_graph *cr_copy_with(const cr_graph *from, const bool *live, cr_copy_fn *copy, void *user,
                       cr_arena *scratch)
{
    cr_graph *g = cr_graph_like(from);
    cr_ref *remap = cr_arena_alloc(scratch, from->node.len * sizeof *remap);
    if (!live)
        live = cr_live_nodes(from, scratch);
    if (!g || !remap || !live) {
        cr_graph_destroy(g);
        return NULL;
    }
    for (cr_ref r = 1; r < from->node.len && g->status == CR_OK; r++) {
        const cr_node *n = cr_at(from, r);
        cr_ref src[3] = {0};
        for (int i = 0; i < n->nsrc; i++)
            src[i] = remap[n->src[i]];
        if (live[r])
            remap[r] = copy(g, from, r, src, user);
    }
    return g;
}

static cr_ref as_it_is(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *user)
{
    (void)user;
    return cr_copy_node(g, from, r, src, (cr_space)cr_at(from, r)->space, NULL);
}

cr_graph *cr_copy_live(const cr_graph *from, const bool *live, cr_arena *scratch)
{
    return cr_copy_with(from, live, as_it_is, NULL, scratch);
}

cr_ref cr_copy_state(cr_graph *g, cr_ref state, const cr_graph *from, cr_ref root)
{
    const cr_node *s = cr_at(g, state);
    cr_node n = {.op = CR_OP_reshape,
                 .nsrc = 1,
                 .dtype = s->dtype,
                 .space = s->space,
                 .shape = s->shape,
                 .src = {state}};
    cr_origin_follow(g, from, root);
    cr_ref made = cr_node_make(g, &n);
    cr_origin_follow(g, from, 0);
    return made;
}
