/* trainer.c - the training loop: four programs over one graph, and an epoch's way through them.
 *
 *     train       a step on a whole batch       rest        the last, smaller batch
 *     test        evaluation, a whole batch     test_rest   its last, smaller batch
 *
 * They share states, inputs and device. Nothing moves between host and device inside an epoch. */
#include <math.h>

#include "ir.h"
#include "train.h"

enum { TRAIN, REST, TEST, TEST_REST, NPROGRAM };

static const char *const test_states[] = {"test.offset", "test.loss_sum", "test.correct"};

struct cr_trainer {
    const cr_dataset *data;
    cr_train_options options;
    cr_graph *graph;
    cr_program *program[NPROGRAM]; /* NULL: not needed */
    const char **update;           /* states that a training step assigns */
    uint32_t nupdate;
    uint32_t batch, test_batch; /* test_batch 0: without evaluation */
    int32_t *order;
    uint32_t epoch; /* begun so far */
    uint64_t done;  /* whole batches of this epoch */
};

/* ---- compiling ------------------------------------------------------------------------------- */

static bool is_test_state(const char *name)
{
    for (size_t i = 0; i < CR_COUNTOF(test_states); i++)
        if (strcmp(name, test_states[i]) == 0)
            return true;
    return false;
}

static cr_status list_updates(cr_trainer *t)
{
    const cr_graph *g = t->graph;
    t->update = cr_alloc(g->root.len * sizeof *t->update);
    if (!t->update)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < g->root.len; i++) {
        const char *name = cr_name_of(g, g->root.at[i]);
        if (cr_at(g, g->root.at[i])->op == CR_OP_ASSIGN && !is_test_state(name))
            t->update[t->nupdate++] = name;
    }
    return CR_OK;
}

static cr_program *compile(cr_trainer *t, bool training, uint32_t batch)
{
    static const char *const none[] = {NULL};
    const cr_binding bind = {"batch", batch};
    cr_compile_options o = t->options.compile;
    o.bind = &bind;
    o.nbind = 1;
    o.share = t->program[TRAIN];
    o.seed = t->options.seed;
    o.no_updates = false;
    o.outputs = training ? NULL : none;
    o.noutputs = 0;
    o.updates = training ? t->update : test_states;
    o.nupdates = training ? t->nupdate : (uint32_t)CR_COUNTOF(test_states);
    return cr_compile(t->graph, &o);
}

static cr_status compile_all(cr_trainer *t)
{
    const struct {
        bool training;
        uint32_t samples;
    } want[NPROGRAM] = {
        [TRAIN] = {true, t->batch},
        [REST] = {true, t->data->ntrain % t->batch},
        [TEST] = {false, t->test_batch},
        [TEST_REST] = {false, t->test_batch ? t->data->ntest % t->test_batch : 0},
    };
    for (int i = 0; i < NPROGRAM; i++) {
        if (want[i].samples == 0)
            continue;
        t->program[i] = compile(t, want[i].training, want[i].samples);
        if (!t->program[i])
            return CR_E_GRAPH;
    }
    return CR_OK;
}

static cr_status feed_set(cr_program *p, const char *images, const uint8_t *x, const char *labels,
                          const uint8_t *y, uint32_t n, uint32_t pixels)
{
    CR_TRY(cr_feed(p, images, x, (size_t)n * pixels));
    return cr_feed(p, labels, y, n);
}

static cr_status feed_all(cr_trainer *t)
{
    const cr_dataset *d = t->data;
    const uint32_t pixels = d->rows * d->cols;
    CR_TRY(feed_set(t->program[TRAIN], "train_x", d->train_x, "train_y", d->train_y, d->ntrain,
                    pixels));
    if (!t->program[TEST])
        return CR_OK;
    return feed_set(t->program[TEST], "test_x", d->test_x, "test_y", d->test_y, d->ntest, pixels);
}

/* ---- life ------------------------------------------------------------------------------------ */

static cr_status set_up(cr_trainer *t)
{
    uint32_t classes;
    t->graph = cr_train_build(t->data, &t->options, &classes);
    if (!t->graph)
        return CR_E_GRAPH;
    cr_dataset seen = *t->data;
    seen.ntest = t->test_batch ? seen.ntest : 0;
    CR_TRY(cr_dataset_check_labels(&seen, classes));
    CR_TRY(list_updates(t));
    t->order = cr_alloc(t->data->ntrain * sizeof *t->order);
    if (!t->order)
        return CR_E_MEMORY;
    CR_TRY(compile_all(t));
    return feed_all(t);
}

