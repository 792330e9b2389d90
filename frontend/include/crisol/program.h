/* crisol/program.h - compiling a graph for a device, running it, moving data in and out.
 *
 *     cr_program *p = cr_compile(g, &(cr_compile_options){.device = "cpu"});
 *     if (!p) { fprintf(stderr, "%s\n", cr_error()); return 1; }
 *     cr_feed(p, "x", x, sizeof x);
 *     cr_run(p, 100);                           // 100 steps; returns when they are enqueued
 *     cr_fetch(p, "loss", &loss, sizeof loss);  // waits
 *
 * Threads: a graph, and a program with all programs it shares with, belong to one thread at a time;
 * different graphs and unrelated programs may be used from different threads at once. */
#ifndef CRISOL_PROGRAM_H
#define CRISOL_PROGRAM_H

#include "crisol/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cr_program cr_program;

/* How far the compiler goes. The three differ from placement on, never in arithmetic: their results
 * are equal bit for bit. */
typedef enum cr_opt {
    CR_OPT_FUSED,   /* everything */
    CR_OPT_UNFUSED, /* one kernel an op of the user; all data resident on the device */
    CR_OPT_NAIVE    /* as unfused, and every op's operands go up and its results down */
} cr_opt;

/* The value of a symbol (cr_symbol) for one program. */
typedef struct cr_binding {
    const char *symbol;
    int64_t value; /* from 1 to the symbol's bound */
} cr_binding;

/* What a fused step without host work becomes. One launch may run many steps. All give the same
 * bits. */
typedef enum cr_launches {
    CR_LAUNCHES_BEST,   /* what the cost model says is fastest on the device */
    CR_LAUNCHES_LEVELS, /* a launch for each level of independent work */
    CR_LAUNCHES_PHASES, /* a launch for each phase: the smallest kernels, when a driver is suspected
                         */
    CR_LAUNCHES_ALONE,  /* one launch of one work-group */
    CR_LAUNCHES_RESIDENT /* one launch of as many work-groups as the device runs at the same time;
                            they wait for each other, which OpenCL does not promise to end: a launch
                            that waits in vain gives up, and one group does its work again */
} cr_launches;

/* A transfer budget, see cr_compile_options. */
typedef struct cr_budget {
    uint64_t bytes;
} cr_budget;

/* All fields may be zero. */
typedef struct cr_compile_options {
    const char *device; /* "gpu", "cpu", an index, a part of a name; NULL: $CRISOL_DEVICE, else a
                           GPU, else a CPU */
    cr_opt opt;
    const char *const *outputs; /* outputs to compute; NULL: all */
    uint32_t noutputs;
    const char *const *updates; /* states whose assigns are run; NULL: all; no_updates: none */
    uint32_t nupdates;
    bool no_updates;
    const cr_binding *bind; /* symbols that are not named take their bound */
    uint32_t nbind;
    cr_program *share; /* states and fed inputs of equal names are shared with it, and the device */
    uint64_t seed;     /* of random initial values */
    bool fast_math;    /* allow rules that change values (docs/passes.md) */
    bool reference;    /* one work-item an output: slow, simple, right */
    cr_launches launches;
    const cr_budget *transfer_budget; /* fail when a step moves more bytes; NULL: no limit */
    uint64_t max_resident_bytes;      /* an input above it is gathered on the host; 0: what fits */
    const char *schedules;    /* those that were measured (crisol/tune.h), as text; "": none; NULL:
                                 those stored for the device, unless $CRISOL_TUNED is "off" */
    const char *dump_kernels; /* a folder: every module's kernels are written there */
    const volatile int *interrupt; /* looked at between steps, or launches of many steps; non-zero:
                                      cr_run stops early, after a whole step */
} cr_compile_options;

/* Compiles the roots of g. NULL on any mistake in the graph, the options, or on the device. The
 * graph may be changed or destroyed afterwards. */
CR_API cr_program *cr_compile(const cr_graph *g, const cr_compile_options *options);
/* Waits for what is running, then frees. States live until the last program that shares them is
 * gone. Accepts NULL. */
CR_API void cr_program_destroy(cr_program *p);

/* ---- data ------------------------------------------------------------------------------------ */

