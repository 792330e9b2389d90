/* states.c - a trainer's states one by one, for checkpoints, and what early stopping remembers. */
#include "compile.h"
#include "ir.h"
#include "trainer.h"

/* ---- which there are ------------------------------------------------------------------------- */

/* "test.offset" and the like start anew in each evaluation. */
static bool is_sum(const char *name)
{
    static const char *const sets[] = {"test.", "validation."};
    for (size_t i = 0; i < CR_COUNTOF(sets); i++)
        for (size_t k = 0; k < CR_TRAIN_SUMS; k++)
            if (strncmp(name, sets[i], strlen(sets[i])) == 0 &&
                strcmp(name + strlen(sets[i]), cr_train_sum[k]) == 0)
                return true;
    return false;
}

/* The program that the state can be asked of; NULL: no program has it, so that it has no value. */
static cr_program *program_of(const cr_trainer *t, const char *name)
{
    for (int i = 0; i < CR_TRAIN_PARTS; i++)
        if (t->set[i].whole && cr_program_has_state(t->set[i].whole, name))
            return t->set[i].whole;
    return NULL;
}

/* What the model makes when it is called for training, and for evaluation only. */
static bool is_of_model(const cr_trainer *t, cr_ref r)
{
    const cr_train_built *b = &t->built;
    return (r >= b->model_begin && r < b->model_end) || r >= b->training_end;
}

/* Sources come before what is made of them. */
cr_status cr_trainer_mark_predicting(cr_trainer *t)
{
    const cr_graph *g = t->graph;
    t->predicting = cr_alloc(g->node.len * sizeof *t->predicting);
    if (!t->predicting)
        return CR_E_MEMORY;
    const cr_ref scores = cr_find(t->graph, "predict.scores").ref;
    t->predicting[scores] = true;
    for (cr_ref r = scores; r > 0; r--)
        for (int i = 0; t->predicting[r] && i < cr_at(g, r)->nsrc; i++)
            t->predicting[cr_at(g, r)->src[i]] = true;
    return CR_OK;
}

/* The next state from *r on; false behind the last one. */
static bool next_state(cr_trainer *t, cr_ref *r, cr_trainer_state *out)
{
    const cr_graph *g = t->graph;
    for (; *r < g->node.len; ++*r) {
        if (cr_at(g, *r)->op != CR_OP_STATE)
            continue;
        const char *name = cr_name_of(g, *r);
        if ((*r >= t->built.training_end && is_sum(name)) || !program_of(t, name))
            continue;
        if (strcmp(name, "train.at") == 0) /* where in a window: anew in each epoch */
            continue;
        *out = (cr_trainer_state){.name = name,
                                  .dtype = (cr_dtype)cr_at(g, *r)->dtype,
                                  .shape = *cr_shape_of(g, *r),
                                  .bytes = (size_t)cr_bytes_of(g, *r),
                                  .model = is_of_model(t, *r),
                                  .predicts = t->predicting[*r]};
        ++*r;
        return true;
    }
    return false;
}

uint32_t cr_trainer_states(cr_trainer *t, cr_trainer_state *out, uint32_t max)
{
    cr_trainer_state s;
    uint32_t n = 0;
    for (cr_ref r = 1; next_state(t, &r, &s); n++)
        if (n < max)
            out[n] = s;
    return n;
}

/* ---- one by one ------------------------------------------------------------------------------ */

static cr_status find(const cr_trainer *t, const char *name, cr_program **p)
{
    *p = program_of(t, name);
    return *p ? CR_OK : cr_fail(CR_E_ARGUMENT, "train: there is no state \"%s\"", name);
}

cr_status cr_trainer_get(cr_trainer *t, const char *name, void *out, size_t bytes)
{
    cr_program *p;
    CR_TRY(find(t, name, &p));
    return cr_fetch(p, name, out, bytes);
}

cr_status cr_trainer_set(cr_trainer *t, const char *name, const void *data, size_t bytes)
{
    cr_program *p;
    CR_TRY(find(t, name, &p));
    return cr_set(p, name, data, bytes);
}

/* ---- the model's ----------------------------------------------------------------------------- */

size_t cr_trainer_model_bytes(cr_trainer *t)
{
    cr_trainer_state s;
    size_t bytes = 0;
    for (cr_ref r = 1; next_state(t, &r, &s);)
        bytes += s.model ? s.bytes : 0;
    return bytes;
}

cr_status cr_trainer_get_model(cr_trainer *t, char *out)
{
    cr_trainer_state s;
    for (cr_ref r = 1; next_state(t, &r, &s);) {
        if (!s.model)
            continue;
        CR_TRY(cr_trainer_get(t, s.name, out, s.bytes));
        out += s.bytes;
    }
    return CR_OK;
}

cr_status cr_trainer_set_model(cr_trainer *t, const char *from)
{
    cr_trainer_state s;
    for (cr_ref r = 1; next_state(t, &r, &s);) {
        if (!s.model)
            continue;
        CR_TRY(cr_trainer_set(t, s.name, from, s.bytes));
        from += s.bytes;
    }
    return CR_OK;
}

/* ---- where it is ----------------------------------------------------------------------------- */

uint32_t cr_trainer_epochs(const cr_trainer *t)
{
    return t->epoch;
}

void cr_trainer_go_on(cr_trainer *t, uint32_t epochs)
{
    t->epoch = epochs;
    t->done = epochs ? t->n.train / t->n.batch : 0;
}

const cr_train_options *cr_trainer_options(const cr_trainer *t)
{
    return &t->options;
}

const cr_samples *cr_trainer_samples(const cr_trainer *t)
{
    return &t->samples;
}

cr_status cr_trainer_keep_best(cr_trainer *t)
{
    if (!t->best.weights)
        t->best.weights = cr_alloc(cr_trainer_model_bytes(t));
    return t->best.weights ? CR_OK : CR_E_MEMORY;
}

uint32_t cr_trainer_best(const cr_trainer *t, double *figure, const void **weights)
{
    *figure = t->best.figure;
    *weights = t->best.epoch ? t->best.weights : NULL;
    return t->best.epoch;
}

cr_status cr_trainer_set_best(cr_trainer *t, uint32_t epoch, double figure, const void *weights)
{
    if (weights) {
        CR_TRY(cr_trainer_keep_best(t));
        memcpy(t->best.weights, weights, cr_trainer_model_bytes(t));
    } else {
        cr_free(t->best.weights);
        t->best.weights = NULL;
    }
    t->best.epoch = epoch;
    t->best.figure = figure;
    return CR_OK;
}
