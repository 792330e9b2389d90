/* draw.c - the picture of a study: two panels over a batch's size, bars of devices; curves of nets
 * and optimizers are in curves.c. */
#include "study/draw.h"

#include <math.h>

#include "results/plotting.h"

/* Was a training timed? */
static bool has_bar(const study *s, const study_run *r)
{
    const study_row row = study_row_of(s, r);
    return row.seeds > 0 && !isnan(row.train_seconds.mean);
}

static size_t count_bars(const study *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += has_bar(s, &s->run[i]);
    return n;
}

void draw_number(cli_text *t, double x)
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

void draw_heading(cli_text *t, const study *s, const char *what)
{
    char seeds[STUDY_SEEDS_TEXT];
    study_seeds(s, 2, seeds);
    cli_put(t, "'");
    plot_put(t, what, 85);
    cli_put(t, ", %llu epoch%s%s%s' noenhanced font ',15' textcolor rgb '#222222'\n",
            (unsigned long long)s->epochs, s->epochs == 1 ? "" : "s", *seeds ? ", " : "", seeds);
}

bool draw_has_accuracy(const study *s)
{
    cr_epoch e;
    for (size_t i = 0; i < s->n; i++)
        if (study_epoch_of(&s->run[i], 0, &e))
            return !isnan(e.train_accuracy);
    return false;
}

bool draw_has_test(const study *s)
{
    cr_epoch e;
    for (size_t i = 0; i < s->n; i++)
        if (study_epoch_of(&s->run[i], 0, &e))
            return !isnan(e.test_loss);
    return false;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* A size that was measured, and what is drawn of it. */
typedef struct point {
    const study_run *run;
    double size;
    study_row row;
    study_mean end; /* accuracy in percent, else loss */
    bool named;     /* there is room for its numbers */
} point;

static int by_size(const void *a, const void *b)
{
    const double x = ((const point *)a)->size, y = ((const point *)b)->size;
    return (x > y) - (x < y);
}

/* From the smallest size on, so that a line goes from left to right. */
static size_t collect_points(const study *s, point *out)
{
    const bool accuracy = draw_has_accuracy(s), tested = draw_has_test(s);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        point *p = &out[n];
        *p = (point){.run = &s->run[i], .size = (double)s->run[i].t.batch};
        p->row = study_row_of(s, p->run);
        if (p->row.seeds == 0 || isnan(p->row.samples_per_second.mean))
            continue;
        if (accuracy)
            p->end = tested ? p->row.test_accuracy : p->row.train_accuracy;
        else
            p->end = tested ? p->row.test_loss : p->row.train_loss;
        p->end.mean *= accuracy ? 100 : 1;
        p->end.deviation = zero_for_nan(p->end.deviation) * (accuracy ? 100 : 1);
        n++;
    }
    qsort(out, n, sizeof *out, by_size);
    return n;
}

/* The least and the largest size of the axis. */
typedef struct span {
    double low, high;
} span;

/* Numbers are as wide as a part of the axis, and do not overlap. */
static span name_points(point *p, size_t n)
{
    const span x = {p[0].size / 1.4, p[n - 1].size * 1.4};
    const double room = 0.09 * log(x.high / x.low);
    double last = 0;
    for (size_t i = 0; i < n; i++) {
        p[i].named = i == 0 || log(p[i].size / last) >= room;
        last = p[i].named ? p[i].size : last;
    }
    return x;
}

/* Size, samples a second, their deviation, the end, its deviation, texts of both. */
static void put_points(cli_text *t, const point *p, size_t n, bool accuracy)
{
    cli_put(t, "$d << EOD\n");
    for (; n > 0; n--, p++) {
        cli_put(t, "%.0f", p->size);
        draw_number(t, p->row.samples_per_second.mean);
        draw_number(t, zero_for_nan(p->row.samples_per_second.deviation));
        draw_number(t, p->end.mean);
        draw_number(t, p->end.deviation);
        if (p->named)
            cli_put(t, accuracy ? " \"%.3gx\" \"%.2f\"\n" : " \"%.3gx\" \"%.3g\"\n",
                    p->row.relative, p->end.mean);
        else
            cli_put(t, " \"\" \"\"\n");
    }
    cli_put(t, "EOD\n");
}

