/* selftest.c - every op on a device against the reference interpreter: what a user runs first on a
 * new driver, and what the tests of the ops run.
 *
 * An op's cases (types, shapes, broadcasting) are outputs of one graph, so that a driver builds few
 * programs; it is compiled with the tuned and with the reference schedules. Results are equal bit
 * for bit, since kernels compute what the interpreter does in the same order; only where a device
 * does not round division and square root correctly, ops that need them get some ulp. */
#include <math.h>

#include "compile.h"
#include "crisol/inspect.h"
#include "crisol/ops.h"

enum { INEXACT_ULP = 16, REPORTS = 3 };

struct leaf {
    cr_value v;
    float lo, hi;
    bool specials; /* NaN, infinities, -0.0 among ordinary numbers */
    void *data;
};

struct bench {
    cr_graph *g;
    int ncase;
    int only;     /* the one case to build; < 0: all */
    float lo, hi; /* of the inputs that follow */
    bool specials;
    CR_VEC(struct leaf) leaf;
};

struct score {
    int cases, failures;
    int64_t worst;
    int64_t allowed; /* ulp */
    cr_strbuf report;
};

/* ---- building cases -------------------------------------------------------------------------- */

/* A case is   if (wanted(b)) give(b, cr_op(in(b, ...), ...));   */
static bool wanted(struct bench *b)
{
    b->ncase++;
    return b->only < 0 || b->ncase - 1 == b->only;
}

static cr_value in(struct bench *b, cr_dtype dtype, cr_shape shape)
{
    char name[32];
    snprintf(name, sizeof name, "x%d_%u", b->ncase - 1, b->leaf.len);
    cr_value v = cr_input_at((cr_loc){0}, b->g, name, dtype, shape);
    cr_vec_push(&b->leaf, (struct leaf){v, b->lo, b->hi, b->specials, NULL});
    return v;
}

static void give(struct bench *b, cr_value v)
{
    char name[32];
    snprintf(name, sizeof name, "y%d", b->ncase - 1);
    cr_output_at((cr_loc){0}, b->g, name, v);
}

static void range(struct bench *b, float lo, float hi, bool specials)
{
    b->lo = lo;
    b->hi = hi;
    b->specials = specials;
}

/* Sizes of 1, primes, below a vector, above, ragged rows. */
static const cr_shape shapes[] = {
    {0, {0}}, {1, {1}}, {1, {7}}, {1, {17}}, {2, {33, 10}}, {3, {4, 3, 18}},
};

/* ---- elementwise ----------------------------------------------------------------------------- */

/* clang-format off */
static cr_value apply(cr_op op, const cr_value *v)
{
    const cr_loc at = {0};
    switch (op) {
#define ARGS_1 v[0]
#define ARGS_2 v[0], v[1]
#define ARGS_3 v[0], v[1], v[2]
#define CALL(name, args) case CR_OP_##name: return cr_##name##_at(at, args);
#define CR_EW(name, arity, ...) CALL(name, ARGS_##arity)
#include "ops.def"
#undef CALL
    default: return (cr_value){0};
    }
}
/* clang-format on */

/* The shape that operand k has in a case that broadcasts: a row, a column, or a scalar. */
static cr_shape narrowed(cr_shape s, int k, int how)
{
    if (how == 0 || k != how % 2)
        return s;
    if (how == 3)
        return CR_SCALAR;
    if (how == 2 && s.rank > 0)
        s.dim[s.rank - 1] = 1;
    if (how == 1 && s.rank > 1) {
        s.dim[0] = s.dim[s.rank - 1];
        s.rank = 1;
    }
    return s;
}

static void elementwise_case(struct bench *b, cr_op op, cr_dtype dtype, cr_shape s, int how)
{
    cr_value v[3];
    if (!wanted(b))
        return;
    for (int i = 0; i < cr_ops[op].arity; i++) {
        cr_dtype type = cr_ops[op].types == CR_TYPES_S && i == 0 ? CR_BOOL : dtype;
        v[i] = in(b, type, narrowed(s, i, how));
    }
    give(b, apply(op, v));
}

