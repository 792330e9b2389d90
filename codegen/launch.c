/* launch.c - launches as kernels: phases side by side, one after the other in a single work-group,
 * or one after the other in resident groups that share out the groups of each phase. */
#include <inttypes.h>

#include "writer.h"

static void line(struct writer *w, int depth, const char *fmt, ...) CR_PRINTF(3, 4);
static void line(struct writer *w, int depth, const char *fmt, ...)
{
    va_list ap;
    for (int i = 0; i < depth; i++)
        cr_str_add(&w->kernels, "    ");
    va_start(ap, fmt);
    cr_str_vprintf(&w->kernels, fmt, ap);
    va_end(ap);
}

static void call(struct writer *w, uint32_t phase, const char *g, int depth)
{
    const cr_phase *p = &w->plan->phase.at[phase];
    line(w, depth, "%s(", w->names[phase]);
    cr_writer_parameters(w, w->memories[phase], false, p, &w->kernels);
    cr_str_printf(&w->kernels, ", %s);\n", g);
}

/* Groups side by side: each phase takes a range of group numbers. */
static void side_by_side(struct writer *w, const cr_launch *l)
{
    uint64_t first = 0;
    cr_str_add(&w->kernels, "    const int g = get_group_id(0);\n");
    for (uint32_t i = 0; i < l->nphase; i++) {
        const cr_phase *p = &w->plan->phase.at[l->phase[i]];
        char g[48];
        snprintf(g, sizeof g, first ? "g - %" PRIu64 : "g%.0" PRIu64, first);
        first += p->groups;
        bool last = i + 1 == l->nphase;
        if (l->nphase > 1 && !last)
            cr_str_printf(&w->kernels, "    %sif (g < %" PRIu64 ")\n", i ? "else " : "", first);
        else if (l->nphase > 1)
            cr_str_add(&w->kernels, "    else\n");
        call(w, l->phase[i], g, l->nphase > 1 ? 2 : 1);
    }
}

/* The groups of a phase that a resident group takes. Where there are enough, a range of neighbours,
 * the same in every step: a unit keeps its columns of the weights in its cache. Where there are
 * fewer, they go to the units in turn; `turn` counts those of the stage. */
static void share_out(struct writer *w, const cr_launch *l, const cr_phase *p, uint64_t *turn,
                      int depth)
{
    if (p->groups >= l->groups) {
        line(w, depth,
             "for (int g = (int)((long)unit * %" PRIu64
             " / units); g < (int)((long)(unit + 1) * %" PRIu64 " / units); g++) {\n",
             p->groups, p->groups);
        return;
    }
    uint64_t shift = (l->groups - *turn % l->groups) % l->groups;
    line(w, depth, "for (int g = (unit + %" PRIu64 ") %% units; g < %" PRIu64 "; g += units) {\n",
         shift, p->groups);
    *turn += p->groups;
}

static void between_stages(struct writer *w, const cr_launch *l, int depth)
{
    if (l->resident) {
        line(w, depth, "if (!meet(place, units, &round, &left%s))\n",
             l->local > 1 ? ", lid, came" : "");
        line(w, depth + 1, "return;\n");
    } else if (l->local > 1) { /* a single work-item is in order with itself */
        line(w, depth, "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n");
    }
}

/* Stage after stage; the whole step may repeat. */
static void in_sequence(struct writer *w, const cr_launch *l, bool repeat)
{
    int depth = 1;
    uint64_t turn = 0;
    if (repeat)
        line(w, depth++, "for (int s = 0; s < steps; s++) {\n");
    bool fetches = l->ahead.gather != 0;
    for (uint32_t i = 0; i < l->nphase; i++) {
        const cr_phase *p = &w->plan->phase.at[l->phase[i]];
        if (fetches && p->stage == l->ahead.stage) {
            line(w, depth, "ahead(");
            cr_writer_parameters(w, w->ahead, false, NULL, &w->kernels);
            cr_str_add(&w->kernels, ");\n");
            fetches = false;
        }
        bool last = i + 1 == l->nphase || w->plan->phase.at[l->phase[i + 1]].stage != p->stage;
        if (l->resident)
            share_out(w, l, p, &turn, depth);
        else if (p->groups == 1)
            line(w, depth, "{\n");
        else
            line(w, depth, "for (int g = 0; g < %" PRIu64 "; g++) {\n", p->groups);
        call(w, l->phase[i], p->groups == 1 && !l->resident ? "0" : "g", depth + 1);
        line(w, depth, "}\n");
        if (!last)
            continue;
        between_stages(w, l, depth);
        turn = 0;
    }
    if (repeat)
        line(w, --depth, "}\n");
}

