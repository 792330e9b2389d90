/* spaces.h - what place and transfers both ask: what needs no transfer, which input does a gather
 * read, and what does the host compute when it does the gathering? */
#ifndef CR_SPACES_H
#define CR_SPACES_H

#include "ir.h"

/* Is r part of the code that uses it, and so in every space: a constant, an expanded constant, an
 * index (iota)? */
bool cr_is_free(const cr_graph *g, cr_ref r);
/* Such a node, copied into a new graph for that space. 0 out of memory. */
cr_ref cr_copy_free(cr_graph *g, const cr_graph *from, cr_ref r, cr_space space);

/* The INPUT whose rows the gather r takes, directly or through a reshape; 0 when r is no gather, or
 * one of something else. */
cr_ref cr_gathered_input(const cr_graph *g, cr_ref r);

/* host[r], for every node of a graph without transfers: the host computes r, because
 * - r is a gather of one of the inputs that are `held` by the host, or
 * - r is whole numbers made of whole numbers, and feeds the index of such a gather, or
 * - r is the next value of a state that does, or (with `states_on_host`) of any scalar state of
 * whole numbers, such as the position in an epoch. Leaves, and reshapes of held inputs, are marked
 * when they are on the host for such a reason. A state whose next value only the device can compute
 * does not go to the host; with `states_on_host` it is there anyway. NULL out of memory. */
bool *cr_host_side(const cr_graph *g, const bool *held, bool states_on_host, cr_arena *a);

#endif
