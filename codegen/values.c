/* values.c - the element, or the vector of elements, of every op: what a phase computes, on demand.
 */
#include <math.h>

#include "elementary.h"
#include "emit.h"

/* ---- constants ------------------------------------------------------------------------------ */

static cr_val constant(cr_emit *e, cr_ref r)
{
    const cr_node *n = cr_at(e->graph, r);
    cr_val v = {.dtype = (cr_dtype)n->dtype, .width = 1};
    int64_t bits = cr_attr_of(e->graph, r)->at[0];
    if (n->dtype != CR_F32) {
        v.text = cr_arena_printf(&e->arena, bits < 0 ? "(%lld)" : "%lld", (long long)bits);
        if (bits == INT32_MIN)
            v.text = "(-2147483647 - 1)";
        return v;
    }
    float f = cr_const_float(e->graph, r);
    char text[40];
    snprintf(text, sizeof text, "%.9g", (double)f);
    bool whole = !strpbrk(text, ".en");
    if (!isfinite(f))
        v.text = cr_arena_printf(&e->arena, "as_float(0x%08xu)", (unsigned)bits);
    else
        v.text =
            cr_arena_printf(&e->arena, signbit(f) ? "(%s%sf)" : "%s%sf", text, whole ? ".0" : "");
    return v;
}

/* ---- elementwise ---------------------------------------------------------------------------- */

/* 0 for scalars: the place of a width in cr_emit's lists. */
static int log2_of(int width)
{
    int log2 = 0;
    while (1 << log2 < width)
        log2++;
    return log2;
}

/* The row's expression with x, y, z replaced by operands. */
static const char *expression(cr_emit *e, cr_op op, const cr_val *arg, cr_dtype dtype, int width)
{
    cr_strbuf named = {0}, text = {0};
    for (const char *p = cr_ops[op].expr; *p;) {
        size_t n = 0;
        while (p[n] == '_' || (p[n] >= '0' && p[n] <= '9') ||
               ((p[n] | 32) >= 'a' && (p[n] | 32) <= 'z'))
            n++;
        if (n == 1 && *p >= 'x' && *p <= 'z')
            cr_str_add(&named, arg[*p - 'x'].text);
        else
            cr_str_addn(&named, p, n ? n : 1);
        p += n ? n : 1;
    }
    e->functions[log2_of(width)] |= cr_elementary_uses(cr_str_text(&named));
    cr_elementary_expand(&text, cr_str_text(&named), dtype, width);
    const char *out = cr_arena_strdup(&e->arena, cr_str_text(&text));
    cr_str_finish(&named);
    cr_str_finish(&text);
    return out;
}

static cr_val elementwise(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    cr_val arg[3];
    cr_scope *s = NULL;
    int width = 1;
    for (int i = 0; i < n->nsrc; i++) {
        arg[i] = cr_emit_value(e, n->src[i], at);
        s = cr_scope_inner(s, arg[i].scope);
        width = CR_MAX(width, arg[i].width);
    }
    for (int i = 0; i < n->nsrc && width > 1; i++)
        arg[i] = cr_emit_widen(e, arg[i]);
    cr_dtype operand = (cr_dtype)cr_at(e->graph, n->src[n->nsrc - 1])->dtype;
    bool ordered = width > 1 && operand == CR_BOOL &&
                   cr_ops[n->op].types == CR_TYPES_C; /* -1 < 0, but 0 < 1 */
    for (int i = 0; i < n->nsrc && ordered; i++)
        arg[i].text = cr_arena_printf(&e->arena, "(-%s)", arg[i].text);
    return cr_emit_define(e, s, "v", (cr_dtype)n->dtype, width,
                          expression(e, (cr_op)n->op, arg, operand, width));
}

static cr_val cast(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    cr_val v = cr_emit_value(e, n->src[0], at);
    char w[16] = "";
    if (v.width > 1)
        snprintf(w, sizeof w, "%d", v.width);
    const char *x = v.dtype == CR_BOOL && v.width > 1 ? cr_arena_printf(&e->arena, "-%s", v.text)
                                                      : v.text,
               *text = x;
    switch (n->dtype) {
    case CR_F32: text = cr_arena_printf(&e->arena, "convert_float%s(%s)", w, x); break;
    case CR_I32:
        if (v.dtype == CR_F32)
            text = cr_arena_printf(&e->arena, "convert_int%s_sat_rtz(%s)", w, x);
        break;
    case CR_U8:
        if (v.dtype == CR_F32)
            text =
                cr_arena_printf(&e->arena, "convert_int%s(convert_uchar%s_sat_rtz(%s))", w, w, x);
        else if (v.dtype == CR_I32)
            text = cr_arena_printf(&e->arena, "%s & 255", x);
        break;
    default:
        text = cr_arena_printf(&e->arena, v.dtype == CR_F32 ? "%s != 0.0f" : "%s != 0", v.text);
        break;
    }
    return cr_emit_define(e, v.scope, "v", (cr_dtype)n->dtype, v.width, text);
}

