/* strides.h - how the elements of a node lie in memory, as far as index maps tell: each axis is a
 * list of digits, outermost first, of which each has an extent and the distance between neighbours
 * (after CuTe's layouts: C. Cecka, "CuTe Layout Representation and Algebra", 2024). An axis of a
 * window view over images, [n o, k c], has the digits (n, o0, o1) and (k0, k1, c): what loops over
 * it should be split by, so that its index is a sum of products. */
#ifndef CR_STRIDES_H
#define CR_STRIDES_H

#include "plan.h"

enum { CR_MAX_DIGITS = 8 };

typedef struct cr_digits {
    int n; /* digits; of an axis of size 1: none */
    int64_t extent[CR_MAX_DIGITS], stride[CR_MAX_DIGITS];
} cr_digits;

typedef struct cr_strides {
    cr_digits axis[CR_MAX_RANK];
    bool direct;   /* each element is one of memory, without computation or guard */
    bool f32;      /* ... and as it is: no conversion */
    bool gathered; /* rows lie anywhere: which ones is known when it runs only */
} cr_strides;

/* Of node r as phase p reads it. Strides count elements of the value that is read; where r is
 * computed, of its main source. */
void cr_strides_of(const cr_graph *g, const cr_phase *p, cr_ref r, cr_strides *out);

/* The extents of both, which have `size` elements each, refined: for every suffix product of either
 * list there is one of the result. When there is no such list: that of a. Returns how many; 0 where
 * they are more than `max`. */
int cr_refine(const cr_digits *a, const cr_digits *b, int64_t size, int64_t *out, int max);

#endif
