/* Losses, metrics and optimizers against plain C, in the reference interpreter. */
#include "host.h"

#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "xor.h"

static void expect_near(double got, double want, double tolerance)
{
    cr_assert(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%.9g, but %.9g is right", got,
              want);
}

/* ---- losses ---------------------------------------------------------------------------------- */

Test(loss, mse)
{
    cr_graph *g = cr_graph_create("t");
    cr_value y = cr_input(g, "y", CR_F32, 2, 3), t = cr_input(g, "t", CR_F32, 2, 3);
    cr_output(g, "loss", cr_mse(y, t));
    cr_output(g, "dy", cr_gradient(cr_mse(y, t), y));
    host h = host_start(g, 0);
    const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 3, 0, 5, 0};
    memcpy(host_leaf(&h, "y"), a, sizeof a);
    memcpy(host_leaf(&h, "t"), b, sizeof b);
    host_run(&h);
    expect_near((double)*(const float *)host_output(&h, "loss"), (4.0 + 16 + 36) / 6, 1e-6);
    const float *dy = host_output(&h, "dy");
    for (int i = 0; i < 6; i++)
        expect_near((double)dy[i], 2.0 * (double)(a[i] - b[i]) / 6, 1e-6);
    host_end(&h);
}

static double cross_entropy(const float *x, int classes, int label)
{
    double max = -INFINITY, sum = 0;
    for (int i = 0; i < classes; i++)
        max = fmax(max, (double)x[i]);
    for (int i = 0; i < classes; i++)
        sum += exp((double)x[i] - max);
    return log(sum) + max - (double)x[label];
}

static void check_cross_entropy(const float logits[6])
{
    const int32_t label[2] = {2, 0};
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 2, 3), t = cr_input(g, "t", CR_I32, 2);
    cr_value loss = cr_softmax_cross_entropy(x, t);
    cr_output(g, "loss", loss);
    cr_output(g, "dx", cr_gradient(loss, x));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), logits, 6 * sizeof *logits);
    memcpy(host_leaf(&h, "t"), label, sizeof label);
    host_run(&h);
    double want = (cross_entropy(logits, 3, 2) + cross_entropy(logits + 3, 3, 0)) / 2;
    expect_near((double)*(const float *)host_output(&h, "loss"), want, 1e-6);
    const float *dx = host_output(&h, "dx");
    for (int i = 0; i < 6; i++) {
        const float *row = logits + i / 3 * 3;
        double p = exp(-cross_entropy(row, 3, i % 3));
        expect_near((double)dx[i], (p - (i % 3 == label[i / 3])) / 2, 1e-6);
    }
    host_end(&h);
}

Test(loss, softmax_cross_entropy)
{
    check_cross_entropy((const float[]){0.1f, -0.4f, 0.9f, 2, 2, -3.7f});
}

Test(loss, softmax_cross_entropy_of_large_logits)
{
    check_cross_entropy((const float[]){1e4f, -1e4f, 0, -1e4f, 1e4f, 1e4f});
    check_cross_entropy((const float[]){1e4f, 9999, 9998.5f, -1e4f, -1e4f, -1e4f});
}

Test(loss, wrong_operands)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 2, 3), t = cr_input(g, "t", CR_F32, 2);
    cr_assert(cr_is_poison(cr_softmax_cross_entropy(x, t)));
    cr_assert_eq(cr_graph_status(g), CR_E_GRAPH);
    cr_assert(strstr(cr_error(), "f32[2]"), "%s", cr_error());
    cr_assert(strstr(cr_error(), "tests/frontend/nn.c:"), "%s", cr_error());
    cr_graph_destroy(g);
}

Test(loss, counts_correct)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 3, 2), t = cr_input(g, "t", CR_I32, 3);
    cr_output(g, "n", cr_count_correct(x, t));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), (const float[]){1, 2, 2, 1, 3, 3}, 6 * sizeof(float));
    memcpy(host_leaf(&h, "t"), (const int32_t[]){1, 1, 0}, 3 * sizeof(int32_t));
    host_run(&h);
    cr_assert_eq(*(const int32_t *)host_output(&h, "n"), 2);
    host_end(&h);
}

/* ---- gradient check -------------------------------------------------------------------------- */

