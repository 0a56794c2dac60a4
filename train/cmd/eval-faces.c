/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"
#include "train/cmd/eval-faces.h"
#include "train/cmd/json.h"
#include "report/svg.h"

static int print_landmarks_json(const struct evaluate_landmarks *l)
{
        struct json_object *o = json_object_new_object(), *list = json_object_new_array();

        if (!o || !list) {
                json_object_put(o);
                json_object_put(list);
                return -ENOMEM;
        }
        for (unsigned i = 0; i < EVALUATE_FRAMINGS; i++) {
                const struct evaluate_points *p = &l->framings[i];
                struct json_object *e = json_object_new_object();

                json_object_object_add(e, "box", json_object_new_string(evaluate_framings[i].name));
                json_object_object_add(e, "count", json_object_new_int64((int64_t)p->n));
                json_object_object_add(e, "mean_error", json_number(p->mean));
                json_object_object_add(e, "median_error", json_number(p->median));
                json_object_object_add(e, "failures", json_number(p->failures));
                json_object_object_add(e, "confident", json_number(p->found));
                json_object_array_add(list, e);
        }
        json_object_object_add(o, "framings", list);
        if (l->n_background) {
                json_object_object_add(o, "background_count", json_object_new_int64((int64_t)l->n_background));
                json_object_object_add(o, "background_confident", json_number(l->background_found));
        }
        json_print(o);
        return 0;
}

static void print_landmarks(const struct evaluate_landmarks *l)
{
        printf("%zu faces of persons kept back; errors are shares of the distance of the outer corners of "
               "the eyes\n\n"
               "%-36s %8s %8s %9s %10s\n",
               l->framings[0].n, "box", "mean", "median", "over 8 %", "confident");
        for (unsigned i = 0; i < EVALUATE_FRAMINGS; i++) {
                const struct evaluate_points *p = &l->framings[i];

                printf("%-36s %7.2f%% %7.2f%% %8.2f%% %9.2f%%\n", evaluate_framings[i].name, 100 * p->mean,
                       100 * p->median, 100 * p->failures, 100 * p->found);
        }
        if (l->n_background)
                printf("\n%zu squares without a face: confident in %.2f%%\n", l->n_background,
                       100 * l->background_found);
}

static int eval_landmarks(const struct eval_faces_options *o)
{
        const struct evaluate_landmarks_options how = { o->data, o->offsets, o->background, o->detector.threads };
        struct classifier_error error = { "" };
        struct evaluate_landmarks l;

        if (o->svg)
                return cmd_fail(&cmd_eval, "there is no --svg of a landmark network");
        if (evaluate_landmarks(o->model, &how, &l, &error) < 0)
                return cmd_fail(&cmd_eval, "%s", error.text);
        if (!o->json)
                print_landmarks(&l);
        else if (print_landmarks_json(&l) < 0)
                return 1;
        return 0;
}

static const double false_rates[] = { 0.01, 0.03, 0.1, 0.3, 1 };
static const double thresholds[] = { 0.3, 0.4, 0.5, 0.6, 0.7, 0.8 };

static int print_detector_json(const struct detect_score *s)
{
        struct json_object *o = json_object_new_object(), *points = json_object_new_array();

        if (!o || !points) {
                json_object_put(o);
                json_object_put(points);
                return -ENOMEM;
        }
        json_object_object_add(o, "pictures", json_object_new_int64((int64_t)s->n_pictures));
        json_object_object_add(o, "faces", json_object_new_int64((int64_t)s->n_faces));
        json_object_object_add(o, "average_precision", json_number(detect_score_average_precision(s)));
        for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
                struct json_object *p = json_object_new_object();
                size_t right, wrong;

                detect_score_at(s, thresholds[i], &right, &wrong);
                json_object_object_add(p, "threshold", json_number(thresholds[i]));
                json_object_object_add(p, "right", json_object_new_int64((int64_t)right));
                json_object_object_add(p, "wrong", json_object_new_int64((int64_t)wrong));
                json_object_array_add(points, p);
        }
        json_object_object_add(o, "thresholds", points);
        json_print(o);
        return 0;
}

