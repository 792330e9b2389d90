/* conv.c - convolution: its builder, its gradients, and what it comes down to.
 *
 * The op itself is there to be read, and for its gradients; before anything is planned it is
 * written out as a contraction over a view (cr_conv_expand), which the other passes know nothing
 * special of:
 *
 *     x [n, s, c] --pad--window--> patches [n, o, k, c] --reshape--> [n o, k c]
 *     w [k, c, f] --reshape--> [k c, f]
 *     their matmul: [n o, f]
 *
 * The gradient by w is the same contraction with the patches transposed. The gradient by x is a
 * convolution of g with the kernel turned around; where the stride s is above 1, each of the s
 * places that x's elements have between two steps is such a convolution with every s-th element of
 * the kernel (V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
 * chapter 4, has the zeros that this leaves out). All of them gather; nothing is scattered. */
#include "conv.h"

#include "crisol/ops.h"

enum { MAX_SPATIAL = 2 };

/* A convolution, taken apart. */
struct conv {
    cr_loc at;
    cr_graph *g;
    int spatial;
    int64_t groups, stride[MAX_SPATIAL], dilation[MAX_SPATIAL], before[MAX_SPATIAL],
        after[MAX_SPATIAL];
    cr_shape x, w, y;
};

static struct conv take_apart(cr_loc at, cr_graph *g, const cr_shape *x, const cr_shape *w,
                              const cr_shape *y, const int64_t *attr)
{
    struct conv c = {
        .at = at, .g = g, .spatial = x->rank - 2, .groups = attr[0], .x = *x, .w = *w, .y = *y};
    for (int i = 0; i < c.spatial; i++) {
        c.stride[i] = attr[1 + i];
        c.dilation[i] = attr[1 + c.spatial + i];
        c.before[i] = attr[1 + 2 * c.spatial + i];
        c.after[i] = attr[1 + 3 * c.spatial + i];
    }
    return c;
}

static int64_t channels(const struct conv *c)
{
    return c->x.dim[c->x.rank - 1];
}
static int64_t results(const struct conv *c)
{
    return c->w.dim[c->w.rank - 1];
}
/* One channel of x a group: a sum of products rather than many contractions of depth k. */
static bool is_depthwise(const struct conv *c)
{
    return c->groups > 1 && c->groups == channels(c);
}

/* ---- the builder ----------------------------------------------------------------------------- */

/* A size for each spatial axis, or `rest` for all of them. */
static bool fill(const cr_shape *given, int spatial, int64_t rest, int64_t *out)
{
    if (given->rank != 0 && given->rank != spatial)
        return false;
    for (int i = 0; i < spatial; i++)
        out[i] = given->rank ? given->dim[i] : rest;
    return true;
}

