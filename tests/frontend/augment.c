/* Random flips and shifts of images, in the reference interpreter, against plain C. */
#include "host.h"

#include "crisol/ops.h"
#include "crisol/train.h"

enum { N = 12, ROWS = 5, COLS = 7, CHANNELS = 2, BATCH = 6, SHIFT = 2, SEED = 77 };

static uint8_t pixels[N][ROWS][COLS][CHANNELS];
static float floats[N][ROWS][COLS][CHANNELS];
static uint8_t labels[N];

/* The model shows its x, and learns what does not matter. */
static cr_value shown(cr_value x, void *user)
{
    (void)user;
    cr_output(x.graph, cr_is_training(x.graph) ? "x" : "evaluated", x);
    return cr_dense(cr_flatten(x), "d", 3, CR_LINEAR);
}

static cr_samples samples_of(cr_dtype dtype)
{
    for (int i = 0; i < N * ROWS * COLS * CHANNELS; i++) {
        (&pixels[0][0][0][0])[i] = (uint8_t)(1 + i % 255);
        (&floats[0][0][0][0])[i] = (float)(1 + i);
    }
    for (int i = 0; i < N; i++)
        labels[i] = (uint8_t)(i % 3);
    return (cr_samples){.x_dtype = dtype,
                        .y_dtype = CR_U8,
                        .x_shape = CR_SHAPE(ROWS, COLS, CHANNELS),
                        .train = {dtype == CR_U8 ? (void *)pixels : (void *)floats, labels, N}};
}

static host start(cr_dtype dtype, cr_augment augment)
{
    const cr_samples s = samples_of(dtype);
    cr_graph *g = cr_training_graph_of(&s, &(cr_train_options){.model = shown,
                                                               .no_evaluation = true,
                                                               .batch = BATCH,
                                                               .seed = SEED,
                                                               .augment = augment});
    cr_assert_not_null(g, "%s", cr_error());
    host h = host_start(g, 1);
    memcpy(host_leaf(&h, "train_x"), s.train.x, dtype == CR_U8 ? sizeof pixels : sizeof floats);
    memcpy(host_leaf(&h, "train_y"), labels, sizeof labels);
    for (int i = 0; i < N; i++)
        ((int32_t *)host_leaf(&h, "order"))[i] = (i * 5 + 3) % N;
    return h;
}

static float uniform(uint32_t stream, uint32_t step, uint32_t i)
{
    const uint32_t key[2] = {SEED, stream}, counter[4] = {i / 4, step, 0, 0};
    uint32_t word[4];
    cr_philox4x32(counter, key, word);
    return (float)(word[i % 4] >> 8) * 0x1p-24f;
}

/* Streams are numbered as they are drawn: down, right, flip. */
static float expected(cr_dtype dtype, cr_augment a, uint32_t step, uint32_t b, const int at[3])
{
    uint32_t stream = 0;
    int row = at[0], col = at[1];
    if (a.shift) {
        row += (int)(uniform(stream++, step, b) * (float)(2 * a.shift + 1)) - (int)a.shift;
        col += (int)(uniform(stream++, step, b) * (float)(2 * a.shift + 1)) - (int)a.shift;
    }
    if (row < 0 || row >= ROWS || col < 0 || col >= COLS)
        return 0;
    if (a.flip && uniform(stream, step, b) < 0.5f)
        col = COLS - 1 - col;
    const int sample = ((int)(step % 2 * BATCH + b) * 5 + 3) % N;
    return dtype == CR_U8 ? (float)pixels[sample][row][col][at[2]] * (1 / 255.0f)
                          : floats[sample][row][col][at[2]];
}

static void compare(cr_dtype dtype, cr_augment a)
{
    host h = start(dtype, a);
    for (uint32_t step = 0; step < 4; step++) {
        *(int32_t *)host_leaf(&h, "train.offset") = (int32_t)(step % 2 * BATCH);
        host_run(&h);
        const float *x = host_output(&h, "x");
        for (int i = 0; i < BATCH * ROWS * COLS * CHANNELS; i++) {
            const int at[3] = {i / CHANNELS / COLS % ROWS, i / CHANNELS % COLS, i % CHANNELS};
            const uint32_t b = (uint32_t)(i / (ROWS * COLS * CHANNELS));
            cr_assert_eq(x[i], expected(dtype, a, step, b, at), "step %u, element %d", step, i);
        }
    }
    cr_assert_eq(*(int32_t *)host_leaf(&h, "random.step"), 4);
    host_end(&h);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(augment, equals_plain_c)
{
    compare(CR_U8, (cr_augment){.flip = true});
    compare(CR_U8, (cr_augment){.shift = SHIFT});
    compare(CR_U8, (cr_augment){.flip = true, .shift = SHIFT});
    compare(CR_F32, (cr_augment){.flip = true, .shift = 4});
}

/* Every shift is drawn, half of the images are flipped. */
Test(augment, draws_all_there_is)
{
    int flips = 0, shift[5] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        flips += uniform(2, 0, i) < 0.5f;
        shift[(int)(uniform(0, 0, i) * 5)]++;
    }
    cr_assert(flips > 450 && flips < 550, "%d", flips);
    for (int i = 0; i < 5; i++)
        cr_assert(shift[i] > 150 && shift[i] < 250, "%d: %d", i, shift[i]);
}

static void refused(cr_samples s, cr_augment a, const char *text)
{
    const cr_train_options options = {.model = shown, .no_evaluation = true, .augment = a};
    cr_assert_null(cr_training_graph_of(&s, &options));
    cr_assert(strstr(cr_error(), text), "not '%s' but '%s'", text, cr_error());
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(augment, checks_its_images)
{
    cr_samples s = samples_of(CR_U8);
    refused(s, (cr_augment){.shift = 5},
            "a shift of 5 pixels can leave nothing of images of 5 x 7");
    s.x_shape = CR_SHAPE(ROWS, COLS * CHANNELS);
    refused(s, (cr_augment){.flip = true},
            "augment is for images, [rows, cols, channels]; the samples are [5 x 14]");
}
