/* model_program.c - a model's graph, with its weights, as a program that predicts. */
#include "model_file.h"

#include "crisol/nn.h"
#include "crisol/ops.h"

/* A mistake is the model's, and not of the line that builds it. */
static const cr_loc nowhere;

/* ---- the graph ------------------------------------------------------------------------------- */

static cr_graph *finish(cr_graph *g)
{
    if (g && cr_graph_status(g) == CR_OK)
        return g;
    cr_graph_destroy(g);
    return NULL;
}

/* [batch, sizes of one sample] */
static cr_value new_input(cr_graph *g, const char *name, cr_dtype dtype, const cr_shape *one,
                          cr_dim batch)
{
    cr_shape shape = {.rank = one->rank + 1, .dim = {batch}};
    memcpy(shape.dim + 1, one->dim, (size_t)one->rank * sizeof one->dim[0]);
    return cr_input_at(nowhere, g, name, dtype, shape);
}

/* What the net gets. Bytes are pixels, as for a trainer (cr_net_model), where the net does not say
 * that it takes bytes. */
static cr_status make_inputs(const cr_model *m, cr_graph *g, cr_dim batch, cr_value *in)
{
    for (uint32_t i = 0; i < cr_net_inputs(&m->net); i++) {
        const cr_layer *l = cr_net_input(&m->net, i);
        const bool known = m->has_x && i == 0;
        if (!l && !known)
            return cr_fail(CR_E_ARGUMENT, "model: the shape of its samples is not known");
        const cr_dtype dtype = known ? m->x_dtype : l->dtype;
        in[i] = new_input(g, l ? l->name : "x", dtype, known ? &m->x_shape : &l->shape, batch);
        if (dtype == CR_U8 && cr_net_divides_bytes(&m->net, i))
            in[i] = cr_normalize_at(nowhere, in[i], 0, 255);
    }
    return CR_OK;
}

static void name_outputs(const cr_net *net, cr_graph *g, const cr_value *out)
{
    cr_output(g, "y", out[0]);
    for (uint32_t i = cr_net_outputs(net); i-- > 0;)
        if (cr_net_output(net, i) > 0) /* x is an input already */
            cr_output(g, cr_net_layer_name(net, cr_net_output(net, i)), out[i]);
}

static cr_graph *build_net(const cr_model *m, uint32_t batch)
{
    const uint32_t n = cr_net_inputs(&m->net) + cr_net_outputs(&m->net);
    cr_value *values = cr_alloc(n * sizeof *values);
    cr_value *out = values + cr_net_inputs(&m->net);
    cr_graph *g = values ? cr_graph_create("model") : NULL;
    cr_set_training(g, false);
    if (g && make_inputs(m, g, cr_symbol(g, "batch", batch), values) != CR_OK) {
        cr_graph_destroy(g);
        g = NULL;
    }
    if (g && cr_net_build_all_at(nowhere, &m->net, values, out) == CR_OK)
        name_outputs(&m->net, g, out);
    cr_free(values);
    return finish(g);
}

static cr_graph *build_graph(const cr_model *m)
{
    cr_graph *g = cr_graph_parse(m->graph, "graph");
    if (g && (cr_is_poison(cr_find(g, "x")) || cr_is_poison(cr_find(g, "y")))) {
        cr_fail(CR_E_ARGUMENT, "model: its graph has no input \"x\", or no output \"y\"");
        cr_graph_destroy(g);
        return NULL;
    }
    return finish(g);
}

/* What was said, of the file. */
static void name_file(const cr_model *m)
{
    const char *of_any = "model: ";
    const size_t n = strncmp(cr_error(), of_any, strlen(of_any)) == 0 ? strlen(of_any) : 0;
    cr_strbuf why = {0};
    cr_str_add(&why, cr_error() + n);
    const cr_status status = cr_last_status();
    if (m->from && status != CR_E_MEMORY)
        cr_fail(status, "%s: %s", m->from, cr_str_text(&why));
    cr_str_finish(&why);
}

/* ---- the weights ----------------------------------------------------------------------------- */

static cr_tensor described(cr_value state)
{
    return (cr_tensor){.name = cr_value_name(state),
                       .dtype = cr_value_dtype(state),
                       .shape = cr_value_shape(state)};
}

/* All states of g, to be cr_freed; NULL out of memory. */
static cr_value *states_of(cr_graph *g, uint32_t *n)
{
    *n = cr_states(g, NULL, 0);
    cr_value *all = cr_alloc(*n * sizeof *all);
    if (all)
        cr_states(g, all, *n);
    return all;
}

static bool is_state(const cr_value *all, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(cr_value_name(all[i]), name) == 0)
            return true;
    return false;
}

static cr_status check_tensors(const cr_model *m, cr_graph *g)
{
    cr_differences d = {0};
    uint32_t n;
    cr_value *all = states_of(g, &n);
    if (!all)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        const cr_tensor want = described(all[i]);
        cr_differ(&d, &want, cr_model_find(m, want.name));
    }
    for (uint32_t i = 0; i < m->tensor.len; i++)
        if (!is_state(all, n, m->tensor.at[i].name))
            cr_differ(&d, NULL, &m->tensor.at[i]);
    cr_free(all);
    return cr_differ_finish(&d, m->from ? m->from : "model",
                            "its weights are not those of its net");
}

cr_graph *cr_model_build(const cr_model *m, uint32_t batch)
{
    if (!m || batch == 0)
        return cr_fail(CR_E_ARGUMENT, "model: %s", m ? "the batch is 0" : "it is NULL"), NULL;
    cr_graph *g = m->graph ? build_graph(m) : build_net(m, batch);
    if (g && check_tensors(m, g) == CR_OK)
        return g;
    if (!g)
        name_file(m);
    cr_graph_destroy(g);
    return NULL;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* A state that the scores do not depend on is in no program. */
cr_status cr_model_set_states(const cr_model *m, cr_program *p)
{
    uint64_t bytes;
    for (uint32_t i = 0; i < m->tensor.len; i++) {
        const cr_tensor *t = &m->tensor.at[i];
        cr_tensor_bytes(t->dtype, &t->shape, &bytes);
        if (cr_program_has_state(p, t->name))
            CR_TRY(cr_set(p, t->name, t->data, (size_t)bytes));
    }
    return CR_OK;
}

cr_program *cr_model_program(const cr_model *m, uint32_t batch, const cr_compile_options *options)
{
    const cr_binding bind = {"batch", batch};
    cr_graph *g = cr_model_build(m, batch);
    if (!g)
        return NULL;
    cr_compile_options o = options ? *options : (cr_compile_options){0};
    o.no_updates = true;
    o.bind = &bind;
    o.nbind = 1;
    o.share = NULL;
    cr_program *p = cr_compile(g, &o);
    cr_graph_destroy(g);
    if (p && cr_model_set_states(m, p) == CR_OK)
        return p;
    cr_program_destroy(p);
    return NULL;
}
