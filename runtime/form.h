/* form.h - whether a kernel of resident groups is launched as all of them or as one alone. Both
 * give the same bits; which is faster depends on who else uses the machine, and is measured. */
#ifndef CR_FORM_H
#define CR_FORM_H

#include "base.h"

typedef enum cr_form_kind { CR_FORM_ALONE, CR_FORM_TOGETHER } cr_form_kind;

typedef struct cr_form {
    double guess[2];   /* the cost model's, microseconds a step */
    double us[2];      /* what is believed now */
    uint32_t known[2]; /* measurements taken */
    uint32_t in_vain;  /* launches together in a row that gave up */
    double penalty;    /* of the next time that launches give up, in parts of a step alone */
} cr_form;

void cr_form_init(cr_form *f, double alone_us, double together_us);
/* For the next launch, of that many steps. */
cr_form_kind cr_form_choose(const cr_form *f, uint64_t steps);
/* How many of them should be launched and measured before more are: a form's first tries are short,
 * and what one group alone may have to do again takes 0.4 s at most. */
uint64_t cr_form_try(const cr_form *f, uint64_t steps);
/* So many steps took `us` in all, in that form; now is `elapsed_us` after the last measurement. */
void cr_form_measured(cr_form *f, cr_form_kind form, double us, uint64_t steps, double elapsed_us);
/* A launch together gave up: not to be tried again soon, and each time later. Where one group alone
 * would be far slower, only when a few did so in a row. */
void cr_form_gave_up(cr_form *f);

#endif
