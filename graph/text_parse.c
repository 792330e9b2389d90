/* text_parse.c - reads the text form. docs/ir.md has the grammar.
 *
 * The text is not trusted: every number is checked before it is used, every node is compared with
 * what cr_infer says, and what a builder would refuse is refused here. There is no recursion, and
 * time and memory are linear in the text. Functions return false after a mistake, which is reported
 * where it is found, once: path:line:column, the line, and a caret. */
#include <ctype.h>

#include "text_lex.h"

struct parser {
    struct cr_lexer lex;
    cr_graph *g;
    cr_map value;    /* the n of %n to its node */
    cr_map leaf;     /* hash of an input's or a state's name to its node */
    cr_map origin;   /* the n of !n to its origin */
    cr_map assigned; /* states that have a next value */
};

/* What a line says, before a node is made of it. */
struct line {
    const char *op_at, *type_at, *detail; /* detail: what can be read only once the type is known */
    uint32_t label;                       /* the n of %n; 0: none */
    cr_node n;
    cr_shape shape; /* as written */
    int64_t attr[CR_MAX_RANK + 1];
    uint32_t nattr;
};

static uint32_t intern_word(struct parser *p)
{
    return cr_intern_string(p->g, cr_str_text(&p->lex.word));
}

/* ---- types --------------------------------------------------------------------------------- */

/* The symbol whose name is in p->lex.word; 0 when there is none. */
static uint32_t find_symbol(const struct parser *p)
{
    const cr_graph *g = p->g;
    for (uint32_t i = 1; i < g->symbol.len; i++)
        if (strcmp(g->string.at[g->symbol.at[i].name], cr_str_text(&p->lex.word)) == 0)
            return i;
    return 0;
}

static bool read_symbol_name(struct parser *p)
{
    cr_lex_blanks(&p->lex);
    return *p->lex.at == '"' ? cr_lex_string(&p->lex, "a name") : cr_lex_word(&p->lex, "a size");
}

/* 64, batch, or 2*batch */
static bool read_dim(struct parser *p, cr_dim *out)
{
    int64_t factor = 1;
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    bool literal = *p->lex.at == '-' || isdigit((unsigned char)*p->lex.at);
    if (literal && !cr_lex_integer(&p->lex, "a size", &factor))
        return false;
    if (factor <= 0)
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "size %lld is not positive",
                           (long long)factor);
    *out = factor;
    if (literal && !cr_lex_accept(&p->lex, '*'))
        return true;
    cr_lex_blanks(&p->lex);
    start = p->lex.at;
    if (!read_symbol_name(p))
        return false;
    uint32_t symbol = find_symbol(p);
    if (symbol == 0)
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH,
                           "unknown symbol '%s'; declare it with `symbol %s <= ...`",
                           cr_str_text(&p->lex.word), cr_str_text(&p->lex.word));
    *out = ((cr_dim)symbol << CR_DIM_SHIFT) | factor;
    return true;
}

static bool read_shape(struct parser *p, cr_shape *out)
{
    const char *start = p->lex.at;
    uint64_t count = 1;
    memset(out, 0, sizeof *out);
    if (!cr_lex_accept(&p->lex, '['))
        return true;
    do {
        cr_lex_blanks(&p->lex);
        if (out->rank == CR_MAX_RANK)
            return cr_lex_fail(&p->lex, p->lex.at, CR_E_GRAPH, "more than %d axes", CR_MAX_RANK);
        if (!read_dim(p, &out->dim[out->rank]))
            return false;
        if (!cr_count_axis(p->g, out->dim[out->rank++], &count))
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "a tensor has fewer than 2^40 elements");
    } while (cr_lex_accept(&p->lex, ','));
    return cr_lex_expect(&p->lex, ']');
}

/* ": f32[batch,10] host" */
static bool read_type(struct parser *p, struct line *l)
{
    if (!cr_lex_expect(&p->lex, ':'))
        return false;
    cr_lex_blanks(&p->lex);
    l->type_at = p->lex.at;
    for (int t = 0; t < CR_DTYPE_COUNT; t++) {
        if (!cr_lex_accept_word(&p->lex, cr_dtype_name((cr_dtype)t)))
            continue;
        l->n.dtype = (uint8_t)t;
        return read_shape(p, &l->shape);
    }
    return cr_lex_expected(&p->lex, "a type (f32, i32, u8, bool)");
}

