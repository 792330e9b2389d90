/* fold.c - rules on constants and types, made in C.
 *
 * What folds is what the reference interpreter computes (cr_eval_scalar), and a device computes the
 * same bits: + - * and comparisons round as IEEE 754 says everywhere, exp, log, tanh and pow are
 * Crisol's own and the same on all devices, and so are casts. Division and square root are rounded
 * correctly where the target says correct_divide; on other devices a folded constant is the better
 * one, and the same in all variants, because all fold alike. */
#include "elementary.h"
#include "rewrite.h"

static double value_of(cr_dtype dtype, int64_t bits)
{
    if (dtype != CR_F32)
        return (double)bits;
    uint32_t u = (uint32_t)bits;
    float f;
    memcpy(&f, &u, sizeof f);
    return (double)f;
}

/* Any NaN is as good as another: constants have one. */
static int64_t bits_of(cr_dtype dtype, double value)
{
    if (dtype != CR_F32)
        return (int64_t)value;
    float f = (float)value;
    uint32_t bits = 0x7fc00000u;
    if (f == f)
        memcpy(&bits, &f, sizeof bits);
    return bits;
}

cr_ref cr_rule_fold(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    double x[3] = {0};
    cr_dtype operand = CR_F32;
    if (cr_kind_of(n) != CR_KIND_EW)
        return 0;
    for (int i = 0; i < n->nsrc; i++) {
        int64_t bits;
        if (!cr_is_splat(g, n->src[i], &bits))
            return 0;
        operand = (cr_dtype)cr_at(g, n->src[i])->dtype; /* of a select, an arm's */
        x[i] = value_of(operand, bits);
    }
    cr_dtype dtype = (cr_dtype)n->dtype;
    double value = cr_eval_scalar((cr_op)n->op, operand, x);
    return cr_emit_splat(rw, dtype, bits_of(dtype, value), n->shape);
}

/* As the interpreter: f32 truncates and saturates, NaN becomes 0; i32 to u8 keeps the low bits;
 * bool is whether it is not 0. */
static double convert(double x, cr_dtype from, cr_dtype to)
{
    switch (to) {
    case CR_F32: return (double)(float)x;
    case CR_I32: return from == CR_F32 ? cr_float_to_i32((float)x) : x;
    case CR_U8: return from == CR_F32 ? cr_float_to_u8((float)x) : (uint8_t)(int32_t)x;
    default: return x != 0;
    }
}

cr_ref cr_rule_fold_cast(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    cr_dtype from = (cr_dtype)cr_at(g, n->src[0])->dtype, to = (cr_dtype)n->dtype;
    int64_t bits;
    if (!cr_is_splat(g, n->src[0], &bits))
        return 0;
    return cr_emit_splat(rw, to, bits_of(to, convert(value_of(from, bits), from, to)), n->shape);
}

/* ---- casts ----------------------------------------------------------------------------------- */

cr_ref cr_rule_cast_same(cr_rewriter *rw, const cr_node *n)
{
    return cr_at(cr_rewriter_graph(rw), n->src[0])->dtype == n->dtype ? n->src[0] : 0;
}

/* Does every value of `from` have its equal among those of `to`? */
static bool holds(cr_dtype to, cr_dtype from)
{
    return from == to || from == CR_BOOL || (from == CR_U8 && to != CR_BOOL);
}

cr_ref cr_rule_cast_cast(cr_rewriter *rw, const cr_node *n)
{
    const cr_graph *g = cr_rewriter_graph(rw);
    const cr_node *inner = cr_at(g, n->src[0]);
    if (inner->op != CR_OP_cast)
        return 0;
    cr_dtype from = (cr_dtype)cr_at(g, inner->src[0])->dtype, through = (cr_dtype)inner->dtype;
    bool not_zero = n->dtype == CR_BOOL && from == CR_I32 && through == CR_F32;
    if (!holds(through, from) && !not_zero)
        return 0;
    cr_node direct = *n;
    direct.src[0] = inner->src[0];
    return cr_emit(rw, &direct);
}
