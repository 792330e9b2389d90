/* cnn.c - a convolutional net on Fashion-MNIST.      cnn [DATA [EPOCHS [SAMPLES]]]
 *
 * Ten epochs end above 90.5 % of the test images. With SAMPLES only the first so many images of
 * both sets are used, for a first look. */
#include <crisol/crisol.h>
#include <stdlib.h>

/* x [n, 28, 28, 1] -> scores [n, 10] */
static cr_value model(cr_value x, void *user)
{
    (void)user;
    x = cr_max_pool2d(cr_conv2d(x, "conv1", 32, 3, CR_RELU), 2);
    x = cr_max_pool2d(cr_conv2d(x, "conv2", 64, 3, CR_RELU), 2);
    x = cr_flatten(cr_conv2d(x, "conv3", 64, 3, CR_RELU));
    x = cr_dropout(cr_dense(x, "hidden", 64, CR_RELU), 0.3f);
    return cr_dense(x, "scores", 10, CR_LINEAR);
}

static void progress(const cr_progress *p, void *user)
{
    (void)user;
    fprintf(stderr, "\repoch %u: %3.0f %%, loss %.4f ", p->epoch,
            100 * (double)p->step / (double)p->steps, p->loss);
    if (p->step == p->steps)
        fprintf(stderr, "\r%40s\r", "");
}

static bool on_epoch(const cr_epoch *e, void *user)
{
    cr_epoch *last = user;
    *last = *e;
    printf("epoch %2u: loss %.4f, test loss %.4f, test accuracy %.2f %%, %.2f s\n", e->epoch,
           e->train_loss, e->test_loss, 100 * e->test_accuracy, e->seconds);
    fflush(stdout);
    return true; /* go on */
}

static int train(const cr_dataset *data, uint32_t epochs)
{
    const cr_train_options options = {
        .model = model,
        .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
        .optimizer = {.kind = CR_ADAM},
        .batch = 64,
        .progress = progress,
    };
    cr_epoch last = {0};
    const cr_fit_options how = {.on_epoch = on_epoch, .user = &last};
    cr_trainer *t = cr_trainer_create(data, &options);
    const bool ok = t && cr_trainer_fit(t, epochs, &how, NULL) == CR_OK;
    if (ok)
        printf("test accuracy: %.2f %%\n", 100 * last.test_accuracy);
    else
        fprintf(stderr, "cnn: %s\n", cr_error());
    cr_trainer_destroy(t);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    cr_dataset *data = cr_dataset_load(argc > 1 ? argv[1] : "fashion-mnist");
    const uint32_t most = argc > 3 ? (uint32_t)atoi(argv[3]) : UINT32_MAX;
    if (!data) {
        fprintf(stderr, "cnn: %s\n", cr_error());
        return 1;
    }
    data->ntrain = data->ntrain < most ? data->ntrain : most;
    data->ntest = data->ntest < most ? data->ntest : most;
    int status = train(data, argc > 2 ? (uint32_t)atoi(argv[2]) : 10);
    cr_dataset_destroy(data);
    return status;
}
