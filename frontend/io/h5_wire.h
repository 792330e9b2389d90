/* h5_wire.h - what a child process says about an HDF5 file: the format of the pipe between
 * h5_child.c, which writes it, and h5_listing.c, which reads it and trusts nothing.
 *
 * Numbers are of this machine's order and unaligned; a text is u32 length and bytes without a zero.
 *
 *   listing    = magic object* END
 *   object     = OBJECT text:path u8:dataset [u8:type u8:swapped u8:rank u64:dim* where] attribute*
 *   where      = u8 KIND, then
 *                CR_H5_IN_FILE u64:offset | CR_H5_LATER | CR_H5_KEPT u64:bytes elements
 *                | CR_H5_KEPT_TEXTS u32:n text* | CR_H5_REFUSED text:why
 *   attribute  = ATTRIBUTE text:name u8:type u32:n (numbers: n f64; texts: n text)
 *   failure    = FAILED u8:damaged text:why, instead of what else would come
 *
 * Elements that are asked for (CR_H5_LATER) come as they are, in order, without anything around. */
#ifndef CR_H5_WIRE_H
#define CR_H5_WIRE_H

#include "h5.h"

#define CR_H5_MAGIC "cr-h5 1\n"

enum { CR_H5_OBJECT = 'o', CR_H5_ATTRIBUTE = 'a', CR_H5_FAILED = 'f', CR_H5_END = 'e' };

typedef enum cr_h5_where {
    CR_H5_IN_FILE,    /* contiguous, as they are, from an offset on */
    CR_H5_LATER,      /* in chunks, compressed, not written at all: a child reads them */
    CR_H5_KEPT,       /* few bytes, which came with the listing */
    CR_H5_KEPT_TEXTS, /* a data set of texts */
    CR_H5_REFUSED,    /* not read; `kept` says why */
    CR_H5_WHERE_COUNT
} cr_h5_where;

enum {
    CR_H5_MAX_OBJECTS = 1 << 16,
    CR_H5_MAX_DEPTH = 64,
    CR_H5_MAX_PATH = 4096,
    CR_H5_MAX_ATTRIBUTES = 1 << 18, /* of all objects */
    CR_H5_MAX_TEXTS = 1 << 20,      /* in one attribute or data set */
    CR_H5_MAX_LISTING = 256 << 20,  /* bytes on the pipe */
    CR_H5_MAX_ATTRIBUTE = 64 << 20, /* bytes of an attribute's elements in memory */
    CR_H5_MAX_KEPT = 32 << 10,      /* bytes of elements that come with the listing */
    CR_H5_MAX_EXPANSION = 1100,     /* bytes that a stored byte may stand for: deflate's most */
    CR_H5_SECONDS = 60,             /* of silence on the pipe */
    CR_H5_CPU_SECONDS = 5,          /* for a listing */
};

/* Writes the listing of a file to `out`, in the child. With `image` the file is in memory. Does not
 * return on a crash. */
void cr_h5_child_list(int out, const char *path, const void *image, size_t size);
/* Writes elements [first, first + count) of the data set at `object`, 0 after the last; nothing
 * when it cannot. */
void cr_h5_child_read(int out, const char *path, const void *image, size_t size, const char *object,
                      uint64_t first, uint64_t count);

/* Reads a listing of a file of `file_size` bytes, without any HDF5. NULL on failure. */
cr_h5 *cr_h5_listing_parse(const char *shown_name, const void *listing, size_t size,
                           uint64_t file_size);

typedef struct cr_h5_attribute {
    const char *name;
    bool text;
    uint32_t n;
    const void *at; /* const char *const * or const double * */
} cr_h5_attribute;

struct cr_h5 {
    char *name;
    int fd;
    const void *image; /* of a file in memory */
    uint64_t size;
    void *map; /* the whole file, once asked for */
    cr_arena arena;
    CR_VEC(cr_h5_node) node;
    CR_VEC(cr_h5_attribute) attribute;
    cr_map by_path;
};

/* Holds all of HDF5's calls in this process, which knows nothing of threads; and forks, so that no
 * child is born amid such a call. */
void cr_h5_lock(void);
void cr_h5_unlock(void);

#endif
