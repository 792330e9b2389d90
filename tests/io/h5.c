/* HDF5: what is written reads as it was; files of others, old and odd ones; and what is no file, or
 * a damaged one, is refused with its name. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "h5.h"

static void assert_error(const char *a, const char *b)
{
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
}

/* ---- our own --------------------------------------------------------------------------------- */

static void *sample(size_t *size)
{
    const float w[6] = {1, -2, 3.5f, 0, 1e30f, -0.0f};
    const int64_t big[2] = {INT64_MIN, 7};
    const uint16_t half[4] = {0x3c00, 0xc000, 0x0001, 0x7c00};
    const char *const names[] = {"w", "", "größer"};
    void *image = NULL;
    cr_h5_writer *file = cr_h5_create();
    cr_assert(file, "%s", cr_error());
    cr_h5_group(file, "/empty");
    cr_h5_dataset(file, "/a/b/w", CR_H5_F32, 2, (uint64_t[]){2, 3}, w);
    cr_h5_dataset(file, "/a/big", CR_H5_I64, 1, (uint64_t[]){2}, big);
    cr_h5_dataset(file, "/a/half", CR_H5_F16, 1, (uint64_t[]){4}, half);
    cr_h5_dataset(file, "/a/scalar", CR_H5_F64, 0, NULL, &(double){0.1});
    cr_h5_dataset(file, "/a/nothing", CR_H5_F32, 1, (uint64_t[]){0}, NULL);
    cr_h5_set_text(file, "/", "net", "dense 10");
    cr_h5_set_text(file, "/a/b/w", "empty", "");
    cr_h5_set_texts(file, "/a", "names", names, 3);
    cr_h5_set_number(file, "/a", "version", 2.5);
    cr_assert_eq(cr_h5_image(file, &image, size), CR_OK, "%s", cr_error());
    cr_h5_discard(file);
    return image;
}

static void check_sample(cr_h5 *h)
{
    const char *const paths[] = {"/",       "/a",         "/a/b",      "/a/b/w", "/a/big",
                                 "/a/half", "/a/nothing", "/a/scalar", "/empty"};
    float w[6], half[4];
    int64_t big[2];
    double number;
    uint32_t n;
    cr_assert(h, "%s", cr_error());
    cr_assert_eq(cr_h5_count(h), CR_COUNTOF(paths));
    for (uint32_t i = 0; i < cr_h5_count(h); i++)
        cr_assert_str_eq(cr_h5_at(h, i)->path, paths[i]);
    const cr_h5_node *node = cr_h5_find(h, "/a/b/w");
    cr_assert(node && node->dataset && node->type == CR_H5_F32 && node->rank == 2);
    cr_assert(node->dim[0] == 2 && node->dim[1] == 3 && node->bytes == 24);
    cr_assert_eq(cr_h5_read(h, node, w, sizeof w), CR_OK, "%s", cr_error());
    cr_assert(w[2] == 3.5f && w[4] == 1e30f && signbit(w[5]));
    const float *mapped = cr_h5_map(h, node);
    cr_assert(mapped && memcmp(mapped, w, sizeof w) == 0);
    cr_assert_eq(cr_h5_read_part(h, node, 1, 2, w), CR_OK);
    cr_assert(w[0] == -2 && w[1] == 3.5f);
    cr_assert_eq(cr_h5_read(h, node, w, 20), CR_E_ARGUMENT);
    cr_assert_eq(cr_h5_read(h, cr_h5_find(h, "/a/big"), big, sizeof big), CR_OK);
    cr_assert(big[0] == INT64_MIN && big[1] == 7);
    cr_assert_eq(cr_h5_read_f32(h, cr_h5_find(h, "/a/half"), half, 4), CR_OK);
    cr_assert(half[0] == 1 && half[1] == -2 && half[2] == ldexpf(1, -24) && isinf(half[3]));
    cr_assert_eq(cr_h5_read_f32(h, cr_h5_find(h, "/a/scalar"), w, 1), CR_OK);
    cr_assert_eq(w[0], 0.1f);
    cr_assert_eq(cr_h5_read(h, cr_h5_find(h, "/a/nothing"), w, 0), CR_OK, "%s", cr_error());
    cr_assert_str_eq(cr_h5_text(h, "/", "net"), "dense 10");
    cr_assert_str_eq(cr_h5_text(h, "/a/b/w", "empty"), "");
    cr_assert_null(cr_h5_text(h, "/", "nets"));
    cr_assert_null(cr_h5_text(h, "/a", "version"));
    const char *const *names = cr_h5_texts(h, "/a", "names", &n);
    cr_assert(n == 3 && strcmp(names[0], "w") == 0 && !*names[1] && !strcmp(names[2], "größer"));
    cr_assert(cr_h5_numbers(h, "/a", "version", &number, 1) == 1 && number == 2.5);
    cr_h5_close(h);
}

