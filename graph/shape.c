/* shape.c - dimensions, and the type and shape that an op gives for its sources. */
#include "ir.h"

/* ---- dimensions ------------------------------------------------------------------------------ */

enum { MAX_SYMBOLS = 15 };

static cr_dim symbol_again(cr_graph *g, uint32_t i, int64_t bound)
{
    const cr_symbol_info *s = &g->symbol.at[i];
    if (s->bound == bound)
        return ((cr_dim)i << CR_DIM_SHIFT) | 1;
    cr_mistake(g, (cr_loc){0}, "symbol '%s': its bound is %lld, and now %lld is asked for",
               g->string.at[s->name], (long long)s->bound, (long long)bound);
    return 0;
}

cr_dim cr_symbol(cr_graph *g, const char *name, int64_t bound)
{
    if (!cr_usable_in((cr_loc){0}, "symbol", g, NULL, 0))
        return 0;
    uint32_t id = cr_intern_string(g, name);
    for (uint32_t i = 1; i < g->symbol.len; i++)
        if (g->symbol.at[i].name == id)
            return symbol_again(g, i, bound);
    if (id == 0 || bound < 1 || bound >= (int64_t)1 << 31 || g->symbol.len > MAX_SYMBOLS) {
        cr_mistake(g, (cr_loc){0},
                   "symbol '%s': needs a name and a bound from 1 to 2^31 - 1; "
                   "a graph has at most %d symbols",
                   name ? name : "", MAX_SYMBOLS);
        return 0;
    }
    if (!cr_vec_push(&g->symbol, (cr_symbol_info){id, bound})) {
        g->status = CR_E_MEMORY;
        return 0;
    }
    return ((cr_dim)(g->symbol.len - 1) << CR_DIM_SHIFT) | 1;
}

int64_t cr_dim_bind(const cr_graph *g, cr_dim d, const int64_t *value)
{
    uint32_t s = cr_dim_symbol(d);
    if (s == 0)
        return d;
    return cr_dim_factor(d) * (value ? value[s] : g->symbol.at[s].bound);
}

int64_t cr_shape_count(const cr_graph *g, const cr_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= cr_dim_bind(g, s->dim[i], NULL);
    return n;
}

/* The element count of a shape: a literal factor and a power for each symbol. */
struct product {
    int64_t factor;
    uint8_t power[MAX_SYMBOLS + 1];
};

static struct product shape_product(const cr_shape *s)
{
    struct product p = {.factor = 1};
    for (int i = 0; i < s->rank; i++) {
        p.factor *= cr_dim_factor(s->dim[i]);
        if (!cr_dim_literal(s->dim[i]))
            p.power[cr_dim_symbol(s->dim[i])]++;
    }
    return p;
}

const char *cr_type_text(const cr_graph *g, cr_dtype dtype, const cr_shape *s, char *buf)
{
    int n = snprintf(buf, CR_TYPE_TEXT, "%s", cr_dtype_name(dtype));
    for (int i = 0; i < s->rank && n < CR_TYPE_TEXT; i++) {
        char dim[64];
        uint32_t sym = cr_dim_symbol(s->dim[i]);
        if (sym == 0 || sym >= g->symbol.len)
            snprintf(dim, sizeof dim, "%lld", (long long)s->dim[i]);
        else if (cr_dim_factor(s->dim[i]) == 1)
            snprintf(dim, sizeof dim, "%.40s", g->string.at[g->symbol.at[sym].name]);
        else
            snprintf(dim, sizeof dim, "%lld*%.40s", (long long)cr_dim_factor(s->dim[i]),
                     g->string.at[g->symbol.at[sym].name]);
        n += snprintf(buf + n, CR_TYPE_TEXT - (size_t)n, "%s%s", i ? "," : "[", dim);
    }
    if (s->rank && n < CR_TYPE_TEXT)
        snprintf(buf + n, CR_TYPE_TEXT - (size_t)n, "]");
    return buf;
}

