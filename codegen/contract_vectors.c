/* contract_vectors.c - contractions with one work-item a group: explicit vectors (of one lane, on
 * devices that prefer scalars), panels of operands, blocks of the depth, register tiles. */
#include "contract.h"

/* The lane numbers. An idle lane need not have an index: without those, a row's end divides into no
 * more shapes. */
static cr_ix lane(struct tile *t)
{
    cr_emit *e = t->e;
    if (e->valid == e->width)
        return e->lane;
    if (!t->last_lane[e->valid])
        t->last_lane[e->valid] = 1 + cr_ix_var(e->ix, e->lanes, 0, e->valid - 1, NULL, true, true);
    return t->last_lane[e->valid] - 1;
}

static const char *vector_type(struct tile *t)
{
    return cr_emit_type(t->e, CR_F32, t->e->width);
}

/* The vector at a place in a panel, and lines that write an element or a vector there. */
static const char *vector_at(struct tile *t, const char *panel, cr_ix at)
{
    cr_emit *e = t->e;
    const char *index = cr_emit_ix(e, at, false);
    return e->width == 1
               ? cr_arena_printf(&e->arena, "%s[%s]", panel, index)
               : cr_arena_printf(&e->arena, "vload%d(0, %s + %s)", e->width, panel, index);
}

static void put_scalar(struct tile *t, const char *panel, cr_ix at, const char *value)
{
    cr_emit_line(t->e, t->e->now, "%s[%s] = %s;", panel, cr_emit_ix(t->e, at, false), value);
}

static void put_vector(struct tile *t, const char *panel, cr_ix at, const char *value)
{
    if (t->e->width == 1)
        put_scalar(t, panel, at, value);
    else
        cr_emit_put(t->e, "local", vector_type(t), panel, true, at, value);
}

/* Row `r` from `first` on as a variable that is a row of the result, however high the last tile is.
 */
static cr_ix row_variable(struct tile *t, cr_ix first, cr_ix r)
{
    cr_emit *e = t->e;
    const cr_ix row = cr_ix_add(e->ix, first, r);
    if (cr_ix_hi(e->ix, row) < t->m)
        return row;
    const char *i = cr_emit_name(e, "i");
    cr_emit_line(e, e->now, "const int %s = %s;", i, cr_emit_ix(e, row, false));
    return cr_ix_var(e->ix, i, 0, t->m - 1, e->now, false, false);
}

/* A loop whose variable stays below limit; the caller closes it. */
static cr_ix open_loop(struct tile *t, const char *name, int64_t limit)
{
    cr_scope *s = cr_emit_open(t->e);
    return cr_ix_var(t->e->ix, name, 0, limit - 1, s, false, false);
}

static void close_loop(struct tile *t, const char *name, int64_t limit)
{
    const char *head = limit == 1
                           ? "{"
                           : cr_arena_printf(&t->e->arena, "for (int %s = 0; %s < %lld; %s++) {",
                                             name, name, (long long)limit, name);
    cr_emit_close(t->e, head);
}

/* ---- the depth: loops over its factors ---- */

static const char *const depth_name[] = {"k", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};

/* Opens loops over factors [from, to) of the depth; gives their part of k. One block at least. */
static cr_ix open_depth(struct tile *t, int from, int to)
{
    cr_emit *e = t->e;
    int64_t inner = 1;
    cr_ix k = cr_ix_const(e->ix, 0);
    for (int i = to; i < t->s->nk; i++)
        inner *= t->s->k_factor[i];
    for (int i = from; i < to; i++) {
        int64_t step = inner;
        for (int j = i + 1; j < to; j++)
            step *= t->s->k_factor[j];
        cr_ix loop = open_loop(t, depth_name[i], t->s->k_factor[i]);
        k = cr_ix_add(e->ix, k, cr_ix_mul(e->ix, loop, step));
    }
    return k;
}

static void close_depth(struct tile *t, int from, int to)
{
    for (int i = to; i-- > from;)
        close_loop(t, depth_name[i], t->s->k_factor[i]);
}

/* k is the depth inside the block, 0 at its beginning; as operands count it: */
static cr_ix whole_depth(struct tile *t, cr_ix k)
{
    return cr_ix_add(t->e->ix, t->k_block, k);
}

