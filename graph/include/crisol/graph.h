/* crisol/graph.h - computation graphs: inputs, state, gradients, roots, and their text and
 * pictures.
 *
 *     cr_graph *g = cr_graph_create("line");
 *     cr_value x = cr_input(g, "x", CR_F32, 32, 4);
 *     cr_value w = cr_param(g, "w", CR_F32, 4, 1);
 *     cr_value y = cr_matmul(x, w);                      // the ops are in crisol/ops.h
 *     cr_output(g, "y", y);
 *
 * A graph is a set of immutable nodes. A cr_value names one node of one graph and is passed by
 * value. Builder calls cannot fail loudly: a mistake gives a poisoned value, poison spreads, and
 * the graph keeps the first mistake with the caller's file and line (cr_graph_status, cr_error).
 *
 * Each cr_x(...) macro below stands for a function cr_x_at(CR_HERE, ...): bindings from other
 * languages call the function and pass their own location. */
#ifndef CRISOL_GRAPH_H
#define CRISOL_GRAPH_H

#include <stdio.h>

#include "crisol/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CR_MAX_RANK = 8 };

typedef struct cr_graph cr_graph;

/* A value of a graph; ref 0 is poison. */
typedef struct cr_value {
    cr_graph *graph;
    uint32_t ref;
} cr_value;

/* The size of one dimension: a literal > 0, or a multiple of a symbol (cr_symbol). Symbolic sizes
 * may be multiplied by literals; they become literals when a program is compiled for a binding. */
typedef int64_t cr_dim;

typedef struct cr_shape {
    int32_t rank; /* 0 (a scalar) to CR_MAX_RANK */
    cr_dim dim[CR_MAX_RANK];
} cr_shape;

/* CR_SHAPE(64, 784): a shape from a list of one to eight sizes; CR_SCALAR: rank 0. */
#define CR_NARGS_(a, b, c, d, e, f, g, h, n, ...) n
#define CR_NARGS(...) CR_NARGS_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#ifdef __cplusplus
#define CR_SHAPE(...) (cr_shape{CR_NARGS(__VA_ARGS__), {__VA_ARGS__}})
#define CR_SCALAR (cr_shape{0, {0}})
#else
#define CR_SHAPE(...) ((cr_shape){CR_NARGS(__VA_ARGS__), {__VA_ARGS__}})
#define CR_SCALAR ((cr_shape){0, {0}})
#endif

/* Sets of axes for reductions: CR_AXIS(0) | CR_AXIS(2). */
typedef uint32_t cr_axes;
#define CR_AXIS(i) (1u << (i))
#define CR_LAST_AXIS (1u << 31)
#define CR_ALL_AXES 0xffu

/* How the kernel of a convolution slides over x: a size for each spatial axis. Rank 0 stands for
 * all 1 (stride, dilation) or all 0 (before, after: zeros that are added around x). */
typedef struct cr_slide {
    cr_shape stride, dilation, before, after;
    int64_t
        groups; /* channels fall into so many groups, each seen by its part of the results; 0: 1 */
} cr_slide;

/* ---- graphs -------------------------------------------------------------------------------- */

/* A new, empty graph; NULL out of memory. `name` is used in pictures and messages. */
CR_API cr_graph *cr_graph_create(const char *name);
/* Frees the graph and all its values. Programs compiled from it live on. Accepts NULL. */
CR_API void cr_graph_destroy(cr_graph *g);
/* CR_OK, or the status of the first mistake made while building (its text becomes cr_error()).
 * CR_E_ARGUMENT for NULL. */
CR_API cr_status cr_graph_status(const cr_graph *g);
/* What is built next is for training (the state of a new graph) or for evaluation: layers that
 * differ between the two (dropout, batch normalization) ask for it. */
