/* npy.c - numpy's format: six bytes, a version, the header's length, and a Python dictionary of
 * three entries, the type, the order of the axes, and the shape. */
#include "array.h"

static const char magic[] = "\x93NUMPY";

static const struct {
    const char *code;
    cr_h5_type type;
} types[] = {
    {"f4", CR_H5_F32}, {"f8", CR_H5_F64}, {"i1", CR_H5_I8},   {"i2", CR_H5_I16},
    {"i4", CR_H5_I32}, {"i8", CR_H5_I64}, {"u1", CR_H5_U8},   {"u2", CR_H5_U16},
    {"u4", CR_H5_U32}, {"u8", CR_H5_U64}, {"b1", CR_H5_BOOL},
};

/* ---- the dictionary -------------------------------------------------------------------------- */

typedef struct header {
    const char *begin, *at, *end;
    cr_array *out;
    bool has_type, has_order, has_shape;
} header;

static cr_status wrong(const header *h, const char *what)
{
    return cr_fail(CR_E_SYNTAX, "%s: damaged: %s at byte %zu of its header", h->out->from, what,
                   (size_t)(h->at - h->begin));
}

static char next_sign(header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
        h->at++;
    return h->at < h->end ? *h->at : '\0';
}

static bool take(header *h, char sign)
{
    const bool is = next_sign(h) == sign && h->at < h->end;
    h->at += is;
    return is;
}