/* ---- panels ---- */

/* Where element (r, k) of A's panel is, r counted from the panel's first row. */
static cr_ix panel_a_at(struct tile *t, cr_ix r, cr_ix k)
{
    cr_emit *e = t->e;
    return t->s->a_by_k ? cr_ix_add(e->ix, cr_ix_mul(e->ix, k, t->s->a_pitch), r)
                        : cr_ix_add(e->ix, cr_ix_mul(e->ix, r, t->s->a_pitch), k);
}

/* Where element (k, j) of B's panel is, j counted from the group's first column: columns lie in
 * strips that are as wide as a register tile, each [k][column], so that a tile reads what is
 * contiguous. */
static cr_ix panel_b_at(struct tile *t, cr_ix k, cr_ix j)
{
    cr_emit *e = t->e;
    const int64_t strip = (int64_t)t->s->reg_n * e->width;
    cr_ix inside = cr_ix_mod(e->ix, j, strip);
    cr_ix first = cr_ix_mul(e->ix, cr_ix_div(e->ix, j, strip), strip * t->s->block_k);
    return cr_ix_add(e->ix, first, cr_ix_add(e->ix, cr_ix_mul(e->ix, k, strip), inside));
}

/* Copies columns [n0, n0 + columns) of B, computed where it is loaded, to its panel. */
static void stage_b_vector(struct tile *t, cr_ix k, cr_ix j)
{
    cr_emit *e = t->e;
    cr_val x = cr_tile_element(t, t->b, whole_depth(t, k),
                               cr_ix_add(e->ix, cr_ix_add(e->ix, t->n0, j), lane(t)));
    put_vector(t, "panel_b", panel_b_at(t, k, j), cr_emit_widen(e, x).text);
}

/* The same for a B whose columns are contiguous: vectors down a column, dealt out to the rows. */
static void stage_b_column(struct tile *t, cr_ix k, cr_ix j, bool vector)
{
    cr_emit *e = t->e;
    const int W = e->width;
    if (!vector)
        e->width = e->valid = 1;
    cr_ix along = vector ? cr_ix_add(e->ix, k, e->lane) : k;
    cr_val x = cr_tile_element(t, t->b, whole_depth(t, along), cr_ix_add(e->ix, t->n0, j));
    x = vector ? cr_emit_widen(e, x) : x;
    e->width = e->valid = W;
    for (int i = 0; i < (vector ? W : 1); i++)
        put_scalar(t, "panel_b", panel_b_at(t, cr_tile_plus(t, k, i), j),
                   vector ? cr_arena_printf(&e->arena, "%s.s%x", x.text, (unsigned)i) : x.text);
}

/* As many columns from j0 on as a vector has lanes: a square, turned round in registers. Vectors i
 * and i + W / 2 are zipped, log2 W times over (the perfect shuffle of H. S. Stone, IEEE Trans.
 * Comput. C-20, 1971): 64 shuffles for 16 x 16 elements; one by one these took four times as long.
 */
