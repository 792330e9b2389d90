/* checkpoint.h - what the files of checkpoints share. */
#ifndef CR_CHECKPOINT_H
#define CR_CHECKPOINT_H

#include "crisol/io/checkpoint.h"
#include "model_file.h"

struct cr_checkpoint {
    char *name;
    cr_model *model;    /* its tensors: what predicting reads */
    cr_model *training; /* its tensors: the other states; its notes: the options */
    cr_model *best;     /* its tensors: the best weights; its notes: epoch, figure; may be empty */
};

/* The checkpoint that an HDF5 file holds; NULL on failure. `name` is for messages. */
cr_checkpoint *cr_checkpoint_read(cr_h5 *h, const char *name);

/* The trainer's states, *n of them, to be cr_freed; NULL out of memory. */
cr_trainer_state *cr_checkpoint_states(cr_trainer *t, uint32_t *n);

/* ---- options as texts (training_options.c) --------------------------------------------------- */

/* Sets a note for each option, and those of the samples ("data ..."). */
cr_status cr_training_notes(cr_model *m, cr_trainer *t);
/* The options that the notes tell; CR_E_IO with `name` when they are none. */
cr_status cr_training_options(const cr_model *m, const char *name, cr_train_options *out);
/* CR_OK, or CR_E_ARGUMENT and a list of what is not as in the notes. */
cr_status cr_training_compare(const cr_model *m, const char *name, cr_trainer *t);

/* ---- samples (fingerprint.c) ----------------------------------------------------------------- */

/* XXH3 of n bytes, as text; of more than 256 MiB only of blocks that are spread over them. */
void cr_fingerprint(const void *data, uint64_t n, char text[32]);

#endif
