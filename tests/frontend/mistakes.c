/* mistakes.c - what a user is told who builds a graph wrong: the caller's file and line, the op,
 * the operands' types and shapes, and why. The first mistake stays; what follows from it is silent.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "base.h"
#include "crisol/crisol.h"

static cr_graph *g, *other;
static cr_value x, w, i, s, foreign;

static void start(void)
{
    g = cr_graph_create("net");
    other = cr_graph_create("other");
    x = cr_input(g, "x", CR_F32, 32, 784);
    w = cr_param(g, "w", CR_F32, 128, 10);
    i = cr_input(g, "i", CR_I32, 32);
    s = cr_mean(cr_square(w), CR_ALL_AXES);
    foreign = cr_input(other, "x", CR_F32, 32, 784);
}

/* `line` is that of the WRONG, the caller's one of the lines it is written on. */
static void expect(int line, const char *text)
{
    cr_expect_neq(cr_graph_status(g), CR_OK, "accepted, but should say: %s", text);
    const char *at = strstr(cr_error(), "mistakes.c:");
    char *why = NULL;
    long where = at ? strtol(at + strlen("mistakes.c:"), &why, 10) : 0;
    cr_expect(labs(where - line) <= 4 && strncmp(why, ": ", 2) == 0 && strcmp(why + 2, text) == 0,
              "line %d: expected '%s', got '%s'", line, text, cr_error());
    cr_graph_destroy(g);
    cr_graph_destroy(other);
    cr_expect_eq(cr_live_blocks(), 0);
}

/* One mistake in a fresh graph. */
#define WRONG(text, expression)                                                                    \
    do {                                                                                           \
        start();                                                                                   \
        (void)(expression);                                                                        \
        expect(__LINE__, text);                                                                    \
    } while (0)

Test(mistakes, shapes)
{
    WRONG("add(x f32[32,784], w f32[128,10]): the shapes do not broadcast", cr_add(x, w));
    WRONG("matmul(x f32[32,784], w f32[128,10]): inner dimensions 784 and 128 differ",
          cr_matmul(x, w));
    WRONG("reshape(x f32[32,784]): cannot become f32[32,783]: the elements do not divide so, or "
          "more than one size is -1",
          cr_reshape_at(CR_HERE, x, CR_SHAPE(32, 783)));
    WRONG("concat(x f32[32,784], w f32[128,10]): sizes of axis 1 differ", cr_concat(x, w, 0));
    WRONG("sum(x f32[32,784]): an axis is beyond rank 2", cr_sum(x, CR_AXIS(2)));
    WRONG("slice(x f32[32,784]): [700, 800) is outside axis 1 of size 784",
          cr_slice_at(CR_HERE, x, CR_SHAPE(0, 700), CR_SHAPE(32, 100)));
    WRONG("gather(x f32[32,784], w f32[128,10]): the index must be i32, not f32", cr_gather(x, w));
    WRONG("expand(w f32[128,10]): size 10 of axis 1 cannot become 11: it is neither 1 nor equal",
          cr_expand_at(CR_HERE, w, CR_SHAPE(128, 11)));
    WRONG("permute(w f32[128,10]): the axes are not a permutation of 0 to 1",
          cr_permute_at(CR_HERE, w, CR_SHAPE(0, 0)));
}

Test(mistakes, types)
{
    WRONG("add(x f32[32,784], i32[32,784]): types f32 and i32 differ (cr_cast converts)",
          cr_add(x, cr_cast(x, CR_I32)));
    WRONG("exp(i i32[32]): is not defined on i32 (cr_cast converts)", cr_exp(i));
    WRONG("select(x f32[32,784], x f32[32,784], x f32[32,784]): the first operand must be bool, "
          "not f32",
          cr_select(x, x, x));
    WRONG("softmax_cross_entropy(f32[32,784], f32[32,784]): needs scores f32 [n, classes] and "
          "labels i32 [n]",
          cr_softmax_cross_entropy(x, x));
    WRONG("mse: sub(x f32[32,784], w f32[128,10]): the shapes do not broadcast", cr_mse(x, w));
    WRONG("assign(w f32[128,10], x f32[32,784]): the state and its next value differ in type or "
          "shape",
          cr_assign(w, x));
    WRONG("assign(x f32[32,784], x f32[32,784]): the first operand must be a state",
          cr_assign(x, x));
}

