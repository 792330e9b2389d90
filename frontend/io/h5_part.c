/* h5_part.c - the other thing that a child process does: it reads elements that do not lie in the
 * file as they are, and writes them to the pipe. */
#include <unistd.h>

#define H5_USE_110_API
#include "h5_hdf5.h"
#include "h5_wire.h"

/* Rows are indices of the first axis. As many as make a few megabytes, and whole chunks, so that
 * none is decoded twice. */
static uint64_t rows_at_once(const cr_h5_opened *d, uint64_t row_bytes)
{
    hsize_t chunk[H5S_MAX_RANK] = {1};
    uint64_t rows = (4u << 20) / CR_MAX(row_bytes, 1) + 1;
    if (H5Pget_layout(d->list) == H5D_CHUNKED)
        H5Pget_chunk(d->list, H5S_MAX_RANK, chunk);
    return cr_align_up(rows, CR_MAX(chunk[0], 1));
}

static bool read_rows(const cr_h5_opened *d, hid_t memory, uint64_t first, uint64_t rows, void *out)
{
    hsize_t start[H5S_MAX_RANK] = {first}, count[H5S_MAX_RANK];
    memcpy(count, d->dim, sizeof count);
    count[0] = rows;
    hid_t space = H5Screate_simple(d->rank, count, NULL);
    bool ok = space >= 0 &&
              H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
              H5Dread(d->id, memory, space, d->space, H5P_DEFAULT, out) >= 0;
    H5Sclose(space);
    return ok;
}

static void put_elements(FILE *answer, const cr_h5_opened *d, uint64_t first, uint64_t count)
{
    uint64_t size = cr_h5_type_size(d->kind), row = CR_MAX(d->n / CR_MAX(d->dim[0], 1), 1);
    uint64_t step = rows_at_once(d, row * size), end = first + count;
    char *all = cr_alloc(CR_MIN(step, d->dim[0]) * row * size);
    hid_t memory = cr_h5_native(d->kind);
    if (!all)
        _exit(1);
    for (uint64_t r = first / row / step * step; r * row < end; r += step) {
        uint64_t rows = CR_MIN(step, d->dim[0] - r);
        if (!read_rows(d, memory, r, rows, all))
            _exit(1);
        uint64_t from = CR_MAX(first, r * row), to = CR_MIN(end, (r + rows) * row);
        if (to > from &&
            fwrite(all + (from - r * row) * size, size, to - from, answer) != to - from)
            _exit(1);
    }
}

void cr_h5_child_read(int out, const char *path, const void *image, size_t size, const char *object,
                      uint64_t first, uint64_t count)
{
    cr_h5_opened d = {0};
    FILE *answer = fdopen(out, "wb");
    hid_t file = answer ? cr_h5_open_file(path, image, size) : -1;
    /* the file may be another one by now: nothing is taken from the listing */
    if (file < 0 || !cr_h5_open_dataset(file, object, &d) || cr_h5_why_not_read(&d) ||
        d.kind >= CR_H5_TEXT || d.rank < 1 || count > d.n || first > d.n - count || count == 0)
        _exit(1);
    put_elements(answer, &d, first, count);
    _exit(fflush(answer) == 0 ? 0 : 1);
}
