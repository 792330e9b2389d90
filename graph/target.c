/* target.c - built-in targets and the text form of targets. */
#include "target.h"

#include <ctype.h>
#include <errno.h>

/* ---- built-in rows ----------------------------------------------------------------------- */

static const cr_target cpu_row = {
#define CR_X(type, name, cpu, gpu, doc) .name = cpu,
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
};

static const cr_target gpu_row = {
#define CR_X(type, name, cpu, gpu, doc) .name = gpu,
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
};

const cr_target *cr_target_builtin(const char *name)
{
    if (strcmp(name, "cpu") == 0)
        return &cpu_row;
    return strcmp(name, "gpu") == 0 ? &gpu_row : NULL;
}

/* ---- printing ---------------------------------------------------------------------------- */

static void print_s(cr_strbuf *out, const char *name, const char *value)
{
    cr_str_printf(out, "%s = %s\n", name, value);
}

static void print_i(cr_strbuf *out, const char *name, int64_t value)
{
    cr_str_printf(out, "%s = %lld\n", name, (long long)value);
}

/* The shortest digits that give the same number back. */
static void print_f(cr_strbuf *out, const char *name, double value)
{
    char text[40];
    int digits = 6;
    do
        snprintf(text, sizeof text, "%.*g", digits++, value);
    while (digits <= 17 && strtod(text, NULL) != value);
    cr_str_printf(out, "%s = %s\n", name, text);
}

static void print_b(cr_strbuf *out, const char *name, bool value)
{
    cr_str_printf(out, "%s = %d\n", name, value);
}

void cr_target_print(const cr_target *t, cr_strbuf *out)
{
#define CR_X(type, name, cpu, gpu, doc) print_##type(out, #name, t->name);
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
}

/* ---- parsing ----------------------------------------------------------------------------- */

static const struct field {
    const char *name, *type;
    size_t offset;
} fields[] = {
#define CR_X(type, name, cpu, gpu, doc) {#name, #type, offsetof(cr_target, name)},
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
};

/* What a number may be. Beyond, no schedule fits, or a cost is no number; and generated code would
 * trust it. Fields that are not here take from 0 to `most`. */
static const double most = 0x1p60;
static const struct limit {
    const char *name;
    double min, max;
    bool power_of_two;
} limits[] = {
    {"compute_units", 1, 65536, false},
    {"vector_width", 1, 16, true},
    {"max_group", 1, 65536, false},
    {"sub_group", 1, 1024, false},
    {"local_bytes", 1024, 0x1p40, false},
    {"registers", 8, 65536, false},
    {"cache_bytes", 1024, 0x1p40, false},
    {"global_bytes", 0x1p20, 0x1p60, false},
    {"max_alloc_bytes", 0x1p20, 0x1p60, false},
    {"align_bytes", 64, 65536, true},
    {"launch_us", 0, 1e9, false},
    {"wake_us", 0, 1e9, false},
    {"resident_groups", 0, 65536, false},
    {"meet_us", 0, 1e9, false},
    {"looks_per_us", 0, 1e4, false},
    {"unit_gflops", 1e-6, 1e9, false},
    {"bandwidth_gbs", 1e-6, 1e9, false},
};

static struct limit limit_of(const char *name)
{
    for (size_t i = 0; i < CR_COUNTOF(limits); i++)
        if (strcmp(limits[i].name, name) == 0)
            return limits[i];
    return (struct limit){name, 0, most, false};
}

static bool within(const char *name, double value)
{
    struct limit l = limit_of(name);
    if (!(value >= l.min && value <= l.max))
        return false;
    return !l.power_of_two || ((int64_t)value & ((int64_t)value - 1)) == 0;
}

/* One `name = value` of a text, cut out of its line. */
typedef struct line {
    char name[64], value[256];
} line;

/* The text between two places without the blanks around it; false when it does not fit. */
static bool cut(char *to, size_t size, const char *begin, const char *end)
{
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (begin < end && isspace((unsigned char)end[-1]))
        end--;
    size_t n = (size_t)(end - begin);
    if (n >= size)
        return false;
    memcpy(to, begin, n);
    to[n] = '\0';
    return true;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && isspace((unsigned char)*at))
        at++;
    return at == end || *at == '#';
}

