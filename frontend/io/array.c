/* array.c - see array.h. */
#include "array.h"

#include <math.h>

#include "model_file.h"

/* ---- elements -------------------------------------------------------------------------------- */

#define AS(type)                                                                                   \
    {                                                                                              \
        type v;                                                                                    \
        memcpy(&v, at, sizeof v);                                                                  \
        return (double)v;                                                                          \
    }

/* Element i, of any alignment. Whole numbers are exact up to 2^53. */
static double element(const cr_array *a, uint64_t i)
{
    const char *at = (const char *)a->data + i * cr_h5_type_size(a->type);
    switch (a->type) {
    case CR_H5_F32: AS(float)
    case CR_H5_F64: AS(double)
    case CR_H5_I8: AS(int8_t)
    case CR_H5_I16: AS(int16_t)
    case CR_H5_I32: AS(int32_t)
    case CR_H5_I64: AS(int64_t)
    case CR_H5_U8: AS(uint8_t)
    case CR_H5_U16: AS(uint16_t)
    case CR_H5_U32: AS(uint32_t)
    case CR_H5_U64: AS(uint64_t)
    case CR_H5_BOOL: return *at != 0;
    case CR_H5_F16:
    case CR_H5_TEXT:
    case CR_H5_OTHER: break;
    }
    return NAN;
}

static cr_status to_f32(cr_data *data, const cr_array *a, const void **out)
{
    float *to = cr_data_alloc(data, (size_t)a->elements * sizeof *to);
    if (!to)
        return CR_E_MEMORY;
    for (uint64_t i = 0; i < a->elements; i++) {
        const double v = element(a, i);
        to[i] = (float)v;
        if (isinf(to[i]) && !isinf(v))
            return cr_fail(CR_E_ARGUMENT, "%s: element %llu is %g, which f32 does not have",
                           a->from, (unsigned long long)i, v);
    }
    *out = to;
    return CR_OK;
}

static cr_status to_i32(cr_data *data, const cr_array *a, const void **out)
{
    int32_t *to = cr_data_alloc(data, (size_t)a->elements * sizeof *to);
    if (!to)
        return CR_E_MEMORY;
    for (uint64_t i = 0; i < a->elements; i++) {
        const double v = element(a, i);
        if (v < INT32_MIN || v > INT32_MAX)
            return cr_fail(CR_E_ARGUMENT, "%s: element %llu is %.0f, which i32 does not have",
                           a->from, (unsigned long long)i, v);
        to[i] = (int32_t)v;
    }
    *out = to;
    return CR_OK;
}

/* An element of a type that the graph has, at a place where one may be. */
static bool is_usable(const cr_array *a)
{
    const bool known = a->type == CR_H5_F32 || a->type == CR_H5_I32 || a->type == CR_H5_U8;
    return known && (uintptr_t)a->data % cr_h5_type_size(a->type) == 0;
}

static cr_dtype dtype_of(const cr_array *a, bool samples)
{
    if (a->type == CR_H5_F32 || a->type == CR_H5_F64 || (a->type == CR_H5_BOOL && samples))
        return CR_F32;
    return a->type == CR_H5_U8 ? CR_U8 : CR_I32;
}

static cr_status convert(cr_data *data, const cr_array *a, cr_dtype dtype, const void **out)
{
    if (is_usable(a)) {
        *out = a->data;
        return CR_OK;
    }
    return dtype == CR_F32 ? to_f32(data, a, out) : to_i32(data, a, out);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

uint64_t cr_array_bytes(cr_dtype dtype, const cr_shape *one, uint32_t n)
{
    uint64_t bytes = (uint64_t)cr_dtype_size(dtype) * n;
    for (int i = 0; i < one->rank; i++)
        bytes *= (uint64_t)one->dim[i];
    return bytes;
}

/* Of one sample. */
static cr_status shape_of(const cr_array *a, cr_shape *out)
{
    if (a->rank < 1 || a->rank > CR_MAX_RANK || a->rank > CR_H5_MAX_RANK)
        return cr_fail(CR_E_ARGUMENT,
                       "%s: an array of %u axes; the first one is that of samples, "
                       "and at most %d may follow",
                       a->from, a->rank, CR_MAX_RANK - 1);
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dim[i] == 0 || a->dim[i] > INT32_MAX)
            return cr_fail(CR_E_LIMIT, "%s: axis %u has %llu elements; 1 to 2^31 - 1 may be",
                           a->from, i + 1, (unsigned long long)a->dim[i]);
    *out = (cr_shape){.rank = (int)a->rank - 1};
    for (uint32_t i = 1; i < a->rank; i++)
        out->dim[i - 1] = (int64_t)a->dim[i];
    return CR_OK;
}

