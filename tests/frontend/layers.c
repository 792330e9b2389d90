/* Dropout, normalization, embedding, and models made of them: against plain C, in training and in
 * evaluation; gradients against differences. */
#include "host.h"

#include <math.h>

#include "crisol/conv.h"
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"

static void expect_near(double got, double want, double tolerance)
{
    cr_expect(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%.9g, but %.9g is right", got,
              want);
}

/* Distinct numbers in (-1, 1). */
static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)((i * 37 + 11) % 101) / 51 - 1;
}

static void check_gradients(cr_value loss, const cr_value *x, uint32_t n)
{
    cr_assert_eq(cr_check_gradient(loss, x, n, &(cr_gradient_check){.seed = 5}, NULL), CR_OK, "%s",
                 cr_error());
}

/* A loss that sees every element. */
static cr_value loss_of(cr_value y)
{
    cr_value even = cr_mean(cr_square(cr_sub(y, cr_f32(y.graph, 0.3f))), CR_ALL_AXES);
    return cr_add(even, cr_mean(cr_tanh(y), CR_ALL_AXES));
}

/* ---- dropout --------------------------------------------------------------------------------- */

enum { DROPPED = 4000 };

static int count_zeros(const float *y, float scale)
{
    int zeros = 0;
    for (int i = 0; i < DROPPED; i++) {
        cr_assert(y[i] == 0 || y[i] == scale, "%g", (double)y[i]);
        zeros += y[i] == 0;
    }
    return zeros;
}

Test(dropout, leaves_out_and_scales)
{
    float before[DROPPED];
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, DROPPED / 10, 10);
    cr_value y = cr_dropout(x, 0.25f), z = cr_dropout(x, 0.5f);
    cr_output(g, "y", y);
    cr_output(g, "z", z);
    cr_output(g, "dx", cr_gradient(cr_sum(y, CR_ALL_AXES), x));
    host h = host_start(g, 7);
    for (int i = 0; i < DROPPED; i++)
        ((float *)host_leaf(&h, "x"))[i] = 3;
    for (int step = 0; step < 3; step++) {
        host_run(&h);
        const float *is = host_output(&h, "y"), *other = host_output(&h, "z");
        const float *dx = host_output(&h, "dx");
        cr_expect_float_eq(count_zeros(is, 4) / (double)DROPPED, 0.25, 0.03);
        cr_expect_float_eq(count_zeros(other, 6) / (double)DROPPED, 0.5, 0.03);
        int both = 0; /* independent of each other */
        for (int i = 0; i < DROPPED; i++) {
            cr_assert_eq(dx[i] == 0, is[i] == 0, "the gradient has another mask");
            both += is[i] == 0 && other[i] == 0;
        }
        cr_expect_float_eq(both / (double)DROPPED, 0.125, 0.03);
        cr_expect(step == 0 || memcmp(before, is, sizeof before) != 0, "the same mask again");
        memcpy(before, is, sizeof before);
    }
    cr_expect_eq(*(int32_t *)host_leaf(&h, "random.step"), 3);
    host_end(&h);
}

static void first_mask(uint64_t seed, float out[100])
{
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "y", cr_dropout(cr_add(cr_input(g, "x", CR_F32, 100), cr_f32(g, 1)), 0.5f));
    host h = host_start(g, seed);
    host_run(&h);
    memcpy(out, host_output(&h, "y"), 100 * sizeof *out);
    host_end(&h);
}

Test(dropout, follows_the_seed)
{
    float a[100], b[100];
    first_mask(1, a);
    first_mask(1, b);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    first_mask(2, b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
}

Test(dropout, is_nothing_in_evaluation)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 4, 5);
    cr_assert_eq(cr_dropout(x, 0).ref, x.ref);
    cr_set_training(g, false);
    cr_assert_eq(cr_dropout(x, 0.5f).ref, x.ref);
    cr_assert(cr_is_poison(cr_find(g, "random.seed")));
    cr_graph_destroy(g);
}

Test(dropout, gradient)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 6, 5);
    cr_value y = cr_dense(cr_dropout(cr_dense(x, "a", 8, CR_TANH), 0.4f), "b", 3, CR_LINEAR);
    check_gradients(loss_of(y), NULL, 0);
    cr_graph_destroy(g);
}

/* ---- normalization --------------------------------------------------------------------------- */

enum { ROWS = 6, FEATURES = 4 };

static void plain_moments(const float *x, int n, int stride, double *mean, double *var)
{
    *mean = *var = 0;
    for (int i = 0; i < n; i++)
        *mean += (double)x[i * stride] / n;
    for (int i = 0; i < n; i++)
        *var += ((double)x[i * stride] - *mean) * ((double)x[i * stride] - *mean) / n;
}

