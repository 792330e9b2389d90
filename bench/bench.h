/* bench.h - what the programs of the benchmarks share: a clock, a way out, medians, and the talk of
 * a worker with bench.py.
 *
 * A worker reads one command a line and answers each with one line: "ok WORDS", or "error TEXT". It
 * says "ok WORDS" first, when it is ready. Which commands there are is up to the worker. */
#ifndef BENCH_H
#define BENCH_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds; the same clock in all processes. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

__attribute__((format(printf, 1, 2))) _Noreturn static inline void bench_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("bench: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static inline void *bench_alloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        bench_die("out of memory");
    return p;
}

static inline int bench_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. */
static inline double bench_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, bench_order);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Uniform in [-1, 1), the same on every run. */
static inline float bench_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1u << 23) - 1;
}

/* Answers on standard output. */
__attribute__((format(printf, 1, 2))) static inline void bench_answer(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
}

/* How long n runs of what is measured take; each worker has its own. Negative: they failed. */
typedef double (*bench_timer)(void *user, uint64_t n);

/* Runs for about `seconds` in one piece and gives the seconds of one run. *each is what one took
 * the last time, 0 at first: then the pieces grow until they can be timed, which is the warm-up. */
static inline double bench_measure(bench_timer timer, void *user, double seconds, double *each)
{
    for (uint64_t n = 1; *each <= 0; n *= 4) {
        const double t = timer(user, n);
        if (t < 0)
            return t;
        if (t > 0.05)
            *each = t / (double)n;
    }
    const double runs = seconds / *each;
    const uint64_t n = runs < 1 ? 1 : (uint64_t)runs;
    const double t = timer(user, n);
    if (t >= 0)
        *each = t / (double)n;
    return t < 0 ? t : *each;
}

#endif
