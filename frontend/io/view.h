/* view.h - a whole file in memory, mapped where it can be. */
#ifndef CR_VIEW_H
#define CR_VIEW_H

#include "base.h"

typedef struct cr_view {
    const char *at;
    size_t size;
    bool mapped; /* else read: a pipe has no pages */
} cr_view;

/* CR_E_IO when it cannot be read. */
cr_status cr_view_open(const char *path, cr_view *out);
void cr_view_close(cr_view *view);

/* The first n bytes of a regular file into out, zeros where it ends before. CR_E_IO for what is
 * none, as for a pipe, which nothing waits for. */
cr_status cr_view_head(const char *path, char *out, size_t n);

#endif
