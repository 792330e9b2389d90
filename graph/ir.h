/* ir.h - the intermediate representation, as every room sees it.
 *
 * A graph is an array of immutable, hash-consed nodes. Sources come before their users, so the
 * order of the array is topological and every analysis is a flat array indexed by cr_ref. A pass
 * reads one graph and builds the next. What a node is: docs/ir.md. */
#ifndef CR_IR_H
#define CR_IR_H

#include "base.h"
#include "crisol/graph.h"

typedef uint32_t cr_ref; /* index into graph->node; 0 = poison */

/* ---- ops ------------------------------------------------------------------------------------- */

typedef enum cr_op {
    CR_OP_POISON,
    /* leaves, which no row of ops.def describes */
    CR_OP_CONST, /* attr: [bits]; a scalar */
    CR_OP_SIZE,  /* attr: [dim]; i32 scalar; gone after specialisation */
    CR_OP_INPUT, /* attr: [name] */
    CR_OP_STATE, /* attr: [name, trainable, init kind, a bits, b bits, data id] */
#define CR_EW(name, ...) CR_OP_##name,
#define CR_RED(name, ...) CR_OP_##name,
#define CR_MOV(name, ...) CR_OP_##name,
#define CR_PRIM(name, ...) CR_OP_##name,
#include "ops.def"
    CR_OP_COPY,   /* transfer: the same value in another space */
    CR_OP_ASSIGN, /* root: src0 a state, src1 its next value */
    CR_OP_OUTPUT, /* root: src0 a value; attr: [name] */
    CR_OP_COUNT
} cr_op;

typedef enum cr_op_kind {
    CR_KIND_LEAF,
    CR_KIND_EW,
    CR_KIND_RED,
    CR_KIND_MOV,
    CR_KIND_PRIM,
    CR_KIND_COPY,
    CR_KIND_ROOT
} cr_op_kind;

enum { CR_COMM = 1 }; /* flags: commutative */

/* Type rules of elementwise and reduction rows (the letters of ops.def). */
typedef enum cr_type_rule {
    CR_TYPES_F,
    CR_TYPES_N,
    CR_TYPES_I,
    CR_TYPES_B,
    CR_TYPES_C,
    CR_TYPES_S,
    CR_TYPES_A
} cr_type_rule;

typedef struct cr_op_info {
    const char *name;
    uint8_t kind, arity, types, flags;
    const char *expr;     /* EW: expression; RED: combine */
    const char *gradient; /* EW: terms; others: the name of a rule in autodiff.c, "0": none */
    float lo, hi;         /* range of test inputs */
    const char *doc;
} cr_op_info;

extern const cr_op_info cr_ops[CR_OP_COUNT];
/* The op of that name; CR_OP_POISON when there is none. */
cr_op cr_op_find(const char *name);

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Where a value lives. The compiler's own: users build in CR_SPACE_DEVICE. */
typedef enum cr_space { CR_SPACE_DEVICE, CR_SPACE_HOST } cr_space;

typedef struct cr_node {
    uint8_t op, dtype, nsrc, space;
    cr_ref src[3];
    uint32_t shape; /* id into graph->shape */
    uint32_t attr;  /* id into graph->attr; 0 = none */
} cr_node;

/* An interned vector of integers; its meaning depends on the op:
 *   CONST [bits of f32, or the integer]   SIZE [dim]   INPUT, OUTPUT [name]   STATE see above
 *   sum, amax, argmax [axes]              permute [axis of x, for each axis of the result]
 *   slice [begin of each axis]            pad [before of each axis..., bits of the value]
 *   concat, iota [axis]                   random [stream]          flip [axes]
 *   window [axis, size, stride, dilation]
 *   conv [groups, stride of each spatial axis..., dilation..., before..., after...]
 *   all others: none */
typedef struct cr_attr {
    uint32_t len;
    const int64_t *at;
} cr_attr;

/* The op of the user that a node came from (cr_op_begin, or the builder function itself). */
typedef struct cr_origin {
    uint32_t name; /* string id: "softmax", or "grad(matmul)" */
    cr_loc at;     /* file is NULL when unknown */
} cr_origin;

typedef struct cr_symbol_info {
    uint32_t name;
    int64_t bound;
} cr_symbol_info;

/* What becomes of a root that a user asks for. */
typedef enum cr_root_mode {
    CR_ROOTS_MADE,
    CR_ROOTS_GUARDED, /* assigns wait for their guard: cr_assigns_guard */
    CR_ROOTS_IGNORED  /* nothing: the values alone are wanted */
} cr_root_mode;

typedef struct cr_waiting {
    cr_ref state, next;
} cr_waiting;

