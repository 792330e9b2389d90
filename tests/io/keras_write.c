/* What is written for Keras, and what cannot be. That Keras reads it, and predicts the same, is
 * tested in tests/peers. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "keras.h"

/* ---- what Keras does not have ---------------------------------------------------------------- */

static void expect_not_written(const char *text, const char *a, const char *b)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_model *m = cr_model_create(&net);
    cr_assert(m, "%s", cr_error());
    cr_assert_neq(cr_model_export_keras(m, "not-written.keras"), CR_OK, "%s", text);
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
    cr_assert_neq(access("not-written.keras", F_OK), 0);
    cr_model_destroy(m);
    cr_net_finish(&net);
}

Test(keras_write, writes_only_what_keras_has)
{
    expect_not_written("input 4, onehot 2 3", "layer 'onehot1' is a 'onehot'",
                       "Keras does not have");
    expect_not_written("input 4, dense 3 gelu_tanh", "layer 'dense1'", "no activation 'gelu_tanh'");
    expect_not_written("input 4, dense 3", "no values 'dense1.w'", "");
    expect_not_written("dense 3", "what shape its samples have", "'input'");
    expect_not_written("input 4, conv 2 3", "conv", "");
    cr_model *m = cr_model_create_of_graph(
        "graph \"g\" {\n  symbol batch <= 8\n  %1 = input \"x\": f32[batch,2]\n"
        "  output \"y\", %1\n}\n");
    cr_assert(m, "%s", cr_error());
    cr_assert_eq(cr_model_export_keras(m, "not-written.keras"), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "a graph, and no net"), "%s", cr_error());
    cr_model_destroy(m);
}

/* ---- samples of bytes ------------------------------------------------------------------------ */

/* The net that is read from what is written of a net whose samples are of that type. */
static void expect_written(const char *text, cr_dtype x, const char *want)
{
    char path[] = "keras-XXXXXX";
    cr_net net;
    close(mkstemp(path));
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_model *m = cr_model_create(&net);
    cr_assert_eq(cr_model_set_x(m, x, CR_SHAPE(6)), CR_OK);
    cr_assert_eq(cr_model_export_keras(m, path), CR_OK, "%s: %s", text, cr_error());
    cr_model_destroy(m);
    cr_net_finish(&net);
    m = cr_model_import_keras(path);
    cr_assert(m, "%s: %s", text, cr_error());
    char *got = cr_net_print(cr_model_net(m));
    cr_assert_str_eq(got, want);
    cr_string_free(got);
    cr_model_destroy(m);
    unlink(path);
}

/* Bytes become floats before anything is computed, as parts of 255 or as they are, whatever the net
 * says of its input. */
Test(keras_write, writes_inputs_of_bytes)
{
    expect_written("input 6 u8 as a, add a", CR_U8,
                   "input 6 u8 as a, rescale 1 0 as a.rescaling, add a.rescaling, output "
                   "add1");
    expect_written("input 6 as a, flatten", CR_U8,
                   "input 6 u8 as a, rescale 0.003921569 0 as a.rescaling, flatten, "
                   "output flatten1");
    expect_written("input 6 raw as a, flatten", CR_U8,
                   "input 6 u8 as a, rescale 1 0 as a.rescaling, flatten, output "
                   "flatten1");
    expect_written("flatten", CR_U8,
                   "input 6 u8 as x, rescale 0.003921569 0 as x.rescaling, flatten, "
                   "output flatten1");
    /* which need not be done twice */
    expect_written("input 6 u8 as a, rescale 0.5 0 as b", CR_U8,
                   "input 6 u8 as a, rescale 0.5 0 as b, output b");
    expect_written("input 6 as a, rescale 0.05 0 as b", CR_U8,
                   "input 6 u8 as a, rescale 0.003921569 0 as a.rescaling, rescale 0.05 0 as b, "
                   "output b");
    /* samples of floats stay such */
    expect_written("input 6 raw as a, flatten", CR_F32, "input 6 as a, flatten, output flatten1");
    /* of several inputs, the first is what the samples are */
    expect_written("input 6 as a, input 6 as b, add a, output add1 b", CR_U8,
                   "input 6 u8 as a, input 6 as b, from a, rescale 0.003921569 0 as a.rescaling, "
                   "from b, add a.rescaling, output add1 b");
}

/* Not as a product and a sum, which cancel where the mean is large. */
Test(keras_write, keeps_constants_of_samples)
{
    expect_written("input 6 as a, normalize 100 0.01 as b", CR_F32,
                   "input 6 as a, normalize 100 0.01 as b, output b");
    expect_written("input 6 as a, normalize 0.1307 0.3081 as b", CR_F32,
                   "input 6 as a, normalize 0.1307 0.3081 as b, output b");
    expect_written("input 6 as a, normalize 0 1e-08 as b", CR_F32,
                   "input 6 as a, rescale 1e+08 0 as b, output b");
}
