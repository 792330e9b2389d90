/* several.c - see several.h. */
#include "several.h"

#if CRISOL_HAVE_IO
#include <crisol/io/table.h>

#include "options/onehot.h"
#include "options/training.h"
#include "results/npy.h"

enum { MOST = 64, BATCH = 256 };

/* An input or an output: its layer, its elements of a sample, those of all samples. */
typedef struct port {
    const char *name;
    cr_data *data;   /* of an input */
    char *converted; /* its elements, where the file has another type; else NULL */
    const char *x;
    float *y; /* of an output */
    size_t elements, bytes;
} port;

typedef struct several {
    const char *file, *device;
    cr_model *model;
    const cr_net *net;
    port in[MOST], out[MOST];
    uint32_t nin, nout, n; /* inputs, outputs, samples */
} several;

/* ---- names of files -------------------------------------------------------------------------- */

/* The file of output i: "scores.npy" of several is scores.first.npy, scores.second.npy; a "/" in a
 * layer's name is no folder. The caller frees it. */
static char *array_name(const several *m, uint32_t i, const char *path)
{
    cli_text name = {0};
    if (m->nout == 1 || !cli_ends_in(path, ".npy")) {
        cli_put(&name, "%s", path);
        return name.at;
    }
    const size_t stem = strlen(path) - strlen(".npy");
    cli_put(&name, "%.*s.%s.npy", (int)stem, path,
            cr_net_layer_name(m->net, cr_net_output(m->net, i)));
    for (char *c = name.at + stem; *c; c++)
        *c = *c == '/' ? '_' : *c;
    return name.at;
}

