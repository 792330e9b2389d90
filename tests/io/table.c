/* Samples from CSV, NPY and HDF5 files: what is read, and what is said of those that are broken. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "array.h"
#include "crisol/io/table.h"
#include "csv.h"

static char folder[64];
static size_t live;

static void begin(void)
{
    strcpy(folder, "/tmp/crisol-table-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    live = cr_alloc_live();
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(cr_alloc_live(), live);
}

TestSuite(table, .init = begin, .fini = end);

static const char *put(const char *name, const void *bytes, size_t size)
{
    static char path[16][128];
    static int next;
    char *at = path[next++ % 16];
    snprintf(at, sizeof path[0], "%s/%s", folder, name);
    FILE *f = fopen(at, "wb");
    fwrite(bytes, 1, size, f);
    fclose(f);
    return at;
}

static const char *put_text(const char *name, const char *text)
{
    return put(name, text, strlen(text));
}

static cr_data *opened(const char *path, cr_table_options o)
{
    cr_data *d = cr_table_open(path, &o);
    cr_assert_not_null(d, "%s", cr_error());
    return d;
}

static void refused(const char *path, cr_table_options o, const char *says)
{
    cr_data *d = cr_table_open(path, &o);
    cr_assert_null(d, "it should say: %s", says);
    cr_assert(strstr(cr_error(), says), "wanted: %s\nis: %s", says, cr_error());
}

static void check_f32(const void *at, const float *wanted, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(((const float *)at)[i], wanted[i], "element %zu is %g and not %g", i,
                     (double)((const float *)at)[i], (double)wanted[i]);
}

static void check_i32(const void *at, const int32_t *wanted, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(((const int32_t *)at)[i], wanted[i], "element %zu", i);
}

/* ---- CSV: what is read ----------------------------------------------------------------------- */

Test(table, csv_of_numbers_and_words)
{
    const char *path = put_text("t.csv", "\xef\xbb\xbfwidth,\"the \"\"color\"\"\",x y,kind\r\n"
                                         "1.5, red ,-2e3,b\r\n"
                                         "+2,\"blue\", .5 ,a\r\n"
                                         "\"3\",\"red\",0x,b\r\n");
    refused(path, (cr_table_options){0}, "t.csv:4: column 3 'x y': '0x' is not a number");
    path = put_text("t.csv", "\xef\xbb\xbfwidth,\"the \"\"color\"\"\",x y,kind\r\n"
                             "1.5, red ,-2e3,b\r\n"
                             "+2,\"blue\", .5 ,a\r\n"
                             "\"3\",\"red\",1.,b");
    cr_data *d = opened(path, (cr_table_options){0});
    cr_assert_eq(d->samples.train.n, 3);
    cr_assert_eq(d->samples.x_shape.dim[0], 3);
    check_f32(d->samples.train.x, (float[]){1.5f, 1, -2000, 2, 0, .5f, 3, 1, 1}, 9);
    cr_assert_eq(d->samples.y_dtype, CR_I32);
    check_i32(d->samples.train.y, (int32_t[]){1, 0, 1}, 3);
    cr_assert_eq(d->classes.n, 2);
    cr_assert_str_eq(d->classes.word[0], "a");
    cr_assert_eq(cr_words_find(&d->classes, "b"), 1);
    cr_assert_eq(cr_words_find(&d->classes, "c"), -1);
    cr_assert_eq(d->columns.n, 4);
    cr_assert_str_eq(d->columns.word[1], "the \"color\"");
    cr_assert_eq(d->categories[0].n, 0);
    cr_assert_str_eq(d->categories[1].word[0], "blue");
    cr_assert_str_eq(d->from[0], path);
    cr_assert_null(d->from[2]);
    cr_data_close(d);
}

