/* cache.c - compiled programs on disk, with and without a device. */
#include "modules.h"

#include <dirent.h>
#include <fcntl.h>

#include "program_cache.h"

static bool holds(const char *key, const char *program)
{
    size_t size;
    unsigned char *at = cr_cache_load(key, &size);
    bool same = at && size == strlen(program) && memcmp(at, program, size) == 0;
    cr_free(at);
    return same;
}

/* Changes one byte of a key's entry. */
static void damage(const char *key, long offset)
{
    char *path = cr_cache_path(key);
    FILE *f = fopen(path, "r+b");
    cr_assert(f);
    fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    fclose(f);
    cr_free(path);
}

static unsigned entries(const char *folder)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

Test(cache, gives_back_what_was_stored)
{
    own_cache();
    cr_assert(!holds("k", "program"));
    cr_cache_store("k", "program", 7);
    cr_assert(holds("k", "program"));
    cr_cache_store("k", "new", 3);
    cr_assert(holds("k", "new") && !holds("other", "new"));
    cr_assert(cr_alloc_live() == 0);
}

Test(cache, damaged_entries_are_not_used_and_get_replaced)
{
    own_cache();
    const long place[] = {0, 8, 12, 16, 24, 32, -1}; /* each field of the header, key, program */
    for (unsigned i = 0; i < CR_COUNTOF(place); i++) {
        cr_cache_store("key", "program", 7);
        damage("key", place[i]);
        cr_assert(!holds("key", "program"), "byte %ld", place[i]);
    }
    cr_cache_store("key", "program", 7);
    cr_assert(holds("key", "program"));
    char *path = cr_cache_path("key");
    cr_assert(truncate(path, 20) == 0 && !holds("key", "program"));
    cr_assert(truncate(path, 0) == 0 && !holds("key", "program"));
    cr_free(path);
}

Test(cache, an_entry_of_another_key_is_not_used)
{
    own_cache();
    cr_cache_store("mine", "program", 7);
    char *from = cr_cache_path("mine"), *to = cr_cache_path("colliding");
    cr_assert(rename(from, to) == 0);
    cr_assert(!holds("colliding", "program"));
    cr_free(from);
    cr_free(to);
}

Test(cache, the_oldest_go_first_and_strangers_stay)
{
    const char *folder = own_cache();
    char stranger[96];
    snprintf(stranger, sizeof stranger, "%s/notes.txt", folder);
    assert_ok(cr_file_write(stranger, "mine", 4));
    static char program[1000];
    const char *const key[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        cr_cache_store(key[i], program, sizeof program);
        char *path = cr_cache_path(key[i]);
        const struct timespec when[2] = {{1000 + i, 0}, {1000 + i, 0}};
        cr_assert(utimensat(AT_FDCWD, path, when, 0) == 0);
        cr_free(path);
    }
    size_t size;
    cr_free(cr_cache_load("a", &size)); /* used just now: b is the oldest */
    cr_cache_trim(folder, 2500);
    char *b = cr_cache_path("b"), *a = cr_cache_path("a");
    cr_assert(entries(folder) == 3 && access(b, F_OK) != 0 && access(a, F_OK) == 0);
    cr_cache_trim(folder, 0);
    cr_assert(entries(folder) == 1 && access(stranger, F_OK) == 0);
    cr_free(a);
    cr_free(b);
}

Test(cache, folders)
{
    setenv("CRISOL_CACHE", "off", 1);
    cr_assert(!cr_cache_enabled() && !cr_cache_folder() && !cr_cache_path("k"));
    cr_cache_store("k", "program", 7);
    unsetenv("CRISOL_CACHE");
    setenv("XDG_CACHE_HOME", "/x", 1);
    setenv("HOME", "/h", 1);
    char *folder = cr_cache_folder();
    cr_assert_str_eq(folder, "/x/crisol");
    cr_free(folder);
    setenv("XDG_CACHE_HOME", "relative", 1);
    folder = cr_cache_folder();
    cr_assert_str_eq(folder, "/h/.cache/crisol");
    cr_free(folder);
}

