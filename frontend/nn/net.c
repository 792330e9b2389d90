/* net.c - nets as text: "dense 256 sigmoid, dense 10". A layer is a row of CR_LAYER_MAP, a
 * read_WORD and a build_WORD. */
#include <errno.h>
#include <math.h>

#include "crisol/conv.h"
#include "crisol/ops.h"
#include "ir.h"

struct reader {
    const char *text;
    const char *layer; /* the word of the layer that is read */
    const char *at;    /* where the next word is looked for */
    const char *word;  /* the last word */
    size_t len;        /* 0: there is none before the next comma or the end */
};

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool next_word(struct reader *r)
{
    while (is_space(*r->at))
        r->at++;
    r->word = r->at;
    while (*r->at && *r->at != ',' && !is_space(*r->at))
        r->at++;
    r->len = (size_t)(r->at - r->word);
    return r->len > 0;
}

static bool is_word(const struct reader *r, const char *s)
{
    return strlen(s) == r->len && memcmp(r->word, s, r->len) == 0;
}

/* Says what is wrong with the last word, quotes the text, and points at the word. Control
 * characters of the text become spaces, so that the caret stands where it should. */
static cr_status wrong(const struct reader *r, const char *fmt, ...) CR_PRINTF(2, 3);
static cr_status wrong(const struct reader *r, const char *fmt, ...)
{
    enum { BEFORE = 60, AFTER = 20 };
    cr_strbuf s = {0};
    size_t column = (size_t)(r->word - r->text);
    size_t from = column > BEFORE ? column - BEFORE : 0;
    cr_str_printf(&s, "net, column %zu: ", column + 1);
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&s, fmt, ap);
    va_end(ap);
    cr_str_add(&s, "\n  ");
    size_t end = strlen(r->text);
    for (size_t i = from; i < end && i < column + r->len + AFTER; i++)
        cr_str_printf(&s, "%c", (unsigned char)r->text[i] < ' ' ? ' ' : r->text[i]);
    cr_str_printf(&s, "\n  %*s^", (int)(column - from), "");
    for (size_t i = 1; i < r->len && i < 60; i++)
        cr_str_add(&s, "~");
    cr_status status = cr_fail(CR_E_SYNTAX, "%s", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static int shown(const struct reader *r)
{
    return (int)CR_MIN(r->len, 40);
}

/* ---- parameters ------------------------------------------------------------------------------ */

/* `what` is "a number of units", say; from 1 to `most`. */
static cr_status read_whole(struct reader *r, const char *what, int64_t most, int64_t *out)
{
    if (!next_word(r))
        return wrong(r, "'%s' needs %s", r->layer, what);
    char *end;
    errno = 0;
    *out = strtoll(r->word, &end, 10);
    if (end != r->word + r->len || errno || *out < 1 || *out > most)
        return wrong(r, "'%.*s' is not %s (1 to %lld)", shown(r), r->word, what, (long long)most);
    return CR_OK;
}

static cr_status read_float(struct reader *r, const char *what, float *out)
{
    if (!next_word(r))
        return wrong(r, "'%s' needs %s", r->layer, what);
    char *end;
    *out = strtof(r->word, &end);
    if (end != r->word + r->len || !isfinite(*out))
        return wrong(r, "'%.*s' is not a number (%s)", shown(r), r->word, what);
    return CR_OK;
}

static void list_activations(cr_strbuf *s)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        cr_str_printf(s, "%s%s", i ? ", " : "", cr_activation_name((cr_activation)i));
}

/* The last word is one; else a mistake. */
static cr_status find_activation(struct reader *r, cr_activation *out)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        if (is_word(r, cr_activation_name((cr_activation)i))) {
            *out = (cr_activation)i;
            return CR_OK;
        }
    cr_strbuf s = {0};
    list_activations(&s);
    cr_status status =
        wrong(r, "'%.*s' is not an activation; there are %s", shown(r), r->word, cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static cr_status read_dense(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_whole(r, "a number of units", 1 << 24, &layer->units));
    return next_word(r) ? find_activation(r, &layer->activation) : CR_OK;
}

static cr_value build_dense(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    if (!cr_is_poison(x) && cr_value_shape(x).rank > 2)
        x = cr_flatten_at(at, x);
    return cr_dense_at(at, x, name, l->units, l->activation, NULL);
}

enum { MOST = 1 << 16 }; /* rows of a kernel, and the like */

/* "same", "stride 2" and the like in any order, and an activation where one may stand; `words` are
 * the options that the layer has. */
static cr_status read_options(struct reader *r, const char *words, bool activated, cr_layer *layer)
{
    while (next_word(r)) {
        if (is_word(r, "same")) {
            layer->same = true;
        } else if (is_word(r, "stride")) {
            CR_TRY(read_whole(r, "a stride", MOST, &layer->stride));
        } else if (is_word(r, "dilation") && strstr(words, "dilation")) {
            CR_TRY(read_whole(r, "a dilation", MOST, &layer->dilation));
        } else if (is_word(r, "groups") && strstr(words, "groups")) {
            CR_TRY(read_whole(r, "a number of groups", MOST, &layer->groups));
        } else if (activated) {
            return find_activation(r, &layer->activation);
        } else {
            return wrong(r, "'%.*s' is no option of '%s'; there are %s", shown(r), r->word,
                         r->layer, words);
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

static cr_status read_conv(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_whole(r, "a number of filters", 1 << 24, &layer->units));
    CR_TRY(read_whole(r, "a kernel's size", MOST, &layer->kernel));
    return read_options(r, "same, stride, dilation, groups", true, layer);
}

static cr_value build_conv(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    const cr_conv_options o = {
        .window = window_of(l), .activation = l->activation, .groups = l->groups};
    return cr_conv2d_at(at, x, name, l->units, l->kernel, l->kernel, &o);
}

static cr_status read_depthwise(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_whole(r, "a kernel's size", MOST, &layer->kernel));
    return read_options(r, "same, stride, dilation", true, layer);
}

static cr_value build_depthwise(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    const cr_conv_options o = {.window = window_of(l), .activation = l->activation};
    return cr_depthwise_conv2d_at(at, x, name, 1, l->kernel, l->kernel, &o);
}

static cr_status read_pool(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_whole(r, "a size", MOST, &layer->kernel));
    return read_options(r, "same, stride", false, layer);
}

