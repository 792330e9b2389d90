/* Models of Keras: files that real Keras wrote (tests/tools/keras_files.py) are read and predict
 * what it predicted, in the reference interpreter; what is written again reads as the same model.
 * The command does so on a device (tests/e2e/exchange.sh), and Keras itself reads what is written
 * in tests/peers. */
#include <math.h>
#include <unistd.h>

#include "crisol/ops.h"
#include "data/keras/expected.h"
#include "frontend/host.h"
#include "keras.h"

static const char *file_path(const char *file)
{
    static char path[2][4096];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[0], "%s/tests/data/keras/%s", getenv("CRISOL_SOURCE_DIR"),
             file);
    return path[which];
}

/* ---- predictions ----------------------------------------------------------------------------- */

static void set_input(const host *h, const cr_layer *input, const struct values *x)
{
    void *to = host_leaf(h, input->name);
    for (int64_t i = 0; i < SAMPLES * x->size; i++)
        if (input->dtype == CR_I32)
            ((int32_t *)to)[i] = (int32_t)x->at[i];
        else
            ((float *)to)[i] = x->at[i];
}

/* Every state that predictions need has a tensor of its shape. */
static void set_states(const host *h, const cr_model *m)
{
    for (cr_ref r = 1; r < h->g->node.len; r++) {
        if (!h->data[r] || cr_at(h->g, r)->op != CR_OP_STATE)
            continue;
        const cr_tensor *t = cr_model_find(m, cr_name_of(h->g, r));
        cr_assert(t, "no tensor '%s'", cr_name_of(h->g, r));
        const cr_shape s = cr_value_shape((cr_value){h->g, r});
        cr_assert(memcmp(&t->shape, &s, sizeof s) == 0, "%s has another shape", t->name);
        memcpy(h->data[r], t->data, cr_bytes_of(h->g, r));
    }
}

static host build(const cr_net *net)
{
    cr_value in[MOST], out[MOST];
    cr_graph *g = cr_graph_create("keras");
    cr_set_training(g, false);
    for (uint32_t i = 0; i < cr_net_inputs(net); i++) {
        const cr_layer *l = cr_net_input(net, i);
        cr_shape s = {.rank = l->shape.rank + 1, .dim = {SAMPLES}};
        memcpy(&s.dim[1], l->shape.dim, sizeof s.dim - sizeof s.dim[0]);
        in[i] = cr_input_at(CR_HERE, g, l->name, l->dtype, s);
    }
    cr_assert_eq(cr_net_build_all(net, in, out), CR_OK, "%s", cr_error());
    for (uint32_t i = 0; i < cr_net_outputs(net); i++)
        cr_output(g, i ? "output 1" : "output 0", out[i]);
    return host_start(g, 1);
}

static void expect_prediction(const struct expected *e, const cr_model *m)
{
    const cr_net *net = cr_model_net(m);
    cr_assert(cr_net_inputs(net) == (uint32_t)e->inputs, "%s", e->file);
    cr_assert(cr_net_outputs(net) == (uint32_t)e->outputs, "%s", e->file);
    host h = build(net);
    set_states(&h, m);
    for (int i = 0; i < e->inputs; i++)
        set_input(&h, cr_net_input(net, (uint32_t)i), &e->x[i]);
    host_run(&h);
    for (int i = 0; i < e->outputs; i++) {
        const float *got = host_output(&h, i ? "output 1" : "output 0");
        for (int64_t j = 0; j < SAMPLES * e->y[i].size; j++)
            cr_assert(fabsf(got[j] - e->y[i].at[j]) <= 1e-5f * fmaxf(1, fabsf(got[j])),
                      "%s, output %d, element %d: %.9g, to Keras %.9g", e->file, i, (int)j,
                      (double)got[j], (double)e->y[i].at[j]);
    }
    host_end(&h);
}

Test(keras, predicts_what_keras_predicts)
{
    const size_t before = cr_alloc_live();
    for (size_t i = 0; i < CR_COUNTOF(expected); i++) {
        cr_model *m = cr_model_import_keras(file_path(expected[i].file));
        cr_assert(m, "%s", cr_error());
        expect_prediction(&expected[i], m);
        cr_model_destroy(m);
    }
    cr_assert_eq(cr_alloc_live(), before);
}

