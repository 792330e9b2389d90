/* random_graph.h - well-formed graphs of every op, from a seed, and the shrinking of those that
 * fail.
 *
 *     cr_graph *g = random_graph(&(struct random_graph){.seed = 7, .nodes = 30});
 *
 * Operands are drawn from what was built before, with a taste for what rules look for: constants
 * such as 0, -0.0 and 1, one value used twice, an op undone at once. All sizes are literal and
 * small. Leaves are called x0, x1...; outputs y0...; states s0... are assigned. Include it from any
 * test. */
#ifndef CR_TESTS_RANDOM_GRAPH_H
#define CR_TESTS_RANDOM_GRAPH_H

#include "crisol/ops.h"
#include "ir.h"

struct random_graph {
    uint64_t seed;
    uint32_t nodes;         /* ops to build, roughly */
    bool gradients;         /* also the gradients of a scalar by the f32 states, assigned to them */
    bool no_transcendental; /* without exp, log, pow and the like */
    int64_t max_elements;   /* of a value; 0: 512 */
};

/* ---- choosing ------------------------------------------------------------------------------- */

struct chooser {
    const struct random_graph *want;
    cr_graph *g;
    uint64_t state;
    CR_VEC(cr_value) pool;
    uint32_t leaves;
};

static inline uint32_t draw(struct chooser *c, uint32_t n)
{
    c->state += 0x9e3779b97f4a7c15u; /* splitmix64, public domain, S. Vigna */
    uint64_t x = c->state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ (x >> 31)) >> 16) % n;
}

static inline cr_shape draw_shape(struct chooser *c)
{
    static const int64_t sizes[] = {1, 1, 2, 3, 4, 5, 7, 8};
    cr_shape s = {.rank = (int32_t)draw(c, 4)};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = sizes[draw(c, 8)];
    return s;
}

static inline cr_value draw_leaf(struct chooser *c, cr_dtype dtype, cr_shape shape)
{
    char name[16];
    snprintf(name, sizeof name, "x%u", c->leaves++);
    cr_value v = cr_input_at(CR_HERE, c->g, name, dtype, shape);
    cr_vec_push(&c->pool, v);
    return v;
}

static inline int64_t count_of(cr_value v)
{
    return cr_count_of(v.graph, v.ref);
}

/* A value of that type, late ones more often; a new leaf when there is none. */
static inline cr_value draw_value(struct chooser *c, cr_dtype dtype)
{
    for (int i = 0; i < 12; i++) {
        uint32_t n = c->pool.len, late = draw(c, 2) ? CR_MIN(n, 8) : n;
        cr_value v = c->pool.at[n - 1 - draw(c, late)];
        if (cr_value_dtype(v) == dtype)
            return v;
    }
    return draw_leaf(c, dtype, draw_shape(c));
}

static inline cr_value draw_constant(struct chooser *c, cr_dtype dtype)
{
    static const float reals[] = {0, -0.0f, 1, -1, 2, 0.5f, 3, 0.1f, 64, -INFINITY};
    static const int32_t wholes[] = {0, 1, -1, 2, 3, 7, -5};
    switch (dtype) {
    case CR_F32: return cr_f32(c->g, reals[draw(c, CR_COUNTOF(reals))]);
    case CR_I32: return cr_i32(c->g, wholes[draw(c, CR_COUNTOF(wholes))]);
    case CR_BOOL: return cr_bool(c->g, draw(c, 2));
    default: return cr_cast(cr_i32(c->g, (int32_t)draw(c, 4)), dtype);
    }
}

/* Something that broadcasts with x: x itself, a constant, a value of its shape, a row of it. */
static inline cr_value draw_partner(struct chooser *c, cr_value x)
{
    cr_dtype dtype = cr_value_dtype(x);
    cr_shape s = cr_value_shape(x);
    uint32_t kind = draw(c, 8);
    if (kind == 0)
        return x;
    if (kind < 3)
        return draw_constant(c, dtype);
    for (uint32_t i = 0; i < c->pool.len && kind < 7; i++) {
        cr_value v = c->pool.at[(i + c->state) % c->pool.len];
        cr_shape t = cr_value_shape(v);
        if (v.ref != x.ref && cr_value_dtype(v) == dtype && cr_shape_equal(&s, &t))
            return v;
    }
    for (int i = 0; i < s.rank; i++)
        if (draw(c, 3) == 0)
            s.dim[i] = 1;
    return draw_leaf(c, dtype, s);
}

