/* emit.h - writing one phase as a function of OpenCL C.
 *
 * Values are evaluated on demand: cr_emit_value(node, index) emits what it takes to have that
 * element (or, where the index contains the lanes, that vector of elements) in a variable, and
 * remembers it. Every statement goes to the outermost scope in which its variables are known, so
 * what does not depend on an inner loop is hoisted out of it by construction. */
#ifndef CR_EMIT_H
#define CR_EMIT_H

#include "index.h"
#include "plan.h"

/* A block of the function: its text, not yet part of its parent's. */
typedef struct cr_scope {
    struct cr_scope *parent;
    int depth;
    cr_strbuf text;
} cr_scope;

/* The inner of two scopes, one of which contains the other; NULL is outside of all. */
static inline cr_scope *cr_scope_inner(cr_scope *a, cr_scope *b)
{
    if (!a || (b && b->depth > a->depth))
        return b;
    return a;
}

/* A variable or a literal. Registers hold float, or int for i32, u8 and bool; a bool is 0 or 1 in a
 * scalar, 0 or -1 in the lanes of a vector. */
typedef struct cr_val {
    const char *text;
    cr_dtype dtype;
    int width;
    cr_scope *scope; /* NULL: a literal */
} cr_val;

struct cr_memo;

typedef struct cr_emit {
    const cr_plan *plan;
    const cr_graph *graph;
    const cr_phase *phase;
    cr_arena arena; /* names */
    cr_ix_table *ix;
    cr_scope *root, *now; /* the function's body; where statements go at the innermost */
    cr_scope *floor;      /* nothing is hoisted further out than this; NULL: root */
    int width;            /* lanes of a vector */
    int valid;            /* lanes in use: < width in the last vector of a ragged row */
    int ahead;         /* a reduction for a vector is made for so many neighbours at once; 0: one */
    const char *lanes; /* "l16" */
    cr_ix lane;        /* the lane number */
    bool *inside;      /* per node: computed in this phase */
    uint32_t next_name;
    CR_VEC(struct cr_memo) memo;
    uint32_t functions[5];    /* elementary functions used (bits), for widths 1, 2, 4, 8, 16 */
    uint32_t random;          /* widths (bits) in which random numbers are drawn */
    bool used_lanes;          /* the lane numbers occur in an index */
    cr_strbuf *declared;      /* pointer declarations at the top */
    CR_VEC(uint32_t) pointer; /* buffers declared */
    uint64_t memories;        /* memories used (bits) */
    bool failed;
} cr_emit;

/* Opens a block in `now` (text such as "for (...) {" is the caller's, in the parent), closes it
 * into its parent, and forgets what was known only there. */
cr_scope *cr_emit_open(cr_emit *e);
void cr_emit_close(cr_emit *e, const char *head);
/* A line in a scope. */
void cr_emit_line(cr_emit *e, cr_scope *s, const char *fmt, ...) CR_PRINTF(3, 4);
/* A fresh name "prefix12". */
const char *cr_emit_name(cr_emit *e, const char *prefix);
const char *cr_emit_ix(cr_emit *e, cr_ix x, bool vector); /* text of an index, in the arena */

/* The element(s) of a node at an index (one entry an axis of the node). */
cr_val cr_emit_value(cr_emit *e, cr_ref r, const cr_ix *at);
/* The number of the row that gather r takes at `at`: one that is there. */
cr_ix cr_emit_row(cr_emit *e, cr_ref r, const cr_ix *at);
/* Declares that element of r at `at` is in variable `text`. */
void cr_emit_bind(cr_emit *e, cr_ref r, const cr_ix *at, const char *text, int width);
/* Writes value(s) to the store's place. */
void cr_emit_store(cr_emit *e, const cr_plan_store *store, const cr_ix *at, cr_val v);
/* A line that writes the vector `value` (of `type`, as wide as the emitter's) to elements `at` and
 * on of `pointer`, which is in `space` ("global", "local") and is aligned as such a vector is, if
 * `aligned`. Then, and where `at` is known to be a multiple of the width, a pointer to vectors is
 * written through: of a vstore16 PoCL 3.1 makes three stores, whose value a vector load has to wait
 * for. */
void cr_emit_put(cr_emit *e, const char *space, const char *type, const char *pointer, bool aligned,
                 cr_ix at, const char *value);
/* v as a vector of the emitter's width. */
cr_val cr_emit_widen(cr_emit *e, cr_val v);
/* The name of a buffer's pointer, declared at the function's top. */
const char *cr_emit_pointer(cr_emit *e, uint32_t buffer);
/* Index of r's element, when the domain's is `at`: the same place in row-major order; rows that r
 * does not have are dropped. */
void cr_emit_index_of(cr_emit *e, cr_ref r, const cr_shape *domain, const cr_ix *at, cr_ix *out);

/* The argument that a memory is in kernels: "arena", "store", "in2". */
const char *cr_emit_memory_name(const cr_plan *plan, uint32_t memory, char *buf, size_t size);

/* "float16", "int", ... */
const char *cr_emit_type(cr_emit *e, cr_dtype dtype, int width);

/* For values.c. A constant variable in scope s, or in the outermost allowed. */
cr_val cr_emit_define(cr_emit *e, cr_scope *s, const char *prefix, cr_dtype dtype, int width,
                      const char *text);
/* What is known of element `at` of r, in the scopes that are open. */
bool cr_emit_recall(cr_emit *e, cr_ref r, const cr_ix *at, int rank, cr_val *out);
void cr_emit_remember(cr_emit *e, cr_ref r, const cr_ix *at, int rank, cr_val v);
/* Row-major number of an element, and back. */
cr_ix cr_emit_linear(cr_emit *e, const cr_shape *s, const cr_ix *at);
void cr_emit_delinear(cr_emit *e, const cr_shape *s, cr_ix x, cr_ix *at);
/* The element(s) of a value in memory. */
cr_val cr_emit_load(cr_emit *e, cr_ref r, const cr_ix *at);

/* The families: the body of a phase, with `g` the group's number and, when local > 1, `lid`. */
void cr_emit_nest(cr_emit *e);
void cr_emit_contract(cr_emit *e);

#endif
