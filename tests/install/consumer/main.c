/* A program of a user's, as small as can be: it uses the library that it was compiled for. */
#include <crisol/crisol.h>
#include <crisol/version.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("headers %s, library %s\n", CR_VERSION, cr_version());
    if (strcmp(CR_VERSION, cr_version()) != 0) return 1;

    cr_graph *g = cr_graph_create("consumer");
    if (!g || cr_graph_status(g) != CR_OK) return 1;
    cr_graph_destroy(g);
    return 0;
}
