/* samples.h - which samples a command takes: --data, and what says more of them. */
#ifndef CRISOL_CLI_SAMPLES_H
#define CRISOL_CLI_SAMPLES_H

#include "cli.h"
#if CRISOL_HAVE_IO
#include <crisol/io/table.h>
#endif

typedef struct samples {
    const char *name;
    const char *separator; /* as given */
    float test_split;
#if CRISOL_HAVE_IO
    cr_table_options o;
    int header, targets;
#endif
} samples;

void samples_options(samples *s, cli_options *o);
/* --test-split, of commands that train: only a trainer draws. */
void samples_split_option(samples *s, cli_options *o);
/* CLI_GO, or the exit status after a message. */
int samples_check(samples *s);
/* NULL after a message. To be given to cr_data_close. */
cr_data *samples_open(const samples *s);
/* Element i of x, which are samples of that type. */
double samples_number(const cr_samples *s, const void *x, size_t i);
/* How many there are, on which device, and whether it uses them where they lie: on standard error.
 */
void samples_tell(const cr_data *data, cr_trainer *trainer);
/* "images" or "samples". */
const char *samples_word(const cr_data *data);

#endif