static void stage_b_square(struct tile *t, cr_ix k, cr_ix j0)
{
    static const char *const zip[] = {[4] = "s0213", [8] = "s04152637", [16] = "s08192a3b4c5d6e7f"};
    cr_emit *e = t->e;
    const int W = e->width;
    const char *x[16], *y[16];
    const cr_ix along = cr_ix_add(e->ix, k, e->lane);
    for (int i = 0; i < W; i++) {
        cr_val v = cr_tile_element(t, t->b, whole_depth(t, along),
                                   cr_ix_add(e->ix, t->n0, cr_tile_plus(t, j0, i)));
        x[i] = v.width == W
                   ? v.text
                   : cr_emit_define(e, v.scope, "v", CR_F32, W, cr_emit_widen(e, v).text).text;
    }
    for (int round = 1; round < W; round *= 2) {
        for (int i = 0; i < W; i++) {
            const char *half = i % 2 ? "hi" : "lo";
            y[i] = cr_emit_name(e, "z");
            cr_emit_line(e, e->now, "const float%d %s = ((float%d)(%s.%s, %s.%s)).%s;", W, y[i], W,
                         x[i / 2], half, x[i / 2 + W / 2], half, zip[W]);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < W; i++)
        put_vector(t, "panel_b", panel_b_at(t, cr_tile_plus(t, k, i), j0), x[i]);
}

/* `count` columns from j0. Blocks are square: the rows of the panel are far from each other, and
 * more of them at once would push each other out of the cache. */
static void stage_b_block(struct tile *t, cr_ix j0, int64_t count)
{
    cr_emit *e = t->e;
    const int W = e->width, last = t->s->nk - 1;
    int64_t whole = W > 1 ? t->s->k_factor[last] / W : 0, rest = t->s->k_factor[last] - whole * W;
    cr_ix k = open_depth(t, t->s->k_outer, last);
    if (whole) {
        cr_ix kv = cr_ix_add(e->ix, k, cr_ix_mul(e->ix, open_loop(t, "kv", whole), W));
        if (count % W == 0 && W >= 4) {
            for (int64_t c = 0; c < count; c += W)
                stage_b_square(t, kv, cr_tile_plus(t, j0, c));
        } else {
            cr_ix j = cr_ix_add(e->ix, j0, open_loop(t, "j", count));
            stage_b_column(t, kv, j, true);
            close_loop(t, "j", count);
        }
        close_loop(t, "kv", whole);
    }
    if (rest) {
        cr_ix c = open_loop(t, "c", rest);
        cr_ix j = cr_ix_add(e->ix, j0, open_loop(t, "j", count));
        stage_b_column(t, cr_ix_add(e->ix, cr_tile_plus(t, k, whole * W), c), j, false);
        close_loop(t, "j", count);
        close_loop(t, "c", rest);
    }
    close_depth(t, t->s->k_outer, last);
}

static void stage_b_columns(struct tile *t, int64_t columns)
{
    cr_emit *e = t->e;
    const int W = CR_MAX(e->width, 8);
    int64_t whole = columns / W, rest = columns % W;
    if (whole) {
        cr_ix jb = cr_ix_mul(e->ix, open_loop(t, "jb", whole), W);
        stage_b_block(t, jb, W);
        close_loop(t, "jb", whole);
    }
    if (rest)
        stage_b_block(t, cr_ix_const(e->ix, whole * W), rest);
}

static void stage_b(struct tile *t, int64_t columns)
{
    cr_emit *e = t->e;
    const int W = e->width;
    int64_t whole = columns / W, rest = columns % W;
    cr_ix k = open_depth(t, t->s->k_outer, t->s->nk);
    if (whole > 1) {
        stage_b_vector(t, k, cr_ix_mul(e->ix, open_loop(t, "jv", whole), W));
        close_loop(t, "jv", whole);
    } else if (whole == 1) {
        stage_b_vector(t, k, cr_ix_const(e->ix, 0));
    }
    if (rest) {
        e->valid = (int)rest;
        stage_b_vector(t, k, cr_ix_const(e->ix, whole * W));
        e->valid = W;
    }
    close_depth(t, t->s->k_outer, t->s->nk);
}

/* Copies rows of A to its panel: those of a register tile as [row][k], or, where neighbouring rows
 * are neighbours in memory, those of the group as [k][row]. */
static void stage_a_vector(struct tile *t, cr_ix i, cr_ix r, cr_ix k)
{
    cr_emit *e = t->e;
    const bool by_k = t->s->a_by_k;
    cr_ix along = cr_ix_add(e->ix, by_k ? i : k, e->lane);
    cr_val x = by_k ? cr_tile_element(t, t->a, along, whole_depth(t, k))
                    : cr_tile_element(t, t->a, i, whole_depth(t, along));
    put_vector(t, "panel_a", panel_a_at(t, r, k), cr_emit_widen(e, x).text);
}

static void stage_a_scalar(struct tile *t, cr_ix i, cr_ix r, cr_ix k)
{
    int width = t->e->width;
    t->e->width = t->e->valid = 1;
    cr_val x = cr_tile_element(t, t->a, i, whole_depth(t, k));
    put_scalar(t, "panel_a", panel_a_at(t, r, k), x.text);
    t->e->width = t->e->valid = width;
}

/* Vectors [from, to) of each row, and, `rest` > 0, the elements that are left. */
static void stage_a_row(struct tile *t, cr_ix row, int rows, cr_ix from, int64_t vectors,
                        int64_t rest)
{
    cr_emit *e = t->e;
    const int W = e->width, last = t->s->nk - 1;
    const int64_t depth = t->s->k_factor[last];
    cr_ix r = open_loop(t, "r", rows), i = row_variable(t, row, r);
    cr_ix k = open_depth(t, t->s->k_outer, last);
    if (vectors) {
        cr_ix kv = cr_ix_add(e->ix, from, cr_ix_mul(e->ix, open_loop(t, "kv", vectors), W));
        stage_a_vector(t, i, r, cr_ix_add(e->ix, k, kv));
        close_loop(t, "kv", vectors);
    }
    if (rest && depth >= W) /* a vector that begins with elements that are there already */
        stage_a_vector(t, i, r, cr_tile_plus(t, k, depth - W));
    for (int64_t c = 0; c < rest && depth < W; c++)
        stage_a_scalar(t, i, r, cr_tile_plus(t, k, c));
    close_depth(t, t->s->k_outer, last);
    close_loop(t, "r", rows);
}

/* `rows` rows from `row` on, those of a register tile: so that what is gathered or converted is
 * still in the nearest cache when it is multiplied. Rows that are gathered come from memory, not
 * from a cache: a few vectors of each in turn, so that many are on their way at once. */
static void stage_a_rows(struct tile *t, cr_ix row, int rows)
{
    enum { LINE = 4 };
    cr_emit *e = t->e;
    const int W = e->width, last = t->s->nk - 1;
    int64_t whole = t->s->k_factor[last] / W, rest = t->s->k_factor[last] % W;
    int64_t lines = t->s->a_across ? whole / LINE : 0;
    if (lines > 1) {
        cr_ix line = open_loop(t, "line", lines);
        stage_a_row(t, row, rows, cr_ix_mul(e->ix, line, LINE * W), LINE, 0);
        close_loop(t, "line", lines);
    } else {
        lines = 0;
    }
    if (whole > lines * LINE || rest)
        stage_a_row(t, row, rows, cr_ix_const(e->ix, lines * LINE * W), whole - lines * LINE, rest);
}

static void stage_a_columns(struct tile *t)
{
    cr_emit *e = t->e;
    cr_ix k = open_depth(t, t->s->k_outer, t->s->nk);
    if (t->s->tile_m >= e->width) {
        cr_ix r = cr_ix_mul(e->ix, open_loop(t, "rv", t->s->tile_m / e->width), e->width);
        stage_a_vector(t, cr_ix_add(e->ix, t->m0, r), r, k);
        cr_emit_close(
            e, cr_arena_printf(&t->e->arena, "for (int rv = 0; rv < rows / %d; rv++) {", e->width));
    }
    cr_ix r = open_loop(t, "r", t->s->tile_m);
    stage_a_scalar(t, row_variable(t, t->m0, r), r, k);
    cr_emit_close(e, cr_arena_printf(&t->e->arena, "for (int r = rows / %d * %d; r < rows; r++) {",
                                     e->width, e->width));
    close_depth(t, t->s->k_outer, t->s->nk);
}

/* Where the sums of a block begin and are kept until the next: [row][column] of the group's tile.
 */
static cr_ix panel_c_at(struct tile *t, cr_ix r, cr_ix local_column)
{
    return cr_ix_add(t->e->ix, cr_ix_mul(t->e->ix, r, t->s->tile_n), local_column);
}

/* ---- register tiles ---- */

/* What follows the contraction, row by row of a register tile. The accumulators go through an
 * array, so that the epilogue is written once and not for each of them: it is that text which
 * drivers compile slowly. Below the loop over k, so that what the epilogue reads takes no registers
 * from it. */
static void write_rows(struct tile *t, cr_ix row, int rows, cr_ix column, int vectors, int valid)
{
    cr_emit *e = t->e;
    const int W = e->width;
    cr_scope *floor = e->floor;
    e->floor = cr_emit_open(e);
    if (rows > 1) {
        cr_emit_line(e, e->now, "%s c[%d];", vector_type(t), rows * vectors);
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                cr_emit_line(e, e->now, "c[%d] = c%d_%d;", r * vectors + v, r, v);
        row = cr_ix_add(e->ix, row, open_loop(t, "r", rows));
    }
    for (int v = 0; v < vectors; v++) {
        cr_emit_open(e);
        e->valid = v == vectors - 1 ? valid : W;
        const char *acc = rows > 1 ? cr_arena_printf(&t->e->arena, "c[r * %d + %d]", vectors, v)
                                   : cr_arena_printf(&t->e->arena, "c0_%d", v);
        cr_tile_epilogue(t, row, cr_ix_add(e->ix, cr_tile_plus(t, column, v * W), lane(t)), acc);
        e->valid = W;
        cr_emit_close(e, "{");
    }
    if (rows > 1)
        close_loop(t, "r", rows);
    e->floor = floor;
    cr_emit_close(e, "{");
}

static void begin_sums(struct tile *t, cr_ix local_row, int rows, cr_ix local_column, int vectors)
{
    cr_emit *e = t->e;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) {
            const char *zero = cr_arena_printf(&t->e->arena, "(%s)(0.0f)", vector_type(t));
            cr_emit_line(e, e->now, "%s c%d_%d = %s;", vector_type(t), r, v,
                         t->s->k_outer
                             ? vector_at(t, "panel_c",
                                         panel_c_at(t, cr_tile_plus(t, local_row, r),
                                                    cr_tile_plus(t, local_column, v * e->width)))
                             : zero);
        }
}

