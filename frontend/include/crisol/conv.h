/* crisol/conv.h - convolution and pooling layers over images.
 *
 *     x = cr_conv2d(x, "conv1", 32, 3, CR_RELU);     // [n, 28, 28, 1] -> [n, 26, 26, 32]
 *     x = cr_max_pool2d(x, 2);                       // -> [n, 13, 13, 32]
 *     x = cr_flatten(x);
 *
 * Images are f32 [n, rows, columns, channels]: channels last, which is the order that kernels like.
 * With .channels_first they are [n, channels, rows, columns], as PyTorch has them. As with all
 * layers, a layer is its ops and nothing more. */
#ifndef CRISOL_CONV_H
#define CRISOL_CONV_H

#include "crisol/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is around an image. */
typedef enum cr_padding {
    CR_VALID,   /* nothing: only whole windows */
    CR_SAME,    /* what makes ceil(size / stride) places, the odd one after, as Keras has it */
    CR_EXPLICIT /* .before and .after */
} cr_padding;

/* How windows lie on an image; all fields may be zero. Pairs are (rows, columns). */
typedef struct cr_window_options {
    int64_t stride[2];   /* 0: 1; of pooling: the window's size */
    int64_t dilation[2]; /* 0: 1; convolution only */
    cr_padding padding;
    int64_t before[2], after[2]; /* CR_EXPLICIT */
    bool channels_first;
} cr_window_options;

/* All fields may be zero. */
typedef struct cr_conv_options {
    cr_window_options window;
    cr_activation activation;
    int64_t groups;      /* see cr_slide; 0: 1 */
    bool no_bias;        /* where a normalization follows */
    const cr_init *init; /* of the kernel; NULL: Glorot uniform */
} cr_conv_options;

/* A convolution: activation(conv(x, w) + b), with `filters` results at each place and a kernel of
 * rows by columns (as cross-correlation: the kernel is not turned around). Makes the parameters
 * "NAME.w" [rows, columns, channels / groups, filters], Glorot uniform over the receptive field,
 * and "NAME.b" [filters], zero, or uses those that are there. */
#define cr_conv2d(x, name, filters, kernel, activation)                                            \
    cr_square_conv2d_at(CR_HERE, x, name, filters, kernel, activation)
#define cr_conv2d_ex(x, name, filters, rows, columns, ...)                                         \
    cr_conv2d_at(CR_HERE, x, name, filters, rows, columns, __VA_ARGS__)
CR_API cr_value cr_square_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t filters,
                                    int64_t kernel, cr_activation activation);
CR_API cr_value cr_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t filters, int64_t rows,
                             int64_t columns, const cr_conv_options *options);

/* Each channel with `multiplier` kernels of its own: a convolution with as many groups as channels.
 * "NAME.w" is [rows, columns, 1, channels * multiplier]. */
#define cr_depthwise_conv2d(x, name, multiplier, kernel, activation)                               \
    cr_square_depthwise_conv2d_at(CR_HERE, x, name, multiplier, kernel, activation)
#define cr_depthwise_conv2d_ex(x, name, multiplier, rows, columns, ...)                            \
    cr_depthwise_conv2d_at(CR_HERE, x, name, multiplier, rows, columns, __VA_ARGS__)
CR_API cr_value cr_square_depthwise_conv2d_at(cr_loc at, cr_value x, const char *name,
                                              int64_t multiplier, int64_t kernel,
                                              cr_activation activation);
CR_API cr_value cr_depthwise_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t multiplier,
                                       int64_t rows, int64_t columns,
                                       const cr_conv_options *options);

/* The largest element of each window (NaN if one is); the gradient goes to the first of equals.
 * Padding never wins. */
#define cr_max_pool2d(x, size) cr_max_pool2d_at(CR_HERE, x, size, size, NULL)
#define cr_max_pool2d_ex(x, rows, columns, ...)                                                    \
    cr_max_pool2d_at(CR_HERE, x, rows, columns, __VA_ARGS__)
CR_API cr_value cr_max_pool2d_at(cr_loc at, cr_value x, int64_t rows, int64_t columns,
                                 const cr_window_options *options);

/* The mean of each window, over what is inside the image. */
#define cr_avg_pool2d(x, size) cr_avg_pool2d_at(CR_HERE, x, size, size, NULL)
#define cr_avg_pool2d_ex(x, rows, columns, ...)                                                    \
    cr_avg_pool2d_at(CR_HERE, x, rows, columns, __VA_ARGS__)
CR_API cr_value cr_avg_pool2d_at(cr_loc at, cr_value x, int64_t rows, int64_t columns,
                                 const cr_window_options *options);

/* Largest element and mean of each channel: [n, channels]. */
#define cr_global_max_pool2d(x, channels_first) cr_global_max_pool2d_at(CR_HERE, x, channels_first)
CR_API cr_value cr_global_max_pool2d_at(cr_loc at, cr_value x, bool channels_first);
#define cr_global_avg_pool2d(x, channels_first) cr_global_avg_pool2d_at(CR_HERE, x, channels_first)
CR_API cr_value cr_global_avg_pool2d_at(cr_loc at, cr_value x, bool channels_first);

#ifdef __cplusplus
}
#endif
#endif