Test(mistakes, sizes)
{
    WRONG("input \"y\" f32[32,0]: size 0 of axis 1 is not positive",
          cr_input(g, "y", CR_F32, 32, 0));
    WRONG("input \"y\" f32[-1]: size -1 of axis 0 is not positive", cr_input(g, "y", CR_F32, -1));
    WRONG("input \"y\" f32[1048576,1048576]: 2^40 elements or more",
          cr_input(g, "y", CR_F32, 1 << 20, 1 << 20));
    WRONG("input \"y\" f32[4611686018427387903,3]: size 4611686018427387903 of axis 0 is too "
          "large, or a symbol of another graph",
          cr_input(g, "y", CR_F32, INT64_MAX / 2, 3));
    WRONG("param \"y\" f32[1073741824,1073741824,1073741824]: 2^40 elements or more",
          cr_param(g, "y", CR_F32, 1 << 30, 1 << 30, 1 << 30));
    WRONG("onehot(i i32[32]): needs an i32 index and at least one class", cr_onehot(i, 0));
    WRONG("dense \"d\": 0 units; at least 1 is needed", cr_dense(x, "d", 0, CR_TANH));
    WRONG("dense \"d\": x is i32[32]; it needs [samples, features], the features literal",
          cr_dense(i, "d", 3, CR_TANH));
}

Test(mistakes, names)
{
    WRONG("input \"x\": the name is taken by an input or a state built before",
          cr_input(g, "x", CR_F32, 3));
    WRONG("param: needs a name", cr_param(g, "", CR_F32, 3));
    WRONG("state \"y\": CR_INIT_BITS is of i32 only",
          cr_state(g, "y", CR_F32, (cr_init){.kind = CR_INIT_BITS}, CR_SHAPE(3)));
    WRONG("dense: parameter \"d.w\" is there as f32[784,3], and this layer needs f32[3,3]",
          cr_dense(cr_dense(x, "d", 3, CR_TANH), "d", 3, CR_TANH));
}

Test(mistakes, two_graphs)
{
    WRONG("add: operand 2 belongs to graph 'other', the first one to 'net'; values of two graphs "
          "cannot be mixed",
          cr_add(x, foreign));
    WRONG("matmul: operand 2 belongs to graph 'other', the first one to 'net'; values of two "
          "graphs cannot be mixed",
          cr_matmul_ex(x, true, foreign, false));
    WRONG("gradients: operand 1 belongs to graph 'other', the loss to 'net'; values of two graphs "
          "cannot be mixed",
          cr_gradient(s, foreign));
    WRONG("mse: sub: operand 2 belongs to graph 'other', the first one to 'net'; values of two "
          "graphs cannot be mixed",
          cr_mse(x, foreign));
    WRONG("output \"y\": the value belongs to graph 'other', not to 'net'",
          (cr_output(g, "y", foreign), x));
    WRONG("assign: operand 2 belongs to graph 'other', the first one to 'net'; values of two "
          "graphs cannot be mixed",
          cr_assign(w, foreign));
    WRONG("add: operand 2 is not a value", cr_add(x, (cr_value){0}));
}

Test(mistakes, gradients)
{
    WRONG("gradients: the loss does not depend on x f32[32,784] (operand 1), or only through "
          "integers, comparisons or cr_detach, which have no gradient",
          cr_gradient(s, x));
    WRONG("gradients: the loss must be an f32 scalar, not f32[32,784] (cr_mean or cr_sum reduce "
          "it)",
          cr_gradient(x, w));
    WRONG("gradients: the loss does not depend on i32[32,784] (operand 1), or only through "
          "integers, comparisons or cr_detach, which have no gradient",
          cr_gradient(s, cr_cast(x, CR_I32)));
    WRONG("gradients: the loss does not depend on w f32[128,10] (operand 1), or only through "
          "integers, comparisons or cr_detach, which have no gradient",
          (cr_sgd_minimize(cr_mean(x, CR_ALL_AXES), 0.1f), x));
    WRONG("gradients: the loss must be an f32 scalar, not f32[32,784] (cr_mean or cr_sum reduce "
          "it)",
          (cr_sgd_minimize(x, 0.1f), x));
}

