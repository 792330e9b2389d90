/* rules.c - every row of rules.def is made to fire, and what it makes is compared with what was
 * there.
 *
 * For a rule in terms the graph is its own lhs, built for every type that its ops allow. Variables
 * are long vectors in which NaN, infinities, both zeros, denormals and ordinary numbers meet in all
 * combinations, constants run over a list. A row that never fires fails the test. Rows made in C
 * have texts below. */
#include <criterion/criterion.h>

#include "prop/compare.h"
#include "rewrite.h"

enum { ELEMENTS = 20000 };

/* ---- the lhs as a graph --------------------------------------------------------------------- */

struct lhs {
    cr_graph *g;
    cr_dtype operand;        /* of comparisons */
    int type[CR_RULE_NVARS]; /* -1: not in the term */
    cr_ref var[CR_RULE_NVARS];
    int64_t constant[CR_RULE_NVARS]; /* bits */
};

static bool allows(cr_op op, cr_dtype result)
{
    switch (cr_ops[op].types) {
    case CR_TYPES_F: return result == CR_F32;
    case CR_TYPES_N: return result == CR_F32 || result == CR_I32;
    case CR_TYPES_I: return result == CR_I32;
    case CR_TYPES_S: return true;
    default: return result == CR_BOOL;
    }
}

static cr_dtype operand_type(const struct lhs *l, cr_op op, int i, cr_dtype result)
{
    switch (cr_ops[op].types) {
    case CR_TYPES_C: return l->operand;
    case CR_TYPES_S: return i == 0 ? CR_BOOL : result;
    default: return result;
    }
}

/* Types from the root down; false where the ops do not allow them. */
static bool infer(struct lhs *l, const cr_term *t, cr_dtype want)
{
    if (t->kind == CR_TERM_VAR) {
        bool ok = l->type[t->var] < 0 || l->type[t->var] == (int)want;
        l->type[t->var] = (int)want;
        return ok;
    }
    bool ok = t->kind == CR_TERM_NUMBER || allows(t->op, want);
    for (int i = 0; ok && i < t->nargs; i++)
        ok = infer(l, t->arg[i], operand_type(l, t->op, i, want));
    return ok;
}

static int64_t bits_of(cr_dtype dtype, double value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return dtype == CR_F32 ? (int64_t)bits : (int64_t)value;
}

static cr_ref splat(cr_graph *g, cr_dtype dtype, int64_t bits)
{
    cr_ref c = cr_const_int(g, dtype, bits);
    return cr_apply(g, CR_OP_expand, &c, 1, &CR_SHAPE(ELEMENTS), NULL, 0);
}

static cr_ref build(const struct lhs *l, const cr_term *t, cr_dtype want)
{
    cr_ref src[3] = {0};
    if (t->kind == CR_TERM_VAR)
        return l->var[t->var];
    if (t->kind == CR_TERM_NUMBER)
        return splat(l->g, want, bits_of(want, t->number));
    for (int i = 0; i < t->nargs; i++)
        src[i] = build(l, t->arg[i], operand_type(l, t->op, i, want));
    return cr_apply(l->g, t->op, src, t->nargs, NULL, NULL, 0);
}

static void make_variables(struct lhs *l)
{
    for (int v = 0; v < CR_RULE_NVARS; v++) {
        char name[2] = {CR_RULE_VARS[v], 0};
        if (l->type[v] < 0)
            continue;
        cr_dtype dtype = (cr_dtype)l->type[v];
        l->var[v] = v >= CR_RULE_FIRST_CONST
                        ? splat(l->g, dtype, l->constant[v])
                        : cr_input_at(CR_HERE, l->g, name, dtype, CR_SHAPE(ELEMENTS)).ref;
    }
}

/* ---- one rule, one choice of types and constants -------------------------------------------- */

static const double float_constants[] = {2,         -0.5, 3, 0,      -0.0,    INFINITY,
                                         -INFINITY, NAN,  1, -1e-40, 0x1p126, 0x1p-126};
static const double tame_constants[] = {2, 0.5, 3};
static const double int_constants[] = {2, -3, 0, 1, -1, INT32_MAX, INT32_MIN};
static const double bool_constants[] = {0, 1};