static void print_detector(const struct detect_score *s, double iou)
{
        printf("%zu pictures with %zu faces, a box is right from an overlap (IoU) of %g\naverage precision "
               "%.2f%%\n\n",
               s->n_pictures, s->n_faces, iou, 100 * detect_score_average_precision(s));
        printf("threshold   found  false  precision  recall\n");
        for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
                size_t right, wrong;

                detect_score_at(s, thresholds[i], &right, &wrong);
                printf("%9.2f  %6zu %6zu %9.2f%% %6.2f%%\n", thresholds[i], right, wrong,
                       right + wrong ? 100 * (double)right / (double)(right + wrong) : 0,
                       s->n_faces ? 100 * (double)right / (double)s->n_faces : 0);
        }
        printf("\nfalse ones a picture  recall  threshold\n");
        for (size_t i = 0; i < ARRAY_LEN(false_rates); i++) {
                double threshold, recall = detect_score_recall(s, false_rates[i], &threshold);

                printf("%20g %6.2f%% %10.3f\n", false_rates[i], 100 * recall, threshold);
        }
}

/* Precision over recall. */
static int draw(const char *path, const struct detect_score *s)
{
        _cleanup_(svg_freep) struct svg *svg = NULL;
        _cleanup_(freep) double(*points)[2] = NULL;
        const double x = 60, y = 60, side = 420;
        size_t right = 0;
        char text[80];
        int r = svg_new(path, 540, 540, &svg);

        if (r < 0)
                return r;
        points = calloc(s->n + 1, sizeof(*points));
        if (!points)
                return -ENOMEM;
        snprintf(text, sizeof(text), "average precision %.2f%%, %zu faces in %zu pictures",
                 100 * detect_score_average_precision(s), s->n_faces, s->n_pictures);
        svg_text(svg, x, 36, 15, SVG_START, "#222222", text);
        for (unsigned i = 0; i <= 5; i++) {
                double at = side * i / 5;

                svg_line(svg, x, y + at, x + side, y + at, "#e5e5e5", 1);
                svg_line(svg, x + at, y, x + at, y + side, "#e5e5e5", 1);
                snprintf(text, sizeof(text), "%u%%", 20 * i);
                svg_text(svg, x - 6, y + side - at + 4, 11, SVG_END, "#555555", text);
                svg_text(svg, x + at, y + side + 16, 11, SVG_MIDDLE, "#555555", text);
        }
        svg_text(svg, x + side / 2, y + side + 36, 12, SVG_MIDDLE, "#555555", "recall (up: precision)");
        for (size_t i = 0; i < s->n && s->n_faces; i++) {
                right += s->marks[i].right;
                points[i][0] = x + side * (double)right / (double)s->n_faces;
                points[i][1] = y + side * (1 - (double)right / (double)(i + 1));
        }
        svg_polyline(svg, (const double(*)[2])points, s->n, "#3b6ea5", 2);
        return svg_finish(svg);
}

static int eval_detector(const struct eval_faces_options *o)
{
        struct classifier_error error = { "" };
        struct detect_score s;
        int r = evaluate_detector(o->model, o->data, &o->detector, &s, &error);

        if (r < 0)
                return cmd_fail(&cmd_eval, "%s", error.text);
        if (o->svg && (r = draw(o->svg, &s)) < 0)
                cmd_fail(&cmd_eval, "%s: %s", o->svg, strerror(-r));
        else if (o->json)
                r = print_detector_json(&s);
        else
                print_detector(&s, o->detector.iou);
        detect_score_done(&s);
        return r < 0;
}

int eval_faces(enum evaluate_kind kind, const struct eval_faces_options *options)
{
        return kind == EVALUATE_LANDMARKS ? eval_landmarks(options) : eval_detector(options);
}
