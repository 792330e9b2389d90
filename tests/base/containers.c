/* Arena, vector, map, string buffer. */
#include <criterion/criterion.h>

#include "base.h"

/* ---- arena --------------------------------------------------------------------------------- */

Test(arena, blocks_are_aligned_zeroed_and_apart)
{
    cr_arena a = {0};
    char *last = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *p = cr_arena_alloc(&a, size);
        cr_assert_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(p[i], 0);
        memset(p, 0xff, size);
        cr_assert_neq(p, last);
        last = p;
    }
    cr_arena_finish(&a);
}

Test(arena, large_blocks_do_not_waste_the_current_one)
{
    cr_arena a = {0};
    char *small = cr_arena_alloc(&a, 16);
    char *large = cr_arena_alloc(&a, 1 << 20);
    memset(large, 1, 1 << 20);
    cr_assert_eq((char *)cr_arena_alloc(&a, 16), small + 16);
    cr_arena_finish(&a);
}

Test(arena, texts)
{
    size_t before = cr_alloc_live();
    cr_arena a = {0};
    cr_assert_str_eq(cr_arena_strdup(&a, "abc"), "abc");
    cr_assert_str_eq(cr_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    cr_assert_str_eq(cr_arena_printf(&a, "%s", ""), "");
    cr_assert_eq(strlen(cr_arena_printf(&a, "%*d", 50000, 1)), 50000);
    cr_arena_finish(&a);
    cr_assert_eq(cr_alloc_live(), before);
    cr_assert_str_eq(cr_arena_strdup(&a, "again"), "again");
    cr_arena_finish(&a);
}

Test(arena, impossible_sizes_are_refused)
{
    cr_arena a = {0};
    cr_assert_null(cr_arena_alloc(&a, SIZE_MAX));
    cr_assert_null(cr_arena_alloc(&a, SIZE_MAX - 20));
    cr_assert_eq(cr_last_status(), CR_E_MEMORY);
    cr_arena_finish(&a);
}

/* ---- vector -------------------------------------------------------------------------------- */

typedef struct triple {
    int a, b, c;
} triple;

Test(vec, push_keeps_what_is_there)
{
    CR_VEC(triple) v = {0};
    for (int i = 0; i < 10000; i++)
        cr_assert(cr_vec_push(&v, (triple){i, i + 1, i + 2}));
    cr_assert_eq(v.len, 10000);
    for (int i = 0; i < 10000; i++)
        cr_assert(v.at[i].a == i && v.at[i].c == i + 2);
    cr_vec_finish(&v);
    cr_assert(v.len == 0 && v.cap == 0 && v.at == NULL);
}

Test(vec, resize_gives_zeroes)
{
    CR_VEC(int) v = {0};
    cr_assert(cr_vec_resize(&v, 100));
    for (int i = 0; i < 100; i++)
        cr_assert_eq(v.at[i], 0);
    cr_vec_finish(&v);
}

Test(vec, impossible_lengths_are_refused)
{
    CR_VEC(triple) v = {0};
    cr_assert(cr_vec_push(&v, (triple){1, 2, 3}));
    cr_assert_not(cr_vec_resize(&v, UINT32_MAX));
    cr_assert_eq(cr_last_status(), CR_E_MEMORY);
    cr_assert(v.len == 1 && v.at[0].b == 2);
    cr_vec_finish(&v);
}

/* ---- map ----------------------------------------------------------------------------------- */

static uint32_t count_values(const cr_map *m, uint64_t hash, uint32_t *sum)
{
    uint32_t pos = UINT32_MAX, value, n = 0;
    *sum = 0;
    while ((value = cr_map_next(m, hash, &pos))) {
        *sum += value;
        n++;
    }
    return n;
}

Test(map, an_empty_map_has_nothing)
{
    cr_map m = {0};
    uint32_t sum;
    cr_assert_eq(count_values(&m, 0, &sum), 0);
    cr_map_finish(&m);
}

Test(map, all_values_of_a_hash_are_visited_once)
{
    cr_map m = {0};
    uint32_t sum;
    for (uint32_t i = 1; i <= 3000; i++)
        cr_assert(cr_map_put(&m, i % 1000, i));
    cr_assert_eq(m.len, 3000);
    for (uint32_t h = 0; h < 1000; h++) {
        uint32_t first = h ? h : 1000;
        cr_assert_eq(count_values(&m, h, &sum), 3);
        cr_assert_eq(sum, 3 * first + 3000);
    }
    cr_assert_eq(count_values(&m, 1000, &sum), 0);
    cr_map_finish(&m);
}

Test(map, hashes_that_differ_in_high_bits_only_spread)
{
    cr_map m = {0};
    uint32_t sum;
    double start = cr_now();
    for (uint32_t i = 1; i <= 50000; i++)
        cr_assert(cr_map_put(&m, (uint64_t)i << 40, i));
    for (uint32_t i = 1; i <= 50000; i++)
        cr_assert(count_values(&m, (uint64_t)i << 40, &sum) == 1 && sum == i);
    cr_assert_lt(cr_now() - start, 5.0, "the map has become a list");
    cr_map_finish(&m);
}

Test(map, fnv_known_answers)
{
    cr_assert_eq(cr_hash(CR_HASH_SEED, "", 0), 0xcbf29ce484222325ull);
    cr_assert_eq(cr_hash(CR_HASH_SEED, "a", 1), 0xaf63dc4c8601ec8cull);
    cr_assert_eq(cr_hash(CR_HASH_SEED, "foobar", 6), 0x85944171f73967e8ull);
    cr_assert_eq(cr_hash(cr_hash(CR_HASH_SEED, "foo", 3), "bar", 3), 0x85944171f73967e8ull);
}

/* ---- string buffer ------------------------------------------------------------------------- */

Test(strbuf, appends)
{
    cr_strbuf s = {0};
    cr_assert_str_eq(cr_str_text(&s), "");
    cr_str_add(&s, "ab");
    cr_str_addn(&s, "cdef", 2);
    cr_str_addn(&s, NULL, 0);
    cr_str_printf(&s, "%d%s", 12, "");
    cr_assert_str_eq(cr_str_text(&s), "abcd12");
    cr_assert_eq(s.len, 6);
    cr_str_finish(&s);
    cr_assert_str_eq(cr_str_text(&s), "");
}

Test(strbuf, grows_to_any_length)
{
    cr_strbuf s = {0};
    for (int i = 0; i < 10000; i++)
        cr_str_printf(&s, "%04d", i);
    cr_assert_eq(s.len, 40000);
    cr_assert_eq(memcmp(s.at + 4 * 1234, "1234", 4), 0);
    cr_str_printf(&s, "%*s", 100000, "end");
    cr_assert_eq(s.len, 140000);
    cr_assert_str_eq(s.at + s.len - 3, "end");
    cr_str_finish(&s);
}

Test(strbuf, lengths_around_the_capacity)
{
    for (size_t n = 60; n < 70; n++) {
        cr_strbuf s = {0};
        for (size_t i = 0; i < n; i++)
            cr_str_add(&s, "x");
        cr_str_printf(&s, "%s", "yz");
        cr_assert_eq(strlen(s.at), n + 2);
        cr_assert_eq(s.len, n + 2);
        cr_str_finish(&s);
    }
}

Test(strbuf, take_gives_the_text_away)
{
    cr_strbuf s = {0};
    cr_str_add(&s, "mine");
    char *text = cr_str_take(&s);
    cr_assert_str_eq(text, "mine");
    cr_assert_str_eq(cr_str_text(&s), "");
    cr_free(text);
    text = cr_str_take(&s);
    cr_assert_str_eq(text, "", "an empty buffer gives an empty text");
    cr_free(text);
}

Test(strbuf, failure_sticks)
{
    cr_strbuf s = {0};
    cr_str_add(&s, "kept");
    cr_alloc_fail_after(0);
    cr_str_printf(&s, "%*s", 1000, "");
    cr_str_add(&s, "lost");
    cr_assert(s.failed);
    cr_assert_str_eq(cr_str_text(&s), "kept");
    cr_assert_null(cr_str_take(&s));
    cr_assert_eq(s.at, NULL);
}
