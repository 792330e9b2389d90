/* csv.c - any text as a table, under the options that its first byte says: it is refused with its
 * line and column, or gives samples all of which can be read. crisol-test: io */
#include "csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, cr_error());
    abort();
}

static void check_part(const cr_data *d, const cr_part *part)
{
    const size_t features = (size_t)d->samples.x_shape.dim[0];
    const float *x = part->x;
    for (size_t i = 0; i < features * part->n; i++) {
        const cr_words *words = d->categories ? &d->categories[i % features] : NULL;
        check(x[i] - x[i] == 0, "a number is not finite");
        check(!words || !words->n || (x[i] >= 0 && x[i] < (float)words->n), "a code has no word");
    }
    for (uint32_t i = 0; i < part->n && d->samples.y_dtype == CR_I32 && part->y; i++) {
        const int32_t y = ((const int32_t *)part->y)[i];
        check(y >= 0 && (!d->classes.n || y < (int32_t)d->classes.n), "a class has no word");
    }
}

static cr_status read_both(cr_csv *c, const char *text, size_t size)
{
    CR_TRY(cr_csv_read(c, "a", text, size, &c->data->samples.train));
    CR_TRY(cr_csv_read(c, "b", text, size, &c->data->samples.test));
    return cr_csv_end(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t before = cr_alloc_live();
    if (size == 0)
        return 0;
    const uint8_t how = data[0];
    const cr_table_options o = {.header = (cr_header)(how % 3),
                                .targets = (cr_targets)(how / 4 % 3),
                                .target = how & 16 ? "1" : NULL,
                                .drop = how & 32 ? "2,b" : NULL,
                                .categories = how & 128 ? "1,3" : NULL,
                                .no_targets = how & 64};
    char *text = malloc(size); /* exactly as long as it is, so that reading on is seen */
    cr_data *d = cr_data_create("a");
    cr_csv c;
    check(text && d, "memory");
    memcpy(text, data + 1, size - 1);
    cr_csv_start(&c, d, &o);
    if (read_both(&c, text, size - 1) == CR_OK) {
        check_part(d, &d->samples.train);
        check_part(d, &d->samples.test);
        check(d->samples.train.n == d->samples.test.n, "two readings differ");
    } else {
        check(strncmp(cr_error(), "a:", 2) == 0 || strncmp(cr_error(), "b:", 2) == 0,
              "refused, but not as one of the files");
    }
    cr_csv_finish(&c);
    cr_data_close(d);
    free(text);
    check(cr_alloc_live() == before, "leaks");
    return 0;
}
