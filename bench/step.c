/* step.c - the commands of a worker that trains: compiling the variants, losses, times. */
#include "step.h"

#include "bench.h"

enum { NVARIANT = 4 };
static const char *const variants[NVARIANT] = {"naive", "unfused", "fused", "infer"};
static const cr_opt opts[NVARIANT] = {CR_OPT_NAIVE, CR_OPT_UNFUSED, CR_OPT_FUSED, CR_OPT_FUSED};
enum { FUSED = 2, INFER = 3 };

typedef struct variant {
    cr_program *program;
    double each; /* seconds of a step, when it was last measured */
} variant;

typedef struct worker {
    const char *folder;
    step_build build;
    step_data data;
    long baseline; /* KiB that the process had taken before its first net */
    variant v[NVARIANT];
} worker;

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
    step_data *d = &w->data;
    w->folder = folder;
    d->images = read_file(folder, "images.u8", &images);
    d->labels = read_file(folder, "labels.u8", &labels);
    d->order = read_file(folder, "order.i32", &order);
    d->n = (int64_t)labels;
    if (images != labels * STEP_FEATURES || order != labels * sizeof *d->order)
        bench_die("%s: the files do not belong together", folder);
}

/* ---- what graphs begin with -------------------------------------------------------------------
 */

cr_value step_batch(const step_data *d, cr_graph *g, int64_t batch, cr_value *labels_out)
{
    cr_value images = cr_input(g, "images", CR_U8, d->n, STEP_FEATURES);
    cr_value labels = cr_input(g, "labels", CR_U8, d->n);
    cr_value order = cr_input(g, "order", CR_I32, d->n);
    cr_value offset = cr_state(g, "offset", CR_I32, (cr_init){.kind = CR_INIT_CONSTANT}, CR_SCALAR);

    cr_op_begin(g, "batch", CR_HERE);
    cr_value index = cr_gather(order, cr_add(offset, cr_iota(g, CR_SHAPE(batch), 0)));
    cr_value rows = cr_gather(images, index);
    cr_value label = cr_cast(cr_gather(labels, index), CR_I32);
    cr_op_end(g);
    *labels_out = label;

    cr_op_begin(g, "progress", CR_HERE);
    cr_value next = cr_add(offset, cr_i32(g, (int32_t)batch));
    cr_value more = cr_le(next, cr_i32(g, (int32_t)(d->n - batch)));
    cr_assign(offset, cr_select(more, next, cr_i32(g, 0)));
    cr_op_end(g);
    return cr_normalize(rows, 0, 255);
}

cr_init step_weights(step_data *d, int64_t count)
{
    const cr_init init = {.kind = CR_INIT_DATA, .data = d->weight + d->used};
    d->used += (size_t)count;
    if (d->used > d->nweight)
        bench_die("weights.f32 is too short");
    return init;
}

