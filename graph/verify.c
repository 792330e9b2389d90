/* verify.c - is this graph what every room takes it to be? Run after each pass, and on what users
 * built. Each rule says what is wrong with which node: what a rule checks, later ones may rely on.
 */
#include "text.h"

struct verifier {
    const cr_graph *g;
    cr_level level;
    bool named;       /* the attributes of the node looked at are sound */
    cr_map names;     /* hash of a leaf's name to its node */
    cr_ref *assigned; /* per state: the assign that gives its next value */
    cr_ref *output;   /* per string: the output of that name */
    cr_arena scratch;
};

/* `graph "mlp": %12 sum (train.c:41): the mistake`; a leaf and a root with their names. */
static cr_status bad(const struct verifier *v, cr_ref r, const char *fmt, ...) CR_PRINTF(3, 4);
static cr_status bad(const struct verifier *v, cr_ref r, const char *fmt, ...)
{
    const cr_graph *g = v->g;
    cr_strbuf s = {0};
    uint8_t op = cr_at(g, r)->op;
    uint32_t origin = g->origin.at[r];
    cr_str_add(&s, "graph ");
    cr_text_string(&s, g->name);
    cr_str_printf(&s, ": %%%u %s", r, op < CR_OP_COUNT ? cr_ops[op].name : "?");
    if (v->named && *cr_name_of(g, r)) {
        cr_str_add(&s, " ");
        cr_text_string(&s, cr_name_of(g, r));
    }
    if (origin > 0 && origin < g->origins.len && g->origins.at[origin].at.file)
        cr_str_printf(&s, " (%s:%d)", g->origins.at[origin].at.file, g->origins.at[origin].at.line);
    cr_str_add(&s, ": ");
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&s, fmt, ap);
    va_end(ap);
    cr_status status = cr_fail(s.failed ? CR_E_MEMORY : CR_E_GRAPH, "%s", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

/* ---- structure: what makes it safe to look at the node at all ------------------------------- */

static cr_status check_ids(const struct verifier *v, cr_ref r)
{
    const cr_graph *g = v->g;
    const cr_node *n = cr_at(g, r);
    if (n->op == CR_OP_POISON || n->op >= CR_OP_COUNT)
        return bad(v, r, "is not an op (%u)", n->op);
    if (n->dtype >= CR_DTYPE_COUNT)
        return bad(v, r, "has no element type (%u)", n->dtype);
    if (n->space > CR_SPACE_HOST)
        return bad(v, r, "is in no space (%u)", n->space);
    if (n->shape >= g->shape.len || n->attr >= g->attr.len || g->origin.at[r] >= g->origins.len)
        return bad(v, r, "its shape, attributes or origin do not exist");
    int rank = cr_shape_of(g, r)->rank;
    if (rank < 0 || rank > CR_MAX_RANK)
        return bad(v, r, "rank %d is not between 0 and %d", rank, CR_MAX_RANK);
    return CR_OK;
}

static cr_status check_sources(const struct verifier *v, cr_ref r)
{
    const cr_node *n = cr_at(v->g, r);
    if (n->nsrc != cr_ops[n->op].arity)
        return bad(v, r, "has %u sources, not %u", n->nsrc, cr_ops[n->op].arity);
    for (int i = 0; i < n->nsrc; i++) {
        if (n->src[i] == 0)
            return bad(v, r, "source %d is poison", i + 1);
        if (n->src[i] >= r)
            return bad(v, r, "source %d is %%%u, which does not come before it", i + 1, n->src[i]);
        if (cr_is_root(cr_at(v->g, n->src[i])))
            return bad(v, r, "source %d, %%%u, is a root and has no value", i + 1, n->src[i]);
    }
    for (int i = n->nsrc; i < 3; i++)
        if (n->src[i] != 0)
            return bad(v, r, "source %d is beyond its %u sources", i + 1, n->nsrc);
    return CR_OK;
}

static cr_status check_dim(const struct verifier *v, cr_ref r, cr_dim dim)
{
    if (dim <= 0 || cr_dim_factor(dim) == 0)
        return bad(v, r, "the size %lld is not positive", (long long)dim);
    if (cr_dim_symbol(dim) >= v->g->symbol.len)
        return bad(v, r, "a size is a symbol that the graph does not have");
    if (!cr_dim_literal(dim) && v->level != CR_LEVEL_USER)
        return bad(v, r, "the symbol %s is left, after sizes were made literal",
                   v->g->string.at[v->g->symbol.at[cr_dim_symbol(dim)].name]);
    return CR_OK;
}

static cr_status check_shape(const struct verifier *v, cr_ref r)
{
    const cr_shape *s = cr_shape_of(v->g, r);
    uint64_t count = 1;
    for (int i = 0; i < s->rank; i++) {
        CR_TRY(check_dim(v, r, s->dim[i]));
        if (!cr_count_axis(v->g, s->dim[i], &count))
            return bad(v, r, "has 2^40 elements or more");
    }
    return CR_OK;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static bool element_in_range(cr_dtype dtype, int64_t x)
{
    switch (dtype) {
    case CR_F32: return x >= 0 && x <= UINT32_MAX;
    case CR_I32: return x >= INT32_MIN && x <= INT32_MAX;
    case CR_U8: return x >= 0 && x <= UINT8_MAX;
    default: return x == 0 || x == 1;
    }
}

static cr_status check_element(const struct verifier *v, cr_ref r, int64_t x)
{
    cr_dtype dtype = (cr_dtype)cr_at(v->g, r)->dtype;
    if (!element_in_range(dtype, x))
        return bad(v, r, "the value %lld is not one of %s", (long long)x, cr_dtype_name(dtype));
    return CR_OK;
}

static cr_status check_name(const struct verifier *v, cr_ref r, int64_t id)
{
    if (id <= 0 || id >= v->g->string.len)
        return bad(v, r, "has no name");
    return CR_OK;
}

static cr_status check_state(const struct verifier *v, cr_ref r, const int64_t *at)
{
    const cr_graph *g = v->g;
    const cr_shape *s = cr_shape_of(g, r);
    CR_TRY(check_name(v, r, at[0]));
    if (at[1] != 0 && at[1] != 1)
        return bad(v, r, "trainable is %lld, neither 0 nor 1", (long long)at[1]);
    if (at[1] && cr_at(g, r)->dtype != CR_F32)
        return bad(v, r, "a param must be f32");
    if (at[2] < 0 || at[2] > CR_INIT_DATA)
        return bad(v, r, "there is no initialiser %lld", (long long)at[2]);
    if (at[2] == CR_INIT_BITS && cr_at(g, r)->dtype != CR_I32)
        return bad(v, r, "the initialiser 'bits' is of i32 only");
    if (!element_in_range(CR_F32, at[3]) || !element_in_range(CR_F32, at[4]))
        return bad(v, r, "the initialiser's parameters are not f32");
    if ((at[2] == CR_INIT_DATA) != (at[5] != 0) || at[5] < 0 || at[5] >= g->data.len)
        return bad(v, r, "its initial data does not exist");
    for (int i = 0; i < s->rank; i++)
        if (!cr_dim_literal(s->dim[i]))
            return bad(v, r, "the sizes of a state must be literal");
    return CR_OK;
}

/* How many numbers each form has. */
static uint32_t attr_count(const struct verifier *v, cr_ref r)
{
    const cr_node *n = cr_at(v->g, r);
    uint32_t rank = n->nsrc ? (uint32_t)cr_shape_of(v->g, n->src[0])->rank : 0;
    switch (cr_text_form((cr_op)n->op)) {
    case CR_FORM_NONE:
    case CR_FORM_SPACE: return 0;
    case CR_FORM_STATE: return 6;
    case CR_FORM_ORDER:
    case CR_FORM_BEGIN: return rank;
    case CR_FORM_PAD: return rank + 1;
    case CR_FORM_WINDOW: return 4;
    case CR_FORM_SLIDE: return rank < 3 ? 1 : 1 + 4 * (rank - 2);
    default: return 1;
    }
}

/* cr_infer knows which axes and positions are right, once the numbers cannot overflow. */
static cr_status check_attributes(const struct verifier *v, cr_ref r)
{
    const cr_attr *a = cr_attr_of(v->g, r);
    bool own_copy = cr_at(v->g, r)->op == CR_OP_COPY && a->len == 1; /* one op's own transfer */
    if (a->len != attr_count(v, r) && !own_copy)
        return bad(v, r, "has %u attributes, not %u", a->len, attr_count(v, r));
    switch (cr_text_form((cr_op)cr_at(v->g, r)->op)) {
    case CR_FORM_VALUE: return check_element(v, r, a->at[0]);
    case CR_FORM_NAME: return check_name(v, r, a->at[0]);
    case CR_FORM_STATE: return check_state(v, r, a->at);
    case CR_FORM_DIM:
        if (v->level != CR_LEVEL_USER)
            return bad(v, r, "is left, after sizes were made literal");
        return check_dim(v, r, a->at[0]);
    case CR_FORM_PAD: CR_TRY(check_element(v, r, a->at[a->len - 1])); break;
    default: break;
    }
    for (uint32_t i = 0; i < a->len; i++)
        if (a->at[i] < 0 || (uint64_t)a->at[i] >= CR_MAX_ELEMENTS)
            if (cr_at(v->g, r)->op != CR_OP_pad || i + 1 < a->len)
                return bad(v, r, "the attribute %lld is out of range", (long long)a->at[i]);
    return CR_OK;
}

/* ---- types and shapes ---------------------------------------------------------------------- */

static cr_status check_type(const struct verifier *v, cr_ref r)
{
    const cr_graph *g = v->g;
    cr_node n = *cr_at(g, r);
    cr_dtype dtype = (cr_dtype)n.dtype;
    cr_shape hint = *cr_shape_of(g, r), shape;
    char why[256] = "", is[CR_TYPE_TEXT], want[CR_TYPE_TEXT];
    if (n.op == CR_OP_cast)
        hint = (cr_shape){.rank = (int32_t)dtype};
    if (!cr_infer(g, &n, &hint, &shape, why, sizeof why))
        return bad(v, r, "%s", why);
    if (n.dtype == dtype && cr_shape_equal(&shape, cr_shape_of(g, r)))
        return CR_OK;
    return bad(v, r, "is %s, but its sources give %s",
               cr_type_text(g, dtype, cr_shape_of(g, r), is),
               cr_type_text(g, (cr_dtype)n.dtype, &shape, want));
}

/* ---- names --------------------------------------------------------------------------------- */

static cr_status check_unique(struct verifier *v, cr_ref r)
{
    const char *name = cr_name_of(v->g, r);
    uint64_t h = cr_hash(CR_HASH_SEED, name, strlen(name));
    uint32_t pos = UINT32_MAX, other;
    while ((other = cr_map_next(&v->names, h, &pos)))
        if (strcmp(cr_name_of(v->g, other), name) == 0)
            return bad(v, r, "the name \"%s\" is also that of %%%u", name, other);
    return cr_map_put(&v->names, h, r) ? CR_OK : CR_E_MEMORY;
}

/* ---- spaces -------------------------------------------------------------------------------- */

/* Constants are part of the code that uses them, and so in every space. */
static bool is_everywhere(const cr_node *n)
{
    return n->op == CR_OP_CONST || n->op == CR_OP_SIZE;
}

static cr_status check_space(const struct verifier *v, cr_ref r)
{
    const cr_node *n = cr_at(v->g, r);
    if (v->level != CR_LEVEL_PLACED) {
        if (n->space != CR_SPACE_DEVICE || n->op == CR_OP_COPY)
            return bad(v, r, "%s before placement",
                       n->op == CR_OP_COPY ? "a transfer" : "is not on the device");
        return CR_OK;
    }
    for (int i = 0; i < n->nsrc; i++) {
        const cr_node *s = cr_at(v->g, n->src[i]);
        if (n->op == CR_OP_COPY && s->space == n->space)
            return bad(v, r, "copies within the %s", cr_space_name[n->space]);
        if (n->op != CR_OP_COPY && s->space != n->space && !is_everywhere(s))
            return bad(v, r, "is on the %s, its source %%%u on the %s", cr_space_name[n->space],
                       n->src[i], cr_space_name[s->space]);
    }
    return CR_OK;
}

/* ---- roots --------------------------------------------------------------------------------- */

static cr_status check_assigned_once(struct verifier *v, cr_ref r)
{
    cr_ref state = cr_at(v->g, r)->src[0];
    if (v->assigned[state])
        return bad(v, r, "the state \"%s\" has two next values", cr_name_of(v->g, state));
    v->assigned[state] = r;
    return CR_OK;
}

/* The list holds root nodes in their order, and an output's name once. */
static cr_status check_root_list(struct verifier *v)
{
    const cr_graph *g = v->g;
    for (uint32_t i = 0; i < g->root.len; i++) {
        cr_ref r = g->root.at[i];
        if (r == 0 || r >= g->node.len)
            return cr_fail(CR_E_GRAPH, "graph \"%s\": root %u does not exist", g->name, i + 1);
        if (!cr_is_root(cr_at(g, r)))
            return bad(v, r, "is a root, but neither an assign nor an output");
        if (i > 0 && g->root.at[i - 1] >= r)
            return bad(v, r, "the roots are not in order");
        if (cr_at(g, r)->op == CR_OP_ASSIGN) {
            CR_TRY(check_assigned_once(v, r));
            continue;
        }
        cr_ref *holder = &v->output[cr_attr_of(g, r)->at[0]];
        if (*holder)
            return bad(v, r, "the name \"%s\" is also that of output %%%u", cr_name_of(g, r),
                       *holder);
        *holder = r;
    }
    return CR_OK;
}

/* A root node that is not in the list is an output whose name a later one took. */
static cr_status check_unlisted(const struct verifier *v, cr_ref r)
{
    const cr_node *n = cr_at(v->g, r);
    if (n->op == CR_OP_OUTPUT && v->output[cr_attr_of(v->g, r)->at[0]] < r)
        return bad(v, r, "is not among the roots");
    if (n->op == CR_OP_ASSIGN && v->assigned[n->src[0]] != r)
        return bad(v, r, "is not among the roots");
    return CR_OK;
}

/* ---- driver -------------------------------------------------------------------------------- */

static cr_status check_node(struct verifier *v, cr_ref r)
{
    v->named = false;
    CR_TRY(check_ids(v, r));
    CR_TRY(check_sources(v, r));
    CR_TRY(check_attributes(v, r));
    v->named = true;
    CR_TRY(check_shape(v, r));
    CR_TRY(check_type(v, r));
    if (cr_is_named_leaf(cr_at(v->g, r)))
        CR_TRY(check_unique(v, r));
    return check_space(v, r);
}

cr_status cr_verify(const cr_graph *g, cr_level level)
{
    CR_TRY(cr_graph_status(g));
    struct verifier v = {.g = g, .level = level};
    cr_status status = CR_OK;
    v.assigned = cr_arena_alloc(&v.scratch, g->node.len * sizeof *v.assigned);
    v.output = cr_arena_alloc(&v.scratch, g->string.len * sizeof *v.output);
    if (!v.assigned || !v.output)
        status = CR_E_MEMORY;
    for (cr_ref r = 1; status == CR_OK && r < g->node.len; r++)
        status = check_node(&v, r);
    if (status == CR_OK)
        status = check_root_list(&v);
    for (cr_ref r = 1; status == CR_OK && r < g->node.len; r++)
        status = check_unlisted(&v, r);
    cr_map_finish(&v.names);
    cr_arena_finish(&v.scratch);
    return status;
}
