/* dataset.c - finds and checks the four files of a data set. */
#include <sys/stat.h>

#include "data/idx.h"

static const char *const file_names[4] = {
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
};

static const char debian_fashion_mnist[] = "/usr/share/datasets/fashion-mnist";

/* ---- where ----------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A named set: $CRISOL_DATA/NAME, or where a package puts it. */
static cr_status find_named(const char *name, const char *packaged, cr_strbuf *out)
{
    const char *base = getenv("CRISOL_DATA");
    if (base && *base) {
        cr_str_printf(out, "%s/%s", base, name);
        if (out->failed || is_folder(out->at))
            return out->failed ? CR_E_MEMORY : CR_OK;
        cr_str_finish(out);
    }
    if (packaged && is_folder(packaged)) {
        cr_str_add(out, packaged);
        return out->failed ? CR_E_MEMORY : CR_OK;
    }
    return cr_fail(
        CR_E_IO,
        "data set '%s' was not found: CRISOL_DATA is %s%s%s%s; %s, or name the folder that "
        "holds its files",
        name, base && *base ? "'" : "not set", base ? base : "", base && *base ? "'" : "",
        base && *base ? " and has no such folder" : "",
        packaged ? "install the package dataset-fashion-mnist"
                 : "set CRISOL_DATA to the folder that holds 'mnist'");
}

static cr_status find_folder(const char *name, cr_strbuf *out)
{
    if (strcmp(name, "mnist") == 0 && !is_folder(name))
        return find_named(name, NULL, out);
    if (strcmp(name, "fashion-mnist") == 0 && !is_folder(name))
        return find_named(name, debian_fashion_mnist, out);
    if (is_file(name))
        return cr_fail(CR_E_IO,
                       "data '%s': it is a file, and a folder with four IDX files is wanted; "
                       "crisol-io reads other formats (cr_table_open)",
                       name);
    if (!is_folder(name))
        return cr_fail(CR_E_IO,
                       "data '%s': no such folder; it is a folder with four IDX files, or one of "
                       "fashion-mnist, mnist",
                       name);
    cr_str_add(out, name);
    return out->failed ? CR_E_MEMORY : CR_OK;
}

/* `data` NULL: the elements are the caller's. */
static cr_status read_file(cr_data *data, const char *folder, const char *name, uint32_t rank,
                           cr_idx *out)
{
    cr_strbuf path = {0};
    cr_str_printf(&path, "%s/%s", folder, name);
    if (!path.failed && !is_file(path.at))
        cr_str_add(&path, ".gz");
    cr_status status = CR_E_MEMORY;
    if (!path.failed && !is_file(path.at))
        status =
            cr_fail(CR_E_IO,
                    "%s: there is no %s (or %s.gz); the four files of a data set are "
                    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
                    "t10k-labels-idx1-ubyte",
                    folder, name, name);
    else if (!path.failed)
        status = cr_idx_read_for(data, path.at, out);
    if (status == CR_OK && out->rank != rank)
        status = cr_fail(CR_E_SYNTAX, "%s: has rank %u, and %s need %u", path.at, out->rank,
                         rank == 3 ? "images" : "labels", rank);
    cr_str_finish(&path);
    return status;
}

/* ---- what ------------------------------------------------------------------------------------ */

static cr_status check(const char *folder, const cr_idx idx[4])
{
    for (int i = 0; i < 4; i += 2)
        if (idx[i].dim[0] != idx[i + 1].dim[0])
            return cr_fail(CR_E_IO, "%s: %u images in %s, but %u labels in %s", folder,
                           idx[i].dim[0], file_names[i], idx[i + 1].dim[0], file_names[i + 1]);
    if (idx[0].dim[1] != idx[2].dim[1] || idx[0].dim[2] != idx[2].dim[2])
        return cr_fail(CR_E_IO, "%s: images of %u x %u for training, but of %u x %u for testing",
                       folder, idx[0].dim[1], idx[0].dim[2], idx[2].dim[1], idx[2].dim[2]);
    for (int i = 0; i < 4; i += 2) /* a sample's number is an i32 */
        if (idx[i].dim[0] > INT32_MAX)
            return cr_fail(CR_E_LIMIT, "%s: %u images; at most 2^31 - 1", folder, idx[i].dim[0]);
    return CR_OK;
}