/* Gives input `name` its elements, row-major; `bytes` is the size of all of them. An input that
 * lives on the device is copied now and kept (cr_feed_in_place may do without); one that lives on
 * the host (see max_resident_bytes, and the naive variant) is read from `data` in each step, so
 * `data` must outlive the runs. CR_E_ARGUMENT when there is no such input, or `bytes` is not its
 * size; CR_E_DEVICE. */
CR_API cr_status cr_feed(cr_program *p, const char *name, const void *data, size_t bytes);
/* The same without a copy where the device shares the host's memory, the data is aligned as its
 * buffers are (4096 bytes always do), and 64 bytes after the data's end lie on its last page:
 * kernels may load these, not use them. *why_copied (which may be NULL) is then NULL, and the data
 * must outlive the program, and all that share with it, unchanged. Else the data is copied, and
 * *why_copied is a constant text that says why. Feed in place before other programs share the
 * input. Errors as cr_feed. */
CR_API cr_status cr_feed_in_place(cr_program *p, const char *name, const void *data, size_t bytes,
                                  const char **why_copied);
/* Input `name` in pieces that go up beside what runs, through a second buffer on the device:
 *
 *     for (each piece) {
 *         void *at = cr_feed_stage(p, "x");    // write the piece there; NULL: see cr_error()
 *         cr_feed_next(p, "x", bytes);         // its first `bytes` bytes start to go up
 *         cr_feed_switch(p, "x");              // steps that are run from now on read it
 *         cr_run(p, n);
 *     }
 *
 * Better: stage and feed the next piece after cr_run, before the next switch. None of the three
 * waits for steps; cr_feed_stage waits for an upload, that of two pieces ago. The memory it gives
 * is as large as the input, the program's, and may be written (by any thread) until cr_feed_next.
 * Of what lies behind `bytes` the device keeps what it had from earlier pieces. Programs that share
 * the input see a switch, too. CR_E_ARGUMENT when there is no such input, it lives on the host,
 * nothing was staged, or nothing fed to switch to; CR_E_DEVICE. */
CR_API void *cr_feed_stage(cr_program *p, const char *name);
CR_API cr_status cr_feed_next(cr_program *p, const char *name, size_t bytes);
CR_API cr_status cr_feed_switch(cr_program *p, const char *name);
/* Reads an output of the last step, a state, or an input as it was fed: waits, then copies to
 * `out`. CR_E_ARGUMENT when there is none of that name, `bytes` is not its size, or it has no value
 * yet; CR_E_DEVICE when a step has failed on the device. */
CR_API cr_status cr_fetch(cr_program *p, const char *name, void *out, size_t bytes);
/* Sets a state, for all programs that share it. CR_E_ARGUMENT as cr_feed; CR_E_DEVICE. */
CR_API cr_status cr_set(cr_program *p, const char *name, const void *data, size_t bytes);
/* Does the program have an input of that name? One that none of its roots depends on is in none. */
CR_API bool cr_program_has_input(const cr_program *p, const char *name);
/* Does the program have a state of that name? One that none of its roots depends on is in none. */
CR_API bool cr_program_has_state(const cr_program *p, const char *name);

/* ---- running --------------------------------------------------------------------------------- */

/* Enqueues n steps; several may be in flight when it returns. CR_E_INTERRUPTED when
 * options.interrupt was set: cr_steps_done tells how many steps were run. CR_E_ARGUMENT when an
 * input was not fed; CR_E_DEVICE when the device refuses. */
CR_API cr_status cr_run(cr_program *p, uint64_t n);
/* Waits until all that was enqueued has finished. CR_E_DEVICE when something of it has failed. */
CR_API cr_status cr_wait(cr_program *p);
/* Steps enqueued by all cr_run of this program so far. */
CR_API uint64_t cr_steps_done(const cr_program *p);

/* ---- figures --------------------------------------------------------------------------------- */

