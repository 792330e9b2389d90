/* run.c - the trainings of a study, one after the other.
 *
 * A mistake in any run is found before the first one begins: all graphs are built first. A training
 * that diverges is what a study may find; one that fails otherwise, on its device, say, does not
 * keep the others from running. */
#include <math.h>

#include "study/study.h"

/* ---- progress -------------------------------------------------------------------------------- */

/* One training. */
typedef struct running {
    study *s;
    study_run *r;
    study_training *it;
    cr_progress first, last; /* of the first epoch; before `first` a driver may have compiled */
    int status;              /* of what is written after an epoch */
} running;

static void clear_line(study *s)
{
    if (s->last_shown > 0)
        fprintf(stderr, "\r\x1b[K");
    s->last_shown = 0;
}

/* What is left is told from the part that is done: trainings differ, so it is a guess. */
static void show_line(const running *x, const cr_progress *p)
{
    study *s = x->s;
    const double now = cli_now();
    if (!s->watched || (p->step < p->steps && now - s->last_shown < 0.1))
        return;
    s->last_shown = now;
    const double all = (double)(s->n * s->seeds) * (double)s->epochs;
    const double done = (double)(s->trainings * s->epochs) + (double)(p->epoch - 1) +
                        (double)p->step / (double)p->steps;
    const int bar = (int)(24 * done / all);
    char time[CLI_SIZE_TEXT];
    fprintf(stderr, "\r%s %zu/%zu  %.32s  seed %zu/%llu  epoch %u/%llu  [%.*s%*s]  %s left\x1b[K",
            s->what, (size_t)(x->r - s->run) + 1, s->n, x->r->label, x->r->n,
            (unsigned long long)s->seeds, p->epoch, (unsigned long long)s->epochs, bar,
            "########################", 24 - bar, "",
            cli_duration((now - s->begun) * (all - done) / fmax(done, 1e-9), time));
    fflush(stderr);
}

static void on_progress(const cr_progress *p, void *user)
{
    running *x = user;
    if (p->epoch == 1 && x->first.step == 0)
        x->first = *p;
    if (p->epoch == 1)
        x->last = *p;
    show_line(x, p);
}

/* Whatever comes after, this epoch is written, if not at once. */
static bool after_epoch(const cr_epoch *e, void *user)
{
    running *x = user;
    history_add(&x->it->h, e);
    x->status = study_log_curves(x->s);
    return x->status == CLI_OK;
}

/* ---- a training ------------------------------------------------------------------------------ */

/* The epoch's steps on whole batches once more, for their rate alone: of the result all is known
 * already. NaN when they fail. */
static double time_again(const running *x, cr_trainer *t)
{
    const double begin = cli_now();
    cr_status status = cr_trainer_begin(t);
    const uint64_t n = cr_trainer_left(t);
    if (status == CR_OK)
        status = cr_trainer_run(t, n);
    if (status == CR_OK)
        status = cr_trainer_check(t);
    return status == CR_OK ? (double)n * (double)x->r->batch / (cli_now() - begin) : NAN;
}

/* Drivers compile, and steps find their form, in the first epoch: the others tell the rate. Of a
 * single epoch it is what came after the first piece of steps, unless that was too little. */
static double rate_of(const running *x, cr_trainer *t)
{
    const history *h = &x->it->h;
    const double enough = 1, later = x->last.seconds - x->first.seconds;
    double seconds = 0;
    for (size_t i = 1; i < h->n; i++)
        seconds += h->epoch[i].seconds;
    if (h->n > 1)
        return (double)x->r->ntrain * (double)(h->n - 1) / seconds;
    if (later < enough)
        return time_again(x, t);
    return (double)(x->last.step - x->first.step) * (double)x->r->batch / later;
}

static void sum_up(running *x, cr_trainer *t, double create_seconds)
{
    study_training *it = x->it;
    double all = create_seconds;
    for (size_t i = 0; i < it->h.n; i++)
        all += it->h.epoch[i].seconds;
    it->whole = true;
    it->samples_per_second = rate_of(x, t);
    it->train_seconds = (double)x->r->ntrain * (double)it->h.n / it->samples_per_second;
    const double rest = all - it->train_seconds; /* NaN without a rate */
    it->compile_seconds = rest < 0 ? 0 : rest;
}

static int interrupted(void)
{
    cli_fail("interrupted; what was measured is kept");
    return CLI_INTERRUPTED;
}