Test(mistakes, nothing_to_minimize)
{
    static const char text[] = "minimize: there are no parameters to train (cr_param makes them)";
    WRONG("minimize: the optimizer is NULL", (cr_minimize(s, NULL), x));
    WRONG(text, (cr_minimize(s, &(cr_optimizer){.params = &w}), x));
    cr_graph *h = cr_graph_create("no parameters");
    cr_value y = cr_input(h, "y", CR_F32, 3);
    cr_expect_eq(cr_sgd_minimize(cr_sum(y, CR_ALL_AXES), 0.1f), CR_E_GRAPH);
    cr_expect(strstr(cr_error(), text), "%s", cr_error());
    cr_graph_destroy(h);
    cr_expect_neq(cr_minimize((cr_value){0}, &(cr_optimizer){0}), CR_OK);
}

Test(mistakes, layers)
{
    WRONG("dropout: the rate is 1; it must be in [0, 1)", cr_dropout(x, 1));
    WRONG("dropout: the rate is -0.5; it must be in [0, 1)", cr_dropout(x, -0.5f));
    WRONG("batch_norm \"n\": x is f32; it needs [samples, features], the features literal",
          cr_batch_norm(s, "n", 0, 0));
    WRONG("batch_norm \"n\": the momentum must be in [0, 1)", cr_batch_norm(x, "n", 1, 0));
    WRONG("layer_norm \"n\": epsilon must be above 0", cr_layer_norm(x, "n", -1));
    WRONG("layer_norm: needs a name", cr_layer_norm(x, NULL, 0));
    WRONG("embedding \"e\": 0 rows of 4; at least 1 is needed", cr_embedding(i, "e", 0, 4));
    WRONG("gather(e.w f32[9,4], x f32[32,784]): the index must be i32, not f32",
          cr_embedding(x, "e", 9, 4));
    WRONG("batch_norm: parameter \"d.gamma\" is there as f32[784], and this layer needs f32[10]",
          (cr_layer_norm(x, "d", 0), cr_batch_norm(w, "d", 0, 0)));
}

Test(mistakes, losses)
{
    const cr_cross_entropy_options smooth = {.label_smoothing = 1};
    WRONG("huber: delta is 0; it must be above 0", cr_huber(x, x, 0));
    WRONG("mae(f32[32,784], f32[128,10]): needs two f32 of one shape", cr_mae(x, w));
    WRONG("binary_cross_entropy(f32[32,784], i32[32]): needs two f32 of one shape",
          cr_binary_cross_entropy(x, i, NULL));
    WRONG("cross_entropy: label_smoothing is 1; it must be in [0, 1)",
          cr_cross_entropy(x, i, &smooth));
    WRONG("cross_entropy(f32[128,10], i32[32]): needs scores f32 [n, classes] and labels i32 [n]",
          cr_cross_entropy(w, i, NULL));
    WRONG("cross_entropy(f32, f32): needs an axis of classes", cr_cross_entropy(s, s, NULL));
    WRONG("count_top_k: k is 785; it must be from 1 to the number of classes",
          cr_count_top_k(x, i, 785));
    WRONG("count_binary: the threshold is not finite", cr_count_binary(x, x, NAN));
}

Test(mistakes, layers_of_no_value)
{
    const cr_value none = {NULL, 0};
    WRONG("softmax_cross_entropy: operand 2 is not a value", cr_softmax_cross_entropy(x, none));
    WRONG("count_correct: operand 2 belongs to graph 'other', the first one to 'net'; values of "
          "two graphs cannot be mixed",
          cr_count_correct(x, foreign));
    WRONG("dense: operand 1 is not a value", cr_dense(cr_find(g, "y"), "d", 3, CR_TANH));
    WRONG("mse: operand 1 is not a value", cr_mse(cr_find(g, "y"), x));
    WRONG("tap: operand 1 is not a value", cr_tap("t", cr_find(g, "y")));
    cr_dense(none, "d", 3, CR_TANH);
    cr_expect(strstr(cr_error(), "dense: operand 1 is not a value"), "%s", cr_error());
}
