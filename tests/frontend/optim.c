/* Optimizers, schedules and clipping: against Keras over 100 steps (tests/data/optimizers.h), and
 * what is refused. */
#include "host.h"

#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "data/optimizers.h"
#include "nn/schedule.h"

/* ---- Keras ----------------------------------------------------------------------------------- */

static cr_value part(cr_graph *g, const char *name, int from, cr_shape shape)
{
    cr_init init = {.kind = CR_INIT_DATA, .data = start_weights + from};
    return cr_state_at(CR_HERE, g, name, CR_F32, init, shape, true);
}

static cr_graph *small_net(const cr_optimizer *o)
{
    cr_graph *g = cr_graph_create("t");
    cr_value x = cr_input(g, "x", CR_F32, SAMPLES, INPUTS);
    cr_value t = cr_input(g, "t", CR_F32, SAMPLES, OUTPUTS);
    int at = 0;
    cr_value w1 = part(g, "w1", at, CR_SHAPE(INPUTS, HIDDEN));
    cr_value b1 = part(g, "b1", at += INPUTS * HIDDEN, CR_SHAPE(HIDDEN));
    cr_value w2 = part(g, "w2", at += HIDDEN, CR_SHAPE(HIDDEN, OUTPUTS));
    cr_value b2 = part(g, "b2", at + HIDDEN * OUTPUTS, CR_SHAPE(OUTPUTS));
    cr_value h = cr_tanh(cr_add(cr_matmul(x, w1), b1));
    cr_value loss = cr_mse(cr_add(cr_matmul(h, w2), b2), t);
    cr_output(g, "loss", loss);
    cr_assert_eq(cr_minimize(loss, o), CR_OK, "%s", cr_error());
    return g;
}

/* The distance of the weights in memory from `end`, as a share of the length of `end`. */
static double distance(const host *h, const float *end)
{
    static const char *const name[] = {"w1", "b1", "w2", "b2"};
    static const int count[] = {INPUTS * HIDDEN, HIDDEN, HIDDEN * OUTPUTS, OUTPUTS};
    double off = 0, all = 0;
    for (int k = 0; k < 4; k++) {
        const float *w = host_leaf(h, name[k]);
        for (int i = 0; i < count[k]; i++, end++) {
            off += ((double)w[i] - (double)*end) * ((double)w[i] - (double)*end);
            all += (double)*end * (double)*end;
        }
    }
    return sqrt(off / all);
}

Test(optimizer, follows_keras)
{
    for (size_t i = 0; i < CR_COUNTOF(trajectories); i++) {
        const struct trajectory *t = &trajectories[i];
        host h = host_start(small_net(&t->optimizer), 0);
        memcpy(host_leaf(&h, "x"), samples, sizeof samples);
        memcpy(host_leaf(&h, "t"), wanted, sizeof wanted);
        cr_expect_gt(distance(&h, t->end), 1e-2, "row %zu goes nowhere", i);
        for (int k = 0; k < STEPS; k++)
            host_run(&h);
        double off = distance(&h, t->end);
        cr_expect_leq(off, 1e-5, "row %zu, %s: off by %.3g of the weights' norm", i,
                      cr_optimizer_name(t->optimizer.kind), off);
        host_end(&h);
    }
}

/* ---- schedules ------------------------------------------------------------------------------- */

static double factor(const cr_lr_schedule *s, int done)
{
    if (done < s->warmup)
        return done / (double)s->warmup;
    double part = (double)(done - s->warmup) / (double)s->steps, decay = (double)s->decay;
    switch (s->kind) {
    case CR_LR_STEP: return pow(decay, floor(part));
    case CR_LR_EXPONENTIAL: return pow(decay, part);
    case CR_LR_COSINE: return decay + (1 - decay) * (1 + cos(acos(-1) * fmin(part, 1))) / 2;
    default: return 1;
    }
}

/* The gradient is 1: each step moves w by the rate. */
static void check_schedule(cr_lr_schedule s)
{
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param(g, "w", CR_F32, 1);
    cr_minimize(cr_sum(w, CR_ALL_AXES), &(cr_optimizer){.lr = 1, .schedule = s});
    host h = host_start(g, 0);
    double sum = 0;
    for (int done = 0; done < 40; done++) {
        float before = *(float *)host_leaf(&h, "w");
        host_run(&h);
        double moved = (double)(before - *(float *)host_leaf(&h, "w"));
        sum += factor(&s, done);
        cr_expect_float_eq(moved, factor(&s, done), 1e-6 * fmax(1, sum), "kind %d, %d steps done",
                           (int)s.kind, done);
    }
    host_end(&h);
}

