/* checkpointing.h - --checkpoint, --every, --resume of `crisol train`. Without crisol-io the
 * options are there, and refused. */
#ifndef CRISOL_CLI_CHECKPOINTING_H
#define CRISOL_CLI_CHECKPOINTING_H

#include "options/training.h"

typedef struct checkpointing {
    const char *file, *resume;
    uint64_t every;
    /* The options that were given, here or to the training that is gone on with, and that its
     * results depend on: names and values. */
    const char *note[CLI_MAX_OPTIONS][2];
    char text[CLI_MAX_OPTIONS][CLI_VALUE_TEXT];
    uint32_t nnotes;
    const cr_data *data;
    uint32_t done;              /* epochs of the file that is gone on from */
    uint32_t written;           /* the epoch that `file` holds; 0: none of this process */
    struct cr_checkpoint *from; /* what --resume names */
    char *net;                  /* its net as text */
} checkpointing;

void checkpointing_options(checkpointing *c, cli_options *o);
/* Reads what --resume names, and takes from it the options that are not given, and the net. CLI_GO,
 * or the exit status after a message. */
int checkpointing_check(checkpointing *c, training *t, cli_options *o);
/* Sets the trainer to where the file is. CLI_GO, or the exit status. */
int checkpointing_begin(checkpointing *c, const cr_data *data, cr_trainer *trainer);
/* After an epoch: writes it when it is its turn, or the last one. */
cr_status checkpointing_write(checkpointing *c, cr_trainer *trainer, uint32_t epoch, bool last);
/* Tells, after an interruption, what there is to go on from. */
void checkpointing_tell(const checkpointing *c);
void checkpointing_finish(checkpointing *c);

#endif
