/* host.h - runs a graph in the reference interpreter, leaves by name: what the tests of layers,
 * losses and optimizers need, without a device. */
#ifndef CR_TESTS_HOST_H
#define CR_TESTS_HOST_H

#include <criterion/criterion.h>

#include "ir.h"

typedef struct host {
    cr_graph *g;
    cr_interp *in;
    void **data; /* per node: a leaf's elements */
} host;

/* Leaves start as a program's would: states by `seed`, inputs zero. */
static inline host host_start(cr_graph *g, uint64_t seed)
{
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    host h = {g, cr_interp_create(g), calloc(g->node.len, sizeof(void *))};
    cr_assert(h.in && h.data, "%s", cr_error());
    for (cr_ref r = 1; r < g->node.len; r++) {
        uint8_t op = cr_at(g, r)->op;
        if (op != CR_OP_INPUT && op != CR_OP_STATE)
            continue;
        h.data[r] = calloc(1, cr_bytes_of(g, r));
        if (op == CR_OP_STATE)
            cr_init_fill(g, r, seed, h.data[r]);
        cr_assert_eq(cr_interp_bind(h.in, r, h.data[r]), CR_OK, "%s", cr_error());
    }
    return h;
}

/* A leaf's elements, to read and to write. */
static inline void *host_leaf(const host *h, const char *name)
{
    for (cr_ref r = 1; r < h->g->node.len; r++)
        if (h->data[r] && strcmp(cr_name_of(h->g, r), name) == 0)
            return h->data[r];
    cr_assert(false, "there is no leaf '%s'", name);
    return NULL;
}

static inline void host_run(const host *h)
{
    cr_assert_eq(cr_interp_run(h->in), CR_OK, "%s", cr_error());
}

/* An output's elements. */
static inline const void *host_output(const host *h, const char *name)
{
    cr_value v = cr_find(h->g, name);
    cr_assert_neq(v.ref, 0, "there is no output '%s'", name);
    return cr_interp_value(h->in, v.ref);
}

static inline void host_end(host *h)
{
    for (cr_ref r = 0; r < h->g->node.len; r++)
        free(h->data[r]);
    free(h->data);
    cr_interp_destroy(h->in);
    cr_graph_destroy(h->g);
}

#endif
