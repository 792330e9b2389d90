/* emit.c - where statements go and what is known there: scopes, names, memo, indices, memory. */
#include "emit.h"

/* What is known: element `at` of node r is in val, until scope val.scope closes. */
typedef struct cr_memo {
    cr_ref r;
    int rank, valid;
    cr_ix at[CR_MAX_RANK];
    cr_val val;
} cr_memo_entry;

/* ---- scopes --------------------------------------------------------------------------------- */

cr_scope *cr_emit_open(cr_emit *e)
{
    cr_scope *s = cr_arena_alloc(&e->arena, sizeof *s);
    CR_ASSERT(s);
    s->parent = e->now;
    s->depth = e->now ? e->now->depth + 1 : 0;
    e->now = s;
    return s;
}

static void indent(cr_strbuf *out, int depth)
{
    for (int i = 0; i <= depth; i++)
        cr_str_add(out, "    ");
}

void cr_emit_line(cr_emit *e, cr_scope *s, const char *fmt, ...)
{
    va_list ap;
    indent(&s->text, s->depth);
    va_start(ap, fmt);
    cr_str_vprintf(&s->text, fmt, ap);
    va_end(ap);
    cr_str_add(&s->text, "\n");
    e->failed |= s->text.failed;
}

void cr_emit_close(cr_emit *e, const char *head)
{
    cr_scope *s = e->now, *parent = s->parent;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e->memo.len; i++)
        if (e->memo.at[i].val.scope != s)
            e->memo.at[kept++] = e->memo.at[i];
    e->memo.len = kept;
    cr_emit_line(e, parent, "%s", head);
    cr_str_add(&parent->text, cr_str_text(&s->text));
    cr_emit_line(e, parent, "}");
    cr_str_finish(&s->text);
    e->now = parent;
}

static bool encloses(const cr_scope *outer, const cr_scope *inner)
{
    while (inner && inner != outer)
        inner = inner->parent;
    return outer == NULL || inner == outer;
}

/* ---- names and types ------------------------------------------------------------------------ */

const char *cr_emit_name(cr_emit *e, const char *prefix)
{
    char *name = cr_arena_printf(&e->arena, "%s%u", prefix, e->next_name++);
    CR_ASSERT(name);
    return name;
}

const char *cr_emit_type(cr_emit *e, cr_dtype dtype, int width)
{
    const char *base = dtype == CR_F32 ? "float" : "int";
    return width == 1 ? base : cr_arena_printf(&e->arena, "%s%d", base, width);
}

static const char *memory_type(cr_dtype dtype)
{
    return dtype == CR_F32 ? "float" : dtype == CR_I32 ? "int" : "uchar";
}

const char *cr_emit_ix(cr_emit *e, cr_ix x, bool vector)
{
    cr_strbuf s = {0};
    cr_ix_text(e->ix, x, vector ? e->lanes : NULL, &s);
    const char *text = cr_arena_strdup(&e->arena, cr_str_text(&s));
    cr_str_finish(&s);
    CR_ASSERT(text);
    e->used_lanes |= vector && strstr(text, e->lanes);
    return text;
}

/* A variable in the outermost scope that knows what it is made of. */
cr_val cr_emit_define(cr_emit *e, cr_scope *s, const char *prefix, cr_dtype dtype, int width,
                      const char *text)
{
    cr_val v = {cr_emit_name(e, prefix), dtype, width,
                cr_scope_inner(s, e->floor ? e->floor : e->root)};
    cr_emit_line(e, v.scope, "const %s %s = %s;", cr_emit_type(e, dtype, width), v.text, text);
    return v;
}

/* ---- memo ----------------------------------------------------------------------------------- */

