/* fuse.c - cover the graph by phases.
 * requires: a placed, literal graph
 * provides: plan->phase (domains, nodes, stores, loads, levels), plan->home, the fusion ledger
 *
 * Nodes are visited once, sources first. A contraction or a reduction starts a phase; an elementwise
 * node joins the phase of its latest source when it visits the same elements and all its other
 * operands are ready before that phase starts; a node whose operands are all in memory stays
 * *virtual*: it is computed where it is used, in every phase that uses it, unless that costs more than
 * a trip through memory. What a phase computes and nobody else reads never leaves its registers.
 *
 * Levels keep the phases acyclic without a search: a phase is above every phase it reads, and a node
 * joins a phase only if its other operands come from below it. */
#include "passes.h"

enum {
    PHASE_CAP = 64,     /* own nodes of a phase: what drivers compile in good time */
    VIRTUAL_CAP = 24,   /* ops of an expression that is computed again where it is used */
    SHARED_WEIGHT = 12, /* above it, a value with several uses is stored rather than recomputed */
    OPERAND_WEIGHT = 6, /* the same for an operand of a contraction, which is read many times */
    SINK_WEIGHT = 6,    /* up to it, a value is recomputed by its readers rather than stored */
    ROW_LIMIT = 4096    /* elements that one work-item may visit in serial row loops */
};

/* Does a node of a phase visit the whole domain, or one element for each parallel index? */
enum { FULL, ROW };

struct draft {
    cr_phase phase;
    CR_VEC(cr_ref) own;  /* nodes with this home, ascending */
    uint32_t cap;        /* own nodes and the virtual ones they pulled in, roughly */
    bool stand_in;       /* its store stands for an assign that is placed later */
};

struct fuser {
    cr_pass_context *cx;
    const cr_graph *g;
    cr_plan *plan;
    bool fused;          /* else: nothing crosses the ops of the user */
    bool *live;
    uint32_t *uses;
    bool *lone;          /* every use is by a node of the same origin */
    uint32_t *home;      /* 1 + draft; 0 = virtual, leaf or on the host */
    uint8_t *class;      /* FULL or ROW, of nodes with a home */
    uint32_t *level;     /* of the phase, copy or host step that provides the value; 0: a leaf */
    uint16_t *weight;    /* cost of computing a virtual node once more */
    uint8_t *reason;     /* why a consumer did not join (per consumer) */
    uint32_t *store_only; /* 1 + the draft that only stores a virtual value */
    bool *kept;          /* must be stored: read by another phase, copied, or a root */
    CR_VEC(struct draft) draft;
    bool failed;         /* out of memory */
};

/* ---- properties of nodes ------------------------------------------------------------------------ */

static bool on_device(const cr_node *n) { return n->space == CR_SPACE_DEVICE; }

/* In memory before the step's first kernel, or put there by a copy. */
static bool in_memory(const cr_node *n)
{
    return n->op == CR_OP_INPUT || n->op == CR_OP_STATE || n->op == CR_OP_COPY;
}

static bool is_scalar_source(const cr_node *n)
{
    return n->op == CR_OP_CONST || n->op == CR_OP_SIZE || n->op == CR_OP_iota;
}

/* Costs nothing inside a kernel: a constant or an index map. */
static bool is_free(const cr_node *n)
{
    return is_scalar_source(n) || n->op == CR_OP_reshape || n->op == CR_OP_expand ||
           n->op == CR_OP_permute || n->op == CR_OP_slice;
}

static uint32_t op_weight(const cr_node *n)
{
    switch (n->op) {
    case CR_OP_exp: case CR_OP_log: case CR_OP_tanh: case CR_OP_sigmoid: case CR_OP_random: return 12;
    case CR_OP_pow: return 30;
    case CR_OP_div: case CR_OP_sqrt: case CR_OP_idiv: case CR_OP_imod: return 4;
    case CR_OP_gather: case CR_OP_pad: case CR_OP_concat: return 1;
    default: return is_free(n) ? 0 : 1;
    }
}

static uint32_t virtual_weight(const struct fuser *f, const cr_node *n)
{
    uint32_t w = op_weight(n);
    for (int i = 0; i < n->nsrc; i++)
        if (!f->home[n->src[i]]) w += f->weight[n->src[i]];
    return CR_MIN(w, 60000u);
}

static uint32_t sources_level(const struct fuser *f, const cr_node *n)
{
    uint32_t level = 0;
    for (int i = 0; i < n->nsrc; i++) level = CR_MAX(level, f->level[n->src[i]]);
    return level;
}

static struct draft *draft_of(struct fuser *f, cr_ref r) { return &f->draft.at[f->home[r] - 1]; }

static int64_t masked_count(const cr_shape *s, uint32_t mask)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        if (mask >> i & 1) n *= s->dim[i];
    return n;
}

/* ---- starting and joining phases ----------------------------------------------------------------- */

