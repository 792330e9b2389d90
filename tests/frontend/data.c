/* IDX files and data sets: what is read, and what is said about those that are broken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base.h"
#include "crisol/data.h"
#include "crisol/train.h"

static char folder[64];

static void begin(void)
{
    strcpy(folder, "/tmp/crisol-data-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(cr_alloc_live(), 0);
}

TestSuite(data, .init = begin, .fini = end);

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(path_of(name), "wb");
    fwrite(bytes, 1, size, f);
    fclose(f);
}

static size_t images(uint8_t *out, uint8_t n, uint8_t side)
{
    const uint8_t head[16] = {0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, side, 0, 0, 0, side};
    memcpy(out, head, sizeof head);
    for (int i = 0; i < n * side * side; i++)
        out[16 + i] = (uint8_t)i;
    return 16 + (size_t)n * side * side;
}

static size_t labels(uint8_t *out, uint8_t n, uint8_t classes)
{
    const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, n};
    memcpy(out, head, sizeof head);
    for (int i = 0; i < n; i++)
        out[8 + i] = (uint8_t)(i % classes);
    return 8 + (size_t)n;
}

/* A whole set of 6 and 3 images of 2 x 2. */
static void put_set(void)
{
    uint8_t b[256];
    put("train-images-idx3-ubyte", b, images(b, 6, 2));
    put("train-labels-idx1-ubyte", b, labels(b, 6, 3));
    put("t10k-images-idx3-ubyte", b, images(b, 3, 2));
    put("t10k-labels-idx1-ubyte", b, labels(b, 3, 3));
}

static void expect_failure(cr_status status, const char *says)
{
    cr_dataset *d = cr_dataset_load(folder);
    cr_assert_null(d);
    cr_assert_eq(cr_last_status(), status, "%s", cr_error());
    cr_assert(strstr(cr_error(), says), "%s", cr_error());
}

Test(data, reads_a_set)
{
    put_set();
    cr_dataset *d = cr_dataset_load(folder);
    cr_assert_not_null(d, "%s", cr_error());
    cr_assert_eq(d->ntrain, 6);
    cr_assert_eq(d->ntest, 3);
    cr_assert_eq(d->rows, 2);
    cr_assert_eq(d->classes, 3);
    cr_assert_eq(d->train_x[5], 5);
    cr_assert_eq(d->train_y[4], 1);
    cr_assert_eq(cr_dataset_check_labels(d, 3), CR_OK);
    cr_assert_eq(cr_dataset_check_labels(d, 2), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "label 2 of training sample 2"), "%s", cr_error());
    cr_dataset_destroy(d);
}

Test(data, opens_a_set)
{
    put_set();
    cr_data *d = cr_data_open(folder);
    cr_assert_not_null(d, "%s", cr_error());
    cr_assert_str_eq(d->name, folder);
    cr_assert_eq(d->samples.x_shape.rank, 3);
    cr_assert_eq(d->samples.train.n, 6);
    cr_assert_eq(d->samples.test.n, 3);
    cr_assert_eq(((const uint8_t *)d->samples.train.x)[5], 5);
    cr_data_close(d);
    put("file", "1,2", 3);
    cr_assert_null(cr_data_open(path_of("file")));
    cr_assert(strstr(cr_error(), "it is a file, and a folder"), "%s", cr_error());
    cr_assert_null(cr_data_open("/nonexistent/set"));
    cr_assert(strstr(cr_error(), "no such folder"), "%s", cr_error());
    cr_data_close(NULL);
}

/* A block begins where buffers do, and 64 bytes after its end are on its last page. */
Test(data, gives_memory_to_be_used_in_place)
{
    static const size_t sizes[] = {1, 4000, 4032, 4033, 4095, 4096, 8192 + 4064, 100000};
    cr_data *d = cr_data_create("d");
    for (size_t i = 0; i < CR_COUNTOF(sizes); i++) {
        const char *at = cr_data_alloc(d, sizes[i]);
        const uintptr_t last = (uintptr_t)at + sizes[i] - 1;
        cr_assert_eq((uintptr_t)at % 512, 0);
        cr_assert_eq(last / 4096, (last + 64) / 4096, "%zu", sizes[i]);
        cr_assert_eq(at[0] | at[sizes[i] - 1], 0);
    }
    cr_assert_null(cr_data_alloc(d, SIZE_MAX - 100));
    cr_data_close(d);
}

static void count_close(void *what)
{
    ++*(int *)what;
}

Test(data, closes_what_it_owns)
{
    int closed = 0;
    cr_data *d = cr_data_create("d");
    cr_assert_eq(cr_data_own(d, &closed, count_close), CR_OK);
    cr_assert_eq(closed, 0);
    cr_data_close(d);
    cr_assert_eq(closed, 1);
}

Test(data, reads_gzip)
{
    uint8_t b[256];
    put_set();
    unlink(path_of("train-labels-idx1-ubyte"));
    gzFile f = gzopen(path_of("train-labels-idx1-ubyte.gz"), "wb");
    gzwrite(f, b, (unsigned)labels(b, 6, 3));
    gzclose(f);
    cr_dataset *d = cr_dataset_load(folder);
    cr_assert_not_null(d, "%s", cr_error());
    cr_assert_eq(d->train_y[5], 2);
    cr_dataset_destroy(d);
}

