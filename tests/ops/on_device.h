/* on_device.h - a graph through passes, codegen and executor for any target, with guard words:
 * every byte of the arena and of the store that no buffer holds must be as it was.
 *
 *     struct setup s = {.name = "gpu", .target = "gpu", .variant = CR_VARIANT_FUSED};
 *     const char *why = compare_on_device(g, &s, seed, WILD);
 *
 * Targets of other vector widths, units and classes than the device's give other schedules; all of
 * them are OpenCL C 1.2, which runs anywhere. */
#ifndef CR_TESTS_ON_DEVICE_H
#define CR_TESTS_ON_DEVICE_H

#include <criterion/criterion.h>

#include "codegen.h"
#include "compile.h"
#include "passes.h"
#include "prop/compare.h"
#include "runtime.h"
#include "tuned.h"

struct setup {
    const char *name;
    const char *target; /* "cpu", "gpu"; NULL: the device's own */
    int vector_width, compute_units, max_group, local_bytes, cache_bytes; /* 0: as the target has */
    cr_variant variant;
    bool reference;
    cr_launch_form launches;
    int resident_groups; /* 0: as the target has it */
    bool barriers;       /* many barriers and local sizes above 1 in one kernel */
    uint64_t max_resident_bytes;
    uint32_t tuned; /* seed of measured schedules, drawn for all contractions; 0: none */
};

/* All that choose other schedules or other launches. */
static const struct setup setups[] = {
    {.name = "fused"},
    {.name = "unfused", .variant = CR_VARIANT_UNFUSED},
    {.name = "naive", .variant = CR_VARIANT_NAIVE},
    {.name = "reference", .reference = true},
    {.name = "many launches", .launches = CR_LAUNCH_LEVELS},
    {.name = "scalars, one unit", .target = "cpu", .vector_width = 1, .compute_units = 1},
    {.name = "vectors of 4, three units", .target = "cpu", .vector_width = 4, .compute_units = 3},
    {.name = "vectors of 8, launches",
     .target = "cpu",
     .vector_width = 8,
     .launches = CR_LAUNCH_LEVELS},
    {.name = "gpu", .target = "gpu", .launches = CR_LAUNCH_PHASES},
    {.name = "gpu, unfused", .target = "gpu", .variant = CR_VARIANT_UNFUSED},
    {.name = "gpu, small groups",
     .target = "gpu",
     .max_group = 8,
     .local_bytes = 1024,
     .launches = CR_LAUNCH_PHASES},
    {.name = "gpu, few units", .target = "gpu", .compute_units = 3, .launches = CR_LAUNCH_PHASES},
    {.name = "gpu, reference", .target = "gpu", .reference = true},
    {.name = "inputs on the host", .max_resident_bytes = 8},
    {.name = "drawn schedules", .tuned = 1},
    {.name = "drawn schedules, vectors of 4", .target = "cpu", .vector_width = 4, .tuned = 2},
    {.name = "gpu, drawn schedules", .target = "gpu", .launches = CR_LAUNCH_PHASES, .tuned = 3},
    {.name = "one group", .launches = CR_LAUNCH_ALONE},
    {.name = "resident groups", .launches = CR_LAUNCH_RESIDENT},
    {.name = "more groups than run", .launches = CR_LAUNCH_RESIDENT, .resident_groups = 1000},
    {.name = "gpu, side by side", .target = "gpu", .launches = CR_LAUNCH_LEVELS, .barriers = true},
    {.name = "gpu, one group", .target = "gpu", .launches = CR_LAUNCH_ALONE, .barriers = true},
    {.name = "gpu, resident groups",
     .target = "gpu",
     .launches = CR_LAUNCH_RESIDENT,
     .resident_groups = 2,
     .barriers = true},
};

enum { GUARD_BYTES = 256, GUARD_VALUE = 0xa5 };

/* ---- guards ---------------------------------------------------------------------------------- */

