/* levels.c - the lists of each phase, where assigns are written, and the order that follows.
 *
 * All reads of a state in a step see its value before the step. A next value is written where it is
 * made when its phase reads the state nowhere else and every other reader can go first; else a
 * phase of its own commits it afterwards. */
#include "fuser.h"

/* ---- lists of a phase ----------------------------------------------------------------------- */

/* Is r computed inside phases (its own or its readers'), rather than read from memory? */
static bool computed_in(const struct fuser *f, cr_ref r, uint32_t draft)
{
    const cr_node *n = cr_at(f->g, r);
    if (in_memory(n))
        return false;
    return f->home[r] == draft + 1 || f->home[r] == 0;
}

/* A gather from a table of one row takes that row, whatever the index, which is not even read. */
static bool is_one_row(const struct fuser *f, const cr_node *n)
{
    return n->op == CR_OP_gather && cr_shape_of(f->g, n->src[0])->dim[0] == 1;
}

static int by_ref(const void *a, const void *b)
{
    cr_ref x = *(const cr_ref *)a, y = *(const cr_ref *)b;
    return (x > y) - (x < y);
}

/* All nodes that the draft computes, from what it owns and stores down to what it loads. */
bool cr_draft_collect(struct fuser *f, uint32_t d, uint32_t *mark)
{
    struct draft *p = &f->draft.at[d];
    CR_VEC(cr_ref) stack = {0}, node = {0}, load = {0};
    bool ok = true;
    for (uint32_t i = 0; i < p->own.len; i++)
        if (f->home[p->own.at[i]] == d + 1)
            ok &= cr_vec_push(&stack, p->own.at[i]);
    for (uint32_t i = 0; i < p->phase.nstore; i++)
        ok &= cr_vec_push(&stack, p->phase.store[i].value);
    while (ok && stack.len) {
        cr_ref r = stack.at[--stack.len];
        if (mark[r] == d + 1)
            continue;
        mark[r] = d + 1;
        if (!computed_in(f, r, d)) {
            ok &= cr_vec_push(&load, r);
            continue;
        }
        ok &= cr_vec_push(&node, r);
        const cr_node *n = cr_at(f->g, r);
        for (int i = 0; i < n->nsrc; i++)
            if (i != 1 || !is_one_row(f, n))
                ok &= cr_vec_push(&stack, n->src[i]);
    }
    cr_ref *list =
        ok ? cr_arena_alloc(&f->plan->arena, (node.len + load.len + 1) * sizeof *list) : NULL;
    if (list) {
        if (node.len)
            qsort(node.at, node.len, sizeof *node.at, by_ref);
        if (load.len)
            qsort(load.at, load.len, sizeof *load.at, by_ref);
        if (node.len)
            memcpy(list, node.at, node.len * sizeof *list);
        if (load.len)
            memcpy(list + node.len, load.at, load.len * sizeof *list);
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

bool cr_draft_add_store(struct fuser *f, uint32_t d, cr_ref value, cr_ref assign)
{
    cr_phase *p = &f->draft.at[d].phase;
    cr_plan_store *list = cr_arena_alloc(&f->plan->arena, (p->nstore + 1) * sizeof *list);
    if (!list)
        return false;
    if (p->nstore)
        memcpy(list, p->store, p->nstore * sizeof *list);
    list[p->nstore++] = (cr_plan_store){value, assign};
    p->store = list;
    return true;
}

/* ---- assigns -------------------------------------------------------------------------------- */

/* Does the phase read the state at other places than where it would write it? What reaches the
 * state through anything but elementwise ops and reshapes (an index map, a loop) does. */
static bool reads_elsewhere(const struct fuser *f, const cr_phase *p, cr_ref state, bool *tainted)
{
    bool unsafe = false;
    tainted[state] = true;
    for (uint32_t i = 0; i < p->nnode; i++) {
        cr_ref r = p->node[i];
        const cr_node *n = cr_at(f->g, r);
        for (int k = 0; k < n->nsrc; k++)
            tainted[r] |= tainted[n->src[k]];
        bool same_place =
            cr_kind_of(n) == CR_KIND_EW || n->op == CR_OP_reshape || n->op == CR_OP_cast;
        unsafe |= tainted[r] && !same_place;
    }
    for (uint32_t i = 0; i < p->nnode; i++)
        tainted[p->node[i]] = false;
    tainted[state] = false;
    return unsafe;
}

bool cr_draft_move(struct fuser *f, cr_ref from, cr_ref value, cr_ref assign)
{
    struct draft d = {
        .phase = {.domain = *cr_shape_of(f->g, value), .origin = f->g->origin.at[value]}};
    d.phase.parallel = (1u << d.phase.domain.rank) - 1;
    cr_ref *list = cr_arena_alloc(&f->plan->arena, 2 * sizeof *list);
    if (!list)
        return false;
    list[0] = from;
    list[1] = value;
    d.phase.load = list;
    d.phase.nload = 1;
    d.phase.node = list + 1;
    d.phase.nnode = value != from;
    return cr_vec_push(&f->draft, d) && cr_draft_add_store(f, f->draft.len - 1, value, assign);
}

/* A phase of its own that copies a stored value into the state, when writing it where it is made
 * would overwrite what others still read. */
static bool commit_apart(struct fuser *f, cr_ref assign)
{
    const cr_ref v = cr_at(f->g, assign)->src[1];
    return cr_draft_move(f, v, v, assign);
}

int cr_draft_maker(const struct fuser *f, cr_ref v)
{
    if (f->home[v])
        return (int)f->home[v] - 1;
    return (int)f->store_only[v] - 1;
}

bool cr_draft_has_store(const cr_phase *p, cr_ref value, cr_ref assign)
{
    for (uint32_t i = 0; i < p->nstore; i++)
        if (p->store[i].value == value && p->store[i].assign == assign)
            return true;
    return false;
}

static void drop_store(cr_phase *p, cr_ref assign)
{
    cr_plan_store *list = (cr_plan_store *)p->store;
    for (uint32_t i = 0; i < p->nstore; i++)
        if (list[i].assign == assign)
            list[i] = list[--p->nstore];
}

bool cr_place_assigns(struct fuser *f)
{
    bool *tainted = cr_arena_alloc(&f->cx->scratch, f->g->node.len * sizeof *tainted),
         ok = tainted != NULL;
    for (uint32_t i = 0; ok && i < f->g->root.len; i++) {
        cr_ref a = f->g->root.at[i];
        const cr_node *n = cr_at(f->g, a);
        if (n->op != CR_OP_ASSIGN || !on_device(n) || n->src[0] == n->src[1])
            continue; /* it keeps its value */
        int d = cr_draft_maker(f, n->src[1]);
        if (d >= 0 && !reads_elsewhere(f, &f->draft.at[d].phase, n->src[0], tainted)) {
            ok = cr_draft_add_store(f, (uint32_t)d, n->src[1], a);
            continue;
        }
        if (d >= 0 && !cr_draft_has_store(&f->draft.at[d].phase, n->src[1], 0))
            ok = cr_draft_add_store(f, (uint32_t)d, n->src[1], 0);
        ok = ok && commit_apart(f, a);
    }
    return ok;
}

/* ---- levels --------------------------------------------------------------------------------- */

/* Drafts, copies and host nodes as one graph of items: item d is draft d, item ndraft + r is node
 * r. */
struct items {
    uint32_t ndraft, count;
    uint32_t *group;       /* NULL, or per draft: the draft that stands for its op of the user */
    CR_VEC(uint32_t) edge; /* pairs from, to */
    uint32_t *waits, *first, *to, *level;
};

static bool is_item(const struct fuser *f, cr_ref r)
{
    const cr_node *n = cr_at(f->g, r);
    if (!f->live[r] || cr_is_root(n))
        return false;
    return n->op == CR_OP_COPY || (!on_device(n) && n->nsrc > 0);
}

/* The item that puts r into memory; -1 for leaves and what readers compute themselves. */
static int64_t provider(const struct fuser *f, const struct items *it, cr_ref r)
{
    if (is_item(f, r))
        return (int64_t)it->ndraft + r;
    int d = cr_draft_maker(f, r);
    return in_memory(cr_at(f->g, r)) ? -1 : d;
}

static bool edge(struct items *it, int64_t from, uint32_t to)
{
    if (it->group && from >= 0 && from < it->ndraft)
        from = it->group[from];
    if (it->group && to < it->ndraft)
        to = it->group[to];
    if (from < 0 || from == to)
        return true;
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
            if (ok && w >= 0 && w != (int)d)
                ok = edge(it, d, (uint32_t)w);
        }
    }
    for (cr_ref r = 1; ok && r < f->g->node.len; r++) {
        const cr_node *n = cr_at(f->g, r);
        if (!is_item(f, r))
            continue;
        for (int i = 0; ok && i < n->nsrc; i++) {
            ok = edge(it, provider(f, it, n->src[i]), it->ndraft + r);
            int w = writers[n->src[i]];
            if (ok && w >= 0)
                ok = edge(it, it->ndraft + r, (uint32_t)w);
        }
    }
    return ok;
}

