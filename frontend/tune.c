/* tune.c - schedules of contractions by measuring.
 *
 *     plan of the step --> kinds of contraction, dearest first
 *     for each: registers, then tiles, then blocks of the depth; whatever beats the best so
 *               far by a margin, in turns with it, is the best from then on
 *     at last:  the whole step with and without, in turns
 *
 * A kind's part of the time is its part of the planned cost. What is measured is the contraction
 * taken out of the step (trial.h), with its operands warm in the cache: the whole step has the last
 * word. */
#include "crisol/tune.h"

#include <stdlib.h>

#include "runtime.h"
#include "trial.h"

static const double default_seconds = 30;
static const double margin = 0.97;        /* of the time: what must at least be gained */
static const double trial_part = 0.55;    /* of the budget; the rest is for the whole step */
static const double piece_seconds = 0.01; /* of one measurement */
enum { ROUNDS = 3, LAST_ROUNDS = 7, MOST_TRIED = 64 };

struct item {
    char key[CR_TUNED_KEY];
    cr_graph *graph; /* NULL: cannot be taken out */
    uint32_t times;
    double cost, flops;
    cr_shape domain;
    cr_tuned best;
    cr_tuned tried[MOST_TRIED]; /* as they were fitted */
    uint32_t ntried, failed;
    double before_us, after_us;
};

struct tuner {
    const cr_graph *graph;
    const cr_tune_options *o;
    cr_compile_options trial; /* how contractions are compiled */
    cr_target target;
    cr_pass_context step;
    cr_arena arena;
    CR_VEC(struct item) item;
    CR_VEC(cr_tuned) record, old; /* all that are stored; those of before */
    double deadline, build_s;     /* of a trial, of late */
};

static double left(const struct tuner *t)
{
    return t->deadline - cr_now();
}

/* ---- events ---------------------------------------------------------------------------------- */

static cr_tune_event event_of(const struct tuner *t, const struct item *x, cr_tune_kind kind,
                              const cr_tuned *u)
{
    cr_tune_event e = {.kind = kind,
                       .index = (uint32_t)(x - t->item.at),
                       .times = x->times,
                       .tried = x->ntried,
                       .failed = x->failed,
                       .flops = x->flops,
                       .before_us = x->before_us,
                       .after_us = x->after_us};
    cr_strbuf s = {0};
    if (u)
        cr_tuned_text(u, &s);
    snprintf(e.contraction, sizeof e.contraction, "%s", x->key);
    snprintf(e.schedule, sizeof e.schedule, "%s", cr_str_text(&s));
    cr_str_finish(&s);
    return e;
}

static void tell(const struct tuner *t, const cr_tune_event *e)
{
    if (t->o->event)
        t->o->event(e, t->o->user);
}

/* ---- what there is to tune ------------------------------------------------------------------- */

/* The plan of a graph, no device asked. */
static cr_status plan(struct tuner *t, const cr_graph *g, const cr_compile_options *o,
                      const cr_tuned *list, uint32_t n, cr_pass_context *cx)
{
    *cx = (cr_pass_context){.graph = cr_graph_copy(g), .target = &t->target};
    cx->options = (cr_plan_options){
        .fast_math = o->fast_math,
        .launches = CR_LAUNCH_PHASES,
        .max_transfer_bytes = UINT64_MAX,
        .max_resident_bytes = o->max_resident_bytes,
        .outputs = o->outputs,
        .noutputs = o->noutputs,
        .assigns = !o->no_updates,
        .updates = o->updates,
        .nupdates = o->nupdates,
        .tuned = list,
        .ntuned = n,
    };
    if (!cx->graph)
        return cr_last_status();
    CR_TRY(cr_bind_symbols(g, o->bind, o->nbind, &t->arena, &cx->options.binding));
    return cr_pipeline_run(cx, NULL, NULL);
}

static struct item *find_item(struct tuner *t, const char *key)
{
    for (uint32_t i = 0; i < t->item.len; i++)
        if (strcmp(t->item.at[i].key, key) == 0)
            return &t->item.at[i];
    return NULL;
}