bool cr_emit_recall(cr_emit *e, cr_ref r, const cr_ix *at, int rank, cr_val *out)
{
    for (uint32_t i = e->memo.len; i-- > 0;) {
        const cr_memo_entry *m = &e->memo.at[i];
        if (m->r != r || m->rank != rank || m->valid != e->valid)
            continue;
        if (memcmp(m->at, at, (size_t)rank * sizeof *at) != 0 || !encloses(m->val.scope, e->now))
            continue;
        *out = m->val;
        return true;
    }
    return false;
}

void cr_emit_remember(cr_emit *e, cr_ref r, const cr_ix *at, int rank, cr_val v)
{
    cr_memo_entry m = {.r = r, .rank = rank, .valid = e->valid, .val = v};
    memcpy(m.at, at, (size_t)rank * sizeof *at);
    if (!cr_vec_push(&e->memo, m))
        e->failed = true;
}

void cr_emit_bind(cr_emit *e, cr_ref r, const cr_ix *at, const char *text, int width)
{
    cr_val v = {text, (cr_dtype)cr_at(e->graph, r)->dtype, width, e->now};
    cr_emit_remember(e, r, at, cr_shape_of(e->graph, r)->rank, v);
}

/* ---- widths --------------------------------------------------------------------------------- */

cr_val cr_emit_widen(cr_emit *e, cr_val v)
{
    if (v.width == e->width)
        return v;
    const char *type = cr_emit_type(e, v.dtype, e->width);
    const char *sign = v.dtype == CR_BOOL ? "-" : ""; /* 1 in a scalar is -1 in a lane */
    v.text = cr_arena_printf(&e->arena, "(%s)(%s%s)", type, sign, v.text);
    v.width = e->width;
    return v;
}

/* ---- indices -------------------------------------------------------------------------------- */

cr_ix cr_emit_linear(cr_emit *e, const cr_shape *s, const cr_ix *at)
{
    cr_ix sum = cr_ix_const(e->ix, 0);
    int64_t stride = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        sum = cr_ix_add(e->ix, sum, cr_ix_mul(e->ix, at[i], stride));
        stride *= s->dim[i];
    }
    return sum;
}

void cr_emit_delinear(cr_emit *e, const cr_shape *s, cr_ix x, cr_ix *at)
{
    for (int i = s->rank - 1; i > 0; i--) {
        at[i] = cr_ix_mod(e->ix, x, s->dim[i]);
        x = cr_ix_div(e->ix, x, s->dim[i]);
    }
    if (s->rank > 0)
        at[0] = s->dim[0] == 1 ? cr_ix_const(e->ix, 0) : x;
}

void cr_emit_index_of(cr_emit *e, cr_ref r, const cr_shape *domain, const cr_ix *at, cr_ix *out)
{
    const cr_shape *s = cr_shape_of(e->graph, r);
    if (cr_shape_equal(s, domain)) {
        memcpy(out, at, sizeof *at * (size_t)s->rank);
    } else if (cr_shape_count(e->graph, s) == cr_shape_count(e->graph, domain)) {
        cr_emit_delinear(e, s, cr_emit_linear(e, domain, at), out);
    } else { /* one element for each parallel index */
        cr_shape rows = {0};
        cr_ix coord[CR_MAX_RANK];
        for (int i = 0; i < domain->rank; i++) {
            if (!(e->phase->parallel >> i & 1))
                continue;
            coord[rows.rank] = at[i];
            rows.dim[rows.rank++] = domain->dim[i];
        }
        cr_emit_delinear(e, s, cr_emit_linear(e, &rows, coord), out);
    }
}

/* ---- memory --------------------------------------------------------------------------------- */

