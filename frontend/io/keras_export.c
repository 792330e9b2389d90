/* keras_export.c - a model as Keras 3 writes one. */
#include "crisol/ops.h"
#include "keras.h"

/* The version whose files ours are like. Keras 3.4 and later reads them; before, models of one
 * input or output had to be written otherwise. */
#define KERAS_VERSION "3.15.1"

static const cr_loc nowhere; /* mistakes are the net's */

/* ---- shapes ---------------------------------------------------------------------------------- */

/* Builds a copy of the net with every layer as an output. */
static cr_status shapes_of_copy(cr_graph *g, const cr_net *all, cr_dtype dtype, cr_shape x,
                                cr_shape *out)
{
    const uint32_t nin = cr_net_inputs(all);
    cr_value *in = cr_alloc(nin * sizeof *in), *value = cr_alloc(all->nlayers * sizeof *value);
    const cr_dim batch = cr_symbol(g, "batch", 1);
    for (uint32_t i = 0; in && value && i < nin; i++) {
        const cr_layer *l = cr_net_input(all, i);
        const cr_shape one = l ? l->shape : x;
        cr_shape s = {.rank = one.rank + 1, .dim = {batch}};
        memcpy(&s.dim[1], one.dim, sizeof s.dim - sizeof s.dim[0]);
        in[i] = cr_input_at(nowhere, g, l ? l->name : "x",
                            l ? l->dtype : (dtype == CR_U8 ? CR_F32 : dtype), s);
        if (!l)
            out[0] = s;
    }
    const cr_status status =
        in && value ? cr_net_build_all_at(nowhere, all, in, value) : CR_E_MEMORY;
    for (uint32_t i = 0; status == CR_OK && i < all->nlayers; i++)
        out[all->output[i]] = cr_value_shape(value[i]);
    cr_free(in);
    cr_free(value);
    return status;
}

/* out[0] is x's, out[i] that of the result of layer i, with the samples' axis. */
static cr_status find_shapes(const cr_net *net, cr_dtype dtype, cr_shape x, cr_shape *out)
{
    cr_net all = {0};
    CR_TRY(cr_net_copy(net, &all));
    cr_status status = CR_OK;
    for (uint32_t i = 1; status == CR_OK && i <= all.nlayers; i++) {
        bool is_one = false;
        for (uint32_t j = 0; j < all.noutputs; j++)
            is_one = is_one || all.output[j] == i;
        if (!is_one)
            status = cr_net_add_output(&all, i);
    }
    cr_graph *g = status == CR_OK ? cr_graph_create("shapes") : NULL;
    if (g)
        status = shapes_of_copy(g, &all, dtype, x, out);
    else if (status == CR_OK)
        status = cr_last_status();
    cr_graph_destroy(g);
    cr_net_finish(&all);
    return status;
}

/* ---- config.json ----------------------------------------------------------------------------- */

static const cr_keras_object *at(const cr_keras_objects *o, uint32_t i)
{
    return &o->list.at[i];
}

static const cr_shape *shape_of(const cr_keras_objects *o, cr_keras_result r)
{
    return &at(o, r.object)->calls.at[r.call].out;
}

static void add_shape(cr_strbuf *s, const cr_shape *shape)
{
    cr_str_add(s, shape->rank > 1 ? "[null, " : "[null");
    cr_keras_add_sizes(s, shape, 1);
    cr_str_add(s, "]");
}

/* [name, call, result] */
static void add_history(cr_strbuf *s, const cr_keras_objects *o, cr_keras_result r)
{
    cr_str_printf(s, "[\"%s\", %u, 0]", at(o, r.object)->name, r.call);
}

static void add_tensor(cr_strbuf *s, const cr_keras_objects *o, cr_keras_result r)
{
    const char *config = at(o, r.object)->config; /* of an input, which has its type */
    const char *dtype = strstr(config, "\"int32\"") ? "int32" : "float32";
    cr_str_add(s, "{\"class_name\": \"__keras_tensor__\", \"config\": {\"shape\": ");
    add_shape(s, shape_of(o, r));
    cr_str_printf(s, ", \"dtype\": \"%s\", \"keras_history\": ",
                  strstr(config, "\"uint8\"") ? "uint8" : dtype);
    add_history(s, o, r);
    cr_str_add(s, "}}");
}

/* Layers of one operand are given it, others a list. */
static void add_node(cr_strbuf *s, const cr_keras_objects *o, const cr_keras_node *node)
{
    cr_str_add(s, node->n > 1 ? "{\"args\": [[" : "{\"args\": [");
    for (uint32_t i = 0; i < node->n; i++) {
        cr_str_add(s, i ? ", " : "");
        add_tensor(s, o, node->at[i]);
    }
    cr_str_add(s, node->n > 1 ? "]], \"kwargs\": {}}" : "], \"kwargs\": {}}");
}

