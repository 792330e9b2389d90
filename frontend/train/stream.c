/* stream.c - see stream.h.
 *
 *     window    k        k + 1         k + 2
 *               device   goes up       is gathered, by a thread
 *               works    beside that   of its own
 *
 * The device holds two windows, staging memory two more. */
#include "stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "train.h"

enum { NONE = -1 };

/* Samples on their way into staging memory. */
typedef struct gathering {
    cr_stream_pass pass;
    uint64_t from; /* the window's first sample, by its place in the pass */
    uint32_t n;
    size_t x_bytes, y_bytes; /* of one sample */
    char *x, *y;
    atomic_bool done;
} gathering;

struct cr_stream {
    cr_program *program;
    const cr_samples *samples;
    cr_stream_pass pass, next;
    bool under_way;
    int64_t current, gone_up; /* windows: seen by steps, and in the second buffer */
    int64_t gathered;         /* in staging memory, or on its way there */
    bool early;               /* the next pass's first window is, and no other one */
    gathering job;
    pthread_t thread;
    bool has_thread;
    uint64_t bytes;
};

/* ---- gathering ------------------------------------------------------------------------------- */

/* The processor does not foresee a random order. */
static void ask_for(const char *row, size_t each)
{
    enum { LINE = 64, MOST = 1024 };
    for (size_t at = 0; at < each && at < MOST; at += LINE)
        __builtin_prefetch(row + at);
}

static void gather_rows(const gathering *g, const char *from, size_t each, char *to)
{
    enum { AHEAD = 8 };
    const int32_t *order = g->pass.order ? g->pass.order + g->from : NULL;
    if (!order)
        memcpy(to, from + (g->pass.first + g->from) * each, g->n * each);
    for (uint32_t i = 0; order && i < g->n; i++) {
        if (i + AHEAD < g->n)
            ask_for(from + (size_t)order[i + AHEAD] * each, each);
        memcpy(to + i * each, from + (size_t)order[i] * each, each);
    }
}

static void *gather(void *job)
{
    gathering *g = job;
    if (g->pass.prepare)
        g->pass.prepare(g->pass.user, g->pass.number);
    gather_rows(g, g->pass.part->x, g->x_bytes, g->x);
    gather_rows(g, g->pass.part->y, g->y_bytes, g->y);
    atomic_store_explicit(&g->done, true, memory_order_release);
    return NULL;
}

static void join(cr_stream *s)
{
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    s->has_thread = false;
}

/* Where there is no thread to be had, it is done at once. */
static cr_status start(cr_stream *s, const cr_stream_pass *pass, int64_t window)
{
    gathering *g = &s->job;
    g->pass = *pass;
    g->from = (uint64_t)window * pass->window;
    g->n = (uint32_t)CR_MIN(pass->n - g->from, pass->window);
    if (!(g->x = cr_feed_stage(s->program, "train_x")) ||
        !(g->y = cr_feed_stage(s->program, "train_y")))
        return cr_last_status();
    atomic_store(&g->done, false);
    s->has_thread = pthread_create(&s->thread, NULL, gather, g) == 0;
    if (!s->has_thread)
        gather(g);
    return CR_OK;
}

/* ---- windows --------------------------------------------------------------------------------- */

static cr_status start_window(cr_stream *s, int64_t window)
{
    CR_TRY(start(s, &s->pass, window));
    s->gathered = window;
    return CR_OK;
}

/* Of the pass that will follow. */
static cr_status start_early(cr_stream *s)
{
    if (s->early || s->next.n == 0)
        return CR_OK;
    CR_TRY(start(s, &s->next, 0));
    s->early = true;
    return CR_OK;
}

static bool exists(const cr_stream *s, int64_t window)
{
    return (uint64_t)window * s->pass.window < s->pass.n;
}

/* Waits for the gathering. */
static cr_status send_up(cr_stream *s, int64_t window)
{
    if (s->gathered != window) {
        join(s);
        s->early = false;
        CR_TRY(start_window(s, window));
    }
    join(s);
    s->gathered = NONE;
    const size_t x = s->job.n * s->job.x_bytes, y = s->job.n * s->job.y_bytes;
    CR_TRY(cr_feed_next(s->program, "train_x", x));
    CR_TRY(cr_feed_next(s->program, "train_y", y));
    s->gone_up = window;
    s->bytes += x + y;
    return CR_OK;
}