static void own(struct fuser *f, uint32_t d, cr_ref r, int class)
{
    struct draft *p = &f->draft.at[d];
    f->home[r] = d + 1;
    f->class[r] = (uint8_t)class;
    f->level[r] = p->phase.level;
    p->cap += 1;
    if (!cr_vec_push(&p->own, r)) f->failed = true;
    const cr_node *n = cr_at(f->g, r);
    for (int i = 0; i < n->nsrc; i++)
        if (!f->home[n->src[i]]) p->cap += f->weight[n->src[i]] ? 1 : 0;
}

static void start(struct fuser *f, cr_ref r, cr_family family, const cr_shape *domain, uint32_t parallel,
                  int class)
{
    struct draft d = {.phase = {.family = family, .domain = *domain, .parallel = parallel}};
    d.phase.anchor = family == CR_FAMILY_CONTRACT ? r : 0;
    d.phase.origin = f->g->origin.at[r];
    d.phase.level = sources_level(f, cr_at(f->g, r)) + 1;
    if (!cr_vec_push(&f->draft, d)) {
        f->failed = true;
        return;
    }
    own(f, f->draft.len - 1, r, class);
}

static void start_map(struct fuser *f, cr_ref r)
{
    const cr_shape *s = cr_shape_of(f->g, r);
    start(f, r, CR_FAMILY_NEST, s, (1u << s->rank) - 1, FULL);
}

/* The draft of the latest source; -1 when no source has a home. */
static int latest(const struct fuser *f, const cr_node *n)
{
    int best = -1;
    for (int i = 0; i < n->nsrc; i++) {
        uint32_t h = f->home[n->src[i]];
        if (h && (best < 0 || f->draft.at[h - 1].phase.level > f->draft.at[best].phase.level)) best = (int)h - 1;
    }
    return best;
}

/* Elementwise work over the whole rows of a reduction is serial in each work-item: only short rows. */
static bool rows_too_long(const cr_phase *p)
{
    uint32_t rows = ~p->parallel & ((1u << p->domain.rank) - 1);
    return p->family == CR_FAMILY_NEST && masked_count(&p->domain, rows) > ROW_LIMIT;
}

/* May r, whose sources have class `class` in draft d, join it? Says why not. */
static bool may_join(struct fuser *f, cr_ref r, int d, int *class)
{
    const cr_node *n = cr_at(f->g, r);
    struct draft *p = &f->draft.at[d];
    if (!f->fused && f->g->origin.at[r] != p->phase.origin) {
        f->reason[r] = CR_REFUSED_VARIANT;
        return false;
    }
    if (p->cap >= PHASE_CAP) {
        f->reason[r] = CR_REFUSED_SIZE;
        return false;
    }
    *class = -1;
    for (int i = 0; i < n->nsrc; i++) {
        cr_ref s = n->src[i];
        if (f->home[s] == (uint32_t)d + 1) {
            if (*class >= 0 && *class != f->class[s]) {
                f->reason[r] = CR_REFUSED_SHAPE;
                return false;
            }
            *class = f->class[s];
        } else if (f->level[s] >= p->phase.level) {
            f->reason[r] = CR_REFUSED_CYCLE;
            return false;
        }
    }
    if (*class == FULL && rows_too_long(&p->phase)) {
        f->reason[r] = CR_REFUSED_REDUCTION;
        return false;
    }
    return true;
}

/* ---- one node of each kind ------------------------------------------------------------------------- */

static void visit_virtual(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    f->weight[r] = (uint16_t)virtual_weight(f, n);
    f->level[r] = sources_level(f, n);
    if (is_scalar_source(n) || n->op == CR_OP_reshape || n->op == CR_OP_expand) return;
    if (!f->fused && !f->lone[r]) {
        start_map(f, r);
    } else if (f->weight[r] > VIRTUAL_CAP || (f->uses[r] > 1 && f->weight[r] >= SHARED_WEIGHT)) {
        start_map(f, r);
    }
}

static void visit_elementwise(struct fuser *f, cr_ref r)
{
    int class, d = latest(f, cr_at(f->g, r));
    if (d >= 0 && may_join(f, r, d, &class))
        own(f, (uint32_t)d, r, class);
    else
        visit_virtual(f, r);
}

/* A reshape keeps the order of elements, so it follows its source into its phase. */
static void visit_reshape(struct fuser *f, cr_ref r)
{
    cr_ref s = cr_at(f->g, r)->src[0];
    int class;
    if (f->home[s] && may_join(f, r, (int)f->home[s] - 1, &class))
        own(f, f->home[s] - 1, r, class);
    else
        visit_virtual(f, r);
}

/* A row's value spread over the row again stays in the phase of the row. */
static void visit_expand(struct fuser *f, cr_ref r)
{
    cr_ref s = cr_at(f->g, r)->src[0];
    int class;
    if (f->home[s] && f->class[s] == ROW && may_join(f, r, (int)f->home[s] - 1, &class)) {
        const cr_phase *p = &draft_of(f, s)->phase;
        const cr_shape *from = cr_shape_of(f->g, s), *to = cr_shape_of(f->g, r);
        bool aligned = from->rank == to->rank && cr_shape_equal(to, &p->domain);
        for (int i = 0; aligned && i < to->rank; i++)
            aligned = from->dim[i] == (p->parallel >> i & 1 ? to->dim[i] : 1);
        if (aligned) {
            own(f, f->home[s] - 1, r, FULL);
            return;
        }
    }
    visit_virtual(f, r);
}

