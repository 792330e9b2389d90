/* Damaged and forged files of Keras: each is refused with a message that names the file and what is
 * wrong in it, and nothing leaks. */
#include <criterion/criterion.h>
#include <zip.h>

#include "keras.h"

static char *read_file(const char *file, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/keras/%s", getenv("CRISOL_SOURCE_DIR"), file);
    char *data = cr_file_read(path, size);
    cr_assert(data, "%s", cr_error());
    return data;
}

static void expect_refused(const void *data, size_t size, const char *a, const char *b)
{
    const size_t before = cr_alloc_live();
    cr_model *m = cr_keras_import("m.keras", data, size);
    cr_assert_null(m, "was read");
    cr_assert(strncmp(cr_error(), "m.keras", 7) == 0, "%s", cr_error());
    cr_assert(strstr(cr_error(), a) && strstr(cr_error(), b), "wants '%s' and '%s': %s", a, b,
              cr_error());
    cr_assert_eq(cr_alloc_live(), before);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

Test(keras_damage, refuses_every_cut)
{
    size_t size;
    char *data = read_file("mlp.keras", &size);
    for (size_t n = 1; n < size; n += n < 100 ? 7 : 1999)
        expect_refused(data, n, "", "");
    expect_refused(data, 1, "neither a zip file", "nor HDF5");
    expect_refused(data, size - 30, "cannot be read as a zip file", "");
    cr_free(data);
    data = read_file("tf2_mlp.h5", &size);
    for (size_t n = 1; n < size; n += n < 100 ? 31 : 1999)
        expect_refused(data, n, "", "");
    cr_free(data);
}

/* The entries of a file of Keras are stored as they are, so their bytes can be found in it. */
static size_t place_of(const char *data, size_t size, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= size; i++)
        if (memcmp(data + i, text, strlen(text)) == 0)
            return i;
    cr_assert(false, "there is no %s", text);
    return 0;
}

Test(keras_damage, checks_the_sum_of_each_entry)
{
    size_t size;
    char *data = read_file("mlp.keras", &size);
    const struct {
        const char *text, *entry;
    } flips[] = {{"\"keras_version\"", "'metadata.json'"},
                 {"\"units\"", "'config.json'"},
                 {"\x89HDF", "'model.weights.h5'"}};
    for (size_t i = 0; i < CR_COUNTOF(flips); i++) {
        char *at = data + place_of(data, size, flips[i].text) + 2;
        *at ^= 4;
        expect_refused(data, size, flips[i].entry, "damaged: CRC error");
        *at ^= 4;
    }
    cr_model *m = cr_keras_import("m.keras", data, size);
    cr_assert(m, "%s", cr_error());
    cr_model_destroy(m);
    cr_free(data);
}

/* Where a bit does no harm the model is read; where it does, it is said. */
Test(keras_damage, survives_bits_that_flip)
{
    static const char *const files[] = {"mlp.keras", "tf2_mlp.h5"};
    for (size_t f = 0; f < CR_COUNTOF(files); f++) {
        size_t size;
        char *data = read_file(files[f], &size);
        const size_t before = cr_alloc_live();
        for (uint32_t i = 0; i < 120; i++) {
            const size_t at = i < 40 ? i * 2 : (size_t)i * 2654435761u % size;
            data[at] ^= (char)(1 << i % 8);
            cr_model *m = cr_keras_import("m.keras", data, size);
            cr_assert(m || strncmp(cr_error(), "m.keras", 7) == 0, "%s", cr_error());
            cr_model_destroy(m);
            cr_assert_eq(cr_alloc_live(), before);
            data[at] ^= (char)(1 << i % 8);
        }
        cr_free(data);
    }
}

/* ---- zip files that were made up ---------------------------------------------------------------
 */

struct entry {
    const char *name, *text;
    size_t size; /* 0: that of the text */
};

