/* keras_zip.c - the zip files that Keras 3 writes: three entries, by their exact names. What else
 * is in a file is not looked at, so it may be named as it likes. */
#include <zip.h>

#include "keras.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* An entry may say of itself what it likes; it is inflated piece by piece, and no further than
 * this: `most`, or of larger ones so many times what is stored. Keras stores them as they are. */
enum { PIECE = 1 << 20, RATIO = 100 };

struct entry {
    zip_t *zip;
    const char *file, *name;
    uint64_t most;
};

static cr_status damaged(const struct entry *e, const char *why)
{
    return cr_fail(CR_E_IO, "%s: '%s' in it is damaged: %s", e->file, e->name, why);
}

/* Its number. An entry that is there twice would be one to us and another to Keras. */
static cr_status find(const struct entry *e, zip_uint64_t *index)
{
    const zip_int64_t n = zip_get_num_entries(e->zip, 0);
    uint32_t found = 0;
    for (zip_uint64_t i = 0; i < (zip_uint64_t)CR_MAX(n, 0); i++) {
        const char *name = zip_get_name(e->zip, i, ZIP_FL_ENC_RAW);
        if (name && strcmp(name, e->name) == 0) {
            *index = i;
            found++;
        }
    }
    if (found == 1)
        return CR_OK;
    return cr_fail(CR_E_IO, "%s: %s '%s' in it, so it is no model of Keras 3", e->file,
                   found ? "more than one entry" : "there is no entry", e->name);
}

/* The whole entry; its end is read too, since libzip checks the CRC there. */
static cr_status inflate_entry(const struct entry *e, zip_file_t *f, uint64_t limit, cr_blob *out)
{
    uint64_t cap = 0;
    for (;;) {
        if (out->size == cap) {
            const uint64_t more = CR_MIN(CR_MAX(2 * cap, PIECE), limit + 1);
            char *at = cr_realloc(out->at, cap, more + 1); /* a zero follows */
            if (!at)
                return CR_E_MEMORY;
            out->at = at;
            cap = more;
        }
        const zip_int64_t n = zip_fread(f, out->at + out->size, cap - out->size);
        if (n < 0)
            return damaged(e, zip_file_strerror(f));
        if (n == 0)
            return CR_OK;
        out->size += (uint64_t)n;
        if (out->size > limit)
            return cr_fail(CR_E_LIMIT,
                           "%s: '%s' in it is more than %llu bytes, which is more than Crisol "
                           "reads of what is stored there",
                           e->file, e->name, (unsigned long long)limit);
    }
}

static cr_status read_entry(const struct entry *e, cr_blob *out)
{
    zip_uint64_t index = 0;
    zip_stat_t st;
    CR_TRY(find(e, &index));
    if (zip_stat_index(e->zip, index, 0, &st) != 0)
        return damaged(e, zip_strerror(e->zip));
    uint64_t limit = e->most, stored = 0;
    if (st.valid & ZIP_STAT_COMP_SIZE && cr_mul_size(st.comp_size, RATIO, &stored))
        limit = CR_MAX(limit, CR_MIN(stored, SIZE_MAX / 4));
    if (e->most < PIECE * 8u)
        limit = e->most; /* texts have no need to be larger */
    zip_file_t *f = zip_fopen_index(e->zip, index, 0);
    if (!f)
        return damaged(e, zip_strerror(e->zip));
    const cr_status status = inflate_entry(e, f, limit, out);
    zip_fclose(f);
    return status;
}

static cr_status read_entries(zip_t *zip, const char *file, cr_keras_entries *out)
{
    const struct entry metadata = {zip, file, "metadata.json", 1u << 16};
    const struct entry config = {zip, file, "config.json", CR_KERAS_MAX_CONFIG};
    const struct entry weights = {zip, file, "model.weights.h5", 1u << 28};
    CR_TRY(read_entry(&metadata, &out->metadata));
    CR_TRY(read_entry(&config, &out->config));
    return read_entry(&weights, &out->weights);
}

