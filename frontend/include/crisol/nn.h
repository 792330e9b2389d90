/* crisol/nn.h - layers and losses: thin functions over the ops of the graph.
 *
 *     cr_value h = cr_dense(x, "hidden", 256, CR_SIGMOID);    // sigmoid(x w + b)
 *     cr_value y = cr_dense(h, "out", 10, CR_LINEAR);
 *     cr_value loss = cr_softmax_cross_entropy(y, labels);
 *
 * A layer is what its line above says and nothing more: its product, its bias and its activation
 * are three ops, as if they had been written out. A loss is one op. */
#ifndef CRISOL_NN_H
#define CRISOL_NN_H

#include "crisol/graph.h"
#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- layers -------------------------------------------------------------------------------- */

/* One row an activation: enumerator, its word in descriptions of nets. */
#define CR_ACTIVATION_MAP(X)                                                                       \
    X(CR_LINEAR, "linear")                                                                         \
    X(CR_SIGMOID, "sigmoid")                                                                       \
    X(CR_TANH, "tanh")                                                                             \
    X(CR_RELU, "relu")                                                                             \
    X(CR_LEAKY_RELU, "leaky_relu") /* slope 0.01 */                                                \
    X(CR_SOFTMAX, "softmax")       /* over the last axis */                                        \
    X(CR_RELU6, "relu6")                                                                           \
    X(CR_ELU, "elu") /* alpha 1 */                                                                 \
    X(CR_SELU, "selu")                                                                             \
    X(CR_GELU, "gelu") /* exact, with erf */                                                       \
    X(CR_GELU_TANH, "gelu_tanh")                                                                   \
    X(CR_SILU, "silu")                                                                             \
    X(CR_HARD_SIGMOID, "hard_sigmoid")                                                             \
    X(CR_SOFTPLUS, "softplus")                                                                     \
    X(CR_LOG_SOFTMAX, "log_softmax") /* over the last axis */

typedef enum cr_activation {
#define CR_X(name, word) name,
    CR_ACTIVATION_MAP(CR_X)
#undef CR_X
        CR_ACTIVATION_COUNT
} cr_activation;

/* The activation's word; "?" for what is none. */
CR_API const char *cr_activation_name(cr_activation activation);

/* The activation of x, element by element (softmax and log_softmax: over the last axis). */
#define cr_activate(x, activation) cr_activate_at(CR_HERE, x, activation)
CR_API cr_value cr_activate_at(cr_loc at, cr_value x, cr_activation activation);

/* A fully connected layer: activation(x w + b), x f32 [..., in], the result f32 [..., units]. Makes
 * the parameters "NAME.w" [in, units], Glorot uniform, and "NAME.b" [units], zero. A second layer
 * of that name has the same parameters, and must have their shapes. */
#define cr_dense(x, name, units, activation) cr_dense_at(CR_HERE, x, name, units, activation, NULL)
/* The same with another start of the weight: a const cr_init *. */
#define cr_dense_init(x, name, units, activation, ...)                                             \
    cr_dense_at(CR_HERE, x, name, units, activation, __VA_ARGS__)
CR_API cr_value cr_dense_at(cr_loc at, cr_value x, const char *name, int64_t units,
                            cr_activation activation, const cr_init *init);
/* All fields may be zero. */
typedef struct cr_dense_options {
    cr_activation activation;
    bool no_bias;        /* where a normalization follows */
    const cr_init *init; /* of the weight; NULL: Glorot uniform */
} cr_dense_options;
/* The same with a const cr_dense_options *. */
#define cr_dense_ex(x, name, units, ...) cr_dense_ex_at(CR_HERE, x, name, units, __VA_ARGS__)
CR_API cr_value cr_dense_ex_at(cr_loc at, cr_value x, const char *name, int64_t units,
                               const cr_dense_options *options);

/* (x - mean) / std, x converted to f32 first where it is not: a declared normalisation of inputs,
 * and as such an op of the graph. For u8 images in [0, 1]: mean 0, std 255. */
#define cr_normalize(x, mean, std) cr_normalize_at(CR_HERE, x, mean, std)
CR_API cr_value cr_normalize_at(cr_loc at, cr_value x, float mean, float std);

