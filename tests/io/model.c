/* Models in files: all of one comes back; what is damaged is refused by name; a failed write leaves
 * the old file; what does not fit its net is listed. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "crisol/crisol.h"
#include "crisol/io/model.h"

static void assert_error(const char *a, const char *b)
{
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
}

static cr_model *empty(const char *text)
{
    cr_net net;
    cr_assert_eq(cr_net_parse(text, &net), CR_OK, "%s", cr_error());
    cr_model *m = cr_model_create(&net);
    cr_net_finish(&net);
    cr_assert(m, "%s", cr_error());
    return m;
}

static void add(cr_model *m, const char *name, cr_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++)
        n *= shape.dim[i];
    float *at = cr_model_new_tensor(m, name, CR_F32, shape);
    cr_assert(at, "%s", cr_error());
    for (int64_t i = 0; i < n; i++)
        at[i] = (float)i - 0.125f;
}

static cr_model *sample(void)
{
    static const char *const names[] = {"cat", "dog \"big\"", "grün"};
    const uint8_t flags[2] = {1, 0};
    cr_model *m = empty("dense 4 relu, dense 3");
    add(m, "dense1.w", CR_SHAPE(6, 4));
    add(m, "dense1.b", CR_SHAPE(4));
    add(m, "dense2.w", CR_SHAPE(4, 3));
    add(m, "dense2.b", CR_SHAPE(3));
    const cr_tensor t = {"in/a folder", CR_BOOL, CR_SHAPE(2), flags};
    cr_assert_eq(cr_model_add_tensor(m, &t), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_model_set_x(m, CR_U8, CR_SHAPE(3, 2)), CR_OK);
    cr_assert_eq(cr_model_set_words(m, "classes", (cr_words){names, 3}), CR_OK);
    cr_assert_eq(cr_model_set_note(m, "loss", "mse"), CR_OK);
    cr_assert_eq(cr_model_set_note(m, "loss", "mae"), CR_OK);
    return m;
}

Test(model, comes_back_from_a_file)
{
    cr_dtype dtype;
    cr_shape shape;
    cr_model *m = sample();
    cr_assert_eq(cr_model_save(m, "model.h5"), CR_OK, "%s", cr_error());
    cr_model *again = cr_model_load("model.h5");
    cr_assert(again, "%s", cr_error());
    char *net = cr_net_print(cr_model_net(again));
    cr_assert_str_eq(net, "dense 4 relu, dense 3");
    cr_string_free(net);
    cr_assert_null(cr_model_graph(again));
    cr_assert(cr_model_x(again, &dtype, &shape) && dtype == CR_U8 && shape.rank == 2 &&
              shape.dim[0] == 3 && shape.dim[1] == 2);
    cr_assert_eq(cr_model_count(again), 5);
    for (uint32_t i = 0; i < 5; i++) {
        const cr_tensor *a = cr_model_at(m, i), *b = cr_model_find(again, a->name);
        cr_assert(b && a->dtype == b->dtype && a->shape.rank == b->shape.rank, "%s", a->name);
        cr_assert(memcmp(a->data, b->data, a->dtype == CR_BOOL ? 2 : 12) == 0, "%s", a->name);
    }
    const cr_words classes = cr_model_words(again, "classes");
    cr_assert(classes.n == 3 && strcmp(classes.word[1], "dog \"big\"") == 0);
    cr_assert_eq(cr_model_words(again, "columns").n, 0);
    cr_assert_str_eq(cr_model_note(again, "loss"), "mae");
    cr_assert_null(cr_model_note(again, "los"));
    cr_model_destroy(again);
    cr_model_destroy(m);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(model, is_checked_against_its_net)
{
    cr_model *m = sample();
    cr_assert_null(cr_model_build(m, 8));
    assert_error("not those of its net", "extra in/a folder bool[2]");
    cr_model_destroy(m);
    m = empty("dense 4 relu, dense 3");
    add(m, "dense1.w", CR_SHAPE(6, 5));
    add(m, "dense1.b", CR_SHAPE(4));
    add(m, "dense9.w", CR_SHAPE(4, 3));
    cr_assert_null(cr_model_build(m, 8));
    assert_error("shape of its samples", "");
    cr_model_set_x(m, CR_F32, CR_SHAPE(6));
    cr_assert_null(cr_model_build(m, 8));
    assert_error("missing dense2.w f32[4,3], dense2.b f32[3]", "extra dense9.w f32[4,3]");
    assert_error("of another shape dense1.w f32[6,5] (here f32[6,4])", "");
    cr_assert_eq(cr_model_save(m, "other.h5"), CR_OK, "%s", cr_error());
    cr_model_destroy(m);
    m = cr_model_load("other.h5");
    cr_assert_null(cr_model_build(m, 8));
    assert_error("other.h5: its weights", "missing dense2.w");
    cr_model_destroy(m);
    /* a net that cannot be built is the file's, and of no line of the library */
    m = empty("dense 16777216, dense 16777216");
    cr_model_set_x(m, CR_F32, CR_SHAPE(6));
    cr_assert_eq(cr_model_save(m, "other.h5"), CR_OK, "%s", cr_error());
    cr_model_destroy(m);
    m = cr_model_load("other.h5");
    cr_assert_null(cr_model_build(m, 8));
    assert_error("other.h5: net, layer 2 (dense2): param \"dense2.w\"", "elements or more");
    cr_model_destroy(m);
    /* names that cannot be objects in a file, shapes that are none */
    m = empty("dense 1");
    static const char *const bad[] = {"", "/", "a//b", "a/", ".", "a/../b", "a\nb"};
    for (size_t i = 0; i < CR_COUNTOF(bad); i++)
        cr_assert_null(cr_model_new_tensor(m, bad[i], CR_F32, CR_SHAPE(1)), "'%s'", bad[i]);
    cr_assert_null(cr_model_new_tensor(m, "w", CR_F32, CR_SHAPE(1, 0)));
    cr_assert_null(cr_model_new_tensor(m, "w", CR_F32, CR_SHAPE(INT64_MAX, 16)));
    add(m, "w", CR_SHAPE(1));
    cr_assert_null(cr_model_new_tensor(m, "w", CR_F32, CR_SHAPE(1)));
    assert_error("\"w\"", "already");
    cr_model_destroy(m);
    cr_assert_eq(cr_alloc_live(), 0);
}