Test(h5, reads_what_it_wrote)
{
    size_t size, again;
    void *image = sample(&size), *second = sample(&again);
    cr_assert(size == again && memcmp(image, second, size) == 0, "the bytes differ");
    check_sample(cr_h5_open_memory("memory", image, size));
    cr_assert_eq(cr_file_write("h5-own.h5", image, size), CR_OK);
    check_sample(cr_h5_open("h5-own.h5"));
    signal(SIGCHLD, SIG_IGN); /* there is then nothing to wait for */
    check_sample(cr_h5_open("h5-own.h5"));
    /* behind a user's block, places are others */
    char *moved = cr_alloc(size + 512);
    memcpy(moved + 512, image, size);
    cr_assert_eq(cr_file_write("h5-moved.h5", moved, size + 512), CR_OK);
    check_sample(cr_h5_open("h5-moved.h5"));
    cr_free(moved);
    cr_free(image);
    cr_free(second);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* ---- others' --------------------------------------------------------------------------------- */

/* In HDF5's oldest format, which h5py writes, too. */
static void foreign_file(const char *path)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t dim[2] = {1000, 300}, chunk[2] = {64, 300}, one = 1, two = 2;
    static int32_t data[1000][300];
    for (int i = 0; i < 1000; i++)
        for (int j = 0; j < 300; j++)
            data[i][j] = i * 300 + j;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
    H5Pset_chunk(list, 2, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 6);
    hid_t packed = H5Dcreate2(file, "packed", H5T_STD_I32BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(packed, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    hid_t big =
        H5Dcreate2(file, "big_endian", H5T_STD_I32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(big, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    /* a data set that claims far more than there is, and one that is stored elsewhere */
    hsize_t huge[2] = {1000000, 1000000};
    H5Dcreate2(file, "huge", H5T_IEEE_F32LE, H5Screate_simple(2, huge, NULL), H5P_DEFAULT, list,
               H5P_DEFAULT);
    hid_t outside = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(outside, "/etc/passwd", 0, 100);
    H5Dcreate2(file, "outside", H5T_STD_U8LE, H5Screate_simple(1, &one, NULL), H5P_DEFAULT, outside,
               H5P_DEFAULT);
    H5Lcreate_external("/etc/passwd", "/", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    /* texts of variable length, as h5py writes them; an enumeration is its bool */
    hid_t text = H5Tcopy(H5T_C_S1), yes_no = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tset_size(text, H5T_VARIABLE);
    hid_t attribute =
        H5Acreate2(file, "model_config", text, H5Screate(H5S_SCALAR), H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, &(const char *){"{\"a\": 1}"});
    hid_t classes = H5Dcreate2(file, "classes", text, H5Screate_simple(1, &two, NULL), H5P_DEFAULT,
                               H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(classes, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, (const char *[]){"cat", "dog"});
    int8_t is = 1;
    H5Tenum_insert(yes_no, "FALSE", &(int8_t){0});
    H5Tenum_insert(yes_no, "TRUE", &is);
    attribute = H5Acreate2(group, "yes", yes_no, H5Screate(H5S_SCALAR), H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, yes_no, &is);
    H5close();
}

Test(h5, reads_files_of_others)
{
    static int32_t data[1000 * 300];
    static float scores[1000 * 300];
    double yes;
    uint32_t n;
    foreign_file("h5-foreign.h5");
    cr_h5 *h = cr_h5_open("h5-foreign.h5");
    cr_assert(h, "%s", cr_error());
    const cr_h5_node *packed = cr_h5_find(h, "/packed"), *big = cr_h5_find(h, "/big_endian");
    for (int i = 0; i < 2; i++) {
        memset(data, 0, sizeof data);
        cr_assert_eq(cr_h5_read(h, i ? big : packed, data, sizeof data), CR_OK, "%s", cr_error());
        for (int k = 0; k < 1000 * 300; k++)
            cr_assert_eq(data[k], k);
        cr_assert_eq(cr_h5_read_part(h, i ? big : packed, 290001, 400, data), CR_OK);
        cr_assert(data[0] == 290001 && data[399] == 290400);
        cr_assert_null(cr_h5_map(h, i ? big : packed));
    }
    cr_assert_eq(cr_h5_read_f32(h, packed, scores, 300000), CR_OK);
    cr_assert_eq(scores[299999], 299999);
    cr_assert_eq(cr_h5_check(h, cr_h5_find(h, "/huge")), CR_E_IO);
    assert_error("h5-foreign.h5: data set /huge", "claims 4000000000000 bytes, of which 0 are");
    cr_assert_eq(cr_h5_check(h, cr_h5_find(h, "/outside")), CR_E_IO);
    assert_error("/outside", "in another file");
    cr_assert(!cr_h5_find(h, "/elsewhere") && !cr_h5_find(h, "/dangling"));
    cr_assert(cr_h5_find(h, "/group") && !cr_h5_find(h, "/group/up"));
    cr_assert_str_eq(cr_h5_text(h, "/", "model_config"), "{\"a\": 1}");
    const char *const *classes = cr_h5_texts(h, "/classes", NULL, &n);
    cr_assert(n == 2 && strcmp(classes[0], "cat") == 0 && strcmp(classes[1], "dog") == 0);
    cr_assert(cr_h5_numbers(h, "/group", "yes", &yes, 1) == 1 && yes == 1);
    cr_h5_close(h);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(h5, refuses_what_is_no_file_of_its_kind)
{
    const char text[] = "not at all what was asked for, but long enough to be read";
    cr_assert_null(cr_h5_open("h5-none.h5"));
    assert_error("h5-none.h5: cannot open", strerror(ENOENT));
    cr_assert_null(cr_h5_open("."));
    assert_error(".: ", "no regular file");
    cr_assert_eq(cr_file_write("h5-text.h5", text, sizeof text), CR_OK);
    cr_assert_null(cr_h5_open("h5-text.h5"));
    assert_error("h5-text.h5", "not an HDF5 file");
    cr_assert_eq(cr_file_write("h5-text.h5", text, 0), CR_OK);
    cr_assert_null(cr_h5_open("h5-text.h5"));
    assert_error("h5-text.h5", "empty");
    size_t size;
    void *image = sample(&size);
    cr_assert_eq(cr_file_write("h5-locked.h5", image, size), CR_OK);
    int fd = open("h5-locked.h5", O_RDWR);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    cr_assert_null(cr_h5_open("h5-locked.h5"));
    assert_error("h5-locked.h5", "open for writing elsewhere");
    close(fd);
    cr_free(image);
}

/* Whatever happens to a file: an error that names it, or data. Nothing crashes, nothing leaks. */
static void read_damaged(const void *image, size_t size)
{
    size_t before = cr_alloc_live();
    char all[4096];
    cr_h5 *h = cr_h5_open_memory("damaged", image, size);
    if (!h)
        cr_assert(strncmp(cr_error(), "damaged: ", 9) == 0, "%s", cr_error());
    for (uint32_t i = 0; h && i < cr_h5_count(h); i++) {
        const cr_h5_node *node = cr_h5_at(h, i);
        if (node->dataset && cr_h5_check(h, node) == CR_OK && node->bytes <= sizeof all)
            cr_h5_read(h, node, all, node->bytes);
    }
    cr_h5_close(h);
    cr_assert_eq(cr_alloc_live(), before);
}

Test(h5, survives_damage)
{
    size_t size;
    char *image = sample(&size);
    for (size_t i = 0; i < 60; i++)
        read_damaged(image, size * i / 60);
    for (size_t i = 0; i < 200; i++) {
        size_t at = size * i / 200;
        image[at] ^= (char)(1 << i % 8);
        read_damaged(image, size);
        image[at] ^= (char)(1 << i % 8);
    }
    cr_h5 *whole = cr_h5_open_memory("whole", image, size);
    check_sample(whole);
    cr_free(image);
}

Test(h5, survives_a_full_memory)
{
    size_t size;
    void *image = sample(&size);
    size_t before = cr_alloc_live();
    for (int n = 0;; n++) {
        cr_alloc_fail_after(n);
        cr_h5 *h = cr_h5_open_memory("memory", image, size);
        cr_alloc_fail_after(-1);
        if (h) {
            cr_h5_close(h);
            break;
        }
        cr_assert(n < 1000, "%s", cr_error());
        cr_assert_eq(cr_alloc_live(), before);
    }
    cr_free(image);
}
