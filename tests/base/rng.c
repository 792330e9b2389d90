/* Philox: the known answers that its authors publish with Random123. */
#include <criterion/criterion.h>

#include "base.h"

Test(rng, known_answers)
{
    static const uint32_t kat[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (size_t i = 0; i < CR_COUNTOF(kat); i++) {
        uint32_t out[4];
        cr_philox4x32(kat[i], kat[i] + 4, out);
        cr_assert_eq(memcmp(out, kat[i] + 6, sizeof out), 0, "vector %zu", i);
    }
}

Test(rng, the_result_may_overwrite_the_counter)
{
    uint32_t key[2] = {1, 2}, counter[4] = {3, 4, 5, 6}, out[4];
    cr_philox4x32(counter, key, out);
    cr_philox4x32(counter, key, counter);
    cr_assert_eq(memcmp(out, counter, sizeof out), 0);
}
