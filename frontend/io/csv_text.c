/* csv_text.c - records, fields and numbers of a table's text. */
#include <math.h>

#include "csv.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- messages -------------------------------------------------------------------------------- */

cr_status cr_csv_error(const cr_csv_text *t, uint64_t line, uint32_t column, const char *name,
                       const char *what)
{
    return cr_fail(CR_E_SYNTAX, "%s:%llu: column %u%s%s%s: %s", t->file, (unsigned long long)line,
                   column + 1, name ? " '" : "", name ? name : "", name ? "'" : "", what);
}

const char *cr_csv_show(const cr_csv_field *f, char buf[CR_CSV_SHOWN])
{
    const size_t n = CR_MIN(f->n, (size_t)CR_CSV_SHOWN - 4);
    for (size_t i = 0; i < n; i++)
        buf[i] = (char)((unsigned char)f->at[i] < ' ' || f->at[i] == 127 ? '?' : f->at[i]);
    strcpy(buf + n, n < f->n ? "..." : "");
    return buf;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The first of these that the first line has. */
static char choose_separator(const char *text, size_t size)
{
    static const char known[] = {',', '\t', ';'};
    const char *end = memchr(text, '\n', size);
    const size_t n = end ? (size_t)(end - text) : size;
    for (size_t i = 0; i < CR_COUNTOF(known); i++)
        if (memchr(text, known[i], n))
            return known[i];
    return ',';
}

void cr_csv_begin(cr_csv_text *t, const char *file, const char *text, size_t size, char separator)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t skip = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    *t = (cr_csv_text){.file = file, .at = text + skip, .end = text + size, .line = 1};
    t->separator = separator ? separator : choose_separator(t->at, size - skip);
}

void cr_csv_text_finish(cr_csv_text *t)
{
    cr_str_finish(&t->unquoted);
}

bool cr_csv_more(cr_csv_text *t)
{
    const char *at = t->at;
    if (at < t->end && *at != '\n' && *at != '\r')
        return true;
    while (at < t->end && (*at == '\n' || *at == '\r'))
        at++;
    return at < t->end;
}

