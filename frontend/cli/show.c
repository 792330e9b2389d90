/* show.c - `crisol show`: samples as a grid, predictions with right and wrong marked, and the
 * confusion matrix. */
#include "options/modeling.h"
#include "results/fields.h"
#include "results/grid.h"
#include "results/matrix.h"
#include "results/plotting.h"
#include "results/predictions.h"

#if !CRISOL_HAVE_IO
/* There are no models then. */
typedef struct modeling {
    const char *file;
    samples samples;
    cr_data *data;
} modeling;
#endif

struct job {
    modeling m;
    const char *predictions, *confusion; /* read */
    const char *grid, *matrix;           /* written */
    uint64_t count, first, columns, shuffle;
    int set;
    bool wrong, shuffled;
    cr_data data; /* a view of m.data, with the model's names of classes */
    const cr_part *part;
    int64_t *predicted; /* of each sample of the part; below 0: not known */
};

#define SETS "test|training|validation"

/* ---- predictions ----------------------------------------------------------------------------- */

/* The columns of a table of predictions; below 0: it has none. */
struct columns {
    int sample, label, predicted;
};

static int bad_line(const struct job *job, uint32_t line, const char *what)
{
    return cli_fail("%s, line %u: %s", job->predictions, line, what);
}

static int read_head(const struct job *job, char *line, struct columns *c)
{
    *c = (struct columns){-1, -1, -1};
    char *name;
    for (int i = 0; line && (name = field_next(&line)); i++) {
        if (strcmp(name, "image") == 0 || strcmp(name, "sample") == 0)
            c->sample = i;
        else if (strcmp(name, "label") == 0)
            c->label = i;
        else if (strcmp(name, "predicted") == 0)
            c->predicted = i;
    }
    if (c->sample >= 0 && c->predicted >= 0)
        return CLI_GO;
    return bad_line(job, 1,
                    "there are no columns 'image' (or 'sample') and 'predicted'; crisol train "
                    "--predict writes them");
}

/* A class by its name, or its number; below 0: it is none. */
static int64_t class_of(const cr_data *data, const char *field)
{
    for (uint32_t i = 0; i < data->classes.n; i++)
        if (strcmp(data->classes.word[i], field) == 0)
            return i;
    char *end;
    const long long v = strtoll(field, &end, 10);
    return *field && !*end && v >= 0 && v <= INT32_MAX ? v : -1;
}

static int read_line(struct job *job, char *line, const struct columns *c, uint32_t number)
{
    char *field;
    long long sample = -1;
    int64_t label = -1, predicted = -1;
    for (int i = 0; (field = field_next(&line)); i++) {
        char *end = NULL;
        if (i == c->sample)
            sample = strtoll(field, &end, 10);
        if (i == c->sample && (!*field || *end))
            sample = -1;
        if (i == c->label)
            label = class_of(&job->data, field);
        if (i == c->predicted)
            predicted = class_of(&job->data, field);
    }
    if (sample < 0 || sample >= job->part->n)
        return bad_line(job, number,
                        "there is no such sample; are these predictions of other data?");
    if (predicted < 0)
        return bad_line(job, number, "what is predicted is no class");
    const int64_t own = grid_label(&job->data, job->part, (uint32_t)sample);
    if (c->label >= 0 && own >= 0 && label != own)
        return bad_line(job, number,
                        "the sample has another label; are these predictions of other data?");
    job->predicted[sample] = predicted;
    return CLI_GO;
}

static int read_predictions(struct job *job)
{
    char *text = cli_read(job->predictions), *at = text;
    if (!text)
        return CLI_MISTAKE;
    struct columns c;
    int status = read_head(job, field_line(&at), &c);
    char *line;
    for (uint32_t i = 2; status == CLI_GO && (line = field_line(&at)); i++)
        status = read_line(job, line, &c, i);
    free(text);
    return status;
}

/* ---- the grid -------------------------------------------------------------------------------- */

/* With predictions: is there one of it? */
static bool is_wanted(const struct job *job, uint32_t index)
{
    if (!job->predicted)
        return true;
    const int64_t label = grid_label(&job->data, job->part, index);
    const bool wrong = label >= 0 && label != job->predicted[index];
    return job->predicted[index] >= 0 && (wrong || !job->wrong);
}

