/* onehot.c - see onehot.h. */
#include "options/onehot.h"

#include <math.h>

#include "options/samples.h"

bool onehot_is_divided(const cr_net *net, uint32_t input, const cr_samples *s)
{
    return s->x_dtype == CR_U8 && cr_net_divides_bytes(net, input);
}

/* ---- columns --------------------------------------------------------------------------------- */

static uint32_t operand_of(const cr_layer *l)
{
    return l->noperands ? l->operand[0] : 0;
}

/* The column of an input that the layer takes, from 1; 0: none, or one that was changed. Those
 * before it have moved the columns behind theirs; standardize and scale leave classes alone. */
static int64_t column_of(const cr_net *net, uint32_t input, const cr_layer *onehot)
{
    const uint32_t root = net->ninputs ? net->input[input] : 0;
    int64_t column = onehot->column;
    for (uint32_t i = operand_of(onehot); i; i = operand_of(&net->layer[i - 1])) {
        const cr_layer *l = &net->layer[i - 1];
        switch (l->kind) {
        case CR_LAYER_INPUT: return i == root ? column : 0;
        case CR_LAYER_FLATTEN:
        case CR_LAYER_STANDARDIZE:
        case CR_LAYER_SCALE: break;
        case CR_LAYER_ONEHOT:
            if (column >= l->column && column < l->column + l->units)
                return 0;
            column -= column > l->column ? l->units - 1 : 0;
            break;
        default: return 0;
        }
    }
    return root ? 0 : column;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static int no_class(const cr_data *data, const cr_part *part, uint32_t sample, int64_t column,
                    double v, int64_t classes, bool divided)
{
    static const char *const which[] = {"training", "validation", "test"};
    const cr_samples *s = &data->samples;
    const int k = part == &s->test ? 2 : part == &s->validation ? 1 : 0;
    const char *name = column <= data->columns.n ? data->columns.word[column - 1] : NULL;
    return cli_fail("%s: column %lld%s%s%s of %s sample %u is %g, and the net knows %lld classes "
                    "there, from 0%s",
                    data->from[k] ? data->from[k] : data->name, (long long)column, name ? " '" : "",
                    name ? name : "", name ? "'" : "", which[k], sample, v, (long long)classes,
                    divided ? "; bytes reach it divided by 255, unless it begins with an input "
                              "that is raw (input SIZES raw)"
                            : "");
}

static int check_column(const cr_data *data, const cr_part *part, int64_t column, int64_t classes,
                        bool divided)
{
    const cr_samples *s = &data->samples;
    const size_t columns = cli_elements(&s->x_shape, 0);
    for (uint32_t i = 0; i < part->n; i++) {
        double v = samples_number(s, part->x, i * columns + (size_t)column - 1);
        v = divided ? v / 255 : v;
        if (!(v >= 0 && v < (double)classes && v == floor(v)))
            return no_class(data, part, i, column, v, classes, divided);
    }
    return CLI_GO;
}

int onehot_check(const cr_net *net, uint32_t input, const cr_data *data, const cr_part *part)
{
    const bool divided = onehot_is_divided(net, input, &data->samples);
    const size_t columns = cli_elements(&data->samples.x_shape, 0);
    int status = CLI_GO;
    for (uint32_t i = 0; i < net->nlayers && status == CLI_GO; i++) {
        const cr_layer *l = &net->layer[i];
        const int64_t column = l->kind == CR_LAYER_ONEHOT ? column_of(net, input, l) : 0;
        if (column >= 1 && (uint64_t)column <= columns)
            status = check_column(data, part, column, l->units, divided);
    }
    return status;
}
