/* exec.c - executables made from hand-written modules. */
#include "modules.h"

#include <sys/time.h>

#include "crisol/ops.h"

static float x[N], y[N], out[N];
static cr_device *device;

static void setup(void)
{
    device = cr_device_open(NULL);
    cr_assert(device, "%s", cr_error());
    fill(x, 0, 1);
    fill(y, 5, 0.5f);
}

static void teardown(void)
{
    cr_device_unref(device);
    cr_assert(cr_alloc_live() == 0, "%zu blocks are left", cr_alloc_live());
    cr_assert(cr_cl_live() == 0, "%zu OpenCL objects are left", cr_cl_live());
}

TestSuite(exec, .init = setup, .fini = teardown);

static cr_exec *create(cr_store *store, cr_module *m)
{
    cr_exec *e = cr_exec_create(device, store, m, NULL);
    cr_assert(e, "%s", cr_error());
    return e;
}

/* ---- steps ------------------------------------------------------------------------------- */

Test(exec, adds_vectors)
{
    cr_exec *e = create(NULL, add_module());
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_feed(e, "y", y, sizeof y));
    assert_ok(cr_exec_run(e, 3));
    cr_assert(cr_exec_steps_done(e) == 3);
    assert_ok(cr_exec_fetch(e, "sum", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == x[i] + y[i]);
    assert_ok(cr_exec_fetch(e, "x", out, sizeof out));
    cr_assert(memcmp(x, out, sizeof x) == 0);
    assert_ok(cr_exec_feed(e, "x", y, sizeof y)); /* the other stays */
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "sum", out, sizeof out));
    cr_assert(out[7] == y[7] + y[7]);
    cr_exec_destroy(e);
}

Test(exec, counts_what_it_enqueues)
{
    cr_exec *e = create(NULL, add_module());
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_feed(e, "y", y, sizeof y));
    assert_ok(cr_exec_run(e, 5));
    assert_ok(cr_exec_fetch(e, "sum", out, sizeof out));
    cr_exec_stats s;
    cr_exec_stats_get(e, &s);
    cr_assert(s.steps == 5 && s.launches == 5);
    cr_assert(s.feed_h2d_bytes == 8 * N && s.fetch_d2h_bytes == 4 * N);
    cr_assert(s.step_h2d_bytes == 0 && s.step_d2h_bytes == 0);
    cr_exec_stats_reset(e);
    cr_exec_stats_get(e, &s);
    cr_assert(s.steps == 0 && s.launches == 0);
    cr_assert(cr_exec_device_bytes(e) >= 12 * N);
    cr_exec_destroy(e);
}

Test(exec, moves_between_host_and_device)
{
    cr_exec *e = create(NULL, bounce_module());
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_run(e, 2));
    assert_ok(cr_exec_fetch(e, "h", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == 2 * x[i]);
    x[3] = 77; /* the pointer is kept */
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "h", out, sizeof out));
    cr_assert(out[3] == 154);
    cr_exec_stats s;
    cr_exec_stats_get(e, &s);
    cr_assert(s.step_h2d == 3 && s.step_d2h == 3 && s.launches == 3);
    cr_assert(s.step_h2d_bytes == 12 * N && s.step_d2h_bytes == 12 * N);
    cr_assert(s.feed_h2d_bytes == 0 && s.fetch_d2h_bytes == 0);
    cr_exec_destroy(e);
}

Test(exec, repeats_in_one_launch)
{
    cr_exec *e = create(NULL, count_module());
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_run(e, 100000));
    cr_assert(cr_exec_steps_done(e) == 100000);
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == 100001.0f, "%g", (double)out[i]);
    cr_exec_stats s;
    cr_exec_stats_get(e, &s);
    cr_assert(s.steps == 100001 && s.launches < 1000, "%llu launches",
              (unsigned long long)s.launches);
    cr_exec_destroy(e);
}

/* count += 1; y = x + count, as text. */
static char *host_graph(void)
{
    cr_graph *g = cr_graph_create("host");
    cr_value a = cr_input(g, "x", CR_F32, N), n = cr_input(g, "count", CR_F32, 1);
    cr_value next = cr_add(n, cr_f32(g, 1));
    cr_output(g, "count", next);
    cr_output(g, "y", cr_add(a, next));
    assert_ok(cr_graph_status(g));
    char *text = cr_graph_print(g);
    cr_graph_destroy(g);
    return text;
}

