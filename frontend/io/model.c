/* model.c - models in memory: a net, tensors, words; and how they differ from what a net needs. */
#include "model_file.h"

/* ---- tensors --------------------------------------------------------------------------------- */

const char *cr_tensor_text(cr_dtype dtype, const cr_shape *shape, char *buf)
{
    int n = snprintf(buf, CR_TENSOR_TEXT, "%s[", cr_dtype_name(dtype));
    for (int i = 0; i < shape->rank; i++)
        n += snprintf(buf + n, (size_t)(CR_TENSOR_TEXT - n), "%s%lld", i ? "," : "",
                      (long long)shape->dim[i]);
    snprintf(buf + n, (size_t)(CR_TENSOR_TEXT - n), "]");
    return buf;
}

bool cr_tensor_same_shape(const cr_shape *a, const cr_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

bool cr_tensor_bytes(cr_dtype dtype, const cr_shape *shape, uint64_t *bytes)
{
    *bytes = cr_dtype_size(dtype);
    if ((unsigned)dtype >= CR_DTYPE_COUNT || shape->rank < 0 || shape->rank > CR_MAX_RANK)
        return false;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] < 1 || !cr_mul_size(*bytes, (uint64_t)shape->dim[i], bytes))
            return false;
    return *bytes < PTRDIFF_MAX;
}

/* No part of the path may be empty or only dots, and nothing may disturb a message. */
bool cr_tensor_name_is_sound(const char *name)
{
    const char *part = name;
    for (const char *c = name;; c++) {
        if ((unsigned char)*c < ' ' && *c)
            return false;
        if (*c != '/' && *c)
            continue;
        if (c == part || strspn(part, ".") >= (size_t)(c - part))
            return false;
        if (!*c)
            return c - name < 1024;
        part = c + 1;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

cr_model *cr_model_create(const cr_net *net)
{
    cr_model *m = net ? cr_alloc(sizeof *m) : NULL;
    if (!net)
        cr_fail(CR_E_ARGUMENT, "model: the net is NULL");
    if (!m || cr_net_copy(net, &m->net) == CR_OK)
        return m;
    cr_free(m);
    return NULL;
}

cr_model *cr_model_create_of_graph(const char *graph)
{
    cr_graph *g = graph ? cr_graph_parse(graph, "graph") : NULL;
    if (!graph)
        cr_fail(CR_E_ARGUMENT, "model: the graph is NULL");
    if (!g)
        return NULL;
    cr_graph_destroy(g);
    cr_model *m = cr_alloc(sizeof *m);
    if (!m || (m->graph = cr_strdup(graph)))
        return m;
    cr_free(m);
    return NULL;
}

void cr_model_destroy(cr_model *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->block.len; i++)
        cr_free(m->block.at[i]);
    cr_vec_finish(&m->block);
    cr_vec_finish(&m->tensor);
    cr_vec_finish(&m->note);
    cr_map_finish(&m->by_name);
    cr_arena_finish(&m->arena);
    cr_vec_finish(&m->list);
    cr_net_finish(&m->net);
    cr_free(m->graph);
    cr_free(m);
}

/* ---- contents -------------------------------------------------------------------------------- */

cr_status cr_model_set_x(cr_model *m, cr_dtype dtype, cr_shape shape)
{
    uint64_t bytes;
    char text[CR_TENSOR_TEXT];
    if (shape.rank >= CR_MAX_RANK || dtype == CR_BOOL || !cr_tensor_bytes(dtype, &shape, &bytes))
        return cr_fail(CR_E_ARGUMENT, "model: %s is no shape of a sample",
                       cr_tensor_text(dtype, &shape, text));
    m->has_x = true;
    m->x_dtype = dtype;
    m->x_shape = shape;
    return CR_OK;
}

static uint64_t name_hash(const char *name)
{
    return cr_hash(CR_HASH_SEED, name, strlen(name));
}

static bool add(cr_model *m, const cr_tensor *t, void *block)
{
    if (!t->name || !cr_vec_push(&m->block, block))
        return false;
    if (cr_vec_push(&m->tensor, *t) && cr_map_put(&m->by_name, name_hash(t->name), m->tensor.len))
        return true;
    m->block.len--;
    return false;
}

void *cr_model_new_tensor(cr_model *m, const char *name, cr_dtype dtype, cr_shape shape)
{
    uint64_t bytes;
    char text[CR_TENSOR_TEXT];
    const char *wrong = !name || !cr_tensor_name_is_sound(name)   ? "this is no name"
                        : cr_model_find(m, name)                  ? "there is one already"
                        : !cr_tensor_bytes(dtype, &shape, &bytes) ? "this is no shape"
                                                                  : NULL;
    if (wrong)
        return cr_fail(CR_E_ARGUMENT, "model: tensor \"%.200s\" %s: %s", name ? name : "",
                       cr_tensor_text(dtype, &shape, text), wrong),
               NULL;
    void *block = cr_alloc((size_t)bytes);
    if (!block)
        return NULL;
    const cr_tensor t = {cr_arena_strdup(&m->arena, name), dtype, shape, block};
    if (add(m, &t, block))
        return block;
    cr_free(block);
    return NULL;
}

cr_status cr_model_add_tensor(cr_model *m, const cr_tensor *t)
{
    uint64_t bytes;
    void *data = cr_model_new_tensor(m, t->name, t->dtype, t->shape);
    if (!data)
        return cr_last_status();
    cr_tensor_bytes(t->dtype, &t->shape, &bytes);
    memcpy(data, t->data, (size_t)bytes);
    return CR_OK;
}

static cr_word_list *find_list(const cr_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->list.len; i++)
        if (strcmp(m->list.at[i].name, name) == 0)
            return &m->list.at[i];
    return NULL;
}

