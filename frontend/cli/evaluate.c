/* evaluate.c - `crisol evaluate`. */
#include "options/modeling.h"

#if CRISOL_HAVE_IO
#include <cjson/cJSON.h>
#include <math.h>

#include "options/training.h"

struct job {
    modeling m;
    bool json;
    double loss, correct; /* sums over samples; correct < 0: there is no accuracy */
    uint64_t counted;     /* what `correct` is a part of */
};

static size_t target_bytes(const cr_samples *s)
{
    return cr_dtype_size(s->y_dtype) * cli_elements(&s->y_shape, 0);
}

/* The graph of the model, its loss and its counts; NULL on a mistake. */
static cr_graph *build(struct job *job, uint32_t batch)
{
    const cr_samples *s = &job->m.data->samples;
    const cr_train_options o = {.loss = job->m.loss};
    cr_graph *g = cr_model_build(job->m.model, batch);
    if (!g)
        return NULL;
    cr_shape shape = {.rank = s->y_shape.rank + 1, .dim = {cr_symbol(g, "batch", batch)}};
    memcpy(shape.dim + 1, s->y_shape.dim, (size_t)s->y_shape.rank * sizeof shape.dim[0]);
    cr_value y = cr_input_at(CR_HERE, g, "evaluate.y", s->y_dtype, shape);
    if (s->y_dtype != CR_F32)
        y = cr_cast(y, CR_I32);
    const cr_train_measure m = cr_train_measure_of(s, &o, cr_find(g, "y"), y, false);
    cr_output(g, "evaluate.loss", m.loss);
    if (m.correct.ref)
        cr_output(g, "evaluate.correct", m.correct);
    else
        job->correct = -1;
    if (cr_graph_status(g) == CR_OK)
        return g;
    cr_graph_destroy(g);
    return NULL;
}

static cr_program *compile(struct job *job, uint32_t batch)
{
    const cr_binding bind = {"batch", batch};
    const cr_compile_options o = {.device = job->m.device,
                                  .no_updates = true,
                                  .bind = &bind,
                                  .nbind = 1,
                                  .interrupt = training_interrupt};
    cr_graph *g = build(job, batch);
    cr_program *p = g ? cr_compile(g, &o) : NULL;
    cr_graph_destroy(g);
    if (p && cr_model_set_states(job->m.model, p) == CR_OK)
        return p;
    cr_program_destroy(p);
    return NULL;
}

static cr_status one_batch(struct job *job, cr_program *p, uint32_t batch, uint32_t at)
{
    const cr_net *net = cr_model_net(job->m.model);
    const cr_layer *in = net ? cr_net_input(net, 0) : NULL;
    const size_t y = target_bytes(&job->m.data->samples);
    float loss;
    int32_t correct = 0;
    cr_status status =
        cr_feed(p, in ? in->name : "x", modeling_x(&job->m, at), batch * job->m.x_bytes);
    if (status == CR_OK)
        status = cr_feed(p, "evaluate.y", (const char *)job->m.part->y + y * at, y * batch);
    if (status == CR_OK)
        status = cr_run(p, 1);
    if (status == CR_OK)
        status = cr_fetch(p, "evaluate.loss", &loss, sizeof loss);
    if (status == CR_OK && job->correct >= 0)
        status = cr_fetch(p, "evaluate.correct", &correct, sizeof correct);
    if (status != CR_OK)
        return status;
    job->loss += (double)loss * batch;
    job->correct += job->correct >= 0 ? correct : 0;
    return CR_OK;
}

static cr_status run(struct job *job, uint32_t batch, uint32_t from, uint32_t to)
{
    cr_program *p = compile(job, batch);
    cr_status status = p ? CR_OK : CR_E_GRAPH;
    for (uint32_t i = from; i < to && status == CR_OK; i += batch)
        status = one_batch(job, p, batch, i);
    cr_program_destroy(p);
    return status;
}

static int tell(const struct job *job)
{
    const uint32_t n = job->m.part->n;
    const double loss = job->loss / n, accuracy = job->correct / (double)job->counted;
    const char *which = job->m.part == &job->m.data->samples.test ? "test" : "training";
    if (job->json) {
        cJSON *j = cJSON_CreateObject();
        cJSON_AddStringToObject(j, "samples", which);
        cJSON_AddNumberToObject(j, "n", n);
        cJSON_AddNumberToObject(j, "loss", loss);
        if (job->correct >= 0)
            cJSON_AddNumberToObject(j, "accuracy", accuracy);
        return cli_print_json(j);
    }
    printf("%u %s samples of %s: %s %.6g", n, which, job->m.data->name, cr_loss_name(job->m.loss),
           loss);
    if (job->correct >= 0)
        printf(", accuracy %.2f %%", 100 * accuracy);
    printf("\n");
    return CLI_OK;
}

/* Where targets are shares or several yes and no, each score counts, as in cr_epoch. */
static uint64_t counted(const struct job *job)
{
    const cr_samples *s = &job->m.data->samples;
    const bool categorical =
        job->m.loss == CR_LOSS_SOFTMAX_CROSS_ENTROPY || job->m.loss == CR_LOSS_CROSS_ENTROPY;
    const bool each = s->y_dtype == CR_F32 && !categorical;
    return (uint64_t)job->m.part->n * (each ? cli_elements(&s->y_shape, 0) : 1);
}

static int evaluate(struct job *job)
{
    if (!job->m.has_loss)
        return cli_fail("--loss is needed: %s does not tell it", job->m.file);
    if (!job->m.part->y)
        return cli_fail("%s has samples only, and no labels or targets", job->m.data->name);
    const uint32_t n = job->m.part->n, batch = modeling_batch(&job->m), rest = n % batch;
    cr_status status = run(job, batch, 0, n - rest);
    if (status == CR_OK && rest)
        status = run(job, rest, n - rest, n);
    job->counted = counted(job);
    return status == CR_OK ? tell(job) : modeling_failed(status);
}

int cli_evaluate(int argc, char **argv)
{
    struct job job = {0};
    cli_options o = {
        .about = "Loss and accuracy of a model in a file, on the test samples where the data has "
                 "them.",
    };
    modeling_options(&job.m, &o);
    cli_add(&o, "--json", CLI_FLAG, &job.json, NULL, "print JSON");
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    status = modeling_open(&job.m, true);
    if (status == CLI_GO)
        status = evaluate(&job);
    modeling_close(&job.m);
    return status;
}

#else

int cli_evaluate(int argc, char **argv)
{
    return modeling_missing(argc, argv);
}

#endif
