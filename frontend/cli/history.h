/* history.h - what the epochs of a training were like, as a table, CSV, JSON and a picture. */
#ifndef CRISOL_CLI_HISTORY_H
#define CRISOL_CLI_HISTORY_H

#include "cli.h"

typedef struct history {
    cr_epoch *epoch;
    size_t n;
} history;

void history_add(history *h, const cr_epoch *e);
void history_finish(history *h);

/* The table, row by row. */
void history_print_head(FILE *out);
void history_print_row(FILE *out, const cr_epoch *e);

/* Writes all epochs so far; NULL paths are fine. CLI_OK or CLI_MISTAKE. */
int history_write_csv(const history *h, const char *path);
/* Loss and accuracy curves, by gnuplot. Nothing is written for no epoch. */
int history_plot(const history *h, const char *path, const char *title);

/* Can this be plotted? Checked before training. */
int history_check_plot(const char *path);

#endif