Test(keras, writes_what_it_reads)
{
    char path[] = "keras-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < CR_COUNTOF(expected); i++) {
        cr_model *m = cr_model_import_keras(file_path(expected[i].file));
        cr_assert(m, "%s", cr_error());
        cr_assert_eq(cr_model_export_keras(m, path), CR_OK, "%s", cr_error());
        cr_model_destroy(m);
        m = cr_model_import_keras(path);
        cr_assert(m, "%s", cr_error());
        expect_prediction(&expected[i], m);
        cr_model_destroy(m);
    }
    unlink(path);
}

/* ---- configs --------------------------------------------------------------------------------- */

/* The net of a config, or NULL. cr_string_free it. Most are as in HDF5, without modules. */
static char *net_of(int version, bool h5, const char *config)
{
    cr_keras k;
    cr_net net;
    char *text = NULL;
    if (cr_keras_read(&k, "m.keras", version, h5, config, strlen(config)) == CR_OK &&
        cr_keras_net(&k, &net) == CR_OK) {
        text = cr_net_print(&net);
        cr_net_finish(&net);
    }
    cr_keras_finish(&k);
    return text;
}

static void expect_net(int version, const char *config, const char *want)
{
    char *text = net_of(version, true, config);
    cr_assert(text, "%s\n%s", cr_error(), config);
    cr_assert_str_eq(text, want);
    cr_string_free(text);
}

static void expect_refused_of(bool h5, const char *config, const char *a, const char *b)
{
    const size_t before = cr_alloc_live();
    char *text = net_of(3, h5, config);
    cr_assert_null(text, "was read as '%s'\n%s", text, config);
    cr_assert(strncmp(cr_error(), "m.keras: ", 9) == 0, "%s", cr_error());
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
    cr_assert_eq(cr_alloc_live(), before);
}

static void expect_refused(const char *config, const char *a, const char *b)
{
    expect_refused_of(true, config, a, b);
}

#define SEQUENTIAL(layers)                                                                         \
    "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[" layers "]}}"
#define LAYER(class_name, options)                                                                 \
    "{\"class_name\":\"" class_name "\",\"config\":{\"name\":\"" class_name "_1\"" options "}}"
#define INPUT(shape) LAYER("InputLayer", ",\"batch_shape\":[null," shape "]")
/* One layer on [5], on [6, 6, 2]. */
#define ON_ROW(class_name, options) SEQUENTIAL(INPUT("5") "," LAYER(class_name, options))
#define ON_IMAGE(class_name, options) SEQUENTIAL(INPUT("6,6,2") "," LAYER(class_name, options))

Test(keras, reads_options)
{
    expect_net(3,
               ON_ROW("Dense",
                      ",\"units\":3,\"kernel_regularizer\":{\"class_name\":\"L2\"},\"new\":false"),
               "input 5 as InputLayer_1, dense 3 as Dense_1, output Dense_1");
    expect_net(
        3,
        ON_ROW("Dense",
               ",\"units\":3,\"activation\":{\"class_name\":\"function\",\"config\":\"gelu\"}"),
        "input 5 as InputLayer_1, dense 3 gelu as Dense_1, output Dense_1");
    expect_net(3, ON_ROW("ReLU", ",\"max_value\":null,\"negative_slope\":0.25,\"threshold\":0"),
               "input 5 as InputLayer_1, leakyrelu 0.25 as ReLU_1, output ReLU_1");
    expect_net(3, ON_ROW("Normalization", ",\"mean\":2,\"variance\":9,\"axis\":null"),
               "input 5 as InputLayer_1, normalize 2 3 as Normalization_1, output Normalization_1");
    expect_net(
        3, ON_IMAGE("ZeroPadding2D", ",\"padding\":[1,2]"),
        "input 6 6 2 as InputLayer_1, pad 1 1 2 2 as ZeroPadding2D_1, output ZeroPadding2D_1");
    expect_net(2, ON_IMAGE("BatchNormalization", ",\"axis\":[3],\"epsilon\":0.5,\"momentum\":0.5"),
               "input 6 6 2 as InputLayer_1, batchnorm momentum 0.5 epsilon 0.5 as "
               "BatchNormalization_1, output BatchNormalization_1");
    /* bytes, unless they were divided before */
    expect_net(3, ON_IMAGE("Rescaling", ",\"scale\":0.0078125,\"offset\":-1"),
               "input 6 6 2 raw as InputLayer_1, rescale 0.0078125 -1 as Rescaling_1, output "
               "Rescaling_1");
    expect_net(3, ON_IMAGE("Rescaling", ",\"scale\":2,\"offset\":-1"),
               "input 6 6 2 as InputLayer_1, rescale 2 -1 as Rescaling_1, output Rescaling_1");
    /* along the last axis of what is not flattened, as Keras has it */
    expect_net(3, ON_IMAGE("Dense", ",\"units\":3"),
               "input 6 6 2 as InputLayer_1, dense 3 lastaxis as Dense_1, output Dense_1");
}

