/* place.c - where the samples are to be: what a limit of device memory leaves room for.
 *
 * What programs need is known before any of them is built: the compiler plans them without a
 * device. All of a trainer's programs are there at the same time, with an arena each, one store of
 * states, and the inputs that they share. */
#include "trainer.h"

/* Of one window. A larger one hides no more of the uploads, and an epoch waits for its first one;
 * a few steps of large samples, or what an exchange costs is felt. */
static const uint64_t enough_bytes = 8u << 20;
enum { ENOUGH_BATCHES = 4 };

/* All samples together; less fits on any device. */
static const uint64_t few_bytes = 64u << 20;

struct placing {
    cr_trainer *t;
    cr_device_facts device;
    uint64_t limit;
    cr_needs need; /* of all programs at the same time */
};

/* ---- samples --------------------------------------------------------------------------------- */

static uint64_t bytes_of_one(const cr_trainer *t)
{
    return cr_x_bytes(&t->samples, 1) + cr_y_bytes(&t->samples, 1);
}

static uint64_t bytes_of_all(const cr_trainer *t)
{
    uint64_t bytes = 0;
    for (int i = 0; i < CR_TRAIN_PARTS; i++)
        if (t->set[i].n && t->set[i].own)
            bytes += t->set[i].part->n * bytes_of_one(t);
    return bytes;
}

/* Could a device use all samples where they lie, but for the limit? */
static bool would_do_in_place(const struct placing *p)
{
    const cr_samples *s = &p->t->samples;
    for (int i = 0; i < CR_TRAIN_PARTS; i++) {
        const cr_part *part = p->t->set[i].part;
        if (p->t->set[i].n &&
            (cr_device_why_not_in_place(&p->device, part->x, cr_x_bytes(s, part->n)) ||
             cr_device_why_not_in_place(&p->device, part->y, cr_y_bytes(s, part->n))))
            return false;
    }
    return true;
}

/* The largest array: a device may have room for it, but not in one allocation. */
static uint64_t largest_array(const cr_trainer *t)
{
    uint64_t most = 0;
    for (int i = 0; i < CR_TRAIN_PARTS; i++)
        if (t->set[i].n)
            most = CR_MAX(most, CR_MAX(cr_x_bytes(&t->samples, t->set[i].part->n),
                                       cr_y_bytes(&t->samples, t->set[i].part->n)));
    return most;
}

