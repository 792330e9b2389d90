/* gradcheck.c - gradients against central differences, in the reference interpreter.
 *
 * The loss and its gradients become the only roots of a copy of the graph. The interpreter computes
 * them once; then each element looked at is moved up and down by a step, and the slope of the loss
 * is compared with its gradient. */
#include <math.h>

#include "crisol/nn.h"
#include "ir.h"

struct check {
    cr_gradient_check o; /* with defaults filled in */
    cr_graph *g;         /* the copy */
    cr_interp *in;
    void **data; /* per node: a leaf's elements */
    cr_ref loss, *x, *grad;
    uint32_t n;
    float worst;
};

/* ---- the copy -------------------------------------------------------------------------------- */

static bool copy_nodes(struct check *c, const cr_graph *from, cr_ref *remap)
{
    c->g = cr_graph_like(from);
    if (!c->g)
        return false;
    for (cr_ref r = 1; r < from->node.len; r++) {
        const cr_node *n = cr_at(from, r);
        cr_ref src[3] = {0};
        if (cr_is_root(n))
            continue;
        for (int i = 0; i < n->nsrc; i++)
            src[i] = remap[n->src[i]];
        remap[r] = cr_node_copy(c->g, from, r, src);
    }
    return c->g->status == CR_OK;
}

static void add_output(cr_graph *g, const char *name, cr_ref r)
{
    cr_output_at((cr_loc){0}, g, name, (cr_value){g, r});
}

static cr_status copy_graph(struct check *c, cr_value loss, const cr_value *wrt,
                            const cr_value *grad)
{
    const cr_graph *from = loss.graph;
    cr_ref *remap = cr_alloc(from->node.len * sizeof *remap);
    bool ok = remap && copy_nodes(c, from, remap);
    if (ok) {
        c->loss = remap[loss.ref];
        add_output(c->g, "loss", c->loss);
        for (uint32_t i = 0; i < c->n; i++) {
            char name[32];
            snprintf(name, sizeof name, "gradient%u", i);
            c->x[i] = remap[wrt[i].ref];
            c->grad[i] = remap[grad[i].ref];
            add_output(c->g, name, c->grad[i]);
        }
        ok = c->g->status == CR_OK;
    }
    cr_free(remap);
    return ok ? CR_OK : CR_E_MEMORY;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* f32 uniform in [-1, 1), of a stream of the leaf's own. */
static void fill_uniform(float *out, int64_t n, uint64_t seed, cr_ref stream)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int64_t i = 0; i < n; i += 4) {
        const uint32_t counter[4] = {(uint32_t)(i / 4), 0, stream, 0x67726164u};
        uint32_t r[4];
        cr_philox4x32(counter, key, r);
        for (int64_t k = i; k < n && k < i + 4; k++)
            out[k] = (float)(r[k - i] >> 8) * 0x1p-23f - 1;
    }
}

static const void *fed(const struct check *c, const char *name)
{
    for (uint32_t i = 0; i < c->o.nfeed; i++)
        if (strcmp(c->o.feed[i].name, name) == 0)
            return c->o.feed[i].data;
    return NULL;
}

static cr_status bind_leaf(struct check *c, cr_ref r)
{
    const cr_node *n = cr_at(c->g, r);
    const void *given = fed(c, cr_name_of(c->g, r));
    c->data[r] = cr_alloc(cr_bytes_of(c->g, r));
    if (!c->data[r])
        return CR_E_MEMORY;
    if (given)
        memcpy(c->data[r], given, cr_bytes_of(c->g, r));
    else if (n->op == CR_OP_STATE)
        cr_init_fill(c->g, r, c->o.seed, c->data[r]);
    else if (n->dtype == CR_F32)
        fill_uniform(c->data[r], cr_count_of(c->g, r), c->o.seed, r);
    return cr_interp_bind(c->in, r, c->data[r]);
}

