/* Criterion, with those of its names that are also Crisol's kept out of the way. Both use the
 * prefix cr_, and so:
 *
 *   cr_free, cr_realloc, cr_log    Criterion's functions are renamed (no test of ours calls them);
 *                                  ours are macros (crisol/extend.h), and kept
 *   cr_fail, cr_assert_fail        Criterion's macros are gone: write cr_assert(false, "why ...")
 *   cr_log_info, _warn, _error     gone with cr_log: write to stderr
 *   CR_API                         ours, where crisol/base.h was included first; else undefined
 *
 * It does not matter whether this or Crisol's headers come first. */
#pragma GCC system_header

#ifndef CRISOL_TESTS_CRITERION_H
#define CRISOL_TESTS_CRITERION_H

#pragma push_macro("CR_API")
#pragma push_macro("cr_log")
#pragma push_macro("cr_free")
#pragma push_macro("cr_realloc")
#pragma push_macro("cr_fail")
#pragma push_macro("cr_assert_fail")
#undef CR_API
#undef cr_log
#undef cr_free
#undef cr_realloc
#undef cr_fail
#undef cr_assert_fail
#define cr_free criterion_own_free
#define cr_realloc criterion_own_realloc
#define cr_log criterion_own_log

#include_next <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <criterion/redirect.h>

#undef cr_free
#undef cr_realloc
#undef cr_log
#undef cr_fail
#undef cr_assert_fail
#undef cr_log_info
#undef cr_log_warn
#undef cr_log_error
#undef CR_API
#pragma pop_macro("cr_assert_fail")
#pragma pop_macro("cr_fail")
#pragma pop_macro("cr_realloc")
#pragma pop_macro("cr_free")
#pragma pop_macro("cr_log")
#pragma pop_macro("CR_API")

#endif
