/* train.c - `crisol train`. */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "options/checkpointing.h"
#include "options/starting.h"
#include "options/training.h"
#include "results/grid.h"
#include "results/history.h"
#include "results/matrix.h"
#include "results/plotting.h"
#include "results/predictions.h"

struct job {
    training t;
    uint64_t epochs, patience, device_memory;
    int monitor;
    float min_delta, validation_split;
    const char *log, *plot, *predict, *confusion, *show;
    uint32_t batch;
    bool json;
    double last_shown;
    cr_progress first; /* that was shown: before it a driver may have compiled */
    history h;
    int status; /* of what is written after an epoch */
    checkpointing c;
    starting start;
};

/* ---- progress -------------------------------------------------------------------------------- */

/* What is left is of all epochs, evaluations aside. */
static void show_progress(const cr_progress *p, void *user)
{
    struct job *job = user;
    double now = cli_now();
    if (p->step < p->steps && now - job->last_shown < 0.1)
        return;
    job->last_shown = now;
    const cr_progress from = p->epoch == 1 ? job->first : (cr_progress){0};
    if (job->first.step == 0)
        job->first = *p;
    const double rate = (double)(p->step - from.step) / fmax(p->seconds - from.seconds, 1e-9);
    const double left =
        (double)(p->steps - p->step) + (double)(job->epochs - p->epoch) * (double)p->steps;
    const int done = (int)(24 * p->step / p->steps);
    char time[CLI_SIZE_TEXT];
    fprintf(stderr, "\repoch %u/%llu  [%.*s%*s]  %llu/%llu steps  %.0f steps/s  %s left  loss %.4f",
            p->epoch, (unsigned long long)job->epochs, done, "########################", 24 - done,
            "", (unsigned long long)p->step, (unsigned long long)p->steps, rate,
            cli_duration(left / fmax(rate, 1e-9), time), p->loss);
    if (!isnan(p->accuracy))
        fprintf(stderr, "  accuracy %.2f %%", 100 * p->accuracy);
    fprintf(stderr, "\x1b[K");
    fflush(stderr);
}

static void clear_progress(struct job *job)
{
    if (job->last_shown > 0)
        fprintf(stderr, "\r\x1b[K");
    job->last_shown = 0;
}

/* ---- the result ------------------------------------------------------------------------------ */

static int print_json(const struct job *job, const cr_fit *fit, const char *device)
{
    cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "epochs");
    cJSON_AddStringToObject(j, "device", device);
    cJSON_AddStringToObject(j, "net", job->t.net_text);
    cJSON_AddNumberToObject(j, "batch", job->batch);
    cJSON_AddNumberToObject(j, "seed", (double)job->t.seed);
    if (fit->best_epoch)
        cJSON_AddNumberToObject(j, "best_epoch", fit->best_epoch);
    for (size_t i = job->h.earlier; i < job->h.n; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        history_add_json(&job->h, &job->h.epoch[i], row);
    }
    return cli_print_json(j);
}

/* ---- epochs ---------------------------------------------------------------------------------- */

/* Whatever comes after, this epoch is told and written. */
static bool after_epoch(const cr_epoch *e, void *user)
{
    struct job *job = user;
    clear_progress(job);
    history_add(&job->h, e);
    if (!job->json)
        history_print_row(&job->h, stdout, e);
    /* what is gone on from a checkpoint with is in the log */
    const bool kept = job->c.file && e->epoch % job->c.every == 0;
    job->status = kept ? history_write_log(&job->h, job->log) : history_log(&job->h, job->log);
    return job->status == CLI_OK;
}

enum { BEST_TEXT = 80 };

/* "epoch 7, validation loss 0.25" into buf; returns buf. */
static const char *best_text(const struct job *job, uint32_t epoch, double figure, char *buf)
{
    const bool loss = job->monitor == CR_MONITOR_LOSS;
    snprintf(buf, BEST_TEXT, "epoch %u, %s %s %.6g%s", epoch,
             job->h.validates ? "validation" : "test", loss ? "loss" : "accuracy",
             loss ? figure : 100 * figure, loss ? "" : " %");
    return buf;
}

static void tell_best(const struct job *job, const cr_fit *fit)
{
    char best[BEST_TEXT];
    fprintf(stderr, "%s after epoch %u; the weights are those of %s\n",
            fit->stopped ? "stopped" : "done", job->c.done + fit->epochs,
            best_text(job, fit->best_epoch, fit->best, best));
}

/* Has early stopping ended it by then? */
static bool stops_after(const struct job *job, cr_trainer *trainer, uint32_t epoch)
{
    double figure;
    const void *weights;
    const uint32_t best = cr_trainer_best(trainer, &figure, &weights);
    return job->patience && best && epoch - best >= job->patience;
}