Test(table, csv_numbers_are_those_of_strtod)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "1",
                                        "123456789",
                                        "0.1",
                                        "1e10",
                                        "1e-10",
                                        "3.4028234e38",
                                        "1e-40",
                                        "1.4e-45",
                                        "1e-300",
                                        "1e-9999999",
                                        "0.3333333333333333333333333333333",
                                        "123456789012345678901234567890",
                                        "00012.5000",
                                        "7.25e+1",
                                        "16777217",
                                        "1e38",
                                        ".5E1"};
    cr_strbuf text = {0};
    for (size_t i = 0; i < CR_COUNTOF(texts); i++)
        cr_str_printf(&text, "%s,%zu\n", texts[i], i);
    cr_data *d = opened(put_text("n.csv", text.at), (cr_table_options){0});
    for (size_t i = 0; i < CR_COUNTOF(texts); i++) {
        const float is = ((const float *)d->samples.train.x)[i];
        cr_assert_eq(is, strtof(texts[i], NULL), "%s is read as %.9g", texts[i], (double)is);
    }
    cr_str_finish(&text);
    cr_data_close(d);
}

Test(table, csv_targets)
{
    const char *path = put_text("t.csv", "1,2,3.5\n4,5,6\n");
    cr_data *d = opened(path, (cr_table_options){0});
    cr_assert(d->samples.y_dtype == CR_F32 && d->samples.y_shape.rank == 1);
    check_f32(d->samples.train.y, (float[]){3.5f, 6}, 2);
    cr_data_close(d);
    d = opened(path, (cr_table_options){.target = "1,3"});
    cr_assert_eq(d->samples.y_shape.dim[0], 2);
    check_f32(d->samples.train.y, (float[]){1, 3.5f, 4, 6}, 4);
    check_f32(d->samples.train.x, (float[]){2, 5}, 2);
    cr_data_close(d);
    d = opened(path, (cr_table_options){.target = "2", .drop = "1"});
    cr_assert_eq(d->samples.y_dtype, CR_I32);
    check_i32(d->samples.train.y, (int32_t[]){2, 5}, 2);
    check_f32(d->samples.train.x, (float[]){3.5f, 6}, 2);
    cr_data_close(d);
    d = opened(path, (cr_table_options){.target = "2", .targets = CR_TARGETS_NUMBERS});
    cr_assert_eq(d->samples.y_dtype, CR_F32);
    cr_data_close(d);
    refused(path, (cr_table_options){.targets = CR_TARGETS_CLASSES},
            "t.csv:1: column 3: 3.5 is not a class");
    refused(path, (cr_table_options){.target = "4"}, "there is no column '4' among the 3");
    refused(path, (cr_table_options){.target = "2", .drop = "2"}, "is it the target, or dropped?");
    refused(path, (cr_table_options){.drop = "1,2"}, "none is left for the samples");
}

Test(table, csv_categories)
{
    const char *path = put_text("t.csv", "zip,n,k\n00501,1,20\n9,2,3\n00501,3,20\n");
    cr_data *d = opened(path, (cr_table_options){.categories = "zip,k"});
    check_f32(d->samples.train.x, (float[]){0, 1, 1, 2, 0, 3}, 6);
    check_i32(d->samples.train.y, (int32_t[]){0, 1, 0}, 3);
    cr_assert_str_eq(d->categories[0].word[0], "00501");
    cr_assert_str_eq(d->classes.word[1], "3");
    cr_data_close(d);
    d = opened(path, (cr_table_options){.categories = "1"});
    cr_assert(d->categories[0].n == 2 && d->classes.n == 0);
    cr_data_close(d);
    path = put_text("t.csv", "a,b,c\n1a,0.5,1\n2,0.5,0\n3,0.5,0\n");
    d = opened(path, (cr_table_options){.categories = "1"});
    cr_assert_eq(d->categories[0].n, 3);
    cr_data_close(d);
    refused(path, (cr_table_options){0},
            "t.csv:2: column 1 'a': '1a' is not a number, and all other");
    refused(path, (cr_table_options){.categories = "4"}, "categories: there is no column '4'");
}