/* ---- ops ------------------------------------------------------------------------------------ */

static inline cr_value any_unary(struct chooser *c, cr_value x)
{
    switch (draw(c, c->want->no_transcendental ? 6 : 11)) {
    case 0: return cr_neg(x);
    case 1: return cr_abs(x);
    case 2: return cr_relu(x);
    case 3: return cr_sign(x);
    case 4: return cr_floor(x);
    case 5: return cr_neg(cr_neg(x));
    case 6: return cr_exp(x);
    case 7: return cr_log(x);
    case 8: return cr_sqrt(x);
    case 9: return cr_tanh(x);
    default: return cr_sigmoid(x);
    }
}

static inline cr_value any_binary(struct chooser *c, cr_value x)
{
    cr_value y = draw_partner(c, x);
    if (draw(c, 4) == 0) {
        cr_value t = x;
        x = y;
        y = t;
    }
    switch (draw(c, c->want->no_transcendental ? 6 : 8)) {
    case 0: return cr_add(x, y);
    case 1: return cr_sub(x, y);
    case 2: return cr_mul(x, y);
    case 3: return cr_max(x, y);
    case 4: return cr_min(x, y);
    case 5: return cr_add(cr_mul(x, y), cr_mul(y, y));
    case 6: return cr_div(x, y);
    default: return cr_pow(cr_abs(x), y);
    }
}

static inline cr_value any_whole(struct chooser *c, cr_value x)
{
    cr_value y = draw_partner(c, x);
    switch (draw(c, 8)) {
    case 0: return cr_add(x, y);
    case 1: return cr_sub(x, y);
    case 2: return cr_mul(x, y);
    case 3: return cr_max(x, y);
    case 4: return cr_idiv(x, y);
    case 5: return cr_imod(x, y);
    case 6: return cr_neg(x);
    default: return cr_abs(x);
    }
}

static inline cr_value any_logic(struct chooser *c, cr_value x)
{
    cr_value y = draw_partner(c, x);
    switch (draw(c, 5)) {
    case 0: return cr_and(x, y);
    case 1: return cr_or(x, y);
    case 2: return cr_not(x);
    case 3: return cr_eq(x, y);
    default: return cr_not(cr_and(x, cr_not(y)));
    }
}

static inline cr_value any_comparison(struct chooser *c, cr_value x)
{
    cr_value y = draw_partner(c, x);
    switch (draw(c, 5)) {
    case 0: return cr_lt(x, y);
    case 1: return cr_le(x, y);
    case 2: return cr_eq(x, y);
    case 3: return cr_ne(x, y);
    default: return cr_not(cr_ge(x, y));
    }
}

static inline cr_value any_select(struct chooser *c, cr_value x)
{
    cr_value y = draw_partner(c, x);
    cr_value z = cr_value_dtype(x) == CR_BOOL ? x : cr_lt(x, draw_constant(c, cr_value_dtype(x)));
    return draw(c, 2) ? cr_select(z, x, y) : cr_select(cr_not(z), y, x);
}

static inline cr_value any_reduction(struct chooser *c, cr_value x)
{
    int rank = cr_value_shape(x).rank;
    cr_axes axes = draw(c, 1u << rank);
    if (cr_value_dtype(x) != CR_F32 && cr_value_dtype(x) != CR_I32)
        x = cr_cast(x, CR_I32);
    switch (draw(c, cr_value_dtype(x) == CR_F32 ? 5 : 4)) {
    case 0: return cr_sum(x, axes);
    case 1: return cr_sum_keep(x, axes);
    case 2: return cr_amax_keep(x, axes);
    case 3: return cr_argmax(x, axes);
    default: return cr_mean(x, axes);
    }
}

