/* contract.h - what the two ways to emit a contraction share: contract_vectors.c for one work-item
 * a group, contract_items.c for many. */
#ifndef CR_CONTRACT_H
#define CR_CONTRACT_H

#include "emit.h"

struct tile {
    cr_emit *e;
    const cr_phase *p;
    const cr_schedule *s;
    cr_ref a, b; /* operands */
    int64_t m, n, k;
    int64_t groups_m, groups_n;
    cr_ix lead[CR_MAX_RANK]; /* indices of the batch axes */
    int rank;
    cr_ix m0, n0;  /* first row and column of the group's tile */
    cr_ix k_block; /* where the block of the depth begins */
    cr_ix
        last_lane[17]; /* lane numbers of a vector of which so many lanes count; 0: not made yet */
};

static inline cr_ix cr_tile_plus(struct tile *t, cr_ix a, int64_t c)
{
    return cr_ix_add(t->e->ix, a, cr_ix_const(t->e->ix, c));
}
/* An element of an operand. */
cr_val cr_tile_element(struct tile *t, cr_ref operand, cr_ix row, cr_ix column);
/* Stores of what follows the contraction, of the element(s) in the variable `acc`. */
void cr_tile_epilogue(struct tile *t, cr_ix row, cr_ix column, const char *acc);

void cr_contract_vectors(struct tile *t);
void cr_contract_items(struct tile *t);

#endif