/* ---- inference ------------------------------------------------------------------------------- */

struct infer {
    const cr_graph *g;
    cr_node *n;
    const cr_shape *hint;
    cr_shape *out;
    char *why;
    size_t size;
};

static const cr_shape *source(const struct infer *in, int i)
{
    return cr_shape_of(in->g, in->n->src[i]);
}
static cr_dtype type(const struct infer *in, int i)
{
    return (cr_dtype)cr_at(in->g, in->n->src[i])->dtype;
}

static bool refuse(const struct infer *in, const char *fmt, ...) CR_PRINTF(2, 3);
static bool refuse(const struct infer *in, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(in->why, in->size, fmt, ap);
    va_end(ap);
    return false;
}

static const char *dim_text(const struct infer *in, cr_dim d, char *buf)
{
    cr_shape one = {1, {d}};
    char text[CR_TYPE_TEXT];
    cr_type_text(in->g, CR_F32, &one, text);
    size_t n = strlen(text + 4);
    memcpy(buf, text + 4, n);
    buf[n - 1] = 0;
    return buf;
}

static bool check_shape(const struct infer *in, const cr_shape *s)
{
    if (!s)
        return refuse(in, "needs a shape");
    if (s->rank < 0 || s->rank > CR_MAX_RANK)
        return refuse(in, "rank %d is not between 0 and %d", s->rank, CR_MAX_RANK);
    uint64_t count = 1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] <= 0)
            return refuse(in, "size %lld of axis %d is not positive", (long long)s->dim[i], i);
        if (cr_dim_symbol(s->dim[i]) >= in->g->symbol.len)
            return refuse(in, "size %lld of axis %d is too large, or a symbol of another graph",
                          (long long)s->dim[i], i);
        if (!cr_mul_size(count, (uint64_t)cr_dim_bind(in->g, s->dim[i], NULL), &count) ||
            count >= (uint64_t)1 << 40)
            return refuse(in, "2^40 elements or more");
    }
    return true;
}

bool cr_check_shape(const cr_graph *g, const cr_shape *s, char *why, size_t size)
{
    const struct infer in = {.g = g, .why = why, .size = size};
    return check_shape(&in, s);
}

static bool infer_types(const struct infer *in, int rule)
{
    int n = in->n->nsrc;
    cr_dtype t = type(in, rule == CR_TYPES_S ? 1 : 0);
    if (rule == CR_TYPES_S && type(in, 0) != CR_BOOL)
        return refuse(in, "the first operand must be bool, not %s", cr_dtype_name(type(in, 0)));
    for (int i = rule == CR_TYPES_S ? 2 : 1; i < n; i++)
        if (type(in, i) != t)
            return refuse(in, "types %s and %s differ (cr_cast converts)", cr_dtype_name(t),
                          cr_dtype_name(type(in, i)));
    bool ok = true;
    switch (rule) {
    case CR_TYPES_F: ok = t == CR_F32; break;
    case CR_TYPES_N:
    case CR_TYPES_A: ok = t == CR_F32 || t == CR_I32; break;
    case CR_TYPES_I: ok = t == CR_I32; break;
    case CR_TYPES_B: ok = t == CR_BOOL; break;
    default: break;
    }
    if (!ok)
        return refuse(in, "is not defined on %s (cr_cast converts)", cr_dtype_name(t));
    in->n->dtype = rule == CR_TYPES_C ? CR_BOOL : rule == CR_TYPES_A ? CR_I32 : t;
    return true;
}

static bool infer_elementwise(const struct infer *in)
{
    if (!infer_types(in, cr_ops[in->n->op].types))
        return false;
    for (int i = 1; i < in->n->nsrc; i++)
        if (!cr_shape_equal(source(in, 0), source(in, i)))
            return refuse(in, "shapes differ");
    *in->out = *source(in, 0);
    return true;
}

