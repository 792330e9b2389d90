/* tell.c - what came of a study, as a table, CSV and JSON. */
#include <cjson/cJSON.h>
#include <math.h>

#include "study/study.h"

/* ---- figures --------------------------------------------------------------------------------- */

typedef double figure(const study_training *it);

static double rate_of(const study_training *it)
{
    return it->samples_per_second;
}

static double train_seconds_of(const study_training *it)
{
    return it->train_seconds;
}

static double compile_seconds_of(const study_training *it)
{
    return it->compile_seconds;
}

/* Of the last epoch; of plain C there is none. */
static cr_epoch last_of(const study_training *it)
{
    if (it->h.n)
        return it->h.epoch[it->h.n - 1];
    return (cr_epoch){
        .train_loss = NAN, .train_accuracy = NAN, .test_loss = NAN, .test_accuracy = NAN};
}

static double train_loss_of(const study_training *it)
{
    return last_of(it).train_loss;
}

static double train_accuracy_of(const study_training *it)
{
    return last_of(it).train_accuracy;
}

static double test_loss_of(const study_training *it)
{
    return last_of(it).test_loss;
}

static double test_accuracy_of(const study_training *it)
{
    return last_of(it).test_accuracy;
}

static study_mean mean_of(const study_run *r, figure *of)
{
    double sum = 0, squares = 0, n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->training[i].whole) {
            sum += of(&r->training[i]);
            n++;
        }
    const double mean = n > 0 ? sum / n : NAN;
    for (size_t i = 0; i < r->n; i++)
        if (r->training[i].whole)
            squares += (of(&r->training[i]) - mean) * (of(&r->training[i]) - mean);
    return (study_mean){mean, n > 1 ? sqrt(squares / (n - 1)) : NAN};
}

static size_t count_whole(const study_run *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->training[i].whole;
    return n;
}

study_row study_row_of(const study *s, const study_run *r)
{
    study_row row = {.samples_per_second = mean_of(r, rate_of),
                     .train_seconds = mean_of(r, train_seconds_of),
                     .compile_seconds = mean_of(r, compile_seconds_of),
                     .train_loss = mean_of(r, train_loss_of),
                     .train_accuracy = mean_of(r, train_accuracy_of),
                     .test_loss = mean_of(r, test_loss_of),
                     .test_accuracy = mean_of(r, test_accuracy_of),
                     .seeds = count_whole(r)};
    row.relative = row.samples_per_second.mean / mean_of(&s->run[0], rate_of).mean;
    row.step_us = 1e6 * (double)r->batch / row.samples_per_second.mean;
    return row;
}

bool study_epoch_of(const study_run *r, size_t epoch, cr_epoch *out)
{
    const bool any_whole = count_whole(r) > 0;
    double n = 0;
    *out = (cr_epoch){.epoch = (uint32_t)epoch + 1};
    for (size_t i = 0; i < r->n; i++) {
        const history *h = &r->training[i].h;
        if (epoch >= h->n || (any_whole && !r->training[i].whole))
            continue;
        const cr_epoch *e = &h->epoch[epoch];
        n++;
        out->train_loss += (e->train_loss - out->train_loss) / n;
        out->train_accuracy += (e->train_accuracy - out->train_accuracy) / n;
        out->test_loss += (e->test_loss - out->test_loss) / n;
        out->test_accuracy += (e->test_accuracy - out->test_accuracy) / n;
        out->seconds += (e->seconds - out->seconds) / n;
    }
    return n > 0;
}

static const char *state_word(const study_run *r)
{
    static const char *const words[] = {[STUDY_WAITING] = "waiting",
                                        [STUDY_INTERRUPTED] = "interrupted",
                                        [STUDY_DONE] = "done",
                                        [STUDY_DIVERGED] = "diverged",
                                        [STUDY_FAILED] = "failed"};
    return words[r->state];
}

const char *study_seeds(const study *s, size_t least, char *buf)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t n = count_whole(&s->run[i]);
        if (n == 0 || (s->run[i].sequential && s->n > 1))
            continue;
        low = n < low ? n : low;
        high = n > high ? n : high;
    }
    buf[0] = '\0';
    if (high == 0 || high < least)
        return buf;
    if (low == high)
        snprintf(buf, STUDY_SEEDS_TEXT, "mean of %zu seed%s", high, high == 1 ? "" : "s");
    else
        snprintf(buf, STUDY_SEEDS_TEXT, "mean of %zu to %zu seeds", low, high);
    return buf;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int label_width(const study *s)
{
    size_t width = strlen(s->what);
    for (size_t i = 0; i < s->n; i++)
        width = strlen(s->run[i].label) > width ? strlen(s->run[i].label) : width;
    return (int)width;
}