/* 'text', into out[size]; a longer one is cut. */
static cr_status read_text(header *h, char *out, size_t size)
{
    const char quote = next_sign(h);
    if (quote != '\'' && quote != '"')
        return wrong(h, "there is no text");
    const char *begin = ++h->at, *end = memchr(begin, quote, (size_t)(h->end - begin));
    if (!end)
        return wrong(h, "a text has no end");
    const size_t n = CR_MIN((size_t)(end - begin), size - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(begin[i] < ' ' || begin[i] > '~' ? '?' : begin[i]);
    out[n] = '\0';
    h->at = end + 1;
    return CR_OK;
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 0;
}

static cr_status not_read(const header *h, const char *type, const char *why)
{
    return cr_fail(CR_E_SYNTAX,
                   "%s: its elements are '%s', %s; save them as float32, int32 or uint8: "
                   "numpy.save(name, a.astype('float32'))",
                   h->out->from, type, why);
}

static const char *kind_of(char code)
{
    switch (code) {
    case 'O': return "objects of Python, which are never loaded";
    case 'V': return "records";
    case 'c': return "complex numbers";
    case 'f': return "numbers of a size that is not read";
    case 'U':
    case 'S': return "texts";
    case 'M':
    case 'm': return "times";
    default: return "of a type that is not read";
    }
}

static cr_status read_type(header *h)
{
    char text[32];
    if (next_sign(h) == '[')
        return not_read(h, "[...]", "records of several fields");
    CR_TRY(read_text(h, text, sizeof text));
    const char *code = text + (*text && strchr("<>=|", *text));
    for (size_t i = 0; i < CR_COUNTOF(types); i++)
        if (strcmp(types[i].code, code) == 0) {
            if (code[1] != '1' && *text == (is_big_endian() ? '<' : '>'))
                return not_read(h, text, is_big_endian() ? "little-endian" : "big-endian");
            h->out->type = types[i].type;
            return CR_OK;
        }
    return not_read(h, text, kind_of(*code));
}

static cr_status read_order(header *h)
{
    static const char c_order[] = "False", fortran[] = "True";
    next_sign(h);
    const size_t left = (size_t)(h->end - h->at);
    if (left >= strlen(c_order) && memcmp(h->at, c_order, strlen(c_order)) == 0) {
        h->at += strlen(c_order);
        return CR_OK;
    }
    if (left >= strlen(fortran) && memcmp(h->at, fortran, strlen(fortran)) == 0)
        return cr_fail(CR_E_SYNTAX,
                       "%s: its elements are in Fortran's order, column by column; save "
                       "numpy.ascontiguousarray(a)",
                       h->out->from);
    return wrong(h, "fortran_order is neither True nor False");
}

static cr_status read_size(header *h, uint64_t *out)
{
    uint64_t n = 0;
    const char *begin = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (!cr_mul_size(n, 10, &n) || (n += (uint64_t)(*h->at - '0')) > INT64_MAX)
            return wrong(h, "a size is too large");
    if (h->at == begin)
        return wrong(h, "there is no size");
    *out = n;
    return CR_OK;
}

static cr_status read_shape(header *h)
{
    if (!take(h, '('))
        return wrong(h, "the shape is no tuple");
    uint64_t n = 0;
    uint32_t rank = 0;
    for (; !take(h, ')'); rank++) {
        CR_TRY(read_size(h, &n));
        if (rank < CR_H5_MAX_RANK)
            h->out->dim[h->out->rank++] = n;
        if (!take(h, ',') && next_sign(h) != ')')
            return wrong(h, "the shape has no end");
    }
    if (rank == h->out->rank)
        return CR_OK;
    return cr_fail(CR_E_SYNTAX, "%s: an array of %u axes; up to %d are read", h->out->from, rank,
                   CR_H5_MAX_RANK);
}

static cr_status read_entry(header *h)
{
    char key[32];
    CR_TRY(read_text(h, key, sizeof key));
    if (!take(h, ':'))
        return wrong(h, "':' is missing");
    const struct {
        const char *key;
        bool *has;
        cr_status (*read)(header *h);
    } entries[] = {{"descr", &h->has_type, read_type},
                   {"fortran_order", &h->has_order, read_order},
                   {"shape", &h->has_shape, read_shape}};
    for (size_t i = 0; i < CR_COUNTOF(entries); i++)
        if (strcmp(entries[i].key, key) == 0) {
            if (*entries[i].has)
                return wrong(h, "an entry stands twice");
            *entries[i].has = true;
            return entries[i].read(h);
        }
    return wrong(h, "an entry is unknown");
}

static cr_status read_dictionary(header *h)
{
    if (!take(h, '{'))
        return wrong(h, "there is no dictionary");
    while (!take(h, '}')) {
        CR_TRY(read_entry(h));
        if (!take(h, ',') && next_sign(h) != '}')
            return wrong(h, "the dictionary has no end");
    }
    next_sign(h);
    if (h->at < h->end)
        return wrong(h, "there is more behind the dictionary");
    if (!h->has_type || !h->has_order || !h->has_shape)
        return wrong(h, "descr, fortran_order or shape is missing");
    return CR_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

bool cr_npy_is(const char *bytes, size_t size)
{
    return size >= strlen(magic) && memcmp(bytes, magic, strlen(magic)) == 0;
}

/* Where the dictionary begins, and its length; 0: the file is too short. */
static size_t find_header(const char *bytes, size_t size, size_t *length)
{
    const uint8_t *at = (const uint8_t *)bytes;
    const size_t begin = size > 6 && at[6] == 1 ? 10 : 12;
    if (size < begin)
        return 0;
    *length = at[8] | (size_t)at[9] << 8;
    if (begin == 12)
        *length |= (size_t)at[10] << 16 | (size_t)at[11] << 24;
    return *length <= size - begin ? begin : 0;
}

static cr_status check_size(cr_array *a, uint64_t there)
{
    uint64_t bytes = cr_h5_type_size(a->type);
    a->elements = 1;
    for (uint32_t i = 0; i < a->rank; i++)
        if (!cr_mul_size(a->elements, a->dim[i], &a->elements) ||
            !cr_mul_size(bytes, a->dim[i], &bytes))
            return cr_fail(CR_E_SYNTAX, "%s: damaged: its shape has more elements than any file",
                           a->from);
    if (bytes == there)
        return CR_OK;
    return cr_fail(CR_E_SYNTAX, "%s: %s: %llu bytes of elements, and its header says %llu", a->from,
                   there < bytes ? "truncated" : "longer than it says", (unsigned long long)there,
                   (unsigned long long)bytes);
}

cr_status cr_npy_read(const char *file, const char *bytes, size_t size, cr_array *out)
{
    *out = (cr_array){.from = file};
    if (!cr_npy_is(bytes, size))
        return cr_fail(CR_E_SYNTAX, "%s: not an NPY file: it does not begin with \\x93NUMPY", file);
    if (size > 6 && (bytes[6] < 1 || bytes[6] > 3))
        return cr_fail(CR_E_SYNTAX, "%s: version %u of the NPY format; 1 to 3 are known", file,
                       (unsigned)(uint8_t)bytes[6]);
    size_t length = 0;
    const size_t begin = find_header(bytes, size, &length);
    if (!begin)
        return cr_fail(CR_E_SYNTAX, "%s: truncated in its header", file);
    header h = {.begin = bytes, .at = bytes + begin, .out = out};
    h.end = h.at + length;
    CR_TRY(read_dictionary(&h));
    out->data = h.end;
    return check_size(out, size - begin - length);
}