static const struct refused {
    const char *config, *a, *b;
} refused[] = {
    {ON_ROW("LSTM", ",\"units\":3"), "layer 'LSTM_1' is an LSTM", "does not have"},
    {ON_ROW("Lambda", ",\"function\":{\"class_name\":\"__lambda__\"}"), "'Lambda_1' is a Lambda",
     "does not have"},
    {SEQUENTIAL(
         INPUT("5") ",{\"module\":\"mine\",\"class_name\":\"Dense\",\"config\":{\"name\":\"d\"}}"),
     "layer 'd' is a custom Dense ('mine')", "Keras's own"},
    {ON_ROW("Dense", ",\"units\":0"), "option units = 0", "from 1 to"},
    {ON_ROW("Dense", ",\"units\":1e300"), "option units = 1e+300", "from 1 to"},
    {ON_ROW("Dense", ",\"units\":2,\"activation\":\"mish\""), "option activation = \"mish\"",
     "Dense_1"},
    {ON_ROW("Dense", ",\"units\":2,\"lora_rank\":4"), "option lora_rank = 4", "does not have"},
    {ON_ROW("Dense", ",\"units\":2,\"\":4"), "option  = 4", "does not have"},
    {ON_ROW("Dense", ",\"units\":2,\"\\u001b[31m\":4"), "option ?[31m = 4", "does not have"},
    {ON_ROW("Dense", ",\"units\":2,\"dtype\":\"mixed_float16\""), "option dtype", "float32"},
    {ON_ROW("Dense", ",\"units\":2,\"dtype\":{\"module\":\"keras\",\"class_name\":\"DTypePolicy\","
                     "\"config\":{\"name\":\"mixed_bfloat16\"},\"registered_name\":null}"),
     "option dtype = DTypePolicy \"mixed_bfloat16\": ", "float32"},
    {ON_ROW("Dense", ",\"units\":2,\"activation\":{\"module\":\"builtins\",\"class_name\":"
                     "\"function\",\"config\":\"squash\",\"registered_name\":\"function\"}"),
     "option activation = function \"squash\": ", "does not have"},
    {ON_ROW("Dense", ",\"units\":2,\"activation\":{\"class_name\":\"Mine\",\"config\":{}}"),
     "option activation = Mine: ", "does not have"},
    {ON_ROW("Dense", ",\"units\":2,\"units\":3"), "'units' is there twice", "config of its model"},
    {ON_ROW("Dense", ",\"units\":2,\"kernel_regularizer\":[{\"a\":1,\"c\":2,\"b\":3,\"c\":4}]"),
     "'c' is there twice", ""},
    {ON_ROW("Dense", ",\"units\":2,\"use_bias\":3"), "option use_bias = 3", "true or false"},
    {ON_ROW("Dropout", ",\"rate\":1.5"), "option rate = 1.5", "[0, 1)"},
    {ON_ROW("Dropout", ",\"rate\":0.5,\"noise_shape\":[1]"), "option noise_shape = [1]",
     "Dropout_1"},
    {ON_ROW("Embedding", ",\"input_dim\":4,\"output_dim\":2,\"mask_zero\":true"),
     "option mask_zero = true", "does not have"},
    {ON_IMAGE("BatchNormalization", ",\"axis\":1,\"epsilon\":0.5,\"momentum\":0.5"),
     "option axis = 1", "last axis"},
    {ON_IMAGE("Conv2D", ",\"filters\":2,\"kernel_size\":3,\"strides\":[1,-1],\"padding\":\"same\""),
     "option strides = [1,-1]", "Conv2D_1"},
    {ON_IMAGE("Conv2D", ",\"filters\":2,\"kernel_size\":3,\"strides\":1,\"padding\":\"causal\""),
     "option padding = \"causal\"", "valid or same"},
    {ON_IMAGE("Flatten", ",\"data_format\":\"channels_first\""), "data_format", "order"},
    {ON_ROW("ReLU", ",\"max_value\":4,\"negative_slope\":0,\"threshold\":0"),
     "option max_value = 4", "ReLU"},
    {ON_ROW("GlobalMaxPooling2D", ""), "value of 2 axes where it takes 4", "GlobalMaxPooling2D_1"},
    {SEQUENTIAL(LAYER("Dense", ",\"units\":2")), "layer 's' (Sequential) was never built",
     "call it once"},
    {SEQUENTIAL(INPUT("null") "," LAYER("Dense", ",\"units\":2")), "'InputLayer_1'", "not fixed"},
    {SEQUENTIAL(""), "layer 's' (Sequential) has no layers", ""},
    {SEQUENTIAL(INPUT("5") ",3"), "a layer in it", "no name"},
    {"{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":3}}", "a Dense where a model",
     "'d'"},
    {"{\"class_name\":\"Sequential\"", "no JSON", "byte"},
    {"[]", "no JSON object", ""},
    {"", "no JSON", "byte 0 of 0"},
    {"{} {}", "no JSON", ""},
};