Test(batch_norm, trains_as_plain_c)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 2, 3, FEATURES);
    cr_output(g, "y", cr_batch_norm(x, "n", 0.9f, 0.01f));
    host h = host_start(g, 0);
    float *in = host_leaf(&h, "x"), *gamma = host_leaf(&h, "n.gamma"),
          *beta = host_leaf(&h, "n.beta");
    fill(in, ROWS * FEATURES);
    fill(gamma, FEATURES);
    fill(beta, FEATURES);
    double mean[FEATURES] = {0}, var[FEATURES] = {1, 1, 1, 1};
    for (int step = 0; step < 3; step++) {
        host_run(&h);
        const float *y = host_output(&h, "y");
        for (int f = 0; f < FEATURES; f++) {
            double m, v;
            plain_moments(in + f, ROWS, FEATURES, &m, &v);
            for (int i = 0; i < ROWS; i++)
                expect_near((double)y[i * FEATURES + f],
                            (double)gamma[f] * ((double)in[i * FEATURES + f] - m) / sqrt(v + 0.01) +
                                (double)beta[f],
                            1e-5);
            mean[f] = 0.9 * mean[f] + 0.1 * m;
            var[f] = 0.9 * var[f] + 0.1 * v;
            expect_near((double)((float *)host_leaf(&h, "n.mean"))[f], mean[f], 1e-6);
            expect_near((double)((float *)host_leaf(&h, "n.var"))[f], var[f], 1e-6);
        }
    }
    host_end(&h);
}

Test(batch_norm, gradient)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 7, 3);
    cr_value y = cr_batch_norm(cr_dense(x, "a", 5, CR_TANH), "n", 0, 0);
    cr_value loss = loss_of(cr_dense(y, "b", 2, CR_LINEAR));
    check_gradients(loss, NULL, 0);
    check_gradients(loss, &x, 1);
    cr_graph_destroy(g);
}

/* What stands before the normalization: 0 a product, 1 a dense layer, 2 one of more axes, 3 a dense
 * layer in another shape, 4 nothing that could be folded into, 5 a convolution. */
static cr_value before(cr_value x, int form)
{
    cr_graph *g = x.graph;
    cr_value flat = cr_reshape_at(CR_HERE, x, CR_SHAPE(ROWS, 5));
    switch (form) {
    case 0: return cr_matmul(flat, cr_param(g, "a.w", CR_F32, 5, FEATURES));
    case 1: return cr_dense(flat, "a", FEATURES, CR_LINEAR);
    case 2: return cr_dense(x, "a", FEATURES, CR_LINEAR);
    case 3:
        return cr_reshape_at(CR_HERE, cr_dense(flat, "a", FEATURES, CR_LINEAR),
                             CR_SHAPE(3, 2, FEATURES));
    case 4: return cr_dense(flat, "a", FEATURES, CR_TANH);
    default:
        return cr_conv2d_ex(cr_reshape_at(CR_HERE, x, CR_SHAPE(1, 3, 10, 1)), "a", FEATURES, 2, 8,
                            NULL);
    }
}

/* Is there a product whose weights are not a state alone? */
static bool weights_are_scaled(const cr_graph *g, cr_ref y)
{
    for (cr_ref r = 1; r <= y; r++) {
        const cr_node *n = cr_at(g, r);
        cr_ref w = n->op == CR_OP_matmul || n->op == CR_OP_conv ? n->src[1] : 0;
        while (w && cr_at(g, w)->op == CR_OP_expand)
            w = cr_at(g, w)->src[0];
        if (w && cr_at(g, w)->op == CR_OP_mul)
            return true;
    }
    return false;
}

static void check_folding(int form)
{
    cr_graph *g = cr_graph_create("t");
    cr_set_training(g, false);
    cr_value x = cr_input(g, "x", CR_F32, 3, 2, 5), plain = before(x, form);
    cr_set_reuse(g, true);
    cr_value y = cr_batch_norm(before(x, form), "n", 0, 0);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_expect_eq(weights_are_scaled(g, y.ref), form != 4, "form %d", form);
    cr_output(g, "plain", plain);
    cr_output(g, "y", y);
    host h = host_start(g, 3);
    static const char *const leaf[] = {"n.gamma", "n.beta", "n.mean", "n.var"};
    float *part[4];
    for (int i = 0; i < 4; i++) {
        part[i] = host_leaf(&h, leaf[i]);
        fill(part[i], FEATURES);
        part[i][0] += (float)i;
    }
    for (int f = 0; f < FEATURES; f++)
        part[3][f] = 0.1f + part[3][f] * part[3][f];
    fill(host_leaf(&h, "x"), ROWS * 5);
    if (form != 0)
        fill(host_leaf(&h, "a.b"), FEATURES);
    host_run(&h);
    const float *in = host_output(&h, "plain"), *out = host_output(&h, "y");
    for (int i = 0; i < ROWS * FEATURES; i++) {
        const int f = i % FEATURES;
        double scale = (double)part[0][f] / sqrt((double)part[3][f] + 1e-3);
        expect_near((double)out[i],
                    ((double)in[i] - (double)part[2][f]) * scale + (double)part[1][f], 1e-5);
    }
    cr_expect_eq(part[2][0], (float)(11) / 51 - 1 + 2, "the averages stay in evaluation");
    host_end(&h);
}

