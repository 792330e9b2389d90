/* keras_graph.c - from Keras's models to one net: each call of a layer becomes a layer of the net,
 * and a model inside a model the layers that it has. Calls wait for what they are given; where none
 * can go on, they wait for each other. */
#include <ctype.h>

#include "keras.h"

enum { MAX_CALLS = 1 << 16 }; /* also of what leaves nothing in the net */

struct run {
    cr_keras *k;
    cr_net *net;
    CR_VEC(cr_keras_value) value; /* of each layer */
    uint32_t ncalls;
};

/* ---- names ----------------------------------------------------------------------------------- */

/* What a net's names may have is kept, the rest becomes "_". */
static void clean(const char *name, char out[CR_NET_MAX_NAME + 1])
{
    size_t n = 0;
    for (; name[n] && n < CR_NET_MAX_NAME - 12; n++)
        out[n] = isalnum((unsigned char)name[n]) || strchr("_.-/", name[n]) ? name[n] : '_';
    snprintf(out + n, CR_NET_MAX_NAME + 1 - n, "%s", n ? "" : "_");
    if (strcmp(out, "as") == 0 || strcmp(out, "axis") == 0)
        strcat(out, "_");
}

/* A name for a part of a layer that no layer of the net has. */
static void name_part(const cr_net *net, const cr_keras_layer *l, uint32_t part,
                      char out[CR_NET_MAX_NAME + 1])
{
    clean(l->name, out);
    size_t n = strlen(out);
    if (l->nparts > 1 && (part > 0 || l->part[0].kind == CR_LAYER_DEPTHWISE))
        n += (size_t)snprintf(out + n, CR_NET_MAX_NAME + 1 - n, "/%s",
                              cr_layer_word(l->part[part].kind));
    n = CR_MIN(n, CR_NET_MAX_NAME - 6u);
    for (unsigned i = 2; cr_net_find(net, out) != 0; i++)
        snprintf(out + n, CR_NET_MAX_NAME + 1 - n, "-%u", i);
}

/* ---- one layer ------------------------------------------------------------------------------- */

static int32_t rank_after(const cr_layer *part, int32_t rank)
{
    switch (part->kind) {
    case CR_LAYER_INPUT:
    case CR_LAYER_RESHAPE: return part->shape.rank + 1;
    case CR_LAYER_EMBEDDING: return rank + 1;
    case CR_LAYER_FLATTEN:
    case CR_LAYER_GLOBALMAX:
    case CR_LAYER_GLOBALAVG: return 2;
    default: return rank;
    }
}

static cr_status add(struct run *r, const cr_layer *layer, cr_keras_value value, uint32_t *number)
{
    if (cr_net_add(r->net, layer) != CR_OK) {
        cr_strbuf why = {0};
        cr_str_add(&why, cr_error());
        const cr_status status = cr_fail(cr_last_status(), "%s: %s", r->k->file, cr_str_text(&why));
        cr_str_finish(&why);
        return status;
    }
    *number = r->net->nlayers;
    return cr_vec_push(&r->value, value) ? CR_OK : CR_E_MEMORY;
}

static int32_t rank_of(const struct run *r, uint32_t number)
{
    return r->value.at[number - 1].rank;
}

static cr_dtype dtype_of(const struct run *r, uint32_t number)
{
    return r->value.at[number - 1].dtype;
}

static bool has_variables(const cr_keras_layer *l, uint32_t part)
{
    for (uint32_t i = 0; i < l->nvariables; i++)
        if (l->variable[i].part == part)
            return true;
    return false;
}

static cr_status add_part(struct run *r, cr_keras_layer *l, uint32_t part, const uint32_t *operand,
                          uint32_t noperands, uint32_t *number)
{
    char name[CR_NET_MAX_NAME + 1];
    const int32_t rank = noperands ? rank_of(r, operand[0]) : 0;
    cr_layer layer = l->part[part];
    if (l->number[part] && has_variables(l, part)) {
        layer = (cr_layer){.kind = CR_LAYER_AGAIN, .again = l->number[part]};
    } else {
        layer.last_axis = layer.kind == CR_LAYER_DENSE && rank > 2;
        if (!l->number[part]) {
            name_part(r->net, l, part, name);
            layer.name = name;
        }
    }
    layer.operand = operand;
    layer.noperands = noperands;
    const cr_keras_value value = {
        rank_after(&l->part[part], rank),
        cr_keras_dtype_after(&l->part[part], r->value.at, operand, noperands)};
    CR_TRY(add(r, &layer, value, number));
    if (!l->number[part])
        l->number[part] = *number;
    return CR_OK;
}

static cr_status check_axis(const cr_keras_layer *l, int32_t rank)
{
    const int64_t axis = l->axis < 0 ? l->axis + rank : l->axis;
    if (l->axis && (axis < 1 || axis >= rank))
        return cr_keras_option(l, "axis", "what it is given has no such axis");
    if (l->last_axis_only && l->axis && axis != rank - 1)
        return cr_keras_option(l, "axis", "Crisol does this along the last axis only");
    return CR_OK;
}

