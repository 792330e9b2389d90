/* net_fields.c - the parameters and options of layers, a row each: see net_fields.h. */
#include "net_fields.h"

#include <math.h>
#include <stddef.h>

/* ---- the rows -------------------------------------------------------------------------------- */

#define AT(member) offsetof(cr_layer, member)
#define WHOLE(member, what, most)                                                                  \
    {                                                                                              \
        CR_FIELD_WHOLE, NULL, what, AT(member), 1, most, CR_ANY_REAL                               \
    }
#define FROM_0(member, what, most)                                                                 \
    {                                                                                              \
        CR_FIELD_WHOLE, NULL, what, AT(member), 0, most, CR_ANY_REAL                               \
    }
#define PAIR(member, what)                                                                         \
    {                                                                                              \
        CR_FIELD_PAIR, NULL, what, AT(member), 1, SMALL, CR_ANY_REAL                               \
    }
#define REAL(member, what, reals)                                                                  \
    {                                                                                              \
        CR_FIELD_REAL, NULL, what, AT(member), 0, 0, reals                                         \
    }
#define SIZES(least)                                                                               \
    {                                                                                              \
        CR_FIELD_SIZES, NULL, "a size", AT(shape), least, INT32_MAX, CR_ANY_REAL                   \
    }
#define LAYERS(most)                                                                               \
    {                                                                                              \
        CR_FIELD_LAYERS, NULL, A_LAYER, AT(operand), 1, most, CR_ANY_REAL                          \
    }
/* Options. */
#define WHOLE_OPTION(word, member, what, least, most)                                              \
    {                                                                                              \
        CR_FIELD_WHOLE, word, what, AT(member), least, most, CR_ANY_REAL                           \
    }
#define PAIR_OPTION(word, member, what)                                                            \
    {                                                                                              \
        CR_FIELD_PAIR, word, what, AT(member), 1, SMALL, CR_ANY_REAL                               \
    }
#define REAL_OPTION(word, member, what, reals)                                                     \
    {                                                                                              \
        CR_FIELD_REAL, word, what, AT(member), 0, 0, reals                                         \
    }
#define FLAG(word, member)                                                                         \
    {                                                                                              \
        CR_FIELD_FLAG, word, word, AT(member), 0, 0, CR_ANY_REAL                                   \
    }
#define END                                                                                        \
    {                                                                                              \
        CR_FIELD_END, NULL, NULL, 0, 0, 0, CR_ANY_REAL                                             \
    }

#define A_LAYER "the name of a layer before it, conv1 say"
#define ACTIVATION(word)                                                                           \
    {                                                                                              \
        CR_FIELD_ACTIVATION, word, "an activation", AT(activation), 0, 0, CR_ANY_REAL              \
    }
#define STRIDE PAIR_OPTION("stride", stride, "a stride")
#define DILATION PAIR_OPTION("dilation", dilation, "a dilation")
#define SAME FLAG("same", same)
#define NO_BIAS FLAG("nobias", no_bias)
#define CHANNELS_FIRST FLAG("channelsfirst", channels_first)
#define EPSILON REAL_OPTION("epsilon", epsilon, "an epsilon", CR_ABOVE_0)
#define NO_CENTER FLAG("nocenter", no_center)
#define NO_SCALE FLAG("noscale", no_scale)

enum {
    WIDE = 1 << 24,  /* features */
    SMALL = 1 << 16, /* rows of a kernel, and the like */
    LAST = CR_MAX_RANK - 1
};

static const cr_field fields_input[] = {
    SIZES(1),
    {CR_FIELD_DTYPE, "i32, u8", "a type", AT(dtype), 0, 0, CR_ANY_REAL},
    FLAG("raw", raw),
    END};
static const cr_field fields_dense[] = {WHOLE(units, "a number of units", WIDE), NO_BIAS,
                                        FLAG("lastaxis", last_axis), ACTIVATION(""), END};
