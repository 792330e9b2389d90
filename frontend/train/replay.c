/* replay.c - training steps in the reference interpreter, node by node: the frozen one again, to
 * find what went wrong, or a few from here on, as plain C does them. */
#include <math.h>

#include "copy.h"
#include "ir.h"
#include "passes.h"
#include "train.h"

struct run {
    const cr_replay *r;
    cr_pass_context cx; /* its graph: the step, for the binding that the step had */
    cr_interp *in;
    void **data;           /* per node: a state's elements */
    uint32_t batch, first; /* the step's samples, by their places in the order */
    cr_ref x, y;           /* inputs that hold a window of them; 0: all are there */
};

/* ---- the graph ------------------------------------------------------------------------------- */

/* The training step alone, with the step's batch. */
static cr_status specialize(struct run *run)
{
    const cr_replay *r = run->r;
    static const char *const loss[] = {"loss"};
    int64_t binding[CR_MAX_RANK * 4];
    if (r->graph->symbol.len > CR_COUNTOF(binding))
        return cr_fail(CR_E_LIMIT, "too many symbols");
    for (uint32_t i = 1; i < r->graph->symbol.len; i++) {
        const cr_symbol_info *s = &r->graph->symbol.at[i];
        const char *name = r->graph->string.at[s->name];
        binding[i] = s->bound;
        if (strcmp(name, "batch") == 0)
            binding[i] = run->batch;
        else if (r->window && strcmp(name, "window") == 0)
            binding[i] = r->window;
    }
    run->cx.graph = cr_copy_live(r->graph, NULL, &run->cx.scratch);
    if (!run->cx.graph)
        return CR_E_MEMORY;
    run->cx.target = cr_target_builtin("cpu");
    run->cx.options = (cr_plan_options){
        .max_transfer_bytes = UINT64_MAX,
        .binding = binding,
        .outputs = loss,
        .noutputs = 1,
        .assigns = true,
        .updates = r->updates,
        .nupdates = r->nupdates,
    };
    return cr_pipeline_run(&run->cx, "specialize", NULL);
}

/* ---- its leaves ------------------------------------------------------------------------------ */

/* The step's samples to where they are in the window; that on the device may be another one. */
static void fill_window(const struct run *run, cr_ref leaf, const void *samples)
{
    const cr_replay *r = run->r;
    const size_t each = leaf ? (size_t)cr_bytes_of(run->cx.graph, leaf) / r->window : 0;
    const uint32_t at = leaf ? run->first % r->window : 0;
    for (uint32_t i = 0; leaf && i < run->batch; i++)
        memcpy((char *)run->data[leaf] + (at + i) * each,
               (const char *)samples + (size_t)r->order[run->first + i] * each, each);
}

static void fill_windows(const struct run *run)
{
    fill_window(run, run->x, run->r->samples->train.x);
    fill_window(run, run->y, run->r->samples->train.y);
}

/* What the trainer has fed: it is at hand. NULL for inputs of the model's own. */
static void *own_data(const cr_replay *r, const char *name)
{
    if (strcmp(name, "train_x") == 0) /* inputs are only read */
        return (void *)(uintptr_t)r->samples->train.x;
    if (strcmp(name, "train_y") == 0)
        return (void *)(uintptr_t)r->samples->train.y;
    return strcmp(name, "order") == 0 ? r->order : NULL;
}

static cr_status bind_leaf(struct run *run, cr_ref leaf)
{
    const cr_graph *g = run->cx.graph;
    const char *name = cr_name_of(g, leaf);
    const bool is_input = cr_at(g, leaf)->op == CR_OP_INPUT;
    void *own = is_input ? own_data(run->r, name) : NULL;
    if (own && !run->r->window)
        return cr_interp_bind(run->in, leaf, own);
    size_t bytes = (size_t)cr_bytes_of(g, leaf);
    run->data[leaf] = cr_alloc(bytes);
    if (!run->data[leaf])
        return CR_E_MEMORY;
    if (own) {
        *(strcmp(name, "train_x") == 0 ? &run->x : &run->y) = leaf;
        return cr_interp_bind(run->in, leaf, run->data[leaf]);
    }
    cr_program *p = run->batch == run->r->batch ? run->r->program : run->r->rest;
    cr_status status = cr_fetch(p, name, run->data[leaf], bytes);
    if (status != CR_OK && !(is_input && status == CR_E_ARGUMENT)) /* the step can do without it */
        return status;
    return cr_interp_bind(run->in, leaf, run->data[leaf]);
}

static cr_status bind_leaves(struct run *run)
{
    const cr_graph *g = run->cx.graph;
    CR_ASSERT(g);
    run->in = cr_interp_create(g);
    run->data = cr_alloc(g->node.len * sizeof *run->data);
    if (!run->in || !run->data)
        return CR_E_MEMORY;
    bool *live = cr_live_nodes(g, &run->cx.scratch);
    if (!live)
        return CR_E_MEMORY;
    for (cr_ref r = 1; r < g->node.len; r++)
        if (live[r] && cr_is_named_leaf(cr_at(g, r)))
            CR_TRY(bind_leaf(run, r));
    return CR_OK;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static void describe(const cr_graph *g, cr_ref bad, cr_strbuf *out)
{
    const cr_node *n = cr_at(g, bad);
    char type[CR_TYPE_TEXT];
    cr_type_text(g, (cr_dtype)n->dtype, cr_shape_of(g, bad), type);
    if (n->op == CR_OP_STATE) {
        cr_str_printf(out, "the state \"%s\" (%s) before this step: an update made it so",
                      cr_name_of(g, bad), type);
        return;
    }
    const cr_origin *o = &g->origins.at[g->origin.at[bad]];
    cr_str_printf(out, "%s (%s)", cr_ops[n->op].name, type);
    if (o->name)
        cr_str_printf(out, " of %s", g->string.at[o->name]);
    if (o->at.file)
        cr_str_printf(out, ", built at %s:%d", o->at.file, o->at.line);
}

/* Which element of a sample is not finite; `n`: none. */
static size_t find_bad(const float *at, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(at[i]))
        i++;
    return i;
}

