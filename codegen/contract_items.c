/* contract_items.c - contractions with many work-items a group: each has a register tile, and
 * blocks of both operands go through local memory.
 *
 *     fetch block 0 into registers
 *     for each block:  registers --> panels | barrier | fetch the next block | multiply | barrier
 *
 * So the reads of the next block are on their way while this one is multiplied. A panel holds lines
 * (rows of A, columns of B) with the depth contiguous, a few floats longer than the block, so that
 * work-items read four of it at once and from different banks. */
#include "contract.h"

enum { FOUR = 4 };

/* One operand as the group's items share it out. */
struct panel {
    cr_ref operand;
    char name;       /* 'a': lines are rows; 'b': columns */
    int lines;       /* of the group's tile */
    int64_t limit;   /* of the operand */
    cr_ix first;     /* line of the tile */
    bool along_line; /* neighbouring items take neighbours of the depth; else neighbouring lines */
    int each;        /* elements an item takes of a block */
    cr_ix at[64];    /* the lines of these */
};

static int pitch(const struct tile *t)
{
    return t->s->a_pitch;
}

/* Number x of the block, of the item's `u`th element. */
static const char *number(struct tile *t, int u)
{
    return u ? cr_arena_printf(&t->e->arena, "(lid + %d)", u * t->s->local) : "lid";
}

static const char *line_of(struct tile *t, const struct panel *p, int u)
{
    const char *x = number(t, u);
    return p->along_line ? cr_arena_printf(&t->e->arena, "%s / %d", x, t->s->block_k)
                         : cr_arena_printf(&t->e->arena, "%s %% %d", x, p->lines);
}

static const char *depth_of(struct tile *t, const struct panel *p, int u)
{
    const char *x = number(t, u);
    return p->along_line ? cr_arena_printf(&t->e->arena, "%s %% %d", x, t->s->block_k)
                         : cr_arena_printf(&t->e->arena, "%s / %d", x, p->lines);
}

/* The lines that an item reads stay the same from block to block: what depends on them only, the
 * number of a gathered row, say, is computed once. A line beyond the last is the last, which nobody
 * uses. */
static void begin_panel(struct tile *t, struct panel *p)
{
    cr_emit *e = t->e;
    const int total = p->lines * t->s->block_k;
    p->each = (total + t->s->local - 1) / t->s->local;
    CR_ASSERT(p->each <= (int)CR_COUNTOF(p->at));
    for (int u = 0; u < p->each; u++) {
        cr_emit_line(e, e->now, "float %c_%d;", p->name, u);
        p->at[u] = cr_ix_const(e->ix, 0);
        if (p->limit == 1)
            continue;
        const char *line = cr_emit_name(e, "i");
        cr_emit_line(e, e->now, "const int %s = min(%s + %s, %lld);", line,
                     cr_emit_ix(e, p->first, false), line_of(t, p, u), (long long)p->limit - 1);
        p->at[u] = cr_ix_var(e->ix, line, 0, p->limit - 1, e->now, false, false);
    }
}

/* Reads the block at `depth` into registers; beyond the depth's end, the last element again. */
static void fetch(struct tile *t, const struct panel *p)
{
    cr_emit *e = t->e;
    for (int u = 0; u < p->each; u++) {
        cr_ix depth = cr_ix_const(e->ix, 0);
        if (t->k > 1) {
            const char *k = cr_emit_name(e, "k");
            cr_emit_line(e, e->now, "const int %s = min(depth + %s, %lld);", k, depth_of(t, p, u),
                         (long long)t->k - 1);
            depth = cr_ix_var(e->ix, k, 0, t->k - 1, e->now, false, false);
        }
        cr_val v = p->name == 'a' ? cr_tile_element(t, p->operand, p->at[u], depth)
                                  : cr_tile_element(t, p->operand, depth, p->at[u]);
        cr_emit_line(e, e->now, "%c_%d = %s;", p->name, u, v.text);
    }
}

