/* What a trainer measures, on a device: losses and counts over batches and their rests, the same
 * bits in all variants, nothing moved within an epoch. crisol-test: timeout=300 */
#include <criterion/criterion.h>
#include <math.h>

#include "base.h"
#include "crisol/crisol.h"
#include "crisol/ops.h"

enum { N = 40, TEST = 1010, CLASSES = 4, FEATURES = 6 };

static float x[TEST][FEATURES], target[TEST][CLASSES];
static uint8_t label[TEST];

static cr_samples samples(bool targets)
{
    for (int i = 0; i < TEST; i++) {
        label[i] = (uint8_t)(i * 7 % CLASSES);
        for (int k = 0; k < FEATURES; k++)
            x[i][k] = (float)(k == label[i]) + (float)((i * 5 + k * 3) % 11) / 11;
        for (int c = 0; c < CLASSES; c++)
            target[i][c] = c == label[i] ? 1 : 0;
    }
    cr_samples s = {.x_shape = CR_SHAPE(FEATURES), .y_dtype = CR_U8};
    s.train = (cr_part){x, label, N};
    s.test = (cr_part){x, label, TEST};
    if (targets) {
        s.y_dtype = CR_F32;
        s.y_shape = CR_SHAPE(CLASSES);
        s.train.y = s.test.y = target;
    }
    return s;
}

static cr_value linear(cr_value in, void *user)
{
    const int *units = user;
    return cr_dense(in, "y", *units, CR_LINEAR);
}

static cr_trainer *trainer(cr_opt opt, cr_train_options o, int *units, bool targets)
{
    const cr_samples s = samples(targets);
    o.model = linear;
    o.model_user = units;
    o.batch = 16;
    o.optimizer.kind = CR_ADAM;
    o.optimizer.lr = 0.02f;
    o.compile.opt = opt;
    cr_trainer *t = cr_trainer_create_of(&s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    return t;
}

static int largest(const float *y)
{
    int at = 0;
    for (int c = 1; c < CLASSES; c++)
        if (y[c] > y[at])
            at = c;
    return at;
}

/* The matrix is that of the predictions, its diagonal the accuracy; with the weights as they are,
 * not as they were when the epoch was evaluated. */
Test(measures, confusion_and_top_k)
{
    int units = CLASSES;
    static float score[TEST][CLASSES];
    cr_epoch e[3];
    for (int v = 0; v < 3; v++) {
        const cr_train_options o = {.loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                    .label_smoothing = 0.1f,
                                    .validation_split = 0.2f,
                                    .top_k = 2,
                                    .confusion = true};
        cr_trainer *t = trainer((cr_opt)v, o, &units, false);
        cr_assert_eq(cr_trainer_epoch(t, &e[v]), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_trainer_begin(t), CR_OK);
        cr_assert_eq(cr_trainer_run(t, 1), CR_OK);
        int32_t got[CLASSES][CLASSES], want[CLASSES][CLASSES] = {{0}};
        cr_assert_eq(cr_trainer_classes(t), CLASSES);
        cr_assert_eq(cr_trainer_confusion(t, got[0]), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_trainer_predict(t, x, TEST, score[0]), CR_OK);
        for (int i = 0; i < TEST; i++)
            want[label[i]][largest(score[i])]++;
        cr_expect_eq(memcmp(got, want, sizeof want), 0);
        cr_expect(e[v].test_accuracy <= e[v].test_top_k && e[v].test_top_k < 1);
        cr_expect_eq(memcmp(&e[v].test_loss, &e[0].test_loss, sizeof(double)), 0);
        cr_expect(e[v].train_top_k == e[0].train_top_k && e[v].test_top_k == e[0].test_top_k &&
                  e[v].validation_top_k == e[0].validation_top_k);
        cr_trainer_destroy(t);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

/* Of one-hot targets, a categorical loss counts classes, a binary one each score. */
Test(measures, accuracy_of_targets)
{
    int units = CLASSES;
    static float score[TEST][CLASSES];
    const cr_loss losses[] = {CR_LOSS_SOFTMAX_CROSS_ENTROPY, CR_LOSS_SIGMOID_CROSS_ENTROPY};
    for (int k = 0; k < 2; k++) {
        cr_trainer *t = trainer(CR_OPT_FUSED, (cr_train_options){.loss = losses[k]}, &units, true);
        cr_epoch e;
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
        cr_assert_eq(cr_trainer_predict(t, x, TEST, score[0]), CR_OK);
        int right = 0;
        for (int i = 0; i < TEST; i++)
            for (int c = 0; c < CLASSES; c++)
                right += k ? (score[i][c] > 0) == (c == label[i])
                           : c == 0 && largest(score[i]) == label[i];
        cr_expect_eq(e.test_accuracy, (double)right / (double)(TEST * (k ? CLASSES : 1)));
        cr_expect(isnan(e.test_top_k));
        int32_t none[1];
        cr_expect_eq(cr_trainer_confusion(t, none), CR_E_ARGUMENT);
        cr_expect(strstr(cr_error(), "options.confusion asks for one"), "%s", cr_error());
        cr_expect_eq(cr_trainer_classes(t), k ? 0 : CLASSES);
        cr_trainer_destroy(t);
    }
}

/* A rate in epochs is the same one in steps: 3 of an epoch, the last, smaller batch among them. */
Test(measures, schedules_in_epochs)
{
    int units = CLASSES;
    cr_epoch e[2];
    const cr_lr_schedule schedules[] = {
        {.kind = CR_LR_COSINE, .epochs = 4, .warmup_epochs = 1},
        {.kind = CR_LR_COSINE, .steps = 12, .warmup = 3},
    };
    for (int k = 0; k < 2; k++) {
        const cr_train_options o = {
            .loss = CR_LOSS_HUBER, .huber_delta = 0.5f, .optimizer = {.schedule = schedules[k]}};
        cr_trainer *t = trainer(CR_OPT_FUSED, o, &units, false);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(cr_trainer_epoch(t, &e[k]), CR_OK, "%s", cr_error());
        cr_assert_eq(e[k].steps, 3);
        cr_trainer_destroy(t);
    }
    cr_expect_eq(memcmp(&e[0].test_loss, &e[1].test_loss, sizeof(double)), 0);
    cr_assert_eq(cr_live_blocks(), 0);
}
