/* fuse.c - cover the graph by phases.
 * requires: a placed, literal graph
 * provides: plan->phase (domains, nodes, stores, loads, levels), plan->home and copy_of, the ledger
 * breaks:   that a root reaches every node: copies of small states are added (early.c)
 *
 * Nodes are visited once, sources first. A contraction or a reduction starts a phase; an
 * elementwise node joins the phase of its latest source when it visits the same elements and all
 * its other operands are ready before that phase starts; a node whose operands are all in memory
 * stays *virtual*: it is computed where it is used, in every phase that uses it, unless that costs
 * more than a trip through memory. What a phase computes and nobody else reads never leaves its
 * registers.
 *
 * Levels keep the phases acyclic without a search: a phase is above every phase it reads, and a
 * node joins a phase only if its other operands come from below it. */
#include "elementary.h"
#include "fuser.h"

enum {
    PHASE_CAP = 64,     /* own nodes of a phase: what drivers compile in good time */
    VIRTUAL_CAP = 32,   /* ops of an expression that is computed again where it is used */
    DEPTH_CAP = 8,      /* index maps through which a value is read: each may double the index */
    SHARED_WEIGHT = 12, /* above it, a value with several uses is stored rather than recomputed */
    OPERAND_WEIGHT = 6, /* the same for an operand of a contraction, which is read many times */
    SINK_WEIGHT = 6,    /* up to it, a value is recomputed by its readers rather than stored */
    RANDOM_COST = 8,    /* so little that the mask of a dropout is drawn again where it is needed */
    REPEATED = 4, /* from so many readings of an element on, what it is computed from is stored */
    ROW_LIMIT = 4096 /* elements that one work-item may visit in serial row loops */
};

/* ---- properties of nodes -------------------------------------------------------------------- */

void cr_op_costs(uint32_t cost[CR_OP_COUNT])
{
    for (int op = 0; op < CR_OP_COUNT; op++) {
        const cr_node n = {.op = (uint8_t)op};
        cost[op] = cr_kind_of(&n) == CR_KIND_EW ? cr_elementary_cost(cr_ops[op].expr)
                   : op == CR_OP_random         ? RANDOM_COST
                                                : !is_free(&n);
    }
}

static uint32_t virtual_weight(const struct fuser *f, const cr_node *n)
{
    uint32_t w = f->cost[n->op];
    for (int i = 0; i < n->nsrc; i++)
        if (!f->home[n->src[i]])
            w += f->weight[n->src[i]];
    return CR_MIN(w, 60000u);
}

static bool is_index_map(const cr_node *n)
{
    return cr_kind_of(n) == CR_KIND_MOV || n->op == CR_OP_gather;
}

static uint32_t virtual_depth(const struct fuser *f, const cr_node *n)
{
    uint32_t depth = 0;
    for (int i = 0; i < n->nsrc; i++)
        if (!f->home[n->src[i]])
            depth = CR_MAX(depth, f->depth[n->src[i]]);
    return depth + is_index_map(n);
}

static uint32_t sources_level(const struct fuser *f, const cr_node *n)
{
    uint32_t level = 0;
    for (int i = 0; i < n->nsrc; i++)
        level = CR_MAX(level, f->level[n->src[i]]);
    return level;
}

static int64_t masked_count(const cr_shape *s, uint32_t mask)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        if (mask >> i & 1)
            n *= s->dim[i];
    return n;
}

/* ---- starting and joining phases ------------------------------------------------------------ */

static void own(struct fuser *f, uint32_t d, cr_ref r, int class)
{
    struct draft *p = &f->draft.at[d];
    f->home[r] = d + 1;
    f->class[r] = (uint8_t) class;
    f->level[r] = p->phase.level;
    p->cap += 1;
    if (!cr_vec_push(&p->own, r))
        f->failed = true;
    const cr_node *n = cr_at(f->g, r);
    for (int i = 0; i < n->nsrc; i++)
        if (!f->home[n->src[i]])
            p->cap += f->weight[n->src[i]] ? 1 : 0;
}

