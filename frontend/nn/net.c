/* net.c - nets as text: "dense 256 sigmoid, dense 10". A layer is a row of CR_LAYER_MAP, a
 * read_WORD and a build_WORD. */
#include "crisol/conv.h"
#include "crisol/ops.h"
#include "ir.h"
#include "words.h"

/* ---- parameters ------------------------------------------------------------------------------ */

static void list_activations(cr_strbuf *s)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        cr_str_printf(s, "%s%s", i ? ", " : "", cr_activation_name((cr_activation)i));
}

/* The last word is one; else a mistake. `options`: words that might stand there as well. */
static cr_status find_activation(cr_words *r, const char *options, cr_activation *out)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        if (cr_words_is(r, cr_activation_name((cr_activation)i))) {
            *out = (cr_activation)i;
            return CR_OK;
        }
    cr_strbuf s = {0};
    list_activations(&s);
    cr_status status =
        options ? cr_words_wrong(r, "'%.*s' is no option of '%s' (%s) and no activation (%s)",
                                 cr_words_shown(r), r->word, r->subject, options, cr_str_text(&s))
                : cr_words_unknown(r, "an activation", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* Where a layer is built. */
struct place {
    cr_loc at;
    const char *name;
    cr_value other; /* the result of the layer that it names; none where it names none */
};

static cr_status read_dense(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_whole(r, "a number of units", 1 << 24, &layer->units));
    return cr_words_next(r) ? find_activation(r, NULL, &layer->activation) : CR_OK;
}

static cr_value build_dense(const struct place *p, const cr_layer *l, cr_value x)
{
    if (!cr_is_poison(x) && cr_value_shape(x).rank > 2)
        x = cr_flatten_at(p->at, x);
    return cr_dense_at(p->at, x, p->name, l->units, l->activation, NULL);
}

enum { MOST = 1 << 16 }; /* rows of a kernel, and the like */

static cr_status twice(const cr_words *r)
{
    return cr_words_wrong(r, "'%.*s' stands twice in '%s'", cr_words_shown(r), r->word, r->subject);
}

static cr_status read_number(cr_words *r, const char *what, int64_t *value)
{
    return *value ? twice(r) : cr_words_whole(r, what, MOST, value);
}

/* "same", "stride 2" and the like in any order, and an activation where one may stand; `words` are
 * the options that the layer has. */
static cr_status read_options(cr_words *r, const char *words, bool activated, cr_layer *layer)
{
    while (cr_words_next(r)) {
        if (cr_words_is(r, "same")) {
            if (layer->same)
                return twice(r);
            layer->same = true;
        } else if (cr_words_is(r, "stride")) {
            CR_TRY(read_number(r, "a stride", &layer->stride));
        } else if (cr_words_is(r, "dilation") && strstr(words, "dilation")) {
            CR_TRY(read_number(r, "a dilation", &layer->dilation));
        } else if (cr_words_is(r, "groups") && strstr(words, "groups")) {
            CR_TRY(read_number(r, "a number of groups", &layer->groups));
        } else if (activated) {
            return find_activation(r, words, &layer->activation);
        } else {
            return cr_words_wrong(r, "'%.*s' is no option of '%s'; there are %s", cr_words_shown(r),
                                  r->word, r->subject, words);
        }
    }
    return CR_OK;
}

static cr_window_options window_of(const cr_layer *l)
{
    return (cr_window_options){.stride = {l->stride, l->stride},
                               .dilation = {l->dilation, l->dilation},
                               .padding = l->same ? CR_SAME : CR_VALID};
}

static cr_status read_conv(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_whole(r, "a number of filters", 1 << 24, &layer->units));
    CR_TRY(cr_words_whole(r, "a kernel's size", MOST, &layer->kernel));
    return read_options(r, "same, stride, dilation, groups", true, layer);
}

static cr_value build_conv(const struct place *p, const cr_layer *l, cr_value x)
{
    const cr_conv_options o = {
        .window = window_of(l), .activation = l->activation, .groups = l->groups};
    return cr_conv2d_at(p->at, x, p->name, l->units, l->kernel, l->kernel, &o);
}

static cr_status read_depthwise(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_whole(r, "a kernel's size", MOST, &layer->kernel));
    return read_options(r, "same, stride, dilation", true, layer);
}

static cr_value build_depthwise(const struct place *p, const cr_layer *l, cr_value x)
{
    const cr_conv_options o = {.window = window_of(l), .activation = l->activation};
    return cr_depthwise_conv2d_at(p->at, x, p->name, 1, l->kernel, l->kernel, &o);
}

