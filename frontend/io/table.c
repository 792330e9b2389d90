/* table.c - tells files apart by how they begin, and reads training and test samples. */
#include <sys/stat.h>

#include "array.h"
#include "csv.h"
#include "view.h"

typedef enum kind { CSV, NPY, H5 } kind;

typedef struct reading {
    cr_data *data;
    cr_table_options o;
    cr_csv csv;
    kind kind; /* of the training file */
} reading;

static bool begins(const cr_view *v, const char *with, size_t n)
{
    return v->size >= n && memcmp(v->at, with, n) == 0;
}

static cr_status tell_kind(const char *path, const cr_view *v, kind *out)
{
    *out = CSV;
    if (v->size == 0)
        return cr_fail(CR_E_SYNTAX, "%s:1: column 1: the file is empty", path);
    if (cr_npy_is(v->at, v->size))
        *out = NPY;
    else if (cr_h5_is(v->at, v->size))
        *out = H5;
    else if (begins(v, "\x1f\x8b", 2))
        return cr_fail(CR_E_SYNTAX, "%s: compressed with gzip: unpack it first (gunzip)", path);
    else if (begins(v, "PK\x03\x04", 4))
        return cr_fail(CR_E_SYNTAX,
                       "%s: a zip archive (.npz?): give the NPY files in it, one by one", path);
    return CR_OK;
}

/* ---- NPY ------------------------------------------------------------------------------------- */

static void close_view(void *view)
{
    cr_view_close(view);
    cr_free(view);
}

/* A file's view that belongs to `data`; NULL on failure. */
static cr_view *keep_view(cr_data *data, const cr_view *view)
{
    cr_view *kept = cr_alloc(sizeof *kept);
    if (!kept)
        return NULL;
    *kept = *view;
    return cr_data_own(data, kept, close_view) == CR_OK ? kept : NULL;
}

/* Takes the view. */
static cr_status read_npy(cr_data *data, const char *path, cr_view *view, cr_array *out)
{
    const cr_view *kept = keep_view(data, view);
    if (!kept) {
        cr_view_close(view);
        return CR_E_MEMORY;
    }
    *view = (cr_view){0};
    CR_TRY(cr_npy_read(path, kept->at, kept->size, out));
    out->mapped = kept->mapped;
    return CR_OK;
}

static cr_status read_labels(cr_data *data, const char *path, bool first, cr_part *part)
{
    cr_view view;
    cr_array y;
    CR_TRY(cr_view_open(path, &view));
    CR_TRY(read_npy(data, path, &view, &y));
    return cr_array_targets(data, &y, first, part);
}

static cr_status read_arrays(reading *r, const char *path, cr_view *view, bool first, cr_part *part)
{
    const char *labels = first ? r->o.labels : r->o.test_labels;
    cr_array x;
    CR_TRY(read_npy(r->data, path, view, &x));
    CR_TRY(cr_array_samples(r->data, &x, first, part));
    if (labels)
        return read_labels(r->data, labels, first, part);
    if (r->o.no_targets)
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT, "%s: an NPY file has no labels: name the one that has them (%s)",
                   path, first ? "labels" : "test_labels");
}

/* ---- files ----------------------------------------------------------------------------------- */

static cr_status check_labels_option(const reading *r, const char *path, bool first)
{
    const char *labels = first ? r->o.labels : r->o.test_labels;
    if (!labels || r->kind == NPY)
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT, "%s: its labels are in it; %s would be another file of them",
                   path, labels);
}

#define NO_COLUMNS                                                                                 \
    "%s: drop, categories, header, separator and targets are of CSV files, and it is none"

static bool of_columns(const cr_table_options *o)
{
    return o->drop || o->categories || o->separator || o->header || o->targets;
}