/* CLI_GO, or a message that there is nothing to go on with. */
static int check_going_on(const struct job *job, cr_trainer *trainer)
{
    char text[BEST_TEXT];
    double figure;
    const void *weights;
    const uint32_t best = cr_trainer_best(trainer, &figure, &weights);
    if (job->c.done && stops_after(job, trainer, job->c.done))
        return cli_fail("%s: it had stopped after epoch %u, %llu epochs (--patience) after the "
                        "best one: %s. --start %s begins another training with these weights",
                        job->c.resume, job->c.done, (unsigned long long)job->patience,
                        best_text(job, best, figure, text), job->c.resume);
    if (job->c.done >= job->epochs)
        return cli_fail("--epochs: %s has %u epochs already; more than that are needed to go on",
                        job->c.resume, job->c.done);
    return CLI_GO;
}

/* Behind early stopping: is it the last epoch? */
static cr_status after_all(cr_trainer *trainer, const cr_epoch *e, void *user)
{
    struct job *job = user;
    const bool last = stops_after(job, trainer, e->epoch) || e->epoch == job->epochs;
    return checkpointing_write(&job->c, trainer, e->epoch, last);
}

static int interrupted(const struct job *job)
{
    cli_fail("interrupted in epoch %zu", job->c.done + job->h.n - job->h.earlier + 1);
    checkpointing_tell(&job->c);
    return CLI_INTERRUPTED;
}

static int epochs(struct job *job, cr_trainer *trainer, cr_fit *fit)
{
    const cr_early_stopping stopping = {.monitor = (cr_monitor)job->monitor,
                                        .patience = (uint32_t)job->patience,
                                        .min_delta = (double)job->min_delta};
    const cr_fit_options options = {.on_epoch = after_epoch,
                                    .after_epoch = after_all,
                                    .user = job,
                                    .early_stopping = job->patience ? &stopping : NULL,
                                    .go_on = true};
    *fit = (cr_fit){0};
    if (check_going_on(job, trainer) != CLI_GO)
        return CLI_MISTAKE;
    if (!job->json)
        history_print_head(&job->h, stdout);
    cr_status status = cr_trainer_fit(trainer, (uint32_t)job->epochs - job->c.done, &options, fit);
    clear_progress(job);
    if (status == CR_E_INTERRUPTED)
        return interrupted(job);
    if (status != CR_OK)
        return cli_library_failed();
    if (fit->best_epoch)
        tell_best(job, fit);
    return job->status;
}

/* Keeps the first exit status that is not 0. */
static void also(int *status, int next)
{
    if (*status == CLI_OK)
        *status = next;
}

/* Whatever happened, what was done is written. */
static int train(struct job *job, const cr_data *data, cr_trainer *trainer)
{
    const char *device = cr_program_get_info(cr_trainer_program(trainer)).device;
    const cr_loss loss = (cr_loss)job->t.loss;
    cr_fit fit;
    samples_tell(data, trainer);
    int status = epochs(job, trainer, &fit);
    if (status == CLI_OK)
        status = predictions_write(trainer, data, loss, job->predict);
    if (status == CLI_OK)
        status = confusion_write(trainer, data, job->confusion);
    if (status == CLI_OK)
        status = predictions_show(trainer, data, loss, job->show);
    int written = history_write_log(&job->h, job->log);
    also(&status, written);
    written = history_plot(&job->h, job->plot, job->t.net_text);
    also(&status, written);
    if (job->json && job->h.n > job->h.earlier) {
        written = print_json(job, &fit, device);
        also(&status, written);
    }
    return status;
}

/* What is asked of a test set needs one. */
static int check_test(const struct job *job, const cr_data *data)
{
    const char *option = job->predict     ? "--predict"
                         : job->confusion ? "--confusion"
                         : job->show      ? "--show"
                                          : NULL;
    if (job->show && grid_check("--show", data) != CLI_GO)
        return CLI_MISTAKE;
    if (!option || training_has_test(&job->t, data))
        return CLI_GO;
    return cli_fail("%s: it is of test samples, and %s has none (see --test-data, --test-split)",
                    option, data->name);
}

