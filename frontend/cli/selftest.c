/* selftest.c - `crisol selftest`: what to run first on a new driver. */
#include "cli.h"

int cli_selftest(int argc, char **argv)
{
    const char *device = NULL;
    cli_options o = {
        .about =
            "Runs every op on a device and compares with the reference interpreter. Exit status 1\n"
            "when one differs.",
    };
    cli_add(&o, "--device", CLI_TEXT, &device, "D",
            "gpu, cpu, an index, or a part of a name (crisol devices)");
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    int failures = cr_selftest(device, stdout);
    if (failures < 0)
        return cli_library_failed();
    if (failures > 0)
        return cli_fail("%d failed: this driver computes some ops wrongly", failures);
    return CLI_OK;
}
