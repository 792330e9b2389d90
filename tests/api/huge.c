/* A training set that is larger than the host's memory: a mapped file, most of it a hole. Only the
 * rows of the steps that are run are touched. crisol-test: slow timeout=600 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base.h"
#include "crisol/crisol.h"

enum { FEATURES = 4096, ROW = FEATURES * sizeof(float), STEPS = 200 };

/* f32 [n, FEATURES], all 0, and the file's labels behind them. */
static const char *map_hole(size_t bytes)
{
    char name[] = "/var/tmp/crisol-test-XXXXXX";
    const int file = mkstemp(name);
    cr_assert(file >= 0);
    unlink(name);
    cr_assert_eq(ftruncate(file, (off_t)bytes), 0);
    void *at = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    cr_assert(at != MAP_FAILED);
    close(file);
    return at;
}

Test(huge, larger_than_the_host)
{
    const uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint32_t n = (uint32_t)(memory / 4 * 5 / ROW);
    const size_t bytes = (size_t)n * (ROW + 1);
    const char *at = map_hole(bytes);
    const cr_samples s = {
        .x_shape = CR_SHAPE(FEATURES), .y_dtype = CR_U8, .train = {at, at + (size_t)n * ROW, n}};
    cr_net net;
    cr_assert_eq(cr_net_parse("dense 8 relu, dense 3", &net), CR_OK);
    const cr_train_options o = {.model = cr_net_model,
                                .model_user = &net,
                                .raw = true,
                                .loss = CR_LOSS_SOFTMAX_CROSS_ENTROPY,
                                .no_evaluation = true};
    cr_trainer *t = cr_trainer_create_of(&s, &o);
    cr_assert_not_null(t, "%s", cr_error());
    const cr_trainer_info i = cr_trainer_get_info(t);
    cr_assert_eq(i.placement, CR_PLACED_STREAMED);
    cr_assert_eq(cr_trainer_begin(t), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_run(t, STEPS), CR_OK, "%s", cr_error());
    cr_assert_eq(cr_trainer_check(t), CR_OK, "%s", cr_error());
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    cr_assert((uint64_t)use.ru_maxrss * 1024 < memory / 4, "%ld KiB", use.ru_maxrss);
    cr_trainer_destroy(t);
    cr_net_finish(&net);
    munmap((void *)(uintptr_t)at, bytes);
    cr_assert_eq(cr_live_blocks(), 0);
}
