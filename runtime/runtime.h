/* runtime.h - what the frontend needs of OpenCL, without OpenCL's types: devices, stores of state,
 * executables made from modules, their profiles.
 *
 *     cr_device *device = cr_device_open(NULL); // $CRISOL_DEVICE, else a GPU, else a CPU
 *     cr_exec *exec = cr_exec_create(device, NULL, module, NULL);
 *     cr_exec_feed(exec, "x", x, sizeof x);
 *     cr_exec_run(exec, 100);
 *     cr_exec_fetch(exec, "loss", &loss, sizeof loss);
 *     cr_exec_destroy(exec);
 *     cr_device_unref(device);
 *
 * Devices and stores are counted references; an executable holds those that it uses. All that hangs
 * on one device is for one thread at a time. */
#ifndef CR_RUNTIME_H
#define CR_RUNTIME_H

#include <signal.h>

#include "base.h"
#include "module.h"
#include "target.h"

/* ---- devices: finding and choosing ------------------------------------------------------- */

typedef enum cr_device_type {
    CR_DEVICE_CPU,
    CR_DEVICE_GPU,
    CR_DEVICE_ACCELERATOR,
    CR_DEVICE_OTHER
} cr_device_type;
const char *cr_device_type_name(cr_device_type type); /* "cpu", "gpu", "accelerator", "other" */

/* What was probed of one device. Texts are cut to their field. */
typedef struct cr_device_facts {
    uint32_t platform_index, device_index; /* in the order of the loader and of the platform */
    char platform[96], platform_version[160];
    char name[96], vendor[96], driver[96], version[160], c_version[96];
    cr_device_type type;
    bool usable; /* available, little-endian, and with a compiler */
    uint32_t compute_units, clock_mhz;
    uint64_t global_bytes, max_alloc_bytes, global_cache_bytes;
    uint64_t local_bytes;
    bool local_is_real; /* local memory of its own, rather than a piece of global memory */
    uint64_t max_group, max_args_bytes;
    uint32_t preferred_f32, native_f32; /* vector widths */
    bool sub_groups, half, command_buffers, unified;
    bool device_fence;   /* OpenCL C 3.0, with fences that order memory across work-groups */
    uint32_t processors; /* of the host that this process may use */
    uint32_t sub_group;  /* work-items in lock step; 0 = not told */
    uint32_t align_bytes;
    /* f32: */
    bool denormals, round_to_nearest, inf_nan, fma, correct_divide;
} cr_device_facts;

/* Every device of every platform, in the order of the loader. No platform, or none with a device,
 * is an error that says what to install. cr_free(*list). */
cr_status cr_device_list(cr_device_facts **list, uint32_t *count);

/* Which of a list: `selector` is "gpu", "cpu", "accelerator", an index, or part of a device's (else
 * of a platform's) name in any case; NULL or "" means $CRISOL_DEVICE, and without it a GPU, else a
 * CPU, else what there is. `reason` says why in one line. A selector that fits none is an error
 * that lists the devices. */
enum { CR_REASON_TEXT = 256 };
cr_status cr_device_choose(const cr_device_facts *list, uint32_t count, const char *selector,
                           uint32_t *index, char reason[CR_REASON_TEXT]);

/* The device as a target. What cannot be probed keeps the value of its class's built-in row, so the
 * same device and driver always give the same target. */
void cr_device_to_target(const cr_device_facts *info, cr_target *out);

/* ---- devices: an open one ---------------------------------------------------------------- */

/* A context and an in-order queue. */
typedef struct cr_device cr_device;

cr_device *cr_device_open(const char *selector); /* NULL: see cr_error() */
cr_device *cr_device_ref(cr_device *device);
void cr_device_unref(cr_device *device); /* accepts NULL */
const cr_device_facts *cr_device_describe(const cr_device *device);
const char *cr_device_reason(const cr_device *device); /* why it was chosen */

/* Medians in microseconds: of an empty launch among many that are queued, and of one that is waited
 * for. Builds a kernel. */
