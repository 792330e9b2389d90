/* next.h - the next elements of an input, which go up to a second buffer beside what runs. */
#ifndef CR_NEXT_H
#define CR_NEXT_H

#include "mem.h"

/* Host memory for the next elements, as large as the input. Waits until what was staged there
 * before, two times ago, has gone up. */
cr_status cr_next_stage(cr_mem *b, const char *name, void **at);
/* Starts the upload of the first `bytes` that were staged, behind all that reads the second buffer.
 */
cr_status cr_next_upload(cr_mem *b, const char *name, uint64_t bytes);
/* The buffers change places: what is enqueued on `queue` from now on waits for the upload. Kernels
 * see it once they are bound again, which b->version tells. */
cr_status cr_next_switch(cr_mem *b, const char *name, cl_command_queue queue);
/* Waits for uploads, then frees; for cr_mem_unref. */
void cr_next_destroy(cr_mem *b);

#endif
