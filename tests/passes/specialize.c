/* specialize.c - the roots asked for, and literal sizes. Dead code elimination too. */
#include "passes/run_pass.h"

static const char body[] = "symbol batch <= 8\nsymbol time <= 5\n"
                           "%1 = input \"x\" : f32[batch,3]\n%2 = state \"w\" param : f32[3]\n"
                           "%3 = expand %2 : f32[batch,3]\n%4 = mul %1, %3 : f32[batch,3]\n"
                           "%5 = size 3*batch : i32\n%6 = cast %5 : f32\n"
                           "%7 = sum %4 axes(0,1) : f32[1,1]\n%8 = reshape %7 : f32\n"
                           "%9 = div %8, %6 : f32\noutput \"loss\", %9\n"
                           "%11 = neg %2 : f32[3]\nassign %2, %11\noutput \"y\", %4";

Test(specialize, sizes_become_the_binding)
{
    cr_pass_context cx = pass_context(body);
    const int64_t binding[] = {0, 5, 1};
    cx.options.binding = binding;
    run_passes(&cx, "specialize");
    cr_value x = cr_find(cx.graph, "x"), loss = cr_find(cx.graph, "loss");
    cr_expect_eq(cr_value_shape(x).dim[0], 5);
    cr_expect_eq(count_ops(cx.graph, CR_OP_SIZE), 0);
    cr_ref n = cr_at(cx.graph, cr_at(cx.graph, loss.ref)->src[1])->src[0];
    cr_expect_eq(cr_at(cx.graph, n)->op, CR_OP_CONST);
    cr_expect_eq(cr_attr_of(cx.graph, n)->at[0], 15);
    cr_expect_eq(cr_verify(cx.graph, CR_LEVEL_LITERAL), CR_OK, "%s", cr_error());
    cr_pass_context_finish(&cx);
}

Test(specialize, without_a_binding_sizes_are_the_bounds)
{
    cr_pass_context cx = after_passes(body, "specialize");
    cr_expect_eq(cr_value_shape(cr_find(cx.graph, "x")).dim[0], 8);
    cr_expect_eq(cx.graph->root.len, 3);
    cr_pass_context_finish(&cx);
}

static void roots_are(const char *const *outputs, uint32_t n, bool assigns, const char *expected)
{
    cr_pass_context cx = pass_context(body);
    cr_strbuf roots = {0};
    cx.options.outputs = outputs;
    cx.options.noutputs = n;
    cx.options.assigns = assigns;
    run_passes(&cx, "specialize");
    for (uint32_t i = 0; i < cx.graph->root.len; i++)
        cr_str_printf(&roots, "%s %s;", cr_ops[cr_at(cx.graph, cx.graph->root.at[i])->op].name,
                      cr_name_of(cx.graph, cx.graph->root.at[i]));
    cr_expect_str_eq(cr_str_text(&roots), expected);
    cr_str_finish(&roots);
    cr_pass_context_finish(&cx);
}

Test(specialize, keeps_the_roots_asked_for)
{
    static const char *const y[] = {"y"}, *const both[] = {"y", "loss"};
    roots_are(NULL, 0, true, "output loss;assign w;output y;");
    roots_are(NULL, 0, false, "output loss;output y;");
    roots_are(y, 1, false, "output y;");
    roots_are(both, 2, true, "output loss;assign w;output y;");
    roots_are(y, 0, true, "assign w;");
}

Test(specialize, what_no_kept_root_reaches_is_gone)
{
    static const char *const y[] = {"y"};
    cr_pass_context cx = pass_context(body);
    cx.options.outputs = y;
    cx.options.noutputs = 1;
    cx.options.assigns = false;
    run_passes(&cx, "specialize");
    cr_expect_eq(cr_graph_size(cx.graph), 5);
    cr_expect_eq(cr_find(cx.graph, "loss").ref, 0);
    cr_pass_context_finish(&cx);
}

static void refuses(cr_pass_context *cx, const char *message)
{
    cr_expect_eq(cr_pipeline_run(cx, "specialize", NULL), CR_E_ARGUMENT);
    cr_expect_str_eq(cr_error(), message);
    cr_pass_context_finish(cx);
}

Test(specialize, an_unknown_output_is_a_mistake)
{
    static const char *const wrong[] = {"lost"};
    cr_pass_context cx = pass_context(body), none = pass_context("%1 = input \"x\" : f32");
    cx.options.outputs = none.options.outputs = wrong;
    cx.options.noutputs = none.options.noutputs = 1;
    refuses(&cx, "no output is called 'lost'; there are: loss, y");
    refuses(&none, "no output is called 'lost': the graph has none (cr_output names a value)");
}

Test(specialize, a_binding_out_of_range_is_a_mistake)
{
    const int64_t large[] = {0, 9, 1}, zero[] = {0, 8, 0};
    cr_pass_context a = pass_context(body), b = pass_context(body);
    a.options.binding = large;
    b.options.binding = zero;
    refuses(&a, "size 'batch': 9 is not between 1 and its bound, 8");
    refuses(&b, "size 'time': 0 is not between 1 and its bound, 5");
}

Test(dce, leaves_out_what_no_root_reaches)
{
    cr_pass_context cx = after_passes("%1 = input \"x\" : f32\n%2 = input \"y\" : f32\n"
                                      "%3 = neg %1 : f32\n%4 = exp %3 : f32\n%5 = abs %1 : f32\n"
                                      "output \"z\", %5",
                                      "dce");
    cr_expect_eq(cr_graph_size(cx.graph), 3);
    cr_expect_eq(cx.changes, 3);
    cr_pass_context_finish(&cx);
}

Test(dce, an_output_whose_name_was_taken_goes)
{
    cr_pass_context cx =
        after_passes("%1 = input \"x\" : f32\n%2 = neg %1 : f32\noutput \"z\", %2\n"
                     "output \"z\", %1",
                     "dce");
    cr_expect_eq(cr_graph_size(cx.graph), 2);
    cr_expect_eq(cx.graph->root.len, 1);
    cr_pass_context_finish(&cx);
}