static void put(struct tile *t, const struct panel *p)
{
    const int total = p->lines * t->s->block_k;
    for (int u = 0; u < p->each; u++) {
        const bool guarded = (u + 1) * t->s->local > total;
        cr_emit_line(t->e, t->e->now, "%spanel_%c[%s * %d + %s] = %c_%d;",
                     guarded ? cr_arena_printf(&t->e->arena, "if (%s < %d) ", number(t, u), total)
                             : "",
                     p->name, line_of(t, p, u), pitch(t), depth_of(t, p, u), p->name, u);
    }
}

/* ---- the register tile ----------------------------------------------------------------------- */

static int wide(const struct tile *t)
{
    return t->s->tile_n / t->s->reg_n;
}
static int tall(const struct tile *t)
{
    return t->s->tile_m / t->s->reg_m;
}

/* Depth `k` of the panels, or four from there on. */
static void load_lines(struct tile *t, bool four)
{
    cr_emit *e = t->e;
    const char *type = four ? "float4" : "float";
    const char *read = four ? "*(local const float4 *)(panel_%c + (%s + %d) * %d + k)"
                            : "panel_%c[(%s + %d) * %d + k]";
    for (int v = 0; v < t->s->reg_n; v++)
        cr_emit_line(e, e->now, "const %s b%d = %s;", type, v,
                     cr_arena_printf(&t->e->arena, read, 'b', "tx", v * wide(t), pitch(t)));
    for (int r = 0; r < t->s->reg_m; r++)
        cr_emit_line(e, e->now, "const %s a%d = %s;", type, r,
                     cr_arena_printf(&t->e->arena, read, 'a', "ty", r * tall(t), pitch(t)));
}

static void multiply(struct tile *t, const char *part)
{
    for (int r = 0; r < t->s->reg_m; r++)
        for (int v = 0; v < t->s->reg_n; v++)
            cr_emit_line(t->e, t->e->now, "c%d_%d = fma(a%d%s, b%d%s, c%d_%d);", r, v, r, part, v,
                         part, r, v);
}

/* Work-items that have results: the first ones, as many as the tile has register tiles. */
static int busy(const struct tile *t)
{
    return wide(t) * tall(t);
}

static void one_by_one(struct tile *t, const char *from, const char *to)
{
    cr_emit_open(t->e);
    load_lines(t, false);
    multiply(t, "");
    cr_emit_close(t->e, cr_arena_printf(&t->e->arena, "for (int k = %s; k < %s; k++) {", from, to));
}

static void in_fours(struct tile *t, const char *from, const char *to)
{
    static const char *const part[FOUR] = {".s0", ".s1", ".s2", ".s3"};
    cr_emit_open(t->e);
    load_lines(t, true);
    for (int i = 0; i < FOUR; i++)
        multiply(t, part[i]);
    cr_emit_close(
        t->e, cr_arena_printf(&t->e->arena, "for (int k = %s; k < %s; k += %d) {", from, to, FOUR));
}

/* The last block stops at the depth's end instead of multiplying by zero, which would turn -0 into
 * 0. Work-items without results begin at the end: PoCL 3.1 miscompiles a branch around the loop,
 * and with an end that is not constant NVIDIA's compiler unrolls less (784-256-10 at batch 64: 22.2
 * instead of 19.9 us). */