static const cr_field fields_activation[] = {ACTIVATION(NULL), END};
static const cr_field fields_leakyrelu[] = {REAL(slope, "a slope", CR_ANY_REAL), END};
static const cr_field fields_elu[] = {REAL(slope, "an alpha", CR_ANY_REAL), END};
static const cr_field fields_conv[] = {
    WHOLE(units, "a number of filters", WIDE),
    PAIR(kernel, "a kernel's size"),
    SAME,
    STRIDE,
    DILATION,
    WHOLE_OPTION("groups", groups, "a number of groups", 1, WIDE),
    NO_BIAS,
    CHANNELS_FIRST,
    ACTIVATION(""),
    END};
static const cr_field fields_depthwise[] = {
    PAIR(kernel, "a kernel's size"),
    WHOLE_OPTION("multiplier", multiplier, "a number of kernels a channel", 1, SMALL),
    SAME,
    STRIDE,
    DILATION,
    NO_BIAS,
    CHANNELS_FIRST,
    ACTIVATION(""),
    END};
static const cr_field fields_maxpool[] = {PAIR(kernel, "a size"), SAME, STRIDE, CHANNELS_FIRST,
                                          END};
#define fields_avgpool fields_maxpool
static const cr_field fields_globalmax[] = {CHANNELS_FIRST, END};
#define fields_globalavg fields_globalmax
static const cr_field fields_pad[] = {FROM_0(before[0], "a number of rows above", SMALL),
                                      FROM_0(after[0], "a number of rows below", SMALL),
                                      FROM_0(before[1], "a number of columns to the left", SMALL),
                                      FROM_0(after[1], "a number of columns to the right", SMALL),
                                      CHANNELS_FIRST,
                                      END};
static const cr_field fields_flatten[] = {END};
static const cr_field fields_reshape[] = {SIZES(-1), END};
static const cr_field fields_normalize[] = {REAL(mean, "a mean", CR_ANY_REAL),
                                            REAL(std, "a standard deviation", CR_ABOVE_0), END};
static const cr_field fields_rescale[] = {REAL(scale, "a scale", CR_ANY_REAL),
                                          REAL(offset, "an offset", CR_ANY_REAL), END};
#define fields_standardize fields_flatten
#define fields_scale fields_flatten
static const cr_field fields_onehot[] = {WHOLE(column, "a column", WIDE),
                                         WHOLE(units, "a number of columns of 0 and 1", WIDE), END};
static const cr_field fields_dropout[] = {REAL(rate, "a rate", CR_FROM_0_BELOW_1), END};
static const cr_field fields_batchnorm[] = {
    REAL_OPTION("momentum", momentum, "a momentum", CR_BETWEEN_0_AND_1), EPSILON, NO_CENTER,
    NO_SCALE, END};
static const cr_field fields_layernorm[] = {EPSILON, NO_CENTER, NO_SCALE, END};
static const cr_field fields_embedding[] = {WHOLE(vocabulary, "a size of a vocabulary", INT32_MAX),
                                            WHOLE(units, "a width", WIDE), END};
static const cr_field fields_add[] = {LAYERS(CR_NET_MAX_LAYERS), END};
#define fields_mul fields_add
#define fields_average fields_add
#define fields_maximum fields_add
#define fields_minimum fields_add
static const cr_field fields_sub[] = {LAYERS(1), END};
static const cr_field fields_concat[] = {LAYERS(CR_NET_MAX_LAYERS),
                                         WHOLE_OPTION("axis", axis, "an axis", -LAST, LAST), END};
static const cr_field fields_again[] = {
    {CR_FIELD_LAYER, NULL, A_LAYER, AT(again), 1, CR_NET_MAX_LAYERS, CR_ANY_REAL}, END};

const cr_field *cr_net_fields(cr_layer_kind kind)
{
    static const cr_field *const rows[] = {
#define CR_X(name, word, parameters, help) fields_##word,
        CR_LAYER_MAP(CR_X)
#undef CR_X
    };
    return rows[kind];
}

/* ---- values ---------------------------------------------------------------------------------- */

