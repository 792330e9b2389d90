/* keras_json.c - JSON that nobody vouches for: a text of bounded depth, and options of the layers
 * in it, each asked for by its name, type and range. A mistake names file, layer and option. */
#include <math.h>

#include "keras.h"

/* ---- texts ----------------------------------------------------------------------------------- */

enum { MAX_DEPTH = 100 };

/* The depth of brackets outside of strings, which is what cJSON's recursion will be. */
static int depth_of(const char *text, size_t size)
{
    int depth = 0, most = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!quoted && (text[i] == ']' || text[i] == '}'))
            depth--;
        most = CR_MAX(most, depth);
    }
    return most;
}

/* Nothing but white space. */
static bool is_blank(const char *text, const char *end)
{
    for (; text < end; text++)
        if (!strchr(" \t\r\n", *text) || *text == '\0')
            return false;
    return true;
}

/* A text of the file may be a terminal's order. */
static void make_printable(char *text)
{
    for (; text && *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static cr_status keys_of(const cJSON *object, const char *file, const char *what)
{
    const size_t n = (size_t)cJSON_GetArraySize(object);
    const cJSON **item = cr_alloc(n * sizeof *item);
    if (!item)
        return CR_E_MEMORY;
    size_t i = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        item[i++] = c;
    if (n)
        qsort(item, n, sizeof *item, by_key);
    cr_status status = CR_OK;
    for (i = 1; status == CR_OK && i < n; i++)
        if (strcmp(item[i - 1]->string, item[i]->string) == 0) {
            char key[64];
            snprintf(key, sizeof key, "%s", item[i]->string);
            make_printable(key);
            status =
                cr_fail(CR_E_SYNTAX, "%s: '%s' is there twice in an object of %s", file, key, what);
        }
    cr_free(item);
    return status;
}

/* Of a key that is there twice readers take one value or the other: Keras the last, cJSON the
 * first. As deep as the text, which is bounded. */
static cr_status check_keys(const cJSON *json, const char *file, const char *what)
{
    if (cJSON_IsObject(json))
        CR_TRY(keys_of(json, file, what));
    for (const cJSON *c = json->child; c; c = c->next)
        if (c->child)
            CR_TRY(check_keys(c, file, what));
    return CR_OK;
}

cJSON *cr_keras_json(const char *file, const char *what, const char *text, size_t size)
{
    if (size > CR_KERAS_MAX_CONFIG || depth_of(text, size) > MAX_DEPTH)
        return cr_fail(CR_E_LIMIT, "%s: %s is larger or deeper than any that Crisol reads", file,
                       what),
               NULL;
    const char *end = text;
    cJSON *json = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (json && cJSON_IsObject(json) && is_blank(end, text + size)) {
        if (check_keys(json, file, what) == CR_OK)
            return json;
    } else if (json && !cJSON_IsObject(json))
        cr_fail(CR_E_SYNTAX, "%s: %s is no JSON object", file, what);
    else
        cr_fail(CR_E_SYNTAX, "%s: %s is no JSON: wrong at byte %zu of %zu", file, what,
                (size_t)(end - text), size);
    cJSON_Delete(json);
    return NULL;
}

const cJSON *cr_json_at(const cJSON *object, const char *key)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

const char *cr_json_text(const cJSON *object, const char *key)
{
    const cJSON *item = cr_json_at(object, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool cr_json_whole(const cJSON *item, int64_t low, int64_t high, int64_t *out)
{
    if (!cJSON_IsNumber(item))
        return false;
    const double d = item->valuedouble;
    if (!(d >= (double)low && d <= (double)high) || d != floor(d))
        return false;
    *out = (int64_t)d;
    return true;
}

/* ---- mistakes -------------------------------------------------------------------------------- */

cr_status cr_keras_refuse(const cr_keras_layer *l, const char *fmt, ...)
{
    cr_strbuf s = {0};
    va_list ap;
    va_start(ap, fmt);
    cr_str_vprintf(&s, fmt, ap);
    va_end(ap);
    make_printable(s.at);
    const cr_status status = s.failed ? CR_E_MEMORY
                                      : cr_fail(CR_E_ARGUMENT, "%s: layer '%s' %s", l->keras->file,
                                                l->name, cr_str_text(&s));
    cr_str_finish(&s);
    return status;
}

/* A value as it stands in the file, or an object of Keras's by its class and name; cut off after
 * some characters. */
static void shown(const cJSON *value, char *out, size_t size)
{
    const char *class_name = cr_json_text(value, "class_name");
    const char *name = cr_json_text(value, "config");
    name = name ? name : cr_json_text(cr_json_at(value, "config"), "name");
    char *text = value && !class_name ? cJSON_PrintUnformatted(value) : NULL;
    int n;
    if (class_name && name)
        n = snprintf(out, size, "%s \"%s\"", class_name, name);
    else
        n = snprintf(out, size, "%s", class_name ? class_name : (text ? text : "nothing"));
    if ((size_t)n >= size)
        snprintf(out + size - 4, 4, "...");
    cJSON_free(text);
}

cr_status cr_keras_option(const cr_keras_layer *l, const char *key, const char *why)
{
    char value[64];
    shown(cr_json_at(l->config, key), value, sizeof value);
    return cr_keras_refuse(l, "(%s) has the option %s = %s: %s", l->class_name, key, value, why);
}

/* ---- options --------------------------------------------------------------------------------- */

cr_status cr_keras_whole(const cr_keras_layer *l, const char *key, int64_t low, int64_t high,
                         int64_t *out)
{
    if (cr_json_whole(cr_json_at(l->config, key), low, high, out))
        return CR_OK;
    char why[64];
    snprintf(why, sizeof why, "it must be a whole number from %lld to %lld", (long long)low,
             (long long)high);
    return cr_keras_option(l, key, why);
}

cr_status cr_keras_pair(const cr_keras_layer *l, const char *key, int64_t out[2])
{
    enum { MOST = 1 << 16 };
    const cJSON *item = cr_json_at(l->config, key);
    if (cr_json_whole(item, 1, MOST, &out[0])) {
        out[1] = out[0];
        return CR_OK;
    }
    if (cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2 &&
        cr_json_whole(cJSON_GetArrayItem(item, 0), 1, MOST, &out[0]) &&
        cr_json_whole(cJSON_GetArrayItem(item, 1), 1, MOST, &out[1]))
        return CR_OK;
    return cr_keras_option(l, key, "it must be one or two whole numbers from 1 to 65536");
}

cr_status cr_keras_number(const cr_keras_layer *l, const char *key, float *out)
{
    const cJSON *item = cr_json_at(l->config, key);
    if (cJSON_IsNumber(item) && isfinite((float)item->valuedouble)) {
        *out = (float)item->valuedouble;
        return CR_OK;
    }
    return cr_keras_option(l, key, "it must be a number");
}

cr_status cr_keras_flag(const cr_keras_layer *l, const char *key, bool without, bool *out)
{
    const cJSON *item = cr_json_at(l->config, key);
    *out = item ? cJSON_IsTrue(item) : without;
    return !item || cJSON_IsBool(item) ? CR_OK
                                       : cr_keras_option(l, key, "it must be true or false");
}

static bool has_word(const char *words, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = words; n && (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What is of no consequence once a model is trained, and what is read elsewhere. */
static bool is_common(const char *key)
{
    static const char common[] = "name trainable dtype batch_shape batch_input_shape autocast seed "
                                 "activity_regularizer shared_object_id";
    return has_word(common, key) || ends_with(key, "_initializer") ||
           ends_with(key, "_regularizer") || ends_with(key, "_constraint");
}

/* New versions of Keras have new options, which are off where nobody asked for them. */
static bool is_off(const cJSON *value)
{
    return cJSON_IsNull(value) || cJSON_IsFalse(value);
}

cr_status cr_keras_known_options(const cr_keras_layer *l, const char *known)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, l->config)
    {
        if (item->string && !has_word(known, item->string) && !is_common(item->string) &&
            !is_off(item)) {
            char key[64];
            snprintf(key, sizeof key, "%s", item->string);
            return cr_keras_option(l, key, "Crisol does not have it");
        }
    }
    return CR_OK;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

cr_status cr_keras_sizes(const cr_keras_layer *l, const char *key, const cJSON *list, uint32_t skip,
                         int64_t low, cr_shape *out)
{
    const int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) - (int)skip : -1;
    if (n < 0 || n >= CR_MAX_RANK)
        return cr_keras_refuse(l, "(%s) has no shape of at most %d sizes in %s", l->class_name,
                               CR_MAX_RANK - 1, key);
    *out = (cr_shape){.rank = n};
    for (int i = 0; i < n; i++) {
        const cJSON *size = cJSON_GetArrayItem(list, i + (int)skip);
        if (!cr_json_whole(size, low, INT32_MAX, &out->dim[i]))
            return cr_keras_refuse(l,
                                   "(%s) has a size in %s that is not fixed (null, say) or not "
                                   "possible: Crisol needs to know all but the batch's",
                                   l->class_name, key);
    }
    return CR_OK;
}
