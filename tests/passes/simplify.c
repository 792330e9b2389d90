/* simplify.c - the simplifier as a whole: what it must leave alone, order, origins, size, depth.
 * That each rule fires and keeps all bits is in rules.c, that all together do, in
 * tests/prop/simplify.c. */
#include "crisol/ops.h"
#include "passes/run_pass.h"
#include "rewrite.h"

static void stays(const char *body)
{
    becomes(body, "simplify", body);
}

/* ---- what would change bits stays ----------------------------------------------------------- */

Test(simplify, leaves_inexact_sums)
{
    stays("%1 = input \"x\" : f32\n%2 = const 0 : f32\n%3 = add %1, %2 : f32\noutput \"y\", %3");
    stays("%1 = input \"x\" : f32\n%2 = const 0 : f32\n%3 = mul %1, %2 : f32\noutput \"y\", %3");
    stays("%1 = input \"x\" : f32\n%2 = sub %1, %1 : f32\noutput \"y\", %2");
    stays("%1 = input \"x\" : f32\n%2 = eq %1, %1 : bool\noutput \"y\", %2");
    stays("%1 = input \"x\" : f32\n%2 = const 3 : f32\n%3 = div %1, %2 : f32\noutput \"y\", %3");
    stays(
        "%1 = input \"x\" : f32[4]\n%2 = exp %1 : f32[4]\n%3 = log %2 : f32[4]\noutput \"y\", %3");
}

Test(simplify, leaves_lossy_casts)
{
    stays("%1 = input \"x\" : i32\n%2 = cast %1 : f32\n%3 = cast %2 : i32\noutput \"y\", %3");
    stays("%1 = input \"x\" : f32\n%2 = cast %1 : i32\n%3 = cast %2 : f32\noutput \"y\", %3");
    stays("%1 = input \"x\" : i32\n%2 = cast %1 : u8\n%3 = cast %2 : i32\noutput \"y\", %3");
}

Test(simplify, leaves_movement_that_does_something)
{
    stays("%1 = input \"x\" : f32[3,4]\n%2 = pad %1 before(1,0) value 0 : f32[5,6]\n"
          "%3 = slice %2 begin(0,1) : f32[2,3]\noutput \"y\", %3");
    stays("%1 = input \"x\" : f32[2]\n%2 = pad %1 before(1) value 0 : f32[4]\n"
          "%3 = pad %2 before(1) value 1 : f32[6]\noutput \"y\", %3");
    stays("%1 = input \"x\" : f32[2,3]\n%2 = input \"y\" : f32[2,4]\n"
          "%3 = concat %1, %2 axis(1) : f32[2,7]\n%4 = slice %3 begin(0,2) : f32[2,2]\n"
          "output \"y\", %4");
    stays("%1 = input \"x\" : f32[2,3]\n%2 = sum %1 axes(0) : f32[1,3]\n"
          "%3 = sum %2 axes(1) : f32[1,1]\noutput \"y\", %3");
}

/* ---- what becomes of a graph ---------------------------------------------------------------- */

Test(simplify, a_mean_over_a_known_batch_multiplies)
{
    becomes("%1 = input \"x\" : f32\n%2 = const 32 : i32\n%3 = cast %2 : f32\n%4 = const 2 : f32\n"
            "%5 = mul %3, %4 : f32\n%6 = div %1, %5 : f32\noutput \"y\", %6",
            "simplify",
            "%1 = input \"x\" : f32\n%2 = const 0.015625 : f32\n%3 = mul %1, %2 : f32\n"
            "output \"y\", %3");
}

Test(simplify, rules_cascade)
{
    becomes(
        "%1 = input \"x\" : f32[2,3]\n%2 = neg %1 : f32[2,3]\n%3 = permute %2 (1,0) : f32[3,2]\n"
        "%4 = permute %3 (1,0) : f32[2,3]\n%5 = neg %4 : f32[2,3]\n%6 = const 1 : f32\n"
        "%7 = expand %6 : f32[2,3]\n%8 = mul %7, %5 : f32[2,3]\noutput \"y\", %8",
        "simplify", "%1 = input \"x\" : f32[2,3]\noutput \"y\", %1");
}

