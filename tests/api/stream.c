/* Training sets that do not fit into the device memory allowed: they stream through two windows,
 * and give the same bits. crisol-test: timeout=600 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base.h"
#include "crisol/crisol.h"

static bool says(const char *text)
{
    if (strstr(cr_error(), text))
        return true;
    fprintf(stderr, "not said: %s\nbut: %s\n", text, cr_error());
    return false;
}

#define assert_ok(expr) cr_assert_eq((expr), CR_OK, "%s: %s", #expr, cr_error())

/* ---- samples --------------------------------------------------------------------------------- */

enum { SIDE = 4, PIXELS = SIDE * SIDE, ALL = 7500, CLASSES = 3, EACH = PIXELS + 1 };

/* At odd addresses: no device uses them in place. */
static struct {
    _Alignas(64) uint8_t odd;
    uint8_t pixels[ALL][PIXELS], even[2], labels[ALL];
} made;

static void make_samples(void)
{
    for (int i = 0; i < ALL; i++) {
        made.labels[i] = (uint8_t)(i % 7 % CLASSES);
        for (int k = 0; k < PIXELS; k++)
            made.pixels[i][k] =
                (uint8_t)(k / SIDE == made.labels[i] ? 90 + i * k % 160 : (i + k) * 7 % 120);
    }
}

/* So many for training from the first on, and for testing from the last on. */
static cr_samples samples_of(uint32_t train, uint32_t test)
{
    return (cr_samples){.x_dtype = CR_U8,
                        .y_dtype = CR_U8,
                        .x_shape = CR_SHAPE(SIDE, SIDE, 1),
                        .train = {made.pixels, made.labels, train},
                        .test = {made.pixels[ALL - test], made.labels + ALL - test, test}};
}

static cr_value classifier(cr_value x, void *user)
{
    (void)user;
    return cr_dense(cr_dense(cr_flatten(x), "h", 6, CR_TANH), "y", CLASSES, CR_LINEAR);
}

static cr_train_options options_of(uint32_t batch)
{
    return (cr_train_options){.model = classifier,
                              .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                              .optimizer = {.kind = CR_ADAM, .lr = 0.01f},
                              .batch = batch};
}

static cr_trainer *trainer_of(const cr_samples *s, const cr_train_options *o)
{
    cr_trainer *t = cr_trainer_create_of(s, o);
    cr_assert_not_null(t, "%s", cr_error());
    return t;
}

/* What is to be equal. */
typedef struct result {
    cr_epoch e;
    float h[PIXELS][6], y[6][CLASSES], scores[40][CLASSES];
} result;

static void look(cr_trainer *t, result *r)
{
    cr_program *p = cr_trainer_program(t);
    assert_ok(cr_fetch(p, "h.w", r->h, sizeof r->h));
    assert_ok(cr_fetch(p, "y.w", r->y, sizeof r->y));
}

static void assert_same(const result *a, const result *b)
{
    cr_assert_eq(memcmp(a->h, b->h, sizeof a->h), 0, "the weights differ");
    cr_assert_eq(memcmp(a->y, b->y, sizeof a->y), 0, "the weights differ");
    cr_assert_eq(memcmp(a->scores, b->scores, sizeof a->scores), 0, "the predictions differ");
    cr_assert_eq(a->e.train_loss, b->e.train_loss);
    cr_assert_eq(a->e.train_accuracy, b->e.train_accuracy);
}

static void assert_within(const cr_trainer *t, uint64_t limit)
{
    const cr_trainer_info i = cr_trainer_get_info(t);
    cr_assert(i.device.peak_bytes <= limit, "%llu bytes, and %llu are allowed",
              (unsigned long long)i.device.peak_bytes, (unsigned long long)limit);
    cr_assert_eq(i.limit_bytes, limit);
}

/* ---- the same bits --------------------------------------------------------------------------- */

