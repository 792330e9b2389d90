/* steps.c - which samples the steps get: orders of epochs, and ways through sets that are streamed.
 */
#include "ir.h"
#include "trainer.h"

/* ---- orders ---------------------------------------------------------------------------------- */

void cr_shuffle(int32_t *order, uint32_t n, uint64_t seed, uint32_t epoch)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t draw[4] = {0};
    for (uint32_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (uint32_t i = n, k = 0; i > 1; i--, k++) {
        if (k % 4 == 0) {
            const uint32_t counter[4] = {k / 4, epoch, 0x6f726472u /* "ordr" */, 0};
            cr_philox4x32(counter, key, draw);
        }
        uint32_t j = (uint32_t)((uint64_t)draw[k % 4] * i >> 32); /* below i */
        int32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

/* The order of an epoch's samples, from 0. */
static void draw_order(const cr_trainer *t, uint32_t epoch, int32_t *order)
{
    const uint32_t n = t->n.train;
    if (t->options.keep_order)
        for (uint32_t i = 0; i < n; i++)
            order[i] = (int32_t)i;
    else
        cr_shuffle(order, n, t->options.seed, epoch);
    for (uint32_t i = 0; i < n && t->drawn; i++)
        order[i] = t->drawn[order[i]];
}

static void draw_next_order(void *trainer, uint32_t epoch)
{
    cr_trainer *t = trainer;
    draw_order(t, epoch, t->next_order);
}

static cr_status upload_order(cr_trainer *t)
{
    cr_program *p = t->set[CR_TRAINING].whole;
    CR_TRY(cr_wait(p)); /* a host-side order may still be read */
    draw_order(t, t->epoch, t->order);
    return cr_feed(p, "order", t->order, t->n.train * sizeof *t->order);
}

/* For samples that are streamed: the order stays on the host, and may have been drawn ahead. */
static void take_order(cr_trainer *t)
{
    int32_t *old = t->order;
    if (cr_stream_is_prepared(t->stream, t->epoch)) {
        t->order = t->next_order;
        t->next_order = old;
        return;
    }
    cr_stream_stop(t->stream); /* which reads orders */
    draw_order(t, t->epoch, t->order);
}

cr_status cr_trainer_make_order(cr_trainer *t)
{
    if (t->options.keep_order && t->ordered)
        return CR_OK;
    t->ordered = true;
    if (!t->stream)
        return upload_order(t);
    take_order(t);
    return CR_OK;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static cr_stream_pass pass_of(const cr_trainer *t, cr_train_part part)
{
    const cr_train_set *set = &t->set[part];
    const int32_t *order = part == CR_TRAINING     ? t->order
                           : t->drawn && !set->own ? t->drawn + set->first
                                                   : NULL;
    return (cr_stream_pass){
        .key = (uint32_t)part,
        .part = set->part,
        .order = order,
        .first = set->first,
        .n = set->n,
        .window = part == CR_TRAINING ? t->info.window : t->evaluation_window,
    };
}

/* What comes after it in cr_trainer_epoch; training that follows is of that epoch, from 0. */
static cr_stream_pass pass_after(cr_trainer *t, cr_train_part part, uint32_t epoch)
{
    if (part == CR_TRAINING && t->n.validation)
        return pass_of(t, CR_VALIDATION);
    if (part != CR_TESTING && t->n.test)
        return pass_of(t, CR_TESTING);
    cr_stream_pass p = pass_of(t, CR_TRAINING);
    if (t->options.keep_order)
        return p;
    p.order = t->next_order;
    p.prepare = draw_next_order;
    p.user = t;
    p.number = epoch;
    return p;
}

void cr_trainer_begin_pass(cr_trainer *t, cr_train_part part, uint32_t epoch)
{
    if (!t->stream)
        return;
    const cr_stream_pass pass = pass_of(t, part), next = pass_after(t, part, epoch);
    cr_stream_begin(t->stream, &pass, &next);
}

/* ---- running --------------------------------------------------------------------------------- */

cr_status cr_trainer_run_whole(cr_trainer *t, cr_train_part part, uint64_t done, uint64_t n)
{
    const cr_train_set *set = &t->set[part];
    if (!t->stream)
        return cr_run(set->whole, n);
    if (!cr_stream_is_at(t->stream, (uint32_t)part)) /* another pass came between */
        cr_trainer_begin_pass(t, part, t->epoch);
    return cr_stream_run(t->stream, set->whole, set->batch, done, n);
}

cr_status cr_trainer_run_rest(cr_trainer *t, cr_train_part part)
{
    const cr_train_set *set = &t->set[part];
    if (!set->rest)
        return CR_OK;
    if (!t->stream)
        return cr_run(set->rest, 1);
    if (!cr_stream_is_at(t->stream, (uint32_t)part))
        cr_trainer_begin_pass(t, part, t->epoch);
    return cr_stream_run(t->stream, set->rest, set->batch, set->n / set->batch, 1);
}
