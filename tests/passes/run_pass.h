/* run_pass.h - a graph from its text, through some passes. */
#ifndef CR_TESTS_RUN_PASS_H
#define CR_TESTS_RUN_PASS_H

#include <criterion/criterion.h>

#include "passes.h"

/* A context for the graph of that body ("%1 = input ..."), nothing run yet. */
static inline cr_pass_context pass_context(const char *body)
{
    cr_strbuf text = {0};
    cr_str_printf(&text, "graph \"g\" {\n%s\n}\n", body);
    cr_pass_context cx = {.graph = cr_graph_parse(cr_str_text(&text), "g.cr")};
    cr_assert(cx.graph, "%s", cr_error());
    cr_str_finish(&text);
    cx.target = cr_target_builtin("cpu");
    cx.options.assigns = true;
    cx.options.max_transfer_bytes = UINT64_MAX;
    return cx;
}

static inline void run_passes(cr_pass_context *cx, const char *passes)
{
    cr_assert_eq(cr_pipeline_run(cx, passes, NULL), CR_OK, "%s", cr_error());
}

static inline cr_pass_context after_passes(const char *body, const char *passes)
{
    cr_pass_context cx = pass_context(body);
    run_passes(&cx, passes);
    return cx;
}

/* The passes leave the graph of `expected` (node numbers and all, origins apart). */
static inline void becomes(const char *body, const char *passes, const char *expected)
{
    cr_pass_context cx = after_passes(body, passes), want = pass_context(expected);
    char *a = cr_graph_print(cx.graph), *b = cr_graph_print(want.graph);
    cr_expect_str_eq(a, b);
    cr_string_free(a);
    cr_string_free(b);
    cr_pass_context_finish(&cx);
    cr_pass_context_finish(&want);
}

static inline uint32_t count_ops(const cr_graph *g, cr_op op)
{
    uint32_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->op == op;
    return n;
}

static inline uint64_t moved_bytes(const cr_graph *g, cr_space to)
{
    uint64_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        if (cr_at(g, r)->op == CR_OP_COPY && cr_at(g, r)->space == to)
            n += cr_bytes_of(g, r);
    return n;
}

#endif
