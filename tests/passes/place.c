/* place.c - naive placement: what goes up and comes down around each op. */
#include "passes/run_pass.h"

static const char graph_passes[] = "place,transfers";

static cr_pass_context naive(const char *body)
{
    cr_pass_context cx = pass_context(body);
    cx.options.variant = CR_VARIANT_NAIVE;
    run_passes(&cx, graph_passes);
    return cx;
}

Test(place, operands_go_up_and_results_come_down)
{
    becomes("%1 = input \"x\" : f32[2,3]\n%2 = state \"w\" param : f32[3,4]\n"
            "%3 = matmul %1, %2 : f32[2,4]\n%4 = tanh %3 : f32[2,4]\noutput \"y\", %4",
            "place",
            "%1 = input \"x\" : f32[2,3] host\n%2 = state \"w\" param : f32[3,4] host\n"
            "%3 = copy %1 to device for(4) : f32[2,3]\n%4 = copy %2 to device for(4) : f32[3,4]\n"
            "%5 = matmul %3, %4 : f32[2,4]\n%6 = copy %5 to host : f32[2,4] host\n"
            "%7 = copy %6 to device for(5) : f32[2,4]\n%8 = tanh %7 : f32[2,4]\n"
            "%9 = copy %8 to host : f32[2,4] host\noutput \"y\", %9 host");
}

Test(place, an_operand_goes_up_for_each_op_and_comes_down_once)
{
    cr_pass_context cx =
        naive("%1 = input \"x\" : f32[4] !1 \"x\"\n%2 = exp %1 : f32[4] !2 \"exp\"\n"
              "%3 = tanh %2 : f32[4] !3 \"tanh\"\n%4 = neg %2 : f32[4] !4 \"neg\"\n"
              "output \"a\", %3\noutput \"b\", %4\noutput \"c\", %2");
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 16 + 2 * 16);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 3 * 16);
    cr_pass_context_finish(&cx);
}

Test(place, what_is_one_op_to_the_user_moves_nothing_inside)
{
    cr_pass_context cx =
        naive("%1 = input \"x\" : f32[4]\n%2 = amax %1 axes(0) : f32[1] !1 \"softmax\"\n"
              "%3 = expand %2 : f32[4] !1\n%4 = sub %1, %3 : f32[4] !1\n"
              "%5 = exp %4 : f32[4] !1\n%6 = sum %5 axes(0) : f32[1] !1\n"
              "%7 = expand %6 : f32[4] !1\n%8 = div %5, %7 : f32[4] !1\n"
              "output \"y\", %8");
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 16);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 16);
    cr_pass_context_finish(&cx);
}

Test(place, constants_and_indices_are_everywhere)
{
    cr_pass_context cx =
        naive("%1 = const 2 : i32\n%2 = expand %1 : i32[4]\n%3 = iota axis(0) : i32[4]\n"
              "%4 = input \"t\" : f32[9,2]\n%5 = add %2, %3 : i32[4]\n"
              "%6 = gather %4, %5 : f32[4,2]\n%7 = mul %3, %2 : i32[4]\n"
              "output \"rows\", %6\noutput \"i\", %7");
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 0);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 16);
    cr_expect_eq(count_ops(cx.graph, CR_OP_iota), 2);
    cr_pass_context_finish(&cx);
}

Test(place, a_reshape_of_another_ops_value_is_free)
{
    cr_pass_context cx =
        naive("%1 = input \"x\" : f32[2,2] !1 \"x\"\n%2 = exp %1 : f32[2,2] !2 \"exp\"\n"
              "%3 = reshape %2 : f32[4] !3 \"reshape\"\n"
              "%4 = tanh %3 : f32[4] !4 \"tanh\"\noutput \"y\", %4\noutput \"z\", %3");
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 32);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 32);
    cr_expect_eq(count_ops(cx.graph, CR_OP_reshape), 2);
    cr_pass_context_finish(&cx);
}

/* The shuffled order, the position in it, and the gathers are the host's; the batch goes up. */
static const char batch[] =
    "%1 = input \"images\" : u8[1000,49]\n%2 = input \"order\" : i32[1000]\n"
    "%3 = state \"offset\" : i32\n%4 = expand %3 : i32[16]\n"
    "%5 = iota axis(0) : i32[16]\n%6 = add %4, %5 : i32[16]\n"
    "%7 = gather %2, %6 : i32[16]\n%8 = gather %1, %7 : u8[16,49]\n"
    "%9 = cast %8 : f32[16,49]\noutput \"x\", %9\n"
    "%11 = const 16 : i32\n%12 = add %3, %11 : i32\nassign %3, %12\n";

Test(place, the_host_gathers_the_batch)
{
    cr_pass_context cx = naive(batch);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 16 * 49);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 16 * 49 * 4);
    for (cr_ref r = 1; r < cx.graph->node.len; r++)
        if (cr_at(cx.graph, r)->op == CR_OP_gather || cr_at(cx.graph, r)->op == CR_OP_add)
            cr_expect_eq(cr_at(cx.graph, r)->space, CR_SPACE_HOST);
    cr_pass_context_finish(&cx);
}

/* A position that depends on what the device computes is still a state on the host. */
Test(place, a_guarded_counter_is_computed_by_the_device)
{
    cr_pass_context cx =
        naive("%1 = input \"t\" : f32[100]\n%2 = state \"at\" : i32\n"
              "%3 = gather %1, %2 : f32\n%4 = tanh %3 : f32\n%5 = eq %4, %4 : bool\n"
              "%6 = const 1 : i32\n%7 = add %2, %6 : i32\n"
              "%8 = select %5, %7, %2 : i32\nassign %2, %8");
    cr_ref assign = cx.graph->root.at[0];
    cr_ref value = cr_at(cx.graph, assign)->src[1];
    cr_expect_eq(cr_at(cx.graph, value)->op, CR_OP_COPY);
    cr_expect_eq(cr_at(cx.graph, assign)->space, CR_SPACE_HOST);
    cr_expect_eq(cr_at(cx.graph, cr_find(cx.graph, "at").ref)->space, CR_SPACE_HOST);
    cr_pass_context_finish(&cx);
}
