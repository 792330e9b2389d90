/* pipeline.c - the table of passes, and the driver that runs it.
 *
 *     the user's graph
 *        |  specialize    the roots asked for; sizes become literals
 *        |  lower         convolutions become contractions over views
 *        |  simplify      rules.def, movement algebra, constant folding
 *        |  dce           what no root reaches goes
 *        |  snapshot      roots take states as they were before the step
 *        |                ------- up to here the same in all variants, bit for bit
 *        |  place         naive: operands up, results down, around each op of the user
 *        |  transfers     (unfused, fused) everything stays on the device; the budget is checked
 *     a placed graph
 *        |  fuse          phases: what one sweep computes (unfused, naive: one op of the user)
 *        |  schedule      tiles
 *        |  order         launches and steps
 *        |  ahead         (fused) rows that the next step of a launch begins with
 *        |  memory        offsets
 *        |  layout        (fused) the states that a launch of resident groups works on
 *     a plan
 *
 * The driver verifies the graph before and after, measures time, says whether the graph changed,
 * and empties the scratch arena; a pass does none of it. What a pass leaves must verify: when it
 * does not, that is our bug, and the graph is written to a file. */
#include "passes.h"

enum {
    NAIVE = 1u << CR_VARIANT_NAIVE,
    UNFUSED = 1u << CR_VARIANT_UNFUSED,
    FUSED = 1u << CR_VARIANT_FUSED,
    ALL = NAIVE | UNFUSED | FUSED
};

#define USER CR_LEVEL_USER
#define LITERAL CR_LEVEL_LITERAL
#define PLACED CR_LEVEL_PLACED

/* A pass that asks for less than it is given leaves what it was given: simplify works on symbols,
 * and leaves a literal graph literal. */
/* clang-format off */
const cr_pass cr_passes[] = {
    /* name         run                 before   after    in   what it does */
    {"specialize", cr_pass_specialize, USER,    LITERAL, ALL, "keep the roots asked for, make sizes literal"},
    {"lower",      cr_pass_lower,      LITERAL, LITERAL, ALL, "write out convolutions as contractions over views"},
    {"simplify",   cr_pass_simplify,   USER,    USER,    ALL, "rewrite by rules, fold constants"},
    {"dce",        cr_pass_dce,        USER,    USER,    ALL, "leave out what no root reaches"},
    {"snapshot",   cr_pass_snapshot,   LITERAL, LITERAL, ALL, "let roots take states as they were before the step"},
    {"place",      cr_pass_place,      LITERAL, PLACED,  ALL, "naive placement: everything through the host"},
    {"transfers",  cr_pass_transfers,  PLACED,  PLACED,  ALL, "remove needless transfers, check the budget"},
    {"fuse",       cr_pass_fuse,       PLACED,  PLACED,  ALL, "grow phases"},
    {"schedule",   cr_pass_schedule,   PLACED,  PLACED,  ALL, "choose tiles"},
    {"order",      cr_pass_order,      PLACED,  PLACED,  ALL, "order phases into launches and steps"},
    {"ahead",      cr_pass_ahead,      PLACED,  PLACED,  FUSED, "fetch what the next step begins with"},
    {"memory",     cr_pass_memory,     PLACED,  PLACED,  ALL, "give every value an offset"},
    {"layout",     cr_pass_layout,     PLACED,  PLACED,  FUSED, "lay out states for resident groups"},
};
/* clang-format on */
const uint32_t cr_pass_count = CR_COUNTOF(cr_passes);

/* ---- what passes share ----------------------------------------------------------------------- */

cr_status cr_pass_replace(cr_pass_context *cx, cr_graph *next)
{
    if (!next)
        return cr_fail(CR_E_MEMORY, "out of memory");
    if (next->status != CR_OK) {
        cr_status status = cr_graph_status(next);
        cr_graph_destroy(next);
        return status;
    }
    cr_graph_destroy(cx->graph);
    cx->graph = next;
    return CR_OK;
}

void cr_pass_context_finish(cr_pass_context *cx)
{
    cr_plan_destroy(cx->plan);
    cr_graph_destroy(cx->graph);
    cr_arena_finish(&cx->scratch);
    cx->plan = NULL;
    cx->graph = NULL;
}

