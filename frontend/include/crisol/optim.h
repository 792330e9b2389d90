/* crisol/optim.h - optimizers: the update of each parameter, as part of the step's graph.
 *
 *     cr_minimize(loss, &(cr_optimizer){.kind = CR_ADAM, .lr = 0.001f});
 *     ...
 *     float lr = 1e-4f;
 *     cr_set(p, "lr", &lr, sizeof lr);       // a state: nothing is compiled again
 *
 * Conventions are those of Keras 3, where epsilon stands and all:
 *   sgd       w' = w - lr g
 *   momentum  v' = momentum v - lr g;  w' = w + v'
 *   nesterov  v' = momentum v - lr g;  w' = w + momentum v' - lr g
 *   rmsprop   v' = rho v + (1 - rho) g^2;  w' = w - lr g / sqrt(v' + epsilon)
 *   adam      m' = m + (1 - beta1) (g - m);  v' = v + (1 - beta2) (g^2 - v)
 *             w' = w - lr c m' / (sqrt(v') + epsilon),  c = sqrt(1 - beta2^t) / (1 - beta1^t)
 *             D. P. Kingma, J. Ba, ICLR 2015, with epsilon outside the correction
 *   adamw     adam with a weight decay: I. Loshchilov, F. Hutter, ICLR 2019
 * where g is the gradient and t counts steps from 1. First, in this order,
 *   clip_value    each element of g is brought into [-clip_value, clip_value]
 *   clip_norm     all g are multiplied by clip_norm / max(norm, clip_norm), norm that of all of
 *                 them together (global_clipnorm)
 *   weight_decay  w is replaced by w - lr weight_decay w, for every kind (decoupled: no part of g)
 * with lr the effective rate: the state "lr" times the schedule's factor. An own rule is a
 * cr_gradient and a cr_assign away: examples/graph.c. */
#ifndef CRISOL_OPTIM_H
#define CRISOL_OPTIM_H

#include "crisol/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One row an optimizer: enumerator, name, default learning rate. */
#define CR_OPTIMIZER_MAP(X)                                                                        \
    X(CR_SGD, "sgd", 0.01f)                                                                        \
    X(CR_MOMENTUM, "momentum", 0.01f)                                                              \
    X(CR_ADAM, "adam", 0.001f)                                                                     \
    X(CR_NESTEROV, "nesterov", 0.01f)                                                              \
    X(CR_RMSPROP, "rmsprop", 0.001f)                                                               \
    X(CR_ADAMW, "adamw", 0.001f)

typedef enum cr_optimizer_kind {
#define CR_X(name, word, lr) name,
    CR_OPTIMIZER_MAP(CR_X)
#undef CR_X
        CR_OPTIMIZER_COUNT
} cr_optimizer_kind;

/* How the rate goes on, computed on the device: a factor of the state "lr". With s the steps done
 * before this one, less those of the warm-up (Keras 3 counts so, and so names them):
 *   constant     1
 *   step         decay^floor(s / steps)       (ExponentialDecay, staircase)
 *   exponential  decay^(s / steps)            (ExponentialDecay)
 *   cosine       decay + (1 - decay) (1 + cos(pi min(s / steps, 1))) / 2     (CosineDecay, alpha)
 * During the warm-up it is the steps done / warmup: 0 in the first step.
 *
 * One row a schedule: enumerator, word, parameters as cr_lr_schedule_parse reads them. */
#define CR_LR_SCHEDULE_MAP(X)                                                                      \
    X(CR_LR_CONSTANT, constant, "")                                                                \
    X(CR_LR_STEP, step, "N [steps|epochs] DECAY")                                                  \
    X(CR_LR_EXPONENTIAL, exponential, "N [steps|epochs] DECAY")                                    \
    X(CR_LR_COSINE, cosine, "N [steps|epochs] [DECAY]")

