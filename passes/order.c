/* order.c - put phases, copies and host work into steps; phases into launches.
 * requires: levels of phases, copies and host nodes; schedules
 * provides: plan->step, plan->launch, plan->repeat, plan->step_us
 *
 * Items of equal level are independent. Fused, the phases of a level share a launch side by side; in
 * the other variants each op of the user is a launch.
 *
 * Where the whole step is phases it may be one launch, which then runs many steps: of one work-group,
 * or of resident ones that meet at a barrier after each level. The cost model chooses among the three,
 * from what a launch, waking a unit and a barrier cost on the target. */
#include <math.h>

#include "passes.h"

struct orderer {
    cr_pass_context *cx;
    cr_plan *plan;
    bool transfers; /* there are copies or host nodes */
};

static int by_level(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* ---- launches --------------------------------------------------------------------------------------- */

static bool add_launch(struct orderer *o, const uint32_t *phase, uint32_t n, uint32_t nstage)
{
    cr_plan *plan = o->plan;
    cr_launch l = {.nphase = n, .nstage = nstage, .local = 1};
    uint32_t *list = cr_arena_alloc(&plan->arena, n * sizeof *list);
    if (!list) return false;
    memcpy(list, phase, n * sizeof *list);
    l.phase = list;
    for (uint32_t i = 0; i < n; i++) {
        const cr_phase *p = &plan->phase.at[phase[i]];
        l.groups += p->groups;
        l.local = CR_MAX(l.local, (uint32_t)p->schedule.local);
        for (int k = 0; k < 2; k++) l.panel_bytes[k] = CR_MAX(l.panel_bytes[k], p->panel_bytes[k]);
    }
    if (nstage > 1 || plan->repeat) l.groups = 1;
    cr_plan_step s = {.kind = CR_PLAN_LAUNCH, .launch = plan->launch.len};
    return cr_vec_push(&plan->launch, l) && cr_vec_push(&plan->step, s);
}

/* By the cost of a group. A GPU takes groups one by one: dearest first, so that the last to finish are
 * short. CPU runtimes deal out falling chunks (half of what is left, say): cheapest first, so that the
 * dear ones are dealt one by one. */
static void sort_by_cost(const cr_plan *plan, uint32_t *phase, uint32_t n)
{
    const bool cpu = cr_target_class(plan->target) == CR_CLASS_CPU;
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t k = i; k > 0; k--) {
            const cr_phase *a = &plan->phase.at[phase[k - 1]], *b = &plan->phase.at[phase[k]];
            double ca = a->cost_us / (double)a->groups, cb = b->cost_us / (double)b->groups;
            if (cpu ? ca <= cb : ca >= cb) break;
            uint32_t t = phase[k];
            phase[k] = phase[k - 1];
            phase[k - 1] = t;
        }
}

/* Phases of one launch have one local size; most kernels of a class share it, so that a mixed level
 * makes a launch for each size. */
static bool add_level(struct orderer *o, uint32_t *phase, uint32_t n)
{
    enum { SIDE_BY_SIDE = 64 }; /* phases in one kernel: compile time and code size */
    while (n > 0) {
        uint32_t now[SIDE_BY_SIDE], k = 0, rest = 0;
        int32_t local = o->plan->phase.at[phase[0]].schedule.local;
        for (uint32_t i = 0; i < n; i++) {
            if (o->plan->phase.at[phase[i]].schedule.local == local && k < SIDE_BY_SIDE) now[k++] = phase[i];
            else phase[rest++] = phase[i];
        }
        sort_by_cost(o->plan, now, k);
        if (!add_launch(o, now, k, 1)) return false;
        n = rest;
    }
    return true;
}

/* The phases of one op of the user: one launch, of one group when they must follow each other, unless
 * so much work is better spread over several launches. */
static bool add_op(struct orderer *o, uint32_t *phase, uint32_t n)
{
    enum { ALONE_US = 200 };
    const cr_plan *plan = o->plan;
    uint32_t nstage = 1;
    double cost = 0;
    bool one_size = true;
    for (uint32_t i = 1; i < n; i++) /* by stage; few, so by insertion */
        for (uint32_t k = i; k > 0 && plan->phase.at[phase[k - 1]].stage > plan->phase.at[phase[k]].stage; k--) {
            uint32_t t = phase[k];
            phase[k] = phase[k - 1];
            phase[k - 1] = t;
        }
    for (uint32_t i = 0; i < n; i++) {
        const cr_phase *p = &plan->phase.at[phase[i]];
        cost += p->cost_us;
        if (i == 0) continue;
        one_size &= p->schedule.local == plan->phase.at[phase[0]].schedule.local;
        nstage += p->stage != plan->phase.at[phase[i - 1]].stage;
    }
    if (nstage == 1) return add_level(o, phase, n);
    if (one_size && cost < ALONE_US) return add_launch(o, phase, n, nstage);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && plan->phase.at[phase[k]].stage == plan->phase.at[phase[i]].stage;) k++;
        if (!add_level(o, phase + i, k - i)) return false;
    }
    return true;
}

