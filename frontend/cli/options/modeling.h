/* modeling.h - models in files, and samples for them: what predict, evaluate and show
 * have in common. */
#ifndef CRISOL_CLI_MODELING_H
#define CRISOL_CLI_MODELING_H

#include "options/samples.h"

#if CRISOL_HAVE_IO
#include <crisol/io/model.h>

typedef struct modeling {
    const char *file, *device, *loss_text;
    samples samples;
    cr_model *model;
    cr_data *data;
    const cr_part *part; /* of the data: the test samples, where there are any, else all */
    cr_loss loss;
    bool has_loss;
    cr_dtype dtype;  /* of x, for the model */
    char *converted; /* all samples, when the data has another type */
    size_t x_bytes;  /* of one sample, for the model */
} modeling;

void modeling_options(modeling *m, cli_options *o);
/* Loads the model and the samples, and checks that they fit; `targets`: these must be there.
 * CLI_GO, or the exit status after a message. */
int modeling_open(modeling *m, bool targets);
/* Sample i, as the model takes it. */
const void *modeling_x(const modeling *m, uint32_t i);
/* Samples of a step. */
uint32_t modeling_batch(const modeling *m);
/* Scores of all samples of the part, [part->n, *scores], to be freed even after a failure. CLI_GO,
 * or the exit status after a message. */
int modeling_predict(const modeling *m, float **out, uint32_t *scores);
/* The exit status for what the library said. */
int modeling_failed(cr_status status);
void modeling_close(modeling *m);

#else

/* What these commands are without crisol-io: their help, or a message. */
int modeling_missing(int argc, char **argv);

#endif
#endif
