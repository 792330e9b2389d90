/* What is built of a description of a net: the same values as the functions for its layers give. In
 * one graph these are the same nodes, so that nothing has to be computed to compare them. */
#include <math.h>

#include "crisol/conv.h"
#include "crisol/net.h"
#include "crisol/ops.h"
#include "crisol/train.h"
#include "host.h"

static cr_net read(const char *text)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "'%s': %s", text, cr_error());
    return net;
}

/* ---- each layer against its function --------------------------------------------------------- */

static cr_value dense(cr_value x)
{
    return cr_dense(cr_flatten(x), "dense1", 3, CR_TANH);
}

static cr_value dense_plain(cr_value x)
{
    return cr_dense_ex(x, "d", 3, &(cr_dense_options){.no_bias = true});
}

static cr_value conv(cr_value x)
{
    const cr_conv_options o = {.window = {.stride = {2, 1}, .dilation = {1, 2}, .padding = CR_SAME},
                               .groups = 2,
                               .no_bias = true,
                               .activation = CR_RELU};
    return cr_conv2d_ex(x, "conv1", 4, 3, 2, &o);
}

static cr_value conv_first(cr_value x)
{
    const cr_conv_options o = {.window = {.channels_first = true}};
    return cr_conv2d_ex(x, "conv1", 4, 3, 3, &o);
}

static cr_value depthwise(cr_value x)
{
    const cr_conv_options o = {.window = {.stride = {2, 2}}, .activation = CR_ELU};
    return cr_depthwise_conv2d_ex(x, "depthwise1", 3, 2, 1, &o);
}

static cr_value depthwise_one(cr_value x)
{
    return cr_depthwise_conv2d(x, "depthwise1", 1, 2, CR_LINEAR);
}

static cr_value maxpool(cr_value x)
{
    return cr_max_pool2d_ex(x, 2, 3, &(cr_window_options){.stride = {1, 2}, .padding = CR_SAME});
}

static cr_value avgpool(cr_value x)
{
    return cr_avg_pool2d_ex(x, 2, 2, &(cr_window_options){.channels_first = true});
}

static cr_value globals(cr_value x)
{
    return cr_add(cr_global_avg_pool2d(x, false), cr_global_max_pool2d(x, false));
}

static cr_value global_first(cr_value x)
{
    return cr_global_max_pool2d(x, true);
}

static cr_value places(cr_value x)
{
    cr_value y = cr_reshape(x, CR_SHAPE(2, 5, 24));
    return cr_add(cr_mean(y, CR_AXIS(1)), cr_amax(y, CR_AXIS(1)));
}

static cr_value pad(cr_value x)
{
    return cr_pad(x, CR_SHAPE(0, 1, 3, 0), CR_SHAPE(0, 2, 4, 0), 0);
}

static cr_value pad_first(cr_value x)
{
    return cr_pad(x, CR_SHAPE(0, 0, 1, 3), CR_SHAPE(0, 0, 2, 4), 0);
}

static cr_value reshape(cr_value x)
{
    return cr_reshape(x, CR_SHAPE(2, 4, -1, 3));
}

static cr_value curves(cr_value x)
{
    return cr_softmax(cr_elu(cr_leaky_relu(x, 0.25f), 0.5f));
}

static cr_value constants(cr_value x)
{
    return cr_add(cr_mul(cr_normalize(x, 0.5f, 2), cr_f32(x.graph, 3)), cr_f32(x.graph, -1));
}

static cr_value batch_norm(cr_value x)
{
    const cr_norm_options o = {.momentum = 0.5f, .epsilon = 0.1f, .no_center = true};
    return cr_batch_norm(cr_batch_norm_ex(x, "batchnorm1", &o), "batchnorm2", 0.99f, 1e-3f);
}

static cr_value layer_norm(cr_value x)
{
    const cr_norm_options o = {.epsilon = 0.1f, .no_scale = true};
    return cr_layer_norm(cr_layer_norm_ex(x, "layernorm1", &o), "layernorm2", 1e-3f);
}