static inline void add_guard(cr_module *m, uint32_t memory, uint64_t offset, uint64_t bytes)
{
    m->slot[m->nslot] = (cr_slot){
        .kind = CR_SLOT_STATE,
        .name = cr_arena_printf(&m->arena, "guard %u", m->nslot),
        .memory = memory,
        .offset = offset,
        .bytes = bytes,
        .dtype = CR_U8,
        .shape = {1, {(int64_t)bytes}},
    };
    m->nslot++;
}

/* What lies between the buffers of a memory, and some bytes behind them, become states. */
static inline void guard_memory(cr_module *m, const cr_plan *plan, uint32_t memory)
{
    uint64_t bytes = m->memory[memory].bytes + GUARD_BYTES;
    uint8_t *used = calloc(bytes, 1);
    for (uint32_t i = 1; i < plan->buffer.len; i++)
        if (plan->buffer.at[i].memory == memory)
            memset(used + plan->buffer.at[i].offset, 1, plan->buffer.at[i].bytes);
    for (uint32_t i = 0; i < m->nslot; i++) /* states of which a launch works on a copy */
        if (m->slot[i].memory == memory)
            memset(used + m->slot[i].offset, 1, m->slot[i].bytes);
    for (uint64_t i = 0, end = 0; i < bytes; i = end) {
        while (i < bytes && used[i])
            i++;
        for (end = i; end < bytes && !used[end];)
            end++;
        if (end > i)
            add_guard(m, memory, i, end - i);
    }
    free(used);
    m->memory[memory].bytes = bytes;
    m->memory[memory].kind = CR_MEMORY_STORE; /* so that a test can write and read it */
}

static inline void add_guards(cr_module *m, const cr_plan *plan)
{
    cr_slot *slot = cr_arena_alloc(&m->arena, (m->nslot + 2 * plan->buffer.len + 8) * sizeof *slot);
    if (m->nslot)
        memcpy(slot, m->slot, m->nslot * sizeof *slot);
    m->slot = slot;
    for (uint32_t i = 0; i < m->nmemory; i++)
        if (m->memory[i].kind == CR_MEMORY_ARENA || m->memory[i].kind == CR_MEMORY_STORE)
            guard_memory(m, plan, i);
}

static inline bool is_guard(const cr_slot *s)
{
    return s->kind == CR_SLOT_STATE && strncmp(s->name, "guard ", 6) == 0;
}

static inline cr_status write_guards(cr_exec *x)
{
    const cr_module *m = cr_exec_module(x);
    cr_status status = CR_OK;
    for (uint32_t i = 0; i < m->nslot && status == CR_OK; i++) {
        if (!is_guard(&m->slot[i]))
            continue;
        uint8_t *data = malloc(m->slot[i].bytes);
        memset(data, GUARD_VALUE, m->slot[i].bytes);
        status = cr_store_write(cr_exec_store(x), m->slot[i].name, data, m->slot[i].bytes);
        free(data);
    }
    return status;
}

static inline void check_guards(cr_exec *x, char *why, size_t size)
{
    const cr_module *m = cr_exec_module(x);
    for (uint32_t i = 0; i < m->nslot && !*why; i++) {
        const cr_slot *s = &m->slot[i];
        if (!is_guard(s))
            continue;
        uint8_t *data = malloc(s->bytes);
        cr_assert_eq(cr_store_read(cr_exec_store(x), s->name, data, s->bytes), CR_OK);
        for (uint64_t k = 0; k < s->bytes && !*why; k++)
            if (data[k] != GUARD_VALUE)
                snprintf(why, size, "byte %llu of %s, which no buffer holds, was written",
                         (unsigned long long)(s->offset + k), m->memory[s->memory].name);
        free(data);
    }
}

/* ---- compiling and running ------------------------------------------------------------------- */

/* One for the process: opening takes longer than a small graph. */
static inline cr_device *the_device(void)
{
    static cr_device *device;
    if (!device)
        device = cr_device_open(NULL);
    cr_assert(device, "%s", cr_error());
    return device;
}

/* PoCL up to 3.1 miscompiles kernels of several phases with work-groups of many work-items:
 * Oclgrind, Intel's runtime and GPUs run them right. */
static inline bool is_for_device(const struct setup *s)
{
    return !s->barriers || !strstr(cr_device_describe(the_device())->platform, "Portable");
}

