/* compare.c - `crisol compare`: the same training three ways, as a table or JSON. */
#include "compare.h"

#include <cjson/cJSON.h>
#include <math.h>

/* ---- for people ------------------------------------------------------------------------------ */

typedef const char *cell(const variant *v, char *buf);

static const char *number(double x, char *buf)
{
    snprintf(buf, CLI_SIZE_TEXT, x == floor(x) ? "%.0f" : "%.3f", x);
    return buf;
}

static const char *cell_launches(const variant *v, char *buf)
{
    return number(v->launches, buf);
}

static const char *cell_h2d(const variant *v, char *buf)
{
    return cli_bytes(v->h2d, buf);
}

static const char *cell_d2h(const variant *v, char *buf)
{
    return cli_bytes(v->d2h, buf);
}

static const char *cell_device(const variant *v, char *buf)
{
    return cli_bytes((double)v->info.device_bytes_per_step, buf);
}

static const char *cell_kernel(const variant *v, char *buf)
{
    return cli_micros(v->kernel_us, buf);
}

static const char *cell_step(const variant *v, char *buf)
{
    return cli_micros(v->step_us, buf);
}

static const char *cell_low(const variant *v, char *buf)
{
    return cli_micros(v->low_us, buf);
}

static const char *cell_high(const variant *v, char *buf)
{
    return cli_micros(v->high_us, buf);
}

static const char *cell_peak(const variant *v, char *buf)
{
    return cli_bytes((double)v->info.peak_bytes, buf);
}

static const char *cell_upload(const variant *v, char *buf)
{
    return cli_bytes((double)v->upload_bytes, buf);
}

static const struct {
    const char *label;
    cell *text;
} rows[] = {
    {"kernels launched", cell_launches}, {"host to device", cell_h2d},
    {"device to host", cell_d2h},        {"device memory read and written", cell_device},
    {"time in kernels", cell_kernel},    {"time of a step, median", cell_step},
    {"  lower quartile", cell_low},      {"  upper quartile", cell_high},
    {"peak memory", cell_peak},          {"uploaded once an epoch", cell_upload},
};

static void print_pair(const pair *p)
{
    printf("%s is %.2f times as fast as %s; ", p->b->name, p->speedup, p->a->name);
    if (p->equal)
        printf("losses and weights are equal bit for bit\n");
    else
        printf("losses differ by %.3g, weights by %.3g at most\n", p->diff_loss, p->diff_weights);
}

static void print_table(const comparison *c)
{
    char buf[CLI_SIZE_TEXT];
    printf("%s, batch %u, on %s\n\n", c->t.net_text, c->batch, c->v[0].info.device);
    printf("%-32s", "per training step");
    for (int i = 0; i < NVARIANT; i++)
        printf(" %12s", c->v[i].name);
    putchar('\n');
    for (size_t r = 0; r < CLI_COUNTOF(rows); r++) {
        printf("%-32s", rows[r].label);
        for (int i = 0; i < NVARIANT; i++)
            printf(" %12s", rows[r].text(&c->v[i], buf));
        putchar('\n');
    }
    printf("%-32s", "loss after all steps");
    for (int i = 0; i < NVARIANT; i++)
        printf(" %12.6f", c->v[i].loss[c->steps - 1]);
    printf("\n\n");
    for (int i = 0; i < NPAIR; i++)
        print_pair(&c->p[i]);
    printf("(%llu steps compared; times over %llu repeats of %llu, %llu and %llu steps, "
           "interleaved)\n",
           (unsigned long long)c->steps, (unsigned long long)c->repeats,
           (unsigned long long)c->v[0].per_sample, (unsigned long long)c->v[1].per_sample,
           (unsigned long long)c->v[2].per_sample);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static cJSON *json_variant(const comparison *c, const variant *v)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"launches_per_step", v->launches},
        {"h2d_bytes_per_step", v->h2d},
        {"d2h_bytes_per_step", v->d2h},
        {"device_bytes_per_step", (double)v->info.device_bytes_per_step},
        {"kernel_us_per_step", v->kernel_us},
        {"step_us", v->step_us},
        {"step_us_low", v->low_us},
        {"step_us_high", v->high_us},
        {"peak_bytes", (double)v->info.peak_bytes},
        {"arena_bytes", (double)v->info.arena_bytes},
        {"arena_bound_bytes", (double)v->info.arena_bound_bytes},
        {"upload_bytes_per_epoch", (double)v->upload_bytes},
        {"final_loss", v->loss[c->steps - 1]},
    };
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", v->name);
    for (size_t i = 0; i < CLI_COUNTOF(fields); i++)
        cJSON_AddNumberToObject(j, fields[i].name, fields[i].value);
    return j;
}

