/* mlp.c - Crisol's side of the benchmark of training steps: a worker of bench.py.
 *
 *     mlp FOLDER
 *
 * FOLDER holds the data set (images.u8, labels.u8), the shuffled order of samples (order.i32) and,
 * before each `net`, the weights to start from (weights.f32, layer by layer). Commands:
 *
 *     net 256,256 32            compiles all three variants for these hidden layers and this batch
 *     losses VARIANT N          the losses of the first N steps
 *     measure VARIANT SECONDS   -> ok MICROSECONDS of one step
 *     about VARIANT             -> ok LAUNCHES, BYTES MOVED per step
 *
 * The step is one graph: batch gathered from the resident u8 images in the resident order, sigmoid
 * layers, mean squared error, gradient descent. The order is walked through again and again, whole
 * batches only, as the peers do. */
#include <crisol/crisol.h>

#include "bench.h"

enum { FEATURES = 784, CLASSES = 10, MAX_LAYERS = 8 };

static const char *const variants[] = {"naive", "unfused", "fused"};
static const cr_opt opts[] = {CR_OPT_NAIVE, CR_OPT_UNFUSED, CR_OPT_FUSED};
enum { NVARIANT = 3 };

typedef struct variant {
    cr_program *program;
    double each; /* seconds of a step, when it was last measured */
} variant;

typedef struct worker {
    const char *folder;
    int64_t n; /* samples */
    uint8_t *images, *labels;
    int32_t *order;
    variant v[NVARIANT];
} worker;

typedef struct layout {
    int64_t units[MAX_LAYERS]; /* of all layers, the last with CLASSES */
    int layers;
    int64_t batch;
} layout;

/* ---- files ----------------------------------------------------------------------------------- */

static void *read_file(const char *folder, const char *name, size_t *bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        bench_die("cannot read %s", path);
    *bytes = (size_t)ftell(f);
    rewind(f);
    void *data = bench_alloc(*bytes);
    if (fread(data, 1, *bytes, f) != *bytes)
        bench_die("cannot read %s", path);
    fclose(f);
    return data;
}

static void load(worker *w, const char *folder)
{
    size_t images, labels, order;
    w->folder = folder;
    w->images = read_file(folder, "images.u8", &images);
    w->labels = read_file(folder, "labels.u8", &labels);
    w->order = read_file(folder, "order.i32", &order);
    w->n = (int64_t)labels;
    if (images != labels * FEATURES || order != labels * sizeof *w->order)
        bench_die("%s: the files do not belong together", folder);
}

/* ---- the graph ------------------------------------------------------------------------------- */

static cr_value take_batch(const worker *w, cr_graph *g, int64_t batch, cr_value *target)
{
    cr_value images = cr_input(g, "images", CR_U8, w->n, FEATURES);
    cr_value labels = cr_input(g, "labels", CR_U8, w->n);
    cr_value order = cr_input(g, "order", CR_I32, w->n);
    cr_value offset = cr_state(g, "offset", CR_I32, (cr_init){.kind = CR_INIT_CONSTANT}, CR_SCALAR);

    cr_op_begin(g, "batch", CR_HERE);
    cr_value index = cr_gather(order, cr_add(offset, cr_iota(g, CR_SHAPE(batch), 0)));
    cr_value rows = cr_gather(images, index);
    cr_value label = cr_cast(cr_gather(labels, index), CR_I32);
    cr_op_end(g);
    *target = cr_onehot(label, CLASSES);

    cr_op_begin(g, "progress", CR_HERE);
    cr_value next = cr_add(offset, cr_i32(g, (int32_t)batch));
    cr_value more = cr_le(next, cr_i32(g, (int32_t)(w->n - batch)));
    cr_assign(offset, cr_select(more, next, cr_i32(g, 0)));
    cr_op_end(g);
    return cr_normalize(rows, 0, 255);
}

