/* transfers.c - remove needless transfers, and hold what is left against the budget.
 * requires: a placed graph
 * provides: (unfused, fused) COPY nodes only where a value is made in one space and read in the
 * other, one for each such value; (all) at most options.max_transfer_bytes a step breaks:   node
 * numbers
 *
 * Elimination is to_device(to_host(x)) -> x, followed to its end: where all readers of a leaf are
 * on the device, the leaf moves there. So the transfers are taken out, every node is on the device,
 * and then the host gets back what must be its own:
 *
 *     an input that does not fit          options.max_resident_bytes, or the target's limits
 *     the gathers that read it            so that only the batch goes up
 *     what computes their index           from states and inputs of whole numbers (spaces.h)
 *
 * An input that is read as a whole, other than by gathers, is not held back: it would have to be
 * uploaded as a whole in every step. */
#include "copy.h"
#include "passes.h"
#include "spaces.h"

/* ---- without transfers ----------------------------------------------------------------------- */

static cr_ref without_transfer(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3],
                               void *user)
{
    (void)user;
    if (cr_at(from, r)->op == CR_OP_COPY)
        return src[0];
    return cr_copy_node(g, from, r, src, CR_SPACE_DEVICE, NULL);
}

/* ---- which inputs the host keeps ------------------------------------------------------------- */

/* table[r]: all who read r take rows of it. */
static bool *find_tables(const cr_graph *g, cr_arena *a)
{
    bool *table = cr_arena_alloc(a, g->node.len * sizeof *table);
    for (cr_ref r = 1; table && r < g->node.len; r++)
        table[r] = true;
    for (cr_ref r = g->node.len; table && r-- > 1;) {
        const cr_node *n = cr_at(g, r);
        for (int i = 0; i < n->nsrc; i++) {
            bool rows = n->op == CR_OP_gather && i == 0;
            bool view = n->op == CR_OP_reshape && table[r];
            table[n->src[i]] = table[n->src[i]] && (rows || view);
        }
    }
    return table;
}

/* Holds back the largest tables until the rest fits into most of the device's memory: the arena
 * needs some of it too. */
static void hold_until_fit(const cr_graph *g, const bool *table, uint64_t room, bool *held)
{
    for (;;) {
        uint64_t total = 0, most = 0;
        cr_ref largest = 0;
        for (cr_ref r = 1; r < g->node.len; r++) {
            if (!cr_is_named_leaf(cr_at(g, r)) || held[r])
                continue;
            uint64_t bytes = cr_bytes_of(g, r);
            total += bytes;
            if (table[r] && cr_at(g, r)->op == CR_OP_INPUT && bytes > most) {
                most = bytes;
                largest = r;
            }
        }
        if (total <= room || !largest)
            return;
        held[largest] = true;
    }
}

static bool *find_held(const cr_pass_context *cx, const cr_graph *g, cr_arena *a)
{
    bool *table = find_tables(g, a), *held = cr_arena_alloc(a, g->node.len * sizeof *held);
    uint64_t limit = cx->options.max_resident_bytes;
    bool by_target = limit == 0;
    if (!table || !held)
        return NULL;
    if (by_target)
        limit = cx->target ? (uint64_t)cx->target->max_alloc_bytes : UINT64_MAX;
    for (cr_ref r = 1; r < g->node.len; r++)
        held[r] = cr_at(g, r)->op == CR_OP_INPUT && table[r] && cr_bytes_of(g, r) > limit;
    if (by_target && cx->target)
        hold_until_fit(g, table, (uint64_t)((double)cx->target->global_bytes * 0.8), held);
    return held;
}

/* ---- with those that are needed -------------------------------------------------------------- */

struct builder {
    const cr_graph *from;
    cr_graph *g;
    const bool *host;
    cr_ref *made;
};

static cr_space space_of(const struct builder *b, cr_ref r)
{
    const cr_node *n = cr_at(b->from, r);
    if (cr_is_root(n))
        r = n->src[0]; /* a state is assigned where it is, an output fetched from where it is */
    return b->host[r] ? CR_SPACE_HOST : CR_SPACE_DEVICE;
}

static cr_ref value_in(struct builder *b, cr_ref r, cr_space space, cr_ref reader)
{
    if (cr_is_free(b->from, r))
        return cr_copy_free(b->g, b->from, r, space);
    cr_ref x = b->made[r];
    if (cr_at(b->g, x)->space == space)
        return x;
    cr_node n = {.op = CR_OP_COPY, .nsrc = 1, .space = (uint8_t)space, .src = {x}};
    n.dtype = cr_at(b->g, x)->dtype;
    n.shape = cr_at(b->g, x)->shape;
    cr_origin_follow(b->g, b->from, reader);
    x = cr_node_make(b->g, &n);
    cr_origin_follow(b->g, b->from, 0);
    return x;
}

static cr_graph *with_transfers(const cr_graph *from, const bool *host, cr_arena *a)
{
    struct builder b = {from, cr_graph_like(from), host,
                        cr_arena_alloc(a, from->node.len * sizeof *b.made)};
    if (!b.g || !b.made) {
        cr_graph_destroy(b.g);
        return NULL;
    }
    for (cr_ref r = 1; r < from->node.len && b.g->status == CR_OK; r++) {
        const cr_node *n = cr_at(from, r);
        cr_space space = space_of(&b, r);
        cr_ref src[3] = {0};
        if (cr_is_free(from, r))
            continue; /* made where it is read */
        for (int i = 0; i < n->nsrc && b.g->status == CR_OK; i++)
            src[i] = value_in(&b, n->src[i], space, r);
        if (b.g->status == CR_OK)
            b.made[r] = cr_copy_node(b.g, from, r, src, space, NULL);
    }
    return b.g;
}

