/* mem.c - see mem.h. */
#include "next.h"

/* ---- creating ---------------------------------------------------------------------------- */

static cr_mem *buffer_new(cr_device *device, uint64_t bytes)
{
    cr_mem *b = cr_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->refs = 1;
    b->bytes = bytes;
    b->device = cr_device_ref(device);
    return b;
}

cr_status cr_mem_allocate(cr_device *d, const char *name, uint64_t bytes, cl_mem *mem)
{
    CL_CREATE(*mem,
              clCreateBuffer(d->context, CL_MEM_READ_WRITE, (size_t)bytes + CR_DEVICE_SLACK, NULL,
                             &cl_err),
              "allocating %llu bytes for memory \"%s\"", (unsigned long long)bytes, name);
    d->bytes += bytes + CR_DEVICE_SLACK;
    d->peak_bytes = CR_MAX(d->peak_bytes, d->bytes);
    return CR_OK;
}

void cr_mem_release(cr_device *d, uint64_t bytes, cl_mem *mem)
{
    if (*mem)
        d->bytes -= bytes + CR_DEVICE_SLACK;
    CL_RELEASE(clReleaseMemObject, *mem);
}

cr_mem *cr_mem_on_device(cr_device *device, const char *name, uint64_t bytes)
{
    cr_mem *b = buffer_new(device, bytes);
    if (b && cr_mem_allocate(device, name, bytes, &b->mem) != CR_OK) {
        cr_mem_unref(b);
        return NULL;
    }
    return b;
}

cr_mem *cr_mem_on_host(cr_device *device, uint64_t bytes)
{
    cr_mem *b = buffer_new(device, bytes);
    if (b && !(b->host = cr_alloc((size_t)bytes))) {
        cr_mem_unref(b);
        return NULL;
    }
    return b;
}

cr_mem *cr_mem_borrowed(cr_device *device, uint64_t bytes)
{
    cr_mem *b = buffer_new(device, bytes);
    if (b)
        b->borrowed = true;
    return b;
}

/* Vectors are loaded past the last element, but never past a page that holds one: the smallest page
 * of all systems is meant. */
const char *cr_device_why_not_in_place(const cr_device_facts *d, const void *data, uint64_t bytes)
{
    enum { PAGE = 4096 };
    const uintptr_t at = (uintptr_t)data, align = CR_MAX(d->align_bytes, 64);
    if (!d->unified)
        return "the device has its own memory";
    if (at % align != 0)
        return "the data is not aligned as the device's buffers are";
    if ((at + bytes - 1) / PAGE != (at + bytes + CR_DEVICE_SLACK - 1) / PAGE)
        return "the data ends at the end of a page, and kernels may load 64 bytes beyond it";
    return NULL;
}

static cr_status over(cr_mem *b, const void *data)
{
    CL_CREATE(b->mem,
              clCreateBuffer(b->device->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR,
                             (size_t)b->bytes + CR_DEVICE_SLACK, (void *)(uintptr_t)data, &cl_err),
              "using %llu bytes in place", (unsigned long long)b->bytes);
    return CR_OK;
}

cr_mem *cr_mem_in_place(cr_device *device, const void *data, uint64_t bytes, const char **why)
{
    *why = cr_device_why_not_in_place(&device->info, data, bytes);
    cr_mem *b = *why ? NULL : buffer_new(device, bytes);
    if (!b)
        return NULL;
    b->in_place = true;
    if (over(b, data) == CR_OK)
        return b;
    *why = "the driver does not take memory of the caller's";
    cr_mem_unref(b);
    return NULL;
}

cr_mem *cr_mem_ref(cr_mem *b)
{
    b->refs++;
    return b;
}

void cr_mem_unref(cr_mem *b)
{
    if (!b || --b->refs > 0)
        return;
    cr_next_destroy(b);
    if (b->in_place)
        CL_RELEASE(clReleaseMemObject, b->mem);
    else
        cr_mem_release(b->device, b->bytes, &b->mem);
    if (!b->borrowed)
        cr_free(b->host);
    cr_device_unref(b->device);
    cr_free(b);
}

/* ---- contents ---------------------------------------------------------------------------- */

cr_status cr_mem_zero(cr_mem *b)
{
    const cl_uchar zero = 0;
    if (b->mem)
        CL_TRY(clEnqueueFillBuffer(b->device->queue, b->mem, &zero, sizeof zero, 0,
                                   (size_t)b->bytes + CR_DEVICE_SLACK, 0, NULL, NULL),
               "zeroing %llu bytes", (unsigned long long)b->bytes);
    else
        memset(b->host, 0, (size_t)b->bytes);
    return CR_OK;
}

cr_status cr_mem_write(cr_mem *b, uint64_t offset, const void *data, uint64_t bytes)
{
    if (b->mem)
        CL_TRY(clEnqueueWriteBuffer(b->device->queue, b->mem, CL_TRUE, (size_t)offset,
                                    (size_t)bytes, data, 0, NULL, NULL),
               "writing %llu bytes", (unsigned long long)bytes);
    else
        memcpy((char *)b->host + offset, data, (size_t)bytes);
    return CR_OK;
}

cr_status cr_mem_read(cr_mem *b, uint64_t offset, void *out, uint64_t bytes)
{
    if (b->mem)
        CL_TRY(clEnqueueReadBuffer(b->device->queue, b->mem, CL_TRUE, (size_t)offset, (size_t)bytes,
                                   out, 0, NULL, NULL),
               "reading %llu bytes", (unsigned long long)bytes);
    else
        memcpy(out, (const char *)b->host + offset, (size_t)bytes);
    return CR_OK;
}
