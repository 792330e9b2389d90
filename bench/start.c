/* start.c - from a process's start to the end of its first training step.
 *
 *     start [--quick]
 *
 * Prints a Markdown table: a 784-256-10 net at batch 64, once fed with one batch, once with a data
 * set of 60,000 images from which the batch is gathered; with the caches of Crisol and PoCL warm
 * and cold. Each run is a process of its own, timed from just before its fork; its data is in
 * memory before (a mapped file that was just written). */
#define _XOPEN_SOURCE 700 /* nftw */

#include <crisol/crisol.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { SAMPLES = 60000, FEATURES = 784, CLASSES = 10, BATCH = 64, MAX_RUNS = 32 };
static const size_t image_bytes = (size_t)SAMPLES * FEATURES;

/* Milliseconds since the fork, but for the last two. */
typedef struct marks {
    double in_main, built, compiled, first_step;
    double translate_ms, driver_ms; /* of cr_compile: graph to OpenCL C, the driver's part */
    int cached;
} marks;

/* ---- the program that is timed --------------------------------------------------------------- */

static void train(cr_value x, cr_value t)
{
    cr_value h = cr_dense(x, "hidden", 256, CR_SIGMOID);
    cr_value loss = cr_mse(cr_dense(h, "out", CLASSES, CR_SIGMOID), t);
    cr_output(x.graph, "loss", loss);
    cr_sgd_minimize(loss, 0.1f);
}

static void build_batch(cr_graph *g)
{
    train(cr_input(g, "x", CR_F32, BATCH, FEATURES), cr_input(g, "t", CR_F32, BATCH, CLASSES));
}

static void build_set(cr_graph *g)
{
    cr_value images = cr_input(g, "images", CR_U8, SAMPLES, FEATURES);
    cr_value labels = cr_input(g, "labels", CR_U8, SAMPLES);
    cr_value offset = cr_state(g, "offset", CR_I32, (cr_init){.kind = CR_INIT_CONSTANT}, CR_SCALAR);
    cr_value index = cr_add(offset, cr_iota(g, CR_SHAPE(BATCH), 0));
    cr_value label = cr_cast(cr_gather(labels, index), CR_I32);
    cr_assign(offset, cr_add(offset, cr_i32(g, BATCH)));
    train(cr_normalize(cr_gather(images, index), 0, 255), cr_onehot(label, CLASSES));
}

static bool feed_batch(cr_program *p, const void *data)
{
    return cr_feed(p, "x", data, BATCH * FEATURES * sizeof(float)) == CR_OK &&
           cr_feed(p, "t", data, BATCH * CLASSES * sizeof(float)) == CR_OK;
}

static bool feed_set(cr_program *p, const void *data)
{
    return cr_feed(p, "images", data, image_bytes) == CR_OK &&
           cr_feed(p, "labels", (const uint8_t *)data + image_bytes, SAMPLES) == CR_OK;
}

static const void *map_data(const char *path)
{
    const int fd = open(path, O_RDONLY);
    const void *data =
        fd < 0 ? MAP_FAILED : mmap(NULL, image_bytes + SAMPLES, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        bench_die("cannot map %s", path);
    return data;
}

static int child(bool set, const char *path, double forked)
{
    marks m = {.in_main = (bench_now() - forked) * 1e3};
    float loss;
    const void *data = map_data(path);
    cr_graph *g = cr_graph_create("start");
    (set ? build_set : build_batch)(g);
    m.built = (bench_now() - forked) * 1e3;
    cr_program *p = cr_compile(g, NULL);
    if (!p)
        bench_die("%s", cr_error());
    m.compiled = (bench_now() - forked) * 1e3;
    if (!(set ? feed_set : feed_batch)(p, data) || cr_run(p, 1) != CR_OK ||
        cr_fetch(p, "loss", &loss, sizeof loss) != CR_OK)
        bench_die("%s", cr_error());
    m.first_step = (bench_now() - forked) * 1e3;
    const cr_program_info i = cr_program_get_info(p);
    printf("%.3f %.3f %.3f %.3f %.3f %.3f %d\n", m.in_main, m.built, m.compiled, m.first_step,
           i.compile_ms, i.build_ms, (int)i.cached);
    cr_program_destroy(p);
    cr_graph_destroy(g);
    return 0;
}

/* ---- processes and folders ------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Fresh, empty caches under `folder`. */
static void clear_caches(const char *folder)
{
    static const char *const variable[] = {"CRISOL_CACHE", "POCL_CACHE_DIR"};
    char path[4096];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, variable[i]);
        remove_tree(path);
        if (mkdir(path, 0700) != 0 || setenv(variable[i], path, 1) != 0)
            bench_die("cannot make %s", path);
    }
}

