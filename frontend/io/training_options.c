/* training_options.c - the options of a training that its results depend on, as texts: written,
 * read, and compared. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "array.h"
#include "checkpoint.h"

typedef enum kind { FLOAT, U32, U64, I64, FLAG, LOSS, OPTIMIZER, SCHEDULE } kind;

#define AT(field) offsetof(cr_train_options, field)
static const struct row {
    const char *name; /* as on the command line, where it has it */
    kind kind;
    size_t at;
} rows[] = {
    {"loss", LOSS, AT(loss)},
    {"label-smoothing", FLOAT, AT(label_smoothing)},
    {"huber-delta", FLOAT, AT(huber_delta)},
    {"top-k", U32, AT(top_k)},
    {"optimizer", OPTIMIZER, AT(optimizer.kind)},
    {"lr", FLOAT, AT(optimizer.lr)},
    {"momentum", FLOAT, AT(optimizer.momentum)},
    {"beta1", FLOAT, AT(optimizer.beta1)},
    {"beta2", FLOAT, AT(optimizer.beta2)},
    {"epsilon", FLOAT, AT(optimizer.epsilon)},
    {"weight-decay", FLOAT, AT(optimizer.weight_decay)},
    {"clip-value", FLOAT, AT(optimizer.clip_value)},
    {"clip-norm", FLOAT, AT(optimizer.clip_norm)},
    {"schedule", SCHEDULE, AT(optimizer.schedule.kind)},
    {"schedule-steps", I64, AT(optimizer.schedule.steps)},
    {"schedule-epochs", FLOAT, AT(optimizer.schedule.epochs)},
    {"schedule-decay", FLOAT, AT(optimizer.schedule.decay)},
    {"schedule-warmup", I64, AT(optimizer.schedule.warmup)},
    {"schedule-warmup-epochs", FLOAT, AT(optimizer.schedule.warmup_epochs)},
    {"batch", U32, AT(batch)},
    {"seed", U64, AT(seed)},
    {"keep-order", FLAG, AT(keep_order)},
    {"validation-split", FLOAT, AT(validation_split)},
    {"test-split", FLOAT, AT(test_split)},
    {"augment-flip", FLAG, AT(augment.flip)},
    {"augment-shift", U32, AT(augment.shift)},
    {"raw", FLAG, AT(raw)},
    {"fast-math", FLAG, AT(compile.fast_math)},
};

enum { VALUE_TEXT = 64 };

static const char *const schedules[] = {
#define CR_X(name, word, parameters) #word,
    CR_LR_SCHEDULE_MAP(CR_X)
#undef CR_X
};

/* ---- words ----------------------------------------------------------------------------------- */

static const char *word_of(kind k, unsigned i)
{
    switch (k) {
    case LOSS: return i < CR_LOSS_COUNT ? cr_loss_name((cr_loss)i) : NULL;
    case OPTIMIZER: return i < CR_OPTIMIZER_COUNT ? cr_optimizer_name((cr_optimizer_kind)i) : NULL;
    default: return i < CR_COUNTOF(schedules) ? schedules[i] : NULL;
    }
}

/* ---- one value ------------------------------------------------------------------------------- */

/* As few digits as tell it from all others; nine always do. A zero that is meant (CR_ZERO) is 0. */
static void print_float(float value, char *text)
{
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, VALUE_TEXT, "%.*g", digits, (double)(value == 0 ? 0 : value));
        if (strtof(text, NULL) == value)
            return;
    }
}

static float read_float(const char *text, char **end)
{
    const float value = strtof(text, end);
    return value == 0 ? CR_ZERO : value;
}

static void print_value(const struct row *row, const cr_train_options *o, char *text)
{
    const void *at = (const char *)o + row->at;
    switch (row->kind) {
    case FLOAT: print_float(*(const float *)at, text); break;
    case U32: snprintf(text, VALUE_TEXT, "%" PRIu32, *(const uint32_t *)at); break;
    case U64: snprintf(text, VALUE_TEXT, "%" PRIu64, *(const uint64_t *)at); break;
    case I64: snprintf(text, VALUE_TEXT, "%" PRId64, *(const int64_t *)at); break;
    case FLAG: snprintf(text, VALUE_TEXT, "%s", *(const bool *)at ? "yes" : "no"); break;
    default: snprintf(text, VALUE_TEXT, "%s", word_of(row->kind, *(const unsigned *)at));
    }
}

static bool read_word(const struct row *row, const char *text, unsigned *out)
{
    for (*out = 0; word_of(row->kind, *out); ++*out)
        if (strcmp(word_of(row->kind, *out), text) == 0)
            return true;
    return false;
}