static bool infer_reduction(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    if (!infer_types(in, cr_ops[in->n->op].types))
        return false;
    const cr_shape *x = source(in, 0);
    if (nattr != 1 || attr[0] < 0 || attr[0] >> x->rank)
        return refuse(in, "axes beyond rank %d", x->rank);
    *in->out = *x;
    for (int i = 0; i < x->rank; i++)
        if (attr[0] >> i & 1)
            in->out->dim[i] = 1;
    return true;
}

static bool infer_reshape(const struct infer *in)
{
    if (!check_shape(in, in->hint))
        return false;
    struct product a = shape_product(source(in, 0)), b = shape_product(in->hint);
    if (a.factor != b.factor || memcmp(a.power, b.power, sizeof a.power) != 0)
        return refuse(in, "the shapes have different numbers of elements");
    *in->out = *in->hint;
    return true;
}

static bool infer_permute(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0);
    uint32_t seen = 0;
    if (nattr != (uint32_t)x->rank)
        return refuse(in, "needs %d axes", x->rank);
    in->out->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        if (attr[i] < 0 || attr[i] >= x->rank || seen >> attr[i] & 1)
            return refuse(in, "the axes are not a permutation of 0 to %d", x->rank - 1);
        seen |= 1u << attr[i];
        in->out->dim[i] = x->dim[attr[i]];
    }
    return true;
}

static bool infer_expand(const struct infer *in)
{
    if (!check_shape(in, in->hint))
        return false;
    const cr_shape *x = source(in, 0);
    int lead = in->hint->rank - x->rank;
    if (lead < 0)
        return refuse(in, "cannot drop axes");
    for (int i = 0; i < x->rank; i++) {
        char from[64], to[64];
        if (x->dim[i] != 1 && x->dim[i] != in->hint->dim[lead + i])
            return refuse(in, "size %s of axis %d cannot become %s: it is neither 1 nor equal",
                          dim_text(in, x->dim[i], from), i,
                          dim_text(in, in->hint->dim[lead + i], to));
    }
    *in->out = *in->hint;
    return true;
}

static bool infer_slice(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0);
    if (!check_shape(in, in->hint))
        return false;
    if (nattr != (uint32_t)x->rank || in->hint->rank != x->rank)
        return refuse(in, "needs a begin and a size for each of %d axes", x->rank);
    for (int i = 0; i < x->rank; i++) {
        if (attr[i] == 0 && in->hint->dim[i] == x->dim[i])
            continue;
        if (!cr_dim_literal(x->dim[i]) || !cr_dim_literal(in->hint->dim[i]))
            return refuse(in, "axis %d has a symbolic size and can only be taken whole", i);
        if (attr[i] < 0 || attr[i] + in->hint->dim[i] > x->dim[i])
            return refuse(in, "[%lld, %lld) is outside axis %d of size %lld", (long long)attr[i],
                          (long long)(attr[i] + in->hint->dim[i]), i, (long long)x->dim[i]);
    }
    *in->out = *in->hint;
    return true;
}

static bool infer_pad(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0);
    if (!check_shape(in, in->hint))
        return false;
    if (nattr != (uint32_t)x->rank + 1 || in->hint->rank != x->rank)
        return refuse(in, "needs an amount for each of %d axes, and a value", x->rank);
    for (int i = 0; i < x->rank; i++) {
        if (attr[i] == 0 && in->hint->dim[i] == x->dim[i])
            continue;
        if (!cr_dim_literal(x->dim[i]) || !cr_dim_literal(in->hint->dim[i]))
            return refuse(in, "axis %d has a symbolic size and cannot be padded", i);
        if (attr[i] < 0 || attr[i] + x->dim[i] > in->hint->dim[i])
            return refuse(in, "a negative amount at axis %d", i);
    }
    *in->out = *in->hint;
    return true;
}

