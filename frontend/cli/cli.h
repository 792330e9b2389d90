/* cli.h - what the commands of `crisol` share: options, messages, output files, child processes.
 *
 * A command returns the process's exit status: 0, 1 for the user's mistake, 130 after Ctrl-C.
 * Standard output is for what was asked; all else goes to standard error. */
#ifndef CRISOL_CLI_H
#define CRISOL_CLI_H

#include <crisol/crisol.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLI_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))
enum { CLI_OK = 0, CLI_MISTAKE = 1, CLI_INTERRUPTED = 130 };

/* ---- commands ------------------------------------------------------------------------------ */

/* One row a command: name, what it does in one line. */
#define CLI_COMMANDS(X)                                                                            \
    X(devices, "list OpenCL devices, and say which one is chosen and why")                         \
    X(train, "train a net on a set of samples")                                                    \
    X(evaluate, "loss and accuracy of a model in a file")                                          \
    X(predict, "what a model in a file says of samples")                                           \
    X(compare, "the same training naive, unfused and fused, side by side")                         \
    X(dot, "draw the graph of a net, or of a text file")                                           \
    X(opt, "run passes over a graph in text form, and print what they make of it")                 \
    X(profile, "where the time of a training step goes")                                           \
    X(show, "draw samples, predictions and confusion matrices")                                    \
    X(study, "the same training again and again, with one thing changed")                          \
    X(tune, "find faster schedules for a net on a device, by measuring")                           \
    X(import, "read a model of Keras")                                                             \
    X(export, "write a model for Keras")                                                           \
    X(selftest, "check a device's results, op by op")
#define CLI_X(name, about) int cli_##name(int argc, char **argv);
CLI_COMMANDS(CLI_X)
#undef CLI_X

/* The name of the running command, for messages. */
extern const char *cli_command;

/* "crisol train: ..." on standard error; returns CLI_MISTAKE. Control characters, which may come
 * from a file, are shown as '?'. A message that begins with the name of an option whose value is of
 * a file (cli_set) names the file first. */
int cli_fail(const char *fmt, ...) CR_PRINTF(1, 2);
/* The same with the library's own message, cr_error(). */
int cli_library_failed(void);
/* The same of a file, which is named first unless the message does so. */
int cli_file_failed(const char *path);
/* malloc that does not fail: says so and exits. */
void *cli_alloc(size_t size);

/* ---- options ------------------------------------------------------------------------------- */

typedef enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_TEXT,   /* const char * */
    CLI_INPUT,  /* the same: a file that is read */
    CLI_OUTPUT, /* the same: a file that is written */
    CLI_COUNT,  /* uint64_t, a whole number; a default of CLI_NO_LIMIT is not shown */
    CLI_BYTES,  /* uint64_t, at least 1: 1000000, 64MB, 1.5GiB; a default of 0 is not shown */
    CLI_REAL,   /* float */
    CLI_CHOICE, /* int: which of the words of `value`, "naive|unfused|fused" */
    CLI_BIND    /* cli_bindings: batch=32,... */
} cli_kind;

#define CLI_NO_LIMIT UINT64_MAX

typedef struct cli_option {
    const char *name; /* "--batch" */
    cli_kind kind;
    void *to;          /* holds the default before */
    const char *value; /* what the help calls it: "N" */
    const char *help;
    bool given;       /* on the command line, or by a file */
    const char *from; /* the file that gave it; NULL: none did */
} cli_option;

enum { CLI_MAX_OPTIONS = 96 };

typedef struct cli_options {
    const char *about;      /* a line or more for --help */
    const char *positional; /* "FILE.cr", or NULL when there is none */
    const char *file;       /* the positional argument that was given */
    cli_option at[CLI_MAX_OPTIONS];
    size_t n;
} cli_options;

void cli_add(cli_options *o, const char *name, cli_kind kind, void *to, const char *value,
             const char *help);

/* Fills in what the options point to. CLI_GO, or the exit status: 0 after --help, 1 on a mistake.
 */
enum { CLI_GO = -1 };
int cli_parse(cli_options *o, int argc, char **argv);
/* No output may be an input, or another output, however their paths are spelled; --checkpoint may
 * be what --resume reads. cli_parse looks; to be asked again after options were set in other ways.
 * CLI_GO, or the exit status after a message. */
