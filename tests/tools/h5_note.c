/* h5_note.c - `h5_note FILE OBJECT NAME TEXT`: gives an object of an HDF5 file an attribute, and
 * takes its checksum away: what a file may say that Crisol never wrote. */
#include <hdf5.h>
#include <stdio.h>
#include <string.h>

static int set(hid_t object, const char *name, const char *text)
{
    if (H5Aexists(object, "xxh3_64") > 0)
        H5Adelete(object, "xxh3_64");
    if (H5Aexists(object, name) > 0)
        H5Adelete(object, name);
    const hid_t type = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text) + 1);
    const hid_t attribute = H5Acreate2(object, name, type, one, H5P_DEFAULT, H5P_DEFAULT);
    const int status = attribute >= 0 && H5Awrite(attribute, type, text) >= 0 ? 0 : 1;
    H5Aclose(attribute);
    H5Sclose(one);
    H5Tclose(type);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: h5_note FILE OBJECT NAME TEXT\n");
        return 1;
    }
    const hid_t file = H5Fopen(argv[1], H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t object = file >= 0 ? H5Oopen(file, argv[2], H5P_DEFAULT) : -1;
    const int status = object >= 0 ? set(object, argv[3], argv[4]) : 1;
    if (object >= 0)
        H5Oclose(object);
    if (file >= 0)
        H5Fclose(file);
    return status;
}