Test(keras, refuses_what_crisol_does_not_have)
{
    for (size_t i = 0; i < CR_COUNTOF(refused); i++)
        expect_refused(refused[i].config, refused[i].a, refused[i].b);
}

/* As in a .keras file: what names no module of Keras's, or is registered, is somebody's own. */
#define IN_MODULE(module, registered)                                                              \
    "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["  \
    "{\"module\":\"keras.layers\",\"class_name\":\"InputLayer\",\"config\":{\"name\":\"x\","       \
    "\"batch_shape\":[null,4]}},{\"module\":" module ",\"class_name\":\"Dense\",\"config\":{"      \
    "\"name\":\"d\",\"units\":2},\"registered_name\":" registered "}]}}"

Test(keras, tells_custom_classes_from_its_own)
{
    static const char *const own[] = {IN_MODULE("\"keras.layers\"", "null"),
                                      IN_MODULE("\"keras.src.layers.core.dense\"", "\"Dense\"")};
    for (size_t i = 0; i < CR_COUNTOF(own); i++) {
        char *text = net_of(3, false, own[i]);
        cr_assert(text, "%s", cr_error());
        cr_string_free(text);
    }
    expect_refused_of(false, IN_MODULE("null", "\"Dense\""), "'d' is a custom Dense", "no module");
    expect_refused_of(false, IN_MODULE("null", "null"), "'d' is a custom Dense", "no module");
    expect_refused_of(false, IN_MODULE("null", "\"My>Dense\""), "a custom Dense ('My>Dense')", "");
    expect_refused_of(false, IN_MODULE("\"keras_mine\"", "null"), "custom Dense ('keras_mine')",
                      "");
    expect_refused_of(false, IN_MODULE("\"keras.layers\"", "\"My>Dense\""), "('My>Dense')", "");
    expect_refused_of(false, ON_ROW("Dense", ",\"units\":2"), "a custom Sequential", "no module");
    expect_refused_of(true, IN_MODULE("null", "\"Dense\""), "'d' is a custom Dense", "no module");
    expect_refused_of(true, IN_MODULE("null", "\"My>Dense\""), "('My>Dense')", "");
}

/* ---- graphs ---------------------------------------------------------------------------------- */

#define TENSOR(layer, call, result)                                                                \
    "{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"" layer "\"," call      \
    "," result "]}}"
