/* What users do with a program on a device: feed, run, fetch, set, share; and what they are told
 * when they do it wrong. crisol-test: timeout=300 */
#include <criterion/criterion.h>
#include <math.h>

#include "base.h"
#include "crisol/crisol.h"
#include "frontend/host.h"
#include "frontend/xor.h"

static const cr_opt variants[] = {CR_OPT_FUSED, CR_OPT_UNFUSED, CR_OPT_NAIVE};

static bool says(const char *text)
{
    if (strstr(cr_error(), text))
        return true;
    fprintf(stderr, "not said: %s\nbut: %s\n", text, cr_error());
    return false;
}

/* ---- XOR ------------------------------------------------------------------------------------ */

static cr_graph *xor_graph(void)
{
    cr_graph *g = cr_graph_create("xor");
    cr_value x = cr_input(g, "x", CR_F32, 4, 2), t = cr_input(g, "t", CR_F32, 4, 1);
    cr_value y = cr_dense(cr_dense(x, "h", 2, CR_TANH), "y", 1, CR_TANH);
    cr_value loss = cr_mse(y, t);
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.5f);
    return g;
}

static cr_program *xor_program(const cr_graph *g, const cr_compile_options *o)
{
    cr_program *p = cr_compile(g, o);
    cr_assert_not_null(p, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "x", xor_x, sizeof xor_x), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "t", xor_t, sizeof xor_t), CR_OK, "%s", cr_error());
    return p;
}

Test(api, xor_follows_plain_c)
{
    cr_graph *g = xor_graph();
    for (size_t v = 0; v < CR_COUNTOF(variants); v++) {
        cr_program *p = xor_program(g, &(cr_compile_options){.opt = variants[v], .seed = 5});
        struct plain plain = {.b2 = 0};
        cr_assert_eq(cr_fetch(p, "h.w", plain.w1, sizeof plain.w1), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "y.w", plain.w2, sizeof plain.w2), CR_OK, "%s", cr_error());
        for (int epoch = 0; epoch < 500; epoch++) {
            float loss, want = plain_step(&plain, 0.5f);
            cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
            cr_assert_eq(cr_fetch(p, "loss", &loss, sizeof loss), CR_OK, "%s", cr_error());
            cr_assert(loss == want, "variant %zu, epoch %d: %.9g, plain C %.9g", v, epoch,
                      (double)loss, (double)want);
        }
        cr_assert_eq(cr_steps_done(p), 500);
        cr_program_destroy(p);
    }
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* What is fetched of a state is its value before the step, as every reader in the step saw it. */
Test(api, an_output_of_a_state_is_from_before_the_step)
{
    cr_graph *g = cr_graph_create("count");
    cr_value n = cr_param(g, "n", CR_F32, 3), x = cr_input(g, "x", CR_F32, 3);
    cr_output(g, "before", n);
    cr_output(g, "after", cr_add(n, x));
    cr_assign(n, cr_add(n, x));
    static const float one[3] = {1, 2, 3};
    for (size_t v = 0; v < CR_COUNTOF(variants); v++) {
        cr_program *p = cr_compile(g, &(cr_compile_options){.opt = variants[v]});
        cr_assert_not_null(p, "%s", cr_error());
        cr_assert_eq(cr_feed(p, "x", one, sizeof one), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_run(p, 4), CR_OK, "%s", cr_error());
        float before[3], after[3], state[3];
        cr_assert_eq(cr_fetch(p, "before", before, sizeof before), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "after", after, sizeof after), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "n", state, sizeof state), CR_OK, "%s", cr_error());
        for (int i = 0; i < 3; i++) {
            cr_expect_eq(before[i], 3 * one[i], "variant %zu: %g", v, (double)before[i]);
            cr_expect_eq(after[i], 4 * one[i]);
            cr_expect_eq(state[i], 4 * one[i]);
        }
        cr_program_destroy(p);
    }
    cr_graph_destroy(g);
}