struct cr_graph {
    cr_arena arena;
    const char *name;
    CR_VEC(cr_node) node;          /* [0] is poison */
    CR_VEC(uint32_t) origin;       /* per node: id into origins; 0 = none */
    CR_VEC(cr_ref) root;           /* ASSIGN and OUTPUT nodes, in the order they were made */
    CR_VEC(cr_shape) shape;        /* interned; [0] is the scalar */
    CR_VEC(cr_attr) attr;          /* interned; [0] is empty */
    CR_VEC(const char *) string;   /* interned; [0] is "" */
    CR_VEC(cr_origin) origins;     /* [0] is unknown */
    CR_VEC(cr_symbol_info) symbol; /* [0] unused */
    CR_VEC(const void *) data;     /* CR_INIT_DATA blocks, in the arena; [0] unused */
    cr_map node_map, shape_map, attr_map, string_map;
    CR_VEC(cr_waiting) waiting; /* assigns that have no guard yet */
    cr_root_mode root_mode;
    uint32_t next_stream;             /* of random ops */
    uint32_t open_origin, open_depth; /* cr_op_begin */
    bool evaluating, reuse;           /* cr_set_training, cr_set_reuse */
    cr_status status;                 /* the first mistake */
    char *message;                    /* its text, in the arena */
};

static inline const cr_node *cr_at(const cr_graph *g, cr_ref r)
{
    return &g->node.at[r];
}
static inline const cr_shape *cr_shape_of(const cr_graph *g, cr_ref r)
{
    return &g->shape.at[g->node.at[r].shape];
}
static inline const cr_attr *cr_attr_of(const cr_graph *g, cr_ref r)
{
    return &g->attr.at[g->node.at[r].attr];
}
/* The name of an INPUT, STATE or OUTPUT; the name of its state for an ASSIGN; "" for the rest. */
const char *cr_name_of(const cr_graph *g, cr_ref r);
/* An input or a state: what is called by a name and has its elements from outside the step. */
static inline bool cr_is_named_leaf(const cr_node *n)
{
    return n->op == CR_OP_INPUT || n->op == CR_OP_STATE;
}
static inline bool cr_is_root(const cr_node *n)
{
    return n->op == CR_OP_ASSIGN || n->op == CR_OP_OUTPUT;
}
static inline cr_op_kind cr_kind_of(const cr_node *n)
{
    return (cr_op_kind)cr_ops[n->op].kind;
}

/* ---- dimensions ------------------------------------------------------------------------------ */

/* A symbolic cr_dim carries its symbol's index above bit 48 and the multiplier below. */
enum { CR_DIM_SHIFT = 48 };
static inline uint32_t cr_dim_symbol(cr_dim d)
{
    return (uint32_t)(d >> CR_DIM_SHIFT);
}
static inline int64_t cr_dim_factor(cr_dim d)
{
    return d & (((int64_t)1 << CR_DIM_SHIFT) - 1);
}
static inline bool cr_dim_literal(cr_dim d)
{
    return cr_dim_symbol(d) == 0;
}
/* The literal for a binding: `value[symbol]`, or the symbol's bound where value is NULL. */
int64_t cr_dim_bind(const cr_graph *g, cr_dim d, const int64_t *value);

bool cr_shape_equal(const cr_shape *a, const cr_shape *b);
/* Elements of a literal shape (a symbol counts with its bound). */
int64_t cr_shape_count(const cr_graph *g, const cr_shape *s);
static inline int64_t cr_count_of(const cr_graph *g, cr_ref r)
{
    return cr_shape_count(g, cr_shape_of(g, r));
}
static inline uint64_t cr_bytes_of(const cr_graph *g, cr_ref r)
{
    return (uint64_t)cr_count_of(g, r) * cr_dtype_size((cr_dtype)cr_at(g, r)->dtype);
}
/* "f32[64,784]", "i32[batch]", "f32" into buf; returns buf. */
enum { CR_TYPE_TEXT = 160 };
const char *cr_type_text(const cr_graph *g, cr_dtype dtype, const cr_shape *s, char *buf);

/* ---- building -------------------------------------------------------------------------------- */

cr_graph *cr_graph_new(const char *name); /* = cr_graph_create */
uint32_t cr_intern_shape(cr_graph *g, const cr_shape *s);
uint32_t cr_intern_attr(cr_graph *g, const int64_t *at, uint32_t len);
uint32_t cr_intern_string(cr_graph *g, const char *s);
const char *cr_intern_text(cr_graph *g, const char *s);              /* the graph's own copy */
uint32_t cr_intern_data(cr_graph *g, const void *data, size_t size); /* copies */

/* The one way to make a node: interns it, or finds the equal one. The node must be right: builders
 * check users' input before, passes assert (cr_verify). 0 out of memory (the graph is poisoned). */
cr_ref cr_node_make(cr_graph *g, const cr_node *n);
/* Records a root (ASSIGN or OUTPUT). */
cr_ref cr_root_add(cr_graph *g, const cr_node *n);
/* Makes the assigns that were asked for under CR_ROOTS_GUARDED: each takes effect only where the
 * guard, a bool scalar, holds. From then on roots are made as usual. */
void cr_assigns_guard(cr_value guard);
/* The origin that nodes made next belong to: the open op, else a new one named `name`. */
void cr_origin_enter(cr_graph *g, const char *name, cr_loc at);
void cr_origin_leave(cr_graph *g);

/* Poisons the graph with its first mistake; returns poison. Without a graph: only cr_error(). */
cr_value cr_mistake(cr_graph *g, cr_loc at, const char *fmt, ...) CR_PRINTF(3, 4);

