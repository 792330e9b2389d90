/* vec_map.c - the growing array behind CR_VEC, and the hash map. */
#include "base.h"

/* Lengths stay below 2^31, so that `len + 1` never wraps. */
enum { VEC_MAX = INT32_MAX };

/* `at` is the address of a T *: read and written as bytes, because a T * is no void *. */
bool cr_vec_reserve(void **at, uint32_t *cap, uint32_t need, size_t elem)
{
    if (need <= *cap)
        return true;
    uint64_t grown = CR_MAX(CR_MAX((uint64_t)need, (uint64_t)*cap * 2), 8), bytes;
    grown = CR_MIN(grown, (uint64_t)VEC_MAX);
    if (need > VEC_MAX || !cr_mul_size(grown, elem, &bytes)) {
        cr_fail(CR_E_MEMORY, "a vector cannot hold %u elements", need);
        return false;
    }
    void *p;
    memcpy(&p, at, sizeof p);
    p = cr_realloc(p, *cap * elem, bytes);
    if (!p)
        return false;
    memcpy(at, &p, sizeof p);
    *cap = (uint32_t)grown;
    return true;
}

/* ---- map ----------------------------------------------------------------------------------- */

/* Multiplying spreads hashes whose low bits are alike; the high bits of the product choose. */
static uint32_t home_slot(const cr_map *m, uint64_t hash)
{
    return (uint32_t)(hash * 0x9e3779b97f4a7c15ull >> 32) & (m->cap - 1);
}

static void insert(cr_map *m, uint64_t hash, uint32_t value)
{
    uint32_t i = home_slot(m, hash);
    while (m->value[i])
        i = (i + 1) & (m->cap - 1);
    m->hash[i] = hash;
    m->value[i] = value;
    m->len++;
}

static bool grow(cr_map *m)
{
    if (m->cap > UINT32_MAX / 4) {
        cr_fail(CR_E_MEMORY, "a map cannot hold more than %u entries", m->len);
        return false;
    }
    cr_map bigger = {.cap = m->cap ? m->cap * 2 : 16};
    bigger.hash = cr_alloc(bigger.cap * sizeof *bigger.hash);
    bigger.value = bigger.hash ? cr_alloc(bigger.cap * sizeof *bigger.value) : NULL;
    if (!bigger.value) {
        cr_map_finish(&bigger);
        return false;
    }
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->value[i])
            insert(&bigger, m->hash[i], m->value[i]);
    cr_map_finish(m);
    *m = bigger;
    return true;
}

bool cr_map_put(cr_map *m, uint64_t hash, uint32_t value)
{
    CR_ASSERT(value > 0);
    if (m->len >= m->cap / 2 && !grow(m))
        return false;
    insert(m, hash, value);
    return true;
}

/* Half of the slots are empty, so every walk ends. */
uint32_t cr_map_next(const cr_map *m, uint64_t hash, uint32_t *pos)
{
    if (m->cap == 0)
        return 0;
    uint32_t mask = m->cap - 1;
    uint32_t i = *pos == UINT32_MAX ? home_slot(m, hash) : (*pos + 1) & mask;
    while (m->value[i] && m->hash[i] != hash)
        i = (i + 1) & mask;
    *pos = i;
    return m->value[i];
}

void cr_map_finish(cr_map *m)
{
    cr_free(m->hash);
    cr_free(m->value);
    *m = (cr_map){0};
}

uint64_t cr_hash(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ byte[i]) * 1099511628211ull;
    return seed;
}
