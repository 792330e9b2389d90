/* h5_types.c - element types: ours and HDF5's. */
#define H5_USE_110_API
#include "h5_hdf5.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [CR_H5_F16] = {"f16", 2},   [CR_H5_F32] = {"f32", 4}, [CR_H5_F64] = {"f64", 8},
    [CR_H5_I8] = {"i8", 1},     [CR_H5_I16] = {"i16", 2}, [CR_H5_I32] = {"i32", 4},
    [CR_H5_I64] = {"i64", 8},   [CR_H5_U8] = {"u8", 1},   [CR_H5_U16] = {"u16", 2},
    [CR_H5_U32] = {"u32", 4},   [CR_H5_U64] = {"u64", 8}, [CR_H5_BOOL] = {"bool", 1},
    [CR_H5_TEXT] = {"text", 0}, [CR_H5_OTHER] = {"?", 0},
};

const char *cr_h5_type_name(cr_h5_type type)
{
    return (unsigned)type < CR_COUNTOF(types) ? types[type].name : "?";
}

size_t cr_h5_type_size(cr_h5_type type)
{
    return (unsigned)type < CR_COUNTOF(types) ? types[type].size : 0;
}

/* IEEE 754's half precision: HDF5 1.10 has no name for it. */
static hid_t half(void)
{
    hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
    if (type < 0 || H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 ||
        H5Tset_ebias(type, 15) < 0)
        return -1;
    return type;
}

hid_t cr_h5_native(cr_h5_type type)
{
    switch (type) {
    case CR_H5_F16: return half();
    case CR_H5_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
    case CR_H5_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
    case CR_H5_BOOL:
    case CR_H5_I8: return H5Tcopy(H5T_NATIVE_INT8);
    case CR_H5_I16: return H5Tcopy(H5T_NATIVE_INT16);
    case CR_H5_I32: return H5Tcopy(H5T_NATIVE_INT32);
    case CR_H5_I64: return H5Tcopy(H5T_NATIVE_INT64);
    case CR_H5_U8: return H5Tcopy(H5T_NATIVE_UINT8);
    case CR_H5_U16: return H5Tcopy(H5T_NATIVE_UINT16);
    case CR_H5_U32: return H5Tcopy(H5T_NATIVE_UINT32);
    case CR_H5_U64: return H5Tcopy(H5T_NATIVE_UINT64);
    default: return -1;
    }
}

/* The same as our type, but for the byte order. */
static bool is_type(hid_t type, cr_h5_type ours)
{
    hid_t native = cr_h5_native(ours);
    bool same =
        native >= 0 && H5Tset_order(native, H5Tget_order(type)) >= 0 && H5Tequal(native, type) > 0;
    H5Tclose(native);
    return same;
}

static bool has_member(hid_t type, unsigned i, const char *name)
{
    char *is = H5Tget_member_name(type, i);
    const bool same = is && strcmp(is, name) == 0;
    H5free_memory(is);
    return same;
}

/* h5py's bool: a byte that is FALSE or TRUE. Other enumerations are their numbers. */
static bool is_bool(hid_t type)
{
    return H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2 && has_member(type, 0, "FALSE") &&
           has_member(type, 1, "TRUE");
}

cr_h5_type cr_h5_classify(hid_t type, bool *swapped)
{
    H5T_class_t kind = H5Tget_class(type);
    *swapped = false;
    if (kind == H5T_STRING)
        return CR_H5_TEXT;
    if (kind == H5T_ENUM && is_bool(type))
        return CR_H5_BOOL;
    if (kind == H5T_ENUM) {
        hid_t base = H5Tget_super(type);
        cr_h5_type ours = base < 0 ? CR_H5_OTHER : cr_h5_classify(base, swapped);
        H5Tclose(base);
        return ours;
    }
    if (kind != H5T_INTEGER && kind != H5T_FLOAT)
        return CR_H5_OTHER;
    *swapped = H5Tget_size(type) > 1 && H5Tget_order(type) != H5Tget_order(H5T_NATIVE_INT);
    for (cr_h5_type t = CR_H5_F16; t < CR_H5_TEXT; t++)
        if (is_type(type, t))
            return t;
    return CR_H5_OTHER;
}
