/* next.c - inputs that are fed beside what runs: two buffers, and what waits for what. */
#include "modules.h"

static float x[N], want[N], out[N];
static cr_device *device;

static void setup(void)
{
    device = cr_device_open(NULL);
    cr_assert(device, "%s", cr_error());
}

static void teardown(void)
{
    uint64_t bytes, peak;
    cr_device_memory(device, &bytes, &peak);
    cr_assert(bytes == 0, "%llu bytes of the device are left", (unsigned long long)bytes);
    cr_device_unref(device);
    cr_assert(cr_alloc_live() == 0, "%zu blocks are left", cr_alloc_live());
    cr_assert(cr_cl_live() == 0, "%zu OpenCL objects are left", cr_cl_live());
}

TestSuite(next, .init = setup, .fini = teardown);

/* w += x, `steps` times in one launch, which takes its time. */
static cr_module *sum_module(void)
{
    static const char source[] =
        "__attribute__((reqd_work_group_size(1, 1, 1)))\n"
        "__kernel void sum(__global uchar *store, __global const uchar *input, int steps)\n"
        "{\n"
        "    __global volatile float *w = (__global float *)store;\n"
        "    __global const volatile float *x = (__global const float *)input;\n"
        "    int i = get_group_id(0);\n"
        "    for (int s = 0; s < steps; s++)\n"
        "        w[i] = w[i] + x[i];\n"
        "}\n";
    static const uint32_t memory[] = {0, 1};
    cr_module *m = module_new("sum", source);
    if (!m)
        return NULL;
    add_memory(m, CR_MEMORY_STORE, "store", 4 * N);
    add_memory(m, CR_MEMORY_INPUT, "x", 4 * N);
    add_slot(m, CR_SLOT_STATE, "w", 0, 0, N);
    add_slot(m, CR_SLOT_INPUT, "x", 1, 0, N);
    add_launch(m, "sum", memory, 2, N);
    m->kernel[0].repeat = true;
    m->repeat = true;
    m->step_us = 5;
    return m;
}

static cr_exec *create(cr_store *store, cr_module *m)
{
    cr_exec *e = cr_exec_create(device, store, m, NULL);
    cr_assert(e, "%s", cr_error());
    return e;
}

/* The first n elements, from `first` on. */
static void feed_next(cr_exec *e, float first, uint64_t n)
{
    void *at;
    assert_ok(cr_exec_stage(e, "x", &at));
    fill(at, first, 1);
    assert_ok(cr_exec_feed_next(e, "x", 4 * n));
}

/* Each launch reads the window that was there when it was enqueued, whatever goes up meanwhile. */
Test(next, windows_in_flight)
{
    enum { WINDOWS = 60 };
    cr_exec *e = create(NULL, sum_module());
    cr_exec *other = create(cr_exec_store(e), sum_module());
    assert_ok(cr_exec_share_input(other, e, "x"));
    feed_next(e, 0, N);
    for (int k = 0; k < WINDOWS; k++) {
        assert_ok(cr_exec_switch(k % 3 ? e : other, "x"));
        if (k % 4 == 0)
            feed_next(k % 5 ? e : other, (float)k + 1, N);
        assert_ok(cr_exec_run(k % 2 ? e : other, 7));
        if (k % 4)
            feed_next(k % 5 ? e : other, (float)k + 1, N);
        for (int i = 0; i < N; i++)
            want[i] += 7 * (float)(k + i);
    }
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    for (int i = 0; i < N; i++)
        cr_assert(out[i] == want[i], "%d: %g, not %g", i, (double)out[i], (double)want[i]);
    assert_ok(cr_exec_fetch(e, "x", out, sizeof out));
    cr_assert(out[1] == WINDOWS);
    cr_exec_stats a, b;
    cr_exec_stats_get(e, &a);
    cr_exec_stats_get(other, &b);
    cr_assert(a.feeds + b.feeds == WINDOWS + 1);
    cr_assert(a.feed_h2d_bytes + b.feed_h2d_bytes == (WINDOWS + 1) * 4 * N);
    cr_exec_destroy(other);
    cr_exec_destroy(e);
}

