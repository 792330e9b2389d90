/* net_text.c - nets are read from text: "dense 256 sigmoid, dense 10". What stands in an item is
 * said by the fields of its layer (net_fields.c). */

#include "crisol/graph.h"
#include "net_fields.h"
#include "words.h"

/* ---- what there is --------------------------------------------------------------------------- */

/* A row of CR_LAYER_MAP or CR_NET_ITEM_MAP. */
static const struct row {
    const char *word, *parameters, *help;
} rows[] = {
#define CR_X(name, word, parameters, help) {#word, parameters, help},
    CR_LAYER_MAP(CR_X)
#undef CR_X
#define CR_X(word, parameters, help) {#word, parameters, help},
        CR_NET_ITEM_MAP(CR_X)
#undef CR_X
};

static void list_activations(cr_strbuf *s)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        cr_str_printf(s, "%s%s", i ? ", " : "", cr_activation_name((cr_activation)i));
}

static void list_layers(cr_strbuf *s)
{
    for (size_t i = 0; i < CR_COUNTOF(rows); i++)
        cr_str_printf(s, "%s%s", i ? ", " : "", rows[i].word);
}

/* The options' words; "" where there are none. */
static void list_options(const cr_field *f, cr_strbuf *s)
{
    for (; f->type; f++)
        if (f->word && *f->word)
            cr_str_printf(s, "%s%s", s->len ? ", " : "", f->word);
}

void cr_net_help(FILE *out)
{
    cr_strbuf s = {0};
    list_activations(&s);
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        int width = fprintf(out, "  %s%s%s", rows[i].word, *rows[i].parameters ? " " : "",
                            rows[i].parameters);
        if (width > 38)
            width = fprintf(out, "\n") - 1;
        fprintf(out, "%*s%s\n", 40 - width, "", rows[i].help);
    }
    fprintf(out, "  activations: %s\n", cr_str_text(&s));
    cr_str_finish(&s);
}

/* ---- reading fields -------------------------------------------------------------------------- */

struct reader {
    cr_word_reader w;
    cr_net *net;
    uint32_t current; /* the layer that the next one works on */
    bool from;        /* `from` was said, and no layer has followed */
    uint32_t operand[CR_NET_MAX_LAYERS + 1], noperands;
};

/* It is the next word that is wrong, or the lack of one. */
static cr_status wrong_next(struct reader *r, const char *why)
{
    cr_words_next(&r->w);
    return cr_words_wrong(&r->w, "%s", why);
}

static cr_status find_activation(const struct reader *r, cr_activation *out)
{
    for (int i = 0; i < CR_ACTIVATION_COUNT; i++)
        if (cr_words_is(&r->w, cr_activation_name((cr_activation)i))) {
            *out = (cr_activation)i;
            return CR_OK;
        }
    return CR_E_SYNTAX;
}

