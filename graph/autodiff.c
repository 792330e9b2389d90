/* autodiff.c - reverse-mode gradients, as ordinary nodes built while the user builds.
 *
 * Nodes are visited against the order of the array, from the loss down; each hands its gradient to
 * its sources by the rule of its row in ops.def. Elementwise rules are terms; the rest are below.
 * The nodes made for one op of the user count as one op, "grad(name)", but each operand of a
 * contraction gets its own, as a library that calls one product at a time would. */
#include "conv.h"
#include "crisol/ops.h"
#include "term.h"

struct tape {
    cr_graph *g;
    cr_loc at;
    cr_ref *grad;      /* per node: its gradient so far; 0 = none */
    bool *wanted;      /* per node: some x of wrt reaches it */
    uint32_t *origins; /* per origin: the id of its gradient's origin */
    uint32_t nnodes, norigins;
    cr_arena scratch;
};

/* ---- helpers --------------------------------------------------------------------------------- */

static cr_value val(const struct tape *t, cr_ref r)
{
    return (cr_value){t->g, r};
}

/* Nodes made next belong to the gradient of r's op. */
static void enter(struct tape *t, cr_ref r, bool own)
{
    cr_graph *g = t->g;
    uint32_t from = g->origin.at[r];
    if (g->open_depth > 1)
        return; /* inside an op of the user: all of it is that op */
    uint32_t id = own || from >= t->norigins ? 0 : t->origins[from];
    if (id == 0) {
        char name[128];
        snprintf(name, sizeof name, "grad(%.100s)", g->string.at[g->origins.at[from].name]);
        cr_origin o = {cr_intern_string(g, name), g->origins.at[from].at};
        if (!cr_vec_push(&g->origins, o))
            return;
        id = g->origins.len - 1;
        if (!own && from < t->norigins)
            t->origins[from] = id;
    }
    g->open_origin = id;
}

static void give(struct tape *t, cr_ref to, cr_value grad)
{
    if (!t->wanted[to] || grad.ref == 0)
        return;
    t->grad[to] = t->grad[to] ? cr_add_at(t->at, val(t, t->grad[to]), grad).ref : grad.ref;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void grad_terms(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    const char *text = cr_ops[n.op].gradient;
    cr_ref vars[5] = {g.ref, r, n.src[0], n.src[1], n.src[2]};
    for (int i = 0; i < n.nsrc; i++) {
        while (*text == ' ')
            text++;
        const char *end = text + strcspn(text, ";");
        if (*text != '0' && t->wanted[n.src[i]] && n.src[i]) {
            const cr_term *term = cr_term_parse(&t->scratch, text, "goxyz", NULL);
            CR_ASSERT(term || cr_last_status() == CR_E_MEMORY);
            if (term)
                give(t, n.src[i], val(t, cr_term_build(t->g, term, vars)));
        }
        text = *end ? end + 1 : end;
    }
}

/* Sums a gradient over the axes along which `expand` repeated. */
static void grad_expand(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    cr_shape x = *cr_shape_of(t->g, n.src[0]), y = *cr_shape_of(t->g, r);
    cr_axes axes = 0;
    int lead = y.rank - x.rank;
    for (int i = 0; i < y.rank; i++)
        if (i < lead || x.dim[i - lead] != y.dim[i])
            axes |= CR_AXIS(i);
    give(t, n.src[0], cr_reshape_at(t->at, cr_sum_keep_at(t->at, g, axes), x));
}

static void grad_reshape(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    give(t, x, cr_reshape_at(t->at, g, *cr_shape_of(t->g, x)));
}

static void grad_permute(struct tape *t, cr_ref r, cr_value g)
{
    const cr_attr a = *cr_attr_of(t->g, r);
    cr_shape inverse = {.rank = (int32_t)a.len};
    for (uint32_t i = 0; i < a.len; i++)
        inverse.dim[a.at[i]] = i;
    give(t, cr_at(t->g, r)->src[0], cr_permute_at(t->at, g, inverse));
}

static void grad_slice(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    const cr_attr a = *cr_attr_of(t->g, r);
    cr_shape from = *cr_shape_of(t->g, x), size = *cr_shape_of(t->g, r);
    cr_shape before = {.rank = from.rank}, after = {.rank = from.rank};
    for (int i = 0; i < from.rank; i++) {
        before.dim[i] = a.at[i];
        after.dim[i] = from.dim[i] == size.dim[i] ? 0 : from.dim[i] - size.dim[i] - a.at[i];
    }
    give(t, x, cr_pad_at(t->at, g, before, after, 0));
}

static void grad_pad(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    const cr_attr a = *cr_attr_of(t->g, r);
    cr_shape size = *cr_shape_of(t->g, x), begin = {.rank = size.rank};
    for (int i = 0; i < size.rank; i++)
        begin.dim[i] = a.at[i];
    give(t, x, cr_slice_at(t->at, g, begin, size));
}

static void grad_concat(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    int64_t axis = cr_attr_of(t->g, r)->at[0];
    cr_shape x = *cr_shape_of(t->g, n.src[0]), y = *cr_shape_of(t->g, n.src[1]);
    cr_shape begin = {.rank = x.rank};
    if (t->wanted[n.src[0]])
        give(t, n.src[0], cr_slice_at(t->at, g, begin, x));
    begin.dim[axis] = x.dim[axis];
    if (t->wanted[n.src[1]])
        give(t, n.src[1], cr_slice_at(t->at, g, begin, y));
}

static void grad_sum(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    give(t, x, cr_expand_at(t->at, g, *cr_shape_of(t->g, x)));
}

/* Row-major index of each element over the reduced axes, to compare with argmax. */
static cr_value flat_index(struct tape *t, const cr_shape *x, cr_axes axes)
{
    cr_value index = {t->g, 0};
    int64_t stride = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        if (!(axes >> i & 1))
            continue;
        cr_value k = cr_iota_at(t->at, t->g, *x, i);
        if (stride > 1)
            k = cr_mul_at(t->at, k, cr_i32(t->g, (int32_t)stride));
        index = index.ref ? cr_add_at(t->at, index, k) : k;
        stride *= x->dim[i];
    }
    return index;
}

