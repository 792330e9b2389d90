/* simplify.c - random graphs: simplification keeps every bit, and twice is once.
 *
 * CRISOL_SEED=n starts from another seed, CRISOL_GRAPHS=n tries so many. */
#include <criterion/criterion.h>

#include "prop/compare.h"
#include "prop/random_graph.h"
#include "rewrite.h"

enum { GRAPHS = 400 };

struct check {
    bool fast;
    uint64_t seed;
    char why[1200];
};

static cr_graph *simplified(const cr_graph *g, bool fast)
{
    uint32_t changes;
    cr_graph *made = cr_rewrite(g, fast, NULL, &changes);
    cr_assert(made, "%s", cr_error());
    return made;
}

/* Wrong bits, or a graph that does not verify, or one that is still not simple. */
static bool is_spoilt(const cr_graph *g, void *user)
{
    struct check *c = user;
    cr_graph *once = simplified(g, c->fast), *twice = simplified(once, c->fast);
    char *a = cr_graph_print(once), *b = cr_graph_print(twice);
    *c->why = 0;
    if (cr_verify(once, CR_LEVEL_LITERAL) != CR_OK)
        snprintf(c->why, sizeof c->why, "%s", cr_error());
    if (!*c->why && strcmp(a, b) != 0)
        snprintf(c->why, sizeof c->why, "simplifying again changes something");
    for (int how = TAME; how <= WILD && !c->fast && !*c->why; how++)
        snprintf(c->why, sizeof c->why, "%s", compare_graphs(g, once, c->seed, (filling)how, 0));
    cr_string_free(a);
    cr_string_free(b);
    cr_graph_destroy(once);
    cr_graph_destroy(twice);
    return *c->why != 0;
}

static uint32_t graphs(void)
{
    const char *text = getenv("CRISOL_GRAPHS");
    return text ? (uint32_t)strtoul(text, NULL, 0) : GRAPHS;
}

static void try_seed(uint64_t seed, bool fast)
{
    struct random_graph want = {
        .seed = seed, .nodes = 8 + (uint32_t)(seed % 40), .gradients = seed % 3 == 0};
    struct check c = {.fast = fast, .seed = seed};
    cr_graph *g = random_graph(&want);
    cr_assert(g, "seed %llu: %s", (unsigned long long)seed, cr_error());
    cr_assert_eq(cr_verify(g, CR_LEVEL_USER), CR_OK, "%s", cr_error());
    if (!is_spoilt(g, &c)) {
        cr_graph_destroy(g);
        return;
    }
    char why[1200];
    snprintf(why, sizeof why, "%s", c.why);
    report_failure(g, "simplify", seed, is_spoilt, &c);
    cr_assert(false, "seed %llu: %s", (unsigned long long)seed, why);
}

Test(simplify, keeps_every_bit_and_is_idempotent)
{
    uint64_t seed = first_seed("simplify", 1);
    for (uint64_t i = 0; i < graphs(); i++)
        try_seed(seed + i, false);
}

Test(simplify, fast_math_is_idempotent)
{
    uint64_t seed = first_seed("simplify, fast math", 100000);
    for (uint64_t i = 0; i < graphs(); i++)
        try_seed(seed + i, true);
}
