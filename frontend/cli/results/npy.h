/* npy.h - arrays in NumPy's format. */
#ifndef CRISOL_CLI_NPY_H
#define CRISOL_CLI_NPY_H

#include "cli.h"

/* Writes [n, columns] as NumPy does. CLI_OK, or the exit status after a message. */
int npy_write(const char *path, const float *at, uint32_t n, uint32_t columns);

#endif
