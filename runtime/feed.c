/* feed.c - giving an executable its inputs: copied, in place, beside what runs, shared. */
#include "executor.h"
#include "next.h"

static cr_status find_input(const cr_exec *x, const char *name, const cr_slot **slot)
{
    *slot = cr_exec_slot(x->module, CR_SLOT_INPUT, name);
    return *slot ? CR_OK : cr_exec_no_such(x->module, name, "input", 1u << CR_SLOT_INPUT);
}

static cr_status ensure_input(cr_exec *x, uint32_t memory)
{
    const cr_memory *m = &x->module->memory[memory];
    if (x->memory[memory])
        return CR_OK;
    x->memory[memory] = cr_mem_on_device(x->device, m->name, m->bytes);
    return x->memory[memory] ? cr_exec_bind(x, memory) : cr_last_status();
}

/* Of an input that no other executable has. */
static cr_status replace_input(cr_exec *x, uint32_t memory, cr_mem *by)
{
    cr_status status = cr_exec_settle(x);
    if (status != CR_OK) {
        cr_mem_unref(by);
        return status;
    }
    cr_mem_unref(x->memory[memory]);
    x->memory[memory] = by;
    return cr_exec_bind(x, memory);
}

/* The caller's memory is never written: an input that was used in place gets one of its own. */
static cr_status ensure_own(cr_exec *x, const cr_slot *slot)
{
    const cr_memory *m = &x->module->memory[slot->memory];
    const cr_mem *b = x->memory[slot->memory];
    CR_TRY(ensure_input(x, slot->memory));
    if (!b || !b->in_place)
        return CR_OK;
    if (b->refs > 1)
        return cr_fail(
            CR_E_ARGUMENT,
            "input \"%s\" was fed in place and other programs share it: it cannot be fed "
            "again while they are there",
            slot->name);
    cr_mem *own = cr_mem_on_device(x->device, m->name, m->bytes);
    return own ? replace_input(x, slot->memory, own) : cr_last_status();
}

cr_status cr_exec_feed(cr_exec *x, const char *name, const void *data, uint64_t bytes)
{
    const cr_slot *slot;
    CR_TRY(find_input(x, name, &slot));
    CR_TRY(cr_exec_check_size("input", slot, bytes));
    CR_TRY(ensure_own(x, slot));
    cr_mem *b = x->memory[slot->memory];
    if (b->borrowed) {
        /* what reads the old data may still be enqueued: cr_exec_run waits for uploads */
        b->host = (void *)(uintptr_t)data;
    } else {
        CR_TRY(cr_mem_write(b, slot->offset, data, bytes));
        x->stats.feed_h2d_bytes += b->mem ? bytes : 0;
    }
    b->fed = true;
    x->stats.feeds++;
    x->stats.feeds_in_place += b->borrowed;
    return CR_OK;
}

static const char *why_not(const cr_exec *x, const cr_slot *slot)
{
    const cr_mem *b = x->memory[slot->memory];
    if (slot->offset > 0)
        return "the input lies in one memory with others";
    return b && b->refs > 1 ? "other programs share the input already" : NULL;
}

cr_status cr_exec_feed_in_place(cr_exec *x, const char *name, const void *data, uint64_t bytes,
                                const char **why)
{
    const cr_slot *slot;
    *why = NULL;
    CR_TRY(find_input(x, name, &slot));
    CR_TRY(cr_exec_check_size("input", slot, bytes));
    if (x->module->memory[slot->memory].kind == CR_MEMORY_HOST_INPUT)
        return cr_exec_feed(x, name, data, bytes);
    *why = why_not(x, slot);
    cr_mem *b = *why ? NULL : cr_mem_in_place(x->device, data, bytes, why);
    if (!b)
        return *why ? cr_exec_feed(x, name, data, bytes) : CR_E_MEMORY;
    CR_TRY(replace_input(x, slot->memory, b));
    b->fed = true;
    x->stats.feeds++;
    x->stats.feeds_in_place++;
    return CR_OK;
}

/* ---- next inputs ------------------------------------------------------------------------- */

static cr_status find_next(const cr_exec *x, const char *name, const cr_slot **slot)
{
    CR_TRY(find_input(x, name, slot));
    if (x->module->memory[(*slot)->memory].kind == CR_MEMORY_INPUT)
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT,
                   "input \"%s\" is read from the host's memory: it can be fed, but not next",
                   name);
}

cr_status cr_exec_stage(cr_exec *x, const char *name, void **at)
{
    const cr_slot *slot;
    CR_TRY(find_next(x, name, &slot));
    CR_TRY(ensure_own(x, slot));
    return cr_next_stage(x->memory[slot->memory], name, at);
}

cr_status cr_exec_feed_next(cr_exec *x, const char *name, uint64_t bytes)
{
    const cr_slot *slot;
    CR_TRY(find_next(x, name, &slot));
    CR_TRY(ensure_input(x, slot->memory));
    CR_TRY(cr_next_upload(x->memory[slot->memory], name, bytes));
    x->stats.feed_h2d_bytes += bytes;
    x->stats.feeds++;
    return CR_OK;
}

cr_status cr_exec_switch(cr_exec *x, const char *name)
{
    const cr_slot *slot;
    CR_TRY(find_next(x, name, &slot));
    CR_TRY(ensure_input(x, slot->memory));
    return cr_next_switch(x->memory[slot->memory], name, x->queue);
}

/* ---- shared inputs ----------------------------------------------------------------------- */

static bool same_tensor(const cr_exec *x, const cr_slot *a, const cr_exec *y, const cr_slot *b)
{
    return a->bytes == b->bytes && a->dtype == b->dtype && a->offset == b->offset &&
           x->module->memory[a->memory].kind == y->module->memory[b->memory].kind &&
           x->module->memory[a->memory].bytes == y->module->memory[b->memory].bytes &&
           x->device == y->device;
}

cr_status cr_exec_share_input(cr_exec *x, cr_exec *from, const char *name)
{
    const cr_slot *slot, *other;
    CR_TRY(find_input(x, name, &slot));
    CR_TRY(find_input(from, name, &other));
    if (!same_tensor(x, slot, from, other))
        return cr_fail(CR_E_ARGUMENT,
                       "input \"%s\" cannot be shared: programs \"%s\" and \"%s\" differ in its "
                       "size, type, place or device",
                       name, x->module->name, from->module->name);
    CR_TRY(ensure_input(from, other->memory));
    CR_TRY(cr_exec_settle(x));
    cr_mem *old = x->memory[slot->memory];
    x->memory[slot->memory] = cr_mem_ref(from->memory[other->memory]);
    cr_mem_unref(old);
    return cr_exec_bind(x, slot->memory);
}