/* Takes the source. */
static cr_status read_source(zip_source_t *source, const char *file, cr_keras_entries *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_t *zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    cr_status status = CR_OK;
    if (!zip) {
        status = cr_fail(CR_E_IO, "%s: cannot be read as a zip file, as .keras files are: %s", file,
                         zip_error_strerror(&error));
        zip_source_free(source);
    } else {
        status = read_entries(zip, file, out);
        zip_discard(zip);
    }
    zip_error_fini(&error);
    return status;
}

cr_status cr_keras_unzip(const char *shown_name, const void *data, size_t size,
                         cr_keras_entries *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = data ? zip_source_buffer_create(data, size, 0, &error)
                                : zip_source_file_create(shown_name, 0, -1, &error);
    cr_status status = CR_OK;
    if (!source)
        status = cr_fail(CR_E_IO, "%s: cannot open: %s", shown_name, zip_error_strerror(&error));
    zip_error_fini(&error);
    memset(out, 0, sizeof *out);
    if (status == CR_OK)
        status = read_source(source, shown_name, out);
    if (status != CR_OK)
        cr_keras_entries_finish(out);
    return status;
}

void cr_keras_entries_finish(cr_keras_entries *e)
{
    cr_free(e->metadata.at);
    cr_free(e->config.at);
    cr_free(e->weights.at);
    memset(e, 0, sizeof *e);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Stored, not compressed, as Keras does it; the time is one for all files (the first that a zip
 * file can say), so that the same model gives the same bytes. */
static bool add_entry(zip_t *zip, const char *name, cr_blob text)
{
    const zip_uint16_t new_year_1980 = 1 << 5 | 1; /* month and day */
    zip_source_t *source = zip_source_buffer(zip, text.at, text.size, 0);
    const zip_int64_t index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0)
        zip_source_free(source);
    return index >= 0 && zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)index, 0, new_year_1980, 0) == 0;
}

static bool add_entries(zip_t *zip, const cr_keras_entries *e)
{
    return add_entry(zip, "metadata.json", e->metadata) &&
           add_entry(zip, "config.json", e->config) &&
           add_entry(zip, "model.weights.h5", e->weights);
}

/* What was written to the source. */
static cr_status take(zip_source_t *source, cr_blob *out)
{
    zip_stat_t st;
    if (zip_source_stat(source, &st) != 0 || !(st.valid & ZIP_STAT_SIZE) ||
        zip_source_open(source) != 0)
        return cr_fail(CR_E_IO, "%s", zip_error_strerror(zip_source_error(source)));
    out->at = cr_alloc(st.size);
    out->size = st.size;
    const bool ok = out->at && zip_source_read(source, out->at, st.size) == (zip_int64_t)st.size;
    const cr_status status =
        ok ? CR_OK
           : (out->at ? cr_fail(CR_E_IO, "%s", zip_error_strerror(zip_source_error(source)))
                      : CR_E_MEMORY);
    zip_source_close(source);
    return status;
}

static cr_status zip_to(zip_source_t *source, const cr_keras_entries *e, cr_blob *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_keep(source); /* zip_close lets go of it */
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, &error);
    cr_status status = CR_OK;
    if (!zip) {
        zip_source_free(source);
        status = cr_fail(CR_E_MEMORY, "%s", zip_error_strerror(&error));
    } else if (!add_entries(zip, e) || zip_close(zip) != 0) {
        status = cr_fail(CR_E_IO, "cannot zip: %s", zip_strerror(zip));
        zip_discard(zip);
    } else {
        status = take(source, out);
    }
    zip_error_fini(&error);
    return status;
}

cr_status cr_keras_zip(const cr_keras_entries *e, cr_blob *out)
{
    zip_error_t error;
    zip_error_init(&error);
    memset(out, 0, sizeof *out);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    cr_status status =
        source ? zip_to(source, e, out) : cr_fail(CR_E_MEMORY, "%s", zip_error_strerror(&error));
    zip_source_free(source);
    zip_error_fini(&error);
    if (status != CR_OK) {
        cr_free(out->at);
        memset(out, 0, sizeof *out);
    }
    return status;
}