cr_value step_dense(step_data *d, cr_value x, int layer, int64_t units, cr_activation a)
{
    char name[16];
    snprintf(name, sizeof name, "dense%d", layer);
    const cr_init init = step_weights(d, cr_value_shape(x).dim[1] * units);
    return cr_dense_init(x, name, units, a, &init);
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool compile(worker *w, const cr_graph *g, int i, cr_launches launches)
{
    static const char *const scores[] = {"scores"}, *const offset[] = {"offset"};
    cr_compile_options o = {.opt = opts[i], .launches = launches};
    const step_data *d = &w->data;
    if (i == INFER)
        o.outputs = scores, o.noutputs = 1, o.updates = offset, o.nupdates = 1;
    cr_program *p = cr_compile(g, &o);
    w->v[i] = (variant){.program = p};
    return p && cr_feed(p, "images", d->images, (size_t)d->n * STEP_FEATURES) == CR_OK &&
           (i == INFER || cr_feed(p, "labels", d->labels, (size_t)d->n) == CR_OK) &&
           cr_feed(p, "order", d->order, (size_t)d->n * sizeof *d->order) == CR_OK;
}

/* Not ru_maxrss, which begins with that of the process that started this one. */
static long peak_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static cr_graph *make_graph(worker *w, char *net, int64_t batch)
{
    size_t bytes;
    free(w->data.weight);
    w->data.weight = read_file(w->folder, "weights.f32", &bytes);
    w->data.nweight = bytes / sizeof *w->data.weight;
    w->data.used = 0;
    if (!w->baseline)
        w->baseline = peak_kib();
    return w->build(&w->data, net, batch);
}

static bool listed(const char *list, const char *name)
{
    const size_t n = strlen(name);
    for (const char *s = list; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
        if (strcspn(s, ",") == n && memcmp(s, name, n) == 0)
            return true;
    return !list;
}

/* `only` NULL: all variants. */
static void set_net(worker *w, char *net, int64_t batch, const char *only)
{
    for (int i = 0; i < NVARIANT; i++)
        cr_program_destroy(w->v[i].program);
    memset(w->v, 0, sizeof w->v);
    cr_graph *g = make_graph(w, net, batch);
    bool fine = g != NULL;
    for (int i = 0; i < NVARIANT && fine; i++)
        if (listed(only, variants[i]))
            fine = compile(w, g, i, CR_LAUNCHES_BEST);
    cr_graph_destroy(g);
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

/* The fused program is another one afterwards, until the next `net`. */
static void contractions(worker *w, char *net, int64_t batch)
{
    enum { STEPS = 15 };
    variant *v = &w->v[FUSED];
    cr_profile p;
    cr_program_destroy(v->program);
    v->program = NULL;
    cr_graph *g = make_graph(w, net, batch);
    bool fine = g && compile(w, g, FUSED, CR_LAUNCHES_PHASES) && cr_run(v->program, 2) == CR_OK &&
                cr_profile_run(v->program, STEPS, &p) == CR_OK;
    cr_graph_destroy(g);
    if (!fine) {
        bench_answer("error %s", cr_error());
        return;
    }
    printf("ok");
    for (uint32_t i = 0; i < p.nrow; i++)
        if (strncmp(p.row[i].label, "matmul", strlen("matmul")) == 0)
            printf(" %llu %.3f %s", (unsigned long long)p.row[i].flops, p.row[i].median_us,
                   p.row[i].label);
    bench_answer("%s", "");
    cr_profile_finish(&p);
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
    char *a = strtok_r(NULL, " \n", &rest), *b = strtok_r(NULL, " \n", &rest),
         *c = strtok_r(NULL, " \n", &rest);
    variant *v = find(w, a);
    if (command && strcmp(command, "net") == 0 && b && atoi(b) > 0)
        set_net(w, a, atoi(b), c);
    else if (command && strcmp(command, "losses") == 0 && v && b)
        losses(v->program, atoi(b));
    else if (command && strcmp(command, "measure") == 0 && v && b)
        measure(v, atof(b));
    else if (command && strcmp(command, "about") == 0 && v)
        about(v->program);
    else if (command && strcmp(command, "contractions") == 0 && b && atoi(b) > 0)
        contractions(w, a, atoi(b));
    else if (command && strcmp(command, "memory") == 0)
        bench_answer("ok %.1f", (double)(peak_kib() - w->baseline) / 1024);
    else
        bench_answer("error no such command");
}

int step_main(int argc, char **argv, step_build build)
{
    worker w = {.build = build};
    char line[256];
    if (argc != 2)
        bench_die("usage: %s FOLDER", argv[0]);
    load(&w, argv[1]);
    bench_answer("ok Crisol %s", cr_version());
    while (fgets(line, sizeof line, stdin))
        obey(&w, line);
    for (int i = 0; i < NVARIANT; i++)
        cr_program_destroy(w.v[i].program);
    free(w.data.images);
    free(w.data.labels);
    free(w.data.order);
    free(w.data.weight);
    return 0;
}