struct list {
    const double *at;
    size_t n;
};

static struct list constants_of(int type, bool fast)
{
    if (type == CR_F32 && fast)
        return (struct list){tame_constants, CR_COUNTOF(tame_constants)};
    if (type == CR_F32)
        return (struct list){float_constants, CR_COUNTOF(float_constants)};
    if (type == CR_I32)
        return (struct list){int_constants, CR_COUNTOF(int_constants)};
    return (struct list){bool_constants, type < 0 ? 1 : CR_COUNTOF(bool_constants)};
}

static uint32_t try_graph(struct lhs *l, const cr_term *t, uint32_t rule, cr_dtype want)
{
    bool fast = cr_rules[rule].guard & CR_FAST;
    uint32_t *hits = calloc(cr_rule_count, sizeof *hits), changes;
    l->g = cr_graph_create(cr_rules[rule].name);
    make_variables(l);
    cr_output(l->g, "r", ((cr_value){l->g, build(l, t, want)}));
    cr_assert_eq(cr_graph_status(l->g), CR_OK, "%s", cr_error());
    cr_graph *made = cr_rewrite(l->g, fast, hits, &changes);
    cr_assert(made, "%s", cr_error());
    cr_assert_eq(cr_verify(made, CR_LEVEL_LITERAL), CR_OK, "%s: %s", cr_rules[rule].name,
                 cr_error());
    const char *why = compare_graphs(l->g, made, 1, fast ? TAME : WILD, fast ? 1e-5f : 0);
    cr_assert_str_empty(why, "rule %s: %s\n%s\n%s", cr_rules[rule].name, why, cr_graph_print(l->g),
                        cr_graph_print(made));
    uint32_t fired = hits[rule];
    cr_graph_destroy(made);
    cr_graph_destroy(l->g);
    free(hits);
    return fired;
}

static uint32_t try_constants(struct lhs *l, const cr_term *t, uint32_t rule, cr_dtype want)
{
    enum { A = CR_RULE_FIRST_CONST, B, C };
    bool fast = cr_rules[rule].guard & CR_FAST;
    struct list a = constants_of(l->type[A], fast), b = constants_of(l->type[B], fast);
    uint32_t fired = 0;
    cr_assert_eq(l->type[C], -1, "no rule has three constants yet");
    for (size_t i = 0; i < a.n; i++)
        for (size_t k = 0; k < b.n; k++) {
            l->constant[A] = l->type[A] < 0 ? 0 : bits_of((cr_dtype)l->type[A], a.at[i]);
            l->constant[B] = l->type[B] < 0 ? 0 : bits_of((cr_dtype)l->type[B], b.at[k]);
            fired += try_graph(l, t, rule, want);
        }
    return fired;
}

static bool types_allow(uint32_t guard, cr_dtype dtype)
{
    uint32_t demanded = guard & (CR_IF_F32 | CR_IF_I32 | CR_IF_BOOL);
    uint32_t is = dtype == CR_F32 ? CR_IF_F32 : dtype == CR_I32 ? CR_IF_I32 : CR_IF_BOOL;
    return !demanded || demanded == is;
}

static uint32_t try_types(const cr_term *t, uint32_t rule)
{
    uint32_t fired = 0;
    for (int want = 0; want < CR_DTYPE_COUNT; want++)
        for (int operand = 0; operand < CR_DTYPE_COUNT; operand++) {
            struct lhs l = {.operand = (cr_dtype)operand};
            for (int v = 0; v < CR_RULE_NVARS; v++)
                l.type[v] = -1;
            cr_dtype last = operand_type(&l, t->op, t->nargs - 1, (cr_dtype)want);
            if (infer(&l, t, (cr_dtype)want) && types_allow(cr_rules[rule].guard, last))
                fired += try_constants(&l, t, rule, (cr_dtype)want);
            if (cr_ops[t->op].types != CR_TYPES_C)
                break; /* the operand's type matters below comparisons only */
        }
    return fired;
}

