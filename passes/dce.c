/* dce.c - dead code elimination: leave out what no root reaches.
 * requires: any graph
 * provides: every node is reached by a root
 * breaks:   node numbers */
#include "copy.h"
#include "passes.h"

cr_status cr_pass_dce(cr_pass_context *cx)
{
    uint32_t before = cr_graph_size(cx->graph);
    CR_TRY(cr_pass_replace(cx, cr_copy_live(cx->graph, NULL, &cx->scratch)));
    cx->changes = before - cr_graph_size(cx->graph);
    return CR_OK;
}
