/* exchange.c - `crisol import` and `crisol export`: models of Keras. */
#include "options/modeling.h"

#if CRISOL_HAVE_IO
#include <crisol/io/model.h>

/* The net, and how many numbers it has. */
static int print_model(const cr_model *m)
{
    uint64_t numbers = 0;
    char *net = cr_net_print(cr_model_net(m));
    if (!net)
        return cli_library_failed();
    for (uint32_t i = 0; i < cr_model_count(m); i++) {
        uint64_t n = 1;
        const cr_shape s = cr_model_at(m, i)->shape;
        for (int32_t j = 0; j < s.rank; j++)
            n *= (uint64_t)s.dim[j];
        numbers += n;
    }
    printf("%s\n", net);
    fprintf(stderr, "%u layers, %u arrays of %llu numbers\n", cr_model_net(m)->nlayers,
            cr_model_count(m), (unsigned long long)numbers);
    cr_string_free(net);
    return CLI_OK;
}

int cli_import(int argc, char **argv)
{
    const char *output = NULL;
    cli_options o = {
        .about =
            "Reads a model that Keras wrote: a .keras file of Keras 3, or a whole model in HDF5\n"
            "(.h5) of Keras 2 or 3. Prints its net; with -o, writes it as a model of Crisol.\n"
            "docs/keras.md tells what is translated. What Crisol does not have is refused.",
        .positional = "FILE",
    };
    cli_add(&o, "-o", CLI_OUTPUT, &output, "FILE", "the model, to be written there");
    const int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (!o.file)
        return cli_fail("which file? See crisol import --help");
    if (cli_check_writable(output) != CLI_OK)
        return CLI_MISTAKE;
    cr_model *m = cr_model_import_keras(o.file);
    int result = m ? CLI_OK : cli_library_failed();
    if (m && output && cr_model_save(m, output) != CR_OK)
        result = cli_library_failed();
    if (result == CLI_OK)
        result = print_model(m);
    cr_model_destroy(m);
    return result;
}

int cli_export(int argc, char **argv)
{
    const char *output = NULL;
    cli_options o = {
        .about = "Writes a model or a checkpoint of Crisol as a .keras file, which Keras 3.4 and "
                 "later loads and\n"
                 "which predicts the same there. docs/keras.md tells what Keras does not have.",
        .positional = "MODEL.h5",
    };
    cli_add(&o, "-o", CLI_OUTPUT, &output, "FILE.keras", "where to");
    const int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (!o.file || !output)
        return cli_fail("which model, and where to (-o)? See crisol export --help");
    if (!cli_ends_in(output, ".keras"))
        return cli_fail("%s: Keras loads such files only if their names end in .keras", output);
    if (cli_check_writable(output) != CLI_OK)
        return CLI_MISTAKE;
    cr_model *m = cr_model_load(o.file);
    const bool fine = m && cr_model_export_keras(m, output) == CR_OK;
    cr_model_destroy(m);
    return fine ? CLI_OK : cli_library_failed();
}

#else

int cli_import(int argc, char **argv)
{
    return modeling_missing(argc, argv);
}

int cli_export(int argc, char **argv)
{
    return modeling_missing(argc, argv);
}

#endif
