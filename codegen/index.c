/* index.c - canonical sums of atoms. */
#include "index.h"

#include "emit.h"

enum atom_kind { ATOM_VAR, ATOM_LANE, ATOM_DIV, ATOM_MOD };

struct atom {
    enum atom_kind kind;
    const char *name;
    cr_ix of; /* DIV, MOD */
    int64_t by;
    int64_t lo, hi;
    struct cr_scope *scope;
    bool lane; /* differs between lanes */
};

struct term {
    uint32_t atom;
    int64_t coef;
};

struct expr {
    int64_t c, lo, hi;
    uint32_t n;
    const struct term *term; /* by atom, ascending; coefficients are not 0 */
    struct cr_scope *scope;
    bool lane;
};

struct cr_ix_table {
    cr_arena arena;
    CR_VEC(struct atom) atom;
    CR_VEC(struct expr) expr;
    cr_map map;
};

cr_ix_table *cr_ix_table_create(void)
{
    return cr_alloc(sizeof(cr_ix_table));
}

void cr_ix_table_destroy(cr_ix_table *t)
{
    if (!t)
        return;
    cr_vec_finish(&t->atom);
    cr_vec_finish(&t->expr);
    cr_map_finish(&t->map);
    cr_arena_finish(&t->arena);
    cr_free(t);
}

/* ---- making expressions --------------------------------------------------------------------- */

static cr_ix intern(cr_ix_table *t, int64_t c, const struct term *term, uint32_t n)
{
    uint64_t h = cr_hash(CR_HASH_SEED, &c, sizeof c);
    for (uint32_t i = 0; i < n; i++) {
        h = cr_hash(h, &term[i].atom, sizeof term[i].atom);
        h = cr_hash(h, &term[i].coef, sizeof term[i].coef);
    }
    uint32_t pos = UINT32_MAX, id;
    while ((id = cr_map_next(&t->map, h, &pos))) {
        const struct expr *e = &t->expr.at[id - 1];
        bool same = e->c == c && e->n == n;
        for (uint32_t i = 0; same && i < n; i++)
            same = e->term[i].atom == term[i].atom && e->term[i].coef == term[i].coef;
        if (same)
            return id - 1;
    }
    struct expr e = {.c = c, .lo = c, .hi = c, .n = n};
    struct term *copy = cr_arena_alloc(&t->arena, (n + 1) * sizeof *copy);
    CR_ASSERT(copy);
    if (n)
        memcpy(copy, term, n * sizeof *copy);
    e.term = copy;
    for (uint32_t i = 0; i < n; i++) {
        const struct atom *a = &t->atom.at[term[i].atom];
        int64_t k = term[i].coef;
        e.lo += k > 0 ? k * a->lo : k * a->hi;
        e.hi += k > 0 ? k * a->hi : k * a->lo;
        e.scope = cr_scope_inner(e.scope, a->scope);
        e.lane |= a->lane;
    }
    id = t->expr.len + 1;
    CR_ASSERT(cr_vec_push(&t->expr, e) && cr_map_put(&t->map, h, id));
    return id - 1;
}

static cr_ix of_atom(cr_ix_table *t, uint32_t atom)
{
    struct term one = {atom, 1};
    return intern(t, 0, &one, 1);
}

static uint32_t atom_like(cr_ix_table *t, const struct atom *a)
{
    for (uint32_t i = 0; i < t->atom.len; i++) {
        const struct atom *b = &t->atom.at[i];
        if (b->kind == a->kind && b->of == a->of && b->by == a->by)
            return i;
    }
    CR_ASSERT(cr_vec_push(&t->atom, *a));
    return t->atom.len - 1;
}

cr_ix cr_ix_const(cr_ix_table *t, int64_t c)
{
    return intern(t, c, NULL, 0);
}

cr_ix cr_ix_var(cr_ix_table *t, const char *name, int64_t lo, int64_t hi, struct cr_scope *scope,
                bool lane, bool linear)
{
    if (lo == hi && !lane)
        return cr_ix_const(t, lo);
    struct atom a = {.kind = lane && linear ? ATOM_LANE : ATOM_VAR,
                     .name = name,
                     .lo = lo,
                     .hi = hi,
                     .scope = scope,
                     .lane = lane};
    CR_ASSERT(cr_vec_push(&t->atom, a));
    return of_atom(t, t->atom.len - 1);
}

/* x % k + x / k * k = x: a flat index that a shape took apart. The two terms of `sum` that are c
 * times these; false when there are none. */
static bool find_parted(const cr_ix_table *t, const struct term *sum, uint32_t n, uint32_t *mod,
                        uint32_t *div)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct atom *m = &t->atom.at[sum[i].atom];
        for (uint32_t k = 0; m->kind == ATOM_MOD && k < n; k++) {
            const struct atom *d = &t->atom.at[sum[k].atom];
            *mod = i, *div = k;
            if (d->kind == ATOM_DIV && d->of == m->of && d->by == m->by &&
                sum[k].coef == sum[i].coef * m->by)
                return true;
        }
    }
    return false;
}

