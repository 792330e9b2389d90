/* cl.h - the one place where OpenCL is called: every call goes through one of these macros, which
 * check it, name its error, and let tests make the n-th fail. Private to runtime. */
#ifndef CR_CL_H
#define CR_CL_H

/* What is newer is asked for by number or looked up by name. */
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "base.h"

/* CL_TRY(clFinish(queue), "waiting for %s", name): returns the status of a call that fails. */
#define CL_TRY(call, ...)                                                                          \
    do {                                                                                           \
        cl_int cl_err_ = cr_cl_injected();                                                         \
        if (cl_err_ == CL_SUCCESS)                                                                 \
            cl_err_ = (call);                                                                      \
        if (cl_err_ != CL_SUCCESS)                                                                 \
            return cr_cl_fail(cl_err_, #call, __VA_ARGS__);                                        \
    } while (0)

/* CL_CREATE(object, clCreateX(..., &cl_err), "creating %s", name): the same for a call that gives
 * an object. To be released with CL_RELEASE. */
#define CL_CREATE(object, call, ...)                                                               \
    do {                                                                                           \
        cl_int cl_err = cr_cl_injected();                                                          \
        (object) = cl_err == CL_SUCCESS ? (call) : NULL;                                           \
        if (cl_err != CL_SUCCESS) {                                                                \
            (object) = NULL;                                                                       \
            return cr_cl_fail(cl_err, #call, __VA_ARGS__);                                         \
        }                                                                                          \
        cr_cl_count(1);                                                                            \
    } while (0)

#define CL_RELEASE(release, object)                                                                \
    do {                                                                                           \
        if (object) {                                                                              \
            (void)release(object);                                                                 \
            (object) = NULL;                                                                       \
            cr_cl_count(-1);                                                                       \
        }                                                                                          \
    } while (0)

/* A call that may fail, as a bool: optional properties. */
#define CL_OK(call) (cr_cl_injected() == CL_SUCCESS && (call) == CL_SUCCESS)

/* One thread of the process at a time between the two, for what PoCL 3.1 does not do safely in
 * several: finding devices, opening and closing contexts. (Building programs it does.) Not
 * recursive.
 */
void cr_cl_lock(void);
void cr_cl_unlock(void);

/* CL_SUCCESS, or the error that a test asked for. */
cl_int cr_cl_injected(void);
void cr_cl_count(int change);
/* "clFinish: CL_INVALID_COMMAND_QUEUE (-36), waiting for x" as a CR_E_DEVICE. `call` is the text of
 * the call: its name is what comes before the parenthesis. */
cr_status cr_cl_fail(cl_int error, const char *call, const char *fmt, ...) CR_PRINTF(3, 4);
const char *cr_cl_error_name(cl_int error);

#endif
