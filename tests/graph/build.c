/* build.c - the builder in the hands of somebody who gives it what is no value, no graph, or
 * another graph's: always a mistake that is told, in every graph concerned, and never a crash. */
#include <criterion/criterion.h>

#include "crisol/ops.h"
#include "ir.h"

static cr_graph *g, *other;
static cr_value x, seed, step, alien;

static void begin(void)
{
    g = cr_graph_create("net");
    other = cr_graph_create("other");
    x = cr_input(g, "x", CR_F32, 2, 3);
    seed = cr_i32(g, 1);
    step = cr_i32(g, 2);
    for (int i = 0; i < 9; i++)
        cr_i32(other, 100 + i); /* so that its numbers mean other nodes here */
    alien = cr_i32(other, 7);
    cr_error_clear();
}

static void end(void)
{
    cr_graph_destroy(g);
    cr_graph_destroy(other);
    cr_expect_eq(cr_alloc_live(), 0);
}

/* A mistake of g, with that text. */
#define WRONG(text, ...)                                                                           \
    do {                                                                                           \
        begin();                                                                                   \
        (void)(__VA_ARGS__);                                                                       \
        cr_expect_eq(cr_graph_status(g), CR_E_GRAPH, "line %d: accepted", __LINE__);               \
        cr_expect(strstr(cr_error(), text), "line %d: '%s', not '%s'", __LINE__, cr_error(),       \
                  text);                                                                           \
        end();                                                                                     \
    } while (0)

/* Of no graph; told all the same. */
#define LOST(text, ...)                                                                            \
    do {                                                                                           \
        begin();                                                                                   \
        (void)(__VA_ARGS__);                                                                       \
        cr_expect(strstr(cr_error(), text), "line %d: '%s', not '%s'", __LINE__, cr_error(),       \
                  text);                                                                           \
        end();                                                                                     \
    } while (0)

static const cr_value none = {NULL, 0};

Test(build, random_of_two_graphs)
{
    static const char text[] =
        "random: operand 1 belongs to graph 'other', the graph given is 'net'; "
        "values of two graphs cannot be mixed";
    WRONG(text, cr_random(g, alien, alien, CR_SHAPE(3)));
    WRONG(text, cr_random(g, alien, step, CR_SHAPE(3)));
    WRONG("random: operand 2 belongs to graph 'other'", cr_random(g, seed, alien, CR_SHAPE(3)));
    begin();
    cr_random(g, seed, alien, CR_SHAPE(3));
    cr_expect_eq(cr_graph_status(other), CR_E_GRAPH); /* the other one says it, too */
    end();
}

Test(build, values_of_no_graph)
{
    WRONG("random: operand 2 is not a value", cr_random(g, seed, none, CR_SHAPE(3)));
    WRONG("add: operand 1 is not a value", cr_add(none, x));
    WRONG("output: operand 1 is not a value", (cr_output(g, "y", none), x));
    WRONG("assign: operand 1 is not a value", (cr_assign(none, x), x));
    WRONG("gradients: operand 1 is not a value", cr_gradient(cr_sum(x, CR_ALL_AXES), none));
    LOST("add: operand 1 is not a value", cr_add(none, none));
    LOST("clamp: operand 1 is not a value", cr_clamp(none, 0, 1));
    LOST("clamp: operand 1 is not a value", cr_clamp(none, 1, 0));
    LOST("assign: operand 1 is not a value", (cr_assign(none, none), x));
    LOST("gradients: the loss is not a value", cr_gradient(none, none));
    cr_expect(cr_is_poison(none));
    cr_expect_eq(cr_value_dtype(none), CR_F32);
    cr_expect_eq(cr_value_shape(none).rank, 0);
}

/* What cr_find gives for a name that is not there is no mistake, but what is built from it is. */
Test(build, names_that_are_not_there)
{
    WRONG("add: operand 2 is not a value", cr_add(x, cr_find(g, "y")));
    WRONG("output: operand 1 is not a value", (cr_output(g, "z", cr_find(g, "y")), x));
    WRONG("gradients: operand 1 is not a value",
          cr_gradient(cr_sum(x, CR_ALL_AXES), cr_find(g, "y")));
    WRONG("gradients: operand 1 is not a value", cr_gradient(cr_find(g, "y"), x));
}