static void keep_sums(struct tile *t, cr_ix local_row, int rows, cr_ix local_column, int vectors)
{
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            put_vector(t, "panel_c",
                       panel_c_at(t, cr_tile_plus(t, local_row, r),
                                  cr_tile_plus(t, local_column, v * t->e->width)),
                       cr_arena_printf(&t->e->arena, "c%d_%d", r, v));
}

/* reg_m rows from `row`, `vectors` vectors from column n0 + j. `valid` lanes of the last vector
 * count. */
static void register_tile(struct tile *t, cr_ix row, cr_ix local_row, int rows, cr_ix column,
                          cr_ix local_column, int vectors, int valid)
{
    cr_emit *e = t->e;
    const int W = e->width;
    const cr_ix a_row = t->s->a_by_k ? local_row : cr_ix_const(e->ix, 0);
    begin_sums(t, local_row, rows, local_column, vectors);
    cr_ix k = open_depth(t, t->s->k_outer, t->s->nk);
    const char *b[8];
    for (int v = 0; v < vectors; v++) {
        if (t->s->stage_b) {
            b[v] = cr_arena_printf(&t->e->arena, "b%d", v);
            cr_emit_line(
                e, e->now, "const %s b%d = %s;", vector_type(t), v,
                vector_at(t, "panel_b", panel_b_at(t, k, cr_tile_plus(t, local_column, v * W))));
            continue;
        }
        e->valid = v == vectors - 1 ? valid : W;
        b[v] = cr_emit_widen(
                   e, cr_tile_element(t, t->b, whole_depth(t, k),
                                      cr_ix_add(e->ix, cr_tile_plus(t, column, v * W), lane(t))))
                   .text;
        e->valid = W;
    }
    for (int r = 0; r < rows; r++) {
        const char *a;
        if (t->s->stage_a) {
            a = cr_arena_printf(&t->e->arena, "a%d", r);
            cr_emit_line(e, e->now, "const float a%d = panel_a[%s];", r,
                         cr_emit_ix(e, panel_a_at(t, cr_tile_plus(t, a_row, r), k), false));
        } else {
            a = cr_tile_element(t, t->a, cr_tile_plus(t, row, r), whole_depth(t, k)).text;
        }
        for (int v = 0; v < vectors; v++)
            cr_emit_line(e, e->now, "c%d_%d = fma((%s)(%s), %s, c%d_%d);", r, v, vector_type(t), a,
                         b[v], r, v);
    }
    close_depth(t, t->s->k_outer, t->s->nk);
    if (t->s->k_outer)
        keep_sums(t, local_row, rows, local_column, vectors);
    else
        write_rows(t, row, rows, column, vectors, valid);
}

