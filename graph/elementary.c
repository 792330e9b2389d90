/* elementary.c - prints elementary functions, and the expressions of ops.def, as OpenCL C. */
#include "elementary.h"

#include <ctype.h>

const cr_elementary cr_elementaries[CR_FN_COUNT] = {
#define CR_FN(name, parameters, ...) {#name, #parameters, #__VA_ARGS__},
#include "elementary.def"
};

/* ---- words ----------------------------------------------------------------------------------- */

/* The next word of a text: letters and digits, or one other character. */
typedef struct word {
    const char *at;
    size_t len;
} word;

static word next_word(const char *text)
{
    word w = {text, 0};
    while (isalnum((unsigned char)text[w.len]) || text[w.len] == '_')
        w.len++;
    if (w.len == 0 && *text)
        w.len = 1;
    return w;
}

static bool is_word(word w, const char *name)
{
    return strlen(name) == w.len && memcmp(w.at, name, w.len) == 0;
}

/* The function that a word calls (EXP: exp); -1 when it calls none. */
static int called(word w)
{
    for (int fn = 0; fn < CR_FN_COUNT; fn++) {
        const char *name = cr_elementaries[fn].name;
        size_t i = 0;
        while (i < w.len && name[i] && w.at[i] == toupper((unsigned char)name[i]))
            i++;
        if (i == w.len && !name[i])
            return fn;
    }
    return -1;
}

/* ---- printing -------------------------------------------------------------------------------- */

static const struct {
    const char *word, *real, *whole; /* what is written where T is a float, or an int */
    bool wide;                       /* followed by the number of lanes */
} spelling[] = {
    {"T", "float", "int", true},
    {"U", "uint", "uint", true},
    {"I", "int", "int", true},
    {"AS_T", "as_float", "as_int", true},
    {"AS_U", "as_uint", "as_uint", true},
    {"FMA", "fma", "fma", false},
    {"SQRT", "sqrt", "sqrt", false},
    {"FLOOR", "floor", "floor", false},
    {"ABS", "fabs", "fabs", false},
    {"UNLIKE", "!=", "^", false}, /* compilers warn of i != i; i ^ i is 0, too */
};

static void emit_word(cr_strbuf *out, word w, cr_dtype dtype, int width)
{
    int fn = called(w);
    if (fn >= 0) {
        cr_str_printf(out, "cr_%s_f%d", cr_elementaries[fn].name, width);
        return;
    }
    if (is_word(w, "LOWEST")) {
        const char *lowest = dtype == CR_F32 ? "(T)(-INFINITY)" : "(T)(-2147483647 - 1)";
        cr_elementary_expand(out, lowest, dtype, width);
        return;
    }
    for (size_t i = 0; i < CR_COUNTOF(spelling); i++) {
        if (!is_word(w, spelling[i].word))
            continue;
        cr_str_add(out, dtype == CR_F32 ? spelling[i].real : spelling[i].whole);
        if (spelling[i].wide && width > 1)
            cr_str_printf(out, "%d", width);
        return;
    }
    cr_str_addn(out, w.at, w.len);
}

void cr_elementary_expand(cr_strbuf *out, const char *text, cr_dtype dtype, int width)
{
    for (word w = next_word(text); w.len > 0; w = next_word(w.at + w.len))
        emit_word(out, w, dtype, width);
}

/* The preprocessor made one line of the body; a statement per line is for the kernel's reader. */
static void emit_body(cr_strbuf *out, const char *body, int width)
{
    for (word w = next_word(body); w.len > 0; w = next_word(w.at + w.len)) {
        emit_word(out, w, CR_F32, width);
        if (!is_word(w, ";") && !is_word(w, "{"))
            continue;
        const char *rest = w.at + 1 + strspn(w.at + 1, " ");
        cr_str_add(out, *rest == '}' ? "\n" : "\n    ");
        w = (word){rest, 0};
    }
}

void cr_elementary_emit(cr_strbuf *out, const char *fn, int width)
{
    for (int i = 0; i < CR_FN_COUNT; i++) {
        const cr_elementary *e = &cr_elementaries[i];
        if (strcmp(e->name, fn) != 0)
            continue;
        cr_elementary_expand(out, "static T ", CR_F32, width);
        cr_str_printf(out, "cr_%s_f%d", fn, width);
        cr_elementary_expand(out, e->parameters, CR_F32, width);
        cr_str_add(out, "\n");
        emit_body(out, e->body, width);
        cr_str_add(out, "\n\n");
        return;
    }
    CR_ASSERT(!"an elementary function of that name");
}

void cr_elementary_emit_set(cr_strbuf *out, uint32_t set, int width)
{
    for (int i = 0; i < CR_FN_COUNT; i++)
        if (set >> i & 1)
            cr_elementary_emit(out, cr_elementaries[i].name, width);
}

uint32_t cr_elementary_uses(const char *text)
{
    uint32_t set = 0;
    for (word w = next_word(text); w.len > 0; w = next_word(w.at + w.len)) {
        int fn = called(w);
        if (fn >= 0)
            set |= 1u << fn | cr_elementary_uses(cr_elementaries[fn].body);
    }
    return set;
}

uint32_t cr_elementary_cost(const char *text)
{
    const uint32_t used = cr_elementary_uses(text);
    uint32_t cost = 0;
    for (int i = 0; i < CR_FN_COUNT; i++)
        if (used >> i & 1)
            cost += (uint32_t)(CR_COST_EXP * strlen(cr_elementaries[i].body) /
                               strlen(cr_elementaries[CR_FN_exp].body));
    if (cost > 0)
        return cost;
    return strpbrk(text, "/%") || strstr(text, "SQRT") ? CR_COST_DIVIDE : 1;
}
