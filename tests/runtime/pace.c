/* pace.c - how far a program runs ahead of the device. */
#include "modules.h"

#include "pace.h"

/* Enqueues what is allowed of many steps that take `us` each; returns how many that were. */
static uint64_t round_of(cr_pace *p, double us)
{
    uint64_t n = cr_pace_allow(p, 1u << 30);
    cr_pace_enqueued(p, n, 10.0);
    cr_pace_settled(p, 10.0 + us * 1e-6 * (double)n);
    return n;
}

Test(pace, grows_to_a_tenth_of_a_second)
{
    cr_pace p;
    cr_pace_init(&p, 100, 0);
    cr_assert(round_of(&p, 100) == 16);
    cr_assert(round_of(&p, 100) == 128);
    cr_assert(round_of(&p, 100) >= 999 && p.limit <= 1000);
}

Test(pace, a_wrong_guess_costs_one_round)
{
    cr_pace p;
    cr_pace_init(&p, 1, 0);
    cr_assert(round_of(&p, 50000) == 16); /* 0.8 s */
    cr_assert(round_of(&p, 50000) <= 2);
    cr_pace_init(&p, 0, 0);
    cr_assert(round_of(&p, 1) == 1);
    cr_pace_init(&p, 1000000, 0);
    cr_assert(round_of(&p, 1) == 1);
}

Test(pace, the_queue_stays_short)
{
    cr_pace p;
    cr_pace_init(&p, 1, 100);
    for (int i = 0; i < 20; i++)
        cr_assert(round_of(&p, 1) * 100 <= 8192);
    cr_pace_init(&p, 1, 1000000);
    cr_assert(round_of(&p, 1) == 1);
}

Test(pace, time_between_calls_is_not_the_steps)
{
    cr_pace p;
    cr_pace_init(&p, 1, 0);
    cr_pace_enqueued(&p, 4, 0);
    p.since = -1; /* the next call begins */
    cr_pace_enqueued(&p, 12, 1000);
    cr_assert(cr_pace_full(&p) && cr_pace_allow(&p, 5) == 0);
    cr_pace_settled(&p, 1000.1);
    cr_assert(p.limit == 16 && p.in_flight == 0);
}
