/* opt.c - `crisol opt`: the compiler over a text, without a device. */
#include "cli.h"
#include "options/inspecting.h"

int cli_opt(int argc, char **argv)
{
    inspecting in = {.o = {.emit = NULL}};
    int emit = 0;
    static const char *const emits[] = {"graph", "dot", "plan", "reasons", "cl", "none"};
    cli_options o = {
        .about =
            "Reads a graph in text form (docs/ir.md; - for standard input), runs the passes, and\n"
            "prints what they make of it. Needs no device.",
        .positional = "FILE.cr",
    };
    cli_add(&o, "--passes", CLI_TEXT, &in.o.passes, "LIST",
            "only these, with commas between them (default: the whole pipeline)");
    cli_add(&o, "--emit", CLI_CHOICE, &emit, "graph|dot|plan|reasons|cl|none", "what is printed");
    cli_add(&o, "--print-after", CLI_TEXT, &in.o.print_after, "PASS",
            "also print, to standard error, what this pass (or all) leaves");
    cli_add(&o, "--time-passes", CLI_FLAG, &in.o.time_passes, NULL,
            "also print each pass's time and changes to standard error");
    bool list = false;
    cli_add(&o, "--list-passes", CLI_FLAG, &list, NULL, "print the passes in their order, and end");
    inspecting_options(&in, &o);
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (list)
        return inspecting_list_passes();
    if (!o.file)
        return cli_fail("which file? See crisol opt --help");
    in.o.emit = emits[emit];
    status = inspecting_check(&in);
    if (status != CLI_GO)
        return status;

    cr_graph *g = inspecting_read(o.file);
    if (!g)
        return CLI_MISTAKE;
    char *text = cr_inspect(g, &in.o);
    status = text ? cli_write(NULL, text, strlen(text)) : cli_library_failed();
    cr_string_free(text);
    cr_graph_destroy(g);
    return status;
}
