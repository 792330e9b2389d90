/* conv.c - convolutions: their gradients against central differences, and both on the device in
 * some of the setups each. crisol-test: timeout=300 link-all */
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "ops/on_device.h"

struct shape_of_conv {
    const char *name;
    cr_shape x, w;
    cr_slide slide;
};

static const struct shape_of_conv convs[] = {
    {"valid", {4, {2, 6, 5, 3}}, {4, {3, 2, 3, 4}}, {.groups = 0}},
    {"same", {4, {2, 4, 5, 2}}, {4, {3, 3, 2, 3}}, {.before = {2, {1, 1}}, .after = {2, {1, 1}}}},
    {"strided", {4, {1, 7, 8, 2}}, {4, {3, 3, 2, 3}}, {.stride = {2, {2, 3}}}},
    {"strided, padded",
     {4, {2, 6, 5, 2}},
     {4, {3, 4, 2, 3}},
     {.stride = {2, {2, 2}}, .before = {2, {1, 2}}, .after = {2, {2, 0}}}},
    {"stride above the kernel", {4, {1, 8, 7, 2}}, {4, {2, 1, 2, 3}}, {.stride = {2, {3, 2}}}},
    {"dilated", {4, {1, 7, 8, 2}}, {4, {3, 2, 2, 3}}, {.dilation = {2, {2, 3}}}},
    {"strided and dilated",
     {4, {1, 11, 9, 1}},
     {4, {3, 3, 1, 2}},
     {.stride = {2, {2, 3}}, .dilation = {2, {2, 2}}, .before = {2, {1, 3}}, .after = {2, {0, 2}}}},
    {"more padding than kernel",
     {4, {1, 4, 3, 2}},
     {4, {2, 2, 2, 2}},
     {.before = {2, {3, 2}}, .after = {2, {2, 4}}}},
    {"groups", {4, {2, 5, 4, 6}}, {4, {2, 2, 2, 9}}, {.groups = 3}},
    {"depthwise",
     {4, {2, 5, 6, 4}},
     {4, {3, 3, 1, 4}},
     {.before = {2, {1, 1}}, .after = {2, {1, 1}}, .groups = 4}},
    {"depthwise, doubled, strided",
     {4, {1, 7, 6, 3}},
     {4, {3, 2, 1, 6}},
     {.stride = {2, {2, 2}}, .groups = 3}},
    {"one axis", {3, {2, 9, 3}}, {3, {4, 3, 5}}, {.stride = {1, {2}}, .before = {1, {2}}}},
    {"one filter", {4, {1, 8, 8, 1}}, {4, {3, 3, 1, 1}}, {.groups = 0}},
    {"one pixel", {4, {3, 4, 4, 5}}, {4, {1, 1, 5, 7}}, {.groups = 0}},
};

static cr_value spread(cr_graph *g, const char *name, cr_shape shape)
{
    cr_init init = {.kind = CR_INIT_UNIFORM, .a = -1, .b = 1};
    return cr_state_at(CR_HERE, g, name, CR_F32, init, shape, true);
}

/* Of the order of 1, and with another weight for each element. */
static cr_value loss_of(cr_value y)
{
    cr_value i =
        cr_cast(cr_iota_at(CR_HERE, y.graph, CR_SHAPE(cr_count_of(y.graph, y.ref)), 0), CR_F32);
    cr_value w =
        cr_sub(cr_mul(i, cr_f32(y.graph, 0.07f)), cr_floor(cr_mul(i, cr_f32(y.graph, 0.07f))));
    return cr_mean(cr_mul(y, cr_reshape_at(CR_HERE, w, cr_value_shape(y))), CR_ALL_AXES);
}

Test(conv, gradients)
{
    for (size_t i = 0; i < CR_COUNTOF(convs); i++) {
        cr_graph *g = cr_graph_create(convs[i].name);
        cr_value v[] = {spread(g, "x", convs[i].x), spread(g, "w", convs[i].w)};
        cr_value loss = loss_of(cr_conv(v[0], v[1], convs[i].slide));
        cr_gradient_check o = {.seed = 3, .samples = 64};
        cr_expect_eq(cr_check_gradient(loss, v, 2, &o, NULL), CR_OK, "%s: %s", convs[i].name,
                     cr_error());
        cr_graph_destroy(g);
    }
}

Test(conv, gradients_of_gradients)
{
    for (size_t i = 0; i < 4; i++) {
        cr_graph *g = cr_graph_create(convs[i].name);
        cr_value v[] = {spread(g, "x", convs[i].x), spread(g, "w", convs[i].w)}, d[2];
        cr_value y = cr_conv(v[0], v[1], convs[i].slide);
        cr_assert_eq(cr_gradients(loss_of(cr_mul(y, y)), v, 2, d), CR_OK, "%s", cr_error());
        cr_value loss = cr_add(loss_of(cr_mul(d[0], d[0])), loss_of(cr_mul(d[1], d[1])));
        cr_gradient_check o = {.seed = 3, .samples = 16};
        cr_expect_eq(cr_check_gradient(cr_mul(loss, cr_f32(g, 100)), v, 2, &o, NULL), CR_OK,
                     "%s: %s", convs[i].name, cr_error());
        cr_graph_destroy(g);
    }
}

/* The op and what it is written out as accumulate in one order: the same bits. */
static void on_device(const struct shape_of_conv *c, size_t every, size_t first)
{
    cr_graph *g = cr_graph_create(c->name);
    cr_value v[] = {spread(g, "x", c->x), spread(g, "w", c->w)}, d[2];
    cr_value y = cr_relu(cr_conv(v[0], v[1], c->slide));
    cr_output(g, "y", y);
    cr_assert_eq(cr_gradients(loss_of(y), v, 2, d), CR_OK, "%s", cr_error());
    cr_output(g, "by x", d[0]);
    cr_output(g, "by w", d[1]);
    expect_on_device(g, every, first);
}

Test(conv, on_the_device)
{
    for (size_t i = 0; i < CR_COUNTOF(convs); i++)
        on_device(&convs[i], 9, i);
}

/* As wide as vectors, several tiles of rows. */
Test(conv, on_the_device_with_tiles)
{
    static const struct shape_of_conv large[] = {
        {"tiles", {4, {3, 9, 13, 16}}, {4, {3, 3, 16, 33}}, {.groups = 0}},
        {"tiles, same",
         {4, {2, 10, 7, 8}},
         {4, {3, 3, 8, 48}},
         {.before = {2, {1, 1}}, .after = {2, {1, 1}}}},
        {"tiles, strided", {4, {2, 12, 11, 16}}, {4, {3, 3, 16, 32}}, {.stride = {2, {2, 2}}}},
    };
    for (size_t i = 0; i < CR_COUNTOF(large); i++)
        on_device(&large[i], 7, i);
}
