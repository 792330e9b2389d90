/* module.h - what codegen gives and the executor runs: kernels, memories, named slots, steps. Plain
 * data without pointers into a graph, so that printing a module is exporting a program. */
#ifndef CR_MODULE_H
#define CR_MODULE_H

#include "base.h"
#include "crisol/graph.h"

/* A memory object. Device memories become one cl_mem each, host memories one block each. Several
 * programs may share STORE memories (weights, optimizer state, counters). */
typedef enum cr_memory_kind {
    CR_MEMORY_ARENA,      /* device: values of a step; contents do not outlive it */
    CR_MEMORY_STORE,      /* device: states, at literal offsets */
    CR_MEMORY_INPUT,      /* device: one fed tensor, kept until it is fed again */
    CR_MEMORY_MEETING,    /* device: zero at first; what resident groups know of each other */
    CR_MEMORY_WORK,       /* device: the states that a launch of resident groups works on */
    CR_MEMORY_HOST,       /* host: values of a step in host space */
    CR_MEMORY_HOST_STORE, /* host: states in host space */
    CR_MEMORY_HOST_INPUT  /* host: one fed tensor; the caller's pointer, not copied */
} cr_memory_kind;
static inline bool cr_memory_on_host(cr_memory_kind k)
{
    return k >= CR_MEMORY_HOST;
}
const char *cr_memory_kind_name(cr_memory_kind k); /* "arena", "host input" */

/* Words (i32) of a MEETING memory. A launch of resident groups works on a copy of the states and
 * commits it behind the last barrier, so that one that gave up has changed nothing. The same kernel
 * as a single group, with a negative `patience`, then does the work; after a launch whose groups
 * all came to the last barrier it does nothing, or commits what one of them, which saw that too
 * late, did not. */
enum {
    CR_MEETING_ARRIVED,   /* groups that came to a barrier, since the launch began */
    CR_MEETING_GAVE_UP,   /* a group waited too long */
    CR_MEETING_COMMITTED, /* groups that have committed their share */
    CR_MEETING_MENDED,    /* launches that had to be done again, in all */
    CR_MEETING_WORDS = 16 /* a cache line */
};
enum {
    CR_WORK_LINE = 64,    /* states are copied in lines of this many bytes */
    CR_MEETING_LOCAL = 16 /* local memory that a group of several work-items needs to meet others */
};

typedef struct cr_memory {
    cr_memory_kind kind;
    const char *name;
    uint64_t bytes;
} cr_memory;

/* A named tensor at a place in a memory. */
typedef enum cr_slot_kind { CR_SLOT_INPUT, CR_SLOT_STATE, CR_SLOT_OUTPUT } cr_slot_kind;
typedef struct cr_slot {
    cr_slot_kind kind;
    const char *name;
    uint32_t memory;
    uint64_t offset, bytes;
    cr_dtype dtype;
    cr_shape shape; /* literal */
} cr_slot;

typedef struct cr_kernel {
    const char *name;       /* the __kernel function in `source` */
    uint64_t groups;        /* work-groups (one dimension) */
    uint32_t local;         /* work-items of a group */
    const uint32_t *memory; /* argument i is memory memory[i] */
    uint32_t nmemory;
    bool repeat;   /* the argument after the memories is an int: how many steps to run */
    bool resident; /* its groups wait for each other; may run as one group; after `steps` comes
                    * `patience`: how often a group looks for the others in vain before it gives up
                    */
    uint64_t local_bytes[2]; /* the last arguments: local memory of these sizes */
    uint32_t nlocal;
    const char *label; /* what people read in tables: "matmul+bias+sigmoid" */
    uint64_t flops, bytes_read, bytes_written; /* as planned, of one step */
} cr_kernel;

typedef enum cr_step_kind {
    CR_STEP_LAUNCH,   /* kernel */
    CR_STEP_UPLOAD,   /* bytes from host memory `from` to device memory `to` */
    CR_STEP_DOWNLOAD, /* bytes from device memory `from` to host memory `to`; waits */
    CR_STEP_HOST      /* evaluates a graph on the host, after all before it has finished */
} cr_step_kind;

/* A value that a host step reads or writes: the leaf (INPUT) or OUTPUT of that name in its text. */
typedef struct cr_host_arg {
    const char *name;
    uint32_t memory;
    uint64_t offset;
} cr_host_arg;

typedef struct cr_step {
    cr_step_kind kind;
    const char *label; /* for profiles: kernel label, or the value moved */
    uint32_t kernel;   /* LAUNCH */
    uint32_t from, to; /* UPLOAD, DOWNLOAD */
    uint64_t from_offset, to_offset, bytes;
    const char *text; /* HOST: a graph in text form (graph/text.c) */
    const cr_host_arg *in, *out;
    uint32_t nin, nout;
} cr_step;

typedef struct cr_module {
    cr_arena arena; /* owns everything below */
    const char *name;
    const char *source;  /* OpenCL C of all kernels: one program */
    const char *options; /* build options */
    cr_memory *memory;
    uint32_t nmemory;
    cr_slot *slot;
    uint32_t nslot;
    cr_kernel *kernel;
    uint32_t nkernel;
    cr_step *step;
    uint32_t nstep; /* one run of the program, in order; with `repeat`, all steps are one launch */
    bool repeat;    /* the module is one launch that can run many steps */
    uint64_t step_us; /* the cost model's guess for one step, to bound launches in time */
    double alone_us, together_us; /* guesses, of a resident kernel: a step as one group, as all */
    double looks_per_us;          /* of its waiting groups */
    bool together;                /* always as all groups: the user asked for it */
    uint64_t peak_bytes, peak_bound_bytes; /* arena peak as planned, and its lower bound */
} cr_module;

void cr_module_destroy(cr_module *m); /* accepts NULL */

#endif
