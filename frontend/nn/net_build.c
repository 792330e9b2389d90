/* net_build.c - nets as ops: build_WORD makes what a row of CR_LAYER_MAP says. */
#include "crisol/conv.h"
#include "crisol/ops.h"
#include "ir.h"
#include "net_fields.h"

/* Where a layer is built, and on what. */
struct place {
    cr_loc at;
    cr_graph *g;
    const char *name;  /* of its parameters */
    const cr_value *x; /* its operands, of an input what it is given; all usable */
    uint32_t n;
};

static cr_shape shape_of(const struct place *p)
{
    return cr_value_shape(p->x[0]);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* n sizes without those that are 1. */
static cr_shape squeezed(const cr_dim *dim, int n)
{
    cr_shape s = {.rank = 0};
    for (int i = 0; i < n; i++)
        if (dim[i] != 1)
            s.dim[s.rank++] = dim[i];
    return s;
}

bool cr_sample_fits(const cr_shape *given, const cr_shape *wanted)
{
    const cr_shape a = squeezed(given->dim, given->rank);
    const cr_shape b = squeezed(wanted->dim, wanted->rank);
    uint64_t count = 1;
    if (cr_shape_equal(&a, &b))
        return true;
    for (int i = 0; i < a.rank; i++)
        if (!cr_dim_literal(a.dim[i]) || !cr_mul_size(count, (uint64_t)a.dim[i], &count))
            return false;
    return wanted->rank == 1 && count == (uint64_t)wanted->dim[0];
}

static cr_shape of_samples(cr_dim samples, const cr_shape *one)
{
    cr_shape s = {.rank = one->rank + 1, .dim = {samples}};
    memcpy(s.dim + 1, one->dim, (size_t)one->rank * sizeof one->dim[0]);
    return s;
}

/* Without the first axis. */
static cr_shape of_one(const cr_shape *samples)
{
    cr_shape s = {.rank = samples->rank - 1};
    memcpy(s.dim, samples->dim + 1, (size_t)s.rank * sizeof s.dim[0]);
    return s;
}

static bool samples_fit(const cr_shape *given, const cr_shape *wanted)
{
    const cr_shape one = given->rank ? of_one(given) : CR_SCALAR;
    return given->rank && cr_sample_fits(&one, wanted);
}

static const char *type_wrong(cr_dtype given, const cr_layer *l)
{
    if (given == CR_BOOL)
        return "an input cannot be bool";
    if (l->dtype == CR_F32 && given == CR_U8 && !l->raw)
        return "bytes have to be made f32 first (cr_normalize, cr_cast), or the input declared u8 "
               "or raw";
    if (l->dtype == CR_U8 && given != CR_U8)
        return "the input is declared u8: give it the bytes as they are";
    return NULL;
}

static cr_value no_input(const struct place *p, const cr_layer *l, const cr_shape *wanted,
                         const char *why)
{
    const cr_shape given = shape_of(p);
    char is[CR_TYPE_TEXT], needed[CR_TYPE_TEXT];
    return cr_mistake(p->g, p->at, "this input is %s, and is given %s: %s",
                      cr_type_text(p->g, l->dtype, wanted, needed),
                      cr_type_text(p->g, cr_value_dtype(p->x[0]), &given, is), why);
}

static cr_value build_input(const struct place *p, const cr_layer *l)
{
    const cr_dtype dtype = l->dtype == CR_I32 ? CR_I32 : CR_F32;
    const cr_shape given = shape_of(p);
    const cr_shape wanted = of_samples(given.rank ? given.dim[0] : 1, &l->shape);
    const char *why = type_wrong(cr_value_dtype(p->x[0]), l);
    if (!why && !samples_fit(&given, &l->shape))
        why = "the shapes of the samples differ";
    if (why)
        return no_input(p, l, &wanted, why);
    cr_value x = p->x[0];
    if (cr_value_dtype(x) != dtype)
        x = cr_cast_at(p->at, x, dtype);
    return cr_shape_equal(&given, &wanted) ? x : cr_reshape_at(p->at, x, wanted);
}

/* ---- layers of weights ----------------------------------------------------------------------- */

/* Products are of f32. */
static bool is_f32(const struct place *p)
{
    const cr_dtype dtype = cr_value_dtype(p->x[0]);
    if (dtype != CR_F32)
        cr_mistake(p->g, p->at,
                   "x is %s, and products are of f32: `rescale 1 0` before it makes f32 of it, and "
                   "so does an `input` that is not i32",
                   cr_dtype_name(dtype));
    return dtype == CR_F32;
}

static cr_value build_dense(const struct place *p, const cr_layer *l)
{
    const cr_dense_options o = {.activation = l->activation, .no_bias = l->no_bias};
    cr_value x = p->x[0];
    if (!is_f32(p))
        return (cr_value){p->g, 0};
    if (shape_of(p).rank > 2 && !l->last_axis)
        x = cr_flatten_at(p->at, x);
    return cr_dense_ex_at(p->at, x, p->name, l->units, &o);
}

static cr_window_options window_of(const cr_layer *l)
{
    return (cr_window_options){.stride = {l->stride[0], l->stride[1]},
                               .dilation = {l->dilation[0], l->dilation[1]},
                               .padding = l->same ? CR_SAME : CR_VALID,
                               .channels_first = l->channels_first};
}

static cr_conv_options convolution_of(const cr_layer *l)
{
    return (cr_conv_options){.window = window_of(l),
                             .activation = l->activation,
                             .groups = l->groups,
                             .no_bias = l->no_bias};
}

static cr_value build_conv(const struct place *p, const cr_layer *l)
{
    const cr_conv_options o = convolution_of(l);
    if (!is_f32(p))
        return (cr_value){p->g, 0};
    return cr_conv2d_at(p->at, p->x[0], p->name, l->units, l->kernel[0], l->kernel[1], &o);
}

static cr_value build_depthwise(const struct place *p, const cr_layer *l)
{
    const cr_conv_options o = convolution_of(l);
    if (!is_f32(p))
        return (cr_value){p->g, 0};
    return cr_depthwise_conv2d_at(p->at, p->x[0], p->name, l->multiplier ? l->multiplier : 1,
                                  l->kernel[0], l->kernel[1], &o);
}

static cr_value build_batchnorm(const struct place *p, const cr_layer *l)
{
    const cr_norm_options o = {l->momentum, l->epsilon, l->no_center, l->no_scale};
    return cr_batch_norm_ex_at(p->at, p->x[0], p->name, &o);
}

static cr_value build_layernorm(const struct place *p, const cr_layer *l)
{
    const cr_norm_options o = {l->momentum, l->epsilon, l->no_center, l->no_scale};
    return cr_layer_norm_ex_at(p->at, p->x[0], p->name, &o);
}

static cr_value build_embedding(const struct place *p, const cr_layer *l)
{
    return cr_embedding_at(p->at, p->x[0], p->name, l->vocabulary, l->units);
}

/* ---- images and shapes ----------------------------------------------------------------------- */

static cr_value build_maxpool(const struct place *p, const cr_layer *l)
{
    const cr_window_options o = window_of(l);
    return cr_max_pool2d_at(p->at, p->x[0], l->kernel[0], l->kernel[1], &o);
}

static cr_value build_avgpool(const struct place *p, const cr_layer *l)
{
    const cr_window_options o = window_of(l);
    return cr_avg_pool2d_at(p->at, p->x[0], l->kernel[0], l->kernel[1], &o);
}

/* Of [samples, places, features], the places are pooled. */
static cr_axes places(const cr_layer *l)
{
    return l->channels_first ? CR_AXIS(2) : CR_AXIS(1);
}

static cr_value build_globalmax(const struct place *p, const cr_layer *l)
{
    return shape_of(p).rank == 3 ? cr_amax_at(p->at, p->x[0], places(l))
                                 : cr_global_max_pool2d_at(p->at, p->x[0], l->channels_first);
}

static cr_value build_globalavg(const struct place *p, const cr_layer *l)
{
    return shape_of(p).rank == 3 ? cr_mean_at(p->at, p->x[0], places(l))
                                 : cr_global_avg_pool2d_at(p->at, p->x[0], l->channels_first);
}

static cr_value build_pad(const struct place *p, const cr_layer *l)
{
    const int rows = l->channels_first ? 2 : 1;
    cr_shape before = {.rank = 4}, after = {.rank = 4};
    if (shape_of(p).rank != 4)
        return cr_mistake(p->g, p->at, "x has %d axes; an image, with its samples, has 4",
                          shape_of(p).rank);
    memcpy(before.dim + rows, l->before, sizeof l->before);
    memcpy(after.dim + rows, l->after, sizeof l->after);
    return cr_pad_at(p->at, p->x[0], before, after, 0);
}

static cr_value build_flatten(const struct place *p, const cr_layer *l)
{
    (void)l;
    return cr_flatten_at(p->at, p->x[0]);
}

static cr_value build_reshape(const struct place *p, const cr_layer *l)
{
    return cr_reshape_at(p->at, p->x[0], of_samples(shape_of(p).dim[0], &l->shape));
}

/* ---- element by element ---------------------------------------------------------------------- */

static cr_value build_activation(const struct place *p, const cr_layer *l)
{
    return cr_activate_at(p->at, p->x[0], l->activation);
}

static cr_value build_leakyrelu(const struct place *p, const cr_layer *l)
{
    return cr_leaky_relu_at(p->at, p->x[0], l->slope);
}

static cr_value build_elu(const struct place *p, const cr_layer *l)
{
    return cr_elu_at(p->at, p->x[0], l->slope);
}

static cr_value build_dropout(const struct place *p, const cr_layer *l)
{
    return cr_dropout_at(p->at, p->x[0], l->rate);
}

static cr_value build_normalize(const struct place *p, const cr_layer *l)
{
    return cr_normalize_at(p->at, p->x[0], l->mean, l->std);
}

static cr_value build_rescale(const struct place *p, const cr_layer *l)
{
    return cr_rescale_at(p->at, p->x[0], l->scale, l->offset);
}

static cr_value build_standardize(const struct place *p, const cr_layer *l)
{
    (void)l;
    return cr_standardize_at(p->at, p->x[0], p->name);
}

static cr_value build_scale(const struct place *p, const cr_layer *l)
{
    (void)l;
    return cr_scale_range_at(p->at, p->x[0], p->name);
}

static cr_value build_onehot(const struct place *p, const cr_layer *l)
{
    return cr_onehot_column_at(p->at, p->x[0], l->column, l->units);
}

/* ---- layers of several operands -------------------------------------------------------------- */

static cr_value fold(const struct place *p, cr_value (*op)(cr_loc at, cr_value x, cr_value y))
{
    cr_value v = p->x[0];
    for (uint32_t i = 1; i < p->n; i++)
        v = op(p->at, v, p->x[i]);
    return v;
}

#define FOLD(word, op)                                                                             \
    static cr_value build_##word(const struct place *p, const cr_layer *l)                         \
    {                                                                                              \
        (void)l;                                                                                   \
        return fold(p, op);                                                                        \
    }
FOLD(add, cr_add_at)
FOLD(sub, cr_sub_at)
FOLD(mul, cr_mul_at)
FOLD(maximum, cr_max_at)
FOLD(minimum, cr_min_at)

static cr_value build_average(const struct place *p, const cr_layer *l)
{
    return cr_mul_at(p->at, build_add(p, l), cr_f32(p->g, 1 / (float)p->n));
}

static cr_value build_concat(const struct place *p, const cr_layer *l)
{
    const int rank = shape_of(p).rank, axis = (int)l->axis;
    const int from_start = axis == 0 ? rank - 1 : axis < 0 ? axis + rank : axis;
    cr_value v = p->x[0];
    if (from_start < 1 || from_start >= rank)
        return cr_mistake(p->g, p->at,
                          "axis %d is none of x with %d axes, the first of which is "
                          "that of the samples",
                          axis, rank);
    for (uint32_t i = 1; i < p->n; i++)
        v = cr_concat_at(p->at, v, p->x[i], from_start);
    return v;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* cr_net_build_all builds the layer that is meant. */
static cr_value build_again(const struct place *p, const cr_layer *l)
{
    (void)l;
    return p->x[0];
}

static cr_value (*const builders[])(const struct place *p, const cr_layer *l) = {
#define CR_X(name, word, parameters, help) build_##word,
    CR_LAYER_MAP(CR_X)
#undef CR_X
};

/* A mistake was made in that layer: which one goes before what is wrong. */
static void name_layer(cr_graph *g, uint32_t number, const char *name)
{
    char *text = cr_arena_printf(&g->arena, "net, layer %u (%s): %s", number, name,
                                 g->message ? g->message : "");
    if (!text)
        return;
    g->message = text;
    cr_fail(g->status, "%s", text);
}

struct builder {
    cr_loc at;
    cr_graph *g;
    const cr_net *net;
    cr_value *result;  /* of each layer; at 0, x */
    cr_value *operand; /* of one layer; room for those of any */
};

static size_t most_operands(const cr_net *net)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < net->nlayers; i++)
        most = CR_MAX(most, net->layer[i].noperands);
    return most;
}

