/* issued.c - runs graphs with the reference schedule in all variants, and says before each launch
 * what the plan says that it issues. Under `oclgrind --inst-counts`, which says behind each what
 * ran, tests/e2e/issued.sh compares.
 *
 *     issued FILE.cr... [--random FIRST COUNT]      graphs of tests/prop/random_graph.h, by seed
 *
 * Output: lines "graph NAME VARIANT", "refused WHY", "ledger SAVED MOVED" (bytes that fusion saves,
 * bytes that the plan moves), "launch KERNEL LOADS BYTES STORES BYTES". */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "codegen.h"
#include "compile.h"
#include "passes.h"
#include "prop/random_graph.h"
#include "runtime.h"

/* C++'s operator new, for Oclgrind: 21.10 counts calls of functions behind the end of its list
 * (InstructionCounter::workGroupComplete), so what it asks for is made longer. */
__attribute__((visibility("default"))) void *_Znwm(size_t size);
void *_Znwm(size_t size)
{
    void *p = malloc(size + 4096);
    if (!p)
        abort();
    return p;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "issued: %s: %s\n", what, cr_error());
    exit(1);
}

static void announce(const cr_plan *plan, const cr_module *m)
{
    uint64_t saved = 0, moved = 0;
    for (uint32_t i = 0; i < plan->edge.len; i++)
        saved += plan->edge.at[i].bytes_saved;
    for (uint32_t i = 0; i < plan->phase.len; i++)
        moved += plan->phase.at[i].bytes_read + plan->phase.at[i].bytes_written;
    printf("ledger %" PRIu64 " %" PRIu64 "\n", saved, moved);
    for (uint32_t i = 0; i < plan->step.len; i++) {
        if (plan->step.at[i].kind != CR_PLAN_LAUNCH)
            continue;
        const cr_launch *l = &plan->launch.at[plan->step.at[i].launch];
        cr_traffic sum = {0};
        for (uint32_t k = 0; k < l->nphase; k++) {
            const cr_traffic *t = &plan->phase.at[l->phase[k]].issued;
            sum.loads += t->loads;
            sum.load_bytes += t->load_bytes;
            sum.stores += t->stores;
            sum.store_bytes += t->store_bytes;
        }
        printf("launch %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
               m->kernel[plan->step.at[i].launch].name, sum.loads, sum.load_bytes, sum.stores,
               sum.store_bytes);
    }
    fflush(stdout);
}

/* Inputs stay zero: no count depends on a value. */
static void run(cr_exec *x)
{
    const cr_module *m = cr_exec_module(x);
    void **data = calloc(m->nslot + 1, sizeof *data);
    for (uint32_t i = 0; i < m->nslot; i++) {
        if (m->slot[i].kind != CR_SLOT_INPUT)
            continue;
        data[i] = calloc(1, m->slot[i].bytes + 1);
        check(cr_exec_feed(x, m->slot[i].name, data[i], m->slot[i].bytes) == CR_OK, "feed");
    }
    check(cr_exec_run(x, 1) == CR_OK && cr_exec_finish(x) == CR_OK, "run");
    for (uint32_t i = 0; i < m->nslot; i++)
        free(data[i]);
    free(data);
}

static void try_graph(cr_device *device, const cr_graph *g, const char *name)
{
    static const char *const variants[] = {"fused", "unfused", "naive"};
    cr_target target;
    cr_device_to_target(cr_device_describe(device), &target);
    for (int v = 0; v < 3; v++) {
        cr_pass_context cx = {.graph = cr_graph_copy(g), .target = &target};
        cx.options = (cr_plan_options){.variant = (cr_variant)v,
                                       .reference_schedule = true,
                                       .max_transfer_bytes = UINT64_MAX,
                                       .assigns = true};
        check(cx.graph && cr_pipeline_run(&cx, NULL, NULL) == CR_OK, name);
        cr_module *m = cr_codegen(cx.plan);
        check(m != NULL, name);
        printf("graph %s %s\n", name, variants[v]);
        cr_exec *x = cr_exec_create(device, NULL, m, NULL);
        if (x) {
            announce(cx.plan, cr_exec_module(x));
            run(x);
        } else { /* Oclgrind does not know every function of OpenCL */
            printf("refused %s\n", cr_error());
        }
        cr_exec_destroy(x);
        cr_pass_context_finish(&cx);
    }
}

int main(int argc, char **argv)
{
    cr_device *device = cr_device_open(NULL);
    check(device != NULL, "no device");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--random") != 0) {
            size_t size;
            char *text = cr_file_read(argv[i], &size);
            cr_graph *g = text ? cr_graph_parse(text, argv[i]) : NULL;
            check(g != NULL, argv[i]);
            try_graph(device, g, argv[i]);
            cr_graph_destroy(g);
            cr_free(text);
            continue;
        }
        uint64_t first = strtoull(argv[i + 1], NULL, 0), count = strtoull(argv[i + 2], NULL, 0);
        for (uint64_t seed = first; seed < first + count; seed++) {
            char name[32];
            snprintf(name, sizeof name, "seed-%" PRIu64, seed);
            cr_graph *g = random_graph(&(struct random_graph){.seed = seed,
                                                              .nodes = 8 + (uint32_t)(seed % 30),
                                                              .gradients = seed % 3 == 0,
                                                              .max_elements = 64});
            check(g != NULL, name);
            try_graph(device, g, name);
            cr_graph_destroy(g);
        }
        i += 2;
    }
    cr_device_unref(device);
    return 0;
}
