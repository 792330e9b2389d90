/* files.c - output files, written whole or not at all, and the programs that draw pictures. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath */
#endif

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

static bool is_stdout(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

bool cli_is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *copy_of(const char *text)
{
    char *copy = cli_alloc(strlen(text) + 1);
    return strcpy(copy, text);
}

/* What is replaced: a link goes on pointing to it. The caller frees it. */
static char *target_of(const char *path)
{
    char *real = realpath(path, NULL);
    return real ? real : copy_of(path);
}

/* A new file beside `target`, with the permissions of the file that it will replace; -1 with errno.
 * The caller frees *name. */
static int open_beside(const char *target, char **name)
{
    struct stat st;
    size_t size = strlen(target) + 32;
    *name = cli_alloc(size);
    snprintf(*name, size, "%s.%ld.tmp", target, (long)getpid());
    int fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 && stat(target, &st) == 0)
        (void)!fchmod(fd, st.st_mode & 0777);
    return fd;
}

int cli_check_writable(const char *path)
{
    if (is_stdout(path))
        return CLI_OK;
    if (is_folder(path))
        return cli_fail("%s: cannot write: it is a folder", path);
    if (cli_is_special(path) || access(path, F_OK) == 0)
        if (access(path, W_OK) != 0)
            return cli_fail("%s: cannot write: %s", path, strerror(errno));
    if (cli_is_special(path))
        return CLI_OK;
    char *name, *target = target_of(path);
    int fd = open_beside(target, &name);
    int why = errno;
    if (fd >= 0) {
        close(fd);
        unlink(name);
    }
    free(name);
    free(target);
    return fd >= 0 ? CLI_OK : cli_fail("%s: cannot write: %s", path, strerror(why));
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* The rename reaches the disk with the folder; one that cannot be synced is not worth failing for.
 */
static void sync_folder(const char *path)
{
    char *folder = copy_of(path), *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

/* 0, or errno. */
static int write_special(const char *path, const char *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int why = fd >= 0 && write_all(fd, data, size) ? 0 : errno;
    if (fd >= 0 && close(fd) != 0 && !why)
        why = errno;
    return why;
}

/* 0, or errno, and then the old file is as it was. */
static int replace(const char *target, const char *data, size_t size)
{
    char *name;
    int fd = open_beside(target, &name);
    int why = fd >= 0 && write_all(fd, data, size) && fsync(fd) == 0 ? 0 : errno;
    if (fd >= 0 && close(fd) != 0 && !why)
        why = errno;
    if (!why && rename(name, target) != 0)
        why = errno;
    if (why && fd >= 0)
        unlink(name);
    if (!why)
        sync_folder(target);
    free(name);
    return why;
}

static int write_file(const char *path, const char *data, size_t size)
{
    char *target = target_of(path);
    const int why =
        cli_is_special(path) ? write_special(path, data, size) : replace(target, data, size);
    free(target);
    return why ? cli_fail("%s: cannot write: %s", path, strerror(why)) : CLI_OK;
}

int cli_write(const char *path, const char *data, size_t size)
{
    if (!is_stdout(path))
        return write_file(path, data, size);
    return fwrite(data, 1, size, stdout) == size ? CLI_OK
                                                 : cli_fail("cannot write to standard output");
}

/* The folder that a path lies in, and its name there; NULL: there is no such folder. */
static const char *name_in_folder(const char *path, struct stat *folder)
{
    char *copy = copy_of(path), *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    const bool is = stat(slash ? copy : ".", folder) == 0;
    free(copy);
    return !is ? NULL : slash ? strrchr(path, '/') + 1 : path;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool cli_same_file(const char *a, const char *b)
{
    struct stat x, y;
    if (is_stdout(a) || is_stdout(b))
        return false;
    const bool is = stat(a, &x) == 0, other_is = stat(b, &y) == 0;
    if (is && other_is)
        return S_ISREG(x.st_mode) && is_same(&x, &y);
    if (is || other_is)
        return false;
    const char *name = name_in_folder(a, &x), *other = name_in_folder(b, &y);
    return name && other && is_same(&x, &y) && strcmp(name, other) == 0;
}

bool cli_is_of_set(const char *path, const char *folder)
{
    struct stat x, y;
    if (is_stdout(path) || !is_folder(folder) || stat(folder, &y) != 0)
        return false;
    const char *name = name_in_folder(path, &x);
    return name && is_same(&x, &y) &&
           (strncmp(name, "train-", 6) == 0 || strncmp(name, "t10k-", 5) == 0) &&
           strstr(name, "-ubyte");
}

bool cli_ends_in(const char *path, const char *ending)
{
    const size_t n = path ? strlen(path) : 0, end = strlen(ending);
    return n > end && strcmp(path + n - end, ending) == 0;
}

/* All of f, and a zero behind it. */
static char *read_all(FILE *f, size_t *size)
{
    size_t cap = 1 << 16, len = 0;
    char *at = cli_alloc(cap);
    while ((len += fread(at + len, 1, cap - len - 1, f)) == cap - 1) {
        char *more = cli_alloc(2 * cap);
        memcpy(more, at, len);
        free(at);
        at = more;
        cap *= 2;
    }
    at[len] = '\0';
    *size = len;
    return at;
}

char *cli_read(const char *path)
{
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *f = from_stdin ? stdin : fopen(path, "rb");
    if (!f || (!from_stdin && is_folder(path))) {
        cli_fail("%s: cannot open: %s", path, f ? "it is a folder" : strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    size_t size;
    char *text = read_all(f, &size);
    if (ferror(f)) {
        cli_fail("%s: cannot read: %s", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (!from_stdin)
        fclose(f);
    return text;
}

/* ---- programs -------------------------------------------------------------------------------- */

const char *cli_picture_format(const char *path)
{
    if (cli_ends_in(path, ".svg"))
        return "svg";
    return cli_ends_in(path, ".png") ? "png" : NULL;
}

int cli_check_program(const char *program, const char *package)
{
    const char *path = getenv("PATH");
    for (const char *at = path; at && *at;) {
        size_t n = strcspn(at, ":");
        char *full = cli_alloc(n + strlen(program) + 2);
        memcpy(full, at, n);
        sprintf(full + n, "/%s", program);
        bool found = access(full, X_OK) == 0;
        free(full);
        if (found)
            return CLI_OK;
        at += n + (at[n] == ':');
    }
    return cli_fail("%s was not found; it draws the picture: install the package %s", program,
                    package);
}

/* Starts argv with its standard input and output on our ends of two pipes, and what it says in the
 * file `told`. */
static int start(const char *const argv[], pid_t *pid, int *to, int *from, FILE *told)
{
    int in[2], out[2];
    if (pipe(in) != 0)
        return errno;
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return errno;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (told)
        posix_spawn_file_actions_adddup2(&actions, fileno(told), STDERR_FILENO);
    const int all[4] = {in[0], in[1], out[0], out[1]};
    for (int i = 0; i < 4; i++)
        posix_spawn_file_actions_addclose(&actions, all[i]);
    union { /* posix_spawnp takes no const, and changes nothing */
        const char *const *given;
        char *const *taken;
    } args = {argv};
    int error = posix_spawnp(pid, argv[0], &actions, NULL, args.taken, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    *to = in[1];
    *from = out[0];
    if (error) {
        close(*to);
        close(*from);
    }
    return error;
}

/* What a program says matters only when it fails: gnuplot warns of every axis that it widens. */
static int filter_failed(const char *program, FILE *told)
{
    char text[400] = "";
    size_t n = 0;
    if (told) {
        rewind(told);
        n = fread(text, 1, sizeof text - 1, told);
    }
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    return cli_fail("%s failed%s%.*s", program, n ? ": " : "", (int)n, text);
}

/* The programs run here read all of their input before they write: no deadlock on two full pipes.
 */
int cli_filter(const char *const argv[], const char *input, size_t size, const char *path)
{
    pid_t pid = 0;
    int to = -1, from = -1, status = 0;
    signal(SIGPIPE, SIG_IGN);
    FILE *told = tmpfile();
    int error = start(argv, &pid, &to, &from, told);
    if (error) {
        if (told)
            fclose(told);
        return cli_fail("cannot run %s: %s", argv[0], strerror(error));
    }
    bool fed = write_all(to, input, size);
    close(to);
    FILE *f = fdopen(from, "rb");
    size_t len = 0;
    char *out = f ? read_all(f, &len) : NULL;
    if (f)
        fclose(f);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    int result;
    if (!fed || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || len == 0)
        result = filter_failed(argv[0], told);
    else
        result = cli_write(path, out, len);
    free(out);
    if (told)
        fclose(told);
    return result;
}
