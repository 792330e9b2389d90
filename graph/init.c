/* init.c - the first elements of a state. */
#include "elementary.h"
#include "ir.h"

/* What each kind comes down to: constant (b), uniform in [a, b), normal (mean a, deviation b), or
 * the 32 bits drawn. */
typedef struct law {
    enum { CONSTANT, UNIFORM, NORMAL, TRUNCATED, BITS } kind;
    float a, b;
} law;

static law uniform_within(double limit)
{
    return (law){UNIFORM, -(float)limit, (float)limit};
}

/* Normal numbers truncated at twice their deviation, which leaves 0.8796 of it. */
static law truncated_to(double deviation)
{
    return (law){TRUNCATED, 0, (float)(deviation / 0.87962566103423978)};
}

static void fans(const cr_graph *g, const cr_shape *s, double *in, double *out)
{
    double last = s->rank ? (double)cr_dim_bind(g, s->dim[s->rank - 1], NULL) : 1;
    double before = s->rank > 1 ? (double)cr_dim_bind(g, s->dim[s->rank - 2], NULL) : last;
    double sizes = s->rank > 1 ? (double)cr_shape_count(g, s) / (before * last) : 1;
    *in = sizes * before;
    *out = sizes * last;
}

static law law_of(const cr_graph *g, cr_ref state)
{
    const int64_t *attr = cr_attr_of(g, state)->at;
    float a = cr_bits_float((uint32_t)attr[3]), b = cr_bits_float((uint32_t)attr[4]);
    double in, out;
    fans(g, cr_shape_of(g, state), &in, &out);
    switch ((cr_init_kind)attr[2]) {
    case CR_INIT_UNIFORM: return (law){UNIFORM, a, b};
    case CR_INIT_NORMAL: return (law){NORMAL, a, b};
    case CR_INIT_TRUNCATED_NORMAL: return (law){TRUNCATED, a, b};
    case CR_INIT_GLOROT_UNIFORM: return uniform_within(sqrt(6 / (in + out)));
    case CR_INIT_GLOROT_NORMAL: return truncated_to(sqrt(2 / (in + out)));
    case CR_INIT_HE_UNIFORM: return uniform_within(sqrt(6 / in));
    case CR_INIT_HE_NORMAL: return truncated_to(sqrt(2 / in));
    case CR_INIT_LECUN_UNIFORM: return uniform_within(sqrt(3 / in));
    case CR_INIT_LECUN_NORMAL: return truncated_to(sqrt(1 / in));
    case CR_INIT_BITS: return (law){BITS, 0, 0};
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

/* Where the numbers of one state come from: a block of four for each four elements, and as many
 * more as are asked for. */
typedef struct source {
    uint32_t key[2];
    uint64_t stream;
} source;

static void block(const source *from, int64_t i, uint32_t more, uint32_t word[4])
{
    const uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i >> 34) | more << 8,
                                 (uint32_t)from->stream, (uint32_t)(from->stream >> 32)};
    cr_philox4x32(counter, from->key, word);
}

/* Of the first number, one in 22 is too far; after 60 more the mean is as good. */
static float truncated(const law *l, const source *from, int64_t i, float v)
{
    const int lane = (int)(i % 4);
    for (uint32_t more = 1; more <= 60; more++) {
        uint32_t word[4];
        if (fabsf(v - l->a) <= 2 * fabsf(l->b))
            return v;
        block(from, i, more, word);
        v = normal(l, word[lane & 2], word[lane | 1], lane & 1);
    }
    return l->a;
}

static void store(void *out, cr_dtype dtype, int64_t i, float v)
{
    switch (dtype) {
    case CR_F32: ((float *)out)[i] = v; break;
    case CR_I32: ((int32_t *)out)[i] = cr_float_to_i32(v); break;
    case CR_U8: ((uint8_t *)out)[i] = cr_float_to_u8(v); break;
    default: ((uint8_t *)out)[i] = v != 0; break;
    }
}

static void fill(const law *l, const source *from, cr_dtype dtype, int64_t count, void *out)
{
    uint32_t word[4] = {0};
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            block(from, i, 0, word);
        if (l->kind == BITS) {
            memcpy((uint32_t *)out + i, &word[i % 4], sizeof word[0]);
            continue;
        }
        float v = draw(l, word, (int)(i % 4));
        store(out, dtype, i, l->kind == TRUNCATED ? truncated(l, from, i, v) : v);
    }
}

void cr_init_fill(const cr_graph *g, cr_ref state, uint64_t seed, void *out)
{
    const int64_t *attr = cr_attr_of(g, state)->at;
    if ((cr_init_kind)attr[2] == CR_INIT_DATA) {
        memcpy(out, g->data.at[attr[5]], cr_bytes_of(g, state));
        return;
    }
    const char *name = cr_name_of(g, state);
    const law l = law_of(g, state);
    const source from = {{(uint32_t)seed, (uint32_t)(seed >> 32)},
                         cr_hash(CR_HASH_SEED, name, strlen(name))};
    fill(&l, &from, (cr_dtype)cr_at(g, state)->dtype, cr_count_of(g, state), out);
}
