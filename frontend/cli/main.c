/* main.c - `crisol`: finds the command and runs it. */
#include <signal.h>
#include <unistd.h>

#include "cli.h"

#if CRISOL_HAVE_IO
#include <crisol/io/io.h>
#endif

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
#define CLI_X(name, about) {#name, cli_##name, about},
    CLI_COMMANDS(CLI_X)
#undef CLI_X
};

static void usage(FILE *out)
{
    fprintf(out, "usage: crisol COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < CLI_COUNTOF(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].about);
    fprintf(
        out,
        "\n"
        "crisol COMMAND --help describes a command; crisol --version prints the version.\n"
        "\n"
        "Environment: CRISOL_DEVICE (the device: gpu, cpu, an index, a part of a name),\n"
        "CRISOL_DATA (the folder of data sets), XDG_CACHE_HOME (where built kernels are kept),\n"
        "CRISOL_CACHE (another folder for them, or off), CRISOL_TUNED (off: without what crisol\n"
        "tune has found), CRISOL_DUMP_KERNELS (a folder to which every kernel is written).\n");
}

/* What was asked for must have reached standard output. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return status ? status : cli_fail("cannot write to standard output");
    return status;
}

static const char *files_note(void)
{
#if CRISOL_HAVE_IO
    static char note[256];
    snprintf(note, sizeof note, "with crisol-io: %s", cr_io_libraries());
    return note;
#else
    return "without crisol-io (-DCRISOL_IO=OFF): no checkpoints, no models of Keras";
#endif
}

#ifdef SIGBUS
/* A file that is used where it lies (mapped) has become shorter meanwhile: nothing can be read in
 * its place, and there is nothing to go on with. */
static void on_bus_error(int signal)
{
    static const char text[] =
        "\ncrisol: a file was cut short, or its disk failed, while it was in use; begin anew with "
        "files that stay as they are\n";
    const ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)signal, (void)n;
    _exit(CLI_MISTAKE);
}
#endif

static void set_signals(void)
{
#ifdef SIGBUS
    signal(SIGBUS, on_bus_error);
#endif
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is a failed write */
#endif
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    set_signals();
    cli_command = "";
    if (strcmp(name, "--version") == 0) {
        printf("crisol %s\n%s\n", cr_version(), files_note());
        return finish(CLI_OK);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return finish(CLI_OK);
    }
    for (size_t i = 0; i < CLI_COUNTOF(commands); i++)
        if (strcmp(name, commands[i].name) == 0) {
            cli_command = commands[i].name;
            return finish(commands[i].run(argc - 2, argv + 2));
        }
    if (*name)
        cli_fail("there is no command '%s'", name);
    usage(stderr);
    return CLI_MISTAKE;
}
