/* dot.c - `crisol dot`: a picture of a graph, before the passes or after any one of them. */
#include "cli.h"
#include "options/inspecting.h"
#include "options/training.h"

/* All passes up to this one (and with it, or without it), as a list for cr_inspect. */
static int passes_until(const char *until, bool with, cli_text *list)
{
    const char *name, *doc;
    for (uint32_t i = 0; cr_pass_info(i, &name, &doc); i++) {
        bool last = strcmp(name, until) == 0;
        if (!last || with)
            cli_put(list, "%s%s", list->len ? "," : "", name);
        if (last)
            return CLI_GO;
    }
    cli_fail("there is no pass '%s'; there are:", until);
    for (uint32_t i = 0; cr_pass_info(i, &name, &doc); i++)
        fprintf(stderr, "  %-12s %s\n", name, doc);
    return CLI_MISTAKE;
}

static const cr_samples sizes = {.x_dtype = CR_U8,
                                 .y_dtype = CR_U8,
                                 .x_shape = {.rank = 3, .dim = {28, 28, 1}},
                                 .train = {.n = 60000},
                                 .test = {.n = 10000}};

/* The training step of a net, on images of MNIST's size. */
static cr_graph *graph_of_net(training *t)
{
    cr_train_options options = training_trainer(t, CR_OPT_FUSED);
    options.no_evaluation = true;
    cr_graph *g = cr_training_graph_of(&sizes, &options);
    if (!g)
        cli_library_failed();
    return g;
}

/* What Graphviz is asked for by a path's ending; "" for its text as it is, NULL for what is not
 * known. */
static const char *format_of(const char *path)
{
    static const struct {
        const char *ending, *format;
    } known[] = {{".dot", ""}, {".gv", ""}, {".svg", "svg"}, {".png", "png"}, {".pdf", "pdf"}};
    const char *dot = path && strcmp(path, "-") != 0 ? strrchr(path, '.') : known[0].ending;
    for (size_t i = 0; dot && i < CLI_COUNTOF(known); i++)
        if (strcmp(dot, known[i].ending) == 0)
            return known[i].format;
    return NULL;
}

static int check_output(const char *path)
{
    const char *format = format_of(path);
    if (!format)
        return cli_fail("-o: '%s' must end in .dot, .gv, .svg, .png or .pdf", path);
    if (cli_check_writable(path) != CLI_OK)
        return CLI_MISTAKE;
    return *format ? cli_check_program("dot", "graphviz") : CLI_OK;
}

static int draw(const char *dot, const char *path)
{
    const char *format = format_of(path);
    if (!*format)
        return cli_write(path, dot, strlen(dot));
    char option[16];
    snprintf(option, sizeof option, "-T%s", format);
    return cli_filter((const char *const[]){"dot", option, NULL}, dot, strlen(dot), path);
}

static int run(const cr_graph *g, inspecting *in, const char *before, const char *after,
               const char *path)
{
    cli_text list = {0};
    int status = CLI_GO;
    if (before || (after && strcmp(after, "all") != 0))
        status = passes_until(before ? before : after, !before, &list);
    if (status != CLI_GO)
        return status;
    in->o.emit = "dot";
    in->o.passes = list.at;
    bool untouched = before ? list.len == 0 : !after;
    char *dot = untouched ? cr_graph_dot(g) : cr_inspect(g, &in->o);
    status = dot ? draw(dot, path) : cli_library_failed();
    cr_string_free(dot);
    free(list.at);
    return status;
}

int cli_dot(int argc, char **argv)
{
    training t = {.net_text = NULL};
    inspecting in = {.o = {.emit = "dot"}};
    const char *before = NULL, *after = NULL, *path = NULL;
    cli_options o = {
        .about =
            "Draws the graph of a text file, or of a net's training step, as Graphviz's dot or,\n"
            "through Graphviz, as SVG, PNG or PDF: before the passes (the default) or after any "
            "one.",
        .positional = "[FILE.cr]",
    };
    training_net_options(&t, &o);
    cli_add(&o, "--before", CLI_TEXT, &before, "PASS", "as this pass finds it");
    cli_add(&o, "--after", CLI_TEXT, &after, "PASS", "as this pass leaves it; all: the last one");
    cli_add(&o, "-o", CLI_OUTPUT, &path, "F.svg",
            "a .dot, .gv, .svg, .png or .pdf file (default: dot to stdout)");
    inspecting_options(&in, &o);
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (before && after)
        return cli_fail("--before and --after: which of the two?");
    if (!o.file == !t.net_text)
        return cli_fail("what to draw: a FILE.cr, or --net? See crisol dot --help");
    if (check_output(path) != CLI_OK)
        return CLI_MISTAKE;
    status = inspecting_check(&in);
    if (status != CLI_GO)
        return status;
    if (t.net_text && training_check(&t, &o) != CLI_GO)
        return CLI_MISTAKE;
    cr_graph *g = t.net_text ? graph_of_net(&t) : inspecting_read(o.file);
    training_finish(&t);
    if (!g)
        return CLI_MISTAKE;
    status = run(g, &in, before, after, path);
    cr_graph_destroy(g);
    return status;
}