static cJSON *json_pair(const pair *p)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "a", p->a->name);
    cJSON_AddStringToObject(j, "b", p->b->name);
    cJSON_AddNumberToObject(j, "speedup", p->speedup);
    cJSON_AddNumberToObject(j, "max_abs_diff_loss", p->diff_loss);
    cJSON_AddNumberToObject(j, "max_abs_diff_weights", p->diff_weights);
    cJSON_AddBoolToObject(j, "bitwise_equal", p->equal);
    return j;
}

static int print_json(const comparison *c)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "device", c->v[0].info.device);
    cJSON_AddStringToObject(j, "net", c->t.net_text);
    cJSON_AddNumberToObject(j, "batch", c->batch);
    cJSON_AddNumberToObject(j, "steps", (double)c->steps);
    cJSON_AddNumberToObject(j, "repeats", (double)c->repeats);
    cJSON *variants = cJSON_AddArrayToObject(j, "variants");
    for (int i = 0; i < NVARIANT; i++)
        cJSON_AddItemToArray(variants, json_variant(c, &c->v[i]));
    cJSON *pairs = cJSON_AddArrayToObject(j, "pairs");
    for (int i = 0; i < NPAIR; i++)
        cJSON_AddItemToArray(pairs, json_pair(&c->p[i]));
    return cli_print_json(j);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* With all options read. */
static int run(comparison *c, bool json)
{
    if (c->steps < 1 || c->repeats < 1 || c->steps > 10000000 || c->repeats > 10000)
        return cli_fail("--steps and --repeats: at least 1, at most 10000000 and 10000");
    cr_data *data = training_data(&c->t);
    if (!data)
        return CLI_MISTAKE;
    training_catch_interrupt();
    int status = compare_measure(c, data);
    if (status == CLI_OK && json)
        status = print_json(c);
    else if (status == CLI_OK)
        print_table(c);
    compare_finish(c);
    cr_data_close(data);
    return status;
}

int cli_compare(int argc, char **argv)
{
    comparison c = {.steps = 100, .repeats = 15};
    bool json = false;
    cli_options o = {
        .about = "Trains the same net from the same seed on the same data in the same order, three "
                 "ways:\n"
                 "  naive    one kernel an op; every operand goes up to the device and every "
                 "result comes\n"
                 "           back, the host gathers the batch: what a first OpenCL library does\n"
                 "  unfused  one kernel an op; everything stays on the device\n"
                 "  fused    ops share kernels\n"
                 "The three run the same simplifications and the same schedules. The last, smaller "
                 "batch of\n"
                 "an epoch is left out.",
    };
    training_options(&c.t, &o);
    cli_add(&o, "--steps", CLI_COUNT, &c.steps, "N",
            "steps after which losses and weights are compared");
    cli_add(&o, "--repeats", CLI_COUNT, &c.repeats, "N", "measurements of the time of a step");
    cli_add(&o, "--json", CLI_FLAG, &json, NULL, "print JSON");
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = training_check(&c.t, &o);
    if (status != CLI_GO)
        return status;
    status = run(&c, json);
    training_finish(&c.t);
    return status;
}