static bool infer_window(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0);
    if (nattr != 4 || attr[0] < 0 || attr[0] >= x->rank)
        return refuse(in, "no such axis");
    if (x->rank == CR_MAX_RANK)
        return refuse(in, "rank above %d", CR_MAX_RANK);
    const int64_t size = attr[1], stride = attr[2], dilation = attr[3], extent = x->dim[attr[0]];
    if (!cr_dim_literal(extent))
        return refuse(in, "axis %d has a symbolic size", (int)attr[0]);
    if (size < 1 || stride < 1 || dilation < 1 || stride > INT32_MAX || dilation > INT32_MAX)
        return refuse(in, "size, stride and dilation must be from 1 on");
    if (size > extent || (size - 1) * dilation >= extent)
        return refuse(in, "a window over %lld elements does not fit into axis %d of size %lld",
                      (long long)((CR_MIN(size, extent + 1) - 1) * dilation + 1), (int)attr[0],
                      (long long)extent);
    *in->out = *x;
    in->out->dim[attr[0]] = (extent - (size - 1) * dilation - 1) / stride + 1;
    in->out->dim[in->out->rank++] = size;
    return true;
}

static bool infer_flip(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0);
    if (nattr != 1 || attr[0] < 0 || attr[0] >> x->rank)
        return refuse(in, "axes beyond rank %d", x->rank);
    for (int i = 0; i < x->rank; i++)
        if ((attr[0] >> i & 1) && !cr_dim_literal(x->dim[i]))
            return refuse(in, "axis %d has a symbolic size", i);
    *in->out = *x;
    return true;
}

static bool infer_concat(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0), *y = source(in, 1);
    if (type(in, 0) != type(in, 1))
        return refuse(in, "types %s and %s differ", cr_dtype_name(type(in, 0)),
                      cr_dtype_name(type(in, 1)));
    if (nattr != 1 || attr[0] < 0 || attr[0] >= x->rank || x->rank != y->rank)
        return refuse(in, "needs equal ranks and an axis below them");
    *in->out = *x;
    for (int i = 0; i < x->rank; i++) {
        if (i != attr[0] && x->dim[i] != y->dim[i])
            return refuse(in, "sizes of axis %d differ", i);
        if (i != attr[0])
            continue;
        if (!cr_dim_literal(x->dim[i]) || !cr_dim_literal(y->dim[i]))
            return refuse(in, "axis %d has a symbolic size", i);
        in->out->dim[i] = x->dim[i] + y->dim[i];
    }
    return true;
}

static bool infer_matmul(const struct infer *in)
{
    const cr_shape *x = source(in, 0), *y = source(in, 1);
    char a[64], b[64];
    int r = x->rank;
    if (type(in, 0) != CR_F32 || type(in, 1) != CR_F32)
        return refuse(in, "both operands must be f32");
    if (r < 2 || y->rank < 2)
        return refuse(in, "operands need at least two axes");
    if (x->dim[r - 1] != y->dim[y->rank - 2])
        return refuse(in, "inner dimensions %s and %s differ", dim_text(in, x->dim[r - 1], a),
                      dim_text(in, y->dim[y->rank - 2], b));
    if (r != y->rank || memcmp(x->dim, y->dim, (size_t)(r - 2) * sizeof x->dim[0]) != 0)
        return refuse(in, "leading axes differ");
    *in->out = *x;
    in->out->dim[r - 1] = y->dim[r - 1];
    return true;
}

