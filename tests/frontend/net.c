/* Descriptions of nets: what is read, and where a mistake is pointed at. */
#include <criterion/criterion.h>

#include "base.h"
#include "crisol/nn.h"
#include "crisol/ops.h"

Test(net, reads_layers)
{
    cr_net net;
    cr_assert_eq(cr_net_parse("dense 256 sigmoid, dense 10", &net), CR_OK, "%s", cr_error());
    cr_assert_eq(net.nlayers, 2);
    cr_assert_eq(net.layer[0].kind, CR_LAYER_DENSE);
    cr_assert_eq(net.layer[0].units, 256);
    cr_assert_eq(net.layer[0].activation, CR_SIGMOID);
    cr_assert_eq(net.layer[1].units, 10);
    cr_assert_eq(net.layer[1].activation, CR_LINEAR);
}

Test(net, reads_a_normalisation)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(" normalize 0.5 0.25 ,\tdense 3 leaky_relu\n", &net), CR_OK);
    cr_assert_eq(net.layer[0].kind, CR_LAYER_NORMALIZE);
    cr_assert_eq(net.layer[0].mean, 0.5f);
    cr_assert_eq(net.layer[0].std, 0.25f);
    cr_assert_eq(net.layer[1].activation, CR_LEAKY_RELU);
}

Test(net, reads_what_differs_in_training)
{
    cr_net net;
    const char *text = "dense 8, batchnorm, activation relu6, dropout 0.3, layernorm, dense 2";
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_assert_eq(net.nlayers, 6);
    cr_assert_eq(net.layer[1].kind, CR_LAYER_BATCHNORM);
    cr_assert_eq(net.layer[2].activation, CR_RELU6);
    cr_assert_eq(net.layer[3].rate, 0.3f);
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, 4, 3, 2), y = cr_net_build(&net, x);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_value_shape(y).rank, 2);
    cr_assert_eq(cr_value_shape(cr_find(g, "batchnorm1.var")).dim[0], 8);
    cr_assert_eq(cr_value_shape(cr_find(g, "layernorm1.gamma")).dim[0], 8);
    cr_assert_eq(cr_value_shape(cr_find(g, "dense1.w")).dim[0], 6);
    cr_assert_not(cr_is_poison(cr_find(g, "random.step")));
    cr_graph_destroy(g);
}

Test(net, reads_images)
{
    cr_net net;
    const char *text = "conv 8 3 same relu, depthwise 3 stride 2 dilation 1, maxpool 2 same, "
                       "conv 6 1 groups 2, avgpool 2 stride 1, flatten, dense 3";
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_graph *g = cr_graph_create("t");
    cr_dim batch = cr_symbol(g, "batch", 8);
    cr_value y = cr_net_build(&net, cr_input(g, "x", CR_F32, batch, 12, 10, 1));
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    const int64_t flat = cr_value_shape(cr_find(g, "dense1.w")).dim[0];
    cr_expect_eq(flat, 2 * 1 * 6, "%lld", (long long)flat);
    cr_expect_eq(cr_value_shape(cr_find(g, "conv2.w")).dim[2], 4);
    cr_value loss = cr_mean(cr_mul(y, y), CR_ALL_AXES), w = cr_find(g, "conv1.w"), d;
    cr_expect_eq(cr_gradients(loss, &w, 1, &d), CR_OK, "%s", cr_error());
    cr_graph_destroy(g);
}

/* A way around two layers, and one more image beside: 16 + 8 channels. */
Test(net, reads_ways_around)
{
    cr_net net;
    const char *text = "conv 16 3 same relu, conv 8 3 same relu, conv 16 3 same, add conv1, "
                       "activation relu, concat conv2, globalavg, dense 3";
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_assert_eq(net.layer[3].from, 1);
    cr_assert_eq(net.layer[5].from, 2);
    cr_graph *g = cr_graph_create("t");
    cr_value y = cr_net_build(&net, cr_input(g, "x", CR_F32, 2, 6, 6, 1));
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_value_shape(cr_find(g, "dense1.w")).dim[0], 24);
    cr_value loss = cr_mean(cr_mul(y, y), CR_ALL_AXES), w = cr_find(g, "conv1.w"), d;
    cr_expect_eq(cr_gradients(loss, &w, 1, &d), CR_OK, "%s", cr_error());
    net.layer[3].from = 4;
    cr_net_build(&net, cr_input(g, "z", CR_F32, 2, 6, 6, 1));
    cr_assert(strstr(cr_error(), "layer 4 needs the number of a layer before it"), "%s",
              cr_error());
    cr_graph_destroy(g);
    g = cr_graph_create("t");
    cr_net_parse("conv 4 3, maxpool 2, add conv1", &net);
    cr_net_build(&net, cr_input(g, "x", CR_F32, 2, 6, 6, 1));
    cr_assert(strstr(cr_error(), "net, layer 3 (add): "), "%s", cr_error());
    cr_assert(strstr(cr_error(), "the shapes do not broadcast"), "%s", cr_error());
    cr_graph_destroy(g);
}