/* A state in host space, a step on the host before and after the device's. */
static cr_module *host_module(const char *text)
{
    static const cr_host_arg in[] = {{"x", 0, 0}, {"count", 3, 4}};
    static const cr_host_arg out_of[] = {{"count", 3, 4}, {"y", 2, 64}};
    static const cr_host_arg again[] = {{"x", 2, 64}, {"count", 3, 4}};
    cr_module *m = bounce_module();
    add_memory(m, CR_MEMORY_HOST_STORE, "states", 8);
    add_slot(m, CR_SLOT_STATE, "count", 3, 4, 1);
    cr_step bounce[3];
    memcpy(bounce, m->step, sizeof bounce);
    bounce[0].from = 2; /* what goes up is the host step's result */
    bounce[0].from_offset = 64;
    m->nstep = 0;
    add_host_step(m, text, in, 2, out_of, 2);
    for (int i = 0; i < 3; i++)
        m->step[m->nstep++] = bounce[i];
    add_host_step(m, text, again, 2, out_of, 2);
    return m;
}

Test(exec, runs_steps_on_the_host)
{
    char *text = host_graph();
    cr_store *store = cr_store_create(device);
    cr_exec *e = create(store, host_module(text));
    const float ten = 10;
    assert_ok(cr_store_write(store, "count", &ten, sizeof ten));
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_run(e, 2));
    float count;
    assert_ok(cr_exec_fetch(e, "count", &count, sizeof count));
    cr_assert(count == 14);
    assert_ok(cr_exec_fetch(e, "h", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == 2 * (x[i] + 13) + 14);
    cr_exec_stats s;
    cr_exec_stats_get(e, &s);
    cr_assert(s.host_steps == 4 && s.step_h2d == 2 && s.step_d2h == 2);
    cr_exec_times p;
    assert_ok(cr_exec_profile(e, 3, &p));
    cr_assert(p.row.len == 5 && p.row.at[0].kind == CR_STEP_HOST && p.row.at[4].count == 3);
    cr_assert(p.host_us > 0);
    cr_exec_times_finish(&p);
    cr_exec_destroy(e);
    cr_store_unref(store);
    cr_string_free(text);
}

/* Two states change places: each is the other's new value. */
Test(exec, a_host_step_may_write_over_its_inputs)
{
    static const cr_host_arg in[] = {{"a", 0, 0}, {"b", 0, 4}};
    static const cr_host_arg swapped[] = {{"p", 0, 4}, {"q", 0, 0}};
    cr_graph *g = cr_graph_create("swap");
    cr_output(g, "p", cr_input(g, "a", CR_F32, 1));
    cr_output(g, "q", cr_input(g, "b", CR_F32, 1));
    char *text = cr_graph_print(g);
    cr_graph_destroy(g);
    cr_module *m = module_new("swap", "");
    add_memory(m, CR_MEMORY_HOST_STORE, "states", 8);
    add_slot(m, CR_SLOT_STATE, "pair", 0, 0, 2);
    add_host_step(m, text, in, 2, swapped, 2);
    cr_exec *e = create(NULL, m);
    float pair[2] = {3, 4};
    assert_ok(cr_store_write(cr_exec_store(e), "pair", pair, sizeof pair));
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "pair", pair, sizeof pair));
    cr_assert(pair[0] == 4 && pair[1] == 3);
    cr_exec_destroy(e);
    cr_string_free(text);
}

Test(exec, a_host_step_that_cannot_be_read)
{
    cr_assert(!cr_exec_create(device, NULL, host_module("graph !!"), NULL));
    cr_assert(cr_last_status() == CR_E_SYNTAX && says("host:1"), "%s", cr_error());
}

Test(exec, a_module_without_steps)
{
    cr_exec *e = create(NULL, module_new("empty", ""));
    assert_ok(cr_exec_run(e, 10));
    assert_ok(cr_exec_finish(e));
    cr_exec_destroy(e);
    cr_exec_destroy(NULL);
}

/* ---- mistakes ---------------------------------------------------------------------------- */

