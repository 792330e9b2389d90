/* run.c - replaying a module's steps: nothing but enqueuing, never far ahead of the device. */
#include "executor.h"

/* ---- one step ---------------------------------------------------------------------------- */

/* Where an event goes while profiling; NULL otherwise. */
static cl_event *wanted(const cr_exec *x, cl_event *event)
{
    return x->trace ? event : NULL;
}

static cr_status record(cr_exec *x, uint32_t step, uint64_t run, double before, cl_event event)
{
    if (!event)
        return CR_OK;
    cr_cl_count(1);
    return cr_trace_event(x->trace, step, run, before, event);
}

/* The clock is read for traces only: a queued launch costs little more than reading it. */
static double clock_of(const cr_exec *x)
{
    return x->trace ? cr_now() : 0;
}

static cr_status launch(cr_exec *x, uint32_t i, uint64_t run, uint64_t groups)
{
    uint32_t kernel = x->module->step[i].kernel;
    const cr_kernel *k = &x->module->kernel[kernel];
    const size_t local = k->local, global = (size_t)groups * k->local;
    cl_event event = NULL;
    double before = clock_of(x);
    CL_TRY(clEnqueueNDRangeKernel(x->queue, x->kernel[kernel], 1, NULL, &global, &local, 0, NULL,
                                  wanted(x, &event)),
           "launching kernel %s (%zu work-items in groups of %zu)", k->name, global, local);
    x->stats.launches++;
    return record(x, i, run, before, event);
}

/* Does not wait: until the queue is settled, the host leaves the memory alone. */
static cr_status upload(cr_exec *x, uint32_t i, uint64_t run)
{
    const cr_step *s = &x->module->step[i];
    const char *from = (const char *)x->memory[s->from]->host + s->from_offset;
    cl_event event = NULL;
    double before = clock_of(x);
    CL_TRY(clEnqueueWriteBuffer(x->queue, x->memory[s->to]->mem, CL_FALSE, (size_t)s->to_offset,
                                (size_t)s->bytes, from, 0, NULL, wanted(x, &event)),
           "uploading %s (%llu bytes)", s->label, (unsigned long long)s->bytes);
    x->stats.step_h2d++;
    x->stats.step_h2d_bytes += s->bytes;
    return record(x, i, run, before, event);
}

static cr_status download(cr_exec *x, uint32_t i, uint64_t run)
{
    const cr_step *s = &x->module->step[i];
    char *to = (char *)x->memory[s->to]->host + s->to_offset;
    cl_event event = NULL;
    double before = clock_of(x);
    CL_TRY(clEnqueueReadBuffer(x->queue, x->memory[s->from]->mem, CL_TRUE, (size_t)s->from_offset,
                               (size_t)s->bytes, to, 0, NULL, wanted(x, &event)),
           "downloading %s (%llu bytes)", s->label, (unsigned long long)s->bytes);
    x->stats.step_d2h++;
    x->stats.step_d2h_bytes += s->bytes;
    return record(x, i, run, before, event);
}

/* `busy`: something was enqueued since the last wait. */
static cr_status host_step(cr_exec *x, uint32_t i, uint64_t run, bool busy)
{
    if (busy)
        CL_TRY(clFinish(x->queue), "waiting before a step on the host");
    double start = clock_of(x);
    CR_TRY(cr_host_step_run(x->host[i], x->memory));
    x->stats.host_steps++;
    return x->trace ? cr_trace_host(x->trace, i, run, start, cr_now()) : CR_OK;
}

static cr_status run_once(cr_exec *x, uint64_t run)
{
    bool busy = true;
    for (uint32_t i = 0; i < x->module->nstep; i++) {
        cr_step_kind kind = x->module->step[i].kind;
        switch (kind) {
        case CR_STEP_LAUNCH:
            CR_TRY(launch(x, i, run, x->module->kernel[x->module->step[i].kernel].groups));
            break;
        case CR_STEP_UPLOAD: CR_TRY(upload(x, i, run)); break;
        case CR_STEP_DOWNLOAD: CR_TRY(download(x, i, run)); break;
        case CR_STEP_HOST: CR_TRY(host_step(x, i, run, busy)); break;
        }
        busy = kind == CR_STEP_LAUNCH || kind == CR_STEP_UPLOAD;
    }
    return CR_OK;
}

