/* net.c - nets as a struct: layers are added, named, found, copied. The text is net_text.c's and
 * net_print.c's, what is built net_build.c's. */
#include "crisol/net.h"

#include "net_fields.h"

static const char *const words[] = {
#define CR_X(name, word, parameters, help) #word,
    CR_LAYER_MAP(CR_X)
#undef CR_X
};

const char *cr_layer_word(cr_layer_kind kind)
{
    return (unsigned)kind < CR_LAYER_COUNT ? words[kind] : "?";
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool has_memory(cr_net *net)
{
    if (!net->memory)
        net->memory = cr_alloc(sizeof *net->memory);
    return net->memory != NULL;
}

/* What users see of the vectors. */
static void show(cr_net *net)
{
    const struct cr_net_memory *m = net->memory;
    net->layer = m->layer.at;
    net->nlayers = m->layer.len;
    net->input = m->input.at;
    net->ninputs = m->input.len;
    net->output = m->output.at;
    net->noutputs = m->output.len;
}

void cr_net_finish(cr_net *net)
{
    struct cr_net_memory *m = net->memory;
    if (m) {
        cr_vec_finish(&m->layer);
        cr_vec_finish(&m->input);
        cr_vec_finish(&m->output);
        cr_map_finish(&m->names);
        cr_arena_finish(&m->arena);
        cr_free(m);
    }
    *net = (cr_net){0};
}

cr_status cr_net_copy(const cr_net *net, cr_net *out)
{
    cr_status status = CR_OK;
    *out = (cr_net){0};
    for (uint32_t i = 0; i < net->nlayers && status == CR_OK; i++)
        status = cr_net_add(out, &net->layer[i]);
    for (uint32_t i = 0; i < net->noutputs && status == CR_OK; i++)
        status = cr_net_add_output(out, net->output[i]);
    if (status != CR_OK)
        cr_net_finish(out);
    return status;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_name(const char *layer, const char *name, size_t n)
{
    return strlen(layer) == n && memcmp(layer, name, n) == 0;
}

uint32_t cr_net_find_n(const cr_net *net, const char *name, size_t n)
{
    if (!net->memory)
        return 0;
    uint32_t pos = UINT32_MAX, number;
    const uint64_t h = cr_hash(CR_HASH_SEED, name, n);
    while ((number = cr_map_next(&net->memory->names, h, &pos)))
        if (is_name(net->layer[number - 1].name, name, n))
            return number;
    return 0;
}

uint32_t cr_net_find(const cr_net *net, const char *name)
{
    return cr_net_find_n(net, name, strlen(name));
}

const char *cr_net_layer_name(const cr_net *net, uint32_t number)
{
    if (number == 0)
        return "x";
    return number <= net->nlayers ? net->layer[number - 1].name : "?";
}

bool cr_net_is_x(const cr_net *net, const char *name, size_t n)
{
    return net->ninputs == 0 && n == 1 && *name == 'x';
}

void cr_net_automatic_name(const cr_net *net, cr_layer_kind kind, uint32_t count, uint32_t before,
                           char name[CR_NET_NAME_TEXT])
{
    uint32_t there;
    do {
        snprintf(name, CR_NET_NAME_TEXT, "%s%u", words[kind], count++);
        there = cr_net_find(net, name);
    } while (there && there <= before);
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.-/", c));
}

const char *cr_net_name_wrong(const cr_net *net, cr_layer_kind kind, const char *name, size_t n)
{
    if (n == 0 || n > CR_NET_MAX_NAME)
        return "a name has 1 to 200 characters";
    for (size_t i = 0; i < n; i++)
        if (!is_name_character(name[i]))
            return "a name consists of letters, digits and _ . - /";
    if (is_name("as", name, n) || is_name("axis", name, n))
        return "it is a word of the language";
    if (cr_net_find_n(net, name, n))
        return "a layer before it has that name";
    if (kind != CR_LAYER_INPUT && cr_net_is_x(net, name, n))
        return "it is the name of what the net takes";
    return NULL;
}

/* ---- layers ---------------------------------------------------------------------------------- */

const char *cr_net_kind_wrong(const cr_net *net, cr_layer_kind kind)
{
    if (net->nlayers == CR_NET_MAX_LAYERS)
        return "a net has at most 4096 layers";
    if (kind == CR_LAYER_INPUT && net->nlayers > 0 && net->ninputs == 0)
        return "a net with inputs begins with one";
    return NULL;
}

static uint32_t most_operands(cr_layer_kind kind)
{
    const cr_field *f = cr_net_fields(kind);
    return kind == CR_LAYER_INPUT ? 0 : f->type == CR_FIELD_LAYERS ? 1 + (uint32_t)f->most : 1;
}

const char *cr_net_again_wrong(const cr_net *net, uint32_t number)
{
    if (number < 1 || number > net->nlayers)
        return "there is no such layer before it";
    return most_operands(net->layer[number - 1].kind) == 1
               ? NULL
               : "only a layer of one operand can be had again";
}

static cr_status check_operands(const cr_net *net, const char *where, const cr_layer *layer)
{
    const uint32_t most = most_operands(layer->kind), least = most > 1 ? 2 : most;
    const uint32_t first = net->ninputs > 0;
    if (layer->noperands == 0 && most < 2)
        return CR_OK;
    if (layer->noperands < least || layer->noperands > most)
        return cr_fail(CR_E_ARGUMENT, "%s: it has %u operands; %u to %u are needed", where,
                       layer->noperands, least, most);
    for (uint32_t i = 0; i < layer->noperands; i++)
        if (layer->operand[i] < first || layer->operand[i] > net->nlayers)
            return cr_fail(CR_E_ARGUMENT,
                           "%s: operand %u is layer %u, which is none that comes before", where,
                           i + 1, layer->operand[i]);
    return CR_OK;
}

static cr_status check(const cr_net *net, const cr_layer *layer)
{
    char where[64];
    snprintf(where, sizeof where, "net, layer %u", net->nlayers + 1);
    if ((unsigned)layer->kind >= CR_LAYER_COUNT)
        return cr_fail(CR_E_ARGUMENT, "%s: it is of no kind that there is", where);
    snprintf(where, sizeof where, "net, layer %u (%s)", net->nlayers + 1, words[layer->kind]);
    const char *why = cr_net_kind_wrong(net, layer->kind);
    if (!why && layer->name)
        why = cr_net_name_wrong(net, layer->kind, layer->name, strlen(layer->name));
    if (!why && layer->kind == CR_LAYER_AGAIN)
        why = cr_net_again_wrong(net, layer->again);
    if (why)
        return cr_fail(CR_E_ARGUMENT, "%s: %s", where, why);
    CR_TRY(check_operands(net, where, layer));
    return cr_net_check_fields(where, layer);
}

/* Name, operands and `again` as they are kept; false out of memory. */
static bool settle(cr_net *net, cr_layer *layer)
{
    struct cr_net_memory *m = net->memory;
    char name[CR_NET_NAME_TEXT];
    const bool takes = layer->kind != CR_LAYER_INPUT;
    if (!layer->name)
        cr_net_automatic_name(net, layer->kind, m->count[layer->kind] + 1, net->nlayers, name);
    layer->name = cr_arena_strdup(&m->arena, layer->name ? layer->name : name);
    const uint32_t n = layer->noperands ? layer->noperands : takes;
    uint32_t *operand = cr_arena_alloc(&m->arena, n * sizeof *operand);
    if (!layer->name || !operand)
        return false;
    if (n > 0)
        operand[0] = net->nlayers;
    if (layer->noperands)
        memcpy(operand, layer->operand, n * sizeof *operand);
    layer->operand = n ? operand : NULL;
    layer->noperands = n;
    if (layer->kind == CR_LAYER_AGAIN && net->layer[layer->again - 1].kind == CR_LAYER_AGAIN)
        layer->again = net->layer[layer->again - 1].again;
    return true;
}

cr_status cr_net_add(cr_net *net, const cr_layer *layer)
{
    cr_layer l = *layer;
    CR_TRY(check(net, layer));
    if (!has_memory(net) || !settle(net, &l))
        return CR_E_MEMORY;
    struct cr_net_memory *m = net->memory;
    const uint32_t number = m->layer.len + 1;
    const bool is_input = l.kind == CR_LAYER_INPUT;
    const uint64_t name = cr_hash(CR_HASH_SEED, l.name, strlen(l.name));
    bool fine = cr_vec_reserve((void **)&m->layer.at, &m->layer.cap, number, sizeof *m->layer.at) &&
                (!is_input || cr_vec_reserve((void **)&m->input.at, &m->input.cap, m->input.len + 1,
                                             sizeof *m->input.at)) &&
                cr_map_put(&m->names, name, number);
    if (fine && is_input)
        m->input.at[m->input.len++] = number;
    if (fine)
        m->layer.at[m->layer.len++] = l, m->count[l.kind]++;
    show(net);
    return fine ? CR_OK : CR_E_MEMORY;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

uint32_t cr_net_inputs(const cr_net *net)
{
    return net->ninputs ? net->ninputs : 1;
}

uint32_t cr_net_outputs(const cr_net *net)
{
    return net->noutputs ? net->noutputs : 1;
}

const cr_layer *cr_net_input(const cr_net *net, uint32_t i)
{
    return i < net->ninputs ? &net->layer[net->input[i] - 1] : NULL;
}

bool cr_net_divides_bytes(const cr_net *net, uint32_t i)
{
    const cr_layer *in = cr_net_input(net, i);
    return !in || (in->dtype == CR_F32 && !in->raw);
}

uint32_t cr_net_output(const cr_net *net, uint32_t i)
{
    return i < net->noutputs ? net->output[i] : net->nlayers;
}

cr_status cr_net_add_output(cr_net *net, uint32_t layer)
{
    if (net->nlayers == 0 || layer > net->nlayers || (layer == 0 && net->ninputs > 0))
        return cr_fail(CR_E_ARGUMENT, "net: layer %u is none, and cannot be an output", layer);
    for (uint32_t i = 0; i < net->noutputs; i++)
        if (net->output[i] == layer)
            return cr_fail(CR_E_ARGUMENT, "net: layer %u (%s) is an output already", layer,
                           cr_net_layer_name(net, layer));
    if (!has_memory(net) || !cr_vec_push(&net->memory->output, layer))
        return CR_E_MEMORY;
    show(net);
    return CR_OK;
}
