/* plan.h - what the passes decide and codegen spells: phases, launches, buffers, and the reasons.
 *
 *     graph --fuse--> phases --schedule--> tiles --order--> launches --memory, layout--> places
 *
 * A phase computes some nodes of the graph in one sweep over a domain, without communication
 * between work-groups: a loop nest, or a contraction with a prologue and an epilogue. Every value
 * that another phase, a copy or a root needs is stored by exactly one phase; all others live in
 * registers, and cheap ones may be computed again in several phases. A launch runs stages one after
 * the other; the phases of a stage are independent and run side by side. With more than one stage a
 * launch is a single work-group, or few groups that the target runs at the same time: between
 * stages they meet at barriers. Such a launch may repeat the whole step. */
#ifndef CR_PLAN_H
#define CR_PLAN_H

#include "ir.h"
#include "target.h"

/* ---- options of a compilation --------------------------------------------------------------- */

/* How far the pipeline goes. All variants run the same simplifications and use the same schedules;
 * they differ from placement on. */
typedef enum cr_variant {
    CR_VARIANT_FUSED,   /* everything */
    CR_VARIANT_UNFUSED, /* one kernel an op of the user; transfers eliminated */
    CR_VARIANT_NAIVE    /* one kernel an op; operands up and results down around each */
} cr_variant;

/* A step that can be one launch (fused, nothing on the host) becomes... */
typedef enum cr_launch_form {
    CR_LAUNCH_BEST,    /* what the cost model says is fastest */
    CR_LAUNCH_LEVELS,  /* a launch a level, groups side by side */
    CR_LAUNCH_PHASES,  /* a launch a phase */
    CR_LAUNCH_ALONE,   /* one launch of one work-group */
    CR_LAUNCH_RESIDENT /* one launch of the groups that the target runs at the same time */
} cr_launch_form;

/* A state's place in the store, which all programs of a user's graph share: it is laid out once,
 * over all states of that graph, in the order in which they were built. */
typedef struct cr_state_slot {
    const char *name;
    uint64_t offset, bytes;
} cr_state_slot;

/* A schedule found by measuring, for one kind of contraction on one device (passes/tuned.h). 0: as
 * schedules.def has it. */
typedef struct cr_tuned {
    const char *key;
    int32_t reg_m, reg_n, tile_m, tile_n, block_k;
} cr_tuned;

typedef struct cr_plan_options {
    cr_variant variant;
    bool fast_math;              /* rules that change values (x + 0, a * c + b * c) */
    bool reference_schedule;     /* one work-item an output: fallback and oracle */
    cr_launch_form launches;     /* what a step that can be one launch becomes */
    uint64_t max_transfer_bytes; /* per step; UINT64_MAX: no budget */
    uint64_t max_resident_bytes; /* an input above this stays on the host; 0: the target's limits */
    const int64_t *binding;      /* value of each symbol (by index); NULL: their bounds */
    const char *const *outputs;  /* names of the outputs to keep; NULL: all */
    uint32_t noutputs;
    bool assigns;               /* keep assigns... */
    const char *const *updates; /* ...to these states only; NULL: all */
    uint32_t nupdates;
    const struct cr_state_slot *state; /* where each state lies in the store; NULL: plan a store */
    uint32_t nstate;
    uint64_t store_bytes;
    const cr_tuned *tuned; /* looked at before schedules.def */
    uint32_t ntuned;
} cr_plan_options;

/* ---- phases --------------------------------------------------------------------------------- */

typedef enum cr_family {
    CR_FAMILY_NEST,    /* parallel loops over `parallel` axes of the domain, serial ones inside */
    CR_FAMILY_CONTRACT /* the contraction `anchor`, tiled */
} cr_family;

/* Tile sizes and the like: schedules.def, docs/schedules.md. */
typedef struct cr_schedule {
    int32_t vector; /* f32 lanes of an explicit vector, along the last parallel axis */
    int32_t local;  /* work-items of a group */
    int32_t items;  /* nest: vectors per work-item */
    int32_t rows;   /* nest: vectors of a row, when a work-item visits whole ones; else 0 */
    int32_t reg_m,
        reg_n; /* contraction: rows, and vectors of columns, that a work-item accumulates */
    int32_t tile_m, tile_n;  /* rows and columns of a group */
    int32_t block_k;         /* depth of a block; = K: not blocked */
    int32_t nk, k_factor[8]; /* the depth's loops, outermost first, so that indices are sums */
    int32_t k_outer;       /* of them, how many go from block to block: sums then wait in a panel */
    bool stage_a, stage_b; /* copy the operand's tile to local memory first */
    bool b_along_k;        /* B is copied down its columns, which are neighbours in memory */
    bool packed;           /* large and deep: in blocks of the depth, of which B's are copied */
    int32_t a_pitch;       /* from row to row (by_k: from k to k) of A's panel */
    bool a_across; /* A is copied a line of each row in turn: its rows lie anywhere in memory */
    bool a_by_k;   /* A's staged tile is [k][row]: its rows are neighbours in memory */
} cr_schedule;