/* Two epochs with all that there is; predictions and evaluations in between. */
static void train_all(cr_trainer *t, result *r)
{
    double loss, accuracy;
    cr_epoch e;
    assert_ok(cr_trainer_epoch(t, &e));
    assert_ok(cr_trainer_begin(t));
    assert_ok(
        cr_trainer_run(t, 100)); /* windows of training, then of validation, then of training */
    assert_ok(cr_trainer_validate(t, &loss, &accuracy));
    assert_ok(cr_trainer_run(t, 3));
    assert_ok(cr_trainer_predict(t, made.pixels[5], 40, r->scores[0]));
    assert_ok(cr_trainer_run(t, cr_trainer_left(t)));
    assert_ok(cr_trainer_check(t));
    assert_ok(cr_trainer_epoch(t, &r->e));
    look(t, r);
}

/* Samples in a file that is mapped, and can only be read. */
static uint8_t *map_samples(size_t *bytes)
{
    char name[] = "/tmp/crisol-test-XXXXXX";
    int file = mkstemp(name);
    cr_assert(file >= 0);
    unlink(name);
    *bytes = sizeof made.pixels + sizeof made.labels;
    cr_assert_eq(write(file, made.pixels, sizeof made.pixels), (ssize_t)sizeof made.pixels);
    cr_assert_eq(write(file, made.labels, sizeof made.labels), (ssize_t)sizeof made.labels);
    uint8_t *at = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, file, 0);
    cr_assert(at != MAP_FAILED);
    close(file);
    return at;
}

/* Shuffled, in augmented batches of 16 and one of 3; the last window is a part of one; 1000
 * validation samples are split off; tests are batches of 1000 and one of 301. */
