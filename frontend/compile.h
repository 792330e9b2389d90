/* compile.h - what compile.c shares inside the library: program.c runs what it makes, inspect.c
 * shows it. */
#ifndef CR_COMPILE_H
#define CR_COMPILE_H

#include "crisol/program.h"
#include "module.h"
#include "passes.h"
#include "runtime.h"

struct cr_program {
    cr_device *device;
    cr_exec *exec;
    cr_pass_context cx; /* the graph and the plan, for looking at */
    cr_target target;
    cr_plan_options options; /* arrays in `arena` */
    cr_arena arena;
    uint64_t steps;
    cr_program_info info;
};

/* A graph of its own with the same nodes and roots. NULL out of memory. */
cr_graph *cr_graph_copy(const cr_graph *g);

/* The compiler's name for an option of the user; an error when it is none of them. */
cr_status cr_variant_of(cr_opt opt, cr_variant *out);
cr_status cr_launch_form_of(cr_launches launches, cr_launch_form *out);

/* Values of all symbols: those of `bind`, else their bounds. In the arena. */
cr_status cr_bind_symbols(const cr_graph *g, const cr_binding *bind, uint32_t nbind, cr_arena *a,
                          const int64_t **out);

/* The schedules of the options, in the arena: those of `text`; NULL: those stored for the target,
 * if there are any and they are whole and its own, else why not is said once on standard error. */
cr_status cr_tuning_load(const char *text, const cr_target *t, cr_arena *a, cr_plan_options *out);
/* Where those of a device are stored, to be cr_freed; NULL when there is no place. */
char *cr_tuning_path(const cr_target *t);
cr_status cr_tuning_store(const cr_target *t, const cr_tuned *list, uint32_t n);

/* Bytes of device memory, as the runtime will allocate them. */
typedef struct cr_needs {
    uint64_t step;   /* the program's own: values of a step, and what resident groups work on */
    uint64_t states; /* one for all programs of a graph */
    uint64_t inputs;
} cr_needs;
/* Of the program that the options would give on that device, which is not opened: all but building
 * the kernels is done. */
cr_status cr_compile_needs(const cr_graph *g, const cr_compile_options *o,
                           const cr_device_facts *device, cr_needs *out);

/* What was made of a program. */
const cr_pass_context *cr_program_context(const cr_program *p);
const cr_module *cr_program_module(const cr_program *p);

/* "graph", "dot", "plan", "reasons", "cl" of what a pipeline made; `module` may be NULL unless
 * "cl". To be freed with cr_string_free; NULL with the diagnostic set. */
char *cr_emit_text(const cr_pass_context *cx, const cr_module *module, const char *what);

#endif