Test(schedule, follows_plain_c)
{
    for (int64_t warmup = 0; warmup <= 8; warmup += 8) {
        check_schedule((cr_lr_schedule){.kind = CR_LR_CONSTANT, .steps = 0, .warmup = warmup});
        check_schedule(
            (cr_lr_schedule){.kind = CR_LR_STEP, .steps = 7, .decay = 0.5f, .warmup = warmup});
        check_schedule((cr_lr_schedule){
            .kind = CR_LR_EXPONENTIAL, .steps = 7, .decay = 0.5f, .warmup = warmup});
        check_schedule((cr_lr_schedule){.kind = CR_LR_COSINE, .steps = 20, .warmup = warmup});
        check_schedule(
            (cr_lr_schedule){.kind = CR_LR_COSINE, .steps = 32, .decay = 0.25f, .warmup = warmup});
    }
}

/* "lr" stays what the user sets: the schedule is a factor of it. */
Test(schedule, rate_is_still_a_state)
{
    const cr_optimizer o = {.lr = 1,
                            .schedule = {.kind = CR_LR_EXPONENTIAL, .steps = 1, .decay = 0.5f}};
    cr_graph *g = cr_graph_create("t");
    cr_value w = cr_param(g, "w", CR_F32, 1);
    cr_minimize(cr_sum(w, CR_ALL_AXES), &o);
    host h = host_start(g, 0);
    host_run(&h);
    cr_assert_eq(*(float *)host_leaf(&h, "lr"), 1);
    *(float *)host_leaf(&h, "lr") = 4;
    host_run(&h);
    cr_assert_eq(*(float *)host_leaf(&h, "w"), -1 - 4 * 0.5f);
    host_end(&h);
}

/* ---- schedules as text ----------------------------------------------------------------------- */

static const struct {
    const char *text;
    cr_lr_schedule is;
} written[] = {
    {"constant", {.kind = CR_LR_CONSTANT}},
    {"constant, warmup 20 steps", {.kind = CR_LR_CONSTANT, .warmup = 20}},
    {"step 2000 0.5", {.kind = CR_LR_STEP, .steps = 2000, .decay = 0.5f}},
    {"step 3 epochs 0.5", {.kind = CR_LR_STEP, .epochs = 3, .decay = 0.5f}},
    {" exponential 100 steps 0.9 ", {.kind = CR_LR_EXPONENTIAL, .steps = 100, .decay = 0.9f}},
    {"cosine 10 epochs", {.kind = CR_LR_COSINE, .epochs = 10}},
    {"cosine 500 0.1,warmup 0.5 epochs",
     {.kind = CR_LR_COSINE, .steps = 500, .decay = 0.1f, .warmup_epochs = 0.5f}},
};

Test(schedule, reads)
{
    for (size_t i = 0; i < CR_COUNTOF(written); i++) {
        const cr_lr_schedule *is = &written[i].is;
        cr_lr_schedule s;
        cr_expect_eq(cr_lr_schedule_parse(written[i].text, &s), CR_OK, "%s", cr_error());
        cr_expect(s.kind == is->kind && s.steps == is->steps && s.decay == is->decay &&
                      s.warmup == is->warmup && s.epochs == is->epochs &&
                      s.warmup_epochs == is->warmup_epochs,
                  "%s", written[i].text);
    }
}

static const struct {
    const char *text, *says;
} misread[] = {
    {"", "schedule, column 1: a schedule is missing here; there are constant, step N"},
    {"cosin 3", "column 1: 'cosin' is not a schedule; there are constant, step N"},
    {"step", "column 5: 'step' needs a number of steps or epochs"},
    {"step -5 0.5", "column 6: '-5' is not a number of steps or epochs (above 0, up to 2^24)"},
    {"step 5 -1", "column 8: '-1' is not a decay, above 0\n  step 5 -1\n         ^~"},
    {"step 5 epochs", "column 14: 'step' needs a decay, above 0"},
    {"step 0.5 0.5", "column 6: '0.5' is not a whole number of steps (epochs may be parts)"},
    {"cosine 5 steps 2", "column 16: '2' is not a decay, in [0, 1]"},
    {"cosine 5 0.5 7", "column 14: '7' is too much for a schedule"},
    {"constant, warm 3", "column 11: after the comma, 'warmup N [steps|epochs]' is expected"},
    {"constant,", "column 10: after the comma"},
    {"constant, warmup -3", "column 18: '-3' is not a number of steps"},
    {"constant, warmup 3, step 3", "column 19: ',' is too much for a schedule"},
};

Test(schedule, points_at_mistakes)
{
    for (size_t i = 0; i < CR_COUNTOF(misread); i++) {
        cr_lr_schedule s;
        cr_expect_eq(cr_lr_schedule_parse(misread[i].text, &s), CR_E_SYNTAX, "%s", misread[i].text);
        cr_expect(strstr(cr_error(), misread[i].says), "%s: %s", misread[i].text, cr_error());
    }
}

