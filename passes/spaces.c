/* spaces.c - what is in every space, and what the host computes when it gathers the batch. */
#include "spaces.h"

#include "copy.h"

bool cr_is_free(const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    if (n->op == CR_OP_iota)
        return true;
    if (n->op == CR_OP_expand)
        n = cr_at(g, n->src[0]);
    return n->op == CR_OP_CONST;
}

cr_ref cr_copy_free(cr_graph *g, const cr_graph *from, cr_ref r, cr_space space)
{
    const cr_node *n = cr_at(from, r);
    cr_ref x = n->nsrc ? cr_copy_node(g, from, n->src[0], NULL, space, NULL) : 0;
    return n->nsrc && !x ? 0 : cr_copy_node(g, from, r, &x, space, NULL);
}

cr_ref cr_gathered_input(const cr_graph *g, cr_ref r)
{
    if (cr_at(g, r)->op != CR_OP_gather)
        return 0;
    cr_ref table = cr_at(g, r)->src[0];
    while (cr_at(g, table)->op == CR_OP_reshape)
        table = cr_at(g, table)->src[0];
    return cr_at(g, table)->op == CR_OP_INPUT ? table : 0;
}

/* ---- whole numbers made of whole numbers ----------------------------------------------------- */

static bool is_simple(const cr_node *n)
{
    switch (cr_kind_of(n)) {
    case CR_KIND_LEAF:
    case CR_KIND_EW:
    case CR_KIND_MOV: return true;
    case CR_KIND_PRIM: return n->op == CR_OP_gather || n->op == CR_OP_cast || n->op == CR_OP_iota;
    default: return false;
    }
}

/* One pass over the nodes; false when the next value of a state turned out not to be whole, so that
 * the state must stay with the device, which computes it, and whole[] has to be found anew. */
static bool find_whole(const cr_graph *g, bool *whole, bool *tainted)
{
    bool stable = true;
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        whole[r] = n->dtype != CR_F32 && is_simple(n) && !tainted[r];
        for (int i = 0; i < n->nsrc; i++)
            whole[r] = whole[r] && whole[n->src[i]];
    }
    for (uint32_t i = 0; i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op != CR_OP_ASSIGN || whole[n->src[1]] || tainted[n->src[0]])
            continue;
        tainted[n->src[0]] = true;
        stable = stable && !whole[n->src[0]];
    }
    return stable;
}

/* ---- what feeds the host --------------------------------------------------------------------- */

struct marker {
    const cr_graph *g;
    const bool *held, *whole;
    bool *host;
    bool grew;
};

static void mark(struct marker *m, cr_ref r)
{
    m->grew = m->grew || !m->host[r];
    m->host[r] = true;
}

/* A held table with its reshapes, which may be f32. */
static void mark_table(struct marker *m, cr_ref gather)
{
    cr_ref r = cr_at(m->g, gather)->src[0];
    mark(m, gather);
    for (; cr_at(m->g, r)->op == CR_OP_reshape; r = cr_at(m->g, r)->src[0])
        mark(m, r);
    mark(m, r);
}

static void mark_down(struct marker *m)
{
    m->grew = false;
    for (cr_ref r = m->g->node.len; r-- > 1;) {
        const cr_node *n = cr_at(m->g, r);
        cr_ref input = cr_gathered_input(m->g, r);
        if (input && m->held[input])
            mark_table(m, r);
        if (n->op == CR_OP_ASSIGN && m->host[n->src[0]] && m->whole[n->src[1]])
            mark(m, n->src[1]);
        for (int i = 0; m->host[r] && i < n->nsrc; i++)
            if (m->whole[n->src[i]])
                mark(m, n->src[i]);
    }
}

bool *cr_host_side(const cr_graph *g, const bool *held, bool states_on_host, cr_arena *a)
{
    bool *whole = cr_arena_alloc(a, g->node.len * sizeof *whole);
    bool *tainted = cr_arena_alloc(a, g->node.len * sizeof *tainted);
    bool *host = cr_arena_alloc(a, g->node.len * sizeof *host);
    if (!whole || !tainted || !host)
        return NULL;
    while (!find_whole(g, whole, tainted) && !states_on_host)
        continue;
    for (uint32_t i = 0; states_on_host && i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op == CR_OP_ASSIGN && n->shape == 0 && whole[n->src[1]])
            host[n->src[1]] = true;
    }
    struct marker m = {g, held, whole, host, true};
    while (m.grew)
        mark_down(&m);
    return host;
}
