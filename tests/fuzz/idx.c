/* idx.c - any bytes as an IDX file, packed or not: refused with the file's name, or it has as many
 * elements as its axes say. */
#include <unistd.h>

#include "base.h"
#include "crisol/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, cr_error());
    abort();
}

/* The bytes as a file. */
static void put(char *path, size_t length, const uint8_t *data, size_t size)
{
    snprintf(path, length, "/tmp/crisol-fuzz-idx-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    check(f && fwrite(data, 1, size, f) == size && fclose(f) == 0, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t before = cr_alloc_live();
    char path[64];
    cr_idx idx;
    put(path, sizeof path, data, size);
    if (cr_idx_read(path, &idx) == CR_OK) {
        size_t n = 1;
        volatile unsigned seen = 0;
        for (uint32_t i = 0; i < idx.rank; i++)
            n *= idx.dim[i];
        for (size_t i = 0; i < n; i++)
            seen += idx.data[i];
        (void)seen;
        cr_idx_finish(&idx);
    } else {
        check(strncmp(cr_error(), path, strlen(path)) == 0, "refused, but not by name");
    }
    unlink(path);
    check(cr_alloc_live() == before, "leaks");
    return 0;
}
