/* Trainings that go on from a file: the same bits as one that was never interrupted; what is of
 * another training is refused and listed. crisol-test: device */
#include <criterion/criterion.h>
#include <string.h>

#include "base.h"
#include "crisol/crisol.h"
#include "crisol/io/checkpoint.h"

static void assert_error(const char *a, const char *b)
{
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
}

enum { N = 48, TEST = 32, SIDE = 6, CLASSES = 3, MAX_STATES = 48, MOST = 4096 };
static uint8_t images[N][SIDE][SIDE][1], labels[N];
static const char net_text[] = "batchnorm, dropout 0.2, dense 3";
static cr_net net;

static void make_images(void)
{
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % CLASSES);
        for (int p = 0; p < SIDE * SIDE; p++)
            images[i][p / SIDE][p % SIDE][0] = (uint8_t)((p * (labels[i] + 3) * 37 + i * 11) % 256);
    }
    cr_net_parse(net_text, &net);
}

/* A model that is no net of layers. */
static cr_value own_model(cr_value x, void *user)
{
    (void)user;
    return cr_dense(cr_dropout(cr_flatten(x), 0.2f), "one", CLASSES, CR_LINEAR);
}

static cr_train_options options(bool layers)
{
    return (cr_train_options){
        .model = layers ? cr_net_model : own_model,
        .model_user = layers ? &net : NULL,
        .raw = layers,
        .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
        .optimizer = {.kind = CR_ADAM,
                      .lr = 0.01f,
                      .schedule = {.kind = CR_LR_COSINE, .epochs = 8, .warmup = 2}},
        .augment = {.flip = true, .shift = 1},
        .batch = 16,
        .seed = 3,
    };
}

static cr_trainer *make(const cr_train_options *o)
{
    const cr_samples samples = {.x_dtype = CR_U8,
                                .y_dtype = CR_U8,
                                .x_shape = CR_SHAPE(SIDE, SIDE, 1),
                                .train = {images, labels, N},
                                .test = {images, labels, TEST}};
    cr_trainer *t = cr_trainer_create_of(&samples, o);
    cr_assert(t, "%s", cr_error());
    return t;
}

struct run {
    const char *file;
    uint32_t at; /* the epoch after which it is written */
    double loss[64], test[64];
};

static cr_status after_epoch(cr_trainer *t, const cr_epoch *e, void *user)
{
    static const char *const notes[][2] = {{"author", "nobody"}};
    static const char *const words[] = {"a", "b", "c"};
    const cr_data data = {.samples.x_shape = CR_SHAPE(SIDE, SIDE, 1), .classes = {words, 3}};
    struct run *r = user;
    r->loss[e->epoch] = e->train_loss;
    r->test[e->epoch] = e->test_loss;
    const cr_checkpoint_about about = {.data = &data, .notes = notes, .nnotes = 1};
    return r->file && e->epoch == r->at ? cr_checkpoint_save(r->file, t, &about) : CR_OK;
}

static cr_fit fit(cr_trainer *t, uint32_t n, struct run *r, bool stopping)
{
    static const cr_early_stopping early = {.patience = 3, .min_delta = 0.01};
    const cr_fit_options o = {.after_epoch = after_epoch,
                              .user = r,
                              .early_stopping = stopping ? &early : NULL,
                              .go_on = true};
    cr_fit out;
    cr_assert_eq(cr_trainer_fit(t, n, &o, &out), CR_OK, "%s", cr_error());
    return out;
}

static void assert_same(cr_trainer *a, cr_trainer *b)
{
    static char x[MOST], y[MOST];
    cr_trainer_state s[MAX_STATES];
    const uint32_t n = cr_trainer_states(a, s, MAX_STATES);
    cr_assert(n > 10 && n <= MAX_STATES);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(cr_trainer_get(a, s[i].name, x, s[i].bytes), CR_OK);
        cr_assert_eq(cr_trainer_get(b, s[i].name, y, s[i].bytes), CR_OK);
        cr_assert(memcmp(x, y, s[i].bytes) == 0, "%s differs", s[i].name);
    }
}

static void resume(const char *file, cr_trainer *t)
{
    cr_checkpoint *c = cr_checkpoint_load(file);
    cr_assert(c, "%s", cr_error());
    cr_assert_eq(cr_checkpoint_resume(c, t), CR_OK, "%s", cr_error());
    cr_checkpoint_destroy(c);
}

/* The scores that a trainer gives, and a program of the file's model. */
static void assert_predicts(const char *file, cr_trainer *t)
{
    float want[TEST][CLASSES], got[TEST][CLASSES];
    cr_model *m = cr_model_load(file);
    cr_program *p = m ? cr_model_program(m, TEST, NULL) : NULL;
    cr_assert(p, "%s", cr_error());
    cr_assert_eq(cr_feed(p, "x", images, TEST * SIDE * SIDE), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_run(p, 1), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_fetch(p, "y", got, sizeof got), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_predict(t, images, TEST, &want[0][0]), CR_OK, "%s", cr_error());
    cr_assert(memcmp(want, got, sizeof want) == 0, "%g, not %g", (double)got[0][0],
              (double)want[0][0]);
    cr_program_destroy(p);
    cr_model_destroy(m);
}

