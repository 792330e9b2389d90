/* modules.h - hand-written modules for the tests of the runtime. */
#ifndef TESTS_RUNTIME_MODULES_H
#define TESTS_RUNTIME_MODULES_H

#include <criterion/criterion.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime.h"

enum { N = 1000, MODULE_ROOM = 8 };

/* An empty module with room for a few of everything. NULL out of memory. */
static inline cr_module *module_new(const char *name, const char *source)
{
    cr_module *m = cr_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->memory = cr_arena_alloc(&m->arena, MODULE_ROOM * sizeof *m->memory);
    m->slot = cr_arena_alloc(&m->arena, MODULE_ROOM * sizeof *m->slot);
    m->kernel = cr_arena_alloc(&m->arena, MODULE_ROOM * sizeof *m->kernel);
    m->step = cr_arena_alloc(&m->arena, MODULE_ROOM * sizeof *m->step);
    m->name = name;
    m->source = source;
    m->options = "-cl-std=CL1.2";
    if (m->memory && m->slot && m->kernel && m->step)
        return m;
    cr_module_destroy(m);
    return NULL;
}

static inline uint32_t add_memory(cr_module *m, cr_memory_kind kind, const char *name,
                                  uint64_t bytes)
{
    m->memory[m->nmemory] = (cr_memory){kind, name, bytes};
    return m->nmemory++;
}

static inline void add_slot(cr_module *m, cr_slot_kind kind, const char *name, uint32_t memory,
                            uint64_t offset, int64_t elements)
{
    m->slot[m->nslot++] = (cr_slot){
        .kind = kind,
        .name = name,
        .memory = memory,
        .offset = offset,
        .bytes = (uint64_t)elements * 4,
        .dtype = CR_F32,
        .shape = {1, {elements}},
    };
}

/* A kernel over N elements with two arguments (memories a and b), launched as the next step. */
static inline void add_launch(cr_module *m, const char *kernel, const uint32_t *memory,
                              uint32_t nmemory, uint64_t groups)
{
    m->kernel[m->nkernel] = (cr_kernel){
        .name = kernel,
        .groups = groups,
        .local = 1,
        .memory = memory,
        .nmemory = nmemory,
        .label = kernel,
        .flops = N,
        .bytes_read = 8 * N,
        .bytes_written = 4 * N,
    };
    m->step[m->nstep++] =
        (cr_step){.kind = CR_STEP_LAUNCH, .label = kernel, .kernel = m->nkernel++};
}

/* out = x + y, on the device. */
static inline cr_module *add_module(void)
{
    static const char source[] =
        "__attribute__((reqd_work_group_size(1, 1, 1)))\n"
        "__kernel void add_xy(__global uchar *arena, __global const uchar *x,\n"
        "                     __global const uchar *y)\n"
        "{\n"
        "    int i = get_group_id(0);\n"
        "    ((__global float *)arena)[i] = ((__global const float *)x)[i] +\n"
        "                                   ((__global const float *)y)[i];\n"
        "}\n";
    static const uint32_t memory[] = {0, 1, 2};
    cr_module *m = module_new("add", source);
    if (!m)
        return NULL;
    add_memory(m, CR_MEMORY_ARENA, "arena", 4 * N);
    add_memory(m, CR_MEMORY_INPUT, "x", 4 * N);
    add_memory(m, CR_MEMORY_INPUT, "y", 4 * N);
    add_slot(m, CR_SLOT_INPUT, "x", 1, 0, N);
    add_slot(m, CR_SLOT_INPUT, "y", 2, 0, N);
    add_slot(m, CR_SLOT_OUTPUT, "sum", 0, 0, N);
    add_launch(m, "add_xy", memory, 3, N);
    return m;
}

/* w += 1 for N states at offset 128, `steps` times in one launch. Volatile: a compiler must not
 * make one addition of them, or a launch of many steps would be too short to be interrupted. */
