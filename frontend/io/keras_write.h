/* keras_write.h - how the layers of a net are written for Keras: keras_writers.c says what each is,
 * keras_objects.c keeps the objects and their calls. */
#ifndef CR_KERAS_WRITE_H
#define CR_KERAS_WRITE_H

#include "keras.h"

/* The layer that is being written. Of one that is there `again` the objects exist, and only calls
 * are added. */
typedef struct cr_keras_writer {
    cr_keras_objects *o;
    const cr_net *net;
    cr_dtype x;             /* of the samples of the first input */
    const cr_shape *shape;  /* of each layer's result, from 1; 0: x */
    uint32_t *first;        /* object of each layer */
    cr_keras_result *value; /* of each layer */
    const cr_layer *l;      /* its options */
    uint32_t number;        /* whose objects it has */
    uint32_t nth, at;       /* the object at hand: of the layer's, of all */
    bool fresh;             /* which is new */
    cr_strbuf config;       /* of that */
    const cr_keras_result *in;
    uint32_t n;
    cr_keras_result result; /* of the last call */
    bool failed;            /* out of memory */
} cr_keras_writer;

/* Writes a layer whose result has that shape, by its kind; NULL: Keras does not have it. */
extern void (*const cr_keras_writers[CR_LAYER_COUNT])(cr_keras_writer *w, cr_shape out);

/* The layer's next object; options and variables are of it, until it is called. */
void cr_keras_object_of(cr_keras_writer *w, const char *class_name, const char *suffix);
/* Calls the object with what is at hand, which is its result then. */
void cr_keras_call_object(cr_keras_writer *w, cr_shape out);
/* The next variable is the tensor of that suffix. */
void cr_keras_variable_of(cr_keras_writer *w, const char *suffix, cr_keras_form form);

/* Options, as text in JSON: names need no escapes. */
void cr_keras_put(cr_keras_writer *w, const char *fmt, ...) CR_PRINTF(2, 3);
void cr_keras_put_flag(cr_keras_writer *w, const char *key, bool flag);
void cr_keras_put_whole(cr_keras_writer *w, const char *key, int64_t value);
void cr_keras_put_number(cr_keras_writer *w, const char *key, double value);
/* 0 stands for `without`, or 1. */
void cr_keras_put_pair(cr_keras_writer *w, const char *key, const int64_t value[2],
                       const int64_t *without);

#endif
