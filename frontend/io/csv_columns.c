/* csv_columns.c - what the columns of a table are, and the words that they hold. */
#include <strings.h>

#include "csv.h"

enum { MOST_WORDS = 10000 };

/* ---- numbers that are none ------------------------------------------------------------------- */

bool cr_csv_is_missing(const char *at, size_t n)
{
    static const char *const names[] = {"nan", "na", "n/a", "null", "none", "inf", "infinity", "?"};
    const size_t sign = n > 1 && (*at == '-' || *at == '+');
    for (size_t i = 0; i < CR_COUNTOF(names); i++)
        if (strlen(names[i]) == n - sign && strncasecmp(names[i], at + sign, n - sign) == 0)
            return true;
    return n == 0;
}

cr_status cr_csv_no_number(const cr_csv *c, const cr_csv_text *t, uint32_t column,
                           const cr_csv_field *f)
{
    const cr_csv_column *col = &c->column.at[column];
    char text[CR_CSV_SHOWN], what[192];
    cr_csv_show(f, text);
    if (f->n == 0)
        snprintf(what, sizeof what, "the field is empty; every sample needs a value");
    else if (cr_csv_is_missing(f->at, f->n))
        snprintf(what, sizeof what, "'%s' is no number; leave such lines out, or fill them in",
                 text);
    else
        snprintf(what, sizeof what,
                 "'%s' is not a number that f32 has, and the column is one of numbers, by line "
                 "%llu of the first file",
                 text, (unsigned long long)col->line);
    return cr_csv_error(t, f->line, column, col->name, what);
}

/* ---- words ----------------------------------------------------------------------------------- */

static uint32_t find_word(const cr_csv_words *w, uint64_t hash, const char *at, size_t n)
{
    uint32_t pos = UINT32_MAX, k;
    while ((k = cr_map_next(&w->map, hash, &pos)))
        if (strncmp(w->word.at[k - 1], at, n) == 0 && !w->word.at[k - 1][n])
            return k;
    return 0;
}

static cr_status add_word(cr_csv *c, cr_csv_words *w, uint64_t hash, const char *at, size_t n)
{
    char *copy = cr_arena_alloc(&c->arena, n + 1);
    if (!copy)
        return CR_E_MEMORY;
    memcpy(copy, at, n);
    return cr_vec_push(&w->word, copy) && cr_map_put(&w->map, hash, w->word.len) ? CR_OK
                                                                                 : CR_E_MEMORY;
}

static cr_status fix_words(cr_csv *c, cr_csv_words *w, const cr_words *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const size_t n = strlen(list->word[i]);
        CR_TRY(add_word(c, w, cr_hash(CR_HASH_SEED, list->word[i], n), list->word[i], n));
    }
    w->fixed = true;
    return CR_OK;
}

cr_status cr_csv_take_word(cr_csv *c, const cr_csv_text *t, uint32_t column, const cr_csv_field *f,
                           float *out)
{
    cr_csv_column *col = &c->column.at[column];
    cr_csv_words *w = &col->list;
    const uint64_t hash = cr_hash(CR_HASH_SEED, f->at, f->n);
    uint32_t k = find_word(w, hash, f->at, f->n);
    char text[CR_CSV_SHOWN], what[192];
    if (f->n == 0)
        return cr_csv_no_number(c, t, column, f);
    if (!k && w->fixed) {
        snprintf(what, sizeof what, "'%s' is none of the %u words that are known",
                 cr_csv_show(f, text), w->word.len);
        return cr_csv_error(t, f->line, column, col->name, what);
    }
    if (!k && w->word.len == MOST_WORDS)
        return cr_csv_error(t, f->line, column, col->name,
                            "more than 10000 different words are no categories; leave the column "
                            "out");
    if (!k) {
        CR_TRY(add_word(c, w, hash, f->at, f->n));
        k = w->word.len;
    }
    *out = (float)(k - 1);
    return CR_OK;
}

/* ---- columns by name or number --------------------------------------------------------------- */