/* CLI_GO: go on with the others. */
static int failed(study *s, study_run *r, cr_status status)
{
    clear_line(s);
    if (*training_interrupt)
        return interrupted();
    r->state = status == CR_E_NUMERIC ? STUDY_DIVERGED : STUDY_FAILED;
    cli_fail("%s: %s", r->label, cr_error());
    return CLI_GO;
}

static uint64_t count_parameters(cr_graph *g)
{
    const uint32_t n = cr_params(g, NULL, 0);
    cr_value *param = cli_alloc(n * sizeof *param);
    cr_params(g, param, n);
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t elements = 1;
        const cr_shape shape = cr_value_shape(param[i]);
        for (int k = 0; k < shape.rank; k++)
            elements *= (uint64_t)shape.dim[k];
        count += elements;
    }
    free(param);
    return count;
}

/* NULL after a message; then *status is what failed() says. */
static cr_trainer *create(study *s, study_run *r, const cr_data *data,
                          const cr_train_options *options, int *status)
{
    cr_trainer *t = training_create(data, options);
    if (!t) {
        *status = failed(s, r, CR_E_DEVICE);
        return NULL;
    }
    r->batch = cr_trainer_batch(t);
    r->ntrain = cr_trainer_get_info(t).train;
    r->parameters = count_parameters(cr_trainer_graph(t));
    snprintf(r->device, sizeof r->device, "%s", cr_program_get_info(cr_trainer_program(t)).device);
    return t;
}

static int train(study *s, study_run *r, const cr_data *data)
{
    running x = {.s = s, .r = r, .it = &r->training[r->n++]};
    x.it->seed = s->t.seed + r->n - 1;
    cr_train_options options = training_trainer(&r->t, CR_OPT_FUSED);
    options.seed = x.it->seed;
    options.no_evaluation = !training_has_test(&s->t, data);
    if (s->watched || s->epochs == 1)
        options.progress = on_progress;
    options.progress_user = &x;
    const double begin = cli_now();
    int result;
    cr_trainer *t = create(s, r, data, &options, &result);
    if (!t)
        return result;
    const double created = cli_now() - begin;
    const cr_fit_options fit = {.on_epoch = after_epoch, .user = &x};
    const cr_status status = cr_trainer_fit(t, (uint32_t)s->epochs, &fit, NULL);
    clear_line(s);
    if (status != CR_OK)
        result = failed(s, r, status);
    else if (x.status != CLI_OK)
        result = x.status;
    else
        result = CLI_GO;
    if (result == CLI_GO && status == CR_OK) {
        sum_up(&x, t, created);
        result = *training_interrupt ? interrupted() : CLI_GO;
    }
    cr_trainer_destroy(t);
    s->trainings++;
    return result;
}

/* ---- plain sequential C ---------------------------------------------------------------------- */

enum { MOST_STEPS = 1000 };

/* The device does the same steps. */
static cr_status hold_against(study_run *r, cr_trainer *t, const float *loss)
{
    r->equal = true;
    for (uint64_t i = 0; i < r->steps; i++) {
        float other;
        cr_status status = cr_trainer_run(t, 1);
        if (status == CR_OK)
            status = cr_fetch(cr_trainer_program(t), "loss", &other, sizeof other);
        if (status != CR_OK)
            return status;
        r->equal = r->equal && memcmp(&other, &loss[i], sizeof other) == 0;
        r->difference = fmax(r->difference, fabs((double)other - (double)loss[i]));
    }
    r->held = true;
    return CR_OK;
}

static cr_status interpret(study *s, study_run *r, cr_trainer *t, cr_interpreted *did)
{
    float loss[MOST_STEPS];
    cr_status status = cr_trainer_begin(t);
    if (status != CR_OK)
        return status;
    const uint64_t left = cr_trainer_left(t);
    status = cr_trainer_interpret(t, left < MOST_STEPS ? left : MOST_STEPS,
                                  (double)s->sequential_seconds, loss, did);
    r->steps = did->steps;
    return status == CR_OK ? hold_against(r, t, loss) : status;
}

/* What all epochs would take follows from the steps that there are. */
static void extrapolate(study *s, study_run *r, const cr_interpreted *did)
{
    study_training *it = &r->training[r->n++];
    it->seed = s->t.seed;
    it->whole = true;
    it->samples_per_second = (double)did->steps * (double)r->batch / did->seconds;
    it->train_seconds = (double)r->ntrain * (double)s->epochs / it->samples_per_second;
}

