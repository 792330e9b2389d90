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

static void forget_graph(cr_trainer *t)
{
    cr_graph_destroy(t->graph);
    cr_free(t->update);
    cr_free(t->output);
    t->graph = NULL;
    t->update = t->output = NULL;
    t->nupdate = t->noutput = 0;
}

cr_status cr_trainer_build(cr_trainer *t, bool streamed)
{
    forget_graph(t);
    t->graph = cr_train_build(&t->samples, &t->options, streamed, &t->built);
    return t->graph ? list_roots(t) : CR_E_GRAPH;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* What a program is compiled with; the options point into the rest. */
struct request {
    cr_compile_options o;
    cr_binding bind[3];
    const char *update[CR_TRAIN_SUMS];
};

static void bind(struct request *r, const char *symbol, uint32_t value)
{
    if (value)
        r->bind[r->o.nbind++] = (cr_binding){symbol, value};
}

static void ask_for_sums(const cr_trainer *t, const char *set, struct request *r)
{
    static const char *const none[] = {NULL};
    const cr_graph *g = t->graph;
    r->o.outputs = none;
    r->o.updates = r->update;
    for (uint32_t i = 0; i < g->root.len && r->o.nupdates < CR_TRAIN_SUMS; i++)
        if (cr_at(g, g->root.at[i])->op == CR_OP_ASSIGN &&
            is_state_of(set, cr_name_of(g, g->root.at[i])))
            r->update[r->o.nupdates++] = cr_name_of(g, g->root.at[i]);
}

static void ask_for_roots(const cr_trainer *t, cr_train_part part, struct request *r)
{
    static const char *const scores[] = {"predict.scores"};
    if (part == CR_PREDICTING) {
        r->o.outputs = scores;
        r->o.noutputs = 1;
        r->o.no_updates = true;
    } else if (part == CR_TRAINING) {
        r->o.outputs = t->output;
        r->o.noutputs = t->noutput;
        r->o.updates = t->update;
        r->o.nupdates = t->nupdate;
    } else {
        ask_for_sums(t, t->set[part].name, r);
    }
}

static void make_request(const cr_trainer *t, cr_train_part part, uint32_t batch, struct request *r)
{
    memset(r, 0, sizeof *r);
    r->o = t->options.compile;
    r->o.bind = r->bind;
    r->o.nbind = r->o.nupdates = r->o.noutputs = 0;
    r->o.no_updates = false;
    r->o.share = NULL;
    r->o.seed = t->options.seed;
    bind(r, "batch", batch);
    bind(r, "window", t->info.window);
    bind(r, "evaluation_window", t->evaluation_window);
    ask_for_roots(t, part, r);
}

cr_program *cr_trainer_compile(cr_trainer *t, cr_train_part part, cr_program *share, uint32_t batch)
{
    struct request r;
    make_request(t, part, batch, &r);
    r.o.share = share;
    return cr_compile(t->graph, &r.o);
}

cr_status cr_trainer_needs(const cr_trainer *t, cr_train_part part, uint32_t batch,
                           const cr_device_facts *device, cr_needs *out)
{
    struct request r;
    make_request(t, part, batch, &r);
    return cr_compile_needs(t->graph, &r.o, device, out);
}

/* ---- samples --------------------------------------------------------------------------------- */

static cr_status feed(cr_trainer *t, cr_program *p, const char *input, const void *data,
                      size_t bytes)
{
    const char *why;
    CR_TRY(cr_feed_in_place(p, input, data, bytes, &why));
    if (!why)
        return CR_OK;
    if (t->copied++ == 0) {
        t->why_copied = why;
        snprintf(t->first_copied, sizeof t->first_copied, "%s", input);
    }
    if (t->info.placement == CR_PLACED_IN_PLACE) {
        t->info.placement = CR_PLACED_COPIED;
        t->info.reason = why;
    }
    t->info.uploaded_bytes += bytes;
    return CR_OK;
}

/* Names what was copied where others are used in place. */
static void tell_copied(cr_trainer *t)
{
    if (t->copied == 0 || t->info.uploaded_bytes == t->info.sample_bytes)
        return;
    snprintf(t->reason, sizeof t->reason, "%s%s, %llu of %llu bytes: %s", t->first_copied,
             t->copied > 1 ? " and others" : "", (unsigned long long)t->info.uploaded_bytes,
             (unsigned long long)t->info.sample_bytes, t->why_copied);
    t->why_copied = t->info.reason = t->reason;
}

/* Before another program shares what may be used in place. */
static cr_status feed_set(cr_trainer *t, const cr_train_set *set)
{
    const cr_samples *s = &t->samples;
    char name[32];
    snprintf(name, sizeof name, "%s_x", set->name);
    CR_TRY(feed(t, set->whole, name, set->part->x, cr_x_bytes(s, set->part->n)));
    snprintf(name, sizeof name, "%s_y", set->name);
    return feed(t, set->whole, name, set->part->y, cr_y_bytes(s, set->part->n));
}

/* A program shares its inputs with one that has them: the rest with the whole, a validation set
 * that was split off with the training, all with the training when they are streamed. */
static cr_status make_set(cr_trainer *t, cr_train_part part)
{
    cr_train_set *set = &t->set[part];
    if (set->n == 0)
        return CR_OK;
    set->whole = cr_trainer_compile(t, part, t->set[CR_TRAINING].whole, set->batch);
    if (!set->whole)
        return CR_E_GRAPH;
    if (t->info.window && !t->stream)
        t->stream = cr_stream_create(set->whole, &t->samples, !t->options.keep_order);
    if (t->info.window && !t->stream)
        return cr_last_status();
    if (set->own && !t->stream)
        CR_TRY(feed_set(t, set));
    if (!set->own && t->drawn && !t->stream)
        CR_TRY(cr_feed(set->whole, "drawn", t->drawn, t->samples.train.n * sizeof *t->drawn));
    if (set->n % set->batch == 0)
        return CR_OK;
    set->rest = cr_trainer_compile(t, part, set->whole, set->n % set->batch);
    return set->rest ? CR_OK : CR_E_GRAPH;
}

/* ---- life ------------------------------------------------------------------------------------ */

void cr_trainer_name_sets(cr_trainer *t)
{
    const cr_train_sizes *n = &t->n;
    const uint32_t most = n->evaluation_batch;
    t->set[CR_TRAINING] = (cr_train_set){
        .name = "train", .n = n->train, .batch = n->batch, .part = &t->samples.train, .own = true};
    t->set[CR_VALIDATION] =
        (cr_train_set){.name = "validation",
                       .first = n->first_validation,
                       .n = n->validation,
                       .batch = CR_MIN(n->validation, most),
                       .part = n->split ? &t->samples.train : &t->samples.validation,
                       .own = !n->split};
    t->set[CR_TESTING] = (cr_train_set){.name = "test",
                                        .first = n->first_test,
                                        .n = n->test,
                                        .batch = CR_MIN(n->test, most),
                                        .part = n->drawn ? &t->samples.train : &t->samples.test,
                                        .own = !n->drawn};
    t->info.train = n->train;
    t->info.validation = n->validation;
    t->info.test = n->test;
}

static cr_status check_labels(const cr_trainer *t)
{
    cr_samples seen = t->samples;
    seen.test.n = t->n.drawn ? 0 : t->n.test;
    return cr_samples_check_labels(&seen, cr_trainer_classes(t));
}

/* Which samples are in which set: a function of the seed alone. In a set they are as they lie. */
static cr_status draw_sets(cr_trainer *t)
{
    const uint32_t n = t->samples.train.n;
    int32_t *shuffled = cr_alloc(n * sizeof *shuffled);
    uint8_t *set = cr_alloc(n);
    t->drawn = cr_alloc(n * sizeof *t->drawn);
    if (shuffled && set && t->drawn) {
        uint32_t next[] = {0, t->n.train, t->n.first_test};
        cr_shuffle(shuffled, n, t->options.seed, UINT32_MAX); /* no epoch's */
        for (uint32_t i = 0; i < n; i++)
            set[shuffled[i]] = (uint8_t)((i >= next[1]) + (i >= next[2]));
        for (uint32_t i = 0; i < n; i++)
            t->drawn[next[set[i]]++] = (int32_t)i;
    }
    cr_free(shuffled);
    cr_free(set);
    return shuffled && set && t->drawn ? CR_OK : CR_E_MEMORY;
}

static cr_status set_up(cr_trainer *t)
{
    if (t->n.drawn)
        CR_TRY(draw_sets(t));
    CR_TRY(cr_trainer_place(t));
    if (cr_has_labels(&t->samples))
        CR_TRY(check_labels(t));
    CR_TRY(cr_trainer_mark_predicting(t));
    t->order = cr_alloc(t->n.train * sizeof *t->order);
    if (t->info.window)
        t->next_order = cr_alloc(t->n.train * sizeof *t->next_order);
    if (!t->order || (t->info.window && !t->next_order))
        return CR_E_MEMORY;
    CR_TRY(make_set(t, CR_TRAINING));
    CR_TRY(make_set(t, CR_VALIDATION));
    CR_TRY(make_set(t, CR_TESTING));
    tell_copied(t);
    return CR_OK;
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
    cr_trainer_name_sets(t);
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
    cr_stream_destroy(t->stream);
    for (int i = 0; i < CR_PREDICTORS; i++)
        cr_program_destroy(t->predictor[i].program);
    for (int i = CR_TRAIN_PARTS; i-- > 0;) {
        cr_program_destroy(t->set[i].rest);
        cr_program_destroy(t->set[i].whole);
    }
    forget_graph(t);
    cr_free(t->order);
    cr_free(t->next_order);
    cr_free(t->drawn);
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
    return t->stream ? t->info.reason : t->why_copied;
}

cr_trainer_info cr_trainer_get_info(const cr_trainer *t)
{
    cr_trainer_info info = t->info;
    if (t->stream)
        info.uploaded_bytes = cr_stream_bytes(t->stream);
    info.device = cr_program_device_use(t->set[CR_TRAINING].whole);
    return info;
}

uint32_t cr_trainer_test_sample(const cr_trainer *t, uint32_t i)
{
    return t->drawn ? (uint32_t)t->drawn[t->n.first_test + i] : i;
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
