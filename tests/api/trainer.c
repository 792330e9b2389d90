/* What users do with a trainer on a device: any samples, evaluation, prediction, callbacks, early
 * stopping, augmentation; and the same bits in all variants. crisol-test: timeout=600 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base.h"
#include "crisol/crisol.h"
#include "crisol/ops.h"

static const cr_opt variants[] = {CR_OPT_FUSED, CR_OPT_UNFUSED, CR_OPT_NAIVE};

static bool says(const char *text)
{
    if (strstr(cr_error(), text))
        return true;
    fprintf(stderr, "not said: %s\nbut: %s\n", text, cr_error());
    return false;
}

/* ---- samples --------------------------------------------------------------------------------- */

enum { N = 50, TEST = 1010, SIDE = 4 };

static uint8_t pixels[TEST][SIDE * SIDE], labels[TEST];

/* Three classes, by the row that is bright. */
static cr_dataset images(void)
{
    for (int i = 0; i < TEST; i++) {
        labels[i] = (uint8_t)(i % 3);
        for (int k = 0; k < SIDE * SIDE; k++)
            pixels[i][k] = (uint8_t)(k / SIDE == i % 3 ? 150 + i % 100 : i % 60);
    }
    return (cr_dataset){.ntrain = N,
                        .ntest = TEST,
                        .rows = SIDE,
                        .cols = SIDE,
                        .classes = 3,
                        .train_x = pixels[0],
                        .train_y = labels,
                        .test_x = pixels[0],
                        .test_y = labels};
}

static cr_value classifier(cr_value x, void *user)
{
    (void)user;
    return cr_dense(cr_dense(cr_flatten(x), "h", 6, CR_TANH), "y", 3, CR_LINEAR);
}

static cr_train_options options_of(cr_opt opt)
{
    return (cr_train_options){.model = classifier,
                              .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                              .optimizer = {.kind = CR_ADAM, .lr = 0.05f},
                              .batch = 16,
                              .compile = {.opt = opt}};
}

