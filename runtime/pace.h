/* pace.h - how many steps may be ahead of the device, so that an interrupt is answered soon. */
#ifndef CR_PACE_H
#define CR_PACE_H

#include "base.h"

typedef struct cr_pace {
    uint64_t limit;     /* steps to enqueue before waiting */
    uint64_t most;      /* `limit` never exceeds this */
    uint64_t in_flight; /* steps enqueued since the last wait */
    double since;       /* when the first of these was enqueued; < 0: not known */
} cr_pace;

/* `step_us`: a guess, 0 = none; `commands`: what one step puts into the queue. */
void cr_pace_init(cr_pace *p, uint64_t step_us, uint32_t commands);
/* How many of `wanted` steps may be enqueued now; at least 1 when in_flight < limit. */
uint64_t cr_pace_allow(const cr_pace *p, uint64_t wanted);
void cr_pace_enqueued(cr_pace *p, uint64_t steps, double now);
static inline bool cr_pace_full(const cr_pace *p)
{
    return p->in_flight >= p->limit;
}
/* Everything has finished at `now`: learns how long a step takes. */
void cr_pace_settled(cr_pace *p, double now);
/* Everything has finished some time ago: learns nothing. */
void cr_pace_forget(cr_pace *p);

#endif