CR_API void cr_set_training(cr_graph *g, bool training);
CR_API bool cr_is_training(const cr_graph *g);
/* While `reuse` is on, a state or an input that is there already is given again where it is asked
 * for by the same name, type and shape: a model function may then be called twice, for training and
 * for evaluation, and both have the same parameters. */
CR_API void cr_set_reuse(cr_graph *g, bool reuse);
/* Number of nodes; 0 for NULL. */
CR_API uint32_t cr_graph_size(const cr_graph *g);

/* A named size that is bound when a program is compiled (the batch, say). `bound` is its largest
 * value. Asking again for the same name with the same bound gives the same symbol. 0 on a mistake.
 */
CR_API cr_dim cr_symbol(cr_graph *g, const char *name, int64_t bound);

/* ---- leaves -------------------------------------------------------------------------------- */

/* A tensor fed from outside. It keeps what it was fed until it is fed again, so a data set that is
 * fed once stays on the device. Names are unique in a graph. */
#define cr_input(g, name, dtype, ...) cr_input_at(CR_HERE, g, name, dtype, CR_SHAPE(__VA_ARGS__))
CR_API cr_value cr_input_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype,
                            cr_shape shape);

/* How a state variable starts. Random kinds draw from Philox with the program's seed and a stream
 * derived from the variable's name. Fans are Keras's: a weight is [in, out], a kernel [sizes...,
 * in, out] with fan_in = in and fan_out = out times the product of its sizes; of one axis, both are
 * its size. uniform          in [a, b) normal           mean a, standard deviation b (Box-Muller)
 *   truncated_normal the same, drawn again where it is more than 2 b from a
 *   glorot_*         X. Glorot, Y. Bengio, AISTATS 2010: limit sqrt(6 / (fan_in + fan_out)),
 *                    deviation sqrt(2 / (fan_in + fan_out)); also called Xavier
 *   he_*             K. He et al., ICCV 2015: limit sqrt(6 / fan_in), deviation sqrt(2 / fan_in)
 *   lecun_*          Y. LeCun et al., 1998: limit sqrt(3 / fan_in), deviation sqrt(1 / fan_in)
 *   bits             any integer, each as likely (i32 only): a seed of the graph's own
 * glorot_normal, he_normal and lecun_normal are truncated at twice the deviation of the normal
 * numbers, which is larger by 1 / 0.8796 so that what is left has the deviation above (Keras's
 * VarianceScaling). */
typedef enum cr_init_kind {
    CR_INIT_CONSTANT, /* every element is a; all zero: a zero-initialised cr_init */
    CR_INIT_UNIFORM,
    CR_INIT_NORMAL,
    CR_INIT_TRUNCATED_NORMAL,
    CR_INIT_GLOROT_UNIFORM,
    CR_INIT_GLOROT_NORMAL,
    CR_INIT_HE_UNIFORM,
    CR_INIT_HE_NORMAL,
    CR_INIT_LECUN_UNIFORM,
    CR_INIT_LECUN_NORMAL,
    CR_INIT_BITS,
    CR_INIT_DATA /* copied from `data` when the variable is built */
} cr_init_kind;

typedef struct cr_init {
    cr_init_kind kind;
    float a, b;
    const void *data; /* CR_INIT_DATA: row-major elements, copied */
} cr_init;

/* A variable that lives on the device between steps. All reads in a step see its value before the
 * step; cr_assign gives the value after it. */
#define cr_state(g, name, dtype, init, shape)                                                      \
    cr_state_at(CR_HERE, g, name, dtype, init, shape, false)
/* A state that an optimizer updates (trainable), Glorot uniform when of rank 2 or more, else 0. */
#define cr_param(g, name, dtype, ...) cr_param_at(CR_HERE, g, name, dtype, CR_SHAPE(__VA_ARGS__))
#define cr_param_init(g, name, dtype, init, ...)                                                   \
    cr_state_at(CR_HERE, g, name, dtype, init, CR_SHAPE(__VA_ARGS__), true)
CR_API cr_value cr_state_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype, cr_init init,
                            cr_shape shape, bool trainable);
