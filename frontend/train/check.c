/* check.c - the options and the samples of a training: what is wrong with them, and what they say.
 */
#include "train.h"

enum { DEFAULT_BATCH = 64, EVALUATION_BATCH = 1000 };

/* ---- samples --------------------------------------------------------------------------------- */

static const char *wrong_types(const cr_samples *s)
{
    if (s->x_dtype != CR_F32 && s->x_dtype != CR_I32 && s->x_dtype != CR_U8)
        return "x_dtype must be f32, i32 or u8";
    if (s->y_dtype != CR_F32 && s->y_dtype != CR_I32 && s->y_dtype != CR_U8)
        return "y_dtype must be u8 or i32 (classes) or f32 (targets)";
    if (s->x_shape.rank < 0 || s->x_shape.rank >= CR_MAX_RANK)
        return "x_shape must have 0 to 7 axes";
    if (s->y_shape.rank < 0 || s->y_shape.rank >= CR_MAX_RANK)
        return "y_shape must have 0 to 7 axes";
    if (s->y_dtype != CR_F32 && s->y_shape.rank != 0)
        return "a class is one number: y_shape must be CR_SCALAR";
    return NULL;
}

/* "28 x 28 x 1" into buf. */
static const char *shape_text(const cr_shape *s, char *buf, size_t size)
{
    int n = 0;
    buf[0] = '\0';
    for (int i = 0; i < s->rank && n >= 0 && (size_t)n < size; i++)
        n += snprintf(buf + n, size - (size_t)n, "%s%lld", i ? " x " : "", (long long)s->dim[i]);
    return buf;
}

static cr_status check_sizes(const cr_shape *s, const char *what)
{
    char text[160];
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 1 || s->dim[i] > INT32_MAX)
            return cr_fail(CR_E_ARGUMENT, "train: the %s are of %s elements", what,
                           shape_text(s, text, sizeof text));
    return CR_OK;
}

static cr_status check_samples(const cr_samples *s, const cr_train_options *o)
{
    const char *why = wrong_types(s);
    if (why)
        return cr_fail(CR_E_ARGUMENT, "train: the samples' %s", why);
    CR_TRY(check_sizes(&s->x_shape, "samples"));
    CR_TRY(check_sizes(&s->y_shape, "targets"));
    if (s->train.n == 0)
        return cr_fail(CR_E_ARGUMENT, "train: the data set has no training samples");
    if (s->train.n > INT32_MAX || s->validation.n > INT32_MAX || s->test.n > INT32_MAX)
        return cr_fail(CR_E_LIMIT, "train: more than 2^31 - 1 samples");
    if (s->test.n == 0 && !o->no_evaluation && !(o->test_split > 0))
        return cr_fail(CR_E_ARGUMENT,
                       "train: the data set has no test samples (test_split takes some "
                       "of those for training, no_evaluation does without)");
    return CR_OK;
}

/* ---- splits ---------------------------------------------------------------------------------- */

/* The nearest whole number of samples: 0.1 of 60000 as a float is more than 6000. */
static uint32_t part_of(uint32_t n, float part)
{
    return part > 0 ? (uint32_t)((double)n * (double)part + 0.5) : 0;
}

/* ---- options --------------------------------------------------------------------------------- */

static cr_status check_test_split(const cr_samples *s, const cr_train_options *o)
{
    const double split = (double)o->test_split;
    if (!(split >= 0 && split < 1))
        return cr_fail(CR_E_ARGUMENT, "train: the test split is %g; it must be in [0, 1)", split);
    if (split > 0 && s->test.n)
        return cr_fail(CR_E_ARGUMENT, "train: a test split, and test samples: which of the two?");
    const uint32_t n = part_of(s->train.n, o->test_split);
    if (split > 0 && (n == 0 || n == s->train.n))
        return cr_fail(CR_E_ARGUMENT,
                       "train: a test split of %g leaves %u of %u samples for training and %u for "
                       "testing; both need one",
                       split, s->train.n - n, s->train.n, n);
    if (split > 0 && split + (double)o->validation_split >= 1)
        return cr_fail(CR_E_ARGUMENT,
                       "train: splits of %g for validation and of %g for testing leave nothing for "
                       "training",
                       (double)o->validation_split, split);
    return CR_OK;
}

static cr_status check_split(const cr_samples *s, const cr_train_options *o)
{
    const double split = (double)o->validation_split;
    if (!(split >= 0 && split < 1))
        return cr_fail(CR_E_ARGUMENT, "train: the validation split is %g; it must be in [0, 1)",
                       split);
    if (split > 0 && s->validation.n)
        return cr_fail(CR_E_ARGUMENT, "train: a validation split, and validation samples: which of "
                                      "the two?");
    const cr_train_sizes n = cr_train_sizes_of(s, o);
    if (n.split && (n.validation == 0 || n.train == 0 || n.train > s->train.n))
        return cr_fail(CR_E_ARGUMENT,
                       "train: a validation split of %g leaves %u of %u samples for training and "
                       "%u for validation; both need one",
                       split, n.train, s->train.n, n.validation);
    return CR_OK;
}

