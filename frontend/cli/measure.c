/* measure.c - the measurements of `crisol compare`.
 *
 * First all three variants run the compared steps, one at a time, and each loss is fetched: this is
 * the warm-up too. Then, interleaved so that a busy moment of the machine meets all three alike,
 * each variant runs pieces long enough to be timed. The order of samples is uploaded between
 * pieces, never within one. Last, a few steps are run with events, for the time in kernels. */
#include <math.h>

#include "compare.h"

enum { PROFILED_STEPS = 20 };
static const double piece_seconds = 0.03;

static int failed(void)
{
    if (!*training_interrupt)
        return cli_library_failed();
    cli_fail("interrupted");
    return CLI_INTERRUPTED;
}

/* At least n whole batches left in the epoch. */
static cr_status make_room(variant *v, uint64_t n)
{
    return cr_trainer_left(v->trainer) >= n ? CR_OK : cr_trainer_begin(v->trainer);
}

/* ---- the compared steps ---------------------------------------------------------------------- */

static cr_status one_step(variant *v, uint64_t i)
{
    float loss;
    cr_status status = make_room(v, 1);
    if (status == CR_OK)
        status = cr_trainer_run(v->trainer, 1);
    if (status == CR_OK)
        status = cr_fetch(cr_trainer_program(v->trainer), "loss", &loss, sizeof loss);
    if (status == CR_OK)
        v->loss[i] = (double)loss;
    return status;
}

static size_t count(cr_value v)
{
    const cr_shape s = cr_value_shape(v);
    return cli_elements(&s, 0);
}

/* All parameters of a variant, one behind the other. */
static cr_status fetch_weights(variant *v, size_t *total)
{
    cr_graph *g = cr_trainer_graph(v->trainer);
    uint32_t n = cr_params(g, NULL, 0);
    cr_value *param = cli_alloc(n * sizeof *param);
    cr_params(g, param, n);
    *total = 0;
    for (uint32_t i = 0; i < n; i++)
        *total += count(param[i]);
    v->weights = cli_alloc(*total * sizeof *v->weights);
    cr_status status = CR_OK;
    size_t at = 0;
    for (uint32_t i = 0; i < n && status == CR_OK; i++) {
        status = cr_fetch(cr_trainer_program(v->trainer), cr_value_name(param[i]), v->weights + at,
                          count(param[i]) * sizeof *v->weights);
        at += count(param[i]);
    }
    free(param);
    return status;
}

static int compare_steps(comparison *c)
{
    for (uint64_t s = 0; s < c->steps; s++)
        for (int i = 0; i < NVARIANT; i++)
            if (one_step(&c->v[i], s) != CR_OK)
                return failed();
    for (int i = 0; i < NVARIANT; i++)
        if (cr_trainer_check(c->v[i].trainer) != CR_OK ||
            fetch_weights(&c->v[i], &c->nweights) != CR_OK)
            return failed();
    return CLI_OK;
}

/* ---- times ----------------------------------------------------------------------------------- */

static cr_status time_piece(variant *v, uint64_t n, double *us)
{
    cr_status status = make_room(v, n);
    if (status == CR_OK)
        status = cr_wait(cr_trainer_program(v->trainer));
    double begin = cli_now();
    if (status == CR_OK)
        status = cr_trainer_run(v->trainer, n);
    if (status == CR_OK)
        status = cr_wait(cr_trainer_program(v->trainer));
    *us = (cli_now() - begin) * 1e6 / (double)n;
    return status;
}

/* How many steps take about piece_seconds, and not more than an epoch has. */
static cr_status choose_piece(variant *v, uint64_t most)
{
    double us = 0;
    uint64_t n = 1;
    cr_status status = time_piece(v, n, &us); /* a driver may compile during the first */
    while (status == CR_OK) {
        status = time_piece(v, n, &us);
        if (status != CR_OK || us * (double)n >= piece_seconds * 1e6 / 2 || n >= most)
            break;
        n = n * 4 < most ? n * 4 : most;
    }
    n = (uint64_t)fmax(1, piece_seconds * 1e6 / fmax(us, 0.01));
    v->per_sample = n < most ? n : most;
    return status;
}

static cr_status measure_upload(variant *v)
{
    cr_program *p = cr_trainer_program(v->trainer);
    uint64_t before = cr_program_counters(p).feed_bytes;
    cr_status status = cr_trainer_begin(v->trainer);
    v->upload_bytes = cr_program_counters(p).feed_bytes - before;
    return status;
}

