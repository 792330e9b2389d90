/* fuzz_main.c - feeds the files named on the command line to a fuzz target, once each: what runs in
 * place of libFuzzer where there is none, so that the corpus is a regression test everywhere. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t *data = NULL;
    size_t len = 0, cap = 0, got = 0;
    do {
        len += got;
        if (len == cap) {
            uint8_t *grown = realloc(data, cap = cap ? 2 * cap : 4096);
            if (!grown)
                break;
            data = grown;
        }
        got = fread(data + len, 1, cap - len, f);
    } while (got > 0);
    fclose(f);
    *size = len;
    return data;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size = 0;
        uint8_t *data = read_file(argv[i], &size);
        if (!data) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
        /* a block of exactly that size, so that reading past the end is seen */
        uint8_t *exact = malloc(size ? size : 1);
        if (!exact)
            return 1;
        for (size_t k = 0; k < size; k++)
            exact[k] = data[k];
        free(data);
        fprintf(stderr, "%s\n", argv[i]);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}