Test(model, of_several_inputs_and_outputs_is_built)
{
    cr_model *m = empty("input 2 as a, dense 3, input 2 2 u8 as b, flatten, dense 3, add dense1, "
                        "dense 1 as y, output y dense2");
    add(m, "dense1.w", CR_SHAPE(2, 3));
    add(m, "dense1.b", CR_SHAPE(3));
    add(m, "dense2.w", CR_SHAPE(4, 3));
    add(m, "dense2.b", CR_SHAPE(3));
    add(m, "y.w", CR_SHAPE(3, 1));
    add(m, "y.b", CR_SHAPE(1));
    cr_graph *g = cr_model_build(m, 8);
    cr_assert(g, "%s", cr_error());
    cr_assert_eq(cr_value_dtype(cr_find(g, "b")), CR_U8);
    cr_assert_eq(cr_value_shape(cr_find(g, "dense2")).dim[1], 3);
    cr_assert_eq(cr_value_shape(cr_find(g, "y")).dim[1], 1);
    /* the same model as a graph */
    char *text = cr_graph_print(g);
    cr_model *other = cr_model_create_of_graph(text);
    cr_assert(other, "%s", cr_error());
    cr_assert_null(cr_model_build(other, 8));
    assert_error("no input \"x\"", "");
    cr_string_free(text);
    cr_graph_destroy(g);
    cr_model_destroy(other);
    cr_model_destroy(m);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static char *bytes_of(cr_model *m, size_t *size)
{
    cr_assert_eq(cr_model_save(m, "model-bytes.h5"), CR_OK, "%s", cr_error());
    char *all = cr_file_read("model-bytes.h5", size);
    cr_model_destroy(m);
    return all;
}

static size_t place_of(const char *all, size_t size, const void *what, size_t n)
{
    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(all + i, what, n) == 0)
            return i;
    cr_assert(false, "not found");
    return 0;
}

