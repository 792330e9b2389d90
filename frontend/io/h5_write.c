/* h5_write.c - HDF5 files, made in memory by HDF5's core driver. */
#define H5_USE_110_API
#include "h5_hdf5.h"
#include "h5_wire.h"

/* HDF5 reports on standard error unless told otherwise, and what it was told is another's. */
#define QUIETLY(...)                                                                               \
    do {                                                                                           \
        cr_h5_lock();                                                                              \
        H5E_BEGIN_TRY                                                                              \
        {                                                                                          \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
        H5E_END_TRY                                                                                \
        cr_h5_unlock();                                                                            \
    } while (0)

/* ---- the driver's memory ----------------------------------------------------------------------
 */

/* HDF5 is lent its memory through these, so that what it wrote is kept as it is when it closes the
 * file: no copy, and complete. (What H5Fget_file_image of 1.10 gives has a wrong checksum.) */
typedef struct buffer {
    char *at;
    size_t size;
} buffer;

static void *buffer_malloc(size_t size, H5FD_file_image_op_t op, void *user)
{
    buffer *b = user;
    (void)op;
    b->at = cr_alloc(size);
    b->size = b->at ? size : 0;
    return b->at;
}

static void *buffer_realloc(void *at, size_t size, H5FD_file_image_op_t op, void *user)
{
    buffer *b = user;
    (void)op;
    void *more = cr_realloc(at, b->size, size);
    if (more) {
        b->at = more;
        b->size = size;
    }
    return more;
}

static void *buffer_copy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *user)
{
    (void)op, (void)user;
    return memcpy(to, from, n);
}

static herr_t buffer_free(void *at, H5FD_file_image_op_t op, void *user)
{
    (void)at, (void)op, (void)user; /* ours now */
    return 0;
}

static void *buffer_share(void *user)
{
    return user;
}

static herr_t buffer_unshare(void *user)
{
    (void)user;
    return 0;
}

static bool lend_memory(hid_t access, buffer *b)
{
    H5FD_file_image_callbacks_t callbacks = {
        buffer_malloc, buffer_copy, buffer_realloc, buffer_free, buffer_share, buffer_unshare, b};
    return H5Pset_file_image_callbacks(access, &callbacks) >= 0;
}

struct cr_h5_writer {
    hid_t file;
    buffer buffer;
    cr_status status; /* of the first failure */
};

/* What is on pages of its own can be mapped, and used by devices, where it lies. */
enum { LARGE = 16 << 10, PAGE = 4096, GROWTH = 4 << 20 };

static hid_t create_file(buffer *b)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE), file = -1;
    if (access >= 0 && create >= 0 && H5Pset_obj_track_times(create, false) >= 0 &&
        lend_memory(access, b) && H5Pset_fapl_core(access, GROWTH, false) >= 0 &&
        H5Pset_alignment(access, LARGE, PAGE) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
        file = H5Fcreate("crisol", H5F_ACC_TRUNC, create, access);
    H5Pclose(create);
    H5Pclose(access);
    return file;
}

cr_h5_writer *cr_h5_create(void)
{
    cr_h5_writer *w = cr_alloc(sizeof *w);
    if (!w)
        return NULL;
    QUIETLY(w->file = create_file(&w->buffer));
    if (w->file >= 0)
        return w;
    cr_fail(CR_E_MEMORY, "libhdf5 cannot make a file in memory");
    cr_free(w->buffer.at);
    cr_free(w);
    return NULL;
}

/* There is no disk that could be full: what fails is memory, or a name that is there already. */
static cr_status failed(cr_h5_writer *w, const char *what, const char *path)
{
    return w->status = cr_fail(CR_E_MEMORY, "libhdf5 cannot make %s %s in memory", what, path);
}

/* ---- groups and data sets -------------------------------------------------------------------- */

/* Neither times nor anything else that differs from one call to the next. */
static hid_t create_list(hid_t kind)
{
    hid_t list = H5Pcreate(kind);
    if (list >= 0)
        H5Pset_obj_track_times(list, false);
    return list;
}

static bool make_group(hid_t file, const char *path)
{
    hid_t create = create_list(H5P_GROUP_CREATE);
    hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, create, H5P_DEFAULT);
    bool ok = group >= 0;
    H5Gclose(group);
    H5Pclose(create);
    return ok;
}

/* The groups above a path. (Those that HDF5 makes by itself would note the time.) */
static bool make_parents(hid_t file, const char *path)
{
    char parent[4096];
    for (const char *c = path + 1; (c = strchr(c, '/')); c++) {
        if ((size_t)(c - path) >= sizeof parent)
            return false;
        memcpy(parent, path, (size_t)(c - path));
        parent[c - path] = '\0';
        if (H5Lexists(file, parent, H5P_DEFAULT) <= 0 && !make_group(file, parent))
            return false;
    }
    return true;
}

