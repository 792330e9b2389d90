/* keras_weights.c - the variables of a file, found by the rules of Keras: in model.weights.h5 by
 * the classes of the layers, /layers/dense_1/vars/0; in older files by lists of names. Each must
 * have the shape that the net gives the tensor it becomes. */
#include <ctype.h>
#include <math.h>

#include "crisol/ops.h"
#include "keras.h"

struct reading {
    cr_keras *k;
    const cr_net *net;
    cr_graph *g; /* the net, built: its states have the shapes that tensors must have */
    cr_h5 *h;
    cr_model *model;
};

/* ---- one variable ---------------------------------------------------------------------------- */

static cr_status wrong_shape(const cr_keras_layer *l, const cr_h5_node *node, cr_shape want)
{
    cr_strbuf s = {0};
    for (uint32_t i = 0; i < node->rank; i++)
        cr_str_printf(&s, "%s%llu", i ? ", " : "", (unsigned long long)node->dim[i]);
    cr_str_add(&s, "] where the layer has [");
    for (int32_t i = 0; i < want.rank; i++)
        cr_str_printf(&s, "%s%lld", i ? ", " : "", (long long)want.dim[i]);
    const cr_status status =
        cr_keras_refuse(l, "(%s): '%s' in its weights is [%s]", l->class_name,
                        cr_keras_printable(&l->keras->arena, node->path), cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static const float least_deviation = 1e-7f; /* Keras's epsilon, below which it does not divide */

/* What Keras has for a tensor: the same, but of depthwise kernels [rows, columns, channels,
 * multiplier] for [rows, columns, 1, channels * multiplier], which are the same elements. */
static cr_shape shape_in_keras(const cr_layer *part, const char *suffix, cr_shape s)
{
    if (part->kind == CR_LAYER_DEPTHWISE && s.rank == 4 && strcmp(suffix, "w") == 0) {
        const int64_t multiplier = part->multiplier ? part->multiplier : 1;
        s.dim[2] = s.dim[3] / multiplier;
        s.dim[3] = multiplier;
    }
    return s;
}

static bool same_shape(const cr_h5_node *node, cr_shape s)
{
    if (node->rank != (uint32_t)s.rank)
        return false;
    for (int32_t i = 0; i < s.rank; i++)
        if (s.dim[i] < 0 || node->dim[i] != (uint64_t)s.dim[i])
            return false;
    return true;
}

static cr_status read_values(struct reading *r, const cr_keras_variable *v, const cr_h5_node *node,
                             const char *name, cr_shape shape)
{
    uint64_t n = 1;
    for (int32_t i = 0; i < shape.rank; i++)
        n *= (uint64_t)shape.dim[i]; /* what the file has, so it fits */
    CR_TRY(cr_h5_check(r->h, node));
    float *values = cr_model_new_tensor(r->model, name, CR_F32, shape);
    if (!values)
        return cr_last_status();
    CR_TRY(cr_h5_read_f32(r->h, node, values, n));
    for (uint64_t i = 0; v->factor && i < n; i++)
        values[i] = 1 / fmaxf(sqrtf(values[i]), least_deviation);
    return CR_OK;
}

static cr_status read_variable(struct reading *r, const cr_keras_layer *l,
                               const cr_keras_variable *v, const cr_h5_node *node)
{
    const cr_layer *part = &l->part[v->part];
    if (!v->suffix || !l->number[v->part])
        return CR_OK; /* a layer that leads to no output is not in the net */
    char name[CR_NET_MAX_NAME + 16];
    snprintf(name, sizeof name, "%s.%s", cr_net_layer_name(r->net, l->number[v->part]), v->suffix);
    const cr_value value = cr_find(r->g, name);
    if (cr_is_poison(value))
        return cr_keras_refuse(l, "(%s): the net has no '%s' for its '%s'", l->class_name, name,
                               v->name);
    const cr_shape shape = cr_value_shape(value);
    const cr_shape stored = shape_in_keras(part, v->suffix, shape);
    if (!node->dataset || node->type == CR_H5_TEXT || node->type == CR_H5_OTHER)
        return cr_keras_refuse(l, "(%s): its '%s' in the weights is no array of numbers",
                               l->class_name, v->name);
    if (!same_shape(node, stored))
        return wrong_shape(l, node, stored);
    return read_values(r, v, node, name, shape);
}

/* ---- Keras 3: by class ----------------------------------------------------------------------- */

static bool starts_word(const char *name, size_t i)
{
    const bool upper = isupper((unsigned char)name[i]),
               lower_before = i > 0 && islower((unsigned char)name[i - 1]);
    const bool word_after = name[i] && islower((unsigned char)name[i + 1]);
    return i > 0 && upper && (word_after || lower_before);
}

/* Keras's: before a capital that begins a word, or follows a small letter. */
void cr_keras_snake_case(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; name[i] && n + 2 < size; i++) {
        if (starts_word(name, i))
            out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)name[i]);
    }
    out[n] = '\0';
}