static uint32_t largest(const uint8_t *at, uint32_t n)
{
    uint8_t max = 0;
    for (uint32_t i = 0; i < n; i++)
        max = CR_MAX(max, at[i]);
    return max;
}

static cr_dataset *assemble(cr_idx idx[4])
{
    cr_dataset *d = cr_alloc(sizeof *d);
    if (!d)
        return NULL;
    d->ntrain = idx[0].dim[0];
    d->ntest = idx[2].dim[0];
    d->rows = idx[0].dim[1];
    d->cols = idx[0].dim[2];
    uint8_t **to[4] = {&d->train_x, &d->train_y, &d->test_x, &d->test_y};
    for (int i = 0; i < 4; i++) {
        *to[i] = idx[i].data;
        idx[i].data = NULL;
    }
    d->classes = 1 + CR_MAX(largest(d->train_y, d->ntrain), largest(d->test_y, d->ntest));
    return d;
}

static cr_status read_set(cr_data *data, const char *name, cr_idx idx[4])
{
    cr_strbuf folder = {0};
    cr_status status = find_folder(name, &folder);
    for (int i = 0; i < 4 && status == CR_OK; i++)
        status = read_file(data, folder.at, file_names[i], i % 2 ? 1 : 3, &idx[i]);
    if (status == CR_OK)
        status = check(folder.at, idx);
    cr_str_finish(&folder);
    return status;
}

cr_dataset *cr_dataset_load(const char *name)
{
    cr_idx idx[4] = {{0}};
    cr_dataset *data = read_set(NULL, name, idx) == CR_OK ? assemble(idx) : NULL;
    for (int i = 0; i < 4; i++)
        cr_idx_finish(&idx[i]);
    return data;
}

void cr_dataset_destroy(cr_dataset *data)
{
    if (!data)
        return;
    cr_free(data->train_x);
    cr_free(data->train_y);
    cr_free(data->test_x);
    cr_free(data->test_y);
    cr_free(data);
}

cr_samples cr_dataset_samples(const cr_dataset *data)
{
    return (cr_samples){
        .x_dtype = CR_U8,
        .y_dtype = CR_U8,
        .x_shape = CR_SHAPE(data->rows, data->cols, 1),
        .train = {data->train_x, data->train_y, data->ntrain},
        .test = {data->test_x, data->test_y, data->ntest},
    };
}

/* What the labels of a set that is known by its name mean; an IDX file does not say it. */
static cr_words words_of(const char *name)
{
    static const char *const fashion[] = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                                          "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    if (strcmp(name, "fashion-mnist") == 0)
        return (cr_words){fashion, CR_COUNTOF(fashion)};
    return (cr_words){0};
}

cr_data *cr_data_open(const char *name)
{
    cr_idx idx[4] = {{0}};
    cr_data *data = cr_data_create(name);
    if (!data)
        return NULL;
    if (read_set(data, name, idx) != CR_OK) {
        cr_data_close(data);
        return NULL;
    }
    data->from[0] = data->from[2] = data->name;
    data->classes = words_of(name);
    data->samples = (cr_samples){
        .x_dtype = CR_U8,
        .y_dtype = CR_U8,
        .x_shape = CR_SHAPE(idx[0].dim[1], idx[0].dim[2], 1),
        .train = {idx[0].data, idx[1].data, idx[0].dim[0]},
        .test = {idx[2].data, idx[3].data, idx[2].dim[0]},
    };
    return data;
}

cr_status cr_dataset_check_labels(const cr_dataset *data, uint32_t classes)
{
    const cr_samples samples = cr_dataset_samples(data);
    return cr_samples_check_labels(&samples, classes);
}
