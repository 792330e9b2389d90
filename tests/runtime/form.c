/* form.c - all groups, or one alone. */
#include "modules.h"

#include "form.h"

Test(form, few_steps_do_not_pay_for_waking)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    cr_assert_eq(cr_form_choose(&f, 1), CR_FORM_ALONE);
    cr_assert_eq(cr_form_choose(&f, 4), CR_FORM_ALONE);
    cr_assert_eq(cr_form_choose(&f, 6), CR_FORM_TOGETHER);
}

Test(form, tries_of_the_other_form_are_short)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    cr_assert_eq(cr_form_try(&f, 4000), 4000); /* there is nothing to fall back to */
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_TOGETHER);
        cr_form_measured(&f, CR_FORM_TOGETHER, 6e4, 1000, 6e4);
    }
    for (int i = 0; i < 2; i++) { /* then the other, to know both */
        cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_ALONE);
        cr_assert_lt(cr_form_try(&f, 1000), 500);
        cr_form_measured(&f, CR_FORM_ALONE, 1e4, 100, 1e4);
    }
    cr_assert_eq(cr_form_try(&f, 4000), 4000);
}

/* One group alone may have to do what launches together left undone: in less than half a second. */
Test(form, launches_together_can_be_mended_soon)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    cr_assert_eq(cr_form_try(&f, 100000), 4000);
    cr_form_init(&f, 1e6, 60);
    cr_assert_eq(cr_form_try(&f, 100000), 1);
}

/* Where one group alone would be far slower, giving up now and then is no reason for it. What was
 * launched is learned from, however little one group could mend. */
Test(form, alone_may_be_out_of_the_question)
{
    cr_form f;
    cr_form_init(&f, 4000, 20);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(cr_form_choose(&f, 100), CR_FORM_TOGETHER);
        if (i % 2)
            cr_form_gave_up(&f);
        else
            cr_form_measured(&f, CR_FORM_TOGETHER, 3e3, 100, 3e3);
    }
    cr_assert_gt(f.us[CR_FORM_TOGETHER], 25);
    for (int i = 0; i < 5; i++)
        cr_form_gave_up(&f);
    cr_assert_eq(cr_form_choose(&f, 250), CR_FORM_ALONE); /* but for ever it cannot wait in vain */
}

Test(form, one_late_launch_is_not_believed)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    for (int i = 0; i < 4; i++)
        cr_form_measured(&f, CR_FORM_TOGETHER, 6e4, 1000, 6e4);
    for (int i = 0; i < 2; i++)
        cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 1e5);
    cr_form_measured(&f, CR_FORM_TOGETHER, 1.7e4, 4, 1.7e4); /* four steps, and two time slices */
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_TOGETHER);
    cr_form_measured(&f, CR_FORM_TOGETHER, 6e5, 1000, 6e5);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_TOGETHER);
    cr_form_measured(&f, CR_FORM_TOGETHER, 6e5, 1000, 6e5);
    cr_form_measured(&f, CR_FORM_TOGETHER, 6e5, 1000, 6e5);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_ALONE); /* but so it goes on */
}

Test(form, follows_what_is_measured)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    for (int i = 0; i < 20; i++) { /* together takes four times as long as foreseen */
        bool alone = cr_form_choose(&f, 100) == CR_FORM_ALONE;
        cr_form_measured(&f, alone ? CR_FORM_ALONE : CR_FORM_TOGETHER, (alone ? 110 : 240) * 100,
                         100, (alone ? 110 : 240) * 100);
    }
    cr_assert_eq(cr_form_choose(&f, 100), CR_FORM_ALONE);
    int tries = 0;
    while (cr_form_choose(&f, 100) == CR_FORM_ALONE && tries < 10000) {
        cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 1e5); /* a tenth of a second each */
        tries++;
    }
    cr_assert(tries > 10 && tries < 1000, "%d", tries); /* it is tried again, and not at once */
}

Test(form, giving_up_is_remembered)
{
    cr_form f;
    cr_form_init(&f, 100, 60);
    cr_form_gave_up(&f);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_TOGETHER); /* the first tells nothing */
    cr_form_gave_up(&f);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_ALONE);
    for (int i = 0; i < 3; i++) /* a third of a second */
        cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 1e5);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_ALONE);
    int first = 0, second = 0;
    for (; cr_form_choose(&f, 1000) == CR_FORM_ALONE && first < 1000; first++)
        cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 1e5);
    cr_form_gave_up(&f);
    for (; cr_form_choose(&f, 1000) == CR_FORM_ALONE && second < 1000; second++)
        cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 1e5);
    cr_assert(first > 0 && first + 3 < second && second < 200, "%d, %d", first, second);
    cr_form_gave_up(&f);
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_ALONE);
    cr_form_measured(&f, CR_FORM_ALONE, 1e5, 1000, 6e7); /* a minute later */
    cr_assert_eq(cr_form_choose(&f, 1000), CR_FORM_TOGETHER);
}
