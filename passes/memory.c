/* memory.c - give every value that is in memory a place.
 * requires: stores of phases, steps in order
 * provides: plan->memory, plan->buffer, plan->buffer_of, peak_bytes, bound_bytes
 *
 * States lie in a store at offsets that all programs of a graph share; inputs have memories of
 * their own, kept until they are fed again. All else is live from the step that writes it to the
 * last that reads it, and shares an arena: values are placed by falling size at the lowest offset
 * that no value alive at the same time covers. */
#include "module.h"
#include "passes.h"

struct planner {
    cr_pass_context *cx;
    cr_plan *plan;
    const cr_graph *g;
    uint32_t *time_of_phase; /* stage number over all steps */
    uint32_t *time_of_copy;  /* per node */
    uint32_t now;
    int arena[2], store[2]; /* memory of each space: device, host; -1: none yet */
};

/* ---- memories ------------------------------------------------------------------------------- */

static int memory(struct planner *p, cr_memory_kind kind, cr_ref leaf, uint64_t bytes)
{
    cr_plan_memory m = {.kind = kind, .leaf = leaf, .bytes = bytes};
    return cr_vec_push(&p->plan->memory, m) ? (int)p->plan->memory.len - 1 : -1;
}

static bool buffer(struct planner *p, cr_ref value, int mem, uint64_t offset)
{
    if (mem < 0)
        return false;
    cr_buffer b = {.value = value,
                   .memory = (uint32_t)mem,
                   .offset = offset,
                   .bytes = cr_bytes_of(p->g, value)};
    p->plan->buffer_of[value] = p->plan->buffer.len;
    return cr_vec_push(&p->plan->buffer, b);
}

static uint64_t align(const struct planner *p, uint64_t n)
{
    return cr_align_up(n, (uint64_t)p->plan->target->align_bytes);
}

static const cr_state_slot *shared_slot(const struct planner *p, const char *name)
{
    const cr_plan_options *o = &p->plan->options;
    for (uint32_t i = 0; i < o->nstate; i++)
        if (strcmp(o->state[i].name, name) == 0)
            return &o->state[i];
    return NULL;
}

static bool place_state(struct planner *p, cr_ref r)
{
    bool host = cr_at(p->g, r)->space == CR_SPACE_HOST;
    if (p->store[host] < 0)
        p->store[host] = memory(p, host ? CR_MEMORY_HOST_STORE : CR_MEMORY_STORE, 0,
                                p->plan->options.store_bytes);
    if (p->store[host] < 0)
        return false;
    const cr_state_slot *slot = shared_slot(p, cr_name_of(p->g, r));
    cr_plan_memory *m = &p->plan->memory.at[p->store[host]];
    uint64_t offset = slot ? slot->offset : align(p, m->bytes);
    if (!slot)
        m->bytes = offset + cr_bytes_of(p->g, r);
    return buffer(p, r, p->store[host], offset);
}

static bool place_leaves(struct planner *p, const bool *live)
{
    for (cr_ref r = 1; r < p->g->node.len; r++) {
        const cr_node *n = cr_at(p->g, r);
        if (!live[r])
            continue;
        bool host = n->space == CR_SPACE_HOST;
        if (n->op == CR_OP_STATE && !place_state(p, r))
            return false;
        if (n->op == CR_OP_INPUT && !buffer(p, r,
                                            memory(p, host ? CR_MEMORY_HOST_INPUT : CR_MEMORY_INPUT,
                                                   r, cr_bytes_of(p->g, r)),
                                            0))
            return false;
    }
    return true;
}

/* ---- lifetimes ------------------------------------------------------------------------------ */

static void number_steps(struct planner *p)
{
    const cr_plan *plan = p->plan;
    for (uint32_t i = 0; i < plan->step.len; i++) {
        const cr_plan_step *s = &plan->step.at[i];
        p->now++;
        if (s->kind == CR_PLAN_COPY)
            p->time_of_copy[s->copy] = p->now;
        for (uint32_t k = 0; s->kind == CR_PLAN_HOST && k < s->nnode; k++)
            p->time_of_copy[s->node[k]] = p->now;
        if (s->kind != CR_PLAN_LAUNCH)
            continue;
        const cr_launch *l = &plan->launch.at[s->launch];
        for (uint32_t k = 0; k < l->nphase; k++) {
            if (k > 0 && plan->phase.at[l->phase[k]].stage != plan->phase.at[l->phase[k - 1]].stage)
                p->now++;
            p->time_of_phase[l->phase[k]] = p->now;
        }
    }
}