/* ---- movement ------------------------------------------------------------------------------- */

/* Text of x brought into [0, hi]: what is outside, negative or above, becomes hi. One unsigned
 * minimum where clamp() is two operations. */
static const char *bounded(cr_emit *e, const char *x, int width, int64_t hi)
{
    if (width == 1)
        return cr_arena_printf(&e->arena, "as_int(min(as_uint(%s), %lldu))", x, (long long)hi);
    return cr_arena_printf(&e->arena, "as_int%d(min(as_uint%d(%s), (uint%d)(%lldu)))", width, width,
                           x, width, (long long)hi);
}

/* Is a value the same along an axis, so that nothing would use an index of it? */
static bool is_spread(const cr_emit *e, cr_ref r, int axis)
{
    const cr_node *n = cr_at(e->graph, r);
    if (n->op != CR_OP_expand || !e->inside[r])
        return false;
    const cr_shape *from = cr_shape_of(e->graph, n->src[0]);
    const int k = axis - (cr_shape_of(e->graph, r)->rank - from->rank);
    return k < 0 || from->dim[k] == 1;
}

/* An index of r along an axis as an int variable (a vector of them where lanes differ), inside. */
static cr_ix clamped(cr_emit *e, cr_ix x, cr_ref r, int axis)
{
    const int64_t hi = cr_shape_of(e->graph, r)->dim[axis] - 1;
    if (hi == 0 || is_spread(e, r, axis))
        return cr_ix_const(e->ix, 0);
    if (cr_ix_lo(e->ix, x) >= 0 && cr_ix_hi(e->ix, x) <= hi)
        return x;
    bool lane = cr_ix_has_lane(e->ix, x);
    const char *text = bounded(e, cr_emit_ix(e, x, lane), lane ? e->width : 1, hi);
    cr_val v = cr_emit_define(e, cr_ix_scope(e->ix, x), "c", CR_I32, lane ? e->width : 1, text);
    return cr_ix_var(e->ix, v.text, 0, hi, v.scope, lane, false);
}

/* lo <= x < hi as a bool; text NULL when that always holds. */
static cr_val within(cr_emit *e, cr_ix x, int64_t lo, int64_t hi)
{
    bool lane = cr_ix_has_lane(e->ix, x);
    cr_val none = {.text = NULL, .dtype = CR_BOOL, .width = 1};
    bool low = cr_ix_lo(e->ix, x) < lo, high = cr_ix_hi(e->ix, x) >= hi;
    const char *t = cr_emit_ix(e, x, lane);
    if (!low && !high)
        return none;
    const char *text = low && high ? cr_arena_printf(&e->arena, "(%s >= %lld) & (%s < %lld)", t,
                                                     (long long)lo, t, (long long)hi)
                       : low       ? cr_arena_printf(&e->arena, "%s >= %lld", t, (long long)lo)
                                   : cr_arena_printf(&e->arena, "%s < %lld", t, (long long)hi);
    return cr_emit_define(e, cr_ix_scope(e->ix, x), "b", CR_BOOL, lane ? e->width : 1, text);
}

/* c ? a : b, all at the wider width. */
static cr_val choose(cr_emit *e, cr_val c, cr_val a, cr_val b)
{
    int width = CR_MAX(c.width, CR_MAX(a.width, b.width));
    cr_scope *s = cr_scope_inner(c.scope, cr_scope_inner(a.scope, b.scope));
    if (width > 1) {
        c = cr_emit_widen(e, c);
        a = cr_emit_widen(e, a);
        b = cr_emit_widen(e, b);
    }
    return cr_emit_define(e, s, "v", a.dtype, width,
                          cr_arena_printf(&e->arena, "%s ? %s : %s", c.text, a.text, b.text));
}