static inline void target_of(const struct setup *s, cr_target *out)
{
    cr_device_to_target(cr_device_describe(the_device()), out);
    bool fence = out->device_fence; /* the device's, whatever else is said of it */
    if (s->target)
        *out = *cr_target_builtin(s->target);
    out->device_fence = fence;
    if (s->vector_width)
        out->vector_width = s->vector_width;
    if (s->compute_units)
        out->compute_units = s->compute_units;
    if (s->max_group)
        out->max_group = s->max_group;
    if (s->local_bytes)
        out->local_bytes = s->local_bytes;
    if (s->cache_bytes)
        out->cache_bytes = s->cache_bytes;
    if (s->resident_groups)
        out->resident_groups = s->resident_groups;
}

static inline int32_t drawn(uint32_t *state, int32_t most)
{
    *state = *state * 1664525u + 1013904223u;
    return 1 + (int32_t)((*state >> 8) % (uint32_t)most);
}

/* As `crisol tune` might find them, or worse: half of the tiles are larger than the product. */
static inline cr_tuned draw_schedule(uint32_t *state, bool gpu)
{
    cr_tuned u = {.reg_m = drawn(state, gpu ? 4 : 14), .reg_n = drawn(state, 3)};
    u.tile_m = drawn(state, drawn(state, 2) == 1 ? 40 : 1 << 20);
    u.tile_n = drawn(state, drawn(state, 2) == 1 ? 70 : 1 << 20);
    u.block_k = drawn(state, 40);
    if (gpu) {
        u.tile_m = u.reg_m * drawn(state, 12);
        u.tile_n = u.reg_n * drawn(state, 12);
    }
    return u;
}

/* For each contraction of the graph, in the arena. */
static inline cr_status draw_schedules(const cr_graph *g, cr_plan_options *o,
                                       const cr_target *target, uint32_t seed, cr_arena *a)
{
    cr_pass_context cx = {.graph = cr_graph_copy(g), .target = target, .options = *o};
    CR_TRY(cr_pipeline_run(&cx, NULL, NULL));
    cr_tuned *list = cr_arena_alloc(a, (cx.plan->phase.len + 1) * sizeof *list);
    for (uint32_t i = 0; i < cx.plan->phase.len; i++) {
        char key[CR_TUNED_KEY];
        if (cx.plan->phase.at[i].family != CR_FAMILY_CONTRACT)
            continue;
        cr_tuned *u = &list[o->ntuned++];
        *u = draw_schedule(&seed, cr_target_class(target) == CR_CLASS_GPU);
        u->key = cr_arena_strdup(a, cr_tuned_key(cx.plan, &cx.plan->phase.at[i], key));
    }
    o->tuned = list;
    cr_pass_context_finish(&cx);
    return CR_OK;
}

/* The module with its guards; NULL with cr_error(). */
static inline cr_module *module_for(const cr_graph *g, const struct setup *s)
{
    cr_target target;
    target_of(s, &target);
    cr_pass_context cx = {.graph = cr_graph_copy(g), .target = &target};
    cx.options = (cr_plan_options){.variant = s->variant,
                                   .reference_schedule = s->reference,
                                   .launches = s->launches,
                                   .max_transfer_bytes = UINT64_MAX,
                                   .max_resident_bytes = s->max_resident_bytes,
                                   .assigns = true};
    cr_module *m = NULL;
    cr_arena a = {0};
    if (s->tuned && draw_schedules(g, &cx.options, &target, s->tuned, &a) != CR_OK)
        cr_graph_destroy(cx.graph), cx.graph = NULL;
    if (cx.graph && cr_pipeline_run(&cx, NULL, NULL) == CR_OK)
        m = cr_codegen(cx.plan);
    if (m)
        add_guards(m, cx.plan);
    cr_pass_context_finish(&cx);
    cr_arena_finish(&a);
    return m;
}

static inline cr_ref leaf_called(const cr_graph *g, cr_op op, const char *name)
{
    for (cr_ref r = 1; r < g->node.len; r++)
        if (cr_at(g, r)->op == op && strcmp(cr_name_of(g, r), name) == 0)
            return r;
    return 0;
}

