/* executor.c - making an executable from a module, fetching from it. feed.c feeds it, run.c runs
 * it.
 */
#include "executor.h"

/* ---- checks before anything is allocated ------------------------------------------------- */

/* A module is codegen's: what is wrong with it is our own bug. */
static void check_module(const cr_module *m)
{
    for (uint32_t i = 0; i < m->nmemory; i++)
        for (uint32_t j = 0; j < i; j++)
            CR_ASSERT(m->memory[i].kind != m->memory[j].kind ||
                      strcmp(m->memory[i].name, m->memory[j].name) != 0);
    for (uint32_t i = 0; i < m->nslot; i++) {
        CR_ASSERT(m->slot[i].memory < m->nmemory);
        CR_ASSERT(m->slot[i].offset + m->slot[i].bytes <= m->memory[m->slot[i].memory].bytes);
    }
    for (uint32_t i = 0; i < m->nkernel; i++)
        for (uint32_t j = 0; j < m->kernel[i].nmemory; j++) {
            CR_ASSERT(m->kernel[i].memory[j] < m->nmemory);
            CR_ASSERT(!cr_memory_on_host(m->memory[m->kernel[i].memory[j]].kind));
        }
    for (uint32_t i = 0; i < m->nkernel; i++)
        CR_ASSERT(!m->kernel[i].resident || (m->repeat && m->kernel[i].repeat));
    for (uint32_t i = 0; i < m->nstep; i++)
        CR_ASSERT(m->step[i].kind != CR_STEP_LAUNCH || m->step[i].kernel < m->nkernel);
    CR_ASSERT(!m->repeat || (m->nstep == 1 && m->step[0].kind == CR_STEP_LAUNCH &&
                             m->kernel[m->step[0].kernel].repeat));
}

static uint64_t bytes_of_kind(const cr_module *m, cr_memory_kind kind)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->nmemory; i++)
        if (m->memory[i].kind == kind)
            sum += m->memory[i].bytes + CR_DEVICE_SLACK;
    return sum;
}

static uint64_t device_bytes(const cr_module *m)
{
    return bytes_of_kind(m, CR_MEMORY_ARENA) + bytes_of_kind(m, CR_MEMORY_STORE) +
           bytes_of_kind(m, CR_MEMORY_INPUT) + bytes_of_kind(m, CR_MEMORY_MEETING) +
           bytes_of_kind(m, CR_MEMORY_WORK);
}

/* `what` is too much; and how it comes about. */
static cr_status too_much(const cr_device_facts *d, const cr_module *m, const char *what)
{
    return cr_fail(
        CR_E_LIMIT,
        "module \"%s\" %s\nin all it needs %llu bytes of device memory (values of a step: "
        "peak %llu; states: %llu; inputs: %llu), and %s has %llu\n"
        "a smaller batch takes less, and so do inputs of which each step gathers rows",
        m->name, what, (unsigned long long)device_bytes(m),
        (unsigned long long)bytes_of_kind(m, CR_MEMORY_ARENA),
        (unsigned long long)bytes_of_kind(m, CR_MEMORY_STORE),
        (unsigned long long)bytes_of_kind(m, CR_MEMORY_INPUT), d->name,
        (unsigned long long)d->global_bytes);
}

/* Before anything is allocated. */
static cr_status check_memory(const cr_device_facts *d, const cr_module *m)
{
    char what[256];
    for (uint32_t i = 0; i < m->nmemory; i++) {
        const cr_memory *at = &m->memory[i];
        if (cr_memory_on_host(at->kind) || at->bytes + CR_DEVICE_SLACK <= d->max_alloc_bytes)
            continue;
        snprintf(what, sizeof what,
                 "needs %llu bytes in one piece (\"%.100s\"), and the largest allocation is %llu",
                 (unsigned long long)at->bytes, at->name, (unsigned long long)d->max_alloc_bytes);
        return too_much(d, m, what);
    }
    if (device_bytes(m) > d->global_bytes)
        return too_much(d, m, "needs more than the device's memory");
    return CR_OK;
}

