/* graph.c - the node table: interning, names, origins, roots, and the first mistake. */
#include "ir.h"

/* ---- life ------------------------------------------------------------------------------------ */

cr_graph *cr_graph_new(const char *name)
{
    cr_graph *g = cr_alloc(sizeof *g);
    if (!g)
        return NULL;
    static const cr_shape scalar;
    g->name = cr_arena_strdup(&g->arena, name ? name : "");
    bool ok = g->name && cr_vec_push(&g->node, (cr_node){0}) && cr_vec_push(&g->origin, 0) &&
              cr_vec_push(&g->shape, scalar) && cr_vec_push(&g->attr, (cr_attr){0}) &&
              cr_vec_push(&g->string, "") && cr_vec_push(&g->origins, (cr_origin){0}) &&
              cr_vec_push(&g->symbol, (cr_symbol_info){0}) && cr_vec_push(&g->data, NULL);
    if (!ok) {
        cr_graph_destroy(g);
        return NULL;
    }
    return g;
}

cr_graph *cr_graph_create(const char *name)
{
    return cr_graph_new(name);
}

void cr_graph_destroy(cr_graph *g)
{
    if (!g)
        return;
    cr_vec_finish(&g->node);
    cr_vec_finish(&g->origin);
    cr_vec_finish(&g->root);
    cr_vec_finish(&g->shape);
    cr_vec_finish(&g->attr);
    cr_vec_finish(&g->string);
    cr_vec_finish(&g->origins);
    cr_vec_finish(&g->symbol);
    cr_vec_finish(&g->data);
    cr_vec_finish(&g->waiting);
    cr_map_finish(&g->node_map);
    cr_map_finish(&g->shape_map);
    cr_map_finish(&g->attr_map);
    cr_map_finish(&g->string_map);
    cr_arena_finish(&g->arena);
    cr_free(g);
}

uint32_t cr_graph_size(const cr_graph *g)
{
    return g ? g->node.len - 1 : 0;
}

void cr_set_training(cr_graph *g, bool training)
{
    if (g)
        g->evaluating = !training;
}

bool cr_is_training(const cr_graph *g)
{
    return g && !g->evaluating;
}

void cr_set_reuse(cr_graph *g, bool reuse)
{
    if (g)
        g->reuse = reuse;
}

cr_status cr_graph_status(const cr_graph *g)
{
    if (!g)
        return cr_fail(CR_E_ARGUMENT, "the graph is NULL");
    if (g->status != CR_OK)
        return cr_fail(g->status, "%s", g->message ? g->message : "out of memory");
    return CR_OK;
}

/* ---- mistakes -------------------------------------------------------------------------------- */

cr_value cr_mistake(cr_graph *g, cr_loc at, const char *fmt, ...)
{
    cr_value poison = {g, 0};
    if (g && g->status != CR_OK)
        return poison;
    const cr_origin *o =
        g && g->open_depth > 0 && g->open_origin ? &g->origins.at[g->open_origin] : NULL;
    const char *op =
        o ? g->string.at[o->name] : ""; /* what the user called: mse, in which sub is wrong */
    if (o && o->at.file)
        at = o->at;
    cr_strbuf text = {0}, what = {0};
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&what, fmt, ap);
    va_end(ap);
    if (at.file)
        cr_str_printf(&text, "%s:%d: ", at.file, at.line);
    if (strncmp(cr_str_text(&what), op, strlen(op)) != 0)
        cr_str_printf(&text, "%s: ", op);
    cr_str_add(&text, cr_str_text(&what));
    text.failed |= what.failed;
    cr_str_finish(&what);
    cr_status status = cr_fail(text.failed ? CR_E_MEMORY : CR_E_GRAPH, "%s", cr_str_text(&text));
    if (g) {
        g->status = status;
        g->message = cr_arena_strdup(&g->arena, cr_str_text(&text));
    }
    cr_str_finish(&text);
    return poison;
}

static uint32_t out_of_memory(cr_graph *g)
{
    if (g->status == CR_OK)
        g->status = CR_E_MEMORY;
    return 0;
}

/* ---- interning ------------------------------------------------------------------------------- */

