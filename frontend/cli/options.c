/* options.c - reads a command's options from a table, and prints its help from the same table. */
#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "cli.h"

void cli_add(cli_options *o, const char *name, cli_kind kind, void *to, const char *value,
             const char *help)
{
    if (o->n < CLI_COUNTOF(o->at))
        o->at[o->n++] = (cli_option){name, kind, to, value, help, false, NULL};
}

/* ---- help ------------------------------------------------------------------------------------ */

static void print_default(const cli_option *o)
{
    const char *word = o->value;
    switch (o->kind) {
    case CLI_TEXT:
    case CLI_INPUT:
    case CLI_OUTPUT:
        if (*(const char **)o->to)
            printf(" (default: %s)", *(const char **)o->to);
        break;
    case CLI_COUNT:
        if (*(uint64_t *)o->to && *(uint64_t *)o->to != CLI_NO_LIMIT)
            printf(" (default: %llu)", (unsigned long long)*(uint64_t *)o->to);
        break;
    case CLI_REAL:
        if (*(float *)o->to != 0)
            printf(" (default: %g)", (double)*(float *)o->to);
        break;
    case CLI_CHOICE:
        for (int i = 0; word && i < *(int *)o->to; i++)
            word += strcspn(word, "|") + 1;
        if (word)
            printf(" (default: %.*s)", (int)strcspn(word, "|"), word);
        break;
    case CLI_BYTES:
    case CLI_FLAG:
    case CLI_BIND: break;
    }
}

enum { HELP_COLUMN = 30 };

/* Lines below the first one; those of a list have their own, smaller, indentation. */
static void print_lines(const char *help)
{
    for (; *help; help++) {
        putchar(*help);
        if (*help == '\n' && help[1] != ' ')
            printf("%*s", HELP_COLUMN, "");
    }
}

static void print_help(const cli_options *o)
{
    printf("usage: crisol %s [OPTIONS]%s%s\n\n%s\n\n", cli_command, o->positional ? " " : "",
           o->positional ? o->positional : "", o->about);
    for (size_t i = 0; i < o->n; i++) {
        const cli_option *p = &o->at[i];
        int n = printf("  %s%s%s", p->name, p->value ? " " : "", p->value ? p->value : "");
        if (n >= HELP_COLUMN)
            n = printf("\n") - 1;
        printf("%*s", HELP_COLUMN - n, "");
        print_lines(p->help);
        print_default(p);
        putchar('\n');
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static int wrong_value(const cli_option *o, const char *value, const char *wanted)
{
    return cli_fail("%s: '%s' is not %s", o->name, value, wanted);
}

static int read_count(const cli_option *o, const char *value)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || errno)
        return wrong_value(o, value, "a whole number");
    *(uint64_t *)o->to = v;
    return CLI_GO;
}

static int read_bytes(const cli_option *o, const char *value)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"kB", 1e3},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12},
                 {"KiB", 1024},
                 {"MiB", 1 << 20},
                 {"GiB", 1 << 30},
                 {"TiB", 1024.0 * (1 << 30)}};
    char *end;
    const double v = strtod(value, &end);
    for (size_t i = 0; isdigit((unsigned char)*value) && i < CLI_COUNTOF(units); i++)
        if (strcmp(end, units[i].name) == 0 && v * units[i].bytes >= 1 &&
            v * units[i].bytes < 1e18) {
            *(uint64_t *)o->to = (uint64_t)(v * units[i].bytes);
            return CLI_GO;
        }
    return wrong_value(o, value, "a number of bytes, such as 64MB or 1.5GiB");
}

static int read_real(const cli_option *o, const char *value)
{
    char *end;
    float v = strtof(value, &end);
    if (!*value || *end || !isfinite(v))
        return wrong_value(o, value, "a number");
    *(float *)o->to = v;
    return CLI_GO;
}

