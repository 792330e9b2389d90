/* memory.c - the memory plan of random graphs and of nets: what lives at the same time does not
 * overlap, everything is aligned and inside its memory, and a net's peak is at most 1.15 times its
 * lower bound. */
#include <criterion/criterion.h>

#include "compile.h"
#include "crisol/crisol.h"
#include "module.h"
#include "passes.h"
#include "prop/compare.h"
#include "prop/random_graph.h"

enum { GRAPHS = 100 };

static const cr_variant variants[] = {CR_VARIANT_FUSED, CR_VARIANT_UNFUSED, CR_VARIANT_NAIVE};
static const char *const targets[] = {"cpu", "gpu"};

static cr_pass_context plan(const cr_graph *g, cr_variant variant, const char *target,
                            cr_launch_form launches)
{
    cr_pass_context cx = {.graph = cr_graph_copy(g), .target = cr_target_builtin(target)};
    cx.options = (cr_plan_options){.variant = variant,
                                   .launches = launches,
                                   .max_transfer_bytes = UINT64_MAX,
                                   .assigns = true};
    cr_assert_eq(cr_pipeline_run(&cx, NULL, NULL), CR_OK, "%s", cr_error());
    return cx;
}

/* ---- random graphs --------------------------------------------------------------------------- */

static bool in_arena(const cr_plan *p, const cr_buffer *b)
{
    int kind = p->memory.at[b->memory].kind;
    return kind != CR_MEMORY_STORE && kind != CR_MEMORY_HOST_STORE;
}

/* States live all the time. */
static bool share(const cr_plan *p, const cr_buffer *a, const cr_buffer *b)
{
    bool in_time = !in_arena(p, a) || (a->first <= b->last && b->first <= a->last);
    return in_time && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void check_buffers(const cr_plan *p, unsigned seed)
{
    for (uint32_t i = 1; i < p->buffer.len; i++) {
        const cr_buffer *a = &p->buffer.at[i];
        cr_assert_eq(a->offset % (uint64_t)p->target->align_bytes, 0, "seed %u", seed);
        cr_assert_leq(a->offset + a->bytes, p->memory.at[a->memory].bytes, "seed %u", seed);
        cr_assert_leq(a->first, a->last, "seed %u", seed);
        for (uint32_t k = i + 1; k < p->buffer.len; k++) {
            const cr_buffer *b = &p->buffer.at[k];
            cr_assert(a->memory != b->memory || !share(p, a, b), "seed %u: %%%u and %%%u", seed,
                      a->value, b->value);
        }
    }
    cr_assert_leq(p->bound_bytes, p->peak_bytes, "seed %u", seed);
}

Test(memory, of_random_graphs)
{
    for (unsigned seed = 1; seed <= GRAPHS; seed++) {
        struct random_graph want = {
            .seed = seed, .nodes = 10 + seed % 50, .gradients = seed % 3 == 0};
        cr_graph *g = random_graph(&want);
        cr_assert(g, "%s", cr_error());
        cr_pass_context cx =
            plan(g, variants[seed % 3], targets[seed % 2], (cr_launch_form)(seed % 5));
        check_buffers(cx.plan, seed);
        cr_pass_context_finish(&cx);
        cr_graph_destroy(g);
    }
}

/* ---- nets ------------------------------------------------------------------------------------ */

struct net {
    const char *layers;
    int64_t batch;
    bool softmax, adam;
};

static const struct net nets[] = {
    {"dense 16 sigmoid, dense 10 sigmoid", 32, false, false},
    {"dense 256 sigmoid, dense 10 sigmoid", 64, false, false},
    {"dense 128 relu, dense 10", 64, true, true},
    {"dense 64 relu, dense 64 relu, dense 10", 33, true, false},
    {"dense 256 tanh, dense 256 tanh, dense 256 tanh, dense 10", 512, true, true},
    {"dense 2 tanh, dense 1 tanh", 4, false, false},
};

static cr_graph *training(const struct net *n)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(n->layers, &net), CR_OK, "%s", cr_error());
    cr_graph *g = cr_graph_create(n->layers);
    cr_value images = cr_input(g, "images", CR_U8, 1000, 784);
    cr_value labels = cr_input(g, "labels", CR_I32, 1000);
    cr_value order = cr_input(g, "order", CR_I32, n->batch);
    cr_value x = cr_normalize(cr_gather(images, order), 0, 255), t = cr_gather(labels, order);
    cr_value y = cr_net_model(x, &net);
    cr_net_finish(&net);
    cr_value loss = n->softmax ? cr_softmax_cross_entropy(y, t)
                               : cr_mse(y, cr_onehot(t, cr_value_shape(y).dim[1]));
    cr_output(g, "loss", loss);
    if (n->adam)
        cr_adam_minimize(loss, 0.01f);
    else
        cr_sgd_minimize(loss, 0.1f);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    return g;
}

Test(memory, of_nets_is_close_to_its_bound)
{
    for (size_t i = 0; i < CR_COUNTOF(nets); i++) {
        cr_graph *g = training(&nets[i]);
        uint64_t peak[3];
        for (int v = 0; v < 3; v++)
            for (int t = 0; t < 2; t++) {
                cr_pass_context cx = plan(g, variants[v], targets[t], CR_LAUNCH_BEST);
                peak[v] = cx.plan->peak_bytes;
                cr_expect_leq((double)peak[v], 1.15 * (double)cx.plan->bound_bytes,
                              "%s, variant %d: %llu, bound %llu", g->name, v,
                              (unsigned long long)peak[v],
                              (unsigned long long)cx.plan->bound_bytes);
                cr_pass_context_finish(&cx);
            }
        cr_expect_leq(peak[0], peak[1], "%s: fused takes more than unfused", g->name);
        cr_graph_destroy(g);
    }
}

/* ---- local memory ---------------------------------------------------------------------------- */

/* Independent products run side by side in one launch, whose local memory any of them uses. */
Test(memory, panels_of_a_launch_fit_local_memory)
{
    static const int64_t sizes[] = {1, 10, 48, 196, 784, 1000, 1024, 4096};
    struct chooser c = {.state = 1};
    uint64_t most = 0;
    for (int i = 0; i < 100; i++) {
        cr_graph *g = cr_graph_create("products");
        for (int k = 0; k < 3; k++) {
            char x[16], y[16], z[16];
            const int64_t m = sizes[draw(&c, 8)], n = sizes[draw(&c, 8)], d = sizes[draw(&c, 8)];
            const bool tx = draw(&c, 2), ty = draw(&c, 2);
            snprintf(x, sizeof x, "x%d", k);
            snprintf(y, sizeof y, "y%d", k);
            snprintf(z, sizeof z, "z%d", k);
            cr_value a = cr_input(g, x, CR_F32, tx ? d : m, tx ? m : d);
            cr_value b = cr_input(g, y, CR_F32, ty ? n : d, ty ? d : n);
            cr_output(g, z, cr_matmul_ex(a, tx, b, ty));
        }
        cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
        const char *target = targets[i % 2];
        cr_pass_context cx = plan(g, CR_VARIANT_FUSED, target, CR_LAUNCH_LEVELS);
        for (uint32_t k = 0; k < cx.plan->launch.len; k++) {
            const cr_launch *l = &cx.plan->launch.at[k];
            most = CR_MAX(most, l->local_bytes);
            cr_expect_leq(l->local_bytes, (uint64_t)cx.plan->target->local_bytes, "%s, graph %d",
                          target, i);
        }
        cr_pass_context_finish(&cx);
        cr_graph_destroy(g);
    }
    cr_expect_gt(most, 100000u); /* some are large */
}