/* Only a dense layer asks for one axis of features. */
Test(net, keeps_the_axes_until_a_dense_layer)
{
    cr_net net;
    cr_graph *g = cr_graph_create("t");
    cr_net_parse("normalize 1 2, activation tanh", &net);
    cr_value y = cr_net_build(&net, cr_input(g, "x", CR_F32, 4, 3, 2));
    cr_assert_eq(cr_value_shape(y).rank, 3);
    net.layer[1].kind = CR_LAYER_COUNT;
    cr_net_build(&net, y);
    cr_assert(strstr(cr_error(), "layer 2 is of no kind"), "%s", cr_error());
    cr_graph_destroy(g);
}

Test(net, help_lists_layers)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    cr_net_help(f);
    fclose(f);
    cr_assert(strstr(text, "  dropout RATE              cr_dropout"), "%s", text);
    cr_assert(strstr(text, "activations: linear, sigmoid"), "%s", text);
    free(text);
}

Test(net, knows_all_activations)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++) {
        char text[64];
        cr_net net;
        snprintf(text, sizeof text, "dense 4 %s", cr_activation_name((cr_activation)i));
        cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
        cr_assert_eq(net.layer[0].activation, (cr_activation)i);
    }
}

/* Column (from 1) of the mistake, and a part of the message. */
static const struct bad {
    const char *text;
    int column;
    const char *says;
} bad[] = {
    {"", 1, "layer is missing"},
    {"   ", 4, "layer is missing"},
    {"dense", 6, "number of units"},
    {"dense ten", 7, "'ten' is not a number"},
    {"dense 0", 7, "not a number of units"},
    {"dense -3", 7, "not a number of units"},
    {"dense 99999999999999999999", 7, "not a number of units"},
    {"dense 12x relu", 7, "not a number of units"},
    {"dense 12 sigmiod", 10, "'sigmiod' is not an activation; there are linear, sigmoid"},
    {"dense 12 relu dense 10", 15, "comma missing"},
    {"dense 12 relu,", 15, "layer is missing"},
    {"dense 12,, dense 10", 10, "layer is missing"},
    {"dens 12", 1, "'dens' is not a layer"},
    {"dense 256 sigmoid, konv 3", 20, "'konv' is not a layer"},
    {"conv", 5, "'conv' needs a number of filters"},
    {"conv 3", 7, "'conv' needs a kernel's size"},
    {"conv 3 0", 8, "'0' is not a kernel's size (1 to 65536)"},
    {"conv 3 3 stride", 16, "'conv' needs a stride"},
    {"conv 3 3 same strid 2", 15, "'strid' is no option of 'conv'"},
    {"conv 3 3 relu same", 15, "comma missing"},
    {"conv 3 3 stride 2 same stride 2", 24, "'stride' stands twice in 'conv'"},
    {"depthwise 3 groups 2", 13, "'groups' is no option of 'depthwise'"},
    {"maxpool 2 relu", 11, "'relu' is no option of 'maxpool'; there are same, stride"},
    {"maxpool", 8, "'maxpool' needs a size"},
    {"flatten 3", 9, "comma missing"},
    {"dropout", 8, "'dropout' needs a rate"},
    {"dropout 1", 9, "the rate must be in [0, 1)"},
    {"dropout -0.1", 9, "the rate must be in [0, 1)"},
    {"dropout half", 9, "'half' is not a number (a rate)"},
    {"dropout 0.5 0.5", 13, "comma missing"},
    {"dense 4, batchnorm 3", 20, "comma missing"},
    {"activation", 11, "'activation' needs an activation"},
    {"activation rleu", 12, "'rleu' is not an activation"},
    {"relu", 1,
     "'relu' is not a layer; there are dense, activation, conv, depthwise, maxpool, avgpool"},
    {",", 1, "layer is missing here; there are dense UNITS [ACTIVATION], activation ACTIVATION"},
    {"normalize 1", 12, "standard deviation"},
    {"normalize 0 0", 13, "above 0"},
    {"normalize a 1", 11, "'a' is not a number"},
    {"normalize nan 1", 11, "not a number"},
    {"dense 3, add", 13, "'add' needs the name of a layer before it"},
    {"dense 3, add dense2", 14, "'dense2' is no layer before this one"},
    {"dense 3, add dense", 14, "'dense' is no layer before this one"},
    {"add add1", 5, "'add1' is no layer before this one"},
    {"dense 3, concat dense1 relu", 24, "comma missing"},
};

