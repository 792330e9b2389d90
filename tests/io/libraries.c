/* The second library says what it stands on. */
#include <criterion/criterion.h>
#include <string.h>

#include "crisol/io/io.h"

Test(libraries, are_named_with_their_versions)
{
    const char *const names[] = {"HDF5 1.", "libzip 1.", "libpng 1.", "cJSON 1.", "xxHash 0."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(strstr(cr_io_libraries(), names[i]), "%s", cr_io_libraries());
}
