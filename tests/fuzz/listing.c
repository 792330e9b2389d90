/* listing.c - what a child process says about an HDF5 file: anything may come, and what is taken is
 * sound: names, places in the file, elements. crisol-test: io crisol-fuzz: -max_len=65536 */
#include "h5_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char image[4096];

static void use(cr_h5 *h, const cr_h5_node *node)
{
    char all[sizeof image];
    double numbers[4];
    uint32_t n;
    if (cr_h5_find(h, node->path) != node)
        abort();
    if (node->where == CR_H5_LATER)
        return; /* that would be another process's work */
    if (cr_h5_check(h, node) == CR_OK && node->bytes <= sizeof all) {
        if (cr_h5_read(h, node, all, node->bytes) != CR_OK)
            abort();
        cr_h5_map(h, node);
    }
    const char *const *texts = cr_h5_texts(h, node->path, NULL, &n);
    for (uint32_t i = 0; i < n; i++)
        if (strlen(texts[i]) > CR_H5_MAX_LISTING)
            abort();
    cr_h5_text(h, node->path, "net");
    cr_h5_numbers(h, node->path, "version", numbers, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = cr_alloc_live();
    cr_h5 *h = cr_h5_listing_parse("input", data, size, sizeof image);
    if (!h && strncmp(cr_error(), "input: ", 7) != 0)
        abort();
    if (h)
        h->image = image;
    for (uint32_t i = 0; h && i < cr_h5_count(h); i++)
        use(h, cr_h5_at(h, i));
    cr_h5_close(h);
    if (cr_alloc_live() != before)
        abort();
    return 0;
}
