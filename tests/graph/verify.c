/* verify.c - the verifier: a bad graph for each of its rules. Texts cannot say most of what it
 * refuses, so that good graphs are spoilt by hand. */
#include <criterion/criterion.h>

#include "ir.h"

/* ---- helpers ------------------------------------------------------------------------------- */

static const char good[] = "graph \"g\" {\n"
                           "  symbol n <= 8\n"
                           "  %1 = input \"x\" : f32[2,3]\n"
                           "  %2 = state \"w\" param glorot_uniform : f32[2,3] !1 \"w\" net.c:7\n"
                           "  %3 = add %1, %2 : f32[2,3] !2 \"add\" net.c:8\n"
                           "  %4 = sum %3 axes(1) : f32[2,1]\n"
                           "  %5 = const 0.5 : f32\n"
                           "  %6 = pad %1 before(1,0) value 0 : f32[3,3]\n"
                           "  %7 = state \"d\" data(1,2) : i32[2]\n"
                           "  %8 = slice %1 begin(0,1) : f32[2,2]\n"
                           "  assign %2, %3\n"
                           "  output \"y\", %4\n"
                           "}\n";

static cr_graph *parse(const char *text)
{
    cr_graph *g = cr_graph_parse(text, "t.cr");
    cr_assert(g, "%s", cr_error());
    return g;
}

static cr_graph *sound(void)
{
    cr_graph *g = parse(good);
    cr_assert_eq(cr_verify(g, CR_LEVEL_USER), CR_OK, "%s", cr_error());
    return g;
}

/* Refused with that message; takes the graph. */
static void refused_at(cr_graph *g, cr_level level, const char *message)
{
    size_t before = cr_alloc_live();
    cr_assert_eq(cr_verify(g, level), CR_E_GRAPH, "passed, but should say: %s", message);
    cr_assert_str_eq(cr_error(), message);
    cr_assert_eq(cr_alloc_live(), before);
    cr_graph_destroy(g);
}

static void refused(cr_graph *g, const char *message)
{
    refused_at(g, CR_LEVEL_USER, message);
}

/* Replaces one number of node r's attributes. */
static cr_graph *with_attr(cr_ref r, uint32_t i, int64_t value)
{
    cr_graph *g = sound();
    int64_t at[CR_MAX_RANK + 1];
    const cr_attr *a = cr_attr_of(g, r);
    memcpy(at, a->at, a->len * sizeof *at);
    at[i] = value;
    uint32_t len = a->len;
    g->node.at[r].attr = cr_intern_attr(g, at, len);
    return g;
}

static cr_graph *with_shape(cr_ref r, cr_shape s)
{
    cr_graph *g = sound();
    g->node.at[r].shape = cr_intern_shape(g, &s);
    return g;
}

/* ---- structure ----------------------------------------------------------------------------- */

Test(verify, a_graph_with_a_mistake)
{
    cr_graph *g = sound();
    cr_mistake(g, cr_here_("net.c", 3), "add: shapes differ");
    refused(g, "net.c:3: add: shapes differ");
}

Test(verify, unknown_op)
{
    cr_graph *g = sound();
    g->node.at[3].op = 255;
    refused(g, "graph \"g\": %3 ? (net.c:8): is not an op (255)");
    g = sound();
    g->node.at[3].op = CR_OP_POISON;
    refused(g, "graph \"g\": %3 poison (net.c:8): is not an op (0)");
}

Test(verify, unknown_type)
{
    cr_graph *g = sound();
    g->node.at[3].dtype = CR_DTYPE_COUNT;
    refused(g, "graph \"g\": %3 add (net.c:8): has no element type (4)");
}

Test(verify, unknown_space)
{
    cr_graph *g = sound();
    g->node.at[3].space = 2;
    refused(g, "graph \"g\": %3 add (net.c:8): is in no space (2)");
}

