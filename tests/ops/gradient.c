/* gradient.c - the gradient of every op against central differences, in the range of its row; of
 * some, the gradient of the gradient. crisol-test: link-all */
#include <criterion/criterion.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"

/* A weight for each element, so that no error cancels. */
static cr_value weighted(cr_value v)
{
    cr_shape s = cr_value_shape(v);
    cr_value i =
        cr_cast(cr_iota_at(CR_HERE, v.graph, CR_SHAPE(cr_count_of(v.graph, v.ref)), 0), CR_F32);
    cr_value w = cr_add(cr_mul(i, cr_f32(v.graph, 0.1f)), cr_f32(v.graph, 0.3f));
    return cr_mean(cr_mul(v, cr_reshape_at(CR_HERE, w, s)), CR_ALL_AXES);
}

static void check(const char *name, cr_value loss, const cr_value *x, uint32_t n)
{
    cr_gradient_check o = {.seed = 3, .step = 0x1p-7f};
    cr_expect_eq(cr_check_gradient(loss, x, n, &o, NULL), CR_OK, "%s: %s", name, cr_error());
}

/* A state spread over [lo, hi): distinct values, in no order. */
static cr_value spread(cr_graph *g, const char *name, float lo, float hi, cr_shape shape)
{
    cr_init init = {.kind = CR_INIT_UNIFORM, .a = lo, .b = hi};
    return cr_state_at(CR_HERE, g, name, CR_F32, init, shape, true);
}

/* clang-format off */
static cr_value apply(cr_op op, const cr_value *v)
{
    const cr_loc at = {0};
    switch (op) {
#define ARGS_1 v[0]
#define ARGS_2 v[0], v[1]
#define ARGS_3 cr_lt(v[0], v[1]), v[1], v[2]
#define CALL(name, args) case CR_OP_##name: return cr_##name##_at(at, args);
#define CR_EW(name, arity, ...) CALL(name, ARGS_##arity)
#include "ops.def"
    default: return (cr_value){0};
    }
}
/* clang-format on */

/* By each operand, the second broadcast; `twice`: of the gradient's square too. */
static void check_row(cr_op op, bool twice)
{
    const cr_op_info *row = &cr_ops[op];
    if (row->kind != CR_KIND_EW || row->types == CR_TYPES_I || row->types == CR_TYPES_B ||
        !strcmp(row->gradient, "0") || !strcmp(row->gradient, "0; 0"))
        return;
    cr_graph *g = cr_graph_create(row->name);
    cr_value v[3] = {spread(g, "x", row->lo, row->hi, CR_SHAPE(3, 5)),
                     spread(g, "y", row->lo, row->hi, CR_SHAPE(5)),
                     spread(g, "z", row->lo, row->hi, CR_SHAPE(3, 1))};
    uint32_t first = op == CR_OP_select, n = row->arity - first;
    cr_value loss = weighted(apply(op, v));
    if (twice) {
        cr_value d[3];
        cr_assert_eq(cr_gradients(loss, v + first, n, d), CR_OK, "%s", cr_error());
        loss = cr_f32(g, 0);
        for (uint32_t i = 0; i < n; i++)
            loss = cr_add(loss, cr_mul(cr_f32(g, 20), weighted(cr_mul(d[i], d[i]))));
    }
    check(row->name, loss, v + first, n);
    cr_graph_destroy(g);
}

Test(gradient, elementwise)
{
    for (cr_op op = 0; op < CR_OP_COUNT; op++)
        check_row(op, false);
}

Test(gradient, of_gradients)
{
    static const cr_op ops[] = {CR_OP_exp,     CR_OP_log, CR_OP_sqrt, CR_OP_tanh,
                                CR_OP_sigmoid, CR_OP_mul, CR_OP_div};
    for (size_t i = 0; i < CR_COUNTOF(ops); i++)
        check_row(ops[i], true);
}

struct unary {
    const char *name;
    cr_value (*apply)(cr_value x);
};