static void visit_reduction(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    cr_ref s = n->src[0];
    const cr_shape *domain = cr_shape_of(f->g, s);
    uint32_t axes = (uint32_t)cr_attr_of(f->g, r)->at[0], all = (1u << domain->rank) - 1;
    int class;
    if (f->home[s] && f->class[s] == FULL) {
        const cr_phase *p = &draft_of(f, s)->phase;
        uint32_t rows = ~p->parallel & all;
        if (p->family == CR_FAMILY_NEST && rows == axes && cr_shape_equal(domain, &p->domain) &&
            may_join(f, r, (int)f->home[s] - 1, &class)) {
            own(f, f->home[s] - 1, r, ROW);
            return;
        }
        if (!f->reason[r]) f->reason[r] = CR_REFUSED_REDUCTION;
    }
    start(f, r, CR_FAMILY_NEST, domain, all & ~axes, ROW);
}

static void visit_contraction(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    for (int i = 0; i < 2; i++) {
        cr_ref s = n->src[i];
        if (f->home[s] || f->weight[s] <= OPERAND_WEIGHT) continue;
        while (is_free(cr_at(f->g, s)) && cr_at(f->g, s)->nsrc) s = cr_at(f->g, s)->src[0];
        if (!f->home[s] && !in_memory(cr_at(f->g, s))) start_map(f, s); /* before what reads it */
    }
    const cr_shape domain = *cr_shape_of(f->g, r);
    start(f, r, CR_FAMILY_CONTRACT, &domain, (1u << domain.rank) - 1, FULL);
}

/* A root or a copy reads its value from memory. What is virtual gets a phase that only stores it, so
 * that other users go on computing it in place; what is heavy gets a home. */
static void visit_reader(struct fuser *f, cr_ref r, cr_ref v)
{
    const cr_node *n = cr_at(f->g, r), *value = cr_at(f->g, v);
    f->level[r] = f->level[v] + 1;
    if (!on_device(value) || (n->op == CR_OP_ASSIGN && !on_device(n))) return;
    bool stored = f->home[v] || in_memory(value);
    if (!stored && f->weight[v] > SINK_WEIGHT) {
        start_map(f, v);
        stored = true;
    }
    f->kept[v] = true;
    if (stored) return;
    struct draft d = {.phase = {.domain = *cr_shape_of(f->g, v), .origin = f->g->origin.at[v]}};
    d.phase.parallel = (1u << d.phase.domain.rank) - 1;
    d.phase.level = f->level[v] + 1;
    if (f->store_only[v]) return;
    f->store_only[v] = f->draft.len + 1;
    if (!cr_vec_push(&f->draft, d)) f->failed = true;
}

static void visit(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    if (cr_is_root(n)) {
        visit_reader(f, r, n->src[n->op == CR_OP_ASSIGN]);
        return;
    }
    if (n->op == CR_OP_COPY) {
        visit_reader(f, r, n->src[0]);
        return;
    }
    if (!on_device(n)) {
        f->level[r] = sources_level(f, n) + 1;
        return;
    }
    if (in_memory(n)) return;
    switch (cr_kind_of(n)) {
    case CR_KIND_EW: visit_elementwise(f, r); break;
    case CR_KIND_RED: visit_reduction(f, r); break;
    default:
        if (n->op == CR_OP_reshape) visit_reshape(f, r);
        else if (n->op == CR_OP_expand) visit_expand(f, r);
        else if (n->op == CR_OP_matmul) visit_contraction(f, r);
        else if (n->op == CR_OP_cast) visit_elementwise(f, r);
        else visit_virtual(f, r);
        break;
    }
}

/* ---- what is stored ------------------------------------------------------------------------------- */

/* Users of each node, as one array: user[first[r]] .. user[first[r + 1] - 1]. */
struct users {
    uint32_t *first;
    cr_ref *user;
};

static bool find_users(struct fuser *f, struct users *u)
{
    const cr_graph *g = f->g;
    uint32_t n = g->node.len, total = 0;
    u->first = cr_arena_alloc(&f->cx->scratch, (n + 1) * sizeof *u->first);
    if (!u->first) return false;
    for (cr_ref r = 1; r < n; r++) total += f->uses[r];
    u->user = cr_arena_alloc(&f->cx->scratch, (total + 1) * sizeof *u->user);
    if (!u->user) return false;
    for (cr_ref r = 1; r < n; r++) u->first[r + 1] = u->first[r] + f->uses[r];
    uint32_t *next = cr_arena_alloc(&f->cx->scratch, (n + 1) * sizeof *next);
    if (!next) return false;
    memcpy(next, u->first, n * sizeof *next);
    for (cr_ref r = 1; r < n; r++)
        for (int i = 0; f->live[r] && i < cr_at(g, r)->nsrc; i++) u->user[next[cr_at(g, r)->src[i]]++] = r;
    return true;
}

