/* dot.c - draws a graph for Graphviz.
 *
 * What makes a picture of 200 nodes legible: constants are written into the boxes that use them
 * (`mul ·, 0.5`); expand and reshape are no boxes but edges that say both shapes (`10 → 64×10`); an
 * assign is drawn without the edge to its state, which would run across the whole picture; nodes of
 * one op of the user share a frame, but a frame around a single box is left out; and leaves, roots,
 * spaces and transfers differ in color and form. */
#include "dot.h"
#include "text.h"

static const char page[] =
    "  graph [newrank=true, ranksep=0.35, nodesep=0.25, fontname=\"Helvetica\", "
    "fontsize=11, labelloc=t, labeljust=l];\n"
    "  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", "
    "fontsize=11, height=0.3, margin=\"0.12,0.05\", color=\"#5f6b7a\"];\n"
    "  edge [fontname=\"Helvetica\", fontsize=9, fontcolor=\"#5f6b7a\", "
    "color=\"#5f6b7a\", arrowsize=0.6];\n";

struct painter {
    const cr_graph *g;
    const struct cr_dot_options *o;
    cr_strbuf *out;
    cr_arena scratch;
    bool *live;        /* per node: a root reaches it, or all are asked for */
    bool *drawn;       /* per node: has a box */
    cr_ref *constant;  /* per node: the CONST or SIZE that it repeats; 0: it is no constant */
    cr_ref *shown;     /* per node: the node whose box stands for it; itself, or what it reshapes */
    uint32_t *cluster; /* per node: 1 + its cluster, or 0 */
    struct cr_dot_cluster *clusters;
    uint32_t nclusters;
};

/* ---- text ---------------------------------------------------------------------------------- */

/* Inside quotes. A backslash would start one of Graphviz's escapes. */
static void add_escaped(cr_strbuf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            cr_str_add(out, "\\");
        cr_str_addn(out, (unsigned char)*s < ' ' ? " " : s, 1);
    }
}

/* "batch×784", "i32 64"; nothing for an f32 scalar. */
static void add_shape(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    cr_dtype dtype = (cr_dtype)cr_at(g, r)->dtype;
    const cr_shape *s = cr_shape_of(g, r);
    if (dtype != CR_F32)
        cr_str_printf(out, "%s%s", cr_dtype_name(dtype), s->rank ? " " : "");
    for (int i = 0; i < s->rank; i++) {
        cr_strbuf dim = {0};
        cr_text_dim(&dim, g, s->dim[i]);
        cr_str_add(out, i ? "×" : "");
        add_escaped(out, cr_str_text(&dim));
        out->failed |= dim.failed;
        cr_str_finish(&dim);
    }
}

static void add_bytes(cr_strbuf *out, uint64_t bytes)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes;
    int i = -1;
    for (; n >= 1024 && i < 3; i++)
        n /= 1024;
    if (i < 0)
        cr_str_printf(out, "%llu B", (unsigned long long)bytes);
    else
        cr_str_printf(out, "%.*f %s", n < 10 ? 1 : 0, n, unit[i]);
}

static void add_constant(cr_strbuf *out, const cr_graph *g, cr_ref r)
{
    cr_strbuf text = {0};
    if (cr_at(g, r)->op == CR_OP_CONST)
        cr_text_value(&text, (cr_dtype)cr_at(g, r)->dtype, cr_attr_of(g, r)->at[0]);
    else
        cr_text_dim(&text, g, cr_attr_of(g, r)->at[0]);
    add_escaped(out, cr_str_text(&text));
    out->failed |= text.failed;
    cr_str_finish(&text);
}

/* ---- what is drawn ------------------------------------------------------------------------- */

static bool only_reshapes(const cr_node *n)
{
    return n->op == CR_OP_expand || n->op == CR_OP_reshape;
}

/* A constant, or a movement that only repeats one. */
static cr_ref constant_of(const struct painter *p, cr_ref r)
{
    const cr_node *n = cr_at(p->g, r);
    if (n->op == CR_OP_CONST || n->op == CR_OP_SIZE)
        return r;
    return only_reshapes(n) ? p->constant[n->src[0]] : 0;
}