/* Each state takes the other's value: neither could be written first. */
Test(api, states_exchange_values)
{
    static const float data[3][2] = {{1, 2}, {3, 4}, {5, 6}};
    cr_graph *g = cr_graph_create("rotate");
    cr_value s[3];
    const char *names[3] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        s[i] = cr_param_init(g, names[i], CR_F32,
                             ((cr_init){.kind = CR_INIT_DATA, .data = data[i]}), 2);
    for (int i = 0; i < 3; i++)
        cr_assign(s[i], s[(i + 1) % 3]);
    for (size_t v = 0; v < CR_COUNTOF(variants); v++) {
        cr_program *p = cr_compile(g, &(cr_compile_options){.opt = variants[v]});
        cr_assert_not_null(p, "%s", cr_error());
        cr_assert_eq(cr_run(p, 4), CR_OK, "%s", cr_error());
        for (int i = 0; i < 3; i++) {
            float now[2];
            cr_assert_eq(cr_fetch(p, names[i], now, sizeof now), CR_OK, "%s", cr_error());
            cr_expect_arr_eq(now, data[(i + 4) % 3], sizeof now, "variant %zu", v);
        }
        cr_program_destroy(p);
    }
    cr_graph_destroy(g);
}

/* Many steps at once are the same as one at a time. */
Test(api, steps_add_up)
{
    cr_graph *g = xor_graph();
    float loss[2];
    for (int i = 0; i < 2; i++) {
        cr_program *p = xor_program(g, NULL);
        for (int k = 0; k < (i ? 300 : 1); k++)
            cr_assert_eq(cr_run(p, i ? 1 : 300), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "loss", &loss[i], sizeof *loss), CR_OK, "%s", cr_error());
        cr_program_destroy(p);
    }
    cr_assert_eq(loss[0], loss[1]);
    cr_graph_destroy(g);
}

/* ---- states, sharing, sizes ----------------------------------------------------------------- */

Test(api, parameters_are_read_and_set)
{
    cr_graph *g = xor_graph();
    cr_program *p = xor_program(g, NULL);
    const float w[4] = {1, 2, 3, 4}, rate = 0;
    float back[4], loss[2];
    cr_assert_eq(cr_set(p, "h.w", w, sizeof w), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_set(p, "lr", &rate, sizeof rate), CR_OK, "%s", cr_error());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(cr_run(p, 3), CR_OK, "%s", cr_error());
        cr_fetch(p, "loss", &loss[i], sizeof *loss);
    }
    cr_assert_eq(cr_fetch(p, "h.w", back, sizeof back), CR_OK, "%s", cr_error());
    cr_assert_eq(memcmp(w, back, sizeof w), 0);
    cr_assert_eq(loss[0], loss[1]);
    cr_program_destroy(p);
    cr_graph_destroy(g);
}

/* Two bindings of one graph over the same states and the same data; the graph may be gone. */
Test(api, programs_share_states_and_inputs)
{
    cr_graph *g = cr_graph_create("t");
    cr_value table = cr_input(g, "table", CR_F32, 8, 2);
    cr_value rows = cr_iota(g, CR_SHAPE(cr_symbol(g, "n", 8)), 0);
    cr_value sum = cr_state(g, "sum", CR_F32, ((cr_init){.kind = CR_INIT_CONSTANT}), CR_SCALAR);
    cr_assign(sum, cr_add(sum, cr_sum(cr_gather(table, rows), CR_ALL_AXES)));
    const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    cr_program *whole = cr_compile(g, NULL);
    cr_assert_not_null(whole, "%s", cr_error());
    const cr_binding bind = {"n", 3};
    cr_program *rest =
        cr_compile(g, &(cr_compile_options){.bind = &bind, .nbind = 1, .share = whole});
    cr_assert_not_null(rest, "%s", cr_error());
    cr_graph_destroy(g);
    cr_assert_eq(cr_feed(whole, "table", ones, sizeof ones), CR_OK, "%s", cr_error());
    cr_run(whole, 2);
    cr_assert_eq(cr_run(rest, 1), CR_OK, "%s", cr_error());
    float got = 0;
    cr_program_destroy(whole);
    cr_assert_eq(cr_fetch(rest, "sum", &got, sizeof got), CR_OK, "%s", cr_error());
    cr_assert_eq(got, 2 * 16 + 6);
    cr_program_destroy(rest);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- smaller bindings ----------------------------------------------------------------------- */

enum { BATCH = 64, LAST = 17, IN = 13, OUT = 5 };

static float batch_x[BATCH * IN], batch_t[BATCH * OUT];

static cr_graph *batch_graph(bool literal)
{
    cr_graph *g = cr_graph_create("batch");
    cr_dim n = literal ? LAST : cr_symbol(g, "batch", BATCH);
    cr_value x = cr_input(g, "x", CR_F32, n, IN), t = cr_input(g, "t", CR_F32, n, OUT);
    cr_value y = cr_dense(cr_dense(x, "h", 7, CR_TANH), "y", OUT, CR_SIGMOID);
    cr_value loss = cr_mse(y, t);
    cr_output(g, "y", y);
    cr_output(g, "loss", loss);
    cr_adam_minimize(loss, 0.01f);
    return g;
}

static void feed_batch(cr_program *p, int rows)
{
    size_t n = (size_t)rows * sizeof(float);
    cr_assert_eq(cr_feed(p, "x", batch_x, n * IN), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "t", batch_t, n * OUT), CR_OK, "%s", cr_error());
}