static int time_variants(comparison *c, uint64_t most)
{
    for (int i = 0; i < NVARIANT; i++) {
        variant *v = &c->v[i];
        v->sample = cli_alloc(c->repeats * sizeof *v->sample);
        if (choose_piece(v, most) != CR_OK || measure_upload(v) != CR_OK)
            return failed();
        v->before = cr_program_counters(cr_trainer_program(v->trainer));
    }
    for (uint64_t r = 0; r < c->repeats; r++)
        for (int i = 0; i < NVARIANT; i++)
            if (time_piece(&c->v[i], c->v[i].per_sample, &c->v[i].sample[r]) != CR_OK)
                return failed();
    return CLI_OK;
}

/* ---- figures --------------------------------------------------------------------------------- */

static void sum_up(variant *v, uint64_t repeats)
{
    cr_counters now = cr_program_counters(cr_trainer_program(v->trainer));
    double steps = (double)(now.steps - v->before.steps);
    v->launches = (double)(now.launches - v->before.launches) / steps;
    v->h2d = (double)(now.h2d_bytes - v->before.h2d_bytes) / steps;
    v->d2h = (double)(now.d2h_bytes - v->before.d2h_bytes) / steps;
    v->step_us = cli_quantile(v->sample, repeats, 0.5);
    v->low_us = cli_quantile(v->sample, repeats, 0.25);
    v->high_us = cli_quantile(v->sample, repeats, 0.75);
    v->info = cr_program_get_info(cr_trainer_program(v->trainer));
}

static cr_status time_kernels(variant *v, uint64_t most)
{
    cr_profile p;
    uint64_t n = most < PROFILED_STEPS ? most : PROFILED_STEPS;
    for (int round = 0; round < 2; round++) { /* the first one warms up */
        cr_status status = cr_trainer_profile(v->trainer, n, &p);
        if (status != CR_OK)
            return status;
        v->kernel_us = 0;
        for (uint32_t i = 0; i < p.nrow; i++)
            if (strcmp(p.row[i].kind, "kernel") == 0)
                v->kernel_us += p.row[i].total_us / (double)p.steps;
        cr_profile_finish(&p);
    }
    return CR_OK;
}

static void compare_pair(const comparison *c, pair *p)
{
    p->speedup = p->a->step_us / p->b->step_us;
    p->equal = memcmp(p->a->loss, p->b->loss, c->steps * sizeof *p->a->loss) == 0 &&
               memcmp(p->a->weights, p->b->weights, c->nweights * sizeof *p->a->weights) == 0;
    for (uint64_t i = 0; i < c->steps; i++)
        p->diff_loss = fmax(p->diff_loss, fabs(p->a->loss[i] - p->b->loss[i]));
    for (size_t i = 0; i < c->nweights; i++)
        p->diff_weights =
            fmax(p->diff_weights, fabs((double)p->a->weights[i] - (double)p->b->weights[i]));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int create(comparison *c, const cr_data *data)
{
    for (int i = 0; i < NVARIANT; i++) {
        cr_train_options options = training_trainer(&c->t, cli_variant_opt(i));
        options.no_evaluation = true;
        variant *v = &c->v[i];
        v->name = cli_variants[i];
        v->loss = cli_alloc(c->steps * sizeof *v->loss);
        v->trainer = training_create(data, &options);
        if (!v->trainer)
            return failed();
    }
    return CLI_OK;
}

int compare_measure(comparison *c, const cr_data *data)
{
    int status = create(c, data);
    if (status != CLI_OK)
        return status;
    c->batch = cr_trainer_batch(c->v[0].trainer);
    const uint64_t most = cr_trainer_get_info(c->v[0].trainer).train / c->batch;
    status = compare_steps(c);
    if (status == CLI_OK)
        status = time_variants(c, most);
    if (status != CLI_OK)
        return status;
    for (int i = 0; i < NVARIANT; i++) {
        sum_up(&c->v[i], c->repeats);
        if (time_kernels(&c->v[i], most) != CR_OK)
            return failed();
    }
    static const int pairs[NPAIR][2] = {{0, 1}, {0, 2}, {1, 2}};
    for (int i = 0; i < NPAIR; i++) {
        c->p[i] = (pair){.a = &c->v[pairs[i][0]], .b = &c->v[pairs[i][1]]};
        compare_pair(c, &c->p[i]);
    }
    return CLI_OK;
}

void compare_finish(comparison *c)
{
    for (int i = 0; i < NVARIANT; i++) {
        cr_trainer_destroy(c->v[i].trainer);
        free(c->v[i].loss);
        free(c->v[i].weights);
        free(c->v[i].sample);
    }
}