static cr_val pad(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    const cr_attr *a = cr_attr_of(e->graph, r);
    const cr_shape *s = cr_shape_of(e->graph, n->src[0]);
    cr_ix from[CR_MAX_RANK] = {0};
    cr_val inside = {.text = NULL, .width = 1};
    for (int i = 0; i < s->rank; i++) {
        cr_ix x = cr_ix_add(e->ix, at[i], cr_ix_const(e->ix, -a->at[i]));
        cr_val in = within(e, x, 0, s->dim[i]);
        from[i] = clamped(e, x, n->src[0], i);
        if (in.text && inside.text) {
            int width = CR_MAX(in.width, inside.width);
            if (width > 1)
                in = cr_emit_widen(e, in), inside = cr_emit_widen(e, inside);
            const char *both = cr_arena_printf(&e->arena, "%s & %s", inside.text, in.text);
            inside = cr_emit_define(e, cr_scope_inner(in.scope, inside.scope), "b", CR_BOOL, width,
                                    both);
        } else if (in.text) {
            inside = in;
        }
    }
    cr_val v = cr_emit_value(e, n->src[0], from);
    if (!inside.text)
        return v;
    int64_t bits = a->at[s->rank];
    cr_val value = {.dtype = (cr_dtype)n->dtype, .width = 1};
    value.text = n->dtype == CR_F32
                     ? cr_arena_printf(&e->arena, "as_float(0x%08xu)", (unsigned)bits)
                     : cr_arena_printf(&e->arena, "(%lld)", (long long)bits);
    return choose(e, inside, v, value);
}

static cr_val concat(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    int axis = (int)cr_attr_of(e->graph, r)->at[0];
    const int64_t first = cr_shape_of(e->graph, n->src[0])->dim[axis];
    cr_ix x[CR_MAX_RANK], y[CR_MAX_RANK];
    memcpy(x, at, sizeof x);
    memcpy(y, at, sizeof y);
    y[axis] = cr_ix_add(e->ix, at[axis], cr_ix_const(e->ix, -first));
    if (cr_ix_hi(e->ix, at[axis]) < first)
        return cr_emit_value(e, n->src[0], x);
    if (cr_ix_lo(e->ix, at[axis]) >= first)
        return cr_emit_value(e, n->src[1], y);
    cr_val is_first = within(e, at[axis], 0, first);
    x[axis] = clamped(e, at[axis], n->src[0], axis);
    y[axis] = clamped(e, y[axis], n->src[1], axis);
    cr_val a = cr_emit_value(e, n->src[0], x), b = cr_emit_value(e, n->src[1], y);
    return choose(e, is_first, a, b);
}

static cr_val moved(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    const cr_shape *from = cr_shape_of(e->graph, n->src[0]), *to = cr_shape_of(e->graph, r);
    const cr_attr *a = cr_attr_of(e->graph, r);
    cr_ix x[CR_MAX_RANK] = {0};
    switch (n->op) {
    case CR_OP_reshape: cr_emit_delinear(e, from, cr_emit_linear(e, to, at), x); break;
    case CR_OP_permute:
        for (int i = 0; i < to->rank; i++)
            x[a->at[i]] = at[i];
        break;
    case CR_OP_expand:
        for (int i = 0; i < from->rank; i++)
            x[i] = from->dim[i] == 1 ? cr_ix_const(e->ix, 0) : at[to->rank - from->rank + i];
        break;
    case CR_OP_slice:
        for (int i = 0; i < to->rank; i++)
            x[i] = cr_ix_add(e->ix, at[i], cr_ix_const(e->ix, a->at[i]));
        break;
    case CR_OP_window:
        memcpy(x, at, (size_t)from->rank * sizeof *x);
        x[a->at[0]] = cr_ix_add(e->ix, cr_ix_mul(e->ix, at[a->at[0]], a->at[2]),
                                cr_ix_mul(e->ix, at[from->rank], a->at[3]));
        break;
    case CR_OP_flip:
        for (int i = 0; i < to->rank; i++)
            x[i] = a->at[0] >> i & 1 ? cr_ix_add(e->ix, cr_ix_const(e->ix, to->dim[i] - 1),
                                                 cr_ix_mul(e->ix, at[i], -1))
                                     : at[i];
        break;
    case CR_OP_pad: return pad(e, r, at);
    default: return concat(e, r, at);
    }
    return cr_emit_value(e, n->src[0], x);
}

