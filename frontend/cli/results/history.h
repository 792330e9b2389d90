/* history.h - what the epochs of a training were like, as a table, CSV, JSON and a picture. */
#ifndef CRISOL_CLI_HISTORY_H
#define CRISOL_CLI_HISTORY_H

#include "cli.h"

typedef struct history {
    cr_epoch *epoch;
    size_t n, cap;
    size_t earlier; /* of these: of the process that is gone on from */
    double log_due; /* when the log is written again */
    bool validates; /* there are validation samples */
    uint32_t top_k; /* that is counted; 0: it is not */
} history;

void history_add(history *h, const cr_epoch *e);
void history_finish(history *h);

/* The table, row by row. */
void history_print_head(const history *h, FILE *out);
void history_print_row(const history *h, FILE *out, const cr_epoch *e);
/* Adds what an epoch was like to a JSON object. */
void history_add_json(const history *h, const cr_epoch *e, struct cJSON *to);

/* Is the ending one of .csv and .jsonl? Checked before training. */
int history_check_log(const char *path);
/* For a file that is written whole again and again as it grows: having begun to write it then, and
 * ended now, when (cli_now) it is time again. A few times a second, and no more than a tenth of the
 * time goes into it. */
double history_due(double begun);
/* Writes the log when it is its turn, the first time at once. */
int history_log(history *h, const char *path);
/* Writes all epochs so far, as CSV or as a line of JSON each, by the ending; NULL paths are fine.
 * CLI_OK or CLI_MISTAKE. */
int history_write_log(const history *h, const char *path);
/* Of a training that is gone on with: adds the epochs up to that number that a log has from before,
 * so that it keeps them. CLI_OK, also when there is no such file yet, or CLI_MISTAKE. */
int history_read_log(history *h, const char *path, uint32_t epochs);
/* Loss and accuracy curves, by gnuplot. Nothing is written for no epoch. */
int history_plot(const history *h, const char *path, const char *title);

#endif