static int read_choice(const cli_option *o, const char *value)
{
    const char *word = o->value;
    for (int i = 0;; i++) {
        size_t n = strcspn(word, "|");
        if (strlen(value) == n && memcmp(word, value, n) == 0) {
            *(int *)o->to = i;
            return CLI_GO;
        }
        if (!word[n])
            break;
        word += n + 1;
    }
    return cli_fail("%s: '%s' is none of %s", o->name, value, o->value);
}

/* batch=32,seq=8; the text is kept by argv, and cut there. */
static int read_bindings(const cli_option *o, char *value)
{
    cli_bindings *b = o->to;
    for (char *item = strtok(value, ","); item; item = strtok(NULL, ",")) {
        char *eq = strchr(item, '='), *end = NULL;
        if (b->n == CLI_COUNTOF(b->at))
            return cli_fail("%s: more than %zu sizes", o->name, CLI_COUNTOF(b->at));
        if (!eq || eq == item)
            return wrong_value(o, item, "of the form NAME=SIZE");
        *eq = '\0';
        long long v = strtoll(eq + 1, &end, 10);
        if (!eq[1] || *end || v < 1)
            return wrong_value(o, eq + 1, "a size");
        b->at[b->n++] = (cr_binding){item, v};
    }
    return CLI_GO;
}

static int read_value(const cli_option *o, char *value)
{
    switch (o->kind) {
    case CLI_FLAG: *(bool *)o->to = true; return CLI_GO;
    case CLI_TEXT:
    case CLI_INPUT:
    case CLI_OUTPUT: *(const char **)o->to = value; return CLI_GO;
    case CLI_COUNT: return read_count(o, value);
    case CLI_BYTES: return read_bytes(o, value);
    case CLI_REAL: return read_real(o, value);
    case CLI_CHOICE: return read_choice(o, value);
    case CLI_BIND: return read_bindings(o, value);
    }
    return CLI_MISTAKE;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Letters that differ, with one more or less at any place: enough to see a slip of the fingers. */
static size_t distance(const char *a, const char *b)
{
    size_t same = 0, la = strlen(a), lb = strlen(b), tail = 0;
    while (a[same] && a[same] == b[same])
        same++;
    while (tail + same < la && tail + same < lb && a[la - 1 - tail] == b[lb - 1 - tail])
        tail++;
    return (la > lb ? la : lb) - same - tail;
}

static int unknown(const cli_options *o, const char *name)
{
    const char *nearest = NULL;
    size_t best = 3;
    for (size_t i = 0; i < o->n; i++) {
        size_t d = distance(name, o->at[i].name);
        if (d < best) {
            best = d;
            nearest = o->at[i].name;
        }
    }
    if (nearest)
        return cli_fail("there is no option %s; is it %s?", name, nearest);
    return cli_fail("there is no option %s; see crisol %s --help", name, cli_command);
}

static cli_option *find(cli_options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->n; i++)
        if (strlen(o->at[i].name) == len && memcmp(o->at[i].name, name, len) == 0)
            return &o->at[i];
    return NULL;
}

/* One option at argv[*i]; its value is behind '=' or the next argument. */
static int parse_option(cli_options *o, int argc, char **argv, int *i)
{
    char *arg = argv[*i], *value = strchr(arg, '=');
    cli_option *p = find(o, arg, value ? (size_t)(value - arg) : strlen(arg));
    if (!p)
        return unknown(o, arg);
    p->given = true;
    if (p->kind == CLI_FLAG)
        return value ? cli_fail("%s takes no value", p->name) : read_value(p, NULL);
    if (value)
        return read_value(p, value + 1);
    if (*i + 1 == argc)
        return cli_fail("%s needs a value: %s", p->name, p->value);
    return read_value(p, argv[++*i]);
}

bool cli_given(const cli_options *o, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->at[i].name, name) == 0)
            return o->at[i].given;
    return false;
}

