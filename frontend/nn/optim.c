/* optim.c - the updates of the optimizers. */
#include <math.h>

#include "crisol/ops.h"
#include "crisol/optim.h"
#include "ir.h"
#include "schedule.h"

static const struct {
    const char *name;
    float lr;
} kinds[] = {
#define CR_X(name, word, lr) {word, lr},
    CR_OPTIMIZER_MAP(CR_X)
#undef CR_X
};

const char *cr_optimizer_name(cr_optimizer_kind kind)
{
    return (unsigned)kind < CR_OPTIMIZER_COUNT ? kinds[kind].name : "?";
}

float cr_optimizer_default_lr(cr_optimizer_kind kind)
{
    return (unsigned)kind < CR_OPTIMIZER_COUNT ? kinds[kind].lr : 0;
}

struct update {
    cr_loc at;
    cr_graph *g;
    cr_optimizer o; /* with defaults filled in */
    cr_value rate;  /* effective: the state "lr" times the schedule's factor */
    cr_value scale; /* clip_norm: what all gradients are multiplied by */
    cr_value pace;  /* adam: the rate times the bias correction */
    bool counts;    /* the state "step" is counted by this optimizer */
};

/* ---- states ---------------------------------------------------------------------------------- */

/* The state PREFIX + NAME: made, or the one that is there. *made may be NULL. */
static cr_value state(struct update *u, const char *prefix, const char *name, cr_dtype dtype,
                      float start, cr_shape shape, bool *made)
{
    cr_strbuf full = {0};
    cr_str_printf(&full, "%s%s", prefix ? prefix : "", name);
    cr_value v = cr_find(u->g, cr_str_text(&full));
    if (made)
        *made = v.ref == 0;
    if (v.ref == 0) {
        cr_init init = {.kind = CR_INIT_CONSTANT, .a = start};
        v = cr_state_at(u->at, u->g, cr_str_text(&full), dtype, init, shape, false);
    }
    cr_str_finish(&full);
    return v;
}