static bool read_inside(const struct fuser *f, const struct users *u, cr_ref r)
{
    for (uint32_t i = u->first[r]; i < u->first[r + 1]; i++)
        if (f->home[u->user[i]] == f->home[r]) return true;
    return false;
}

/* Can r be computed by its readers from what its phase stores anyway? */
static bool sinkable(const struct fuser *f, const struct users *u, cr_ref r, uint32_t *weight)
{
    const cr_node *n = cr_at(f->g, r);
    if (cr_kind_of(n) != CR_KIND_EW && n->op != CR_OP_reshape && n->op != CR_OP_cast) return false;
    *weight += op_weight(n);
    if (*weight > SINK_WEIGHT) return false;
    for (int i = 0; i < n->nsrc; i++) {
        cr_ref s = n->src[i];
        if (!f->home[s]) {
            *weight += f->weight[s];
            if (*weight > SINK_WEIGHT) return false;
        } else if (f->home[s] != f->home[r] || f->kept[s]) {
            continue;
        } else {
            bool only_r = true; /* stored for others than r? */
            for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++)
                only_r &= u->user[k] == r || f->home[u->user[k]] == f->home[s];
            if (only_r && !sinkable(f, u, s, weight)) return false;
        }
    }
    return true;
}

/* A cheap value at the end of a phase that only other phases read is computed there instead of being
 * stored here: h * (1 - h), say, when h is stored. Visited from the last node to the first. */
static void sink(struct fuser *f, const struct users *u)
{
    for (cr_ref r = f->g->node.len - 1; r > 0 && f->fused; r--) {
        uint32_t weight = 0;
        if (!f->home[r] || f->kept[r] || f->uses[r] == 0) continue;
        const struct draft *p = draft_of(f, r);
        if (p->phase.anchor == r || p->own.at[0] == r) continue;
        if (read_inside(f, u, r) || !sinkable(f, u, r, &weight)) continue;
        f->home[r] = 0;
        f->weight[r] = (uint16_t)weight;
    }
}

/* ---- lists of a phase --------------------------------------------------------------------------------- */

/* Is r computed inside phases (its own or its readers'), rather than read from memory? */
static bool computed_in(const struct fuser *f, cr_ref r, uint32_t draft)
{
    const cr_node *n = cr_at(f->g, r);
    if (in_memory(n)) return false;
    return f->home[r] == draft + 1 || f->home[r] == 0;
}

static int by_ref(const void *a, const void *b)
{
    cr_ref x = *(const cr_ref *)a, y = *(const cr_ref *)b;
    return (x > y) - (x < y);
}

/* All nodes that the draft computes, from what it owns and stores down to what it loads. */
static bool collect(struct fuser *f, uint32_t d, uint32_t *mark)
{
    struct draft *p = &f->draft.at[d];
    CR_VEC(cr_ref) stack = {0}, node = {0}, load = {0};
    bool ok = true;
    for (uint32_t i = 0; i < p->own.len; i++)
        if (f->home[p->own.at[i]] == d + 1) ok &= cr_vec_push(&stack, p->own.at[i]);
    for (uint32_t i = 0; i < p->phase.nstore; i++) ok &= cr_vec_push(&stack, p->phase.store[i].value);
    while (ok && stack.len) {
        cr_ref r = stack.at[--stack.len];
        if (mark[r] == d + 1) continue;
        mark[r] = d + 1;
        if (!computed_in(f, r, d)) {
            ok &= cr_vec_push(&load, r);
            continue;
        }
        ok &= cr_vec_push(&node, r);
        const cr_node *n = cr_at(f->g, r);
        for (int i = 0; i < n->nsrc; i++) ok &= cr_vec_push(&stack, n->src[i]);
    }
    cr_ref *list = ok ? cr_arena_alloc(&f->plan->arena, (node.len + load.len + 1) * sizeof *list) : NULL;
    if (list) {
        if (node.len) qsort(node.at, node.len, sizeof *node.at, by_ref);
        if (load.len) qsort(load.at, load.len, sizeof *load.at, by_ref);
        if (node.len) memcpy(list, node.at, node.len * sizeof *list);
        if (load.len) memcpy(list + node.len, load.at, load.len * sizeof *list);
        p->phase.node = list;
        p->phase.nnode = node.len;
        p->phase.load = list + node.len;
        p->phase.nload = load.len;
    }
    cr_vec_finish(&stack);
    cr_vec_finish(&node);
    cr_vec_finish(&load);
    return list != NULL;
}

