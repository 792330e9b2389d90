/* build.c - the builder: the functions of crisol/ops.h and the leaves and roots of crisol/graph.h.
 * It checks what users do, broadcasts operands, and expands composites. */
#include <math.h>

#include "crisol/ops.h"
#include "term.h"

/* ---- mistakes -------------------------------------------------------------------------------- */

/* "matmul(x f32[32,784], f32[128,10])": the op and what it was given, by name where there is one.
 */
static void call_text(cr_strbuf *s, const char *op, const cr_value *arg, int n)
{
    cr_str_printf(s, "%s(", op);
    for (int i = 0; i < n; i++) {
        char type[CR_TYPE_TEXT];
        const cr_graph *g = arg[i].graph;
        const char *name = cr_name_of(g, arg[i].ref);
        cr_str_printf(s, "%s%s%s%s", i ? ", " : "", name, *name ? " " : "",
                      cr_type_text(g, (cr_dtype)cr_at(g, arg[i].ref)->dtype,
                                   cr_shape_of(g, arg[i].ref), type));
    }
    cr_str_add(s, ")");
}

static cr_value mistake(cr_loc at, const char *op, const cr_value *arg, int n, const char *why)
{
    cr_strbuf s = {0};
    call_text(&s, op, arg, n);
    cr_value poison = cr_mistake(arg[0].graph, at, "%s: %s", cr_str_text(&s), why);
    cr_str_finish(&s);
    return poison;
}

/* The mistake is of every graph at hand: whichever is compiled must say it. */
static void not_a_value(cr_loc at, const char *op, cr_graph *g, const cr_value *arg, int n,
                        int which)
{
    cr_mistake(g, at, "%s: operand %d is not a value", op, which + 1);
    for (int i = 0; i < n; i++)
        if (arg[i].graph && arg[i].graph != g)
            cr_mistake(arg[i].graph, at, "%s: operand %d is not a value", op, which + 1);
}

static bool all_of(cr_loc at, const char *op, cr_graph *g, const char *whose, const cr_value *arg,
                   int n)
{
    if (!g) {
        cr_mistake(NULL, at, "%s: the graph is NULL", op);
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (!arg[i].graph) {
            not_a_value(at, op, g, arg, n, i);
            return false;
        }
        if (arg[i].graph != g) {
            cr_mistake(g, at,
                       "%s: operand %d belongs to graph '%s', %s '%s'; values of two graphs cannot "
                       "be mixed",
                       op, i + 1, arg[i].graph->name, whose, g->name);
            cr_mistake(arg[i].graph, at, "%s: values of two graphs cannot be mixed", op);
            return false;
        }
    }
    for (int i = 0; i < n; i++)
        if (arg[i].ref == 0) { /* after a mistake; or what cr_find gave */
            not_a_value(at, op, g, arg, n, i);
            return false;
        }
    return g->status == CR_OK;
}

bool cr_usable_in(cr_loc at, const char *op, cr_graph *g, const cr_value *arg, int n)
{
    return all_of(at, op, g, "the graph given is", arg, n);
}

bool cr_usable(cr_loc at, const char *op, const cr_value *arg, int n)
{
    cr_graph *g = NULL;
    for (int i = 0; i < n && !g; i++)
        g = arg[i].graph;
    if (g)
        return all_of(at, op, g, "the first one to", arg, n);
    not_a_value(at, op, NULL, arg, n, 0);
    return false;
}

static cr_value poison_of(const cr_value *arg)
{
    return (cr_value){arg[0].graph, 0};
}

static const char unknown_type[] = "unknown element type";

/* ---- one node -------------------------------------------------------------------------------- */

struct extra {
    const cr_shape *hint;
    const int64_t *attr;
    uint32_t nattr;
    cr_dtype dtype;
};

static cr_value node(cr_loc at, cr_graph *g, cr_op op, const cr_value *arg, int nargs,
                     struct extra x)
{
    cr_node n = {.op = (uint8_t)op, .nsrc = (uint8_t)nargs, .dtype = (uint8_t)x.dtype};
    for (int i = 0; i < nargs; i++)
        n.src[i] = arg[i].ref;
    n.attr = cr_intern_attr(g, x.attr, x.nattr);
    cr_shape shape;
    char why[256] = "";
    if (!cr_infer(g, &n, x.hint, &shape, why, sizeof why)) {
        if (nargs)
            return mistake(at, cr_ops[op].name, arg, nargs, why);
        return cr_mistake(g, at, "%s: %s", cr_ops[op].name, why);
    }
    n.shape = cr_intern_shape(g, &shape);
    return (cr_value){g, cr_node_make(g, &n)};
}

cr_value cr_build_node(cr_loc at, cr_op op, const cr_value *arg, int n, const int64_t *attr,
                       uint32_t nattr)
{
    cr_origin_enter(arg[0].graph, cr_ops[op].name, at);
    cr_value v = node(at, arg[0].graph, op, arg, n, (struct extra){.attr = attr, .nattr = nattr});
    cr_origin_leave(arg[0].graph);
    return v;
}