static inline cr_value any_reshape(struct chooser *c, cr_value x)
{
    int64_t rest = count_of(x);
    cr_shape s = {.rank = 1 + (int32_t)draw(c, 3)};
    for (int i = 0; i + 1 < s.rank; i++) {
        int64_t d = 1 + draw(c, 6);
        s.dim[i] = rest % d == 0 ? d : 1;
        rest /= s.dim[i];
    }
    s.dim[s.rank - 1] = rest;
    return cr_reshape_at(CR_HERE, x, s);
}

static inline cr_value any_permute(struct chooser *c, cr_value x)
{
    cr_shape axes = {.rank = cr_value_shape(x).rank};
    for (int i = 0; i < axes.rank; i++)
        axes.dim[i] = i;
    for (int i = axes.rank - 1; i > 0; i--) {
        int k = (int)draw(c, (uint32_t)i + 1);
        int64_t t = axes.dim[i];
        axes.dim[i] = axes.dim[k];
        axes.dim[k] = t;
    }
    return cr_permute_at(CR_HERE, x, axes);
}

static inline cr_value any_expand(struct chooser *c, cr_value x)
{
    cr_shape s = cr_value_shape(x);
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] == 1)
            s.dim[i] = 1 + draw(c, 4);
    if (s.rank < 4 && draw(c, 2)) {
        memmove(s.dim + 1, s.dim, (size_t)s.rank * sizeof *s.dim);
        s.dim[0] = 1 + draw(c, 3);
        s.rank++;
    }
    return cr_expand_at(CR_HERE, x, s);
}

static inline cr_value any_slice(struct chooser *c, cr_value x)
{
    cr_shape s = cr_value_shape(x), begin = {.rank = s.rank}, size = s;
    for (int i = 0; i < s.rank; i++) {
        begin.dim[i] = draw(c, 2) ? 0 : draw(c, (uint32_t)s.dim[i]);
        size.dim[i] = s.dim[i] - begin.dim[i];
        if (draw(c, 2))
            size.dim[i] = 1 + draw(c, (uint32_t)size.dim[i]);
    }
    return cr_slice_at(CR_HERE, x, begin, size);
}

static inline cr_value any_pad(struct chooser *c, cr_value x)
{
    cr_shape before = {.rank = cr_value_shape(x).rank}, after = before;
    for (int i = 0; i < before.rank; i++) {
        before.dim[i] = draw(c, 3) ? 0 : draw(c, 3);
        after.dim[i] = draw(c, 3) ? 0 : draw(c, 3);
    }
    return cr_pad_at(CR_HERE, x, before, after, draw(c, 3) ? 0 : 1);
}

static inline cr_value any_concat(struct chooser *c, cr_value x)
{
    cr_shape s = cr_value_shape(x);
    if (s.rank == 0)
        return x;
    int axis = (int)draw(c, (uint32_t)s.rank);
    cr_value y = x;
    if (draw(c, 2)) {
        s.dim[axis] = 1 + draw(c, 3);
        y = draw_leaf(c, cr_value_dtype(x), s);
    }
    return draw(c, 2) ? cr_concat(x, y, axis) : cr_concat(y, x, axis);
}

static inline cr_value any_window(struct chooser *c, cr_value x)
{
    cr_shape s = cr_value_shape(x);
    if (s.rank == 0 || s.rank >= 5)
        return x;
    int axis = (int)draw(c, (uint32_t)s.rank);
    int64_t size = 1 + draw(c, (uint32_t)CR_MIN(s.dim[axis], 3)), stride = 1 + draw(c, 3);
    int64_t dilation = (size - 1) * 2 < s.dim[axis] ? 1 + draw(c, 2) : 1;
    return cr_window(x, axis, size, stride, dilation);
}