static bool add_store(struct fuser *f, uint32_t d, cr_ref value, cr_ref assign)
{
    cr_phase *p = &f->draft.at[d].phase;
    cr_plan_store *list = cr_arena_alloc(&f->plan->arena, (p->nstore + 1) * sizeof *list);
    if (!list) return false;
    if (p->nstore) memcpy(list, p->store, p->nstore * sizeof *list);
    list[p->nstore++] = (cr_plan_store){value, assign};
    p->store = list;
    return true;
}

/* ---- assigns ------------------------------------------------------------------------------------------ */

/* Does the phase read the state at other places than where it would write it? What reaches the state
 * through anything but elementwise ops and reshapes (an index map, a loop) does. */
static bool reads_elsewhere(const struct fuser *f, const cr_phase *p, cr_ref state, bool *tainted)
{
    bool unsafe = false;
    tainted[state] = true;
    for (uint32_t i = 0; i < p->nnode; i++) {
        cr_ref r = p->node[i];
        const cr_node *n = cr_at(f->g, r);
        for (int k = 0; k < n->nsrc; k++) tainted[r] |= tainted[n->src[k]];
        bool same_place = cr_kind_of(n) == CR_KIND_EW || n->op == CR_OP_reshape || n->op == CR_OP_cast;
        unsafe |= tainted[r] && !same_place;
    }
    for (uint32_t i = 0; i < p->nnode; i++) tainted[p->node[i]] = false;
    tainted[state] = false;
    return unsafe;
}

/* A phase of its own that copies a stored value into the state, when writing it where it is made would
 * overwrite what others still read. */
static bool commit_apart(struct fuser *f, cr_ref assign)
{
    cr_ref v = cr_at(f->g, assign)->src[1];
    struct draft d = {.phase = {.domain = *cr_shape_of(f->g, v), .origin = f->g->origin.at[v]}};
    d.phase.parallel = (1u << d.phase.domain.rank) - 1;
    cr_ref *load = cr_arena_alloc(&f->plan->arena, sizeof *load);
    if (!load || !cr_vec_push(&f->draft, d)) return false;
    *load = v;
    cr_phase *p = &f->draft.at[f->draft.len - 1].phase;
    p->load = load;
    p->nload = 1;
    return add_store(f, f->draft.len - 1, v, assign);
}

/* The draft that computes v: its home, or the one that only stores it; -1: v is in memory. */
static int maker(const struct fuser *f, cr_ref v)
{
    if (f->home[v]) return (int)f->home[v] - 1;
    return (int)f->store_only[v] - 1;
}

static bool has_store(const cr_phase *p, cr_ref value, cr_ref assign)
{
    for (uint32_t i = 0; i < p->nstore; i++)
        if (p->store[i].value == value && p->store[i].assign == assign) return true;
    return false;
}

static void drop_store(cr_phase *p, cr_ref assign)
{
    cr_plan_store *list = (cr_plan_store *)p->store;
    for (uint32_t i = 0; i < p->nstore; i++)
        if (list[i].assign == assign) list[i] = list[--p->nstore];
}

static bool place_assigns(struct fuser *f)
{
    bool *tainted = cr_arena_alloc(&f->cx->scratch, f->g->node.len * sizeof *tainted), ok = tainted != NULL;
    for (uint32_t i = 0; ok && i < f->g->root.len; i++) {
        cr_ref a = f->g->root.at[i];
        const cr_node *n = cr_at(f->g, a);
        if (n->op != CR_OP_ASSIGN || !on_device(n)) continue;
        int d = maker(f, n->src[1]);
        if (d >= 0 && !reads_elsewhere(f, &f->draft.at[d].phase, n->src[0], tainted)) {
            ok = add_store(f, (uint32_t)d, n->src[1], a);
            continue;
        }
        if (d >= 0 && !has_store(&f->draft.at[d].phase, n->src[1], 0)) ok = add_store(f, (uint32_t)d, n->src[1], 0);
        ok = ok && commit_apart(f, a);
    }
    return ok;
}

/* ---- levels ------------------------------------------------------------------------------------------- */

/* Drafts, copies and host nodes as one graph of items: item d is draft d, item ndraft + r is node r. */
struct items {
    uint32_t ndraft, count;
    uint32_t *group;        /* NULL, or per draft: the draft that stands for its op of the user */
    CR_VEC(uint32_t) edge;  /* pairs from, to */
    uint32_t *waits, *first, *to, *level;
};

static bool is_item(const struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    if (!f->live[r] || cr_is_root(n)) return false;
    return n->op == CR_OP_COPY || (!on_device(n) && n->nsrc > 0);
}

/* The item that puts r into memory; -1 for leaves and what readers compute themselves. */
static int64_t provider(const struct fuser *f, const struct items *it, cr_ref r)
{
    if (is_item(f, r)) return (int64_t)it->ndraft + r;
    int d = maker(f, r);
    return in_memory(cr_at(f->g, r)) ? -1 : d;
}

static bool edge(struct items *it, int64_t from, uint32_t to)
{
    if (it->group && from >= 0 && from < it->ndraft) from = it->group[from];
    if (it->group && to < it->ndraft) to = it->group[to];
    if (from < 0 || from == to) return true;
    return cr_vec_push(&it->edge, (uint32_t)from) && cr_vec_push(&it->edge, to);
}