enum { CR_PANELS = 3, CR_PANEL_ALIGN = 64 };

/* Stores of a phase at most: each of its own nodes (fuse.c caps them at 64) to a buffer and to a
 * state. */
enum { CR_MAX_STORES = 160 };

/* A value in memory. */
typedef struct cr_plan_store {
    cr_ref value;  /* the node whose elements are stored */
    cr_ref assign; /* the ASSIGN root when the place is a state; else 0: the value's own buffer */
} cr_plan_store;

/* Loads and stores that are executed, and their bytes. */
typedef struct cr_traffic {
    uint64_t loads, load_bytes, stores, store_bytes;
} cr_traffic;

typedef struct cr_phase {
    cr_family family;
    cr_ref anchor;     /* the contraction; 0 for a nest */
    cr_shape domain;   /* literal; of a contraction [batch..., M, N] */
    uint32_t parallel; /* nest: mask of the domain's parallel axes; the others are rows */
    const cr_ref *node;
    uint32_t nnode; /* computed here, ascending; recomputed cheap ones included */
    const cr_plan_store *store;
    uint32_t nstore;
    const cr_ref *load;
    uint32_t nload;  /* values read from memory: leaves and other phases' stores */
    uint32_t level;  /* place in program order: above all that it reads */
    uint32_t stage;  /* in a launch of several stages: phases of equal stage are independent */
    uint32_t origin; /* of the anchor, or of the last node */
    cr_schedule schedule;
    uint64_t groups;
    uint64_t panel_bytes[CR_PANELS]; /* local memory of a group: staged tiles of A and of B, sums */
    uint64_t flops;
    uint64_t bytes_read, bytes_written; /* what it has to move: each element of a value once */
    cr_traffic issued;                  /* reference schedule: what it executes (passes/issued.c) */
    double cost_us;                     /* of the whole phase on one compute unit */
} cr_phase;

/* ---- reasons -------------------------------------------------------------------------------- */

/* Why an edge from a producer to a consumer is inside one phase, or is not. One row a reason. */
#define CR_REASON_MAP(X)                                                                           \
    X(CR_FUSED_EPILOGUE, true, "fused: follows its producer element by element")                   \
    X(CR_FUSED_PROLOGUE, true, "fused: computed where it is loaded")                               \
    X(CR_FUSED_REDUCE, true, "fused: reduced where it is produced")                                \
    X(CR_FUSED_FREE, true, "fused: an index map or a constant, no work")                           \
    X(CR_FUSED_UPDATE, true, "fused: a state is updated in place where its next value is made")    \
    X(CR_REFUSED_CONTRACTION, false,                                                               \
      "refused: the consumer is another contraction, which reads each element many times")         \
    X(CR_REFUSED_SHARED, false,                                                                    \
      "refused: several phases read the value, and computing it again costs more than reading it") \
    X(CR_REFUSED_SHAPE, false,                                                                     \
      "refused: the consumer does not visit elements in the producer's order")                     \
    X(CR_REFUSED_REDUCTION, false,                                                                 \
      "refused: the consumer reduces over axes that are spread over work-groups")                  \
    X(CR_REFUSED_CYCLE, false, "refused: another operand must wait for the producer's phase")      \
    X(CR_REFUSED_SIZE, false, "refused: the phase has reached its cap of nodes")                   \
    X(CR_REFUSED_VARIANT, false, "refused: another op of the user, and the variant is not fused")  \
    X(CR_REFUSED_TRANSFER, false, "refused: the value crosses between host and device")            \
    X(CR_REFUSED_ROOT, false, "refused: the value is fetched or assigned")

typedef enum cr_reason {
#define CR_X(name, fused, text) name,
    CR_REASON_MAP(CR_X)
#undef CR_X
        CR_REASON_COUNT
} cr_reason;
extern const struct cr_reason_info {
    const char *name;
    bool fused;
    const char *text;
} cr_reasons[CR_REASON_COUNT];

