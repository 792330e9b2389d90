/* choose.c - which of the devices at hand, and what it looks like as a target. */
#include <ctype.h>

#include "runtime.h"

const char *cr_device_type_name(cr_device_type type)
{
    static const char *const name[] = {"cpu", "gpu", "accelerator", "other"};
    return name[type];
}

/* ---- matching ---------------------------------------------------------------------------- */

static bool same_ignoring_case(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]) || !a[i])
            return false;
    return true;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++)
        if (same_ignoring_case(text, part, n))
            return true;
    return n == 0;
}

typedef bool matcher(const cr_device_facts *d, const char *word);

static bool by_type(const cr_device_facts *d, const char *word)
{
    const char *type = cr_device_type_name(d->type);
    return strlen(word) == strlen(type) && same_ignoring_case(word, type, strlen(type));
}

static bool by_name(const cr_device_facts *d, const char *word)
{
    return contains_ignoring_case(d->name, word);
}

static bool by_platform(const cr_device_facts *d, const char *word)
{
    return contains_ignoring_case(d->platform, word);
}

/* How many usable devices match; the first of them in *index. */
static uint32_t find(const cr_device_facts *list, uint32_t count, matcher *match, const char *word,
                     uint32_t *index)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        if (list[i].usable && match(&list[i], word) && found++ == 0)
            *index = i;
    return found;
}

/* ---- choosing ---------------------------------------------------------------------------- */

static cr_status fail_with_list(const cr_device_facts *list, uint32_t count, const char *what)
{
    cr_strbuf text = {0};
    for (uint32_t i = 0; i < count; i++)
        cr_str_printf(&text, "\n  %u: %s (%s, %s)%s", i, list[i].name,
                      cr_device_type_name(list[i].type), list[i].platform,
                      list[i].usable ? "" : ", cannot be used: not available, or no compiler");
    cr_status status = cr_fail(CR_E_ARGUMENT, "%s; the devices are:%s", what, cr_str_text(&text));
    cr_str_finish(&text);
    return status;
}

static void explain(char reason[CR_REASON_TEXT], const char *what, uint32_t found)
{
    if (found > 1)
        snprintf(reason, CR_REASON_TEXT, "%s; the first of %u", what, found);
    else
        snprintf(reason, CR_REASON_TEXT, "%s", what);
}

static cr_status choose_default(const cr_device_facts *list, uint32_t count, uint32_t *index,
                                char reason[CR_REASON_TEXT])
{
    static const char *const order[] = {"gpu", "cpu", "accelerator", "other"};
    static const char *const why[] = {"a GPU is preferred", "no GPU: a CPU",
                                      "neither GPU nor CPU: an accelerator", "what there is"};
    for (uint32_t i = 0; i < CR_COUNTOF(order); i++) {
        uint32_t found = find(list, count, by_type, order[i], index);
        if (found) {
            explain(reason, why[i], found);
            return CR_OK;
        }
    }
    return fail_with_list(list, count, "no OpenCL device can be used");
}

static cr_status choose_index(const cr_device_facts *list, uint32_t count, const char *digits,
                              const char *from, uint32_t *index, char reason[CR_REASON_TEXT])
{
    char what[160];
    unsigned long i = strtoul(digits, NULL, 10);
    if (i >= count || !list[i].usable) {
        snprintf(what, sizeof what, "%s asks for device %.20s, which %s", from, digits,
                 i >= count ? "does not exist" : "cannot be used");
        return fail_with_list(list, count, what);
    }
    *index = (uint32_t)i;
    snprintf(reason, CR_REASON_TEXT, "%s asks for device %lu", from, i);
    return CR_OK;
}

