/* place.c - naive placement: what a first OpenCL library does.
 * requires: a literal graph, all on the device, without transfers
 * provides: spaces; every COPY that the naive variant makes
 * breaks:   node numbers; constants, indices and reshapes may come twice, once per space
 *
 *     host    input --+            +-- copy --> output, assign, the next op
 *                     | copy       |
 *     device          +--> an op --+
 *
 * Inputs and states live on the host. Each op of the user (all nodes of one origin; a node without
 * origin by itself) runs on the device: each operand from outside goes up for this op alone, each
 * result used outside comes down once. Copies are per value, so the graph stays acyclic whatever
 * the ops are. The batch is gathered by the host (spaces.h), and so are the counters that choose
 * it.
 *
 * Constants, indices and expanded constants are part of the code in either space. A reshape of
 * another op's value costs nothing: it is done in whichever space its reader is.
 *
 * A COPY to the device has the serial of its op as attribute, or hash-consing would make one upload
 * of two. */
#include "copy.h"
#include "passes.h"
#include "spaces.h"

struct placer {
    const cr_graph *from;
    cr_graph *g;
    const bool *live, *host;
    cr_ref *made;    /* the node in its own space */
    cr_ref *base;    /* what a view is a view of; any other node itself */
    uint32_t serial; /* of the op that is being placed */
};

/* ---- properties of old nodes ----------------------------------------------------------------- */

static uint32_t serial_of(const cr_graph *g, cr_ref r)
{
    return g->origin.at[r] ? g->origin.at[r] : g->origins.len + r;
}

static bool is_view(const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    return n->op == CR_OP_reshape && serial_of(g, r) != serial_of(g, n->src[0]);
}

static bool lives_on_host(const struct placer *p, cr_ref r)
{
    const cr_node *n = cr_at(p->from, r);
    return p->host[r] || cr_is_named_leaf(n);
}

/* ---- values in a space ----------------------------------------------------------------------- */

static cr_ref copy_to(struct placer *p, cr_space space, cr_ref x, int64_t serial)
{
    cr_node n = {.op = CR_OP_COPY, .nsrc = 1, .space = (uint8_t)space, .src = {x}};
    n.dtype = cr_at(p->g, x)->dtype;
    n.shape = cr_at(p->g, x)->shape;
    n.attr = cr_intern_attr(p->g, &serial, serial != 0);
    return cr_node_make(p->g, &n);
}

/* A value that has a home, where reader (a node of the op being placed, or a root) wants it. */
static cr_ref home_value(struct placer *p, cr_ref r, cr_space space, cr_ref reader)
{
    cr_ref x = p->made[r];
    bool on_host = lives_on_host(p, r);
    if (!on_host && space == CR_SPACE_DEVICE && serial_of(p->from, r) == p->serial)
        return x;
    if (!on_host) {
        cr_origin_follow(p->g, p->from, r);
        x = copy_to(p, CR_SPACE_HOST, x, 0);
    }
    cr_origin_follow(p->g, p->from, reader);
    if (x && space == CR_SPACE_DEVICE)
        x = copy_to(p, CR_SPACE_DEVICE, x, p->serial);
    cr_origin_follow(p->g, p->from, 0);
    return x;
}

static cr_ref value_in(struct placer *p, cr_ref r, cr_space space, cr_ref reader)
{
    cr_ref base = p->base[r], x;
    if (!cr_is_free(p->from, base))
        x = home_value(p, base, space, reader);
    else if (cr_at(p->from, reader)->op != CR_OP_OUTPUT)
        x = cr_copy_free(p->g, p->from, base, space);
    else if ((x = cr_copy_free(p->g, p->from, base, CR_SPACE_DEVICE)))
        x = copy_to(p, CR_SPACE_HOST, x, 0); /* what is fetched has a place in memory */
    return base == r || !x ? x : cr_copy_node(p->g, p->from, r, &x, space, NULL);
}

/* ---- the pass -------------------------------------------------------------------------------- */

static void place_node(struct placer *p, cr_ref r)
{
    const cr_node *n = cr_at(p->from, r);
    cr_space space = lives_on_host(p, r) || cr_is_root(n) ? CR_SPACE_HOST : CR_SPACE_DEVICE;
    cr_ref src[3] = {0};
    p->base[r] = r;
    if (is_view(p->from, r))
        p->base[r] = p->base[n->src[0]];
    if (p->base[r] != r || cr_is_free(p->from, r))
        return; /* made where it is read */
    p->serial = serial_of(p->from, r);
    for (int i = 0; i < n->nsrc; i++)
        if (!(src[i] = value_in(p, n->src[i], space, r)))
            return;
    p->made[r] = cr_copy_node(p->g, p->from, r, src, space, NULL);
}

static bool prepare(struct placer *p, cr_arena *a)
{
    uint32_t n = p->from->node.len;
    bool *held = cr_arena_alloc(a, n * sizeof *held);
    for (cr_ref r = 1; held && r < n; r++)
        held[r] = true;
    p->g = cr_graph_like(p->from);
    p->live = cr_live_nodes(p->from, a);
    p->host = held ? cr_host_side(p->from, held, true, a) : NULL;
    p->made = cr_arena_alloc(a, n * sizeof *p->made);
    p->base = cr_arena_alloc(a, n * sizeof *p->base);
    return p->g && p->live && p->host && p->made && p->base;
}

cr_status cr_pass_place(cr_pass_context *cx)
{
    struct placer p = {.from = cx->graph};
    if (!prepare(&p, &cx->scratch)) {
        cr_graph_destroy(p.g);
        return cr_pass_replace(cx, NULL);
    }
    for (cr_ref r = 1; r < p.from->node.len && p.g->status == CR_OK; r++)
        if (p.live[r])
            place_node(&p, r);
    CR_TRY(cr_pass_replace(cx, p.g));
    for (cr_ref r = 1; r < cx->graph->node.len; r++)
        cx->changes += cr_at(cx->graph, r)->op == CR_OP_COPY;
    return CR_OK;
}