static uint8_t read_space(struct parser *p)
{
    return cr_lex_accept_word(&p->lex, cr_space_name[CR_SPACE_HOST]) ? CR_SPACE_HOST
                                                                     : CR_SPACE_DEVICE;
}

/* ---- values -------------------------------------------------------------------------------- */

static cr_ref find_value(const struct parser *p, uint32_t label)
{
    uint32_t pos = UINT32_MAX;
    return cr_map_next(&p->value, label, &pos);
}

/* The sources, as many as the op takes. */
static bool read_sources(struct parser *p, struct line *l)
{
    int arity = cr_ops[l->n.op].arity;
    cr_lex_blanks(&p->lex);
    for (bool more = *p->lex.at == '%'; more; more = cr_lex_accept(&p->lex, ',')) {
        uint32_t label;
        cr_lex_blanks(&p->lex);
        const char *start = p->lex.at;
        if (!cr_lex_label(&p->lex, '%', &label))
            return false;
        if (l->n.nsrc == arity)
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "%s takes %d operand%s",
                               cr_ops[l->n.op].name, arity, arity == 1 ? "" : "s");
        cr_ref r = find_value(p, label);
        if (r == 0)
            return cr_lex_fail(
                &p->lex, start, CR_E_GRAPH,
                "%%%u is not defined; a value is defined above the lines that use it", label);
        l->n.src[l->n.nsrc++] = r;
    }
    if (l->n.nsrc != arity)
        return cr_lex_fail(&p->lex, l->op_at, CR_E_GRAPH, "%s takes %d operand%s, not %d",
                           cr_ops[l->n.op].name, arity, arity == 1 ? "" : "s", l->n.nsrc);
    return true;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static uint64_t name_hash(const char *name)
{
    return cr_hash(CR_HASH_SEED, name, strlen(name));
}

/* The name of an input or a state: present, and not taken. */
static bool read_leaf_name(struct parser *p, struct line *l)
{
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    if (!cr_lex_string(&p->lex, "a name in quotes"))
        return false;
    const char *name = cr_str_text(&p->lex.word);
    if (*name == '\0')
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "the name is empty");
    uint32_t pos = UINT32_MAX, r;
    while ((r = cr_map_next(&p->leaf, name_hash(name), &pos)))
        if (strcmp(cr_name_of(p->g, r), name) == 0)
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH,
                               "the name is taken by an input or a state above");
    l->attr[l->nattr++] = intern_word(p);
    return true;
}

/* Initial data and constants are written before the type that says how to read them. */
static bool skip_detail(struct parser *p, struct line *l)
{
    cr_lex_blanks(&p->lex);
    l->detail = p->lex.at;
    if (*p->lex.at == '"')
        return cr_lex_string(&p->lex, "data");
    if (*p->lex.at == '(')
        p->lex.at += strcspn(p->lex.at, ")\n");
    else
        p->lex.at += strcspn(p->lex.at, " \t\r\n:");
    if (*l->detail == '(')
        return cr_lex_expect(&p->lex, ')');
    return p->lex.at > l->detail || cr_lex_expected(&p->lex, "a value");
}

/* param uniform(-1,1) */
static bool read_init(struct parser *p, struct line *l)
{
    int64_t *at = l->attr;
    l->nattr = 6;
    at[1] = cr_lex_accept_word(&p->lex, "param");
    at[2] = CR_INIT_CONSTANT;
    for (int kind = 0; kind <= CR_INIT_DATA; kind++) {
        if (!cr_lex_accept_word(&p->lex, cr_init_name[kind]))
            continue;
        at[2] = kind;
        if (kind == CR_INIT_DATA)
            return skip_detail(p, l);
        break;
    }
    if (!cr_lex_accept(&p->lex, '('))
        return true;
    if (!cr_lex_value(&p->lex, CR_F32, &at[3]) ||
        (cr_lex_accept(&p->lex, ',') && !cr_lex_value(&p->lex, CR_F32, &at[4])))
        return false;
    return cr_lex_expect(&p->lex, ')');
}

