/* epoch.c - an epoch's way through the programs, and evaluations. */
#include <math.h>

#include "ir.h"
#include "trainer.h"

/* ---- a set's figures ------------------------------------------------------------------------- */

const char *const cr_train_sum[CR_TRAIN_SUMS] = {"offset",  "at",    "loss_sum",
                                                 "correct", "top_k", "confusion"};

/* The state SET.what; 0: the set has none. */
static cr_ref state_of(const cr_trainer *t, const cr_train_set *set, const char *what)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", set->name, what);
    return cr_find(t->graph, name).ref;
}

static cr_status set_zero(cr_trainer *t, const cr_train_set *set, cr_ref state)
{
    const size_t bytes = (size_t)cr_bytes_of(t->graph, state);
    void *zero = cr_alloc(bytes);
    if (!zero)
        return CR_E_MEMORY;
    memset(zero, 0, bytes);
    cr_status status = cr_set(set->whole, cr_name_of(t->graph, state), zero, bytes);
    cr_free(zero);
    return status;
}

static cr_status reset(cr_trainer *t, const cr_train_set *set)
{
    const int32_t first = t->stream ? 0 : (int32_t)set->first;
    for (size_t i = 0; i < CR_TRAIN_SUMS; i++) {
        const cr_ref state = state_of(t, set, cr_train_sum[i]);
        if (state)
            CR_TRY(set_zero(t, set, state));
    }
    if (first == 0)
        return CR_OK;
    return cr_set(set->whole, cr_name_of(t->graph, state_of(t, set, "offset")), &first,
                  sizeof first);
}

/* A count as a part of n; NaN where the set has no such count. */
static cr_status fetch_part(cr_trainer *t, const cr_train_set *set, const char *what, double n,
                            double *out)
{
    const cr_ref state = state_of(t, set, what);
    int32_t count;
    *out = NAN;
    if (!state)
        return CR_OK;
    CR_TRY(cr_fetch(set->whole, cr_name_of(t->graph, state), &count, sizeof count));
    *out = (double)count / n;
    return CR_OK;
}

cr_status cr_trainer_figures(cr_trainer *t, const cr_train_set *set, uint64_t n,
                             cr_train_figures *out)
{
    const cr_ref loss = state_of(t, set, "loss_sum");
    /* of targets without classes, each score counts */
    const uint32_t each = cr_has_classes(&t->samples, t->options.loss) ? 1 : cr_trainer_scores(t);
    float sum;
    CR_TRY(cr_fetch(set->whole, cr_name_of(t->graph, loss), &sum, sizeof sum));
    out->loss = (double)sum / (double)n;
    CR_TRY(fetch_part(t, set, "correct", (double)n * (double)each, &out->accuracy));
    return fetch_part(t, set, "top_k", (double)n, &out->top_k);
}

static cr_status evaluate(cr_trainer *t, cr_train_part part, cr_train_figures *out)
{
    const cr_train_set *set = &t->set[part];
    *out = (cr_train_figures){NAN, NAN, NAN};
    if (!set->whole)
        return CR_OK;
    CR_TRY(reset(t, set));
    cr_trainer_begin_pass(t, part, t->epoch);
    CR_TRY(cr_trainer_run_whole(t, part, 0, set->n / set->batch));
    CR_TRY(cr_trainer_run_rest(t, part));
    return cr_trainer_figures(t, set, set->n, out);
}

static cr_status tell_both(cr_trainer *t, cr_train_part part, double *loss, double *accuracy)
{
    cr_train_figures f;
    cr_status status = evaluate(t, part, &f);
    *loss = f.loss;
    *accuracy = f.accuracy;
    return status;
}

cr_status cr_trainer_evaluate(cr_trainer *t, double *loss, double *accuracy)
{
    return tell_both(t, CR_TESTING, loss, accuracy);
}

cr_status cr_trainer_validate(cr_trainer *t, double *loss, double *accuracy)
{
    return tell_both(t, CR_VALIDATION, loss, accuracy);
}

cr_status cr_trainer_confusion(cr_trainer *t, int32_t *out)
{
    const cr_train_set *set = &t->set[CR_TESTING];
    cr_train_figures f;
    if (!out || !t->options.confusion)
        return cr_fail(CR_E_ARGUMENT, "train: %s",
                       out ? "there is no confusion matrix; options.confusion asks for one"
                           : "the confusion matrix is NULL");
    CR_TRY(evaluate(t, CR_TESTING, &f));
    const cr_ref state = state_of(t, set, "confusion");
    return cr_fetch(set->whole, cr_name_of(t->graph, state), out,
                    (size_t)cr_bytes_of(t->graph, state));
}

/* ---- pieces of an epoch ---------------------------------------------------------------------- */

cr_status cr_trainer_begin(cr_trainer *t)
{
    CR_TRY(cr_trainer_make_order(t));
    cr_trainer_begin_pass(t, CR_TRAINING, t->epoch + 1);
    CR_TRY(reset(t, &t->set[CR_TRAINING]));
    t->epoch++;
    t->done = 0;
    return CR_OK;
}

uint64_t cr_trainer_left(const cr_trainer *t)
{
    return t->epoch ? t->n.train / t->n.batch - t->done : 0;
}

static uint64_t steps_of_epoch(const cr_trainer *t)
{
    return t->n.train / t->n.batch + (t->set[CR_TRAINING].rest ? 1 : 0);
}

static cr_status check_left(const cr_trainer *t, uint64_t n)
{
    if (n <= cr_trainer_left(t))
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT, "train: %llu steps asked for, and the epoch has %llu left",
                   (unsigned long long)n, (unsigned long long)cr_trainer_left(t));
}

