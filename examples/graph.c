/* graph.c - no layers, no optimizer, no training loop: a graph of bare ops, its gradient, and an
 * update rule of its own.
 *
 *     graph [DEVICE]
 *
 * Fits y = a x^2 + b x + c to noisy samples by gradient descent with a rate that falls from step to
 * step. The samples are made on the device, anew in each step, by a counter-based random generator:
 * nothing is fed at all. */
#include <crisol/crisol.h>
#include <math.h>

enum { SAMPLES = 256, STEPS = 2000 };

/* y = a x^2 + b x + c, element by element. */
static cr_value parabola(cr_value x, cr_value a, cr_value b, cr_value c)
{
    return cr_add(cr_mul(cr_add(cr_mul(a, x), b), x), c);
}

static cr_graph *build(void)
{
    cr_graph *g = cr_graph_create("parabola");
    cr_init zero = {.kind = CR_INIT_CONSTANT};
    cr_value step = cr_state(g, "step", CR_I32, zero, CR_SCALAR);
    cr_value a = cr_state(g, "a", CR_F32, zero, CR_SCALAR);
    cr_value b = cr_state(g, "b", CR_F32, zero, CR_SCALAR);
    cr_value c = cr_state(g, "c", CR_F32, zero, CR_SCALAR);

    /* Samples: x in [-1, 1), and the true curve with noise in [-0.1, 0.1). */
    cr_value seed = cr_i32(g, 1);
    cr_value u = cr_random(g, seed, step, CR_SHAPE(SAMPLES));
    cr_value v = cr_random(g, seed, step, CR_SHAPE(SAMPLES));
    cr_value x = cr_sub(cr_mul(u, cr_f32(g, 2)), cr_f32(g, 1));
    cr_value noise = cr_mul(cr_sub(v, cr_f32(g, 0.5f)), cr_f32(g, 0.2f));
    cr_value truth = parabola(x, cr_f32(g, 2), cr_f32(g, -1), cr_f32(g, 0.5f));
    cr_value y = cr_add(truth, noise);

    cr_value error = cr_sub(parabola(x, a, b, c), y);
    cr_value loss = cr_mean(cr_square(error), CR_ALL_AXES);
    cr_output(g, "loss", loss);

    /* w' = w - rate * dloss/dw, where the rate is 0.5 / sqrt(1 + step / 100). */
    cr_value t = cr_cast(step, CR_F32);
    cr_value slow = cr_sqrt(cr_add(cr_mul(t, cr_f32(g, 0.01f)), cr_f32(g, 1)));
    cr_value rate = cr_div(cr_f32(g, 0.5f), slow), w[3] = {a, b, c}, dw[3];
    cr_gradients(loss, w, 3, dw);
    for (int i = 0; i < 3; i++)
        cr_assign(w[i], cr_sub(w[i], cr_mul(rate, dw[i])));
    cr_assign(step, cr_add(step, cr_i32(g, 1)));
    return g;
}

static int fit(cr_program *p)
{
    float a, b, c, loss;
    if (cr_run(p, STEPS) || cr_fetch(p, "loss", &loss, sizeof loss) ||
        cr_fetch(p, "a", &a, sizeof a) || cr_fetch(p, "b", &b, sizeof b) ||
        cr_fetch(p, "c", &c, sizeof c))
        return -1;
    printf("y = %.3f x^2 + %.3f x + %.3f, loss %.5f after %d steps\n", (double)a, (double)b,
           (double)c, (double)loss, STEPS);
    return fabsf(a - 2) < 0.05f && fabsf(b + 1) < 0.05f && fabsf(c - 0.5f) < 0.05f;
}

int main(int argc, char **argv)
{
    cr_graph *g = build();
    cr_program *p = cr_compile(g, &(cr_compile_options){.device = argc > 1 ? argv[1] : NULL});
    int right = p ? fit(p) : -1;
    if (right < 0)
        fprintf(stderr, "graph: %s\n", cr_error());
    else if (!right)
        fprintf(stderr, "graph: that is not 2 x^2 - x + 0.5\n");
    cr_program_destroy(p);
    cr_graph_destroy(g);
    return right == 1 ? 0 : 1;
}
