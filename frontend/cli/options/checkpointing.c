/* checkpointing.c - see checkpointing.h. The options of the command go into the file as remarks, so
 * that --resume alone goes on with the same training. */
#include "options/checkpointing.h"

#if CRISOL_HAVE_IO
#include <crisol/io/checkpoint.h>
#endif

void checkpointing_options(checkpointing *c, cli_options *o)
{
    c->every = 1;
    cli_add(o, "--checkpoint", CLI_OUTPUT, &c->file, "F.h5",
            "write there all that --resume needs, after epochs");
    cli_add(o, "--every", CLI_COUNT, &c->every, "N", "after each N epochs, and after the last one");
    cli_add(o, "--resume", CLI_INPUT, &c->resume, "F.h5",
            "go on with a training; the net, and the options that results depend on, are\n"
            "those of the file unless given; --checkpoint is, too");
}

#if CRISOL_HAVE_IO

/* Those that the results of a training depend on. Only these go into a file, and only these are
 * taken from one: a file may come from anywhere, and is not to say what is written where. The net
 * is the model's own. */
static bool is_kept(const char *name)
{
    static const char *const kept[] = {
        /* samples */
        "--data", "--labels", "--test-data", "--test-labels", "--target", "--input", "--drop",
        "--categories", "--targets", "--header", "--separator", "--test-split",
        "--validation-split",
        /* what is made of them */
        "--standardize", "--scale", "--onehot", "--words", "--augment",
        /* the training */
        "--loss", "--label-smoothing", "--huber-delta", "--top-k", "--optimizer", "--lr",
        "--schedule", "--momentum", "--beta1", "--beta2", "--weight-decay", "--clip-value",
        "--clip-norm", "--batch", "--seed", "--fast-math", "--epochs", "--patience", "--monitor",
        "--min-delta"};
    return cli_is_one_of(name, kept, CLI_COUNTOF(kept));
}

/* ---- --resume -------------------------------------------------------------------------------- */

/* More epochs are no other training; the samples are told apart by what they are. */
static bool may_differ(const char *name)
{
    static const char *const may[] = {"--epochs", "--data", "--labels", "--test-data",
                                      "--test-labels"};
    return cli_is_one_of(name, may, CLI_COUNTOF(may));
}

/* A given option that the library's own comparison does not know. */
static bool check_given(const checkpointing *c, const cli_option *p, const char *there)
{
    char buf[CLI_VALUE_TEXT];
    const char *here = cli_value(p, buf);
    if (may_differ(p->name) || !here || strcmp(here, there) == 0)
        return true;
    cli_fail("%s: it was trained with %s %s, and not %s; leave the option out, or begin anew",
             c->resume, p->name, there, here);
    return false;
}

/* A file may not make the command wait for a pipe, or read a device without end. */
static int take_option(checkpointing *c, cli_options *o, const cli_option *p, const char *there)
{
    if (p->kind == CLI_INPUT && cli_is_special(there))
        return cli_fail("%s: its %s is %s, a device or a pipe; give the option", c->resume, p->name,
                        there);
    return cli_set(o, p->name, there, c->resume);
}

static int take_options(checkpointing *c, cli_options *o)
{
    const cr_model *m = cr_checkpoint_model(c->from);
    bool agree = true;
    for (size_t i = 0; i < o->n; i++) {
        const char *there = is_kept(o->at[i].name) ? cr_model_note(m, o->at[i].name) : NULL;
        if (!there)
            continue;
        if (o->at[i].given)
            agree = check_given(c, &o->at[i], there) && agree;
        else if (take_option(c, o, &o->at[i], there) != CLI_GO)
            return CLI_MISTAKE;
    }
    return agree ? CLI_GO : CLI_MISTAKE;
}

/* Given only now, and not when the training began: then its default held. */
static int check_new(const checkpointing *c, const cli_options *o)
{
    const cr_model *m = cr_checkpoint_model(c->from);
    static const char *const unknown[] = {"--patience", "--monitor", "--min-delta", "--standardize",
                                          "--scale",    "--onehot",  "--words"};
    if (cli_given(o, "--start"))
        return cli_fail("--start: --resume goes on with the weights of %s; give one of the two",
                        c->resume);
    for (size_t i = 0; i < CLI_COUNTOF(unknown); i++)
        if (cli_given(o, unknown[i]) && !cr_model_note(m, unknown[i]))
            return cli_fail("%s: it was trained without %s; leave the option out, or begin anew",
                            c->resume, unknown[i]);
    return CLI_GO;
}

