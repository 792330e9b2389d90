/* keras.h - what the files of exchange with Keras share. Internal to crisol-io.
 *
 *     .keras -- keras_zip.c --> config.json ----- keras_model.c --> layers and models of Keras
 *                               model.weights.h5        |           (keras_classes.h tells each)
 *     .h5 ---------------------> model_config           |
 *                                                 keras_graph.c --> the net, each call a layer
 *                                                       |
 *                                                keras_weights.c --> tensors of the model
 *
 * and back: keras_export.c writes a model's net as config.json, and its tensors.
 *
 * Nothing in a file is trusted: each text, count and name is bounded and checked where it is read.
 * Classes are looked up in one table; what is not in it is refused, and nothing is ever called. */
#ifndef CR_KERAS_H
#define CR_KERAS_H

#include <cJSON.h>

#include "base.h"
#include "crisol/io/model.h"
#include "crisol/net.h"
#include "h5.h"

enum {
    CR_KERAS_MAX_CONFIG = 1 << 22,  /* bytes of config.json */
    CR_KERAS_MAX_DEPTH = 16,        /* of models in models */
    CR_KERAS_MAX_RESULTS = 1 << 20, /* of all calls in one model */
    CR_KERAS_MAX_PARTS = 3,         /* layers of Crisol that a layer of Keras may become */
    CR_KERAS_MAX_VARIABLES = 4,     /* of one layer */
};

/* ---- zip files (keras_zip.c) ----------------------------------------------------------------- */

typedef struct cr_blob {
    char *at;
    size_t size;
} cr_blob;

typedef struct cr_keras_entries {
    cr_blob metadata, config, weights;
} cr_keras_entries;

/* Reads the three entries of a .keras file, or of the `size` bytes at `data` when that is not NULL;
 * a zero follows each. Finish it. */
cr_status cr_keras_unzip(const char *shown_name, const void *data, size_t size,
                         cr_keras_entries *out);
void cr_keras_entries_finish(cr_keras_entries *e);
/* The bytes of such a file, in memory; cr_free out->at. */
cr_status cr_keras_zip(const cr_keras_entries *e, cr_blob *out);

/* ---- what a file describes (keras_model.c) ----------------------------------------------------
 */

typedef struct cr_keras_layer cr_keras_layer;
typedef struct cr_keras_model cr_keras_model;

/* One file that is read. */
typedef struct cr_keras {
    const char *file;        /* for messages */
    int version;             /* of Keras: 2 or 3 */
    bool h5;                 /* in HDF5: classes have no modules, weights are listed by name */
    cr_arena arena;          /* all of the below */
    cJSON *json;             /* the config; layers point into it */
    cr_keras_layer *root;    /* the outermost model */
    uint32_t nlayers, nrefs; /* in all models: bounded */
} cr_keras;

/* Where a variable of a layer goes: the tensor PART.SUFFIX. */
typedef struct cr_keras_variable {
    const char *name;   /* Keras's: "kernel" */
    const char *suffix; /* Crisol's: "w"; NULL: it is passed over */
    uint8_t part;
    bool trained; /* Keras keeps those that are not after those that are */
    bool factor;  /* Keras has the variance, Crisol 1 over its root */
} cr_keras_variable;

/* A layer as the file has it, an operation, or a model in the place of one. Calls of it become
 * layers of the net; the second and later calls share the parameters of the first. */
struct cr_keras_layer {
    cr_keras *keras;
    const char *key;        /* its name in the file, by which others refer to it */
    const char *name;       /* for messages: with those of the models around it, printable */
    const char *class_name; /* printable */
    const cJSON *config;
    bool operation; /* x + y written as such: no layer to Keras, and not counted among them */
    bool frozen;
    bool shared;           /* it is also in a model inside this one, or around it */
    cr_keras_model *model; /* NULL: a layer */
    /* a layer */
    bool input;
    uint8_t operands, nparts, nvariables; /* operands: 1, or 2 for two or more */
    bool just_two;                        /* and no more */
    int64_t axis;                         /* that it works along, as Keras has it; 0: none */
    bool last_axis_only;                  /* Crisol has it for the last axis only */
    int32_t only_rank, rank;              /* of what it takes: 0: any; of its first call */
    cr_layer part[CR_KERAS_MAX_PARTS];
    cr_keras_variable variable[CR_KERAS_MAX_VARIABLES];
    uint32_t number[CR_KERAS_MAX_PARTS]; /* in the net, of the first call; 0: not called yet */
};

