/* several.h - predictions of models with several inputs or outputs. */
#ifndef CRISOL_CLI_SEVERAL_H
#define CRISOL_CLI_SEVERAL_H

#include "cli.h"

#if CRISOL_HAVE_IO
#include <crisol/io/model.h>

/* `inputs`: files of arrays [n, ...], in the order of the model's inputs, with commas between them.
 * Writes the outputs to `out`: a table with columns OUTPUT.N, or, when it ends in .npy, an array;
 * of several outputs each to a file of its own, OUT.OUTPUT.npy. NULL is standard output. CLI_OK, or
 * the exit status after a message. */
int several_predict(const char *model, const char *device, const char *inputs, const char *out);

#endif
#endif
