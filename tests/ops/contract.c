/* contract.c - contractions on the device over a grid of sizes, shared out over the setups: 1,
 * primes, edges of tiles; transposed operands; prologues, epilogues, updates in place.
 *
 * crisol-test: timeout=300 */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "ops/on_device.h"

static void add_product(cr_graph *g, int64_t m, int64_t n, int64_t k, int transposed)
{
    char x[48], y[48], z[48];
    bool tx = transposed & 1, ty = transposed & 2;
    snprintf(x, sizeof x, "x %d,%d,%d", (int)m, (int)n, (int)k);
    snprintf(y, sizeof y, "y %d,%d,%d", (int)m, (int)n, (int)k);
    snprintf(z, sizeof z, "z %d,%d,%d", (int)m, (int)n, (int)k);
    cr_value a = cr_input(g, x, CR_F32, tx ? k : m, tx ? m : k);
    cr_value b = cr_input(g, y, CR_F32, ty ? n : k, ty ? k : n);
    cr_output(g, z, cr_matmul_ex(a, tx, b, ty));
}

/* Each size in each place, in two graphs. */
Test(contract, sizes)
{
    static const int64_t sizes[] = {1, 2, 7, 15, 17, 31, 33, 63, 65};
    const int n = CR_COUNTOF(sizes);
    for (int half = 0; half < 2; half++) {
        cr_graph *g = cr_graph_create("sizes");
        for (int i = half; i < n; i += 2)
            add_product(g, sizes[i % n], sizes[(i * 2 + 1) % n], sizes[(i * 4 + 2) % n], i % 4);
        add_product(g, 5, 16, 400, half); /* in parts of the depth */
        expect_on_device(g, 4, (size_t)half);
    }
}

/* Several blocks of depth, several tiles. */
Test(contract, large)
{
    static const int64_t size[][3] = {{65, 129, 67}, {66, 127, 300}, {97, 33, 129}};
    for (int i = 0; i < 3; i++) {
        cr_graph *g = cr_graph_create("large");
        add_product(g, size[i][0], size[i][1], size[i][2], i);
        expect_on_device(g, 7, (size_t)i);
    }
}

/* Products that are large and deep: in blocks of the depth (of a small cache and of a transposed
 * A), with fewer rows in registers (rows 4 KiB apart share sets of a cache), and of rows that are
 * gathered and converted, the last of their elements in a vector that overlaps the one before. */
Test(contract, deep)
{
    static const struct setup some[] = {
        {.name = "small cache", .target = "cpu", .cache_bytes = 65536},
        {.name = "resident groups", .cache_bytes = 65536, .launches = CR_LAUNCH_RESIDENT}};
    for (size_t i = 0; i < CR_COUNTOF(some); i++) {
        cr_graph *g = cr_graph_create("deep");
        cr_value images = cr_input(g, "images", CR_U8, 40, 301),
                 order = cr_input(g, "order", CR_I32, 259);
        add_product(g, 257, 259, 600, 0);
        add_product(g, 260, 270, 264, 1);
        add_product(g, 50, 257, 1024, 0);
        cr_output(g, "gathered",
                  cr_matmul(cr_normalize(cr_gather(images, order), 3, 255),
                            cr_input(g, "w", CR_F32, 301, 258)));
        cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
        const char *why = compare_on_device(g, &some[i], 7, TAME);
        cr_expect(!*why, "%s", why);
        cr_graph_destroy(g);
    }
}

Test(contract, prologue_and_epilogue)
{
    cr_graph *g = cr_graph_create("gather, cast, normalise, bias, activation");
    cr_value images = cr_input(g, "images", CR_U8, 50, 37),
             order = cr_input(g, "order", CR_I32, 19);
    cr_value w = cr_param(g, "w", CR_F32, 37, 21), b = cr_param(g, "b", CR_F32, 21);
    cr_value x = cr_normalize(cr_gather(images, order), 3, 255);
    cr_value h = cr_sigmoid(cr_add(cr_matmul(x, w), b));
    cr_output(g, "h", h);
    cr_output(g, "largest", cr_amax(h, CR_AXIS(1)));
    expect_on_device(g, 5, 1);
}

/* A step: forward, gradients, updates in place. */
static cr_graph *training_graph(const char *name, int64_t batch, int64_t in, int64_t hidden,
                                int64_t out, bool softmax, bool adam)
{
    cr_graph *g = cr_graph_create(name);
    cr_value images = cr_input(g, "images", CR_U8, 40, in),
             labels = cr_input(g, "labels", CR_I32, 40);
    cr_value order = cr_input(g, "order", CR_I32, batch);
    cr_value x = cr_normalize(cr_gather(images, order), 0, 255), t = cr_gather(labels, order);
    cr_value y =
        cr_dense(cr_dense(x, "a", hidden, CR_SIGMOID), "b", out, softmax ? CR_LINEAR : CR_SIGMOID);
    cr_value loss = softmax ? cr_softmax_cross_entropy(y, t) : cr_mse(y, cr_onehot(t, out));
    cr_output(g, "loss", loss);
    cr_output(g, "correct", cr_count_correct(y, t));
    if (adam)
        cr_adam_minimize(loss, 0.01f);
    else
        cr_sgd_minimize(loss, 0.1f);
    return g;
}