static cr_status add_phase(struct tuner *t, const cr_phase *p)
{
    char key[CR_TUNED_KEY];
    struct item *x = find_item(t, cr_tuned_key(t->step.plan, p, key));
    if (!x) {
        if (!cr_vec_push(&t->item, (struct item){.flops = (double)p->flops, .domain = p->domain}))
            return CR_E_MEMORY;
        x = &t->item.at[t->item.len - 1];
        memcpy(x->key, key, sizeof key);
        x->graph = cr_phase_graph(t->step.plan, p);
    }
    x->times++;
    x->cost += p->cost_us;
    return CR_OK;
}

static int by_cost(const void *a, const void *b)
{
    const double x = ((const struct item *)a)->cost, y = ((const struct item *)b)->cost;
    return (x < y) - (x > y);
}

static cr_status collect(struct tuner *t)
{
    CR_TRY(plan(t, t->graph, &t->o->compile, t->record.at, t->record.len, &t->step));
    CR_ASSERT(t->step.plan);
    for (uint32_t i = 0; i < t->step.plan->phase.len; i++)
        if (t->step.plan->phase.at[i].family == CR_FAMILY_CONTRACT)
            CR_TRY(add_phase(t, &t->step.plan->phase.at[i]));
    if (t->item.len)
        qsort(t->item.at, t->item.len, sizeof *t->item.at, by_cost);
    for (uint32_t i = 0; i < t->item.len; i++) {
        cr_tune_event e = event_of(t, &t->item.at[i], CR_TUNE_FOUND, NULL);
        tell(t, &e);
    }
    return CR_OK;
}

/* ---- trying ---------------------------------------------------------------------------------- */

static cr_tuned as_fitted(const struct item *x, const cr_schedule *s)
{
    return (cr_tuned){x->key, s->reg_m, s->reg_n, s->tile_m, s->tile_n, s->block_k};
}

static bool same(const cr_tuned *a, const cr_tuned *b)
{
    return a->reg_m == b->reg_m && a->reg_n == b->reg_n && a->tile_m == b->tile_m &&
           a->tile_n == b->tile_n && a->block_k == b->block_k;
}

/* What becomes of a wish; false when that was tried before, or the plan has no such contraction. */
static bool fitted(struct tuner *t, struct item *x, const cr_tuned *wish, cr_tuned *out,
                   cr_schedule *schedule)
{
    cr_pass_context cx;
    const bool ok = plan(t, x->graph, &t->trial, wish, wish ? 1 : 0, &cx) == CR_OK;
    const cr_phase *p = ok ? cr_plan_contraction(cx.plan, x->key) : NULL;
    bool fresh = p && x->ntried < MOST_TRIED;
    if (p) {
        *schedule = p->schedule;
        *out = as_fitted(x, &p->schedule);
    }
    for (uint32_t i = 0; i < x->ntried; i++)
        fresh = fresh && !same(out, &x->tried[i]);
    cr_pass_context_finish(&cx);
    return fresh;
}

/* Times of two in turns; the medians. */
static cr_status race(cr_trial *a, cr_trial *b, int rounds,
                      cr_status (*time)(cr_trial *, double, double *), double seconds,
                      double out[2])
{
    double us[2][LAST_ROUNDS] = {{0}};
    for (int r = 0; r < rounds; r++) {
        CR_TRY(time(a, seconds, &us[0][r]));
        CR_TRY(time(b, seconds, &us[1][r]));
    }
    for (int k = 0; k < 2; k++) { /* few: sorted by insertion */
        for (int i = 1; i < rounds; i++)
            for (int j = i; j > 0 && us[k][j] < us[k][j - 1]; j--) {
                const double swap = us[k][j];
                us[k][j] = us[k][j - 1];
                us[k][j - 1] = swap;
            }
        out[k] = us[k][rounds / 2];
    }
    return CR_OK;
}

static cr_status build(struct tuner *t, struct item *x, const cr_tuned *u, cr_trial *out)
{
    const double begin = cr_now();
    cr_status status = cr_trial_create(out, x->graph, &t->trial, &t->target, u, u ? 1 : 0);
    const double s = cr_now() - begin;
    t->build_s = t->build_s > 0 ? 0.7 * t->build_s + 0.3 * s : s;
    return status;
}

