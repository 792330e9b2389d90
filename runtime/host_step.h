/* host_step.h - a step that runs on the host: a small graph, evaluated by the reference
 * interpreter between host memories. */
#ifndef CR_HOST_STEP_H
#define CR_HOST_STEP_H

#include "mem.h"

typedef struct cr_host_step cr_host_step;

/* Reads the step's text and finds its leaves and outputs. NULL on failure. */
cr_host_step *cr_host_step_create(const cr_module *module, uint32_t step);
void cr_host_step_destroy(cr_host_step *h); /* accepts NULL */
/* Evaluates it, with the memories where they are now. */
cr_status cr_host_step_run(cr_host_step *h, cr_mem *const *memory);

#endif
