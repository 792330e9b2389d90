/* h5.c - opening HDF5 files, and reading the elements of data sets. */
#include "h5.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "h5_process.h"
#include "h5_wire.h"

/* ---- opening --------------------------------------------------------------------------------- */

/* What a child is to do: list the file, or read elements of one data set. */
typedef struct task {
    const char *path;
    const void *image;
    size_t size;
    const char *object; /* NULL: list */
    uint64_t first, count;
} task;

static void do_task(int out, void *user)
{
    const task *t = user;
    if (t->object)
        cr_h5_child_read(out, t->path, t->image, t->size, t->object, t->first, t->count);
    else
        cr_h5_child_list(out, t->path, t->image, t->size);
}

/* Of the file that is open here, whatever now has its name. */
static void same_file(char *path, size_t size, int fd, const char *name)
{
    snprintf(path, size, "/dev/fd/%d", fd);
    if (access(path, R_OK) != 0)
        snprintf(path, size, "%s", name);
}

/* All that the child says; NULL on failure. Grows with what has come, never with what is said. */
static char *read_listing(cr_h5_process *child, const char *name, size_t *size)
{
    size_t cap = 64 << 10, len = 0, got;
    char *at = cr_alloc(cap);
    while (at && (got = cr_h5_process_read(child, at + len, cap - len)) > 0) {
        len += got;
        if (len < cap)
            continue;
        char *more = cap < CR_H5_MAX_LISTING ? cr_realloc(at, cap, cap * 2) : NULL;
        if (cap >= CR_H5_MAX_LISTING)
            cr_fail(CR_E_LIMIT, "%s: its names and attributes are too large", name);
        if (!more)
            cr_free(at);
        at = more;
        cap *= 2;
    }
    *size = len;
    return at;
}

enum { CHILD_MEMORY = 1 << 30 };

static cr_h5 *list(const char *name, int fd, const void *image, uint64_t size)
{
    char path[4096];
    cr_h5_process child;
    task t = {.path = name, .image = image, .size = size};
    if (!image)
        same_file(path, sizeof path, fd, name), t.path = path;
    uint64_t memory = CHILD_MEMORY + (image ? 2 * size : 0);
    if (cr_h5_process_start(&child, name, CR_H5_CPU_SECONDS, memory, do_task, &t) != CR_OK)
        return NULL;
    size_t n;
    char *listing = read_listing(&child, name, &n);
    cr_h5_process_end(&child);
    cr_h5 *h = listing ? cr_h5_listing_parse(name, listing, n, size) : NULL;
    cr_free(listing);
    return h;
}

