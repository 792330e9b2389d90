/* early.c - small states whose next value is written early in the step.
 *
 * All reads in a step see what a state was before it. So a counter that the step begins with and
 * that its last phases use once more (which rows of the data are the batch?) would get its next
 * value when all else is done: by a launch of its own, or behind a barrier of its own. Instead a
 * phase copies it first, the phases that come later read the copy, and the next value is written
 * while they still work. */
#include "copy.h"
#include "fuser.h"

enum { SMALL = 256 }; /* bytes of a state */

static bool is_small(const cr_graph *g, cr_ref assign)
{
    const cr_node *n = cr_at(g, assign);
    return n->op == CR_OP_ASSIGN && on_device(n) && n->src[0] != n->src[1] &&
           cr_bytes_of(g, n->src[0]) <= SMALL;
}

/* A node for each copy that may be made, before any list of nodes is. */
bool cr_reserve_copies(struct fuser *f)
{
    cr_graph *g = f->cx->graph;
    const cr_ref most = 2 * g->node.len; /* at worst all nodes are states */
    cr_ref *copy_of = cr_arena_alloc(&f->plan->arena, most * sizeof *copy_of);
    for (uint32_t i = 0; copy_of && f->fused && i < g->root.len; i++) {
        const cr_ref state = cr_at(g, g->root.at[i])->src[0], last = g->node.len;
        if (!is_small(g, g->root.at[i]) || copy_of[state])
            continue;
        const cr_ref made = cr_copy_state(g, state, g, g->root.at[i]);
        if (made >= last) /* else an output is that copy */
            copy_of[state] = made;
    }
    CR_ASSERT(!copy_of || g->node.len <= most);
    f->plan->copy_of = copy_of;
    return copy_of && g->status == CR_OK;
}

/* Is the next value made of what is in memory when the step begins? */
static bool begins_with_leaves(const struct fuser *f, const cr_phase *p)
{
    for (uint32_t i = 0; i < p->nload; i++)
        if (!cr_is_named_leaf(cr_at(f->g, p->load[i])))
            return false;
    return true;
}

static bool add_copy(struct fuser *f, cr_ref state)
{
    const cr_ref copy = f->plan->copy_of[state];
    f->home[copy] = f->draft.len + 1;
    return cr_draft_move(f, state, copy, 0);
}

/* The copy is younger than any node: lists stay in order. */
static bool read_copy(struct fuser *f, cr_phase *p, cr_ref state)
{
    cr_ref *list = cr_arena_alloc(&f->plan->arena, (p->nload + 1) * sizeof *list);
    uint32_t n = 0;
    for (uint32_t i = 0; list && i < p->nload; i++)
        if (p->load[i] != state)
            list[n++] = p->load[i];
    if (!list || n == p->nload)
        return list;
    list[n++] = f->plan->copy_of[state];
    for (uint32_t i = n - 1; i > 0 && list[i - 1] > list[i]; i--) {
        const cr_ref t = list[i];
        list[i] = list[i - 1];
        list[i - 1] = t;
    }
    p->load = list;
    return true;
}

static bool write_early(struct fuser *f, uint32_t writer, cr_ref state)
{
    const uint32_t n = f->draft.len;
    bool ok = add_copy(f, state);
    for (uint32_t d = 0; ok && d < n; d++)
        if (d != writer && f->draft.at[d].phase.level > 0)
            ok = read_copy(f, &f->draft.at[d].phase, state);
    return ok;
}

/* The state that the phase does nothing but write, if a copy of it would let it do so early. */
static cr_ref small_state(const struct fuser *f, const cr_phase *p)
{
    if (p->nstore != 1 || !p->store[0].assign || !begins_with_leaves(f, p))
        return 0;
    const cr_ref state = cr_at(f->g, p->store[0].assign)->src[0];
    const cr_ref copy = f->plan->copy_of[state];
    return copy && !f->home[copy] ? state : 0; /* and there is none yet */
}

bool cr_write_early(struct fuser *f, bool *changed)
{
    const uint32_t n = f->draft.len;
    uint32_t last = 0;
    bool ok = true;
    for (uint32_t d = 0; d < n; d++)
        if (f->draft.at[d].phase.nstore)
            last = CR_MAX(last, f->draft.at[d].phase.level);
    *changed = last >= 2;
    for (uint32_t d = 0; *changed && d < n; d++) /* beside others it may stay where it is */
        if (f->draft.at[d].phase.nstore && f->draft.at[d].phase.level == last)
            *changed = small_state(f, &f->draft.at[d].phase) != 0;
    for (uint32_t d = 0; *changed && ok && d < n; d++)
        if (f->draft.at[d].phase.nstore && f->draft.at[d].phase.level == last)
            ok = write_early(f, d, small_state(f, &f->draft.at[d].phase));
    return ok;
}