static cr_status check_operands(const struct run *r, cr_keras_layer *l, const uint32_t *in,
                                uint32_t n)
{
    if (l->operands == 1 ? n != 1 : n < 2 || (l->just_two && n > 2))
        return cr_keras_refuse(l, "(%s) is given %u values", l->class_name, n);
    const int32_t rank = rank_of(r, in[0]);
    for (uint32_t i = 1; i < n; i++)
        if (rank_of(r, in[i]) != rank)
            return cr_keras_refuse(l, "(%s) is given values of different ranks", l->class_name);
    if (l->only_rank && rank != l->only_rank)
        return cr_keras_refuse(l, "(%s) is given a value of %d axes where it takes %d",
                               l->class_name, rank, l->only_rank);
    if (l->rank && l->rank != rank)
        return cr_keras_refuse(l, "(%s) is given values of %d and of %d axes", l->class_name,
                               l->rank, rank);
    l->rank = rank;
    return check_axis(l, rank);
}

/* Keras makes floats of whole numbers where a layer needs them, or gets both. */
static cr_status make_floats(struct run *r, const cr_keras_layer *l, uint32_t *in, uint32_t n)
{
    if (!cr_keras_needs_floats(&l->part[0], r->value.at, in, n))
        return CR_OK;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t operand = in[i];
        const cr_layer as_is = {
            .kind = CR_LAYER_RESCALE, .scale = 1, .operand = &operand, .noperands = 1};
        if (dtype_of(r, operand) == CR_I32)
            CR_TRY(add(r, &as_is, (cr_keras_value){rank_of(r, operand), CR_F32}, &in[i]));
    }
    return CR_OK;
}

static cr_status call_layer(struct run *r, cr_keras_layer *l, uint32_t *in, uint32_t n,
                            uint32_t *out)
{
    CR_TRY(check_operands(r, l, in, n));
    CR_TRY(cr_keras_check_bytes(l, r->value.at, in, n));
    CR_TRY(make_floats(r, l, in, n));
    if (l->part[0].kind == CR_LAYER_CONCAT)
        l->part[0].axis = l->axis == -1 ? 0 : l->axis;
    for (uint32_t i = 0; i < l->nparts; i++) {
        CR_TRY(add_part(r, l, i, i ? out : in, i ? 1 : n, out));
    }
    return CR_OK;
}

/* ---- models ---------------------------------------------------------------------------------- */

/* One call of a model. */
struct frame {
    cr_keras_model *m;
    uint32_t **result; /* of each layer: of each call, its results; 0: not there yet */
    uint32_t *pool;
};

static uint32_t results_of(const cr_keras_layer *l)
{
    return l->model ? l->model->noutputs : 1;
}

static cr_status frame_init(struct frame *f, cr_keras_model *m)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->nlayers; i++)
        n += (uint64_t)m->ncalls[i] * results_of(&m->layer[i]);
    *f = (struct frame){.m = m};
    if (n > CR_KERAS_MAX_RESULTS)
        return cr_keras_refuse(&m->layer[0], "and those beside it have too many results");
    f->result = cr_alloc(m->nlayers * sizeof *f->result);
    f->pool = f->result ? cr_alloc(n * sizeof *f->pool) : NULL;
    if (!f->pool)
        return CR_E_MEMORY;
    n = 0;
    for (uint32_t i = 0; i < m->nlayers; i++) {
        f->result[i] = f->pool + n;
        n += (uint64_t)m->ncalls[i] * results_of(&m->layer[i]);
    }
    return CR_OK;
}

static void frame_finish(struct frame *f)
{
    cr_free(f->result);
    cr_free(f->pool);
}

static uint32_t *at(const struct frame *f, cr_keras_ref ref)
{
    return &f->result[ref.layer][ref.call * results_of(&f->m->layer[ref.layer]) + ref.result];
}

static cr_status call_model(struct run *r, cr_keras_layer *l, const uint32_t *in, uint32_t n,
                            uint32_t *out);

static bool is_ready(const struct frame *f, const cr_keras_call *call)
{
    for (uint32_t i = 0; i < call->n; i++)
        if (*at(f, call->at[i]) == 0)
            return false;
    return true;
}

static cr_status make_call(struct run *r, const struct frame *f, cr_keras_layer *l,
                           const cr_keras_call *call, uint32_t *out)
{
    if (++r->ncalls > MAX_CALLS)
        return cr_fail(CR_E_LIMIT, "%s: layers are called more than %d times", r->k->file,
                       MAX_CALLS);
    uint32_t *in = cr_alloc(call->n * sizeof *in);
    if (!in)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < call->n; i++)
        in[i] = *at(f, call->at[i]);
    const cr_status status =
        l->model ? call_model(r, l, in, call->n, out) : call_layer(r, l, in, call->n, out);
    cr_free(in);
    return status;
}

