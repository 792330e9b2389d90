/* The trainer's graph in the reference interpreter: what a step does to the states. */
#include "host.h"

#include <math.h>

#include "crisol/ops.h"
#include "crisol/train.h"

enum { N = 24, SIDE = 2, BATCH = 8 };

static uint8_t pixels[N * SIDE * SIDE], labels[N];

/* Three classes that one pixel tells apart. */
static cr_dataset make_data(void)
{
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % 3);
        for (int k = 0; k < SIDE * SIDE; k++)
            pixels[i * SIDE * SIDE + k] = (uint8_t)(k == i % 3 ? 200 + i : i);
    }
    return (cr_dataset){.ntrain = N,
                        .ntest = BATCH,
                        .rows = SIDE,
                        .cols = SIDE,
                        .classes = 3,
                        .train_x = pixels,
                        .train_y = labels,
                        .test_x = pixels,
                        .test_y = labels};
}

static cr_value linear(cr_value x, void *user)
{
    (void)user;
    return cr_dense(cr_flatten(x), "out", 3, CR_LINEAR);
}

static host start(cr_train_options options)
{
    cr_dataset data = make_data();
    options.model = options.model ? options.model : linear;
    options.batch = BATCH;
    cr_graph *g = cr_training_graph(&data, &options);
    cr_assert_not_null(g, "%s", cr_error());
    host h = host_start(g, 1);
    memcpy(host_leaf(&h, "train_x"), pixels, sizeof pixels);
    memcpy(host_leaf(&h, "train_y"), labels, sizeof labels);
    if (!options.no_evaluation) {
        memcpy(host_leaf(&h, "test_x"), pixels, BATCH * SIDE * SIDE);
        memcpy(host_leaf(&h, "test_y"), labels, BATCH);
    }
    const int64_t n = cr_value_shape(cr_find(g, "order")).dim[0];
    for (int i = 0; i < n; i++)
        ((int32_t *)host_leaf(&h, "order"))[i] = N - 1 - i;
    return h;
}

static int32_t int_state(const host *h, const char *name)
{
    return *(const int32_t *)host_leaf(h, name);
}

static float float_state(const host *h, const char *name)
{
    return *(const float *)host_leaf(h, name);
}

static void learns(cr_loss loss, cr_optimizer optimizer)
{
    host h = start((cr_train_options){.loss = loss, .optimizer = optimizer});
    float first = 0;
    for (int epoch = 0; epoch < 60; epoch++) {
        *(int32_t *)host_leaf(&h, "train.offset") = 0;
        *(float *)host_leaf(&h, "train.loss_sum") = 0;
        *(int32_t *)host_leaf(&h, "train.correct") = 0;
        for (int step = 0; step < N / BATCH; step++)
            host_run(&h);
        if (epoch == 0)
            first = float_state(&h, "train.loss_sum");
    }
    cr_assert_eq(int_state(&h, "train.offset"), N);
    cr_assert_eq(int_state(&h, "train.step"), 60 * N / BATCH);
    cr_assert_eq(int_state(&h, "train.bad_step"), -1);
    cr_assert_lt(float_state(&h, "train.loss_sum"), first / 2);
    cr_assert_eq(int_state(&h, "train.correct"), N);
    host_end(&h);
}

Test(training, sgd_mse)
{
    learns(CR_LOSS_MSE, (cr_optimizer){.kind = CR_SGD, .lr = 0.5f});
}

Test(training, momentum_mse)
{
    learns(CR_LOSS_MSE, (cr_optimizer){.kind = CR_MOMENTUM, .lr = 0.1f});
}

Test(training, adam_cross_entropy)
{
    learns(CR_LOSS_SOFTMAX_CROSS_ENTROPY, (cr_optimizer){.kind = CR_ADAM, .lr = 0.05f});
}

/* The batch is that of the order, the normalisation is to [0, 1]. */
Test(training, takes_the_order)
{
    host h = start((cr_train_options){.no_evaluation = true});
    cr_graph *g = h.g;
    const float *w = host_leaf(&h, "out.w");
    float w0[12], want = 0;
    memcpy(w0, w, sizeof w0);
    for (int s = 0; s < BATCH; s++)
        for (int c = 0; c < 3; c++) {
            int i = N - 1 - s;
            float y = 0;
            for (int k = 0; k < 4; k++)
                y += (float)pixels[i * 4 + k] / 255 * w0[k * 3 + c];
            y -= c == labels[i];
            want += y * y / (BATCH * 3);
        }
    host_run(&h);
    cr_assert(fabsf(*(const float *)host_output(&h, "loss") - want) < 1e-5f);
    cr_assert_eq(cr_find(g, "test_x").ref, 0);
    host_end(&h);
}

