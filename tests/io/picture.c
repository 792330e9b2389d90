/* Pictures as PNG files. */
#include <criterion/criterion.h>
#include <png.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"
#include "crisol/io/picture.h"

static char folder[] = "/tmp/crisol-picture-XXXXXX";
static char path[64];

static void in_folder(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.png", folder);
}

static void clean(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "something is left in %s", folder);
}

TestSuite(picture, .init = in_folder, .fini = clean);

Test(picture, is_read_back)
{
    enum { W = 7, H = 3 };
    uint8_t rgb[H][W][3], back[H][W][3];
    for (int i = 0; i < H * W * 3; i++)
        (&rgb[0][0][0])[i] = (uint8_t)(i * 37);
    cr_assert_eq(cr_picture_write(path, rgb[0][0], W, H), CR_OK, "%s", cr_error());
    png_image image = {.version = PNG_IMAGE_VERSION};
    cr_assert(png_image_begin_read_from_file(&image, path), "%s", image.message);
    cr_assert(image.width == W && image.height == H && image.format == PNG_FORMAT_RGB);
    cr_assert(png_image_finish_read(&image, NULL, back, 0, NULL), "%s", image.message);
    cr_assert_eq(memcmp(back, rgb, sizeof rgb), 0);
}

Test(picture, refuses)
{
    static const uint8_t pixel[3] = {0};
    cr_assert_eq(cr_picture_write(NULL, pixel, 1, 1), CR_E_ARGUMENT);
    cr_assert_eq(cr_picture_write(path, NULL, 1, 1), CR_E_ARGUMENT);
    cr_assert_eq(cr_picture_write(path, pixel, 0, 1), CR_E_ARGUMENT);
    cr_assert_eq(cr_picture_write(path, pixel, 1, 65536), CR_E_ARGUMENT);
    cr_assert(strstr(cr_error(), "a picture of 1 x 65536 pixels"));
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_eq(cr_picture_write("/nonexistent/p.png", pixel, 1, 1), CR_E_IO);
    cr_assert(strstr(cr_error(), "/nonexistent/p.png"));
}