/* The model's net, with the layers that make samples ready. A file that says more of it than it has
 * weights for is refused before there is memory for them. */
static int take_net(checkpointing *c, training *t, const cli_options *o)
{
    const cr_model *m = cr_checkpoint_model(c->from);
    if (cli_given(o, "--net"))
        return CLI_GO;
    if (!cr_model_net(m))
        return cli_fail("--resume: the model of %s is a graph, and no net of layers", c->resume);
    cr_graph *g = cr_model_build(m, 1);
    c->net = g ? cr_net_print(cr_model_net(m)) : NULL;
    cr_graph_destroy(g);
    t->net_text = c->net;
    t->whole = true;
    return c->net ? CLI_GO : cli_file_failed(c->resume);
}

/* As they are now: what they point to may be replaced. */
static void keep_options(checkpointing *c, const cli_options *o)
{
    for (size_t i = 0; i < o->n; i++) {
        const char *value =
            o->at[i].given && is_kept(o->at[i].name) ? cli_value(&o->at[i], c->text[i]) : NULL;
        if (!value)
            continue;
        c->note[c->nnotes][0] = o->at[i].name;
        c->note[c->nnotes++][1] = value;
    }
}

int checkpointing_check(checkpointing *c, training *t, cli_options *o)
{
    if (c->every < 1)
        return cli_fail("--every: at least 1 epoch is needed");
    if (cli_given(o, "--every") && !c->file && !c->resume)
        return cli_fail("--every: it is for --checkpoint");
    if (c->resume) {
        c->from = cr_checkpoint_load(c->resume);
        if (!c->from)
            return cli_library_failed();
        c->file = c->file ? c->file : c->resume;
        if (check_new(c, o) != CLI_GO || take_options(c, o) != CLI_GO ||
            take_net(c, t, o) != CLI_GO)
            return CLI_MISTAKE;
    }
    keep_options(c, o);
    return cli_check_writable(c->file) == CLI_OK ? CLI_GO : CLI_MISTAKE;
}

int checkpointing_begin(checkpointing *c, const cr_data *data, cr_trainer *trainer)
{
    c->data = data;
    if (!c->from)
        return CLI_GO;
    if (cr_checkpoint_resume(c->from, trainer) != CR_OK)
        return cli_library_failed();
    c->done = cr_checkpoint_epochs(c->from);
    fprintf(stderr, "going on from %s, which has %u epochs\n", c->resume, c->done);
    return CLI_GO;
}

/* ---- --checkpoint ---------------------------------------------------------------------------- */

cr_status checkpointing_write(checkpointing *c, cr_trainer *trainer, uint32_t epoch, bool last)
{
    const cr_checkpoint_about about = {
        .data = c->data, .notes = (const char *const(*)[2])c->note, .nnotes = c->nnotes};
    if (!c->file || (epoch % c->every != 0 && !last))
        return CR_OK;
    cr_status status = cr_checkpoint_save(c->file, trainer, &about);
    if (status == CR_OK)
        c->written = epoch;
    return status;
}

void checkpointing_tell(const checkpointing *c)
{
    if (c->written)
        fprintf(stderr, "crisol train: --resume %s goes on after epoch %u\n", c->file, c->written);
}

void checkpointing_finish(checkpointing *c)
{
    cr_checkpoint_destroy(c->from);
    cr_string_free(c->net);
}

#else

int checkpointing_check(checkpointing *c, training *t, cli_options *o)
{
    (void)t;
    if (c->file || c->resume || cli_given(o, "--every"))
        return cli_fail("--%s: this crisol was built without crisol-io (CRISOL_IO), and has no "
                        "checkpoints",
                        c->resume ? "resume"
                        : c->file ? "checkpoint"
                                  : "every");
    return CLI_GO;
}

int checkpointing_begin(checkpointing *c, const cr_data *data, cr_trainer *trainer)
{
    (void)c, (void)data, (void)trainer;
    return CLI_GO;
}

cr_status checkpointing_write(checkpointing *c, cr_trainer *trainer, uint32_t epoch, bool last)
{
    (void)c, (void)trainer, (void)epoch, (void)last;
    return CR_OK;
}

void checkpointing_tell(const checkpointing *c)
{
    (void)c;
}

void checkpointing_finish(checkpointing *c)
{
    (void)c;
}

#endif
