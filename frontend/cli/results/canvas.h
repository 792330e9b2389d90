/* canvas.h - a picture of pixels to draw on: rectangles, text in a font of 5 x 8 pixels. */
#ifndef CRISOL_CLI_CANVAS_H
#define CRISOL_CLI_CANVAS_H

#include "cli.h"

typedef struct canvas {
    uint32_t width, height;
    uint8_t *rgb; /* height rows of width pixels of three bytes */
} canvas;

/* White. To be freed by canvas_finish. */
canvas canvas_create(uint32_t width, uint32_t height);
void canvas_finish(canvas *c);

/* What lies outside is left out. Colors are 0xrrggbb. */
void canvas_fill(canvas *c, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                 uint32_t color);
/* Text whose top left is x, y, each of the font's pixels a square of `scale`; what is beyond
 * `width` is left out. A character that the font does not have is a question mark. */
void canvas_text(canvas *c, uint32_t x, uint32_t y, uint32_t width, uint32_t scale, uint32_t color,
                 const char *text);
/* The width of a text, and the height of a line, at scale 1. */
uint32_t canvas_text_width(const char *text);
enum { CANVAS_LINE = 9 };

#endif