/* ---- resident groups ------------------------------------------------------------------------ */

/* Copies between the store and the work memory; `commit`: into the store. Panels have been chosen
 * so that they consist of whole lines. */
static void move(struct writer *w, const cr_launch *l, const char *commit, int depth)
{
    if (w->plan->work)
        line(w, depth, "move_states(store + %" PRIu64 ", work, %s, unit, units%s);\n",
             w->plan->work_first, commit, l->local > 1 ? ", lid" : "");
}

/* OpenCL promises no progress between work-groups, so that waiting is bounded, a launch that gives
 * up changes nothing, and one group alone can do its work (module.h). */
static void enter(struct writer *w, const cr_launch *l)
{
    const bool lid = l->local > 1;
    line(w, 1, "volatile global int *place = (volatile global int *)meeting;\n");
    line(w, 1, "const int unit = get_group_id(0), units = get_num_groups(0);\n");
    line(w, 1, "int round = 0, left = patience;\n");
    line(w, 1, "if (patience < 0) {\n");
    line(w, 2, "const bool ended = place[%d] == (1 + steps * %u) * %" PRIu64 ";\n",
         CR_MEETING_ARRIVED, l->nstage, l->groups);
    if (w->plan->work)
        line(w, 2, "const bool committed = place[%d] == %" PRIu64 ";\n", CR_MEETING_COMMITTED,
             l->groups);
    if (lid)
        line(w, 2, "barrier(CLK_GLOBAL_MEM_FENCE);\n");
    if (lid)
        line(w, 2, "if (lid == 0) {\n");
    line(w, 2 + lid, "for (int i = 0; i < %d; i++)\n", CR_MEETING_MENDED);
    line(w, 3 + lid, "place[i] = 0;\n");
    line(w, 2 + lid, "place[%d] += !ended;\n", CR_MEETING_MENDED);
    if (lid)
        line(w, 2, "}\n");
    if (w->plan->work)
        line(w, 2, "if (ended && !committed)\n");
    move(w, l, "true", 3);
    line(w, 2, "if (ended)\n");
    line(w, 3, "return;\n");
    line(w, 1, "}\n");
    move(w, l, "false", 1);
    line(w, 1, "if (!meet(place, units, &round, &left%s))\n", lid ? ", lid, came" : "");
    line(w, 2, "return;\n");
}

static void leave(struct writer *w, const cr_launch *l)
{
    move(w, l, "true", 1);
    line(w, 1, "if (units > 1%s)\n", l->local > 1 ? " && lid == 0" : "");
    line(w, 2, "atomic_inc(&place[%d]);\n", CR_MEETING_COMMITTED);
}

/* move_lines, or with `panels` move_panels: they differ in where a line is in the store. */
static void write_move(bool panels, bool lid, cr_strbuf *out)
{
    if (panels)
        cr_str_add(out, "\n/* The same of a state that is in panels in `work`: rows of so many "
                        "panels, each of `width` lines. */\n");
    else
        cr_str_printf(out, "\n/* A unit's share of lines of %d bytes. */\n", CR_WORK_LINE);
    cr_str_printf(
        out,
        "static void move_%s(global ulong8 *store, global ulong8 *work, const bool commit, "
        "const int %s, const int unit, const int units%s)\n{\n%s",
        panels ? "panels" : "lines", panels ? "rows, const int panels, const int width" : "lines",
        lid ? ", const int lid" : "",
        panels ? "    const int lines = rows * panels * width;\n" : "");
    cr_str_printf(out,
                  "    const int end = (int)((long)(unit + 1) * lines / units);\n"
                  "    for (int i = (int)((long)unit * lines / units)%s; i < end; i += %s) {\n",
                  lid ? " + lid" : "", lid ? "(int)get_local_size(0)" : "1");
    if (panels)
        cr_str_add(out, "        const int row = i / width % rows, panel = i / width / rows;\n"
                        "        const int there = (row * panels + panel) * width + i % width;\n");
    const char *there = panels ? "there" : "i";
    cr_str_printf(out,
                  "        if (commit)\n"
                  "            store[%s] = work[i];\n"
                  "        else\n"
                  "            work[i] = store[%s];\n"
                  "    }\n}\n",
                  there, there);
}