/* What one step costs, as planned; counted figures come from cr_counters. */
typedef struct cr_program_info {
    const char *device;         /* name of the device */
    uint32_t launches_per_step; /* kernels enqueued by one step run alone */
    bool repeats;               /* a launch may run many steps */
    uint64_t h2d_bytes_per_step, d2h_bytes_per_step;
    uint64_t device_bytes_per_step; /* device memory read and written by kernels, as planned */
    uint64_t flops_per_step;
    uint64_t arena_bytes, arena_bound_bytes; /* peak of a step's values, and its lower bound */
    uint64_t state_bytes, input_bytes;
    uint64_t peak_bytes;         /* arena, states, inputs on the device */
    double compile_ms, build_ms; /* graph to OpenCL C; the driver's part */
    bool cached;                 /* the driver's part came from the disk cache */
} cr_program_info;
/* The figures of p; the text belongs to p. */
CR_API cr_program_info cr_program_get_info(const cr_program *p);

/* What was enqueued since the program was made. */
typedef struct cr_counters {
    uint64_t steps, launches, h2d_bytes, d2h_bytes; /* by steps; feeds and fetches are apart: */
    uint64_t feed_bytes, fetch_bytes;
    uint64_t feeds, feeds_in_place; /* inputs that were fed; of these, without a copy */
} cr_counters;
/* They only grow. */
CR_API cr_counters cr_program_counters(const cr_program *p);

/* Bytes of buffers on the device that p, and all programs that share with it, hold now, and held at
 * most. Memory of the caller's that is used in place is not counted. */
typedef struct cr_device_use {
    uint64_t bytes, peak_bytes;
} cr_device_use;
CR_API cr_device_use cr_program_device_use(const cr_program *p);

/* The compiled program as text: "graph" (after the passes), "plan", "reasons", "cl", "dot" (the
 * graph clustered by phase). The caller frees it with cr_string_free. */
CR_API char *cr_program_text(const cr_program *p, const char *what);

/* Time of each command over n steps. */
typedef struct cr_profile_row {
    const char *label; /* kernel or value */
    const char *kind;  /* "kernel", "h2d", "d2h", "host" */
    uint64_t count;
    double total_us, min_us, median_us;
    uint64_t flops, bytes; /* of one step: as planned, moved */
} cr_profile_row;
typedef struct cr_span { /* one command, for timelines; microseconds from the first command's start
                          */
    const char *label, *kind;
    double start_us, end_us;
} cr_span;
typedef struct cr_profile {
    cr_profile_row *row;
    uint32_t nrow;
    cr_span *span;
    uint32_t nspan;
    double wall_us, busy_us; /* of all steps; idle is the difference */
    uint64_t steps;          /* that were run */
} cr_profile;
/* Runs n steps as cr_run does, with time stamps, and waits. The caller gives *out to
 * cr_profile_finish, unless this fails; labels and all are valid without the program. Statuses are
 * those of cr_run. */
CR_API cr_status cr_profile_run(cr_program *p, uint64_t n, cr_profile *out);
/* Frees what is in it. */
CR_API void cr_profile_finish(cr_profile *profile);

/* ---- devices --------------------------------------------------------------------------------- */

typedef struct cr_device_info {
    char platform[128], name[128], vendor[128], driver[64], version[64], type[16];
    uint32_t index, compute_units, max_group, vector_width, sub_group; /* sub_group: 0 unknown */
    uint64_t global_bytes, max_alloc_bytes, local_bytes, align_bytes;
    bool local_is_fast, half, sub_groups, command_buffers, unified, correct_divide;
    double launch_us,
        finish_us; /* measured when asked for: a queued launch; one followed by a wait */
    bool chosen;
    char reason[160]; /* why it would be chosen, or why not */
} cr_device_info;

/* All devices of all platforms: writes at most `max`, *count is how many there are. `selector` as
 * in cr_compile_options; `measure` runs a kernel on each to time a launch. CR_E_DEVICE when there
 * is no platform or device; the message says what to install. */
CR_API cr_status cr_devices(const char *selector, bool measure, cr_device_info *out, uint32_t max,
                            uint32_t *count);
/* The chosen device as a target file (`crisol opt --target`); free with cr_string_free. */
CR_API char *cr_device_target(const char *selector);

/* Blocks of host memory that the library holds now: for tests of leaks. */
CR_API size_t cr_live_blocks(void);

#ifdef __cplusplus
}
#endif
#endif