Test(net, points_at_the_word)
{
    for (size_t i = 0; i < CR_COUNTOF(bad); i++) {
        cr_net net;
        char column[32];
        cr_assert_eq(cr_net_parse(bad[i].text, &net), CR_E_SYNTAX, "'%s'", bad[i].text);
        snprintf(column, sizeof column, "column %d:", bad[i].column);
        cr_assert(strstr(cr_error(), column), "'%s': %s", bad[i].text, cr_error());
        cr_assert(strstr(cr_error(), bad[i].says), "'%s': %s", bad[i].text, cr_error());
        const char *last = strrchr(cr_error(), '\n'), *caret = strchr(last, '^');
        cr_assert_eq(caret - last, bad[i].column + 2, "'%s': %s", bad[i].text, cr_error());
    }
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net, refuses_too_many_layers)
{
    cr_strbuf s = {0};
    cr_net net;
    for (int i = 0; i < CR_NET_MAX_LAYERS; i++)
        cr_str_printf(&s, "%sdense 2", i ? ", " : "");
    cr_assert_eq(cr_net_parse(s.at, &net), CR_OK, "%s", cr_error());
    cr_str_add(&s, ", dense 2");
    cr_assert_eq(cr_net_parse(s.at, &net), CR_E_SYNTAX);
    cr_assert(strstr(cr_error(), "more than"), "%s", cr_error());
    cr_str_finish(&s);
}

Test(net, builds_and_shares_by_name)
{
    cr_net net;
    cr_graph *g = cr_graph_create("t");
    cr_net_parse("dense 5 relu, dense 3", &net);
    cr_value x = cr_input(g, "x", CR_F32, 4, 2, 2), z = cr_input(g, "z", CR_F32, 7, 4);
    cr_value y = cr_net_build(&net, x), again = cr_net_build(&net, z);
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_value_shape(y).dim[0], 4);
    cr_assert_eq(cr_value_shape(y).dim[1], 3);
    cr_assert_eq(cr_value_shape(again).dim[0], 7);
    cr_assert_eq(cr_params(g, NULL, 0), 4);
    cr_value w = cr_find(g, "dense1.w");
    cr_assert_str_eq(cr_value_name(w), "dense1.w");
    cr_assert_eq(cr_value_shape(w).dim[0], 4);
    cr_graph_destroy(g);
}

Test(net, a_layer_of_another_shape_is_a_mistake)
{
    cr_graph *g = cr_graph_create("t");
    cr_dense(cr_input(g, "x", CR_F32, 4, 2), "h", 3, CR_RELU);
    cr_dense(cr_input(g, "z", CR_F32, 4, 5), "h", 3, CR_RELU);
    cr_assert_eq(cr_graph_status(g), CR_E_GRAPH);
    cr_assert(strstr(cr_error(), "\"h.w\" is there as f32[2,3]"), "%s", cr_error());
    cr_graph_destroy(g);
}

Test(net, summary_lists_layers)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    cr_net net;
    cr_graph *g = cr_graph_create("t");
    cr_net_parse("dense 256 sigmoid, batchnorm, dense 10", &net);
    cr_net_build(&net, cr_input(g, "x", CR_F32, 64, 784));
    cr_summary(g, f);
    fclose(f);
    cr_assert(strstr(text, "w [784,256], b [256]"), "%s", text);
    cr_assert(strstr(text, "f32[64,256]"), "%s", text);
    cr_assert(strstr(text, "200960"), "%s", text);
    cr_assert(strstr(text, "batchnorm1       f32[64,256] "), "%s", text);
    cr_assert(strstr(text, "204042"), "%s", text);
    free(text);
    cr_graph_destroy(g);
    cr_assert_eq(cr_alloc_live(), 0);
}
