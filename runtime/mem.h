/* mem.h - one memory of a module, on the device or on the host; shared by counting. */
#ifndef CR_MEM_H
#define CR_MEM_H

#include "device.h"

typedef struct cr_mem {
    uint32_t refs;
    cr_device *device;
    uint64_t bytes;
    cl_mem mem;           /* on the device */
    void *host;           /* on the host */
    bool borrowed;        /* `host` is the caller's */
    bool in_place;        /* `mem` is over the caller's memory, which is never written */
    bool fed;             /* inputs: it has its elements */
    struct cr_next *next; /* inputs: a second buffer; NULL: there was no need (next.h) */
    uint32_t version;     /* how often `mem` was exchanged for it */
} cr_mem;

cr_mem *cr_mem_on_device(cr_device *device, const char *name, uint64_t bytes);
cr_mem *cr_mem_on_host(cr_device *device, uint64_t bytes);
cr_mem *cr_mem_borrowed(cr_device *device, uint64_t bytes); /* points nowhere yet */
/* Over the caller's elements, without a copy: NULL where that cannot be, and then *why says why not
 * (NULL: out of memory). */
cr_mem *cr_mem_in_place(cr_device *device, const void *data, uint64_t bytes, const char **why);
cr_mem *cr_mem_ref(cr_mem *b);
void cr_mem_unref(cr_mem *b); /* accepts NULL */

/* A buffer on the device, and its end, both counted there; *mem may be NULL at the end. */
cr_status cr_mem_allocate(cr_device *device, const char *name, uint64_t bytes, cl_mem *mem);
void cr_mem_release(cr_device *device, uint64_t bytes, cl_mem *mem);

cr_status cr_mem_zero(cr_mem *b);
/* Copies, after all that was enqueued, and returns when it is done. */
cr_status cr_mem_write(cr_mem *b, uint64_t offset, const void *data, uint64_t bytes);
cr_status cr_mem_read(cr_mem *b, uint64_t offset, void *out, uint64_t bytes);

/* A module's memories in a store, which gets those that it does not have yet. Sets memory[i] (a
 * reference each) for every STORE and HOST_STORE memory i of the module. */
cr_status cr_store_join(cr_store *store, const cr_module *module, cr_mem **memory);

#endif