/* axes(0,2), as a set */
static bool read_axes(struct parser *p, struct line *l)
{
    int64_t list[CR_MAX_RANK];
    uint32_t n;
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    if (!cr_lex_keyed(&p->lex, "axes", CR_MAX_RANK, list, &n))
        return false;
    l->nattr = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (list[i] < 0 || list[i] >= CR_MAX_RANK || l->attr[0] >> list[i] & 1)
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "axes are from 0 to %d, each once",
                               CR_MAX_RANK - 1);
        l->attr[0] |= (int64_t)1 << list[i];
    }
    return true;
}

static bool read_pad(struct parser *p, struct line *l)
{
    if (!cr_lex_keyed(&p->lex, "before", CR_MAX_RANK, l->attr, &l->nattr))
        return false;
    if (!cr_lex_accept_word(&p->lex, "value"))
        return cr_lex_expected(&p->lex, "'value'");
    return cr_lex_value(&p->lex, (cr_dtype)cr_at(p->g, l->n.src[0])->dtype, &l->attr[l->nattr++]);
}

static bool read_window(struct parser *p, struct line *l)
{
    for (int i = 0; i < 4; i++) {
        cr_lex_blanks(&p->lex);
        const char *start = p->lex.at;
        uint32_t n;
        if (!cr_lex_keyed(&p->lex, cr_window_keys[i], 1, &l->attr[i], &n))
            return false;
        if (n != 1)
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "%s needs one number",
                               cr_window_keys[i]);
    }
    l->nattr = 4;
    return true;
}

static bool read_slide(struct parser *p, struct line *l)
{
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    uint32_t n, spatial = 0;
    l->nattr = 1;
    for (int i = 0; i < 4; i++) {
        if (!cr_lex_keyed(&p->lex, cr_slide_keys[i], 2, &l->attr[l->nattr], &n))
            return false;
        if (n == 0 || (i > 0 && n != spatial))
            return cr_lex_fail(&p->lex, start, CR_E_GRAPH,
                               "stride, dilation, before and after need a number for each of one "
                               "or two axes");
        spatial = n;
        l->nattr += n;
    }
    if (!cr_lex_keyed(&p->lex, "groups", 1, &l->attr[0], &n))
        return false;
    return n == 1 || cr_lex_fail(&p->lex, start, CR_E_GRAPH, "groups needs one number");
}

static bool read_stream(struct parser *p, struct line *l)
{
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    if (!cr_lex_keyed(&p->lex, "stream", 1, l->attr, &l->nattr))
        return false;
    if (l->nattr != 1 || l->attr[0] < 0 || l->attr[0] >= UINT32_MAX)
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "a stream is one number from 0 to 2^32 - 2");
    return true;
}

static bool read_target_space(struct parser *p, struct line *l)
{
    if (!cr_lex_accept_word(&p->lex, "to"))
        return cr_lex_expected(&p->lex, "'to host' or 'to device'");
    l->n.space = read_space(p);
    if (l->n.space == CR_SPACE_DEVICE &&
        !cr_lex_accept_word(&p->lex, cr_space_name[CR_SPACE_DEVICE]))
        return cr_lex_expected(&p->lex, "'host' or 'device'");
    cr_lex_blanks(&p->lex);
    return *p->lex.at != 'f' || cr_lex_keyed(&p->lex, "for", 1, l->attr, &l->nattr);
}

static bool read_attributes(struct parser *p, struct line *l)
{
    switch (cr_text_form((cr_op)l->n.op)) {
    case CR_FORM_NONE: return true;
    case CR_FORM_VALUE: return skip_detail(p, l);
    case CR_FORM_DIM: l->nattr = 1; return read_dim(p, &l->attr[0]);
    case CR_FORM_NAME: return read_leaf_name(p, l);
    case CR_FORM_STATE: return read_leaf_name(p, l) && read_init(p, l);
    case CR_FORM_AXES: return read_axes(p, l);
    case CR_FORM_ORDER: return cr_lex_list(&p->lex, CR_MAX_RANK, l->attr, &l->nattr);
    case CR_FORM_BEGIN: return cr_lex_keyed(&p->lex, "begin", CR_MAX_RANK, l->attr, &l->nattr);
    case CR_FORM_PAD: return read_pad(p, l);
    case CR_FORM_AXIS: return cr_lex_keyed(&p->lex, "axis", 1, l->attr, &l->nattr);
    case CR_FORM_WINDOW: return read_window(p, l);
    case CR_FORM_SLIDE: return read_slide(p, l);
    case CR_FORM_STREAM: return read_stream(p, l);
    case CR_FORM_SPACE: return read_target_space(p, l);
    }
    return false;
}

