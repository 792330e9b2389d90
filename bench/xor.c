/* xor.c - a thousand epochs of XOR, as examples/xor.c has it, in a process of its own: writes the
 * seconds from the first step's start to the last one's end. bench.py times the process, too. */
#include <crisol/crisol.h>

#include "bench.h"

enum { EPOCHS = 1000 };

int main(void)
{
    static const float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    static const float targets[4] = {0, 1, 1, 0};
    cr_graph *g = cr_graph_create("xor");
    cr_value x = cr_input(g, "x", CR_F32, 4, 2), t = cr_input(g, "t", CR_F32, 4, 1);
    cr_value y = cr_dense(cr_dense(x, "hidden", 2, CR_TANH), "out", 1, CR_TANH);
    cr_value loss = cr_mse(y, t);
    float last;
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.5f);
    cr_program *p = cr_compile(g, NULL);
    if (!p || cr_feed(p, "x", inputs, sizeof inputs) || cr_feed(p, "t", targets, sizeof targets))
        bench_die("%s", cr_error());
    const double begin = bench_now();
    if (cr_run(p, EPOCHS) || cr_fetch(p, "loss", &last, sizeof last))
        bench_die("%s", cr_error());
    printf("%.6f %.6f\n", bench_now() - begin, (double)last);
    cr_program_destroy(p);
    cr_graph_destroy(g);
    return 0;
}