typedef enum cr_lr_schedule_kind {
#define CR_X(name, word, parameters) name,
    CR_LR_SCHEDULE_MAP(CR_X)
#undef CR_X
        CR_LR_COUNT
} cr_lr_schedule_kind;

/* All fields may be zero: a constant rate. */
typedef struct cr_lr_schedule {
    cr_lr_schedule_kind kind;
    int64_t steps;  /* from 1 to 2^24, for all but constant */
    float decay;    /* step, exponential: above 0; cosine: in [0, 1] */
    int64_t warmup; /* steps, from 0 to 2^24 */
    /* The same in epochs, instead: only a trainer knows how many steps they have (cr_train_options;
     * the nearest whole number is taken, and at least 1). */
    float epochs, warmup_epochs;
} cr_lr_schedule;

/* Reads "KIND PARAMETERS[, warmup N [steps|epochs]]" with the rows of CR_LR_SCHEDULE_MAP; where no
 * unit is said, N are steps, and a whole number. "cosine 10 epochs, warmup 500", "step 2000 0.5".
 * CR_E_SYNTAX on a mistake: cr_error() gives the column and points at the word. */
CR_API cr_status cr_lr_schedule_parse(const char *text, cr_lr_schedule *out);

/* A zero that is meant: in cr_optimizer a plain 0 stands for the default. It is -0.0f. */
#define CR_ZERO (-0.0f)

/* All fields may be zero. States are named PREFIX + "lr", "step", "correction", "schedule" (the
 * factor of the next step), and PARAM + ".m", ".v". One that is there already under such a name is
 * used as it is: two losses of one graph may share their rate, or have a prefix each. */
typedef struct cr_optimizer {
    cr_optimizer_kind kind;
    float lr;           /* start of the state "lr"; 0: as CR_OPTIMIZER_MAP says; CR_ZERO: 0 */
    float momentum;     /* 0: 0.9; CR_ZERO: 0 */
    float beta1, beta2; /* 0: 0.9, 0.999 (rmsprop, whose rho is beta2: 0.9); CR_ZERO: 0 */
    float epsilon;      /* 0: 1e-7 */
    float weight_decay; /* 0: none, adamw 0.004; CR_ZERO: 0 */
    float clip_value;   /* 0: no clipping */
    float clip_norm;    /* 0: no clipping */
    cr_lr_schedule schedule;
    const cr_value *params; /* what is updated; NULL: all parameters of the graph */
    uint32_t nparams;
    const char *prefix;
    const cr_value *guard; /* a bool scalar: where it does not hold, no state changes */
} cr_optimizer;

/* "sgd"; "?" for what is no kind. */
CR_API const char *cr_optimizer_name(cr_optimizer_kind kind);
/* The learning rate that .lr = 0 stands for. */
CR_API float cr_optimizer_default_lr(cr_optimizer_kind kind);

/* Makes each step move the parameters against the gradient of `loss`, an f32 scalar, as a const
 * cr_optimizer * says. Each parameter's update is one op. A mistake is recorded in the graph and
 * returned; nothing to train is one. */
#define cr_minimize(loss, ...) cr_minimize_at(CR_HERE, loss, __VA_ARGS__)
CR_API cr_status cr_minimize_at(cr_loc at, cr_value loss, const cr_optimizer *optimizer);

/* Three by name, with defaults for the rest. */
#define cr_sgd_minimize(loss, lr) cr_simple_minimize_at(CR_HERE, loss, CR_SGD, lr)
#define cr_momentum_minimize(loss, lr) cr_simple_minimize_at(CR_HERE, loss, CR_MOMENTUM, lr)
#define cr_adam_minimize(loss, lr) cr_simple_minimize_at(CR_HERE, loss, CR_ADAM, lr)
CR_API cr_status cr_simple_minimize_at(cr_loc at, cr_value loss, cr_optimizer_kind kind, float lr);

#ifdef __cplusplus
}
#endif
#endif
