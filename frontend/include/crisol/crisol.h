/* crisol/crisol.h - all of Crisol: the one header that a program needs.
 *
 *     base.h     status codes, messages, element types
 *     graph.h    graphs: inputs, parameters, gradients, text and pictures
 *     ops.h      the ops (generated from graph/ops.def)
 *     program.h  compiling for a device, running, feeding and fetching
 *     inspect.h  the compiler without a device
 *     nn.h       layers, losses, descriptions of nets, summaries, gradient check
 *     net.h      nets layer by layer, as text and as a struct
 *     conv.h     convolution and pooling layers
 *     optim.h    optimizers
 *     data.h     data sets
 *     train.h    the training loop
 *     tune.h     schedules by measuring */
#ifndef CRISOL_CRISOL_H
#define CRISOL_CRISOL_H

#include "crisol/base.h"
#include "crisol/conv.h"
#include "crisol/data.h"
#include "crisol/graph.h"
#include "crisol/inspect.h"
#include "crisol/net.h"
#include "crisol/nn.h"
#include "crisol/ops.h"
#include "crisol/optim.h"
#include "crisol/program.h"
#include "crisol/train.h"
#include "crisol/tune.h"
#include "crisol/version.h"

#endif
