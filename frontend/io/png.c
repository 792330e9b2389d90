/* png.c - pictures as PNG files, by libpng. */
#include <png.h>

#include "base.h"
#include "crisol/io/picture.h"

enum { MAX_SIDE = 65535 };

static cr_status failed(const char *path, png_image *image)
{
    cr_status status = cr_fail(CR_E_IO, "%s: libpng: %s", path, image->message);
    png_image_free(image);
    return status;
}

cr_status cr_picture_write(const char *path, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    if (!path || !rgb)
        return cr_fail(CR_E_ARGUMENT, "picture: the %s NULL", path ? "pixels are" : "path is");
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return cr_fail(CR_E_ARGUMENT, "%s: a picture of %u x %u pixels; from 1 to %d each way",
                       path, width, height, MAX_SIDE);
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *file = cr_alloc(size);
    if (!file)
        return CR_E_MEMORY;
    cr_status status = CR_OK;
    if (!png_image_write_to_memory(&image, file, &size, 0, rgb, 0, NULL))
        status = failed(path, &image);
    else
        status = cr_file_write(path, file, size);
    cr_free(file);
    return status;
}
