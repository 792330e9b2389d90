/* draw.c - the picture of a study: two panels over a batch's size, bars of devices, or the
 * curves of nets and optimizers. */
#include <math.h>

#include "results/plotting.h"
#include "study/study.h"

static bool has_row(const study *s, const study_run *r)
{
    return study_row_of(s, r).seeds > 0;
}

static size_t count_rows(const study *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += has_row(s, &s->run[i]);
    return n;
}

static void put_number(cli_text *t, double x)
{
    if (isnan(x))
        cli_put(t, " NaN");
    else
        cli_put(t, " %.9g", x);
}

static double zero_for_nan(double x)
{
    return isnan(x) ? 0 : x;
}

static void put_heading(cli_text *t, const study *s, const char *what)
{
    char text[256], seeds[64] = "";
    if (s->seeds > 1)
        snprintf(seeds, sizeof seeds, ", mean of %llu seeds", (unsigned long long)s->seeds);
    snprintf(text, sizeof text, "%.120s, %llu epoch%s%s", what, (unsigned long long)s->epochs,
             s->epochs == 1 ? "" : "s", seeds);
    plot_quoted(t, text, 140);
    cli_put(t, " font ',15' textcolor rgb '#222222'\n");
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Size, samples a second, their deviation, how many times the first's, accuracy, its deviation. */
static void put_batches(cli_text *t, const study *s)
{
    cli_put(t, "$d << EOD\n");
    for (size_t i = 0; i < s->n; i++) {
        const study_row row = study_row_of(s, &s->run[i]);
        if (row.seeds == 0)
            continue;
        const bool tested = !isnan(row.test_loss.mean);
        const study_mean *a = tested ? &row.test_accuracy : &row.train_accuracy;
        cli_put(t, "%s", s->run[i].label);
        put_number(t, row.samples_per_second.mean);
        put_number(t, zero_for_nan(row.samples_per_second.deviation));
        put_number(t, row.relative);
        put_number(t, 100 * a->mean);
        put_number(t, 100 * zero_for_nan(a->deviation));
        put_number(t, tested ? row.test_loss.mean : row.train_loss.mean);
        put_number(t, zero_for_nan(row.test_loss.deviation));
        cli_put(t, "\n");
    }
    cli_put(t, "EOD\n");
}

static void put_size_axis(cli_text *t, const study *s)
{
    cli_put(t, "set logscale x 2\nset xlabel 'samples of a batch' textcolor rgb '#444444'\n"
               "set xtics (");
    for (size_t i = 0; i < s->n; i++)
        cli_put(t, "%s'%s' %s", i ? ", " : "", s->run[i].label, s->run[i].label);
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < s->n; i++) {
        low = fmin(low, (double)s->run[i].t.batch);
        high = fmax(high, (double)s->run[i].t.batch);
    }
    cli_put(t, ")\nset xrange [%.9g:%.9g]\nset key off\n", low / 1.4, high * 1.4);
}

static bool has_accuracy(const study *s)
{
    cr_epoch e;
    for (size_t i = 0; i < s->n; i++)
        if (study_epoch_of(&s->run[i], 0, &e))
            return !isnan(e.train_accuracy);
    return false;
}

static int draw_batches(const study *s)
{
    const bool accuracy = has_accuracy(s);
    const int at = accuracy ? 5 : 7; /* the column */
    cli_text t = {0};
    put_batches(&t, s);
    plot_begin(&t, s->plot, 960, 420);
    put_size_axis(&t, s);
    cli_put(&t, "set bars 0.6\nset multiplot layout 1,2 title ");
    put_heading(&t, s, s->t.net_text);
    cli_put(&t,
            "set title 'samples a second, in training' textcolor rgb '#222222'\n"
            "set format y '%%.1s %%c'\nset yrange [0:*]\nset offsets 0, 0, graph 0.12, 0\n"
            "plot $d using 1:2:3 with yerrorbars lc rgb '%s' lw 1.5 pt 7 ps 0.45, "
            "$d using 1:2 with linespoints ls 1, "
            "$d using 1:($2+$3):(sprintf('%%.3gx', $4)) with labels offset 0,1 tc rgb '#444444' "
            "font ',11'\n",
            plot_color(0));
    cli_put(&t, "set title '%s' textcolor rgb '#222222'\nset format y '%s'\nset yrange [*:*]\n",
            accuracy ? "accuracy after the last epoch" : "loss after the last epoch",
            accuracy ? "%g %%" : "%g");
    cli_put(&t,
            "set offsets 0, 0, graph 0.12, graph 0.08\n"
            "plot $d using 1:%d:%d with yerrorbars lc rgb '%s' lw 1.5 pt 7 ps 0.45, "
            "$d using 1:%d with linespoints ls 2, "
            "$d using 1:($%d+$%d):(sprintf('%%.%s', $%d)) with labels offset 0,1 tc rgb '#444444' "
            "font ',11'\nunset multiplot\n",
            at, at + 1, plot_color(1), at, at, at + 1, accuracy ? "2f" : "3g", at);
    return plot_end(&t, s->plot);
}

