/* term.h - small terms over ops, "mul(g, sub(1, mul(o, o)))": one notation for gradients,
 * composites and rewrite rules.
 *
 *     term = name | number | op '(' term {',' term} ')'
 *
 * A name that is not followed by '(' is a variable. Ops are the elementwise ones and the composites
 * that have a term; numbers become constants of the type and shape of the op's other operands. */
#ifndef CR_TERM_H
#define CR_TERM_H

#include "ir.h"

typedef enum cr_term_kind { CR_TERM_VAR, CR_TERM_NUMBER, CR_TERM_OP } cr_term_kind;

typedef struct cr_term {
    cr_term_kind kind;
    cr_op op;
    uint8_t var; /* index into the caller's list of variable names */
    uint8_t nargs;
    double number;
    const struct cr_term *arg[3];
} cr_term;

/* Parses one term, ended by a zero or ';' (which *end then points at). `vars` is a string of
 * one-letter variable names. NULL with the diagnostic set when the text is wrong. Composites are
 * replaced by their terms, so that a term holds real ops only. */
const cr_term *cr_term_parse(cr_arena *a, const char *text, const char *vars, const char **end);

/* Builds the term in g; value[i] is variable i. All variables of the term have equal shapes. */
cr_ref cr_term_build(cr_graph *g, const cr_term *t, const cr_ref *value);

/* Number of ops in the term. */
uint32_t cr_term_cost(const cr_term *t);

#endif
