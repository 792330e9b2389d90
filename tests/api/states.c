/* A training that goes on in another trainer: its states, the epoch, and what early stopping
 * remembers are all that it takes, bit for bit. */
#include <criterion/criterion.h>
#include <string.h>

#include "base.h"
#include "crisol/crisol.h"

enum { N = 48, F = 3, EPOCHS = 6, MAX_STATES = 32 };
static float points[N][F], targets[N][1];

static cr_value model(cr_value x, void *user)
{
    (void)user;
    cr_value h = cr_dropout(cr_batch_norm(cr_dense(x, "h", 4, CR_TANH), "norm", 0, 0), 0.25f);
    return cr_dense(h, "out", 1, CR_LINEAR);
}

static cr_trainer *make(bool keep_order)
{
    const cr_samples samples = {.x_dtype = CR_F32,
                                .y_dtype = CR_F32,
                                .x_shape = CR_SHAPE(F),
                                .y_shape = CR_SHAPE(1),
                                .train = {points, targets, N},
                                .test = {points, targets, N}};
    const cr_train_options options = {
        .model = model,
        .optimizer = {.kind = CR_ADAM,
                      .schedule = {.kind = CR_LR_COSINE, .epochs = EPOCHS, .warmup = 3}},
        .batch = 16,
        .seed = 5,
        .keep_order = keep_order,
    };
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < F; k++)
            points[i][k] = (float)((i * 7 + k * 5) % 11) / 11 - 0.5f;
        targets[i][0] = points[i][0] * points[i][1] + 0.1f * (float)(i % 3);
    }
    cr_trainer *t = cr_trainer_create_of(&samples, &options);
    cr_assert(t, "%s", cr_error());
    return t;
}

struct seen {
    double loss[64];
    double test[64];
};

static bool see(const cr_epoch *e, void *user)
{
    struct seen *s = user;
    s->loss[e->epoch] = e->train_loss;
    s->test[e->epoch] = e->test_loss;
    return true;
}

static cr_fit fit(cr_trainer *t, uint32_t n, struct seen *seen, bool go_on)
{
    static const cr_early_stopping stopping = {.patience = 4, .min_delta = 1e-3};
    const cr_fit_options options = {
        .on_epoch = see, .user = seen, .early_stopping = &stopping, .go_on = go_on};
    cr_fit out;
    cr_assert_eq(cr_trainer_fit(t, n, &options, &out), CR_OK, "%s", cr_error());
    return out;
}

/* Epochs without early stopping, so that the weights stay those of the last one. */
static void run(cr_trainer *t, uint32_t n, struct seen *seen)
{
    const cr_fit_options options = {.on_epoch = see, .user = seen};
    cr_assert_eq(cr_trainer_fit(t, n, &options, NULL), CR_OK, "%s", cr_error());
}

static void move(cr_trainer *from, cr_trainer *to)
{
    cr_trainer_state s[MAX_STATES];
    char all[256];
    const uint32_t n = cr_trainer_states(from, s, MAX_STATES);
    uint32_t models = 0, predict = 0;
    cr_assert(n > 10 && n <= MAX_STATES);
    for (uint32_t i = 0; i < n; i++) {
        models += s[i].model;
        predict += s[i].predicts;
        cr_assert_eq(cr_trainer_get(from, s[i].name, all, s[i].bytes), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_trainer_set(to, s[i].name, all, s[i].bytes), CR_OK, "%s", cr_error());
    }
    cr_assert_eq(predict, 8, "4 of 2 layers, 4 of the normalization; not %u", predict);
    cr_assert_eq(models, 9, "and dropout's count; not %u", models);
    cr_trainer_go_on(to, cr_trainer_epochs(from));
}

static void assert_same(cr_trainer *a, cr_trainer *b)
{
    cr_trainer_state s[MAX_STATES];
    char x[256], y[256];
    const uint32_t n = cr_trainer_states(a, s, MAX_STATES);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(cr_trainer_get(a, s[i].name, x, s[i].bytes), CR_OK);
        cr_assert_eq(cr_trainer_get(b, s[i].name, y, s[i].bytes), CR_OK);
        cr_assert(memcmp(x, y, s[i].bytes) == 0, "%s differs", s[i].name);
    }
}

Test(states, go_on_bit_for_bit)
{
    for (int keep_order = 0; keep_order < 2; keep_order++) {
        struct seen whole = {0}, parts = {0};
        cr_trainer *a = make(keep_order), *b = make(keep_order), *c = make(keep_order);
        run(a, EPOCHS, &whole);
        run(b, 2, &parts);
        move(b, c);
        run(c, EPOCHS - 2, &parts);
        cr_assert(memcmp(&whole, &parts, sizeof whole) == 0, "losses differ");
        assert_same(a, c);
        cr_trainer_destroy(a);
        cr_trainer_destroy(b);
        cr_trainer_destroy(c);
    }
    cr_trainer *t = make(false);
    cr_assert_eq(cr_trainer_set(t, "nothing", &(int){0}, 4), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "\"nothing\""), "%s", cr_error());
    cr_trainer_destroy(t);
}

/* What a checkpoint sees: after the epoch, before the best weights are brought back. */
struct checkpoint {
    cr_trainer *to;
    uint32_t epoch;
};

static cr_status copy_at(cr_trainer *t, const cr_epoch *e, void *user)
{
    struct checkpoint *c = user;
    double figure;
    const void *weights;
    if (e->epoch != c->epoch)
        return CR_OK;
    move(t, c->to);
    uint32_t best = cr_trainer_best(t, &figure, &weights);
    cr_assert(best > 0 && weights);
    return cr_trainer_set_best(c->to, best, figure, weights);
}

Test(states, early_stopping_goes_on)
{
    static const cr_early_stopping stopping = {.patience = 4, .min_delta = 1e-3};
    struct seen seen = {0};
    cr_trainer *a = make(false), *b = make(false);
    struct checkpoint c = {.to = b, .epoch = 3};
    const cr_fit_options options = {
        .after_epoch = copy_at, .user = &c, .early_stopping = &stopping};
    cr_fit whole;
    cr_assert_eq(cr_trainer_fit(a, 30, &options, &whole), CR_OK, "%s", cr_error());
    cr_assert(whole.stopped && whole.epochs > 3, "%u epochs, best %u", whole.epochs,
              whole.best_epoch);
    const cr_fit rest = fit(b, 27, &seen, true);
    cr_assert(rest.stopped && rest.best_epoch == whole.best_epoch && rest.best == whole.best);
    cr_assert_eq(rest.epochs + 3, whole.epochs);
    assert_same(a, b);
    /* the patience is at its end: there is nothing to go on with */
    cr_assert_eq(fit(b, 5, &seen, true).epochs, 0);
    cr_trainer_destroy(a);
    cr_trainer_destroy(b);
}
