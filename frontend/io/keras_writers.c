/* keras_writers.c - what each layer of a net is to Keras: one row a kind. */
#include <float.h>

#include "keras_write.h"

static void put_format(cr_keras_writer *w)
{
    cr_keras_put(w, ", \"data_format\": \"channels_%s\"", w->l->channels_first ? "first" : "last");
}

static cr_shape flat(const cr_shape *s)
{
    cr_shape out = {.rank = 2, .dim = {s->dim[0], 1}};
    for (int32_t i = 1; i < s->rank; i++)
        out.dim[1] *= s->dim[i];
    return out;
}

static cr_shape shape_in(const cr_keras_writer *w)
{
    return w->o->list.at[w->in->object].calls.at[w->in->call].out;
}

/* ---- activations ----------------------------------------------------------------------------- */

static const float crisol_slope = 0.01f; /* of the activation leaky_relu; Keras's has another */

/* The option of an object; one that Keras has as a layer only follows by itself. */
static void put_activation(cr_keras_writer *w)
{
    const char *word = cr_keras_activation_name(w->l->activation);
    cr_keras_put(w, ", \"activation\": \"%s\"", word ? word : "linear");
}

static void call_activated(cr_keras_writer *w, cr_shape out)
{
    put_activation(w);
    cr_keras_call_object(w, out);
    if (w->l->activation != CR_LEAKY_RELU)
        return;
    cr_keras_object_of(w, "LeakyReLU", ".leaky_relu");
    cr_keras_put_number(w, "negative_slope", crisol_slope);
    cr_keras_call_object(w, out);
}

/* ---- layers ---------------------------------------------------------------------------------- */

static bool is_rescale(const cr_layer *l)
{
    return l->kind == CR_LAYER_RESCALE;
}

/* Bytes are numbers up to 255, or parts of it, as in cr_model_build. Either way they become floats
 * at once: Keras would compute with them modulo 256, where it does at all. */
static void call_bytes(cr_keras_writer *w, cr_shape out)
{
    const bool raw = w->l->raw || w->l->dtype == CR_U8;
    cr_keras_call_object(w, out);
    if (raw && cr_keras_feeds_only(w->net, w->number, is_rescale))
        return;
    cr_keras_object_of(w, "Rescaling", ".rescaling");
    cr_keras_put_number(w, "scale", raw ? 1 : 1.0 / 255);
    cr_keras_put_number(w, "offset", 0);
    cr_keras_call_object(w, out);
}

static void write_input(cr_keras_writer *w, cr_shape out)
{
    const bool first = !w->number || w->number == w->net->input[0];
    const bool bytes = w->l->dtype == CR_U8 || (w->l->dtype == CR_F32 && first && w->x == CR_U8);
    const char *dtype = w->l->dtype == CR_I32 ? "int32" : "float32";
    cr_keras_object_of(w, "InputLayer", "");
    cr_keras_put(w, ", \"batch_shape\": [null, ");
    if (w->fresh)
        cr_keras_add_sizes(&w->config, &out, 1);
    cr_keras_put(w, "], \"dtype\": \"%s\"", bytes ? "uint8" : dtype);
    if (bytes)
        call_bytes(w, out);
    else
        cr_keras_call_object(w, out);
}

static void put_bias(cr_keras_writer *w)
{
    cr_keras_put_flag(w, "use_bias", !w->l->no_bias);
    cr_keras_variable_of(w, "w", CR_KERAS_AS_IS);
    if (!w->l->no_bias)
        cr_keras_variable_of(w, "b", CR_KERAS_AS_IS);
}

static void write_dense(cr_keras_writer *w, cr_shape out)
{
    const cr_shape in = shape_in(w);
    if (in.rank > 2 && !w->l->last_axis) {
        cr_keras_object_of(w, "Flatten", ".flatten");
        cr_keras_call_object(w, flat(&in));
    }
    cr_keras_object_of(w, "Dense", "");
    cr_keras_put_whole(w, "units", w->l->units);
    put_bias(w);
    call_activated(w, out);
}

static void write_activation(cr_keras_writer *w, cr_shape out)
{
    const bool leaky = w->l->activation == CR_LEAKY_RELU;
    cr_keras_object_of(w, leaky ? "LeakyReLU" : "Activation", "");
    if (leaky)
        cr_keras_put_number(w, "negative_slope", crisol_slope);
    else
        put_activation(w);
    cr_keras_call_object(w, out);
}

static void write_leakyrelu(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "LeakyReLU", "");
    cr_keras_put_number(w, "negative_slope", w->l->slope);
    cr_keras_call_object(w, out);
}

