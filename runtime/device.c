/* device.c - an open device: context, queues, launch cost. */
#include "device.h"

#include <errno.h>
#include <sys/stat.h>

#include "program.h"

/* ---- opening ----------------------------------------------------------------------------- */

static cr_status choose(cr_device *d, const char *selector)
{
    cr_device_facts *list;
    cr_device_ids *ids;
    uint32_t count, i = 0;
    CR_TRY(cr_devices_probe(&list, &ids, &count));
    cr_status status = cr_device_choose(list, count, selector, &i, d->reason);
    if (status == CR_OK) {
        d->info = list[i];
        d->platform = ids[i].platform;
        d->id = ids[i].device;
    }
    cr_free(list);
    cr_free(ids);
    return status;
}

static cr_status make_context(cr_device *d)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)d->platform, 0};
    CL_CREATE(d->context, clCreateContext(properties, 1, &d->id, NULL, NULL, &cl_err), "opening %s",
              d->info.name);
    CL_CREATE(d->queue, clCreateCommandQueue(d->context, d->id, 0, &cl_err), "making a queue on %s",
              d->info.name);
    return CR_OK;
}

static cr_status open_device(cr_device *d, const char *selector)
{
    CR_TRY(choose(d, selector));
    cr_cl_lock();
    cr_status status = make_context(d);
    cr_cl_unlock();
    return status;
}

cr_device *cr_device_open(const char *selector)
{
    cr_device *d = cr_alloc(sizeof *d);
    if (!d)
        return NULL;
    d->refs = 1;
    if (open_device(d, selector) != CR_OK) {
        cr_device_unref(d);
        return NULL;
    }
    return d;
}

cr_device *cr_device_ref(cr_device *d)
{
    d->refs++;
    return d;
}

void cr_device_unref(cr_device *d)
{
    if (!d || --d->refs > 0)
        return;
    cr_cl_lock();
    CL_RELEASE(clReleaseCommandQueue, d->transfer);
    CL_RELEASE(clReleaseCommandQueue, d->profiling);
    CL_RELEASE(clReleaseCommandQueue, d->queue);
    CL_RELEASE(clReleaseContext, d->context);
    cr_cl_unlock();
    cr_free(d->dump_folder);
    cr_free(d);
}

const cr_device_facts *cr_device_describe(const cr_device *d)
{
    return &d->info;
}

const char *cr_device_reason(const cr_device *d)
{
    return d->reason;
}

cr_status cr_device_profiling_queue(cr_device *d, cl_command_queue *queue)
{
    if (!d->profiling)
        CL_CREATE(d->profiling,
                  clCreateCommandQueue(d->context, d->id, CL_QUEUE_PROFILING_ENABLE, &cl_err),
                  "making a queue with profiling on %s", d->info.name);
    *queue = d->profiling;
    return CR_OK;
}

cr_status cr_device_transfer_queue(cr_device *d)
{
    if (!d->transfer)
        CL_CREATE(d->transfer, clCreateCommandQueue(d->context, d->id, 0, &cl_err),
                  "making a queue for uploads on %s", d->info.name);
    return CR_OK;
}

void cr_device_memory(const cr_device *d, uint64_t *bytes, uint64_t *peak_bytes)
{
    *bytes = d->bytes;
    *peak_bytes = d->peak_bytes;
}

cr_status cr_device_dump_kernels(cr_device *d, const char *folder)
{
    char *copy = NULL;
    if (folder) {
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return cr_fail(CR_E_IO, "%s: cannot make the folder for kernels: %s", folder,
                           strerror(errno));
        copy = cr_strdup(folder);
        if (!copy)
            return CR_E_MEMORY;
    }
    cr_free(d->dump_folder);
    d->dump_folder = copy;
    return CR_OK;
}

/* ---- what a launch costs ----------------------------------------------------------------- */

typedef struct bench {
    cr_device *device;
    cr_built_program program;
    cl_kernel kernel;
    cl_mem memory;
} bench;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Microseconds for each of n launches that are waited for together. */
static cr_status time_launches(bench *b, int n, double *us)
{
    const size_t one = 1;
    cl_command_queue queue = b->device->queue;
    double start = cr_now();
    for (int i = 0; i < n; i++)
        CL_TRY(clEnqueueNDRangeKernel(queue, b->kernel, 1, NULL, &one, &one, 0, NULL, NULL),
               "launching an empty kernel");
    CL_TRY(clFinish(queue), "waiting for empty kernels");
    *us = (cr_now() - start) * 1e6 / n;
    return CR_OK;
}

static cr_status median_of(bench *b, int launches, double *us)
{
    enum { REPEATS = 31 };
    double sample[REPEATS];
    for (int i = 0; i < REPEATS; i++)
        CR_TRY(time_launches(b, launches, &sample[i]));
    qsort(sample, REPEATS, sizeof *sample, by_value);
    *us = sample[REPEATS / 2];
    return CR_OK;
}

static cr_status bench_run(bench *b, cr_launch_cost *out)
{
    static const char source[] = "__attribute__((reqd_work_group_size(1, 1, 1)))\n"
                                 "__kernel void cr_nothing(__global int *x)\n{\n}\n";
    CR_TRY(cr_built_program_init(&b->program, b->device, "nothing", source, ""));
    CL_CREATE(b->kernel, clCreateKernel(b->program.program, "cr_nothing", &cl_err),
              "making an empty kernel");
    CL_CREATE(b->memory, clCreateBuffer(b->device->context, CL_MEM_READ_WRITE, 64, NULL, &cl_err),
              "allocating 64 bytes");
    CL_TRY(clSetKernelArg(b->kernel, 0, sizeof b->memory, &b->memory),
           "setting an empty kernel's argument");
    double first;
    CR_TRY(time_launches(b, 1, &first)); /* compiles */
    cr_built_program_save(&b->program);
    CR_TRY(median_of(b, 256, &out->queued_us));
    return median_of(b, 1, &out->finished_us);
}

cr_status cr_device_launch_cost(cr_device *d, cr_launch_cost *out)
{
    bench b = {.device = d};
    cr_status status = bench_run(&b, out);
    CL_RELEASE(clReleaseMemObject, b.memory);
    CL_RELEASE(clReleaseKernel, b.kernel);
    cr_built_program_finish(&b.program);
    return status;
}