CR_API cr_value cr_param_at(cr_loc at, cr_graph *g, const char *name, cr_dtype dtype,
                            cr_shape shape);

/* A scalar constant. Binary ops broadcast it: cr_mul(x, cr_f32(g, 2)). */
CR_API cr_value cr_f32(cr_graph *g, float value);
CR_API cr_value cr_i32(cr_graph *g, int32_t value);
CR_API cr_value cr_bool(cr_graph *g, bool value);
/* A dimension's size as an i32 scalar: a literal once the program's binding is known. */
CR_API cr_value cr_size(cr_graph *g, cr_dim dim);

/* ---- roots --------------------------------------------------------------------------------- */

/* Names a value that programs can fetch. The last name wins; a value may have several names. */
#define cr_output(g, name, v) cr_output_at(CR_HERE, g, name, v)
CR_API void cr_output_at(cr_loc at, cr_graph *g, const char *name, cr_value v);
/* `state` takes the value v at the end of the step. Once per state. */
#define cr_assign(state, v) cr_assign_at(CR_HERE, state, v)
CR_API void cr_assign_at(cr_loc at, cr_value state, cr_value v);

/* ---- gradients ----------------------------------------------------------------------------- */

/* d loss / d x for each x of `wrt`, as ordinary values (so that gradients of gradients work).
 * `loss` is an f32 scalar. Asking for an x that loss does not depend on is a mistake. */
#define cr_gradients(loss, wrt, n, out) cr_gradients_at(CR_HERE, loss, wrt, n, out)
CR_API cr_status cr_gradients_at(cr_loc at, cr_value loss, const cr_value *wrt, uint32_t n,
                                 cr_value *out);
/* The same for one x. */
#define cr_gradient(loss, x) cr_gradient_at(CR_HERE, loss, x)
CR_API cr_value cr_gradient_at(cr_loc at, cr_value loss, cr_value x);

/* ---- looking at values --------------------------------------------------------------------- */

/* Is v what a mistake has given, or no value at all ((cr_value){0})? */
CR_API bool cr_is_poison(cr_value v);
/* Element type and shape; of poison they are those of an f32 scalar. Sizes may be symbolic. */
CR_API cr_dtype cr_value_dtype(cr_value v);
CR_API cr_shape cr_value_shape(cr_value v);
/* Finds an input, a state or an output by name. When there is none: poison, which is no mistake
 * until something is built from it. */
CR_API cr_value cr_find(cr_graph *g, const char *name);
/* The trainable states in the order they were built: writes at most `max`, returns how many. */
CR_API uint32_t cr_params(cr_graph *g, cr_value *out, uint32_t max);
/* The same for all states, trainable or not. */
CR_API uint32_t cr_states(cr_graph *g, cr_value *out, uint32_t max);

/* ---- user-level ops and scopes -------------------------------------------------------------- */

/* All that is built between cr_op_begin and cr_op_end counts as one op of the user: one kernel in
 * the unfused variants, one cluster in pictures. Nested pairs belong to the outermost. An end
 * without a begin is a mistake. */
CR_API void cr_op_begin(cr_graph *g, const char *name, cr_loc at);
CR_API void cr_op_end(cr_graph *g);

/* ---- text and pictures ---------------------------------------------------------------------- */

/* The text form (docs/ir.md); cr_graph_parse(cr_graph_print(g)) gives an equal graph. The caller
 * frees the text with cr_string_free. NULL out of memory. */
CR_API char *cr_graph_print(const cr_graph *g);
/* Reads the text form; `path` is for messages (file:line:column). NULL on a mistake. */
CR_API cr_graph *cr_graph_parse(const char *text, const char *path);
/* The graph in Graphviz's dot language. */
CR_API char *cr_graph_dot(const cr_graph *g);
/* Frees a text that the library gave. Accepts NULL. */
CR_API void cr_string_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