/* The separator or line end at `at`: behind it, or NULL when there is neither. */
static const char *behind(const cr_csv_text *t, const char *at, bool *last)
{
    *last = true;
    if (at == t->end)
        return at;
    if (*at == '\n')
        return at + 1;
    if (*at == '\r' && (at + 1 == t->end || at[1] == '\n'))
        return at + 1 == t->end ? at + 1 : at + 2;
    *last = false;
    return *at == t->separator ? at + 1 : NULL;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* From the quote on. */
static cr_status read_quoted(cr_csv_text *t, uint32_t column, cr_csv_field *out)
{
    const char *begin = t->at + 1, *at = begin;
    cr_str_finish(&t->unquoted);
    for (;;) {
        const char *quote = memchr(at, '"', (size_t)(t->end - at));
        if (!quote)
            return cr_csv_error(t, out->line, column, NULL,
                                "the quote that begins here has no end");
        for (const char *p = at; (p = memchr(p, '\n', (size_t)(quote - p))); p++)
            t->line++;
        at = quote + 1;
        if (at == t->end || *at != '"') {
            out->at = begin;
            out->n = (size_t)(quote - begin);
            break;
        }
        cr_str_addn(&t->unquoted, begin, (size_t)(at - begin));
        begin = ++at;
    }
    if (t->unquoted.at) {
        cr_str_addn(&t->unquoted, out->at, out->n);
        out->at = t->unquoted.at;
        out->n = t->unquoted.len;
    }
    t->at = at;
    return t->unquoted.failed ? CR_E_MEMORY : CR_OK;
}

static void read_plain(cr_csv_text *t, cr_csv_field *out)
{
    const char *at = t->at;
    bool last;
    while (!behind(t, at, &last))
        at++;
    out->at = t->at;
    out->n = (size_t)(at - t->at);
    while (out->n && is_blank(out->at[out->n - 1]))
        out->n--;
    t->at = at;
}

/* Blanks, unless they are separators. */
static void skip_blanks(cr_csv_text *t)
{
    while (t->at < t->end && is_blank(*t->at) && *t->at != t->separator)
        t->at++;
}

cr_status cr_csv_next(cr_csv_text *t, uint32_t column, cr_csv_field *out)
{
    *out = (cr_csv_field){.line = t->line};
    skip_blanks(t);
    if (t->at < t->end && *t->at == '"') {
        CR_TRY(read_quoted(t, column, out));
        skip_blanks(t);
    } else {
        read_plain(t, out);
    }
    const char *next = behind(t, t->at, &out->last);
    if (!next)
        return cr_csv_error(t, t->line, column, NULL,
                            "there is more behind the field's closing quote");
    if (memchr(out->at, '\0', out->n))
        return cr_csv_error(t, out->line, column, NULL, "there is a zero byte; is it a text?");
    t->line += out->last;
    t->at = next;
    return CR_OK;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* m 10^e. Exact where both have a double, which is nearly always so. */
static double scale(uint64_t m, int64_t e)
{
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (m <= (1ull << 53) && e >= -22 && e <= 22)
        return e < 0 ? (double)m / exact[-e] : (double)m * exact[e];
    if (m == 0 || e < -400)
        return 0;
    long double x = (long double)m, ten = 10;
    const bool up = e > 0;
    for (int64_t n = up ? CR_MIN(e, 400) : -e; n; n >>= 1, ten *= ten)
        if (n & 1)
            x = up ? x * ten : x / ten;
    return (double)x;
}

/* Digits into *m, as far as it holds them; *e is moved by those that it does not. */
static const char *read_digits(const char *at, const char *end, uint64_t *m, int64_t *e,
                               bool fraction)
{
    for (; at < end && (unsigned)(*at - '0') < 10; at++) {
        const bool fits = *m < 100000000000000000ull; /* 10^17 */
        if (fits)
            *m = *m * 10 + (unsigned)(*at - '0');
        *e += fraction ? -(int)fits : !fits;
    }
    return at;
}

/* Behind the 'e'; NULL when no digits follow. */
static const char *read_exponent(const char *at, const char *end, int64_t *e)
{
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *begin = at;
    int64_t n = 0;
    for (; at < end && (unsigned)(*at - '0') < 10; at++)
        n = CR_MIN(n * 10 + (*at - '0'), 100000);
    *e += negative ? -n : n;
    return at > begin ? at : NULL;
}

/* Behind a decimal number that f32 has; NULL when there is none. No locale has a say. */
static const char *read_number(const char *at, const char *end, float *out)
{
    const bool negative = at < end && *at == '-';
    uint64_t m = 0;
    int64_t e = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *begin = at;
    at = read_digits(at, end, &m, &e, false);
    ptrdiff_t digits = at - begin;
    if (at < end && *at == '.') {
        begin = at + 1;
        at = read_digits(begin, end, &m, &e, true);
        digits += at - begin;
    }
    if (digits && at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent(at + 1, end, &e);
    if (!digits || !at)
        return NULL;
    const float x = (float)scale(m, e);
    *out = negative ? -x : x;
    return isfinite(x) ? at : NULL;
}

bool cr_csv_is_number(const char *at, size_t n)
{
    float x;
    return n > 0 && read_number(at, at + n, &x) == at + n;
}

bool cr_csv_next_number(cr_csv_text *t, float *out, bool *last)
{
    const char *at = t->at;
    while (at < t->end && is_blank(*at) && *at != t->separator)
        at++;
    const bool quoted = at < t->end && *at == '"';
    at = read_number(at + quoted, t->end, out);
    if (!at || (quoted && (at == t->end || *at++ != '"')))
        return false;
    while (at < t->end && is_blank(*at) && *at != t->separator)
        at++;
    at = behind(t, at, last);
    if (!at)
        return false;
    t->line += *last;
    t->at = at;
    return true;
}
