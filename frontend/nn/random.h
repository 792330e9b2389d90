/* random.h - the one source of random numbers of a graph. */
#ifndef CR_NN_RANDOM_H
#define CR_NN_RANDOM_H

#include "crisol/graph.h"

/* What cr_random counts by: the i32 states "random.seed" and "random.step", those that are there or
 * new ones; a new step counts up by 1 with each step. Each random op has a stream of its own. */
void cr_random_source(cr_graph *g, cr_value *seed, cr_value *step);

#endif
