/* module.c - from a plan to a module: the program's text, kernels, memories, slots, steps. */
#include <inttypes.h>
#include <sys/stat.h>

#include "elementary.h"
#include "writer.h"

const char *cr_writer_keep(struct writer *w, const char *text)
{
    const char *copy = cr_arena_strdup(&w->m->arena, text);
    w->ok &= copy != NULL;
    return copy ? copy : "";
}

/* ---- names ---------------------------------------------------------------------------------- */

const char *cr_emit_memory_name(const cr_plan *plan, uint32_t memory, char *buf, size_t size)
{
    switch ((cr_memory_kind)plan->memory.at[memory].kind) {
    case CR_MEMORY_ARENA: return "arena";
    case CR_MEMORY_STORE: return "store";
    case CR_MEMORY_MEETING: return "meeting";
    case CR_MEMORY_WORK: return "work";
    default: snprintf(buf, size, "in%u", memory); return buf;
    }
}

static bool worth_naming(const cr_node *n)
{
    return cr_kind_of(n) == CR_KIND_EW || cr_kind_of(n) == CR_KIND_RED || n->op == CR_OP_matmul ||
           n->op == CR_OP_gather || n->op == CR_OP_random;
}

void cr_writer_describe(const struct writer *w, const cr_phase *p, char join, cr_strbuf *out)
{
    uint32_t n = 0, first = 0;
    for (uint32_t i = 0; i < p->nnode; i++)
        if (p->node[i] == p->anchor)
            first = i;
    if (p->anchor)
        cr_str_add(out, "matmul"), n++;
    for (uint32_t i = first; i < p->nnode && n < 5; i++) {
        const cr_node *node = cr_at(w->graph, p->node[i]);
        if (p->node[i] == p->anchor || !worth_naming(node))
            continue;
        if (n)
            cr_str_addn(out, &join, 1);
        cr_str_add(out, cr_ops[node->op].name);
        n++;
    }
    if (n == 0)
        cr_str_add(out, "copy");
}

/* ---- the head comment of a phase ------------------------------------------------------------ */

/* A value's line, with its place: what the plan says, not what the emitter has used. The tests hold
 * the kernel's loads and stores against these lines (tests/tools/kernel_check.c). */
static void place(const struct writer *w, const char *word, cr_ref r, cr_strbuf *out)
{
    char type[CR_TYPE_TEXT], memory[24];
    const cr_graph *g = w->graph;
    const cr_buffer *b = &w->plan->buffer.at[w->plan->buffer_of[r]];
    cr_str_printf(out, " *   %-3s %%%-4u %-9s %-14s %s+%" PRIu64, word, r,
                  cr_ops[cr_at(g, r)->op].name,
                  cr_type_text(g, (cr_dtype)cr_at(g, r)->dtype, cr_shape_of(g, r), type),
                  cr_emit_memory_name(w->plan, b->memory, memory, sizeof memory), b->offset);
    if (b->panel)
        cr_str_printf(out, ", in panels of %" PRId64 " columns", b->panel);
}

static void head(struct writer *w, const cr_phase *p, cr_strbuf *out)
{
    char type[CR_TYPE_TEXT];
    const cr_graph *g = w->graph;
    cr_str_printf(out,
                  "\n/* %" PRIu64 " FLOP, %" PRIu64 " bytes read, %" PRIu64 " written; %" PRIu64
                  " groups of %d\n",
                  p->flops, p->bytes_read, p->bytes_written, p->groups, p->schedule.local);
    for (uint32_t i = 0; i < p->nload; i++) {
        place(w, "in", p->load[i], out);
        cr_str_add(out, "\n");
    }
    for (uint32_t i = 0; i < p->nnode; i++) {
        const cr_node *n = cr_at(g, p->node[i]);
        cr_str_printf(out, " *       %%%-4u %-9s", p->node[i], cr_ops[n->op].name);
        for (int k = 0; k < n->nsrc; k++)
            cr_str_printf(out, "%s%%%u", k ? ", " : " ", n->src[k]);
        cr_str_printf(out, " : %s\n",
                      cr_type_text(g, (cr_dtype)n->dtype, cr_shape_of(g, p->node[i]), type));
    }
    for (uint32_t i = 0; i < p->nstore; i++) {
        const cr_plan_store *s = &p->store[i];
        place(w, "out", s->assign ? cr_at(g, s->assign)->src[0] : s->value, out);
        if (s->assign)
            cr_str_printf(out, ", its next value: %%%u", s->value);
        cr_str_add(out, "\n");
    }
    cr_str_add(out, " */\n");
}

