/* Models of Keras on a device: what is read predicts what Keras predicted, with inputs and outputs
 * by their names. crisol-test: device */
#include <criterion/criterion.h>
#include <math.h>

#include "crisol/io/model.h"
#include "data/keras/expected.h"
#include "keras.h"

static void feed(cr_program *p, const cr_layer *input, const struct values *x)
{
    int32_t indices[256];
    const size_t n = (size_t)(SAMPLES * x->size);
    const void *data = x->at;
    if (input->dtype == CR_I32) {
        for (size_t i = 0; i < n; i++)
            indices[i] = (int32_t)x->at[i];
        data = indices;
    }
    cr_assert_eq(cr_feed(p, input->name, data, 4 * n), CR_OK, "%s", cr_error());
}

static void expect_output(cr_program *p, const char *file, const char *name,
                          const struct values *want)
{
    float got[256];
    const size_t n = (size_t)(SAMPLES * want->size);
    cr_assert_eq(cr_fetch(p, name, got, n * sizeof *got), CR_OK, "%s: %s", file, cr_error());
    for (size_t i = 0; i < n; i++)
        cr_assert(fabsf(got[i] - want->at[i]) <= 1e-5f * fmaxf(1, fabsf(got[i])),
                  "%s, %s, element %zu: %.9g, to Keras %.9g", file, name, i, (double)got[i],
                  (double)want->at[i]);
}

static void check(const struct expected *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/keras/%s", getenv("CRISOL_SOURCE_DIR"), e->file);
    cr_model *m = cr_model_import_keras(path);
    cr_assert(m, "%s", cr_error());
    const cr_net *net = cr_model_net(m);
    cr_program *p = cr_model_program(m, SAMPLES, NULL);
    cr_assert(p, "%s: %s", e->file, cr_error());
    for (int i = 0; i < e->inputs; i++)
        feed(p, cr_net_input(net, (uint32_t)i), &e->x[i]);
    cr_assert_eq(cr_run(p, 1), CR_OK, "%s: %s", e->file, cr_error());
    for (int i = 0; i < e->outputs; i++)
        expect_output(p, e->file, cr_net_layer_name(net, cr_net_output(net, (uint32_t)i)),
                      &e->y[i]);
    cr_program_destroy(p);
    cr_model_destroy(m);
}

/* Six nets, for the time that each takes to be compiled; all of them with ./dev test --slow. The
 * others run in the interpreter (keras.c), whose bits are the device's. */
Test(keras_device, predicts_what_keras_predicts)
{
    static const char some[] =
        "cnn.keras residual.keras depthwise.keras embedding.keras two.keras tf2.h5";
    for (size_t i = 0; i < CR_COUNTOF(expected); i++)
        if (getenv("CRISOL_SLOW") || strstr(some, expected[i].file))
            check(&expected[i]);
}
