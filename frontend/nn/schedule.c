/* schedule.c - the learning rate over the steps, as text and as ops of the graph. */
#include "schedule.h"

#include <math.h>

#include "crisol/ops.h"
#include "ir.h"
#include "words.h"

enum { MOST_STEPS = 1 << 24 }; /* f32 counts no further */

const char *cr_lr_schedule_wrong(const cr_lr_schedule *s)
{
    if ((unsigned)s->kind >= CR_LR_COUNT)
        return "no such schedule";
    if (!(s->epochs >= 0) || !(s->warmup_epochs >= 0))
        return "schedule.epochs and .warmup_epochs must not be negative";
    if (s->epochs != 0 || s->warmup_epochs != 0)
        return "schedule.epochs and .warmup_epochs need a trainer, which knows the steps of an "
               "epoch";
    if (s->warmup < 0 || s->warmup > MOST_STEPS)
        return "schedule.warmup must be from 0 to 2^24 steps";
    if (s->kind == CR_LR_CONSTANT)
        return NULL;
    if (s->steps < 1 || s->steps > MOST_STEPS)
        return "schedule.steps must be from 1 to 2^24";
    if (s->kind == CR_LR_COSINE)
        return s->decay >= 0 && s->decay <= 1 ? NULL
                                              : "schedule.decay of a cosine must be in [0, 1]";
    return s->decay > 0 && isfinite(s->decay) ? NULL : "schedule.decay must be above 0";
}

/* ---- epochs ---------------------------------------------------------------------------------- */

/* The nearest whole number of steps; what is out of range stays so. */
static int64_t steps_of(float epochs, uint64_t steps_of_epoch)
{
    const double steps = floor((double)epochs * (double)steps_of_epoch + 0.5);
    return steps > MOST_STEPS ? MOST_STEPS + 1 : CR_MAX((int64_t)steps, 1);
}

cr_lr_schedule cr_lr_schedule_in_steps(const cr_lr_schedule *s, uint64_t steps_of_epoch)
{
    cr_lr_schedule o = *s;
    if (o.epochs > 0) {
        o.steps = steps_of(o.epochs, steps_of_epoch);
        o.epochs = 0;
    }
    if (o.warmup_epochs > 0) {
        o.warmup = steps_of(o.warmup_epochs, steps_of_epoch);
        o.warmup_epochs = 0;
    }
    return o;
}

/* ---- text ------------------------------------------------------------------------------------ */

static const struct {
    const char *word, *parameters;
} kinds[] = {
#define CR_X(name, word, parameters) {#word, parameters},
    CR_LR_SCHEDULE_MAP(CR_X)
#undef CR_X
};

