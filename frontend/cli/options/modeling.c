/* modeling.c - see modeling.h. */
#include "options/modeling.h"

#if CRISOL_HAVE_IO
#include "options/onehot.h"
#include "options/training.h"

void modeling_options(modeling *m, cli_options *o)
{
    cli_add(o, "--model", CLI_INPUT, &m->file, "FILE",
            "a checkpoint, a model of crisol's, or a .keras or .h5 file of Keras");
    samples_options(&m->samples, o);
    cli_add(o, "--loss", CLI_TEXT, &m->loss_text, "LOSS",
            "instead of the file's, as in crisol train");
    cli_add(o, "--device", CLI_TEXT, &m->device, "D",
            "gpu, cpu, an index, or a part of a name (crisol devices)");
}

/* ---- the model ------------------------------------------------------------------------------- */

static int read_loss(modeling *m)
{
    const char *text = m->loss_text ? m->loss_text : cr_model_note(m->model, "loss");
    for (int i = 0; text && i < CR_LOSS_COUNT; i++)
        if (strcmp(text, cr_loss_name((cr_loss)i)) == 0) {
            m->loss = (cr_loss)i;
            m->has_loss = true;
            return CLI_GO;
        }
    return m->loss_text ? cli_fail("--loss: '%s' is none; see crisol train --help", m->loss_text)
                        : CLI_GO;
}

static int open_model(modeling *m)
{
    if (!m->file)
        return cli_fail("--model is needed: the file of a model or a checkpoint");
    m->model = cr_model_open(m->file);
    if (!m->model)
        return cli_library_failed();
    const cr_net *net = cr_model_net(m->model);
    if (net && (cr_net_inputs(net) != 1 || cr_net_outputs(net) != 1))
        return cli_fail("%s: it has %u inputs and %u outputs; with --data it would have one each "
                        "(crisol predict "
                        "--inputs takes any)",
                        m->file, cr_net_inputs(net), cr_net_outputs(net));
    return read_loss(m);
}

/* ---- the samples ----------------------------------------------------------------------------- */

/* The words of each of the model's columns; NULL: it does not tell of columns. */
static cr_words *known_categories(const cr_model *model, const cr_shape *x)
{
    enum { MOST = 1 << 20 }; /* of a CSV file */
    if (x->rank != 1 || x->dim[0] < 1 || x->dim[0] > MOST)
        return NULL;
    cr_words *list = cli_alloc((size_t)x->dim[0] * sizeof *list);
    for (int64_t i = 0; i < x->dim[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "category.%lld", (long long)i);
        list[i] = cr_model_words(model, name);
    }
    return list;
}

/* Words of a CSV file get the numbers that they had in training. */
static cr_data *open_data(const modeling *m, bool targets)
{
    cr_data like = {.classes = cr_model_words(m->model, "classes"),
                    .columns = cr_model_words(m->model, "columns")};
    samples s = m->samples;
    cr_words *categories = NULL;
    const bool known = cr_model_x(m->model, &like.samples.x_dtype, &like.samples.x_shape);
    if (known)
        like.categories = categories = known_categories(m->model, &like.samples.x_shape);
    s.o.no_targets = !targets && !s.o.target && !s.o.labels;
    if (known && like.columns.n)
        s.o.like = &like;
    cr_data *data = samples_open(&s);
    free(categories);
    return data;
}

/* Bytes are pixels from 0 to 1, as for a trainer, unless the net takes them as they are. */
static void to_floats(modeling *m, const cr_layer *in, uint64_t n)
{
    const float most = in && in->raw ? 1 : 255;
    const uint8_t *from = m->part->x;
    float *to = cli_alloc(n * sizeof *to);
    for (uint64_t i = 0; i < n; i++)
        to[i] = (float)from[i] / most;
    m->converted = (char *)to;
}

/* As the net was trained on them, or as its input is declared. */
static bool has_shape(const cr_shape *given, const cr_shape *known, const cr_layer *in)
{
    return cr_sample_fits(given, known) ||
           (in && given->rank == 1 && cr_sample_fits(given, &in->shape));
}