static cr_status check_samples(const cr_dataset *d, const cr_train_options *options)
{
    if (d->train_x && d->train_y && (options->no_evaluation || (d->test_x && d->test_y)))
        return CR_OK;
    return cr_fail(CR_E_ARGUMENT, "train: the data set's images or labels are NULL");
}

cr_trainer *cr_trainer_create(const cr_dataset *data, const cr_train_options *options)
{
    if (cr_train_check(data, options) != CR_OK || check_samples(data, options) != CR_OK)
        return NULL;
    cr_trainer *t = cr_alloc(sizeof *t);
    if (!t)
        return NULL;
    t->data = data;
    t->options = *options;
    t->batch = cr_train_batch(data, options);
    t->test_batch = options->no_evaluation ? 0 : cr_train_test_batch(data);
    if (set_up(t) == CR_OK)
        return t;
    cr_trainer_destroy(t);
    return NULL;
}

void cr_trainer_destroy(cr_trainer *t)
{
    if (!t)
        return;
    for (int i = NPROGRAM; i-- > 0;)
        cr_program_destroy(t->program[i]);
    cr_graph_destroy(t->graph);
    cr_free(t->update);
    cr_free(t->order);
    cr_free(t);
}

cr_graph *cr_trainer_graph(cr_trainer *t)
{
    return t->graph;
}

cr_program *cr_trainer_program(cr_trainer *t)
{
    return t->program[TRAIN];
}

/* ---- an epoch -------------------------------------------------------------------------------- */

