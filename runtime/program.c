/* program.c - see program.h. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* mkdtemp */
#endif

#include "program.h"

#include "program_cache.h"

/* ---- keeping sources --------------------------------------------------------------------- */

/* A module's name as part of a file's: names may come from a user. */
static void file_name(const char *name, const char *source, char *out, size_t size)
{
    char safe[48];
    size_t n = 0;
    for (; name[n] && n < sizeof safe - 1; n++) {
        char c = name[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        safe[n] = plain || c == '-' || c == '_' ? c : '_';
    }
    safe[n] = '\0';
    uint64_t hash = cr_hash(CR_HASH_SEED, source, strlen(source));
    snprintf(out, size, "%s-%016llx.cl", n ? safe : "module", (unsigned long long)hash);
}

static cr_status dump(const char *folder, const char *name, const char *source)
{
    char file[96];
    file_name(name, source, file, sizeof file);
    cr_strbuf path = {0};
    cr_str_printf(&path, "%s/%s", folder, file);
    cr_status status = path.failed ? CR_E_MEMORY : cr_file_write(path.at, source, strlen(source));
    cr_str_finish(&path);
    return status;
}

/* The source of a program that failed to build, in a folder of its own that nobody else can have
 * prepared. `path` says where, or why not. */
static void keep_source(const char *name, const char *source, cr_strbuf *path)
{
    const char *tmp = getenv("TMPDIR");
    cr_strbuf folder = {0};
    cr_str_printf(&folder, "%s/crisol-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char file[96];
    file_name(name, source, file, sizeof file);
    if (!folder.failed && mkdtemp(folder.at) && dump(folder.at, name, source) == CR_OK)
        cr_str_printf(path, "its source is in %s/%s", folder.at, file);
    else
        cr_str_printf(path, "its source could not be written to %s", cr_str_text(&folder));
    cr_str_finish(&folder);
}

/* ---- building ---------------------------------------------------------------------------- */

static char *build_log(cr_built_program *p)
{
    size_t n = 0;
    if (!CL_OK(clGetProgramBuildInfo(p->program, p->device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n)))
        return NULL;
    char *log = cr_alloc(n + 1);
    if (!log)
        return NULL;
    if (!CL_OK(
            clGetProgramBuildInfo(p->program, p->device->id, CL_PROGRAM_BUILD_LOG, n, log, NULL)))
        log[0] = '\0';
    return log;
}

static cr_status report_build(cr_built_program *p, cl_int error, const char *name,
                              const char *source)
{
    enum { LOG_SHOWN = 8 * 1024 }; /* drivers may write megabytes; the first error is what counts */
    char *log = build_log(p);
    cr_strbuf where = {0};
    keep_source(name, source, &where);
    cr_status status =
        cr_fail(CR_E_DEVICE, "clBuildProgram: %s (%d), building \"%s\" for %s; %s\n%.*s",
                cr_cl_error_name(error), (int)error, name, p->device->info.name,
                cr_str_text(&where), LOG_SHOWN, log ? log : "(no build log)");
    cr_str_finish(&where);
    cr_free(log);
    return status;
}

static cr_status build_source(cr_built_program *p, const char *name, const char *source,
                              const char *options)
{
    CL_CREATE(p->program, clCreateProgramWithSource(p->device->context, 1, &source, NULL, &cl_err),
              "taking the source of \"%s\"", name);
    cl_int error = cr_cl_injected();
    if (error == CL_SUCCESS)
        error = clBuildProgram(p->program, 1, &p->device->id, options, NULL, NULL);
    return error == CL_SUCCESS ? CR_OK : report_build(p, error, name, source);
}

/* ---- the cache --------------------------------------------------------------------------- */

/* All that the binary depends on. One line each; the source, which may have many, comes last. */
static char *cache_key(const cr_device *d, const char *source, const char *options)
{
    cr_strbuf key = {0};
    cr_str_printf(&key, "format %d\noptions %s\ndevice %s\nversion %s\ndriver %s\nplatform %s %s\n",
                  CR_CACHE_FORMAT, options, d->info.name, d->info.version, d->info.driver,
                  d->info.platform, d->info.platform_version);
    cr_str_add(&key, source);
    return cr_str_take(&key);
}

static uint64_t little_endian(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* Whether a binary is one that its driver can read again. PoCL (seen with 3.1; the code is the same
 * in later ones) keeps a program's bitcode in a cache of its own and writes it by removing the file
 * first: when two processes build one program at once, the binary that one of them is given may
 * lack it, and whoever reads that binary is ended by an assertion. The layout of versions 9 to 12,
 * from lib/CL/pocl_binary.c: magic (8 bytes), device (8), version (4), kernels (4), flags (8),
 * entries (4), hash (41), and of the first entry, the bitcode, the size (8). */
static bool binary_is_whole(const unsigned char *binary, size_t size)
{
    enum { VERSION = 16, KERNELS = 20, BITCODE = 77, HEAD = BITCODE + 8 };
    if (size < HEAD || memcmp(binary, "poclbin", 8) != 0)
        return size > 0;
    const uint64_t version = little_endian(binary + VERSION, 4);
    return version < 9 || version > 12 ||
           (little_endian(binary + KERNELS, 4) > 0 && little_endian(binary + BITCODE, 8) > 0);
}

static cr_status load_binary(cr_built_program *p, const unsigned char *binary, size_t size,
                             const char *options)
{
    cl_int loaded = CL_SUCCESS;
    CL_CREATE(p->program,
              clCreateProgramWithBinary(p->device->context, 1, &p->device->id, &size, &binary,
                                        &loaded, &cl_err),
              "loading a cached program");
    if (loaded == CL_SUCCESS)
        CL_TRY(clBuildProgram(p->program, 1, &p->device->id, options, NULL, NULL),
               "building a cached program");
    return loaded == CL_SUCCESS ? CR_OK : CR_E_DEVICE;
}

/* A driver may refuse what it once wrote: then the source is built, and replaces the entry. */
static bool load_cached(cr_built_program *p, const char *options)
{
    size_t size;
    unsigned char *binary = cr_cache_load(p->key, &size);
    if (!binary)
        return false;
    p->from_cache = binary_is_whole(binary, size) && load_binary(p, binary, size, options) == CR_OK;
    if (!p->from_cache)
        CL_RELEASE(clReleaseProgram, p->program);
    cr_free(binary);
    return p->from_cache;
}

cr_status cr_built_program_init(cr_built_program *p, cr_device *device, const char *name,
                                const char *source, const char *options)
{
    p->device = device;
    if (device->dump_folder)
        CR_TRY(dump(device->dump_folder, name, source));
    if (cr_cache_enabled()) {
        p->key = cache_key(device, source, options);
        if (!p->key)
            return CR_E_MEMORY;
        if (load_cached(p, options))
            return CR_OK;
    }
    CR_TRY(build_source(p, name, source, options));
    p->unsaved = p->key != NULL;
    return CR_OK;
}

static cr_status read_binary(const cr_built_program *p, unsigned char **binary, size_t *size)
{
    *size = 0;
    CL_TRY(clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof *size, size, NULL),
           "asking for a program's size");
    *binary = *size ? cr_alloc(*size) : NULL;
    if (!*binary)
        return CR_E_MEMORY;
    CL_TRY(clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof *binary, binary, NULL),
           "reading a program");
    return CR_OK;
}

void cr_built_program_save(cr_built_program *p)
{
    if (!p->unsaved)
        return;
    p->unsaved = false;
    unsigned char *binary = NULL;
    size_t size;
    if (read_binary(p, &binary, &size) == CR_OK && binary_is_whole(binary, size))
        cr_cache_store(p->key, binary, size);
    cr_free(binary);
}

void cr_built_program_finish(cr_built_program *p)
{
    CL_RELEASE(clReleaseProgram, p->program);
    cr_free(p->key);
    p->key = NULL;
}