Test(verify, ids_beyond_their_tables)
{
    static const char message[] =
        "graph \"g\": %4 sum: its shape, attributes or origin do not exist";
    cr_graph *g = sound();
    g->node.at[4].shape = g->shape.len;
    refused(g, message);
    g = sound();
    g->node.at[4].attr = g->attr.len;
    refused(g, message);
    g = sound();
    g->origin.at[4] = g->origins.len;
    refused(g, message);
}

Test(verify, rank)
{
    cr_graph *g = sound();
    g->shape.at[g->node.at[4].shape].rank = CR_MAX_RANK + 1;
    refused(g, "graph \"g\": %4 sum: rank 9 is not between 0 and 8");
}

Test(verify, number_of_sources)
{
    cr_graph *g = sound();
    g->node.at[3].nsrc = 1;
    refused(g, "graph \"g\": %3 add (net.c:8): has 1 sources, not 2");
}

Test(verify, poison_as_a_source)
{
    cr_graph *g = sound();
    g->node.at[3].src[1] = 0;
    refused(g, "graph \"g\": %3 add (net.c:8): source 2 is poison");
}

Test(verify, sources_come_before_their_users)
{
    cr_graph *g = sound();
    g->node.at[3].src[0] = 4;
    refused(g, "graph \"g\": %3 add (net.c:8): source 1 is %4, which does not come before it");
    g = sound();
    g->node.at[3].src[0] = 3;
    refused(g, "graph \"g\": %3 add (net.c:8): source 1 is %3, which does not come before it");
}

Test(verify, roots_have_no_value)
{
    cr_graph *g = sound();
    g->node.at[10].src[0] = 9;
    refused(g, "graph \"g\": %10 output: source 1, %9, is a root and has no value");
}

Test(verify, unused_sources_are_zero)
{
    cr_graph *g = sound();
    g->node.at[4].src[2] = 1;
    refused(g, "graph \"g\": %4 sum: source 3 is beyond its 1 sources");
}

/* ---- sizes --------------------------------------------------------------------------------- */

Test(verify, sizes_are_positive)
{
    refused(with_shape(1, CR_SHAPE(2, 0)),
            "graph \"g\": %1 input \"x\": the size 0 is not positive");
    refused(with_shape(1, CR_SHAPE(-2, 3)),
            "graph \"g\": %1 input \"x\": the size -2 is not positive");
}

Test(verify, symbols_exist)
{
    refused(with_shape(1, CR_SHAPE((cr_dim)2 << CR_DIM_SHIFT | 1)),
            "graph \"g\": %1 input \"x\": a size is a symbol that the graph does not have");
}

Test(verify, element_counts_do_not_overflow)
{
    const cr_dim big = (cr_dim)1 << 30;
    static const char message[] = "graph \"g\": %1 input \"x\": has 2^40 elements or more";
    refused(with_shape(1, CR_SHAPE(big, big, big)), message);
    refused(with_shape(1, CR_SHAPE((cr_dim)1 << CR_DIM_SHIFT | big << 10)), message);
}

Test(verify, symbols_are_for_users_only)
{
    static const char text[] = "graph \"g\" {\n symbol n <= 4\n %1 = input \"x\" : f32[n]\n}";
    cr_graph *g = parse(text);
    cr_assert_eq(cr_verify(g, CR_LEVEL_USER), CR_OK);
    refused_at(g, CR_LEVEL_LITERAL,
               "graph \"g\": %1 input \"x\": the symbol n is left, after sizes "
               "were made literal");
    refused_at(parse("graph \"g\" {\n %1 = size 4 : i32\n}"), CR_LEVEL_LITERAL,
               "graph \"g\": %1 size: is left, after sizes were made literal");
}

/* ---- attributes ---------------------------------------------------------------------------- */

Test(verify, number_of_attributes)
{
    cr_graph *g = sound();
    g->node.at[4].attr = 0;
    refused(g, "graph \"g\": %4 sum: has 0 attributes, not 1");
}

