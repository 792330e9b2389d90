/* keras_types.c - whole numbers: what inputs take, where a file does not say it, and where Keras
 * computes with whole numbers, and Crisol with floats. */
#include <math.h>

#include "keras.h"

/* ---- inputs ---------------------------------------------------------------------------------- */

static bool is_embedding(const cr_layer *l)
{
    return l->kind == CR_LAYER_EMBEDDING;
}

/* Of numbers up to 255, and not of what was divided by it already. */
static bool rescales_bytes(const cr_layer *l)
{
    return l->kind == CR_LAYER_RESCALE && fabsf(l->scale) < 0.1f;
}

bool cr_keras_feeds_only(const cr_net *net, uint32_t number, bool (*is)(const cr_layer *l))
{
    bool some = false;
    for (uint32_t i = 0; i < net->noutputs; i++)
        if (net->output[i] == number)
            return false;
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer *l = &net->layer[i];
        const cr_layer *kind = l->kind == CR_LAYER_AGAIN ? &net->layer[l->again - 1] : l;
        for (uint32_t j = 0; j < l->noperands; j++)
            if (l->operand[j] == number) {
                if (!is(kind))
                    return false;
                some = true;
            }
    }
    return some;
}

/* Keras takes indices as floats and bytes, too, and a Sequential without an Input says so. And it
 * does not say that bytes are expected, where an input is rescaled by the model itself. */
bool cr_keras_mend_inputs(const cr_keras *k, const cr_net *net)
{
    const cr_keras_model *m = k->root->model;
    bool some = false;
    for (uint32_t i = 0; i < m->ninputs; i++) {
        cr_layer *input = &m->layer[m->input[i].layer].part[0];
        if (input->dtype != CR_I32 && cr_keras_feeds_only(net, net->input[i], is_embedding))
            input->dtype = CR_I32;
        else if (input->dtype == CR_F32 && !input->raw &&
                 cr_keras_feeds_only(net, net->input[i], rescales_bytes))
            input->raw = true;
        else
            continue;
        some = true;
    }
    return some;
}

/* ---- results --------------------------------------------------------------------------------- */

static bool all_are(const cr_keras_value *value, const uint32_t *operand, uint32_t n,
                    cr_dtype dtype)
{
    for (uint32_t i = 0; i < n; i++)
        if (value[operand[i] - 1].dtype != dtype)
            return false;
    return n > 0;
}

/* Layers that Crisol has for i32, too. */
static bool keeps_whole(const cr_layer *part)
{
    switch (part->kind) {
    case CR_LAYER_ACTIVATION: return part->activation == CR_LINEAR;
    case CR_LAYER_FLATTEN:
    case CR_LAYER_RESHAPE:
    case CR_LAYER_ADD:
    case CR_LAYER_SUB:
    case CR_LAYER_MUL:
    case CR_LAYER_MAXIMUM:
    case CR_LAYER_MINIMUM:
    case CR_LAYER_CONCAT: return true;
    default: return false;
    }
}

/* Layers whose results are bytes to Keras where they are given such. */
static bool keeps_bytes(const cr_layer *part)
{
    switch (part->kind) {
    case CR_LAYER_ACTIVATION: return part->activation == CR_RELU || part->activation == CR_RELU6;
    case CR_LAYER_PAD:
    case CR_LAYER_DROPOUT:
    case CR_LAYER_MAXPOOL:
    case CR_LAYER_GLOBALMAX: return true;
    default: return false;
    }
}

cr_dtype cr_keras_dtype_after(const cr_layer *part, const cr_keras_value *value,
                              const uint32_t *operand, uint32_t n)
{
    if (part->kind == CR_LAYER_INPUT)
        return part->dtype;
    if (keeps_whole(part) && all_are(value, operand, n, CR_I32))
        return CR_I32;
    const bool keeps = keeps_whole(part) || keeps_bytes(part);
    return keeps && all_are(value, operand, n, CR_U8) ? CR_U8 : CR_F32;
}

bool cr_keras_needs_floats(const cr_layer *part, const cr_keras_value *value,
                           const uint32_t *operand, uint32_t n)
{
    switch (part->kind) {
    case CR_LAYER_EMBEDDING:
    case CR_LAYER_RESCALE:
    case CR_LAYER_NORMALIZE:
    case CR_LAYER_STANDARDIZE: return false; /* they make what they need */
    default: return !keeps_whole(part) || !all_are(value, operand, n, CR_I32);
    }
}

cr_status cr_keras_check_bytes(const cr_keras_layer *l, const cr_keras_value *value,
                               const uint32_t *operand, uint32_t n)
{
    const cr_layer_kind kind = l->part[0].kind;
    const bool wraps = kind == CR_LAYER_ADD || kind == CR_LAYER_SUB || kind == CR_LAYER_MUL ||
                       kind == CR_LAYER_AVERAGE;
    if (!wraps || !all_are(value, operand, n, CR_U8))
        return CR_OK;
    return cr_keras_refuse(l,
                           "(%s) is given values of uint8, with which Keras computes modulo 256, "
                           "and Crisol does not: put a Rescaling(1.0) before it",
                           l->class_name);
}
