/* keras_order.c - the order in which Keras has the layers of a functional model. It numbers the
 * folders of its weights by it, and finds it anew from the graph when it loads a file: by depth,
 * the longest way to an output, and then by when a walk back from the outputs comes to a layer
 * first. */
#include "keras.h"

/* A call of an object. */
struct visit {
    cr_keras_result node;
    uint32_t next; /* of its operands */
};

struct walk {
    cr_keras_objects *o;
    uint32_t **state;  /* of each call of each object: 0 new, 1 begun, 2 done */
    uint32_t **depth;  /* of each call */
    uint32_t *seen;    /* of each object: when it was come to, from 1; 0: never */
    uint32_t *deepest; /* of each object */
    uint32_t nseen;
    CR_VEC(cr_keras_result) done; /* calls, operands before what takes them */
    CR_VEC(struct visit) stack;
};

static cr_keras_object *object(const struct walk *w, uint32_t i)
{
    return &w->o->list.at[i];
}

static bool begin(struct walk *w, cr_keras_result node)
{
    if (w->state[node.object][node.call])
        return true;
    w->state[node.object][node.call] = 1;
    if (!w->seen[node.object])
        w->seen[node.object] = ++w->nseen;
    return cr_vec_push(&w->stack, (struct visit){.node = node});
}

/* Depth first, without recursion: nets may be thousands of layers deep. */
static cr_status walk_back(struct walk *w, cr_keras_result from)
{
    if (!begin(w, from))
        return CR_E_MEMORY;
    while (w->stack.len) {
        struct visit *v = &w->stack.at[w->stack.len - 1];
        const cr_keras_node *call = &object(w, v->node.object)->calls.at[v->node.call];
        if (v->next < call->n) {
            if (!begin(w, call->at[v->next++]))
                return CR_E_MEMORY;
            continue;
        }
        w->state[v->node.object][v->node.call] = 2;
        if (!cr_vec_push(&w->done, v->node))
            return CR_E_MEMORY;
        w->stack.len--;
    }
    return CR_OK;
}

/* A layer is as deep as its deepest call, as far as those are known when one is looked at. */
static void find_depths(struct walk *w)
{
    for (uint32_t i = w->done.len; i-- > 0;) {
        const cr_keras_result node = w->done.at[i];
        const cr_keras_node *call = &object(w, node.object)->calls.at[node.call];
        uint32_t *depth = &w->depth[node.object][node.call];
        *depth = CR_MAX(*depth, w->deepest[node.object]);
        w->deepest[node.object] = *depth;
        for (uint32_t j = 0; j < call->n; j++) {
            uint32_t *before = &w->depth[call->at[j].object][call->at[j].call];
            *before = CR_MAX(*before, *depth + 1);
        }
    }
}

/* ---- sorting --------------------------------------------------------------------------------- */

struct place {
    uint32_t object, depth;
    int64_t seen; /* an input that leads to no output: -1 */
};

static int by_depth(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth > y->depth ? -1 : 1;
    if (x->seen != y->seen)
        return x->seen < y->seen ? -1 : 1;
    return x->object < y->object ? -1 : 1;
}

static void number_folders(cr_keras_objects *o)
{
    for (uint32_t i = 0; i < o->norder; i++) {
        cr_keras_object *x = &o->list.at[o->order[i]];
        for (uint32_t j = 0; j < i; j++)
            x->folder += strcmp(o->list.at[o->order[j]].class_name, x->class_name) == 0;
    }
}

static bool is_unused_input(const struct walk *w, uint32_t i)
{
    return !w->seen[i] && strcmp(object(w, i)->class_name, "InputLayer") == 0;
}

static cr_status sort(struct walk *w)
{
    cr_keras_objects *o = w->o;
    struct place *place = cr_alloc(o->list.len * sizeof *place);
    o->order = cr_arena_alloc(&o->arena, o->list.len * sizeof *o->order);
    if (place && o->order) {
        for (uint32_t i = 0; i < o->list.len; i++)
            if (w->seen[i] || is_unused_input(w, i))
                place[o->norder++] = (struct place){i, w->deepest[i], (int64_t)w->seen[i] - 1};
        qsort(place, o->norder, sizeof *place, by_depth);
        for (uint32_t i = 0; i < o->norder; i++)
            o->order[i] = place[i].object;
        number_folders(o);
    }
    const cr_status status = place && o->order ? CR_OK : CR_E_MEMORY;
    cr_free(place);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* An array for the calls of each object. */
static uint32_t **each_call(cr_keras_objects *o)
{
    uint32_t **at = cr_arena_alloc(&o->arena, o->list.len * sizeof *at);
    for (uint32_t i = 0; at && i < o->list.len; i++) {
        at[i] = cr_arena_alloc(&o->arena, o->list.at[i].calls.len * sizeof **at);
        if (!at[i])
            return NULL;
    }
    return at;
}

static cr_status put_in_order(struct walk *w)
{
    cr_keras_objects *o = w->o;
    w->state = each_call(o);
    w->depth = each_call(o);
    w->seen = cr_arena_alloc(&o->arena, o->list.len * sizeof *w->seen);
    w->deepest = cr_arena_alloc(&o->arena, o->list.len * sizeof *w->deepest);
    if (!w->state || !w->depth || !w->seen || !w->deepest)
        return CR_E_MEMORY;
    for (uint32_t i = 0; i < o->noutputs; i++)
        CR_TRY(walk_back(w, o->output[i]));
    find_depths(w);
    return sort(w);
}

cr_status cr_keras_put_in_order(cr_keras_objects *o)
{
    struct walk w = {.o = o};
    const cr_status status = put_in_order(&w);
    cr_vec_finish(&w.done);
    cr_vec_finish(&w.stack);
    return status;
}