static void grad_first(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    cr_axes axes = (cr_axes)cr_attr_of(t->g, r)->at[0];
    cr_shape s = *cr_shape_of(t->g, x);
    for (int i = 0; i < s.rank; i++)
        if ((axes >> i & 1) && !cr_dim_literal(s.dim[i])) {
            cr_mistake(t->g, t->at,
                       "the gradient of amax over an axis of symbolic size is not available");
            return;
        }
    cr_value first = cr_expand_at(t->at, cr_argmax_keep_at(t->at, val(t, x), axes), s);
    cr_value hit = cr_eq_at(t->at, flat_index(t, &s, axes), first);
    give(t, x, cr_select_at(t->at, hit, cr_expand_at(t->at, g, s), cr_f32(t->g, 0)));
}

static void grad_matmul(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    if (t->wanted[n.src[0]]) {
        enter(t, r, true);
        give(t, n.src[0], cr_matmul_ex_at(t->at, g, false, val(t, n.src[1]), true));
    }
    if (t->wanted[n.src[1]]) {
        enter(t, r, true);
        give(t, n.src[1], cr_matmul_ex_at(t->at, val(t, n.src[0]), true, g, false));
    }
}

/* sum over i of onehot(index)[i, row] * g[i, ...]: a contraction, so no atomics and one order. */
static void grad_gather(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    cr_shape table = *cr_shape_of(t->g, n.src[0]);
    if (!t->wanted[n.src[0]])
        return;
    cr_value flat = cr_reshape_at(t->at, val(t, n.src[1]), CR_SHAPE(-1));
    cr_shape rows = cr_value_shape(flat);
    cr_value hot = cr_onehot_at(t->at, flat, table.dim[0]);
    cr_value g2 = cr_reshape_at(t->at, g, CR_SHAPE(rows.dim[0], -1));
    give(t, n.src[0], cr_reshape_at(t->at, cr_matmul_ex_at(t->at, hot, true, g2, false), table));
}

static void grad_flip(struct tape *t, cr_ref r, cr_value g)
{
    give(t, cr_at(t->g, r)->src[0], cr_flip_at(t->at, g, (cr_axes)cr_attr_of(t->g, r)->at[0]));
}

/* What was read at o * stride + k * dilation, put back there: g's slice k with zeros between its
 * elements and around them, summed over k. Windows that do not overlap are rows of a reshape. */
