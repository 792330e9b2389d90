/* dot.c - pictures: what is drawn and how, and that Graphviz reads it. */
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "dot.h"

/* ---- helpers ------------------------------------------------------------------------------- */

static char *draw(const char *text, const struct cr_dot_options *o)
{
    cr_graph *g = cr_graph_parse(text, "t.cr");
    cr_assert(g, "%s", cr_error());
    cr_strbuf out = {0};
    cr_assert_eq(cr_dot_write(g, o, &out), CR_OK);
    cr_graph_destroy(g);
    return cr_str_take(&out);
}

static void has(const char *picture, const char *part)
{
    cr_assert(strstr(picture, part), "no `%s` in:\n%s", part, picture);
}

static void lacks(const char *picture, const char *part)
{
    cr_assert(!strstr(picture, part), "`%s` in:\n%s", part, picture);
}

/* Graphviz draws it, without a warning. */
static void check_graphviz(const char *picture)
{
    int status, in[2], err[2];
    char said[512] = "";
    cr_assert(pipe(in) == 0 && pipe(err) == 0);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        dup2(in[0], 0);
        dup2(err[1], 2);
        close(in[1]);
        execlp("dot", "dot", "-Tsvg", "-o", "/dev/null", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(err[1]);
    size_t left = strlen(picture);
    for (ssize_t n; left > 0 && (n = write(in[1], picture, left)) > 0; left -= (size_t)n)
        picture += n;
    close(in[1]);
    ssize_t n = read(err[0], said, sizeof said - 1);
    close(err[0]);
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        cr_skip("Graphviz is not installed");
    cr_assert(n <= 0, "dot: %s", said);
    cr_assert_eq(status, 0);
}

static const char net[] = "graph \"net\" {\n"
                          "  symbol batch <= 64\n"
                          "  %1 = input \"x\" : u8[batch,10] !1 \"x\" /src/net.c:1\n"
                          "  %2 = state \"w\" param : f32[10] !2 \"w\" /src/net.c:2\n"
                          "  %3 = cast %1 : f32[batch,10] !3 \"scale\" /src/net.c:3\n"
                          "  %4 = const 0.5 : f32\n"
                          "  %5 = expand %4 : f32[batch,10] !3\n"
                          "  %6 = sub %5, %3 : f32[batch,10] !3\n"
                          "  %7 = expand %2 : f32[batch,10] !4 \"mul\" /src/net.c:4\n"
                          "  %8 = mul %6, %7 : f32[batch,10] !4\n"
                          "  %9 = sum %8 axes(0) : f32[1,10] !5 \"sum\" /src/net.c:5\n"
                          "  %10 = reshape %9 : f32[10] !5\n"
                          "  %11 = exp %8 : f32[batch,10]\n"
                          "  assign %2, %10\n"
                          "  output \"y\", %8\n"
                          "  output \"half\", %4\n"
                          "}\n";

/* ---- what is drawn ------------------------------------------------------------------------- */

Test(dot, boxes_and_edges)
{
    char *s = draw(net, NULL);
    has(s, "label=\"net: 13 nodes\"");
    has(s, "n1 [label=\"x\\nu8 batch×10\", shape=parallelogram");
    has(s, "n2 [label=\"w\\n10\", shape=cylinder");
    has(s, "n9 [label=\"sum over 0\"");
    has(s, "n12 [label=\"w :=\", shape=cylinder");
    has(s, "n13 [label=\"y\", shape=box, peripheries=2");
    has(s, "n3 -> n6 [label=\" batch×10\"");
    check_graphviz(s);
    cr_string_free(s);
}

Test(dot, constants_are_written_into_boxes)
{
    char *s = draw(net, NULL);
    has(s, "n6 [label=\"sub 0.5, ·\"");
    has(s, "n14 [label=\"half = 0.5\"");
    lacks(s, "n4 ");
    lacks(s, "n5 ");
    cr_string_free(s);
}

Test(dot, movements_are_edges_with_both_shapes)
{
    char *s = draw(net, NULL);
    has(s, "n2 -> n8 [label=\" 10 → batch×10\"");
    has(s, "n9 -> n12 [label=\" 1×10 → 10\"");
    lacks(s, "n7 ");
    cr_string_free(s);
}

Test(dot, an_assign_has_no_edge_from_its_state)
{
    char *s = draw(net, NULL);
    lacks(s, "n2 -> n12");
    cr_string_free(s);
}

Test(dot, dead_nodes_only_when_asked_for)
{
    char *s = draw(net, NULL);
    lacks(s, "exp");
    cr_string_free(s);
    s = draw(net, &(struct cr_dot_options){.all = true});
    has(s, "n11 [label=\"exp\"");
    has(s, "n7 [label=\"expand\"");
    check_graphviz(s);
    cr_string_free(s);
}

Test(dot, a_graph_without_roots_is_drawn_whole)
{
    char *s = draw("graph \"g\" {\n%1 = input \"x\" : f32\n%2 = neg %1 : f32\n}", NULL);
    has(s, "g: 2 nodes");
    has(s, "n1 -> n2");
    cr_string_free(s);
    s = draw("graph \"\" {\n}", NULL);
    check_graphviz(s);
    cr_string_free(s);
}

/* ---- frames -------------------------------------------------------------------------------- */

Test(dot, ops_of_the_user_are_frames)
{
    char *s = draw(net, NULL);
    has(s, "subgraph cluster_0 {\n    label=\"scale   net.c:3\"");
    lacks(s, "cluster_1"); /* mul and sum have one box each */
    cr_string_free(s);
}

Test(dot, the_caller_chooses_frames)
{
    static const uint32_t region[15] = {
        [3] = 1, [5] = 1, [6] = 1, [7] = 2, [8] = 1, [9] = 2, [10] = 2};
    static const char *const note[15] = {[8] = "buffer \"a\""};
    const struct cr_dot_cluster regions[2] = {{.label = "k0", .fill = "#ffeeee"}, {.label = "k1"}};
    char *s = draw(
        net,
        &(struct cr_dot_options){
            .title = "plan", .cluster = region, .clusters = regions, .nclusters = 2, .note = note});
    has(s, "label=\"plan: 13 nodes\"");
    has(s, "subgraph cluster_0 {\n    label=\"k0\"; style=\"filled,rounded\"; color=\"#ced4da\"; "
           "fillcolor=\"#ffeeee\"");
    has(s, "subgraph cluster_1 {\n    label=\"k1\"");
    has(s, "n8 [label=\"mul\\nbuffer \\\"a\\\"\"");
    has(s, "n7 [label=\"expand\""); /* a movement between two frames stays a box */
    check_graphviz(s);
    cr_string_free(s);
}

/* ---- spaces -------------------------------------------------------------------------------- */

Test(dot, transfers_are_bold_and_say_their_bytes)
{
    char *s = draw("graph \"g\" {\n"
                   "  %1 = input \"x\" : f32[64,784] host\n"
                   "  %2 = copy %1 to device : f32[64,784]\n"
                   "  %3 = neg %2 : f32[64,784]\n"
                   "  %4 = copy %3 to host : f32[64,784] host\n"
                   "  output \"y\", %4 host\n"
                   "}\n",
                   NULL);
    has(s, "g: 5 nodes, 2 transfers, 392 KiB");
    has(s, "n1 -> n2 [label=\" 196 KiB\", penwidth=3.5");
    has(s, "n2 [label=\"to device\", shape=cds");
    has(s, "n1 [label=\"x\\n64×784\", shape=parallelogram, style=filled, fillcolor=\"#ffd8a8\"");
    has(s, "n2 -> n3 [label=\" 64×784\"]");
    check_graphviz(s);
    cr_string_free(s);
}

/* ---- strings ------------------------------------------------------------------------------- */

Test(dot, strings_are_escaped)
{
    char *s = draw("graph \"a\\\"b\\\\\" {\n"
                   "  %1 = input \"\\\\N \\\" \\n <b> \\\\\" : f32[2]\n"
                   "  %2 = neg %1 : f32[2] !1 \"]; \\\"x\\\" [\" a.c:1\n"
                   "  %3 = abs %2 : f32[2] !1\n"
                   "  output \"y\", %3\n"
                   "}\n",
                   NULL);
    has(s, "label=\"a\\\"b\\\\: 4 nodes\"");
    has(s, "n1 [label=\"\\\\N \\\"   <b> \\\\\\n2\"");
    check_graphviz(s);
    cr_string_free(s);
}

/* ---- memory -------------------------------------------------------------------------------- */

Test(dot, nothing_leaks_when_memory_ends)
{
    cr_graph *g = cr_graph_parse(net, "t.cr");
    size_t before = cr_alloc_live();
    char *s = NULL;
    for (int64_t n = 0; !s; n++) {
        cr_alloc_fail_after(n);
        s = cr_graph_dot(g);
        cr_alloc_fail_after(-1);
        if (!s)
            cr_assert_eq(cr_last_status(), CR_E_MEMORY);
        cr_assert_eq(cr_alloc_live(), before + (s ? 1 : 0));
    }
    cr_string_free(s);
    cr_graph_destroy(g);
}