/* ---- one phase ------------------------------------------------------------------------------ */

void cr_writer_parameters(struct writer *w, uint64_t memories, bool types, const cr_phase *p,
                          cr_strbuf *out)
{
    const char *sep = "";
    for (uint32_t i = 0; i < w->plan->memory.len; i++) {
        char buf[24];
        if (!(memories >> i & 1))
            continue;
        cr_str_printf(out, "%s%s%s", sep, types ? "global uchar *" : "",
                      cr_emit_memory_name(w->plan, i, buf, sizeof buf));
        sep = ", ";
    }
    for (int i = 0; p && i < CR_PANELS; i++) {
        if (!p->panel_bytes[i])
            continue;
        if (types)
            cr_str_printf(out, "%slocal float *panel_%c", sep, 'a' + i);
        else
            cr_str_printf(out, "%spanels + %" PRIu64, sep, cr_panel_offset(p, i) / sizeof(float));
        sep = ", ";
    }
    if (p && p->schedule.local > 1)
        cr_str_printf(out, "%s%s", sep, types ? "const int lid" : "lid");
}

bool cr_writer_open(struct writer *w, const cr_phase *p, cr_strbuf *declared, cr_emit *e)
{
    *e = (cr_emit){.plan = w->plan,
                   .graph = w->graph,
                   .phase = p,
                   .width = p->schedule.vector,
                   .valid = p->schedule.vector,
                   .inside = w->inside,
                   .declared = declared,
                   .ix = cr_ix_table_create()};
    if (!e->ix) {
        w->ok = false;
        return false;
    }
    for (uint32_t i = 0; i < p->nnode; i++)
        w->inside[p->node[i]] = true;
    e->lanes = cr_arena_printf(&e->arena, "L%d", e->width);
    e->root = cr_emit_open(e);
    e->lane = e->width > 1 ? cr_ix_var(e->ix, e->lanes, 0, e->width - 1, NULL, true, true)
                           : cr_ix_const(e->ix, 0);
    return true;
}

void cr_writer_close(struct writer *w, cr_emit *e)
{
    w->random |= e->random;
    for (int i = 0; i < 5; i++) {
        w->functions[i] |= e->functions[i];
        w->lanes[i] |= e->used_lanes && e->width == 1 << i;
    }
    w->ok &= !e->failed && !w->phases.failed;
    for (uint32_t i = 0; i < e->phase->nnode; i++)
        w->inside[e->phase->node[i]] = false;
    cr_str_finish(e->declared);
    cr_str_finish(&e->root->text);
    cr_vec_finish(&e->memo);
    cr_vec_finish(&e->pointer);
    cr_ix_table_destroy(e->ix);
    cr_arena_finish(&e->arena);
}

static void write_phase(struct writer *w, uint32_t id)
{
    const cr_phase *p = &w->plan->phase.at[id];
    cr_strbuf declared = {0}, name = {0};
    cr_emit e;
    if (!cr_writer_open(w, p, &declared, &e))
        return;
    if (p->family == CR_FAMILY_CONTRACT && !w->plan->options.reference_schedule)
        cr_emit_contract(&e);
    else
        cr_emit_nest(&e);

    cr_str_printf(&name, "p%u_", id);
    cr_writer_describe(w, p, '_', &name);
    w->names[id] = cr_writer_keep(w, cr_str_text(&name));
    w->memories[id] = e.memories;
    head(w, p, &w->phases);
    cr_str_printf(&w->phases, "static void %s(", w->names[id]);
    cr_writer_parameters(w, e.memories, true, p, &w->phases);
    cr_str_printf(&w->phases, ", const int g)\n{\n%s", cr_str_text(&declared));
    if (p->groups == 1)
        cr_str_add(&w->phases, "    (void)g;\n");
    cr_str_add(&w->phases, cr_str_text(&e.root->text));
    cr_str_add(&w->phases, "}\n");
    cr_str_finish(&name);
    cr_writer_close(w, &e);
}