Test(simplify, operands_of_commutative_ops_are_put_in_order)
{
    becomes("%1 = input \"x\" : f32\n%2 = input \"y\" : f32\n%3 = add %1, %2 : f32\n"
            "%4 = add %2, %1 : f32\n%5 = mul %3, %4 : f32\noutput \"z\", %5",
            "simplify",
            "%1 = input \"x\" : f32\n%2 = input \"y\" : f32\n%3 = add %1, %2 : f32\n"
            "%4 = mul %3, %3 : f32\noutput \"z\", %4");
}

Test(simplify, symbols_are_left_as_they_are)
{
    becomes("symbol n <= 8\n%1 = input \"x\" : f32[n,3]\n%2 = reshape %1 : f32[3*n]\n"
            "%3 = reshape %2 : f32[3,n]\n%4 = size n : i32\noutput \"y\", %3\noutput \"n\", %4",
            "simplify",
            "symbol n <= 8\n%1 = input \"x\" : f32[n,3]\n%2 = reshape %1 : f32[3,n]\n"
            "%3 = size n : i32\noutput \"y\", %2\noutput \"n\", %3");
}

/* ---- fast math ------------------------------------------------------------------------------ */

static void becomes_fast(const char *body, const char *expected)
{
    cr_pass_context cx = pass_context(body), want = pass_context(expected);
    cx.options.fast_math = true;
    run_passes(&cx, "simplify");
    char *a = cr_graph_print(cx.graph), *b = cr_graph_print(want.graph);
    cr_expect_str_eq(a, b);
    cr_string_free(a);
    cr_string_free(b);
    cr_pass_context_finish(&cx);
    cr_pass_context_finish(&want);
}

Test(simplify, factors_only_what_has_no_other_use)
{
    becomes_fast("%1 = input \"a\" : f32\n%2 = input \"b\" : f32\n%3 = input \"c\" : f32\n"
                 "%4 = mul %1, %3 : f32\n%5 = mul %3, %2 : f32\n%6 = add %4, %5 : f32\n"
                 "output \"y\", %6",
                 "%1 = input \"a\" : f32\n%2 = input \"b\" : f32\n%3 = input \"c\" : f32\n"
                 "%4 = add %1, %2 : f32\n%5 = mul %3, %4 : f32\noutput \"y\", %5");
    const char *shared = "%1 = input \"a\" : f32\n%2 = input \"b\" : f32\n%3 = input \"c\" : f32\n"
                         "%4 = mul %1, %3 : f32\n%5 = mul %2, %3 : f32\n%6 = add %4, %5 : f32\n"
                         "output \"y\", %6\noutput \"z\", %4";
    becomes_fast(shared, shared);
}

Test(simplify, a_sum_of_sums_is_one_only_without_another_use)
{
    becomes_fast("%1 = input \"x\" : f32[2,3]\n%2 = sum %1 axes(0) : f32[1,3]\n"
                 "%3 = sum %2 axes(1) : f32[1,1]\noutput \"y\", %3",
                 "%1 = input \"x\" : f32[2,3]\n%2 = sum %1 axes(0,1) : f32[1,1]\noutput \"y\", %2");
    const char *shared = "%1 = input \"x\" : f32[2,3]\n%2 = sum %1 axes(0) : f32[1,3]\n"
                         "%3 = sum %2 axes(1) : f32[1,1]\noutput \"y\", %3\noutput \"z\", %2";
    becomes_fast(shared, shared);
}

/* ---- origins -------------------------------------------------------------------------------- */