/* The result of layer i + 1; `given`: what goes in, if it is an input. */
static cr_value build_layer(const struct builder *b, uint32_t i, const cr_value *given)
{
    const cr_layer *l = &b->net->layer[i];
    const cr_layer *meant = l->kind == CR_LAYER_AGAIN ? &b->net->layer[l->again - 1] : l;
    struct place p = {b->at, b->g, meant->name, b->operand, l->noperands};
    for (uint32_t k = 0; k < l->noperands; k++)
        b->operand[k] = b->result[l->operand[k]];
    if (l->kind == CR_LAYER_INPUT)
        b->operand[p.n++] = *given;
    if (!cr_usable_in(b->at, meant->name, b->g, p.x, (int)p.n))
        return (cr_value){b->g, 0};
    return builders[meant->kind](&p, meant);
}

static void build(const struct builder *b, const cr_value *in, cr_value *out)
{
    cr_graph *g = b->g;
    const cr_net *net = b->net;
    b->result[0] = in[0];
    for (uint32_t i = 0; i < net->nlayers && g->status == CR_OK; i++) {
        b->result[i + 1] = build_layer(b, i, in);
        in += net->layer[i].kind == CR_LAYER_INPUT;
        if (g->status == CR_E_GRAPH)
            name_layer(g, i + 1, net->layer[i].name);
    }
    for (uint32_t i = 0; i < cr_net_outputs(net); i++)
        out[i] = g->status == CR_OK ? b->result[cr_net_output(net, i)] : (cr_value){g, 0};
}