static cr_value merges(cr_value x)
{
    cr_graph *g = x.graph;
    cr_value a = cr_tanh(x), b = cr_sigmoid(x);
    cr_value v = cr_add(cr_add(b, a), x);
    v = cr_sub(v, a);
    v = cr_mul(v, b);
    v = cr_mul(cr_add(cr_add(v, a), b), cr_f32(g, 1.0f / 3));
    return cr_min(cr_max(v, x), a);
}

static cr_value concat(cr_value x)
{
    cr_value a = cr_tanh(x), both = cr_concat(a, x, 3);
    return cr_concat(cr_concat(both, both, 1), cr_concat(both, both, 1), 2);
}

static cr_value again(cr_value x)
{
    cr_value a = cr_dense(x, "d", 4, CR_RELU), b = cr_dense(a, "d", 4, CR_RELU);
    return cr_sub(cr_dense(b, "d", 4, CR_RELU), a);
}

static cr_value features(cr_value x)
{
    return cr_scale_range(cr_standardize(cr_onehot_column(x, 3, 5), "s"), "scale1");
}

/* x is f32 [2, 5, 6, 4]. */
static const struct layer {
    const char *text;
    cr_value (*build)(cr_value x);
} layers[] = {
    {"dense 3 tanh", dense},
    {"dense 3 lastaxis nobias as d", dense_plain},
    {"conv 4 3x2 stride 2x1 dilation 1x2 same groups 2 nobias relu", conv},
    {"conv 4 3 channelsfirst", conv_first},
    {"depthwise 2x1 multiplier 3 stride 2 elu", depthwise},
    {"depthwise 2", depthwise_one},
    {"maxpool 2x3 stride 1x2 same", maxpool},
    {"avgpool 2 channelsfirst", avgpool},
    {"globalmax, from x, globalavg, add globalmax1", globals},
    {"globalmax channelsfirst", global_first},
    {"reshape 5 24 as r, globalmax, from r, globalavg, add globalmax1", places},
    {"pad 1 2 3 4", pad},
    {"pad 1 2 3 4 channelsfirst", pad_first},
    {"reshape 4 -1 3", reshape},
    {"leakyrelu 0.25, elu 0.5, activation softmax", curves},
    {"normalize 0.5 2, rescale 3 -1", constants},
    {"batchnorm momentum 0.5 epsilon 0.1 nocenter, batchnorm", batch_norm},
    {"layernorm epsilon 0.1 noscale, layernorm", layer_norm},
    {"activation tanh as a, from x, activation sigmoid as b, add a x, sub a, mul b, "
     "average a b, maximum x, minimum a",
     merges},
    {"activation tanh, concat x, concat concat1 axis 1, concat concat2 axis -2", concat},
    {"dense 4 lastaxis relu as d, again d, again again1, sub d", again},
    {"onehot 3 5, standardize as s, scale", features},
};

Test(net_build, is_what_the_functions_build)
{
    for (size_t i = 0; i < CR_COUNTOF(layers); i++)
        for (int training = 0; training < 2; training++) {
            cr_net net = read(layers[i].text);
            cr_graph *g = cr_graph_create("t");
            cr_set_training(g, training);
            cr_value x = cr_input(g, "x", CR_F32, 2, 5, 6, 4), want = layers[i].build(x);
            cr_assert_eq(cr_graph_status(g), CR_OK, "'%s': %s", layers[i].text, cr_error());
            cr_value got = cr_net_build(&net, x);
            cr_assert_eq(cr_graph_status(g), CR_OK, "'%s': %s", layers[i].text, cr_error());
            cr_expect_eq(got.ref, want.ref, "'%s'", layers[i].text);
            cr_graph_destroy(g);
            cr_net_finish(&net);
        }
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net_build, dropout_and_embedding)
{
    cr_net net = read("input 3 i32, embedding 7 4, dropout 0.5, dense 2");
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_I32, 5, 3);
    cr_set_training(g, false);
    cr_value got = cr_net_build(&net, x);
    cr_value want =
        cr_dense(cr_flatten(cr_embedding(x, "embedding1", 7, 4)), "dense1", 2, CR_LINEAR);
    cr_expect_eq(got.ref, want.ref);
    cr_set_training(g, true);
    cr_net_build(&net, x);
    cr_expect_not(cr_is_poison(cr_find(g, "random.step")));
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_graph_destroy(g);
    cr_net_finish(&net);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void expect_near(const float *got, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        cr_expect(fabsf(got[i] - want[i]) < 1e-6f, "%d: %g, but %g is right", i, (double)got[i],
                  (double)want[i]);
}

