/* The reference interpreter, against what each op is documented to do. */
#include <criterion/criterion.h>
#include <math.h>

#include "crisol/ops.h"
#include "ir.h"

/* ---- a graph with its data ------------------------------------------------------------------- */

static cr_graph *g;
static cr_interp *in;

static void begin(void)
{
    g = cr_graph_create("test");
    in = NULL;
}

static void end(void)
{
    cr_interp_destroy(in);
    cr_graph_destroy(g);
    cr_assert_eq(cr_alloc_live(), 0);
}

TestSuite(interp, .init = begin, .fini = end);

static void start(void)
{
    in = cr_interp_create(g);
    cr_assert_not_null(in, "%s", cr_error());
}

static void bind(cr_value leaf, void *data)
{
    cr_assert_eq(cr_interp_bind(in, leaf.ref, data), CR_OK);
}

static void run(void)
{
    cr_assert_eq(cr_interp_run(in), CR_OK, "%s", cr_error());
}

static const float *floats(cr_value v)
{
    return cr_interp_value(in, v.ref);
}

static const int32_t *ints(cr_value v)
{
    return cr_interp_value(in, v.ref);
}

static const uint8_t *bytes(cr_value v)
{
    return cr_interp_value(in, v.ref);
}

static cr_value keep(cr_value v)
{
    static char name[16];
    snprintf(name, sizeof name, "out%u", v.ref);
    cr_assert_not(cr_is_poison(v), "%s", g->message);
    cr_output(g, name, v);
    return v;
}

/* A value of a shape whose elements are 0, 1, 2... */
static cr_value counting(cr_shape shape)
{
    int32_t n = (int32_t)cr_shape_count(g, &shape);
    cr_value flat = cr_iota_at(CR_HERE, g, CR_SHAPE(n), 0);
    return cr_cast(cr_reshape(flat, shape), CR_F32);
}

static void expect_floats(cr_value v, const float *want)
{
    const float *got = floats(v);
    for (int64_t i = 0; i < cr_count_of(g, v.ref); i++)
        cr_assert(got[i] == want[i] || (isnan(got[i]) && isnan(want[i])),
                  "element %lld is %a, not %a", (long long)i, (double)got[i], (double)want[i]);
}

static void expect_ints(cr_value v, const int32_t *want)
{
    const int32_t *got = ints(v);
    for (int64_t i = 0; i < cr_count_of(g, v.ref); i++)
        cr_assert_eq(got[i], want[i], "element %lld is %d, not %d", (long long)i, got[i], want[i]);
}

static void expect_bytes(cr_value v, const uint8_t *want)
{
    const uint8_t *got = bytes(v);
    for (int64_t i = 0; i < cr_count_of(g, v.ref); i++)
        cr_assert_eq(got[i], want[i], "element %lld is %d, not %d", (long long)i, got[i], want[i]);
}

/* ---- elementwise ----------------------------------------------------------------------------- */

static double eval(cr_op op, cr_dtype dtype, double x, double y, double z)
{
    return cr_eval_scalar(op, dtype, (double[]){x, y, z});
}

Test(interp, scalars_of_floats)
{
    cr_assert_eq(eval(CR_OP_add, CR_F32, 0x1p24, 1, 0), 0x1p24, "rounded to f32");
    cr_assert_eq(eval(CR_OP_sub, CR_F32, 5, 7, 0), -2);
    cr_assert_eq(eval(CR_OP_div, CR_F32, 1, 3, 0), (double)(1.0f / 3.0f));
    cr_assert_eq(eval(CR_OP_sqrt, CR_F32, 2, 0, 0), (double)sqrtf(2));
    cr_assert_eq(eval(CR_OP_floor, CR_F32, -1.5, 0, 0), -2);
    cr_assert_eq(eval(CR_OP_relu, CR_F32, -1, 0, 0), 0);
    cr_assert(isnan(eval(CR_OP_relu, CR_F32, NAN, 0, 0)));
    cr_assert_eq(eval(CR_OP_sign, CR_F32, -3, 0, 0), -1);
    cr_assert(isnan(eval(CR_OP_sign, CR_F32, NAN, 0, 0)));
    cr_assert_eq(eval(CR_OP_max, CR_F32, 1, 2, 0), 2);
    cr_assert(isnan(eval(CR_OP_max, CR_F32, NAN, 2, 0)) &&
              isnan(eval(CR_OP_max, CR_F32, 2, NAN, 0)));
    cr_assert(isnan(eval(CR_OP_min, CR_F32, NAN, 2, 0)) &&
              isnan(eval(CR_OP_min, CR_F32, 2, NAN, 0)));
    cr_assert_eq(eval(CR_OP_pow, CR_F32, 2, 10, 0), 1024);
    cr_assert_float_eq(eval(CR_OP_sigmoid, CR_F32, 1, 0, 0), 0.731058578, 1e-7);
    cr_assert_eq(eval(CR_OP_sigmoid, CR_F32, -200, 0, 0), 0);
    cr_assert_eq(eval(CR_OP_sigmoid, CR_F32, 200, 0, 0), 1);
}

