/* split.c - see split.h. */
#include "split.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "results/plotting.h"

enum { NVARIANT = 3 };

/* What a step's time is split into: one row a part, as profiles call it, for CSV, for people. */
#define PARTS(X)                                                                                   \
    X("h2d", "host to device")                                                                     \
    X("kernel", "kernels")                                                                         \
    X("d2h", "device to host")                                                                     \
    X("host", "on the host")                                                                       \
    X("idle", "idle")

static const struct part {
    const char *kind, *label;
} parts[] = {
#define CLI_X(kind, label) {kind, label},
    PARTS(CLI_X)
#undef CLI_X
};
enum { NPART = CLI_COUNTOF(parts), IDLE = NPART - 1 };

/* Microseconds of a step. */
typedef struct shares {
    double part[NPART], step;
    char device[128];
} shares;

/* ---- measuring ------------------------------------------------------------------------------- */

static void sum_up(const cr_profile *p, shares *out)
{
    const double steps = (double)p->steps;
    *out = (shares){.step = p->wall_us / steps};
    for (uint32_t i = 0; i < p->nrow; i++)
        for (size_t k = 0; k < IDLE; k++)
            if (strcmp(p->row[i].kind, parts[k].kind) == 0)
                out->part[k] += p->row[i].total_us / steps;
    out->part[IDLE] = fmax(p->wall_us - p->busy_us, 0) / steps;
}

static int failed(void)
{
    if (!*training_interrupt)
        return cli_library_failed();
    cli_fail("interrupted");
    return CLI_INTERRUPTED;
}

static int profile_variant(const split *s, training *t, const cr_data *data, int i, shares *out)
{
    cr_train_options options = training_trainer(t, cli_variant_opt(i));
    options.no_evaluation = true;
    cr_trainer *trainer = training_create(data, &options);
    if (!trainer)
        return failed();
    const uint64_t most = cr_trainer_get_info(trainer).train / cr_trainer_batch(trainer);
    int status = CLI_OK;
    for (int round = 0; round < 2 && status == CLI_OK; round++) { /* the first one warms up */
        cr_profile p;
        if (cr_trainer_profile(trainer, s->steps < most ? s->steps : most, &p) != CR_OK) {
            status = failed();
            break;
        }
        sum_up(&p, out);
        cr_profile_finish(&p);
    }
    snprintf(out->device, sizeof out->device, "%s",
             cr_program_get_info(cr_trainer_program(trainer)).device);
    cr_trainer_destroy(trainer);
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void print_line(const char *label, const shares v[NVARIANT], int part)
{
    printf("%-18s", label);
    for (int i = 0; i < NVARIANT; i++) {
        char text[CLI_SIZE_TEXT];
        const double us = part < 0 ? v[i].step : v[i].part[part];
        printf("  %10s %5.1f %%", cli_micros(us, text), 100 * us / v[i].step);
    }
    putchar('\n');
}

static void print_table(const training *t, const shares v[NVARIANT])
{
    printf("%s, on %s\n\n%-18s", t->net_text, v[0].device, "a training step");
    for (int i = 0; i < NVARIANT; i++)
        printf("  %18s", cli_variants[i]);
    putchar('\n');
    for (int k = 0; k < NPART; k++)
        print_line(parts[k].label, v, k);
    print_line("step", v, -1);
}

static int print_json(const training *t, const shares v[NVARIANT])
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "device", v[0].device);
    cJSON_AddStringToObject(j, "net", t->net_text);
    cJSON *list = cJSON_AddArrayToObject(j, "variants");
    for (int i = 0; i < NVARIANT; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cJSON_AddStringToObject(row, "name", cli_variants[i]);
        for (int k = 0; k < NPART; k++) {
            char name[32];
            snprintf(name, sizeof name, "%s_us", parts[k].kind);
            cJSON_AddNumberToObject(row, name, v[i].part[k]);
        }
        cJSON_AddNumberToObject(row, "step_us", v[i].step);
    }
    return cli_print_json(j);
}

static int write_csv(const split *s, const shares v[NVARIANT])
{
    if (!s->csv)
        return CLI_OK;
    cli_text t = {0};
    cli_put(&t, "variant");
    for (int k = 0; k < NPART; k++)
        cli_put(&t, ",%s_us", parts[k].kind);
    cli_put(&t, ",step_us\n");
    for (int i = 0; i < NVARIANT; i++) {
        cli_put(&t, "%s", cli_variants[i]);
        for (int k = 0; k < NPART; k++)
            cli_put_figure(&t, v[i].part[k]);
        cli_put_figure(&t, v[i].step);
        cli_put(&t, "\n");
    }
    const int status = cli_write(s->csv, t.at, t.len);
    free(t.at);
    return status;
}

