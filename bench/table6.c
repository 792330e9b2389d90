/* table6.c - Crisol's side of the thesis's table 6 (table6.py): trains one net on MNIST, sigmoid in
 * every layer, mean squared error, gradient descent, and prints what it took as JSON.
 *
 *     table6 --hidden 16,32 [--data mnist] [--batch 32] [--lr 3] [--epochs 10] [--seed 1]
 *            [--keep-order] [--weights FILE]
 *
 * Before the clock starts a few steps are run, since a driver may compile a kernel when it is first
 * launched, and the initial weights are put back. They are written to FILE, f32: each layer's
 * kernel [in, units], then its bias. --epochs 0 does no more than that. Seconds of training are
 * those of the epochs alone: shuffling, the upload of the order, the steps. */
#include <crisol/crisol.h>

#include "bench.h"

enum { CLASSES = 10, MAX_LAYERS = 8, WARM_STEPS = 64 };

/* The layers, the scores among them, and the parameters that they start from: kernel, bias, ... */
typedef struct net {
    uint32_t nlayer;
    int64_t units[MAX_LAYERS];
    float *start[2 * MAX_LAYERS];
    size_t bytes[2 * MAX_LAYERS];
} net;

typedef struct settings {
    const char *data, *hidden, *weights;
    uint32_t epochs;
    cr_train_options train;
} settings;

typedef struct result {
    double before;  /* the test set's loss with the initial weights */
    double compile; /* seconds until the first epoch begins */
    double train;   /* seconds of the epochs */
    cr_epoch last;
} result;

/* ---- the net --------------------------------------------------------------------------------- */

static net parse_hidden(const char *text)
{
    net n = {0};
    const char *s = text;
    for (char *end; *s; s = *end ? end + 1 : end) {
        const long long units = strtoll(s, &end, 10);
        if (end == s || (*end && *end != ',') || units < 1 || n.nlayer == MAX_LAYERS - 1)
            bench_die("--hidden: '%s' is no list of up to %d layers' units, such as 16,32", text,
                      MAX_LAYERS - 1);
        n.units[n.nlayer++] = units;
    }
    n.units[n.nlayer++] = CLASSES;
    return n;
}

static cr_value model(cr_value x, void *user)
{
    const net *n = user;
    for (uint32_t i = 0; i < n->nlayer; i++) {
        char name[24];
        snprintf(name, sizeof name, "dense%u", i + 1);
        x = cr_dense(i ? x : cr_flatten(x), name, n->units[i], CR_SIGMOID);
    }
    return x;
}

static void parameter_name(char name[24], uint32_t i)
{
    snprintf(name, 24, "dense%u.%c", i / 2 + 1, i % 2 ? 'b' : 'w');
}

static void keep_start(cr_trainer *t, net *n)
{
    char name[24];
    for (uint32_t i = 0; i < 2 * n->nlayer; i++) {
        parameter_name(name, i);
        const cr_shape s = cr_value_shape(cr_find(cr_trainer_graph(t), name));
        n->bytes[i] = (size_t)(s.dim[0] * (i % 2 ? 1 : s.dim[1])) * sizeof(float);
        n->start[i] = bench_alloc(n->bytes[i]);
        if (cr_fetch(cr_trainer_program(t), name, n->start[i], n->bytes[i]) != CR_OK)
            bench_die("%s", cr_error());
    }
}

static void set_start(cr_trainer *t, const net *n)
{
    char name[24];
    for (uint32_t i = 0; i < 2 * n->nlayer; i++) {
        parameter_name(name, i);
        if (cr_set(cr_trainer_program(t), name, n->start[i], n->bytes[i]) != CR_OK)
            bench_die("%s", cr_error());
    }
}

static void write_start(const net *n, const char *path)
{
    FILE *f = fopen(path, "wb");
    bool fine = f != NULL;
    for (uint32_t i = 0; i < 2 * n->nlayer && fine; i++)
        fine = fwrite(n->start[i], 1, n->bytes[i], f) == n->bytes[i];
    if (!f || fclose(f) != 0 || !fine)
        bench_die("--weights: cannot write %s", path);
}

/* ---- training -------------------------------------------------------------------------------- */

