/* stream.h - samples that pass through two windows on the device: while it works on one, the next
 * is gathered on the host and goes up. */
#ifndef CR_STREAM_H
#define CR_STREAM_H

#include "base.h"
#include "crisol/train.h"

typedef struct cr_stream cr_stream;

/* One way through a set: n samples of a part, those of `order`, or from `first` on as they lie. */
typedef struct cr_stream_pass {
    uint32_t key; /* the caller's */
    const cr_part *part;
    const int32_t *order; /* NULL: as they lie */
    uint32_t first, n;
    uint32_t window; /* samples of a window: whole batches */
    /* Makes the order, on the gathering thread; NULL: it is there. */
    void (*prepare)(void *user, uint32_t number);
    void *user;
    uint32_t number;
} cr_stream_pass;

/* `program` has the inputs train_x and train_y, of one window; it and the samples outlive the
 * stream. `shuffled`: those of training are asked for in any order. */
cr_stream *cr_stream_create(cr_program *program, const cr_samples *samples, bool shuffled);
void cr_stream_destroy(cr_stream *s); /* accepts NULL */

/* From the first sample on; what was on its way for another pass is dropped. `next` is the pass
 * that will probably follow: its first window is gathered while the device works on this one's
 * last. */
void cr_stream_begin(cr_stream *s, const cr_stream_pass *pass, const cr_stream_pass *next);
/* Was the order of that number prepared for the next pass? Waits until it is. */
bool cr_stream_is_prepared(cr_stream *s, uint32_t number);
/* Nothing reads samples or the order any more, until the next pass begins. */
void cr_stream_stop(cr_stream *s);
/* Is it on a pass of that key? */
bool cr_stream_is_at(const cr_stream *s, uint32_t key);

/* Runs n steps of `program`, after `done` steps of `batch` samples each of the pass. */
cr_status cr_stream_run(cr_stream *s, cr_program *program, uint32_t batch, uint64_t done,
                        uint64_t n);
/* The window of the next step is what programs see; *n, steps that are wanted, becomes at most what
 * is left in it. */
cr_status cr_stream_enter(cr_stream *s, uint32_t batch, uint64_t done, uint64_t *n);

uint64_t cr_stream_bytes(const cr_stream *s); /* that went up */

#endif