static bool find_edges(const struct fuser *f, struct items *it, const int32_t *writers)
{
    bool ok = true;
    for (uint32_t d = 0; ok && d < it->ndraft; d++) {
        const cr_phase *p = &f->draft.at[d].phase;
        for (uint32_t i = 0; ok && i < p->nload; i++) {
            ok = edge(it, provider(f, it, p->load[i]), d);
            int w = writers[p->load[i]]; /* the draft that overwrites a state in place, or -1 */
            if (ok && w >= 0 && w != (int)d) ok = edge(it, d, (uint32_t)w);
        }
    }
    for (cr_ref r = 1; ok && r < f->g->node.len; r++) {
        const cr_node *n = cr_at(f->g, r);
        if (!is_item(f, r)) continue;
        for (int i = 0; ok && i < n->nsrc; i++) {
            ok = edge(it, provider(f, it, n->src[i]), it->ndraft + r);
            int w = writers[n->src[i]];
            if (ok && w >= 0) ok = edge(it, it->ndraft + r, (uint32_t)w);
        }
    }
    return ok;
}

/* Longest path from the leaves (Kahn). Returns how many items were reached: fewer than there are when
 * writes in place make a cycle. */
static uint32_t walk(struct items *it, cr_arena *scratch)
{
    uint32_t n = it->count, done = 0, *queue = cr_arena_alloc(scratch, n * sizeof *queue);
    it->waits = cr_arena_alloc(scratch, n * sizeof *it->waits);
    it->first = cr_arena_alloc(scratch, (n + 2) * sizeof *it->first);
    it->to = cr_arena_alloc(scratch, (it->edge.len / 2 + 1) * sizeof *it->to);
    it->level = cr_arena_alloc(scratch, n * sizeof *it->level);
    if (!queue || !it->waits || !it->first || !it->to || !it->level) return UINT32_MAX;
    for (uint32_t e = 0; e < it->edge.len; e += 2) it->first[it->edge.at[e] + 2]++;
    for (uint32_t i = 0; i < n; i++) it->first[i + 1] += it->first[i];
    for (uint32_t e = 0; e < it->edge.len; e += 2) {
        it->to[it->first[it->edge.at[e] + 1]++] = it->edge.at[e + 1];
        it->waits[it->edge.at[e + 1]]++;
    }
    uint32_t tail = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!it->waits[i]) queue[tail++] = i;
    while (done < tail) {
        uint32_t i = queue[done++];
        for (uint32_t e = it->first[i]; e < it->first[i + 1]; e++) {
            uint32_t k = it->to[e];
            it->level[k] = CR_MAX(it->level[k], it->level[i] + 1);
            if (--it->waits[k] == 0) queue[tail++] = k;
        }
    }
    return done;
}

/* Takes one write in place out of a cycle: the first that an item of the cycle still waits for. */
static bool break_cycle(struct fuser *f, const struct items *it)
{
    for (uint32_t d = 0; d < it->ndraft; d++) {
        cr_phase *p = &f->draft.at[d].phase;
        if (!it->waits[d]) continue;
        for (uint32_t i = 0; i < p->nstore; i++) {
            cr_ref a = p->store[i].assign, v = p->store[i].value;
            if (!a || p->nload + p->nnode == 0 || (p->nnode == 0 && p->nload == 1)) continue;
            drop_store(p, a);
            if (!has_store(p, v, 0) && !add_store(f, d, v, 0)) return false;
            return commit_apart(f, a);
        }
    }
    CR_ASSERT(!"the phases of a plan wait for each other");
    return false;
}

/* Levels of all items; `reached` is it->count unless some wait for each other. False out of memory. */
static bool level_items(struct fuser *f, struct items *it, const int32_t *writers, uint32_t *reached)
{
    bool ok = find_edges(f, it, writers);
    *reached = ok ? walk(it, &f->cx->scratch) : UINT32_MAX;
    cr_vec_finish(&it->edge);
    return *reached != UINT32_MAX;
}

static void publish_levels(struct fuser *f, const struct items *it)
{
    for (uint32_t d = 0; d < f->draft.len; d++)
        f->draft.at[d].phase.level = it->level[it->group ? it->group[d] : d];
    for (cr_ref r = 1; r < f->g->node.len; r++)
        f->plan->level[r] = is_item(f, r) ? it->level[it->ndraft + r] + 1 : 0;
}

/* Not fused, an op of the user is one launch where it can be: its phases, which meet only each other,
 * get one level, and their order among themselves is their stage. */
