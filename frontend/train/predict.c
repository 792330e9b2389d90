/* predict.c - the model's scores of samples that the caller brings. */
#include "ir.h"
#include "trainer.h"

static void to_front(cr_trainer *t, int i)
{
    const cr_predictor p = t->predictor[i];
    memmove(t->predictor + 1, t->predictor, (size_t)i * sizeof p);
    t->predictor[0] = p;
}

static void forget(cr_predictor *p)
{
    cr_program_destroy(p->program);
    *p = (cr_predictor){0};
}

/* The program for batches of that many, first in the list: one that is there, or a new one instead
 * of that which was not used the longest. NULL when it cannot be compiled. */
static cr_program *predictor(cr_trainer *t, uint32_t batch)
{
    for (int i = 0; i < CR_PREDICTORS; i++)
        if (t->predictor[i].program && t->predictor[i].batch == batch) {
            to_front(t, i);
            return t->predictor[0].program;
        }
    if (t->options.max_device_bytes) /* there is room for one */
        for (int i = 0; i < CR_PREDICTORS; i++)
            forget(&t->predictor[i]);
    cr_program *p = cr_trainer_compile(t, CR_PREDICTING, t->set[CR_TRAINING].whole, batch);
    if (!p)
        return NULL;
    to_front(t, CR_PREDICTORS - 1);
    forget(&t->predictor[0]);
    t->predictor[0] = (cr_predictor){p, batch};
    return p;
}

cr_status cr_trainer_predict(cr_trainer *t, const void *x, uint32_t n, float *scores)
{
    if (!x || !scores || n == 0)
        return cr_fail(CR_E_ARGUMENT, "predict: %s",
                       n == 0 ? "0 samples" : "the samples or the scores are NULL");
    const size_t in = cr_x_bytes(&t->samples, 1), out = cr_trainer_scores(t);
    for (uint32_t i = 0; i < n;) {
        const uint32_t batch = CR_MIN(n - i, cr_trainer_predicted(t));
        cr_program *p = predictor(t, batch);
        if (!p)
            return cr_last_status();
        CR_TRY(cr_feed(p, "predict_x", (const char *)x + i * in, batch * in));
        CR_TRY(cr_run(p, 1));
        CR_TRY(cr_fetch(p, "predict.scores", scores + i * out, batch * out * sizeof *scores));
        i += batch;
    }
    return CR_OK;
}