static cr_status check_augment(const cr_samples *s, const cr_augment *a)
{
    char text[160];
    if (!a->flip && a->shift == 0)
        return CR_OK;
    if (s->x_shape.rank != 3)
        return cr_fail(CR_E_ARGUMENT,
                       "train: augment is for images, [rows, cols, channels]; the samples are [%s]",
                       shape_text(&s->x_shape, text, sizeof text));
    const int64_t rows = s->x_shape.dim[0], cols = s->x_shape.dim[1];
    if (a->shift < rows && a->shift < cols)
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT,
                   "train: a shift of %u pixels can leave nothing of images of %lld x %lld",
                   a->shift, (long long)rows, (long long)cols);
}

static cr_status check_loss(const cr_samples *s, const cr_train_options *o)
{
    const char *name = cr_loss_name(o->loss);
    if ((unsigned)o->loss >= CR_LOSS_COUNT)
        return cr_fail(CR_E_ARGUMENT, "train: %d is not a cr_loss", (int)o->loss);
    const bool alone = s->y_shape.rank == 0 || s->y_shape.dim[s->y_shape.rank - 1] == 1;
    if (cr_is_categorical(o->loss) && !cr_has_labels(s) && alone)
        return cr_fail(CR_E_ARGUMENT,
                       "train: %s needs classes, u8 or i32, or f32 targets [classes]; the samples "
                       "have one f32 target each",
                       name);
    if (o->huber_delta != 0 && o->loss != CR_LOSS_HUBER)
        return cr_fail(CR_E_ARGUMENT, "train: huber_delta is for the loss huber, not %s", name);
    if (o->label_smoothing != 0 && !cr_is_categorical(o->loss) && !cr_is_binary(o->loss))
        return cr_fail(CR_E_ARGUMENT, "train: label_smoothing is for cross-entropies, not %s",
                       name);
    return CR_OK;
}

static cr_status check_counts(const cr_samples *s, const cr_train_options *o)
{
    if ((o->top_k || o->confusion) && !cr_has_classes(s, o->loss))
        return cr_fail(CR_E_ARGUMENT, "train: %s needs classes; the samples have f32 targets",
                       o->top_k ? "top_k" : "a confusion matrix");
    if (o->confusion && o->no_evaluation)
        return cr_fail(CR_E_ARGUMENT, "train: a confusion matrix is of the test set, which "
                                      "no_evaluation leaves out");
    return CR_OK;
}

cr_status cr_train_check(const cr_samples *samples, const cr_train_options *options)
{
    if (!samples || !options)
        return cr_fail(CR_E_ARGUMENT, "train: the %s NULL",
                       samples ? "options are" : "data set is");
    if (!options->model)
        return cr_fail(CR_E_ARGUMENT, "train: no model");
    CR_TRY(check_samples(samples, options));
    CR_TRY(check_loss(samples, options));
    CR_TRY(check_counts(samples, options));
    CR_TRY(check_test_split(samples, options));
    CR_TRY(check_split(samples, options));
    CR_TRY(check_augment(samples, &options->augment));
    const uint32_t n = cr_train_sizes_of(samples, options).train;
    if (options->batch > n)
        return cr_fail(CR_E_ARGUMENT,
                       "train: a batch of %u samples is larger than the training set of %u",
                       options->batch, n);
    return CR_OK;
}

uint64_t cr_train_elements(const cr_shape *one)
{
    uint64_t n = 1;
    for (int i = 0; i < one->rank; i++)
        n *= (uint64_t)one->dim[i];
    return n;
}

size_t cr_samples_bytes(cr_dtype dtype, const cr_shape *one, uint32_t n)
{
    return cr_dtype_size(dtype) * n * (size_t)cr_train_elements(one);
}

cr_train_sizes cr_train_sizes_of(const cr_samples *s, const cr_train_options *o)
{
    cr_train_sizes n = {.train = s->train.n, .validation = s->validation.n};
    const uint32_t tested = part_of(s->train.n, o->test_split);
    n.split = o->validation_split > 0;
    n.drawn = o->test_split > 0;
    n.train -= tested;
    if (n.split) {
        n.validation = part_of(s->train.n, o->validation_split);
        n.train -= n.validation;
        n.first_validation = n.train;
    }
    n.first_test = n.drawn ? s->train.n - tested : 0;
    n.test = o->no_evaluation ? 0 : n.drawn ? tested : s->test.n;
    n.batch = o->batch ? o->batch : CR_MIN(DEFAULT_BATCH, n.train);
    n.evaluation_batch = EVALUATION_BATCH;
    return n;
}
