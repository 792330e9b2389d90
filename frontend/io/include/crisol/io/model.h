/* crisol/io/model.h - a net and its weights, apart from any training: kept in a file, and used.
 *
 *     cr_model *m = cr_model_load("digits.h5");
 *     cr_program *p = m ? cr_model_program(m, 32, NULL) : NULL;
 *     if (!p) { fprintf(stderr, "%s\n", cr_error()); return 1; }
 *     cr_feed(p, "x", images, sizeof images);
 *     cr_run(p, 1);
 *     cr_fetch(p, "y", scores, sizeof scores);
 *
 * The file is HDF5 (docs/files.md): any library of HDF5 reads the weights. Every tensor has a
 * checksum, which is looked at when it is loaded. A file is never trusted: whatever is wrong with
 * one gives an error that names the file and the object in it, nothing of it is executed, and
 * nothing is allocated on its word. */
#ifndef CRISOL_IO_MODEL_H
#define CRISOL_IO_MODEL_H

#include "crisol/data.h"
#include "crisol/net.h"
#include "crisol/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Named elements: a weight, as a state of that name in the net's graph. */
typedef struct cr_tensor {
    const char *name;
    cr_dtype dtype;
    cr_shape shape;
    const void *data; /* row-major */
} cr_tensor;

typedef struct cr_model cr_model;

/* ---- making one ------------------------------------------------------------------------------ */

/* One of that net, which is copied, without tensors. NULL out of memory. */
CR_API cr_model *cr_model_create(const cr_net *net);
/* One whose net is a graph in text form (cr_graph_print): states, the input "x" of f32, i32 or u8,
 * whose first axis is the symbol "batch", and the output "y". For models that are no net of layers.
 * NULL on a mistake. */
CR_API cr_model *cr_model_create_of_graph(const char *graph);
/* Accepts NULL. */
CR_API void cr_model_destroy(cr_model *m);

/* Type and shape of one sample of x, which a net without `input` does not tell. Bytes are divided
 * by 255 first, unless the net says that its input is of bytes (cr_net_model). CR_E_ARGUMENT for
 * what is no shape of a sample. */
CR_API cr_status cr_model_set_x(cr_model *m, cr_dtype dtype, cr_shape shape);
/* Room for a tensor, zeroed, to be filled in by the caller; it belongs to the model. NULL out of
 * memory, or when the name cannot be that of an object in a file, is there already, or the shape is
 * none: the message says which. */
CR_API void *cr_model_new_tensor(cr_model *m, const char *name, cr_dtype dtype, cr_shape shape);
/* The same with a copy of its data. */
CR_API cr_status cr_model_add_tensor(cr_model *m, const cr_tensor *tensor);
/* A list of words, by name; copied; n = 0 takes it away. `crisol` uses "classes" (names of the
 * classes, in the order of the scores), "columns" (of features and targets), and "category.N" (the
 * words that feature N, from 0, has numbers for). */
CR_API cr_status cr_model_set_words(cr_model *m, const char *name, cr_words words);
/* A remark for programs that use the model, by name; copied; NULL takes it away. `crisol` uses
 * "loss" (cr_loss_name). */
CR_API cr_status cr_model_set_note(cr_model *m, const char *name, const char *text);

/* ---- looking at one -------------------------------------------------------------------------- */

/* What belongs to a model lives as long as it does. */

/* Its net; NULL when it has a graph in text form instead, and the other way round. */
CR_API const cr_net *cr_model_net(const cr_model *m);
CR_API const char *cr_model_graph(const cr_model *m);
/* false when nothing is known of it. */
CR_API bool cr_model_x(const cr_model *m, cr_dtype *dtype, cr_shape *shape);
CR_API uint32_t cr_model_count(const cr_model *m);
CR_API const cr_tensor *cr_model_at(const cr_model *m, uint32_t i);
/* NULL when there is none; no message is set. */
CR_API const cr_tensor *cr_model_find(const cr_model *m, const char *name);
CR_API cr_words cr_model_words(const cr_model *m, const char *name);
CR_API const char *cr_model_note(const cr_model *m, const char *name);

/* ---- files ----------------------------------------------------------------------------------- */

/* Reads a model, or a checkpoint's (crisol/io/checkpoint.h), with the best weights where early
 * stopping has kept some. NULL on failure: CR_E_IO when the file
 * is not there, no HDF5 file, none of Crisol's, open for writing elsewhere, or damaged; CR_E_LIMIT
 * when it was written by a newer version. */
CR_API cr_model *cr_model_load(const char *path);
/* The same from memory; `shown_name` is for messages. */
CR_API cr_model *cr_model_load_memory(const char *shown_name, const void *data, size_t size);
/* Writes through a temporary name, synced and renamed: a failed write leaves the file as it was.
 * CR_E_IO, CR_E_MEMORY. */
CR_API cr_status cr_model_save(const cr_model *m, const char *path);

/* ---- Keras ------------------------------------------------------------------------------------
 */

/* Reads a model that Keras wrote: a .keras file of Keras 3, or a whole model in HDF5 (.h5) of Keras
 * 2 or 3. Layers of models inside it have names as "tower/conv". docs/keras.md lists what is
 * translated; anything else is CR_E_ARGUMENT, with file, layer and option, and nothing is loaded.
 * CR_E_IO, CR_E_SYNTAX, CR_E_LIMIT for files that are damaged, or larger than what is read. */
CR_API cr_model *cr_model_import_keras(const char *path);
/* Writes a .keras file that Keras 3.4 or later loads (keras.models.load_model), and which predicts
 * the same. CR_E_ARGUMENT names the layer that Keras does not have; CR_E_IO. As with cr_model_save,
 * a failed write leaves the file as it was. */
CR_API cr_status cr_model_export_keras(const cr_model *m, const char *path);

/* Reads whichever of these a file is, by what is in it. */
CR_API cr_model *cr_model_open(const char *path);

/* ---- using one ------------------------------------------------------------------------------- */

/* The graph that predicts, with the symbol "batch" (at most `batch`); inputs and outputs have the
 * names of the net's layers, a net without `input` takes "x". The first output is also called "y",
 * unless another one is. NULL on a mistake: the net cannot be built for such samples, or the
 * tensors are not those of the net; the message lists what is missing, extra, and of another shape.
 */
CR_API cr_graph *cr_model_build(const cr_model *m, uint32_t batch);
/* A program that predicts batches of that many samples: feed, run, fetch. Of `options` (NULL: all
 * zero) device, opt, schedules, interrupt and the like are used; updates, bind and share are set
 * here. An input that no output needs is not in it (cr_program_has_input). NULL as cr_model_build,
 * and as cr_compile. */
CR_API cr_program *cr_model_program(const cr_model *m, uint32_t batch,
                                    const cr_compile_options *options);

/* Sets the states of a program that was compiled from that graph, or from one with more roots, to
 * the tensors. Errors as cr_set. */
CR_API cr_status cr_model_set_states(const cr_model *m, cr_program *p);

#ifdef __cplusplus
}
#endif
#endif
