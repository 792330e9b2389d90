/* keras_objects.c - what each layer of a net is to Keras: one object, or one with helpers, and
 * calls of them. What Keras does not have is refused. */
#include "keras_write.h"

/* ---- options: text in JSON, of names that need no escapes ---------------------------------------
 */

void cr_keras_put(cr_keras_writer *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (w->fresh)
        cr_str_vprintf(&w->config, fmt, ap);
    va_end(ap);
}

void cr_keras_put_flag(cr_keras_writer *w, const char *key, bool flag)
{
    cr_keras_put(w, ", \"%s\": %s", key, flag ? "true" : "false");
}

void cr_keras_put_whole(cr_keras_writer *w, const char *key, int64_t value)
{
    cr_keras_put(w, ", \"%s\": %lld", key, (long long)value);
}

/* The shortest decimal that is this number in f32: 0.001, not 0.0010000000474974513. */
void cr_keras_put_number(cr_keras_writer *w, const char *key, double value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == (float)value)
            break;
    }
    cr_keras_put(w, ", \"%s\": %s", key, text);
}

void cr_keras_put_pair(cr_keras_writer *w, const char *key, const int64_t value[2],
                       const int64_t *without)
{
    int64_t v[2];
    for (int i = 0; i < 2; i++)
        v[i] = value[i] ? value[i] : (without ? without[i] : 1);
    cr_keras_put(w, ", \"%s\": [%lld, %lld]", key, (long long)v[0], (long long)v[1]);
}

void cr_keras_add_sizes(cr_strbuf *s, const cr_shape *shape, int32_t from)
{
    for (int32_t i = from; i < shape->rank; i++)
        cr_str_printf(s, "%s%lld", i > from ? ", " : "", (long long)shape->dim[i]);
}

/* ---- objects and calls ----------------------------------------------------------------------- */

static bool is_taken(const cr_keras_objects *o, const char *name)
{
    for (uint32_t i = 0; i < o->list.len; i++)
        if (strcmp(o->list.at[i].name, name) == 0)
            return true;
    return false;
}

/* Keras's names have no "/", and TensorFlow's begin with a letter or a digit. */
static const char *object_name(const cr_keras_writer *w, const char *suffix)
{
    cr_arena *a = &w->o->arena;
    const char *layer = w->number ? cr_net_layer_name(w->net, w->number) : "x";
    char *name = cr_arena_printf(a, "%s%s%s", strchr("_.-/", layer[0]) ? "n" : "", layer, suffix);
    for (char *c = name; c && *c; c++)
        if (*c == '/')
            *c = '.';
    const char *unique = name;
    for (int i = 2; unique && is_taken(w->o, unique); i++)
        unique = cr_arena_printf(a, "%s-%d", name, i);
    return unique;
}

/* The layer's next object; options and variables are of it, until `call`. */
void cr_keras_object_of(cr_keras_writer *w, const char *class_name, const char *suffix)
{
    w->at = w->fresh ? w->o->list.len : w->first[w->number] + w->nth;
    w->nth++;
    if (!w->fresh || w->failed)
        return;
    cr_keras_object x = {.class_name = class_name, .name = object_name(w, suffix)};
    w->failed = !x.name || !cr_vec_push(&w->o->list, x);
    if (w->nth == 1)
        w->first[w->number] = w->at;
    w->config = (cr_strbuf){0};
    cr_keras_put(w, "\"name\": \"%s\"", x.name ? x.name : "");
    if (strcmp(class_name, "InputLayer") != 0)
        cr_keras_put(
            w, ", \"trainable\": true, \"dtype\": {\"module\": \"keras\", \"class_name\": "
               "\"DTypePolicy\", \"config\": {\"name\": \"float32\"}, \"registered_name\": null}");
}

void cr_keras_variable_of(cr_keras_writer *w, const char *suffix, cr_keras_form form)
{
    if (!w->fresh || w->failed)
        return;
    cr_keras_object *x = &w->o->list.at[w->at];
    x->variable[x->nvariables].form = form;
    x->variable[x->nvariables++].tensor =
        cr_arena_printf(&w->o->arena, "%s.%s", cr_net_layer_name(w->net, w->number), suffix);
    w->failed = !x->variable[x->nvariables - 1].tensor;
}