/* ---- the program's text --------------------------------------------------------------------- */

/* The function that draws vectors of `width` numbers, each lane by itself. */
static void write_random(cr_strbuf *s, int width)
{
    char w[12] = "";
    if (width > 1)
        snprintf(w, sizeof w, "%d", width);
    cr_str_printf(
        s,
        "\n/* Philox 4x32-10 (Salmon et al., SC'11): the word of `element` in a stream, as a "
        "float in [0, 1). */\n"
        "static float%s cr_random%s(const int seed, const uint stream, const int step, "
        "const int%s element)\n{\n",
        w, w, w);
    cr_str_printf(
        s, "    uint%s c0 = as_uint%s(element) >> 2, c1 = (uint%s)((uint)step), c2 = 0, c3 = 0;\n",
        w, w, w);
    cr_str_printf(s,
                  "    uint k0 = (uint)seed, k1 = stream;\n"
                  "    for (int i = 0; i < 10; i++) {\n"
                  "        const uint%s hi0 = mul_hi((uint%s)(0xD2511F53u), c0);\n"
                  "        const uint%s hi1 = mul_hi((uint%s)(0xCD9E8D57u), c2);\n",
                  w, w, w, w);
    cr_str_printf(s,
                  "        const uint%s lo0 = c0 * 0xD2511F53u, lo1 = c2 * 0xCD9E8D57u;\n"
                  "        c0 = hi1 ^ c1 ^ k0, c1 = lo1, c2 = hi0 ^ c3 ^ k1, c3 = lo0;\n"
                  "        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;\n"
                  "    }\n",
                  w);
    cr_str_printf(
        s,
        "    const int%s which = element & 3;\n"
        "    const uint%s word = which == 0 ? c0 : which == 1 ? c1 : which == 2 ? c2 : c3;\n"
        "    return convert_float%s(word >> 8) * 0x1p-24f;\n"
        "}\n",
        w, w, w);
}

static void write_source(struct writer *w)
{
    cr_strbuf s = {0};
    cr_str_printf(&s,
                  "/* Generated by Crisol %s. Each function below is a phase: its nodes, sizes and "
                  "traffic are in its\n"
                  " * head comment; kernels at the end put phases into launches. */\n"
                  "#pragma OPENCL FP_CONTRACT OFF\n",
                  cr_version());
    for (int i = 1; i < 5; i++) {
        const int width = 1 << i;
        if (!w->lanes[i])
            continue;
        cr_str_printf(&s, "#define L%d ((int%d)(", width, width);
        for (int k = 0; k < width; k++)
            cr_str_printf(&s, k ? ", %d" : "%d", k);
        cr_str_add(&s, "))\n");
    }
    for (int i = 0; i < 5; i++)
        if (w->functions[i])
            cr_elementary_emit_set(&s, w->functions[i], 1 << i);
    for (int i = 0; i < 5; i++)
        if (w->random >> i & 1)
            write_random(&s, 1 << i);
    cr_str_add(&s, cr_str_text(&w->phases));
    if (w->resident)
        cr_write_meeting(w, &s);
    cr_str_add(&s, cr_str_text(&w->kernels));
    w->ok &= !s.failed && !w->kernels.failed;
    w->m->source = cr_writer_keep(w, cr_str_text(&s));
    const cr_target *t = w->plan->target;
    bool fence = t->device_fence && w->resident;
    w->m->options = t->correct_divide ? fence
                                            ? "-cl-fp32-correctly-rounded-divide-sqrt -cl-std=CL3.0"
                                            : "-cl-fp32-correctly-rounded-divide-sqrt"
                    : fence           ? "-cl-std=CL3.0"
                                      : "";
    cr_str_finish(&s);
}

/* ---- memories and slots --------------------------------------------------------------------- */

