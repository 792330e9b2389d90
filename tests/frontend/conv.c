/* Convolution and pooling layers against plain C, in the reference interpreter, and their gradients
 * against differences. */
#include "crisol/conv.h"

#include <math.h>

#include "crisol/ops.h"
#include "host.h"

enum { N = 2, H = 7, W = 6, C = 4 };

static float pixel(const float *x, int n, int i, int j, int c, bool *inside)
{
    *inside = i >= 0 && i < H && j >= 0 && j < W;
    return *inside ? x[((n * H + i) * W + j) * C + c] : 0;
}

static void fill(float *x, int n, unsigned seed)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1;
    }
}

/* Places of a window of `reach` elements, and what Keras puts before. */
static int places(int extent, int reach, int stride, cr_padding padding, int *before)
{
    if (padding == CR_VALID) {
        *before = 0;
        return (extent - reach) / stride + 1;
    }
    int n = (extent + stride - 1) / stride, missing = (n - 1) * stride + reach - extent;
    *before = missing > 0 ? missing / 2 : 0;
    return n;
}

static void expect_near(float got, double want, const char *what)
{
    cr_assert(fabs((double)got - want) <= 1e-5 * fmax(1, fabs(want)), "%s: %.9g, but %.9g is right",
              what, (double)got, want);
}

/* x as [N, H, W, C], given to the layer channels first where that is asked for. */
static cr_value image(cr_graph *g, bool first)
{
    cr_value x = cr_input(g, "x", CR_F32, N, H, W, C);
    return first ? cr_permute_at(CR_HERE, x, CR_SHAPE(0, 3, 1, 2)) : x;
}

static cr_value last(cr_value y, bool first)
{
    return first ? cr_permute_at(CR_HERE, y, CR_SHAPE(0, 2, 3, 1)) : y;
}

static void check_conv(const cr_conv_options *o, int rows, int columns, int filters, bool depthwise)
{
    const bool first = o->window.channels_first;
    const int groups = depthwise ? C : o->groups ? (int)o->groups : 1, part = C / groups;
    const int f = depthwise ? filters * C : filters;
    cr_graph *g = cr_graph_create("t");
    cr_value x = image(g, first);
    cr_value y = depthwise ? cr_depthwise_conv2d_ex(x, "c", filters, rows, columns, o)
                           : cr_conv2d_ex(x, "c", filters, rows, columns, o);
    y = last(y, first);
    cr_output(g, "y", y);
    const cr_shape s = cr_value_shape(y);
    host h = host_start(g, 5);
    float *in = host_leaf(&h, "x"), *w = host_leaf(&h, "c.w"), *b = host_leaf(&h, "c.b");
    fill(in, N * H * W * C, 1);
    fill(b, f, 2);
    host_run(&h);
    const float *got = host_output(&h, "y");
    const int64_t *st = o->window.stride, *di = o->window.dilation;
    int sr = st[0] ? (int)st[0] : 1, sc = st[1] ? (int)st[1] : 1, dr = di[0] ? (int)di[0] : 1,
        dc = di[1] ? (int)di[1] : 1, br, bc;
    int oh = places(H, (rows - 1) * dr + 1, sr, o->window.padding, &br),
        ow = places(W, (columns - 1) * dc + 1, sc, o->window.padding, &bc);
    cr_assert(s.dim[1] == oh && s.dim[2] == ow && s.dim[3] == f);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < oh; i++)
            for (int j = 0; j < ow; j++)
                for (int k = 0; k < f; k++) {
                    double sum = (double)b[k];
                    for (int r = 0; r < rows; r++)
                        for (int q = 0; q < columns; q++)
                            for (int c = 0; c < part; c++) {
                                bool inside;
                                float v = pixel(in, n, i * sr + r * dr - br, j * sc + q * dc - bc,
                                                k / (f / groups) * part + c, &inside);
                                sum +=
                                    (double)v * (double)w[((r * columns + q) * part + c) * f + k];
                            }
                    expect_near(*got++, o->activation == CR_RELU ? fmax(sum, 0) : sum, "conv2d");
                }
    host_end(&h);
}

Test(conv2d, plain)
{
    check_conv(&(cr_conv_options){.activation = CR_RELU}, 3, 3, 5, false);
    check_conv(&(cr_conv_options){.window = {.stride = {2, 3}}}, 3, 2, 2, false);
    check_conv(&(cr_conv_options){.window = {.dilation = {2, 1}}}, 3, 4, 3, false);
}

Test(conv2d, same)
{
    check_conv(&(cr_conv_options){.window = {.padding = CR_SAME}}, 3, 3, 5, false);
    check_conv(&(cr_conv_options){.window = {.padding = CR_SAME, .stride = {2, 2}}}, 3, 4, 5,
               false);
    check_conv(&(cr_conv_options){.window = {.padding = CR_SAME, .stride = {3, 4}}}, 2, 2, 5,
               false);
    check_conv(&(cr_conv_options){.window = {.padding = CR_SAME, .dilation = {2, 2}}}, 3, 3, 1,
               false);
}

