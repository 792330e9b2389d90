/* rng.c - Philox 4x32-10, a random function of a counter: any element of any stream by itself. */
#include "base.h"

static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    uint64_t p0 = (uint64_t)0xd2511f53u * c[0], p1 = (uint64_t)0xcd9e8d57u * c[2];
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k[0];
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k[1];
    c[3] = (uint32_t)p0;
}

void cr_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]};
    memmove(out, counter, 4 * sizeof *out);
    for (int i = 0; i < 10; i++) {
        philox_round(out, k);
        k[0] += 0x9e3779b9u;
        k[1] += 0xbb67ae85u;
    }
}
