/* snapshot.c - what a root takes of a state is its value before the step.
 * requires: a literal graph, all on the device, without transfers
 * provides: no output and no other state's next value is a state that the step assigns, but a copy
 * breaks:   node numbers
 *
 * All reads in a step see what a state was before it, but an output is fetched when the step is
 * over and the state has its next value, and two states that exchange values would each wait for
 * the other to be read. So the value gets a place of its own: a reshape to the same shape, which
 * some phase then computes. Simplify would take it out again, hence after it. */
#include "copy.h"
#include "passes.h"

struct snapshots {
    bool *assigned; /* per node of the old graph */
    uint32_t made;
};

static bool *find_assigned(const cr_graph *g, cr_arena *a)
{
    bool *assigned = cr_arena_alloc(a, g->node.len * sizeof *assigned);
    for (uint32_t i = 0; assigned && i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op == CR_OP_ASSIGN && n->src[0] != n->src[1])
            assigned[n->src[0]] = true;
    }
    return assigned;
}

static cr_ref copy(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *user)
{
    struct snapshots *s = user;
    const cr_node *n = cr_at(from, r);
    const int value = n->nsrc - 1;
    if (cr_is_root(n) && s->assigned[n->src[value]]) {
        src[value] = cr_copy_state(g, src[value], from, r);
        s->made++;
    }
    return cr_copy_node(g, from, r, src, (cr_space)n->space, NULL);
}

cr_status cr_pass_snapshot(cr_pass_context *cx)
{
    struct snapshots s = {.assigned = find_assigned(cx->graph, &cx->scratch)};
    if (!s.assigned)
        return cr_pass_replace(cx, NULL);
    CR_TRY(cr_pass_replace(cx, cr_copy_with(cx->graph, NULL, copy, &s, &cx->scratch)));
    cx->changes = s.made;
    return CR_OK;
}
