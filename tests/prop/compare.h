/* compare.h - do two graphs compute the same? Leaves of the same name get the same elements, both
 * are run by the reference interpreter, and what outputs and assigned states hold is compared, bit
 * for bit (any NaN equals any other). */
#ifndef CR_TESTS_COMPARE_H
#define CR_TESTS_COMPARE_H

#include <math.h>

#include "ir.h"

/* ---- elements of leaves --------------------------------------------------------------------- */

typedef enum filling {
    TAME, /* f32 in (0.5, 2), small positive integers: far from poles and overflow */
    WILD  /* NaN, infinities, both zeros, denormals, huge numbers among ordinary ones */
} filling;

static inline uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u; /* splitmix64, public domain, S. Vigna */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline float wild_float(uint64_t h)
{
    static const float special[] = {0.0f,       -0.0f,        1.0f,  -1.0f,     INFINITY,
                                    -INFINITY,  NAN,          2.0f,  0x1p-149f, -0x1p-149f,
                                    0x1p-126f,  -0x1.8p-130f, 1e38f, -3e38f,    0x1p24f,
                                    16777215.f, 2147483648.f, 0.5f,  -0.75f,    300.f};
    if (h % 2)
        return special[(h >> 8) % (sizeof special / sizeof *special)];
    return (float)(int64_t)(h >> 20) * (h & 4 ? 0x1p-42f : 0x1p-40f) * (h & 8 ? -1.0f : 1.0f);
}

static inline int32_t wild_int(uint64_t h)
{
    static const int32_t special[] = {0, 1, -1, 2, INT32_MAX, INT32_MIN, 7, -300};
    if (h % 3 == 0)
        return special[(h >> 8) % (sizeof special / sizeof *special)];
    return h % 3 == 1 ? (int32_t)(uint32_t)(h >> 30) : (int32_t)(h >> 40) % 16;
}

static inline void fill(void *data, cr_dtype dtype, int64_t count, uint64_t seed, filling how)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t h = mix(seed + (uint64_t)i);
        switch (dtype) {
        case CR_F32:
            ((float *)data)[i] = how == WILD ? wild_float(h) : 0.5f + (float)(h >> 40) * 0x1.8p-24f;
            break;
        case CR_I32: ((int32_t *)data)[i] = how == WILD ? wild_int(h) : (int32_t)(h >> 60); break;
        case CR_U8: ((uint8_t *)data)[i] = (uint8_t)(h >> 50); break;
        default: ((uint8_t *)data)[i] = h >> 63; break;
        }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

typedef struct outcome {
    const cr_graph *g;
    void **data;   /* per node: elements of leaves and of outputs; else NULL */
    char why[512]; /* what went wrong; empty when nothing did */
} outcome;

static inline void outcome_finish(outcome *o)
{
    for (cr_ref r = 0; o->data && r < o->g->node.len; r++)
        free(o->data[r]);
    free(o->data);
    o->data = NULL;
}

static inline bool is_named_leaf(const cr_node *n)
{
    return n->op == CR_OP_INPUT || n->op == CR_OP_STATE;
}

static inline void *copy_of(const void *data, size_t bytes)
{
    void *copy = malloc(bytes + 1);
    memcpy(copy, data, bytes);
    return copy;
}

/* An output of a state is the state before the step, as all reads are; the others are computed. */
static inline void keep_outputs(outcome *o, const cr_interp *in, bool states)
{
    for (uint32_t i = 0; i < o->g->root.len; i++) {
        cr_ref r = o->g->root.at[i], x = cr_at(o->g, r)->src[0];
        if (cr_at(o->g, r)->op == CR_OP_OUTPUT && (cr_at(o->g, x)->op == CR_OP_STATE) == states)
            o->data[r] =
                copy_of(states ? o->data[x] : cr_interp_value(in, r), (size_t)cr_bytes_of(o->g, r));
    }
}

