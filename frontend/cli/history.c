/* history.c - what the epochs of a training were like, as a table, CSV and a picture. */
#include "history.h"

#include <math.h>

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

void history_print_head(FILE *out)
{
    fprintf(out, "%5s  %10s  %8s  %10s  %8s  %8s\n", "epoch", "loss", "accuracy", "test loss",
            "accuracy", "seconds");
    fflush(out);
}

void history_print_row(FILE *out, const cr_epoch *e)
{
    fprintf(out, "%5u  %10.6f  %6.2f %%  %10.6f  %6.2f %%  %8.3f\n", e->epoch, e->train_loss,
            100 * e->train_accuracy, e->test_loss, 100 * e->test_accuracy, e->seconds);
    fflush(out);
}

int history_write_csv(const history *h, const char *path)
{
    if (!path)
        return CLI_OK;
    cli_text t = {0};
    cli_put(&t, "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,test_seconds\n");
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        cli_put(&t, "%u,%.9g,%.6f,%.9g,%.6f,%.6f,%.6f\n", e->epoch, e->train_loss,
                e->train_accuracy, e->test_loss, e->test_accuracy, e->seconds, e->test_seconds);
    }
    int status = cli_write(path, t.at, t.len);
    free(t.at);
    return status;
}

/* ---- the picture ----------------------------------------------------------------------------- */

int history_check_plot(const char *path)
{
    if (!path)
        return CLI_OK;
    if (!cli_picture_format(path))
        return cli_fail("--plot: '%s' must end in .svg or .png", path);
    return cli_check_program("gnuplot", "gnuplot-nox");
}

/* Text inside a gnuplot string: what could end or escape it becomes a space. */
static void put_quoted(cli_text *t, const char *s)
{
    cli_put(t, "\"");
    for (; *s; s++)
        cli_put(t, "%c", strchr("\"\\`@{}^_&~", *s) || (unsigned char)*s < ' ' ? ' ' : *s);
    cli_put(t, "\"");
}

static void put_terminal(cli_text *t, const char *format)
{
    if (strcmp(format, "svg") == 0)
        cli_put(
            t,
            "set terminal svg size 960,420 enhanced font 'sans-serif,13' background '#ffffff'\n");
    else
        cli_put(t, "set terminal pngcairo size 1440,630 font 'sans,14' background '#ffffff'\n");
}

static const char style[] = "set border 3 lc rgb '#666666'\n"
                            "set tics nomirror textcolor rgb '#444444' out scale 0.5\n"
                            "set grid ytics lc rgb '#e4e4e4' lw 1 lt 1\n"
                            "set key top right textcolor rgb '#444444' samplen 1.5\n"
                            "set xlabel 'epoch' textcolor rgb '#444444'\n"
                            "set style line 1 lc rgb '#2f6fb5' lw 2 pt 7 ps 0.45\n"
                            "set style line 2 lc rgb '#d9772b' lw 2 pt 7 ps 0.45\n";

static void put_data(cli_text *t, const history *h)
{
    cli_put(t, "$d << EOD\n");
    for (size_t i = 0; i < h->n; i++) {
        const cr_epoch *e = &h->epoch[i];
        cli_put(t, "%u %.9g %.9g %.9g %.9g\n", e->epoch, e->train_loss, 100 * e->train_accuracy,
                e->test_loss, 100 * e->test_accuracy);
    }
    cli_put(t, "EOD\n");
}

int history_plot(const history *h, const char *path, const char *title)
{
    if (!path || h->n == 0)
        return CLI_OK;
    cli_text t = {0};
    put_data(&t, h);
    put_terminal(&t, cli_picture_format(path));
    cli_put(&t, "%s", style);
    cli_put(&t, "set xrange [0.5:%zu.5]\n", h->n);
    cli_put(&t, h->n <= 12 ? "set xtics 1\n" : "set xtics autofreq\n");
    cli_put(&t, "set multiplot layout 1,2 title ");
    put_quoted(&t, title);
    cli_put(&t, " font ',15' textcolor rgb '#222222'\n"
                "set title 'loss' textcolor rgb '#222222'\n"
                "plot $d using 1:2 with linespoints ls 1 title 'training', "
                "$d using 1:4 with linespoints ls 2 title 'test'\n"
                "set title 'accuracy (%%)'\nset key bottom right\n"
                "plot $d using 1:3 with linespoints ls 1 title 'training', "
                "$d using 1:5 with linespoints ls 2 title 'test'\n"
                "unset multiplot\n");
    int status = cli_filter((const char *const[]){"gnuplot", NULL}, t.at, t.len, path);
    free(t.at);
    return status;
}