/* Tries a wish against the best, which it may become. */
static void try(struct tuner *t, struct item *x, const cr_tuned *wish, cr_trial *best)
{
    cr_tuned u;
    cr_schedule s;
    cr_trial trial = {0};
    double us[2] = {0};
    if (!fitted(t, x, wish, &u, &s))
        return;
    cr_tune_event e = event_of(t, x, CR_TUNE_TRY, &u);
    x->tried[x->ntried++] = u;
    if (t->o->skip && t->o->skip(&e, t->o->user)) {
        x->failed++;
        return;
    }
    tell(t, &e);
    if (build(t, x, &u, &trial) != CR_OK ||
        race(best, &trial, ROUNDS, cr_trial_kernels, piece_seconds, us) != CR_OK) {
        x->failed++;
    } else if (us[1] < margin * us[0]) {
        cr_trial_destroy(best);
        *best = trial;
        trial = (cr_trial){0};
        x->best = u;
    }
    cr_trial_destroy(&trial);
}

static bool time_for_one(const struct tuner *t, double until)
{
    return cr_now() + CR_MAX(0.1, 1.5 * t->build_s) + 4 * ROUNDS * piece_seconds < until;
}

static const int32_t cpu_registers[][2] = {{12, 2}, {14, 2}, {8, 3}, {8, 2},  {6, 4},
                                           {10, 2}, {6, 2},  {6, 3}, {9, 3},  {4, 4},
                                           {4, 2},  {12, 1}, {8, 1}, {16, 1}, {24, 1}};
static const int32_t gpu_tiles[][5] = {
    {1, 1, 16, 16, 64},  {2, 2, 32, 32, 32},  {4, 4, 64, 64, 16},   {1, 1, 16, 16, 32},
    {2, 2, 32, 32, 16},  {2, 2, 32, 32, 64},  {4, 4, 64, 64, 32},   {4, 2, 64, 32, 32},
    {2, 4, 32, 64, 32},  {4, 4, 64, 64, 8},   {8, 4, 128, 64, 16},  {4, 8, 64, 128, 16},
    {8, 8, 128, 128, 8}, {1, 1, 16, 16, 128}, {8, 8, 128, 128, 16},
};

static void search_gpu(struct tuner *t, struct item *x, cr_trial *best, double until)
{
    for (size_t i = 0; i < CR_COUNTOF(gpu_tiles) && time_for_one(t, until); i++) {
        const int32_t *r = gpu_tiles[i];
        try(t, x, &(cr_tuned){x->key, r[0], r[1], r[2], r[3], r[4]}, best);
    }
}

static void search_registers(struct tuner *t, struct item *x, cr_trial *best, double until)
{
    const int64_t n = x->domain.dim[x->domain.rank - 1], w = t->target.vector_width;
    for (size_t i = 0; i < CR_COUNTOF(cpu_registers) && time_for_one(t, until); i++) {
        const int32_t *r = cpu_registers[i];
        if ((r[0] + 1) * r[1] + 1 <= t->target.registers && (r[1] - 1) * w < n)
            try(t, x, &(cr_tuned){x->key, r[0], r[1], 0, 0, 0}, best);
    }
}

/* Around the best: multiples of a register tile, halves and doubles. */
static void search_tiles(struct tuner *t, struct item *x, cr_trial *best, double until)
{
    static const double factors[][2] = {{0.5, 1}, {2, 1},   {1, 0.5}, {1, 2},    {0.25, 1},
                                        {4, 1},   {0.5, 2}, {2, 0.5}, {0.125, 1}};
    for (int pass = 0; pass < 2; pass++) {
        const cr_tuned from = x->best;
        for (size_t i = 0; i < CR_COUNTOF(factors) && time_for_one(t, until); i++) {
            cr_tuned u = from;
            u.tile_m = (int32_t)CR_MAX(1, factors[i][0] * from.tile_m);
            u.tile_n = (int32_t)CR_MAX(1, factors[i][1] * from.tile_n);
            try(t, x, &u, best);
        }
    }
}

static void search_blocks(struct tuner *t, struct item *x, cr_trial *best, double until)
{
    cr_tuned from = x->best, u = from;
    cr_schedule s = {0};
    fitted(t, x, &from, &u, &s);
    int64_t depth = 1;
    for (int i = 0; i < s.nk; i++)
        depth *= s.k_factor[i];
    for (int outer = 0; outer < s.nk && time_for_one(t, until); depth /= s.k_factor[outer++]) {
        from.block_k = (int32_t)depth;
        try(t, x, &from, best);
    }
}

