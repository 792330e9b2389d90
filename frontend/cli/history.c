/* history.c - what the epochs of a training were like, as a table, CSV and a picture. */
#include "history.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "plotting.h"

void history_add(history *h, const cr_epoch *e)
{
    cr_epoch *more = cli_alloc((h->n + 1) * sizeof *more);
    if (h->n)
        memcpy(more, h->epoch, h->n * sizeof *more);
    free(h->epoch);
    h->epoch = more;
    h->epoch[h->n++] = *e;
}

void history_finish(history *h)
{
    free(h->epoch);
}

/* ---- the table ------------------------------------------------------------------------------- */

void history_print_head(const history *h, FILE *out)
{
    fprintf(out, "%5s  %10s  %8s", "epoch", "loss", "accuracy");
    if (h->validates)
        fprintf(out, "  %10s  %8s", "validation", "accuracy");
    fprintf(out, "  %10s  %8s", "test loss", "accuracy");
    if (h->top_k) {
        char name[16];
        snprintf(name, sizeof name, "top %u", h->top_k);
        fprintf(out, "  %8s", name);
    }
    fprintf(out, "  %8s\n", "seconds");
    fflush(out);
}

/* What there is none of is NaN: of targets there is no accuracy, and there may be no test set. */
static void print_loss(FILE *out, double loss)
{
    if (isnan(loss))
        fprintf(out, "  %10s", "-");
    else
        fprintf(out, "  %10.6f", loss);
}

static void print_part(FILE *out, double part)
{
    if (isnan(part))
        fprintf(out, "  %8s", "-");
    else
        fprintf(out, "  %6.2f %%", 100 * part);
}

void history_print_row(const history *h, FILE *out, const cr_epoch *e)
{
    fprintf(out, "%5u", e->epoch);
    print_loss(out, e->train_loss);
    print_part(out, e->train_accuracy);
    if (h->validates) {
        print_loss(out, e->validation_loss);
        print_part(out, e->validation_accuracy);
    }
    print_loss(out, e->test_loss);
    print_part(out, e->test_accuracy);
    if (h->top_k)
        print_part(out, e->test_top_k);
    fprintf(out, "  %8.3f\n", e->seconds);
    fflush(out);
}

/* ---- logs ------------------------------------------------------------------------------------ */

void history_add_json(const history *h, const cr_epoch *e, cJSON *to)
{
    cJSON_AddNumberToObject(to, "epoch", e->epoch);
    cJSON_AddNumberToObject(to, "train_loss", e->train_loss);
    cJSON_AddNumberToObject(to, "train_accuracy", e->train_accuracy);
    if (h->validates) {
        cJSON_AddNumberToObject(to, "validation_loss", e->validation_loss);
        cJSON_AddNumberToObject(to, "validation_accuracy", e->validation_accuracy);
    }
    cJSON_AddNumberToObject(to, "test_loss", e->test_loss);
    cJSON_AddNumberToObject(to, "test_accuracy", e->test_accuracy);
    if (h->top_k) {
        cJSON_AddNumberToObject(to, "train_top_k", e->train_top_k);
        if (h->validates)
            cJSON_AddNumberToObject(to, "validation_top_k", e->validation_top_k);
        cJSON_AddNumberToObject(to, "test_top_k", e->test_top_k);
    }
    cJSON_AddNumberToObject(to, "seconds", e->seconds);
    cJSON_AddNumberToObject(to, "test_seconds", e->test_seconds);
}

/* An empty field where there is none. */
static void put_figure(cli_text *t, int digits, double x)
{
    cli_put(t, ",");
    if (!isnan(x))
        cli_put(t, digits == 9 ? "%.9g" : "%.6f", x);
}