/* Runs g once (states keep what was assigned). outcome_finish frees the result. */
static inline outcome run_graph(const cr_graph *g, uint64_t seed, filling how)
{
    outcome o = {g, calloc(g->node.len, sizeof *o.data), ""};
    cr_interp *in = cr_interp_create(g);
    bool ok = in != NULL;
    for (cr_ref r = 1; ok && r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        if (!is_named_leaf(n))
            continue;
        const char *name = cr_name_of(g, r);
        o.data[r] = malloc((size_t)cr_bytes_of(g, r) + 1);
        fill(o.data[r], (cr_dtype)n->dtype, cr_count_of(g, r), cr_hash(seed, name, strlen(name)),
             how);
        ok = cr_interp_bind(in, r, o.data[r]) == CR_OK;
    }
    if (ok)
        keep_outputs(&o, in, true);
    ok = ok && cr_interp_run(in) == CR_OK;
    if (ok)
        keep_outputs(&o, in, false);
    else
        snprintf(o.why, sizeof o.why, "the interpreter: %s", cr_error());
    cr_interp_destroy(in);
    return o;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* The first element in which they differ; -1 when in none. */
static inline int64_t first_difference(cr_dtype dtype, int64_t count, const void *a, const void *b,
                                       float tolerance)
{
    for (int64_t i = 0; i < count; i++) {
        if (dtype != CR_F32) {
            size_t size = cr_dtype_size(dtype), at = (size_t)i * size;
            if (memcmp((const char *)a + at, (const char *)b + at, size) != 0)
                return i;
            continue;
        }
        float x = ((const float *)a)[i], y = ((const float *)b)[i];
        bool same = memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y);
        if (!same && !(tolerance > 0 && fabsf(x - y) <= tolerance * (1 + fabsf(x))))
            return i;
    }
    return -1;
}

static inline double element(cr_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case CR_F32: return (double)((const float *)data)[i];
    case CR_I32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

/* What a root left behind: the elements of an output, the state of an assign. */
static inline const void *left_by(const outcome *o, cr_ref root)
{
    const cr_node *n = cr_at(o->g, root);
    return o->data[n->op == CR_OP_ASSIGN ? n->src[0] : root];
}

static inline cr_ref find_root(const cr_graph *g, uint8_t op, const char *name)
{
    for (uint32_t i = 0; i < g->root.len; i++)
        if (cr_at(g, g->root.at[i])->op == op && strcmp(cr_name_of(g, g->root.at[i]), name) == 0)
            return g->root.at[i];
    return 0;
}

static inline void compare_root(const outcome *a, const outcome *b, cr_ref root, float tolerance,
                                char *why, size_t size)
{
    const cr_node *n = cr_at(a->g, root);
    const char *name = cr_name_of(a->g, root);
    cr_ref other = find_root(b->g, n->op, name);
    cr_dtype dtype = (cr_dtype)n->dtype;
    if (!other || cr_at(b->g, other)->dtype != dtype ||
        !cr_shape_equal(cr_shape_of(a->g, root), cr_shape_of(b->g, other))) {
        snprintf(why, size, "%s \"%s\" is missing or of another type", cr_ops[n->op].name, name);
        return;
    }
    const void *x = left_by(a, root), *y = left_by(b, other);
    int64_t i = first_difference(dtype, cr_count_of(a->g, root), x, y, tolerance);
    if (i >= 0)
        snprintf(why, size, "%s \"%s\"[%lld] is %.9g in one, %.9g in the other", cr_ops[n->op].name,
                 name, (long long)i, element(dtype, x, i), element(dtype, y, i));
}

/* "" when the roots of a leave the same behind as those of b; tolerance 0: bit for bit. */
static inline const char *compare_graphs(const cr_graph *a, const cr_graph *b, uint64_t seed,
                                         filling how, float tolerance)
{
    static _Thread_local char why[1024];
    outcome x = run_graph(a, seed, how), y = run_graph(b, seed, how);
    snprintf(why, sizeof why, "%s%s", x.why, y.why);
    for (uint32_t i = 0; i < a->root.len && !*why; i++)
        compare_root(&x, &y, a->root.at[i], tolerance, why, sizeof why);
    outcome_finish(&x);
    outcome_finish(&y);
    return why;
}

#endif
