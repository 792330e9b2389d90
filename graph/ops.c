/* ops.c - the op table as data. */
#include "ir.h"

#define F CR_TYPES_F
#define N CR_TYPES_N
#define I CR_TYPES_I
#define B CR_TYPES_B
#define C CR_TYPES_C
#define S CR_TYPES_S
#define A CR_TYPES_A

/* clang-format off */
const cr_op_info cr_ops[CR_OP_COUNT] = {
    [CR_OP_POISON] = {"poison", CR_KIND_LEAF, 0, 0, 0, "", "0", 0, 0, "a mistake"},
    [CR_OP_CONST]  = {"const", CR_KIND_LEAF, 0, 0, 0, "", "0", 0, 0, "a scalar constant"},
    [CR_OP_SIZE]   = {"size", CR_KIND_LEAF, 0, 0, 0, "", "0", 0, 0, "the size of a dimension, i32"},
    [CR_OP_INPUT]  = {"input", CR_KIND_LEAF, 0, 0, 0, "", "0", 0, 0, "a tensor fed from outside"},
    [CR_OP_STATE]  = {"state", CR_KIND_LEAF, 0, 0, 0, "", "0", 0, 0, "a variable that lives between steps"},
    [CR_OP_COPY]   = {"copy", CR_KIND_COPY, 1, 0, 0, "", "0", 0, 0, "the same value in another space"},
    [CR_OP_ASSIGN] = {"assign", CR_KIND_ROOT, 2, 0, 0, "", "0", 0, 0, "a state's value after the step"},
    [CR_OP_OUTPUT] = {"output", CR_KIND_ROOT, 1, 0, 0, "", "0", 0, 0, "a value that can be fetched"},
#define CR_EW(name, arity, types, expr, gradients, lo, hi, flags, doc) \
    [CR_OP_##name] = {#name, CR_KIND_EW, arity, types, flags, #expr, gradients, lo, hi, doc},
#define CR_RED(name, identity, combine, types, gradient, lo, hi, doc) \
    [CR_OP_##name] = {#name, CR_KIND_RED, 1, types, 0, #combine, gradient, lo, hi, doc},
#define CR_MOV(name, parameters, arguments, gradient, doc) \
    [CR_OP_##name] = {#name, CR_KIND_MOV, CR_ARITY_##name, 0, 0, "", gradient, -2, 2, doc},
#define CR_PRIM(name, parameters, arguments, gradient, doc) \
    [CR_OP_##name] = {#name, CR_KIND_PRIM, CR_ARITY_##name, 0, 0, "", gradient, -2, 2, doc},
#define CR_ARITY_reshape 1
#define CR_ARITY_permute 1
#define CR_ARITY_expand  1
#define CR_ARITY_slice   1
#define CR_ARITY_window  1
#define CR_ARITY_flip    1
#define CR_ARITY_conv    2
#define CR_ARITY_pad     1
#define CR_ARITY_concat  2
#define CR_ARITY_matmul  2
#define CR_ARITY_gather  2
#define CR_ARITY_cast    1
#define CR_ARITY_iota    0
#define CR_ARITY_random  2
#include "ops.def"
};
/* clang-format on */

cr_op cr_op_find(const char *name)
{
    for (int op = 1; op < CR_OP_COUNT; op++)
        if (strcmp(cr_ops[op].name, name) == 0)
            return (cr_op)op;
    return CR_OP_POISON;
}