Test(verify, attributes_are_in_range)
{
    refused(with_attr(4, 0, -1), "graph \"g\": %4 sum: the attribute -1 is out of range");
    refused(with_attr(8, 1, (int64_t)1 << 40),
            "graph \"g\": %8 slice: the attribute 1099511627776 is out of range");
    refused(with_attr(4, 0, 4), "graph \"g\": %4 sum: axes beyond rank 2");
}

Test(verify, constants_are_elements_of_their_type)
{
    refused(with_attr(5, 0, -1), "graph \"g\": %5 const: the value -1 is not one of f32");
    refused(with_attr(6, 2, (int64_t)1 << 32),
            "graph \"g\": %6 pad: the value 4294967296 is not one of f32");
    cr_graph *g = cr_graph_create("g");
    cr_const_int(g, CR_U8, 256);
    refused(g, "graph \"g\": %1 const: the value 256 is not one of u8");
    g = cr_graph_create("g");
    cr_const_int(g, CR_BOOL, 2);
    refused(g, "graph \"g\": %1 const: the value 2 is not one of bool");
    g = cr_graph_create("g");
    cr_const_int(g, CR_I32, (int64_t)INT32_MAX + 1);
    refused(g, "graph \"g\": %1 const: the value 2147483648 is not one of i32");
}

Test(verify, states)
{
    refused(with_attr(2, 1, 2), "graph \"g\": %2 state (net.c:7): trainable is 2, neither 0 nor 1");
    refused(with_attr(7, 1, 1), "graph \"g\": %7 state: a param must be f32");
    refused(with_attr(2, 2, 12), "graph \"g\": %2 state (net.c:7): there is no initialiser 12");
    refused(with_attr(2, 2, CR_INIT_BITS),
            "graph \"g\": %2 state (net.c:7): the initialiser 'bits' is of i32 only");
    refused(with_attr(2, 3, -1),
            "graph \"g\": %2 state (net.c:7): the initialiser's parameters are not f32");
    refused(with_attr(7, 5, 0), "graph \"g\": %7 state: its initial data does not exist");
    refused(with_attr(7, 5, 9), "graph \"g\": %7 state: its initial data does not exist");
    refused(with_attr(2, 5, 1), "graph \"g\": %2 state (net.c:7): its initial data does not exist");
    refused(with_shape(2, CR_SHAPE((cr_dim)1 << CR_DIM_SHIFT | 1)),
            "graph \"g\": %2 state (net.c:7): the sizes of a state must be literal");
}

/* ---- types --------------------------------------------------------------------------------- */

Test(verify, types_and_shapes_follow_from_the_sources)
{
    refused(with_shape(4, CR_SHAPE(2, 3)),
            "graph \"g\": %4 sum: is f32[2,3], but its sources give f32[2,1]");
    cr_graph *g = sound();
    g->node.at[3].dtype = CR_I32;
    refused(g, "graph \"g\": %3 add (net.c:8): is i32[2,3], but its sources give f32[2,3]");
    refused(with_shape(2, CR_SHAPE(3, 2)), "graph \"g\": %3 add (net.c:8): shapes differ");
}

/* ---- names --------------------------------------------------------------------------------- */

Test(verify, names_are_there)
{
    refused(with_attr(1, 0, 0), "graph \"g\": %1 input: has no name");
    refused(with_attr(2, 0, 999), "graph \"g\": %2 state (net.c:7): has no name");
    refused(with_attr(10, 0, 0), "graph \"g\": %10 output: has no name");
}

Test(verify, names_are_unique)
{
    cr_graph *g = sound();
    int64_t x = cr_intern_string(g, "x");
    cr_graph_destroy(g);
    refused(with_attr(2, 0, x),
            "graph \"g\": %2 state \"x\" (net.c:7): the name \"x\" is also that of %1");
    g = sound();
    cr_node n = *cr_at(g, 10);
    cr_root_add(g, &n);
    refused(g, "graph \"g\": %11 output \"y\": the name \"y\" is also that of output %10");
}

