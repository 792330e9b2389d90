/* data.c - samples together with what holds them. */
#include "crisol/data.h"
#include "base.h"

typedef struct owned {
    void *what;
    void (*finish)(void *what);
} owned;

struct cr_data_owned {
    CR_VEC(owned) list;
};

/* ---- what belongs to it ---------------------------------------------------------------------- */

cr_status cr_data_own(cr_data *data, void *what, void (*finish)(void *what))
{
    if (cr_vec_push(&data->owned->list, (owned){what, finish}))
        return CR_OK;
    finish(what);
    return CR_E_MEMORY;
}

/* Where a device would take elements in place (runtime/mem.c): at the begin of a page, unless they
 * would end less than 64 bytes before the end of one. */
void *cr_data_alloc(cr_data *data, size_t bytes)
{
    enum { PAGE = 4096, SHIFT = 512, SLACK = 64 };
    if (bytes > PTRDIFF_MAX - 2 * PAGE) {
        cr_fail(CR_E_MEMORY, "out of memory: %zu bytes of samples", bytes);
        return NULL;
    }
    char *block = cr_alloc(bytes + PAGE + SHIFT + SLACK);
    if (!block || cr_data_own(data, block, cr_free) != CR_OK)
        return NULL;
    const size_t end = bytes % PAGE;
    const size_t shift = end == 0 || end > PAGE - SLACK ? SHIFT : 0;
    return block + (PAGE - (uintptr_t)block % PAGE) % PAGE + shift;
}

const char *cr_data_text(cr_data *data, const char *text)
{
    char *copy = cr_strdup(text);
    return copy && cr_data_own(data, copy, cr_free) == CR_OK ? copy : NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

cr_data *cr_data_create(const char *name)
{
    cr_data *data = cr_alloc(sizeof *data);
    if (data)
        data->owned = cr_alloc(sizeof *data->owned);
    if (data && data->owned)
        data->name = cr_data_text(data, name);
    if (data && data->name)
        return data;
    cr_data_close(data);
    return NULL;
}

void cr_data_close(cr_data *data)
{
    if (!data)
        return;
    for (uint32_t i = data->owned ? data->owned->list.len : 0; i-- > 0;)
        data->owned->list.at[i].finish(data->owned->list.at[i].what);
    if (data->owned)
        cr_vec_finish(&data->owned->list);
    cr_free(data->owned);
    cr_free(data);
}