static bool start_life(struct planner *p, cr_ref value, uint32_t time)
{
    if (p->plan->buffer_of[value])
        return true;
    bool host = cr_at(p->g, value)->space == CR_SPACE_HOST;
    if (p->arena[host] < 0)
        p->arena[host] = memory(p, host ? CR_MEMORY_HOST : CR_MEMORY_ARENA, 0, 0);
    if (!buffer(p, value, p->arena[host], 0))
        return false;
    cr_buffer *b = &p->plan->buffer.at[p->plan->buffer.len - 1];
    b->first = b->last = time;
    return true;
}

static void extend_life(struct planner *p, cr_ref value, uint32_t time)
{
    uint32_t id = p->plan->buffer_of[value];
    CR_ASSERT(id || cr_at(p->g, value)->op == CR_OP_CONST);
    if (id)
        p->plan->buffer.at[id].last = CR_MAX(p->plan->buffer.at[id].last, time);
}

/* What a root, a copy or a host node reads; constants that no phase stores are part of a host
 * step's text. */
static void extend_sources(struct planner *p, cr_ref r, uint32_t time)
{
    const cr_node *n = cr_at(p->g, r);
    for (int i = 0; i < n->nsrc; i++) {
        const cr_node *s = cr_at(p->g, n->src[i]);
        bool made = s->nsrc == 0 && !cr_is_named_leaf(s);
        if (made && !p->plan->buffer_of[n->src[i]])
            continue;
        extend_life(p, n->src[i], time);
    }
}

static bool find_lives(struct planner *p, const bool *live)
{
    const cr_plan *plan = p->plan;
    number_steps(p);
    for (uint32_t i = 0; i < plan->phase.len; i++)
        for (uint32_t k = 0; k < plan->phase.at[i].nstore; k++)
            if (!plan->phase.at[i].store[k].assign &&
                !start_life(p, plan->phase.at[i].store[k].value, p->time_of_phase[i]))
                return false;
    for (cr_ref r = 1; r < p->g->node.len; r++)
        if (p->time_of_copy[r] && !start_life(p, r, p->time_of_copy[r]))
            return false;
    for (uint32_t i = 0; i < plan->phase.len; i++)
        for (uint32_t k = 0; k < plan->phase.at[i].nload; k++)
            extend_life(p, plan->phase.at[i].load[k], p->time_of_phase[i]);
    for (uint32_t i = 0; i < plan->launch.len; i++) /* which is the plan's only one */
        for (uint32_t k = 0; k < plan->launch.at[i].ahead.nload; k++)
            extend_life(p, plan->launch.at[i].ahead.load[k], p->now);
    for (cr_ref r = 1; r < p->g->node.len; r++) {
        const cr_node *n = cr_at(p->g, r);
        if (p->time_of_copy[r])
            extend_sources(p, r, p->time_of_copy[r]);
        if (live[r] && n->op == CR_OP_OUTPUT)
            extend_sources(p, r, UINT32_MAX); /* may be fetched later */
        if (live[r] && n->op == CR_OP_ASSIGN && n->space == CR_SPACE_HOST)
            extend_sources(p, r, UINT32_MAX);
    }
    return true;
}

/* ---- offsets -------------------------------------------------------------------------------- */

struct placed {
    uint32_t id, first;
    uint64_t bytes;
};