Test(conv2d, groups)
{
    check_conv(&(cr_conv_options){.groups = 2}, 3, 3, 6, false);
    check_conv(&(cr_conv_options){.activation = CR_RELU}, 3, 3, 1, true);
    check_conv(&(cr_conv_options){.window = {.padding = CR_SAME, .stride = {2, 2}}}, 3, 3, 3, true);
}

Test(conv2d, channels_first)
{
    check_conv(&(cr_conv_options){.window = {.channels_first = true}}, 3, 3, 5, false);
    check_conv(&(cr_conv_options){.window = {.channels_first = true, .padding = CR_SAME}}, 3, 3, 2,
               true);
}

static void check_pool(const cr_window_options *o, int rows, int columns, bool mean)
{
    const bool first = o && o->channels_first;
    cr_graph *g = cr_graph_create("t");
    cr_value x = image(g, first);
    cr_value y =
        mean ? cr_avg_pool2d_ex(x, rows, columns, o) : cr_max_pool2d_ex(x, rows, columns, o);
    y = last(y, first);
    cr_output(g, "y", y);
    const cr_shape s = cr_value_shape(y);
    host h = host_start(g, 5);
    float *in = host_leaf(&h, "x");
    fill(in, N * H * W * C, 1);
    host_run(&h);
    const float *got = host_output(&h, "y");
    int sr = o && o->stride[0] ? (int)o->stride[0] : rows,
        sc = o && o->stride[1] ? (int)o->stride[1] : columns, br, bc;
    int oh = places(H, rows, sr, o ? o->padding : CR_VALID, &br),
        ow = places(W, columns, sc, o ? o->padding : CR_VALID, &bc);
    cr_assert(s.dim[1] == oh && s.dim[2] == ow && s.dim[3] == C);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < oh; i++)
            for (int j = 0; j < ow; j++)
                for (int c = 0; c < C; c++) {
                    double sum = 0, best = -INFINITY;
                    int count = 0;
                    for (int r = 0; r < rows; r++)
                        for (int q = 0; q < columns; q++) {
                            bool inside;
                            double v =
                                (double)pixel(in, n, i * sr + r - br, j * sc + q - bc, c, &inside);
                            if (!inside)
                                continue;
                            sum += v, count++;
                            best = fmax(best, v);
                        }
                    expect_near(*got++, mean ? sum / count : best, "pool");
                }
    host_end(&h);
}

Test(pool2d, largest_and_mean)
{
    for (int mean = 0; mean < 2; mean++) {
        check_pool(NULL, 2, 2, mean);
        check_pool(NULL, 3, 2, mean);
        check_pool(&(cr_window_options){.stride = {2, 1}}, 3, 2, mean);
        check_pool(&(cr_window_options){.padding = CR_SAME}, 2, 4, mean);
        check_pool(&(cr_window_options){.padding = CR_SAME, .stride = {2, 2}}, 3, 3, mean);
        check_pool(&(cr_window_options){.channels_first = true}, 2, 3, mean);
    }
}

Test(pool2d, whole_image)
{
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "max", cr_global_max_pool2d(image(g, false), false));
    cr_output(
        g, "mean",
        cr_global_avg_pool2d(cr_permute_at(CR_HERE, cr_find(g, "x"), CR_SHAPE(0, 3, 1, 2)), true));
    host h = host_start(g, 5);
    float *in = host_leaf(&h, "x");
    fill(in, N * H * W * C, 1);
    host_run(&h);
    const float *max = host_output(&h, "max"), *mean = host_output(&h, "mean");
    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c++) {
            double sum = 0, best = -INFINITY;
            for (int i = 0; i < H * W; i++) {
                sum += (double)in[(n * H * W + i) * C + c];
                best = fmax(best, (double)in[(n * H * W + i) * C + c]);
            }
            expect_near(max[n * C + c], best, "max");
            expect_near(mean[n * C + c], sum / (H * W), "mean");
        }
    host_end(&h);
}

/* Of equals the first has the gradient, whether windows overlap or not. */
Test(pool2d, gradient_goes_to_the_first)
{
    const cr_window_options overlap = {.stride = {1, 1}};
    static const float first[2][9] = {{1, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 0, 1, 1, 0, 0, 0, 0}};
    for (int k = 0; k < 2; k++) {
        cr_graph *g = cr_graph_create("t");
        cr_value x = cr_input(g, "x", CR_F32, 1, 3, 3, 1);
        cr_value y = cr_sum(cr_max_pool2d_ex(x, 2, 2, k ? &overlap : NULL), CR_ALL_AXES);
        cr_output(g, "dx", cr_gradient(y, x));
        host h = host_start(g, 0);
        host_run(&h);
        cr_expect_arr_eq(host_output(&h, "dx"), first[k], sizeof first[k]);
        host_end(&h);
    }
}

