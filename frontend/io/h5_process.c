/* h5_process.c - child processes of limited means. */
#include "h5_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "h5_wire.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void cr_h5_lock(void)
{
    pthread_mutex_lock(&lock);
}

void cr_h5_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- in the child ---------------------------------------------------------------------------- */

static void silence(int out)
{
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        if (fd != out)
            dup2(null, fd);
}

/* This process's handlers are not the child's. Ctrl-C is for the parent to act on. */
static void reset_signals(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT,
                                 SIGTERM, SIGXCPU, SIGXFSZ, SIGPIPE, SIGALRM};
    sigset_t none;
    for (size_t i = 0; i < CR_COUNTOF(caught); i++)
        signal(caught[i], SIG_DFL);
    signal(SIGINT, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void limit(int what, uint64_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0 || (now.rlim_max != RLIM_INFINITY && now.rlim_max < value))
        return;
    setrlimit(what, &(struct rlimit){(rlim_t)value, (rlim_t)value});
}

/* ---- in the parent --------------------------------------------------------------------------- */

/* Bytes of address space that this process uses; 0 where that is not told. */
static uint64_t address_space(void)
{
    char line[128] = "";
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    return strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static pid_t start(int ends[2], unsigned cpu_seconds, uint64_t memory,
                   void (*body)(int out, void *user), void *user)
{
    uint64_t space = address_space();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    close(ends[0]);
    silence(ends[1]);
    reset_signals();
    if (space)
        limit(RLIMIT_AS, space + memory);
    limit(RLIMIT_CPU, cpu_seconds);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    body(ends[1], user);
    _exit(1);
}

cr_status cr_h5_process_start(cr_h5_process *p, const char *name, unsigned cpu_seconds,
                              uint64_t memory, void (*body)(int out, void *user), void *user)
{
    int ends[2];
    *p = (cr_h5_process){.pid = -1, .fd = -1};
    cr_h5_lock();
    if (pipe(ends) == 0) {
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        fcntl(ends[1], F_SETFD, FD_CLOEXEC);
        p->pid = start(ends, cpu_seconds, memory, body, user);
        int why = errno;
        close(ends[1]);
        p->fd = ends[0];
        errno = why;
    }
    cr_h5_unlock();
    if (p->pid > 0)
        return CR_OK;
    cr_fail(CR_E_IO, "%s: cannot start a process that reads it: %s", name, strerror(errno));
    cr_h5_process_end(p);
    return CR_E_IO;
}

size_t cr_h5_process_read(cr_h5_process *p, void *out, size_t n)
{
    for (;;) {
        struct pollfd ready = {.fd = p->fd, .events = POLLIN};
        int some = poll(&ready, 1, CR_H5_SECONDS * 1000);
        ssize_t got = some > 0 ? read(p->fd, out, n) : some;
        if (got < 0 && errno == EINTR)
            continue;
        return got > 0 ? (size_t)got : 0;
    }
}

/* Killed first, so that waiting ends. A program that ignores SIGCHLD leaves nothing to wait for. */
void cr_h5_process_end(cr_h5_process *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    *p = (cr_h5_process){.pid = -1, .fd = -1};
}
