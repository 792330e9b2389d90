/* faults.c - every call to OpenCL and every allocation fails once, and nothing leaks.
 * crisol-test: timeout=300 */
#include "modules.h"

#include "crisol/ops.h"

static float x[N], y[N], out[N];

static cr_status use_add(cr_device *d)
{
    cr_exec *a = cr_exec_create(d, NULL, add_module(), NULL);
    cr_exec *b = a ? cr_exec_create(d, cr_exec_store(a), add_module(), NULL) : NULL;
    cr_status status = b ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_exec_feed(a, "x", x, sizeof x);
    if (status == CR_OK)
        status = cr_exec_share_input(b, a, "x");
    if (status == CR_OK)
        status = cr_exec_feed(b, "y", y, sizeof y);
    if (status == CR_OK)
        status = cr_exec_run(b, 2);
    if (status == CR_OK)
        status = cr_exec_fetch(b, "sum", out, sizeof out);
    cr_exec_destroy(b);
    cr_exec_destroy(a);
    return status;
}

/* In place, then fed again: memory of its own. */
static cr_status use_in_place(cr_device *d)
{
    _Alignas(4096) static float placed[2048];
    const char *why;
    cr_exec *e = cr_exec_create(d, NULL, add_module(), NULL);
    cr_status status = e ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_exec_feed(e, "y", y, sizeof y);
    if (status == CR_OK)
        status = cr_exec_feed_in_place(e, "x", placed, sizeof x, &why);
    if (status == CR_OK)
        status = cr_exec_run(e, 2);
    if (status == CR_OK)
        status = cr_exec_feed(e, "x", x, sizeof x);
    if (status == CR_OK)
        status = cr_exec_run(e, 2);
    cr_exec_destroy(e);
    return status;
}

static cr_status use_next(cr_device *d)
{
    void *at;
    cr_exec *e = cr_exec_create(d, NULL, add_module(), NULL);
    cr_status status = e ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_exec_feed(e, "y", y, sizeof y);
    for (int i = 0; i < 3 && status == CR_OK; i++) {
        status = cr_exec_stage(e, "x", &at);
        if (status == CR_OK)
            status = cr_exec_feed_next(e, "x", sizeof x);
        if (status == CR_OK)
            status = cr_exec_switch(e, "x");
        if (status == CR_OK)
            status = cr_exec_run(e, 2);
    }
    cr_exec_destroy(e);
    return status;
}

static cr_status use_count(cr_device *d)
{
    cr_exec *e = cr_exec_create(d, NULL, count_module(), NULL);
    cr_status status = e ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_store_write(cr_exec_store(e), "w", x, sizeof x);
    if (status == CR_OK)
        status = cr_exec_run(e, 40);
    if (status == CR_OK)
        status = cr_exec_fetch(e, "w", y, sizeof y);
    cr_exec_destroy(e);
    return status;
}

static cr_status use_bounce(cr_device *d)
{
    cr_exec *e = cr_exec_create(d, NULL, bounce_module(), NULL);
    cr_exec_times p;
    cr_status status = e ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_exec_feed(e, "x", x, sizeof x);
    if (status == CR_OK)
        status = cr_exec_run(e, 2);
    if (status == CR_OK)
        status = cr_exec_profile(e, 2, &p);
    if (status == CR_OK)
        cr_exec_times_finish(&p);
    if (status == CR_OK)
        status = cr_exec_finish(e);
    cr_exec_destroy(e);
    return status;
}

static char *text; /* of a graph that doubles x */

static void make_text(void)
{
    cr_graph *g = cr_graph_create("host");
    cr_output(g, "y", cr_mul(cr_input(g, "x", CR_F32, N), cr_f32(g, 2)));
    text = cr_graph_print(g);
    cr_graph_destroy(g);
    cr_assert(text);
}

static cr_status use_host(cr_device *d)
{
    static const cr_host_arg in[] = {{"x", 0, 0}}, result[] = {{"y", 2, 64}};
    cr_module *m = bounce_module();
    if (m)
        add_host_step(m, text, in, 1, result, 1);
    cr_exec *e = cr_exec_create(d, NULL, m, NULL);
    cr_status status = e ? CR_OK : cr_last_status();
    if (status == CR_OK)
        status = cr_exec_feed(e, "x", x, sizeof x);
    if (status == CR_OK)
        status = cr_exec_run(e, 2);
    cr_exec_destroy(e);
    return status;
}

static cr_status scenario(void)
{
    cr_device *d = cr_device_open(NULL);
    if (!d)
        return cr_last_status();
    cr_status status = use_add(d);
    if (status == CR_OK)
        status = use_in_place(d);
    if (status == CR_OK)
        status = use_next(d);
    if (status == CR_OK)
        status = use_count(d);
    if (status == CR_OK)
        status = use_bounce(d);
    if (status == CR_OK)
        status = use_host(d);
    cr_device_unref(d);
    return status;
}

static void nothing_is_left(int n)
{
    /* but `text` */
    cr_assert(cr_alloc_live() == 1, "failure %d leaves %zu blocks", n, cr_alloc_live());
    cr_assert(cr_cl_live() == 0, "failure %d leaves %zu OpenCL objects", n, cr_cl_live());
}

Test(faults, every_call_to_opencl)
{
    own_cache();
    make_text();
    assert_ok(scenario()); /* the cache is filled: what follows is quick */
    nothing_is_left(-1);
    int failures = 0, n = 0;
    for (bool pending = false; !pending; n++) {
        cr_cl_fail_after(n);
        cr_status status = scenario();
        pending = cr_cl_fail_pending();
        cr_cl_fail_after(-1);
        cr_assert(status == CR_OK || (status == CR_E_DEVICE && says("CL_OUT_OF_RESOURCES")),
                  "%d: %s", n, cr_error());
        failures += status != CR_OK;
        nothing_is_left(n);
    }
    cr_assert(n > 80 && failures > n / 2, "%d of %d", failures, n);
}

/* From source too, where other calls are made. */
Test(faults, every_call_of_a_build)
{
    setenv("TMPDIR", own_cache(), 1); /* a failed build leaves its source there */
    setenv("CRISOL_CACHE", "off", 1);
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    assert_ok(use_count(d));
    size_t blocks = cr_alloc_live(), objects = cr_cl_live();
    for (int n = 0;; n++) {
        cr_cl_fail_after(n);
        cr_status status = use_count(d);
        bool pending = cr_cl_fail_pending();
        cr_cl_fail_after(-1);
        cr_assert(pending == (status == CR_OK), "%d: %s", n, cr_error());
        cr_assert(cr_alloc_live() == blocks && cr_cl_live() == objects, "failure %d", n);
        if (pending)
            break;
    }
    cr_device_unref(d);
}

Test(faults, every_allocation)
{
    own_cache();
    make_text();
    assert_ok(scenario());
    nothing_is_left(-1);
    int successes = 0; /* some failures are survived: the cache does without */
    for (int n = 0; successes < 30; n++) {
        cr_alloc_fail_after(n);
        cr_status status = scenario();
        cr_alloc_fail_after(-1);
        cr_assert(status == CR_OK || status == CR_E_MEMORY, "%d: %s", n, cr_error());
        successes = status == CR_OK ? successes + 1 : 0;
        nothing_is_left(n);
    }
}
