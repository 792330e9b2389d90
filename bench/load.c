/* load.c - loading a model from a file, for bench/load.py.
 *
 *     load make FILE MB     writes a model of so many megabytes, in tensors of 4
 *     load FILE             loads it for each line of standard input, and prints the milliseconds
 */
#include <crisol/crisol.h>
#include <crisol/io/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int failed(void)
{
    fprintf(stderr, "load: %s\n", cr_error());
    return 1;
}

static cr_status fill(cr_model *m, int megabytes)
{
    enum { ROWS = 1000, COLUMNS = 1000 };
    for (int i = 0; i < megabytes / 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "dense%d.w", i + 1);
        float *at = cr_model_new_tensor(m, name, CR_F32, CR_SHAPE(ROWS, COLUMNS));
        if (!at)
            return CR_E_MEMORY;
        for (int k = 0; k < ROWS * COLUMNS; k++)
            at[k] = (float)(k * (i + 7) % 1000) / 1000;
    }
    return CR_OK;
}

static int make(const char *path, int megabytes)
{
    cr_net net;
    if (cr_net_parse("dense 1000", &net) != CR_OK)
        return failed();
    cr_model *m = cr_model_create(&net);
    const bool ok = m && fill(m, megabytes) == CR_OK && cr_model_save(m, path) == CR_OK;
    cr_model_destroy(m);
    cr_net_finish(&net);
    return ok ? 0 : failed();
}

int main(int argc, char **argv)
{
    char line[64];
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], atoi(argv[3]));
    if (argc != 2)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        const double begin = now_ms();
        cr_model *m = cr_model_load(argv[1]);
        if (!m)
            return failed();
        printf("%.3f\n", now_ms() - begin);
        fflush(stdout);
        cr_model_destroy(m);
    }
    return 0;
}
