/* Making samples ready in the graph: figures of the training samples alone, as if they had been
 * made on the host before, and in the kernel that gathers the batch. */
#include <criterion/criterion.h>
#include <math.h>

#include "base.h"
#include "crisol/crisol.h"

enum { N = 40, KEPT = 30, COLUMNS = 4, CLASSES = 3 };

static float x[N][COLUMNS];
static int32_t y[N];

/* Two columns of numbers, one of them large and close together; one of classes; one that is the
 * same in all training samples. The samples that validate are far off. */
static cr_samples table(void)
{
    for (int i = 0; i < N; i++) {
        const float off = i < KEPT ? 0 : 1000;
        x[i][0] = 10000 + (float)(i % 7) / 8 + off;
        x[i][1] = (float)(i % 5) - off;
        x[i][2] = (float)(i % CLASSES);
        x[i][3] = 7 + off;
        y[i] = i % 2;
    }
    return (cr_samples){.x_dtype = CR_F32,
                        .y_dtype = CR_I32,
                        .x_shape = CR_SHAPE(COLUMNS),
                        .train = {.x = x, .y = y, .n = N}};
}

static cr_trainer *trainer_of(const cr_samples *s, cr_net *net, const char *text)
{
    cr_assert_eq(cr_net_parse(text, net), CR_OK, "%s", cr_error());
    const cr_train_options o = {.model = cr_net_model,
                                .model_user = net,
                                .raw = true,
                                .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                .optimizer = {.lr = 0.1f},
                                .batch = 10,
                                .no_evaluation = true,
                                .validation_split = s->x_dtype == CR_F32 ? 0.25f : 0};
    cr_trainer *t = cr_trainer_create_of(s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    return t;
}

static void fetch(cr_trainer *t, const char *state, float *out, size_t n)
{
    cr_assert_eq(cr_fetch(cr_trainer_program(t), state, out, n * sizeof *out), CR_OK, "%s",
                 cr_error());
}

/* Mean and deviation, or low and range, of a column of the samples that train. */
static void figures_of(int column, double out[4])
{
    double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
    for (int i = 0; i < KEPT; i++) {
        sum += (double)x[i][column];
        low = fmin(low, (double)x[i][column]);
        high = fmax(high, (double)x[i][column]);
    }
    for (int i = 0; i < KEPT; i++)
        squares += pow((double)x[i][column] - sum / KEPT, 2);
    const double figures[4] = {sum / KEPT, sqrt(squares / KEPT), low, high - low};
    memcpy(out, figures, sizeof figures);
}

/* Samples are gathered and made ready by the first phase of the first launch, and by it alone. */
static void check_fused(cr_trainer *t)
{
    char *plan = cr_program_text(cr_trainer_program(t), "plan");
    char *first = strstr(plan, "phase 0:"), *second = strstr(plan, "phase 1:");
    cr_assert(strstr(plan, "launch 0:") < first && first < second, "%s", plan);
    char *memory = strstr(second, "\nmemory"); /* which lists all states */
    cr_assert_not_null(memory);
    *memory = '\0';
    cr_assert(!strstr(second, "\"standardize1.mean\""), "%s", second);
    *second = '\0';
    const char *const parts[] = {"\"train_x\"", "\"standardize1.mean\"", " gather", " sub", " mul",
                                 " concat"};
    for (size_t i = 0; i < CR_COUNTOF(parts); i++)
        cr_assert(strstr(first, parts[i]), "no %s in %s", parts[i], first);
    cr_string_free(plan);
}

Test(prepare, standardizes_by_the_training_samples, .timeout = 120)
{
    const cr_samples s = table();
    cr_net net;
    cr_trainer *t = trainer_of(&s, &net, "standardize, onehot 3 3, dense 2");
    float mean[COLUMNS], factor[COLUMNS];
    cr_assert_eq(cr_trainer_prepare(t), CR_OK, "%s", cr_error());
    fetch(t, "standardize1.mean", mean, COLUMNS);
    fetch(t, "standardize1.factor", factor, COLUMNS);
    for (int c = 0; c < 2; c++) {
        double figures[4];
        figures_of(c, figures);
        cr_assert_float_eq(mean[c], (float)figures[0], 1e-6f * fabsf(mean[c]));
        cr_assert_float_eq(factor[c], (float)(1 / figures[1]), 1e-6f);
    }
    cr_assert(mean[2] == 0 && factor[2] == 1, "a column of classes stays");
    cr_assert(mean[3] == 7 && factor[3] == 1, "a column that is the same everywhere");
    check_fused(t);
    cr_trainer_destroy(t);
    cr_net_finish(&net);
}

/* Without classes it is so little work that the first product does it, and that of the gradient
 * once more: nothing is stored in between. */
Test(prepare, standardizes_in_the_first_product)
{
    const cr_samples s = table();
    cr_net net;
    cr_assert_eq(cr_net_parse("standardize, dense 8 relu, dense 2", &net), CR_OK);
    const cr_train_options o = {
        .model = cr_net_model, .model_user = &net, .raw = true, .batch = 10, .no_evaluation = true};
    cr_graph *g = cr_training_graph_of(&s, &o);
    cr_assert_not_null(g, "%s", cr_error());
    static const char *const targets[] = {"cpu", "gpu"};
    for (size_t i = 0; i < CR_COUNTOF(targets); i++) {
        char *plan = cr_inspect(
            g, &(cr_inspect_options){.target = targets[i], .emit = "plan", .log = stderr});
        cr_assert_not_null(plan, "%s", cr_error());
        char *second = strstr(plan, "phase 1:");
        cr_assert_not_null(second);
        *second = '\0';
        static const char *const parts[] = {"\"train_x\"", "\"standardize1.mean\"", " matmul"};
        for (size_t k = 0; k < CR_COUNTOF(parts); k++)
            cr_assert(strstr(plan, parts[k]), "%s: no %s in %s", targets[i], parts[k], plan);
        cr_string_free(plan);
    }
    cr_graph_destroy(g);
    cr_net_finish(&net);
}

/* Whatever keeps the order of elements may come before: of bytes, u / 255 is what the net gets. */
Test(prepare, scales_what_the_layer_sees, .timeout = 120)
{
    static const uint8_t images[3][2][2] = {
        {{0, 51}, {8, 8}}, {{102, 0}, {8, 8}}, {{51, 255}, {8, 8}}};
    static const uint8_t labels[3] = {0, 1, 1};
    const cr_samples s = {.x_dtype = CR_U8,
                          .y_dtype = CR_U8,
                          .x_shape = CR_SHAPE(2, 2, 1),
                          .train = {.x = images, .y = labels, .n = 3}};
    cr_net net;
    cr_assert_eq(cr_net_parse("input 2 2 1, flatten, rescale 10 -1 as r, scale as s, "
                              "from r, standardize as z, concat s, dense 2",
                              &net),
                 CR_OK);
    cr_train_options o = {
        .model = cr_net_model, .model_user = &net, .raw = true, .batch = 3, .no_evaluation = true};
    cr_trainer *t = cr_trainer_create_of(&s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    cr_assert_eq(cr_trainer_prepare(t), CR_OK, "%s", cr_error());
    float low[4], factor[4], z[4];
    fetch(t, "s.low", low, 4);
    fetch(t, "s.factor", factor, 4);
    fetch(t, "z.factor", z, 4);
    cr_assert(z[2] == 1 && z[3] == 1, "the same everywhere, but not its rounded mean: %g",
              (double)z[2]);
    const float lows[4] = {-1, -1, 80.0f / 255 - 1, 80.0f / 255 - 1},
                factors[4] = {0.25f, 0.1f, 1, 1};
    for (int i = 0; i < 4; i++) {
        cr_assert_float_eq(low[i], lows[i], 1e-6f);
        cr_assert_float_eq(factor[i], factors[i], 1e-6f);
    }
    cr_trainer_destroy(t);
    cr_net_finish(&net);
}

static cr_value own_model(cr_value v, void *user)
{
    (void)user;
    return cr_dense(v, "y", 2, CR_LINEAR);
}

Test(prepare, refuses_what_cannot_be_known, .timeout = 120)
{
    const cr_samples s = table();
    cr_net net;
    cr_trainer *t = trainer_of(&s, &net, "dense 2, standardize");
    cr_assert_eq(cr_trainer_prepare(t), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "standardize1 comes behind dense1"), "%s", cr_error());
    cr_trainer_destroy(t);
    cr_net_finish(&net);
    t = cr_trainer_create_of(&s, &(cr_train_options){.model = own_model, .no_evaluation = true});
    cr_assert_not_null(t, "%s", cr_error());
    cr_assert_eq(cr_trainer_prepare(t), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "only of a cr_net"), "%s", cr_error());
    cr_trainer_destroy(t);
}

