/* options.c - what the driver is told besides the source. */
#include <criterion/criterion.h>

#include "codegen.h"
#include "crisol/ops.h"
#include "passes.h"

static void expect_options(const char *base, bool correct_divide, const char *options)
{
    cr_graph *g = cr_graph_create("root");
    cr_output(g, "y", cr_sqrt(cr_input(g, "x", CR_F32, 33)));
    cr_target target = *cr_target_builtin(base);
    target.correct_divide = correct_divide;
    cr_pass_context cx = {.graph = g, .target = &target};
    cx.options.max_transfer_bytes = UINT64_MAX;
    cr_assert_eq(cr_pipeline_run(&cx, NULL, NULL), CR_OK, "%s", cr_error());
    cr_module *m = cr_codegen(cx.plan);
    cr_assert(m, "%s", cr_error());
    cr_assert_str_eq(m->options, options);
    cr_module_destroy(m);
    cr_pass_context_finish(&cx);
}

/* Without the option, division may be wrong in its last bits, on devices that could do better too.
 */
Test(options, division_is_rounded_correctly_where_it_can_be)
{
    static const char *const targets[] = {"cpu", "gpu"};
    for (int i = 0; i < 2; i++) {
        expect_options(targets[i], true, "-cl-fp32-correctly-rounded-divide-sqrt");
        expect_options(targets[i], false, "");
    }
}
