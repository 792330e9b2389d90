/* contract.c - tiled contractions: registers hold a tile of the result over the whole depth, so
 * each element is accumulated in ascending order of k, whatever the tiles. The operands may be
 * computed where they are loaded (a gather, a cast, a transpose), and what follows is applied to
 * the registers.
 *
 *                 j -->            N
 *                 +--------+--------+      a group computes tile_m x tile_n,
 *            k    |  B     | tile_n |      a register tile is reg_m rows by reg_n vectors;
 *                 +--------+--------+      panels of A and B may be staged in local memory first
 *        +---+    +--------+--------+
 *   i    | A |    |        | reg_m  |
 *   M    |   |    |        | x reg_n|
 *        +---+    +--------+--------+
 */
#include "contract.h"

static void operand_index(struct tile *t, cr_ix row, cr_ix column, cr_ix *at)
{
    memcpy(at, t->lead, sizeof t->lead);
    at[t->rank - 2] = row;
    at[t->rank - 1] = column;
}

cr_val cr_tile_element(struct tile *t, cr_ref operand, cr_ix row, cr_ix column)
{
    cr_ix at[CR_MAX_RANK];
    operand_index(t, row, column, at);
    return cr_emit_value(t->e, operand, at);
}

/* A variable for which of `n` tiles along an axis it is. As a variable times the tile's size, a
 * place keeps its factors, by which the sizes of views divide. */
static cr_ix place(cr_emit *e, const char *name, cr_ix which, int64_t n)
{
    if (n == 1)
        return which;
    cr_emit_line(e, e->now, "const int %s = %s;", name, cr_emit_ix(e, which, false));
    return cr_ix_var(e->ix, name, 0, n - 1, e->now, false, false);
}

/* The group's place among the tiles of the result. */
static void locate(struct tile *t)
{
    cr_emit *e = t->e;
    const cr_shape *d = &t->p->domain;
    cr_ix g = cr_ix_var(e->ix, "g", 0, (int64_t)t->p->groups - 1, e->now, false, false);
    cr_ix gn = cr_ix_mod(e->ix, g, t->groups_n), rest = cr_ix_div(e->ix, g, t->groups_n);
    cr_ix gm = cr_ix_mod(e->ix, rest, t->groups_m), b = cr_ix_div(e->ix, rest, t->groups_m);
    for (int i = t->rank - 3; i >= 0; i--) {
        t->lead[i] = cr_ix_mod(e->ix, b, d->dim[i]);
        b = cr_ix_div(e->ix, b, d->dim[i]);
    }
    t->m0 = cr_ix_mul(e->ix, place(e, "gm", gm, t->groups_m), t->s->tile_m);
    t->n0 = cr_ix_mul(e->ix, place(e, "gn", gn, t->groups_n), t->s->tile_n);
}

static void init(struct tile *t, cr_emit *e)
{
    const cr_phase *p = e->phase;
    const cr_node *n = cr_at(e->graph, p->anchor);
    const cr_shape *d = &p->domain, *a = cr_shape_of(e->graph, n->src[0]);
    *t = (struct tile){.e = e,
                       .p = p,
                       .s = &p->schedule,
                       .a = n->src[0],
                       .b = n->src[1],
                       .rank = d->rank,
                       .m = d->dim[d->rank - 2],
                       .n = d->dim[d->rank - 1],
                       .k = a->dim[a->rank - 1]};
    t->groups_m = (t->m + t->s->tile_m - 1) / t->s->tile_m;
    t->groups_n = (t->n + t->s->tile_n - 1) / t->s->tile_n;
    locate(t);
}

/* Stores of what follows the contraction. */
static void write_stores(struct tile *t, cr_ix row, cr_ix column, const char *acc)
{
    cr_emit *e = t->e;
    cr_ix at[CR_MAX_RANK], index[CR_MAX_STORES][CR_MAX_RANK];
    cr_val value[CR_MAX_STORES];
    CR_ASSERT(t->p->nstore <= CR_COUNTOF(value));
    operand_index(t, row, column, at);
    cr_emit_bind(e, t->p->anchor, at, acc, e->width);
    for (uint32_t i = 0; i < t->p->nstore; i++) {
        cr_emit_index_of(e, t->p->store[i].value, &t->p->domain, at, index[i]);
        value[i] = cr_emit_value(e, t->p->store[i].value, index[i]);
    }
    for (uint32_t i = 0; i < t->p->nstore; i++)
        cr_emit_store(e, &t->p->store[i], index[i], value[i]);
}

void cr_tile_epilogue(struct tile *t, cr_ix row, cr_ix column, const char *acc)
{
    cr_emit *e = t->e;
    const int width = e->width, valid = e->valid;
    if (t->n > 1 || width == 1) {
        write_stores(t, row, column, acc);
        return;
    }
    e->width = e->valid = 1; /* of one column a vector has one element, which is a scalar */
    write_stores(t, row, cr_ix_const(e->ix, 0), cr_arena_printf(&t->e->arena, "%s.s0", acc));
    e->width = width;
    e->valid = valid;
}

void cr_emit_contract(cr_emit *e)
{
    struct tile t;
    init(&t, e);
    if (t.s->local == 1)
        cr_contract_vectors(&t);
    else
        cr_contract_items(&t);
}