/* A frame keeps what the caller put into it: across its border a movement stays a box. */
static void keep_across_frames(struct painter *p)
{
    const uint32_t *cluster = p->o->cluster;
    for (cr_ref r = 1; cluster && r < p->g->node.len; r++) {
        const cr_node *n = cr_at(p->g, r);
        for (int i = 0; i < n->nsrc; i++)
            if (p->live[r] && cluster[r] != cluster[n->src[i]])
                p->shown[n->src[i]] = n->src[i];
    }
}

static bool choose_nodes(struct painter *p)
{
    const cr_graph *g = p->g;
    p->live = cr_live_nodes(g, &p->scratch);
    p->drawn = cr_arena_alloc(&p->scratch, g->node.len * sizeof *p->drawn);
    p->constant = cr_arena_alloc(&p->scratch, g->node.len * sizeof *p->constant);
    p->shown = cr_arena_alloc(&p->scratch, g->node.len * sizeof *p->shown);
    if (!p->live || !p->drawn || !p->constant || !p->shown)
        return false;
    bool dead = p->o->all || g->root.len == 0;
    for (cr_ref r = 1; r < g->node.len; r++) {
        p->live[r] |= dead;
        bool hidden = !p->o->all && only_reshapes(cr_at(g, r));
        p->shown[r] = hidden ? 0 : r;
        p->constant[r] = constant_of(p, r);
    }
    keep_across_frames(p);
    for (cr_ref r = 1; r < g->node.len; r++) {
        if (!p->shown[r])
            p->shown[r] = p->shown[cr_at(g, r)->src[0]];
        p->drawn[r] = p->live[r] && !p->constant[r] && p->shown[r] == r;
    }
    return true;
}

/* Frames for those ops of the user that have more than one box. */
static bool cluster_by_origin(struct painter *p)
{
    const cr_graph *g = p->g;
    uint32_t *boxes = cr_arena_alloc(&p->scratch, g->origins.len * sizeof *boxes);
    uint32_t *id = cr_arena_alloc(&p->scratch, g->origins.len * sizeof *id);
    p->cluster = cr_arena_alloc(&p->scratch, g->node.len * sizeof *p->cluster);
    p->clusters = cr_arena_alloc(&p->scratch, g->origins.len * sizeof *p->clusters);
    if (!boxes || !id || !p->cluster || !p->clusters)
        return false;
    for (cr_ref r = 1; r < g->node.len; r++)
        boxes[g->origin.at[r]] += p->drawn[r];
    for (uint32_t i = 1; i < g->origins.len; i++) {
        const cr_origin *o = &g->origins.at[i];
        if (boxes[i] < 2)
            continue;
        const char *file = o->at.file ? strrchr(o->at.file, '/') : NULL;
        file = file ? file + 1 : o->at.file;
        p->clusters[p->nclusters].label =
            file ? cr_arena_printf(&p->scratch, "%s   %s:%d", g->string.at[o->name], file,
                                   o->at.line)
                 : g->string.at[o->name];
        if (!p->clusters[p->nclusters].label)
            return false;
        id[i] = ++p->nclusters;
    }
    for (cr_ref r = 1; r < g->node.len; r++)
        p->cluster[r] = id[g->origin.at[r]];
    return true;
}

/* ---- boxes --------------------------------------------------------------------------------- */

/* "sub 1, ·": the operands, where at least one is written into the box. */
static void add_operands(struct painter *p, const cr_node *n)
{
    bool any = false;
    for (int i = 0; i < n->nsrc; i++)
        any |= p->constant[n->src[i]] != 0;
    for (int i = 0; any && i < n->nsrc; i++) {
        cr_str_add(p->out, i ? ", " : " ");
        if (p->constant[n->src[i]])
            add_constant(p->out, p->g, p->constant[n->src[i]]);
        else
            cr_str_add(p->out, "·");
    }
}

