/* Diagnostics, names, the clock, and what our own bugs do. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

#include "base.h"

Test(status, every_status_has_a_text)
{
    cr_assert_str_eq(cr_status_text(CR_OK), "success");
    cr_assert_str_eq(cr_status_text(CR_E_INTERRUPTED), "interrupted");
    cr_assert_str_eq(cr_status_text((cr_status)99), "unknown status");
    cr_assert_str_eq(cr_status_text((cr_status)-1), "unknown status");
}

Test(status, dtypes_have_names_and_sizes)
{
    static const char *const name[] = {"f32", "i32", "u8", "bool"};
    static const size_t size[] = {4, 4, 1, 1};
    for (int i = 0; i < CR_DTYPE_COUNT; i++) {
        cr_assert_str_eq(cr_dtype_name((cr_dtype)i), name[i]);
        cr_assert_eq(cr_dtype_size((cr_dtype)i), size[i]);
    }
    cr_assert_str_eq(cr_dtype_name(CR_DTYPE_COUNT), "?");
    cr_assert_eq(cr_dtype_size(CR_DTYPE_COUNT), 0);
}

Test(status, version_has_three_numbers)
{
    int major, minor, patch, end = 0;
    sscanf(cr_version(), "%d.%d.%d%n", &major, &minor, &patch, &end);
    cr_assert_eq(end, (int)strlen(cr_version()));
}

Test(status, fail_sets_text_and_status)
{
    cr_assert_str_eq(cr_error(), "");
    cr_assert_eq(cr_last_status(), CR_OK);
    cr_assert_eq(cr_fail(CR_E_IO, "%s: line %d", "a.txt", 3), CR_E_IO);
    cr_assert_str_eq(cr_error(), "a.txt: line 3");
    cr_assert_eq(cr_last_status(), CR_E_IO);
    cr_error_clear();
    cr_assert_str_eq(cr_error(), "");
    cr_assert_eq(cr_last_status(), CR_OK);
}

Test(status, fail_may_quote_the_error_before)
{
    cr_fail(CR_E_IO, "inner");
    cr_fail(CR_E_DEVICE, "outer: %s", cr_error());
    cr_assert_str_eq(cr_error(), "outer: inner");
}

Test(status, control_characters_do_not_reach_a_terminal)
{
    cr_fail(CR_E_IO, "%s",
            "a\x1b[31m\r\x7f\tb\nc \xc2\x9b"
            "2J \xc3\xa9");
    cr_assert_str_eq(cr_error(), "a?[31m??\tb\nc ?\x9b"
                                 "2J \xc3\xa9");
}

Test(status, long_texts_end_in_dots)
{
    cr_strbuf s = {0};
    while (s.len < 40000)
        cr_str_add(&s, "0123456789");
    cr_fail(CR_E_DEVICE, "%s", cr_str_text(&s));
    size_t len = strlen(cr_error());
    cr_assert_eq(len, 16 * 1024 - 1);
    cr_assert_str_eq(cr_error() + len - 3, "...");
    cr_fail(CR_E_DEVICE, "%.*s", (int)len, cr_str_text(&s));
    cr_assert_eq(memcmp(cr_error(), cr_str_text(&s), len), 0, "what fits is not cut");
    cr_str_finish(&s);
}

static void *fail_elsewhere(void *text)
{
    cr_assert_str_eq(cr_error(), "");
    cr_fail(CR_E_IO, "%s", (const char *)text);
    return NULL;
}

Test(status, threads_have_their_own)
{
    pthread_t t;
    cr_fail(CR_E_LIMIT, "mine");
    pthread_create(&t, NULL, fail_elsewhere, "theirs");
    pthread_join(t, NULL);
    cr_assert_str_eq(cr_error(), "mine");
    cr_assert_eq(cr_last_status(), CR_E_LIMIT);
}

static cr_status try_it(cr_status first, int *reached)
{
    CR_TRY(first);
    *reached = 1;
    return CR_OK;
}

Test(status, try_returns_the_first_failure)
{
    int reached = 0;
    cr_assert_eq(try_it(CR_E_SYNTAX, &reached), CR_E_SYNTAX);
    cr_assert_eq(reached, 0);
    cr_assert_eq(try_it(CR_OK, &reached), CR_OK);
    cr_assert_eq(reached, 1);
}

Test(status, assertions_abort, .signal = SIGABRT)
{
    cr_redirect_stderr();
    CR_ASSERT(1 + 1 == 3);
}

Test(status, time_does_not_go_back)
{
    double t = cr_now();
    for (int i = 0; i < 1000; i++) {
        double u = cr_now();
        cr_assert(u >= t);
        t = u;
    }
}

Test(status, alignment)
{
    cr_assert_eq(cr_align_up(0, 64), 0);
    cr_assert_eq(cr_align_up(1, 64), 64);
    cr_assert_eq(cr_align_up(64, 64), 64);
    cr_assert_eq(cr_align_up(65, 48), 96);
}