/* weight: all layers' weights, one behind the other, `count` in all. */
static cr_graph *build(const worker *w, const layout *net, const float *weight, size_t count)
{
    cr_graph *g = cr_graph_create("mlp");
    cr_value target, x = take_batch(w, g, net->batch, &target);
    int64_t in = FEATURES;
    size_t used = 0;
    for (int i = 0; i < net->layers; i++) {
        char name[16];
        snprintf(name, sizeof name, "dense%d", i + 1);
        const cr_init init = {.kind = CR_INIT_DATA, .data = weight + used};
        used += (size_t)(in * net->units[i]);
        if (used > count)
            bench_die("weights.f32 is too short");
        x = cr_dense_init(x, name, net->units[i], CR_SIGMOID, &init);
        in = net->units[i];
    }
    cr_value loss = cr_mse(x, target);
    cr_output(g, "loss", loss);
    cr_sgd_minimize(loss, 0.1f);
    return g;
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool parse_net(char *hidden, const char *batch, layout *out)
{
    *out = (layout){.batch = batch ? atoi(batch) : 0};
    char *rest = NULL;
    for (char *s = strtok_r(hidden, ",", &rest); s; s = strtok_r(NULL, ",", &rest)) {
        if (out->layers == MAX_LAYERS - 1 || atoi(s) < 1)
            return false;
        out->units[out->layers++] = atoi(s);
    }
    out->units[out->layers++] = CLASSES;
    return out->batch > 0;
}

static bool compile(worker *w, const cr_graph *g, int i)
{
    cr_program *p = cr_compile(g, &(cr_compile_options){.opt = opts[i]});
    w->v[i] = (variant){.program = p};
    return p && cr_feed(p, "images", w->images, (size_t)w->n * FEATURES) == CR_OK &&
           cr_feed(p, "labels", w->labels, (size_t)w->n) == CR_OK &&
           cr_feed(p, "order", w->order, (size_t)w->n * sizeof *w->order) == CR_OK;
}

static void set_net(worker *w, const layout *net)
{
    size_t bytes;
    float *weight = read_file(w->folder, "weights.f32", &bytes);
    cr_graph *g = build(w, net, weight, bytes / sizeof *weight);
    bool fine = true;
    for (int i = 0; i < NVARIANT; i++)
        cr_program_destroy(w->v[i].program);
    memset(w->v, 0, sizeof w->v);
    for (int i = 0; i < NVARIANT && fine; i++)
        fine = compile(w, g, i);
    cr_graph_destroy(g);
    free(weight);
    if (fine)
        bench_answer("ok");
    else
        bench_answer("error %s", cr_error());
}

static void losses(cr_program *p, int n)
{
    float loss = 0;
    bool fine = true;
    for (int i = 0; i < n && fine; i++) {
        fine = cr_run(p, 1) == CR_OK && cr_fetch(p, "loss", &loss, sizeof loss) == CR_OK;
        if (fine)
            printf("%s%.9g", i ? " " : "ok ", (double)loss);
    }
    bench_answer(fine ? "%s" : " error %s", fine ? "" : cr_error());
}

static double time_steps(void *program, uint64_t n)
{
    const double begin = bench_now();
    if (cr_run(program, n) != CR_OK || cr_wait(program) != CR_OK)
        return -1;
    return bench_now() - begin;
}

static void measure(variant *v, double seconds)
{
    const double t = bench_measure(time_steps, v->program, seconds, &v->each);
    if (t < 0)
        bench_answer("error %s", cr_error());
    else
        bench_answer("ok %.3f", t * 1e6);
}

static void about(cr_program *p)
{
    const cr_program_info i = cr_program_get_info(p);
    bench_answer("ok %u %llu", i.launches_per_step,
                 (unsigned long long)(i.h2d_bytes_per_step + i.d2h_bytes_per_step));
}

static variant *find(worker *w, const char *name)
{
    for (int i = 0; i < NVARIANT; i++)
        if (name && strcmp(name, variants[i]) == 0 && w->v[i].program)
            return &w->v[i];
    return NULL;
}

static void obey(worker *w, char *line)
{
    char *rest = NULL, *command = strtok_r(line, " \n", &rest);
    char *a = strtok_r(NULL, " \n", &rest), *b = strtok_r(NULL, " \n", &rest);
    layout net;
    variant *v = find(w, a);
    if (command && strcmp(command, "net") == 0 && a && parse_net(a, b, &net))
        set_net(w, &net);
    else if (command && strcmp(command, "losses") == 0 && v && b)
        losses(v->program, atoi(b));
    else if (command && strcmp(command, "measure") == 0 && v && b)
        measure(v, atof(b));
    else if (command && strcmp(command, "about") == 0 && v)
        about(v->program);
    else
        bench_answer("error no such command");
}

int main(int argc, char **argv)
{
    worker w = {0};
    char line[256];
    if (argc != 2)
        bench_die("usage: mlp FOLDER");
    load(&w, argv[1]);
    bench_answer("ok Crisol %s", cr_version());
    while (fgets(line, sizeof line, stdin))
        obey(&w, line);
    for (int i = 0; i < NVARIANT; i++)
        cr_program_destroy(w.v[i].program);
    free(w.images);
    free(w.labels);
    free(w.order);
    return 0;
}
