/* crisol/inspect.h - the compiler without a device: passes, dumps, pictures. What `crisol opt` and
 * `crisol dot` are made of. */
#ifndef CRISOL_INSPECT_H
#define CRISOL_INSPECT_H

#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All fields may be zero. */
typedef struct cr_inspect_options {
    const char *target; /* "cpu" (default), "gpu", or the path of a target file */
    const char *passes; /* "simplify,dce": only these; NULL: the whole pipeline of the variant */
    const char *emit;   /* "graph" (default), "dot", "plan", "reasons", "cl", "none" */
    const char
        *print_after; /* passes after which the graph or plan is written to `log` too, or "all" */
    bool time_passes; /* a table of times and changes to `log` at the end */
    FILE *log;        /* default stderr */
    cr_opt opt;
    const cr_binding *bind;
    uint32_t nbind;
    bool fast_math, reference;
    cr_launches launches;
    const cr_budget *transfer_budget;
    uint64_t max_resident_bytes;
} cr_inspect_options;

/* Runs the passes and gives what `emit` asks for; free it with cr_string_free. NULL on a mistake.
 */
CR_API char *cr_inspect(const cr_graph *g, const cr_inspect_options *options);

/* Names and one-line descriptions of the passes, in order; false when i is beyond the last. */
CR_API bool cr_pass_info(uint32_t i, const char **name, const char **doc);

/* The matrix of ops against the reference interpreter on a device, as `crisol selftest` prints it:
 * one line an op to `out`. Returns the number of failures, < 0 when the device cannot be used. */
CR_API int cr_selftest(const char *device, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
