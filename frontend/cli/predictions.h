/* predictions.h - what a trained net says of the test images, as CSV. */
#ifndef CRISOL_CLI_PREDICTIONS_H
#define CRISOL_CLI_PREDICTIONS_H

#include "cli.h"

/* Both: NULL paths are fine. CLI_OK, or the exit status after a message. */

/* A line an image: its number, its label, the class that is predicted, and for each score the
 * probability where the loss is a cross-entropy, else the score itself. */
int predictions_write(cr_trainer *trainer, const cr_dataset *data, cr_loss loss, const char *path);

/* A line a label: how many of its images were taken for each class. The trainer counts them. */
int confusion_write(cr_trainer *trainer, const char *path);

#endif