/* ---- many steps -------------------------------------------------------------------------- */

static bool interrupted(const cr_exec *x)
{
    return x->options.interrupt && *x->options.interrupt;
}

static void count_steps(cr_exec *x, uint64_t n)
{
    x->ran = true;
    x->steps_done += n;
    x->stats.steps += n;
}

static cr_status set_count(cr_exec *x, uint32_t kernel, uint32_t which, cl_int value)
{
    const cr_kernel *k = &x->module->kernel[kernel];
    CL_TRY(clSetKernelArg(x->kernel[kernel], k->nmemory + which, sizeof value, &value),
           "giving kernel %s its argument %u", k->name, k->nmemory + which);
    return CR_OK;
}

/* Looks of all meetings of a launch: some time slices, or longer than it takes, for groups of
 * unequal work wait for each other in every step, and one that is put off should be waited for when
 * much would have to be done again. */
static cl_int patience(const cr_exec *x, uint64_t steps)
{
    const double least_us = 5e4, most_us = 2e5;
    double us = 1.5 * (double)steps * x->form.us[CR_FORM_TOGETHER];
    return (cl_int)(CR_MIN(CR_MAX(us, least_us), most_us) * x->module->looks_per_us);
}

/* Together, and then alone what may have been left undone: a launch that mostly does nothing. All
 * is in the queue, so that whatever comes after sees whole steps. */
static cr_status run_resident(cr_exec *x, uint32_t kernel, uint64_t n)
{
    enum { PATIENCE = 1, MEND = -1 };
    cr_form_kind form = x->module->together ? CR_FORM_TOGETHER : cr_form_choose(&x->form, n);
    x->forms |= 1u << form;
    CR_TRY(set_count(x, kernel, PATIENCE, patience(x, n)));
    if (form == CR_FORM_ALONE)
        return launch(x, 0, x->steps_done, 1);
    CR_TRY(launch(x, 0, x->steps_done, x->module->kernel[kernel].groups));
    CR_TRY(set_count(x, kernel, PATIENCE, MEND));
    return launch(x, 0, x->steps_done, 1);
}

static cr_status run_repeated(cr_exec *x, uint64_t n)
{
    uint32_t kernel = x->module->step[0].kernel;
    CR_TRY(set_count(x, kernel, 0, (cl_int)n));
    if (x->resident)
        CR_TRY(run_resident(x, kernel, n));
    else
        CR_TRY(launch(x, 0, x->steps_done, x->module->kernel[kernel].groups));
    count_steps(x, n);
    return CR_OK;
}

static cr_status run_each(cr_exec *x, uint64_t n)
{
    for (uint64_t i = 0; i < n && !interrupted(x); i++) {
        CR_TRY(run_once(x, x->steps_done));
        count_steps(x, 1);
    }
    return CR_OK;
}

/* What the launches since the last wait tell of the two forms; `us` < 0: not known. */
static void learn(cr_exec *x, cl_int mended, double us, uint64_t steps)
{
    const double now = cr_now(), elapsed_us = (now - x->learned) * 1e6;
    const uint32_t alone = 1u << CR_FORM_ALONE, together = 1u << CR_FORM_TOGETHER;
    if (mended != x->mended)
        cr_form_gave_up(&x->form);
    else if (us > 0 && (x->forms == alone || x->forms == together))
        cr_form_measured(&x->form, x->forms == alone ? CR_FORM_ALONE : CR_FORM_TOGETHER, us, steps,
                         elapsed_us);
    x->learned = now;
    x->stats.mended += (uint64_t)(mended - x->mended);
    x->mended = mended;
    x->forms = 0;
}

cr_status cr_exec_settle(cr_exec *x)
{
    if (x->pace.in_flight == 0)
        return CR_OK;
    x->told = x->mended;
    if (x->forms & 1u << CR_FORM_TOGETHER)
        CL_TRY(clEnqueueReadBuffer(x->queue, x->memory[x->meeting]->mem, CL_FALSE,
                                   CR_MEETING_MENDED * sizeof x->told, sizeof x->told, &x->told, 0,
                                   NULL, NULL),
               "asking whether launches gave up");
    CL_TRY(clFinish(x->queue), "waiting for program \"%s\"", x->module->name);
    double now = cr_now();
    if (x->forms)
        learn(x, x->told, x->pace.since < 0 ? -1 : (now - x->pace.since) * 1e6, x->pace.in_flight);
    cr_pace_settled(&x->pace, now);
    return x->trace ? cr_trace_harvest(x->trace) : CR_OK;
}

