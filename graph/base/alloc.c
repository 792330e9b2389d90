/* alloc.c - the one door to the heap: counted, and made to fail on purpose by tests. */
#include <stdatomic.h>

#include "base.h"

static atomic_size_t live_blocks;
static atomic_llong fail_countdown = -1; /* allocations until the one that fails; < 0: none */

/* A size that malloc may take; sizes beyond it are surely a negative number gone wrong. */
static bool may_allocate(size_t size)
{
    if (size > PTRDIFF_MAX)
        return false;
    return atomic_load(&fail_countdown) < 0 || atomic_fetch_sub(&fail_countdown, 1) != 0;
}

static void *out_of_memory(size_t size)
{
    cr_fail(CR_E_MEMORY, "out of host memory: %zu bytes", size);
    return NULL;
}

void *cr_alloc(size_t size)
{
    void *p = may_allocate(size) ? calloc(1, size ? size : 1) : NULL;
    if (!p)
        return out_of_memory(size);
    atomic_fetch_add(&live_blocks, 1);
    return p;
}

void *cr_realloc(void *p, size_t old_size, size_t new_size)
{
    if (!p)
        return cr_alloc(new_size);
    char *q = may_allocate(new_size) ? realloc(p, new_size ? new_size : 1) : NULL;
    if (!q)
        return out_of_memory(new_size);
    if (new_size > old_size)
        memset(q + old_size, 0, new_size - old_size);
    return q;
}

void cr_free(void *p)
{
    if (!p)
        return;
    atomic_fetch_sub(&live_blocks, 1);
    free(p);
}

size_t cr_alloc_live(void)
{
    return atomic_load(&live_blocks);
}

/* Counted from 0: after n more allocations, one fails. */
void cr_alloc_fail_after(int64_t n)
{
    atomic_store(&fail_countdown, n);
}