static cr_status read_pool(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_whole(r, "a size", MOST, &layer->kernel));
    return read_options(r, "same, stride", false, layer);
}

static cr_status read_maxpool(cr_words *r, cr_layer *layer)
{
    return read_pool(r, layer);
}

static cr_value build_maxpool(const struct place *p, const cr_layer *l, cr_value x)
{
    const cr_window_options o = window_of(l);
    return cr_max_pool2d_at(p->at, x, l->kernel, l->kernel, &o);
}

static cr_status read_avgpool(cr_words *r, cr_layer *layer)
{
    return read_pool(r, layer);
}

static cr_value build_avgpool(const struct place *p, const cr_layer *l, cr_value x)
{
    const cr_window_options o = window_of(l);
    return cr_avg_pool2d_at(p->at, x, l->kernel, l->kernel, &o);
}

/* Layers of a word alone. */
#define PLAIN(word, value)                                                                         \
    static cr_status read_##word(cr_words *r, cr_layer *layer)                                     \
    {                                                                                              \
        (void)r, (void)layer;                                                                      \
        return CR_OK;                                                                              \
    }                                                                                              \
    static cr_value build_##word(const struct place *p, const cr_layer *l, cr_value x)             \
    {                                                                                              \
        (void)l;                                                                                   \
        return value;                                                                              \
    }
PLAIN(globalmax, cr_global_max_pool2d_at(p->at, x, false))
PLAIN(globalavg, cr_global_avg_pool2d_at(p->at, x, false))
PLAIN(flatten, cr_flatten_at(p->at, x))
PLAIN(batchnorm, cr_batch_norm_at(p->at, x, p->name, 0, 0))
PLAIN(layernorm, cr_layer_norm_at(p->at, x, p->name, 0))

static cr_status read_activation(cr_words *r, cr_layer *layer)
{
    return cr_words_next(r) ? find_activation(r, NULL, &layer->activation)
                            : cr_words_wrong(r, "'%s' needs an activation", r->subject);
}

static cr_value build_activation(const struct place *p, const cr_layer *l, cr_value x)
{
    return cr_activate_at(p->at, x, l->activation);
}

static cr_status read_normalize(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_float(r, "a mean", &layer->mean));
    CR_TRY(cr_words_float(r, "a standard deviation", &layer->std));
    return layer->std > 0 ? CR_OK : cr_words_wrong(r, "the standard deviation must be above 0");
}

static cr_value build_normalize(const struct place *p, const cr_layer *l, cr_value x)
{
    return cr_normalize_at(p->at, x, l->mean, l->std);
}

static cr_status read_dropout(cr_words *r, cr_layer *layer)
{
    CR_TRY(cr_words_float(r, "a rate", &layer->rate));
    return layer->rate >= 0 && layer->rate < 1 ? CR_OK
                                               : cr_words_wrong(r, "the rate must be in [0, 1)");
}

static cr_value build_dropout(const struct place *p, const cr_layer *l, cr_value x)
{
    return cr_dropout_at(p->at, x, l->rate);
}

/* ---- layers of two operands ------------------------------------------------------------------ */

/* "conv1": which layer that is, cr_net_parse finds out. */
static cr_status read_layer_name(cr_words *r, cr_layer *layer)
{
    (void)layer;
    return cr_words_next(r)
               ? CR_OK
               : cr_words_wrong(r, "'%s' needs the name of a layer before it, conv1 say",
                                r->subject);
}

static cr_status read_add(cr_words *r, cr_layer *layer)
{
    return read_layer_name(r, layer);
}

static cr_value build_add(const struct place *p, const cr_layer *l, cr_value x)
{
    (void)l;
    return cr_add_at(p->at, x, p->other);
}

static cr_status read_concat(cr_words *r, cr_layer *layer)
{
    return read_layer_name(r, layer);
}

static cr_value build_concat(const struct place *p, const cr_layer *l, cr_value x)
{
    (void)l;
    return cr_is_poison(x) ? x : cr_concat_at(p->at, x, p->other, cr_value_shape(x).rank - 1);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct row {
    const char *word, *parameters, *help;
    cr_status (*read)(cr_words *r, cr_layer *layer);
    cr_value (*build)(const struct place *p, const cr_layer *l, cr_value x);
} rows[] = {
#define CR_X(name, word, parameters, help) {#word, parameters, help, read_##word, build_##word},
    CR_LAYER_MAP(CR_X)
#undef CR_X
};

static void list_layers(cr_strbuf *s, bool with_parameters)
{
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        cr_str_printf(s, "%s%s", i ? ", " : "", rows[i].word);
        if (with_parameters && *rows[i].parameters)
            cr_str_printf(s, " %s", rows[i].parameters);
    }
}

