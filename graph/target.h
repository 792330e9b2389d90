/* target.h - a device as plain data: what passes choose by and codegen spells by. The runtime
 * probes it from a device, a file holds it for compiling without one, and built-in rows serve
 * tests. */
#ifndef CR_TARGET_H
#define CR_TARGET_H

#include "base.h"

typedef enum cr_device_class { CR_CLASS_CPU, CR_CLASS_GPU } cr_device_class;

/* One row a field: type letter (s text, i integer, f number, b flag), name, value of the built-in
 * `cpu` row, of the `gpu` row, meaning. From it: the struct, the file's reader and writer, the
 * docs. */
#define CR_TARGET_FIELDS(X)                                                                        \
    X(s, name, "cpu", "gpu", "device name, for messages and caches")                               \
    X(s, vendor, "", "", "vendor name")                                                            \
    X(s, driver, "", "", "driver version")                                                         \
    X(s, class_name, "cpu", "gpu", "cpu or gpu: the schedule table's first key")                   \
    X(i, compute_units, 2, 64, "compute units")                                                    \
    X(i, vector_width, 16, 1, "f32 lanes of an explicit vector in a kernel")                       \
    X(i, max_group, 4096, 256, "work-items of a work-group, at most")                              \
    X(i, sub_group, 1, 32, "work-items that run in lock step; 1 when unknown")                     \
    X(i, local_bytes, 524288, 32768, "local memory of a work-group")                               \
    X(i, registers, 32, 64,                                                                        \
      "f32 vector (cpu) or scalar (gpu) registers for accumulators and operands")                  \
    X(i, cache_bytes, 1048576, 4194304, "cache that a compute unit may count on")                  \
    X(i, global_bytes, 8589934592, 8589934592, "device memory")                                    \
    X(i, max_alloc_bytes, 4294967296, 4294967296, "largest allocation")                            \
    X(i, align_bytes, 128, 256, "alignment of buffers in the arena")                               \
    X(f, launch_us, 2.5, 5, "cost of a queued launch")                                             \
    X(f, wake_us, 14, 0, "cost of waking the other compute units, per launch")                     \
    X(i, resident_groups, 2, 0,                                                                    \
      "work-groups that surely run at the same time, so that they may wait for each other; 0: "    \
      "not known")                                                                                 \
    X(i, groups_per_unit, 1, 8,                                                                    \
      "work-groups that a unit needs at the same time to reach its rate")                          \
    X(f, fallback, 2, 1000,                                                                        \
      "resident groups only where one group alone, which works when they cannot meet, would take " \
      "at most so many times as long as launches")                                                 \
    X(f, meet_us, 0.4, 1.1, "cost of a barrier between resident work-groups")                      \
    X(i, apart_bytes, 4096, 0,                                                                     \
      "caches fetch ahead within blocks of this size, which resident work-groups that write "      \
      "should not share; 0: no matter")                                                            \
    X(f, looks_per_us, 2000, 2, "how often a waiting group looks for the others")                  \
    X(b, device_fence, 0, 0, "fences of OpenCL C 3.0 order memory across work-groups")             \
    X(f, unit_gflops, 200, 400, "f32 multiply-add rate of a compute unit, counted as two")         \
    X(f, bandwidth_gbs, 15, 1000, "device memory bandwidth")                                       \
    X(b, unified, 1, 0, "the host and the device share memory")                                    \
    X(b, correct_divide, 1, 1, "correctly rounded divide and square root are available")

typedef struct cr_target {
#define CR_TARGET_s(name) char name[96];
#define CR_TARGET_i(name) int64_t name;
#define CR_TARGET_f(name) double name;
#define CR_TARGET_b(name) bool name;
#define CR_X(type, name, cpu, gpu, doc) CR_TARGET_##type(name)
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
} cr_target;

/* The built-in rows "cpu" and "gpu"; NULL for any other name. */
const cr_target *cr_target_builtin(const char *name);
static inline cr_device_class cr_target_class(const cr_target *t)
{
    return strcmp(t->class_name, "gpu") == 0 ? CR_CLASS_GPU : CR_CLASS_CPU;
}
/* The text form, one `name = value` a line, and back. A missing field keeps the value of the
 * built-in row of its class; an unknown field or a value out of its limits (target.c) is an error
 * with file and line. */
void cr_target_print(const cr_target *t, cr_strbuf *out);
cr_status cr_target_parse(const char *text, const char *path, cr_target *out);

#endif
