/* keras_import.c - a file of Keras to a model: which of its formats it is, and of which version. */
#include "keras.h"
#include "model_file.h"
#include "view.h"

struct source {
    const char *file; /* for messages, and to be opened where there are no bytes */
    const void *data;
    size_t size;
};

/* ---- versions -------------------------------------------------------------------------------- */

/* "3.15.1" is 3. What is newer than those that are known may mean something else. */
static cr_status read_version(const char *file, const char *text, int low, int *out)
{
    *out = text && text[0] >= '0' && text[0] <= '9' && text[1] == '.' ? text[0] - '0' : 0;
    if (*out >= low && *out <= 3)
        return CR_OK;
    char shown[24];
    snprintf(shown, sizeof shown, "%s", text ? text : "");
    for (char *c = shown; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    if (low == 3 && *out == 2)
        return cr_fail(CR_E_ARGUMENT,
                       "%s: written by Keras %s: Crisol reads .keras files of Keras 3, "
                       "and of Keras 2 those that end in .h5; save it as such",
                       file, shown);
    return cr_fail(CR_E_ARGUMENT, "%s: keras_version is '%s': Crisol reads Keras %s", file, shown,
                   low == 3 ? "3" : "2 and 3");
}

/* ---- from a config and weights -----------------------------------------------------------------
 */

static cr_status make_model(cr_keras *k, const cr_net *net, cr_h5 *h, cr_model **out)
{
    *out = cr_model_create(net);
    if (!*out)
        return cr_last_status();
    (*out)->from = cr_arena_strdup(&(*out)->arena, k->file);
    const cr_status status = (*out)->from ? cr_keras_weights(k, net, h, *out) : CR_E_MEMORY;
    if (status != CR_OK) {
        cr_model_destroy(*out);
        *out = NULL;
    }
    return status;
}

static cr_status translate(const char *file, int version, bool h5, const char *config, size_t size,
                           cr_h5 *h, cr_model **out)
{
    cr_keras k;
    cr_net net = {0};
    cr_status status = cr_keras_read(&k, file, version, h5, config, size);
    if (status == CR_OK)
        status = cr_keras_net(&k, &net);
    if (status == CR_OK)
        status = make_model(&k, &net, h, out);
    cr_net_finish(&net);
    cr_keras_finish(&k);
    return status;
}

/* ---- .keras ---------------------------------------------------------------------------------- */

static cr_status zip_version(const char *file, const cr_keras_entries *e)
{
    int version;
    cJSON *metadata = cr_keras_json(file, "its metadata.json", e->metadata.at, e->metadata.size);
    if (!metadata)
        return cr_last_status();
    const cr_status status =
        read_version(file, cr_json_text(metadata, "keras_version"), 3, &version);
    cJSON_Delete(metadata);
    return status;
}

static cr_status import_entries(const char *file, const cr_keras_entries *e, cr_model **out)
{
    CR_TRY(zip_version(file, e));
    cr_strbuf name = {0};
    cr_str_printf(&name, "%s: model.weights.h5", file);
    cr_h5 *h =
        name.failed ? NULL : cr_h5_open_memory(cr_str_text(&name), e->weights.at, e->weights.size);
    const cr_status status =
        h ? translate(file, 3, false, e->config.at, e->config.size, h, out) : cr_last_status();
    cr_h5_close(h);
    cr_str_finish(&name);
    return status;
}

static cr_status import_zip(const struct source *s, cr_model **out)
{
    cr_keras_entries e;
    CR_TRY(cr_keras_unzip(s->file, s->data, s->size, &e));
    const cr_status status = import_entries(s->file, &e, out);
    cr_keras_entries_finish(&e);
    return status;
}

/* ---- .h5 ------------------------------------------------------------------------------------- */

static cr_status import_open_h5(const char *file, cr_h5 *h, cr_model **out)
{
    int version;
    const char *config = cr_h5_text(h, "/", "model_config");
    const char *text = cr_h5_text(h, "/", "keras_version");
    if (!config || !cr_h5_find(h, "/model_weights"))
        return cr_fail(CR_E_ARGUMENT,
                       "%s: no model of Keras, which has 'model_config' and 'model_weights'; "
                       "weights alone do not say what they are of",
                       file);
    if (!text)
        text = cr_h5_text(h, "/model_weights", "keras_version");
    CR_TRY(read_version(file, text, 2, &version));
    return translate(file, version, true, config, strlen(config), h, out);
}

static cr_status import_h5(const struct source *s, cr_model **out)
{
    cr_h5 *h = s->data ? cr_h5_open_memory(s->file, s->data, s->size) : cr_h5_open(s->file);
    const cr_status status = h ? import_open_h5(s->file, h, out) : cr_last_status();
    cr_h5_close(h);
    return status;
}

/* ---- which ----------------------------------------------------------------------------------- */

/* What tells the formats apart. */
static cr_status first_bytes(const struct source *s, char out[4])
{
    memset(out, 0, 4);
    if (s->data) {
        memcpy(out, s->data, CR_MIN(s->size, 4u));
        return CR_OK;
    }
    return cr_view_head(s->file, out, 4);
}

cr_model *cr_keras_import(const char *file, const void *data, size_t size)
{
    const struct source s = {file, data, size};
    cr_model *model = NULL;
    char first[4];
    if (first_bytes(&s, first) != CR_OK)
        return NULL;
    cr_status status = CR_OK;
    if (memcmp(first, "PK", 2) == 0)
        status = import_zip(&s, &model);
    else if (memcmp(first, "\x89HDF", 4) == 0)
        status = import_h5(&s, &model);
    else
        status = cr_fail(CR_E_IO, "%s: neither a zip file, as .keras files are, nor HDF5", file);
    return status == CR_OK ? model : NULL;
}

cr_model *cr_model_import_keras(const char *path)
{
    return cr_keras_import(path, NULL, 0);
}