#define NODE(class_name, name, options, nodes)                                                     \
    "{\"class_name\":\"" class_name "\",\"config\":{\"name\":\"" name "\"" options                 \
    "},\"name\":\"" name "\",\"inbound_nodes\":[" nodes "]}"
#define ARGS(tensors) "{\"args\":[" tensors "],\"kwargs\":{}}"
#define FUNCTIONAL(layers, inputs, outputs)                                                        \
    "{\"class_name\":\"Functional\",\"config\":{\"name\":\"f\",\"layers\":[" layers                \
    "],\"input_layers\":" inputs ",\"output_layers\":" outputs "}}"
#define X NODE("InputLayer", "x", ",\"batch_shape\":[null,4]", "")
#define RELU(name, of) NODE("Activation", name, ",\"activation\":\"relu\"", ARGS(of))
#define ADD(name, a, b) NODE("Add", name, "", ARGS("[" a "," b "]"))

Test(keras, reads_graphs)
{
    /* layers in any order */
    expect_net(
        3,
        FUNCTIONAL(RELU("b", TENSOR("a", "0", "0")) "," RELU("a", TENSOR("x", "0", "0")) "," X,
                   "[\"x\",0,0]", "[\"b\",0,0]"),
        "input 4 as x, activation relu as a, activation relu as b, output b");
    /* a dict of inputs, in the order of its keys; an output that is there twice */
    expect_net(
        3,
        FUNCTIONAL(X "," NODE("InputLayer", "w", ",\"batch_shape\":[null,4],\"dtype\":\"int32\"",
                              "") "," RELU("a", TENSOR("x", "0", "0")),
                   "{\"x\":[\"x\",0,0],\"w\":[\"w\",0,0]}", "[[\"a\",0,0],[\"a\",0,0]]"),
        "input 4 i32 as w, input 4 as x, activation relu as a, activation linear, output a "
        "activation2");
    /* masks that are none, as a model of several inputs is called with */
    expect_net(3,
               FUNCTIONAL(X "," NODE("Add", "a", "",
                                     "{\"args\":[[" TENSOR("x", "0", "0") "," TENSOR(
                                         "x", "0", "0") "]],\"kwargs\":{\"mask\":[null,null]}}"),
                          "[\"x\",0,0]", "[\"a\",0,0]"),
               "input 4 as x, add x as a, output a");
    /* names that nets do not have */
    expect_net(3,
               FUNCTIONAL(X "," RELU("a b;\\\"*/", TENSOR("x", "0", "0")) "," RELU(
                              "as", TENSOR("a b;\\\"*/", "0", "0")),
                          "[\"x\",0,0]", "[\"as\",0,0]"),
               "input 4 as x, activation relu as a_b___/, activation relu as as_, output as_");
}

#define INTO(name, dtype)                                                                          \
    NODE("InputLayer", name, ",\"batch_shape\":[null,4],\"dtype\":\"" dtype "\"", "")
#define ADDED(class_name, a, b, options)                                                           \
    FUNCTIONAL(INTO("a", a) "," INTO("b", b) "," NODE(                                             \
                   class_name, "c", options,                                                       \
                   ARGS("[" TENSOR("a", "0", "0") "," TENSOR("b", "0", "0") "]")),                 \
               "[[\"a\",0,0],[\"b\",0,0]]", "[\"c\",0,0]")
#define ONE(dtype, class_name, options)                                                            \
    FUNCTIONAL(INTO("a", dtype) "," NODE(class_name, "c", options, ARGS(TENSOR("a", "0", "0"))),   \
               "[\"a\",0,0]", "[\"c\",0,0]")