static cr_value put_back(struct tape *t, cr_value g, int axis, int64_t extent, const int64_t *attr,
                         int64_t k)
{
    const int64_t stride = attr[2], dilation = attr[3];
    cr_shape size = cr_value_shape(g), begin = {.rank = size.rank}, before, after;
    const int64_t n = size.dim[axis];
    begin.dim[size.rank - 1] = k;
    size.dim[size.rank - 1] = 1;
    g = cr_slice_at(t->at, g, begin, size);
    size.rank--;
    g = cr_reshape_at(t->at, g, size);
    before = after = (cr_shape){.rank = size.rank};
    int64_t length = n;
    if (stride > 1) {
        cr_shape apart = {.rank = size.rank + 1}, zeros = {.rank = size.rank + 1};
        for (int i = 0; i < size.rank; i++)
            apart.dim[i + (i > axis)] = size.dim[i];
        apart.dim[axis + 1] = 1;
        zeros.dim[axis + 1] = stride - 1;
        g = cr_pad_at(t->at, cr_reshape_at(t->at, g, apart), (cr_shape){.rank = apart.rank}, zeros,
                      0);
        size.dim[axis] = length = n * stride;
        g = cr_reshape_at(t->at, g, size);
        int64_t whole = (n - 1) * stride + 1; /* without the zeros after the last one */
        size.dim[axis] = length = whole;
        g = cr_slice_at(t->at, g, (cr_shape){.rank = size.rank}, size);
    }
    before.dim[axis] = k * dilation;
    after.dim[axis] = extent - length - k * dilation;
    return cr_pad_at(t->at, g, before, after, 0);
}

/* [.., n, .., size] -> [.., n * size, ..] and what no window reached. */
static cr_value side_by_side(struct tape *t, cr_value g, int axis, int64_t extent)
{
    cr_shape s = cr_value_shape(g), order = {.rank = s.rank}, to = s;
    const int64_t length = s.dim[axis] * s.dim[s.rank - 1];
    for (int i = 0; i < s.rank; i++)
        order.dim[i] = i <= axis ? i : i == axis + 1 ? s.rank - 1 : i - 1;
    to.rank--;
    to.dim[axis] = length;
    cr_shape after = {.rank = to.rank};
    after.dim[axis] = extent - length;
    g = cr_reshape_at(t->at, cr_permute_at(t->at, g, order), to);
    return cr_pad_at(t->at, g, (cr_shape){.rank = to.rank}, after, 0);
}

static void grad_window(struct tape *t, cr_ref r, cr_value g)
{
    cr_ref x = cr_at(t->g, r)->src[0];
    int64_t attr[4];
    memcpy(attr, cr_attr_of(t->g, r)->at, sizeof attr);
    const int axis = (int)attr[0];
    const int64_t extent = cr_shape_of(t->g, x)->dim[axis];
    cr_value sum = {t->g, 0};
    if (attr[1] == attr[2] && attr[3] == 1) {
        give(t, x, side_by_side(t, g, axis, extent));
        return;
    }
    for (int64_t k = 0; k < attr[1]; k++) {
        cr_value one = put_back(t, g, axis, extent, attr, k);
        sum = k == 0 ? one : cr_add_at(t->at, sum, one);
    }
    give(t, x, sum);
}

/* Each operand's gradient is a convolution, or a contraction, of its own. */
static void grad_conv(struct tape *t, cr_ref r, cr_value g)
{
    const cr_node n = *cr_at(t->g, r);
    int64_t attr[CR_MAX_RANK + 1];
    const cr_attr *a = cr_attr_of(t->g, r);
    memcpy(attr, a->at, a->len * sizeof *attr);
    const cr_shape x = *cr_shape_of(t->g, n.src[0]), w = *cr_shape_of(t->g, n.src[1]);
    if (t->wanted[n.src[0]]) {
        enter(t, r, true);
        give(t, n.src[0], cr_conv_by_x(t->at, g, val(t, n.src[1]), &x, attr));
    }
    if (t->wanted[n.src[1]]) {
        enter(t, r, true);
        give(t, n.src[1], cr_conv_by_w(t->at, g, val(t, n.src[0]), &w, attr));
    }
}

static const struct {
    const char *name;
    void (*rule)(struct tape *, cr_ref, cr_value);
} rules[] = {
    {"reshape", grad_reshape}, {"permute", grad_permute}, {"expand", grad_expand},
    {"slice", grad_slice},     {"pad", grad_pad},         {"concat", grad_concat},
    {"expand(g)", grad_sum},   {"first", grad_first},     {"matmul", grad_matmul},
    {"gather", grad_gather},   {"window", grad_window},   {"flip", grad_flip},
    {"conv", grad_conv},
};

static void visit(struct tape *t, cr_ref r)
{
    const cr_node n = *cr_at(t->g, r);
    cr_value g = val(t, t->grad[r]);
    enter(t, r, false);
    if (cr_kind_of(&n) == CR_KIND_EW) {
        grad_terms(t, r, g);
        return;
    }
    for (size_t i = 0; i < CR_COUNTOF(rules); i++)
        if (strcmp(rules[i].name, cr_ops[n.op].gradient) == 0)
            rules[i].rule(t, r, g);
}

