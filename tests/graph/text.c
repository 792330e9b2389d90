/* text.c - the text form: what is printed reads back equal, and bad texts are refused where they
 * are wrong, without a leak. */
#include <criterion/criterion.h>

#include "crisol/ops.h"
#include "graph/same.h"
#include "text.h"

/* ---- helpers ------------------------------------------------------------------------------- */

static cr_graph *parse(const char *text)
{
    cr_graph *g = cr_graph_parse(text, "t.cr");
    cr_assert(g, "%s\n%s", cr_error(), text);
    return g;
}

static void check_round_trip(const cr_graph *g)
{
    char *text = cr_graph_print(g);
    cr_graph *again = parse(text);
    char *second = cr_graph_print(again);
    cr_assert(same_graph(g, again), "not the same graph after:\n%s", text);
    cr_assert_str_eq(text, second);
    cr_assert_eq(cr_graph_hash(g), cr_graph_hash(again));
    cr_graph_destroy(again);
    cr_string_free(text);
    cr_string_free(second);
}

/* The text reads, and prints as itself but for comments and columns. */
static void check_text(const char *text)
{
    cr_graph *g = parse(text);
    check_round_trip(g);
    cr_graph_destroy(g);
}

/* Printed as written: the text is in the printer's own form. */
static void check_exact(const char *text)
{
    cr_graph *g = parse(text);
    char *out = cr_graph_print(g);
    cr_assert_str_eq(out, text);
    cr_string_free(out);
    cr_graph_destroy(g);
}

/* ---- round trips --------------------------------------------------------------------------- */

Test(text, prints_what_it_reads)
{
    check_exact(
        "graph \"mlp\" {\n"
        "  symbol batch <= 64\n"
        "  %1 = input \"x\" : f32[batch,784]\n"
        "  %2 = state \"w\" param glorot_uniform : f32[784,10]\n"
        "  %3 = matmul %1, %2 : f32[batch,10]                      !1 \"matmul\" train.c:41\n"
        "  %4 = const 0.5 : f32\n"
        "  %5 = expand %4 : f32[batch,10]                          !2 \"mul\" \"my file.c\":42\n"
        "  %6 = mul %3, %5 : f32[batch,10]                         !2\n"
        "  %7 = size 2*batch : i32                                 !3 \"\"\n"
        "  output \"y\", %6\n"
        "  %9 = sub %2, %2 : f32[784,10]\n"
        "  assign %2, %9\n"
        "}\n");
}

Test(text, empty_graph)
{
    check_exact("graph \"\" {\n}\n");
}

Test(text, comments_and_layout)
{
    check_text("// first\n# second\n\n graph \"g\" { # third\n\n%7=input\"x\":f32 [ 2 , 3 ]//last\n"
               "%1234 = neg %7:f32[2,3] !9 \"n\"\r\n\toutput \"y\" , %1234 }  # done\n");
}

Test(text, names_with_anything_in_them)
{
    check_exact("graph \"a \\\"b\\\" \\\\ \\n \\t \\r \\x01 \xc3\xb1 \xff\" {\n"
                "  symbol \"two words\" <= 8\n"
                "  symbol \"\xc3\xb1\" <= 2147483647\n"
                "  symbol \"9\" <= 1\n"
                "  %1 = input \"#no comment // \\x7f\" : u8[\"two words\",3*\"9\"]\n"
                "  output \"}\", %1\n"
                "}\n");
}

Test(text, every_elementwise_op_and_reduction)
{
    for (int op = 1; op < CR_OP_COUNT; op++) {
        const cr_op_info *o = &cr_ops[op];
        if (o->kind != CR_KIND_EW && o->kind != CR_KIND_RED)
            continue;
        const char *in = o->types == CR_TYPES_I ? "i32" : o->types == CR_TYPES_B ? "bool" : "f32";
        const char *out = o->types == CR_TYPES_C ? "bool" : o->types == CR_TYPES_A ? "i32" : in;
        cr_strbuf s = {0};
        cr_str_printf(&s, "graph \"g\" {\n%%1 = input \"x\" : %s[2,3]\n", in);
        cr_str_printf(&s, "%%2 = input \"c\" : bool[2,3]\n%%3 = %s ", o->name);
        for (int i = 0; i < o->arity; i++)
            cr_str_printf(&s, "%s%s", i ? ", " : "",
                          o->types == CR_TYPES_S && i == 0 ? "%2" : "%1");
        cr_str_printf(&s, "%s : %s[2,%d]\n}\n", o->kind == CR_KIND_RED ? " axes(1)" : "", out,
                      o->kind == CR_KIND_RED ? 1 : 3);
        check_text(cr_str_text(&s));
        cr_str_finish(&s);
    }
}

