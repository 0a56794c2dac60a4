/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/stage.h"

/* A known face is looked for in its box and this share of it on each side, at sizes within these factors: a small
 * part of the work of a look at the whole picture, so that it can be done at every frame. */
#define ROI_MARGIN 0.35
#define ROI_MIN_SCALE 0.75
#define ROI_MAX_SCALE 1.4
#define ROI_MAX_BOXES 8u
/* Two boxes are the same face if the smaller one lies in the other by this share. */
#define SAME_FACE_OVERLAP 0.5
/* A face must be found this often before anybody hears of it: a detector's false alarm seldom comes twice. */
#define N_CONFIRM 2u

/* Adds boxes [n_boxes, n) unless they repeat one that is there; the surer one of two stays. */
static void merge_boxes(struct pipeline *p, size_t n)
{
        size_t first = p->n_boxes;

        for (size_t i = first; i < n; i++) {
                struct emo_box b = p->boxes[i];
                size_t same = p->n_boxes;

                for (size_t k = 0; k < p->n_boxes && same == p->n_boxes; k++)
                        if (box_overlap(&p->boxes[k], &b) > SAME_FACE_OVERLAP)
                                same = k;
                if (same == p->n_boxes)
                        p->boxes[p->n_boxes++] = b;
                else if (b.confidence > p->boxes[same].confidence)
                        p->boxes[same] = b;
        }
}

/* Appends what the detector finds. */
static int detect(struct pipeline *p, const struct emo_image *image, const struct emo_detect_hints *hints,
                  size_t max_boxes)
{
        struct emo_error error;
        size_t room = MIN(ARRAY_LEN(p->boxes) - p->n_boxes, max_boxes);
        int n;

        if (!room)
                return 0;
        n = plugin_host_detect(p->host, image, hints, p->boxes + p->n_boxes, room, &error);
        if (pipeline_stage_result(p, STAGE_DETECTOR, n, &error) < 0)
                return n;
        merge_boxes(p, p->n_boxes + (size_t)n);
        return 0;
}

int pipeline_look_everywhere(struct pipeline *p, const struct emo_image *image)
{
        struct emo_detect_hints hints = { .min_face_px = p->config.min_face_px };

        p->n_boxes = 0;
        p->stats.n_detections++;
        return detect(p, image, &hints, ARRAY_LEN(p->boxes));
}

/* Where and at what size to look for a known face. False if it has left the picture. */
static bool roi_of(const struct track *t, const struct emo_image *image, struct emo_detect_hints *ret)
{
        struct emo_box b = track_box(t);
        double margin_x = ROI_MARGIN * (double)b.width, margin_y = ROI_MARGIN * (double)b.height;
        double x0 = fmax(floor((double)b.x - margin_x), 0), y0 = fmax(floor((double)b.y - margin_y), 0);
        double x1 = fmin(ceil((double)b.x + b.width + margin_x), image->width_px);
        double y1 = fmin(ceil((double)b.y + b.height + margin_y), image->height_px);
        double side = fmax(b.width, b.height);

        if (x1 - x0 < side * ROI_MIN_SCALE || y1 - y0 < side * ROI_MIN_SCALE)
                return false;
        *ret = (struct emo_detect_hints){ .roi_x = (uint32_t)x0,
                                          .roi_y = (uint32_t)y0,
                                          .roi_width = (uint32_t)(x1 - x0),
                                          .roi_height = (uint32_t)(y1 - y0),
                                          .min_face_px = (uint32_t)(side * ROI_MIN_SCALE),
                                          .max_face_px = (uint32_t)ceil(side * ROI_MAX_SCALE) };
        return true;
}

/* True if a track needs the detector in this frame: landmarks that hold lead it without, unless they are too old to be
 * looked for from. */
static bool needs_look(const struct track *t, uint64_t now_usec)
{
        return t->used && !(t->anchor.holds && now_usec - t->seen_usec <= BLIND_USEC);
}

/* A look about each known face that needs one. */
static void look_at_tracks(struct pipeline *p, const struct emo_image *image, uint64_t now_usec)
{
        p->n_boxes = 0;
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];
                struct emo_detect_hints hints;

                if (needs_look(t, now_usec) && roi_of(t, image, &hints) && detect(p, image, &hints, ROI_MAX_BOXES) >= 0)
                        t->missed = true;
        }
}

static void look_everywhere(struct pipeline *p, const struct emo_image *image)
{
        if (pipeline_look_everywhere(p, image) < 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++)
                p->tracks.items[i].missed = true;
}

/* True if looking about every known face is as much work as looking everywhere. */
static bool tracks_fill_picture(const struct pipeline *p, const struct emo_image *image, uint64_t now_usec)
{
        double area = 0;

        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                const struct track *t = &p->tracks.items[i];
                struct emo_detect_hints hints;

                if (needs_look(t, now_usec) && roi_of(t, image, &hints))
                        area += (double)hints.roi_width * hints.roi_height;
        }
        return area > (double)image->width_px * image->height_px;
}

static void drop_boxes_in_zones(struct pipeline *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_boxes; i++)
                if (!pipeline_in_zone(p, &p->boxes[i]))
                        p->boxes[n++] = p->boxes[i];
        p->n_boxes = n;
}

int pipeline_look(struct pipeline *p, const struct frame *f, uint64_t now_usec)
{
        struct emo_image image;
        uint64_t start_nsec = pipeline_clock_nsec(), end_nsec;
        bool everywhere;
        int r;

        r = pipeline_image(f, plugin_host_format(p->host, PLUGIN_DETECTOR), &image);
        if (r < 0)
                return r;
        everywhere = now_usec >= pipeline_due_usec(p) || tracks_fill_picture(p, &image, now_usec);
        if (everywhere) {
                look_everywhere(p, &image);
                p->last_look_usec = now_usec;
                p->started = true;
        } else {
                look_at_tracks(p, &image, now_usec);
        }
        drop_boxes_in_zones(p);
        end_nsec = pipeline_clock_nsec();
        p->stats.detect_nsec += end_nsec - start_nsec;
        r = tracks_match(&p->tracks, p->boxes, p->n_boxes, now_usec, everywhere, N_CONFIRM);
        p->stats.track_nsec += pipeline_clock_nsec() - end_nsec;
        return r;
}