Test(interp, scalars_of_integers_wrap)
{
    cr_assert_eq(eval(CR_OP_add, CR_I32, INT32_MAX, 1, 0), INT32_MIN);
    cr_assert_eq(eval(CR_OP_mul, CR_I32, 65536, 65536, 0), 0);
    cr_assert_eq(eval(CR_OP_neg, CR_I32, INT32_MIN, 0, 0), INT32_MIN);
    cr_assert_eq(eval(CR_OP_abs, CR_I32, INT32_MIN, 0, 0), INT32_MIN);
    cr_assert_eq(eval(CR_OP_idiv, CR_I32, -7, 2, 0), -3);
    cr_assert_eq(eval(CR_OP_imod, CR_I32, -7, 2, 0), -1);
    cr_assert_eq(eval(CR_OP_idiv, CR_I32, 7, 0, 0), 0);
    cr_assert_eq(eval(CR_OP_imod, CR_I32, 7, 0, 0), 0);
    cr_assert_eq(eval(CR_OP_idiv, CR_I32, INT32_MIN, -1, 0), INT32_MIN);
    cr_assert_eq(eval(CR_OP_max, CR_I32, -5, -6, 0), -5);
}

Test(interp, scalars_of_conditions)
{
    static const cr_dtype all[] = {CR_F32, CR_I32, CR_U8, CR_BOOL};
    for (size_t i = 0; i < CR_COUNTOF(all); i++) {
        cr_assert_eq(eval(CR_OP_lt, all[i], 0, 1, 0), 1);
        cr_assert_eq(eval(CR_OP_le, all[i], 1, 1, 0), 1);
        cr_assert_eq(eval(CR_OP_eq, all[i], 0, 1, 0), 0);
        cr_assert_eq(eval(CR_OP_ne, all[i], 0, 1, 0), 1);
        cr_assert_eq(eval(CR_OP_select, all[i], 1, 1, 0), 1);
        cr_assert_eq(eval(CR_OP_select, all[i], 0, 1, 0), 0);
    }
    cr_assert_eq(eval(CR_OP_ne, CR_F32, NAN, NAN, 0), 1);
    cr_assert_eq(eval(CR_OP_le, CR_F32, NAN, NAN, 0), 0);
    cr_assert_eq(eval(CR_OP_lt, CR_U8, 100, 200, 0), 1, "u8 has no sign");
    cr_assert_eq(eval(CR_OP_and, CR_BOOL, 1, 0, 0), 0);
    cr_assert_eq(eval(CR_OP_or, CR_BOOL, 1, 0, 0), 1);
    cr_assert_eq(eval(CR_OP_not, CR_BOOL, 0, 0, 0), 1);
    cr_assert_eq(eval(CR_OP_not, CR_BOOL, 1, 0, 0), 0);
}

/* Every row is what cr_eval_scalar says, element by element. */
Test(interp, arrays_are_like_scalars)
{
    float x[64], y[64], w[64];
    cr_value a = cr_input(g, "a", CR_F32, 64), b = cr_input(g, "b", CR_F32, 64);
    cr_value row[CR_OP_COUNT] = {{0}};
#define BUILD_1(name) cr_##name(a)
#define BUILD_2(name) cr_##name(a, b)
#define BUILD_F(name, n) keep(BUILD_##n(name))
#define BUILD_N(name, n) keep(BUILD_##n(name))
#define BUILD_I(name, n) row[0]
#define BUILD_B(name, n) row[0]
#define BUILD_C(name, n) row[0]
#define BUILD_S(name, n) row[0]
#define CR_EW(name, arity, types, ...) row[CR_OP_##name] = BUILD_##types(name, arity);
#include "ops.def"
    for (int i = 0; i < 64; i++) {
        x[i] = (float)(i - 30) / 3;
        y[i] = (float)(i * 7 % 64 - 30) / 5;
    }
    start();
    bind(a, x);
    bind(b, y);
    run();
    for (int op = 1; op < CR_OP_COUNT; op++) {
        if (!row[op].ref)
            continue;
        for (int i = 0; i < 64; i++)
            w[i] = (float)eval((cr_op)op, CR_F32, (double)x[i], (double)y[i], 0);
        expect_floats(row[op], w);
    }
}

