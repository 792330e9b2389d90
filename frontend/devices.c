/* devices.c - the public list of devices. */
#include "crisol/program.h"
#include "runtime.h"

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = CR_MIN(strlen(from), size - 1);
    memcpy(to, from, n);
    to[n] = 0;
}

static void convert(const cr_device_facts *f, uint32_t index, cr_device_info *out)
{
    cr_target target;
    cr_device_to_target(f, &target);
    memset(out, 0, sizeof *out);
    copy_text(out->platform, sizeof out->platform, f->platform);
    copy_text(out->name, sizeof out->name, f->name);
    copy_text(out->vendor, sizeof out->vendor, f->vendor);
    copy_text(out->driver, sizeof out->driver, f->driver);
    copy_text(out->version, sizeof out->version, f->version);
    copy_text(out->type, sizeof out->type, cr_device_type_name(f->type));
    out->index = index;
    out->compute_units = f->compute_units;
    out->max_group = (uint32_t)f->max_group;
    out->vector_width = (uint32_t)target.vector_width;
    out->sub_group = f->sub_group;
    out->global_bytes = f->global_bytes;
    out->max_alloc_bytes = f->max_alloc_bytes;
    out->local_bytes = f->local_bytes;
    out->align_bytes = f->align_bytes;
    out->local_is_fast = f->local_is_real;
    out->half = f->half;
    out->sub_groups = f->sub_groups;
    out->command_buffers = f->command_buffers;
    out->unified = f->unified;
    out->correct_divide = f->correct_divide;
}

static cr_status measure(uint32_t index, cr_device_info *out)
{
    char selector[16];
    cr_launch_cost cost;
    snprintf(selector, sizeof selector, "%u", index);
    cr_device *device = cr_device_open(selector);
    if (!device)
        return cr_last_status();
    cr_status status = cr_device_launch_cost(device, &cost);
    cr_device_unref(device);
    CR_TRY(status);
    out->launch_us = cost.queued_us;
    out->finish_us = cost.finished_us;
    return CR_OK;
}

cr_status cr_devices(const char *selector, bool measured, cr_device_info *out, uint32_t max,
                     uint32_t *count)
{
    cr_device_facts *list;
    char reason[CR_REASON_TEXT];
    uint32_t chosen;
    *count = 0;
    CR_TRY(cr_device_list(&list, count));
    cr_status status = cr_device_choose(list, *count, selector, &chosen, reason);
    for (uint32_t i = 0; status == CR_OK && i < *count && i < max; i++) {
        convert(&list[i], i, &out[i]);
        out[i].chosen = i == chosen;
        if (i == chosen)
            snprintf(out[i].reason, sizeof out[i].reason, "%.159s", reason);
        else
            copy_text(out[i].reason, sizeof out[i].reason,
                      list[i].usable ? "not asked for" : "not usable");
        if (measured && list[i].usable)
            status = measure(i, &out[i]);
    }
    cr_free(list);
    return status;
}

char *cr_device_target(const char *selector)
{
    cr_device_facts *list;
    char reason[CR_REASON_TEXT];
    uint32_t count, chosen;
    if (cr_device_list(&list, &count) != CR_OK)
        return NULL;
    cr_strbuf text = {0};
    bool ok = cr_device_choose(list, count, selector, &chosen, reason) == CR_OK;
    if (ok) {
        cr_target t;
        cr_device_to_target(&list[chosen], &t);
        cr_target_print(&t, &text);
    }
    cr_free(list);
    return ok ? cr_str_take(&text) : NULL;
}