/* A result: of which call of which of the model's layers, and which one of it. */
typedef struct cr_keras_ref {
    uint32_t layer, call, result;
} cr_keras_ref;

/* A call of a layer, with what it is given. */
typedef struct cr_keras_call {
    uint32_t n;
    cr_keras_ref *at;
} cr_keras_call;

struct cr_keras_model {
    bool sequential;
    uint32_t nlayers, ninputs, noutputs;
    cr_keras_layer *layer;
    uint32_t *ncalls; /* of each layer */
    cr_keras_call **call;
    cr_keras_ref *input, *output;
};

/* Reads a config: `text` as it stands in the file, `version` 2 or 3, `h5` as in cr_keras. Finish it
 * in any case. */
cr_status cr_keras_read(cr_keras *k, const char *file, int version, bool h5, const char *text,
                        size_t size);
void cr_keras_finish(cr_keras *k);

/* Fills in what `l` is in Crisol, from its class and options (keras_classes.c). */
cr_status cr_keras_read_layer(cr_keras_layer *l);

/* The net (keras_graph.c). cr_net_finish it, on success. */
cr_status cr_keras_net(cr_keras *k, cr_net *out);

/* What is known of a layer's result: its axes, with the samples', and its type to Keras; bytes are
 * f32 in the net. */
typedef struct cr_keras_value {
    int32_t rank;
    cr_dtype dtype;
} cr_keras_value;

/* The type of a layer's result, of `operand`s, numbers from 1 of what is at `value`; whether the
 * layer takes floats only where it is given whole numbers; and whether it computes with bytes
 * alone, which is refused (keras_types.c). */
cr_dtype cr_keras_dtype_after(const cr_layer *part, const cr_keras_value *value,
                              const uint32_t *operand, uint32_t n);
bool cr_keras_needs_floats(const cr_layer *part, const cr_keras_value *value,
                           const uint32_t *operand, uint32_t n);
cr_status cr_keras_check_bytes(const cr_keras_layer *l, const cr_keras_value *value,
                               const uint32_t *operand, uint32_t n);

/* Sets types of inputs by what the net does with them. Whether it set some: then the net is to be
 * made once more. */
bool cr_keras_mend_inputs(const cr_keras *k, const cr_net *net);
/* Whether the result of a layer is given to some others, all of which are such, and is no output.
 */
bool cr_keras_feeds_only(const cr_net *net, uint32_t number, bool (*is)(const cr_layer *l));

/* Builds it in g, which tells whether it fits together, and how large its parameters are. */
cr_status cr_keras_build(cr_keras *k, const cr_net *net, cr_graph *g);

/* The tensors of the net in the file's weights, to the model (keras_weights.c). Refuses a net that
 * does not fit together. */
cr_status cr_keras_weights(cr_keras *k, const cr_net *net, cr_h5 *h, cr_model *model);

/* cr_model_import_keras of a file, or of the `size` bytes at `data` when that is not NULL. */
cr_model *cr_keras_import(const char *file, const void *data, size_t size);

/* ---- what is written (keras_objects.c, keras_order.c) -----------------------------------------
 */

/* A result of an object: of which of its calls. */
typedef struct cr_keras_result {
    uint32_t object, call;
} cr_keras_result;

typedef struct cr_keras_node {
    uint32_t n;
    const cr_keras_result *at; /* what it is given */
    cr_shape out;              /* the shape of its result; the samples' axis is any */
} cr_keras_node;