Test(exec, feeding_mistakes)
{
    cr_exec *e = create(NULL, add_module());
    assert_fails(cr_exec_feed(e, "z", x, sizeof x), CR_E_ARGUMENT,
                 "no input \"z\"; it has \"x\", \"y\"");
    assert_fails(cr_exec_feed(e, "x", x, 12), CR_E_ARGUMENT,
                 "input \"x\" is f32[1000], 4000 bytes; 12 were given");
    assert_ok(cr_exec_feed(e, "y", y, sizeof y));
    assert_fails(cr_exec_run(e, 1), CR_E_ARGUMENT, "not fed: \"x\"");
    assert_fails(cr_exec_fetch(e, "x", out, sizeof out), CR_E_ARGUMENT, "was not fed");
    cr_exec_destroy(e);
}

Test(exec, fetching_mistakes)
{
    cr_exec *e = create(NULL, add_module());
    assert_fails(cr_exec_fetch(e, "z", out, 4), CR_E_ARGUMENT, "it has \"sum\"");
    assert_fails(cr_exec_fetch(e, "sum", out, 4), CR_E_ARGUMENT, "4 were given");
    assert_fails(cr_exec_fetch(e, "sum", out, sizeof out), CR_E_ARGUMENT, "before the first step");
    cr_exec_destroy(e);
}

static void fails_to_create(cr_module *m, cr_status status, const char *part)
{
    cr_assert(!cr_exec_create(device, NULL, m, NULL));
    cr_assert(cr_last_status() == status && says(part), "%s", cr_error());
}

