/* file.c - whole files, read and written at once. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

static cr_status io_error(const char *path, const char *verb)
{
    return cr_fail(CR_E_IO, "%s: cannot %s: %s", path, verb, strerror(errno));
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *at, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* A pipe or a terminal has no older version to protect, and must not be replaced by a file. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static cr_status write_special(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error(path, "open");
    bool ok = write_all(fd, data, size);
    cr_status status = ok ? CR_OK : io_error(path, "write");
    close(fd);
    return status;
}

/* Opens a new file beside `target`, under the permissions of the file that it will replace, or of
 * those that the process gives to new files. */
static int open_temporary(const char *target, char *name, size_t name_size)
{
    static atomic_uint serial;
    struct stat st;
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 100; tries++) {
        snprintf(name, name_size, "%s.%ld-%u.tmp", target, (long)getpid(),
                 atomic_fetch_add(&serial, 1));
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd >= 0 && stat(target, &st) == 0)
        (void)!fchmod(fd, st.st_mode & 0777);
    return fd;
}

/* The rename itself reaches the disk only with the folder. A file system that cannot sync a folder
 * is not worth failing for. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static bool write_temporary(int fd, const void *data, size_t size)
{
    bool ok = write_all(fd, data, size) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) == 0 && ok)
        return true;
    if (!ok)
        errno = why; /* the first failure tells more than that of close */
    return false;
}

static cr_status write_file(const char *path, const char *target, const void *data, size_t size)
{
    size_t name_size = strlen(target) + 48;
    char *name = cr_alloc(name_size);
    if (!name)
        return CR_E_MEMORY;
    cr_status status = CR_OK;
    int fd = open_temporary(target, name, name_size);
    if (fd < 0) {
        status = io_error(path, "create");
    } else if (!write_temporary(fd, data, size) || rename(name, target) != 0) {
        status = io_error(path, "write");
        unlink(name);
    } else {
        sync_folder(name);
    }
    cr_free(name);
    return status;
}

cr_status cr_file_write(const char *path, const void *data, size_t size)
{
    if (is_special(path))
        return write_special(path, data, size);
    char *real = realpath(path, NULL); /* a link keeps pointing to what is replaced */
    cr_status status = write_file(path, real ? real : path, data, size);
    free(real);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Reads to the end rather than a size known before, so that pipes work too. */
static char *read_all(FILE *f, size_t *size)
{
    size_t cap = 64 * 1024, len = 0;
    char *at = cr_alloc(cap);
    while (at) {
        len += fread(at + len, 1, cap - len - 1, f);
        if (len < cap - 1)
            break;
        char *more = cr_realloc(at, cap, cap * 2);
        if (!more)
            cr_free(at);
        at = more;
        cap *= 2;
    }
    if (at)
        at[len] = '\0';
    *size = len;
    return at;
}

/* A zero follows the last byte, so that a text may be used as a string. */
char *cr_file_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return io_error(path, "open"), NULL;
    size_t len;
    char *at = read_all(f, &len);
    if (at && ferror(f)) {
        io_error(path, "read");
        cr_free(at);
        at = NULL;
    }
    fclose(f);
    if (at && size)
        *size = len;
    return at;
}
