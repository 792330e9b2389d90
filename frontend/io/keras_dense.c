/* keras_dense.c - dense layers, embeddings and normalizations of Keras. */
#include <math.h>

#include "keras_classes.h"

cr_status cr_keras_read_Dense(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_DENSE);
    CR_TRY(cr_keras_whole(l, "units", 1, CR_KERAS_MAX_UNITS, &part->units));
    cr_keras_add_variable(l, "kernel", "w", true);
    CR_TRY(cr_keras_read_bias(l, part));
    return cr_keras_read_activation(l, part);
}

cr_status cr_keras_read_Embedding(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_EMBEDDING);
    CR_TRY(cr_keras_whole(l, "input_dim", 1, INT32_MAX, &part->vocabulary));
    CR_TRY(cr_keras_whole(l, "output_dim", 1, CR_KERAS_MAX_UNITS, &part->units));
    cr_keras_add_variable(l, "embeddings", "w", true);
    return CR_OK;
}

static cr_status read_gamma_beta(cr_keras_layer *l, cr_layer *part)
{
    bool center, scale;
    CR_TRY(cr_keras_read_axis(l));
    CR_TRY(cr_keras_number(l, "epsilon", &part->epsilon));
    if (!(part->epsilon > 0))
        return cr_keras_option(l, "epsilon", "it must be above 0");
    CR_TRY(cr_keras_flag(l, "center", true, &center));
    CR_TRY(cr_keras_flag(l, "scale", true, &scale));
    part->no_center = !center;
    part->no_scale = !scale;
    if (scale)
        cr_keras_add_variable(l, "gamma", "gamma", true);
    if (center)
        cr_keras_add_variable(l, "beta", "beta", true);
    return CR_OK;
}

cr_status cr_keras_read_BatchNormalization(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_BATCHNORM);
    CR_TRY(read_gamma_beta(l, part));
    CR_TRY(cr_keras_number(l, "momentum", &part->momentum));
    if (!(part->momentum >= 0 && part->momentum < 1))
        return cr_keras_option(l, "momentum", "it must be in [0, 1)");
    cr_keras_add_variable(l, "moving_mean", "mean", false);
    cr_keras_add_variable(l, "moving_variance", "var", false);
    return CR_OK;
}

cr_status cr_keras_read_LayerNormalization(cr_keras_layer *l)
{
    return read_gamma_beta(l, cr_keras_add_part(l, CR_LAYER_LAYERNORM));
}

/* Learned from data, of which there are variables; or numbers in the config. */
cr_status cr_keras_read_Normalization(cr_keras_layer *l)
{
    const cJSON *mean = cr_json_at(l->config, "mean"),
                *variance = cr_json_at(l->config, "variance");
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_STANDARDIZE);
    if (cJSON_IsNumber(mean) && cJSON_IsNumber(variance)) {
        part->kind = CR_LAYER_NORMALIZE;
        part->mean = (float)mean->valuedouble;
        part->std = (float)fmax(sqrt(variance->valuedouble), 1e-7);
        return isfinite(part->mean) && isfinite(part->std)
                   ? CR_OK
                   : cr_keras_option(l, "variance", "it must be a number");
    }
    if (mean && !cJSON_IsNull(mean))
        return cr_keras_option(l, "mean", "Crisol has one number, or what was learned from data");
    CR_TRY(cr_keras_read_axis(l));
    cr_keras_add_variable(l, "mean", "mean", false);
    cr_keras_add_variable(l, "variance", "factor", false);
    l->variable[1].factor = true;
    cr_keras_add_variable(l, "count", NULL, false);
    return CR_OK;
}

cr_status cr_keras_read_Rescaling(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_RESCALE);
    CR_TRY(cr_keras_number(l, "scale", &part->scale));
    return cr_keras_number(l, "offset", &part->offset);
}
