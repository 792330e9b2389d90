/* optimizing.h - the options of a command that choose an optimizer. */
#ifndef CRISOL_CLI_OPTIMIZING_H
#define CRISOL_CLI_OPTIMIZING_H

#include "cli.h"

typedef struct optimizing {
    int kind;                  /* cr_optimizer_kind */
    cr_optimizer o;            /* what is not given stays 0 */
    const char *schedule_text; /* "cosine 10 epochs" */
} optimizing;

void optimizing_options(optimizing *z, cli_options *o);
/* Fills in z->o; `o` as parsed. CLI_GO, or the exit status after a message. */
int optimizing_check(optimizing *z, const cli_options *o);
/* Reads "KIND [lr=R] [momentum=M] ... [schedule SCHEDULE]", what the options say in one text; z is
 * zero, or has a schedule. NULL, or what is wrong, with *at at the word. */
const char *optimizing_read(optimizing *z, const char *text, const char **at);

#endif
