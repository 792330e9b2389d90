/* h5_convert.c - elements of all types as f32. */
#include "h5.h"

#include <math.h>

static float from_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    float fraction = (float)(bits & 1023), value;
    if (exponent == 31)
        value = fraction > 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf(fraction, -24);
    else
        value = ldexpf(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

#define WIDEN(T)                                                                                   \
    for (uint64_t i = 0; i < n; i++) {                                                             \
        T element;                                                                                 \
        memcpy(&element, (const char *)from + i * sizeof element, sizeof element);                 \
        out[i] = (float)element;                                                                   \
    }                                                                                              \
    break

static void convert(cr_h5_type type, const void *from, float *out, uint64_t n)
{
    switch (type) {
    case CR_H5_F16:
        for (uint64_t i = 0; i < n; i++) {
            uint16_t element;
            memcpy(&element, (const char *)from + i * sizeof element, sizeof element);
            out[i] = from_half(element);
        }
        break;
    case CR_H5_F64: WIDEN(double);
    case CR_H5_BOOL:
    case CR_H5_I8: WIDEN(int8_t);
    case CR_H5_I16: WIDEN(int16_t);
    case CR_H5_I32: WIDEN(int32_t);
    case CR_H5_I64: WIDEN(int64_t);
    case CR_H5_U8: WIDEN(uint8_t);
    case CR_H5_U16: WIDEN(uint16_t);
    case CR_H5_U32: WIDEN(uint32_t);
    case CR_H5_U64: WIDEN(uint64_t);
    default: WIDEN(float);
    }
}

/* A finite f64 that f32 makes infinite. */
static cr_status check(const cr_h5 *h, const cr_h5_node *node, const void *from, const float *to,
                       uint64_t n)
{
    for (uint64_t i = 0; i < n && node->type == CR_H5_F64; i++) {
        double is;
        memcpy(&is, (const char *)from + i * sizeof is, sizeof is);
        if (isinf(to[i]) && !isinf(is))
            return cr_fail(CR_E_ARGUMENT, "%s: %s: element %llu is %g, which f32 does not have",
                           cr_h5_name(h), node->path, (unsigned long long)i, is);
    }
    return CR_OK;
}

cr_status cr_h5_read_f32(cr_h5 *h, const cr_h5_node *node, float *out, uint64_t n)
{
    CR_TRY(cr_h5_check(h, node));
    size_t size = cr_h5_type_size(node->type);
    if (n != node->bytes / size)
        return cr_fail(CR_E_ARGUMENT, "%s: data set %s has %llu elements, not %llu", cr_h5_name(h),
                       node->path, (unsigned long long)(node->bytes / size), (unsigned long long)n);
    if (node->type == CR_H5_F32)
        return cr_h5_read(h, node, out, node->bytes);
    void *all = cr_alloc(node->bytes);
    if (!all)
        return CR_E_MEMORY;
    cr_status status = cr_h5_read(h, node, all, node->bytes);
    if (status == CR_OK) {
        convert(node->type, all, out, n);
        status = check(h, node, all, out, n);
    }
    cr_free(all);
    return status;
}
