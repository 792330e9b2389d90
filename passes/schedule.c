/* schedule.c - tile sizes, vector widths and costs of each phase.
 * requires: plan->phase with domains, nodes, stores, loads
 * provides: schedule, groups, panel_bytes, flops, bytes, cost_us of each phase; of the reference
 *           schedule, issued
 *
 * The schedule of a phase follows from its contraction or domain and from the target alone, so the
 * variants use the same schedules for the same ops. No schedule changes an order of accumulation.
 */
#include "elementary.h"
#include "module.h"
#include "passes.h"
#include "strides.h"
#include "tuned.h"

struct sizes {
    int64_t batch, m, n, k, w; /* w: vector lanes */
};

struct row {
    int32_t reg_m, reg_n, tile_m, tile_n, block_k, local, items;
};

/* ---- cost ----------------------------------------------------------------------------------- */

static double node_flops(const cr_graph *g, cr_ref r, const uint32_t *cost)
{
    const cr_node *n = cr_at(g, r);
    double count = (double)cr_count_of(g, r);
    switch (cr_kind_of(n)) {
    case CR_KIND_EW:
        return count * (cost[n->op] < CR_COST_EXP / 2 ? 1 : cost[n->op]); /* a division is one */
    case CR_KIND_RED: return (double)cr_count_of(g, n->src[0]);
    case CR_KIND_PRIM:
        if (n->op == CR_OP_matmul) {
            const cr_shape *x = cr_shape_of(g, n->src[0]);
            return 2 * count * (double)x->dim[x->rank - 1];
        }
        return n->op == CR_OP_random ? CR_COST_EXP * count : 0;
    default: return 0;
    }
}

/* Bytes that a phase reads of one loaded value: of a table that it only gathers from, the rows it
 * takes; of anything read through slices alone, the largest slice. */
static uint64_t load_bytes(const cr_plan *plan, const cr_phase *p, cr_ref value)
{
    const cr_graph *g = plan->graph;
    uint64_t whole = cr_bytes_of(g, value), part = 0,
             size = cr_dtype_size((cr_dtype)cr_at(g, value)->dtype);
    for (uint32_t i = 0; i < p->nnode; i++) {
        const cr_node *n = cr_at(g, p->node[i]);
        for (int k = 0; k < n->nsrc; k++) {
            if (n->src[k] != value)
                continue;
            bool some = (n->op == CR_OP_gather && k == 0) || n->op == CR_OP_slice;
            if (!some && n->op == CR_OP_reshape) { /* a reshape of a table that is gathered from */
                uint64_t inner = 0;
                for (uint32_t j = i + 1; j < p->nnode; j++) {
                    const cr_node *u = cr_at(g, p->node[j]);
                    if (u->op == CR_OP_gather && u->src[0] == p->node[i])
                        inner = CR_MAX(inner, (uint64_t)cr_count_of(g, p->node[j]) * size);
                    else if (u->nsrc &&
                             (u->src[0] == p->node[i] || (u->nsrc > 1 && u->src[1] == p->node[i])))
                        inner = whole;
                }
                part = CR_MAX(part, inner ? inner : whole);
                continue;
            }
            part = CR_MAX(part, some ? (uint64_t)cr_count_of(g, p->node[i]) * size : whole);
        }
    }
    return part ? CR_MIN(part, whole) : whole;
}

