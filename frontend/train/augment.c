/* augment.c - images that are flipped and shifted at random, as ops of the training step.
 *
 * For each pixel of the result: which pixel of the sample it comes from. An image is flipped first,
 * then shifted:
 *
 *     out[b, i, j] = in[b, i + down[b], c]      where both are inside, else 0
 *     c = flip[b] ? cols - 1 - (j + right[b]) : j + right[b]
 *
 * Its three random numbers a sample are streams of their own, by the number of the step. */
#include "crisol/ops.h"
#include "ir.h"
#include "nn/random.h"
#include "train.h"

static const cr_loc nowhere;

struct images {
    cr_graph *g;
    cr_value seed, step;
    cr_dim n;
    int64_t rows, cols, channels;
    cr_shape pixels; /* [n, rows, cols] */
};

/* One number in [0, 1) a sample: [n, 1, 1]. */
static cr_value draw(const struct images *im)
{
    return cr_random_at(nowhere, im->g, im->seed, im->step, CR_SHAPE(im->n, 1, 1));
}

/* A whole number from -most to most: no product of the largest number below 1 rounds up to 2 most +
 * 1 in f32. */
static cr_value draw_shift(const struct images *im, uint32_t most)
{
    cr_value width = cr_f32(im->g, (float)(2 * most + 1));
    cr_value up = cr_floor_at(nowhere, cr_mul_at(nowhere, draw(im), width));
    return cr_sub_at(nowhere, cr_cast_at(nowhere, up, CR_I32), cr_i32(im->g, (int32_t)most));
}

/* 0 <= x < size */
static cr_value inside(cr_value x, int64_t size)
{
    cr_graph *g = x.graph;
    return cr_and_at(nowhere, cr_le_at(nowhere, cr_i32(g, 0), x),
                     cr_lt_at(nowhere, x, cr_i32(g, (int32_t)size)));
}

static cr_value flipped(const struct images *im, cr_value col)
{
    cr_value flip = cr_lt_at(nowhere, draw(im), cr_f32(im->g, 0.5f));
    cr_value other = cr_sub_at(nowhere, cr_i32(im->g, (int32_t)im->cols - 1), col);
    return cr_select_at(nowhere, flip, other, col);
}

/* in[b, row, col] of images as a list of pixels */
static cr_value pick(const struct images *im, cr_value images, cr_value row, cr_value col)
{
    cr_value sample = cr_iota_at(nowhere, im->g, im->pixels, 0);
    cr_value line =
        cr_add_at(nowhere, cr_mul_at(nowhere, sample, cr_i32(im->g, (int32_t)im->rows)), row);
    cr_value at =
        cr_add_at(nowhere, cr_mul_at(nowhere, line, cr_i32(im->g, (int32_t)im->cols)), col);
    cr_value list = cr_reshape_at(nowhere, images, CR_SHAPE(-1, im->channels));
    return cr_gather_at(nowhere, list, at);
}

static cr_value moved(const struct images *im, cr_value images, const cr_augment *how)
{
    cr_value row = cr_iota_at(nowhere, im->g, im->pixels, 1);
    cr_value col = cr_iota_at(nowhere, im->g, im->pixels, 2), is_inside = {0};
    cr_value flip_first = col;
    if (how->shift) {
        row = cr_add_at(nowhere, row, draw_shift(im, how->shift));
        flip_first = cr_add_at(nowhere, col, draw_shift(im, how->shift));
        is_inside = cr_and_at(nowhere, inside(row, im->rows), inside(flip_first, im->cols));
    }
    col = how->flip ? flipped(im, flip_first) : flip_first;
    cr_value v = pick(im, images, row, col);
    if (!how->shift)
        return v;
    cr_value each = cr_reshape_at(nowhere, is_inside, CR_SHAPE(im->n, im->rows, im->cols, 1));
    cr_value zero = cr_cast_at(nowhere, cr_i32(im->g, 0), cr_value_dtype(v));
    return cr_select_at(nowhere, each, v, zero);
}

cr_value cr_augment_images(cr_value images, const cr_augment *how)
{
    if (!how->flip && how->shift == 0)
        return images;
    const cr_shape s = cr_value_shape(images);
    struct images im = {.g = images.graph, .n = s.dim[0], .rows = s.dim[1], .cols = s.dim[2]};
    im.channels = s.dim[3];
    im.pixels = CR_SHAPE(im.n, im.rows, im.cols);
    if (cr_dim_bind(im.g, im.n, NULL) > INT32_MAX / (im.rows * im.cols))
        return cr_mistake(im.g, nowhere,
                          "train: augment counts the pixels of a batch up to 2^31 - 1; a smaller "
                          "batch is needed");
    cr_random_source(im.g, &im.seed, &im.step);
    cr_op_begin(im.g, "augment", nowhere);
    cr_value v = moved(&im, images, how);
    cr_op_end(im.g);
    return v;
}