Test(net_build, columns_of_classes)
{
    cr_net net = read("onehot 2 3");
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "y", cr_net_build(&net, cr_input(g, "x", CR_F32, 5, 3)));
    host h = host_start(g, 1);
    static const float x[5][3] = {{7, 0, 8}, {7, 2, 8}, {7, 3, 8}, {7, -1, 8}, {7, 0.5f, 8}};
    static const float y[5][5] = {
        {7, 1, 0, 0, 8}, {7, 0, 0, 1, 8}, {7, 0, 0, 0, 8}, {7, 0, 0, 0, 8}, {7, 0, 0, 0, 8}};
    memcpy(host_leaf(&h, "x"), x, sizeof x);
    host_run(&h);
    expect_near(host_output(&h, "y"), y[0], 25);
    host_end(&h);
    cr_net_finish(&net);
}

/* They start as the identity, are not trained, and are states to be set. */
Test(net_build, features_by_what_samples_are_like)
{
    cr_net net = read("input 2 u8, standardize, scale as s");
    cr_graph *g = cr_graph_create("t");
    cr_output(g, "y", cr_net_build(&net, cr_input(g, "x", CR_U8, 2, 2)));
    cr_expect_eq(cr_params(g, NULL, 0), 0);
    host h = host_start(g, 1);
    memcpy(host_leaf(&h, "x"), (const uint8_t[]){1, 20, 3, 40}, 4);
    host_run(&h);
    expect_near(host_output(&h, "y"), (const float[]){1, 20, 3, 40}, 4);
    memcpy(host_leaf(&h, "standardize1.mean"), (const float[]){1, 20}, 8);
    memcpy(host_leaf(&h, "standardize1.factor"), (const float[]){0.5f, 0.25f}, 8);
    memcpy(host_leaf(&h, "s.low"), (const float[]){1, 0}, 8);
    memcpy(host_leaf(&h, "s.factor"), (const float[]){2, 0.1f}, 8);
    host_run(&h);
    expect_near(host_output(&h, "y"), (const float[]){-2, 0, 0, 0.5f}, 4);
    host_end(&h);
    cr_net_finish(&net);
}

/* In evaluation a normalization without gamma or beta is folded as well. */
static void folds(const char *text, float scale, float shift)
{
    cr_net net = read(text);
    cr_graph *g = cr_graph_create("t");
    cr_set_training(g, false);
    cr_value y = cr_net_build(&net, cr_input(g, "x", CR_F32, 1, 1));
    cr_output(g, "y", y);
    host h = host_start(g, 1);
    *(float *)host_leaf(&h, "x") = 1;
    *(float *)host_leaf(&h, "dense1.w") = 3;
    *(float *)host_leaf(&h, "batchnorm1.mean") = 1;
    *(float *)host_leaf(&h, "batchnorm1.var") = 3;
    if (!strstr(text, "noscale"))
        *(float *)host_leaf(&h, "batchnorm1.gamma") = 5;
    if (!strstr(text, "nocenter"))
        *(float *)host_leaf(&h, "batchnorm1.beta") = 7;
    host_run(&h);
    const float want = (3 - 1) / 2.0f * scale + shift;
    expect_near(host_output(&h, "y"), &want, 1);
    int products = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        products += cr_at(g, r)->op == CR_OP_matmul;
    cr_expect_eq(products, 2, "the one that was scaled, and the one that it was before");
    host_end(&h);
    cr_net_finish(&net);
}

