/* crisol/base.h - what every public header shares: visibility, status codes, element types.
 *
 * Errors. A function that can fail returns a cr_status, or a pointer that is NULL on failure. The
 * text that says what went wrong, where, and what to do is kept per thread: cr_error(). Builder
 * functions (crisol/ops.h) are the exception: they return a poisoned value and the graph remembers
 * the first mistake, so that a program checks once, at cr_compile. */
#ifndef CRISOL_BASE_H
#define CRISOL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define CR_API __attribute__((visibility("default")))
#define CR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CR_API
#define CR_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One row a status: enumerator, short text. */
#define CR_STATUS_MAP(X)                                                                           \
    X(CR_OK, "success")                                                                            \
    X(CR_E_GRAPH, "mistake in the graph") /* shapes, types, poison: the caller's program */        \
    X(CR_E_ARGUMENT, "bad argument")      /* an option, a name, a size, a null pointer */          \
    X(CR_E_SYNTAX, "syntax error")        /* a text that cannot be read */                         \
    X(CR_E_IO, "input/output error")      /* a file or a folder */                                 \
    X(CR_E_DEVICE, "device error")        /* OpenCL: driver, build, launch */                      \
    X(CR_E_LIMIT, "limit exceeded")       /* device memory, transfer budget, rank */               \
    X(CR_E_MEMORY, "out of host memory")                                                           \
    X(CR_E_NUMERIC, "not a finite number") /* training diverged */                                 \
    X(CR_E_INTERRUPTED, "interrupted")

typedef enum cr_status {
#define CR_X(name, text) name,
    CR_STATUS_MAP(CR_X)
#undef CR_X
} cr_status;

/* Short fixed text of a status ("device error"). Never NULL. */
CR_API const char *cr_status_text(cr_status status);

/* The last diagnostic of this thread: what, where, what to do. Never NULL; "" when there was none.
 * Valid until the next failing call of this thread. */
CR_API const char *cr_error(void);

/* The library's version, "major.minor.patch". */
CR_API const char *cr_version(void);

/* Element types. Bool is stored as one byte, 0 or 1. */
typedef enum cr_dtype { CR_F32, CR_I32, CR_U8, CR_BOOL, CR_DTYPE_COUNT } cr_dtype;

/* Name ("f32") and size in bytes of an element type. */
CR_API const char *cr_dtype_name(cr_dtype dtype);
CR_API size_t cr_dtype_size(cr_dtype dtype);

/* Where in the caller's program something was built. The macros of crisol/ops.h fill it in. */
typedef struct cr_loc {
    const char *file;
    int line;
} cr_loc;

static inline cr_loc cr_here_(const char *file, int line)
{
    cr_loc loc;
    loc.file = file;
    loc.line = line;
    return loc;
}
#define CR_HERE cr_here_(__FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
