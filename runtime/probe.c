/* probe.c - the devices at hand, found through the ICD loader, and what they say of themselves. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#endif
#include <unistd.h>

#include "device.h"

/* Asked for by number: newer than OpenCL 1.2, or a vendor's. */
enum {
    QUERY_MAX_NUM_SUB_GROUPS = 0x105C,   /* OpenCL 2.1 */
    QUERY_ATOMIC_FENCES = 0x1064,        /* OpenCL 3.0, a bit field... */
    ATOMIC_SCOPE_DEVICE = 1 << 5,        /* ...of which this is a bit */
    QUERY_WARP_SIZE_NV = 0x4003,         /* cl_nv_device_attribute_query */
    QUERY_WAVEFRONT_WIDTH_AMD = 0x4043,  /* cl_amd_device_attribute_query */
    QUERY_SUB_GROUP_SIZES_INTEL = 0x4108 /* cl_intel_required_subgroup_size */
};

/* ---- single properties ------------------------------------------------------------------- */

/* A text of any length, cut to `size`. */
static cr_status device_text(cl_device_id id, cl_device_info what, char *out, size_t size)
{
    size_t n = 0;
    CL_TRY(clGetDeviceInfo(id, what, 0, NULL, &n), "asking for a device's property %#x", what);
    char *text = cr_alloc(n + 1);
    if (!text)
        return CR_E_MEMORY;
    cl_int error = cr_cl_injected();
    if (error == CL_SUCCESS)
        error = clGetDeviceInfo(id, what, n, text, NULL);
    if (error == CL_SUCCESS)
        snprintf(out, size, "%s", text);
    cr_free(text);
    return error == CL_SUCCESS ? CR_OK
                               : cr_cl_fail(error, "clGetDeviceInfo", "asking for %#x", what);
}

static cr_status platform_text(cl_platform_id id, cl_platform_info what, char *out, size_t size)
{
    char text[512] = "";
    CL_TRY(clGetPlatformInfo(id, what, sizeof text - 1, text, NULL),
           "asking for a platform's property %#x", what);
    snprintf(out, size, "%s", text);
    return CR_OK;
}

#define GET(id, what, field)                                                                       \
    CL_TRY(clGetDeviceInfo(id, what, sizeof(field), &(field), NULL), "asking for " #what)

/* The extensions' list is a text of words, one of which may be the beginning of another. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static cr_device_type type_of(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_CPU) /* simulators call themselves everything */
        return CR_DEVICE_CPU;
    if (type & CL_DEVICE_TYPE_GPU)
        return CR_DEVICE_GPU;
    return type & CL_DEVICE_TYPE_ACCELERATOR ? CR_DEVICE_ACCELERATOR : CR_DEVICE_OTHER;
}

/* ---- one device -------------------------------------------------------------------------- */

static cr_status probe_texts(cl_device_id id, cr_device_facts *d)
{
    CR_TRY(device_text(id, CL_DEVICE_NAME, d->name, sizeof d->name));
    CR_TRY(device_text(id, CL_DEVICE_VENDOR, d->vendor, sizeof d->vendor));
    CR_TRY(device_text(id, CL_DRIVER_VERSION, d->driver, sizeof d->driver));
    CR_TRY(device_text(id, CL_DEVICE_VERSION, d->version, sizeof d->version));
    return device_text(id, CL_DEVICE_OPENCL_C_VERSION, d->c_version, sizeof d->c_version);
}

