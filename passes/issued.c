/* issued.c - the loads and stores that the reference schedule executes, exactly, from graph and
 * plan.
 *
 * bytes_read of a phase is what it has to move: each element once. What it issues depends on the
 * loops around each load. The reference schedule is simple enough to say: one work-item for each
 * index of the parallel axes; in it serial loops over the rows, one over the axes of each
 * reduction, one over the depth of a contraction. An element is loaded in the outermost loop that
 * knows its index, once for each time that loop runs, and is then known to all that is inside.
 *
 * So a value's index is followed from the stores back to what is in memory, an axis as a *term*:
 * which loop it needs, what range it has, and a name that equal terms share. This is written
 * without looking at codegen, on purpose: Oclgrind's counts of what really ran are held against it
 * (tests/e2e/issued.sh). It holds where a compiler leaves the loads alone that C text has. */
#include "passes.h"

/* A loop, or (without a parent) what a work-item does once. */
struct loop {
    const struct loop *parent;
    double runs; /* how often its body runs, over all work-items */
};

struct term {
    uint64_t name;
    const struct loop *loop; /* innermost that it depends on; NULL: a constant */
    int64_t lo, hi;
    const struct split *split; /* part `part` of it; NULL: none */
    int part;
};

/* The row-major number of an index `from` over `dim`, taken apart again over `to`. */
struct split {
    struct term from[CR_MAX_RANK];
    int64_t dim[CR_MAX_RANK], to[CR_MAX_RANK];
    int ndim, nto;
};

/* What is known: the element of r at an index, inside of `loop`; NULL: everywhere. */
struct known {
    cr_ref r;
    uint64_t at;
    const struct loop *loop;
};

struct counter {
    cr_pass_context *cx;
    const cr_graph *g;
    cr_phase *p;
    const bool *inside;
    const struct loop *root, *now;
    CR_VEC(struct known) known;
    uint64_t next; /* a name that no other term has */
    double loads, load_bytes;
    bool failed;
};

/* ---- terms ---------------------------------------------------------------------------------- */

static const struct loop *inner(const struct loop *a, const struct loop *b)
{
    for (const struct loop *l = b; l; l = l->parent)
        if (l == a)
            return b;
    return b && !a ? b : a;
}

static bool open_around(const struct loop *outer, const struct loop *l)
{
    while (l && l != outer)
        l = l->parent;
    return !outer || l == outer;
}

static uint64_t mix(uint64_t name, uint64_t x)
{
    return cr_hash(name, &x, sizeof x);
}

static struct term constant(int64_t c)
{
    return (struct term){mix(CR_HASH_SEED, (uint64_t)c), NULL, c, c, NULL, 0};
}

static struct term fresh(struct counter *c, const struct loop *l, int64_t size)
{
    if (size == 1)
        return constant(0);
    return (struct term){mix(~CR_HASH_SEED, c->next++), l, 0, size - 1, NULL, 0};
}

static struct term shifted(struct term x, int64_t by)
{
    if (by == 0)
        return x;
    if (!x.loop)
        return constant(x.lo + by);
    return (struct term){
        mix(mix(x.name, '+'), (uint64_t)by), x.loop, x.lo + by, x.hi + by, NULL, 0};
}

/* Brought into [0, size): a variable of its own where it may lie outside. */
static struct term clamped(struct counter *c, struct term x, int64_t size)
{
    if (x.lo >= 0 && x.hi < size)
        return x;
    return fresh(c, inner(x.loop, c->root), size);
}

static uint64_t index_name(const struct term *at, int n)
{
    uint64_t name = CR_HASH_SEED;
    for (int i = 0; i < n; i++)
        name = mix(name, at[i].name);
    return name;
}

/* ---- reshapes ------------------------------------------------------------------------------- */

/* Are the n terms all parts of one split, in order, over these sizes? */
static const struct split *whole_split(const struct term *at, const int64_t *dim, int n)
{
    const struct split *s = at[0].split;
    if (!s || s->nto != n)
        return NULL;
    for (int i = 0; i < n; i++)
        if (at[i].split != s || at[i].part != i || s->to[i] != dim[i])
            return NULL;
    return s;
}

static void reshape(struct counter *c, const struct term *at, const int64_t *dim, int n,
                    const int64_t *to, int nto, struct term *out);

