/* model_file.c - models in HDF5 files (docs/files.md). */
#include "model_file.h"

#include <inttypes.h>
#include <xxhash.h>

#include "view.h"

enum { VERSION = 1 }; /* of the format; a file of a newer one is not read */
static const char sum_name[] = "xxh3_64";

/* A checksum as text: 16 hexadecimal digits. */
enum { SUM_TEXT = 17 };
static const char *sum_text(uint64_t sum, char *buf)
{
    snprintf(buf, SUM_TEXT, "%016" PRIx64, sum);
    return buf;
}

/* Of an attribute. Those of a group are added up, so that their order does not matter. */
static uint64_t sum_of_attribute(const char *name, const char *const *text, uint32_t n)
{
    uint64_t sum = XXH3_64bits(name, strlen(name) + 1);
    for (uint32_t i = 0; i < n; i++)
        sum = XXH3_64bits_withSeed(text[i], strlen(text[i]) + 1, sum);
    return sum;
}

/* ---- writing --------------------------------------------------------------------------------- */

cr_status cr_model_write_tensor(cr_h5_writer *w, const char *folder, const cr_tensor *t)
{
    static const cr_h5_type types[] = {
        [CR_F32] = CR_H5_F32, [CR_I32] = CR_H5_I32, [CR_U8] = CR_H5_U8, [CR_BOOL] = CR_H5_U8};
    uint64_t dim[CR_MAX_RANK], bytes;
    char path[2048], sum[SUM_TEXT];
    if (!cr_tensor_name_is_sound(t->name) || !cr_tensor_bytes(t->dtype, &t->shape, &bytes))
        return cr_fail(CR_E_ARGUMENT, "\"%.200s\" cannot be the name of a tensor in a file",
                       t->name);
    for (int i = 0; i < t->shape.rank; i++)
        dim[i] = (uint64_t)t->shape.dim[i];
    snprintf(path, sizeof path, "%s/%s", folder, t->name);
    CR_TRY(cr_h5_dataset(w, path, types[t->dtype], (uint32_t)t->shape.rank, dim, t->data));
    if (t->dtype == CR_BOOL)
        CR_TRY(cr_h5_set_text(w, path, "type", "bool"));
    return cr_h5_set_text(w, path, sum_name, sum_text(XXH3_64bits(t->data, bytes), sum));
}

cr_status cr_model_write_notes(cr_h5_writer *w, const char *group, const cr_note *note, uint32_t n)
{
    uint64_t sum = 0;
    char text[SUM_TEXT];
    for (uint32_t i = 0; i < n; i++) {
        CR_TRY(cr_h5_set_text(w, group, note[i].name, note[i].text));
        sum += sum_of_attribute(note[i].name, &note[i].text, 1);
    }
    return cr_h5_set_text(w, group, sum_name, sum_text(sum, text));
}

/* "u8 28 28 1" */
static void x_text(const cr_model *m, char *buf, size_t size)
{
    int n = snprintf(buf, size, "%s", cr_dtype_name(m->x_dtype));
    for (int i = 0; i < m->x_shape.rank; i++)
        n += snprintf(buf + n, size - (size_t)n, " %lld", (long long)m->x_shape.dim[i]);
}

/* What a net is made of is few words, so that all is in attributes of the root. */
static cr_status write_root(cr_h5_writer *w, const cr_model *m, const char *kind)
{
    char x[256];
    char *net = m->graph ? NULL : cr_net_print(&m->net);
    if (!m->graph && !net)
        return CR_E_MEMORY;
    x_text(m, x, sizeof x);
    cr_note note[4] = {{"crisol", kind}, {"version", "1"}};
    uint32_t n = 2;
    note[n++] = net ? (cr_note){"net", net} : (cr_note){"graph", m->graph};
    if (m->has_x)
        note[n++] = (cr_note){"x", x};
    cr_status status = cr_model_write_notes(w, "/", note, n);
    cr_string_free(net);
    return status;
}