/* ---- the picture ----------------------------------------------------------------------------- */

static const char *color_of(int part)
{
    return part == IDLE ? "#d0d0d0" : plot_color((size_t)part);
}

/* A bar from left to right, in times `scale`. */
static void put_bar(cli_text *t, int i, const shares *v, double scale)
{
    double from = 0;
    for (int k = 0; k < NPART; k++) {
        const double to = from + v->part[k] * scale;
        cli_put(t,
                "set object %d rectangle from %.9g,%.2f to %.9g,%.2f fc rgb '%s' fillstyle solid "
                "noborder\n",
                1 + i * NPART + k, from, i - 0.3, to, i + 0.3, color_of(k));
        from = to;
    }
}

static void put_legend(cli_text *t)
{
    for (int k = 0; k < NPART; k++) {
        const double x = 0.12 + 0.165 * k;
        cli_put(t,
                "set object %d rectangle from screen %.3f,0.855 to screen %.3f,0.895 fc rgb '%s' "
                "fillstyle solid noborder\n"
                "set label '%s' at screen %.3f,0.875 left textcolor rgb '#222222'\n",
                100 + k, x, x + 0.018, color_of(k), parts[k].label, x + 0.024);
    }
}

static void put_panel(cli_text *t, const char *title, double left, double right, double most)
{
    cli_put(t,
            "set lmargin at screen %.3f\nset rmargin at screen %.3f\nset xlabel '%s' textcolor rgb "
            "'#444444'\nset xrange [0:%.9g]\nplot NaN\n",
            left, right, title, most);
}

static int draw(const split *s, const training *t, const shares v[NVARIANT])
{
    if (!s->plot)
        return CLI_OK;
    double most = 0;
    for (int i = 0; i < NVARIANT; i++)
        most = fmax(most, v[i].step);
    const double scale = most < 2000 ? 1 : 1e-3;
    cli_text g = {0};
    plot_begin(&g, s->plot, 960, 330);
    cli_put(&g, "set border 1 lc rgb '#666666'\nset key off\nunset grid\n"
                "set grid xtics lc rgb '#e4e4e4' lw 1 lt 1\nset yrange [2.6:-0.6]\n"
                "set ytics ('naive' 0, 'unfused' 1, 'fused' 2) scale 0\n"
                "set tmargin at screen 0.80\nset bmargin at screen 0.20\nset multiplot title ");
    cli_put(&g, "'where a training step''s time goes on ");
    plot_put(&g, v[0].device, 32);
    cli_put(&g, ": ");
    plot_put(&g, t->net_text, 50);
    cli_put(&g, "' noenhanced font ',15' textcolor rgb '#222222'\n");
    put_legend(&g);
    for (int i = 0; i < NVARIANT; i++) {
        char text[CLI_SIZE_TEXT];
        put_bar(&g, i, &v[i], scale);
        cli_put(&g, "set label '%s' at %.9g,%d left offset 0.6,0 textcolor rgb '#444444'\n",
                cli_micros(v[i].step, text), v[i].step * scale, i);
    }
    put_panel(&g, scale == 1 ? "time of a step (us)" : "time of a step (ms)", 0.075, 0.53,
              1.25 * most * scale);
    cli_put(&g, "unset label\n");
    for (int i = 0; i < NVARIANT; i++)
        put_bar(&g, i, &v[i], 100 / v[i].step);
    put_panel(&g, "share of the step (%)", 0.62, 0.97, 100);
    cli_put(&g, "unset multiplot\n");
    return plot_end(&g, s->plot);
}

int split_measure(const split *s, training *t, const cr_data *data)
{
    shares v[NVARIANT];
    training_catch_interrupt();
    for (int i = 0; i < NVARIANT; i++) {
        const int status = profile_variant(s, t, data, i, &v[i]);
        if (status != CLI_OK)
            return status;
    }
    int status = s->json ? print_json(t, v) : CLI_OK;
    if (!s->json)
        print_table(t, v);
    const int written[] = {write_csv(s, v), draw(s, t, v)};
    for (size_t i = 0; i < CLI_COUNTOF(written); i++)
        status = status == CLI_OK ? written[i] : status;
    return status;
}