Test(text, movement_and_structured_ops)
{
    check_exact("graph \"g\" {\n"
                "  %1 = input \"x\" : f32[2,3]\n"
                "  %2 = input \"i\" : i32[4]\n"
                "  %3 = reshape %1 : f32[6]\n"
                "  %4 = permute %1 (1,0) : f32[3,2]\n"
                "  %5 = expand %1 : f32[5,2,3]\n"
                "  %6 = slice %1 begin(0,2) : f32[2,1]\n"
                "  %7 = pad %1 before(1,0) value -inf : f32[4,3]\n"
                "  %8 = pad %2 before(0) value -7 : i32[9]\n"
                "  %9 = concat %1, %6 axis(1) : f32[2,4]\n"
                "  %10 = matmul %1, %4 : f32[2,2]\n"
                "  %11 = gather %1, %2 : f32[4,3]\n"
                "  %12 = cast %1 : u8[2,3]\n"
                "  %13 = iota axis(0) : i32[7,2]\n"
                "  %14 = const -3 : i32\n"
                "  %15 = random %14, %14 stream(3) : f32[8]\n"
                "  %16 = sum %1 axes(0,1) : f32[1,1]\n"
                "  %17 = argmax %3 axes() : i32[6]\n"
                "  %18 = size 5 : i32\n"
                "}\n");
}

Test(text, spaces)
{
    check_exact("graph \"g\" {\n"
                "  %1 = input \"x\" : f32[2,3] host\n"
                "  %2 = copy %1 to device : f32[2,3]\n"
                "  %3 = neg %2 : f32[2,3]\n"
                "  %4 = copy %3 to host : f32[2,3] host\n"
                "  output \"y\", %4 host\n"
                "}\n");
}

Test(text, initial_states)
{
    check_exact("graph \"g\" {\n"
                "  %1 = state \"a\" : f32[2]\n"
                "  %2 = state \"b\" param : f32\n"
                "  %3 = state \"c\" constant(0.1) : f32[2]\n"
                "  %4 = state \"d\" uniform(-1,1) : f32[2]\n"
                "  %5 = state \"e\" normal(0,0.02) : f32[2]\n"
                "  %6 = state \"f\" param he_normal : f32[2,2]\n"
                "  %7 = state \"g\" glorot_uniform(0x7fc00000,-0) : f32[2,2]\n"
                "  %8 = state \"h\" data(1,-0,0x7fc00001,-inf) : f32[2,2]\n"
                "  %9 = state \"i\" data(-2147483648,7) : i32[2]\n"
                "  %10 = state \"j\" data(0,255) : u8[2]\n"
                "  %11 = state \"k\" data(true,false) : bool[2]\n"
                "  %12 = state \"l\" truncated_normal(0,0.02) : f32[2]\n"
                "  %13 = state \"m\" param lecun_normal : f32[2,2]\n"
                "  %14 = state \"n\" param lecun_uniform : f32[2,2]\n"
                "  %15 = state \"o\" bits : i32[2]\n"
                "}\n");
}

Test(text, long_initial_data_is_hexadecimal)
{
    cr_graph *g = cr_graph_create("g");
    static const cr_dtype types[] = {CR_F32, CR_I32, CR_U8, CR_BOOL};
    for (int t = 0; t < 4; t++) {
        uint32_t bits[100], seed = 12345;
        char name[8];
        for (int i = 0; i < 100; i++)
            bits[i] = types[t] == CR_BOOL ? (uint32_t)(i % 3 == 0) * 0x01010101u
                                          : (seed = seed * 1664525u + 1013904223u);
        snprintf(name, sizeof name, "s%d", t);
        cr_init init = {.kind = CR_INIT_DATA, .data = bits};
        cr_state(g, name, types[t], init, CR_SHAPE(100));
    }
    cr_assert_eq(cr_graph_status(g), CR_OK, "%s", cr_error());
    check_round_trip(g);
    cr_graph_destroy(g);
}

