/* text_print.c - writes the text form. docs/ir.md has the grammar.
 *
 * Nodes are numbered by their place in the graph and printed in that order, dead ones included, so
 * that reading the text back gives the same nodes in the same places. */
#include <locale.h>
#include <math.h>

#include "text.h"

enum {
    ORIGIN_COLUMN = 56, /* where origins are aligned */
    LIST_MAX = 32       /* initial data longer than that is written in hexadecimal */
};

const char *const cr_init_name[] = {
    [CR_INIT_CONSTANT] = "constant",
    [CR_INIT_UNIFORM] = "uniform",
    [CR_INIT_NORMAL] = "normal",
    [CR_INIT_TRUNCATED_NORMAL] = "truncated_normal",
    [CR_INIT_GLOROT_UNIFORM] = "glorot_uniform",
    [CR_INIT_GLOROT_NORMAL] = "glorot_normal",
    [CR_INIT_HE_UNIFORM] = "he_uniform",
    [CR_INIT_HE_NORMAL] = "he_normal",
    [CR_INIT_LECUN_UNIFORM] = "lecun_uniform",
    [CR_INIT_LECUN_NORMAL] = "lecun_normal",
    [CR_INIT_BITS] = "bits",
    [CR_INIT_DATA] = "data",
};

const char *const cr_space_name[] = {
    [CR_SPACE_DEVICE] = "device",
    [CR_SPACE_HOST] = "host",
};

const char *const cr_window_keys[4] = {"axis", "size", "stride", "dilation"};
const char *const cr_slide_keys[4] = {"stride", "dilation", "before", "after"};

cr_attr_form cr_text_form(cr_op op)
{
    switch (op) {
    case CR_OP_CONST: return CR_FORM_VALUE;
    case CR_OP_SIZE: return CR_FORM_DIM;
    case CR_OP_INPUT:
    case CR_OP_OUTPUT: return CR_FORM_NAME;
    case CR_OP_STATE: return CR_FORM_STATE;
    case CR_OP_permute: return CR_FORM_ORDER;
    case CR_OP_slice: return CR_FORM_BEGIN;
    case CR_OP_pad: return CR_FORM_PAD;
    case CR_OP_concat:
    case CR_OP_iota: return CR_FORM_AXIS;
    case CR_OP_flip: return CR_FORM_AXES;
    case CR_OP_window: return CR_FORM_WINDOW;
    case CR_OP_conv: return CR_FORM_SLIDE;
    case CR_OP_random: return CR_FORM_STREAM;
    case CR_OP_COPY: return CR_FORM_SPACE;
    default: return cr_ops[op].kind == CR_KIND_RED ? CR_FORM_AXES : CR_FORM_NONE;
    }
}

/* ---- numbers and names --------------------------------------------------------------------- */

/* The C locale for this thread: a program may have chosen one with a decimal comma. */
static locale_t enter_c_locale(void)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c ? uselocale(c) : (locale_t)0;
}

static void leave_c_locale(locale_t old)
{
    if (old)
        freelocale(uselocale(old));
}

float cr_text_strtof(const char *s, char **end)
{
    locale_t old = enter_c_locale();
    float f = strtof(s, end);
    leave_c_locale(old);
    return f;
}

static uint32_t float_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* The shortest decimal that gives the same bits: nine digits always do. */
static void add_float(cr_strbuf *out, uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    if (isnan(f)) {
        cr_str_printf(out, "0x%08x", bits);
        return;
    }
    if (isinf(f)) {
        cr_str_add(out, f < 0 ? "-inf" : "inf");
        return;
    }
    char text[32];
    locale_t old = enter_c_locale();
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)f);
        if (float_bits(strtof(text, NULL)) == bits)
            break;
    }
    leave_c_locale(old);
    cr_str_add(out, text);
}

void cr_text_value(cr_strbuf *out, cr_dtype dtype, int64_t value)
{
    if (dtype == CR_F32)
        add_float(out, (uint32_t)value);
    else if (dtype == CR_BOOL && (value == 0 || value == 1))
        cr_str_add(out, value ? "true" : "false");
    else
        cr_str_printf(out, "%lld", (long long)value);
}