Test(cache, an_unwritable_folder_is_said_once, .init = cr_redirect_stderr)
{
    setenv("CRISOL_CACHE", "/proc/nowhere/at/all", 1);
    cr_cache_store("k", "program", 7);
    cr_cache_store("k", "program", 7);
    cr_assert(!holds("k", "program"));
    fflush(stderr);
    FILE *said = cr_get_redirected_stderr();
    char line[512];
    int n = 0;
    while (fgets(line, sizeof line, said))
        n++;
    cr_assert(n == 1, "%d lines", n);
}

/* ---- with a device ----------------------------------------------------------------------- */

/* Runs the sum of 1 and 2; whether its program came from the cache. */
static bool run_add(void)
{
    static float x[N], y[N], sum[N];
    fill(x, 1, 0);
    fill(y, 2, 0);
    cr_device *d = cr_device_open(NULL);
    cr_assert(d, "%s", cr_error());
    cr_exec *e = cr_exec_create(d, NULL, add_module(), NULL);
    cr_assert(e, "%s", cr_error());
    assert_ok(cr_exec_feed(e, "x", x, sizeof x));
    assert_ok(cr_exec_feed(e, "y", y, sizeof y));
    assert_ok(cr_exec_run(e, 1));
    assert_ok(cr_exec_fetch(e, "sum", sum, sizeof sum));
    for (int i = 0; i < N; i++)
        cr_assert(sum[i] == 3.0f);
    bool cached = cr_exec_from_cache(e);
    cr_exec_destroy(e);
    cr_device_unref(d);
    return cached;
}

static char *only_entry(const char *folder)
{
    char path[400] = "";
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    closedir(d);
    return cr_strdup(path);
}

Test(cache, programs_come_from_it)
{
    const char *folder = own_cache();
    cr_assert(!run_add());
    cr_assert(entries(folder) == 1);
    cr_assert(run_add());
    setenv("CRISOL_CACHE", "off", 1);
    cr_assert(!run_add());
}

Test(cache, a_damaged_program_is_built_again)
{
    const char *folder = own_cache();
    run_add();
    char *path = only_entry(folder);
    cr_assert(truncate(path, 500) == 0);
    cr_assert(!run_add());
    cr_assert(run_add());
    cr_free(path);
}

/* The only entry's key, to be cr_freed. */
static char *only_key(const char *folder)
{
    char *path = only_entry(folder);
    size_t size;
    char *file = cr_file_read(path, &size);
    uint64_t key_size;
    memcpy(&key_size, file + 16, sizeof key_size);
    char *key = cr_alloc(key_size + 1);
    memcpy(key, file + 32, key_size);
    cr_free(file);
    cr_free(path);
    return key;
}

/* The entry is sound, but the driver does not know what is in it. */
Test(cache, a_refused_program_is_built_again)
{
    const char *folder = own_cache();
    run_add();
    char *key = only_key(folder);
    cr_cache_store(key, "nonsense", 8);
    cr_assert(holds(key, "nonsense"));
    cr_assert(!run_add());
    cr_assert(run_add() && !holds(key, "nonsense"));
    cr_free(key);
}

/* What PoCL gives as a program's binary while another process builds the same: to read it would be
 * the end of this one. */
Test(cache, a_program_without_its_bitcode_is_built_again)
{
    enum { BITCODE = 77 };
    const char *folder = own_cache();
    run_add();
    char *key = only_key(folder);
    size_t size;
    unsigned char *program = cr_cache_load(key, &size);
    if (size > BITCODE + 8 && memcmp(program, "poclbin", 8) == 0) {
        uint64_t bytes;
        memcpy(&bytes, program + BITCODE, sizeof bytes);
        cr_assert(bytes > 0 && bytes < size);
        memset(program + BITCODE, 0, sizeof bytes);
        memmove(program + BITCODE + 8, program + BITCODE + 8 + bytes, size - BITCODE - 8 - bytes);
        cr_cache_store(key, program, size - bytes);
        cr_assert(!run_add());
        cr_assert(run_add());
    }
    cr_free(program);
    cr_free(key);
}