cr_status cr_h5_group(cr_h5_writer *w, const char *path)
{
    bool ok = false;
    if (w->status != CR_OK)
        return w->status;
    QUIETLY(ok = make_parents(w->file, path) && make_group(w->file, path));
    return ok ? CR_OK : failed(w, "group", path);
}

static bool make_dataset(hid_t file, const char *path, cr_h5_type type, int rank,
                         const uint64_t *dim, const void *data)
{
    hsize_t size[CR_H5_MAX_RANK];
    for (int i = 0; i < rank; i++)
        size[i] = dim[i];
    hid_t create = create_list(H5P_DATASET_CREATE);
    hid_t native = cr_h5_native(type), space = H5Screate_simple(rank, size, NULL);
    hid_t id = H5Dcreate2(file, path, native, space, H5P_DEFAULT, create, H5P_DEFAULT);
    bool ok = id >= 0 && (!data || H5Dwrite(id, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(id);
    H5Sclose(space);
    H5Tclose(native);
    H5Pclose(create);
    return ok;
}

cr_status cr_h5_dataset(cr_h5_writer *w, const char *path, cr_h5_type type, uint32_t rank,
                        const uint64_t *dim, const void *data)
{
    bool ok = false;
    if (w->status != CR_OK)
        return w->status;
    CR_ASSERT(rank <= CR_H5_MAX_RANK && type < CR_H5_TEXT);
    QUIETLY(ok = make_parents(w->file, path) &&
                 make_dataset(w->file, path, type, (int)rank, dim, data));
    return ok ? CR_OK : failed(w, "data set", path);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static bool make_attribute(hid_t file, const char *path, const char *name, hid_t type, hid_t space,
                           const void *data)
{
    hid_t id =
        H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = id >= 0 && H5Awrite(id, type, data) >= 0;
    H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

/* UTF-8 of a fixed length, filled up with zeros. */
static hid_t text_type(size_t length)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, CR_MAX(length, 1)) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
        H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)
        return -1;
    return type;
}

cr_status cr_h5_set_text(cr_h5_writer *w, const char *path, const char *name, const char *text)
{
    bool ok = false;
    if (w->status != CR_OK)
        return w->status;
    QUIETLY(ok = make_attribute(w->file, path, name, text_type(strlen(text)), H5Screate(H5S_SCALAR),
                                *text ? text : "\0"));
    return ok ? CR_OK : failed(w, "an attribute of", path);
}

cr_status cr_h5_set_texts(cr_h5_writer *w, const char *path, const char *name,
                          const char *const *texts, uint32_t n)
{
    size_t length = 1;
    bool ok = false;
    if (w->status != CR_OK)
        return w->status;
    for (uint32_t i = 0; i < n; i++)
        length = CR_MAX(length, strlen(texts[i]));
    char *all = cr_alloc(length * n + 1);
    if (!all)
        return w->status = CR_E_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        memcpy(all + i * length, texts[i], strlen(texts[i]));
    hsize_t count = n;
    QUIETLY(ok = make_attribute(w->file, path, name, text_type(length),
                                H5Screate_simple(1, &count, NULL), all));
    cr_free(all);
    return ok ? CR_OK : failed(w, "an attribute of", path);
}

cr_status cr_h5_set_number(cr_h5_writer *w, const char *path, const char *name, double number)
{
    bool ok = false;
    if (w->status != CR_OK)
        return w->status;
    QUIETLY(ok = make_attribute(w->file, path, name, H5Tcopy(H5T_NATIVE_DOUBLE),
                                H5Screate(H5S_SCALAR), &number));
    return ok ? CR_OK : failed(w, "an attribute of", path);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Where the file ends, as its superblock (of version 2) says: the buffer is longer. */
static size_t end_of_file(const buffer *b)
{
    uint64_t end = 0;
    for (size_t i = 0; i < 8; i++)
        end |= (uint64_t)(unsigned char)b->at[28 + i] << 8 * i;
    CR_ASSERT(b->at[8] == 2 && end <= b->size);
    return (size_t)end;
}

cr_status cr_h5_image(cr_h5_writer *w, void **data, size_t *size)
{
    bool ok = false;
    *data = NULL;
    if (w->status != CR_OK)
        return w->status;
    QUIETLY(ok = H5Fclose(w->file) >= 0);
    w->file = -1;
    if (!ok)
        return failed(w, "the end of", "a file");
    *data = w->buffer.at;
    *size = end_of_file(&w->buffer);
    w->buffer = (buffer){0};
    w->status = CR_E_ARGUMENT;
    return CR_OK;
}

void cr_h5_discard(cr_h5_writer *w)
{
    if (!w)
        return;
    if (w->file >= 0)
        QUIETLY(H5Fclose(w->file));
    cr_free(w->buffer.at);
    cr_free(w);
}