/* The last word is no kind of schedule, or there is none. */
static cr_status no_kind(const cr_word_reader *r)
{
    cr_strbuf s = {0};
    for (size_t i = 0; i < CR_COUNTOF(kinds); i++)
        cr_str_printf(&s, "%s%s%s%s", i ? ", " : "", kinds[i].word, *kinds[i].parameters ? " " : "",
                      kinds[i].parameters);
    cr_status status = cr_words_unknown(r, "a schedule", cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

/* The last word as `n` epochs, from above 0. */
static bool is_span(const cr_word_reader *r, double *n)
{
    return cr_words_number(r, n) && *n > 0 && *n <= MOST_STEPS;
}

/* "N", "N steps" or "N epochs"; the word after it is the last one then. */
static cr_status read_span(cr_word_reader *r, int64_t *steps, float *epochs)
{
    double n;
    if (!cr_words_next(r))
        return cr_words_wrong(r, "'%s' needs a number of steps or epochs", r->subject);
    const cr_word_reader number = *r;
    if (!is_span(r, &n))
        return cr_words_wrong(r, "'%.*s' is not a number of steps or epochs (above 0, up to 2^24)",
                              cr_words_shown(r), r->word);
    if (cr_words_next(r) && cr_words_is(r, "epochs")) {
        *epochs = (float)n;
        cr_words_next(r);
        return CR_OK;
    }
    if (n != floor(n))
        return cr_words_wrong(&number,
                              "'%.*s' is not a whole number of steps (epochs may be parts)",
                              cr_words_shown(&number), number.word);
    *steps = (int64_t)n;
    if (cr_words_is(r, "steps"))
        cr_words_next(r);
    return CR_OK;
}

/* The last word as the decay; none is 0, which a cosine may have. */
static cr_status read_decay(cr_word_reader *r, cr_lr_schedule *out)
{
    const bool cosine = out->kind == CR_LR_COSINE;
    const char *range = cosine ? "in [0, 1]" : "above 0";
    double v = 0;
    if (r->len == 0)
        return cosine ? CR_OK : cr_words_wrong(r, "'%s' needs a decay, %s", r->subject, range);
    if (!cr_words_number(r, &v) || !(cosine ? v >= 0 && v <= 1 : v > 0 && v < 1e6))
        return cr_words_wrong(r, "'%.*s' is not a decay, %s", cr_words_shown(r), r->word, range);
    out->decay = (float)v;
    cr_words_next(r);
    return CR_OK;
}

static cr_status read_kind(cr_word_reader *r, cr_lr_schedule *out)
{
    size_t i = 0;
    if (!cr_words_next(r))
        return no_kind(r);
    while (i < CR_COUNTOF(kinds) && !cr_words_is(r, kinds[i].word))
        i++;
    if (i == CR_COUNTOF(kinds))
        return no_kind(r);
    out->kind = (cr_lr_schedule_kind)i;
    r->subject = kinds[i].word;
    if (out->kind == CR_LR_CONSTANT) {
        cr_words_next(r);
        return CR_OK;
    }
    CR_TRY(read_span(r, &out->steps, &out->epochs));
    return read_decay(r, out);
}

static cr_status read_warmup(cr_word_reader *r, cr_lr_schedule *out)
{
    r->at++; /* the comma */
    if (!cr_words_next(r) || !cr_words_is(r, "warmup"))
        return cr_words_wrong(r, "after the comma, 'warmup N [steps|epochs]' is expected");
    r->subject = "warmup";
    return read_span(r, &out->warmup, &out->warmup_epochs);
}

cr_status cr_lr_schedule_parse(const char *text, cr_lr_schedule *out)
{
    cr_word_reader r = {.what = "schedule", .text = text, .at = text};
    memset(out, 0, sizeof *out);
    CR_TRY(read_kind(&r, out));
    if (r.len == 0 && *r.at == ',')
        CR_TRY(read_warmup(&r, out));
    if (r.len == 0 && *r.at == '\0')
        return CR_OK;
    return cr_words_wrong(&r, "'%.*s' is too much for a schedule", r.len ? cr_words_shown(&r) : 1,
                          r.len ? r.word : r.at);
}

/* ---- factors --------------------------------------------------------------------------------- */

bool cr_lr_schedule_is_constant(const cr_lr_schedule *s)
{
    return s->kind == CR_LR_CONSTANT && s->warmup == 0;
}

float cr_lr_schedule_first(const cr_lr_schedule *s)
{
    return s->warmup > 0 ? 0 : 1;
}

/* (1 + cos(pi x)) / 2 for x in [0, 1], which is (1 - sin(pi u)) / 2, u = x - 1/2: the sine by a
 * minimax polynomial, to 2^-27. */
static cr_value half_cosine(cr_loc at, cr_value x)
{
    static const float series[] = {0x1.39123cp-4f, -0x1.31fbf2p-1f, 0x1.466504p+1f, -0x1.4abba2p+2f,
                                   0x1.921fb4p+1f};
    cr_graph *g = x.graph;
    cr_value u = cr_sub_at(at, x, cr_f32(g, 0.5f)), z = cr_square_at(at, u);
    cr_value sum = cr_f32(g, series[0]);
    for (size_t i = 1; i < CR_COUNTOF(series); i++)
        sum = cr_add_at(at, cr_mul_at(at, sum, z), cr_f32(g, series[i]));
    cr_value sine = cr_mul_at(at, sum, u);
    return cr_sub_at(at, cr_f32(g, 0.5f), cr_mul_at(at, cr_f32(g, 0.5f), sine));
}

/* After the warm-up, `s` steps of it done, f32. */
static cr_value decayed(cr_loc at, const cr_lr_schedule *o, cr_value s)
{
    cr_graph *g = s.graph;
    cr_value part = cr_div_at(at, s, cr_f32(g, (float)o->steps)), decay = cr_f32(g, o->decay);
    switch (o->kind) {
    case CR_LR_STEP: return cr_pow_at(at, decay, cr_floor_at(at, part));
    case CR_LR_EXPONENTIAL: return cr_pow_at(at, decay, part);
    case CR_LR_COSINE: {
        cr_value wave = half_cosine(at, cr_min_at(at, part, cr_f32(g, 1)));
        return cr_add_at(at, decay, cr_mul_at(at, cr_f32(g, 1 - o->decay), wave));
    }
    case CR_LR_CONSTANT:
    case CR_LR_COUNT: break;
    }
    return cr_f32(g, 1);
}

cr_value cr_lr_schedule_factor(cr_loc at, const cr_lr_schedule *o, cr_value done)
{
    cr_graph *g = done.graph;
    cr_value s = cr_cast_at(at, done, CR_F32);
    if (o->warmup == 0)
        return decayed(at, o, s);
    cr_value warmup = cr_f32(g, (float)o->warmup);
    cr_value after = cr_max_at(at, cr_sub_at(at, s, warmup), cr_f32(g, 0));
    return cr_select_at(at, cr_lt_at(at, s, warmup), cr_div_at(at, s, warmup),
                        decayed(at, o, after));
}
