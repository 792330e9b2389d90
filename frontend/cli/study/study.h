/* study.h - `crisol study`: the same training again and again, with one thing changed.
 *
 * A study is a list of runs. A run is what a training is made from, with a label; it is trained
 * once for each seed. What came of it is a row of a table, of CSV and of JSON, and a part of a
 * picture. */
#ifndef CRISOL_CLI_STUDY_H
#define CRISOL_CLI_STUDY_H

#include "options/training.h"
#include "results/history.h"

/* One row a kind: its name, what a run is called, what it does. */
#define STUDY_KINDS(X)                                                                             \
    X(batch, "batch", "throughput and accuracy against the size of the batch")                     \
    X(devices, "device", "every OpenCL device there is, and plain sequential C")                   \
    X(nets, "net", "nets beside each other, with their loss curves")                               \
    X(optimizers, "optimizer", "optimizers and rates beside each other, with their loss curves")

typedef enum study_kind {
#define CLI_X(name, run, about) STUDY_##name,
    STUDY_KINDS(CLI_X)
#undef CLI_X
        STUDY_KIND_COUNT
} study_kind;

/* One training: a run with a seed. */
typedef struct study_training {
    uint64_t seed;
    history h; /* the epochs that were done */
    bool whole;
    /* of a whole one: */
    double samples_per_second;
    double train_seconds;   /* of all epochs at that rate: without what is done once */
    double compile_seconds; /* the rest: compiling, and what drivers do in first steps */
} study_training;

/* INTERRUPTED: of a run of several trainings, or of plain C's steps, some were done. */
typedef enum study_state {
    STUDY_WAITING,
    STUDY_INTERRUPTED,
    STUDY_DONE,
    STUDY_DIVERGED,
    STUDY_FAILED
} study_state;

typedef struct study_run {
    char *label, *own; /* own: the text that t points into; both freed with the run */
    training t;
    bool own_net;    /* t.net is the run's, not that of the study */
    bool sequential; /* the reference interpreter: a part of an epoch */
    study_state state;
    study_training *training;
    size_t n;               /* begun */
    uint32_t batch, ntrain; /* of a step, of an epoch */
    uint64_t parameters;
    char device[128];
    /* sequential: */
    uint64_t steps;
    bool held;  /* against the device */
    bool equal; /* its losses are the device's, bit for bit */
    double difference;
} study_run;

/* Mean and standard deviation over the whole trainings; the deviation is NaN for fewer than two. */
typedef struct study_mean {
    double mean, deviation;
} study_mean;

typedef struct study_row {
    size_t seeds; /* whole trainings */
    study_mean samples_per_second, train_seconds, compile_seconds;
    study_mean train_loss, train_accuracy, test_loss, test_accuracy; /* after the last epoch */
    double relative; /* samples_per_second, that of the first row being 1 */
    double step_us;
} study_row;

typedef struct study {
    study_kind kind;
    const char *name, *what; /* as STUDY_KINDS has them */
    training t;              /* that all runs begin with */
    uint64_t epochs, seeds;
    const char *sizes, *nets, *optimizers, *rates; /* the lists */
    float sequential_seconds;
    const char *csv, *curves, *plot;
    bool json;
    study_run *run;
    size_t n;
    char gpu[128]; /* the name of one; "": none was found */
    bool watched;  /* progress is shown */
    double begun, last_shown;
    double curves_due; /* when they are written again */
    size_t trainings;  /* done so far */
    uint64_t epochs_done;
} study;

/* Each fills s->run from its list. CLI_GO, or the exit status after a message. */
int study_list_sizes(study *s);
int study_list_nets(study *s);
int study_list_optimizers(study *s);
int study_list_devices(study *s);
/* A new run, with s->t in it. `label` is taken over. */
study_run *study_add(study *s, char *label);

/* Builds the graphs of all runs. CLI_GO, or the exit status after a message. */
int study_check(study *s, const cr_data *data);
/* All runs, one after the other; rows are told and written as they come. CLI_OK, or the exit status
 * after a message. */
int study_measure(study *s, const cr_data *data);

/* ---- what came of it (tell.c) --------------------------------------------------------- */

study_row study_row_of(const study *s, const study_run *r);
/* An epoch, the mean over the whole trainings, or, where none is whole, what there is; false: there
 * is no such epoch. */
bool study_epoch_of(const study_run *r, size_t epoch, cr_epoch *out);
/* "mean of 3 seeds", or of "1 to 3 seeds" where runs differ in what was done of them, into buf;
 * `least` seeds and more are told. */
enum { STUDY_SEEDS_TEXT = 64 };
const char *study_seeds(const study *s, size_t least, char *buf);
void study_print_head(const study *s);
void study_print_row(const study *s, const study_run *r);
void study_print_foot(const study *s);
int study_print_json(const study *s);
/* The tables as they are now; without a path or a row nothing. CLI_OK or CLI_MISTAKE. */
int study_write_csv(const study *s);
int study_write_curves(const study *s);
/* Writes the curves when it is their turn (history_due). */
int study_log_curves(study *s);
/* The picture of what there is; without a path, or anything to draw, nothing. */
int study_draw(const study *s);

#endif