/* Whole numbers become floats where Keras makes such of them. */
Test(keras, reads_whole_numbers)
{
    expect_net(3, ONE("int32", "Dense", ",\"units\":2"),
               "input 4 i32 as a, rescale 1 0, dense 2 as c, output c");
    expect_net(3, ONE("int32", "ReLU", ",\"max_value\":6,\"negative_slope\":0,\"threshold\":0"),
               "input 4 i32 as a, rescale 1 0, activation relu6 as c, output c");
    expect_net(3, ONE("uint8", "Dense", ",\"units\":2"), "input 4 u8 as a, dense 2 as c, output c");
    expect_net(3, ONE("uint8", "Embedding", ",\"input_dim\":256,\"output_dim\":2"),
               "input 4 i32 as a, embedding 256 2 as c, output c");
    expect_net(3, ADDED("Add", "int32", "int64", ""),
               "input 4 i32 as a, input 4 i32 as b, from a, add b as c, output c");
    expect_net(3, ADDED("Subtract", "int32", "float32", ""),
               "input 4 i32 as a, input 4 as b, from a, rescale 1 0, sub b as c, output c");
    expect_net(3, ADDED("Multiply", "uint8", "float32", ""),
               "input 4 u8 as a, input 4 as b, from a, mul b as c, output c");
    expect_net(3, ADDED("Maximum", "uint8", "uint8", ""),
               "input 4 u8 as a, input 4 u8 as b, from a, maximum b as c, output c");
    static const char *const wrap[] = {
        ADDED("Add", "uint8", "uint8", ""), ADDED("Subtract", "uint8", "uint8", ""),
        ADDED("Multiply", "uint8", "uint8", ""), ADDED("Average", "uint8", "uint8", "")};
    for (size_t i = 0; i < CR_COUNTOF(wrap); i++)
        expect_refused(wrap[i], "layer 'c' (", "is given values of uint8");
    /* bytes that went through other layers */
    expect_refused(FUNCTIONAL(INTO("a", "uint8") "," RELU("b", TENSOR("a", "0", "0")) "," ADD(
                                  "c", TENSOR("a", "0", "0"), TENSOR("b", "0", "0")),
                              "[\"a\",0,0]", "[\"c\",0,0]"),
                   "layer 'c' (Add)", "uint8");
}

