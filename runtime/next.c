/* next.c - see next.h.
 *
 *     host     staging[0] | staging[1]    written in turn; pinned where the platform does that
 *     device   b->mem     | spare         exchanged by a switch
 *
 * Uploads have a queue of their own, in order. What is between the two queues is said by events: an
 * upload waits for the commands that were enqueued before the switch that made the buffer a spare
 * one, and what is enqueued after the next switch waits for the upload. */
#include "next.h"

typedef struct staging {
    cl_mem pinned; /* NULL: ordinary memory */
    void *at;
    cl_event uploaded; /* NULL: nothing goes up from it */
} staging;

struct cr_next {
    cl_mem spare;
    cl_event unread;   /* what read the spare has finished; NULL: nothing does */
    cl_event uploaded; /* the spare has its elements; NULL: nothing was uploaded since the switch */
    staging staging[2];
    uint32_t turn;
    bool staged;
};

static void release_event(cl_event *e)
{
    CL_RELEASE(clReleaseEvent, *e);
}

/* ---- staging ----------------------------------------------------------------------------- */

/* Memory that a driver has allocated goes up several times faster where the device has its own. */
static bool pin(cr_device *d, staging *s, uint64_t bytes)
{
    cl_int error = cr_cl_injected();
    if (error == CL_SUCCESS)
        s->pinned = clCreateBuffer(d->context, CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR,
                                   (size_t)bytes, NULL, &error);
    if (error != CL_SUCCESS) {
        s->pinned = NULL;
        return false;
    }
    cr_cl_count(1);
    error = cr_cl_injected();
    if (error == CL_SUCCESS)
        s->at = clEnqueueMapBuffer(d->transfer, s->pinned, CL_TRUE, CL_MAP_WRITE, 0, (size_t)bytes,
                                   0, NULL, NULL, &error);
    if (error == CL_SUCCESS && s->at)
        return true;
    s->at = NULL;
    CL_RELEASE(clReleaseMemObject, s->pinned);
    return false;
}

static cr_status make_staging(cr_device *d, staging *s, uint64_t bytes)
{
    if (s->at || pin(d, s, bytes))
        return CR_OK;
    s->at = cr_alloc((size_t)bytes);
    return s->at ? CR_OK : CR_E_MEMORY;
}

static void release_staging(cr_device *d, staging *s)
{
    release_event(&s->uploaded);
    if (!s->pinned)
        cr_free(s->at);
    else
        (void)clEnqueueUnmapMemObject(d->transfer, s->pinned, s->at, 0, NULL, NULL);
    s->at = NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

static cr_status make_next(cr_mem *b, const char *name)
{
    CR_TRY(cr_device_transfer_queue(b->device));
    if (!b->next && !(b->next = cr_alloc(sizeof *b->next)))
        return CR_E_MEMORY;
    if (b->next->spare)
        return CR_OK;
    return cr_mem_allocate(b->device, name, b->bytes, &b->next->spare);
}

void cr_next_destroy(cr_mem *b)
{
    struct cr_next *n = b->next;
    cr_device *d = b->device;
    if (!n)
        return;
    if (d->transfer)
        (void)clFinish(d->transfer); /* nobody is left to tell of an error */
    for (size_t i = 0; i < CR_COUNTOF(n->staging); i++)
        release_staging(d, &n->staging[i]);
    if (d->transfer)
        (void)clFinish(d->transfer);
    for (size_t i = 0; i < CR_COUNTOF(n->staging); i++)
        CL_RELEASE(clReleaseMemObject, n->staging[i].pinned);
    release_event(&n->unread);
    release_event(&n->uploaded);
    cr_mem_release(d, b->bytes, &n->spare);
    cr_free(n);
    b->next = NULL;
}

/* ---- using ------------------------------------------------------------------------------- */

cr_status cr_next_stage(cr_mem *b, const char *name, void **at)
{
    CR_TRY(make_next(b, name));
    staging *s = &b->next->staging[b->next->turn];
    CR_TRY(make_staging(b->device, s, b->bytes));
    if (s->uploaded)
        CL_TRY(clWaitForEvents(1, &s->uploaded), "waiting for the upload of \"%s\"", name);
    release_event(&s->uploaded);
    b->next->staged = true;
    *at = s->at;
    return CR_OK;
}

/* What was uploaded before and never switched to is overwritten: the queue is in order. */
cr_status cr_next_upload(cr_mem *b, const char *name, uint64_t bytes)
{
    struct cr_next *n = b->next;
    if (!n || !n->staged)
        return cr_fail(CR_E_ARGUMENT, "nothing was staged for input \"%s\"", name);
    if (bytes == 0 || bytes > b->bytes)
        return cr_fail(CR_E_ARGUMENT, "input \"%s\" is of %llu bytes, of which %llu are to be fed",
                       name, (unsigned long long)b->bytes, (unsigned long long)bytes);
    staging *s = &n->staging[n->turn];
    cl_event event;
    CL_TRY(clEnqueueWriteBuffer(b->device->transfer, n->spare, CL_FALSE, 0, (size_t)bytes, s->at,
                                n->unread != NULL, n->unread ? &n->unread : NULL, &event),
           "uploading %llu bytes of \"%s\"", (unsigned long long)bytes, name);
    cr_cl_count(1);
    release_event(&n->uploaded);
    n->uploaded = event;
    release_event(&n->unread);
    n->turn ^= 1;
    n->staged = false;
    CL_TRY(clRetainEvent(event), "keeping an event");
    cr_cl_count(1);
    s->uploaded = event;
    CL_TRY(clFlush(b->device->transfer), "starting the upload of \"%s\"", name);
    return CR_OK;
}

cr_status cr_next_switch(cr_mem *b, const char *name, cl_command_queue queue)
{
    struct cr_next *n = b->next;
    if (!n || !n->uploaded)
        return cr_fail(CR_E_ARGUMENT,
                       "input \"%s\" was not fed next: there is nothing to switch to", name);
    cl_event read;
    CL_TRY(clEnqueueMarkerWithWaitList(queue, 0, NULL, &read), "marking the end of \"%s\"", name);
    cr_cl_count(1);
    release_event(&n->unread);
    n->unread = read;
    CL_TRY(clEnqueueBarrierWithWaitList(queue, 1, &n->uploaded, NULL),
           "waiting for the upload of \"%s\"", name);
    CL_TRY(clFlush(queue), "switching to the next \"%s\"", name);
    release_event(&n->uploaded);
    const cl_mem old = b->mem;
    b->mem = n->spare;
    n->spare = old;
    b->version++;
    b->fed = true;
    return CR_OK;
}
