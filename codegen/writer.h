/* writer.h - what module.c and launch.c share while a module is written. */
#ifndef CR_WRITER_H
#define CR_WRITER_H

#include "codegen.h"
#include "emit.h"

struct writer {
    const cr_plan *plan;
    const cr_graph *graph;
    cr_module *m;
    cr_strbuf phases; /* functions of phases */
    cr_strbuf kernels;
    bool *inside;          /* per node: computed in the phase that is being written */
    uint64_t *memories;    /* per phase: bits of the memories it uses */
    const char **names;    /* per phase: "p3_matmul_add" */
    uint32_t functions[5]; /* elementary functions used, for widths 1, 2, 4, 8, 16 */
    bool lanes[5];         /* lane numbers used, by width */
    uint32_t random;       /* widths (bits) in which random numbers are drawn */
    uint64_t ahead;        /* bits of the memories that `ahead` uses */
    bool resident;         /* some launch is of resident groups */
    bool ok;
};

enum { MAX_MEMORIES = 64 };

/* A copy of the text in the module's arena; "" when out of memory, which w->ok then says. */
const char *cr_writer_keep(struct writer *w, const char *text);
/* "matmul+add+sigmoid": what a phase owns, in order, at most five. */
void cr_writer_describe(const struct writer *w, const cr_phase *p, char join, cr_strbuf *out);
/* Parameters (with types) or arguments of a phase; p NULL: of a kernel, which has no panels. */
void cr_writer_parameters(struct writer *w, uint64_t memories, bool types, const cr_phase *p,
                          cr_strbuf *out);

/* An emitter for the nodes of a phase, with its root open; false out of memory, which w->ok then
 * says. Its text is taken from e->root and `declared` before it is closed, which frees both and
 * lets the program have what functions were used. */
bool cr_writer_open(struct writer *w, const cr_phase *p, cr_strbuf *declared, cr_emit *e);
void cr_writer_close(struct writer *w, cr_emit *e);

/* launch.c */
void cr_write_kernel(struct writer *w, uint32_t id);
/* ahead.c: the function that asks for the next step's rows. */
void cr_write_ahead(struct writer *w, const cr_launch *l);

/* The functions of resident launches. */
void cr_write_meeting(struct writer *w, cr_strbuf *out);

#endif
