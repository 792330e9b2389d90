/* crisol/io/io.h - all of crisol-io, the second library: files that need more than the C library.
 * It is optional (-DCRISOL_IO=OFF leaves it out), and stands on the public headers of the first. */
#ifndef CRISOL_IO_IO_H
#define CRISOL_IO_IO_H

#include "crisol/io/checkpoint.h"
#include "crisol/io/model.h"
#include "crisol/io/picture.h"
#include "crisol/io/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The libraries that it was compiled with: "HDF5 1.10.8, libzip 1.7.3, ...". */
CR_API const char *cr_io_libraries(void);

#ifdef __cplusplus
}
#endif
#endif
