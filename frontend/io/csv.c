/* csv.c - the samples of tables: numbers as they are, words as codes. */
#include <math.h>

#include "csv.h"

enum { GUESSED_CLASSES = 1000 }; /* targets of whole numbers below are classes, unless told */

void cr_csv_start(cr_csv *c, cr_data *data, const cr_table_options *options)
{
    *c = (cr_csv){.data = data, .o = *options};
}

void cr_csv_finish(cr_csv *c)
{
    for (uint32_t i = 0; i < c->column.len; i++) {
        cr_map_finish(&c->column.at[i].list.map);
        cr_vec_finish(&c->column.at[i].list.word);
    }
    cr_vec_finish(&c->column);
    cr_arena_finish(&c->arena);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static cr_status ragged(const cr_csv *c, const cr_csv_text *t, uint64_t line, uint32_t i)
{
    char what[96];
    if (i + 1 < c->column.len)
        snprintf(what, sizeof what, "the line ends here, and there are %u columns", c->column.len);
    else
        snprintf(what, sizeof what, "the line goes on, and there are %u columns", c->column.len);
    return cr_csv_error(t, line, i, NULL, what);
}

/* A class as a whole number. */
static cr_status check_class(const cr_csv *c, const cr_csv_text *t, uint64_t line, uint32_t i,
                             float v)
{
    if (v >= 0 && v < (float)(1 << 24) && v == floorf(v))
        return CR_OK;
    char what[96];
    snprintf(what, sizeof what, "%g is not a class, a whole number from 0", (double)v);
    return cr_csv_error(t, line, i, c->column.at[i].name, what);
}

static bool wants_classes(const cr_csv *c)
{
    if (c->o.like)
        return c->o.like->samples.y_dtype != CR_F32;
    return c->o.targets == CR_TARGETS_CLASSES;
}

/* A field that is no plain number: a word, one that is dropped, or a mistake. */
static cr_status read_other(cr_csv *c, cr_csv_text *t, uint32_t i, float *v, bool *last)
{
    cr_csv_field f;
    CR_TRY(cr_csv_next(t, i, &f));
    *last = f.last;
    if (c->column.at[i].dropped)
        return CR_OK;
    if (f.n == 0 && f.last && i + 1 < c->column.len)
        return ragged(c, t, f.line, i); /* an empty line, above all */
    if (!c->column.at[i].words)
        return cr_csv_no_number(c, t, i, &f);
    return cr_csv_take_word(c, t, i, &f, v);
}

static cr_status read_row(cr_csv *c, cr_csv_text *t, float *x, float *y)
{
    const uint64_t line = t->line;
    for (uint32_t i = 0; i < c->column.len; i++) {
        const cr_csv_column *col = &c->column.at[i];
        bool last;
        float v = 0;
        if (col->words || col->dropped || !cr_csv_next_number(t, &v, &last))
            CR_TRY(read_other(c, t, i, &v, &last));
        if (last != (i + 1 == c->column.len))
            return ragged(c, t, line, i);
        if (col->dropped)
            continue;
        if (col->target && !col->words && wants_classes(c))
            CR_TRY(check_class(c, t, line, i, v));
        *(col->target ? y++ : x++) = v;
    }
    return CR_OK;
}

/* No more rows than that: each has a line, and a byte a column. */
static uint64_t most_rows(const cr_csv *c, const cr_csv_text *t)
{
    uint64_t lines = 0;
    const char *at = t->at;
    for (const char *p; at < t->end && (p = memchr(at, '\n', (size_t)(t->end - at))); at = p + 1)
        lines++;
    lines += at < t->end;
    return CR_MIN(lines, (uint64_t)(t->end - t->at) / c->column.len + 1);
}

static cr_status read_rows(cr_csv *c, cr_csv_text *t, cr_part *part)
{
    const uint64_t most = most_rows(c, t);
    uint64_t xbytes, ybytes, n = 0;
    if (most > INT32_MAX || !cr_mul_size(most, 4ull * c->features, &xbytes) ||
        !cr_mul_size(most, 4ull * c->targets, &ybytes))
        return cr_fail(CR_E_LIMIT, "%s: more than 2^31 - 1 lines", t->file);
    float *x = cr_data_alloc(c->data, (size_t)xbytes);
    float *y = c->targets ? cr_data_alloc(c->data, (size_t)ybytes) : NULL;
    if (!x || (c->targets && !y))
        return CR_E_MEMORY;
    for (; cr_csv_more(t); n++)
        CR_TRY(read_row(c, t, x + n * c->features, y ? y + n * c->targets : NULL));
    *part = (cr_part){x, y, (uint32_t)n};
    c->file[c->nfiles++] = (cr_csv_rows){x, y, part->n};
    return CR_OK;
}

/* As of old Macintosh: all lines would be one. */
static bool has_lines_of_cr(const char *text, size_t size)
{
    const char *cr = memchr(text, '\n', size) ? NULL : memchr(text, '\r', size);
    return cr && cr + 1 < text + size;
}

cr_status cr_csv_read(cr_csv *c, const char *file, const char *text, size_t size, cr_part *part)
{
    cr_csv_text t;
    if (has_lines_of_cr(text, size))
        return cr_fail(CR_E_SYNTAX,
                       "%s:1: column 1: lines end in CR alone; make that LF: tr '\\r' '\\n'", file);
    cr_csv_begin(&t, file, text, size, c->o.separator);
    cr_status status = cr_csv_read_head(c, &t);
    if (status == CR_OK)
        status = read_rows(c, &t, part);
    cr_csv_text_finish(&t);
    return status;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int64_t find_sorted(const char *const *word, uint32_t n, const char *text)
{
    const char *const *at = bsearch(&text, word, n, sizeof *word, by_text);
    return at ? at - word : -1;
}

/* The column's words in their order, in the data's memory. */
static cr_status keep_words(cr_csv *c, const cr_csv_words *w, cr_words *out)
{
    const char **word = cr_data_alloc(c->data, w->word.len * sizeof *word);
    if (!word)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < w->word.len; i++)
        if (!(word[i] = cr_data_text(c->data, w->word.at[i])))
            return CR_E_MEMORY;
    if (!w->fixed)
        qsort(word, w->word.len, sizeof *word, by_text);
    *out = (cr_words){word, w->word.len};
    return CR_OK;
}

/* From the order in which words were seen to that of the list, in every `stride`th value. */
static cr_status renumber(const cr_csv_words *w, const cr_words *list, float *at, uint32_t n,
                          uint32_t stride)
{
    float *code = cr_alloc(w->word.len * sizeof *code);
    if (!code)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < w->word.len; i++)
        code[i] = (float)find_sorted(list->word, list->n, w->word.at[i]);
    for (uint32_t i = 0; i < n; i++, at += stride)
        *at = code[(uint32_t)*at];
    cr_free(code);
    return CR_OK;
}

