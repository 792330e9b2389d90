/* draw.h - what the pictures of studies share. */
#ifndef CRISOL_CLI_STUDY_DRAW_H
#define CRISOL_CLI_STUDY_DRAW_H

#include "study/study.h"

/* A blank and a number, for a table of gnuplot's. */
void draw_number(cli_text *t, double x);
/* The title: what all runs have in common, epochs and seeds; and how titles look. */
void draw_heading(cli_text *t, const study *s, const char *what);
/* Is there an accuracy, are there test samples? Of all runs, as they have the same samples and the
 * same loss. */
bool draw_has_accuracy(const study *s);
bool draw_has_test(const study *s);

/* Loss in training, and what the runs come to, epoch by epoch. CLI_OK or CLI_MISTAKE. */
int draw_curves(const study *s);

#endif