/* A few steps of the first epoch. */
static int train_sequentially(study *s, study_run *r, const cr_data *data)
{
    cr_train_options options = training_trainer(&r->t, CR_OPT_FUSED);
    options.no_evaluation = true;
    int result = CLI_GO;
    cr_trainer *t = create(s, r, data, &options, &result);
    if (!t)
        return result;
    if (s->watched)
        fprintf(stderr, "\r%s, for %g s\x1b[K", r->label, (double)s->sequential_seconds);
    s->last_shown = s->watched ? cli_now() : 0;
    cr_interpreted did = {0};
    const cr_status status = interpret(s, r, t, &did);
    clear_line(s);
    if (status != CR_OK)
        result = failed(s, r, status);
    if (did.steps > 0 && r->state == STUDY_WAITING)
        extrapolate(s, r, &did);
    cr_trainer_destroy(t);
    s->trainings += s->seeds;
    return result;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* Was all done that was asked for? */
static bool is_complete(const study *s, const study_run *r)
{
    return r->sequential ? r->held : study_row_of(s, r).seeds == s->seeds;
}

/* CLI_GO, or the exit status at which the study ends. */
static int one_run(study *s, study_run *r, const cr_data *data)
{
    int status = CLI_GO;
    r->training = cli_alloc(s->seeds * sizeof *r->training);
    if (r->sequential)
        status = train_sequentially(s, r, data);
    for (uint64_t i = 0;
         !r->sequential && i < s->seeds && status == CLI_GO && r->state == STUDY_WAITING; i++)
        status = train(s, r, data);
    if (r->state == STUDY_WAITING && study_row_of(s, r).seeds > 0)
        r->state = is_complete(s, r) ? STUDY_DONE : STUDY_INTERRUPTED;
    if (r->state == STUDY_WAITING)
        return status;
    study_print_row(s, r);
    const int written = study_write_csv(s);
    return status == CLI_GO && written != CLI_OK ? written : status;
}

/* How many classes a net has scores for. */
static uint32_t count_classes(training *t, const cr_data *data)
{
    const cr_samples *from = &data->samples;
    const bool categorical =
        t->loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY || t->loss == CR_LOSS_CROSS_ENTROPY;
    cr_shape one = {.rank = from->x_shape.rank + 1, .dim = {1}};
    memcpy(one.dim + 1, from->x_shape.dim, (size_t)from->x_shape.rank * sizeof *one.dim);
    cr_graph *g = cr_graph_create("classes");
    const cr_value x = cr_input_at(CR_HERE, g, "x", from->x_dtype, one);
    const cr_shape scores = cr_value_shape(cr_net_model(x, &t->net));
    cr_graph_destroy(g);
    const uint32_t n = scores.rank ? (uint32_t)scores.dim[scores.rank - 1] : 0;
    return n == 1 && !categorical ? 2 : n;
}

/* As a trainer does, before it trains. */
static int check_labels(const study *s, study_run *r, const cr_data *data)
{
    cr_samples seen = data->samples;
    if (!training_has_test(&s->t, data))
        seen.test.n = 0;
    if (cr_samples_check_labels(&seen, count_classes(&r->t, data)) == CR_OK)
        return CLI_GO;
    return cli_fail("%s: %s", r->label, cr_error());
}

/* The net as the samples ask for it, and the graph of a run: to find what is wrong with it before
 * any is trained. */
static int check(const study *s, study_run *r, const cr_data *data)
{
    if (!r->own_net) {
        r->t.net = s->t.net;
        r->t.net_text = s->t.net_text;
    } else if (training_prepare(&r->t, data) != CLI_GO) {
        return CLI_MISTAKE;
    }
    cr_train_options options = training_trainer(&r->t, CR_OPT_FUSED);
    options.no_evaluation = !training_has_test(&s->t, data);
    cr_graph *g = cr_training_graph_of(&data->samples, &options);
    if (!g)
        return cli_fail("%s: %s", r->label, cr_error());
    cr_graph_destroy(g);
    return check_labels(s, r, data);
}

int study_check(study *s, const cr_data *data)
{
    for (size_t i = 0; i < s->n; i++)
        if (check(s, &s->run[i], data) != CLI_GO)
            return CLI_MISTAKE;
    return CLI_GO;
}

int study_measure(study *s, const cr_data *data)
{
    s->begun = cli_now();
    study_print_head(s);
    int status = CLI_GO;
    bool failed_one = false;
    for (size_t i = 0; i < s->n && status == CLI_GO; i++) {
        status = one_run(s, &s->run[i], data);
        failed_one = failed_one || s->run[i].state == STUDY_FAILED;
    }
    study_print_foot(s);
    const int written = study_write_curves(s);
    if (status != CLI_GO || written != CLI_OK)
        return status != CLI_GO ? status : written;
    return failed_one ? CLI_MISTAKE : CLI_OK;
}
