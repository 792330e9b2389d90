/* Building, summarising and checking, with the n-th allocation failing, for every n: no crash, no
 * leak, and a mistake that is reported. */
#include <criterion/criterion.h>

#include "base.h"
#include "crisol/crisol.h"

static bool build(void)
{
    const cr_dataset sizes = {.ntrain = 60, .ntest = 10, .rows = 2, .cols = 2, .classes = 3};
    const cr_lr_schedule rate = {.kind = CR_LR_COSINE, .epochs = 2, .warmup = 1};
    cr_net net, copy;
    const char *text =
        "normalize 0.5 0.5, conv 2 2 same, batchnorm, maxpool 1, conv 2 1 as c, add conv1, "
        "dropout 0.5, dense 3, output dense1";
    if (cr_net_parse(text, &copy) != CR_OK)
        return false;
    const cr_status copied = cr_net_copy(&copy, &net);
    cr_net_finish(&copy);
    char *again = copied == CR_OK ? cr_net_print(&net) : NULL;
    const bool same = again && strcmp(again, text) == 0;
    cr_string_free(again);
    if (!same) {
        cr_net_finish(&net);
        return false;
    }
    cr_graph *g = cr_training_graph(
        &sizes,
        &(cr_train_options){.model = cr_net_model,
                            .model_user = &net,
                            .batch = 4,
                            .validation_split = 0.25f,
                            .augment = {.flip = true, .shift = 1},
                            .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                            .label_smoothing = 0.1f,
                            .top_k = 2,
                            .confusion = true,
                            .optimizer = {.kind = CR_ADAM, .clip_norm = 1, .schedule = rate}});
    cr_graph_destroy(g);
    cr_net_finish(&net);
    return g;
}

/* Mistakes are said, or that memory is out; nothing is half-said. */
static bool misread(void)
{
    cr_net net;
    cr_lr_schedule rate;
    if (cr_lr_schedule_parse("step -1", &rate) != CR_E_SYNTAX ||
        cr_net_parse("input 2, input 3, input 4 as", &net) == CR_OK ||
        cr_net_parse("conv 2 9, add conv1", &net) != CR_OK)
        return false;
    cr_graph *g = cr_graph_create("t");
    if (!g) {
        cr_net_finish(&net);
        return false;
    }
    cr_net_build(&net, cr_input(g, "x", CR_F32, 3, 4, 4, 1));
    const bool said =
        cr_graph_status(g) == CR_E_GRAPH && strstr(cr_error(), "net, layer 1 (conv1)");
    cr_graph_destroy(g);
    cr_net_finish(&net);
    return said;
}

static bool check(void)
{
    cr_graph *g = cr_graph_create("t");
    if (!g)
        return false;
    cr_value y = cr_dense(cr_input(g, "x", CR_F32, 3, 2), "h", 2, CR_TANH);
    cr_value loss = cr_mse(y, cr_f32(g, 0.5f));
    bool ok = cr_check_gradient(loss, NULL, 0, &(cr_gradient_check){.samples = 1}, NULL) == CR_OK;
    cr_graph_destroy(g);
    return ok;
}

static void survives(bool (*what)(void))
{
    for (int64_t n = 0; n < 100000; n++) {
        cr_error_clear();
        cr_alloc_fail_after(n);
        bool ok = what();
        cr_alloc_fail_after(-1);
        cr_assert_eq(cr_alloc_live(), 0, "leak at allocation %d", (int)n);
        if (ok)
            return;
        cr_assert(cr_error()[0], "nothing is said at allocation %d", (int)n);
    }
    cr_assert(false, "it never came through");
}

Test(memory, training_graph)
{
    survives(build);
}

Test(memory, mistakes_in_text)
{
    survives(misread);
}

Test(memory, gradient_check)
{
    survives(check);
}
