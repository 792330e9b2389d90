/* compare.h - what `crisol compare` measures, and how it is shown. */
#ifndef CRISOL_CLI_COMPARE_H
#define CRISOL_CLI_COMPARE_H

#include "options/training.h"

enum { NVARIANT = 3, NPAIR = 3 };

typedef struct variant {
    const char *name;
    cr_trainer *trainer;
    double *loss;        /* of each compared step */
    float *weights;      /* all parameters, after the compared steps */
    double *sample;      /* microseconds a step, of each repeat */
    uint64_t per_sample; /* steps of a repeat */
    cr_counters before;  /* the measured steps */
    /* per step: */
    double launches, h2d, d2h, kernel_us;
    double step_us, low_us, high_us; /* median and quartiles */
    uint64_t upload_bytes;           /* once an epoch */
    cr_program_info info;
} variant;

typedef struct pair {
    const variant *a, *b;
    double speedup, diff_loss, diff_weights;
    bool equal;
} pair;

typedef struct comparison {
    training t;
    uint64_t steps, repeats;
    uint32_t batch;
    size_t nweights;
    variant v[NVARIANT];
    pair p[NPAIR];
} comparison;

/* Trains, measures, compares. CLI_OK, or the exit status after a message. */
int compare_measure(comparison *c, const cr_data *data);
void compare_finish(comparison *c);

#endif