static cr_value op1(cr_loc at, cr_op op, cr_value x, struct extra e)
{
    if (!cr_usable(at, cr_ops[op].name, &x, 1))
        return poison_of(&x);
    cr_origin_enter(x.graph, cr_ops[op].name, at);
    cr_value v = node(at, x.graph, op, &x, 1, e);
    cr_origin_leave(x.graph);
    return v;
}

/* ---- broadcasting ---------------------------------------------------------------------------- */

static cr_value expand_to(cr_loc at, cr_value x, const cr_shape *to)
{
    if (x.ref == 0 || cr_shape_equal(cr_shape_of(x.graph, x.ref), to))
        return x;
    cr_shape copy = *to;
    return node(at, x.graph, CR_OP_expand, &x, 1, (struct extra){.hint = &copy});
}

/* The common shape by NumPy's rule; false when there is none. */
static bool broadcast(const cr_value *arg, int n, int skip_last, cr_shape *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < n; i++) {
        int r = cr_shape_of(arg[i].graph, arg[i].ref)->rank - skip_last;
        if (r > out->rank)
            out->rank = r;
    }
    for (int d = 0; d < out->rank; d++)
        out->dim[d] = 1;
    for (int i = 0; i < n; i++) {
        const cr_shape *s = cr_shape_of(arg[i].graph, arg[i].ref);
        int lead = out->rank - (s->rank - skip_last);
        for (int d = 0; d < s->rank - skip_last; d++) {
            if (s->dim[d] == 1 || s->dim[d] == out->dim[lead + d])
                continue;
            if (out->dim[lead + d] != 1)
                return false;
            out->dim[lead + d] = s->dim[d];
        }
    }
    return true;
}

static cr_value elementwise(cr_loc at, cr_op op, const cr_value *arg, int n)
{
    const char *name = cr_ops[op].name;
    cr_shape to;
    cr_value same[3];
    if (!cr_usable(at, name, arg, n))
        return poison_of(arg);
    if (!broadcast(arg, n, 0, &to))
        return mistake(at, name, arg, n, "the shapes do not broadcast");
    cr_graph *g = arg[0].graph;
    cr_origin_enter(g, name, at);
    cr_value v = {g, 0};
    bool ok = true;
    for (int i = 0; i < n && ok; i++)
        ok = (same[i] = expand_to(at, arg[i], &to)).ref != 0;
    if (ok) {
        cr_node probe = {.op = (uint8_t)op, .nsrc = (uint8_t)n};
        for (int i = 0; i < n; i++)
            probe.src[i] = same[i].ref;
        char why[256];
        cr_shape shape;
        if (!cr_infer(g, &probe, NULL, &shape, why, sizeof why))
            v = mistake(at, name, arg, n, why); /* as the user gave them, not as broadcast */
        else
            v = node(at, g, op, same, n, (struct extra){0});
    }
    cr_origin_leave(g);
    return v;
}

