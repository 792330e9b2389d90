/* plotting.h - what all pictures by gnuplot have in common: look, colors, text that is safe. */
#ifndef CRISOL_CLI_PLOTTING_H
#define CRISOL_CLI_PLOTTING_H

#include "cli.h"

/* Can this be plotted: does it end in .svg or .png, and is gnuplot there? Checked before any work
 * is done; NULL is fine. CLI_OK or CLI_MISTAKE. */
int plot_check(const char *option, const char *path);

/* The terminal, of so many units each way, and the look: a white background, so that a dark viewer
 * shows it as a light one does; frames and grids in gray. */
void plot_begin(cli_text *t, const char *path, int width, int height);
/* Draws it. CLI_OK or CLI_MISTAKE. Frees the text. */
int plot_end(cli_text *t, const char *path);

/* Text in a gnuplot string that is in single quotes and is drawn `noenhanced`: there every
 * character stands for itself. What is longer than `most` characters ends in dots; what is no UTF-8
 * becomes question marks, and what is no character a space. */
void plot_put(cli_text *t, const char *text, size_t most);
/* The whole string: with the quotes. */
void plot_quoted(cli_text *t, const char *text, size_t most);
/* Characters of a UTF-8 text. */
size_t plot_length(const char *text);

/* The range of the y axis for percentages from `low` to `high`, with some room, but none beyond 0
 * and 100. */
void plot_percent_range(cli_text *t, double low, double high);

/* Line styles 1 .. 7 are colors that the color-blind can tell apart (Okabe and Ito, without the
 * yellow, which is hard to see on white); from 8 on the same, dashed. Plotted lines name them. */
enum { PLOT_COLORS = 7, PLOT_STYLES = 4 * PLOT_COLORS };
/* The color i, from 0, as '#rrggbb'. */
const char *plot_color(size_t i);
/* The line style of the i-th curve, from 0. */
int plot_style(size_t i);

#endif
