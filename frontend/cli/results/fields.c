/* fields.c - see fields.h. */
#include "results/fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

char *field_line(char **at)
{
    while (**at) {
        char *line = *at;
        const size_t n = strcspn(line, "\r\n");
        *at += n + (line[n] != '\0');
        line[n] = '\0';
        if (n)
            return line;
    }
    return NULL;
}

/* What is in quotes, from the first one on; moves *at to what follows the last one. */
static char *quoted(char **at)
{
    char *field = *at + 1, *to = field, *from = field;
    while (*from && !(from[0] == '"' && from[1] != '"')) {
        from += *from == '"';
        *to++ = *from++;
    }
    *at = *from ? from + 1 : from;
    *to = '\0';
    return field;
}

char *field_next(char **at)
{
    char *field = *at;
    if (!field)
        return NULL;
    const bool is_quoted = *field == '"';
    char *rest = field;
    if (is_quoted)
        field = quoted(&rest);
    rest += strcspn(rest, ",");
    const bool last = *rest == '\0';
    if (!is_quoted)
        *rest = '\0';
    *at = last ? NULL : rest + 1;
    return field;
}