/* Longest path from the leaves (Kahn). Returns how many items were reached: fewer than there are
 * when writes in place make a cycle. */
static uint32_t walk(struct items *it, cr_arena *scratch)
{
    uint32_t n = it->count, done = 0, *queue = cr_arena_alloc(scratch, n * sizeof *queue);
    it->waits = cr_arena_alloc(scratch, n * sizeof *it->waits);
    it->first = cr_arena_alloc(scratch, (n + 2) * sizeof *it->first);
    it->to = cr_arena_alloc(scratch, (it->edge.len / 2 + 1) * sizeof *it->to);
    it->level = cr_arena_alloc(scratch, n * sizeof *it->level);
    if (!queue || !it->waits || !it->first || !it->to || !it->level)
        return UINT32_MAX;
    for (uint32_t e = 0; e < it->edge.len; e += 2)
        it->first[it->edge.at[e] + 2]++;
    for (uint32_t i = 0; i < n; i++)
        it->first[i + 1] += it->first[i];
    for (uint32_t e = 0; e < it->edge.len; e += 2) {
        it->to[it->first[it->edge.at[e] + 1]++] = it->edge.at[e + 1];
        it->waits[it->edge.at[e + 1]]++;
    }
    uint32_t tail = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!it->waits[i])
            queue[tail++] = i;
    while (done < tail) {
        uint32_t i = queue[done++];
        for (uint32_t e = it->first[i]; e < it->first[i + 1]; e++) {
            uint32_t k = it->to[e];
            it->level[k] = CR_MAX(it->level[k], it->level[i] + 1);
            if (--it->waits[k] == 0)
                queue[tail++] = k;
        }
    }
    return done;
}