static cr_status write_words(cr_h5_writer *w, const cr_model *m)
{
    char text[SUM_TEXT];
    uint64_t sum = 0;
    CR_TRY(cr_h5_group(w, "/words"));
    for (uint32_t i = 0; i < m->list.len; i++) {
        const cr_word_list *l = &m->list.at[i];
        CR_TRY(cr_h5_set_texts(w, "/words", l->name, l->words.word, l->words.n));
        sum += sum_of_attribute(l->name, l->words.word, l->words.n);
    }
    return cr_h5_set_text(w, "/words", sum_name, sum_text(sum, text));
}

static cr_status write_model(cr_h5_writer *w, const cr_model *m, const char *kind)
{
    CR_TRY(write_root(w, m, kind));
    CR_TRY(write_words(w, m));
    CR_TRY(cr_h5_group(w, "/notes"));
    CR_TRY(cr_model_write_notes(w, "/notes", m->note.at, m->note.len));
    CR_TRY(cr_h5_group(w, "/weights"));
    for (uint32_t i = 0; i < m->tensor.len; i++)
        CR_TRY(cr_model_write_tensor(w, "/weights", &m->tensor.at[i]));
    return CR_OK;
}

cr_h5_writer *cr_model_begin(const cr_model *m, const char *kind)
{
    cr_h5_writer *w = cr_h5_create();
    if (w && write_model(w, m, kind) == CR_OK)
        return w;
    cr_h5_discard(w);
    return NULL;
}

cr_status cr_model_end(cr_h5_writer *w, const char *path)
{
    void *image;
    size_t size;
    cr_status status = cr_h5_image(w, &image, &size);
    cr_h5_discard(w);
    if (status == CR_OK)
        status = cr_file_write(path, image, size);
    cr_free(image);
    return status;
}

cr_status cr_model_save(const cr_model *m, const char *path)
{
    if (!m || !path)
        return cr_fail(CR_E_ARGUMENT, "model: %s is NULL", m ? "the file's name" : "the model");
    cr_h5_writer *w = cr_model_begin(m, "model");
    return w ? cr_model_end(w, path) : cr_last_status();
}

/* ---- tensors of a file ----------------------------------------------------------------------- */

static cr_status damaged(const cr_h5 *h, const char *what, const char *path, const char *why)
{
    return cr_fail(CR_E_IO, "%s: %s %s is damaged: %s", cr_h5_name(h), what, path, why);
}

/* Type and shape, of a data set that can be read. */
static cr_status describe(const cr_h5 *h, const cr_h5_node *node, cr_tensor *t)
{
    uint64_t bytes;
    const char *type = cr_h5_text(h, node->path, "type");
    CR_TRY(cr_h5_check(h, node));
    t->shape.rank = (int32_t)node->rank;
    for (uint32_t i = 0; i < node->rank; i++)
        t->shape.dim[i] = node->dim[i] <= INT64_MAX ? (int64_t)node->dim[i] : 0;
    switch (node->type) {
    case CR_H5_F32: t->dtype = CR_F32; break;
    case CR_H5_I32: t->dtype = CR_I32; break;
    case CR_H5_U8: t->dtype = type && strcmp(type, "bool") == 0 ? CR_BOOL : CR_U8; break;
    default:
        return cr_fail(CR_E_IO, "%s: data set %s is of type %s; weights are f32, i32 or u8",
                       cr_h5_name(h), node->path, cr_h5_type_name(node->type));
    }
    if (!cr_tensor_bytes(t->dtype, &t->shape, &bytes) || bytes != node->bytes)
        return damaged(h, "data set", node->path, "it has no elements");
    return CR_OK;
}

