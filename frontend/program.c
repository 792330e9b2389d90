/* program.c - what is done with a compiled program: feeding, running, fetching; and its figures. */
#include "compile.h"

/* ---- running -------------------------------------------------------------------------------- */

cr_status cr_feed(cr_program *p, const char *name, const void *data, size_t bytes)
{
    return cr_exec_feed(p->exec, name, data, bytes);
}

cr_status cr_feed_in_place(cr_program *p, const char *name, const void *data, size_t bytes,
                           const char **why_copied)
{
    const char *why;
    cr_status status = cr_exec_feed_in_place(p->exec, name, data, bytes, &why);
    if (why_copied)
        *why_copied = why;
    return status;
}

void *cr_feed_stage(cr_program *p, const char *name)
{
    void *at;
    return cr_exec_stage(p->exec, name, &at) == CR_OK ? at : NULL;
}

cr_status cr_feed_next(cr_program *p, const char *name, size_t bytes)
{
    return cr_exec_feed_next(p->exec, name, bytes);
}

cr_status cr_feed_switch(cr_program *p, const char *name)
{
    return cr_exec_switch(p->exec, name);
}

static bool has_slot(const cr_program *p, cr_slot_kind kind, const char *name)
{
    const cr_module *m = cr_program_module(p);
    for (uint32_t i = 0; i < m->nslot; i++)
        if (m->slot[i].kind == kind && strcmp(m->slot[i].name, name) == 0)
            return true;
    return false;
}

bool cr_program_has_input(const cr_program *p, const char *name)
{
    return has_slot(p, CR_SLOT_INPUT, name);
}

bool cr_program_has_state(const cr_program *p, const char *name)
{
    return has_slot(p, CR_SLOT_STATE, name);
}

cr_status cr_fetch(cr_program *p, const char *name, void *out, size_t bytes)
{
    return cr_exec_fetch(p->exec, name, out, bytes);
}

cr_status cr_set(cr_program *p, const char *name, const void *data, size_t bytes)
{
    return cr_store_write(cr_exec_store(p->exec), name, data, bytes);
}

cr_status cr_run(cr_program *p, uint64_t n)
{
    cr_status status = cr_exec_run(p->exec, n);
    p->steps += cr_exec_steps_done(p->exec);
    return status;
}

cr_status cr_wait(cr_program *p)
{
    return cr_exec_finish(p->exec);
}

uint64_t cr_steps_done(const cr_program *p)
{
    return p->steps;
}

/* ---- figures -------------------------------------------------------------------------------- */

const cr_pass_context *cr_program_context(const cr_program *p)
{
    return &p->cx;
}

const cr_module *cr_program_module(const cr_program *p)
{
    return cr_exec_module(p->exec);
}

cr_program_info cr_program_get_info(const cr_program *p)
{
    return p->info;
}

cr_counters cr_program_counters(const cr_program *p)
{
    cr_exec_stats s;
    cr_exec_stats_get(p->exec, &s);
    return (cr_counters){s.steps,          s.launches,        s.step_h2d_bytes, s.step_d2h_bytes,
                         s.feed_h2d_bytes, s.fetch_d2h_bytes, s.feeds,          s.feeds_in_place};
}

cr_device_use cr_program_device_use(const cr_program *p)
{
    cr_device_use use;
    cr_device_memory(p->device, &use.bytes, &use.peak_bytes);
    return use;
}

char *cr_program_text(const cr_program *p, const char *what)
{
    return cr_emit_text(&p->cx, cr_exec_module(p->exec), what);
}

static const char *kind_text(cr_step_kind kind)
{
    switch (kind) {
    case CR_STEP_LAUNCH: return "kernel";
    case CR_STEP_UPLOAD: return "h2d";
    case CR_STEP_DOWNLOAD: return "d2h";
    default: return "host";
    }
}

/* One allocation each for rows, spans and labels, so that finishing is three frees. */
static cr_status convert(const cr_exec_times *t, cr_profile *out)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < t->row.len; i++)
        bytes += strlen(t->row.at[i].label) + 1;
    *out =
        (cr_profile){.wall_us = t->wall_us, .busy_us = t->wall_us - t->idle_us, .steps = t->steps};
    out->row = cr_alloc(t->row.len * sizeof *out->row + bytes);
    out->span = cr_alloc(t->span.len * sizeof *out->span);
    if (!out->row || !out->span)
        return CR_E_MEMORY;
    char *text = (char *)(out->row + t->row.len);
    for (uint32_t i = 0; i < t->row.len; i++) {
        const cr_exec_row *r = &t->row.at[i];
        size_t n = strlen(r->label) + 1;
        memcpy(text, r->label, n);
        out->row[out->nrow++] =
            (cr_profile_row){text,      kind_text(r->kind), r->count, r->total_us,
                             r->min_us, r->median_us,       r->flops, r->bytes};
        text += n;
    }
    for (uint32_t i = 0; i < t->span.len; i++) {
        const cr_exec_span *s = &t->span.at[i];
        const char *label = "";
        for (uint32_t k = 0; k < t->row.len; k++)
            if (t->row.at[k].step == s->step)
                label = out->row[k].label;
        out->span[out->nspan++] = (cr_span){label, kind_text(s->kind), s->start_us, s->end_us};
    }
    return CR_OK;
}

cr_status cr_profile_run(cr_program *p, uint64_t n, cr_profile *out)
{
    cr_exec_times t;
    memset(out, 0, sizeof *out);
    CR_TRY(cr_exec_profile(p->exec, n, &t));
    cr_status status = convert(&t, out);
    cr_exec_times_finish(&t);
    if (status != CR_OK)
        cr_profile_finish(out);
    return status;
}

void cr_profile_finish(cr_profile *profile)
{
    cr_free(profile->row);
    cr_free(profile->span);
    memset(profile, 0, sizeof *profile);
}

size_t cr_live_blocks(void)
{
    return cr_alloc_live();
}
