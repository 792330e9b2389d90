/* plan.c - plans as text, and their end. */
#include <inttypes.h>

#include "module.h"
#include "plan.h"

const struct cr_reason_info cr_reasons[CR_REASON_COUNT] = {
#define CR_X(name, fused, text) {#name, fused, text},
    CR_REASON_MAP(CR_X)
#undef CR_X
};

void cr_plan_destroy(cr_plan *p)
{
    if (!p)
        return;
    cr_vec_finish(&p->phase);
    cr_vec_finish(&p->edge);
    cr_vec_finish(&p->launch);
    cr_vec_finish(&p->step);
    cr_vec_finish(&p->memory);
    cr_vec_finish(&p->buffer);
    cr_arena_finish(&p->arena);
    cr_free(p);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void node_text(const cr_plan *p, cr_ref r, cr_strbuf *out)
{
    const char *name = cr_name_of(p->graph, r);
    cr_str_printf(out, "%%%u %s%s%s%s", r, cr_ops[cr_at(p->graph, r)->op].name, *name ? " \"" : "",
                  name, *name ? "\"" : "");
}

static void traffic_text(const cr_traffic *t, cr_strbuf *out)
{
    cr_str_printf(out, "%" PRIu64 " loads of %" PRIu64 " B, %" PRIu64 " stores of %" PRIu64 " B\n",
                  t->loads, t->load_bytes, t->stores, t->store_bytes);
}

static void phase_text(const cr_plan *p, uint32_t id, cr_strbuf *out)
{
    const cr_phase *ph = &p->phase.at[id];
    const cr_schedule *s = &ph->schedule;
    char type[CR_TYPE_TEXT];
    cr_str_printf(out, "    phase %u: %s over %s", id,
                  ph->family == CR_FAMILY_CONTRACT ? "contraction" : "nest",
                  cr_type_text(p->graph, CR_F32, &ph->domain, type) + 3);
    if (ph->family == CR_FAMILY_NEST && ph->parallel != (1u << ph->domain.rank) - 1)
        cr_str_printf(out, " parallel 0x%x", ph->parallel);
    cr_str_printf(out, ", %" PRIu64 " groups of %d, vector %d", ph->groups, s->local, s->vector);
    if (ph->family == CR_FAMILY_CONTRACT && s->reg_m)
        cr_str_printf(out, ", tile %dx%d, registers %dx%d, block %d%s%s%s", s->tile_m, s->tile_n,
                      s->reg_m, s->reg_n, s->block_k, s->stage_a ? ", A staged" : "",
                      s->stage_b ? ", B staged" : "",
                      s->k_outer ? ", sums kept between blocks" : "");
    else
        cr_str_printf(out, ", items %d", s->items);
    cr_str_printf(out,
                  "\n      %" PRIu64 " FLOP, %" PRIu64 " B read, %" PRIu64
                  " B written, %.1f us on one unit\n",
                  ph->flops, ph->bytes_read, ph->bytes_written, ph->cost_us);
    if (p->options.reference_schedule) {
        cr_str_add(out, "      issues ");
        traffic_text(&ph->issued, out);
    }
    for (uint32_t i = 0; i < ph->nload; i++) {
        cr_str_add(out, "      load ");
        node_text(p, ph->load[i], out);
        cr_str_add(out, "\n");
    }
    cr_str_add(out, "      compute");
    for (uint32_t i = 0; i < ph->nnode; i++)
        cr_str_printf(out, "%s%%%u %s", i ? ", " : " ", ph->node[i],
                      cr_ops[cr_at(p->graph, ph->node[i])->op].name);
    cr_str_add(out, "\n");
    for (uint32_t i = 0; i < ph->nstore; i++) {
        cr_str_add(out, "      store ");
        node_text(p, ph->store[i].value, out);
        if (ph->store[i].assign)
            cr_str_printf(out, " in place of state \"%s\"",
                          cr_name_of(p->graph, ph->store[i].assign));
        cr_str_add(out, "\n");
    }
}

static void steps_text(const cr_plan *p, cr_strbuf *out)
{
    for (uint32_t i = 0; i < p->step.len; i++) {
        const cr_plan_step *s = &p->step.at[i];
        if (s->kind == CR_PLAN_COPY) {
            const cr_node *n = cr_at(p->graph, s->copy);
            cr_str_printf(out, "  copy to %s ", n->space == CR_SPACE_DEVICE ? "device" : "host");
            node_text(p, n->src[0], out);
            cr_str_printf(out, ": %" PRIu64 " B\n", cr_bytes_of(p->graph, s->copy));
        } else if (s->kind == CR_PLAN_HOST) {
            cr_str_add(out, "  host");
            for (uint32_t k = 0; k < s->nnode; k++)
                cr_str_printf(out, " %%%u", s->node[k]);
            cr_str_add(out, "\n");
        } else {
            const cr_launch *l = &p->launch.at[s->launch];
            cr_str_printf(out, "  launch %u: %" PRIu64 "%s groups of %u, %u stage%s%s\n", s->launch,
                          l->groups, l->resident ? " resident" : "", l->local, l->nstage,
                          l->nstage == 1 ? "" : "s", p->repeat ? ", may repeat the step" : "");
            for (uint32_t k = 0; k < l->nphase; k++)
                phase_text(p, l->phase[k], out);
            if (l->ahead.gather) {
                cr_str_printf(out, "    fetches, before stage %u, the next step's ",
                              l->ahead.stage);
                node_text(p, l->ahead.gather, out);
                cr_str_add(out, "\n");
            }
        }
    }
}

static void memory_text(const cr_plan *p, cr_strbuf *out)
{
    cr_str_add(out, "memory\n");
    for (uint32_t i = 0; i < p->memory.len; i++) {
        const cr_plan_memory *m = &p->memory.at[i];
        cr_str_printf(out, "  %u %s%s%s: %" PRIu64 " B\n", i,
                      cr_memory_kind_name((cr_memory_kind)m->kind), m->leaf ? " " : "",
                      m->leaf ? cr_name_of(p->graph, m->leaf) : "", m->bytes);
    }
    for (uint32_t i = 1; i < p->buffer.len; i++) {
        const cr_buffer *b = &p->buffer.at[i];
        cr_str_printf(out, "  in %u at %" PRIu64 ": ", b->memory, b->offset);
        node_text(p, b->value, out);
        cr_str_printf(out, ", %" PRIu64 " B", b->bytes);
        if (b->panel)
            cr_str_printf(out, ", in panels of %" PRId64 " columns", b->panel);
        if (b->first)
            cr_str_printf(out, b->last == UINT32_MAX ? ", from %u" : ", from %u to %u", b->first,
                          b->last);
        cr_str_add(out, "\n");
    }
    cr_str_printf(out, "  arena peak %" PRIu64 " B, lower bound %" PRIu64 " B\n", p->peak_bytes,
                  p->bound_bytes);
}

cr_ref cr_plan_source(const cr_plan *p, const cr_phase *phase, cr_ref r)
{
    const cr_ref copy = p->copy_of ? p->copy_of[r] : 0;
    for (uint32_t i = 0; copy && i < phase->nload; i++)
        if (phase->load[i] == copy)
            return copy;
    return r;
}

uint64_t cr_panel_offset(const cr_phase *p, int panel)
{
    uint64_t at = 0;
    for (int i = 0; i < panel; i++)
        at += cr_align_up(p->panel_bytes[i], CR_PANEL_ALIGN);
    return at;
}

void cr_plan_print(const cr_plan *p, cr_strbuf *out)
{
    static const char *const variants[] = {"fused", "unfused", "naive"};
    uint64_t in = 0, bytes = 0;
    cr_traffic issued = {0};
    for (uint32_t i = 0; i < p->phase.len; i++) {
        const cr_traffic *t = &p->phase.at[i].issued;
        issued = (cr_traffic){issued.loads + t->loads, issued.load_bytes + t->load_bytes,
                              issued.stores + t->stores, issued.store_bytes + t->store_bytes};
        in += p->phase.at[i].flops;
        bytes += p->phase.at[i].bytes_read + p->phase.at[i].bytes_written;
    }
    cr_str_printf(out,
                  "plan of \"%s\", %s, for %s: %u phases in %u launches, %" PRIu64 " FLOP, %" PRIu64
                  " B, %.1f us\n",
                  p->graph->name, variants[p->options.variant], p->target->name, p->phase.len,
                  p->launch.len, in, bytes, p->step_us);
    if (p->options.reference_schedule) {
        cr_str_add(out, "  the reference schedule issues ");
        traffic_text(&issued, out);
    }
    steps_text(p, out);
    memory_text(p, out);
}

void cr_plan_print_reasons(const cr_plan *p, cr_strbuf *out)
{
    uint64_t saved = 0;
    uint32_t fused = 0;
    for (uint32_t i = 0; i < p->edge.len; i++) {
        const cr_edge *e = &p->edge.at[i];
        node_text(p, e->producer, out);
        cr_str_add(out, " -> ");
        node_text(p, e->consumer, out);
        cr_str_printf(out, ": %s", cr_reasons[e->reason].text);
        if (e->bytes_saved)
            cr_str_printf(out, "; saves %" PRIu64 " B", e->bytes_saved);
        cr_str_add(out, "\n");
        fused += cr_reasons[e->reason].fused;
        saved += e->bytes_saved;
    }
    cr_str_printf(out, "%u edges, %u fused, %" PRIu64 " B saved\n", p->edge.len, fused, saved);
}
