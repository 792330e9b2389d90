/* compile.c - the story of a compilation: a user's graph, the passes, the module, the device. */
#include "compile.h"
#include "codegen.h"

/* ---- options -------------------------------------------------------------------------------- */

/* All states of the user's graph, in the order in which they were built: the store's layout, which
 * is the same for every program of the graph. */
static cr_status lay_out_store(cr_program *p, const cr_graph *g)
{
    uint32_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->op == CR_OP_STATE;
    cr_state_slot *slot = cr_arena_alloc(&p->arena, (n + 1) * sizeof *slot);
    if (!slot)
        return CR_E_MEMORY;
    for (cr_ref r = 1; r < g->node.len; r++) {
        if (cr_at(g, r)->op != CR_OP_STATE)
            continue;
        cr_state_slot *s = &slot[p->options.nstate++];
        *s = (cr_state_slot){cr_arena_strdup(&p->arena, cr_name_of(g, r)), p->options.store_bytes,
                             cr_bytes_of(g, r)};
        if (!s->name)
            return CR_E_MEMORY;
        p->options.store_bytes += cr_align_up(s->bytes, (uint64_t)p->target.align_bytes);
    }
    p->options.state = slot;
    return CR_OK;
}

static cr_status no_symbol(const cr_graph *g, const char *name)
{
    cr_strbuf s = {0};
    for (uint32_t i = 1; i < g->symbol.len; i++)
        cr_str_printf(&s, "%s'%s'", i > 1 ? ", " : "", g->string.at[g->symbol.at[i].name]);
    cr_status status = cr_fail(CR_E_ARGUMENT, "the graph has no symbol '%s'; it has %s", name,
                               g->symbol.len > 1 ? cr_str_text(&s) : "none");
    cr_str_finish(&s);
    return status;
}

cr_status cr_bind_symbols(const cr_graph *g, const cr_binding *bind, uint32_t nbind, cr_arena *a,
                          const int64_t **out)
{
    int64_t *value = cr_arena_alloc(a, (g->symbol.len + 1) * sizeof *value);
    if (!value)
        return CR_E_MEMORY;
    for (uint32_t i = 1; i < g->symbol.len; i++)
        value[i] = g->symbol.at[i].bound;
    for (uint32_t k = 0; k < nbind; k++) {
        uint32_t i = 1;
        while (i < g->symbol.len && strcmp(g->string.at[g->symbol.at[i].name], bind[k].symbol) != 0)
            i++;
        if (i == g->symbol.len)
            return no_symbol(g, bind[k].symbol);
        if (bind[k].value < 1 || bind[k].value > g->symbol.at[i].bound)
            return cr_fail(CR_E_ARGUMENT, "symbol '%s' cannot be %lld: it goes from 1 to %lld",
                           bind[k].symbol, (long long)bind[k].value,
                           (long long)g->symbol.at[i].bound);
        value[i] = bind[k].value;
    }
    *out = value;
    return CR_OK;
}

static cr_status check_updates(const cr_graph *g, const cr_compile_options *o)
{
    for (uint32_t i = 0; i < o->nupdates; i++) {
        bool found = false;
        for (uint32_t k = 0; k < g->root.len && !found; k++)
            found = cr_at(g, g->root.at[k])->op == CR_OP_ASSIGN &&
                    strcmp(cr_name_of(g, g->root.at[k]), o->updates[i]) == 0;
        if (!found)
            return cr_fail(CR_E_ARGUMENT, "updates: no state '%s' is assigned in the graph",
                           o->updates[i]);
    }
    return CR_OK;
}

cr_status cr_variant_of(cr_opt opt, cr_variant *out)
{
    static const cr_variant variants[] = {CR_VARIANT_FUSED, CR_VARIANT_UNFUSED, CR_VARIANT_NAIVE};
    if ((unsigned)opt >= CR_COUNTOF(variants))
        return cr_fail(CR_E_ARGUMENT, "options.opt is not a cr_opt");
    *out = variants[opt];
    return CR_OK;
}

cr_status cr_launch_form_of(cr_launches launches, cr_launch_form *out)
{
    static const cr_launch_form forms[] = {CR_LAUNCH_BEST, CR_LAUNCH_LEVELS, CR_LAUNCH_PHASES,
                                           CR_LAUNCH_ALONE, CR_LAUNCH_RESIDENT};
    if ((unsigned)launches >= CR_COUNTOF(forms))
        return cr_fail(CR_E_ARGUMENT, "options.launches is not a cr_launches");
    *out = forms[launches];
    return CR_OK;
}

