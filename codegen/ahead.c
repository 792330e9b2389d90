/* ahead.c - asking for the rows that the next step begins with (passes/ahead.c). */
#include <inttypes.h>

#include "writer.h"

/* States take the values that the step ends with; what was known of them before is forgotten. */
static void take_next_states(cr_emit *e, const cr_ahead *a)
{
    const cr_ix at[1] = {0}; /* of a scalar */
    cr_val *next = cr_arena_alloc(&e->arena, a->nassign * sizeof *next);
    if (!next) {
        e->failed = true;
        return;
    }
    for (uint32_t i = 0; i < a->nassign; i++)
        next[i] = cr_emit_value(e, cr_at(e->graph, a->assign[i])->src[1], at);
    e->memo.len = 0;
    for (uint32_t i = 0; i < a->nassign; i++)
        cr_emit_bind(e, cr_at(e->graph, a->assign[i])->src[0], at, next[i].text, 1);
}

static void fetch_rows(cr_emit *e, const cr_ahead *a)
{
    enum { LINE = 64 };
    const cr_node *n = cr_at(e->graph, a->gather);
    const cr_shape *table = cr_shape_of(e->graph, n->src[0]);
    const int64_t rows = cr_count_of(e->graph, n->src[1]);
    const int64_t bytes = (int64_t)cr_bytes_of(e->graph, a->gather) / rows,
                  size = (int64_t)cr_dtype_size((cr_dtype)n->dtype);
    cr_scope *s = cr_emit_open(e);
    cr_ix r = cr_ix_var(e->ix, "r", 0, rows - 1, s, false, false), at[CR_MAX_RANK] = {r};
    for (int i = 1; i < table->rank; i++)
        at[i] = cr_ix_const(e->ix, 0);
    at[0] = cr_emit_row(e, a->gather, &r);
    const char *first = cr_emit_ix(e, cr_emit_linear(e, table, at), false),
               *pointer = cr_emit_pointer(e, e->plan->buffer_of[n->src[0]]);
    cr_emit_line(e, e->now, "for (int i = 0; i < %" PRId64 "; i += %" PRId64 ")", bytes / size,
                 LINE / size);
    cr_emit_line(e, e->now, "    FETCH(%s + %s + i);", pointer, first);
    cr_emit_close(e, cr_arena_printf(&e->arena, "for (int r = 0; r < %" PRId64 "; r++) {", rows));
}

void cr_write_ahead(struct writer *w, const cr_launch *l)
{
    const cr_ahead *a = &l->ahead;
    const cr_phase p = {.node = a->node,
                        .nnode = a->nnode,
                        .load = a->load,
                        .nload = a->nload,
                        .schedule = {.vector = 1}};
    cr_strbuf declared = {0};
    cr_emit e;
    if (!cr_writer_open(w, &p, &declared, &e))
        return;
    take_next_states(&e, a);
    fetch_rows(&e, a);
    w->ahead = e.memories;
    cr_str_add(&w->phases, "\n/* Asks for the rows that the next step begins with. */\n"
                           "#if defined(__has_builtin)\n"
                           "#if __has_builtin(__builtin_prefetch)\n"
                           "#define FETCH(p) __builtin_prefetch(p, 0, 2)\n"
                           "#endif\n"
                           "#endif\n"
                           "#ifndef FETCH\n"
                           "#define FETCH(p) (void)(p)\n"
                           "#endif\n"
                           "static void ahead(");
    cr_writer_parameters(w, e.memories, true, NULL, &w->phases);
    cr_str_printf(&w->phases, ")\n{\n%s%s}\n", cr_str_text(&declared), cr_str_text(&e.root->text));
    cr_writer_close(w, &e);
}
