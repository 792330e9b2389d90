/* gen_ops.c - writes what follows from the op table: `gen_ops header` the public crisol/ops.h,
 * `gen_ops doc` the reference docs/ops.md. Runs at build time, on the host; depends on ops.def
 * only. */
#include <stdio.h>
#include <string.h>

static const char *const params[] = {"", "cr_value x", "cr_value x, cr_value y",
                                     "cr_value x, cr_value y, cr_value z"};
static const char *const args[] = {"", "x", "x, y", "x, y, z"};

/* "(cr_value x, int n)" without its parentheses. */
static const char *inner(const char *list)
{
    static char buf[2][512];
    static int turn;
    char *b = buf[turn ^= 1];
    snprintf(b, sizeof buf[0], "%s", list + 1);
    b[strlen(b) - 1] = 0;
    return b;
}

static void declare(const char *name, const char *parameters, const char *arguments,
                    const char *doc)
{
    printf("\n/* %s */\n", doc);
    printf("#define cr_%s(%s) cr_%s_at(CR_HERE, %s)\n", name, arguments, name, arguments);
    printf("CR_API cr_value cr_%s_at(cr_loc at, %s);\n", name, parameters);
}

static void declare_reduction(const char *name, const char *doc)
{
    char keep[64], text[512];
    declare(name, "cr_value x, cr_axes axes", "x, axes", doc);
    snprintf(keep, sizeof keep, "%s_keep", name);
    snprintf(text, sizeof text, "%s; the axes stay, with size 1", doc);
    declare(keep, "cr_value x, cr_axes axes", "x, axes", text);
}

static void section(const char *title)
{
    printf("\n/* ---- %s ---- */\n", title);
}

static void header(void)
{
    printf(
        "/* crisol/ops.h - the ops of the graph builder. Generated from graph/ops.def.\n"
        " *\n"
        " * Elementwise ops broadcast their operands as NumPy does; types must agree (cr_cast).\n"
        " * Each cr_x(...) stands for cr_x_at(CR_HERE, ...). A mistake gives poison: "
        "crisol/graph.h. */\n"
        "#ifndef CRISOL_OPS_H\n#define CRISOL_OPS_H\n\n#include \"crisol/graph.h\"\n\n"
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    section("elementwise");
#define CR_EW(name, arity, types, expr, gradients, lo, hi, flags, doc)                             \
    declare(#name, params[arity], args[arity], doc);
#include "ops.def"
    section("reductions");
#define CR_RED(name, identity, combine, types, gradient, lo, hi, doc) declare_reduction(#name, doc);
#include "ops.def"
    section("movement");
#define CR_MOV(name, parameters, arguments, gradient, doc)                                         \
    declare(#name, inner(#parameters), inner(#arguments), doc);
#include "ops.def"
    section("structured");
#define CR_PRIM(name, parameters, arguments, gradient, doc)                                        \
    declare(#name, inner(#parameters), inner(#arguments), doc);
#include "ops.def"
    section("composites");
#define CR_COMP(name, parameters, arguments, term, doc)                                            \
    declare(#name, inner(#parameters), inner(#arguments), doc);
#include "ops.def"
    printf("\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

/* A '|' would end the table's cell. */
static const char *escape_into(char *buf, size_t size, const char *s)
{
    size_t n = 0;
    for (; *s && n + 3 < size; s++) {
        if (*s == '|')
            buf[n++] = '\\';
        buf[n++] = *s;
    }
    buf[n] = 0;
    return buf;
}
static const char *escape(const char *s)
{
    static char buf[1024];
    return escape_into(buf, sizeof buf, s);
}
static const char *escape2(const char *s)
{
    static char buf[1024];
    return escape_into(buf, sizeof buf, s);
}

static void title(const char *text)
{
    printf("\n## %s\n\n", text);
}

static void doc(void)
{
    printf("# Ops\n\nGenerated from `graph/ops.def` by `./dev docs`; each row there is one op "
           "here. Builders are\n"
           "named `cr_` and the op's name (`<crisol/ops.h>`). Types: F f32; N f32 or i32; I i32; B "
           "bool;\n"
           "C any type, equal operands, result bool; S bool, then two equal; A f32 or i32, result "
           "i32.\n");
    title("Elementwise");
    printf("| op | operands | types | value | gradients | meaning |\n| --- | --- | --- | --- | --- "
           "| --- |\n");
#define CR_EW(name, arity, types, expr, gradients, lo, hi, flags, doc)                             \
    printf("| %s | %d | %s | `%s` | `%s` | %s |\n", #name, arity, #types, escape(#expr),           \
           gradients, escape2(doc));
#include "ops.def"
    title("Reductions");
    printf("| op | types | identity | combine | meaning |\n| --- | --- | --- | --- | --- |\n");
#define CR_RED(name, identity, combine, types, gradient, lo, hi, doc)                              \
    printf("| %s | %s | `%s` | `%s` | %s |\n", #name, #types, #identity, escape(#combine), doc);
#include "ops.def"
    title("Movement");
    printf("| op | parameters | meaning |\n| --- | --- | --- |\n");
#define CR_MOV(name, parameters, arguments, gradient, doc)                                         \
    printf("| %s | `%s` | %s |\n", #name, inner(#parameters), doc);
#include "ops.def"
    title("Structured");
    printf("| op | parameters | meaning |\n| --- | --- | --- |\n");
#define CR_PRIM(name, parameters, arguments, gradient, doc)                                        \
    printf("| %s | `%s` | %s |\n", #name, inner(#parameters), doc);
#include "ops.def"
    title("Composites");
    printf("Expanded by the builder at once into the ops above; one op to the user.\n\n"
           "| op | parameters | meaning |\n| --- | --- | --- |\n");
#define CR_COMP(name, parameters, arguments, term, doc)                                            \
    printf("| %s | `%s` | %s |\n", #name, inner(#parameters), escape2(doc));
#include "ops.def"
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "header") == 0)
        header();
    else if (argc == 2 && strcmp(argv[1], "doc") == 0)
        doc();
    else {
        fprintf(stderr, "usage: gen_ops header|doc\n");
        return 1;
    }
    return 0;
}
