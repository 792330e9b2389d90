/* Whole files, read and written. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

static char folder[64];

static void enter_folder(void)
{
    strcpy(folder, "/tmp/crisol-file-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static int files_here(void)
{
    DIR *d = opendir(".");
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static void leave_folder(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        remove(path);
    }
    closedir(d);
    rmdir(folder);
}

TestSuite(file, .init = enter_folder, .fini = leave_folder);

static void expect(const char *path, const void *data, size_t size)
{
    size_t got = 12345;
    char *text = cr_file_read(path, &got);
    cr_assert_not_null(text, "%s", cr_error());
    cr_assert_eq(got, size);
    cr_assert_eq(memcmp(text, data, size), 0);
    cr_assert_eq(text[size], 0, "a zero follows");
    cr_free(text);
}

Test(file, what_is_written_is_read)
{
    cr_assert_eq(cr_file_write("a", "one\0two", 7), CR_OK);
    expect("a", "one\0two", 7);
    cr_assert_eq(cr_file_write("a", "", 0), CR_OK);
    expect("a", "", 0);
    cr_assert_eq(files_here(), 1, "no temporary file is left");
}

Test(file, large_files)
{
    for (size_t size = 65534; size < 65538; size++) { /* the buffer's first size, and around it */
        char *data = cr_alloc(size);
        for (size_t i = 0; i < size; i++)
            data[i] = (char)(i * 31);
        cr_assert_eq(cr_file_write("big", data, size), CR_OK);
        expect("big", data, size);
        cr_free(data);
    }
    char *data = cr_alloc(3000000);
    cr_assert_eq(cr_file_write("big", data, 3000000), CR_OK);
    expect("big", data, 3000000);
    cr_free(data);
}

Test(file, absolute_paths_and_size_not_wanted)
{
    char path[128];
    snprintf(path, sizeof path, "%s/b", folder);
    cr_assert_eq(cr_file_write(path, "x", 1), CR_OK);
    char *text = cr_file_read(path, NULL);
    cr_assert_str_eq(text, "x");
    cr_free(text);
}

Test(file, a_link_stays_a_link)
{
    struct stat st;
    cr_assert_eq(cr_file_write("target", "old", 3), CR_OK);
    cr_assert_eq(symlink("target", "link"), 0);
    cr_assert_eq(cr_file_write("link", "new", 3), CR_OK);
    expect("target", "new", 3);
    cr_assert(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
}

Test(file, permissions_stay)
{
    struct stat st;
    cr_assert_eq(cr_file_write("secret", "old", 3), CR_OK);
    cr_assert_eq(chmod("secret", 0600), 0);
    cr_assert_eq(cr_file_write("secret", "new", 3), CR_OK);
    cr_assert(stat("secret", &st) == 0 && (st.st_mode & 0777) == 0600);
}

Test(file, devices_and_pipes_are_written_to_not_replaced)
{
    struct stat st;
    cr_assert_eq(cr_file_write("/dev/null", "x", 1), CR_OK);
    cr_assert(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    cr_assert_eq(cr_file_write("/dev/full", "x", 1), CR_E_IO);
    cr_assert(strstr(cr_error(), "/dev/full: cannot write: "), "%s", cr_error());
    expect("/dev/null", "", 0);
}

Test(file, failures_name_the_file_and_the_reason)
{
    cr_assert_null(cr_file_read("none", NULL));
    cr_assert_eq(cr_last_status(), CR_E_IO);
    cr_assert_str_eq(cr_error(), "none: cannot open: No such file or directory");
    cr_assert_null(cr_file_read(".", NULL));
    cr_assert_str_eq(cr_error(), ".: cannot read: Is a directory");
    cr_assert_eq(cr_file_write("none/a", "x", 1), CR_E_IO);
    cr_assert_str_eq(cr_error(), "none/a: cannot create: No such file or directory");
    cr_assert_eq(mkdir("sub", 0777), 0);
    cr_assert_eq(cr_file_write("sub", "x", 1), CR_E_IO);
    cr_assert_str_eq(cr_error(), "sub: cannot write: Is a directory");
    cr_assert_eq(files_here(), 1, "no temporary file is left");
}