typedef struct cr_launch_cost {
    double queued_us, finished_us;
} cr_launch_cost;
cr_status cr_device_launch_cost(cr_device *device, cr_launch_cost *out);

/* Vector loads may read past the last element: every buffer is by so much larger than its memory.
 */
enum { CR_DEVICE_SLACK = 64 };

/* Bytes of buffers on it, now and at most since it was opened. Memory of the host's that a device
 * uses in place, or uploads from, is not counted. */
void cr_device_memory(const cr_device *device, uint64_t *bytes, uint64_t *peak_bytes);

/* NULL when the device can use the host's elements there without a copy; else a constant that says
 * why not. */
const char *cr_device_why_not_in_place(const cr_device_facts *device, const void *data,
                                       uint64_t bytes);

/* From now on the source of every module is written to `folder` before it is built, one file each,
 * MODULE-HASH.cl. NULL: no more. The folder is made if need be. */
cr_status cr_device_dump_kernels(cr_device *device, const char *folder);

/* ---- stores ------------------------------------------------------------------------------ */

/* The states that several executables share. Modules declare them in STORE memories (matched by
 * the memory's name) at literal offsets; all that join one store must agree on these. */
typedef struct cr_store cr_store;

typedef struct cr_store_slot {
    const char *name;
    uint32_t memory;
    uint64_t offset, bytes;
    cr_dtype dtype;
    cr_shape shape;
    bool written; /* cr_store_write has filled it: a fresh state is zero until then */
} cr_store_slot;

cr_store *cr_store_create(cr_device *device); /* empty: executables add their states */
cr_store *cr_store_ref(cr_store *store);
void cr_store_unref(cr_store *store); /* accepts NULL */
uint32_t cr_store_size(const cr_store *store);
const cr_store_slot *cr_store_at(const cr_store *store, uint32_t i);
const cr_store_slot *cr_store_find(const cr_store *store, const char *name); /* NULL: none */
/* Row-major elements of a whole state, after all that was enqueued. */
cr_status cr_store_write(cr_store *store, const char *name, const void *data, uint64_t bytes);
cr_status cr_store_read(cr_store *store, const char *name, void *out, uint64_t bytes);

/* ---- executables ------------------------------------------------------------------------- */

typedef struct cr_exec cr_exec;

typedef struct cr_exec_options {
    const volatile sig_atomic_t *interrupt; /* looked at while running; not 0: stop */
} cr_exec_options;

/* Checks the module against the device's memory, builds or loads its program, allocates, binds.
 * `store` NULL: one of its own. Takes the module, also when it fails (NULL); of a NULL module it
 * makes NULL and leaves the diagnostic. `options` may be NULL. */
cr_exec *cr_exec_create(cr_device *device, cr_store *store, cr_module *module,
                        const cr_exec_options *options);
void cr_exec_destroy(cr_exec *exec); /* waits for what is enqueued; accepts NULL */

const cr_module *cr_exec_module(const cr_exec *exec);
cr_store *cr_exec_store(const cr_exec *exec); /* the executable's reference */

/* Gives an input its elements, which it keeps until it is fed again. Inputs on the device are
 * copied at once. Of inputs in host space the pointer is kept: the data must outlive the runs. */
cr_status cr_exec_feed(cr_exec *exec, const char *name, const void *data, uint64_t bytes);
/* The same without a copy where the device shares the host's memory: *why is then NULL, and the
 * data must outlive the executable and stay as it is. Else it is copied, and *why (a constant) says
 * why.
 */
cr_status cr_exec_feed_in_place(cr_exec *exec, const char *name, const void *data, uint64_t bytes,
                                const char **why);
/* An input's next elements, uploaded beside what runs: staged at *at, host memory as large as the
 * input, which stays valid until they are fed; fed, their first `bytes`, to a second buffer; and
 * switched to, for all executables that share the input: steps enqueued afterwards read them. Only
 * for inputs on the device. */