/* ---- initial data -------------------------------------------------------------------------- */

static void add_element(cr_strbuf *out, cr_dtype dtype, int64_t value)
{
    uint32_t word = (uint32_t)value;
    uint8_t byte = (uint8_t)value;
    if (cr_dtype_size(dtype) == 4)
        cr_str_addn(out, (const char *)&word, sizeof word);
    else
        cr_str_addn(out, (const char *)&byte, sizeof byte);
}

static bool read_data_list(struct parser *p, cr_dtype dtype, cr_strbuf *out)
{
    if (!cr_lex_expect(&p->lex, '('))
        return false;
    do {
        int64_t value;
        if (!cr_lex_value(&p->lex, dtype, &value))
            return false;
        add_element(out, dtype, value);
    } while (cr_lex_accept(&p->lex, ','));
    return cr_lex_expect(&p->lex, ')');
}

/* "3f800000bf800000": each element's bits in 2 or 8 digits. */
static bool read_data_hex(struct parser *p, cr_dtype dtype, cr_strbuf *out)
{
    uint64_t value = 0;
    size_t digits = 2 * cr_dtype_size(dtype), n = 0;
    for (p->lex.at++; *p->lex.at != '"'; p->lex.at++) {
        int d = cr_lex_hex(*p->lex.at);
        if (d < 0)
            return cr_lex_fail(&p->lex, p->lex.at, CR_E_SYNTAX, "expected a hexadecimal digit");
        value = value << 4 | (uint64_t)d;
        if (++n % digits)
            continue;
        if (dtype == CR_BOOL && value > 1)
            return cr_lex_fail(&p->lex, p->lex.at, CR_E_SYNTAX, "a bool is 00 or 01");
        add_element(out, dtype, (int64_t)value);
        value = 0;
    }
    if (n % digits)
        return cr_lex_fail(&p->lex, p->lex.at, CR_E_SYNTAX, "an element of %s has %zu digits",
                           cr_dtype_name(dtype), digits);
    p->lex.at++;
    return true;
}

static bool read_data(struct parser *p, struct line *l)
{
    cr_dtype dtype = (cr_dtype)l->n.dtype;
    cr_strbuf data = {0};
    uint64_t want = (uint64_t)cr_shape_count(p->g, &l->shape) * cr_dtype_size(dtype);
    const char *back = p->lex.at;
    p->lex.at = l->detail;
    bool ok = *p->lex.at == '"' ? read_data_hex(p, dtype, &data) : read_data_list(p, dtype, &data);
    if (ok && data.failed)
        ok = cr_lex_no_memory();
    if (ok && data.len != want)
        ok = cr_lex_fail(&p->lex, l->detail, CR_E_GRAPH, "%zu elements for a state of %llu",
                         data.len / cr_dtype_size(dtype),
                         (unsigned long long)(want / cr_dtype_size(dtype)));
    if (ok)
        l->attr[5] = cr_intern_data(p->g, data.at, data.len);
    cr_str_finish(&data);
    p->lex.at = back;
    return ok;
}

static bool check_state(struct parser *p, const struct line *l)
{
    for (int i = 0; i < l->shape.rank; i++)
        if (!cr_dim_literal(l->shape.dim[i]))
            return cr_lex_fail(&p->lex, l->type_at, CR_E_GRAPH,
                               "the sizes of a state must be literal");
    if (l->attr[1] && l->n.dtype != CR_F32)
        return cr_lex_fail(&p->lex, l->type_at, CR_E_GRAPH, "a param must be f32");
    if (l->attr[2] == CR_INIT_BITS && l->n.dtype != CR_I32)
        return cr_lex_fail(&p->lex, l->type_at, CR_E_GRAPH,
                           "the initialiser 'bits' is of i32 only");
    return true;
}

