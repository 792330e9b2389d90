/* arena.c - many small blocks, freed together. */
#include "base.h"

enum { ARENA_ALIGN = 16, ARENA_BLOCK = 16 * 1024 };

struct cr_arena_block {
    struct cr_arena_block *next;
    size_t used, size; /* of the bytes behind this header */
};

enum { HEADER = (sizeof(struct cr_arena_block) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN };

/* A block that is large by itself goes behind the head, whose room for small ones is kept. */
static struct cr_arena_block *add_block(cr_arena *a, size_t need)
{
    bool large = a->head && need > ARENA_BLOCK / 4;
    size_t size = large ? need : CR_MAX(need, (size_t)ARENA_BLOCK);
    struct cr_arena_block *b = cr_alloc(HEADER + size);
    if (!b)
        return NULL;
    b->size = size;
    struct cr_arena_block **link = large ? &a->head->next : &a->head;
    b->next = *link;
    *link = b;
    return b;
}

void *cr_arena_alloc(cr_arena *a, size_t size)
{
    if (size > PTRDIFF_MAX - ARENA_BLOCK) {
        cr_fail(CR_E_MEMORY, "out of host memory: %zu bytes", size);
        return NULL;
    }
    size_t need = cr_align_up(CR_MAX(size, (size_t)1), ARENA_ALIGN);
    struct cr_arena_block *b = a->head;
    if (!b || b->size - b->used < need)
        b = add_block(a, need);
    if (!b)
        return NULL;
    void *p = (char *)b + HEADER + b->used;
    b->used += need;
    return p;
}

char *cr_arena_strdup(cr_arena *a, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = cr_arena_alloc(a, size);
    return copy ? memcpy(copy, s, size) : NULL;
}

char *cr_arena_printf(cr_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *text = cr_arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
    if (text && n > 0)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return text;
}

void cr_arena_finish(cr_arena *a)
{
    for (struct cr_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        cr_free(b);
    }
    a->head = NULL;
}
