/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "picture/picture.h"
#include "train/cmd/cmd.h"
#include "report/svg.h"
#include "train/data/dataset.h"

#define SHEET_COLUMNS 16u /* pictures of each class on the contact sheet */
#define N_USAGES 3

struct data {
        const char *path, *svg, *sheet;
        struct dataset_options options;
};

struct counts {
        size_t n[DATASET_MAX_CLASSES][N_USAGES]; /* by bit of enum dataset_usage */
        size_t usage[N_USAGES], class[DATASET_MAX_CLASSES];
};

#define AT(member) .at = offsetof(struct data, member)

static const struct cmd_option rows[] = {
        CMD_FERPLUS(AT(options.ferplus), ""),
        CMD_MAJORITY(AT(options.ferplus_majority)),
        CMD_CONTEMPT(AT(options.ferplus_contempt)),
        { .name = "svg", .kind = CMD_TEXT, .value = "FILE", AT(svg), .help = "draw the counts as bars" },
        { .name = "sheet",
          .kind = CMD_TEXT,
          .value = "FILE.png",
          AT(sheet),
          .help = "write a contact sheet: 16 pictures of each class, spread over the set" },
        { 0 },
};

static struct counts count(const struct dataset *d)
{
        struct counts c = { 0 };

        for (size_t i = 0; i < d->n; i++)
                for (unsigned u = 0; u < N_USAGES; u++)
                        if (d->usage[i] & 1u << u) {
                                c.n[d->classes[i]][u]++;
                                c.usage[u]++;
                                c.class[d->classes[i]]++;
                        }
        return c;
}

static void print_counts(const struct dataset *d, const struct counts *c)
{
        printf("%zu pictures of %u x %u\n\n%-12s", d->n, d->width_px, d->height_px, "class");
        for (unsigned u = 0; u < N_USAGES; u++)
                if (c->usage[u])
                        printf(" %12s", dataset_usage_to_string(1u << u));
        printf(" %12s\n", "all");
        for (unsigned k = 0; k < d->n_classes; k++) {
                printf("%-12.40s", d->labels[k]);
                for (unsigned u = 0; u < N_USAGES; u++)
                        if (c->usage[u])
                                printf(" %12zu", c->n[k][u]);
                printf(" %12zu\n", c->class[k]);
        }
}

static int draw_bars(const char *path, const struct dataset *d, const struct counts *c)
{
        static const char *const colors[N_USAGES] = { "#3b6ea5", "#e08a3c", "#6a9f58" };
        _cleanup_(svg_freep) struct svg *s = NULL;
        size_t most = 1;
        char text[32];
        int r = svg_new(path, 640, 60 + 40.0 * d->n_classes, &s);

        if (r < 0)
                return r;
        for (unsigned k = 0; k < d->n_classes; k++)
                most = MAX(most, c->class[k]);
        for (unsigned u = 0, x = 100; u < N_USAGES; u++)
                if (c->usage[u]) {
                        svg_rect(s, x, 16, 12, 12, colors[u]);
                        svg_text(s, x + 18, 27, 13, SVG_START, "#222222", dataset_usage_to_string(1u << u));
                        x += 120;
                }
        for (unsigned k = 0; k < d->n_classes; k++) {
                double y = 44 + 40.0 * k, x = 100;

                svg_text(s, 92, y + 19, 13, SVG_END, "#222222", d->labels[k]);
                for (unsigned u = 0; u < N_USAGES; u++) {
                        double width = 460.0 * (double)c->n[k][u] / (double)most;

                        svg_rect(s, x, y, width, 28, colors[u]);
                        x += width;
                }
                snprintf(text, sizeof(text), "%zu", c->class[k]);
                svg_text(s, x + 6, y + 19, 13, SVG_START, "#222222", text);
        }
        return svg_finish(s);
}

/* Pictures of class @class at even distances through the set, side by side in a row of the sheet. */
static void fill_row(const struct dataset *d, unsigned class, size_t n, uint8_t *row, size_t stride)
{
        size_t seen = 0, placed = 0, size = (size_t)d->width_px * d->height_px;

        for (size_t i = 0; i < d->n && placed < SHEET_COLUMNS; i++) {
                if (d->classes[i] != class || seen++ * SHEET_COLUMNS < placed * n)
                        continue;
                for (size_t y = 0; y < d->height_px; y++)
                        memcpy(row + y * stride + placed * d->width_px, d->pixels + i * size + y * d->width_px,
                               d->width_px);
                placed++;
        }
}

static int write_sheet(const char *path, const struct dataset *d, const struct counts *c)
{
        size_t stride = (size_t)SHEET_COLUMNS * d->width_px, height = (size_t)d->n_classes * d->height_px;
        _cleanup_(freep) uint8_t *pixels = calloc(height, stride);

        if (!pixels)
                return -ENOMEM;
        for (unsigned k = 0; k < d->n_classes; k++)
                fill_row(d, k, c->class[k], pixels + k * stride * d->height_px, stride);
        struct picture p = { PICTURE_GRAY8, (unsigned)stride, (unsigned)height, stride, pixels };
        return picture_write_png(path, &p);
}

static int run(int argc, char **argv)
{
        struct data o = { 0 };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error error;
        struct cmd_operands path;
        const char *file = NULL;
        int r = cmd_parse(&cmd_data, argc, argv, &o, &path);

        if (r)
                return r < 0;
        o.path = path.at[0];
        r = dataset_load(o.path, &o.options, &d, &error);
        if (r < 0)
                return cmd_fail(&cmd_data, "%s", error.text);
        struct counts c = count(d);
        print_counts(d, &c);
        if (o.svg)
                r = draw_bars(file = o.svg, d, &c);
        if (r == 0 && o.sheet)
                r = write_sheet(file = o.sheet, d, &c);
        if (r < 0)
                return cmd_fail(&cmd_data, "%s: %s", file, strerror(-r));
        return 0;
}

const struct cmd cmd_data = {
        .name = "data",
        .summary = "show what a data set holds",
        .about = "Counts the pictures of a data set by class and usage.",
        .operand = "DATA",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