static void put_size_axis(cli_text *t, const point *p, size_t n, span x)
{
    cli_put(t, "set logscale x 2\nset xlabel 'samples of a batch' textcolor rgb '#444444'\n"
               "set xtics (");
    for (size_t i = 0; i < n; i++)
        cli_put(t, "%s'%s' %.0f", i ? ", " : "", p[i].named ? p[i].run->label : "", p[i].size);
    cli_put(t, ")\nset xrange [%.9g:%.9g]\nset key off\n", x.low, x.high);
}

static void put_end_range(cli_text *t, const point *p, size_t n, bool accuracy)
{
    double low = INFINITY, high = 0;
    for (; n > 0; n--, p++) {
        low = fmin(low, p->end.mean - p->end.deviation);
        high = fmax(high, p->end.mean + p->end.deviation);
    }
    if (accuracy)
        plot_percent_range(t, low, high);
    else
        cli_put(t, "set yrange [*:*]\nset offsets 0, 0, graph 0.12, graph 0.08\n");
}

static const char *end_title(bool accuracy, bool tested)
{
    if (accuracy)
        return tested ? "test accuracy after the last epoch" : "accuracy in the last epoch";
    return tested ? "test loss after the last epoch" : "loss in the last epoch";
}

static void put_panels(cli_text *t, const study *s, const point *p, size_t n)
{
    const bool accuracy = draw_has_accuracy(s);
    cli_put(t,
            "set title 'samples a second, in training' offset 0,0.6 textcolor rgb '#222222'\n"
            "set format y '%%.1s %%c'\nset yrange [0:*]\nset offsets 0, 0, graph 0.12, 0\n"
            "plot $d using 1:2:3 with yerrorbars lc rgb '%s' lw 1.5 pt 7 ps 0.45, "
            "$d using 1:2 with linespoints ls 1, "
            "$d using 1:($2+$3):6 with labels offset 0,1 tc rgb '#444444' font ',11'\n",
            plot_color(0));
    cli_put(t, "unset offsets\nset title '%s' offset 0,0.6 textcolor rgb '#222222'\n",
            end_title(accuracy, draw_has_test(s)));
    cli_put(t, "set format y '%s'\n", accuracy ? "%g %%" : "%g");
    put_end_range(t, p, n, accuracy);
    cli_put(t,
            "plot $d using 1:4:5 with yerrorbars lc rgb '%s' lw 1.5 pt 7 ps 0.45, "
            "$d using 1:4 with linespoints ls 2, "
            "$d using 1:($4+$5):7 with labels offset 0,1 tc rgb '#444444' font ',11'\n"
            "unset multiplot\n",
            plot_color(1));
}

static int draw_batches(const study *s)
{
    point *p = cli_alloc(s->n * sizeof *p);
    const size_t n = collect_points(s, p);
    cli_text t = {0};
    if (n == 0) {
        free(p);
        return CLI_OK;
    }
    const span x = name_points(p, n);
    put_points(&t, p, n, draw_has_accuracy(s));
    plot_begin(&t, s->plot, 960, 420);
    put_size_axis(&t, p, n, x);
    cli_put(&t, "set bars 0.6\nset multiplot layout 1,2 title ");
    draw_heading(&t, s, s->t.net_text);
    put_panels(&t, s, p, n);
    free(p);
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
    cli_put(t, " noenhanced");
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
    const size_t n = count_bars(s);
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < s->n; i++)
        if (has_bar(s, &s->run[i])) {
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
    draw_heading(&t, s, s->t.net_text);
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        const study_row row = study_row_of(s, &s->run[i]);
        if (has_bar(s, &s->run[i]))
            put_bar(&t, at++, from, &s->run[i], &row);
    }
    /* room behind the longest bar for its text */
    cli_put(&t, "set xrange [%.9g:%.9g]\nset yrange [%zu:-0.6]\nplot NaN\n", from,
            high * pow(high / from, 0.7), n);
    return plot_end(&t, s->plot);
}

int study_draw(const study *s)
{
    if (!s->plot)
        return CLI_OK;
    if (s->kind == STUDY_nets || s->kind == STUDY_optimizers)
        return draw_curves(s);
    if (s->kind == STUDY_batch)
        return draw_batches(s);
    return count_bars(s) ? draw_devices(s) : CLI_OK;
}
