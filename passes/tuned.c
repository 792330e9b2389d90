/* tuned.c - see tuned.h. */
#include "tuned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "strides.h"

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t hash_operand(uint64_t h, const cr_plan *plan, const cr_phase *p, cr_ref r)
{
    cr_strides s;
    cr_strides_of(plan->graph, p, r, &s);
    const int64_t read[2] = {s.direct, s.f32};
    h = cr_hash(h, read, sizeof read);
    for (int i = 0; i < p->domain.rank; i++) {
        const cr_digits *d = &s.axis[i];
        const int64_t n = d->n;
        h = cr_hash(h, &n, sizeof n);
        h = cr_hash(h, d->extent, (size_t)n * sizeof *d->extent);
        h = cr_hash(h, d->stride, (size_t)n * sizeof *d->stride);
    }
    return h;
}

const char *cr_tuned_key(const cr_plan *plan, const cr_phase *p, char key[CR_TUNED_KEY])
{
    const cr_node *n = cr_at(plan->graph, p->anchor);
    const cr_shape *d = &p->domain, *x = cr_shape_of(plan->graph, n->src[0]);
    int64_t batch = 1;
    for (int i = 0; i < d->rank - 2; i++)
        batch *= d->dim[i];
    uint64_t h = hash_operand(CR_HASH_SEED, plan, p, n->src[0]);
    h = hash_operand(h, plan, p, n->src[1]);
    snprintf(key, CR_TUNED_KEY, "%lldx%lldx%lldx%lld-%016" PRIx64, (long long)batch,
             (long long)d->dim[d->rank - 2], (long long)d->dim[d->rank - 1],
             (long long)x->dim[x->rank - 1], h);
    return key;
}

const cr_tuned *cr_tuned_find(const cr_plan *plan, const cr_phase *p)
{
    char key[CR_TUNED_KEY];
    if (plan->options.ntuned == 0)
        return NULL;
    cr_tuned_key(plan, p, key);
    for (uint32_t i = 0; i < plan->options.ntuned; i++)
        if (strcmp(plan->options.tuned[i].key, key) == 0)
            return &plan->options.tuned[i];
    return NULL;
}

/* ---- schedules ------------------------------------------------------------------------------- */

void cr_tuned_registers(const cr_tuned *u, int64_t m, int64_t n, cr_schedule *s)
{
    if (!u || !u->reg_m || !u->reg_n)
        return;
    s->reg_m = (int32_t)CR_MIN(m, u->reg_m);
    s->reg_n = (int32_t)CR_MIN((n + s->vector - 1) / s->vector, u->reg_n);
}

/* A block is whole inner loops of the depth. */
void cr_tuned_block(const cr_tuned *u, int64_t k, cr_schedule *s)
{
    for (int outer = 0; u && u->block_k && outer < s->nk; outer++) {
        if (k == u->block_k) {
            s->k_outer = outer;
            s->block_k = (int32_t)k;
            return;
        }
        k /= s->k_factor[outer];
    }
}

void cr_tuned_tiles(const cr_tuned *u, int64_t m, int64_t n, const cr_target *t, cr_schedule *s)
{
    if (!u || !u->tile_m || !u->tile_n)
        return;
    const int64_t step_n = (int64_t)s->reg_n * s->vector;
    const int64_t rows = (CR_MIN(m, u->tile_m) + s->reg_m - 1) / s->reg_m * s->reg_m;
    const int64_t cols = (CR_MIN(n, u->tile_n) + step_n - 1) / step_n * step_n;
    const int64_t a_rows = !s->stage_a ? 0 : s->a_by_k ? rows : s->reg_m;
    const int64_t floats = s->block_k * a_rows + (s->k_outer ? rows * cols : 0);
    if (floats > t->local_bytes / 8)
        return;
    s->tile_m = (int32_t)rows;
    s->tile_n = (int32_t)cols;
}

bool cr_tuned_group(const cr_tuned *u, int64_t k, const cr_target *t, cr_schedule *s)
{
    if (!u || !u->reg_m || !u->reg_n || !u->block_k || !u->tile_m || !u->tile_n ||
        u->tile_m % u->reg_m || u->tile_n % u->reg_n ||
        4 * ((int64_t)u->tile_m + u->tile_n) > t->local_bytes)
        return false;
    s->reg_m = u->reg_m;
    s->reg_n = u->reg_n;
    s->tile_m = u->tile_m;
    s->tile_n = u->tile_n;
    s->block_k = (int32_t)CR_MIN(k, u->block_k);
    return true;
}

/* ---- text ------------------------------------------------------------------------------------ */

enum { MOST_REGISTERS = 64, MOST_SUMS = 256, MOST_SIZE = 1 << 24 };

static void print_target(const cr_target *t, cr_strbuf *out)
{
    cr_str_printf(
        out,
        "version %s\ndevice %s\ndriver %s\nunits %" PRId64 " lanes %" PRId64 " local %" PRId64 "\n",
        cr_version(), t->name, t->driver, t->compute_units, t->vector_width, t->local_bytes);
}