/* ---- devices --------------------------------------------------------------------------------- */

/* "12.3 s, 87.10 %": what stands at the bar's end. */
static void put_bar_text(cli_text *t, const study_run *r, const study_row *row)
{
    char time[CLI_SIZE_TEXT], text[128];
    const double a =
        isnan(row->test_loss.mean) ? row->train_accuracy.mean : row->test_accuracy.mean;
    cli_seconds(row->train_seconds.mean, time);
    if (r->sequential)
        snprintf(text, sizeof text, "%s, extrapolated from %llu steps", time,
                 (unsigned long long)r->steps);
    else if (isnan(a))
        snprintf(text, sizeof text, "%s", time);
    else
        snprintf(text, sizeof text, "%s, accuracy %.2f %%", time, 100 * a);
    plot_quoted(t, text, 100);
}

/* A bar on a logarithmic axis, its name above it. */
static void put_bar(cli_text *t, size_t at, double from, const study_run *r, const study_row *row)
{
    const char *color = plot_color(r->sequential ? PLOT_COLORS - 1 : 0);
    cli_put(t,
            "set object %zu rectangle from %.9g,%.2f to %.9g,%.2f fc rgb '%s' fillstyle %s border "
            "lc rgb '%s'\n",
            at + 1, from, (double)at + 0.05, row->train_seconds.mean, (double)at + 0.45, color,
            r->sequential ? "transparent pattern 4" : "solid 0.9", color);
    cli_put(t, "set label ");
    plot_quoted(t, r->label, 90);
    cli_put(t, " at graph 0.005, first %.2f left noenhanced textcolor rgb '#222222'\n",
            (double)at - 0.2);
    cli_put(t, "set label ");
    put_bar_text(t, r, row);
    cli_put(t, " at %.9g,%.2f left offset 0.6,0 textcolor rgb '#444444'\n", row->train_seconds.mean,
            (double)at + 0.25);
}

static int draw_devices(const study *s)
{
    const size_t n = count_rows(s);
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < s->n; i++)
        if (has_row(s, &s->run[i])) {
            const double seconds = study_row_of(s, &s->run[i]).train_seconds.mean;
            low = fmin(low, seconds);
            high = fmax(high, seconds);
        }
    const double from = pow(10, floor(log10(low / 3)));
    cli_text t = {0};
    plot_begin(&t, s->plot, 960, 130 + 70 * (int)n);
    cli_put(&t, "set border 1 lc rgb '#666666'\nunset ytics\nset key off\nset logscale x 10\n"
                "set grid xtics lc rgb '#e4e4e4' lw 1 lt 1\nset lmargin 4\nset rmargin 4\n"
                "set format x '%%g s'\nset xlabel 'time of training, without compiling' "
                "textcolor rgb '#444444'\nset title ");
    put_heading(&t, s, s->t.net_text);
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        const study_row row = study_row_of(s, &s->run[i]);
        if (row.seeds)
            put_bar(&t, at++, from, &s->run[i], &row);
    }
    /* room behind the longest bar for its text */
    cli_put(&t, "set xrange [%.9g:%.9g]\nset yrange [%zu:-0.6]\nplot NaN\n", from,
            high * pow(high / from, 0.7), n);
    return plot_end(&t, s->plot);
}

/* ---- curves ---------------------------------------------------------------------------------- */

enum { LEGEND_ROW = 20, PANELS = 340, TOP = 70, BOTTOM = 70 };

/* A row an epoch: its number, loss, accuracy, or loss of the test where there is no accuracy. */
static bool put_curve(cli_text *t, size_t i, const study_run *r)
{
    cr_epoch e;
    if (!study_epoch_of(r, 0, &e))
        return false;
    cli_put(t, "$d%zu << EOD\n", i);
    for (size_t k = 0; study_epoch_of(r, k, &e); k++) {
        cli_put(t, "%u", e.epoch);
        put_number(t, e.train_loss);
        put_number(t, 100 * (isnan(e.test_accuracy) ? e.train_accuracy : e.test_accuracy));
        put_number(t, e.test_loss);
        cli_put(t, "\n");
    }
    cli_put(t, "EOD\n");
    return true;
}

/* Drawn under both panels, in columns as wide as the longest label asks for. */
typedef struct legend {
    size_t rows, columns;
    double width, height; /* of a column, of the picture */
} legend;