/* What a builder asks before it looks at its operands: all are values of one graph (of `g`, which
 * may be NULL for a user's mistake), and no mistake has been made. Else what is wrong is recorded.
 */
bool cr_usable(cr_loc at, const char *op, const cr_value *arg, int n);
bool cr_usable_in(cr_loc at, const char *op, cr_graph *g, const cr_value *arg, int n);

/* What a builder ends in: the node of op for usable operands, as one op of the user, or the mistake
 * that cr_infer finds. */
cr_value cr_build_node(cr_loc at, cr_op op, const cr_value *arg, int n, const int64_t *attr,
                       uint32_t nattr);

/* Has the state a next value, be it one that waits for its guard? */
bool cr_is_assigned(const cr_graph *g, cr_ref state);

/* Scalar constant nodes (no broadcasting): */
cr_ref cr_const_f32(cr_graph *g, float value);
cr_ref cr_const_int(cr_graph *g, cr_dtype dtype, int64_t value);
static inline float cr_const_float(const cr_graph *g, cr_ref r)
{
    uint32_t bits = (uint32_t)cr_attr_of(g, r)->at[0];
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Type and shape of the node that op gives for these sources: what builders make and what the
 * verifier and the parser check. The caller has set op, nsrc, src and attr of n (and dtype of a
 * CONST, INPUT, STATE or cast); cr_infer sets dtype and *shape. `hint` is the shape asked for,
 * where sources do not determine it (INPUT, STATE, reshape, expand, slice, pad, iota, random).
 * False with the mistake's text in `why`. */
bool cr_infer(const cr_graph *g, cr_node *n, const cr_shape *hint, cr_shape *shape, char *why,
              size_t why_size);

/* Is it one for a tensor of g: sizes positive, symbols known, fewer than 2^40 elements? Else `why`.
 */
bool cr_check_shape(const cr_graph *g, const cr_shape *s, char *why, size_t why_size);

/* Applies op to sources without broadcasting or origin: the passes' builder. */
cr_ref cr_apply(cr_graph *g, cr_op op, const cr_ref *src, uint32_t nsrc, const cr_shape *shape,
                const int64_t *attr, uint32_t nattr);

/* A fresh graph with the symbols, the name and the strings of `from`; nodes are copied one by one
 * with cr_node_copy as a pass visits them. */
cr_graph *cr_graph_like(const cr_graph *from);
/* Copies node r of `from` into g with sources src (already in g), keeping type, shape, attributes,
 * space and origin. */
cr_ref cr_node_copy(cr_graph *g, const cr_graph *from, cr_ref r, const cr_ref *src);
/* Nodes made until the next call belong to the origin of node r of `from` (0: to none). */
void cr_origin_follow(cr_graph *g, const cr_graph *from, cr_ref r);

/* ---- analyses -------------------------------------------------------------------------------- */

/* live[r]: a root reaches r. Allocated in the arena; NULL out of memory. */
bool *cr_live_nodes(const cr_graph *g, cr_arena *a);
/* uses[r]: how many sources of live nodes are r. */
uint32_t *cr_use_counts(const cr_graph *g, cr_arena *a);

/* CR_OK, or CR_E_GRAPH with what is wrong with which node. Levels add demands. */
typedef enum cr_level {
    CR_LEVEL_USER /* symbols allowed, all on the device */,
    CR_LEVEL_LITERAL /* no symbols */,
    CR_LEVEL_PLACED /* spaces: only COPY crosses */
} cr_level;
cr_status cr_verify(const cr_graph *g, cr_level level);

/* ---- reference interpreter ------------------------------------------------------------------ */

/* Evaluates a literal graph (symbols at `binding`, or their bounds) on the host, node by node, in
 * the order of accumulation that docs/ir.md defines: the oracle of all kernels.
 * value[r] holds each node's elements row-major after cr_interp_run. */
typedef struct cr_interp cr_interp;
cr_interp *cr_interp_create(const cr_graph *g);
void cr_interp_destroy(cr_interp *in);
/* Binds a leaf's elements without copying; `data` outlives the runs. States are updated in place.
 */
cr_status cr_interp_bind(cr_interp *in, cr_ref leaf, void *data);
/* Computes all roots; assigns are committed at the end. */
cr_status cr_interp_run(cr_interp *in);
/* Row-major elements of a node after a run; NULL for a node that no root reaches. */
const void *cr_interp_value(const cr_interp *in, cr_ref r);
/* The first node in order whose f32 elements are not all finite; 0 when all are. */
cr_ref cr_interp_first_bad(const cr_interp *in);

/* Fills a state's initial elements: `seed` and the state's name choose the random stream. */
void cr_init_fill(const cr_graph *g, cr_ref state, uint64_t seed, void *out);

/* One elementwise op on scalars: numbers are carried as double (exact for f32 and i32). */
double cr_eval_scalar(cr_op op, cr_dtype operand, const double *x);

/* ---- fingerprints --------------------------------------------------------------------------- */

/* A hash of all that the roots reach: equal graphs have equal hashes, whatever the node numbers. */
uint64_t cr_graph_hash(const cr_graph *g);

#endif