Test(table, csv_header)
{
    const char *unclear = put_text("t.csv", "150,4,setosa\n1,2,0\n3,4,1\n");
    refused(unclear, (cr_table_options){0}, "t.csv:1: column 3: 'setosa' stands above a number");
    refused(unclear, (cr_table_options){.header = CR_HEADER_NO},
            "t.csv:1: column 3: 'setosa' is not a number");
    cr_data *d = opened(unclear, (cr_table_options){.header = CR_HEADER_YES});
    cr_assert_eq(d->samples.train.n, 2);
    cr_assert_str_eq(d->columns.word[2], "setosa");
    cr_data_close(d);
    d = opened(put_text("t.csv", "2019,2020,2021\n1,2,0\n"), (cr_table_options){0});
    cr_assert_eq(d->samples.train.n, 2);
    cr_data_close(d);
    d = opened(put_text("t.csv", "1,2,a\n3,4,b\n"), (cr_table_options){0});
    cr_assert_eq(d->samples.train.n, 2);
    cr_assert_eq(d->columns.n, 0);
    cr_data_close(d);
    d = opened(put_text("t.csv", "a,b\na,c\n"), (cr_table_options){.header = CR_HEADER_NO});
    cr_assert_eq(d->samples.train.n, 2);
    cr_data_close(d);
    d = opened(put_text("t.csv", "1;0\n2;1\n\n\n"), (cr_table_options){.header = CR_HEADER_YES});
    cr_assert_eq(d->samples.train.n, 1);
    cr_data_close(d);
    d = opened(put_text("t.tsv", "1\tx,5\n2\tx,6\n"), (cr_table_options){.separator = '\t'});
    cr_assert_eq(d->classes.n, 2);
    cr_data_close(d);
    refused(put_text("t.csv", "a,b\n"), (cr_table_options){0},
            "t.csv:2: column 1: there are names");
    refused(put_text("t.csv", "a,b,c\n1,2\n"), (cr_table_options){0},
            "t.csv:2: column 2 is the last one, and line 1 names 3 columns");
}

/* Codes hold for both files, and for those that are read later. */
Test(table, csv_codes_of_several_files)
{
    const char *train = put_text("a.csv", "color,n,kind\nred,1,no\ngreen,2,yes\n");
    const char *test = put_text("b.csv", "color,n,kind\nblue,1,yes\nred,0,maybe\n");
    cr_data *d = opened(train, (cr_table_options){.test = test});
    cr_assert_eq(d->samples.test.n, 2);
    check_f32(d->samples.train.x, (float[]){2, 1, 1, 2}, 4);
    check_f32(d->samples.test.x, (float[]){0, 1, 2, 0}, 4);
    check_i32(d->samples.train.y, (int32_t[]){1, 2}, 2);
    check_i32(d->samples.test.y, (int32_t[]){2, 0}, 2);
    const char *later = put_text("c.csv", "color,n,kind\nred,1,no\n");
    cr_data *e = opened(later, (cr_table_options){.like = d});
    check_f32(e->samples.train.x, (float[]){2, 1}, 2);
    check_i32(e->samples.train.y, (int32_t[]){1}, 1);
    cr_assert_eq(e->classes.n, 3);
    cr_data_close(e);
    e = opened(put_text("c.csv", "color,n\nblue,7\n"),
               (cr_table_options){.like = d, .no_targets = true});
    check_f32(e->samples.train.x, (float[]){0, 7}, 2);
    cr_assert_null(e->samples.train.y);
    cr_data_close(e);
    e = opened(put_text("c.csv", "kind,color,more,n\nyes,blue,3,7\n"),
               (cr_table_options){.like = d, .drop = "more"}); /* the target stands elsewhere */
    check_f32(e->samples.train.x, (float[]){0, 7}, 2);
    check_i32(e->samples.train.y, (int32_t[]){2}, 1);
    cr_data_close(e);
    refused(put_text("c.csv", "n,color,kind\n1,red,no\n"), (cr_table_options){.like = d},
            "c.csv:1: column 1 is 'n', and in the samples that these are to be like 'color'");
    refused(put_text("c.csv", "color,more,n,kind\nred,3,1,no\n"), (cr_table_options){.like = d},
            "c.csv:1: column 2 is 'more', and in the samples that these are to be like 'n'");
    refused(put_text("c.csv", "color,n,kind\nrot,1,no\n"), (cr_table_options){.like = d},
            "c.csv:2: column 1 'color': 'rot' is none of the 3 words that are known");
    refused(put_text("c.csv", "color,n,kind\nred,b,no\n"), (cr_table_options){.like = d},
            "c.csv:2: column 2 'n': there are words");
    refused(put_text("c.csv", "color,kind\nred,no\n"), (cr_table_options){.like = d},
            "samples of 1 columns");
    cr_data_close(d);
    refused(train, (cr_table_options){.test = put_text("b.csv", "color,m,kind\nred,0,no\n")},
            "b.csv:1: column 2 is 'm', and in the training file it is 'n'");
    refused(train, (cr_table_options){.test = put_text("b.csv", "color,n,o,kind\nred,0,1,no\n")},
            "b.csv:2: column 4 is the last one, and the training file has 3 columns");
}

