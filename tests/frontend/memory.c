/* Building, summarising and checking, with the n-th allocation failing, for every n: no crash, no
 * leak, and a mistake that is reported. */
#include <criterion/criterion.h>

#include "base.h"
#include "crisol/crisol.h"

static bool build(void)
{
    const cr_dataset sizes = {.ntrain = 60, .ntest = 10, .rows = 2, .cols = 2, .classes = 3};
    cr_net net;
    if (cr_net_parse("normalize 0.5 0.5, dense 4 tanh, dense 3", &net) != CR_OK)
        return false;
    cr_graph *g =
        cr_training_graph(&sizes, &(cr_train_options){.model = cr_net_model,
                                                      .model_user = &net,
                                                      .batch = 4,
                                                      .validation_split = 0.25f,
                                                      .augment = {.flip = true, .shift = 1},
                                                      .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                                      .optimizer = {.kind = CR_ADAM}});
    cr_graph_destroy(g);
    return g;
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

Test(memory, gradient_check)
{
    survives(check);
}
