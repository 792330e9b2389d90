/* Losses and metrics against plain C in double precision; gradients against differences. */
#include "host.h"

#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"

static void expect_near(const char *what, double got, double want, double tolerance)
{
    cr_expect(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%s: %.9g, but %.9g is right",
              what, got, want);
}

/* ---- plain C --------------------------------------------------------------------------------- */

enum { N = 3, K = 4 };

static double mae(double y, double t)
{
    return fabs(y - t);
}

static double huber(double y, double t)
{
    double e = fabs(y - t);
    return e <= 0.75 ? e * e / 2 : 0.75 * e - 0.75 * 0.75 / 2;
}

static double binary(double y, double t)
{
    return fmax(y, 0) + log1p(exp(-fabs(y))) - y * t;
}

static double binary_smooth(double y, double t)
{
    return binary(y, 0.8 * t + 0.1);
}

/* The bounds are those of f32: 1 - 1e-7 is 1 - 0x1p-23 there. */
static double binary_probability(double y, double t)
{
    double p = fmin(fmax(y, 1e-7), 1 - 0x1p-23);
    return -(t * log(p) + (1 - t) * log(1 - p));
}

/* -sum(t log p) of one sample. */
static double categorical(const float *y, const float *t, const cr_cross_entropy_options *o)
{
    double max = -INFINITY, sum = 0, loss = 0;
    for (int i = 0; i < K; i++)
        max = o->probabilities ? 0 : fmax(max, (double)y[i]);
    for (int i = 0; i < K; i++)
        sum += o->probabilities ? (double)y[i] : exp((double)y[i] - max);
    for (int i = 0; i < K; i++) {
        double p = fmin(fmax((double)y[i] / sum, 1e-7), 1 - 1e-7);
        double logp = o->probabilities ? log(p) : (double)y[i] - max - log(sum);
        double a = (double)o->label_smoothing;
        loss -= ((1 - a) * (double)t[i] + a / K) * logp;
    }
    return loss;
}

/* ---- elementwise losses ---------------------------------------------------------------------- */

static cr_value build_huber(cr_value y, cr_value t)
{
    return cr_huber(y, t, 0.75f);
}

static cr_value build_mae(cr_value y, cr_value t)
{
    return cr_mae(y, t);
}

static cr_value build_binary(cr_value y, cr_value t)
{
    return cr_binary_cross_entropy(y, t, NULL);
}

static cr_value build_binary_smooth(cr_value y, cr_value t)
{
    return cr_binary_cross_entropy(y, t, &(cr_cross_entropy_options){.label_smoothing = 0.2f});
}

static cr_value build_binary_probability(cr_value y, cr_value t)
{
    return cr_binary_cross_entropy(y, t, &(cr_cross_entropy_options){.probabilities = true});
}

static const struct elementwise {
    const char *name;
    cr_value (*build)(cr_value y, cr_value t);
    double (*plain)(double y, double t);
    float y[6];
} elementwise[] = {
    {"mae", build_mae, mae, {1e4f, -1e4f, 0.5f, 0.25f, -3, 2}},
    {"huber", build_huber, huber, {1e4f, -1e4f, 0.5f, 0.25f, -3, 2}},
    {"binary", build_binary, binary, {1e4f, -1e4f, 1e4f, 0.25f, -3, 2}},
    {"smooth", build_binary_smooth, binary_smooth, {1e4f, -1e4f, 1e4f, 0.25f, -3, 2}},
    {"binary p", build_binary_probability, binary_probability, {1, 0, 1, 0.25f, 0.5f, 0.75f}},
};

static const float targets[6] = {1, 0, 0, 1, 0.25f, 0.5f};

static void check_elementwise(const struct elementwise *l)
{
    cr_graph *g = cr_graph_create("t");
    cr_value y = cr_input(g, "y", CR_F32, 2, 3), t = cr_input(g, "t", CR_F32, 2, 3);
    cr_value loss = l->build(y, t);
    cr_output(g, "loss", loss);
    cr_output(g, "dy", cr_gradient(loss, y));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "y"), l->y, sizeof l->y);
    memcpy(host_leaf(&h, "t"), targets, sizeof targets);
    host_run(&h);
    double want = 0;
    const float *dy = host_output(&h, "dy");
    for (int i = 0; i < 6; i++) {
        double p = (double)l->y[i], q = (double)targets[i], step = 1e-6;
        want += l->plain(p, q) / 6;
        double slope = (l->plain(p + step, q) - l->plain(p - step, q)) / (12 * step);
        cr_expect(isfinite(dy[i]), "%s: gradient at %g", l->name, p);
        if (l->plain != binary_probability || (p > 0 && p < 1))
            expect_near(l->name, (double)dy[i], slope, 1e-5);
    }
    expect_near(l->name, (double)*(const float *)host_output(&h, "loss"), want, 1e-6);
    host_end(&h);
}

