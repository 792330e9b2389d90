/* keras_activations.c - activations of Keras: as options, and as layers of their own. */
#include "keras_classes.h"

/* ---- activations ----------------------------------------------------------------------------- */

/* Words that mean the same function in both. Not "leaky_relu", whose slope differs, and not the
 * hard_sigmoid of Keras 2, which was another function. */
static const struct {
    const char *keras;
    cr_activation crisol;
} activations[] = {
    {"linear", CR_LINEAR},     {"sigmoid", CR_SIGMOID},
    {"tanh", CR_TANH},         {"relu", CR_RELU},
    {"softmax", CR_SOFTMAX},   {"relu6", CR_RELU6},
    {"elu", CR_ELU},           {"selu", CR_SELU},
    {"gelu", CR_GELU},         {"silu", CR_SILU},
    {"swish", CR_SILU},        {"hard_sigmoid", CR_HARD_SIGMOID},
    {"softplus", CR_SOFTPLUS}, {"log_softmax", CR_LOG_SOFTMAX},
};

const char *cr_keras_activation_name(cr_activation activation)
{
    for (size_t i = 0; i < CR_COUNTOF(activations); i++)
        if (activations[i].crisol == activation)
            return activations[i].keras;
    return NULL;
}

/* A function is written as its name, or as an object of class "function" whose config is it. */
static const char *activation_word(const cJSON *item)
{
    if (!item || cJSON_IsNull(item))
        return "linear";
    const char *class_name = cr_json_text(item, "class_name");
    if (class_name && strcmp(class_name, "function") == 0)
        return cr_json_text(item, "config");
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static const float keras_slope = 0.2f; /* of the activation; that of the layer is an option */

/* The option of a part that was just added. What Crisol has as a layer only becomes one. */
cr_status cr_keras_read_activation(cr_keras_layer *l, cr_layer *part)
{
    const char *word = activation_word(cr_json_at(l->config, "activation"));
    const bool leaky = word && strcmp(word, "leaky_relu") == 0;
    const bool other = word && strcmp(word, "hard_sigmoid") == 0 && l->keras->version == 2;
    for (size_t i = 0; word && !other && i < CR_COUNTOF(activations); i++)
        if (strcmp(word, activations[i].keras) == 0) {
            part->activation = activations[i].crisol;
            return CR_OK;
        }
    if (!leaky)
        return cr_keras_option(l, "activation",
                               other ? "in Keras 2 it was another function"
                                     : "Crisol does not have it");
    if (part->kind == CR_LAYER_ACTIVATION)
        part->kind = CR_LAYER_LEAKYRELU;
    else
        part = cr_keras_add_part(l, CR_LAYER_LEAKYRELU);
    part->slope = keras_slope;
    return CR_OK;
}

/* ---- activations as layers ------------------------------------------------------------------- */

cr_status cr_keras_read_Activation(cr_keras_layer *l)
{
    return cr_keras_read_activation(l, cr_keras_add_part(l, CR_LAYER_ACTIVATION));
}

/* Its options are 0 or null where they are off. */
cr_status cr_keras_read_ReLU(cr_keras_layer *l)
{
    const cJSON *most = cr_json_at(l->config, "max_value");
    float slope, threshold;
    CR_TRY(cr_keras_number(l, "negative_slope", &slope));
    CR_TRY(cr_keras_number(l, "threshold", &threshold));
    const bool six = cJSON_IsNumber(most) && most->valuedouble == 6;
    if (threshold != 0)
        return cr_keras_option(l, "threshold", "Crisol's ReLU has none");
    if (most && !cJSON_IsNull(most) && (!six || slope != 0))
        return cr_keras_option(l, "max_value",
                               "Crisol has ReLU without a limit, or with 6 and no "
                               "slope");
    cr_layer *part = cr_keras_add_part(l, slope != 0 ? CR_LAYER_LEAKYRELU : CR_LAYER_ACTIVATION);
    part->slope = slope;
    if (slope == 0)
        part->activation = six ? CR_RELU6 : CR_RELU;
    return CR_OK;
}

cr_status cr_keras_read_LeakyReLU(cr_keras_layer *l)
{
    const char *key = cr_json_at(l->config, "negative_slope") ? "negative_slope" : "alpha";
    return cr_keras_number(l, key, &cr_keras_add_part(l, CR_LAYER_LEAKYRELU)->slope);
}

cr_status cr_keras_read_ELU(cr_keras_layer *l)
{
    return cr_keras_number(l, "alpha", &cr_keras_add_part(l, CR_LAYER_ELU)->slope);
}

cr_status cr_keras_read_Softmax(cr_keras_layer *l)
{
    cr_keras_add_part(l, CR_LAYER_ACTIVATION)->activation = CR_SOFTMAX;
    return cr_keras_read_axis(l);
}
