/* program_cache.c - see program_cache.h. */
#include "program_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define SUFFIX ".program"
enum { HASH_DIGITS = 16 };

/* What a file begins with; key and program follow. Written as it lies in memory: a file from a
 * machine of the other byte order has the wrong magic. */
typedef struct header {
    uint64_t magic;
    uint32_t format;
    uint32_t crc; /* of sizes, key and program */
    uint64_t key_size, program_size;
} header;

static const uint64_t magic_number = 0x31304c4353495243ull; /* "CRISCL01" */

static uint32_t checksum(const header *h, const void *key, const void *program)
{
    uLong crc = crc32(0, (const Bytef *)&h->key_size, sizeof h->key_size + sizeof h->program_size);
    crc = crc32_z(crc, key, h->key_size);
    return (uint32_t)crc32_z(crc, program, h->program_size);
}

static void say_once(const char *path, const char *what)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fprintf(stderr,
                "crisol: program cache: %s: %s (CRISOL_CACHE=FOLDER moves the cache, "
                "CRISOL_CACHE=off does without)\n",
                path, what);
}

/* ---- where ------------------------------------------------------------------------------- */

static char *join(const char *a, const char *b, const char *c)
{
    cr_strbuf s = {0};
    cr_str_printf(&s, "%s%s%s", a, b, c);
    return cr_str_take(&s);
}

bool cr_cache_enabled(void)
{
    const char *folder = getenv("CRISOL_CACHE");
    return !folder || strcmp(folder, "off") != 0;
}

char *cr_cache_folder(void)
{
    const char *own = getenv("CRISOL_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (!cr_cache_enabled())
        return NULL;
    if (own && *own)
        return cr_strdup(own);
    if (xdg && *xdg == '/') /* a relative path is to be ignored, says the XDG specification */
        return join(xdg, "/crisol", "");
    return home && *home ? join(home, "/.cache/crisol", "") : NULL;
}

char *cr_cache_path(const char *key)
{
    char *folder = cr_cache_folder();
    if (!folder)
        return NULL;
    char name[64];
    uint64_t hash = cr_hash(CR_HASH_SEED, key, strlen(key));
    snprintf(name, sizeof name, "/%016llx" SUFFIX, (unsigned long long)hash);
    char *path = join(folder, name, "");
    cr_free(folder);
    return path;
}

bool cr_make_folders(char *path)
{
    for (char *c = path + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *c = '/';
        if (!ok)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* ---- loading ----------------------------------------------------------------------------- */

typedef enum verdict { VALID, FOREIGN, DAMAGED } verdict;

static verdict judge(const char *file, size_t size, const char *key, header *h)
{
    if (size < sizeof *h)
        return DAMAGED;
    memcpy(h, file, sizeof *h);
    if (h->magic != magic_number)
        return DAMAGED;
    if (h->format != CR_CACHE_FORMAT)
        return FOREIGN;
    size_t rest = size - sizeof *h;
    if (h->key_size > rest || h->program_size != rest - h->key_size)
        return DAMAGED;
    const char *stored = file + sizeof *h;
    if (checksum(h, stored, stored + h->key_size) != h->crc)
        return DAMAGED;
    bool same = h->key_size == strlen(key) && memcmp(stored, key, h->key_size) == 0;
    return same ? VALID : FOREIGN;
}

static unsigned char *take_program(char *file, const header *h)
{
    memmove(file, file + sizeof *h + h->key_size, h->program_size);
    return (unsigned char *)file;
}

unsigned char *cr_cache_load(const char *key, size_t *size)
{
    char *path = cr_cache_path(key), *file = NULL;
    size_t file_size;
    header h;
    verdict v = FOREIGN;
    if (path && access(path, F_OK) == 0)
        file = cr_file_read(path, &file_size);
    if (file)
        v = judge(file, file_size, key, &h);
    if (v == DAMAGED)
        say_once(path, "damaged, not used, and going to be replaced");
    if (v == VALID) {
        utimensat(AT_FDCWD, path, NULL, 0); /* was used now: the trimmer removes the oldest */
        *size = h.program_size;
        file = (char *)take_program(file, &h);
    } else {
        cr_free(file);
        file = NULL;
    }
    cr_free(path);
    return (unsigned char *)file;
}

/* ---- storing ----------------------------------------------------------------------------- */

static char *pack(const char *key, const void *program, size_t size, size_t *file_size)
{
    header h = {.magic = magic_number,
                .format = CR_CACHE_FORMAT,
                .key_size = strlen(key),
                .program_size = size};
    h.crc = checksum(&h, key, program);
    *file_size = sizeof h + h.key_size + size;
    char *file = cr_alloc(*file_size);
    if (!file)
        return NULL;
    memcpy(file, &h, sizeof h);
    memcpy(file + sizeof h, key, h.key_size);
    memcpy(file + sizeof h + h.key_size, program, size);
    return file;
}

void cr_cache_store(const char *key, const void *program, size_t size)
{
    char *folder = cr_cache_folder();
    char *path = folder ? cr_cache_path(key) : NULL;
    size_t file_size;
    char *file = path ? pack(key, program, size, &file_size) : NULL;
    if (file) {
        if (!cr_make_folders(folder))
            say_once(folder, strerror(errno));
        else if (cr_file_write(path, file, file_size) != CR_OK)
            say_once(folder, "cannot be written");
        else
            cr_cache_trim(folder, CR_CACHE_LIMIT);
    }
    cr_free(file);
    cr_free(path);
    cr_free(folder);
}

/* ---- trimming ---------------------------------------------------------------------------- */

typedef struct entry {
    char name[96];
    uint64_t bytes;
    struct timespec used;
} entry;

typedef CR_VEC(entry) entries;

/* Files of ours, and what a killed process left of one: the folder may hold a user's own too. */
static bool is_ours(const char *name)
{
    return strlen(name) < sizeof((entry *)0)->name &&
           strspn(name, "0123456789abcdef") == HASH_DIGITS &&
           strncmp(name + HASH_DIGITS, SUFFIX, sizeof SUFFIX - 1) == 0;
}

static uint64_t list_entries(DIR *folder, entries *list)
{
    uint64_t total = 0;
    for (struct dirent *d; (d = readdir(folder));) {
        struct stat st;
        if (!is_ours(d->d_name) || fstatat(dirfd(folder), d->d_name, &st, 0) != 0)
            continue;
        entry e = {.bytes = (uint64_t)st.st_size, .used = st.st_mtim};
        memcpy(e.name, d->d_name, strlen(d->d_name) + 1);
        if (!cr_vec_push(list, e))
            break;
        total += e.bytes;
    }
    return total;
}

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const entry *)a)->used, *y = &((const entry *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void cr_cache_trim(const char *path, uint64_t limit)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    entries list = {0};
    uint64_t total = list_entries(folder, &list);
    if (total > limit)
        qsort(list.at, list.len, sizeof *list.at, by_age);
    for (uint32_t i = 0; i < list.len && total > limit; i++)
        if (unlinkat(dirfd(folder), list.at[i].name, 0) == 0)
            total -= list.at[i].bytes;
    cr_vec_finish(&list);
    closedir(folder);
}
