/* inspect.c - the compiler without a device: passes, dumps, pictures. */
#include "crisol/inspect.h"

#include "codegen.h"
#include "compile.h"
#include "dot.h"
#include "target.h"

/* ---- what can be printed -------------------------------------------------------------------- */

static const char *const hues[] = {"#e8f0fe", "#fef3e2", "#e6f4ea", "#fce8e6",
                                   "#f3e8fd", "#e4f7fb", "#fff8e1", "#eceff1"};

/* A graph with its launches as clusters, once there is a plan. */
static bool draw(const cr_pass_context *cx, cr_strbuf *out)
{
    const cr_plan *plan = cx->plan;
    if (!plan || plan->launch.len == 0)
        return cr_dot_write(cx->graph, NULL, out) == CR_OK;
    cr_arena a = {0};
    uint32_t *cluster = cr_arena_alloc(&a, cx->graph->node.len * sizeof *cluster), n = 0;
    struct cr_dot_cluster *list = cr_arena_alloc(&a, (plan->phase.len + 1) * sizeof *list);
    bool ok = cluster && list;
    for (uint32_t l = 0; ok && l < plan->launch.len; l++) {
        for (uint32_t i = 0; i < plan->launch.at[l].nphase; i++) {
            uint32_t id = plan->launch.at[l].phase[i];
            const cr_phase *p = &plan->phase.at[id];
            list[n++] = (struct cr_dot_cluster){
                cr_arena_printf(&a, "launch %u, phase %u: %.3g MFLOP, %.3g KB in, %.3g KB out", l,
                                id, (double)p->flops * 1e-6, (double)p->bytes_read * 1e-3,
                                (double)p->bytes_written * 1e-3),
                hues[l % CR_COUNTOF(hues)]};
            for (uint32_t k = 0; k < p->nnode; k++)
                if (!cluster[p->node[k]] || plan->home[p->node[k]] == id + 1)
                    cluster[p->node[k]] = n;
        }
    }
    struct cr_dot_options o = {.cluster = cluster, .clusters = list, .nclusters = n};
    ok = ok && cr_dot_write(cx->graph, &o, out) == CR_OK;
    cr_arena_finish(&a);
    return ok;
}

char *cr_emit_text(const cr_pass_context *cx, const cr_module *module, const char *what)
{
    cr_strbuf out = {0};
    bool plan = strcmp(what, "plan") == 0, reasons = strcmp(what, "reasons") == 0,
         cl = strcmp(what, "cl") == 0;
    if ((plan || reasons || cl) && !cx->plan) {
        cr_fail(CR_E_ARGUMENT, "'%s' needs the pass fuse and those after it", what);
        return NULL;
    }
    if (strcmp(what, "graph") == 0)
        return cr_graph_print(cx->graph);
    if (strcmp(what, "dot") == 0)
        draw(cx, &out);
    else if (plan)
        cr_plan_print(cx->plan, &out);
    else if (reasons)
        cr_plan_print_reasons(cx->plan, &out);
    else if (cl)
        cr_str_add(&out, module ? module->source : "");
    else if (strcmp(what, "none") != 0) {
        cr_fail(CR_E_ARGUMENT, "cannot emit '%s'; there are: graph, dot, plan, reasons, cl, none",
                what);
        return NULL;
    }
    return out.at ? cr_str_take(&out) : cr_strdup("");
}

/* ---- watching passes ------------------------------------------------------------------------ */

struct watch {
    const cr_inspect_options *o;
    FILE *log;
    double total;
};

static bool every_pass(const char *list)
{
    return list && strcmp(list, "all") == 0;
}