static cr_status warm_up(cr_trainer *t)
{
    cr_status status = cr_trainer_begin(t);
    const uint64_t left = cr_trainer_left(t);
    if (status == CR_OK)
        status = cr_trainer_run(t, left < WARM_STEPS ? left : WARM_STEPS);
    return status == CR_OK ? cr_trainer_check(t) : status;
}

static result train(const cr_dataset *data, const settings *s, net *n)
{
    double accuracy;
    result r = {.compile = -bench_now()};
    cr_trainer *t = cr_trainer_create(data, &s->train);
    if (!t)
        bench_die("%s", cr_error());
    keep_start(t, n);
    if (cr_trainer_evaluate(t, &r.before, &accuracy) != CR_OK || warm_up(t) != CR_OK)
        bench_die("%s", cr_error());
    set_start(t, n);
    r.compile += bench_now();
    for (uint32_t i = 0; i < s->epochs; i++) {
        if (cr_trainer_epoch(t, &r.last) != CR_OK)
            bench_die("%s", cr_error());
        r.train += r.last.seconds;
    }
    cr_trainer_destroy(t);
    return r;
}

/* ---- the command ----------------------------------------------------------------------------- */

static double number(const char *option, const char *text, double least)
{
    char *end;
    const double x = strtod(text, &end);
    if (end == text || *end || !(x >= least) || x > UINT32_MAX)
        bench_die("%s: '%s' is not a number of %g or more", option, text, least);
    return x;
}

static void set_option(settings *s, const char *option, const char *value)
{
    if (strcmp(option, "--hidden") == 0)
        s->hidden = value;
    else if (strcmp(option, "--data") == 0)
        s->data = value;
    else if (strcmp(option, "--weights") == 0)
        s->weights = value;
    else if (strcmp(option, "--epochs") == 0)
        s->epochs = (uint32_t)number(option, value, 0);
    else if (strcmp(option, "--batch") == 0)
        s->train.batch = (uint32_t)number(option, value, 1);
    else if (strcmp(option, "--seed") == 0)
        s->train.seed = (uint64_t)number(option, value, 0);
    else if (strcmp(option, "--lr") == 0)
        s->train.optimizer.lr = (float)number(option, value, 1e-9);
    else
        bench_die("unknown option '%s'; the head of table6.c lists them", option);
}

static settings parse(int argc, char **argv)
{
    settings s = {.data = "mnist",
                  .epochs = 10,
                  .train = {.model = model,
                            .loss = CR_LOSS_MSE,
                            .optimizer = {.kind = CR_SGD, .lr = 3},
                            .batch = 32,
                            .seed = 1}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--keep-order") == 0) {
            s.train.keep_order = true;
            continue;
        }
        if (i + 1 == argc)
            bench_die("%s: unknown option, or its value is missing", argv[i]);
        set_option(&s, argv[i], argv[i + 1]);
        i++;
    }
    if (!s.hidden)
        bench_die("--hidden is missing: units of the hidden layers, such as 16,32");
    return s;
}

static void print_result(const settings *s, const result *r)
{
    printf("{\"version\": \"%s\", \"hidden\": \"%s\", \"seed\": %llu, \"epochs\": %u, "
           "\"before\": %.9g, \"compile_s\": %.6f, \"train_s\": %.6f",
           cr_version(), s->hidden, (unsigned long long)s->train.seed, s->epochs, r->before,
           r->compile, r->train);
    if (s->epochs > 0)
        printf(", \"train_loss\": %.9g, \"test_loss\": %.9g, \"test_accuracy\": %.6g",
               r->last.train_loss, r->last.test_loss, r->last.test_accuracy);
    puts("}");
}

int main(int argc, char **argv)
{
    settings s = parse(argc, argv);
    net n = parse_hidden(s.hidden);
    cr_dataset *data = cr_dataset_load(s.data);
    if (!data)
        bench_die("%s", cr_error());
    s.train.model_user = &n;
    const result r = train(data, &s, &n);
    if (s.weights)
        write_start(&n, s.weights);
    print_result(&s, &r);
    for (uint32_t i = 0; i < 2 * n.nlayer; i++)
        free(n.start[i]);
    cr_dataset_destroy(data);
    return 0;
}
