/* mlp.c - Crisol's side of the benchmark of training steps of MLPs (step.h): `net 256,256 32` has
 * two hidden layers of 256, sigmoid, mean squared error, gradient descent. */
#include "bench.h"
#include "step.h"

static cr_graph *build(step_data *d, char *hidden, int64_t batch)
{
    cr_graph *g = cr_graph_create("mlp");
    cr_value labels, x = step_batch(d, g, batch, &labels);
    char *rest = NULL;
    int layers = 0;
    for (char *s = strtok_r(hidden, ",", &rest); s; s = strtok_r(NULL, ",", &rest))
        x = step_dense(d, x, ++layers, atoi(s), CR_SIGMOID);
    x = step_dense(d, x, ++layers, STEP_CLASSES, CR_SIGMOID);
    cr_value loss = cr_mse(x, cr_onehot(labels, STEP_CLASSES));
    cr_output(g, "loss", loss);
    cr_output(g, "scores", x);
    cr_sgd_minimize(loss, 0.1f);
    return g;
}

int main(int argc, char **argv)
{
    return step_main(argc, argv, build);
}