Test(simplify, a_new_node_has_the_origin_of_the_one_it_replaces)
{
    cr_pass_context cx = after_passes("%1 = input \"x\" : f32 !1 \"x\" a.c:1\n"
                                      "%2 = input \"y\" : f32 !2 \"y\" a.c:2\n"
                                      "%3 = neg %2 : f32 !3 \"neg\" a.c:3\n"
                                      "%4 = add %1, %3 : f32 !4 \"add\" a.c:4\noutput \"z\", %4",
                                      "simplify");
    cr_ref z = cr_find(cx.graph, "z").ref;
    const cr_origin *o = &cx.graph->origins.at[cx.graph->origin.at[z]];
    cr_expect_eq(cr_at(cx.graph, z)->op, CR_OP_sub);
    cr_expect_str_eq(cx.graph->string.at[o->name], "add");
    cr_expect_eq(o->at.line, 4);
    cr_expect_eq(count_ops(cx.graph, CR_OP_neg), 0);
    cr_expect_eq(cx.changes, 1);
    cr_pass_context_finish(&cx);
}

/* ---- size ----------------------------------------------------------------------------------- */

enum { LONG = 100000 };

static double seconds_for_chain(uint32_t n)
{
    cr_pass_context cx = {.graph = cr_graph_create("chain")};
    cr_value x = cr_input(cx.graph, "x", CR_F32, 4), v = x;
    for (uint32_t i = 0; i < n; i++)
        v = i % 4 == 3 ? cr_neg(v) : i % 4 == 2 ? cr_mul(v, cr_f32(cx.graph, 1)) : cr_tanh(v);
    cr_output(cx.graph, "y", v);
    double start = cr_now();
    cr_assert_eq(cr_pass_simplify(&cx), CR_OK, "%s", cr_error());
    double seconds = cr_now() - start;
    cr_expect_eq(count_ops(cx.graph, CR_OP_mul), 0);
    cr_pass_context_finish(&cx);
    return seconds;
}

Test(simplify, long_chains_take_linear_time)
{
    double tenth = seconds_for_chain(LONG / 10), whole = seconds_for_chain(LONG);
    cr_expect_lt(whole, 5, "%.3f s", whole);
    cr_expect_lt(whole, 100 * tenth + 0.5, "%.3f s, a tenth of it %.3f s", whole, tenth);
}

/* Each rule makes room for the next, all the way down. */
Test(simplify, deep_cascades_do_not_overflow_the_stack)
{
    cr_pass_context cx = {.graph = cr_graph_create("deep"), .options.fast_math = true};
    cr_value x = cr_input(cx.graph, "x", CR_I32, 4), v = x;
    for (int i = 0; i < LONG; i++)
        v = cr_add(v, cr_i32(cx.graph, i));
    cr_output(cx.graph, "y", v);
    cr_assert_eq(cr_pass_simplify(&cx), CR_OK, "%s", cr_error());
    cr_expect_eq(cr_graph_size(cx.graph), 5); /* input, constant, expand, add, output */
    cr_pass_context_finish(&cx);
}

Test(simplify, factoring_goes_down_a_long_way)
{
    cr_pass_context cx = {.graph = cr_graph_create("deep"), .options.fast_math = true};
    cr_value x = cr_input(cx.graph, "x", CR_F32, 4), y = cr_input(cx.graph, "y", CR_F32, 4);
    for (int i = 0; i < 200; i++) {
        cr_value z = cr_tanh(cr_mul(x, cr_f32(cx.graph, (float)i)));
        x = cr_mul(x, z);
        y = cr_mul(y, z);
    }
    cr_output(cx.graph, "s", cr_add(x, y));
    cr_assert_eq(cr_pass_simplify(&cx), CR_OK, "%s", cr_error());
    uint64_t once = cr_graph_hash(cx.graph);
    cr_assert_eq(cr_pass_simplify(&cx), CR_OK, "%s", cr_error());
    cr_expect_eq(cr_graph_hash(cx.graph), once);
    cr_expect_eq(cx.changes, 0);
    cr_pass_context_finish(&cx);
}
