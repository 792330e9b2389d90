/* Optimizers, schedules and clipping: against Keras over 100 steps (tests/data/optimizers.h), and
 * what is refused. */
#include "host.h"

#include <math.h>

#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "data/optimizers.h"

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
        check_schedule((cr_lr_schedule){CR_LR_CONSTANT, 0, 0, warmup});
        check_schedule((cr_lr_schedule){CR_LR_STEP, 7, 0.5f, warmup});
        check_schedule((cr_lr_schedule){CR_LR_EXPONENTIAL, 7, 0.5f, warmup});
        check_schedule((cr_lr_schedule){CR_LR_COSINE, 20, 0, warmup});
        check_schedule((cr_lr_schedule){CR_LR_COSINE, 32, 0.25f, warmup});
    }
}

/* "lr" stays what the user sets: the schedule is a factor of it. */
Test(schedule, rate_is_still_a_state)
{
    const cr_optimizer o = {.lr = 1, .schedule = {CR_LR_EXPONENTIAL, 1, 0.5f, 0}};
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
    {{.schedule = {CR_LR_STEP, 0, 0.5f, 0}}, "schedule.steps must be from 1 to 2^24"},
    {{.schedule = {CR_LR_STEP, 5, 0, 0}}, "schedule.decay must be above 0"},
    {{.schedule = {CR_LR_EXPONENTIAL, 5, -0.5f, 0}}, "schedule.decay must be above 0"},
    {{.schedule = {CR_LR_COSINE, 5, 1.5f, 0}}, "schedule.decay of a cosine must be in [0, 1]"},
    {{.schedule = {CR_LR_CONSTANT, 0, 0, -1}}, "schedule.warmup must be from 0 to 2^24 steps"},
    {{.schedule = {CR_LR_COUNT, 0, 0, 0}}, "no such schedule"},
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
