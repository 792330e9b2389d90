/* parse.c - any text: the parser refuses it with a message, or reads a graph that is sound, prints
 * as text that reads as the same graph, and can be drawn. Nothing leaks. */
#include "dot.h"
#include "graph/same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what, const char *text)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", what, cr_error(), text);
    abort();
}

static bool is_placed(const cr_graph *g)
{
    for (cr_ref r = 1; r < g->node.len; r++)
        if (cr_at(g, r)->space != CR_SPACE_DEVICE || cr_at(g, r)->op == CR_OP_COPY)
            return true;
    return false;
}

static void check_graph(const cr_graph *g)
{
    char *text = cr_graph_print(g);
    check(text != NULL, "cannot be printed", "");
    cr_graph *again = cr_graph_parse(text, "printed");
    check(again != NULL, "the printed text is refused", text);
    check(same_graph(g, again), "the printed text is another graph", text);
    check(cr_graph_hash(g) == cr_graph_hash(again), "the printed text has another hash", text);
    char *second = cr_graph_print(again);
    check(second && strcmp(text, second) == 0, "prints differently the second time", text);
    if (!is_placed(g))
        check(cr_verify(g, CR_LEVEL_USER) == CR_OK, "was read, but is not sound", text);
    cr_verify(g, CR_LEVEL_PLACED);
    char *picture = cr_graph_dot(g);
    check(picture != NULL, "cannot be drawn", text);
    cr_string_free(picture);
    cr_string_free(second);
    cr_graph_destroy(again);
    cr_string_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = cr_alloc_live();
    char *text = malloc(size + 1); /* exactly as long as the text, so that reading on is seen */
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    cr_graph *g = cr_graph_parse(text, "input");
    if (g)
        check_graph(g);
    else
        check(strncmp(cr_error(), "input:", 6) == 0 && strchr(cr_error(), '^'),
              "refused, but without a place", text);
    cr_graph_destroy(g);
    check(cr_alloc_live() == before, "leaks", text);
    free(text);
    return 0;
}