bool cr_shape_equal(const cr_shape *a, const cr_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

uint32_t cr_intern_shape(cr_graph *g, const cr_shape *s)
{
    if (s->rank == 0)
        return 0;
    cr_shape clean = {.rank = s->rank}; /* unused sizes are zero, so that shapes compare whole */
    memcpy(clean.dim, s->dim, (size_t)s->rank * sizeof s->dim[0]);
    uint64_t h = cr_hash(CR_HASH_SEED, &clean, sizeof clean);
    uint32_t pos = UINT32_MAX, id;
    while ((id = cr_map_next(&g->shape_map, h, &pos)))
        if (cr_shape_equal(&g->shape.at[id], &clean))
            return id;
    id = g->shape.len;
    if (!cr_vec_push(&g->shape, clean) || !cr_map_put(&g->shape_map, h, id))
        return out_of_memory(g);
    return id;
}

uint32_t cr_intern_attr(cr_graph *g, const int64_t *at, uint32_t len)
{
    if (len == 0)
        return 0;
    size_t bytes = len * sizeof *at;
    uint64_t h = cr_hash(CR_HASH_SEED, at, bytes);
    uint32_t pos = UINT32_MAX, id;
    while ((id = cr_map_next(&g->attr_map, h, &pos)))
        if (g->attr.at[id].len == len && memcmp(g->attr.at[id].at, at, bytes) == 0)
            return id;
    int64_t *copy = cr_arena_alloc(&g->arena, bytes);
    if (!copy)
        return out_of_memory(g);
    memcpy(copy, at, bytes);
    id = g->attr.len;
    if (!cr_vec_push(&g->attr, (cr_attr){len, copy}) || !cr_map_put(&g->attr_map, h, id))
        return out_of_memory(g);
    return id;
}

uint32_t cr_intern_string(cr_graph *g, const char *s)
{
    if (!s || !*s)
        return 0;
    uint64_t h = cr_hash(CR_HASH_SEED, s, strlen(s));
    uint32_t pos = UINT32_MAX, id;
    while ((id = cr_map_next(&g->string_map, h, &pos)))
        if (strcmp(g->string.at[id], s) == 0)
            return id;
    const char *copy = cr_arena_strdup(&g->arena, s);
    id = g->string.len;
    if (!copy || !cr_vec_push(&g->string, copy) || !cr_map_put(&g->string_map, h, id))
        return out_of_memory(g);
    return id;
}

/* Two statements: interning may move the table that the id is looked up in. */
const char *cr_intern_text(cr_graph *g, const char *s)
{
    uint32_t id = cr_intern_string(g, s);
    return g->string.at[id];
}

uint32_t cr_intern_data(cr_graph *g, const void *data, size_t size)
{
    void *copy = cr_arena_alloc(&g->arena, size);
    if (!copy)
        return out_of_memory(g);
    memcpy(copy, data, size);
    if (!cr_vec_push(&g->data, copy))
        return out_of_memory(g);
    return g->data.len - 1;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static uint64_t node_hash(const cr_node *n)
{
    return cr_hash(CR_HASH_SEED, n, sizeof *n);
}

/* Inputs and states are also found by name. */
static uint64_t name_hash(uint32_t name)
{
    return cr_hash(CR_HASH_SEED ^ 0x6e616d65u, &name, sizeof name);
}

static cr_ref append(cr_graph *g, const cr_node *n)
{
    cr_ref r = g->node.len;
    uint32_t origin = g->open_origin;
    if (!cr_vec_push(&g->node, *n))
        return out_of_memory(g);
    if (!cr_vec_push(&g->origin, origin)) {
        g->node.len--;
        return out_of_memory(g);
    }
    return r;
}

cr_ref cr_node_make(cr_graph *g, const cr_node *n)
{
    if (g->status == CR_E_MEMORY)
        return 0;
    uint64_t h = node_hash(n);
    uint32_t pos = UINT32_MAX, r;
    while ((r = cr_map_next(&g->node_map, h, &pos)))
        if (memcmp(&g->node.at[r], n, sizeof *n) == 0)
            return r;
    r = append(g, n);
    if (!r || !cr_map_put(&g->node_map, h, r))
        return out_of_memory(g);
    if (cr_is_named_leaf(n))
        if (!cr_map_put(&g->node_map, name_hash((uint32_t)g->attr.at[n->attr].at[0]), r))
            return out_of_memory(g);
    if (n->op == CR_OP_random) {
        uint32_t stream = (uint32_t)g->attr.at[n->attr].at[0];
        if (g->next_stream <= stream)
            g->next_stream = stream + 1;
    }
    return r;
}

cr_ref cr_root_add(cr_graph *g, const cr_node *n)
{
    if (g->status != CR_OK)
        return 0; /* after a failed allocation n may be half made */
    cr_ref r = append(g, n);
    if (!r || !cr_vec_push(&g->root, r))
        return out_of_memory(g);
    return r;
}

const char *cr_name_of(const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    switch (n->op) {
    case CR_OP_INPUT:
    case CR_OP_STATE:
    case CR_OP_OUTPUT: return g->string.at[cr_attr_of(g, r)->at[0]];
    case CR_OP_ASSIGN: return cr_name_of(g, n->src[0]);
    default: return "";
    }
}

cr_value cr_find(cr_graph *g, const char *name)
{
    if (!g)
        return (cr_value){0};
    uint32_t id = cr_intern_string(g, name);
    for (uint32_t i = g->root.len; i-- > 0;) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op == CR_OP_OUTPUT && (uint32_t)cr_attr_of(g, g->root.at[i])->at[0] == id)
            return (cr_value){g, n->src[0]};
    }
    uint32_t pos = UINT32_MAX, r;
    while ((r = cr_map_next(&g->node_map, name_hash(id), &pos)))
        if (cr_is_named_leaf(cr_at(g, r)) && (uint32_t)cr_attr_of(g, r)->at[0] == id)
            return (cr_value){g, r};
    return (cr_value){g, 0};
}

