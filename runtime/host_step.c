/* host_step.c - see host_step.h. */
#include "host_step.h"

#include "ir.h"

struct cr_host_step {
    const cr_step *step;
    cr_graph *graph;
    cr_interp *interp;
    cr_ref *in, *out; /* the nodes of step->in and step->out; of an output, its value */
    void **copy;      /* of outputs that are an input unchanged, else NULL */
};

/* ---- creating ---------------------------------------------------------------------------- */

/* The live node of that kind and name: a leaf that nothing reads need not be there. */
static cr_ref find_leaf(const cr_graph *g, const char *name)
{
    for (cr_ref r = 1; r < g->node.len; r++) {
        uint8_t op = cr_at(g, r)->op;
        if ((op == CR_OP_INPUT || op == CR_OP_STATE) && strcmp(cr_name_of(g, r), name) == 0)
            return r;
    }
    return 0;
}

static cr_ref find_output(const cr_graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i];
        if (cr_at(g, r)->op == CR_OP_OUTPUT && strcmp(cr_name_of(g, r), name) == 0)
            return cr_at(g, r)->src[0];
    }
    return 0;
}

/* Codegen wrote both the text and the arguments: a difference is our own bug. */
static void check_arg(const cr_graph *g, cr_ref r, const cr_module *m, const cr_host_arg *arg)
{
    CR_ASSERT(r != 0);
    CR_ASSERT(arg->memory < m->nmemory && cr_memory_on_host(m->memory[arg->memory].kind));
    CR_ASSERT(arg->offset + cr_bytes_of(g, r) <= m->memory[arg->memory].bytes);
}

static bool is_input(const cr_graph *g, cr_ref r)
{
    return cr_at(g, r)->op == CR_OP_INPUT || cr_at(g, r)->op == CR_OP_STATE;
}

static cr_status prepare_outputs(cr_host_step *h, const cr_module *m)
{
    const cr_step *s = h->step;
    for (uint32_t i = 0; i < s->nout; i++) {
        h->out[i] = find_output(h->graph, s->out[i].name);
        check_arg(h->graph, h->out[i], m, &s->out[i]);
        if (!is_input(h->graph, h->out[i]))
            continue;
        h->copy[i] = cr_alloc(cr_bytes_of(h->graph, h->out[i]));
        if (!h->copy[i])
            return CR_E_MEMORY;
    }
    return CR_OK;
}

static cr_status prepare(cr_host_step *h, const cr_module *m)
{
    const cr_step *s = h->step;
    h->graph = cr_graph_parse(s->text, s->label ? s->label : "host step");
    if (!h->graph)
        return cr_last_status();
    h->interp = cr_interp_create(h->graph);
    h->in = cr_alloc((s->nin + 1) * sizeof *h->in);
    h->out = cr_alloc((s->nout + 1) * sizeof *h->out);
    h->copy = cr_alloc((s->nout + 1) * sizeof *h->copy);
    if (!h->interp || !h->in || !h->out || !h->copy)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < s->nin; i++) {
        h->in[i] = find_leaf(h->graph, s->in[i].name);
        check_arg(h->graph, h->in[i], m, &s->in[i]);
    }
    return prepare_outputs(h, m);
}

cr_host_step *cr_host_step_create(const cr_module *m, uint32_t step)
{
    cr_host_step *h = cr_alloc(sizeof *h);
    if (!h)
        return NULL;
    h->step = &m->step[step];
    if (prepare(h, m) != CR_OK) {
        cr_host_step_destroy(h);
        return NULL;
    }
    return h;
}

void cr_host_step_destroy(cr_host_step *h)
{
    if (!h)
        return;
    if (h->interp)
        cr_interp_destroy(h->interp);
    for (uint32_t i = 0; h->copy && i < h->step->nout; i++)
        cr_free(h->copy[i]);
    cr_free(h->copy);
    cr_graph_destroy(h->graph);
    cr_free(h->in);
    cr_free(h->out);
    cr_free(h);
}

/* ---- running ----------------------------------------------------------------------------- */

/* Outputs may lie where inputs do, so a value that is an input's is saved before any is written. */
static void write_outputs(cr_host_step *h, cr_mem *const *memory)
{
    const cr_step *s = h->step;
    for (uint32_t i = 0; i < s->nout; i++)
        if (h->copy[i])
            memcpy(h->copy[i], cr_interp_value(h->interp, h->out[i]),
                   cr_bytes_of(h->graph, h->out[i]));
    for (uint32_t i = 0; i < s->nout; i++) {
        char *at = (char *)memory[s->out[i].memory]->host + s->out[i].offset;
        const void *value = h->copy[i] ? h->copy[i] : cr_interp_value(h->interp, h->out[i]);
        memcpy(at, value, cr_bytes_of(h->graph, h->out[i]));
    }
}

/* Inputs are bound at every run: a fed input's place is the caller's, and changes. */
cr_status cr_host_step_run(cr_host_step *h, cr_mem *const *memory)
{
    const cr_step *s = h->step;
    for (uint32_t i = 0; i < s->nin; i++) {
        char *at = (char *)memory[s->in[i].memory]->host + s->in[i].offset;
        CR_TRY(cr_interp_bind(h->interp, h->in[i], at));
    }
    CR_TRY(cr_interp_run(h->interp));
    write_outputs(h, memory);
    return CR_OK;
}
