/* Descriptions of nets: what is read and written, what a program adds, and where a mistake is
 * pointed at. What is built of them: net_build.c. */
#include "crisol/net.h"

#include <criterion/criterion.h>

#include "base.h"

/* The net of a text that has no mistake. */
static cr_net read(const char *text)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "'%s': %s", text, cr_error());
    return net;
}

/* ---- reading --------------------------------------------------------------------------------- */

Test(net, reads_layers)
{
    cr_net net = read(" dense 256 sigmoid ,\tdense 10 nobias\n");
    cr_assert_eq(net.nlayers, 2);
    cr_assert_eq(net.layer[0].kind, CR_LAYER_DENSE);
    cr_assert_eq(net.layer[0].units, 256);
    cr_assert_eq(net.layer[0].activation, CR_SIGMOID);
    cr_assert_eq(net.layer[1].units, 10);
    cr_assert_eq(net.layer[1].activation, CR_LINEAR);
    cr_assert(net.layer[1].no_bias && !net.layer[0].no_bias);
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(net, reads_all_options)
{
    cr_net net = read("input 9 8 2 u8 as picture, normalize 0.5 0.25, "
                      "conv 8 3x5 stride 2x1 channelsfirst groups 2 nobias dilation 3 same relu, "
                      "batchnorm noscale momentum 0.9 nocenter epsilon 1e-5, "
                      "depthwise 3 multiplier 4, reshape 4 -1, pad 1 2 3 4, dropout 0.3");
    const cr_layer *l = net.layer;
    cr_expect(l[0].shape.rank == 3 && l[0].shape.dim[1] == 8 && l[0].dtype == CR_U8);
    cr_expect(l[1].mean == 0.5f && l[1].std == 0.25f);
    cr_expect(l[2].units == 8 && l[2].kernel[0] == 3 && l[2].kernel[1] == 5);
    cr_expect(l[2].stride[0] == 2 && l[2].stride[1] == 1 && l[2].groups == 2 && l[2].same);
    cr_expect(l[2].dilation[0] == 3 && l[2].dilation[1] == 3 && l[2].activation == CR_RELU);
    cr_expect(l[2].channels_first && l[2].no_bias);
    cr_expect(l[3].no_scale && l[3].no_center && l[3].momentum == 0.9f && l[3].epsilon == 1e-5f);
    cr_expect(l[4].multiplier == 4 && l[4].kernel[1] == 3 && !l[4].no_bias);
    cr_expect(l[5].shape.rank == 2 && l[5].shape.dim[1] == -1);
    cr_expect(l[6].before[0] == 1 && l[6].after[0] == 2);
    cr_expect(l[6].before[1] == 3 && l[6].after[1] == 4);
    cr_expect(l[7].rate == 0.3f);
    cr_net_finish(&net);
}

/* Which layers each works on, and what the net takes and gives. */
Test(net, reads_operands)
{
    cr_net net = read("input 4 as a, dense 8, input 3 i32 as b/c, embedding 9 8, flatten, "
                      "concat dense1 axis -1, from dense1, again dense1 as more, again more, "
                      "output more concat1");
    cr_assert_eq(net.nlayers, 8);
    cr_assert_eq(cr_net_inputs(&net), 2);
    cr_expect_str_eq(cr_net_input(&net, 1)->name, "b/c");
    cr_expect_eq(cr_net_input(&net, 1)->dtype, CR_I32);
    cr_expect_null(cr_net_input(&net, 2));
    cr_assert_eq(cr_net_outputs(&net), 2);
    cr_expect_eq(cr_net_output(&net, 0), 7);
    cr_expect_eq(cr_net_output(&net, 1), 6);
    cr_expect_eq(net.layer[0].noperands, 0);
    cr_expect(net.layer[3].noperands == 1 && net.layer[3].operand[0] == 3);
    cr_assert_eq(net.layer[5].noperands, 2);
    cr_expect(net.layer[5].operand[0] == 5 && net.layer[5].operand[1] == 2);
    cr_expect(net.layer[5].axis == -1);
    cr_expect(net.layer[6].kind == CR_LAYER_AGAIN && net.layer[6].again == 2);
    cr_expect_eq(net.layer[6].operand[0], 2);
    cr_expect_eq(net.layer[7].again, 2, "the layer itself");
    cr_expect_eq(net.layer[7].operand[0], 7);
    cr_expect_eq(cr_net_find(&net, "again2"), 8, "the second layer of that word");
    cr_expect_eq(cr_net_find(&net, "dense2"), 0);
    cr_net_finish(&net);
}

Test(net, takes_one_x_without_inputs)
{
    cr_net net = read("dense 4, dense 4, add x, output x add1");
    cr_expect_eq(cr_net_inputs(&net), 1);
    cr_expect_null(cr_net_input(&net, 0));
    cr_expect(net.layer[0].operand[0] == 0 && net.layer[2].operand[1] == 0);
    cr_expect_eq(cr_net_output(&net, 0), 0);
    cr_expect_str_eq(cr_net_layer_name(&net, 0), "x");
    cr_net_finish(&net);
    net = read("dense 4");
    cr_expect_eq(cr_net_outputs(&net), 1);
    cr_expect_eq(cr_net_output(&net, 0), 1);
    cr_net_finish(&net);
}

/* A number that a given name has taken is passed over. */
Test(net, names_that_are_like_automatic_ones)
{
    cr_net net = read("dense 1 as dense2, dense 2, dense 3, dense 4 as d.e-f_/, dense 5");
    static const char *const names[] = {"dense2", "dense3", "dense4", "d.e-f_/", "dense5"};
    for (uint32_t i = 0; i < net.nlayers; i++)
        cr_expect_str_eq(net.layer[i].name, names[i]);
    cr_net_finish(&net);
    net = read("input 2 as x, dense 2, add x");
    cr_expect_eq(net.layer[2].operand[1], 1);
    cr_net_finish(&net);
}

Test(net, knows_all_activations)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++) {
        char text[64];
        snprintf(text, sizeof text, "dense 4 %s", cr_activation_name((cr_activation)i));
        cr_net net = read(text);
        cr_assert_eq(net.layer[0].activation, (cr_activation)i);
        cr_net_finish(&net);
    }
}

