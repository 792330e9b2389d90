/* order.c - put phases, copies and host work into steps; phases into launches.
 * requires: levels of phases, copies and host nodes; schedules
 * provides: plan->step, plan->launch, plan->repeat, plan->step_us
 *
 * Items of equal level are independent. Fused, the phases of a level share a launch side by side;
 * in the other variants each op of the user is a launch.
 *
 * Where the whole step is phases it may be one launch, which then runs many steps: of one
 * work-group, or of resident ones that meet at a barrier after each level. The cost model chooses
 * among the three, from what a launch, waking a unit and a barrier cost on the target. */
#include <math.h>

#include "passes.h"

struct orderer {
    cr_pass_context *cx;
    cr_plan *plan;
    uint32_t
        *first; /* scratch, per origin: 1 + the place of its first phase in the level; else 0 */
};

static int by_level(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* ---- launches ------------------------------------------------------------------------------- */

static bool add_launch(struct orderer *o, const uint32_t *phase, uint32_t n, uint32_t nstage)
{
    cr_plan *plan = o->plan;
    cr_launch l = {.nphase = n, .nstage = nstage, .local = 1};
    uint32_t *list = cr_arena_alloc(&plan->arena, n * sizeof *list);
    if (!list)
        return false;
    memcpy(list, phase, n * sizeof *list);
    l.phase = list;
    for (uint32_t i = 0; i < n; i++) {
        const cr_phase *p = &plan->phase.at[phase[i]];
        l.groups += p->groups;
        l.local = CR_MAX(l.local, (uint32_t)p->schedule.local);
        l.local_bytes = CR_MAX(l.local_bytes, cr_panel_offset(p, CR_PANELS));
    }
    if (nstage > 1 || plan->repeat)
        l.groups = 1;
    cr_plan_step s = {.kind = CR_PLAN_LAUNCH, .launch = plan->launch.len};
    return cr_vec_push(&plan->launch, l) && cr_vec_push(&plan->step, s);
}

/* By the cost of a group. A GPU takes groups one by one: dearest first, so that the last to finish
 * are short. CPU runtimes deal out falling chunks (half of what is left, say): cheapest first, so
 * that the dear ones are dealt one by one. */
static void sort_by_cost(const cr_plan *plan, uint32_t *phase, uint32_t n)
{
    const bool cpu = cr_target_class(plan->target) == CR_CLASS_CPU;
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t k = i; k > 0; k--) {
            const cr_phase *a = &plan->phase.at[phase[k - 1]], *b = &plan->phase.at[phase[k]];
            double ca = a->cost_us / (double)a->groups, cb = b->cost_us / (double)b->groups;
            if (cpu ? ca <= cb : ca >= cb)
                break;
            uint32_t t = phase[k];
            phase[k] = phase[k - 1];
            phase[k - 1] = t;
        }
}

/* Phases in one kernel, unless a form is asked for. A compiler's time grows faster than a kernel:
 * of a residual net's 156 phases one kernel takes PoCL 76 s, a kernel for each level 27 s in all;
 * its step takes 7.0 ms then, and 9.4. */
enum { SIDE_BY_SIDE = 64 };

/* Phases of one launch have one local size; most kernels of a class share it, so that a mixed level
 * makes a launch for each size. */
static bool add_level(struct orderer *o, uint32_t *phase, uint32_t n)
{
    const uint32_t most = o->plan->options.launches == CR_LAUNCH_PHASES ? 1 : SIDE_BY_SIDE;
    while (n > 0) {
        uint32_t now[SIDE_BY_SIDE], k = 0, rest = 0;
        int32_t local = o->plan->phase.at[phase[0]].schedule.local;
        for (uint32_t i = 0; i < n; i++) {
            if (o->plan->phase.at[phase[i]].schedule.local == local && k < most)
                now[k++] = phase[i];
            else
                phase[rest++] = phase[i];
        }
        sort_by_cost(o->plan, now, k);
        if (!add_launch(o, now, k, 1))
            return false;
        n = rest;
    }
    return true;
}

/* The phases of one op of the user: one launch, of one group when they must follow each other,
 * unless so much work is better spread over several launches. */
