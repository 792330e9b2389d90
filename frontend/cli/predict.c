/* predict.c - `crisol predict`. */
#include "modeling.h"

#if CRISOL_HAVE_IO
#include "predictions.h"
#include "several.h"
#include "training.h"

struct job {
    modeling m;
    const char *out;
    uint32_t scores; /* of a sample */
    float *score;
};

/* ---- scores ---------------------------------------------------------------------------------- */

/* How many scores "y" has; 0 after a message. */
static uint32_t scores_of(const struct job *job)
{
    cr_graph *g = cr_model_build(job->m.model, 1);
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
    cli_fail("%s: it gives no scores of samples", job->m.file);
    return 0;
}

/* Samples from..to with a program for batches of that size. */
static cr_status run(struct job *job, uint32_t batch, uint32_t from, uint32_t to)
{
    const cr_compile_options o = {.device = job->m.device, .interrupt = training_interrupt};
    cr_program *p = cr_model_program(job->m.model, batch, &o);
    const cr_net *net = cr_model_net(job->m.model);
    const cr_layer *in = net ? cr_net_input(net, 0) : NULL;
    cr_status status = p ? CR_OK : CR_E_GRAPH;
    for (uint32_t i = from; i < to && status == CR_OK; i += batch) {
        const size_t scores = (size_t)batch * job->scores;
        status = cr_feed(p, in ? in->name : "x", modeling_x(&job->m, i), batch * job->m.x_bytes);
        if (status == CR_OK)
            status = cr_run(p, 1);
        if (status == CR_OK)
            status =
                cr_fetch(p, "y", job->score + (size_t)i * job->scores, scores * sizeof *job->score);
    }
    cr_program_destroy(p);
    return status;
}

static int predict(struct job *job)
{
    const uint32_t n = job->m.part->n, batch = modeling_batch(&job->m), rest = n % batch;
    job->score = cli_alloc((size_t)n * job->scores * sizeof *job->score);
    cr_status status = run(job, batch, 0, n - rest);
    if (status == CR_OK && rest)
        status = run(job, rest, n - rest, n);
    return status == CR_OK ? CLI_GO : modeling_failed(status);
}

/* ---- output ---------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
    const size_t n = path ? strlen(path) : 0;
    return n > strlen(end) && strcmp(path + n - strlen(end), end) == 0;
}

static int write_scores(struct job *job)
{
    const modeling *m = &job->m;
    if (ends_in(job->out, ".npy"))
        return npy_write(job->out, job->score, m->part->n, job->scores);
    const cr_words classes = cr_model_words(m->model, "classes");
    cr_data data = *m->data;
    if (classes.n)
        data.classes = classes;
    return predictions_print(&data, m->part, m->has_loss ? m->loss : CR_LOSS_COUNT, job->score,
                             job->scores, job->out);
}

/* ---- the command ----------------------------------------------------------------------------- */

int cli_predict(int argc, char **argv)
{
    struct job job = {0};
    const char *inputs = NULL;
    cli_options o = {
        .about = "Predicts samples, the test samples where the data has them, with a model in a "
                 "file.\nNothing is trained.",
    };
    modeling_options(&job.m, &o);
    cli_add(&o, "--inputs", CLI_TEXT, &inputs, "F,F",
            "instead of --data, of models of several inputs: a .npy file for each, in their\n"
            "order; several outputs are columns OUTPUT.N, or files F.OUTPUT.npy");
    cli_add(&o, "-o", CLI_TEXT, &job.out, "F",
            "where to: a table (.csv), or the scores as they are (.npy); default: a table on "
            "standard output");
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (cli_check_writable(job.out) != CLI_OK)
        return CLI_MISTAKE;
    if (inputs && (cli_given(&o, "--data") || !job.m.file))
        return cli_fail("--inputs: with --model, and without --data");
    if (inputs)
        return several_predict(job.m.file, job.m.device, inputs, job.out);
    status = modeling_open(&job.m, false);
    if (status == CLI_GO)
        status = (job.scores = scores_of(&job)) ? predict(&job) : CLI_MISTAKE;
    if (status == CLI_GO)
        status = write_scores(&job);
    free(job.score);
    modeling_close(&job.m);
    return status;
}

#else

int cli_predict(int argc, char **argv)
{
    (void)argc, (void)argv;
    return cli_fail("this crisol was built without crisol-io (CRISOL_IO), and reads no models");
}

#endif