static void add_escaped(cr_strbuf *out, unsigned char c)
{
    switch (c) {
    case '"': cr_str_add(out, "\\\""); break;
    case '\\': cr_str_add(out, "\\\\"); break;
    case '\n': cr_str_add(out, "\\n"); break;
    case '\t': cr_str_add(out, "\\t"); break;
    case '\r': cr_str_add(out, "\\r"); break;
    default: cr_str_printf(out, "\\x%02x", c);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c != 0x7f && c != '"' && c != '\\';
}

void cr_text_string(cr_strbuf *out, const char *s)
{
    cr_str_add(out, "\"");
    while (*s) {
        size_t n = 0;
        while (s[n] && is_plain((unsigned char)s[n]))
            n++;
        cr_str_addn(out, s, n);
        s += n;
        if (*s)
            add_escaped(out, (unsigned char)*s++);
    }
    cr_str_add(out, "\"");
}

/* Without quotes where it reads as a word. */
static void add_symbol(cr_strbuf *out, const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (strspn(s, letters) > 0 && s[strspn(s, digits)] == '\0')
        cr_str_add(out, s);
    else
        cr_text_string(out, s);
}

void cr_text_dim(cr_strbuf *out, const cr_graph *g, cr_dim dim)
{
    uint32_t symbol = cr_dim_symbol(dim);
    if (symbol == 0 || symbol >= g->symbol.len) {
        cr_str_printf(out, "%lld", (long long)dim);
        return;
    }
    if (cr_dim_factor(dim) != 1)
        cr_str_printf(out, "%lld*", (long long)cr_dim_factor(dim));
    add_symbol(out, g->string.at[g->symbol.at[symbol].name]);
}

void cr_text_type(cr_strbuf *out, const cr_graph *g, cr_dtype dtype, const cr_shape *s)
{
    cr_str_add(out, cr_dtype_name(dtype));
    for (int i = 0; i < s->rank; i++) {
        cr_str_add(out, i ? "," : "[");
        cr_text_dim(out, g, s->dim[i]);
    }
    if (s->rank)
        cr_str_add(out, "]");
}

/* ---- attributes ---------------------------------------------------------------------------- */

/* "begin(0,2)" */
static void add_list(cr_strbuf *out, const char *head, const int64_t *at, uint32_t n)
{
    cr_str_printf(out, " %s(", head);
    for (uint32_t i = 0; i < n; i++)
        cr_str_printf(out, "%s%lld", i ? "," : "", (long long)at[i]);
    cr_str_add(out, ")");
}

static void add_axes(cr_strbuf *out, int64_t axes)
{
    int64_t list[CR_MAX_RANK];
    uint32_t n = 0;
    for (int i = 0; i < CR_MAX_RANK; i++)
        if (axes >> i & 1)
            list[n++] = i;
    add_list(out, "axes", list, n);
}

/* Element i of initial data, as CONST keeps it. */
static int64_t data_element(const void *data, cr_dtype dtype, int64_t i)
{
    uint32_t bits;
    int32_t integer;
    switch (dtype) {
    case CR_F32: memcpy(&bits, (const char *)data + i * 4, sizeof bits); return bits;
    case CR_I32: memcpy(&integer, (const char *)data + i * 4, sizeof integer); return integer;
    default: return ((const unsigned char *)data)[i];
    }
}

static void add_data(cr_strbuf *out, const void *data, cr_dtype dtype, int64_t count)
{
    if (count <= LIST_MAX) {
        for (int64_t i = 0; i < count; i++) {
            cr_str_add(out, i ? "," : " data(");
            cr_text_value(out, dtype, data_element(data, dtype, i));
        }
        cr_str_add(out, ")");
        return;
    }
    int digits = 2 * (int)cr_dtype_size(dtype);
    cr_str_add(out, " data \"");
    for (int64_t i = 0; i < count; i++)
        cr_str_printf(out, "%0*x", digits, (uint32_t)data_element(data, dtype, i));
    cr_str_add(out, "\"");
}

/* The parameters are left out where they are zero, and constant(0) as a whole. */
static void add_init(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    const int64_t *at = cr_attr_of(g, r)->at;
    bool two = at[2] == CR_INIT_UNIFORM || at[2] == CR_INIT_NORMAL ||
               at[2] == CR_INIT_TRUNCATED_NORMAL || at[4];
    if (at[1])
        cr_str_add(out, " param");
    if (at[2] == CR_INIT_DATA) {
        add_data(out, g->data.at[at[5]], (cr_dtype)cr_at(g, r)->dtype, cr_count_of(g, r));
        return;
    }
    if (at[2] == CR_INIT_CONSTANT && !at[3] && !at[4])
        return;
    cr_str_printf(out, " %s", cr_init_name[at[2]]);
    if (!at[3] && !two)
        return;
    cr_str_add(out, "(");
    add_float(out, (uint32_t)at[3]);
    if (two) {
        cr_str_add(out, ",");
        add_float(out, (uint32_t)at[4]);
    }
    cr_str_add(out, ")");
}

static void add_attributes(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    const cr_attr *a = cr_attr_of(g, r);
    switch (cr_text_form((cr_op)n->op)) {
    case CR_FORM_NONE: break;
    case CR_FORM_VALUE:
        cr_str_add(out, " ");
        cr_text_value(out, (cr_dtype)n->dtype, a->at[0]);
        break;
    case CR_FORM_DIM:
        cr_str_add(out, " ");
        cr_text_dim(out, g, a->at[0]);
        break;
    case CR_FORM_NAME:
    case CR_FORM_STATE:
        cr_str_add(out, " ");
        cr_text_string(out, g->string.at[a->at[0]]);
        if (n->op == CR_OP_STATE)
            add_init(out, g, r);
        break;
    case CR_FORM_AXES: add_axes(out, a->at[0]); break;
    case CR_FORM_ORDER: add_list(out, "", a->at, a->len); break;
    case CR_FORM_BEGIN: add_list(out, "begin", a->at, a->len); break;
    case CR_FORM_PAD:
        add_list(out, "before", a->at, a->len - 1);
        cr_str_add(out, " value ");
        cr_text_value(out, (cr_dtype)n->dtype, a->at[a->len - 1]);
        break;
    case CR_FORM_AXIS: add_list(out, "axis", a->at, 1); break;
    case CR_FORM_WINDOW:
        for (int i = 0; i < 4; i++)
            add_list(out, cr_window_keys[i], a->at + i, 1);
        break;
    case CR_FORM_SLIDE:
        for (uint32_t i = 0, spatial = a->len / 4; i < 4; i++)
            add_list(out, cr_slide_keys[i], a->at + 1 + i * spatial, spatial);
        add_list(out, "groups", a->at, 1);
        break;
    case CR_FORM_STREAM: add_list(out, "stream", a->at, 1); break;
    case CR_FORM_SPACE:
        cr_str_printf(out, " to %s", cr_space_name[n->space]);
        if (a->len)
            cr_str_printf(out, " for(%lld)", (long long)a->at[0]);
        break;
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

static void add_sources(cr_strbuf *out, const cr_node *n)
{
    for (int i = 0; i < n->nsrc; i++)
        cr_str_printf(out, "%s%%%u", i ? ", " : " ", n->src[i]);
}

static void add_root(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    cr_str_add(out, cr_ops[n->op].name);
    if (n->op == CR_OP_OUTPUT) {
        add_attributes(out, g, r);
        cr_str_add(out, ",");
    }
    add_sources(out, n);
}

void cr_text_node(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    if (cr_is_root(n)) {
        add_root(out, g, r);
    } else {
        cr_str_printf(out, "%%%u = %s", r, cr_ops[n->op].name);
        add_sources(out, n);
        add_attributes(out, g, r);
        cr_str_add(out, " : ");
        cr_text_type(out, g, (cr_dtype)n->dtype, cr_shape_of(g, r));
    }
    if (n->space != CR_SPACE_DEVICE)
        cr_str_printf(out, " %s", cr_space_name[n->space]);
}

static void add_file(cr_strbuf *out, const char *file)
{
    static const char bare[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+@~-";
    if (*file && file[strspn(file, bare)] == '\0')
        cr_str_add(out, file);
    else
        cr_text_string(out, file);
}

/* Origins are numbered as they appear, and described where they appear first. */
static void add_origin(cr_strbuf *out, const cr_graph *g, uint32_t id, uint32_t *number,
                       uint32_t *count)
{
    bool first = number[id] == 0;
    if (first)
        number[id] = ++*count;
    cr_str_printf(out, "  !%u", number[id]);
    if (!first)
        return;
    const cr_origin *o = &g->origins.at[id];
    cr_str_add(out, " ");
    cr_text_string(out, g->string.at[o->name]);
    if (!o->at.file)
        return;
    cr_str_add(out, " ");
    add_file(out, o->at.file);
    cr_str_printf(out, ":%d", o->at.line);
}

static void add_nodes(cr_strbuf *out, const cr_graph *g, uint32_t *number)
{
    uint32_t count = 0;
    for (cr_ref r = 1; r < g->node.len; r++) {
        size_t start = out->len;
        cr_str_add(out, "  ");
        cr_text_node(out, g, r);
        if (g->origin.at[r]) {
            size_t width = out->len - start;
            if (width < ORIGIN_COLUMN)
                cr_str_printf(out, "%*s", (int)(ORIGIN_COLUMN - width), "");
            add_origin(out, g, g->origin.at[r], number, &count);
        }
        cr_str_add(out, "\n");
    }
}

char *cr_graph_print(const cr_graph *g)
{
    uint32_t *number = cr_alloc(g->origins.len * sizeof *number);
    if (!number)
        return NULL;
    cr_strbuf out = {0};
    cr_str_add(&out, "graph ");
    cr_text_string(&out, g->name);
    cr_str_add(&out, " {\n");
    for (uint32_t i = 1; i < g->symbol.len; i++) {
        cr_str_add(&out, "  symbol ");
        add_symbol(&out, g->string.at[g->symbol.at[i].name]);
        cr_str_printf(&out, " <= %lld\n", (long long)g->symbol.at[i].bound);
    }
    add_nodes(&out, g, number);
    cr_str_add(&out, "}\n");
    cr_free(number);
    return cr_str_take(&out);
}