/* One spatial axis of a convolution: how many places the kernel has. */
static bool infer_places(const struct infer *in, int axis, const int64_t *attr, int spatial,
                         int64_t *places)
{
    const int64_t extent = source(in, 0)->dim[1 + axis], k = source(in, 1)->dim[axis];
    const int64_t stride = attr[1 + axis], dilation = attr[1 + spatial + axis],
                  before = attr[1 + 2 * spatial + axis], after = attr[1 + 3 * spatial + axis];
    if (!cr_dim_literal(extent) || !cr_dim_literal(k))
        return refuse(in, "spatial axis %d has a symbolic size", axis);
    if (stride < 1 || dilation < 1 || stride > INT32_MAX || dilation > INT32_MAX)
        return refuse(in, "stride and dilation must be from 1 on");
    if (before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX)
        return refuse(in, "negative or too much padding at spatial axis %d", axis);
    int64_t padded = extent + before + after;
    if (k > padded || (k - 1) * dilation >= padded)
        return refuse(in,
                      "a kernel of %lld with dilation %lld does not fit into spatial axis %d, of "
                      "size %lld with its padding",
                      (long long)k, (long long)dilation, axis, (long long)padded);
    *places = (padded - (k - 1) * dilation - 1) / stride + 1;
    return true;
}

static bool infer_conv(const struct infer *in, const int64_t *attr, uint32_t nattr)
{
    const cr_shape *x = source(in, 0), *w = source(in, 1);
    const int spatial = x->rank - 2;
    char a[64], b[64];
    if (type(in, 0) != CR_F32 || type(in, 1) != CR_F32)
        return refuse(in, "both operands must be f32");
    if (spatial < 1 || spatial > 2 || w->rank != x->rank)
        return refuse(in, "needs x [n, s..., c] and w [k..., c / groups, f] with one or two "
                          "spatial axes");
    if (nattr != 1 + 4 * (uint32_t)spatial)
        return refuse(in, "needs stride, dilation, before and after for %d spatial axes", spatial);
    const cr_dim c = x->dim[x->rank - 1], part = w->dim[spatial], f = w->dim[spatial + 1];
    if (!cr_dim_literal(c) || !cr_dim_literal(part) || !cr_dim_literal(f))
        return refuse(in, "the numbers of channels must be literal");
    if (attr[0] < 1 || c % attr[0] || f % attr[0])
        return refuse(in, "%lld groups do not divide %lld channels of x and %lld of the result",
                      (long long)attr[0], (long long)c, (long long)f);
    if (part * attr[0] != c)
        return refuse(in, "x has %s channels in %lld groups, and w is for %s a group",
                      dim_text(in, c, a), (long long)attr[0], dim_text(in, part, b));
    *in->out = *x;
    in->out->dim[x->rank - 1] = f;
    for (int i = 0; i < spatial; i++)
        if (!infer_places(in, i, attr, spatial, &in->out->dim[1 + i]))
            return false;
    return true;
}

static bool infer_gather(const struct infer *in)
{
    const cr_shape *table = source(in, 0), *index = source(in, 1);
    if (type(in, 1) != CR_I32)
        return refuse(in, "the index must be i32, not %s", cr_dtype_name(type(in, 1)));
    if (table->rank < 1)
        return refuse(in, "the table needs at least one axis");
    if (index->rank + table->rank - 1 > CR_MAX_RANK)
        return refuse(in, "rank above %d", CR_MAX_RANK);
    *in->out = *index;
    for (int i = 1; i < table->rank; i++)
        in->out->dim[in->out->rank++] = table->dim[i];
    return true;
}

static bool infer_random(const struct infer *in)
{
    for (int i = 0; i < 2; i++)
        if (type(in, i) != CR_I32 || source(in, i)->rank != 0)
            return refuse(in, "seed and step must be i32 scalars");
    if (!check_shape(in, in->hint))
        return false;
    *in->out = *in->hint;
    return true;
}

static bool infer_given(const struct infer *in)
{
    if (!check_shape(in, in->hint))
        return false;
    *in->out = *in->hint;
    return true;
}

static bool infer_root(const struct infer *in)
{
    if (in->n->op == CR_OP_ASSIGN) {
        if (cr_at(in->g, in->n->src[0])->op != CR_OP_STATE)
            return refuse(in, "the first operand must be a state");
        if (type(in, 0) != type(in, 1) || !cr_shape_equal(source(in, 0), source(in, 1)))
            return refuse(in, "the state and its next value differ in type or shape");
    }
    *in->out = *source(in, 0);
    return true;
}