static cr_status choose_word(const cr_device_facts *list, uint32_t count, const char *word,
                             const char *from, uint32_t *index, char reason[CR_REASON_TEXT])
{
    static const struct {
        matcher *match;
        const char *what;
    } ways[] = {{by_type, "the type"}, {by_name, "the name"}, {by_platform, "the platform"}};
    char what[160];
    for (uint32_t i = 0; i < CR_COUNTOF(ways); i++) {
        uint32_t found = find(list, count, ways[i].match, word, index);
        if (!found)
            continue;
        snprintf(what, sizeof what, "%s asks for \"%.60s\": %s matches", from, word, ways[i].what);
        explain(reason, what, found);
        return CR_OK;
    }
    snprintf(what, sizeof what, "%s asks for \"%.60s\", which no usable device matches", from,
             word);
    return fail_with_list(list, count, what);
}

cr_status cr_device_choose(const cr_device_facts *list, uint32_t count, const char *selector,
                           uint32_t *index, char reason[CR_REASON_TEXT])
{
    const char *from = "the option device (--device)";
    if (!selector || !*selector) {
        selector = getenv("CRISOL_DEVICE");
        from = "CRISOL_DEVICE";
    }
    if (!selector || !*selector)
        return choose_default(list, count, index, reason);
    if (selector[strspn(selector, "0123456789")] == '\0')
        return choose_index(list, count, selector, from, index, reason);
    return choose_word(list, count, selector, from, index, reason);
}

/* ---- as a target ------------------------------------------------------------------------- */

static int64_t vector_width(const cr_device_facts *d)
{
    uint32_t width = CR_MAX(d->preferred_f32, d->native_f32), power = 1;
    while (power * 2 <= width && power < 16)
        power *= 2;
    return power;
}

static void copy_text(char to[96], const char from[96])
{
    memcpy(to, from, 96);
    for (char *c = to; *c; c++) /* the target's text form has a line for each field */
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

static void cpu_target(const cr_device_facts *d, cr_target *t)
{
    t->vector_width = vector_width(d);
    t->registers = t->vector_width == 16 ? 32 : 16; /* AVX-512 has 32; SSE and AVX 16 */
}

/* Groups that wait for each other must run at the same time. A CPU's runtime has a thread for each
 * unit, unless the process may use fewer processors. On a GPU it depends on what is called a unit:
 * NVIDIA's take several groups each, Intel's (a few lanes) not even one.
 * Nobody promises it, so that launches which rely on it may give up (module.h); simulators run one
 * group after the other. */
static int64_t resident_groups(const cr_device_facts *d)
{
    static const char *const one_by_one[] = {"Oclgrind"};
    for (uint32_t i = 0; i < CR_COUNTOF(one_by_one); i++)
        if (strstr(d->platform, one_by_one[i]))
            return 0;
    if (d->type == CR_DEVICE_GPU)
        return d->device_fence && strstr(d->vendor, "NVIDIA") ? d->compute_units : 0;
    return d->type == CR_DEVICE_CPU ? CR_MIN(d->compute_units, d->processors) : 0;
}

void cr_device_to_target(const cr_device_facts *d, cr_target *out)
{
    *out = *cr_target_builtin(d->type == CR_DEVICE_GPU ? "gpu" : "cpu");
    copy_text(out->name, d->name);
    copy_text(out->vendor, d->vendor);
    copy_text(out->driver, d->driver);
    out->compute_units = d->compute_units;
    out->max_group = (int64_t)d->max_group;
    out->local_bytes = (int64_t)d->local_bytes;
    out->global_bytes = (int64_t)d->global_bytes;
    out->max_alloc_bytes = (int64_t)d->max_alloc_bytes;
    out->align_bytes = CR_MAX(d->align_bytes, 64); /* a cache line */
    out->unified = d->unified;
    out->correct_divide = d->correct_divide;
    out->resident_groups = resident_groups(d);
    out->device_fence = d->device_fence && d->type == CR_DEVICE_GPU;
    if (cr_target_class(out) == CR_CLASS_CPU)
        cpu_target(d, out);
    else if (d->sub_group)
        out->sub_group = d->sub_group;
}