/* ---- driver ---------------------------------------------------------------------------------- */

/* A gradient flows through f32 only, and not into what a rule says is flat ("0"). */
static bool passes(const cr_node *n)
{
    return n->dtype == CR_F32 && n->op != CR_OP_cast && strcmp(cr_ops[n->op].gradient, "0") != 0;
}

static bool prepare(struct tape *t, cr_value loss, const cr_value *wrt, uint32_t n)
{
    cr_graph *g = t->g;
    t->nnodes = loss.ref + 1;
    t->norigins = g->origins.len;
    t->grad = cr_arena_alloc(&t->scratch, t->nnodes * sizeof *t->grad);
    t->wanted = cr_arena_alloc(&t->scratch, t->nnodes * sizeof *t->wanted);
    t->origins = cr_arena_alloc(&t->scratch, t->norigins * sizeof *t->origins);
    if (!t->grad || !t->wanted || !t->origins)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (wrt[i].ref < t->nnodes)
            t->wanted[wrt[i].ref] = true;
    for (cr_ref r = 1; r < t->nnodes; r++) {
        const cr_node *node = cr_at(g, r);
        if (!passes(node))
            continue;
        for (int i = 0; i < node->nsrc; i++)
            t->wanted[r] |= t->wanted[node->src[i]];
    }
    return true;
}

static void collect(struct tape *t, const cr_value *wrt, uint32_t n, cr_value *out)
{
    for (uint32_t i = 0; i < n; i++) {
        cr_ref r = wrt[i].ref < t->nnodes ? t->grad[wrt[i].ref] : 0;
        if (!r && t->g->status == CR_OK) {
            const char *name = cr_name_of(t->g, wrt[i].ref);
            char type[CR_TYPE_TEXT];
            cr_mistake(
                t->g, t->at,
                "gradients: the loss does not depend on %s%s%s (operand %u), or only through "
                "integers, comparisons or cr_detach, which have no gradient",
                name, *name ? " " : "",
                cr_type_text(t->g, (cr_dtype)cr_at(t->g, wrt[i].ref)->dtype,
                             cr_shape_of(t->g, wrt[i].ref), type),
                i + 1);
        }
        out[i] = val(t, r);
    }
}

cr_status cr_gradients_at(cr_loc at, cr_value loss, const cr_value *wrt, uint32_t n, cr_value *out)
{
    cr_graph *g = loss.graph;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (cr_value){g, 0};
    if (!g)
        return cr_fail(CR_E_GRAPH, "gradients: the loss is not a value");
    for (uint32_t i = 0; i < n; i++) {
        if (!wrt[i].graph)
            cr_mistake(g, at, "gradients: operand %u is not a value", i + 1);
        else if (wrt[i].graph != g)
            cr_mistake(g, at,
                       "gradients: operand %u belongs to graph '%s', the loss to '%s'; values of "
                       "two graphs "
                       "cannot be mixed",
                       i + 1, wrt[i].graph->name, g->name);
    }
    if (!cr_usable(at, "gradients", &loss, 1) || !cr_usable_in(at, "gradients", g, wrt, (int)n))
        return cr_graph_status(g);
    if (cr_shape_of(g, loss.ref)->rank != 0 || cr_at(g, loss.ref)->dtype != CR_F32) {
        char type[CR_TYPE_TEXT];
        cr_mistake(
            g, at,
            "gradients: the loss must be an f32 scalar, not %s (cr_mean or cr_sum reduce it)",
            cr_type_text(g, (cr_dtype)cr_at(g, loss.ref)->dtype, cr_shape_of(g, loss.ref), type));
        return cr_graph_status(g);
    }
    struct tape t = {.g = g, .at = at};
    if (prepare(&t, loss, wrt, n)) {
        uint32_t keep = g->open_origin;
        g->open_depth++; /* keeps the builders from opening origins of their own */
        t.grad[loss.ref] = cr_const_f32(g, 1);
        for (cr_ref r = loss.ref; r > 0 && g->status == CR_OK; r--)
            if (t.grad[r] && t.wanted[r])
                visit(&t, r);
        g->open_depth--;
        g->open_origin = keep;
        collect(&t, wrt, n, out);
    } else {
        g->status = CR_E_MEMORY;
    }
    cr_arena_finish(&t.scratch);
    return cr_graph_status(g);
}

cr_value cr_gradient_at(cr_loc at, cr_value loss, cr_value x)
{
    cr_value out = {x.graph, 0};
    cr_gradients_at(at, loss, &x, 1, &out);
    return out;
}