/* Zips entries, deflated, into memory. */
static void *zip_of(const struct entry *entries, size_t n, size_t *size)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_source_keep(source);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    for (size_t i = 0; i < n; i++) {
        const size_t length = entries[i].size ? entries[i].size : strlen(entries[i].text);
        cr_assert_geq(zip_file_add(zip, entries[i].name,
                                   zip_source_buffer(zip, entries[i].text, length, 0), 0),
                      0);
    }
    cr_assert_eq(zip_close(zip), 0);
    zip_stat_t st;
    zip_source_stat(source, &st);
    void *data = malloc(st.size);
    zip_source_open(source);
    cr_assert_eq(zip_source_read(source, data, st.size), (zip_int64_t)st.size);
    zip_source_close(source);
    zip_source_free(source);
    *size = st.size;
    return data;
}

static void expect_zip_refused(const struct entry *entries, size_t n, const char *a, const char *b)
{
    size_t size;
    void *data = zip_of(entries, n, &size);
    expect_refused(data, size, a, b);
    free(data);
}

#define METADATA                                                                                   \
    {                                                                                              \
        "metadata.json", "{\"keras_version\": \"3.15.1\"}", 0                                      \
    }
#define CONFIG                                                                                     \
    {                                                                                              \
        "config.json", "{}", 0                                                                     \
    }
#define WEIGHTS                                                                                    \
    {                                                                                              \
        "model.weights.h5", "no HDF5", 0                                                           \
    }
#define EXPECT_ZIP_REFUSED(a, b, ...)                                                              \
    expect_zip_refused((const struct entry[]){__VA_ARGS__},                                        \
                       CR_COUNTOF(((const struct entry[]){__VA_ARGS__})), a, b)

Test(keras_damage, reads_three_entries_by_their_names)
{
    EXPECT_ZIP_REFUSED("no entry 'metadata.json'", "no model of Keras 3", CONFIG, WEIGHTS);
    EXPECT_ZIP_REFUSED("no entry 'config.json'", "", METADATA, WEIGHTS, {"../config.json", "{}", 0},
                       {"/config.json", "{}", 0}, {"config.json/", "", 1},
                       {"CONFIG.JSON", "{}", 0});
    EXPECT_ZIP_REFUSED("no entry 'model.weights.h5'", "", METADATA, CONFIG);
    EXPECT_ZIP_REFUSED("model.weights.h5", "not an HDF5 file", METADATA, CONFIG, WEIGHTS,
                       {"../../etc/passwd", "x", 0});
}

Test(keras_damage, refuses_entries_that_are_there_twice)
{
    size_t size;
    const struct entry entries[] = {METADATA, CONFIG, WEIGHTS, {"config.jsom", "{ }", 0}};
    char *data = zip_of(entries, CR_COUNTOF(entries), &size);
    for (size_t i = 0; i + 11 <= size; i++)
        if (memcmp(data + i, "config.jsom", 11) == 0)
            data[i + 10] = 'n';
    expect_refused(data, size, "more than one entry 'config.json'", "");
    free(data);
}

Test(keras_damage, refuses_other_versions)
{
    EXPECT_ZIP_REFUSED("written by Keras 2.15.0", "save it as such",
                       {"metadata.json", "{\"keras_version\": \"2.15.0\"}", 0}, CONFIG, WEIGHTS);
    EXPECT_ZIP_REFUSED("keras_version is '4.0.0'", "Crisol reads Keras 3",
                       {"metadata.json", "{\"keras_version\": \"4.0.0\"}", 0}, CONFIG, WEIGHTS);
    EXPECT_ZIP_REFUSED("keras_version is ''", "", {"metadata.json", "{\"keras_version\": 3}", 0},
                       CONFIG, WEIGHTS);
    EXPECT_ZIP_REFUSED("keras_version is '?[31m'", "",
                       {"metadata.json", "{\"keras_version\": \"\\u001b[31m\"}", 0}, CONFIG,
                       WEIGHTS);
    EXPECT_ZIP_REFUSED("its metadata.json is no JSON", "of 1", {"metadata.json", "{", 0}, CONFIG,
                       WEIGHTS);
}

/* What is small in the file and large outside of it. */
Test(keras_damage, bounds_what_it_inflates)
{
    enum { LARGE = 300 << 20 };
    char *zeros = calloc(1, LARGE);
    cr_assert(zeros);
    EXPECT_ZIP_REFUSED("'config.json' in it is more than 4194304 bytes", "", METADATA,
                       {"config.json", zeros, 5 << 20}, WEIGHTS);
    EXPECT_ZIP_REFUSED("'metadata.json' in it is more than 65536 bytes", "",
                       {"metadata.json", zeros, 1 << 20}, CONFIG, WEIGHTS);
    EXPECT_ZIP_REFUSED("'model.weights.h5' in it is more than 268435456 bytes", "", METADATA,
                       CONFIG, {"model.weights.h5", zeros, LARGE});
    free(zeros);
}