static void write_data(const char *path)
{
    uint8_t *data = bench_alloc(image_bytes + SAMPLES);
    uint32_t seed = 1;
    for (size_t i = 0; i < image_bytes; i++)
        data[i] = (uint8_t)(64 * (bench_random(&seed) + 1)); /* as f32: small or zero */
    for (size_t i = 0; i < SAMPLES; i++)
        data[image_bytes + i] = (uint8_t)(i % CLASSES);
    /* The batch that is fed as f32 is the file's beginning. */
    float *x = (float *)(void *)data;
    for (size_t i = 0; i < BATCH * FEATURES; i++)
        x[i] = bench_random(&seed);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, image_bytes + SAMPLES, f) != image_bytes + SAMPLES || fclose(f) != 0)
        bench_die("cannot write %s", path);
    free(data);
}

static bool run(const char *self, bool set, const char *path, marks *m)
{
    int ends[2], status = 0;
    char text[256] = "", forked[32];
    if (pipe(ends) != 0)
        bench_die("no pipe");
    fflush(stdout);
    snprintf(forked, sizeof forked, "%.9f", bench_now());
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(self, self, set ? "--set" : "--batch", path, forked, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; n < sizeof text - 1; n += (size_t)got)
        if ((got = read(ends[0], text + n, sizeof text - 1 - n)) <= 0)
            break;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    return pid > 0 && status == 0 &&
           sscanf(text, "%lf %lf %lf %lf %lf %lf %d", &m->in_main, &m->built, &m->compiled,
                  &m->first_step, &m->translate_ms, &m->driver_ms, &m->cached) == 7;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* The median of one field, given by its offset. */
static double median_of(const marks *m, int n, size_t field)
{
    double x[MAX_RUNS];
    for (int i = 0; i < n; i++)
        memcpy(&x[i], (const char *)&m[i] + field, sizeof x[i]);
    return bench_median(x, (size_t)n);
}
#define MEDIAN(m, n, field) median_of(m, n, offsetof(marks, field))

/* Runs one row; gives the median of the whole, negative when a run failed. */
static double row(const char *self, const char *folder, const char *path, bool set, bool warm,
                  int runs)
{
    marks m[MAX_RUNS];
    const char *what = set ? "60,000 images" : "one batch";
    fprintf(stderr, "start: %s, %s caches\n", what, warm ? "warm" : "cold");
    clear_caches(folder);
    if (warm && (!run(self, set, path, &m[0]) || !run(self, set, path, &m[0])))
        return -1;
    for (int i = 0; i < runs; i++) {
        if (!warm)
            clear_caches(folder);
        if (!run(self, set, path, &m[i]))
            return -1;
    }
    const double whole = MEDIAN(m, runs, first_step);
    printf("| %s | %s | %.1f | %.1f | %.1f | %.1f | %s | %.1f |\n", what, warm ? "warm" : "cold",
           MEDIAN(m, runs, in_main), MEDIAN(m, runs, translate_ms), MEDIAN(m, runs, driver_ms),
           whole - MEDIAN(m, runs, compiled), m[runs - 1].cached ? "yes" : "no", whole);
    return whole;
}

static int table(const char *self, bool quick)
{
    char folder[4096], path[4200];
    const char *tmp = getenv("TMPDIR");
    double warm[2] = {0};
    snprintf(folder, sizeof folder, "%s/crisol-start-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        bench_die("cannot make a folder like %s", folder);
    snprintf(path, sizeof path, "%s/data", folder);
    write_data(path);
    printf(
        "| data | caches | to main | graph to OpenCL C | driver | first step | from disk | whole "
        "|\n| --- | --- | --: | --: | --: | --: | --- | --: |\n");
    for (int set = 0; set < 2; set++)
        for (int is_warm = 1; is_warm >= 0; is_warm--) {
            const int runs = is_warm ? (quick ? 5 : 15) : (quick ? 2 : 5);
            const double whole = row(self, folder, path, set, is_warm, runs);
            if (whole < 0)
                printf("| %s | %s | failed | | | | | |\n", set ? "60,000 images" : "one batch",
                       is_warm ? "warm" : "cold");
            if (is_warm)
                warm[set] = whole;
        }
    remove_tree(folder);
    printf("\nMilliseconds, medians; `whole` is from the process's start to the loss of the first "
           "step in the program's hands, `first step` has the upload in it.\n\n");
    for (int set = 0; set < 2; set++)
        printf("- first step within 100 ms, warm, %s: %s\n", set ? "60,000 images" : "one batch",
               warm[set] < 0     ? "not measured"
               : warm[set] < 100 ? "held"
                                 : "missed");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return child(strcmp(argv[1], "--set") == 0, argv[2], atof(argv[3]));
    const bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 2 || (argc == 2 && !quick)) {
        fprintf(stderr, "usage: start [--quick]\n");
        return 2;
    }
    return table(argv[0], quick);
}
