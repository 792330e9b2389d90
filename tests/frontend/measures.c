/* What the trainer measures a batch by, in the reference interpreter against plain C: all losses,
 * of labels and of targets, and all counts. */
#include "host.h"

#include <math.h>

#include "crisol/ops.h"
#include "crisol/train.h"

enum { N = 12, CLASSES = 3 };

static float x[N][CLASSES], target[N][CLASSES];
static uint8_t label[N];

/* The scores are the samples times 1, so that they are known. */
static cr_value same(cr_value in, void *user)
{
    const int *columns = user;
    cr_value scale = cr_param(in.graph, "scale", CR_F32, 1);
    cr_value all = cr_mul(in, cr_add(scale, cr_f32(in.graph, 1)));
    return cr_tap("scores", cr_slice_at(CR_HERE, all, CR_SHAPE(0, 0),
                                        CR_SHAPE(cr_value_shape(all).dim[0], *columns)));
}

/* Probabilities of three classes, in no order. */
static void fill(void)
{
    for (int i = 0; i < N; i++) {
        float sum = 0;
        for (int c = 0; c < CLASSES; c++)
            sum += x[i][c] = 0.1f + (float)((i * 7 + c * 5) % 9) / 10;
        for (int c = 0; c < CLASSES; c++)
            x[i][c] /= sum;
        label[i] = (uint8_t)(i * 2 % CLASSES);
        for (int c = 0; c < CLASSES; c++)
            target[i][c] = c == label[i] ? 0.75f : 0.125f;
    }
}

/* One step of a batch of all samples, and of the test set, which are the same ones; the only
 * parameter stays 0. */
static host run(cr_train_options o, int columns, bool targets)
{
    fill();
    cr_samples s = {.y_dtype = CR_U8, .x_shape = CR_SHAPE(CLASSES)};
    s.train = s.test = (cr_part){x, targets ? (void *)target : label, N};
    if (targets) {
        s.y_dtype = CR_F32;
        s.y_shape = CR_SHAPE(columns);
    }
    o.model = same;
    o.model_user = &columns;
    o.optimizer.lr = CR_ZERO;
    o.batch = N;
    cr_graph *g = cr_training_graph_of(&s, &o);
    cr_assert_not_null(g, "%s", cr_error());
    host h = host_start(g, 1);
    *(float *)host_leaf(&h, "scale") = 0;
    for (int set = 0; set < 2; set++) {
        memcpy(host_leaf(&h, set ? "train_x" : "test_x"), x, sizeof x);
        void *y = host_leaf(&h, set ? "train_y" : "test_y");
        for (int i = 0; i < N; i++)
            if (targets)
                memcpy((float *)y + i * columns, target[i], (size_t)columns * sizeof(float));
            else
                ((uint8_t *)y)[i] = label[i];
    }
    for (int i = 0; i < N; i++)
        ((int32_t *)host_leaf(&h, "order"))[i] = i;
    host_run(&h);
    return h;
}

static int count(const host *h, const char *name)
{
    return *(const int32_t *)host_leaf(h, name);
}

/* ---- losses ---------------------------------------------------------------------------------- */

static double huber(double e, double delta)
{
    return e <= delta ? e * e / 2 : delta * e - delta * delta / 2;
}

/* A score y against its target t; probabilities and logits as the loss has them. */
static double of_score(const cr_train_options *o, double y, double t)
{
    const double smooth = (double)o->label_smoothing;
    const double ts = t * (1 - smooth) + smooth / 2;
    switch (o->loss) {
    case CR_LOSS_MSE: return (y - t) * (y - t) / CLASSES;
    case CR_LOSS_MAE: return fabs(y - t) / CLASSES;
    case CR_LOSS_HUBER: return huber(fabs(y - t), (double)o->huber_delta) / CLASSES;
    case CR_LOSS_BINARY_CROSS_ENTROPY: return -(ts * log(y) + (1 - ts) * log(1 - y)) / CLASSES;
    case CR_LOSS_SIGMOID_CROSS_ENTROPY: return (log1p(exp(y)) - ts * y) / CLASSES;
    default: return NAN;
    }
}