/* Calls the object with what is at hand, which is its result then. */
void cr_keras_call_object(cr_keras_writer *w, cr_shape out)
{
    cr_keras_object *x = w->failed ? NULL : &w->o->list.at[w->at];
    cr_keras_node node = {.n = w->n, .out = out};
    cr_keras_result *at = cr_arena_alloc(&w->o->arena, w->n * sizeof *at);
    if (at && w->n)
        memcpy(at, w->in, w->n * sizeof *at);
    node.at = at;
    if (x && w->fresh) {
        x->config =
            w->config.failed ? NULL : cr_arena_strdup(&w->o->arena, cr_str_text(&w->config));
        w->failed = !x->config;
    }
    cr_str_finish(&w->config);
    if (!x || !at || !cr_vec_push(&x->calls, node)) {
        w->failed = true;
        return;
    }
    w->result = (cr_keras_result){w->at, x->calls.len - 1};
    w->in = &w->result;
    w->n = 1;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static cr_status refuse(const cr_keras_writer *w, uint32_t number)
{
    return cr_fail(CR_E_ARGUMENT, "layer '%s' is a '%s', which Keras does not have",
                   cr_net_layer_name(w->net, number), cr_layer_word(w->l->kind));
}

static cr_status write_layer(cr_keras_writer *w, uint32_t number)
{
    const cr_layer *l = &w->net->layer[number - 1];
    w->number = l->kind == CR_LAYER_AGAIN ? l->again : number;
    w->l = &w->net->layer[w->number - 1];
    w->fresh = w->number == number;
    w->nth = 0;
    if ((unsigned)w->l->kind >= CR_LAYER_COUNT || !cr_keras_writers[w->l->kind])
        return refuse(w, number);
    if (w->l->activation != CR_LEAKY_RELU && !cr_keras_activation_name(w->l->activation))
        return cr_fail(CR_E_ARGUMENT,
                       "layer '%s': Keras has no activation '%s' that a file can hold",
                       cr_net_layer_name(w->net, number), cr_activation_name(w->l->activation));
    cr_keras_result *in = cr_alloc(l->noperands * sizeof *in);
    if (!in)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < l->noperands; i++)
        in[i] = w->value[l->operand[i]];
    w->in = in;
    w->n = l->noperands;
    cr_keras_writers[w->l->kind](w, w->shape[number]);
    w->value[number] = w->result;
    cr_free(in);
    return w->failed ? CR_E_MEMORY : CR_OK;
}

/* ---- nets ------------------------------------------------------------------------------------ */

/* x of a net without inputs. */
static cr_status write_x(cr_keras_writer *w)
{
    const cr_layer x = {.kind = CR_LAYER_INPUT, .dtype = w->x == CR_I32 ? CR_I32 : CR_F32};
    w->l = &x;
    w->number = 0;
    w->fresh = true;
    cr_keras_writers[CR_LAYER_INPUT](w, w->shape[0]);
    w->value[0] = w->result;
    return w->failed ? CR_E_MEMORY : CR_OK;
}

static bool is_chain(const cr_keras_objects *o)
{
    for (uint32_t i = 0; i < o->list.len; i++) {
        const cr_keras_object *x = &o->list.at[i];
        if (x->calls.len != 1 || x->calls.at[0].n != (i > 0) ||
            (i > 0 && x->calls.at[0].at[0].object != i - 1))
            return false;
    }
    return o->noutputs == 1 && o->output[0].object == o->list.len - 1;
}

static cr_status name_ends(cr_keras_writer *w)
{
    cr_keras_objects *o = w->o;
    o->ninputs = cr_net_inputs(w->net);
    o->noutputs = cr_net_outputs(w->net);
    o->input = cr_arena_alloc(&o->arena, o->ninputs * sizeof *o->input);
    o->output = cr_arena_alloc(&o->arena, o->noutputs * sizeof *o->output);
    if (!o->input || !o->output)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < o->ninputs; i++)
        o->input[i].object = w->first[w->net->ninputs ? w->net->input[i] : 0];
    for (uint32_t i = 0; i < o->noutputs; i++)
        o->output[i] = w->value[cr_net_output(w->net, i)];
    o->chain = is_chain(o);
    return CR_OK;
}

cr_status cr_keras_make_objects(const cr_net *net, cr_dtype x, const cr_shape *shape,
                                cr_keras_objects *out)
{
    *out = (cr_keras_objects){0};
    cr_keras_writer w = {.o = out, .net = net, .x = x, .shape = shape};
    w.first = cr_arena_alloc(&out->arena, (net->nlayers + 1) * sizeof *w.first);
    w.value = cr_arena_alloc(&out->arena, (net->nlayers + 1) * sizeof *w.value);
    if (!w.first || !w.value)
        return CR_E_MEMORY;
    if (!net->ninputs)
        CR_TRY(write_x(&w));
    for (uint32_t i = 1; i <= net->nlayers; i++)
        CR_TRY(write_layer(&w, i));
    return name_ends(&w);
}

void cr_keras_objects_finish(cr_keras_objects *o)
{
    for (uint32_t i = 0; i < o->list.len; i++)
        cr_vec_finish(&o->list.at[i].calls);
    cr_vec_finish(&o->list);
    cr_arena_finish(&o->arena);
    memset(o, 0, sizeof *o);
}
