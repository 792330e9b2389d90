/* train.c - `crisol train`. */
#include <cjson/cJSON.h>
#include <math.h>
#include <unistd.h>

#include "history.h"
#include "training.h"

struct job {
    training t;
    uint64_t epochs;
    const char *log, *plot;
    uint32_t batch;
    bool json;
    double last_shown;
};

/* ---- progress -------------------------------------------------------------------------------- */

static void show_progress(const cr_progress *p, void *user)
{
    struct job *job = user;
    double now = cli_now();
    if (p->step < p->steps && now - job->last_shown < 0.1)
        return;
    job->last_shown = now;
    double rate = (double)p->step / fmax(p->seconds, 1e-9);
    int done = (int)(24 * p->step / p->steps);
    fprintf(stderr, "\repoch %u/%llu  [%.*s%*s]  %llu/%llu steps  %.0f steps/s  %.0f s left \x1b[K",
            p->epoch, (unsigned long long)job->epochs, done, "########################", 24 - done,
            "", (unsigned long long)p->step, (unsigned long long)p->steps, rate,
            (double)(p->steps - p->step) / fmax(rate, 1e-9));
    fflush(stderr);
}

static void clear_progress(const struct job *job)
{
    if (job->last_shown > 0)
        fprintf(stderr, "\r\x1b[K");
}

/* ---- the result ------------------------------------------------------------------------------ */

static int print_json(const struct job *job, const history *h, const char *device)
{
    cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "epochs");
    cJSON_AddStringToObject(j, "device", device);
    cJSON_AddStringToObject(j, "net", job->t.net_text);
    cJSON_AddNumberToObject(j, "batch", job->batch);
    cJSON_AddNumberToObject(j, "seed", (double)job->t.seed);
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cJSON_AddNumberToObject(row, "epoch", e->epoch);
        cJSON_AddNumberToObject(row, "train_loss", e->train_loss);
        cJSON_AddNumberToObject(row, "train_accuracy", e->train_accuracy);
        cJSON_AddNumberToObject(row, "test_loss", e->test_loss);
        cJSON_AddNumberToObject(row, "test_accuracy", e->test_accuracy);
        cJSON_AddNumberToObject(row, "seconds", e->seconds);
        cJSON_AddNumberToObject(row, "test_seconds", e->test_seconds);
    }
    return cli_print_json(j);
}

static int epochs(struct job *job, cr_trainer *trainer, history *h)
{
    if (!job->json)
        history_print_head(stdout);
    while (h->n < job->epochs) {
        cr_epoch e;
        cr_status status = *training_interrupt ? CR_E_INTERRUPTED : cr_trainer_epoch(trainer, &e);
        clear_progress(job);
        if (status == CR_E_INTERRUPTED) {
            cli_fail("interrupted in epoch %zu", h->n + 1);
            return CLI_INTERRUPTED;
        }
        if (status != CR_OK)
            return cli_library_failed();
        history_add(h, &e);
        if (!job->json)
            history_print_row(stdout, &e);
        if (history_write_csv(h, job->log) != CLI_OK)
            return CLI_MISTAKE;
    }
    return CLI_OK;
}

/* Whatever happened, what was done is written. */
static int run(struct job *job, const cr_dataset *data)
{
    cr_train_options options = training_trainer(&job->t, cli_variant_opt(job->t.opt));
    if (isatty(STDERR_FILENO)) {
        options.progress = show_progress;
        options.progress_user = job;
    }
    cr_trainer *trainer = cr_trainer_create(data, &options);
    if (!trainer)
        return cli_library_failed();
    job->batch = cr_trainer_batch(trainer);
    const char *device = cr_program_get_info(cr_trainer_program(trainer)).device;
    fprintf(stderr, "%u training and %u test images, on %s\n", data->ntrain, data->ntest, device);
    history h = {NULL, 0};
    int status = epochs(job, trainer, &h);
    if (history_write_csv(&h, job->log) != CLI_OK && status == CLI_OK)
        status = CLI_MISTAKE;
    if (history_plot(&h, job->plot, job->t.net_text) != CLI_OK && status == CLI_OK)
        status = CLI_MISTAKE;
    if (job->json && h.n > 0 && print_json(job, &h, device) != CLI_OK && status == CLI_OK)
        status = CLI_MISTAKE;
    history_finish(&h);
    cr_trainer_destroy(trainer);
    return status;
}

int cli_train(int argc, char **argv)
{
    struct job job = {.epochs = 5};
    cli_options o = {
        .about = "Trains a net, with shuffling. Prints loss and accuracy of each epoch: on "
                 "training data\n"
                 "while the weights change, on test data at the epoch's end; and its time.",
    };
    training_options(&job.t, &o);
    cli_add(&o, "--epochs", CLI_COUNT, &job.epochs, "N", "how often each sample is seen");
    cli_add(&o, "--opt", CLI_CHOICE, &job.t.opt, CLI_VARIANTS, "how far the compiler goes");
    cli_add(&o, "--log", CLI_TEXT, &job.log, "F.csv", "also write the table there, epoch by epoch");
    cli_add(&o, "--plot", CLI_TEXT, &job.plot, "F.svg", "draw loss and accuracy (.svg or .png)");
    cli_add(&o, "--json", CLI_FLAG, &job.json, NULL, "print JSON at the end instead of the table");
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = training_check(&job.t, &o);
    if (status != CLI_GO)
        return status;
    if (job.epochs < 1)
        return cli_fail("--epochs: at least 1 is needed");
    if (cli_check_writable(job.log) || cli_check_writable(job.plot) || history_check_plot(job.plot))
        return CLI_MISTAKE;
    training_catch_interrupt();
    cr_dataset *data = cr_dataset_load(job.t.data);
    if (!data)
        return cli_library_failed();
    status = run(&job, data);
    cr_dataset_destroy(data);
    return status;
}
