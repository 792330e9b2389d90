/* grid.c - see grid.h. */
#include "results/grid.h"

#include <math.h>

#include "results/canvas.h"

#if CRISOL_HAVE_IO
#include <crisol/io/picture.h>
#endif

/* Of the color-blind palette of plotting.h. */
enum { RIGHT = 0x009e73, WRONG = 0xd55e00, PLAIN = 0xc8c8c8, INK = 0x222222, GRAY = 0x666666 };
enum { FRAME = 4, GAP = 10, WANTED_SIDE = 160, MAX_CELLS = 10000, MAX_SIDE = 65535 };

/* ---- what can be shown ----------------------------------------------------------------------- */

typedef struct images {
    uint32_t rows, columns, channels;
    cr_dtype dtype;
} images;

static bool images_of(const cr_data *data, images *out)
{
    const cr_shape *s = &data->samples.x_shape;
    *out = (images){.dtype = data->samples.x_dtype, .channels = 1};
    if (s->rank < 2 || s->rank > 3 || out->dtype == CR_I32)
        return false;
    if (s->rank == 3)
        out->channels = (uint32_t)s->dim[2];
    if (s->dim[0] > 4096 || s->dim[1] > 4096 || (out->channels != 1 && out->channels != 3))
        return false;
    out->rows = (uint32_t)s->dim[0];
    out->columns = (uint32_t)s->dim[1];
    return true;
}

