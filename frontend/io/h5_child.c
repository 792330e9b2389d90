/* h5_child.c - what a child process does: walks an HDF5 file, and writes what it finds to a pipe
 * (h5_wire.h). It may crash, hang, and run out of memory: then the
 * pipe ends early. It never returns to what called it but through _exit. */
#include <unistd.h>

#define H5_USE_110_API
#include <hdf5.h>

#include "h5_hdf5.h"
#include "h5_wire.h"

typedef struct walk {
    FILE *out;
    hid_t file;
    uint32_t objects, attributes;
    uint32_t depth;
    cr_map seen; /* groups, by a hash of their address */
    char path[CR_H5_MAX_PATH + 1];
    const char *in_hand; /* the name that is being looked at */
} walk;

/* ---- writing to the pipe --------------------------------------------------------------------- */

/* _exit: what the parent has registered with atexit is not this process's to run. */
static _Noreturn void finish(walk *w)
{
    bool ok = fflush(w->out) == 0;
    _exit(ok ? 0 : 1);
}

static void put(walk *w, const void *at, size_t n)
{
    if (n && fwrite(at, 1, n, w->out) != n)
        _exit(1);
}

static void put_u8(walk *w, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(w, &byte, 1);
}

static void put_u32(walk *w, uint32_t value)
{
    put(w, &value, sizeof value);
}

static void put_u64(walk *w, uint64_t value)
{
    put(w, &value, sizeof value);
}

static void put_text(walk *w, const char *text, size_t n)
{
    put_u32(w, (uint32_t)n);
    put(w, text, n);
}

static _Noreturn void fail(walk *w, bool damaged, const char *why)
{
    char text[2 * CR_H5_MAX_PATH];
    const char *object = w->in_hand ? w->in_hand : "";
    snprintf(text, sizeof text, "%s%s%s%s%s", w->path, *object ? " (" : "", object,
             *object ? "): " : ": ", why);
    put_u8(w, CR_H5_FAILED);
    put_u8(w, damaged);
    put_text(w, text, strlen(text));
    finish(w);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Reads elements of what is open: H5Dread or H5Aread. */
typedef struct source {
    hid_t id;
    bool attribute;
} source;

static bool read_elements(source s, hid_t type, void *out)
{
    return (s.attribute ? H5Aread(s.id, type, out)
                        : H5Dread(s.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out)) >= 0;
}

/* A fixed-length text ends at a zero, or at the blanks that fill it up. */
static size_t fixed_length(const char *at, size_t size, bool blanks)
{
    size_t n = strnlen(at, size);
    while (blanks && n > 0 && at[n - 1] == ' ')
        n--;
    return n;
}

static bool put_fixed_texts(walk *w, source s, hid_t type, uint32_t n)
{
    size_t size = H5Tget_size(type);
    bool blanks = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    char *all = size <= CR_H5_MAX_ATTRIBUTE / (n ? n : 1) ? cr_alloc(size * n) : NULL;
    if (!all || !read_elements(s, type, all))
        return false;
    put_u32(w, n);
    for (uint32_t i = 0; i < n; i++)
        put_text(w, all + i * size, fixed_length(all + i * size, size, blanks));
    cr_free(all);
    return true;
}

static bool put_variable_texts(walk *w, source s, hid_t type, hid_t space, uint32_t n)
{
    char **all = cr_alloc(sizeof *all * n);
    hid_t memory = H5Tcopy(H5T_C_S1);
    if (!all || memory < 0 || H5Tset_size(memory, H5T_VARIABLE) < 0 ||
        H5Tset_cset(memory, H5Tget_cset(type)) < 0 || !read_elements(s, memory, all))
        return false;
    put_u32(w, n);
    for (uint32_t i = 0; i < n; i++)
        put_text(w, all[i] ? all[i] : "", all[i] ? strnlen(all[i], CR_H5_MAX_ATTRIBUTE) : 0);
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, all);
    H5Tclose(memory);
    cr_free(all);
    return true;
}

/* u32:n text*; false, and nothing written, when they cannot be read. */
static bool put_texts(walk *w, source s, hid_t type, hid_t space, uint32_t n)
{
    if (H5Tis_variable_str(type) > 0)
        return put_variable_texts(w, s, type, space, n);
    return put_fixed_texts(w, s, type, n);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static bool put_numbers(walk *w, hid_t attribute, uint32_t n)
{
    double *all = cr_alloc(sizeof *all * n);
    if (!all || H5Aread(attribute, H5T_NATIVE_DOUBLE, all) < 0)
        return false;
    put_u32(w, n);
    put(w, all, sizeof *all * n);
    cr_free(all);
    return true;
}

static void put_attribute(walk *w, hid_t attribute, const char *name)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    bool swapped;
    if (type < 0 || n < 0)
        fail(w, true, "this attribute cannot be read");
    cr_h5_type kind = cr_h5_classify(type, &swapped);
    if (kind != CR_H5_OTHER) { /* references and the like are passed over */
        if (n > CR_H5_MAX_TEXTS)
            fail(w, false, "this attribute has too many elements");
        put_u8(w, CR_H5_ATTRIBUTE);
        put_text(w, name, strlen(name));
        put_u8(w, kind);
        bool ok = kind == CR_H5_TEXT
                      ? put_texts(w, (source){attribute, true}, type, space, (uint32_t)n)
                      : put_numbers(w, attribute, (uint32_t)n);
        if (!ok)
            _exit(1); /* amid a record: the parent says that the file is damaged */
    }
    H5Sclose(space);
    H5Tclose(type);
}

