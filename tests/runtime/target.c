/* target.c - targets as text. */
#include "modules.h"

static bool equal(const cr_target *a, const cr_target *b)
{
    bool same = true;
#define SAME_s(x) strcmp(a->x, b->x) == 0
#define SAME_i(x) a->x == b->x
#define SAME_f(x) a->x == b->x
#define SAME_b(x) a->x == b->x
#define CR_X(type, name, cpu, gpu, doc) same = same && SAME_##type(name);
    CR_TARGET_FIELDS(CR_X)
#undef CR_X
    return same;
}

Test(target, prints_what_it_parses)
{
    for (int i = 0; i < 2; i++) {
        cr_target t = *cr_target_builtin(i ? "gpu" : "cpu"), back;
        snprintf(t.vendor, sizeof t.vendor, "A = B # C, Inc.");
        t.bandwidth_gbs = 1.0 / 3;
        t.unified = !t.unified;
        cr_strbuf text = {0};
        cr_target_print(&t, &text);
        assert_ok(cr_target_parse(text.at, "t", &back));
        cr_assert(equal(&t, &back), "%s", text.at);
        cr_str_finish(&text);
    }
    cr_assert(!cr_target_builtin("tpu"));
}

Test(target, missing_fields_come_from_the_class)
{
    cr_target t;
    assert_ok(cr_target_parse("# mine\n\n  compute_units = 7 \r\nclass_name = gpu", "t", &t));
    cr_target want = *cr_target_builtin("gpu");
    want.compute_units = 7;
    cr_assert(equal(&t, &want));
    assert_ok(cr_target_parse("", "t", &t));
    cr_assert(equal(&t, cr_target_builtin("cpu")));
}

Test(target, mistakes_have_a_line)
{
    cr_target t;
    assert_fails(cr_target_parse("name = x\nspeed = 3\n", "f.target", &t), CR_E_SYNTAX,
                 "f.target:2: a target has no field \"speed\"");
    assert_fails(cr_target_parse("compute_units = many", "f", &t), CR_E_SYNTAX, "f:1: compute_uni");
    assert_fails(cr_target_parse("compute_units = -1", "f", &t), CR_E_SYNTAX, "whole number");
    assert_fails(cr_target_parse("compute_units = 99999999999999999999", "f", &t), CR_E_SYNTAX,
                 "f");
    assert_fails(cr_target_parse("launch_us = nan", "f", &t), CR_E_SYNTAX, "a number");
    assert_fails(cr_target_parse("unified = maybe", "f", &t), CR_E_SYNTAX, "0 or 1");
    assert_fails(cr_target_parse("name = x\nvector_width = 3", "f", &t), CR_E_SYNTAX,
                 "f:2: vector_width is \"3\"; it must be a power of two from 1 to 16");
    assert_fails(cr_target_parse("align_bytes = 32", "f", &t), CR_E_SYNTAX,
                 "a power of two from 64 to 65536");
    assert_fails(cr_target_parse("compute_units = 0", "f", &t), CR_E_SYNTAX,
                 "a whole number from 1 to 65536");
    assert_fails(cr_target_parse("bandwidth_gbs = 0", "f", &t), CR_E_SYNTAX,
                 "a number from 1e-06 to 1e+09");
    assert_fails(cr_target_parse("vector_width = 4\nclass_name = gpu", "f", &t), CR_E_SYNTAX,
                 "f:1: vector_width is 4; where class_name is gpu, it must be 1");
    assert_fails(cr_target_parse("hello", "f", &t), CR_E_SYNTAX, "f:1: expected");
    assert_fails(cr_target_parse("\nclass_name = tpu", "f", &t), CR_E_SYNTAX, "f:2: class_name");
}

#define NVIDIA "NVIDIA Corporation"

/* Groups may wait for each other where all of them run: not more than the process has processors,
 * not on a GPU whose fences reach no other groups or whose units take none, not on a simulator. */
Test(target, groups_that_run_at_the_same_time)
{
    static const struct {
        cr_device_facts facts;
        int64_t groups;
    } of[] = {
        {{.type = CR_DEVICE_CPU, .compute_units = 8, .processors = 8}, 8},
        {{.type = CR_DEVICE_CPU, .compute_units = 8, .processors = 3}, 3},
        {{.type = CR_DEVICE_CPU, .compute_units = 8, .processors = 8, .platform = "Oclgrind"}, 0},
        {{.type = CR_DEVICE_GPU, .compute_units = 132, .vendor = NVIDIA, .device_fence = true},
         132},
        {{.type = CR_DEVICE_GPU, .compute_units = 132, .vendor = NVIDIA}, 0},
        {{.type = CR_DEVICE_GPU, .compute_units = 96, .vendor = "Intel", .device_fence = true}, 0},
        {{.type = CR_DEVICE_OTHER, .compute_units = 4, .processors = 4}, 0},
    };
    for (size_t i = 0; i < CR_COUNTOF(of); i++) {
        cr_target t;
        cr_device_to_target(&of[i].facts, &t);
        cr_expect_eq(t.resident_groups, of[i].groups, "row %zu: %lld", i,
                     (long long)t.resident_groups);
    }
}
