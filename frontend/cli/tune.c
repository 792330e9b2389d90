/* tune.c - `crisol tune`: schedules by measuring, in a child process that is ended when it hangs,
 * and when the budget is used up. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options/training.h"

enum { MOST_CONTRACTIONS = 128, MOST_HUNG = 64 };
static const double try_seconds = 10; /* longer than this, one schedule hangs */

struct tune {
    training t;
    uint64_t seconds;
    cr_tune_event row[MOST_CONTRACTIONS]; /* FOUND, and DONE once it is */
    size_t nrow;
    cr_tune_event hung[MOST_HUNG];
    size_t nhung;
    cr_tune_event step;
    bool trying, measuring; /* what the child is at */
    cr_tune_event last;     /* the last that was tried */
};

/* ---- the child ------------------------------------------------------------------------------- */

struct child {
    const struct tune *tune;
    int to;
};

static void send_event(const cr_tune_event *e, void *user)
{
    const struct child *c = user;
    if (write(c->to, e, sizeof *e) != (ssize_t)sizeof *e) /* less than PIPE_BUF: whole or not */
        _exit(CLI_MISTAKE);
}

/* What hung before, and contractions that an earlier child was done with. */
static bool skip(const cr_tune_event *e, void *user)
{
    const struct tune *t = ((const struct child *)user)->tune;
    for (size_t i = 0; i < t->nhung; i++)
        if (strcmp(t->hung[i].contraction, e->contraction) == 0 &&
            strcmp(t->hung[i].schedule, e->schedule) == 0)
            return true;
    for (size_t i = 0; i < t->nrow; i++)
        if (t->row[i].kind == CR_TUNE_DONE && strcmp(t->row[i].contraction, e->contraction) == 0)
            return true;
    return false;
}

static int work(struct tune *t, double seconds, int to)
{
    struct child child = {t, to};
    cr_data *data = training_data(&t->t);
    if (!data)
        return CLI_MISTAKE;
    cr_train_options options = training_trainer(&t->t, CR_OPT_FUSED);
    options.no_evaluation = true;
    cr_graph *g = cr_training_graph_of(&data->samples, &options);
    const uint32_t n = data->samples.train.n;
    const uint32_t batch = options.batch ? options.batch : n < 64 ? n : 64;
    const cr_binding bind = {"batch", batch};
    cr_tune_options o = {.compile = options.compile,
                         .seconds = seconds,
                         .skip = skip,
                         .event = send_event,
                         .user = &child};
    o.compile.bind = &bind;
    o.compile.nbind = 1;
    o.compile.interrupt = NULL;
    int status = g && cr_tune(g, &o) == CR_OK ? CLI_OK : cli_library_failed();
    cr_graph_destroy(g);
    cr_data_close(data);
    return status;
}

static pid_t start(struct tune *t, double seconds, int *from)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        _exit(work(t, seconds, ends[1]));
    }
    close(ends[1]);
    *from = ends[0];
    if (pid < 0)
        close(ends[0]);
    return pid;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void print_head(void)
{
    printf("%-28s %5s %10s %10s %6s %8s %5s  %s\n", "batch x M x N x K", "times", "before us",
           "after us", "ratio", "GFLOP/s", "tried", "schedule");
}

static void print_row(const cr_tune_event *e)
{
    const int key = (int)strcspn(e->contraction, "-"); /* the hash is for the file */
    if (e->kind != CR_TUNE_DONE)
        printf("%-28.*s %5u %10s %10s %6s %8s %5s  not reached\n", key, e->contraction, e->times,
               "-", "-", "-", "-", "-");
    else
        printf("%-28.*s %5u %10.2f %10.2f %6.2f %8.1f %5u  %s%s\n", key, e->contraction, e->times,
               e->before_us, e->after_us, e->before_us / e->after_us, e->flops * 1e-3 / e->after_us,
               e->tried, e->schedule, e->after_us < e->before_us ? "" : " (as before)");
    fflush(stdout);
}

static bool improved(const struct tune *t)
{
    for (size_t i = 0; i < t->nrow; i++)
        if (t->row[i].kind == CR_TUNE_DONE && t->row[i].after_us < t->row[i].before_us)
            return true;
    return false;
}

