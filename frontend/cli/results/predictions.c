/* predictions.c - see predictions.h. */
#include "results/predictions.h"

#include <math.h>

#include "options/samples.h"
#include "results/grid.h"
#include "results/matrix.h"

enum { SHOWN = 64 };

/* One score alone is a yes above 0.5. */
static uint32_t class_of(const float *score, uint32_t classes)
{
    if (classes == 1)
        return score[0] > 0.5f;
    uint32_t best = 0;
    for (uint32_t i = 1; i < classes; i++)
        if (score[i] > score[best])
            best = i;
    return best;
}

static void to_shares(float *score, uint32_t classes)
{
    float top = score[0];
    double sum = 0;
    for (uint32_t i = 1; i < classes; i++)
        top = fmaxf(top, score[i]);
    for (uint32_t i = 0; i < classes; i++)
        sum += exp((double)score[i] - (double)top);
    for (uint32_t i = 0; i < classes; i++)
        score[i] = (float)(exp((double)score[i] - (double)top) / sum);
}

static void to_probabilities(cr_loss loss, float *score, uint32_t classes)
{
    if (loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY)
        to_shares(score, classes);
    for (uint32_t i = 0; loss == CR_LOSS_SIGMOID_CROSS_ENTROPY && i < classes; i++)
        score[i] = (float)(1 / (1 + exp(-(double)score[i])));
}

uint32_t predictions_class(cr_loss loss, float *score, uint32_t scores)
{
    to_probabilities(loss, score, scores);
    return class_of(score, scores);
}

/* ---- what a row has ---------------------------------------------------------------------------
 */

struct table {
    cr_trainer *trainer; /* NULL: of all samples of the part, in their order */
    const cr_data *data;
    const cr_part *part; /* that has the test samples */
    cr_loss loss;
    uint32_t n;               /* of them */
    uint32_t scores, targets; /* of a sample */
    bool labels, predicted;   /* there is a label; a class is predicted */
};

static bool is_entropy(cr_loss loss)
{
    return strstr(cr_loss_name(loss), "entropy") != NULL;
}

static struct table table_of(const cr_data *data, const cr_part *part, cr_loss loss,
                             uint32_t scores)
{
    const cr_samples *s = &data->samples;
    const bool numbers = part->y && s->y_dtype == CR_F32, labels = part->y && !numbers;
    return (struct table){.data = data,
                          .part = part,
                          .loss = loss,
                          .n = part->n,
                          .scores = scores,
                          .targets = numbers ? (uint32_t)cli_elements(&s->y_shape, 0) : 0,
                          .labels = labels,
                          .predicted =
                              labels || (!numbers && (is_entropy(loss) || data->classes.n > 0))};
}

static struct table table_of_test(cr_trainer *trainer, const cr_data *data, cr_loss loss)
{
    const cr_samples *s = &data->samples;
    struct table w =
        table_of(data, s->test.n ? &s->test : &s->train, loss, cr_trainer_scores(trainer));
    w.trainer = trainer;
    w.n = cr_trainer_get_info(trainer).test;
    return w;
}

/* The class's name, or its number where it has none. */
static void put_class(cli_text *t, const cr_data *data, uint32_t i)
{
    if (i < data->classes.n)
        cli_put_field(t, data->classes.word[i]);
    else
        cli_put(t, "%u", i);
}

static void put_head(cli_text *t, const struct table *w)
{
    const bool images = strcmp(samples_word(w->data), "images") == 0;
    const bool probable = is_entropy(w->loss);
    cli_put(t, "%s", images ? "image" : "sample");
    for (uint32_t i = 0; i < w->targets; i++)
        cli_put(t, ",target%u", i);
    cli_put(t, "%s%s", w->labels ? ",label" : "", w->predicted ? ",predicted" : "");
    for (uint32_t c = 0; c < w->scores; c++)
        cli_put(t, ",%s%u", probable ? "p" : "score", c);
    cli_put(t, "\n");
}

/* Of sample i of the part. */
static void put_label(cli_text *t, const struct table *w, uint32_t i)
{
    const bool wide = w->data->samples.y_dtype == CR_I32;
    const uint32_t label =
        wide ? (uint32_t)((const int32_t *)w->part->y)[i] : ((const uint8_t *)w->part->y)[i];
    cli_put(t, ",");
    put_class(t, w->data, label);
}

