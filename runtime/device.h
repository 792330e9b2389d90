/* device.h - an open device, as the other files of runtime see it. */
#ifndef CR_DEVICE_H
#define CR_DEVICE_H

#include "cl.h"
#include "runtime.h"

struct cr_device {
    uint32_t refs;
    cr_device_facts info;
    char reason[CR_REASON_TEXT];
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;     /* in order */
    cl_command_queue profiling; /* in order, with time stamps; NULL until first asked for */
    cl_command_queue
        transfer; /* in order, for uploads beside what runs; NULL until first asked for */
    uint64_t bytes, peak_bytes; /* allocated on it now, and at most */
    char *dump_folder;          /* NULL: kernels are not dumped */
};

/* The OpenCL objects behind the i-th entry of cr_device_list. */
typedef struct cr_device_ids {
    cl_platform_id platform;
    cl_device_id device;
} cr_device_ids;

/* cr_device_list with the ids; either result is to be cr_freed. */
cr_status cr_devices_probe(cr_device_facts **list, cr_device_ids **ids, uint32_t *count);

/* The queue with profiling, made at the first call. */
cr_status cr_device_profiling_queue(cr_device *device, cl_command_queue *queue);
/* Makes device->transfer at the first call. */
cr_status cr_device_transfer_queue(cr_device *device);

#endif
