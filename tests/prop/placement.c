/* placement.c - random graphs through specialize, simplify, dce, place and transfers, in every
 * variant and with inputs that must stay on the host: the values do not change, and nothing is
 * moved that need not be. */
#include <criterion/criterion.h>

#include "passes.h"
#include "prop/compare.h"
#include "prop/random_graph.h"

enum { GRAPHS = 150, DISTANT = 4 /* a max_resident_bytes that most inputs exceed */ };

static const char graph_passes[] = "specialize,lower,simplify,dce,snapshot,place,transfers";

struct check {
    uint64_t seed;
    cr_variant variant;
    uint64_t resident;
    char why[1200];
};

static cr_pass_context compile(const cr_graph *g, const struct check *c)
{
    cr_pass_context cx = {.graph = cr_graph_like(g), .target = cr_target_builtin("cpu")};
    cr_ref *remap = calloc(g->node.len, sizeof *remap);
    for (cr_ref r = 1; r < g->node.len; r++) {
        cr_ref src[3] = {0};
        for (int i = 0; i < cr_at(g, r)->nsrc; i++)
            src[i] = remap[cr_at(g, r)->src[i]];
        remap[r] = cr_node_copy(cx.graph, g, r, src);
    }
    free(remap);
    cx.options = (cr_plan_options){.variant = c->variant,
                                   .max_transfer_bytes = UINT64_MAX,
                                   .max_resident_bytes = c->resident,
                                   .assigns = true};
    cr_assert_eq(cr_pipeline_run(&cx, graph_passes, NULL), CR_OK, "%s", cr_error());
    return cx;
}

static uint32_t transfers_in(const cr_graph *g)
{
    uint32_t n = 0;
    for (cr_ref r = 1; r < g->node.len; r++)
        n += cr_at(g, r)->op == CR_OP_COPY;
    return n;
}

static bool reads_back(const cr_graph *g)
{
    char *text = cr_graph_print(g);
    cr_graph *again = cr_graph_parse(text, "placed.cr");
    char *copy = again ? cr_graph_print(again) : NULL;
    bool same = copy && strcmp(text, copy) == 0;
    cr_string_free(text);
    cr_string_free(copy);
    cr_graph_destroy(again);
    return same;
}

static bool is_spoilt(const cr_graph *g, void *user)
{
    struct check *c = user;
    cr_pass_context cx = compile(g, c);
    snprintf(c->why, sizeof c->why, "%s", compare_graphs(g, cx.graph, c->seed, WILD, 0));
    if (!*c->why && c->variant != CR_VARIANT_NAIVE && c->resident == 0 && transfers_in(cx.graph))
        snprintf(c->why, sizeof c->why, "a resident step has transfers");
    if (!*c->why && !reads_back(cx.graph))
        snprintf(c->why, sizeof c->why, "the placed graph does not read back from its text");
    cr_pass_context_finish(&cx);
    return *c->why != 0;
}

static void try_graph(uint64_t seed, cr_variant variant, uint64_t resident)
{
    struct random_graph want = {
        .seed = seed, .nodes = 8 + (uint32_t)(seed % 40), .gradients = seed % 3 == 0};
    struct check c = {.seed = seed, .variant = variant, .resident = resident};
    cr_graph *g = random_graph(&want);
    cr_assert(g, "%s", cr_error());
    if (!is_spoilt(g, &c)) {
        cr_graph_destroy(g);
        return;
    }
    char why[1200];
    snprintf(why, sizeof why, "%s", c.why);
    report_failure(g, "placement", seed, is_spoilt, &c);
    cr_assert(false, "seed %llu, variant %d, resident %llu: %s", (unsigned long long)seed,
              (int)variant, (unsigned long long)resident, why);
}

static void try_all(cr_variant variant, uint64_t resident)
{
    uint64_t seed = first_seed("placement", 1);
    for (uint64_t i = 0; i < GRAPHS; i++)
        try_graph(seed + i, variant, resident);
}

Test(placement, fused)
{
    try_all(CR_VARIANT_FUSED, 0);
}

Test(placement, unfused)
{
    try_all(CR_VARIANT_UNFUSED, 0);
}

Test(placement, naive)
{
    try_all(CR_VARIANT_NAIVE, 0);
}

Test(placement, inputs_on_the_host)
{
    try_all(CR_VARIANT_FUSED, DISTANT);
}