static inline cr_module *count_module(void)
{
    static const char source[] =
        "__attribute__((reqd_work_group_size(1, 1, 1)))\n"
        "__kernel void count(__global uchar *store, int steps)\n"
        "{\n"
        "    __global volatile float *w = (__global float *)(store + 128);\n"
        "    int i = get_group_id(0);\n"
        "    for (int s = 0; s < steps; s++)\n"
        "        w[i] = w[i] + 1.0f;\n"
        "}\n";
    static const uint32_t memory[] = {0};
    cr_module *m = module_new("count", source);
    if (!m)
        return NULL;
    add_memory(m, CR_MEMORY_STORE, "store", 128 + 4 * N);
    add_slot(m, CR_SLOT_STATE, "w", 0, 128, N);
    add_launch(m, "count", memory, 1, N);
    m->kernel[0].repeat = true;
    m->repeat = true;
    m->step_us = 5;
    return m;
}

/* As the naive variant does it: x is in host memory, goes up, is doubled, comes down to h. */
static inline cr_module *bounce_module(void)
{
    static const char source[] = "__attribute__((reqd_work_group_size(1, 1, 1)))\n"
                                 "__kernel void twice(__global uchar *arena)\n"
                                 "{\n"
                                 "    int i = get_group_id(0);\n"
                                 "    ((__global float *)arena)[i] *= 2.0f;\n"
                                 "}\n";
    static const uint32_t memory[] = {1};
    cr_module *m = module_new("bounce", source);
    if (!m)
        return NULL;
    add_memory(m, CR_MEMORY_HOST_INPUT, "x", 4 * N);
    add_memory(m, CR_MEMORY_ARENA, "arena", 4 * N);
    add_memory(m, CR_MEMORY_HOST, "host", 4 * N + 64);
    add_slot(m, CR_SLOT_INPUT, "x", 0, 0, N);
    add_slot(m, CR_SLOT_OUTPUT, "h", 2, 64, N);
    m->step[m->nstep++] =
        (cr_step){.kind = CR_STEP_UPLOAD, .label = "x", .from = 0, .to = 1, .bytes = 4 * N};
    add_launch(m, "twice", memory, 1, N);
    m->step[m->nstep++] = (cr_step){.kind = CR_STEP_DOWNLOAD,
                                    .label = "h",
                                    .from = 1,
                                    .to = 2,
                                    .to_offset = 64,
                                    .bytes = 4 * N};
    return m;
}

/* A host step: its graph's inputs and outputs are named after what they are in the module. */
static inline void add_host_step(cr_module *m, const char *text, const cr_host_arg *in,
                                 uint32_t nin, const cr_host_arg *out, uint32_t nout)
{
    m->step[m->nstep++] = (cr_step){
        .kind = CR_STEP_HOST,
        .label = "host",
        .text = text,
        .in = in,
        .nin = nin,
        .out = out,
        .nout = nout,
    };
}

static inline void fill(float *x, float first, float step)
{
    for (int i = 0; i < N; i++)
        x[i] = first + step * (float)i;
}

/* A cache of the test's own, in a fresh folder that goes with the test's process. */
static char own_folder[] = "/tmp/crisol-test-XXXXXX";

static inline void remove_own_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r -- %s", own_folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left\n", own_folder);
}

static inline const char *own_cache(void)
{
    cr_assert(mkdtemp(own_folder));
    atexit(remove_own_folder);
    setenv("CRISOL_CACHE", own_folder, 1);
    return own_folder;
}

static inline bool says(const char *part)
{
    return strstr(cr_error(), part) != NULL;
}

#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        cr_status status_ = (expr);                                                                \
        cr_assert(status_ == CR_OK, "%s: %s", #expr, cr_error());                                  \
    } while (0)
#define assert_fails(expr, status, part)                                                           \
    do {                                                                                           \
        cr_status status_ = (expr);                                                                \
        cr_assert(status_ == (status), "%s: status %d (%s)", #expr, (int)status_, cr_error());     \
        cr_assert(says(part), "\"%s\" is not in: %s", part, cr_error());                           \
    } while (0)

#endif
