/* status.c - what went wrong, per thread; names of statuses and element types; the clock. */
#include <time.h>

#include "base.h"

/* Fixed, so that "out of memory" can still be said. Long enough for the part of a build log that
 * names the mistake. */
enum { DIAGNOSTIC_SIZE = 16 * 1024 };
static _Thread_local char diagnostic[DIAGNOSTIC_SIZE];
static _Thread_local cr_status last_status;

static const char *const status_text[] = {
#define CR_X(name, text) text,
    CR_STATUS_MAP(CR_X)
#undef CR_X
};

static const struct {
    const char *name;
    size_t size;
} dtypes[CR_DTYPE_COUNT] = {
    [CR_F32] = {"f32", 4},
    [CR_I32] = {"i32", 4},
    [CR_U8] = {"u8", 1},
    [CR_BOOL] = {"bool", 1},
};

const char *cr_status_text(cr_status status)
{
    return (size_t)status < CR_COUNTOF(status_text) ? status_text[status] : "unknown status";
}

const char *cr_error(void)
{
    return diagnostic;
}

const char *cr_version(void)
{
    return "0.1.0";
}

const char *cr_dtype_name(cr_dtype dtype)
{
    return (unsigned)dtype < CR_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

size_t cr_dtype_size(cr_dtype dtype)
{
    return (unsigned)dtype < CR_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

void cr_disarm(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if ((*c < ' ' && *c != '\n' && *c != '\t') || *c == 127 ||
            (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            *c = '?';
}

/* Formats aside first: the arguments may quote cr_error() itself. */
#undef cr_extend_fail
cr_status cr_fail(cr_status status, const char *fmt, ...)
{
    char text[DIAGNOSTIC_SIZE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        text[0] = '\0';
    if (n >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    cr_disarm(text);
    memcpy(diagnostic, text, strlen(text) + 1);
    last_status = status;
    return status;
}

cr_status cr_last_status(void)
{
    return last_status;
}

void cr_error_clear(void)
{
    diagnostic[0] = '\0';
    last_status = CR_OK;
}

void cr_assert_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "crisol %s: internal error: %s:%d: %s\n", cr_version(), file, line, cond);
    abort();
}

double cr_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
