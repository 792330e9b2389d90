/* conv.c - convolution and pooling layers, as the ops that they stand for. */
#include "crisol/conv.h"

#include <math.h>

#include "crisol/ops.h"
#include "layer.h"

enum { ROWS, COLUMNS, AXES };

/* A layer's windows over an image, with nothing left to default. */
struct view {
    cr_loc at;
    const char *op;
    cr_graph *g;
    bool channels_first;
    cr_shape image; /* channels last */
    int64_t size[AXES], stride[AXES], dilation[AXES], before[AXES], after[AXES];
};

/* ---- images ---------------------------------------------------------------------------------- */

static cr_value channels_last(cr_loc at, cr_value x, bool first)
{
    return first ? cr_permute_at(at, x, CR_SHAPE(0, 2, 3, 1)) : x;
}

static cr_value as_given(cr_loc at, cr_value x, bool first)
{
    return first ? cr_permute_at(at, x, CR_SHAPE(0, 3, 1, 2)) : x;
}

/* An f32 image of four axes of which only the samples may be symbolic; else a mistake. */
static bool is_image(cr_loc at, const char *op, cr_value x)
{
    if (!cr_usable(at, op, &x, 1))
        return false;
    const cr_shape s = cr_value_shape(x);
    bool fine = s.rank == 4 && cr_value_dtype(x) == CR_F32;
    for (int i = 1; i < s.rank; i++)
        fine &= cr_dim_literal(s.dim[i]);
    if (fine)
        return true;
    char type[CR_TYPE_TEXT];
    cr_mistake(x.graph, at,
               "%s: x is %s; it needs f32 [samples, rows, columns, channels], all but the samples "
               "literal (cr_reshape gives an image its axes)",
               op, cr_type_text(x.graph, cr_value_dtype(x), &s, type));
    return false;
}

/* ---- windows --------------------------------------------------------------------------------- */

static int64_t reach(const struct view *v, int i)
{
    return (v->size[i] - 1) * v->dilation[i] + 1;
}

static void pad_same(struct view *v, int i)
{
    int64_t extent = v->image.dim[1 + i], places = (extent + v->stride[i] - 1) / v->stride[i];
    int64_t missing = CR_MAX(0, (places - 1) * v->stride[i] + reach(v, i) - extent);
    v->before[i] = missing / 2;
    v->after[i] = missing - v->before[i];
}

static bool wrong(const struct view *v, const char *what, int i, int64_t value)
{
    cr_mistake(v->g, v->at, "%s: the %s of %s is %lld, which is not from 1 to %d", v->op, what,
               i == ROWS ? "rows" : "columns", (long long)value, INT32_MAX);
    return false;
}

static bool in_range(int64_t value)
{
    return value >= 1 && value <= INT32_MAX;
}

static bool look_axis(struct view *v, int i, const cr_window_options *o, int64_t stride)
{
    v->stride[i] = o->stride[i] ? o->stride[i] : stride;
    v->dilation[i] = o->dilation[i] ? o->dilation[i] : 1;
    if (!in_range(v->size[i]))
        return wrong(v, "size", i, v->size[i]);
    if (!in_range(v->stride[i]))
        return wrong(v, "stride", i, v->stride[i]);
    if (!in_range(v->dilation[i]))
        return wrong(v, "dilation", i, v->dilation[i]);
    if (o->padding == CR_SAME)
        pad_same(v, i);
    if (o->padding == CR_EXPLICIT)
        v->before[i] = o->before[i], v->after[i] = o->after[i];
    int64_t extent = v->image.dim[1 + i];
    if (v->before[i] < 0 || v->after[i] < 0 || v->before[i] > extent + reach(v, i) ||
        v->after[i] > extent + reach(v, i)) {
        cr_mistake(v->g, v->at,
                   "%s: padding of %lld before and %lld after %lld %s; it must be "
                   "from 0 to the image's size and the window's together",
                   v->op, (long long)v->before[i], (long long)v->after[i], (long long)extent,
                   i == ROWS ? "rows" : "columns");
        return false;
    }
    if (reach(v, i) <= extent + v->before[i] + v->after[i])
        return true;
    cr_mistake(v->g, v->at,
               "%s: a window over %lld %s does not fit into the image, which has %lld with its "
               "padding; a smaller one is needed, or padding (same)",
               v->op, (long long)reach(v, i), i == ROWS ? "rows" : "columns",
               (long long)(extent + v->before[i] + v->after[i]));
    return false;
}