Test(gradient_check, right)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 4, 5), t = cr_input(g, "t", CR_I32, 4);
    cr_value h = cr_dense(x, "h", 6, CR_TANH);
    cr_value loss = cr_softmax_cross_entropy(cr_dense(h, "y", 3, CR_LINEAR), t);
    const int32_t labels[4] = {0, 1, 2, 1};
    const cr_gradient_check o = {.feed = &(cr_feed_data){"t", labels}, .nfeed = 1, .seed = 3};
    float worst;
    cr_assert_eq(cr_check_gradient(loss, NULL, 0, &o, &worst), CR_OK, "%s", cr_error());
    cr_assert_lt(worst, 2e-3f);
    cr_assert_eq(cr_check_gradient(loss, &x, 1, &o, &worst), CR_OK, "%s", cr_error());
    cr_graph_destroy(g);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* floor has no gradient, though its differences have one over a step as large as 1. */
Test(gradient_check, wrong)
{
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param(g, "w", CR_F32, 3);
    cr_value loss = cr_sum(cr_add(cr_floor(cr_add(w, cr_f32(g, 0.5f))), w), CR_ALL_AXES);
    cr_assert_eq(cr_check_gradient(loss, NULL, 0, &(cr_gradient_check){.step = 0.75f}, NULL),
                 CR_E_NUMERIC);
    cr_assert(strstr(cr_error(), "gradient of \"w\", element 0"), "%s", cr_error());
    cr_graph_destroy(g);
}

/* ---- optimizers ------------------------------------------------------------------------------ */

/* loss = sum((w - t)^2) from w = (1, -2): g = 2 (w - t). */
static cr_graph *bowl(const cr_optimizer *o)
{
    static const float start[2] = {1, -2};
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param_init(g, "w", CR_F32, ((cr_init){.kind = CR_INIT_DATA, .data = start}), 2);
    cr_value t = cr_input(g, "t", CR_F32, 2);
    cr_value loss = cr_sum(cr_square(cr_sub(w, t)), CR_ALL_AXES);
    cr_assert_eq(cr_minimize(loss, o), CR_OK, "%s", cr_error());
    return g;
}

static void follow(const cr_optimizer *o,
                   void (*rule)(int t, double g, double *w, double *m, double *v))
{
    host h = host_start(bowl(o), 0);
    double w[2] = {1, -2}, m[2] = {0}, v[2] = {0};
    for (int t = 1; t <= 50; t++) {
        host_run(&h);
        for (int i = 0; i < 2; i++) {
            rule(t, 2 * w[i], &w[i], &m[i], &v[i]);
            expect_near((double)((float *)host_leaf(&h, "w"))[i], w[i], 2e-5);
        }
    }
    host_end(&h);
}

static void rule_sgd(int t, double g, double *w, double *m, double *v)
{
    (void)t, (void)m, (void)v;
    *w -= 0.1 * g;
}

static void rule_momentum(int t, double g, double *w, double *m, double *v)
{
    (void)t, (void)m;
    *v = 0.8 * *v - 0.02 * g;
    *w += *v;
}

static void rule_adam(int t, double g, double *w, double *m, double *v)
{
    *m += (1 - 0.9) * (g - *m);
    *v += (1 - 0.999) * (g * g - *v);
    double rate = 0.05 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    *w -= rate * *m / (sqrt(*v) + 1e-7);
}

Test(optimizer, sgd)
{
    follow(&(cr_optimizer){.kind = CR_SGD, .lr = 0.1f}, rule_sgd);
}

/* After three steps from the same weights. */
static void weights_after(const cr_optimizer *o, float out[4], float *lr)
{
    static const float start[4] = {1, -2, 3, -4};
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param_init(g, "w", CR_F32, ((cr_init){.kind = CR_INIT_DATA, .data = start}), 4);
    cr_minimize(cr_sum(cr_square(w), CR_ALL_AXES), o);
    host h = host_start(g, 1);
    for (int i = 0; i < 3; i++)
        host_run(&h);
    memcpy(out, host_leaf(&h, "w"), 4 * sizeof *out);
    *lr = *(const float *)host_leaf(&h, "lr");
    host_end(&h);
}

/* 0 is the default, CR_ZERO is zero. */
Test(optimizer, a_zero_that_is_meant)
{
    float a[4], b[4], lr;
    weights_after(&(cr_optimizer){.kind = CR_SGD, .lr = 0.1f}, a, &lr);
    weights_after(&(cr_optimizer){.kind = CR_MOMENTUM, .lr = 0.1f, .momentum = CR_ZERO}, b, &lr);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    weights_after(&(cr_optimizer){.kind = CR_MOMENTUM, .lr = 0.1f}, b, &lr);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    weights_after(&(cr_optimizer){.kind = CR_SGD, .lr = CR_ZERO}, b, &lr);
    cr_assert(lr == 0 && b[0] == 1 && b[3] == -4, "%g, %g", (double)lr, (double)b[0]);
    weights_after(&(cr_optimizer){.kind = CR_ADAM, .beta1 = CR_ZERO, .beta2 = CR_ZERO}, b, &lr);
    cr_assert(lr == 0.001f && fabsf(b[0] - 0.997f) < 1e-5f, "%g", (double)b[0]); /* by its sign */
}