static bool add_op(struct orderer *o, uint32_t *phase, uint32_t n)
{
    enum { ALONE_US = 200 };
    const cr_plan *plan = o->plan;
    uint32_t nstage = 1;
    double cost = 0;
    bool one_size = true;
    for (uint32_t i = 1; i < n; i++) /* by stage; few, so by insertion */
        for (uint32_t k = i;
             k > 0 && plan->phase.at[phase[k - 1]].stage > plan->phase.at[phase[k]].stage; k--) {
            uint32_t t = phase[k];
            phase[k] = phase[k - 1];
            phase[k - 1] = t;
        }
    for (uint32_t i = 0; i < n; i++) {
        const cr_phase *p = &plan->phase.at[phase[i]];
        cost += p->cost_us;
        if (i == 0)
            continue;
        one_size &= p->schedule.local == plan->phase.at[phase[0]].schedule.local;
        nstage += p->stage != plan->phase.at[phase[i - 1]].stage;
    }
    if (nstage == 1)
        return add_level(o, phase, n);
    if (one_size && cost < ALONE_US)
        return add_launch(o, phase, n, nstage);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && plan->phase.at[phase[k]].stage == plan->phase.at[phase[i]].stage;)
            k++;
        if (!add_level(o, phase + i, k - i))
            return false;
    }
    return true;
}

/* The phases of an op of the user together, ops in the order of their first phase. */
static bool add_level_by_origin(struct orderer *o, uint32_t *phase, uint32_t n)
{
    uint64_t *sorted = cr_arena_alloc(&o->cx->scratch, n * sizeof *sorted);
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t origin = o->plan->phase.at[phase[i]].origin;
        if (origin && !o->first[origin])
            o->first[origin] = i + 1;
        sorted[i] = (uint64_t)(origin ? o->first[origin] - 1 : i) << 32 | phase[i];
    }
    for (uint32_t i = 0; i < n; i++)
        o->first[o->plan->phase.at[phase[i]].origin] = 0;
    qsort(sorted, n, sizeof *sorted, by_level);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && sorted[k] >> 32 == sorted[i] >> 32; k++)
            phase[k] = (uint32_t)sorted[k];
        if (!add_op(o, phase + i, k - i))
            return false;
    }
    return true;
}

/* ---- one launch for the whole step ---------------------------------------------------------- */

static bool only_phases(const cr_plan *plan)
{
    for (cr_ref r = 1; r < plan->graph->node.len; r++)
        if (plan->level[r] || cr_at(plan->graph, r)->space != CR_SPACE_DEVICE)
            return false;
    return true;
}

/* Time of a step as one launch a level with all compute units working; as one work-group; and as
 * resident groups. Working together, a unit reads from memory what others have written; alone, from
 * its own cache. Resident groups keep the same columns in every step, so that only what the step
 * itself computes crosses between them. */
struct estimate {
    double launches, alone, together;
};

/* How long `units` work on a phase of a stage, of which groups are dealt in turn or in equal
 * ranges. */
static double shared_out(const cr_phase *p, double units)
{
    double groups = (double)p->groups, each = p->cost_us / groups;
    return groups < units ? p->cost_us / units : each * ceil(groups / units);
}

