/* dropout.c - elements left out at random, and the numbers that choose them.
 *
 * A mask is no data: each of its elements is a function of the seed, the step, the call and its
 * place, so that the forward and the backward kernel compute the same, and none is stored. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"

/* The i32 scalar of that name: made, or the one that is there. */
static cr_value scalar(cr_loc at, cr_graph *g, const char *name, cr_init_kind init, bool *made)
{
    cr_value old = cr_find(g, name);
    *made = old.ref == 0;
    return old.ref ? old
                   : cr_state_at(at, g, name, CR_I32, (cr_init){.kind = init}, CR_SCALAR, false);
}

cr_value cr_random_uniform_at(cr_loc at, cr_graph *g, cr_shape shape)
{
    bool made;
    if (!cr_usable_in(at, "random_uniform", g, NULL, 0))
        return (cr_value){g, 0};
    cr_value seed = scalar(at, g, "random.seed", CR_INIT_BITS, &made);
    cr_value step = scalar(at, g, "random.step", CR_INIT_CONSTANT, &made);
    if (made)
        cr_assign_at(at, step, cr_add_at(at, step, cr_i32(g, 1)));
    return cr_random_at(at, g, seed, step, shape);
}

cr_value cr_dropout_at(cr_loc at, cr_value x, float rate)
{
    if (!cr_usable(at, "dropout", &x, 1))
        return (cr_value){x.graph, 0};
    cr_graph *g = x.graph;
    if (!(rate >= 0 && rate < 1))
        return cr_mistake(g, at, "dropout: the rate is %g; it must be in [0, 1)", (double)rate);
    if (!cr_is_training(g) || rate == 0)
        return x;
    cr_op_begin(g, "dropout", at);
    cr_value chance = cr_random_uniform_at(at, g, cr_value_shape(x));
    cr_value keep = cr_ge_at(at, chance, cr_f32(g, rate));
    cr_value scaled = cr_mul_at(at, x, cr_f32(g, 1 / (1 - rate)));
    cr_value v = cr_select_at(at, keep, scaled, cr_f32(g, 0));
    cr_op_end(g);
    return v;
}
