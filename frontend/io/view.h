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

#endif