static cr_status read_maxpool(struct reader *r, cr_layer *layer)
{
    return read_pool(r, layer);
}

static cr_value build_maxpool(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    const cr_window_options o = window_of(l);
    (void)name;
    return cr_max_pool2d_at(at, x, l->kernel, l->kernel, &o);
}

static cr_status read_avgpool(struct reader *r, cr_layer *layer)
{
    return read_pool(r, layer);
}

static cr_value build_avgpool(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    const cr_window_options o = window_of(l);
    (void)name;
    return cr_avg_pool2d_at(at, x, l->kernel, l->kernel, &o);
}

/* Layers of a word alone. */
#define PLAIN(word, value)                                                                         \
    static cr_status read_##word(struct reader *r, cr_layer *layer)                                \
    {                                                                                              \
        (void)r, (void)layer;                                                                      \
        return CR_OK;                                                                              \
    }                                                                                              \
    static cr_value build_##word(cr_loc at, const cr_layer *l, const char *name, cr_value x)       \
    {                                                                                              \
        (void)l, (void)name;                                                                       \
        return value;                                                                              \
    }
PLAIN(globalmax, cr_global_max_pool2d_at(at, x, false))
PLAIN(globalavg, cr_global_avg_pool2d_at(at, x, false))
PLAIN(flatten, cr_flatten_at(at, x))
PLAIN(batchnorm, cr_batch_norm_at(at, x, name, 0, 0))
PLAIN(layernorm, cr_layer_norm_at(at, x, name, 0))

static cr_status read_activation(struct reader *r, cr_layer *layer)
{
    return next_word(r) ? find_activation(r, &layer->activation)
                        : wrong(r, "'%s' needs an activation", r->layer);
}

static cr_value build_activation(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    (void)name;
    return cr_activate_at(at, x, l->activation);
}

static cr_status read_normalize(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_float(r, "a mean", &layer->mean));
    CR_TRY(read_float(r, "a standard deviation", &layer->std));
    return layer->std > 0 ? CR_OK : wrong(r, "the standard deviation must be above 0");
}

static cr_value build_normalize(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    (void)name;
    return cr_normalize_at(at, x, l->mean, l->std);
}

static cr_status read_dropout(struct reader *r, cr_layer *layer)
{
    CR_TRY(read_float(r, "a rate", &layer->rate));
    return layer->rate >= 0 && layer->rate < 1 ? CR_OK : wrong(r, "the rate must be in [0, 1)");
}

static cr_value build_dropout(cr_loc at, const cr_layer *l, const char *name, cr_value x)
{
    (void)name;
    return cr_dropout_at(at, x, l->rate);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct row {
    const char *word, *parameters, *help;
    cr_status (*read)(struct reader *r, cr_layer *layer);
    cr_value (*build)(cr_loc at, const cr_layer *l, const char *name, cr_value x);
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
static cr_status no_layer(const struct reader *r)
{
    cr_strbuf s = {0};
    list_layers(&s, r->len == 0);
    cr_status status =
        r->len == 0
            ? wrong(r, "a layer is missing here; there are %s", cr_str_text(&s))
            : wrong(r, "'%.*s' is not a layer; there are %s", shown(r), r->word, cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status read_layer(struct reader *r, cr_layer *layer)
{
    if (!next_word(r))
        return no_layer(r);
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        if (!is_word(r, rows[i].word))
            continue;
        r->layer = rows[i].word;
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
        int width = fprintf(out, "  %s %s", rows[i].word, rows[i].parameters);
        fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "", rows[i].help);
    }
    fprintf(out, "  activations: %s\n", cr_str_text(&s));
    cr_str_finish(&s);
}

/* ---- nets ------------------------------------------------------------------------------------ */

cr_status cr_net_parse(const char *text, cr_net *out)
{
    struct reader r = {.text = text, .at = text};
    memset(out, 0, sizeof *out);
    for (;;) {
        if (out->nlayers == CR_NET_MAX_LAYERS) {
            next_word(&r);
            return wrong(&r, "more than %d layers", CR_NET_MAX_LAYERS);
        }
        CR_TRY(read_layer(&r, &out->layer[out->nlayers]));
        out->nlayers++;
        if (r.len > 0 && next_word(&r))
            return wrong(&r, "'%.*s' is too much for this layer; is a comma missing before it?",
                         shown(&r), r.word);
        if (*r.at == '\0')
            return CR_OK;
        r.at++; /* the comma */
    }
}

cr_value cr_net_build_at(cr_loc at, const cr_net *net, cr_value x)
{
    uint32_t count[CR_LAYER_COUNT] = {0};
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer *l = &net->layer[i];
        char name[48];
        if ((unsigned)l->kind >= CR_LAYER_COUNT)
            return cr_mistake(x.graph, at, "net: layer %u is of no kind that there is", i + 1);
        snprintf(name, sizeof name, "%s%u", rows[l->kind].word, ++count[l->kind]);
        x = rows[l->kind].build(at, l, name, x);
    }
    return x;
}
