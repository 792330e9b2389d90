/* fit.c - many epochs: callbacks, early stopping, and the best weights again. */
#include <math.h>

#include "trainer.h"

typedef struct fitting {
    cr_trainer *t;
    const cr_fit_options *o;
    cr_fit out;
} fitting;

/* ---- early stopping -------------------------------------------------------------------------- */

static cr_status check(const cr_trainer *t, const cr_early_stopping *s)
{
    if (!s)
        return CR_OK;
    if ((unsigned)s->monitor > CR_MONITOR_ACCURACY)
        return cr_fail(CR_E_ARGUMENT, "early stopping: %d is not a cr_monitor", (int)s->monitor);
    if (s->patience == 0)
        return cr_fail(CR_E_ARGUMENT, "early stopping: the patience is 0 epochs; at least 1 is "
                                      "needed");
    if (!(s->min_delta >= 0))
        return cr_fail(CR_E_ARGUMENT, "early stopping: min_delta is %g; it must be 0 or more",
                       s->min_delta);
    if (s->monitor == CR_MONITOR_ACCURACY && !cr_has_accuracy(&t->samples, t->options.loss))
        return cr_fail(CR_E_ARGUMENT, "early stopping: a regression has no accuracy to monitor");
    if (!t->set[CR_VALIDATION].whole && !t->set[CR_TESTING].whole)
        return cr_fail(CR_E_ARGUMENT,
                       "early stopping: there is nothing to monitor; it needs validation samples "
                       "(validation_split), or a test set");
    return CR_OK;
}

static double monitored(const fitting *f, const cr_epoch *e)
{
    const bool validates = f->t->set[CR_VALIDATION].whole != NULL;
    if (f->o->early_stopping->monitor == CR_MONITOR_ACCURACY)
        return validates ? e->validation_accuracy : e->test_accuracy;
    return validates ? e->validation_loss : e->test_loss;
}

/* By how much the figure is better than the best one. The first epoch is the best so far. */
static double gain(const fitting *f, double now)
{
    if (f->t->best.epoch == 0)
        return INFINITY;
    const bool more = f->o->early_stopping->monitor == CR_MONITOR_ACCURACY;
    return more ? now - f->t->best.figure : f->t->best.figure - now;
}

/* So many epochs in a row were no better. */
static bool is_over(const fitting *f)
{
    const cr_trainer *t = f->t;
    return t->best.epoch && t->epoch - t->best.epoch >= f->o->early_stopping->patience;
}

static cr_status judge(fitting *f, const cr_epoch *e)
{
    cr_trainer *t = f->t;
    const double now = monitored(f, e);
    if (!(gain(f, now) > f->o->early_stopping->min_delta))
        return CR_OK;
    t->best.figure = now;
    t->best.epoch = e->epoch;
    return f->o->early_stopping->keep_last ? CR_OK : cr_trainer_get_model(t, t->best.weights);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static cr_status one_epoch(fitting *f, bool *stop)
{
    cr_epoch e;
    CR_TRY(cr_trainer_epoch(f->t, &e));
    f->out.epochs++;
    if (f->o->on_epoch_with_loss)
        f->o->on_epoch_with_loss(e.epoch, e.train_loss, f->o->user);
    *stop = f->o->on_epoch && !f->o->on_epoch(&e, f->o->user);
    if (f->o->early_stopping) {
        CR_TRY(judge(f, &e));
        *stop = *stop || is_over(f);
    }
    return f->o->after_epoch ? f->o->after_epoch(f->t, &e, f->o->user) : CR_OK;
}

static cr_status epochs(fitting *f, uint32_t n)
{
    bool stop = f->o->early_stopping && is_over(f);
    for (uint32_t i = 0; i < n && !stop; i++)
        CR_TRY(one_epoch(f, &stop));
    f->out.stopped = f->out.epochs < n;
    return CR_OK;
}

/* What early stopping begins with. */
static cr_status prepare(fitting *f)
{
    cr_trainer *t = f->t;
    const cr_early_stopping *s = f->o->early_stopping;
    if (!f->o->go_on || !s)
        t->best.epoch = 0;
    if (!s)
        return CR_OK;
    if (s->keep_last)
        return cr_trainer_set_best(t, t->best.epoch, t->best.figure, NULL);
    if (t->best.epoch && !t->best.weights)
        return cr_fail(CR_E_ARGUMENT,
                       "early stopping: it is to go on, and the best weights, those "
                       "of epoch %u, were not kept",
                       t->best.epoch);
    return cr_trainer_keep_best(t);
}

cr_status cr_trainer_fit(cr_trainer *t, uint32_t n, const cr_fit_options *options, cr_fit *out)
{
    static const cr_fit_options none;
    fitting f = {.t = t, .o = options ? options : &none};
    if (out)
        *out = f.out;
    CR_TRY(check(t, f.o->early_stopping));
    CR_TRY(prepare(&f));
    cr_status status = epochs(&f, n);
    if (status == CR_OK && t->best.epoch && !f.o->early_stopping->keep_last)
        status = cr_trainer_set_model(t, t->best.weights);
    f.out.best_epoch = t->best.epoch;
    f.out.best = t->best.epoch ? t->best.figure : 0;
    if (out)
        *out = f.out;
    return status;
}