void study_print_head(const study *s)
{
    if (s->json)
        return;
    printf("%-*s  %10s  %10s  %8s  %10s  %10s  %10s  %9s  %s\n", label_width(s), s->what,
           "parameters", "samples/s", "relative", "step", "training", "compiling", "loss",
           "accuracy");
    fflush(stdout);
}

static void print_accuracy(const study_mean *a)
{
    if (isnan(a->mean))
        printf("  %8s", "-");
    else
        printf("  %6.2f %%", 100 * a->mean);
    if (!isnan(a->deviation))
        printf(" +- %.2f", 100 * a->deviation);
}

/* Without a test set it is the training that is told. */
void study_print_row(const study *s, const study_run *r)
{
    if (s->json)
        return;
    const study_row row = study_row_of(s, r);
    printf("%-*s", label_width(s), r->label);
    if (row.seeds == 0) {
        printf("  %s\n", state_word(r));
        fflush(stdout);
        return;
    }
    char step[CLI_SIZE_TEXT], train[CLI_SIZE_TEXT], compile[CLI_SIZE_TEXT];
    const bool tested = !isnan(row.test_loss.mean);
    const double loss = tested ? row.test_loss.mean : row.train_loss.mean;
    printf("  %10llu  ", (unsigned long long)r->parameters);
    if (isnan(row.samples_per_second.mean)) /* its steps could not be timed */
        printf("%10s  %8s  %10s  %10s  %10s", "-", "-", "-", "-", "-");
    else
        printf("%10.0f  %8.3g  %10s  %10s  %10s", row.samples_per_second.mean, row.relative,
               cli_micros(row.step_us, step), cli_seconds(row.train_seconds.mean, train),
               r->sequential ? "-" : cli_seconds(row.compile_seconds.mean, compile));
    if (isnan(loss))
        printf("  %9s", "-");
    else
        printf("  %9.5f", loss);
    print_accuracy(tested ? &row.test_accuracy : &row.train_accuracy);
    if (r->sequential)
        printf("  (extrapolated from %llu steps)", (unsigned long long)r->steps);
    else if (r->state != STUDY_DONE)
        printf("  (%zu of %llu seeds: %s)", row.seeds, (unsigned long long)s->seeds, state_word(r));
    printf("\n");
    fflush(stdout);
}

static void print_sequential(const study_run *r)
{
    printf("%s is the reference interpreter on one thread, nothing fused; the losses of its %llu "
           "steps ",
           r->label, (unsigned long long)r->steps);
    if (r->equal)
        printf("are those of %s, bit for bit\n", r->device);
    else
        printf("differ from those of %s by %.3g at most\n", r->device, r->difference);
}

void study_print_foot(const study *s)
{
    if (s->json)
        return;
    printf("\n");
    if (s->kind == STUDY_devices && *s->gpu)
        printf("a GPU was found: %s\n", s->gpu);
    else if (s->kind == STUDY_devices)
        printf("no GPU was found (crisol devices lists what OpenCL offers)\n");
    for (size_t i = 0; i < s->n; i++)
        if (s->run[i].sequential && s->run[i].state == STUDY_DONE)
            print_sequential(&s->run[i]);
    char seeds[STUDY_SEEDS_TEXT];
    study_seeds(s, 1, seeds);
    printf("(%llu epoch%s; %s%sloss and accuracy after the last epoch, of test samples where there "
           "are any; compiling and first steps are no part of training)\n",
           (unsigned long long)s->epochs, s->epochs == 1 ? "" : "s", seeds, *seeds ? "; " : "");
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void put_means(cli_text *t, const study_row *row)
{
    const double means[] = {row->samples_per_second.mean,
                            row->samples_per_second.deviation,
                            row->relative,
                            row->step_us,
                            row->train_seconds.mean,
                            row->compile_seconds.mean,
                            row->train_loss.mean,
                            row->train_accuracy.mean,
                            row->test_loss.mean,
                            row->test_loss.deviation,
                            row->test_accuracy.mean,
                            row->test_accuracy.deviation};
    for (size_t i = 0; i < CLI_COUNTOF(means); i++)
        cli_put_figure(t, means[i]);
}

static bool has_rows(const study *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->run[i].state != STUDY_WAITING)
            return true;
    return false;
}