static uint32_t types_of(cr_type_rule rule)
{
    switch (rule) {
    case CR_TYPES_F: return 1u << CR_F32;
    case CR_TYPES_N:
    case CR_TYPES_A: return 1u << CR_F32 | 1u << CR_I32;
    case CR_TYPES_I: return 1u << CR_I32;
    case CR_TYPES_B: return 1u << CR_BOOL;
    default: return 1u << CR_F32 | 1u << CR_I32 | 1u << CR_U8 | 1u << CR_BOOL;
    }
}

static void elementwise(struct bench *b, cr_op op)
{
    range(b, cr_ops[op].lo, cr_ops[op].hi, true);
    for (cr_dtype dtype = 0; dtype < CR_DTYPE_COUNT; dtype++) {
        if (!(types_of(cr_ops[op].types) >> dtype & 1))
            continue;
        for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
            if (dtype == CR_F32 || i % 4 == 3)
                elementwise_case(b, op, dtype, shapes[i], 0);
        for (int how = 1; how <= (dtype == CR_F32 ? 3 : 1) && cr_ops[op].arity > 1; how++)
            elementwise_case(b, op, dtype, CR_SHAPE(5, 21), how);
    }
}

/* ---- reductions ------------------------------------------------------------------------------ */

/* clang-format off */
static cr_value reduce(cr_op op, cr_value x, cr_axes axes)
{
    const cr_loc at = {0};
    switch (op) {
#define CR_RED(name, ...) case CR_OP_##name: return cr_##name##_at(at, x, axes);
#include "ops.def"
    default: return (cr_value){0};
    }
}
/* clang-format on */

static int64_t count_over(cr_shape s, cr_axes axes)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++)
        n *= axes >> i & 1 ? s.dim[i] : 1;
    return n;
}

static void reduction(struct bench *b, cr_op op)
{
    range(b, cr_ops[op].lo, cr_ops[op].hi, op != CR_OP_sum);
    for (int k = 0; k < 2; k++) {
        for (size_t i = 1 + 2 * (size_t)k; i < CR_COUNTOF(shapes); i += 1 + 3 * (size_t)k)
            for (cr_axes axes = 1; axes < 1u << shapes[i].rank; axes++)
                if (count_over(shapes[i], axes) > 1 && wanted(b))
                    give(b, reduce(op, in(b, k ? CR_I32 : CR_F32, shapes[i]), axes));
    }
}

/* ---- movement -------------------------------------------------------------------------------- */

/* All types in turn; the first entries of a table also with another. */
static cr_dtype type_of(size_t i, int k)
{
    return (cr_dtype)((i + 2 * (size_t)k) % CR_DTYPE_COUNT);
}