/* Sizes of equal product, none of them 1, of which no shorter pieces have equal products. */
static void regroup(struct counter *c, const struct term *at, const int64_t *dim, int n,
                    const int64_t *to, int nto, struct term *out)
{
    const struct split *before = whole_split(at, dim, n);
    struct split *s = before ? NULL : cr_arena_alloc(&c->cx->scratch, sizeof *s);
    const struct loop *loop = NULL;
    int64_t number = 0;
    if (before) {
        reshape(c, before->from, before->dim, before->ndim, to, nto, out);
        return;
    }
    c->failed |= !s;
    for (int i = 0; i < n; i++) {
        loop = inner(loop, at[i].loop);
        number = number * dim[i] + at[i].lo;
    }
    uint64_t name = mix(index_name(at, n), '/');
    for (int i = 0; s && i < n; i++)
        s->from[i] = at[i], s->dim[i] = dim[i], name = mix(name, (uint64_t)dim[i]);
    for (int i = 0; s && i < nto; i++)
        s->to[i] = to[i], name = mix(name, (uint64_t)to[i]);
    if (s)
        s->ndim = n, s->nto = nto;
    for (int i = nto - 1; i >= 0; i--) {
        out[i] = loop ? (struct term){mix(name, (uint64_t)i), loop, 0, to[i] - 1, s, i}
                      : constant(number % to[i]);
        number /= to[i];
    }
}

/* The index over `to` of the element whose index over `dim` is `at`. */
static void reshape(struct counter *c, const struct term *at, const int64_t *dim, int n,
                    const int64_t *to, int nto, struct term *out)
{
    struct term f[CR_MAX_RANK], o[CR_MAX_RANK];
    int64_t fd[CR_MAX_RANK], od[CR_MAX_RANK];
    int nf = 0, no = 0, place[CR_MAX_RANK];
    for (int i = 0; i < n; i++)
        if (dim[i] != 1)
            f[nf] = at[i], fd[nf++] = dim[i];
    for (int i = 0; i < nto; i++) {
        out[i] = constant(0);
        if (to[i] != 1)
            place[no] = i, od[no++] = to[i];
    }
    for (int i = 0, j = 0; i < nf && j < no;) {
        int i0 = i, j0 = j;
        int64_t a = fd[i++], b = od[j++];
        while (a != b && i <= nf && j <= no)
            if (a < b && i < nf)
                a *= fd[i++];
            else if (b < a && j < no)
                b *= od[j++];
            else
                break;
        if (i - i0 == 1 && j - j0 == 1)
            o[j0] = f[i0];
        else
            regroup(c, f + i0, fd + i0, i - i0, od + j0, j - j0, o + j0);
    }
    for (int i = 0; i < no; i++)
        out[place[i]] = o[i];
}

static void reshape_to(struct counter *c, const cr_shape *from, const struct term *at,
                       const cr_shape *to, struct term *out)
{
    reshape(c, at, from->dim, from->rank, to->dim, to->rank, out);
}

/* ---- loops ---------------------------------------------------------------------------------- */

static const struct loop *open_loop(struct counter *c, int64_t size)
{
    struct loop *l = cr_arena_alloc(&c->cx->scratch, sizeof *l);
    if (!l) {
        c->failed = true;
        return c->now;
    }
    *l = (struct loop){c->now, (c->now ? c->now->runs : 1) * (double)size};
    return c->now = l;
}

/* A loop over an axis, unless it has one element; all that is known inside is forgotten by
 * close_to. */
static struct term axis(struct counter *c, int64_t size)
{
    return size == 1 ? constant(0) : fresh(c, open_loop(c, size), size);
}

static void close_to(struct counter *c, const struct loop *outer)
{
    for (; c->now != outer; c->now = c->now->parent) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < c->known.len; i++)
            if (c->known.at[i].loop != c->now)
                c->known.at[kept++] = c->known.at[i];
        c->known.len = kept;
    }
}

/* ---- values --------------------------------------------------------------------------------- */

static const struct loop *visit(struct counter *c, cr_ref r, const struct term *at);

static bool recall(const struct counter *c, cr_ref r, uint64_t at, const struct loop **loop)
{
    for (uint32_t i = c->known.len; i-- > 0;) {
        const struct known *k = &c->known.at[i];
        if (k->r != r || k->at != at || !open_around(k->loop, c->now))
            continue;
        *loop = k->loop;
        return true;
    }
    return false;
}

static void remember(struct counter *c, cr_ref r, uint64_t at, const struct loop *loop)
{
    if (!cr_vec_push(&c->known, ((struct known){r, at, loop})))
        c->failed = true;
}

static const struct loop *loop_of(const struct counter *c, const struct term *at, int n)
{
    const struct loop *l = c->root;
    for (int i = 0; i < n; i++)
        l = inner(l, at[i].loop);
    return l;
}

static const struct loop *load(struct counter *c, cr_ref r, const struct term *at)
{
    const struct loop *l = loop_of(c, at, cr_shape_of(c->g, r)->rank);
    c->loads += l->runs;
    c->load_bytes += l->runs * (double)cr_dtype_size((cr_dtype)cr_at(c->g, r)->dtype);
    return l;
}

