/* samples.c - see samples.h. */
#include "options/samples.h"

#if CRISOL_HAVE_IO
static void file_options(samples *s, cli_options *o)
{
    cr_table_options *t = &s->o;
    cli_add(o, "--labels", CLI_INPUT, &t->labels, "Y.npy", "labels or targets of an NPY file");
    cli_add(o, "--test-data", CLI_INPUT, &t->test, "FILE", "the test samples, as --data");
    cli_add(o, "--test-labels", CLI_INPUT, &t->test_labels, "Y.npy", "labels or targets of these");
    cli_add(o, "--target", CLI_TEXT, &t->target, "COLUMN",
            "of a CSV file, by name or number; several numbers: A,B (default: the last\n"
            "one); of an HDF5 file, the data set (default: y_train)");
    cli_add(o, "--input", CLI_TEXT, &t->input, "NAME",
            "of an HDF5 file, the data set of samples (default: x_train)");
    cli_add(o, "--drop", CLI_TEXT, &t->drop, "COLUMN,..", "leave out these columns of a CSV file");
    cli_add(o, "--categories", CLI_TEXT, &t->categories, "COLUMN,..",
            "these columns are words, though they look like numbers");
    cli_add(o, "--targets", CLI_CHOICE, &s->targets, "auto|classes|numbers",
            "what they are; auto: classes, when words or whole numbers below 1000");
    cli_add(o, "--header", CLI_CHOICE, &s->header, "auto|yes|no",
            "does a CSV file name its columns?");
    cli_add(o, "--separator", CLI_TEXT, &s->separator, "C",
            "of the fields of a CSV file; 'tab' is one, too");
}

static int check_separator(samples *s)
{
    const char *text = s->separator;
    if (!text)
        return CLI_GO;
    s->o.separator = strcmp(text, "tab") == 0 ? '\t' : *text;
    if (!s->o.separator || (text[1] && s->o.separator != '\t') || strchr("\"\r\n.+- ", *text))
        return cli_fail("--separator: '%s' is no character that can be between fields", text);
    return CLI_GO;
}
#endif

void samples_options(samples *s, cli_options *o)
{
    s->name = "fashion-mnist";
    cli_add(o, "--data", CLI_INPUT, &s->name, "FILE",
            CRISOL_HAVE_IO ? "a CSV, NPY or HDF5 file, a folder with four IDX files, or\n"
                             "fashion-mnist, or mnist"
                           : "a folder with four IDX files, or fashion-mnist, or mnist");
#if CRISOL_HAVE_IO
    file_options(s, o);
#endif
}

void samples_split_option(samples *s, cli_options *o)
{
    cli_add(o, "--test-split", CLI_REAL, &s->test_split, "PART",
            "so much of the training set, drawn by the seed, is for testing, not for training");
}

int samples_check(samples *s)
{
#if CRISOL_HAVE_IO
    s->o.header = (cr_header)s->header;
    s->o.targets = (cr_targets)s->targets;
    if (check_separator(s) != CLI_GO)
        return CLI_MISTAKE;
#endif
    if (!(s->test_split >= 0 && s->test_split < 1))
        return cli_fail("--test-split: it is %g; it must be in [0, 1)", (double)s->test_split);
    return *s->name ? CLI_GO : cli_fail("--data: the name is empty");
}

cr_data *samples_open(const samples *s)
{
#if CRISOL_HAVE_IO
    cr_data *data = cr_table_open(s->name, &s->o);
#else
    cr_data *data = cr_data_open(s->name);
#endif
    if (!data && cli_source("--data")) /* a checkpoint's: it is to be named */
        cli_fail("--data: %s", cr_error());
    else if (!data)
        cli_library_failed();
    return data;
}

const char *samples_word(const cr_data *data)
{
    return data->samples.x_dtype == CR_U8 && data->samples.x_shape.rank == 3 ? "images" : "samples";
}

double samples_number(const cr_samples *s, const void *x, size_t i)
{
    if (s->x_dtype == CR_F32)
        return (double)((const float *)x)[i];
    return s->x_dtype == CR_I32 ? (double)((const int32_t *)x)[i] : (double)((const uint8_t *)x)[i];
}

/* How samples that do not fit get to the device. */
static void tell_windows(const cr_trainer_info *i)
{
    char all[CLI_SIZE_TEXT], window[CLI_SIZE_TEXT], limit[CLI_SIZE_TEXT];
    fprintf(stderr, "streaming %s of samples through two windows of %u samples (%s), %u an epoch: ",
            cli_bytes((double)i->sample_bytes, all), i->window,
            cli_bytes((double)i->window_bytes, window), i->windows);
    if (i->sample_bytes > i->limit_bytes)
        fprintf(stderr, "they do not fit into %s of device memory\n",
                cli_bytes((double)i->limit_bytes, limit));
    else
        fprintf(stderr, "%s\n", i->reason);
}

void samples_tell(const cr_data *data, cr_trainer *trainer)
{
    const cr_trainer_info info = cr_trainer_get_info(trainer);
    fprintf(stderr, "%u training and %u test %s, on %s", info.train, info.test, samples_word(data),
            cr_program_get_info(cr_trainer_program(trainer)).device);
    if (info.placement == CR_PLACED_IN_PLACE)
        fprintf(stderr, ", used where they lie%s", data->mapped ? " in the file" : "");
    else if (info.placement == CR_PLACED_COPIED)
        fprintf(stderr, ", copied: %s", info.reason);
    fprintf(stderr, "\n");
    if (info.placement == CR_PLACED_STREAMED)
        tell_windows(&info);
}
