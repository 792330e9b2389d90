/* rewrite.c - simplification by rules: the engine.
 * requires: a graph before placement (with or without symbols)
 * provides: no rule of rules.def applies any more; every node is reached by a root
 * breaks:   node numbers
 *
 * A sweep walks the old graph in order and makes each node in the new one, where it is simplified
 * before it exists (cr_emit): its sources are simplified already, so a rule looks at most a few ops
 * down, and what it makes goes through cr_emit again. Sweeps are repeated until one changes
 * nothing, because what a rule leaves behind may have been the other use that kept a rule from
 * applying. So simplifying twice changes nothing.
 *
 * A sweep takes time linear in the number of nodes. The recursion goes through what rules make,
 * never along the graph, and is bounded. */
#include "rewrite.h"

enum {
    MAX_SWEEPS = 64,
    MAX_DEPTH = 24, /* of rules applied to what rules made; the next sweep goes on from there */
    MAX_INNER = 8   /* ops of a lhs below its root */
};

/* ---- the table ------------------------------------------------------------------------------- */

const cr_rule cr_rules[] = {
#define CR_RULE(name, lhs, rhs, guard, doc) {#name, lhs, rhs, guard, doc},
#define CR_RULE_C(name, op, guard, doc) {#name, NULL, NULL, guard, doc},
#include "rules.def"
};
const uint32_t cr_rule_count = CR_COUNTOF(cr_rules);
enum { RULES = CR_COUNTOF(cr_rules) };

static const struct {
    cr_op op; /* POISON: any */
    cr_rule_fn *fn;
} in_c[] = {
#define CR_RULE(name, lhs, rhs, guard, doc) {CR_OP_POISON, NULL},
#define CR_RULE_C(name, op, guard, doc) {op, cr_rule_##name},
#include "rules.def"
};

/* The rules as terms, and for each op those that may apply, in the table's order. */
struct rulebook {
    const cr_term *lhs[RULES], *rhs[RULES];
    uint16_t *of_op[CR_OP_COUNT];
    uint16_t count[CR_OP_COUNT];
};

static bool is_constant_term(const cr_term *t)
{
    if (t->kind == CR_TERM_VAR)
        return t->var >= CR_RULE_FIRST_CONST;
    for (int i = 0; i < t->nargs; i++)
        if (!is_constant_term(t->arg[i]))
            return false;
    return true;
}

/* Ops that are left to compute once constants are folded. */
static uint32_t cost(const cr_term *t)
{
    uint32_t n = t->kind == CR_TERM_OP && !is_constant_term(t);
    for (int i = 0; n && i < t->nargs; i++)
        n += cost(t->arg[i]);
    return n;
}

static uint32_t variables(const cr_term *t)
{
    uint32_t set = t->kind == CR_TERM_VAR ? 1u << t->var : 0;
    for (int i = 0; i < t->nargs; i++)
        set |= variables(t->arg[i]);
    return set;
}

static bool equal_terms(const cr_term *a, const cr_term *b)
{
    if (a->kind != b->kind || a->op != b->op || a->var != b->var || a->nargs != b->nargs ||
        memcmp(&a->number, &b->number, sizeof a->number) != 0)
        return false;
    for (int i = 0; i < a->nargs; i++)
        if (!equal_terms(a->arg[i], b->arg[i]))
            return false;
    return true;
}