#define UNARY(name, expression)                                                                    \
    static cr_value test_##name(cr_value x)                                                        \
    {                                                                                              \
        return expression;                                                                         \
    }
UNARY(sum, cr_sum(x, CR_AXIS(1)))
UNARY(mean, cr_mean(x, CR_AXIS(0) | CR_AXIS(2)))
UNARY(amax, cr_amax(x, CR_AXIS(2)))
UNARY(reshape, cr_reshape_at(CR_HERE, x, CR_SHAPE(6, -1)))
UNARY(permute, cr_permute_at(CR_HERE, x, CR_SHAPE(2, 0, 1)))
UNARY(expand, cr_expand_at(CR_HERE, cr_sum_keep(x, CR_AXIS(0)), CR_SHAPE(4, 2, 3, 5)))
UNARY(slice, cr_slice_at(CR_HERE, x, CR_SHAPE(1, 0, 2), CR_SHAPE(1, 3, 2)))
UNARY(pad, cr_pad_at(CR_HERE, x, CR_SHAPE(1, 0, 2), CR_SHAPE(0, 1, 1), 3))
UNARY(concat, cr_concat(x, cr_mul(x, x), 1))
UNARY(gather, cr_gather(x, cr_iota_at(CR_HERE, x.graph, CR_SHAPE(2), 0)))
UNARY(window, cr_window(x, 2, 3, 1, 1))
UNARY(window_strided, cr_window(x, 2, 2, 2, 2))
UNARY(window_apart, cr_window(x, 2, 2, 2, 1))
UNARY(window_gaps, cr_window(x, 2, 1, 3, 1))
UNARY(flip, cr_flip(x, CR_AXIS(0) | CR_AXIS(2)))
UNARY(softmax, cr_softmax(x))
UNARY(log_softmax, cr_log_softmax(x))
UNARY(square, cr_square(x))
UNARY(elu, cr_elu(x, 0.7f))
UNARY(selu, cr_selu(x))
UNARY(silu, cr_silu(x))
UNARY(gelu, cr_gelu(x))
UNARY(gelu_tanh, cr_gelu_tanh(x))
UNARY(hard_sigmoid, cr_hard_sigmoid(x))
UNARY(transpose, cr_transpose(x))
UNARY(matmul, cr_matmul(x, cr_transpose(x)))
#undef UNARY

static const struct unary others[] = {
#define ROW(name)                                                                                  \
    {                                                                                              \
#name, test_##name                                                                         \
    }
    ROW(sum),          ROW(mean),           ROW(amax),         ROW(reshape),     ROW(permute),
    ROW(expand),       ROW(slice),          ROW(pad),          ROW(concat),      ROW(gather),
    ROW(square),       ROW(matmul),         ROW(softmax),      ROW(log_softmax), ROW(transpose),
    ROW(window),       ROW(window_strided), ROW(window_apart), ROW(window_gaps), ROW(flip),
    ROW(elu),          ROW(selu),           ROW(silu),         ROW(gelu),        ROW(gelu_tanh),
    ROW(hard_sigmoid),
#undef ROW
};

Test(gradient, others)
{
    for (size_t i = 0; i < CR_COUNTOF(others); i++) {
        cr_graph *g = cr_graph_create(others[i].name);
        cr_value x = spread(g, "x", -2, 2, CR_SHAPE(2, 3, 5));
        check(others[i].name, weighted(others[i].apply(x)), &x, 1);
        cr_graph_destroy(g);
    }
}

Test(gradient, matmul_transposed)
{
    for (int t = 0; t < 4; t++) {
        cr_graph *g = cr_graph_create("matmul_ex");
        cr_value x = spread(g, "x", -2, 2, t & 1 ? CR_SHAPE(3, 4) : CR_SHAPE(4, 3));
        cr_value y = spread(g, "y", -2, 2, t & 2 ? CR_SHAPE(5, 3) : CR_SHAPE(3, 5));
        cr_value both[] = {x, y};
        check("matmul_ex", weighted(cr_matmul_ex(x, t & 1, y, t & 2)), both, 2);
        cr_graph_destroy(g);
    }
}