/* All columns of the group's tile for `rows` rows. `columns` is how many the tile has. */
static void columns_loop(struct tile *t, cr_ix row, cr_ix local_row, int rows, int64_t columns)
{
    cr_emit *e = t->e;
    if (t->s->stage_a && !t->s->a_by_k)
        stage_a_rows(t, row, rows);
    const int W = e->width, step = t->s->reg_n * W;
    int64_t whole = columns / step, rest = columns % step;
    if (whole > 1) {
        cr_ix j = cr_ix_mul(e->ix, open_loop(t, "jt", whole), step);
        register_tile(t, row, local_row, rows, cr_ix_add(e->ix, t->n0, j), j, t->s->reg_n, W);
        close_loop(t, "jt", whole);
    } else if (whole == 1) {
        cr_emit_open(e);
        register_tile(t, row, local_row, rows, t->n0, cr_ix_const(e->ix, 0), t->s->reg_n, W);
        cr_emit_close(e, "{");
    }
    if (rest) {
        cr_emit_open(e);
        int vectors = (int)((rest + W - 1) / W), valid = (int)(rest - (vectors - 1) * (int64_t)W);
        register_tile(t, row, local_row, rows, cr_tile_plus(t, t->n0, whole * step),
                      cr_ix_const(e->ix, whole * step), vectors, valid);
        cr_emit_close(e, "{");
    }
}

