/* optimizing.c - the options of an optimizer, and what is wrong with them. */
#include "options/optimizing.h"

#include <math.h>
#include <stddef.h>

#define CR_X(name, word, lr) "|" word
static const char kinds[] = "" CR_OPTIMIZER_MAP(CR_X);
#undef CR_X

#define KIND(kind) (1u << (kind))

/* Numbers of a cr_optimizer from 0 up: which kinds have them, and what they must stay below. */
static const struct number {
    const char *option;
    size_t at;
    unsigned kinds; /* KIND of each; 0: all have it */
    float below;    /* 0: no end */
    const char *value, *help;
} numbers[] = {
    {"--momentum", offsetof(cr_optimizer, momentum), KIND(CR_MOMENTUM) | KIND(CR_NESTEROV), 0, "M",
     "of momentum and nesterov (default: 0.9)"},
    {"--beta1", offsetof(cr_optimizer, beta1), KIND(CR_ADAM) | KIND(CR_ADAMW), 1, "B",
     "of adam and adamw (default: 0.9)"},
    {"--beta2", offsetof(cr_optimizer, beta2), KIND(CR_ADAM) | KIND(CR_ADAMW) | KIND(CR_RMSPROP), 1,
     "B", "of adam and adamw (default: 0.999), and rmsprop's rho (default: 0.9)"},
    {"--weight-decay", offsetof(cr_optimizer, weight_decay), 0, 0, "W",
     "weights shrink by rate * W of themselves a step (default: 0, adamw 0.004)"},
    {"--clip-value", offsetof(cr_optimizer, clip_value), 0, 0, "C",
     "bring each element of a gradient into [-C, C]; 0: as it is"},
    {"--clip-norm", offsetof(cr_optimizer, clip_norm), 0, 0, "C",
     "shrink all gradients together to a norm of C at most; 0: as it is"},
};

/* ---- help ------------------------------------------------------------------------------------ */

/* "learning rate (default: sgd 0.01, ...)" */
static const char *rate_help(void)
{
    static char text[256];
    size_t n = (size_t)snprintf(text, sizeof text, "learning rate (default: ");
    for (int i = 0; i < CR_OPTIMIZER_COUNT && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %g", i ? ", " : "",
                              cr_optimizer_name((cr_optimizer_kind)i),
                              (double)cr_optimizer_default_lr((cr_optimizer_kind)i));
    if (n < sizeof text)
        snprintf(text + n, sizeof text - n, ")");
    return text;
}

/* The rows of the schedules, a line each. */
static const char *schedule_help(void)
{
    static const char *const rows[][2] = {
#define CR_X(name, word, parameters) {#word, parameters},
        CR_LR_SCHEDULE_MAP(CR_X)
#undef CR_X
    };
    static char text[512];
    return cli_rows(text, sizeof text,
                    "how the rate goes on, each with or without ', warmup N [steps|epochs]':", rows,
                    CLI_COUNTOF(rows));
}

void optimizing_options(optimizing *z, cli_options *o)
{
    cli_add(o, "--optimizer", CLI_CHOICE, &z->kind, kinds + 1, "how");
    cli_add(o, "--lr", CLI_REAL, &z->o.lr, "RATE", rate_help());
    cli_add(o, "--schedule", CLI_TEXT, &z->schedule_text, "'KIND ...'", schedule_help());
    for (size_t i = 0; i < CLI_COUNTOF(numbers); i++)
        cli_add(o, numbers[i].option, CLI_REAL, (char *)&z->o + numbers[i].at, numbers[i].value,
                numbers[i].help);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* "momentum and nesterov have" */
static int has_none(const optimizing *z, const struct number *n)
{
    char list[128];
    size_t len = 0;
    list[0] = '\0';
    for (int i = 0; i < CR_OPTIMIZER_COUNT && len < sizeof list; i++)
        if (n->kinds & KIND(i))
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "",
                                    cr_optimizer_name((cr_optimizer_kind)i));
    return cli_fail("%s: the optimizer %s has none; these have: %s", n->option,
                    cr_optimizer_name(z->o.kind), list);
}

