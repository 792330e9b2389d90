/* predict.c - `crisol predict`. */
#include "options/modeling.h"

#if CRISOL_HAVE_IO
#include "results/npy.h"
#include "results/predictions.h"
#include "several.h"

struct job {
    modeling m;
    const char *out;
    uint32_t scores; /* of a sample */
    float *score;
};

/* ---- output ---------------------------------------------------------------------------------- */

static int write_scores(struct job *job)
{
    const modeling *m = &job->m;
    if (cli_ends_in(job->out, ".npy"))
        return npy_write(job->out, job->score, m->part->n, job->scores);
    const cr_words classes = cr_model_words(m->model, "classes");
    cr_data data = *m->data;
    if (classes.n)
        data.classes = classes;
    return predictions_print(&data, m->part, m->has_loss ? m->loss : CR_LOSS_COUNT, job->score,
                             job->scores, job->out);
}

/* A device or a pipe needs no ending. */
static int check_out(const char *path)
{
    if (!path || cli_ends_in(path, ".csv") || cli_ends_in(path, ".npy") || strcmp(path, "-") == 0 ||
        strncmp(path, "/dev/", 5) == 0)
        return cli_check_writable(path);
    return cli_fail("-o: '%s' must end in .csv for a table, or in .npy for the scores as they are",
                    path);
}

/* What says more of --data says nothing of arrays. */
static int check_inputs(const struct job *job, const cli_options *o)
{
    static const char *const of_inputs[] = {"--model", "--inputs", "--device", "-o"};
    if (!job->m.file)
        return cli_fail("--inputs: it needs --model");
    for (size_t i = 0; i < o->n; i++)
        if (o->at[i].given && !cli_is_one_of(o->at[i].name, of_inputs, CLI_COUNTOF(of_inputs)))
            return cli_fail("%s: it is for --data, and says nothing of --inputs; leave it out",
                            o->at[i].name);
    return CLI_GO;
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
    cli_add(&o, "-o", CLI_OUTPUT, &job.out, "F",
            "where to: a table (.csv), or the scores as they are (.npy); default: a table on "
            "standard output");
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (check_out(job.out) != CLI_OK)
        return CLI_MISTAKE;
    if (inputs && check_inputs(&job, &o) != CLI_GO)
        return CLI_MISTAKE;
    if (inputs)
        return several_predict(job.m.file, job.m.device, inputs, job.out);
    status = modeling_open(&job.m, false);
    if (status == CLI_GO)
        status = modeling_predict(&job.m, &job.score, &job.scores);
    if (status == CLI_GO)
        status = write_scores(&job);
    free(job.score);
    modeling_close(&job.m);
    return status;
}

#else

int cli_predict(int argc, char **argv)
{
    return modeling_missing(argc, argv);
}

#endif
