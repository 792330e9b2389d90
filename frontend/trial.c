/* trial.c - see trial.h. */
#include "trial.h"

/* ---- taking a phase out ---------------------------------------------------------------------- */

struct take {
    const cr_graph *from;
    cr_graph *to;
    cr_ref *map;
};

static bool take_loads(struct take *t, const cr_plan *plan, const cr_phase *p)
{
    for (uint32_t i = 0; i < p->nload; i++) {
        char name[24];
        snprintf(name, sizeof name, "load%u", i);
        const cr_node *n = cr_at(t->from, p->load[i]);
        t->map[p->load[i]] =
            cr_input_at(CR_HERE, t->to, name, (cr_dtype)n->dtype, *cr_shape_of(t->from, p->load[i]))
                .ref;
    }
    /* What is computed from a state may read a copy of it. */
    for (cr_ref r = 1; r < t->from->node.len; r++)
        if (!t->map[r] && cr_is_named_leaf(cr_at(t->from, r)))
            t->map[r] = t->map[cr_plan_source(plan, p, r)];
    return t->to->status == CR_OK;
}

/* Constants and what is made of them stand in no phase's list. */
static cr_ref take_node(struct take *t, cr_ref r)
{
    const cr_node *n = cr_at(t->from, r);
    cr_ref src[3] = {0};
    if (t->map[r])
        return t->map[r];
    if (cr_is_named_leaf(n) || n->space != CR_SPACE_DEVICE)
        return 0;
    for (int i = 0; i < n->nsrc; i++)
        if (!(src[i] = take_node(t, n->src[i])))
            return 0;
    return t->map[r] = cr_node_copy(t->to, t->from, r, src);
}

static bool take_all(struct take *t, const cr_plan *plan, const cr_phase *p)
{
    if (!take_loads(t, plan, p))
        return false;
    for (uint32_t i = 0; i < p->nnode; i++)
        if (!take_node(t, p->node[i]))
            return false;
    for (uint32_t i = 0; i < p->nstore; i++) {
        char name[24];
        snprintf(name, sizeof name, "store%u", i);
        cr_ref value = t->map[p->store[i].value];
        bool again = !value;
        for (uint32_t k = 0; k < i; k++)
            again |= p->store[k].value == p->store[i].value;
        if (!again)
            cr_output_at(CR_HERE, t->to, name, (cr_value){t->to, value});
    }
    return t->to->status == CR_OK;
}

cr_graph *cr_phase_graph(const cr_plan *plan, const cr_phase *p)
{
    struct take t = {.from = plan->graph, .to = cr_graph_like(plan->graph)};
    t.map = cr_alloc(plan->graph->node.len * sizeof *t.map);
    bool ok = t.to && t.map && take_all(&t, plan, p);
    cr_free(t.map);
    if (ok)
        return t.to;
    cr_graph_destroy(t.to);
    return NULL;
}

const cr_phase *cr_plan_contraction(const cr_plan *plan, const char *key)
{
    char found[CR_TUNED_KEY];
    for (uint32_t i = 0; i < plan->phase.len; i++)
        if (plan->phase.at[i].family == CR_FAMILY_CONTRACT &&
            strcmp(cr_tuned_key(plan, &plan->phase.at[i], found), key) == 0)
            return &plan->phase.at[i];
    return NULL;
}

/* ---- programs -------------------------------------------------------------------------------- */

static void make_up(const cr_slot *s, float *data)
{
    uint32_t state = 1;
    for (uint64_t i = 0; s->dtype == CR_F32 && i < s->bytes / sizeof *data; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = 0.5f + (float)(state >> 8) / (float)(1u << 25);
    }
}

static cr_status feed(cr_trial *t)
{
    const cr_module *m = cr_program_module(t->program);
    for (uint32_t i = 0; i < m->nslot; i++) {
        const cr_slot *s = &m->slot[i];
        if (s->kind != CR_SLOT_INPUT)
            continue;
        void *data = cr_arena_alloc(&t->arena, s->bytes);
        if (!data)
            return CR_E_MEMORY;
        make_up(s, data);
        CR_TRY(cr_feed(t->program, s->name, data, s->bytes));
    }
    return CR_OK;
}

cr_status cr_trial_create(cr_trial *t, const cr_graph *g, const cr_compile_options *o,
                          const cr_target *target, const cr_tuned *list, uint32_t n)
{
    cr_compile_options options = *o;
    cr_strbuf text = {0};
    if (n)
        cr_tuned_print(target, list, n, &text);
    options.schedules = cr_str_text(&text);
    *t = (cr_trial){.program = text.failed ? NULL : cr_compile(g, &options)};
    cr_str_finish(&text);
    if (t->program && feed(t) == CR_OK)
        return CR_OK;
    cr_trial_destroy(t);
    return cr_last_status();
}

void cr_trial_destroy(cr_trial *t)
{
    cr_program_destroy(t->program);
    cr_arena_finish(&t->arena);
    *t = (cr_trial){0};
}

/* ---- times ----------------------------------------------------------------------------------- */

/* How many runs take so long: known from the last time, else from one run after one that warms up.
 */
static cr_status runs_in(cr_trial *t, double seconds, uint64_t *n)
{
    for (int i = 0; t->each <= 0 && i < 2; i++) {
        double begin = cr_now();
        CR_TRY(cr_run(t->program, 1));
        CR_TRY(cr_wait(t->program));
        if (i)
            t->each = CR_MAX(cr_now() - begin, 1e-7);
    }
    *n = (uint64_t)CR_MAX(1, CR_MIN(seconds / t->each, 1e6));
    return CR_OK;
}

cr_status cr_trial_kernels(cr_trial *t, double seconds, double *us)
{
    cr_profile p;
    uint64_t n;
    CR_TRY(runs_in(t, seconds, &n));
    CR_TRY(cr_profile_run(t->program, CR_MIN(n, 200), &p));
    *us = 0;
    for (uint32_t i = 0; i < p.nrow; i++)
        if (strcmp(p.row[i].kind, "kernel") == 0)
            *us += p.row[i].median_us;
    cr_profile_finish(&p);
    return CR_OK;
}

cr_status cr_trial_steps(cr_trial *t, double seconds, double *us)
{
    uint64_t n;
    CR_TRY(runs_in(t, seconds, &n));
    double begin = cr_now();
    CR_TRY(cr_run(t->program, n));
    CR_TRY(cr_wait(t->program));
    t->each = (cr_now() - begin) / (double)n;
    *us = t->each * 1e6;
    return CR_OK;
}
