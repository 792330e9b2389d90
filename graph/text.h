/* text.h - the pieces of the text form (docs/ir.md) that its printer, its parser, the verifier and
 * the pictures share. */
#ifndef CR_TEXT_H
#define CR_TEXT_H

#include "ir.h"

/* How the attributes of an op are written; the comment shows where. */
typedef enum cr_attr_form {
    CR_FORM_NONE,   /* add %1, %2 */
    CR_FORM_VALUE,  /* const 0.5 */
    CR_FORM_DIM,    /* size 2*batch */
    CR_FORM_NAME,   /* input "x" */
    CR_FORM_STATE,  /* state "w" param uniform(-1,1) */
    CR_FORM_AXES,   /* sum %1 axes(0,2) */
    CR_FORM_ORDER,  /* permute %1 (1,0) */
    CR_FORM_BEGIN,  /* slice %1 begin(0,2) */
    CR_FORM_PAD,    /* pad %1 before(1,1) value 0 */
    CR_FORM_AXIS,   /* concat %1, %2 axis(0) */
    CR_FORM_WINDOW, /* window %1 axis(1) size(3) stride(1) dilation(1) */
    CR_FORM_SLIDE,  /* conv %1, %2 stride(1,1) dilation(1,1) before(0,0) after(0,0) groups(1) */
    CR_FORM_STREAM, /* random %1, %2 stream(3) */
    CR_FORM_SPACE   /* copy %1 to host */
} cr_attr_form;

cr_attr_form cr_text_form(cr_op op);

/* The names of a state's initialisers ("glorot_uniform") and of the spaces, by their enumerators.
 */
extern const char *const cr_init_name[CR_INIT_DATA + 1];
extern const char *const cr_space_name[CR_SPACE_HOST + 1];

/* Keys of window's and conv's attributes, in the order of the attributes. */
extern const char *const cr_window_keys[4];
extern const char *const cr_slide_keys[4];

/* Any shape has fewer elements than this, with each symbol at its bound: element counts, offsets
 * and bytes then never overflow 64 bits. */
#define CR_MAX_ELEMENTS ((uint64_t)1 << 40)
/* Multiplies *count by a size > 0, a symbol counting with its bound; false when that makes too many
 * elements. */
bool cr_count_axis(const cr_graph *g, cr_dim dim, uint64_t *count);

/* All of these append to `out`. Strings are quoted and escaped. */
void cr_text_string(cr_strbuf *out, const char *s);
/* One element, from its bits (f32) or its integer, so that reading it gives the same bits. */
void cr_text_value(cr_strbuf *out, cr_dtype dtype, int64_t value);
void cr_text_dim(cr_strbuf *out, const cr_graph *g, cr_dim dim);
/* "f32[batch,784]" */
void cr_text_type(cr_strbuf *out, const cr_graph *g, cr_dtype dtype, const cr_shape *s);
/* The node's line, without its origin: "%4 = matmul %1, %2 : f32[64,10]". */
void cr_text_node(cr_strbuf *out, const cr_graph *g, cr_ref r);

/* strtof as in the C locale, whatever the program's locale is. */
float cr_text_strtof(const char *s, char **end);

#endif