cr_status cr_model_set_words(cr_model *m, const char *name, cr_words words)
{
    cr_word_list *old = find_list(m, name);
    if (old)
        *old = m->list.at[--m->list.len];
    if (words.n == 0)
        return CR_OK;
    const char **all = cr_arena_alloc(&m->arena, words.n * sizeof *all);
    const cr_word_list list = {cr_arena_strdup(&m->arena, name), {all, words.n}};
    if (!all || !list.name)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < words.n; i++)
        if (!(all[i] = cr_arena_strdup(&m->arena, words.word[i])))
            return CR_E_MEMORY;
    return cr_vec_push(&m->list, list) ? CR_OK : CR_E_MEMORY;
}

static cr_note *find_note(const cr_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->note.len; i++)
        if (strcmp(m->note.at[i].name, name) == 0)
            return &m->note.at[i];
    return NULL;
}

cr_status cr_model_set_note(cr_model *m, const char *name, const char *text)
{
    cr_note *old = find_note(m, name);
    if (old)
        *old = m->note.at[--m->note.len];
    if (!text)
        return CR_OK;
    const cr_note note = {cr_arena_strdup(&m->arena, name), cr_arena_strdup(&m->arena, text)};
    return note.name && note.text && cr_vec_push(&m->note, note) ? CR_OK : CR_E_MEMORY;
}

/* ---- looking --------------------------------------------------------------------------------- */

const cr_net *cr_model_net(const cr_model *m)
{
    return m->graph ? NULL : &m->net;
}

const char *cr_model_graph(const cr_model *m)
{
    return m->graph;
}

bool cr_model_x(const cr_model *m, cr_dtype *dtype, cr_shape *shape)
{
    *dtype = m->x_dtype;
    *shape = m->x_shape;
    return m->has_x;
}

uint32_t cr_model_count(const cr_model *m)
{
    return m->tensor.len;
}

const cr_tensor *cr_model_at(const cr_model *m, uint32_t i)
{
    return i < m->tensor.len ? &m->tensor.at[i] : NULL;
}

const cr_tensor *cr_model_find(const cr_model *m, const char *name)
{
    const uint64_t hash = name_hash(name);
    uint32_t pos = UINT32_MAX, at;
    while ((at = cr_map_next(&m->by_name, hash, &pos)))
        if (strcmp(m->tensor.at[at - 1].name, name) == 0)
            return &m->tensor.at[at - 1];
    return NULL;
}

cr_words cr_model_words(const cr_model *m, const char *name)
{
    const cr_word_list *list = find_list(m, name);
    return list ? list->words : (cr_words){0};
}

const char *cr_model_note(const cr_model *m, const char *name)
{
    const cr_note *note = find_note(m, name);
    return note ? note->text : NULL;
}

/* ---- differences ----------------------------------------------------------------------------- */

enum { SHOWN = 12 }; /* of each kind */

static void one_more(cr_strbuf *s, uint32_t *n, const cr_tensor *t, const cr_tensor *other)
{
    char text[CR_TENSOR_TEXT];
    if ((*n)++ >= SHOWN)
        return;
    cr_str_printf(s, "%s%s %s", *n > 1 ? ", " : "", t->name,
                  cr_tensor_text(t->dtype, &t->shape, text));
    if (other)
        cr_str_printf(s, " (here %s)", cr_tensor_text(other->dtype, &other->shape, text));
}

void cr_differ(cr_differences *d, const cr_tensor *want, const cr_tensor *have)
{
    if (!have)
        one_more(&d->missing, &d->nmissing, want, NULL);
    else if (!want)
        one_more(&d->extra, &d->nextra, have, NULL);
    else if (want->dtype != have->dtype || !cr_tensor_same_shape(&want->shape, &have->shape))
        one_more(&d->other, &d->nother, have, want);
}

static void put_kind(cr_strbuf *out, const char *what, const cr_strbuf *list, uint32_t n)
{
    if (n == 0)
        return;
    cr_str_printf(out, "%s%s %s", out->len ? "; " : "", what, cr_str_text(list));
    if (n > SHOWN)
        cr_str_printf(out, " and %u more", n - SHOWN);
}

cr_status cr_differ_finish(cr_differences *d, const char *name, const char *what)
{
    cr_strbuf all = {0};
    put_kind(&all, "missing", &d->missing, d->nmissing);
    put_kind(&all, "extra", &d->extra, d->nextra);
    put_kind(&all, "of another shape", &d->other, d->nother);
    const bool differs = d->nmissing || d->nextra || d->nother;
    cr_status status =
        differs ? cr_fail(CR_E_ARGUMENT, "%s: %s: %s", name, what, cr_str_text(&all)) : CR_OK;
    cr_str_finish(&all);
    cr_str_finish(&d->missing);
    cr_str_finish(&d->extra);
    cr_str_finish(&d->other);
    return status;
}