Test(net_build, normalizations_without_parameters)
{
    folds("dense 1 nobias, batchnorm epsilon 1", 5, 7);
    folds("dense 1 nobias, batchnorm epsilon 1 nocenter", 5, 0);
    folds("dense 1 nobias, batchnorm epsilon 1 noscale", 1, 7);
    folds("dense 1, batchnorm epsilon 1 noscale nocenter", 1, 0);
}

/* ---- several inputs and outputs -------------------------------------------------------------- */

Test(net_build, inputs_and_outputs_in_order)
{
    cr_net net = read("input 2 as a, dense 3 as twin, input 2 as b, again twin, sub twin, "
                      "dense 4 as far, output far b twin");
    cr_graph *g = cr_graph_create("t");
    cr_value a = cr_input(g, "a", CR_F32, 5, 2), b = cr_input(g, "b", CR_F32, 5, 2);
    cr_value out[3];
    cr_assert_eq(cr_net_build_all(&net, ((cr_value[]){a, b}), out), CR_OK, "%s", cr_error());
    cr_value one = cr_dense(a, "twin", 3, CR_LINEAR), two = cr_dense(b, "twin", 3, CR_LINEAR);
    cr_expect_eq(out[0].ref, cr_dense(cr_sub(two, one), "far", 4, CR_LINEAR).ref);
    cr_expect_eq(out[1].ref, b.ref, "an input");
    cr_expect_eq(out[2].ref, one.ref);
    cr_expect_eq(cr_params(g, NULL, 0), 4);
    cr_value loss = cr_mean(cr_square(out[0]), CR_ALL_AXES);
    cr_assert_eq(cr_check_gradient(loss, NULL, 0, &(cr_gradient_check){.seed = 3}, NULL), CR_OK,
                 "%s", cr_error());
    cr_net_build(&net, a);
    cr_expect(strstr(cr_error(), "net: it has inputs: 2, outputs: 3; one of each is needed"), "%s",
              cr_error());
    cr_expect_eq(cr_net_build_all(&net, ((cr_value[]){a, b}), out), CR_E_GRAPH);
    cr_expect(cr_is_poison(out[0]) && cr_is_poison(out[2]));
    cr_graph_destroy(g);
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net_build, x_as_an_output)
{
    cr_net net = read("dense 3, output x dense1");
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 5, 2), out[2];
    cr_assert_eq(cr_net_build_all(&net, &x, out), CR_OK, "%s", cr_error());
    cr_expect_eq(out[0].ref, x.ref);
    cr_expect_eq(cr_value_shape(out[1]).dim[1], 3);
    cr_graph_destroy(g);
    cr_net_finish(&net);
}

/* More operands than there are layers, and a batch that is bound later. */
Test(net_build, one_layer_many_times)
{
    cr_net net = read("dense 3, add dense1 dense1 dense1 dense1 dense1 x x");
    cr_graph *g = cr_graph_create("t");
    cr_dim batch = cr_symbol(g, "batch", 8);
    cr_net_build(&net, cr_input(g, "x", CR_F32, batch, 3));
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_graph_destroy(g);
    cr_net_finish(&net);
}

Test(net_build, shares_by_name)
{
    cr_net net = read("dense 5 relu, dense 3");
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 4, 2, 2), z = cr_input(g, "z", CR_F32, 7, 4);
    cr_value y = cr_net_build(&net, x), again_ = cr_net_build(&net, z);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_value_shape(y).dim[0], 4);
    cr_assert_eq(cr_value_shape(again_).dim[0], 7);
    cr_assert_eq(cr_params(g, NULL, 0), 4);
    cr_assert_str_eq(cr_value_name(cr_find(g, "dense1.w")), "dense1.w");
    cr_graph_destroy(g);
    cr_net_finish(&net);
}

/* ---- what inputs take ------------------------------------------------------------------------ */