Test(model, that_is_damaged_is_refused)
{
    size_t size;
    char *all = bytes_of(sample(), &size);
    const float third = 1.875f;
    all[place_of(all, size, &third, sizeof third)] ^= 1;
    cr_assert_null(cr_model_load_memory("m.h5", all, size));
    assert_error("m.h5: data set /weights/dense", "is damaged: its checksum is another");
    cr_free(all);
    all = bytes_of(sample(), &size);
    uint32_t refused = 0;
    for (size_t i = 0; i < 250; i++) {
        const size_t at = size * i / 250;
        all[at] ^= (char)(1 << i % 8);
        cr_model *m = cr_model_load_memory("m.h5", all, size);
        refused += !m;
        cr_assert(m || strncmp(cr_error(), "m.h5: ", 6) == 0, "%s", cr_error());
        cr_model_destroy(m);
        all[at] ^= (char)(1 << i % 8);
    }
    cr_assert_gt(refused, 50, "%u", refused); /* most of a small file is empty */
    cr_free(all);
    cr_assert_eq(cr_alloc_live(), 0);
}

/* The version's only digit is another: the checksum of the attributes says that, or HDF5. */
Test(model, of_others_is_refused)
{
    size_t size;
    char *all = bytes_of(sample(), &size);
    all[place_of(all, size, "crisol", 7 - 1)] = 'k';
    cr_assert_null(cr_model_load_memory("m.h5", all, size));
    cr_free(all);
    cr_assert_null(cr_model_load("model-none.h5"));
    assert_error("model-none.h5", "cannot open");
    cr_assert_eq(cr_file_write("model-text.h5", "PK\3\4 and so on", 12), CR_OK);
    cr_assert_null(cr_model_load("model-text.h5"));
    assert_error("model-text.h5", "not an HDF5 file");
    unlink("model-pipe.h5");
    cr_assert_eq(mkfifo("model-pipe.h5", 0600), 0); /* that nobody writes to */
    alarm(20);
    cr_assert_null(cr_model_open("model-pipe.h5"));
    assert_error("model-pipe.h5", "no regular file");
    cr_assert_null(cr_model_import_keras("model-pipe.h5"));
    assert_error("model-pipe.h5", "no regular file");
    alarm(0);
    cr_assert_null(cr_model_open("."));
    assert_error(".: cannot open", "a folder");
}

/* ---- writes that fail ------------------------------------------------------------------------ */

Test(model, survives_a_write_that_fails)
{
    size_t size, after;
    char *all = bytes_of(sample(), &size);
    cr_model *m = empty("dense 1");
    add(m, "dense1.w", CR_SHAPE(100, 100));
    signal(SIGXFSZ, SIG_IGN); /* as on a full disk, writing fails after so many bytes */
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){16384, old.rlim_max});
    cr_assert_eq(cr_model_save(m, "model-bytes.h5"), CR_E_IO);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_error("model-bytes.h5: cannot write", "");
    char *again = cr_file_read("model-bytes.h5", &after);
    cr_assert(after == size && memcmp(all, again, size) == 0, "the old file is another now");
    cr_assert_eq(cr_model_save(m, "no-such-folder/model.h5"), CR_E_IO);
    assert_error("no-such-folder/model.h5: cannot create", "No such file");
    cr_model_destroy(m);
    cr_free(all);
    cr_free(again);
}