static cr_status probe_numbers(cl_device_id id, cr_device_facts *d)
{
    cl_device_type type;
    cl_bool available, compiler, little, unified;
    cl_uint units, clock, preferred, native, align_bits;
    cl_ulong global, allocation, cache, local;
    size_t group, args;
    cl_device_local_mem_type local_type;
    GET(id, CL_DEVICE_TYPE, type);
    GET(id, CL_DEVICE_AVAILABLE, available);
    GET(id, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    GET(id, CL_DEVICE_ENDIAN_LITTLE, little);
    GET(id, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    GET(id, CL_DEVICE_MAX_COMPUTE_UNITS, units);
    GET(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, clock);
    GET(id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, preferred);
    GET(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, native);
    GET(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, align_bits);
    GET(id, CL_DEVICE_GLOBAL_MEM_SIZE, global);
    GET(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, allocation);
    GET(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cache);
    GET(id, CL_DEVICE_LOCAL_MEM_SIZE, local);
    GET(id, CL_DEVICE_LOCAL_MEM_TYPE, local_type);
    GET(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, group);
    GET(id, CL_DEVICE_MAX_PARAMETER_SIZE, args);
    d->type = type_of(type);
    d->usable = available && compiler && little;
    d->unified = unified;
    d->compute_units = units;
    d->clock_mhz = clock;
    d->preferred_f32 = preferred;
    d->native_f32 = native;
    d->align_bytes = align_bits / 8;
    d->global_bytes = global;
    d->max_alloc_bytes = allocation;
    d->global_cache_bytes = cache;
    d->local_bytes = local;
    d->local_is_real = local_type == CL_LOCAL;
    d->max_group = group;
    d->max_args_bytes = args;
    return CR_OK;
}

static cr_status probe_float(cl_device_id id, cr_device_facts *d)
{
    cl_device_fp_config config;
    GET(id, CL_DEVICE_SINGLE_FP_CONFIG, config);
    d->denormals = config & CL_FP_DENORM;
    d->round_to_nearest = config & CL_FP_ROUND_TO_NEAREST;
    d->inf_nan = config & CL_FP_INF_NAN;
    d->fma = config & CL_FP_FMA;
    d->correct_divide = config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    return CR_OK;
}

/* The largest size that a kernel may require is the one that compilers choose by default on CPUs;
 * vendors with one size only say it by a property of their own. */
static uint32_t sub_group_size(cl_device_id id)
{
    cl_uint size = 0;
    if (CL_OK(clGetDeviceInfo(id, QUERY_WARP_SIZE_NV, sizeof size, &size, NULL)))
        return size;
    if (CL_OK(clGetDeviceInfo(id, QUERY_WAVEFRONT_WIDTH_AMD, sizeof size, &size, NULL)))
        return size;
    size_t sizes[16] = {0}, bytes = 0, largest = 0;
    if (CL_OK(clGetDeviceInfo(id, QUERY_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes)))
        for (size_t i = 0; i < bytes / sizeof *sizes; i++)
            largest = CR_MAX(largest, sizes[i]);
    return (uint32_t)largest;
}

/* Drivers that report fences of work-group scope only, and were seen to compile those of device
 * scope to what the device has for them (membar.gl). */
static bool has_more_than_it_says(const cr_device_facts *d)
{
    static const char *const vendors[] = {"NVIDIA"};
    for (uint32_t i = 0; i < CR_COUNTOF(vendors); i++)
        if (strstr(d->vendor, vendors[i]))
            return true;
    return false;
}

static bool has_device_fence(cl_device_id id, const cr_device_facts *d)
{
    cl_ulong fences = 0;
    return strncmp(d->version, "OpenCL 3", 8) == 0 &&
           CL_OK(clGetDeviceInfo(id, QUERY_ATOMIC_FENCES, sizeof fences, &fences, NULL)) &&
           (fences & ATOMIC_SCOPE_DEVICE || has_more_than_it_says(d));
}

static uint32_t usable_processors(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

static cr_status probe_extensions(cl_device_id id, cr_device_facts *d)
{
    enum { EXTENSIONS_TEXT = 16 * 1024 };
    char *list = cr_alloc(EXTENSIONS_TEXT);
    if (!list)
        return CR_E_MEMORY;
    cr_status status = device_text(id, CL_DEVICE_EXTENSIONS, list, EXTENSIONS_TEXT);
    d->half = has_word(list, "cl_khr_fp16");
    d->command_buffers = has_word(list, "cl_khr_command_buffer");
    d->sub_groups = has_word(list, "cl_khr_subgroups") || has_word(list, "cl_intel_subgroups");
    cr_free(list);
    CR_TRY(status);
    cl_uint groups = 0; /* an option of OpenCL 3.0: 0 = not there */
    if (!d->sub_groups &&
        CL_OK(clGetDeviceInfo(id, QUERY_MAX_NUM_SUB_GROUPS, sizeof groups, &groups, NULL)))
        d->sub_groups = groups > 0;
    d->sub_group = sub_group_size(id);
    d->device_fence = has_device_fence(id, d);
    d->processors = usable_processors();
    return CR_OK;
}

static cr_status probe_device(cl_platform_id platform, cl_device_id id, cr_device_facts *d)
{
    CR_TRY(platform_text(platform, CL_PLATFORM_NAME, d->platform, sizeof d->platform));
    CR_TRY(platform_text(platform, CL_PLATFORM_VERSION, d->platform_version,
                         sizeof d->platform_version));
    CR_TRY(probe_texts(id, d));
    CR_TRY(probe_numbers(id, d));
    CR_TRY(probe_float(id, d));
    return probe_extensions(id, d);
}

/* ---- all devices ------------------------------------------------------------------------- */

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

static const char advice[] =
    "for the CPU install PoCL (Debian and Ubuntu: apt install pocl-opencl-icd), for a GPU its "
    "vendor's OpenCL driver; `clinfo -l` lists what the system sees";

typedef struct found {
    CR_VEC(cr_device_facts) info;
    CR_VEC(cr_device_ids) id;
} found;

static cr_status add_platform(found *f, cl_platform_id platform, uint32_t index)
{
    cl_device_id id[MAX_DEVICES];
    cl_uint n = 0;
    cl_int error = cr_cl_injected();
    if (error == CL_SUCCESS)
        error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, id, &n);
    if (error == CL_DEVICE_NOT_FOUND)
        return CR_OK;
    if (error != CL_SUCCESS)
        return cr_cl_fail(error, "clGetDeviceIDs", "listing the devices of platform %u", index);
    for (uint32_t i = 0; i < CR_MIN(n, MAX_DEVICES); i++) {
        cr_device_facts d = {.platform_index = index, .device_index = i};
        CR_TRY(probe_device(platform, id[i], &d));
        if (!cr_vec_push(&f->info, d) || !cr_vec_push(&f->id, (cr_device_ids){platform, id[i]}))
            return CR_E_MEMORY;
    }
    return CR_OK;
}

static cr_status no_platform(void)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    return cr_fail(CR_E_DEVICE, "no OpenCL platform was found%s%s%s: %s",
                   vendors ? " (OCL_ICD_VENDORS is " : "", vendors ? vendors : "",
                   vendors ? ")" : "", advice);
}

static cr_status no_device(cl_platform_id first, cl_uint platforms)
{
    char name[96] = "";
    CR_TRY(platform_text(first, CL_PLATFORM_NAME, name, sizeof name));
    return cr_fail(CR_E_DEVICE, "%u OpenCL platform%s (%s), but no device: %s", platforms,
                   platforms == 1 ? " was found" : "s were found", name, advice);
}

static cr_status find_all(found *f)
{
    cl_platform_id platform[MAX_PLATFORMS];
    cl_uint n = 0;
    cl_int error = cr_cl_injected();
    if (error == CL_SUCCESS)
        error = clGetPlatformIDs(MAX_PLATFORMS, platform, &n);
    if (error == -1001 || (error == CL_SUCCESS && n == 0)) /* CL_PLATFORM_NOT_FOUND_KHR */
        return no_platform();
    if (error != CL_SUCCESS)
        return cr_cl_fail(error, "clGetPlatformIDs", "listing the platforms");
    cr_status broken = CR_OK; /* a driver that fails must not hide those that work */
    for (cl_uint i = 0; i < CR_MIN(n, MAX_PLATFORMS); i++) {
        cr_status status = add_platform(f, platform[i], i);
        if (status == CR_E_MEMORY)
            return status;
        broken = status != CR_OK ? status : broken;
    }
    if (f->info.len > 0)
        return CR_OK;
    return broken != CR_OK ? broken : no_device(platform[0], n);
}

cr_status cr_devices_probe(cr_device_facts **list, cr_device_ids **ids, uint32_t *count)
{
    found f = {0};
    cr_cl_lock(); /* PoCL 3.1 starts twice, or is found half started */
    cr_status status = find_all(&f);
    cr_cl_unlock();
    if (status != CR_OK) {
        cr_vec_finish(&f.info);
        cr_vec_finish(&f.id);
    }
    *list = f.info.at;
    *ids = f.id.at;
    *count = f.info.len;
    return status;
}

cr_status cr_device_list(cr_device_facts **list, uint32_t *count)
{
    cr_device_ids *ids;
    cr_status status = cr_devices_probe(list, &ids, count);
    cr_free(ids);
    return status;
}