void cr_shuffle(int32_t *order, uint32_t n, uint64_t seed, uint32_t epoch)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t draw[4] = {0};
    for (uint32_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (uint32_t i = n, k = 0; i > 1; i--, k++) {
        if (k % 4 == 0) {
            const uint32_t counter[4] = {k / 4, epoch, 0x6f726472u /* "ordr" */, 0};
            cr_philox4x32(counter, key, draw);
        }
        uint32_t j = (uint32_t)((uint64_t)draw[k % 4] * i >> 32); /* below i */
        int32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static cr_status set_i32(cr_program *p, const char *name, int32_t v)
{
    return cr_set(p, name, &v, sizeof v);
}

static cr_status set_f32(cr_program *p, const char *name, float v)
{
    return cr_set(p, name, &v, sizeof v);
}

cr_status cr_trainer_begin(cr_trainer *t)
{
    cr_program *p = t->program[TRAIN];
    const uint32_t n = t->data->ntrain;
    if (!t->options.keep_order || t->epoch == 0) {
        CR_TRY(cr_wait(p)); /* a host-side order may still be read */
        if (t->options.keep_order)
            for (uint32_t i = 0; i < n; i++)
                t->order[i] = (int32_t)i;
        else
            cr_shuffle(t->order, n, t->options.seed, t->epoch);
        CR_TRY(cr_feed(p, "order", t->order, n * sizeof *t->order));
    }
    CR_TRY(set_i32(p, "train.offset", 0));
    CR_TRY(set_f32(p, "train.loss_sum", 0));
    CR_TRY(set_i32(p, "train.correct", 0));
    t->epoch++;
    t->done = 0;
    return CR_OK;
}

uint64_t cr_trainer_left(const cr_trainer *t)
{
    return t->epoch ? t->data->ntrain / t->batch - t->done : 0;
}

static uint64_t steps_of_epoch(const cr_trainer *t)
{
    return t->data->ntrain / t->batch + (t->program[REST] ? 1 : 0);
}

cr_status cr_trainer_run(cr_trainer *t, uint64_t n)
{
    if (n > cr_trainer_left(t))
        return cr_fail(CR_E_ARGUMENT, "train: %llu steps asked for, and the epoch has %llu left",
                       (unsigned long long)n, (unsigned long long)cr_trainer_left(t));
    uint64_t before = cr_steps_done(t->program[TRAIN]);
    cr_status status = cr_run(t->program[TRAIN], n);
    t->done += cr_steps_done(t->program[TRAIN]) - before;
    return status;
}

cr_status cr_trainer_check(cr_trainer *t)
{
    int32_t bad;
    CR_TRY(cr_fetch(t->program[TRAIN], "train.bad_step", &bad, sizeof bad));
    if (bad < 0)
        return CR_OK;
    const cr_replay replay = {
        .graph = t->graph,
        .program = t->program[TRAIN],
        .rest = t->program[REST],
        .data = t->data,
        .order = t->order,
        .updates = t->update,
        .nupdates = t->nupdate,
        .batch = t->batch,
        .epoch = t->epoch,
        .steps = steps_of_epoch(t),
    };
    return cr_replay_step(&replay);
}

static void tell(const cr_trainer *t, double begin)
{
    const cr_progress p = {t->epoch, t->done, steps_of_epoch(t), cr_now() - begin};
    t->options.progress(&p, t->options.progress_user);
}

/* All whole batches; in pieces of about a tenth of a second when somebody watches. */
static cr_status run_epoch(cr_trainer *t, double begin)
{
    if (!t->options.progress)
        return cr_trainer_run(t, cr_trainer_left(t));
    uint64_t piece = 8;
    while (cr_trainer_left(t) > 0) {
        CR_TRY(cr_trainer_run(t, CR_MIN(piece, cr_trainer_left(t))));
        tell(t, begin);
        double rate = (double)t->done / fmax(cr_now() - begin, 1e-6);
        piece = (uint64_t)fmax(1, fmin(rate * 0.1, 2 * (double)piece));
    }
    return CR_OK;
}

static cr_status read_training(cr_trainer *t, cr_epoch *out)
{
    float loss;
    int32_t correct;
    CR_TRY(cr_fetch(t->program[TRAIN], "train.loss_sum", &loss, sizeof loss));
    CR_TRY(cr_fetch(t->program[TRAIN], "train.correct", &correct, sizeof correct));
    out->train_loss = (double)loss / t->data->ntrain;
    out->train_accuracy = (double)correct / t->data->ntrain;
    return CR_OK;
}

cr_status cr_trainer_evaluate(cr_trainer *t, double *loss, double *accuracy)
{
    cr_program *p = t->program[TEST];
    float sum;
    int32_t correct;
    *loss = *accuracy = NAN;
    if (!p)
        return CR_OK;
    CR_TRY(set_i32(p, "test.offset", 0));
    CR_TRY(set_f32(p, "test.loss_sum", 0));
    CR_TRY(set_i32(p, "test.correct", 0));
    CR_TRY(cr_run(p, t->data->ntest / t->test_batch));
    if (t->program[TEST_REST])
        CR_TRY(cr_run(t->program[TEST_REST], 1));
    CR_TRY(cr_fetch(p, "test.loss_sum", &sum, sizeof sum));
    CR_TRY(cr_fetch(p, "test.correct", &correct, sizeof correct));
    *loss = (double)sum / t->data->ntest;
    *accuracy = (double)correct / t->data->ntest;
    return CR_OK;
}

cr_status cr_trainer_epoch(cr_trainer *t, cr_epoch *out)
{
    memset(out, 0, sizeof *out);
    double begin = cr_now();
    CR_TRY(cr_trainer_begin(t));
    out->epoch = t->epoch;
    out->steps = steps_of_epoch(t);
    CR_TRY(run_epoch(t, begin));
    if (t->program[REST])
        CR_TRY(cr_run(t->program[REST], 1));
    CR_TRY(cr_trainer_check(t));
    CR_TRY(read_training(t, out));
    double trained = cr_now();
    out->seconds = trained - begin;
    CR_TRY(cr_trainer_evaluate(t, &out->test_loss, &out->test_accuracy));
    out->test_seconds = cr_now() - trained;
    return CR_OK;
}

/* ---- figures --------------------------------------------------------------------------------- */

cr_status cr_trainer_profile(cr_trainer *t, uint64_t n, cr_profile *out)
{
    memset(out, 0, sizeof *out);
    if (cr_trainer_left(t) < n)
        CR_TRY(cr_trainer_begin(t));
    n = CR_MIN(n, cr_trainer_left(t));
    CR_TRY(cr_profile_run(t->program[TRAIN], n, out));
    t->done += n;
    return CR_OK;
}
