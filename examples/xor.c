/* xor.c - the smallest net that needs a hidden layer, from 20 seeds.
 *
 *     xor [DEVICE [SEED]]
 *
 * Two inputs, two hidden units, one output, tanh; mean squared error, gradient descent on all four
 * samples at once. From some seeds so small a net ends in a local minimum: at least 12 of 20 are to
 * come out right, or the one that is named. */
#include <crisol/crisol.h>
#include <stdlib.h>

enum { SEEDS = 20, EPOCHS = 10000, ENOUGH = 12 };

static const float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const float targets[4] = {0, 1, 1, 0};

static cr_graph *build(void)
{
    cr_graph *g = cr_graph_create("xor");
    cr_value x = cr_input(g, "x", CR_F32, 4, 2), t = cr_input(g, "t", CR_F32, 4, 1);
    cr_value h = cr_dense(x, "hidden", 2, CR_TANH);
    cr_value y = cr_dense(h, "out", 1, CR_TANH);
    cr_value loss = cr_mse(y, t);
    cr_output(g, "y", y);
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.5f);
    return g;
}

static int count_right(const float y[4])
{
    int right = 0;
    for (int i = 0; i < 4; i++)
        right += (y[i] > 0.5f) == (targets[i] > 0.5f);
    return right;
}

/* Trains until all four are right; gives how many are, or -1. */
static int train(cr_program *p, float *loss)
{
    float y[4];
    int right = 0;
    if (cr_feed(p, "x", inputs, sizeof inputs) || cr_feed(p, "t", targets, sizeof targets))
        return -1;
    while (right < 4 && cr_steps_done(p) < EPOCHS) {
        if (cr_run(p, 250) || cr_fetch(p, "y", y, sizeof y) ||
            cr_fetch(p, "loss", loss, sizeof *loss))
            return -1;
        right = count_right(y);
    }
    return right;
}

int main(int argc, char **argv)
{
    cr_graph *g = build();
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, n = argc > 2 ? 1 : SEEDS;
    int solved = 0, right = 0;
    printf("seed  epochs  accuracy      loss\n");
    for (uint64_t seed = first; seed < first + n && right >= 0; seed++) {
        float loss = 0;
        cr_program *p =
            cr_compile(g, &(cr_compile_options){.device = argc > 1 ? argv[1] : NULL, .seed = seed});
        right = p ? train(p, &loss) : -1;
        if (right >= 0)
            printf("%4d  %6d  %6d %%  %.6f\n", (int)seed, (int)cr_steps_done(p), 25 * right,
                   (double)loss);
        solved += right == 4;
        cr_program_destroy(p);
    }
    cr_graph_destroy(g);
    if (right < 0) {
        fprintf(stderr, "xor: %s\n", cr_error());
        return 1;
    }
    printf("%d of %d seeds solve XOR\n", solved, (int)n);
    return solved >= (argc > 2 ? 1 : ENOUGH) ? 0 : 1;
}