static void write_elu(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "ELU", "");
    cr_keras_put_number(w, "alpha", w->l->slope);
    cr_keras_call_object(w, out);
}

static void put_window(cr_keras_writer *w, const char *size, const int64_t *without)
{
    cr_keras_put_pair(w, size, w->l->kernel, NULL);
    cr_keras_put_pair(w, "strides", w->l->stride, without);
    cr_keras_put(w, ", \"padding\": \"%s\"", w->l->same ? "same" : "valid");
    put_format(w);
}

static void write_conv(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Conv2D", "");
    cr_keras_put_whole(w, "filters", w->l->units);
    put_window(w, "kernel_size", NULL);
    cr_keras_put_pair(w, "dilation_rate", w->l->dilation, NULL);
    cr_keras_put_whole(w, "groups", w->l->groups ? w->l->groups : 1);
    put_bias(w);
    call_activated(w, out);
}

static void write_depthwise(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "DepthwiseConv2D", "");
    cr_keras_put_whole(w, "depth_multiplier", w->l->multiplier ? w->l->multiplier : 1);
    put_window(w, "kernel_size", NULL);
    cr_keras_put_pair(w, "dilation_rate", w->l->dilation, NULL);
    put_bias(w);
    call_activated(w, out);
}

static void write_pool(cr_keras_writer *w, const char *class_name, cr_shape out)
{
    cr_keras_object_of(w, class_name, "");
    put_window(w, "pool_size", w->l->kernel);
    cr_keras_call_object(w, out);
}

static void write_maxpool(cr_keras_writer *w, cr_shape out)
{
    write_pool(w, "MaxPooling2D", out);
}

static void write_avgpool(cr_keras_writer *w, cr_shape out)
{
    write_pool(w, "AveragePooling2D", out);
}

static void write_globalmax(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, shape_in(w).rank == 3 ? "GlobalMaxPooling1D" : "GlobalMaxPooling2D", "");
    put_format(w);
    cr_keras_call_object(w, out);
}

static void write_globalavg(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(
        w, shape_in(w).rank == 3 ? "GlobalAveragePooling1D" : "GlobalAveragePooling2D", "");
    put_format(w);
    cr_keras_call_object(w, out);
}

static void write_pad(cr_keras_writer *w, cr_shape out)
{
    const cr_layer *l = w->l;
    cr_keras_object_of(w, "ZeroPadding2D", "");
    cr_keras_put(w, ", \"padding\": [[%lld, %lld], [%lld, %lld]]", (long long)l->before[0],
                 (long long)l->after[0], (long long)l->before[1], (long long)l->after[1]);
    put_format(w);
    cr_keras_call_object(w, out);
}

static void write_flatten(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Flatten", "");
    cr_keras_call_object(w, out);
}

static void write_reshape(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Reshape", "");
    cr_keras_put(w, ", \"target_shape\": [");
    if (w->fresh)
        cr_keras_add_sizes(&w->config, &out, 1);
    cr_keras_put(w, "]");
    cr_keras_call_object(w, out);
}

/* (x - mean) / std. A Rescaling would be the difference of two large numbers, so it stands only for
 * deviations that Keras does not divide by, or whose square is no float. The square is exact, so
 * that its root is the same number again. */
static void write_normalize(cr_keras_writer *w, cr_shape out)
{
    const double std = (double)w->l->std;
    const bool fits = std >= 1e-7 && std * std <= (double)FLT_MAX;
    cr_keras_object_of(w, fits ? "Normalization" : "Rescaling", "");
    if (fits) {
        cr_keras_put(w, ", \"axis\": null, \"invert\": false");
        cr_keras_put_number(w, "mean", (double)w->l->mean);
        cr_keras_put(w, ", \"variance\": %.17g", std * std);
    } else {
        cr_keras_put_number(w, "scale", 1.0 / std);
        cr_keras_put_number(w, "offset", (0.0 - (double)w->l->mean) / std);
    }
    cr_keras_call_object(w, out);
}

static void write_rescale(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Rescaling", "");
    cr_keras_put_number(w, "scale", w->l->scale);
    cr_keras_put_number(w, "offset", w->l->offset);
    cr_keras_call_object(w, out);
}

/* Of each feature: Keras has the variance, of a number of samples that it does not use again. */
static void write_features(cr_keras_writer *w, const char *mean, cr_shape out)
{
    cr_keras_object_of(w, "Normalization", "");
    cr_keras_put(w, ", \"axis\": [-1], \"invert\": false, \"mean\": null, \"variance\": null");
    cr_keras_variable_of(w, mean, CR_KERAS_AS_IS);
    cr_keras_variable_of(w, "factor", CR_KERAS_VARIANCE);
    cr_keras_variable_of(w, "count", CR_KERAS_ZERO);
    cr_keras_call_object(w, out);
}