static inline cr_value any_flip(struct chooser *c, cr_value x)
{
    int rank = cr_value_shape(x).rank;
    return rank ? cr_flip(x, 1u << draw(c, (uint32_t)rank)) : x;
}

static inline cr_value any_movement(struct chooser *c, cr_value x)
{
    switch (draw(c, 9)) {
    case 0: return any_reshape(c, x);
    case 6: return any_window(c, x);
    case 7: return any_flip(c, x);
    case 1: return any_permute(c, x);
    case 2: return any_expand(c, x);
    case 3: return any_slice(c, x);
    case 4: return any_pad(c, x);
    case 5: return any_concat(c, x);
    default: return any_slice(c, any_pad(c, x));
    }
}

static inline cr_value any_matmul(struct chooser *c, cr_value x)
{
    cr_shape s = cr_value_shape(x);
    if (s.rank < 2)
        x = cr_reshape_at(CR_HERE, x, CR_SHAPE(1, count_of(x)));
    s = cr_value_shape(x);
    bool t = draw(c, 2);
    int64_t k = s.dim[s.rank - 1], n = 1 + draw(c, 8);
    cr_value y = draw_leaf(c, CR_F32, t ? CR_SHAPE(n, k) : CR_SHAPE(k, n));
    return cr_matmul_ex(x, false, y, t);
}

static inline cr_value any_gather(struct chooser *c, cr_value x)
{
    cr_value index = draw_value(c, CR_I32);
    if (cr_value_shape(x).rank == 0)
        x = cr_reshape_at(CR_HERE, x, CR_SHAPE(1));
    if (cr_value_shape(index).rank > 2)
        index = cr_reshape_at(CR_HERE, index, CR_SHAPE(-1));
    return cr_gather(x, index);
}

static inline cr_value any_made(struct chooser *c, cr_value x)
{
    cr_value i = draw_value(c, CR_I32);
    switch (draw(c, c->want->no_transcendental ? 2 : 5)) {
    case 0:
        return cr_iota_at(CR_HERE, c->g, CR_SHAPE(1 + draw(c, 5), 1 + draw(c, 3)), (int)draw(c, 2));
    case 1: return cr_onehot(cr_value_shape(i).rank < 3 ? i : cr_i32(c->g, 2), 1 + draw(c, 5));
    case 2: return cr_random_at(CR_HERE, c->g, cr_i32(c->g, 7), cr_i32(c->g, 1), draw_shape(c));
    case 3: return cr_value_shape(x).rank ? cr_softmax(x) : x;
    default: return cr_value_shape(x).rank ? cr_log_softmax(x) : x;
    }
}

static inline cr_value any_op(struct chooser *c)
{
    static const cr_dtype types[] = {CR_F32, CR_F32, CR_F32, CR_I32, CR_BOOL, CR_U8};
    cr_value x = draw_value(c, CR_F32), any = draw_value(c, types[draw(c, 6)]);
    switch (draw(c, 16)) {
    case 0:
    case 1: return any_unary(c, x);
    case 2:
    case 3:
    case 4: return any_binary(c, x);
    case 5:
    case 6: return any_whole(c, draw_value(c, CR_I32));
    case 7: return any_logic(c, draw_value(c, CR_BOOL));
    case 8: return any_comparison(c, any);
    case 9: return any_select(c, any);
    case 10: return any_reduction(c, any);
    case 11:
    case 12: return any_movement(c, any);
    case 13: return draw(c, 2) ? any_matmul(c, x) : any_gather(c, any);
    case 14: return cr_cast(any, types[draw(c, 6)]);
    default: return any_made(c, x);
    }
}

/* ---- roots ---------------------------------------------------------------------------------- */

static inline void add_outputs(struct chooser *c)
{
    uint32_t n = 1 + draw(c, 4);
    for (uint32_t i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "y%u", i);
        cr_output(c->g, name, c->pool.at[c->pool.len - 1 - draw(c, CR_MIN(c->pool.len, 10))]);
    }
}