#define CR_BUILD_1(name)                                                                           \
    cr_value cr_##name##_at(cr_loc at, cr_value x)                                                 \
    {                                                                                              \
        return elementwise(at, CR_OP_##name, &x, 1);                                               \
    }
#define CR_BUILD_2(name)                                                                           \
    cr_value cr_##name##_at(cr_loc at, cr_value x, cr_value y)                                     \
    {                                                                                              \
        cr_value arg[2] = {x, y};                                                                  \
        return elementwise(at, CR_OP_##name, arg, 2);                                              \
    }
#define CR_BUILD_3(name)                                                                           \
    cr_value cr_##name##_at(cr_loc at, cr_value x, cr_value y, cr_value z)                         \
    {                                                                                              \
        cr_value arg[3] = {x, y, z};                                                               \
        return elementwise(at, CR_OP_##name, arg, 3);                                              \
    }
#define CR_EW(name, arity, types, expr, gradients, lo, hi, flags, doc) CR_BUILD_##arity(name)
#include "ops.def"

/* ---- reductions ------------------------------------------------------------------------------ */

static bool clean_axes(cr_loc at, const char *op, cr_value x, cr_axes axes, int64_t *out)
{
    int rank = cr_shape_of(x.graph, x.ref)->rank;
    cr_axes all = (1u << rank) - 1;
    if (axes == CR_ALL_AXES)
        axes = all;
    if ((axes & CR_LAST_AXIS) && rank > 0)
        axes = (axes & ~CR_LAST_AXIS) | CR_AXIS(rank - 1);
    if (axes & ~all) {
        char why[96];
        snprintf(why, sizeof why, "an axis is beyond rank %d", rank);
        mistake(at, op, &x, 1, why);
        return false;
    }
    *out = axes;
    return true;
}

static cr_value drop_axes(cr_loc at, cr_value x, int64_t axes)
{
    if (x.ref == 0)
        return x;
    cr_shape from = *cr_shape_of(x.graph, x.ref), to = {0};
    for (int i = 0; i < from.rank; i++)
        if (!(axes >> i & 1))
            to.dim[to.rank++] = from.dim[i];
    return node(at, x.graph, CR_OP_reshape, &x, 1, (struct extra){.hint = &to});
}

/* Of the axes of a sum of f32 those that are summed first, and apart from the outermost, since one
 * chain of additions over all of them would be long (an image of each sample, say) and, as its
 * order is fixed, no device could share it out. 0: none. */
static int64_t summed_first(const cr_shape *s, int64_t axes)
{
    enum { LONG = 8 };
    int64_t rest = axes, n = 1;
    for (int i = 0; i < s->rank; i++)
        if ((axes >> i & 1) && s->dim[i] != 1) {
            rest = axes & ~CR_AXIS(i);
            break;
        }
    for (int i = 0; i < s->rank; i++)
        if (rest >> i & 1)
            n *= cr_dim_factor(s->dim[i]);
    return rest != axes && n >= LONG ? rest : 0;
}

static cr_value sum_up(cr_loc at, cr_value x, int64_t axes)
{
    const int64_t first = summed_first(cr_shape_of(x.graph, x.ref), axes);
    if (first)
        x = sum_up(at, x, first);
    axes &= ~first;
    return node(at, x.graph, CR_OP_sum, &x, 1, (struct extra){.attr = &axes, .nattr = 1});
}

static cr_value reduce(cr_loc at, cr_op op, cr_value x, cr_axes axes, bool keep)
{
    const char *name = cr_ops[op].name;
    int64_t set;
    if (!cr_usable(at, name, &x, 1) || !clean_axes(at, name, x, axes, &set))
        return poison_of(&x);
    cr_origin_enter(x.graph, name, at);
    cr_value v = x;
    if (op == CR_OP_sum && set && cr_at(x.graph, x.ref)->dtype == CR_F32)
        v = sum_up(at, x, set);
    else if (set || op == CR_OP_argmax)
        v = node(at, x.graph, op, &x, 1, (struct extra){.attr = &set, .nattr = 1});
    if (!keep && set)
        v = drop_axes(at, v, set);
    cr_origin_leave(x.graph);
    return v;
}

#define CR_RED(name, ...)                                                                          \
    cr_value cr_##name##_at(cr_loc at, cr_value x, cr_axes axes)                                   \
    {                                                                                              \
        return reduce(at, CR_OP_##name, x, axes, false);                                           \
    }                                                                                              \
    cr_value cr_##name##_keep_at(cr_loc at, cr_value x, cr_axes axes)                              \
    {                                                                                              \
        return reduce(at, CR_OP_##name, x, axes, true);                                            \
    }
#include "ops.def"

/* ---- movement -------------------------------------------------------------------------------- */

/* Replaces one size of -1 by what the others leave; false when that is not whole. */
static bool fill_rest(const cr_shape *from, cr_shape *to)
{
    int rest = -1;
    int64_t factor = 1;
    uint32_t symbol[CR_MAX_RANK * 2], n = 0;
    for (int i = 0; i < from->rank; i++) {
        factor *= cr_dim_factor(from->dim[i]);
        if (!cr_dim_literal(from->dim[i]))
            symbol[n++] = cr_dim_symbol(from->dim[i]);
    }
    for (int i = 0; i < to->rank; i++) {
        if (to->dim[i] == -1) {
            if (rest >= 0)
                return false;
            rest = i;
            continue;
        }
        if (to->dim[i] <= 0 || factor % cr_dim_factor(to->dim[i]))
            return false;
        factor /= cr_dim_factor(to->dim[i]);
        for (uint32_t k = 0; !cr_dim_literal(to->dim[i]) && k < n; k++)
            if (symbol[k] == cr_dim_symbol(to->dim[i])) {
                symbol[k] = symbol[--n];
                break;
            }
    }
    if (rest < 0)
        return true;
    if (n > 1)
        return false;
    to->dim[rest] = n ? ((cr_dim)symbol[0] << CR_DIM_SHIFT) | factor : factor;
    return true;
}

cr_value cr_reshape_at(cr_loc at, cr_value x, cr_shape shape)
{
    if (!cr_usable(at, "reshape", &x, 1))
        return poison_of(&x);
    const cr_shape asked = shape;
    if (shape.rank < 0 || shape.rank > CR_MAX_RANK ||
        !fill_rest(cr_shape_of(x.graph, x.ref), &shape)) {
        char why[2 * CR_TYPE_TEXT], type[CR_TYPE_TEXT] = "more than 8 axes";
        if (asked.rank >= 0 && asked.rank <= CR_MAX_RANK)
            cr_type_text(x.graph, (cr_dtype)cr_at(x.graph, x.ref)->dtype, &asked, type);
        snprintf(why, sizeof why,
                 "cannot become %s: the elements do not divide so, or more than one size is -1",
                 type);
        return mistake(at, "reshape", &x, 1, why);
    }
    return op1(at, CR_OP_reshape, x, (struct extra){.hint = &shape});
}

cr_value cr_permute_at(cr_loc at, cr_value x, cr_shape axes)
{
    uint32_t n = axes.rank < 0 ? 0 : (uint32_t)CR_MIN(axes.rank, CR_MAX_RANK);
    return op1(at, CR_OP_permute, x, (struct extra){.attr = axes.dim, .nattr = n});
}

cr_value cr_expand_at(cr_loc at, cr_value x, cr_shape shape)
{
    return op1(at, CR_OP_expand, x, (struct extra){.hint = &shape});
}

cr_value cr_slice_at(cr_loc at, cr_value x, cr_shape begin, cr_shape size)
{
    uint32_t n = begin.rank < 0 ? 0 : (uint32_t)CR_MIN(begin.rank, CR_MAX_RANK);
    return op1(at, CR_OP_slice, x, (struct extra){.hint = &size, .attr = begin.dim, .nattr = n});
}

cr_value cr_pad_at(cr_loc at, cr_value x, cr_shape before, cr_shape after, float value)
{
    if (!cr_usable(at, "pad", &x, 1))
        return poison_of(&x);
    cr_shape to = *cr_shape_of(x.graph, x.ref);
    int64_t attr[CR_MAX_RANK + 1];
    if (before.rank != to.rank || after.rank != to.rank)
        return mistake(at, "pad", &x, 1, "needs an amount before and after each axis");
    for (int i = 0; i < to.rank; i++) {
        if (before.dim[i] < 0 || after.dim[i] < 0)
            return mistake(at, "pad", &x, 1, "negative amount");
        if (!cr_dim_literal(before.dim[i]) || !cr_dim_literal(after.dim[i]))
            return mistake(at, "pad", &x, 1, "the amounts must be literal");
        to.dim[i] += before.dim[i] + after.dim[i];
        attr[i] = before.dim[i];
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    cr_dtype dtype = cr_value_dtype(x);
    float top = dtype == CR_U8     ? 255
                : dtype == CR_BOOL ? 1
                                   : 0x1p30f,
          low = dtype == CR_I32 ? -0x1p30f : 0;
    if (dtype != CR_F32 && !(value >= low && value <= top && value == (float)(int64_t)value))
        return mistake(at, "pad", &x, 1, "the value is not one of the type");
    attr[to.rank] = dtype == CR_F32 ? (int64_t)bits : (int64_t)value;
    return op1(at, CR_OP_pad, x,
               (struct extra){.hint = &to, .attr = attr, .nattr = (uint32_t)to.rank + 1});
}

cr_value cr_concat_at(cr_loc at, cr_value x, cr_value y, int axis)
{
    cr_value arg[2] = {x, y};
    int64_t attr = axis;
    if (!cr_usable(at, "concat", arg, 2))
        return poison_of(arg);
    if (axis < 0)
        attr += cr_shape_of(x.graph, x.ref)->rank;
    cr_origin_enter(x.graph, "concat", at);
    cr_value v = node(at, x.graph, CR_OP_concat, arg, 2, (struct extra){.attr = &attr, .nattr = 1});
    cr_origin_leave(x.graph);
    return v;
}

cr_value cr_window_at(cr_loc at, cr_value x, int axis, int64_t size, int64_t stride,
                      int64_t dilation)
{
    if (!cr_usable(at, "window", &x, 1))
        return poison_of(&x);
    int64_t attr[4] = {axis, size, stride, dilation};
    if (axis < 0)
        attr[0] += cr_shape_of(x.graph, x.ref)->rank;
    return op1(at, CR_OP_window, x, (struct extra){.attr = attr, .nattr = 4});
}

cr_value cr_flip_at(cr_loc at, cr_value x, cr_axes axes)
{
    int64_t set;
    if (!cr_usable(at, "flip", &x, 1) || !clean_axes(at, "flip", x, axes, &set))
        return poison_of(&x);
    return op1(at, CR_OP_flip, x, (struct extra){.attr = &set, .nattr = 1});
}

/* ---- structured ------------------------------------------------------------------------------ */

/* Into how many parts the depth of a product with few columns is cut: one chain for each of few
 * elements could hardly be shared out, and groups that own a part of the depth own rows of y, in
 * the product and in the update of y alike. */
static int64_t parts_of_depth(const cr_shape *x, const cr_shape *y)
{
    enum { FEW = 16, PART = 192 };
    const int64_t k = x->dim[x->rank - 1];
    int64_t parts = 1;
    if (x->rank > 2 || y->dim[1] > FEW || !cr_dim_literal(k))
        return 1;
    while (k / (2 * parts) >= PART && k % (2 * parts) == 0)
        parts *= 2;
    return parts;
}

/* x [m, k] by y [k, n] as the sum of products of parts of both. */
static cr_value sum_of_parts(cr_loc at, cr_value x, cr_value y, int64_t parts)
{
    const cr_shape a = *cr_shape_of(x.graph, x.ref), b = *cr_shape_of(y.graph, y.ref);
    const int64_t each = a.dim[1] / parts;
    x = cr_permute_at(at, cr_reshape_at(at, x, CR_SHAPE(a.dim[0], parts, each)), CR_SHAPE(1, 0, 2));
    y = cr_reshape_at(at, y, CR_SHAPE(parts, each, b.dim[1]));
    return cr_sum_at(at, cr_matmul_at(at, x, y), CR_AXIS(0));
}

cr_value cr_matmul_at(cr_loc at, cr_value x, cr_value y)
{
    cr_value arg[2] = {x, y}, whole[2] = {x, y};
    cr_shape lead;
    if (!cr_usable(at, "matmul", arg, 2))
        return poison_of(arg);
    cr_graph *g = x.graph;
    for (int i = 0; i < 2; i++)
        if (cr_shape_of(g, arg[i].ref)->rank < 2)
            return mistake(at, "matmul", arg, 2, "operands need at least two axes");
    if (!broadcast(arg, 2, 2, &lead))
        return mistake(at, "matmul", arg, 2, "the leading axes do not broadcast");
    cr_origin_enter(g, "matmul", at);
    cr_value v = {g, 0};
    for (int i = 0; i < 2; i++) {
        const cr_shape *s = cr_shape_of(g, arg[i].ref);
        cr_shape to = lead;
        to.dim[to.rank++] = s->dim[s->rank - 2];
        to.dim[to.rank++] = s->dim[s->rank - 1];
        whole[i] = expand_to(at, arg[i], &to);
    }
    if (whole[0].ref && whole[1].ref) {
        cr_node n = {.op = CR_OP_matmul, .nsrc = 2, .src = {whole[0].ref, whole[1].ref}};
        cr_shape shape;
        int64_t parts;
        char why[256];
        if (!cr_infer(g, &n, NULL, &shape, why, sizeof why))
            v = mistake(at, "matmul", arg, 2, why);
        else if ((parts = parts_of_depth(cr_shape_of(g, whole[0].ref),
                                         cr_shape_of(g, whole[1].ref))) > 1)
            v = sum_of_parts(at, whole[0], whole[1], parts);
        else
            v = node(at, g, CR_OP_matmul, whole, 2, (struct extra){0});
    }
    cr_origin_leave(g);
    return v;
}

cr_value cr_gather_at(cr_loc at, cr_value table, cr_value index)
{
    cr_value arg[2] = {table, index};
    if (!cr_usable(at, "gather", arg, 2))
        return poison_of(arg);
    cr_origin_enter(table.graph, "gather", at);
    cr_value v = node(at, table.graph, CR_OP_gather, arg, 2, (struct extra){0});
    cr_origin_leave(table.graph);
    return v;
}

cr_value cr_cast_at(cr_loc at, cr_value x, cr_dtype dtype)
{
    if (!cr_usable(at, "cast", &x, 1))
        return poison_of(&x);
    if ((unsigned)dtype >= CR_DTYPE_COUNT)
        return mistake(at, "cast", &x, 1, unknown_type);
    if (cr_value_dtype(x) == dtype)
        return x;
    return op1(at, CR_OP_cast, x, (struct extra){.dtype = dtype});
}

cr_value cr_iota_at(cr_loc at, cr_graph *graph, cr_shape shape, int axis)
{
    int64_t attr = axis < 0 ? (int64_t)axis + shape.rank : axis;
    if (!cr_usable_in(at, "iota", graph, NULL, 0))
        return (cr_value){graph, 0};
    cr_origin_enter(graph, "iota", at);
    cr_value v = node(at, graph, CR_OP_iota, NULL, 0,
                      (struct extra){.hint = &shape, .attr = &attr, .nattr = 1});
    cr_origin_leave(graph);
    return v;
}

cr_value cr_random_at(cr_loc at, cr_graph *graph, cr_value seed, cr_value step, cr_shape shape)
{
    cr_value arg[2] = {seed, step};
    if (!cr_usable_in(at, "random", graph, arg, 2))
        return (cr_value){graph, 0};
    int64_t stream = graph->next_stream;
    cr_origin_enter(graph, "random", at);
    cr_value v = node(at, graph, CR_OP_random, arg, 2,
                      (struct extra){.hint = &shape, .attr = &stream, .nattr = 1});
    cr_origin_leave(graph);
    return v;
}

/* ---- composites ------------------------------------------------------------------------------ */

/* Runs a body as one op of the user. */
#define COMPOSITE(name, x, body)                                                                   \
    cr_value arg_[1] = {x};                                                                        \
    if (!cr_usable(at, name, arg_, 1))                                                             \
        return poison_of(arg_);                                                                    \
    cr_graph *g = (x).graph;                                                                       \
    cr_value v;                                                                                    \
    cr_origin_enter(g, name, at);                                                                  \
    body;                                                                                          \
    cr_origin_leave(g);                                                                            \
    return v;

cr_value cr_gt_at(cr_loc at, cr_value x, cr_value y)
{
    return cr_lt_at(at, y, x);
}
cr_value cr_ge_at(cr_loc at, cr_value x, cr_value y)
{
    return cr_le_at(at, y, x);
}
cr_value cr_square_at(cr_loc at, cr_value x)
{
    return cr_mul_at(at, x, x);
}

cr_value cr_leaky_relu_at(cr_loc at, cr_value x, float slope){
    COMPOSITE("leaky_relu", x,
              v = cr_select_at(at, cr_lt_at(at, x, cr_f32(g, 0)),
                               cr_mul_at(at, x, cr_f32(g, slope)), x))}

cr_value cr_clamp_at(cr_loc at, cr_value x, float lo, float hi)
{
    if (!cr_usable(at, "clamp", &x, 1))
        return poison_of(&x);
    if (!(lo <= hi))
        return mistake(at, "clamp", &x, 1,
                       "the lower bound is above the upper one, or not a number");
    COMPOSITE("clamp", x, v = cr_min_at(at, cr_max_at(at, x, cr_f32(g, lo)), cr_f32(g, hi)))
}

cr_value cr_is_finite_at(cr_loc at, cr_value x){
    COMPOSITE("is_finite", x, v = cr_eq_at(at, cr_sub_at(at, x, x), cr_f32(g, 0)))}

cr_value cr_mean_at(cr_loc at, cr_value x, cr_axes axes)
{
    int64_t set;
    if (!cr_usable(at, "mean", &x, 1) || !clean_axes(at, "mean", x, axes, &set))
        return poison_of(&x);
    COMPOSITE("mean", x, {
        const cr_shape shape = cr_value_shape(x);
        cr_value n = cr_i32(g, 1);
        int64_t literal = 1;
        for (int i = 0; i < shape.rank; i++) {
            if (!(set >> i & 1))
                continue;
            if (cr_dim_literal(shape.dim[i]))
                literal *= shape.dim[i];
            else
                n = cr_mul_at(at, n, cr_size(g, shape.dim[i]));
        }
        n = cr_mul_at(at, cr_cast_at(at, n, CR_F32), cr_f32(g, (float)literal));
        v = cr_div_at(at, cr_sum_at(at, x, axes), n);
    })
}

cr_value cr_onehot_at(cr_loc at, cr_value index, int64_t classes){COMPOSITE(
    "onehot", index,
    {
        cr_shape s = cr_value_shape(index);
        if (s.rank >= CR_MAX_RANK || classes < 1 || cr_value_dtype(index) != CR_I32) {
            v = mistake(at, "onehot", &index, 1, "needs an i32 index and at least one class");
        } else {
            s.dim[s.rank++] = 1;
            cr_value column = node(at, g, CR_OP_reshape, &index, 1, (struct extra){.hint = &s});
            s.dim[s.rank - 1] = classes;
            v = cr_cast_at(at, cr_eq_at(at, column, cr_iota_at(at, g, s, s.rank - 1)), CR_F32);
        }
    })}

cr_value cr_softmax_at(cr_loc at, cr_value x){
    COMPOSITE("softmax", x,
              {
                  cr_value e = cr_exp_at(
                      at, cr_sub_at(at, x, cr_detach_at(at, cr_amax_keep_at(at, x, CR_LAST_AXIS))));
                  v = cr_div_at(at, e, cr_sum_keep_at(at, e, CR_LAST_AXIS));
              })}

cr_value cr_log_softmax_at(cr_loc at, cr_value x){
    COMPOSITE("log_softmax", x,
              {
                  cr_value s =
                      cr_sub_at(at, x, cr_detach_at(at, cr_amax_keep_at(at, x, CR_LAST_AXIS)));
                  v = cr_sub_at(at, s,
                                cr_log_at(at, cr_sum_keep_at(at, cr_exp_at(at, s), CR_LAST_AXIS)));
              })}

cr_value cr_transpose_at(cr_loc at, cr_value x)
{
    if (!cr_usable(at, "transpose", &x, 1))
        return poison_of(&x);
    cr_shape axes = {.rank = cr_value_shape(x).rank};
    if (axes.rank < 2)
        return mistake(at, "transpose", &x, 1, "needs at least two axes");
    for (int i = 0; i < axes.rank; i++)
        axes.dim[i] = i;
    axes.dim[axes.rank - 1] = axes.rank - 2;
    axes.dim[axes.rank - 2] = axes.rank - 1;
    return cr_permute_at(at, x, axes);
}

cr_value cr_matmul_ex_at(cr_loc at, cr_value x, bool tx, cr_value y, bool ty)
{
    cr_value arg[2] = {x, y};
    if (!cr_usable(at, "matmul", arg, 2))
        return poison_of(arg);
    cr_origin_enter(x.graph, "matmul", at);
    cr_value v = cr_matmul_at(at, tx ? cr_transpose_at(at, x) : x, ty ? cr_transpose_at(at, y) : y);
    cr_origin_leave(x.graph);
    return v;
}

/* ---- leaves and roots ------------------------------------------------------------------------ */

cr_ref cr_const_f32(cr_graph *g, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    int64_t attr = bits;
    cr_node n = {.op = CR_OP_CONST, .dtype = CR_F32, .attr = cr_intern_attr(g, &attr, 1)};
    return cr_node_make(g, &n);
}

cr_ref cr_const_int(cr_graph *g, cr_dtype dtype, int64_t value)
{
    cr_node n = {.op = CR_OP_CONST, .dtype = (uint8_t)dtype, .attr = cr_intern_attr(g, &value, 1)};
    return cr_node_make(g, &n);
}

static const cr_loc unknown; /* these have no macro that says where they are called */

/* Constants are made in a graph with a mistake, too: they are what its next op is given. */
static cr_value constant(cr_graph *g, const char *what, cr_dtype dtype, int64_t value)
{
    if (!g)
        return cr_mistake(NULL, unknown, "%s: the graph is NULL", what);
    return (cr_value){g, cr_const_int(g, dtype, value)};
}

cr_value cr_f32(cr_graph *g, float value)
{
    if (!g)
        return cr_mistake(NULL, unknown, "f32: the graph is NULL");
    return (cr_value){g, cr_const_f32(g, value)};
}

cr_value cr_i32(cr_graph *g, int32_t value)
{
    return constant(g, "i32", CR_I32, value);
}
cr_value cr_bool(cr_graph *g, bool value)
{
    return constant(g, "bool", CR_BOOL, value);
}

cr_value cr_size(cr_graph *g, cr_dim dim)
{
    if (!cr_usable_in(unknown, "size", g, NULL, 0))
        return (cr_value){g, 0};
    if (dim < 1 || cr_dim_symbol(dim) >= g->symbol.len || (cr_dim_literal(dim) && dim > INT32_MAX))
        return cr_mistake(g, unknown, "size: %lld is not the size of a dimension", (long long)dim);
    if (cr_dim_literal(dim))
        return cr_i32(g, (int32_t)dim);
    int64_t attr = dim;
    cr_node n = {.op = CR_OP_SIZE, .dtype = CR_I32, .attr = cr_intern_attr(g, &attr, 1)};
    return (cr_value){g, cr_node_make(g, &n)};
}

static bool name_free(cr_loc at, cr_graph *g, const char *what, const char *name)
{
    if (!cr_usable_in(at, what, g, NULL, 0))
        return false;
    if (!name || !*name) {
        cr_mistake(g, at, "%s: needs a name", what);
        return false;
    }
    cr_value old = cr_find(g, name); /* an output may be called like anything else */
    if (old.ref && cr_is_named_leaf(cr_at(g, old.ref))) {
        cr_mistake(g, at, "%s \"%s\": the name is taken by an input or a state built before", what,
                   name);
        return false;
    }
    return true;
}

/* While names are reused: the leaf that is there under that name, when it is such a one. */
static cr_value leaf_again(cr_graph *g, cr_op op, const char *name, cr_dtype dtype,
                           const cr_shape *shape)
{
    cr_value old = {g, 0};
    if (g && g->reuse && g->status == CR_OK && name)
        old = cr_find(g, name);
    if (old.ref && (cr_at(g, old.ref)->op != op || cr_at(g, old.ref)->dtype != dtype ||
                    !cr_shape_equal(cr_shape_of(g, old.ref), shape)))
        old.ref = 0;
    return old;
}

static bool leaf_fits(cr_loc at, cr_graph *g, const char *what, const char *name, cr_dtype dtype,
                      const cr_shape *s)
{
    char why[256], type[CR_TYPE_TEXT] = "";
    if (!name_free(at, g, what, name))
        return false;
    if ((unsigned)dtype >= CR_DTYPE_COUNT) {
        cr_mistake(g, at, "%s \"%s\": %s", what, name, unknown_type);
        return false;
    }
    if (cr_check_shape(g, s, why, sizeof why))
        return true;
    if (s->rank >= 0 && s->rank <= CR_MAX_RANK)
        cr_type_text(g, dtype, s, type);
    cr_mistake(g, at, "%s \"%s\" %s: %s", what, name, type, why);
    return false;
}

cr_value cr_input_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype, cr_shape shape)
{
    cr_value old = leaf_again(g, CR_OP_INPUT, name, dtype, &shape);
    if (old.ref)
        return old;
    if (!leaf_fits(at, g, "input", name, dtype, &shape))
        return (cr_value){g, 0};
    int64_t attr = cr_intern_string(g, name);
    cr_origin_enter(g, name, at);
    cr_value v = node(at, g, CR_OP_INPUT, NULL, 0,
                      (struct extra){.hint = &shape, .attr = &attr, .nattr = 1, .dtype = dtype});
    cr_origin_leave(g);
    return v;
}

static const char *wrong_state(cr_dtype dtype, const cr_init *init, const cr_shape *shape,
                               bool trainable)
{
    if ((unsigned)init->kind > CR_INIT_DATA)
        return "its init.kind is not a cr_init_kind";
    if (init->kind == CR_INIT_DATA && !init->data)
        return "its initial data is NULL";
    if (trainable && dtype != CR_F32)
        return "must be f32";
    if (init->kind == CR_INIT_BITS && dtype != CR_I32)
        return "CR_INIT_BITS is of i32 only";
    for (int i = 0; i < shape->rank; i++)
        if (!cr_dim_literal(shape->dim[i]))
            return "its sizes must be literal";
    return NULL;
}

cr_value cr_state_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype, cr_init init,
                     cr_shape shape, bool trainable)
{
    cr_value old = leaf_again(g, CR_OP_STATE, name, dtype, &shape);
    if (old.ref)
        return old;
    if (!leaf_fits(at, g, trainable ? "param" : "state", name, dtype, &shape))
        return (cr_value){g, 0};
    const char *why = wrong_state(dtype, &init, &shape, trainable);
    if (why)
        return cr_mistake(g, at, "%s \"%s\": %s", trainable ? "param" : "state", name, why);
    uint32_t a, b;
    memcpy(&a, &init.a, sizeof a);
    memcpy(&b, &init.b, sizeof b);
    int64_t data = 0;
    if (init.kind == CR_INIT_DATA)
        data =
            cr_intern_data(g, init.data, (size_t)cr_shape_count(g, &shape) * cr_dtype_size(dtype));
    int64_t attr[6] = {cr_intern_string(g, name), trainable, init.kind, a, b, data};
    cr_origin_enter(g, name, at);
    cr_value v = node(at, g, CR_OP_STATE, NULL, 0,
                      (struct extra){.hint = &shape, .attr = attr, .nattr = 6, .dtype = dtype});
    cr_origin_leave(g);
    return v;
}

cr_value cr_param_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype, cr_shape shape)
{
    cr_init init = {.kind = shape.rank >= 2 ? CR_INIT_GLOROT_UNIFORM : CR_INIT_CONSTANT};
    return cr_state_at(at, g, name, dtype, init, shape, true);
}

void cr_output_at(cr_loc at, cr_graph *g, const char *name, cr_value v)
{
    if (g && v.graph && v.graph != g) {
        cr_mistake(g, at, "output \"%s\": the value belongs to graph '%s', not to '%s'",
                   name ? name : "", v.graph->name, g->name);
        return;
    }
    if (!cr_usable_in(at, "output", g, &v, 1))
        return;
    if (!name || !*name) {
        cr_mistake(g, at, "output: needs a name");
        return;
    }
    if (g->root_mode == CR_ROOTS_IGNORED)
        return;
    int64_t attr = cr_intern_string(g, name);
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i];
        if (cr_at(g, r)->op != CR_OP_OUTPUT || cr_attr_of(g, r)->at[0] != attr)
            continue;
        memmove(&g->root.at[i], &g->root.at[i + 1], (--g->root.len - i) * sizeof g->root.at[0]);
        break;
    }
    cr_node n = *cr_at(g, v.ref);
    cr_node root = {.op = CR_OP_OUTPUT,
                    .dtype = n.dtype,
                    .nsrc = 1,
                    .src = {v.ref},
                    .shape = n.shape,
                    .attr = cr_intern_attr(g, &attr, 1)};
    cr_root_add(g, &root);
}

bool cr_is_assigned(const cr_graph *g, cr_ref state)
{
    for (uint32_t i = 0; i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op == CR_OP_ASSIGN && n->src[0] == state)
            return true;
    }
    for (uint32_t i = 0; i < g->waiting.len; i++)
        if (g->waiting.at[i].state == state)
            return true;
    return false;
}

