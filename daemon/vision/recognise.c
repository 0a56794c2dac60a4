/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "daemon/vision/stage.h"
#include "daemon/vision/pose.h"
#include "daemon/vision/quality.h"

/* The measure of a picture is filtered as the scores are, only faster: a blink of blur is no reason to be unsure. */
#define QUALITY_TAU_USEC 200000u
/* A face that was too bad must get this much better than the limit. */
#define QUALITY_MARGIN 0.05

/* Two faces whose landmarks lie this near to each other, in landmark sizes, are one: the aligner went from the face that
 * is hidden to the one in front of it. */
#define SAME_FACE_DISTANCE 0.6
#define SAME_FACE_SCALE 1.5

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
 * them is remembered when it was found, and from then on the landmarks move the box. An aligner that is always sure has
 * points for a wall, too: of its faces the detector has the last word. */
static void follow_landmarks(struct track *t, const struct emo_alignment *a, uint64_t now_usec)
{
        double x, y, size;

        if (a->n_points == 0 || !landmarks_extent(a, &x, &y, &size)) {
                t->anchor.valid = t->anchor.holds = false;
                return;
        }
        if (t->found) {
                struct emo_box b = track_box(t);

                t->anchor = (struct track_anchor){ .valid = true,
                                                   .dx = (t->x.value - x) / size,
                                                   .dy = (t->y.value - y) / size,
                                                   .scale = (double)b.width / size,
                                                   .aspect = (double)b.height / (double)b.width };
        }
        t->anchor.holds = t->anchor.valid && !(t->missed && a->confidence >= 1);
        if (t->found || !t->anchor.holds)
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

static void align_track(struct pipeline *p, struct track *t, const struct emo_image *image)
{
        struct candidate *c = &p->candidates[p->n_candidates];
        struct emo_box box = track_box(t);
        struct emo_error error;
        int r = plugin_host_align(p->host, image, &box, &c->alignment, &error);

        if (pipeline_stage_result(p, STAGE_ALIGNER, r, &error) < 0 ||
            (double)c->alignment.confidence < p->config.min_align_confidence) {
                t->anchor.holds = false;
                return;
        }
        c->track = t;
        p->n_candidates++;
}

static void align_all(struct pipeline *p, const struct emo_image *image, uint64_t now_usec)
{
        p->n_candidates = 0;
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (t->used && t->confirmed && now_usec - t->seen_usec <= BLIND_USEC)
                        align_track(p, t, image);
        }
}

/* How far the landmarks lie from where the track has them, in landmark sizes; -1 if there are none to tell. */
static double landmarks_off(const struct candidate *c)
{
        const struct track *t = c->track;
        double x, y, size;

        if (c->alignment.n_points == 0 || !landmarks_extent(&c->alignment, &x, &y, &size))
                return -1;
        double dx = t->anchor.valid ? t->anchor.dx * size : 0, dy = t->anchor.valid ? t->anchor.dy * size : 0;

        return hypot(x + dx - t->x.value, y + dy - t->y.value) / size;
}

static bool are_one_face(const struct candidate *a, const struct candidate *b)
{
        double xa, ya, size_a, xb, yb, size_b;

        if (!landmarks_extent(&a->alignment, &xa, &ya, &size_a) || !landmarks_extent(&b->alignment, &xb, &yb, &size_b))
                return false;
        return hypot(xa - xb, ya - yb) < SAME_FACE_DISTANCE * fmin(size_a, size_b) &&
               fmax(size_a, size_b) < SAME_FACE_SCALE * fmin(size_a, size_b);
}

/* The worse of two tracks that have the same landmarks goes on as it went until the detector finds it again. */
static void settle_doubles(struct pipeline *p)
{
        double off[PIPELINE_MAX_FACES];

        for (size_t i = 0; i < p->n_candidates; i++)
                off[i] = landmarks_off(&p->candidates[i]);
        for (size_t i = 0; i < p->n_candidates; i++)
                for (size_t j = i + 1; j < p->n_candidates; j++) {
                        struct candidate *a = &p->candidates[i], *b = &p->candidates[j];

                        if (!a->track || !b->track || off[i] < 0 || off[j] < 0 || !are_one_face(a, b))
                                continue;
                        /* what the detector found in this very frame is there */
                        bool b_loses = a->track->found != b->track->found ? a->track->found : off[i] <= off[j];
                        struct candidate *loser = b_loses ? b : a;

                        loser->track->anchor.holds = false;
                        loser->track = NULL;
                }
}

static void smooth_points(struct pipeline *p, struct track *t, struct emo_alignment *a, uint64_t now_usec)
{
        double dt_sec = t->points_usec ? (double)(now_usec - t->points_usec) * 1e-6 : 0;

        point_filter_update(&t->points, a->points, a->n_points, (double)track_box(t).width, dt_sec);
        t->points_usec = now_usec;
        t->face.n_points = a->n_points;
        memcpy(t->face.points, a->points, sizeof(t->face.points));
        (void)pose_fit(t->face.points, t->face.n_points, &t->face.pose);
        if (!t->face.pose.known ||
            !life_update(&t->life, t->face.points, t->face.n_points, (double)t->face.pose.roll_deg, now_usec))
                return;
        struct emo_box box = track_box(t);

        if (t->life.is_static)
                life_places_add(&p->places, &box);
        else
                life_places_drop(&p->places, &box);
}