/* ---- the list of passes to run --------------------------------------------------------------- */

static bool is_named(const char *list, const char *name, size_t *n)
{
    *n = strcspn(list, ",");
    return strlen(name) == *n && memcmp(list, name, *n) == 0;
}

bool cr_pass_listed(const char *list, const char *name)
{
    for (size_t n = 0; list; list = list[n] ? list + n + 1 : NULL)
        if (is_named(list, name, &n))
            return true;
    return false;
}

static cr_status unknown_pass(const char *name, size_t n)
{
    cr_strbuf s = {0};
    for (uint32_t i = 0; i < cr_pass_count; i++)
        cr_str_printf(&s, "%s%s", i ? ", " : "", cr_passes[i].name);
    cr_status status = cr_fail(CR_E_ARGUMENT, "no pass is called '%.*s'; there are: %s", (int)n,
                               name, cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

cr_status cr_pass_check_list(const char *list)
{
    for (size_t n = 0; list && *list; list = list[n] ? list + n + 1 : NULL) {
        bool known = false;
        for (uint32_t i = 0; i < cr_pass_count && !known; i++)
            known = is_named(list, cr_passes[i].name, &n);
        if (!known)
            return unknown_pass(list, strcspn(list, ","));
    }
    return CR_OK;
}

/* ---- the driver ------------------------------------------------------------------------------ */

/* Our own bug: says which pass, keeps the graph in a file, and aborts. */
static cr_status broken(const cr_pass_context *cx, const cr_pass *pass)
{
    if (cr_last_status() == CR_E_MEMORY)
        return CR_E_MEMORY;
    char path[64];
    snprintf(path, sizeof path, "crisol-bug-%s.cr", pass->name);
    fprintf(stderr, "crisol: the graph after pass '%s' is wrong: %s\n", pass->name, cr_error());
    char *text = cr_graph_print(cx->graph);
    if (text && cr_file_write(path, text, strlen(text)) == CR_OK)
        fprintf(stderr, "crisol: it was written to %s\n", path);
    cr_string_free(text);
    CR_ASSERT(!"a pass leaves a graph that verifies");
    return CR_E_GRAPH;
}

/* What tells graphs apart: what the roots reach, and how much there is beside it. */
struct fingerprint {
    uint64_t hash;
    uint32_t size;
};

static struct fingerprint fingerprint_of(const cr_graph *g)
{
    return (struct fingerprint){cr_graph_hash(g), cr_graph_size(g)};
}

static cr_status run_pass(cr_pass_context *cx, const cr_pass *pass,
                          const cr_pass_observer *observer)
{
    struct fingerprint old = {0}, now = {0};
    if (observer)
        old = fingerprint_of(cx->graph);
    cx->changes = 0;
    double start = cr_now();
    cr_status status = pass->run(cx);
    double seconds = cr_now() - start;
    cr_arena_finish(&cx->scratch);
    if (status == CR_OK && observer && observer->after) {
        now = fingerprint_of(cx->graph);
        bool changed = cx->plan || old.hash != now.hash || old.size != now.size;
        observer->after(observer->user, pass, cx, changed, seconds);
    }
    return status;
}

cr_status cr_pipeline_run(cr_pass_context *cx, const char *only, const cr_pass_observer *observer)
{
    bool first = true;
    cr_level level = CR_LEVEL_USER;
    CR_TRY(cr_pass_check_list(only));
    for (uint32_t i = 0; i < cr_pass_count; i++) {
        const cr_pass *pass = &cr_passes[i];
        if (only ? !cr_pass_listed(only, pass->name) : !(pass->variants >> cx->options.variant & 1))
            continue;
        if (first || pass->before > level)
            CR_TRY(cr_verify(cx->graph, pass->before)); /* the caller's graph */
        level = CR_MAX(level, pass->before);
        CR_TRY(run_pass(cx, pass, observer));
        level = CR_MAX(level, pass->after);
        if (cr_verify(cx->graph, level) != CR_OK)
            return broken(cx, pass);
        first = false;
    }
    return CR_OK;
}
