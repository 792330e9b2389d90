/* listing.c - what a child process says about an HDF5 file: anything may come, and what is taken is
 * sound: names, places in the file, elements; models and checkpoints. crisol-test: io crisol-fuzz:
 * -max_len=65536 */
#include "checkpoint.h"
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

/* What it takes for a model, or a checkpoint, is one. */
static void load(cr_h5 *h)
{
    cr_train_options o = {0};
    cr_model *m = cr_model_read(h, true);
    cr_checkpoint *c = cr_checkpoint_read(h, "input");
    if (c && cr_checkpoint_options(c, &o) != CR_OK)
        abort();
    cr_graph *g = m && m->tensor.len < 64 ? cr_model_build(m, 2) : NULL;
    cr_graph_destroy(g);
    cr_checkpoint_destroy(c);
    cr_model_destroy(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = cr_alloc_live();
    cr_h5 *h = cr_h5_listing_parse("input", data, size, sizeof image);
    if (!h && strncmp(cr_error(), "input: ", 7) != 0)
        abort();
    if (h)
        h->image = image;
    bool later = false;
    for (uint32_t i = 0; h && i < cr_h5_count(h); i++) {
        use(h, cr_h5_at(h, i));
        later = later || cr_h5_at(h, i)->where == CR_H5_LATER;
    }
    if (h && !later)
        load(h);
    cr_h5_close(h);
    if (cr_alloc_live() != before)
        abort();
    return 0;
}
