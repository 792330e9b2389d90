/* split.h - `crisol profile --split`: where a step's time goes, naive, unfused and fused. */
#ifndef CRISOL_CLI_SPLIT_H
#define CRISOL_CLI_SPLIT_H

#include "options/training.h"

typedef struct split {
    const char *csv, *plot;
    uint64_t steps;
    bool json;
} split;

/* Measures the three, and tells and draws them. CLI_OK, or the exit status after a message. */
int split_measure(const split *s, training *t, const cr_data *data);

#endif
