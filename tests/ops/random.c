/* random.c - random graphs on the device: the interpreter, fused, unfused, naive and reference, and
 * schedules of other targets, give the same bits. crisol-test: timeout=300
 *
 * CRISOL_SEED=n starts from another seed, CRISOL_GRAPHS=n tries so many, CRISOL_SLOW=1 many. */
#include "ops/on_device.h"
#include "prop/random_graph.h"

enum { GRAPHS = 4, SLOW_GRAPHS = 300 };

struct check {
    uint64_t seed;
    const struct setup *setup;
    char why[1200];
};

static bool differs(const cr_graph *g, void *user)
{
    struct check *c = user;
    snprintf(c->why, sizeof c->why, "%s", compare_on_device(g, c->setup, c->seed, WILD));
    return *c->why != 0;
}

static uint32_t graphs(void)
{
    const char *text = getenv("CRISOL_GRAPHS");
    return text ? (uint32_t)strtoul(text, NULL, 0) : getenv("CRISOL_SLOW") ? SLOW_GRAPHS : GRAPHS;
}

/* True when all setups agree. */
static bool try_seed(uint64_t seed)
{
    struct random_graph want = {
        .seed = seed, .nodes = 8 + (uint32_t)(seed % 30), .gradients = seed % 3 == 0};
    for (size_t i = 0; i < CR_COUNTOF(setups); i++) {
        struct check c = {.seed = seed, .setup = &setups[i]};
        cr_graph *g = random_graph(&want);
        cr_assert(g, "seed %llu: %s", (unsigned long long)seed, cr_error());
        if (differs(g, &c)) {
            fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, c.why);
            report_failure(g, "device", seed, differs, &c);
            return false;
        }
        cr_graph_destroy(g);
    }
    return true;
}

Test(random, device_equals_interpreter)
{
    uint64_t seed = first_seed("random graphs on the device", 1);
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < graphs(); i++)
        wrong += !try_seed(seed + i);
    cr_assert_eq(wrong, 0, "%u graphs", wrong);
}