/* How a variable comes from a tensor. */
typedef enum cr_keras_form { CR_KERAS_AS_IS, CR_KERAS_VARIANCE, CR_KERAS_ZERO } cr_keras_form;

/* A layer as Keras will have it. */
typedef struct cr_keras_object {
    const char *class_name, *name;
    const char *config; /* its options, as the inside of an object of JSON */
    CR_VEC(cr_keras_node) calls;
    struct {
        const char *tensor;
        cr_keras_form form;
    } variable[CR_KERAS_MAX_VARIABLES];
    uint32_t nvariables;
    uint32_t folder; /* its number among those of its class, in Keras's order */
} cr_keras_object;

/* What a net is to Keras. */
typedef struct cr_keras_objects {
    cr_arena arena;
    CR_VEC(cr_keras_object) list;
    uint32_t *order; /* those that lead to an output, as Keras puts them */
    uint32_t norder;
    cr_keras_result *input, *output;
    uint32_t ninputs, noutputs;
    bool chain; /* one after the other, each called once */
} cr_keras_objects;

/* Fills `out` from the net; `x` is the type of its samples, f32 where it is not known; `shape`,
 * that of each layer's result, from 1; 0 is x. Finish it in any case. CR_E_ARGUMENT names the layer
 * that Keras does not have. */
cr_status cr_keras_make_objects(const cr_net *net, cr_dtype x, const cr_shape *shape,
                                cr_keras_objects *out);
void cr_keras_objects_finish(cr_keras_objects *o);
/* Sets order and folders, as Keras finds them in the graph of the model. */
cr_status cr_keras_put_in_order(cr_keras_objects *o);

/* Sizes of a shape from axis `from` on, with commas. */
void cr_keras_add_sizes(cr_strbuf *s, const cr_shape *shape, int32_t from);
/* Keras's word for an activation; NULL: it has none. */
const char *cr_keras_activation_name(cr_activation activation);
/* "Conv2D" to "conv2d": names of folders. */
void cr_keras_snake_case(const char *name, char *out, size_t size);

/* ---- JSON (keras_json.c) -----------------------------------------------------------------------
 */

/* An object; `what` and `file` are for messages. NULL on failure; else cJSON_Delete it. */
cJSON *cr_keras_json(const char *file, const char *what, const char *text, size_t size);
/* NULL where there is none, or `object` is none. */
const cJSON *cr_json_at(const cJSON *object, const char *key);
const char *cr_json_text(const cJSON *object, const char *key);
/* Whether it is a whole number in the range. */
bool cr_json_whole(const cJSON *item, int64_t low, int64_t high, int64_t *out);
/* The text without what a terminal might take for orders, cut off after some characters. */
const char *cr_keras_printable(cr_arena *arena, const char *text);

/* CR_E_ARGUMENT: "FILE: layer 'NAME' ...". */
cr_status cr_keras_refuse(const cr_keras_layer *l, const char *fmt, ...) CR_PRINTF(2, 3);
/* "FILE: layer 'NAME' (CLASS) has the option KEY = VALUE: WHY". */
cr_status cr_keras_option(const cr_keras_layer *l, const char *key, const char *why);

/* Options of a layer's config: of that type and range, or refused. */
cr_status cr_keras_whole(const cr_keras_layer *l, const char *key, int64_t low, int64_t high,
                         int64_t *out);
cr_status cr_keras_pair(const cr_keras_layer *l, const char *key, int64_t out[2]);
cr_status cr_keras_number(const cr_keras_layer *l, const char *key, float *out);
cr_status cr_keras_flag(const cr_keras_layer *l, const char *key, bool without, bool *out);
/* A list of sizes but the first `skip`, none below `low`. */
cr_status cr_keras_sizes(const cr_keras_layer *l, const char *key, const cJSON *list, uint32_t skip,
                         int64_t low, cr_shape *out);
/* Every option is one of `known`, is of no consequence, or is off. */
cr_status cr_keras_known_options(const cr_keras_layer *l, const char *known);

#endif
