/* libraries.c - what this library stands on. */
#include <cJSON.h>
#include <hdf5.h>
#include <png.h>
#include <xxhash.h>
#include <zip.h>

#include "base.h"
#include "crisol/io/io.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *cr_io_libraries(void)
{
    return "HDF5 " VERSION(
        H5_VERS_MAJOR, H5_VERS_MINOR,
        H5_VERS_RELEASE) ", libzip " LIBZIP_VERSION ", libpng " PNG_LIBPNG_VER_STRING
                         ", cJSON " VERSION(
                             CJSON_VERSION_MAJOR, CJSON_VERSION_MINOR,
                             CJSON_VERSION_PATCH) ", xxHash " VERSION(XXH_VERSION_MAJOR,
                                                                      XXH_VERSION_MINOR,
                                                                      XXH_VERSION_RELEASE);
}
