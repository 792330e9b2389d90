/* Descriptions of nets: anything may be read, what is refused is pointed at, and what is read is
 * the same net when it is written and read once more. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "crisol/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const cr_net *net)
{
    cr_net again;
    char *text = cr_net_print(net);
    if (!text || cr_net_parse(text, &again) != CR_OK)
        abort();
    char *second = cr_net_print(&again);
    if (!second || strcmp(text, second) != 0 || again.nlayers != net->nlayers)
        abort();
    for (uint32_t i = 0; i < net->nlayers; i++)
        if (net->layer[i].kind != again.layer[i].kind ||
            strcmp(net->layer[i].name, again.layer[i].name) != 0 ||
            net->layer[i].again != again.layer[i].again)
            abort();
    cr_net_finish(&again);
    cr_string_free(text);
    cr_string_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_net net;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const cr_status status = cr_net_parse(text, &net);
    if (status == CR_OK)
        write_and_read(&net);
    else if (!strstr(cr_error(), "column"))
        abort();
    cr_net_finish(&net);
    free(text);
    if (cr_alloc_live())
        abort();
    return 0;
}