static void write_standardize(cr_keras_writer *w, cr_shape out)
{
    write_features(w, "mean", out);
}

static void write_scale(cr_keras_writer *w, cr_shape out)
{
    write_features(w, "low", out);
}

static void write_dropout(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Dropout", "");
    cr_keras_put_number(w, "rate", w->l->rate);
    cr_keras_call_object(w, out);
}

static void put_norm(cr_keras_writer *w)
{
    cr_keras_put(w, ", \"axis\": -1");
    cr_keras_put_number(w, "epsilon", w->l->epsilon == 0 ? 1e-3f : w->l->epsilon);
    cr_keras_put_flag(w, "center", !w->l->no_center);
    cr_keras_put_flag(w, "scale", !w->l->no_scale);
    if (!w->l->no_scale)
        cr_keras_variable_of(w, "gamma", CR_KERAS_AS_IS);
    if (!w->l->no_center)
        cr_keras_variable_of(w, "beta", CR_KERAS_AS_IS);
}

static void write_batchnorm(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "BatchNormalization", "");
    put_norm(w);
    cr_keras_put_number(w, "momentum", w->l->momentum == 0 ? 0.99f : w->l->momentum);
    cr_keras_variable_of(w, "mean", CR_KERAS_AS_IS);
    cr_keras_variable_of(w, "var", CR_KERAS_AS_IS);
    cr_keras_call_object(w, out);
}

static void write_layernorm(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "LayerNormalization", "");
    put_norm(w);
    cr_keras_call_object(w, out);
}

static void write_embedding(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Embedding", "");
    cr_keras_put_whole(w, "input_dim", w->l->vocabulary);
    cr_keras_put_whole(w, "output_dim", w->l->units);
    cr_keras_variable_of(w, "w", CR_KERAS_AS_IS);
    cr_keras_call_object(w, out);
}

#define MERGE(word, class_name)                                                                    \
    static void write_##word(cr_keras_writer *w, cr_shape out)                                     \
    {                                                                                              \
        cr_keras_object_of(w, class_name, "");                                                     \
        cr_keras_call_object(w, out);                                                              \
    }
MERGE(add, "Add")
MERGE(sub, "Subtract")
MERGE(mul, "Multiply")
MERGE(average, "Average")
MERGE(maximum, "Maximum")
MERGE(minimum, "Minimum")

static void write_concat(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object_of(w, "Concatenate", "");
    cr_keras_put_whole(w, "axis", w->l->axis ? w->l->axis : -1);
    cr_keras_call_object(w, out);
}

/* ---- the table ------------------------------------------------------------------------------- */

void (*const cr_keras_writers[CR_LAYER_COUNT])(cr_keras_writer *w, cr_shape out) = {
    [CR_LAYER_INPUT] = write_input,
    [CR_LAYER_DENSE] = write_dense,
    [CR_LAYER_ACTIVATION] = write_activation,
    [CR_LAYER_LEAKYRELU] = write_leakyrelu,
    [CR_LAYER_ELU] = write_elu,
    [CR_LAYER_CONV] = write_conv,
    [CR_LAYER_DEPTHWISE] = write_depthwise,
    [CR_LAYER_MAXPOOL] = write_maxpool,
    [CR_LAYER_AVGPOOL] = write_avgpool,
    [CR_LAYER_GLOBALMAX] = write_globalmax,
    [CR_LAYER_GLOBALAVG] = write_globalavg,
    [CR_LAYER_PAD] = write_pad,
    [CR_LAYER_FLATTEN] = write_flatten,
    [CR_LAYER_RESHAPE] = write_reshape,
    [CR_LAYER_NORMALIZE] = write_normalize,
    [CR_LAYER_RESCALE] = write_rescale,
    [CR_LAYER_STANDARDIZE] = write_standardize,
    [CR_LAYER_SCALE] = write_scale,
    [CR_LAYER_DROPOUT] = write_dropout,
    [CR_LAYER_BATCHNORM] = write_batchnorm,
    [CR_LAYER_LAYERNORM] = write_layernorm,
    [CR_LAYER_EMBEDDING] = write_embedding,
    [CR_LAYER_ADD] = write_add,
    [CR_LAYER_SUB] = write_sub,
    [CR_LAYER_MUL] = write_mul,
    [CR_LAYER_AVERAGE] = write_average,
    [CR_LAYER_MAXIMUM] = write_maximum,
    [CR_LAYER_MINIMUM] = write_minimum,
    [CR_LAYER_CONCAT] = write_concat,
};
