/* inspecting.h - what opt and dot have in common: the compiler without a device. */
#ifndef CRISOL_CLI_INSPECTING_H
#define CRISOL_CLI_INSPECTING_H

#include "cli.h"

typedef struct inspecting {
    cr_inspect_options o;
    int variant, launches;
    cli_bindings bind;
    cr_budget budget;
} inspecting;

void inspecting_options(inspecting *in, cli_options *o);
/* Moves what was read into in->o. CLI_GO, or the exit status after a message. */
int inspecting_check(inspecting *in);

/* Reads a graph; NULL after a message. */
cr_graph *inspecting_read(const char *path);
int inspecting_list_passes(void);

#endif
