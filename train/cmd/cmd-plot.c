/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/cmd/cmd.h"
#include "report/svg.h"
#include "train/run/run-log.h"

#define MAX_LOGS 8
#define PANEL_WIDTH 420.0
#define PANEL_HEIGHT 300.0

static const char *const strong[MAX_LOGS] = { "#3b6ea5", "#d1603d", "#4f8a3c", "#8a5aa8",
                                              "#b08a1e", "#2f8f8f", "#a83c6e", "#555555" };
static const char *const pale[MAX_LOGS] = { "#b5cbe2", "#eebfb0", "#bcd6b3", "#d2c0de",
                                            "#e0d3a4", "#b0d6d6", "#e0b3c7", "#bbbbbb" };

struct panel {
        double x, y;      /* of its top left corner */
        double low, high; /* of the values */
        double epochs;
};

/* Widens low and high to hold the values of a column. */
static void include(const struct run_log *l, const char *name, double *low, double *high)
{
        int c = run_log_column(l, name);

        for (size_t i = 0; c >= 0 && i < l->n_rows; i++) {
                double v = l->values[i * l->n_columns + (size_t)c];

                if (isfinite(v)) {
                        *low = fmin(*low, v);
                        *high = fmax(*high, v);
                }
        }
}

static void draw_axes(struct svg *s, const struct panel *p, const char *title, bool percent)
{
        double bottom = p->y + PANEL_HEIGHT, right = p->x + PANEL_WIDTH;
        char text[32];

        svg_text(s, p->x, p->y - 12, 15, SVG_START, "#222222", title);
        for (unsigned i = 0; i <= 5; i++) {
                double v = p->low + (p->high - p->low) * i / 5, y = bottom - PANEL_HEIGHT * i / 5;

                svg_line(s, p->x, y, right, y, i ? "#e5e5e5" : "#888888", 1);
                snprintf(text, sizeof(text), percent ? "%.0f%%" : "%.2f", percent ? 100 * v : v);
                svg_text(s, p->x - 6, y + 4, 11, SVG_END, "#555555", text);
        }
        for (unsigned i = 0; i <= 4; i++) {
                snprintf(text, sizeof(text), "%.0f", p->epochs * i / 4);
                svg_text(s, p->x + PANEL_WIDTH * i / 4, bottom + 16, 11, SVG_MIDDLE, "#555555", text);
        }
}

static int draw_curve(struct svg *s, const struct panel *p, const struct run_log *l, const char *name,
                      const char *color, double stroke)
{
        int c = run_log_column(l, name), e = run_log_column(l, "epoch");

        if (c < 0)
                return 0;
        double(*points)[2] = calloc(l->n_rows, sizeof(*points));
        if (!points)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_rows; i++) {
                const double *row = l->values + i * l->n_columns;

                points[i][0] = p->x + PANEL_WIDTH * row[e] / p->epochs;
                points[i][1] = p->y + PANEL_HEIGHT * (p->high - row[c]) / (p->high - p->low);
        }
        svg_polyline(s, points, l->n_rows, color, stroke);
        free(points);
        return 0;
}

static int draw_panel(struct svg *s, double x, const char *what, const struct run_log *logs, unsigned n)
{
        bool percent = strcmp(what, "accuracy") == 0;
        struct panel p = { .x = x, .y = 60, .low = percent ? 0 : INFINITY, .high = -INFINITY, .epochs = 1 };
        char train[32], valid[32];
        int r = 0;

        snprintf(train, sizeof(train), "train_%s", what);
        snprintf(valid, sizeof(valid), "valid_%s", what);
        for (unsigned i = 0; i < n; i++) {
                double first = 0;

                include(&logs[i], train, &p.low, &p.high);
                include(&logs[i], valid, &p.low, &p.high);
                include(&logs[i], "epoch", &first, &p.epochs);
        }
        if (!(p.high > p.low)) { /* nothing, or one value only */
                p.low = isfinite(p.low) ? p.low - 0.5 : 0;
                p.high = p.low + 1;
        }
        draw_axes(s, &p, what, percent);
        for (unsigned i = 0; i < n && r == 0; i++) {
                r = draw_curve(s, &p, &logs[i], train, pale[i], 1.5);
                if (r == 0)
                        r = draw_curve(s, &p, &logs[i], valid, strong[i], 2);
        }
        return r;
}

static int draw(const char *path, const struct run_log *logs, char *const *names, unsigned n)
{
        _cleanup_(svg_freep) struct svg *s = NULL;
        int r = svg_new(path, 1020, 400 + 20.0 * n, &s);

        if (r < 0)
                return r;
        r = draw_panel(s, 60, "accuracy", logs, n);
        if (r == 0)
                r = draw_panel(s, 570, "loss", logs, n);
        for (unsigned i = 0; i < n && r == 0; i++) {
                int c = run_log_column(&logs[i], "valid_accuracy");
                double ignored = 0, best = 0;
                char text[300];

                include(&logs[i], "valid_accuracy", &ignored, &best);
                snprintf(text, sizeof(text), c < 0 ? "%.200s" : "%.200s: best validation accuracy %.2f%%", names[i],
                         100 * best);
                svg_rect(s, 60, 396 + 20.0 * i, 22, 4, strong[i]);
                svg_text(s, 90, 402 + 20.0 * i, 13, SVG_START, "#222222", text);
        }
        return r < 0 ? r : svg_finish(s);
}

struct plot {
        const char *out;
};

static const struct cmd_option rows[] = {
        CMD_OUTPUT("CURVES.svg", .at = offsetof(struct plot, out), "the picture"),
        { 0 },
};

static int run(int argc, char **argv)
{
        struct run_log logs[MAX_LOGS] = { 0 };
        struct dataset_error error;
        struct cmd_operands paths;
        struct plot p = { 0 };
        int r = cmd_parse(&cmd_plot, argc, argv, &p, &paths);

        if (r)
                return r < 0;
        for (unsigned i = 0; i < paths.n && r == 0; i++)
                r = run_log_read(paths.at[i], &logs[i], &error);
        if (r < 0)
                cmd_fail(&cmd_plot, "%s", error.text);
        else if ((r = draw(p.out, logs, paths.at, paths.n)) < 0)
                cmd_fail(&cmd_plot, "%s: %s", p.out, strerror(-r));
        for (unsigned i = 0; i < paths.n; i++)
                run_log_done(&logs[i]);
        return r;
}

const struct cmd cmd_plot = {
        .name = "plot",
        .summary = "draw the curves of training runs",
        .about = "Draws accuracy and loss over the epochs from the logs that `emotion-nn train` wrote, up to 8 in one "
                 "picture. Solid lines show validation, pale lines training.",
        .operand = "LOG",
        .min_operands = 1,
        .max_operands = MAX_LOGS,
        .options = rows,
        .run = run,
};