/* Whatever the index says. */
cr_ix cr_emit_row(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    const int64_t last = cr_shape_of(e->graph, n->src[0])->dim[0] - 1;
    const int rank = cr_shape_of(e->graph, n->src[1])->rank;
    const cr_ref key = r | 1u << 31; /* the clamped row number is remembered beside the value */
    cr_val row;
    if (!cr_emit_recall(e, key, at, rank, &row)) {
        cr_val k = cr_emit_value(e, n->src[1], at);
        row = cr_emit_define(e, k.scope, "r", CR_I32, k.width, bounded(e, k.text, k.width, last));
        cr_emit_remember(e, key, at, rank, row);
    }
    return cr_ix_var(e->ix, row.text, 0, last, row.scope, row.width > 1, false);
}

static cr_val gather(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    const cr_shape *table = cr_shape_of(e->graph, n->src[0]),
                   *index = cr_shape_of(e->graph, n->src[1]);
    cr_ix x[CR_MAX_RANK];
    x[0] = table->dim[0] == 1 ? cr_ix_const(e->ix, 0) : cr_emit_row(e, r, at);
    for (int i = 1; i < table->rank; i++)
        x[i] = at[index->rank + i - 1];
    return cr_emit_value(e, n->src[0], x);
}

static cr_val iota(cr_emit *e, cr_ref r, const cr_ix *at)
{
    cr_ix x = at[cr_attr_of(e->graph, r)->at[0]];
    bool lane = cr_ix_has_lane(e->ix, x);
    return cr_emit_define(e, cr_ix_scope(e->ix, x), "v", CR_I32, lane ? e->width : 1,
                          cr_emit_ix(e, x, lane));
}

static cr_val random_uniform(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    cr_val seed = cr_emit_value(e, n->src[0], at), step = cr_emit_value(e, n->src[1], at);
    cr_ix x = cr_emit_linear(e, cr_shape_of(e->graph, r), at);
    cr_scope *s = cr_scope_inner(cr_ix_scope(e->ix, x), cr_scope_inner(seed.scope, step.scope));
    const int width = cr_ix_has_lane(e->ix, x) ? e->width : 1;
    char w[12] = "";
    if (width > 1)
        snprintf(w, sizeof w, "%d", width);
    e->random |= 1u << log2_of(width);
    return cr_emit_define(e, s, "v", CR_F32, width,
                          cr_arena_printf(&e->arena, "cr_random%s(%s, %lldu, %s, %s)", w, seed.text,
                                          (long long)cr_attr_of(e->graph, r)->at[0], step.text,
                                          cr_emit_ix(e, x, width > 1)));
}

/* ---- loops ---------------------------------------------------------------------------------- */

static cr_scope *scope_of(cr_emit *e, const cr_ix *at, int rank)
{
    cr_scope *s = e->floor ? e->floor : e->root;
    for (int i = 0; i < rank; i++)
        s = cr_scope_inner(s, cr_ix_scope(e->ix, at[i]));
    return s;
}

static bool any_lane(cr_emit *e, const cr_ix *at, int rank)
{
    for (int i = 0; i < rank; i++)
        if (cr_ix_has_lane(e->ix, at[i]))
            return true;
    return false;
}

static cr_ix loop_open(cr_emit *e, int64_t n, const char **name)
{
    *name = NULL;
    if (n == 1)
        return cr_ix_const(e->ix, 0);
    *name = cr_emit_name(e, "i");
    cr_scope *s = cr_emit_open(e);
    return cr_ix_var(e->ix, *name, 0, n - 1, s, false, false);
}

static void loop_close(cr_emit *e, int64_t n, const char *name)
{
    if (!name)
        return;
    cr_emit_close(e, cr_arena_printf(&e->arena, "for (int %s = 0; %s < %lld; %s++) {", name, name,
                                     (long long)n, name));
}

static const char *lowest(cr_dtype dtype)
{
    return dtype == CR_F32 ? "-INFINITY" : "(-2147483647 - 1)";
}

/* Text of a reduction's combine, a row's expression of a (the accumulator) and x. A sum of scalars
 * is written as fma(1, x, a), which is x + a to the bit: Intel's compiler for CPUs adds up a loop
 * over `a + x` in several parts, against the order that OpenCL C asks for. */
