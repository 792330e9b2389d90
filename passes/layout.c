/* layout.c - what a launch of resident groups works on, and how that lies in memory.
 * requires: launches, buffers
 * provides: plan->work, plan->store, plan->work_first; memory, offset and panel of states
 *
 * Such a launch may give up. So it works on a copy of the states that the step assigns, which it
 * commits to the store when all groups have come to its end (module.h).
 *
 * In the copy, a weight whose columns are shared out among the groups lies in panels, one a group:
 * in row-major order the groups' columns would be neighbours in every row, and prefetchers, which
 * run ahead within a page, would take lines from the cache of the unit that is writing them. A step
 * of 784-256-10 at batch 32 took 175 to 190 us on two units so, and 110 to 130 in panels. */
#include "module.h"
#include "passes.h"

/* The columns that a group owns of the states which this phase assigns; 0: groups own no columns,
 * or not all as many. */
static int64_t owned_columns(const cr_plan *plan, const cr_phase *p)
{
    const cr_schedule *s = &p->schedule;
    const int64_t units = (int64_t)plan->launch.at[0].groups;
    if (p->family != CR_FAMILY_CONTRACT || s->reg_m == 0 || p->domain.rank < 2)
        return 0;
    const int64_t rows = p->domain.dim[p->domain.rank - 2], n = p->domain.dim[p->domain.rank - 1];
    const bool by_columns = s->tile_m >= rows && n % s->tile_n == 0 &&
                            (int64_t)p->groups == n / s->tile_n && (int64_t)p->groups % units == 0;
    return by_columns ? n / units : 0;
}

/* 0: row-major. */
static int64_t panel_of(const cr_plan *plan, cr_ref assign)
{
    const cr_ref state = cr_at(plan->graph, assign)->src[0];
    for (uint32_t i = 0; i < plan->phase.len; i++)
        for (uint32_t k = 0; k < plan->phase.at[i].nstore; k++) {
            const cr_phase *p = &plan->phase.at[i];
            if (p->store[k].assign != assign)
                continue;
            if (!cr_shape_equal(cr_shape_of(plan->graph, state), &p->domain))
                return 0;
            const int64_t columns = owned_columns(plan, p),
                          bytes = columns * (int64_t)cr_dtype_size(
                                                (cr_dtype)cr_at(plan->graph, state)->dtype);
            return bytes % CR_WORK_LINE == 0 && bytes < plan->target->apart_bytes ? columns : 0;
        }
    return 0;
}

static bool add_memory(cr_plan *plan, cr_memory_kind kind, uint64_t bytes)
{
    return cr_vec_push(&plan->memory, ((cr_plan_memory){.kind = (int)kind, .bytes = bytes}));
}

/* The part of the store in which all assigned states are, as a memory of its own. */
static bool copy_states(cr_plan *plan, const cr_ref *assign, uint32_t n)
{
    uint64_t first = UINT64_MAX, end = 0;
    for (uint32_t i = 0; i < n; i++) {
        const cr_ref state = cr_at(plan->graph, assign[i])->src[0];
        const cr_buffer *b = &plan->buffer.at[plan->buffer_of[state]];
        plan->store = b->memory;
        first = CR_MIN(first, b->offset);
        end = CR_MAX(end, b->offset + b->bytes);
    }
    plan->work = plan->memory.len;
    plan->work_first = first / CR_WORK_LINE * CR_WORK_LINE;
    for (uint32_t i = 0; i < n; i++) {
        const cr_ref state = cr_at(plan->graph, assign[i])->src[0];
        cr_buffer *b = &plan->buffer.at[plan->buffer_of[state]];
        b->memory = plan->work;
        b->offset -= plan->work_first;
        if (b->offset % CR_WORK_LINE == 0)
            b->panel = panel_of(plan, assign[i]);
    }
    return add_memory(plan, CR_MEMORY_WORK, cr_align_up(end - plan->work_first, CR_WORK_LINE));
}

cr_status cr_pass_layout(cr_pass_context *cx)
{
    cr_plan *plan = cx->plan;
    if (plan->launch.len == 0 || !plan->launch.at[0].resident)
        return CR_OK;
    const bool *live = cr_live_nodes(plan->graph, &cx->scratch);
    cr_ref *assign = cr_arena_alloc(&cx->scratch, plan->graph->node.len * sizeof *assign);
    uint32_t n = 0;
    bool ok =
        live && assign && add_memory(plan, CR_MEMORY_MEETING, CR_MEETING_WORDS * sizeof(int32_t));
    for (cr_ref r = 1; ok && r < plan->graph->node.len; r++)
        if (live[r] && cr_at(plan->graph, r)->op == CR_OP_ASSIGN)
            assign[n++] = r;
    ok = ok && (n == 0 || copy_states(plan, assign, n));
    cx->changes = n;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "layout: out of memory");
}
