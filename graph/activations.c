/* activations.c - the builders of elementwise composites that their rows in ops.def say whole, by a
 * term of x. */
#include "crisol/ops.h"
#include "term.h"

static const struct {
    const char *name, *term;
} rows[] = {
#define CR_COMP(name, parameters, arguments, term, doc) {#name, term},
#include "ops.def"
};

static const char *term_of(const char *name)
{
    for (size_t i = 0; i < CR_COUNTOF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].term;
    return NULL;
}

static cr_ref build(cr_value x, const char *text)
{
    cr_arena scratch = {0};
    const cr_term *term = cr_term_parse(&scratch, text, "x", NULL);
    CR_ASSERT(term || cr_last_status() == CR_E_MEMORY);
    cr_ref r = term ? cr_term_build(x.graph, term, &x.ref) : 0;
    if (!r && x.graph->status == CR_OK)
        x.graph->status = CR_E_MEMORY;
    cr_arena_finish(&scratch);
    return r;
}

/* The row's term of x, as one op of the user. */
static cr_value expand(cr_loc at, const char *name, cr_value x)
{
    if (!cr_usable(at, name, &x, 1))
        return (cr_value){x.graph, 0};
    if (cr_value_dtype(x) != CR_F32)
        return cr_mistake(x.graph, at, "%s: x is %s; it must be f32 (cr_cast converts)", name,
                          cr_dtype_name(cr_value_dtype(x)));
    cr_origin_enter(x.graph, name, at);
    cr_value v = {x.graph, build(x, term_of(name))};
    cr_origin_leave(x.graph);
    return v;
}

#define UNARY(name)                                                                                \
    cr_value cr_##name##_at(cr_loc at, cr_value x)                                                 \
    {                                                                                              \
        return expand(at, #name, x);                                                               \
    }
UNARY(selu)
UNARY(silu)
UNARY(gelu)
UNARY(gelu_tanh)
UNARY(hard_sigmoid)

/* exp of what is above 0 would overflow, and its gradient be 0 times infinity. */
cr_value cr_elu_at(cr_loc at, cr_value x, float alpha)
{
    if (!cr_usable(at, "elu", &x, 1))
        return (cr_value){x.graph, 0};
    cr_origin_enter(x.graph, "elu", at);
    cr_value zero = cr_f32(x.graph, 0);
    cr_value below = cr_expm1_at(at, cr_min_at(at, x, zero));
    cr_value v =
        cr_select_at(at, cr_lt_at(at, x, zero), cr_mul_at(at, cr_f32(x.graph, alpha), below), x);
    cr_origin_leave(x.graph);
    return v;
}
