/* fuser.h - what the files of the fusion pass share: fuse.c grows phases, levels.c puts them in
 * order, early.c lets small states be written before the end, ledger.c says why. */
#ifndef CR_FUSER_H
#define CR_FUSER_H

#include "passes.h"

/* Does a node of a phase visit the whole domain, or one element for each parallel index? */
enum { FULL, ROW };

struct draft {
    cr_phase phase;
    CR_VEC(cr_ref) own; /* nodes with this home, ascending */
    uint32_t cap;       /* own nodes and the virtual ones they pulled in, roughly */
    bool stand_in;      /* its store stands for an assign that is placed later */
    bool read;          /* other phases or virtual values have been put above it */
    cr_ref only;        /* of a draft that only stores a virtual value: that value */
};

struct fuser {
    cr_pass_context *cx;
    const cr_graph *g;
    cr_plan *plan;
    uint32_t cost[CR_OP_COUNT]; /* of one element */
    bool fused;                 /* else: nothing crosses the ops of the user */
    bool *live;
    uint32_t *uses;
    bool *lone;           /* every use is by a node of the same op */
    uint32_t *home;       /* 1 + draft; 0 = virtual, leaf or on the host */
    uint8_t *class;       /* FULL or ROW, of nodes with a home */
    uint32_t *level;      /* of the phase, copy or host step that provides the value; 0: a leaf */
    uint16_t *weight;     /* cost of computing a virtual node once more */
    uint8_t *depth;       /* of a virtual node: index maps between it and memory */
    uint8_t *reason;      /* why a consumer did not join (per consumer) */
    cr_ref *sibling;      /* of a value: the first reduction of it */
    uint32_t *store_only; /* 1 + the draft that only stores a virtual value */
    bool *kept;           /* must be stored: read by another phase, copied, or a root */
    CR_VEC(struct draft) draft;
    bool failed; /* out of memory */
};

static inline bool on_device(const cr_node *n)
{
    return n->space == CR_SPACE_DEVICE;
}

/* In memory before the step's first kernel, or put there by a copy. */
static inline bool in_memory(const cr_node *n)
{
    return cr_is_named_leaf(n) || n->op == CR_OP_COPY;
}

static inline bool is_scalar_source(const cr_node *n)
{
    return n->op == CR_OP_CONST || n->op == CR_OP_SIZE || n->op == CR_OP_iota;
}

/* Costs nothing inside a kernel: a constant or an index map. */
static inline bool is_free(const cr_node *n)
{
    return is_scalar_source(n) || n->op == CR_OP_reshape || n->op == CR_OP_expand ||
           n->op == CR_OP_permute || n->op == CR_OP_slice || n->op == CR_OP_window ||
           n->op == CR_OP_flip;
}

/* Of one op of the user? A node without origin is one by itself. */
static inline bool same_op(uint32_t origin, uint32_t other)
{
    return origin && origin == other;
}

static inline struct draft *draft_of(struct fuser *f, cr_ref r)
{
    return &f->draft.at[f->home[r] - 1];
}

/* levels.c: the lists of draft d (its nodes and loads), from what it owns and stores. `mark` is
 * scratch of one word a node, zero at first. False out of memory, here and below. */
bool cr_draft_collect(struct fuser *f, uint32_t d, uint32_t *mark);
bool cr_draft_add_store(struct fuser *f, uint32_t d, cr_ref value, cr_ref assign);
bool cr_draft_has_store(const cr_phase *p, cr_ref value, cr_ref assign);
/* A draft that reads `from` from memory and writes `value`, which is the same or a reshape of it,
 * to its own buffer or, with an assign, into that state. */
bool cr_draft_move(struct fuser *f, cr_ref from, cr_ref value, cr_ref assign);
/* The draft that computes v: its home, or the one that only stores it; -1: v is in memory. */
int cr_draft_maker(const struct fuser *f, cr_ref v);
/* Where each assign is written: in place where that is safe, else by a phase of its own. */
bool cr_place_assigns(struct fuser *f);
/* Levels of drafts, copies and host nodes; breaks cycles that writes in place would make. */
bool cr_find_levels(struct fuser *f);

/* early.c: nodes for copies of small states, before anything else; and, of phases with levels, the
 * copies that let next values be written early, of which levels are to be found again. */
bool cr_reserve_copies(struct fuser *f);
bool cr_write_early(struct fuser *f, bool *changed);

/* ledger.c: plan->edge. */
bool cr_write_ledger(struct fuser *f);

#endif
