/* h5_samples.c - samples that are data sets of an HDF5 file. */
#include "array.h"
#include "crisol/io/table.h"

static void close_file(void *h)
{
    cr_h5_close(h);
}

static const cr_h5_node *find(const cr_h5 *h, const char *name)
{
    char path[256];
    const int n = snprintf(path, sizeof path, "%s%s", *name == '/' ? "" : "/", name);
    const cr_h5_node *node = n > 0 && (size_t)n < sizeof path ? cr_h5_find(h, path) : NULL;
    return node && node->dataset ? node : NULL;
}

/* "x_train f32, y_train u8": what there is instead. */
static cr_status not_there(const cr_h5 *h, const char *name)
{
    cr_strbuf list = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < cr_h5_count(h) && n < 20; i++)
        if (cr_h5_at(h, i)->dataset)
            cr_str_printf(&list, "%s%s", n++ ? ", " : "", cr_h5_at(h, i)->path);
    cr_status status = cr_fail(CR_E_ARGUMENT, "%s: there is no data set '%s'; %s%s", cr_h5_name(h),
                               name, n ? "there are " : "there is none at all", cr_str_text(&list));
    cr_str_finish(&list);
    return status;
}

/* Elements that do not lie in the file as they are needed. */
static cr_status read_elements(cr_data *data, cr_h5 *h, const cr_h5_node *node, cr_array *a)
{
    const bool real = node->type == CR_H5_F16 || node->type == CR_H5_F64;
    uint64_t bytes = node->bytes;
    CR_TRY(cr_h5_check(h, node));
    if (real && !cr_mul_size(a->elements, sizeof(float), &bytes))
        return cr_fail(CR_E_LIMIT, "%s: more elements than memory has", a->from);
    void *at = cr_data_alloc(data, (size_t)bytes);
    if (!at)
        return CR_E_MEMORY;
    a->data = at;
    if (!real)
        return cr_h5_read(h, node, at, bytes);
    a->type = CR_H5_F32;
    return cr_h5_read_f32(h, node, at, a->elements);
}

static cr_status take(cr_data *data, cr_h5 *h, const cr_h5_node *node, cr_array *a)
{
    cr_strbuf from = {0};
    cr_str_printf(&from, "%s: %s", cr_h5_name(h), node->path);
    *a = (cr_array){.type = node->type, .rank = node->rank, .elements = 1, .mapped = true};
    a->from = from.failed ? NULL : cr_data_text(data, from.at);
    cr_str_finish(&from);
    if (!a->from)
        return CR_E_MEMORY;
    if (cr_h5_type_size(node->type) == 0)
        return cr_fail(CR_E_SYNTAX, "%s: elements of %s are not read", a->from,
                       cr_h5_type_name(node->type));
    for (uint32_t i = 0; i < node->rank; i++) {
        a->dim[i] = node->dim[i];
        if (!cr_mul_size(a->elements, node->dim[i], &a->elements))
            return cr_fail(CR_E_SYNTAX, "%s: damaged: more elements than any file", a->from);
    }
    a->data = node->type == CR_H5_F16 ? NULL : cr_h5_map(h, node);
    if (a->data)
        return CR_OK;
    a->mapped = false;
    return read_elements(data, h, node, a);
}

static cr_status read_part(cr_data *data, cr_h5 *h, const char *x, const char *y, bool first,
                           bool no_targets, cr_part *part)
{
    const cr_h5_node *xs = find(h, x), *ys = find(h, y);
    cr_array a;
    if (!xs || (!ys && !no_targets))
        return not_there(h, xs ? y : x);
    CR_TRY(take(data, h, xs, &a));
    CR_TRY(cr_array_samples(data, &a, first, part));
    if (!ys)
        return CR_OK;
    CR_TRY(take(data, h, ys, &a));
    return cr_array_targets(data, &a, first, part);
}

cr_status cr_h5_samples(cr_data *data, cr_h5 *h, const cr_table_options *o, bool first,
                        cr_part *part)
{
    CR_TRY(cr_data_own(data, h, close_file));
    const char *x = o->input, *y = o->target;
    if (!first && !x) /* a file of test samples: by that name, or as one for training */
        x = find(h, "x_test") ? "x_test" : "x_train";
    if (!first && !y)
        y = find(h, "y_test") ? "y_test" : "y_train";
    CR_TRY(read_part(data, h, x ? x : "x_train", y ? y : "y_train", first, o->no_targets, part));
    if (!first || x || y || o->test || !find(h, "x_test"))
        return CR_OK;
    return read_part(data, h, "x_test", "y_test", false, o->no_targets, &data->samples.test);
}