Test(rules, all_in_terms_fire_and_keep_values)
{
    cr_arena a = {0};
    for (uint32_t i = 0; i < cr_rule_count; i++) {
        if (!cr_rules[i].lhs)
            continue;
        const cr_term *t = cr_term_parse(&a, cr_rules[i].lhs, CR_RULE_VARS, NULL);
        cr_assert(t, "%s", cr_error());
        uint32_t fired = try_types(t, i);
        cr_expect_gt(fired, 0, "rule %s (%s => %s) never fired", cr_rules[i].name, cr_rules[i].lhs,
                     cr_rules[i].rhs);
    }
    cr_arena_finish(&a);
}

/* ---- rules made in C ------------------------------------------------------------------------ */

/* The lines of a graph's body; several texts may be needed to see all that a rule does. */
static const struct {
    const char *rule, *body;
} in_c[] = {
    {"fold", "%1 = const 2 : f32\n %2 = const 3 : f32\n %3 = mul %1, %2 : f32\n output \"r\", %3"},
    {"fold",
     "%1 = const 2 : f32\n %2 = expand %1 : f32[4]\n %3 = exp %2 : f32[4]\n output \"r\", %3"},
    {"fold", "%1 = const 7 : i32\n %2 = const -2 : i32\n %3 = idiv %1, %2 : i32\n"
             " %4 = imod %1, %2 : i32\n %5 = const 2147483647 : i32\n %6 = add %5, %1 : i32\n"
             " output \"r\", %3\n output \"s\", %4\n output \"t\", %6"},
    {"fold", "%1 = const inf : f32\n %2 = sub %1, %1 : f32\n %3 = eq %2, %2 : bool\n"
             " output \"r\", %2\n output \"s\", %3"},
    {"fold", "%1 = const true : bool\n %2 = const 4 : u8\n %3 = const 5 : u8\n"
             " %4 = select %1, %2, %3 : u8\n %5 = lt %2, %3 : bool\n %6 = not %5 : bool\n"
             " output \"r\", %4\n output \"s\", %6"},
    {"fold_cast",
     "%1 = const -3.7 : f32\n %2 = cast %1 : i32\n %3 = cast %1 : u8\n %4 = cast %1 : bool\n"
     " output \"r\", %2\n output \"s\", %3\n output \"t\", %4"},
    {"fold_cast", "%1 = const inf : f32\n %2 = cast %1 : i32\n %3 = cast %1 : u8\n"
                  " %4 = const 0x7fc00000 : f32\n %5 = cast %4 : i32\n %6 = cast %4 : bool\n"
                  " output \"r\", %2\n output \"s\", %3\n output \"t\", %5\n output \"u\", %6"},
    {"fold_cast", "%1 = const 16777217 : i32\n %2 = cast %1 : f32\n %3 = cast %1 : u8\n"
                  " %4 = const 300 : i32\n %5 = cast %4 : u8\n %6 = const -1 : i32\n"
                  " %7 = cast %6 : u8\n output \"r\", %2\n output \"s\", %3\n output \"t\", %5\n"
                  " output \"u\", %7"},
    {"cast_same", "%1 = input \"x\" : u8[4]\n %2 = cast %1 : f32[4]\n %3 = cast %2 : u8[4]\n"
                  " output \"r\", %3"},
    {"cast_cast", "%1 = input \"x\" : u8[4]\n %2 = cast %1 : i32[4]\n %3 = cast %2 : f32[4]\n"
                  " output \"r\", %3"},
    {"cast_cast",
     "%1 = input \"x\" : i32[400]\n %2 = cast %1 : f32[400]\n %3 = cast %2 : bool[400]\n"
     " output \"r\", %3"},
    {"cast_cast", "%1 = input \"x\" : bool[40]\n %2 = cast %1 : u8[40]\n %3 = cast %2 : i32[40]\n"
                  " %4 = cast %3 : f32[40]\n %5 = cast %4 : bool[40]\n output \"r\", %3\n"
                  " output \"s\", %5"},
    {"move_splat", "%1 = const 5 : i32\n %2 = expand %1 : i32[2,3]\n %3 = reshape %2 : i32[3,2]\n"
                   " %4 = permute %3 (1,0) : i32[2,3]\n %5 = slice %4 begin(1,1) : i32[1,2]\n"
                   " %6 = expand %5 : i32[4,2]\n output \"r\", %6"},
    {"move_scalar",
     "%1 = input \"x\" : f32\n %2 = expand %1 : f32[2,3]\n %3 = reshape %2 : f32[6]\n"
     " %4 = slice %3 begin(2) : f32[1]\n %5 = reshape %4 : f32\n output \"r\", %3\n"
     " output \"s\", %5"},
    {"reshape_same", "%1 = input \"x\" : f32[2,3]\n %2 = reshape %1 : f32[2,3]\n output \"r\", %2"},
    {"reshape_reshape", "%1 = input \"x\" : f32[2,3]\n %2 = reshape %1 : f32[6]\n"
                        " %3 = reshape %2 : f32[3,2]\n output \"r\", %3"},
    {"permute_same", "%1 = input \"x\" : f32[2,3]\n %2 = permute %1 (0,1) : f32[2,3]\n"
                     " output \"r\", %2"},
    {"permute_permute", "%1 = input \"x\" : f32[2,3,4]\n %2 = permute %1 (2,0,1) : f32[4,2,3]\n"
                        " %3 = permute %2 (1,0,2) : f32[2,4,3]\n output \"r\", %3"},
    {"expand_same", "%1 = input \"x\" : f32[2,3]\n %2 = expand %1 : f32[2,3]\n output \"r\", %2"},
    {"expand_expand", "%1 = input \"x\" : f32[3,1]\n %2 = expand %1 : f32[3,4]\n"
                      " %3 = expand %2 : f32[2,3,4]\n output \"r\", %3"},
    {"expand_reshape", "%1 = input \"x\" : f32[3]\n %2 = reshape %1 : f32[1,3]\n"
                       " %3 = expand %2 : f32[2,3]\n output \"r\", %3"},
    {"permute_units", "%1 = input \"x\" : f32[2,1,3]\n %2 = permute %1 (1,0,2) : f32[1,2,3]\n"
                      " output \"r\", %2"},
    {"window_one", "%1 = input \"x\" : f32[2,3]\n"
                   " %2 = window %1 axis(0) size(1) stride(1) dilation(1) : f32[2,3,1]\n"
                   " output \"r\", %2"},
    {"flip_flip", "%1 = input \"x\" : f32[2,3,1]\n %2 = flip %1 axes(0,1,2) : f32[2,3,1]\n"
                  " %3 = flip %2 axes(1) : f32[2,3,1]\n output \"r\", %3"},
    {"slice_whole", "%1 = input \"x\" : f32[2,3]\n %2 = slice %1 begin(0,0) : f32[2,3]\n"
                    " output \"r\", %2"},
    {"slice_slice", "%1 = input \"x\" : f32[5,6]\n %2 = slice %1 begin(1,2) : f32[3,4]\n"
                    " %3 = slice %2 begin(2,1) : f32[1,2]\n output \"r\", %3"},
    {"slice_expand", "%1 = input \"x\" : f32[3,1]\n %2 = expand %1 : f32[2,3,4]\n"
                     " %3 = slice %2 begin(1,0,1) : f32[1,3,2]\n output \"r\", %3"},
    {"slice_pad", "%1 = input \"x\" : f32[3,4]\n %2 = pad %1 before(1,0) value 0 : f32[5,6]\n"
                  " %3 = slice %2 begin(2,1) : f32[2,3]\n output \"r\", %3"},
    {"slice_concat",
     "%1 = input \"x\" : f32[2,3]\n %2 = input \"y\" : f32[2,4]\n"
     " %3 = concat %1, %2 axis(1) : f32[2,7]\n %4 = slice %3 begin(0,1) : f32[2,2]\n"
     " %5 = slice %3 begin(1,4) : f32[1,3]\n %6 = slice %3 begin(0,2) : f32[2,2]\n"
     " output \"r\", %4\n output \"s\", %5\n output \"t\", %6"},
    {"pad_nothing", "%1 = input \"x\" : f32[3]\n %2 = pad %1 before(0) value 7 : f32[3]\n"
                    " output \"r\", %2"},
    {"pad_pad", "%1 = input \"x\" : i32[3]\n %2 = pad %1 before(1) value 7 : i32[5]\n"
                " %3 = pad %2 before(0) value 7 : i32[6]\n output \"r\", %3"},
    {"pad_splat", "%1 = const 7 : f32\n %2 = expand %1 : f32[3]\n"
                  " %3 = pad %2 before(2) value 7 : f32[6]\n output \"r\", %3"},
    {"concat_splat", "%1 = const 7 : f32\n %2 = expand %1 : f32[3]\n %3 = expand %1 : f32[2]\n"
                     " %4 = concat %2, %3 axis(0) : f32[5]\n output \"r\", %4"},
    {"gather_splat", "%1 = const 7 : f32\n %2 = expand %1 : f32[3,2]\n %3 = input \"i\" : i32[4]\n"
                     " %4 = gather %2, %3 : f32[4,2]\n output \"r\", %4"},
    {"iota_one", "%1 = iota axis(1) : i32[4,1]\n output \"r\", %1"},
    {"reduce_one", "%1 = input \"x\" : f32[1,400]\n %2 = sum %1 axes(0) : f32[1,400]\n"
                   " output \"r\", %2"},
    {"reduce_one", "%1 = input \"x\" : i32[1,400]\n %2 = sum %1 axes(0) : i32[1,400]\n"
                   " %3 = amax %1 axes(0) : i32[1,400]\n %4 = argmax %1 axes(0) : i32[1,400]\n"
                   " output \"r\", %2\n output \"s\", %3\n output \"t\", %4"},
    {"reduce_one", "%1 = input \"x\" : f32[5,1,80]\n %2 = amax %1 axes(1) : f32[5,1,80]\n"
                   " %3 = argmax %1 axes(0,1) : i32[1,1,80]\n %4 = sum %1 axes(1,2) : f32[5,1,1]\n"
                   " output \"r\", %2\n output \"s\", %3\n output \"t\", %4"},
    {"reduce_reduce", "%1 = input \"x\" : i32[5,6]\n %2 = sum %1 axes(0) : i32[1,6]\n"
                      " %3 = sum %2 axes(1) : i32[1,1]\n output \"r\", %3"},
    {"reduce_reduce", "%1 = input \"x\" : i32[5,6]\n %2 = amax %1 axes(1) : i32[5,1]\n"
                      " %3 = amax %2 axes(0) : i32[1,1]\n output \"r\", %3"},
};