static void add_build_config(cr_strbuf *s, const cr_keras_objects *o, const cr_keras_node *node)
{
    cr_str_add(s, node->n > 1 ? ", \"build_config\": {\"input_shape\": ["
                              : ", \"build_config\": {\"input_shape\": ");
    for (uint32_t i = 0; i < node->n; i++) {
        cr_str_add(s, i ? ", " : "");
        add_shape(s, shape_of(o, node->at[i]));
    }
    cr_str_add(s, node->n > 1 ? "]}" : "}");
}

static void add_object(cr_strbuf *s, const cr_keras_objects *o, const cr_keras_object *x)
{
    const bool input = strcmp(x->class_name, "InputLayer") == 0;
    cr_str_printf(s,
                  "{\"module\": \"keras.layers\", \"class_name\": \"%s\", \"config\": {%s}, "
                  "\"registered_name\": null",
                  x->class_name, x->config);
    if (x->nvariables || x->calls.at[0].n > 1)
        add_build_config(s, o, &x->calls.at[0]);
    if (!o->chain) {
        cr_str_printf(s, ", \"name\": \"%s\", \"inbound_nodes\": [", x->name);
        for (uint32_t i = 0; !input && i < x->calls.len; i++) {
            cr_str_add(s, i ? ", " : "");
            add_node(s, o, &x->calls.at[i]);
        }
        cr_str_add(s, "]");
    }
    cr_str_add(s, "}");
}

static void add_objects(cr_strbuf *s, const cr_keras_objects *o)
{
    cr_str_add(s, "\"layers\": [");
    for (uint32_t i = 0; i < o->norder; i++) {
        cr_str_add(s, i ? ", " : "");
        add_object(s, o, at(o, o->order[i]));
    }
    cr_str_add(s, "]");
}

/* A model of one input or output has it bare. */
static void add_ends(cr_strbuf *s, const cr_keras_objects *o, const char *key,
                     const cr_keras_result *end, uint32_t n)
{
    cr_str_printf(s, ", \"%s\": %s", key, n > 1 ? "[" : "");
    for (uint32_t i = 0; i < n; i++) {
        cr_str_add(s, i ? ", " : "");
        add_history(s, o, end[i]);
    }
    cr_str_add(s, n > 1 ? "]" : "");
}

static void write_config(cr_strbuf *s, const cr_keras_objects *o)
{
    if (o->chain) {
        cr_str_add(s,
                   "{\"module\": \"keras\", \"class_name\": \"Sequential\", \"config\": {\"name\": "
                   "\"model\", \"trainable\": true, ");
        add_objects(s, o);
        cr_str_add(s, ", \"build_input_shape\": ");
        add_shape(s, shape_of(o, o->input[0]));
        cr_str_add(s, "}, \"registered_name\": null, \"build_config\": {\"input_shape\": ");
        add_shape(s, shape_of(o, o->input[0]));
        cr_str_add(s, "}}");
        return;
    }
    cr_str_add(s, "{\"module\": \"keras.src.models.functional\", \"class_name\": \"Functional\", "
                  "\"config\": {\"name\": \"model\", \"trainable\": true, ");
    add_objects(s, o);
    add_ends(s, o, "input_layers", o->input, o->ninputs);
    add_ends(s, o, "output_layers", o->output, o->noutputs);
    cr_str_add(
        s, "}, \"registered_name\": \"Functional\", \"build_config\": {\"input_shape\": null}}");
}

/* ---- model.weights.h5 ------------------------------------------------------------------------ */

static cr_status write_variance(cr_h5_writer *w, const char *path, const cr_tensor *t,
                                const uint64_t *dim, uint64_t n)
{
    float *values = cr_alloc(n * sizeof *values);
    if (!values)
        return CR_E_MEMORY;
    for (uint64_t i = 0; i < n; i++) {
        const float deviation = 1 / ((const float *)t->data)[i];
        values[i] = deviation * deviation;
    }
    const cr_status status =
        cr_h5_dataset(w, path, CR_H5_F32, (uint32_t)t->shape.rank, dim, values);
    cr_free(values);
    return status;
}

/* [rows, columns, 1, channels * multiplier] to [rows, columns, channels, multiplier]. */
static void split_channels(const cr_keras_object *x, const cr_keras_objects *o, uint64_t *dim)
{
    const cr_keras_node *node = &x->calls.at[0];
    const bool first = strstr(x->config, "\"channels_first\"") != NULL;
    const cr_shape *in = shape_of(o, node->at[0]);
    dim[2] = (uint64_t)in->dim[first ? 1 : 3];
    dim[3] /= dim[2];
}