/* ---- roots --------------------------------------------------------------------------------- */

Test(verify, the_list_of_roots)
{
    cr_graph *g = sound();
    g->root.at[0] = 99;
    refused(g, "graph \"g\": root 1 does not exist");
    g = sound();
    g->root.at[0] = 4;
    refused(g, "graph \"g\": %4 sum: is a root, but neither an assign nor an output");
    g = sound();
    g->root.at[0] = 10;
    g->root.at[1] = 9;
    refused(g, "graph \"g\": %9 assign \"w\": the roots are not in order");
    g = sound();
    g->root.len = 1;
    refused(g, "graph \"g\": %10 output \"y\": is not among the roots");
    g = sound();
    g->root.at[0] = 10;
    g->root.len = 1;
    refused(g, "graph \"g\": %9 assign \"w\": is not among the roots");
}

Test(verify, assigns)
{
    cr_graph *g = sound();
    g->node.at[9].src[0] = 1;
    refused(g, "graph \"g\": %9 assign \"x\": the first operand must be a state");
    g = sound();
    g->node.at[9].src[1] = 4;
    refused(g,
            "graph \"g\": %9 assign \"w\": the state and its next value differ in type or shape");
    g = sound();
    cr_node n = *cr_at(g, 9);
    cr_root_add(g, &n);
    refused(g, "graph \"g\": %11 assign \"w\": the state \"w\" has two next values");
}

/* ---- spaces -------------------------------------------------------------------------------- */

static const char placed[] = "graph \"g\" {\n"
                             "  %1 = input \"x\" : f32[2] host\n"
                             "  %2 = copy %1 to device : f32[2]\n"
                             "  %3 = neg %2 : f32[2]\n"
                             "  %4 = copy %3 to host : f32[2] host\n"
                             "  %5 = const 0.5 : f32\n"
                             "  %6 = expand %5 : f32[2] host\n"
                             "  output \"y\", %4 host\n"
                             "  output \"z\", %6 host\n"
                             "}\n";

Test(verify, only_copies_cross_spaces)
{
    cr_graph *g = parse(placed);
    cr_assert_eq(cr_verify(g, CR_LEVEL_PLACED), CR_OK, "%s", cr_error());
    g->node.at[3].src[0] = 1;
    refused_at(g, CR_LEVEL_PLACED,
               "graph \"g\": %3 neg: is on the device, its source %1 on the host");
    g = parse(placed);
    g->node.at[7].space = CR_SPACE_DEVICE;
    refused_at(g, CR_LEVEL_PLACED,
               "graph \"g\": %7 output \"y\": is on the device, its source %4 on the host");
}

Test(verify, copies_cross)
{
    cr_graph *g = parse(placed);
    g->node.at[4].space = CR_SPACE_DEVICE;
    refused_at(g, CR_LEVEL_PLACED, "graph \"g\": %4 copy: copies within the device");
}

Test(verify, all_is_on_the_device_before_placement)
{
    cr_graph *g = parse(placed);
    refused(g, "graph \"g\": %1 input \"x\": is not on the device before placement");
    refused_at(parse("graph \"g\" {\n%1 = input \"x\" : f32\n%2 = copy %1 to device : f32\n}"),
               CR_LEVEL_LITERAL, "graph \"g\": %2 copy: a transfer before placement");
}

/* ---- memory -------------------------------------------------------------------------------- */

Test(verify, nothing_leaks_when_memory_ends)
{
    cr_graph *g = sound();
    size_t before = cr_alloc_live();
    cr_status status = CR_E_MEMORY;
    for (int64_t n = 0; status != CR_OK; n++) {
        cr_alloc_fail_after(n);
        status = cr_verify(g, CR_LEVEL_USER);
        cr_alloc_fail_after(-1);
        cr_assert(status == CR_OK || status == CR_E_MEMORY, "%s", cr_error());
        cr_assert_eq(cr_alloc_live(), before);
    }
    cr_graph_destroy(g);
}