static bool group_ops(struct fuser *f, const int32_t *writers)
{
    struct items it = {.ndraft = f->draft.len, .count = f->draft.len + f->g->node.len};
    uint32_t reached, *first = cr_arena_alloc(&f->cx->scratch, f->g->origins.len * sizeof *first);
    it.group = cr_arena_alloc(&f->cx->scratch, (f->draft.len + 1) * sizeof *it.group);
    if (!first || !it.group) return false;
    for (uint32_t d = 0; d < f->draft.len; d++) {
        uint32_t origin = f->draft.at[d].phase.origin;
        if (!first[origin]) first[origin] = d + 1;
        it.group[d] = origin ? first[origin] - 1 : d;
    }
    if (!level_items(f, &it, writers, &reached)) return false;
    if (reached == it.count) publish_levels(f, &it); /* else ops are interleaved: a launch a phase */
    return true;
}

static bool find_levels(struct fuser *f)
{
    uint32_t n = f->g->node.len, reached;
    int32_t *writers = cr_arena_alloc(&f->cx->scratch, n * sizeof *writers);
    f->plan->level = cr_arena_alloc(&f->plan->arena, n * sizeof *f->plan->level);
    if (!writers || !f->plan->level) return false;
    for (;;) {
        struct items it = {.ndraft = f->draft.len, .count = f->draft.len + n};
        memset(writers, 0xff, n * sizeof *writers);
        for (uint32_t d = 0; d < f->draft.len; d++)
            for (uint32_t i = 0; i < f->draft.at[d].phase.nstore; i++) {
                cr_ref a = f->draft.at[d].phase.store[i].assign;
                if (a) writers[cr_at(f->g, a)->src[0]] = (int32_t)d;
            }
        if (!level_items(f, &it, writers, &reached)) return false;
        if (reached < it.count) {
            if (!break_cycle(f, &it)) return false;
            continue;
        }
        publish_levels(f, &it);
        for (uint32_t d = 0; d < f->draft.len; d++) f->draft.at[d].phase.stage = f->draft.at[d].phase.level;
        return f->fused || group_ops(f, writers);
    }
}

/* ---- the ledger --------------------------------------------------------------------------------------- */

static cr_reason fused_reason(const struct fuser *f, cr_ref p, cr_ref c)
{
    const cr_node *producer = cr_at(f->g, p), *consumer = cr_at(f->g, c);
    if (is_free(producer) || is_free(consumer)) return CR_FUSED_FREE;
    if (!f->home[p]) return CR_FUSED_PROLOGUE;
    if (cr_kind_of(consumer) == CR_KIND_RED) return CR_FUSED_REDUCE;
    return CR_FUSED_EPILOGUE;
}

static cr_reason refused_reason(const struct fuser *f, cr_ref p, cr_ref c)
{
    const cr_node *consumer = cr_at(f->g, c);
    if (consumer->op == CR_OP_COPY || cr_at(f->g, p)->op == CR_OP_COPY) return CR_REFUSED_TRANSFER;
    if (consumer->op == CR_OP_OUTPUT || consumer->op == CR_OP_ASSIGN) return CR_REFUSED_ROOT;
    if (f->reason[c]) return (cr_reason)f->reason[c];
    if (!f->fused && f->g->origin.at[p] != f->g->origin.at[c]) return CR_REFUSED_VARIANT;
    if (consumer->op == CR_OP_matmul) return CR_REFUSED_CONTRACTION;
    if (cr_kind_of(consumer) == CR_KIND_RED) return CR_REFUSED_REDUCTION;
    if (cr_kind_of(consumer) == CR_KIND_MOV || consumer->op == CR_OP_gather) return CR_REFUSED_SHAPE;
    return f->uses[p] > 1 ? CR_REFUSED_SHARED : CR_REFUSED_CYCLE;
}

static bool stored_in_place(const struct fuser *f, cr_ref assign)
{
    int d = maker(f, cr_at(f->g, assign)->src[1]);
    return d >= 0 && has_store(&f->draft.at[d].phase, cr_at(f->g, assign)->src[1], assign);
}

static bool write_ledger(struct fuser *f)
{
    const cr_graph *g = f->g;
    for (cr_ref c = 1; c < g->node.len; c++) {
        const cr_node *n = cr_at(g, c);
        for (int i = 0; f->live[c] && i < n->nsrc; i++) {
            cr_ref p = n->src[i];
            const cr_node *producer = cr_at(g, p);
            if (producer->nsrc == 0 && !cr_is_root(n)) continue; /* leaves have nothing to fuse */
            if (n->op == CR_OP_ASSIGN && i == 0) continue;
            bool fused = !in_memory(producer) && on_device(producer) && n->op != CR_OP_COPY &&
                         (f->home[p] == 0 || f->home[p] == f->home[c]) && !cr_is_root(n) && on_device(n);
            cr_edge e = {p, c, CR_FUSED_UPDATE, 0};
            if (n->op == CR_OP_ASSIGN && on_device(n) && stored_in_place(f, c)) fused = true;
            else e.reason = fused ? fused_reason(f, p, c) : refused_reason(f, p, c);
            if (fused && e.reason != CR_FUSED_FREE) e.bytes_saved = 2 * cr_bytes_of(g, p);
            if (!cr_vec_push(&f->plan->edge, e)) return false;
        }
    }
    return true;
}

