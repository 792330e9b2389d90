/* words.h - texts of the user's that are words with commas between: nets, schedules. */
#ifndef CR_NN_WORDS_H
#define CR_NN_WORDS_H

#include "base.h"

typedef struct cr_word_reader {
    const char *what;    /* the text, for messages: "net" */
    const char *text;    /* all of it */
    const char *subject; /* the word that parameters are read for */
    const char *at;      /* where the next word is looked for */
    const char *word;    /* the last word */
    size_t len;          /* 0: there is none before the next comma or the end */
} cr_word_reader;

/* The next word before a comma or the end; false when there is none. */
bool cr_words_next(cr_word_reader *r);
/* Is it the last word? Is it the next one? */
bool cr_words_is(const cr_word_reader *r, const char *s);
bool cr_words_next_is(const cr_word_reader *r, const char *s);
/* How many characters of the last word a message shows: "%.*s". */
int cr_words_shown(const cr_word_reader *r);

/* CR_E_SYNTAX: says what is wrong with the last word, quotes the text, and points at the word. */
cr_status cr_words_wrong(const cr_word_reader *r, const char *fmt, ...) CR_PRINTF(2, 3);

/* The next word as a number; `what` is "a number of units", say; a whole one is from `least` to
 * `most`, any other finite. */
cr_status cr_words_whole(cr_word_reader *r, const char *what, int64_t least, int64_t most,
                         int64_t *out);
/* The same for "3", which are two of that number, or "3x5". */
cr_status cr_words_pair(cr_word_reader *r, const char *what, int64_t least, int64_t most,
                        int64_t out[2]);
cr_status cr_words_float(cr_word_reader *r, const char *what, float *out);
/* The last word as a number. */
bool cr_words_number(const cr_word_reader *r, double *out);

/* The last word is none of a list, or there is none: `what` is "a layer", say. */
cr_status cr_words_unknown(const cr_word_reader *r, const char *what, const char *list);

#endif
