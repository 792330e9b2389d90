/* text_lex.c - the characters, words, strings and numbers of the text form, and how a mistake is
 * shown. */
#include <ctype.h>
#include <math.h>

#include "text_lex.h"

/* ---- mistakes ------------------------------------------------------------------------------ */

enum { SHOWN = 100, BEFORE_CARET = 60 }; /* of a long line, characters shown */

/* The line of `where`, cut around it where it is long, and a caret below. */
static void add_excerpt(cr_strbuf *out, const char *line, const char *where)
{
    size_t len = strcspn(line, "\n"), skip = 0, caret = (size_t)(where - line);
    if (caret > SHOWN - 20)
        skip = caret - BEFORE_CARET;
    while (skip > 0 && (line[skip] & 0xc0) == 0x80) /* not inside a character of UTF-8 */
        skip--;
    size_t end = CR_MIN(len, skip + SHOWN);
    cr_str_add(out, skip ? "\n  ..." : "\n  ");
    for (size_t i = skip; i < end; i++)
        cr_str_printf(out, "%c",
                      line[i] == '\t'                   ? ' '
                      : iscntrl((unsigned char)line[i]) ? '?'
                                                        : line[i]);
    cr_str_add(out, end < len ? "...\n  " : "\n  ");
    cr_str_add(out, skip ? "   " : "");
    for (size_t i = skip; i < caret; i++)
        if ((line[i] & 0xc0) != 0x80)
            cr_str_add(out, " ");
    cr_str_add(out, "^");
}

bool cr_lex_fail(struct cr_lexer *x, const char *where, cr_status status, const char *fmt, ...)
{
    unsigned long number = 1;
    const char *line = x->text;
    for (const char *c = x->text; c < where; c++)
        if (*c == '\n') {
            number++;
            line = c + 1;
        }
    cr_strbuf out = {0};
    cr_str_printf(&out, "%s:%lu:%lu: ", x->path, number, (unsigned long)(where - line) + 1);
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&out, fmt, ap);
    va_end(ap);
    add_excerpt(&out, line, where);
    if (out.failed)
        status = CR_E_MEMORY;
    cr_fail(status, "%s", out.failed ? "out of host memory" : cr_str_text(&out));
    cr_str_finish(&out);
    return false;
}

bool cr_lex_no_memory(void)
{
    cr_fail(CR_E_MEMORY, "out of host memory");
    return false;
}

/* What stands at the next character, for "expected ..., not ...". */
static const char *found(const struct cr_lexer *x, char buf[static 40])
{
    size_t n = 0;
    while (n < 24 && (isalnum((unsigned char)x->at[n]) || x->at[n] == '_'))
        n++;
    if (*x->at == '\0')
        return "the end of the text";
    if (*x->at == '\n' || *x->at == '\r')
        return "the end of the line";
    if (n == 0 && ((unsigned char)*x->at >= 0x7f || (unsigned char)*x->at < ' '))
        return "a character that does not belong here";
    snprintf(buf, 40, "'%.*s'", n ? (int)n : 1, x->at);
    return buf;
}

bool cr_lex_expected(struct cr_lexer *x, const char *what)
{
    char buf[40];
    return cr_lex_fail(x, x->at, CR_E_SYNTAX, "expected %s, not %s", what, found(x, buf));
}

/* ---- characters and words ------------------------------------------------------------------ */

static bool at_comment(const struct cr_lexer *x)
{
    return x->at[0] == '#' || (x->at[0] == '/' && x->at[1] == '/');
}

/* Blanks and comments up to the end of the line. */
void cr_lex_blanks(struct cr_lexer *x)
{
    while (*x->at == ' ' || *x->at == '\t' || *x->at == '\r')
        x->at++;
    if (at_comment(x))
        x->at += strcspn(x->at, "\n");
}

void cr_lex_lines(struct cr_lexer *x)
{
    for (cr_lex_blanks(x); *x->at == '\n'; cr_lex_blanks(x))
        x->at++;
}

bool cr_lex_accept(struct cr_lexer *x, char c)
{
    cr_lex_blanks(x);
    if (*x->at != c)
        return false;
    x->at++;
    return true;
}