Test(text, constants_keep_their_bits)
{
    static const uint32_t special[] = {0x80000000, 0x00000001, 0x007fffff, 0x00800000, 0x7f7fffff,
                                       0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001,
                                       0x3dcccccd, 0x3eaaaaab, 0x4b800001, 0x3f800001};
    cr_graph *g = cr_graph_create("g");
    uint32_t seed = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t bits =
            i < CR_COUNTOF(special) ? special[i] : (seed = seed * 1664525u + 1013904223u);
        int64_t attr = bits;
        cr_node n = {.op = CR_OP_CONST, .dtype = CR_F32, .attr = cr_intern_attr(g, &attr, 1)};
        cr_node_make(g, &n);
    }
    cr_const_int(g, CR_I32, INT32_MIN);
    cr_const_int(g, CR_U8, 255);
    cr_const_int(g, CR_BOOL, 1);
    check_round_trip(g);
    cr_graph_destroy(g);
}

/* An output that is named again takes the name; the older one is no root any more. */
Test(text, the_last_output_of_a_name_counts)
{
    cr_graph *g =
        parse("graph \"g\" {\n%1 = input \"x\" : f32\noutput \"y\", %1\noutput \"z\", %1\n"
              "%2 = neg %1 : f32\noutput \"y\", %2\n}");
    cr_assert_eq(g->root.len, 2);
    cr_assert_str_eq(cr_name_of(g, g->root.at[0]), "z");
    cr_assert_eq(cr_find(g, "y").ref, cr_find(g, "y").ref);
    cr_assert_eq(cr_at(g, g->root.at[1])->src[0], 4);
    cr_assert_eq(cr_verify(g, CR_LEVEL_USER), CR_OK, "%s", cr_error());
    check_round_trip(g);
    cr_graph_destroy(g);
}

/* The first graph in docs/ir.md is in the printer's own form. */
Test(text, the_example_in_the_documents)
{
    const char *root = getenv("CRISOL_SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/ir.md", root ? root : ".");
    char *page = cr_file_read(path, NULL);
    cr_assert(page, "%s", cr_error());
    char *start = strstr(page, "```\ngraph \"");
    char *end = start ? strstr(start, "\n```\n") : NULL;
    cr_assert(end, "%s has no graph", path);
    end[1] = '\0';
    check_exact(start + 4);
    cr_free(page);
}

/* ---- origins ------------------------------------------------------------------------------- */

Test(text, origins_are_shared_as_written)
{
    cr_graph *g = parse("graph \"g\" {\n%1 = input \"x\" : f32\n"
                        "%2 = neg %1 : f32 !7 \"n\" a.c:1\n"
                        "%3 = abs %1 : f32 !8 \"n\" a.c:1\n"
                        "%4 = exp %1 : f32 !7\n}");
    cr_assert_eq(g->origin.at[1], 0);
    cr_assert_eq(g->origin.at[2], g->origin.at[4]);
    cr_assert_neq(g->origin.at[2], g->origin.at[3]);
    check_round_trip(g);
    cr_graph_destroy(g);
}

/* The table of strings moves while it grows. */
Test(text, places_are_kept_however_many)
{
    enum { N = 300 };
    char file[32];
    cr_graph *g = cr_graph_create("places");
    cr_value x = cr_input(g, "x", CR_F32, 4);
    for (int i = 0; i < N; i++) {
        snprintf(file, sizeof file, "file%d.c", i);
        x = i % 2 ? cr_neg_at((cr_loc){file, i + 1}, x) : cr_exp_at((cr_loc){file, i + 1}, x);
    }
    cr_output(g, "y", x);
    char *text = cr_graph_print(g);
    cr_graph *again = cr_graph_parse(text, "places.cr");
    cr_assert(again, "%s", cr_error());
    for (int k = 0; k < 2; k++)
        for (cr_ref r = 2; r < N + 2; r++) {
            const cr_graph *from = k ? again : g;
            const cr_origin *o = &from->origins.at[from->origin.at[r]];
            snprintf(file, sizeof file, "file%d.c", (int)r - 2);
            cr_assert(o->at.file && strcmp(o->at.file, file) == 0, "%s", file);
            cr_assert_eq(o->at.line, (int)r - 1);
        }
    cr_string_free(text);
    cr_graph_destroy(again);
    cr_graph_destroy(g);
}

