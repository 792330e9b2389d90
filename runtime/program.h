/* program.h - a module's source as a built cl_program: from the cache, or from the compiler. */
#ifndef CR_PROGRAM_H
#define CR_PROGRAM_H

#include "device.h"

typedef struct cr_built_program {
    cr_device *device; /* not held: the owner does */
    cl_program program;
    char *key; /* of the cache; NULL when the cache is off */
    bool from_cache;
    bool unsaved; /* the cache does not have it yet */
} cr_built_program;

/* Zero-initialised is empty. `name` is the module's, for messages and files. After a failure,
 * cr_built_program_finish is still due. */
cr_status cr_built_program_init(cr_built_program *p, cr_device *device, const char *name,
                                const char *source, const char *options);

/* Puts a freshly built program into the cache. Call it when every kernel has been launched and has
 * finished: PoCL compiles a kernel for its local size at the first launch, and only a binary that
 * is read after that holds the result (6 kernels, new process: 7 ms to load and launch; read before
 * the first launch: 300 ms). */
void cr_built_program_save(cr_built_program *p);
void cr_built_program_finish(cr_built_program *p);

#endif