static int fit_samples(modeling *m)
{
    const cr_samples *s = &m->data->samples;
    cr_shape shape;
    char want[CLI_SHAPE_TEXT], have[CLI_SHAPE_TEXT];
    const cr_net *net = cr_model_net(m->model);
    const cr_layer *in = net ? cr_net_input(net, 0) : NULL;
    if (!cr_model_x(m->model, &m->dtype, &shape)) {
        m->dtype = in ? in->dtype : s->x_dtype;
        shape = in ? in->shape : s->x_shape;
        if (cr_model_set_x(m->model, m->dtype, shape) != CR_OK)
            return cli_library_failed();
    }
    const uint64_t n = cli_elements(&shape, 0);
    if (!has_shape(&s->x_shape, &shape, in) ||
        (m->dtype != s->x_dtype && !(m->dtype == CR_F32 && s->x_dtype == CR_U8)))
        return cli_fail("%s: it takes samples of %s, and those of %s are %s", m->file,
                        cli_shape_text(m->dtype, &shape, want), m->data->name,
                        cli_shape_text(s->x_dtype, &s->x_shape, have));
    m->x_bytes = n * cr_dtype_size(m->dtype);
    if (m->dtype != s->x_dtype)
        to_floats(m, in, n * m->part->n);
    return net ? onehot_check(net, 0, m->data, m->part) : CLI_GO;
}

int modeling_open(modeling *m, bool targets)
{
    if (samples_check(&m->samples) != CLI_GO || open_model(m) != CLI_GO)
        return CLI_MISTAKE;
    m->data = open_data(m, targets);
    if (!m->data)
        return CLI_MISTAKE;
    m->part = m->data->samples.test.n ? &m->data->samples.test : &m->data->samples.train;
    training_catch_interrupt();
    return fit_samples(m);
}

const void *modeling_x(const modeling *m, uint32_t i)
{
    const char *all = m->converted ? m->converted : m->part->x;
    return all + m->x_bytes * i;
}

uint32_t modeling_batch(const modeling *m)
{
    return m->part->n < 256 ? m->part->n : 256;
}

int modeling_failed(cr_status status)
{
    if (status != CR_E_INTERRUPTED)
        return cli_library_failed();
    cli_fail("interrupted");
    return CLI_INTERRUPTED;
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* How many scores "y" has; 0 after a message. */
static uint32_t scores_of(const modeling *m)
{
    cr_graph *g = cr_model_build(m->model, 1);
    if (!g) {
        cli_library_failed();
        return 0;
    }
    const cr_shape s = cr_value_shape(cr_find(g, "y"));
    uint64_t n = 1;
    for (int i = 1; i < s.rank; i++)
        n *= (uint64_t)s.dim[i];
    cr_graph_destroy(g);
    if (s.rank >= 1 && n <= UINT32_MAX)
        return (uint32_t)n;
    cli_fail("%s: it gives no scores of samples", m->file);
    return 0;
}

/* Samples from..to with a program for batches of that size. */
static cr_status predict(const modeling *m, uint32_t batch, uint32_t from, uint32_t to,
                         uint32_t scores, float *out)
{
    const cr_compile_options o = {.device = m->device, .interrupt = training_interrupt};
    cr_program *p = cr_model_program(m->model, batch, &o);
    const cr_net *net = cr_model_net(m->model);
    const cr_layer *in = net ? cr_net_input(net, 0) : NULL;
    cr_status status = p ? CR_OK : CR_E_GRAPH;
    for (uint32_t i = from; i < to && status == CR_OK; i += batch) {
        status = cr_feed(p, in ? in->name : "x", modeling_x(m, i), batch * m->x_bytes);
        if (status == CR_OK)
            status = cr_run(p, 1);
        if (status == CR_OK)
            status =
                cr_fetch(p, "y", out + (size_t)i * scores, (size_t)batch * scores * sizeof *out);
    }
    cr_program_destroy(p);
    return status;
}

int modeling_predict(const modeling *m, float **out, uint32_t *scores)
{
    const uint32_t n = m->part->n, batch = modeling_batch(m), rest = n % batch;
    *scores = scores_of(m);
    if (*scores == 0)
        return CLI_MISTAKE;
    *out = cli_alloc((size_t)n * *scores * sizeof **out);
    cr_status status = predict(m, batch, 0, n - rest, *scores, *out);
    if (status == CR_OK && rest)
        status = predict(m, rest, n - rest, n, *scores, *out);
    return status == CR_OK ? CLI_GO : modeling_failed(status);
}

void modeling_close(modeling *m)
{
    free(m->converted);
    cr_data_close(m->data);
    cr_model_destroy(m->model);
}

#else

int modeling_missing(int argc, char **argv)
{
    cli_options o = {.about = "It takes models in files. This crisol was built without crisol-io "
                              "(CRISOL_IO), and reads none."};
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return cli_parse(&o, 1, argv + i);
    return cli_fail("this crisol was built without crisol-io (CRISOL_IO), and reads no models");
}

#endif
