/* words.c - see words.h. */
#include "words.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool cr_words_next(cr_word_reader *r)
{
    while (is_space(*r->at))
        r->at++;
    r->word = r->at;
    while (*r->at && *r->at != ',' && !is_space(*r->at))
        r->at++;
    r->len = (size_t)(r->at - r->word);
    return r->len > 0;
}

bool cr_words_is(const cr_word_reader *r, const char *s)
{
    return strlen(s) == r->len && memcmp(r->word, s, r->len) == 0;
}

bool cr_words_next_is(const cr_word_reader *r, const char *s)
{
    cr_word_reader next = *r;
    return cr_words_next(&next) && cr_words_is(&next, s);
}

int cr_words_shown(const cr_word_reader *r)
{
    return (int)CR_MIN(r->len, 40);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

/* The text about the last word, and a line that points at it. Control characters become spaces, so
 * that the caret stands where it should. */
static void point_at(const cr_word_reader *r, cr_strbuf *s)
{
    enum { BEFORE = 60, AFTER = 20 };
    const size_t column = (size_t)(r->word - r->text), end = strlen(r->text);
    const size_t from = column > BEFORE ? column - BEFORE : 0;
    cr_str_add(s, "\n  ");
    for (size_t i = from; i < end && i < column + r->len + AFTER; i++)
        cr_str_printf(s, "%c", (unsigned char)r->text[i] < ' ' ? ' ' : r->text[i]);
    cr_str_printf(s, "\n  %*s^", (int)(column - from), "");
    for (size_t i = 1; i < r->len && i < 60; i++)
        cr_str_add(s, "~");
}

cr_status cr_words_wrong(const cr_word_reader *r, const char *fmt, ...)
{
    cr_strbuf s = {0};
    cr_str_printf(&s, "%s, column %zu: ", r->what, (size_t)(r->word - r->text) + 1);
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&s, fmt, ap);
    va_end(ap);
    point_at(r, &s);
    cr_status status = cr_fail(CR_E_SYNTAX, "%s", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

cr_status cr_words_unknown(const cr_word_reader *r, const char *what, const char *list)
{
    return r->len == 0 ? cr_words_wrong(r, "%s is missing here; there are %s", what, list)
                       : cr_words_wrong(r, "'%.*s' is not %s; there are %s", cr_words_shown(r),
                                        r->word, what, list);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Is all from `at` to `end` a whole number in the range? */
static bool read_whole(const char *at, const char *end, int64_t least, int64_t most, int64_t *out)
{
    char *stop;
    errno = 0;
    *out = strtoll(at, &stop, 10);
    return at < end && stop == end && !errno && *out >= least && *out <= most;
}

static cr_status no_whole(const cr_word_reader *r, const char *what, int64_t least, int64_t most)
{
    return r->len == 0 ? cr_words_wrong(r, "'%s' needs %s", r->subject, what)
                       : cr_words_wrong(r, "'%.*s' is not %s (%lld to %lld)", cr_words_shown(r),
                                        r->word, what, (long long)least, (long long)most);
}

cr_status cr_words_whole(cr_word_reader *r, const char *what, int64_t least, int64_t most,
                         int64_t *out)
{
    cr_words_next(r);
    return read_whole(r->word, r->word + r->len, least, most, out) ? CR_OK
                                                                   : no_whole(r, what, least, most);
}

cr_status cr_words_pair(cr_word_reader *r, const char *what, int64_t least, int64_t most,
                        int64_t out[2])
{
    cr_words_next(r);
    const char *end = r->word + r->len, *x = r->len ? memchr(r->word, 'x', r->len) : NULL;
    bool fine = read_whole(r->word, x ? x : end, least, most, &out[0]);
    out[1] = out[0];
    if (fine && x)
        fine = read_whole(x + 1, end, least, most, &out[1]);
    return fine ? CR_OK : no_whole(r, what, least, most);
}

bool cr_words_number(const cr_word_reader *r, double *out)
{
    char *end;
    *out = strtod(r->word, &end);
    return r->len > 0 && end == r->word + r->len && isfinite(*out);
}

cr_status cr_words_float(cr_word_reader *r, const char *what, float *out)
{
    double v;
    if (!cr_words_next(r))
        return cr_words_wrong(r, "'%s' needs %s", r->subject, what);
    if (!cr_words_number(r, &v) || !isfinite((float)v))
        return cr_words_wrong(r, "'%.*s' is not a number (%s)", cr_words_shown(r), r->word, what);
    *out = (float)v;
    return CR_OK;
}
