/* lists.c - what the studies change: lists on the command line, and the devices there are. */
#include <ctype.h>
#include <math.h>

#include "study/study.h"

study_run *study_add(study *s, char *label)
{
    study_run *more = cli_alloc((s->n + 1) * sizeof *more);
    if (s->n)
        memcpy(more, s->run, s->n * sizeof *more);
    free(s->run);
    s->run = more;
    study_run *r = &s->run[s->n++];
    r->label = label;
    r->t = s->t;
    return r;
}

static char *copy_of(const char *text, size_t n)
{
    char *out = cli_alloc(n + 1);
    memcpy(out, text, n);
    return out;
}

/* ---- items ----------------------------------------------------------------------------------- */

/* A list, its items one after the other, without the blanks around them. */
typedef struct items {
    const char *option, *list, *next;
    char separator;
    const char *item;
    size_t len;
} items;

/* Says what is wrong with the item, and points at it. */
static int wrong(const items *l, const char *what)
{
    const int column = (int)(l->item - l->list);
    cli_fail("%s, column %d: %s\n  %s\n  %*s^%.*s", l->option, column + 1, what, l->list, column,
             "", l->len > 1 ? (int)l->len - 1 : 0,
             "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~");
    return CLI_MISTAKE;
}

static bool next_item(items *l)
{
    if (!l->next)
        return false;
    const char *end = l->next + strcspn(l->next, (char[]){l->separator, '\0'});
    l->item = l->next;
    while (l->item < end && isspace((unsigned char)*l->item))
        l->item++;
    l->len = (size_t)(end - l->item);
    while (l->len > 0 && isspace((unsigned char)l->item[l->len - 1]))
        l->len--;
    l->next = *end ? end + 1 : NULL;
    return true;
}

/* What holds for every list: no item is empty, and none stands twice. */
static int check_item(const study *s, const items *l)
{
    if (l->len == 0)
        return wrong(l, "something is missing here");
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->run[i].label) == l->len && memcmp(s->run[i].label, l->item, l->len) == 0)
            return wrong(l, "this stands twice");
    return CLI_GO;
}

/* ---- sizes of batches ------------------------------------------------------------------------ */

int study_list_sizes(study *s)
{
    items l = {.option = "--sizes", .list = s->sizes, .next = s->sizes, .separator = ','};
    while (next_item(&l)) {
        if (check_item(s, &l) != CLI_GO)
            return CLI_MISTAKE;
        char *end;
        const unsigned long long v = strtoull(l.item, &end, 10);
        if (!isdigit((unsigned char)*l.item) || end != l.item + l.len || v < 1 || v > 1u << 24)
            return wrong(&l, "this is no size of a batch, a whole number from 1 to 2^24");
        study_add(s, copy_of(l.item, l.len))->t.batch = v;
    }
    return CLI_GO;
}

/* ---- nets ------------------------------------------------------------------------------------ */

int study_list_nets(study *s)
{
    items l = {.option = "--nets", .list = s->nets, .next = s->nets, .separator = ';'};
    while (next_item(&l)) {
        if (check_item(s, &l) != CLI_GO)
            return CLI_MISTAKE;
        study_run *r = study_add(s, copy_of(l.item, l.len));
        r->t.net_text = r->label;
        r->t.net = (cr_net){0};
        if (cr_net_parse(r->label, &r->t.net) != CR_OK)
            return cli_fail("--nets, net %zu: %s", s->n, cr_error());
        r->own_net = true;
    }
    return CLI_GO;
}

/* ---- optimizers ------------------------------------------------------------------------------ */

/* Each of them at each rate that --rates has; one that says its own has that. */
static int add_rates(study *s, const study_run *of)
{
    const optimizing z = of->t.optimizer;
    char *base = copy_of(of->label, strlen(of->label)), *own = of->own;
    items l = {.option = "--rates", .list = s->rates, .next = s->rates, .separator = ','};
    s->n--;
    free(s->run[s->n].label);
    int status = CLI_GO;
    while (status == CLI_GO && next_item(&l)) {
        char *end;
        const float lr = strtof(l.item, &end);
        char *label = cli_alloc(strlen(base) + l.len + 8);
        sprintf(label, "%s lr=%.*s", base, (int)l.len, l.item);
        if (l.len == 0 || end != l.item + l.len || !(lr > 0) || !isfinite(lr)) {
            free(label);
            status = wrong(&l, "this is no learning rate, a number above 0");
            break;
        }
        study_run *r = study_add(s, label);
        r->t.optimizer = z;
        r->t.optimizer.o.lr = lr;
        r->own = own;
        own = NULL;
    }
    free(own);
    free(base);
    return status;
}

int study_list_optimizers(study *s)
{
    items l = {
        .option = "--optimizers", .list = s->optimizers, .next = s->optimizers, .separator = ';'};
    while (next_item(&l)) {
        if (check_item(s, &l) != CLI_GO)
            return CLI_MISTAKE;
        study_run *r = study_add(s, copy_of(l.item, l.len));
        r->own = copy_of(l.item, l.len);
        r->t.optimizer = (optimizing){.o.schedule = s->t.optimizer.o.schedule};
        const char *at = NULL, *why = optimizing_read(&r->t.optimizer, r->own, &at);
        if (why) {
            l.item += at - r->own;
            l.len = strcspn(at, " \t");
            return wrong(&l, why);
        }
        if (s->rates && r->t.optimizer.o.lr == 0 && add_rates(s, r) != CLI_GO)
            return CLI_MISTAKE;
    }
    return CLI_GO;
}

/* ---- devices --------------------------------------------------------------------------------- */

enum { MAX_DEVICES = 64 };

int study_list_devices(study *s)
{
    static cr_device_info list[MAX_DEVICES];
    uint32_t n;
    if (cr_devices(NULL, false, list, MAX_DEVICES, &n) != CR_OK)
        return cli_library_failed();
    for (uint32_t i = 0; i < n && i < MAX_DEVICES; i++) {
        study_run *r = study_add(s, copy_of(list[i].name, strlen(list[i].name)));
        r->own = cli_alloc(16);
        snprintf(r->own, 16, "%u", list[i].index);
        r->t.device = r->own;
        if (!*s->gpu && strcmp(list[i].type, "gpu") == 0)
            snprintf(s->gpu, sizeof s->gpu, "%s", list[i].name);
    }
    if (s->sequential_seconds > 0) {
        static const char name[] = "plain sequential C";
        study_add(s, copy_of(name, sizeof name - 1))->sequential = true;
    }
    return CLI_GO;
}