Test(build, no_graph)
{
    LOST("input: the graph is NULL", cr_input(NULL, "x", CR_F32, 2));
    LOST("param: the graph is NULL", cr_param(NULL, "x", CR_F32, 2));
    LOST("f32: the graph is NULL", cr_f32(NULL, 1));
    LOST("i32: the graph is NULL", cr_i32(NULL, 1));
    LOST("bool: the graph is NULL", cr_bool(NULL, true));
    LOST("size: the graph is NULL", cr_size(NULL, 3));
    LOST("symbol: the graph is NULL", cr_symbol(NULL, "n", 3));
    LOST("iota: the graph is NULL", cr_iota(NULL, CR_SHAPE(3), 0));
    LOST("random: the graph is NULL", cr_random(NULL, seed, step, CR_SHAPE(3)));
    LOST("output: the graph is NULL", (cr_output(NULL, "x", x), x));
    LOST("op_begin: the graph is NULL", (cr_op_begin(NULL, "x", CR_HERE), x));
    LOST("op_end: the graph is NULL", (cr_op_end(NULL), x));
    cr_expect_eq(cr_graph_status(NULL), CR_E_ARGUMENT);
    cr_expect_eq(cr_graph_size(NULL), 0);
    cr_expect(cr_is_poison(cr_find(NULL, "x")));
    cr_expect_eq(cr_params(NULL, NULL, 0), 0);
}

Test(build, types_and_starts)
{
    WRONG("input \"y\": unknown element type", cr_input(g, "y", (cr_dtype)77, 2));
    WRONG("param \"y\": unknown element type", cr_param(g, "y", CR_DTYPE_COUNT, 2));
    WRONG("cast(x f32[2,3]): unknown element type", cr_cast(x, (cr_dtype)77));
    WRONG("state \"y\": its init.kind is not a cr_init_kind",
          cr_state(g, "y", CR_F32, ((cr_init){.kind = (cr_init_kind)99}), CR_SCALAR));
    WRONG("size -3 of axis 0 is not positive", cr_param(g, "y", CR_F32, -3));
    WRONG("size -3 of axis 0 is not positive",
          cr_state(g, "y", CR_F32, ((cr_init){.kind = CR_INIT_DATA, .data = &g}), CR_SHAPE(-3)));
    WRONG("its sizes must be literal", cr_param(g, "y", CR_F32, cr_symbol(g, "n", 3)));
    WRONG("size: -3 is not the size of a dimension", cr_size(g, -3));
    WRONG("pad(x f32[2,3]): the amounts must be literal",
          cr_pad(x, CR_SHAPE(INT64_MAX, 0), CR_SHAPE(INT64_MAX, 0), 0));
    WRONG("clamp(x f32[2,3]): the lower bound is above the upper one", cr_clamp(x, 2, 1));
}

Test(build, a_symbol_has_one_bound)
{
    begin();
    cr_dim n = cr_symbol(g, "n", 8);
    cr_expect_eq(cr_symbol(g, "n", 8), n);
    cr_expect_eq(cr_graph_status(g), CR_OK);
    end();
    WRONG("symbol 'n': its bound is 8, and now 16 is asked for",
          (cr_symbol(g, "n", 8), cr_symbol(g, "n", 16)));
}

Test(build, an_end_without_a_begin)
{
    WRONG("op_end without op_begin", (cr_op_end(g), x));
    begin();
    cr_op_begin(g, "twice", CR_HERE);
    cr_value y = cr_add(x, x);
    cr_op_end(g);
    cr_expect_neq(y.ref, 0);
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    end();
}

/* A model function that is called twice, for training and for evaluation. */
Test(build, names_are_given_again)
{
    begin();
    cr_value w = cr_param(g, "w", CR_F32, 4);
    cr_expect(cr_is_training(g));
    cr_set_training(g, false);
    cr_expect(!cr_is_training(g));
    cr_set_reuse(g, true);
    cr_expect_eq(cr_param(g, "w", CR_F32, 4).ref, w.ref);
    cr_expect_neq(cr_param(g, "v", CR_F32, 4).ref, w.ref);
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_set_reuse(g, false);
    end();
    WRONG("the name is taken",
          (cr_param(g, "w", CR_F32, 4), cr_set_reuse(g, true), cr_param(g, "w", CR_F32, 5)));
    WRONG("the name is taken", (cr_param(g, "w", CR_F32, 4), cr_param(g, "w", CR_F32, 4)));
    cr_set_training(NULL, true);
    cr_set_reuse(NULL, true);
    cr_expect(!cr_is_training(NULL));
}