/* x scale + offset, x converted to f32 first where it is not. */
#define cr_rescale(x, scale, offset) cr_rescale_at(CR_HERE, x, scale, offset)
CR_API cr_value cr_rescale_at(cr_loc at, cr_value x, float scale, float offset);

/* (x - mean) factor of each feature (the last axis) of x [n..., features], x converted to f32: the
 * states NAME.mean (0) and NAME.factor (1), f32 [features], which are not trained. They start as
 * the identity; set them (cr_set) to what the training samples are like, the factor to 1 /
 * deviation. */
#define cr_standardize(x, name) cr_standardize_at(CR_HERE, x, name)
CR_API cr_value cr_standardize_at(cr_loc at, cr_value x, const char *name);
/* The same, (x - low) factor, with NAME.low (0) and NAME.factor (1), which is to be 1 / (high -
 * low): features into [0, 1]. */
#define cr_scale_range(x, name) cr_scale_range_at(CR_HERE, x, name)
CR_API cr_value cr_scale_range_at(cr_loc at, cr_value x, const char *name);

/* Column `column`, from 1, of x f32 [n..., columns], whole numbers from 0, replaced by `size`
 * columns: 1 in the number's, else 0. All are 0 for what is no whole number below `size`. */
#define cr_onehot_column(x, column, size) cr_onehot_column_at(CR_HERE, x, column, size)
CR_API cr_value cr_onehot_column_at(cr_loc at, cr_value x, int64_t column, int64_t size);

/* All axes but the first as one: [n, 28, 28] becomes [n, 784]. */
#define cr_flatten(x) cr_flatten_at(CR_HERE, x)
CR_API cr_value cr_flatten_at(cr_loc at, cr_value x);

/* Numbers uniform in [0, 1), f32, new in every step: cr_random by the states "random.seed" (bits of
 * the program's seed) and "random.step", which are made on first use, shared by all calls, and
 * counted once a step. Every call draws from a stream of its own. */
#define cr_random_uniform(g, ...) cr_random_uniform_at(CR_HERE, g, CR_SHAPE(__VA_ARGS__))
CR_API cr_value cr_random_uniform_at(cr_loc at, cr_graph *g, cr_shape shape);

/* In training, each element is 0 with the probability `rate`, in [0, 1), and else x / (1 - rate);
 * in evaluation x itself. N. Srivastava et al., JMLR 2014. The mask is a function of
 * cr_random_uniform's states, the same in the gradient as in the value. */
#define cr_dropout(x, rate) cr_dropout_at(CR_HERE, x, rate)
CR_API cr_value cr_dropout_at(cr_loc at, cr_value x, float rate);

/* gamma (x - mean) / sqrt(var + epsilon) + beta for each feature (the last axis) of x f32 [n...,
 * features]: S. Ioffe, C. Szegedy, ICML 2015. In training, mean and var (biased) are those of the
 * batch, and the states NAME.mean and NAME.var follow them: average' = momentum average + (1 -
 * momentum) batch; of several calls by one name, the first is followed. In evaluation they are
 * these states, and where x is a product (and a bias) the whole is worked into its weights. Makes
 * the parameters NAME.gamma (1) and NAME.beta (0). momentum in [0, 1), 0: 0.99; epsilon 0: 1e-3. */
#define cr_batch_norm(x, name, momentum, epsilon)                                                  \
    cr_batch_norm_at(CR_HERE, x, name, momentum, epsilon)
CR_API cr_value cr_batch_norm_at(cr_loc at, cr_value x, const char *name, float momentum,
                                 float epsilon);
/* All fields may be zero. */
typedef struct cr_norm_options {
    float momentum, epsilon; /* as above; momentum: of batch normalization */
    bool no_center;          /* without beta */
    bool no_scale;           /* without gamma */
} cr_norm_options;
/* The same with a const cr_norm_options *. */
#define cr_batch_norm_ex(x, name, ...) cr_batch_norm_ex_at(CR_HERE, x, name, __VA_ARGS__)
CR_API cr_value cr_batch_norm_ex_at(cr_loc at, cr_value x, const char *name,
                                    const cr_norm_options *options);