static void write_memories(struct writer *w)
{
    const cr_plan *plan = w->plan;
    cr_module *m = w->m;
    m->memory = cr_arena_alloc(&m->arena, (plan->memory.len + 1) * sizeof *m->memory);
    if (!m->memory) {
        w->ok = false;
        return;
    }
    for (uint32_t i = 0; i < plan->memory.len; i++) {
        const cr_plan_memory *p = &plan->memory.at[i];
        m->memory[i] = (cr_memory){(cr_memory_kind)p->kind,
                                   p->leaf ? cr_writer_keep(w, cr_name_of(w->graph, p->leaf))
                                           : cr_memory_kind_name((cr_memory_kind)p->kind),
                                   p->bytes};
    }
    m->nmemory = plan->memory.len;
}

/* A state that a launch works on is in the store between launches. */
static void add_slot(struct writer *w, cr_slot_kind kind, const char *name, cr_ref value)
{
    const cr_plan *plan = w->plan;
    const cr_buffer *b = &plan->buffer.at[plan->buffer_of[value]];
    const bool works = plan->work && b->memory == plan->work;
    w->m->slot[w->m->nslot++] = (cr_slot){.kind = kind,
                                          .name = cr_writer_keep(w, name),
                                          .memory = works ? plan->store : b->memory,
                                          .offset = b->offset + (works ? plan->work_first : 0),
                                          .bytes = b->bytes,
                                          .dtype = (cr_dtype)cr_at(w->graph, value)->dtype,
                                          .shape = *cr_shape_of(w->graph, value)};
}

static void write_slots(struct writer *w)
{
    const cr_graph *g = w->graph;
    w->m->slot = cr_arena_alloc(&w->m->arena, (g->node.len + 1) * sizeof *w->m->slot);
    if (!w->m->slot) {
        w->ok = false;
        return;
    }
    for (cr_ref r = 1; r < g->node.len; r++) {
        const cr_node *n = cr_at(g, r);
        if (n->op == CR_OP_INPUT && w->plan->buffer_of[r])
            add_slot(w, CR_SLOT_INPUT, cr_name_of(g, r), r);
        if (n->op == CR_OP_STATE && w->plan->buffer_of[r])
            add_slot(w, CR_SLOT_STATE, cr_name_of(g, r), r);
    }
    for (uint32_t i = 0; i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op == CR_OP_OUTPUT)
            add_slot(w, CR_SLOT_OUTPUT, cr_name_of(g, g->root.at[i]), n->src[0]);
    }
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void write_copy(struct writer *w, const cr_plan_step *p, cr_step *s)
{
    const cr_node *n = cr_at(w->graph, p->copy);
    const cr_buffer *from = &w->plan->buffer.at[w->plan->buffer_of[n->src[0]]];
    const cr_buffer *to = &w->plan->buffer.at[w->plan->buffer_of[p->copy]];
    const char *name = cr_name_of(w->graph, n->src[0]);
    s->kind = n->space == CR_SPACE_DEVICE ? CR_STEP_UPLOAD : CR_STEP_DOWNLOAD;
    s->label = cr_writer_keep(w, *name ? name : cr_ops[cr_at(w->graph, n->src[0])->op].name);
    s->from = from->memory;
    s->from_offset = from->offset;
    s->to = to->memory;
    s->to_offset = to->offset;
    s->bytes = to->bytes;
}

struct host {
    struct writer *w;
    cr_graph *g; /* the step's own graph */
    cr_ref *map; /* node of the plan's graph -> node of the step's */
    cr_host_arg *in, *out;
    uint32_t nin, nout;
};

static cr_ref host_leaf(struct host *h, cr_ref r)
{
    const cr_node *n = cr_at(h->w->graph, r);
    if (h->map[r])
        return h->map[r];
    if (n->nsrc == 0 && !cr_is_named_leaf(n)) {
        h->map[r] = cr_node_copy(h->g, h->w->graph, r, NULL);
        return h->map[r];
    }
    char name[24];
    snprintf(name, sizeof name, "v%u", r);
    const cr_buffer *b = &h->w->plan->buffer.at[h->w->plan->buffer_of[r]];
    h->in[h->nin++] = (cr_host_arg){cr_writer_keep(h->w, name), b->memory, b->offset};
    h->map[r] =
        cr_input_at((cr_loc){0}, h->g, name, (cr_dtype)n->dtype, *cr_shape_of(h->w->graph, r)).ref;
    return h->map[r];
}