Test(optimizer, momentum)
{
    follow(&(cr_optimizer){.kind = CR_MOMENTUM, .lr = 0.02f, .momentum = 0.8f}, rule_momentum);
}

Test(optimizer, adam)
{
    follow(&(cr_optimizer){.kind = CR_ADAM, .lr = 0.05f}, rule_adam);
}

Test(optimizer, rate_is_a_state)
{
    host h = host_start(bowl(&(cr_optimizer){.kind = CR_SGD, .lr = 0.1f}), 0);
    *(float *)host_leaf(&h, "lr") = 0;
    host_run(&h);
    cr_assert_eq(((float *)host_leaf(&h, "w"))[0], 1);
    host_end(&h);
}

Test(optimizer, guard_freezes)
{
    cr_graph *g = cr_graph_create("t");
    cr_value open = cr_input(g, "open", CR_BOOL, 1), w = cr_param(g, "w", CR_F32, 1);
    cr_value guard = cr_reshape(open, CR_SCALAR);
    cr_value loss = cr_sum(cr_square(cr_sub(w, cr_f32(g, 3))), CR_ALL_AXES);
    cr_minimize(loss, &(cr_optimizer){.kind = CR_ADAM, .lr = 0.1f, .guard = &guard});
    host h = host_start(g, 0);
    host_run(&h);
    cr_assert_eq(*(float *)host_leaf(&h, "w"), 0);
    cr_assert_eq(*(float *)host_leaf(&h, "w.m"), 0);
    cr_assert_eq(*(int32_t *)host_leaf(&h, "step"), 0);
    *(uint8_t *)host_leaf(&h, "open") = 1;
    host_run(&h);
    cr_assert_gt(*(float *)host_leaf(&h, "w"), 0.05f);
    cr_assert_eq(*(int32_t *)host_leaf(&h, "step"), 1);
    host_end(&h);
}

Test(optimizer, a_parameter_that_does_not_matter)
{
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param(g, "w", CR_F32, 1);
    cr_param(g, "idle", CR_F32, 1);
    cr_assert_eq(cr_sgd_minimize(cr_sum(w, CR_ALL_AXES), 0.1f), CR_E_GRAPH);
    cr_assert(strstr(cr_error(), "idle"), "%s", cr_error());
    cr_graph_destroy(g);
}

/* ---- XOR against plain C --------------------------------------------------------------------- */

Test(xor, follows_plain_c)
{
    int solved = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        cr_graph *g = cr_graph_create("xor");
        cr_value x = cr_input(g, "x", CR_F32, 4, 2), t = cr_input(g, "t", CR_F32, 4, 1);
        cr_value y = cr_dense(cr_dense(x, "h", 2, CR_TANH), "y", 1, CR_TANH);
        cr_value loss = cr_mse(y, t);
        cr_output(g, "loss", loss);
        cr_output(g, "y", y);
        cr_sgd_minimize(loss, 0.5f);
        host h = host_start(g, seed);
        memcpy(host_leaf(&h, "x"), xor_x, sizeof xor_x);
        memcpy(host_leaf(&h, "t"), xor_t, sizeof xor_t);
        struct plain p = {.b2 = 0};
        memcpy(p.w1, host_leaf(&h, "h.w"), sizeof p.w1);
        memcpy(p.w2, host_leaf(&h, "y.w"), sizeof p.w2);
        bool right = false;
        for (int epoch = 0; epoch < 3000 && !(right && epoch >= 500); epoch++) {
            float want = plain_step(&p, 0.5f);
            host_run(&h);
            float got = *(const float *)host_output(&h, "loss");
            if (epoch < 500)
                cr_assert(got == want, "seed %d, epoch %d: %.9g, plain C %.9g", (int)seed, epoch,
                          (double)got, (double)want);
            const float *out = host_output(&h, "y");
            right = true;
            for (int s = 0; s < 4; s++)
                right &= (out[s] > 0.5f) == (xor_t[s] > 0.5f);
        }
        solved += right;
        host_end(&h);
    }
    cr_assert_geq(solved, 12);
    fprintf(stderr, "xor: %d of 20\n", solved);
}
