/* Samples of files on a device: one that shares the host's memory uses them where they are mapped,
 * and says why where it does not. crisol-test: device */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"
#include "crisol/crisol.h"
#include "crisol/io/table.h"
#include "h5.h"

enum { N = 100, FEATURES = 3 };

static char folder[64];

static void begin(void)
{
    strcpy(folder, "/tmp/crisol-in-place-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(in_place, .init = begin, .fini = end);

/* An NPY file whose elements begin at byte `head`. */
static void put(const char *name, size_t head, const char *type, const char *shape,
                const void *elements, size_t size)
{
    char path[128], text[512] = "\x93NUMPY\1";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    text[8] = (char)(head - 10);
    int n = snprintf(text + 10, sizeof text - 10,
                     "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memset(text + 10 + n, ' ', head - 10 - (size_t)n);
    text[head - 1] = '\n';
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, head, f);
    fwrite(elements, 1, size, f);
    fclose(f);
}

static cr_data *opened(const char *x, const char *y)
{
    char xs[128], ys[128];
    snprintf(xs, sizeof xs, "%s/%s", folder, x);
    snprintf(ys, sizeof ys, "%s/%s", folder, y);
    cr_data *d = cr_table_open(xs, &(cr_table_options){.labels = ys});
    cr_assert_not_null(d, "%s", cr_error());
    return d;
}

static bool shares_memory(void)
{
    cr_device_info list[16];
    uint32_t n;
    cr_assert_eq(cr_devices(NULL, false, list, CR_COUNTOF(list), &n), CR_OK, "%s", cr_error());
    for (uint32_t i = 0; i < CR_MIN(n, CR_COUNTOF(list)); i++)
        if (list[i].chosen)
            return list[i].unified;
    return false;
}

/* One epoch; `in_place` of the two arrays are used where they lie. Returns the bytes that went up.
 */
static uint64_t train(cr_data *d, uint64_t in_place, const char *why)
{
    cr_net net;
    cr_epoch e;
    cr_assert_eq(cr_net_parse("dense 2", &net), CR_OK);
    const cr_train_options o = {
        .model = cr_net_model, .model_user = &net, .raw = true, .batch = 10, .no_evaluation = true};
    cr_trainer *t = cr_trainer_create_of(&d->samples, &o);
    cr_assert_not_null(t, "%s", cr_error());
    const cr_counters c = cr_program_counters(cr_trainer_program(t));
    const uint64_t uploaded = cr_trainer_get_info(t).uploaded_bytes;
    cr_assert_eq(c.feeds, 2);
    cr_assert_eq(c.feeds_in_place, in_place);
    if (why)
        cr_assert(strstr(cr_trainer_why_copied(t), why), "%s", cr_trainer_why_copied(t));
    else
        cr_assert_null(cr_trainer_why_copied(t));
    cr_assert_eq(cr_trainer_epoch(t, &e), CR_OK, "%s", cr_error());
    cr_assert(e.train_loss > 0 && e.train_loss < 10);
    cr_trainer_destroy(t);
    cr_data_close(d);
    cr_net_finish(&net);
    return uploaded;
}

static void check(const char *x, const char *y, uint64_t in_place, const char *why)
{
    const uint64_t uploaded = train(opened(x, y), in_place, why);
    cr_assert_eq(uploaded, (in_place < 2 ? N * FEATURES * 4u : 0) + (in_place ? 0 : N));
}

Test(in_place, arrays_are_used_where_they_are_mapped, .timeout = 120)
{
    static float x[N][FEATURES];
    static uint8_t y[N];
    for (int i = 0; i < N; i++) {
        y[i] = (uint8_t)(i % 2);
        for (int k = 0; k < FEATURES; k++)
            x[i][k] = (float)(i % (k + 2));
    }
    put("x.npy", 128, "<f4", "(100, 3)", x, sizeof x);
    put("odd.npy", 132, "<f4", "(100, 3)", x, sizeof x);
    put("y.npy", 128, "|u1", "(100,)", y, sizeof y);
    put("odd_y.npy", 131, "|u1", "(100,)", y, sizeof y); /* few: no word of them */
    if (shares_memory()) {
        check("x.npy", "y.npy", 2, NULL);
        check("x.npy", "odd_y.npy", 2, NULL);
        check("odd.npy", "y.npy", 1,
              "train_x, 1200 of 1300 bytes: the data is not aligned as the device's buffers are");
    } else {
        check("x.npy", "y.npy", 0, "memory");
    }
}

/* A contiguous data set of HDF5, which begins on a page of the file. */
Test(in_place, hdf5_is_used_where_it_is_mapped, .timeout = 120)
{
    enum { MANY = 2000 };
    static float x[MANY][FEATURES];
    static uint8_t y[MANY];
    char path[128];
    void *image;
    size_t size;
    for (int i = 0; i < MANY; i++) {
        y[i] = (uint8_t)(i % 2);
        for (int k = 0; k < FEATURES; k++)
            x[i][k] = (float)(i % (k + 2));
    }
    cr_h5_writer *w = cr_h5_create();
    cr_h5_dataset(w, "/x_train", CR_H5_F32, 2, (uint64_t[]){MANY, FEATURES}, x);
    cr_h5_dataset(w, "/y_train", CR_H5_U8, 1, (uint64_t[]){MANY}, y);
    cr_assert_eq(cr_h5_image(w, &image, &size), CR_OK, "%s", cr_error());
    cr_h5_discard(w);
    snprintf(path, sizeof path, "%s/set.h5", folder);
    cr_assert_eq(cr_file_write(path, image, size), CR_OK, "%s", cr_error());
    cr_free(image);
    cr_data *d = cr_table_open(path, &(cr_table_options){0});
    cr_assert_not_null(d, "%s", cr_error());
    const bool shared = shares_memory();
    cr_assert_eq(train(d, shared ? 2 : 0, shared ? NULL : "memory"),
                 shared ? 0 : sizeof x + sizeof y);
}