/* Takes the type and shape of the first part, and holds those of others against them. */
static cr_status agree(const cr_array *a, bool first, cr_dtype dtype, const cr_shape *shape,
                       cr_dtype *of_data, cr_shape *shape_of_data)
{
    char is[CR_TENSOR_TEXT], wanted[CR_TENSOR_TEXT];
    if (first) {
        *of_data = dtype;
        *shape_of_data = *shape;
        return CR_OK;
    }
    if (*of_data == dtype && cr_tensor_same_shape(shape, shape_of_data))
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT, "%s: elements are %s, and those for training are %s", a->from,
                   cr_tensor_text(dtype, shape, is),
                   cr_tensor_text(*of_data, shape_of_data, wanted));
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Images without an axis of channels have one, as those of IDX files. A number alone is a list of
 * one. */
static cr_shape sample_shape(const cr_array *a, const cr_shape *shape)
{
    if (shape->rank == 0)
        return CR_SHAPE(1);
    if (shape->rank == 2 && (a->type == CR_H5_U8 || a->type == CR_H5_BOOL))
        return CR_SHAPE(shape->dim[0], shape->dim[1], 1);
    return *shape;
}

cr_status cr_array_samples(cr_data *data, const cr_array *x, bool first, cr_part *part)
{
    cr_samples *s = &data->samples;
    cr_shape shape;
    CR_TRY(shape_of(x, &shape));
    shape = sample_shape(x, &shape);
    CR_TRY(agree(x, first, dtype_of(x, true), &shape, &s->x_dtype, &s->x_shape));
    part->n = (uint32_t)x->dim[0];
    CR_TRY(convert(data, x, s->x_dtype, &part->x));
    if (first)
        data->mapped = x->mapped && part->x == x->data;
    return CR_OK;
}

/* Few labels are copied to where any device takes them: in a file they begin behind the samples,
 * aligned for numbers, not for devices. Those of large samples are few. */
static cr_status keep_few(cr_data *data, const cr_array *y, const cr_part *part, const void **out)
{
    enum { FEW = 1 << 20, PARTS = 16 };
    const cr_samples *s = &data->samples;
    const uint64_t bytes = y->elements * cr_h5_type_size(y->type);
    if (*out != y->data ||
        (bytes > FEW && bytes > cr_array_bytes(s->x_dtype, &s->x_shape, part->n) / PARTS))
        return CR_OK;
    void *copy = cr_data_alloc(data, (size_t)bytes);
    if (!copy)
        return CR_E_MEMORY;
    memcpy(copy, *out, (size_t)bytes);
    *out = copy;
    return CR_OK;
}

/* Labels are a number each, be it in a list of one; numbers with a point are targets. */
cr_status cr_array_targets(cr_data *data, const cr_array *y, bool first, cr_part *part)
{
    cr_samples *s = &data->samples;
    const cr_dtype dtype = dtype_of(y, false);
    cr_shape shape;
    CR_TRY(shape_of(y, &shape));
    if (y->dim[0] != part->n)
        return cr_fail(CR_E_ARGUMENT, "%s: labels or targets of %llu samples, and there are %u",
                       y->from, (unsigned long long)y->dim[0], part->n);
    if (dtype != CR_F32 && shape.rank == 1 && shape.dim[0] == 1)
        shape = CR_SCALAR;
    if (dtype == CR_F32 && shape.rank == 0)
        shape = CR_SHAPE(1);
    if (dtype != CR_F32 && shape.rank != 0)
        return cr_fail(CR_E_ARGUMENT,
                       "%s: whole numbers are labels, one a sample; save targets as float32",
                       y->from);
    CR_TRY(agree(y, first, dtype, &shape, &s->y_dtype, &s->y_shape));
    CR_TRY(convert(data, y, dtype, &part->y));
    return keep_few(data, y, part, &part->y);
}