static bool add_level_by_origin(struct orderer *o, uint32_t *phase, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t k = i + 1, origin = o->plan->phase.at[phase[i]].origin;
        for (uint32_t j = k; j < n && origin; j++) { /* the op's phases together */
            if (o->plan->phase.at[phase[j]].origin != origin) continue;
            uint32_t t = phase[k];
            phase[k++] = phase[j];
            phase[j] = t;
        }
        if (!add_op(o, phase + i, k - i)) return false;
        i = k;
    }
    return true;
}

/* ---- one launch for the whole step --------------------------------------------------------------------- */

static bool only_phases(const cr_plan *plan)
{
    for (cr_ref r = 1; r < plan->graph->node.len; r++)
        if (plan->level[r] || cr_at(plan->graph, r)->space != CR_SPACE_DEVICE) return false;
    return true;
}

/* Time of a step as one launch a level with all compute units working; as one work-group; and as
 * resident groups. Working together, a unit reads from memory what others have written; alone, from
 * its own cache. Resident groups keep the same columns in every step, so that only what the step itself
 * computes crosses between them. */
struct estimate {
    double launches, alone, together;
};

static bool is_state_or_input(const cr_graph *g, cr_ref r)
{
    return cr_at(g, r)->op == CR_OP_STATE || cr_at(g, r)->op == CR_OP_INPUT;
}

/* How long `units` work on a phase of a stage, of which groups are dealt in turn or in equal ranges. */
static double shared_out(const cr_phase *p, double units)
{
    double groups = (double)p->groups, each = p->cost_us / groups;
    return groups < units ? p->cost_us / units : each * ceil(groups / units);
}

static struct estimate estimate(const cr_plan *plan, uint32_t nlevel)
{
    const cr_target *t = plan->target;
    const double units = (double)t->compute_units, resident = CR_MAX(1, (double)t->resident_groups);
    const double bytes_per_us = t->bandwidth_gbs * 1e3;
    struct estimate e = {0};
    for (uint32_t level = 0; level < nlevel; level++) {
        double total = 0, longest = 0, crossing = 0, shared = 0, computed = 0;
        for (uint32_t i = 0; i < plan->phase.len; i++) {
            const cr_phase *p = &plan->phase.at[i];
            if (p->level != level) continue;
            total += p->cost_us;
            longest = CR_MAX(longest, p->cost_us / (double)p->groups);
            crossing += (double)p->bytes_read;
            shared += shared_out(p, resident);
            for (uint32_t k = 0; k < p->nload; k++)
                if (!is_state_or_input(plan->graph, p->load[k])) computed += (double)cr_bytes_of(plan->graph, p->load[k]);
        }
        e.launches += t->launch_us + t->wake_us +
                      CR_MAX((total + crossing * (1 - 1 / units) / bytes_per_us) / units, longest);
        e.together += t->meet_us + CR_MAX(shared, longest) + computed * (1 - 1 / resident) / bytes_per_us / resident;
        e.alone += total;
    }
    e.alone += 0.3; /* its share of a launch of many steps */
    e.together += 0.3;
    return e;
}

static bool one_local_size(const cr_plan *plan)
{
    for (uint32_t i = 1; i < plan->phase.len; i++)
        if (plan->phase.at[i].schedule.local != plan->phase.at[0].schedule.local) return false;
    return true;
}

static bool one_launch(struct orderer *o, const uint64_t *sorted, uint32_t n, uint32_t nlevel)
{
    cr_plan *plan = o->plan;
    if (n == 0) return true;
    struct estimate e = estimate(plan, nlevel);
    const cr_launch_form form = plan->options.launches;
    bool resident = form != CR_LAUNCH_ALONE && plan->target->resident_groups > 1;
    if (form == CR_LAUNCH_BEST) resident &= e.together < e.alone;
    plan->step_us = e.launches;
    if (form == CR_LAUNCH_LEVELS || plan->options.variant != CR_VARIANT_FUSED || !only_phases(plan) ||
        !one_local_size(plan) || (form == CR_LAUNCH_BEST && (resident ? e.together : e.alone) >= e.launches))
        return true;
    uint32_t *all = cr_arena_alloc(&o->cx->scratch, n * sizeof *all);
    if (!all) return false;
    for (uint32_t i = 0; i < n; i++) all[i] = (uint32_t)sorted[i];
    plan->alone_us = e.alone;
    plan->together_us = resident ? e.together : e.alone;
    plan->step_us = plan->together_us;
    plan->repeat = true;
    if (!add_launch(o, all, n, nlevel)) return false;
    plan->launch.at[0].resident = resident;
    if (resident) plan->launch.at[0].groups = (uint64_t)plan->target->resident_groups;
    return true;
}