/* The requirements at the head of rules.def; NULL when they hold. */
static const char *rule_flaw(const struct rulebook *book, uint32_t i)
{
    const cr_term *lhs = book->lhs[i], *rhs = book->rhs[i];
    uint32_t guard = cr_rules[i].guard;
    if (lhs->kind != CR_TERM_OP)
        return "the lhs is not an op";
    if (variables(rhs) & ~variables(lhs))
        return "the rhs has a variable that the lhs does not bind";
    if (cost(rhs) >= cost(lhs) && !(guard & CR_CANON))
        return "the rhs is not cheaper, and the rule is not CR_CANON";
    if ((guard & CR_CANON) && !*cr_rules[i].doc)
        return "a CR_CANON rule says what it leads to";
    if (cost(rhs) > 1 && !(guard & CR_ONE_USE))
        return "the rhs may duplicate work, and the rule is not CR_ONE_USE";
    if (cost(lhs) > MAX_INNER)
        return "the lhs is too large";
    for (uint32_t k = 0; k < i; k++)
        if (book->lhs[k] && cr_rules[k].guard == guard && equal_terms(book->lhs[k], lhs))
            return "an earlier rule has the same lhs and guard";
    return NULL;
}

static bool read_rule(struct rulebook *book, cr_arena *a, uint32_t i)
{
    const cr_rule *rule = &cr_rules[i];
    if (!rule->lhs)
        return true;
    book->lhs[i] = cr_term_parse(a, rule->lhs, CR_RULE_VARS, NULL);
    book->rhs[i] = cr_term_parse(a, rule->rhs, CR_RULE_VARS, NULL);
    bool parsed = book->lhs[i] && book->rhs[i];
    if (!parsed && cr_last_status() == CR_E_MEMORY)
        return false;
    const char *flaw = parsed ? rule_flaw(book, i) : cr_error();
    if (flaw)
        fprintf(stderr, "crisol: rule %s: %s\n", rule->name, flaw);
    CR_ASSERT(!flaw);
    return true;
}

static bool applies_to(const struct rulebook *book, uint32_t i, int op)
{
    if (book->lhs[i])
        return (int)book->lhs[i]->op == op;
    return in_c[i].op == CR_OP_POISON || (int)in_c[i].op == op;
}

static struct rulebook *read_rules(cr_arena *a)
{
    struct rulebook *book = cr_arena_alloc(a, sizeof *book);
    if (!book)
        return NULL;
    for (uint32_t i = 0; i < RULES; i++)
        if (!read_rule(book, a, i))
            return NULL;
    for (int op = 0; op < CR_OP_COUNT; op++) {
        uint16_t list[RULES], n = 0;
        for (uint32_t i = 0; i < RULES; i++)
            if (applies_to(book, i, op))
                list[n++] = (uint16_t)i;
        book->count[op] = n;
        book->of_op[op] = cr_arena_alloc(a, n * sizeof *list);
        if (!book->of_op[op])
            return NULL;
        memcpy(book->of_op[op], list, n * sizeof *list);
    }
    return book;
}

/* ---- the rewriter ---------------------------------------------------------------------------- */

struct cr_rewriter {
    const struct rulebook *book;
    const cr_graph *from;
    cr_graph *g;
    const uint32_t *uses;    /* of nodes of `from` */
    CR_VEC(uint32_t) known;  /* uses of nodes of g, as far as nodes of `from` became them */
    uint32_t *hits, changes; /* rules applied */
    uint32_t swaps;          /* operands put in order */
    int depth;
    bool fast;
};

cr_graph *cr_rewriter_graph(const cr_rewriter *rw)
{
    return rw->g;
}

bool cr_rewriter_fast(const cr_rewriter *rw)
{
    return rw->fast;
}

bool cr_used_once(const cr_rewriter *rw, cr_ref r)
{
    return r < rw->known.len && rw->known.at[r] == 1;
}

