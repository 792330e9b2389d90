/* summary.c - a model as a table, a value as text. */
#include <inttypes.h>

#include "crisol/nn.h"
#include "ir.h"

/* ---- the model ------------------------------------------------------------------------------- */

/* Length of a parameter's layer: its name up to the last dot, or all of it. */
static size_t layer_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static bool is_param(const cr_graph *g, cr_ref r)
{
    return cr_at(g, r)->op == CR_OP_STATE && cr_attr_of(g, r)->at[1];
}

/* Does u only prepare a parameter for its use: move it, or make something of its size of it? */
static bool is_preparation(const cr_graph *g, cr_ref u, cr_ref param)
{
    const cr_op_kind kind = cr_kind_of(cr_at(g, u));
    return kind == CR_KIND_MOV ||
           (kind == CR_KIND_EW && cr_count_of(g, u) == cr_count_of(g, param));
}

/* What the first op that uses a parameter makes of it: a layer's result. */
static cr_ref first_use(const cr_graph *g, cr_ref param)
{
    cr_ref r = param;
    for (cr_ref u = r + 1; u < g->node.len; u++) {
        const cr_node *n = cr_at(g, u);
        for (int i = 0; i < n->nsrc; i++) {
            if (n->src[i] != r)
                continue;
            if (!is_preparation(g, u, param))
                return cr_is_root(n) ? 0 : u;
            r = u;
            break;
        }
    }
    return 0;
}

/* "w [784,256], b [256]" of the parameters from r on that belong to the same layer; marks them. */
static int64_t layer_params(const cr_graph *g, cr_ref first, bool *seen, cr_strbuf *out)
{
    const char *layer = cr_name_of(g, first);
    size_t len = layer_length(layer);
    int64_t count = 0;
    for (cr_ref r = first; r < g->node.len; r++) {
        const char *name = cr_name_of(g, r);
        if (!is_param(g, r) || seen[r] || layer_length(name) != len ||
            memcmp(name, layer, len) != 0)
            continue;
        char type[CR_TYPE_TEXT];
        cr_type_text(g, CR_F32, cr_shape_of(g, r), type);
        const char *last = name[len] == '.' ? name + len + 1 : name;
        cr_str_printf(out, "%s%s %s", count ? ", " : "", last, type + strlen("f32"));
        seen[r] = true;
        count += cr_count_of(g, r);
    }
    return count;
}

static void result_text(const cr_graph *g, cr_ref param, char out[CR_TYPE_TEXT])
{
    cr_ref use = first_use(g, param);
    snprintf(out, CR_TYPE_TEXT, "-");
    if (use)
        cr_type_text(g, (cr_dtype)cr_at(g, use)->dtype, cr_shape_of(g, use), out);
}

/* The width of the column of names. */
static int longest_layer(const cr_graph *g)
{
    size_t most = 16;
    for (cr_ref r = 1; r < g->node.len; r++)
        if (is_param(g, r))
            most = CR_MAX(most, layer_length(cr_name_of(g, r)));
    return (int)CR_MIN(most, 200);
}

void cr_summary(const cr_graph *g, FILE *out)
{
    int64_t total = 0;
    bool *seen = cr_alloc(g->node.len);
    const int width = longest_layer(g);
    fprintf(out, "%-*s %-20s %-36s %12s\n", width, "layer", "result", "parameters", "count");
    for (cr_ref r = 1; seen && r < g->node.len; r++) {
        if (!is_param(g, r) || seen[r])
            continue;
        char result[CR_TYPE_TEXT];
        cr_strbuf params = {0};
        const char *name = cr_name_of(g, r);
        result_text(g, r, result);
        int64_t count = layer_params(g, r, seen, &params);
        fprintf(out, "%-*.*s %-20s %-36s %12" PRId64 "\n", width, (int)layer_length(name), name,
                result, cr_str_text(&params), count);
        total += count;
        cr_str_finish(&params);
    }
    fprintf(out, "%-*s %-20s %-36s %12" PRId64 "\n", width, "total", "", "", total);
    cr_free(seen);
}

/* ---- a value --------------------------------------------------------------------------------- */

static double element(cr_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case CR_F32: return (double)((const float *)data)[i];
    case CR_I32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

enum { EDGE = 4 }; /* elements shown at each end of an axis */

/* One axis in brackets; the middle of a long one is left out. */
static void print_axis(FILE *out, cr_dtype dtype, const cr_shape *s, const void *data, int axis,
                       int64_t offset, int64_t stride)
{
    if (axis == s->rank) {
        fprintf(out, "%.6g", element(dtype, data, offset));
        return;
    }
    const int64_t n = s->dim[axis], inner = stride / n;
    const bool last = axis == s->rank - 1;
    fputc('[', out);
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && last)
            fputc(' ', out);
        else if (i > 0)
            fprintf(out, "\n%*s", axis + 1, "");
        if (n > 2 * EDGE + 1 && i == EDGE) {
            fputs("...", out);
            i = n - EDGE - 1;
            continue;
        }
        print_axis(out, dtype, s, data, axis + 1, offset + i * inner, inner);
    }
    fputc(']', out);
}

static void print_value(FILE *out, const char *name, cr_dtype dtype, const cr_shape *s,
                        const char *type, const void *data, int64_t count)
{
    double lo = element(dtype, data, 0), hi = lo, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double v = element(dtype, data, i);
        lo = v < lo || v != v ? v : lo;
        hi = v > hi || v != v ? v : hi;
        sum += v;
    }
    fprintf(out, "%s %s: min %.6g, max %.6g, mean %.6g\n", name, type, lo, hi, sum / (double)count);
    print_axis(out, dtype, s, data, 0, 0, count);
    fputc('\n', out);
}

cr_status cr_print(cr_program *p, const char *name, cr_value v, FILE *out)
{
    if (!v.graph || !v.ref)
        return cr_fail(CR_E_ARGUMENT, "print \"%s\": the value is poison", name);
    const cr_graph *g = v.graph;
    cr_dtype dtype = (cr_dtype)cr_at(g, v.ref)->dtype;
    cr_shape s = *cr_shape_of(g, v.ref);
    char type[CR_TYPE_TEXT];
    cr_type_text(g, dtype, &s, type);
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = cr_dim_bind(g, s.dim[i], NULL);
    int64_t count = cr_count_of(g, v.ref);
    void *data = cr_alloc((size_t)count * cr_dtype_size(dtype));
    if (!data)
        return CR_E_MEMORY;
    cr_status status = cr_fetch(p, name, data, (size_t)count * cr_dtype_size(dtype));
    if (status == CR_OK)
        print_value(out, name, dtype, &s, type, data, count);
    cr_free(data);
    return status;
}
