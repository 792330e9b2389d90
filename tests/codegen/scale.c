/* scale.c - long graphs of every kind compile in all variants: what is written grows as the graph
 * does, and nothing recurses along it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "codegen.h"
#include "crisol/graph.h"
#include "crisol/ops.h"
#include "passes.h"

typedef void builder(cr_graph *g, int n);

static void elementwise(cr_graph *g, int n)
{
    cr_value x = cr_input(g, "x", CR_F32, 8);
    for (int i = 0; i < n; i++)
        x = i % 2 ? cr_tanh(x) : cr_neg(x);
    cr_output(g, "y", x);
}

/* Two kinds in turn, so that neither swallows the other. */
static void movement(cr_graph *g, int n)
{
    cr_value x = cr_input(g, "x", CR_F32, 4, 6);
    for (int i = 0; i < n; i++)
        x = i % 2 ? cr_reshape(x, CR_SHAPE(4, 6)) : cr_permute(x, CR_SHAPE(1, 0));
    cr_output(g, "y", x);
}

static void wide(cr_graph *g, int n)
{
    cr_value x = cr_input(g, "x", CR_F32, 8), sum = cr_exp(x);
    for (int i = 0; i < n / 3; i++)
        sum = cr_add(sum, cr_tanh(cr_mul(x, cr_f32(g, (float)i + 2))));
    cr_output(g, "y", sum);
}

/* Pairs of states that take each other's values. */
static void states(cr_graph *g, int n)
{
    for (int i = 0; i < n / 10; i++) {
        char a[24], b[24];
        snprintf(a, sizeof a, "a%d", i);
        snprintf(b, sizeof b, "b%d", i);
        cr_value x = cr_param(g, a, CR_F32, 4), y = cr_param(g, b, CR_F32, 4);
        cr_assign(x, cr_neg(y));
        cr_assign(y, cr_exp(x));
    }
}

static size_t source_bytes(builder *build, int n, cr_variant variant)
{
    unsetenv("CRISOL_DUMP_KERNELS"); /* nobody wants to have these compiled */
    cr_graph *g = cr_graph_create("long");
    build(g, n);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_pass_context cx = {.graph = g, .target = cr_target_builtin("cpu")};
    cx.options =
        (cr_plan_options){.variant = variant, .max_transfer_bytes = UINT64_MAX, .assigns = true};
    cr_assert_eq(cr_pipeline_run(&cx, NULL, NULL), CR_OK, "%s", cr_error());
    cr_module *m = cr_codegen(cx.plan);
    cr_assert(m, "%s", cr_error());
    size_t bytes = strlen(m->source);
    for (uint32_t i = 0; i < m->nstep; i++)
        bytes += m->step[i].text ? strlen(m->step[i].text) : 0;
    cr_module_destroy(m);
    cr_pass_context_finish(&cx);
    return bytes;
}

static void check(builder *build)
{
#ifdef __SANITIZE_ADDRESS__
    enum { SHORT = 1000, TIMES = 4 }; /* what recurses shows there sooner, and all takes longer */
#else
    enum { SHORT = 1000, TIMES = 20 };
#endif
    for (int v = 0; v < 3; v++) {
        double one = (double)source_bytes(build, SHORT, (cr_variant)v);
        double all = (double)source_bytes(build, SHORT * TIMES, (cr_variant)v);
        cr_expect_leq(all, 1.2 * TIMES * one, "variant %d: %.0f bytes of %d nodes, %.0f of %d", v,
                      one, SHORT, all, SHORT * TIMES);
    }
}

Test(scale, elementwise)
{
    check(elementwise);
}

Test(scale, movement)
{
    check(movement);
}

Test(scale, wide)
{
    check(wide);
}

Test(scale, states)
{
    check(states);
}
