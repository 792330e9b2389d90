/* training.c - the options that train, compare, profile and dot have in common. */
#include "training.h"

#include <ctype.h>
#include <signal.h>

const char *const cli_variants[3] = {"naive", "unfused", "fused"};

cr_opt cli_variant_opt(int i)
{
    static const cr_opt opts[3] = {CR_OPT_NAIVE, CR_OPT_UNFUSED, CR_OPT_FUSED};
    return opts[i];
}

#define CR_X(name, word, lr) "|" word
static const char optimizers[] = "" CR_OPTIMIZER_MAP(CR_X);
#undef CR_X

#define CR_X(name, word, parameters, help) "\n    " #word " " parameters
void training_net_options(training *t, cli_options *o)
{
    cli_add(o, "--net", CLI_TEXT, &t->net_text, "'LAYER, ...'",
            "layers, with a comma between them: " CR_LAYER_MAP(CR_X));
    cli_add(o, "--loss", CLI_CHOICE, &t->loss, "mse|softmax-cross-entropy", "what is minimised");
    cli_add(o, "--optimizer", CLI_CHOICE, &t->optimizer, optimizers + 1, "how");
    cli_add(o, "--lr", CLI_REAL, &t->lr, "RATE",
            "learning rate (default: sgd 0.01, momentum 0.01, adam 0.001)");
    cli_add(o, "--momentum", CLI_REAL, &t->momentum, "M",
            "of the optimizer momentum (default: 0.9)");
    cli_add(o, "--batch", CLI_COUNT, &t->batch, "N",
            "samples of a step (default: 64, or all when they are fewer)");
    cli_add(o, "--augment", CLI_TEXT, &t->augment_text, "flip,shift=N",
            "flip images at random, move them by up to N pixels");
}

#undef CR_X

void training_options(training *t, cli_options *o)
{
    t->data = "fashion-mnist";
    t->net_text = "dense 256 sigmoid, dense 10 sigmoid";
    t->opt = 2;
    t->budget.bytes = CLI_NO_LIMIT;
    cli_add(o, "--data", CLI_TEXT, &t->data, "DIR",
            "a folder with four IDX files, or fashion-mnist, or mnist");
    training_net_options(t, o);
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

/* A 0 that is given is not the default that it stands for in cr_optimizer. */
static int check_optimizer(training *t, const cli_options *o)
{
    const cr_optimizer_kind kind = (cr_optimizer_kind)t->optimizer;
    if (cli_given(o, "--lr") && !(t->lr > 0))
        return cli_fail("--lr: the learning rate is %g; it must be above 0", (double)t->lr);
    if (!cli_given(o, "--momentum"))
        return CLI_GO;
    if (kind != CR_MOMENTUM)
        return cli_fail("--momentum: the optimizer %s has none (--optimizer momentum has)",
                        cr_optimizer_name(kind));
    if (!(t->momentum >= 0))
        return cli_fail("--momentum: it is %g; it must be 0 or more", (double)t->momentum);
    if (t->momentum == 0)
        t->momentum = CR_ZERO;
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
    if (check_optimizer(t, o) != CLI_GO || read_augment(t) != CLI_GO)
        return CLI_MISTAKE;
    if (cli_given(o, "--batch") && (t->batch < 1 || t->batch > 1u << 24))
        return cli_fail("--batch: %llu is not between 1 and %u", (unsigned long long)t->batch,
                        1u << 24);
    if (cr_net_parse(t->net_text, &t->net) != CR_OK)
        return cli_fail("--%s", cr_error());
    return CLI_GO;
}

cr_train_options training_trainer(training *t, cr_opt opt)
{
    return (cr_train_options){
        .model = cr_net_model,
        .model_user = &t->net,
        .loss = t->loss ? CR_LOSS_SOFTMAX_CROSS_ENTROPY : CR_LOSS_MSE,
        .optimizer = {.kind = (cr_optimizer_kind)t->optimizer,
                      .lr = t->lr,
                      .momentum = t->momentum},
        .batch = (uint32_t)t->batch,
        .seed = t->seed,
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