Test(stream, gives_the_bits_of_resident_samples)
{
    static result resident, streamed;
    enum { TRAIN = 5003, TESTED = 2301 };
    make_samples();
    cr_samples s = samples_of(TRAIN, TESTED);
    cr_train_options o = options_of(16);
    o.validation_split = 0.2f;
    o.augment = (cr_augment){.flip = true, .shift = 1};
    cr_trainer *t = trainer_of(&s, &o);
    cr_trainer_info i = cr_trainer_get_info(t);
    cr_assert_eq(i.placement, CR_PLACED_COPIED);
    cr_assert_eq(i.sample_bytes, (TRAIN + TESTED) * EACH);
    cr_assert_eq(i.window + i.windows + i.limit_bytes, 0);
    train_all(t, &resident);
    const uint64_t rest = cr_trainer_get_info(t).device.bytes - i.sample_bytes;
    cr_trainer_destroy(t);

    size_t bytes;
    uint8_t *mapped = map_samples(&bytes);
    s.train = (cr_part){mapped, mapped + sizeof made.pixels, TRAIN};
    s.test.x = mapped + (ALL - TESTED) * PIXELS;
    s.test.y = mapped + sizeof made.pixels + ALL - TESTED;
    o.max_device_bytes = rest + i.sample_bytes / 3;
    t = trainer_of(&s, &o);
    i = cr_trainer_get_info(t);
    cr_assert_eq(i.placement, CR_PLACED_STREAMED);
    cr_assert(i.window >= 1000 && i.window % 16 == 0 && i.windows > 2, "%u", i.window);
    cr_assert_eq(i.windows, (4002 + i.window - 1) / i.window);
    cr_assert_eq(i.window_bytes, i.window * EACH);
    cr_assert(strstr(i.reason, "bytes of samples do not fit beside"), "%s", i.reason);
    cr_assert_eq(cr_trainer_why_copied(t), i.reason);
    train_all(t, &streamed);
    assert_within(t, o.max_device_bytes);
    /* 3 epochs of training, validation and testing; a window or two twice */
    const uint64_t once = EACH * (3 * (4002 + 1001) + 2 * TESTED);
    const uint64_t uploaded = cr_trainer_get_info(t).uploaded_bytes;
    cr_assert(uploaded > once && uploaded <= once + 2 * i.window_bytes, "%llu and %llu",
              (unsigned long long)uploaded, (unsigned long long)once);
    cr_trainer_destroy(t);
    munmap(mapped, bytes);
    assert_same(&resident, &streamed);
    cr_assert_eq(resident.e.validation_loss, streamed.e.validation_loss);
    cr_assert_eq(resident.e.test_loss, streamed.e.test_loss);
    cr_assert_eq(resident.e.test_accuracy, streamed.e.test_accuracy);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* Launches of groups that repeat a step inside; steps one by one, profiled, on the host, at once.
 * Test and validation samples are drawn. */
Test(stream, launches_that_repeat)
{
    static result r[2];
    static float loss[2][30];
    static volatile int stop;
    make_samples();
    const cr_samples s = samples_of(3000, 0);
    cr_train_options o = options_of(64);
    o.validation_split = o.test_split = 0.05f;
    o.compile.launches = CR_LAUNCHES_RESIDENT;
    o.compile.interrupt = &stop;
    for (int streamed = 0; streamed < 2; streamed++) {
        cr_trainer *t = trainer_of(&s, &o);
        cr_trainer_info i = cr_trainer_get_info(t);
        cr_assert_eq(i.placement == CR_PLACED_STREAMED, streamed);
        cr_assert(cr_program_get_info(cr_trainer_program(t)).repeats);
        cr_profile p;
        cr_interpreted done;
        assert_ok(cr_trainer_begin(t));
        for (int k = 0; k < 5; k++)
            assert_ok(cr_trainer_run(t, 1));
        assert_ok(cr_trainer_profile(t, 3, &p));
        cr_assert_eq(p.steps, 3);
        cr_profile_finish(&p);
        assert_ok(cr_trainer_interpret(t, 30, 0, loss[streamed], &done));
        const uint64_t left = cr_trainer_left(t);
        stop = 1;
        cr_assert_eq(cr_trainer_run(t, 20), CR_E_INTERRUPTED);
        stop = 0;
        assert_ok(cr_trainer_run(t, 20 - (left - cr_trainer_left(t))));
        for (int k = 0; k < 3; k++)
            assert_ok(cr_trainer_epoch(t, &r[streamed].e));
        look(t, &r[streamed]);
        if (streamed) {
            cr_assert(i.windows >= 3, "%u", i.windows);
            assert_within(t, o.max_device_bytes);
        }
        i = cr_trainer_get_info(t);
        o.max_device_bytes = i.device.bytes - 3000 * sizeof(int32_t) - 3000 * EACH / 2;
        cr_trainer_destroy(t);
    }
    assert_same(&r[0], &r[1]);
    cr_assert_eq(r[0].e.test_loss, r[1].e.test_loss);
    cr_assert_eq(r[0].e.validation_loss, r[1].e.validation_loss);
    cr_assert_eq(memcmp(loss[0], loss[1], sizeof loss[0]), 0);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* Where a batch of 1000 does not fit, evaluations take smaller ones. A limit that is kept without
 * streaming is only a limit. */
Test(stream, evaluations_of_smaller_batches)
{
    make_samples();
    const cr_samples s = samples_of(400, 2500);
    cr_train_options o = options_of(32);
    o.max_device_bytes = 1 << 20;
    cr_trainer *t = trainer_of(&s, &o);
    cr_trainer_info i = cr_trainer_get_info(t);
    cr_assert_eq(i.placement, CR_PLACED_COPIED);
    double loss[2], accuracy[2];
    assert_ok(cr_trainer_evaluate(t, &loss[0], &accuracy[0]));
    assert_within(t, o.max_device_bytes);
    cr_trainer_destroy(t);
    o.max_device_bytes = 70000;
    t = trainer_of(&s, &o);
    i = cr_trainer_get_info(t);
    cr_assert_eq(i.placement, CR_PLACED_STREAMED);
    assert_ok(cr_trainer_evaluate(t, &loss[1], &accuracy[1]));
    assert_within(t, o.max_device_bytes);
    cr_trainer_destroy(t);
    cr_assert(fabs(loss[0] - loss[1]) < 1e-5 && accuracy[0] == accuracy[1], "%g %g, %g %g", loss[0],
              loss[1], accuracy[0], accuracy[1]);
    cr_assert_eq(cr_live_blocks(), 0);
}

/* Without a limit: most of what the device has; and no array is larger than one of its buffers. The
 * samples are the zeros of a file that takes no room. */
static uint8_t *map_zeros(size_t bytes)
{
    FILE *file = tmpfile();
    cr_assert(file && ftruncate(fileno(file), (off_t)bytes) == 0);
    uint8_t *at = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    cr_assert(at != MAP_FAILED);
    fclose(file);
    return at;
}

Test(stream, what_a_device_has)
{
    enum { SAMPLE = 16384 };
    const uint64_t sample = SAMPLE * sizeof(float), slack = 1 << 20;
    cr_device_info device = {0}, list[16];
    uint32_t n;
    assert_ok(cr_devices(NULL, false, list, CR_COUNTOF(list), &n));
    for (uint32_t i = 0; i < CR_MIN(n, CR_COUNTOF(list)); i++)
        if (list[i].chosen)
            device = list[i];
    const uint64_t limit = device.global_bytes / 5 * 4;
    const uint64_t bytes[] = {device.max_alloc_bytes + slack, limit + slack};
    for (int i = 0; i < 2; i++) {
        const uint32_t samples = (uint32_t)(bytes[i] / sample);
        const size_t all = (size_t)samples * (sample + 1);
        uint8_t *x = map_zeros(all);
        const cr_samples s = {.x_dtype = CR_F32,
                              .y_dtype = CR_U8,
                              .x_shape = CR_SHAPE(SAMPLE),
                              .train = {x, x + samples * sample, samples}};
        cr_train_options o = options_of(8);
        o.no_evaluation = true;
        cr_trainer *t = trainer_of(&s, &o);
        const cr_trainer_info info = cr_trainer_get_info(t);
        cr_assert_eq(info.limit_bytes, limit);
        cr_assert_eq(info.placement, CR_PLACED_STREAMED);
        if (i == 0 && bytes[0] < limit)
            cr_assert(strstr(info.reason, "is larger than the device's largest allocation"), "%s",
                      info.reason);
        else
            cr_assert(strstr(info.reason, "bytes of samples do not fit beside"), "%s", info.reason);
        cr_trainer_destroy(t);
        munmap(x, all);
    }
}

/* ---- mistakes -------------------------------------------------------------------------------- */

Test(stream, says_what_is_needed)
{
    make_samples();
    const cr_samples s = samples_of(400, 0);
    cr_train_options o = options_of(32);
    o.no_evaluation = true;
    o.max_device_bytes = 2000;
    cr_assert_null(cr_trainer_create_of(&s, &o));
    cr_assert(says("bytes of device memory are needed, and 2000 are allowed (max_device_bytes)"));
    cr_assert(says("weights and other states: "));
    cr_assert(says("values of a step, for training: "));
    cr_assert(says("inputs, mostly two windows of 32 samples: "));
    cr_assert(says("a smaller batch (it is 32) takes less"));
    o.compile.opt = CR_OPT_NAIVE; /* its samples are on the host as it is */
    cr_assert_null(cr_trainer_create_of(&s, &o));
    cr_assert(says("2000 are allowed"));
    cr_assert_eq(cr_live_blocks(), 0);
}

/* The step that went wrong is done again from the samples that it had, of an earlier window. */
Test(stream, finds_a_step_that_diverged)
{
    static float x[600][3], y[600];
    char said[2][512];
    for (int i = 0; i < 600; i++) {
        y[i] = (float)(i % 5);
        for (int k = 0; k < 3; k++)
            x[i][k] = (float)(i % 7 + k);
    }
    x[321][1] = INFINITY;
    const cr_samples s = {.x_shape = CR_SHAPE(3), .y_shape = CR_SHAPE(1), .train = {x, y, 600}};
    cr_net net;
    assert_ok(cr_net_parse("dense 1", &net));
    cr_train_options o = {.model = cr_net_model,
                          .model_user = &net,
                          .batch = 20,
                          .no_evaluation = true,
                          .optimizer = {.lr = 1e-4f}};
    for (int streamed = 0; streamed < 2; streamed++) {
        cr_epoch e;
        cr_trainer *t = trainer_of(&s, &o);
        cr_assert_eq(cr_trainer_get_info(t).placement == CR_PLACED_STREAMED, streamed);
        cr_assert_eq(cr_trainer_epoch(t, &e), CR_E_NUMERIC);
        snprintf(said[streamed], sizeof said[0], "%s", cr_error());
        cr_trainer_destroy(t);
        o.max_device_bytes = 11000;
    }
    cr_assert(strstr(said[0], "in epoch 1, step "), "%s", said[0]);
    cr_assert_str_eq(said[0], said[1]);
    cr_assert(strstr(said[1], "\n  column 2 of training sample 321 is inf, which no rate mends"),
              "%s", said[1]);
    cr_net_finish(&net);
    cr_assert_eq(cr_live_blocks(), 0);
}
