/* init.c - the first elements of a state. */
#include "elementary.h"
#include "ir.h"

/* What each kind comes down to: constant (b), uniform in [a, b), or normal (mean a, deviation b).
 */
typedef struct law {
    enum { CONSTANT, UNIFORM, NORMAL } kind;
    float a, b;
} law;

static law uniform_within(double limit)
{
    return (law){UNIFORM, -(float)limit, (float)limit};
}

static law law_of(const cr_graph *g, cr_ref state)
{
    const int64_t *attr = cr_attr_of(g, state)->at;
    const cr_shape *s = cr_shape_of(g, state);
    float a = cr_bits_float((uint32_t)attr[3]), b = cr_bits_float((uint32_t)attr[4]);
    double out = s->rank ? (double)cr_dim_bind(g, s->dim[s->rank - 1], NULL) : 1;
    double in = (double)cr_shape_count(g, s) / out;
    switch ((cr_init_kind)attr[2]) {
    case CR_INIT_UNIFORM: return (law){UNIFORM, a, b};
    case CR_INIT_NORMAL: return (law){NORMAL, a, b};
    case CR_INIT_GLOROT_UNIFORM: return uniform_within(sqrt(6 / (in + out)));
    case CR_INIT_GLOROT_NORMAL: return (law){NORMAL, 0, (float)sqrt(2 / (in + out))};
    case CR_INIT_HE_UNIFORM: return uniform_within(sqrt(6 / in));
    case CR_INIT_HE_NORMAL: return (law){NORMAL, 0, (float)sqrt(2 / in)};
    default: return (law){CONSTANT, 0, a};
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static float unit(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* Rounding may reach b, which is not in [a, b). */
static float uniform(const law *l, uint32_t word)
{
    float v = l->a + (l->b - l->a) * unit(word);
    return v < l->b || l->a >= l->b ? v : nextafterf(l->b, l->a);
}

/* sin(2 pi t) for 0 <= t < 1.25, by its series: like LOG, the same on every host, which the C
 * library's functions are not. */
static double sin_turns(double t)
{
    t -= t >= 1;
    if (t > 0.5)
        return -sin_turns(t - 0.5);
    double x = 6.283185307179586 * (t > 0.25 ? 0.5 - t : t), z = -x * x, sum = 1;
    for (int i = 14; i > 1; i -= 2)
        sum = 1 + sum * z / (i * (i + 1));
    return x * sum;
}

/* Box-Muller: two words give two independent numbers, of which `second` chooses one. */
static float normal(const law *l, uint32_t w0, uint32_t w1, bool second)
{
    double radius = sqrt(-2.0 * (double)LOG(unit(w0) + 0x1p-24f));
    double v = radius * sin_turns((double)unit(w1) + (second ? 0 : 0.25));
    return (float)((double)l->a + (double)l->b * v);
}

static float draw(const law *l, const uint32_t word[4], int lane)
{
    if (l->kind == CONSTANT)
        return l->b;
    if (l->kind == UNIFORM)
        return uniform(l, word[lane]);
    return normal(l, word[lane & 2], word[lane | 1], lane & 1);
}

/* ---- filling --------------------------------------------------------------------------------- */

static void store(void *out, cr_dtype dtype, int64_t i, float v)
{
    switch (dtype) {
    case CR_F32: ((float *)out)[i] = v; break;
    case CR_I32: ((int32_t *)out)[i] = cr_float_to_i32(v); break;
    case CR_U8: ((uint8_t *)out)[i] = cr_float_to_u8(v); break;
    default: ((uint8_t *)out)[i] = v != 0; break;
    }
}

void cr_init_fill(const cr_graph *g, cr_ref state, uint64_t seed, void *out)
{
    const int64_t *attr = cr_attr_of(g, state)->at;
    if ((cr_init_kind)attr[2] == CR_INIT_DATA) {
        memcpy(out, g->data.at[attr[5]], cr_bytes_of(g, state));
        return;
    }
    law l = law_of(g, state);
    const char *name = cr_name_of(g, state);
    uint64_t stream = cr_hash(CR_HASH_SEED, name, strlen(name));
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, word[4] = {0};
    int64_t count = cr_count_of(g, state);
    for (int64_t i = 0; i < count; i++) {
        uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i >> 34), (uint32_t)stream,
                               (uint32_t)(stream >> 32)};
        if (i % 4 == 0)
            cr_philox4x32(counter, key, word);
        store(out, (cr_dtype)cr_at(g, state)->dtype, i, draw(&l, word, (int)(i % 4)));
    }
}
