/* study.c - `crisol study KIND`: reads what is studied; run.c does it. */
#include "study/study.h"

#include <unistd.h>

#include "results/plotting.h"

static const struct kind {
    const char *name, *what, *about;
} kinds[STUDY_KIND_COUNT] = {
#define CLI_X(name, run, about) [STUDY_##name] = {#name, run, about},
    STUDY_KINDS(CLI_X)
#undef CLI_X
};

static int list_runs(study *s)
{
    switch (s->kind) {
    case STUDY_batch: return study_list_sizes(s);
    case STUDY_nets: return study_list_nets(s);
    case STUDY_optimizers: return study_list_optimizers(s);
    case STUDY_devices: return study_list_devices(s);
    case STUDY_KIND_COUNT: break;
    }
    return CLI_MISTAKE;
}

/* ---- options --------------------------------------------------------------------------------- */

static void add_list(study *s, cli_options *o)
{
    switch (s->kind) {
    case STUDY_batch:
        s->sizes = "16,32,64,128,256,512";
        cli_add(o, "--sizes", CLI_TEXT, &s->sizes, "N,...", "batches that are studied");
        break;
    case STUDY_nets:
        s->nets = "dense 10; dense 64 relu, dense 10; dense 256 relu, dense 10";
        cli_add(o, "--nets", CLI_TEXT, &s->nets, "'NET; ...'",
                "nets that are studied, with semicolons between them");
        break;
    case STUDY_optimizers:
        s->optimizers = "sgd; momentum; nesterov; rmsprop; adam; adamw";
        cli_add(o, "--optimizers", CLI_TEXT, &s->optimizers, "'KIND [NAME=VALUE ...]; ...'",
                "optimizers that are studied: 'sgd lr=0.1; momentum lr=0.05 momentum=0.8;\n"
                "adam schedule cosine 2 epochs'");
        cli_add(o, "--rates", CLI_TEXT, &s->rates, "R,...",
                "each of those that name no lr at each of these rates");
        break;
    case STUDY_devices:
        cli_add(o, "--sequential", CLI_REAL, &s->sequential_seconds, "S",
                "seconds for the reference interpreter, plain sequential C; 0: leave it out");
        break;
    case STUDY_KIND_COUNT: break;
    }
}

static void add_options(study *s, cli_options *o)
{
    add_list(s, o);
    cli_add(o, "--epochs", CLI_COUNT, &s->epochs, "N", "how often each sample is seen");
    cli_add(o, "--seeds", CLI_COUNT, &s->seeds, "N",
            "trainings of each, from seeds that follow --seed: their mean and deviation");
    cli_add(o, "--csv", CLI_OUTPUT, &s->csv, "F.csv", "also write the table there, row by row");
    cli_add(o, "--curves", CLI_OUTPUT, &s->curves, "F.csv",
            "write loss and accuracy of each epoch of each training");
    cli_add(o, "--plot", CLI_OUTPUT, &s->plot, "F.svg", "draw it (.svg or .png)");
    cli_add(o, "--json", CLI_FLAG, &s->json, NULL, "print JSON at the end instead of the table");
    training_options(&s->t, o);
}

/* What the study changes cannot be fixed too. */
static int check_fixed(const study *s, const cli_options *o)
{
    static const struct {
        study_kind kind;
        const char *option, *list;
    } fixed[] = {{STUDY_batch, "--batch", "--sizes"},
                 {STUDY_nets, "--net", "--nets"},
                 {STUDY_optimizers, "--optimizer", "--optimizers"},
                 {STUDY_optimizers, "--lr", "--optimizers and --rates"},
                 {STUDY_optimizers, "--momentum", "--optimizers"},
                 {STUDY_optimizers, "--beta1", "--optimizers"},
                 {STUDY_optimizers, "--beta2", "--optimizers"},
                 {STUDY_optimizers, "--weight-decay", "--optimizers"},
                 {STUDY_optimizers, "--clip-value", "--optimizers"},
                 {STUDY_optimizers, "--clip-norm", "--optimizers"}};
    for (size_t i = 0; i < CLI_COUNTOF(fixed); i++)
        if (fixed[i].kind == s->kind && cli_given(o, fixed[i].option))
            return cli_fail("%s: that is what is studied; say it with %s", fixed[i].option,
                            fixed[i].list);
    if (s->kind == STUDY_devices && cli_given(o, "--device"))
        return cli_fail("--device: this study takes every device there is");
    return CLI_GO;
}