/* The input's description, what it is given, and what comes of it; NULL: nothing is said. */
static const struct given {
    const char *text;
    cr_dtype dtype;
    cr_shape shape;
    const char *says;
} given[] = {
    {"input 3 4", CR_F32, {3, {5, 3, 4}}, NULL},
    {"input 3 4 1", CR_F32, {3, {5, 3, 4}}, NULL},
    {"input 3 4", CR_F32, {5, {5, 1, 3, 1, 4}}, NULL},
    {"input 12", CR_F32, {3, {5, 3, 4}}, NULL},
    {"input 1", CR_F32, {1, {5}}, NULL},
    {"input 3 4", CR_I32, {3, {5, 3, 4}}, NULL},
    {"input 3 4 i32", CR_F32, {3, {5, 3, 4}}, NULL},
    {"input 3 4 i32", CR_U8, {3, {5, 3, 4}}, NULL},
    {"input 3 4 u8", CR_U8, {3, {5, 3, 4}}, NULL},
    {"input 4 3",
     CR_F32,
     {3, {5, 3, 4}},
     "this input is f32[5,4,3], and is given f32[5,3,4]: the shapes of the samples differ"},
    {"input 2 6", CR_F32, {2, {5, 12}}, "net, layer 1 (input1): "},
    {"input 13", CR_F32, {3, {5, 3, 4}}, "the shapes of the samples differ"},
    {"input 3", CR_F32, {0, {0}}, "this input is f32[1,3], and is given f32: the shapes"},
    {"input 3", CR_U8, {2, {5, 3}}, "bytes have to be made f32 first"},
    {"input 3 u8", CR_F32, {2, {5, 3}}, "give it the bytes as they are"},
    {"input 3 u8", CR_BOOL, {2, {5, 3}}, "an input cannot be bool"},
};

Test(net_build, inputs_take_what_fits)
{
    for (size_t i = 0; i < CR_COUNTOF(given); i++) {
        cr_net net = read(given[i].text);
        cr_graph *g = cr_graph_create("t");
        const cr_layer *in = cr_net_input(&net, 0);
        cr_value x = cr_input_at(CR_HERE, g, "x", given[i].dtype, given[i].shape);
        cr_value y = cr_net_build(&net, x);
        if (given[i].says) {
            cr_expect_eq(cr_graph_status(g), CR_E_GRAPH);
            cr_expect(strstr(cr_error(), given[i].says), "%zu: %s", i, cr_error());
        } else {
            cr_expect_eq(cr_graph_status(g), CR_OK, "%zu: %s", i, cr_error());
            cr_expect_eq(cr_value_dtype(y), in->dtype == CR_I32 ? CR_I32 : CR_F32);
            cr_expect_eq(cr_value_shape(y).rank, in->shape.rank + 1);
        }
        cr_graph_destroy(g);
        cr_net_finish(&net);
    }
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net_build, samples_that_fit)
{
    static const struct {
        cr_shape given, wanted;
        bool fit;
    } cases[] = {{{3, {6, 6, 3}}, {3, {6, 6, 3}}, true}, {{3, {1, 6, 6}}, {3, {6, 6, 1}}, true},
                 {{3, {6, 6, 3}}, {1, {108}}, true},     {{3, {3, 6, 6}}, {3, {6, 6, 3}}, false},
                 {{1, {108}}, {3, {6, 6, 3}}, false},    {{0}, {1, {1}}, true}};
    for (size_t i = 0; i < CR_COUNTOF(cases); i++)
        cr_expect_eq(cr_sample_fits(&cases[i].given, &cases[i].wanted), cases[i].fit, "%zu", i);
}

/* Bytes that a trainer feeds are pixels, unless the net says that it takes bytes. */
Test(net_build, models_of_images)
{
    cr_net plain = read("normalize 0 2"), f32 = read("input 4, normalize 0 2"),
           u8 = read("input 4 u8, normalize 0 2"), raw = read("input 4 raw, normalize 0 2");
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_U8, 3, 2, 2), pixels = cr_normalize(x, 0, 255);
    cr_expect_eq(cr_net_model(x, &plain).ref, cr_normalize(pixels, 0, 2).ref);
    cr_expect_eq(cr_net_model(pixels, &plain).ref, cr_normalize(pixels, 0, 2).ref);
    cr_expect_eq(cr_net_model(x, &f32).ref,
                 cr_normalize(cr_reshape(pixels, CR_SHAPE(3, 4)), 0, 2).ref);
    cr_value bytes = cr_reshape(cr_cast(x, CR_F32), CR_SHAPE(3, 4));
    cr_expect_eq(cr_net_model(x, &u8).ref, cr_normalize(bytes, 0, 2).ref);
    cr_expect_eq(cr_net_model(x, &raw).ref, cr_normalize(bytes, 0, 2).ref);
    cr_expect_eq(cr_net_model(pixels, &raw).ref, cr_net_model(pixels, &f32).ref);
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_graph_destroy(g);
    cr_net_finish(&plain);
    cr_net_finish(&f32);
    cr_net_finish(&u8);
    cr_net_finish(&raw);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