/* ---- CSV: what is refused -------------------------------------------------------------------- */

Test(table, csv_mistakes)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"x,2,0\n3,4,1\n", "t.csv:1: column 1: 'x' stands above a number"},
        {"1,2,zero\n3,4,1\n5,6,1\n", "(--header yes, --header no)"},
        {"NaN,NA\n1,2\n", "t.csv:1: column 1: 'NaN' is no number"},
        {"1,2\r3,4\r", "t.csv:1: column 1: lines end in CR alone"},
        {"1,2,0\n3,4\n", "t.csv:2: column 2: the line ends here, and there are 3 columns"},
        {"1,2,0\n3,4,1,5\n", "t.csv:2: column 3: the line goes on, and there are 3 columns"},
        {"1,2,0\n\n3,4,1\n", "t.csv:2: column 1: the line ends here"},
        {"1,2,0\n3,x,1\n", "t.csv:2: column 2: 'x' is not a number"},
        {"a,b\n1,2\n3,x\n", "t.csv:3: column 2 'b': 'x' is not a number"},
        {"1,2,0\n3,4 5,1\n", "t.csv:2: column 2: '4 5' is not a number"},
        {"1,2,0\n3,1e39,1\n", "t.csv:2: column 2: '1e39' is not a number that f32 has"},
        {"1,2,0\n3,,1\n", "t.csv:2: column 2: the field is empty"},
        {"1,,0\n3,1,1\n", "t.csv:1: column 2: the field is empty"},
        {"1,NaN,0\n3,1,1\n", "t.csv:1: column 2: 'NaN' is no number"},
        {"1,2,0\n3,-inf,1\n", "t.csv:2: column 2: '-inf' is no number"},
        {"1,a,0\n3,,1\n", "t.csv:2: column 2: the field is empty"},
        {"a,b\nx,1\n3,1\n4,0\n", "t.csv:2: column 1 'a': 'x' is not a number, and all other"},
        {"a;b;k\n1,5;2,5;0\n2,5;3,5;1\n",
         "t.csv:2: column 1 'a': '1,5' is not a number, and no field"},
        {"a,k\n\"1,000\",0\n\"2,000\",1\n", "or, if these are words, name the column (categories)"},
        {"1,5;2,5;0\n2,1;3,5;1\n", "t.csv:1: column 2: '5;2' is not a number"},
        {"1,\"a\nb\",0\n3,\"c,1\n", "t.csv:3: column 2: the quote that begins here has no end"},
        {"1,\"a\"b,0\n", "t.csv:1: column 2: there is more behind the field's closing quote"},
        {"1,\"a\nb\",0\nx,c,1\n", "t.csv:3: column 1: 'x' is not a number"},
        {"1\n2\n", "t.csv:1: column 1: of 1 column none is left"},
        {"\n\n", "t.csv:1: column 1: the file is empty"},
        {"", "t.csv:1: column 1: the file is empty"},
        {"PK\3\4...", "t.csv: a zip archive"},
        {"\x1f\x8b...", "t.csv: compressed with gzip"},
    };
    for (size_t i = 0; i < CR_COUNTOF(bad); i++)
        refused(put_text("t.csv", bad[i].text), (cr_table_options){0}, bad[i].says);
    cr_data *d =
        opened(put_text("t.csv", "a;k\n1,5;0\n2,5;1\n"), (cr_table_options){.categories = "a"});
    cr_assert_eq(d->categories[0].n, 2);
    cr_data_close(d);
    refused(put("t.csv", "1,a\0b,0\n", 8), (cr_table_options){0},
            "t.csv:1: column 2: there is a zero");
    refused("/nonexistent/t.csv", (cr_table_options){0},
            "/nonexistent/t.csv: cannot open: No such");
    refused(folder, (cr_table_options){0}, "there is no train-images-idx3-ubyte");
    refused(folder, (cr_table_options){.test = "x"}, "a folder of IDX files has its labels");
    refused(put_text("t.csv", "1,0\n"), (cr_table_options){.labels = "y.npy"},
            "its labels are in it");
    refused(put_text("t.csv", "1,0\n"), (cr_table_options){.test_labels = "y"}, "no test samples");
    refused(put_text("t.csv", "1,0\n"), (cr_table_options){.input = "x"},
            "input 'x' is a data set of an HDF5 file, and it is none");
    refused(folder, (cr_table_options){.separator = ';'}, "are of CSV files, and it is none");
    refused(folder, (cr_table_options){.header = CR_HEADER_NO}, "are of CSV files");
    refused(folder, (cr_table_options){.targets = CR_TARGETS_NUMBERS}, "are of CSV files");
    refused(folder, (cr_table_options){.input = "x"}, "a folder of IDX files has its labels");
}