/* Makes the calls of one layer that can be made, in their order; *waiting: there are others. */
static cr_status make_calls(struct run *r, const struct frame *f, uint32_t layer, bool *made,
                            const cr_keras_layer **waiting)
{
    cr_keras_layer *l = &f->m->layer[layer];
    const uint32_t results = results_of(l);
    for (uint32_t i = 0; !l->input && i < f->m->ncalls[layer]; i++) {
        uint32_t *out = &f->result[layer][i * results];
        if (*out)
            continue;
        if (!is_ready(f, &f->m->call[layer][i])) {
            *waiting = l;
            return CR_OK;
        }
        CR_TRY(make_call(r, f, l, &f->m->call[layer][i], out));
        *made = true;
    }
    return CR_OK;
}

static cr_status run_frame(struct run *r, const struct frame *f)
{
    for (;;) {
        const cr_keras_layer *waiting = NULL;
        bool made = false;
        for (uint32_t i = 0; i < f->m->nlayers; i++)
            CR_TRY(make_calls(r, f, i, &made, &waiting));
        if (!waiting)
            return CR_OK;
        if (!made)
            return cr_keras_refuse(waiting, "waits for its own result, or for an input that the "
                                            "model does not have");
    }
}

/* The inputs' values are what the model is given. */
static cr_status bind(const struct frame *f, const cr_keras_layer *l, const uint32_t *in,
                      uint32_t n)
{
    if (n != f->m->ninputs)
        return cr_keras_refuse(l, "(%s) is given %u values, and has %u inputs", l->class_name, n,
                               f->m->ninputs);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *value = at(f, f->m->input[i]);
        if (*value)
            return cr_keras_refuse(l, "(%s) has an input twice", l->class_name);
        *value = in[i];
    }
    return CR_OK;
}

static cr_status call_model(struct run *r, cr_keras_layer *l, const uint32_t *in, uint32_t n,
                            uint32_t *out)
{
    struct frame f;
    cr_status status = frame_init(&f, l->model);
    if (status == CR_OK)
        status = bind(&f, l, in, n);
    if (status == CR_OK)
        status = run_frame(r, &f);
    for (uint32_t i = 0; status == CR_OK && i < l->model->noutputs; i++) {
        out[i] = *at(&f, l->model->output[i]);
        if (!out[i])
            status = cr_keras_refuse(l, "(%s) has an output that is never computed", l->class_name);
    }
    frame_finish(&f);
    return status;
}

/* ---- the net --------------------------------------------------------------------------------- */

/* A result that is there twice becomes another one. */
static cr_status add_output(struct run *r, uint32_t number)
{
    for (uint32_t i = 0; i < r->net->noutputs; i++)
        if (r->net->output[i] == number) {
            const cr_layer same = {.kind = CR_LAYER_ACTIVATION, .operand = &number, .noperands = 1};
            CR_TRY(add(r, &same, r->value.at[number - 1], &number));
            break;
        }
    return cr_net_add_output(r->net, number);
}

static cr_status build(struct run *r, uint32_t *in, uint32_t *out)
{
    cr_keras_model *m = r->k->root->model;
    for (uint32_t i = 0; i < m->ninputs; i++)
        CR_TRY(add_part(r, &m->layer[m->input[i].layer], 0, NULL, 0, &in[i]));
    CR_TRY(call_model(r, r->k->root, in, m->ninputs, out));
    for (uint32_t i = 0; i < m->noutputs; i++)
        CR_TRY(add_output(r, out[i]));
    return CR_OK;
}

static void forget_numbers(cr_keras_model *m)
{
    for (uint32_t i = 0; i < m->nlayers; i++) {
        memset(m->layer[i].number, 0, sizeof m->layer[i].number);
        if (m->layer[i].model)
            forget_numbers(m->layer[i].model);
    }
}

static cr_status build_net(cr_keras *k, cr_net *out)
{
    const cr_keras_model *m = k->root->model;
    struct run r = {.k = k, .net = out};
    uint32_t *in = cr_alloc(m->ninputs * sizeof *in);
    uint32_t *results = cr_alloc(m->noutputs * sizeof *results);
    *out = (cr_net){0};
    forget_numbers(k->root->model);
    const cr_status status = in && results ? build(&r, in, results) : CR_E_MEMORY;
    cr_free(in);
    cr_free(results);
    cr_vec_finish(&r.value);
    if (status != CR_OK)
        cr_net_finish(out);
    return status;
}

cr_status cr_keras_net(cr_keras *k, cr_net *out)
{
    CR_TRY(build_net(k, out));
    if (!cr_keras_mend_inputs(k, out))
        return CR_OK;
    cr_net_finish(out);
    return build_net(k, out);
}
