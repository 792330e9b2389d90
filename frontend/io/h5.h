/* h5.h - HDF5 files, read without trust and written whole. Internal to crisol-io.
 *
 *     cr_h5 *h = cr_h5_open("model.h5");
 *     const cr_h5_node *w = h ? cr_h5_find(h, "/weights/dense1.w") : NULL;
 *     if (w && cr_h5_read_f32(h, w, out, n) != CR_OK) ...
 *     cr_h5_close(h);
 *
 * libhdf5 is known to crash, and not to end, on damaged files. So it opens them in a child process
 * of limited time and memory (h5_child.c), which lists groups, data sets and attributes over a pipe
 * (h5_wire.h). The listing is no more trusted than the file (h5_listing.c): names, counts and sizes
 * are bounded, and places in the file are held against its size. Elements that lie in the file as
 * they are this process reads itself; others (chunks, compression) come from such a child, too.
 *
 * Only what the file itself holds is read: links to other files, data sets stored in other files,
 * and filters that would be loaded as plugins are not followed. Soft links are passed over.
 *
 * All errors name the file, and the object where there is one. */
#ifndef CR_H5_H
#define CR_H5_H

#include "base.h"

typedef enum cr_h5_type {
    CR_H5_F16,
    CR_H5_F32,
    CR_H5_F64,
    CR_H5_I8,
    CR_H5_I16,
    CR_H5_I32,
    CR_H5_I64,
    CR_H5_U8,
    CR_H5_U16,
    CR_H5_U32,
    CR_H5_U64,
    CR_H5_BOOL, /* a byte; 0 is false */
    CR_H5_TEXT,
    CR_H5_OTHER /* compound, reference, bit field, ...: cannot be read */
} cr_h5_type;

/* Name ("f32"), and size of an element in memory (0 for TEXT and OTHER). */
const char *cr_h5_type_name(cr_h5_type type);
size_t cr_h5_type_size(cr_h5_type type);

enum { CR_H5_MAX_RANK = 8 };

/* A group or a data set. */
typedef struct cr_h5_node {
    const char *path; /* "/" is the root; no control characters */
    bool dataset;
    cr_h5_type type;
    uint32_t rank;
    uint64_t dim[CR_H5_MAX_RANK];
    uint64_t bytes; /* all elements, in memory: what the file claims (cr_h5_check) */
    /* private */
    uint32_t where, texts; /* cr_h5_where; how many elements a text has */
    bool swapped;          /* in the file the bytes of an element are in the other order */
    uint64_t offset;       /* in the file */
    const void *kept;      /* elements; texts as const char *const *; or why there are none */
    uint32_t first_attribute, nattributes;
} cr_h5_node;

typedef struct cr_h5 cr_h5;

/* ---- reading ------------------------------------------------------------------------------- */

/* Do the bytes of a whole file say that it is HDF5? */
bool cr_h5_is(const char *bytes, size_t size);
/* NULL on failure: CR_E_IO when there is no such file, it is no HDF5 file, it is open for writing
 * elsewhere, or damaged; CR_E_LIMIT when it has more objects than are read; CR_E_MEMORY. */
cr_h5 *cr_h5_open(const char *path);
/* The same for a file in memory, which must outlive it; `shown_name` is for messages. */
cr_h5 *cr_h5_open_memory(const char *shown_name, const void *data, size_t size);
/* Accepts NULL. */
void cr_h5_close(cr_h5 *h);

/* The file's name, for messages. */
const char *cr_h5_name(const cr_h5 *h);
/* Groups and data sets, groups before what is in them, siblings by name. */
uint32_t cr_h5_count(const cr_h5 *h);
const cr_h5_node *cr_h5_at(const cr_h5 *h, uint32_t i);
/* NULL when there is none; no message is set. */
const cr_h5_node *cr_h5_find(const cr_h5 *h, const char *path);