/* 6 epochs, and 3 and 3 through a file. */
static void check_whole(bool layers)
{
    const char *file = layers ? "layers.h5" : "own.h5";
    const cr_train_options o = options(layers);
    struct run whole = {.at = 6, .file = "whole.h5"}, first = {.at = 3, .file = file}, rest = {0};
    cr_trainer *a = make(&o), *b = make(&o), *c = make(&o);
    fit(a, 6, &whole, false);
    fit(b, 3, &first, false);
    resume(file, c);
    cr_assert_eq(cr_trainer_epochs(c), 3);
    fit(c, 3, &rest, false);
    assert_same(a, c);
    for (int e = 1; e <= 6; e++) {
        const struct run *r = e > 3 ? &rest : &first;
        cr_assert(whole.loss[e] == r->loss[e] && whole.test[e] == r->test[e], "epoch %d", e);
    }
    assert_predicts("whole.h5", a);
    cr_trainer_destroy(a);
    cr_trainer_destroy(b);
    cr_trainer_destroy(c);
}

Test(checkpoint, goes_on_bit_for_bit)
{
    make_images();
    check_whole(true);
    check_whole(false);
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(checkpoint, goes_on_with_early_stopping)
{
    double figure;
    make_images();
    const cr_train_options o = options(true);
    struct run whole = {.at = 2, .file = "early.h5"}, rest = {0};
    cr_trainer *a = make(&o), *b = make(&o);
    const cr_fit all = fit(a, 40, &whole, true);
    cr_assert(all.stopped && all.epochs > 2, "%u epochs", all.epochs);
    resume("early.h5", b);
    const cr_fit more = fit(b, 38, &rest, true);
    cr_assert(more.stopped && more.best_epoch == all.best_epoch && more.best == all.best);
    assert_same(a, b);
    cr_checkpoint *c = cr_checkpoint_load("early.h5");
    cr_assert(c && cr_checkpoint_best(c, &figure) > 0 && figure > 0);
    cr_checkpoint_destroy(c);
    cr_trainer_destroy(a);
    cr_trainer_destroy(b);
    cr_net_finish(&net);
}

Test(checkpoint, of_another_training_is_refused)
{
    make_images();
    cr_train_options o = options(false);
    struct run run = {.at = 1, .file = "other.h5"};
    o.no_evaluation = true;
    cr_trainer *t = make(&o);
    fit(t, 1, &run, false);
    cr_trainer_destroy(t);
    cr_checkpoint *c = cr_checkpoint_load("other.h5");
    cr_assert(c, "%s", cr_error());
    cr_assert_str_eq(cr_checkpoint_option(c, "batch"), "16");
    cr_assert_str_eq(cr_model_note(cr_checkpoint_model(c), "author"), "nobody");
    cr_assert_eq(cr_model_words(cr_checkpoint_model(c), "classes").n, 3);
    cr_train_options read = {0};
    cr_assert_eq(cr_checkpoint_options(c, &read), CR_OK, "%s", cr_error());
    cr_assert(read.batch == 16 && read.optimizer.kind == CR_ADAM && read.optimizer.lr == 0.01f &&
              read.optimizer.schedule.epochs == 8 && read.augment.shift == 1 && !read.raw);
    /* another batch, rate and data */
    o.batch = 12;
    o.optimizer.lr = 0.02f;
    labels[7]++;
    t = make(&o);
    cr_assert_eq(cr_checkpoint_resume(c, t), CR_E_ARGUMENT);
    assert_error("other.h5: it is of another training", "lr 0.01 (here 0.02)");
    assert_error("batch 16 (here 12)", "training samples 48 of u8[6,6,1]");
    cr_assert_eq(cr_trainer_epochs(t), 0);
    cr_trainer_destroy(t);
    /* another net */
    o = options(true);
    t = make(&o);
    cr_assert_eq(cr_checkpoint_resume(c, t), CR_E_ARGUMENT);
    assert_error("other.h5: it is of another net or optimizer: missing batchnorm1.gamma f32[1], "
                 "batchnorm1.beta f32[1]",
                 "extra one.b f32[3], one.w f32[36,3]");
    cr_checkpoint_destroy(c);
    /* a model is no training */
    cr_model *m = cr_model_load("other.h5");
    cr_assert(m && cr_model_save(m, "model-only.h5") == CR_OK, "%s", cr_error());
    /* nor does another net's begin one: nothing is changed then */
    float before[CLASSES], after[CLASSES];
    cr_assert_eq(cr_trainer_get(t, "dense1.b", before, sizeof before), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_checkpoint_start(m, t), CR_E_ARGUMENT);
    assert_error("other.h5: it is of another net: missing batchnorm1.gamma f32[1]",
                 "extra one.b f32[3], one.w f32[36,3]");
    cr_assert(!strstr(cr_error(), "random") && !strstr(cr_error(), "train.step"), "%s", cr_error());
    cr_assert_eq(cr_trainer_get(t, "dense1.b", after, sizeof after), CR_OK);
    cr_assert(memcmp(before, after, sizeof before) == 0);
    cr_assert_eq(cr_checkpoint_start(NULL, t), CR_E_ARGUMENT);
    cr_model_destroy(m);
    cr_trainer_destroy(t);
    cr_assert_null(cr_checkpoint_load("model-only.h5"));
    assert_error("model-only.h5", "no training to go on with");
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}
