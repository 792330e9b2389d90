/* preparing.c - see preparing.h. */
#include "options/preparing.h"

#include <ctype.h>
#include <math.h>

#include "options/onehot.h"
#include "options/samples.h"

enum { MOST_CLASSES = 10000 };

void preparing_options(preparing *p, cli_options *o)
{
    cli_add(o, "--standardize", CLI_FLAG, &p->standardize, NULL,
            "each feature: less its mean, by its deviation, of the training samples");
    cli_add(o, "--scale", CLI_FLAG, &p->scale, NULL,
            "each feature: into [0, 1], by the training samples");
    cli_add(o, "--onehot", CLI_TEXT, &p->onehot, "COLUMN,..",
            "columns of whole numbers, by name or place, as columns of 0 and 1");
    cli_add(o, "--words", CLI_CHOICE, &p->words, "onehot|codes",
            "what columns of words are to the net");
}

int preparing_check(const preparing *p)
{
    return p->standardize && p->scale ? cli_fail("--standardize and --scale: which of the two?")
                                      : CLI_GO;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* The feature, from 0, that n characters name, by name or by their number; -1: none. */
static int64_t find_feature(const cr_data *data, int64_t features, const char *word, size_t n)
{
    for (uint32_t i = 0; i < data->columns.n && (int64_t)i < features; i++)
        if (strlen(data->columns.word[i]) == n && memcmp(data->columns.word[i], word, n) == 0)
            return i;
    char *end;
    const unsigned long long number = strtoull(word, &end, 10);
    const bool is = isdigit((unsigned char)*word) && end == word + n;
    return is && number >= 1 && (int64_t)number <= features && number < INT32_MAX
               ? (int64_t)number - 1
               : -1;
}

/* One more than the largest number of the column; 0 after a message. */
static int64_t count_classes(const cr_data *data, int64_t feature, int64_t features)
{
    const cr_samples *s = &data->samples;
    const cr_part *parts[] = {&s->train, &s->validation, &s->test};
    double most = 0;
    for (size_t k = 0; k < CLI_COUNTOF(parts); k++)
        for (uint32_t i = 0; i < parts[k]->n; i++) {
            const double v =
                samples_number(s, parts[k]->x, (size_t)i * (size_t)features + (size_t)feature);
            if (!(v >= 0 && v < MOST_CLASSES && v == floor(v))) {
                cli_fail("--onehot: column %lld of sample %u is %g; whole numbers from 0 to %d are "
                         "wanted",
                         (long long)feature + 1, i, v, MOST_CLASSES - 1);
                return 0;
            }
            most = fmax(most, v);
        }
    return (int64_t)most + 1;
}

/* classes[feature] of those that --onehot names. */
static int mark_asked(const preparing *p, const cr_data *data, int64_t features, int64_t *classes)
{
    for (const char *at = p->onehot; at;) {
        size_t n = strlen(at);
        if (find_feature(data, features, at, n) < 0)
            n = strcspn(at, ",");
        const int64_t i = find_feature(data, features, at, n);
        if (i < 0)
            return cli_fail("--onehot: the samples have no column '%.*s'", (int)n, at);
        const bool words = data->categories && data->categories[i].n;
        classes[i] = words ? data->categories[i].n : count_classes(data, i, features);
        if (!classes[i])
            return CLI_MISTAKE;
        at = at[n] ? at + n + 1 : NULL;
    }
    return CLI_GO;
}

/* ---- the text -------------------------------------------------------------------------------- */

/* From the last column to the first, so that those before keep their places. */
static int put_onehots(const preparing *p, const cr_data *data, cli_text *t)
{
    const cr_shape *shape = &data->samples.x_shape;
    if (p->onehot && shape->rank != 1)
        return cli_fail("--onehot: the samples have no columns; they have %d axes", shape->rank);
    const int64_t features = shape->rank == 1 ? shape->dim[0] : 0;
    int64_t *classes = cli_alloc((size_t)features * sizeof *classes);
    for (int64_t i = 0; i < features && data->categories && p->words == 0; i++)
        classes[i] = data->categories[i].n;
    int status = mark_asked(p, data, features, classes);
    for (int64_t i = features; i-- > 0 && status == CLI_GO;)
        if (classes[i])
            cli_put(t, "onehot %lld %lld, ", (long long)i + 1, (long long)classes[i]);
    free(classes);
    return status;
}

/* How much of the net's text is its input. */
static size_t length_of_input(const char *net)
{
    const size_t blank = strspn(net, " \t\n"), word = strlen("input");
    if (strncmp(net + blank, "input", word) != 0 || !isspace((unsigned char)net[blank + word]))
        return 0;
    const size_t n = strcspn(net, ",");
    return net[n] ? n + 1 : n;
}

/* How often the net takes its first input. */
static uint32_t uses_of_input(const cr_net *net)
{
    const uint32_t input = net->ninputs ? net->input[0] : 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < net->nlayers; i++)
        for (uint32_t k = 0; k < net->layer[i].noperands; k++)
            n += net->layer[i].operand[k] == input;
    for (uint32_t i = 0; i < net->noutputs; i++)
        n += net->output[i] == input;
    return n;
}

/* The second place would get the samples as they are. */
static int check_uses(const cr_net *net)
{
    if (uses_of_input(net) < 2)
        return CLI_GO;
    return cli_fail("--net: it takes %s at several places, and layers that make samples ready "
                    "(--standardize, --scale, --onehot, columns of words) come before the first; "
                    "write them into the net, standardize as ready say, and go on from there",
                    cr_net_layer_name(net, net->ninputs ? net->input[0] : 0));
}

/* The net's own input, or what has to be one: classes are whole numbers, so bytes go in as they
 * are then, all columns. */
static void put_input(const char *net, size_t n, const cr_data *data, bool raw, cli_text *t)
{
    size_t sizes = 0;
    if (n == 0) {
        if (raw)
            cli_put(t, "input %lld raw, ", (long long)data->samples.x_shape.dim[0]);
        return;
    }
    if (raw) {
        sizes = strspn(net, " \t\n") + strlen("input");
        sizes += strspn(net + sizes, " \t\n0123456789");
        while (isspace((unsigned char)net[sizes - 1]))
            sizes--;
        cli_put(t, "%.*s raw", (int)sizes, net);
    }
    cli_put(t, "%.*s%s", (int)(n - sizes), net + sizes, net[n - 1] == ',' ? " " : ", ");
}

char *preparing_net(const preparing *p, const cr_data *data, const cr_net *net, const char *text)
{
    const size_t input = length_of_input(text);
    const char *rest = text + input + strspn(text + input, " \t\n");
    cli_text t = {0}, made = {0};
    if (p->standardize || p->scale)
        cli_put(&made, p->standardize ? "standardize, " : "scale, ");
    const size_t before = made.len;
    if (put_onehots(p, data, &made) != CLI_GO || (made.len && check_uses(net) != CLI_GO)) {
        free(made.at);
        return NULL;
    }
    const bool raw = made.len > before && onehot_is_divided(net, 0, &data->samples);
    put_input(text, input, data, raw, &t);
    cli_put(&t, "%s%s", made.len ? made.at : "", rest);
    free(made.at);
    if (!*rest)
        t.at[t.len - 2] = '\0';
    return t.at;
}