bool cr_lex_expect(struct cr_lexer *x, char c)
{
    char what[4] = {'\'', c, '\'', 0};
    return cr_lex_accept(x, c) || cr_lex_expected(x, what);
}

bool cr_lex_end(struct cr_lexer *x)
{
    cr_lex_blanks(x);
    if (*x->at == '}' || *x->at == '\0')
        return true; /* the caller looks for the brace */
    return cr_lex_accept(x, '\n') || cr_lex_expected(x, "the end of the line");
}

static size_t word_length(const char *s)
{
    size_t n = 0;
    if (isdigit((unsigned char)*s))
        return 0;
    while (s[n] == '_' || ((unsigned char)s[n] < 0x80 && isalnum((unsigned char)s[n])))
        n++;
    return n;
}

bool cr_lex_accept_word(struct cr_lexer *x, const char *word)
{
    cr_lex_blanks(x);
    size_t n = word_length(x->at);
    if (n != strlen(word) || memcmp(x->at, word, n) != 0)
        return false;
    x->at += n;
    return true;
}

/* A word into x->word. */
bool cr_lex_word(struct cr_lexer *x, const char *what)
{
    cr_lex_blanks(x);
    size_t n = word_length(x->at);
    if (n == 0)
        return cr_lex_expected(x, what);
    x->word.len = 0;
    cr_str_addn(&x->word, x->at, n);
    x->at += n;
    return !x->word.failed || cr_lex_no_memory();
}

/* ---- strings ------------------------------------------------------------------------------- */

int cr_lex_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* After the backslash. */
static bool read_escape(struct cr_lexer *x)
{
    static const char from[] = "\"\\ntr", to[] = "\"\\\n\t\r";
    const char *known = *x->at ? strchr(from, *x->at) : NULL;
    char c = known ? to[known - from] : '\0';
    const char *start = x->at++ - 1;
    if (!known && *start && x->at[-1] == 'x') {
        int high = cr_lex_hex(x->at[0]), low = high < 0 ? -1 : cr_lex_hex(x->at[1]);
        if (low >= 0) {
            c = (char)(high * 16 + low);
            x->at += 2;
        }
    }
    if (c == '\0')
        return cr_lex_fail(x, start, CR_E_SYNTAX,
                           "unknown escape; there are \\\" \\\\ \\n \\t \\r and \\x01 to \\xff");
    cr_str_addn(&x->word, &c, 1);
    return true;
}

