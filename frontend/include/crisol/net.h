/* crisol/net.h - nets layer by layer, as text and as a struct: what a command line says, a
 * checkpoint holds, and other frameworks' files are translated to and from.
 *
 *     cr_net net;
 *     if (cr_net_parse("conv 8 3 relu, maxpool 2, flatten, dense 10", &net) != CR_OK) ...
 *     cr_value scores = cr_net_build(&net, x);
 *     cr_net_finish(&net);
 *
 * The text is a list of items with a comma between them:
 *
 *     LAYER PARAMETERS OPTIONS [as NAME]   a row of CR_LAYER_MAP, on the result of the item before
 *     from LAYER                           go on with the result of that layer
 *     output LAYER ...                     the last item: the results of the net, in order
 *
 * A layer is named by what `as` says, else by its word and its number among those of that word:
 * dense1, dense2, batchnorm1 (or the next number that is free). Its parameters are NAME.w and so
 * on. A name consists of letters, digits and _ . - /, and is any but "as" and "axis". Layers name
 * others before them: "conv 8 3 same relu, conv 8 3 same, add conv1".
 *
 * A net of several inputs or of inputs that are checked begins with an `input`; "input 4 as a,
 * dense 8, input 3 as b, dense 8, add dense1, dense 2". One that does not takes one x as it comes,
 * which is named x: "dense 4, dense 4, add x". Without `output`, the last layer's result is the
 * net's. docs/nets.md tells each layer. */
#ifndef CRISOL_NET_H
#define CRISOL_NET_H

#include "crisol/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- layers -------------------------------------------------------------------------------- */

/* One row a layer: enumerator, word, parameters, meaning. What reads, writes and checks its
 * parameters are its fields in frontend/nn/net_fields.c, what builds it is build_WORD in
 * frontend/nn/net_build.c.
 *
 * N|RxC is a number, or rows and columns: 3, 3x5. */
#define CR_LAYER_MAP(X)                                                                            \
    X(CR_LAYER_INPUT, input, "SIZES [i32|u8] [raw]",                                               \
      "an input, with the shape of one sample: 28 28 1")                                           \
    X(CR_LAYER_DENSE, dense, "UNITS [nobias] [lastaxis] [ACTIVATION]",                             \
      "cr_dense, of x flattened, or along its last axis; linear by default")                       \
    X(CR_LAYER_ACTIVATION, activation, "ACTIVATION", "cr_activate")                                \
    X(CR_LAYER_LEAKYRELU, leakyrelu, "SLOPE", "x where it is above 0, SLOPE x elsewhere")          \
    X(CR_LAYER_ELU, elu, "ALPHA", "x where it is above 0, ALPHA (exp(x) - 1) elsewhere")           \
    X(CR_LAYER_CONV, conv,                                                                         \
      "FILTERS N|RxC [same] [stride N|RxC] [dilation N|RxC] [groups N] [nobias] [channelsfirst] "  \
      "[ACTIVATION]",                                                                              \
      "cr_conv2d")                                                                                 \
    X(CR_LAYER_DEPTHWISE, depthwise,                                                               \
      "N|RxC [multiplier N] [same] [stride N|RxC] [dilation N|RxC] [nobias] [channelsfirst] "      \
      "[ACTIVATION]",                                                                              \
      "cr_depthwise_conv2d; one kernel a channel, or N")                                           \
    X(CR_LAYER_MAXPOOL, maxpool, "N|RxC [same] [stride N|RxC] [channelsfirst]",                    \
      "cr_max_pool2d; the stride is the size by default")                                          \
    X(CR_LAYER_AVGPOOL, avgpool, "N|RxC [same] [stride N|RxC] [channelsfirst]",                    \
      "cr_avg_pool2d; the stride is the size by default")                                          \
    X(CR_LAYER_GLOBALMAX, globalmax, "[channelsfirst]",                                            \
      "the largest of each channel: of images, or of one axis")                                    \
    X(CR_LAYER_GLOBALAVG, globalavg, "[channelsfirst]",                                            \
      "the mean of each channel: of images, or of one axis")                                       \
    X(CR_LAYER_PAD, pad, "TOP BOTTOM LEFT RIGHT [channelsfirst]", "zeros around an image")         \
    X(CR_LAYER_FLATTEN, flatten, "", "cr_flatten")                                                 \
    X(CR_LAYER_RESHAPE, reshape, "SIZES", "the shape of one sample; one size may be -1")           \
    X(CR_LAYER_NORMALIZE, normalize, "MEAN STD", "cr_normalize: (x - MEAN) / STD")                 \
    X(CR_LAYER_RESCALE, rescale, "SCALE OFFSET", "cr_rescale: x SCALE + OFFSET")                   \
    X(CR_LAYER_STANDARDIZE, standardize, "", "cr_standardize: (x - mean) / std of each feature")   \
    X(CR_LAYER_SCALE, scale, "", "cr_scale_range: (x - low) / range of each feature")              \
    X(CR_LAYER_ONEHOT, onehot, "COLUMN SIZE",                                                      \
      "cr_onehot_column: that column, from 1, as SIZE columns of 0 and 1")                         \
    X(CR_LAYER_DROPOUT, dropout, "RATE", "cr_dropout, in training only")                           \
    X(CR_LAYER_BATCHNORM, batchnorm, "[momentum M] [epsilon E] [nocenter] [noscale]",              \
      "cr_batch_norm; by default as in Keras: 0.99, 0.001")                                        \
    X(CR_LAYER_LAYERNORM, layernorm, "[epsilon E] [nocenter] [noscale]",                           \
      "cr_layer_norm; by default as in Keras: 0.001")                                              \
    X(CR_LAYER_EMBEDDING, embedding, "VOCABULARY WIDTH", "cr_embedding of i32 x")                  \
    X(CR_LAYER_ADD, add, "LAYER ...", "x + the results of layers before, conv1 say")               \
    X(CR_LAYER_SUB, sub, "LAYER", "x - the result of a layer before")                              \
    X(CR_LAYER_MUL, mul, "LAYER ...", "x times the results of layers before")                      \
    X(CR_LAYER_AVERAGE, average, "LAYER ...", "the mean of x and the results of layers before")    \
    X(CR_LAYER_MAXIMUM, maximum, "LAYER ...", "the largest of x and the results of layers before") \
    X(CR_LAYER_MINIMUM, minimum, "LAYER ...",                                                      \
      "the smallest of x and the results of layers before")                                        \
    X(CR_LAYER_CONCAT, concat, "LAYER ... [axis N]",                                               \
      "x and the results of layers before, along the features or axis N")                          \
    X(CR_LAYER_AGAIN, again, "LAYER", "that layer once more, on x, with the same parameters")