/* What is said of columns, or of data sets, of a file that has none. */
static cr_status check_options(const reading *r, const char *path)
{
    const cr_table_options *o = &r->o;
    if (r->kind != CSV && of_columns(o))
        return cr_fail(CR_E_ARGUMENT, NO_COLUMNS, path);
    if (r->kind != H5 && o->input)
        return cr_fail(CR_E_ARGUMENT,
                       "%s: input '%s' is a data set of an HDF5 file, and it is none", path,
                       o->input);
    if (r->kind == NPY && o->target)
        return cr_fail(CR_E_ARGUMENT,
                       "%s: target '%s': an NPY file has no columns with names; its targets are "
                       "in the file that labels names",
                       path, o->target);
    return CR_OK;
}

static cr_status read_kind(reading *r, const char *path, cr_view *view, bool first, cr_part *part)
{
    CR_TRY(check_labels_option(r, path, first));
    CR_TRY(check_options(r, path));
    switch (r->kind) {
    case CSV: return cr_csv_read(&r->csv, path, view->at, view->size, part);
    case NPY: return read_arrays(r, path, view, first, part);
    case H5: break;
    }
    cr_h5 *h = cr_h5_open(path);
    return h ? cr_h5_samples(r->data, h, &r->o, first, part) : cr_last_status();
}

static cr_status read_file(reading *r, const char *path, bool first, cr_part *part)
{
    cr_view view;
    kind is;
    CR_TRY(cr_view_open(path, &view));
    cr_status status = tell_kind(path, &view, &is);
    if (status == CR_OK && !first && is != r->kind)
        status =
            cr_fail(CR_E_ARGUMENT, "%s: it is not of the same kind as the training file", path);
    if (status == CR_OK && first)
        r->kind = is;
    if (status == CR_OK)
        status = read_kind(r, path, &view, first, part);
    cr_view_close(&view);
    return status;
}

static cr_status read_parts(reading *r, const char *path)
{
    cr_data *d = r->data;
    CR_TRY(read_file(r, path, true, &d->samples.train));
    d->from[0] = d->name;
    if (d->samples.test.n) /* the file had them */
        d->from[2] = d->name;
    if (!r->o.test && r->o.test_labels)
        return cr_fail(CR_E_ARGUMENT, "%s: labels of test samples, and no test samples",
                       r->o.test_labels);
    if (r->o.test) {
        d->samples.test = (cr_part){0};
        d->from[2] = cr_data_text(d, r->o.test);
        if (!d->from[2])
            return CR_E_MEMORY;
        CR_TRY(read_file(r, r->o.test, false, &d->samples.test));
    }
    return r->kind == CSV ? cr_csv_end(&r->csv) : CR_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* A folder, or the name of a set that is no file. */
static bool is_set(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode);
    return !strpbrk(path, "/.");
}

static cr_data *open_set(const char *path, const cr_table_options *o)
{
    if (o->labels || o->test || o->test_labels || o->target || o->input)
        cr_fail(CR_E_ARGUMENT, "%s: a folder of IDX files has its labels and its test samples",
                path);
    else if (of_columns(o))
        cr_fail(CR_E_ARGUMENT, NO_COLUMNS, path);
    else
        return cr_data_open(path);
    return NULL;
}

cr_data *cr_table_open(const char *path, const cr_table_options *options)
{
    static const cr_table_options none;
    const cr_table_options *o = options ? options : &none;
    if (is_set(path))
        return open_set(path, o);
    reading r = {.data = cr_data_create(path), .o = *o};
    if (!r.data)
        return NULL;
    cr_csv_start(&r.csv, r.data, o);
    cr_status status = read_parts(&r, path);
    cr_csv_finish(&r.csv);
    if (status == CR_OK)
        return r.data;
    cr_data_close(r.data);
    return NULL;
}

int64_t cr_words_find(const cr_words *words, const char *word)
{
    for (uint32_t i = 0; i < words->n; i++)
        if (strcmp(words->word[i], word) == 0)
            return i;
    return -1;
}
