/* keras_classes.c - the table of classes, options that several have, and the small ones. */
#include "keras_classes.h"

/* ---- parts ----------------------------------------------------------------------------------- */

cr_layer *cr_keras_add_part(cr_keras_layer *l, cr_layer_kind kind)
{
    cr_layer *part = &l->part[l->nparts++];
    part->kind = kind;
    return part;
}

void cr_keras_add_variable(cr_keras_layer *l, const char *name, const char *suffix, bool trained)
{
    l->variable[l->nvariables++] = (cr_keras_variable){
        .name = name, .suffix = suffix, .part = (uint8_t)(l->nparts - 1), .trained = trained};
}

/* ---- options of several classes -------------------------------------------------------------- */

cr_status cr_keras_read_bias(cr_keras_layer *l, cr_layer *part)
{
    bool bias;
    CR_TRY(cr_keras_flag(l, "use_bias", true, &bias));
    part->no_bias = !bias;
    if (bias)
        cr_keras_add_variable(l, "bias", "b", true);
    return CR_OK;
}

cr_status cr_keras_read_format(const cr_keras_layer *l, cr_layer *part)
{
    const char *word = cr_json_text(l->config, "data_format");
    part->channels_first = word && strcmp(word, "channels_first") == 0;
    if (part->channels_first || !word || strcmp(word, "channels_last") == 0)
        return CR_OK;
    return cr_keras_option(l, "data_format", "it must be channels_last or channels_first");
}

cr_status cr_keras_read_axis(cr_keras_layer *l)
{
    const cJSON *axis = cr_json_at(l->config, "axis");
    if (cJSON_IsArray(axis) && cJSON_GetArraySize(axis) == 1)
        axis = axis->child;
    l->last_axis_only = true;
    if (!axis)
        l->axis = -1;
    else if (!cr_json_whole(axis, -CR_MAX_RANK, CR_MAX_RANK, &l->axis) || l->axis == 0)
        return cr_keras_option(l, "axis", "it must be one axis, and not that of the samples");
    return CR_OK;
}

/* ---- shapes, dropout, inputs ----------------------------------------------------------------- */

cr_status cr_keras_read_Flatten(cr_keras_layer *l)
{
    cr_layer format = {0};
    cr_keras_add_part(l, CR_LAYER_FLATTEN);
    CR_TRY(cr_keras_read_format(l, &format));
    return format.channels_first
               ? cr_keras_option(l, "data_format", "Crisol flattens in the order of the elements")
               : CR_OK;
}

cr_status cr_keras_read_Reshape(cr_keras_layer *l)
{
    return cr_keras_sizes(l, "target_shape", cr_json_at(l->config, "target_shape"), 0, -1,
                          &cr_keras_add_part(l, CR_LAYER_RESHAPE)->shape);
}

cr_status cr_keras_read_Dropout(cr_keras_layer *l)
{
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_DROPOUT);
    CR_TRY(cr_keras_number(l, "rate", &part->rate));
    if (!(part->rate >= 0 && part->rate < 1))
        return cr_keras_option(l, "rate", "it must be in [0, 1)");
    return CR_OK;
}

cr_status cr_keras_read_InputLayer(cr_keras_layer *l)
{
    static const struct {
        const char *word;
        cr_dtype dtype;
    } types[] = {{"float32", CR_F32},
                 {"float64", CR_F32},
                 {"int32", CR_I32},
                 {"int64", CR_I32},
                 {"uint8", CR_U8}};
    cr_layer *part = cr_keras_add_part(l, CR_LAYER_INPUT);
    const char *key = cr_json_at(l->config, "batch_shape") ? "batch_shape" : "batch_input_shape";
    const char *dtype = cr_json_text(l->config, "dtype");
    l->input = true;
    CR_TRY(cr_keras_sizes(l, key, cr_json_at(l->config, key), 1, 1, &part->shape));
    for (size_t i = 0; i < CR_COUNTOF(types); i++)
        if (!dtype || strcmp(dtype, types[i].word) == 0) {
            part->dtype = types[i].dtype;
            return CR_OK;
        }
    return cr_keras_option(l, "dtype", "Crisol takes float32, int32 and uint8");
}

/* ---- merging --------------------------------------------------------------------------------- */

static cr_status read_merge(cr_keras_layer *l, cr_layer_kind kind)
{
    l->operands = 2;
    l->just_two = l->operation || kind == CR_LAYER_SUB;
    cr_keras_add_part(l, kind);
    return CR_OK;
}

#define MERGE(name, kind)                                                                          \
    cr_status cr_keras_read_##name(cr_keras_layer *l)                                              \
    {                                                                                              \
        return read_merge(l, kind);                                                                \
    }
MERGE(Add, CR_LAYER_ADD)
MERGE(Subtract, CR_LAYER_SUB)
MERGE(Multiply, CR_LAYER_MUL)
MERGE(Average, CR_LAYER_AVERAGE)
MERGE(Maximum, CR_LAYER_MAXIMUM)
MERGE(Minimum, CR_LAYER_MINIMUM)

cr_status cr_keras_read_Concatenate(cr_keras_layer *l)
{
    CR_TRY(read_merge(l, CR_LAYER_CONCAT));
    CR_TRY(cr_keras_read_axis(l));
    l->last_axis_only = false;
    return CR_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct row {
    const char *class_name, *options;
    cr_status (*read)(cr_keras_layer *l);
} row;

#define CR_X(name, options) {#name, options, cr_keras_read_##name},
static const row classes[] = {CR_KERAS_CLASSES(CR_X)};
static const row operations[] = {CR_KERAS_MERGES(CR_X)};
#undef CR_X

static cr_status unknown(const cr_keras_layer *l)
{
    const bool vowel = strchr("AEIOU", l->class_name[0]) || strncmp(l->class_name, "LSTM", 4) == 0;
    return cr_keras_refuse(l, "is a%s %s, which Crisol does not have", vowel ? "n" : "",
                           l->class_name);
}

/* Options that are as nets have them by default need not be said. */
static void leave_out_defaults(cr_layer *l)
{
    const bool pool = l->kind == CR_LAYER_MAXPOOL || l->kind == CR_LAYER_AVGPOOL;
    if (l->dilation[0] == 1 && l->dilation[1] == 1)
        l->dilation[0] = l->dilation[1] = 0;
    if (pool ? l->stride[0] == l->kernel[0] && l->stride[1] == l->kernel[1]
             : l->stride[0] == 1 && l->stride[1] == 1)
        l->stride[0] = l->stride[1] = 0;
    l->groups = l->groups == 1 ? 0 : l->groups;
    l->multiplier = l->multiplier == 1 ? 0 : l->multiplier;
    l->momentum = l->momentum == 0.99f ? 0 : l->momentum;
    l->epsilon = l->epsilon == 1e-3f ? 0 : l->epsilon;
}

static cr_status read_row(cr_keras_layer *l, const row *r)
{
    CR_TRY(cr_keras_known_options(l, r->options));
    CR_TRY(r->read(l));
    for (uint32_t i = 0; i < l->nparts; i++)
        leave_out_defaults(&l->part[i]);
    return CR_OK;
}

cr_status cr_keras_read_layer(cr_keras_layer *l)
{
    const row *rows = l->operation ? operations : classes;
    const size_t n = l->operation ? CR_COUNTOF(operations) : CR_COUNTOF(classes);
    l->operands = 1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(l->class_name, rows[i].class_name) == 0)
            return read_row(l, &rows[i]);
    return unknown(l);
}