/* Are all words numbers but the first one seen, which made the column one of words? */
static bool only_first_is_word(const cr_csv_words *w)
{
    for (uint32_t i = 1; i < w->word.len; i++)
        if (!cr_csv_is_number(w->word.at[i], strlen(w->word.at[i])))
            return false;
    return w->word.len > 1;
}

/* Are all of them numbers, but for commas, 1,5 or 1,000, or another separator, 1;5? */
static bool are_numbers_with_commas(const cr_csv_words *w)
{
    static const char digits[] = "0123456789", others[] = "0123456789,;.+-eE ";
    bool any = false;
    for (uint32_t i = 0; i < w->word.len; i++) {
        const char *word = w->word.at[i];
        if (word[strspn(word, others)] || !strpbrk(word, digits))
            return false;
        any = any || strpbrk(word, ",;");
    }
    return any;
}

static cr_status check_words(const cr_csv *c, uint32_t column)
{
    const cr_csv_column *col = &c->column.at[column];
    const cr_csv_text t = {.file = c->data->name};
    const char *why;
    char text[CR_CSV_SHOWN], what[320];
    if (col->told || col->list.fixed)
        return CR_OK;
    if (only_first_is_word(&col->list))
        why = " is not a number, and all other fields of the column are";
    else if (are_numbers_with_commas(&col->list))
        why = " is not a number, and no field of the column is: they are digits and commas or "
              "semicolons; write numbers with a point and nothing between thousands, say what is "
              "between fields (separator), or, if these are words, name the column (categories)";
    else
        return CR_OK;
    const cr_csv_field f = {.at = col->list.word.at[0], .n = strlen(col->list.word.at[0])};
    snprintf(what, sizeof what, "'%s'%s", cr_csv_show(&f, text), why);
    return cr_csv_error(&t, col->line, column, col->name, what);
}