Test(net, help_lists_layers)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    cr_net_help(f);
    fclose(f);
    cr_assert(strstr(text, "\n  dropout RATE                          cr_dropout"), "%s", text);
    cr_assert(strstr(text, "\n  from LAYER                            go on"), "%s", text);
    cr_assert(strstr(text, "activations: linear, sigmoid"), "%s", text);
    free(text);
}

/* An option that is read is one that the help tells of. */
Test(net, help_names_what_mistakes_name)
{
    static const char *const parameters[] = {
#define CR_X(name, word, parameters, help) parameters,
        CR_LAYER_MAP(CR_X)
#undef CR_X
    };
    static const char *const options[][2] = {
        {"conv 1 1 ?", "same, stride, dilation, groups, nobias, channelsfirst"},
        {"depthwise 1 ?", "multiplier, same, stride, dilation, nobias, channelsfirst"},
        {"batchnorm ?", "momentum, epsilon, nocenter, noscale"}};
    static const cr_layer_kind kind[] = {CR_LAYER_CONV, CR_LAYER_DEPTHWISE, CR_LAYER_BATCHNORM};
    for (size_t i = 0; i < CR_COUNTOF(kind); i++) {
        cr_net net;
        char words[128], *save;
        cr_assert_eq(cr_net_parse(options[i][0], &net), CR_E_SYNTAX);
        cr_expect(strstr(cr_error(), options[i][1]), "%s", cr_error());
        snprintf(words, sizeof words, "%s", options[i][1]);
        for (char *w = strtok_r(words, ", ", &save); w; w = strtok_r(NULL, ", ", &save))
            cr_expect(strstr(parameters[kind[i]], w), "%s: %s", options[i][0], w);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A text, and how it is written; NULL: as it is. */
static const char *const texts[][2] = {
    {" dense   256 sigmoid,dense 10 linear ", "dense 256 sigmoid, dense 10"},
    {"dense 3 lastaxis nobias gelu", "dense 3 nobias lastaxis gelu"},
    {"conv 8 3x3 stride 2x2 same dilation 1x2", "conv 8 3 same stride 2 dilation 1x2"},
    {"conv 8 3x5 same stride 2x1 dilation 3 groups 2 nobias channelsfirst relu6", NULL},
    {"depthwise 3 multiplier 2 same stride 2 dilation 1 nobias channelsfirst elu", NULL},
    {"maxpool 2x3 same stride 1 channelsfirst, avgpool 2 stride 1x2", NULL},
    {"globalmax channelsfirst", NULL},
    {"globalavg, activation softmax", NULL},
    {"pad 0 1 2 3 channelsfirst, flatten, reshape 3 -1 2", NULL},
    {"leakyrelu 0.1, elu 1.5, leakyrelu 0.33333334", NULL},
    {"normalize -0.5 1e-07, rescale 0.003921569 -1, standardize, scale", NULL},
    {"onehot 3 10, dropout 0.25, layernorm epsilon 1e-05 nocenter noscale", NULL},
    {"batchnorm momentum 0.9 epsilon 0.002 nocenter noscale", NULL},
    {"input 20 i32, embedding 1000 16, globalavg", NULL},
    {"input 4 u8 as a, dense 8, input 3 as b, dense 8, add dense1, dense 2", NULL},
    {"input 4 raw, rescale 0.1 0", NULL},
    {"dense 4 as a, from x, dense 4, sub a, mul a x, average a a, maximum x, minimum x", NULL},
    {"dense 4, concat dense1 x axis -1, concat x axis 1", NULL},
    {"dense 4, again dense1, from x, again again1 as last",
     "dense 4, again dense1, from x, again dense1 as last"},
    {"dense 4 as dense1, dense 5 as dense3, dense 6 as dense4, output dense4 dense1",
     "dense 4, dense 5 as dense3, dense 6, output dense4 dense1"},
    {"dense 4 as dense2, dense 5, dense 6 as dense4", "dense 4 as dense2, dense 5, dense 6"},
    {"dense 4, from dense1, dense 3, output dense2", "dense 4, dense 3, output dense2"},
    {"dense 4, output x", NULL},
    {"input 4, output input1", NULL},
};

static void expect_same_layer(const cr_layer *a, const cr_layer *b)
{
    cr_expect_str_eq(a->name, b->name);
    cr_expect(a->kind == b->kind && a->again == b->again && a->noperands == b->noperands);
    for (uint32_t i = 0; i < a->noperands && i < b->noperands; i++)
        cr_expect_eq(a->operand[i], b->operand[i]);
    const size_t from = offsetof(cr_layer, activation);
    cr_expect_eq(memcmp((const char *)a + from, (const char *)b + from, sizeof *a - from), 0);
}

static void expect_same(const cr_net *a, const cr_net *b)
{
    cr_assert(a->nlayers == b->nlayers && a->noutputs == b->noutputs && a->ninputs == b->ninputs);
    for (uint32_t i = 0; i < a->nlayers; i++)
        expect_same_layer(&a->layer[i], &b->layer[i]);
    for (uint32_t i = 0; i < a->noutputs; i++)
        cr_expect_eq(a->output[i], b->output[i]);
}

Test(net, is_written_and_read_again)
{
    for (size_t i = 0; i < CR_COUNTOF(texts); i++) {
        cr_net net = read(texts[i][0]), copy;
        char *text = cr_net_print(&net);
        cr_expect_str_eq(text, texts[i][1] ? texts[i][1] : texts[i][0]);
        cr_net again = read(text);
        expect_same(&net, &again);
        cr_expect_eq(cr_net_copy(&net, &copy), CR_OK);
        expect_same(&net, &copy);
        cr_net_finish(&copy);
        cr_net_finish(&again);
        cr_net_finish(&net);
        cr_string_free(text);
    }
    cr_assert_eq(cr_alloc_live(), 0);
}

/* ---- programs -------------------------------------------------------------------------------- */

/* What `keras`'s functional models look like: two branches, one shared layer. */
Test(net, is_made_by_a_program)
{
    cr_net net = {0};
    const cr_layer dense = {.kind = CR_LAYER_DENSE, .units = 3, .activation = CR_TANH};
    cr_layer a = {.kind = CR_LAYER_INPUT, .name = "a", .shape = CR_SHAPE(4)}, b = a;
    b.name = "b";
    cr_assert_eq(cr_net_add(&net, &a), CR_OK);
    cr_assert_eq(cr_net_add(&net, &b), CR_OK);
    cr_assert_eq(cr_net_add(&net, &dense), CR_OK, "on the layer before");
    cr_layer again = {.kind = CR_LAYER_AGAIN, .again = 3, .operand = &(uint32_t){1}};
    again.noperands = 1;
    cr_assert_eq(cr_net_add(&net, &again), CR_OK);
    cr_layer sub = {.kind = CR_LAYER_SUB, .operand = (uint32_t[]){3, 4}, .noperands = 2};
    cr_assert_eq(cr_net_add(&net, &sub), CR_OK);
    cr_assert_eq(cr_net_add_output(&net, 5), CR_OK);
    cr_assert_eq(cr_net_add_output(&net, 3), CR_OK);
    char *text = cr_net_print(&net);
    cr_expect_str_eq(text, "input 4 as a, input 4 as b, dense 3 tanh, from a, again dense1, "
                           "from dense1, sub again1, output sub1 dense1");
    cr_string_free(text);
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* Layers that cannot follow "dense 2, dense 2 as a", and what is said. */
static const struct wrong {
    cr_layer layer;
    const char *says;
} wrong[] = {
    {{.kind = CR_LAYER_COUNT}, "net, layer 3: it is of no kind that there is"},
    {{.kind = CR_LAYER_DENSE}, "net, layer 3 (dense): the number of units must be from 1 to"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .activation = CR_ACTIVATION_COUNT},
     "the activation is none that there is"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .name = ""}, "a name has 1 to 200 characters"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .name = "a"}, "a layer before it has that name"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .name = "a,b"}, "a name consists of letters"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .operand = (const uint32_t[]){3}, .noperands = 1},
     "operand 1 is layer 3, which is none that comes before"},
    {{.kind = CR_LAYER_DENSE, .units = 1, .operand = (const uint32_t[]){1, 2}, .noperands = 2},
     "it has 2 operands; 1 to 1 are needed"},
    {{.kind = CR_LAYER_ADD}, "it has 0 operands; 2 to 4097 are needed"},
    {{.kind = CR_LAYER_SUB, .operand = (const uint32_t[]){1, 2, 2}, .noperands = 3},
     "it has 3 operands; 2 to 2 are needed"},
    {{.kind = CR_LAYER_AGAIN, .again = 3}, "there is no such layer before it"},
    {{.kind = CR_LAYER_AGAIN}, "there is no such layer before it"},
    {{.kind = CR_LAYER_INPUT, .shape = {1, {3}}}, "a net with inputs begins with one"},
    {{.kind = CR_LAYER_CONV, .units = 2, .kernel = {3, 0}},
     "the kernel's size must be from 1 to 65536"},
    {{.kind = CR_LAYER_CONV, .units = 2, .kernel = {3, 3}, .stride = {1, 0}},
     "the stride must be from 1 to 65536"},
    {{.kind = CR_LAYER_CONV, .units = 2, .kernel = {3, 3}, .groups = -1},
     "the number of groups must be from 1 to"},
    {{.kind = CR_LAYER_RESHAPE, .shape = {8, {1}}}, "a sample has 1 to 7 axes"},
    {{.kind = CR_LAYER_RESHAPE, .shape = {1, {-2}}}, "a size is from 1 to 2147483647"},
    {{.kind = CR_LAYER_NORMALIZE}, "the standard deviation must be above 0"},
    {{.kind = CR_LAYER_BATCHNORM, .epsilon = -1}, "the epsilon must be above 0"},
    {{.kind = CR_LAYER_ELU, .slope = (float)(1e300 * 1e300)}, "the alpha must be finite"},
};