static legend legend_of(const study *s, size_t most)
{
    size_t longest = 0;
    for (size_t i = 0; i < s->n; i++)
        longest = strlen(s->run[i].label) > longest ? strlen(s->run[i].label) : longest;
    longest = longest < most ? longest : most;
    legend l = {.columns = (size_t)(900.0 / (50 + 7.5 * (double)longest))};
    l.columns = l.columns < 1 ? 1 : l.columns > s->n ? s->n : l.columns;
    l.rows = (s->n + l.columns - 1) / l.columns;
    l.width = 900.0 / (double)l.columns / 960;
    l.height = TOP + PANELS + BOTTOM + LEGEND_ROW * (double)l.rows + 10;
    return l;
}

static void put_legend(cli_text *t, const study *s, const legend *l, size_t most)
{
    for (size_t i = 0; i < s->n; i++) {
        const double x = 0.04 + (double)(i / l->rows) * l->width;
        const double y =
            (LEGEND_ROW * ((double)l->rows - (double)(i % l->rows) - 0.5) + 8) / l->height;
        cli_put(t, "set arrow from screen %.4f,%.4f to screen %.4f,%.4f nohead ls %d\n", x, y,
                x + 0.025, y, plot_style(i));
        cli_put(t, "set label ");
        plot_quoted(t, s->run[i].label, most);
        cli_put(t, " at screen %.4f,%.4f left noenhanced textcolor rgb '#222222' font ',12'\n",
                x + 0.032, y);
    }
}

/* Do the losses differ so much that only a logarithmic axis shows them? */
static bool is_wide(const study *s)
{
    double low = INFINITY, high = 0;
    cr_epoch e;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; study_epoch_of(&s->run[i], k, &e); k++) {
            low = fmin(low, e.train_loss);
            high = fmax(high, e.train_loss);
        }
    return low > 0 && high > 12 * low;
}

static void put_panel(cli_text *t, const study *s, const bool *has, int column, const char *title)
{
    cli_put(t, "set title '%s' textcolor rgb '#222222'\nplot ", title);
    for (size_t i = 0, first = 1; i < s->n; i++)
        if (has[i]) {
            cli_put(t, "%s$d%zu using 1:%d with linespoints ls %d", first ? "" : ", ", i, column,
                    plot_style(i));
            first = 0;
        }
    cli_put(t, "\n");
}

static void put_margins(cli_text *t, const legend *l, double left, double right)
{
    cli_put(t,
            "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\n"
            "set bmargin at screen %.4f\n",
            left, right, 1 - TOP / l->height, 1 - (TOP + PANELS) / l->height);
}

static int draw_curves(const study *s)
{
    enum { LABEL = 70 };
    const legend l = legend_of(s, LABEL);
    bool *has = cli_alloc(s->n * sizeof *has), any = false;
    cli_text t = {0};
    for (size_t i = 0; i < s->n; i++) {
        has[i] = put_curve(&t, i, &s->run[i]);
        any = any || has[i];
    }
    if (!any) {
        free(has);
        free(t.at);
        return CLI_OK;
    }
    const bool accuracy = has_accuracy(s);
    plot_begin(&t, s->plot, 960, (int)l.height);
    cli_put(&t, "set key off\nset xlabel 'epoch' textcolor rgb '#444444'\nset xrange [%.9g:%.9g]\n",
            0.5, (double)s->epochs + 0.5);
    cli_put(&t, s->epochs <= 12 ? "set xtics 1\n" : "set xtics autofreq\n");
    cli_put(&t, "set multiplot title ");
    put_heading(&t, s, s->kind == STUDY_nets ? s->t.samples.name : s->t.net_text);
    put_margins(&t, &l, 0.075, 0.49);
    put_legend(&t, s, &l, LABEL);
    cli_put(&t, is_wide(s) ? "set logscale y 10\n" : "");
    put_panel(&t, s, has, 2, "loss in training");
    /* the legend is drawn once */
    cli_put(&t, "unset arrow\nunset label\nunset logscale y\n");
    put_margins(&t, &l, 0.57, 0.98);
    put_panel(&t, s, has, accuracy ? 3 : 4, accuracy ? "test accuracy (%)" : "test loss");
    cli_put(&t, "unset multiplot\n");
    free(has);
    return plot_end(&t, s->plot);
}

int study_draw(const study *s)
{
    if (!s->plot)
        return CLI_OK;
    if (s->kind == STUDY_nets || s->kind == STUDY_optimizers)
        return draw_curves(s);
    if (count_rows(s) == 0)
        return CLI_OK;
    return s->kind == STUDY_batch ? draw_batches(s) : draw_devices(s);
}