/* `sorted`: phases by level. */
static struct estimate estimate(const cr_plan *plan, const uint64_t *sorted, uint32_t n)
{
    const cr_target *t = plan->target;
    const double units = (double)t->compute_units, resident = CR_MAX(1, (double)t->resident_groups);
    const double bytes_per_us = t->bandwidth_gbs * 1e3;
    struct estimate e = {0};
    const double busy =
        units * (double)t->groups_per_unit; /* groups that use all units to the full */
    for (uint32_t i = 0; i < n;) {
        const uint64_t level = sorted[i] >> 32;
        double total = 0, longest = 0, crossing = 0, shared = 0, computed = 0;
        for (; i < n && sorted[i] >> 32 == level; i++) {
            const cr_phase *p = &plan->phase.at[(uint32_t)sorted[i]];
            total += p->cost_us;
            longest = CR_MAX(longest, p->cost_us / (double)p->groups);
            crossing += (double)p->bytes_read;
            shared += shared_out(p, resident);
            for (uint32_t k = 0; k < p->nload; k++)
                if (!cr_is_named_leaf(cr_at(plan->graph, p->load[k])))
                    computed += (double)cr_bytes_of(plan->graph, p->load[k]);
        }
        e.launches += t->launch_us + t->wake_us +
                      CR_MAX((total + crossing * (1 - 1 / units) / bytes_per_us) / units, longest);
        e.together += t->meet_us + CR_MAX(shared, longest) * CR_MAX(1, busy / resident) +
                      computed * (1 - 1 / resident) / bytes_per_us / resident;
        e.alone += total * (double)t->groups_per_unit;
    }
    e.alone += 0.3; /* its share of a launch of many steps */
    e.together += 0.3;
    return e;
}

static bool one_local_size(const cr_plan *plan)
{
    for (uint32_t i = 1; i < plan->phase.len; i++)
        if (plan->phase.at[i].schedule.local != plan->phase.at[0].schedule.local)
            return false;
    return true;
}

/* Resident groups should be faster by more than noise than launches, of which a runtime deals out
 * the groups as units come free. */
static const double SURE = 1.05;

static bool one_launch(struct orderer *o, const uint64_t *sorted, uint32_t n)
{
    cr_plan *plan = o->plan;
    if (n == 0)
        return true;
    struct estimate e = estimate(plan, sorted, n);
    const cr_launch_form form = plan->options.launches;
    bool resident = form != CR_LAUNCH_ALONE && plan->target->resident_groups > 1;
    if (form == CR_LAUNCH_BEST)
        resident &= e.together < e.alone && e.together * SURE < e.launches &&
                    e.alone < e.launches * plan->target->fallback;
    plan->step_us = e.launches;
    if (form == CR_LAUNCH_LEVELS || form == CR_LAUNCH_PHASES ||
        plan->options.variant != CR_VARIANT_FUSED || !only_phases(plan) || !one_local_size(plan) ||
        (form == CR_LAUNCH_BEST &&
         (n > SIDE_BY_SIDE || (resident ? e.together : e.alone) >= e.launches)))
        return true;
    uint32_t *all = cr_arena_alloc(&o->cx->scratch, n * sizeof *all);
    if (!all)
        return false;
    for (uint32_t i = 0; i < n; i++)
        all[i] = (uint32_t)sorted[i];
    plan->alone_us = e.alone;
    plan->together_us = resident ? e.together : e.alone;
    plan->step_us = plan->together_us;
    plan->repeat = true;
    uint32_t nstage = 1;
    for (uint32_t i = 1; i < n; i++)
        nstage += sorted[i] >> 32 != sorted[i - 1] >> 32;
    if (!add_launch(o, all, n, nstage))
        return false;
    plan->launch.at[0].resident = resident;
    if (resident)
        plan->launch.at[0].groups = (uint64_t)plan->target->resident_groups;
    return true;
}

/* ---- copies and host work ------------------------------------------------------------------- */

/* What is ordered, sorted: level first, then number. */
struct by_level {
    uint64_t *at;
    uint32_t n, next;
};

/* The items of a level, which is asked for in rising order. */
static uint32_t take_level(struct by_level *list, uint32_t level, const uint64_t **first)
{
    uint32_t begin = list->next;
    while (list->next < list->n && (uint32_t)(list->at[list->next] >> 32) == level)
        list->next++;
    *first = list->at + begin;
    return list->next - begin;
}

static bool add_copies(struct orderer *o, struct by_level *copies, uint32_t level)
{
    const uint64_t *first;
    uint32_t n = take_level(copies, level, &first);
    for (uint32_t i = 0; i < n; i++) {
        cr_plan_step s = {.kind = CR_PLAN_COPY, .copy = (cr_ref)first[i]};
        if (!cr_vec_push(&o->plan->step, s))
            return false;
    }
    return true;
}

