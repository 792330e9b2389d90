/* form.c - see form.h. */
#include "form.h"

/* Of all threads: 20 on a quiet machine, a time slice at worst. */
static const double wake_us = 200;

/* A launch that should be shorter tells nothing of the steps: a time slice spoils it. And how long
 * one is that tries a form. */
static const double shortest_us = 5e3, try_us = 1e4;

/* What one group alone may have to do again after a launch together. */
static const double mend_us = 4e5;

/* How many times as long alone, by the model, is not worth a try; and how often in a row launches
 * give up before it is all the same. */
static const double hopeless = 4;
static const uint32_t few = 3;

/* How much slower than alone launches together are believed to be when one gave up: a little, for a
 * machine may be busy for a moment; four times as much when that happens again and again. */
static const double least_penalty = 0.05, most_penalty = 15;

void cr_form_init(cr_form *f, double alone_us, double together_us)
{
    *f = (cr_form){.penalty = least_penalty};
    f->guess[CR_FORM_ALONE] = f->us[CR_FORM_ALONE] = CR_MAX(alone_us, 1e-3);
    f->guess[CR_FORM_TOGETHER] = f->us[CR_FORM_TOGETHER] = CR_MAX(together_us, 1e-3);
}

static bool is_hopeless(const cr_form *f)
{
    return f->guess[CR_FORM_ALONE] >= hopeless * f->guess[CR_FORM_TOGETHER];
}

cr_form_kind cr_form_choose(const cr_form *f, uint64_t steps)
{
    double n = (double)steps;
    if (f->known[CR_FORM_TOGETHER] >= 4 && f->known[CR_FORM_ALONE] < 2 && !is_hopeless(f))
        return CR_FORM_ALONE; /* once, to know both */
    return n * f->us[CR_FORM_TOGETHER] + wake_us < n * f->us[CR_FORM_ALONE] ? CR_FORM_TOGETHER
                                                                            : CR_FORM_ALONE;
}

/* Steps of a launch together, at most. */
static double mendable(const cr_form *f)
{
    return mend_us / f->us[CR_FORM_ALONE];
}

uint64_t cr_form_try(const cr_form *f, uint64_t steps)
{
    const cr_form_kind form = cr_form_choose(f, steps);
    double most = (double)steps;
    if (form == CR_FORM_TOGETHER)
        most = CR_MIN(most, mendable(f));
    if (f->known[form] < 2 && f->known[!form] >= 2)
        most = CR_MIN(most, try_us / f->us[form]);
    return CR_MAX((uint64_t)most, 1);
}

/* Launches together may be limited to less. */
static double shortest_of(const cr_form *f, cr_form_kind form)
{
    const double most_us = mendable(f) * f->us[CR_FORM_TOGETHER];
    return form == CR_FORM_TOGETHER ? CR_MIN(shortest_us, most_us / 2) : shortest_us;
}

/* The model's absolute figures are rough and its ratios better: what was never measured is believed
 * in proportion. What was measured long ago is forgotten in the course of some seconds, so that the
 * other form gets another try. */
void cr_form_measured(cr_form *f, cr_form_kind form, double us, uint64_t steps, double elapsed_us)
{
    const double fresh = 0.5, memory_us = 4e6, surprise = 2;
    const double expected_us = (double)steps * f->us[form], enough_us = shortest_of(f, form);
    const cr_form_kind other = form == CR_FORM_ALONE ? CR_FORM_TOGETHER : CR_FORM_ALONE;
    double step = CR_MAX(us / (double)steps, 1e-3);
    if (form == CR_FORM_TOGETHER)
        f->in_vain = 0;
    if (f->known[form] < 2 && us < enough_us)
        f->us[form] = CR_MIN(f->us[form], step); /* so that the next try is of more steps */
    if (us < enough_us || (f->known[form] >= 2 && expected_us < enough_us))
        return;
    if (f->known[form]++ == 0)
        return; /* a driver may still compile during the first */
    if (form == CR_FORM_TOGETHER)
        f->penalty = CR_MAX(0.9 * f->penalty, least_penalty);
    if (f->known[form] > 2) /* one launch that was put off is not believed at once */
        step = CR_MIN(step, surprise * f->us[form]);
    f->us[form] = f->known[form] == 2 ? step : f->us[form] + fresh * (step - f->us[form]);
    double expected = f->us[form] * f->guess[other] / f->guess[form];
    double forget = f->known[other] < 2 ? 1 : CR_MIN(elapsed_us / memory_us, 1);
    f->us[other] += forget * (expected - f->us[other]);
}

void cr_form_gave_up(cr_form *f)
{
    if (f->known[CR_FORM_TOGETHER]++ == 0)
        return; /* a driver's threads may still start during the first */
    if (is_hopeless(f) && f->in_vain++ < few)
        return;
    f->us[CR_FORM_TOGETHER] = (1 + f->penalty) * f->us[CR_FORM_ALONE];
    f->penalty = CR_MIN(4 * f->penalty, most_penalty);
    f->known[CR_FORM_TOGETHER] = 2;
}