static double of_class(const cr_train_options *o, const float *y, int c, double t)
{
    const double smooth = (double)o->label_smoothing;
    double sum = 0;
    for (int k = 0; k < CLASSES; k++)
        sum += exp((double)y[k]);
    const double p = o->loss == CR_LOSS_CROSS_ENTROPY ? (double)y[c] : exp((double)y[c]) / sum;
    return -(t * (1 - smooth) + smooth / CLASSES) * log(p);
}

static double expected(const cr_train_options *o, bool targets)
{
    const bool of_classes =
        o->loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY || o->loss == CR_LOSS_CROSS_ENTROPY;
    double sum = 0;
    for (int i = 0; i < N; i++)
        for (int c = 0; c < CLASSES; c++) {
            const double t = targets ? (double)target[i][c] : c == label[i];
            sum += of_classes ? of_class(o, x[i], c, t) : of_score(o, (double)x[i][c], t);
        }
    return sum;
}

Test(measures, losses)
{
    for (int loss = 0; loss < CR_LOSS_COUNT; loss++)
        for (int i = 0; i < 4; i++) {
            const bool entropy = strstr(cr_loss_name((cr_loss)loss), "entropy") != NULL;
            const cr_train_options o = {.loss = (cr_loss)loss,
                                        .huber_delta = loss == CR_LOSS_HUBER ? 0.25f : 0,
                                        .label_smoothing = entropy && i % 2 ? 0.2f : 0};
            host h = run(o, CLASSES, i / 2);
            const double want = expected(&o, i / 2);
            for (int set = 0; set < 2; set++) {
                const double got =
                    (double)*(const float *)host_leaf(&h, set ? "train.loss_sum" : "test.loss_sum");
                cr_expect(fabs(got - want) < 1e-5 * want, "%s, %d: %g, not %g",
                          cr_loss_name((cr_loss)loss), i, got, want);
            }
            host_end(&h);
        }
}

/* A delta of 0 is 1. */
Test(measures, huber_has_a_default)
{
    host h = run((cr_train_options){.loss = CR_LOSS_HUBER}, CLASSES, false);
    const cr_train_options one = {.loss = CR_LOSS_HUBER, .huber_delta = 1};
    const double got = (double)*(const float *)host_leaf(&h, "train.loss_sum");
    cr_expect(fabs(got - expected(&one, false)) < 1e-5);
    host_end(&h);
}

/* ---- counts ---------------------------------------------------------------------------------- */

static int best(const float *y)
{
    int at = 0;
    for (int c = 1; c < CLASSES; c++)
        if (y[c] > y[at])
            at = c;
    return at;
}

static int place(const float *y, int c)
{
    int before = 0;
    for (int k = 0; k < CLASSES; k++)
        before += y[k] > y[c] || (y[k] == y[c] && k < c);
    return before;
}

/* The same of labels, and of targets that are shares of the classes. */
Test(measures, counts_of_classes)
{
    for (int targets = 0; targets < 2; targets++) {
        const cr_train_options o = {
            .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY, .top_k = 2, .confusion = true};
        host h = run(o, CLASSES, targets);
        int right = 0, near = 0, matrix[CLASSES][CLASSES] = {{0}};
        for (int i = 0; i < N; i++) {
            right += best(x[i]) == label[i];
            near += place(x[i], label[i]) < 2;
            matrix[label[i]][best(x[i])]++;
        }
        cr_expect(right > 0 && right < near && near < N);
        cr_expect_eq(count(&h, "train.correct"), right);
        cr_expect_eq(count(&h, "test.correct"), right);
        cr_expect_eq(count(&h, "train.top_k"), near);
        cr_expect_eq(count(&h, "test.top_k"), near);
        cr_expect_eq(memcmp(host_leaf(&h, "test.confusion"), matrix, sizeof matrix), 0);
        cr_expect_eq(cr_find(h.g, "train.confusion").ref, 0);
        host_end(&h);
    }
}