/* ---- NPY ------------------------------------------------------------------------------------- */

/* An array of the given dictionary, version 1, with `n` bytes of elements. */
static const char *put_npy(const char *name, const char *dictionary, const void *elements, size_t n)
{
    char file[1024] = "\x93NUMPY\1";
    size_t length = strlen(dictionary), head = 64;
    while (head < 10 + length + 1)
        head += 64;
    file[8] = (char)(head - 10);
    memset(file + 10, ' ', head - 10);
    memcpy(file + 10, dictionary, length);
    file[head - 1] = '\n';
    memcpy(file + head, elements, n);
    return put(name, file, head + n);
}

#define DICT(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

Test(table, npy_mapped)
{
    const float x[6] = {1, 2, 3, 4, 5, 6};
    const uint8_t y[3] = {0, 2, 1};
    const char *xs = put_npy("x.npy", DICT("<f4", "(3, 2)"), x, sizeof x);
    const char *ys = put_npy("y.npy", DICT("|u1", "(3,)"), y, sizeof y);
    cr_data *d = opened(xs, (cr_table_options){.labels = ys, .test = xs, .test_labels = ys});
    cr_assert(d->mapped);
    cr_assert_eq(d->samples.x_shape.dim[0], 2);
    cr_assert_eq((uintptr_t)d->samples.train.x % 64, 0);
    check_f32(d->samples.test.x, x, 6);
    cr_assert_eq(d->samples.y_dtype, CR_U8);
    cr_assert_eq(memcmp(d->samples.train.y, y, 3), 0);
    cr_data_close(d);
    d = opened(xs, (cr_table_options){.no_targets = true});
    cr_assert_null(d->samples.train.y);
    cr_data_close(d);
    refused(xs, (cr_table_options){0}, "an NPY file has no labels");
    refused(xs, (cr_table_options){.labels = "/nonexistent/y"}, "cannot open");
    refused(xs, (cr_table_options){.labels = ys, .target = "y"}, "target 'y': an NPY file has no");
    refused(xs, (cr_table_options){.labels = ys, .drop = "1"}, "are of CSV files, and it is none");
    refused(xs, (cr_table_options){.labels = put_npy("z.npy", DICT("|u1", "(2,)"), y, 2)},
            "z.npy: labels or targets of 2 samples, and there are 3");
    refused(xs, (cr_table_options){.labels = put_npy("z.npy", DICT("|u1", "(3, 1, 1)"), y, 3)},
            "whole numbers are labels, one a sample");
    refused(xs, (cr_table_options){.labels = ys, .test = put_text("t.csv", "1,2\n")},
            "not of the same kind");
    refused(xs,
            (cr_table_options){.labels = ys,
                               .test = put_npy("t.npy", DICT("<f4", "(2, 3)"), x, sizeof x),
                               .test_labels = ys},
            "t.npy: elements are f32[3], and those for training are f32[2]");
}