static void put_row(cli_text *t, const struct table *w, uint32_t test, const float *score)
{
    const uint32_t i = w->trainer ? cr_trainer_test_sample(w->trainer, test) : test;
    cli_put(t, "%u", i);
    for (uint32_t k = 0; k < w->targets; k++)
        cli_put(t, ",%.9g", (double)((const float *)w->part->y)[(size_t)i * w->targets + k]);
    if (w->labels)
        put_label(t, w, i);
    if (w->predicted) {
        cli_put(t, ",");
        put_class(t, w->data, class_of(score, w->scores));
    }
    for (uint32_t c = 0; c < w->scores; c++)
        cli_put(t, ",%.6g", (double)score[c]);
    cli_put(t, "\n");
}

/* ---- predictions ----------------------------------------------------------------------------- */

static int exit_status(cr_status status)
{
    if (status == CR_E_INTERRUPTED) {
        cli_fail("interrupted while predicting");
        return CLI_INTERRUPTED;
    }
    return status == CR_OK ? CLI_OK : cli_library_failed();
}

/* Scores of the test samples, which may lie apart. */
static cr_status predict(const struct table *w, float *score)
{
    enum { MOST = 1000 };
    const cr_samples *s = &w->data->samples;
    const size_t each = cli_elements(&s->x_shape, 0) * cr_dtype_size(s->x_dtype);
    if (s->test.n)
        return cr_trainer_predict(w->trainer, s->test.x, w->n, score);
    char *x = cli_alloc(MOST * each);
    cr_status status = CR_OK;
    for (uint32_t i = 0, n; i < w->n && status == CR_OK; i += n) {
        for (n = 0; n < MOST && i + n < w->n; n++)
            memcpy(x + n * each,
                   (const char *)s->train.x + cr_trainer_test_sample(w->trainer, i + n) * each,
                   each);
        status = cr_trainer_predict(w->trainer, x, n, score + (size_t)i * w->scores);
    }
    free(x);
    return status;
}

static int print(const struct table *w, float *score, const char *path)
{
    cli_text t = {0};
    put_head(&t, w);
    for (uint32_t i = 0; i < w->n; i++) {
        float *row = score + (size_t)i * w->scores;
        to_probabilities(w->loss, row, w->scores);
        put_row(&t, w, i, row);
    }
    const int status = cli_write(path, t.at, t.len);
    free(t.at);
    return status;
}

int predictions_print(const cr_data *data, const cr_part *part, cr_loss loss, float *score,
                      uint32_t scores, const char *path)
{
    const struct table w = table_of(data, part, loss, scores);
    return print(&w, score, path);
}

int predictions_write(cr_trainer *trainer, const cr_data *data, cr_loss loss, const char *path)
{
    if (!path)
        return CLI_OK;
    const struct table w = table_of_test(trainer, data, loss);
    float *score = cli_alloc((size_t)w.n * w.scores * sizeof *score);
    int status = exit_status(predict(&w, score));
    if (status == CLI_OK)
        status = print(&w, score, path);
    free(score);
    return status;
}

/* ---- the confusion matrix -------------------------------------------------------------------- */

int confusion_write(cr_trainer *trainer, const cr_data *data, const char *path)
{
    if (!path)
        return CLI_OK;
    const uint32_t classes = cr_trainer_classes(trainer);
    int32_t *count = cli_alloc((size_t)classes * classes * sizeof *count);
    int status = exit_status(cr_trainer_confusion(trainer, count));
    if (status == CLI_OK) {
        matrix m = matrix_create(data, classes);
        for (uint32_t i = 0; i < classes * classes; i++)
            m.count[i] = (uint64_t)count[i];
        status = matrix_write(&m, path);
        matrix_finish(&m);
    }
    free(count);
    return status;
}

/* ---- pictures -------------------------------------------------------------------------------- */

int predictions_show(cr_trainer *trainer, const cr_data *data, cr_loss loss, const char *path)
{
    if (!path)
        return CLI_OK;
    struct table w = table_of_test(trainer, data, loss);
    w.n = w.n < SHOWN ? w.n : SHOWN;
    float *score = cli_alloc((size_t)w.n * w.scores * sizeof *score);
    grid_cell cells[SHOWN];
    int status = exit_status(predict(&w, score));
    for (uint32_t i = 0; status == CLI_OK && i < w.n; i++) {
        const uint32_t index = cr_trainer_test_sample(trainer, i);
        cells[i] = (grid_cell){index, grid_label(data, w.part, index),
                               predictions_class(loss, score + (size_t)i * w.scores, w.scores)};
    }
    if (status == CLI_OK)
        status = grid_write(path, data, w.part, cells, w.n, 0);
    free(score);
    return status;
}
