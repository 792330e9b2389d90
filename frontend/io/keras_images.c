/* keras_images.c - classes of Keras that work on images: convolutions, pooling, padding. */
#include "keras_classes.h"

static cr_status read_padding(const cr_keras_layer *l, cr_layer *part)
{
    const char *word = cr_json_text(l->config, "padding");
    part->same = word && strcmp(word, "same") == 0;
    if (part->same || (word && strcmp(word, "valid") == 0))
        return CR_OK;
    return cr_keras_option(l, "padding", "it must be valid or same");
}

static cr_status read_window(const cr_keras_layer *l, const char *size, cr_layer *part)
{
    CR_TRY(cr_keras_pair(l, size, part->kernel));
    CR_TRY(cr_keras_pair(l, "strides", part->stride));
    CR_TRY(read_padding(l, part));
    return cr_keras_read_format(l, part);
}

static cr_status read_kernel(cr_keras_layer *l, cr_layer *part)
{
    CR_TRY(read_window(l, "kernel_size", part));
    return cr_keras_pair(l, "dilation_rate", part->dilation);
}

cr_status cr_keras_read_Conv2D(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_CONV);
    CR_TRY(cr_keras_whole(l, "filters", 1, CR_KERAS_MAX_UNITS, &part->units));
    CR_TRY(read_kernel(l, part));
    part->groups = 1; /* older files do not say it */
    if (cr_json_at(l->config, "groups"))
        CR_TRY(cr_keras_whole(l, "groups", 1, CR_KERAS_MAX_UNITS, &part->groups));
    cr_keras_add_variable(l, "kernel", "w", true);
    CR_TRY(cr_keras_read_bias(l, part));
    return cr_keras_read_activation(l, part);
}

/* Keras 2 says groups of these layers, too. */
static cr_status check_no_groups(const cr_keras_layer *l)
{
    int64_t groups;
    return cr_json_at(l->config, "groups") ? cr_keras_whole(l, "groups", 1, 1, &groups) : CR_OK;
}

cr_status cr_keras_read_DepthwiseConv2D(cr_keras_layer *l)
{
    CR_TRY(check_no_groups(l));
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_DEPTHWISE);
    CR_TRY(cr_keras_whole(l, "depth_multiplier", 1, CR_KERAS_MAX_UNITS, &part->multiplier));
    CR_TRY(read_kernel(l, part));
    cr_keras_add_variable(l, "depthwise_kernel", "w", true);
    CR_TRY(cr_keras_read_bias(l, part));
    return cr_keras_read_activation(l, part);
}

/* A depthwise convolution without a bias, then one over the channels. */
cr_status cr_keras_read_SeparableConv2D(cr_keras_layer *l)
{
    CR_TRY(check_no_groups(l));
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_DEPTHWISE);
    CR_TRY(cr_keras_whole(l, "depth_multiplier", 1, CR_KERAS_MAX_UNITS, &part->multiplier));
    CR_TRY(read_kernel(l, part));
    part->no_bias = true;
    cr_keras_add_variable(l, "depthwise_kernel", "w", true);
    const bool channels_first = part->channels_first;
    part = cr_keras_add_part(l, CR_LAYER_CONV);
    CR_TRY(cr_keras_whole(l, "filters", 1, CR_KERAS_MAX_UNITS, &part->units));
    part->kernel[0] = part->kernel[1] = 1;
    part->channels_first = channels_first;
    cr_keras_add_variable(l, "pointwise_kernel", "w", true);
    CR_TRY(cr_keras_read_bias(l, part));
    return cr_keras_read_activation(l, part);
}

cr_status cr_keras_read_MaxPooling2D(cr_keras_layer *l)
{
    return read_window(l, "pool_size", cr_keras_add_part(l, CR_LAYER_MAXPOOL));
}

cr_status cr_keras_read_AveragePooling2D(cr_keras_layer *l)
{
    return read_window(l, "pool_size", cr_keras_add_part(l, CR_LAYER_AVGPOOL));
}

cr_status cr_keras_read_GlobalMaxPooling2D(cr_keras_layer *l)
{
    l->only_rank = 4;
    return cr_keras_read_format(l, cr_keras_add_part(l, CR_LAYER_GLOBALMAX));
}

cr_status cr_keras_read_GlobalAveragePooling2D(cr_keras_layer *l)
{
    l->only_rank = 4;
    return cr_keras_read_format(l, cr_keras_add_part(l, CR_LAYER_GLOBALAVG));
}

/* Over the one axis between samples and channels. */
static cr_status read_row_pooling(cr_keras_layer *l, cr_layer_kind kind)
{
    cr_layer *part = cr_keras_add_part(l, kind);
    l->only_rank = 3;
    CR_TRY(cr_keras_read_format(l, part));
    return part->channels_first ? cr_keras_option(l, "data_format", "Crisol has channels last here")
                                : CR_OK;
}

cr_status cr_keras_read_GlobalMaxPooling1D(cr_keras_layer *l)
{
    return read_row_pooling(l, CR_LAYER_GLOBALMAX);
}

cr_status cr_keras_read_GlobalAveragePooling1D(cr_keras_layer *l)
{
    return read_row_pooling(l, CR_LAYER_GLOBALAVG);
}

/* One number for all sides, one a direction, or one a side. */
cr_status cr_keras_read_ZeroPadding2D(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_PAD);
    const cJSON *padding = cr_json_at(l->config, "padding");
    for (int i = 0; i < 2; i++) {
        const cJSON *item = cJSON_IsArray(padding) ? cJSON_GetArrayItem(padding, i) : padding;
        const bool two = cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2;
        if (!cr_json_whole(two ? cJSON_GetArrayItem(item, 0) : item, 0, 1 << 16,
                           &part->before[i]) ||
            !cr_json_whole(two ? cJSON_GetArrayItem(item, 1) : item, 0, 1 << 16, &part->after[i]))
            return cr_keras_option(l, "padding", "it must be whole numbers up to 65536");
    }
    return cr_keras_read_format(l, part);
}
