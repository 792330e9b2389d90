/* checkpoint_load.c - reading a training, and going on with it; beginning one with a model. */
#include <errno.h>

#include "checkpoint.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* A whole number that a note tells. */
static cr_status read_count(const cr_checkpoint *c, const cr_model *m, const char *note,
                            uint32_t *out)
{
    const char *text = cr_model_note(m, note);
    char *end = NULL;
    errno = 0;
    const unsigned long long n = text ? strtoull(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || n > UINT32_MAX)
        return cr_fail(CR_E_IO, "%s: its '%s' is no number of epochs", c->name, note);
    *out = (uint32_t)n;
    return CR_OK;
}

/* So that all that is told later is there. */
static cr_status check(cr_checkpoint *c)
{
    cr_train_options o = {0};
    uint32_t n = 0;
    CR_TRY(read_count(c, c->training, "epochs", &n));
    CR_TRY(read_count(c, c->best, "epoch", &n));
    const char *figure = cr_model_note(c->best, "figure");
    char *end = NULL;
    if (figure)
        strtod(figure, &end);
    if (n && (!figure || end == figure || *end))
        return cr_fail(CR_E_IO, "%s: the best epoch's figure is %s%.60s", c->name,
                       figure ? "no number: " : "missing", figure ? figure : "");
    return cr_training_options(c->training, c->name, &o);
}

static cr_status read_all(cr_checkpoint *c, cr_h5 *h)
{
    const cr_net none = {0};
    CR_TRY(cr_model_check_file(h));
    if (strcmp(cr_h5_text(h, "/", "crisol"), "checkpoint") != 0)
        return cr_fail(CR_E_IO, "%s: it is a model, and no training to go on with", c->name);
    c->model = cr_model_read(h, false);
    c->training = c->model ? cr_model_create(&none) : NULL;
    c->best = c->training ? cr_model_create(&none) : NULL;
    if (!c->best)
        return cr_last_status();
    CR_TRY(cr_model_read_notes(h, "/training", c->training));
    CR_TRY(cr_model_read_tensors(h, "/training/states", NULL, c->training));
    CR_TRY(cr_model_read_notes(h, "/best", c->best));
    CR_TRY(cr_model_read_tensors(h, "/best/weights", NULL, c->best));
    return check(c);
}

cr_checkpoint *cr_checkpoint_read(cr_h5 *h, const char *name)
{
    cr_checkpoint *c = cr_alloc(sizeof *c);
    if (c && (c->name = cr_strdup(name)) && read_all(c, h) == CR_OK)
        return c;
    cr_checkpoint_destroy(c);
    return NULL;
}

cr_checkpoint *cr_checkpoint_load(const char *path)
{
    cr_h5 *h = cr_h5_open(path);
    cr_checkpoint *c = h ? cr_checkpoint_read(h, path) : NULL;
    cr_h5_close(h);
    return c;
}

/* ---- looking --------------------------------------------------------------------------------- */

const cr_model *cr_checkpoint_model(const cr_checkpoint *c)
{
    return c->model;
}

uint32_t cr_checkpoint_epochs(const cr_checkpoint *c)
{
    uint32_t n = 0;
    read_count(c, c->training, "epochs", &n);
    return n;
}

uint32_t cr_checkpoint_best(const cr_checkpoint *c, double *figure)
{
    uint32_t n = 0;
    read_count(c, c->best, "epoch", &n);
    *figure = n ? strtod(cr_model_note(c->best, "figure"), NULL) : 0;
    return n;
}

const char *cr_checkpoint_option(const cr_checkpoint *c, const char *name)
{
    return cr_model_note(c->training, name);
}

cr_status cr_checkpoint_options(const cr_checkpoint *c, cr_train_options *out)
{
    return cr_training_options(c->training, c->name, out);
}

/* ---- going on -------------------------------------------------------------------------------- */

static const cr_tensor *find_state(const cr_checkpoint *c, const char *name)
{
    const cr_tensor *t = cr_model_find(c->model, name);
    return t ? t : cr_model_find(c->training, name);
}

static cr_tensor wanted(const cr_trainer_state *s)
{
    return (cr_tensor){.name = s->name, .dtype = s->dtype, .shape = s->shape};
}

static bool is_wanted(const cr_trainer_state *s, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(s[i].name, name) == 0)
            return true;
    return false;
}

static void add_extras(cr_differences *d, const cr_model *m, const cr_trainer_state *s, uint32_t n)
{
    for (uint32_t i = 0; i < m->tensor.len; i++)
        if (!is_wanted(s, n, m->tensor.at[i].name))
            cr_differ(d, NULL, &m->tensor.at[i]);
}

static cr_status check_states(const cr_checkpoint *c, const cr_trainer_state *s, uint32_t n)
{
    cr_differences d = {0};
    for (uint32_t i = 0; i < n; i++) {
        const cr_tensor want = wanted(&s[i]);
        cr_differ(&d, &want, find_state(c, s[i].name));
        if (c->best->tensor.len && s[i].model)
            cr_differ(&d, &want, cr_model_find(c->best, s[i].name));
    }
    add_extras(&d, c->model, s, n);
    add_extras(&d, c->training, s, n);
    add_extras(&d, c->best, s, n);
    return cr_differ_finish(&d, c->name, "it is of another net or optimizer");
}

/* States of the same shapes may be of another net: of tanh instead of relu. What a model function
 * of the caller's own computes is not compared. */