cr_status cr_exec_stage(cr_exec *exec, const char *name, void **at);
cr_status cr_exec_feed_next(cr_exec *exec, const char *name, uint64_t bytes);
cr_status cr_exec_switch(cr_exec *exec, const char *name);
/* From now on both executables (of one device) have one copy of that input: feeding either feeds
 * both. */
cr_status cr_exec_share_input(cr_exec *exec, cr_exec *from, const char *name);

/* Runs the module's steps `nsteps` times. Returns when all is enqueued, at most about a tenth of a
 * second of work ahead of the device, or at an interrupt, with CR_E_INTERRUPTED, once what was
 * enqueued has finished. All inputs must have been fed. */
cr_status cr_exec_run(cr_exec *exec, uint64_t nsteps);
uint64_t cr_exec_steps_done(const cr_exec *exec); /* whole steps of the last cr_exec_run */
cr_status cr_exec_finish(cr_exec *exec);          /* waits */

/* Copies an output or a state (or an input) to `out`, after all that was enqueued. */
cr_status cr_exec_fetch(cr_exec *exec, const char *name, void *out, uint64_t bytes);

/* What was enqueued since creation, or since cr_exec_stats_reset. */
typedef struct cr_exec_stats {
    uint64_t steps, launches;
    uint64_t step_h2d_bytes, step_d2h_bytes; /* by the module's own transfers */
    uint64_t feed_h2d_bytes, fetch_d2h_bytes;
    uint64_t feeds, feeds_in_place; /* inputs that were fed; of these, without a copy */
    uint64_t step_h2d, step_d2h;    /* how many transfers */
    uint64_t host_steps;
    uint64_t mended; /* launches whose groups gave up waiting and that one group did again */
} cr_exec_stats;
void cr_exec_stats_get(const cr_exec *exec, cr_exec_stats *out);
void cr_exec_stats_reset(cr_exec *exec);
/* Bytes of device memory that the executable uses: its own, and those it shares. */
uint64_t cr_exec_device_bytes(const cr_exec *exec);
bool cr_exec_from_cache(const cr_exec *exec); /* its program came from the cache */

/* ---- profiles ---------------------------------------------------------------------------- */

/* One launch, transfer or host step of one run of the steps; microseconds from the first's. */
typedef struct cr_exec_span {
    uint32_t step; /* of the module */
    uint64_t run;  /* of the profile: which run of the steps; of `repeat` modules the first */
    cr_step_kind kind;
    const char *label;
    uint64_t bytes; /* transfers */
    double queued_us, start_us, end_us;
} cr_exec_span;

/* All spans of one step of the module. */
typedef struct cr_exec_row {
    uint32_t step;
    cr_step_kind kind;
    const char *label;
    uint64_t count;
    double total_us, min_us, median_us;
    uint64_t flops, bytes; /* of one step: as planned (kernels) or moved (transfers) */
} cr_exec_row;

typedef struct cr_exec_times {
    uint64_t steps; /* times that the module's steps were run */
    double wall_us; /* from the first start to the last end */
    double idle_us; /* of these, with nothing running */
    /* the time of all spans of a kind: */
    double launch_us, upload_us, download_us, host_us;
    CR_VEC(cr_exec_span) span; /* by start */
    CR_VEC(cr_exec_row) row;   /* by step */
    cr_arena arena;            /* the labels */
} cr_exec_times;

/* Runs as cr_exec_run does, on a queue with profiling. `out` need not be initialised; it is valid
 * after the executable is gone, and to be given to cr_exec_times_finish unless this fails. */
cr_status cr_exec_profile(cr_exec *exec, uint64_t nsteps, cr_exec_times *out);
void cr_exec_times_finish(cr_exec_times *profile);

/* ---- for tests --------------------------------------------------------------------------- */

/* After n more calls to OpenCL, one fails (once); < 0: none. */
void cr_cl_fail_after(int64_t n);
bool cr_cl_fail_pending(void); /* it has not happened yet */
size_t cr_cl_live(void);       /* OpenCL objects created and not yet released, in this process */

#endif
