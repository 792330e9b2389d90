/* inspecting.c - what opt and dot have in common: the compiler without a device. */
#include "options/inspecting.h"

#include "options/training.h"

void inspecting_options(inspecting *in, cli_options *o)
{
    in->variant = 2;
    in->budget.bytes = CLI_NO_LIMIT;
    cli_add(o, "--variant", CLI_CHOICE, &in->variant, CLI_VARIANTS, "how far the compiler goes");
    cli_add(o, "--target", CLI_TEXT, &in->o.target, "T",
            "cpu, gpu, or a file written by crisol devices --target");
    cli_add(o, "--bind", CLI_BIND, &in->bind, "NAME=N,...",
            "sizes of symbols (default: their bounds)");
    cli_add(o, "--fast-math", CLI_FLAG, &in->o.fast_math, NULL, "allow rules that change values");
    cli_add(o, "--reference", CLI_FLAG, &in->o.reference, NULL, "one work-item an output");
    cli_add(o, "--launches", CLI_CHOICE, &in->launches, CLI_LAUNCHES, "of a fused step");
    cli_add(o, "--max-transfer-bytes", CLI_COUNT, &in->budget.bytes, "N",
            "fail when a step would move more between host and device");
    cli_add(o, "--max-resident-bytes", CLI_COUNT, &in->o.max_resident_bytes, "N",
            "larger inputs stay on the host");
}

int inspecting_check(inspecting *in)
{
    in->o.opt = cli_variant_opt(in->variant);
    in->o.launches = (cr_launches)in->launches;
    in->o.bind = in->bind.at;
    in->o.nbind = in->bind.n;
    in->o.transfer_budget = &in->budget;
    return CLI_GO;
}

cr_graph *inspecting_read(const char *path)
{
    char *text = cli_read(path);
    if (!text)
        return NULL;
    cr_graph *g = cr_graph_parse(text, strcmp(path, "-") == 0 ? "<stdin>" : path);
    free(text);
    if (!g)
        fprintf(stderr, "%s\n", cr_error()); /* file:line:column first, for editors */
    return g;
}

int inspecting_list_passes(void)
{
    const char *name, *doc;
    for (uint32_t i = 0; cr_pass_info(i, &name, &doc); i++)
        printf("%-12s %s\n", name, doc);
    return CLI_OK;
}