int grid_check(const char *option, const cr_data *data)
{
    images im;
    if (images_of(data, &im))
        return CLI_GO;
    const cr_shape *s = &data->samples.x_shape;
    cli_text t = {0};
    for (int i = 0; i < s->rank; i++)
        cli_put(&t, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    cli_fail(
        "%s: the samples of %s are no images but %s [%s]; it needs u8 or f32 [rows, columns], or "
        "that with 1 or 3 channels behind it",
        option, data->name, cr_dtype_name(data->samples.x_dtype), t.at ? t.at : "");
    free(t.at);
    return CLI_MISTAKE;
}

int grid_check_path(const char *option, const char *path)
{
    if (!path)
        return CLI_GO;
    const char *format = cli_picture_format(path);
    if (!format || strcmp(format, "png") != 0)
        return cli_fail("%s: '%s' must end in .png", option, path);
#if CRISOL_HAVE_IO
    return CLI_GO;
#else
    return cli_fail(
        "%s: this crisol was built without crisol-io (-DCRISOL_IO=OFF), which writes PNG", option);
#endif
}

/* ---- classes --------------------------------------------------------------------------------- */

int64_t grid_label(const cr_data *data, const cr_part *part, uint32_t index)
{
    const cr_samples *s = &data->samples;
    if (!part->y || s->y_dtype == CR_F32 || s->y_shape.rank > 0)
        return -1;
    return s->y_dtype == CR_I32 ? ((const int32_t *)part->y)[index]
                                : ((const uint8_t *)part->y)[index];
}

const char *grid_class(const cr_data *data, int64_t class, char *buf)
{
    if (class >= 0 && class < (int64_t)data->classes.n)
        return data->classes.word[class];
    snprintf(buf, CLI_SIZE_TEXT, "%lld", (long long)class);
    return buf;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Sizes in pixels. */
typedef struct layout {
    images im;
    uint32_t zoom, text; /* how many pixels a pixel of an image, and of the font, becomes */
    uint32_t columns, rows, width, height; /* of the grid in cells; of a cell */
    bool predicted;
} layout;

/* Before the class of what is wrong. */
#define IS "is "

/* The larger font, when all that is written in it fits. */
static uint32_t text_scale(const cr_data *data, const grid_cell *cells, size_t n, uint32_t width)
{
    char buf[CLI_SIZE_TEXT];
    for (size_t i = 0; i < n; i++) {
        const int64_t both[] = {cells[i].label, cells[i].predicted};
        const bool wrong = both[0] != both[1] && both[1] >= 0;
        for (int k = 0; k < 2; k++) {
            uint32_t text = canvas_text_width(grid_class(data, both[k], buf));
            text += k == 0 && wrong ? canvas_text_width(IS) + 1 : 0;
            if (both[k] >= 0 && 2 * text > width)
                return 1;
        }
    }
    return 2;
}

static layout layout_of(const cr_data *data, const grid_cell *cells, size_t n, uint32_t columns)
{
    layout l = {.columns = columns ? columns : (uint32_t)ceil(sqrt((double)n))};
    images_of(data, &l.im);
    l.columns = l.columns > n ? (uint32_t)n : l.columns;
    l.rows = (uint32_t)((n + l.columns - 1) / l.columns);
    l.zoom = (WANTED_SIDE + l.im.columns - 1) / l.im.columns;
    for (size_t i = 0; i < n; i++)
        l.predicted = l.predicted || cells[i].predicted >= 0;
    l.width = l.zoom * l.im.columns + 2 * FRAME;
    l.text = text_scale(data, cells, n, l.width);
    l.height = l.zoom * l.im.rows + 2 * FRAME + 4 + (l.predicted ? 2 : 1) * CANVAS_LINE * l.text;
    return l;
}

/* What 0 and 1 of an f32 image are: those two, unless it goes beyond them. */
static void range_of(const float *x, size_t n, float *low, float *high)
{
    *low = 0;
    *high = 1;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            *low = fminf(*low, x[i]);
            *high = fmaxf(*high, x[i]);
        }
}

static uint32_t byte_of(float x, float low, float high)
{
    const float v = 255 * (x - low) / (high - low) + 0.5f;
    return isfinite(v) ? (uint32_t)fminf(fmaxf(v, 0), 255) : 0;
}

static void draw_image(canvas *c, const layout *l, const cr_part *part, uint32_t index, uint32_t x,
                       uint32_t y)
{
    const images *im = &l->im;
    const size_t size = (size_t)im->rows * im->columns * im->channels;
    const uint8_t *bytes = (const uint8_t *)part->x + index * size;
    const float *floats = (const float *)part->x + index * size;
    float low = 0, high = 1;
    if (im->dtype == CR_F32)
        range_of(floats, size, &low, &high);
    for (uint32_t p = 0; p < im->rows * im->columns; p++) {
        uint32_t color = 0;
        for (uint32_t k = 0; k < 3; k++) {
            const size_t at = (size_t)p * im->channels + (im->channels == 3 ? k : 0);
            color = color << 8 | (im->dtype == CR_F32 ? byte_of(floats[at], low, high) : bytes[at]);
        }
        canvas_fill(c, x + p % im->columns * l->zoom, y + p / im->columns * l->zoom, l->zoom,
                    l->zoom, color);
    }
}

static void draw_cell(canvas *c, const layout *l, const cr_data *data, const cr_part *part,
                      const grid_cell *cell, uint32_t x, uint32_t y)
{
    const bool known = cell->label >= 0 && cell->predicted >= 0;
    const bool right = cell->label == cell->predicted;
    const uint32_t color = !known ? PLAIN : right ? RIGHT : WRONG;
    const uint32_t frame = known && !right ? FRAME : FRAME / 2, inset = FRAME - frame;
    const uint32_t width = l->zoom * l->im.columns, height = l->zoom * l->im.rows;
    char buf[CLI_SIZE_TEXT];
    canvas_fill(c, x + inset, y + inset, width + 2 * frame, height + 2 * frame, color);
    draw_image(c, l, part, cell->index, x + FRAME, y + FRAME);
    y += height + 2 * FRAME + 4;
    char is[CLI_SIZE_TEXT + 8];
    const int64_t first = cell->predicted >= 0 ? cell->predicted : cell->label;
    if (first >= 0)
        canvas_text(c, x, y, l->width, l->text, known && !right ? WRONG : INK,
                    grid_class(data, first, buf));
    if (!known || right)
        return;
    snprintf(is, sizeof is, IS "%.30s", grid_class(data, cell->label, buf));
    canvas_text(c, x, y + CANVAS_LINE * l->text, l->width, l->text, GRAY, is);
}

static int write_canvas(const char *path, const canvas *c)
{
#if CRISOL_HAVE_IO
    return cr_picture_write(path, c->rgb, c->width, c->height) == CR_OK ? CLI_OK
                                                                        : cli_library_failed();
#else
    (void)c;
    return grid_check_path("picture", path);
#endif
}

int grid_write(const char *path, const cr_data *data, const cr_part *part, const grid_cell *cells,
               size_t n, uint32_t columns)
{
    if (n < 1 || n > MAX_CELLS)
        return cli_fail("%s: %zu images; from 1 to %d can be shown", path, n, MAX_CELLS);
    const layout l = layout_of(data, cells, n, columns);
    const uint64_t width = GAP + (uint64_t)l.columns * (l.width + GAP);
    const uint64_t height = GAP + (uint64_t)l.rows * (l.height + GAP);
    if (width > MAX_SIDE || height > MAX_SIDE || width * height > 1u << 28)
        return cli_fail(
            "%s: %zu images make a picture of %llu x %llu pixels, which is too large; show "
            "fewer",
            path, n, (unsigned long long)width, (unsigned long long)height);
    canvas c = canvas_create((uint32_t)width, (uint32_t)height);
    for (size_t i = 0; i < n; i++)
        draw_cell(&c, &l, data, part, &cells[i], GAP + (uint32_t)(i % l.columns) * (l.width + GAP),
                  GAP + (uint32_t)(i / l.columns) * (l.height + GAP));
    const int status = write_canvas(path, &c);
    canvas_finish(&c);
    return status;
}
