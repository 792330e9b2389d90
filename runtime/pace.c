/* pace.c - see pace.h. */
#include "pace.h"

/* Work ahead of the device, in seconds. A wait costs some 50 us, and an interrupt is to be answered
 * within half a second. */
static const double ahead = 0.1;

/* A guess may be wrong by orders of magnitude, so the first run ahead is short, and a measurement
 * (the first of all includes a driver's compilation at launch) raises the limit by this at most. */
enum { FIRST_LIMIT = 16, GROWTH = 8, MAX_COMMANDS = 8192, MAX_STEPS = 1 << 20 };

static uint64_t steps_in(double seconds_per_step, uint64_t most)
{
    double steps = ahead / CR_MAX(seconds_per_step, 1e-9);
    return steps < 1 ? 1 : steps < (double)most ? (uint64_t)steps : most;
}

void cr_pace_init(cr_pace *p, uint64_t step_us, uint32_t commands)
{
    *p = (cr_pace){.since = -1};
    p->most = commands ? CR_MAX(MAX_COMMANDS / commands, 1) : MAX_STEPS;
    p->limit = step_us ? steps_in((double)step_us * 1e-6, CR_MIN(FIRST_LIMIT, p->most)) : 1;
}

uint64_t cr_pace_allow(const cr_pace *p, uint64_t wanted)
{
    return p->in_flight < p->limit ? CR_MIN(wanted, p->limit - p->in_flight) : 0;
}

void cr_pace_enqueued(cr_pace *p, uint64_t steps, double now)
{
    if (p->in_flight == 0)
        p->since = now;
    p->in_flight += steps;
}

void cr_pace_settled(cr_pace *p, double now)
{
    if (p->in_flight > 0 && p->since >= 0) {
        double step = (now - p->since) / (double)p->in_flight;
        p->limit = steps_in(step, CR_MIN(p->limit * GROWTH, p->most));
    }
    cr_pace_forget(p);
}

void cr_pace_forget(cr_pace *p)
{
    p->in_flight = 0;
    p->since = -1;
}