static void put_csv(cli_text *t, const history *h)
{
    cli_put(t,
            "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,test_seconds%s%s%s\n",
            h->validates ? ",validation_loss,validation_accuracy" : "",
            h->top_k ? ",train_top_k,test_top_k" : "",
            h->top_k && h->validates ? ",validation_top_k" : "");
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        cli_put(t, "%u", e->epoch);
        put_figure(t, 9, e->train_loss);
        put_figure(t, 6, e->train_accuracy);
        put_figure(t, 9, e->test_loss);
        put_figure(t, 6, e->test_accuracy);
        put_figure(t, 6, e->seconds);
        put_figure(t, 6, e->test_seconds);
        if (h->validates) {
            put_figure(t, 9, e->validation_loss);
            put_figure(t, 6, e->validation_accuracy);
        }
        if (h->top_k) {
            put_figure(t, 6, e->train_top_k);
            put_figure(t, 6, e->test_top_k);
        }
        if (h->top_k && h->validates)
            put_figure(t, 6, e->validation_top_k);
        cli_put(t, "\n");
    }
}

static void put_json_lines(cli_text *t, const history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        cJSON *row = cJSON_CreateObject();
        history_add_json(h, &h->epoch[i], row);
        char *line = cJSON_PrintUnformatted(row);
        cli_put(t, "%s\n", line ? line : "{}");
        cJSON_free(line);
        cJSON_Delete(row);
    }
}

static bool ends_in(const char *path, const char *ending)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ending) == 0;
}

int history_check_log(const char *path)
{
    if (!path || ends_in(path, ".csv") || ends_in(path, ".jsonl"))
        return CLI_OK;
    return cli_fail("--log: '%s' must end in .csv, or in .jsonl for a line of JSON an epoch", path);
}

int history_write_log(const history *h, const char *path)
{
    if (!path)
        return CLI_OK;
    cli_text t = {0};
    (ends_in(path, ".csv") ? put_csv : put_json_lines)(&t, h);
    int status = cli_write(path, t.at ? t.at : "", t.len);
    free(t.at);
    return status;
}

/* ---- the picture ----------------------------------------------------------------------------- */

/* A row an epoch: its number, then loss and accuracy of training, test and validation. */
static void put_data(cli_text *t, const history *h)
{
    cli_put(t, "$d << EOD\n");
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        cli_put(t, "%u %.9g %.9g %.9g %.9g %.9g %.9g\n", e->epoch, e->train_loss,
                100 * e->train_accuracy, e->test_loss, 100 * e->test_accuracy, e->validation_loss,
                100 * e->validation_accuracy);
    }
    cli_put(t, "EOD\n");
}

/* One picture of two: `column` of training, and what follows of the others. */
static void put_plot(cli_text *t, const history *h, const char *title, const char *key, int column)
{
    static const char *const names[] = {"training", "test", "validation"};
    const bool has[] = {true, !isnan(h->epoch[0].test_loss), h->validates};
    cli_put(t, "set title '%s' textcolor rgb '#222222'\nset key %s\nplot ", title, key);
    for (int i = 0; i < 3; i++)
        if (has[i])
            cli_put(t, "%s$d using 1:%d with linespoints ls %d title '%s'", i ? ", " : "",
                    column + 2 * i, i + 1, names[i]);
    cli_put(t, "\n");
}

int history_plot(const history *h, const char *path, const char *title)
{
    if (!path || h->n == 0)
        return CLI_OK;
    cli_text t = {0};
    put_data(&t, h);
    plot_begin(&t, path, 960, 420);
    cli_put(&t, "set xlabel 'epoch' textcolor rgb '#444444'\n");
    cli_put(&t, "set xrange [%.9g:%.9g]\n", h->epoch[0].epoch - 0.5,
            (double)h->epoch[h->n - 1].epoch + 0.5);
    cli_put(&t, h->n <= 12 ? "set xtics 1\n" : "set xtics autofreq\n");
    const bool accuracy = !isnan(h->epoch[0].train_accuracy);
    cli_put(&t, "set multiplot layout 1,%d title ", accuracy ? 2 : 1);
    plot_quoted(&t, title, 100);
    cli_put(&t, " font ',15' textcolor rgb '#222222'\n");
    put_plot(&t, h, "loss", "top right", 2);
    if (accuracy)
        put_plot(&t, h, "accuracy (%)", "bottom right", 3);
    cli_put(&t, "unset multiplot\n");
    return plot_end(&t, path);
}
