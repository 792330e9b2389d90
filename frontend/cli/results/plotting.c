/* plotting.c - see plotting.h. */
#include "results/plotting.h"

#include <math.h>

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

/* ---- text ------------------------------------------------------------------------------------ */

/* Bytes of the character that begins there; 0: it is no UTF-8. */
static size_t character(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* too long a form, half of a pair, beyond the last one */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90) || s[0] > 0xf4)
        return 0;
    return n;
}

/* The next character; what is no UTF-8 is a byte. */
static const char *after(const char *text)
{
    const size_t n = character(text);
    return text + (n ? n : 1);
}

size_t plot_length(const char *text)
{
    size_t n = 0;
    for (; *text; text = after(text))
        n++;
    return n;
}

void plot_put(cli_text *t, const char *text, size_t most)
{
    const bool cut = plot_length(text) > most;
    for (size_t i = 0; *text && i < (cut ? most - 3 : most); i++, text = after(text)) {
        const size_t n = character(text);
        if (n == 0)
            cli_put(t, "?");
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            cli_put(t, " ");
        else
            cli_put(t, "%s%.*s", *text == '\'' ? "'" : "", (int)n, text);
    }
    cli_put(t, "%s", cut ? "..." : "");
}

void plot_quoted(cli_text *t, const char *text, size_t most)
{
    cli_put(t, "'");
    plot_put(t, text, most);
    cli_put(t, "'");
}

/* ---- axes ------------------------------------------------------------------------------------ */

void plot_percent_range(cli_text *t, double low, double high)
{
    const double room = fmax(0.08 * (high - low), 0.5);
    cli_put(t, "set yrange [%.9g:%.9g]\n", fmax(low - room, 0), fmin(high + room, 100));
}