static void after(void *user, const cr_pass *pass, const cr_pass_context *cx, bool changed,
                  double seconds)
{
    struct watch *w = user;
    w->total += seconds;
    if (w->o->time_passes)
        fprintf(w->log, "%-12s %9.3f ms  %8u nodes  %6u changes%s\n", pass->name, seconds * 1e3,
                cr_graph_size(cx->graph), cx->changes, changed ? "" : "  (graph unchanged)");
    if (!every_pass(w->o->print_after) && !cr_pass_listed(w->o->print_after, pass->name))
        return;
    char *text = cr_emit_text(cx, NULL, cx->plan ? "plan" : "graph");
    fprintf(w->log, "# after %s%s\n%s", pass->name, changed || cx->plan ? "" : " (unchanged)",
            text ? text : "");
    cr_string_free(text);
}

/* ---- targets -------------------------------------------------------------------------------- */

static cr_status find_target(const char *name, cr_target *out)
{
    const cr_target *builtin = cr_target_builtin(name ? name : "cpu");
    if (builtin) {
        *out = *builtin;
        return CR_OK;
    }
    char *text = cr_file_read(name, NULL);
    if (!text)
        return cr_last_status();
    cr_status status = cr_target_parse(text, name, out);
    cr_free(text);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Did the last pass of that variant run? Before it, a plan is no program. */
static bool is_finished(const cr_plan *plan, const char *passes, cr_variant variant)
{
    uint32_t last = cr_pass_count - 1;
    while (!(cr_passes[last].variants >> variant & 1))
        last--;
    return plan && plan->buffer_of && (!passes || cr_pass_listed(passes, cr_passes[last].name));
}

static char *run(cr_pass_context *cx, const cr_graph *g, const cr_inspect_options *o, cr_arena *a,
                 cr_target *target)
{
    cr_variant variant = CR_VARIANT_FUSED;
    const char *emit = o->emit ? o->emit : "graph";
    struct watch w = {.o = o, .log = o->log ? o->log : stderr};
    cr_pass_observer observer = {after, &w};
    if (cr_graph_status(g) != CR_OK || find_target(o->target, target) != CR_OK ||
        (!every_pass(o->print_after) && cr_pass_check_list(o->print_after) != CR_OK))
        return NULL;
    cr_launch_form launches = CR_LAUNCH_BEST;
    if (cr_variant_of(o->opt, &variant) != CR_OK ||
        cr_launch_form_of(o->launches, &launches) != CR_OK)
        return NULL;
    cx->target = target;
    cx->options = (cr_plan_options){
        .variant = variant,
        .fast_math = o->fast_math,
        .reference_schedule = o->reference,
        .launches = launches,
        .max_transfer_bytes = o->transfer_budget ? o->transfer_budget->bytes : UINT64_MAX,
        .max_resident_bytes = o->max_resident_bytes,
        .assigns = true,
    };
    if (cr_bind_symbols(g, o->bind, o->nbind, a, &cx->options.binding) != CR_OK)
        return NULL;
    if (!(cx->graph = cr_graph_copy(g)) || cr_pipeline_run(cx, o->passes, &observer) != CR_OK)
        return NULL;
    cr_module *module = NULL;
    double start = cr_now();
    if (is_finished(cx->plan, o->passes, variant) && !(module = cr_codegen(cx->plan)))
        return NULL;
    if (o->time_passes) {
        if (module)
            fprintf(w.log, "%-12s %9.3f ms  %8zu bytes\n", "codegen", (cr_now() - start) * 1e3,
                    strlen(module->source));
        fprintf(w.log, "%-12s %9.3f ms\n", "total", (w.total + cr_now() - start) * 1e3);
    }
    char *text = cr_emit_text(cx, module, emit);
    cr_module_destroy(module);
    return text;
}

char *cr_inspect(const cr_graph *g, const cr_inspect_options *options)
{
    static const cr_inspect_options defaults;
    cr_pass_context cx = {0};
    cr_arena a = {0};
    cr_target target;
    char *text = run(&cx, g, options ? options : &defaults, &a, &target);
    cr_pass_context_finish(&cx);
    cr_arena_finish(&a);
    return text;
}

bool cr_pass_info(uint32_t i, const char **name, const char **doc)
{
    if (i >= cr_pass_count)
        return false;
    *name = cr_passes[i].name;
    *doc = cr_passes[i].doc;
    return true;
}