/* A net for x f32 [2, 6, 6, 4] and what is wrong with it. */
static const char *const mistakes[][2] = {
    {"conv 4 3, maxpool 2, add conv1", "net, layer 3 (add1): "},
    {"conv 4 3, maxpool 2, add conv1", "the shapes do not broadcast"},
    {"conv 4 9 as first", "net, layer 1 (first): "},
    {"dense 4, pad 1 1 1 1 as border", "net, layer 2 (border): "},
    {"dense 4, pad 1 1 1 1 as border", "x has 2 axes; an image, with its samples, has 4"},
    {"reshape 5 5", "net, layer 1 (reshape1): "},
    {"dense 3, onehot 4 2", "column 4 as 2 columns, of x with 3"},
    {"dense 3, concat dense1 axis 2", "axis 2 is none of x with 2 axes"},
    {"dense 3, concat dense1 axis -2", "axis -2 is none of x with 2 axes"},
    {"embedding 3 3", "net, layer 1 (embedding1): "},
    {"input 6 6 4 i32, dense 3", "x is i32, and products are of f32: `rescale 1 0`"},
    {"input 6 6 4 i32, conv 3 3", "x is i32, and products are of f32: `rescale 1 0`"},
    {"dense 3 as d, dense 4, again d", "net, layer 3 (again1): "},
    {"dense 3 as d, dense 4, again d", "\"d.w\" is there as f32[144,3], and this layer needs"},
};

Test(net_build, mistakes_name_the_layer)
{
    for (size_t i = 0; i < CR_COUNTOF(mistakes); i++) {
        cr_net net = read(mistakes[i][0]);
        cr_graph *g = cr_graph_create("t");
        cr_value y = cr_net_build(&net, cr_input(g, "x", CR_F32, 2, 6, 6, 4));
        cr_expect(cr_is_poison(y) && cr_graph_status(g) == CR_E_GRAPH);
        cr_expect(strstr(cr_error(), mistakes[i][1]), "'%s': %s", mistakes[i][0], cr_error());
        cr_graph_destroy(g);
        cr_net_finish(&net);
    }
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net_build, a_layer_of_another_shape_is_a_mistake)
{
    cr_graph *g = cr_graph_create("t");
    cr_dense(cr_input(g, "x", CR_F32, 4, 2), "h", 3, CR_RELU);
    cr_dense(cr_input(g, "z", CR_F32, 4, 5), "h", 3, CR_RELU);
    cr_assert_eq(cr_graph_status(g), CR_E_GRAPH);
    cr_assert(strstr(cr_error(), "\"h.w\" is there as f32[2,3]"), "%s", cr_error());
    cr_graph_destroy(g);
}

/* Nets of many layers are built as well. */
Test(net_build, deep_nets)
{
    cr_net net = {0};
    const cr_layer tanh_ = {.kind = CR_LAYER_ACTIVATION, .activation = CR_TANH};
    for (int i = 0; i < CR_NET_MAX_LAYERS; i++)
        cr_assert_eq(cr_net_add(&net, &tanh_), CR_OK, "%s", cr_error());
    cr_expect_eq(cr_net_add(&net, &tanh_), CR_E_ARGUMENT);
    cr_graph *g = cr_graph_create("t");
    cr_net_build(&net, cr_input(g, "x", CR_F32, 2, 3));
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_expect_eq(cr_graph_size(g), CR_NET_MAX_LAYERS + 1);
    cr_graph_destroy(g);
    cr_net_finish(&net);
}
