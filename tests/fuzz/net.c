/* Descriptions of nets: anything may be read, and what is refused is pointed at. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "crisol/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_net net;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (cr_net_parse(text, &net) != CR_OK && !strstr(cr_error(), "column"))
        abort();
    free(text);
    if (cr_alloc_live())
        abort();
    return 0;
}