/* `place` among the features, or the targets. */
static cr_status end_words(cr_csv *c, const cr_csv_column *col, uint32_t place, cr_words *out)
{
    CR_TRY(keep_words(c, &col->list, out));
    for (uint32_t i = 0; i < c->nfiles && !col->list.fixed; i++)
        CR_TRY(renumber(&col->list, out, (col->target ? c->file[i].y : c->file[i].x) + place,
                        c->file[i].n, col->target ? c->targets : c->features));
    return CR_OK;
}

static cr_status end_columns(cr_csv *c)
{
    uint32_t k = 0;
    cr_words *categories = NULL;
    for (uint32_t i = 0; i < c->column.len; i++) {
        const cr_csv_column *col = &c->column.at[i];
        CR_TRY(check_words(c, i));
        if (col->words && col->target)
            CR_TRY(end_words(c, col, 0, &c->data->classes));
        else if (col->words && !col->dropped) {
            if (!categories &&
                !(categories = cr_data_alloc(c->data, c->features * sizeof *categories)))
                return CR_E_MEMORY;
            CR_TRY(end_words(c, col, k, &categories[k]));
        }
        k += !col->target && !col->dropped;
    }
    c->data->categories = categories;
    return CR_OK;
}

/* ---- targets --------------------------------------------------------------------------------- */

/* Are all numbers such that they may be classes? */
static bool may_be_classes(const cr_csv *c)
{
    for (uint32_t i = 0; i < c->nfiles; i++)
        for (uint32_t k = 0; k < c->file[i].n; k++) {
            const float v = c->file[i].y[k];
            if (!(v >= 0 && v < GUESSED_CLASSES && v == floorf(v)))
                return false;
        }
    return true;
}

static bool has_classes(const cr_csv *c)
{
    if (c->targets != 1)
        return c->targets == 0 && wants_classes(c);
    if (c->data->classes.n || wants_classes(c))
        return true;
    return !c->o.like && c->o.targets == CR_TARGETS_AUTO && may_be_classes(c);
}

static void to_whole(float *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t v = (int32_t)at[i];
        memcpy(at + i, &v, sizeof v);
    }
}

static void end_targets(cr_csv *c)
{
    cr_samples *s = &c->data->samples;
    const bool classes = has_classes(c);
    s->x_dtype = CR_F32;
    s->x_shape = CR_SHAPE(c->features);
    s->y_dtype = classes ? CR_I32 : CR_F32;
    s->y_shape = classes ? CR_SCALAR : CR_SHAPE(CR_MAX(c->targets, 1u));
    for (uint32_t i = 0; i < c->nfiles && classes && c->targets; i++)
        to_whole(c->file[i].y, c->file[i].n);
}

/* ---- names ----------------------------------------------------------------------------------- */

static cr_status end_names(cr_csv *c)
{
    const uint32_t n = c->features + c->targets;
    uint32_t k = 0;
    if (!c->header)
        return CR_OK;
    const char **word = cr_data_alloc(c->data, n * sizeof *word);
    if (!word)
        return CR_E_MEMORY;
    for (int target = 0; target < 2; target++)
        for (uint32_t i = 0; i < c->column.len; i++) {
            const cr_csv_column *col = &c->column.at[i];
            if (col->dropped || col->target != (target == 1))
                continue;
            if (!(word[k++] = cr_data_text(c->data, col->name)))
                return CR_E_MEMORY;
        }
    c->data->columns = (cr_words){word, n};
    return CR_OK;
}

cr_status cr_csv_end(cr_csv *c)
{
    CR_TRY(end_columns(c));
    end_targets(c);
    return end_names(c);
}