Test(contract, training_mse)
{
    expect_on_device(training_graph("mse", 8, 30, 17, 10, false, false), 8, 0);
}

Test(contract, training_softmax)
{
    expect_on_device(training_graph("softmax", 16, 20, 33, 10, true, false), 8, 1);
}

Test(contract, training_adam)
{
    expect_on_device(training_graph("adam", 5, 13, 7, 3, true, true), 8, 2);
}

Test(contract, training_one)
{
    expect_on_device(training_graph("all sizes 1", 1, 1, 1, 1, false, false), 8, 3);
}

/* An executable with its leaves fed; looks_per_us < 0: the target's. */
static cr_exec *start(const cr_graph *g, const struct setup *s, double looks_per_us)
{
    outcome o = {g, calloc(g->node.len, sizeof *o.data), ""};
    cr_module *m = module_for(g, s);
    cr_assert(m, "%s", cr_error());
    if (looks_per_us >= 0)
        m->looks_per_us = looks_per_us;
    cr_exec *x = cr_exec_create(the_device(), NULL, m, NULL);
    cr_assert(x, "%s", cr_error());
    cr_assert_eq(give_leaves(&o, x, 3, TAME), CR_OK, "%s", cr_error());
    outcome_finish(&o);
    return x;
}

/* Weights whose columns are shared out among resident groups lie in panels while a launch runs:
 * read along their rows and, by the layer above, down their columns. After some launches all states
 * have the bits that one group gives; four groups give up where two run. */
Test(contract, states_in_panels)
{
    enum { IN = 96, HIDDEN = 128 };
    static const struct setup forms[] = {
        {.name = "one", .launches = CR_LAUNCH_ALONE},
        {.name = "two", .target = "cpu", .launches = CR_LAUNCH_RESIDENT, .resident_groups = 2},
        {.name = "two, vectors of 8",
         .target = "cpu",
         .vector_width = 8,
         .launches = CR_LAUNCH_RESIDENT,
         .resident_groups = 2},
        {.name = "four",
         .target = "cpu",
         .compute_units = 4,
         .launches = CR_LAUNCH_RESIDENT,
         .resident_groups = 4}};
    static float weight[2][HIDDEN * HIDDEN];
    cr_graph *g = cr_graph_create("panels");
    cr_value x = cr_input(g, "x", CR_F32, 32, IN), t = cr_input(g, "t", CR_F32, 32, 10);
    cr_value h = cr_dense(cr_dense(x, "a", HIDDEN, CR_TANH), "b", HIDDEN, CR_TANH);
    cr_value loss = cr_mse(cr_dense(h, "c", 10, CR_LINEAR), t);
    cr_output(g, "loss", loss);
    cr_adam_minimize(loss, 0.01f);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    for (size_t i = 0; i < CR_COUNTOF(forms); i++) {
        const char *why = compare_on_device(g, &forms[i], 7, TAME);
        cr_expect(!*why, "%s: %s", forms[i].name, why);
        cr_exec *e = start(g, &forms[i], -1);
        cr_expect_eq(i > 0, strstr(cr_exec_module(e)->source, "move_panels(") != NULL, "%s",
                     forms[i].name);
        for (int k = 0; k < 3; k++)
            cr_assert_eq(cr_exec_run(e, 7), CR_OK, "%s", cr_error());
        static const char *const names[] = {"a.w", "b.w"};
        for (int k = 0; k < 2; k++) {
            const size_t bytes = sizeof(float) * HIDDEN * (k ? HIDDEN : IN);
            static float first[2][HIDDEN * HIDDEN];
            cr_assert_eq(cr_exec_fetch(e, names[k], weight[k], bytes), CR_OK, "%s", cr_error());
            if (i == 0)
                memcpy(first[k], weight[k], bytes);
            cr_expect_eq(memcmp(first[k], weight[k], bytes), 0, "%s: %s differs", forms[i].name,
                         names[k]);
        }
        cr_exec_destroy(e);
    }
    cr_graph_destroy(g);
}

/* Groups that wait for each other where they cannot all run: the launch gives up when they first
 * meet, and one group does its work. Nothing changes but the time. */