static void start(struct fuser *f, cr_ref r, cr_family family, const cr_shape *domain,
                  uint32_t parallel, int class)
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
        if (h && (best < 0 || f->draft.at[h - 1].phase.level > f->draft.at[best].phase.level))
            best = (int)h - 1;
    }
    return best;
}

/* Elementwise work over the whole rows of a reduction is serial in each work-item: only short rows.
 */
static bool rows_too_long(const cr_phase *p)
{
    uint32_t rows = ~p->parallel & ((1u << p->domain.rank) - 1);
    return p->family == CR_FAMILY_NEST && masked_count(&p->domain, rows) > ROW_LIMIT;
}

/* Puts a draft that nothing has been put above yet at a higher level. */
static bool raise(struct fuser *f, struct draft *p, uint32_t level)
{
    if (p->read)
        return false;
    p->phase.level = level;
    for (uint32_t i = 0; i < p->own.len; i++)
        f->level[p->own.at[i]] = level;
    return true;
}

/* May r, whose sources have class `class` in draft d, join it? Says why not. */
static bool may_join(struct fuser *f, cr_ref r, int d, int *class)
{
    const cr_node *n = cr_at(f->g, r);
    struct draft *p = &f->draft.at[d];
    if (!f->fused && !same_op(f->g->origin.at[r], p->phase.origin)) {
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
        }
    }
    for (int i = 0; i < n->nsrc;
         i++) { /* a guard of an update, say: computed beside the gradient */
        cr_ref s = n->src[i];
        if (f->home[s] == (uint32_t)d + 1 || f->level[s] < p->phase.level)
            continue;
        if (!raise(f, p, f->level[s] + 1)) {
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

/* ---- one node of each kind ------------------------------------------------------------------ */

/* What computing r where it is used takes, from what its sources take. */
static void weigh(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    f->weight[r] = (uint16_t)virtual_weight(f, n);
    f->level[r] = sources_level(f, n);
    f->depth[r] = (uint8_t)virtual_depth(f, n);
}

static void visit_virtual(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    weigh(f, r);
    if (f->depth[r] > DEPTH_CAP) {
        start_map(f, r);
        return;
    }
    if (is_scalar_source(n) || n->op == CR_OP_reshape || n->op == CR_OP_expand)
        return;
    if (!f->fused && !f->lone[r]) {
        start_map(f, r);
    } else if (f->weight[r] > VIRTUAL_CAP || (f->uses[r] > 1 && f->weight[r] >= SHARED_WEIGHT)) {
        start_map(f, r);
    }
}

/* Windows that overlap read each element several times: what has to be computed for it, or guarded
 * (a pad), is stored first. What is on the way to it costs nothing. */
static void visit_window(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    cr_ref s = n->src[0], way[DEPTH_CAP + 1];
    uint32_t steps = 0;
    while (!f->home[s] && cr_at(f->g, s)->op == CR_OP_reshape && steps < DEPTH_CAP) {
        way[steps++] = s;
        s = cr_at(f->g, s)->src[0];
    }
    bool again = cr_count_of(f->g, r) > cr_count_of(f->g, n->src[0]);
    if (f->fused && again && !f->home[s] && !in_memory(cr_at(f->g, s)) && f->weight[s] > 0) {
        start_map(f, s);
        while (steps-- > 0)
            weigh(f, way[steps]);
    }
    visit_virtual(f, r);
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

/* A row's value spread over the row again stays in the phase of the row. What is heavy is not
 * computed again for each element that it is spread over, be there one expand only. */
static void visit_expand(struct fuser *f, cr_ref r)
{
    cr_ref s = cr_at(f->g, r)->src[0];
    int class;
    if (f->fused && !f->home[s] && f->weight[s] >= OPERAND_WEIGHT &&
        cr_count_of(f->g, r) >= REPEATED * cr_count_of(f->g, s) && cr_count_of(f->g, s) > 1)
        start_map(f, s);
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

/* A reduction of the same value over the same axes, the largest element beside its place, say, is
 * made in one sweep with the first. */
static bool join_sibling(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    cr_ref s = f->sibling[n->src[0]];
    f->sibling[n->src[0]] = s ? s : r;
    if (!s || !f->fused || cr_at(f->g, s)->attr != n->attr || !f->home[s])
        return false;
    struct draft *p = draft_of(f, s);
    if (p->own.at[0] != s || p->cap >= PHASE_CAP || f->level[n->src[0]] >= p->phase.level)
        return false;
    own(f, f->home[s] - 1, r, ROW);
    return true;
}

static void visit_reduction(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    cr_ref s = n->src[0];
    const cr_shape *domain = cr_shape_of(f->g, s);
    uint32_t axes = (uint32_t)cr_attr_of(f->g, r)->at[0], all = (1u << domain->rank) - 1;
    int class;
    if (join_sibling(f, r))
        return;
    if (f->home[s] && f->class[s] == FULL) {
        const cr_phase *p = &draft_of(f, s)->phase;
        uint32_t rows = ~p->parallel & all;
        if (p->family == CR_FAMILY_NEST && rows == axes && cr_shape_equal(domain, &p->domain) &&
            may_join(f, r, (int)f->home[s] - 1, &class)) {
            own(f, f->home[s] - 1, r, ROW);
            return;
        }
        if (!f->reason[r])
            f->reason[r] = CR_REFUSED_REDUCTION;
    }
    start(f, r, CR_FAMILY_NEST, domain, all & ~axes, ROW);
}

static void visit_contraction(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    for (int i = 0; i < 2; i++) {
        cr_ref s = n->src[i];
        if (f->home[s] || f->weight[s] <= OPERAND_WEIGHT)
            continue;
        while (is_free(cr_at(f->g, s)) && cr_at(f->g, s)->nsrc)
            s = cr_at(f->g, s)->src[0];
        if (!f->home[s] && !in_memory(cr_at(f->g, s)))
            start_map(f, s); /* before what reads it */
    }
    const cr_shape domain = *cr_shape_of(f->g, r);
    start(f, r, CR_FAMILY_CONTRACT, &domain, (1u << domain.rank) - 1, FULL);
}

/* A root or a copy reads its value from memory. What is virtual gets a phase that only stores it,
 * so that other users go on computing it in place; what is heavy gets a home. */
static void visit_reader(struct fuser *f, cr_ref r, cr_ref v)
{
    const cr_node *n = cr_at(f->g, r), *value = cr_at(f->g, v);
    f->level[r] = f->level[v] + 1;
    if (!on_device(value) || (n->op == CR_OP_ASSIGN && !on_device(n)))
        return;
    bool stored = f->home[v] || in_memory(value);
    if (!stored && f->weight[v] > SINK_WEIGHT) {
        start_map(f, v);
        stored = true;
    }
    f->kept[v] = true;
    if (stored)
        return;
    struct draft d = {.phase = {.domain = *cr_shape_of(f->g, v), .origin = f->g->origin.at[v]}};
    d.phase.parallel = (1u << d.phase.domain.rank) - 1;
    d.phase.level = f->level[v] + 1;
    d.only = v;
    if (f->store_only[v])
        return;
    f->store_only[v] = f->draft.len + 1;
    if (!cr_vec_push(&f->draft, d))
        f->failed = true;
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
    if (in_memory(n))
        return;
    switch (cr_kind_of(n)) {
    case CR_KIND_EW: visit_elementwise(f, r); break;
    case CR_KIND_RED: visit_reduction(f, r); break;
    default:
        if (n->op == CR_OP_reshape)
            visit_reshape(f, r);
        else if (n->op == CR_OP_expand)
            visit_expand(f, r);
        else if (n->op == CR_OP_matmul)
            visit_contraction(f, r);
        else if (n->op == CR_OP_window)
            visit_window(f, r);
        else if (n->op == CR_OP_cast)
            visit_elementwise(f, r);
        else
            visit_virtual(f, r);
        break;
    }
}

/* From now on the drafts that r reads, other than its own, stay at their level. */
static void note_reads(struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    if (cr_is_root(n))
        return;
    for (int i = 0; i < n->nsrc; i++)
        if (f->home[n->src[i]] && f->home[n->src[i]] != f->home[r])
            draft_of(f, n->src[i])->read = true;
}

/* ---- what is stored ------------------------------------------------------------------------- */

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
    if (!u->first)
        return false;
    for (cr_ref r = 1; r < n; r++)
        total += f->uses[r];
    u->user = cr_arena_alloc(&f->cx->scratch, (total + 1) * sizeof *u->user);
    if (!u->user)
        return false;
    for (cr_ref r = 1; r < n; r++)
        u->first[r + 1] = u->first[r] + f->uses[r];
    uint32_t *next = cr_arena_alloc(&f->cx->scratch, (n + 1) * sizeof *next);
    if (!next)
        return false;
    memcpy(next, u->first, n * sizeof *next);
    for (cr_ref r = 1; r < n; r++)
        for (int i = 0; f->live[r] && i < cr_at(g, r)->nsrc; i++)
            u->user[next[cr_at(g, r)->src[i]]++] = r;
    return true;
}

static bool read_inside(const struct fuser *f, const struct users *u, cr_ref r)
{
    for (uint32_t i = u->first[r]; i < u->first[r + 1]; i++)
        if (f->home[u->user[i]] == f->home[r])
            return true;
    return false;
}

/* Can r be computed by its readers from what its phase stores anyway? */
static bool sinkable(const struct fuser *f, const struct users *u, cr_ref r, uint32_t *weight)
{
    const cr_node *n = cr_at(f->g, r);
    if (n->op == CR_OP_expand)
        return true; /* its source takes less memory than it does */
    if (cr_kind_of(n) != CR_KIND_EW && n->op != CR_OP_reshape && n->op != CR_OP_cast)
        return false;
    *weight += f->cost[n->op];
    if (*weight > SINK_WEIGHT)
        return false;
    for (int i = 0; i < n->nsrc; i++) {
        cr_ref s = n->src[i];
        if (!f->home[s]) {
            *weight += f->weight[s];
            if (*weight > SINK_WEIGHT)
                return false;
        } else if (f->home[s] != f->home[r] || f->kept[s]) {
            continue;
        } else {
            bool only_r = true; /* stored for others than r? */
            for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++)
                only_r &= u->user[k] == r || f->home[u->user[k]] == f->home[s];
            if (only_r && !sinkable(f, u, s, weight))
                return false;
        }
    }
    return true;
}

/* A cheap value at the end of a phase that only other phases read is computed there instead of
 * being stored here: h * (1 - h), say, when h is stored, or a row's sum spread over the row.
 * Visited from the last node to the first. */
static void sink_kind(struct fuser *f, const struct users *u, bool reshapes)
{
    for (cr_ref r = f->g->node.len - 1; r > 0 && f->fused; r--) {
        uint32_t weight = 0;
        if (reshapes != (cr_at(f->g, r)->op == CR_OP_reshape))
            continue;
        if (!f->home[r] || f->kept[r] || f->uses[r] == 0)
            continue;
        const struct draft *p = draft_of(f, r);
        if (p->phase.anchor == r || p->own.at[0] == r)
            continue;
        if (read_inside(f, u, r) || (!reshapes && !sinkable(f, u, r, &weight)))
            continue;
        f->home[r] = 0;
        f->weight[r] = (uint16_t)weight;
    }
}

/* Reshapes first: what they are of is then stored in their place, and what is computed of that may
 * sink, too. */
static void sink(struct fuser *f, const struct users *u)
{
    sink_kind(f, u, true);
    sink_kind(f, u, false);
}

/* ---- driver --------------------------------------------------------------------------------- */

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
    f->depth = cr_arena_alloc(a, n * sizeof *f->depth);
    f->reason = cr_arena_alloc(a, n * sizeof *f->reason);
    f->kept = cr_arena_alloc(a, n * sizeof *f->kept);
    f->store_only = cr_arena_alloc(a, n * sizeof *f->store_only);
    f->sibling = cr_arena_alloc(a, n * sizeof *f->sibling);
    return f->live && f->uses && f->lone && f->home && f->class && f->level && f->weight &&
           f->depth && f->reason && f->kept && f->store_only && f->sibling;
}

static void find_lone(struct fuser *f)
{
    const cr_graph *g = f->g;
    for (cr_ref r = 1; r < g->node.len; r++)
        f->lone[r] = true;
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        for (int i = 0; f->live[r] && i < n->nsrc; i++)
            if (cr_is_root(n) || n->op == CR_OP_COPY ||
                !same_op(g->origin.at[n->src[i]], g->origin.at[r]))
                f->lone[n->src[i]] = false;
    }
}

