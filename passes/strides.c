/* strides.c - index maps as digits and strides. */
#include "strides.h"

static void row_major(const cr_shape *s, cr_strides *out)
{
    int64_t stride = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        out->axis[i] = (cr_digits){.n = s->dim[i] > 1, .extent = {s->dim[i]}, .stride = {stride}};
        stride *= s->dim[i];
    }
}

/* Adds a digit behind those that are there; one that goes on where the last ends is part of it. */
static bool push(cr_digits *d, int64_t extent, int64_t stride)
{
    if (extent == 1)
        return true;
    if (d->n && d->stride[d->n - 1] == extent * stride) {
        d->extent[d->n - 1] *= extent;
        d->stride[d->n - 1] = stride;
        return true;
    }
    if (d->n == CR_MAX_DIGITS)
        return false;
    d->extent[d->n] = extent;
    d->stride[d->n++] = stride;
    return true;
}

/* The digits of all axes, innermost first, are dealt out again to the axes of `to`. False where an
 * axis' edge is inside a digit that it does not divide. */
static bool reshape(const cr_strides *from, int rank, const cr_shape *to, cr_strides *out)
{
    int axis = rank - 1, digit = 0;
    int64_t left = 0, stride = 0; /* of the digit that is being dealt out */
    for (int i = to->rank - 1; i >= 0; i--) {
        cr_digits reversed = {0};
        for (int64_t want = to->dim[i]; want > 1;) {
            while (left <= 1 && axis >= 0) {
                const cr_digits *d = &from->axis[axis];
                if (digit < d->n) {
                    digit++;
                    left = d->extent[d->n - digit], stride = d->stride[d->n - digit];
                } else {
                    axis--, digit = 0;
                }
            }
            int64_t take = left <= want ? left : want;
            if (take <= 1 || want % take || left % take || reversed.n == CR_MAX_DIGITS)
                return false;
            reversed.extent[reversed.n] = take;
            reversed.stride[reversed.n++] = stride;
            want /= take, left /= take, stride *= take;
        }
        out->axis[i].n = 0;
        for (int k = reversed.n; k-- > 0;)
            if (!push(&out->axis[i], reversed.extent[k], reversed.stride[k]))
                return false;
    }
    return true;
}

/* Fewer elements of an axis are digits still where it has one digit. */
static bool shorten(cr_digits *d, int64_t size, int64_t was)
{
    if (size == was)
        return true;
    if (d->n > 1)
        return false;
    d->extent[0] = size;
    d->n = size > 1;
    return true;
}

static bool window(const int64_t *attr, const cr_shape *from, const cr_shape *to, cr_strides *s)
{
    cr_digits *d = &s->axis[attr[0]];
    int64_t stride = d->n ? d->stride[0] : 0;
    if (d->n > 1)
        return false;
    cr_digits *last = &s->axis[from->rank];
    *last = (cr_digits){.n = attr[1] > 1, .extent = {attr[1]}, .stride = {stride * attr[3]}};
    *d = (cr_digits){
        .n = to->dim[attr[0]] > 1, .extent = {to->dim[attr[0]]}, .stride = {stride * attr[2]}};
    return true;
}

/* From the strides of n's source to those of n; false where they cannot be told. */
static bool step(const cr_graph *g, cr_ref r, cr_strides *s)
{
    const cr_node *n = cr_at(g, r);
    const cr_attr *a = cr_attr_of(g, r);
    const cr_shape *from = cr_shape_of(g, n->src[0]), *to = cr_shape_of(g, r);
    const cr_strides old = *s;
    bool ok = true;
    switch (n->op) {
    case CR_OP_reshape: return reshape(&old, from->rank, to, s);
    case CR_OP_permute:
        for (int i = 0; i < to->rank; i++)
            s->axis[i] = old.axis[a->at[i]];
        return true;
    case CR_OP_expand:
        for (int i = 0; i < to->rank; i++) {
            int k = i - (to->rank - from->rank);
            s->axis[i] = k < 0 || from->dim[k] != to->dim[i]
                             ? (cr_digits){.n = to->dim[i] > 1, .extent = {to->dim[i]}}
                             : old.axis[k];
        }
        return true;
    case CR_OP_slice:
        for (int i = 0; i < to->rank; i++)
            ok &= shorten(&s->axis[i], to->dim[i], from->dim[i]);
        return ok;
    case CR_OP_flip:
        for (int i = 0; i < to->rank; i++)
            for (int k = 0; (a->at[0] >> i & 1) && k < s->axis[i].n; k++)
                s->axis[i].stride[k] = -old.axis[i].stride[k];
        return true;
    case CR_OP_window: return window(a->at, from, to, s);
    default: return false;
    }
}

static bool is_loaded(const cr_phase *p, cr_ref r)
{
    for (uint32_t i = 0; i < p->nload; i++)
        if (p->load[i] == r)
            return true;
    return false;
}

/* Of what an op computes from, the operand that is not spread out. */
static cr_ref main_source(const cr_graph *g, const cr_node *n)
{
    int next = 0;
    while (cr_kind_of(n) == CR_KIND_EW && next + 1 < n->nsrc &&
           cr_at(g, n->src[next])->op == CR_OP_expand)
        next++;
    return n->src[next];
}

void cr_strides_of(const cr_graph *g, const cr_phase *p, cr_ref r, cr_strides *out)
{
    const cr_node *n = cr_at(g, r);
    if (is_loaded(p, r) || n->nsrc == 0) {
        row_major(cr_shape_of(g, r), out);
        out->gathered = false;
        out->direct = n->nsrc == 0 ? is_loaded(p, r) : true;
        out->f32 = out->direct && n->dtype == CR_F32;
        return;
    }
    const bool same_elements = cr_kind_of(n) == CR_KIND_EW || n->op == CR_OP_cast;
    if (same_elements || cr_kind_of(n) == CR_KIND_MOV) {
        cr_strides_of(g, p, same_elements ? main_source(g, n) : n->src[0], out);
        out->direct &= !same_elements;
        if (same_elements || step(g, r, out))
            return;
        out->direct = out->direct && n->op != CR_OP_pad && n->op != CR_OP_concat;
        row_major(cr_shape_of(g, r), out);
        return;
    }
    row_major(cr_shape_of(g, r), out);
    out->direct = out->f32 = false;
    out->gathered = n->op == CR_OP_gather;
}

int cr_refine(const cr_digits *a, const cr_digits *b, int64_t size, int64_t *out, int max)
{
    int64_t edge[2 * CR_MAX_DIGITS + 2];
    int n = 0;
    const cr_digits *both[2] = {a, b};
    for (int64_t last = 1; last < size;) { /* the edges of both, ascending */
        int64_t next = size;
        for (int k = 0; k < 2; k++) {
            int64_t inner = 1;
            for (int i = both[k]->n; i-- > 0;) {
                inner *= both[k]->extent[i];
                if (inner > last && inner < next)
                    next = inner;
            }
        }
        if (next % last)
            return cr_refine(a, a, size, out, max); /* whose edges divide each other */
        edge[n++] = next / last;
        last = next;
    }
    if (n > max)
        return 0;
    for (int i = 0; i < n; i++)
        out[i] = edge[n - 1 - i];
    return n;
}