static const struct refused graphs[] = {
    {FUNCTIONAL(X "," RELU("a", TENSOR("b", "0", "0")) "," RELU("b", TENSOR("a", "0", "0")),
                "[\"x\",0,0]", "[\"b\",0,0]"),
     "layer 'b' waits for its own result", ""},
    {FUNCTIONAL(X "," RELU("a", TENSOR("a", "0", "0")), "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' waits for its own result", ""},
    {FUNCTIONAL(X "," RELU("a", TENSOR("z", "0", "0")), "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' refers to 'z'", "no layer beside it"},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "1", "0")), "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' refers to a call or a result of 'x'", "not there"},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "0", "7")), "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' refers to a call or a result of 'x'", "not there"},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "-1", "0")), "[\"x\",0,0]", "[\"a\",0,0]"), "layer 'a'",
     "no layer, call and result"},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "0", "0")), "[\"x\",0,0]", "[\"z\",0,0]"),
     "layer 'f' refers to 'z'", ""},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "0", "0")), "[]", "[\"a\",0,0]"), "layer 'f'",
     "no inputs"},
    {FUNCTIONAL(X "," RELU("a", TENSOR("x", "0", "0")), "[\"a\",0,0]", "[\"a\",0,0]"), "layer 'f'",
     "no InputLayer"},
    {FUNCTIONAL(X "," X "," RELU("a", TENSOR("x", "0", "0")), "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'x' has the name of another", ""},
    {FUNCTIONAL(X "," NODE("InputLayer", "w", ",\"batch_shape\":[null,4]",
                           "") "," ADD("a", TENSOR("x", "0", "0"), TENSOR("w", "0", "0")),
                "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' waits for", "an input that the model does not have"},
    {FUNCTIONAL(X "," NODE("Add", "a", "", ARGS("[" TENSOR("x", "0", "0") "]")), "[\"x\",0,0]",
                "[\"a\",0,0]"),
     "layer 'a' (Add) is given 1 values", ""},
    {FUNCTIONAL(X "," NODE("Subtract", "a", "",
                           ARGS("[" TENSOR("x", "0", "0") "," TENSOR("x", "0", "0") "," TENSOR(
                               "x", "0", "0") "]")),
                "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' (Subtract) is given 3 values", ""},
    {FUNCTIONAL(X "," NODE("Activation", "a", ",\"activation\":\"relu\"", ARGS("3")), "[\"x\",0,0]",
                "[\"a\",0,0]"),
     "layer 'a'", "no result of a layer"},
    {FUNCTIONAL(X "," NODE("Dropout", "a", ",\"rate\":0.5",
                           "{\"args\":[" TENSOR("x", "0", "0") "],\"kwargs\":{\"training\":true}}"),
                "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' (Dropout) is called with the argument training", ""},
    {FUNCTIONAL(X "," NODE("Add", "a", "",
                           "{\"args\":[[" TENSOR("x", "0", "0") "," TENSOR(
                               "x", "0", "0") "]],\"kwargs\":{\"mask\":[null,[true]]}}"),
                "[\"x\",0,0]", "[\"a\",0,0]"),
     "layer 'a' (Add) is called with the argument mask", ""},
    {FUNCTIONAL(X "," RELU("a\\u001b[31m", TENSOR("z", "0", "0")), "[\"x\",0,0]", "[\"z\",0,0]"),
     "layer 'a?[31m' refers to 'z'", ""},
};

Test(keras, refuses_graphs_that_do_not_fit)
{
    for (size_t i = 0; i < CR_COUNTOF(graphs); i++)
        expect_refused(graphs[i].config, graphs[i].a, graphs[i].b);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void repeat(cr_strbuf *s, const char *text, int n)
{
    while (n-- > 0)
        cr_str_add(s, text);
}

Test(keras, bounds_what_it_reads)
{
    cr_strbuf s = {0};
    repeat(&s, "[", 200000);
    expect_refused(cr_str_text(&s), "larger or deeper", "config of its model");
    cr_str_finish(&s);
    cr_str_add(&s,
               "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[" INPUT("5"));
    repeat(&s, ",1", 5000);
    cr_str_add(&s, "]}}");
    expect_refused(cr_str_text(&s), "more than 4096 layers", "");
    cr_str_finish(&s);
    for (int i = 0; i < 18; i++)
        cr_str_printf(
            &s, "%s%s", i ? "," : "",
            "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[" INPUT("5"));
    repeat(&s, "]}}", 18);
    expect_refused(cr_str_text(&s), "a model in a model", "16 deep");
    cr_str_finish(&s);
}

/* ---- memory ---------------------------------------------------------------------------------- */

Test(keras, survives_every_allocation_that_fails)
{
    static const char config[] = FUNCTIONAL(
        X
        "," NODE("Dense", "d", ",\"units\":3",
                 ARGS(TENSOR("x", "0", "0")) "," ARGS(TENSOR(
                     "a", "0", "0"))) "," RELU("a", TENSOR("x", "0",
                                                           "0")) "," ADD("b", TENSOR("d", "0", "0"),
                                                                         TENSOR("d", "1", "0")),
        "[\"x\",0,0]", "[[\"b\",0,0],[\"b\",0,0]]");
    const size_t before = cr_alloc_live();
    for (int64_t n = 1;; n++) {
        cr_alloc_fail_after(n);
        char *text = net_of(3, true, config);
        cr_alloc_fail_after(-1);
        cr_assert(n < 2000);
        if (text) {
            cr_string_free(text);
            cr_assert_eq(cr_alloc_live(), before);
            break;
        }
        cr_assert_eq(cr_last_status(), CR_E_MEMORY, "allocation %d: %s", (int)n, cr_error());
        cr_assert_eq(cr_alloc_live(), before);
    }
}

/* Reading a whole file and writing it; every fifth, since each reads HDF5 in a process of its own.
 */
Test(keras, survives_allocations_that_fail_with_files)
{
    char path[] = "keras-XXXXXX";
    close(mkstemp(path));
    const size_t before = cr_alloc_live();
    bool done = false;
    for (int64_t n = 1; !done; n += 5) {
        cr_assert(n < 5000);
        cr_alloc_fail_after(n);
        cr_model *m = cr_model_import_keras(file_path("mlp.keras"));
        done = m && cr_model_export_keras(m, path) == CR_OK;
        cr_alloc_fail_after(-1);
        cr_assert(done || *cr_error(), "allocation %d", (int)n);
        cr_model_destroy(m);
        cr_assert_eq(cr_alloc_live(), before, "allocation %d", (int)n);
    }
    unlink(path);
}
