/* cl.c - names of OpenCL's errors, injected failures, the count of live objects. */
#include "cl.h"

#include <pthread.h>
#include <stdatomic.h>

#include "runtime.h"

static atomic_llong fail_countdown = -1; /* calls until the one that fails; < 0: none */
static atomic_llong live_objects;

/* ---- error names ------------------------------------------------------------------------- */

#define CL_ERRORS(X)                                                                               \
    X(CL_DEVICE_NOT_FOUND, -1)                                                                     \
    X(CL_DEVICE_NOT_AVAILABLE, -2)                                                                 \
    X(CL_COMPILER_NOT_AVAILABLE, -3)                                                               \
    X(CL_MEM_OBJECT_ALLOCATION_FAILURE, -4)                                                        \
    X(CL_OUT_OF_RESOURCES, -5)                                                                     \
    X(CL_OUT_OF_HOST_MEMORY, -6)                                                                   \
    X(CL_PROFILING_INFO_NOT_AVAILABLE, -7)                                                         \
    X(CL_MEM_COPY_OVERLAP, -8)                                                                     \
    X(CL_IMAGE_FORMAT_MISMATCH, -9)                                                                \
    X(CL_IMAGE_FORMAT_NOT_SUPPORTED, -10)                                                          \
    X(CL_BUILD_PROGRAM_FAILURE, -11)                                                               \
    X(CL_MAP_FAILURE, -12)                                                                         \
    X(CL_MISALIGNED_SUB_BUFFER_OFFSET, -13)                                                        \
    X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14)                                           \
    X(CL_COMPILE_PROGRAM_FAILURE, -15)                                                             \
    X(CL_LINKER_NOT_AVAILABLE, -16)                                                                \
    X(CL_LINK_PROGRAM_FAILURE, -17)                                                                \
    X(CL_DEVICE_PARTITION_FAILED, -18)                                                             \
    X(CL_KERNEL_ARG_INFO_NOT_AVAILABLE, -19)                                                       \
    X(CL_INVALID_VALUE, -30)                                                                       \
    X(CL_INVALID_DEVICE_TYPE, -31)                                                                 \
    X(CL_INVALID_PLATFORM, -32)                                                                    \
    X(CL_INVALID_DEVICE, -33)                                                                      \
    X(CL_INVALID_CONTEXT, -34)                                                                     \
    X(CL_INVALID_QUEUE_PROPERTIES, -35)                                                            \
    X(CL_INVALID_COMMAND_QUEUE, -36)                                                               \
    X(CL_INVALID_HOST_PTR, -37)                                                                    \
    X(CL_INVALID_MEM_OBJECT, -38)                                                                  \
    X(CL_INVALID_BINARY, -42)                                                                      \
    X(CL_INVALID_BUILD_OPTIONS, -43)                                                               \
    X(CL_INVALID_PROGRAM, -44)                                                                     \
    X(CL_INVALID_PROGRAM_EXECUTABLE, -45)                                                          \
    X(CL_INVALID_KERNEL_NAME, -46)                                                                 \
    X(CL_INVALID_KERNEL_DEFINITION, -47)                                                           \
    X(CL_INVALID_KERNEL, -48)                                                                      \
    X(CL_INVALID_ARG_INDEX, -49)                                                                   \
    X(CL_INVALID_ARG_VALUE, -50)                                                                   \
    X(CL_INVALID_ARG_SIZE, -51)                                                                    \
    X(CL_INVALID_KERNEL_ARGS, -52)                                                                 \
    X(CL_INVALID_WORK_DIMENSION, -53)                                                              \
    X(CL_INVALID_WORK_GROUP_SIZE, -54)                                                             \
    X(CL_INVALID_WORK_ITEM_SIZE, -55)                                                              \
    X(CL_INVALID_GLOBAL_OFFSET, -56)                                                               \
    X(CL_INVALID_EVENT_WAIT_LIST, -57)                                                             \
    X(CL_INVALID_EVENT, -58)                                                                       \
    X(CL_INVALID_OPERATION, -59)                                                                   \
    X(CL_INVALID_BUFFER_SIZE, -61)                                                                 \
    X(CL_INVALID_GLOBAL_WORK_SIZE, -63)                                                            \
    X(CL_INVALID_PROPERTY, -64)                                                                    \
    X(CL_INVALID_COMPILER_OPTIONS, -66)                                                            \
    X(CL_PLATFORM_NOT_FOUND_KHR, -1001)                                                            \
    X(NVIDIA_ILLEGAL_MEMORY_ACCESS, -9999)

const char *cr_cl_error_name(cl_int error)
{
    switch (error) {
#define CL_X(name, code)                                                                           \
    case code: return #name;
        CL_ERRORS(CL_X)
#undef CL_X
    default: return "unknown OpenCL error";
    }
}

cr_status cr_cl_fail(cl_int error, const char *call, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return cr_fail(CR_E_DEVICE, "%.*s: %s (%d), %s", (int)strcspn(call, "("), call,
                   cr_cl_error_name(error), (int)error, what);
}

/* ---- several threads --------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void cr_cl_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void cr_cl_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

/* ---- for tests --------------------------------------------------------------------------- */

cl_int cr_cl_injected(void)
{
    if (atomic_load(&fail_countdown) < 0 || atomic_fetch_sub(&fail_countdown, 1) != 0)
        return CL_SUCCESS;
    return CL_OUT_OF_RESOURCES;
}

void cr_cl_fail_after(int64_t n)
{
    atomic_store(&fail_countdown, n);
}

bool cr_cl_fail_pending(void)
{
    return atomic_load(&fail_countdown) >= 0;
}

void cr_cl_count(int change)
{
    atomic_fetch_add(&live_objects, change);
}

size_t cr_cl_live(void)
{
    return (size_t)atomic_load(&live_objects);
}
