/* memory.h - one memory of a module, on the device or on the host; shared by counting. */
#ifndef CR_MEMORY_H
#define CR_MEMORY_H

#include "device.h"

/* Vector loads may read past the last element: no device memory ends right after its tensors. */
enum { CR_MEMORY_SLACK = 64 };

typedef struct cr_buffer {
    uint32_t refs;
    cr_device *device;
    uint64_t bytes;
    cl_mem mem;    /* on the device */
    void *host;    /* on the host */
    bool borrowed; /* `host` is the caller's */
    bool fed;      /* inputs: it has its elements */
} cr_buffer;

cr_buffer *cr_buffer_on_device(cr_device *device, const char *name, uint64_t bytes);
cr_buffer *cr_buffer_on_host(cr_device *device, uint64_t bytes);
cr_buffer *cr_buffer_borrowed(cr_device *device, uint64_t bytes); /* points nowhere yet */
cr_buffer *cr_buffer_ref(cr_buffer *b);
void cr_buffer_unref(cr_buffer *b); /* accepts NULL */

cr_status cr_buffer_zero(cr_buffer *b);
/* Copies, after all that was enqueued, and returns when it is done. */
cr_status cr_buffer_write(cr_buffer *b, uint64_t offset, const void *data, uint64_t bytes);
cr_status cr_buffer_read(cr_buffer *b, uint64_t offset, void *out, uint64_t bytes);

/* A module's memories in a store, which gets those that it does not have yet. Sets memory[i] (a
 * reference each) for every STORE and HOST_STORE memory i of the module. */
cr_status cr_store_join(cr_store *store, const cr_module *module, cr_buffer **memory);

#endif
