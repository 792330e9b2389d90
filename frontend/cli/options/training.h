/* training.h - the options that train, compare, study, profile, tune and dot have in common. */
#ifndef CRISOL_CLI_TRAINING_H
#define CRISOL_CLI_TRAINING_H

#include "cli.h"
#include "options/optimizing.h"
#include "options/preparing.h"
#include "options/samples.h"

typedef struct training {
    samples samples;
    preparing preparing;
    const char *net_text, *device, *dump_kernels;
    int loss, opt; /* cr_loss; cli_variants */
    float label_smoothing, huber_delta;
    optimizing optimizer;
    uint64_t batch, seed, top_k; /* batch 0: the trainer's default; top_k 0: none */
    bool fast_math, reference;
    const char *augment_text; /* "flip,shift=2" */
    cr_augment augment;
    int launches; /* cr_launches */
    cr_budget budget;
    cr_net net;
    char *whole_text; /* of the net, with what makes samples ready */
    bool whole;       /* net_text has that already, and nothing is put before it */
} training;

#define CLI_VARIANTS "naive|unfused|fused"
#define CLI_LAUNCHES "best|levels|phases|alone|resident" /* as cr_launches */

/* Names of the variants, from the least to the most that the compiler does. */
extern const char *const cli_variants[3];
cr_opt cli_variant_opt(int i);

/* Adds the options, with their defaults in `t`. */
void training_options(training *t, cli_options *o);
/* The options without those that choose data and device: for pictures. */
void training_net_options(training *t, cli_options *o);
/* Reads what the texts hold; `o` as parsed. CLI_GO, and what was read is training_finish's to free;
 * or the exit status after a message. */
int training_check(training *t, const cli_options *o);
void training_finish(training *t);
/* The samples that --data names, and in t->net what makes them ready, before the net's own layers;
 * NULL after a message. To be given to cr_data_close. */
cr_data *training_data(training *t);
/* The latter alone, for another net on the same samples. CLI_GO, or the exit status after a
 * message.
 */
int training_prepare(training *t, const cr_data *data);
/* Are there test samples, or is there a part of the others for testing? */
bool training_has_test(const training *t, const cr_data *data);
/* A trainer of them, whose net knows what it has to know of them; NULL, with cr_error(). */
cr_trainer *training_create(const cr_data *data, const cr_train_options *options);
/* What a trainer is made from. `t` must outlive it. */
cr_train_options training_trainer(training *t, cr_opt opt);

/* From now on Ctrl-C sets *training_interrupt instead of ending the process; a second one ends it.
 */
extern const volatile int *const training_interrupt;
void training_catch_interrupt(void);

#endif