static cr_status bind_leaves(struct check *c)
{
    c->in = cr_interp_create(c->g);
    c->data = cr_alloc(c->g->node.len * sizeof *c->data);
    bool *live = c->data && c->in ? cr_live_nodes(c->g, &c->g->arena) : NULL;
    if (!live)
        return CR_E_MEMORY;
    for (cr_ref r = 1; r < c->g->node.len; r++)
        if (live[r] && cr_is_named_leaf(cr_at(c->g, r)))
            CR_TRY(bind_leaf(c, r));
    return CR_OK;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static cr_status loss_at(struct check *c, float *x, float to, double *out)
{
    const float old = *x;
    *x = to;
    cr_status status = cr_interp_run(c->in);
    *x = old;
    if (status == CR_OK)
        *out = (double)*(const float *)cr_interp_value(c->in, c->loss);
    return status;
}

static cr_status check_element(struct check *c, uint32_t k, int64_t i, float gradient)
{
    float *x = (float *)c->data[c->x[k]] + i;
    const float up = *x + c->o.step, down = *x - c->o.step; /* as they are in f32 */
    double above, below;
    CR_TRY(loss_at(c, x, up, &above));
    CR_TRY(loss_at(c, x, down, &below));
    double slope = (above - below) / ((double)up - (double)down), is = (double)gradient;
    double larger = fmax(fabs(slope), fabs(is));
    double error = fabs(slope - is) / fmax(1, larger);
    if (!(error <= (double)c->worst))
        c->worst = (float)error;
    if (error <= (double)c->o.tolerance)
        return CR_OK;
    return cr_fail(CR_E_NUMERIC,
                   "gradient of \"%s\", element %lld: %g, but differences give %g (loss %.9g and "
                   "%.9g at %g and %g)",
                   cr_name_of(c->g, c->x[k]), (long long)i, is, slope, below, above, (double)down,
                   (double)up);
}

static cr_status check_one(struct check *c, uint32_t k, const float *gradient)
{
    int64_t count = cr_count_of(c->g, c->x[k]);
    int64_t samples = CR_MIN(count, (int64_t)c->o.samples);
    for (int64_t i = 0; i < samples; i++) {
        int64_t at = i * count / samples;
        CR_TRY(check_element(c, k, at, gradient[at]));
    }
    return CR_OK;
}

/* The gradients are copied first: later runs overwrite them. */
static cr_status compare(struct check *c)
{
    CR_TRY(cr_interp_run(c->in));
    cr_arena arena = {0};
    float **gradient = cr_arena_alloc(&arena, c->n * sizeof *gradient);
    cr_status status = gradient ? CR_OK : CR_E_MEMORY;
    for (uint32_t k = 0; k < c->n && status == CR_OK; k++) {
        size_t bytes = (size_t)cr_bytes_of(c->g, c->grad[k]);
        gradient[k] = cr_arena_alloc(&arena, bytes);
        if (gradient[k])
            memcpy(gradient[k], cr_interp_value(c->in, c->grad[k]), bytes);
        else
            status = CR_E_MEMORY;
    }
    for (uint32_t k = 0; k < c->n && status == CR_OK; k++)
        status = check_one(c, k, gradient[k]);
    cr_arena_finish(&arena);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void finish(struct check *c)
{
    for (cr_ref r = 0; c->data && r < c->g->node.len; r++)
        cr_free(c->data[r]);
    cr_free(c->data);
    cr_interp_destroy(c->in);
    cr_graph_destroy(c->g);
    cr_free(c->x);
    cr_free(c->grad);
}

static cr_status run(struct check *c, cr_value loss, const cr_value *wrt)
{
    cr_value *grad = cr_alloc(c->n * sizeof *grad);
    c->x = cr_alloc(c->n * sizeof *c->x);
    c->grad = cr_alloc(c->n * sizeof *c->grad);
    cr_status status = grad && c->x && c->grad ? CR_OK : CR_E_MEMORY;
    if (status == CR_OK)
        status = cr_gradients_at((cr_loc){0}, loss, wrt, c->n, grad);
    if (status == CR_OK)
        status = copy_graph(c, loss, wrt, grad);
    if (status == CR_OK)
        status = bind_leaves(c);
    if (status == CR_OK)
        status = compare(c);
    cr_free(grad);
    finish(c);
    return status;
}

static cr_status leaves_only(const cr_value *wrt, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!wrt[i].graph || (cr_at(wrt[i].graph, wrt[i].ref)->op != CR_OP_INPUT &&
                              cr_at(wrt[i].graph, wrt[i].ref)->op != CR_OP_STATE))
            return cr_fail(CR_E_ARGUMENT, "gradient check: x %u is neither an input nor a state",
                           i + 1);
    return CR_OK;
}

cr_status cr_check_gradient(cr_value loss, const cr_value *wrt, uint32_t n,
                            const cr_gradient_check *options, float *worst)
{
    if (!loss.graph || !loss.ref)
        return loss.graph && loss.graph->status != CR_OK
                   ? cr_graph_status(loss.graph)
                   : cr_fail(CR_E_ARGUMENT, "gradient check: the loss is not a value");
    struct check c = {.o = options ? *options : (cr_gradient_check){0}};
    c.o.samples = c.o.samples ? c.o.samples : 16;
    c.o.step = c.o.step > 0 ? c.o.step : 0x1p-6f;
    c.o.tolerance = c.o.tolerance > 0 ? c.o.tolerance : 0.02f;
    c.n = wrt ? n : cr_params(loss.graph, NULL, 0);
    cr_value *params = cr_alloc(c.n * sizeof *params);
    if (!params)
        return CR_E_MEMORY;
    if (!wrt)
        cr_params(loss.graph, params, c.n);
    cr_status status = leaves_only(wrt ? wrt : params, c.n);
    if (status == CR_OK)
        status = run(&c, loss, wrt ? wrt : params);
    if (worst)
        *worst = c.worst;
    cr_free(params);
    return status;
}