Test(text, equal_lines_are_one_node)
{
    cr_graph *g = parse("graph \"g\" {\n%1 = input \"x\" : f32\n%2 = neg %1 : f32\n"
                        "%3 = neg %1 : f32\noutput \"y\", %3\n}");
    cr_assert_eq(cr_graph_size(g), 3);
    cr_graph_destroy(g);
}

/* ---- size ---------------------------------------------------------------------------------- */

Test(text, a_long_chain)
{
    enum { LENGTH = 100000 };
    cr_graph *g = cr_graph_create("chain");
    cr_ref r = cr_input(g, "x", CR_F32, 64, 784).ref;
    for (int i = 0; i < LENGTH; i++) {
        cr_ref src[2] = {r, i % 2 ? r : 1};
        r = cr_apply(g, i % 2 ? CR_OP_neg : CR_OP_add, src, i % 2 ? 1 : 2, NULL, NULL, 0);
    }
    cr_output(g, "y", ((cr_value){g, r}));
    double start = cr_now();
    check_round_trip(g);
    double seconds = cr_now() - start;
    fprintf(stderr, "two prints and a parse of %d nodes: %.3f s\n", LENGTH, seconds);
    cr_assert_lt(seconds, 10.0); /* far more than it takes, under sanitizers and load */
    cr_graph_destroy(g);
}

/* ---- mistakes ------------------------------------------------------------------------------ */

#define X "%1 = input \"x\" : f32[2,3]\n"
#define G(body) "graph \"g\" {\n" X body "\n}\n"

