/* tuning.c - measured schedules on disk: one file a device, beside the program cache. */
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include "compile.h"
#include "program_cache.h"
#include "tuned.h"

static bool wanted(void)
{
    const char *tuned = getenv("CRISOL_TUNED");
    return !tuned || strcmp(tuned, "off") != 0;
}

/* Named after the device alone, so that those of another driver or version are found, told, and
 * replaced. */
char *cr_tuning_path(const cr_target *t)
{
    char *folder = cr_cache_folder();
    cr_strbuf s = {0};
    if (!folder)
        return NULL;
    cr_str_printf(&s, "%s/%016" PRIx64 ".schedules", folder,
                  cr_hash(CR_HASH_SEED, t->name, strlen(t->name)));
    cr_free(folder);
    return cr_str_take(&s);
}

static void say_once(const char *path)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fprintf(stderr, "crisol: %s: not used (%s); `crisol tune` replaces it\n", path, cr_error());
}

static cr_status load_stored(const cr_target *t, cr_arena *a, cr_plan_options *out)
{
    char *path = wanted() ? cr_tuning_path(t) : NULL;
    char *text = path && access(path, R_OK) == 0 ? cr_file_read(path, NULL) : NULL;
    cr_status status = text ? cr_tuned_parse(text, t, a, &out->tuned, &out->ntuned) : CR_OK;
    if (status == CR_E_ARGUMENT) {
        say_once(path);
        out->tuned = NULL;
        out->ntuned = 0;
        status = CR_OK;
    }
    cr_free(text);
    cr_free(path);
    return status;
}

cr_status cr_tuning_load(const char *text, const cr_target *t, cr_arena *a, cr_plan_options *out)
{
    if (!text)
        return load_stored(t, a, out);
    return *text ? cr_tuned_parse(text, t, a, &out->tuned, &out->ntuned) : CR_OK;
}

cr_status cr_tuning_store(const cr_target *t, const cr_tuned *list, uint32_t n)
{
    char *folder = cr_cache_folder(), *path = cr_tuning_path(t);
    cr_strbuf s = {0};
    cr_status status = CR_OK;
    cr_tuned_print(t, list, n, &s);
    if (!folder || !path)
        status =
            cr_fail(CR_E_ARGUMENT, "there is no folder for schedules: $CRISOL_CACHE is off, or "
                                   "no home is set");
    else if (s.failed)
        status = CR_E_MEMORY;
    else if (!cr_make_folders(folder))
        status = cr_fail(CR_E_IO, "cannot make the folder %s", folder);
    else
        status = cr_file_write(path, s.at, s.len);
    cr_str_finish(&s);
    cr_free(path);
    cr_free(folder);
    return status;
}