cr_status cr_net_build_all_at(cr_loc at, const cr_net *net, const cr_value *in, cr_value *out)
{
    cr_graph *g = in[0].graph;
    for (uint32_t i = 0; i < cr_net_outputs(net); i++)
        out[i] = (cr_value){g, 0};
    if (!cr_usable(at, "net", in, (int)cr_net_inputs(net)))
        return g ? cr_graph_status(g) : CR_E_GRAPH;
    struct builder b = {.at = at, .g = g, .net = net};
    b.result = cr_alloc(((size_t)net->nlayers + 1) * sizeof *b.result);
    b.operand = cr_alloc(most_operands(net) * sizeof *b.operand);
    if (!b.result || !b.operand)
        g->status = CR_E_MEMORY;
    else
        build(&b, in, out);
    cr_free(b.result);
    cr_free(b.operand);
    return cr_graph_status(g);
}

cr_value cr_net_build_at(cr_loc at, const cr_net *net, cr_value x)
{
    const uint32_t inputs = cr_net_inputs(net), outputs = cr_net_outputs(net);
    cr_value y = {x.graph, 0};
    if (inputs > 1 || outputs > 1)
        return cr_mistake(x.graph, at,
                          "net: it has inputs: %u, outputs: %u; one of each is needed here", inputs,
                          outputs);
    cr_net_build_all_at(at, net, &x, &y);
    return y;
}
