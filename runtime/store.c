/* store.c - the states that several executables share. */
#include "mem.h"

typedef struct store_memory {
    const char *name;
    cr_memory_kind kind;
    cr_mem *buffer;
} store_memory;

struct cr_store {
    uint32_t refs;
    cr_device *device;
    cr_arena arena; /* names */
    CR_VEC(store_memory) memory;
    CR_VEC(cr_store_slot) slot;
};

cr_store *cr_store_create(cr_device *device)
{
    cr_store *s = cr_alloc(sizeof *s);
    if (!s)
        return NULL;
    s->refs = 1;
    s->device = cr_device_ref(device);
    return s;
}

cr_store *cr_store_ref(cr_store *s)
{
    s->refs++;
    return s;
}

void cr_store_unref(cr_store *s)
{
    if (!s || --s->refs > 0)
        return;
    for (uint32_t i = 0; i < s->memory.len; i++)
        cr_mem_unref(s->memory.at[i].buffer);
    cr_vec_finish(&s->memory);
    cr_vec_finish(&s->slot);
    cr_arena_finish(&s->arena);
    cr_device_unref(s->device);
    cr_free(s);
}

/* ---- looking ----------------------------------------------------------------------------- */

uint32_t cr_store_size(const cr_store *s)
{
    return s->slot.len;
}

const cr_store_slot *cr_store_at(const cr_store *s, uint32_t i)
{
    return &s->slot.at[i];
}

static cr_store_slot *find_slot(const cr_store *s, const char *name)
{
    for (uint32_t i = 0; i < s->slot.len; i++)
        if (strcmp(s->slot.at[i].name, name) == 0)
            return &s->slot.at[i];
    return NULL;
}

const cr_store_slot *cr_store_find(const cr_store *s, const char *name)
{
    return find_slot(s, name);
}

/* ---- elements ---------------------------------------------------------------------------- */

static cr_status slot_of_size(const cr_store *s, const char *name, uint64_t bytes,
                              cr_store_slot **slot)
{
    *slot = find_slot(s, name);
    if (!*slot)
        return cr_fail(CR_E_ARGUMENT, "there is no state \"%s\"", name);
    if ((*slot)->bytes != bytes)
        return cr_fail(CR_E_ARGUMENT, "state \"%s\" has %llu bytes, not %llu", name,
                       (unsigned long long)(*slot)->bytes, (unsigned long long)bytes);
    return CR_OK;
}

cr_status cr_store_write(cr_store *s, const char *name, const void *data, uint64_t bytes)
{
    cr_store_slot *slot;
    CR_TRY(slot_of_size(s, name, bytes, &slot));
    CR_TRY(cr_mem_write(s->memory.at[slot->memory].buffer, slot->offset, data, bytes));
    slot->written = true;
    return CR_OK;
}

cr_status cr_store_read(cr_store *s, const char *name, void *out, uint64_t bytes)
{
    cr_store_slot *slot;
    CR_TRY(slot_of_size(s, name, bytes, &slot));
    return cr_mem_read(s->memory.at[slot->memory].buffer, slot->offset, out, bytes);
}

/* ---- joining ----------------------------------------------------------------------------- */

static bool is_store(cr_memory_kind kind)
{
    return kind == CR_MEMORY_STORE || kind == CR_MEMORY_HOST_STORE;
}

/* The store's memory for a module's; NULL when it has none yet. */
static store_memory *find_memory(const cr_store *s, const cr_memory *m)
{
    for (uint32_t i = 0; i < s->memory.len; i++)
        if (s->memory.at[i].kind == m->kind && strcmp(s->memory.at[i].name, m->name) == 0)
            return &s->memory.at[i];
    return NULL;
}