/* The number of the group's register tile `it` among those of the result, which are as many as
 * there are whole ones: times their height it is a row of the result. */
static cr_ix tile_variable(struct tile *t, cr_ix it)
{
    cr_emit *e = t->e;
    if (t->groups_m == 1 || (t->s->a_by_k && t->s->k_outer)) /* or nobody asks for it */
        return it;
    if (t->m / t->s->reg_m == 1)
        return cr_ix_const(e->ix, 0);
    const char *q = cr_emit_name(e, "q");
    cr_ix first = cr_ix_div(e->ix, t->m0, t->s->reg_m);
    cr_emit_line(e, e->now, "const int %s = %s;", q,
                 cr_emit_ix(e, cr_ix_add(e->ix, first, it), false));
    return cr_ix_var(e->ix, q, 0, t->m / t->s->reg_m - 1, e->now, false, false);
}

/* The group's rows in register tiles; then the rows that are left. Counts are constants chosen by
 * whether the group is the last one. */
static void rows_loop(struct tile *t, int64_t columns)
{
    cr_emit *e = t->e;
    int64_t R = t->s->reg_m, first_of_last = (t->groups_m - 1) * t->s->tile_m,
            last = t->m - first_of_last;
    int64_t whole = t->groups_m > 1 ? t->s->tile_m / R : last / R, whole_last = last / R,
            rest = last % R;
    if (whole) {
        cr_ix it = open_loop(t, "it", whole);
        columns_loop(t, cr_ix_mul(e->ix, tile_variable(t, it), R), cr_ix_mul(e->ix, it, R), (int)R,
                     columns);
        const char *count = t->groups_m > 1 && whole != whole_last
                                ? cr_arena_printf(&t->e->arena, "(gm == %lld ? %lld : %lld)",
                                                  (long long)t->groups_m - 1, (long long)whole_last,
                                                  (long long)whole)
                                : cr_arena_printf(&t->e->arena, "%lld", (long long)whole);
        cr_emit_close(e, cr_arena_printf(&t->e->arena, "for (int it = 0; it < %s; it++) {", count));
    }
    if (rest) {
        cr_emit_open(e);
        columns_loop(t, cr_ix_const(e->ix, first_of_last + whole_last * R),
                     cr_ix_const(e->ix, whole_last * R), (int)rest, columns);
        cr_emit_close(e, t->groups_m > 1 ? cr_arena_printf(&t->e->arena, "if (gm == %lld) {",
                                                           (long long)t->groups_m - 1)
                                         : "{");
    }
}

/* One block of the depth: its panels, then all register tiles. */
static void block(struct tile *t, int64_t columns)
{
    if (t->s->stage_b)
        (t->s->b_along_k ? stage_b_columns : stage_b)(t, columns);
    if (t->s->a_by_k)
        stage_a_columns(t);
    rows_loop(t, columns);
}