typedef enum cr_layer_kind {
#define CR_X(name, word, parameters, help) name,
    CR_LAYER_MAP(CR_X)
#undef CR_X
        CR_LAYER_COUNT
} cr_layer_kind;

/* The items of the text that are no layers: word, parameters, meaning. */
#define CR_NET_ITEM_MAP(X)                                                                         \
    X(from, "LAYER", "go on with the result of a layer before")                                    \
    X(output, "LAYER ...", "the last item: the results of the net; by default the last layer's")

/* The word of a kind of layers; "?" for what is none. */
CR_API const char *cr_layer_word(cr_layer_kind kind);

enum { CR_NET_MAX_LAYERS = 4096, CR_NET_MAX_NAME = 200 };

/* One layer. Layers are numbered from 1; 0 is x of a net without inputs. Pairs are rows, columns.
 * Of the fields from `activation` on, a layer has those that its line names, and 0 is the default
 * wherever there is one; the others are 0. */
typedef struct cr_layer {
    cr_layer_kind kind;
    const char *name; /* to cr_net_add, NULL: an automatic one */
    /* What it works on, in the text's order with the result of the item before first: layers that
     * come before it. An input has none, most layers have one. To cr_net_add, none: the layer
     * before. */
    const uint32_t *operand;
    uint32_t noperands;
    uint32_t again; /* again: the layer whose kind, fields and parameters it has, no `again` */

    cr_activation activation;    /* dense, activation, conv, depthwise */
    int64_t units;               /* dense; conv: filters; embedding: width; onehot: SIZE */
    int64_t vocabulary;          /* embedding */
    int64_t column;              /* onehot, from 1 */
    int64_t kernel[2];           /* conv, depthwise; maxpool, avgpool: size */
    int64_t stride[2];           /* of these; 0: 1, of pools the size */
    int64_t dilation[2];         /* conv, depthwise; 0: 1 */
    int64_t groups;              /* conv; 0: 1 */
    int64_t multiplier;          /* depthwise; 0: 1 */
    int64_t before[2], after[2]; /* pad */
    int64_t axis;                /* concat: of [samples, ...], < 0 from the end; 0: the last */
    cr_shape shape;              /* input, reshape: of one sample; of reshape, a -1 may be */
    cr_dtype dtype;              /* input: f32, i32 or u8 */
    bool raw;                    /* input of f32: bytes are given to it as numbers up to 255 */
    bool same;                   /* conv to avgpool: padded to ceil(size / stride) places */
    bool channels_first;         /* conv to pad: [samples, channels, rows, columns] */
    bool no_bias;                /* dense, conv, depthwise */
    bool last_axis;              /* dense: x [..., features] is not flattened */
    bool no_center, no_scale;    /* batchnorm, layernorm: without beta, without gamma */
    float mean, std;             /* normalize */
    float scale, offset;         /* rescale */
    float rate;                  /* dropout */
    float slope;                 /* leakyrelu; elu: alpha */
    float momentum, epsilon;     /* batchnorm; layernorm: epsilon; 0: Keras's default */
} cr_layer;

