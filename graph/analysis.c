/* analysis.c - what the graph alone tells: which nodes are live, how often they are used, and a
 * fingerprint. Flat arrays, one pass each, because sources come before their users. */
#include "text.h"

bool *cr_live_nodes(const cr_graph *g, cr_arena *a)
{
    bool *live = cr_arena_alloc(a, g->node.len * sizeof *live);
    if (!live)
        return NULL;
    for (uint32_t i = 0; i < g->root.len; i++)
        live[g->root.at[i]] = true;
    for (cr_ref r = g->node.len; r-- > 1;) {
        const cr_node *n = cr_at(g, r);
        for (int i = 0; live[r] && i < n->nsrc; i++)
            live[n->src[i]] = true;
    }
    return live;
}

uint32_t *cr_use_counts(const cr_graph *g, cr_arena *a)
{
    const bool *live = cr_live_nodes(g, a);
    uint32_t *uses = live ? cr_arena_alloc(a, g->node.len * sizeof *uses) : NULL;
    for (cr_ref r = 1; uses && r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        for (int i = 0; live[r] && i < n->nsrc; i++)
            uses[n->src[i]]++;
    }
    return uses;
}

bool cr_count_axis(const cr_graph *g, cr_dim dim, uint64_t *count)
{
    uint32_t symbol = cr_dim_symbol(dim);
    uint64_t bound = symbol ? (uint64_t)g->symbol.at[symbol].bound : 1;
    return cr_mul_size(*count, (uint64_t)cr_dim_factor(dim), count) &&
           cr_mul_size(*count, bound, count) && *count < CR_MAX_ELEMENTS;
}

/* ---- fingerprint --------------------------------------------------------------------------- */

/* Ids differ between equal graphs, so what they stand for is hashed; the lengths keep neighbours
 * apart. */
static uint64_t hash_number(uint64_t h, int64_t n)
{
    return cr_hash(h, &n, sizeof n);
}

static uint64_t hash_string(uint64_t h, const char *s)
{
    size_t n = strlen(s);
    return cr_hash(hash_number(h, (int64_t)n), s, n);
}

static uint64_t hash_dim(uint64_t h, const cr_graph *g, cr_dim dim)
{
    uint32_t symbol = cr_dim_symbol(dim);
    h = hash_number(h, cr_dim_factor(dim));
    if (symbol == 0)
        return h;
    const cr_symbol_info *s = &g->symbol.at[symbol];
    return hash_number(hash_string(h, g->string.at[s->name]), s->bound);
}

static uint64_t hash_attr(uint64_t h, const cr_graph *g, cr_ref r)
{
    const cr_attr *a = cr_attr_of(g, r);
    cr_attr_form form = cr_text_form((cr_op)cr_at(g, r)->op);
    uint32_t first = 0, end = a->len;
    h = hash_number(h, a->len);
    if (form == CR_FORM_DIM)
        return hash_dim(h, g, a->at[0]);
    if (form == CR_FORM_NAME || form == CR_FORM_STATE)
        h = hash_string(h, g->string.at[a->at[first++]]);
    if (form == CR_FORM_STATE && a->at[--end])
        h = cr_hash(h, g->data.at[a->at[end]], cr_bytes_of(g, r));
    for (uint32_t i = first; i < end; i++)
        h = hash_number(h, a->at[i]);
    return h;
}

static uint64_t hash_node(const cr_graph *g, cr_ref r, const uint64_t *of)
{
    const cr_node *n = cr_at(g, r);
    const cr_shape *s = cr_shape_of(g, r);
    const uint8_t kind[4] = {n->op, n->dtype, n->space, n->nsrc};
    uint64_t h = cr_hash(CR_HASH_SEED, kind, sizeof kind);
    for (int i = 0; i < n->nsrc; i++)
        h = hash_number(h, (int64_t)of[n->src[i]]);
    h = hash_number(h, s->rank);
    for (int i = 0; i < s->rank; i++)
        h = hash_dim(h, g, s->dim[i]);
    return hash_attr(h, g, r);
}

/* Hash-consing makes equal subgraphs one node, so a hash of the tree below a node says all about
 * the graph below it. The graph's name and the origins do not count. 0 out of memory. */
uint64_t cr_graph_hash(const cr_graph *g)
{
    cr_arena scratch = {0};
    const bool *live = cr_live_nodes(g, &scratch);
    uint64_t *of = live ? cr_arena_alloc(&scratch, g->node.len * sizeof *of) : NULL;
    uint64_t h = 0;
    if (of) {
        for (cr_ref r = 1; r < g->node.len; r++)
            of[r] = live[r] ? hash_node(g, r, of) : 0;
        h = hash_number(CR_HASH_SEED, g->root.len);
        for (uint32_t i = 0; i < g->root.len; i++)
            h = hash_number(h, (int64_t)of[g->root.at[i]]);
    }
    cr_arena_finish(&scratch);
    return h;
}