bool cr_field_is_default(const cr_field *f, const cr_layer *layer)
{
    const void *at = cr_field_at(f, layer);
    switch (f->type) {
    case CR_FIELD_WHOLE: return *(const int64_t *)at == 0;
    case CR_FIELD_PAIR: return ((const int64_t *)at)[0] == 0 && ((const int64_t *)at)[1] == 0;
    case CR_FIELD_REAL: return *(const float *)at == 0;
    case CR_FIELD_FLAG: return !*(const bool *)at;
    case CR_FIELD_DTYPE: return *(const cr_dtype *)at == CR_F32;
    case CR_FIELD_ACTIVATION: return *(const cr_activation *)at == CR_LINEAR;
    default: return false;
    }
}

const char *cr_field_real_wrong(const cr_field *f, float value)
{
    if (!isfinite(value))
        return "must be finite";
    switch (f->reals) {
    case CR_ANY_REAL: break;
    case CR_ABOVE_0: return value > 0 ? NULL : "must be above 0";
    case CR_FROM_0_BELOW_1: return value >= 0 && value < 1 ? NULL : "must be in [0, 1)";
    case CR_BETWEEN_0_AND_1: return value > 0 && value < 1 ? NULL : "must be above 0 and below 1";
    }
    return NULL;
}

const char *cr_field_sizes_wrong(const cr_field *f, const cr_shape *shape)
{
    int unknown = 0;
    if (shape->rank < 1 || shape->rank > CR_MAX_RANK - 1)
        return "a sample has 1 to 7 axes";
    for (int i = 0; i < shape->rank; i++) {
        const bool is_unknown = shape->dim[i] == -1 && f->least == -1;
        unknown += is_unknown;
        if (!is_unknown && (shape->dim[i] < 1 || shape->dim[i] > f->most))
            return "a size is from 1 to 2147483647";
    }
    return unknown > 1 ? "only one size may be -1" : NULL;
}

static bool in_range(const cr_field *f, int64_t value)
{
    return value >= f->least && value <= f->most;
}

/* What is wrong with a field that is not its default. */
static const char *wrong(const cr_field *f, const cr_layer *layer)
{
    const void *at = cr_field_at(f, layer);
    const int64_t *whole = at;
    switch (f->type) {
    case CR_FIELD_WHOLE: return in_range(f, whole[0]) ? NULL : "is out of its range";
    case CR_FIELD_PAIR:
        return in_range(f, whole[0]) && in_range(f, whole[1]) ? NULL : "is out of its range";
    case CR_FIELD_REAL: return cr_field_real_wrong(f, *(const float *)at);
    case CR_FIELD_SIZES: return cr_field_sizes_wrong(f, at);
    case CR_FIELD_DTYPE:
        return *(const cr_dtype *)at == CR_I32 || *(const cr_dtype *)at == CR_U8
                   ? NULL
                   : "must be f32, i32 or u8";
    case CR_FIELD_ACTIVATION:
        return *(const cr_activation *)at < CR_ACTIVATION_COUNT ? NULL : "is none that there is";
    default: return NULL;
    }
}

/* "a rate" -> "the rate" */
static const char *noun(const char *what)
{
    const char *space = strchr(what, ' ');
    return space ? space + 1 : what;
}

cr_status cr_net_check_fields(const char *where, const cr_layer *layer)
{
    for (const cr_field *f = cr_net_fields(layer->kind); f->type; f++) {
        const bool fine = f->word && cr_field_is_default(f, layer);
        const char *why = fine ? NULL : wrong(f, layer);
        if (why && f->type == CR_FIELD_SIZES)
            return cr_fail(CR_E_ARGUMENT, "%s: %s", where, why);
        if (why && (f->type == CR_FIELD_WHOLE || f->type == CR_FIELD_PAIR))
            return cr_fail(CR_E_ARGUMENT, "%s: the %s must be from %lld to %lld", where,
                           noun(f->what), (long long)f->least, (long long)f->most);
        if (why)
            return cr_fail(CR_E_ARGUMENT, "%s: the %s %s", where, noun(f->what), why);
    }
    return CR_OK;
}
