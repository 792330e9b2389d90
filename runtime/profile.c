/* profile.c - where the time of a program's steps goes, from the time stamps of its commands. */
#include "executor.h"

/* A command whose time stamps are not read yet. */
typedef struct pending {
    uint32_t step;
    uint64_t run;
    double before; /* the host's clock when it was enqueued */
    cl_event event;
} pending;

struct cr_trace {
    const cr_module *module;
    cr_exec_times *out;
    const char **label; /* of each step, in out->arena */
    double origin;      /* the host's clock at the beginning, seconds */
    double offset;      /* from the device's clock to `origin`'s, microseconds */
    bool synchronised;
    CR_VEC(pending) pending;
};

/* ---- recording --------------------------------------------------------------------------- */

cr_status cr_trace_event(struct cr_trace *t, uint32_t step, uint64_t run, double before,
                         cl_event event)
{
    if (cr_vec_push(&t->pending, (pending){step, run, before, event}))
        return CR_OK;
    CL_RELEASE(clReleaseEvent, event);
    return CR_E_MEMORY;
}

static cr_status add_span(struct cr_trace *t, uint32_t step, uint64_t run, double queued,
                          double start, double end)
{
    const cr_step *s = &t->module->step[step];
    cr_exec_span span = {
        .step = step,
        .run = run,
        .kind = s->kind,
        .label = t->label[step],
        .bytes = s->kind == CR_STEP_LAUNCH ? 0 : s->bytes,
        .queued_us = CR_MIN(queued, start),
        .start_us = start,
        .end_us = CR_MAX(start, end),
    };
    return cr_vec_push(&t->out->span, span) ? CR_OK : CR_E_MEMORY;
}

cr_status cr_trace_host(struct cr_trace *t, uint32_t step, uint64_t run, double start, double end)
{
    double us = (start - t->origin) * 1e6;
    return add_span(t, step, run, us, us, (end - t->origin) * 1e6);
}

static cr_status stamp(cl_event event, cl_profiling_info what, double *us)
{
    cl_ulong ns = 0;
    CL_TRY(clGetEventProfilingInfo(event, what, sizeof ns, &ns, NULL), "reading a time stamp");
    *us = (double)ns * 1e-3;
    return CR_OK;
}

/* A device has a clock of its own, which ran with the host's when the first command was queued. */
static cr_status harvest_one(struct cr_trace *t, const pending *p)
{
    double queued = 0, start = 0, end = 0;
    CR_TRY(stamp(p->event, CL_PROFILING_COMMAND_QUEUED, &queued));
    CR_TRY(stamp(p->event, CL_PROFILING_COMMAND_START, &start));
    CR_TRY(stamp(p->event, CL_PROFILING_COMMAND_END, &end));
    if (!t->synchronised)
        t->offset = (p->before - t->origin) * 1e6 - queued;
    t->synchronised = true;
    return add_span(t, p->step, p->run, queued + t->offset, start + t->offset, end + t->offset);
}

static void release_events(struct cr_trace *t)
{
    for (uint32_t i = 0; i < t->pending.len; i++)
        CL_RELEASE(clReleaseEvent, t->pending.at[i].event);
    t->pending.len = 0;
}

cr_status cr_trace_harvest(struct cr_trace *t)
{
    cr_status status = CR_OK;
    for (uint32_t i = 0; i < t->pending.len && status == CR_OK; i++)
        status = harvest_one(t, &t->pending.at[i]);
    release_events(t);
    return status;
}

/* ---- summing up -------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    double x = ((const cr_exec_span *)a)->start_us, y = ((const cr_exec_span *)b)->start_us;
    return (x > y) - (x < y);
}

static int by_step_and_time(const void *a, const void *b)
{
    const cr_exec_span *x = a, *y = b;
    double p = x->end_us - x->start_us, q = y->end_us - y->start_us;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    return (p > q) - (p < q);
}

static void sum_kinds(cr_exec_times *p)
{
    double *const sum[] = {[CR_STEP_LAUNCH] = &p->launch_us,
                           [CR_STEP_UPLOAD] = &p->upload_us,
                           [CR_STEP_DOWNLOAD] = &p->download_us,
                           [CR_STEP_HOST] = &p->host_us};
    double covered = 0; /* up to here, all time is accounted for */
    for (uint32_t i = 0; i < p->span.len; i++) {
        const cr_exec_span *s = &p->span.at[i];
        *sum[s->kind] += s->end_us - s->start_us;
        if (i > 0 && s->start_us > covered)
            p->idle_us += s->start_us - covered;
        covered = i == 0 ? s->end_us : CR_MAX(covered, s->end_us);
    }
    if (p->span.len)
        p->wall_us = covered - p->span.at[0].start_us;
}