/* The next line that says something; its number in *number. 0: the end, < 0: a mistake. */
static int next_line(const char **text, int *number, line *out)
{
    while (**text) {
        const char *begin = *text, *end = begin + strcspn(begin, "\n");
        *text = *end ? end + 1 : end;
        ++*number;
        if (is_blank(begin, end))
            continue;
        const char *equals = memchr(begin, '=', (size_t)(end - begin));
        if (!equals || !cut(out->name, sizeof out->name, begin, equals) ||
            !cut(out->value, sizeof out->value, equals + 1, end))
            return -1;
        return 1;
    }
    return 0;
}

static bool parse_int(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return *text && !*end && errno == 0;
}

static bool parse_float(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return *text && !*end;
}

static bool parse_bool(const char *text, bool *out)
{
    *out = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    return *out || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
}

static bool parse_text(const char *text, char *out)
{
    size_t n = strlen(text);
    if (n >= sizeof((cr_target *)0)->name)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

static bool set_field(cr_target *t, const struct field *f, const char *value)
{
    void *at = (char *)t + f->offset;
    switch (f->type[0]) {
    case 's': return parse_text(value, at);
    case 'i': return parse_int(value, at) && within(f->name, (double)*(int64_t *)at);
    case 'f': return parse_float(value, at) && within(f->name, *(double *)at);
    default: return parse_bool(value, at);
    }
}

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; i < CR_COUNTOF(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static cr_status bad_value(const struct field *f, const char *path, int number, const char *value)
{
    const struct limit l = limit_of(f->name);
    char meaning[128] = "0 or 1";
    if (f->type[0] == 's')
        snprintf(meaning, sizeof meaning, "a text of at most 95 bytes");
    else if (f->type[0] == 'i')
        snprintf(meaning, sizeof meaning, "a %s from %lld to %lld",
                 l.power_of_two ? "power of two" : "whole number", (long long)l.min,
                 (long long)l.max);
    else if (f->type[0] == 'f')
        snprintf(meaning, sizeof meaning, "a number from %g to %g", l.min, l.max);
    return cr_fail(CR_E_SYNTAX, "%s:%d: %s is \"%s\"; it must be %s", path, number, f->name, value,
                   meaning);
}

/* The row that missing fields come from: the class may be named on any line. */
static cr_status find_class(const char *text, const char *path, const cr_target **row)
{
    line l;
    int number = 0;
    *row = &cpu_row;
    while (next_line(&text, &number, &l) > 0) {
        if (strcmp(l.name, "class_name") != 0)
            continue;
        *row = cr_target_builtin(l.value);
        if (!*row)
            return cr_fail(CR_E_SYNTAX, "%s:%d: class_name is \"%s\"; it can be cpu or gpu", path,
                           number, l.value);
    }
    return CR_OK;
}

cr_status cr_target_parse(const char *text, const char *path, cr_target *out)
{
    const cr_target *row;
    CR_TRY(find_class(text, path, &row));
    cr_target t = *row;
    line l;
    int number = 0, width_line = 0, got;
    while ((got = next_line(&text, &number, &l)) > 0) {
        const struct field *f = find_field(l.name);
        if (!f)
            return cr_fail(CR_E_SYNTAX, "%s:%d: a target has no field \"%s\"", path, number,
                           l.name);
        if (!set_field(&t, f, l.value))
            return bad_value(f, path, number, l.value);
        if (strcmp(l.name, "vector_width") == 0)
            width_line = number;
    }
    if (got < 0)
        return cr_fail(CR_E_SYNTAX, "%s:%d: expected a line `name = value`", path, number);
    if (cr_target_class(&t) == CR_CLASS_GPU && t.vector_width != 1)
        return cr_fail(CR_E_SYNTAX,
                       "%s:%d: vector_width is %lld; where class_name is gpu, it must be 1", path,
                       width_line, (long long)t.vector_width);
    *out = t;
    return CR_OK;
}