static uint32_t list_states(cr_graph *g, bool trainable, cr_value *out, uint32_t max)
{
    uint32_t n = 0;
    for (cr_ref r = 1; g && r < g->node.len; r++) {
        if (cr_at(g, r)->op != CR_OP_STATE || (trainable && !cr_attr_of(g, r)->at[1]))
            continue;
        if (n < max)
            out[n] = (cr_value){g, r};
        n++;
    }
    return n;
}

uint32_t cr_params(cr_graph *g, cr_value *out, uint32_t max)
{
    return list_states(g, true, out, max);
}

uint32_t cr_states(cr_graph *g, cr_value *out, uint32_t max)
{
    return list_states(g, false, out, max);
}

bool cr_is_poison(cr_value v)
{
    return v.ref == 0;
}
/* Node 0, poison, is an f32 scalar. */
cr_dtype cr_value_dtype(cr_value v)
{
    return v.graph ? (cr_dtype)cr_at(v.graph, v.ref)->dtype : CR_F32;
}
cr_shape cr_value_shape(cr_value v)
{
    return v.graph ? *cr_shape_of(v.graph, v.ref) : (cr_shape){0};
}

/* ---- origins --------------------------------------------------------------------------------- */

void cr_origin_enter(cr_graph *g, const char *name, cr_loc at)
{
    if (g->open_depth++ > 0)
        return;
    cr_origin o = {cr_intern_string(g, name), at};
    if (at.file)
        o.at.file = cr_intern_text(g, at.file);
    if (cr_vec_push(&g->origins, o))
        g->open_origin = g->origins.len - 1;
    else
        out_of_memory(g);
}

void cr_origin_leave(cr_graph *g)
{
    CR_ASSERT(g->open_depth > 0);
    if (--g->open_depth == 0)
        g->open_origin = 0;
}

void cr_op_begin(cr_graph *g, const char *name, cr_loc at)
{
    if (g)
        cr_origin_enter(g, name, at);
    else
        cr_mistake(NULL, at, "op_begin: the graph is NULL");
}

void cr_op_end(cr_graph *g)
{
    if (g && g->open_depth > 0)
        cr_origin_leave(g);
    else
        cr_mistake(g, (cr_loc){0}, g ? "op_end without op_begin" : "op_end: the graph is NULL");
}

/* ---- passes' side ---------------------------------------------------------------------------- */

cr_graph *cr_graph_like(const cr_graph *from)
{
    cr_graph *g = cr_graph_new(from->name);
    if (!g)
        return NULL;
    /* Same ids for strings, origins, symbols and data, so that attributes can be copied as they
     * are. */
    for (uint32_t i = 1; i < from->string.len; i++)
        cr_intern_string(g, from->string.at[i]);
    bool ok = cr_vec_resize(&g->origins, from->origins.len) &&
              cr_vec_resize(&g->symbol, from->symbol.len);
    for (uint32_t i = 1; ok && i < from->data.len; i++)
        ok = cr_vec_push(&g->data, from->data.at[i]);
    if (!ok || g->status != CR_OK || g->string.len != from->string.len) {
        cr_graph_destroy(g);
        return NULL;
    }
    memcpy(g->origins.at, from->origins.at, from->origins.len * sizeof *g->origins.at);
    for (uint32_t i = 1; i < g->origins.len; i++) { /* file names live in the other graph's arena */
        const char *file = g->origins.at[i].at.file;
        if (file)
            g->origins.at[i].at.file = cr_intern_text(g, file);
    }
    memcpy(g->symbol.at, from->symbol.at, from->symbol.len * sizeof *g->symbol.at);
    g->next_stream = from->next_stream;
    return g;
}

void cr_origin_follow(cr_graph *g, const cr_graph *from, cr_ref r)
{
    g->open_origin = r ? from->origin.at[r] : 0;
}

cr_ref cr_node_copy(cr_graph *g, const cr_graph *from, cr_ref r, const cr_ref *src)
{
    const cr_node *old = cr_at(from, r);
    cr_node n = *old;
    for (int i = 0; i < n.nsrc; i++)
        n.src[i] = src[i];
    n.shape = cr_intern_shape(g, &from->shape.at[old->shape]);
    const cr_attr *a = &from->attr.at[old->attr];
    n.attr = cr_intern_attr(g, a->at, a->len);
    cr_origin_follow(g, from, r);
    cr_ref made = cr_is_root(&n) ? cr_root_add(g, &n) : cr_node_make(g, &n);
    cr_origin_follow(g, from, 0);
    return made;
}
