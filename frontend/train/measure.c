/* measure.c - what a batch is measured by: the loss, and counts of what is right.
 *
 * Samples have labels, i32 [batch], or targets, f32 of the scores' shape. What a loss or a count
 * needs of the other kind is made here: one-hot targets of labels, labels of shares of classes. */
#include "crisol/ops.h"
#include "ir.h"
#include "train.h"

static const cr_loc nowhere;

static const char *const names[] = {
#define CR_X(name, word, help) word,
    CR_LOSS_MAP(CR_X)
#undef CR_X
};

const char *cr_loss_name(cr_loss loss)
{
    return (unsigned)loss < CR_LOSS_COUNT ? names[loss] : "?";
}

bool cr_is_categorical(cr_loss loss)
{
    return loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY || loss == CR_LOSS_CROSS_ENTROPY;
}

bool cr_is_binary(cr_loss loss)
{
    return loss == CR_LOSS_SIGMOID_CROSS_ENTROPY || loss == CR_LOSS_BINARY_CROSS_ENTROPY;
}

bool cr_has_classes(const cr_samples *samples, cr_loss loss)
{
    return cr_has_labels(samples) || cr_is_categorical(loss);
}

bool cr_has_accuracy(const cr_samples *samples, cr_loss loss)
{
    return cr_has_classes(samples, loss) || cr_is_binary(loss);
}

struct measuring {
    const cr_samples *samples;
    const cr_train_options *options;
    cr_value scores, y;
    bool single; /* labels 0 and 1, and one score */
};

/* ---- the two kinds --------------------------------------------------------------------------- */

/* f32 of the scores' shape */
static cr_value targets_of(const struct measuring *m)
{
    const cr_shape s = cr_value_shape(m->scores);
    if (!cr_has_labels(m->samples))
        return m->y;
    if (m->single)
        return cr_reshape_at(nowhere, cr_cast_at(nowhere, m->y, CR_F32), s);
    return cr_onehot_at(nowhere, m->y, s.dim[1]);
}

/* i32 [batch...] */
static cr_value labels_of(const struct measuring *m)
{
    return cr_has_labels(m->samples) ? m->y : cr_argmax_at(nowhere, m->y, CR_LAST_AXIS);
}

/* Where a score says yes. */
static float threshold_of(const struct measuring *m)
{
    return m->options->loss == CR_LOSS_SIGMOID_CROSS_ENTROPY ? 0 : 0.5f;
}

/* Scores of two classes from one: [threshold, score] has its largest at 1 where the score is above
 * the threshold. */
static cr_value scores_of_classes(const struct measuring *m)
{
    if (!m->single)
        return m->scores;
    cr_value no = cr_f32(m->scores.graph, threshold_of(m));
    no = cr_expand_at(nowhere, no, cr_value_shape(m->scores));
    return cr_concat_at(nowhere, no, m->scores, 1);
}

/* ---- losses ---------------------------------------------------------------------------------- */

static cr_value loss_of(const struct measuring *m)
{
    const cr_train_options *o = m->options;
    const cr_cross_entropy_options logits = {.label_smoothing = o->label_smoothing};
    const cr_cross_entropy_options probabilities = {.probabilities = true,
                                                    .label_smoothing = o->label_smoothing};
    const float delta = o->huber_delta == 0 ? 1 : o->huber_delta;
    switch (o->loss) {
    case CR_LOSS_MSE: return cr_mse_at(nowhere, m->scores, targets_of(m));
    case CR_LOSS_MAE: return cr_mae_at(nowhere, m->scores, targets_of(m));
    case CR_LOSS_HUBER: return cr_huber_at(nowhere, m->scores, targets_of(m), delta);
    case CR_LOSS_SOFTMAX_CROSS_ENTROPY:
        if (cr_has_labels(m->samples) && o->label_smoothing == 0)
            return cr_softmax_cross_entropy_at(nowhere, m->scores, m->y);
        return cr_cross_entropy_at(nowhere, m->scores, m->y, &logits);
    case CR_LOSS_CROSS_ENTROPY:
        return cr_cross_entropy_at(nowhere, m->scores, m->y, &probabilities);
    case CR_LOSS_SIGMOID_CROSS_ENTROPY:
        return cr_binary_cross_entropy_at(nowhere, m->scores, targets_of(m), &logits);
    case CR_LOSS_BINARY_CROSS_ENTROPY:
        return cr_binary_cross_entropy_at(nowhere, m->scores, targets_of(m), &probabilities);
    case CR_LOSS_COUNT: break;
    }
    return (cr_value){m->scores.graph, 0};
}

/* ---- counts ---------------------------------------------------------------------------------- */

static cr_value correct_of(const struct measuring *m)
{
    if (m->single || !cr_has_classes(m->samples, m->options->loss))
        return cr_count_binary_at(nowhere, m->scores, targets_of(m), threshold_of(m));
    return cr_count_correct_at(nowhere, m->scores, labels_of(m));
}

cr_train_measure cr_train_measure_of(const cr_samples *samples, const cr_train_options *options,
                                     cr_value scores, cr_value y, bool confusion)
{
    cr_train_measure out = {.loss = {scores.graph, 0}};
    if (cr_is_poison(scores))
        return out;
    struct measuring m = {.samples = samples, .options = options, .scores = scores, .y = y};
    m.single = cr_has_labels(samples) && !cr_is_categorical(options->loss) &&
               cr_value_shape(scores).dim[1] == 1;
    out.loss = loss_of(&m);
    if (cr_has_accuracy(samples, options->loss))
        out.correct = correct_of(&m);
    if (options->top_k)
        out.top_k =
            cr_count_top_k_at(nowhere, scores_of_classes(&m), labels_of(&m), options->top_k);
    if (confusion)
        out.confusion = cr_confusion_matrix_at(nowhere, scores_of_classes(&m), labels_of(&m));
    return out;
}