int study_write_csv(const study *s)
{
    if (!s->csv || !has_rows(s))
        return CLI_OK;
    cli_text t = {0};
    cli_put(&t,
            "%s,state,device,seeds,epochs,batch,parameters,samples_per_second,"
            "samples_per_second_deviation,relative,step_us,train_seconds,compile_seconds,"
            "train_loss,train_accuracy,test_loss,test_loss_deviation,test_accuracy,"
            "test_accuracy_deviation,extrapolated_from_steps\n",
            s->kind == STUDY_batch     ? "size"
            : s->kind == STUDY_devices ? "where"
                                       : s->what);
    for (size_t i = 0; i < s->n; i++) {
        const study_run *r = &s->run[i];
        const study_row row = study_row_of(s, r);
        if (r->state == STUDY_WAITING)
            continue;
        cli_put_field(&t, r->label);
        cli_put(&t, ",%s,", state_word(r));
        cli_put_field(&t, r->sequential ? "host" : r->device);
        cli_put(&t, ",%zu,%llu,%u,%llu", row.seeds, (unsigned long long)s->epochs, r->batch,
                (unsigned long long)r->parameters);
        put_means(&t, &row);
        cli_put(&t, ",");
        if (r->sequential)
            cli_put(&t, "%llu", (unsigned long long)r->steps);
        cli_put(&t, "\n");
    }
    const int status = cli_write(s->csv, t.at, t.len);
    free(t.at);
    return status;
}

int study_write_curves(const study *s)
{
    if (!s->curves)
        return CLI_OK;
    cli_text t = {0};
    cli_put(&t, "%s,seed,epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds\n",
            s->what);
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->run[i].n; k++) {
            const study_training *it = &s->run[i].training[k];
            for (size_t j = 0; j < it->h.n; j++) {
                const cr_epoch *e = &it->h.epoch[j];
                const double figures[] = {e->train_loss, e->train_accuracy, e->test_loss,
                                          e->test_accuracy, e->seconds};
                cli_put_field(&t, s->run[i].label);
                cli_put(&t, ",%llu,%u", (unsigned long long)it->seed, e->epoch);
                for (size_t f = 0; f < CLI_COUNTOF(figures); f++)
                    cli_put_figure(&t, figures[f]);
                cli_put(&t, "\n");
            }
        }
    const int status = cli_write(s->curves, t.at, t.len);
    free(t.at);
    return status;
}

int study_log_curves(study *s)
{
    const double begun = cli_now();
    if (begun < s->curves_due)
        return CLI_OK;
    const int status = study_write_curves(s);
    s->curves_due = history_due(begun);
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* NaN is null. */
static void add_mean(cJSON *to, const char *name, const study_mean *m)
{
    cJSON *both = cJSON_AddObjectToObject(to, name);
    cJSON_AddNumberToObject(both, "mean", m->mean);
    cJSON_AddNumberToObject(both, "deviation", m->deviation);
}

static cJSON *json_run(const study *s, const study_run *r)
{
    const study_row row = study_row_of(s, r);
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "label", r->label);
    cJSON_AddStringToObject(j, "state", state_word(r));
    cJSON_AddStringToObject(j, "device", r->sequential ? "host" : r->device);
    cJSON_AddNumberToObject(j, "seeds", (double)row.seeds);
    cJSON_AddNumberToObject(j, "batch", r->batch);
    cJSON_AddNumberToObject(j, "parameters", (double)r->parameters);
    add_mean(j, "samples_per_second", &row.samples_per_second);
    cJSON_AddNumberToObject(j, "relative", row.relative);
    cJSON_AddNumberToObject(j, "step_us", row.step_us);
    add_mean(j, "train_seconds", &row.train_seconds);
    add_mean(j, "compile_seconds", &row.compile_seconds);
    add_mean(j, "train_loss", &row.train_loss);
    add_mean(j, "train_accuracy", &row.train_accuracy);
    add_mean(j, "test_loss", &row.test_loss);
    add_mean(j, "test_accuracy", &row.test_accuracy);
    if (r->sequential) {
        cJSON_AddNumberToObject(j, "extrapolated_from_steps", (double)r->steps);
        if (r->held)
            cJSON_AddBoolToObject(j, "losses_equal", r->equal);
    }
    return j;
}

int study_print_json(const study *s)
{
    if (!s->json)
        return CLI_OK;
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "study", s->name);
    cJSON_AddNumberToObject(j, "epochs", (double)s->epochs);
    if (s->kind == STUDY_devices)
        cJSON_AddBoolToObject(j, "gpu_found", *s->gpu != '\0');
    cJSON *list = cJSON_AddArrayToObject(j, "runs");
    for (size_t i = 0; i < s->n; i++)
        if (s->run[i].state != STUDY_WAITING)
            cJSON_AddItemToArray(list, json_run(s, &s->run[i]));
    return cli_print_json(j);
}