Test(loss, elementwise_follows_plain_c)
{
    for (size_t i = 0; i < CR_COUNTOF(elementwise); i++)
        check_elementwise(&elementwise[i]);
}

/* ---- categorical ----------------------------------------------------------------------------- */

static const float mild[N][K] = {{0.1f, -0.4f, 0.9f, 2}, {2, 2, -3.7f, 0.5f}, {0, 0, 0, 0}};
static const float wild[N][K] = {
    {1e4f, -1e4f, 0, 9999}, {-1e4f, 1e4f, 1e4f, 1e4f}, {-1e4f, -1e4f, -1e4f, -9998}};
static const float shares[N][K] = {
    {0.1f, 0.2f, 0.3f, 0.4f}, {0.25f, 0.25f, 0.25f, 0.25f}, {0.5f, 0.25f, 0.5f, 0.75f}};
static const float certain[N][K] = {{1, 0, 0, 0}, {0, 0, 1, 0}, {0, 0.5f, 0.5f, 0}};
static const float soft[N][K] = {{0.5f, 0.5f, 0, 0}, {0.1f, 0.2f, 0.3f, 0.4f}, {0, 0, 0, 1}};
static const float hot[N][K] = {{0, 0, 1, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}};
static const int32_t labels[N] = {2, 0, 3};

static double plain_categorical(const float y[N][K], const float t[N][K],
                                const cr_cross_entropy_options *o)
{
    double loss = 0;
    for (int i = 0; i < N; i++)
        loss += categorical(y[i], t[i], o) / N;
    return loss;
}

/* By indices where `indices`, else by t. Gradients are compared where differences are possible. */
static void check_categorical(const float y[N][K], const float t[N][K], bool indices,
                              cr_cross_entropy_options o, bool differences)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "y", CR_F32, N, K);
    cr_value v = indices ? cr_input(g, "t", CR_I32, N) : cr_input(g, "t", CR_F32, N, K);
    cr_value loss = cr_cross_entropy(x, v, &o);
    cr_output(g, "loss", loss);
    cr_output(g, "dy", cr_gradient(loss, x));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "y"), y, sizeof mild);
    memcpy(host_leaf(&h, "t"), indices ? (const void *)labels : t,
           indices ? sizeof labels : sizeof hot);
    host_run(&h);
    expect_near("loss", (double)*(const float *)host_output(&h, "loss"),
                plain_categorical(y, t, &o), 1e-6);
    const float *dy = host_output(&h, "dy");
    for (int i = 0; i < N * K; i++) {
        float up[N][K], down[N][K];
        const float step = 1e-3f;
        memcpy(up, y, sizeof up);
        memcpy(down, y, sizeof down);
        (&up[0][0])[i] += step;
        (&down[0][0])[i] -= step;
        double slope = (plain_categorical((const float(*)[K])up, t, &o) -
                        plain_categorical((const float(*)[K])down, t, &o)) /
                       ((double)(&up[0][0])[i] - (double)(&down[0][0])[i]);
        cr_expect(isfinite(dy[i]));
        if (differences)
            expect_near("gradient", (double)dy[i], slope, 1e-4);
    }
    host_end(&h);
}

Test(loss, categorical_follows_plain_c)
{
    for (int smooth = 0; smooth < 2; smooth++) {
        cr_cross_entropy_options o = {.label_smoothing = smooth ? 0.3f : 0};
        check_categorical(mild, hot, true, o, true);
        check_categorical(mild, hot, false, o, true);
        check_categorical(mild, soft, false, o, true);
        check_categorical(wild, hot, true, o, false);
        check_categorical(wild, soft, false, o, false);
        o.probabilities = true;
        check_categorical(shares, hot, true, o, true);
        check_categorical(shares, soft, false, o, true);
        check_categorical(certain, hot, true, o, false);
        check_categorical(certain, soft, false, o, false);
    }
}

