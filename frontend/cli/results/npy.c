/* npy.c - see npy.h. */
#include "results/npy.h"

/* NumPy's format, version 1.0: the header is filled up to 64 bytes. */
int npy_write(const char *path, const float *at, uint32_t n, uint32_t columns)
{
    const size_t bytes = (size_t)n * columns * sizeof *at;
    char head[128];
    memset(head, ' ', sizeof head);
    const uint16_t one = 1;
    const int len = snprintf(head + 10, sizeof head - 10,
                             "{'descr': '%cf4', 'fortran_order': False, 'shape': (%u, %u), }",
                             *(const char *)&one ? '<' : '>', n, columns);
    head[10 + len] = ' ';
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10); /* 118 bytes follow */
    head[sizeof head - 1] = '\n';
    char *all = cli_alloc(sizeof head + bytes);
    memcpy(all, head, sizeof head);
    memcpy(all + sizeof head, at, bytes);
    const int status = cli_write(path, all, sizeof head + bytes);
    free(all);
    return status;
}