static cr_exec_row row_of(const cr_module *m, const cr_exec_span *s, uint32_t n)
{
    cr_exec_row row = {
        .step = s->step, .kind = s->kind, .label = s->label, .count = n, .bytes = s->bytes};
    for (uint32_t i = 0; i < n; i++)
        row.total_us += s[i].end_us - s[i].start_us;
    row.min_us = s[0].end_us - s[0].start_us;
    row.median_us = s[n / 2].end_us - s[n / 2].start_us;
    if (s->kind == CR_STEP_LAUNCH) {
        const cr_kernel *k = &m->kernel[m->step[s->step].kernel];
        row.flops = k->flops;
        row.bytes = k->bytes_read + k->bytes_written;
    }
    return row;
}

static cr_status sum_rows(const cr_module *m, cr_exec_times *p)
{
    qsort(p->span.at, p->span.len, sizeof *p->span.at, by_step_and_time);
    for (uint32_t i = 0, n; i < p->span.len; i += n) {
        n = 1;
        while (i + n < p->span.len && p->span.at[i + n].step == p->span.at[i].step)
            n++;
        if (!cr_vec_push(&p->row, row_of(m, &p->span.at[i], n)))
            return CR_E_MEMORY;
    }
    return CR_OK;
}

static cr_status sum_up(const cr_module *m, cr_exec_times *p)
{
    if (p->span.len == 0)
        return CR_OK;
    CR_TRY(sum_rows(m, p));
    qsort(p->span.at, p->span.len, sizeof *p->span.at, by_start);
    sum_kinds(p);
    return CR_OK;
}

/* ---- profiling --------------------------------------------------------------------------- */

static const char *label_of(const cr_module *m, const cr_step *s)
{
    if (s->label)
        return s->label;
    return s->kind == CR_STEP_LAUNCH ? m->kernel[s->kernel].name : "";
}

static cr_status copy_labels(struct cr_trace *t)
{
    const cr_module *m = t->module;
    t->label = cr_arena_alloc(&t->out->arena, (m->nstep + 1) * sizeof *t->label);
    if (!t->label)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < m->nstep; i++) {
        t->label[i] = cr_arena_strdup(&t->out->arena, label_of(m, &m->step[i]));
        if (!t->label[i])
            return CR_E_MEMORY;
    }
    return CR_OK;
}

static cr_status run_traced(cr_exec *x, uint64_t nsteps, struct cr_trace *t)
{
    CR_TRY(copy_labels(t));
    CR_TRY(cr_exec_finish(x)); /* the two queues do not wait for each other */
    CR_TRY(cr_device_profiling_queue(x->device, &x->queue));
    x->trace = t;
    t->origin = cr_now();
    return cr_exec_run(x, nsteps);
}

cr_status cr_exec_profile(cr_exec *x, uint64_t nsteps, cr_exec_times *out)
{
    *out = (cr_exec_times){0};
    struct cr_trace t = {.module = x->module, .out = out};
    x->steps_done = 0;
    cr_status status = run_traced(x, nsteps, &t);
    x->trace = NULL;
    x->queue = x->device->queue;
    release_events(&t);
    cr_vec_finish(&t.pending);
    out->steps = x->steps_done;
    if (status == CR_OK)
        status = sum_up(x->module, out);
    if (status != CR_OK)
        cr_exec_times_finish(out);
    return status;
}

void cr_exec_times_finish(cr_exec_times *p)
{
    cr_vec_finish(&p->span);
    cr_vec_finish(&p->row);
    cr_arena_finish(&p->arena);
}