/* The gradient at large logits is softmax - t, by hand. */
Test(loss, gradient_at_large_logits)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "y", CR_F32, N, K), t = cr_input(g, "t", CR_F32, N, K);
    cr_output(g, "dy", cr_gradient(cr_cross_entropy(x, t, NULL), x));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "y"), wild, sizeof wild);
    memcpy(host_leaf(&h, "t"), soft, sizeof soft);
    host_run(&h);
    const double e = 1 / (1 + exp(-1)), third = 1 / 3.0, d = 1 / (1 + 3 * exp(-2));
    const double p[N][K] = {{e, 0, 0, 1 - e}, {0, third, third, third}, {(1 - d) / 3, 0, 0, d}};
    const float *dy = host_output(&h, "dy");
    for (int i = 0; i < N * K; i++)
        if (i != 9 && i != 10)
            expect_near("gradient", (double)dy[i], ((&p[0][0])[i] - (double)(&soft[0][0])[i]) / N,
                        2e-4);
    host_end(&h);
}

Test(loss, gradients_of_the_model)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 3), t = cr_input(g, "t", CR_I32, 5);
    cr_value y = cr_dense(x, "y", 4, CR_LINEAR), p = cr_softmax(y);
    cr_cross_entropy_options o = {.probabilities = true, .label_smoothing = 0.1f};
    cr_value hot_t = cr_onehot(t, 4);
    cr_value loss = cr_add(cr_cross_entropy(p, t, &o), cr_binary_cross_entropy(y, hot_t, NULL));
    loss = cr_add(loss, cr_add(cr_huber(y, hot_t, 0.5f), cr_mae(p, hot_t)));
    cr_assert_eq(cr_check_gradient(loss, NULL, 0, &(cr_gradient_check){.seed = 2}, NULL), CR_OK,
                 "%s", cr_error());
    cr_graph_destroy(g);
}

/* ---- metrics --------------------------------------------------------------------------------- */

Test(metric, counts)
{
    static const float scores[5][3] = {{1, 2, 3}, {3, 2, 1}, {2, 2, 2}, {1, 3, 2}, {NAN, 0, 1}};
    static const int32_t t[5] = {2, 1, 1, 7, 2};
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 3), l = cr_input(g, "l", CR_I32, 5);
    cr_output(g, "top1", cr_count_top_k(x, l, 1));
    cr_output(g, "top2", cr_count_top_k(x, l, 2));
    cr_output(g, "top3", cr_count_top_k(x, l, 3));
    cr_output(g, "matrix", cr_confusion_matrix(x, l));
    cr_output(g, "binary", cr_count_binary(x, cr_onehot(l, 3), 1.5f));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), scores, sizeof scores);
    memcpy(host_leaf(&h, "l"), t, sizeof t);
    host_run(&h);
    cr_expect_eq(*(const int32_t *)host_output(&h, "top1"), 1);
    cr_expect_eq(*(const int32_t *)host_output(&h, "top2"), 4);
    cr_expect_eq(*(const int32_t *)host_output(&h, "top3"), 4);
    static const int32_t matrix[9] = {0, 0, 0, 2, 0, 0, 1, 0, 1};
    cr_expect_arr_eq(host_output(&h, "matrix"), matrix, sizeof matrix);
    cr_expect_eq(*(const int32_t *)host_output(&h, "binary"), 2 + 2 + 1 + 1 + 2);
    host_end(&h);
}

/* A state that each step adds to. */
Test(metric, adds_up)
{
    static const float scores[2][2] = {{1, 2}, {1, 2}};
    static const int32_t t[2] = {1, 0};
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 2, 2), l = cr_input(g, "l", CR_I32, 2);
    cr_value sum = cr_state(g, "matrix", CR_I32, (cr_init){0}, CR_SHAPE(2, 2));
    cr_assign(sum, cr_add(sum, cr_confusion_matrix(x, l)));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), scores, sizeof scores);
    memcpy(host_leaf(&h, "l"), t, sizeof t);
    for (int i = 0; i < 3; i++)
        host_run(&h);
    static const int32_t matrix[4] = {0, 3, 0, 3};
    cr_expect_arr_eq(host_leaf(&h, "matrix"), matrix, sizeof matrix);
    host_end(&h);
}
