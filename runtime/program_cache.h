/* program_cache.h - compiled programs on disk. Knows nothing of OpenCL: a key is a text, a program
 * is bytes. Nothing here fails: without a cache, programs are built each time.
 *
 * The folder is $CRISOL_CACHE ("off": no cache), else $XDG_CACHE_HOME/crisol, else ~/.cache/crisol.
 * An entry is one file, named after the key's hash, that holds the key's whole text; an entry that
 * is damaged, of another format or of another key is not used, and the next store replaces it. */
#ifndef CR_PROGRAM_CACHE_H
#define CR_PROGRAM_CACHE_H

#include "base.h"

enum { CR_CACHE_FORMAT = 1 }; /* of the files; part of every key too */
#define CR_CACHE_LIMIT (256ull << 20)

/* The folder's path, to be cr_freed; NULL when the cache is off (or there is no memory). */
char *cr_cache_folder(void);
bool cr_cache_enabled(void);
/* Makes a folder and those above it; `path` is as before when it returns. */
bool cr_make_folders(char *path);
/* The path of a key's entry, to be cr_freed. */
char *cr_cache_path(const char *key);

/* The program stored for the key, to be cr_freed; NULL when there is none that can be trusted. */
unsigned char *cr_cache_load(const char *key, size_t *size);
/* Stores a program, and removes the entries used longest ago until the rest fits the limit. Where
 * that cannot be done, says so once per process on standard error. */
void cr_cache_store(const char *key, const void *program, size_t size);
/* Removes the oldest entries of a folder until the rest takes `limit` bytes at most. */
void cr_cache_trim(const char *folder, uint64_t limit);

#endif
