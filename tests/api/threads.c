/* threads.c - unrelated programs from different threads at once. crisol-test: timeout=300 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "base.h"
#include "crisol/crisol.h"
#include "frontend/xor.h"

enum { THREADS = 4, REPEATS = 3, STEPS = 200 };

typedef struct work {
    pthread_t thread;
    float loss[REPEATS];
    char error[512];
} work;

static cr_status train(float *loss)
{
    cr_graph *g = cr_graph_create("xor");
    cr_value x = cr_input(g, "x", CR_F32, 4, 2), t = cr_input(g, "t", CR_F32, 4, 1);
    cr_value e = cr_mse(cr_dense(cr_dense(x, "h", 2, CR_TANH), "y", 1, CR_TANH), t);
    cr_output(g, "loss", e);
    cr_sgd_minimize(e, 0.5f);
    cr_program *p = cr_compile(g, &(cr_compile_options){.seed = 5});
    cr_graph_destroy(g);
    cr_status status = p ? cr_feed(p, "x", xor_x, sizeof xor_x) : CR_E_DEVICE;
    if (status == CR_OK)
        status = cr_feed(p, "t", xor_t, sizeof xor_t);
    if (status == CR_OK)
        status = cr_run(p, STEPS);
    if (status == CR_OK)
        status = cr_fetch(p, "loss", loss, sizeof *loss);
    cr_program_destroy(p);
    return status;
}

static void *run(void *arg)
{
    work *w = arg;
    for (int i = 0; i < REPEATS; i++)
        if (train(&w->loss[i]) != CR_OK) {
            snprintf(w->error, sizeof w->error, "repeat %d: %s", i, cr_error());
            return NULL;
        }
    return NULL;
}

/* OpenCL itself starts in them: Criterion's test is a process of its own. */
static void train_at_once(void)
{
    static work w[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&w[i].thread, NULL, run, &w[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_str_eq(w[i].error, "", "thread %d, %s", i, w[i].error);
        for (int k = 0; k < REPEATS; k++)
            cr_assert(w[i].loss[k] == w[0].loss[0] && w[i].loss[k] < 1, "thread %d: %g", i,
                      (double)w[i].loss[k]);
    }
    cr_assert_eq(cr_live_blocks(), 0);
}

Test(threads, train_at_once)
{
    train_at_once();
}

/* Without the cache every thread builds its kernels. */
Test(threads, build_at_once)
{
    setenv("CRISOL_CACHE", "off", 1);
    train_at_once();
}