static uint32_t try_text(const char *rule, const char *body)
{
    uint32_t *hits = calloc(cr_rule_count, sizeof *hits), changes, fired = 0;
    char text[1024];
    snprintf(text, sizeof text, "graph \"%s\" {\n %s\n}\n", rule, body);
    cr_graph *g = cr_graph_parse(text, rule);
    cr_assert(g, "%s", cr_error());
    cr_graph *made = cr_rewrite(g, false, hits, &changes);
    cr_assert(made, "%s", cr_error());
    cr_assert_eq(cr_verify(made, CR_LEVEL_LITERAL), CR_OK, "%s: %s", rule, cr_error());
    const char *why = compare_graphs(g, made, 2, WILD, 0);
    cr_assert_str_empty(why, "rule %s: %s\n%s", rule, why, cr_graph_print(made));
    for (uint32_t i = 0; i < cr_rule_count; i++)
        if (strcmp(cr_rules[i].name, rule) == 0)
            fired = hits[i];
    cr_graph_destroy(made);
    cr_graph_destroy(g);
    free(hits);
    return fired;
}

Test(rules, all_in_c_fire_and_keep_values)
{
    for (uint32_t i = 0; i < cr_rule_count; i++) {
        bool tried = cr_rules[i].lhs != NULL;
        for (size_t k = 0; k < CR_COUNTOF(in_c); k++) {
            if (strcmp(in_c[k].rule, cr_rules[i].name) != 0)
                continue;
            cr_expect_gt(try_text(in_c[k].rule, in_c[k].body), 0, "rule %s did not fire on\n %s",
                         in_c[k].rule, in_c[k].body);
            tried = true;
        }
        cr_expect(tried, "rule %s has no text in this file", cr_rules[i].name);
    }
}
