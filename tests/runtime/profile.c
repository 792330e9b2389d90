/* profile.c - where the time goes. */
#include "modules.h"

Test(profile, spans_and_rows)
{
    static float x[N];
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    cr_exec *e = cr_exec_create(d, NULL, bounce_module(), NULL);
    cr_assert(e, "%s", cr_error());
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_run(e, 3));
    cr_exec_times p;
    assert_ok(cr_exec_profile(e, 20, &p));
    assert_ok(cr_exec_run(e, 1)); /* and on without */
    cr_exec_destroy(e);
    cr_device_unref(d);

    cr_assert(p.steps == 20 && p.span.len == 60 && p.row.len == 3);
    double last = -1e9;
    for (uint32_t i = 0; i < p.span.len; i++) {
        const cr_exec_span *s = &p.span.at[i];
        cr_assert(s->queued_us <= s->start_us && s->start_us <= s->end_us);
        cr_assert(s->start_us >= last && s->start_us > -1e4 && s->end_us < 1e7);
        cr_assert(s->run == i / 3 && s->step == i % 3, "span %u", i);
        last = s->start_us;
    }
    const cr_step_kind kind[] = {CR_STEP_UPLOAD, CR_STEP_LAUNCH, CR_STEP_DOWNLOAD};
    const char *const label[] = {"x", "twice", "h"};
    for (uint32_t i = 0; i < 3; i++) {
        const cr_exec_row *r = &p.row.at[i];
        cr_assert(r->step == i && r->kind == kind[i] && r->count == 20);
        cr_assert_str_eq(r->label, label[i]);
        cr_assert(r->min_us <= r->median_us && r->median_us * 10 <= r->total_us);
        cr_assert(r->bytes == (i == 1 ? 12 * N : 4 * N));
    }
    double busy = p.launch_us + p.upload_us + p.download_us + p.host_us;
    cr_assert(p.wall_us > 0 && p.idle_us >= 0);
    cr_assert(busy + p.idle_us >= p.wall_us * 0.999, "%g + %g, %g", busy, p.idle_us, p.wall_us);
    cr_exec_times_finish(&p);
    cr_assert(cr_alloc_live() == 0 && cr_cl_live() == 0);
}

Test(profile, repeats)
{
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    cr_exec *e = cr_exec_create(d, NULL, count_module(), NULL);
    cr_exec_times p;
    assert_ok(cr_exec_profile(e, 1000, &p));
    cr_assert(p.steps == 1000 && p.row.len == 1 && p.row.at[0].count == p.span.len);
    cr_exec_times_finish(&p);
    assert_ok(cr_exec_profile(e, 0, &p));
    cr_assert(p.steps == 0 && p.row.len == 0 && p.wall_us == 0);
    cr_exec_times_finish(&p);
    cr_exec_destroy(e);
    cr_device_unref(d);
}