/* What waited for the type. */
static bool read_detail(struct parser *p, struct line *l)
{
    if (l->n.op == CR_OP_STATE && !check_state(p, l))
        return false;
    if (!l->detail)
        return true;
    if (l->n.op == CR_OP_STATE)
        return read_data(p, l);
    const char *back = p->lex.at;
    p->lex.at = l->detail;
    l->nattr = 1;
    bool ok = cr_lex_value(&p->lex, (cr_dtype)l->n.dtype, &l->attr[0]);
    if (ok && *p->lex.at != ':' && !strchr(" \t\r", *p->lex.at))
        ok = cr_lex_expected(&p->lex, "':'");
    p->lex.at = back;
    return ok;
}

/* ---- origins ------------------------------------------------------------------------------- */

/* train.c:41 */
static bool read_location(struct parser *p, cr_loc *out)
{
    static const char bare[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+@~-";
    int64_t line;
    cr_lex_blanks(&p->lex);
    size_t n = strspn(p->lex.at, bare);
    if (*p->lex.at == '"') {
        if (!cr_lex_string(&p->lex, "a file"))
            return false;
    } else if (n == 0) {
        return true;
    } else {
        p->lex.word.len = 0;
        cr_str_addn(&p->lex.word, p->lex.at, n);
        if (p->lex.word.failed)
            return cr_lex_no_memory();
        p->lex.at += n;
    }
    out->file = cr_intern_text(p->g, cr_str_text(&p->lex.word));
    const char *start = p->lex.at;
    if (!cr_lex_expect(&p->lex, ':') || !cr_lex_integer(&p->lex, "a line number", &line))
        return false;
    if (line < INT32_MIN || line > INT32_MAX)
        return cr_lex_fail(&p->lex, start, CR_E_SYNTAX, "the line number is beyond 2^31");
    out->line = (int)line;
    return true;
}

/* !1 "matmul" train.c:41 where the origin appears first, !1 after that; nothing: no origin. */
static bool read_origin(struct parser *p, uint32_t *out)
{
    uint32_t label, pos = UINT32_MAX;
    cr_origin o = {0};
    *out = 0;
    cr_lex_blanks(&p->lex);
    if (*p->lex.at != '!')
        return true;
    if (!cr_lex_label(&p->lex, '!', &label))
        return false;
    *out = cr_map_next(&p->origin, label, &pos);
    if (*out)
        return true;
    if (!cr_lex_string(&p->lex, "the origin's name, where it appears first"))
        return false;
    o.name = intern_word(p);
    if (!read_location(p, &o.at))
        return false;
    *out = p->g->origins.len;
    return (cr_vec_push(&p->g->origins, o) && cr_map_put(&p->origin, label, *out)) ||
           cr_lex_no_memory();
}

/* ---- lines --------------------------------------------------------------------------------- */

/* symbol batch <= 64 */
static bool symbol_line(struct parser *p)
{
    int64_t bound;
    cr_lex_blanks(&p->lex);
    const char *start = p->lex.at;
    if (!read_symbol_name(p))
        return false;
    if (find_symbol(p))
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "the symbol is declared above");
    uint32_t name = intern_word(p);
    if (!cr_lex_expect(&p->lex, '<') || !cr_lex_expect(&p->lex, '='))
        return false;
    if (!cr_lex_integer(&p->lex, "the symbol's largest value", &bound) || !cr_lex_end(&p->lex))
        return false;
    if (cr_symbol(p->g, p->g->string.at[name], bound) != 0)
        return true;
    if (p->g->status == CR_E_MEMORY || !p->g->message)
        return cr_lex_no_memory();
    return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "%s", p->g->message);
}

/* What fails while interning shows in the graph only. */
static bool healthy(const struct parser *p)
{
    return p->g->status == CR_OK || cr_lex_no_memory();
}

