/* crisol/io/checkpoint.h - a training in a file, to go on with it in another process.
 *
 *     static cr_status save(cr_trainer *t, const cr_epoch *e, void *path)
 *     {
 *         return cr_checkpoint_save(path, t, NULL);
 *     }
 *     cr_trainer_fit(t, 10, &(cr_fit_options){.after_epoch = save, .user = "mlp.h5"}, NULL);
 *
 * and, in a process that has made a trainer of the same samples and options:
 *
 *     cr_checkpoint *c = cr_checkpoint_load("mlp.h5");
 *     if (!c || cr_checkpoint_resume(c, t) != CR_OK) { fprintf(stderr, "%s\n", cr_error()); ... }
 *     cr_trainer_fit(t, 10 - cr_checkpoint_epochs(c), &(cr_fit_options){.go_on = true, ...}, NULL);
 *
 * What comes out has the same bits as if the training had never been interrupted: the file holds
 * all states by name (weights, the optimizer's, step, random state), the epoch, what early stopping
 * remembers, the options, and a fingerprint of the samples. It is a model's file
 * (crisol/io/model.h) and more: cr_model_load reads the model from it. */
#ifndef CRISOL_IO_CHECKPOINT_H
#define CRISOL_IO_CHECKPOINT_H

#include "crisol/io/model.h"
#include "crisol/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All fields may be zero. */
typedef struct cr_checkpoint_about {
    const cr_data *data;           /* whose words go into the model: classes, columns, categories */
    const char *const (*notes)[2]; /* names and texts for cr_model_set_note */
    uint32_t nnotes;
} cr_checkpoint_about;

/* Writes the trainer between two epochs, through a temporary name, synced and renamed: a failed
 * write leaves the file as it was. The model is the cr_net of a trainer whose model function is
 * cr_net_model; another function is called once more, for a graph that predicts. `about` may be
 * NULL. CR_E_IO, CR_E_MEMORY, CR_E_DEVICE. */
CR_API cr_status cr_checkpoint_save(const char *path, cr_trainer *t,
                                    const cr_checkpoint_about *about);

typedef struct cr_checkpoint cr_checkpoint;

/* NULL on failure, as cr_model_load; also when the file is a model only. */
CR_API cr_checkpoint *cr_checkpoint_load(const char *path);
/* Accepts NULL. */
CR_API void cr_checkpoint_destroy(cr_checkpoint *c);

/* What belongs to a checkpoint lives as long as it does. */

/* The model, with the weights of the last epoch. */
CR_API const cr_model *cr_checkpoint_model(const cr_checkpoint *c);
/* Epochs that were trained. */
CR_API uint32_t cr_checkpoint_epochs(const cr_checkpoint *c);
/* The epoch that early stopping remembers as the best one (0: none), and its figure. */
CR_API uint32_t cr_checkpoint_best(const cr_checkpoint *c, double *figure);
/* An option of the training as text, by the name that it has on the command line: "batch",
 * "weight-decay"; "keep-order". NULL: there is none of that name. */
CR_API const char *cr_checkpoint_option(const cr_checkpoint *c, const char *name);
/* Fills in the options that results depend on, all but model, model_user and callbacks; the others
 * stay as they are. CR_E_IO when the file's are none. */
CR_API cr_status cr_checkpoint_options(const cr_checkpoint *c, cr_train_options *out);

/* Sets all that the trainer goes on from. CR_E_ARGUMENT when it is another training: the message
 * lists the states that are missing, extra, or of another shape; tells both nets where only layers
 * differ (a model function other than cr_net_model is not compared); or lists the options that
 * differ, and what of the samples does. Nothing is changed then. */
CR_API cr_status cr_checkpoint_resume(const cr_checkpoint *c, cr_trainer *t);

/* ---- beginning with a model ------------------------------------------------------------------ */

/* Sets the weights that a new training begins with, all that predicting reads, to those of a model;
 * the optimizer's states and random ones stay as they are, and so does what cr_trainer_prepare
 * knows of the samples where the model has none of it. CR_E_ARGUMENT when the model is of another
 * net: the message lists what is missing, extra, or of another type or shape, and nothing is
 * changed. */
CR_API cr_status cr_checkpoint_start(const cr_model *m, cr_trainer *t);

#ifdef __cplusplus
}
#endif
#endif