static cr_status check_memories(const cr_store *s, const cr_module *m)
{
    for (uint32_t i = 0; i < m->nmemory; i++) {
        const store_memory *have =
            is_store(m->memory[i].kind) ? find_memory(s, &m->memory[i]) : NULL;
        if (have && have->buffer->bytes < m->memory[i].bytes)
            return cr_fail(CR_E_ARGUMENT,
                           "module \"%s\" wants %llu bytes of states in \"%s\", and the store that "
                           "it is to share has %llu",
                           m->name, (unsigned long long)m->memory[i].bytes, have->name,
                           (unsigned long long)have->buffer->bytes);
    }
    return CR_OK;
}

/* The same place and type, or two programs would see two tensors under one name. */
static bool agrees(const cr_store *s, const cr_store_slot *have, const cr_module *m,
                   const cr_slot *want)
{
    return find_memory(s, &m->memory[want->memory]) == &s->memory.at[have->memory] &&
           have->offset == want->offset && have->bytes == want->bytes && have->dtype == want->dtype;
}

static cr_status check_slots(const cr_store *s, const cr_module *m)
{
    for (uint32_t i = 0; i < m->nslot; i++) {
        const cr_slot *want = &m->slot[i];
        const cr_store_slot *have = want->kind == CR_SLOT_STATE ? find_slot(s, want->name) : NULL;
        if (have && !agrees(s, have, m, want))
            return cr_fail(CR_E_ARGUMENT,
                           "state \"%s\" of module \"%s\" is %s, %llu bytes at %llu of \"%s\", "
                           "but the store that it is to share has %s, %llu bytes at %llu of \"%s\"",
                           want->name, m->name, cr_dtype_name(want->dtype),
                           (unsigned long long)want->bytes, (unsigned long long)want->offset,
                           m->memory[want->memory].name, cr_dtype_name(have->dtype),
                           (unsigned long long)have->bytes, (unsigned long long)have->offset,
                           s->memory.at[have->memory].name);
    }
    return CR_OK;
}

static cr_status add_memory(cr_store *s, const cr_memory *m)
{
    store_memory added = {.name = cr_arena_strdup(&s->arena, m->name), .kind = m->kind};
    if (!added.name)
        return CR_E_MEMORY;
    added.buffer = cr_memory_on_host(m->kind) ? cr_mem_on_host(s->device, m->bytes)
                                              : cr_mem_on_device(s->device, m->name, m->bytes);
    if (!added.buffer)
        return cr_last_status();
    cr_status status = cr_mem_zero(added.buffer);
    if (status == CR_OK && !cr_vec_push(&s->memory, added))
        status = CR_E_MEMORY;
    if (status != CR_OK)
        cr_mem_unref(added.buffer);
    return status;
}

static cr_status add_slot(cr_store *s, const cr_module *m, const cr_slot *from)
{
    cr_store_slot added = {
        .name = cr_arena_strdup(&s->arena, from->name),
        .memory = (uint32_t)(find_memory(s, &m->memory[from->memory]) - s->memory.at),
        .offset = from->offset,
        .bytes = from->bytes,
        .dtype = from->dtype,
        .shape = from->shape,
    };
    return added.name && cr_vec_push(&s->slot, added) ? CR_OK : CR_E_MEMORY;
}

cr_status cr_store_join(cr_store *s, const cr_module *m, cr_mem **memory)
{
    CR_TRY(check_memories(s, m));
    CR_TRY(check_slots(s, m));
    for (uint32_t i = 0; i < m->nmemory; i++) {
        if (!is_store(m->memory[i].kind))
            continue;
        if (!find_memory(s, &m->memory[i]))
            CR_TRY(add_memory(s, &m->memory[i]));
        memory[i] = cr_mem_ref(find_memory(s, &m->memory[i])->buffer);
    }
    for (uint32_t i = 0; i < m->nslot; i++)
        if (m->slot[i].kind == CR_SLOT_STATE && !find_slot(s, m->slot[i].name))
            CR_TRY(add_slot(s, m, &m->slot[i]));
    return CR_OK;
}