/* One step of the last batch, in the interpreter from the states that p has. */
static void expect_interpreted(cr_program *p, cr_program *rest)
{
    static const char *const states[] = {"h.w", "h.b", "y.w", "y.b"};
    host h = host_start(batch_graph(true), 0);
    memcpy(host_leaf(&h, "x"), batch_x, LAST * IN * sizeof(float));
    memcpy(host_leaf(&h, "t"), batch_t, LAST * OUT * sizeof(float));
    for (cr_ref r = 1; r < h.g->node.len; r++)
        if (cr_at(h.g, r)->op == CR_OP_STATE)
            cr_assert_eq(cr_fetch(p, cr_name_of(h.g, r), h.data[r], cr_bytes_of(h.g, r)), CR_OK);
    host_run(&h);
    cr_assert_eq(cr_run(rest, 1), CR_OK, "%s", cr_error());
    float y[LAST * OUT], loss, w[IN * 7];
    cr_assert_eq(cr_fetch(rest, "loss", &loss, sizeof loss), CR_OK, "%s", cr_error());
    cr_assert_eq(loss, *(const float *)host_output(&h, "loss"));
    cr_assert_eq(cr_fetch(rest, "y", y, sizeof y), CR_OK, "%s", cr_error());
    cr_assert_eq(memcmp(y, host_output(&h, "y"), sizeof y), 0);
    for (size_t i = 0; i < CR_COUNTOF(states); i++) { /* seen by the larger program */
        size_t bytes = (size_t[]){IN * 7, 7, 7 * OUT, OUT}[i] * sizeof(float);
        cr_assert_eq(cr_fetch(p, states[i], w, bytes), CR_OK, "%s", cr_error());
        cr_assert_eq(memcmp(w, host_leaf(&h, states[i]), bytes), 0, "%s", states[i]);
    }
    host_end(&h);
}

/* Batches of 64 and a last one of 17: two programs of one graph, over the same weights. */
static void train_both(cr_opt opt)
{
    const cr_binding last = {"batch", LAST};
    cr_graph *g = batch_graph(false);
    cr_compile_options o = {.opt = opt, .seed = 3};
    cr_program *p = cr_compile(g, &o);
    cr_assert_not_null(p, "%s", cr_error());
    o.share = p;
    o.bind = &last;
    o.nbind = 1;
    cr_program *rest = cr_compile(g, &o);
    cr_assert_not_null(rest, "%s", cr_error());
    cr_graph_destroy(g);
    feed_batch(p, BATCH);
    feed_batch(rest, LAST);
    cr_assert_eq(cr_run(p, 3), CR_OK, "%s", cr_error());
    expect_interpreted(p, rest);
    cr_assert_eq(cr_feed(rest, "x", batch_x, sizeof batch_x), CR_E_ARGUMENT);
    cr_assert(says("884")); /* 17 * 13 * 4, not 64 * 13 * 4 */
    cr_program_destroy(p);
    cr_program_destroy(rest);
    cr_assert_eq(cr_live_blocks(), 0);
}

static void make_batch(void)
{
    for (int i = 0; i < BATCH * IN; i++)
        batch_x[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < BATCH * OUT; i++)
        batch_t[i] = (float)(i * 29 % 31) / 31;
}

Test(api, a_smaller_batch_trains_the_same_weights)
{
    make_batch();
    for (size_t v = 0; v < CR_COUNTOF(variants); v++)
        train_both(variants[v]);
}

/* The first rows of a batch come out as those of a smaller batch do. */
Test(api, a_smaller_batch_gives_the_same_rows)
{
    static const char *const outputs[] = {"y"};
    const cr_binding last = {"batch", LAST};
    float y[2][BATCH * OUT];
    make_batch();
    cr_graph *g = batch_graph(false);
    for (int i = 0; i < 2; i++) {
        size_t n = (i ? LAST : BATCH) * sizeof(float);
        cr_program *p = cr_compile(g, &(cr_compile_options){.outputs = outputs,
                                                            .noutputs = 1,
                                                            .no_updates = true,
                                                            .bind = &last,
                                                            .nbind = (uint32_t)i,
                                                            .seed = 3});
        cr_assert_not_null(p, "%s", cr_error());
        cr_assert_eq(cr_feed(p, "x", batch_x, n * IN), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "y", y[i], n * OUT), CR_OK, "%s", cr_error());
        cr_program_destroy(p);
    }
    cr_assert_eq(memcmp(y[0], y[1], LAST * OUT * sizeof(float)), 0);
    cr_graph_destroy(g);
}

