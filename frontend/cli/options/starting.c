/* starting.c - see starting.h. */
#include "options/starting.h"

#if CRISOL_HAVE_IO
#include <crisol/io/model.h>
#endif

void starting_options(starting *s, cli_options *o)
{
    cli_add(o, "--start", CLI_TEXT, &s->file, "MODEL",
            "begin with the weights of a model, and with its net where --net is not given: a\n"
            "checkpoint, a model of crisol's, or a .keras or .h5 file of Keras");
}

#if CRISOL_HAVE_IO

int starting_check(starting *s, training *t, const cli_options *o)
{
    if (!s->file)
        return CLI_GO;
    s->model = cr_model_open(s->file);
    if (!s->model)
        return cli_library_failed();
    if (cli_given(o, "--net"))
        return CLI_GO;
    const cr_net *net = cr_model_net(s->model);
    if (!net)
        return cli_fail("--start: %s is a graph, and no net of layers", s->file);
    s->net = cr_net_print(net);
    if (!s->net)
        return cli_library_failed();
    t->net_text = s->net;
    return CLI_GO;
}

/* Of another net, the first tensor that does not fit is told. */
int starting_begin(const starting *s, cr_trainer *trainer)
{
    for (uint32_t i = 0; s->model && i < cr_model_count(s->model); i++) {
        const cr_tensor *t = cr_model_at(s->model, i);
        size_t bytes = cr_dtype_size(t->dtype);
        for (int32_t j = 0; j < t->shape.rank; j++)
            bytes *= (size_t)t->shape.dim[j];
        if (strncmp(t->name, "random.", 7) != 0 &&
            cr_trainer_set(trainer, t->name, t->data, bytes) != CR_OK)
            return cli_fail("--start: %s: '%s' is not of the net that is trained: %s", s->file,
                            t->name, cr_error());
    }
    return CLI_GO;
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