Test(pool2d, gradients)
{
    const cr_window_options overlap = {.stride = {2, 1}},
                            same = {.padding = CR_SAME, .stride = {2, 2}};
    const cr_window_options *const o[] = {NULL, &overlap, &same};
    for (int i = 0; i < 6; i++) {
        cr_graph *g = cr_graph_create("t");
        cr_value x =
            cr_param_init(g, "x", CR_F32, ((cr_init){CR_INIT_UNIFORM, -1, 1, NULL}), 2, 5, 6, 3);
        cr_value y =
            i % 2 ? cr_max_pool2d_ex(x, 3, 2, o[i / 2]) : cr_avg_pool2d_ex(x, 3, 2, o[i / 2]);
        const cr_gradient_check check = {.samples = 64, .step = 0x1p-9f};
        cr_value loss = cr_mul(cr_mean(cr_mul(y, y), CR_ALL_AXES), cr_f32(g, 30));
        cr_expect_eq(cr_check_gradient(loss, &x, 1, &check, NULL), CR_OK, "%d: %s", i, cr_error());
        cr_graph_destroy(g);
    }
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void expect_mistake(const char *text, cr_value (*build)(cr_value x))
{
    cr_graph *g = cr_graph_create("t");
    cr_value v = build(cr_input(g, "x", CR_F32, N, H, W, C));
    cr_expect(cr_is_poison(v), "%s", text);
    cr_expect_neq(cr_graph_status(g), CR_OK);
    cr_expect(strstr(cr_error(), text), "%s\n   is not in\n%s", text, cr_error());
    cr_graph_destroy(g);
}

#define MISTAKE(name, text, expression)                                                            \
    static cr_value build_##name(cr_value x)                                                       \
    {                                                                                              \
        return expression;                                                                         \
    }                                                                                              \
    Test(conv_mistake, name)                                                                       \
    {                                                                                              \
        expect_mistake(text, build_##name);                                                        \
    }

MISTAKE(rank, "conv2d: x is f32[2,168]; it needs f32 [samples, rows, columns, channels]",
        cr_conv2d(cr_flatten(x), "c", 3, 3, CR_RELU))
MISTAKE(type, "max_pool2d: x is u8[2,7,6,4]", cr_max_pool2d(cr_cast(x, CR_U8), 2))
MISTAKE(large, "conv2d: a window over 9 rows does not fit into the image, which has 7",
        cr_conv2d_ex(x, "c", 3, 9, 3, NULL))
MISTAKE(wide, "avg_pool2d: a window over 8 columns does not fit into the image, which has 6",
        cr_avg_pool2d_ex(x, 2, 8, NULL))
MISTAKE(size, "max_pool2d: the size of rows is 0", cr_max_pool2d(x, 0))
MISTAKE(stride, "conv2d: the stride of columns is -1",
        cr_conv2d_ex(x, "c", 3, 3, 3, &(cr_conv_options){.window = {.stride = {1, -1}}}))
MISTAKE(dilation, "max_pool2d: pooling has no dilation",
        cr_max_pool2d_ex(x, 2, 2, &(cr_window_options){.dilation = {2, 2}}))
MISTAKE(padding, "conv2d: padding of -1 before and 0 after 7 rows",
        cr_conv2d_ex(x, "c", 3, 3, 3,
                     &(cr_conv_options){.window = {.padding = CR_EXPLICIT, .before = {-1, 0}}}))
MISTAKE(kind, "conv2d: 7 is not a cr_padding",
        cr_conv2d_ex(x, "c", 3, 3, 3, &(cr_conv_options){.window = {.padding = (cr_padding)7}}))
MISTAKE(groups, "conv2d \"c\": 3 groups do not divide the 4 channels; both",
        cr_conv2d_ex(x, "c", 6, 3, 3, &(cr_conv_options){.groups = 3}))
MISTAKE(filters, "conv2d \"c\": 0 filters; at least 1 is needed", cr_conv2d(x, "c", 0, 3, CR_RELU))
MISTAKE(name, "conv2d: needs a name", cr_conv2d(x, "", 2, 3, CR_RELU))
MISTAKE(shared,
        "conv2d: parameter \"c.w\" is there as f32[3,3,4,2], and this layer needs f32[2,2,4,2]",
        (cr_conv2d(x, "c", 2, 3, CR_RELU), cr_conv2d(x, "c", 2, 2, CR_RELU)))
MISTAKE(channels, "x has 4 channels in 1 groups, and w is for 5 a group",
        cr_conv(x, cr_param(x.graph, "w0", CR_F32, 3, 3, 5, 2), (cr_slide){.groups = 0}))