static bool find_stores(struct fuser *f)
{
    struct users u;
    if (!find_users(f, &u))
        return false;
    sink(f, &u);
    for (cr_ref r = 1; r < f->g->node.len; r++) {
        bool to_buffer = false; /* read from a buffer, and not only assigned to a state in place */
        for (uint32_t i = u.first[r]; i < u.first[r + 1]; i++) {
            cr_ref c = u.user[i];
            if (cr_at(f->g, c)->op == CR_OP_ASSIGN)
                continue;
            to_buffer |= f->home[r]
                             ? f->home[c] != f->home[r]
                             : cr_is_root(cr_at(f->g, c)) || cr_at(f->g, c)->op == CR_OP_COPY;
        }
        if (f->home[r] ? to_buffer : f->store_only[r] && to_buffer)
            if (!cr_draft_add_store(f, (uint32_t)cr_draft_maker(f, r), r, 0))
                return false;
    }
    return true;
}

static bool is_empty(const cr_phase *p)
{
    return p->nstore == 0;
}

static bool build(struct fuser *f)
{
    if (!cr_reserve_copies(f))
        return false;
    uint32_t *mark = cr_arena_alloc(&f->cx->scratch, f->g->node.len * sizeof *mark);
    if (!alloc_arrays(f) || !mark)
        return false;
    find_lone(f);
    cr_op_costs(f->cost);
    for (cr_ref r = 1; r < f->g->node.len && !f->failed; r++) {
        if (!f->live[r])
            continue;
        visit(f, r);
        note_reads(f, r);
    }
    if (f->failed || !find_stores(f))
        return false;
    /* Lists first without the stores of assigns: what is read decides where a state may be written.
     */
    for (uint32_t d = 0; d < f->draft.len; d++) {
        struct draft *p = &f->draft.at[d];
        if (p->own.len == 0 &&
            p->phase.nstore == 0) { /* stores a virtual value into a state only */
            if (!cr_draft_add_store(f, d, p->only, 0))
                return false;
            p->stand_in = true;
        }
        if (!cr_draft_collect(f, d, mark))
            return false;
        if (p->stand_in)
            p->phase.nstore = 0;
    }
    return cr_place_assigns(f) && cr_find_levels(f);
}