static cr_status check_fed(const cr_exec *x)
{
    const cr_module *m = x->module;
    cr_strbuf missing = {0};
    for (uint32_t i = 0; i < m->nslot; i++) {
        const cr_mem *b = x->memory[m->slot[i].memory];
        if (m->slot[i].kind == CR_SLOT_INPUT && !(b && b->fed))
            cr_str_printf(&missing, "%s\"%s\"", missing.len ? ", " : "", m->slot[i].name);
    }
    cr_status status = CR_OK;
    if (missing.len)
        status = cr_fail(CR_E_ARGUMENT, "program \"%s\": not fed: %s", m->name, missing.at);
    cr_str_finish(&missing);
    return status;
}

static cr_status run_chunks(cr_exec *x, uint64_t nsteps)
{
    while (x->steps_done < nsteps && !interrupted(x)) {
        const uint64_t most = cr_pace_allow(&x->pace, nsteps - x->steps_done),
                       n = x->resident && !x->module->together ? cr_form_try(&x->form, most) : most;
        cr_pace_enqueued(&x->pace, n, cr_now());
        CR_TRY(x->module->repeat ? run_repeated(x, n) : run_each(x, n));
        if (n < most || cr_pace_full(&x->pace))
            CR_TRY(cr_exec_settle(x));
    }
    return CR_OK;
}

/* What the run leaves: a program to be cached, host memory that uploads still read, an interrupt to
 * report, or work that goes on while the caller does. */
static cr_status end_run(cr_exec *x, uint64_t nsteps)
{
    bool save = x->program.unsaved && x->steps_done > 0;
    if (save || x->uploads || x->trace || x->steps_done < nsteps)
        CR_TRY(cr_exec_settle(x));
    if (save)
        cr_built_program_save(&x->program);
    if (x->steps_done < nsteps)
        return cr_fail(CR_E_INTERRUPTED, "interrupted after %llu of %llu steps",
                       (unsigned long long)x->steps_done, (unsigned long long)nsteps);
    if (x->pace.in_flight > 0)
        CL_TRY(clFlush(x->queue), "starting program \"%s\"", x->module->name);
    return CR_OK;
}

/* After an error: nothing is left running that reads the caller's memory, and groups that meet in a
 * later launch find nothing of one whose second half was never enqueued. */
static void clean_up(cr_exec *x)
{
    (void)clFinish(x->queue);
    if (x->resident && cr_mem_zero(x->memory[x->meeting]) == CR_OK)
        x->mended = 0;
    x->forms = 0;
    cr_pace_forget(&x->pace);
}

/* Buffers that were exchanged for their next ones, by whoever shares them. */
static cr_status bind_switched(cr_exec *x)
{
    for (uint32_t i = 0; i < x->module->nmemory; i++)
        if (x->memory[i] && x->memory[i]->version != x->bound[i])
            CR_TRY(cr_exec_bind(x, i));
    return CR_OK;
}

cr_status cr_exec_run(cr_exec *x, uint64_t nsteps)
{
    static const double soon = 1e-3; /* in which the device does not run out of work */
    x->steps_done = 0;
    CR_TRY(check_fed(x));
    CR_TRY(bind_switched(x));
    if (cr_now() - x->left > soon) /* steps of an earlier call: the time between is not theirs */
        x->pace.since = -1;
    cr_status status = run_chunks(x, nsteps);
    x->left = cr_now();
    if (status == CR_OK)
        status = end_run(x, nsteps);
    if (status != CR_OK && status != CR_E_INTERRUPTED)
        clean_up(x);
    return status;
}

uint64_t cr_exec_steps_done(const cr_exec *x)
{
    return x->steps_done;
}

cr_status cr_exec_finish(cr_exec *x)
{
    if (x->pace.in_flight > 0)
        return cr_exec_settle(x);
    CL_TRY(clFinish(x->queue), "waiting for program \"%s\"", x->module->name);
    return CR_OK;
}