static size_t floats_of_one(cr_dtype dtype, size_t bytes)
{
    return dtype == CR_F32 ? bytes / sizeof(float) : 0;
}

/* Is one of the step's samples itself not finite? Says which. */
static bool describe_sample(const struct run *run, cr_strbuf *out)
{
    const cr_samples *s = run->r->samples;
    const size_t nx = floats_of_one(s->x_dtype, cr_x_bytes(s, 1));
    const size_t ny = floats_of_one(s->y_dtype, cr_y_bytes(s, 1));
    for (uint32_t i = 0; i < run->batch; i++) {
        const size_t sample = (size_t)run->r->order[run->first + i];
        const float *x = (const float *)s->train.x + (nx ? sample * nx : 0);
        const float *y = (const float *)s->train.y + (ny ? sample * ny : 0);
        const size_t bx = find_bad(x, nx), by = find_bad(y, ny);
        if (bx == nx && by == ny)
            continue;
        const bool is_x = bx < nx;
        const char *part = !is_x ? "target" : s->x_shape.rank == 1 ? "column" : "element";
        cr_str_printf(out, "%s %zu of training sample %zu is %g", part, (is_x ? bx : by) + 1,
                      sample, (double)(is_x ? x[bx] : y[by]));
        return true;
    }
    return false;
}

static void tell(const struct run *run, uint64_t step, const char *what)
{
    const cr_replay *r = run->r;
    cr_fail(CR_E_NUMERIC,
            "training diverged: in epoch %u, step %llu of %llu, the loss is not finite\n  %s; the "
            "weights are those before that step",
            r->epoch, (unsigned long long)step, (unsigned long long)r->steps, what);
}

static cr_status verdict(struct run *run, uint64_t step)
{
    const cr_replay *r = run->r;
    cr_ref bad = cr_interp_first_bad(run->in);
    cr_strbuf what = {0};
    float lr = NAN;
    if (describe_sample(run, &what)) {
        cr_str_add(&what, ", which no rate mends: leave such samples out, or fill them in");
    } else {
        cr_str_add(&what, "the first value of that step that is not: ");
        cr_fetch(r->program, "lr", &lr, sizeof lr);
        if (bad)
            describe(run->cx.graph, bad, &what);
        else
            cr_str_add(&what, "none: on the host all are finite, so the device computes otherwise "
                              "(crisol selftest tells more)");
        cr_str_printf(&what,
                      "\n  try a smaller learning rate (it is %g), a normalisation of the inputs, "
                      "or another initialisation",
                      (double)lr);
    }
    tell(run, step, cr_str_text(&what));
    cr_str_finish(&what);
    return CR_E_NUMERIC;
}

static void finish(struct run *run)
{
    for (cr_ref r = 0; run->data && r < run->cx.graph->node.len; r++)
        cr_free(run->data[r]);
    cr_free(run->data);
    cr_interp_destroy(run->in);
    cr_pass_context_finish(&run->cx);
}

/* The step that comes next, ready to be run; to be finished whatever comes of it. */
static cr_status start(struct run *run, int32_t *offset)
{
    const cr_replay *r = run->r;
    CR_TRY(cr_fetch(r->program, "train.offset", offset, sizeof *offset));
    run->first = (uint32_t)*offset;
    run->batch = CR_MIN(r->batch, r->ntrain - run->first);
    CR_TRY(specialize(run));
    return bind_leaves(run);
}

cr_status cr_replay_step(const cr_replay *r)
{
    struct run run = {.r = r};
    int32_t offset = 0;
    cr_status status = start(&run, &offset);
    if (status == CR_OK) {
        fill_windows(&run);
        status = cr_interp_run(run.in);
    }
    if (status == CR_OK)
        status = verdict(&run, (uint64_t)offset / r->batch + 1);
    finish(&run);
    return status;
}

/* ---- going on -------------------------------------------------------------------------------- */

static cr_status go_on(struct run *run, const cr_replay_limits *limits, float *loss,
                       cr_interpreted *out)
{
    const cr_ref root = cr_find(run->cx.graph, "loss").ref;
    while (out->steps < limits->steps) {
        if (limits->interrupt && *limits->interrupt)
            return cr_fail(CR_E_INTERRUPTED, "interrupted after %llu steps",
                           (unsigned long long)out->steps);
        fill_windows(run);
        const double begin = cr_now();
        CR_TRY(cr_interp_run(run->in));
        out->seconds += cr_now() - begin;
        if (loss)
            memcpy(&loss[out->steps], cr_interp_value(run->in, root), sizeof *loss);
        out->steps++;
        run->first += run->batch;
        if (limits->seconds > 0 && out->seconds >= limits->seconds)
            break;
    }
    return CR_OK;
}

cr_status cr_replay_on(const cr_replay *r, const cr_replay_limits *limits, float *loss,
                       cr_interpreted *out)
{
    struct run run = {.r = r};
    int32_t offset = 0;
    cr_status status = start(&run, &offset);
    if (status == CR_OK)
        status = go_on(&run, limits, loss, out);
    finish(&run);
    return status;
}
