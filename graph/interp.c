/* interp.c - the reference interpreter: every op in its plainest form, node by node, on the host.
 * What it computes, to the bit, is what kernels must compute. */
#include "elementary.h"
#include "ir.h"

/* ---- elementwise loops ------------------------------------------------------------------------
 * A row of ops.def gives a loop for each type of operand that reaches it. i32 is computed in 64
 * bits and wrapped, so that no sum or product of two overflows. */

typedef void (*loop)(int64_t n, void *out, const void *xs, const void *ys, const void *zs);

#define LOOP_1(fn, L, W, R, expression)                                                            \
    static void fn(int64_t n, void *out, const void *xs, const void *ys, const void *zs)           \
    {                                                                                              \
        typedef W T;                                                                               \
        (void)ys, (void)zs;                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T x = ((const L *)xs)[i];                                                              \
            ((R *)out)[i] = (R)(expression);                                                       \
        }                                                                                          \
    }
#define LOOP_2(fn, L, W, R, expression)                                                            \
    static void fn(int64_t n, void *out, const void *xs, const void *ys, const void *zs)           \
    {                                                                                              \
        typedef W T;                                                                               \
        (void)zs;                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T x = ((const L *)xs)[i], y = ((const L *)ys)[i];                                      \
            ((R *)out)[i] = (R)(expression);                                                       \
        }                                                                                          \
    }
#define LOOP_3(fn, L, W, R, expression)                                                            \
    static void fn(int64_t n, void *out, const void *xs, const void *ys, const void *zs)           \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            uint8_t x = ((const uint8_t *)xs)[i];                                                  \
            W y = ((const L *)ys)[i], z = ((const L *)zs)[i];                                      \
            ((R *)out)[i] = (R)(expression);                                                       \
        }                                                                                          \
    }

/* clang-format off */
#define LOOPS_F(name, n, e) LOOP_##n(name##_f32, float, float, float, e)
#define LOOPS_I(name, n, e) LOOP_##n(name##_i32, int32_t, int64_t, int32_t, e)
#define LOOPS_B(name, n, e) LOOP_##n(name##_u8, uint8_t, int, uint8_t, e)
#define LOOPS_N(name, n, e) LOOPS_F(name, n, e) LOOPS_I(name, n, e)
#define LOOPS_S(name, n, e) LOOPS_N(name, n, e) LOOPS_B(name, n, e)
#define LOOPS_C(name, n, e)                                                                        \
    LOOP_##n(name##_f32, float, float, uint8_t, e)                                                 \
    LOOP_##n(name##_i32, int32_t, int64_t, uint8_t, e)                                             \
    LOOP_##n(name##_u8, uint8_t, int, uint8_t, e)
#define CR_EW(name, arity, types, expression, ...) LOOPS_##types(name, arity, expression)
#include "ops.def"

#define TABLE_F(name) { .f32 = name##_f32 },
#define TABLE_I(name) { .i32 = name##_i32 },
#define TABLE_B(name) { .u8 = name##_u8 },
#define TABLE_N(name) { .f32 = name##_f32, .i32 = name##_i32 },
#define TABLE_S(name) { .f32 = name##_f32, .i32 = name##_i32, .u8 = name##_u8 },
#define TABLE_C(name) TABLE_S(name)
/* clang-format on */
static const struct {
    loop f32, i32, u8;
} elementwise[CR_OP_COUNT] = {
#define CR_EW(name, arity, types, ...) [CR_OP_##name] = TABLE_##types(name)
#include "ops.def"
};

static loop elementwise_loop(cr_op op, cr_dtype operand)
{
    loop f = operand == CR_F32   ? elementwise[op].f32
             : operand == CR_I32 ? elementwise[op].i32
                                 : elementwise[op].u8;
    CR_ASSERT(f);
    return f;
}

/* ---- scalars --------------------------------------------------------------------------------- */

typedef union scalar {
    float f32;
    int32_t i32;
    uint8_t u8;
} scalar;

static scalar scalar_from(cr_dtype dtype, double v)
{
    scalar s = {0};
    switch (dtype) {
    case CR_F32: s.f32 = (float)v; break;
    case CR_I32: s.i32 = (int32_t)v; break;
    default: s.u8 = (uint8_t)v; break;
    }
    return s;
}