/* HDF5's signature stands at the beginning, or behind a user's block of 512, 1024, ... bytes. */
static bool has_signature(const char *at, size_t n)
{
    return n >= 8 && memcmp(at, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static uint64_t next_place(uint64_t offset)
{
    return offset ? 2 * offset : 512;
}

bool cr_h5_is(const char *bytes, size_t size)
{
    for (uint64_t offset = 0; offset + 8 <= size; offset = next_place(offset))
        if (has_signature(bytes + offset, size - offset))
            return true;
    return false;
}

static bool is_hdf5(int fd, uint64_t size)
{
    char at[8];
    for (uint64_t offset = 0; offset + 8 <= size; offset = next_place(offset))
        if (pread(fd, at, sizeof at, (off_t)offset) == sizeof at && has_signature(at, sizeof at))
            return true;
    return false;
}

/* A shared lock, as HDF5's own readers take: writers hold another kind. Where a file system knows
 * no locks there are none to respect. */
static cr_status check_file(int fd, const char *name, uint64_t *size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return cr_fail(CR_E_IO, "%s: cannot read: %s", name, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return cr_fail(CR_E_IO, "%s: it is no regular file", name);
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return cr_fail(CR_E_IO, "%s: it is open for writing elsewhere: close it there first", name);
    *size = (uint64_t)st.st_size;
    if (*size == 0)
        return cr_fail(CR_E_IO, "%s: it is empty", name);
    if (!is_hdf5(fd, *size))
        return cr_fail(CR_E_IO, "%s: it is not an HDF5 file", name);
    return CR_OK;
}

cr_h5 *cr_h5_open(const char *path)
{
    uint64_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not make it wait */
    if (fd < 0)
        return cr_fail(CR_E_IO, "%s: cannot open: %s", path, strerror(errno)), NULL;
    cr_h5 *h = check_file(fd, path, &size) == CR_OK ? list(path, fd, NULL, size) : NULL;
    if (h)
        h->fd = fd;
    else
        close(fd);
    return h;
}

cr_h5 *cr_h5_open_memory(const char *shown_name, const void *data, size_t size)
{
    if (!has_signature(data, size))
        return cr_fail(CR_E_IO, "%s: it is not an HDF5 file", shown_name), NULL;
    cr_h5 *h = list(shown_name, -1, data, size);
    if (h)
        h->image = data;
    return h;
}

void cr_h5_close(cr_h5 *h)
{
    if (!h)
        return;
    if (h->map)
        munmap(h->map, h->size);
    if (h->fd >= 0)
        close(h->fd);
    cr_arena_finish(&h->arena);
    cr_vec_finish(&h->node);
    cr_vec_finish(&h->attribute);
    cr_map_finish(&h->by_path);
    cr_free(h->name);
    cr_free(h);
}

/* ---- elements -------------------------------------------------------------------------------- */

static cr_status read_failed(const cr_h5 *h, const cr_h5_node *node, cr_status status,
                             const char *why)
{
    return cr_fail(status, "%s: data set %s cannot be read: %s", h->name, node->path, why);
}

static cr_status read_in_file(cr_h5 *h, const cr_h5_node *node, uint64_t offset, char *out,
                              uint64_t bytes)
{
    if (h->image) {
        memcpy(out, (const char *)h->image + offset, bytes);
        return CR_OK;
    }
    while (bytes > 0) {
        ssize_t got = pread(h->fd, out, CR_MIN(bytes, 1u << 30), (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return read_failed(h, node, CR_E_IO, got ? strerror(errno) : "the file ends before it");
        out += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return CR_OK;
}

static cr_status read_by_child(cr_h5 *h, const cr_h5_node *node, uint64_t first, uint64_t count,
                               char *out, uint64_t bytes)
{
    char path[4096];
    cr_h5_process child;
    task t = {h->name, h->image, h->size, node->path, first, count};
    if (!h->image)
        same_file(path, sizeof path, h->fd, h->name), t.path = path;
    /* a second for each 10 MB, whatever they are packed in; a row may be as large as all */
    unsigned seconds = CR_H5_CPU_SECONDS + (unsigned)CR_MIN(node->bytes / 10000000, 100000);
    uint64_t memory = CHILD_MEMORY + CR_MIN(2 * node->bytes, 1ull << 40);
    CR_TRY(cr_h5_process_start(&child, h->name, seconds, memory, do_task, &t));
    size_t got = 1;
    while (bytes > 0 && got > 0) {
        got = cr_h5_process_read(&child, out, bytes);
        out += got;
        bytes -= got;
    }
    cr_h5_process_end(&child);
    return bytes ? read_failed(h, node, CR_E_IO, "it is damaged") : CR_OK;
}

static void swap_bytes(unsigned char *at, uint64_t n, size_t size)
{
    for (uint64_t i = 0; i < n; i++, at += size)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char byte = at[a];
            at[a] = at[b];
            at[b] = byte;
        }
}

cr_status cr_h5_check(const cr_h5 *h, const cr_h5_node *node)
{
    if (!node->dataset || cr_h5_type_size(node->type) == 0)
        return cr_fail(CR_E_ARGUMENT, "%s: %s is no data set of numbers", h->name, node->path);
    if (node->where == CR_H5_REFUSED)
        return read_failed(h, node, CR_E_IO, node->kept);
    return CR_OK;
}

cr_status cr_h5_read_part(cr_h5 *h, const cr_h5_node *node, uint64_t first, uint64_t count,
                          void *out)
{
    CR_TRY(cr_h5_check(h, node));
    uint64_t size = cr_h5_type_size(node->type), n = node->bytes / size;
    if (first > n || count > n - first)
        return cr_fail(CR_E_ARGUMENT, "%s: data set %s has %llu elements only", h->name, node->path,
                       (unsigned long long)n);
    uint64_t bytes = count * size;
    if (node->where == CR_H5_KEPT)
        return bytes ? memcpy(out, (const char *)node->kept + first * size, bytes) : out, CR_OK;
    if (node->where == CR_H5_LATER)
        return bytes ? read_by_child(h, node, first, count, out, bytes) : CR_OK;
    CR_TRY(read_in_file(h, node, node->offset + first * size, out, bytes));
    if (node->swapped)
        swap_bytes(out, count, size);
    return CR_OK;
}

cr_status cr_h5_read(cr_h5 *h, const cr_h5_node *node, void *out, uint64_t bytes)
{
    CR_TRY(cr_h5_check(h, node));
    if (bytes != node->bytes)
        return cr_fail(CR_E_ARGUMENT, "%s: data set %s has %llu bytes, not %llu", h->name,
                       node->path, (unsigned long long)node->bytes, (unsigned long long)bytes);
    return cr_h5_read_part(h, node, 0, node->bytes / cr_h5_type_size(node->type), out);
}

cr_status cr_h5_read_sum(cr_h5 *h, const cr_h5_node *node, void *out, uint64_t bytes, uint64_t *sum)
{
    enum { PIECE = 256 << 10 };
    if (node->where != CR_H5_IN_FILE || node->swapped || bytes != node->bytes) {
        CR_TRY(cr_h5_read(h, node, out, bytes));
        *sum = XXH3_64bits(out, bytes);
        return CR_OK;
    }
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_64bits_reset(state) == XXH_ERROR)
        return XXH3_freeState(state), cr_fail(CR_E_MEMORY, "out of host memory");
    cr_status status = CR_OK;
    for (uint64_t at = 0; at < bytes && status == CR_OK; at += PIECE) {
        const uint64_t n = CR_MIN(bytes - at, PIECE);
        status = read_in_file(h, node, node->offset + at, (char *)out + at, n);
        if (status == CR_OK)
            XXH3_64bits_update(state, (char *)out + at, n);
    }
    *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return status;
}

const void *cr_h5_map(cr_h5 *h, const cr_h5_node *node)
{
    size_t size = cr_h5_type_size(node->type);
    if (!node->dataset || node->where != CR_H5_IN_FILE || node->swapped || size == 0)
        return NULL;
    if (!h->image && !h->map) {
        h->map = mmap(NULL, h->size, PROT_READ, MAP_PRIVATE, h->fd, 0);
        if (h->map == MAP_FAILED)
            h->map = NULL;
    }
    const char *file = h->image ? h->image : h->map;
    if (!file || (uintptr_t)(file + node->offset) % size != 0)
        return NULL;
    return file + node->offset;
}