static void add_list(cr_strbuf *out, const int64_t *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        cr_str_printf(out, "%s%lld", i ? "," : " ", (long long)at[i]);
}

/* Of the attributes, those that a reader of a picture asks for. */
static void add_parameters(struct painter *p, cr_ref r)
{
    const cr_attr *a = cr_attr_of(p->g, r);
    switch (cr_text_form((cr_op)cr_at(p->g, r)->op)) {
    case CR_FORM_AXES: {
        const char *head = " over ";
        for (int i = 0; i < CR_MAX_RANK; i++) {
            if (!(a->at[0] >> i & 1))
                continue;
            cr_str_printf(p->out, "%s%d", head, i);
            head = ",";
        }
        break;
    }
    case CR_FORM_ORDER:
    case CR_FORM_BEGIN:
    case CR_FORM_AXIS: add_list(p->out, a->at, a->len); break;
    case CR_FORM_PAD: add_list(p->out, a->at, a->len - 1); break;
    default: break;
    }
}

static void add_label(struct painter *p, cr_ref r)
{
    const cr_node *n = cr_at(p->g, r);
    switch (n->op) {
    case CR_OP_INPUT:
    case CR_OP_STATE:
        add_escaped(p->out, cr_name_of(p->g, r));
        cr_str_add(p->out, "\\n");
        add_shape(p->out, p->g, r);
        break;
    case CR_OP_OUTPUT:
        add_escaped(p->out, cr_name_of(p->g, r));
        if (p->constant[n->src[0]]) {
            cr_str_add(p->out, " = ");
            add_constant(p->out, p->g, p->constant[n->src[0]]);
        }
        break;
    case CR_OP_ASSIGN:
        add_escaped(p->out, cr_name_of(p->g, r));
        cr_str_add(p->out, " :=");
        if (p->constant[n->src[1]]) {
            cr_str_add(p->out, " ");
            add_constant(p->out, p->g, p->constant[n->src[1]]);
        }
        break;
    case CR_OP_COPY: cr_str_printf(p->out, "to %s", cr_space_name[n->space]); break;
    default:
        cr_str_add(p->out, cr_ops[n->op].name);
        add_operands(p, n);
        add_parameters(p, r);
    }
    if (p->o->note && p->o->note[r]) {
        cr_str_add(p->out, "\\n");
        add_escaped(p->out, p->o->note[r]);
    }
}

/* Form and color by what the node is; host nodes are orange whatever they are. */
static const char *looks(const cr_graph *g, cr_ref r)
{
    const cr_node *n = cr_at(g, r);
    bool host = n->space == CR_SPACE_HOST;
    switch (n->op) {
    case CR_OP_INPUT:
        return host ? "shape=parallelogram, style=filled, fillcolor=\"#ffd8a8\", margin=\"0,0.03\""
                    : "shape=parallelogram, style=filled, fillcolor=\"#b2e2b2\", margin=\"0,0.03\"";
    case CR_OP_STATE:
        if (host)
            return "shape=cylinder, style=filled, fillcolor=\"#ffd8a8\"";
        return cr_attr_of(g, r)->at[1]
                   ? "shape=cylinder, style=filled, fillcolor=\"#ffe680\", penwidth=1.6"
                   : "shape=cylinder, style=filled, fillcolor=\"#fff5cc\"";
    case CR_OP_ASSIGN:
        return host
                   ? "shape=cylinder, style=\"filled,dashed\", fillcolor=\"#ffd8a8\", penwidth=1.6"
                   : "shape=cylinder, style=\"filled,dashed\", fillcolor=\"#ffe680\", penwidth=1.6";
    case CR_OP_OUTPUT:
        return host ? "shape=box, peripheries=2, style=\"filled,bold\", fillcolor=\"#ffd8a8\""
                    : "shape=box, peripheries=2, style=\"filled,bold\", fillcolor=\"#d9c7f0\"";
    case CR_OP_COPY: return "shape=cds, style=filled, fillcolor=\"#f8b4b4\", color=\"#c92a2a\"";
    case CR_OP_matmul:
        return host ? "fillcolor=\"#ffc078\", penwidth=1.8" : "fillcolor=\"#8ec5f5\", penwidth=1.8";
    default: break;
    }
    if (host)
        return "fillcolor=\"#ffe8cc\"";
    switch (cr_kind_of(n)) {
    case CR_KIND_RED: return "fillcolor=\"#b5dcf9\"";
    case CR_KIND_MOV: return "fillcolor=\"#f1f3f5\", fontcolor=\"#5f6b7a\", fontsize=9, height=0.2";
    default: return "fillcolor=\"#dceefb\"";
    }
}

