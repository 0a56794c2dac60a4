/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <syslog.h>

#include "tests/plugins/fake.h"

struct fake_script fake_script __attribute__((visibility("default")));

static int fake_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        const char *name;
        int flag = 0, r;

        r = host->get_float(host->self, "number", 0, 10, &fake_script.number);
        if (r >= 0)
                r = host->get_bool(host->self, "group.flag", &flag);
        if (r >= 0)
                r = host->get_string(host->self, "file", &name);
        if (r > 0)
                r = host->find_file(host->self, name, fake_script.found_file, sizeof(fake_script.found_file));
        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "fake says no");
                return r;
        }
        host->log(host->self, LOG_DEBUG, "open");
        fake_script.n_open++;
        fake_script.host = host;
        *ret_self = &fake_script;
        return 0;
}

static void fake_close(void *self)
{
        ((struct fake_script *)self)->n_close++;
}

static int fake_detect(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                       struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        struct fake_script *s = self;
        size_t n = 0;

        if (hints->roi_width)
                s->n_regions++;
        else
                s->n_everywhere++;
        if (s->detect_result) {
                snprintf(error->text, sizeof(error->text), "fake cannot see");
                return s->detect_result;
        }
        for (int i = 0; i < s->n_boxes && n < max_boxes && !s->detect_nothing; i++) {
                const struct emo_box *b = &s->boxes[i];
                float x = b->x + b->width / 2, y = b->y + b->height / 2;

                if (hints->roi_width && (x < (float)hints->roi_x || x > (float)(hints->roi_x + hints->roi_width) ||
                                         y < (float)hints->roi_y || y > (float)(hints->roi_y + hints->roi_height)))
                        continue;
                ret[n++] = *b;
        }
        return (int)n;
}

/* 68 points on a spiral about the centre of the nearest box: what matters is that they move with it. */
static void give_landmarks(const struct fake_script *s, const struct emo_box *box, struct emo_alignment *ret)
{
        const struct emo_box *nearest = NULL;
        float best = 1e30f;

        for (int i = 0; i < s->n_boxes; i++) {
                float dx = s->boxes[i].x - box->x, dy = s->boxes[i].y - box->y;

                if (dx * dx + dy * dy < best) {
                        best = dx * dx + dy * dy;
                        nearest = &s->boxes[i];
                }
        }
        ret->confidence = nearest && best < box->width * box->width ? 1 : 0;
        if (s->align_confidence > 0)
                ret->confidence = s->align_confidence;
        ret->n_points = EMO_MAX_LANDMARKS;
        for (int i = 0; i < EMO_MAX_LANDMARKS && nearest; i++) {
                ret->points[i][0] = nearest->x + nearest->width * (float)(i % 10) / 10;
                ret->points[i][1] = nearest->y + nearest->height * (float)(i / 10) / 7;
        }
}

static int fake_align(void *self, const struct emo_image *image, const struct emo_box *box, struct emo_alignment *ret,
                      struct emo_error *error)
{
        struct fake_script *s = self;

        s->n_aligned++;
        if (s->note_sequence)
                s->sequence = s->host->sequence;
        if (s->align_result)
                return s->align_result;
        *ret = (struct emo_alignment){
                .x = box->x + box->width / 2, .y = box->y + box->height / 2, .side_px = box->width / 2, .confidence = 1
        };
        if (s->use_alignment)
                *ret = s->alignment;
        else if (s->landmarks)
                give_landmarks(s, box, ret);
        return 0;
}

static const struct emo_detector_ops detector = { sizeof(detector), fake_open, fake_detect, fake_close };
static const struct emo_aligner_ops aligner = { sizeof(aligner), fake_open, fake_align, fake_close };

#ifdef FAKE_ABOUT
EMO_PLUGIN_ABOUT(FAKE_NAME, "0.9", "what the file says", "MIT", FAKE_ABOUT);
#endif

const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_HEADER,
        .format = FAKE_FORMAT,
        .name = FAKE_NAME,
        .version = "1",
        .description = "answers what a test has written",
        .licence = "LGPL-2.1-or-later",
        .detector = &detector,
        .aligner = &aligner,
};
