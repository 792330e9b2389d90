/* predictions.c - see predictions.h. */
#include "predictions.h"

#include <math.h>

static uint32_t largest(const float *score, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < classes; i++)
        if (score[i] > score[best])
            best = i;
    return best;
}

static void to_probabilities(float *score, uint32_t classes)
{
    const float top = score[largest(score, classes)];
    double sum = 0;
    for (uint32_t i = 0; i < classes; i++)
        sum += exp((double)score[i] - (double)top);
    for (uint32_t i = 0; i < classes; i++)
        score[i] = (float)(exp((double)score[i] - (double)top) / sum);
}

static void put_row(cli_text *t, uint32_t i, uint32_t label, const float *score, uint32_t classes)
{
    cli_put(t, "%u,%u,%u", i, label, largest(score, classes));
    for (uint32_t c = 0; c < classes; c++)
        cli_put(t, ",%.6g", (double)score[c]);
    cli_put(t, "\n");
}

static int predict(cr_trainer *trainer, const cr_dataset *data, float *score)
{
    const cr_status status = cr_trainer_predict(trainer, data->test_x, data->ntest, score);
    if (status == CR_E_INTERRUPTED) {
        cli_fail("interrupted while predicting");
        return CLI_INTERRUPTED;
    }
    return status == CR_OK ? CLI_OK : cli_library_failed();
}

int predictions_write(cr_trainer *trainer, const cr_dataset *data, bool softmax, const char *path)
{
    if (!path)
        return CLI_OK;
    const uint32_t n = data->ntest, classes = cr_trainer_scores(trainer);
    float *score = cli_alloc((size_t)n * classes * sizeof *score);
    int status = predict(trainer, data, score);
    cli_text t = {0};
    cli_put(&t, "image,label,predicted");
    for (uint32_t c = 0; c < classes; c++)
        cli_put(&t, ",%s%u", softmax ? "p" : "score", c);
    cli_put(&t, "\n");
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        float *row = score + (size_t)i * classes;
        if (softmax)
            to_probabilities(row, classes);
        put_row(&t, i, data->test_y[i], row, classes);
    }
    if (status == CLI_OK)
        status = cli_write(path, t.at, t.len);
    free(t.at);
    free(score);
    return status;
}