static double scalar_value(cr_dtype dtype, scalar s)
{
    return dtype == CR_F32 ? (double)s.f32 : dtype == CR_I32 ? s.i32 : s.u8;
}

double cr_eval_scalar(cr_op op, cr_dtype operand, const double *x)
{
    scalar in[3] = {{0}}, out = {0};
    int types = cr_ops[op].types;
    CR_ASSERT(cr_ops[op].kind == CR_KIND_EW);
    for (int i = 0; i < cr_ops[op].arity; i++)
        in[i] = scalar_from(types == CR_TYPES_S && i == 0 ? CR_BOOL : operand, x[i]);
    elementwise_loop(op, operand)(1, &out, &in[0], &in[1], &in[2]);
    return scalar_value(types == CR_TYPES_C ? CR_BOOL : operand, out);
}

/* ---- reduction loops --------------------------------------------------------------------------
 * Folds a run of n elements of x into accumulators that are `step` apart: 0 where the run's axis is
 * reduced, else 1. */

typedef void (*fold)(int64_t n, const void *xs, void *acc, int64_t step);

#define FOLD(fn, E, W, lowest, initial, combine)                                                   \
    static void fn(int64_t n, const void *xs, void *acc, int64_t step)                             \
    {                                                                                              \
        typedef W T;                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T x = ((const E *)xs)[i], a = ((E *)acc)[i * step];                                    \
            ((E *)acc)[i * step] = (E)(combine);                                                   \
        }                                                                                          \
    }                                                                                              \
    static void fn##_start(int64_t n, const void *xs, void *acc, int64_t step)                     \
    {                                                                                              \
        typedef W T;                                                                               \
        const T LOWEST = lowest;                                                                   \
        (void)xs, (void)step, (void)LOWEST;                                                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            ((E *)acc)[i] = (E)(initial);                                                          \
    }
