/* tuned.h - schedules that were found by measuring (`crisol tune`), as plain data: part of the
 * options, so that compiling stays a function of graph, options and target.
 *
 *     crisol-schedules 1
 *     version 0.1.0
 *     device cpu-...
 *     driver 3.1
 *     units 2 lanes 16 local 524288
 *     contraction 1x64x10x576-0123456789abcdef registers 12x2 tile 64x32 block 0
 *     end 0123456789abcdef
 *
 * A key is batch, M, N, K and a hash of how both operands lie in memory: what a schedule depends
 * on, and the same in all variants. The last line is the hash of all before it. No schedule changes
 * an order of accumulation, so records never change a bit of a result. */
#ifndef CR_TUNED_H
#define CR_TUNED_H

#include "plan.h"

enum { CR_TUNED_KEY = 112 };

/* The key of a contraction into `key`, which it returns. */
const char *cr_tuned_key(const cr_plan *plan, const cr_phase *p, char key[CR_TUNED_KEY]);
/* The options' record for it; NULL when there is none. */
const cr_tuned *cr_tuned_find(const cr_plan *plan, const cr_phase *p);

/* What a record says in place of what was fitted, as far as the sizes and the target allow. `u` may
 * be NULL: nothing. */
void cr_tuned_registers(const cr_tuned *u, int64_t m, int64_t n, cr_schedule *s);
void cr_tuned_block(const cr_tuned *u, int64_t k, cr_schedule *s);
void cr_tuned_tiles(const cr_tuned *u, int64_t m, int64_t n, const cr_target *t, cr_schedule *s);
/* On GPUs: all of it; false when there is none that fits the device. */
bool cr_tuned_group(const cr_tuned *u, int64_t k, const cr_target *t, cr_schedule *s);

/* ---- text ------------------------------------------------------------------------------------ */

/* One record as it stands in the text, without its key: "registers 12x2 tile 0x0 block 0". */
void cr_tuned_text(const cr_tuned *u, cr_strbuf *out);
void cr_tuned_print(const cr_target *t, const cr_tuned *list, uint32_t n, cr_strbuf *out);
/* Reads a text for that target; the list is in the arena. An error, CR_E_ARGUMENT, says what is
 * wrong: it is damaged, or of another device, driver or version. */
cr_status cr_tuned_parse(const char *text, const cr_target *t, cr_arena *a, const cr_tuned **list,
                         uint32_t *n);

#endif
