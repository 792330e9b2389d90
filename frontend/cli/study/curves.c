/* curves.c - the picture of nets and optimizers: the curves of all runs together. */
#include <math.h>

#include "results/plotting.h"
#include "study/draw.h"

enum { LEGEND_ROW = 20, PANELS = 340, TOP = 70, BOTTOM = 70 };

/* What is drawn of the curves. */
typedef struct curves {
    bool *has; /* of each run: is there one? */
    size_t n;  /* of them */
    bool accuracy, tested;
    uint32_t epochs;            /* of the longest one */
    double loss[2], percent[2]; /* in training; of the accuracy that is drawn: from, to */
} curves;

static void widen(double range[2], double x)
{
    range[0] = fmin(range[0], x);
    range[1] = fmax(range[1], x);
}

/* A row an epoch: its number, loss, accuracy (of the test where there is one), loss of the test.
 * False: there is none. */
static bool put_curve(cli_text *t, size_t i, const study_run *r, curves *c)
{
    cr_epoch e;
    if (!study_epoch_of(r, 0, &e))
        return false;
    cli_put(t, "$d%zu << EOD\n", i);
    for (size_t k = 0; study_epoch_of(r, k, &e); k++) {
        const double percent = 100 * (c->tested ? e.test_accuracy : e.train_accuracy);
        cli_put(t, "%u", e.epoch);
        draw_number(t, e.train_loss);
        draw_number(t, percent);
        draw_number(t, e.test_loss);
        cli_put(t, "\n");
        widen(c->loss, e.train_loss);
        widen(c->percent, percent);
        c->epochs = e.epoch > c->epochs ? e.epoch : c->epochs;
    }
    cli_put(t, "EOD\n");
    return true;
}

static curves put_curves(cli_text *t, const study *s)
{
    curves c = {.has = cli_alloc(s->n * sizeof *c.has),
                .accuracy = draw_has_accuracy(s),
                .tested = draw_has_test(s),
                .loss = {INFINITY, 0},
                .percent = {INFINITY, 0}};
    for (size_t i = 0; i < s->n; i++) {
        c.has[i] = put_curve(t, i, &s->run[i], &c);
        c.n += c.has[i];
    }
    return c;
}

/* Drawn under both panels, in columns as wide as the longest label asks for. */
typedef struct legend {
    size_t rows, columns;
    double width, height; /* of a column, of the picture */
} legend;

static legend legend_of(const study *s, const curves *c, size_t most)
{
    size_t longest = 0;
    for (size_t i = 0; i < s->n; i++)
        if (c->has[i] && plot_length(s->run[i].label) > longest)
            longest = plot_length(s->run[i].label);
    longest = longest < most ? longest : most;
    legend l = {.columns = (size_t)(900.0 / (50 + 7.5 * (double)longest))};
    l.columns = l.columns < 1 ? 1 : l.columns > c->n ? c->n : l.columns;
    l.rows = (c->n + l.columns - 1) / l.columns;
    l.width = 900.0 / (double)l.columns / 960;
    l.height = TOP + PANELS + BOTTOM + LEGEND_ROW * (double)l.rows + 10;
    return l;
}

/* Those that have a curve. */
static void put_legend(cli_text *t, const study *s, const curves *c, const legend *l, size_t most)
{
    for (size_t i = 0, at = 0; i < s->n; i++) {
        if (!c->has[i])
            continue;
        const double x = 0.04 + (double)(at / l->rows) * l->width;
        const double y =
            (LEGEND_ROW * ((double)l->rows - (double)(at % l->rows) - 0.5) + 8) / l->height;
        cli_put(t, "set arrow from screen %.4f,%.4f to screen %.4f,%.4f nohead ls %d\n", x, y,
                x + 0.025, y, plot_style(i));
        cli_put(t, "set label ");
        plot_quoted(t, s->run[i].label, most);
        cli_put(t, " at screen %.4f,%.4f left noenhanced textcolor rgb '#222222' font ',12'\n",
                x + 0.032, y);
        at++;
    }
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

/* Accuracy, or loss of the test; of targets without a test there is neither. */
static void put_right_panel(cli_text *t, const study *s, const curves *c, const legend *l)
{
    put_margins(t, l, 0.57, 0.98);
    if (c->accuracy) {
        plot_percent_range(t, c->percent[0], c->percent[1]);
        put_panel(t, s, c->has, 3, c->tested ? "test accuracy (%)" : "accuracy in training (%)");
    } else {
        put_panel(t, s, c->has, 4, "test loss");
    }
}

int draw_curves(const study *s)
{
    enum { LABEL = 70 };
    cli_text t = {0};
    const curves c = put_curves(&t, s);
    if (c.n == 0) {
        free(c.has);
        return CLI_OK;
    }
    const legend l = legend_of(s, &c, LABEL);
    const bool right = c.accuracy || c.tested;
    plot_begin(&t, s->plot, 960, (int)l.height);
    cli_put(&t, "set key off\nset xlabel 'epoch' textcolor rgb '#444444'\nset xrange [%.9g:%.9g]\n",
            0.5, (double)c.epochs + 0.5);
    cli_put(&t, c.epochs <= 12 ? "set xtics 1\n" : "set xtics autofreq\n");
    cli_put(&t, "set multiplot title ");
    draw_heading(&t, s, s->kind == STUDY_nets ? s->t.samples.name : s->t.net_text);
    put_margins(&t, &l, 0.075, right ? 0.49 : 0.98);
    put_legend(&t, s, &c, &l, LABEL);
    /* do the losses differ so much that only a logarithmic axis shows them? */
    if (c.loss[0] > 0 && c.loss[1] > 12 * c.loss[0])
        cli_put(&t, "set logscale y 10\n");
    put_panel(&t, s, c.has, 2, "loss in training");
    /* the legend is drawn once */
    cli_put(&t, "unset arrow\nunset label\nunset logscale y\n");
    if (right)
        put_right_panel(&t, s, &c, &l);
    cli_put(&t, "unset multiplot\n");
    free(c.has);
    return plot_end(&t, s->plot);
}