/* The caller's names, copied: the plan, which can be looked at later, refers to them. */
static cr_status keep_names(cr_program *p, const char *const *names, uint32_t n,
                            const char *const **out)
{
    const char **copy = names ? cr_arena_alloc(&p->arena, (n + 1) * sizeof *copy) : NULL;
    bool ok = copy || !names;
    for (uint32_t i = 0; ok && names && i < n; i++)
        ok = (copy[i] = cr_arena_strdup(&p->arena, names[i])) != NULL;
    *out = copy;
    return ok ? CR_OK : CR_E_MEMORY;
}

static cr_status translate(cr_program *p, const cr_graph *g, const cr_compile_options *o)
{
    cr_variant variant = CR_VARIANT_FUSED;
    cr_launch_form launches = CR_LAUNCH_BEST;
    CR_TRY(cr_variant_of(o->opt, &variant));
    CR_TRY(cr_launch_form_of(o->launches, &launches));
    CR_TRY(check_updates(g, o));
    p->options = (cr_plan_options){
        .variant = variant,
        .fast_math = o->fast_math,
        .reference_schedule = o->reference,
        .launches = launches,
        .max_transfer_bytes = o->transfer_budget ? o->transfer_budget->bytes : UINT64_MAX,
        .max_resident_bytes = o->max_resident_bytes,
        .noutputs = o->noutputs,
        .assigns = !o->no_updates,
        .nupdates = o->nupdates,
    };
    CR_TRY(keep_names(p, o->outputs, o->noutputs, &p->options.outputs));
    CR_TRY(keep_names(p, o->updates, o->nupdates, &p->options.updates));
    CR_TRY(cr_bind_symbols(g, o->bind, o->nbind, &p->arena, &p->options.binding));
    CR_TRY(cr_tuning_load(o->schedules, &p->target, &p->arena, &p->options));
    return lay_out_store(p, g);
}

/* ---- states and inputs ---------------------------------------------------------------------- */

static cr_status fill_states(cr_program *p, const cr_graph *g, uint64_t seed)
{
    const cr_module *m = cr_exec_module(p->exec);
    for (uint32_t i = 0; i < m->nslot; i++) {
        const cr_slot *s = &m->slot[i];
        if (s->kind != CR_SLOT_STATE || cr_store_find(cr_exec_store(p->exec), s->name)->written)
            continue;
        cr_ref r = 1;
        while (cr_at(g, r)->op != CR_OP_STATE || strcmp(cr_name_of(g, r), s->name) != 0)
            r++;
        void *data = cr_alloc(s->bytes);
        if (!data)
            return CR_E_MEMORY;
        cr_init_fill(g, r, seed, data);
        cr_status status = cr_store_write(cr_exec_store(p->exec), s->name, data, s->bytes);
        cr_free(data);
        CR_TRY(status);
    }
    return CR_OK;
}

/* An input whose size is a symbol has another size under another binding, and is then not shared.
 */
static bool has_input(const cr_module *m, const cr_slot *like)
{
    for (uint32_t i = 0; i < m->nslot; i++)
        if (m->slot[i].kind == CR_SLOT_INPUT && strcmp(m->slot[i].name, like->name) == 0)
            return m->slot[i].bytes == like->bytes;
    return false;
}

static cr_status share_inputs(cr_program *p, cr_program *from)
{
    const cr_module *m = cr_exec_module(p->exec);
    for (uint32_t i = 0; i < m->nslot; i++)
        if (m->slot[i].kind == CR_SLOT_INPUT && has_input(cr_exec_module(from->exec), &m->slot[i]))
            CR_TRY(cr_exec_share_input(p->exec, from->exec, m->slot[i].name));
    return CR_OK;
}

/* ---- compiling ------------------------------------------------------------------------------ */

cr_graph *cr_graph_copy(const cr_graph *g)
{
    cr_graph *copy = cr_graph_like(g);
    cr_ref *map = cr_alloc(g->node.len * sizeof *map);
    for (cr_ref r = 1; copy && map && r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        cr_ref src[3] = {0};
        bool listed = !cr_is_root(n);
        for (uint32_t i = 0; !listed && i < g->root.len; i++)
            listed = g->root.at[i] == r; /* not replaced since */
        for (int i = 0; i < n->nsrc; i++)
            src[i] = map[n->src[i]];
        if (listed)
            map[r] = cr_node_copy(copy, g, r, src);
    }
    bool ok = copy && map && copy->status == CR_OK;
    cr_free(map);
    if (ok)
        return copy;
    cr_graph_destroy(copy);
    cr_fail(CR_E_MEMORY, "out of memory");
    return NULL;
}

