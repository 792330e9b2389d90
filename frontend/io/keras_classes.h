/* keras_classes.h - what each class of Keras is in Crisol: one row a class. An option that Crisol
 * has is translated, one that it has not is refused, unless it is of no consequence or off. */
#ifndef CR_KERAS_CLASSES_H
#define CR_KERAS_CLASSES_H

#include "keras.h"

/* Those that are operations, too: x + y in place of a layer. */
#define CR_KERAS_MERGES(X)                                                                         \
    X(Add, "")                                                                                     \
    X(Subtract, "")                                                                                \
    X(Multiply, "")                                                                                \
    X(Maximum, "")                                                                                 \
    X(Minimum, "")

#define CR_KERAS_WINDOW "strides padding data_format "
#define CR_KERAS_KERNEL "kernel_size dilation_rate use_bias activation " CR_KERAS_WINDOW
#define CR_KERAS_NORM "axis epsilon center scale "

/* Class, and the options that it has besides those of all. */
#define CR_KERAS_CLASSES(X)                                                                        \
    X(InputLayer, "")                                                                              \
    X(Dense, "units use_bias activation")                                                          \
    X(Conv2D, CR_KERAS_KERNEL "filters groups")                                                    \
    X(DepthwiseConv2D, CR_KERAS_KERNEL "depth_multiplier groups")                                  \
    X(SeparableConv2D, CR_KERAS_KERNEL "filters depth_multiplier groups")                          \
    X(MaxPooling2D, CR_KERAS_WINDOW "pool_size")                                                   \
    X(AveragePooling2D, CR_KERAS_WINDOW "pool_size")                                               \
    X(GlobalMaxPooling2D, "data_format")                                                           \
    X(GlobalAveragePooling2D, "data_format")                                                       \
    X(GlobalMaxPooling1D, "data_format")                                                           \
    X(GlobalAveragePooling1D, "data_format")                                                       \
    X(ZeroPadding2D, "padding data_format")                                                        \
    X(Flatten, "data_format")                                                                      \
    X(Reshape, "target_shape")                                                                     \
    X(Dropout, "rate")                                                                             \
    X(BatchNormalization, CR_KERAS_NORM "momentum synchronized renorm_clipping renorm_momentum")   \
    X(LayerNormalization, CR_KERAS_NORM)                                                           \
    X(Embedding, "input_dim output_dim input_length")                                              \
    X(Activation, "activation")                                                                    \
    X(ReLU, "max_value negative_slope threshold")                                                  \
    X(LeakyReLU, "negative_slope alpha")                                                           \
    X(ELU, "alpha")                                                                                \
    X(Softmax, "axis")                                                                             \
    X(Rescaling, "scale offset")                                                                   \
    X(Normalization, "axis mean variance")                                                         \
    X(Average, "")                                                                                 \
    X(Concatenate, "axis")                                                                         \
    CR_KERAS_MERGES(X)

/* Each reads the options of its class into the parts and variables of the layer. */
#define CR_X(name, options) cr_status cr_keras_read_##name(cr_keras_layer *l);
CR_KERAS_CLASSES(CR_X)
#undef CR_X

enum { CR_KERAS_MAX_UNITS = 1 << 24 };

/* The next layer of Crisol that the layer becomes, and a variable of it. */
cr_layer *cr_keras_add_part(cr_keras_layer *l, cr_layer_kind kind);
void cr_keras_add_variable(cr_keras_layer *l, const char *name, const char *suffix, bool trained);

/* Options that several classes have. The activation of a part that was just added: what Crisol has
 * as a layer only becomes one. */
cr_status cr_keras_read_activation(cr_keras_layer *l, cr_layer *part);
cr_status cr_keras_read_bias(cr_keras_layer *l, cr_layer *part);
cr_status cr_keras_read_format(const cr_keras_layer *l, cr_layer *part);
/* One axis, as a number or a list of one; 0 is that of the samples. Which one it must be is checked
 * where the layer is called. */
cr_status cr_keras_read_axis(cr_keras_layer *l);

#endif