/* The next value of a scalar state. */
static inline void add_assign(struct chooser *c, cr_value state)
{
    cr_value v = cr_amax(draw_value(c, cr_value_dtype(state)), CR_ALL_AXES);
    cr_assign(state, draw(c, 2) ? cr_add(state, v) : cr_sub(cr_mul(state, v), state));
}

static inline void add_gradients(struct chooser *c, const cr_value *state, uint32_t n)
{
    cr_value loss = cr_f32(c->g, 0), grad[4];
    for (uint32_t i = 0; i < n; i++)
        loss = cr_add(loss, cr_sum(cr_mul(state[i], state[i]), CR_ALL_AXES));
    for (int i = 0; i < 3; i++)
        loss = cr_add(loss, cr_mean(cr_tanh(draw_value(c, CR_F32)), CR_ALL_AXES));
    if (cr_gradients(loss, state, n, grad) != CR_OK)
        return;
    cr_output(c->g, "loss", loss);
    for (uint32_t i = 0; i < n; i++)
        cr_assign(state[i], cr_sub(state[i], cr_mul(grad[i], cr_f32(c->g, 0.125f))));
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Keeps ranks and sizes small, so that the interpreter stays quick. */
static inline cr_value tidy(struct chooser *c, cr_value v)
{
    int64_t most = c->want->max_elements ? c->want->max_elements : 512;
    cr_shape size = cr_value_shape(v), begin = {.rank = size.rank};
    for (int i = 0; i < size.rank; i++)
        size.dim[i] = CR_MIN(size.dim[i], 2);
    if (count_of(v) > most)
        v = cr_slice_at(CR_HERE, v, begin, size);
    if (size.rank > 4 || count_of(v) > most)
        v = cr_reshape_at(CR_HERE, v, CR_SHAPE(-1));
    return v;
}

static inline cr_value add_state(struct chooser *c, uint32_t i, cr_dtype dtype, cr_shape shape)
{
    char name[16];
    snprintf(name, sizeof name, "s%u", i);
    cr_value v = cr_state_at(CR_HERE, c->g, name, dtype,
                             (cr_init){.kind = CR_INIT_CONSTANT, .a = 1}, shape, false);
    cr_vec_push(&c->pool, v);
    return v;
}

/* The graph, or NULL with cr_error() when the builder refused something: a bug in this file. */
static inline cr_graph *random_graph(const struct random_graph *want)
{
    char name[48];
    snprintf(name, sizeof name, "random %llu", (unsigned long long)want->seed);
    struct chooser c = {
        .want = want, .g = cr_graph_create(name), .state = want->seed * 2654435761u};
    for (int i = 0; i < 3; i++)
        draw_leaf(&c, i == 1 ? CR_I32 : CR_F32, draw_shape(&c));
    cr_value state[3] = {add_state(&c, 0, CR_F32, CR_SHAPE(3, 4)),
                         add_state(&c, 1, CR_F32, CR_SCALAR), add_state(&c, 2, CR_I32, CR_SCALAR)};
    for (uint32_t i = 0; i < want->nodes && c.g->status == CR_OK; i++) {
        cr_value v = any_op(&c);
        if (!cr_is_poison(v))
            cr_vec_push(&c.pool, tidy(&c, v));
    }
    add_outputs(&c);
    add_assign(&c, state[2]);
    if (want->gradients)
        add_gradients(&c, state, 2);
    else
        add_assign(&c, state[1]);
    cr_vec_finish(&c.pool);
    if (cr_graph_status(c.g) == CR_OK)
        return c.g;
    fprintf(stderr, "random_graph(%llu): %s\n", (unsigned long long)want->seed, cr_error());
    cr_graph_destroy(c.g);
    return NULL;
}

/* ---- shrinking ------------------------------------------------------------------------------ */

/* Does the graph show the failure? */
typedef bool fails_fn(const cr_graph *g, void *user);

static inline cr_ref cut_node(cr_graph *g, const cr_graph *from, cr_ref r)
{
    char name[24];
    snprintf(name, sizeof name, "cut%u", r);
    cr_node n = *cr_at(from, r);
    int64_t attr = cr_intern_string(g, name);
    if (cr_find(g, name).ref) /* cut in an earlier round, and renumbered */
        return 0;
    memset(n.src, 0, sizeof n.src);
    n.op = CR_OP_INPUT;
    n.nsrc = 0;
    n.shape = cr_intern_shape(g, cr_shape_of(from, r));
    n.attr = cr_intern_attr(g, &attr, 1);
    return cr_node_make(g, &n);
}

/* Without root `root` (0: with all), and with node `cut` (0: none) become an input; dead nodes
 * gone. */
static inline cr_graph *smaller(const cr_graph *from, cr_ref root, cr_ref cut)
{
    cr_arena a = {0};
    cr_graph *g = cr_graph_like(from);
    cr_ref *remap = cr_arena_alloc(&a, from->node.len * sizeof *remap);
    bool *live = cr_arena_alloc(&a, from->node.len * sizeof *live), ok = true;
    for (uint32_t i = 0; i < from->root.len; i++)
        live[from->root.at[i]] = from->root.at[i] != root;
    for (cr_ref r = from->node.len; r-- > 1;)
        for (int i = 0; live[r] && r != cut && i < cr_at(from, r)->nsrc; i++)
            live[cr_at(from, r)->src[i]] = true;
    for (cr_ref r = 1; ok && r < from->node.len; r++) {
        cr_ref src[3] = {0};
        for (int i = 0; i < cr_at(from, r)->nsrc; i++)
            src[i] = remap[cr_at(from, r)->src[i]];
        if (live[r])
            ok = (remap[r] = r == cut ? cut_node(g, from, r) : cr_node_copy(g, from, r, src)) != 0;
    }
    cr_arena_finish(&a);
    if (ok && g->status == CR_OK)
        return g;
    cr_graph_destroy(g);
    return NULL;
}

/* Replaces *g by the candidate when that fails too. */
static inline bool accept(cr_graph **g, cr_graph *candidate, fails_fn *fails, void *user)
{
    if (candidate && fails(candidate, user)) {
        cr_graph_destroy(*g);
        *g = candidate;
        return true;
    }
    cr_graph_destroy(candidate);
    return false;
}

/* Drops roots and turns nodes into inputs as long as the graph still fails. Takes g, gives the
 * smallest one found. */
static inline cr_graph *shrink(cr_graph *g, fails_fn *fails, void *user)
{
    for (bool progress = true; progress;) {
        progress = false;
        for (uint32_t i = g->root.len; i-- > 0 && g->root.len > 1;)
            if (i < g->root.len)
                progress |= accept(&g, smaller(g, g->root.at[i], 0), fails, user);
        for (cr_ref r = g->node.len; r-- > 1;) {
            if (r >= g->node.len || cr_at(g, r)->nsrc == 0 || cr_is_root(cr_at(g, r)))
                continue;
            progress |= accept(&g, smaller(g, 0, r), fails, user);
        }
    }
    return g;
}

/* Shrinks g (taken), writes it to fail-<what>-<seed>.cr in the working folder, prints the name. */
static inline void report_failure(cr_graph *g, const char *what, uint64_t seed, fails_fn *fails,
                                  void *user)
{
    char path[96];
    g = shrink(g, fails, user);
    char *text = cr_graph_print(g);
    snprintf(path, sizeof path, "fail-%s-%llu.cr", what, (unsigned long long)seed);
    cr_status status = cr_file_write(path, text, strlen(text));
    fprintf(stderr, "%s: seed %llu fails; shrunk to %u nodes in %s%s\n%s", what,
            (unsigned long long)seed, cr_graph_size(g), path, status ? " (not written)" : "", text);
    cr_string_free(text);
    cr_graph_destroy(g);
}

/* The first seed of a test: that of the environment (CRISOL_SEED), else the given one; printed. */
static inline uint64_t first_seed(const char *test, uint64_t fallback)
{
    const char *text = getenv("CRISOL_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;
    fprintf(stderr, "%s: CRISOL_SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}

#endif
