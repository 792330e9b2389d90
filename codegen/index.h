/* index.h - symbolic integer expressions for array indices: sums of scaled atoms, kept in one
 * canonical form so that equal indices are equal ids, with ranges so that divisions and remainders
 * of reshapes fold away. An atom is a loop variable, the lanes of a vector, a quotient, a
 * remainder, or an integer that the kernel computes. */
#ifndef CR_INDEX_H
#define CR_INDEX_H

#include "base.h"

typedef uint32_t cr_ix; /* id of an expression in its table */

struct cr_scope; /* emit.h: where a variable is known */

typedef struct cr_ix_table cr_ix_table;
cr_ix_table *cr_ix_table_create(void);
void cr_ix_table_destroy(cr_ix_table *t);

cr_ix cr_ix_const(cr_ix_table *t, int64_t c);
/* A variable `name` (kept by the caller) in [lo, hi], known in `scope`. `lane`: it differs between
 * the lanes of a vector: the lane number itself when `linear`, else an int vector of that name. */
cr_ix cr_ix_var(cr_ix_table *t, const char *name, int64_t lo, int64_t hi, struct cr_scope *scope,
                bool lane, bool linear);
cr_ix cr_ix_add(cr_ix_table *t, cr_ix a, cr_ix b);
cr_ix cr_ix_mul(cr_ix_table *t, cr_ix a, int64_t k);
cr_ix cr_ix_div(cr_ix_table *t, cr_ix a, int64_t k); /* k > 0, rounds down */
cr_ix cr_ix_mod(cr_ix_table *t, cr_ix a, int64_t k); /* in [0, k) */

/* Range of values. */
int64_t cr_ix_lo(const cr_ix_table *t, cr_ix a);
int64_t cr_ix_hi(const cr_ix_table *t, cr_ix a);
/* The innermost scope of its variables; NULL when it is constant. */
struct cr_scope *cr_ix_scope(const cr_ix_table *t, cr_ix a);
bool cr_ix_has_lane(const cr_ix_table *t, cr_ix a);
/* True when neighbouring lanes are `*stride` apart (0 without a lane). */
bool cr_ix_stride(const cr_ix_table *t, cr_ix a, int64_t *stride);
/* True only when the value in lane 0 is a multiple of k, whatever the variables are. */
bool cr_ix_is_multiple(const cr_ix_table *t, cr_ix a, int64_t k);

/* C text. `lanes` NULL: the value in lane 0; else a vector expression in which the lane number is
 * spelled `lanes` ("l16"). */
void cr_ix_text(const cr_ix_table *t, cr_ix a, const char *lanes, cr_strbuf *out);

#endif
