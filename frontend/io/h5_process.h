/* h5_process.h - child processes of limited means, and the pipe on which they answer. */
#ifndef CR_H5_PROCESS_H
#define CR_H5_PROCESS_H

#include <sys/types.h>

#include "h5.h"

typedef struct cr_h5_process {
    pid_t pid;
    int fd; /* its pipe; not inherited by programs that are run */
} cr_h5_process;

/* Runs body(out, user) in a child, which has `cpu_seconds`, `memory` bytes above what this process
 * has now, no standard streams, and may write no file. CR_E_IO with `name` when it cannot be
 * started. */
cr_status cr_h5_process_start(cr_h5_process *p, const char *name, unsigned cpu_seconds,
                              uint64_t memory, void (*body)(int out, void *user), void *user);
/* Reads up to n bytes; 0 at the end, or when nothing has come for a minute. */
size_t cr_h5_process_read(cr_h5_process *p, void *out, size_t n);
/* Ends it, whatever it does. */
void cr_h5_process_end(cr_h5_process *p);

#endif