Test(exec, more_memory_than_there_is)
{
    cr_module *m = add_module();
    m->memory[0].bytes = 1ull << 50;
    fails_to_create(m, CR_E_LIMIT, "needs 1125899906842624 bytes in one piece (\"arena\")");
    cr_assert(says("peak 1125899906842688;") && says("a smaller batch"), "%s", cr_error());
    const cr_device_facts *d = cr_device_describe(device);
    m = module_new("many", "");
    uint64_t piece = d->max_alloc_bytes - 4096;
    static const char *const name[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (int i = 0; i < 7; i++)
        add_memory(m, i % 2 ? CR_MEMORY_ARENA : CR_MEMORY_STORE, name[i], piece);
    if (7 * piece > d->global_bytes)
        fails_to_create(m, CR_E_LIMIT, "needs more than the device's memory");
    else
        cr_module_destroy(m);
}

Test(exec, a_kernel_that_does_not_build)
{
    setenv("TMPDIR", "/tmp", 1);
    cr_module *m = add_module();
    m->name = "my ../net";
    m->source = "__kernel void add_xy(__global uchar *a) { this is not C; }\n";
    fails_to_create(m, CR_E_DEVICE, "CL_BUILD_PROGRAM_FAILURE");
    cr_assert(says("error"), "no build log: %s", cr_error());
    const char *path = strstr(cr_error(), "/tmp/crisol-");
    cr_assert(path, "%s", cr_error());
    char file[256];
    snprintf(file, sizeof file, "%.*s", (int)strcspn(path, "\n"), path);
    size_t size;
    char *kept = cr_file_read(file, &size);
    cr_assert(kept && strstr(kept, "this is not C"), "%s", file);
    cr_free(kept);
    unlink(file);
    *strrchr(file, '/') = '\0';
    rmdir(file);
}

Test(exec, a_kernel_that_is_not_there)
{
    cr_module *m = add_module();
    m->kernel[0].name = "sub_xy";
    fails_to_create(m, CR_E_DEVICE, "CL_INVALID_KERNEL_NAME (-46), making kernel sub_xy");
}

Test(exec, dumps_kernels)
{
    char folder[] = "/tmp/crisol-test-XXXXXX", file[96] = "";
    cr_assert(mkdtemp(folder));
    assert_ok(cr_device_dump_kernels(device, folder));
    cr_exec_destroy(create(NULL, add_module()));
    char command[96];
    snprintf(command, sizeof command, "ls %s/add-????????????????.cl", folder);
    FILE *ls = popen(command, "r");
    cr_assert(fgets(file, sizeof file, ls));
    pclose(ls);
    file[strcspn(file, "\n")] = '\0';
    cr_assert(unlink(file) == 0 && rmdir(folder) == 0);
    assert_ok(cr_device_dump_kernels(device, NULL));
    assert_fails(cr_device_dump_kernels(device, "/proc/no"), CR_E_IO, "/proc/no: cannot make");
}

/* ---- sharing ----------------------------------------------------------------------------- */

Test(exec, two_programs_share_states)
{
    cr_store *store = cr_store_create(device);
    cr_exec *a = create(store, count_module()), *b = create(store, count_module());
    const cr_store_slot *w = cr_store_find(store, "w");
    cr_assert(cr_store_size(store) == 1 && w && w == cr_store_at(store, 0) && !w->written);
    cr_assert(w->bytes == 4 * N && w->dtype == CR_F32 && w->shape.rank == 1);
    assert_ok(cr_store_read(store, "w", out, sizeof out));
    cr_assert(out[0] == 0 && out[N - 1] == 0, "a fresh state is zero");
    assert_ok(cr_store_write(store, "w", x, sizeof x));
    cr_assert(w->written);
    assert_ok(cr_exec_run(a, 2));
    assert_ok(cr_exec_run(b, 3));
    cr_exec_destroy(a);
    assert_ok(cr_exec_fetch(b, "w", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == x[i] + 5);
    cr_exec_destroy(b);
    assert_ok(cr_store_read(store, "w", out, sizeof out));
    cr_assert(out[9] == 14);
    assert_fails(cr_store_write(store, "v", x, 4), CR_E_ARGUMENT, "no state \"v\"");
    assert_fails(cr_store_read(store, "w", out, 4), CR_E_ARGUMENT, "has 4000 bytes, not 4");
    cr_store_unref(store);
}

Test(exec, programs_that_disagree_on_states)
{
    cr_store *store = cr_store_create(device);
    cr_exec *a = create(store, count_module());
    cr_module *m = count_module();
    m->slot[0].offset = 0;
    cr_assert(!cr_exec_create(device, store, m, NULL));
    cr_assert(cr_last_status() == CR_E_ARGUMENT && says("state \"w\" of module \"count\""));
    cr_assert(says("4000 bytes at 0") && says("4000 bytes at 128"), "%s", cr_error());
    m = count_module();
    m->memory[0].bytes += 4096;
    cr_assert(!cr_exec_create(device, store, m, NULL) && says("wants 8224 bytes of states"));
    cr_assert(cr_store_size(store) == 1);
    cr_exec_destroy(a);
    cr_store_unref(store);
}

Test(exec, two_programs_share_an_input)
{
    cr_exec *a = create(NULL, add_module()), *b = create(NULL, add_module());
    assert_ok(cr_exec_share_input(b, a, "x"));
    assert_ok(cr_exec_feed(a, "x", x, sizeof x));
    assert_ok(cr_exec_feed(b, "y", y, sizeof y));
    cr_exec_destroy(a);
    assert_ok(cr_exec_run(b, 1));
    assert_ok(cr_exec_fetch(b, "sum", out, sizeof out));
    cr_assert(out[11] == x[11] + y[11]);
    cr_exec *c = create(NULL, bounce_module()), *d = create(NULL, bounce_module());
    assert_ok(cr_exec_share_input(c, d, "x"));
    assert_ok(cr_exec_feed(d, "x", x, sizeof x));
    assert_ok(cr_exec_run(c, 1));
    assert_ok(cr_exec_fetch(c, "h", out, sizeof out));
    cr_assert(out[4] == 2 * x[4]);
    assert_fails(cr_exec_share_input(c, b, "x"), CR_E_ARGUMENT, "cannot be shared");
    assert_fails(cr_exec_share_input(c, b, "q"), CR_E_ARGUMENT, "no input \"q\"");
    cr_exec_destroy(b);
    cr_exec_destroy(c);
    cr_exec_destroy(d);
}

/* ---- in place ---------------------------------------------------------------------------- */

enum { PAGE = 4096 };

/* Elements at the beginning of pages, with something behind them. */
static float *placed(const float *from)
{
    float *at = aligned_alloc(PAGE, 2 * PAGE);
    memcpy(at, from, N * sizeof *at);
    return at;
}

/* Without a copy on a device that shares the host's memory; fed again, it gets memory of its own,
 * and the caller's is not written. */
Test(exec, feeds_in_place)
{
    const char *why;
    float *mine = placed(x);
    cr_exec *e = create(NULL, add_module());
    cr_exec_stats s;
    assert_ok(cr_exec_feed(e, "x", y, sizeof y));
    assert_ok(cr_exec_feed(e, "y", y, sizeof y));
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_feed_in_place(e, "x", mine, sizeof x, &why));
    cr_exec_stats_get(e, &s);
    cr_assert_eq(s.feeds, 3);
    cr_assert_eq(s.feeds_in_place, why == NULL);
    cr_assert_eq(s.feed_h2d_bytes, (why ? 3 : 2) * sizeof x);
    cr_assert_eq(why == NULL, cr_device_describe(device)->unified);
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "sum", out, sizeof out));
    cr_assert(out[11] == x[11] + y[11]);
    assert_ok(cr_exec_fetch(e, "x", out, sizeof out));
    cr_assert(memcmp(out, x, sizeof x) == 0);
    assert_ok(cr_exec_feed(e, "x", y, sizeof y));
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "sum", out, sizeof out));
    cr_assert(out[11] == y[11] + y[11]);
    cr_assert(memcmp(mine, x, sizeof x) == 0);
    cr_exec_destroy(e);
    free(mine);
}