Test(net, refuses_what_a_program_adds)
{
    cr_net net = read("dense 2, dense 2 as a");
    for (size_t i = 0; i < CR_COUNTOF(wrong); i++) {
        cr_expect_eq(cr_net_add(&net, &wrong[i].layer), CR_E_ARGUMENT, "%zu", i);
        cr_expect(strstr(cr_error(), wrong[i].says), "%zu: %s", i, cr_error());
        cr_expect_eq(net.nlayers, 2);
    }
    cr_expect_eq(cr_net_add_output(&net, 3), CR_E_ARGUMENT);
    cr_expect_eq(cr_net_add_output(&net, 0), CR_OK);
    cr_expect_eq(cr_net_add_output(&net, 0), CR_E_ARGUMENT);
    cr_expect(strstr(cr_error(), "layer 0 (x) is an output already"), "%s", cr_error());
    cr_net_finish(&net);
    cr_expect_eq(cr_net_add_output(&net, 0), CR_E_ARGUMENT, "of a net without layers");
    const cr_layer input = {.kind = CR_LAYER_INPUT, .shape = CR_SHAPE(3), .dtype = CR_BOOL};
    cr_expect_eq(cr_net_add(&net, &input), CR_E_ARGUMENT);
    cr_expect(strstr(cr_error(), "the type must be f32, i32 or u8"), "%s", cr_error());
    cr_net_finish(&net);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

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
    {"dense 12 sigmiod", 10,
     "'sigmiod' is no option of 'dense' (nobias, lastaxis) and no activation (linear, sigmoid"},
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
    {"conv 3 3x0", 8, "'3x0' is not a kernel's size (1 to 65536)"},
    {"conv 3 x3", 8, "'x3' is not a kernel's size"},
    {"conv 3 3x3x3", 8, "'3x3x3' is not a kernel's size"},
    {"conv 3 3 stride 2x", 17, "'2x' is not a stride"},
    {"conv 3 3 nobias same nobias", 22, "'nobias' stands twice in 'conv'"},
    {"depthwise 3 groups 2", 13, "'groups' is no option of 'depthwise' (multiplier, same"},
    {"depthwise 3 multiplier", 23, "needs a number of kernels a channel"},
    {"maxpool 2 relu", 11,
     "'relu' is no option of 'maxpool'; there are same, stride, channelsfirst"},
    {"maxpool", 8, "'maxpool' needs a size"},
    {"flatten 3", 9, "comma missing"},
    {"dropout", 8, "'dropout' needs a rate"},
    {"dropout 1", 9, "the rate must be in [0, 1)"},
    {"dropout -0.1", 9, "the rate must be in [0, 1)"},
    {"dropout half", 9, "'half' is not a number (a rate)"},
    {"dropout 0.5 0.5", 13, "comma missing"},
    {"dense 4, batchnorm 3", 20,
     "'3' is no option of 'batchnorm'; there are momentum, epsilon, nocenter, noscale"},
    {"dense 4, batchnorm momentum 1", 29, "the momentum must be above 0 and below 1"},
    {"dense 4, batchnorm momentum 0", 29, "the momentum must be above 0 and below 1"},
    {"layernorm momentum 0.9", 11, "'momentum' is no option of 'layernorm'"},
    {"layernorm epsilon 0", 19, "the epsilon must be above 0"},
    {"layernorm nocenter nocenter", 20, "stands twice"},
    {"activation", 11, "'activation' needs an activation"},
    {"activation rleu", 12, "'rleu' is not an activation"},
    {"relu", 1,
     "'relu' is not a layer; there are input, dense, activation, leakyrelu, elu, conv, depthwise"},
    {",", 1, "layer is missing here; there are input, dense"},
    {"normalize 1", 12, "standard deviation"},
    {"normalize 0 0", 13, "above 0"},
    {"normalize a 1", 11, "'a' is not a number"},
    {"normalize nan 1", 11, "not a number"},
    {"leakyrelu", 10, "'leakyrelu' needs a slope"},
    {"elu inf", 5, "'inf' is not a number"},
    {"pad 1 1 1", 10, "'pad' needs a number of columns to the right"},
    {"pad 1 1 1 -1", 11, "not a number of columns to the right (0 to 65536)"},
    {"reshape", 8, "'reshape' needs a size"},
    {"reshape 3 0", 11, "'0' is not a size"},
    {"reshape -1 4 -1", 14, "only one size may be -1"},
    {"reshape 1 1 1 1 1 1 1 1", 23, "a sample has at most 7 axes"},
    {"rescale 1", 10, "'rescale' needs an offset"},
    {"standardize 3", 13, "comma missing"},
    {"onehot 0 3", 8, "'0' is not a column"},
    {"onehot 1", 9, "needs a number of columns of 0 and 1"},
    {"embedding 10", 13, "'embedding' needs a width"},
    {"input", 6, "'input' needs a size"},
    {"input 3 -1", 9, "'-1' is not a size (1 to 2147483647)"},
    {"input 3 f64", 9, "'f64' is no option of 'input'; there are i32, u8, raw"},
    {"input 3 u8 i32", 12, "'i32' stands twice"},
    {"dense 3, input 4", 10, "a net with inputs begins with one"},
    {"input 3, dense 2 as", 20, "'as' needs a name"},
    {"dense 2 as a,dense 2 as a", 25, "a layer before it has that name"},
    {"dense 2, dense 2 as dense1", 21, "'dense1' cannot be the layer's name: a layer before"},
    {"dense 2 as x", 12, "it is the name of what the net takes"},
    {"dense 2 as as", 12, "it is a word of the language"},
    {"dense 2 as axis", 12, "it is a word of the language"},
    {"dense 2 as a$b", 12, "a name consists of letters, digits and _ . - /"},
    {"dense 2 as a b", 14, "'b' comes after the layer's name, which is last; is a comma missing"},
    {"dense 2 as a relu", 14, "does it belong before 'as'?"},
    {"dense 3, from", 14, "'from' needs the name of a layer before it"},
    {"dense 3, from dense2", 15, "'dense2' is no layer before this one"},
    {"dense 3, from dense1", 21, "a layer that works on the result is needed after 'from'"},
    {"dense 3, from x, from dense1, dense 1", 18, "needed after 'from'"},
    {"dense 3, from x, output dense1", 18, "needed after 'from'"},
    {"input 3, from input1, input 4", 23, "needed after 'from'"},
    {"dense 3, from dense1,", 22, "needed after 'from'"},
    {"dense 3, output", 16, "'output' needs the names of layers"},
    {"dense 3, output dense1 dense1", 24, "'dense1' is an output already"},
    {"dense 3, output dense1, dense 4", 25, "nothing can follow 'output'"},
    {"dense 3, output dense1 as y", 24, "comma missing"},
    {"dense 3, output dense2", 17, "'dense2' is no layer before this one"},
    {" output x", 2, "a layer is needed before 'output'"},
    {"input 3, dense 3, add x", 23, "'x' is no layer before this one"},
    {"dense 3, again", 15, "'again' needs the name of a layer before it"},
    {"dense 3, again dense2", 16, "'dense2' is no layer before this one"},
    {"dense 3, again x", 16, "there is no such layer before it"},
    {"dense 3, add x, again add1", 23, "only a layer of one operand can be had again"},
    {"input 3, again input1", 16, "only a layer of one operand can be had again"},
    {"dense 3, again dense1 relu", 23, "comma missing"},
    {"dense 3, sub x x", 16, "comma missing"},
    {"dense 3, concat x axis", 23, "'concat' needs an axis"},
    {"dense 3, concat x axis 0", 24, "'0' is not an axis"},
    {"dense 3, concat x axis 8", 24, "'8' is not an axis (-7 to 7)"},
    {"dense 3, add", 13, "'add' needs the name of a layer before it"},
    {"dense 3, add dense2", 14, "'dense2' is no layer before this one"},
    {"dense 3, add dense", 14, "'dense' is no layer before this one"},
    {"add add1", 5, "'add1' is no layer before this one"},
    {"dense 3, concat dense1 relu", 24, "'relu' is no layer before this one"},
};

