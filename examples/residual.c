/* residual.c - a small residual net.      residual [DATA [EPOCHS [SAMPLES]]]
 *
 * Layers are functions from values to values, so a way around two of them is an addition:
 *
 *     x ─┬─ conv ─ norm ─ relu ─ conv ─ norm ─ add ─ relu ─
 *        └─────────────────────────────────────┘
 *
 * as K. He et al., 2015, have it, with batch normalization, and a mean over each channel's places
 * instead of a large dense layer at the end: 28,000 parameters. In evaluation the normalizations
 * are worked into the convolutions before them. With SAMPLES only the first so many images of both
 * sets are used. */
#include <crisol/crisol.h>
#include <crisol/ops.h>
#include <stdlib.h>

/* A convolution of 3 x 3 that a normalization follows, and so needs no bias of its own. */
static cr_value normed(cr_value x, const char *block, const char *part, int64_t filters,
                       int64_t stride)
{
    const cr_conv_options o = {.window = {.stride = {stride, stride}, .padding = CR_SAME},
                               .no_bias = true};
    char conv[64], norm[64];
    snprintf(conv, sizeof conv, "%s.conv%s", block, part);
    snprintf(norm, sizeof norm, "%s.norm%s", block, part);
    return cr_batch_norm(cr_conv2d_ex(x, conv, filters, 3, 3, &o), norm, 0.9f, 0);
}

/* relu(x + f(x)) */
static cr_value residual(cr_value x, const char *name, int64_t filters)
{
    cr_value f = cr_relu(normed(x, name, "1", filters, 1));
    return cr_relu(cr_add(x, normed(f, name, "2", filters, 1)));
}

/* x [n, 28, 28, 1] -> scores [n, 10] */
static cr_value model(cr_value x, void *user)
{
    (void)user;
    x = cr_relu(normed(x, "stem", "", 16, 2)); /* [n, 14, 14, 16] */
    x = residual(x, "block1", 16);
    x = cr_relu(normed(x, "down", "", 32, 2)); /* [n, 7, 7, 32] */
    x = residual(x, "block2", 32);
    return cr_dense(cr_global_avg_pool2d(x, false), "scores", 10, CR_LINEAR);
}

static bool on_epoch(const cr_epoch *e, void *user)
{
    (void)user;
    printf("epoch %2u: loss %.4f, test loss %.4f, test accuracy %.2f %%, %.2f s\n", e->epoch,
           e->train_loss, e->test_loss, 100 * e->test_accuracy, e->seconds);
    fflush(stdout);
    return true;
}

static int train(const cr_dataset *data, uint32_t epochs)
{
    const cr_train_options options = {
        .model = model,
        .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
        .label_smoothing = 0.05f,
        .optimizer = {.kind = CR_NESTEROV,
                      .lr = 0.05f,
                      .weight_decay = 1e-4f,
                      .schedule = {.kind = CR_LR_COSINE, .epochs = (float)epochs}},
        .batch = 64,
    };
    cr_trainer *t = cr_trainer_create(data, &options);
    if (t)
        cr_summary(cr_trainer_graph(t), stdout);
    const bool ok =
        t && cr_trainer_fit(t, epochs, &(cr_fit_options){.on_epoch = on_epoch}, NULL) == CR_OK;
    if (!ok)
        fprintf(stderr, "residual: %s\n", cr_error());
    cr_trainer_destroy(t);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    cr_dataset *data = cr_dataset_load(argc > 1 ? argv[1] : "fashion-mnist");
    const uint32_t most = argc > 3 ? (uint32_t)atoi(argv[3]) : UINT32_MAX;
    if (!data) {
        fprintf(stderr, "residual: %s\n", cr_error());
        return 1;
    }
    data->ntrain = data->ntrain < most ? data->ntrain : most;
    data->ntest = data->ntest < most ? data->ntest : most;
    int status = train(data, argc > 2 ? (uint32_t)atoi(argv[2]) : 5);
    cr_dataset_destroy(data);
    return status;
}