cr_value cr_conv_at(cr_loc at, cr_value x, cr_value w, cr_slide slide)
{
    const cr_value arg[2] = {x, w};
    if (!cr_usable(at, "conv", arg, 2))
        return (cr_value){x.graph, 0};
    int spatial = cr_value_shape(x).rank - 2;
    spatial = CR_MAX(1, CR_MIN(spatial, MAX_SPATIAL)); /* another rank is told of below */
    int64_t attr[1 + 4 * MAX_SPATIAL] = {slide.groups ? slide.groups : 1};
    uint32_t n = 1 + 4 * (uint32_t)spatial;
    if (!fill(&slide.stride, spatial, 1, attr + 1) ||
        !fill(&slide.dilation, spatial, 1, attr + 1 + spatial) ||
        !fill(&slide.before, spatial, 0, attr + 1 + 2 * spatial) ||
        !fill(&slide.after, spatial, 0, attr + 1 + 3 * spatial))
        n = 0;
    return cr_build_node(at, CR_OP_conv, arg, 2, attr, n);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static cr_value reshape(const struct conv *c, cr_value v, cr_shape to)
{
    return cr_reshape_at(c->at, v, to);
}

static void append(cr_shape *s, int64_t d)
{
    s->dim[s->rank++] = d;
}

static cr_dim batch(const struct conv *c)
{
    return c->x.dim[0];
}

/* Places of the kernel in a sample, and over all samples; elements of a kernel for one channel. */
static int64_t sites(const struct conv *c)
{
    int64_t n = 1;
    for (int i = 0; i < c->spatial; i++)
        n *= c->y.dim[1 + i];
    return n;
}
static cr_dim places(const struct conv *c)
{
    return (cr_dim)cr_dim_symbol(batch(c)) << CR_DIM_SHIFT | cr_dim_factor(batch(c)) * sites(c);
}
static int64_t taps(const struct conv *c)
{
    int64_t n = 1;
    for (int i = 0; i < c->spatial; i++)
        n *= c->w.dim[i];
    return n;
}

/* x [n, s..., c] as [n, o..., k..., c]: what each place of the kernel sees. */
static cr_value patches(const struct conv *c, cr_value x)
{
    cr_shape before = {.rank = c->x.rank}, after = before, order = {0};
    for (int i = 0; i < c->spatial; i++)
        before.dim[1 + i] = c->before[i], after.dim[1 + i] = c->after[i];
    x = cr_pad_at(c->at, x, before, after, 0);
    for (int i = 0; i < c->spatial; i++)
        x = cr_window_at(c->at, x, 1 + i, c->w.dim[i], c->stride[i], c->dilation[i]);
    for (int i = 0; i <= c->spatial; i++)
        append(&order, i);
    for (int i = 0; i < c->spatial; i++)
        append(&order, 2 + c->spatial + i);
    append(&order, 1 + c->spatial);
    return cr_permute_at(c->at, x, order);
}

/* v, whose last axis has the channels of all groups, with a leading axis of groups:
 * [a, g c] -> [g, a, c], the other axes being one. */
static cr_value group_rows(const struct conv *c, cr_value v, cr_dim rows, int64_t columns)
{
    if (c->groups == 1)
        return reshape(c, v, CR_SHAPE(rows, columns));
    v = reshape(c, v, CR_SHAPE(rows, c->groups, columns / c->groups));
    return cr_permute_at(c->at, v, CR_SHAPE(1, 0, 2));
}

/* The patches as a matrix: [n o, k c], or [g, n o, k c/g]. */
static cr_value patch_matrix(const struct conv *c, cr_value x)
{
    cr_value p = patches(c, x);
    const int64_t part = channels(c) / c->groups;
    if (c->groups == 1)
        return reshape(c, p, CR_SHAPE(places(c), taps(c) * part));
    p = reshape(c, p, CR_SHAPE(places(c), taps(c), c->groups, part));
    p = cr_permute_at(c->at, p, CR_SHAPE(2, 0, 1, 3));
    return reshape(c, p, CR_SHAPE(c->groups, places(c), taps(c) * part));
}

/* ---- depthwise ------------------------------------------------------------------------------- */

/* [n o, k, c, f/c]: x once for each of its channel's results. */
static cr_value depth_patches(const struct conv *c, cr_value x, int64_t each)
{
    cr_value p = patches(c, x);
    if (each == 1)
        return reshape(c, p, CR_SHAPE(places(c), taps(c), c->groups));
    p = reshape(c, p, CR_SHAPE(places(c), taps(c), c->groups, 1));
    p = cr_expand_at(c->at, p, CR_SHAPE(places(c), taps(c), c->groups, each));
    return reshape(c, p, CR_SHAPE(places(c), taps(c), results(c)));
}

static cr_value depth_forward(const struct conv *c, cr_value x, cr_value w)
{
    cr_value p = depth_patches(c, x, results(c) / c->groups);
    cr_value k = reshape(c, w, CR_SHAPE(1, taps(c), results(c)));
    return reshape(c, cr_sum_at(c->at, cr_mul_at(c->at, p, k), CR_AXIS(1)), c->y);
}

static cr_value depth_by_w(const struct conv *c, cr_value x, cr_value g)
{
    const cr_value p = reshape(c, depth_patches(c, x, results(c) / c->groups),
                               CR_SHAPE(batch(c), sites(c), taps(c), results(c)));
    const cr_value r = reshape(c, g, CR_SHAPE(batch(c), sites(c), 1, results(c)));
    return reshape(c, cr_sum_at(c->at, cr_mul_at(c->at, p, r), CR_AXIS(0) | CR_AXIS(1)), c->w);
}

/* ---- what it comes down to ------------------------------------------------------------------- */

static cr_value forward(const struct conv *c, cr_value x, cr_value w)
{
    if (is_depthwise(c))
        return depth_forward(c, x, w);
    cr_value p = patch_matrix(c, x);
    cr_value k = group_rows(c, w, taps(c) * channels(c) / c->groups, results(c));
    /* not cr_matmul, which may cut its depth: the op is one chain */
    const cr_value arg[2] = {p, k};
    cr_value y = cr_build_node(c->at, CR_OP_matmul, arg, 2, NULL, 0);
    if (c->groups > 1)
        y = cr_permute_at(c->at, y, CR_SHAPE(1, 0, 2));
    return reshape(c, y, c->y);
}

cr_value cr_conv_expand(cr_loc at, cr_value x, cr_value w, const cr_shape *y, const int64_t *attr)
{
    const struct conv c =
        take_apart(at, x.graph, cr_shape_of(x.graph, x.ref), cr_shape_of(w.graph, w.ref), y, attr);
    return forward(&c, x, w);
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* A small kernel's gradient is a sum over so many places, for so few elements, that it is made for
 * each sample and then added up: one chain of additions cannot be shared out. */
static bool sums_by_sample(const struct conv *c)
{
    enum { FEW = 4096, LONG = 64 };
    return c->groups == 1 && sites(c) >= LONG && taps(c) * channels(c) * results(c) <= FEW;
}

static cr_value by_w(const struct conv *c, cr_value x, cr_value g)
{
    if (is_depthwise(c))
        return depth_by_w(c, x, g);
    if (sums_by_sample(c)) {
        const cr_value p =
            reshape(c, patches(c, x), CR_SHAPE(batch(c), sites(c), taps(c) * channels(c)));
        const cr_value r = reshape(c, g, CR_SHAPE(batch(c), sites(c), results(c)));
        const cr_value each = cr_matmul_ex_at(c->at, p, true, r, false);
        return reshape(c, cr_sum_at(c->at, each, CR_AXIS(0)), c->w);
    }
    cr_value r = group_rows(c, g, places(c), results(c));
    cr_value v = cr_matmul_ex_at(c->at, patch_matrix(c, x), true, r, false);
    if (c->groups > 1)
        v = cr_permute_at(c->at, v, CR_SHAPE(1, 0, 2));
    return reshape(c, v, c->w);
}

/* One axis of the gradient by x. An element p of x, with p + before = q * stride + r, has met the
 * taps t with t * dilation = r modulo stride: t = first + j * step, at the places
 * q - (first * dilation - r) / stride - j * (step * dilation / stride). */
struct phase {
    int64_t r, first, step, count; /* count 0: no tap */
    int64_t dilation, before, after;
};

static int64_t gcd(int64_t a, int64_t b)
{
    return b ? gcd(b, a % b) : a;
}

static struct phase phase_of(const struct conv *c, int axis, int64_t r, int64_t q)
{
    const int64_t s = c->stride[axis], d = c->dilation[axis], k = c->w.dim[axis];
    struct phase p = {.r = r, .step = s / gcd(s, d)};
    while (p.first < k && p.first * d % s != r)
        if (++p.first == p.step)
            return p;
    if (p.first >= k)
        return p;
    p.count = (k - p.first - 1) / p.step + 1;
    p.dilation = p.step * d / s;
    p.before = (p.count - 1) * p.dilation + (p.first * d - r) / s;
    p.after = q - c->y.dim[1 + axis] - p.before + (p.count - 1) * p.dilation;
    return p;
}

/* How many q there are, the same for each phase. */
static int64_t steps(const struct conv *c, int axis)
{
    return (c->x.dim[1 + axis] + c->before[axis] - 1) / c->stride[axis] + 1;
}

/* Every p.step-th tap of w from p.first, in the opposite order. */
static cr_value turned(const struct conv *c, cr_value w, int axis, const struct phase *p)
{
    cr_shape begin = {.rank = c->w.rank}, size = cr_value_shape(w);
    begin.dim[axis] = p->first;
    size.dim[axis] -= p->first;
    w = cr_slice_at(c->at, w, begin, size);
    if (p->step > 1) {
        size.dim[axis] = p->count;
        w = reshape(c, cr_window_at(c->at, w, axis, 1, p->step, 1), size);
    }
    return cr_flip_at(c->at, w, CR_AXIS(axis));
}

/* w [k..., c/g, g f/g] as [k..., f/g, g c/g]: for the way back. */
static cr_value exchanged(const struct conv *c, cr_value w)
{
    const int64_t part = channels(c) / c->groups, each = results(c) / c->groups;
    cr_shape s = cr_value_shape(w), order = {0};
    const int k = c->spatial;
    s.dim[k] = part, s.dim[k + 1] = c->groups;
    append(&s, each);
    w = reshape(c, w, s);
    for (int i = 0; i < k; i++)
        append(&order, i);
    append(&order, k + 2), append(&order, k + 1), append(&order, k);
    w = cr_permute_at(c->at, w, order);
    s = cr_value_shape(w);
    s.rank = k + 2;
    s.dim[k + 1] = channels(c);
    return reshape(c, w, s);
}

/* The elements of x's gradient at one phase of each axis. */
static cr_value at_phase(const struct conv *c, cr_value g, cr_value w, const struct phase *p)
{
    cr_slide slide = {.groups = c->groups};
    cr_shape size = c->y, begin = {.rank = size.rank}, out = c->x;
    bool any = true, crop = false;
    slide.dilation.rank = slide.before.rank = slide.after.rank = c->spatial;
    for (int i = 0; i < c->spatial; i++) {
        any &= p[i].count > 0;
        out.dim[1 + i] = steps(c, i);
        slide.dilation.dim[i] = p[i].dilation;
        slide.before.dim[i] = p[i].before;
        slide.after.dim[i] = CR_MAX(p[i].after, 0);
        size.dim[1 + i] += CR_MIN(p[i].after, 0); /* places that are beyond x */
        crop |= p[i].after < 0;
    }
    if (!any)
        return cr_expand_at(c->at, cr_f32(c->g, 0), out);
    for (int i = 0; i < c->spatial; i++)
        w = turned(c, w, i, &p[i]);
    if (crop)
        g = cr_slice_at(c->at, g, begin, size);
    return cr_conv_at(c->at, g, exchanged(c, w), slide);
}

/* The phases of one axis and those inside it, side by side: [n, q..., 1, c] for each, put together
 * along the axis after q. */
static cr_value interleave(const struct conv *c, cr_value g, cr_value w, struct phase *p, int axis)
{
    if (axis == c->spatial)
        return at_phase(c, g, w, p);
    const int64_t s = c->stride[axis], q = steps(c, axis);
    cr_value all = {c->g, 0};
    cr_shape apart = {0}, together = {0};
    for (int64_t r = 0; r < s; r++) {
        p[axis] = phase_of(c, axis, r, q);
        cr_value one = interleave(c, g, w, p, axis + 1);
        if (s == 1 || cr_is_poison(one))
            return one;
        if (r == 0) {
            const cr_shape is = cr_value_shape(one);
            for (int i = 0; i < is.rank; i++) {
                append(&apart, is.dim[i]);
                append(&together, is.dim[i] * (i == 1 + axis ? s : 1));
                if (i == 1 + axis)
                    append(&apart, 1);
            }
        }
        one = reshape(c, one, apart);
        all = r == 0 ? one : cr_concat_at(c->at, all, one, axis + 2);
    }
    return reshape(c, all, together);
}

static cr_value by_x(const struct conv *c, cr_value g, cr_value w)
{
    struct phase p[MAX_SPATIAL];
    cr_value v = interleave(c, g, w, p, 0);
    cr_shape begin = {.rank = c->x.rank};
    if (cr_is_poison(v))
        return v;
    for (int i = 0; i < c->spatial; i++)
        begin.dim[1 + i] = c->before[i];
    return cr_slice_at(c->at, v, begin, c->x);
}

cr_value cr_conv_by_x(cr_loc at, cr_value g, cr_value w, const cr_shape *x, const int64_t *attr)
{
    struct conv c =
        take_apart(at, g.graph, x, cr_shape_of(w.graph, w.ref), cr_shape_of(g.graph, g.ref), attr);
    for (int i = 0; i < c.spatial; i++)
        if (c.y.dim[1 + i] == 1)
            c.stride[i] = 1; /* from the only place no step is made, and strides may be huge */
    return by_x(&c, g, w);
}

cr_value cr_conv_by_w(cr_loc at, cr_value g, cr_value x, const cr_shape *w, const int64_t *attr)
{
    const struct conv c =
        take_apart(at, g.graph, cr_shape_of(x.graph, x.ref), w, cr_shape_of(g.graph, g.ref), attr);
    return by_w(&c, x, g);
}
