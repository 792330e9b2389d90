/* module.c - see module.h. */
#include "module.h"

/* The module itself is a block of its own, so that its arena can be moved and freed whole. */
void cr_module_destroy(cr_module *m)
{
    if (!m)
        return;
    cr_arena_finish(&m->arena);
    cr_free(m);
}
