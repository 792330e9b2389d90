/* net_print.c - nets are written as the text that they are read from, by the same fields. */
#include <stdlib.h>

#include "net_fields.h"

/* The fewest digits that are read as the same number. */
static void write_real(cr_strbuf *s, float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    cr_str_printf(s, " %s", text);
}

static void write_pair(cr_strbuf *s, const int64_t pair[2])
{
    cr_str_printf(s, " %lld", (long long)pair[0]);
    if (pair[1] != pair[0])
        cr_str_printf(s, "x%lld", (long long)pair[1]);
}

static void write_operands(cr_strbuf *s, const cr_net *net, const cr_layer *l)
{
    for (uint32_t i = 1; i < l->noperands; i++)
        cr_str_printf(s, " %s", cr_net_layer_name(net, l->operand[i]));
}

static void write_field(cr_strbuf *s, const cr_net *net, const cr_field *f, const cr_layer *l)
{
    const void *at = cr_field_at(f, l);
    const cr_shape *sizes = at;
    if (f->word && cr_field_is_default(f, l))
        return;
    if (f->word && *f->word && f->type != CR_FIELD_DTYPE)
        cr_str_printf(s, " %s", f->word);
    switch (f->type) {
    case CR_FIELD_END:
    case CR_FIELD_FLAG: break;
    case CR_FIELD_WHOLE: cr_str_printf(s, " %lld", (long long)*(const int64_t *)at); break;
    case CR_FIELD_PAIR: write_pair(s, at); break;
    case CR_FIELD_REAL: write_real(s, *(const float *)at); break;
    case CR_FIELD_SIZES:
        for (int i = 0; i < sizes->rank; i++)
            cr_str_printf(s, " %lld", (long long)sizes->dim[i]);
        break;
    case CR_FIELD_DTYPE: cr_str_printf(s, " %s", cr_dtype_name(*(const cr_dtype *)at)); break;
    case CR_FIELD_ACTIVATION:
        cr_str_printf(s, " %s", cr_activation_name(*(const cr_activation *)at));
        break;
    case CR_FIELD_LAYERS: write_operands(s, net, l); break;
    case CR_FIELD_LAYER:
        cr_str_printf(s, " %s", cr_net_layer_name(net, *(const uint32_t *)at));
        break;
    }
}

/* Layer i + 1, count'th of its kind. */
static void write_layer(cr_strbuf *s, const cr_net *net, uint32_t i, uint32_t count)
{
    const cr_layer *l = &net->layer[i];
    char name[CR_NET_NAME_TEXT];
    if (l->noperands && l->operand[0] != i)
        cr_str_printf(s, "from %s, ", cr_net_layer_name(net, l->operand[0]));
    cr_str_add(s, cr_layer_word(l->kind));
    for (const cr_field *f = cr_net_fields(l->kind); f->type; f++)
        write_field(s, net, f, l);
    cr_net_automatic_name(net, l->kind, count, i, name);
    if (strcmp(name, l->name) != 0)
        cr_str_printf(s, " as %s", l->name);
}

char *cr_net_print(const cr_net *net)
{
    cr_strbuf s = {0};
    uint32_t count[CR_LAYER_COUNT] = {0};
    for (uint32_t i = 0; i < net->nlayers; i++) {
        if (i > 0)
            cr_str_add(&s, ", ");
        write_layer(&s, net, i, ++count[net->layer[i].kind]);
    }
    for (uint32_t i = 0; i < net->noutputs; i++)
        cr_str_printf(&s, "%s %s", i ? "" : ", output", cr_net_layer_name(net, net->output[i]));
    return cr_str_take(&s);
}