/* Whether the elements can be asked for, as far as is known without reading them: CR_OK, or what
 * reading will say. To be asked before memory is allocated for node->bytes, which a file that
 * cannot be read may claim at will. */
cr_status cr_h5_check(const cr_h5 *h, const cr_h5_node *node);
/* All elements, in their own type and this machine's byte order; `bytes` is node->bytes.
 * CR_E_ARGUMENT when it is another number, or the node is no data set of numbers; CR_E_IO. */
cr_status cr_h5_read(cr_h5 *h, const cr_h5_node *node, void *out, uint64_t bytes);
/* `count` elements from element `first` on, row-major. Elements that are stored in chunks are
 * decoded anew in each call, so ask for many. */
cr_status cr_h5_read_part(cr_h5 *h, const cr_h5_node *node, uint64_t first, uint64_t count,
                          void *out);
/* All n elements, converted. CR_E_ARGUMENT, with its number, when f32 is too small for one. */
cr_status cr_h5_read_f32(cr_h5 *h, const cr_h5_node *node, float *out, uint64_t n);
/* The elements where they lie in the file, mapped, when they are contiguous, aligned for their type
 * and in this machine's byte order; else NULL, and no message is set. As long as h; a file that
 * somebody shortens meanwhile gives SIGBUS. */
const void *cr_h5_map(cr_h5 *h, const cr_h5_node *node);

/* The same as cr_h5_read, and XXH3's 64 bits of the elements as they are in memory, found while
 * they are still in the cache. */
cr_status cr_h5_read_sum(cr_h5 *h, const cr_h5_node *node, void *out, uint64_t bytes,
                         uint64_t *sum);

/* How many attributes an object has (0: also when there is none), and their names. */
uint32_t cr_h5_attributes(const cr_h5 *h, const char *path);
const char *cr_h5_attribute_name(const cr_h5 *h, const char *path, uint32_t i);
/* An attribute of text (fixed or variable length). NULL when there is none of that kind; no message
 * is set. Belongs to h. */
const char *cr_h5_text(const cr_h5 *h, const char *path, const char *attribute);
/* A list of texts; with attribute NULL the elements of the data set itself. *n is 0 with NULL. */
const char *const *cr_h5_texts(const cr_h5 *h, const char *path, const char *attribute,
                               uint32_t *n);
/* An attribute of numbers, as doubles: writes at most `max`, gives how many there are; 0 when there
 * are none. */
uint32_t cr_h5_numbers(const cr_h5 *h, const char *path, const char *attribute, double *out,
                       uint32_t max);

/* ---- writing ------------------------------------------------------------------------------- */

/* A file in memory, in HDF5 1.8's format, whose metadata HDF5 itself guards by checksums; data sets
 * are contiguous. Times are left out: the same calls give the same bytes. Of the functions that
 * return a status the first failure sticks, so that a caller may check only that of cr_h5_image. */
typedef struct cr_h5_writer cr_h5_writer;

cr_h5_writer *cr_h5_create(void);
/* Groups on the way to a path are made as they are needed. */
cr_status cr_h5_group(cr_h5_writer *w, const char *path);
/* `type` is one of the numbers; `data` row-major. */
cr_status cr_h5_dataset(cr_h5_writer *w, const char *path, cr_h5_type type, uint32_t rank,
                        const uint64_t *dim, const void *data);
/* Attributes of fixed length, UTF-8; `path` must be there, "/" always is. */
cr_status cr_h5_set_text(cr_h5_writer *w, const char *path, const char *name, const char *text);
cr_status cr_h5_set_texts(cr_h5_writer *w, const char *path, const char *name,
                          const char *const *texts, uint32_t n);
cr_status cr_h5_set_number(cr_h5_writer *w, const char *path, const char *name, double number);
/* The file's bytes; the caller gives them to cr_free. Nothing may be added afterwards. */
cr_status cr_h5_image(cr_h5_writer *w, void **data, size_t *size);
/* Accepts NULL. */
void cr_h5_discard(cr_h5_writer *w);

#endif
