/* trainer.c - making a trainer: its graph, its programs, its samples on the device. */
#include "trainer.h"

#include "ir.h"

/* ---- roots ----------------------------------------------------------------------------------- */

/* Is it a state of that set, "SET.what"? */
static bool is_state_of(const char *set, const char *name)
{
    const size_t n = strlen(set);
    if (strncmp(name, set, n) != 0 || name[n] != '.')
        return false;
    for (size_t i = 0; i < CR_TRAIN_SUMS; i++)
        if (strcmp(name + n + 1, cr_train_sum[i]) == 0)
            return true;
    return false;
}

static bool is_of_training(const cr_graph *g, cr_ref root)
{
    const char *name = cr_name_of(g, root);
    if (cr_at(g, root)->op == CR_OP_OUTPUT)
        return strcmp(name, "predict.scores") != 0;
    return !is_state_of("test", name) && !is_state_of("validation", name);
}

static cr_status list_roots(cr_trainer *t)
{
    const cr_graph *g = t->graph;
    t->update = cr_alloc(g->root.len * sizeof *t->update);
    t->output = cr_alloc(g->root.len * sizeof *t->output);
    if (!t->update || !t->output)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < g->root.len; i++) {
        const char *name = cr_name_of(g, g->root.at[i]);
        if (!is_of_training(g, g->root.at[i]))
            continue;
        if (cr_at(g, g->root.at[i])->op == CR_OP_ASSIGN)
            t->update[t->nupdate++] = name;
        else
            t->output[t->noutput++] = name;
    }
    return CR_OK;
}

/* ---- programs -------------------------------------------------------------------------------- */

cr_program *cr_trainer_compile(cr_trainer *t, cr_program *share, uint32_t batch,
                               const cr_compile_options *roots)
{
    const cr_binding bind = {"batch", batch};
    cr_compile_options o = t->options.compile;
    o.bind = &bind;
    o.nbind = 1;
    o.share = share;
    o.seed = t->options.seed;
    o.outputs = roots->outputs;
    o.noutputs = roots->noutputs;
    o.updates = roots->updates;
    o.nupdates = roots->nupdates;
    o.no_updates = roots->no_updates;
    return cr_compile(t->graph, &o);
}

static cr_program *compile_training(cr_trainer *t, cr_program *share, uint32_t batch)
{
    const cr_compile_options roots = {
        .outputs = t->output,
        .noutputs = t->noutput,
        .updates = t->update,
        .nupdates = t->nupdate,
    };
    return cr_trainer_compile(t, share, batch, &roots);
}

static cr_program *compile_evaluation(cr_trainer *t, const char *set, cr_program *share,
                                      uint32_t batch)
{
    static const char *const none[] = {NULL};
    const cr_graph *g = t->graph;
    const char *updates[CR_TRAIN_SUMS];
    cr_compile_options roots = {.outputs = none, .updates = updates};
    for (uint32_t i = 0; i < g->root.len && roots.nupdates < CR_TRAIN_SUMS; i++)
        if (cr_at(g, g->root.at[i])->op == CR_OP_ASSIGN &&
            is_state_of(set, cr_name_of(g, g->root.at[i])))
            updates[roots.nupdates++] = cr_name_of(g, g->root.at[i]);
    return cr_trainer_compile(t, share, batch, &roots);
}

static cr_program *compile_part(cr_trainer *t, cr_train_part part, cr_program *share,
                                uint32_t batch)
{
    return part == CR_TRAINING ? compile_training(t, share, batch)
                               : compile_evaluation(t, t->set[part].name, share, batch);
}

/* ---- samples --------------------------------------------------------------------------------- */

static size_t bytes_of(cr_dtype dtype, const cr_shape *shape, uint32_t n)
{
    size_t bytes = cr_dtype_size(dtype) * n;
    for (int i = 0; i < shape->rank; i++)
        bytes *= (size_t)shape->dim[i];
    return bytes;
}

static cr_status feed(cr_trainer *t, cr_program *p, const char *input, const void *data,
                      size_t bytes)
{
    const char *why;
    CR_TRY(cr_feed_in_place(p, input, data, bytes, &why));
    t->why_copied = t->why_copied ? t->why_copied : why;
    return CR_OK;
}

/* Before another program shares what may be used in place. */
static cr_status feed_set(cr_trainer *t, const cr_train_set *set)
{
    const cr_samples *s = &t->samples;
    char name[32];
    snprintf(name, sizeof name, "%s_x", set->name);
    CR_TRY(
        feed(t, set->whole, name, set->part->x, bytes_of(s->x_dtype, &s->x_shape, set->part->n)));
    snprintf(name, sizeof name, "%s_y", set->name);
    return feed(t, set->whole, name, set->part->y, bytes_of(s->y_dtype, &s->y_shape, set->part->n));
}

/* A program shares its inputs with one that has them: the rest with the whole, a validation set
 * that was split off with the training. */