static void add_box(struct painter *p, cr_ref r, const char *indent)
{
    cr_str_printf(p->out, "%sn%u [label=\"", indent, r);
    add_label(p, r);
    cr_str_printf(p->out, "\", %s];\n", looks(p->g, r));
}

/* ---- frames -------------------------------------------------------------------------------- */

static void add_cluster(struct painter *p, uint32_t c, const cr_ref *member, uint32_t n)
{
    const struct cr_dot_cluster *k = &p->clusters[c];
    cr_str_printf(p->out, "  subgraph cluster_%u {\n    label=\"", c);
    add_escaped(p->out, k->label ? k->label : "");
    cr_str_add(p->out, "\"; style=\"filled,rounded\"; color=\"#ced4da\"; fillcolor=\"");
    add_escaped(p->out, k->fill ? k->fill : "#f8f9fa");
    cr_str_add(p->out, "\"; fontcolor=\"#343a40\"; fontsize=10; margin=6;\n");
    for (uint32_t i = 0; i < n; i++)
        add_box(p, member[i], "    ");
    cr_str_add(p->out, "  }\n");
}

/* Boxes, sorted by cluster: start[c] is where cluster c begins in `sorted`; 0 is no cluster. */
static bool add_boxes(struct painter *p)
{
    const cr_graph *g = p->g;
    uint32_t *start = cr_arena_alloc(&p->scratch, (p->nclusters + 2) * sizeof *start);
    uint32_t *next = cr_arena_alloc(&p->scratch, (p->nclusters + 1) * sizeof *next);
    cr_ref *sorted = cr_arena_alloc(&p->scratch, g->node.len * sizeof *sorted);
    if (!start || !next || !sorted)
        return false;
    for (cr_ref r = 1; r < g->node.len; r++)
        start[p->cluster[r] + 1] += p->drawn[r];
    for (uint32_t c = 0; c <= p->nclusters; c++)
        start[c + 1] += next[c] = start[c];
    for (cr_ref r = 1; r < g->node.len; r++)
        if (p->drawn[r])
            sorted[next[p->cluster[r]]++] = r;
    for (uint32_t i = 0; i < start[1]; i++)
        add_box(p, sorted[i], "  ");
    for (uint32_t c = 0; c < p->nclusters; c++)
        if (start[c + 2] > start[c + 1])
            add_cluster(p, c, sorted + start[c + 1], start[c + 2] - start[c + 1]);
    return true;
}

/* ---- edges --------------------------------------------------------------------------------- */

/* "batch×10"; "10 → batch×10" where the edge stands for movements; nothing where a box says it. */
static void add_edge_shape(struct painter *p, cr_ref value)
{
    const cr_graph *g = p->g;
    cr_ref from = p->shown[value];
    bool moved = cr_at(g, from)->shape != cr_at(g, value)->shape;
    if (cr_kind_of(cr_at(g, from)) == CR_KIND_LEAF && !moved)
        return;
    cr_str_add(p->out, " "); /* a gap to the line */
    if (moved) {
        if (cr_shape_of(g, from)->rank == 0)
            cr_str_add(p->out, "scalar");
        add_shape(p->out, g, from);
        cr_str_add(p->out, " → ");
        if (cr_shape_of(g, value)->rank == 0)
            cr_str_add(p->out, "scalar");
    }
    add_shape(p->out, g, value);
}

