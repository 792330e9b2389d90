/* same.h - are two graphs equal? Ids of interned strings, shapes and data may differ; what they
 * stand for, the nodes' places, and which nodes share an origin may not. */
#ifndef CR_TESTS_SAME_H
#define CR_TESTS_SAME_H

#include "ir.h"

static inline bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool same_attr(const cr_graph *a, const cr_graph *b, cr_ref r)
{
    const cr_attr *x = cr_attr_of(a, r), *y = cr_attr_of(b, r);
    uint8_t op = cr_at(a, r)->op;
    uint32_t first = 0, last = x->len;
    if (x->len != y->len || !same_text(cr_name_of(a, r), cr_name_of(b, r)))
        return false;
    if (op == CR_OP_INPUT || op == CR_OP_OUTPUT || op == CR_OP_STATE)
        first = 1;
    if (op == CR_OP_STATE)
        last = 5;
    for (uint32_t i = first; i < last; i++)
        if (x->at[i] != y->at[i])
            return false;
    if (op != CR_OP_STATE || (!x->at[5] && !y->at[5]))
        return true;
    return x->at[5] && y->at[5] &&
           memcmp(a->data.at[x->at[5]], b->data.at[y->at[5]], cr_bytes_of(a, r)) == 0;
}

static inline bool same_node(const cr_graph *a, const cr_graph *b, cr_ref r)
{
    const cr_node *x = cr_at(a, r), *y = cr_at(b, r);
    return x->op == y->op && x->dtype == y->dtype && x->nsrc == y->nsrc && x->space == y->space &&
           memcmp(x->src, y->src, sizeof x->src) == 0 &&
           cr_shape_equal(cr_shape_of(a, r), cr_shape_of(b, r)) && same_attr(a, b, r);
}

/* Equal names and places, and a one-to-one relation between the ids. */
static inline bool same_origins(const cr_graph *a, const cr_graph *b)
{
    bool ok = true;
    uint32_t *ab = calloc(a->origins.len, sizeof *ab), *ba = calloc(b->origins.len, sizeof *ba);
    for (cr_ref r = 1; ok && ab && ba && r < a->node.len; r++) {
        uint32_t i = a->origin.at[r], k = b->origin.at[r];
        const cr_origin *x = &a->origins.at[i], *y = &b->origins.at[k];
        if ((i == 0) != (k == 0) || (ab[i] && ab[i] != k) || (ba[k] && ba[k] != i))
            ok = false;
        if (i && k &&
            (!same_text(a->string.at[x->name], b->string.at[y->name]) ||
             !same_text(x->at.file, y->at.file) || x->at.line != y->at.line))
            ok = false;
        ab[i] = k;
        ba[k] = i;
    }
    free(ab);
    free(ba);
    return ok;
}

static inline bool same_graph(const cr_graph *a, const cr_graph *b)
{
    if (!same_text(a->name, b->name) || a->node.len != b->node.len || a->root.len != b->root.len ||
        a->symbol.len != b->symbol.len)
        return false;
    for (uint32_t i = 1; i < a->symbol.len; i++)
        if (!same_text(a->string.at[a->symbol.at[i].name], b->string.at[b->symbol.at[i].name]) ||
            a->symbol.at[i].bound != b->symbol.at[i].bound)
            return false;
    for (cr_ref r = 1; r < a->node.len; r++)
        if (!same_node(a, b, r))
            return false;
    for (uint32_t i = 0; i < a->root.len; i++)
        if (a->root.at[i] != b->root.at[i])
            return false;
    return same_origins(a, b);
}

#endif
