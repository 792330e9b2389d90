/* executor.h - an executable, as executor.c makes it, run.c runs it and profile.c watches it. */
#ifndef CR_EXECUTOR_H
#define CR_EXECUTOR_H

#include "form.h"
#include "host_step.h"
#include "mem.h"
#include "pace.h"
#include "program.h"

struct cr_trace; /* profile.c */

struct cr_exec {
    cr_device *device;
    cr_store *store;
    cr_module *module;
    cr_exec_options options;
    cr_built_program program;
    cl_kernel *kernel;      /* module->nkernel; arguments are set once */
    cr_mem **memory;        /* module->nmemory; a device INPUT is NULL until it is first fed */
    uint32_t *bound;        /* memory[i]->version that the kernels are bound to */
    cr_host_step **host;    /* module->nstep; NULL for steps of other kinds */
    bool uploads;           /* some step reads host memory behind the host's back */
    cl_command_queue queue; /* the device's, or its profiling one */
    cr_pace pace;
    bool resident;          /* the module is one kernel of resident groups */
    cr_form form;           /* of that kernel */
    double learned;         /* when it was last told of the form (cr_now) */
    double left;            /* when the last run returned */
    uint32_t forms;         /* those since the last wait: 1 << cr_form_kind */
    uint32_t meeting;       /* its MEETING memory */
    cl_int mended;          /* launches that gave up, as the device counts them */
    cl_int told;            /* the same, while it is read: after an error it may come late */
    struct cr_trace *trace; /* while profiling */
    uint64_t steps_done;    /* by the last run */
    bool ran;               /* outputs have values */
    cr_exec_stats stats;
};

/* Makes kernels and host steps see memory[i]. */
cr_status cr_exec_bind(cr_exec *x, uint32_t memory);

/* The slot of that kind and name; NULL: there is none. */
const cr_slot *cr_exec_slot(const cr_module *m, cr_slot_kind kind, const char *name);
/* Says so: there is no `what` of that name among slots of those kinds (1 << cr_slot_kind). */
cr_status cr_exec_no_such(const cr_module *m, const char *name, const char *what, unsigned kinds);
/* An error unless the slot is of that many bytes. */
cr_status cr_exec_check_size(const char *what, const cr_slot *slot, uint64_t bytes);

/* run.c: waits for all that was enqueued. */
cr_status cr_exec_settle(cr_exec *x);

/* profile.c: one call for each span; takes the event, also when it fails. `run` counts from the
 * beginning of the trace. */
cr_status cr_trace_event(struct cr_trace *t, uint32_t step, uint64_t run, double before,
                         cl_event event);
cr_status cr_trace_host(struct cr_trace *t, uint32_t step, uint64_t run, double start, double end);
/* All events recorded so far have finished: reads their times and lets go of them. */
cr_status cr_trace_harvest(struct cr_trace *t);

#endif