/* ---- movement -------------------------------------------------------------------------------- */

Test(interp, permute_of_four_axes)
{
    cr_value x = counting(CR_SHAPE(2, 3, 4, 5));
    cr_value y = keep(cr_permute(x, CR_SHAPE(2, 0, 3, 1)));
    start();
    run();
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 5; c++)
                for (int d = 0; d < 3; d++)
                    cr_assert_eq(floats(y)[((a * 2 + b) * 5 + c) * 3 + d],
                                 (float)(((b * 3 + d) * 4 + a) * 5 + c));
}

Test(interp, movement_of_small_arrays)
{
    cr_value x = counting(CR_SHAPE(2, 3));
    cr_value transposed = keep(cr_transpose(x));
    cr_value column = keep(cr_expand(counting(CR_SHAPE(2, 1)), CR_SHAPE(2, 2, 3)));
    cr_value scalar = keep(cr_expand(cr_f32(g, 7), CR_SHAPE(2, 2)));
    cr_value slice = keep(cr_slice(x, CR_SHAPE(0, 1), CR_SHAPE(2, 2)));
    cr_value pad = keep(cr_pad(x, CR_SHAPE(1, 0), CR_SHAPE(0, 2), -1));
    cr_value below = keep(cr_concat(x, cr_neg(x), 0));
    cr_value beside = keep(cr_concat(x, counting(CR_SHAPE(2, 1)), 1));
    cr_value rows = keep(cr_reshape(x, CR_SHAPE(3, -1)));
    start();
    run();
    expect_floats(transposed, (float[]){0, 3, 1, 4, 2, 5});
    expect_floats(column, (float[]){0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
    expect_floats(scalar, (float[]){7, 7, 7, 7});
    expect_floats(slice, (float[]){1, 2, 4, 5});
    expect_floats(pad, (float[]){-1, -1, -1, -1, -1, 0, 1, 2, -1, -1, 3, 4, 5, -1, -1});
    expect_floats(below, (float[]){0, 1, 2, 3, 4, 5, -0.0f, -1, -2, -3, -4, -5});
    expect_floats(beside, (float[]){0, 1, 2, 0, 3, 4, 5, 1});
    expect_floats(rows, (float[]){0, 1, 2, 3, 4, 5});
}

Test(interp, movement_of_other_types)
{
    cr_value x = cr_cast(counting(CR_SHAPE(2, 2)), CR_U8);
    cr_value t = keep(cr_transpose(x));
    cr_value p = keep(cr_pad(x, CR_SHAPE(0, 1), CR_SHAPE(0, 0), 9));
    cr_value i = keep(cr_pad(cr_cast(x, CR_I32), CR_SHAPE(0, 0), CR_SHAPE(1, 0), -3));
    cr_value b = keep(cr_concat(cr_cast(x, CR_BOOL), cr_cast(x, CR_BOOL), 1));
    start();
    run();
    expect_bytes(t, (uint8_t[]){0, 2, 1, 3});
    expect_bytes(p, (uint8_t[]){9, 0, 1, 9, 2, 3});
    expect_ints(i, (int32_t[]){0, 1, 2, 3, -3, -3});
    expect_bytes(b, (uint8_t[]){0, 1, 0, 1, 1, 1, 1, 1});
}

/* ---- reductions ------------------------------------------------------------------------------ */

Test(interp, sums_ascend_in_row_major_order)
{
    enum { A = 3, B = 5, C = 7 };
    float x[A * B * C], outer[B] = {0}, all = 0;
    cr_value v = cr_input(g, "x", CR_F32, A, B, C);
    cr_value ends = keep(cr_sum(v, CR_AXIS(0) | CR_AXIS(2)));
    cr_value total = keep(cr_sum(v, CR_ALL_AXES));
    cr_value kept = keep(cr_sum_keep(v, CR_AXIS(1)));
    for (int i = 0; i < A * B * C; i++)
        x[i] = sinf((float)i) * powf(10, (float)(i % 9));
    start();
    bind(v, x);
    run();
    for (int i = 0; i < A; i++)
        for (int j = 0; j < B; j++)
            for (int k = 0; k < C; k++)
                outer[j] += x[(i * B + j) * C + k];
    for (int i = 0; i < A; i++) { /* 35 elements behind the outermost axis: these first */
        float each = 0;
        for (int j = 0; j < B * C; j++)
            each += x[i * B * C + j];
        all += each;
    }
    expect_floats(ends, outer);
    expect_floats(total, &all);
    for (int i = 0; i < A; i++)
        for (int k = 0; k < C; k++) {
            float sum = 0;
            for (int j = 0; j < B; j++)
                sum += x[(i * B + j) * C + k];
            cr_assert_eq(floats(kept)[i * C + k], sum);
        }
}

Test(interp, largest_elements)
{
    float x[] = {1, 5, 5, -1, NAN, 3, NAN, 2, -INFINITY, -INFINITY, -INFINITY, -INFINITY};
    cr_value v = cr_input(g, "x", CR_F32, 3, 4);
    cr_value top = keep(cr_amax(v, CR_AXIS(1))), at = keep(cr_argmax(v, CR_AXIS(1)));
    cr_value down = keep(cr_argmax(v, CR_AXIS(0))), all = keep(cr_argmax(v, CR_ALL_AXES));
    cr_value each = keep(cr_argmax(v, 0));
    start();
    bind(v, x);
    run();
    expect_floats(top, (float[]){5, NAN, -INFINITY});
    expect_ints(at, (int32_t[]){1, 0, 0});
    expect_ints(down, (int32_t[]){1, 0, 1, 1});
    expect_ints(all, (int32_t[]){4});
    expect_ints(each, (int32_t[12]){0});
}

Test(interp, reductions_of_integers)
{
    int32_t x[] = {INT32_MAX, 1, 7, INT32_MIN, INT32_MIN, INT32_MIN};
    cr_value v = cr_input(g, "x", CR_I32, 2, 3);
    cr_value sum = keep(cr_sum(v, CR_LAST_AXIS)), top = keep(cr_amax(v, CR_LAST_AXIS));
    cr_value at = keep(cr_argmax(v, CR_AXIS(0) | CR_AXIS(1)));
    start();
    bind(v, x);
    run();
    expect_ints(sum, (int32_t[]){INT32_MIN + 7, INT32_MIN});
    expect_ints(top, (int32_t[]){INT32_MAX, INT32_MIN});
    expect_ints(at, (int32_t[]){0});
}

/* The index counts over the reduced axes only, in row-major order. */
Test(interp, argmax_over_axes_that_are_not_neighbours)
{
    float x[2 * 3 * 4] = {0};
    cr_value v = cr_input(g, "x", CR_F32, 2, 3, 4);
    cr_value at = keep(cr_argmax(v, CR_AXIS(0) | CR_AXIS(2)));
    x[(0 * 3 + 0) * 4 + 2] = 1;
    x[(1 * 3 + 1) * 4 + 3] = 1;
    x[(1 * 3 + 2) * 4 + 0] = 1;
    start();
    bind(v, x);
    run();
    expect_ints(at, (int32_t[]){2, 7, 4});
}

/* ---- structured ------------------------------------------------------------------------------ */

static void check_matmul(int batch, int m, int k, int n)
{
    begin();
    cr_value x = cr_input(g, "x", CR_F32, batch, m, k), y = cr_input(g, "y", CR_F32, batch, k, n);
    cr_value z = keep(cr_matmul(x, y));
    float *xs = cr_alloc((size_t)(batch * m * k) * 4), *ys = cr_alloc((size_t)(batch * k * n) * 4);
    for (int i = 0; i < batch * m * k; i++)
        xs[i] = sinf((float)i);
    for (int i = 0; i < batch * k * n; i++)
        ys[i] = cosf((float)i);
    start();
    bind(x, xs);
    bind(y, ys);
    run();
    for (int i = 0; i < batch * m; i++)
        for (int j = 0; j < n; j++) {
            float acc = 0;
            for (int p = 0; p < k; p++)
                acc = fmaf(xs[i * k + p], ys[(i / m * k + p) * n + j], acc);
            cr_assert_eq(floats(z)[i * n + j], acc, "matmul %d %d %d %d", batch, m, k, n);
        }
    cr_free(xs);
    cr_free(ys);
    end();
}

Test(matmul, chains_of_fused_multiply_adds)
{
    static const int n[] = {1, 2, 15, 16, 17, 33};
    for (size_t i = 0; i < CR_COUNTOF(n); i++)
        for (int batch = 1; batch < 4; batch++)
            check_matmul(batch, 1 + (int)i, 40 - n[i], n[i]);
}

Test(interp, gather_of_rows)
{
    static uint8_t table[100 * 6];
    int32_t index[] = {99, 0, -5, 1000, 50, 50};
    uint8_t want[6 * 6];
    cr_value t = cr_input(g, "t", CR_U8, 100, 2, 3), i = cr_input(g, "i", CR_I32, 3, 2);
    cr_value rows = keep(cr_gather(t, i)), row = keep(cr_gather(t, cr_i32(g, 3)));
    cr_value element = keep(cr_gather(counting(CR_SHAPE(9)), i));
    for (int k = 0; k < 600; k++)
        table[k] = (uint8_t)(k * 7);
    for (int k = 0; k < 36; k++)
        want[k] = table[(index[k / 6] < 0 || index[k / 6] > 99 ? 99 : index[k / 6]) * 6 + k % 6];
    start();
    bind(t, table);
    bind(i, index);
    run();
    expect_bytes(rows, want);
    expect_bytes(row, table + 18);
    expect_floats(element, (float[]){8, 0, 8, 8, 8, 8});
}

Test(interp, casts)
{
    float x[] = {-1.9f, 2.5f, 300, NAN, 1e10f, 0};
    int32_t y[] = {-1, 0, 256, 255, 16777217, INT32_MIN};
    cr_value f = cr_input(g, "f", CR_F32, 6), i = cr_input(g, "i", CR_I32, 6);
    cr_value fi = keep(cr_cast(f, CR_I32)), fu = keep(cr_cast(f, CR_U8)),
             fb = keep(cr_cast(f, CR_BOOL));
    cr_value xf = keep(cr_cast(i, CR_F32)), xb = keep(cr_cast(i, CR_BOOL)),
             xu = keep(cr_cast(i, CR_U8));
    cr_value uf = keep(cr_cast(fu, CR_F32)), bi = keep(cr_cast(fb, CR_I32));
    start();
    bind(f, x);
    bind(i, y);
    run();
    expect_ints(fi, (int32_t[]){-1, 2, 300, 0, INT32_MAX, 0});
    expect_bytes(fu, (uint8_t[]){0, 2, 255, 0, 255, 0});
    expect_bytes(fb, (uint8_t[]){1, 1, 1, 1, 1, 0});
    expect_floats(xf, (float[]){-1, 0, 256, 255, 16777216, -0x1p31f});
    expect_bytes(xb, (uint8_t[]){1, 0, 1, 1, 1, 1});
    expect_bytes(xu, (uint8_t[]){255, 0, 0, 255, 1, 0});
    expect_floats(uf, (float[]){0, 2, 255, 0, 255, 0});
    expect_ints(bi, (int32_t[]){1, 1, 1, 1, 1, 0});
}

Test(interp, iota_along_each_axis)
{
    cr_value a = keep(cr_iota(g, CR_SHAPE(2, 3), 0)), b = keep(cr_iota(g, CR_SHAPE(2, 3), 1));
    start();
    run();
    expect_ints(a, (int32_t[]){0, 0, 0, 1, 1, 1});
    expect_ints(b, (int32_t[]){0, 1, 2, 0, 1, 2});
}

Test(interp, random_is_philox)
{
    int32_t step = -7;
    cr_value s = cr_input_at(CR_HERE, g, "step", CR_I32, CR_SCALAR);
    cr_value a = keep(cr_random(g, cr_i32(g, 42), s, CR_SHAPE(3, 5)));
    cr_value b = keep(cr_random(g, cr_i32(g, 42), s, CR_SHAPE(3, 5)));
    start();
    bind(s, &step);
    run();
    cr_value two[] = {a, b};
    for (int v = 0; v < 2; v++) {
        uint32_t stream = (uint32_t)cr_attr_of(g, two[v].ref)->at[0], word[4];
        for (uint32_t i = 0; i < 15; i++) {
            cr_philox4x32((uint32_t[]){i / 4, (uint32_t)step, 0, 0}, (uint32_t[]){42, stream},
                          word);
            cr_assert_eq(floats(two[v])[i], (float)(word[i % 4] >> 8) * 0x1p-24f);
        }
    }
    cr_assert_neq(memcmp(floats(a), floats(b), 15 * 4), 0, "each call has its own stream");
}

Test(interp, sizes_and_symbols_take_their_bounds)
{
    cr_dim batch = cr_symbol(g, "batch", 6);
    float x[12];
    for (int i = 0; i < 12; i++)
        x[i] = (float)i;
    cr_value v = cr_input(g, "x", CR_F32, batch, 2);
    cr_value mean = keep(cr_mean(v, CR_AXIS(0))), size = keep(cr_size(g, batch));
    start();
    bind(v, x);
    run();
    expect_floats(mean, (float[]){5, 6});
    expect_ints(size, (int32_t[]){6});
}

/* ---- state ----------------------------------------------------------------------------------- */

Test(interp, a_counter_counts)
{
    int32_t n = 5;
    cr_value s = cr_state(g, "n", CR_I32, (cr_init){0}, CR_SCALAR);
    cr_value twice = keep(cr_add(s, s));
    cr_assign(s, cr_add(s, cr_i32(g, 1)));
    start();
    bind(s, &n);
    for (int i = 5; i < 9; i++) {
        run();
        cr_assert_eq(n, i + 1);
        cr_assert_eq(*ints(twice), 2 * i, "reads see the value before the step");
    }
}

/* Each takes what the others were before the step, also where the new value is a state itself. */
Test(interp, states_rotate)
{
    float a[] = {1, 2}, b[] = {3, 4}, c[] = {5, 6};
    cr_value x = cr_state(g, "a", CR_F32, (cr_init){0}, CR_SHAPE(2));
    cr_value y = cr_state(g, "b", CR_F32, (cr_init){0}, CR_SHAPE(2));
    cr_value z = cr_state(g, "c", CR_F32, (cr_init){0}, CR_SHAPE(2));
    cr_assign(x, y);
    cr_assign(y, z);
    cr_assign(z, x);
    start();
    bind(x, a);
    bind(y, b);
    bind(z, c);
    run();
    cr_assert(a[0] == 3 && a[1] == 4 && b[0] == 5 && b[1] == 6 && c[0] == 1 && c[1] == 2);
}

Test(interp, roots_have_the_value_of_their_source)
{
    float a = 1;
    cr_value x = cr_state(g, "a", CR_F32, (cr_init){0}, CR_SCALAR);
    cr_value y = cr_add(x, cr_f32(g, 1));
    cr_assign(x, y);
    cr_output(g, "y", y);
    start();
    bind(x, &a);
    run();
    for (uint32_t i = 0; i < g->root.len; i++)
        cr_assert_eq(*(const float *)cr_interp_value(in, g->root.at[i]), 2);
}

/* ---- the whole ------------------------------------------------------------------------------- */

Test(interp, leaves_must_be_bound)
{
    cr_value x = cr_input(g, "x", CR_F32, 2);
    cr_value y = keep(cr_neg(x));
    start();
    cr_assert_eq(cr_interp_run(in), CR_E_ARGUMENT);
    cr_assert_str_eq(cr_error(), "input 'x' has no elements");
    cr_assert_eq(cr_interp_bind(in, y.ref, NULL), CR_E_ARGUMENT);
    cr_assert_eq(cr_interp_bind(in, 0, NULL), CR_E_ARGUMENT);
    cr_assert_eq(cr_interp_bind(in, 1000, NULL), CR_E_ARGUMENT);
}

Test(interp, what_no_root_reaches_is_not_computed)
{
    cr_value x = cr_input(g, "x", CR_F32, 2), dead = cr_neg(x);
    cr_value y = keep(cr_f32(g, 1));
    start();
    run();
    cr_assert_null(cr_interp_value(in, dead.ref));
    cr_assert_null(cr_interp_value(in, x.ref));
    cr_assert_null(cr_interp_value(in, 1000));
    cr_assert_eq(*floats(y), 1);
}

Test(interp, a_graph_with_a_mistake_is_refused)
{
    cr_matmul(cr_input(g, "x", CR_F32, 2, 3), cr_input(g, "y", CR_F32, 2, 3));
    cr_assert_null(cr_interp_create(g));
    cr_assert(strstr(cr_error(), "inner dimensions"));
}

Test(interp, the_first_bad_node_is_found)
{
    float x[] = {1, 0};
    cr_value v = cr_input(g, "x", CR_F32, 2), log = cr_log(v);
    keep(cr_mul(log, v));
    start();
    bind(v, x);
    run();
    cr_assert_eq(cr_interp_first_bad(in), log.ref);
    x[1] = 2;
    run();
    cr_assert_eq(cr_interp_first_bad(in), 0);
}

Test(interp, long_chains_do_not_recurse)
{
    float x = 0;
    cr_value v = cr_input_at(CR_HERE, g, "x", CR_F32, CR_SCALAR), one = cr_f32(g, 1);
    for (int i = 0; i < 100000; i++)
        v = cr_add(v, one);
    keep(v);
    start();
    bind(cr_find(g, "x"), &x);
    run();
    cr_assert_eq(*floats(v), 100000);
}

Test(interp, any_allocation_may_fail)
{
    keep(cr_softmax(counting(CR_SHAPE(3, 4))));
    size_t before = cr_alloc_live();
    for (int n = 0; !in; n++) {
        cr_alloc_fail_after(n);
        in = cr_interp_create(g);
        cr_assert(in || cr_last_status() == CR_E_MEMORY);
        cr_assert(in || cr_alloc_live() == before);
        cr_assert_lt(n, 1000);
    }
    cr_alloc_fail_after(-1);
    run();
}

/* ---- initial values -------------------------------------------------------------------------- */

static cr_value state_of(const char *name, cr_init_kind kind, float a, float b, cr_shape shape)
{
    cr_value v = cr_state(g, name, CR_F32, ((cr_init){.kind = kind, .a = a, .b = b}), shape);
    cr_assert_not(cr_is_poison(v));
    return v;
}

typedef struct moments {
    double lo, hi, mean, deviation;
} moments;

/* Of the 40000 elements of a state. */
static moments moments_of(cr_value state)
{
    static float x[40000];
    moments m = {INFINITY, -INFINITY, 0, 0};
    cr_assert_eq(cr_count_of(g, state.ref), 40000);
    cr_init_fill(g, state.ref, 1, x);
    for (int i = 0; i < 40000; i++) {
        m.lo = fmin(m.lo, (double)x[i]);
        m.hi = fmax(m.hi, (double)x[i]);
        m.mean += (double)x[i] / 40000;
    }
    for (int i = 0; i < 40000; i++)
        m.deviation += ((double)x[i] - m.mean) * ((double)x[i] - m.mean) / 40000;
    m.deviation = sqrt(m.deviation);
    return m;
}

static void expect_uniform(cr_value state, double lo, double hi)
{
    moments m = moments_of(state);
    double width = hi - lo;
    cr_assert(m.lo >= lo && m.hi < hi, "[%g, %g] is not within [%g, %g)", m.lo, m.hi, lo, hi);
    cr_assert(m.lo < lo + width * 1e-3 && m.hi > hi - width * 1e-3);
    cr_assert_float_eq(m.mean, (lo + hi) / 2, width * 0.01);
    cr_assert_float_eq(m.deviation, width / sqrt(12), width * 0.01);
}

static void expect_normal(cr_value state, double mean, double deviation)
{
    moments m = moments_of(state);
    cr_assert_float_eq(m.mean, mean, deviation * 0.02);
    cr_assert_float_eq(m.deviation, deviation, deviation * 0.02);
    cr_assert_gt(m.hi, mean + 3.5 * deviation);
    cr_assert_lt(m.lo, mean - 3.5 * deviation);
    cr_assert_lt(m.hi, mean + 6 * deviation);
}

static void expect_truncated(cr_value state, double mean, double deviation)
{
    moments m = moments_of(state);
    const double limit = 2 * deviation / 0.87962566103423978;
    cr_assert_float_eq(m.mean, mean, deviation * 0.02);
    cr_assert_float_eq(m.deviation, deviation, deviation * 0.02);
    cr_assert(m.lo >= mean - limit * (1 + 1e-6) && m.lo < mean - 0.99 * limit);
    cr_assert(m.hi <= mean + limit * (1 + 1e-6) && m.hi > mean + 0.99 * limit);
}

Test(interp, initial_distributions)
{
    cr_shape wide = CR_SHAPE(400, 100), deep = CR_SHAPE(20, 20, 100);
    expect_uniform(state_of("u", CR_INIT_UNIFORM, -1, 3, wide), -1, 3);
    expect_normal(state_of("n", CR_INIT_NORMAL, 5, 2, wide), 5, 2);
    expect_uniform(state_of("gu", CR_INIT_GLOROT_UNIFORM, 0, 0, wide), -sqrt(6 / 500.0),
                   sqrt(6 / 500.0));
    expect_truncated(state_of("gn", CR_INIT_GLOROT_NORMAL, 0, 0, deep), 0, sqrt(2 / 2400.0));
    expect_uniform(state_of("hu", CR_INIT_HE_UNIFORM, 0, 0, deep), -sqrt(6 / 400.0),
                   sqrt(6 / 400.0));
    expect_truncated(state_of("hn", CR_INIT_HE_NORMAL, 0, 0, wide), 0, sqrt(2 / 400.0));
    expect_uniform(state_of("lu", CR_INIT_LECUN_UNIFORM, 0, 0, deep), -sqrt(3 / 400.0),
                   sqrt(3 / 400.0));
    expect_truncated(state_of("ln", CR_INIT_LECUN_NORMAL, 0, 0, wide), 0, sqrt(1 / 400.0));
    expect_truncated(state_of("tn", CR_INIT_TRUNCATED_NORMAL, 5, 2, wide), 5,
                     2 * 0.87962566103423978);
    expect_uniform(state_of("row", CR_INIT_HE_UNIFORM, 0, 0, CR_SHAPE(40000)), -sqrt(6 / 40000.0),
                   sqrt(6 / 40000.0));
}

Test(interp, initial_normal_numbers_are_independent)
{
    static float x[40000];
    cr_value n = state_of("n", CR_INIT_NORMAL, 0, 1, CR_SHAPE(40000));
    for (int lag = 1; lag < 5; lag++) {
        double sum = 0;
        cr_init_fill(g, n.ref, 1, x);
        for (int i = 0; i + lag < 40000; i++)
            sum += (double)x[i] * (double)x[i + lag];
        cr_assert_float_eq(sum / 40000, 0, 0.02);
    }
}

Test(interp, initial_values_follow_seed_and_name)
{
    float a[10], b[10];
    cr_value x = state_of("x", CR_INIT_UNIFORM, 0, 1, CR_SHAPE(10));
    cr_value y = state_of("y", CR_INIT_UNIFORM, 0, 1, CR_SHAPE(10));
    cr_init_fill(g, x.ref, 1, a);
    cr_init_fill(g, x.ref, 1, b);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_init_fill(g, x.ref, 2, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    cr_init_fill(g, x.ref, 1ull << 32 | 1, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    cr_init_fill(g, y.ref, 1, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
}

Test(interp, initial_bits_are_a_seed)
{
    int32_t a[64], b[64];
    cr_value x = cr_state(g, "x", CR_I32, ((cr_init){.kind = CR_INIT_BITS}), CR_SHAPE(64));
    int negative = 0;
    cr_init_fill(g, x.ref, 1, a);
    cr_init_fill(g, x.ref, 2, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    for (int i = 0; i < 64; i++)
        negative += a[i] < 0;
    cr_assert(negative > 16 && negative < 48, "%d", negative);
}

Test(interp, initial_constants_and_data)
{
    int32_t i[2], data[2] = {3, -4};
    uint8_t u[2];
    float f[3];
    cr_value c = cr_state(g, "c", CR_I32, ((cr_init){.a = -2.5f}), CR_SHAPE(2));
    cr_value b = cr_state(g, "b", CR_BOOL, ((cr_init){.a = 0.5f}), CR_SHAPE(2));
    cr_value d =
        cr_state(g, "d", CR_I32, ((cr_init){.kind = CR_INIT_DATA, .data = data}), CR_SHAPE(2));
    cr_value z = cr_param(g, "z", CR_F32, 3);
    cr_init_fill(g, c.ref, 1, i);
    cr_assert(i[0] == -2 && i[1] == -2);
    cr_init_fill(g, b.ref, 1, u);
    cr_assert(u[0] == 1 && u[1] == 1);
    cr_init_fill(g, d.ref, 1, i);
    cr_assert(i[0] == 3 && i[1] == -4);
    cr_init_fill(g, z.ref, 1, f);
    cr_assert(f[0] == 0 && f[1] == 0 && f[2] == 0);
    cr_value u8 = cr_state(g, "u8", CR_U8, ((cr_init){.a = 300}), CR_SHAPE(2));
    cr_init_fill(g, u8.ref, 1, u);
    cr_assert(u[0] == 255 && u[1] == 255);
}