/* The name of a layer's folder: its class, and from the second of that class on a number. */
static const char *folder_name(cr_keras_model *m, uint32_t layer)
{
    cr_keras *k = m->layer[layer].keras;
    char word[128];
    uint32_t before = 0;
    for (uint32_t i = 0; i < layer; i++)
        before += !m->layer[i].operation &&
                  strcmp(m->layer[i].class_name, m->layer[layer].class_name) == 0;
    cr_keras_snake_case(m->layer[layer].class_name, word, sizeof word);
    return before ? cr_arena_printf(&k->arena, "%s_%u", word, before)
                  : cr_arena_strdup(&k->arena, word);
}

static cr_status no_variable(const cr_keras_layer *l, uint32_t i, const char *name)
{
    if (l->shared)
        return cr_keras_refuse(l,
                               "(%s) is shared between a model and one inside it: in .keras files "
                               "Keras saves its weights at one place only, and finds them no more; "
                               "save the model as .h5",
                               l->class_name);
    return cr_keras_refuse(l, "(%s): there is no %s, its '%s', in model.weights.h5", l->class_name,
                           name, l->variable[i].name);
}

static cr_status read_layer(struct reading *r, const cr_keras_layer *l, const char *path)
{
    for (uint32_t i = 0; i < l->nvariables; i++) {
        const char *name = cr_arena_printf(&r->k->arena, "%s/vars/%u", path, i);
        if (!name)
            return CR_E_MEMORY;
        const cr_h5_node *node = cr_h5_find(r->h, name);
        if (!node)
            return no_variable(l, i, name);
        CR_TRY(read_variable(r, l, &l->variable[i], node));
    }
    const char *more = cr_arena_printf(&r->k->arena, "%s/vars/%u", path, l->nvariables);
    if (more && cr_h5_find(r->h, more))
        return cr_keras_refuse(l, "(%s): there is %s in model.weights.h5, which it should not have",
                               l->class_name, more);
    return more ? CR_OK : CR_E_MEMORY;
}

static cr_status read_model(struct reading *r, cr_keras_model *m, const char *path)
{
    for (uint32_t i = 0; i < m->nlayers; i++) {
        const cr_keras_layer *l = &m->layer[i];
        if (l->operation || l->input)
            continue;
        const char *folder = folder_name(m, i);
        folder = folder ? cr_arena_printf(&r->k->arena, "%s/layers/%s", path, folder) : NULL;
        if (!folder)
            return CR_E_MEMORY;
        CR_TRY(l->model ? read_model(r, l->model, folder) : read_layer(r, l, folder));
    }
    return CR_OK;
}

/* ---- older files: by lists of names ---------------------------------------------------------- */

/* A variable of a layer at the top, or of one in a model at the top, and where it is. */
struct slot {
    const cr_keras_layer *layer;
    const cr_keras_variable *variable;
};
typedef CR_VEC(struct slot) slots;

/* Those that are trained, or those that are not, of all layers in their order. */
static bool gather(slots *s, const cr_keras_layer *l, bool frozen, bool trained)
{
    frozen = frozen || l->frozen;
    for (uint32_t i = 0; i < l->nvariables; i++) {
        const struct slot slot = {l, &l->variable[i]};
        if ((slot.variable->trained && !frozen) == trained && !cr_vec_push(s, slot))
            return false;
    }
    for (uint32_t i = 0; l->model && i < l->model->nlayers; i++)
        if (!gather(s, &l->model->layer[i], frozen, trained))
            return false;
    return true;
}

/* A list that is too long for one attribute is in several, with a number at the end. */
struct names {
    CR_VEC(const char *) list;
};

static bool add_names(struct names *n, const cr_h5 *h, const char *path, const char *attribute)
{
    uint32_t count = 0;
    const char *const *texts = cr_h5_texts(h, path, attribute, &count);
    for (uint32_t i = 0; texts && i < count; i++)
        if (!cr_vec_push(&n->list, texts[i]))
            return false;
    return texts != NULL;
}

