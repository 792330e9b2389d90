/* view.c - see view.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view.h"

static cr_status map(int fd, const char *path, size_t size, cr_view *out)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return cr_fail(CR_E_IO, "%s: cannot map: %s", path, strerror(errno));
    *out = (cr_view){.at = at, .size = size, .mapped = true};
    return CR_OK;
}

static cr_status read_whole(const char *path, cr_view *out)
{
    out->at = cr_file_read(path, &out->size);
    return out->at ? CR_OK : cr_last_status();
}

/* The open file, to be closed, and what it is; -1 on failure. */
static int open_file(const char *path, int flags, struct stat *st)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd >= 0 && fstat(fd, st) == 0 && !S_ISDIR(st->st_mode))
        return fd;
    cr_fail(CR_E_IO, "%s: cannot open: %s", path,
            fd >= 0 && S_ISDIR(st->st_mode) ? "it is a folder" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

cr_status cr_view_open(const char *path, cr_view *out)
{
    struct stat st = {.st_mode = 0};
    memset(out, 0, sizeof *out);
    const int fd = open_file(path, 0, &st);
    if (fd < 0)
        return cr_last_status();
    cr_status status;
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        status = map(fd, path, (size_t)st.st_size, out);
    else
        status = read_whole(path, out);
    close(fd);
    return status;
}

cr_status cr_view_head(const char *path, char *out, size_t n)
{
    struct stat st = {.st_mode = 0};
    memset(out, 0, n);
    const int fd = open_file(path, O_NONBLOCK, &st);
    if (fd < 0)
        return cr_last_status();
    cr_status status = CR_OK;
    if (!S_ISREG(st.st_mode))
        status = cr_fail(CR_E_IO, "%s: it is no regular file", path);
    else if (pread(fd, out, n, 0) < 0)
        status = cr_fail(CR_E_IO, "%s: cannot read: %s", path, strerror(errno));
    close(fd);
    return status;
}

void cr_view_close(cr_view *view)
{
    if (view->mapped)
        munmap((void *)(uintptr_t)view->at, view->size);
    else
        cr_free((void *)(uintptr_t)view->at);
    memset(view, 0, sizeof *view);
}