/* The last word is no layer, or there is none. */
static cr_status no_layer(const cr_words *r)
{
    cr_strbuf s = {0};
    list_layers(&s, r->len == 0);
    cr_status status = cr_words_unknown(r, "a layer", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status read_layer(cr_words *r, cr_layer *layer)
{
    if (!cr_words_next(r))
        return no_layer(r);
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        if (!cr_words_is(r, rows[i].word))
            continue;
        r->subject = rows[i].word;
        layer->kind = (cr_layer_kind)i;
        return rows[i].read(r, layer);
    }
    return no_layer(r);
}

void cr_net_help(FILE *out)
{
    cr_strbuf s = {0};
    list_activations(&s);
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        int width = fprintf(out, "  %s%s%s", rows[i].word, *rows[i].parameters ? " " : "",
                            rows[i].parameters);
        fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "", rows[i].help);
    }
    fprintf(out, "  activations: %s\n", cr_str_text(&s));
    cr_str_finish(&s);
}

/* ---- nets ------------------------------------------------------------------------------------ */

static bool names_a_layer(cr_layer_kind kind)
{
    return kind == CR_LAYER_ADD || kind == CR_LAYER_CONCAT;
}

/* The last word, "conv2", is the second one of the net's layers `conv`. */
static cr_status find_layer(const cr_words *r, cr_net *net)
{
    uint32_t count[CR_LAYER_COUNT] = {0};
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer_kind kind = net->layer[i].kind;
        char name[48];
        snprintf(name, sizeof name, "%s%u", rows[kind].word, ++count[kind]);
        if (cr_words_is(r, name)) {
            net->layer[net->nlayers].from = i + 1;
            return CR_OK;
        }
    }
    return cr_words_wrong(r,
                          "'%.*s' is no layer before this one; a layer's name is its word and "
                          "its number among those of that word: conv1",
                          cr_words_shown(r), r->word);
}

cr_status cr_net_parse(const char *text, cr_net *out)
{
    cr_words r = {.what = "net", .text = text, .at = text};
    memset(out, 0, sizeof *out);
    for (;;) {
        if (out->nlayers == CR_NET_MAX_LAYERS) {
            cr_words_next(&r);
            return cr_words_wrong(&r, "more than %d layers", CR_NET_MAX_LAYERS);
        }
        CR_TRY(read_layer(&r, &out->layer[out->nlayers]));
        if (names_a_layer(out->layer[out->nlayers].kind))
            CR_TRY(find_layer(&r, out));
        out->nlayers++;
        if (r.len > 0 && cr_words_next(&r))
            return cr_words_wrong(
                &r, "'%.*s' is too much for this layer; is a comma missing before it?",
                cr_words_shown(&r), r.word);
        if (*r.at == '\0')
            return CR_OK;
        r.at++; /* the comma */
    }
}

/* A mistake was made in that layer: which one goes before what is wrong. */
static cr_value in_layer(cr_graph *g, uint32_t number, const char *word)
{
    cr_strbuf s = {0};
    cr_str_printf(&s, "net, layer %u (%s): %s", number, word, g->message ? g->message : "");
    char *text = s.failed ? NULL : cr_arena_strdup(&g->arena, cr_str_text(&s));
    if (text) {
        g->message = text;
        cr_fail(g->status, "%s", text);
    }
    cr_str_finish(&s);
    return (cr_value){g, 0};
}

cr_value cr_net_build_at(cr_loc at, const cr_net *net, cr_value x)
{
    uint32_t count[CR_LAYER_COUNT] = {0};
    cr_value result[CR_NET_MAX_LAYERS];
    cr_graph *g = x.graph;
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer *l = &net->layer[i];
        char name[48];
        if ((unsigned)l->kind >= CR_LAYER_COUNT)
            return cr_mistake(g, at, "net: layer %u is of no kind that there is", i + 1);
        if (l->from > i || (l->from == 0 && names_a_layer(l->kind)))
            return cr_mistake(g, at, "net: layer %u needs the number of a layer before it", i + 1);
        snprintf(name, sizeof name, "%s%u", rows[l->kind].word, ++count[l->kind]);
        const struct place p = {at, name, l->from ? result[l->from - 1] : (cr_value){g, 0}};
        const bool fine = g && g->status == CR_OK;
        x = result[i] = rows[l->kind].build(&p, l, x);
        if (fine && g->status == CR_E_GRAPH)
            return in_layer(g, i + 1, rows[l->kind].word);
    }
    return x;
}
