/* checkpoint.c - writing a trainer to a file. */
#include "checkpoint.h"

/* ---- the model ------------------------------------------------------------------------------- */

enum { MOST_BATCH = 1 << 16 }; /* of a graph that is kept */

/* The graph that predicts, of a model function that is none of layers. */
static char *predicting_graph(cr_trainer *t)
{
    const cr_train_options *o = cr_trainer_options(t);
    const cr_samples *s = cr_trainer_samples(t);
    cr_graph *g = cr_graph_create("model");
    if (!g)
        return NULL;
    cr_shape shape = {.rank = s->x_shape.rank + 1, .dim = {cr_symbol(g, "batch", MOST_BATCH)}};
    memcpy(shape.dim + 1, s->x_shape.dim, (size_t)s->x_shape.rank * sizeof shape.dim[0]);
    cr_set_training(g, false);
    cr_value x = cr_input_at(CR_HERE, g, "x", s->x_dtype, shape);
    if (s->x_dtype == CR_U8 && !o->raw)
        x = cr_normalize(x, 0, 255);
    cr_output(g, "y", o->model(x, o->model_user));
    char *text = cr_graph_status(g) == CR_OK ? cr_graph_print(g) : NULL;
    cr_graph_destroy(g);
    return text;
}

static cr_model *model_of(cr_trainer *t)
{
    const cr_train_options *o = cr_trainer_options(t);
    if (o->model == cr_net_model)
        return cr_model_create(o->model_user);
    char *graph = predicting_graph(t);
    cr_model *m = graph ? cr_model_create_of_graph(graph) : NULL;
    cr_string_free(graph);
    return m;
}

static cr_status add_words(cr_model *m, const cr_data *data)
{
    char name[32];
    CR_TRY(cr_model_set_words(m, "classes", data->classes));
    CR_TRY(cr_model_set_words(m, "columns", data->columns));
    for (int64_t i = 0; data->categories && i < data->samples.x_shape.dim[0]; i++) {
        snprintf(name, sizeof name, "category.%lld", (long long)i);
        CR_TRY(cr_model_set_words(m, name, data->categories[i]));
    }
    return CR_OK;
}

static cr_status describe(cr_model *m, cr_trainer *t, const cr_checkpoint_about *about)
{
    const cr_samples *s = cr_trainer_samples(t);
    CR_TRY(cr_model_set_x(m, s->x_dtype, s->x_shape));
    CR_TRY(cr_model_set_note(m, "loss", cr_loss_name(cr_trainer_options(t)->loss)));
    if (about && about->data)
        CR_TRY(add_words(m, about->data));
    for (uint32_t i = 0; about && i < about->nnotes; i++)
        CR_TRY(cr_model_set_note(m, about->notes[i][0], about->notes[i][1]));
    return CR_OK;
}

/* ---- states ---------------------------------------------------------------------------------- */

static cr_status add_state(cr_model *to, cr_trainer *t, const cr_trainer_state *s, const void *data)
{
    void *at = cr_model_new_tensor(to, s->name, s->dtype, s->shape);
    if (!at)
        return cr_last_status();
    if (data)
        return memcpy(at, data, s->bytes), CR_OK;
    return cr_trainer_get(t, s->name, at, s->bytes);
}

/* What predicting reads to the model, the others to `training`; the best of the model's. */
static cr_status add_states(cr_checkpoint *c, cr_trainer *t, const cr_trainer_state *s, uint32_t n)
{
    double figure;
    const void *best;
    cr_trainer_best(t, &figure, &best);
    const char *at = best;
    for (uint32_t i = 0; i < n; i++) {
        CR_TRY(add_state(s[i].predicts ? c->model : c->training, t, &s[i], NULL));
        if (!best || !s[i].model)
            continue;
        CR_TRY(add_state(c->best, t, &s[i], at));
        at += s[i].bytes;
    }
    return CR_OK;
}

cr_trainer_state *cr_checkpoint_states(cr_trainer *t, uint32_t *n)
{
    *n = cr_trainer_states(t, NULL, 0);
    cr_trainer_state *s = cr_alloc(*n * sizeof *s);
    if (s)
        cr_trainer_states(t, s, *n);
    return s;
}

static cr_status add_all_states(cr_checkpoint *c, cr_trainer *t)
{
    uint32_t n;
    cr_trainer_state *s = cr_checkpoint_states(t, &n);
    if (!s)
        return CR_E_MEMORY;
    cr_status status = add_states(c, t, s, n);
    cr_free(s);
    return status;
}

static cr_status add_progress(cr_checkpoint *c, cr_trainer *t)
{
    char text[64];
    double figure;
    const void *weights;
    const uint32_t best = cr_trainer_best(t, &figure, &weights);
    snprintf(text, sizeof text, "%u", cr_trainer_epochs(t));
    CR_TRY(cr_model_set_note(c->training, "epochs", text));
    snprintf(text, sizeof text, "%u", best);
    CR_TRY(cr_model_set_note(c->best, "epoch", text));
    snprintf(text, sizeof text, "%a", figure); /* exactly */
    return best ? cr_model_set_note(c->best, "figure", text) : CR_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static cr_status write_group(cr_h5_writer *w, const char *group, const char *folder,
                             const cr_model *m)
{
    CR_TRY(cr_h5_group(w, group));
    CR_TRY(cr_model_write_notes(w, group, m->note.at, m->note.len));
    for (uint32_t i = 0; i < m->tensor.len; i++)
        CR_TRY(cr_model_write_tensor(w, folder, &m->tensor.at[i]));
    return CR_OK;
}

static cr_status write_file(const cr_checkpoint *c, const char *path)
{
    CR_ASSERT(c->model && c->training && c->best);
    cr_h5_writer *w = cr_model_begin(c->model, "checkpoint");
    if (!w)
        return cr_last_status();
    cr_status status = write_group(w, "/training", "/training/states", c->training);
    if (status == CR_OK)
        status = write_group(w, "/best", "/best/weights", c->best);
    if (status == CR_OK)
        return cr_model_end(w, path);
    cr_h5_discard(w);
    return status;
}

static cr_status fill(cr_checkpoint *c, cr_trainer *t, const cr_checkpoint_about *about)
{
    const cr_net none = {0};
    c->model = model_of(t);
    c->training = c->model ? cr_model_create(&none) : NULL;
    c->best = c->training ? cr_model_create(&none) : NULL;
    if (!c->best)
        return cr_last_status();
    CR_TRY(describe(c->model, t, about));
    CR_TRY(cr_training_notes(c->training, t));
    CR_TRY(add_progress(c, t));
    return add_all_states(c, t);
}

cr_status cr_checkpoint_save(const char *path, cr_trainer *t, const cr_checkpoint_about *about)
{
    if (!path || !t)
        return cr_fail(CR_E_ARGUMENT, "checkpoint: %s is NULL", t ? "the file" : "the trainer");
    if (cr_trainer_left(t) > 0)
        return cr_fail(CR_E_ARGUMENT, "checkpoint: the trainer is amid an epoch");
    cr_checkpoint *c = cr_alloc(sizeof *c);
    if (!c)
        return CR_E_MEMORY;
    cr_status status = fill(c, t, about);
    if (status == CR_OK)
        status = write_file(c, path);
    cr_checkpoint_destroy(c);
    return status;
}

void cr_checkpoint_destroy(cr_checkpoint *c)
{
    if (!c)
        return;
    cr_model_destroy(c->model);
    cr_model_destroy(c->training);
    cr_model_destroy(c->best);
    cr_free(c->name);
    cr_free(c);
}