/* A data set that somebody else has written may have no checksum; a wrong one is damage. */
static cr_status read_tensor(cr_h5 *h, const cr_h5_node *node, const char *name, cr_model *m)
{
    cr_tensor t;
    uint64_t sum;
    char text[SUM_TEXT];
    CR_TRY(describe(h, node, &t));
    void *data = cr_model_new_tensor(m, name, t.dtype, t.shape);
    if (!data)
        return cr_fail(cr_last_status(), "%s: data set %s: %s", cr_h5_name(h), node->path,
                       cr_error());
    CR_TRY(cr_h5_read_sum(h, node, data, node->bytes, &sum));
    const char *noted = cr_h5_text(h, node->path, sum_name);
    if (noted && strcmp(noted, sum_text(sum, text)) != 0)
        return damaged(h, "data set", node->path, "its checksum is another");
    return CR_OK;
}

/* The data set of that name below another folder; NULL: there is none. */
static const cr_h5_node *find_below(const cr_h5 *h, const char *folder, const char *name)
{
    char path[2048];
    if (!folder)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const cr_h5_node *node = cr_h5_find(h, path);
    return node && node->dataset ? node : NULL;
}

cr_status cr_model_read_tensors(cr_h5 *h, const char *folder, const char *instead, cr_model *m)
{
    const size_t n = strlen(folder);
    for (uint32_t i = 0; i < cr_h5_count(h); i++) {
        const cr_h5_node *node = cr_h5_at(h, i);
        if (!node->dataset || strncmp(node->path, folder, n) != 0 || node->path[n] != '/')
            continue;
        const char *name = node->path + n + 1;
        const cr_h5_node *other = find_below(h, instead, name);
        CR_TRY(read_tensor(h, other ? other : node, name, m));
    }
    return CR_OK;
}

/* ---- words of a file ------------------------------------------------------------------------- */

/* The texts of a group, all but their checksum, which must fit where it is there. */
static cr_status check_texts(const cr_h5 *h, const char *group)
{
    uint64_t sum = 0;
    char text[SUM_TEXT];
    const char *noted = cr_h5_text(h, group, sum_name);
    for (uint32_t i = 0; i < cr_h5_attributes(h, group); i++) {
        const char *name = cr_h5_attribute_name(h, group, i);
        uint32_t n;
        const char *const *texts = cr_h5_texts(h, group, name, &n);
        if (texts && strcmp(name, sum_name) != 0)
            sum += sum_of_attribute(name, texts, n);
    }
    if (noted && strcmp(noted, sum_text(sum, text)) != 0)
        return damaged(h, "group", group, "the checksum of its attributes is another");
    return CR_OK;
}

cr_status cr_model_read_notes(cr_h5 *h, const char *group, cr_model *m)
{
    CR_TRY(check_texts(h, group));
    for (uint32_t i = 0; i < cr_h5_attributes(h, group); i++) {
        const char *name = cr_h5_attribute_name(h, group, i);
        const char *text = cr_h5_text(h, group, name);
        if (text && strcmp(name, sum_name) != 0)
            CR_TRY(cr_model_set_note(m, name, text));
    }
    return CR_OK;
}

cr_status cr_model_check_file(const cr_h5 *h)
{
    const char *kind = cr_h5_text(h, "/", "crisol"), *version = cr_h5_text(h, "/", "version");
    if (!kind)
        return cr_fail(CR_E_IO,
                       "%s: it is an HDF5 file, but holds no model of Crisol's (the attribute "
                       "'crisol' is missing)%s",
                       cr_h5_name(h),
                       cr_h5_text(h, "/", "model_config") || cr_h5_text(h, "/", "keras_version")
                           ? "; models of Keras are read by crisol import"
                           : "");
    if (!version || strtol(version, NULL, 10) > VERSION)
        return cr_fail(CR_E_LIMIT,
                       "%s: its format is of version %.20s, and this Crisol reads those up to %d",
                       cr_h5_name(h), version ? version : "?", VERSION);
    return check_texts(h, "/");
}

