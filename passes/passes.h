/* passes.h - the pipeline: an ordered table of passes over a graph, then over a plan. */
#ifndef CR_PASSES_H
#define CR_PASSES_H

#include "plan.h"

/* What a pass works on. A graph pass reads cx->graph and replaces it (cr_pass_replace); a plan pass
 * fills cx->plan. The driver verifies, dumps and times; passes do none of it. */
typedef struct cr_pass_context {
    cr_graph *graph;
    cr_plan *plan; /* NULL before fuse */
    const cr_target *target;
    cr_plan_options options;
    cr_arena scratch; /* emptied by the driver after every pass */
    uint32_t changes; /* what the pass did, for --time-passes: rules applied, copies removed... */
} cr_pass_context;

typedef struct cr_pass {
    const char *name;
    cr_status (*run)(cr_pass_context *cx);
    cr_level before, after; /* what the verifier demands of the graph */
    uint32_t variants;      /* mask of 1 << cr_variant: where the pass runs */
    const char *doc;        /* one line */
} cr_pass;

extern const cr_pass cr_passes[];
extern const uint32_t cr_pass_count;

/* What a caller may watch: called after each pass that ran. `text` hooks print dumps. */
typedef struct cr_pass_observer {
    void (*after)(void *user, const cr_pass *pass, const cr_pass_context *cx, bool changed,
                  double seconds);
    void *user;
} cr_pass_observer;

/* Lists of passes, "simplify,dce": is that one in it, and is each of them a pass? NULL lists none.
 */
bool cr_pass_listed(const char *list, const char *name);
cr_status cr_pass_check_list(const char *list);

/* Runs the table (or, with `only`, the comma-separated passes of that list, in the table's order,
 * each at most once; unknown names are an error that lists those there are). On success cx holds
 * the new graph and the plan. The caller owns both. */
cr_status cr_pipeline_run(cr_pass_context *cx, const char *only, const cr_pass_observer *observer);
void cr_pass_context_finish(cr_pass_context *cx); /* destroys graph, plan, scratch */

/* Replaces cx->graph by a finished new one (destroying the old); CR_E_MEMORY when `next` is NULL or
 * ran out of memory. */
cr_status cr_pass_replace(cr_pass_context *cx, cr_graph *next);

/* What one element of each op costs, in multiply-adds; index maps and constants: 0. */
void cr_op_costs(uint32_t cost[CR_OP_COUNT]);

/* Graph passes. */
cr_status cr_pass_specialize(cr_pass_context *cx); /* roots asked for; symbols become literals */
cr_status cr_pass_lower(cr_pass_context *cx);      /* conv as a contraction over a view */
cr_status cr_pass_simplify(cr_pass_context *cx); /* rules.def, movement algebra, constant folding */
cr_status cr_pass_dce(cr_pass_context *cx);      /* only what a root reaches */
cr_status cr_pass_snapshot(cr_pass_context *cx); /* roots take copies of assigned states */
cr_status cr_pass_place(cr_pass_context *cx);    /* naive placement: everything through the host */
cr_status
cr_pass_transfers(cr_pass_context *cx); /* needless transfers removed; the budget checked */
/* Plan passes. */
cr_status cr_pass_fuse(cr_pass_context *cx);
cr_status cr_pass_schedule(cr_pass_context *cx);
cr_status cr_pass_order(cr_pass_context *cx);
cr_status cr_pass_ahead(cr_pass_context *cx); /* what the next step of a launch begins with */
cr_status cr_pass_memory(cr_pass_context *cx);
cr_status cr_pass_layout(cr_pass_context *cx); /* what resident groups work on */

/* issued.c: fills p->issued. False out of memory. */
bool cr_count_issued(cr_pass_context *cx, cr_phase *p);

#endif
