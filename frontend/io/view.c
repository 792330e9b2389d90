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

cr_status cr_view_open(const char *path, cr_view *out)
{
    struct stat st;
    memset(out, 0, sizeof *out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        cr_status status = cr_fail(CR_E_IO, "%s: cannot open: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    cr_status status;
    if (S_ISDIR(st.st_mode))
        status = cr_fail(CR_E_IO, "%s: cannot open: it is a folder", path);
    else if (S_ISREG(st.st_mode) && st.st_size > 0)
        status = map(fd, path, (size_t)st.st_size, out);
    else
        status = read_whole(path, out);
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
