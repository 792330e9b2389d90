/* training.c - the options that train, compare, study, profile, tune and dot have in common. */
#include "options/training.h"

#include <ctype.h>
#include <signal.h>

#include "options/onehot.h"

const char *const cli_variants[3] = {"naive", "unfused", "fused"};

cr_opt cli_variant_opt(int i)
{
    static const cr_opt opts[3] = {CR_OPT_NAIVE, CR_OPT_UNFUSED, CR_OPT_FUSED};
    return opts[i];
}

#define CR_X(name, word, help) "|" word
static const char losses[] = "" CR_LOSS_MAP(CR_X);
#undef CR_X

static void loss_options(training *t, cli_options *o)
{
    cli_add(o, "--loss", CLI_CHOICE, &t->loss, losses + 1,
            "what is minimised; softmax- and sigmoid- are of logits, the other entropies of "
            "probabilities");
    cli_add(o, "--label-smoothing", CLI_REAL, &t->label_smoothing, "A",
            "of the cross-entropies: targets become (1 - A) t + A / classes");
    cli_add(o, "--huber-delta", CLI_REAL, &t->huber_delta, "D",
            "of huber: where squares end (default: 1)");
    cli_add(o, "--top-k", CLI_COUNT, &t->top_k, "K",
            "also count labels among the K largest scores");
}

/* "WORD PARAMETERS" of each layer, a line each. */
static const char *layers_help(void)
{
    static const char *const rows[][2] = {
#define CR_X(name, word, parameters, help) {#word, parameters},
        CR_LAYER_MAP(CR_X)
#undef CR_X
#define CR_X(word, parameters, help) {#word, parameters},
            CR_NET_ITEM_MAP(CR_X)
#undef CR_X
    };
    static char text[2048];
    return cli_rows(text, sizeof text, "layers, with a comma between them, each [as NAME]:", rows,
                    CLI_COUNTOF(rows));
}

void training_net_options(training *t, cli_options *o)
{
    cli_add(o, "--net", CLI_TEXT, &t->net_text, "'LAYER, ...'", layers_help());
    loss_options(t, o);
    optimizing_options(&t->optimizer, o);
    cli_add(o, "--batch", CLI_COUNT, &t->batch, "N",
            "samples of a step (default: 64, or all when they are fewer)");
    cli_add(o, "--augment", CLI_TEXT, &t->augment_text, "flip,shift=N",
            "flip images at random, move them by up to N pixels");
}

void training_options(training *t, cli_options *o)
{
    t->net_text = "dense 256 sigmoid, dense 10 sigmoid";
    t->opt = 2;
    t->budget.bytes = CLI_NO_LIMIT;
    samples_options(&t->samples, o);
    samples_split_option(&t->samples, o);
    training_net_options(t, o);
    preparing_options(&t->preparing, o);
    cli_add(o, "--device", CLI_TEXT, &t->device, "D",
            "gpu, cpu, an index, or a part of a name (crisol devices)");
    cli_add(o, "--seed", CLI_COUNT, &t->seed, "N", "of weights, order and --augment");
    cli_add(o, "--fast-math", CLI_FLAG, &t->fast_math, NULL, "allow rules that change values");
    cli_add(o, "--reference", CLI_FLAG, &t->reference, NULL,
            "one work-item an output: slow, simple");
    cli_add(o, "--launches", CLI_CHOICE, &t->launches, CLI_LAUNCHES, "of a fused step");
    cli_add(o, "--max-transfer-bytes", CLI_COUNT, &t->budget.bytes, "N",
            "fail when a step would move more between host and device");
    cli_add(o, "--dump-kernels", CLI_TEXT, &t->dump_kernels, "DIR", "write every kernel there");
}

static int check_loss(const training *t, const cli_options *o)
{
    const char *name = cr_loss_name((cr_loss)t->loss);
    if (cli_given(o, "--huber-delta") && t->loss != CR_LOSS_HUBER)
        return cli_fail("--huber-delta: it is for the loss huber, not %s", name);
    if (cli_given(o, "--huber-delta") && !(t->huber_delta > 0))
        return cli_fail("--huber-delta: it is %g; it must be above 0", (double)t->huber_delta);
    if (!(t->label_smoothing >= 0 && t->label_smoothing < 1))
        return cli_fail("--label-smoothing: it is %g; it must be in [0, 1)",
                        (double)t->label_smoothing);
    if (t->label_smoothing > 0 && !strstr(name, "entropy"))
        return cli_fail("--label-smoothing: it is for cross-entropies, not %s", name);
    if (cli_given(o, "--top-k") && (t->top_k < 1 || t->top_k > UINT16_MAX))
        return cli_fail("--top-k: at least 1 is needed, and at most all classes");
    return CLI_GO;
}