/* ---- creating ---------------------------------------------------------------------------- */

/* Device inputs wait: one that is shared with another executable is never allocated here. */
static cr_status make_memories(cr_exec *x)
{
    const cr_module *m = x->module;
    CR_TRY(cr_store_join(x->store, m, x->memory));
    for (uint32_t i = 0; i < m->nmemory; i++) {
        const cr_memory *at = &m->memory[i];
        if (at->kind == CR_MEMORY_ARENA || at->kind == CR_MEMORY_MEETING ||
            at->kind == CR_MEMORY_WORK)
            x->memory[i] = cr_mem_on_device(x->device, at->name, at->bytes);
        else if (at->kind == CR_MEMORY_HOST)
            x->memory[i] = cr_mem_on_host(x->device, at->bytes);
        else if (at->kind == CR_MEMORY_HOST_INPUT)
            x->memory[i] = cr_mem_borrowed(x->device, at->bytes);
        if (!x->memory[i] && at->kind != CR_MEMORY_INPUT)
            return cr_last_status();
        if (at->kind == CR_MEMORY_MEETING) {
            x->meeting = i;
            CR_TRY(cr_mem_zero(x->memory[i]));
        }
    }
    return CR_OK;
}

static cr_status make_kernel(cr_exec *x, uint32_t i)
{
    const cr_kernel *k = &x->module->kernel[i];
    CL_CREATE(x->kernel[i], clCreateKernel(x->program.program, k->name, &cl_err),
              "making kernel %s", k->name);
    size_t most = 0;
    CL_TRY(clGetKernelWorkGroupInfo(x->kernel[i], x->device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                    sizeof most, &most, NULL),
           "asking for the work-group size of kernel %s", k->name);
    if (k->local > most)
        return cr_fail(CR_E_LIMIT, "kernel %s wants work-groups of %u, and %s can run %zu of it",
                       k->name, k->local, x->device->info.name, most);
    const cl_int once = 1, patience = 0; /* run.c says otherwise where the module repeats */
    if (k->repeat)
        CL_TRY(clSetKernelArg(x->kernel[i], k->nmemory, sizeof once, &once),
               "telling kernel %s to run one step", k->name);
    if (k->resident)
        CL_TRY(clSetKernelArg(x->kernel[i], k->nmemory + 1, sizeof patience, &patience),
               "telling kernel %s how long to wait", k->name);
    for (uint32_t j = 0; j < k->nlocal; j++)
        CL_TRY(clSetKernelArg(x->kernel[i], k->nmemory + k->repeat + k->resident + j,
                              k->local_bytes[j], NULL),
               "giving kernel %s local memory", k->name);
    return CR_OK;
}

cr_status cr_exec_bind(cr_exec *x, uint32_t memory)
{
    const cr_module *m = x->module;
    x->bound[memory] = x->memory[memory]->version;
    for (uint32_t k = 0; k < m->nkernel; k++)
        for (uint32_t i = 0; i < m->kernel[k].nmemory; i++)
            if (m->kernel[k].memory[i] == memory)
                CL_TRY(clSetKernelArg(x->kernel[k], i, sizeof(cl_mem), &x->memory[memory]->mem),
                       "binding memory \"%s\" to kernel %s", m->memory[memory].name,
                       m->kernel[k].name);
    return CR_OK;
}

static cr_status make_kernels(cr_exec *x)
{
    const cr_module *m = x->module;
    if (m->nkernel == 0)
        return CR_OK;
    CR_TRY(cr_built_program_init(&x->program, x->device, m->name, m->source,
                                 m->options ? m->options : ""));
    for (uint32_t i = 0; i < m->nkernel; i++)
        CR_TRY(make_kernel(x, i));
    for (uint32_t i = 0; i < m->nmemory; i++)
        if (x->memory[i])
            CR_TRY(cr_exec_bind(x, i));
    return CR_OK;
}

