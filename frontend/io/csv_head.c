/* csv_head.c - the first records of a table: do they name the columns, and what do these hold? */
#include "csv.h"

enum { MOST_COLUMNS = 1 << 20 };

typedef struct record {
    CR_VEC(const char *) field;
    uint64_t line;
} record;

static cr_status read_record(cr_csv *c, cr_csv_text *t, record *out)
{
    cr_csv_field f = {.last = false};
    out->line = t->line;
    while (!f.last) {
        if (out->field.len == MOST_COLUMNS)
            return cr_fail(CR_E_LIMIT, "%s:%llu: column %d: there are more columns than that",
                           t->file, (unsigned long long)t->line, MOST_COLUMNS);
        CR_TRY(cr_csv_next(t, out->field.len, &f));
        char *copy = cr_arena_alloc(&c->arena, f.n + 1);
        if (!copy || !cr_vec_push(&out->field, copy))
            return CR_E_MEMORY;
        memcpy(copy, f.at, f.n);
    }
    return CR_OK;
}

static bool is_number(const char *text)
{
    return cr_csv_is_number(text, strlen(text));
}

static bool is_word(const char *text)
{
    return !is_number(text) && !cr_csv_is_missing(text, strlen(text));
}

/* Words above numbers, and numbers among them: names that look like numbers, or a sample with a
 * mistake. Either guess would be wrong for the other. */
static cr_status unclear_header(const cr_csv_text *t, const record *first, uint32_t column)
{
    char text[CR_CSV_SHOWN], what[192];
    const char *word = first->field.at[column];
    const cr_csv_field f = {.at = word, .n = strlen(word)};
    snprintf(what, sizeof what,
             "'%s' stands above a number, and there are numbers beside it: mend it, or say whether "
             "the line names the columns (--header yes, --header no)",
             cr_csv_show(&f, text));
    return cr_csv_error(t, first->line, column, NULL, what);
}

static cr_status names_columns(const cr_csv_text *t, cr_header told, const record *first,
                               const record *second, bool *out)
{
    bool numbers = false, words = false;
    uint32_t above = UINT32_MAX; /* the first word above a number */
    *out = told == CR_HEADER_YES;
    if (told != CR_HEADER_AUTO)
        return CR_OK;
    for (uint32_t i = first->field.len; i-- > 0;) {
        const bool word = is_word(first->field.at[i]);
        numbers = numbers || is_number(first->field.at[i]);
        words = words || word;
        if (word && i < second->field.len && is_number(second->field.at[i]))
            above = i;
    }
    *out = words && !numbers;
    return numbers && above != UINT32_MAX ? unclear_header(t, first, above) : CR_OK;
}

static cr_status make_columns(cr_csv *c, const cr_csv_text *t, const record *names,
                              const record *values)
{
    c->header = names != NULL;
    for (uint32_t i = 0; i < values->field.len; i++) {
        const char *text = values->field.at[i];
        const cr_csv_column made = {.name = names ? names->field.at[i] : NULL,
                                    .words = is_word(text),
                                    .line = values->line};
        if (!cr_vec_push(&c->column, made))
            return CR_E_MEMORY;
    }
    return cr_csv_choose(c, t);
}

/* A later file has the same columns. */
static cr_status check_columns(const cr_csv *c, const cr_csv_text *t, const record *names,
                               const record *values)
{
    if (values->field.len != c->column.len)
        return cr_fail(CR_E_SYNTAX,
                       "%s:%llu: column %u is the last one, and the training file has "
                       "%u columns",
                       t->file, (unsigned long long)values->line, values->field.len, c->column.len);
    for (uint32_t i = 0; names && c->header && i < c->column.len; i++)
        if (strcmp(names->field.at[i], c->column.at[i].name) != 0)
            return cr_fail(CR_E_SYNTAX,
                           "%s:%llu: column %u is '%s', and in the training file it is '%s'",
                           t->file, (unsigned long long)names->line, i + 1, names->field.at[i],
                           c->column.at[i].name);
    return CR_OK;
}

static cr_status use_head(cr_csv *c, const cr_csv_text *t, const record *names,
                          const record *values)
{
    if (values->field.len == 0)
        return cr_csv_error(t, names->line + 1, 0, NULL,
                            "there are names of columns, and no line behind them");
    if (names && names->field.len != values->field.len)
        return cr_fail(CR_E_SYNTAX,
                       "%s:%llu: column %u is the last one, and line %llu names %u columns",
                       t->file, (unsigned long long)values->line, values->field.len,
                       (unsigned long long)names->line, names->field.len);
    return c->column.len ? check_columns(c, t, names, values) : make_columns(c, t, names, values);
}

static cr_status read_two(cr_csv *c, cr_csv_text *t, record *first, record *second)
{
    if (!cr_csv_more(t))
        return cr_csv_error(t, 1, 0, NULL, "the file is empty");
    const char *begin = t->at;
    CR_TRY(read_record(c, t, first));
    const char *behind = t->at;
    if (cr_csv_more(t)) {
        const uint64_t line = t->line;
        CR_TRY(read_record(c, t, second));
        t->line = line;
    }
    bool header;
    CR_TRY(names_columns(t, c->o.header, first, second, &header));
    t->at = header ? behind : begin;
    t->line = header ? t->line : 1;
    return use_head(c, t, header ? first : NULL, header ? second : first);
}

cr_status cr_csv_read_head(cr_csv *c, cr_csv_text *t)
{
    record first = {0}, second = {0};
    cr_status status = read_two(c, t, &first, &second);
    cr_vec_finish(&first.field);
    cr_vec_finish(&second.field);
    return status;
}