static cr_status make_set(cr_trainer *t, cr_train_part part)
{
    cr_train_set *set = &t->set[part];
    if (set->n == 0)
        return CR_OK;
    set->whole = compile_part(t, part, t->set[CR_TRAINING].whole, set->batch);
    if (!set->whole)
        return CR_E_GRAPH;
    if (set->part)
        CR_TRY(feed_set(t, set));
    if (set->n % set->batch == 0)
        return CR_OK;
    set->rest = compile_part(t, part, set->whole, set->n % set->batch);
    return set->rest ? CR_OK : CR_E_GRAPH;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void name_sets(cr_trainer *t)
{
    const cr_train_sizes *n = &t->n;
    const uint32_t most = n->evaluation_batch;
    t->set[CR_TRAINING] = (cr_train_set){
        .name = "train", .n = n->train, .batch = n->batch, .part = &t->samples.train};
    t->set[CR_VALIDATION] = (cr_train_set){.name = "validation",
                                           .first = n->first_validation,
                                           .n = n->validation,
                                           .batch = CR_MIN(n->validation, most),
                                           .part = n->split ? NULL : &t->samples.validation};
    t->set[CR_TESTING] = (cr_train_set){
        .name = "test", .n = n->test, .batch = CR_MIN(n->test, most), .part = &t->samples.test};
}

static cr_status check_labels(const cr_trainer *t)
{
    cr_samples seen = t->samples;
    seen.test.n = t->n.test;
    return cr_samples_check_labels(&seen, cr_trainer_classes(t));
}

static cr_status set_up(cr_trainer *t)
{
    t->graph = cr_train_build(&t->samples, &t->options, true, &t->built);
    if (!t->graph)
        return CR_E_GRAPH;
    if (cr_has_labels(&t->samples))
        CR_TRY(check_labels(t));
    CR_TRY(list_roots(t));
    CR_TRY(cr_trainer_mark_predicting(t));
    t->order = cr_alloc(t->n.train * sizeof *t->order);
    if (!t->order)
        return CR_E_MEMORY;
    CR_TRY(make_set(t, CR_TRAINING));
    CR_TRY(make_set(t, CR_VALIDATION));
    return make_set(t, CR_TESTING);
}

static cr_status check_pointers(const cr_samples *s, const cr_train_options *options)
{
    const cr_part *parts[] = {&s->train, &s->validation, &s->test};
    for (size_t i = 0; i < CR_COUNTOF(parts); i++)
        if (parts[i]->n && !(parts[i]->x && parts[i]->y) &&
            !(parts[i] == &s->test && options->no_evaluation))
            return cr_fail(CR_E_ARGUMENT, "train: the data set's images or labels are NULL");
    return CR_OK;
}

cr_trainer *cr_trainer_create_of(const cr_samples *samples, const cr_train_options *options)
{
    if (cr_train_check(samples, options) != CR_OK || check_pointers(samples, options) != CR_OK)
        return NULL;
    cr_trainer *t = cr_alloc(sizeof *t);
    if (!t)
        return NULL;
    t->samples = *samples;
    t->options = *options;
    t->n = cr_train_sizes_of(samples, options);
    name_sets(t);
    if (set_up(t) == CR_OK)
        return t;
    cr_trainer_destroy(t);
    return NULL;
}

cr_trainer *cr_trainer_create(const cr_dataset *data, const cr_train_options *options)
{
    if (!data) {
        cr_train_check(NULL, options); /* which says so */
        return NULL;
    }
    const cr_samples samples = cr_dataset_samples(data);
    return cr_trainer_create_of(&samples, options);
}

void cr_trainer_destroy(cr_trainer *t)
{
    if (!t)
        return;
    for (int i = 0; i < CR_PREDICTORS; i++)
        cr_program_destroy(t->predictor[i].program);
    for (int i = CR_TRAIN_PARTS; i-- > 0;) {
        cr_program_destroy(t->set[i].rest);
        cr_program_destroy(t->set[i].whole);
    }
    cr_graph_destroy(t->graph);
    cr_free(t->update);
    cr_free(t->output);
    cr_free(t->order);
    cr_free(t->best.weights);
    cr_free(t->predicting);
    cr_free(t);
}

/* ---- looking --------------------------------------------------------------------------------- */

cr_graph *cr_trainer_graph(cr_trainer *t)
{
    return t->graph;
}

cr_program *cr_trainer_program(cr_trainer *t)
{
    return t->set[CR_TRAINING].whole;
}

uint32_t cr_trainer_batch(const cr_trainer *t)
{
    return t->n.batch;
}

const char *cr_trainer_why_copied(const cr_trainer *t)
{
    return t->why_copied;
}

uint32_t cr_trainer_scores(const cr_trainer *t)
{
    uint32_t n = 1;
    for (int i = 1; i < t->built.scores.rank; i++)
        n *= (uint32_t)t->built.scores.dim[i];
    return n;
}

uint32_t cr_trainer_classes(const cr_trainer *t)
{
    if (!cr_has_classes(&t->samples, t->options.loss))
        return 0;
    const uint32_t scores = (uint32_t)t->built.scores.dim[t->built.scores.rank - 1];
    return scores == 1 && !cr_is_categorical(t->options.loss) ? 2 : scores;
}