static cr_status make_host_steps(cr_exec *x)
{
    for (uint32_t i = 0; i < x->module->nstep; i++) {
        x->uploads = x->uploads || x->module->step[i].kind == CR_STEP_UPLOAD;
        if (x->module->step[i].kind != CR_STEP_HOST)
            continue;
        x->host[i] = cr_host_step_create(x->module, i);
        if (!x->host[i])
            return cr_last_status();
    }
    return CR_OK;
}

static cr_status build(cr_exec *x)
{
    const cr_module *m = x->module;
    check_module(m);
    CR_TRY(check_memory(&x->device->info, m));
    if (!x->store)
        x->store = cr_store_create(x->device);
    x->kernel = cr_alloc((m->nkernel + 1) * sizeof(cl_kernel));
    x->memory = cr_alloc((m->nmemory + 1) * sizeof *x->memory);
    x->bound = cr_alloc((m->nmemory + 1) * sizeof *x->bound);
    x->host = cr_alloc((m->nstep + 1) * sizeof *x->host);
    if (!x->store || !x->kernel || !x->memory || !x->bound || !x->host)
        return CR_E_MEMORY;
    CR_TRY(make_host_steps(x));
    CR_TRY(make_memories(x));
    CR_TRY(make_kernels(x));
    cr_pace_init(&x->pace, m->step_us, m->repeat ? 0 : m->nstep);
    x->resident = m->repeat && m->kernel[m->step[0].kernel].resident;
    cr_form_init(&x->form, m->alone_us, m->together_us);
    return CR_OK;
}

cr_exec *cr_exec_create(cr_device *device, cr_store *store, cr_module *module,
                        const cr_exec_options *options)
{
    cr_exec *x = module ? cr_alloc(sizeof *x) : NULL;
    if (!x) {
        cr_module_destroy(module);
        return NULL;
    }
    x->device = cr_device_ref(device);
    x->store = store ? cr_store_ref(store) : NULL;
    x->module = module;
    x->queue = device->queue;
    if (options)
        x->options = *options;
    if (build(x) != CR_OK) {
        cr_exec_destroy(x);
        return NULL;
    }
    return x;
}

static void release_parts(cr_exec *x)
{
    const cr_module *m = x->module;
    for (uint32_t i = 0; x->host && i < m->nstep; i++)
        cr_host_step_destroy(x->host[i]);
    for (uint32_t i = 0; x->kernel && i < m->nkernel; i++)
        CL_RELEASE(clReleaseKernel, x->kernel[i]);
    for (uint32_t i = 0; x->memory && i < m->nmemory; i++)
        cr_mem_unref(x->memory[i]);
    cr_free(x->host);
    cr_free(x->kernel);
    cr_free(x->bound);
    cr_free(x->memory);
}

void cr_exec_destroy(cr_exec *x)
{
    if (!x)
        return;
    if (x->ran || x->pace.in_flight > 0)
        (void)clFinish(x->queue); /* nobody is left to tell of an error */
    release_parts(x);
    cr_built_program_finish(&x->program);
    cr_store_unref(x->store);
    cr_module_destroy(x->module);
    cr_device_unref(x->device);
    cr_free(x);
}

/* ---- looking ----------------------------------------------------------------------------- */

const cr_module *cr_exec_module(const cr_exec *x)
{
    return x->module;
}

cr_store *cr_exec_store(const cr_exec *x)
{
    return x->store;
}

uint64_t cr_exec_device_bytes(const cr_exec *x)
{
    return device_bytes(x->module);
}

bool cr_exec_from_cache(const cr_exec *x)
{
    return x->program.from_cache;
}

void cr_exec_stats_get(const cr_exec *x, cr_exec_stats *out)
{
    *out = x->stats;
}

