/* nest.c - loop nests: each work-item visits some vectors of the parallel axes, and serial rows
 * inside. */
#include "emit.h"

struct nest {
    cr_emit *e;
    const cr_phase *p;
    int last;        /* the axis that vectors run along; -1: no parallel axis */
    int64_t vectors; /* vectors along it */
    int64_t total;   /* vectors in all */
    uint32_t rows;   /* mask of serial axes */
};

static bool is_row_store(const struct nest *n, const cr_plan_store *s)
{
    const cr_graph *g = n->e->graph;
    return cr_count_of(g, s->value) != cr_shape_count(g, &n->p->domain);
}

/* Values first, then stores: a state that is written here may be read by another value. */
static void write_all(struct nest *n, const cr_ix *at, bool row)
{
    cr_emit *e = n->e;
    cr_val value[CR_MAX_STORES];
    cr_ix index[CR_MAX_STORES][CR_MAX_RANK];
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->p->nstore; i++) {
        const cr_plan_store *s = &n->p->store[i];
        if (is_row_store(n, s) != row)
            continue;
        CR_ASSERT(count < CR_COUNTOF(value));
        cr_emit_index_of(e, s->value, &n->p->domain, at, index[count]);
        value[count] = cr_emit_value(e, s->value, index[count]);
        count++;
    }
    count = 0;
    for (uint32_t i = 0; i < n->p->nstore; i++) {
        if (is_row_store(n, &n->p->store[i]) != row)
            continue;
        cr_emit_store(e, &n->p->store[i], index[count], value[count]);
        count++;
    }
}

static bool any_store(const struct nest *n, bool row)
{
    for (uint32_t i = 0; i < n->p->nstore; i++)
        if (is_row_store(n, &n->p->store[i]) == row)
            return true;
    return false;
}

/* What is stored for whole rows, in one loop over them. */
static void row_loop(struct nest *n, const cr_ix *at, int axis)
{
    cr_emit *e = n->e;
    cr_ix x[CR_MAX_RANK];
    memcpy(x, at, sizeof x);
    while (axis < n->p->domain.rank && !(n->rows >> axis & 1))
        axis++;
    if (axis == n->p->domain.rank) {
        write_all(n, x, false);
        return;
    }
    int64_t size = n->p->domain.dim[axis];
    if (size == 1) {
        x[axis] = cr_ix_const(e->ix, 0);
        row_loop(n, x, axis + 1);
        return;
    }
    const char *i = cr_emit_name(e, "i");
    cr_scope *s = cr_emit_open(e);
    x[axis] = cr_ix_var(e->ix, i, 0, size - 1, s, false, false);
    row_loop(n, x, axis + 1);
    cr_emit_close(e, cr_arena_printf(&e->arena, "for (int %s = 0; %s < %lld; %s++) {", i, i,
                                     (long long)size, i));
}

static void body(struct nest *n, const cr_ix *at)
{
    if (any_store(n, false))
        row_loop(n, at, 0);
    if (any_store(n, true))
        write_all(n, at, true);
}

/* Coordinates of vector number t. */
static cr_ix decode(struct nest *n, const char *t, cr_ix *at)
{
    cr_emit *e = n->e;
    cr_ix x = cr_ix_var(e->ix, t, 0, n->total - 1, e->now, false, false);
    cr_ix base = cr_ix_const(e->ix, 0);
    for (int i = n->p->domain.rank - 1; i >= 0; i--) {
        at[i] = base;
        if (!(n->p->parallel >> i & 1))
            continue;
        int64_t size = i == n->last ? n->vectors : n->p->domain.dim[i];
        cr_ix c = cr_ix_mod(e->ix, x, size);
        x = cr_ix_div(e->ix, x, size);
        if (size == 1)
            continue;
        if (cr_ix_lo(e->ix, c) != cr_ix_hi(e->ix, c) && size != n->total) {
            const char *name = cr_emit_name(e, "i");
            cr_emit_line(e, e->now, "const int %s = %s;", name, cr_emit_ix(e, c, false));
            c = cr_ix_var(e->ix, name, 0, size - 1, e->now, false, false);
        }
        at[i] = c;
    }
    return n->last >= 0 ? at[n->last] : base;
}

static void at_vector(struct nest *n, cr_ix *at, cr_ix first)
{
    cr_emit *e = n->e;
    /* An idle lane need not have an index: without those, the row's end divides into no more
     * shapes. */
    cr_ix lane = e->valid == e->width
                     ? e->lane
                     : cr_ix_var(e->ix, e->lanes, 0, e->valid - 1, NULL, true, true);
    at[n->last] = cr_ix_add(e->ix, first, lane);
    body(n, at);
}