/* ---- the budget ------------------------------------------------------------------------------ */

enum { NAMED = 5 }; /* transfers that the message names */

static void add_node(cr_strbuf *s, const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    const cr_origin *o = &g->origins.at[g->origin.at[r]];
    const char *name = cr_name_of(g, r), *op = g->string.at[o->name];
    cr_str_printf(s, "%s", cr_ops[n->op].name);
    if (*name)
        cr_str_printf(s, " \"%s\"", name);
    else if (*op && strcmp(op, cr_ops[n->op].name) != 0)
        cr_str_printf(s, " of %s", op);
    if (o->at.file)
        cr_str_printf(s, " (%s:%d)", o->at.file, o->at.line);
}

/* Both ends of the edge that crosses, whatever transfers are on the way. */
static cr_ref producer_of(const cr_graph *g, cr_ref r)
{
    while (cr_at(g, r)->op == CR_OP_COPY)
        r = cr_at(g, r)->src[0];
    return r;
}

static cr_ref reader_of(const cr_graph *g, cr_ref r)
{
    for (cr_ref k = r + 1; k < g->node.len; k++) {
        const cr_node *n = cr_at(g, k);
        bool reads = false;
        for (int i = 0; i < n->nsrc; i++)
            reads = reads || n->src[i] == r;
        if (reads && n->op != CR_OP_COPY)
            return k;
        if (reads)
            r = k;
    }
    return r;
}

static void add_transfer(cr_strbuf *s, const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    char type[CR_TYPE_TEXT];
    cr_str_printf(s, "\n  %llu bytes to the %s, %s: ", (unsigned long long)cr_bytes_of(g, r),
                  n->space == CR_SPACE_HOST ? "host" : "device",
                  cr_type_text(g, (cr_dtype)n->dtype, cr_shape_of(g, r), type));
    add_node(s, g, producer_of(g, r));
    cr_str_add(s, " -> ");
    add_node(s, g, reader_of(g, r));
}

/* The largest transfer after `last` in order of falling size, then of number; 0 after the last one.
 */
static cr_ref next_largest(const cr_graph *g, cr_ref last)
{
    cr_ref best = 0;
    for (cr_ref r = 1; r < g->node.len; r++) {
        uint64_t bytes = cr_bytes_of(g, r);
        if (cr_at(g, r)->op != CR_OP_COPY)
            continue;
        if (last && (bytes > cr_bytes_of(g, last) || (bytes == cr_bytes_of(g, last) && r <= last)))
            continue;
        if (!best || bytes > cr_bytes_of(g, best))
            best = r;
    }
    return best;
}

static cr_status over_budget(const cr_graph *g, uint64_t moved, const cr_plan_options *o)
{
    cr_strbuf s = {0};
    cr_ref r = 0;
    cr_str_printf(&s,
                  "a step moves %llu bytes between host and device, and max_transfer_bytes is %llu",
                  (unsigned long long)moved, (unsigned long long)o->max_transfer_bytes);
    for (int i = 0; i < NAMED && (r = next_largest(g, r)); i++)
        add_transfer(&s, g, r);
    if (o->variant == CR_VARIANT_NAIVE)
        cr_str_add(&s, "\nthe naive variant moves every operand: compile fused, or raise "
                       "max_transfer_bytes");
    else
        cr_str_add(&s,
                   "\nlet the inputs reside on the device (max_resident_bytes, or a device with "
                   "more memory), gather smaller batches, or raise max_transfer_bytes");
    cr_status status = cr_fail(CR_E_LIMIT, "%s", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status check_budget(const cr_graph *g, const cr_plan_options *o)
{
    uint64_t moved = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        if (cr_at(g, r)->op == CR_OP_COPY)
            moved += cr_bytes_of(g, r);
    return moved <= o->max_transfer_bytes ? CR_OK : over_budget(g, moved, o);
}

/* ---- the pass -------------------------------------------------------------------------------- */

static uint32_t count_transfers(const cr_graph *g)
{
    uint32_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->op == CR_OP_COPY;
    return n;
}

static cr_status eliminate(cr_pass_context *cx)
{
    uint32_t before = count_transfers(cx->graph);
    CR_TRY(
        cr_pass_replace(cx, cr_copy_with(cx->graph, NULL, without_transfer, NULL, &cx->scratch)));
    const bool *held = find_held(cx, cx->graph, &cx->scratch);
    const bool *host = held ? cr_host_side(cx->graph, held, false, &cx->scratch) : NULL;
    if (!host)
        return cr_pass_replace(cx, NULL);
    CR_TRY(cr_pass_replace(cx, with_transfers(cx->graph, host, &cx->scratch)));
    cx->changes = before - CR_MIN(before, count_transfers(cx->graph));
    return CR_OK;
}

cr_status cr_pass_transfers(cr_pass_context *cx)
{
    if (cx->options.variant != CR_VARIANT_NAIVE)
        CR_TRY(eliminate(cx));
    return check_budget(cx->graph, &cx->options);
}