/* The same with mean and var (biased) of each sample's features, in training and in evaluation:
 * J. L. Ba et al., 2016. Parameters NAME.gamma (1) and NAME.beta (0); epsilon 0: 1e-3. */
#define cr_layer_norm(x, name, epsilon) cr_layer_norm_at(CR_HERE, x, name, epsilon)
CR_API cr_value cr_layer_norm_at(cr_loc at, cr_value x, const char *name, float epsilon);
#define cr_layer_norm_ex(x, name, ...) cr_layer_norm_ex_at(CR_HERE, x, name, __VA_ARGS__)
CR_API cr_value cr_layer_norm_ex_at(cr_loc at, cr_value x, const char *name,
                                    const cr_norm_options *options);

/* The rows of the parameter "NAME.w" [vocabulary, width], uniform in [-0.05, 0.05), at index i32
 * [n...]: f32 [n..., width]. An index outside, negative or beyond, gives the last row, and adds
 * nothing to the gradient. */
#define cr_embedding(index, name, vocabulary, width)                                               \
    cr_embedding_at(CR_HERE, index, name, vocabulary, width)
CR_API cr_value cr_embedding_at(cr_loc at, cr_value index, const char *name, int64_t vocabulary,
                                int64_t width);

/* ---- losses -------------------------------------------------------------------------------- */

/* Every loss is an f32 scalar, the mean over what its line says, and finite with finite gradients
 * for operands of 1e4 and beyond. A wrong shape or type is a mistake. */

/* Mean over all elements of (y - t)^2; of |y - t|. */
#define cr_mse(y, t) cr_mse_at(CR_HERE, y, t)
CR_API cr_value cr_mse_at(cr_loc at, cr_value y, cr_value t);
#define cr_mae(y, t) cr_mae_at(CR_HERE, y, t)
CR_API cr_value cr_mae_at(cr_loc at, cr_value y, cr_value t);

/* Mean over all elements of e^2 / 2 where e = |y - t| is at most delta > 0, else of delta e -
 * delta^2 / 2: P. J. Huber, 1964. */
#define cr_huber(y, t, delta) cr_huber_at(CR_HERE, y, t, delta)
CR_API cr_value cr_huber_at(cr_loc at, cr_value y, cr_value t, float delta);

/* Mean over the samples of -log softmax(logits)[label]: logits f32 [n..., classes], labels i32
 * [n...]. Right for logits of any size, since exponentials are taken of differences only. */
#define cr_softmax_cross_entropy(logits, labels)                                                   \
    cr_softmax_cross_entropy_at(CR_HERE, logits, labels)
CR_API cr_value cr_softmax_cross_entropy_at(cr_loc at, cr_value logits, cr_value labels);

/* All fields may be zero. */
typedef struct cr_cross_entropy_options {
    bool probabilities;    /* y are probabilities; else logits */
    float label_smoothing; /* a in [0, 1): targets become (1 - a) t + a / classes (binary: a / 2) */
} cr_cross_entropy_options;

/* Mean over the samples of -sum(t log p) over the classes: y f32 [n..., classes]; t either i32
 * [n...], class indices (one outside the classes adds nothing), or f32 of y's shape, one-hot or any
 * weights. p is softmax(y), or, of probabilities, y divided by its sum and clipped to [1e-7, 1 -
 * 1e-7] as Keras 3 does. The options are a const cr_cross_entropy_options *, or NULL. */
#define cr_cross_entropy(y, t, ...) cr_cross_entropy_at(CR_HERE, y, t, __VA_ARGS__)
CR_API cr_value cr_cross_entropy_at(cr_loc at, cr_value y, cr_value t,
                                    const cr_cross_entropy_options *options);

/* Mean over all elements of -(t log p + (1 - t) log(1 - p)), t f32 in [0, 1] of y's shape. p is
 * sigmoid(y), or, of probabilities, y clipped to [1e-7, 1 - 1e-7] as Keras 3 does. */
