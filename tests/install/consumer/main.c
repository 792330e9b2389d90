/* A program of a user's, as small as can be: it uses the library that it was compiled for. */
#include <crisol/crisol.h>
#include <crisol/version.h>

#include <stdio.h>
#include <string.h>

/* Names that the library uses inside are the user's to use. */
int cr_alloc(void)
{
    return 1;
}
int cr_free(void)
{
    return 2;
}
int cr_fail(void)
{
    return 3;
}

int main(void)
{
    if (cr_alloc() + cr_free() + cr_fail() != 6)
        return 1;
    printf("headers %s, library %s\n", CR_VERSION, cr_version());
    if (strcmp(CR_VERSION, cr_version()) != 0)
        return 1;

    cr_graph *g = cr_graph_create("consumer");
    if (!g || cr_graph_status(g) != CR_OK)
        return 1;
    cr_graph_destroy(g);
    return 0;
}