/* `stride` 0: that of the window's size. */
static bool look(struct view *v, const cr_window_options *o, int64_t stride)
{
    static const cr_window_options none;
    o = o ? o : &none;
    if ((unsigned)o->padding > CR_EXPLICIT) {
        cr_mistake(v->g, v->at, "%s: %d is not a cr_padding", v->op, (int)o->padding);
        return false;
    }
    for (int i = 0; i < AXES; i++)
        if (!look_axis(v, i, o, stride ? stride : v->size[i]))
            return false;
    return true;
}

static struct view view_of(cr_loc at, const char *op, cr_value image, int64_t rows, int64_t columns)
{
    return (struct view){.at = at,
                         .op = op,
                         .g = image.graph,
                         .image = cr_value_shape(image),
                         .size = {rows, columns}};
}

/* ---- convolution ----------------------------------------------------------------------------- */

static cr_value convolve(const struct view *v, cr_value x, const char *name, int64_t filters,
                         const cr_conv_options *o, int64_t groups)
{
    const cr_init glorot = {.kind = CR_INIT_GLOROT_UNIFORM};
    const int64_t channels = v->image.dim[3];
    cr_graph *g = v->g;
    if (!name || !*name)
        return cr_mistake(g, v->at, "%s: needs a name", v->op);
    if (!in_range(filters))
        return cr_mistake(g, v->at, "%s \"%s\": %lld filters; at least 1 is needed", v->op, name,
                          (long long)filters);
    const bool of_channels = groups >= 1 && channels % groups == 0;
    if (!of_channels || filters % groups)
        return cr_mistake(
            g, v->at,
            "%s \"%s\": %lld groups do not divide the %lld %s; both the channels of "
            "the image (%lld) and the filters (%lld) must be a multiple of them",
            v->op, name, (long long)groups, (long long)(of_channels ? filters : channels),
            of_channels ? "filters" : "channels", (long long)channels, (long long)filters);
    cr_value w =
        cr_layer_param(v->at, g, v->op, name, "w", o->init ? *o->init : glorot,
                       CR_SHAPE(v->size[ROWS], v->size[COLUMNS], channels / groups, filters));
    cr_slide slide = {.stride = CR_SHAPE(v->stride[ROWS], v->stride[COLUMNS]),
                      .dilation = CR_SHAPE(v->dilation[ROWS], v->dilation[COLUMNS]),
                      .before = CR_SHAPE(v->before[ROWS], v->before[COLUMNS]),
                      .after = CR_SHAPE(v->after[ROWS], v->after[COLUMNS]),
                      .groups = groups};
    cr_value y = cr_conv_at(v->at, x, w, slide);
    if (!o->no_bias)
        y = cr_add_at(v->at, y,
                      cr_layer_param(v->at, g, v->op, name, "b", (cr_init){0}, CR_SHAPE(filters)));
    return cr_activate_at(v->at, y, o->activation);
}

static cr_value conv2d(cr_loc at, const char *op, cr_value x, const char *name, int64_t filters,
                       int64_t rows, int64_t columns, const cr_conv_options *options,
                       bool depthwise)
{
    static const cr_conv_options none;
    const cr_conv_options *o = options ? options : &none;
    const bool first = o->window.channels_first;
    if (!is_image(at, op, x))
        return (cr_value){x.graph, 0};
    x = channels_last(at, x, first);
    struct view v = view_of(at, op, x, rows, columns);
    if (!look(&v, &o->window, 1))
        return (cr_value){x.graph, 0};
    const int64_t channels = v.image.dim[3];
    if (depthwise && in_range(filters))
        filters *= channels;
    int64_t groups = depthwise ? channels : o->groups ? o->groups : 1;
    return as_given(at, convolve(&v, x, name, filters, o, groups), first);
}

cr_value cr_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t filters, int64_t rows,
                      int64_t columns, const cr_conv_options *options)
{
    return conv2d(at, "conv2d", x, name, filters, rows, columns, options, false);
}

cr_value cr_depthwise_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t multiplier,
                                int64_t rows, int64_t columns, const cr_conv_options *options)
{
    return conv2d(at, "depthwise_conv2d", x, name, multiplier, rows, columns, options, true);
}

cr_value cr_square_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t filters,
                             int64_t kernel, cr_activation activation)
{
    const cr_conv_options o = {.activation = activation};
    return cr_conv2d_at(at, x, name, filters, kernel, kernel, &o);
}

cr_value cr_square_depthwise_conv2d_at(cr_loc at, cr_value x, const char *name, int64_t multiplier,
                                       int64_t kernel, cr_activation activation)
{
    const cr_conv_options o = {.activation = activation};
    return cr_depthwise_conv2d_at(at, x, name, multiplier, kernel, kernel, &o);
}

/* ---- pooling --------------------------------------------------------------------------------- */