void cr_tuned_text(const cr_tuned *u, cr_strbuf *out)
{
    cr_str_printf(out, "registers %dx%d tile %dx%d block %d", u->reg_m, u->reg_n, u->tile_m,
                  u->tile_n, u->block_k);
}

static const char first_line[] = "crisol-schedules 1\n";

void cr_tuned_print(const cr_target *t, const cr_tuned *list, uint32_t n, cr_strbuf *out)
{
    const size_t begin = out->len;
    cr_str_add(out, first_line);
    print_target(t, out);
    for (uint32_t i = 0; i < n; i++) {
        cr_str_printf(out, "contraction %s ", list[i].key);
        cr_tuned_text(&list[i], out);
        cr_str_add(out, "\n");
    }
    if (!out->failed)
        cr_str_printf(out, "end %016" PRIx64 "\n",
                      cr_hash(CR_HASH_SEED, out->at + begin, out->len - begin));
}

/* Whose the records are, line by line as print_target writes it; NULL: ours. */
static const char *first_difference(const char *is, const char *should)
{
    static const char *const of[] = {"of another version of Crisol", "of another device",
                                     "of another driver of this device",
                                     "of this device with other limits"};
    for (size_t i = 0; *should; i++) {
        const size_t n = strcspn(should, "\n") + 1;
        if (strncmp(is, should, n) != 0)
            return of[CR_MIN(i, CR_COUNTOF(of) - 1)];
        is += n;
        should += n;
    }
    return NULL;
}

/* What is wrong with the text as a whole; NULL: nothing. Its records begin at *records. */
static const char *check_text(const char *text, const cr_target *t, const char **records)
{
    const char *end = strstr(text, "\nend ");
    char hash[32];
    if (!end)
        return "damaged";
    snprintf(hash, sizeof hash, "end %016" PRIx64 "\n",
             cr_hash(CR_HASH_SEED, text, (size_t)(end + 1 - text)));
    if (strcmp(end + 1, hash) != 0)
        return "damaged";
    if (strncmp(text, first_line, sizeof first_line - 1) != 0)
        return "of another version of Crisol";
    cr_strbuf s = {0};
    print_target(t, &s);
    text += sizeof first_line - 1;
    const char *wrong = s.failed ? "out of memory" : first_difference(text, s.at);
    *records = text + s.len;
    cr_str_finish(&s);
    return wrong;
}

/* `word`, then a number up to `most`, from *at on. */
static bool read_number(const char **at, const char *word, long most, int32_t *out)
{
    const size_t n = strlen(word);
    char *end;
    if (strncmp(*at, word, n) != 0 || (*at)[n] < '0' || (*at)[n] > '9')
        return false;
    errno = 0;
    const long v = strtol(*at + n, &end, 10);
    *at = end;
    *out = (int32_t)v;
    return errno == 0 && v <= most;
}

/* One line. */
static bool read_record(const char *line, char key[CR_TUNED_KEY], cr_tuned *u)
{
    static const char word[] = "contraction ";
    const char *at = line + sizeof word - 1;
    if (strncmp(line, word, sizeof word - 1) != 0)
        return false;
    const size_t n = strcspn(at, " \n");
    if (n == 0 || n >= CR_TUNED_KEY)
        return false;
    memcpy(key, at, n);
    key[n] = '\0';
    at += n;
    return read_number(&at, " registers ", MOST_REGISTERS, &u->reg_m) &&
           read_number(&at, "x", MOST_REGISTERS, &u->reg_n) && u->reg_m * u->reg_n <= MOST_SUMS &&
           read_number(&at, " tile ", MOST_SIZE, &u->tile_m) &&
           read_number(&at, "x", MOST_SIZE, &u->tile_n) &&
           read_number(&at, " block ", MOST_SIZE, &u->block_k) && *at == '\n';
}

cr_status cr_tuned_parse(const char *text, const cr_target *t, cr_arena *a, const cr_tuned **list,
                         uint32_t *n)
{
    const char *line, *wrong = check_text(text, t, &line);
    *list = NULL;
    *n = 0;
    if (wrong)
        return cr_fail(CR_E_ARGUMENT, "schedules: the text is %s", wrong);
    uint32_t lines = 0;
    for (const char *c = line; *c; c++)
        lines += *c == '\n';
    cr_tuned *made = cr_arena_alloc(a, (lines + 1) * sizeof *made);
    if (!made)
        return CR_E_MEMORY;
    for (; strncmp(line, "end ", 4) != 0; line = strchr(line, '\n') + 1) {
        char key[CR_TUNED_KEY];
        if (!read_record(line, key, &made[*n]))
            return cr_fail(CR_E_ARGUMENT, "schedules: '%.*s' is no record",
                           (int)strcspn(line, "\n"), line);
        if (!(made[(*n)++].key = cr_arena_strdup(a, key)))
            return CR_E_MEMORY;
    }
    *list = made;
    return CR_OK;
}
