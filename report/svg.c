/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/replace-file.h"
#include "report/svg.h"

#define NEAR_PX 0.4

struct svg {
        struct replace_file file;
        FILE *f; /* file.stream, or that of the page around it */
        bool is_inline;
};

int svg_new(const char *path, double width, double height, struct svg **ret)
{
        _cleanup_(svg_freep) struct svg *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = replace_file_open(&s->file, path);
        if (r < 0)
                return r;
        s->f = s->file.stream;
        fprintf(s->f,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" "
                "font-family=\"sans-serif\">\n",
                width, height, width, height);
        svg_rect(s, 0, 0, width, height, "#ffffff");
        *ret = STEAL(s);
        return 0;
}

int svg_inline(FILE *f, double width, double height, const char *label, struct svg **ret)
{
        struct svg *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (struct svg){ .f = f, .is_inline = true };
        fprintf(f, "<svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %g %g\" font-family=\"sans-serif\">\n", label,
                width, height);
        *ret = s;
        return 0;
}

int svg_finish(struct svg *s)
{
        fputs("</svg>\n", s->f);
        if (s->is_inline)
                return ferror(s->f) ? -EIO : 0;
        return replace_file_commit(&s->file);
}

struct svg *svg_free(struct svg *s)
{
        if (!s)
                return NULL;
        if (!s->is_inline)
                replace_file_done(&s->file);
        free(s);
        return NULL;
}

void svg_rect(struct svg *s, double x, double y, double width, double height, const char *color)
{
        fprintf(s->f, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", x, y, width, height,
                color);
}

void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *color, double stroke)
{
        fprintf(s->f, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" stroke-width=\"%g\"/>\n", x1,
                y1, x2, y2, color, stroke);
}

void svg_text(struct svg *s, double x, double y, double size, enum svg_anchor anchor, const char *color,
              const char *text)
{
        static const char *const anchors[] = { "start", "middle", "end" };

        fprintf(s->f, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%g\" text-anchor=\"%s\" fill=\"%s\">", x, y, size,
                anchors[anchor], color);
        for (const char *c = text; *c; c++)
                switch (*c) {
                case '&':
                        fputs("&amp;", s->f);
                        break;
                case '<':
                        fputs("&lt;", s->f);
                        break;
                case '>':
                        fputs("&gt;", s->f);
                        break;
                default: /* XML has no place for control characters */
                        fputc((unsigned char)*c < 0x20 ? ' ' : *c, s->f);
                }
        fputs("</text>\n", s->f);
}

static bool is_drawn(const double point[2])
{
        return isfinite(point[0]) && isfinite(point[1]);
}

/* A point that nobody can tell from the one drawn before it, and with which the line does not end. */
static bool can_be_spared(const double (*points)[2], size_t n, size_t i, size_t last)
{
        return i + 1 < n && is_drawn(points[i + 1]) && fabs(points[i][0] - points[last][0]) < NEAR_PX &&
               fabs(points[i][1] - points[last][1]) < NEAR_PX;
}

void svg_polyline(struct svg *s, const double (*points)[2], size_t n, const char *color, double stroke)
{
        bool open = false;
        size_t last = 0;

        for (size_t i = 0; i < n; i++) {
                bool drawn = is_drawn(points[i]);

                if (drawn && open && can_be_spared(points, n, i, last))
                        continue;
                last = i;
                if (drawn && !open)
                        fprintf(s->f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" points=\"", color,
                                stroke);
                if (drawn)
                        fprintf(s->f, "%.2f,%.2f ", points[i][0], points[i][1]);
                if (!drawn && open)
                        fputs("\"/>\n", s->f);
                open = drawn;
        }
        if (open)
                fputs("\"/>\n", s->f);
}

void svg_polygon(struct svg *s, const double (*points)[2], size_t n, const char *color)
{
        fprintf(s->f, "<polygon fill=\"%s\" points=\"", color);
        for (size_t i = 0; i < n; i++)
                fprintf(s->f, "%.2f,%.2f ", points[i][0], points[i][1]);
        fputs("\"/>\n", s->f);
}

void svg_confusion(struct svg *s, double x, double y, double side, unsigned n, const char *const *labels,
                   const double *shares)
{
        double cell = side / n, size = MIN(cell * 0.26, 14.0);
        char text[32];

        for (unsigned i = 0; i < n; i++) {
                double middle = y + (i + 0.5) * cell;

                svg_text(s, x - 6, middle + size / 3, size, SVG_END, "#222222", labels[i]);
                svg_text(s, x + (i + 0.5) * cell, y - 6, size, SVG_MIDDLE, "#222222", labels[i]);
                for (unsigned j = 0; j < n; j++) {
                        double v = shares[i * n + j], shade = isfinite(v) ? CLAMP(v, 0.0, 1.0) : 0;

                        snprintf(text, sizeof(text), "#%02x%02x%02x", (unsigned)(255 - 225 * shade),
                                 (unsigned)(255 - 165 * shade), (unsigned)(255 - 85 * shade));
                        svg_rect(s, x + j * cell + 0.5, y + i * cell + 0.5, cell - 1, cell - 1, text);
                        snprintf(text, sizeof(text), isfinite(v) ? "%.0f%%" : "-", 100 * shade);
                        svg_text(s, x + (j + 0.5) * cell, middle + size / 3, size, SVG_MIDDLE,
                                 shade > 0.55 ? "#ffffff" : "#222222", text);
                }
        }
}