/* A whole row: a loop over its vectors, and what is left in a smaller last one. */
static void visit_row(struct nest *n, const char *t)
{
    cr_emit *e = n->e;
    const int64_t extent = n->p->domain.dim[n->last], whole = extent / e->width,
                  rest = extent % e->width;
    cr_ix at[CR_MAX_RANK] = {0};
    n->total /= n->vectors;
    const int64_t vectors = n->vectors;
    n->vectors = 1;
    decode(n, t, at);
    n->vectors = vectors;
    if (n->rows && rest == 0 && whole <= 4) { /* reductions are made for all vectors at once */
        e->ahead = (int)whole;
        for (int64_t v = 0; v < whole; v++)
            at_vector(n, at, cr_ix_const(e->ix, v * e->width));
        e->ahead = 0;
    } else if (whole) {
        const char *j = cr_emit_name(e, "j");
        cr_scope *s = cr_emit_open(e);
        cr_ix v = cr_ix_var(e->ix, j, 0, whole - 1, s, false, false);
        at_vector(n, at, cr_ix_mul(e->ix, v, e->width));
        cr_emit_close(e, cr_arena_printf(&e->arena, "for (int %s = 0; %s < %lld; %s++) {", j, j,
                                         (long long)whole, j));
    }
    if (rest) {
        cr_emit_open(e);
        e->valid = (int)rest;
        at_vector(n, at, cr_ix_const(e->ix, whole * e->width));
        e->valid = e->width;
        cr_emit_close(e, "{");
    }
}

/* One vector of the last parallel axis; a ragged row ends in a vector of which some lanes are idle.
 */
static void visit_vector(struct nest *n, const char *t)
{
    cr_emit *e = n->e;
    cr_ix at[CR_MAX_RANK] = {0}, v = decode(n, t, at);
    int64_t extent = n->last >= 0 ? n->p->domain.dim[n->last] : 1;
    if (e->width == 1) {
        body(n, at);
        return;
    }
    int64_t whole = extent / e->width, rest = extent % e->width;
    if (rest == 0) {
        at_vector(n, at, cr_ix_mul(e->ix, v, e->width));
        return;
    }
    if (whole > 0) {
        const char *j = cr_emit_name(e, "j");
        cr_emit_line(e, e->now, "const int %s = %s;", j,
                     cr_emit_ix(e, cr_ix_mul(e->ix, v, e->width), false));
        cr_scope *s = cr_emit_open(e);
        at_vector(n, at, cr_ix_var(e->ix, j, 0, (whole - 1) * e->width, s, false, false));
        cr_emit_close(
            e, cr_arena_printf(&e->arena, "if (%s < %lld) {", j, (long long)(whole * e->width)));
        cr_scope *floor = e->floor; /* nothing may come between the two branches */
        e->floor = cr_emit_open(e);
        e->valid = (int)rest;
        at_vector(n, at, cr_ix_const(e->ix, whole * e->width));
        cr_emit_close(e, "else {");
        e->floor = floor;
    } else {
        e->valid = (int)rest;
        at_vector(n, at, cr_ix_const(e->ix, 0));
    }
    e->valid = e->width;
}

void cr_emit_nest(cr_emit *e)
{
    const cr_phase *p = e->phase;
    struct nest n = {.e = e, .p = p, .last = -1, .total = 1, .vectors = 1};
    for (int i = 0; i < p->domain.rank; i++) {
        if (p->parallel >> i & 1)
            n.last = i;
        else
            n.rows |= 1u << i;
    }
    for (int i = 0; i < p->domain.rank; i++)
        if ((p->parallel >> i & 1) && i != n.last)
            n.total *= p->domain.dim[i];
    if (n.last >= 0)
        n.vectors = (p->domain.dim[n.last] + e->width - 1) / e->width;
    n.total *= n.vectors;
    const int items = p->schedule.items, local = p->schedule.local;
    const char *lid = local > 1 ? " + lid" : "";
    if (n.total == 1 && local == 1) {
        visit_vector(&n, "0");
        return;
    }
    if (p->schedule.rows) {
        const int64_t each = items / p->schedule.rows, rows = n.total / p->schedule.rows;
        if (rows == 1) {
            visit_row(&n, "0");
            return;
        }
        cr_emit_line(e, e->now, "const int end = g == %lld ? %lld : (g + 1) * %lld;",
                     (long long)p->groups - 1, (long long)rows, (long long)each);
        cr_emit_open(e);
        visit_row(&n, "t");
        cr_emit_close(e, cr_arena_printf(&e->arena, "for (int t = g * %lld; t < end; t++) {",
                                         (long long)each));
        return;
    }
    if (items == 1) {
        const char *scale = local > 1 ? cr_arena_printf(&e->arena, "g * %d%s", local, lid) : "g";
        cr_emit_line(e, e->now, "const int t = %s;", scale);
        if (local == 1) {
            visit_vector(&n, "t");
            return;
        }
        cr_emit_open(e);
        visit_vector(&n, "t");
        cr_emit_close(e, cr_arena_printf(&e->arena, "if (t < %lld) {", (long long)n.total));
        return;
    }
    cr_emit_line(e, e->now, "const int end = g == %lld ? %lld : (g + 1) * %lld;",
                 (long long)p->groups - 1, (long long)n.total, (long long)items * local);
    cr_emit_open(e);
    visit_vector(&n, "t");
    const char *head =
        local > 1 ? cr_arena_printf(&e->arena, "for (int t = g * %lld + lid; t < end; t += %d) {",
                                    (long long)items * local, local)
                  : cr_arena_printf(&e->arena, "for (int t = g * %d; t < end; t++) {", items);
    cr_emit_close(e, head);
}