/* A word of --augment, n characters long. */
static int read_augment_word(cr_augment *a, const char *word, size_t n)
{
    const size_t name = 6; /* shift= */
    if (n == 4 && memcmp(word, "flip", n) == 0) {
        a->flip = true;
        return CLI_GO;
    }
    if (n <= name || memcmp(word, "shift=", name) != 0)
        return cli_fail("--augment: '%.*s' is neither flip nor shift=N", (int)n, word);
    char *end;
    unsigned long long v = strtoull(word + name, &end, 10);
    if (!isdigit((unsigned char)word[name]) || end != word + n || v < 1 || v > UINT16_MAX)
        return cli_fail("--augment: '%.*s' is no number of pixels, from 1", (int)(n - name),
                        word + name);
    a->shift = (uint32_t)v;
    return CLI_GO;
}

static int read_augment(training *t)
{
    const char *at = t->augment_text;
    while (at) {
        const size_t n = strcspn(at, ",");
        if (read_augment_word(&t->augment, at, n) != CLI_GO)
            return CLI_MISTAKE;
        at = at[n] ? at + n + 1 : NULL;
    }
    return CLI_GO;
}

int training_check(training *t, const cli_options *o)
{
    if (check_loss(t, o) != CLI_GO || optimizing_check(&t->optimizer, o) != CLI_GO ||
        read_augment(t) != CLI_GO)
        return CLI_MISTAKE;
    if (cli_given(o, "--batch") && (t->batch < 1 || t->batch > 1u << 24))
        return cli_fail("--batch: %llu is not between 1 and %u", (unsigned long long)t->batch,
                        1u << 24);
    if (cr_net_parse(t->net_text, &t->net) != CR_OK)
        return cli_fail("--%s", cr_error());
    if (preparing_check(&t->preparing) != CLI_GO)
        return CLI_MISTAKE;
    return t->samples.name ? samples_check(&t->samples) : CLI_GO;
}

/* Of the columns that it takes as classes, in all parts. */
static int check_classes(const cr_net *net, const cr_data *data)
{
    const cr_samples *s = &data->samples;
    int status = onehot_check(net, 0, data, &s->train);
    if (status == CLI_GO)
        status = onehot_check(net, 0, data, &s->validation);
    return status == CLI_GO ? onehot_check(net, 0, data, &s->test) : status;
}

int training_prepare(training *t, const cr_data *data)
{
    if (t->whole)
        return CLI_GO;
    char *text = preparing_net(&t->preparing, data, &t->net, t->net_text);
    if (!text)
        return CLI_MISTAKE;
    free(t->whole_text);
    t->net_text = t->whole_text = text;
    cr_net_finish(&t->net);
    return cr_net_parse(text, &t->net) == CR_OK ? check_classes(&t->net, data)
                                                : cli_fail("--%s", cr_error());
}

cr_data *training_data(training *t)
{
    cr_data *data = samples_open(&t->samples);
    if (!data || training_prepare(t, data) == CLI_GO)
        return data;
    cr_data_close(data);
    return NULL;
}

bool training_has_test(const training *t, const cr_data *data)
{
    return data->samples.test.n > 0 || t->samples.test_split > 0;
}

cr_trainer *training_create(const cr_data *data, const cr_train_options *options)
{
    cr_trainer *trainer = cr_trainer_create_of(&data->samples, options);
    if (trainer && cr_trainer_prepare(trainer) == CR_OK)
        return trainer;
    cr_trainer_destroy(trainer);
    return NULL;
}

void training_finish(training *t)
{
    cr_net_finish(&t->net);
    free(t->whole_text);
}

cr_train_options training_trainer(training *t, cr_opt opt)
{
    return (cr_train_options){
        .model = cr_net_model,
        .model_user = &t->net,
        .raw = true,
        .loss = (cr_loss)t->loss,
        .huber_delta = t->huber_delta,
        .label_smoothing = t->label_smoothing,
        .top_k = (uint32_t)t->top_k,
        .optimizer = t->optimizer.o,
        .batch = (uint32_t)t->batch,
        .seed = t->seed,
        .test_split = t->samples.test_split,
        .augment = t->augment,
        .compile =
            {
                .device = t->device,
                .opt = opt,
                .fast_math = t->fast_math,
                .reference = t->reference,
                .launches = (cr_launches)t->launches,
                .transfer_budget = &t->budget,
                .dump_kernels = t->dump_kernels,
                .interrupt = training_interrupt,
            },
    };
}

/* ---- Ctrl-C ---------------------------------------------------------------------------------- */

static volatile int interrupted;
const volatile int *const training_interrupt = &interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void training_catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