/* One score: labels are 0 and 1; logits say yes above 0, all others above 0.5. */
Test(measures, counts_of_one_score)
{
    for (int loss = 0; loss < CR_LOSS_COUNT; loss++) {
        if (loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY || loss == CR_LOSS_CROSS_ENTROPY)
            continue;
        const float threshold = loss == CR_LOSS_SIGMOID_CROSS_ENTROPY ? 0 : 0.5f;
        host h = run((cr_train_options){.loss = (cr_loss)loss, .confusion = true}, 1, false);
        int right = 0, matrix[2][2] = {{0}};
        for (int i = 0; i < N; i++) {
            const int is = label[i] > 0, said = x[i][0] > threshold;
            right += is == said;
            if (label[i] < 2)
                matrix[is][said]++;
        }
        cr_expect_eq(count(&h, "test.correct"), right);
        cr_expect_eq(memcmp(host_leaf(&h, "test.confusion"), matrix, sizeof matrix), 0);
        host_end(&h);
    }
}

/* Each score is a yes or no of its own. */
Test(measures, counts_of_targets)
{
    host h = run((cr_train_options){.loss = CR_LOSS_BINARY_CROSS_ENTROPY}, CLASSES, true);
    int right = 0;
    for (int i = 0; i < N; i++)
        for (int c = 0; c < CLASSES; c++)
            right += (target[i][c] > 0.5f) == (x[i][c] > 0.5f);
    cr_expect_eq(count(&h, "train.correct"), right);
    host_end(&h);
    h = run((cr_train_options){.loss = CR_LOSS_MAE}, CLASSES, true);
    cr_expect_eq(cr_find(h.g, "train.correct").ref, 0);
    host_end(&h);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
    cr_train_options o;
    int columns; /* of targets; 0: a class each */
    const char *says;
} refused[] = {
    {{.loss = CR_LOSS_COUNT}, 0, "train: 7 is not a cr_loss"},
    {{.loss = CR_LOSS_CROSS_ENTROPY}, -1, "cross-entropy needs classes, u8 or i32, or f32 targets"},
    {{.loss = CR_LOSS_MSE, .huber_delta = 1}, 0, "huber_delta is for the loss huber, not mse"},
    {{.loss = CR_LOSS_HUBER, .huber_delta = -1}, 0, "huber: delta is -1; it must be above 0"},
    {{.loss = CR_LOSS_MAE, .label_smoothing = 0.1f},
     0,
     "label_smoothing is for cross-entropies, not mae"},
    {{.loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY, .label_smoothing = 1},
     0,
     "label_smoothing is 1; it must be in [0, 1)"},
    {{.loss = CR_LOSS_SIGMOID_CROSS_ENTROPY, .label_smoothing = -0.1f},
     0,
     "label_smoothing is -0.1; it must be in [0, 1)"},
    {{.top_k = 4}, 0, "count_top_k: k is 4; it must be from 1 to the number of classes"},
    {{.top_k = 2}, CLASSES, "top_k needs classes; the samples have f32 targets"},
    {{.confusion = true}, CLASSES, "a confusion matrix needs classes"},
    {{.confusion = true, .no_evaluation = true}, 0, "a confusion matrix is of the test set"},
    {{.optimizer = {.clip_norm = -1}},
     0,
     "clip_value and clip_norm must be finite and not negative"},
    {{.optimizer = {.schedule = {.kind = CR_LR_COSINE, .epochs = -2}}},
     0,
     "schedule.epochs and .warmup_epochs must not be negative"},
    {{.optimizer = {.schedule = {.kind = CR_LR_COSINE, .epochs = 1e30f}}},
     0,
     "schedule.steps must be from 1 to 2^24"},
};

Test(measures, refuses)
{
    for (size_t i = 0; i < CR_COUNTOF(refused); i++) {
        int columns = CLASSES;
        cr_samples s = {.y_dtype = CR_U8, .x_shape = CR_SHAPE(CLASSES)};
        s.train = s.test = (cr_part){x, label, N};
        if (refused[i].columns)
            s.y_dtype = CR_F32;
        if (refused[i].columns > 0)
            s.y_shape = CR_SHAPE(CLASSES);
        cr_train_options o = refused[i].o;
        o.model = same;
        o.model_user = &columns;
        cr_expect_null(cr_training_graph_of(&s, &o), "%s", refused[i].says);
        cr_expect(strstr(cr_error(), refused[i].says), "not '%s' but '%s'", refused[i].says,
                  cr_error());
        cr_expect_eq(cr_alloc_live(), 0);
    }
}