static cr_trainer *trainer_of(const cr_samples *s, cr_train_options o)
{
    cr_trainer *t = cr_trainer_create_of(s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    return t;
}

static cr_epoch epochs(cr_trainer *t, int n)
{
    cr_epoch e;
    for (int i = 0; i < n; i++)
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    return e;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* 1010 test samples are one batch of 1000 and one of 10; 10 validation samples are one. */
Test(trainer, last_smaller_batches_count)
{
    cr_dataset data = images();
    cr_samples s = cr_dataset_samples(&data);
    cr_epoch e[3];
    for (size_t v = 0; v < 3; v++) {
        cr_train_options o = options_of(variants[v]);
        o.validation_split = 0.2f;
        o.augment = (cr_augment){.flip = true, .shift = 1};
        cr_trainer *t = trainer_of(&s, o);
        e[v] = epochs(t, 12);
        cr_assert_eq(e[v].steps, 3); /* 40 samples in batches of 16 */
        cr_trainer_destroy(t);
        cr_assert_eq(e[v].train_loss, e[0].train_loss);
        cr_assert_eq(e[v].validation_loss, e[0].validation_loss);
        cr_assert_eq(e[v].test_loss, e[0].test_loss);
        cr_assert_eq(e[v].test_accuracy, e[0].test_accuracy);
    }
    cr_assert_eq(round(e[0].test_accuracy * TEST), e[0].test_accuracy * TEST);
    cr_assert_eq(round(e[0].validation_accuracy * 10), e[0].validation_accuracy * 10);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* Validation samples of their own give what those that are split off give. */
/* From weights that were trained, in the second epoch's order; the trainer stays as it is. */
Test(trainer, interprets_the_same_bits)
{
    const cr_dataset data = images();
    const cr_train_options options = options_of(CR_OPT_FUSED);
    cr_trainer *t = cr_trainer_create(&data, &options);
    cr_assert(t, "%s", cr_error());
    cr_epoch e;
    cr_interpreted did;
    float host[3], device;
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_begin(t), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_interpret(t, 3, 0, host, &did), CR_OK, "%s", cr_error());
    cr_assert(did.steps == 3 && did.seconds > 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(cr_trainer_run(t, 1), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_fetch(cr_trainer_program(t), "loss", &device, sizeof device), CR_OK);
        cr_assert_eq(memcmp(&device, &host[i], sizeof device), 0, "step %d: %a, interpreted %a", i,
                     (double)device, (double)host[i]);
    }
    cr_assert_eq(cr_trainer_interpret(t, 1, 0, NULL, &did), CR_E_ARGUMENT);
    cr_assert(says("1 steps asked for, and the epoch has 0 left"));
    cr_assert_eq(cr_trainer_begin(t), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_interpret(t, 3, 1e-9, NULL, &did), CR_OK, "%s", cr_error());
    cr_assert_eq(did.steps, 1, "the time was over after a step");
    cr_trainer_destroy(t);
}

Test(trainer, validation_samples_of_their_own)
{
    cr_dataset data = images();
    cr_samples s = cr_dataset_samples(&data);
    cr_train_options o = options_of(CR_OPT_FUSED);
    o.validation_split = 0.2f;
    o.no_evaluation = true;
    cr_trainer *split = trainer_of(&s, o);
    cr_epoch a = epochs(split, 3);
    cr_trainer_destroy(split);
    s.train.n = 40;
    s.validation = (cr_part){pixels[40], labels + 40, 10};
    o.validation_split = 0;
    cr_trainer *own = trainer_of(&s, o);
    cr_epoch b = epochs(own, 3);
    cr_trainer_destroy(own);
    cr_assert_eq(a.validation_loss, b.validation_loss);
    cr_assert_eq(a.train_loss, b.train_loss);
    cr_assert(isnan(a.test_loss));
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- other samples --------------------------------------------------------------------------- */

static cr_value line(cr_value x, void *user)
{
    (void)user;
    return cr_dense(x, "y", 2, CR_LINEAR);
}

/* f32 samples, f32 targets: y = (2 a - b + 1, b). There is no accuracy. */
Test(trainer, regression)
{
    static float x[60][2], y[60][2];
    for (int i = 0; i < 60; i++) {
        x[i][0] = (float)(i % 7) / 7 - 0.5f;
        x[i][1] = (float)(i % 11) / 11 - 0.5f;
        y[i][0] = 2 * x[i][0] - x[i][1] + 1;
        y[i][1] = x[i][1];
    }
    const cr_samples s = {.x_shape = CR_SHAPE(2),
                          .y_shape = CR_SHAPE(2),
                          .train = {x, y, 50},
                          .test = {x[50], y[50], 10}};
    double loss[3];
    for (size_t v = 0; v < 3; v++) {
        cr_train_options o = options_of(variants[v]);
        o.model = line;
        o.loss = CR_LOSS_MSE;
        cr_trainer *t = trainer_of(&s, o);
        cr_epoch e = epochs(t, 60);
        cr_assert(isnan(e.train_accuracy) && isnan(e.test_accuracy));
        cr_assert_lt(e.test_loss, 1e-3);
        loss[v] = e.test_loss;
        float got[2][2];
        cr_assert_eq(cr_trainer_scores(t), 2);
        cr_assert_eq(cr_trainer_predict(t, x[3], 2, got[0]), CR_OK, "%s", cr_error());
        for (int i = 0; i < 4; i++)
            cr_assert(fabsf(got[i / 2][i % 2] - y[3 + i / 2][i % 2]) < 0.1f);
        cr_trainer_destroy(t);
    }
    cr_assert(loss[0] == loss[1] && loss[0] == loss[2]);
    cr_assert_eq(cr_live_blocks(), 0);
}

static cr_value bag(cr_value x, void *user)
{
    (void)user;
    cr_assert_eq(cr_value_dtype(x), CR_I32);
    cr_value table = cr_param(x.graph, "table", CR_F32, 9, 3);
    return cr_sum(cr_gather(table, x), CR_AXIS(1));
}

/* i32 samples reach the model as they are; i32 labels. */
Test(trainer, whole_numbers)
{
    static int32_t x[45][2], y[45];
    for (int i = 0; i < 45; i++) {
        x[i][0] = i % 9;
        x[i][1] = i % 9;
        y[i] = i % 9 / 3;
    }
    cr_samples s = {.x_dtype = CR_I32,
                    .y_dtype = CR_I32,
                    .x_shape = CR_SHAPE(2),
                    .train = {x, y, 45},
                    .test = {x, y, 45}};
    cr_train_options o = options_of(CR_OPT_FUSED);
    o.model = bag;
    cr_trainer *t = trainer_of(&s, o);
    cr_assert_eq(epochs(t, 20).test_accuracy, 1);
    cr_trainer_destroy(t);
    y[7] = -1;
    cr_assert_null(cr_trainer_create_of(&s, &o));
    cr_assert(says("label -1 of training sample 7 is negative"));
    y[7] = 3;
    cr_assert_null(cr_trainer_create_of(&s, &o));
    cr_assert(says("label 3 of training sample 7 is outside the 3 classes"));
    cr_assert_eq(cr_live_blocks(), 0);
}

static void refused(cr_samples s, cr_train_options o, const char *text)
{
    cr_assert_null(cr_trainer_create_of(&s, &o));
    cr_assert(says(text));
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(trainer, checks_samples)
{
    cr_dataset data = images();
    const cr_samples good = cr_dataset_samples(&data);
    cr_train_options o = options_of(CR_OPT_FUSED);
    cr_samples s = good;
    s.x_dtype = CR_BOOL;
    refused(s, o, "x_dtype must be f32, i32 or u8");
    s = good;
    s.y_dtype = CR_BOOL;
    refused(s, o, "y_dtype must be u8 or i32 (classes) or f32 (targets)");
    s = good;
    s.y_shape = CR_SHAPE(2);
    refused(s, o, "y_shape must be CR_SCALAR");
    s = good;
    s.x_shape.rank = 8;
    refused(s, o, "x_shape must have 0 to 7 axes");
    s = good;
    s.y_dtype = CR_F32;
    refused(s, o, "softmax-cross-entropy needs classes");
    o.loss = CR_LOSS_MSE;
    refused(s, o, "the model gave f32[batch,3]; it must give f32[batch]");
    o = options_of(CR_OPT_FUSED);
    o.validation_split = 1;
    refused(good, o, "the validation split is 1; it must be in [0, 1)");
    o.validation_split = -0.1f;
    refused(good, o, "the validation split is -0.1; it must be in [0, 1)");
    o.validation_split = NAN;
    refused(good, o, "it must be in [0, 1)");
    o.validation_split = 0.001f;
    refused(good, o, "leaves 50 of 50 samples for training and 0 for validation; both need one");
    o.validation_split = 0.999f;
    refused(good, o, "leaves 0 of 50 samples for training and 50 for validation");
    o.validation_split = 0.5f;
    o.batch = 26;
    refused(good, o, "a batch of 26 samples is larger than the training set of 25");
    s = good;
    s.validation = (cr_part){pixels, labels, 4};
    o.batch = 0;
    refused(s, o, "which of the two?");
    o.validation_split = 0;
    s.validation.y = NULL;
    refused(s, o, "labels are NULL");
}

/* ---- in place -------------------------------------------------------------------------------- */

/* What is in place is not copied, and gives the same. */
Test(trainer, uses_samples_in_place)
{
    enum { ALIGN = 4096 };
    cr_dataset data = images();
    const cr_samples copied = cr_dataset_samples(&data);
    cr_samples placed = copied, odd = copied;
    uint8_t *x = aligned_alloc(ALIGN, 5 * ALIGN), *y = aligned_alloc(ALIGN, ALIGN);
    memcpy(x, pixels, sizeof pixels);
    memcpy(y, labels, sizeof labels);
    placed.train = (cr_part){x, y, N};
    placed.test = (cr_part){x, y, TEST};
    odd.train = odd.test = (cr_part){x + 1, y + 1, N};
    cr_trainer *a = trainer_of(&odd, options_of(CR_OPT_FUSED));
    cr_assert(cr_trainer_why_copied(a));
    cr_assert_eq(cr_program_counters(cr_trainer_program(a)).feeds_in_place, 0);
    cr_assert_eq(cr_program_counters(cr_trainer_program(a)).feed_bytes, N * (SIDE * SIDE + 1));
    cr_trainer_destroy(a);

    cr_trainer *b = trainer_of(&placed, options_of(CR_OPT_FUSED));
    cr_counters c = cr_program_counters(cr_trainer_program(b));
    cr_assert_eq(c.feeds, 2);
    if (!cr_trainer_why_copied(b)) {
        cr_assert_eq(c.feeds_in_place, 2);
        cr_assert_eq(c.feed_bytes, 0);
    } else {
        cr_assert_str_eq(cr_trainer_why_copied(b), "the device has its own memory");
        cr_assert_eq(c.feeds_in_place, 0);
    }
    cr_trainer *d = trainer_of(&copied, options_of(CR_OPT_FUSED));
    cr_epoch one = epochs(b, 3), other = epochs(d, 3);
    cr_assert_eq(one.train_loss, other.train_loss);
    cr_assert_eq(one.test_loss, other.test_loss);
    cr_assert_eq(memcmp(x, pixels, sizeof pixels), 0);
    cr_trainer_destroy(b);
    cr_trainer_destroy(d);
    free(x);
    free(y);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* A device that cannot hold the samples: the host gathers them, and all is as it was. */
Test(trainer, samples_that_do_not_fit)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    cr_epoch e[2];
    for (int i = 0; i < 2; i++) {
        cr_train_options o = options_of(CR_OPT_FUSED);
        o.validation_split = 0.2f;
        o.augment = (cr_augment){.flip = true, .shift = 1};
        o.compile.max_resident_bytes = i ? 100 : 0;
        cr_trainer *t = trainer_of(&s, o);
        cr_assert_eq(cr_program_get_info(cr_trainer_program(t)).h2d_bytes_per_step > 0, i);
        e[i] = epochs(t, 2);
        cr_trainer_destroy(t);
    }
    cr_assert_eq(e[0].train_loss, e[1].train_loss);
    cr_assert_eq(e[0].validation_loss, e[1].validation_loss);
    cr_assert_eq(e[0].test_loss, e[1].test_loss);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- prediction ------------------------------------------------------------------------------ */

/* All samples at once, one by one, in batches and a rest: the same scores, and as right as the
 * evaluation says. */
Test(trainer, predicts)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    static float all[TEST][3], one[3];
    for (size_t v = 0; v < 3; v += 2) { /* the two that differ most */
        cr_trainer *t = trainer_of(&s, options_of(variants[v]));
        cr_epoch e = epochs(t, 2);
        cr_assert_eq(cr_trainer_predict(t, pixels, TEST, all[0]), CR_OK, "%s", cr_error());
        int right = 0;
        for (int i = 0; i < TEST; i++) {
            const float *p = all[i];
            const int best = p[0] >= p[1] ? (p[0] >= p[2] ? 0 : 2) : p[1] >= p[2] ? 1 : 2;
            right += best == labels[i];
        }
        cr_assert_eq(right, (int)lround(e.test_accuracy * TEST));
        for (int i = 0; i < TEST; i += 250) {
            cr_assert_eq(cr_trainer_predict(t, pixels[i], 1, one), CR_OK, "%s", cr_error());
            cr_assert_eq(memcmp(one, all[i], sizeof one), 0);
        }
        cr_assert_eq(cr_trainer_predict(t, NULL, 1, one), CR_E_ARGUMENT);
        cr_assert_eq(cr_trainer_predict(t, pixels, 0, one), CR_E_ARGUMENT);
        cr_assert(says("predict: 0 samples"));
        epochs(t, 1); /* training goes on */
        cr_trainer_destroy(t);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- many epochs ----------------------------------------------------------------------------- */

struct seen {
    uint32_t epochs, losses;
    double last;
    uint32_t stop_at;
};

static bool on_epoch(const cr_epoch *e, void *user)
{
    struct seen *s = user;
    s->epochs++;
    s->last = e->train_loss;
    return e->epoch != s->stop_at;
}

static void on_loss(uint32_t epoch, double loss, void *user)
{
    struct seen *s = user;
    cr_assert_eq(epoch, ++s->losses);
    cr_assert_gt(loss, 0);
}

Test(trainer, fits_and_tells)
{
    cr_dataset data = images();
    struct seen seen = {.stop_at = 4};
    cr_trainer *t = cr_trainer_create(&data, &(cr_train_options){.model = classifier});
    cr_assert_not_null(t, "%s", cr_error());
    cr_fit fit;
    const cr_fit_options o = {.on_epoch = on_epoch, .on_epoch_with_loss = on_loss, .user = &seen};
    cr_assert_eq(cr_trainer_fit(t, 10, &o, &fit), CR_OK, "%s", cr_error());
    cr_assert(fit.epochs == 4 && fit.stopped && fit.best_epoch == 0);
    cr_assert(seen.epochs == 4 && seen.losses == 4);
    cr_assert_eq(cr_trainer_fit(t, 2, NULL, NULL), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_batch(t), 50);
    cr_trainer_destroy(t);
}

enum { NWEIGHT = 6 * 3 };

static void take_weights(cr_trainer *t, float weights[NWEIGHT])
{
    cr_assert_eq(cr_fetch(cr_trainer_program(t), "y.w", weights, NWEIGHT * sizeof *weights), CR_OK,
                 "%s", cr_error());
}

/* Its weights are those after so many epochs, to the bit. */
static void is_after(cr_trainer *t, const cr_samples *s, cr_train_options o, uint32_t n)
{
    float kept[NWEIGHT], expected[NWEIGHT];
    take_weights(t, kept);
    cr_trainer *again = trainer_of(s, o);
    epochs(again, (int)n);
    take_weights(again, expected);
    cr_assert_eq(memcmp(kept, expected, sizeof kept), 0);
    cr_trainer_destroy(again);
}

/* A rate so large that it gets worse: the best epoch's weights come back, to the bit. */
Test(trainer, stops_early_with_the_best_weights)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    for (int monitor = CR_MONITOR_LOSS; monitor <= CR_MONITOR_ACCURACY; monitor++) {
        cr_train_options o = options_of(CR_OPT_FUSED);
        o.optimizer.lr = 2;
        o.validation_split = 0.2f;
        cr_trainer *t = trainer_of(&s, o);
        const cr_early_stopping stop = {.monitor = (cr_monitor)monitor, .patience = 3};
        cr_fit fit;
        cr_assert_eq(cr_trainer_fit(t, 100, &(cr_fit_options){.early_stopping = &stop}, &fit),
                     CR_OK, "%s", cr_error());
        cr_assert(fit.stopped && fit.epochs == fit.best_epoch + 3, "%u, %u", fit.epochs,
                  fit.best_epoch);
        double loss, accuracy;
        cr_assert_eq(cr_trainer_validate(t, &loss, &accuracy), CR_OK, "%s", cr_error());
        cr_assert_eq(monitor == CR_MONITOR_LOSS ? loss : accuracy, fit.best);
        is_after(t, &s, o, fit.best_epoch);
        cr_trainer_destroy(t);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(trainer, may_keep_the_last_weights)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    cr_train_options o = options_of(CR_OPT_FUSED);
    cr_trainer *t = trainer_of(&s, o);
    /* nothing is better by so much */
    const cr_early_stopping stop = {.patience = 2, .min_delta = 1e9, .keep_last = true};
    cr_fit fit;
    cr_assert_eq(cr_trainer_fit(t, 10, &(cr_fit_options){.early_stopping = &stop}, &fit), CR_OK);
    cr_assert(fit.epochs == 3 && fit.best_epoch == 1);
    is_after(t, &s, o, 3);
    cr_trainer_destroy(t);
}

static void cannot_stop(cr_trainer *t, cr_early_stopping stop, const char *text)
{
    cr_assert_eq(cr_trainer_fit(t, 1, &(cr_fit_options){.early_stopping = &stop}, NULL),
                 CR_E_ARGUMENT);
    cr_assert(says(text));
}

Test(trainer, checks_early_stopping)
{
    cr_dataset data = images();
    cr_samples s = cr_dataset_samples(&data);
    cr_train_options o = options_of(CR_OPT_FUSED);
    cr_trainer *t = trainer_of(&s, o);
    cannot_stop(t, (cr_early_stopping){.patience = 0}, "the patience is 0 epochs");
    cannot_stop(t, (cr_early_stopping){.patience = 1, .min_delta = -1}, "min_delta is -1");
    cannot_stop(t, (cr_early_stopping){.patience = 1, .monitor = (cr_monitor)5},
                "5 is not a cr_monitor");
    cr_trainer_destroy(t);
    o.no_evaluation = true;
    t = trainer_of(&s, o);
    cannot_stop(t, (cr_early_stopping){.patience = 1}, "there is nothing to monitor");
    cr_trainer_destroy(t);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- augmentation ---------------------------------------------------------------------------- */

/* The seed decides, to the bit; without it the loss is another. */
Test(trainer, augments_by_the_seed)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    double loss[4];
    for (int i = 0; i < 4; i++) {
        cr_train_options o = options_of(CR_OPT_FUSED);
        o.keep_order = true;
        o.seed = i == 2 ? 7 : 3;
        if (i < 3)
            o.augment = (cr_augment){.flip = true, .shift = 2};
        cr_trainer *t = trainer_of(&s, o);
        loss[i] = epochs(t, 3).train_loss;
        cr_trainer_destroy(t);
    }
    cr_assert_eq(loss[0], loss[1]);
    cr_assert_neq(loss[0], loss[2]);
    cr_assert_neq(loss[0], loss[3]);
}

/* A frozen step draws again what it drew. */
Test(trainer, divergence_of_augmented_images)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    for (size_t v = 0; v < 3; v++) {
        cr_train_options o = options_of(variants[v]);
        o.augment = (cr_augment){.flip = true, .shift = 2};
        o.loss = CR_LOSS_MSE;
        o.optimizer = (cr_optimizer){.kind = CR_SGD, .lr = 1e25f};
        cr_trainer *t = trainer_of(&s, o);
        cr_epoch e;
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_E_NUMERIC);
        cr_assert(says("in epoch 1, step 2 of 4"));
        cr_assert(says("of mse"));
        int32_t step;
        cr_assert_eq(cr_fetch(cr_trainer_program(t), "random.step", &step, sizeof step), CR_OK);
        cr_assert_eq(step, 1);
        cr_trainer_destroy(t);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Each allocation of a training that is under way fails once: it is said, and nothing leaks. */
Test(trainer, survives_without_memory)
{
    cr_dataset data = images();
    const cr_samples s = cr_dataset_samples(&data);
    const cr_early_stopping stop = {.patience = 1};
    cr_trainer *t = trainer_of(&s, options_of(CR_OPT_FUSED));
    epochs(t, 1);
    /* from now on the trainer has room for the best weights */
    cr_trainer_fit(t, 1, &(cr_fit_options){.early_stopping = &stop}, NULL);
    bool ok = false;
    int64_t n = 0;
    for (; !ok; n++) {
        const size_t before = cr_live_blocks();
        cr_error_clear();
        cr_alloc_fail_after(n);
        ok = cr_trainer_fit(t, 2, &(cr_fit_options){.early_stopping = &stop}, NULL) == CR_OK;
        cr_alloc_fail_after(-1);
        cr_assert_eq(cr_live_blocks(), before, "leak at allocation %d", (int)n);
        cr_assert(ok || cr_error()[0], "nothing is said at allocation %d", (int)n);
    }
    cr_assert_gt(n, 1);
    cr_trainer_destroy(t);
    cr_assert_eq(cr_live_blocks(), 0);
}