/* ---- copies and host work -------------------------------------------------------------------------------- */

static bool add_copies(struct orderer *o, uint32_t level)
{
    for (cr_ref r = 1; r < o->plan->graph->node.len; r++) {
        if (cr_at(o->plan->graph, r)->op != CR_OP_COPY || o->plan->level[r] != level + 1) continue;
        cr_plan_step s = {.kind = CR_PLAN_COPY, .copy = r};
        if (!cr_vec_push(&o->plan->step, s)) return false;
    }
    return true;
}

static bool add_host(struct orderer *o, uint32_t level)
{
    const cr_graph *g = o->plan->graph;
    CR_VEC(cr_ref) list = {0};
    bool ok = true;
    for (cr_ref r = 1; ok && r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        if (n->space == CR_SPACE_HOST && n->op != CR_OP_COPY && n->nsrc && !cr_is_root(n) &&
            o->plan->level[r] == level + 1)
            ok = cr_vec_push(&list, r);
    }
    if (ok && list.len) {
        cr_ref *copy = cr_arena_alloc(&o->plan->arena, list.len * sizeof *copy);
        if (copy) memcpy(copy, list.at, list.len * sizeof *copy);
        /* neighbours in time without a device step between them are one step */
        cr_plan_step *last = o->plan->step.len ? &o->plan->step.at[o->plan->step.len - 1] : NULL;
        if (copy && last && last->kind == CR_PLAN_HOST) {
            cr_ref *both = cr_arena_alloc(&o->plan->arena, (last->nnode + list.len) * sizeof *both);
            if (both) {
                memcpy(both, last->node, last->nnode * sizeof *both);
                memcpy(both + last->nnode, copy, list.len * sizeof *both);
                last->node = both;
                last->nnode += list.len;
            }
            ok = both != NULL;
        } else {
            cr_plan_step s = {.kind = CR_PLAN_HOST, .node = copy, .nnode = list.len};
            ok = copy && cr_vec_push(&o->plan->step, s);
        }
    }
    cr_vec_finish(&list);
    return ok;
}

static bool add_phases(struct orderer *o, const uint64_t *sorted, uint32_t n, uint32_t level, uint32_t *at)
{
    uint32_t first = *at, count = 0;
    while (*at < n && (uint32_t)(sorted[*at] >> 32) == level) (*at)++, count++;
    if (count == 0) return true;
    uint32_t *phase = cr_arena_alloc(&o->cx->scratch, count * sizeof *phase);
    if (!phase) return false;
    for (uint32_t i = 0; i < count; i++) phase[i] = (uint32_t)sorted[first + i];
    if (o->plan->options.variant == CR_VARIANT_FUSED) return add_level(o, phase, count);
    return add_level_by_origin(o, phase, count);
}

cr_status cr_pass_order(cr_pass_context *cx)
{
    struct orderer o = {.cx = cx, .plan = cx->plan};
    cr_plan *plan = cx->plan;
    uint32_t n = plan->phase.len, nlevel = 0, at = 0;
    uint64_t *sorted = cr_arena_alloc(&cx->scratch, (n + 1) * sizeof *sorted);
    bool ok = sorted != NULL;
    for (uint32_t i = 0; ok && i < n; i++) {
        sorted[i] = (uint64_t)plan->phase.at[i].level << 32 | i;
        nlevel = CR_MAX(nlevel, plan->phase.at[i].level + 1);
    }
    if (ok && n) qsort(sorted, n, sizeof *sorted, by_level);
    for (cr_ref r = 1; ok && r < plan->graph->node.len; r++) {
        nlevel = CR_MAX(nlevel, plan->level[r]);
        o.transfers |= plan->level[r] > 0;
    }
    ok = ok && one_launch(&o, sorted, n, nlevel);
    for (uint32_t level = 0; ok && !plan->repeat && level < nlevel; level++)
        ok = (!o.transfers || (add_host(&o, level) && add_copies(&o, level))) && add_phases(&o, sorted, n, level, &at);
    cx->changes = plan->launch.len;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "order: out of memory");
}