static void add_edge(struct painter *p, cr_ref value, cr_ref to)
{
    bool copy = cr_at(p->g, to)->op == CR_OP_COPY;
    cr_str_printf(p->out, "  n%u -> n%u [label=\"", p->shown[value], to);
    if (copy) {
        cr_str_add(p->out, " ");
        add_bytes(p->out, cr_bytes_of(p->g, value));
    } else {
        add_edge_shape(p, value);
    }
    cr_str_add(p->out, "\"");
    if (copy)
        cr_str_add(p->out, ", penwidth=3.5, color=\"#c92a2a\", fontcolor=\"#c92a2a\", fontsize=10");
    if (p->cluster[to] && p->cluster[to] == p->cluster[p->shown[value]])
        cr_str_add(p->out, ", weight=12"); /* short: frames stay small */
    cr_str_add(p->out, "];\n");
}

static void add_edges(struct painter *p)
{
    for (cr_ref r = 1; r < p->g->node.len; r++) {
        const cr_node *n = cr_at(p->g, r);
        if (!p->drawn[r])
            continue;
        for (int i = n->op == CR_OP_ASSIGN; i < n->nsrc; i++)
            if (p->drawn[p->shown[n->src[i]]])
                add_edge(p, n->src[i], r);
    }
}

/* ---- the picture --------------------------------------------------------------------------- */

/* "mlp: 57 nodes, 3 transfers" */
static void add_title(struct painter *p)
{
    uint32_t nodes = 0, transfers = 0;
    uint64_t bytes = 0;
    for (cr_ref r = 1; r < p->g->node.len; r++) {
        nodes += p->live[r];
        if (!p->drawn[r] || cr_at(p->g, r)->op != CR_OP_COPY)
            continue;
        transfers++;
        bytes += cr_bytes_of(p->g, r);
    }
    cr_str_add(p->out, "  label=\"");
    add_escaped(p->out, p->o->title ? p->o->title : p->g->name);
    cr_str_printf(p->out, ": %u nodes", nodes);
    if (transfers) {
        cr_str_printf(p->out, ", %u transfers, ", transfers);
        add_bytes(p->out, bytes);
    }
    cr_str_add(p->out, "\";\n");
}

static bool prepare(struct painter *p)
{
    if (!choose_nodes(p))
        return false;
    if (!p->o->cluster)
        return cluster_by_origin(p);
    p->nclusters = p->o->nclusters;
    p->clusters = cr_arena_alloc(&p->scratch, p->nclusters * sizeof *p->clusters);
    p->cluster = cr_arena_alloc(&p->scratch, p->g->node.len * sizeof *p->cluster);
    if (!p->clusters || !p->cluster)
        return false;
    for (uint32_t c = 0; c < p->nclusters; c++)
        p->clusters[c] = p->o->clusters[c];
    for (cr_ref r = 1; r < p->g->node.len; r++)
        p->cluster[r] = p->o->cluster[r] <= p->nclusters ? p->o->cluster[r] : 0;
    return true;
}

cr_status cr_dot_write(const cr_graph *g, const struct cr_dot_options *o, cr_strbuf *out)
{
    static const struct cr_dot_options none;
    struct painter p = {.g = g, .o = o ? o : &none, .out = out};
    bool ok = prepare(&p);
    if (ok) {
        cr_str_add(out, "digraph crisol {\n");
        cr_str_add(out, page);
        add_title(&p);
        ok = add_boxes(&p);
        add_edges(&p);
        cr_str_add(out, "}\n");
    }
    cr_arena_finish(&p.scratch);
    return ok && !out->failed ? CR_OK : cr_fail(CR_E_MEMORY, "out of host memory");
}

char *cr_graph_dot(const cr_graph *g)
{
    cr_strbuf out = {0};
    if (cr_dot_write(g, NULL, &out) != CR_OK) {
        cr_str_finish(&out);
        return NULL;
    }
    return cr_str_take(&out);
}