static int by_offset(const void *a, const void *b)
{
    const cr_buffer *x = *(const cr_buffer *const *)a, *y = *(const cr_buffer *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void move_segment(uint64_t from, uint64_t to, bool lid, cr_strbuf *out)
{
    if (to > from)
        cr_str_printf(out,
                      "    move_lines((global ulong8 *)(store + %" PRIu64
                      "), (global ulong8 *)(work + %" PRIu64 "), commit, %" PRIu64
                      ", unit, units%s);\n",
                      from, from, (to - from) / CR_WORK_LINE, lid ? ", lid" : "");
}

/* States in panels one by one, what is between them as it lies. */
static void write_move_states(struct writer *w, bool lid, cr_strbuf *out)
{
    const cr_plan *plan = w->plan;
    const cr_buffer **panels = cr_arena_alloc(&w->m->arena, plan->buffer.len * sizeof *panels);
    uint32_t n = 0;
    w->ok &= panels != NULL;
    for (uint32_t i = 1; panels && i < plan->buffer.len; i++)
        if (plan->buffer.at[i].panel)
            panels[n++] = &plan->buffer.at[i];
    if (n)
        qsort(panels, n, sizeof *panels, by_offset);
    write_move(false, lid, out);
    if (n)
        write_move(true, lid, out);
    cr_str_printf(out,
                  "\n/* The states that the step assigns, between launches and in one. */\n"
                  "static void move_states(global uchar *store, global uchar *work, const bool "
                  "commit, const int unit, const int units%s)\n{\n",
                  lid ? ", const int lid" : "");
    uint64_t done = 0;
    for (uint32_t i = 0; i < n; i++) {
        const cr_buffer *b = panels[i];
        const uint64_t row =
            (uint64_t)b->panel * cr_dtype_size((cr_dtype)cr_at(plan->graph, b->value)->dtype);
        const cr_shape *s = cr_shape_of(plan->graph, b->value);
        const int64_t columns = s->dim[s->rank - 1];
        move_segment(done, b->offset, lid, out);
        cr_str_printf(out,
                      "    move_panels((global ulong8 *)(store + %" PRIu64
                      "), (global ulong8 *)(work + %" PRIu64 "), commit, %" PRId64 ", %" PRId64
                      ", %" PRIu64 ", unit, units%s);\n",
                      b->offset, b->offset, cr_count_of(plan->graph, b->value) / columns,
                      columns / b->panel, row / CR_WORK_LINE, lid ? ", lid" : "");
        done = b->offset + b->bytes;
    }
    move_segment(done, plan->memory.at[plan->work].bytes, lid, out);
    cr_str_add(out, "}\n");
}

/* Arriving is an atomic operation, and so is the last look: neither the compiler nor the device
 * moves loads and stores across them. Between them plain reads do: they disturb nobody. */
void cr_write_meeting(struct writer *w, cr_strbuf *out)
{
    const bool lid = w->plan->launch.at[0].local > 1;
    if (w->plan->work)
        write_move_states(w, lid, out);
    cr_str_add(out, "\n/* Orders memory across work-groups where the language can say it; on CPUs "
                    "any fence does. */\n"
                    "#if __OPENCL_C_VERSION__ >= 200\n"
                    "#define FENCE() atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, "
                    "memory_order_acq_rel, memory_scope_device)\n"
                    "#else\n"
                    "#define FENCE() mem_fence(CLK_GLOBAL_MEM_FENCE)\n"
                    "#endif\n");
    cr_str_printf(
        out,
        "\n/* The groups of a launch meet: none goes on before all have come. False: one did not "
        "come in time. */\n"
        "static bool meet(volatile global int *meeting, const int units, int *round, int *left%s)\n"
        "{\n",
        lid ? ", const int lid, local int *came" : "");
    if (lid)
        cr_str_add(out, "    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n");
    cr_str_add(out, "    if (units == 1)\n        return true;\n    *round += units;\n");
    if (lid)
        cr_str_add(out, "    if (lid == 0) {\n");
    const char *in = lid ? "    " : "";
    cr_str_printf(out, "%s    FENCE();\n", in);
    cr_str_printf(out, "%s    atomic_inc(&meeting[%d]);\n", in, CR_MEETING_ARRIVED);
    cr_str_printf(out, "%s    while (meeting[%d] < *round && meeting[%d] == 0)\n", in,
                  CR_MEETING_ARRIVED, CR_MEETING_GAVE_UP);
    cr_str_printf(out, "%s        if (--*left < 0)\n%s            atomic_xchg(&meeting[%d], 1);\n",
                  in, in, CR_MEETING_GAVE_UP);
    cr_str_printf(out, "%s    FENCE();\n", in);
    cr_str_printf(out, "%s    %s atomic_add(&meeting[%d], 0) == 0;\n", in,
                  lid ? "*came =" : "return", CR_MEETING_GAVE_UP);
    if (lid)
        cr_str_add(
            out,
            "    }\n    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n    return *came;\n");
    cr_str_add(out, "}\n");
}

/* ---- kernels -------------------------------------------------------------------------------- */

static void label_launch(struct writer *w, const cr_launch *l, cr_kernel *k)
{
    cr_strbuf s = {0};
    for (uint32_t i = 0; i < l->nphase && i < 4; i++) {
        if (i)
            cr_str_add(&s, " | ");
        cr_writer_describe(w, &w->plan->phase.at[l->phase[i]], '+', &s);
    }
    if (l->nphase > 4)
        cr_str_printf(&s, " | %u more", l->nphase - 4);
    k->label = cr_writer_keep(w, cr_str_text(&s));
    cr_str_finish(&s);
}

void cr_write_kernel(struct writer *w, uint32_t id)
{
    const cr_launch *l = &w->plan->launch.at[id];
    cr_kernel *k = &w->m->kernel[id];
    bool repeat = w->plan->repeat;
    uint64_t memories = 0;
    bool lid = l->local > 1;
    for (uint32_t i = 0; i < l->nphase; i++) {
        const cr_phase *p = &w->plan->phase.at[l->phase[i]];
        memories |= w->memories[l->phase[i]];
        k->flops += p->flops;
        k->bytes_read += p->bytes_read;
        k->bytes_written += p->bytes_written;
    }
    if (l->ahead.gather)
        cr_write_ahead(w, l);
    memories |= w->ahead;
    cr_strbuf name = {0};
    if (l->nphase == 1)
        cr_str_printf(&name, "k%u_%s", id, strchr(w->names[l->phase[0]], '_') + 1);
    else
        cr_str_printf(&name, "k%u_%u_phases", id, l->nphase);
    k->name = cr_writer_keep(w, cr_str_text(&name));
    cr_str_finish(&name);
    label_launch(w, l, k);
    k->groups = l->groups;
    k->local = l->local;
    k->repeat = repeat;
    k->resident = l->resident;
    w->resident |= l->resident;
    for (uint32_t i = 0; l->resident && i < w->plan->memory.len; i++)
        if (w->plan->memory.at[i].kind == CR_MEMORY_MEETING ||
            (w->plan->work && (i == w->plan->work || i == w->plan->store)))
            memories |= (uint64_t)1 << i;
    uint32_t *list = cr_arena_alloc(&w->m->arena, MAX_MEMORIES * sizeof *list);
    w->ok &= list != NULL;
    for (uint32_t i = 0; list && i < w->plan->memory.len; i++)
        if (memories >> i & 1)
            list[k->nmemory++] = i;
    k->memory = list;

    cr_str_printf(&w->kernels, "\nkernel __attribute__((reqd_work_group_size(%u, 1, 1))) void %s(",
                  l->local, k->name);
    cr_writer_parameters(w, memories, true, NULL, &w->kernels);
    cr_str_add(&w->kernels, repeat ? ", const int steps" : "");
    cr_str_add(&w->kernels, l->resident ? ", const int patience" : "");
    /* arguments rather than arrays in the kernel, of which PoCL 3.1 crashes when a constant is
     * added */
    if (l->local_bytes) {
        /* vectors, so that whole ones may be read and written: drivers align an argument to its
         * type */
        cr_str_printf(&w->kernels, ", local float%d *vectors",
                      (int)CR_MAX(4, w->plan->target->vector_width));
        k->local_bytes[k->nlocal++] = l->local_bytes;
    }
    if (l->resident && lid) {
        cr_str_add(&w->kernels, ", local int *came");
        k->local_bytes[k->nlocal++] = CR_MEETING_LOCAL;
    }
    cr_str_add(&w->kernels, ")\n{\n");
    if (l->local_bytes)
        line(w, 1, "local float *panels = (local float *)vectors;\n");
    if (lid)
        cr_str_add(&w->kernels, "    const int lid = get_local_id(0);\n");
    if (l->resident)
        enter(w, l);
    if (l->nstage > 1 || repeat)
        in_sequence(w, l, repeat);
    else
        side_by_side(w, l);
    if (l->resident)
        leave(w, l);
    cr_str_add(&w->kernels, "}\n");
}
