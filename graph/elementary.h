/* elementary.h - the functions of elementary.def: compiled for the host, printed for devices.
 *
 * For the host: EXP(x), LOG(x), TANH(x), POW(x, y), EXPM1(x), LOG1P(x), ERF(x) and FMA, SQRT,
 * FLOOR, ABS of floats, which is what the expressions of ops.def call; x UNLIKE x is true of a NaN.
 * For a device, codegen prints what a kernel needs:
 *
 *     uint32_t used = 0;
 *     used |= cr_elementary_uses("x * EXP(-x)");
 *     cr_elementary_emit_set(&text, used, 16);                      // the functions, in order
 *     cr_elementary_expand(&text, "x * EXP(-x)", CR_F32, 16);       // x * cr_exp_f16(-x)
 *
 * The text must stand below `#pragma OPENCL FP_CONTRACT OFF`. */
#ifndef CR_ELEMENTARY_H
#define CR_ELEMENTARY_H

#include <math.h>

#include "base.h"

/* ---- for the host --------------------------------------------------------------------------- */

static inline uint32_t cr_float_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float cr_bits_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

#define FMA fmaf
#define SQRT sqrtf
#define FLOOR floorf
#define ABS fabsf
#define UNLIKE !=
#define EXP cr_exp_f1
#define LOG cr_log_f1
#define TANH cr_tanh_f1
#define POW cr_pow_f1
#define EXPM1 cr_expm1_f1
#define LOG1P cr_log1p_f1
#define ERF cr_erf_f1

#define T float
#define U uint32_t
#define I int32_t
#define AS_T cr_bits_float
#define AS_U cr_float_bits
#define CR_FN(name, parameters, ...) static inline float cr_##name##_f1 parameters __VA_ARGS__
#include "elementary.def"
#undef T
#undef U
#undef I
#undef AS_T
#undef AS_U

/* What a cast does: truncates and saturates; NaN becomes 0. */
static inline int32_t cr_float_to_i32(float x)
{
    if (x >= 0x1p31f)
        return INT32_MAX;
    if (x < -0x1p31f)
        return INT32_MIN;
    return x == x ? (int32_t)x : 0;
}

static inline uint8_t cr_float_to_u8(float x)
{
    if (x >= 255.0f)
        return 255;
    return x > 0.0f ? (uint8_t)x : 0;
}

/* ---- for devices ----------------------------------------------------------------------------- */

typedef struct cr_elementary {
    const char *name;       /* "exp", which expressions call as EXP, and kernels as cr_exp_f16 (16
                             * lanes) or cr_exp_f1 (a scalar) */
    const char *parameters; /* "(T x)" */
    const char *body;       /* "{ ... }" */
} cr_elementary;

enum {
#define CR_FN(name, ...) CR_FN_##name,
#include "elementary.def"
    CR_FN_COUNT
};
/* Functions that call others come after them. */
extern const cr_elementary cr_elementaries[CR_FN_COUNT];

/* The functions that an expression calls, directly or not: bit i is cr_elementaries[i]. */
uint32_t cr_elementary_uses(const char *text);

/* What an expression costs, counted in multiply-adds: roughly, for choosing what to compute again.
 * An elementary function counts by the length of its text, exp as CR_COST_EXP. */
enum { CR_COST_EXP = 16, CR_COST_DIVIDE = 4 };
uint32_t cr_elementary_cost(const char *text);

/* Appends `text` (an expression of ops.def, or a body of elementary.def) as OpenCL C of that width
 * (1, 2, 4, 8 or 16), with T standing for float where `dtype` is f32, and for int elsewhere, and
 * LOWEST for the smallest T. */
void cr_elementary_expand(cr_strbuf *out, const char *text, cr_dtype dtype, int width);

/* Appends the definition of one function, by name, and of nothing that it calls. */
void cr_elementary_emit(cr_strbuf *out, const char *fn, int width);
/* The same for a set of functions, in the order in which they call each other. */
void cr_elementary_emit_set(cr_strbuf *out, uint32_t set, int width);

#endif