/* Evaluation applies the same model to the test set. */
Test(training, evaluates)
{
    host h = start((cr_train_options){.loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                      .optimizer = {.kind = CR_SGD, .lr = 0}});
    *(float *)host_leaf(&h, "lr") = 0;
    for (int i = 0; i < N; i++)
        ((int32_t *)host_leaf(&h, "order"))[i] = i;
    host_run(&h);
    cr_assert_eq(float_state(&h, "test.loss_sum"), float_state(&h, "train.loss_sum"));
    cr_assert_eq(int_state(&h, "test.correct"), int_state(&h, "train.correct"));
    cr_assert_eq(int_state(&h, "test.offset"), BATCH);
    host_end(&h);
}

static void freezes(cr_optimizer_kind kind)
{
    host h = start((cr_train_options){.optimizer = {.kind = kind}});
    host_run(&h);
    float *w = host_leaf(&h, "out.w"), before[12];
    w[3] = 1e30f; /* its square overflows */
    memcpy(before, w, sizeof before);
    float loss_sum = float_state(&h, "train.loss_sum");
    for (int i = 0; i < 3; i++)
        host_run(&h);
    cr_assert_eq(int_state(&h, "train.bad_step"), 1);
    cr_assert_eq(int_state(&h, "train.step"), 1);
    cr_assert_eq(int_state(&h, "train.offset"), BATCH);
    cr_assert_eq(float_state(&h, "train.loss_sum"), loss_sum);
    cr_assert_eq(memcmp(before, w, sizeof before), 0);
    host_end(&h);
}

Test(training, freezes_at_a_bad_loss)
{
    freezes(CR_SGD);
    freezes(CR_MOMENTUM);
    freezes(CR_ADAM);
}

static cr_value wrong_shape(cr_value x, void *user)
{
    (void)user;
    return cr_sum(x, CR_AXIS(0));
}