static int check_numbers(const study *s)
{
    if (s->epochs < 1 || s->epochs > 1000000)
        return cli_fail("--epochs: at least 1 is needed, and at most 1000000");
    if (s->seeds < 1 || s->seeds > 1000)
        return cli_fail("--seeds: at least 1 is needed, and at most 1000");
    if (!(s->sequential_seconds >= 0))
        return cli_fail("--sequential: it is %g; it must be 0 or more",
                        (double)s->sequential_seconds);
    return CLI_GO;
}

static int check_files(const study *s)
{
    const struct {
        const char *option, *file;
    } again[] = {{"--csv", s->csv}, {"--curves", s->curves}};
    for (size_t i = 0; i < CLI_COUNTOF(again); i++)
        if (again[i].file && strcmp(again[i].file, "-") == 0)
            return cli_fail("%s: it is written anew as the study goes on, which needs a file, not "
                            "standard output (--json prints all at the end)",
                            again[i].option);
    const bool fine = !cli_check_writable(s->csv) && !cli_check_writable(s->curves) &&
                      !cli_check_writable(s->plot) && !plot_check("--plot", s->plot);
    return fine ? CLI_GO : CLI_MISTAKE;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Whatever happened, what was measured is told and drawn; the tables are written already. */
static int measure(study *s, const cr_data *data)
{
    int status = study_measure(s, data);
    const int told[] = {study_draw(s), study_print_json(s)};
    for (size_t i = 0; i < CLI_COUNTOF(told); i++)
        status = status == CLI_OK ? told[i] : status;
    return status;
}

static int run(study *s, const cli_options *o)
{
    int status = check_fixed(s, o);
    if (status == CLI_GO)
        status = check_numbers(s);
    if (status == CLI_GO)
        status = check_files(s);
    if (status == CLI_GO)
        status = list_runs(s);
    if (status != CLI_GO)
        return status;
    training_catch_interrupt();
    s->watched = isatty(STDERR_FILENO);
    cr_data *data = training_data(&s->t);
    if (!data)
        return CLI_MISTAKE;
    status = study_check(s, data);
    if (status == CLI_GO)
        status = measure(s, data);
    cr_data_close(data);
    return status;
}

static void finish(study *s)
{
    for (size_t i = 0; i < s->n; i++) {
        study_run *r = &s->run[i];
        for (size_t k = 0; k < r->n; k++)
            history_finish(&r->training[k].h);
        if (r->own_net)
            training_finish(&r->t);
        free(r->training);
        free(r->label);
        free(r->own);
    }
    free(s->run);
    training_finish(&s->t);
}

static int one_study(study_kind kind, int argc, char **argv)
{
    study s = {.kind = kind,
               .name = kinds[kind].name,
               .what = kinds[kind].what,
               .epochs = 3,
               .seeds = 1,
               .sequential_seconds = kind == STUDY_devices ? 5 : 0};
    static char command[32], about[256];
    snprintf(command, sizeof command, "study %s", s.name);
    cli_command = command;
    snprintf(about, sizeof about,
             "Trains again and again: %s.\nCompiling and first steps are measured apart from "
             "training. Ctrl-C keeps what was measured.",
             kinds[kind].about);
    cli_options o = {.about = about};
    add_options(&s, &o);
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = training_check(&s.t, &o);
    if (status != CLI_GO)
        return status;
    status = run(&s, &o);
    finish(&s);
    return status;
}

static void usage(FILE *out)
{
    fprintf(out, "usage: crisol study KIND [OPTIONS]\n\n"
                 "The same training again and again, with one thing changed; as a table, CSV, a "
                 "picture, JSON:\n\n");
    for (int i = 0; i < STUDY_KIND_COUNT; i++)
        fprintf(out, "  %-10s  %s\n", kinds[i].name, kinds[i].about);
    fprintf(out, "\ncrisol study KIND --help lists the options.\n");
}

int cli_study(int argc, char **argv)
{
    const char *name = argc > 0 ? argv[0] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        usage(stdout);
        return CLI_OK;
    }
    for (int i = 0; i < STUDY_KIND_COUNT; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return one_study((study_kind)i, argc - 1, argv + 1);
    if (*name)
        cli_fail("there is no study '%s'", name);
    else
        cli_fail("which study?");
    usage(stderr);
    return CLI_MISTAKE;
}
