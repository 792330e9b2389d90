/* layers.c - layers and activations, as the ops that they stand for. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"
#include "layer.h"

static const char *const activation_names[] = {
#define CR_X(name, word) word,
    CR_ACTIVATION_MAP(CR_X)
#undef CR_X
};

const char *cr_activation_name(cr_activation activation)
{
    return (unsigned)activation < CR_ACTIVATION_COUNT ? activation_names[activation] : "?";
}

static cr_value poison(cr_value x)
{
    return (cr_value){x.graph, 0};
}

cr_value cr_activate_at(cr_loc at, cr_value x, cr_activation activation)
{
    switch (activation) {
    case CR_LINEAR: return x;
    case CR_SIGMOID: return cr_sigmoid_at(at, x);
    case CR_TANH: return cr_tanh_at(at, x);
    case CR_RELU: return cr_relu_at(at, x);
    case CR_LEAKY_RELU: return cr_leaky_relu_at(at, x, 0.01f);
    case CR_SOFTMAX: return cr_softmax_at(at, x);
    case CR_RELU6: return cr_relu6_at(at, x);
    case CR_ELU: return cr_elu_at(at, x, 1);
    case CR_SELU: return cr_selu_at(at, x);
    case CR_GELU: return cr_gelu_at(at, x);
    case CR_GELU_TANH: return cr_gelu_tanh_at(at, x);
    case CR_SILU: return cr_silu_at(at, x);
    case CR_HARD_SIGMOID: return cr_hard_sigmoid_at(at, x);
    case CR_SOFTPLUS: return cr_softplus_at(at, x);
    case CR_LOG_SOFTMAX: return cr_log_softmax_at(at, x);
    case CR_ACTIVATION_COUNT: break;
    }
    if (!cr_usable(at, "activate", &x, 1))
        return x;
    return cr_mistake(x.graph, at, "activate: %d is not an activation", (int)activation);
}

/* ---- what layers share ----------------------------------------------------------------------- */

/* The state LAYER.SUFFIX: made, or the one that is there. */
static cr_value named_state(cr_loc at, cr_graph *g, const char *op, const char *name, cr_init init,
                            cr_shape shape, bool trainable)
{
    cr_value old = cr_find(g, name);
    if (!old.ref)
        return cr_state_at(at, g, name, CR_F32, init, shape, trainable);
    if (cr_at(g, old.ref)->op != CR_OP_STATE)
        return cr_mistake(g, at, "%s: \"%s\" is there and not a parameter", op, name);
    if (cr_shape_equal(cr_shape_of(g, old.ref), &shape))
        return old;
    char is[CR_TYPE_TEXT], wanted[CR_TYPE_TEXT];
    return cr_mistake(g, at, "%s: parameter \"%s\" is there as %s, and this layer needs %s", op,
                      name, cr_type_text(g, CR_F32, cr_shape_of(g, old.ref), is),
                      cr_type_text(g, CR_F32, &shape, wanted));
}

static cr_value layer_state(cr_loc at, cr_graph *g, const char *op, const char *layer,
                            const char *suffix, cr_init init, cr_shape shape, bool trainable)
{
    cr_strbuf name = {0};
    cr_str_printf(&name, "%s.%s", layer, suffix);
    cr_value v = named_state(at, g, op, cr_str_text(&name), init, shape, trainable);
    cr_str_finish(&name);
    return v;
}

cr_value cr_layer_param(cr_loc at, cr_graph *g, const char *op, const char *layer,
                        const char *suffix, cr_init init, cr_shape shape)
{
    return layer_state(at, g, op, layer, suffix, init, shape, true);
}

cr_value cr_layer_state(cr_loc at, cr_graph *g, const char *op, const char *layer,
                        const char *suffix, float start, cr_shape shape)
{
    return layer_state(at, g, op, layer, suffix, (cr_init){.a = start}, shape, false);
}

bool cr_layer_fits(cr_loc at, const char *op, const char *name, cr_value x)
{
    if (!cr_usable(at, op, &x, 1))
        return false;
    const cr_shape s = cr_value_shape(x);
    char type[CR_TYPE_TEXT];
    if (!name || !*name)
        cr_mistake(x.graph, at, "%s: needs a name", op);
    else if (s.rank < 2 || !cr_dim_literal(s.dim[s.rank - 1]))
        cr_mistake(x.graph, at,
                   "%s \"%s\": x is %s; it needs [samples, features], the features literal", op,
                   name, cr_type_text(x.graph, cr_value_dtype(x), &s, type));
    return x.graph->status == CR_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

cr_value cr_dense_ex_at(cr_loc at, cr_value x, const char *name, int64_t units,
                        const cr_dense_options *options)
{
    static const cr_dense_options none;
    const cr_dense_options *o = options ? options : &none;
    if (!cr_usable(at, "dense", &x, 1))
        return poison(x);
    cr_graph *g = x.graph;
    if (name && *name && units < 1)
        return cr_mistake(g, at, "dense \"%s\": %lld units; at least 1 is needed", name,
                          (long long)units);
    if (!cr_layer_fits(at, "dense", name, x))
        return poison(x);
    const cr_shape s = cr_value_shape(x);
    const cr_init glorot = {.kind = CR_INIT_GLOROT_UNIFORM};
    cr_value w = cr_layer_param(at, g, "dense", name, "w", o->init ? *o->init : glorot,
                                CR_SHAPE(s.dim[s.rank - 1], units));
    if (o->no_bias)
        return cr_activate_at(at, cr_matmul_at(at, x, w), o->activation);
    cr_value b = cr_layer_param(at, g, "dense", name, "b", (cr_init){0}, CR_SHAPE(units));
    return cr_activate_at(at, cr_add_at(at, cr_matmul_at(at, x, w), b), o->activation);
}

cr_value cr_dense_at(cr_loc at, cr_value x, const char *name, int64_t units,
                     cr_activation activation, const cr_init *init)
{
    return cr_dense_ex_at(at, x, name, units,
                          &(cr_dense_options){.activation = activation, .init = init});
}

cr_value cr_embedding_at(cr_loc at, cr_value index, const char *name, int64_t vocabulary,
                         int64_t width)
{
    if (!cr_usable(at, "embedding", &index, 1))
        return poison(index);
    cr_graph *g = index.graph;
    if (!name || !*name)
        return cr_mistake(g, at, "embedding: needs a name");
    if (vocabulary < 1 || width < 1)
        return cr_mistake(g, at, "embedding \"%s\": %lld rows of %lld; at least 1 is needed", name,
                          (long long)vocabulary, (long long)width);
    const cr_init uniform = {CR_INIT_UNIFORM, -0.05f, 0.05f, NULL};
    cr_value w =
        cr_layer_param(at, g, "embedding", name, "w", uniform, CR_SHAPE(vocabulary, width));
    return cr_gather_at(at, w, index);
}

cr_value cr_flatten_at(cr_loc at, cr_value x)
{
    if (!cr_usable(at, "flatten", &x, 1))
        return poison(x);
    cr_shape s = cr_value_shape(x);
    if (s.rank < 2)
        return cr_mistake(x.graph, at, "flatten: needs at least two axes");
    if (s.rank == 2)
        return x;
    return cr_reshape_at(at, x, CR_SHAPE(s.dim[0], -1));
}

cr_value cr_tap_at(cr_loc at, const char *name, cr_value v)
{
    if (cr_usable(at, "tap", &v, 1))
        cr_output_at(at, v.graph, name, v);
    return v;
}

const char *cr_value_name(cr_value v)
{
    return v.graph && v.ref ? cr_name_of(v.graph, v.ref) : "";
}