/* Is it none of those that are written? */
static int check_apart(const several *m, const char *input, const char *path)
{
    bool apart = true;
    for (uint32_t i = 0; path && i < m->nout && apart; i++) {
        char *name = array_name(m, i, path);
        apart = !cli_same_file(name, input);
        if (!apart)
            cli_fail("-o: %s would be written over what is read", name);
        free(name);
    }
    return apart ? CLI_GO : CLI_MISTAKE;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Whole numbers as the input has them. Bytes are no floats: only the user knows what 255 is. */
static int convert(port *p, const cr_layer *input, const cr_samples *s)
{
    const size_t all = p->elements * s->train.n;
    p->x = s->train.x;
    if (s->x_dtype == input->dtype)
        return CLI_GO;
    if (s->x_dtype == CR_F32 || input->dtype == CR_U8 ||
        (s->x_dtype == CR_U8 && input->dtype == CR_F32 && !input->raw))
        return cli_fail("%s: input '%s' takes %s, and these are %s", p->data->name, p->name,
                        cr_dtype_name(input->dtype), cr_dtype_name(s->x_dtype));
    p->converted = cli_alloc(all * 4);
    p->x = p->converted;
    for (size_t i = 0; i < all; i++) {
        const int32_t value = s->x_dtype == CR_U8 ? ((const uint8_t *)s->train.x)[i]
                                                  : ((const int32_t *)s->train.x)[i];
        if (input->dtype == CR_I32)
            ((int32_t *)(void *)p->converted)[i] = value;
        else
            ((float *)(void *)p->converted)[i] = (float)value;
    }
    return CLI_GO;
}

static int open_input(several *m, uint32_t i, const char *path)
{
    const cr_layer *input = cr_net_input(m->net, i);
    port *p = &m->in[i];
    char want[CLI_SHAPE_TEXT], have[CLI_SHAPE_TEXT];
    p->name = input->name;
    p->data = cr_table_open(path, &(cr_table_options){.no_targets = true});
    if (!p->data)
        return cli_library_failed();
    const cr_samples *s = &p->data->samples;
    p->elements = cli_elements(&input->shape, 0);
    p->bytes = p->elements * cr_dtype_size(input->dtype);
    if (!cr_sample_fits(&s->x_shape, &input->shape))
        return cli_fail("%s: input '%s' takes samples of %s, and these are %s", path, p->name,
                        cli_shape_text(input->dtype, &input->shape, want),
                        cli_shape_text(s->x_dtype, &s->x_shape, have));
    if (i > 0 && s->train.n != m->n)
        return cli_fail("%s has %u samples, and the input before it %u", path, s->train.n, m->n);
    m->n = s->train.n;
    if (onehot_check(m->net, i, p->data, &s->train) != CLI_GO)
        return CLI_MISTAKE;
    return convert(p, input, s);
}

static int wrong_count(const several *m)
{
    cli_text names = {0};
    for (uint32_t i = 0; i < m->nin; i++)
        cli_put(&names, "%s%s", i ? ", " : "", cr_net_input(m->net, i)->name);
    const int status = cli_fail("--inputs: %s takes %u files, with commas between them: %s",
                                m->file, m->nin, names.at);
    free(names.at);
    return status;
}

static int open_inputs(several *m, const char *inputs, const char *out)
{
    char *list = cli_alloc(strlen(inputs) + 1), *rest = strcpy(list, inputs);
    int status = CLI_GO;
    uint32_t count = 1;
    for (const char *c = inputs; *c; c++)
        count += *c == ',';
    if (count != m->nin)
        status = wrong_count(m);
    for (uint32_t i = 0; i < m->nin && status == CLI_GO; i++) {
        char *path = rest;
        rest = path + strcspn(path, ",");
        if (*rest)
            *rest++ = '\0';
        status = check_apart(m, path, out);
        if (status == CLI_GO)
            status = open_input(m, i, path);
    }
    free(list);
    return status;
}

/* ---- the model ------------------------------------------------------------------------------- */

static int open_model(several *m)
{
    m->model = cr_model_open(m->file);
    if (!m->model)
        return cli_library_failed();
    m->net = cr_model_net(m->model);
    if (!m->net || !m->net->ninputs)
        return cli_fail("--inputs: %s is no model with inputs of its own; use --data", m->file);
    m->nin = cr_net_inputs(m->net);
    m->nout = cr_net_outputs(m->net);
    if (m->nin > MOST || m->nout > MOST)
        return cli_fail("%s: it has more than %d inputs or outputs", m->file, MOST);
    return CLI_GO;
}

static int make_outputs(several *m)
{
    cr_graph *g = cr_model_build(m->model, 1);
    if (!g)
        return cli_library_failed();
    for (uint32_t i = 0; i < m->nout; i++) {
        port *p = &m->out[i];
        p->name = cr_net_layer_name(m->net, cr_net_output(m->net, i));
        const cr_shape s = cr_value_shape(cr_find(g, p->name));
        p->elements = cli_elements(&s, 1);
        p->y = cli_alloc(p->elements * m->n * sizeof *p->y);
    }
    cr_graph_destroy(g);
    return CLI_GO;
}

static cr_status run_batch(const several *m, cr_program *p, uint32_t batch, uint32_t at)
{
    cr_status status = CR_OK;
    for (uint32_t i = 0; i < m->nin && status == CR_OK; i++)
        if (cr_program_has_input(p, m->in[i].name)) /* an output needs it */
            status =
                cr_feed(p, m->in[i].name, m->in[i].x + m->in[i].bytes * at, m->in[i].bytes * batch);
    if (status == CR_OK)
        status = cr_run(p, 1);
    for (uint32_t i = 0; i < m->nout && status == CR_OK; i++) {
        const size_t k = m->out[i].elements;
        status = cr_fetch(p, m->out[i].name, m->out[i].y + k * at, k * batch * sizeof(float));
    }
    return status;
}

static cr_status run(const several *m, uint32_t batch, uint32_t from, uint32_t to)
{
    const cr_compile_options o = {.device = m->device, .interrupt = training_interrupt};
    cr_program *p = from < to ? cr_model_program(m->model, batch, &o) : NULL;
    cr_status status = p || from == to ? CR_OK : CR_E_GRAPH;
    for (uint32_t i = from; i < to && status == CR_OK; i += batch)
        status = run_batch(m, p, batch, i);
    cr_program_destroy(p);
    return status;
}

static int run_all(const several *m)
{
    const uint32_t batch = m->n < BATCH ? m->n : BATCH, rest = m->n % batch;
    training_catch_interrupt();
    cr_status status = run(m, batch, 0, m->n - rest);
    if (status == CR_OK)
        status = run(m, rest, m->n - rest, m->n);
    if (status == CR_E_INTERRUPTED) {
        cli_fail("interrupted");
        return CLI_INTERRUPTED;
    }
    return status == CR_OK ? CLI_GO : cli_library_failed();
}

/* ---- output ---------------------------------------------------------------------------------- */

static int write_table(const several *m, const char *path)
{
    cli_text t = {0};
    cli_put(&t, "sample");
    for (uint32_t i = 0; i < m->nout; i++)
        for (size_t k = 0; k < m->out[i].elements; k++)
            cli_put(&t, ",%s.%zu", m->out[i].name, k);
    for (uint32_t j = 0; j < m->n; j++) {
        cli_put(&t, "\n%u", j);
        for (uint32_t i = 0; i < m->nout; i++)
            for (size_t k = 0; k < m->out[i].elements; k++)
                cli_put(&t, ",%.9g", (double)m->out[i].y[j * m->out[i].elements + k]);
    }
    cli_put(&t, "\n");
    const int status = cli_write(path, t.at, t.len);
    free(t.at);
    return status;
}

static int write_arrays(const several *m, const char *path)
{
    int status = CLI_OK;
    for (uint32_t i = 0; i < m->nout && status == CLI_OK; i++) {
        char *name = array_name(m, i, path);
        status = npy_write(name, m->out[i].y, m->n, (uint32_t)m->out[i].elements);
        free(name);
    }
    return status;
}

int several_predict(const char *model, const char *device, const char *inputs, const char *out)
{
    static several m; /* large */
    m.file = model;
    m.device = device;
    int status = open_model(&m);
    if (status == CLI_GO)
        status = check_apart(&m, model, out);
    if (status == CLI_GO)
        status = open_inputs(&m, inputs, out);
    if (status == CLI_GO)
        status = make_outputs(&m);
    if (status == CLI_GO)
        status = run_all(&m);
    if (status == CLI_GO)
        status = cli_ends_in(out, ".npy") ? write_arrays(&m, out) : write_table(&m, out);
    for (uint32_t i = 0; i < MOST; i++) {
        free(m.in[i].converted);
        free(m.out[i].y);
        cr_data_close(m.in[i].data);
    }
    cr_model_destroy(m.model);
    return status;
}

#endif
