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

static const char missing[] = "something is missing here";

static bool same_nets(const cr_net *a, const cr_net *b)
{
    char *const text[] = {cr_net_print(a), cr_net_print(b)};
    const bool same = text[0] && text[1] && strcmp(text[0], text[1]) == 0;
    cr_string_free(text[0]);
    cr_string_free(text[1]);
    return same;
}

static bool same_schedules(const cr_lr_schedule *a, const cr_lr_schedule *b)
{
    return a->kind == b->kind && a->steps == b->steps && a->decay == b->decay &&
           a->warmup == b->warmup && a->epochs == b->epochs && a->warmup_epochs == b->warmup_epochs;
}

static bool same_optimizers(const cr_optimizer *a, const cr_optimizer *b)
{
    const float numbers[][2] = {{a->lr, b->lr},
                                {a->momentum, b->momentum},
                                {a->beta1, b->beta1},
                                {a->beta2, b->beta2},
                                {a->epsilon, b->epsilon},
                                {a->weight_decay, b->weight_decay},
                                {a->clip_value, b->clip_value},
                                {a->clip_norm, b->clip_norm}};
    /* bits, since -0 is a zero that is meant */
    for (size_t i = 0; i < CLI_COUNTOF(numbers); i++)
        if (memcmp(&numbers[i][0], &numbers[i][1], sizeof(float)) != 0)
            return false;
    return a->kind == b->kind && same_schedules(&a->schedule, &b->schedule);
}

/* Do both train the same, however they are written? */
static bool is_same(const study *s, const training *a, const training *b)
{
    switch (s->kind) {
    case STUDY_batch: return a->batch == b->batch;
    case STUDY_nets: return same_nets(&a->net, &b->net);
    case STUDY_optimizers: return same_optimizers(&a->optimizer.o, &b->optimizer.o);
    case STUDY_devices:
    case STUDY_KIND_COUNT: break;
    }
    return false;
}

/* The last run is new, made of this item: none from that one on is like it. */
static int check_new(const study *s, size_t from, const items *l)
{
    for (size_t i = from; i + 1 < s->n; i++)
        if (is_same(s, &s->run[i].t, &s->run[s->n - 1].t))
            return wrong(l, "this stands twice");
    return CLI_GO;
}

/* ---- sizes of batches ------------------------------------------------------------------------ */

int study_list_sizes(study *s)
{
    items l = {.option = "--sizes", .list = s->sizes, .next = s->sizes, .separator = ','};
    while (next_item(&l)) {
        if (l.len == 0)
            return wrong(&l, missing);
        char *end;
        const unsigned long long v = strtoull(l.item, &end, 10);
        if (!isdigit((unsigned char)*l.item) || end != l.item + l.len || v < 1 || v > 1u << 24)
            return wrong(&l, "this is no size of a batch, a whole number from 1 to 2^24");
        study_add(s, copy_of(l.item, l.len))->t.batch = v;
        if (check_new(s, 0, &l) != CLI_GO)
            return CLI_MISTAKE;
    }
    return CLI_GO;
}

/* ---- nets ------------------------------------------------------------------------------------ */

int study_list_nets(study *s)
{
    items l = {.option = "--nets", .list = s->nets, .next = s->nets, .separator = ';'};
    while (next_item(&l)) {
        if (l.len == 0)
            return wrong(&l, missing);
        study_run *r = study_add(s, copy_of(l.item, l.len));
        r->t.net_text = r->label;
        r->t.net = (cr_net){0};
        if (cr_net_parse(r->label, &r->t.net) != CR_OK)
            return cli_fail("--nets, net %zu: %s", s->n, cr_error());
        r->own_net = true;
        if (check_new(s, 0, &l) != CLI_GO)
            return CLI_MISTAKE;
    }
    return CLI_GO;
}

/* ---- optimizers ------------------------------------------------------------------------------ */

/* Each of them at each rate that --rates has; one that says its own has that. */
static int add_rates(study *s, const study_run *of, const items *item)
{
    const optimizing z = of->t.optimizer;
    char *base = copy_of(of->label, strlen(of->label)), *own = of->own;
    items l = {.option = "--rates", .list = s->rates, .next = s->rates, .separator = ','};
    const size_t first = --s->n;
    free(s->run[first].label);
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
        status = check_new(s, first, &l);
        if (status == CLI_GO)
            status = check_new(s, 0, item);
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
        if (l.len == 0)
            return wrong(&l, missing);
        study_run *r = study_add(s, copy_of(l.item, l.len));
        r->own = copy_of(l.item, l.len);
        r->t.optimizer = (optimizing){.o.schedule = s->t.optimizer.o.schedule};
        const char *at = NULL, *why = optimizing_read(&r->t.optimizer, r->own, &at);
        if (why) {
            l.item += at - r->own;
            l.len = strcspn(at, " \t");
            return wrong(&l, why);
        }
        const bool rated = s->rates && r->t.optimizer.o.lr == 0 && !signbit(r->t.optimizer.o.lr);
        if ((rated ? add_rates(s, r, &l) : check_new(s, 0, &l)) != CLI_GO)
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
