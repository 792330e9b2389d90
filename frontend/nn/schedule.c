/* schedule.c - the learning rate over the steps, as ops of the graph. */
#include "schedule.h"

#include <math.h>

#include "crisol/ops.h"
#include "ir.h"

enum { MOST_STEPS = 1 << 24 }; /* f32 counts no further */

const char *cr_lr_schedule_wrong(const cr_lr_schedule *s)
{
    if ((unsigned)s->kind >= CR_LR_COUNT)
        return "no such schedule";
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
