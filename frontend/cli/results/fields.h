/* fields.h - reading back the CSV files that the command writes. */
#ifndef CRISOL_CLI_FIELDS_H
#define CRISOL_CLI_FIELDS_H

/* Both change the text that they read. */

/* The next line that is not empty, its end cut off; *at moves behind it. NULL at the text's end. */
char *field_line(char **at);
/* The next field of a line, without its quotes; *at moves behind it, and is NULL after the last
 * one. NULL when *at is. */
char *field_next(char **at);

#endif
