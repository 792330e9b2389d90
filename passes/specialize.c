/* specialize.c - from the user's graph to the one program asked for.
 * requires: a graph as users build it
 * provides: only the roots asked for (options.outputs, options.updates) and what they reach; every
 *           size is a literal, that of options.binding
 * breaks:   node numbers */
#include "copy.h"
#include "passes.h"

/* ---- what is asked for ----------------------------------------------------------------------- */

static cr_status check_binding(const cr_graph *g, const int64_t *binding)
{
    for (uint32_t i = 1; binding && i < g->symbol.len; i++)
        if (binding[i] < 1 || binding[i] > g->symbol.at[i].bound)
            return cr_fail(CR_E_ARGUMENT, "size '%s': %lld is not between 1 and its bound, %lld",
                           g->string.at[g->symbol.at[i].name], (long long)binding[i],
                           (long long)g->symbol.at[i].bound);
    return CR_OK;
}

static bool is_wanted(const cr_plan_options *o, const char *output)
{
    for (uint32_t i = 0; o->outputs && i < o->noutputs; i++)
        if (strcmp(o->outputs[i], output) == 0)
            return true;
    return !o->outputs;
}

static bool has_output(const cr_graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->root.len; i++)
        if (cr_at(g, g->root.at[i])->op == CR_OP_OUTPUT &&
            strcmp(cr_name_of(g, g->root.at[i]), name) == 0)
            return true;
    return false;
}

static cr_status unknown_output(const cr_graph *g, const char *name)
{
    cr_strbuf s = {0};
    for (uint32_t i = 0; i < g->root.len; i++)
        if (cr_at(g, g->root.at[i])->op == CR_OP_OUTPUT)
            cr_str_printf(&s, "%s %s", s.len ? "," : "", cr_name_of(g, g->root.at[i]));
    cr_status status = s.len ? cr_fail(CR_E_ARGUMENT, "no output is called '%s'; there are:%s",
                                       name, cr_str_text(&s))
                             : cr_fail(CR_E_ARGUMENT,
                                       "no output is called '%s': the graph has none "
                                       "(cr_output names a value)",
                                       name);
    cr_str_finish(&s);
    return status;
}

static cr_status check_outputs(const cr_graph *g, const cr_plan_options *o)
{
    for (uint32_t i = 0; o->outputs && i < o->noutputs; i++)
        if (!has_output(g, o->outputs[i]))
            return unknown_output(g, o->outputs[i]);
    return CR_OK;
}

static bool is_updated(const cr_plan_options *o, const char *state)
{
    if (!o->assigns || !o->updates)
        return o->assigns;
    for (uint32_t i = 0; i < o->nupdates; i++)
        if (strcmp(o->updates[i], state) == 0)
            return true;
    return false;
}

/* What the kept roots reach; NULL out of memory. */
static bool *find_live(cr_pass_context *cx)
{
    const cr_graph *g = cx->graph;
    bool *live = cr_arena_alloc(&cx->scratch, g->node.len * sizeof *live);
    if (!live)
        return NULL;
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i];
        live[r] = cr_at(g, r)->op == CR_OP_ASSIGN ? is_updated(&cx->options, cr_name_of(g, r))
                                                  : is_wanted(&cx->options, cr_name_of(g, r));
    }
    for (cr_ref r = g->node.len; r-- > 1;)
        for (int i = 0; live[r] && i < cr_at(g, r)->nsrc; i++)
            live[cr_at(g, r)->src[i]] = true;
    return live;
}

/* ---- the pass -------------------------------------------------------------------------------- */

static cr_ref specialize(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *user)
{
    cr_pass_context *cx = user;
    const cr_node *n = cr_at(from, r);
    const int64_t *binding = cx->options.binding;
    if (n->op == CR_OP_SIZE) {
        cr_origin_follow(g, from, r);
        return cr_const_int(g, CR_I32, cr_dim_bind(from, cr_attr_of(from, r)->at[0], binding));
    }
    cr_shape shape = *cr_shape_of(from, r);
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = cr_dim_bind(from, shape.dim[i], binding);
    cx->changes += !cr_shape_equal(&shape, cr_shape_of(from, r));
    return cr_copy_node(g, from, r, src, (cr_space)n->space, &shape);
}

cr_status cr_pass_specialize(cr_pass_context *cx)
{
    CR_TRY(check_binding(cx->graph, cx->options.binding));
    CR_TRY(check_outputs(cx->graph, &cx->options));
    const bool *live = find_live(cx);
    return cr_pass_replace(cx, live ? cr_copy_with(cx->graph, live, specialize, cx, &cx->scratch)
                                    : NULL);
}