bool cr_is_splat(const cr_graph *g, cr_ref r, int64_t *bits)
{
    if (cr_at(g, r)->op == CR_OP_expand)
        r = cr_at(g, r)->src[0];
    if (cr_at(g, r)->op != CR_OP_CONST)
        return false;
    *bits = cr_attr_of(g, r)->at[0];
    return true;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct match {
    cr_ref var[CR_RULE_NVARS];
    cr_ref inner[MAX_INNER]; /* nodes that stand for the lhs's ops below its root */
    uint32_t ninner;
    uint32_t swap; /* bit i: exchange the operands of the i-th commutative op, in preorder */
};

static int64_t number_bits(double number, cr_dtype dtype)
{
    float f = (float)number;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return dtype == CR_F32 ? (int64_t)bits : (int64_t)number;
}

static bool match_variable(const cr_rewriter *rw, const cr_term *t, cr_ref r, struct match *m)
{
    int64_t bits;
    if (m->var[t->var])
        return m->var[t->var] == r;
    m->var[t->var] = r;
    return t->var < CR_RULE_FIRST_CONST || cr_is_splat(rw->g, r, &bits);
}

static bool match_number(const cr_rewriter *rw, const cr_term *t, cr_ref r)
{
    int64_t bits;
    cr_dtype dtype = (cr_dtype)cr_at(rw->g, r)->dtype;
    return cr_is_splat(rw->g, r, &bits) && bits == number_bits(t->number, dtype);
}

static bool match_args(const cr_rewriter *rw, const cr_term *t, const cr_node *n, struct match *m);

static bool match_term(const cr_rewriter *rw, const cr_term *t, cr_ref r, struct match *m)
{
    if (t->kind == CR_TERM_VAR)
        return match_variable(rw, t, r, m);
    if (t->kind == CR_TERM_NUMBER)
        return match_number(rw, t, r);
    if (cr_at(rw->g, r)->op != t->op)
        return false;
    m->inner[m->ninner++] = r;
    return match_args(rw, t, cr_at(rw->g, r), m);
}

static bool match_args(const cr_rewriter *rw, const cr_term *t, const cr_node *n, struct match *m)
{
    bool exchange = false;
    if (cr_ops[t->op].flags & CR_COMM) {
        exchange = m->swap & 1;
        m->swap >>= 1;
    }
    for (int i = 0; i < t->nargs; i++)
        if (!match_term(rw, t->arg[i], n->src[exchange ? 1 - i : i], m))
            return false;
    return true;
}

static uint32_t commutative_ops(const cr_term *t)
{
    uint32_t n = t->kind == CR_TERM_OP && (cr_ops[t->op].flags & CR_COMM);
    for (int i = 0; i < t->nargs; i++)
        n += commutative_ops(t->arg[i]);
    return n;
}

/* Tries every order of the operands of commutative ops: there are one or two of them in a rule. */
static bool match_rule(const cr_rewriter *rw, const cr_term *lhs, const cr_node *n, struct match *m)
{
    uint32_t orders = 1u << commutative_ops(lhs);
    for (uint32_t swap = 0; swap < orders; swap++) {
        *m = (struct match){.swap = swap};
        if (match_args(rw, lhs, n, m))
            return true;
    }
    return false;
}

static bool is_power_of_2(const cr_graph *g, cr_ref r)
{
    int64_t bits;
    if (!cr_is_splat(g, r, &bits) || cr_at(g, r)->dtype != CR_F32)
        return false;
    int64_t exponent = bits >> 23 & 0xff; /* the reciprocal's is 254 - exponent */
    return (bits & 0x7fffff) == 0 && exponent >= 1 && exponent <= 253;
}

static bool types_allow(uint32_t guard, cr_dtype dtype)
{
    if ((guard & CR_IF_F32) && dtype != CR_F32)
        return false;
    if ((guard & CR_IF_I32) && dtype != CR_I32)
        return false;
    if ((guard & CR_IF_BOOL) && dtype != CR_BOOL)
        return false;
    return !(guard & CR_IF_WHOLE) || dtype != CR_F32;
}

static bool guards_allow(const cr_rewriter *rw, uint32_t guard, const struct match *m)
{
    for (uint32_t i = 0; (guard & CR_ONE_USE) && i < m->ninner; i++)
        if (!cr_used_once(rw, m->inner[i]))
            return false;
    return !(guard & CR_IF_POWER_OF_2) || is_power_of_2(rw->g, m->var[CR_RULE_FIRST_CONST]);
}

/* ---- making ---------------------------------------------------------------------------------- */

cr_ref cr_emit_splat(cr_rewriter *rw, cr_dtype dtype, int64_t bits, uint32_t shape)
{
    cr_node c = {
        .op = CR_OP_CONST, .dtype = (uint8_t)dtype, .attr = cr_intern_attr(rw->g, &bits, 1)};
    cr_ref r = cr_node_make(rw->g, &c);
    if (!r || shape == 0)
        return r;
    cr_node e = {
        .op = CR_OP_expand, .dtype = (uint8_t)dtype, .nsrc = 1, .src = {r}, .shape = shape};
    return cr_node_make(rw->g, &e);
}

cr_ref cr_emit_move(cr_rewriter *rw, cr_op op, cr_ref x, const cr_shape *shape, const int64_t *attr,
                    uint32_t nattr)
{
    cr_node n = {.op = (uint8_t)op, .dtype = cr_at(rw->g, x)->dtype, .nsrc = 1, .src = {x}};
    n.shape = cr_intern_shape(rw->g, shape);
    n.attr = cr_intern_attr(rw->g, attr, nattr);
    return cr_emit(rw, &n);
}

static cr_dtype result_type(const cr_graph *g, cr_op op, const cr_ref *src)
{
    switch (cr_ops[op].types) {
    case CR_TYPES_C: return CR_BOOL;
    case CR_TYPES_S: return (cr_dtype)cr_at(g, src[1])->dtype;
    default: return (cr_dtype)cr_at(g, src[0])->dtype;
    }
}

/* All values of a rule have the shape of n, the node it replaces; a number has the type of the
 * other operands, or that of n. */
static cr_ref build(cr_rewriter *rw, const cr_term *t, const struct match *m, const cr_node *n,
                    cr_dtype number_type)
{
    if (t->kind == CR_TERM_VAR)
        return m->var[t->var];
    if (t->kind == CR_TERM_NUMBER)
        return cr_emit_splat(rw, number_type, number_bits(t->number, number_type), n->shape);
    cr_node made = {.op = (uint8_t)t->op, .nsrc = t->nargs, .shape = n->shape};
    for (int i = t->nargs; i-- > 0;) {
        if (t->arg[i]->kind == CR_TERM_NUMBER)
            continue;
        made.src[i] = build(rw, t->arg[i], m, n, CR_F32);
        if (!made.src[i])
            return 0;
        if (t->op != CR_OP_select || i > 0)
            number_type = (cr_dtype)cr_at(rw->g, made.src[i])->dtype;
    }
    for (int i = 0; i < t->nargs; i++)
        if (t->arg[i]->kind == CR_TERM_NUMBER)
            made.src[i] = build(rw, t->arg[i], m, n, number_type);
    made.dtype = (uint8_t)result_type(rw->g, t->op, made.src);
    return cr_emit(rw, &made);
}

static cr_ref apply_rule(cr_rewriter *rw, uint32_t i, const cr_node *n)
{
    const cr_rule *rule = &cr_rules[i];
    struct match m;
    if ((rule->guard & CR_FAST) && !rw->fast)
        return 0;
    if (in_c[i].fn)
        return in_c[i].fn(rw, n);
    if (!types_allow(rule->guard, (cr_dtype)cr_at(rw->g, n->src[n->nsrc - 1])->dtype) ||
        !match_rule(rw, rw->book->lhs[i], n, &m) || !guards_allow(rw, rule->guard, &m))
        return 0;
    return build(rw, rw->book->rhs[i], &m, n, (cr_dtype)n->dtype);
}

/* Of a commutative op: constants to the right, else the older operand first, so that x + y and y +
 * x become one node. */
static void order_operands(cr_rewriter *rw, cr_node *n)
{
    int64_t bits;
    if (!(cr_ops[n->op].flags & CR_COMM))
        return;
    bool left = cr_is_splat(rw->g, n->src[0], &bits), right = cr_is_splat(rw->g, n->src[1], &bits);
    if (left == right ? n->src[0] <= n->src[1] : right)
        return;
    cr_ref first = n->src[0];
    n->src[0] = n->src[1];
    n->src[1] = first;
    rw->swaps++;
}

cr_ref cr_emit(cr_rewriter *rw, const cr_node *node)
{
    cr_node n = *node;
    order_operands(rw, &n);
    if (rw->depth < MAX_DEPTH) {
        rw->depth++;
        for (uint32_t k = 0; k < rw->book->count[n.op]; k++) {
            uint32_t i = rw->book->of_op[n.op][k];
            cr_ref r = apply_rule(rw, i, &n);
            if (!r)
                continue;
            rw->hits[i]++;
            rw->changes++;
            rw->depth--;
            return r;
        }
        rw->depth--;
    }
    return cr_node_make(rw->g, &n);
}

/* ---- sweeps ---------------------------------------------------------------------------------- */

static cr_ref rewrite_node(cr_rewriter *rw, cr_ref r, const cr_ref *remap)
{
    cr_node n = *cr_at(rw->from, r);
    for (int i = 0; i < n.nsrc; i++)
        n.src[i] = remap[n.src[i]];
    if (cr_is_root(&n) || cr_is_named_leaf(&n) || n.op == CR_OP_CONST)
        return cr_node_copy(rw->g, rw->from, r, n.src);
    const cr_attr *attr = cr_attr_of(rw->from, r);
    n.shape = cr_intern_shape(rw->g, cr_shape_of(rw->from, r));
    n.attr = cr_intern_attr(rw->g, attr->at, attr->len);
    cr_origin_follow(rw->g, rw->from, r);
    cr_ref made = cr_emit(rw, &n);
    cr_origin_follow(rw->g, rw->from, 0);
    return made;
}

static bool sweep(cr_rewriter *rw, cr_arena *scratch)
{
    const cr_graph *from = rw->from;
    const bool *live = cr_live_nodes(from, scratch);
    cr_ref *remap = cr_arena_alloc(scratch, from->node.len * sizeof *remap);
    rw->uses = cr_use_counts(from, scratch);
    rw->g = cr_graph_like(from);
    if (!live || !remap || !rw->uses || !rw->g)
        return false;
    for (cr_ref r = 1; r < from->node.len; r++) {
        if (!live[r])
            continue;
        remap[r] = rewrite_node(rw, r, remap);
        if (rw->g->status != CR_OK || !cr_vec_resize(&rw->known, rw->g->node.len))
            return false;
        rw->known.at[remap[r]] += rw->uses[r];
    }
    return true;
}

cr_graph *cr_rewrite(const cr_graph *from, bool fast_math, uint32_t *hits, uint32_t *changes)
{
    cr_arena lasting = {0}, scratch = {0};
    uint32_t own_hits[RULES] = {0};
    cr_rewriter rw = {.fast = fast_math, .hits = hits ? hits : own_hits, .from = from};
    cr_graph *result = NULL;
    rw.book = read_rules(&lasting);
    bool ok = rw.book != NULL, done = false;
    *changes = 0;
    for (int i = 0; ok && !done && i < MAX_SWEEPS; i++) {
        rw.changes = rw.swaps = 0;
        ok = sweep(&rw, &scratch);
        cr_graph_destroy(result);
        result = rw.g;
        rw.from = result;
        rw.g = NULL;
        *changes += rw.changes;
        done = rw.changes + rw.swaps == 0;
        cr_arena_finish(&scratch);
        cr_vec_finish(&rw.known);
    }
    cr_arena_finish(&lasting);
    if (!ok) {
        cr_graph_destroy(result);
        result = NULL;
    }
    return result;
}

cr_status cr_pass_simplify(cr_pass_context *cx)
{
    uint32_t changes;
    cr_graph *next = cr_rewrite(cx->graph, cx->options.fast_math, NULL, &changes);
    CR_TRY(cr_pass_replace(cx, next));
    cx->changes = changes;
    return CR_OK;
}