static bool read_value(const struct row *row, const char *text, cr_train_options *o)
{
    void *at = (char *)o + row->at;
    char *end = NULL;
    switch (row->kind) {
    case FLOAT: *(float *)at = read_float(text, &end); break;
    case U32: *(uint32_t *)at = (uint32_t)strtoul(text, &end, 10); break;
    case U64: *(uint64_t *)at = strtoull(text, &end, 10); break;
    case I64: *(int64_t *)at = strtoll(text, &end, 10); break;
    case FLAG:
        *(bool *)at = strcmp(text, "yes") == 0;
        return *(bool *)at || strcmp(text, "no") == 0;
    default: return read_word(row, text, at);
    }
    return end && end != text && !*end;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void or_else(float *value, float standard)
{
    if (*value == 0 && !signbit(*value))
        *value = standard;
}

/* Zeros stand for defaults: what they stand for is compared. */
static cr_train_options settled(cr_trainer *t)
{
    cr_train_options o = *cr_trainer_options(t);
    cr_optimizer *z = &o.optimizer;
    o.batch = cr_trainer_batch(t);
    or_else(&o.huber_delta, 1);
    or_else(&z->lr, cr_optimizer_default_lr(z->kind));
    or_else(&z->momentum, 0.9f);
    or_else(&z->beta1, 0.9f);
    or_else(&z->beta2, z->kind == CR_RMSPROP ? 0.9f : 0.999f);
    or_else(&z->epsilon, 1e-7f);
    or_else(&z->weight_decay, z->kind == CR_ADAMW ? 0.004f : CR_ZERO);
    return o;
}

/* "60000 samples of u8[28,28,1], 0123456789abcdef; u8[], 0123456789abcdef" */
static void part_text(const cr_samples *s, const cr_part *part, char *text, size_t size)
{
    char x[32] = "", y[32] = "", x_type[CR_TENSOR_TEXT], y_type[CR_TENSOR_TEXT];
    if (part->n == 0 || !part->x) {
        snprintf(text, size, "none");
        return;
    }
    cr_fingerprint(part->x, cr_array_bytes(s->x_dtype, &s->x_shape, part->n), x);
    if (part->y)
        cr_fingerprint(part->y, cr_array_bytes(s->y_dtype, &s->y_shape, part->n), y);
    snprintf(text, size, "%u of %s %s and %s %s", part->n,
             cr_tensor_text(s->x_dtype, &s->x_shape, x_type), x,
             cr_tensor_text(s->y_dtype, &s->y_shape, y_type), y);
}

enum { PARTS = 3, PART_TEXT = 512 };
static const char *const part_names[PARTS] = {"training samples", "validation samples",
                                              "test samples"};

static const cr_part *part_of(const cr_samples *s, int i)
{
    return i == 0 ? &s->train : i == 1 ? &s->validation : &s->test;
}

cr_status cr_training_notes(cr_model *m, cr_trainer *t)
{
    const cr_train_options o = settled(t);
    char text[PART_TEXT];
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        print_value(&rows[i], &o, text);
        CR_TRY(cr_model_set_note(m, rows[i].name, text));
    }
    for (int i = 0; i < PARTS; i++) {
        part_text(cr_trainer_samples(t), part_of(cr_trainer_samples(t), i), text, sizeof text);
        CR_TRY(cr_model_set_note(m, part_names[i], text));
    }
    return CR_OK;
}

cr_status cr_training_options(const cr_model *m, const char *name, cr_train_options *out)
{
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        const char *text = cr_model_note(m, rows[i].name);
        if (!text || !read_value(&rows[i], text, out))
            return cr_fail(CR_E_IO, "%s: the option %s of its training is %s%.60s%s", name,
                           rows[i].name, text ? "'" : "missing", text ? text : "", text ? "'" : "");
    }
    return CR_OK;
}

static void differs(cr_strbuf *list, const char *what, const char *there, const char *here)
{
    cr_str_printf(list, "%s%s %.200s (here %s)", list->len ? "; " : "", what,
                  there ? there : "is not told", here);
}

cr_status cr_training_compare(const cr_model *m, const char *name, cr_trainer *t)
{
    const cr_train_options o = settled(t);
    cr_strbuf list = {0};
    char text[PART_TEXT];
    for (size_t i = 0; i < CR_COUNTOF(rows); i++) {
        const char *there = cr_model_note(m, rows[i].name);
        print_value(&rows[i], &o, text);
        if (!there || strcmp(there, text) != 0)
            differs(&list, rows[i].name, there, text);
    }
    for (int i = 0; i < PARTS; i++) {
        const char *there = cr_model_note(m, part_names[i]);
        part_text(cr_trainer_samples(t), part_of(cr_trainer_samples(t), i), text, sizeof text);
        if (!there || strcmp(there, text) != 0)
            differs(&list, part_names[i], there, text);
    }
    cr_status status =
        list.len || list.failed
            ? cr_fail(CR_E_ARGUMENT, "%s: it is of another training: %s", name, cr_str_text(&list))
            : CR_OK;
    cr_str_finish(&list);
    return status;
}
