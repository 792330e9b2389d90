/* Measured schedules: their text, what of it is refused, and that a plan follows them. */
#include "tuned.h"

#include "run_pass.h"

static const char product[] = "%1 = input \"x\" : f32[96,64]\n"
                              "%2 = input \"y\" : f32[64,160]\n"
                              "%3 = matmul %1, %2 : f32[96,160]\n"
                              "output \"z\", %3";

static const cr_phase *contraction_of(const cr_pass_context *cx)
{
    for (uint32_t i = 0; i < cx->plan->phase.len; i++)
        if (cx->plan->phase.at[i].family == CR_FAMILY_CONTRACT)
            return &cx->plan->phase.at[i];
    cr_assert(false, "no contraction");
    return NULL;
}

static cr_pass_context planned(const cr_tuned *tuned, uint32_t n)
{
    cr_pass_context cx = pass_context(product);
    cx.options.tuned = tuned;
    cx.options.ntuned = n;
    run_passes(&cx, NULL);
    return cx;
}

static char *plan_text(const cr_pass_context *cx)
{
    cr_strbuf s = {0};
    cr_plan_print(cx->plan, &s);
    return cr_str_take(&s);
}

/* The text of one record for the built-in target. */
static char *record(const char *key, cr_strbuf *s)
{
    const cr_tuned u = {key, 6, 4, 48, 64, 0};
    cr_tuned_print(cr_target_builtin("cpu"), &u, 1, s);
    return s->at;
}

static void refused(const char *text, const char *why)
{
    cr_arena a = {0};
    const cr_tuned *list;
    uint32_t n;
    cr_assert_eq(cr_tuned_parse(text, cr_target_builtin("cpu"), &a, &list, &n), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), why), "%s", cr_error());
    cr_arena_finish(&a);
}

Test(tuned, text_round_trip)
{
    const cr_tuned two[] = {{"1x2x3x4-0", 8, 3, 0, 0, 0}, {"1x5x6x7-1", 12, 2, 24, 64, 288}};
    cr_strbuf s = {0}, again = {0};
    cr_arena a = {0};
    const cr_tuned *list;
    uint32_t n;
    cr_tuned_print(cr_target_builtin("cpu"), two, 2, &s);
    cr_assert_eq(cr_tuned_parse(s.at, cr_target_builtin("cpu"), &a, &list, &n), CR_OK, "%s",
                 cr_error());
    cr_assert_eq(n, 2);
    cr_tuned_print(cr_target_builtin("cpu"), list, n, &again);
    cr_assert_str_eq(s.at, again.at);
    cr_arena_finish(&a);
    cr_str_finish(&s);
    cr_str_finish(&again);
}

/* Each prefix, and each text with one character changed. */
Test(tuned, damaged)
{
    cr_strbuf s = {0};
    char *text = record("1x2x3x4-0", &s);
    for (size_t i = 0; i < s.len; i++) {
        const char was = text[i];
        text[i] ^= 1;
        refused(text, "damaged");
        text[i] = '\0';
        refused(text, "damaged");
        text[i] = was;
    }
    cr_str_finish(&s);
}

Test(tuned, foreign)
{
    cr_target t = *cr_target_builtin("cpu");
    const cr_tuned u = {"1x2x3x4-0", 6, 4, 48, 64, 0}, wild = {"1x2x3x4-0", 600, 4, 48, 64, 0};
    cr_strbuf s = {0};
    cr_tuned_print(cr_target_builtin("gpu"), &u, 1, &s);
    refused(s.at, "of another device");
    cr_str_finish(&s);
    snprintf(t.driver, sizeof t.driver, "another");
    cr_tuned_print(&t, &u, 1, &s);
    refused(s.at, "of another driver");
    cr_str_finish(&s);
    t = *cr_target_builtin("cpu");
    t.compute_units++;
    cr_tuned_print(&t, &u, 1, &s);
    refused(s.at, "other limits");
    cr_str_finish(&s);
    cr_tuned_print(cr_target_builtin("cpu"), &u, 1, &s);
    strstr(s.at, "\nversion ")[9] = '9';
    const size_t n = (size_t)(strstr(s.at, "\nend ") + 1 - s.at);
    snprintf(s.at + n + 4, 17, "%016llx", (unsigned long long)cr_hash(CR_HASH_SEED, s.at, n));
    s.at[n + 20] = '\n';
    refused(s.at, "of another version");
    cr_str_finish(&s);
    cr_tuned_print(cr_target_builtin("cpu"), &wild, 1, &s);
    refused(s.at, "is no record");
    cr_str_finish(&s);
}

/* On GPUs a record is taken as a whole, or not at all. */
Test(tuned, gpu_plan_follows)
{
    char key[CR_TUNED_KEY];
    cr_pass_context cx = pass_context(product);
    cx.target = cr_target_builtin("gpu");
    run_passes(&cx, NULL);
    const cr_schedule was = contraction_of(&cx)->schedule;
    cr_tuned_key(cx.plan, contraction_of(&cx), key);
    cr_pass_context_finish(&cx);
    const cr_tuned list[] = {
        {key, 4, 2, 32, 32, 8}, {key, 4, 2, 33, 32, 8}, {key, 4, 2, 1 << 20, 1 << 20, 8}};
    for (uint32_t i = 0; i < CR_COUNTOF(list); i++) {
        cx = pass_context(product);
        cx.target = cr_target_builtin("gpu");
        cx.options.tuned = &list[i];
        cx.options.ntuned = 1;
        run_passes(&cx, NULL);
        const cr_schedule *s = &contraction_of(&cx)->schedule;
        cr_assert_eq(s->reg_m, i ? was.reg_m : 4);
        cr_assert_eq(s->tile_m, i ? was.tile_m : 32);
        cr_assert_eq(s->block_k, i ? was.block_k : 8);
        cr_pass_context_finish(&cx);
    }
}

/* A record of this contraction changes its schedule, one of another nothing; the same options give
 * the same plan. */
Test(tuned, plan_follows)
{
    char key[CR_TUNED_KEY];
    cr_pass_context plain = planned(NULL, 0);
    cr_tuned_key(plain.plan, contraction_of(&plain), key);
    const cr_tuned mine = {key, 6, 4, 48, 64, 0}, other = {"1x2x3x4-0", 6, 4, 48, 64, 0};
    cr_pass_context tuned = planned(&mine, 1), again = planned(&mine, 1),
                    unchanged = planned(&other, 1);
    const cr_schedule *s = &contraction_of(&tuned)->schedule;
    cr_assert_eq(s->reg_m, 6);
    cr_assert_eq(s->reg_n, 4);
    cr_assert_eq(s->tile_m, 48);
    cr_assert_eq(s->tile_n, 64);
    cr_assert_eq(contraction_of(&tuned)->groups, 6);
    char *text[4] = {plan_text(&plain), plan_text(&unchanged), plan_text(&tuned),
                     plan_text(&again)};
    cr_assert_str_eq(text[0], text[1]);
    cr_assert_str_eq(text[2], text[3]);
    cr_assert_str_neq(text[0], text[2]);
    for (int i = 0; i < 4; i++)
        cr_string_free(text[i]);
    cr_pass_context_finish(&plain);
    cr_pass_context_finish(&tuned);
    cr_pass_context_finish(&again);
    cr_pass_context_finish(&unchanged);
}
