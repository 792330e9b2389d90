/* analysis.c - live nodes, use counts, and the fingerprint of a graph. */
#include <criterion/criterion.h>

#include "ir.h"

static cr_graph *parse(const char *text)
{
    cr_graph *g = cr_graph_parse(text, "t.cr");
    cr_assert(g, "%s", cr_error());
    return g;
}

Test(analysis, live_nodes_and_uses)
{
    cr_graph *g = parse("graph \"g\" {\n"
                        "  %1 = input \"x\" : f32\n"
                        "  %2 = mul %1, %1 : f32\n"
                        "  %3 = neg %2 : f32\n"
                        "  %4 = exp %2 : f32\n"
                        "  output \"y\", %3\n"
                        "  output \"y2\", %3\n"
                        "}\n");
    cr_arena a = {0};
    const bool *live = cr_live_nodes(g, &a);
    const uint32_t *uses = cr_use_counts(g, &a);
    const bool want_live[] = {false, true, true, true, false, true, true};
    const uint32_t want_uses[] = {0, 2, 1, 2, 0, 0, 0};
    for (cr_ref r = 0; r < g->node.len; r++) {
        cr_assert_eq(live[r], want_live[r], "%%%u", r);
        cr_assert_eq(uses[r], want_uses[r], "%%%u", r);
    }
    cr_arena_finish(&a);
    cr_graph_destroy(g);
}

/* ---- the fingerprint ----------------------------------------------------------------------- */

static uint64_t hash_of(const char *text)
{
    cr_graph *g = parse(text);
    uint64_t h = cr_graph_hash(g);
    cr_graph_destroy(g);
    return h;
}

#define BASE                                                                                       \
    "  %1 = input \"x\" : f32[n,4]\n"                                                              \
    "  %2 = state \"w\" data(1,2) : f32[2]\n"                                                      \
    "  %3 = const 2 : f32\n"                                                                       \
    "  %4 = sum %1 axes(1) : f32[n,1]\n"                                                           \
    "  output \"y\", %4\n  output \"z\", %3\n  assign %2, %2\n}\n"

Test(analysis, equal_graphs_have_equal_hashes)
{
    uint64_t h = hash_of("graph \"g\" {\n symbol n <= 8\n" BASE);
    /* the graph's name, dead nodes, origins, ids of symbols and numbers of nodes do not count */
    cr_assert_eq(h, hash_of("graph \"other\" {\n symbol n <= 8\n" BASE));
    cr_assert_eq(h, hash_of("graph \"g\" {\n symbol m <= 3\n symbol n <= 8\n"
                            "  %3 = const 2 : f32 !1 \"two\" a.c:1\n"
                            "  %7 = input \"dead\" : i32[n]\n"
                            "  %2 = state \"w\" data(1,2) : f32[2]\n"
                            "  %1 = input \"x\" : f32[n,4]\n"
                            "  %4 = sum %1 axes(1) : f32[n,1]\n"
                            "  output \"y\", %4\n  output \"z\", %3\n  assign %2, %2\n}\n"));
}

Test(analysis, different_graphs_have_different_hashes)
{
    static const char *const change[][2] = {
        {"", ""}, /* as it is */
        {"symbol n <= 8", "symbol n <= 9"},
        {"\"x\"", "\"u\""},
        {"output \"y\"", "output \"u\""},
        {"data(1,2)", "data(1,3)"},
        {"data(1,2)", "param"},
        {"const 2 ", "const 3 "},
        {"sum %1", "amax %1"},
        {"%4 = sum %1 axes(1) : f32[n,1]", "%4 = sum %1 axes(0) : f32[1,4]"},
        {"output \"z\", %3\n  assign %2, %2\n", "assign %2, %2\n  output \"z\", %3\n"},
        {"  assign %2, %2\n", ""},
        {"output \"z\", %3", "output \"z\", %1"},
    };
    uint64_t h[CR_COUNTOF(change)];
    for (size_t i = 0; i < CR_COUNTOF(change); i++) {
        static const char base[] = "graph \"g\" {\n symbol n <= 8\n" BASE;
        const char *at = strstr(base, change[i][0]);
        cr_assert(at, "%s", change[i][0]);
        cr_strbuf s = {0};
        cr_str_addn(&s, base, (size_t)(at - base));
        cr_str_add(&s, change[i][1]);
        cr_str_add(&s, at + strlen(change[i][0]));
        h[i] = hash_of(cr_str_text(&s));
        cr_str_finish(&s);
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(h[i], h[k], "\"%s\" and \"%s\"", change[i][1], change[k][1]);
    }
}
