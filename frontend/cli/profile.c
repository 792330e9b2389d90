/* profile.c - `crisol profile`: where the time of a training step goes. */
#include <cjson/cJSON.h>

#include "options/training.h"
#include "results/plotting.h"
#include "split.h"

struct job {
    training t;
    uint64_t steps;
    const char *trace;
    bool json, split;
    split of; /* what is asked of the three side by side */
};

/* ---- the table ------------------------------------------------------------------------------- */

static const char *kind_name(const char *kind)
{
    if (strcmp(kind, "h2d") == 0)
        return "host to device";
    return strcmp(kind, "d2h") == 0 ? "device to host" : kind;
}

static void print_line(const char *kind, const char *label, double count, double us, double step,
                       double gflops)
{
    printf("%-15s %-44.44s %8.2f %10.2f %7.1f %%", kind, label, count, us, 100 * us / step);
    if (gflops >= 0.05)
        printf(" %9.1f", gflops);
    putchar('\n');
}

static void print_table(const cr_profile *p, double steps)
{
    static const char *const kinds[] = {"h2d", "kernel", "d2h", "host"};
    double step = p->wall_us / steps;
    printf("%-15s %-44s %8s %10s %9s %9s\n", "kind", "command", "per step", "us", "share",
           "GFLOP/s");
    for (size_t k = 0; k < CLI_COUNTOF(kinds); k++)
        for (uint32_t i = 0; i < p->nrow; i++) {
            const cr_profile_row *r = &p->row[i];
            if (strcmp(r->kind, kinds[k]) == 0)
                print_line(kind_name(r->kind), r->label, (double)r->count / steps,
                           r->total_us / steps, step,
                           (double)r->flops * steps * 1e-3 / r->total_us);
        }
    print_line("idle", "", 0, (p->wall_us - p->busy_us) / steps, step, 0);
    print_line("step", "", 1, step, step, 0);
}

static int print_json(const cr_profile *p, double steps)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddNumberToObject(j, "steps", steps);
    cJSON_AddNumberToObject(j, "step_us", p->wall_us / steps);
    cJSON_AddNumberToObject(j, "idle_us", (p->wall_us - p->busy_us) / steps);
    cJSON *list = cJSON_AddArrayToObject(j, "commands");
    for (uint32_t i = 0; i < p->nrow; i++) {
        const cr_profile_row *r = &p->row[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cJSON_AddStringToObject(row, "kind", r->kind);
        cJSON_AddStringToObject(row, "label", r->label);
        cJSON_AddNumberToObject(row, "per_step", (double)r->count / steps);
        cJSON_AddNumberToObject(row, "us_per_step", r->total_us / steps);
        cJSON_AddNumberToObject(row, "min_us", r->min_us);
        cJSON_AddNumberToObject(row, "median_us", r->median_us);
        cJSON_AddNumberToObject(row, "flops", (double)r->flops);
        cJSON_AddNumberToObject(row, "bytes", (double)r->bytes);
    }
    return cli_print_json(j);
}

/* ---- the timeline ---------------------------------------------------------------------------- */