static void account(cr_plan *plan, cr_phase *p, const uint32_t *cost)
{
    const cr_graph *g = plan->graph;
    const cr_target *t = plan->target;
    double flops = 0, heavy = 0;
    p->bytes_read = p->bytes_written = 0;
    for (uint32_t i = 0; i < p->nnode; i++) {
        double f = node_flops(g, p->node[i], cost);
        if (p->node[i] == p->anchor)
            heavy = f;
        flops += f;
    }
    for (uint32_t i = 0; i < p->nload; i++)
        p->bytes_read += load_bytes(plan, p, p->load[i]);
    for (uint32_t i = 0; i < p->nstore; i++)
        p->bytes_written += cr_bytes_of(g, p->store[i].value);
    p->flops = (uint64_t)flops;
    double vector = p->schedule.vector > 1 || cr_target_class(t) == CR_CLASS_GPU
                        ? 1
                        : 1.0 / (double)t->vector_width;
    double lanes = 1; /* of a narrow contraction, part of each vector is idle */
    if (p->anchor && p->schedule.vector > 1) {
        int64_t n = p->domain.dim[p->domain.rank - 1];
        lanes = (double)n / (double)cr_align_up((uint64_t)n, (uint64_t)p->schedule.vector);
    }
    double rate = t->unit_gflops * 1e3; /* flops a microsecond */
    p->cost_us = 0.1 + heavy / (rate * 0.8 * lanes) + (flops - heavy) / (rate * 0.15 * vector) +
                 (double)(p->bytes_read + p->bytes_written) / (t->bandwidth_gbs * 1e3) * 0.3;
}

/* ---- contractions --------------------------------------------------------------------------- */