bool cli_is_one_of(const char *word, const char *const list[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *file_of(const cli_option *p, cli_kind kind)
{
    return p->kind == kind ? *(const char **)p->to : NULL;
}

/* An output, and another option or, with NULL, what is read without one. */
static int check_pair(const cli_options *o, const cli_option *p, const cli_option *q)
{
    const char *out = file_of(p, CLI_OUTPUT);
    const char *other = q ? file_of(q, CLI_OUTPUT) : NULL,
               *in = q ? file_of(q, CLI_INPUT) : o->file;
    if (out && other && p < q && (strcmp(out, other) == 0 || cli_same_file(out, other)))
        return cli_fail("%s and %s: both write %s; give them files of their own", p->name, q->name,
                        out);
    const bool goes_on =
        q && strcmp(p->name, "--checkpoint") == 0 && strcmp(q->name, "--resume") == 0;
    if (out && in && !goes_on && (cli_same_file(out, in) || cli_is_of_set(out, in)))
        return cli_fail("%s: %s would be written over what %s%s", p->name, out,
                        q ? q->name : "is read", q ? " reads" : "");
    return CLI_GO;
}

int cli_check_apart(const cli_options *o)
{
    for (size_t i = 0; i < o->n; i++) {
        if (check_pair(o, &o->at[i], NULL) != CLI_GO)
            return CLI_MISTAKE;
        for (size_t k = 0; k < o->n; k++)
            if (check_pair(o, &o->at[i], &o->at[k]) != CLI_GO)
                return CLI_MISTAKE;
    }
    return CLI_GO;
}

/* ---- all ------------------------------------------------------------------------------------- */

int cli_parse(cli_options *o, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(o);
            return CLI_OK;
        }
    for (int i = 0; i < argc; i++) {
        int status = CLI_GO;
        if (argv[i][0] == '-' && argv[i][1])
            status = parse_option(o, argc, argv, &i);
        else if (o->positional && !o->file)
            o->file = argv[i];
        else
            status = cli_fail("'%s' is too much; see crisol %s --help", argv[i], cli_command);
        if (status != CLI_GO)
            return status;
    }
    return cli_check_apart(o);
}

/* ---- options as texts ------------------------------------------------------------------------ */

static const cli_options *set_by_files;

int cli_set(cli_options *o, const char *name, const char *value, const char *from)
{
    cli_option *p = find(o, name, strlen(name));
    set_by_files = o;
    if (!p || p->kind == CLI_BIND)
        return cli_fail("there is no option %s", name);
    p->given = true;
    p->from = from;
    return read_value(p, p->kind == CLI_FLAG ? NULL : (char *)value);
}

const char *cli_source(const char *message)
{
    const size_t n = strcspn(message, ": ");
    for (size_t i = 0; set_by_files && i < set_by_files->n; i++) {
        const cli_option *p = &set_by_files->at[i];
        if (p->from && strlen(p->name) == n && memcmp(p->name, message, n) == 0)
            return p->from;
    }
    return NULL;
}

/* In as few digits as are that number, at most 9: 0.05 rather than 0.0500000007. */
static const char *shortest(float v, char *buf)
{
    int digits = 6;
    do
        snprintf(buf, CLI_VALUE_TEXT, "%.*g", digits, (double)v);
    while (digits++ < 9 && strtof(buf, NULL) != v);
    return buf;
}

const char *cli_value(const cli_option *p, char *buf)
{
    const char *word = p->value;
    switch (p->kind) {
    case CLI_FLAG: return *(bool *)p->to ? "yes" : NULL;
    case CLI_TEXT:
    case CLI_INPUT:
    case CLI_OUTPUT: return *(const char **)p->to;
    case CLI_COUNT:
        snprintf(buf, CLI_VALUE_TEXT, "%llu", (unsigned long long)*(uint64_t *)p->to);
        return buf;
    case CLI_REAL: return shortest(*(float *)p->to, buf);
    case CLI_CHOICE:
        for (int i = 0; i < *(int *)p->to; i++)
            word += strcspn(word, "|") + 1;
        snprintf(buf, CLI_VALUE_TEXT, "%.*s", (int)strcspn(word, "|"), word);
        return buf;
    case CLI_BYTES: /* what a process may use */
    case CLI_BIND: break;
    }
    return NULL;
}