/* ---- one contraction ------------------------------------------------------------------------- */

static const cr_tuned *record_of(const struct tuner *t, const char *key)
{
    for (uint32_t i = 0; i < t->record.len; i++)
        if (strcmp(t->record.at[i].key, key) == 0)
            return &t->record.at[i];
    return NULL;
}

static cr_status keep(struct tuner *t, const cr_tuned *u)
{
    cr_tuned copy = *u;
    if (!(copy.key = cr_arena_strdup(&t->arena, u->key)))
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < t->record.len; i++)
        if (strcmp(t->record.at[i].key, u->key) == 0) {
            t->record.at[i] = copy;
            return cr_tuning_store(&t->target, t->record.at, t->record.len);
        }
    if (!cr_vec_push(&t->record, copy))
        return CR_E_MEMORY;
    return cr_tuning_store(&t->target, t->record.at, t->record.len);
}

static cr_status tune(struct tuner *t, struct item *x, double until)
{
    const cr_tuned *old = record_of(t, x->key);
    cr_trial before = {0}, best = {0};
    cr_schedule s = {0};
    cr_tuned first;
    double us[2] = {0};
    if (!x->graph || !time_for_one(t, until))
        return CR_OK;
    x->ntried = 0;
    if (!fitted(t, x, old, &first, &s))
        return CR_OK;
    x->best = first;
    x->tried[x->ntried++] = first;
    cr_status status = CR_OK;
    if (build(t, x, old, &before) == CR_OK && build(t, x, old, &best) == CR_OK) {
        try(t, x, NULL, &best); /* what was stored may be worse than schedules.def by now */
        if (cr_target_class(&t->target) == CR_CLASS_GPU && t->target.max_group > 1) {
            search_gpu(t, x, &best, until);
        } else {
            search_registers(t, x, &best, until);
            search_tiles(t, x, &best, until);
            search_blocks(t, x, &best, until);
        }
        if (race(&before, &best, LAST_ROUNDS, cr_trial_kernels, piece_seconds, us) == CR_OK) {
            x->before_us = x->after_us = us[0];
            if (!same(&first, &x->best) && us[1] < margin * us[0]) {
                x->after_us = us[1];
                status = keep(t, &x->best);
            } else {
                x->best = first;
            }
            cr_tune_event e = event_of(t, x, CR_TUNE_DONE, &x->best);
            tell(t, &e);
        }
    }
    cr_trial_destroy(&before);
    cr_trial_destroy(&best);
    return status;
}

/* Products whose part of the time was too small for a single try. */
static uint32_t unreached(const struct tuner *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->item.len; i++)
        n += t->item.at[i].before_us <= 0;
    return n;
}

static cr_status tune_unreached(struct tuner *t, double until)
{
    for (uint32_t i = 0; i < t->item.len; i++)
        if (t->item.at[i].before_us <= 0)
            CR_TRY(tune(t, &t->item.at[i], until));
    return CR_OK;
}

static cr_status tune_all(struct tuner *t, double until)
{
    double cost = 0;
    for (uint32_t i = 0; i < t->item.len; i++)
        cost += t->item.at[i].cost;
    for (uint32_t i = 0; i < t->item.len; i++) {
        struct item *x = &t->item.at[i];
        const double now = cr_now();
        CR_TRY(tune(t, x, now + (until - now) * x->cost / CR_MAX(cost, 1e-9)));
        cost -= x->cost;
    }
    return tune_unreached(t, until);
}

static bool improved(const struct tuner *t)
{
    bool any = false;
    for (uint32_t i = 0; i < t->item.len; i++)
        any |= t->item.at[i].after_us < t->item.at[i].before_us;
    return any;
}

/* ---- the whole step -------------------------------------------------------------------------- */

static double guess_build(const struct tuner *t)
{
    double guess = 0; /* a nest is quick to compile */
    for (uint32_t i = 0; i < t->step.plan->phase.len; i++)
        guess +=
            t->step.plan->phase.at[i].family == CR_FAMILY_CONTRACT ? t->build_s : 0.1 * t->build_s;
    return guess;
}