/* `body` is the third line. */
static const struct {
    const char *body, *message;
} bad[] = {
    /* lines */
    {"foo", "3:1: expected '%n = op', 'symbol', 'assign', 'output' or '}', not 'foo'"},
    {"%2 neg %1 : f32[2,3]", "3:4: expected '=', not 'neg'"},
    {"%2 = ", "3:6: expected an op, not the end of the line"},
    {"%2 = neg %1 : f32[2,3] %3", "3:24: expected the end of the line, not '%'"},
    {"% = neg %1 : f32[2,3]", "3:2: expected a number, not ' '"},
    {"%0 = neg %1 : f32[2,3]", "3:1: numbers after '%' are from 1 to 2^32 - 1"},
    {"%4294967296 = neg %1 : f32[2,3]", "3:1: numbers after '%' are from 1 to 2^32 - 1"},
    {"%99999999999999999999 = neg %1 : f32[2,3]", "3:2: the number is beyond 2^40"},
    {"%2 = neg %1 : f32[2,3] \x01", "not a character that does not belong here"},
    /* ops and sources */
    {"%2 = softmax %1 : f32[2,3]", "3:6: unknown op 'softmax'; docs/ops.md lists the ops"},
    {"%2 = poison : f32", "3:6: unknown op 'poison'"},
    {"%2 = output \"y\", %1 : f32", "3:6: output is not a value: write it without '%n ='"},
    {"%2 = add %1 : f32[2,3]", "3:6: add takes 2 operands, not 1"},
    {"%2 = neg %1, %1 : f32[2,3]", "3:14: neg takes 1 operand"},
    {"%2 = iota %1 axis(0) : i32[3]", "3:11: iota takes 0 operands"},
    {"%2 = neg %7 : f32[2,3]", "3:10: %7 is not defined; a value is defined above"},
    {"%2 = neg %2 : f32[2,3]", "3:10: %2 is not defined"},
    {"%1 = neg %1 : f32[2,3]", "3:1: %1 is defined above"},
    {"%2 = add %1, x : f32[2,3]", "3:14: expected a value (%n), not 'x'"},
    /* types */
    {"%2 = neg %1", "3:12: expected ':', not the end of the line"},
    {"%2 = neg %1 : f64[2,3]", "3:15: expected a type (f32, i32, u8, bool), not 'f64'"},
    {"%2 = neg %1 : f32[2,4]", "3:15: neg gives f32[2,3] here, not f32[2,4]"},
    {"%2 = neg %1 : i32[2,3]", "3:15: neg gives f32[2,3] here, not i32[2,3]"},
    {"%2 = neg %1 : f32[2,3", "3:22: expected ']', not the end of the line"},
    {"%2 = input \"y\" : f32[]", "3:22: expected a size, not ']'"},
    {"%2 = input \"y\" : f32[0]", "3:22: size 0 is not positive"},
    {"%2 = input \"y\" : f32[2,-3]", "3:24: size -3 is not positive"},
    {"%2 = input \"y\" : f32[1,1,1,1,1,1,1,1,1]", "3:38: more than 8 axes"},
    {"%2 = input \"y\" : f32[1048576,1048576]", "3:21: a tensor has fewer than 2^40 elements"},
    {"%2 = input \"y\" : f32[9999999999999]", "3:22: the number is beyond 2^40"},
    {"%2 = input \"y\" : f32[n]", "3:22: unknown symbol 'n'; declare it with `symbol n <= ...`"},
    {"symbol n <= 2147483647\n%2 = input \"y\" : f32[4,1048576*n]", "4:21: a tensor has fewer"},
    {"%2 = const 1 : f32[2]", "3:16: const gives f32 here, not f32[2]"},
    {"%2 = matmul %1, %1 : f32[2,3]", "3:6: matmul: inner dimensions 3 and 2 differ"},
    {"%2 = reshape %1 : f32[7]", "3:6: reshape: "},
    {"%2 = expand %1 : f32[2,4]", "3:6: expand: "},
    /* spaces */
    {"%2 = copy %1 to host : f32[2,3]",
     "copy to host gives a value on the host, not on the device"},
    {"%2 = copy %1 : f32[2,3]", "3:14: expected 'to host' or 'to device', not ':'"},
    {"%2 = copy %1 to mars : f32[2,3]", "3:17: expected 'host' or 'device', not 'mars'"},
    /* attributes */
    {"%2 = sum %1 : f32[2,1]", "3:13: expected axes(...), not ':'"},
    {"%2 = sum %1 axes(8) : f32[2,1]", "3:13: axes are from 0 to 7, each once"},
    {"%2 = sum %1 axes(1,1) : f32[2,1]", "3:13: axes are from 0 to 7, each once"},
    {"%2 = sum %1 axes(2) : f32[2,1]", "3:6: sum: "},
    {"%2 = permute %1 (0,0) : f32[2,2]", "3:6: permute: the axes are not a permutation"},
    {"%2 = permute %1 (0,1,2) : f32[2,3]", "3:6: permute: needs 2 axes"},
    {"%2 = permute %1 (0,1,2,3,4,5,6,7,8) : f32[2,3]", "3:34: more than 8 numbers"},
    {"%2 = slice %1 begin(0,2) : f32[2,2]", "3:6: slice: [2, 4) is outside axis 1 of size 3"},
    {"%2 = slice %1 begin(0,1099511627775) : f32[2,2]", "3:6: slice: "},
    {"%2 = pad %1 before(1,0) : f32[3,3]", "3:25: expected 'value', not ':'"},
    {"%2 = pad %1 before(-1,0) value 0 : f32[3,3]", "3:6: pad: a negative amount at axis 0"},
    {"%2 = concat %1, %1 axis(2) : f32[4,3]", "3:6: concat: "},
    {"%2 = iota axis() : i32[4,3]", "3:6: iota: no such axis"},
    {"%2 = const 1 : i32\n%3 = random %2, %2 stream(-1) : f32", "4:20: a stream is one number"},
    {"%2 = const 1 : i32\n%3 = random %2, %2 stream() : f32", "4:20: a stream is one number"},
    {"%2 = size 0 : i32", "3:11: size 0 is not positive"},
    /* numbers */
    {"%2 = const : f32", "3:12: expected a value, not ':'"},
    {"%2 = const nan : f32", "3:12: expected an f32 number"},
    {"%2 = const 1e99 : f32", "3:12: expected an f32 number"},
    {"%2 = const 1,5 : f32", "3:13: expected ':', not ','"},
    {"%2 = const 0x : f32", "3:12: expected an f32 number"},
    {"%2 = const 0x123456789 : f32", "3:12: expected an f32 number"},
    {"%2 = const 1.5 : i32", "3:12: expected a whole number from -2^31 to 2^31 - 1"},
    {"%2 = const 2147483648 : i32", "3:12: expected a whole number from -2^31 to 2^31 - 1"},
    {"%2 = const 256 : u8", "3:12: expected a whole number from 0 to 255"},
    {"%2 = const 1 : bool", "3:12: expected true or false"},
    /* names */
    {"%2 = input y : f32", "3:12: expected a name in quotes, not 'y'"},
    {"%2 = input \"\" : f32", "3:12: the name is empty"},
    {"%2 = state \"x\" : f32", "3:12: the name is taken by an input or a state above"},
    {"%2 = input \"y : f32", "3:12: the string is not closed on its line"},
    {"%2 = input \"\\q\" : f32", "3:13: unknown escape"},
    {"%2 = input \"\\x00\" : f32", "3:13: unknown escape"},
    {"%2 = input \"\\x1\" : f32", "3:13: unknown escape"},
    {"output \"\", %1", "3:8: the name is empty"},
    {"output \"y\" %1", "3:12: expected ',', not '%'"},
    {"output \"y\", %1, %1", "3:17: output takes 1 operand"},
    /* states */
    {"%2 = state \"s\" param : i32", "3:24: a param must be f32"},
    {"%2 = state \"s\" bits : f32", "3:23: the initialiser 'bits' is of i32 only"},
    {"symbol n <= 4\n%2 = state \"s\" : f32[n]", "4:18: the sizes of a state must be literal"},
    {"%2 = state \"s\" data(1,2) : f32[3]", "3:20: 2 elements for a state of 3"},
    {"%2 = state \"s\" data() : f32[3]", "3:21: expected an f32 number"},
    {"%2 = state \"s\" data : f32[3]", "3:21: expected a value, not ':'"},
    {"%2 = state \"s\" data \"3f80\" : f32", "3:26: an element of f32 has 8 digits"},
    {"%2 = state \"s\" data \"3f80000g\" : f32", "3:29: expected a hexadecimal digit"},
    {"%2 = state \"s\" data \"02\" : bool", "a bool is 00 or 01"},
    {"%2 = state \"s\" data \"\" : f32", "3:21: 0 elements for a state of 1"},
    {"%2 = state \"s\" uniform(1 : f32", "3:26: expected ')', not ':'"},
    {"%2 = state \"s\" zeros : f32", "3:16: expected ':', not 'zeros'"},
    /* assigns */
    {"assign %1, %1", "3:1: assign: the first operand must be a state"},
    {"assign %1", "3:1: assign takes 2 operands, not 1"},
    {"%2 = state \"s\" : f32[2]\nassign %2, %1",
     "4:1: assign: the state and its next value differ"},
    {"%2 = state \"s\" : f32[2]\nassign %2, %2\nassign %2, %2",
     "5:1: the state \"s\" has a next value"},
    /* symbols */
    {"symbol n <= 0", "3:8: symbol 'n': needs a name and a bound"},
    {"symbol n < 5", "3:12: expected '=', not '5'"},
    {"symbol n <= 5\nsymbol n <= 5", "4:8: the symbol is declared above"},
    {"symbol \"\" <= 5", "3:8: symbol '': needs a name"},
    {"symbol a<=1\nsymbol b<=1\nsymbol c<=1\nsymbol d<=1\nsymbol e<=1\nsymbol f<=1\nsymbol g<=1\n"
     "symbol h<=1\nsymbol i<=1\nsymbol j<=1\nsymbol k<=1\nsymbol l<=1\nsymbol m<=1\nsymbol n<=1\n"
     "symbol o<=1\nsymbol p<=1",
     "18:8: symbol 'p': "},
    /* origins */
    {"%2 = neg %1 : f32[2,3] !1", "3:26: expected the origin's name, where it appears first"},
    {"%2 = neg %1 : f32[2,3] !x", "3:25: expected a number, not 'x'"},
    {"%2 = neg %1 : f32[2,3] !1 \"n\" a.c", "3:34: expected ':', not the end of the line"},
    {"%2 = neg %1 : f32[2,3] !1 \"n\" a.c:9999999999", "3:34: the line number is beyond 2^31"},
    /* what follows */
    {"}\n%2 = neg %1 : f32", "4:1: expected nothing after the graph, not '%'"},
};

