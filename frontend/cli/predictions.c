/* predictions.c - see predictions.h. */
#include "predictions.h"

#include <math.h>

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

static void put_row(cli_text *t, uint32_t i, uint32_t label, const float *score, uint32_t classes)
{
    cli_put(t, "%u,%u,%u", i, label, class_of(score, classes));
    for (uint32_t c = 0; c < classes; c++)
        cli_put(t, ",%.6g", (double)score[c]);
    cli_put(t, "\n");
}

static int exit_status(cr_status status)
{
    if (status == CR_E_INTERRUPTED) {
        cli_fail("interrupted while predicting");
        return CLI_INTERRUPTED;
    }
    return status == CR_OK ? CLI_OK : cli_library_failed();
}

static int predict(cr_trainer *trainer, const cr_dataset *data, float *score)
{
    return exit_status(cr_trainer_predict(trainer, data->test_x, data->ntest, score));
}

int predictions_write(cr_trainer *trainer, const cr_dataset *data, cr_loss loss, const char *path)
{
    if (!path)
        return CLI_OK;
    const bool probable = strstr(cr_loss_name(loss), "entropy") != NULL;
    const uint32_t n = data->ntest, classes = cr_trainer_scores(trainer);
    float *score = cli_alloc((size_t)n * classes * sizeof *score);
    int status = predict(trainer, data, score);
    cli_text t = {0};
    cli_put(&t, "image,label,predicted");
    for (uint32_t c = 0; c < classes; c++)
        cli_put(&t, ",%s%u", probable ? "p" : "score", c);
    cli_put(&t, "\n");
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        float *row = score + (size_t)i * classes;
        to_probabilities(loss, row, classes);
        put_row(&t, i, data->test_y[i], row, classes);
    }
    if (status == CLI_OK)
        status = cli_write(path, t.at, t.len);
    free(t.at);
    free(score);
    return status;
}

/* ---- the confusion matrix -------------------------------------------------------------------- */

int confusion_write(cr_trainer *trainer, const char *path)
{
    if (!path)
        return CLI_OK;
    const uint32_t classes = cr_trainer_classes(trainer);
    int32_t *count = cli_alloc((size_t)classes * classes * sizeof *count);
    int status = exit_status(cr_trainer_confusion(trainer, count));
    cli_text t = {0};
    cli_put(&t, "label");
    for (uint32_t c = 0; c < classes; c++)
        cli_put(&t, ",%u", c);
    for (uint32_t i = 0; i < classes * classes; i++) {
        if (i % classes == 0)
            cli_put(&t, "\n%u", i / classes);
        cli_put(&t, ",%d", count[i]);
    }
    cli_put(&t, "\n");
    if (status == CLI_OK)
        status = cli_write(path, t.at, t.len);
    free(t.at);
    free(count);
    return status;
}