const char *cr_emit_pointer(cr_emit *e, uint32_t id)
{
    const cr_buffer *b = &e->plan->buffer.at[id];
    const char *name =
        cr_arena_printf(&e->arena, "%s_%u", cr_ops[cr_at(e->graph, b->value)->op].name, b->value);
    for (uint32_t i = 0; i < e->pointer.len; i++)
        if (e->pointer.at[i] == id)
            return name;
    bool written = false;
    for (uint32_t i = 0; i < e->phase->nstore; i++) {
        const cr_plan_store *s = &e->phase->store[i];
        cr_ref place = s->assign ? cr_at(e->graph, s->assign)->src[0] : s->value;
        written |= place == b->value;
    }
    const char *type = memory_type((cr_dtype)cr_at(e->graph, b->value)->dtype),
               *constant = written ? "" : "const ";
    char memory[24];
    cr_str_printf(e->declared, "    global %s%s *%s = (global %s%s *)(%s + %llu);\n", constant,
                  type, name, constant, type,
                  cr_emit_memory_name(e->plan, b->memory, memory, sizeof memory),
                  (unsigned long long)b->offset);
    e->memories |= 1ull << b->memory;
    if (!cr_vec_push(&e->pointer, id))
        e->failed = true;
    return name;
}

static const char *lanes_of(cr_emit *e, const char *pointer, const char *offsets, cr_dtype dtype)
{
    cr_strbuf s = {0};
    for (int i = 0; i < e->width; i++) {
        if (i < e->valid)
            cr_str_printf(&s, "%s%s[%s.s%x]", i ? ", " : "", pointer, offsets, (unsigned)i);
        else
            cr_str_printf(&s, "%s%s", i ? ", " : "", dtype == CR_F32 ? "0.0f" : "0");
    }
    const char *text = cr_arena_strdup(&e->arena, cr_str_text(&s));
    cr_str_finish(&s);
    return text;
}

/* Which element of the buffer of `r` the one at `at` is. */
static cr_ix element(cr_emit *e, cr_ref r, const cr_ix *at)
{
    const cr_shape *s = cr_shape_of(e->graph, r);
    const int64_t panel = e->plan->buffer.at[e->plan->buffer_of[r]].panel;
    if (!panel)
        return cr_emit_linear(e, s, at);
    cr_shape rows = *s;
    rows.rank--;
    const cr_ix column = at[rows.rank], row = cr_emit_linear(e, &rows, at);
    const cr_ix first =
        cr_ix_mul(e->ix, cr_ix_div(e->ix, column, panel), cr_shape_count(e->graph, &rows) * panel);
    return cr_ix_add(e->ix, cr_ix_add(e->ix, first, cr_ix_mul(e->ix, row, panel)),
                     cr_ix_mod(e->ix, column, panel));
}

cr_val cr_emit_load(cr_emit *e, cr_ref r, const cr_ix *at)
{
    r = cr_plan_source(e->plan, e->phase, r);
    const cr_node *n = cr_at(e->graph, r);
    const cr_dtype dtype = (cr_dtype)n->dtype;
    const char *p = cr_emit_pointer(e, e->plan->buffer_of[r]);
    cr_ix x = element(e, r, at);
    cr_scope *s = cr_ix_scope(e->ix, x);
    bool narrow = dtype == CR_U8 || dtype == CR_BOOL;
    const char *truth = dtype == CR_BOOL ? " != 0" : "", *text;
    int64_t stride;
    if (!cr_ix_has_lane(e->ix, x)) {
        text = cr_arena_printf(&e->arena, "%s[%s]%s", p, cr_emit_ix(e, x, false), truth);
        return cr_emit_define(e, s, "v", dtype, 1, text);
    }
    if (cr_ix_stride(e->ix, x, &stride) && stride == 1) {
        const char *convert = narrow ? cr_arena_printf(&e->arena, "convert_int%d(", e->width) : "";
        const char *base = cr_emit_ix(e, x, false);
        text = cr_arena_printf(&e->arena, "%svload%d(0, %s + %s)%s%s", convert, e->width, p, base,
                               narrow ? ")" : "", truth);
    } else {
        cr_val offset = cr_emit_define(e, s, "o", CR_I32, e->width, cr_emit_ix(e, x, true));
        text = cr_arena_printf(&e->arena, "(%s)(%s)%s", cr_emit_type(e, dtype, e->width),
                               lanes_of(e, p, offset.text, dtype), truth);
    }
    return cr_emit_define(e, s, "v", dtype, e->width, text);
}

