/* stream.c - training on samples that do not fit into the device memory allowed, against the same
 * with all of them on the device.
 *
 *     stream [--device D] [--data fashion-mnist|synthetic] [--copies N] [--part N] [--net cnn|mlp]
 *            [--rounds N] [--seconds S] [--quick]
 *
 * The set is the training images `copies` times over; the trainer may use a `part`-th of its size
 * for everything: weights, values of a step, windows. The two take turns, and do the same steps: at
 * the end their weights must be the same bits. */
#include <crisol/crisol.h>
#include <math.h>

#include "bench.h"

enum { FEATURES = 784, CLASSES = 10, SYNTHETIC = 60000, MOST_ROUNDS = 101, TRAINERS = 2 };
enum { RESIDENT, STREAMED };

typedef struct net {
    const char *name, *text;
    cr_loss loss;
    cr_optimizer optimizer;
    double target; /* 0: none */
} net;

static const net nets[] = {
    {"cnn",
     "conv 32 3 relu, maxpool 2, conv 64 3 relu, maxpool 2, conv 64 3 relu, flatten, dense 64 "
     "relu, "
     "dense 10",
     CR_LOSS_SOFTMAX_CROSS_ENTROPY,
     {.kind = CR_ADAM, .lr = 0.001f},
     0.9},
    {"mlp", "dense 256 sigmoid, dense 10 sigmoid", CR_LOSS_MSE, {.kind = CR_SGD, .lr = 0.1f}, 0},
};

typedef struct settings {
    const char *device, *data, *net;
    uint32_t copies, part, rounds;
    double seconds;
} settings;

/* ---- samples --------------------------------------------------------------------------------- */

static void make_synthetic(uint8_t *x, uint8_t *y)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < SYNTHETIC; i++) {
        y[i] = (uint8_t)(i % CLASSES);
        for (uint32_t k = 0; k < FEATURES; k++)
            x[(size_t)i * FEATURES + k] =
                (uint8_t)(k % CLASSES == y[i] ? 128 : 64 + 63 * bench_random(&state));
    }
}

/* `copies` times the images, each time behind each other. */
static cr_samples make_samples(const settings *o)
{
    cr_dataset *data = strcmp(o->data, "synthetic") == 0 ? NULL : cr_dataset_load(o->data);
    if (!data && strcmp(o->data, "synthetic") != 0)
        bench_die("%s", cr_error());
    const uint32_t n = data ? data->ntrain : SYNTHETIC;
    uint8_t *x = bench_alloc((size_t)n * o->copies * FEATURES), *y = bench_alloc(n * o->copies);
    if (data && data->rows * data->cols != FEATURES)
        bench_die("the images are not of 28 x 28 pixels");
    if (data)
        memcpy(x, data->train_x, (size_t)n * FEATURES), memcpy(y, data->train_y, n);
    else
        make_synthetic(x, y);
    for (uint32_t i = 1; i < o->copies; i++) {
        memcpy(x + (size_t)i * n * FEATURES, x, (size_t)n * FEATURES);
        memcpy(y + (size_t)i * n, y, n);
    }
    cr_dataset_destroy(data);
    return (cr_samples){.x_dtype = CR_U8,
                        .y_dtype = CR_U8,
                        .x_shape = CR_SHAPE(28, 28, 1),
                        .train = {x, y, n * o->copies}};
}

/* ---- trainers -------------------------------------------------------------------------------- */

static cr_trainer *make_trainer(const settings *o, const net *n, cr_net *description,
                                const cr_samples *samples, bool streamed)
{
    const cr_train_options options = {
        .model = cr_net_model,
        .model_user = description,
        .raw = true,
        .loss = n->loss,
        .optimizer = n->optimizer,
        .batch = 64,
        .no_evaluation = true,
        .max_device_bytes = streamed ? (uint64_t)samples->train.n * (FEATURES + 1) / o->part : 0,
        .compile = {.device = o->device},
    };
    cr_trainer *t = cr_trainer_create_of(samples, &options);
    if (!t)
        bench_die("%s", cr_error());
    return t;
}

/* Seconds of an epoch's first n steps, from its beginning to their end. */
static double time_steps(void *trainer, uint64_t n)
{
    const double begin = bench_now();
    if (cr_trainer_begin(trainer) != CR_OK)
        return -1;
    const uint64_t left = cr_trainer_left(trainer);
    if (cr_trainer_run(trainer, n < left ? n : left) != CR_OK || cr_trainer_check(trainer) != CR_OK)
        return -1;
    return bench_now() - begin;
}

static double timed(cr_trainer *t, uint64_t n)
{
    const double seconds = time_steps(t, n);
    if (seconds < 0)
        bench_die("%s", cr_error());
    return seconds;
}

/* Whole epochs where they are short enough. Both do the same steps, the first ones to warm up. */
static uint64_t choose_steps(cr_trainer *const *t, double seconds)
{
    uint64_t n = 16, most = 16;
    double each = 0;
    for (int i = 0; i < TRAINERS; i++)
        timed(t[i], n);
    do {
        for (int i = 0; i < TRAINERS; i++)
            each = timed(t[i], n) / (double)n;
        most = n + cr_trainer_left(t[0]);
        if (each * (double)n > seconds / 4)
            break;
        n = n * 4 < most ? n * 4 : most;
    } while (n < most);
    const double wanted = seconds / each;
    return wanted < (double)most ? (uint64_t)fmax(wanted, 1) : most;
}

