/* optim.c - the updates of the optimizers. */
#include <math.h>

#include "crisol/ops.h"
#include "crisol/optim.h"
#include "ir.h"

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
    cr_value lr;
    cr_value rate; /* adam: lr times the bias correction */
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

static void sgd(struct update *u, cr_value w, cr_value grad)
{
    assign(u, w, cr_sub_at(u->at, w, cr_mul_at(u->at, u->lr, grad)));
}

static void momentum(struct update *u, cr_value w, cr_value grad)
{
    cr_loc at = u->at;
    cr_value v = state(u, cr_name_of(u->g, w.ref), ".v", CR_F32, 0, cr_value_shape(w), NULL);
    cr_value next =
        cr_sub_at(at, cr_mul_at(at, cr_f32(u->g, u->o.momentum), v), cr_mul_at(at, u->lr, grad));
    assign(u, v, next);
    assign(u, w, cr_add_at(at, w, next));
}

/* old + (1 - beta) (x - old) */
static cr_value toward(struct update *u, cr_value old, cr_value x, float beta)
{
    cr_loc at = u->at;
    return cr_add_at(at, old, cr_mul_at(at, cr_f32(u->g, 1 - beta), cr_sub_at(at, x, old)));
}

static void adam(struct update *u, cr_value w, cr_value grad)
{
    cr_loc at = u->at;
    const cr_shape shape = cr_value_shape(w);
    cr_value m = state(u, cr_name_of(u->g, w.ref), ".m", CR_F32, 0, shape, NULL);
    cr_value v = state(u, cr_name_of(u->g, w.ref), ".v", CR_F32, 0, shape, NULL);
    cr_value m1 = toward(u, m, grad, u->o.beta1);
    cr_value v1 = toward(u, v, cr_square_at(at, grad), u->o.beta2);
    cr_value down = cr_add_at(at, cr_sqrt_at(at, v1), cr_f32(u->g, u->o.epsilon));
    assign(u, m, m1);
    assign(u, v, v1);
    assign(u, w, cr_sub_at(at, w, cr_div_at(at, cr_mul_at(at, u->rate, m1), down)));
}

/* The correction of step t (from 1) is kept as a state that the step before has prepared: no update
 * waits for two powers, and none computes them again. */
static void adam_correction(struct update *u)
{
    cr_loc at = u->at;
    cr_graph *g = u->g;
    bool counts, prepares;
    float first = sqrtf(1 - u->o.beta2) / (1 - u->o.beta1);
    cr_value step = state(u, u->o.prefix, "step", CR_I32, 0, CR_SCALAR, &counts);
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
    if (counts)
        assign(u, step, cr_add_at(at, step, cr_i32(g, 1)));
    cr_op_end(g);
    u->rate = cr_mul_at(at, u->lr, c);
}

/* One parameter's update: one op of the user. */
static void update(struct update *u, cr_value w, cr_value grad)
{
    char name[128];
    snprintf(name, sizeof name, "update %.100s", cr_name_of(u->g, w.ref));
    cr_op_begin(u->g, name, u->at);
    switch (u->o.kind) {
    case CR_SGD: sgd(u, w, grad); break;
    case CR_MOMENTUM: momentum(u, w, grad); break;
    case CR_ADAM: adam(u, w, grad); break;
    case CR_OPTIMIZER_COUNT: break;
    }
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
    o.beta2 = given_or(o.beta2, 0.999f);
    o.epsilon = given_or(o.epsilon, 1e-7f);
    return o;
}

static const char *wrong(const cr_optimizer *o)
{
    if ((unsigned)o->kind >= CR_OPTIMIZER_COUNT)
        return "no such optimizer";
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return "beta1 and beta2 must be in [0, 1)";
    if (!isfinite(o->lr) || !isfinite(o->momentum) || !(o->epsilon > 0))
        return "the rate, the momentum and epsilon must be finite, epsilon above 0";
    return NULL;
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
        u->lr = state(u, u->o.prefix, "lr", CR_F32, u->o.lr, CR_SCALAR, NULL);
        if (u->o.kind == CR_ADAM)
            adam_correction(u);
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
