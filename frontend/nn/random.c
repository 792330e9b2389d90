/* random.c - see random.h. */
#include "random.h"

#include "crisol/ops.h"

static const cr_loc nowhere;

static cr_value state(cr_graph *g, const char *name)
{
    return cr_state_at(nowhere, g, name, CR_I32, (cr_init){0}, CR_SCALAR, false);
}

void cr_random_source(cr_graph *g, cr_value *seed, cr_value *step)
{
    *seed = cr_find(g, "random.seed");
    *step = cr_find(g, "random.step");
    if (!seed->ref)
        *seed = state(g, "random.seed");
    if (step->ref)
        return;
    *step = state(g, "random.step");
    cr_assign_at(nowhere, *step, cr_add_at(nowhere, *step, cr_i32(g, 1)));
}