static void check_refused(const char *text, const char *message)
{
    size_t before = cr_alloc_live();
    cr_graph *g = cr_graph_parse(text, "t.cr");
    cr_assert(!g, "was read, but should say \"%s\":\n%s", message, text);
    cr_assert(strstr(cr_error(), message), "expected \"%s\", got:\n%s", message, cr_error());
    cr_assert(strncmp(cr_error(), "t.cr:", 5) == 0, "%s", cr_error());
    cr_assert(strchr(cr_error(), '^'), "no caret: %s", cr_error());
    cr_status status = cr_last_status();
    cr_assert(status == CR_E_SYNTAX || status == CR_E_GRAPH);
    cr_assert_eq(cr_alloc_live(), before, "leaks after \"%s\"", message);
}

Test(text, refuses_bad_lines)
{
    for (size_t i = 0; i < CR_COUNTOF(bad); i++) {
        cr_strbuf s = {0};
        cr_str_printf(&s, "graph \"g\" {\n%s%s\n}\n", X, bad[i].body);
        check_refused(cr_str_text(&s), bad[i].message);
        cr_str_finish(&s);
    }
}

Test(text, refuses_what_is_no_graph)
{
    check_refused("", "1:1: expected 'graph', not the end of the text");
    check_refused("grap \"g\" {}", "1:1: expected 'graph', not 'grap'");
    check_refused("graph g {}", "1:7: expected the graph's name in quotes, not 'g'");
    check_refused("graph \"g\"", "1:10: expected '{', not the end of the text");
    check_refused("graph \"g\" {", "1:12: expected '}', not the end of the text");
    check_refused("graph \"g\" {\n" X, "3:1: expected '}', not the end of the text");
    check_refused("graph \"g\" {}}", "1:13: expected nothing after the graph, not '}'");
    check_refused("graph \"g\" {\n%1 = input \"x", "2:12: the string is not closed on its line");
    check_refused("graph \"g\" {\n%1 = input \"x\\", "2:14: unknown escape");
}