static void host_output(struct host *h, cr_ref r, cr_ref place)
{
    char name[24];
    snprintf(name, sizeof name, "o%u", place);
    const cr_buffer *b = &h->w->plan->buffer.at[h->w->plan->buffer_of[place]];
    cr_output_at((cr_loc){0}, h->g, name, (cr_value){h->g, h->map[r]});
    h->out[h->nout++] = (cr_host_arg){cr_writer_keep(h->w, name), b->memory, b->offset};
}

static bool host_begin(struct host *h, struct writer *w, uint32_t n)
{
    *h = (struct host){.w = w, .g = cr_graph_like(w->graph)};
    h->map = cr_alloc(w->graph->node.len * sizeof *h->map);
    h->in = cr_arena_alloc(&w->m->arena, (3 * n + 1) * sizeof *h->in);
    h->out = cr_arena_alloc(&w->m->arena, (n + 1) * sizeof *h->out);
    return h->g && h->map && h->in && h->out;
}

static void host_end(struct host *h, cr_step *s, const char *label)
{
    char *text = h->g ? cr_graph_print(h->g) : NULL;
    *s = (cr_step){.kind = CR_STEP_HOST,
                   .label = label,
                   .text = text ? cr_writer_keep(h->w, text) : "",
                   .in = h->in,
                   .out = h->out,
                   .nin = h->nin,
                   .nout = h->nout};
    h->w->ok &= text != NULL && h->g->status == CR_OK;
    cr_string_free(text);
    cr_graph_destroy(h->g);
    cr_free(h->map);
}

static void write_host(struct writer *w, const cr_plan_step *p, cr_step *s)
{
    struct host h;
    if (!host_begin(&h, w, p->nnode))
        w->ok = false;
    for (uint32_t i = 0; w->ok && i < p->nnode; i++) {
        const cr_node *n = cr_at(w->graph, p->node[i]);
        cr_ref src[3] = {0};
        for (int k = 0; k < n->nsrc; k++)
            src[k] = host_leaf(&h, n->src[k]);
        cr_node copy = *n;
        copy.space = CR_SPACE_DEVICE; /* in a graph of its own there is one space */
        for (int k = 0; k < n->nsrc; k++)
            copy.src[k] = src[k];
        copy.shape = cr_intern_shape(h.g, cr_shape_of(w->graph, p->node[i]));
        const cr_attr *a = cr_attr_of(w->graph, p->node[i]);
        copy.attr = cr_intern_attr(h.g, a->at, a->len);
        h.map[p->node[i]] = cr_node_make(h.g, &copy);
    }
    for (uint32_t i = 0; w->ok && i < p->nnode; i++)
        host_output(&h, p->node[i], p->node[i]);
    host_end(&h, s, "host");
}

/* Host states take their next values when everything has read the old ones. */
static bool write_commit(struct writer *w, cr_step *s)
{
    const cr_graph *g = w->graph;
    const cr_plan *plan = w->plan;
    struct host h;
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        count += n->op == CR_OP_ASSIGN && n->space == CR_SPACE_HOST &&
                 plan->buffer_of[n->src[1]] != plan->buffer_of[n->src[0]];
    }
    if (count == 0)
        return false;
    if (!host_begin(&h, w, count))
        w->ok = false;
    for (uint32_t i = 0; w->ok && i < g->root.len; i++) {
        const cr_node *n = cr_at(g, g->root.at[i]);
        if (n->op != CR_OP_ASSIGN || n->space != CR_SPACE_HOST ||
            plan->buffer_of[n->src[1]] == plan->buffer_of[n->src[0]])
            continue;
        host_leaf(&h, n->src[1]);
        host_output(&h, n->src[1], n->src[0]);
    }
    host_end(&h, s, "commit");
    return true;
}

static void write_steps(struct writer *w)
{
    const cr_plan *plan = w->plan;
    cr_module *m = w->m;
    m->step = cr_arena_alloc(&m->arena, (plan->step.len + 2) * sizeof *m->step);
    if (!m->step) {
        w->ok = false;
        return;
    }
    for (uint32_t i = 0; w->ok && i < plan->step.len; i++) {
        const cr_plan_step *p = &plan->step.at[i];
        cr_step *s = &m->step[m->nstep++];
        switch (p->kind) {
        case CR_PLAN_LAUNCH:
            *s = (cr_step){
                .kind = CR_STEP_LAUNCH, .kernel = p->launch, .label = m->kernel[p->launch].label};
            break;
        case CR_PLAN_COPY: write_copy(w, p, s); break;
        case CR_PLAN_HOST: write_host(w, p, s); break;
        }
    }
    if (w->ok && write_commit(w, &m->step[m->nstep]))
        m->nstep++;
}