Test(table, npy_converted)
{
    const double x[2] = {0.1, -3};
    const int64_t y[2] = {1, 0}, big[2] = {1ll << 40, 0};
    const char *xs = put_npy("x.npy", DICT("<f8", "(2,)"), x, sizeof x);
    const char *ys = put_npy("y.npy", DICT("<i8", "(2, 1)"), y, sizeof y);
    cr_data *d = opened(xs, (cr_table_options){.labels = ys});
    cr_assert_not(d->mapped);
    check_f32(d->samples.train.x, (float[]){0.1f, -3}, 2);
    cr_assert_eq(d->samples.y_shape.rank, 0);
    check_i32(d->samples.train.y, (int32_t[]){1, 0}, 2);
    cr_data_close(d);
    const char *bytes = put_npy("b.npy", DICT("|u1", "(2,)"), (uint8_t[]){1, 0}, 2);
    d = opened(xs, (cr_table_options){.labels = bytes});
    cr_assert_not(d->mapped); /* its labels alone are */
    cr_data_close(d);
    d = opened(bytes, (cr_table_options){.labels = ys});
    cr_assert(d->mapped);
    cr_data_close(d);
    refused(xs, (cr_table_options){.labels = put_npy("y.npy", DICT("<i8", "(2,)"), big, 16)},
            "y.npy: element 0 is 1099511627776, which i32 does not have");
    const uint8_t image[8] = {0};
    d = opened(put_npy("i.npy", DICT("|u1", "(2, 2, 2)"), image, 8),
               (cr_table_options){.labels = xs});
    cr_assert_eq(d->samples.x_shape.rank, 3);
    cr_assert(d->samples.y_dtype == CR_F32 && d->samples.y_shape.dim[0] == 1);
    cr_data_close(d);
}

