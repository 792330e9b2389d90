/* base.h - what every room stands on: allocator, diagnostics, arena, vector, map, string buffer.
 *
 * Every allocation of the library goes through cr_alloc / cr_realloc / cr_free, so that a test can
 * make the n-th fail (cr_alloc_fail_after) and count what is left at the end (cr_alloc_live). */
#ifndef CR_BASE_H
#define CR_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crisol/extend.h"

/* ---- allocator and diagnostics: also crisol/extend.h ---------------------------------------- */

char *cr_strdup(const char *s);
size_t cr_alloc_live(void);          /* blocks allocated and not yet freed, in this process */
void cr_alloc_fail_after(int64_t n); /* the n-th next allocation fails (once); < 0: never */

#define CR_TRY(expr)                                                                               \
    do {                                                                                           \
        cr_status cr_try_status_ = (expr);                                                         \
        if (cr_try_status_ != CR_OK)                                                               \
            return cr_try_status_;                                                                 \
    } while (0)

/* Our own bug: prints what and where, and aborts. Never for a user's mistake. */
#define CR_ASSERT(cond) ((cond) ? (void)0 : cr_assert_fail(#cond, __FILE__, __LINE__))

#define CR_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))
#define CR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define CR_MAX(a, b) ((a) > (b) ? (a) : (b))

/* a * b and a + b for sizes; false when the result does not fit. */
static inline bool cr_mul_size(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b != 0 && a > UINT64_MAX / b)
        return false;
    *out = a * b;
    return true;
}
static inline uint64_t cr_align_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) / align * align;
}

/* ---- arena: many small blocks, freed together --------------------------------------------- */

typedef struct cr_arena {
    struct cr_arena_block *head;
} cr_arena;

void *cr_arena_alloc(cr_arena *a, size_t size); /* zeroed, 16-byte aligned; NULL on failure */
char *cr_arena_strdup(cr_arena *a, const char *s);
char *cr_arena_printf(cr_arena *a, const char *fmt, ...) CR_PRINTF(2, 3);
void cr_arena_finish(cr_arena *a); /* frees all; the arena may be used again */

/* ---- vector: a growing array of any type --------------------------------------------------- */

/* struct { T *at; uint32_t len, cap; }; zero-initialised is empty. */
#define CR_VEC(T)                                                                                  \
    struct {                                                                                       \
        T *at;                                                                                     \
        uint32_t len, cap;                                                                         \
    }
/* Appends; true on success, false out of memory (diagnostic set, vector unchanged). */
#define cr_vec_push(v, ...)                                                                        \
    (cr_vec_reserve((void **)&(v)->at, &(v)->cap, (v)->len + 1, sizeof *(v)->at)                   \
         ? ((v)->at[(v)->len++] = (__VA_ARGS__), true)                                             \
         : false)
/* Makes the length n; new elements are zero. */
#define cr_vec_resize(v, n)                                                                        \
    (cr_vec_reserve((void **)&(v)->at, &(v)->cap, (n), sizeof *(v)->at) ? ((v)->len = (n), true)   \
                                                                        : false)
#define cr_vec_finish(v) (cr_free((v)->at), (v)->at = NULL, (v)->len = (v)->cap = 0)
bool cr_vec_reserve(void **at, uint32_t *cap, uint32_t need, size_t elem);

/* ---- map: 64-bit hash to 32-bit value, open addressing ------------------------------------- */

/* The caller compares keys: a look-up walks all values of a hash through `cr_map_next`. */
typedef struct cr_map {
    uint64_t *hash;
    uint32_t *value; /* 0 = empty slot, so values are > 0 */
    uint32_t len, cap;
} cr_map;

bool cr_map_put(cr_map *m, uint64_t hash, uint32_t value); /* value > 0; false out of memory */
/* First (or, with *pos from the last call, next) value stored under `hash`; 0 when there is none.
 * Start with *pos = UINT32_MAX. */
uint32_t cr_map_next(const cr_map *m, uint64_t hash, uint32_t *pos);
void cr_map_finish(cr_map *m);

/* FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/). Start with CR_HASH_SEED. */
#define CR_HASH_SEED 14695981039346656037ull
uint64_t cr_hash(uint64_t seed, const void *data, size_t size);

/* ---- string buffer -------------------------------------------------------------------------- */

typedef struct cr_strbuf {
    char *at; /* zero-terminated once anything was appended */
    size_t len, cap;
    bool failed; /* out of memory: later appends do nothing; check once at the end */
} cr_strbuf;

void cr_str_add(cr_strbuf *s, const char *text);
void cr_str_addn(cr_strbuf *s, const char *text, size_t n);
void cr_str_printf(cr_strbuf *s, const char *fmt, ...) CR_PRINTF(2, 3);
void cr_str_vprintf(cr_strbuf *s, const char *fmt, va_list ap);
const char *cr_str_text(const cr_strbuf *s); /* "" when empty */
char *cr_str_take(cr_strbuf *s);             /* gives the text away (cr_free it); NULL if failed */
void cr_str_finish(cr_strbuf *s);

/* ---- files ---------------------------------------------------------------------------------- */

/* Writes through a temporary name beside `path`, synced and renamed, so that a reader sees the old
 * file or the new one and never a part. */
cr_status cr_file_write(const char *path, const void *data, size_t size);
/* Reads a whole file; cr_free the result. NULL with the diagnostic set on failure. */
char *cr_file_read(const char *path, size_t *size);

/* ---- random numbers ------------------------------------------------------------------------- */

/* Philox 4x32-10: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11. */
void cr_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Monotonic time in seconds. */
double cr_now(void);

#endif