Test(exec, says_why_it_copies)
{
    const char *why;
    float *mine = placed(x);
    memcpy(mine + 1, x, sizeof x);
    cr_exec *a = create(NULL, add_module()), *b = create(NULL, add_module());
    assert_ok(cr_exec_feed_in_place(a, "x", mine + 1, sizeof x, &why));
    cr_assert(why);
    assert_ok(cr_exec_share_input(b, a, "x"));
    assert_ok(cr_exec_feed_in_place(a, "x", mine, sizeof x, &why));
    cr_assert(strstr(why, "other programs share the input"), "%s", why);
    assert_fails(cr_exec_feed_in_place(a, "q", mine, sizeof x, &why), CR_E_ARGUMENT,
                 "no input \"q\"");
    assert_fails(cr_exec_feed_in_place(a, "x", mine, 4, &why), CR_E_ARGUMENT, "4 were given");
    cr_exec_destroy(a);
    cr_exec_destroy(b);
    a = create(NULL, add_module());
    assert_ok(cr_exec_feed_in_place(a, "x", mine, sizeof x, &why));
    if (!why) {
        b = create(NULL, add_module());
        assert_ok(cr_exec_share_input(b, a, "x"));
        assert_fails(cr_exec_feed(b, "x", x, sizeof x), CR_E_ARGUMENT, "was fed in place");
        cr_exec_destroy(b);
    }
    cr_exec_destroy(a);
    free(mine);
}

/* ---- interrupts -------------------------------------------------------------------------- */

static volatile sig_atomic_t stop;

static void on_alarm(int signal)
{
    (void)signal;
    stop = 1;
}

static void interrupt_in(int milliseconds)
{
    const struct itimerval timer = {.it_value = {0, milliseconds * 1000}};
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void interrupt_after_a_fifth(cr_module *m, bool feed)
{
    cr_exec_options options = {.interrupt = &stop};
    cr_exec *e = cr_exec_create(device, NULL, m, &options);
    cr_assert(e, "%s", cr_error());
    if (feed)
        assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    stop = 1;
    assert_fails(cr_exec_run(e, 5), CR_E_INTERRUPTED, "after 0 of 5");
    stop = 0;
    assert_ok(cr_exec_run(e, 50));
    interrupt_in(200);
    double start = cr_now();
    assert_fails(cr_exec_run(e, 1000000000), CR_E_INTERRUPTED, "of 1000000000");
    double took = cr_now() - start;
    cr_assert(took >= 0.19 && took < 0.7, "%g s", took);
    cr_assert(cr_exec_steps_done(e) > 0);
    cr_exec_destroy(e);
}

Test(exec, an_interrupt_is_answered)
{
    interrupt_after_a_fifth(count_module(), false);
}

Test(exec, an_interrupt_is_answered_between_transfers)
{
    interrupt_after_a_fifth(bounce_module(), true);
}

Test(exec, an_interrupted_program_has_run_whole_steps)
{
    cr_exec_options options = {.interrupt = &stop};
    cr_exec *e = cr_exec_create(device, NULL, count_module(), &options);
    stop = 0;
    interrupt_in(100);
    assert_fails(cr_exec_run(e, 10000000), CR_E_INTERRUPTED, "interrupted");
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    cr_assert(out[0] == (float)cr_exec_steps_done(e) && out[N - 1] == out[0]);
    cr_exec_destroy(e);
}
