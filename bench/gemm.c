/* gemm.c - square products of f32 matrices, Crisol beside OpenBLAS: a worker of bench.py.
 *
 *     size N                    compiles, and compares one product with OpenBLAS's
 *                               -> ok LARGEST ERROR, relative to the largest element
 *     measure WHAT SECONDS      -> ok MICROSECONDS of one product
 *
 * where WHAT is crisol (x y), epilogue (sigmoid(x y + b) in Crisol) or openblas (cblas_sgemm). All
 * operands are row-major and stay where they are, on the device or in memory; any packing is inside
 * the product. */
#include <cblas.h>
#include <crisol/crisol.h>
#include <math.h>

#include "bench.h"

enum { CRISOL, EPILOGUE, OPENBLAS, NWHAT };
static const char *const names[NWHAT] = {"crisol", "epilogue", "openblas"};

typedef struct worker {
    int n;
    float *x, *y, *b, *z;
    cr_program *program[2];
    double each[NWHAT]; /* seconds of a product, when it was last measured */
} worker;

/* ---- one size -------------------------------------------------------------------------------- */

static void release(worker *w)
{
    for (int i = 0; i < 2; i++)
        cr_program_destroy(w->program[i]);
    free(w->x);
    free(w->y);
    free(w->b);
    free(w->z);
    *w = (worker){0};
}

static float *random_floats(size_t n, uint32_t seed)
{
    float *x = bench_alloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = bench_random(&seed);
    return x;
}

static cr_program *compile(const worker *w, bool epilogue)
{
    const int64_t n = w->n;
    const size_t bytes = (size_t)(n * n) * sizeof(float);
    cr_graph *g = cr_graph_create("gemm");
    cr_value z = cr_matmul(cr_input(g, "x", CR_F32, n, n), cr_input(g, "y", CR_F32, n, n));
    if (epilogue)
        z = cr_sigmoid(cr_add(z, cr_input(g, "b", CR_F32, n)));
    cr_output(g, "z", z);
    cr_program *p = cr_compile(g, NULL);
    cr_graph_destroy(g);
    if (p && cr_feed(p, "x", w->x, bytes) == CR_OK && cr_feed(p, "y", w->y, bytes) == CR_OK &&
        (!epilogue || cr_feed(p, "b", w->b, (size_t)n * sizeof(float)) == CR_OK))
        return p;
    cr_program_destroy(p);
    return NULL;
}

static void openblas(worker *w)
{
    const int n = w->n;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, w->x, n, w->y, n, 0, w->z,
                n);
}

/* Largest difference of either Crisol program from OpenBLAS; negative: one failed. */
static double check(worker *w)
{
    const size_t n = (size_t)w->n, all = n * n;
    float *z = bench_alloc(all * sizeof *z);
    double worst[2] = {0}, largest = 0;
    openblas(w);
    for (size_t i = 0; i < all; i++)
        largest = fmax(largest, fabs((double)w->z[i]));
    for (int k = 0; k < 2; k++) {
        if (cr_run(w->program[k], 1) != CR_OK ||
            cr_fetch(w->program[k], "z", z, all * sizeof *z) != CR_OK) {
            free(z);
            return -1;
        }
        for (size_t i = 0; i < all; i++) {
            const double sum = (double)w->z[i];
            const double right = k ? 1 / (1 + exp(-sum - (double)w->b[i % n])) : sum / largest;
            worst[k] = fmax(worst[k], fabs((double)z[i] / (k ? 1 : largest) - right));
        }
    }
    free(z);
    return fmax(worst[0], worst[1]);
}

static void set_size(worker *w, int n)
{
    const size_t all = (size_t)n * (size_t)n;
    release(w);
    w->n = n;
    w->x = random_floats(all, 1);
    w->y = random_floats(all, 2);
    w->b = random_floats((size_t)n, 3);
    w->z = bench_alloc(all * sizeof *w->z);
    for (int i = 0; i < 2; i++)
        if (!(w->program[i] = compile(w, i)))
            break;
    const double error = w->program[0] && w->program[1] ? check(w) : -1;
    if (error < 0)
        bench_answer("error %s", cr_error());
    else
        bench_answer("ok %.2g", error);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double time_crisol(void *program, uint64_t n)
{
    const double begin = bench_now();
    if (cr_run(program, n) != CR_OK || cr_wait(program) != CR_OK)
        return -1;
    return bench_now() - begin;
}

static double time_openblas(void *user, uint64_t n)
{
    const double begin = bench_now();
    while (n--)
        openblas(user);
    return bench_now() - begin;
}

static void measure(worker *w, const char *name, double seconds)
{
    int i = 0;
    while (i < NWHAT && strcmp(name, names[i]) != 0)
        i++;
    if (i == NWHAT || !w->n) {
        bench_answer("error nothing to measure");
        return;
    }
    void *user = i == OPENBLAS ? (void *)w : w->program[i];
    const double t =
        bench_measure(i == OPENBLAS ? time_openblas : time_crisol, user, seconds, &w->each[i]);
    if (t < 0)
        bench_answer("error %s", cr_error());
    else
        bench_answer("ok %.3f", t * 1e6);
}

int main(void)
{
    worker w = {0};
    char line[256], what[16];
    int n;
    double seconds;
    bench_answer("ok Crisol %s, OpenBLAS for %s", cr_version(), openblas_get_corename());
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "size %d", &n) == 1 && n > 0)
            set_size(&w, n);
        else if (sscanf(line, "measure %15s %lf", what, &seconds) == 2)
            measure(&w, what, seconds);
        else
            bench_answer("error no such command");
    }
    release(&w);
    return 0;
}