/* Takes a write in place out of draft d; false when it has none. */
static bool take_out(struct fuser *f, uint32_t d, bool *ok)
{
    cr_phase *p = &f->draft.at[d].phase;
    if (p->nnode == 0 && p->nload <= 1)
        return false; /* is apart already */
    for (uint32_t i = 0; i < p->nstore; i++) {
        cr_ref a = p->store[i].assign, v = p->store[i].value;
        if (!a)
            continue;
        drop_store(p, a);
        if (!cr_draft_has_store(p, v, 0))
            *ok = cr_draft_add_store(f, d, v, 0);
        *ok = *ok && commit_apart(f, a);
        return true;
    }
    return false;
}

/* Does item i wait for itself? Stamps what waits for it, through any number of others. */
static bool on_cycle(const struct items *it, uint32_t i, uint32_t *stamp, uint32_t *stack)
{
    uint32_t n = 0;
    bool found = false;
    for (stack[n++] = i; n > 0;) {
        uint32_t x = stack[--n];
        for (uint32_t e = it->first[x]; e < it->first[x + 1]; e++) {
            found |= it->to[e] == i;
            if (stamp[it->to[e]] == i + 1)
                continue;
            stamp[it->to[e]] = i + 1;
            stack[n++] = it->to[e];
        }
    }
    return found;
}