/* A 0 that is given is not the default that it stands for in cr_optimizer. */
static int check_number(optimizing *z, const struct number *n)
{
    float *v = (float *)(void *)((char *)&z->o + n->at);
    if (n->kinds && !(n->kinds & KIND(z->o.kind)))
        return has_none(z, n);
    if (n->below > 0 && !(*v >= 0 && *v < n->below))
        return cli_fail("%s: it is %g; it must be in [0, %g)", n->option, (double)*v,
                        (double)n->below);
    if (!(*v >= 0))
        return cli_fail("%s: it is %g; it must be 0 or more", n->option, (double)*v);
    if (*v == 0)
        *v = CR_ZERO;
    return CLI_GO;
}

int optimizing_check(optimizing *z, const cli_options *o)
{
    z->o.kind = (cr_optimizer_kind)z->kind;
    if (cli_given(o, "--lr") && !(z->o.lr > 0))
        return cli_fail("--lr: the learning rate is %g; it must be above 0", (double)z->o.lr);
    for (size_t i = 0; i < CLI_COUNTOF(numbers); i++)
        if (cli_given(o, numbers[i].option) && check_number(z, &numbers[i]) != CLI_GO)
            return CLI_MISTAKE;
    if (z->schedule_text && cr_lr_schedule_parse(z->schedule_text, &z->o.schedule) != CR_OK)
        return cli_fail("--%s", cr_error());
    return CLI_GO;
}

/* ---- as one text ----------------------------------------------------------------------------- */

/* "NAME=VALUE", n characters. */
static const char *read_number(optimizing *z, const char *word, size_t n)
{
    static const struct number rate = {.option = "--lr", .at = offsetof(cr_optimizer, lr)};
    const struct number *number = NULL;
    const size_t name = strcspn(word, "=");
    for (size_t i = 0; i <= CLI_COUNTOF(numbers); i++) {
        const struct number *m = i < CLI_COUNTOF(numbers) ? &numbers[i] : &rate;
        if (strlen(m->option) == name + 2 && memcmp(m->option + 2, word, name) == 0)
            number = m;
    }
    if (name >= n || !number)
        return "this is none of lr=, momentum=, beta1=, beta2=, weight-decay=, clip-value=, "
               "clip-norm= and schedule";
    if (number->kinds && !(number->kinds & KIND(z->o.kind)))
        return "this optimizer has no such number";
    char *end;
    float *v = (float *)(void *)((char *)&z->o + number->at);
    *v = strtof(word + name + 1, &end);
    if (end == word + name + 1 || end != word + n || !(*v >= 0 && isfinite(*v)))
        return "this is no number from 0";
    if (number == &rate && *v == 0)
        return "the rate must be above 0";
    if (number->below > 0 && *v >= number->below)
        return "this must be below 1";
    *v = *v == 0 ? CR_ZERO : *v;
    return NULL;
}

static const char *read_kind(optimizing *z, const char *word, size_t n)
{
    for (int i = 0; i < CR_OPTIMIZER_COUNT; i++) {
        const char *name = cr_optimizer_name((cr_optimizer_kind)i);
        if (strlen(name) == n && memcmp(name, word, n) == 0) {
            z->kind = i;
            z->o.kind = (cr_optimizer_kind)i;
            return NULL;
        }
    }
    static char text[256];
    snprintf(text, sizeof text, "this is none of %s", kinds + 1);
    return text;
}

const char *optimizing_read(optimizing *z, const char *text, const char **at)
{
    static const char blanks[] = " \t\n";
    static const char schedule[] = "schedule";
    for (size_t n = 0, i = 0;; i++, text += n) {
        text += strspn(text, blanks);
        n = strcspn(text, blanks);
        *at = text;
        if (n == 0)
            return NULL;
        if (i > 0 && n == sizeof schedule - 1 && memcmp(text, schedule, n) == 0) {
            z->schedule_text = text + n + strspn(text + n, blanks);
            return cr_lr_schedule_parse(z->schedule_text, &z->o.schedule) == CR_OK ? NULL
                                                                                   : cr_error();
        }
        const char *why = i == 0 ? read_kind(z, text, n) : read_number(z, text, n);
        if (why)
            return why;
    }
}
