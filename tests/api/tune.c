/* Measured schedules on a device: the same bits whatever they say, and tuning itself.
 * crisol-test: timeout=300 */
#include <crisol/crisol.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "compile.h"
#include "runtime.h"
#include "trial.h"
#include "tuned.h"

/* ---- a step with contractions of many kinds -------------------------------------------------- */

enum { BATCH = 20, SIDE = 9, CLASSES = 5, STEPS = 3 };

static cr_graph *build(void)
{
    cr_graph *g = cr_graph_create("tune");
    cr_value x = cr_input(g, "x", CR_F32, BATCH, SIDE, SIDE, 3);
    cr_value y = cr_input(g, "y", CR_I32, BATCH);
    x = cr_max_pool2d(cr_conv2d(x, "conv", 20, 3, CR_RELU), 2);
    x = cr_dense(cr_flatten(x), "hidden", 21, CR_RELU);
    cr_value loss = cr_softmax_cross_entropy(cr_dense(x, "out", CLASSES, CR_LINEAR), y);
    cr_output(g, "loss", loss);
    cr_adam_minimize(loss, 0.01f);
    return g;
}

struct outcome {
    float loss[STEPS], weights[8192];
};

static void run(cr_program *p, struct outcome *out)
{
    static const char *const names[] = {"conv.w", "hidden.w", "out.w"};
    static const size_t sizes[] = {540, 3780, 105};
    static float x[BATCH * SIDE * SIDE * 3];
    int32_t y[BATCH];
    for (size_t i = 0; i < CR_COUNTOF(x); i++)
        x[i] = (float)((i * 7919) % 1000) / 1000 - 0.3f;
    for (int i = 0; i < BATCH; i++)
        y[i] = i % CLASSES;
    memset(out, 0, sizeof *out);
    cr_assert_eq(cr_feed(p, "x", x, sizeof x), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "y", y, sizeof y), CR_OK, "%s", cr_error());
    for (int i = 0; i < STEPS; i++) {
        cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(p, "loss", &out->loss[i], sizeof(float)), CR_OK, "%s", cr_error());
    }
    for (size_t i = 0, at = 0; i < CR_COUNTOF(names); i++) {
        cr_assert_eq(cr_fetch(p, names[i], out->weights + at, sizes[i] * sizeof(float)), CR_OK,
                     "%s", cr_error());
        at += sizes[i];
    }
}

static cr_target device_target(void)
{
    cr_target t;
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    cr_device_to_target(cr_device_describe(d), &t);
    cr_device_unref(d);
    return t;
}

static int32_t drawn(uint32_t *state, int32_t most)
{
    *state = *state * 1664525u + 1013904223u;
    return (int32_t)((*state >> 8) % (uint32_t)most);
}

/* A schedule for each contraction of the program, sensible or not. */
static char *any_schedules(const cr_program *p, uint64_t seed)
{
    const cr_plan *plan = cr_program_context(p)->plan;
    const cr_target t = device_target();
    char key[64][CR_TUNED_KEY];
    cr_tuned list[64];
    cr_strbuf s = {0};
    uint32_t r = (uint32_t)seed * 977;
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->phase.len && n < CR_COUNTOF(list); i++) {
        if (plan->phase.at[i].family != CR_FAMILY_CONTRACT)
            continue;
        cr_tuned u = {.key = cr_tuned_key(plan, &plan->phase.at[i], key[n]),
                      .reg_m = 1 + drawn(&r, 12),
                      .reg_n = 1 + drawn(&r, 3),
                      .tile_m = 1 + drawn(&r, seed % 2 ? 40 : 1 << 20),
                      .tile_n = 1 + drawn(&r, seed % 3 ? 60 : 1 << 20)};
        const int64_t depth = plan->phase.at[i].schedule.block_k;
        u.block_k = drawn(&r, 2) ? (int32_t)depth : drawn(&r, 2) ? 3 : 0;
        list[n++] = u;
    }
    cr_assert_gt(n, 5);
    cr_tuned_print(&t, list, n, &s);
    return cr_str_take(&s);
}