/* ---- nets ---------------------------------------------------------------------------------- */

/* A net owns its layers, their names and operands. All zero, it has no layers. Read what you like;
 * what changes it are the functions below. */
typedef struct cr_net {
    const cr_layer *layer; /* layer i + 1 at i */
    uint32_t nlayers;
    uint32_t ninputs, noutputs;     /* that the net names; 0: x, the last layer's result */
    const uint32_t *input, *output; /* numbers of layers; of outputs also 0 */
    struct cr_net_memory *memory;   /* its own */
} cr_net;

/* Reads a text into *out, which need not hold anything before, and is empty after a mistake.
 * CR_E_SYNTAX: cr_error() gives the column and points at the word. */
CR_API cr_status cr_net_parse(const char *text, cr_net *out);
/* The net's text, which cr_net_parse makes the same net of; free it with cr_string_free. NULL out
 * of memory. */
CR_API char *cr_net_print(const cr_net *net);
/* Adds a layer, a copy of which is number net->nlayers then. CR_E_ARGUMENT, and nothing is added,
 * for a field out of its range, a name that is there or is none, an operand that does not come
 * before; cr_error() names the layer. */
CR_API cr_status cr_net_add(cr_net *net, const cr_layer *layer);
/* Makes the result of a layer the next result of the net. CR_E_ARGUMENT: there is no such layer, or
 * it is one already. */
CR_API cr_status cr_net_add_output(cr_net *net, uint32_t layer);
/* A copy of its own; *out need not hold anything before, and is empty out of memory. */
CR_API cr_status cr_net_copy(const cr_net *net, cr_net *out);
/* Frees what the net owns; it is empty then, and may be used again. */
CR_API void cr_net_finish(cr_net *net);

/* How many values the net takes and gives: at least 1. */
CR_API uint32_t cr_net_inputs(const cr_net *net);
CR_API uint32_t cr_net_outputs(const cr_net *net);
/* Input i, from 0: its layer, which has name, shape and dtype. NULL: it is x of a net without
 * inputs, or there is none. */
CR_API const cr_layer *cr_net_input(const cr_net *net, uint32_t i);
/* Do bytes reach input i divided by 255? They do where it is of f32 and not raw, and where it is x
 * of a net without inputs. */
CR_API bool cr_net_divides_bytes(const cr_net *net, uint32_t i);
/* The number of the layer that output i is the result of: at most nlayers, 0 for x. */
CR_API uint32_t cr_net_output(const cr_net *net, uint32_t i);
/* The name of layer `number`; "x" for 0. */
CR_API const char *cr_net_layer_name(const cr_net *net, uint32_t number);
/* The number of the layer of that name; 0: there is none. */
CR_API uint32_t cr_net_find(const cr_net *net, const char *name);

/* Writes the rows of CR_LAYER_MAP and CR_NET_ITEM_MAP, a line each, and the activations. */
CR_API void cr_net_help(FILE *out);

/* ---- building ------------------------------------------------------------------------------ */

/* Is a sample of the shape `given` one for an input of the shape `wanted`? They are equal but for
 * axes of size 1, or `wanted` has one axis, of as many elements. Both are without the samples'
 * axis. */
CR_API bool cr_sample_fits(const cr_shape *given, const cr_shape *wanted);

/* Applies the net, of one input and one output, to x [samples, ...]. Before a dense layer, x of
 * more than two axes is flattened. A mistake names the layer.
 *
 * What an input takes is x of its shape and type. Where the samples' shapes differ in axes of size
 * 1 only, or the input's has one axis, x is reshaped. An input of u8 goes on as f32, of the same
 * numbers: 0 to 255. One of i32 takes whole numbers of any type, one of f32 also i32; bytes for an
 * input of f32 are a mistake, since only the caller knows what 255 stands for. */
#define cr_net_build(net, x) cr_net_build_at(CR_HERE, net, x)
CR_API cr_value cr_net_build_at(cr_loc at, const cr_net *net, cr_value x);
/* The same for any net: in[cr_net_inputs] and out[cr_net_outputs] are in the order of the net's
 * inputs and outputs; all in[] are of one graph. CR_OK, or the graph's mistake, and all of out[]
 * are poison. */
#define cr_net_build_all(net, in, out) cr_net_build_all_at(CR_HERE, net, in, out)
CR_API cr_status cr_net_build_all_at(cr_loc at, const cr_net *net, const cr_value *in,
                                     cr_value *out);

#ifdef __cplusplus
}
#endif
#endif
