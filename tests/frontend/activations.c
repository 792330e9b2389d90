/* Activations: values and gradients against plain C in double precision, from -1e4 to 1e4. */
#include "host.h"

#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double relu6(double x)
{
    return fmin(fmax(x, 0), 6);
}

static double elu(double x)
{
    return x < 0 ? expm1(x) : x;
}

static double selu(double x)
{
    return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * expm1(x) : x);
}

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x * sqrt(0.5)));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double hard_sigmoid(double x)
{
    return relu6(x + 3) / 6;
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static const struct activation {
    cr_activation kind;
    double (*value)(double x);
    double kink[2]; /* where the slope jumps: not looked at */
} activations[] = {
    {CR_RELU6, relu6, {0, 6}},
    {CR_ELU, elu, {NAN}},
    {CR_SELU, selu, {0, NAN}},
    {CR_GELU, gelu, {NAN}},
    {CR_GELU_TANH, gelu_tanh, {NAN}},
    {CR_SILU, silu, {NAN}},
    {CR_HARD_SIGMOID, hard_sigmoid, {-3, 3}},
    {CR_SOFTPLUS, softplus, {NAN}},
};

static const float points[] = {-1e4f,  -200,   -88, -20,   -6.5f, -3,   -2.5f, -1,
                               -1e-3f, -1e-6f, 0,   1e-6f, 1e-3f, 0.5f, 1,     2.5f,
                               3,      4.5f,   6,   6.5f,  20,    88,   1e4f};
enum { N = CR_COUNTOF(points) };

static void expect_near(const char *what, double x, double got, double want, double tolerance)
{
    cr_expect(fabs(got - want) <= tolerance * fmax(fabs(want), 1e-2), "%s(%g) is %.9g, not %.9g",
              what, x, got, want);
}

static void check(const struct activation *a)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, N), y = cr_activate(x, a->kind);
    cr_output(g, "y", y);
    cr_output(g, "dx", cr_gradient(cr_sum(y, CR_ALL_AXES), x));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), points, sizeof points);
    host_run(&h);
    const float *is = host_output(&h, "y"), *dx = host_output(&h, "dx");
    for (int i = 0; i < N; i++) {
        const double p = (double)points[i], step = 1e-6 * fmax(1, fabs(p));
        const double slope = (a->value(p + step) - a->value(p - step)) / (2 * step);
        expect_near(cr_activation_name(a->kind), p, (double)is[i], a->value(p), 1e-6);
        if (p != a->kink[0] && p != a->kink[1])
            expect_near("gradient", p, (double)dx[i], slope, 2e-5);
        cr_expect(isfinite(dx[i]), "%s: gradient at %g", cr_activation_name(a->kind), p);
    }
    host_end(&h);
}

Test(activation, follows_plain_c)
{
    for (size_t i = 0; i < CR_COUNTOF(activations); i++)
        check(&activations[i]);
}

/* Keeps its digits where the exponential is lost beside 1. */
Test(activation, softplus_of_large_negative_numbers)
{
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "y", cr_softplus(cr_f32(g, -40)));
    host h = host_start(g, 0);
    host_run(&h);
    double y = (double)*(const float *)host_output(&h, "y");
    cr_assert(fabs(y / exp(-40) - 1) < 1e-6, "%g", y);
    host_end(&h);
}

Test(activation, log_softmax_of_large_logits)
{
    const float logits[3] = {1e4f, -1e4f, 1e4f};
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 1, 3), y = cr_activate(x, CR_LOG_SOFTMAX);
    cr_output(g, "y", y);
    cr_output(g, "dx", cr_gradient(cr_sum(y, CR_ALL_AXES), x));
    host h = host_start(g, 0);
    memcpy(host_leaf(&h, "x"), logits, sizeof logits);
    host_run(&h);
    const float *is = host_output(&h, "y"), *dx = host_output(&h, "dx");
    for (int i = 0; i < 3; i++) {
        expect_near("log_softmax", i, (double)is[i], (i == 1 ? -2e4 : 0) - log(2), 1e-6);
        expect_near("gradient", i, (double)dx[i], i == 1 ? 1 : -0.5, 1e-6);
    }
    host_end(&h);
}

Test(activation, needs_f32)
{
    cr_graph *g = cr_graph_create("t");
    cr_gelu(cr_input(g, "i", CR_I32, 3));
    cr_assert_eq(cr_graph_status(g), CR_E_GRAPH);
    cr_assert(strstr(cr_error(), "gelu: x is i32; it must be f32"), "%s", cr_error());
    cr_graph_destroy(g);
}
