/* h5_listing.c - reads what a child says about a file (h5_wire.h). The child may have been misled
 * by the file, or worse, so that nothing of it is believed: what is not as it must be is an error,
 * and nothing is allocated but for bytes that are there. */
#include "h5_wire.h"

typedef struct reader {
    cr_h5 *h;
    const unsigned char *at, *end;
    uint64_t file_size;
    bool failed; /* and the diagnostic is set */
} reader;

static bool damaged(reader *r, const char *what)
{
    if (!r->failed)
        cr_fail(CR_E_IO, "%s: it is damaged: %s", r->h->name, what);
    r->failed = true;
    return false;
}

static bool out_of_memory(reader *r)
{
    r->failed = true;
    return false;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static bool get(reader *r, void *out, uint64_t n)
{
    if (r->failed)
        return false;
    if ((uint64_t)(r->end - r->at) < n)
        return damaged(r, "libhdf5 fails at reading it");
    memcpy(out, r->at, n);
    r->at += n;
    return true;
}

static unsigned get_u8(reader *r)
{
    uint8_t byte = 0;
    get(r, &byte, 1);
    return byte;
}

static uint32_t get_u32(reader *r)
{
    uint32_t value = 0;
    get(r, &value, sizeof value);
    return value;
}

static uint64_t get_u64(reader *r)
{
    uint64_t value = 0;
    get(r, &value, sizeof value);
    return value;
}

/* n bytes, aligned for any type; NULL on failure. */
static void *get_block(reader *r, uint64_t n)
{
    if (r->failed || (uint64_t)(r->end - r->at) < n)
        return damaged(r, "libhdf5 fails at reading it"), NULL;
    char *block = cr_arena_alloc(&r->h->arena, n + 1);
    if (!block)
        return out_of_memory(r), NULL;
    get(r, block, n);
    return block;
}

/* A text that ends at its first zero; NULL on failure. */
static char *get_text(reader *r)
{
    return get_block(r, get_u32(r));
}

/* A name: something is there, and nothing that would disturb a message. */
static char *get_name(reader *r)
{
    uint32_t n = get_u32(r);
    char *name = n <= CR_H5_MAX_PATH ? get_block(r, n) : NULL;
    if (!name)
        return damaged(r, "a name is too long"), NULL;
    for (uint32_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127)
            return damaged(r, "a name has control characters"), NULL;
    return n ? name : (damaged(r, "a name is empty"), NULL);
}

static const char **get_texts(reader *r, uint32_t *n)
{
    *n = get_u32(r);
    if (*n > CR_H5_MAX_TEXTS || *n > (uint64_t)(r->end - r->at) / sizeof(uint32_t))
        return damaged(r, "there are more texts than bytes"), NULL;
    const char **all = cr_arena_alloc(&r->h->arena, (*n + 1) * sizeof *all);
    if (!all)
        return out_of_memory(r), NULL;
    for (uint32_t i = 0; i < *n; i++)
        if (!(all[i] = get_text(r)))
            return NULL;
    return all;
}

/* ---- objects --------------------------------------------------------------------------------- */

static bool get_shape(reader *r, cr_h5_node *node)
{
    uint64_t n = 1;
    node->type = get_u8(r);
    node->swapped = get_u8(r);
    node->rank = get_u8(r);
    if (node->type > CR_H5_OTHER || node->rank > CR_H5_MAX_RANK)
        return damaged(r, "an object has no shape that there is");
    for (uint32_t i = 0; i < node->rank; i++) {
        node->dim[i] = get_u64(r);
        if (!cr_mul_size(n, node->dim[i], &n))
            return damaged(r, "a data set is larger than any file");
    }
    if (!cr_mul_size(n, cr_h5_type_size(node->type), &node->bytes))
        return damaged(r, "a data set is larger than any file");
    return !r->failed;
}

/* What lies beyond the file's end is refused only when it is asked for: the rest may be sound. */
static void place_in_file(reader *r, cr_h5_node *node)
{
    node->offset = get_u64(r);
    if (node->bytes <= r->file_size && node->offset <= r->file_size - node->bytes)
        return;
    node->where = CR_H5_REFUSED;
    node->kept = "it reaches beyond the file's end";
}

static bool get_where(reader *r, cr_h5_node *node)
{
    node->where = get_u8(r);
    switch ((cr_h5_where)node->where) {
    case CR_H5_IN_FILE: place_in_file(r, node); break;
    case CR_H5_LATER:
        if (node->bytes / CR_H5_MAX_EXPANSION > r->file_size) {
            node->where = CR_H5_REFUSED;
            node->kept = "it claims more bytes than the file can hold";
        }
        break;
    case CR_H5_KEPT:
        if (get_u64(r) != node->bytes || node->bytes > CR_H5_MAX_KEPT)
            return damaged(r, "a data set is of another size than its shape says");
        node->kept = get_block(r, node->bytes);
        break;
    case CR_H5_KEPT_TEXTS:
        if (node->type != CR_H5_TEXT)
            return damaged(r, "numbers come as texts");
        node->kept = get_texts(r, &node->texts);
        break;
    case CR_H5_REFUSED: node->kept = get_text(r); break;
    default: return damaged(r, "libhdf5 fails at reading it");
    }
    return !r->failed;
}

/* FNV-1a of a path. */
static uint64_t path_hash(const char *path)
{
    return cr_hash(CR_HASH_SEED, path, strlen(path));
}

static bool get_object(reader *r)
{
    cr_h5 *h = r->h;
    cr_h5_node node = {.first_attribute = h->attribute.len};
    node.path = get_name(r);
    node.dataset = get_u8(r);
    if (r->failed)
        return false;
    if (node.path[0] != '/' || h->node.len >= CR_H5_MAX_OBJECTS)
        return damaged(r, "an object is nowhere");
    if (cr_h5_find(h, node.path))
        return damaged(r, "two objects have the same name");
    if (node.dataset && (!get_shape(r, &node) || !get_where(r, &node)))
        return false;
    if (!cr_vec_push(&h->node, node) || !cr_map_put(&h->by_path, path_hash(node.path), h->node.len))
        return out_of_memory(r);
    return true;
}

static bool get_attribute(reader *r)
{
    cr_h5 *h = r->h;
    cr_h5_attribute a = {.name = get_name(r)};
    unsigned type = get_u8(r);
    if (h->node.len == 0 || h->attribute.len >= CR_H5_MAX_ATTRIBUTES || type >= CR_H5_OTHER)
        return damaged(r, "an attribute is nowhere");
    a.text = type == CR_H5_TEXT;
    if (a.text) {
        a.at = get_texts(r, &a.n);
    } else {
        a.n = get_u32(r);
        a.at = get_block(r, (uint64_t)a.n * sizeof(double));
    }
    if (r->failed)
        return false;
    if (!cr_vec_push(&h->attribute, a))
        return out_of_memory(r);
    h->node.at[h->node.len - 1].nattributes++;
    return true;
}

static bool get_failure(reader *r)
{
    bool damage = get_u8(r);
    const char *why = get_text(r);
    if (why && damage)
        damaged(r, why);
    else if (why)
        cr_fail(CR_E_LIMIT, "%s: %s", r->h->name, why);
    r->failed = true;
    return false;
}

/* True at the end of a sound listing. */
static bool get_all(reader *r)
{
    char magic[sizeof CR_H5_MAGIC - 1];
    if (!get(r, magic, sizeof magic) || memcmp(magic, CR_H5_MAGIC, sizeof magic) != 0)
        return damaged(r, "libhdf5 fails at opening it");
    for (;;) {
        unsigned kind = get_u8(r);
        if (!r->failed && kind == CR_H5_END)
            return true;
        bool ok = kind == CR_H5_OBJECT      ? get_object(r)
                  : kind == CR_H5_ATTRIBUTE ? get_attribute(r)
                  : kind == CR_H5_FAILED    ? get_failure(r)
                                            : damaged(r, "libhdf5 fails at reading it");
        if (!ok)
            return false;
    }
}

cr_h5 *cr_h5_listing_parse(const char *shown_name, const void *listing, size_t size,
                           uint64_t file_size)
{
    cr_h5 *h = cr_alloc(sizeof *h);
    if (!h)
        return NULL;
    h->fd = -1;
    h->name = cr_strdup(shown_name);
    reader r = {.h = h, .at = listing, .end = (const unsigned char *)listing + size};
    r.file_size = h->size = file_size;
    if (h->name && get_all(&r))
        return h;
    cr_h5_close(h);
    return NULL;
}

/* ---- looking up ------------------------------------------------------------------------------ */

const char *cr_h5_name(const cr_h5 *h)
{
    return h->name;
}

uint32_t cr_h5_count(const cr_h5 *h)
{
    return h->node.len;
}

const cr_h5_node *cr_h5_at(const cr_h5 *h, uint32_t i)
{
    return &h->node.at[i];
}

const cr_h5_node *cr_h5_find(const cr_h5 *h, const char *path)
{
    uint64_t hash = path_hash(path);
    uint32_t pos = UINT32_MAX, at;
    while ((at = cr_map_next(&h->by_path, hash, &pos)))
        if (strcmp(h->node.at[at - 1].path, path) == 0)
            return &h->node.at[at - 1];
    return NULL;
}

uint32_t cr_h5_attributes(const cr_h5 *h, const char *path)
{
    const cr_h5_node *node = cr_h5_find(h, path);
    return node ? node->nattributes : 0;
}

const char *cr_h5_attribute_name(const cr_h5 *h, const char *path, uint32_t i)
{
    return h->attribute.at[cr_h5_find(h, path)->first_attribute + i].name;
}

static const cr_h5_attribute *find_attribute(const cr_h5 *h, const char *path, const char *name)
{
    const cr_h5_node *node = cr_h5_find(h, path);
    for (uint32_t i = 0; node && i < node->nattributes; i++)
        if (strcmp(h->attribute.at[node->first_attribute + i].name, name) == 0)
            return &h->attribute.at[node->first_attribute + i];
    return NULL;
}

const char *cr_h5_text(const cr_h5 *h, const char *path, const char *attribute)
{
    const cr_h5_attribute *a = find_attribute(h, path, attribute);
    return a && a->text && a->n == 1 ? *(const char *const *)a->at : NULL;
}

const char *const *cr_h5_texts(const cr_h5 *h, const char *path, const char *attribute, uint32_t *n)
{
    *n = 0;
    if (!attribute) {
        const cr_h5_node *node = cr_h5_find(h, path);
        bool texts = node && node->dataset && node->where == CR_H5_KEPT_TEXTS;
        *n = texts ? node->texts : 0;
        return texts ? node->kept : NULL;
    }
    const cr_h5_attribute *a = find_attribute(h, path, attribute);
    if (!a || !a->text)
        return NULL;
    *n = a->n;
    return a->at;
}

uint32_t cr_h5_numbers(const cr_h5 *h, const char *path, const char *attribute, double *out,
                       uint32_t max)
{
    const cr_h5_attribute *a = find_attribute(h, path, attribute);
    if (!a || a->text)
        return 0;
    memcpy(out, a->at, CR_MIN(a->n, max) * sizeof *out);
    return a->n;
}