Test(net, points_at_the_word)
{
    for (size_t i = 0; i < CR_COUNTOF(bad); i++) {
        cr_net net = {.nlayers = 9};
        char column[32];
        cr_assert_eq(cr_net_parse(bad[i].text, &net), CR_E_SYNTAX, "'%s'", bad[i].text);
        cr_assert(net.nlayers == 0 && !net.memory);
        snprintf(column, sizeof column, "column %d:", bad[i].column);
        cr_assert(strstr(cr_error(), column), "'%s': %s", bad[i].text, cr_error());
        cr_assert(strstr(cr_error(), bad[i].says), "'%s': %s", bad[i].text, cr_error());
        const char *last = strrchr(cr_error(), '\n'), *caret = strchr(last, '^');
        cr_assert_eq(caret - last, bad[i].column + 2, "'%s': %s", bad[i].text, cr_error());
    }
    cr_assert_eq(cr_alloc_live(), 0);
}

/* A name of 200 characters is one, 201 are not. */
Test(net, names_have_an_end)
{
    char text[300];
    cr_net net;
    snprintf(text, sizeof text, "dense 1 as %0200d", 7);
    net = read(text);
    cr_expect_eq(strlen(net.layer[0].name), 200);
    cr_net_finish(&net);
    snprintf(text, sizeof text, "dense 1 as %0201d", 7);
    cr_expect_eq(cr_net_parse(text, &net), CR_E_SYNTAX);
    cr_expect(strstr(cr_error(), "a name has 1 to 200 characters"), "%s", cr_error());
}