/* "u8 28 28 1" */
static cr_status read_x(const cr_h5 *h, cr_model *m)
{
    const char *text = cr_h5_text(h, "/", "x"), *at = text;
    cr_shape shape = {0};
    int dtype = 0;
    if (!text)
        return CR_OK;
    while (dtype < CR_DTYPE_COUNT &&
           strncmp(at, cr_dtype_name((cr_dtype)dtype), strlen(cr_dtype_name((cr_dtype)dtype))) != 0)
        dtype++;
    at += dtype < CR_DTYPE_COUNT ? strlen(cr_dtype_name((cr_dtype)dtype)) : strlen(at);
    for (char *end; *at == ' ' && shape.rank < CR_MAX_RANK; at = end)
        shape.dim[shape.rank++] = strtoll(at, &end, 10);
    if (*at || dtype == CR_DTYPE_COUNT || cr_model_set_x(m, (cr_dtype)dtype, shape) != CR_OK)
        return cr_fail(CR_E_IO, "%s: its samples, '%.100s', are no type and shape", cr_h5_name(h),
                       text);
    return CR_OK;
}

static cr_status read_words(const cr_h5 *h, cr_model *m)
{
    CR_TRY(check_texts(h, "/words"));
    for (uint32_t i = 0; i < cr_h5_attributes(h, "/words"); i++) {
        const char *name = cr_h5_attribute_name(h, "/words", i);
        cr_words words = {0};
        words.word = cr_h5_texts(h, "/words", name, &words.n);
        if (words.word && strcmp(name, sum_name) != 0)
            CR_TRY(cr_model_set_words(m, name, words));
    }
    return CR_OK;
}

static cr_model *create_of_net(const char *text)
{
    cr_net net;
    if (cr_net_parse(text, &net) != CR_OK)
        return NULL;
    cr_model *m = cr_model_create(&net);
    cr_net_finish(&net);
    return m;
}

static cr_model *create(const cr_h5 *h)
{
    const char *net = cr_h5_text(h, "/", "net"), *graph = cr_h5_text(h, "/", "graph");
    if (!net && !graph)
        return cr_fail(CR_E_IO, "%s: it has neither a net nor a graph", cr_h5_name(h)), NULL;
    cr_model *m = net ? create_of_net(net) : cr_model_create_of_graph(graph);
    if (!m)
        cr_fail(cr_last_status(), "%s: its %s: %s", cr_h5_name(h), net ? "net" : "graph",
                cr_error());
    return m;
}

cr_model *cr_model_read(cr_h5 *h, bool best)
{
    if (cr_model_check_file(h) != CR_OK)
        return NULL;
    cr_model *m = create(h);
    if (m && (m->from = cr_arena_strdup(&m->arena, cr_h5_name(h))) && read_x(h, m) == CR_OK &&
        read_words(h, m) == CR_OK && cr_model_read_notes(h, "/notes", m) == CR_OK &&
        cr_model_read_tensors(h, "/weights", best ? "/best/weights" : NULL, m) == CR_OK)
        return m;
    cr_model_destroy(m);
    return NULL;
}

static cr_model *read_and_close(cr_h5 *h)
{
    cr_model *m = h ? cr_model_read(h, true) : NULL;
    cr_h5_close(h);
    return m;
}

cr_model *cr_model_load(const char *path)
{
    return read_and_close(cr_h5_open(path));
}

cr_model *cr_model_load_memory(const char *shown_name, const void *data, size_t size)
{
    return read_and_close(cr_h5_open_memory(shown_name, data, size));
}

/* A zip is Keras's; an HDF5 file may be ours. Messages are those of the reader that it is for. */
cr_model *cr_model_open(const char *path)
{
    char head[4];
    if (cr_view_head(path, head, sizeof head) != CR_OK)
        return NULL;
    if (memcmp(head, "PK\3\4", sizeof head) == 0)
        return cr_model_import_keras(path);
    cr_h5 *h = cr_h5_open(path);
    const bool ours = h && cr_h5_text(h, "/", "crisol");
    const bool keras = h && !ours && cr_h5_text(h, "/", "model_config");
    if (keras) {
        cr_h5_close(h);
        return cr_model_import_keras(path);
    }
    return read_and_close(h);
}
