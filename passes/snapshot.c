/* snapshot.c - what is fetched of a state is its value before the step.
 * requires: a literal graph, all on the device, without transfers
 * provides: an output of a state that the step assigns is an output of a copy of the state
 * breaks:   node numbers
 *
 * All reads in a step see what a state was before it, but an output is fetched when the step is
 * over and the state has its next value. So the output gets a place of its own: a reshape to the
 * same shape, which some phase then computes. Simplify would take it out again, hence after it. */
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
        if (n->op == CR_OP_ASSIGN)
            assigned[n->src[0]] = true;
    }
    return assigned;
}

static cr_ref snapshot_of(cr_graph *g, cr_ref state, const cr_graph *from, cr_ref output)
{
    const cr_node *s = cr_at(g, state);
    cr_node n = {.op = CR_OP_reshape, .nsrc = 1, .dtype = s->dtype, .space = s->space,
                 .shape = s->shape, .src = {state}};
    cr_origin_follow(g, from, output);
    cr_ref made = cr_node_make(g, &n);
    cr_origin_follow(g, from, 0);
    return made;
}

static cr_ref copy(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *user)
{
    struct snapshots *s = user;
    const cr_node *n = cr_at(from, r);
    if (n->op == CR_OP_OUTPUT && s->assigned[n->src[0]]) {
        src[0] = snapshot_of(g, src[0], from, r);
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
