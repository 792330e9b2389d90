/* fit.c - many epochs: callbacks, early stopping, and the best weights again. */
#include <math.h>

#include "ir.h"
#include "trainer.h"

typedef struct fitting {
    cr_trainer *t;
    const cr_fit_options *o;
    char *kept; /* the model's states of the best epoch, one after the other */
    cr_fit out;
} fitting;

/* ---- weights --------------------------------------------------------------------------------- */

/* The state that root i assigns, when it is the model's: a parameter, or what it assigns itself. */
static cr_ref model_state(const cr_trainer *t, uint32_t i)
{
    const cr_node *n = cr_at(t->graph, t->graph->root.at[i]);
    const bool is = n->op == CR_OP_ASSIGN && n->src[0] >= t->built.model_begin &&
                    n->src[0] < t->built.model_end;
    return is ? n->src[0] : 0;
}

static size_t model_bytes(const cr_trainer *t)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < t->graph->root.len; i++)
        if (model_state(t, i))
            bytes += (size_t)cr_bytes_of(t->graph, model_state(t, i));
    return bytes;
}

typedef cr_status move_state(cr_program *p, const char *name, void *at, size_t bytes);

static cr_status put(cr_program *p, const char *name, void *at, size_t bytes)
{
    return cr_set(p, name, at, bytes);
}

static cr_status move_states(const fitting *f, move_state *move)
{
    const cr_trainer *t = f->t;
    char *at = f->kept;
    for (uint32_t i = 0; i < t->graph->root.len; i++) {
        const cr_ref state = model_state(t, i);
        if (!state)
            continue;
        const size_t bytes = (size_t)cr_bytes_of(t->graph, state);
        CR_TRY(move(t->set[CR_TRAINING].whole, cr_name_of(t->graph, state), at, bytes));
        at += bytes;
    }
    return CR_OK;
}

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
    if (f->out.best_epoch == 0)
        return INFINITY;
    const bool more = f->o->early_stopping->monitor == CR_MONITOR_ACCURACY;
    return more ? now - f->out.best : f->out.best - now;
}

/* Is it time to stop? */
static cr_status judge(fitting *f, const cr_epoch *e, bool *stop)
{
    const cr_early_stopping *s = f->o->early_stopping;
    const double now = monitored(f, e);
    if (gain(f, now) > s->min_delta) {
        f->out.best = now;
        f->out.best_epoch = e->epoch;
        return s->keep_last ? CR_OK : move_states(f, cr_fetch);
    }
    *stop = *stop || e->epoch - f->out.best_epoch >= s->patience;
    return CR_OK;
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
    return f->o->early_stopping ? judge(f, &e, stop) : CR_OK;
}

static cr_status epochs(fitting *f, uint32_t n)
{
    bool stop = false;
    for (uint32_t i = 0; i < n && !stop; i++)
        CR_TRY(one_epoch(f, &stop));
    f->out.stopped = f->out.epochs < n;
    return CR_OK;
}

cr_status cr_trainer_fit(cr_trainer *t, uint32_t n, const cr_fit_options *options, cr_fit *out)
{
    static const cr_fit_options none;
    fitting f = {.t = t, .o = options ? options : &none};
    if (out)
        *out = f.out;
    CR_TRY(check(t, f.o->early_stopping));
    if (f.o->early_stopping && !f.o->early_stopping->keep_last &&
        !(f.kept = cr_alloc(model_bytes(t))))
        return CR_E_MEMORY;
    cr_status status = epochs(&f, n);
    if (status == CR_OK && f.kept && f.out.best_epoch)
        status = move_states(&f, put);
    cr_free(f.kept);
    if (out)
        *out = f.out;
    return status;
}