static void test_reshape(struct bench *b)
{
    static const cr_shape to[][2] = {
        {{2, {6, 4}}, {1, {24}}},
        {{2, {6, 4}}, {3, {2, 3, 4}}},
        {{1, {1}}, {0, {0}}},
        {{3, {4, 3, 18}}, {2, {27, 8}}},
        {{1, {35}}, {2, {5, 7}}},
        {{2, {33, 10}}, {3, {1, 10, 33}}},
        {{8, {1, 2, 1, 3, 1, 2, 1, 2}}, {1, {24}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(to); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_reshape(in(b, type_of(i, k), to[i][0]), to[i][1]));
}

static void test_permute(struct bench *b)
{
    static const cr_shape axes[][2] = {
        {{2, {3, 5}}, {2, {1, 0}}},
        {{2, {33, 17}}, {2, {1, 0}}},
        {{3, {4, 3, 18}}, {3, {2, 0, 1}}},
        {{3, {4, 3, 18}}, {3, {0, 2, 1}}},
        {{3, {16, 3, 16}}, {3, {2, 1, 0}}},
        {{8, {2, 1, 3, 2, 1, 2, 3, 2}}, {8, {7, 3, 5, 0, 1, 6, 2, 4}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(axes); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_permute(in(b, type_of(i, k), axes[i][0]), axes[i][1]));
}

static void test_expand(struct bench *b)
{
    static const cr_shape to[][2] = {
        {{0, {0}}, {2, {3, 17}}},         {{1, {1}}, {1, {16}}},
        {{2, {5, 1}}, {2, {5, 33}}},      {{1, {17}}, {3, {2, 3, 17}}},
        {{3, {4, 1, 6}}, {3, {4, 5, 6}}}, {{2, {1, 1}}, {2, {1, 1}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(to); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_expand(in(b, type_of(i, k), to[i][0]), to[i][1]));
}

static void test_slice(struct bench *b)
{
    static const cr_shape box[][3] = {
        {{1, {40}}, {1, {3}}, {1, {17}}},
        {{1, {7}}, {1, {6}}, {1, {1}}},
        {{2, {33, 10}}, {2, {1, 2}}, {2, {31, 7}}},
        {{2, {6, 40}}, {2, {0, 5}}, {2, {6, 32}}},
        {{3, {4, 3, 18}}, {3, {1, 0, 2}}, {3, {2, 3, 16}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(box); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_slice(in(b, type_of(i, k), box[i][0]), box[i][1], box[i][2]));
}

static void test_window(struct bench *b)
{
    static const struct {
        cr_shape x;
        int axis;
        int64_t size, stride, dilation;
    } view[] = {
        {{1, {40}}, 0, 3, 1, 1},          {{1, {7}}, 0, 7, 1, 1},     {{2, {33, 10}}, 0, 2, 2, 1},
        {{2, {6, 40}}, 1, 5, 3, 2},       {{2, {5, 16}}, 1, 1, 1, 1}, {{3, {4, 9, 18}}, 1, 3, 2, 3},
        {{4, {2, 7, 6, 17}}, 2, 2, 1, 2},
    };
    for (size_t i = 0; i < CR_COUNTOF(view); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_window(in(b, type_of(i, k), view[i].x), view[i].axis, view[i].size,
                                  view[i].stride, view[i].dilation));
}

static void test_flip(struct bench *b)
{
    for (size_t i = 1; i < CR_COUNTOF(shapes); i++)
        for (cr_axes axes = 1; axes < 1u << shapes[i].rank; axes++)
            if (wanted(b))
                give(b, cr_flip(in(b, type_of(i, 0), shapes[i]), axes));
}

static void test_pad(struct bench *b)
{
    static const cr_shape edge[][3] = {
        {{1, {7}}, {1, {2}}, {1, {3}}},
        {{1, {16}}, {1, {0}}, {1, {1}}},
        {{2, {5, 30}}, {2, {1, 3}}, {2, {0, 2}}},
        {{2, {5, 16}}, {2, {2, 0}}, {2, {1, 0}}},
        {{3, {2, 3, 4}}, {3, {1, 1, 1}}, {3, {1, 1, 1}}},
        {{1, {1}}, {1, {20}}, {1, {20}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(edge); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b))
                give(b, cr_pad(in(b, type_of(i, k), edge[i][0]), edge[i][1], edge[i][2],
                               (float)(i % 2)));
}

static void test_concat(struct bench *b)
{
    static const struct {
        cr_shape x, y;
        int axis;
    } pair[] = {
        {{1, {1}}, {1, {1}}, 0},         {{1, {7}}, {1, {16}}, 0},
        {{2, {3, 17}}, {2, {2, 17}}, 0}, {{2, {9, 5}}, {2, {9, 14}}, 1},
        {{2, {5, 16}}, {2, {5, 16}}, 1}, {{3, {4, 3, 18}}, {3, {4, 2, 18}}, 1},
    };
    for (size_t i = 0; i < CR_COUNTOF(pair); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b)) {
                cr_value x = in(b, type_of(i, k), pair[i].x), y = in(b, type_of(i, k), pair[i].y);
                give(b, cr_concat(x, y, pair[i].axis));
            }
}

/* ---- structured ------------------------------------------------------------------------------ */

static void matmul_case(struct bench *b, int64_t m, int64_t n, int64_t k, bool tx, bool ty)
{
    if (!wanted(b))
        return;
    cr_value x = in(b, CR_F32, tx ? CR_SHAPE(k, m) : CR_SHAPE(m, k));
    cr_value y = in(b, CR_F32, ty ? CR_SHAPE(n, k) : CR_SHAPE(k, n));
    give(b, cr_matmul_ex(x, tx, y, ty));
}

static void matmul_batch(struct bench *b, cr_shape x, cr_shape y)
{
    if (!wanted(b))
        return;
    cr_value vx = in(b, CR_F32, x);
    give(b, cr_matmul(vx, in(b, CR_F32, y)));
}

static void test_matmul(struct bench *b)
{
    static const int64_t size[][3] = {
        {1, 1, 1},   {1, 16, 1},   {7, 1, 5},     {2, 2, 2},    {16, 16, 16}, {17, 33, 31},
        {4, 10, 64}, {65, 63, 13}, {1, 100, 200}, {100, 1, 37}, {33, 48, 1},  {13, 19, 300},
    };
    range(b, -2, 2, false);
    for (size_t i = 0; i < CR_COUNTOF(size); i++)
        for (int t = 0; t < 4; t++)
            if (t == (int)(i % 4) || i == 5)
                matmul_case(b, size[i][0], size[i][1], size[i][2], t & 1, t & 2);
    matmul_batch(b, CR_SHAPE(3, 4, 5), CR_SHAPE(3, 5, 18));
    matmul_batch(b, CR_SHAPE(3, 4, 5), CR_SHAPE(5, 18));
    matmul_batch(b, CR_SHAPE(2, 1, 17, 3), CR_SHAPE(4, 3, 7));
    range(b, -2, 2, true);
    matmul_case(b, 9, 21, 6, false, false);
}

static void test_matmul_ex(struct bench *b)
{
    range(b, -2, 2, false);
    for (int t = 0; t < 4; t++)
        matmul_case(b, 19, 35, 11, t & 1, t & 2);
}

static void test_conv(struct bench *b)
{
    static const struct {
        cr_shape x, w;
        cr_slide slide;
    } c[] = {
        {{4, {2, 6, 7, 3}}, {4, {3, 3, 3, 17}}, {.groups = 0}},
        {{4, {3, 9, 8, 1}}, {4, {3, 2, 1, 4}}, {.stride = {2, {2, 3}}}},
        {{4, {1, 5, 5, 16}}, {4, {3, 3, 16, 16}}, {.before = {2, {1, 1}}, .after = {2, {1, 1}}}},
        {{4, {2, 9, 9, 4}}, {4, {3, 3, 2, 6}}, {.dilation = {2, {2, 1}}, .groups = 2}},
        {{4, {2, 8, 6, 20}}, {4, {3, 3, 1, 20}}, {.before = {2, {1, 0}}, .groups = 20}},
        {{4, {2, 6, 6, 3}}, {4, {2, 2, 1, 6}}, {.groups = 3}},
        {{3, {2, 20, 5}}, {3, {4, 5, 33}}, {.stride = {1, {2}}, .before = {1, {3}}}},
        {{4, {4, 3, 3, 8}}, {4, {1, 1, 8, 24}}, {.groups = 0}},
    };
    range(b, -2, 2, false);
    for (size_t i = 0; i < CR_COUNTOF(c); i++)
        if (wanted(b)) {
            cr_value x = in(b, CR_F32, c[i].x);
            give(b, cr_conv(x, in(b, CR_F32, c[i].w), c[i].slide));
        }
}

static void test_gather(struct bench *b)
{
    static const cr_shape pair[][2] = {
        {{1, {9}}, {0, {0}}},     {{1, {9}}, {1, {17}}},    {{2, {9, 5}}, {1, {7}}},
        {{2, {9, 33}}, {1, {1}}}, {{2, {1, 16}}, {1, {4}}}, {{3, {9, 2, 18}}, {2, {3, 5}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(pair); i++)
        for (int k = 0; k < (i < 2 ? 2 : 1); k++)
            if (wanted(b)) {
                range(b, -2, 2, true);
                cr_value table = in(b, type_of(i, k), pair[i][0]);
                range(b, -3, 12, true); /* also outside */
                give(b, cr_gather(table, in(b, CR_I32, pair[i][1])));
            }
}

static void test_cast(struct bench *b)
{
    range(b, -300, 300, true);
    for (cr_dtype from = 0; from < CR_DTYPE_COUNT; from++)
        for (cr_dtype to = 0; to < CR_DTYPE_COUNT; to++)
            if (from != to && wanted(b))
                give(b, cr_cast(in(b, from, shapes[(from + to) % 2 ? 3 : 5]), to));
}

static void test_iota(struct bench *b)
{
    for (size_t i = 1; i < CR_COUNTOF(shapes); i++)
        for (int axis = 0; axis < shapes[i].rank; axis++)
            if (wanted(b))
                give(b, cr_iota(b->g, shapes[i], axis));
}

static void test_random(struct bench *b)
{
    range(b, -100, 100, true);
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
        if (wanted(b)) {
            cr_value seed = in(b, CR_I32, CR_SCALAR);
            give(b, cr_random(b->g, seed, in(b, CR_I32, CR_SCALAR), shapes[i]));
        }
}

/* ---- composites ------------------------------------------------------------------------------ */

/* An op of f32 values with nothing else to choose, over the shapes that it takes. */
static void over_shapes(struct bench *b, int arity, int least_rank,
                        cr_value (*op)(cr_loc, cr_value),
                        cr_value (*op2)(cr_loc, cr_value, cr_value))
{
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++) {
        if (shapes[i].rank < least_rank || !wanted(b))
            continue;
        cr_value x = in(b, CR_F32, shapes[i]);
        give(b, arity == 1 ? op((cr_loc){0}, x) : op2((cr_loc){0}, x, in(b, CR_F32, shapes[i])));
    }
}

static void test_gt(struct bench *b)
{
    over_shapes(b, 2, 0, NULL, cr_gt_at);
}

static void test_ge(struct bench *b)
{
    over_shapes(b, 2, 0, NULL, cr_ge_at);
}

static void test_square(struct bench *b)
{
    over_shapes(b, 1, 0, cr_square_at, NULL);
}

static void test_is_finite(struct bench *b)
{
    over_shapes(b, 1, 0, cr_is_finite_at, NULL);
}

static void test_softmax(struct bench *b)
{
    range(b, -4, 4, false);
    over_shapes(b, 1, 1, cr_softmax_at, NULL);
}

static void test_log_softmax(struct bench *b)
{
    range(b, -4, 4, false);
    over_shapes(b, 1, 1, cr_log_softmax_at, NULL);
}

static void test_transpose(struct bench *b)
{
    over_shapes(b, 1, 2, cr_transpose_at, NULL);
}

static void test_leaky_relu(struct bench *b)
{
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
        if (wanted(b))
            give(b, cr_leaky_relu(in(b, CR_F32, shapes[i]), 0.1f));
}

static void test_elu(struct bench *b)
{
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
        if (wanted(b))
            give(b, cr_elu(in(b, CR_F32, shapes[i]), 0.7f));
}

#define OVER_SHAPES(name)                                                                          \
    static void test_##name(struct bench *b)                                                       \
    {                                                                                              \
        range(b, -4, 4, true);                                                                     \
        over_shapes(b, 1, 0, cr_##name##_at, NULL);                                                \
    }
OVER_SHAPES(selu)
OVER_SHAPES(silu)
OVER_SHAPES(gelu)
OVER_SHAPES(gelu_tanh)
OVER_SHAPES(hard_sigmoid)
#undef OVER_SHAPES

static void test_clamp(struct bench *b)
{
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
        if (wanted(b))
            give(b, cr_clamp(in(b, CR_F32, shapes[i]), -0.5f, 0.75f));
}

static void test_mean(struct bench *b)
{
    range(b, -2, 2, false);
    for (size_t i = 1; i < CR_COUNTOF(shapes); i++)
        for (cr_axes axes = 1; axes < 1u << shapes[i].rank; axes++)
            if (wanted(b))
                give(b, cr_mean(in(b, CR_F32, shapes[i]), axes));
}

static void test_onehot(struct bench *b)
{
    range(b, -1, 11, true);
    for (size_t i = 0; i < CR_COUNTOF(shapes); i++)
        if (wanted(b))
            give(b, cr_onehot(in(b, CR_I32, shapes[i]), i % 2 ? 10 : 17));
}

/* ---- the table ------------------------------------------------------------------------------- */

struct test {
    const char *name;
    cr_op op; /* elementwise and reductions, which are tested from their rows */
    void (*build)(struct bench *b);
};

static const struct test tests[] = {
#define CR_EW(name, ...) {#name, CR_OP_##name, NULL},
#define CR_RED(name, ...) {#name, CR_OP_##name, NULL},
#define CR_MOV(name, ...) {#name, CR_OP_##name, test_##name},
#define CR_PRIM(name, ...) {#name, CR_OP_##name, test_##name},
#define CR_COMP(name, ...) {#name, CR_OP_POISON, test_##name},
#include "ops.def"
};

/* Calls division or a square root, which some devices round badly. */
static bool needs_division(const struct test *t)
{
    static const char *const names[] = {"sqrt", "tanh",  "sigmoid",  "log",     "div",
                                        "pow",  "log1p", "softplus", "softmax", "log_softmax",
                                        "silu", "mean",  "gelu_tanh"};
    for (size_t i = 0; i < CR_COUNTOF(names); i++)
        if (strcmp(t->name, names[i]) == 0)
            return true;
    return false;
}

static bool build(struct bench *b, const struct test *t, int only)
{
    *b = (struct bench){.g = cr_graph_create(t->name), .only = only, .lo = -2, .hi = 2};
    b->specials = true;
    if (!b->g)
        return false;
    if (t->build)
        t->build(b);
    else if (cr_ops[t->op].kind == CR_KIND_RED)
        reduction(b, t->op);
    else
        elementwise(b, t->op);
    return cr_graph_status(b->g) == CR_OK;
}

static void bench_finish(struct bench *b)
{
    for (uint32_t i = 0; i < b->leaf.len; i++)
        cr_free(b->leaf.at[i].data);
    cr_vec_finish(&b->leaf);
    cr_graph_destroy(b->g);
}

/* ---- elements -------------------------------------------------------------------------------- */

static float a_float(const struct leaf *l, uint32_t r)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.0f, 1.0f, -1.0f, 3e38f};
    if (l->specials && (r & 7) == 0)
        return special[r >> 8 & 7];
    return l->lo + (l->hi - l->lo) * (float)(r >> 8) * 0x1p-24f;
}

static int32_t an_int(const struct leaf *l, uint32_t r)
{
    static const int32_t special[] = {0, 1, -1, INT32_MAX, INT32_MIN, 2, 255, -256};
    if (l->specials && (r & 7) == 0)
        return special[r >> 8 & 7];
    return (int32_t)l->lo + (int32_t)((r >> 8) % (uint32_t)(l->hi - l->lo + 1));
}

/* The same for a name in every run. */
static bool fill(struct leaf *l)
{
    const char *name = cr_name_of(l->v.graph, l->v.ref);
    uint64_t seed = cr_hash(CR_HASH_SEED, name, strcspn(name, "_"));
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    int64_t n = cr_count_of(l->v.graph, l->v.ref);
    l->data = cr_alloc((size_t)cr_bytes_of(l->v.graph, l->v.ref));
    for (int64_t i = 0; l->data && i < n; i++) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)name[strlen(name) - 1], 0, 0};
        uint32_t r[4];
        cr_philox4x32(counter, key, r);
        switch (cr_value_dtype(l->v)) {
        case CR_F32: ((float *)l->data)[i] = a_float(l, r[0]); break;
        case CR_I32: ((int32_t *)l->data)[i] = an_int(l, r[0]); break;
        case CR_U8: ((uint8_t *)l->data)[i] = (uint8_t)r[0]; break;
        default: ((uint8_t *)l->data)[i] = r[0] & 1; break;
        }
    }
    return l->data != NULL;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Floats in order, one apart for neighbours; denormals, which a device may flush, count as 0. */
static int64_t place(float x)
{
    int32_t bits;
    if (fabsf(x) < 0x1p-126f)
        x = copysignf(0, x);
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? -(int64_t)(bits & INT32_MAX) - 1 : bits;
}

static int64_t distance(cr_dtype dtype, const void *a, const void *b, int64_t i)
{
    if (dtype == CR_I32)
        return llabs((int64_t)((const int32_t *)a)[i] - ((const int32_t *)b)[i]);
    if (dtype != CR_F32)
        return abs(((const uint8_t *)a)[i] - ((const uint8_t *)b)[i]);
    float x = ((const float *)a)[i], y = ((const float *)b)[i];
    if (x != x || y != y)
        return (x != x) == (y != y) ? 0 : INT32_MAX;
    return llabs(place(x) - place(y));
}

static double element(cr_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case CR_F32: return (double)((const float *)data)[i];
    case CR_I32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

/* A graph with only that case, to be read by `crisol opt`. */
static void add_reproducer(struct score *s, const struct test *t, int only)
{
    struct bench b;
    char *text = build(&b, t, only) ? cr_graph_print(b.g) : NULL;
    for (const char *line = text; line && *line;) {
        size_t n = strcspn(line, "\n");
        cr_str_printf(&s->report, "        %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    cr_string_free(text);
    bench_finish(&b);
}

static void compare(struct score *s, const struct test *t, const char *schedule, const char *output,
                    cr_dtype dtype, int64_t n, const void *is, const void *should)
{
    int64_t worst = 0, at = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t d = distance(dtype, is, should, i);
        if (d > worst)
            worst = d, at = i;
    }
    s->worst = CR_MAX(s->worst, worst);
    s->cases++;
    if (worst <= (dtype == CR_F32 ? s->allowed : 0))
        return;
    if (s->failures++ >= REPORTS)
        return;
    cr_str_printf(&s->report, "    %s schedules: %s[%lld] is %.9g, but should be %.9g\n", schedule,
                  output, (long long)at, element(dtype, is, at), element(dtype, should, at));
    add_reproducer(s, t, atoi(output + 1));
}

static cr_status compare_outputs(struct score *s, const struct test *t, const char *schedule,
                                 const struct bench *b, cr_program *p, const cr_interp *ref)
{
    for (uint32_t i = 0; i < b->g->root.len; i++) {
        cr_ref r = b->g->root.at[i];
        size_t bytes = (size_t)cr_bytes_of(b->g, r);
        void *is = cr_alloc(bytes);
        if (!is)
            return CR_E_MEMORY;
        cr_status status = cr_fetch(p, cr_name_of(b->g, r), is, bytes);
        if (status == CR_OK)
            compare(s, t, schedule, cr_name_of(b->g, r), (cr_dtype)cr_at(b->g, r)->dtype,
                    cr_count_of(b->g, r), is, cr_interp_value(ref, r));
        cr_free(is);
        CR_TRY(status);
    }
    return CR_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static cr_status run_on_device(struct score *s, const struct test *t, const struct bench *b,
                               const cr_interp *ref, cr_program *opened, bool reference)
{
    cr_compile_options o = {.share = opened, .reference = reference};
    cr_program *p = cr_compile(b->g, &o);
    if (!p)
        return CR_E_DEVICE;
    cr_status status = CR_OK;
    for (uint32_t i = 0; i < b->leaf.len && status == CR_OK; i++) {
        const struct leaf *l = &b->leaf.at[i];
        status =
            cr_feed(p, cr_name_of(b->g, l->v.ref), l->data, (size_t)cr_bytes_of(b->g, l->v.ref));
    }
    if (status == CR_OK)
        status = cr_run(p, 1);
    if (status == CR_OK)
        status = compare_outputs(s, t, reference ? "reference" : "tuned", b, p, ref);
    cr_program_destroy(p);
    return status;
}

static cr_status run_both(struct score *s, const struct test *t, struct bench *b, cr_interp *ref,
                          cr_program *opened)
{
    for (uint32_t i = 0; i < b->leaf.len; i++) {
        if (!fill(&b->leaf.at[i]))
            return CR_E_MEMORY;
        CR_TRY(cr_interp_bind(ref, b->leaf.at[i].v.ref, b->leaf.at[i].data));
    }
    CR_TRY(cr_interp_run(ref));
    CR_TRY(run_on_device(s, t, b, ref, opened, false));
    return run_on_device(s, t, b, ref, opened, true);
}

static void run_test(struct score *s, const struct test *t, cr_program *opened)
{
    struct bench b;
    cr_status status = CR_E_GRAPH;
    if (build(&b, t, -1)) {
        cr_interp *ref = cr_interp_create(b.g);
        status = ref ? run_both(s, t, &b, ref, opened) : CR_E_MEMORY;
        cr_interp_destroy(ref);
    }
    if (status != CR_OK) {
        s->failures++;
        cr_str_printf(&s->report, "    %s\n", cr_error());
    }
    bench_finish(&b);
}

static cr_status chosen_device(const char *selector, cr_device_info *out)
{
    cr_device_info all[32];
    uint32_t n = 0;
    CR_TRY(cr_devices(selector, false, all, CR_COUNTOF(all), &n));
    for (uint32_t i = 0; i < CR_MIN(n, CR_COUNTOF(all)); i++)
        if (all[i].chosen) {
            *out = all[i];
            return CR_OK;
        }
    return cr_fail(CR_E_DEVICE, "no device was chosen");
}

/* A program that keeps the device open for those that share with it, which is all they share: it
 * has neither states nor inputs. PoCL takes half a second for a context's first build. */
static cr_program *open_device(const char *device)
{
    cr_graph *g = cr_graph_create("opened");
    if (g)
        cr_output(g, "nothing", cr_f32(g, 0));
    cr_program *p = cr_compile(g, &(cr_compile_options){.device = device});
    cr_graph_destroy(g);
    return p;
}

int cr_selftest(const char *device, FILE *out)
{
    cr_device_info info;
    int cases = 0, failures = 0, ops = 0;
    if (chosen_device(device, &info) != CR_OK)
        return -1;
    cr_program *opened = open_device(device);
    if (!opened)
        return -1;
    fprintf(out, "%s (%s, driver %s)\n", info.name, info.platform, info.driver);
    for (size_t i = 0; i < CR_COUNTOF(tests); i++) {
        bool exact = info.correct_divide || !needs_division(&tests[i]);
        struct score s = {.allowed = exact ? 0 : INEXACT_ULP};
        fprintf(out, "%-12s ", tests[i].name); /* first: a driver may crash */
        fflush(out);
        run_test(&s, &tests[i], opened);
        fprintf(out, "%s %4d cases, worst %lld ulp", s.failures ? "FAIL" : "ok  ", s.cases,
                (long long)s.worst);
        fprintf(out, s.failures ? ", %d wrong\n%s" : "\n", s.failures, cr_str_text(&s.report));
        fflush(out);
        cr_str_finish(&s.report);
        cases += s.cases;
        failures += s.failures;
        ops++;
    }
    cr_program_destroy(opened);
    fprintf(out, "%d ops, %d cases, %d wrong\n", ops, cases, failures);
    return failures;
}