Test(data, missing_file)
{
    put_set();
    unlink(path_of("t10k-labels-idx1-ubyte"));
    expect_failure(CR_E_IO, "there is no t10k-labels-idx1-ubyte");
}

Test(data, missing_folder)
{
    cr_assert_null(cr_dataset_load("/nonexistent/set"));
    cr_assert(strstr(cr_error(), "no such folder"), "%s", cr_error());
    setenv("CRISOL_DATA", folder, 1);
    cr_assert_null(cr_dataset_load("mnist"));
    cr_assert(strstr(cr_error(), "has no such folder"), "%s", cr_error());
    unsetenv("CRISOL_DATA");
    cr_assert_null(cr_dataset_load("mnist"));
    cr_assert(strstr(cr_error(), "CRISOL_DATA is not set"), "%s", cr_error());
}

Test(data, truncated)
{
    uint8_t b[256];
    put_set();
    put("train-images-idx3-ubyte", b, images(b, 6, 2) - 1);
    expect_failure(CR_E_IO, "truncated: 23 bytes of elements, and its header says 24");
    put("train-images-idx3-ubyte", b, 7);
    expect_failure(CR_E_IO, "truncated in its header");
    put("train-images-idx3-ubyte", b, 0);
    expect_failure(CR_E_IO, "truncated");
}

Test(data, truncated_gzip)
{
    uint8_t b[256];
    char packed[1024];
    put_set();
    unlink(path_of("train-images-idx3-ubyte"));
    gzFile f = gzopen(path_of("train-images-idx3-ubyte.gz"), "wb");
    gzwrite(f, b, (unsigned)images(b, 6, 2));
    gzclose(f);
    FILE *in = fopen(path_of("train-images-idx3-ubyte.gz"), "rb");
    size_t size = fread(packed, 1, sizeof packed, in);
    fclose(in);
    for (size_t cut = 1; cut < size; cut++) {
        put("train-images-idx3-ubyte.gz", packed, cut);
        cr_assert_null(cr_dataset_load(folder));
        cr_assert(strstr(cr_error(), "train-images-idx3-ubyte.gz"), "%s", cr_error());
    }
}

Test(data, longer_than_it_says)
{
    uint8_t b[256];
    put_set();
    size_t size = images(b, 6, 2);
    b[size] = 0;
    put("train-images-idx3-ubyte", b, size + 1);
    expect_failure(CR_E_IO, "longer than the 24 elements");
}

Test(data, wrong_magic)
{
    uint8_t b[256];
    put_set();
    size_t size = images(b, 6, 2);
    b[2] = 13; /* floats */
    put("train-images-idx3-ubyte", b, size);
    expect_failure(CR_E_SYNTAX, "begins with 00 00 0d 03");
    put("train-images-idx3-ubyte", b, labels(b, 6, 3));
    expect_failure(CR_E_SYNTAX, "has rank 1, and images need 3");
}

Test(data, promises_too_much)
{
    const uint8_t huge[20] = {0,   0,   8,   3,   255, 255, 255, 255,
                              255, 255, 255, 255, 255, 255, 255, 255};
    const uint8_t big[20] = {0, 0, 8, 3, 0, 255, 255, 255, 0, 0, 255, 255, 0, 0, 0, 255};
    put_set();
    put("train-images-idx3-ubyte", huge, sizeof huge);
    expect_failure(CR_E_SYNTAX, "cannot be");
    put("train-images-idx3-ubyte", big, sizeof big);
    expect_failure(CR_E_IO, "truncated");
}

Test(data, different_counts)
{
    uint8_t b[256];
    put_set();
    put("train-labels-idx1-ubyte", b, labels(b, 5, 3));
    expect_failure(CR_E_IO, "6 images in train-images-idx3-ubyte, but 5 labels");
}

Test(data, different_sizes)
{
    uint8_t b[256];
    put_set();
    put("t10k-images-idx3-ubyte", b, images(b, 3, 3));
    expect_failure(CR_E_IO, "images of 2 x 2 for training, but of 3 x 3");
}

Test(data, every_allocation_may_fail)
{
    put_set();
    for (int64_t n = 0; n < 100; n++) {
        cr_alloc_fail_after(n);
        cr_data *d = cr_data_open(folder);
        cr_alloc_fail_after(-1);
        if (d) {
            cr_data_close(d);
            return;
        }
        cr_assert_eq(cr_last_status(), CR_E_MEMORY, "%s", cr_error());
    }
    cr_assert(false, "it never came through");
}

Test(data, shuffles_are_orders)
{
    enum { N = 1000 };
    int32_t a[N], b[N];
    bool seen[N] = {false};
    cr_shuffle(a, N, 7, 0);
    int moved = 0;
    for (int i = 0; i < N; i++) {
        cr_assert(a[i] >= 0 && a[i] < N && !seen[a[i]]);
        seen[a[i]] = true;
        moved += a[i] != i;
    }
    cr_assert_gt(moved, N * 9 / 10);
    cr_shuffle(b, N, 7, 0);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_shuffle(b, N, 7, 1);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    cr_shuffle(b, N, 8, 0);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
}