/* The items that were not reached lie on cycles or behind them. Takes one write in place out of
 * each knot of cycles: what comes behind may go on in the next walk. */
static bool break_cycles(struct fuser *f, const struct items *it)
{
    uint32_t *stamp = cr_arena_alloc(&f->cx->scratch, it->count * sizeof *stamp);
    uint32_t *stack = cr_arena_alloc(&f->cx->scratch, (it->count + 1) * sizeof *stack);
    bool *broken = cr_arena_alloc(&f->cx->scratch, (it->count + 1) * sizeof *broken), any = false,
         ok = true;
    if (!stamp || !stack || !broken)
        return false;
    for (uint32_t d = 0; ok && d < it->ndraft; d++) {
        if (!it->waits[d] || broken[stamp[d]] || !on_cycle(it, d, stamp, stack))
            continue;
        broken[d + 1] = take_out(f, d, &ok);
        any |= broken[d + 1];
    }
    CR_ASSERT(!ok || any || !"the phases of a plan wait for each other");
    return ok;
}

/* Levels of all items; `reached` is it->count unless some wait for each other. False out of memory.
 */
static bool level_items(struct fuser *f, struct items *it, const int32_t *writers,
                        uint32_t *reached)
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

/* Not fused, an op of the user is one launch where it can be: its phases, which meet only each
 * other, get one level, and their order among themselves is their stage. */
static bool group_ops(struct fuser *f, const int32_t *writers)
{
    struct items it = {.ndraft = f->draft.len, .count = f->draft.len + f->g->node.len};
    uint32_t reached, *first = cr_arena_alloc(&f->cx->scratch, f->g->origins.len * sizeof *first);
    it.group = cr_arena_alloc(&f->cx->scratch, (f->draft.len + 1) * sizeof *it.group);
    if (!first || !it.group)
        return false;
    for (uint32_t d = 0; d < f->draft.len; d++) {
        uint32_t origin = f->draft.at[d].phase.origin;
        if (!first[origin])
            first[origin] = d + 1;
        it.group[d] = origin ? first[origin] - 1 : d;
    }
    if (!level_items(f, &it, writers, &reached))
        return false;
    if (reached == it.count)
        publish_levels(f, &it); /* else ops are interleaved: a launch a phase */
    return true;
}

bool cr_find_levels(struct fuser *f)
{
    uint32_t n = f->g->node.len, reached;
    int32_t *writers = cr_arena_alloc(&f->cx->scratch, n * sizeof *writers);
    f->plan->level = cr_arena_alloc(&f->plan->arena, n * sizeof *f->plan->level);
    if (!writers || !f->plan->level)
        return false;
    for (;;) {
        struct items it = {.ndraft = f->draft.len, .count = f->draft.len + n};
        memset(writers, 0xff, n * sizeof *writers);
        for (uint32_t d = 0; d < f->draft.len; d++)
            for (uint32_t i = 0; i < f->draft.at[d].phase.nstore; i++) {
                cr_ref a = f->draft.at[d].phase.store[i].assign;
                if (a)
                    writers[cr_at(f->g, a)->src[0]] = (int32_t)d;
            }
        if (!level_items(f, &it, writers, &reached))
            return false;
        if (reached < it.count) {
            if (!break_cycles(f, &it))
                return false;
            continue;
        }
        publish_levels(f, &it);
        bool changed = false;
        if (f->fused && !cr_write_early(f, &changed))
            return false;
        if (changed)
            continue;
        for (uint32_t d = 0; d < f->draft.len; d++)
            f->draft.at[d].phase.stage = f->draft.at[d].phase.level;
        return f->fused || group_ops(f, writers);
    }
}