/* UINT32_MAX: there is none. */
static uint32_t find_column(const cr_csv *c, const char *word, size_t n)
{
    uint64_t number = 0;
    bool digits = n > 0 && n < 10;
    for (uint32_t i = 0; i < c->column.len; i++) {
        const char *name = c->column.at[i].name;
        if (name && strncmp(name, word, n) == 0 && !name[n])
            return i;
    }
    for (size_t i = 0; i < n && digits; i++) {
        digits = (unsigned)(word[i] - '0') < 10;
        number = number * 10 + (unsigned)(word[i] - '0');
    }
    return digits && number >= 1 && number <= c->column.len ? (uint32_t)number - 1 : UINT32_MAX;
}

static cr_status no_column(const cr_csv *c, const cr_csv_text *t, const char *option,
                           const char *word, size_t n)
{
    enum { MOST_SHOWN = 20 };
    cr_strbuf names = {0};
    for (uint32_t i = 0; c->header && i < CR_MIN(c->column.len, (uint32_t)MOST_SHOWN); i++)
        cr_str_printf(&names, "%s%s", i ? ", " : ": ", c->column.at[i].name);
    cr_status status =
        cr_fail(CR_E_ARGUMENT, "%s: %s: there is no column '%.*s' among the %u%s%s", t->file,
                option, (int)CR_MIN(n, 200u), word, c->column.len, cr_str_text(&names),
                c->header && c->column.len > MOST_SHOWN ? ", ..." : "");
    cr_str_finish(&names);
    return status;
}

typedef enum marking { DROPPED, TARGET, WORDS } marking;

static void mark_column(cr_csv_column *col, marking as)
{
    col->dropped = col->dropped || as == DROPPED;
    col->target = col->target || as == TARGET;
    col->told = col->told || as == WORDS;
    col->words = col->words || col->told;
}

/* Marks the columns of a list "width,3". A name may have commas, when it is alone. */
static cr_status mark(cr_csv *c, const cr_csv_text *t, const char *list, marking as)
{
    static const char *const options[] = {"drop", "target", "categories"};
    while (list) {
        const size_t all = strlen(list);
        const size_t n = find_column(c, list, all) == UINT32_MAX ? strcspn(list, ",") : all;
        const uint32_t i = find_column(c, list, n);
        if (i == UINT32_MAX)
            return no_column(c, t, options[as], list, n);
        cr_csv_column *col = &c->column.at[i];
        mark_column(col, as);
        if (col->dropped && col->target)
            return cr_csv_error(t, 1, i, col->name, "is it the target, or dropped?");
        list = list[n] ? list + n + 1 : NULL;
    }
    return CR_OK;
}

/* A file of samples alone has as many columns as the samples that it is to be like. */
static bool has_targets(const cr_csv *c, uint32_t kept)
{
    const cr_data *like = c->o.like;
    return !c->o.no_targets || (like && like->samples.x_shape.rank == 1 &&
                                like->samples.x_shape.dim[0] != (int64_t)kept);
}

/* The names of the samples that these are to be like: those of the features, then of the targets.
 * NULL: these or those have none. */
static const cr_words *known_names(const cr_csv *c)
{
    const cr_data *like = c->o.like;
    return c->header && like && like->columns.n && like->samples.x_shape.rank == 1 ? &like->columns
                                                                                   : NULL;
}

/* As they were in the samples that these are to be like; else the last column. */
static cr_status choose_targets(cr_csv *c, const cr_csv_text *t, uint32_t last)
{
    const cr_words *names = known_names(c);
    bool any = false;
    if (c->o.target)
        return mark(c, t, c->o.target, TARGET);
    for (int64_t k = names ? c->o.like->samples.x_shape.dim[0] : 0; names && k < names->n; k++) {
        const uint32_t i = find_column(c, names->word[k], strlen(names->word[k]));
        if (i == UINT32_MAX || c->column.at[i].dropped)
            continue;
        any = c->column.at[i].target = true;
    }
    if (!any)
        c->column.at[last].target = true;
    return CR_OK;
}