Test(net, refuses_too_many_layers)
{
    cr_strbuf s = {0};
    cr_net net;
    for (int i = 0; i < CR_NET_MAX_LAYERS; i++)
        cr_str_printf(&s, "%sdense 2", i ? ", " : "");
    net = read(s.at);
    cr_assert_eq(net.nlayers, CR_NET_MAX_LAYERS);
    cr_assert_str_eq(net.layer[CR_NET_MAX_LAYERS - 1].name, "dense4096");
    cr_net_finish(&net);
    cr_str_add(&s, ", dense 2");
    cr_assert_eq(cr_net_parse(s.at, &net), CR_E_SYNTAX);
    cr_assert(strstr(cr_error(), "a net has at most 4096 layers"), "%s", cr_error());
    cr_str_finish(&s);
}

static char *summary_of(const char *text)
{
    char *table = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&table, &size);
    cr_net net = read(text);
    cr_graph *g = cr_graph_create("t");
    cr_net_build(&net, cr_input(g, "x", CR_F32, 64, 784));
    cr_summary(g, f);
    fclose(f);
    cr_graph_destroy(g);
    cr_net_finish(&net);
    return table;
}

Test(net, summary_lists_layers)
{
    char *text = summary_of("dense 256 sigmoid, batchnorm, dense 10 as scores");
    cr_assert(strstr(text, "w [784,256], b [256]"), "%s", text);
    cr_assert(strstr(text, "f32[64,256]"), "%s", text);
    cr_assert(strstr(text, "200960"), "%s", text);
    cr_assert(strstr(text, "batchnorm1       f32[64,256] "), "%s", text);
    cr_assert(strstr(text, "scores           f32[64,10] "), "%s", text);
    cr_assert(strstr(text, "204042"), "%s", text);
    free(text);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* Long names make the column wider; a layer that is had again is listed once. */
Test(net, summary_has_room_for_names)
{
    char *text = summary_of("dense 784 as encoder/block_1.project, again encoder/block_1.project");
    cr_assert(strstr(text, "layer                   result  "), "%s", text);
    cr_assert(strstr(text, "encoder/block_1.project f32[64,784] "), "%s", text);
    const char *first = strstr(text, "encoder");
    cr_assert_null(strstr(first + 1, "encoder"), "%s", text);
    free(text);
}
