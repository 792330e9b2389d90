/* ledger.c - the fusion ledger: for every producer-consumer edge, fused or refused, and why. */
#include "fuser.h"

/* ---- the ledger ----------------------------------------------------------------------------- */

static cr_reason fused_reason(const struct fuser *f, cr_ref p, cr_ref c)
{
    const cr_node *producer = cr_at(f->g, p), *consumer = cr_at(f->g, c);
    if (is_free(producer) || is_free(consumer))
        return CR_FUSED_FREE;
    if (!f->home[p])
        return CR_FUSED_PROLOGUE;
    if (cr_kind_of(consumer) == CR_KIND_RED)
        return CR_FUSED_REDUCE;
    return CR_FUSED_EPILOGUE;
}

/* Has c another operand that is not there yet when the phase of p starts? */
static bool waits(const struct fuser *f, cr_ref p, cr_ref c)
{
    const cr_node *n = cr_at(f->g, c);
    for (int i = 0; i < n->nsrc; i++)
        if (f->home[n->src[i]] != f->home[p] && f->level[n->src[i]] >= f->level[p])
            return true;
    return false;
}

static cr_reason refused_reason(const struct fuser *f, cr_ref p, cr_ref c)
{
    const cr_node *consumer = cr_at(f->g, c);
    if (consumer->op == CR_OP_COPY || cr_at(f->g, p)->op == CR_OP_COPY)
        return CR_REFUSED_TRANSFER;
    if (consumer->op == CR_OP_OUTPUT || consumer->op == CR_OP_ASSIGN)
        return CR_REFUSED_ROOT;
    if (!f->fused && !same_op(f->g->origin.at[p], f->g->origin.at[c]))
        return CR_REFUSED_VARIANT;
    if (f->reason[c])
        return (cr_reason)f->reason[c];
    if (consumer->op == CR_OP_matmul)
        return CR_REFUSED_CONTRACTION;
    if (cr_kind_of(consumer) == CR_KIND_RED)
        return CR_REFUSED_REDUCTION;
    if (cr_kind_of(consumer) == CR_KIND_MOV || consumer->op == CR_OP_gather)
        return CR_REFUSED_SHAPE;
    return waits(f, p, c) ? CR_REFUSED_CYCLE : CR_REFUSED_SHARED;
}

static bool stored_in_place(const struct fuser *f, cr_ref assign)
{
    int d = cr_draft_maker(f, cr_at(f->g, assign)->src[1]);
    return d >= 0 && cr_draft_has_store(&f->draft.at[d].phase, cr_at(f->g, assign)->src[1], assign);
}

/* Does it lie in a buffer of its own, whoever else has it fused? */
static bool stored(const struct fuser *f, cr_ref r)
{
    int d = cr_draft_maker(f, r);
    return d >= 0 && cr_draft_has_store(&f->draft.at[d].phase, r, 0);
}

bool cr_write_ledger(struct fuser *f)
{
    const cr_graph *g = f->g;
    bool *written = cr_arena_alloc(&f->cx->scratch,
                                   g->node.len * sizeof *written); /* that write is on the ledger */
    if (!written)
        return false;
    for (cr_ref c = 1; c < g->node.len; c++) {
        const cr_node *n = cr_at(g, c);
        for (int i = 0; f->live[c] && i < n->nsrc; i++) {
            cr_ref p = n->src[i];
            const cr_node *producer = cr_at(g, p);
            if (producer->nsrc == 0 && !cr_is_root(n))
                continue; /* leaves have nothing to fuse */
            if (n->op == CR_OP_ASSIGN && i == 0)
                continue;
            bool fused = !in_memory(producer) && on_device(producer) && n->op != CR_OP_COPY &&
                         (f->home[p] == 0 || f->home[p] == f->home[c]) && !cr_is_root(n) &&
                         on_device(n);
            cr_edge e = {p, c, CR_FUSED_UPDATE, 0};
            if (n->op == CR_OP_ASSIGN && on_device(n) && stored_in_place(f, c))
                fused = true;
            else
                e.reason = fused ? fused_reason(f, p, c) : refused_reason(f, p, c);
            if (fused && e.reason != CR_FUSED_FREE) {
                e.bytes_saved = (written[p] || stored(f, p) ? 1 : 2) * cr_bytes_of(g, p);
                written[p] = true;
            }
            if (!cr_vec_push(&f->plan->edge, e))
                return false;
        }
    }
    return true;
}