Test(table, npy_mistakes)
{
    static const struct {
        const char *dictionary;
        size_t bytes;
        const char *says;
    } bad[] = {
        {DICT(">f4", "(2,)"), 8, "elements are '>f4', big-endian"},
        {DICT("|O", "(2,)"), 16, "objects of Python, which are never loaded"},
        {DICT("<c8", "(2,)"), 16, "complex numbers"},
        {DICT("<U3", "(2,)"), 24, "texts"},
        {DICT("<f2", "(2,)"), 4, "elements are '<f2'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "records"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8, "in Fortran's order"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }", 8, "neither True nor False"},
        {DICT("<f4", "(3,)"), 8, "truncated: 8 bytes of elements, and its header says 12"},
        {DICT("<f4", "(1,)"), 8, "longer than it says: 8 bytes"},
        {DICT("<f4", "(99999999999, 99999999999)"), 8, "more elements than any file"},
        {DICT("<f4", "(1000000000000,)"), 8, "truncated: 8 bytes"},
        {DICT("<f4", "(99999999999999999999,)"), 8, "a size is too large"},
        {DICT("<f4", "(1,1,1,1,1,1,1,1,1)"), 4, "x.npy: an array of 9 axes; up to 8 are read"},
        {DICT("<f4", "(1,-1)"), 4, "there is no size"},
        {DICT("<f4", "()"), 4, "an array of 0 axes"},
        {DICT("<f4", "(0, 3)"), 0, "axis 1 has 0 elements"},
        {DICT("<f4", "[1]"), 4, "the shape is no tuple"},
        {"{'descr': '<f4', 'shape': (1,), }", 4, "fortran_order or shape is missing"},
        {"{'descr': '<f4', 'descr': '<f4'}", 4, "an entry stands twice"},
        {"{'code': '__import__'}", 4, "an entry is unknown"},
        {"{'descr': '<f4", 4, "a text has no end"},
        {"print(1)", 4, "there is no dictionary"},
        {DICT("<f4", "(1,)") " + 1", 4, "there is more behind the dictionary"},
    };
    const char zero[64] = {0};
    for (size_t i = 0; i < CR_COUNTOF(bad); i++)
        refused(put_npy("x.npy", bad[i].dictionary, zero, bad[i].bytes),
                (cr_table_options){.no_targets = true}, bad[i].says);
    refused(put("x.npy", "\x93NUMPY\1\0\x76", 9), (cr_table_options){0}, "truncated in its header");
    refused(put("x.npy", "\x93NUMPY\1\0\x76\0{", 11), (cr_table_options){0},
            "truncated in its header");
    refused(put("x.npy", "\x93NUMPY\7\0\x76\0{", 11), (cr_table_options){0}, "version 7");
}

/* ---- HDF5 ------------------------------------------------------------------------------------ */

static const char *put_h5(const char *name, cr_h5_writer *w)
{
    void *image;
    size_t size;
    cr_assert_eq(cr_h5_image(w, &image, &size), CR_OK, "%s", cr_error());
    cr_h5_discard(w);
    const char *path = put(name, image, size);
    cr_free(image);
    return path;
}

Test(table, h5_sets)
{
    const float x[6] = {1, 2, 3, 4, 5, 6};
    const double wide[2] = {0.5, 0.25};
    const uint8_t y[3] = {0, 2, 1};
    cr_h5_writer *w = cr_h5_create();
    cr_h5_dataset(w, "/x_train", CR_H5_F32, 2, (uint64_t[]){3, 2}, x);
    cr_h5_dataset(w, "/y_train", CR_H5_U8, 1, (uint64_t[]){3}, y);
    cr_h5_dataset(w, "/x_test", CR_H5_F32, 2, (uint64_t[]){1, 2}, x);
    cr_h5_dataset(w, "/y_test", CR_H5_U8, 1, (uint64_t[]){1}, y);
    cr_h5_dataset(w, "/more/a", CR_H5_F64, 1, (uint64_t[]){2}, wide);
    cr_h5_dataset(w, "/more/b", CR_H5_I64, 1, (uint64_t[]){2}, (int64_t[]){1, 2});
    const char *path = put_h5("s.h5", w);
    cr_data *d = opened(path, (cr_table_options){0});
    cr_assert(d->samples.train.n == 3 && d->samples.test.n == 1 && d->mapped);
    check_f32(d->samples.train.x, x, 6);
    cr_assert_eq(((const uint8_t *)d->samples.train.y)[1], 2);
    cr_assert_str_eq(d->from[2], path);
    cr_data_close(d);
    d = opened(path, (cr_table_options){.input = "more/a", .target = "/more/b"});
    check_f32(d->samples.train.x, (float[]){0.5f, 0.25f}, 2);
    check_i32(d->samples.train.y, (int32_t[]){1, 2}, 2);
    cr_assert(d->samples.test.n == 0 && !d->mapped);
    cr_data_close(d);
    d = opened(path, (cr_table_options){.test = path});
    cr_assert_eq(d->samples.test.n, 1);
    cr_data_close(d);
    refused(path, (cr_table_options){.target = "labels"},
            "s.h5: there is no data set 'labels'; there are /more/a, /more/b, /x_test");
    refused(path, (cr_table_options){.target = "more/a"},
            "s.h5: /more/a: labels or targets of 2 samples, and there are 3");
    char block[8192] = ""; /* a user's, before the file itself */
    FILE *f = fopen(path, "rb");
    const size_t n = fread(block + 512, 1, sizeof block - 512, f);
    fclose(f);
    cr_assert(n < sizeof block - 512);
    d = opened(put("u.h5", block, 512 + n), (cr_table_options){0});
    check_f32(d->samples.train.x, x, 6);
    cr_data_close(d);
    refused(put_text("t.h5", "\x89HDF\r\n\x1a\n..."), (cr_table_options){0}, "t.h5");
}

/* A data set of h5py's bool; `chunked` is compressed. */
static void put_bools(hid_t file, const char *name, int rank, const hsize_t *dim, bool chunked,
                      const int8_t *data)
{
    const hid_t type = H5Tenum_create(H5T_NATIVE_INT8), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Tenum_insert(type, "FALSE", &(int8_t){0});
    H5Tenum_insert(type, "TRUE", &(int8_t){1});
    if (chunked) {
        H5Pset_chunk(list, rank, dim);
        H5Pset_deflate(list, 1);
    }
    const hid_t set = H5Dcreate2(file, name, type, H5Screate_simple(rank, dim, NULL), H5P_DEFAULT,
                                 list, H5P_DEFAULT);
    cr_assert(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
}

/* Truth is 1 in samples, whichever file it comes from, and a class in labels. */
Test(table, bools)
{
    enum { MANY = 40000 };
    static int8_t bits[2 * MANY];
    for (int i = 0; i < 2 * MANY; i++)
        bits[i] = i % 3 == 0;
    const uint8_t odd[4] = {1, 0, 0, 255};
    const char *npy = put_npy("b.npy", DICT("|b1", "(4,)"), odd, sizeof odd);
    cr_data *d = opened(npy, (cr_table_options){.labels = npy});
    cr_assert(d->samples.x_dtype == CR_F32 && d->samples.y_dtype == CR_I32);
    check_f32(d->samples.train.x, (float[]){1, 0, 0, 1}, 4);
    check_i32(d->samples.train.y, (int32_t[]){1, 0, 0, 1}, 4);
    cr_data_close(d);
    d = opened(put_npy("i.npy", DICT("|b1", "(1, 2, 2)"), odd, sizeof odd),
               (cr_table_options){.no_targets = true});
    cr_assert_eq(d->samples.x_shape.rank, 3);
    cr_data_close(d);
    const char *path = put("b.h5", "", 0);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_bools(file, "x_train", 2, (hsize_t[]){MANY, 2}, true, bits);
    put_bools(file, "y_train", 1, (hsize_t[]){MANY}, false, bits);
    put_bools(file, "x_test", 2, (hsize_t[]){3, 2}, false, bits);
    put_bools(file, "y_test", 1, (hsize_t[]){3}, true, bits);
    H5close();
    d = opened(path, (cr_table_options){0});
    cr_assert(d->samples.x_dtype == CR_F32 && d->samples.y_dtype == CR_I32);
    check_f32(d->samples.train.x, (float[]){1, 0, 0, 1, 0, 0, 1}, 7);
    check_f32(d->samples.test.x, (float[]){1, 0, 0, 1, 0, 0}, 6);
    check_i32(d->samples.train.y, (int32_t[]){1, 0, 0, 1}, 4);
    check_i32(d->samples.test.y, (int32_t[]){1, 0, 0}, 3);
    cr_data_close(d);
}

/* As whole numbers that i32 does not have. */
Test(table, numbers_beyond_f32)
{
    const double x[3] = {INFINITY, 1, -1e300};
    const char *npy = put_npy("x.npy", DICT("<f8", "(3,)"), x, sizeof x);
    refused(npy, (cr_table_options){.no_targets = true},
            "x.npy: element 2 is -1e+300, which f32 does not have");
    const char *path = put("x.h5", "", 0);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(1, (hsize_t[]){3}, NULL);
    const char *const names[] = {"/x_train", "/big"};
    for (int i = 0; i < 2; i++) {
        const hid_t set = H5Dcreate2(file, names[i], i ? H5T_IEEE_F64BE : H5T_IEEE_F64LE, space,
                                     H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        cr_assert(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    }
    H5close();
    for (int i = 0; i < 2; i++) {
        char says[64];
        snprintf(says, sizeof says, "x.h5: %s: element 2 is -1e+300, which f32", names[i]);
        refused(path, (cr_table_options){.no_targets = true, .input = names[i]}, says);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

Test(table, every_allocation_may_fail)
{
    const char *csv = put_text("t.csv", "a,b,c\n1,x,\"p\"\"q\"\n2,y,q\n3,x,r\n");
    const char *npy = put_npy("x.npy", DICT("<f8", "(1,)"), &(double){1}, 8);
    for (int k = 0; k < 2; k++)
        for (int64_t n = 0;; n++) {
            cr_assert_lt(n, 200, "it never came through");
            cr_alloc_fail_after(n);
            cr_data *d = cr_table_open(k ? npy : csv, &(cr_table_options){.labels = k ? npy : NULL,
                                                                          .test = k ? NULL : csv});
            cr_alloc_fail_after(-1);
            cr_data_close(d);
            if (d)
                break;
            cr_assert_eq(cr_last_status(), CR_E_MEMORY, "%s", cr_error());
        }
}