Test(api, bad_bindings)
{
    static const struct {
        cr_binding bind;
        const char *text;
    } bad[] = {
        {{"batch", 0}, "symbol 'batch' cannot be 0: it goes from 1 to 64"},
        {{"batch", -3}, "symbol 'batch' cannot be -3: it goes from 1 to 64"},
        {{"batch", BATCH + 1}, "symbol 'batch' cannot be 65: it goes from 1 to 64"},
        {{"bacth", LAST}, "the graph has no symbol 'bacth'; it has 'batch'"},
    };
    cr_graph *g = batch_graph(false);
    for (size_t i = 0; i < CR_COUNTOF(bad); i++) {
        cr_compile_options o = {.bind = &bad[i].bind, .nbind = 1};
        cr_assert_null(cr_compile(g, &o));
        cr_assert_eq(cr_last_status(), CR_E_ARGUMENT);
        cr_assert(says(bad[i].text));
    }
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, values_are_tapped)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 2, 3);
    cr_value h = cr_tap("h", cr_relu(x));
    cr_output(g, "y", cr_sum(h, CR_AXIS(1)));
    cr_program *p = cr_compile(g, NULL);
    const float data[6] = {-1, 2, -3, 4, -5, 6};
    cr_assert_not_null(p, "%s", cr_error());
    cr_feed(p, "x", data, sizeof data);
    cr_run(p, 1);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    cr_assert_eq(cr_print(p, "h", h, f), CR_OK, "%s", cr_error());
    fclose(f);
    cr_assert_str_eq(text, "h f32[2,3]: min 0, max 6, mean 2\n[[0 2 0]\n [4 0 6]]\n");
    free(text);
    cr_program_destroy(p);
    cr_graph_destroy(g);
}

/* ---- mistakes ------------------------------------------------------------------------------- */

Test(api, inputs_must_be_fed)
{
    cr_graph *g = xor_graph();
    cr_program *p = cr_compile(g, NULL);
    float y[3];
    cr_assert_not_null(p, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "x", xor_x, sizeof xor_x), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_run(p, 1), CR_E_ARGUMENT);
    cr_assert(says("program \"xor\": not fed: \"t\""));
    cr_assert_eq(cr_feed(p, "t", xor_t, 3), CR_E_ARGUMENT);
    cr_assert(says("input \"t\" is f32[4,1], 16 bytes; 3 were given"));
    cr_assert_eq(cr_feed(p, "z", xor_t, sizeof xor_t), CR_E_ARGUMENT);
    cr_assert(says("program \"xor\" has no input \"z\"; it has \"x\", \"t\""));
    cr_assert_eq(cr_feed(p, "t", xor_t, sizeof xor_t), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_fetch(p, "loss", y, sizeof y), CR_E_ARGUMENT);
    cr_assert_eq(cr_fetch(p, "nothing", y, sizeof y), CR_E_ARGUMENT);
    cr_assert(says("nothing"));
    cr_assert_eq(cr_set(p, "nothing", y, sizeof y), CR_E_ARGUMENT);
    cr_program_destroy(p);
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, graphs_with_mistakes_do_not_compile)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 32, 784), w = cr_param(g, "w", CR_F32, 128, 10);
    cr_output(g, "y", cr_matmul(x, w));
    cr_assert_null(cr_compile(g, NULL));
    cr_assert(says("program.c:"));
    cr_assert(says("f32[32,784]"));
    cr_assert(says("f32[128,10]"));
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, unknown_devices_are_refused_with_a_list)
{
    cr_graph *g = xor_graph();
    cr_assert_null(cr_compile(g, &(cr_compile_options){.device = "abacus"}));
    cr_assert(says("abacus"));
    cr_device_info info[8];
    uint32_t n;
    cr_assert_eq(cr_devices(NULL, false, info, 8, &n), CR_OK, "%s", cr_error());
    cr_assert_null(cr_compile(g, &(cr_compile_options){.device = "abacus"}));
    info[0].name[16] = '\0';
    cr_assert(says(info[0].name));
    cr_graph_destroy(g);
}

