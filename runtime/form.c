/* form.c - see form.h. */
#include "form.h"

void cr_form_init(cr_form *f, double alone_us, double together_us, double backup_us)
{
    const double wake_us = 200; /* of all threads: 20 on a quiet machine, a time slice at worst */
    *f = (cr_form){.backup_us = backup_us + wake_us, .penalty = 2};
    f->guess[CR_FORM_ALONE] = f->us[CR_FORM_ALONE] = CR_MAX(alone_us, 1e-3);
    f->guess[CR_FORM_TOGETHER] = f->us[CR_FORM_TOGETHER] = CR_MAX(together_us, 1e-3);
}

cr_form_kind cr_form_choose(const cr_form *f, uint64_t steps)
{
    double n = (double)steps;
    const double hopeless = 4; /* times as long, by the model: not worth a try */
    if (f->known[CR_FORM_TOGETHER] >= 4 && f->known[CR_FORM_ALONE] < 2 &&
        f->guess[CR_FORM_ALONE] < hopeless * f->guess[CR_FORM_TOGETHER])
        return CR_FORM_ALONE; /* once, to know both */
    return n * f->us[CR_FORM_TOGETHER] + f->backup_us < n * f->us[CR_FORM_ALONE] ? CR_FORM_TOGETHER
                                                                                 : CR_FORM_ALONE;
}

/* The model's absolute figures are rough and its ratios better: what was never measured is believed
 * in proportion. What was measured long ago is forgotten in the course of some seconds, so that the
 * other form gets another try. */
void cr_form_measured(cr_form *f, cr_form_kind form, double us, uint64_t steps)
{
    const double fresh = 0.5, memory_us = 4e6, shortest_us = 5e3;
    if (us < shortest_us)
        return; /* threads that wake up late tell nothing of the steps */
    cr_form_kind other = form == CR_FORM_ALONE ? CR_FORM_TOGETHER : CR_FORM_ALONE;
    if (f->known[form]++ == 0)
        return; /* a driver may still compile during the first */
    double step = CR_MAX(us / (double)steps, 1e-3);
    f->us[form] = f->known[form] == 2 ? step : f->us[form] + fresh * (step - f->us[form]);
    double expected = f->us[form] * f->guess[other] / f->guess[form];
    double forget = f->known[other] < 2 ? 1 : CR_MIN(us / memory_us, 1);
    f->us[other] += forget * (expected - f->us[other]);
}

void cr_form_gave_up(cr_form *f)
{
    if (f->known[CR_FORM_TOGETHER]++ == 0)
        return; /* a driver's threads may still start during the first */
    f->us[CR_FORM_TOGETHER] = f->penalty * f->us[CR_FORM_ALONE];
    f->penalty = CR_MIN(2 * f->penalty, 16);
    f->known[CR_FORM_TOGETHER] = 2;
}
