/* keras_model.c - from a config to layers, models, and which takes whose result. Both dialects are
 * read: that of Keras 3 and that of Keras 2, whose edges are nested lists. */
#include "keras.h"

/* ---- names ----------------------------------------------------------------------------------- */

const char *cr_keras_printable(cr_arena *arena, const char *text)
{
    enum { MOST = 100 };
    char out[MOST + 4];
    size_t n = 0;
    for (; text[n] && n < MOST; n++)
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    snprintf(out + n, sizeof out - n, "%s", text[n] ? "..." : "");
    return cr_arena_strdup(arena, out);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* ---- one layer ------------------------------------------------------------------------------- */

/* "float32", or a policy of that name: all else computes with other numbers than Crisol. */
static cr_status check_policy(const cr_keras_layer *l)
{
    const cJSON *dtype = cr_json_at(l->config, "dtype");
    const char *name = cJSON_IsString(dtype) ? dtype->valuestring
                                             : cr_json_text(cr_json_at(dtype, "config"), "name");
    if (!dtype || cJSON_IsNull(dtype) || (name && strcmp(name, "float32") == 0))
        return CR_OK;
    return cr_keras_option(l, "dtype", "Crisol computes in float32 only");
}

/* Keras's own classes are in its modules, and are registered under no name, or their own. Those of
 * a user may be called as Keras's are, and compute something else. HDF5 need not say either. */
static cr_status check_module(cr_keras_layer *l, const cJSON *json)
{
    const char *module = cr_json_text(json, "module");
    const char *registered = cr_json_text(json, "registered_name");
    const bool own =
        module && strncmp(module, "keras", 5) == 0 && (module[5] == '\0' || module[5] == '.');
    l->operation = module && strstr(module, ".ops.");
    if (registered && strcmp(registered, l->class_name) != 0)
        module = registered;
    else if (own || (l->keras->h5 && !module && !cr_json_at(json, "module")))
        return CR_OK;
    if (module)
        return cr_keras_refuse(l, "is a custom %s ('%s'): Crisol reads Keras's own layers only",
                               l->class_name, cr_keras_printable(&l->keras->arena, module));
    return cr_keras_refuse(l, "is a custom %s, of no module: Crisol reads Keras's own layers only",
                           l->class_name);
}

static const char *name_of(const cJSON *json)
{
    const char *name = cr_json_text(cr_json_at(json, "config"), "name");
    return name ? name : cr_json_text(json, "name");
}

static cr_status read_head(cr_keras_layer *l, cr_keras *k, const cJSON *json, const char *prefix)
{
    const char *class_name = cr_json_text(json, "class_name");
    l->keras = k;
    l->config = cr_json_at(json, "config");
    l->key = name_of(json);
    l->shared = cr_json_at(json, "shared_object_id") != NULL;
    l->frozen = cJSON_IsFalse(cr_json_at(l->config, "trainable"));
    if (!class_name || !cJSON_IsObject(l->config) || !l->key)
        return cr_fail(CR_E_SYNTAX, "%s: a layer in it%s%s has no name, class_name or config",
                       k->file, *prefix ? ", in " : "", prefix);
    l->class_name = cr_keras_printable(&k->arena, class_name);
    const char *name = cr_keras_printable(&k->arena, l->key);
    l->name = name ? cr_arena_printf(&k->arena, "%s%s", prefix, name) : NULL;
    if (!l->class_name || !l->name)
        return CR_E_MEMORY;
    return check_module(l, json);
}

static cr_status read_model(cr_keras_layer *l, const cJSON *json, const char *prefix, int depth);

static cr_status read_layer(cr_keras_layer *l, cr_keras *k, const cJSON *json, const char *prefix,
                            int depth)
{
    CR_TRY(read_head(l, k, json, prefix));
    if (is_one_of(l->class_name, "Sequential", "Functional", "Model"))
        return read_model(l, json, cr_arena_printf(&k->arena, "%s/", l->name), depth + 1);
    if (strcmp(l->class_name, "InputLayer") != 0)
        CR_TRY(check_policy(l));
    return cr_keras_read_layer(l);
}

/* ---- references ------------------------------------------------------------------------------ */

enum { MAX_REFS = 1 << 16 };

/* What is written where: references that are gathered for one call, or one list of results. */
struct refs {
    cr_keras_layer *from; /* for messages */
    const cr_keras_model *model;
    bool ends; /* inputs and outputs of a model, not what a call is given */
    CR_VEC(cr_keras_ref) list;
};

static cr_status wrong_call(const cr_keras_layer *l, const char *why)
{
    return cr_keras_refuse(l, "(%s): %s", l->class_name, why);
}

/* Models begin with a call of their own, which joins their inputs and outputs. Keras 2 counts it;
 * Keras 3 does where a result is an end of the model around it, and not of a Sequential. */
static uint32_t first_call(const struct refs *r, const cr_keras_layer *l)
{
    return l->model && (l->keras->version == 2 || (r->ends && !l->model->sequential));
}

static cr_status add_ref(struct refs *r, const cJSON *leaf)
{
    const char *name = cJSON_GetArrayItem(leaf, 0)->valuestring;
    int64_t call, result;
    if (!cr_json_whole(cJSON_GetArrayItem(leaf, 1), 0, INT32_MAX, &call) ||
        !cr_json_whole(cJSON_GetArrayItem(leaf, 2), 0, INT32_MAX, &result))
        return wrong_call(r->from, "what it refers to is no layer, call and result");
    if (++r->from->keras->nrefs > MAX_REFS)
        return cr_fail(CR_E_LIMIT, "%s: more than %d edges", r->from->keras->file, MAX_REFS);
    for (uint32_t i = 0; i < r->model->nlayers; i++) {
        const cr_keras_layer *l = &r->model->layer[i];
        if (strcmp(l->key, name) != 0)
            continue;
        call -= first_call(r, l);
        if (call < 0 || call >= r->model->ncalls[i] ||
            result >= (l->model ? l->model->noutputs : 1))
            return cr_keras_refuse(
                r->from, "refers to a call or a result of '%s' that is not there", l->name);
        const cr_keras_ref ref = {i, (uint32_t)call, (uint32_t)result};
        return cr_vec_push(&r->list, ref) ? CR_OK : CR_E_MEMORY;
    }
    return cr_keras_refuse(r->from, "refers to '%s', which is no layer beside it",
                           cr_keras_printable(&r->from->keras->arena, name));
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static cr_status add_refs(struct refs *r, const cJSON *value);

/* A dict stands for its values in the order of its keys, to Keras as well. */
static cr_status add_dict(struct refs *r, const cJSON *dict)
{
    const int n = cJSON_GetArraySize(dict);
    const cJSON **item = cr_arena_alloc(&r->from->keras->arena, (size_t)n * sizeof *item);
    if (!item)
        return CR_E_MEMORY;
    int i = 0;
    for (const cJSON *c = dict->child; c; c = c->next)
        item[i++] = c;
    if (n)
        qsort(item, (size_t)n, sizeof *item, by_key);
    for (i = 0; i < n; i++)
        CR_TRY(add_refs(r, item[i]));
    return CR_OK;
}

/* [name, call, result], an object that holds one, or a list or dict of such. JSON is as deep as it
 * may be, and so is this. */
static cr_status add_refs(struct refs *r, const cJSON *value)
{
    const char *class_name = cr_json_text(value, "class_name");
    if (class_name && strcmp(class_name, "__keras_tensor__") == 0)
        value = cr_json_at(cr_json_at(value, "config"), "keras_history");
    else if (cJSON_IsObject(value))
        return add_dict(r, value);
    if (!cJSON_IsArray(value))
        return wrong_call(r->from, "it is given a value that is no result of a layer");
    if (cJSON_IsString(cJSON_GetArrayItem(value, 0)))
        return add_ref(r, value);
    for (const cJSON *c = value->child; c; c = c->next)
        CR_TRY(add_refs(r, c));
    return CR_OK;
}

/* Null or false, or several of these: a model of several inputs is called with a mask of each. */
static bool is_nothing(const cJSON *value)
{
    if (!cJSON_IsArray(value) && !cJSON_IsObject(value))
        return cJSON_IsNull(value) || cJSON_IsFalse(value);
    for (const cJSON *c = value->child; c; c = c->next)
        if (!is_nothing(c))
            return false;
    return true;
}

/* Arguments by name: none that changes anything. */
static cr_status check_arguments(const cr_keras_layer *l, const cJSON *by_name)
{
    for (const cJSON *c = cJSON_IsObject(by_name) ? by_name->child : NULL; c; c = c->next)
        if (!is_nothing(c) && strcmp(c->string, "name") != 0)
            return cr_keras_refuse(l,
                                   "(%s) is called with the argument %s, which Crisol does not "
                                   "have",
                                   l->class_name, cr_keras_printable(&l->keras->arena, c->string));
    return CR_OK;
}

/* The lists of Keras 2 have them as their fourth element. */
static cr_status check_listed_arguments(const cr_keras_layer *l, const cJSON *list)
{
    if (cJSON_IsString(cJSON_GetArrayItem(list, 0)))
        return check_arguments(l, cJSON_GetArrayItem(list, 3));
    for (const cJSON *c = cJSON_IsArray(list) ? list->child : NULL; c; c = c->next)
        CR_TRY(check_listed_arguments(l, c));
    return CR_OK;
}

static cr_status give(struct refs *r, uint32_t *n, cr_keras_ref **at)
{
    *n = r->list.len;
    *at = cr_arena_alloc(&r->from->keras->arena, r->list.len * sizeof **at);
    if (!*at)
        return CR_E_MEMORY;
    if (*n)
        memcpy(*at, r->list.at, *n * sizeof **at);
    return CR_OK;
}

static cr_status read_call(cr_keras_layer *l, const cr_keras_model *m, const cJSON *node,
                           cr_keras_call *out)
{
    const bool named = cJSON_IsObject(node) && cr_json_at(node, "args");
    struct refs r = {.from = l, .model = m};
    cr_status status =
        named ? check_arguments(l, cr_json_at(node, "kwargs")) : check_listed_arguments(l, node);
    if (status == CR_OK)
        status = add_refs(&r, named ? cr_json_at(node, "args") : node);
    if (status == CR_OK)
        status = give(&r, &out->n, &out->at);
    cr_vec_finish(&r.list);
    return status;
}

/* ---- functional models ----------------------------------------------------------------------- */

/* How often each layer is called. An input is there without a call. */
static cr_status count_calls(cr_keras_model *m, const cJSON *layers)
{
    uint32_t i = 0;
    for (const cJSON *c = layers->child; c; c = c->next, i++) {
        const cJSON *nodes = cr_json_at(c, "inbound_nodes");
        cr_keras_layer *l = &m->layer[i];
        m->ncalls[i] =
            l->input ? 1 : (uint32_t)(cJSON_IsArray(nodes) ? cJSON_GetArraySize(nodes) : 0);
        m->call[i] = cr_arena_alloc(&l->keras->arena, m->ncalls[i] * sizeof **m->call);
        if (!m->call[i])
            return CR_E_MEMORY;
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(m->layer[j].key, l->key) == 0)
                return cr_keras_refuse(l, "has the name of another one beside it");
    }
    return CR_OK;
}

static cr_status read_calls(cr_keras_model *m, const cJSON *layers)
{
    uint32_t i = 0;
    for (const cJSON *c = layers->child; c; c = c->next, i++) {
        uint32_t j = 0;
        const cJSON *nodes = m->layer[i].input ? NULL : cr_json_at(c, "inbound_nodes");
        for (const cJSON *node = nodes ? nodes->child : NULL; node && j < m->ncalls[i];
             node = node->next)
            CR_TRY(read_call(&m->layer[i], m, node, &m->call[i][j++]));
    }
    return CR_OK;
}

static cr_status read_ends(cr_keras_layer *l, cr_keras_model *m, const char *key, uint32_t *n,
                           cr_keras_ref **at)
{
    struct refs r = {.from = l, .model = m, .ends = true};
    cr_status status = add_refs(&r, cr_json_at(l->config, key));
    if (status == CR_OK)
        status = r.list.len ? give(&r, n, at) : wrong_call(l, "it has no inputs, or no outputs");
    cr_vec_finish(&r.list);
    return status;
}

static cr_status read_functional(cr_keras_layer *l, cr_keras_model *m, const cJSON *layers)
{
    CR_TRY(count_calls(m, layers));
    CR_TRY(read_calls(m, layers));
    CR_TRY(read_ends(l, m, "input_layers", &m->ninputs, &m->input));
    for (uint32_t i = 0; i < m->ninputs; i++)
        if (!m->layer[m->input[i].layer].input)
            return wrong_call(l, "one of its inputs is no InputLayer");
    return read_ends(l, m, "output_layers", &m->noutputs, &m->output);
}

/* ---- sequential models ----------------------------------------------------------------------- */

/* The shape that a model without an InputLayer was built with. */
static const cJSON *built_shape(const cr_keras_layer *l, const cJSON *json, const cJSON *first)
{
    const cJSON *config = cr_json_at(first, "config");
    const cJSON *const places[] = {
        cr_json_at(l->config, "build_input_shape"),
        cr_json_at(cr_json_at(json, "build_config"), "input_shape"),
        cr_json_at(config, "batch_input_shape"),
        cr_json_at(config, "batch_shape"),
        cr_json_at(cr_json_at(first, "build_config"), "input_shape"),
    };
    for (size_t i = 0; i < CR_COUNTOF(places); i++)
        if (cJSON_IsArray(places[i]))
            return places[i];
    return NULL;
}

static cr_status add_input(cr_keras_layer *input, const cr_keras_layer *l, const cJSON *shape)
{
    *input = (cr_keras_layer){.keras = l->keras,
                              .key = "input",
                              .class_name = "InputLayer",
                              .config = l->config,
                              .input = true};
    input->name = cr_arena_printf(&l->keras->arena, "%s/input", l->name);
    input->part[0].kind = CR_LAYER_INPUT;
    input->nparts = 1;
    if (!input->name)
        return CR_E_MEMORY;
    if (!shape)
        return cr_keras_refuse(l,
                               "(%s) was never built, so the shape of its samples is not known: "
                               "call it once, then save it",
                               l->class_name);
    return cr_keras_sizes(input, "build_input_shape", shape, 1, 1, &input->part[0].shape);
}

/* Each layer is called once, with the result of the one before. */
static cr_status chain(cr_keras_model *m, cr_arena *arena)
{
    cr_keras_ref *ref = cr_arena_alloc(arena, (m->nlayers + 1) * sizeof *ref);
    cr_keras_call *call = cr_arena_alloc(arena, m->nlayers * sizeof *call);
    if (!ref || !call)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < m->nlayers; i++) {
        const cr_keras_layer *l = &m->layer[i];
        if (i > 0 && l->input)
            return cr_keras_refuse(l, "is an InputLayer that is not the first one");
        if (l->model && (l->model->ninputs != 1 || l->model->noutputs != 1))
            return cr_keras_refuse(l, "has several inputs or outputs, and stands in a Sequential");
        ref[i + 1].layer = i;
        m->ncalls[i] = 1;
        m->call[i] = &call[i];
        call[i] = (cr_keras_call){i > 0, &ref[i]};
    }
    m->input = &ref[1];
    m->output = &ref[m->nlayers];
    m->ninputs = m->noutputs = 1;
    return CR_OK;
}

