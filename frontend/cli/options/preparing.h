/* preparing.h - layers before those of --net that make samples ready: --standardize and the like.
 */
#ifndef CRISOL_CLI_PREPARING_H
#define CRISOL_CLI_PREPARING_H

#include "cli.h"

typedef struct preparing {
    bool standardize, scale;
    const char *onehot;
    int words; /* 0: as columns of 0 and 1; 1: their codes */
} preparing;

void preparing_options(preparing *p, cli_options *o);
int preparing_check(const preparing *p);
/* The text of the net with these layers before its own, behind its input; NULL after a message:
 * `net`, which `text` says, may take its input at one place only then. The caller frees it. */
char *preparing_net(const preparing *p, const cr_data *data, const cr_net *net, const char *text);

#endif