/* A quoted string into x->word. */
bool cr_lex_string(struct cr_lexer *x, const char *what)
{
    cr_lex_blanks(x);
    const char *start = x->at;
    if (*x->at != '"')
        return cr_lex_expected(x, what);
    x->at++;
    x->word.len = 0;
    cr_str_addn(&x->word, "", 0);
    while (*x->at != '"') {
        size_t n = strcspn(x->at, "\"\\\n");
        cr_str_addn(&x->word, x->at, n);
        x->at += n;
        if (*x->at == '\n' || *x->at == '\0')
            return cr_lex_fail(x, start, CR_E_SYNTAX, "the string is not closed on its line");
        if (*x->at == '\\' && (x->at++, !read_escape(x)))
            return false;
    }
    x->at++;
    return !x->word.failed || cr_lex_no_memory();
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* Below 2^40 in magnitude, so that sums and differences of such numbers never overflow. */
bool cr_lex_integer(struct cr_lexer *x, const char *what, int64_t *out)
{
    cr_lex_blanks(x);
    const char *start = x->at;
    bool negative = *x->at == '-';
    int64_t n = 0;
    if (!isdigit((unsigned char)x->at[negative]))
        return cr_lex_expected(x, what);
    for (x->at += negative; isdigit((unsigned char)*x->at); x->at++) {
        n = n * 10 + (*x->at - '0');
        if (n >= (int64_t)CR_MAX_ELEMENTS)
            return cr_lex_fail(x, start, CR_E_GRAPH, "the number is beyond 2^40");
    }
    *out = negative ? -n : n;
    return true;
}

/* The n of %n and !n: from 1 to 2^32 - 1. */
bool cr_lex_label(struct cr_lexer *x, char mark, uint32_t *out)
{
    int64_t n;
    cr_lex_blanks(x);
    const char *start = x->at;
    if (*x->at != mark)
        return cr_lex_expected(x, mark == '%' ? "a value (%n)" : "an origin (!n)");
    x->at++;
    if (!isdigit((unsigned char)*x->at))
        return cr_lex_expected(x, "a number");
    if (!cr_lex_integer(x, "a number", &n))
        return false;
    if (n < 1 || n > UINT32_MAX)
        return cr_lex_fail(x, start, CR_E_SYNTAX, "numbers after '%c' are from 1 to 2^32 - 1",
                           mark);
    *out = (uint32_t)n;
    return true;
}

static bool read_float(const char *text, int64_t *out)
{
    char *end;
    uint32_t bits;
    if (text[0] == '0' && text[1] == 'x') {
        for (size_t i = 2; text[i]; i++)
            if (i >= 10 || cr_lex_hex(text[i]) < 0)
                return false;
        *out = (int64_t)strtoul(text, NULL, 16);
        return text[2] != '\0';
    }
    const char *digits = text + (*text == '-');
    bool infinite = strcmp(digits, "inf") == 0;
    if (!infinite && digits[strspn(digits, "0123456789.eE+-")] != '\0')
        return false; /* strtof knows "nan", "infinity" and 0x1p3; the text form does not */
    float f = cr_text_strtof(text, &end);
    if (*end != '\0' || end == text || (isinf(f) && !infinite))
        return false;
    memcpy(&bits, &f, sizeof bits);
    *out = bits;
    return true;
}

static bool read_whole(const char *text, cr_dtype dtype, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)text[text[0] == '-']))
        return false;
    long long n = strtoll(text, &end, 10);
    *out = n;
    if (dtype == CR_U8)
        return *end == '\0' && n >= 0 && n <= UINT8_MAX;
    return *end == '\0' && n >= INT32_MIN && n <= INT32_MAX;
}

/* One element, as CONST keeps it. */
bool cr_lex_value(struct cr_lexer *x, cr_dtype dtype, int64_t *out)
{
    char text[64];
    cr_lex_blanks(x);
    size_t n = 0;
    while (isalnum((unsigned char)x->at[n]) || (x->at[n] && strchr("+-.", x->at[n])))
        n++;
    snprintf(text, sizeof text, "%.*s", (int)CR_MIN(n, sizeof text - 1), x->at);
    bool ok = n > 0 && n < sizeof text;
    if (dtype == CR_F32)
        ok = ok && read_float(text, out);
    else if (dtype == CR_BOOL)
        ok = ok && ((*out = strcmp(text, "true") == 0) || strcmp(text, "false") == 0);
    else
        ok = ok && read_whole(text, dtype, out);
    if (!ok)
        return cr_lex_fail(x, x->at, CR_E_SYNTAX, "expected %s",
                           dtype == CR_F32 ? "an f32 number: 0.5, -1e-3, inf, or bits as 0x7fc00000"
                           : dtype == CR_BOOL ? "true or false"
                           : dtype == CR_U8   ? "a whole number from 0 to 255"
                                              : "a whole number from -2^31 to 2^31 - 1");
    x->at += n;
    return true;
}

/* "(0,2,1)", at most `max` numbers. */
bool cr_lex_list(struct cr_lexer *x, uint32_t max, int64_t *out, uint32_t *n)
{
    *n = 0;
    if (!cr_lex_expect(x, '('))
        return false;
    if (cr_lex_accept(x, ')'))
        return true;
    do {
        cr_lex_blanks(x);
        if (*n == max)
            return cr_lex_fail(x, x->at, CR_E_GRAPH, "more than %u numbers", max);
        if (!cr_lex_integer(x, "a number", &out[*n]))
            return false;
        ++*n;
    } while (cr_lex_accept(x, ','));
    return cr_lex_expect(x, ')');
}

/* "axis(1)" */
bool cr_lex_keyed(struct cr_lexer *x, const char *key, uint32_t max, int64_t *out, uint32_t *n)
{
    char what[32];
    snprintf(what, sizeof what, "%s(...)", key);
    if (!cr_lex_accept_word(x, key))
        return cr_lex_expected(x, what);
    return cr_lex_list(x, max, out, n);
}