/* Slower: what is new is taken back. */
static cr_status judge(struct tuner *t, const double us[2])
{
    cr_tune_event e = {.kind = CR_TUNE_STEP, .before_us = us[0], .after_us = us[1]};
    cr_status status = CR_OK;
    if (us[1] > us[0] * 1.01)
        status = cr_tuning_store(&t->target, t->old.at, t->old.len);
    tell(t, &e);
    return status;
}

static cr_status measure_step(struct tuner *t)
{
    cr_trial before = {0}, after = {0};
    cr_tune_event e = {.kind = CR_TUNE_STEP};
    double us[2] = {0};
    const double begin = cr_now();
    if (guess_build(t) > left(t))
        return CR_OK;
    tell(t, &e);
    CR_TRY(cr_trial_create(&before, t->graph, &t->o->compile, &t->target, t->old.at, t->old.len));
    const bool cached = cr_program_get_info(before.program).cached;
    const double next = cached ? guess_build(t) : cr_now() - begin;
    cr_status status = cr_trial_steps(&before, piece_seconds, &e.before_us);
    if (status == CR_OK && next < left(t) &&
        cr_trial_create(&after, t->graph, &t->o->compile, &t->target, t->record.at,
                        t->record.len) == CR_OK) {
        const double piece = CR_MIN(0.1, left(t) / (3 * LAST_ROUNDS));
        if (piece > 0)
            status = race(&before, &after, LAST_ROUNDS, cr_trial_steps, piece, us);
        if (piece > 0 && status == CR_OK)
            status = judge(t, us);
    } else if (status == CR_OK) {
        tell(t, &e);
    }
    cr_trial_destroy(&before);
    cr_trial_destroy(&after);
    return status;
}

/* ---- the command's --------------------------------------------------------------------------- */

static cr_status prepare(struct tuner *t)
{
    cr_plan_options stored = {0};
    cr_device *device = cr_device_open(t->o->compile.device);
    if (!device)
        return cr_last_status();
    cr_device_to_target(cr_device_describe(device), &t->target);
    cr_device_unref(device);
    CR_TRY(cr_tuning_load(t->o->compile.schedules, &t->target, &t->arena, &stored));
    for (uint32_t i = 0; i < stored.ntuned; i++)
        if (!cr_vec_push(&t->record, stored.tuned[i]) || !cr_vec_push(&t->old, stored.tuned[i]))
            return CR_E_MEMORY;
    return cr_tuning_store(&t->target, t->record.at, t->record.len); /* before any work */
}

static cr_status run(struct tuner *t)
{
    CR_TRY(cr_graph_status(t->graph));
    CR_TRY(prepare(t));
    CR_TRY(collect(t));
    CR_TRY(tune_all(t, cr_now() + trial_part * left(t)));
    for (uint32_t n = 0; !improved(t) && unreached(t) != n;) { /* no step to measure yet */
        n = unreached(t);
        CR_TRY(tune_unreached(t, cr_now() + trial_part * left(t)));
    }
    return improved(t) ? measure_step(t) : CR_OK;
}

cr_status cr_tune(const cr_graph *g, const cr_tune_options *options)
{
    static const cr_tune_options defaults;
    struct tuner t = {.graph = g, .o = options ? options : &defaults};
    if (!g)
        return cr_fail(CR_E_ARGUMENT, "cr_tune: the graph is NULL");
    if (t.o->seconds < 0)
        return cr_fail(CR_E_ARGUMENT, "cr_tune: the budget is %g seconds", t.o->seconds);
    t.deadline = cr_now() + (t.o->seconds > 0 ? t.o->seconds : default_seconds);
    t.trial = (cr_compile_options){.device = t.o->compile.device,
                                   .fast_math = t.o->compile.fast_math,
                                   .launches = CR_LAUNCHES_PHASES};
    cr_status status = run(&t);
    for (uint32_t i = 0; i < t.item.len; i++)
        cr_graph_destroy(t.item.at[i].graph);
    cr_vec_finish(&t.item);
    cr_vec_finish(&t.record);
    cr_vec_finish(&t.old);
    cr_pass_context_finish(&t.step);
    cr_arena_finish(&t.arena);
    return status;
}
