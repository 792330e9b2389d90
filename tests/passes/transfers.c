/* transfers.c - needless transfers go, inputs that do not fit stay on the host, the budget holds.
 */
#include "crisol/ops.h"
#include "passes/run_pass.h"

static const char graph_passes[] = "specialize,lower,simplify,dce,snapshot,place,transfers";

/* A training step on a data set of which a shuffled batch is gathered. */
static cr_graph *training_step(void)
{
    cr_graph *g = cr_graph_create("step");
    cr_dim batch = cr_symbol(g, "batch", 16);
    cr_value images = cr_input(g, "images", CR_U8, 1000, 49);
    cr_value labels = cr_input(g, "labels", CR_U8, 1000),
             order = cr_input(g, "order", CR_I32, 1000);
    cr_value offset = cr_state(g, "offset", CR_I32, (cr_init){0}, CR_SCALAR);
    cr_value index = cr_gather(order, cr_add(offset, cr_iota(g, CR_SHAPE(batch), 0)));
    cr_value x = cr_mul(cr_cast(cr_gather(images, index), CR_F32), cr_f32(g, 1 / 255.0f));
    cr_value t = cr_onehot(cr_cast(cr_gather(labels, index), CR_I32), 10);
    cr_value p[2] = {cr_param(g, "w", CR_F32, 49, 10), cr_param(g, "b", CR_F32, 10)}, grad[2];
    cr_value d = cr_sub(cr_sigmoid(cr_add(cr_matmul(x, p[0]), p[1])), t);
    cr_value loss = cr_mean(cr_square(d), CR_ALL_AXES);
    cr_gradients(loss, p, 2, grad);
    for (int i = 0; i < 2; i++)
        cr_assign(p[i], cr_sub(p[i], cr_mul(grad[i], cr_f32(g, 0.1f))));
    cr_assign(offset, cr_add(offset, cr_size(g, batch)));
    cr_output(g, "loss", loss);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    return g;
}

static cr_pass_context step_context(cr_variant variant)
{
    cr_pass_context cx = {.graph = training_step(), .target = cr_target_builtin("cpu")};
    cx.options = (cr_plan_options){.variant = variant, .assigns = true};
    return cx;
}

static uint32_t on_host(const cr_graph *g)
{
    uint32_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->space == CR_SPACE_HOST;
    return n;
}

/* ---- elimination ---------------------------------------------------------------------------- */

Test(transfers, a_resident_training_step_has_none)
{
    static const cr_variant variants[] = {CR_VARIANT_FUSED, CR_VARIANT_UNFUSED};
    for (int i = 0; i < 2; i++) {
        cr_pass_context cx = step_context(variants[i]); /* with a budget of 0 bytes */
        run_passes(&cx, graph_passes);
        cr_expect_eq(count_ops(cx.graph, CR_OP_COPY), 0);
        cr_expect_eq(on_host(cx.graph), 0);
        cr_pass_context_finish(&cx);
    }
}

Test(transfers, undoes_naive_placement)
{
    cr_pass_context placed = step_context(CR_VARIANT_FUSED), cx = step_context(CR_VARIANT_FUSED);
    run_passes(&placed, "specialize,simplify,dce");
    run_passes(&cx, graph_passes);
    cr_expect_eq(cr_graph_hash(cx.graph), cr_graph_hash(placed.graph));
    cr_expect_eq(cr_graph_size(cx.graph), cr_graph_size(placed.graph));
    cr_expect_gt(cx.changes, 0);
    cr_pass_context_finish(&placed);
    cr_pass_context_finish(&cx);
}

Test(transfers, to_device_of_to_host_is_nothing)
{
    becomes("%1 = input \"x\" : f32[4]\n%2 = exp %1 : f32[4]\n%3 = copy %2 to host : f32[4] host\n"
            "%4 = copy %3 to device : f32[4]\n%5 = tanh %4 : f32[4]\noutput \"y\", %5",
            "transfers",
            "%1 = input \"x\" : f32[4]\n%2 = exp %1 : f32[4]\n%3 = tanh %2 : f32[4]\n"
            "output \"y\", %3");
}

/* ---- inputs that do not fit ----------------------------------------------------------------- */

static cr_pass_context held(uint64_t max_resident_bytes)
{
    cr_pass_context cx = step_context(CR_VARIANT_FUSED);
    cx.options.max_resident_bytes = max_resident_bytes;
    cx.options.max_transfer_bytes = UINT64_MAX;
    run_passes(&cx, graph_passes);
    return cx;
}

static cr_space space_of(const cr_pass_context *cx, const char *name)
{
    return (cr_space)cr_at(cx->graph, cr_find(cx->graph, name).ref)->space;
}

Test(transfers, of_an_input_that_does_not_fit_only_the_batch_goes_up)
{
    cr_pass_context cx = held(10000); /* images: 49,000 bytes; labels: 1,000; order: 4,000 */
    cr_expect_eq(space_of(&cx, "images"), CR_SPACE_HOST);
    cr_expect_eq(space_of(&cx, "labels"), CR_SPACE_DEVICE);
    cr_expect_eq(space_of(&cx, "order"), CR_SPACE_HOST);
    cr_expect_eq(space_of(&cx, "offset"), CR_SPACE_HOST);
    cr_expect_eq(space_of(&cx, "w"), CR_SPACE_DEVICE);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 0);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 16 * 49 + 16 * 4); /* and labels' index */
    cr_pass_context_finish(&cx);
}

