/* dropout.c - elements left out at random.
 *
 * A mask is no data: each of its elements is a function of the seed, the step, the call and its
 * place. The forward and the backward kernels each compute it, and have the same one. */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ir.h"
#include "random.h"

cr_value cr_random_uniform_at(cr_loc at, cr_graph *g, cr_shape shape)
{
    cr_value seed, step;
    if (!cr_usable_in(at, "random_uniform", g, NULL, 0))
        return (cr_value){g, 0};
    cr_random_source(g, &seed, &step);
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