static const char *combine(cr_emit *e, cr_op op, cr_dtype dtype, int width, const char *a,
                           const char *x)
{
    if (op == CR_OP_sum && dtype == CR_F32 && width == 1)
        return cr_arena_printf(&e->arena, "fma(1.0f, %s, %s)", x, a);
    if (op == CR_OP_sum)
        return cr_arena_printf(&e->arena, "%s + %s", a, x);
    if (dtype != CR_F32)
        return cr_arena_printf(&e->arena, "(%s > %s) ? %s : %s", x, a, x, a);
    return cr_arena_printf(&e->arena, "((%s > %s) | (%s != %s)) ? %s : %s", x, a, x, x, x, a);
}

/* Row-major number of an element over the reduced axes. */
static cr_ix position(cr_emit *e, const cr_shape *s, uint32_t axes, const cr_ix *at)
{
    cr_ix x = cr_ix_const(e->ix, 0);
    int64_t stride = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        if (!(axes >> i & 1))
            continue;
        x = cr_ix_add(e->ix, x, cr_ix_mul(e->ix, at[i], stride));
        stride *= s->dim[i];
    }
    return x;
}

static void reduce_step(cr_emit *e, cr_ref r, const cr_ix *at, const char *acc, const char *best,
                        int width)
{
    const cr_node *n = cr_at(e->graph, r);
    uint32_t axes = (uint32_t)cr_attr_of(e->graph, r)->at[0];
    cr_val x = cr_emit_value(e, n->src[0], at);
    if (width > 1)
        x = cr_emit_widen(e, x);
    if (n->op != CR_OP_argmax) {
        cr_emit_line(e, e->now, "%s = %s;", acc,
                     combine(e, (cr_op)n->op, (cr_dtype)n->dtype, width, acc, x.text));
        return;
    }
    /* NaN wins once and stays; else the first of the largest */
    const char *wins = cr_emit_name(e, "b"), *type = cr_emit_type(e, CR_I32, width);
    const char *where =
        cr_emit_ix(e, position(e, cr_shape_of(e->graph, n->src[0]), axes, at), false);
    if (x.dtype == CR_F32)
        cr_emit_line(e, e->now, "const %s %s = ((%s > %s) | (%s != %s)) & (%s == %s);", type, wins,
                     x.text, best, x.text, x.text, best, best);
    else
        cr_emit_line(e, e->now, "const %s %s = %s > %s;", type, wins, x.text, best);
    cr_emit_line(e, e->now, "%s = %s ? (%s)(%s) : %s;", acc, wins, type, where, acc);
    cr_emit_line(e, e->now, "%s = %s ? %s : %s;", best, wins, x.text, best);
}

enum { MOST_AHEAD = 4 };

struct sums {
    const char *acc, *best;
};

static struct sums begin_sums(cr_emit *e, cr_ref r, int width)
{
    const cr_node *n = cr_at(e->graph, r);
    const cr_dtype from = (cr_dtype)cr_at(e->graph, n->src[0])->dtype, dtype = (cr_dtype)n->dtype;
    const char *type = cr_emit_type(e, dtype, width);
    const char *start = n->op == CR_OP_amax ? lowest(dtype) : dtype == CR_F32 ? "0.0f" : "0";
    struct sums s = {cr_emit_name(e, "a"), NULL};
    cr_emit_line(e, e->now, "%s %s = (%s)(%s);", type, s.acc, type, start);
    if (n->op == CR_OP_argmax) {
        s.best = cr_emit_name(e, "a");
        const char *best_type = cr_emit_type(e, from, width);
        cr_emit_line(e, e->now, "%s %s = (%s)(%s);", best_type, s.best, best_type, lowest(from));
    }
    return s;
}

/* The axis that the lanes run along, when neighbours are to be made at once and all of them are
 * elements of it; else -1. */
static int ahead_axis(const cr_emit *e, const cr_shape *s, const cr_ix *at)
{
    for (int i = 0; i < s->rank && e->ahead > 1; i++)
        if (at[i] == e->lane && s->dim[i] == (int64_t)e->ahead * e->width)
            return i;
    return -1;
}

/* All loops inside one another, and in the innermost a step for each of `count` neighbouring
 * vectors: what is computed of the loops' indices is computed once for all. */