cr_ix cr_ix_add(cr_ix_table *t, cr_ix a, cr_ix b)
{
    const struct expr x = t->expr.at[a], y = t->expr.at[b];
    struct term sum[64];
    uint32_t mod, div;
    uint32_t n = 0, i = 0, k = 0;
    CR_ASSERT(x.n + y.n <= CR_COUNTOF(sum));
    while (i < x.n || k < y.n) {
        if (k == y.n || (i < x.n && x.term[i].atom < y.term[k].atom)) {
            sum[n++] = x.term[i++];
        } else if (i == x.n || y.term[k].atom < x.term[i].atom) {
            sum[n++] = y.term[k++];
        } else {
            int64_t coef = x.term[i].coef + y.term[k].coef;
            if (coef)
                sum[n++] = (struct term){x.term[i].atom, coef};
            i++, k++;
        }
    }
    if (find_parted(t, sum, n, &mod, &div)) {
        cr_ix whole = cr_ix_mul(t, t->atom.at[sum[mod].atom].of, sum[mod].coef);
        for (i = k = 0; i < n; i++)
            if (i != mod && i != div)
                sum[k++] = sum[i];
        return cr_ix_add(t, intern(t, x.c + y.c, sum, k), whole);
    }
    return intern(t, x.c + y.c, sum, n);
}

cr_ix cr_ix_mul(cr_ix_table *t, cr_ix a, int64_t k)
{
    const struct expr x = t->expr.at[a];
    struct term scaled[64];
    if (k == 0)
        return cr_ix_const(t, 0);
    for (uint32_t i = 0; i < x.n; i++)
        scaled[i] = (struct term){x.term[i].atom, x.term[i].coef * k};
    return intern(t, x.c * k, scaled, x.n);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t gcd(int64_t a, int64_t b)
{
    if (a < 0)
        a = -a;
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* x = k * whole + rest, where rest holds the terms that k does not divide and a constant in [0, k).
 */
static void split(cr_ix_table *t, cr_ix x, int64_t k, cr_ix *whole, cr_ix *rest)
{
    const struct expr e = t->expr.at[x];
    struct term q[64], r[64];
    uint32_t nq = 0, nr = 0;
    for (uint32_t i = 0; i < e.n; i++) {
        if (e.term[i].coef % k == 0)
            q[nq++] = (struct term){e.term[i].atom, e.term[i].coef / k};
        else
            r[nr++] = e.term[i];
    }
    int64_t cq = floor_div(e.c, k);
    *whole = intern(t, cq, q, nq);
    *rest = intern(t, e.c - cq * k, r, nr);
}

/* A part g of k such that x = g * y + c with c in [0, g); then x / k = y / (k / g). It divides
 * every coefficient, or every one but those of 1 (the lanes of a vector), which count inside of it.
 * 1: there is none. */
static int64_t common(const cr_ix_table *t, cr_ix x, int64_t k)
{
    const struct expr *e = &t->expr.at[x];
    int64_t all = k, others = k, lo = 0, hi = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct atom *a = &t->atom.at[e->term[i].atom];
        all = gcd(e->term[i].coef, all);
        if (e->term[i].coef == 1)
            lo += a->lo, hi += a->hi;
        else
            others = gcd(e->term[i].coef, others);
    }
    const int64_t c = e->c - floor_div(e->c, others) * others;
    return all == 1 && lo + c >= 0 && hi + c < others ? others : all;
}

/* C divides towards zero, so what is divided must not be negative: x + k * *up is not. */
static cr_ix raised(cr_ix_table *t, cr_ix x, int64_t k, int64_t *up)
{
    int64_t lo = t->expr.at[x].lo;
    *up = lo < 0 ? (-lo + k - 1) / k : 0;
    return cr_ix_add(t, x, cr_ix_const(t, k * *up));
}

static cr_ix quotient(cr_ix_table *t, cr_ix x, int64_t k, enum atom_kind kind)
{
    const struct expr e = t->expr.at[x];
    struct atom a = {.kind = kind, .of = x, .by = k, .scope = e.scope, .lane = e.lane};
    a.lo = kind == ATOM_DIV ? floor_div(e.lo, k) : 0;
    a.hi = kind == ATOM_DIV ? floor_div(e.hi, k) : k - 1;
    if (kind == ATOM_MOD && e.lo >= 0)
        a.hi = CR_MIN(a.hi, e.hi);
    return of_atom(t, atom_like(t, &a));
}

cr_ix cr_ix_div(cr_ix_table *t, cr_ix x, int64_t k)
{
    cr_ix whole, rest;
    if (k == 1)
        return x;
    split(t, x, k, &whole, &rest);
    const struct expr r = t->expr.at[rest];
    if (floor_div(r.lo, k) == floor_div(r.hi, k))
        return cr_ix_add(t, whole, cr_ix_const(t, floor_div(r.lo, k)));
    int64_t g = common(t, rest, k);
    if (g > 1) { /* (g * y + c) / (g * m) = y / m */
        cr_ix y, c;
        split(t, rest, g, &y, &c);
        return cr_ix_add(t, whole, cr_ix_div(t, y, k / g));
    }
    int64_t up;
    rest = raised(t, rest, k, &up);
    return cr_ix_add(t, whole, cr_ix_add(t, quotient(t, rest, k, ATOM_DIV), cr_ix_const(t, -up)));
}

cr_ix cr_ix_mod(cr_ix_table *t, cr_ix x, int64_t k)
{
    cr_ix whole, rest;
    if (k == 1)
        return cr_ix_const(t, 0);
    split(t, x, k, &whole, &rest);
    const struct expr r = t->expr.at[rest];
    if (floor_div(r.lo, k) == floor_div(r.hi, k))
        return cr_ix_add(t, rest, cr_ix_const(t, -k * floor_div(r.lo, k)));
    int64_t g = common(t, rest, k);
    if (g > 1) { /* (g * y + c) % (g * m) = g * (y % m) + c */
        cr_ix y, c;
        split(t, rest, g, &y, &c);
        return cr_ix_add(t, cr_ix_mul(t, cr_ix_mod(t, y, k / g), g), c);
    }
    int64_t up;
    return quotient(t, raised(t, rest, k, &up), k, ATOM_MOD);
}

/* ---- asking --------------------------------------------------------------------------------- */

int64_t cr_ix_lo(const cr_ix_table *t, cr_ix a)
{
    return t->expr.at[a].lo;
}
int64_t cr_ix_hi(const cr_ix_table *t, cr_ix a)
{
    return t->expr.at[a].hi;
}
struct cr_scope *cr_ix_scope(const cr_ix_table *t, cr_ix a)
{
    return t->expr.at[a].scope;
}
bool cr_ix_has_lane(const cr_ix_table *t, cr_ix a)
{
    return t->expr.at[a].lane;
}

bool cr_ix_stride(const cr_ix_table *t, cr_ix a, int64_t *stride)
{
    const struct expr *e = &t->expr.at[a];
    *stride = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct atom *x = &t->atom.at[e->term[i].atom];
        if (!x->lane)
            continue;
        if (x->kind != ATOM_LANE)
            return false;
        *stride = e->term[i].coef;
    }
    return true;
}

