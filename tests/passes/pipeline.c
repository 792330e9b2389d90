/* pipeline.c - the driver: which passes run, what an observer is told, what happens on mistakes and
 * when memory runs out. */
#include "passes/run_pass.h"

static const char body[] =
    "symbol n <= 4\n%1 = input \"x\" : f32[n,2]\n%2 = neg %1 : f32[n,2]\n"
    "%3 = neg %2 : f32[n,2]\n%4 = tanh %3 : f32[n,2]\n%5 = exp %1 : f32[n,2]\n"
    "output \"y\", %4";

static const char graph_passes[] = "specialize,lower,simplify,dce,snapshot,place,transfers";

static void note(void *user, const cr_pass *pass, const cr_pass_context *cx, bool changed,
                 double seconds)
{
    cr_str_printf(user, "%s %s %u; ", pass->name, changed ? "changed" : "unchanged", cx->changes);
    cr_assert(seconds >= 0);
    cr_assert_null(cx->scratch.head, "the scratch arena is emptied after every pass");
}

static void observed(const char *only, const char *expected)
{
    cr_pass_context cx = pass_context(body);
    cr_strbuf log = {0};
    cr_pass_observer observer = {note, &log};
    cr_assert_eq(cr_pipeline_run(&cx, only, &observer), CR_OK, "%s", cr_error());
    cr_expect_str_eq(cr_str_text(&log), expected);
    cr_str_finish(&log);
    cr_pass_context_finish(&cx);
}

Test(pipeline, an_observer_is_told_what_changed)
{
    observed(graph_passes,
             "specialize changed 5; lower unchanged 0; simplify changed 1; dce unchanged 0; "
             "snapshot unchanged 0; place changed 2; transfers changed 2; ");
    observed("simplify,simplify", "simplify changed 1; ");
    observed("dce,simplify", "simplify changed 1; dce unchanged 0; ");
    observed("dce", "dce changed 1; ");
    observed("", "");
}

Test(pipeline, an_unknown_pass_is_a_mistake)
{
    static const char *const lists[] = {"simplify,fold", "fold", "simplify,fold,dce", "simpl"};
    for (size_t i = 0; i < CR_COUNTOF(lists); i++) {
        cr_pass_context cx = pass_context(body);
        char start[96];
        snprintf(start, sizeof start,
                 "no pass is called '%s'; there are: specialize, lower, simplify, dce, ",
                 i == 3 ? "simpl" : "fold");
        cr_expect_eq(cr_pipeline_run(&cx, lists[i], NULL), CR_E_ARGUMENT);
        cr_expect_eq(strncmp(cr_error(), start, strlen(start)), 0, "%s", cr_error());
        cr_pass_context_finish(&cx);
    }
}

Test(pipeline, a_graph_that_a_pass_cannot_take_is_refused)
{
    cr_pass_context cx = pass_context(body); /* placement wants literal sizes */
    cr_expect_eq(cr_pipeline_run(&cx, "place", NULL), CR_E_GRAPH);
    cr_pass_context_finish(&cx);
}

Test(pipeline, every_pass_says_what_it_does)
{
    for (uint32_t i = 0; i < cr_pass_count; i++) {
        cr_expect_neq(cr_passes[i].run, NULL);
        cr_expect_gt(strlen(cr_passes[i].doc), 0);
        cr_expect_leq(cr_passes[i].before, cr_passes[i].after);
    }
}

/* ---- out of memory -------------------------------------------------------------------------- */

/* The n-th allocation fails, for every n: an orderly status, and nothing is left. */
static bool survives(cr_variant variant, int64_t n)
{
    cr_pass_context cx = pass_context(body);
    cx.options.variant = variant;
    cx.options.max_resident_bytes = 1;
    cr_alloc_fail_after(n);
    cr_status status = cr_pipeline_run(&cx, NULL, NULL);
    cr_alloc_fail_after(-1);
    cr_assert(status == CR_OK || status == CR_E_MEMORY, "allocation %lld: %s", (long long)n,
              cr_error());
    cr_pass_context_finish(&cx);
    return status == CR_E_MEMORY;
}

static void exhaust(cr_variant variant)
{
    size_t live = cr_alloc_live();
    int64_t n = 0;
    while (survives(variant, ++n))
        cr_assert_eq(cr_alloc_live(), live, "allocation %lld", (long long)n);
    cr_expect_gt(n, 50);
    cr_expect_eq(cr_alloc_live(), live);
}

Test(pipeline, running_out_of_memory_is_orderly)
{
    exhaust(CR_VARIANT_FUSED);
    exhaust(CR_VARIANT_NAIVE);
}
