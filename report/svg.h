/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Charts as SVG 1.1, without scripts or external parts: one file that any browser shows.
 */

#include <stddef.h>
#include <stdio.h>

#include "basic/macro.h"

struct svg;

/* A drawing of @width x @height that svg_finish() puts at @path. Return: 0; -ENOMEM; errno of open(2). */
int svg_new(const char *path, double width, double height, struct svg **ret);
/* The same as a part of an HTML page that is being written to @f: as wide as its place, without a background. @label: what
 * it shows, for who does not see it; plain text of ours. Return: 0; -ENOMEM. */
int svg_inline(FILE *f, double width, double height, const char *label, struct svg **ret);
/* Writes the end and gives the file its name. Return: 0, or the first error of all writing: what stood at the path
 * before is still there. An inline one has no file. */
int svg_finish(struct svg *s);
struct svg *svg_free(struct svg *s);
DEFINE_CLEANUP(struct svg *, svg_free)

enum svg_anchor {
        SVG_START,
        SVG_MIDDLE,
        SVG_END,
};

/* @color: a CSS colour of ours; @text is escaped */
void svg_rect(struct svg *s, double x, double y, double width, double height, const char *color);
void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *color, double stroke);
void svg_text(struct svg *s, double x, double y, double size, enum svg_anchor anchor, const char *color,
              const char *text);
/* @points: n pairs x, y; a pair with a NaN breaks the line, one within 0.4 px of the last one is left out */
void svg_polyline(struct svg *s, const double (*points)[2], size_t n, const char *color, double stroke);

/* A filled shape. */
void svg_polygon(struct svg *s, const double (*points)[2], size_t n, const char *color);

/* A square matrix as a heat map: rows truth, columns prediction, each cell its share of the row's sum. */
void svg_confusion(struct svg *s, double x, double y, double side, unsigned n, const char *const *labels,
                   const double *shares);