static const struct loop *reduction(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const cr_shape *s = cr_shape_of(c->g, n->src[0]);
    const struct loop *home = loop_of(c, at, s->rank), *keep = c->now;
    struct term x[CR_MAX_RANK];
    c->now = home;
    for (int i = 0; i < s->rank; i++)
        x[i] = cr_attr_of(c->g, r)->at[0] >> i & 1 ? axis(c, s->dim[i]) : at[i];
    visit(c, n->src[0], x);
    close_to(c, home);
    c->now = keep;
    return home;
}

static const struct loop *contraction(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const cr_shape *a = cr_shape_of(c->g, n->src[0]);
    const int rank = a->rank;
    const struct loop *home = loop_of(c, at, rank), *keep = c->now;
    struct term x[CR_MAX_RANK], y[CR_MAX_RANK];
    memcpy(x, at, sizeof *x * (size_t)rank);
    memcpy(y, at, sizeof *y * (size_t)rank);
    c->now = home;
    x[rank - 1] = y[rank - 2] = axis(c, a->dim[rank - 1]);
    visit(c, n->src[0], x);
    visit(c, n->src[1], y);
    close_to(c, home);
    c->now = keep;
    return home;
}

/* Both sides are loaded, at places brought into their ranges; one of them is taken. */
static const struct loop *concat(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const int k = (int)cr_attr_of(c->g, r)->at[0], rank = cr_shape_of(c->g, r)->rank;
    int64_t first = cr_shape_of(c->g, n->src[0])->dim[k],
            second = cr_shape_of(c->g, n->src[1])->dim[k];
    struct term x[CR_MAX_RANK], y[CR_MAX_RANK];
    memcpy(x, at, sizeof *x * (size_t)rank);
    memcpy(y, at, sizeof *y * (size_t)rank);
    y[k] = shifted(at[k], -first);
    if (at[k].hi < first)
        return visit(c, n->src[0], x);
    if (at[k].lo >= first)
        return visit(c, n->src[1], y);
    x[k] = clamped(c, at[k], first);
    y[k] = clamped(c, y[k], second);
    const struct loop *a = visit(c, n->src[0], x), *b = visit(c, n->src[1], y);
    return inner(inner(a, b), inner(at[k].loop, c->root));
}

/* Of two indices, the element that a window has: one times a stride and one times a dilation. */
static struct term slid(struct term o, struct term t, int64_t stride, int64_t dilation)
{
    if (!t.loop && t.lo == 0 && stride == 1)
        return o;
    uint64_t name = mix(mix(mix(o.name, t.name), (uint64_t)stride), (uint64_t)dilation);
    return (struct term){name,
                         inner(o.loop, t.loop),
                         o.lo * stride + t.lo * dilation,
                         o.hi * stride + t.hi * dilation,
                         NULL,
                         0};
}

static const struct loop *movement(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const cr_attr *a = cr_attr_of(c->g, r);
    const cr_shape *from = cr_shape_of(c->g, n->src[0]), *to = cr_shape_of(c->g, r);
    const struct loop *l = NULL; /* where an element's being padding is known */
    struct term x[CR_MAX_RANK] = {0};
    if (n->op == CR_OP_concat)
        return concat(c, r, at);
    if (n->op == CR_OP_reshape)
        reshape_to(c, to, at, from, x);
    for (int i = 0; i < from->rank; i++) {
        if (n->op == CR_OP_window)
            x[i] = i == a->at[0] ? slid(at[i], at[from->rank], a->at[2], a->at[3]) : at[i];
        if (n->op == CR_OP_flip)
            x[i] = a->at[0] >> i & 1 ? (struct term){mix(at[i].name, 'f'),
                                                     at[i].loop,
                                                     to->dim[i] - 1 - at[i].hi,
                                                     to->dim[i] - 1 - at[i].lo,
                                                     NULL,
                                                     0}
                                     : at[i];
        if (n->op == CR_OP_expand)
            x[i] = from->dim[i] == 1 ? constant(0) : at[to->rank - from->rank + i];
        if (n->op == CR_OP_slice)
            x[i] = shifted(at[i], a->at[i]);
        if (n->op == CR_OP_permute)
            x[a->at[i]] = at[i];
        if (n->op != CR_OP_pad)
            continue;
        x[i] = shifted(at[i], -a->at[i]);
        if (x[i].lo < 0 || x[i].hi >= from->dim[i])
            l = inner(l, inner(x[i].loop, c->root));
        x[i] = clamped(c, x[i], from->dim[i]);
    }
    return inner(l, visit(c, n->src[0], x));
}

static const struct loop *gather(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const cr_shape *table = cr_shape_of(c->g, n->src[0]), *index = cr_shape_of(c->g, n->src[1]);
    struct term x[CR_MAX_RANK] = {constant(0)};
    if (table->dim[0] > 1) {
        const struct loop *l = inner(c->root, visit(c, n->src[1], at));
        x[0] = (struct term){
            mix(mix(index_name(at, index->rank), r), 'g'), l, 0, table->dim[0] - 1, NULL, 0};
    }
    for (int i = 1; i < table->rank; i++)
        x[i] = at[index->rank + i - 1];
    return visit(c, n->src[0], x);
}

