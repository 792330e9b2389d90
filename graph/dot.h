/* dot.h - pictures of graphs, in Graphviz's dot language.
 *
 *     struct cr_dot_cluster regions[2] = { { .label = "k0: matmul" }, { .label = "k1: update" } };
 *     struct cr_dot_options o = { .cluster = region, .clusters = regions, .nclusters = 2 };
 *     CR_TRY(cr_dot_write(g, &o, &text));      // region[r]: 1, 2, or 0 for a node of no region
 */
#ifndef CR_DOT_H
#define CR_DOT_H

#include "ir.h"

/* A frame around some nodes. */
struct cr_dot_cluster {
    const char *label;
    const char *fill; /* a color of Graphviz's ("#e8f0fe"); NULL: very light grey */
};

/* All zero: the nodes that roots reach, framed by the ops of the user that they came from. */
struct cr_dot_options {
    const char *title;       /* NULL: the graph's name */
    const uint32_t *cluster; /* per node: 1 + an index into clusters, or 0; NULL: the user's ops */
    const struct cr_dot_cluster *clusters;
    uint32_t nclusters;
    const char *const *note; /* per node: a further line in its box, or NULL; NULL: no notes */
    bool all; /* leave nothing out: dead nodes, and a box for each expand and reshape */
};

/* Appends the picture. `o` may be NULL. Fails out of memory only. */
cr_status cr_dot_write(const cr_graph *g, const struct cr_dot_options *o, cr_strbuf *out);

#endif