void cr_emit_put(cr_emit *e, const char *space, const char *type, const char *pointer, bool aligned,
                 cr_ix at, const char *value)
{
    const char *index = cr_emit_ix(e, at, false);
    if (aligned && cr_ix_is_multiple(e->ix, at, e->width))
        cr_emit_line(e, e->now, "*(%s %s *)(%s + %s) = %s;", space, type, pointer, index, value);
    else
        cr_emit_line(e, e->now, "vstore%d(%s, 0, %s + %s);", e->width, value, pointer, index);
}

static const char *to_memory(cr_emit *e, cr_val v)
{
    if (v.dtype == CR_F32 || v.dtype == CR_I32)
        return v.text;
    const char *mask = v.dtype == CR_BOOL ? " & 1" : "";
    if (v.width == 1)
        return cr_arena_printf(&e->arena, "(uchar)(%s%s)", v.text, mask);
    return cr_arena_printf(&e->arena, "convert_uchar%d(%s%s)", v.width, v.text, mask);
}

/* The first `valid` lanes of a vector, in pieces of 8, 4, 2 and 1. */
static void store_pieces(cr_emit *e, const char *p, const char *at, const char *v)
{
    int done = 0;
    for (int piece = 8; piece >= 1; piece /= 2) {
        if (e->valid - done < piece)
            continue;
        char lanes[17];
        for (int i = 0; i < piece; i++)
            lanes[i] = "0123456789abcdef"[done + i];
        lanes[piece] = 0;
        if (piece == 1)
            cr_emit_line(e, e->now, "%s[%s + %d] = %s.s%s;", p, at, done, v, lanes);
        else
            cr_emit_line(e, e->now, "vstore%d(%s.s%s, 0, %s + %s + %d);", piece, v, lanes, p, at,
                         done);
        done += piece;
    }
}

void cr_emit_store(cr_emit *e, const cr_plan_store *store, const cr_ix *at, cr_val v)
{
    cr_ref place = store->assign ? cr_at(e->graph, store->assign)->src[0] : store->value;
    const uint32_t buffer = e->plan->buffer_of[place];
    const char *p = cr_emit_pointer(e, buffer);
    cr_ix x = element(e, place, at);
    int64_t stride;
    if (!cr_ix_has_lane(e->ix, x)) {
        CR_ASSERT(v.width == 1);
        cr_emit_line(e, e->now, "%s[%s] = %s;", p, cr_emit_ix(e, x, false), to_memory(e, v));
        return;
    }
    v = cr_emit_widen(e, v);
    const char *type = cr_arena_printf(&e->arena, "%s%d", memory_type(v.dtype), e->width);
    bool contiguous = cr_ix_stride(e->ix, x, &stride) && stride == 1;
    if (contiguous && e->valid == e->width) {
        const uint64_t vector = (uint64_t)e->width * cr_dtype_size(v.dtype);
        cr_emit_put(e, "global", type, p, e->plan->buffer.at[buffer].offset % vector == 0, x,
                    to_memory(e, v));
        return;
    }
    const char *name = cr_emit_name(e, "s");
    cr_emit_line(e, e->now, "const %s %s = %s;", type, name, to_memory(e, v));
    if (contiguous) {
        store_pieces(e, p, cr_emit_ix(e, x, false), name);
        return;
    }
    cr_val offset = cr_emit_define(e, e->now, "o", CR_I32, e->width, cr_emit_ix(e, x, true));
    for (int i = 0; i < e->valid; i++)
        cr_emit_line(e, e->now, "%s[%s.s%x] = %s.s%x;", p, offset.text, (unsigned)i, name,
                     (unsigned)i);
}