/* Leaves as run_graph fills them. They stay in o->data, as inputs on the host must. */
static inline cr_status give_leaves(outcome *o, cr_exec *x, uint64_t seed, filling how)
{
    const cr_module *m = cr_exec_module(x);
    for (uint32_t i = 0; i < m->nslot; i++) {
        const cr_slot *s = &m->slot[i];
        if (s->kind == CR_SLOT_OUTPUT || is_guard(s))
            continue;
        cr_ref r = leaf_called(o->g, s->kind == CR_SLOT_INPUT ? CR_OP_INPUT : CR_OP_STATE, s->name);
        o->data[r] = malloc(s->bytes + 1);
        fill(o->data[r], s->dtype, cr_count_of(o->g, r), cr_hash(seed, s->name, strlen(s->name)),
             how);
        if (s->kind == CR_SLOT_INPUT)
            CR_TRY(cr_exec_feed(x, s->name, o->data[r], s->bytes));
        else
            CR_TRY(cr_store_write(cr_exec_store(x), s->name, o->data[r], s->bytes));
    }
    return CR_OK;
}

static inline cr_status take_results(outcome *o, cr_exec *x)
{
    for (uint32_t i = 0; i < o->g->root.len; i++) {
        cr_ref root = o->g->root.at[i];
        bool assign = cr_at(o->g, root)->op == CR_OP_ASSIGN;
        cr_ref r = assign ? cr_at(o->g, root)->src[0] : root;
        size_t bytes = (size_t)cr_bytes_of(o->g, r);
        const char *name = cr_name_of(o->g, root);
        free(o->data[r]);
        o->data[r] = malloc(bytes + 1);
        CR_TRY(assign ? cr_store_read(cr_exec_store(x), name, o->data[r], bytes)
                      : cr_exec_fetch(x, name, o->data[r], bytes));
    }
    return CR_OK;
}

static inline outcome run_on_device(const cr_graph *g, const struct setup *s, uint64_t seed,
                                    filling how)
{
    outcome o = {g, calloc(g->node.len, sizeof *o.data), ""};
    cr_exec *x = cr_exec_create(the_device(), NULL, module_for(g, s), NULL);
    bool ok = x && give_leaves(&o, x, seed, how) == CR_OK && write_guards(x) == CR_OK &&
              cr_exec_run(x, 1) == CR_OK && take_results(&o, x) == CR_OK;
    if (ok)
        check_guards(x, o.why, sizeof o.why);
    else
        snprintf(o.why, sizeof o.why, "%.500s", cr_error());
    cr_exec_destroy(x);
    return o;
}

/* "" when the device leaves the same behind as the interpreter, bit for bit. */
static inline const char *compare_on_device(const cr_graph *g, const struct setup *s, uint64_t seed,
                                            filling how)
{
    static _Thread_local char why[1200], difference[1024];
    if (!is_for_device(s))
        return "";
    outcome x = run_graph(g, seed, how), y = run_on_device(g, s, seed, how);
    snprintf(difference, sizeof difference, "%s%s", x.why, y.why);
    for (uint32_t i = 0; i < g->root.len && !*difference; i++)
        compare_root(&x, &y, g->root.at[i], 0, difference, sizeof difference);
    outcome_finish(&x);
    outcome_finish(&y);
    *why = 0;
    if (*difference)
        snprintf(why, sizeof why, "%s: %s", s->name, difference);
    return why;
}

/* Compares in one of `every` setups, from number `first` on; in all of them with CRISOL_SLOW:
 * drivers take most of the time, so a test's graphs share the setups out. Destroys the graph. */
static inline void expect_on_device(cr_graph *g, size_t every, size_t first)
{
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    if (getenv("CRISOL_SLOW"))
        every = 1;
    for (size_t i = first % every; i < CR_COUNTOF(setups); i += every) {
        const char *why = compare_on_device(g, &setups[i], 7, TAME);
        cr_expect(!*why, "%s: %s", g->name, why);
    }
    cr_graph_destroy(g);
}

#endif
