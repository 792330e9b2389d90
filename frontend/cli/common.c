/* common.c - messages, numbers for people, order statistics. */
#include <cjson/cJSON.h>
#include <crisol/extend.h>
#include <math.h>
#include <stdarg.h>
#include <time.h>

#include "cli.h"

const char *cli_command = "";

int cli_fail(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const size_t size = (size_t)vsnprintf(NULL, 0, fmt, again) + 1;
    va_end(again);
    char *text = malloc(size);
    if (text)
        vsnprintf(text, size, fmt, ap);
    va_end(ap);
    if (text)
        cr_disarm(text);
    const char *from = text ? cli_source(text) : NULL;
    fprintf(stderr, "crisol%s%s: %s%s%s\n", *cli_command ? " " : "", cli_command, from ? from : "",
            from ? ": " : "", text ? text : "out of memory");
    free(text);
    return CLI_MISTAKE;
}

/* A message of the library that begins with the command's name has it once. */
int cli_library_failed(void)
{
    const char *text = cr_error();
    const size_t n = strlen(cli_command);
    if (n && strncmp(text, cli_command, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        text += n + 2;
    return cli_fail("%s", text);
}

int cli_file_failed(const char *path)
{
    const char *text = cr_error(), *of_any = "model: ";
    if (strncmp(text, path, strlen(path)) == 0)
        return cli_library_failed();
    return cli_fail("%s: %s", path,
                    strncmp(text, of_any, strlen(of_any)) == 0 ? text + strlen(of_any) : text);
}

void *cli_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) {
        cli_fail("out of memory");
        exit(CLI_MISTAKE);
    }
    return p;
}

void cli_put(cli_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (t->len + (size_t)n + 1 > t->cap) {
        t->cap = 2 * t->cap + (size_t)n + 256;
        char *at = cli_alloc(t->cap);
        if (t->at)
            memcpy(at, t->at, t->len);
        free(t->at);
        t->at = at;
    }
    va_start(ap, fmt);
    vsnprintf(t->at + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void cli_put_field(cli_text *t, const char *word)
{
    if (!word[strcspn(word, ",\"\r\n")]) {
        cli_put(t, "%s", word);
        return;
    }
    cli_put(t, "\"");
    for (; *word; word++)
        cli_put(t, "%s%c", *word == '"' ? "\"" : "", *word);
    cli_put(t, "\"");
}

void cli_put_figure(cli_text *t, double x)
{
    cli_put(t, ",");
    if (!isnan(x))
        cli_put(t, "%.9g", x);
}

const char *cli_rows(char *buf, size_t size, const char *head, const char *const rows[][2],
                     size_t n)
{
    size_t len = (size_t)snprintf(buf, size, "%s", head);
    for (size_t i = 0; i < n && len < size; i++)
        len += (size_t)snprintf(buf + len, size - len, "\n    %s%s%s", rows[i][0],
                                *rows[i][1] ? " " : "", rows[i][1]);
    return buf;
}

/* Three digits and a unit. */
static const char *scaled(double v, double base, const char *const unit[4], char *buf)
{
    int i = 0;
    while (i < 3 && v >= base * 0.9995) {
        v /= base;
        i++;
    }
    int digits = v >= 99.95 || (v == (double)(long long)v && i == 0) ? 0 : v >= 9.995 ? 1 : 2;
    snprintf(buf, CLI_SIZE_TEXT, "%.*f %s", digits, v, unit[i]);
    return buf;
}

const char *cli_bytes(double bytes, char *buf)
{
    static const char *const unit[4] = {"B", "kB", "MB", "GB"};
    return scaled(bytes, 1000, unit, buf);
}

const char *cli_micros(double us, char *buf)
{
    static const char *const unit[4] = {"us", "ms", "s", "ks"};
    return scaled(us, 1000, unit, buf);
}

const char *cli_duration(double seconds, char *buf)
{
    const long long s = (long long)fmin(seconds + 0.5, 1e9);
    if (s < 60)
        snprintf(buf, CLI_SIZE_TEXT, "%lld s", s);
    else if (s < 3600)
        snprintf(buf, CLI_SIZE_TEXT, "%lld:%02lld", s / 60, s % 60);
    else
        snprintf(buf, CLI_SIZE_TEXT, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    return buf;
}

const char *cli_seconds(double seconds, char *buf)
{
    return seconds < 99.95 ? cli_micros(1e6 * seconds, buf) : cli_duration(seconds, buf);
}

size_t cli_elements(const cr_shape *shape, int from)
{
    size_t n = 1;
    for (int i = from; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

const char *cli_shape_text(cr_dtype dtype, const cr_shape *shape, char buf[CLI_SHAPE_TEXT])
{
    const size_t size = CLI_SHAPE_TEXT;
    size_t n = (size_t)snprintf(buf, size, "%s[", cr_dtype_name(dtype));
    for (int i = 0; i < shape->rank && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%lld", i ? "," : "", (long long)shape->dim[i]);
    if (n < size)
        snprintf(buf + n, size - n, "]");
    return buf;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cli_quantile(double *a, size_t n, double q)
{
    if (n == 0)
        return 0;
    qsort(a, n, sizeof *a, by_size);
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? a[i] + (at - (double)i) * (a[i + 1] - a[i]) : a[n - 1];
}

int cli_print_json(cJSON *json)
{
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    if (!text)
        return cli_fail("out of memory");
    puts(text);
    cJSON_free(text);
    return CLI_OK;
}
