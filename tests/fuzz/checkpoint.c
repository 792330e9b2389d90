/* checkpoint.c - the bytes of an HDF5 file: what libhdf5 makes of them in a child process is
 * refused by name, or a model that can be used. A process for each input makes it slow; listing.c
 * is the fast half. crisol-test: io crisol-fuzz: -max_len=65536 -timeout=120 */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_elements(cr_h5 *h, const cr_h5_node *node)
{
    static float all[4096];
    if (!node->dataset || cr_h5_check(h, node) != CR_OK || node->bytes > sizeof all)
        return;
    cr_h5_read(h, node, all, node->bytes);
    cr_h5_map(h, node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = cr_alloc_live();
    cr_h5 *h = cr_h5_open_memory("input", data, size);
    if (!h && strncmp(cr_error(), "input: ", 7) != 0)
        abort();
    for (uint32_t i = 0; h && i < cr_h5_count(h) && i < 16; i++)
        read_elements(h, cr_h5_at(h, i));
    if (h) {
        cr_checkpoint_destroy(cr_checkpoint_read(h, "input"));
        cr_model_destroy(cr_model_read(h, true));
    }
    cr_h5_close(h);
    if (cr_alloc_live() != before)
        abort();
    return 0;
}
