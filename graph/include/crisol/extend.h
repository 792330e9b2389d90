/* crisol/extend.h - for libraries built on Crisol: its errors and its memory, so that one way of
 * reporting mistakes, and one count of what is held, serves a program and all that it uses.
 *
 *     char *text = cr_alloc(size);
 *     if (!text)
 *         return CR_E_MEMORY;
 *     if (read_it(path, text, size) != 0)
 *         return cr_fail(CR_E_IO, "%s: cannot read: %s", path, strerror(errno));
 *
 * crisol/crisol.h does not include it. The symbols behind these names are others, cr_extend_alloc
 * and so on, so that the short ones stay free for programs (Criterion has a cr_free, too). */
#ifndef CRISOL_EXTEND_H
#define CRISOL_EXTEND_H

#include "crisol/base.h"

#if defined(__GNUC__) || defined(__clang__)
#define CR_NEVER_RETURNS __attribute__((noreturn))
#else
#define CR_NEVER_RETURNS
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define cr_fail cr_extend_fail
#define cr_last_status cr_extend_last_status
#define cr_disarm cr_extend_disarm
#define cr_error_clear cr_extend_error_clear
#define cr_assert_fail cr_extend_assert_fail
#define cr_alloc cr_extend_alloc
#define cr_realloc cr_extend_realloc
#define cr_free cr_extend_free

/* Sets this thread's diagnostic, which cr_error() gives, and returns `status`, so that a failing
 * function ends with `return cr_fail(CR_E_IO, "%s: cannot open: %s", path, strerror(errno));`
 * Control characters become '?' (cr_disarm): names in files may hold some. */
CR_API cr_status cr_fail(cr_status status, const char *fmt, ...) CR_PRINTF(2, 3);
#ifdef __clang_analyzer__ /* which does not see what it returns */
#define cr_extend_fail(status, ...) ((void)(cr_extend_fail)(status, __VA_ARGS__), (status))
#endif
/* The status that the last cr_fail of this thread set. */
CR_API cr_status cr_last_status(void);
/* Makes '?' of what a terminal obeys: control characters other than line ends and tabs, as bytes or
 * in UTF-8 (U+0080 to U+009F). */
CR_API void cr_disarm(char *text);
/* Forgets both. */
CR_API void cr_error_clear(void);
/* Says on standard error that a condition of the library's own does not hold, and aborts: for bugs,
 * never for a user's mistake. */
CR_API CR_NEVER_RETURNS void cr_assert_fail(const char *cond, const char *file, int line);

/* Memory that cr_live_blocks counts. Zeroed. NULL on failure, with the diagnostic set; a size of 0
 * gives a valid pointer. */
CR_API void *cr_alloc(size_t size);
/* Changes a block's size; the new tail is zeroed. NULL on failure, and the block is as before. */
CR_API void *cr_realloc(void *p, size_t old_size, size_t new_size);
/* Accepts NULL. */
CR_API void cr_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