int cli_check_apart(const cli_options *o);
/* Is a word one of n others? */
bool cli_is_one_of(const char *word, const char *const list[], size_t n);
/* Was that option given? For those whose default is no value of their kind. */
bool cli_given(const cli_options *o, const char *name);

/* Sets an option as the command line would, to what the file `from` says. CLI_GO, or the exit
 * status; also when there is none of that name. `value`, `from` and `o` must live until the command
 * ends. */
int cli_set(cli_options *o, const char *name, const char *value, const char *from);
/* The file that gave the option whose name the message begins with; NULL: there is none. */
const char *cli_source(const char *message);
/* An option's value, as cli_set takes it, into buf of CLI_VALUE_TEXT bytes; returns buf, or the
 * text itself. NULL: it has none that is one text. */
enum { CLI_VALUE_TEXT = 64 };
const char *cli_value(const cli_option *p, char *buf);

typedef struct cli_bindings {
    cr_binding at[16];
    uint32_t n;
} cli_bindings;

/* ---- files --------------------------------------------------------------------------------- */

/* Can `path` be written? Says why not before any work is done. NULL is fine. CLI_OK or CLI_MISTAKE.
 */
int cli_check_writable(const char *path);
/* Writes through a temporary file that is synced and renamed: a failed write leaves the file as it
 * was. "-" or NULL is standard output. */
int cli_write(const char *path, const char *data, size_t size);
/* Is it a device or a pipe? It is written as it is, never replaced, and may have no end. */
bool cli_is_special(const char *path);
/* Are they one regular file, or would they be, once they are written? */
bool cli_same_file(const char *a, const char *b);
/* Is it one of the IDX files of a set's folder? */
bool cli_is_of_set(const char *path, const char *folder);
/* Has the path that ending (".csv")? NULL has none. */
bool cli_ends_in(const char *path, const char *ending);
/* Reads a whole text ("-": standard input); NULL after a message. The caller frees it. */
char *cli_read(const char *path);

/* ---- child processes ----------------------------------------------------------------------- */

/* The picture format of a path by its ending: "svg", "png", or NULL. */
const char *cli_picture_format(const char *path);
/* Is a program on the PATH? Else says what package has it. CLI_OK or CLI_MISTAKE. */
int cli_check_program(const char *program, const char *package);
/* Runs argv with `input` on its standard input and writes its output to `path` as cli_write does.
 */
int cli_filter(const char *const argv[], const char *input, size_t size, const char *path);

/* ---- text ---------------------------------------------------------------------------------- */

/* A growing text. */
typedef struct cli_text {
    char *at;
    size_t len, cap;
} cli_text;
void cli_put(cli_text *t, const char *fmt, ...) CR_PRINTF(2, 3);

/* A field of CSV: in quotes where it needs them. */
void cli_put_field(cli_text *t, const char *word);
/* A comma and a number; nothing behind the comma for NaN: there is none. */
void cli_put_figure(cli_text *t, double x);

/* Into buf, for the help of an option: `head`, and a line "WORD PARAMETERS" for each of n rows.
 * Returns buf. */
const char *cli_rows(char *buf, size_t size, const char *head, const char *const rows[][2],
                     size_t n);

/* "1.50 MB" into buf; returns buf. */
enum { CLI_SIZE_TEXT = 32 };
const char *cli_bytes(double bytes, char *buf);
/* "12.3 us", "1.20 ms". */
const char *cli_micros(double us, char *buf);

/* "12 s", "3:05", "1:02:03". */
const char *cli_duration(double seconds, char *buf);
/* What was measured: "12.3 ms", "9.67 s", and from 100 s on "41:00". */
const char *cli_seconds(double seconds, char *buf);

/* Elements of all axes from the one of that number on. */
size_t cli_elements(const cr_shape *shape, int from);
/* "u8[28,28,1]" into buf; returns buf. */
enum { CLI_SHAPE_TEXT = 160 };
const char *cli_shape_text(cr_dtype dtype, const cr_shape *shape, char buf[CLI_SHAPE_TEXT]);

/* Seconds, monotonic. */
double cli_now(void);
/* Sorts a and gives the value at the fraction q. */
double cli_quantile(double *a, size_t n, double q);

/* Prints a cJSON tree to standard output and frees it. */
struct cJSON;
int cli_print_json(struct cJSON *json);

#endif