/* The trace-event format's complete events; a track for each kind of command:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
static int write_trace(const cr_profile *p, const char *path)
{
    static const char *const kinds[] = {"kernel", "h2d", "d2h", "host"};
    cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "traceEvents");
    cJSON_AddStringToObject(j, "displayTimeUnit", "ns");
    for (size_t k = 0; k < CLI_COUNTOF(kinds); k++) {
        cJSON *e = cJSON_CreateObject();
        cJSON_AddItemToArray(list, e);
        cJSON_AddStringToObject(e, "name", "thread_name");
        cJSON_AddStringToObject(e, "ph", "M");
        cJSON_AddNumberToObject(e, "pid", 1);
        cJSON_AddNumberToObject(e, "tid", (double)k + 1);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(e, "args"), "name", kind_name(kinds[k]));
    }
    for (uint32_t i = 0; i < p->nspan; i++) {
        const cr_span *s = &p->span[i];
        size_t k = 0;
        while (k + 1 < CLI_COUNTOF(kinds) && strcmp(kinds[k], s->kind) != 0)
            k++;
        cJSON *e = cJSON_CreateObject();
        cJSON_AddItemToArray(list, e);
        cJSON_AddStringToObject(e, "name", s->label);
        cJSON_AddStringToObject(e, "cat", s->kind);
        cJSON_AddStringToObject(e, "ph", "X");
        cJSON_AddNumberToObject(e, "pid", 1);
        cJSON_AddNumberToObject(e, "tid", (double)k + 1);
        cJSON_AddNumberToObject(e, "ts", s->start_us);
        cJSON_AddNumberToObject(e, "dur", s->end_us - s->start_us);
    }
    char *text = cJSON_PrintUnformatted(j);
    cJSON_Delete(j);
    int status = text ? cli_write(path, text, strlen(text)) : cli_fail("out of memory");
    cJSON_free(text);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(struct job *job, const cr_data *data)
{
    cr_train_options options = training_trainer(&job->t, cli_variant_opt(job->t.opt));
    options.no_evaluation = true;
    cr_trainer *trainer = training_create(data, &options);
    if (!trainer)
        return cli_library_failed();
    uint64_t most = cr_trainer_get_info(trainer).train / cr_trainer_batch(trainer);
    uint64_t steps = job->steps < most ? job->steps : most;
    cr_profile warm, p;
    int status = CLI_OK;
    if (cr_trainer_profile(trainer, steps, &warm) != CR_OK) {
        status = cli_library_failed();
    } else {
        cr_profile_finish(&warm);
        if (cr_trainer_profile(trainer, steps, &p) != CR_OK) {
            status = cli_library_failed();
        } else {
            if (job->json)
                status = print_json(&p, (double)p.steps);
            else
                print_table(&p, (double)p.steps);
            if (job->trace && write_trace(&p, job->trace) != CLI_OK)
                status = CLI_MISTAKE;
            cr_profile_finish(&p);
        }
    }
    cr_trainer_destroy(trainer);
    return status;
}

static int check_files(const struct job *job)
{
    const split *s = &job->of;
    if (cli_check_writable(job->trace) || cli_check_writable(s->csv) ||
        cli_check_writable(s->plot) || plot_check("--plot", s->plot))
        return CLI_MISTAKE;
    return CLI_GO;
}

/* One variant, or all three. */
static int check_split(struct job *job, const cli_options *o)
{
    static const char *const of_split[] = {"--csv", "--plot"}, *const of_one[] = {"--opt",
                                                                                  "--trace"};
    for (size_t i = 0; i < CLI_COUNTOF(of_split); i++)
        if (cli_given(o, of_split[i]) && !job->split)
            return cli_fail("%s: it is for --split", of_split[i]);
    for (size_t i = 0; i < CLI_COUNTOF(of_one); i++)
        if (cli_given(o, of_one[i]) && job->split)
            return cli_fail("%s: it is for one variant, and --split measures all three", of_one[i]);
    return CLI_GO;
}

/* With all options read. */
static int profile(struct job *job)
{
    if (job->steps < 1)
        return cli_fail("--steps: at least 1 is needed");
    if (check_files(job) != CLI_GO)
        return CLI_MISTAKE;
    cr_data *data = training_data(&job->t);
    if (!data)
        return CLI_MISTAKE;
    job->of.steps = job->steps;
    job->of.json = job->json;
    const int status = job->split ? split_measure(&job->of, &job->t, data) : run(job, data);
    cr_data_close(data);
    return status;
}

int cli_profile(int argc, char **argv)
{
    struct job job = {.steps = 100};
    cli_options o = {
        .about =
            "Measures each command of a training step: transfers, kernels, and the time in which\n"
            "nothing runs. Figures are of one step, the mean over all that were measured.",
    };
    training_options(&job.t, &o);
    cli_add(&o, "--opt", CLI_CHOICE, &job.t.opt, CLI_VARIANTS, "how far the compiler goes");
    cli_add(&o, "--steps", CLI_COUNT, &job.steps, "N", "steps that are measured");
    cli_add(&o, "--trace", CLI_OUTPUT, &job.trace, "F.json",
            "also write a timeline for Perfetto and chrome://tracing");
    cli_add(&o, "--split", CLI_FLAG, &job.split, NULL,
            "transfers, kernels, host and idle time of naive, unfused and fused, side by side");
    cli_add(&o, "--csv", CLI_OUTPUT, &job.of.csv, "F.csv", "also write the split there");
    cli_add(&o, "--plot", CLI_OUTPUT, &job.of.plot, "F.svg", "draw the split (.svg or .png)");
    cli_add(&o, "--json", CLI_FLAG, &job.json, NULL, "print JSON");
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = check_split(&job, &o);
    if (status == CLI_GO)
        status = training_check(&job.t, &o);
    if (status != CLI_GO)
        return status;
    status = profile(&job);
    training_finish(&job.t);
    return status;
}
