/* xor.h - XOR by a 2-2-1 net with tanh, in plain C: the reference of the tests. */
#ifndef CR_TESTS_XOR_H
#define CR_TESTS_XOR_H

#include "elementary.h"

static const float xor_x[8] = {0, 0, 0, 1, 1, 0, 1, 1}, xor_t[4] = {0, 1, 1, 0};

struct plain {
    float w1[2][2], b1[2], w2[2], b2;
};

/* One step of 2-2-1 with tanh on all four samples; gives the loss before it. The sums run in the
 * order of docs/ir.md: ascending, products accumulated with fused multiply-add. */
static inline float plain_step(struct plain *p, float lr)
{
    struct plain d = {.b2 = 0};
    float sum = 0;
    for (int s = 0; s < 4; s++) {
        const float *x = xor_x + 2 * s;
        float h[2], y = 0;
        for (int j = 0; j < 2; j++) {
            h[j] = TANH(fmaf(x[1], p->w1[1][j], fmaf(x[0], p->w1[0][j], 0)) + p->b1[j]);
            y = fmaf(h[j], p->w2[j], y);
        }
        y = TANH(y + p->b2);
        float e = y - xor_t[s], de = 0.25f * e + 0.25f * e, dy = de * (1 - y * y);
        sum += e * e;
        d.b2 += dy;
        for (int j = 0; j < 2; j++) {
            float dh = fmaf(dy, p->w2[j], 0) * (1 - h[j] * h[j]);
            d.w2[j] = fmaf(h[j], dy, d.w2[j]);
            d.b1[j] += dh;
            d.w1[0][j] = fmaf(x[0], dh, d.w1[0][j]);
            d.w1[1][j] = fmaf(x[1], dh, d.w1[1][j]);
        }
    }
    float *to = (float *)p;
    const float *by = (const float *)&d;
    for (size_t i = 0; i < sizeof d / sizeof *by; i++)
        to[i] = to[i] - lr * by[i];
    return sum / 4;
}

#endif