static void multiply_block(struct tile *t)
{
    cr_emit *e = t->e;
    const int64_t block = t->s->block_k;
    const bool whole = t->k % block == 0, fours = pitch(t) % FOUR == 0,
               idle = busy(t) < t->s->local;
    const char *from = "0", *end = cr_arena_printf(&e->arena, "%lld", (long long)block);
    if (!whole) {
        cr_emit_line(e, e->now, "const int k_end = min(%s, %lld - depth);", end, (long long)t->k);
        end = "k_end";
    }
    if (idle) {
        cr_emit_line(e, e->now, "const int k_from = lid < %d ? 0 : %s;", busy(t), end);
        from = "k_from";
    }
    if (fours && whole && block % FOUR == 0) {
        in_fours(t, from, end);
    } else if (fours) {
        cr_emit_line(e, e->now, "const int k_fours = %s / %d * %d;", end, FOUR, FOUR);
        in_fours(t, from, "k_fours");
        one_by_one(t, idle ? "max(k_from, k_fours)" : "k_fours", end);
    } else {
        one_by_one(t, from, end);
    }
}

static void write_tile(struct tile *t)
{
    cr_emit *e = t->e;
    for (int r = 0; r < t->s->reg_m; r++) {
        for (int v = 0; v < t->s->reg_n; v++) {
            const char *i = cr_emit_name(e, "i"), *j = cr_emit_name(e, "j");
            cr_emit_line(e, e->now, "const int %s = %s + ty + %d, %s = %s + tx + %d;", i,
                         cr_emit_ix(e, t->m0, false), r * tall(t), j, cr_emit_ix(e, t->n0, false),
                         v * wide(t));
            cr_scope *guard = cr_emit_open(e);
            cr_ix row = cr_ix_var(e->ix, i, 0, t->m - 1, guard, false, false);
            cr_ix column = cr_ix_var(e->ix, j, 0, t->n - 1, guard, false, false);
            cr_tile_epilogue(t, row, column, cr_arena_printf(&t->e->arena, "c%d_%d", r, v));
            const char *mine = busy(t) == t->s->local
                                   ? ""
                                   : cr_arena_printf(&t->e->arena, "lid < %d && ", busy(t));
            cr_emit_close(e, cr_arena_printf(&t->e->arena, "if (%s%s < %lld && %s < %lld) {", mine,
                                             i, (long long)t->m, j, (long long)t->n));
        }
    }
}

void cr_contract_items(struct tile *t)
{
    cr_emit *e = t->e;
    const cr_schedule *s = t->s;
    struct panel a = {t->a, 'a', s->tile_m, t->m, t->m0, !s->a_by_k, 0, {0}};
    struct panel b = {t->b, 'b', s->tile_n, t->n, t->n0, s->b_along_k, 0, {0}};
    cr_emit_line(e, e->now, "const int tx = lid %% %d, ty = lid / %d;", wide(t), wide(t));
    for (int r = 0; r < s->reg_m; r++)
        for (int v = 0; v < s->reg_n; v++)
            cr_emit_line(e, e->now, "float c%d_%d = 0.0f;", r, v);
    begin_panel(t, &a);
    begin_panel(t, &b);
    if (t->k > 1)
        cr_emit_line(e, e->now, "int depth = 0;");
    cr_emit_open(e);
    fetch(t, &a);
    fetch(t, &b);
    cr_emit_close(e, "{");
    cr_emit_open(e);
    cr_emit_line(e, e->now, "barrier(CLK_LOCAL_MEM_FENCE);");
    put(t, &a);
    put(t, &b);
    cr_emit_line(e, e->now, "barrier(CLK_LOCAL_MEM_FENCE);");
    if (t->k > s->block_k) {
        cr_emit_line(e, e->now, "depth += %d;", s->block_k);
        cr_emit_open(e);
        fetch(t, &a);
        fetch(t, &b);
        cr_emit_close(e, cr_arena_printf(&t->e->arena, "if (depth < %lld) {", (long long)t->k));
        cr_emit_line(e, e->now, "depth -= %d;", s->block_k);
    }
    cr_emit_open(e);
    multiply_block(t);
    cr_emit_close(e, "{");
    cr_emit_close(e, t->k > s->block_k
                         ? cr_arena_printf(&t->e->arena, "for (; depth < %lld; depth += %d) {",
                                           (long long)t->k, s->block_k)
                         : "{");
    write_tile(t);
}