#define FOLDS_N(name, initial, combine)                                                            \
    FOLD(name##_f32, float, float, -INFINITY, initial, combine)                                    \
    FOLD(name##_i32, int32_t, int64_t, INT32_MIN, initial, combine)
#define FOLDS_A(name, initial, combine) /* argmax, below */
#define CR_RED(name, identity, combine, types, ...) FOLDS_##types(name, identity, combine)
#include "ops.def"

#define FOLD_TABLE_N(name)                                                                         \
    [CR_OP_##name] = {name##_f32_start, name##_f32, name##_i32_start, name##_i32},
#define FOLD_TABLE_A(name)
static const struct {
    fold start_f32, f32, start_i32, i32;
} folds[CR_OP_COUNT] = {
#define CR_RED(name, identity, combine, types, ...) FOLD_TABLE_##types(name)
#include "ops.def"
};

/* ---- arrays and walks ----------------------------------------------------------------------- */

typedef struct array {
    char *at;
    int rank;
    int64_t dim[CR_MAX_RANK], count;
    cr_dtype dtype;
    size_t elem;
} array;

/* Visits a box of indices in row-major order and carries along two offsets, in elements. */
typedef struct walk {
    int rank;
    int64_t count[CR_MAX_RANK], step[2][CR_MAX_RANK];
    int64_t index[CR_MAX_RANK], at[2];
} walk;

static bool walk_next(walk *w)
{
    for (int i = w->rank; i-- > 0;) {
        w->at[0] += w->step[0][i];
        w->at[1] += w->step[1][i];
        if (++w->index[i] < w->count[i])
            return true;
        w->at[0] -= w->count[i] * w->step[0][i];
        w->at[1] -= w->count[i] * w->step[1][i];
        w->index[i] = 0;
    }
    return false;
}

static void walk_axis(walk *w, int64_t count, int64_t step0, int64_t step1)
{
    w->count[w->rank] = count;
    w->step[0][w->rank] = step0;
    w->step[1][w->rank] = step1;
    w->rank++;
}

/* Takes the last axis off, for the caller to run along in a tight loop. */
static int64_t walk_split(walk *w, int64_t step[2])
{
    step[0] = step[1] = 0;
    if (w->rank == 0)
        return 1;
    w->rank--;
    step[0] = w->step[0][w->rank];
    step[1] = w->step[1][w->rank];
    return w->count[w->rank];
}

static void row_major(const array *a, int64_t step[CR_MAX_RANK])
{
    int64_t n = 1;
    for (int i = a->rank; i-- > 0;) {
        step[i] = n;
        n *= a->dim[i];
    }
}

/* Copies the elements of a walk from offset at[0] of x to offset at[1] of out. */
static void copy_walk(walk w, array x, array out)
{
    int64_t step[2], n = walk_split(&w, step);
    do {
        const char *from = x.at + w.at[0] * (int64_t)x.elem;
        char *to = out.at + w.at[1] * (int64_t)x.elem;
        if (step[0] == 1 && step[1] == 1)
            memcpy(to, from, (size_t)n * x.elem);
        else if (x.elem == 4)
            for (int64_t i = 0; i < n; i++)
                memcpy(to + 4 * i * step[1], from + 4 * i * step[0], 4);
        else
            for (int64_t i = 0; i < n; i++)
                to[i * step[1]] = from[i * step[0]];
    } while (walk_next(&w));
}

/* ---- the interpreter ------------------------------------------------------------------------ */

struct cr_interp {
    const cr_graph *g;
    cr_arena arena;
    bool *live;
    void **value; /* NULL: not live, or a leaf that is not bound yet */
    bool *owned;
};

static array array_of(const cr_interp *in, cr_ref r)
{
    const cr_shape *s = cr_shape_of(in->g, r);
    array a = {in->value[r], s->rank, {0}, 1, (cr_dtype)cr_at(in->g, r)->dtype, 0};
    a.elem = cr_dtype_size(a.dtype);
    for (int i = 0; i < s->rank; i++)
        a.count *= a.dim[i] = cr_dim_bind(in->g, s->dim[i], NULL);
    return a;
}

/* Stores what an attribute gives: the bits of a float, or an integer. */
static void store_bits(array a, int64_t i, int64_t v)
{
    uint32_t bits = (uint32_t)v;
    uint8_t byte = (uint8_t)v;
    if (a.elem == 4)
        memcpy(a.at + 4 * i, &bits, 4);
    else
        memcpy(a.at + i, &byte, 1);
}

/* ---- movement ------------------------------------------------------------------------------- */

/* The first element of out is element `first` of x; along axis i the next is `step[i]` further. */
static void copy_view(array x, array out, int64_t first, const int64_t *step)
{
    walk w = {.at = {first, 0}};
    int64_t to[CR_MAX_RANK];
    row_major(&out, to);
    for (int i = 0; i < out.rank; i++)
        walk_axis(&w, out.dim[i], step[i], to[i]);
    copy_walk(w, x, out);
}

static void run_permute(array x, array out, const int64_t *axes)
{
    int64_t from[CR_MAX_RANK], step[CR_MAX_RANK];
    row_major(&x, from);
    for (int i = 0; i < out.rank; i++)
        step[i] = from[axes[i]];
    copy_view(x, out, 0, step);
}

static void run_expand(array x, array out)
{
    int64_t from[CR_MAX_RANK], step[CR_MAX_RANK] = {0};
    row_major(&x, from);
    for (int i = 0; i < x.rank; i++)
        step[out.rank - x.rank + i] = x.dim[i] == 1 ? 0 : from[i];
    copy_view(x, out, 0, step);
}

/* Copies the box of that size between places of x and out. */
static void copy_box(array x, const int64_t *x_begin, array out, const int64_t *out_begin,
                     const int64_t *size)
{
    walk w = {0};
    int64_t from[CR_MAX_RANK], to[CR_MAX_RANK];
    row_major(&x, from);
    row_major(&out, to);
    for (int i = 0; i < x.rank; i++) {
        walk_axis(&w, size[i], from[i], to[i]);
        w.at[0] += x_begin[i] * from[i];
        w.at[1] += out_begin[i] * to[i];
    }
    copy_walk(w, x, out);
}

static const int64_t origin[CR_MAX_RANK];

static void run_pad(array x, array out, const int64_t *attr)
{
    for (int64_t i = 0; i < out.count; i++)
        store_bits(out, i, attr[x.rank]);
    copy_box(x, origin, out, attr, x.dim);
}

static void run_concat(array x, array y, array out, int64_t axis)
{
    int64_t behind[CR_MAX_RANK] = {0};
    behind[axis] = x.dim[axis];
    copy_box(x, origin, out, origin, x.dim);
    copy_box(y, origin, out, behind, y.dim);
}

/* Element o of the axis and t of the last one are stride and dilation apart. */
static void run_window(array x, array out, const int64_t *attr)
{
    int64_t step[CR_MAX_RANK];
    row_major(&x, step);
    step[x.rank] = step[attr[0]] * attr[3];
    step[attr[0]] *= attr[2];
    copy_view(x, out, 0, step);
}

static void run_flip(array x, array out, int64_t axes)
{
    int64_t step[CR_MAX_RANK], first = 0;
    row_major(&x, step);
    for (int i = 0; i < x.rank; i++)
        if (axes >> i & 1) {
            first += (x.dim[i] - 1) * step[i];
            step[i] = -step[i];
        }
    copy_view(x, out, first, step);
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* In row-major order of x, each accumulator sees its elements in row-major order of the reduced
 * axes, which is the order that kernels keep. */
static void run_fold(cr_op op, array x, array out, int64_t axes)
{
    bool real = x.dtype == CR_F32;
    fold start = real ? folds[op].start_f32 : folds[op].start_i32;
    fold f = real ? folds[op].f32 : folds[op].i32;
    walk w = {0};
    int64_t from[CR_MAX_RANK], to[CR_MAX_RANK], step[2];
    row_major(&x, from);
    row_major(&out, to);
    for (int i = 0; i < x.rank; i++)
        walk_axis(&w, x.dim[i], from[i], axes >> i & 1 ? 0 : to[i]);
    int64_t n = walk_split(&w, step);
    start(out.count, NULL, out.at, 1);
    do
        f(n, x.at + w.at[0] * 4, out.at + w.at[1] * 4, step[1]);
    while (walk_next(&w));
}

/* The first NaN is never beaten. */
static bool beats(array x, int64_t candidate, int64_t best)
{
    if (x.dtype == CR_I32)
        return ((int32_t *)x.at)[candidate] > ((int32_t *)x.at)[best];
    float c = ((float *)x.at)[candidate], b = ((float *)x.at)[best];
    return c > b || (c != c && b == b);
}

static void run_argmax(array x, array out, int64_t axes)
{
    walk kept = {0}, reduced = {0};
    int64_t from[CR_MAX_RANK], o = 0;
    row_major(&x, from);
    for (int i = 0; i < x.rank; i++)
        walk_axis(axes >> i & 1 ? &reduced : &kept, x.dim[i], from[i], 0);
    do {
        int64_t best = kept.at[0], first = 0, i = 0;
        do {
            int64_t candidate = kept.at[0] + reduced.at[0];
            if (beats(x, candidate, best))
                best = candidate, first = i;
            i++;
        } while (walk_next(&reduced));
        ((int32_t *)out.at)[o++] = (int32_t)first;
    } while (walk_next(&kept));
}

/* ---- structured ----------------------------------------------------------------------------- */

/* The same function is compiled twice on x86, where fmaf is a slow call unless the compiler may
 * assume the instruction. */
#if defined(__x86_64__) && defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define HAVE_FMA() (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define WITH_FMA __attribute__((target("avx2,fma")))
#else
#define ALWAYS_INLINE static inline
#define HAVE_FMA() false
#define WITH_FMA
#endif

/* Each element is one chain of fused multiply-adds over ascending p. Sixteen chains at a time,
 * which the compiler may put side by side in vectors. */
enum { CHAINS = 16 };

ALWAYS_INLINE void multiply_rows(const float *x, const float *y, float *out, int64_t k, int64_t n)
{
    int64_t j = 0;
    for (; j + CHAINS <= n; j += CHAINS) {
        float acc[CHAINS] = {0};
        for (int64_t p = 0; p < k; p++)
            for (int c = 0; c < CHAINS; c++)
                acc[c] = fmaf(x[p], y[p * n + j + c], acc[c]);
        memcpy(out + j, acc, sizeof acc);
    }
    for (; j < n; j++) {
        float acc = 0;
        for (int64_t p = 0; p < k; p++)
            acc = fmaf(x[p], y[p * n + j], acc);
        out[j] = acc;
    }
}

/* Row i of x goes with the matrix of y whose batch it belongs to. */
ALWAYS_INLINE void multiply(array x, array y, array out)
{
    int64_t k = x.dim[x.rank - 1], n = y.dim[y.rank - 1], m = x.dim[x.rank - 2];
    const float *a = (float *)x.at, *b = (float *)y.at;
    float *o = (float *)out.at;
    for (int64_t i = 0; i < x.count / k; i++)
        multiply_rows(a + i * k, b + i / m * k * n, o + i * n, k, n);
}

WITH_FMA static void multiply_with_fma(array x, array y, array out)
{
    multiply(x, y, out);
}

static void run_matmul(array x, array y, array out)
{
    if (HAVE_FMA())
        multiply_with_fma(x, y, out);
    else
        multiply(x, y, out);
}

/* Straight from the definition, with one or two spatial axes: x [n, h, v, c], w [k, l, c/g, f]. */
struct conv_sizes {
    int64_t n, h, v, c, k, l, part, f, o, p, groups, stride[2], dilation[2], before[2];
};

static struct conv_sizes conv_sizes(array x, array w, array out, const int64_t *attr)
{
    const int s = x.rank - 2, two = s == 2;
    struct conv_sizes z = {.n = x.dim[0],
                           .h = two ? x.dim[1] : 1,
                           .v = x.dim[s],
                           .c = x.dim[s + 1],
                           .k = two ? w.dim[0] : 1,
                           .l = w.dim[s - 1],
                           .part = w.dim[s],
                           .f = w.dim[s + 1],
                           .o = two ? out.dim[1] : 1,
                           .p = out.dim[s],
                           .groups = attr[0],
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    for (int i = 0; i < s; i++) {
        z.stride[2 - s + i] = attr[1 + i];
        z.dilation[2 - s + i] = attr[1 + s + i];
        z.before[2 - s + i] = attr[1 + 2 * s + i];
    }
    return z;
}

static float conv_element(const struct conv_sizes *z, const float *x, const float *w, int64_t o,
                          int64_t p, int64_t f)
{
    const int64_t first = f / (z->f / z->groups) * z->part;
    float acc = 0;
    for (int64_t k = 0; k < z->k; k++)
        for (int64_t l = 0; l < z->l; l++)
            for (int64_t c = 0; c < z->part; c++) {
                int64_t i = o * z->stride[0] + k * z->dilation[0] - z->before[0];
                int64_t j = p * z->stride[1] + l * z->dilation[1] - z->before[1];
                bool inside = i >= 0 && i < z->h && j >= 0 && j < z->v;
                float a = inside ? x[(i * z->v + j) * z->c + first + c] : 0;
                float b = w[((k * z->l + l) * z->part + c) * z->f + f];
                if (z->part == 1 && z->groups > 1)
                    acc += a * b;
                else
                    acc = fmaf(a, b, acc);
            }
    return acc;
}

static void run_conv(array x, array w, array out, const int64_t *attr)
{
    const struct conv_sizes z = conv_sizes(x, w, out, attr);
    float *to = (float *)out.at;
    for (int64_t n = 0; n < z.n; n++)
        for (int64_t o = 0; o < z.o; o++)
            for (int64_t p = 0; p < z.p; p++)
                for (int64_t f = 0; f < z.f; f++)
                    *to++ = conv_element(&z, (float *)x.at + n * z.h * z.v * z.c, (float *)w.at, o,
                                         p, f);
}

static void run_gather(array table, array index, array out)
{
    size_t row = (size_t)(table.count / table.dim[0]) * table.elem;
    for (int64_t i = 0; i < index.count; i++) {
        int64_t r = ((uint32_t *)index.at)[i]; /* negative is beyond the end, too */
        r = CR_MIN(r, table.dim[0] - 1);
        memcpy(out.at + (size_t)i * row, table.at + (size_t)r * row, row);
    }
}

#define CONVERT(L, R, expression)                                                                  \
    for (int64_t i = 0; i < x.count; i++) {                                                        \
        L v = ((const L *)x.at)[i];                                                                \
        ((R *)out.at)[i] = (R)(expression);                                                        \
    }
#define CONVERT_FROM(L, to_i32, to_u8)                                                             \
    switch (out.dtype) {                                                                           \
    case CR_F32: CONVERT(L, float, v) break;                                                       \
    case CR_I32: CONVERT(L, int32_t, to_i32) break;                                                \
    case CR_U8: CONVERT(L, uint8_t, to_u8) break;                                                  \
    default: CONVERT(L, uint8_t, v != 0) break;                                                    \
    }

static void run_cast(array x, array out)
{
    switch (x.dtype) {
    case CR_F32: CONVERT_FROM(float, cr_float_to_i32(v), cr_float_to_u8(v)) break;
    case CR_I32: CONVERT_FROM(int32_t, v, v) break;
    default: CONVERT_FROM(uint8_t, v, v) break;
    }
}

static void run_iota(array out, int64_t axis)
{
    int64_t inner = 1;
    for (int i = (int)axis + 1; i < out.rank; i++)
        inner *= out.dim[i];
    for (int64_t i = 0; i < out.count; i++)
        ((int32_t *)out.at)[i] = (int32_t)(i / inner % out.dim[axis]);
}

static void run_random(array seed, array step, array out, int64_t stream)
{
    uint32_t key[2] = {*(uint32_t *)seed.at, (uint32_t)stream}, word[4] = {0};
    for (int64_t i = 0; i < out.count; i++) {
        uint32_t counter[4] = {(uint32_t)(i / 4), *(uint32_t *)step.at, 0, 0};
        if (i % 4 == 0)
            cr_philox4x32(counter, key, word);
        ((float *)out.at)[i] = (float)(word[i % 4] >> 8) * 0x1p-24f;
    }
}

/* ---- one node ------------------------------------------------------------------------------- */

static void run_leaf(const cr_interp *in, cr_ref r, array out)
{
    const cr_node *n = cr_at(in->g, r);
    int64_t v = cr_attr_of(in->g, r)->at[0];
    if (n->op == CR_OP_SIZE)
        v = cr_dim_bind(in->g, v, NULL);
    store_bits(out, 0, v);
}

static void run_structured(const cr_node *n, const int64_t *attr, const array x[3], array out)
{
    switch (n->op) {
    case CR_OP_reshape:
    case CR_OP_COPY: memcpy(out.at, x[0].at, (size_t)out.count * out.elem); break;
    case CR_OP_permute: run_permute(x[0], out, attr); break;
    case CR_OP_expand: run_expand(x[0], out); break;
    case CR_OP_slice: copy_box(x[0], attr, out, origin, out.dim); break;
    case CR_OP_pad: run_pad(x[0], out, attr); break;
    case CR_OP_concat: run_concat(x[0], x[1], out, attr[0]); break;
    case CR_OP_window: run_window(x[0], out, attr); break;
    case CR_OP_flip: run_flip(x[0], out, attr[0]); break;
    case CR_OP_argmax: run_argmax(x[0], out, attr[0]); break;
    case CR_OP_matmul: run_matmul(x[0], x[1], out); break;
    case CR_OP_conv: run_conv(x[0], x[1], out, attr); break;
    case CR_OP_gather: run_gather(x[0], x[1], out); break;
    case CR_OP_cast: run_cast(x[0], out); break;
    case CR_OP_iota: run_iota(out, attr[0]); break;
    case CR_OP_random: run_random(x[0], x[1], out, attr[0]); break;
    default: CR_ASSERT(!"an op that the interpreter knows");
    }
}

static void run_node(const cr_interp *in, cr_ref r)
{
    const cr_node *n = cr_at(in->g, r);
    const int64_t *attr = cr_attr_of(in->g, r)->at;
    array x[3] = {{0}}, out = array_of(in, r);
    for (int i = 0; i < n->nsrc; i++)
        x[i] = array_of(in, n->src[i]);
    if (cr_kind_of(n) == CR_KIND_LEAF)
        run_leaf(in, r, out);
    else if (cr_kind_of(n) == CR_KIND_EW)
        elementwise_loop((cr_op)n->op, x[n->nsrc - 1].dtype)(out.count, out.at, x[0].at, x[1].at,
                                                             x[2].at);
    else if (folds[n->op].f32)
        run_fold((cr_op)n->op, x[0], out, attr[0]);
    else if (cr_is_root(n)) /* the value of a state, kept until all are committed */
        memcpy(out.at, x[n->nsrc - 1].at, (size_t)out.count * out.elem);
    else
        run_structured(n, attr, x, out);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* A root is its source, unless that is a state, which the commit of an assign may change. */
static bool is_alias(const cr_graph *g, const cr_node *n)
{
    return cr_is_root(n) && cr_at(g, n->src[n->nsrc - 1])->op != CR_OP_STATE;
}

static bool prepare(cr_interp *in)
{
    const cr_graph *g = in->g;
    in->live = cr_live_nodes(g, &in->arena);
    in->value = cr_arena_alloc(&in->arena, g->node.len * sizeof *in->value);
    in->owned = cr_arena_alloc(&in->arena, g->node.len * sizeof *in->owned);
    if (!in->live || !in->value || !in->owned)
        return false;
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        if (!in->live[r] || cr_is_named_leaf(n) || is_alias(g, n))
            continue;
        in->value[r] = cr_alloc(cr_bytes_of(g, r));
        in->owned[r] = true;
        if (!in->value[r])
            return false;
    }
    return true;
}

cr_interp *cr_interp_create(const cr_graph *g)
{
    cr_interp *in = cr_graph_status(g) == CR_OK ? cr_alloc(sizeof *in) : NULL;
    if (!in)
        return NULL;
    in->g = g;
    if (prepare(in))
        return in;
    cr_interp_destroy(in);
    return NULL;
}

void cr_interp_destroy(cr_interp *in)
{
    if (!in)
        return;
    for (cr_ref r = 1; in->value && in->owned && r < in->g->node.len; r++)
        if (in->owned[r])
            cr_free(in->value[r]);
    cr_arena_finish(&in->arena);
    cr_free(in);
}

cr_status cr_interp_bind(cr_interp *in, cr_ref leaf, void *data)
{
    if (leaf == 0 || leaf >= in->g->node.len || !cr_is_named_leaf(cr_at(in->g, leaf)))
        return cr_fail(CR_E_ARGUMENT, "node %u is neither an input nor a state", leaf);
    in->value[leaf] = data;
    return CR_OK;
}

static void commit(const cr_interp *in)
{
    const cr_graph *g = in->g;
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i], state = cr_at(g, r)->src[0];
        if (cr_at(g, r)->op == CR_OP_ASSIGN)
            memcpy(in->value[state], in->value[r], cr_bytes_of(g, state));
    }
}

cr_status cr_interp_run(cr_interp *in)
{
    const cr_graph *g = in->g;
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        if (!in->live[r])
            continue;
        if (cr_is_named_leaf(n) && !in->value[r])
            return cr_fail(CR_E_ARGUMENT, "%s '%s' has no elements", cr_ops[n->op].name,
                           cr_name_of(g, r));
        if (is_alias(g, n))
            in->value[r] = in->value[n->src[n->nsrc - 1]];
        else if (!cr_is_named_leaf(n))
            run_node(in, r);
    }
    commit(in);
    return CR_OK;
}

const void *cr_interp_value(const cr_interp *in, cr_ref r)
{
    return r < in->g->node.len && in->live[r] ? in->value[r] : NULL;
}

cr_ref cr_interp_first_bad(const cr_interp *in)
{
    for (cr_ref r = 1; r < in->g->node.len; r++) {
        if (cr_at(in->g, r)->dtype != CR_F32 || !in->live[r] || !in->value[r])
            continue;
        array a = array_of(in, r);
        for (int64_t i = 0; i < a.count; i++)
            if (!isfinite(((float *)a.at)[i]))
                return r;
    }
    return 0;
}
