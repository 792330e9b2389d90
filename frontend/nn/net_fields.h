/* net_fields.h - what the files of nets share: the fields of layers, as data, and a net's memory.
 *
 * A field says how a layer's parameter or option stands in the text, where it is in a cr_layer, and
 * which values it may have: one row from which it is read, written and checked. */
#ifndef CR_NN_NET_FIELDS_H
#define CR_NN_NET_FIELDS_H

#include "base.h"
#include "crisol/net.h"

typedef enum cr_field_type {
    CR_FIELD_END,
    CR_FIELD_WHOLE,      /* int64_t, from least to most */
    CR_FIELD_PAIR,       /* int64_t[2] of these: 3, 3x5 */
    CR_FIELD_REAL,       /* float */
    CR_FIELD_FLAG,       /* bool: the option's word alone */
    CR_FIELD_SIZES,      /* cr_shape; least -1: one size may be unknown */
    CR_FIELD_DTYPE,      /* an option of its own words: i32, u8 */
    CR_FIELD_ACTIVATION, /* with a word of "": the last option, without a word before it */
    CR_FIELD_LAYERS,     /* operands after the first, at most `most` */
    CR_FIELD_LAYER       /* uint32_t: the number of a layer */
} cr_field_type;

typedef enum cr_reals { CR_ANY_REAL, CR_ABOVE_0, CR_FROM_0_BELOW_1, CR_BETWEEN_0_AND_1 } cr_reals;

typedef struct cr_field {
    cr_field_type type;
    const char *word; /* the option's; NULL: it is no option and stands in its place */
    const char *what; /* "a number of units" */
    size_t offset;    /* in cr_layer */
    int64_t least, most;
    cr_reals reals;
} cr_field;

/* The fields of a kind in the order of the text: parameters, then options. Ends with
 * CR_FIELD_END. */
const cr_field *cr_net_fields(cr_layer_kind kind);
/* Where a field is. */
static inline void *cr_field_at(const cr_field *f, const cr_layer *layer)
{
    return (char *)layer + f->offset;
}
/* Does an option have its default? */
bool cr_field_is_default(const cr_field *f, const cr_layer *layer);
/* What is wrong with a real of that field, "must be above 0"; NULL: nothing. */
const char *cr_field_real_wrong(const cr_field *f, float value);
/* What is wrong with a shape of sizes; NULL: nothing. */
const char *cr_field_sizes_wrong(const cr_field *f, const cr_shape *shape);
/* CR_E_ARGUMENT, with `where` before the text, when a field is out of its range. */
cr_status cr_net_check_fields(const char *where, const cr_layer *layer);

/* ---- nets (net.c) ---------------------------------------------------------------------------- */

typedef CR_VEC(uint32_t) cr_numbers;

struct cr_net_memory {
    cr_arena arena; /* names, operands */
    CR_VEC(cr_layer) layer;
    cr_numbers input, output;
    cr_map names; /* hash of a name to the layer's number */
    uint32_t count[CR_LAYER_COUNT];
};

enum { CR_NET_NAME_TEXT = CR_NET_MAX_NAME + 1 };

/* The number of the layer named by n characters; 0: there is none. */
uint32_t cr_net_find_n(const cr_net *net, const char *name, size_t n);
/* The name of a layer, count'th of its kind, that has none given: none of the first `before`
 * layers has it. */
void cr_net_automatic_name(const cr_net *net, cr_layer_kind kind, uint32_t count, uint32_t before,
                           char name[CR_NET_NAME_TEXT]);
/* Is the n characters' name x, which stands for what a net without inputs takes? */
bool cr_net_is_x(const cr_net *net, const char *name, size_t n);
/* Why the next layer, of that kind, may not be named so; NULL: it may. */
const char *cr_net_name_wrong(const cr_net *net, cr_layer_kind kind, const char *name, size_t n);
/* Why the next layer may not be of that kind; NULL: it may. */
const char *cr_net_kind_wrong(const cr_net *net, cr_layer_kind kind);
/* Why that layer cannot be had again; NULL: it can. */
const char *cr_net_again_wrong(const cr_net *net, uint32_t number);

#endif