Test(api, options_are_checked)
{
    cr_graph *g = xor_graph();
    const char *const nothing[] = {"nothing"};
    const cr_binding bind = {"n", 3};
    cr_assert_null(cr_compile(g, &(cr_compile_options){.outputs = nothing, .noutputs = 1}));
    cr_assert(says("nothing"));
    cr_assert_null(cr_compile(g, &(cr_compile_options){.updates = nothing, .nupdates = 1}));
    cr_assert(says("nothing"));
    cr_assert_null(cr_compile(g, &(cr_compile_options){.bind = &bind, .nbind = 1}));
    cr_assert(says("the graph has no symbol 'n'; it has none"));
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, more_elements_than_kernels_can_index)
{
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "y", cr_relu(cr_input(g, "x", CR_F32, 1 << 19, 1 << 20)));
    cr_assert_null(cr_compile(g, NULL));
    cr_assert_eq(cr_last_status(), CR_E_LIMIT, "%s", cr_error());
    cr_assert(says("2^31 - 1 elements"));
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* The plan's peak is known before anything is allocated: 64 outputs of 4 GiB. */
Test(api, more_memory_than_there_is)
{
    char name[8];
    cr_graph *g = cr_graph_create("large");
    cr_value x = cr_cast(cr_iota(g, CR_SHAPE(1 << 30), 0), CR_F32);
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "y%d", i);
        cr_output(g, name, cr_mul(x, cr_f32(g, (float)i + 2)));
    }
    cr_assert_null(cr_compile(g, NULL));
    cr_assert_eq(cr_last_status(), CR_E_LIMIT, "%s", cr_error());
    cr_assert(says("module \"large\" needs 274877906944 bytes in one piece"));
    cr_assert(says("and the largest allocation is "));
    cr_assert(says("in all it needs 274877"));
    cr_assert(says("values of a step: peak 274877"));
    char has[32]; /* the device that is chosen */
    cr_device_info info[8];
    uint32_t n;
    cr_assert_eq(cr_devices(NULL, false, info, 8, &n), CR_OK, "%s", cr_error());
    cr_assert_null(cr_compile(g, NULL));
    for (uint32_t i = 0; i < n && i < 8; i++)
        if (info[i].chosen) {
            snprintf(has, sizeof has, " has %llu\n", (unsigned long long)info[i].global_bytes);
            cr_assert(says(has));
        }
    cr_assert(says("a smaller batch takes less"));
    cr_graph_destroy(g);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, a_transfer_budget_is_kept)
{
    cr_graph *g = xor_graph();
    const cr_budget none = {0};
    cr_assert_null(
        cr_compile(g, &(cr_compile_options){.opt = CR_OPT_NAIVE, .transfer_budget = &none}));
    cr_assert_eq(cr_last_status(), CR_E_LIMIT, "%s", cr_error());
    cr_program *p = cr_compile(g, &(cr_compile_options){.transfer_budget = &none});
    cr_assert_not_null(p, "%s", cr_error());
    cr_program_destroy(p);
    cr_graph_destroy(g);
}

/* ---- training ------------------------------------------------------------------------------- */

enum { N = 50, SIDE = 3 };

static uint8_t pixels[N * SIDE * SIDE], labels[N];

static cr_dataset make_data(void)
{
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % 3);
        for (int k = 0; k < SIDE * SIDE; k++)
            pixels[i * SIDE * SIDE + k] = (uint8_t)(k / 3 == i % 3 ? 150 + 2 * i : i);
    }
    return (cr_dataset){.ntrain = N,
                        .ntest = 20,
                        .rows = SIDE,
                        .cols = SIDE,
                        .classes = 3,
                        .train_x = pixels,
                        .train_y = labels,
                        .test_x = pixels,
                        .test_y = labels};
}

