/* devices.c - finding, choosing and opening devices. */
#include "modules.h"

static const cr_device_facts some[] = {
    {.name = "pthread-skylake",
     .platform = "Portable Computing Language",
     .usable = true,
     .type = CR_DEVICE_CPU,
     .preferred_f32 = 16,
     .native_f32 = 16,
     .compute_units = 2},
    {.name = "Broken GPU", .platform = "Acme", .type = CR_DEVICE_GPU},
    {.name = "GeForce 1",
     .platform = "NVIDIA CUDA",
     .usable = true,
     .type = CR_DEVICE_GPU,
     .sub_group = 32},
    {.name = "GeForce 2", .platform = "NVIDIA CUDA", .usable = true, .type = CR_DEVICE_GPU},
};
static char reason[CR_REASON_TEXT];

static uint32_t choose(const char *selector)
{
    uint32_t i = 99;
    assert_ok(cr_device_choose(some, 4, selector, &i, reason));
    return i;
}

Test(devices, a_gpu_is_preferred)
{
    unsetenv("CRISOL_DEVICE");
    cr_assert(choose(NULL) == 2);
    cr_assert_str_eq(reason, "a GPU is preferred; the first of 2");
    uint32_t i;
    assert_ok(cr_device_choose(some, 2, "", &i, reason));
    cr_assert(i == 0);
    cr_assert_str_eq(reason, "no GPU: a CPU");
}

Test(devices, by_type_index_and_name)
{
    cr_assert(choose("cpu") == 0);
    cr_assert(choose("GPU") == 2);
    cr_assert(choose("3") == 3);
    cr_assert(choose("force 2") == 3);
    cr_assert(choose("PTHREAD") == 0);
    cr_assert(choose("nvidia") == 2);
    cr_assert_str_eq(
        reason,
        "the option device (--device) asks for \"nvidia\": the platform matches; the first of 2");
}

Test(devices, the_environment_chooses_unless_the_caller_does)
{
    setenv("CRISOL_DEVICE", "geforce 2", 1);
    cr_assert(choose(NULL) == 3);
    cr_assert_str_eq(reason, "CRISOL_DEVICE asks for \"geforce 2\": the name matches");
    cr_assert(choose("cpu") == 0);
}

Test(devices, a_wrong_selector_lists_what_there_is)
{
    uint32_t i;
    assert_fails(cr_device_choose(some, 4, "radeon", &i, reason), CR_E_ARGUMENT, "\"radeon\"");
    cr_assert(says("0: pthread-skylake (cpu, Portable") && says("3: GeForce 2"));
    assert_fails(cr_device_choose(some, 4, "4", &i, reason), CR_E_ARGUMENT, "does not exist");
    assert_fails(cr_device_choose(some, 4, "1", &i, reason), CR_E_ARGUMENT, "cannot be used");
    assert_fails(cr_device_choose(some, 4, "broken", &i, reason), CR_E_ARGUMENT, "no usable");
    assert_fails(cr_device_choose(some, 4, "accelerator", &i, reason), CR_E_ARGUMENT, "GeForce 1");
    unsetenv("CRISOL_DEVICE");
    assert_fails(cr_device_choose(some + 1, 1, NULL, &i, reason), CR_E_ARGUMENT, "can be used");
}

Test(devices, no_platform)
{
    setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
    cr_device_facts *list;
    uint32_t count;
    assert_fails(cr_device_list(&list, &count), CR_E_DEVICE, "no OpenCL platform");
    cr_assert(says("apt install pocl-opencl-icd") && says("/nonexistent"));
    cr_assert(!cr_device_open(NULL));
    cr_assert(cr_alloc_live() == 0 && cr_cl_live() == 0);
}

Test(devices, a_platform_without_devices)
{
    setenv("POCL_DEVICES", "nonexistent", 1);
    cr_device_facts *list;
    uint32_t count;
    if (cr_device_list(&list, &count) == CR_OK) { /* another platform has one */
        cr_free(list);
        return;
    }
    cr_assert(says("but no device") && says("Portable Computing Language"), "%s", cr_error());
}

Test(devices, those_at_hand)
{
    cr_device_facts *list;
    uint32_t count;
    assert_ok(cr_device_list(&list, &count));
    for (uint32_t i = 0; i < count; i++) {
        const cr_device_facts *d = &list[i];
        cr_assert(d->name[0] && d->platform[0] && d->driver[0] && d->version[0]);
        cr_assert(d->compute_units > 0 && d->global_bytes > 0 && d->max_alloc_bytes > 0);
        cr_assert(d->max_group > 0 && d->align_bytes > 0 && d->max_args_bytes >= 1024);
        cr_target t;
        cr_device_to_target(d, &t);
        cr_assert_str_eq(t.name, d->name);
        cr_assert(t.compute_units == d->compute_units);
        cr_assert(t.vector_width >= 1 && t.vector_width <= 16);
    }
    cr_free(list);
    cr_assert(cr_alloc_live() == 0);
}

Test(devices, as_targets)
{
    cr_target t;
    cr_device_to_target(&some[0], &t);
    cr_assert(cr_target_class(&t) == CR_CLASS_CPU && t.vector_width == 16 && t.registers == 32);
    cr_assert(t.launch_us == cr_target_builtin("cpu")->launch_us);
    cr_device_facts narrow = some[0];
    narrow.preferred_f32 = 4;
    narrow.native_f32 = 8;
    cr_device_to_target(&narrow, &t);
    cr_assert(t.vector_width == 8 && t.registers == 16);
    narrow.preferred_f32 = narrow.native_f32 = 0;
    cr_device_to_target(&narrow, &t);
    cr_assert(t.vector_width == 1);
    cr_device_to_target(&some[2], &t);
    cr_assert(cr_target_class(&t) == CR_CLASS_GPU && t.vector_width == 1 && t.sub_group == 32);
}

Test(devices, open_and_measure)
{
    own_cache();
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    cr_assert(cr_device_reason(d)[0] && cr_device_describe(d)->usable);
    cr_launch_cost cost;
    assert_ok(cr_device_launch_cost(d, &cost));
    cr_assert(cost.queued_us > 0 && cost.finished_us > 0);
    cr_assert(cost.queued_us < 1e4 && cost.finished_us < 1e5);
    cr_device_unref(cr_device_ref(d));
    cr_device_unref(d);
    cr_device_unref(NULL);
    cr_assert(cr_alloc_live() == 0 && cr_cl_live() == 0);
}
