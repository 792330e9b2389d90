/* augment.c - images that are flipped and shifted at random, as ops of the training step.
 *
 * For each pixel of the result: which pixel of the sample it comes from. An image is flipped first,
 * then shifted:
 *
 *     out[b, i, j] = in[b, i + down[b], c]      where both are inside, else 0
 *     c = flip[b] ? cols - 1 - (j + right[b]) : j + right[b]
 *
 * Its three random numbers a sample are streams of their own, by the number of the step. Rows and
 * columns are told apart for as long as it goes, [n, rows, 1] and [n, 1, cols]: that is less to
 * compute. What is drawn is used twice, so that it is stored and not drawn again for every pixel.
 */
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
};

/* Where pixels come from along one axis: their index, and whether it is inside (a bool; none when
 * all are). */
struct source {
    cr_value at, inside;
};

static cr_value number(const struct images *im, int64_t v)
{
    return cr_i32(im->g, (int32_t)v);
}

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
    return cr_sub_at(nowhere, cr_cast_at(nowhere, up, CR_I32), number(im, most));
}

/* The indices of an axis of that size, moved: -shift <= i < size - shift are inside. */
static struct source shifted(const struct images *im, cr_value index, int64_t size, uint32_t most)
{
    if (most == 0)
        return (struct source){index, {0}};
    cr_value shift = draw_shift(im, most);
    cr_value low = cr_sub_at(nowhere, number(im, 0), shift);
    cr_value high = cr_sub_at(nowhere, number(im, size), shift);
    return (struct source){
        cr_add_at(nowhere, index, shift),
        cr_and_at(nowhere, cr_le_at(nowhere, low, index), cr_lt_at(nowhere, index, high)),
    };
}

/* cols - 1 - col, or col: base + sign * col */
static cr_value flipped(const struct images *im, cr_value col)
{
    cr_value flip = cr_lt_at(nowhere, draw(im), cr_f32(im->g, 0.5f));
    cr_value base = cr_select_at(nowhere, flip, number(im, im->cols - 1), number(im, 0));
    cr_value sign = cr_select_at(nowhere, flip, number(im, -1), number(im, 1));
    return cr_add_at(nowhere, base, cr_mul_at(nowhere, sign, col));
}

/* images[b, row, col], from the list of all pixels: [n, rows, cols, channels] */
static cr_value pick(const struct images *im, cr_value images, cr_value row, cr_value col)
{
    cr_value sample = cr_iota_at(nowhere, im->g, CR_SHAPE(im->n, 1, 1), 0);
    cr_value line = cr_add_at(nowhere, cr_mul_at(nowhere, sample, number(im, im->rows)), row);
    cr_value at = cr_add_at(nowhere, cr_mul_at(nowhere, line, number(im, im->cols)), col);
    cr_value list = cr_reshape_at(nowhere, images, CR_SHAPE(-1, im->channels));
    return cr_gather_at(nowhere, list, at);
}

/* v, and 0 where a pixel came from outside */
static cr_value masked(const struct images *im, cr_value v, cr_value inside)
{
    cr_value each = cr_reshape_at(nowhere, inside, CR_SHAPE(im->n, im->rows, im->cols, 1));
    return cr_select_at(nowhere, each, v, cr_cast_at(nowhere, number(im, 0), cr_value_dtype(v)));
}

static cr_value moved(const struct images *im, cr_value images, const cr_augment *how)
{
    struct source row =
        shifted(im, cr_iota_at(nowhere, im->g, CR_SHAPE(1, im->rows, 1), 1), im->rows, how->shift);
    struct source col =
        shifted(im, cr_iota_at(nowhere, im->g, CR_SHAPE(1, 1, im->cols), 2), im->cols, how->shift);
    if (how->flip)
        col.at = flipped(im, col.at);
    cr_value v = pick(im, images, row.at, col.at);
    return how->shift ? masked(im, v, cr_and_at(nowhere, row.inside, col.inside)) : v;
}

cr_value cr_augment_images(cr_value images, const cr_augment *how)
{
    if (!how->flip && how->shift == 0)
        return images;
    const cr_shape s = cr_value_shape(images);
    struct images im = {.g = images.graph, .n = s.dim[0], .rows = s.dim[1], .cols = s.dim[2]};
    im.channels = s.dim[3];
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