static cr_status check_net(const cr_checkpoint *c, cr_trainer *t)
{
    const cr_train_options *o = cr_trainer_options(t);
    const cr_net *net = cr_model_net(c->model);
    if (!net || o->model != cr_net_model)
        return CR_OK;
    char *there = cr_net_print(net), *here = there ? cr_net_print(o->model_user) : NULL;
    cr_status status = here ? CR_OK : CR_E_MEMORY;
    if (here && strcmp(there, here) != 0)
        status = cr_fail(CR_E_ARGUMENT, "%s: it is of another net: %.400s (here %.400s)", c->name,
                         there, here);
    cr_string_free(there);
    cr_string_free(here);
    return status;
}

static cr_status set_best(const cr_checkpoint *c, cr_trainer *t, const cr_trainer_state *s,
                          uint32_t n)
{
    double figure;
    const uint32_t epoch = cr_checkpoint_best(c, &figure);
    size_t bytes = 0;
    if (epoch == 0 || c->best->tensor.len == 0)
        return cr_trainer_set_best(t, epoch, figure, NULL);
    for (uint32_t i = 0; i < n; i++)
        bytes += s[i].model ? s[i].bytes : 0;
    char *all = cr_alloc(bytes), *at = all;
    if (!all)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        if (s[i].model) {
            memcpy(at, cr_model_find(c->best, s[i].name)->data, s[i].bytes);
            at += s[i].bytes;
        }
    cr_status status = cr_trainer_set_best(t, epoch, figure, all);
    cr_free(all);
    return status;
}

static cr_status resume(const cr_checkpoint *c, cr_trainer *t, const cr_trainer_state *s,
                        uint32_t n)
{
    CR_TRY(check_states(c, s, n));
    CR_TRY(check_net(c, t));
    CR_TRY(cr_training_compare(c->training, c->name, t));
    for (uint32_t i = 0; i < n; i++)
        CR_TRY(cr_trainer_set(t, s[i].name, find_state(c, s[i].name)->data, s[i].bytes));
    cr_trainer_go_on(t, cr_checkpoint_epochs(c));
    return set_best(c, t, s, n);
}

cr_status cr_checkpoint_resume(const cr_checkpoint *c, cr_trainer *t)
{
    uint32_t n;
    cr_trainer_state *s = cr_checkpoint_states(t, &n);
    if (!s)
        return CR_E_MEMORY;
    cr_status status = resume(c, t, s, n);
    cr_free(s);
    return status;
}

/* ---- beginning with a model ------------------------------------------------------------------ */

/* Is it a mean, a range or the like of a layer that is prepared with the samples? */
static bool is_prepared(cr_trainer *t, const char *state)
{
    const cr_train_options *o = cr_trainer_options(t);
    const cr_net *net = o->model == cr_net_model ? o->model_user : NULL;
    const char *dot = strrchr(state, '.');
    const size_t n = dot ? (size_t)(dot - state) : 0;
    for (uint32_t i = 0; net && n && i < net->nlayers; i++) {
        const cr_layer_kind kind = net->layer[i].kind;
        const char *name = cr_net_layer_name(net, i + 1);
        if ((kind == CR_LAYER_STANDARDIZE || kind == CR_LAYER_SCALE) && strlen(name) == n &&
            memcmp(name, state, n) == 0)
            return true;
    }
    return false;
}

/* A dropout's seed and the like: a program's model may hold it, and it is the new training's own.
 */
static bool is_random(const char *state)
{
    return strncmp(state, "random.", strlen("random.")) == 0;
}

static cr_status check_weights(const cr_model *m, cr_trainer *t, const cr_trainer_state *s,
                               uint32_t n)
{
    cr_differences d = {0};
    for (uint32_t i = 0; i < n; i++) {
        const cr_tensor want = wanted(&s[i]), *have = cr_model_find(m, want.name);
        if (s[i].predicts && (have || !is_prepared(t, want.name)))
            cr_differ(&d, &want, have);
    }
    for (uint32_t i = 0; i < m->tensor.len; i++) {
        const char *name = m->tensor.at[i].name;
        bool used = is_random(name);
        for (uint32_t k = 0; k < n && !used; k++)
            used = s[k].predicts && strcmp(s[k].name, name) == 0;
        if (!used)
            cr_differ(&d, NULL, &m->tensor.at[i]);
    }
    return cr_differ_finish(&d, m->from ? m->from : "model", "it is of another net");
}

static cr_status start(const cr_model *m, cr_trainer *t, const cr_trainer_state *s, uint32_t n)
{
    CR_TRY(check_weights(m, t, s, n));
    for (uint32_t i = 0; i < n; i++) {
        const cr_tensor *from = s[i].predicts ? cr_model_find(m, s[i].name) : NULL;
        if (from)
            CR_TRY(cr_trainer_set(t, s[i].name, from->data, s[i].bytes));
    }
    return CR_OK;
}

cr_status cr_checkpoint_start(const cr_model *m, cr_trainer *t)
{
    if (!m || !t)
        return cr_fail(CR_E_ARGUMENT, "checkpoint: %s is NULL", m ? "the trainer" : "the model");
    uint32_t n;
    cr_trainer_state *s = cr_checkpoint_states(t, &n);
    if (!s)
        return CR_E_MEMORY;
    cr_status status = start(m, t, s, n);
    cr_free(s);
    return status;
}