Test(transfers, when_nothing_fits_all_batches_go_up)
{
    cr_pass_context cx = held(1);
    cr_expect_eq(space_of(&cx, "labels"), CR_SPACE_HOST);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 16 * 49 + 16);
    cr_pass_context_finish(&cx);
}

Test(transfers, the_targets_memory_decides_by_default)
{
    cr_target small = *cr_target_builtin("cpu");
    small.max_alloc_bytes = 40000;
    cr_pass_context cx = step_context(CR_VARIANT_FUSED);
    cx.target = &small;
    cx.options.max_transfer_bytes = UINT64_MAX;
    run_passes(&cx, graph_passes);
    cr_expect_eq(space_of(&cx, "images"), CR_SPACE_HOST);
    cr_pass_context_finish(&cx);

    small.max_alloc_bytes = 60000; /* each fits, but not all of them into 0.8 of this: */
    small.global_bytes = 64000;
    cx = step_context(CR_VARIANT_FUSED);
    cx.target = &small;
    cx.options.max_transfer_bytes = UINT64_MAX;
    run_passes(&cx, graph_passes);
    cr_expect_eq(space_of(&cx, "images"), CR_SPACE_HOST);
    cr_expect_eq(space_of(&cx, "labels"), CR_SPACE_DEVICE);
    cr_pass_context_finish(&cx);
}

Test(transfers, an_input_that_is_read_whole_stays_on_the_device)
{
    cr_pass_context cx = pass_context("%1 = input \"x\" : f32[400]\n%2 = exp %1 : f32[400]\n"
                                      "%3 = input \"i\" : i32[2]\n%4 = gather %1, %3 : f32[2]\n"
                                      "output \"y\", %2\noutput \"z\", %4");
    cx.options.max_resident_bytes = 16;
    run_passes(&cx, "place,transfers");
    cr_expect_eq(count_ops(cx.graph, CR_OP_COPY), 0);
    cr_pass_context_finish(&cx);
}

Test(transfers, an_index_that_the_device_computes_comes_down)
{
    cr_pass_context cx =
        pass_context("%1 = input \"t\" : f32[1,400]\n%2 = reshape %1 : f32[400,1]\n"
                     "%3 = input \"x\" : f32[8]\n%4 = argmax %3 axes(0) : i32[1]\n"
                     "%5 = gather %2, %4 : f32[1,1]\n%6 = exp %5 : f32[1,1]\n"
                     "output \"y\", %6");
    cx.options.max_resident_bytes = 100;
    run_passes(&cx, "place,transfers");
    cr_expect_eq(space_of(&cx, "t"), CR_SPACE_HOST);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_HOST), 4);
    cr_expect_eq(moved_bytes(cx.graph, CR_SPACE_DEVICE), 4);
    cr_pass_context_finish(&cx);
}

/* ---- the budget ----------------------------------------------------------------------------- */

static void over_budget(cr_pass_context *cx, const char *message)
{
    cr_expect_eq(cr_pipeline_run(cx, graph_passes, NULL), CR_E_LIMIT);
    cr_expect_str_eq(cr_error(), message);
    cr_pass_context_finish(cx);
}

Test(transfers, a_budget_that_is_exceeded_names_node_and_edge)
{
    cr_pass_context cx = pass_context("%1 = input \"x\" : f32[8] !1 \"x\" net.c:1\n"
                                      "%2 = exp %1 : f32[8] !2 \"exp\" net.c:2\n"
                                      "%3 = sum %2 axes(0) : f32[1] !3 \"mean\" net.c:3\n"
                                      "output \"y\", %3");
    cx.options.variant = CR_VARIANT_NAIVE;
    cx.options.max_transfer_bytes = 99;
    over_budget(
        &cx, "a step moves 100 bytes between host and device, and max_transfer_bytes is 99\n"
             "  32 bytes to the device, f32[8]: input \"x\" (net.c:1) -> exp (net.c:2)\n"
             "  32 bytes to the host, f32[8]: exp (net.c:2) -> sum of mean (net.c:3)\n"
             "  32 bytes to the device, f32[8]: exp (net.c:2) -> sum of mean (net.c:3)\n"
             "  4 bytes to the host, f32[1]: sum of mean (net.c:3) -> output \"y\"\n"
             "the naive variant moves every operand: compile fused, or raise max_transfer_bytes");
}

Test(transfers, a_budget_for_batches)
{
    const char *body = "%1 = input \"t\" : f32[400]\n%2 = input \"i\" : i32[2]\n"
                       "%3 = gather %1, %2 : f32[2]\n%4 = exp %3 : f32[2]\noutput \"y\", %4";
    cr_pass_context cx = pass_context(body), fits = pass_context(body);
    cx.options.max_resident_bytes = fits.options.max_resident_bytes = 100;
    cx.options.max_transfer_bytes = 7;
    fits.options.max_transfer_bytes = 8;
    over_budget(&cx,
                "a step moves 8 bytes between host and device, and max_transfer_bytes is 7\n"
                "  8 bytes to the device, f32[2]: gather -> exp\n"
                "let the inputs reside on the device (max_resident_bytes, or a device with more "
                "memory), gather smaller batches, or raise max_transfer_bytes");
    run_passes(&fits, graph_passes);
    cr_pass_context_finish(&fits);
}
