/* history.c - what the epochs of a training were like, as a table, CSV and a picture. */
#include "results/history.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <unistd.h>

#include "results/fields.h"
#include "results/plotting.h"

void history_add(history *h, const cr_epoch *e)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 16;
        cr_epoch *more = cli_alloc(h->cap * sizeof *more);
        if (h->n)
            memcpy(more, h->epoch, h->n * sizeof *more);
        free(h->epoch);
        h->epoch = more;
    }
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

/* The columns behind the epoch, as a log has them; some only with validation, or with top k. */
static const struct column {
    const char *name;
    size_t at;
    const char *format;
    bool validation, top_k;
} columns[] = {
#define COLUMN(name, format, ...)                                                                  \
    {                                                                                              \
#name, offsetof(cr_epoch, name), format, __VA_ARGS__                                       \
    }
    COLUMN(train_loss, "%.9g", false, false),     COLUMN(train_accuracy, "%.6f", false, false),
    COLUMN(test_loss, "%.9g", false, false),      COLUMN(test_accuracy, "%.6f", false, false),
    COLUMN(seconds, "%.6f", false, false),        COLUMN(test_seconds, "%.6f", false, false),
    COLUMN(validation_loss, "%.9g", true, false), COLUMN(validation_accuracy, "%.6f", true, false),
    COLUMN(train_top_k, "%.6f", false, true),     COLUMN(test_top_k, "%.6f", false, true),
    COLUMN(validation_top_k, "%.6f", true, true),
#undef COLUMN
};

/* The next column that this history has; NULL behind the last one. */
static const struct column *next_column(const history *h, const struct column *c)
{
    for (c = c ? c + 1 : columns; c < columns + CLI_COUNTOF(columns); c++)
        if ((!c->validation || h->validates) && (!c->top_k || h->top_k))
            return c;
    return NULL;
}

static double figure_of(const cr_epoch *e, const struct column *c)
{
    double x;
    memcpy(&x, (const char *)e + c->at, sizeof x);
    return x;
}

static void set_figure(cr_epoch *e, const struct column *c, double x)
{
    memcpy((char *)e + c->at, &x, sizeof x);
}

void history_add_json(const history *h, const cr_epoch *e, cJSON *to)
{
    cJSON_AddNumberToObject(to, "epoch", e->epoch);
    for (const struct column *c = NULL; (c = next_column(h, c));)
        cJSON_AddNumberToObject(to, c->name, figure_of(e, c));
}

static void put_csv_head(cli_text *t, const history *h)
{
    cli_put(t, "epoch");
    for (const struct column *c = NULL; (c = next_column(h, c));)
        cli_put(t, ",%s", c->name);
}

/* Where there is no figure, an empty field. */
static void put_csv(cli_text *t, const history *h)
{
    char figure[64];
    put_csv_head(t, h);
    cli_put(t, "\n");
    for (size_t i = 0; i < h->n; i++) {
        cli_put(t, "%u", h->epoch[i].epoch);
        for (const struct column *c = NULL; (c = next_column(h, c));) {
            const double x = figure_of(&h->epoch[i], c);
            snprintf(figure, sizeof figure, c->format, x);
            cli_put(t, ",%s", isnan(x) ? "" : figure);
        }
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

int history_check_log(const char *path)
{
    if (!path || cli_ends_in(path, ".csv") || cli_ends_in(path, ".jsonl"))
        return CLI_OK;
    return cli_fail("--log: '%s' must end in .csv, or in .jsonl for a line of JSON an epoch", path);
}

int history_write_log(const history *h, const char *path)
{
    if (!path)
        return CLI_OK;
    cli_text t = {0};
    (cli_ends_in(path, ".csv") ? put_csv : put_json_lines)(&t, h);
    int status = cli_write(path, t.at ? t.at : "", t.len);
    free(t.at);
    return status;
}

double history_due(double begun)
{
    const double now = cli_now();
    return now + fmax(0.25, 10 * (now - begun));
}

int history_log(history *h, const char *path)
{
    const double begun = cli_now();
    if (begun < h->log_due)
        return CLI_OK;
    const int status = history_write_log(h, path);
    h->log_due = history_due(begun);
    return status;
}

/* ---- the log of an earlier process ----------------------------------------------------------- */

/* A field's number, NaN of an empty one. */
static bool read_figure(const char *field, double *out)
{
    char *end;
    *out = field && *field ? strtod(field, &end) : NAN;
    return field && (!*field || *end == '\0');
}

static bool read_epoch(double x, cr_epoch *e)
{
    e->epoch = x >= 1 && x <= UINT32_MAX ? (uint32_t)x : 0;
    return e->epoch > 0;
}

static bool read_csv_line(const history *h, char *line, cr_epoch *e)
{
    double x;
    if (!read_figure(field_next(&line), &x) || !read_epoch(x, e))
        return false;
    for (const struct column *c = NULL; (c = next_column(h, c));) {
        if (!read_figure(field_next(&line), &x))
            return false;
        set_figure(e, c, x);
    }
    return line == NULL;
}

static bool read_json_line(const history *h, char *line, cr_epoch *e)
{
    cJSON *row = cJSON_Parse(line);
    const cJSON *epoch = cJSON_GetObjectItem(row, "epoch");
    bool ok = cJSON_IsNumber(epoch) && read_epoch(epoch->valuedouble, e);
    for (const struct column *c = NULL; ok && (c = next_column(h, c));) {
        const cJSON *x = cJSON_GetObjectItem(row, c->name);
        ok = cJSON_IsNumber(x) || cJSON_IsNull(x);
        set_figure(e, c, cJSON_IsNumber(x) ? x->valuedouble : NAN);
    }
    cJSON_Delete(row);
    return ok;
}

static bool is_head(const history *h, const char *line)
{
    cli_text head = {0};
    put_csv_head(&head, h);
    const bool same = line && strcmp(line, head.at) == 0;
    free(head.at);
    return same;
}

int history_read_log(history *h, const char *path, uint32_t epochs)
{
    if (!path || access(path, F_OK) != 0)
        return CLI_OK; /* not yet */
    char *text = cli_read(path), *at = text, *line;
    if (!text)
        return CLI_MISTAKE;
    const bool csv = cli_ends_in(path, ".csv");
    bool ok = !*text || !csv || is_head(h, field_line(&at));
    while (ok && (line = field_line(&at))) {
        cr_epoch e = {0};
        ok = (csv ? read_csv_line : read_json_line)(h, line, &e);
        if (ok && e.epoch <= epochs)
            history_add(h, &e);
    }
    h->earlier = h->n;
    free(text);
    return ok ? CLI_OK
              : cli_fail("--log: %s is there, and no log of such a training; give another file",
                         path);
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

static void put_range(cli_text *t, const history *h)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        low = fmin(fmin(low, e->train_accuracy), fmin(e->test_accuracy, e->validation_accuracy));
        high = fmax(fmax(high, e->train_accuracy), fmax(e->test_accuracy, e->validation_accuracy));
    }
    plot_percent_range(t, 100 * low, 100 * high);
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
    cli_put(&t, " noenhanced font ',15' textcolor rgb '#222222'\n");
    put_plot(&t, h, "loss", "top right", 2);
    if (accuracy) {
        put_range(&t, h);
        put_plot(&t, h, "accuracy (%)", "bottom right", 3);
    }
    cli_put(&t, "unset multiplot\n");
    return plot_end(&t, path);
}
