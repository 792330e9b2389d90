/* Crisol's own exp, log, tanh, pow, expm1, log1p and erf: against the C library in double precision
 * over all exponents, special cases, and the text that devices get. */
#include <criterion/criterion.h>

#include "elementary.h"

/* ---- accuracy ------------------------------------------------------------------------------ */

/* The distance of two neighbouring floats at v. */
static double ulp_at(double v)
{
    int exponent;
    frexp(v, &exponent);
    return ldexp(1, CR_MAX(exponent, -125) - 24);
}

/* How far a result is from the true value, in units of the last place; 0 for NaN where NaN is due,
 * and where both overflow. */
static double distance(float got, double want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf((float)want) || isinf(got))
        return got == (float)want ? 0 : fabs(want) > 0x1.fffffcp127 && isinf(got) ? 1 : INFINITY;
    return fabs((double)got - want) / ulp_at(want);
}

static void check(const char *name, float got, double want, float x, float y)
{
    cr_assert(distance(got, want) <= 2, "%s(%a, %a) is %a, which is %g units from %a", name,
              (double)x, (double)y, (double)got, distance(got, want), want);
}

/* All exponents and both signs, about 4000 mantissas each. */
#define SWEEP(FUNCTION, function)                                                                  \
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += 2039) {                              \
        float x = cr_bits_float((uint32_t)bits);                                                   \
        check(#function, FUNCTION(x), function((double)x), x, 0);                                  \
    }
/* Every float from lo to hi, of one sign. */
#define EVERY(FUNCTION, function, lo, hi)                                                          \
    for (uint32_t bits = cr_float_bits(lo); bits <= cr_float_bits(hi); bits++) {                   \
        float x = cr_bits_float(bits);                                                             \
        check(#function, FUNCTION(x), function((double)x), x, 0);                                  \
    }

Test(elementary, exp_is_accurate){
    SWEEP(EXP, exp) EVERY(EXP, exp, 88.70f, 88.75f) /* to infinity */
    EVERY(EXP, exp, -87.30f, -87.40f)               /* to the denormals */
    EVERY(EXP, exp, -103.9f, -104.01f)              /* to zero */
    EVERY(EXP, exp, 0.3460f, 0.3475f)               /* where n becomes 1 */
    EVERY(EXP, exp, -1.0390f, -1.0405f)             /* and -2 */
}

Test(elementary, log_is_accurate){
    SWEEP(LOG, log) EVERY(LOG, log, 0.999f, 1.001f)
        EVERY(LOG, log, 0.7065f, 0.7075f) /* where m jumps from sqrt(2) to sqrt(1/2) */
}

Test(elementary, tanh_is_accurate){
    SWEEP(TANH, tanh) EVERY(TANH, tanh, 0.56f, 0.57f) /* between the two formulas */
    EVERY(TANH, tanh, 8.9f, 9.1f)                     /* to one */
}

Test(elementary, expm1_is_accurate){
    SWEEP(EXPM1, expm1) EVERY(EXPM1, expm1, 88.70f, 88.75f) /* to infinity */
    EVERY(EXPM1, expm1, 0.3460f, 0.3475f)                   /* where n becomes 1 */
    EVERY(EXPM1, expm1, -0.3460f, -0.3475f)                 /* and -1 */
    EVERY(EXPM1, expm1, -1.0390f, -1.0405f)                 /* and -2 */
    EVERY(EXPM1, expm1, -16.9f, -20.1f)                     /* to minus one */
}

Test(elementary, log1p_is_accurate){SWEEP(LOG1P, log1p) EVERY(LOG1P, log1p, -0.9999f, -1.0f)
                                        EVERY(LOG1P, log1p, 0.414f, 0.415f)
                                            EVERY(LOG1P, log1p, -0.292f, -0.294f)}

Test(elementary, erf_is_accurate)
{
    SWEEP(ERF, erf)
    EVERY(ERF, erf, 0.90f, 0.93f) /* between the two formulas */
    EVERY(ERF, erf, 3.8f, 4.1f)   /* to one */
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

/* An x of any exponent, and a y such that x^y is near 2^e, e within the floats and a bit beyond. */
static void draw_powers(uint64_t *s, float *x, float *y)
{
    uint64_t r = next_random(s);
    *x = cr_bits_float((uint32_t)r & 0x7fffffff);
    double e = (double)(int64_t)(r >> 32) * 0x1p-32 * 320 - 165;
    if (r >> 31 & 1)
        *x = 1 + (*x == *x ? (float)ldexp((double)(uint32_t)r, -32 - (int)(r >> 56 & 15)) : 0);
    *y = (float)(e / log2((double)*x));
}

Test(elementary, pow_is_accurate)
{
    uint64_t s = 88172645463325252ull;
    for (int i = 0; i < 1000000; i++) {
        float x, y;
        draw_powers(&s, &x, &y);
        check("pow", POW(x, y), pow((double)x, (double)y), x, y);
        y = (float)((int)(next_random(&s) % 41) - 20) / 2;
        check("pow", POW(x, y), pow((double)x, (double)y), x, y);
        check("pow", POW(-x, y), pow((double)-x, (double)y), -x, y);
    }
}

/* ---- special cases ------------------------------------------------------------------------- */

Test(elementary, special_cases)
{
    cr_assert(EXP(0) == 1 && EXP(-0.0f) == 1 && EXP(INFINITY) == INFINITY && EXP(1000) == INFINITY);
    cr_assert(EXP(-INFINITY) == 0 && EXP(-1000) == 0 && !signbit(EXP(-INFINITY)) &&
              isnan(EXP(NAN)));
    cr_assert(LOG(1) == 0 && !signbit(LOG(1)) && LOG(INFINITY) == INFINITY && isnan(LOG(NAN)));
    cr_assert(LOG(0) == -INFINITY && LOG(-0.0f) == -INFINITY && isnan(LOG(-1)));
    cr_assert(isnan(LOG(-INFINITY)) && isnan(LOG(-0x1p-149f)));
    cr_assert(TANH(INFINITY) == 1 && TANH(-INFINITY) == -1 && isnan(TANH(NAN)));
    cr_assert(TANH(0) == 0 && !signbit(TANH(0)) && signbit(TANH(-0.0f)));
    cr_assert(ERF(INFINITY) == 1 && ERF(-INFINITY) == -1 && isnan(ERF(NAN)) && signbit(ERF(-0.0f)));
    cr_assert(EXPM1(INFINITY) == INFINITY && EXPM1(-INFINITY) == -1 && signbit(EXPM1(-0.0f)));
    cr_assert(LOG1P(INFINITY) == INFINITY && LOG1P(-1) == -INFINITY && isnan(LOG1P(-2)));
    cr_assert(EXPM1(0x1p-149f) == 0x1p-149f && LOG1P(-0x1p-149f) == -0x1p-149f);
    cr_assert(TANH(0x1p-149f) == 0x1p-149f && TANH(-0x1p-149f) == -0x1p-149f);
}

/* NaNs of any payload and sign. */
Test(elementary, nan_stays_nan)
{
    for (uint32_t bits = 0x7f800001; bits < 0x80000000; bits += 4099) {
        float x = cr_bits_float(bits);
        cr_assert(isnan(EXP(x)) && isnan(LOG(x)) && isnan(TANH(x)) && isnan(POW(x, 2)) &&
                  isnan(POW(2, x)));
        cr_assert(isnan(ERF(x)) && isnan(EXPM1(x)) && isnan(LOG1P(x)) && isnan(ERF(-x)));
        cr_assert(isnan(EXP(-x)) && isnan(LOG(-x)) && isnan(TANH(-x)) && isnan(POW(-x, 2)) &&
                  isnan(POW(2, -x)));
    }
}

Test(elementary, pow_of_special_values)
{
    static const float v[] = {
        0,
        1,
        2,
        3,
        4,
        0.5f,
        1.5f,
        2.5f,
        INFINITY,
        NAN,
        0x1p-149f,
        0x1p-126f,
        0x1.fffffep127f,
        16777215,
        16777216,
        33554432,
        1e-30f,
        0x1.fffffep-1f,
        0x1.000002p0f,
    };
    for (size_t i = 0; i < 4 * CR_COUNTOF(v) * CR_COUNTOF(v); i++) {
        float x = v[i / 4 % CR_COUNTOF(v)], y = v[i / 4 / CR_COUNTOF(v)];
        x = i & 1 ? -x : x;
        y = i & 2 ? -y : y;
        double want = pow((double)x, (double)y);
        check("pow", POW(x, y), want, x, y);
        cr_assert(isnan(want) || !signbit(POW(x, y)) == !signbit(want), "sign of pow(%a, %a)",
                  (double)x, (double)y);
    }
}

Test(elementary, casts_truncate_and_saturate)
{
    cr_assert(cr_float_to_i32(2.9f) == 2 && cr_float_to_i32(-2.9f) == -2);
    cr_assert(cr_float_to_i32(0x1p31f) == INT32_MAX && cr_float_to_i32(INFINITY) == INT32_MAX);
    cr_assert(cr_float_to_i32(-0x1p31f) == INT32_MIN && cr_float_to_i32(-INFINITY) == INT32_MIN);
    cr_assert(cr_float_to_i32(2147483520) == 2147483520 && cr_float_to_i32(NAN) == 0);
    cr_assert(cr_float_to_u8(255.9f) == 255 && cr_float_to_u8(254.9f) == 254);
    cr_assert(cr_float_to_u8(1e9f) == 255 && cr_float_to_u8(-1) == 0 && cr_float_to_u8(NAN) == 0);
}

/* ---- text for devices ---------------------------------------------------------------------- */

static void expect_text(const char *text, cr_dtype dtype, int width, const char *want)
{
    cr_strbuf s = {0};
    cr_elementary_expand(&s, text, dtype, width);
    cr_assert_str_eq(cr_str_text(&s), want);
    cr_str_finish(&s);
}

Test(elementary, expressions_are_spelled_for_each_width)
{
    expect_text("(T)(1) / ((T)(1) + EXP(-x))", CR_F32, 1,
                "(float)(1) / ((float)(1) + cr_exp_f1(-x))");
    expect_text("(T)(1) / ((T)(1) + EXP(-x))", CR_F32, 16,
                "(float16)(1) / ((float16)(1) + cr_exp_f16(-x))");
    expect_text("(y == (T)(0)) ? x : y", CR_I32, 4, "(y == (int4)(0)) ? x : y");
    expect_text("FMA(SQRT(x), FLOOR(y), ABS(POW(x, y)))", CR_F32, 8,
                "fma(sqrt(x), floor(y), fabs(cr_pow_f8(x, y)))");
    expect_text("AS_T(AS_U(x) + (U)(0x7Tu)) I", CR_F32, 2,
                "as_float2(as_uint2(x) + (uint2)(0x7Tu)) int2");
    expect_text("LOWEST", CR_F32, 4, "(float4)(-INFINITY)");
    expect_text("LOWEST", CR_I32, 1, "(int)(-2147483647 - 1)");
    expect_text("EXPX TT exp LOGS", CR_F32, 4, "EXPX TT exp LOGS");
    expect_text("", CR_F32, 4, "");
}

Test(elementary, uses_are_found)
{
    cr_assert_eq(cr_elementary_uses("x + y"), 0);
    cr_assert_eq(cr_elementary_uses("EXPO(x) + exp(x)"), 0);
    cr_assert_eq(cr_elementary_uses("EXP(x)"), 1u << CR_FN_exp);
    cr_assert_eq(cr_elementary_uses("TANH(x)*POW(x,LOG(y))"),
                 1u << CR_FN_tanh | 1u << CR_FN_pow | 1u << CR_FN_log);
}

Test(elementary, definitions_are_whole_and_readable)
{
    static const int width[] = {1, 2, 4, 8, 16};
    for (size_t i = 0; i < CR_COUNTOF(width); i++) {
        cr_strbuf s = {0};
        char head[128];
        cr_elementary_emit_set(&s, 1u << CR_FN_exp | 1u << CR_FN_pow, width[i]);
        const char *text = cr_str_text(&s);
        char lanes[16] = "";
        if (width[i] > 1)
            snprintf(lanes, sizeof lanes, "%d", width[i]);
        snprintf(head, sizeof head, "static float%s cr_exp_f%d(float%s x)\n{\n    int%s zero",
                 lanes, width[i], lanes, lanes);
        cr_assert_eq(strncmp(text, head, strlen(head)), 0, "%s", text);
        cr_assert(strstr(text, "cr_pow_f"));
        cr_assert_null(strstr(text, "cr_log_f"));
        cr_assert_null(strstr(text, "FMA"));
        cr_assert_null(strstr(text, "AS_"));
        cr_assert_str_eq(text + s.len - 5, ";\n}\n\n");
        cr_str_finish(&s);
    }
}

Test(elementary, functions_come_after_those_that_they_call)
{
    for (int i = 0; i < CR_FN_COUNT; i++)
        cr_assert_lt(cr_elementary_uses(cr_elementaries[i].body), 1u << i);
}