static struct row contract_row(const cr_target *t, const struct sizes *s)
{
    const int64_t M = s->m, N = s->n, K = s->k, W = s->w;
    const cr_device_class class = cr_target_class(t);
    (void)M, (void)N, (void)K, (void)W;
#define CR_CONTRACT(c, condition, rm, rn, tm, tn, bk, loc)                                         \
    if (class == CR_CLASS_##c && (condition))                                                      \
        return (struct row){rm, rn, tm, tn, bk, loc, 0};
#define CR_NEST(c, condition, loc, it)
#include "schedules.def"
    CR_ASSERT(!"no row of schedules.def applies");
    return (struct row){0};
}

static struct row nest_row(const cr_target *t, int64_t count)
{
    const int64_t M = count;
    const cr_device_class class = cr_target_class(t);
    (void)M;
#define CR_CONTRACT(c, condition, rm, rn, tm, tn, bk, loc)
#define CR_NEST(c, condition, loc, it)                                                             \
    if (class == CR_CLASS_##c && (condition))                                                      \
        return (struct row){0, 0, 0, 0, 0, loc, it};
#include "schedules.def"
    CR_ASSERT(!"no row of schedules.def applies");
    return (struct row){0};
}

static int32_t fit(int64_t size, int64_t tile)
{
    return (int32_t)CR_MAX(1, CR_MIN(size, tile));
}

/* How many addresses the rows of a tile need: one where it is part of a row of the view's inner
 * digit, one for each such row where it holds whole ones; else one a row. */
static int64_t addresses(const cr_digits *rows, int64_t r)
{
    int64_t inner = rows->n > 1 ? rows->extent[rows->n - 1] : 0;
    if (inner == 0 || inner % r == 0)
        return 1;
    return r % inner == 0 ? r / inner : r;
}

/* Rows of a register tile: as many as the row says, or a few less (where they are rows of a view,
 * more, as far as registers go) where that leaves fewer for a last, smaller tile. A tile costs its
 * rows, and about two more for loading the vectors of B; a smaller last one stalls besides, for its
 * chains of multiply-adds are too few to hide their latency. More than a few addresses take
 * registers, too. */
static int32_t fit_rows(int64_t m, const struct row *row, const cr_digits *rows, int64_t registers)
{
    int64_t most = row->reg_m;
    if (rows->n > 1)
        most = CR_MAX(most, (registers - 1 - row->reg_n) / row->reg_n);
    int32_t best = fit(m, most);
    double least = 1e300;
    for (int32_t r = fit(m, most); r >= (row->reg_m + 1) / 2 && r >= 1; r--) {
        double cost = (double)(m / r) * (r + 2) + (m % r ? CR_MAX((double)(m % r), 8) + 6 : 0);
        if (addresses(rows, r) > 4)
            cost *= 1.3;
        if (cost < least - 1e-9)
            least = cost, best = r;
    }
    return best;
}

/* How the operands of a contraction lie in memory, axes M, K and K, N the last two. */
struct operands {
    cr_strides a, b;
    const cr_digits *m, *ka, *kb, *n;
    bool a_ready, b_ready; /* may be read in the inner loop */
    bool a_by_k;           /* an element's neighbour in memory is of the next row of A */
};

static int64_t inner_stride(const cr_digits *d)
{
    int64_t s = d->n ? d->stride[d->n - 1] : 0;
    return s < 0 ? -s : s;
}

/* Do the rows of a tile lie so that they push each other out of the nearest cache? Its sets repeat
 * every 4 KiB on all CPUs with pages of that size, and it has 8 to 12 ways. */
static bool clash(const cr_digits *rows, int32_t r)
{
    return rows->n > 0 && r > 8 && inner_stride(rows) * 4 % 4096 == 0;
}

static void look_at_operands(const cr_plan *plan, const cr_phase *p, struct operands *o)
{
    const cr_graph *g = plan->graph;
    const cr_node *n = cr_at(g, p->anchor);
    const int rank = p->domain.rank;
    cr_strides_of(g, p, n->src[0], &o->a);
    cr_strides_of(g, p, n->src[1], &o->b);
    o->m = &o->a.axis[rank - 2];
    o->ka = &o->a.axis[rank - 1];
    o->kb = &o->b.axis[rank - 2];
    o->n = &o->b.axis[rank - 1];
    o->a_by_k = o->m->n && (!o->ka->n || inner_stride(o->m) < inner_stride(o->ka));
    o->a_ready = o->a.direct && o->a.f32;
    o->b_ready = o->b.direct && o->b.f32 && o->n->n <= 1 && (o->n->n == 0 || o->n->stride[0] == 1);
}

/* The loops over the depth. */
static void split_depth(cr_schedule *s, const struct operands *o, int64_t k)
{
    int64_t factor[CR_COUNTOF(s->k_factor)];
    int n = k > 1 ? cr_refine(o->ka, o->kb, k, factor, CR_COUNTOF(factor)) : 0;
    s->k_outer = 0;
    s->nk = n ? n : 1;
    s->k_factor[0] = (int32_t)k;
    for (int i = 0; i < n; i++)
        s->k_factor[i] = (int32_t)factor[i];
}

enum { BLOCK_BYTES = 96 << 10 }; /* of a block's part of B and of A's rows: stays beside the sums */

/* Where the rows of B that a tile of columns needs do not stay in the cache from one tile of rows
 * to the next, the depth is walked through in blocks, for all tiles of the group in turn. */
static void block_depth(cr_schedule *s, const struct sizes *z, const cr_target *t)
{
    const int64_t line = (int64_t)s->reg_n * s->vector * 4 + CR_MAX(64, 4 * s->reg_m);
    int64_t depth = z->k;
    s->block_k = (int32_t)z->k;
    if (z->k * line <= t->cache_bytes / 2 || z->m <= s->reg_m)
        return;
    int outer = 0;
    while (outer + 1 < s->nk && depth * (z->n * 4 + 64) > BLOCK_BYTES &&
           depth / s->k_factor[outer] >= 32)
        depth /= s->k_factor[outer++];
    if (outer == 0)
        return;
    s->k_outer = outer;
    s->block_k = (int32_t)depth;
}

/* Large products go through panels, a block of the depth at a time, so that what a group works on
 * stays in its unit's cache (K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", ACM TOMS 34(3), 2008). The fewer blocks, the less often sums come and go: what a
 * register tile reads of a block streams from the unit's cache as fast as it is multiplied. An A
 * whose rows are no lines of memory is copied, too, in blocks that fit the nearest cache. */
static void pack_depth(cr_schedule *s, const struct sizes *z, const cr_target *t,
                       const struct operands *o)
{
    enum { NEAR = 128 };
    const int64_t line = ((int64_t)s->reg_n * s->vector + s->reg_m) * 4;
    const int64_t most = o->a_by_k ? NEAR : CR_MAX(NEAR, t->cache_bytes / 4 / line);
    if (s->k_outer || s->nk > 1 || z->m < 256 || z->n < 256 || z->k < 2 * NEAR || z->k <= most)
        return;
    const int64_t blocks = (z->k + most - 1) / most;
    int64_t block = (z->k + blocks - 1) / blocks;
    while (block > most / 2 && z->k % block)
        block--;
    if (z->k % block)
        return;
    s->packed = true;
    s->nk = 2;
    s->k_outer = 1;
    s->k_factor[0] = (int32_t)(z->k / block);
    s->k_factor[1] = s->block_k = (int32_t)block;
}

/* What a group computes. Columns are split before rows, so that a group keeps its part of the
 * weights in its compute unit's cache from step to step; rows are split when they are many more,
 * when columns are too few, or when the panels of both operands would not stay in the cache. */
static void fit_cpu_tiles(cr_schedule *s, const struct sizes *z, const cr_target *t)
{
    int64_t step_n = (int64_t)s->reg_n * s->vector, steps_n = (z->n + step_n - 1) / step_n;
    int64_t steps_m = (z->m + s->reg_m - 1) / s->reg_m, units = t->compute_units;
    int64_t panel = CR_MIN(t->local_bytes, t->cache_bytes) / 2 / 4 /
                    CR_MAX(1, s->block_k); /* rows or columns of a block */
    double work = 2.0 * (double)z->batch * (double)z->m * (double)z->n * (double)z->k;
    int64_t want = work > 4e6 * (double)units && !s->stage_a && !s->k_outer
                       ? 4 * units
                       : units; /* groups: more even the load */
    const bool by_rows = z->m >= 2048 && z->m > 8 * z->n;
    int64_t groups_n = by_rows ? 1 : CR_MIN(steps_n, CR_MAX(1, (want + z->batch - 1) / z->batch));
    int64_t tn = (steps_n + groups_n - 1) / groups_n;
    tn = CR_MAX(1, CR_MIN(tn, (s->packed && s->a_by_k ? panel / 2 : panel) / step_n));
    groups_n = (steps_n + tn - 1) / tn;
    int64_t tm = s->a_by_k ? CR_MAX(1, CR_MIN(steps_m, panel / 2 / s->reg_m))
                           : steps_m; /* beside B's lines */
    if (s->k_outer)                   /* the sums stay in a quarter of local memory */
        tm =
            CR_MAX(1, CR_MIN(tm, t->local_bytes / (s->packed ? 8 : 16) / (tn * step_n) / s->reg_m));
    int64_t groups_m =
        CR_MAX((steps_m + tm - 1) / tm,
               ((by_rows ? want : units) + groups_n * z->batch - 1) / (groups_n * z->batch));
    groups_m = CR_MIN(groups_m, steps_m);
    if (work < (t->resident_groups > 1 ? 5e3 : 2e5))
        groups_m = 1;                         /* meeting or waking another costs more */
    tm = (steps_m + groups_m - 1) / groups_m; /* groups of equal height */
    s->tile_m = (int32_t)(tm * s->reg_m);
    s->tile_n = (int32_t)(tn * step_n);
}

/* Fewer rows or columns in registers than there would be units without work. */
static void spread(cr_schedule *s, const struct sizes *z, const cr_target *t)
{
    int64_t step_n = (int64_t)s->reg_n * s->vector;
    int64_t tiles = z->batch * ((z->n + step_n - 1) / step_n) * ((z->m + s->reg_m - 1) / s->reg_m);
    double work = 2.0 * (double)z->batch * (double)z->m * (double)z->n * (double)z->k;
    if (tiles >= t->compute_units || work < 2e6)
        return;
    if (s->reg_n > 1)
        s->reg_n = (s->reg_n + 1) / 2;
    else if (s->reg_m > 4)
        s->reg_m = (s->reg_m + 1) / 2;
}

/* Floats of local memory that panels may take, in all. */
static int64_t panel_floats(const cr_target *t)
{
    return (t->local_bytes - CR_PANELS * CR_PANEL_ALIGN - CR_MEETING_LOCAL) /
           (int64_t)sizeof(float);
}

static void schedule_cpu_contract(cr_plan *plan, cr_phase *p, const struct sizes *z, struct row row)
{
    const cr_target *t = plan->target;
    const cr_tuned *tuned = cr_tuned_find(plan, p);
    cr_schedule *s = &p->schedule;
    struct operands o;
    look_at_operands(plan, p, &o);
    split_depth(s, &o, z->k);
    if (o.a_ready && clash(o.m, row.reg_m) && z->n >= 256)
        row.reg_m = 6, row.reg_n = 4; /* as many results of fewer rows */
    s->reg_n = fit((z->n + z->w - 1) / z->w, row.reg_n);
    s->reg_m = fit_rows(z->m, &row, o.m, t->registers);
    s->local = 1;
    if (o.b_ready) /* else each part of the columns would compute B's indices again */
        spread(s, z, t);
    cr_tuned_registers(tuned, z->m, z->n, s);
    block_depth(s, z, t);
    pack_depth(s, z, t, &o);
    cr_tuned_block(tuned, z->k, s);
    s->packed &= s->k_outer > 0;
    const int64_t limit = panel_floats(t);
    s->stage_a = (!o.a_ready || (s->packed && o.a_by_k) || (clash(o.m, s->reg_m) && z->n >= 256)) &&
                 ((int64_t)s->block_k + z->w) * s->reg_m * 2 < limit;
    s->a_by_k = s->stage_a && o.a_by_k;
    s->a_across = s->stage_a && !s->a_by_k && o.a.gathered;
    fit_cpu_tiles(s, z, t);
    cr_tuned_tiles(tuned, z->m, z->n, t, s);
    const int32_t line = (int32_t)cr_align_up((uint64_t)s->block_k, (uint64_t)z->w);
    s->a_pitch = s->a_by_k ? s->tile_m : line + (line % 512 ? 0 : 16);
    int64_t a_floats = !s->stage_a ? 0
                       : s->a_by_k ? (int64_t)s->block_k * s->a_pitch
                                   : (int64_t)s->reg_m * s->a_pitch,
            b_floats = (int64_t)s->block_k * s->tile_n,
            sums = s->k_outer ? (int64_t)s->tile_m * s->tile_n : 0;
    /* a panel of B in local memory pays when rows are many (strided lines cost TLB entries), or
     * when its elements are not contiguous */
    bool reused = s->tile_m >= 2 * s->reg_m || z->m > s->reg_m;
    s->stage_b = reused && a_floats + b_floats + sums <= limit &&
                 (!o.b_ready || s->packed || (z->m >= 128 && z->n >= 256 && !s->k_outer));
    s->b_along_k = s->stage_b && inner_stride(o.kb) == 1 && inner_stride(o.n) > 1;
    p->panel_bytes[0] = (uint64_t)a_floats * 4;
    p->panel_bytes[1] = s->stage_b ? (uint64_t)b_floats * 4 : 0;
    p->panel_bytes[2] = (uint64_t)sums * 4;
}

/* A line of a panel: whole fours, and not a multiple of the banks of local memory. */
static int64_t line_pitch(int64_t block)
{
    return (int64_t)cr_align_up((uint64_t)block, 4) + 4;
}

static int64_t tiles(const struct sizes *z, const cr_schedule *s)
{
    return z->batch * ((z->m + s->tile_m - 1) / s->tile_m) * ((z->n + s->tile_n - 1) / s->tile_n);
}

/* A tile's time is bound by what goes through local memory. Where tiles are few, they get smaller
 * until every unit has one; the work-items of a group, which all phases of a launch share, stay as
 * many, and those without results help to fetch. Where a second round of tiles would be needed,
 * work-items with one result get two. */
static void fit_to_units(const struct sizes *z, const cr_target *t, cr_schedule *s)
{
    if (s->reg_m == 1 && z->m > s->tile_m && tiles(z, s) > t->compute_units &&
        tiles(z, s) <= 2 * t->compute_units) {
        s->tile_m *= 2;
        s->reg_m = 2;
    }
    while (s->tile_m > s->reg_m && s->tile_m % 2 == 0 && 2 * tiles(z, s) <= t->compute_units)
        s->tile_m /= 2;
}

static void schedule_gpu_contract(cr_plan *plan, cr_phase *p, const struct sizes *z, struct row row)
{
    cr_schedule *s = &p->schedule;
    const cr_target *t = plan->target;
    struct operands o;
    look_at_operands(plan, p, &o);
    s->reg_m = row.reg_m;
    s->reg_n = row.reg_n;
    s->tile_m = row.tile_m;
    s->tile_n = row.tile_n;
    s->block_k = (int32_t)CR_MIN(z->k, row.block_k);
    const bool tuned = cr_tuned_group(cr_tuned_find(plan, p), z->k, t, s);
    s->nk = 1;
    s->k_factor[0] = (int32_t)z->k;
    while (s->tile_m / s->reg_m * (s->tile_n / s->reg_n) > t->max_group) {
        if (s->tile_m > s->reg_m)
            s->tile_m /= 2;
        else
            s->tile_n /= 2;
    }
    s->local = (int32_t)CR_MAX(s->tile_m / s->reg_m * (s->tile_n / s->reg_n),
                               CR_MIN(row.local, t->max_group));
    if (!tuned)
        fit_to_units(z, t, s);
    while (((int64_t)(s->tile_m + s->tile_n) * line_pitch(s->block_k) > panel_floats(t) ||
            CR_MAX(s->tile_m, s->tile_n) * s->block_k > 32 * s->local) &&
           s->block_k > 1)
        s->block_k /= 2;
    if (!tuned && z->k > s->block_k) { /* blocks of one size */
        const int64_t blocks = (z->k + s->block_k - 1) / s->block_k;
        const int64_t each = (z->k + blocks - 1) / blocks;
        s->block_k = CR_MIN(s->block_k, (int32_t)cr_align_up((uint64_t)each, 4));
    }
    s->a_pitch = (int32_t)line_pitch(s->block_k);
    s->stage_a = s->stage_b = true;
    s->a_by_k = o.a_by_k;
    s->b_along_k = o.kb->n && (!o.n->n || inner_stride(o.kb) < inner_stride(o.n));
    p->panel_bytes[0] = (uint64_t)s->tile_m * (uint64_t)s->a_pitch * 4;
    p->panel_bytes[1] = (uint64_t)s->tile_n * (uint64_t)s->a_pitch * 4;
}

static void schedule_contract(cr_plan *plan, cr_phase *p)
{
    const cr_graph *g = plan->graph;
    const cr_shape *d = &p->domain, *x = cr_shape_of(g, cr_at(g, p->anchor)->src[0]);
    struct sizes z = {1, d->dim[d->rank - 2], d->dim[d->rank - 1], x->dim[x->rank - 1],
                      plan->target->vector_width};
    for (int i = 0; i < d->rank - 2; i++)
        z.batch *= d->dim[i];
    struct row row = contract_row(plan->target, &z);
    p->schedule.vector = (int32_t)z.w;
    if (cr_target_class(plan->target) == CR_CLASS_CPU || plan->target->max_group == 1)
        schedule_cpu_contract(plan, p, &z, row);
    else
        schedule_gpu_contract(plan, p, &z, row);
    const cr_schedule *s = &p->schedule;
    p->groups = (uint64_t)tiles(&z, s);
}

/* ---- nests ---------------------------------------------------------------------------------- */

static int last_parallel(const cr_phase *p)
{
    for (int i = p->domain.rank - 1; i >= 0; i--)
        if (p->parallel >> i & 1)
            return i;
    return -1;
}

static int64_t parallel_count(const cr_phase *p)
{
    int64_t n = 1;
    for (int i = 0; i < p->domain.rank; i++)
        if (p->parallel >> i & 1)
            n *= p->domain.dim[i];
    return n;
}

/* A map over ragged rows is visited as one row: vectors then cross the ends of rows. */
static void flatten(cr_phase *p, int32_t width)
{
    int64_t n = parallel_count(p);
    uint32_t all = (1u << p->domain.rank) - 1;
    int last = last_parallel(p);
    if (p->parallel != all || p->domain.rank < 2 || last < 0)
        return;
    if (width > 1 && p->domain.dim[last] % width == 0)
        return;
    p->domain = (cr_shape){.rank = 1, .dim = {n}};
    p->parallel = 1;
}

static void schedule_nest(cr_plan *plan, cr_phase *p, const uint32_t *cost)
{
    const cr_target *t = plan->target;
    cr_schedule *s = &p->schedule;
    if (!p->anchor)
        flatten(p, (int32_t)t->vector_width);
    int64_t count = parallel_count(p);
    int last = last_parallel(p);
    struct row row = nest_row(t, count);
    int64_t extent = last >= 0 ? p->domain.dim[last] : 1;
    s->vector = extent >= t->vector_width ? (int32_t)t->vector_width : 1;
    if (plan->options.reference_schedule)
        s->vector = 1, row.local = 1, row.items = 1;
    s->local = row.local;
    while (s->local > t->max_group)
        s->local /= 2;
    account(plan, p, cost);
    int64_t vectors = count / extent * ((extent + s->vector - 1) / s->vector);
    s->items = row.items;
    if (!s->items) { /* a group is worth about 2 us, and there are a few for each unit */
        double each = p->cost_us / (double)vectors;
        int64_t items = (int64_t)(2.0 / CR_MAX(each, 1e-4)) + 1;
        s->items = (int32_t)CR_MAX(
            1, CR_MIN(items, (vectors + 4 * t->compute_units - 1) / (4 * t->compute_units)));
        if (p->cost_us < 4)
            s->items = (int32_t)((vectors + t->compute_units - 1) / t->compute_units);
        if (p->cost_us < (t->resident_groups > 1 ? 0.2 : 1)) /* these meet after it anyway */
            s->items = (int32_t)vectors;
    }
    /* a few vectors that are reduced over everything else: one sweep reads whole lines of memory */
    if (last >= 0 && s->local == 1 && vectors <= 4 && count == extent && extent % s->vector == 0)
        s->items = (int32_t)vectors;
    s->rows = extent > s->vector ? (int32_t)((extent + s->vector - 1) / s->vector) : 1;
    if (s->rows > 1 && s->local == 1 && s->items >= s->rows && vectors % s->rows == 0)
        s->items = (s->items + s->rows - 1) / s->rows * s->rows;
    else
        s->rows = 0;
    int64_t per_group = (int64_t)s->items * s->local;
    p->groups = (uint64_t)((vectors + per_group - 1) / per_group);
}

cr_status cr_pass_schedule(cr_pass_context *cx)
{
    cr_plan *plan = cx->plan;
    uint32_t cost[CR_OP_COUNT];
    cr_op_costs(cost);
    for (uint32_t i = 0; i < plan->phase.len; i++) {
        cr_phase *p = &plan->phase.at[i];
        if (p->family == CR_FAMILY_CONTRACT && !plan->options.reference_schedule)
            schedule_contract(plan, p);
        else
            schedule_nest(
                plan, p, cost); /* a contraction without tiles is a nest with a serial inner loop */
        account(plan, p, cost);
        if (plan->options.reference_schedule && !cr_count_issued(cx, p))
            return CR_E_MEMORY;
    }
    cx->changes = plan->phase.len;
    return CR_OK;
}