static herr_t on_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user)
{
    walk *w = user;
    (void)info;
    w->in_hand = name;
    if (++w->attributes > CR_H5_MAX_ATTRIBUTES || strlen(name) > CR_H5_MAX_PATH)
        fail(w, false, "there are too many attributes");
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        fail(w, true, "this attribute cannot be read");
    put_attribute(w, attribute, name);
    H5Aclose(attribute);
    w->in_hand = NULL;
    return 0;
}

static void put_attributes(walk *w, hid_t object)
{
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, on_attribute, w) < 0)
        fail(w, true, "its attributes cannot be read");
}

/* ---- data sets ------------------------------------------------------------------------------- */

static void refuse(walk *w, const char *why)
{
    put_u8(w, CR_H5_REFUSED);
    put_text(w, why, strlen(why));
}

const char *cr_h5_why_not_read(const cr_h5_opened *d)
{
    static char text[96];
    if (d->kind == CR_H5_OTHER)
        return "its elements are neither numbers nor texts";
    if (H5Pget_layout(d->list) == H5D_VIRTUAL || H5Pget_external_count(d->list) > 0)
        return "its elements are in another file";
    for (int i = 0; i < H5Pget_nfilters(d->list); i++) {
        unsigned flags;
        size_t parameters = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(d->list, (unsigned)i, &flags, &parameters, NULL, 0, NULL, NULL);
        if (filter < 0 || H5Zfilter_avail(filter) <= 0) {
            snprintf(text, sizeof text, "it is compressed by filter %d, which is not there",
                     (int)filter);
            return text;
        }
    }
    return NULL;
}

static void put_kept(walk *w, const cr_h5_opened *d)
{
    char all[CR_H5_MAX_KEPT];
    hid_t memory = cr_h5_native(d->kind);
    if (!read_elements((source){d->id, false}, memory, all)) {
        refuse(w, "it is damaged");
    } else {
        put_u8(w, CR_H5_KEPT);
        put_u64(w, d->bytes);
        put(w, all, d->bytes);
    }
    H5Tclose(memory);
}

/* What is not stored cannot be so much more than what is. */
static void put_later(walk *w, const cr_h5_opened *d)
{
    char text[128];
    hsize_t stored = H5Dget_storage_size(d->id);
    if (d->bytes / CR_H5_MAX_EXPANSION <= stored) {
        put_u8(w, CR_H5_LATER);
        return;
    }
    snprintf(text, sizeof text, "it claims %llu bytes, of which %llu are stored",
             (unsigned long long)d->bytes, (unsigned long long)stored);
    refuse(w, text);
}

static void put_where(walk *w, const cr_h5_opened *d)
{
    const char *why = cr_h5_why_not_read(d);
    haddr_t at = H5Dget_offset(d->id);
    if (why) {
        refuse(w, why);
    } else if (d->kind == CR_H5_TEXT) {
        if (d->n > CR_H5_MAX_TEXTS) {
            refuse(w, "it has too many texts");
            return;
        }
        put_u8(w, CR_H5_KEPT_TEXTS);
        if (!put_texts(w, (source){d->id, false}, d->type, d->space, (uint32_t)d->n))
            _exit(1);
    } else if (d->bytes > 0 && H5Pget_layout(d->list) == H5D_CONTIGUOUS && at != HADDR_UNDEF &&
               H5Pget_nfilters(d->list) == 0) {
        put_u8(w, CR_H5_IN_FILE);
        put_u64(w, at);
    } else if (d->bytes <= CR_H5_MAX_KEPT) {
        put_kept(w, d);
    } else {
        put_later(w, d);
    }
}

bool cr_h5_open_dataset(hid_t parent, const char *name, cr_h5_opened *d)
{
    d->id = H5Dopen2(parent, name, H5P_DEFAULT);
    d->type = d->id < 0 ? -1 : H5Dget_type(d->id);
    d->space = d->id < 0 ? -1 : H5Dget_space(d->id);
    d->list = d->id < 0 ? -1 : H5Dget_create_plist(d->id);
    if (d->type < 0 || d->space < 0 || d->list < 0)
        return false;
    d->kind = cr_h5_classify(d->type, &d->swapped);
    d->rank = H5Sget_simple_extent_dims(d->space, d->dim, NULL);
    if (d->rank < 0)
        return false;
    d->n = H5Sget_simple_extent_type(d->space) == H5S_NULL ? 0 : 1;
    for (int i = 0; i < d->rank; i++)
        if (!cr_mul_size(d->n, d->dim[i], &d->n))
            return false;
    return cr_mul_size(d->n, cr_h5_type_size(d->kind), &d->bytes);
}