/* ---- weights that are not the net's ------------------------------------------------------------
 */

/* A file whose config says one thing, and its weights another. */
static void expect_weights_refused(const char *config, cr_h5_writer *w, const char *a,
                                   const char *b)
{
    cr_blob file = {0};
    void *weights = NULL;
    size_t size;
    cr_assert_eq(cr_h5_image(w, &weights, &size), CR_OK, "%s", cr_error());
    char metadata[] = "{\"keras_version\": \"3.0.0\"}", text[1024];
    snprintf(text, sizeof text, "%s", config);
    const cr_keras_entries e = {
        {metadata, strlen(metadata)}, {text, strlen(text)}, {weights, size}};
    cr_assert_eq(cr_keras_zip(&e, &file), CR_OK, "%s", cr_error());
    expect_refused(file.at, file.size, a, b);
    cr_free(file.at);
    cr_free(weights);
    cr_h5_discard(w);
}

static cr_h5_writer *weights(cr_h5_type type, uint64_t rows, uint64_t columns, bool bias)
{
    static const double zeros[64];
    cr_h5_writer *w = cr_h5_create();
    cr_assert(w, "%s", cr_error());
    if (rows)
        cr_h5_dataset(w, "/layers/dense/vars/0", type, 2, (uint64_t[]){rows, columns}, zeros);
    if (bias)
        cr_h5_dataset(w, "/layers/dense/vars/1", type, 1, (uint64_t[]){columns}, zeros);
    return w;
}

static const char dense[] = "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{"
                            "\"name\":\"s\",\"build_input_shape\":[null,4],"
                            "\"layers\":[{\"module\":\"keras.layers\",\"class_name\":\"Dense\","
                            "\"config\":{\"name\":\"d\",\"units\":3}}]}}";

Test(keras_damage, refuses_weights_of_another_net)
{
    expect_weights_refused(dense, weights(CR_H5_F32, 4, 2, true), "layer 'd' (Dense)",
                           "is [4, 2] where the layer has [4, 3]");
    expect_weights_refused(dense, weights(CR_H5_F32, 0, 3, true), "layer 'd' (Dense)",
                           "no /layers/dense/vars/0, its 'kernel'");
    expect_weights_refused(dense, weights(CR_H5_F32, 4, 3, false), "layer 'd' (Dense)",
                           "no /layers/dense/vars/1, its 'bias'");
    cr_h5_writer *w = weights(CR_H5_F32, 4, 3, true);
    cr_h5_dataset(w, "/layers/dense/vars/2", CR_H5_F32, 1, (uint64_t[]){1}, &(float){0});
    expect_weights_refused(dense, w, "/layers/dense/vars/2", "should not have");
    w = cr_h5_create();
    cr_h5_group(w, "/layers/dense/vars/0");
    expect_weights_refused(dense, w, "layer 'd' (Dense): its 'kernel'", "no array of numbers");
}

/* Keras saves such a layer once, where it came to it first, and cannot load the file. */
Test(keras_damage, tells_of_layers_that_models_share)
{
    expect_weights_refused(
        "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\","
        "\"build_input_shape\":[null,4],\"layers\":[{\"module\":\"keras.layers\",\"class_name\":"
        "\"Dense\",\"config\":{\"name\":\"d\",\"units\":3},\"shared_object_id\":1}]}}",
        weights(CR_H5_F32, 0, 3, true), "layer 'd' (Dense) is shared", "save the model as .h5");
}

/* Numbers that no machine has the memory for are refused before any is asked for. */
Test(keras_damage, allocates_nothing_on_a_lie)
{
    expect_weights_refused(
        "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\","
        "\"build_input_shape\":[null,2147483647],\"layers\":[{\"module\":\"keras.layers\",\"class_"
        "name\":"
        "\"Dense\",\"config\":{\"name\":\"d\",\"units\":16777216}}]}}",
        weights(CR_H5_F32, 4, 3, true), "", "");
}