/* ---- models ---------------------------------------------------------------------------------- */

static cr_status make_model(cr_keras_layer *l, uint32_t n)
{
    cr_arena *a = &l->keras->arena;
    cr_keras_model *m = l->model = cr_arena_alloc(a, sizeof *m);
    if (!m)
        return CR_E_MEMORY;
    m->nlayers = n;
    m->layer = cr_arena_alloc(a, n * sizeof *m->layer);
    m->ncalls = cr_arena_alloc(a, n * sizeof *m->ncalls);
    m->call = cr_arena_alloc(a, n * sizeof *m->call);
    return m->layer && m->ncalls && m->call ? CR_OK : CR_E_MEMORY;
}

static bool is_input(const cJSON *json)
{
    const char *class_name = cr_json_text(json, "class_name");
    return class_name && strcmp(class_name, "InputLayer") == 0;
}

static cr_status read_model(cr_keras_layer *l, const cJSON *json, const char *prefix, int depth)
{
    const cJSON *layers = cr_json_at(l->config, "layers");
    const bool sequential = strcmp(l->class_name, "Sequential") == 0;
    if (!prefix)
        return CR_E_MEMORY;
    if (depth > CR_KERAS_MAX_DEPTH)
        return cr_keras_refuse(l, "is a model in a model, %d deep", CR_KERAS_MAX_DEPTH);
    if (!cJSON_IsArray(layers) || !layers->child)
        return cr_keras_refuse(l, "(%s) has no layers", l->class_name);
    const uint32_t made = sequential && !is_input(layers->child);
    const uint32_t n = (uint32_t)cJSON_GetArraySize(layers) + made;
    if (n > CR_NET_MAX_LAYERS || (l->keras->nlayers += n) > CR_NET_MAX_LAYERS)
        return cr_fail(CR_E_LIMIT, "%s: more than %d layers", l->keras->file, CR_NET_MAX_LAYERS);
    CR_TRY(make_model(l, n));
    l->model->sequential = sequential;
    if (made)
        CR_TRY(add_input(l->model->layer, l, built_shape(l, json, layers->child)));
    uint32_t i = made;
    for (const cJSON *c = layers->child; c; c = c->next)
        CR_TRY(read_layer(&l->model->layer[i++], l->keras, c, depth == 1 ? "" : prefix, depth));
    return sequential ? chain(l->model, &l->keras->arena) : read_functional(l, l->model, layers);
}

cr_status cr_keras_read(cr_keras *k, const char *file, int version, bool h5, const char *text,
                        size_t size)
{
    *k = (cr_keras){.file = file, .version = version, .h5 = h5};
    k->json = cr_keras_json(file, "the config of its model", text, size);
    cr_keras_layer *root = k->json ? cr_arena_alloc(&k->arena, sizeof *root) : NULL;
    if (!root)
        return k->json ? CR_E_MEMORY : cr_last_status();
    CR_TRY(read_layer(root, k, k->json, "", 0));
    if (!root->model)
        return cr_keras_refuse(root, "is a %s where a model should be", root->class_name);
    k->root = root;
    return CR_OK;
}

void cr_keras_finish(cr_keras *k)
{
    cJSON_Delete(k->json);
    cr_arena_finish(&k->arena);
    memset(k, 0, sizeof *k);
}