/* Neighbours in time without a device step between them are one step. */
static bool add_host(struct orderer *o, struct by_level *host, uint32_t level)
{
    const uint64_t *first;
    uint32_t n = take_level(host, level, &first);
    if (n == 0)
        return true;
    cr_plan_step *last = o->plan->step.len ? &o->plan->step.at[o->plan->step.len - 1] : NULL;
    if (last && last->kind != CR_PLAN_HOST)
        last = NULL;
    uint32_t before = last ? last->nnode : 0;
    cr_ref *list = cr_arena_alloc(&o->plan->arena, (before + n) * sizeof *list);
    if (!list)
        return false;
    if (before)
        memcpy(list, last->node, before * sizeof *list);
    for (uint32_t i = 0; i < n; i++)
        list[before + i] = (cr_ref)first[i];
    cr_plan_step s = {.kind = CR_PLAN_HOST, .node = list, .nnode = before + n};
    if (!last)
        return cr_vec_push(&o->plan->step, s);
    *last = s;
    return true;
}

static bool add_phases(struct orderer *o, struct by_level *phases, uint32_t level)
{
    const uint64_t *first;
    uint32_t n = take_level(phases, level, &first);
    if (n == 0)
        return true;
    uint32_t *phase = cr_arena_alloc(&o->cx->scratch, n * sizeof *phase);
    if (!phase)
        return false;
    for (uint32_t i = 0; i < n; i++)
        phase[i] = (uint32_t)first[i];
    if (o->plan->options.variant == CR_VARIANT_FUSED)
        return add_level(o, phase, n);
    return add_level_by_origin(o, phase, n);
}

/* ---- the pass ------------------------------------------------------------------------------- */

static void put(struct by_level *list, uint32_t level, uint32_t what)
{
    list->at[list->n++] = (uint64_t)level << 32 | what;
}

/* Phases, copies and host nodes, each by level. */
static bool sort(struct orderer *o, struct by_level *phases, struct by_level *copies,
                 struct by_level *host)
{
    const cr_plan *plan = o->plan;
    uint32_t nodes = plan->graph->node.len;
    phases->at = cr_arena_alloc(&o->cx->scratch, (plan->phase.len + 1) * sizeof *phases->at);
    copies->at = cr_arena_alloc(&o->cx->scratch, nodes * sizeof *copies->at);
    host->at = cr_arena_alloc(&o->cx->scratch, nodes * sizeof *host->at);
    if (!phases->at || !copies->at || !host->at)
        return false;
    for (uint32_t i = 0; i < plan->phase.len; i++)
        put(phases, plan->phase.at[i].level, i);
    for (cr_ref r = 1; r < nodes; r++) {
        const cr_node *n = cr_at(plan->graph, r);
        if (!plan->level[r])
            continue;
        put(n->op == CR_OP_COPY ? copies : host, plan->level[r] - 1, r);
    }
    struct by_level *lists[] = {phases, copies, host};
    for (int i = 0; i < 3; i++)
        if (lists[i]->n)
            qsort(lists[i]->at, lists[i]->n, sizeof *lists[i]->at, by_level);
    return true;
}

static uint32_t end_of(const struct by_level *list)
{
    return list->n ? (uint32_t)(list->at[list->n - 1] >> 32) + 1 : 0;
}

cr_status cr_pass_order(cr_pass_context *cx)
{
    struct orderer o = {.cx = cx, .plan = cx->plan};
    cr_plan *plan = cx->plan;
    struct by_level phases = {0}, copies = {0}, host = {0};
    o.first = cr_arena_alloc(&cx->scratch, plan->graph->origins.len * sizeof *o.first);
    bool ok = o.first && sort(&o, &phases, &copies, &host);
    uint32_t nlevel = CR_MAX(end_of(&phases), CR_MAX(end_of(&copies), end_of(&host)));
    ok = ok && one_launch(&o, phases.at, phases.n);
    for (uint32_t level = 0; ok && !plan->repeat && level < nlevel; level++)
        ok = add_host(&o, &host, level) && add_copies(&o, &copies, level) &&
             add_phases(&o, &phases, level);
    cx->changes = plan->launch.len;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "order: out of memory");
}