static const struct loop *compute(struct counter *c, cr_ref r, const struct term *at)
{
    const cr_node *n = cr_at(c->g, r);
    const struct loop *l = c->root;
    if (n->op == CR_OP_CONST)
        return NULL;
    if (n->op == CR_OP_matmul)
        return contraction(c, r, at);
    if (n->op == CR_OP_gather)
        return gather(c, r, at);
    if (cr_kind_of(n) == CR_KIND_RED)
        return reduction(c, r, at);
    if (cr_kind_of(n) == CR_KIND_MOV)
        return movement(c, r, at);
    if (n->op == CR_OP_iota || n->op == CR_OP_random)
        l = loop_of(c, at, cr_shape_of(c->g, r)->rank);
    for (int i = 0; i < n->nsrc; i++)
        l = inner(l, visit(c, n->src[i], at));
    return l;
}

/* Counts what it takes to have element `at` of r; the loop in which it is then known. */
static const struct loop *visit(struct counter *c, cr_ref r, const struct term *at)
{
    const uint64_t name = index_name(at, cr_shape_of(c->g, r)->rank);
    const struct loop *l;
    if (recall(c, r, name, &l))
        return l;
    l = c->inside[r] ? compute(c, r, at) : load(c, r, at);
    remember(c, r, name, l);
    return l;
}

/* ---- a phase -------------------------------------------------------------------------------- */

/* One element for each parallel index, rather than for each of the domain? */
static bool is_row(const struct counter *c, const cr_plan_store *s)
{
    return cr_count_of(c->g, s->value) != cr_shape_count(c->g, &c->p->domain);
}

static void element_of(struct counter *c, cr_ref r, bool row, const struct term *at,
                       struct term *out)
{
    const cr_shape *d = &c->p->domain, *s = cr_shape_of(c->g, r);
    cr_shape rows = {0};
    struct term x[CR_MAX_RANK];
    for (int i = 0; i < d->rank; i++) {
        if (row && !(c->p->parallel >> i & 1))
            continue;
        x[rows.rank] = at[i];
        rows.dim[rows.rank++] = d->dim[i];
    }
    if (cr_shape_equal(s, &rows))
        memcpy(out, x, sizeof *x * (size_t)s->rank);
    else
        reshape_to(c, &rows, x, s, out);
}

static void stores(struct counter *c, const struct term *at, bool row)
{
    for (uint32_t i = 0; i < c->p->nstore; i++) {
        const cr_plan_store *s = &c->p->store[i];
        struct term x[CR_MAX_RANK];
        if (is_row(c, s) != row)
            continue;
        element_of(c, s->value, row, at, x);
        visit(c, s->value, x);
        c->p->issued.stores += (uint64_t)c->now->runs;
        c->p->issued.store_bytes +=
            (uint64_t)c->now->runs * cr_dtype_size((cr_dtype)cr_at(c->g, s->value)->dtype);
    }
}

static bool any(const struct counter *c, bool row)
{
    for (uint32_t i = 0; i < c->p->nstore; i++)
        if (is_row(c, &c->p->store[i]) == row)
            return true;
    return false;
}

bool cr_count_issued(cr_pass_context *cx, cr_phase *p)
{
    struct counter c = {.cx = cx, .g = cx->graph, .p = p};
    struct term at[CR_MAX_RANK];
    bool *inside = cr_arena_alloc(&cx->scratch, c.g->node.len * sizeof *inside);
    if (!inside)
        return false;
    for (uint32_t i = 0; i < p->nnode; i++)
        inside[p->node[i]] = true;
    c.inside = inside;
    p->issued = (cr_traffic){0};
    int64_t items = 1;
    for (int i = 0; i < p->domain.rank; i++)
        if (p->parallel >> i & 1)
            items *= p->domain.dim[i];
    c.root = open_loop(&c, items);
    for (int i = 0; i < p->domain.rank; i++)
        at[i] = p->parallel >> i & 1 ? fresh(&c, c.root, p->domain.dim[i]) : constant(0);
    if (!c.failed && any(&c, false)) {
        struct term x[CR_MAX_RANK];
        for (int i = 0; i < p->domain.rank; i++)
            x[i] = p->parallel >> i & 1 ? at[i] : axis(&c, p->domain.dim[i]);
        stores(&c, x, false);
        close_to(&c, c.root);
    }
    if (!c.failed && any(&c, true))
        stores(&c, at, true);
    p->issued.loads = (uint64_t)c.loads;
    p->issued.load_bytes = (uint64_t)c.load_bytes;
    cr_vec_finish(&c.known);
    return !c.failed;
}