void cr_exec_stats_reset(cr_exec *x)
{
    x->stats = (cr_exec_stats){0};
}

/* ---- slots ------------------------------------------------------------------------------- */

const cr_slot *cr_exec_slot(const cr_module *m, cr_slot_kind kind, const char *name)
{
    for (uint32_t i = 0; i < m->nslot; i++)
        if (m->slot[i].kind == kind && strcmp(m->slot[i].name, name) == 0)
            return &m->slot[i];
    return NULL;
}

cr_status cr_exec_no_such(const cr_module *m, const char *name, const char *what, unsigned kinds)
{
    cr_strbuf list = {0};
    for (uint32_t i = 0; i < m->nslot; i++)
        if (kinds & 1u << m->slot[i].kind)
            cr_str_printf(&list, "%s\"%s\"", list.len ? ", " : "", m->slot[i].name);
    cr_status status = cr_fail(CR_E_ARGUMENT, "program \"%s\" has no %s \"%s\"; it has %s", m->name,
                               what, name, list.len ? list.at : "none");
    cr_str_finish(&list);
    return status;
}

cr_status cr_exec_check_size(const char *what, const cr_slot *s, uint64_t bytes)
{
    if (bytes == s->bytes)
        return CR_OK;
    cr_strbuf shape = {0};
    for (int32_t i = 0; i < s->shape.rank; i++)
        cr_str_printf(&shape, "%s%lld", i ? "," : "", (long long)s->shape.dim[i]);
    cr_status status = cr_fail(CR_E_ARGUMENT, "%s \"%s\" is %s[%s], %llu bytes; %llu were given",
                               what, s->name, cr_dtype_name(s->dtype), cr_str_text(&shape),
                               (unsigned long long)s->bytes, (unsigned long long)bytes);
    cr_str_finish(&shape);
    return status;
}

/* ---- outputs ----------------------------------------------------------------------------- */

static cr_status find_fetchable(const cr_exec *x, const char *name, const cr_slot **slot)
{
    static const cr_slot_kind order[] = {CR_SLOT_OUTPUT, CR_SLOT_STATE, CR_SLOT_INPUT};
    for (uint32_t i = 0; i < CR_COUNTOF(order); i++)
        if ((*slot = cr_exec_slot(x->module, order[i], name)))
            return CR_OK;
    return cr_exec_no_such(x->module, name, "output or state",
                           1u << CR_SLOT_OUTPUT | 1u << CR_SLOT_STATE);
}

/* Values of a step exist once a step was run, inputs once they were fed. */
static cr_status check_value(const cr_exec *x, const cr_slot *s)
{
    cr_memory_kind kind = x->module->memory[s->memory].kind;
    const cr_mem *b = x->memory[s->memory];
    if ((kind == CR_MEMORY_ARENA || kind == CR_MEMORY_HOST) && !x->ran)
        return cr_fail(CR_E_ARGUMENT, "output \"%s\" has no value before the first step", s->name);
    if ((kind == CR_MEMORY_INPUT || kind == CR_MEMORY_HOST_INPUT) && !(b && b->fed))
        return cr_fail(CR_E_ARGUMENT, "\"%s\" is an input that was not fed", s->name);
    return CR_OK;
}

cr_status cr_exec_fetch(cr_exec *x, const char *name, void *out, uint64_t bytes)
{
    const cr_slot *slot;
    CR_TRY(find_fetchable(x, name, &slot));
    CR_TRY(cr_exec_check_size(slot->kind == CR_SLOT_STATE ? "state" : "output", slot, bytes));
    CR_TRY(check_value(x, slot));
    cr_mem *b = x->memory[slot->memory];
    CR_TRY(cr_exec_settle(x));
    CR_TRY(cr_mem_read(b, slot->offset, out, bytes));
    x->stats.fetch_d2h_bytes += b->mem ? bytes : 0;
    return CR_OK;
}
