/* crisol/io/picture.h - pictures of pixels, as files. */
#ifndef CRISOL_IO_PICTURE_H
#define CRISOL_IO_PICTURE_H

#include "crisol/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a picture as a PNG file: `rgb` holds height rows of width pixels, from the top left, of
 * three bytes each (sRGB). It is written to a temporary name, synced and renamed: a failed write
 * leaves the file as it was. CR_E_ARGUMENT for NULL, or a size that is not from 1 to 65535 each
 * way; CR_E_IO, CR_E_MEMORY. */
CR_API cr_status cr_picture_write(const char *path, const uint8_t *rgb, uint32_t width,
                                  uint32_t height);

#ifdef __cplusplus
}
#endif
#endif
