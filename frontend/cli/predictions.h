/* predictions.h - what a trained net says of the test samples, as CSV. */
#ifndef CRISOL_CLI_PREDICTIONS_H
#define CRISOL_CLI_PREDICTIONS_H

#include "cli.h"

/* Both: NULL paths are fine. CLI_OK, or the exit status after a message. */

/* A line a sample: its number, its label and the class that is predicted, or its targets; and for
 * each score the probability where the loss is a cross-entropy, else the score itself. Classes that
 * have names are told by them. */
int predictions_write(cr_trainer *trainer, const cr_data *data, cr_loss loss, const char *path);

/* The same of scores that are there, [part->n, scores]; they become probabilities. Without labels
 * or targets there is no column of them. `loss` CR_LOSS_COUNT: none is known. */
int predictions_print(const cr_data *data, const cr_part *part, cr_loss loss, float *score,
                      uint32_t scores, const char *path);

/* A line a label: how many of its samples were taken for each class. The trainer counts them. */
int confusion_write(cr_trainer *trainer, const cr_data *data, const char *path);

#endif
