/* codegen.h - from a plan to a module: OpenCL C for exactly that graph. It spells what the plan
 * chose and chooses nothing; it sees no device. */
#ifndef CR_CODEGEN_H
#define CR_CODEGEN_H

#include "module.h"
#include "plan.h"

/* NULL on failure, with the diagnostic set. The caller owns the module.
 *
 * The environment variable CRISOL_DUMP_KERNELS names a folder: every source is written there, one
 * file HASH.cl for each distinct text, so that all that many processes emit (a test run, say) can
 * be looked at afterwards. --dump-kernels does the same for the programs of one command, with their
 * names. */
cr_module *cr_codegen(const cr_plan *plan);

#endif
