/* starting.c - see starting.h. */
#include "options/starting.h"

#if CRISOL_HAVE_IO
#include <crisol/io/checkpoint.h>
#endif

void starting_options(starting *s, cli_options *o)
{
    cli_add(o, "--start", CLI_INPUT, &s->file, "MODEL",
            "begin with the weights of a model, and with its net where --net is not given: a\n"
            "checkpoint, a model of crisol's, or a .keras or .h5 file of Keras");
}

#if CRISOL_HAVE_IO

/* A net with such layers is whole: they are not put before it once more. */
static bool makes_ready(const cr_net *net)
{
    for (uint32_t i = 0; i < net->nlayers; i++) {
        const cr_layer_kind kind = net->layer[i].kind;
        if (kind == CR_LAYER_STANDARDIZE || kind == CR_LAYER_SCALE || kind == CR_LAYER_ONEHOT)
            return true;
    }
    return false;
}

static int take_net(starting *s, training *t, const cli_options *o)
{
    static const char *const ready[] = {"--standardize", "--scale", "--onehot", "--words"};
    const cr_net *net = cr_model_net(s->model);
    if (!net)
        return cli_fail("--start: %s is a graph, and no net of layers", s->file);
    s->net = cr_net_print(net);
    if (!s->net)
        return cli_library_failed();
    t->net_text = s->net;
    t->whole = makes_ready(net);
    for (size_t i = 0; t->whole && i < CLI_COUNTOF(ready); i++)
        if (cli_given(o, ready[i]))
            return cli_fail("%s: the net of %s has layers that make samples ready; leave the "
                            "option out, or give --net",
                            ready[i], s->file);
    return CLI_GO;
}

int starting_check(starting *s, training *t, const cli_options *o)
{
    if (!s->file)
        return CLI_GO;
    s->model = cr_model_open(s->file);
    if (!s->model)
        return cli_library_failed();
    return cli_given(o, "--net") ? CLI_GO : take_net(s, t, o);
}

int starting_fits(starting *s, const cr_data *data)
{
    cr_dtype dtype;
    cr_shape shape;
    if (!s->net)
        return CLI_GO;
    if (!cr_model_x(s->model, &dtype, &shape) && !cr_net_input(cr_model_net(s->model), 0) &&
        cr_model_set_x(s->model, data->samples.x_dtype, data->samples.x_shape) != CR_OK)
        return cli_file_failed(s->file);
    cr_graph *g = cr_model_build(s->model, 1);
    cr_graph_destroy(g);
    return g ? CLI_GO : cli_file_failed(s->file);
}

int starting_begin(const starting *s, cr_trainer *trainer)
{
    const bool fine = !s->model || cr_checkpoint_start(s->model, trainer) == CR_OK;
    return fine ? CLI_GO : cli_file_failed(s->file);
}

void starting_finish(starting *s)
{
    cr_string_free(s->net);
    cr_model_destroy(s->model);
}

#else

int starting_check(starting *s, training *t, const cli_options *o)
{
    (void)t, (void)o;
    return s->file ? cli_fail("--start: this crisol was built without crisol-io (CRISOL_IO)")
                   : CLI_GO;
}

int starting_fits(starting *s, const cr_data *data)
{
    (void)s, (void)data;
    return CLI_GO;
}

int starting_begin(const starting *s, cr_trainer *trainer)
{
    (void)s, (void)trainer;
    return CLI_GO;
}

void starting_finish(starting *s)
{
    (void)s;
}

#endif