static cr_val reduction(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    const cr_shape *s = cr_shape_of(e->graph, n->src[0]);
    uint32_t axes = (uint32_t)cr_attr_of(e->graph, r)->at[0];
    int width = any_lane(e, at, s->rank) ? e->width : 1, axis = ahead_axis(e, s, at);
    int count = axis >= 0 ? CR_MIN(e->ahead, MOST_AHEAD) : 1;
    cr_scope *home = scope_of(e, at, s->rank), *keep = e->now;
    const char *name[CR_MAX_RANK];
    struct sums sums[MOST_AHEAD];
    e->now = home;
    for (int v = 0; v < count; v++)
        sums[v] = begin_sums(e, r, width);
    cr_ix x[CR_MAX_RANK], y[CR_MAX_RANK];
    for (int i = 0; i < s->rank; i++) {
        name[i] = NULL;
        x[i] = axes >> i & 1 ? loop_open(e, s->dim[i], &name[i]) : at[i];
    }
    for (int v = 0; v < count; v++) {
        if (v)
            x[axis] = cr_ix_add(e->ix, at[axis], cr_ix_const(e->ix, (int64_t)v * e->width));
        reduce_step(e, r, x, sums[v].acc, sums[v].best, width);
    }
    for (int i = s->rank - 1; i >= 0; i--)
        loop_close(e, s->dim[i], name[i]);
    e->now = keep;
    memcpy(y, at, (size_t)s->rank * sizeof *y);
    for (int v = 1; v < count; v++) {
        y[axis] = cr_ix_add(e->ix, at[axis], cr_ix_const(e->ix, (int64_t)v * e->width));
        cr_emit_remember(e, r, y, s->rank, (cr_val){sums[v].acc, (cr_dtype)n->dtype, width, home});
    }
    return (cr_val){sums[0].acc, (cr_dtype)n->dtype, width, home};
}

/* A contraction without tiles: one loop over the inner index. */
static cr_val dot(cr_emit *e, cr_ref r, const cr_ix *at)
{
    /* of a tiled one, every element that is asked for is bound: else the index was not recognised
     */
    CR_ASSERT(e->phase->anchor != r || e->phase->schedule.reg_m == 0);
    const cr_node *n = cr_at(e->graph, r);
    const cr_shape *s = cr_shape_of(e->graph, r);
    int rank = s->rank, width = any_lane(e, at, rank) ? e->width : 1;
    int64_t depth = cr_shape_of(e->graph, n->src[0])->dim[rank - 1];
    cr_scope *home = scope_of(e, at, rank), *keep = e->now;
    const char *acc = cr_emit_name(e, "a"), *type = cr_emit_type(e, CR_F32, width), *name;
    e->now = home;
    cr_emit_line(e, home, "%s %s = (%s)(0.0f);", type, acc, type);
    cr_ix k = loop_open(e, depth, &name), x[CR_MAX_RANK], y[CR_MAX_RANK];
    memcpy(x, at, sizeof x);
    memcpy(y, at, sizeof y);
    x[rank - 1] = k;
    y[rank - 2] = k;
    cr_val a = cr_emit_value(e, n->src[0], x), b = cr_emit_value(e, n->src[1], y);
    if (width > 1)
        a = cr_emit_widen(e, a), b = cr_emit_widen(e, b);
    cr_emit_line(e, e->now, "%s = fma(%s, %s, %s);", acc, a.text, b.text, acc);
    loop_close(e, depth, name);
    e->now = keep;
    return (cr_val){acc, CR_F32, width, home};
}

/* ---- dispatch ------------------------------------------------------------------------------- */

static cr_val compute(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_node *n = cr_at(e->graph, r);
    switch (cr_kind_of(n)) {
    case CR_KIND_EW: return elementwise(e, r, at);
    case CR_KIND_RED: return reduction(e, r, at);
    case CR_KIND_MOV: return moved(e, r, at);
    default: break;
    }
    switch (n->op) {
    case CR_OP_CONST: return constant(e, r);
    case CR_OP_cast: return cast(e, r, at);
    case CR_OP_gather: return gather(e, r, at);
    case CR_OP_iota: return iota(e, r, at);
    case CR_OP_random: return random_uniform(e, r, at);
    case CR_OP_matmul: return dot(e, r, at);
    default: CR_ASSERT(!"an op without code");
    }
    return (cr_val){0};
}

cr_val cr_emit_value(cr_emit *e, cr_ref r, const cr_ix *at)
{
    int rank = cr_shape_of(e->graph, r)->rank;
    cr_val v;
    if (cr_emit_recall(e, r, at, rank, &v))
        return v;
    v = e->inside[r] ? compute(e, r, at) : cr_emit_load(e, r, at);
    cr_emit_remember(e, r, at, rank, v);
    return v;
}