static void print_end(const struct tune *t)
{
    for (size_t i = 0; i < t->nrow; i++)
        if (t->row[i].kind != CR_TUNE_DONE)
            print_row(&t->row[i]);
    if (t->nhung)
        printf("%zu schedule%s ended the process that tried %s: left out\n", t->nhung,
               t->nhung > 1 ? "s" : "", t->nhung > 1 ? "them" : "it");
    if (t->step.after_us > 0)
        printf("step: %.2f us before, %.2f us after, ratio %.2f%s\n", t->step.before_us,
               t->step.after_us, t->step.before_us / t->step.after_us,
               t->step.after_us > t->step.before_us * 1.01 ? ": taken back" : "");
    else
        printf("step: not measured, %s\n", t->measuring  ? "the budget was used up"
                                           : improved(t) ? "too little of the budget was left"
                                                         : "nothing has changed");
}

static void take(struct tune *t, const cr_tune_event *e)
{
    size_t i = 0;
    t->trying = e->kind == CR_TUNE_TRY;
    t->measuring |= e->kind == CR_TUNE_STEP;
    if (e->kind == CR_TUNE_TRY)
        t->last = *e;
    if (e->kind == CR_TUNE_STEP)
        t->step = *e;
    if (e->kind == CR_TUNE_TRY || e->kind == CR_TUNE_STEP)
        return;
    while (i < t->nrow && strcmp(t->row[i].contraction, e->contraction) != 0)
        i++;
    if (i == MOST_CONTRACTIONS || (i < t->nrow && t->row[i].kind == CR_TUNE_DONE))
        return;
    if (t->nrow == 0)
        print_head();
    if (i == t->nrow)
        t->nrow++;
    t->row[i] = *e;
    if (e->kind == CR_TUNE_DONE)
        print_row(e);
}

/* ---- watching -------------------------------------------------------------------------------- */

/* Takes events until the child ends, hangs, or has used its time; it has ended when this returns.
 * True: it came to its end by itself, with *status. */
static bool watch(struct tune *t, pid_t pid, int from, double deadline, int *status)
{
    bool ended = false;
    for (;;) {
        double wait = deadline - cli_now();
        if (t->trying && wait > try_seconds)
            wait = try_seconds;
        struct pollfd p = {.fd = from, .events = POLLIN};
        cr_tune_event e;
        int ready = wait > 0 ? poll(&p, 1, (int)(wait * 1e3) + 1) : 0;
        if (ready <= 0 || *training_interrupt)
            break; /* too late, or Ctrl-C */
        if (read(from, &e, sizeof e) != (ssize_t)sizeof e) {
            ended = true;
            break;
        }
        take(t, &e);
    }
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    close(from);
    return ended && WIFEXITED(*status);
}

/* A child that hangs or crashes is followed by another, which leaves out what it was trying. */
static int supervise(struct tune *t)
{
    const double deadline = cli_now() + (double)t->seconds;
    for (;;) {
        int from, status = 0;
        pid_t pid = start(t, deadline - cli_now(), &from);
        if (pid < 0)
            return cli_fail("cannot start a process: %s", strerror(errno));
        if (watch(t, pid, from, deadline, &status))
            return WEXITSTATUS(status);
        if (*training_interrupt)
            return CLI_INTERRUPTED;
        if (deadline - cli_now() < 1)
            return CLI_OK;
        if (!t->trying || t->nhung == MOST_HUNG)
            return cli_fail("the process that measures has died");
        t->hung[t->nhung++] = t->last;
        t->trying = false;
    }
}

int cli_tune(int argc, char **argv)
{
    struct tune *t = cli_alloc(sizeof *t);
    t->seconds = 30;
    cli_options o = {
        .about =
            "Tries other tiles for the contractions of a training step, and stores what is\n"
            "faster for this device, beside the program cache: the compiler uses it from then\n"
            "on (not with CRISOL_TUNED=off). Results do not change by a bit. Let nothing else run.",
    };
    training_options(&t->t, &o);
    cli_add(&o, "--seconds", CLI_COUNT, &t->seconds, "N", "the budget");
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = training_check(&t->t, &o);
    if (status == CLI_GO && (t->seconds < 1 || t->seconds > 86400))
        status =
            cli_fail("--seconds: %llu is not between 1 and 86400", (unsigned long long)t->seconds);
    if (status == CLI_GO) {
        training_catch_interrupt();
        status = supervise(t);
        if (status != CLI_MISTAKE)
            print_end(t);
    }
    training_finish(&t->t);
    free(t);
    return status;
}
