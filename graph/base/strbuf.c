/* strbuf.c - text that grows. */
#include "base.h"

/* Room for n more characters and the final zero. */
static bool reserve(cr_strbuf *s, size_t n)
{
    if (s->failed)
        return false;
    if (n < s->cap - s->len)
        return true;
    size_t cap = CR_MAX(CR_MAX(s->len + n + 1, s->cap * 2), 64);
    char *at = n < PTRDIFF_MAX ? cr_realloc(s->at, s->cap, cap) : NULL;
    if (!at) {
        s->failed = true;
        return false;
    }
    s->at = at;
    s->cap = cap;
    return true;
}

void cr_str_addn(cr_strbuf *s, const char *text, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n)
        memcpy(s->at + s->len, text, n);
    s->len += n;
    s->at[s->len] = '\0';
}

void cr_str_add(cr_strbuf *s, const char *text)
{
    cr_str_addn(s, text, strlen(text));
}

void cr_str_vprintf(cr_strbuf *s, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && reserve(s, (size_t)n)) {
        vsnprintf(s->at + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    if (n < 0)
        s->failed = true;
    va_end(again);
}

void cr_str_printf(cr_strbuf *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(s, fmt, ap);
    va_end(ap);
}

const char *cr_str_text(const cr_strbuf *s)
{
    return s->at ? s->at : "";
}

char *cr_str_take(cr_strbuf *s)
{
    cr_str_addn(s, "", 0); /* even an empty text is a block of its own */
    char *text = s->failed ? NULL : s->at;
    if (text)
        s->at = NULL;
    cr_str_finish(s);
    return text;
}

void cr_str_finish(cr_strbuf *s)
{
    cr_free(s->at);
    *s = (cr_strbuf){0};
}

char *cr_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = cr_alloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}
