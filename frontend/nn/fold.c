/* fold.c - a scale and a shift of features, worked into the weights before them:
 *
 *     (x w + b) scale + shift = x (w scale) + (b scale + shift)
 *
 * The product is looked at through its bias and through reshapes that keep the features.
 *
 * For a convolution this is a gain: its weights are few, its places many. For a wide dense layer it
 * is none: the scale would cost nothing in the contraction's epilogue, and scaled weights are made
 * anew in each step of an evaluation. It is done all the same, so that a normalization is the same
 * arithmetic after either, and what is evaluated is one contraction with a bias and no more: the
 * weights that one would ship. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "layer.h"

/* Contractions whose second source has the features as its last axis, as the result has. */
static bool is_contraction(uint8_t op)
{
    return op == CR_OP_matmul || op == CR_OP_conv;
}

static int64_t features(const cr_graph *g, cr_ref r)
{
    const cr_shape *s = cr_shape_of(g, r);
    return s->rank ? s->dim[s->rank - 1] : 1;
}

/* r without the movements of kind `op` that keep its last axis. */
static cr_ref behind(const cr_graph *g, cr_op op, cr_ref r)
{
    while (cr_at(g, r)->op == op && features(g, cr_at(g, r)->src[0]) == features(g, r))
        r = cr_at(g, r)->src[0];
    return r;
}

/* A product, and the bias added to it: along the features, or 0. */
struct affine {
    cr_ref product, bias;
};

static bool find_affine(const cr_graph *g, cr_ref x, struct affine *out)
{
    *out = (struct affine){behind(g, CR_OP_reshape, x), 0};
    const cr_node *n = cr_at(g, out->product);
    if (n->op == CR_OP_add) {
        *out = (struct affine){behind(g, CR_OP_reshape, n->src[0]),
                               behind(g, CR_OP_expand, n->src[1])};
        if (cr_shape_of(g, out->bias)->rank != 1)
            return false;
    }
    return is_contraction(cr_at(g, out->product)->op);
}

/* The product with its weights times `scale`: the weights themselves, not what repeats them. */
static cr_value scaled_product(cr_loc at, cr_graph *g, cr_ref product, cr_value scale)
{
    cr_node n = *cr_at(g, product);
    const cr_shape whole = *cr_shape_of(g, n.src[1]);
    cr_value w = {g, behind(g, CR_OP_expand, n.src[1])};
    w = cr_expand_at(at, cr_mul_at(at, w, scale), whole);
    n.src[1] = w.ref;
    return (cr_value){g, w.ref ? cr_node_make(g, &n) : 0};
}

cr_value cr_layer_fold(cr_loc at, cr_value x, cr_value scale, cr_value shift)
{
    cr_graph *g = x.graph;
    struct affine a;
    if (!cr_usable(at, "fold", (const cr_value[]){x, scale, shift}, 3) ||
        !find_affine(g, x.ref, &a))
        return (cr_value){g, 0};
    cr_value product = scaled_product(at, g, a.product, scale);
    if (a.bias)
        shift = cr_add_at(at, cr_mul_at(at, (cr_value){g, a.bias}, scale), shift);
    return cr_reshape_at(at, cr_add_at(at, product, shift), cr_value_shape(x));
}
