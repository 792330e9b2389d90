/* ahead.c - while a launch works on a step, it fetches the rows that the next one begins with.
 * requires: launches
 * provides: launch->ahead
 *
 * A step begins by gathering the rows of its batch, which lie anywhere in a data set larger than
 * any cache. Which rows the next step takes is known once the states that count steps have their
 * next values, and these are cheap to compute again: so the rows' lines are asked for before the
 * dearest stage behind the first, whose work hides how long they take. They are only asked for: a
 * wrong guess would cost time. */
#include "passes.h"

struct looker {
    cr_pass_context *cx;
    const cr_plan *plan;
    const cr_graph *g;
    const bool *live;
    uint32_t stage;             /* before which they are fetched */
    bool *node, *load, *assign; /* per node */
    bool next;                  /* states have the values of the next step */
    bool ok;                    /* all can be computed */
    uint32_t looked;
};

/* The assign that a step ends with for this state; 0: none. */
static cr_ref assign_of(const struct looker *l, cr_ref state)
{
    for (uint32_t i = 0; i < l->g->root.len; i++) {
        const cr_node *n = cr_at(l->g, l->g->root.at[i]);
        if (l->live[l->g->root.at[i]] && n->op == CR_OP_ASSIGN && n->src[0] == state)
            return l->g->root.at[i];
    }
    return 0;
}

static bool is_cheap(const cr_node *n)
{
    return cr_kind_of(n) == CR_KIND_EW || n->op == CR_OP_cast || n->op == CR_OP_iota ||
           n->op == CR_OP_CONST || n->op == CR_OP_gather || n->op == CR_OP_expand ||
           n->op == CR_OP_reshape;
}

/* In memory before that stage begins? */
static bool is_there(const struct looker *l, cr_ref r)
{
    const uint32_t home = l->plan->home[r];
    if (!home || l->plan->phase.at[home - 1].stage >= l->stage)
        return false;
    const cr_phase *p = &l->plan->phase.at[home - 1];
    for (uint32_t i = 0; i < p->nstore; i++)
        if (p->store[i].value == r && !p->store[i].assign)
            return true;
    return false;
}

/* What r is computed from; a shared node counts each time. */
static void look(struct looker *l, cr_ref r)
{
    enum { FEW = 64 };
    const cr_node *n = cr_at(l->g, r);
    l->ok &= ++l->looked <= FEW; /* more is not cheap */
    if (!l->ok)
        return;
    const cr_ref assign = n->op == CR_OP_STATE && l->next ? assign_of(l, r) : 0;
    if (assign) {
        l->ok = cr_shape_of(l->g, r)->rank == 0;
        l->assign[assign] = true;
        l->next = false;
        look(l, cr_at(l->g, assign)->src[1]);
        l->next = true;
    } else if (n->op == CR_OP_STATE || n->op == CR_OP_INPUT || (!l->next && is_there(l, r))) {
        const cr_ref copy = l->plan->copy_of[r];
        l->load[copy && is_there(l, copy) ? copy : r] = true;
    } else if (is_cheap(n)) {
        l->node[r] = true;
        for (int i = 0; i < n->nsrc; i++)
            look(l, n->src[i]);
    } else {
        l->ok = false;
    }
}

static const cr_ref *list(struct looker *l, const bool *of, uint32_t *n)
{
    cr_ref *out = cr_arena_alloc(&l->cx->plan->arena, l->g->node.len * sizeof *out);
    *n = 0;
    for (cr_ref r = 1; out && r < l->g->node.len; r++)
        if (of[r])
            out[(*n)++] = r;
    return out;
}

/* Rows of a data set, of a size that caches hold? */
static bool is_worth(const cr_graph *g, cr_ref r)
{
    enum { LEAST = 64, MOST = 1 << 17 };
    const cr_node *n = cr_at(g, r);
    if (n->op != CR_OP_gather || cr_at(g, n->src[0])->op != CR_OP_INPUT ||
        cr_shape_of(g, n->src[1])->rank != 1)
        return false;
    const uint64_t rows = (uint64_t)cr_count_of(g, n->src[1]), bytes = cr_bytes_of(g, r);
    return bytes / rows >= LEAST && bytes <= MOST;
}

static bool look_ahead(struct looker *l, cr_launch *launch, cr_ref gather)
{
    const uint32_t size = l->g->node.len;
    l->node = cr_arena_alloc(&l->cx->scratch, size * sizeof *l->node);
    l->load = cr_arena_alloc(&l->cx->scratch, size * sizeof *l->load);
    l->assign = cr_arena_alloc(&l->cx->scratch, size * sizeof *l->assign);
    if (!l->node || !l->load || !l->assign)
        return false;
    l->next = l->ok = true;
    l->looked = 0;
    look(l, cr_at(l->g, gather)->src[1]);
    cr_ahead a = {.stage = l->stage, .gather = gather};
    l->load[cr_at(l->g, gather)->src[0]] = true;
    a.assign = list(l, l->assign, &a.nassign);
    a.node = list(l, l->node, &a.nnode);
    a.load = list(l, l->load, &a.nload);
    if (l->ok && a.nassign > 0) /* else every step gathers the same rows */
        launch->ahead = a;
    return a.assign && a.node && a.load;
}

/* The stage that costs most, not the first. */
static uint32_t dearest(const cr_plan *plan, const cr_launch *launch)
{
    uint32_t best = 0;
    double most = -1, cost = 0;
    for (uint32_t i = 0; i < launch->nphase; i++) {
        const cr_phase *p = &plan->phase.at[launch->phase[i]];
        if (i == 0 || p->stage != plan->phase.at[launch->phase[i - 1]].stage)
            cost = 0;
        cost += p->cost_us;
        if (p->stage != plan->phase.at[launch->phase[0]].stage && cost > most)
            most = cost, best = p->stage;
    }
    return best;
}

cr_status cr_pass_ahead(cr_pass_context *cx)
{
    cr_plan *plan = cx->plan;
    bool ok = true;
    if (!plan->repeat || plan->target->resident_groups == 0 || /* simulators, which know no hints */
        plan->launch.at[0].nstage < 2 || plan->launch.at[0].local > 1 ||
        plan->options.reference_schedule)
        return CR_OK;
    cr_launch *launch = &plan->launch.at[0];
    struct looker l = {.cx = cx,
                       .plan = plan,
                       .g = plan->graph,
                       .live = cr_live_nodes(plan->graph, &cx->scratch),
                       .stage = dearest(plan, launch)};
    ok = l.live != NULL;
    for (uint32_t i = 0; ok && i < launch->nphase && !launch->ahead.gather; i++) {
        const cr_phase *p = &plan->phase.at[launch->phase[i]];
        if (p->stage != plan->phase.at[launch->phase[0]].stage)
            break;
        for (uint32_t k = 0; ok && k < p->nnode && !launch->ahead.gather; k++)
            if (is_worth(plan->graph, p->node[k]))
                ok = look_ahead(&l, launch, p->node[k]);
    }
    cx->changes = launch->ahead.gather != 0;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "ahead: out of memory");
}