static void close_dataset(cr_h5_opened *d)
{
    H5Pclose(d->list);
    H5Sclose(d->space);
    H5Tclose(d->type);
    H5Dclose(d->id);
}

static void put_object(walk *w, bool is_dataset)
{
    if (++w->objects > CR_H5_MAX_OBJECTS)
        fail(w, false, "there are too many objects");
    put_u8(w, CR_H5_OBJECT);
    put_text(w, w->path, strlen(w->path));
    put_u8(w, is_dataset);
}

static void walk_dataset(walk *w, hid_t parent, const char *name)
{
    cr_h5_opened d = {0};
    if (!cr_h5_open_dataset(parent, name, &d))
        fail(w, true, "this data set cannot be read");
    put_object(w, true);
    bool deep = d.rank > CR_H5_MAX_RANK, null = H5Sget_simple_extent_type(d.space) == H5S_NULL;
    put_u8(w, d.kind);
    put_u8(w, d.swapped);
    put_u8(w, deep ? 0 : (unsigned)d.rank);
    for (int i = 0; i < d.rank && !deep; i++)
        put_u64(w, d.dim[i]);
    if (deep || null)
        refuse(w, deep ? "it has more axes than 8" : "it has no elements");
    else
        put_where(w, &d);
    put_attributes(w, d.id);
    close_dataset(&d);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void walk_group(walk *w, hid_t group);

/* Not seen before. A link may lead back up, or be a group's second one. */
static bool is_new(walk *w, haddr_t address)
{
    uint64_t hash = cr_hash(CR_HASH_SEED, &address, sizeof address);
    uint32_t pos = UINT32_MAX;
    return !cr_map_next(&w->seen, hash, &pos) && cr_map_put(&w->seen, hash, 1);
}

static void walk_subgroup(walk *w, hid_t parent, const char *name)
{
    hid_t group = H5Gopen2(parent, name, H5P_DEFAULT);
    if (group < 0)
        fail(w, true, "this group cannot be read");
    if (++w->depth > CR_H5_MAX_DEPTH)
        fail(w, false, "groups are nested too deeply");
    walk_group(w, group);
    w->depth--;
    H5Gclose(group);
}

static herr_t on_link(hid_t group, const char *name, const H5L_info_t *link, void *user)
{
    walk *w = user;
    H5O_info_t info;
    size_t old = strlen(w->path), n = strlen(name), slash = old > 1;
    if (link->type != H5L_TYPE_HARD)
        return 0;
    if (old + slash + n > CR_H5_MAX_PATH)
        fail(w, false, "names are too long");
    w->path[old] = '/';
    memcpy(w->path + old + slash, name, n + 1);
    if (H5Oget_info_by_name2(group, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        fail(w, true, "this object cannot be read");
    if (info.type == H5O_TYPE_GROUP && is_new(w, info.addr))
        walk_subgroup(w, group, name);
    else if (info.type == H5O_TYPE_DATASET)
        walk_dataset(w, group, name);
    w->path[old] = '\0';
    return 0;
}

static void walk_group(walk *w, hid_t group)
{
    hsize_t at = 0;
    put_object(w, false);
    put_attributes(w, group);
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, on_link, w) < 0)
        fail(w, true, "what is in this group cannot be read");
}

/* ---- the file -------------------------------------------------------------------------------- */

hid_t cr_h5_open_file(const char *path, const void *image, size_t size)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5PLset_loading_state(0); /* no filter is loaded because a file says so */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_file_locking(access, false, true); /* the parent has locked it */
    if (image && (H5Pset_fapl_core(access, 1 << 20, false) < 0 ||
                  H5Pset_file_image(access, (void *)image, size) < 0))
        return -1;
    return H5Fopen(path, H5F_ACC_RDONLY, access);
}

void cr_h5_child_list(int out, const char *path, const void *image, size_t size)
{
    static walk w;
    w.out = fdopen(out, "wb");
    if (!w.out)
        _exit(1);
    w.path[0] = '/';
    put(&w, CR_H5_MAGIC, strlen(CR_H5_MAGIC));
    w.file = cr_h5_open_file(path, image, size);
    hid_t root = w.file < 0 ? -1 : H5Gopen2(w.file, "/", H5P_DEFAULT);
    if (root < 0)
        fail(&w, true, "it cannot be opened as an HDF5 file");
    H5O_info_t info;
    if (H5Oget_info2(root, &info, H5O_INFO_BASIC) < 0 || !is_new(&w, info.addr))
        fail(&w, true, "the root group cannot be read");
    walk_group(&w, root);
    put_u8(&w, CR_H5_END);
    finish(&w);
}