/* What can be done for later windows without waiting. */
static cr_status look_ahead(cr_stream *s)
{
    int64_t next = s->current + 1;
    if (s->gone_up != next && s->gathered == next && atomic_load(&s->job.done))
        CR_TRY(send_up(s, next));
    if (s->gone_up == next)
        next++;
    if (s->gathered != NONE)
        return CR_OK;
    return exists(s, next) ? start_window(s, next) : start_early(s);
}

static cr_status enter(cr_stream *s, int64_t window)
{
    if (window == s->current)
        return CR_OK;
    if (s->gone_up != window)
        CR_TRY(send_up(s, window));
    CR_TRY(cr_feed_switch(s->program, "train_x"));
    CR_TRY(cr_feed_switch(s->program, "train_y"));
    s->current = window;
    s->gone_up = NONE;
    return look_ahead(s);
}

cr_status cr_stream_enter(cr_stream *s, uint32_t batch, uint64_t done, uint64_t *n)
{
    const uint64_t at = done * batch, left = s->pass.window - at % s->pass.window;
    *n = CR_MIN(*n, left / batch);
    return enter(s, (int64_t)(at / s->pass.window));
}

/* In halves: a run may take longer than a gathering. */
static cr_status run_inside(cr_stream *s, cr_program *program, uint64_t n)
{
    if (n > 1)
        CR_TRY(cr_run(program, n / 2));
    CR_TRY(look_ahead(s));
    CR_TRY(cr_run(program, n - n / 2));
    return look_ahead(s);
}

cr_status cr_stream_run(cr_stream *s, cr_program *program, uint32_t batch, uint64_t done,
                        uint64_t n)
{
    for (uint64_t inside; n > 0; n -= inside, done += inside) {
        inside = n;
        CR_TRY(cr_stream_enter(s, batch, done, &inside));
        CR_TRY(run_inside(s, program, inside));
    }
    return CR_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Of a mapped file that the host's memory cannot hold: the system would read on after each row, for
 * nothing. (Of a smaller one that fills the memory with rows of later windows.) */
static void expect_any_row(const void *samples, uint64_t bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    const uint64_t first = cr_align_up((uint64_t)(uintptr_t)samples, page);
    const uint64_t last = ((uint64_t)(uintptr_t)samples + bytes) / page * page;
    if (bytes > memory / 2 && last > first)
        (void)posix_madvise((void *)(uintptr_t)first, (size_t)(last - first), POSIX_MADV_RANDOM);
}

/* All that it takes is taken now. */
cr_stream *cr_stream_create(cr_program *program, const cr_samples *samples, bool shuffled)
{
    cr_stream *s = cr_alloc(sizeof *s);
    if (!s)
        return NULL;
    s->program = program;
    s->samples = samples;
    s->job.x_bytes = cr_x_bytes(samples, 1);
    s->job.y_bytes = cr_y_bytes(samples, 1);
    if (shuffled)
        expect_any_row(samples->train.x, cr_x_bytes(samples, samples->train.n));
    if (cr_feed_stage(program, "train_x") && cr_feed_stage(program, "train_y"))
        return s;
    cr_free(s);
    return NULL;
}

void cr_stream_destroy(cr_stream *s)
{
    if (s)
        join(s);
    cr_free(s);
}

void cr_stream_stop(cr_stream *s)
{
    join(s);
    s->current = s->gone_up = s->gathered = NONE;
    s->under_way = s->early = false;
}

static bool is_same(const cr_stream_pass *a, const cr_stream_pass *b)
{
    return a->key == b->key && a->part == b->part && a->order == b->order && a->first == b->first &&
           a->n == b->n && a->window == b->window;
}

void cr_stream_begin(cr_stream *s, const cr_stream_pass *pass, const cr_stream_pass *next)
{
    const bool begun = s->early && is_same(pass, &s->next);
    if (!begun)
        cr_stream_stop(s);
    s->current = s->gone_up = NONE;
    s->gathered = begun ? 0 : NONE;
    s->pass = *pass;
    s->next = *next;
    s->under_way = true;
    s->early = false;
}

bool cr_stream_is_prepared(cr_stream *s, uint32_t number)
{
    const bool is = s->early && s->next.prepare && s->next.number == number;
    if (is)
        join(s);
    return is;
}

bool cr_stream_is_at(const cr_stream *s, uint32_t key)
{
    return s->under_way && s->pass.key == key;
}

uint64_t cr_stream_bytes(const cr_stream *s)
{
    return s->bytes;
}