/* ---- the module ----------------------------------------------------------------------------- */

static bool within_limits(const struct writer *w)
{
    const cr_plan *plan = w->plan;
    if (plan->memory.len > MAX_MEMORIES) {
        cr_fail(CR_E_LIMIT,
                "the program needs %u separate memories, more than %d: feed fewer, larger inputs",
                plan->memory.len, MAX_MEMORIES);
        return false;
    }
    for (uint32_t i = 1; i < plan->buffer.len; i++) {
        const cr_buffer *b = &plan->buffer.at[i];
        if (b->bytes / cr_dtype_size((cr_dtype)cr_at(w->graph, b->value)->dtype) > INT32_MAX) {
            cr_fail(CR_E_LIMIT,
                    "node %%%u (%s) has more than 2^31 - 1 elements, which kernels cannot index",
                    b->value, cr_ops[cr_at(w->graph, b->value)->op].name);
            return false;
        }
    }
    return true;
}

/* Here rather than where programs are built, so that what no device has built is among the files
 * too. */
static bool dump(const char *source)
{
    const char *folder = getenv("CRISOL_DUMP_KERNELS");
    if (!folder || !*folder)
        return true;
    const size_t size = strlen(source);
    mkdir(folder, 0777); /* when that fails, so will the file */
    cr_strbuf path = {0};
    cr_str_printf(&path, "%s/%016" PRIx64 ".cl", folder, cr_hash(CR_HASH_SEED, source, size));
    FILE *there = path.failed ? NULL : fopen(path.at, "rb");
    bool ok = !path.failed && (there || cr_file_write(path.at, source, size) == CR_OK);
    if (there)
        fclose(there);
    cr_str_finish(&path);
    return ok;
}

cr_module *cr_codegen(const cr_plan *plan)
{
    struct writer w = {.plan = plan, .graph = plan->graph, .ok = true};
    if (!within_limits(&w))
        return NULL;
    w.m = cr_alloc(sizeof *w.m);
    w.inside = cr_alloc(plan->graph->node.len * sizeof *w.inside);
    w.memories = cr_alloc((plan->phase.len + 1) * sizeof *w.memories);
    w.names = cr_alloc((plan->phase.len + 1) * sizeof *w.names);
    if (w.m)
        w.m->kernel = cr_arena_alloc(&w.m->arena, (plan->launch.len + 1) * sizeof *w.m->kernel);
    w.ok = w.m && w.inside && w.memories && w.names && w.m->kernel;
    for (uint32_t i = 0; w.ok && i < plan->phase.len; i++)
        write_phase(&w, i);
    for (uint32_t i = 0; w.ok && i < plan->launch.len; i++)
        cr_write_kernel(&w, i);
    if (w.ok) {
        w.m->nkernel = plan->launch.len;
        w.m->name = cr_writer_keep(&w, plan->graph->name);
        w.m->repeat = plan->repeat;
        w.m->step_us = (uint64_t)plan->step_us + 1;
        w.m->alone_us = plan->alone_us;
        w.m->together_us = plan->together_us;
        w.m->together = plan->options.launches == CR_LAUNCH_RESIDENT;
        w.m->looks_per_us = plan->target->looks_per_us;
        w.m->peak_bytes = plan->peak_bytes;
        w.m->peak_bound_bytes = plan->bound_bytes;
        write_source(&w);
        write_memories(&w);
        write_slots(&w);
        write_steps(&w);
    }
    cr_str_finish(&w.phases);
    cr_str_finish(&w.kernels);
    cr_free(w.inside);
    cr_free(w.memories);
    cr_free(w.names);
    if (w.ok && dump(w.m->source))
        return w.m;
    if (!w.ok)
        cr_fail(CR_E_MEMORY, "codegen: out of memory");
    cr_module_destroy(w.m);
    return NULL;
}
