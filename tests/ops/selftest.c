/* selftest.c - the matrix of ops, as `crisol selftest` runs it. crisol-test: timeout=600 */
#include <criterion/criterion.h>

#include "crisol/inspect.h"

Test(ops, selftest)
{
    int failures = cr_selftest(NULL, stderr);
    cr_assert_geq(failures, 0, "%s", cr_error());
    cr_assert_eq(failures, 0);
}

Test(ops, selftest_needs_a_device)
{
    cr_assert_lt(cr_selftest("no such device", stderr), 0);
}