static cr_status choose(cr_csv *c, const cr_csv_text *t)
{
    uint32_t kept = 0, last = 0;
    CR_TRY(mark(c, t, c->o.categories, WORDS));
    CR_TRY(mark(c, t, c->o.drop, DROPPED));
    for (uint32_t i = 0; i < c->column.len; i++)
        if (!c->column.at[i].dropped) {
            kept++;
            last = i;
        }
    if (kept && has_targets(c, kept))
        CR_TRY(choose_targets(c, t, last));
    for (uint32_t i = 0; i < c->column.len; i++)
        c->targets += c->column.at[i].target;
    c->features = kept - c->targets;
    if (c->features)
        return CR_OK;
    return cr_fail(CR_E_SYNTAX,
                   "%s:1: column 1: of %u column%s none is left for the samples; are fields "
                   "separated by '%c'?",
                   t->file, c->column.len, c->column.len == 1 ? "" : "s",
                   t->separator == '\t' ? ' ' : t->separator);
}

/* ---- what they hold -------------------------------------------------------------------------- */

/* What the words of a column are to be; NULL: whatever comes. */
static const cr_words *known_words(const cr_csv *c, const cr_csv_column *col, uint32_t feature)
{
    static const cr_words none;
    const cr_data *like = c->o.like;
    if (!like)
        return NULL;
    if (col->target)
        return &like->classes;
    return like->categories ? &like->categories[feature] : &none;
}

static cr_status settle(cr_csv *c, const cr_csv_text *t, uint32_t i, uint32_t feature)
{
    cr_csv_column *col = &c->column.at[i];
    const cr_words *known = known_words(c, col, feature);
    if (known && known->n) {
        col->words = true;
        return fix_words(c, &col->list, known);
    }
    if (col->words && known)
        return cr_csv_error(t, col->line, i, col->name,
                            "there are words, and in the samples that these are to be like there "
                            "are numbers");
    if (col->target && c->targets > 1 && c->o.targets == CR_TARGETS_CLASSES)
        return cr_csv_error(t, col->line, i, col->name, "classes are one column");
    if (col->words && col->target && (c->targets > 1 || c->o.targets == CR_TARGETS_NUMBERS))
        return cr_csv_error(t, col->line, i, col->name,
                            c->targets > 1 ? "there are words, and of several targets all are "
                                             "numbers"
                                           : "there are words, and targets are to be numbers");
    return CR_OK;
}

/* Another order of the columns would be other samples. */
static cr_status check_names(const cr_csv *c, const cr_csv_text *t)
{
    const cr_words *names = known_names(c);
    int64_t k = 0;
    for (uint32_t i = 0; names && i < c->column.len; i++) {
        const cr_csv_column *col = &c->column.at[i];
        if (col->dropped || col->target || k >= c->o.like->samples.x_shape.dim[0])
            continue;
        if (strcmp(col->name, names->word[k]) != 0)
            return cr_fail(CR_E_SYNTAX,
                           "%s:1: column %u is '%s', and in the samples that these are to be like "
                           "'%s' comes here; the same columns are needed in the same order (drop "
                           "leaves others out)",
                           t->file, i + 1, col->name, names->word[k]);
        k++;
    }
    return CR_OK;
}

static cr_status settle_all(cr_csv *c, const cr_csv_text *t)
{
    const cr_data *like = c->o.like;
    uint32_t feature = 0;
    CR_TRY(check_names(c, t));
    if (like &&
        (like->samples.x_shape.rank != 1 || like->samples.x_shape.dim[0] != (int64_t)c->features))
        return cr_fail(CR_E_ARGUMENT,
                       "%s: samples of %u columns, and those that they are to be like have %lld",
                       t->file, c->features, (long long)like->samples.x_shape.dim[0]);
    for (uint32_t i = 0; i < c->column.len; i++) {
        if (!c->column.at[i].dropped)
            CR_TRY(settle(c, t, i, feature));
        feature += !c->column.at[i].dropped && !c->column.at[i].target;
    }
    return CR_OK;
}

cr_status cr_csv_choose(cr_csv *c, const cr_csv_text *t)
{
    CR_TRY(choose(c, t));
    return settle_all(c, t);
}
