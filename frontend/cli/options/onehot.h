/* onehot.h - columns of numbers that a net takes as classes. */
#ifndef CRISOL_CLI_ONEHOT_H
#define CRISOL_CLI_ONEHOT_H

#include "cli.h"

/* A layer `onehot` makes zeros of what is none of its classes, without a word. So: are all numbers
 * of such columns whole ones that the net has a class for? Looks at columns of that input (from 0)
 * alone, not at what other layers have made of them. CLI_GO, or CLI_MISTAKE after a message. */
int onehot_check(const cr_net *net, uint32_t input, const cr_data *data, const cr_part *part);

/* Does that input get u8 samples as numbers from 0 to 1? */
bool onehot_is_divided(const cr_net *net, uint32_t input, const cr_samples *s);

#endif
