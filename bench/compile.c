/* compile.c - how long the compiler takes, graph to OpenCL C, without a driver.
 *
 *     compile [--quick]
 *
 * Prints a Markdown table: graphs of training steps, and chains of elementwise ops that show how
 * time and memory grow. Each graph has a process of its own, so that its peak memory is its own. */
#include <crisol/crisol.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 32, WIDTH = 64, REPEATS = 7 };

typedef struct task {
    const char *what;
    cr_graph *(*build)(uint32_t size);
    uint32_t size; /* layers of a net, nodes of a chain */
} task;

typedef struct result {
    uint32_t nodes;
    double build_ms, compile_ms, cpu_ms;
    double kib;  /* peak, above the process before the graph was built */
    size_t text; /* bytes of OpenCL C */
} result;

/* ---- graphs ---------------------------------------------------------------------------------- */

static cr_graph *deep_mlp(uint32_t layers)
{
    cr_graph *g = cr_graph_create("mlp");
    cr_value x = cr_input(g, "x", CR_F32, BATCH, WIDTH), t = cr_input(g, "t", CR_F32, BATCH, WIDTH);
    for (uint32_t i = 0; i < layers; i++) {
        char name[24];
        snprintf(name, sizeof name, "dense%u", i + 1);
        x = cr_dense(x, name, WIDTH, CR_SIGMOID);
    }
    cr_value loss = cr_mse(x, t);
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.1f);
    return g;
}

/* The net whose training graph is nearest above `nodes`. */
static cr_graph *training(uint32_t nodes)
{
    for (uint32_t layers = 2;; layers++) {
        cr_graph *g = deep_mlp(layers);
        if (cr_graph_size(g) >= nodes || cr_graph_status(g) != CR_OK)
            return g;
        cr_graph_destroy(g);
    }
}

/* v = sigmoid(v), v = v + x, and so on: nothing that a rule could shorten. */
static cr_graph *chain(uint32_t nodes)
{
    cr_graph *g = cr_graph_create("chain");
    cr_value x = cr_input(g, "x", CR_F32, 1024), v = x;
    for (uint32_t i = 0; i < nodes; i++)
        v = i % 2 ? cr_add(v, x) : cr_sigmoid(v);
    cr_output(g, "v", v);
    return g;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double peak_kib(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_maxrss;
}

static size_t compile_once(const cr_graph *g)
{
    char *text = cr_inspect(g, &(cr_inspect_options){.emit = "cl"});
    if (!text)
        bench_die("%s", cr_error());
    const size_t n = strlen(text);
    cr_string_free(text);
    return n;
}

static result measure(const task *t, int repeats)
{
    double ms[REPEATS], cpu[REPEATS], begin = bench_now();
    result r = {.kib = -peak_kib()};
    cr_graph *g = t->build(t->size);
    if (cr_graph_status(g) != CR_OK)
        bench_die("%s", cr_error());
    r.build_ms = (bench_now() - begin) * 1e3;
    r.nodes = cr_graph_size(g);
    for (int i = 0; i < repeats; i++) {
        const double cpu_begin = cpu_seconds();
        begin = bench_now();
        r.text = compile_once(g);
        ms[i] = (bench_now() - begin) * 1e3;
        cpu[i] = (cpu_seconds() - cpu_begin) * 1e3;
        if (i == 0)
            r.kib += peak_kib();
    }
    r.compile_ms = bench_median(ms, (size_t)repeats);
    r.cpu_ms = bench_median(cpu, (size_t)repeats);
    cr_graph_destroy(g);
    return r;
}

/* False when the process did not come to its end. */
static bool measure_apart(const task *t, int repeats, result *out)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        bench_die("no pipe");
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        *out = measure(t, repeats);
        _exit(write(ends[1], out, sizeof *out) != (ssize_t)sizeof *out);
    }
    close(ends[1]);
    const bool whole = child > 0 && read(ends[0], out, sizeof *out) == (ssize_t)sizeof *out;
    close(ends[0]);
    if (child > 0)
        waitpid(child, &status, 0);
    return whole && status == 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void print_row(const task *t, const result *r)
{
    printf("| %s | %u | %.2f | %.1f | %.1f | %.1f | %.1f | %.0f |\n", t->what, r->nodes,
           r->build_ms, r->compile_ms, r->cpu_ms, r->compile_ms * 1e3 / r->nodes, r->kib / 1024,
           (double)r->text / 1024);
}

static void print_target(const char *what, bool measured, bool held)
{
    printf("- %s: %s\n", what, !measured ? "not measured" : held ? "held" : "missed");
}

int main(int argc, char **argv)
{
    static const task tasks[] = {
        {"training step, 1,000 nodes", training, 1000},
        {"MLP of 100 layers", deep_mlp, 100},
        {"chain of 1,000", chain, 1000},
        {"chain of 10,000", chain, 10000},
        {"chain of 100,000", chain, 100000},
    };
    enum { NTASK = sizeof tasks / sizeof *tasks, STEP = 0, CHAIN = 3, LONG_CHAIN = 4 };
    result r[NTASK];
    bool fine[NTASK];
    const bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    if (argc > 2 || (argc > 1 && !quick)) {
        fprintf(stderr, "usage: compile [--quick]\n");
        return 2;
    }

    printf("| graph | nodes | building ms | compiling ms | of it CPU | us a node | peak MiB | "
           "OpenCL C "
           "KiB |\n| --- | --: | --: | --: | --: | --: | --: | --: |\n");
    for (int i = 0; i < NTASK; i++) {
        fprintf(stderr, "compile: %s\n", tasks[i].what);
        fine[i] = measure_apart(&tasks[i], quick || i == LONG_CHAIN ? 3 : REPEATS, &r[i]);
        if (fine[i])
            print_row(&tasks[i], &r[i]);
        else
            printf("| %s | failed | | | | | | |\n", tasks[i].what);
    }
    printf("\nGraph to OpenCL C, medians; `of it CPU` tells a busy machine from a slow compiler; "
           "peak memory is "
           "that above the empty process.\n\n");
    print_target("1,000 nodes of a training step in under 50 ms", fine[STEP],
                 fine[STEP] && r[STEP].compile_ms < 50);
    const bool both = fine[CHAIN] && fine[LONG_CHAIN];
    const double nodes = both ? (double)r[LONG_CHAIN].nodes / r[CHAIN].nodes : 1;
    const double time = both ? r[LONG_CHAIN].compile_ms / r[CHAIN].compile_ms / nodes : 0;
    const double memory = both ? r[LONG_CHAIN].kib / r[CHAIN].kib / nodes : 0;
    print_target(
        "time is linear (a node costs at most 1.5 times as much in a chain of 100,000 as in "
        "one of 10,000)",
        both, time <= 1.5);
    print_target("memory is linear (likewise)", both, memory <= 1.5);
    return 0;
}