/* What a trainer asks of the model's roots. */
Test(build, roots_wait_for_a_guard)
{
    begin();
    cr_value s = cr_state(g, "s", CR_I32, (cr_init){0}, CR_SCALAR);
    cr_value v = cr_state(g, "v", CR_F32, (cr_init){0}, CR_SHAPE(4));
    g->root_mode = CR_ROOTS_GUARDED;
    cr_assign(s, cr_add(s, cr_i32(g, 1)));
    cr_assign(v, cr_add(v, cr_f32(g, 1)));
    cr_output(g, "y", v); /* outputs do not wait */
    cr_expect_eq(g->root.len, 1);
    cr_assigns_guard(cr_lt(s, cr_i32(g, 2)));
    cr_expect_eq(g->root.len, 3);
    cr_expect_eq(g->root_mode, CR_ROOTS_MADE);
    g->root_mode = CR_ROOTS_IGNORED;
    cr_assign(s, cr_i32(g, 7));
    cr_output(g, "y", s);
    g->root_mode = CR_ROOTS_MADE;
    cr_expect_eq(g->root.len, 3);
    cr_expect_eq(cr_find(g, "y").ref, v.ref);
    cr_expect_eq(cr_verify(g, CR_LEVEL_USER), CR_OK, "%s", cr_error());

    int32_t count = 0;
    float sums[4] = {0};
    cr_interp *in = cr_interp_create(g);
    cr_assert_not_null(in);
    cr_interp_bind(in, s.ref, &count);
    cr_interp_bind(in, v.ref, sums);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(cr_interp_run(in), CR_OK, "%s", cr_error());
    cr_expect_eq(count, 2);
    cr_expect_eq(sums[3], 2);
    cr_interp_destroy(in);
    end();
    WRONG("has a next value already",
          (s = cr_state(g, "s", CR_I32, (cr_init){0}, CR_SCALAR), g->root_mode = CR_ROOTS_GUARDED,
           cr_assign(s, s), cr_assign(s, s)));
}

/* ---- long chains ----------------------------------------------------------------------------- */

static int count(cr_op op)
{
    int n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->op == op;
    return n;
}

/* How many sums `cr_sum` makes over these axes of f32 (or i32) [a, b, c]. */
static int sums(cr_dtype type, cr_dim a, int64_t b, int64_t c, cr_axes axes)
{
    begin();
    cr_output(g, "y", cr_sum(cr_input(g, "z", type, a, b, c), axes));
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    const int n = count(CR_OP_sum);
    end();
    return n;
}

Test(build, long_sums_are_sums_of_sums)
{
    const cr_axes outer = CR_AXIS(0), middle = CR_AXIS(1), inner = CR_AXIS(2);
    cr_expect_eq(sums(CR_F32, 5, 7, 1, CR_ALL_AXES), 1);
    cr_expect_eq(sums(CR_F32, 5, 8, 1, CR_ALL_AXES), 2);
    cr_expect_eq(sums(CR_F32, 5, 8, 9, CR_ALL_AXES), 3);
    cr_expect_eq(sums(CR_F32, 5, 8, 9, outer | middle), 2);
    cr_expect_eq(sums(CR_F32, 1, 8, 9, outer | inner), 1); /* an axis of 1 is none */
    cr_expect_eq(sums(CR_F32, 1000, 2, 2, outer), 1);
    cr_expect_eq(sums(CR_I32, 5, 8, 9, CR_ALL_AXES), 1); /* exact in any order */
}

/* How many sums a product [m, k] by [k, n] takes, and of how many parts. */
static int parts(cr_dim m, int64_t k, int64_t n)
{
    begin();
    cr_value y = cr_matmul(cr_input(g, "a", CR_F32, m, k), cr_input(g, "b", CR_F32, k, n));
    cr_output(g, "y", y);
    cr_expect_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    cr_expect_eq(cr_value_shape(y).rank, 2);
    cr_expect_eq(count(CR_OP_matmul), 1);
    int of = 1;
    for (cr_ref r = 1; r < g->node.len; r++)
        if (cr_at(g, r)->op == CR_OP_matmul && cr_shape_of(g, r)->rank == 3)
            of = (int)cr_shape_of(g, r)->dim[0];
    end();
    return of;
}

Test(build, deep_products_of_few_columns_are_sums_of_parts)
{
    cr_expect_eq(parts(32, 784, 16), 4);
    cr_expect_eq(parts(32, 784, 17), 1);
    cr_expect_eq(parts(1, 384, 1), 2);
    cr_expect_eq(parts(1, 383, 1), 1);
    cr_expect_eq(parts(1, 385, 1), 1); /* no equal parts */
}