static void add_assign(cr_graph *g, cr_ref state, cr_ref next)
{
    cr_node root = {.op = CR_OP_ASSIGN, .nsrc = 2, .src = {state, next}};
    root.dtype = cr_at(g, state)->dtype;
    root.shape = cr_at(g, state)->shape;
    cr_root_add(g, &root);
}

void cr_assign_at(cr_loc at, cr_value state, cr_value v)
{
    cr_value arg[2] = {state, v};
    if (!cr_usable(at, "assign", arg, 2))
        return;
    cr_graph *g = state.graph;
    cr_node root = {.op = CR_OP_ASSIGN, .nsrc = 2, .src = {state.ref, v.ref}};
    cr_shape shape;
    char why[256];
    if (!cr_infer(g, &root, NULL, &shape, why, sizeof why)) {
        mistake(at, "assign", arg, 2, why);
        return;
    }
    if (g->root_mode == CR_ROOTS_IGNORED)
        return;
    if (cr_is_assigned(g, state.ref)) {
        mistake(at, "assign", arg, 2, "the state has a next value already");
        return;
    }
    if (g->root_mode == CR_ROOTS_MADE) {
        add_assign(g, state.ref, v.ref);
        return;
    }
    const cr_waiting waiting = {state.ref, v.ref};
    if (!cr_vec_push(&g->waiting, waiting) && g->status == CR_OK)
        g->status = CR_E_MEMORY;
}

/* An op of its own: it waits for the guard, and what made the next value need not. */
void cr_assigns_guard(cr_value guard)
{
    cr_graph *g = guard.graph;
    for (uint32_t i = 0; i < g->waiting.len; i++) {
        const cr_waiting w = g->waiting.at[i];
        const cr_value state = {g, w.state}, next = {g, w.next};
        cr_origin_enter(g, "guard", unknown);
        cr_value v = cr_select_at(unknown, guard, next, state);
        if (v.ref)
            add_assign(g, w.state, v.ref);
        cr_origin_leave(g);
    }
    g->waiting.len = 0;
    g->root_mode = CR_ROOTS_MADE;
}

void cr_string_free(char *text)
{
    cr_free(text);
}
