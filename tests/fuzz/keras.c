/* keras.c - files of Keras: anything may be in them, and what is read is sound. A file of either
 * format begins as such do; all else is a config: after a "2" one of Keras 2, after a "k" one of a
 * .keras file, else one that Keras 3 put into HDF5.
 * crisol-test: io crisol-fuzz: -max_len=65536 */
#include "keras.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, cr_error());
    abort();
}

/* A message that names the file, and nothing that a terminal takes for orders. */
static void check_error(void)
{
    check(strncmp(cr_error(), "input", 5) == 0, "does not name the file");
    for (const char *c = cr_error(); *c; c++)
        check((unsigned char)*c >= ' ' && (unsigned char)*c <= '~', "is not printable");
}

static void check_net(cr_keras *k, const cr_net *net)
{
    cr_net again;
    char *text = cr_net_print(net);
    check(text && cr_net_parse(text, &again) == CR_OK, "the net is refused as text");
    check(again.nlayers == net->nlayers, "the text is another net");
    cr_net_finish(&again);
    cr_string_free(text);
    cr_graph *g = cr_graph_create("input");
    check(g, "no graph");
    if (cr_keras_build(k, net, g) != CR_OK)
        check_error();
    cr_graph_destroy(g);
}

static void read_config(int version, bool h5, const char *text, size_t size)
{
    cr_keras k;
    cr_net net;
    if (cr_keras_read(&k, "input", version, h5, text, size) != CR_OK) {
        check_error();
    } else if (cr_keras_net(&k, &net) != CR_OK) {
        check_error();
    } else {
        check_net(&k, &net);
        cr_net_finish(&net);
    }
    cr_keras_finish(&k);
}

static void read_file(const void *data, size_t size)
{
    cr_model *m = cr_keras_import("input", data, size);
    if (!m)
        check_error();
    cr_model_destroy(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t before = cr_alloc_live();
    const char *text = (const char *)data;
    if (size > 4 && (memcmp(text, "PK", 2) == 0 || memcmp(text, "\x89HDF", 4) == 0))
        read_file(text, size);
    else if (size && *text == '2')
        read_config(2, true, text + 1, size - 1);
    else if (size && *text == 'k')
        read_config(3, false, text + 1, size - 1);
    else
        read_config(3, true, text, size);
    check(cr_alloc_live() == before, "something is left");
    return 0;
}