bool cr_ix_is_multiple(const cr_ix_table *t, cr_ix a, int64_t k)
{
    const struct expr *e = &t->expr.at[a];
    bool is = e->c % k == 0;
    for (uint32_t i = 0; i < e->n; i++)
        is &= e->term[i].coef % k == 0 || t->atom.at[e->term[i].atom].kind == ATOM_LANE;
    return is;
}

static void atom_text(const cr_ix_table *t, const struct atom *a, const char *lanes, cr_strbuf *out)
{
    switch (a->kind) {
    case ATOM_VAR: cr_str_add(out, a->name); break;
    case ATOM_LANE: cr_str_add(out, lanes); break;
    case ATOM_DIV:
    case ATOM_MOD:
        cr_str_add(out, "(");
        cr_ix_text(t, a->of, lanes, out);
        cr_str_printf(out, ") %c %lld", a->kind == ATOM_DIV ? '/' : '%', (long long)a->by);
        break;
    }
}

void cr_ix_text(const cr_ix_table *t, cr_ix x, const char *lanes, cr_strbuf *out)
{
    const struct expr *e = &t->expr.at[x];
    bool any = false;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct atom *a = &t->atom.at[e->term[i].atom];
        int64_t k = e->term[i].coef;
        if (a->kind == ATOM_LANE && !lanes)
            continue;
        cr_str_add(out, !any ? (k < 0 ? "-" : "") : (k < 0 ? " - " : " + "));
        if (k < 0)
            k = -k;
        bool paren = a->kind == ATOM_DIV || a->kind == ATOM_MOD;
        if (paren && (k != 1 || e->n > 1 || e->c))
            cr_str_add(out, "(");
        atom_text(t, a, lanes, out);
        if (paren && (k != 1 || e->n > 1 || e->c))
            cr_str_add(out, ")");
        if (k != 1)
            cr_str_printf(out, " * %lld", (long long)k);
        any = true;
    }
    if (!any)
        cr_str_printf(out, "%lld", (long long)e->c);
    else if (e->c)
        cr_str_printf(out, " %c %lld", e->c < 0 ? '-' : '+', (long long)(e->c < 0 ? -e->c : e->c));
}
