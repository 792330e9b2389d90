/* plotting.c - see plotting.h. */
#include "results/plotting.h"

int plot_check(const char *option, const char *path)
{
    if (!path)
        return CLI_OK;
    if (!cli_picture_format(path))
        return cli_fail("%s: '%s' must end in .svg or .png", option, path);
    return cli_check_program("gnuplot", "gnuplot-nox");
}

const char *plot_color(size_t i)
{
    static const char *const colors[PLOT_COLORS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#444444"};
    return colors[i % PLOT_COLORS];
}

int plot_style(size_t i)
{
    return (int)(i % PLOT_STYLES) + 1;
}

static const char look[] = "set border 3 lc rgb '#666666'\n"
                           "set tics nomirror textcolor rgb '#444444' out scale 0.5\n"
                           "set grid ytics lc rgb '#e4e4e4' lw 1 lt 1\n"
                           "set key top right textcolor rgb '#444444' samplen 1.5\n";

void plot_begin(cli_text *t, const char *path, int width, int height)
{
    if (strcmp(cli_picture_format(path), "svg") == 0)
        cli_put(t,
                "set terminal svg size %d,%d enhanced font 'sans-serif,13' background '#ffffff'\n",
                width, height);
    else
        cli_put(t, "set terminal pngcairo size %d,%d font 'sans,14' background '#ffffff'\n",
                width * 3 / 2, height * 3 / 2);
    cli_put(t, "%s", look);
    for (size_t i = 0; i < PLOT_STYLES; i++)
        cli_put(t, "set style line %d lc rgb '%s' lw 2 dt %zu pt 7 ps 0.45\n", plot_style(i),
                plot_color(i), i / PLOT_COLORS + 1);
}

int plot_end(cli_text *t, const char *path)
{
    int status = cli_filter((const char *const[]){"gnuplot", NULL}, t->at, t->len, path);
    free(t->at);
    return status;
}

void plot_quoted(cli_text *t, const char *s, size_t most)
{
    const bool cut = strlen(s) > most;
    cli_put(t, "\"");
    for (size_t i = 0; s[i] && i < (cut ? most - 3 : most); i++)
        cli_put(t, "%c", strchr("\"\\`@{}^_&~", s[i]) || (unsigned char)s[i] < ' ' ? ' ' : s[i]);
    cli_put(t, "%s\"", cut ? "..." : "");
}