/* What is behind the elements that were fed stays as the buffer had it. */
Test(next, a_part_is_fed)
{
    cr_exec *e = create(NULL, sum_module());
    fill(x, 100, 0);
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    feed_next(e, 0, N);
    assert_ok(cr_exec_switch(e, "x"));
    feed_next(e, 500, 3); /* over the 100s */
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_switch(e, "x"));
    assert_ok(cr_exec_run(e, 2));
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    cr_assert(out[2] == 2 + 2 * 502 && out[3] == 3 + 2 * 100, "%g %g", (double)out[2],
              (double)out[3]);
    assert_ok(cr_exec_feed(e, "x", x, sizeof x)); /* as ever */
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    cr_assert(out[0] == 1100);
    cr_exec_destroy(e);
}

/* What was fed and not switched to is overwritten; a profile's queue waits as well. */
Test(next, changed_minds_and_profiles)
{
    cr_exec *e = create(NULL, sum_module());
    feed_next(e, 1000, N);
    feed_next(e, 2000, N);
    feed_next(e, 3000, N);
    assert_ok(cr_exec_switch(e, "x"));
    cr_exec_times times;
    assert_ok(cr_exec_profile(e, 2, &times));
    cr_exec_times_finish(&times);
    feed_next(e, 5, N);
    assert_ok(cr_exec_switch(e, "x"));
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    cr_assert(out[7] == 2 * 3007 + 12, "%g", (double)out[7]);
    cr_exec_destroy(e);
}

/* The caller's memory is never written. */
Test(next, after_one_in_place)
{
    _Alignas(4096) static float placed[2048];
    const char *why;
    fill(placed, 1, 0);
    cr_exec *e = create(NULL, sum_module());
    assert_ok(cr_exec_feed_in_place(e, "x", placed, sizeof x, &why));
    for (int k = 0; k < 4; k++) {
        feed_next(e, 10, N);
        assert_ok(cr_exec_switch(e, "x"));
        assert_ok(cr_exec_run(e, 1));
    }
    assert_ok(cr_exec_fetch(e, "w", out, sizeof out));
    cr_assert(out[3] == 4 * 13);
    for (int i = 0; i < N; i++)
        cr_assert(placed[i] == 1);
    cr_exec_destroy(e);
}

Test(next, memory_is_counted)
{
    uint64_t before, one, two, peak;
    cr_exec *e = create(NULL, sum_module());
    cr_device_memory(device, &before, &peak);
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    cr_device_memory(device, &one, &peak);
    feed_next(e, 0, N);
    cr_device_memory(device, &two, &peak);
    cr_assert(one - before >= 4 * N && two - one == one - before && peak == two);
    assert_ok(cr_exec_switch(e, "x"));
    feed_next(e, 0, N);
    cr_device_memory(device, &before, &peak);
    cr_assert(before == two && peak == two);
    cr_exec_destroy(e);
    cr_device_memory(device, &before, &peak);
    cr_assert(before == 0 && peak == two);
}

Test(next, mistakes)
{
    void *at;
    cr_exec *e = create(NULL, sum_module());
    assert_fails(cr_exec_switch(e, "x"), CR_E_ARGUMENT, "\"x\" was not fed next");
    assert_fails(cr_exec_feed_next(e, "x", 4), CR_E_ARGUMENT, "nothing was staged for input \"x\"");
    assert_fails(cr_exec_stage(e, "z", &at), CR_E_ARGUMENT, "has no input \"z\"");
    assert_ok(cr_exec_stage(e, "x", &at));
    assert_fails(cr_exec_feed_next(e, "x", 4 * N + 1), CR_E_ARGUMENT,
                 "is of 4000 bytes, of which 4001 are to be fed");
    assert_fails(cr_exec_feed_next(e, "x", 0), CR_E_ARGUMENT, "of which 0");
    assert_fails(cr_exec_run(e, 1), CR_E_ARGUMENT, "not fed: \"x\"");
    assert_ok(cr_exec_feed_next(e, "x", 4));
    assert_fails(cr_exec_feed_next(e, "x", 4), CR_E_ARGUMENT, "nothing was staged");
    cr_exec_destroy(e);
    e = create(NULL, bounce_module());
    assert_fails(cr_exec_stage(e, "x", &at), CR_E_ARGUMENT, "read from the host's memory");
    cr_exec_destroy(e);
}
