/* text_lex.h - reads the characters of the text form. Functions that can fail return false after
 * they reported where the mistake is; those called accept return whether there was something to
 * take. Blanks and comments before what is asked for are skipped. */
#ifndef CR_TEXT_LEX_H
#define CR_TEXT_LEX_H

#include "text.h"

struct cr_lexer {
    const char *path, *text; /* path: for messages */
    const char *at;          /* the next character */
    cr_strbuf word;          /* what cr_lex_word or cr_lex_string read last */
};

/* "path:line:column: message", the line, and a caret under `where`. Returns false. */
bool cr_lex_fail(struct cr_lexer *x, const char *where, cr_status status, const char *fmt, ...)
    CR_PRINTF(4, 5);
/* "expected ..., not ..." at the next character. Returns false. */
bool cr_lex_expected(struct cr_lexer *x, const char *what);
/* Reports that memory ended. Returns false. */
bool cr_lex_no_memory(void);

void cr_lex_blanks(struct cr_lexer *x); /* up to the end of the line */
void cr_lex_lines(struct cr_lexer *x);  /* over ends of lines, too */
bool cr_lex_accept(struct cr_lexer *x, char c);
bool cr_lex_expect(struct cr_lexer *x, char c);
bool cr_lex_accept_word(struct cr_lexer *x, const char *word);
/* The end of the line, or a '}' or the end of the text, which stay. */
bool cr_lex_end(struct cr_lexer *x);

/* A word, or a quoted string without its escapes, into x->word. */
bool cr_lex_word(struct cr_lexer *x, const char *what);
bool cr_lex_string(struct cr_lexer *x, const char *what);

/* The value of a hexadecimal digit; -1 for any other character. */
int cr_lex_hex(char c);
/* Below 2^40 in magnitude, so that sums and differences of such numbers never overflow. */
bool cr_lex_integer(struct cr_lexer *x, const char *what, int64_t *out);
/* The n of %n or !n: from 1 to 2^32 - 1. */
bool cr_lex_label(struct cr_lexer *x, char mark, uint32_t *out);
/* One element, as CONST keeps it: the bits of an f32, or the integer. */
bool cr_lex_value(struct cr_lexer *x, cr_dtype dtype, int64_t *out);
/* "(0,2,1)", and "axis(1)": at most `max` numbers. */
bool cr_lex_list(struct cr_lexer *x, uint32_t max, int64_t *out, uint32_t *n);
bool cr_lex_keyed(struct cr_lexer *x, const char *key, uint32_t max, int64_t *out, uint32_t *n);

#endif
