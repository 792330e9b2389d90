/* mlp.c - a multilayer perceptron on Fashion-MNIST.      mlp [DATA [EPOCHS]] */
#include <crisol/crisol.h>
#include <stdlib.h>

/* x [n, 28, 28, 1] -> scores [n, 10] */
static cr_value model(cr_value x, void *user)
{
    cr_graph *g = x.graph;
    (void)user;
    cr_value w1 = cr_param(g, "w1", CR_F32, 784, 128), b1 = cr_param(g, "b1", CR_F32, 128);
    cr_value w2 = cr_param(g, "w2", CR_F32, 128, 10), b2 = cr_param(g, "b2", CR_F32, 10);
    cr_value h = cr_relu(cr_add(cr_matmul(cr_flatten(x), w1), b1));
    return cr_add(cr_matmul(h, w2), b2);
}

int main(int argc, char **argv)
{
    int epochs = argc > 2 ? atoi(argv[2]) : 5, done = 0;
    cr_dataset *data = cr_dataset_load(argc > 1 ? argv[1] : "fashion-mnist");
    const cr_train_options options = {
        .model = model,
        .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
        .optimizer = {.kind = CR_ADAM, .lr = 0.001f},
        .batch = 64,
    };
    cr_trainer *trainer = data ? cr_trainer_create(data, &options) : NULL;
    for (cr_epoch e; trainer && done < epochs && cr_trainer_epoch(trainer, &e) == CR_OK; done++)
        printf("epoch %u: loss %.4f, test accuracy %.2f %%, %.2f s\n", e.epoch, e.train_loss,
               100 * e.test_accuracy, e.seconds);
    if (done < epochs)
        fprintf(stderr, "mlp: %s\n", cr_error());
    cr_trainer_destroy(trainer);
    cr_dataset_destroy(data);
    return done < epochs;
}