static cr_status read_activation(struct reader *r, cr_activation *out)
{
    if (!cr_words_next(&r->w))
        return cr_words_wrong(&r->w, "'%s' needs an activation", r->w.subject);
    if (find_activation(r, out) == CR_OK)
        return CR_OK;
    cr_strbuf s = {0};
    list_activations(&s);
    cr_status status = cr_words_unknown(&r->w, "an activation", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status read_real(struct reader *r, const cr_field *f, float *out)
{
    CR_TRY(cr_words_float(&r->w, f->what, out));
    const char *why = cr_field_real_wrong(f, *out);
    return why ? cr_words_wrong(&r->w, "the%s %s", strchr(f->what, ' '), why) : CR_OK;
}

static bool is_number_next(const struct reader *r)
{
    cr_word_reader next = r->w;
    return cr_words_next(&next) && (*next.word == '-' || (*next.word >= '0' && *next.word <= '9'));
}

static cr_status read_sizes(struct reader *r, const cr_field *f, cr_shape *out)
{
    do {
        if (out->rank == CR_MAX_RANK - 1)
            return wrong_next(r, "a sample has at most 7 axes");
        CR_TRY(cr_words_whole(&r->w, f->what, f->least, f->most, &out->dim[out->rank++]));
        if (out->dim[out->rank - 1] == 0)
            return cr_words_wrong(&r->w, "'0' is not a size");
        const char *why = cr_field_sizes_wrong(f, out);
        if (why)
            return cr_words_wrong(&r->w, "%s", why);
    } while (is_number_next(r));
    return CR_OK;
}

/* The number of the layer that the next word names. */
static cr_status read_layer_name(struct reader *r, const char *what, uint32_t *out)
{
    cr_word_reader *w = &r->w;
    if (!cr_words_next(w))
        return cr_words_wrong(w, "'%s' needs %s", w->subject, what);
    *out = cr_net_find_n(r->net, w->word, w->len);
    return *out || cr_net_is_x(r->net, w->word, w->len)
               ? CR_OK
               : cr_words_wrong(w,
                                "'%.*s' is no layer before this one; a layer's name is what `as` "
                                "says, or its word and its number among those of that word: conv1",
                                cr_words_shown(w), w->word);
}

static bool names_end(const struct reader *r)
{
    cr_word_reader next = r->w;
    return !cr_words_next(&next) || cr_words_is(&next, "as") || cr_words_is(&next, "axis");
}

static cr_status read_operands(struct reader *r, const cr_field *f)
{
    r->noperands = 1;
    r->operand[0] = r->current;
    do {
        if (r->noperands == CR_COUNTOF(r->operand))
            return wrong_next(r, "these are too many layers");
        CR_TRY(read_layer_name(r, f->what, &r->operand[r->noperands]));
    } while (++r->noperands <= f->most && !names_end(r));
    return CR_OK;
}

static cr_status read_again(struct reader *r, const cr_field *f, uint32_t *out)
{
    CR_TRY(read_layer_name(r, f->what, out));
    const char *why = cr_net_again_wrong(r->net, *out);
    return why ? cr_words_wrong(&r->w, "'%.*s': %s", cr_words_shown(&r->w), r->w.word, why) : CR_OK;
}

/* An option of 0 is its default, and has no word. */
static cr_status read_whole(struct reader *r, const cr_field *f, int64_t *out)
{
    CR_TRY(cr_words_whole(&r->w, f->what, f->least, f->most, out));
    return f->word && *out == 0 ? cr_words_wrong(&r->w, "'0' is not %s", f->what) : CR_OK;
}

/* Of an option, its word was read. */
static cr_status read_field(struct reader *r, const cr_field *f, cr_layer *layer)
{
    void *at = cr_field_at(f, layer);
    switch (f->type) {
    case CR_FIELD_END: break;
    case CR_FIELD_WHOLE: return read_whole(r, f, at);
    case CR_FIELD_PAIR: return cr_words_pair(&r->w, f->what, f->least, f->most, at);
    case CR_FIELD_REAL: return read_real(r, f, at);
    case CR_FIELD_FLAG: *(bool *)at = true; break;
    case CR_FIELD_SIZES: return read_sizes(r, f, at);
    case CR_FIELD_DTYPE: *(cr_dtype *)at = cr_words_is(&r->w, "u8") ? CR_U8 : CR_I32; break;
    case CR_FIELD_ACTIVATION: return f->word ? find_activation(r, at) : read_activation(r, at);
    case CR_FIELD_LAYERS: return read_operands(r, f);
    case CR_FIELD_LAYER: return read_again(r, f, at);
    }
    return CR_OK;
}

/* ---- reading options ------------------------------------------------------------------------- */

/* Is the last word that option's? */
static bool is_option(const struct reader *r, const cr_field *f)
{
    cr_activation any;
    if (!f->word)
        return false;
    if (f->type == CR_FIELD_ACTIVATION)
        return find_activation(r, &any) == CR_OK;
    return f->type == CR_FIELD_DTYPE ? cr_words_is(&r->w, "i32") || cr_words_is(&r->w, "u8")
                                     : cr_words_is(&r->w, f->word);
}

static cr_status no_option(const struct reader *r, const cr_field *f)
{
    cr_strbuf s = {0}, a = {0};
    bool activated = false;
    list_options(f, &s);
    list_activations(&a);
    for (; f->type; f++)
        activated |= f->type == CR_FIELD_ACTIVATION;
    const char *options = cr_str_text(&s), *activations = cr_str_text(&a);
    const cr_word_reader *w = &r->w;
    cr_status status =
        activated ? cr_words_wrong(w, "'%.*s' is no option of '%s' (%s) and no activation (%s)",
                                   cr_words_shown(w), w->word, w->subject, options, activations)
                  : cr_words_wrong(w, "'%.*s' is no option of '%s'; there are %s",
                                   cr_words_shown(w), w->word, w->subject, options);
    cr_str_finish(&s);
    cr_str_finish(&a);
    return status;
}

/* In any order, but for an activation, which is the last. */
static cr_status read_options(struct reader *r, const cr_field *fields, cr_layer *layer)
{
    uint32_t seen = 0;
    while (!cr_words_next_is(&r->w, "as") && cr_words_next(&r->w)) {
        const cr_field *f = fields;
        while (f->type && !is_option(r, f))
            f++;
        if (!f->type)
            return no_option(r, fields);
        if (seen >> (f - fields) & 1)
            return cr_words_wrong(&r->w, "'%.*s' stands twice in '%s'", cr_words_shown(&r->w),
                                  r->w.word, r->w.subject);
        seen |= 1u << (f - fields);
        CR_TRY(read_field(r, f, layer));
        if (f->type == CR_FIELD_ACTIVATION)
            break;
    }
    return CR_OK;
}

static cr_status read_name(struct reader *r, cr_layer *layer, char name[CR_NET_NAME_TEXT])
{
    cr_word_reader *w = &r->w;
    cr_words_next(w); /* as */
    if (!cr_words_next(w))
        return cr_words_wrong(w, "'as' needs a name");
    const char *why = cr_net_name_wrong(r->net, layer->kind, w->word, w->len);
    if (why)
        return cr_words_wrong(w, "'%.*s' cannot be the layer's name: %s", cr_words_shown(w),
                              w->word, why);
    memcpy(name, w->word, w->len);
    layer->name = name;
    return cr_words_next(w)
               ? cr_words_wrong(w,
                                "'%.*s' comes after the layer's name, which is last; is a comma "
                                "missing before it, or does it belong before 'as'?",
                                cr_words_shown(w), w->word)
               : CR_OK;
}

/* ---- reading items --------------------------------------------------------------------------- */

/* The last word, the item's first, is no layer, or there is none. */
static cr_status no_layer(const cr_word_reader *w)
{
    cr_strbuf s = {0};
    list_layers(&s);
    cr_status status = cr_words_unknown(w, "a layer", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

static cr_status nothing_follows_from(const struct reader *r)
{
    return cr_words_wrong(&r->w, "a layer that works on the result is needed after 'from'");
}

static cr_status read_from(struct reader *r)
{
    if (r->from)
        return nothing_follows_from(r);
    r->from = true;
    return read_layer_name(r, "the name of a layer before it, conv1 say", &r->current);
}

static cr_status read_outputs(struct reader *r)
{
    cr_word_reader *w = &r->w;
    if (r->from)
        return nothing_follows_from(r);
    if (r->net->nlayers == 0)
        return cr_words_wrong(w, "a layer is needed before 'output'");
    do {
        uint32_t number;
        CR_TRY(read_layer_name(r, "the names of layers before it, dense1 say", &number));
        for (uint32_t i = 0; i < r->net->noutputs; i++)
            if (r->net->output[i] == number)
                return cr_words_wrong(w, "'%.*s' is an output already", cr_words_shown(w), w->word);
        CR_TRY(cr_net_add_output(r->net, number));
    } while (!names_end(r));
    if (*w->at != ',')
        return CR_OK;
    w->at++;
    return wrong_next(r, "nothing can follow 'output', which is the last item");
}

/* The parameters come first, then options, then the name. */
static cr_status read_layer(struct reader *r, cr_layer_kind kind)
{
    char name[CR_NET_NAME_TEXT] = "";
    cr_layer layer = {.kind = kind};
    const cr_field *f = cr_net_fields(kind);
    const char *why = cr_net_kind_wrong(r->net, kind);
    if (why)
        return cr_words_wrong(&r->w, "%s", why);
    if (r->from && kind == CR_LAYER_INPUT)
        return nothing_follows_from(r);
    r->noperands = kind != CR_LAYER_INPUT;
    r->operand[0] = r->current;
    for (; f->type && !f->word; f++)
        CR_TRY(read_field(r, f, &layer));
    if (f->type)
        CR_TRY(read_options(r, f, &layer));
    if (cr_words_next_is(&r->w, "as"))
        CR_TRY(read_name(r, &layer, name));
    layer.operand = r->operand;
    layer.noperands = r->noperands;
    CR_TRY(cr_net_add(r->net, &layer));
    r->current = r->net->nlayers;
    r->from = false;
    return CR_OK;
}

static cr_status read_item(struct reader *r)
{
    if (!cr_words_next(&r->w))
        return r->from && *r->w.at == '\0' ? nothing_follows_from(r) : no_layer(&r->w);
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        if (!cr_words_is(&r->w, rows[i].word))
            continue;
        r->w.subject = rows[i].word;
        if (i < CR_LAYER_COUNT)
            return read_layer(r, (cr_layer_kind)i);
        return rows[i].word[0] == 'f' ? read_from(r) : read_outputs(r);
    }
    return no_layer(&r->w);
}

static cr_status read_net(struct reader *r)
{
    for (;;) {
        CR_TRY(read_item(r));
        if (cr_words_next(&r->w))
            return cr_words_wrong(
                &r->w, "'%.*s' is too much for this layer; is a comma missing before it?",
                cr_words_shown(&r->w), r->w.word);
        if (*r->w.at == '\0')
            return r->from ? nothing_follows_from(r) : CR_OK;
        r->w.at++; /* the comma */
    }
}

cr_status cr_net_parse(const char *text, cr_net *out)
{
    struct reader *r = cr_alloc(sizeof *r);
    *out = (cr_net){0};
    if (!r)
        return CR_E_MEMORY;
    r->w = (cr_word_reader){.what = "net", .text = text, .at = text};
    r->net = out;
    cr_status status = read_net(r);
    cr_free(r);
    if (status != CR_OK)
        cr_net_finish(out);
    return status;
}