/* Those wanted, in their order or shuffled, without the first ones. */
static size_t choose(const struct job *job, grid_cell *cells)
{
    const uint32_t n = job->part->n;
    int32_t *order = cli_alloc(n * sizeof *order);
    for (uint32_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    if (job->shuffled)
        cr_shuffle(order, n, job->shuffle, 0);
    size_t found = 0, taken = 0;
    for (uint32_t i = 0; i < n && taken < job->count; i++) {
        const uint32_t index = (uint32_t)order[i];
        if (!is_wanted(job, index) || found++ < job->first)
            continue;
        cells[taken++] = (grid_cell){index, grid_label(&job->data, job->part, index),
                                     job->predicted ? job->predicted[index] : -1};
    }
    free(order);
    return taken;
}

static int write_grid(const struct job *job)
{
    if (!job->grid)
        return CLI_OK;
    if (grid_check("-o", &job->data) != CLI_GO)
        return CLI_MISTAKE;
    grid_cell *cells = cli_alloc(job->part->n * sizeof *cells);
    const size_t n = choose(job, cells);
    int status;
    if (n == 0)
        status = cli_fail("-o: none of the %u samples is %s", job->part->n,
                          job->wrong ? "wrong, after the first that are left out"
                                     : "left after the first that are left out");
    else
        status = grid_write(job->grid, &job->data, job->part, cells, n, (uint32_t)job->columns);
    if (status == CLI_OK)
        fprintf(stderr, "%zu of %u samples in %s\n", n, job->part->n, job->grid);
    free(cells);
    return status;
}

/* ---- the matrix ------------------------------------------------------------------------------ */

static int count_matrix(const struct job *job, matrix *out)
{
    int64_t most = -1;
    for (uint32_t i = 0; i < job->part->n; i++) {
        const int64_t label = grid_label(&job->data, job->part, i);
        most = label > most ? label : most;
        most = job->predicted[i] > most ? job->predicted[i] : most;
    }
    if (most < 0 || most >= 1000)
        return cli_fail("--matrix: the samples have no labels, or more than 1000 classes");
    *out = matrix_create(&job->data, (uint32_t)most + 1);
    for (uint32_t i = 0; i < job->part->n; i++) {
        const int64_t label = grid_label(&job->data, job->part, i);
        if (label >= 0 && job->predicted[i] >= 0)
            out->count[(size_t)label * out->n + (size_t)job->predicted[i]]++;
    }
    return CLI_GO;
}

static int write_matrix(const struct job *job)
{
    if (!job->matrix)
        return CLI_OK;
    matrix m;
    int status = job->confusion ? matrix_read(job->confusion, &m) : count_matrix(job, &m);
    if (status != CLI_GO)
        return status;
    status = matrix_write(&m, job->matrix);
    matrix_finish(&m);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int check(struct job *job, const cli_options *o)
{
    job->shuffled = cli_given(o, "--shuffle");
    if (!job->grid && !job->matrix)
        return cli_fail("where to? -o F.png draws samples, --matrix F.svg a confusion matrix");
    if (grid_check_path("-o", job->grid) != CLI_GO || plot_check("--matrix", job->matrix) != CLI_OK)
        return CLI_MISTAKE;
    const bool predicts = job->predictions || job->m.file;
    if (job->matrix && !job->confusion && !predicts)
        return cli_fail("--matrix: of what? --confusion, --predictions or --model names a file");
    if (job->wrong && !predicts)
        return cli_fail("--wrong: by which predictions? --predictions or --model names a file");
    if (job->confusion && (predicts || !job->matrix))
        return cli_fail("--confusion: it is what --matrix draws, instead of predictions");
    if (job->m.file && (job->predictions || cli_given(o, "--set")))
        return cli_fail("%s: a --model predicts the test samples, or all where there are none",
                        job->predictions ? "--predictions" : "--set");
    if (job->count < 1 || job->count > 10000)
        return cli_fail("--count: from 1 to 10000");
    if (job->columns > 10000)
        return cli_fail("--columns: at most 10000");
    if (cli_check_writable(job->grid) != CLI_OK || cli_check_writable(job->matrix) != CLI_OK)
        return CLI_MISTAKE;
    return samples_check(&job->m.samples);
}

/* The samples that --set names, and their predictions. */
static int open_part(struct job *job)
{
    static const char *const names[] = {"test", "training", "validation"};
    job->m.data = samples_open(&job->m.samples);
    if (!job->m.data)
        return CLI_MISTAKE;
    job->data = *job->m.data;
    const cr_samples *s = &job->data.samples;
    const cr_part *parts[] = {&s->test, &s->train, &s->validation};
    job->part = parts[job->set];
    if (job->part->n == 0)
        return cli_fail("--set: %s has no %s samples", job->data.name, names[job->set]);
    if (!job->predictions)
        return CLI_GO;
    job->predicted = cli_alloc(job->part->n * sizeof *job->predicted);
    memset(job->predicted, 0xff, job->part->n * sizeof *job->predicted);
    return read_predictions(job);
}

#if CRISOL_HAVE_IO
/* The samples that the model predicts, and what it takes them for. */
static int open_model(struct job *job)
{
    modeling *m = &job->m;
    float *score = NULL;
    uint32_t scores = 0;
    int status = modeling_open(m, false);
    if (status == CLI_GO)
        status = modeling_predict(m, &score, &scores);
    if (status == CLI_GO) {
        const cr_words classes = cr_model_words(m->model, "classes");
        job->data = *m->data;
        job->data.classes = classes.n ? classes : m->data->classes;
        job->part = m->part;
        job->predicted = cli_alloc(m->part->n * sizeof *job->predicted);
        for (uint32_t i = 0; i < m->part->n; i++)
            job->predicted[i] = predictions_class(m->has_loss ? m->loss : CR_LOSS_COUNT,
                                                  score + (size_t)i * scores, scores);
    }
    free(score);
    return status;
}
#endif

static int open_samples(struct job *job)
{
#if CRISOL_HAVE_IO
    if (job->m.file)
        return open_model(job);
#endif
    return open_part(job);
}

static int show(struct job *job)
{
    if (!job->grid && job->confusion)
        return write_matrix(job); /* needs no samples */
    int status = open_samples(job);
    if (status == CLI_GO)
        status = write_grid(job);
    if (status == CLI_OK)
        status = write_matrix(job);
    free(job->predicted);
#if CRISOL_HAVE_IO
    modeling_close(&job->m);
#else
    cr_data_close(job->m.data);
#endif
    return status;
}

int cli_show(int argc, char **argv)
{
    struct job job = {.count = 64};
    cli_options o = {
        .about =
            "Draws images of a data set beside each other, as PNG, with their classes. With "
            "predictions:\n"
            "green frames are right; thick orange ones are wrong, and what they are stands below "
            "what they\n"
            "are taken for. And draws confusion matrices.",
    };
#if CRISOL_HAVE_IO
    modeling_options(&job.m, &o);
#else
    samples_options(&job.m.samples, &o);
#endif
    cli_add(&o, "--set", CLI_CHOICE, &job.set, SETS, "which samples");
    cli_add(&o, "--count", CLI_COUNT, &job.count, "N", "how many");
    cli_add(&o, "--first", CLI_COUNT, &job.first, "N", "leave out so many before them");
    cli_add(&o, "--shuffle", CLI_COUNT, &job.shuffle, "SEED", "take them in a random order");
    cli_add(&o, "--columns", CLI_COUNT, &job.columns, "N", "images in a row (default: a square)");
    cli_add(&o, "--predictions", CLI_INPUT, &job.predictions, "F.csv",
            "what crisol train --predict or crisol predict has written");
    cli_add(&o, "--wrong", CLI_FLAG, &job.wrong, NULL, "only those that are predicted wrong");
    cli_add(&o, "-o", CLI_OUTPUT, &job.grid, "F.png", "draw the images");
    cli_add(&o, "--confusion", CLI_INPUT, &job.confusion, "F.csv",
            "a matrix that crisol train --confusion has written");
    cli_add(&o, "--matrix", CLI_OUTPUT, &job.matrix, "F.svg",
            "draw it, or the matrix of the predictions (.svg or .png)");
    int status = cli_parse(&o, argc, argv);
    if (status == CLI_GO)
        status = check(&job, &o);
    return status == CLI_GO ? show(&job) : status;
}
