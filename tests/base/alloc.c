/* The allocator, and that everything of base survives the failure of any allocation. */
#include <criterion/criterion.h>

#include "base.h"

Test(alloc, memory_is_zeroed_and_counted)
{
    size_t before = cr_alloc_live();
    char *p = cr_alloc(100);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(p[i], 0);
    cr_assert_eq(cr_alloc_live(), before + 1);
    cr_free(p);
    cr_free(NULL);
    cr_assert_eq(cr_alloc_live(), before);
}

Test(alloc, size_zero_is_a_block)
{
    void *p = cr_alloc(0);
    cr_assert_not_null(p);
    p = cr_realloc(p, 0, 0);
    cr_assert_not_null(p);
    cr_free(p);
}

Test(alloc, realloc_keeps_the_head_and_zeroes_the_tail)
{
    size_t before = cr_alloc_live();
    char *p = cr_realloc(NULL, 0, 3);
    memcpy(p, "abc", 3);
    p = cr_realloc(p, 3, 1000);
    cr_assert_eq(memcmp(p, "abc", 3), 0);
    for (int i = 3; i < 1000; i++)
        cr_assert_eq(p[i], 0);
    p = cr_realloc(p, 1000, 2);
    cr_assert_eq(memcmp(p, "ab", 2), 0);
    cr_assert_eq(cr_alloc_live(), before + 1);
    cr_free(p);
}

Test(alloc, failure_is_reported_once_and_leaves_the_block)
{
    char *p = cr_strdup("kept");
    cr_alloc_fail_after(1);
    void *q = cr_alloc(1);
    cr_assert_not_null(q);
    cr_assert_null(cr_realloc(p, 5, 10));
    cr_assert_str_eq(p, "kept");
    cr_assert_eq(cr_last_status(), CR_E_MEMORY);
    cr_assert_str_eq(cr_error(), "out of host memory: 10 bytes");
    p = cr_realloc(p, 5, 10);
    cr_assert_not_null(p);
    cr_free(p);
    cr_free(q);
}

Test(alloc, impossible_sizes_are_refused)
{
    cr_assert_null(cr_alloc(SIZE_MAX));
    cr_assert_null(cr_alloc((size_t)PTRDIFF_MAX + 1));
    cr_assert_eq(cr_last_status(), CR_E_MEMORY);
}

Test(alloc, products_of_sizes)
{
    uint64_t n = 7;
    cr_assert(cr_mul_size(0, UINT64_MAX, &n) && n == 0);
    cr_assert(cr_mul_size(UINT64_MAX, 0, &n) && n == 0);
    cr_assert(cr_mul_size(UINT64_MAX, 1, &n) && n == UINT64_MAX);
    cr_assert(cr_mul_size(1ull << 32, (1ull << 32) - 1, &n) && n == 0xffffffff00000000ull);
    cr_assert_not(cr_mul_size(1ull << 32, 1ull << 32, &n));
    cr_assert_not(cr_mul_size(UINT64_MAX, 2, &n));
}

/* ---- the n-th allocation fails ------------------------------------------------------------- */

static bool use_containers(void)
{
    cr_arena a = {0};
    cr_map m = {0};
    cr_strbuf s = {0};
    CR_VEC(uint32_t) v = {0};
    bool ok =
        cr_arena_alloc(&a, 100000) && cr_arena_strdup(&a, "x") && cr_arena_printf(&a, "%d", 1);
    for (uint32_t i = 1; ok && i < 200; i++) {
        cr_str_printf(&s, "%u ", i);
        ok = cr_map_put(&m, i, i) && cr_vec_push(&v, i);
    }
    for (uint32_t i = 0; i < v.len; i++)
        cr_assert_eq(v.at[i], i + 1);
    cr_arena_finish(&a);
    cr_map_finish(&m);
    cr_vec_finish(&v);
    char *text = cr_str_take(&s);
    ok = ok && text;
    cr_free(text);
    return ok;
}

static bool use_files(void)
{
    const char *path = "alloc-failure.tmp";
    bool ok = cr_file_write(path, "text", 4) == CR_OK;
    size_t size;
    char *text = ok ? cr_file_read(path, &size) : NULL;
    ok = text != NULL;
    cr_free(text);
    remove(path);
    return ok;
}

static void fail_each(bool (*use)(void))
{
    size_t before = cr_alloc_live();
    bool ok = false;
    int n = 0;
    for (; !ok && n < 1000; n++) {
        cr_error_clear();
        cr_alloc_fail_after(n);
        ok = use();
        cr_assert(ok || cr_last_status() == CR_E_MEMORY, "allocation %d: %s", n, cr_error());
        cr_assert_eq(cr_alloc_live(), before, "allocation %d leaks", n);
    }
    cr_alloc_fail_after(-1);
    cr_assert(ok && n > 1);
}

Test(alloc, containers_survive_any_failure)
{
    fail_each(use_containers);
}

Test(alloc, files_survive_any_failure)
{
    fail_each(use_files);
}