Test(text, mistakes_show_the_line_and_a_caret)
{
    cr_assert(!cr_graph_parse(G("\t%2 = neg %7 : f32[2,3]  # \xc3\xb1"), "dir/net.cr"));
    cr_assert_str_eq(cr_error(), "dir/net.cr:3:11: %7 is not defined; a value is defined above the "
                                 "lines that use it\n"
                                 "   %2 = neg %7 : f32[2,3]  # \xc3\xb1\n"
                                 "            ^");
    cr_assert_eq(cr_last_status(), CR_E_GRAPH);
    cr_assert(!cr_graph_parse(G("%2 : f32"), NULL));
    cr_assert_eq(cr_last_status(), CR_E_SYNTAX);
}

/* Data may make a line as long as it likes; what is shown stays short. */
Test(text, long_lines_are_cut_around_the_caret)
{
    cr_strbuf s = {0};
    cr_str_add(&s, "graph \"g\" {\n%1 = state \"s\" data \"");
    for (int i = 0; i < 1000; i++)
        cr_str_add(&s, "00000000");
    cr_str_add(&s, "g\" : f32[1000]\n}\n");
    cr_assert(!cr_graph_parse(cr_str_text(&s), "t.cr"));
    cr_assert(strstr(cr_error(), "t.cr:2:8022: expected a hexadecimal digit"), "%s", cr_error());
    cr_assert_lt(strlen(cr_error()), 400);
    const char *line = strchr(cr_error(), '\n') + 1, *caret = strchr(line, '\n') + 1;
    cr_assert_eq(line[strcspn(caret, "^")], 'g', "%s", cr_error());
    cr_str_finish(&s);
}

Test(text, nothing_leaks_when_memory_ends)
{
    static const char text[] =
        "graph \"g\" {\nsymbol n <= 4\n%1 = input \"x\" : f32[n] !1 \"x\" a.c:1\n"
        "%2 = state \"s\" data(1,2) : f32[2]\n%3 = neg %1 : f32[n] !1\n"
        "assign %2, %2\noutput \"y\", %3\n}";
    size_t before = cr_alloc_live();
    for (int64_t n = 0;; n++) {
        cr_alloc_fail_after(n);
        cr_graph *g = cr_graph_parse(text, "t.cr");
        char *out = g ? cr_graph_print(g) : NULL;
        cr_alloc_fail_after(-1);
        bool done = out != NULL;
        if (!done)
            cr_assert_eq(cr_last_status(), CR_E_MEMORY, "%s", cr_error());
        cr_string_free(out);
        cr_graph_destroy(g);
        cr_assert_eq(cr_alloc_live(), before, "leaks when allocation %lld fails", (long long)n);
        if (done)
            break;
        cr_assert_lt(n, 1000);
    }
}