Test(contract, a_launch_that_gives_up_is_mended)
{
    static const struct setup one = {.name = "one", .launches = CR_LAUNCH_ALONE},
                              many = {.name = "many",
                                      .launches = CR_LAUNCH_RESIDENT,
                                      .resident_groups = 1000};
    cr_graph *g = training_graph("mended", 8, 30, 17, 10, true, true);
    float loss[2], weight[2][30 * 17];
    uint64_t mended[2];
    for (int i = 0; i < 2; i++) {
        cr_exec *x = start(g, i ? &many : &one, -1);
        for (int k = 0; k < 5; k++)
            cr_assert_eq(cr_exec_run(x, 7), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_exec_fetch(x, "loss", &loss[i], sizeof loss[i]), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_exec_fetch(x, "a.w", weight[i], sizeof weight[i]), CR_OK, "%s", cr_error());
        cr_exec_stats s;
        cr_exec_stats_get(x, &s);
        mended[i] = s.mended;
        cr_exec_destroy(x);
    }
    cr_expect_eq(mended[0], 0);
    cr_expect_geq(mended[1], 1);
    cr_expect_eq(loss[0], loss[1], "%.9g and %.9g", (double)loss[0], (double)loss[1]);
    cr_expect_arr_eq(weight[0], weight[1], sizeof weight[0]);
    cr_graph_destroy(g);
}

/* ---- launches that are cut short --------------------------------------------------------------
 */

enum { CHUNK = 7, CHUNKS = 3, WEIGHTS = 30 * 17 };

static const struct setup together = {
    .name = "two", .target = "cpu", .launches = CR_LAUNCH_RESIDENT, .resident_groups = 2};

static void weights_of(cr_exec *x, float *out)
{
    cr_assert_eq(cr_exec_fetch(x, "a.w", out, WEIGHTS * sizeof *out), CR_OK, "%s", cr_error());
}

/* What one group alone makes of chunks of so many steps: [0] before any. */
static cr_graph *alone(uint64_t chunk, float weight[CHUNKS + 2][WEIGHTS])
{
    static const struct setup one = {.name = "one", .launches = CR_LAUNCH_ALONE};
    cr_graph *g = training_graph("cut short", 8, 30, 17, 10, true, true);
    cr_exec *x = start(g, &one, -1);
    for (int i = 0; i < CHUNKS + 2; i++) {
        if (i)
            cr_assert_eq(cr_exec_run(x, chunk), CR_OK, "%s", cr_error());
        weights_of(x, weight[i]);
    }
    cr_exec_destroy(x);
    return g;
}

/* From a group that never waits to one that waits long: launches give up anywhere, in the middle of
 * steps and at their last barrier. */
Test(contract, wherever_a_launch_gives_up)
{
    static float weight[CHUNKS + 2][WEIGHTS], now[WEIGHTS];
    cr_graph *g = alone(CHUNK, weight);
    uint64_t mended = 0;
    for (double looks = 0; looks<1; looks = looks> 0 ? looks * 4 : 1e-5) { /* of 50 ms: * 5e4 */
        cr_exec *x = start(g, &together, looks);
        for (int i = 0; i < CHUNKS; i++)
            cr_assert_eq(cr_exec_run(x, CHUNK), CR_OK, "%s", cr_error());
        weights_of(x, now);
        cr_expect_eq(memcmp(now, weight[CHUNKS], sizeof now), 0, "%g looks a us", looks);
        cr_exec_stats s;
        cr_exec_stats_get(x, &s);
        mended += s.mended;
        cr_exec_destroy(x);
    }
    cr_expect_geq(mended, 1);
    cr_graph_destroy(g);
}

/* A call to OpenCL fails while launches are enqueued, be it between a launch of all groups and the
 * one that would mend it: the run fails, states are those of whole runs, and later runs go on
 * from there. A run is one step, which is never more than one launch. */
Test(contract, after_a_failed_launch)
{
    static float weight[CHUNKS + 2][WEIGHTS], now[WEIGHTS];
    cr_graph *g = alone(1, weight);
    int failed = 0;
    for (int64_t call = 0; call < 12; call++) {
        cr_exec *x = start(g, &together, -1);
        int done = 0;
        for (int i = 0; i < CHUNKS; i++) {
            if (i == 1)
                cr_cl_fail_after(call);
            const cr_status status = cr_exec_run(x, 1);
            cr_cl_fail_after(-1);
            failed += status != CR_OK;
            cr_expect(status == CR_OK || i == 1, "%s", cr_error());
            weights_of(x, now);
            int at = done;
            while (at <= CHUNKS && memcmp(now, weight[at], sizeof now) != 0)
                at++;
            cr_expect(at == done + 1 || (status != CR_OK && at == done),
                      "call %d fails, run %d: %d steps after %d", (int)call, i, at, done);
            done = at;
        }
        cr_exec_destroy(x);
    }
    cr_expect_geq(failed, 2);
    cr_graph_destroy(g);
}
