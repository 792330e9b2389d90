/* target.c - every field of a target file at its extremes: refused, or good enough to compile for.
 * crisol-test: timeout=300 */
#include <criterion/criterion.h>

#include "base.h"
#include "crisol/crisol.h"
#include "target.h"

static const char *const values[] = {
    "-9223372036854775808",
    "-1",
    "0",
    "1e-6",
    "1",
    "2",
    "3",
    "8",
    "16",
    "1000",
    "1024",
    "10000",
    "65536",
    "1e9",
    "1048576",
    "1099511627776",
    "1152921504606846976",
    "9223372036854775807",
    "1e999",
    "nan",
    "",
    "x",
};

/* Contractions of several shapes, a softmax, updates: all kinds of schedules. */
static cr_graph *net(void)
{
    cr_graph *g = cr_graph_create("net");
    cr_value x = cr_input(g, "x", CR_F32, 65, 100);
    cr_value labels = cr_input(g, "labels", CR_I32, 65);
    cr_value y = cr_dense(cr_dense(x, "h", 130, CR_SIGMOID), "y", 10, CR_LINEAR);
    cr_value loss = cr_softmax_cross_entropy(y, labels);
    cr_output(g, "loss", loss);
    cr_adam_minimize(loss, 0.01f);
    return g;
}

static void compile(const cr_graph *g, const char *path, const char *what, uint32_t *compiled)
{
    for (int i = 0; i < 3; i++) {
        const cr_inspect_options o = {.target = path,
                                      .emit = "cl",
                                      .opt = i == 1 ? CR_OPT_UNFUSED : CR_OPT_FUSED,
                                      .launches = i == 2 ? CR_LAUNCHES_RESIDENT : CR_LAUNCHES_BEST};
        char *text = cr_inspect(g, &o);
        if (!text) {
            cr_expect(strstr(cr_error(), path), "%s: %s", what, cr_error()); /* with its line */
            return;
        }
        cr_string_free(text);
        ++*compiled;
    }
}

Test(target, extremes)
{
    static const char *const classes[] = {"cpu", "gpu"};
    static const char *const fields[] = {
#define CR_X(type, name, cpu, gpu, doc) #name,
        CR_TARGET_FIELDS(CR_X)
#undef CR_X
    };
#ifdef __SANITIZE_ADDRESS__
    enum { EVERY = 3 }; /* of the values of a field; the others are those of other builds */
#else
    enum { EVERY = 1 };
#endif
    uint32_t compiled = 0;
    char path[] = "/tmp/crisol-target-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_graph *g = net();
    for (size_t c = 0; c < CR_COUNTOF(classes); c++)
        for (size_t f = 0; f < CR_COUNTOF(fields); f++)
            for (size_t v = (c + f) % EVERY; v < CR_COUNTOF(values); v += EVERY) {
                char text[160];
                snprintf(text, sizeof text, "class_name = %s\n%s = %s\n", classes[c], fields[f],
                         values[v]);
                cr_assert_eq(cr_file_write(path, text, strlen(text)), CR_OK, "%s", cr_error());
                compile(g, path, text, &compiled);
            }
    cr_graph_destroy(g);
    remove(path);
    cr_assert_gt(compiled, 500 / EVERY);
    cr_assert_eq(cr_live_blocks(), 0);
}