Test(schedule, counts_epochs_in_steps)
{
    const cr_lr_schedule e = {.kind = CR_LR_COSINE, .epochs = 2.5f, .warmup_epochs = 0.001f};
    const cr_lr_schedule s = cr_lr_schedule_in_steps(&e, 11);
    cr_expect(s.steps == 28 && s.warmup == 1 && s.epochs == 0 && s.warmup_epochs == 0);
    const cr_lr_schedule low = {.kind = CR_LR_STEP, .epochs = -1};
    cr_expect_eq(cr_lr_schedule_in_steps(&low, 11).epochs, -1); /* told as what it is */
    const cr_lr_schedule high = {.kind = CR_LR_STEP, .epochs = 1e30f};
    cr_expect_gt(cr_lr_schedule_in_steps(&high, 11).steps, 1 << 24);
}

/* ---- clipping -------------------------------------------------------------------------------- */

static void one_step(const cr_optimizer *o, float scale, float out[2])
{
    cr_graph *g = cr_graph_create("t");
    cr_value a = cr_param(g, "a", CR_F32, 1), b = cr_param(g, "b", CR_F32, 1);
    cr_value loss = cr_add(cr_mul(a, cr_f32(g, 3 * scale)), cr_mul(b, cr_f32(g, 4 * scale)));
    cr_minimize(cr_sum(loss, CR_ALL_AXES), o);
    host h = host_start(g, 0);
    host_run(&h);
    out[0] = *(float *)host_leaf(&h, "a");
    out[1] = *(float *)host_leaf(&h, "b");
    host_end(&h);
}

Test(optimizer, clips)
{
    float w[2];
    one_step(&(cr_optimizer){.lr = 1, .clip_norm = 2.5f}, 1, w);
    cr_expect(w[0] == -1.5f && w[1] == -2, "%g, %g", (double)w[0], (double)w[1]);
    one_step(&(cr_optimizer){.lr = 1, .clip_norm = 5}, 1, w);
    cr_expect(w[0] == -3 && w[1] == -4, "%g, %g", (double)w[0], (double)w[1]);
    one_step(&(cr_optimizer){.lr = 1, .clip_norm = 5}, 0, w);
    cr_expect(w[0] == 0 && w[1] == 0, "%g, %g", (double)w[0], (double)w[1]);
    one_step(&(cr_optimizer){.lr = 1, .clip_value = 3.5f}, 1, w);
    cr_expect(w[0] == -3 && w[1] == -3.5f, "%g, %g", (double)w[0], (double)w[1]);
    one_step(&(cr_optimizer){.lr = 1, .clip_value = 3, .clip_norm = sqrtf(18) / 2}, 1, w);
    cr_expect(fabsf(w[0] + 1.5f) < 1e-6f && w[0] == w[1], "%g, %g", (double)w[0], (double)w[1]);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
    cr_optimizer o;
    const char *says;
} refused[] = {
    {{.clip_value = -1}, "weight_decay, clip_value and clip_norm must be finite and not negative"},
    {{.clip_norm = -1}, "weight_decay, clip_value and clip_norm must be finite and not negative"},
    {{.weight_decay = -1}, "weight_decay, clip_value and clip_norm must be finite"},
    {{.clip_norm = INFINITY}, "weight_decay, clip_value and clip_norm must be finite"},
    {{.schedule = {.kind = CR_LR_STEP, .steps = 0, .decay = 0.5f}},
     "schedule.steps must be from 1 to 2^24"},
    {{.schedule = {.kind = CR_LR_STEP, .steps = 5}}, "schedule.decay must be above 0"},
    {{.schedule = {.kind = CR_LR_EXPONENTIAL, .steps = 5, .decay = -0.5f}},
     "schedule.decay must be above 0"},
    {{.schedule = {.kind = CR_LR_COSINE, .steps = 5, .decay = 1.5f}},
     "schedule.decay of a cosine must be in [0, 1]"},
    {{.schedule = {.kind = CR_LR_CONSTANT, .steps = 0, .warmup = -1}},
     "schedule.warmup must be from 0 to 2^24 steps"},
    {{.schedule = {.kind = CR_LR_COUNT}}, "no such schedule"},
    {{.schedule = {.kind = CR_LR_STEP, .epochs = 5}}, "schedule.epochs and .warmup_epochs need"},
    {{.kind = CR_OPTIMIZER_COUNT}, "no such optimizer"},
};

Test(optimizer, refuses)
{
    for (size_t i = 0; i < CR_COUNTOF(refused); i++) {
        cr_graph *g = cr_graph_create("t");
        cr_value w = cr_param(g, "w", CR_F32, 1);
        cr_expect_eq(cr_minimize(cr_sum(w, CR_ALL_AXES), &refused[i].o), CR_E_GRAPH);
        cr_expect(strstr(cr_error(), refused[i].says), "%zu: %s", i, cr_error());
        cr_expect(strstr(cr_error(), "optim.c:"), "%zu: %s", i, cr_error());
        cr_graph_destroy(g);
    }
}