static bool publish(struct fuser *f)
{
    cr_plan *plan = f->plan;
    plan->home = cr_arena_alloc(&plan->arena, f->g->node.len * sizeof *plan->home);
    if (!plan->home || !cr_write_ledger(f))
        return false;
    for (uint32_t d = 0; d < f->draft.len; d++) {
        if (is_empty(&f->draft.at[d].phase))
            continue; /* all it computed was sunk into its readers */
        if (!cr_vec_push(&plan->phase, f->draft.at[d].phase))
            return false;
        for (uint32_t i = 0; i < f->draft.at[d].phase.nstore; i++)
            plan->home[f->draft.at[d].phase.store[i].value] = plan->phase.len;
    }
    return true;
}

cr_status cr_pass_fuse(cr_pass_context *cx)
{
    cr_plan *plan = cr_alloc(sizeof *plan);
    if (!plan)
        return CR_E_MEMORY;
    cx->plan = plan;
    plan->graph = cx->graph;
    plan->target = cx->target;
    plan->options = cx->options;
    struct fuser f = {
        .cx = cx, .g = cx->graph, .plan = plan, .fused = cx->options.variant == CR_VARIANT_FUSED};
    bool ok = build(&f) && publish(&f);
    for (uint32_t d = 0; d < f.draft.len; d++)
        cr_vec_finish(&f.draft.at[d].own);
    cr_vec_finish(&f.draft);
    cx->changes = plan->phase.len;
    return ok ? CR_OK : cr_fail(CR_E_MEMORY, "fuse: out of memory");
}
