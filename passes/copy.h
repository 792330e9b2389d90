/* copy.h - copying a node from the old graph into the new one with something changed. */
#ifndef CR_COPY_H
#define CR_COPY_H

#include "ir.h"

/* Copies node r of `from` into g with sources `src` (already in g), in that space and with that
 * shape (NULL: its own); the rest, its origin too, is kept. 0 out of memory. */
cr_ref cr_copy_node(cr_graph *g, const cr_graph *from, cr_ref r, const cr_ref *src, cr_space space,
                    const cr_shape *shape);

/* What becomes of node r of `from` in g, given its new sources. 0 out of memory. */
typedef cr_ref cr_copy_fn(cr_graph *g, const cr_graph *from, cr_ref r, cr_ref src[3], void *user);

/* A new graph of what `copy` makes of each node of `from` that is live, or (live NULL) that a root
 * reaches. NULL out of memory. */
cr_graph *cr_copy_with(const cr_graph *from, const bool *live, cr_copy_fn *copy, void *user,
                       cr_arena *scratch);

/* Copies all nodes of `from` that are live, or (live NULL) that a root reaches. NULL out of
 * memory. */
cr_graph *cr_copy_live(const cr_graph *from, const bool *live, cr_arena *scratch);

/* A node of g with the value that a state has before the step: a reshape to its own shape, of the
 * origin that `root` has in `from`. 0 out of memory. */
cr_ref cr_copy_state(cr_graph *g, cr_ref state, const cr_graph *from, cr_ref root);

#endif
