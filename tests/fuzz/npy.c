/* npy.c - any bytes as an array of numpy's: refused with the file's name, or it is as long as it
 * says, and samples and labels can be made of it. crisol-test: io */
#include "array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, cr_error());
    abort();
}

static uint64_t sum(const void *at, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += ((const uint8_t *)at)[i];
    return total;
}

static void use(const cr_array *a)
{
    volatile uint64_t seen = sum(a->data, (size_t)a->elements * cr_h5_type_size(a->type));
    cr_data *d = cr_data_create("fuzz");
    cr_part *part = &d->samples.train;
    (void)seen;
    if (cr_array_samples(d, a, true, part) == CR_OK) {
        seen = sum(part->x, (size_t)a->elements * cr_dtype_size(d->samples.x_dtype));
        if (cr_array_targets(d, a, true, part) == CR_OK)
            seen = sum(part->y, (size_t)a->elements * cr_dtype_size(d->samples.y_dtype));
    }
    cr_data_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t before = cr_alloc_live();
    char *bytes = malloc(size + !size);
    cr_array a;
    check(bytes, "memory");
    memcpy(bytes, data, size);
    if (cr_npy_read("fuzz.npy", bytes, size, &a) == CR_OK)
        use(&a);
    else
        check(strncmp(cr_error(), "fuzz.npy: ", 10) == 0, "refused, but not by name");
    check(cr_alloc_live() == before, "leaks");
    free(bytes);
    return 0;
}
