/* predictions.h - what a trained net says of the test images, as CSV. */
#ifndef CRISOL_CLI_PREDICTIONS_H
#define CRISOL_CLI_PREDICTIONS_H

#include "cli.h"

/* A line an image: its number, its label, the class that is predicted, and of each class the
 * probability where the scores are logits (`softmax`), else the score. NULL paths are fine. CLI_OK,
 * or the exit status after a message. */
int predictions_write(cr_trainer *trainer, const cr_dataset *data, bool softmax, const char *path);

#endif