/* A loop over the rows of the group's tile, and in it all vectors of columns. `named`: the row of
 * the result is asked for. */
static void over_panel_c(struct tile *t, int64_t columns, bool named,
                         void (*visit)(struct tile *t, cr_ix row, cr_ix r, cr_ix local_column))
{
    cr_emit *e = t->e;
    const int W = e->width;
    int64_t whole = columns / W, rest = columns % W;
    cr_ix r = open_loop(t, "r", t->s->tile_m), row = named ? row_variable(t, t->m0, r) : r;
    if (whole) {
        visit(t, row, r, cr_ix_mul(e->ix, open_loop(t, "jv", whole), W));
        close_loop(t, "jv", whole);
    }
    if (rest) {
        e->valid = (int)rest;
        cr_emit_open(e);
        visit(t, row, r, cr_ix_const(e->ix, whole * W));
        cr_emit_close(e, "{");
        e->valid = W;
    }
    cr_emit_close(e, "for (int r = 0; r < rows; r++) {");
}

static void clear_sum(struct tile *t, cr_ix row, cr_ix r, cr_ix local_column)
{
    (void)row;
    put_vector(t, "panel_c", panel_c_at(t, r, local_column),
               cr_arena_printf(&t->e->arena, "(%s)(0.0f)", vector_type(t)));
}

static void finish_sum(struct tile *t, cr_ix row, cr_ix r, cr_ix local_column)
{
    cr_emit *e = t->e;
    cr_emit_line(e, e->now, "const %s c = %s;", vector_type(t),
                 vector_at(t, "panel_c", panel_c_at(t, r, local_column)));
    cr_scope *floor = e->floor; /* nothing of the epilogue may come before this */
    e->floor = cr_emit_open(e);
    cr_tile_epilogue(t, row, cr_ix_add(e->ix, cr_ix_add(e->ix, t->n0, local_column), lane(t)), "c");
    e->floor = floor;
    cr_emit_close(e, "{");
}

/* The tile of the group. In blocks of the depth the sums wait in a panel, from which they go on: in
 * the order in which they would be added up without blocks. */
static void whole_tile(struct tile *t, int64_t columns)
{
    if (!t->s->k_outer) {
        block(t, columns);
        return;
    }
    over_panel_c(t, columns, false, clear_sum);
    t->k_block = open_depth(t, 0, t->s->k_outer);
    block(t, columns);
    close_depth(t, 0, t->s->k_outer);
    t->k_block = cr_ix_const(t->e->ix, 0);
    over_panel_c(t, columns, true, finish_sum);
}

void cr_contract_vectors(struct tile *t)
{
    cr_emit *e = t->e;
    const cr_schedule *s = t->s;
    int64_t rest = t->n % s->tile_n;
    t->k_block = cr_ix_const(e->ix, 0);
    if (s->a_by_k || s->k_outer) {
        int64_t last = t->m - (t->groups_m - 1) * s->tile_m;
        cr_emit_line(e, e->now, "const int rows = %s;",
                     t->groups_m == 1 || last == s->tile_m
                         ? cr_arena_printf(&t->e->arena, "%lld", (long long)last)
                         : cr_arena_printf(&t->e->arena, "gm == %lld ? %lld : %d",
                                           (long long)t->groups_m - 1, (long long)last, s->tile_m));
    }
    if (rest == 0 || t->groups_n == 1) {
        whole_tile(t, t->groups_n == 1 ? t->n : s->tile_n);
        return;
    }
    cr_ix keep = t->n0;
    cr_scope *branch = cr_emit_open(e);
    cr_ix gn = cr_ix_var(e->ix, "gn", 0, t->groups_n - 2, branch, false, false);
    t->n0 = cr_ix_mul(e->ix, gn, s->tile_n);
    whole_tile(t, s->tile_n);
    cr_emit_close(e, cr_arena_printf(&t->e->arena, "if (gn < %lld) {", (long long)t->groups_n - 1));
    cr_scope *floor = e->floor; /* nothing may come between the two branches */
    e->floor = cr_emit_open(e);
    t->n0 = cr_ix_const(e->ix, t->n - rest);
    whole_tile(t, rest);
    t->n0 = keep;
    cr_emit_close(e, "else {");
    e->floor = floor;
}