static int by_size(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool overlap_in_time(const cr_buffer *a, const cr_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Lowest offset at which `b` meets no value that is already placed and alive with it. `busy` is
 * sorted by offset. */
static uint64_t lowest(const struct planner *p, const cr_buffer *b, const uint32_t *busy,
                       uint32_t n)
{
    uint64_t at = 0, need = align(p, b->bytes);
    for (uint32_t i = 0; i < n; i++) {
        const cr_buffer *o = &p->plan->buffer.at[busy[i]];
        if (!overlap_in_time(b, o))
            continue;
        if (at + need <= o->offset)
            break;
        at = CR_MAX(at, o->offset + align(p, o->bytes));
    }
    return at;
}

/* By falling size, which packs well and looks at all pairs. */
static bool place_by_size(struct planner *p, struct placed *order, uint32_t n, uint64_t *peak)
{
    cr_plan *plan = p->plan;
    uint32_t *busy = cr_arena_alloc(&p->cx->scratch, (n + 1) * sizeof *busy);
    if (!busy)
        return false;
    qsort(order, n, sizeof *order, by_size);
    for (uint32_t i = 0; i < n; i++) {
        cr_buffer *b = &plan->buffer.at[order[i].id];
        b->offset = lowest(p, b, busy, i);
        *peak = CR_MAX(*peak, b->offset + align(p, b->bytes));
        uint32_t k = i;
        for (; k > 0 && plan->buffer.at[busy[k - 1]].offset > b->offset; k--)
            busy[k] = busy[k - 1];
        busy[k] = order[i].id;
    }
    return true;
}

/* In order of time, into the first gap among what is alive: for plans of very many values. */
static bool place_by_time(struct planner *p, const struct placed *order, uint32_t n, uint64_t *peak)
{
    enum { SEARCH = 1024 }; /* gaps to look at before taking the end */
    cr_plan *plan = p->plan;
    uint32_t *alive = cr_arena_alloc(&p->cx->scratch, (n + 1) * sizeof *alive), count = 0;
    if (!alive)
        return false;
    for (uint32_t i = 0; i < n; i++) { /* order: as the values are made */
        cr_buffer *b = &plan->buffer.at[order[i].id];
        if (i == 0 || b->first != plan->buffer.at[order[i - 1].id].first) {
            uint32_t kept = 0;
            for (uint32_t k = 0; k < count; k++)
                if (plan->buffer.at[alive[k]].last >= b->first)
                    alive[kept++] = alive[k];
            count = kept;
        }
        uint64_t at = 0, need = align(p, b->bytes);
        uint32_t k = 0;
        for (; k < count && k < SEARCH; k++) {
            const cr_buffer *o = &plan->buffer.at[alive[k]];
            if (at + need <= o->offset)
                break;
            at = o->offset + align(p, o->bytes);
        }
        if (k == SEARCH) {
            const cr_buffer *top = &plan->buffer.at[alive[count - 1]];
            at = top->offset + align(p, top->bytes);
            k = count;
        }
        memmove(alive + k + 1, alive + k, (count++ - k) * sizeof *alive);
        alive[k] = order[i].id;
        b->offset = at;
        *peak = CR_MAX(*peak, at + need);
    }
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool place_arena(struct planner *p, int mem, uint64_t *peak)
{
    enum { MANY = 4096 };
    cr_plan *plan = p->plan;
    uint32_t n = 0, count = 0;
    for (uint32_t i = 1; i < plan->buffer.len; i++)
        count += plan->buffer.at[i].memory == (uint32_t)mem;
    struct placed *order = cr_arena_alloc(&p->cx->scratch, (count + 1) * sizeof *order);
    if (!order)
        return false;
    for (uint32_t i = 1; i < plan->buffer.len; i++) {
        const cr_buffer *b = &plan->buffer.at[i];
        if (b->memory == (uint32_t)mem)
            order[n++] = (struct placed){i, b->first, b->bytes};
    }
    *peak = 0;
    if (n > MANY)
        qsort(order, n, sizeof *order, by_time);
    bool ok = n > MANY ? place_by_time(p, order, n, peak) : place_by_size(p, order, n, peak);
    plan->memory.at[mem].bytes = *peak;
    return ok;
}

/* The largest sum of live bytes over the steps: no placement needs less. */
static bool bound(struct planner *p, int mem, uint64_t *out)
{
    int64_t *change = cr_arena_alloc(&p->cx->scratch, (p->now + 3) * sizeof *change), sum = 0,
            top = 0;
    if (!change)
        return false;
    for (uint32_t i = 1; i < p->plan->buffer.len; i++) {
        const cr_buffer *b = &p->plan->buffer.at[i];
        if (b->memory != (uint32_t)mem)
            continue;
        change[b->first] += (int64_t)align(p, b->bytes);
        change[CR_MIN(b->last, p->now) + 1] -= (int64_t)align(p, b->bytes);
    }
    for (uint32_t t = 0; t <= p->now + 1; t++) {
        sum += change[t];
        top = CR_MAX(top, sum);
    }
    *out = (uint64_t)top;
    return true;
}

cr_status cr_pass_memory(cr_pass_context *cx)
{
    struct planner p = {
        .cx = cx, .plan = cx->plan, .g = cx->plan->graph, .arena = {-1, -1}, .store = {-1, -1}};
    cr_plan *plan = cx->plan;
    uint32_t n = p.g->node.len;
    bool *live = cr_live_nodes(p.g, &cx->scratch);
    plan->buffer_of = cr_arena_alloc(&plan->arena, n * sizeof *plan->buffer_of);
    p.time_of_phase = cr_arena_alloc(&cx->scratch, (plan->phase.len + 1) * sizeof *p.time_of_phase);
    p.time_of_copy = cr_arena_alloc(&cx->scratch, n * sizeof *p.time_of_copy);
    uint64_t host_peak = 0;
    bool ok = live && plan->buffer_of && p.time_of_phase && p.time_of_copy &&
              cr_vec_push(&plan->buffer, (cr_buffer){0}) && place_leaves(&p, live) &&
              find_lives(&p, live);
    if (ok && p.arena[0] >= 0)
        ok = place_arena(&p, p.arena[0], &plan->peak_bytes) &&
             bound(&p, p.arena[0], &plan->bound_bytes);
    if (ok && p.arena[1] >= 0)
        ok = place_arena(&p, p.arena[1], &host_peak);
    cx->changes = plan->buffer.len;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "memory: out of memory");
}