static void check_bits(cr_trainer *const *t)
{
    cr_trainer_state state[64];
    const uint32_t n = cr_trainer_states(t[0], state, 64);
    for (uint32_t i = 0; i < n && i < 64; i++) {
        char *a = bench_alloc(state[i].bytes), *b = bench_alloc(state[i].bytes);
        if (cr_trainer_get(t[0], state[i].name, a, state[i].bytes) != CR_OK ||
            cr_trainer_get(t[1], state[i].name, b, state[i].bytes) != CR_OK)
            bench_die("%s", cr_error());
        if (memcmp(a, b, state[i].bytes) != 0)
            bench_die("state %s: resident and streamed samples gave different bits", state[i].name);
        free(a);
        free(b);
    }
}

/* ---- a net ----------------------------------------------------------------------------------- */

static void print(const net *n, cr_trainer *const *t, double *step[], double *ratio,
                  uint32_t rounds, uint64_t steps)
{
    const cr_trainer_info i = cr_trainer_get_info(t[STREAMED]);
    const double resident = bench_median(step[RESIDENT], rounds) * 1e6,
                 streamed = bench_median(step[STREAMED], rounds) * 1e6,
                 median = bench_median(ratio, rounds); /* sorts */
    printf("| %s | %.1f | %.1f | %.1f | %u x %.1f | %llu | %.1f | %.1f | **%.3f** | %.3f to %.3f "
           "|%s\n",
           n->name, (double)i.sample_bytes / 1e6, (double)i.limit_bytes / 1e6,
           (double)i.device.peak_bytes / 1e6, i.windows, (double)i.window_bytes / 1e6,
           (unsigned long long)steps, resident, streamed, median, ratio[0], ratio[rounds - 1],
           n->target > 0 ? median >= n->target ? " held" : " missed" : "");
    fflush(stdout);
}

static void measure(const settings *o, const net *n, const cr_samples *samples)
{
    double *step[TRAINERS], *ratio = bench_alloc(o->rounds * sizeof *ratio);
    cr_trainer *t[TRAINERS];
    cr_net description;
    if (cr_net_parse(n->text, &description) != CR_OK)
        bench_die("%s", cr_error());
    for (int i = 0; i < TRAINERS; i++) {
        t[i] = make_trainer(o, n, &description, samples, i == STREAMED);
        step[i] = bench_alloc(o->rounds * sizeof **step);
    }
    if (cr_trainer_get_info(t[STREAMED]).placement != CR_PLACED_STREAMED)
        bench_die("%s: the samples are not streamed", n->name);
    const uint64_t steps = choose_steps(t, o->seconds);
    for (uint32_t r = 0; r < o->rounds; r++) {
        for (uint32_t k = 0; k < TRAINERS; k++) {
            const uint32_t i = (r + k) % TRAINERS;
            step[i][r] = timed(t[i], steps) / (double)steps;
        }
        ratio[r] = step[RESIDENT][r] / step[STREAMED][r];
    }
    check_bits(t);
    print(n, t, step, ratio, o->rounds, steps);
    for (int i = 0; i < TRAINERS; i++) {
        cr_trainer_destroy(t[i]);
        free(step[i]);
    }
    free(ratio);
    cr_net_finish(&description);
}

/* ---- options --------------------------------------------------------------------------------- */

static uint32_t number(const char *option, const char *text, uint32_t most)
{
    char *end;
    const unsigned long v = strtoul(text, &end, 10);
    if (*end || v < 1 || v > most)
        bench_die("%s: '%s' is no number from 1 to %u", option, text, most);
    return (uint32_t)v;
}

static void read_option(settings *o, const char *option, const char *value)
{
    if (strcmp(option, "--device") == 0)
        o->device = value;
    else if (strcmp(option, "--data") == 0)
        o->data = value;
    else if (strcmp(option, "--net") == 0)
        o->net = value;
    else if (strcmp(option, "--copies") == 0)
        o->copies = number(option, value, 1000);
    else if (strcmp(option, "--part") == 0)
        o->part = number(option, value, 1000);
    else if (strcmp(option, "--rounds") == 0)
        o->rounds = number(option, value, MOST_ROUNDS);
    else if (strcmp(option, "--seconds") == 0 && atof(value) > 0)
        o->seconds = atof(value);
    else
        bench_die("there is no option %s %s", option, value);
}

int main(int argc, char **argv)
{
    settings o = {.data = "fashion-mnist", .copies = 4, .part = 4, .rounds = 5, .seconds = 4};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--quick") == 0)
            o.rounds = 3, o.seconds = 1;
        else if (i + 1 < argc)
            read_option(&o, argv[i], argv[i + 1]), i++;
        else
            bench_die("%s needs a value", argv[i]);
    const cr_samples samples = make_samples(&o);
    printf(
        "Batch 64; steps from an epoch's beginning on; medians of %u rounds; MB are 10^6 bytes.\n\n"
        "| net | samples, MB | device memory allowed, MB | used at most, MB | windows, MB | steps "
        "| "
        "resident, us a step | streamed, us a step | speed streamed / resident | rounds |\n"
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n",
        o.rounds);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (!o.net || strcmp(o.net, nets[i].name) == 0)
            measure(&o, &nets[i], &samples);
    free((void *)(uintptr_t)samples.train.x);
    free((void *)(uintptr_t)samples.train.y);
    return 0;
}