/* Compares with what cr_infer says and fills in the rest of the node. */
static bool infer(struct parser *p, struct line *l)
{
    cr_graph *g = p->g;
    cr_shape shape, hint = l->shape;
    cr_dtype dtype = (cr_dtype)l->n.dtype;
    char why[256] = "";
    if (l->n.op == CR_OP_cast)
        hint = (cr_shape){.rank = (int32_t)dtype};
    l->n.attr = cr_intern_attr(g, l->attr, l->nattr);
    if (!healthy(p))
        return false;
    if (!cr_infer(g, &l->n, &hint, &shape, why, sizeof why))
        return cr_lex_fail(&p->lex, l->op_at, CR_E_GRAPH, "%s: %s", cr_ops[l->n.op].name, why);
    if (cr_is_root(&l->n) || (l->n.dtype == dtype && cr_shape_equal(&shape, &l->shape))) {
        l->n.shape = cr_intern_shape(g, &shape);
        return healthy(p);
    }
    char given[CR_TYPE_TEXT], want[CR_TYPE_TEXT];
    cr_type_text(g, dtype, &l->shape, given);
    cr_type_text(g, (cr_dtype)l->n.dtype, &shape, want);
    return cr_lex_fail(&p->lex, l->type_at, CR_E_GRAPH, "%s gives %s here, not %s",
                       cr_ops[l->n.op].name, want, given);
}

static bool make(struct parser *p, struct line *l, uint32_t origin)
{
    cr_graph *g = p->g;
    g->open_origin = origin;
    cr_ref r = cr_is_root(&l->n) ? cr_root_add(g, &l->n) : cr_node_make(g, &l->n);
    g->open_origin = 0;
    if (r == 0)
        return cr_lex_no_memory();
    bool ok = true;
    if (cr_is_named_leaf(&l->n))
        ok = cr_map_put(&p->leaf, name_hash(cr_name_of(g, r)), r);
    if (l->n.op == CR_OP_ASSIGN)
        ok = cr_map_put(&p->assigned, l->n.src[0], 1);
    if (l->label)
        ok = ok && cr_map_put(&p->value, l->label, r);
    return ok || cr_lex_no_memory();
}

static bool finish_line(struct parser *p, struct line *l)
{
    uint32_t origin;
    return read_origin(p, &origin) && cr_lex_end(&p->lex) && infer(p, l) && make(p, l, origin);
}

static bool read_op(struct parser *p, struct line *l)
{
    cr_lex_blanks(&p->lex);
    l->op_at = p->lex.at;
    if (!cr_lex_word(&p->lex, "an op"))
        return false;
    l->n.op = (uint8_t)cr_op_find(cr_str_text(&p->lex.word));
    if (l->n.op == CR_OP_POISON)
        return cr_lex_fail(&p->lex, l->op_at, CR_E_GRAPH,
                           "unknown op '%s'; docs/ops.md lists the ops", cr_str_text(&p->lex.word));
    if (cr_is_root(&l->n))
        return cr_lex_fail(&p->lex, l->op_at, CR_E_GRAPH,
                           "%s is not a value: write it without '%%n ='", cr_ops[l->n.op].name);
    return true;
}

/* %4 = matmul %1, %2 : f32[batch,10] !1 "matmul" train.c:41 */
static bool value_line(struct parser *p)
{
    struct line l = {0};
    const char *start = p->lex.at;
    if (!cr_lex_label(&p->lex, '%', &l.label))
        return false;
    if (find_value(p, l.label))
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "%%%u is defined above", l.label);
    if (!cr_lex_expect(&p->lex, '=') || !read_op(p, &l) || !read_sources(p, &l) ||
        !read_attributes(p, &l) || !read_type(p, &l))
        return false;
    const char *space_at = p->lex.at;
    uint8_t space = read_space(p);
    if (l.n.op == CR_OP_COPY && l.n.space != space)
        return cr_lex_fail(
            &p->lex, space_at, CR_E_GRAPH, "copy to %s gives a value on the %s, not on the %s",
            cr_space_name[l.n.space], cr_space_name[l.n.space], cr_space_name[space]);
    l.n.space = space;
    return read_detail(p, &l) && finish_line(p, &l);
}