static cr_status write_variable(cr_h5_writer *w, const cr_model *model, const cr_keras_objects *o,
                                const cr_keras_object *x, uint32_t i, const char *path)
{
    const int32_t none = 0;
    if (x->variable[i].form == CR_KERAS_ZERO)
        return cr_h5_dataset(w, path, CR_H5_I32, 0, NULL, &none);
    const cr_tensor *t = cr_model_find(model, x->variable[i].tensor);
    if (!t || t->dtype != CR_F32)
        return cr_fail(CR_E_ARGUMENT, "the model has no values '%s' of f32", x->variable[i].tensor);
    uint64_t dim[CR_MAX_RANK], n = 1;
    for (int32_t j = 0; j < t->shape.rank; j++) {
        dim[j] = (uint64_t)t->shape.dim[j];
        n *= dim[j];
    }
    if (x->variable[i].form == CR_KERAS_VARIANCE)
        return write_variance(w, path, t, dim, n);
    if (strcmp(x->class_name, "DepthwiseConv2D") == 0 && t->shape.rank == 4)
        split_channels(x, o, dim);
    return cr_h5_dataset(w, path, CR_H5_F32, (uint32_t)t->shape.rank, dim, t->data);
}

static cr_status write_object(cr_h5_writer *w, const cr_model *model, const cr_keras_objects *o,
                              const cr_keras_object *x)
{
    char word[64], path[128];
    cr_keras_snake_case(x->class_name, word, sizeof word);
    int n = snprintf(path, sizeof path, "/layers/%s", word);
    if (x->folder)
        n += snprintf(path + n, sizeof path - (size_t)n, "_%u", x->folder);
    n += snprintf(path + n, sizeof path - (size_t)n, "/vars");
    CR_TRY(cr_h5_group(w, path));
    CR_TRY(cr_h5_set_text(w, path, "name", x->name));
    for (uint32_t i = 0; i < x->nvariables; i++) {
        snprintf(path + n, sizeof path - (size_t)n, "/%u", i);
        CR_TRY(write_variable(w, model, o, x, i, path));
    }
    return CR_OK;
}

static cr_status write_weights(const cr_model *model, const cr_keras_objects *o, cr_blob *out)
{
    cr_h5_writer *w = cr_h5_create();
    if (!w)
        return cr_last_status();
    void *data = NULL;
    cr_status status = cr_h5_group(w, "/vars");
    if (status == CR_OK)
        status = cr_h5_set_text(w, "/vars", "name", "model");
    for (uint32_t i = 0; status == CR_OK && i < o->norder; i++)
        status = write_object(w, model, o, at(o, o->order[i]));
    if (status == CR_OK)
        status = cr_h5_image(w, &data, &out->size);
    cr_h5_discard(w);
    out->at = data;
    return status;
}

/* ---- all ------------------------------------------------------------------------------------- */

static cr_status write_file(const cr_model *model, const cr_keras_objects *o, const char *path)
{
    static const char metadata[] = "{\"keras_version\": \"" KERAS_VERSION "\"}";
    cr_keras_entries e = {.metadata = {(char *)(uintptr_t)metadata, sizeof metadata - 1}};
    cr_strbuf config = {0};
    cr_blob file = {0};
    write_config(&config, o);
    cr_status status = config.failed ? CR_E_MEMORY : write_weights(model, o, &e.weights);
    e.config = (cr_blob){config.at, config.len};
    if (status == CR_OK)
        status = cr_keras_zip(&e, &file);
    if (status == CR_OK)
        status = cr_file_write(path, file.at, file.size);
    cr_free(file.at);
    cr_free(e.weights.at);
    cr_str_finish(&config);
    return status;
}

/* What the model says of its samples is x of a net without inputs. */
static cr_status export(const cr_model *model, const cr_net *net, cr_shape *shape, const char *path)
{
    cr_shape x = {0};
    cr_dtype dtype = CR_F32;
    if (!cr_model_x(model, &dtype, &x) && !net->ninputs)
        return cr_fail(CR_E_ARGUMENT,
                       "the model does not say what shape its samples have: let its net "
                       "begin with an 'input'");
    cr_keras_objects o = {0};
    cr_status status = find_shapes(net, dtype, x, shape);
    if (status == CR_OK)
        status = cr_keras_make_objects(net, dtype, shape, &o);
    if (status == CR_OK)
        status = cr_keras_put_in_order(&o);
    if (status == CR_OK)
        status = write_file(model, &o, path);
    cr_keras_objects_finish(&o);
    return status;
}

cr_status cr_model_export_keras(const cr_model *model, const char *path)
{
    const cr_net *net = cr_model_net(model);
    if (!net)
        return cr_fail(CR_E_ARGUMENT,
                       "the model is a graph, and no net of layers as Keras has them");
    cr_shape *shape = cr_alloc((net->nlayers + 1) * sizeof *shape);
    const cr_status status = shape ? export(model, net, shape, path) : CR_E_MEMORY;
    cr_free(shape);
    return status;
}