static cr_status read_names(struct names *n, const cr_h5 *h, const char *path)
{
    enum { MOST_PARTS = 1000 };
    cr_error_clear();
    if (!add_names(n, h, path, "weight_names"))
        for (int i = 0; i < MOST_PARTS; i++) {
            char part[32];
            snprintf(part, sizeof part, "weight_names%d", i);
            if (!add_names(n, h, path, part))
                break;
        }
    return cr_last_status() == CR_E_MEMORY ? CR_E_MEMORY : CR_OK;
}

/* "conv/kernel:0" is the kernel; Keras 3 calls all kernels "kernel". */
static bool is_named(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *word = slash ? slash + 1 : path;
    const size_t n = strcspn(word, ":"), m = strlen(name);
    return n <= m && strncmp(word, name + m - n, n) == 0 && (n == m || name[m - n - 1] == '_');
}

static cr_status read_slots(struct reading *r, const cr_keras_layer *l, const char *path,
                            const slots *s, const struct names *n)
{
    if (s->len != n->list.len)
        return cr_keras_refuse(l, "(%s) has %u variables, and %u in the file", l->class_name,
                               s->len, n->list.len);
    for (uint32_t i = 0; i < s->len; i++) {
        const char *shown = cr_keras_printable(&r->k->arena, n->list.at[i]);
        const char *name = cr_arena_printf(&r->k->arena, "%s/%s", path, n->list.at[i]);
        const cr_h5_node *node = name ? cr_h5_find(r->h, name) : NULL;
        if (!name || !shown)
            return CR_E_MEMORY;
        if (!is_named(n->list.at[i], s->at[i].variable->name))
            return cr_keras_refuse(s->at[i].layer, "(%s) needs its '%s' where the file has '%s'",
                                   s->at[i].layer->class_name, s->at[i].variable->name, shown);
        if (!node)
            return cr_keras_refuse(s->at[i].layer, "(%s): there is no '%s' in the file",
                                   s->at[i].layer->class_name, shown);
        CR_TRY(read_variable(r, s->at[i].layer, s->at[i].variable, node));
    }
    return CR_OK;
}

static cr_status read_listed(struct reading *r, const cr_keras_layer *l)
{
    slots s = {0};
    struct names n = {0};
    const char *path = cr_arena_printf(&r->k->arena, "/model_weights/%s", l->key);
    const bool gathered = path && gather(&s, l, false, true) && gather(&s, l, false, false);
    cr_status status = gathered ? read_names(&n, r->h, path) : CR_E_MEMORY;
    if (status == CR_OK)
        status = read_slots(r, l, path, &s, &n);
    cr_vec_finish(&s);
    cr_vec_finish(&n.list);
    return status;
}

static const cr_loc nowhere; /* mistakes are the net's */

/* ---- all ------------------------------------------------------------------------------------- */

static cr_status read_all(struct reading *r)
{
    cr_keras_model *m = r->k->root->model;
    if (!r->k->h5)
        return read_model(r, m, "");
    for (uint32_t i = 0; i < m->nlayers; i++)
        if (!m->layer[i].operation && !m->layer[i].input)
            CR_TRY(read_listed(r, &m->layer[i]));
    return CR_OK;
}

cr_status cr_keras_build(cr_keras *k, const cr_net *net, cr_graph *g)
{
    const uint32_t n = cr_net_inputs(net), m = cr_net_outputs(net);
    cr_value *in = cr_alloc(n * sizeof *in), *out = cr_alloc(m * sizeof *out);
    const cr_dim batch = cr_symbol(g, "batch", 1);
    for (uint32_t i = 0; in && out && i < n; i++) {
        const cr_layer *l = cr_net_input(net, i);
        cr_shape s = {.rank = l->shape.rank + 1, .dim = {batch}};
        memcpy(&s.dim[1], l->shape.dim, sizeof s.dim - sizeof s.dim[0]);
        in[i] = cr_input_at(nowhere, g, l->name, l->dtype, s);
    }
    const cr_status status = in && out ? cr_net_build_all_at(nowhere, net, in, out) : CR_E_MEMORY;
    cr_free(in);
    cr_free(out);
    if (status != CR_E_GRAPH)
        return status;
    const char *why = cr_arena_strdup(&k->arena, cr_error());
    return cr_fail(CR_E_ARGUMENT, "%s: %s", k->file, why ? why : "");
}

cr_status cr_keras_weights(cr_keras *k, const cr_net *net, cr_h5 *h, cr_model *model)
{
    struct reading r = {.k = k, .net = net, .h = h, .model = model};
    r.g = cr_graph_create("keras");
    if (!r.g)
        return cr_last_status();
    cr_status status = cr_keras_build(k, net, r.g);
    if (status == CR_OK)
        status = read_all(&r);
    cr_graph_destroy(r.g);
    return status;
}