/* assign %2, %9 */
static bool assign_line(struct parser *p, const char *start)
{
    struct line l = {.op_at = start, .n.op = CR_OP_ASSIGN};
    uint32_t pos = UINT32_MAX;
    if (!read_sources(p, &l))
        return false;
    if (cr_map_next(&p->assigned, l.n.src[0], &pos))
        return cr_lex_fail(&p->lex, start, CR_E_GRAPH, "the state \"%s\" has a next value above",
                           cr_name_of(p->g, l.n.src[0]));
    l.n.space = read_space(p);
    return finish_line(p, &l);
}

/* output "y", %4 */
static bool output_line(struct parser *p, const char *start)
{
    struct line l = {.op_at = start, .n.op = CR_OP_OUTPUT};
    cr_lex_blanks(&p->lex);
    const char *name_at = p->lex.at;
    if (!cr_lex_string(&p->lex, "a name in quotes"))
        return false;
    if (p->lex.word.len == 0)
        return cr_lex_fail(&p->lex, name_at, CR_E_GRAPH, "the name is empty");
    l.attr[l.nattr++] = intern_word(p);
    if (!cr_lex_expect(&p->lex, ',') || !read_sources(p, &l))
        return false;
    l.n.space = read_space(p);
    return finish_line(p, &l);
}

static bool read_line(struct parser *p)
{
    const char *start = p->lex.at;
    if (*p->lex.at == '%')
        return value_line(p);
    if (cr_lex_accept_word(&p->lex, "symbol"))
        return symbol_line(p);
    if (cr_lex_accept_word(&p->lex, "assign"))
        return assign_line(p, start);
    if (cr_lex_accept_word(&p->lex, "output"))
        return output_line(p, start);
    return cr_lex_expected(&p->lex, "'%n = op', 'symbol', 'assign', 'output' or '}'");
}

/* Of several outputs of one name the last one counts, as in the builder. */
static bool drop_renamed(cr_graph *g)
{
    uint32_t kept = 0;
    cr_ref *last = cr_alloc(g->string.len * sizeof *last);
    if (!last)
        return cr_lex_no_memory();
    for (uint32_t i = 0; i < g->root.len; i++)
        if (cr_at(g, g->root.at[i])->op == CR_OP_OUTPUT)
            last[cr_attr_of(g, g->root.at[i])->at[0]] = g->root.at[i];
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i];
        if (cr_at(g, r)->op != CR_OP_OUTPUT || last[cr_attr_of(g, r)->at[0]] == r)
            g->root.at[kept++] = r;
    }
    g->root.len = kept;
    cr_free(last);
    return true;
}

static bool read_graph(struct parser *p)
{
    cr_lex_lines(&p->lex);
    if (!cr_lex_accept_word(&p->lex, "graph"))
        return cr_lex_expected(&p->lex, "'graph'");
    if (!cr_lex_string(&p->lex, "the graph's name in quotes"))
        return false;
    p->g = cr_graph_new(cr_str_text(&p->lex.word));
    if (!p->g)
        return cr_lex_no_memory();
    if (!cr_lex_expect(&p->lex, '{'))
        return false;
    for (cr_lex_lines(&p->lex); *p->lex.at != '}'; cr_lex_lines(&p->lex))
        if (*p->lex.at == '\0' ? !cr_lex_expected(&p->lex, "'}'") : !read_line(p))
            return false;
    p->lex.at++;
    cr_lex_lines(&p->lex);
    if (*p->lex.at != '\0')
        return cr_lex_expected(&p->lex, "nothing after the graph");
    return healthy(p) && drop_renamed(p->g);
}

cr_graph *cr_graph_parse(const char *text, const char *path)
{
    struct parser p = {.lex = {.path = path ? path : "text", .text = text ? text : ""}};
    p.lex.at = p.lex.text;
    if (!read_graph(&p)) {
        cr_graph_destroy(p.g);
        p.g = NULL;
    }
    cr_map_finish(&p.value);
    cr_map_finish(&p.leaf);
    cr_map_finish(&p.origin);
    cr_map_finish(&p.assigned);
    cr_str_finish(&p.lex.word);
    return p.g;
}