/* ---- splits ---------------------------------------------------------------------------------- */

enum { ALL = 3000, WIDE = 16 };

static float wide[ALL][WIDE];
static int32_t classes[ALL];

static cr_samples wide_samples(void)
{
    for (int i = 0; i < ALL; i++) {
        classes[i] = i * 3 / ALL; /* sorted: a split at the end would have one of them */
        for (int k = 0; k < WIDE; k++)
            wide[i][k] = (float)(i * (k + 3) % 17) + (float)classes[i];
    }
    return (cr_samples){.x_dtype = CR_F32,
                        .y_dtype = CR_I32,
                        .x_shape = CR_SHAPE(WIDE),
                        .train = {.x = wide, .y = classes, .n = ALL}};
}

static cr_trainer *split_trainer(const cr_samples *s, cr_net *net, uint64_t seed, uint64_t memory)
{
    const cr_train_options o = {.model = cr_net_model,
                                .model_user = net,
                                .raw = true,
                                .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                .optimizer = {.lr = 0.1f},
                                .batch = 30,
                                .seed = seed,
                                .test_split = 0.1f,
                                .validation_split = 0.2f,
                                .max_device_bytes = memory};
    cr_trainer *t = cr_trainer_create_of(s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    cr_assert_eq(cr_trainer_prepare(t), CR_OK, "%s", cr_error());
    return t;
}

/* Training and test samples are different ones, and all classes are in both. */
static void check_sets(cr_trainer *t, bool seen[ALL])
{
    static int32_t order[ALL * 7 / 10];
    int of_test[3] = {0}, of_training[3] = {0};
    const cr_trainer_info info = cr_trainer_get_info(t);
    cr_assert(info.train == 2100 && info.validation == 600 && info.test == 300);
    cr_assert_eq(cr_fetch(cr_trainer_program(t), "order", order, sizeof order), CR_OK, "%s",
                 cr_error());
    for (uint32_t i = 0; i < info.test; i++) {
        const uint32_t k = cr_trainer_test_sample(t, i);
        cr_assert(k < ALL && !seen[k]);
        seen[k] = true;
        of_test[classes[k]]++;
    }
    for (uint32_t i = 0; i < info.train; i++) {
        cr_assert(order[i] >= 0 && order[i] < ALL && !seen[order[i]], "sample %d", order[i]);
        seen[order[i]] = true;
        of_training[classes[order[i]]]++;
    }
    for (int c = 0; c < 3; c++)
        cr_assert(of_test[c] > 60 && of_training[c] > 600);
}

Test(prepare, sets_are_drawn, .timeout = 120)
{
    static bool seen[ALL], others[ALL];
    const cr_samples s = wide_samples();
    cr_net net;
    cr_epoch resident, streamed;
    cr_assert_eq(cr_net_parse("standardize, dense 3", &net), CR_OK);
    cr_trainer *t = split_trainer(&s, &net, 1, 0);
    cr_assert_eq(cr_trainer_epoch(t, &resident), CR_OK, "%s", cr_error());
    check_sets(t, seen);
    const uint32_t first = cr_trainer_test_sample(t, 0), last = cr_trainer_test_sample(t, 299);
    cr_trainer_destroy(t);
    t = split_trainer(&s, &net, 1, 100000);
    cr_assert_eq(cr_trainer_get_info(t).placement, CR_PLACED_STREAMED);
    cr_assert_eq(cr_trainer_epoch(t, &streamed), CR_OK, "%s", cr_error());
    cr_assert_eq(resident.train_loss, streamed.train_loss);
    cr_assert_eq(resident.validation_accuracy, streamed.validation_accuracy);
    cr_assert_eq(resident.test_accuracy, streamed.test_accuracy);
    cr_trainer_destroy(t);
    t = split_trainer(&s, &net, 2, 0);
    cr_assert_eq(cr_trainer_begin(t), CR_OK);
    check_sets(t, others);
    cr_assert(cr_trainer_test_sample(t, 0) != first || cr_trainer_test_sample(t, 299) != last);
    cr_trainer_destroy(t);
    cr_net_finish(&net);
}
