/* predictions.h - what a trained net says of the test samples, as CSV and pictures. */
#ifndef CRISOL_CLI_PREDICTIONS_H
#define CRISOL_CLI_PREDICTIONS_H

#include "cli.h"

/* All: NULL paths are fine. CLI_OK, or the exit status after a message. */

/* A line a sample: its number, its label and the class that is predicted, or its targets; and for
 * each score the probability where the loss is a cross-entropy, else the score itself. Classes that
 * have names are told by them. */
int predictions_write(cr_trainer *trainer, const cr_data *data, cr_loss loss, const char *path);

/* The same of scores that are there, [part->n, scores]; they become probabilities. Without labels
 * or targets there is no column of them. `loss` CR_LOSS_COUNT: none is known. */
int predictions_print(const cr_data *data, const cr_part *part, cr_loss loss, float *score,
                      uint32_t scores, const char *path);

/* The class that the scores of a sample say, and they become probabilities; of one score, whether
 * it is a yes. `loss` as for predictions_print. */
uint32_t predictions_class(cr_loss loss, float *score, uint32_t scores);

/* How many samples of each label were taken for each class, which the trainer counts: a line a
 * label, or drawn as a heat map where the path ends in .svg or .png. */
int confusion_write(cr_trainer *trainer, const cr_data *data, const char *path);

/* The first test images and what they are taken for, as PNG (grid.h); grid_check first. */
int predictions_show(cr_trainer *trainer, const cr_data *data, cr_loss loss, const char *path);

#endif