static void describe(cr_program *p, double compile_s, double build_s)
{
    const cr_module *m = cr_exec_module(p->exec);
    cr_program_info *i = &p->info;
    i->device = cr_device_describe(p->device)->name;
    i->repeats = m->repeat;
    i->arena_bytes = m->peak_bytes;
    i->arena_bound_bytes = m->peak_bound_bytes;
    i->state_bytes = p->options.store_bytes;
    i->compile_ms = compile_s * 1e3;
    i->build_ms = build_s * 1e3;
    i->cached = cr_exec_from_cache(p->exec);
    for (uint32_t k = 0; k < m->nstep; k++) {
        const cr_step *s = &m->step[k];
        if (s->kind == CR_STEP_UPLOAD)
            i->h2d_bytes_per_step += s->bytes;
        if (s->kind == CR_STEP_DOWNLOAD)
            i->d2h_bytes_per_step += s->bytes;
        if (s->kind != CR_STEP_LAUNCH)
            continue;
        const cr_kernel *kernel = &m->kernel[s->kernel];
        i->launches_per_step++;
        i->flops_per_step += kernel->flops;
        i->device_bytes_per_step += kernel->bytes_read + kernel->bytes_written;
    }
    for (uint32_t k = 0; k < m->nmemory; k++) {
        if (m->memory[k].kind == CR_MEMORY_INPUT)
            i->input_bytes += m->memory[k].bytes;
        if (!cr_memory_on_host(m->memory[k].kind))
            i->peak_bytes += m->memory[k].bytes;
    }
}

/* For p->target. */
static cr_status make_module(cr_program *p, const cr_graph *g, const cr_compile_options *o,
                             cr_module **out)
{
    CR_TRY(translate(p, g, o));
    p->cx =
        (cr_pass_context){.graph = cr_graph_copy(g), .target = &p->target, .options = p->options};
    if (!p->cx.graph)
        return cr_last_status();
    CR_TRY(cr_pipeline_run(&p->cx, NULL, NULL));
    *out = cr_codegen(p->cx.plan);
    return *out ? CR_OK : cr_last_status();
}

static cr_status compile(cr_program *p, const cr_graph *g, const cr_compile_options *o)
{
    cr_module *module;
    CR_TRY(cr_graph_status(g));
    p->device = o->share ? cr_device_ref(o->share->device) : cr_device_open(o->device);
    if (!p->device)
        return cr_last_status();
    if (o->dump_kernels)
        CR_TRY(cr_device_dump_kernels(p->device, o->dump_kernels));
    cr_device_to_target(cr_device_describe(p->device), &p->target);
    double start = cr_now();
    CR_TRY(make_module(p, g, o, &module));
    double compiled = cr_now();

    cr_exec_options run = {.interrupt = (const volatile sig_atomic_t *)o->interrupt};
    p->exec =
        cr_exec_create(p->device, o->share ? cr_exec_store(o->share->exec) : NULL, module, &run);
    if (!p->exec)
        return cr_last_status();
    describe(p, compiled - start, cr_now() - compiled);
    if (o->share)
        CR_TRY(share_inputs(p, o->share));
    return fill_states(p, g, o->seed);
}

static void sum_needs(const cr_module *m, cr_needs *out)
{
    *out = (cr_needs){0};
    for (uint32_t i = 0; i < m->nmemory; i++) {
        const uint64_t bytes = m->memory[i].bytes + CR_DEVICE_SLACK;
        if (m->memory[i].kind == CR_MEMORY_INPUT)
            out->inputs += bytes;
        else if (m->memory[i].kind == CR_MEMORY_STORE)
            out->states += bytes;
        else if (!cr_memory_on_host(m->memory[i].kind))
            out->step += bytes;
    }
}

cr_status cr_compile_needs(const cr_graph *g, const cr_compile_options *o,
                           const cr_device_facts *device, cr_needs *out)
{
    cr_program p = {0};
    cr_module *module = NULL;
    cr_device_to_target(device, &p.target);
    cr_status status = cr_graph_status(g);
    if (status == CR_OK)
        status = make_module(&p, g, o, &module);
    if (status == CR_OK)
        sum_needs(module, out);
    cr_module_destroy(module);
    cr_pass_context_finish(&p.cx);
    cr_arena_finish(&p.arena);
    return status;
}

cr_program *cr_compile(const cr_graph *g, const cr_compile_options *options)
{
    static const cr_compile_options defaults;
    const cr_compile_options *o = options ? options : &defaults;
    cr_program *p = cr_alloc(sizeof *p);
    if (!p)
        return NULL;
    if (!g)
        cr_fail(CR_E_ARGUMENT, "cr_compile: the graph is NULL");
    if (g && compile(p, g, o) == CR_OK)
        return p;
    cr_program_destroy(p);
    return NULL;
}

void cr_program_destroy(cr_program *p)
{
    if (!p)
        return;
    cr_exec_destroy(p->exec);
    cr_device_unref(p->device);
    cr_pass_context_finish(&p->cx);
    cr_arena_finish(&p->arena);
    cr_free(p);
}
