/* starting.h - --start of `crisol train`: a training that begins with the weights of a model, one
 * of Keras say. Without crisol-io the option is there, and refused. */
#ifndef CRISOL_CLI_STARTING_H
#define CRISOL_CLI_STARTING_H

#include "options/training.h"

typedef struct starting {
    const char *file;
    struct cr_model *model;
    char *net; /* its net as text */
} starting;

void starting_options(starting *s, cli_options *o);
/* Reads the model, whose net is trained where --net is not given. CLI_GO, or the exit status after
 * a message. */
int starting_check(starting *s, training *t, const cli_options *o);
/* Does the net that the file has fit its weights? A file that says more than it holds is refused
 * before there is a trainer. CLI_GO, or the exit status. */
int starting_fits(starting *s, const cr_data *data);
/* Sets the trainer's weights. CLI_GO, or the exit status. */
int starting_begin(const starting *s, cr_trainer *trainer);
void starting_finish(starting *s);

#endif