/* 50 samples in batches of 16: three whole ones and one of 2. */
Test(api, trains_with_a_last_smaller_batch)
{
    cr_dataset data = make_data();
    cr_net net;
    cr_net_parse("dense 6 tanh, dense 3", &net);
    cr_trainer *t =
        cr_trainer_create(&data, &(cr_train_options){.model = cr_net_model,
                                                     .model_user = &net,
                                                     .batch = 16,
                                                     .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                                     .optimizer = {.kind = CR_ADAM, .lr = 0.05f}});
    cr_assert_not_null(t, "%s", cr_error());
    cr_epoch e;
    for (int i = 0; i < 20; i++)
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    cr_assert_eq(e.epoch, 20);
    cr_assert_eq(e.steps, 4);
    cr_assert_eq(e.train_accuracy, 1);
    cr_assert_eq(e.test_accuracy, 1);
    cr_trainer_destroy(t);
    cr_net_finish(&net);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, trains_without_a_test_set)
{
    cr_dataset data = make_data();
    data.ntest = 0;
    data.test_x = data.test_y = NULL;
    cr_net net;
    cr_net_parse("dense 3", &net);
    cr_trainer *t = cr_trainer_create(
        &data, &(cr_train_options){
                   .model = cr_net_model, .model_user = &net, .batch = N, .no_evaluation = true});
    cr_assert_not_null(t, "%s", cr_error());
    cr_epoch e;
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    cr_assert(e.steps == 1 && isnan(e.test_loss));
    cr_trainer_destroy(t);
    cr_net_finish(&net);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* The step is replayed on the host, and the message names it. */
static void diverges(cr_opt opt)
{
    cr_dataset data = make_data();
    cr_net net;
    cr_net_parse("dense 3", &net);
    cr_trainer *t = cr_trainer_create(&data, &(cr_train_options){.model = cr_net_model,
                                                                 .model_user = &net,
                                                                 .batch = 16,
                                                                 .optimizer = {.lr = 1e25f},
                                                                 .compile = {.opt = opt}});
    cr_assert_not_null(t, "%s", cr_error());
    cr_epoch e;
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_E_NUMERIC);
    cr_assert(says("in epoch 1, step 2 of 4"));
    cr_assert(says("of mse"));
    cr_assert(says("smaller learning rate"));
    float w[27];
    cr_assert_eq(cr_fetch(cr_trainer_program(t), "dense1.w", w, sizeof w), CR_OK, "%s", cr_error());
    for (int i = 0; i < 27; i++)
        cr_assert(isfinite(w[i]));
    cr_trainer_destroy(t);
    cr_net_finish(&net);
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, divergence_is_explained)
{
    for (size_t v = 0; v < CR_COUNTOF(variants); v++)
        diverges(variants[v]);
}

static cr_value scaled(cr_value x, void *user)
{
    (void)user;
    cr_value scale = cr_input(x.graph, "scale", CR_F32, 3);
    return cr_mul(cr_dense(cr_flatten(x), "d", 3, CR_LINEAR), cr_sqrt(scale));
}

/* A model's own input is replayed with what was fed, not with the order of samples. */
Test(api, divergence_by_an_input_of_the_model)
{
    static const float scale[3] = {1, -4, 1};
    cr_dataset data = make_data();
    for (size_t v = 0; v < CR_COUNTOF(variants); v++) {
        cr_trainer *t =
            cr_trainer_create(&data, &(cr_train_options){.model = scaled,
                                                         .batch = N / 2,
                                                         .no_evaluation = true,
                                                         .compile = {.opt = variants[v]}});
        cr_assert_not_null(t, "%s", cr_error());
        cr_epoch e;
        cr_assert_eq(cr_feed(cr_trainer_program(t), "scale", scale, sizeof scale), CR_OK);
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_E_NUMERIC);
        cr_assert(says("in epoch 1, step 1 of"));
        cr_assert(says("that is not: sqrt (f32[3]) of sqrt, built at "));
        cr_trainer_destroy(t);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(api, labels_outside_the_classes)
{
    cr_dataset data = make_data();
    cr_net net;
    cr_net_parse("dense 2", &net);
    cr_assert_null(
        cr_trainer_create(&data, &(cr_train_options){.model = cr_net_model, .model_user = &net}));
    cr_net_finish(&net);
    cr_assert(says("label 2 of training sample 2 is outside the 2 classes"));
    cr_assert_eq(cr_live_blocks(), 0);
}

static volatile int stop;

static void stop_now(const cr_progress *progress, void *user)
{
    (void)user;
    stop = progress->epoch == 1;
}

Test(api, training_is_interrupted)
{
    cr_dataset data = make_data();
    cr_net net;
    cr_net_parse("dense 3", &net);
    cr_trainer *t = cr_trainer_create(&data, &(cr_train_options){.model = cr_net_model,
                                                                 .model_user = &net,
                                                                 .batch = 1,
                                                                 .progress = stop_now,
                                                                 .compile = {.interrupt = &stop}});
    cr_assert_not_null(t, "%s", cr_error());
    cr_epoch e;
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_E_INTERRUPTED, "%s", cr_error());
    stop = 0;
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    cr_trainer_destroy(t);
    cr_net_finish(&net);
}
