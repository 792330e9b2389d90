/* matrix.c - see matrix.h. */
#include "results/matrix.h"

#include <errno.h>
#include <math.h>

#include "results/fields.h"
#include "results/grid.h"
#include "results/plotting.h"

enum { MAX_CLASSES = 1000, MAX_NUMBERS = 25 };

static char *copy_of(const char *text)
{
    char *out = cli_alloc(strlen(text) + 1);
    strcpy(out, text);
    return out;
}

static matrix empty(uint32_t n)
{
    return (matrix){n, cli_alloc(n * sizeof(char *)), cli_alloc((size_t)n * n * sizeof(uint64_t))};
}

matrix matrix_create(const cr_data *data, uint32_t n)
{
    matrix m = empty(n);
    char buf[CLI_SIZE_TEXT];
    for (uint32_t i = 0; i < n; i++)
        m.name[i] = copy_of(grid_class(data, i, buf));
    return m;
}

void matrix_finish(matrix *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        free(m->name[i]);
    free(m->name);
    free(m->count);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static int wrong(const char *path, uint32_t line, const char *what)
{
    return cli_fail(
        "%s, line %u: %s; a confusion matrix has 'label,CLASS,...', and a line of counts "
        "for each class in this order (crisol train --confusion)",
        path, line, what);
}

static uint32_t count_fields(const char *text)
{
    char *copy = copy_of(text), *at = copy;
    uint32_t n = 0;
    while (field_next(&at))
        n++;
    free(copy);
    return n;
}

static int read_head(const char *path, char *line, matrix *m)
{
    const uint32_t n = line ? count_fields(line) : 0;
    if (n < 2 || n - 1 > MAX_CLASSES)
        return wrong(path, 1, "there are no classes, or more than 1000");
    *m = empty(n - 1);
    field_next(&line);
    for (uint32_t i = 0; i < m->n; i++)
        m->name[i] = copy_of(field_next(&line));
    return CLI_GO;
}

static int read_row(const char *path, char *line, matrix *m, uint32_t row)
{
    const char *name = line ? field_next(&line) : NULL;
    if (!name || strcmp(name, m->name[row]) != 0)
        return wrong(path, row + 2, "this is not the line of the class that is due");
    for (uint32_t i = 0; i < m->n; i++) {
        const char *field = field_next(&line);
        char *end = NULL;
        errno = 0;
        const unsigned long long v = field ? strtoull(field, &end, 10) : 0;
        if (!field || *field < '0' || *field > '9' || *end || errno || v > UINT32_MAX)
            return wrong(path, row + 2, field ? "a field is no count" : "counts are missing");
        m->count[(size_t)row * m->n + i] = v;
    }
    return line ? wrong(path, row + 2, "there are more counts than classes") : CLI_GO;
}

int matrix_read(const char *path, matrix *out)
{
    char *text = cli_read(path), *at = text;
    if (!text)
        return CLI_MISTAKE;
    *out = (matrix){0};
    int status = read_head(path, field_line(&at), out);
    for (uint32_t i = 0; status == CLI_GO && i < out->n; i++)
        status = read_row(path, field_line(&at), out, i);
    if (status == CLI_GO && field_line(&at))
        status = wrong(path, out->n + 2, "there are more lines than classes");
    free(text);
    if (status != CLI_GO)
        matrix_finish(out);
    return status;
}

static int write_csv(const matrix *m, const char *path)
{
    cli_text t = {0};
    cli_put(&t, "label");
    for (uint32_t i = 0; i < m->n; i++) {
        cli_put(&t, ",");
        cli_put_field(&t, m->name[i]);
    }
    cli_put(&t, "\n");
    for (uint32_t i = 0; i < m->n; i++) {
        cli_put_field(&t, m->name[i]);
        for (uint32_t k = 0; k < m->n; k++)
            cli_put(&t, ",%llu", (unsigned long long)m->count[(size_t)i * m->n + k]);
        cli_put(&t, "\n");
    }
    const int status = cli_write(path, t.at, t.len);
    free(t.at);
    return status;
}

/* ---- the picture ----------------------------------------------------------------------------- */

typedef struct drawing {
    const matrix *m;
    double cell, left, top; /* pixels */
    uint32_t step;          /* every so many classes are named */
    bool upright;           /* names below the matrix are turned */
} drawing;

static size_t longest_name(const matrix *m)
{
    size_t n = 0;
    for (uint32_t i = 0; i < m->n; i++)
        n = plot_length(m->name[i]) > n ? plot_length(m->name[i]) : n;
    return n < 24 ? n : 24;
}

/* From white to the palette's blue. */
static void put_color(cli_text *t, double part)
{
    static const double blue[3] = {0x00, 0x72, 0xb2};
    cli_put(t, "'#");
    for (int i = 0; i < 3; i++)
        cli_put(t, "%02x", (unsigned)(255 + (blue[i] - 255) * part + 0.5));
    cli_put(t, "'");
}

static void put_cell(cli_text *t, const drawing *d, uint32_t row, uint32_t column, uint64_t all)
{
    const uint32_t n = d->m->n;
    const uint64_t count = d->m->count[(size_t)row * n + column];
    const double part = all ? (double)count / (double)all : 0;
    cli_put(t, "set object %u rectangle from %u,%u to %u,%u fillstyle solid noborder fc rgb ",
            row * n + column + 1, column, row, column + 1, row + 1);
    put_color(t, part);
    cli_put(t, "\n");
    if (n <= MAX_NUMBERS)
        cli_put(t, "set label '%llu' at %.1f,%.1f center font ',11' textcolor rgb '%s'\n",
                (unsigned long long)count, column + 0.5, row + 0.5,
                count == 0   ? "#b0b0b0"
                : part > 0.5 ? "#ffffff"
                             : "#222222");
}

static void put_tics(cli_text *t, const drawing *d, char axis)
{
    cli_put(t, "set %ctics scale 0 textcolor rgb '#222222' noenhanced%s (", axis,
            axis == 'x' && d->upright ? " rotate by 90 right" : "");
    for (uint32_t i = 0; i < d->m->n; i += d->step) {
        cli_put(t, "%s", i ? ", " : "");
        plot_quoted(t, d->m->name[i], 24);
        cli_put(t, " %.1f", i + 0.5);
    }
    cli_put(t, ")\n");
}

/* In the middle of the picture: the matrix may lie to the side. */
static void put_heading(cli_text *t, const matrix *m, double y)
{
    uint64_t right = 0, all = 0;
    for (uint32_t i = 0; i < m->n * m->n; i++) {
        all += m->count[i];
        right += i % (m->n + 1) == 0 ? m->count[i] : 0;
    }
    cli_put(t,
            "set label '%llu of %llu samples are taken for what they are: %.2f %%' at screen "
            "0.5,%.4f center textcolor rgb '#222222' font ',15'\n",
            (unsigned long long)right, (unsigned long long)all,
            all ? 100 * (double)right / (double)all : 0, y);
}

static int draw(const matrix *m, const char *path)
{
    const double text = 8.0 * (double)longest_name(m) + 20;
    drawing d = {.m = m, .step = m->n > 40 ? (m->n + 19) / 20 : 1, .left = 40 + text, .top = 60};
    d.cell = m->n <= MAX_NUMBERS ? fmax(46, 240.0 / m->n) : fmax(700.0 / m->n, 1);
    d.upright = text > d.cell * d.step;
    const double side = d.cell * m->n, below = 60 + (d.upright ? text : 20);
    const double width = d.left + side + 30, height = d.top + side + below;
    const double wide = fmax(width, 480); /* room for the title */
    cli_text t = {0};
    plot_begin(&t, path, (int)wide, (int)height);
    put_heading(&t, m, 1 - 0.5 * d.top / height);
    for (uint32_t i = 0; i < m->n; i++) {
        uint64_t all = 0;
        for (uint32_t k = 0; k < m->n; k++)
            all += m->count[(size_t)i * m->n + k];
        for (uint32_t k = 0; k < m->n; k++)
            put_cell(&t, &d, i, k, all);
    }
    put_tics(&t, &d, 'x');
    put_tics(&t, &d, 'y');
    cli_put(&t,
            "set key off\nunset grid\nset border 15 lc rgb '#666666'\nset xrange [0:%u]\n"
            "set yrange [%u:0]\nset lmargin at screen %.4f\nset rmargin at screen %.4f\n"
            "set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
            "set ylabel 'label' textcolor rgb '#444444'\n"
            "set xlabel 'taken for (darker: a larger part of the row)' textcolor rgb '#444444'\n"
            "plot NaN\n",
            m->n, m->n, d.left / wide, (d.left + side) / wide, 1 - d.top / height, below / height);
    return plot_end(&t, path);
}

bool matrix_is_drawn(const char *path)
{
    return path && cli_picture_format(path) != NULL;
}

int matrix_write(const matrix *m, const char *path)
{
    return matrix_is_drawn(path) ? draw(m, path) : write_csv(m, path);
}