typedef struct cr_edge {
    cr_ref producer, consumer;
    cr_reason reason;
    uint64_t bytes_saved; /* were it not fused: the value read, and at its first edge also written,
                           * unless it is stored anyway; 0 when refused */
} cr_edge;

/* ---- launches, steps, memory ---------------------------------------------------------------- */

/* Rows that the next step of a launch begins by gathering: what is computed to know which. */
typedef struct cr_ahead {
    uint32_t stage;            /* before which they are fetched */
    cr_ref gather;             /* 0: none */
    const cr_ref *node, *load; /* ascending */
    const cr_ref *assign;      /* of scalar states whose next values say which rows */
    uint32_t nnode, nload, nassign;
} cr_ahead;

typedef struct cr_launch {
    const uint32_t *phase;
    uint32_t nphase; /* in stage order */
    uint32_t nstage; /* 1: groups side by side; more: a single group, or resident ones */
    uint64_t groups;
    bool resident; /* the groups share out those of each phase, and meet after each stage */
    uint32_t local;
    uint64_t local_bytes; /* of a group: the panels of its largest phase */
    cr_ahead ahead;       /* what it fetches for the next step */
} cr_launch;

typedef enum cr_plan_step_kind { CR_PLAN_LAUNCH, CR_PLAN_COPY, CR_PLAN_HOST } cr_plan_step_kind;
typedef struct cr_plan_step {
    cr_plan_step_kind kind;
    uint32_t launch; /* LAUNCH */
    cr_ref copy;     /* COPY: the COPY node */
    const cr_ref *node;
    uint32_t nnode; /* HOST: nodes evaluated by the interpreter, ascending */
} cr_plan_step;

/* Where a value lives. A leaf and each stored value has one; memory is an index into
 * cr_plan.memory (a cr_memory_kind each, see module.h). Elements are in row-major order; or, where
 * `panel` is not 0, the first `panel` columns of all rows, then the next ones, and so on, and in
 * row-major order in each panel. */
typedef struct cr_buffer {
    cr_ref value;
    uint32_t memory;
    uint64_t offset, bytes;
    int64_t panel;
    uint32_t first, last; /* steps of the plan between which it is live (arenas only) */
} cr_buffer;

typedef struct cr_plan_memory {
    int kind;    /* cr_memory_kind */
    cr_ref leaf; /* of an input memory */
    uint64_t bytes;
} cr_plan_memory;

typedef struct cr_plan {
    cr_arena arena;        /* owns all lists */
    const cr_graph *graph; /* not owned: the graph after the last graph pass */
    const cr_target *target;
    cr_plan_options options;
    CR_VEC(cr_phase) phase;
    CR_VEC(cr_edge) edge; /* the fusion ledger */
    CR_VEC(cr_launch) launch;
    CR_VEC(cr_plan_step) step;
    CR_VEC(cr_plan_memory) memory;
    CR_VEC(cr_buffer) buffer; /* [0] unused */
    uint32_t *buffer_of;      /* per node: index into buffer; 0 = none */
    uint32_t *level;          /* per copy and host node: 1 + its place in the order; else 0 */
    cr_ref *copy_of; /* per small state: its copy, which phases that load it read instead; or 0 */
    uint32_t *home;  /* per node: 1 + the phase that stores or owns it; 0 = none or several */
    bool repeat;     /* the whole step is one launch that may repeat */
    uint64_t peak_bytes, bound_bytes; /* arena, device: as planned, and its lower bound */
    uint32_t work, store; /* memories: the states that a resident launch works on; where they are
                           * between launches. 0, 0: it works on none */
    uint64_t work_first;  /* the work memory is as the store from this offset on, but for panels */
    double step_us;       /* the cost model's guess */
    double alone_us, together_us; /* guesses for a step as one work-group, as resident groups */
} cr_plan;

void cr_plan_destroy(cr_plan *p); /* accepts NULL */
/* What the phase reads where it computes from the leaf r: r, or a copy of it. */
cr_ref cr_plan_source(const cr_plan *p, const cr_phase *phase, cr_ref r);
/* Panels lie one behind the other in a group's local memory: where this one begins (bytes);
 * CR_PANELS: the end of all. */
uint64_t cr_panel_offset(const cr_phase *p, int panel);
/* The plan as text: launches, phases, schedules, buffers, the ledger. */
void cr_plan_print(const cr_plan *p, cr_strbuf *out);
void cr_plan_print_reasons(const cr_plan *p, cr_strbuf *out);

#endif