static int run(struct job *job, const cr_data *data)
{
    if (check_test(job, data) != CLI_GO || starting_fits(&job->start, data) != CLI_GO)
        return CLI_MISTAKE;
    cr_train_options options = training_trainer(&job->t, cli_variant_opt(job->t.opt));
    options.validation_split = job->validation_split;
    options.max_device_bytes = job->device_memory;
    options.confusion = job->confusion != NULL;
    options.no_evaluation = !training_has_test(&job->t, data);
    job->h.validates = job->validation_split > 0;
    job->h.top_k = (uint32_t)job->t.top_k;
    if (isatty(STDERR_FILENO)) {
        options.progress = show_progress;
        options.progress_user = job;
    }
    cr_trainer *trainer = training_create(data, &options);
    if (!trainer)
        return cli_library_failed();
    job->batch = cr_trainer_batch(trainer);
    int status = starting_begin(&job->start, trainer);
    if (status == CLI_GO)
        status = checkpointing_begin(&job->c, data, trainer);
    if (status == CLI_GO && job->c.done && history_read_log(&job->h, job->log, job->c.done))
        status = CLI_MISTAKE;
    if (status == CLI_GO)
        status = train(job, data, trainer);
    history_finish(&job->h);
    cr_trainer_destroy(trainer);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void add_options(struct job *job, cli_options *o)
{
    training_options(&job->t, o);
    cli_add(o, "--epochs", CLI_COUNT, &job->epochs, "N", "how often each sample is seen");
    cli_add(o, "--opt", CLI_CHOICE, &job->t.opt, CLI_VARIANTS, "how far the compiler goes");
    cli_add(o, "--validation-split", CLI_REAL, &job->validation_split, "PART",
            "so much of the training set, its end, validates; drawn with --test-split");
    cli_add(o, "--patience", CLI_COUNT, &job->patience, "N",
            "stop after N epochs that are no better, and take the best weights");
    cli_add(o, "--monitor", CLI_CHOICE, &job->monitor, "loss|accuracy",
            "what is to be better: of validation, else of test");
    cli_add(o, "--min-delta", CLI_REAL, &job->min_delta, "D", "by more than so much");
    cli_add(o, "--log", CLI_OUTPUT, &job->log, "F.csv",
            "also write the table there, epoch by epoch (.csv, .jsonl); with --resume behind\n"
            "the earlier epochs that are there");
    cli_add(o, "--plot", CLI_OUTPUT, &job->plot, "F.svg", "draw loss and accuracy (.svg or .png)");
    cli_add(o, "--predict", CLI_OUTPUT, &job->predict, "F.csv",
            "write labels and probabilities of the test samples");
    cli_add(o, "--confusion", CLI_OUTPUT, &job->confusion, "F.csv|F.svg",
            "write how many test samples of each label were taken for each class, or draw it");
    cli_add(o, "--show", CLI_OUTPUT, &job->show, "F.png",
            "draw the first test images, and what they are taken for");
    cli_add(o, "--device-memory", CLI_BYTES, &job->device_memory, "BYTES",
            "take no more of the device's (64MB, 1.5GiB); samples that do not fit are streamed");
    cli_add(o, "--json", CLI_FLAG, &job->json, NULL, "print JSON at the end instead of the table");
    checkpointing_options(&job->c, o);
    starting_options(&job->start, o);
}

static int check_stopping(const struct job *job, const cli_options *o)
{
    if (job->epochs < 1 || job->epochs > UINT32_MAX)
        return cli_fail("--epochs: at least 1 is needed, and at most 2^32 - 1");
    if (cli_given(o, "--patience")) {
        if (job->patience < 1 || job->patience > UINT32_MAX)
            return cli_fail("--patience: at least 1 epoch is needed, and at most 2^32 - 1");
        return job->min_delta >= 0 ? CLI_GO
                                   : cli_fail("--min-delta: it is %g; it must be 0 or more",
                                              (double)job->min_delta);
    }
    if (cli_given(o, "--monitor") || cli_given(o, "--min-delta"))
        return cli_fail("%s: it is for early stopping, which --patience asks for",
                        cli_given(o, "--monitor") ? "--monitor" : "--min-delta");
    return CLI_GO;
}

static bool check_files(const struct job *job)
{
    return !cli_check_writable(job->log) && !cli_check_writable(job->plot) &&
           !cli_check_writable(job->predict) && !cli_check_writable(job->confusion) &&
           !cli_check_writable(job->show) && grid_check_path("--show", job->show) == CLI_GO &&
           !(matrix_is_drawn(job->confusion) && plot_check("--confusion", job->confusion)) &&
           !history_check_log(job->log) && !plot_check("--plot", job->plot);
}

/* With all options read. */
static int train_checked(struct job *job, const cli_options *o)
{
    const int status = check_stopping(job, o);
    if (status != CLI_GO)
        return status;
    if (!check_files(job))
        return CLI_MISTAKE;
    training_catch_interrupt();
    cr_data *data = training_data(&job->t);
    if (!data)
        return CLI_MISTAKE;
    const int end = run(job, data);
    cr_data_close(data);
    return end;
}

int cli_train(int argc, char **argv)
{
    struct job job = {.epochs = 5};
    cli_options o = {
        .about = "Trains a net, with shuffling. Prints loss and accuracy of each epoch: on "
                 "training data\n"
                 "while the weights change, on test data at the epoch's end; and its time.",
    };
    add_options(&job, &o);
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = checkpointing_check(&job.c, &job.t, &o);
    if (status == CLI_GO)
        status = cli_check_apart(&o);
    if (status == CLI_GO)
        status = starting_check(&job.start, &job.t, &o);
    if (status == CLI_GO)
        status = training_check(&job.t, &o);
    if (status == CLI_GO) {
        status = train_checked(&job, &o);
        training_finish(&job.t);
    }
    checkpointing_finish(&job.c);
    starting_finish(&job.start);
    return status;
}