static bool infer(const struct infer *in)
{
    const cr_graph *g = in->g;
    cr_node *n = in->n;
    cr_shape *shape = in->out;
    /* attr ids are set by the caller before, since slices and the like are read from them */
    const cr_attr *a = &g->attr.at[n->attr];
    memset(shape, 0, sizeof *shape);
    if (n->nsrc && n->op != CR_OP_cast)
        n->dtype = cr_at(g, n->src[0])->dtype; /* what movement and copies keep */
    switch (cr_kind_of(n)) {
    case CR_KIND_EW: return infer_elementwise(in);
    case CR_KIND_RED: return infer_reduction(in, a->at, a->len);
    case CR_KIND_ROOT: return infer_root(in);
    case CR_KIND_COPY: *shape = *source(in, 0); return true;
    default: break;
    }
    switch (n->op) {
    case CR_OP_CONST: return true;
    case CR_OP_SIZE: n->dtype = CR_I32; return true;
    case CR_OP_INPUT:
    case CR_OP_STATE: return infer_given(in);
    case CR_OP_reshape: return infer_reshape(in);
    case CR_OP_permute: return infer_permute(in, a->at, a->len);
    case CR_OP_expand: return infer_expand(in);
    case CR_OP_slice: return infer_slice(in, a->at, a->len);
    case CR_OP_pad: return infer_pad(in, a->at, a->len);
    case CR_OP_window: return infer_window(in, a->at, a->len);
    case CR_OP_flip: return infer_flip(in, a->at, a->len);
    case CR_OP_concat: return infer_concat(in, a->at, a->len);
    case CR_OP_matmul: return infer_matmul(in);
    case CR_OP_conv: return infer_conv(in, a->at, a->len);
    case CR_OP_gather: return infer_gather(in);
    case CR_OP_cast: *shape = *source(in, 0); return true;
    case CR_OP_iota:
        n->dtype = CR_I32;
        if (!infer_given(in))
            return false;
        if (a->len != 1 || a->at[0] < 0 || a->at[0] >= shape->rank)
            return refuse(in, "no such axis");
        return true;
    case CR_OP_random: n->dtype = CR_F32; return infer_random(in);
    default: return refuse(in, "is not an op that can be built");
    }
}

bool cr_infer(const cr_graph *g, cr_node *n, const cr_shape *hint, cr_shape *shape, char *why,
              size_t why_size)
{
    struct infer in = {g, n, hint, shape, why, why_size};
    return infer(&in) && check_shape(&in, shape);
}

static cr_ref make(cr_graph *g, cr_node *n, const cr_shape *hint)
{
    cr_shape out;
    char why[256] = "";
    for (int i = 0; i < n->nsrc; i++)
        if (!n->src[i])
            return 0;
    if (n->nsrc)
        n->space = cr_at(g, n->src[0])->space;
    if (!cr_infer(g, n, hint, &out, why, sizeof why)) {
        fprintf(stderr, "crisol: %s: %s\n", cr_ops[n->op].name, why);
        CR_ASSERT(!"a pass built a node that is not well-formed");
    }
    n->shape = cr_intern_shape(g, &out);
    return cr_node_make(g, n);
}

cr_ref cr_apply(cr_graph *g, cr_op op, const cr_ref *src, uint32_t nsrc, const cr_shape *shape,
                const int64_t *attr, uint32_t nattr)
{
    cr_node n = {.op = (uint8_t)op, .nsrc = (uint8_t)nsrc};
    for (uint32_t i = 0; i < nsrc; i++)
        n.src[i] = src[i];
    n.attr = cr_intern_attr(g, attr, nattr);
    return make(g, &n, shape);
}