/* The faces of this frame, largest first: who is near matters most to a screen. */
static size_t sort_by_size(struct pipeline *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_candidates; i++) {
                struct candidate c = p->candidates[i];
                size_t at = n;

                if (!c.track)
                        continue;
                for (; at > 0 && p->candidates[at - 1].track->log_width.value < c.track->log_width.value; at--)
                        p->candidates[at] = p->candidates[at - 1];
                p->candidates[at] = c;
                n++;
        }
        return n;
}

/* How many of the @n faces, which are sorted, are classified in this frame: the largest, and behind them the one of the
 * rest that has waited longest. */
static size_t choose_faces(struct pipeline *p, size_t n)
{
        size_t first = p->config.faces_per_frame, next = first;

        if (!first || n <= first)
                return n;
        for (size_t i = first + 1; i < n; i++)
                if (p->candidates[i].track->measured_usec < p->candidates[next].track->measured_usec)
                        next = i;
        struct candidate c = p->candidates[next];

        p->candidates[next] = p->candidates[first];
        p->candidates[first] = c;
        return first + 1;
}

static void update_quality(struct pipeline *p, struct track *t, double now, uint64_t now_usec)
{
        double gain = t->measured_usec ? smoothing_gain(now_usec - t->measured_usec, QUALITY_TAU_USEC) : 1;

        t->face.quality += gain * (now - t->face.quality);
        t->measured_usec = now_usec;
        t->poor = t->face.quality < p->config.min_quality + (t->poor ? QUALITY_MARGIN : 0) && p->config.min_quality > 0;
}

/* What is said of a face that cannot be seen well: anything may be. */
static void guess_nothing(struct pipeline *p, struct track *t, uint64_t now_usec)
{
        float scores[EMOTION_MAX];

        for (unsigned i = 0; i < p->model->n_labels; i++)
                scores[i] = 1.f / (float)p->model->n_labels;
        smoothing_update(&t->smoothing, scores, p->model->n_labels, now_usec, p->config.smoothing_usec);
        t->scored = true;
}

static void classify(struct pipeline *p, unsigned n, uint64_t now_usec)
{
        if (!n || pipeline_stage_result(p, STAGE_CLASSIFIER, pipeline_classify(p, n), NULL) < 0)
                return;
        for (unsigned i = 0; i < n; i++) {
                smoothing_update(&p->batch[i]->smoothing, p->scores[i], p->model->n_labels, now_usec,
                                 p->config.smoothing_usec);
                p->batch[i]->scored = true;
        }
}

/* Cuts the faces out; those that can be seen well enough wait in the classifier. Return: how many do. */
static unsigned crop_all(struct pipeline *p, const struct frame *f, uint64_t now_usec)
{
        unsigned n = 0, width = p->model->width_px, height = p->model->height_px;
        size_t n_faces = choose_faces(p, sort_by_size(p));

        for (size_t i = 0; i < n_faces; i++) {
                const struct candidate *c = &p->candidates[i];
                struct quality q;
                double side_px;

                if (pipeline_crop(p, f, &c->alignment, n, &side_px) < 0)
                        continue;
                quality_measure(classifier_input(p->classifier, n), width, height, side_px, &c->track->face.pose, &q);
                update_quality(p, c->track, quality_least(&q), now_usec);
                if (c->track->poor)
                        guess_nothing(p, c->track, now_usec);
                else
                        p->batch[n++] = c->track;
        }
        return n;
}

void pipeline_recognise(struct pipeline *p, const struct frame *f, uint64_t now_usec)
{
        uint64_t start_nsec = pipeline_clock_nsec(), aligned_nsec, cropped_nsec;
        struct emo_image image;
        unsigned n;

        /* points and pose are those of this frame, or there are none */
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                p->tracks.items[i].face.pose.known = false;
                p->tracks.items[i].face.n_points = 0;
        }
        if (pipeline_image(f, plugin_host_format(p->host, PLUGIN_ALIGNER), &image) < 0)
                return;
        align_all(p, &image, now_usec);
        settle_doubles(p);
        for (size_t i = 0; i < p->n_candidates; i++) {
                struct candidate *c = &p->candidates[i];

                if (!c->track)
                        continue;
                follow_landmarks(c->track, &c->alignment, now_usec);
                struct emo_box box = track_box(c->track);

                if (pipeline_in_zone(p, &box)) {
                        c->track = NULL; /* it went there with this frame */
                        continue;
                }
                smooth_points(p, c->track, &c->alignment, now_usec);
        }
        aligned_nsec = pipeline_clock_nsec();
        n = crop_all(p, f, now_usec);
        cropped_nsec = pipeline_clock_nsec();
        classify(p, n, now_usec);
        p->stats.align_nsec += aligned_nsec - start_nsec;
        p->stats.crop_nsec += cropped_nsec - aligned_nsec;
        p->stats.classify_nsec += pipeline_clock_nsec() - cropped_nsec;
}