#define cr_binary_cross_entropy(y, t, ...) cr_binary_cross_entropy_at(CR_HERE, y, t, __VA_ARGS__)
CR_API cr_value cr_binary_cross_entropy_at(cr_loc at, cr_value y, cr_value t,
                                           const cr_cross_entropy_options *options);

/* ---- metrics ------------------------------------------------------------------------------- */

/* Counts of one batch, i32: a state that each step adds them to has those of an epoch. Labels
 * outside the classes are never right. */

/* How many samples have their largest score (the first of equals) at the label, as a scalar: scores
 * f32 [n..., classes], labels i32 [n...]. */
#define cr_count_correct(scores, labels) cr_count_correct_at(CR_HERE, scores, labels)
CR_API cr_value cr_count_correct_at(cr_loc at, cr_value scores, cr_value labels);
/* How many have the label among their k largest scores; of equals the first come first, so that k =
 * 1 is cr_count_correct. */
#define cr_count_top_k(scores, labels, k) cr_count_top_k_at(CR_HERE, scores, labels, k)
CR_API cr_value cr_count_top_k_at(cr_loc at, cr_value scores, cr_value labels, int64_t k);
/* How many elements are above the threshold (0.5 of probabilities, 0 of logits) where the target is
 * above 0.5, or neither: two f32 of one shape. */
#define cr_count_binary(scores, targets, threshold)                                                \
    cr_count_binary_at(CR_HERE, scores, targets, threshold)
CR_API cr_value cr_count_binary_at(cr_loc at, cr_value scores, cr_value targets, float threshold);
/* i32 [classes, classes]: how many samples of the row's label have their largest score at the
 * column's class. Exact up to 2^24 samples a call. */
#define cr_confusion_matrix(scores, labels) cr_confusion_matrix_at(CR_HERE, scores, labels)
CR_API cr_value cr_confusion_matrix_at(cr_loc at, cr_value scores, cr_value labels);

/* ---- looking at a model -------------------------------------------------------------------- */

/* Name of an input or a state; "" for any other value. Valid as long as the graph. */
CR_API const char *cr_value_name(cr_value v);

/* Names v as an output and gives it back, so that it can be fetched or printed later:
 * h = cr_tap("hidden", h); */
#define cr_tap(name, v) cr_tap_at(CR_HERE, name, v)
CR_API cr_value cr_tap_at(cr_loc at, const char *name, cr_value v);

/* Fetches an output or a state of the last step and prints it: type, shape, smallest, largest,
 * mean, and the elements, the middle of long axes left out. `v` tells its shape: the tapped value.
 */
CR_API cr_status cr_print(cr_program *p, const char *name, cr_value v, FILE *out);

/* A table of the model: layers (parameters that share the part of the name before the last dot),
 * shapes of their results and parameters, counts. */
CR_API void cr_summary(const cr_graph *g, FILE *out);

/* Data for an input of a graph. */
typedef struct cr_feed_data {
    const char *name;
    const void *data; /* row-major elements of the whole input */
} cr_feed_data;

/* All fields may be zero. */
typedef struct cr_gradient_check {
    const cr_feed_data *feed; /* inputs that are not fed: f32 uniform in [-1, 1), others zero */
    uint32_t nfeed;
    uint64_t seed;    /* of initial values and of what is drawn */
    uint32_t samples; /* elements looked at of each x, spread evenly; 0: 16 */
    float step;       /* of the differences; 0: 1/64 */
    float tolerance;  /* 0: 0.02 */
} cr_gradient_check;

/* Compares d loss / d x for each x of `wrt` (inputs or states; NULL: all parameters) with central
 * differences, in the reference interpreter, without a device. An element is wrong when the two
 * differ by more than tolerance * max(1, |larger|), as far as f32 can tell: choose a loss of the
 * order of 1. CR_E_NUMERIC names the first wrong element and both values. *worst (may be NULL) is
 * the largest difference in that measure. */
CR_API cr_status cr_check_gradient(cr_value loss, const cr_value *wrt, uint32_t n,
                                   const cr_gradient_check *options, float *worst);

#ifdef __cplusplus
}
#endif
#endif
