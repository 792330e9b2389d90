/* net.c - nets as text: "dense 256 sigmoid, dense 10". */
#include <errno.h>
#include <math.h>

#include "base.h"
#include "crisol/nn.h"
#include "crisol/ops.h"

struct reader {
    const char *text;
    const char *at;   /* where the next word is looked for */
    const char *word; /* the last word */
    size_t len;       /* 0: there is none before the next comma or the end */
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

static cr_status read_units(struct reader *r, int64_t *units)
{
    if (!next_word(r))
        return wrong(r, "'dense' needs a number of units");
    char *end;
    errno = 0;
    *units = strtoll(r->word, &end, 10);
    if (end != r->word + r->len || errno || *units < 1 || *units > 1 << 24)
        return wrong(r, "'%.*s' is not a number of units (1 to %d)", shown(r), r->word, 1 << 24);
    return CR_OK;
}

static cr_status read_float(struct reader *r, const char *what, float *out)
{
    if (!next_word(r))
        return wrong(r, "'normalize' needs %s", what);
    char *end;
    *out = strtof(r->word, &end);
    if (end != r->word + r->len || !isfinite(*out))
        return wrong(r, "'%.*s' is not a number (%s)", shown(r), r->word, what);
    return CR_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static cr_status read_activation(struct reader *r, cr_activation *out)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        if (is_word(r, cr_activation_name((cr_activation)i))) {
            *out = (cr_activation)i;
            return CR_OK;
        }
    cr_strbuf s = {0};
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        cr_str_printf(&s, "%s%s", i ? ", " : "", cr_activation_name((cr_activation)i));
    cr_status status =
        wrong(r, "'%.*s' is not an activation; there are %s", shown(r), r->word, cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status read_dense(struct reader *r, cr_layer *layer)
{
    layer->kind = CR_LAYER_DENSE;
    CR_TRY(read_units(r, &layer->units));
    return next_word(r) ? read_activation(r, &layer->activation) : CR_OK;
}

static cr_status read_normalize(struct reader *r, cr_layer *layer)
{
    layer->kind = CR_LAYER_NORMALIZE;
    CR_TRY(read_float(r, "a mean", &layer->mean));
    CR_TRY(read_float(r, "a standard deviation", &layer->std));
    return layer->std > 0 ? CR_OK : wrong(r, "the standard deviation must be above 0");
}

static cr_status read_layer(struct reader *r, cr_layer *layer)
{
    if (!next_word(r))
        return wrong(r,
                     "a layer is missing here: 'dense UNITS [ACTIVATION]' or 'normalize MEAN STD'");
    if (is_word(r, "dense"))
        return read_dense(r, layer);
    if (is_word(r, "normalize"))
        return read_normalize(r, layer);
    return wrong(r, "'%.*s' is not a layer; there are dense, normalize", shown(r), r->word);
}

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
    if (!cr_is_poison(x) && cr_value_shape(x).rank > 2)
        x = cr_flatten_at(at, x);
    uint32_t ndense = 0;
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer *l = &net->layer[i];
        char name[32];
        snprintf(name, sizeof name, "dense%u", ndense + 1);
        switch (l->kind) {
        case CR_LAYER_DENSE:
            x = cr_dense_at(at, x, name, l->units, l->activation, NULL);
            ndense++;
            break;
        case CR_LAYER_NORMALIZE: x = cr_normalize_at(at, x, l->mean, l->std); break;
        }
    }
    return x;
}
