/* module.c - see module.h. */
#include "module.h"

const char *cr_memory_kind_name(cr_memory_kind k)
{
    static const char *const names[] = {
        [CR_MEMORY_ARENA] = "arena",
        [CR_MEMORY_STORE] = "store",
        [CR_MEMORY_INPUT] = "input",
        [CR_MEMORY_MEETING] = "meeting",
        [CR_MEMORY_WORK] = "work",
        [CR_MEMORY_HOST] = "host",
        [CR_MEMORY_HOST_STORE] = "host store",
        [CR_MEMORY_HOST_INPUT] = "host input",
    };
    return names[k];
}

/* The module itself is a block of its own, so that its arena can be moved and freed whole. */
void cr_module_destroy(cr_module *m)
{
    if (!m)
        return;
    cr_arena_finish(&m->arena);
    cr_free(m);
}
