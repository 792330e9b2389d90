/* term.c - parsing and building terms. */
#include "term.h"

#include <ctype.h>

struct parser {
    cr_arena *arena;
    const char *text, *at, *vars;
    const cr_term *const *bound; /* what variables stand for inside a composite; NULL outside */
};

static const struct {
    const char *name, *term;
} composites[] = {
#define CR_COMP(name, parameters, arguments, term, doc) {#name, term},
#include "ops.def"
};

static const cr_term *parse(struct parser *p);

static const cr_term *wrong(const struct parser *p, const char *what)
{
    cr_fail(CR_E_SYNTAX, "term '%s': %s at '%s'", p->text, what, p->at);
    return NULL;
}

static void skip(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static const cr_term *variable(struct parser *p, const char *name, size_t n)
{
    const char *v = n == 1 ? strchr(p->vars, name[0]) : NULL;
    if (!v)
        return wrong(p, "unknown variable");
    if (p->bound)
        return p->bound[v - p->vars];
    cr_term *t = cr_arena_alloc(p->arena, sizeof *t);
    if (!t)
        return NULL;
    t->kind = CR_TERM_VAR;
    t->var = (uint8_t)(v - p->vars);
    return t;
}

static const cr_term *number(struct parser *p)
{
    char *end;
    double value = strtod(p->at, &end);
    if (end == p->at)
        return wrong(p, "expected a term");
    p->at = end;
    cr_term *t = cr_arena_alloc(p->arena, sizeof *t);
    if (!t)
        return NULL;
    t->kind = CR_TERM_NUMBER;
    t->number = value;
    return t;
}

static const cr_term *composite(struct parser *p, const char *name, const cr_term *const *arg)
{
    for (size_t i = 0; i < CR_COUNTOF(composites); i++) {
        if (strcmp(composites[i].name, name) != 0 || !composites[i].term)
            continue;
        struct parser inner = {p->arena, composites[i].term, composites[i].term, "xyz", arg};
        return parse(&inner);
    }
    return wrong(p, "unknown op");
}

static const cr_term *call(struct parser *p, const char *name, size_t n)
{
    char op_name[32];
    const cr_term *arg[3] = {NULL, NULL, NULL};
    int nargs = 0;
    if (n >= sizeof op_name)
        return wrong(p, "unknown op");
    memcpy(op_name, name, n);
    op_name[n] = 0;
    do {
        p->at++; /* '(' or ',' */
        if (nargs == 3)
            return wrong(p, "too many operands");
        if (!(arg[nargs++] = parse(p)))
            return NULL;
        skip(p);
    } while (*p->at == ',');
    if (*p->at != ')')
        return wrong(p, "expected ')'");
    p->at++;
    cr_op op = cr_op_find(op_name);
    if (op == CR_OP_POISON)
        return composite(p, op_name, arg);
    if (cr_ops[op].kind != CR_KIND_EW || cr_ops[op].arity != nargs)
        return wrong(p, "not an elementwise op of so many operands");
    cr_term *t = cr_arena_alloc(p->arena, sizeof *t);
    if (!t)
        return NULL;
    t->kind = CR_TERM_OP;
    t->op = op;
    t->nargs = (uint8_t)nargs;
    memcpy(t->arg, arg, sizeof arg);
    return t;
}

static const cr_term *parse(struct parser *p)
{
    skip(p);
    const char *name = p->at;
    size_t n = 0;
    if (!isalpha((unsigned char)*name))
        return number(p);
    while (isalnum((unsigned char)name[n]) || name[n] == '_')
        n++;
    p->at += n;
    skip(p);
    return *p->at == '(' ? call(p, name, n) : variable(p, name, n);
}

const cr_term *cr_term_parse(cr_arena *a, const char *text, const char *vars, const char **end)
{
    struct parser p = {a, text, text, vars, NULL};
    const cr_term *t = parse(&p);
    if (!t)
        return NULL;
    skip(&p);
    if (*p.at && *p.at != ';')
        return wrong(&p, "unexpected text");
    if (end)
        *end = p.at;
    return t;
}

uint32_t cr_term_cost(const cr_term *t)
{
    uint32_t n = t->kind == CR_TERM_OP;
    for (int i = 0; i < t->nargs; i++)
        n += cr_term_cost(t->arg[i]);
    return n;
}

/* A number takes type and shape from the op's other operands, so they are built first. */
static cr_ref constant_like(cr_graph *g, double value, cr_dtype dtype, const cr_shape *shape)
{
    cr_ref c =
        dtype == CR_F32 ? cr_const_f32(g, (float)value) : cr_const_int(g, dtype, (int64_t)value);
    if (shape->rank == 0 || !c)
        return c;
    cr_shape copy = *shape; /* the table may move */
    return cr_apply(g, CR_OP_expand, &c, 1, &copy, NULL, 0);
}

cr_ref cr_term_build(cr_graph *g, const cr_term *t, const cr_ref *value)
{
    if (t->kind == CR_TERM_VAR)
        return value[t->var];
    CR_ASSERT(t->kind == CR_TERM_OP);
    cr_ref src[3] = {0};
    int like = -1;
    for (int i = 0; i < t->nargs; i++) {
        if (t->arg[i]->kind == CR_TERM_NUMBER)
            continue;
        src[i] = cr_term_build(g, t->arg[i], value);
        if (!src[i])
            return 0;
        if (like < 0 || t->op == CR_OP_select)
            like = i; /* of a select, an arm and not the condition */
    }
    CR_ASSERT(like >= 0);
    for (int i = 0; i < t->nargs; i++) {
        if (t->arg[i]->kind != CR_TERM_NUMBER)
            continue;
        cr_dtype dtype = (cr_dtype)cr_at(g, src[like])->dtype;
        if (!(src[i] = constant_like(g, t->arg[i]->number, dtype, cr_shape_of(g, src[like]))))
            return 0;
    }
    return cr_apply(g, t->op, src, t->nargs, NULL, NULL, 0);
}
