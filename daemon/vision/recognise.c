/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "daemon/vision/crop.h"
#include "daemon/vision/pipeline-internal.h"

/* A face that was last found so long ago is no longer classified where it should be: a hand may be there by now. */
#define BLIND_USEC 200000u
/* Under this an aligner does not see a face where it was told to look. */
#define MIN_ALIGN_CONFIDENCE 0.5f

/* Centre and size (root of the mean squared distance from it) of the landmarks. */
static bool landmarks_extent(const struct emo_alignment *a, double *ret_x, double *ret_y, double *ret_size)
{
        double x = 0, y = 0, s = 0, n = a->n_points;

        for (size_t i = 0; i < a->n_points; i++) {
                x += (double)a->points[i][0] / n;
                y += (double)a->points[i][1] / n;
        }
        for (size_t i = 0; i < a->n_points; i++)
                s += (pow((double)a->points[i][0] - x, 2) + pow((double)a->points[i][1] - y, 2)) / n;
        *ret_x = x;
        *ret_y = y;
        *ret_size = sqrt(s);
        return *ret_size >= 1;
}

/* With landmarks the detector is not asked again before the next look at the whole picture: where the box lies about
 * them is remembered when it was found, and from then on the landmarks move the box. */
static void follow_landmarks(struct track *t, const struct emo_alignment *a, uint64_t now_usec)
{
        double x, y, size;

        if (a->n_points == 0 || !landmarks_extent(a, &x, &y, &size)) {
                t->anchor.valid = false;
                return;
        }
        if (t->found) {
                struct emo_box b = track_box(t);

                t->anchor = (struct track_anchor){ .valid = true,
                                                   .dx = (t->x.value - x) / size,
                                                   .dy = (t->y.value - y) / size,
                                                   .scale = (double)b.width / size,
                                                   .aspect = (double)b.height / (double)b.width };
                return;
        }
        if (!t->anchor.valid)
                return;
        double w = t->anchor.scale * size, h = w * t->anchor.aspect;
        struct emo_box b = { .x = (float)(x + t->anchor.dx * size - w / 2),
                             .y = (float)(y + t->anchor.dy * size - h / 2),
                             .width = (float)w,
                             .height = (float)h,
                             .confidence = a->confidence };
        if (w >= 1 && h >= 1)
                track_correct(t, &b, now_usec);
}

static int align_track(struct pipeline *p, struct track *t, const struct emo_image *image, uint64_t now_usec,
                       struct emo_alignment *ret)
{
        struct emo_box box = track_box(t);
        struct emo_error error;
        int r = plugin_host_align(p->host, image, &box, ret, &error);

        if (pipeline_plugin_result(p, "aligner", r, &error) < 0 || ret->confidence < MIN_ALIGN_CONFIDENCE) {
                t->anchor.valid = false;
                return r < 0 ? r : -ENODATA;
        }
        follow_landmarks(t, ret, now_usec);
        t->face.n_points = ret->n_points;
        memcpy(t->face.points, ret->points, sizeof(t->face.points));
        return 0;
}

static void classify(struct pipeline *p, unsigned n, uint64_t now_usec)
{
        int r = n ? classifier_run(p->classifier, n, p->scores) : 0;

        if (pipeline_plugin_result(p, "classifier", r, NULL) < 0)
                return;
        for (unsigned i = 0; i < n; i++) {
                smoothing_update(&p->batch[i]->smoothing, p->scores[i], p->model->n_labels, now_usec,
                                 p->config.smoothing_usec);
                p->batch[i]->scored = true;
        }
}

void pipeline_recognise(struct pipeline *p, const struct frame *f, uint64_t now_usec)
{
        unsigned n = 0;
        struct emo_image image;

        if (pipeline_image(f, plugin_host_aligner_format(p->host), &image) < 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];
                struct emo_alignment a;
                uint64_t start_nsec = pipeline_clock_nsec(), mid_nsec;

                if (!t->used || !t->confirmed || now_usec - t->seen_usec > BLIND_USEC)
                        continue;
                int r = align_track(p, t, &image, now_usec, &a);
                mid_nsec = pipeline_clock_nsec();
                p->stats.align_nsec += mid_nsec - start_nsec;
                if (r < 0)
                        continue;
                if (crop_face(f, &a, p->model->width_px, p->model->height_px, classifier_input(p->classifier, n)) >= 0)
                        p->batch[n++] = t;
                p->stats.crop_nsec += pipeline_clock_nsec() - mid_nsec;
        }
        uint64_t start_nsec = pipeline_clock_nsec();
        classify(p, n, now_usec);
        p->stats.classify_nsec += pipeline_clock_nsec() - start_nsec;
}
