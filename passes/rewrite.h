/* rewrite.h - the rewriting engine, as its own files (rewrite.c, movement.c, fold.c) and tests see
 * it.
 *
 * Nodes are rewritten while they are made: cr_emit takes a node that does not exist yet, asks every
 * rule for its op, and makes the node only when no rule has something better. */
#ifndef CR_REWRITE_H
#define CR_REWRITE_H

#include "passes.h"
#include "term.h"

/* Conditions of a rule in rules.def. */
enum {
    CR_ALWAYS = 0,
    CR_FAST = 1 << 0,    /* changes values: only with options.fast_math */
    CR_ONE_USE = 1 << 1, /* the ops below the root have no other use, or work would be duplicated */
    CR_CANON = 1 << 2,   /* not cheaper, but nearer to the canonical form named in its doc */
    CR_IF_F32 = 1 << 3,  /* type of the root's last operand */
    CR_IF_I32 = 1 << 4,
    CR_IF_BOOL = 1 << 5,
    CR_IF_WHOLE = 1 << 6,     /* that type is not f32 */
    CR_IF_POWER_OF_2 = 1 << 7 /* a is a power of two whose reciprocal is exact */
};

/* One row of rules.def. Rows made in C have no terms. */
typedef struct cr_rule {
    const char *name, *lhs, *rhs;
    uint32_t guard;
    const char *doc;
} cr_rule;

extern const cr_rule cr_rules[];
extern const uint32_t cr_rule_count;

/* Variables of the rules' terms: x y z w stand for any value, a b c for constants. */
#define CR_RULE_VARS "xyzwabc"
enum { CR_RULE_NVARS = 7, CR_RULE_FIRST_CONST = 4 };

typedef struct cr_rewriter cr_rewriter;

/* A rule made in C: the value that replaces n; 0 when it does not apply, or out of memory. */
typedef cr_ref cr_rule_fn(cr_rewriter *rw, const cr_node *n);

#define CR_RULE_C(name, op, guard, doc) cr_rule_fn cr_rule_##name;
#include "rules.def"

/* The graph that the rules make of `from`; hits[i] counts how often rule i was applied (NULL: not
 * wanted), *changes all of them. NULL out of memory. */
cr_graph *cr_rewrite(const cr_graph *from, bool fast_math, uint32_t *hits, uint32_t *changes);

/* ---- for rules made in C --------------------------------------------------------------------- */

cr_graph *cr_rewriter_graph(const cr_rewriter *rw);
bool cr_rewriter_fast(const cr_rewriter *rw);

/* Makes a node, simplified. Sources, shape and attributes are ids of the new graph. */
cr_ref cr_emit(cr_rewriter *rw, const cr_node *n);
/* The same for a movement op or a reduction of x. */
cr_ref cr_emit_move(cr_rewriter *rw, cr_op op, cr_ref x, const cr_shape *shape, const int64_t *attr,
                    uint32_t nattr);
/* A tensor of one value: a constant, or an expand of it (a "splat"). `bits` as in a CONST. */
cr_ref cr_emit_splat(cr_rewriter *rw, cr_dtype dtype, int64_t bits, uint32_t shape);

/* Does r, of the new graph, have one use only? (As far as known: a node that a rule has just made
 * counts as not known, and is looked at again in the next sweep.) */
bool cr_used_once(const cr_rewriter *rw, cr_ref r);

/* Is r a splat? Then *bits is its value, as in a CONST. */
bool cr_is_splat(const cr_graph *g, cr_ref r, int64_t *bits);

#endif