static void refused(const cr_dataset *data, cr_train_options options, const char *text)
{
    options.model = options.model ? options.model : linear;
    cr_assert_null(cr_training_graph(data, &options));
    cr_assert(strstr(cr_error(), text), "not '%s' but '%s'", text, cr_error());
    cr_assert_null(cr_trainer_create(data, &options));
    cr_assert(strstr(cr_error(), text), "not '%s' but '%s'", text, cr_error());
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(training, checks_options_and_data)
{
    const cr_dataset data = make_data();
    cr_dataset d = data;
    refused(NULL, (cr_train_options){.batch = 4}, "train: the data set is NULL");
    refused(&data, (cr_train_options){.loss = (cr_loss)7}, "train: 7 is not a cr_loss");
    refused(&data, (cr_train_options){.batch = N + 1},
            "train: a batch of 25 samples is larger than the training set of 24");
    d.ntrain = 0;
    refused(&d, (cr_train_options){.batch = 4}, "train: the data set has no training samples");
    d = data;
    refused(&d, (cr_train_options){.test_split = 0.5f}, "a test split, and test samples");
    d.ntest = 0;
    refused(&d, (cr_train_options){.batch = 4}, "train: the data set has no test samples");
    refused(&d, (cr_train_options){.test_split = 1}, "the test split is 1; it must be in [0, 1)");
    refused(&d, (cr_train_options){.test_split = 0.99f}, "leaves 0 of 24 samples for training");
    refused(&d, (cr_train_options){.test_split = 0.5f, .validation_split = 0.5f},
            "leave nothing for training");
    d = data;
    d.cols = 0;
    refused(&d, (cr_train_options){.batch = 4}, "train: the samples are of 2 x 0 x 1 elements");
    cr_assert_null(cr_trainer_create(&data, NULL));
    cr_assert(strstr(cr_error(), "train: the options are NULL"), "%s", cr_error());
    d = data;
    d.test_y = NULL;
    cr_assert_null(cr_trainer_create(&d, &(cr_train_options){.model = linear}));
    cr_assert(strstr(cr_error(), "images or labels are NULL"), "%s", cr_error());
}

Test(training, refuses_a_model_without_scores)
{
    cr_dataset data = make_data();
    cr_assert_null(cr_training_graph(&data, &(cr_train_options){.model = wrong_shape}));
    cr_assert(strstr(cr_error(), "must give f32 [batch, classes]"), "%s", cr_error());
    cr_assert_null(cr_training_graph(&data, &(cr_train_options){.batch = 4}));
    cr_assert_eq(cr_alloc_live(), 0);
}

/* ---- evaluation, and what the model assigns -------------------------------------------------- */

/* A layer that differs between the two: it counts steps and adds 100 to the scores in training. */
static cr_value two_faced(cr_value x, void *user)
{
    cr_graph *g = x.graph;
    int *calls = user;
    calls[cr_is_training(g)]++;
    cr_value y = linear(x, NULL), seen = cr_state(g, "seen", CR_I32, (cr_init){0}, CR_SCALAR);
    cr_output(g, "tap", y);
    cr_assign(seen, cr_add(seen, cr_i32(g, cr_is_training(g) ? 1 : 1000)));
    return cr_is_training(g) ? cr_add(y, cr_f32(g, 100)) : y;
}

Test(training, evaluation_is_another_program)
{
    int calls[2] = {0};
    host h = start((cr_train_options){.model = two_faced,
                                      .model_user = calls,
                                      .loss = CR_LOSS_MSE,
                                      .optimizer = {.kind = CR_SGD, .lr = CR_ZERO}});
    cr_assert_eq(calls[0], 1);
    cr_assert_eq(calls[1], 1);
    cr_assert(cr_is_training(h.g));
    cr_assert_eq(cr_params(h.g, NULL, 0), 2);
    host_run(&h);
    cr_assert_eq(int_state(&h, "seen"), 1); /* the evaluation's is ignored */
    cr_assert_gt(float_state(&h, "train.loss_sum"), 1000.0f * BATCH);
    cr_assert_lt(float_state(&h, "test.loss_sum"), 10.0f * BATCH);
    cr_assert_lt(*(const float *)host_output(&h, "tap"), 50); /* of the training samples */
    host_end(&h);
}

/* What the model assigns is frozen with all else. */
Test(training, freezes_the_states_of_the_model)
{
    int calls[2] = {0};
    host h = start((cr_train_options){.model = two_faced, .model_user = calls});
    host_run(&h);
    cr_assert_eq(int_state(&h, "seen"), 1);
    ((float *)host_leaf(&h, "out.w"))[3] = 1e30f;
    for (int i = 0; i < 3; i++)
        host_run(&h);
    cr_assert_eq(int_state(&h, "seen"), 1);
    cr_assert_eq(int_state(&h, "train.bad_step"), 1);
    host_end(&h);
}

static cr_value assigns_twice(cr_value x, void *user)
{
    (void)user;
    cr_value s = cr_state(x.graph, "s", CR_I32, (cr_init){0}, CR_SCALAR);
    cr_assign(s, cr_i32(x.graph, 1));
    cr_assign(s, cr_i32(x.graph, 2));
    return linear(x, NULL);
}

Test(training, a_state_has_one_next_value)
{
    cr_dataset data = make_data();
    cr_assert_null(cr_training_graph(&data, &(cr_train_options){.model = assigns_twice}));
    cr_assert(strstr(cr_error(), "has a next value already"), "%s", cr_error());
    cr_assert_eq(cr_alloc_live(), 0);
}

/* The end of the training samples, which training does not see. */
Test(training, splits_validation_off)
{
    host h = start((cr_train_options){.validation_split = 1.0f / 3, .optimizer = {.lr = CR_ZERO}});
    cr_value order = cr_find(h.g, "order");
    cr_assert_eq(cr_value_shape(order).dim[0], N - BATCH);
    *(int32_t *)host_leaf(&h, "validation.offset") = N - BATCH;
    for (int i = 0; i < BATCH; i++) /* the same samples, for both */
        ((int32_t *)host_leaf(&h, "order"))[i] = N - BATCH + i;
    host_run(&h);
    cr_assert_eq(int_state(&h, "validation.offset"), N);
    cr_assert_eq(float_state(&h, "validation.loss_sum"), float_state(&h, "train.loss_sum"));
    cr_assert_eq(int_state(&h, "validation.correct"), int_state(&h, "train.correct"));
    host_end(&h);
}