Test(batch_norm, is_folded_in_evaluation)
{
    for (int form = 0; form < 6; form++)
        check_folding(form);
}

Test(layer_norm, follows_plain_c)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, ROWS, FEATURES);
    cr_output(g, "y", cr_layer_norm(x, "n", 0));
    host h = host_start(g, 0);
    float *in = host_leaf(&h, "x"), *gamma = host_leaf(&h, "n.gamma"),
          *beta = host_leaf(&h, "n.beta");
    fill(in, ROWS * FEATURES);
    fill(gamma, FEATURES);
    fill(beta, FEATURES);
    host_run(&h);
    const float *y = host_output(&h, "y");
    for (int i = 0; i < ROWS * FEATURES; i++) {
        double m, v;
        const int f = i % FEATURES;
        plain_moments(in + (i - f), FEATURES, 1, &m, &v);
        expect_near((double)y[i],
                    (double)gamma[f] * ((double)in[i] - m) / sqrt(v + 1e-3) + (double)beta[f],
                    1e-5);
    }
    host_end(&h);
}

Test(layer_norm, gradient)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 2, 4);
    cr_value y = cr_layer_norm(cr_dense(x, "a", 6, CR_LINEAR), "n", 0);
    cr_value loss = loss_of(cr_dense(y, "b", 3, CR_LINEAR));
    check_gradients(loss, NULL, 0);
    check_gradients(loss, &x, 1);
    cr_graph_destroy(g);
}

/* ---- embedding ------------------------------------------------------------------------------- */

Test(embedding, gives_rows)
{
    static const int32_t index[6] = {0, 2, 2, 4, -1, 99};
    cr_graph *g = cr_graph_create("t");
    cr_value i = cr_input(g, "i", CR_I32, 2, 3), y = cr_embedding(i, "words", 5, 3);
    cr_output(g, "y", y);
    cr_output(g, "dw", cr_gradient(cr_sum(y, CR_ALL_AXES), cr_find(g, "words.w")));
    host h = host_start(g, 1);
    memcpy(host_leaf(&h, "i"), index, sizeof index);
    host_run(&h);
    const float *w = host_leaf(&h, "words.w"), *is = host_output(&h, "y");
    const float *dw = host_output(&h, "dw");
    static const float times[5] = {1, 0, 2, 0, 1};
    for (int k = 0; k < 6; k++) {
        int row = index[k] < 0 || index[k] > 4 ? 4 : index[k];
        cr_expect_arr_eq(is + (ptrdiff_t)3 * k, w + (ptrdiff_t)3 * row, 3 * sizeof *w);
    }
    for (int k = 0; k < 15; k++)
        cr_expect_eq(dw[k], times[k / 3]);
    host_end(&h);
}

/* ---- models ---------------------------------------------------------------------------------- */

/* A residual, a concatenation, two uses of one layer, and all that differs between training and
 * evaluation. */
static cr_value model(cr_value x, bool noise)
{
    cr_value h = cr_dense(x, "in", 6, CR_LINEAR);
    h = cr_silu(cr_batch_norm(h, "norm", 0.5f, 0));
    if (noise)
        h = cr_dropout(h, 0.3f);
    cr_value twice = cr_dense(cr_dense(h, "same", 6, CR_TANH), "same", 6, CR_TANH);
    cr_value sum = cr_add(h, twice);
    return cr_dense(cr_concat(sum, x, 1), "out", 3, CR_LINEAR);
}

Test(model, gradients)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 4);
    cr_value loss = loss_of(model(x, true));
    cr_assert_eq(cr_params(g, NULL, 0), 8);
    check_gradients(loss, NULL, 0);
    check_gradients(loss, &x, 1);
    cr_graph_destroy(g);
}

Test(model, trains_and_evaluates_with_one_set_of_parameters)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 4), test = cr_input(g, "test", CR_F32, 2, 4);
    cr_value loss = loss_of(model(x, true));
    cr_output(g, "loss", loss);
    cr_set_training(g, false);
    cr_set_reuse(g, true);
    cr_output(g, "answer", model(test, true));
    cr_adam_minimize(loss, 0.02f);
    cr_assert_eq(cr_params(g, NULL, 0), 8);
    host h = host_start(g, 3);
    fill(host_leaf(&h, "x"), 20);
    fill(host_leaf(&h, "test"), 8);
    host_run(&h);
    float first = *(const float *)host_output(&h, "loss");
    for (int i = 0; i < 60; i++)
        host_run(&h);
    cr_expect_lt(*(const float *)host_output(&h, "loss"), first / 2);
    const float *y = host_output(&h, "answer");
    for (int i = 0; i < 6; i++)
        cr_expect(isfinite(y[i]) && fabsf(y[i]) < 10);
    host_end(&h);
}