/* state takes `next` where the guard holds. */
static void assign(struct update *u, cr_value to, cr_value next)
{
    if (u->o.guard)
        next = cr_select_at(u->at, *u->o.guard, next, to);
    cr_assign_at(u->at, to, next);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* Each gives w's next value from `from`, which is w after its decay. */

static cr_value of_param(struct update *u, cr_value w, const char *suffix)
{
    return state(u, cr_name_of(u->g, w.ref), suffix, CR_F32, 0, cr_value_shape(w), NULL);
}

static cr_value constant_times(struct update *u, float a, cr_value x)
{
    return cr_mul_at(u->at, cr_f32(u->g, a), x);
}

static cr_value sgd(struct update *u, cr_value from, cr_value grad)
{
    return cr_sub_at(u->at, from, cr_mul_at(u->at, u->rate, grad));
}

static cr_value momentum(struct update *u, cr_value w, cr_value from, cr_value grad, bool nesterov)
{
    cr_loc at = u->at;
    cr_value v = of_param(u, w, ".v"), step = cr_mul_at(at, u->rate, grad);
    cr_value next = cr_sub_at(at, constant_times(u, u->o.momentum, v), step);
    assign(u, v, next);
    if (nesterov)
        next = cr_sub_at(at, constant_times(u, u->o.momentum, next), step);
    return cr_add_at(at, from, next);
}

static cr_value rmsprop(struct update *u, cr_value w, cr_value from, cr_value grad)
{
    cr_loc at = u->at;
    cr_value v = of_param(u, w, ".v");
    cr_value next = cr_add_at(at, constant_times(u, u->o.beta2, v),
                              constant_times(u, 1 - u->o.beta2, cr_square_at(at, grad)));
    cr_value down = cr_sqrt_at(at, cr_add_at(at, next, cr_f32(u->g, u->o.epsilon)));
    assign(u, v, next);
    return cr_sub_at(at, from, cr_div_at(at, cr_mul_at(at, u->rate, grad), down));
}

/* old + (1 - beta) (x - old) */
static cr_value toward(struct update *u, cr_value old, cr_value x, float beta)
{
    cr_loc at = u->at;
    return cr_add_at(at, old, constant_times(u, 1 - beta, cr_sub_at(at, x, old)));
}

static cr_value adam(struct update *u, cr_value w, cr_value from, cr_value grad)
{
    cr_loc at = u->at;
    cr_value m = of_param(u, w, ".m"), v = of_param(u, w, ".v");
    cr_value m1 = toward(u, m, grad, u->o.beta1);
    cr_value v1 = toward(u, v, cr_square_at(at, grad), u->o.beta2);
    cr_value down = cr_add_at(at, cr_sqrt_at(at, v1), cr_f32(u->g, u->o.epsilon));
    assign(u, m, m1);
    assign(u, v, v1);
    return cr_sub_at(at, from, cr_div_at(at, cr_mul_at(at, u->pace, m1), down));
}

static cr_value clipped(struct update *u, cr_value grad)
{
    if (u->o.clip_value > 0)
        grad = cr_clamp_at(u->at, grad, -u->o.clip_value, u->o.clip_value);
    return grad;
}

static cr_value decayed(struct update *u, cr_value w)
{
    cr_loc at = u->at;
    if (u->o.weight_decay == 0)
        return w;
    return cr_sub_at(at, w, cr_mul_at(at, constant_times(u, u->o.weight_decay, w), u->rate));
}

static cr_value next_value(struct update *u, cr_value w, cr_value from, cr_value grad)
{
    switch (u->o.kind) {
    case CR_SGD: return sgd(u, from, grad);
    case CR_MOMENTUM: return momentum(u, w, from, grad, false);
    case CR_NESTEROV: return momentum(u, w, from, grad, true);
    case CR_RMSPROP: return rmsprop(u, w, from, grad);
    case CR_ADAM:
    case CR_ADAMW: return adam(u, w, from, grad);
    case CR_OPTIMIZER_COUNT: break;
    }
    return from;
}

/* One parameter's update: one op of the user. */
static void update(struct update *u, cr_value w, cr_value grad)
{
    char name[128];
    snprintf(name, sizeof name, "update %.100s", cr_name_of(u->g, w.ref));
    cr_op_begin(u->g, name, u->at);
    grad = clipped(u, grad);
    if (u->o.clip_norm > 0)
        grad = cr_mul_at(u->at, grad, u->scale);
    assign(u, w, next_value(u, w, decayed(u, w), grad));
    cr_op_end(u->g);
}

/* ---- what all updates share ------------------------------------------------------------------ */

static bool is_adam(const struct update *u)
{
    return u->o.kind == CR_ADAM || u->o.kind == CR_ADAMW;
}

/* The state "step", which `u` counts when it made it. */
static cr_value steps_done(struct update *u)
{
    bool made;
    cr_value step = state(u, u->o.prefix, "step", CR_I32, 0, CR_SCALAR, &made);
    u->counts |= made;
    return step;
}

/* What depends on the step alone is kept as a state that the step before has prepared: no update
 * waits for powers, and none computes them again. */

static void adam_correction(struct update *u)
{
    cr_loc at = u->at;
    cr_graph *g = u->g;
    bool prepares;
    float first = sqrtf(1 - u->o.beta2) / (1 - u->o.beta1);
    cr_value step = steps_done(u);
    cr_value c = state(u, u->o.prefix, "correction", CR_F32, first, CR_SCALAR, &prepares);
    cr_op_begin(g, "bias_correction", at);
    if (prepares) {
        cr_value t =
            cr_cast_at(at, cr_add_at(at, step, cr_i32(g, 2)), CR_F32); /* of the next step */
        cr_value one = cr_f32(g, 1);
        cr_value up = cr_sub_at(at, one, cr_pow_at(at, cr_f32(g, u->o.beta2), t));
        cr_value down = cr_sub_at(at, one, cr_pow_at(at, cr_f32(g, u->o.beta1), t));
        assign(u, c, cr_div_at(at, cr_sqrt_at(at, up), down));
    }
    cr_op_end(g);
    u->pace = cr_mul_at(at, u->rate, c);
}

static void schedule(struct update *u)
{
    cr_loc at = u->at;
    cr_graph *g = u->g;
    const cr_lr_schedule *s = &u->o.schedule;
    bool prepares;
    cr_value step = steps_done(u);
    cr_value factor =
        state(u, u->o.prefix, "schedule", CR_F32, cr_lr_schedule_first(s), CR_SCALAR, &prepares);
    cr_op_begin(g, "schedule", at);
    if (prepares)
        assign(u, factor, cr_lr_schedule_factor(at, s, cr_add_at(at, step, cr_i32(g, 1))));
    cr_op_end(g);
    u->rate = cr_mul_at(at, u->rate, factor);
}

static void count_step(struct update *u)
{
    cr_op_begin(u->g, "count_step", u->at);
    cr_value step = steps_done(u);
    assign(u, step, cr_add_at(u->at, step, cr_i32(u->g, 1)));
    cr_op_end(u->g);
}

/* The norm is that of the gradients as clip_value leaves them. */
static void norm_scale(struct update *u, const cr_value *grad, uint32_t n)
{
    cr_loc at = u->at;
    cr_value sum = cr_f32(u->g, 0), limit = cr_f32(u->g, u->o.clip_norm);
    cr_op_begin(u->g, "clip_norm", at);
    for (uint32_t i = 0; i < n; i++) {
        cr_value square = cr_square_at(at, clipped(u, grad[i]));
        sum = cr_add_at(at, sum, cr_sum_at(at, square, CR_ALL_AXES));
    }
    u->scale = cr_div_at(at, limit, cr_max_at(at, cr_sqrt_at(at, sum), limit));
    cr_op_end(u->g);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* CR_ZERO is told from 0 by its sign, which the graph need not see. */
static float given_or(float v, float otherwise)
{
    if (v != 0)
        return v;
    return signbit(v) ? 0 : otherwise;
}

static cr_optimizer with_defaults(const cr_optimizer *from)
{
    cr_optimizer o = *from;
    o.lr = given_or(o.lr, cr_optimizer_default_lr(o.kind));
    o.momentum = given_or(o.momentum, 0.9f);
    o.beta1 = given_or(o.beta1, 0.9f);
    o.beta2 = given_or(o.beta2, o.kind == CR_RMSPROP ? 0.9f : 0.999f);
    o.epsilon = given_or(o.epsilon, 1e-7f);
    o.weight_decay = given_or(o.weight_decay, o.kind == CR_ADAMW ? 0.004f : 0);
    return o;
}

static bool is_amount(float v)
{
    return v >= 0 && isfinite(v);
}

static const char *wrong(const cr_optimizer *o)
{
    if ((unsigned)o->kind >= CR_OPTIMIZER_COUNT)
        return "no such optimizer";
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return "beta1 and beta2 must be in [0, 1)";
    if (!is_amount(o->lr) || !is_amount(o->momentum) || !(o->epsilon > 0))
        return "the rate, the momentum and epsilon must be finite and not negative, epsilon above "
               "0";
    if (!is_amount(o->weight_decay) || !is_amount(o->clip_value) || !is_amount(o->clip_norm))
        return "weight_decay, clip_value and clip_norm must be finite and not negative";
    return cr_lr_schedule_wrong(&o->schedule);
}

static cr_status minimize(struct update *u, cr_value loss, const cr_value *param, uint32_t n)
{
    if (n == 0) {
        cr_mistake(u->g, u->at, "minimize: there are no parameters to train (cr_param makes them)");
        return cr_graph_status(u->g);
    }
    cr_value *grad = cr_alloc(n * sizeof *grad);
    if (!grad)
        return CR_E_MEMORY;
    cr_status status = cr_gradients_at(u->at, loss, param, n, grad);
    if (status == CR_OK) {
        u->rate = state(u, u->o.prefix, "lr", CR_F32, u->o.lr, CR_SCALAR, NULL);
        if (!cr_lr_schedule_is_constant(&u->o.schedule))
            schedule(u);
        if (is_adam(u))
            adam_correction(u);
        if (u->counts)
            count_step(u);
        if (u->o.clip_norm > 0)
            norm_scale(u, grad, n);
        for (uint32_t i = 0; i < n; i++)
            update(u, param[i], grad[i]);
        status = cr_graph_status(u->g);
    }
    cr_free(grad);
    return status;
}

cr_status cr_minimize_at(cr_loc at, cr_value loss, const cr_optimizer *optimizer)
{
    if (!cr_usable(at, "minimize", &loss, 1))
        return loss.graph ? cr_graph_status(loss.graph) : cr_last_status();
    if (!optimizer) {
        cr_mistake(loss.graph, at, "minimize: the optimizer is NULL");
        return cr_graph_status(loss.graph);
    }
    struct update u = {.at = at, .g = loss.graph, .o = with_defaults(optimizer)};
    const char *why = wrong(&u.o);
    if (why) {
        cr_mistake(u.g, at, "minimize: %s", why);
        return cr_graph_status(u.g);
    }
    if (u.o.params)
        return minimize(&u, loss, u.o.params, u.o.nparams);
    uint32_t n = cr_params(u.g, NULL, 0);
    cr_value *all = cr_alloc(n * sizeof *all);
    if (!all)
        return CR_E_MEMORY;
    cr_params(u.g, all, n);
    cr_status status = minimize(&u, loss, all, n);
    cr_free(all);
    return status;
}

cr_status cr_simple_minimize_at(cr_loc at, cr_value loss, cr_optimizer_kind kind, float lr)
{
    return cr_minimize_at(at, loss, &(cr_optimizer){.kind = kind, .lr = lr});
}
