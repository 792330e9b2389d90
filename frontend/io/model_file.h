/* model_file.h - what model.c, model_file.c and checkpoint.c share. */
#ifndef CR_MODEL_FILE_H
#define CR_MODEL_FILE_H

#include "base.h"
#include "crisol/io/model.h"
#include "h5.h"

typedef struct cr_note {
    const char *name, *text;
} cr_note;

typedef struct cr_word_list {
    const char *name;
    cr_words words;
} cr_word_list;

struct cr_model {
    const char *from; /* the file that it was read from, for messages; NULL: from none */
    cr_net net;       /* unless there is a graph */
    char *graph;
    bool has_x;
    cr_dtype x_dtype;
    cr_shape x_shape;
    cr_arena arena; /* names and texts */
    CR_VEC(cr_tensor) tensor;
    CR_VEC(void *) block; /* what elements lie in */
    cr_map by_name;
    CR_VEC(cr_note) note;
    CR_VEC(cr_word_list) list;
};

/* ---- tensors (model.c) ----------------------------------------------------------------------- */

/* "f32[3,4]" into buf, of CR_TENSOR_TEXT bytes; returns buf. */
enum { CR_TENSOR_TEXT = 160 };
const char *cr_tensor_text(cr_dtype dtype, const cr_shape *shape, char *buf);
bool cr_tensor_same_shape(const cr_shape *a, const cr_shape *b);
/* false: no shape of elements that there are, or more bytes than there can be. */
bool cr_tensor_bytes(cr_dtype dtype, const cr_shape *shape, uint64_t *bytes);
/* Can it be the name of an object in a file? */
bool cr_tensor_name_is_sound(const char *name);

/* Differences between what a net has and what a file has, as a list in words. */
typedef struct cr_differences {
    cr_strbuf missing, extra, other;
    uint32_t nmissing, nextra, nother;
} cr_differences;
/* `have` NULL: missing; `want` NULL: extra; both: of another type or shape, unless they agree. */
void cr_differ(cr_differences *d, const cr_tensor *want, const cr_tensor *have);
/* CR_OK when there are none; else CR_E_ARGUMENT, "NAME: WHAT: missing ...; extra ...; ...". */
cr_status cr_differ_finish(cr_differences *d, const char *name, const char *what);

/* ---- files (model_file.c) -------------------------------------------------------------------- */

/* Is it one of Crisol's, a model or a checkpoint, of a version that can be read? */
cr_status cr_model_check_file(const cr_h5 *h);
/* The model that it holds; NULL on failure. `best`: with the best weights, where a training has
 * kept some. */
cr_model *cr_model_read(cr_h5 *h, bool best);
/* The data sets below `folder` ("/weights"), as tensors of m, checked; with the elements of those
 * of the same names below `instead` where it is not NULL and has them. */
cr_status cr_model_read_tensors(cr_h5 *h, const char *folder, const char *instead, cr_model *m);
/* The attributes of a group as notes of m, checked. */
cr_status cr_model_read_notes(cr_h5 *h, const char *group, cr_model *m);

/* A file of that kind ("model", "checkpoint") with the model in it; NULL on failure. */
cr_h5_writer *cr_model_begin(const cr_model *m, const char *kind);
cr_status cr_model_write_tensor(cr_h5_writer *w, const char *folder, const cr_tensor *t);
/* Attributes of a group, and the checksum of all of them. */
cr_status cr_model_write_notes(cr_h5_writer *w, const char *group, const cr_note *note, uint32_t n);
/* Writes what was made to `path`, and discards the writer. */
cr_status cr_model_end(cr_h5_writer *w, const char *path);

#endif