static bool arrays_fit(const struct placing *p)
{
    return largest_array(p->t) + CR_DEVICE_SLACK <= p->device.max_alloc_bytes;
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint64_t total(const cr_needs *n)
{
    return n->states + n->step + n->inputs;
}

/* A program with inputs of its own, or one that has another's. */
static cr_status add(struct placing *p, cr_train_part part, uint32_t batch, bool own)
{
    cr_needs n;
    CR_TRY(cr_trainer_needs(p->t, part, batch, &p->device, &n));
    p->need.states = CR_MAX(p->need.states, n.states);
    p->need.step += n.step;
    p->need.inputs += own ? n.inputs : 0;
    return CR_OK;
}

static cr_status count(struct placing *p)
{
    p->need = (cr_needs){0};
    for (int i = 0; i < CR_TRAIN_PARTS; i++) {
        const cr_train_set *set = &p->t->set[i];
        const bool own = p->t->info.window ? i == CR_TRAINING : set->own;
        if (set->n)
            CR_TRY(add(p, (cr_train_part)i, set->batch, own));
        if (set->n && set->n % set->batch)
            CR_TRY(add(p, (cr_train_part)i, set->n % set->batch, false));
    }
    if (p->t->n.drawn && !p->t->info.window) /* for each evaluation */
        p->need.inputs += 2 * (p->t->samples.train.n * sizeof *p->t->drawn + CR_DEVICE_SLACK);
    if (p->t->info.window) /* the second one */
        p->need.inputs += p->t->info.window * bytes_of_one(p->t) + 2 * CR_DEVICE_SLACK;
    return add(p, CR_PREDICTING, cr_trainer_predicted(p->t), true);
}

/* ---- windows --------------------------------------------------------------------------------- */

/* The largest batch of an evaluation; 0: there is none. */
static uint32_t evaluated(const cr_trainer *t)
{
    return CR_MAX(t->set[CR_VALIDATION].batch, t->set[CR_TESTING].batch);
}

static uint32_t whole_batches(uint64_t samples, uint32_t batch)
{
    return (uint32_t)(samples / batch * batch);
}

static void set_window(cr_trainer *t, uint32_t samples)
{
    t->info.window = samples;
    t->info.window_bytes = samples * bytes_of_one(t);
    t->evaluation_window = evaluated(t) ? whole_batches(samples, evaluated(t)) : 0;
}

/* The fewest samples that a batch of each set fits into. */
static uint32_t fewest(const cr_trainer *t)
{
    const uint64_t most = CR_MAX(t->n.batch, evaluated(t));
    return whole_batches(most + t->n.batch - 1, t->n.batch);
}

/* Room that is left makes both windows larger, up to what is enough, or the largest set. */
static void widen(struct placing *p)
{
    cr_trainer *t = p->t;
    const uint64_t one = bytes_of_one(t), least = fewest(t);
    const uint64_t largest = CR_MAX(t->n.train, CR_MAX(t->n.validation, t->n.test));
    uint64_t samples = least + (p->limit - total(&p->need)) / (2 * one);
    samples =
        CR_MIN(samples, CR_MAX(enough_bytes / one, CR_MAX(ENOUGH_BATCHES * t->n.batch, least)));
    samples = CR_MIN(samples, largest + t->n.batch - 1);
    samples = CR_MIN(samples, (p->device.max_alloc_bytes - CR_DEVICE_SLACK) / one);
    set_window(t, CR_MAX(whole_batches(samples, t->n.batch), fewest(t)));
}

/* Half of it, but not below a training step's; false: that it is. */
static bool evaluate_less(cr_trainer *t)
{
    if (evaluated(t) <= t->n.batch)
        return false;
    t->n.evaluation_batch = CR_MAX(evaluated(t) / 2, t->n.batch);
    cr_trainer_name_sets(t);
    return true;
}

/* ---- deciding -------------------------------------------------------------------------------- */

static const char *whose(const struct placing *p)
{
    return p->t->options.max_device_bytes ? "allowed (max_device_bytes)" : "there";
}

static cr_status too_little(const struct placing *p)
{
    const cr_trainer *t = p->t;
    char inputs[96] = "inputs";
    if (t->info.window)
        snprintf(inputs, sizeof inputs, "inputs, mostly two windows of %u samples", t->info.window);
    return cr_fail(
        CR_E_LIMIT,
        "train: %llu bytes of device memory are needed, and %llu are %s\n"
        "weights and other states: %llu; values of a step, for %s: %llu; %s: %llu\n"
        "a smaller batch (it is %u) takes less",
        (unsigned long long)total(&p->need), (unsigned long long)p->limit, whose(p),
        (unsigned long long)p->need.states, evaluated(t) ? "training and evaluation" : "training",
        (unsigned long long)p->need.step, inputs, (unsigned long long)p->need.inputs, t->n.batch);
}

static void tell_why(struct placing *p)
{
    cr_trainer *t = p->t;
    const char *in_place = "; without the limit the device would use them where they lie";
    t->info.reason = t->reason;
    if (t->info.sample_bytes <= p->limit && !arrays_fit(p)) {
        snprintf(t->reason, sizeof t->reason,
                 "an array of %llu bytes is larger than the device's largest allocation, %llu",
                 (unsigned long long)largest_array(t),
                 (unsigned long long)p->device.max_alloc_bytes);
        return;
    }
    snprintf(t->reason, sizeof t->reason,
             "%llu bytes of samples do not fit beside %llu of weights and values of a step: %llu "
             "are %s%s",
             (unsigned long long)t->info.sample_bytes,
             (unsigned long long)(p->need.states + p->need.step), (unsigned long long)p->limit,
             whose(p), t->options.max_device_bytes && would_do_in_place(p) ? in_place : "");
}

static cr_status stream(struct placing *p)
{
    cr_trainer *t = p->t;
    CR_TRY(cr_trainer_build(t, true));
    t->info.placement = CR_PLACED_STREAMED;
    do {
        set_window(t, fewest(t));
        CR_TRY(count(p));
    } while (total(&p->need) > p->limit && evaluate_less(t));
    if (total(&p->need) > p->limit)
        return too_little(p);
    tell_why(p);
    widen(p);
    t->info.windows = (t->n.train + t->info.window - 1) / t->info.window;
    return CR_OK;
}

/* All that may be on the device is. */
static cr_status reside(struct placing *p, bool *fits)
{
    CR_TRY(cr_trainer_build(p->t, false));
    CR_TRY(count(p));
    *fits = total(&p->need) <= p->limit;
    return CR_OK;
}

static cr_status decide(struct placing *p)
{
    const cr_trainer *t = p->t;
    const bool host = t->info.placement == CR_PLACED_ON_HOST, asked = t->options.max_device_bytes;
    const uint64_t samples = host ? 0 : t->info.sample_bytes;
    bool fits = false;
    if (!asked && (host || (samples <= p->limit / 2 && arrays_fit(p))))
        return cr_trainer_build(p->t, false);
    if (samples <= p->limit && (host || arrays_fit(p)))
        CR_TRY(reside(p, &fits));
    if (fits)
        return CR_OK;
    return host ? too_little(p) : stream(p);
}

static cr_status find_device(struct placing *p)
{
    cr_device_facts *list;
    uint32_t n, i = 0;
    char reason[CR_REASON_TEXT];
    CR_TRY(cr_device_list(&list, &n));
    cr_status status = cr_device_choose(list, n, p->t->options.compile.device, &i, reason);
    if (status == CR_OK)
        p->device = list[i];
    cr_free(list);
    return status;
}

/* What the passes let reside on a device (passes/transfers.c) leaves a margin as well. */
static uint64_t limit_of(const struct placing *p)
{
    const uint64_t asked = p->t->options.max_device_bytes;
    return asked ? asked : p->device.global_bytes / 5 * 4;
}

cr_status cr_trainer_place(cr_trainer *t)
{
    const bool host =
        t->options.compile.opt == CR_OPT_NAIVE || t->options.compile.max_resident_bytes;
    struct placing p = {.t = t};
    t->info.sample_bytes = bytes_of_all(t);
    t->info.placement = host ? CR_PLACED_ON_HOST : CR_PLACED_IN_PLACE;
    t->info.reason =
        host ? "a step takes its batch up itself" : "the device shares the host's memory";
    if (!t->options.max_device_bytes && t->info.sample_bytes <= few_bytes)
        return cr_trainer_build(t, false);
    CR_TRY(find_device(&p));
    t->info.limit_bytes = p.limit = limit_of(&p);
    return decide(&p);
}

uint32_t cr_trainer_predicted(const cr_trainer *t)
{
    return t->options.max_device_bytes ? CR_MIN(t->n.batch, t->n.evaluation_batch)
                                       : t->n.evaluation_batch;
}
