/* The same for the second library, in the way of a library that is built on Crisol. */
#include <crisol/extend.h>
#include <crisol/io/io.h>
#include <crisol/program.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    size_t before = cr_live_blocks();
    char *text = cr_alloc(100);
    if (!text || cr_live_blocks() != before + 1)
        return 1;
    snprintf(text, 100, "%s", cr_io_libraries());
    if (cr_fail(CR_E_IO, "made with %s", text) != CR_E_IO || !strstr(cr_error(), "HDF5"))
        return 1;
    puts(cr_error());
    cr_free(text);
    return cr_live_blocks() != before;
}