Test(tune, same_bits)
{
    cr_graph *g = build();
    cr_program *plain = cr_compile(g, &(cr_compile_options){.schedules = "", .seed = 1});
    cr_assert(plain, "%s", cr_error());
    struct outcome want, got;
    run(plain, &want);
    for (uint64_t seed = 0; seed < 3; seed++) {
        char *text = any_schedules(plain, seed);
        cr_program *p = cr_compile(g, &(cr_compile_options){.schedules = text, .seed = 1});
        cr_assert(p, "%s", cr_error());
        run(p, &got);
        cr_assert_arr_eq(&want, &got, sizeof want, "schedules of seed %d", (int)seed);
        char *a = cr_program_text(plain, "cl"), *b = cr_program_text(p, "cl");
        cr_assert_str_neq(a, b);
        cr_string_free(a);
        cr_string_free(b);
        cr_program_destroy(p);
        cr_string_free(text);
    }
    cr_program_destroy(plain);
    cr_graph_destroy(g);
}

Test(tune, wrong_text)
{
    cr_graph *g = build();
    cr_assert_null(cr_compile(g, &(cr_compile_options){.schedules = "no such thing"}));
    cr_assert(strstr(cr_error(), "damaged"), "%s", cr_error());
    cr_graph_destroy(g);
}

/* ---- tuning ---------------------------------------------------------------------------------- */

struct seen {
    uint32_t found, tries, done;
    bool order;
};

static void see(const cr_tune_event *e, void *user)
{
    struct seen *s = user;
    s->found += e->kind == CR_TUNE_FOUND;
    s->tries += e->kind == CR_TUNE_TRY;
    s->done += e->kind == CR_TUNE_DONE;
    if (e->kind == CR_TUNE_FOUND && s->tries)
        s->order = false;
    if (e->kind == CR_TUNE_DONE)
        cr_assert(e->before_us > 0 && e->after_us > 0 && e->after_us <= e->before_us);
}

static cr_program *product_program(const cr_graph *g, const char *schedules, float z[96 * 80])
{
    static float x[96 * 64], y[64 * 80];
    for (size_t i = 0; i < CR_COUNTOF(y); i++)
        x[i % CR_COUNTOF(x)] = y[i] = (float)((i * 7919) % 1000) / 1000 - 0.4f;
    cr_program *p = cr_compile(g, &(cr_compile_options){.schedules = schedules});
    cr_assert(p, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "x", x, sizeof x), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "y", y, sizeof y), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_fetch(p, "z", z, 96 * 80 * sizeof *z), CR_OK, "%s", cr_error());
    return p;
}

/* Within the budget (and a build), a whole file is left, and the program that uses it gives the
 * bits of the one that does not. A slow machine may try nothing. */
Test(tune, stores)
{
    char folder[] = "/tmp/crisol-tune-XXXXXX";
    cr_assert(mkdtemp(folder));
    setenv("CRISOL_CACHE", folder, 1);
    cr_graph *g = cr_graph_create("product");
    cr_output(g, "z",
              cr_matmul(cr_input(g, "x", CR_F32, 96, 64), cr_input(g, "y", CR_F32, 64, 80)));
    struct seen seen = {.order = true};
    const double begin = cr_now();
    cr_status status = cr_tune(g, &(cr_tune_options){.seconds = 3, .event = see, .user = &seen});
    cr_assert_eq(status, CR_OK, "%s", cr_error());
    cr_assert_lt(cr_now() - begin, 3 + 8);
    cr_assert(seen.order && seen.found == 1 && seen.done <= 1);

    static float want[96 * 80], got[96 * 80];
    const cr_target t = device_target();
    char *path = cr_tuning_path(&t);
    cr_assert_eq(access(path, R_OK), 0, "%s", path);
    cr_program_destroy(product_program(g, NULL, got));
    cr_program_destroy(product_program(g, "", want));
    cr_assert_arr_eq(want, got, CR_COUNTOF(want));

    /* One for another device does no harm. */
    cr_assert_eq(cr_file_write(path, "no such thing\n", 14), CR_OK);
    memset(got, 0, sizeof got);
    cr_program_destroy(product_program(g, NULL, got));
    cr_assert_arr_eq(want, got, CR_COUNTOF(want));
    cr_graph_destroy(g);
    unlink(path);
    cr_free(path);
}

Test(tune, mistakes)
{
    cr_assert_eq(cr_tune(NULL, NULL), CR_E_ARGUMENT);
    cr_graph *g = build();
    cr_assert_eq(cr_tune(g, &(cr_tune_options){.seconds = -1}), CR_E_ARGUMENT);
    cr_graph_destroy(g);
}
