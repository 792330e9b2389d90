/* codegen.h - from a plan to a module: OpenCL C for exactly that graph. It spells what the plan chose
 * and chooses nothing; it sees no device. */
#ifndef CR_CODEGEN_H
#define CR_CODEGEN_H

#include "module.h"
#include "plan.h"

/* NULL on failure, with the diagnostic set. The caller owns the module. */
cr_module *cr_codegen(const cr_plan *plan);

#endif