cr_status cr_trainer_run(cr_trainer *t, uint64_t n)
{
    CR_TRY(check_left(t, n));
    cr_program *p = t->set[CR_TRAINING].whole;
    uint64_t before = cr_steps_done(p);
    cr_status status = cr_trainer_run_whole(t, CR_TRAINING, t->done, n);
    t->done += cr_steps_done(p) - before;
    return status;
}

/* What steps on the host need to know; theirs are those after the steps done. */
static cr_replay replay_of(cr_trainer *t)
{
    const cr_train_set *set = &t->set[CR_TRAINING];
    return (cr_replay){
        .graph = t->graph,
        .program = set->whole,
        .rest = set->rest,
        .samples = &t->samples,
        .order = t->order,
        .updates = t->update,
        .nupdates = t->nupdate,
        .ntrain = t->n.train,
        .batch = t->n.batch,
        .epoch = t->epoch,
        .steps = steps_of_epoch(t),
        .window = t->info.window,
    };
}

cr_status cr_trainer_check(cr_trainer *t)
{
    int32_t bad;
    CR_TRY(cr_fetch(t->set[CR_TRAINING].whole, "train.bad_step", &bad, sizeof bad));
    if (bad < 0)
        return CR_OK;
    const cr_replay replay = replay_of(t);
    return cr_replay_step(&replay);
}

cr_status cr_trainer_interpret(cr_trainer *t, uint64_t n, double seconds, float *loss,
                               cr_interpreted *out)
{
    *out = (cr_interpreted){0};
    CR_TRY(check_left(t, n));
    if (n == 0)
        return CR_OK;
    const cr_replay replay = replay_of(t);
    const cr_replay_limits limits = {
        .steps = n, .seconds = seconds, .interrupt = t->options.compile.interrupt};
    return cr_replay_on(&replay, &limits, loss, out);
}

/* ---- an epoch -------------------------------------------------------------------------------- */

/* Waits for what was enqueued: the figures are those of the steps done. */
static cr_status tell(cr_trainer *t, double begin)
{
    cr_progress p = {.epoch = t->epoch, .step = t->done, .steps = steps_of_epoch(t)};
    cr_train_figures f;
    CR_TRY(cr_trainer_figures(t, &t->set[CR_TRAINING], t->done * t->n.batch, &f));
    p.loss = f.loss;
    p.accuracy = f.accuracy;
    p.seconds = cr_now() - begin;
    t->options.progress(&p, t->options.progress_user);
    return CR_OK;
}

/* All whole batches; in pieces of about a tenth of a second when somebody watches. */
static cr_status run_epoch(cr_trainer *t, double begin)
{
    if (!t->options.progress)
        return cr_trainer_run(t, cr_trainer_left(t));
    uint64_t piece = 8;
    while (cr_trainer_left(t) > 0) {
        CR_TRY(cr_trainer_run(t, CR_MIN(piece, cr_trainer_left(t))));
        CR_TRY(tell(t, begin));
        double rate = (double)t->done / fmax(cr_now() - begin, 1e-6);
        piece = (uint64_t)fmax(1, fmin(rate * 0.1, 2 * (double)piece));
    }
    return CR_OK;
}

static cr_status train(cr_trainer *t, cr_epoch *out)
{
    const cr_train_set *set = &t->set[CR_TRAINING];
    double begin = cr_now();
    CR_TRY(cr_trainer_begin(t));
    out->epoch = t->epoch;
    out->steps = steps_of_epoch(t);
    CR_TRY(run_epoch(t, begin));
    CR_TRY(cr_trainer_run_rest(t, CR_TRAINING));
    CR_TRY(cr_trainer_check(t));
    cr_train_figures f;
    CR_TRY(cr_trainer_figures(t, set, set->n, &f));
    out->train_loss = f.loss;
    out->train_accuracy = f.accuracy;
    out->train_top_k = f.top_k;
    out->seconds = cr_now() - begin;
    return CR_OK;
}

cr_status cr_trainer_epoch(cr_trainer *t, cr_epoch *out)
{
    memset(out, 0, sizeof *out);
    CR_TRY(train(t, out));
    double trained = cr_now();
    cr_train_figures f;
    CR_TRY(evaluate(t, CR_VALIDATION, &f));
    out->validation_loss = f.loss;
    out->validation_accuracy = f.accuracy;
    out->validation_top_k = f.top_k;
    CR_TRY(evaluate(t, CR_TESTING, &f));
    out->test_loss = f.loss;
    out->test_accuracy = f.accuracy;
    out->test_top_k = f.top_k;
    out->test_seconds = cr_now() - trained;
    return CR_OK;
}

/* ---- figures --------------------------------------------------------------------------------- */

cr_status cr_trainer_profile(cr_trainer *t, uint64_t n, cr_profile *out)
{
    memset(out, 0, sizeof *out);
    if (cr_trainer_left(t) < n)
        CR_TRY(cr_trainer_begin(t));
    n = CR_MIN(n, cr_trainer_left(t));
    if (t->stream) {
        if (!cr_stream_is_at(t->stream, CR_TRAINING))
            cr_trainer_begin_pass(t, CR_TRAINING, t->epoch);
        CR_TRY(cr_stream_enter(t->stream, t->n.batch, t->done, &n));
    }
    CR_TRY(cr_profile_run(t->set[CR_TRAINING].whole, n, out));
    t->done += n;
    return CR_OK;
}