static bool side_by_side(const struct view *v)
{
    for (int i = 0; i < AXES; i++)
        if (v->stride[i] != v->size[i] || v->before[i] || v->after[i])
            return false;
    return true;
}

/* [n, places, size, places, size, c]: windows that do not overlap; what no window holds is left
 * out. */
static cr_value tiles(const struct view *v, cr_value x)
{
    cr_shape s = v->image;
    for (int i = 0; i < AXES; i++)
        s.dim[1 + i] -= s.dim[1 + i] % v->size[i];
    x = cr_slice_at(v->at, x, (cr_shape){.rank = 4}, s);
    return cr_reshape_at(v->at, x,
                         CR_SHAPE(s.dim[0], s.dim[1] / v->size[ROWS], v->size[ROWS],
                                  s.dim[2] / v->size[COLUMNS], v->size[COLUMNS], s.dim[3]));
}

/* [n, places, places, rows, columns, c], and `outside` around the image. */
static cr_value windows(const struct view *v, cr_value x, float outside)
{
    x = cr_pad_at(v->at, x, CR_SHAPE(0, v->before[ROWS], v->before[COLUMNS], 0),
                  CR_SHAPE(0, v->after[ROWS], v->after[COLUMNS], 0), outside);
    for (int i = 0; i < AXES; i++)
        x = cr_window_at(v->at, x, 1 + i, v->size[i], v->stride[i], 1);
    return cr_permute_at(v->at, x, CR_SHAPE(0, 1, 2, 4, 5, 3));
}

static cr_value largest(const struct view *v, cr_value x)
{
    return side_by_side(v) ? cr_amax_at(v->at, tiles(v, x), CR_AXIS(2) | CR_AXIS(4))
                           : cr_amax_at(v->at, windows(v, x, -INFINITY), CR_AXIS(3) | CR_AXIS(4));
}

/* A mean over the image's part of each window, which at the edges is smaller. */
static cr_value mean(const struct view *v, cr_value x)
{
    const cr_axes axes = CR_AXIS(3) | CR_AXIS(4);
    if (side_by_side(v))
        return cr_mean_at(v->at, tiles(v, x), CR_AXIS(2) | CR_AXIS(4));
    bool padded = false;
    for (int i = 0; i < AXES; i++)
        padded |= v->before[i] || v->after[i];
    cr_value y = windows(v, x, 0);
    if (!padded)
        return cr_mean_at(v->at, y, axes);
    cr_shape one = v->image;
    one.dim[0] = one.dim[3] = 1;
    cr_value ones = cr_expand_at(v->at, cr_f32(v->g, 1), one);
    cr_value inside = cr_sum_at(v->at, windows(v, ones, 0), axes);
    return cr_div_at(v->at, cr_sum_at(v->at, y, axes), inside);
}

static cr_value pool(cr_loc at, const char *op, cr_value x, int64_t rows, int64_t columns,
                     const cr_window_options *o, cr_value (*of)(const struct view *, cr_value))
{
    const bool first = o && o->channels_first;
    if (!is_image(at, op, x))
        return (cr_value){x.graph, 0};
    cr_op_begin(x.graph, op, at);
    x = channels_last(at, x, first);
    struct view v = view_of(at, op, x, rows, columns);
    cr_value y = {x.graph, 0};
    if (o && (o->dilation[0] > 1 || o->dilation[1] > 1))
        cr_mistake(x.graph, at, "%s: pooling has no dilation", op);
    else if (look(&v, o, 0))
        y = as_given(at, of(&v, x), first);
    cr_op_end(x.graph);
    return y;
}

cr_value cr_max_pool2d_at(cr_loc at, cr_value x, int64_t rows, int64_t columns,
                          const cr_window_options *options)
{
    return pool(at, "max_pool2d", x, rows, columns, options, largest);
}

cr_value cr_avg_pool2d_at(cr_loc at, cr_value x, int64_t rows, int64_t columns,
                          const cr_window_options *options)
{
    return pool(at, "avg_pool2d", x, rows, columns, options, mean);
}

static cr_axes image_axes(bool channels_first)
{
    return channels_first ? CR_AXIS(2) | CR_AXIS(3) : CR_AXIS(1) | CR_AXIS(2);
}

cr_value cr_global_max_pool2d_at(cr_loc at, cr_value x, bool channels_first)
{
    if (!is_image(at, "global_max_pool2d", x))
        return (cr_value){x.graph, 0};
    return cr_amax_at(at, x, image_axes(channels_first));
}

cr_value cr_global_avg_pool2d_at(cr_loc at, cr_value x, bool channels_first)
{
    if (!is_image(at, "global_avg_pool2d", x))
        return (cr_value){x.graph, 0};
    return cr_mean_at(at, x, image_axes(channels_first));
}