/* ---- driver -------------------------------------------------------------------------------------------- */

static bool alloc_arrays(struct fuser *f)
{
    cr_arena *a = &f->cx->scratch;
    uint32_t n = f->g->node.len;
    f->live = cr_live_nodes(f->g, a);
    f->uses = cr_use_counts(f->g, a);
    f->lone = cr_arena_alloc(a, n * sizeof *f->lone);
    f->home = cr_arena_alloc(a, n * sizeof *f->home);
    f->class = cr_arena_alloc(a, n * sizeof *f->class);
    f->level = cr_arena_alloc(a, n * sizeof *f->level);
    f->weight = cr_arena_alloc(a, n * sizeof *f->weight);
    f->reason = cr_arena_alloc(a, n * sizeof *f->reason);
    f->kept = cr_arena_alloc(a, n * sizeof *f->kept);
    f->store_only = cr_arena_alloc(a, n * sizeof *f->store_only);
    return f->live && f->uses && f->lone && f->home && f->class && f->level && f->weight && f->reason &&
           f->kept && f->store_only;
}

static void find_lone(struct fuser *f)
{
    const cr_graph *g = f->g;
    for (cr_ref r = 1; r < g->node.len; r++) f->lone[r] = true;
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        for (int i = 0; f->live[r] && i < n->nsrc; i++)
            if (cr_is_root(n) || n->op == CR_OP_COPY || g->origin.at[n->src[i]] != g->origin.at[r])
                f->lone[n->src[i]] = false;
    }
}

static bool find_stores(struct fuser *f)
{
    struct users u;
    if (!find_users(f, &u)) return false;
    sink(f, &u);
    for (cr_ref r = 1; r < f->g->node.len; r++) {
        bool to_buffer = false; /* read from a buffer, and not only assigned to a state in place */
        for (uint32_t i = u.first[r]; i < u.first[r + 1]; i++) {
            cr_ref c = u.user[i];
            if (cr_at(f->g, c)->op == CR_OP_ASSIGN) continue;
            to_buffer |= f->home[r] ? f->home[c] != f->home[r]
                                    : cr_is_root(cr_at(f->g, c)) || cr_at(f->g, c)->op == CR_OP_COPY;
        }
        if (f->home[r] ? to_buffer : f->store_only[r] && to_buffer)
            if (!add_store(f, (uint32_t)maker(f, r), r, 0)) return false;
    }
    return true;
}

static bool is_empty(const cr_phase *p) { return p->nstore == 0; }

static bool build(struct fuser *f)
{
    uint32_t *mark = cr_arena_alloc(&f->cx->scratch, f->g->node.len * sizeof *mark);
    if (!alloc_arrays(f) || !mark) return false;
    find_lone(f);
    for (cr_ref r = 1; r < f->g->node.len && !f->failed; r++)
        if (f->live[r]) visit(f, r);
    if (f->failed || !find_stores(f)) return false;
    /* Lists first without the stores of assigns: what is read decides where a state may be written. */
    for (uint32_t d = 0; d < f->draft.len; d++) {
        struct draft *p = &f->draft.at[d];
        if (p->own.len == 0 && p->phase.nstore == 0) { /* stores a virtual value into a state only */
            for (cr_ref r = 1; r < f->g->node.len; r++)
                if (f->store_only[r] == d + 1 && !add_store(f, d, r, 0)) return false;
            p->stand_in = true;
        }
        if (!collect(f, d, mark)) return false;
        if (p->stand_in) p->phase.nstore = 0;
    }
    return place_assigns(f) && find_levels(f);
}

static bool publish(struct fuser *f)
{
    cr_plan *plan = f->plan;
    plan->home = cr_arena_alloc(&plan->arena, f->g->node.len * sizeof *plan->home);
    if (!plan->home || !write_ledger(f)) return false;
    for (uint32_t d = 0; d < f->draft.len; d++) {
        if (is_empty(&f->draft.at[d].phase)) continue; /* all it computed was sunk into its readers */
        if (!cr_vec_push(&plan->phase, f->draft.at[d].phase)) return false;
        for (uint32_t i = 0; i < f->draft.at[d].phase.nstore; i++)
            plan->home[f->draft.at[d].phase.store[i].value] = plan->phase.len;
    }
    return true;
}

cr_status cr_pass_fuse(cr_pass_context *cx)
{
    cr_plan *plan = cr_alloc(sizeof *plan);
    if (!plan) return CR_E_MEMORY;
    cx->plan = plan;
    plan->graph = cx->graph;
    plan->target = cx->target;
    plan->options = cx->options;
    struct fuser f = {.cx = cx, .g = cx->graph, .plan = plan, .fused = cx->options.variant == CR_VARIANT_FUSED};
    bool ok = build(&f) && publish(&f);
    for (uint32_t d = 0; d < f.draft.len; d++) cr_vec_finish(&f.draft.at[d].own);
    cr_vec_finish(&f.draft);
    cx->changes = plan->phase.len;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "fuse: out of memory");
}
