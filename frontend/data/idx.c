/* idx.c - reads IDX files of unsigned bytes, compressed with gzip or not.
 *
 * Four bytes 0, 0, type, rank, then the sizes of the axes as big-endian 32-bit numbers, then the
 * elements. http://yann.lecun.com/exdb/mnist/ */
#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/idx.h"

enum { TYPE_U8 = 8, FIRST_BLOCK = 1 << 24 };

/* Up to n bytes; fewer at the end of the file. < 0: the file cannot be read, or not unpacked. */
static int64_t read_up_to(gzFile f, uint8_t *out, size_t n)
{
    size_t done = 0;
    while (done < n) {
        int got = gzread(f, out + done, (unsigned)CR_MIN(n - done, (size_t)1 << 30));
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

static cr_status broken(gzFile f, const char *path)
{
    int code;
    const char *why = gzerror(f, &code);
    return cr_fail(CR_E_IO, "%s: cannot read: %s", path, code == Z_ERRNO ? strerror(errno) : why);
}

static cr_status read_header(gzFile f, const char *path, cr_idx *out, uint64_t *size)
{
    uint8_t head[4], dim[16] = {0};
    int64_t got = read_up_to(f, head, 4);
    if (got < 0)
        return broken(f, path);
    if (got < 4)
        return cr_fail(CR_E_IO, "%s: truncated: %lld bytes, and no IDX file is that short", path,
                       (long long)got);
    if (head[0] || head[1] || head[2] != TYPE_U8 || head[3] < 1 || head[3] > 4)
        return cr_fail(
            CR_E_SYNTAX,
            "%s: not an IDX file of bytes: it begins with %02x %02x %02x %02x, and 00 00 08 "
            "and a rank of 01 to 04 is expected",
            path, head[0], head[1], head[2], head[3]);
    out->rank = head[3];
    got = read_up_to(f, dim, 4 * (size_t)out->rank);
    if (got < 0)
        return broken(f, path);
    if (got < 4 * (int64_t)out->rank)
        return cr_fail(CR_E_IO, "%s: truncated in its header", path);
    *size = 1;
    for (uint32_t i = 0; i < out->rank; i++) {
        const uint8_t *d = dim + 4 * i;
        out->dim[i] = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
        if (out->dim[i] == 0 || !cr_mul_size(*size, out->dim[i], size) || *size > PTRDIFF_MAX)
            return cr_fail(CR_E_SYNTAX, "%s: axis %u has %u elements, which cannot be", path, i + 1,
                           out->dim[i]);
    }
    return CR_OK;
}

/* The buffer grows with what is really there: a header may promise anything. */
static cr_status read_elements(gzFile f, const char *path, cr_idx *out, uint64_t size)
{
    size_t cap = (size_t)CR_MIN(size, FIRST_BLOCK), done = 0;
    out->data = cr_alloc(cap);
    while (out->data) {
        int64_t got = read_up_to(f, out->data + done, cap - done);
        if (got < 0)
            return broken(f, path);
        done += (size_t)got;
        if (done < cap || cap == size)
            break;
        size_t more = (size_t)CR_MIN(size, (uint64_t)cap * 2);
        uint8_t *at = cr_realloc(out->data, cap, more);
        if (!at)
            return CR_E_MEMORY;
        out->data = at;
        cap = more;
    }
    if (!out->data)
        return CR_E_MEMORY;
    if (done < size)
        return cr_fail(CR_E_IO, "%s: truncated: %zu bytes of elements, and its header says %llu",
                       path, done, (unsigned long long)size);
    uint8_t beyond;
    int64_t got = read_up_to(f, &beyond, 1); /* also checks the sum at a gzip file's end */
    if (got < 0)
        return broken(f, path);
    return got == 0 ? CR_OK
                    : cr_fail(CR_E_IO, "%s: longer than the %llu elements of its header", path,
                              (unsigned long long)size);
}

/* ---- into the memory of a data set ----------------------------------------------------------- */

/* Is the file, not compressed, as long as its header says? */
static bool is_plain(gzFile f, const char *path, const cr_idx *idx, uint64_t size)
{
    struct stat st;
    const uint64_t head = 4 + 4 * (uint64_t)idx->rank;
    return gzdirect(f) && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == head + size;
}

/* The header puts elements 8 to 20 bytes into the file, where no device takes them: they are read
 * and not mapped. */
static cr_status read_plain(gzFile f, const char *path, cr_idx *out, uint64_t size, cr_data *data)
{
    out->data = cr_data_alloc(data, (size_t)size);
    if (!out->data)
        return CR_E_MEMORY;
    const int64_t got = read_up_to(f, out->data, (size_t)size);
    if (got == (int64_t)size)
        return CR_OK;
    out->data = NULL;
    return got < 0 ? broken(f, path) : cr_fail(CR_E_IO, "%s: truncated while it was read", path);
}

static cr_status move_elements(cr_idx *out, uint64_t size, cr_data *data)
{
    uint8_t *to = cr_data_alloc(data, (size_t)size);
    if (!to)
        return CR_E_MEMORY;
    memcpy(to, out->data, (size_t)size);
    cr_free(out->data);
    out->data = to;
    return CR_OK;
}

static cr_status read_for(gzFile f, const char *path, cr_idx *out, uint64_t size, cr_data *data)
{
    if (is_plain(f, path, out, size))
        return read_plain(f, path, out, size, data);
    cr_status status = read_elements(f, path, out, size);
    if (status == CR_OK)
        status = move_elements(out, size, data);
    if (status != CR_OK)
        cr_free(out->data);
    return status;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* `data` NULL: the elements are the caller's. */
cr_status cr_idx_read_for(cr_data *data, const char *path, cr_idx *out)
{
    memset(out, 0, sizeof *out);
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f)
        return errno ? cr_fail(CR_E_IO, "%s: cannot open: %s", path, strerror(errno))
                     : cr_fail(CR_E_MEMORY, "%s: out of memory", path);
    gzbuffer(f, 1 << 17);
    uint64_t size = 0;
    cr_status status = read_header(f, path, out, &size);
    if (status == CR_OK)
        status = data ? read_for(f, path, out, size, data) : read_elements(f, path, out, size);
    if (gzclose(f) != Z_OK && status == CR_OK)
        status = cr_fail(CR_E_IO, "%s: truncated: the compressed data has no end", path);
    if (status != CR_OK && data)
        memset(out, 0, sizeof *out);
    else if (status != CR_OK)
        cr_idx_finish(out);
    return status;
}

cr_status cr_idx_read(const char *path, cr_idx *out)
{
    return cr_idx_read_for(NULL, path, out);
}

void cr_idx_finish(cr_idx *idx)
{
    cr_free(idx->data);
    memset(idx, 0, sizeof *idx);
}
