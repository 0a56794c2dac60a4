/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One still picture, without tracks or smoothing. */
#include <string.h>

#include "daemon/vision/attention.h"
#include "daemon/vision/decision.h"
#include "daemon/vision/stage.h"
#include "daemon/vision/pose.h"
#include "daemon/vision/quality.h"

/* Aligns and crops box @b as face @ret, input @i of the classifier. Return: 0 or negative errno. */
static int crop_still(struct pipeline *p, const struct frame *f, const struct emo_image *image, const struct emo_box *b,
                      unsigned i, struct face *ret)
{
        struct attention_rules at_once = p->config.attention;
        struct emo_alignment a;
        struct emo_error error;
        struct quality quality;
        double side_px;
        int r = plugin_host_align(p->host, image, b, &a, &error);

        if (pipeline_stage_result(p, STAGE_ALIGNER, r, &error) < 0)
                return r;
        at_once.hold_usec = 0;
        *ret = (struct face){
                .box = *b, .n_points = a.n_points, .since_usec = f->timestamp_usec, .seen_usec = f->timestamp_usec
        };
        memcpy(ret->points, a.points, sizeof(ret->points));
        (void)pose_fit(ret->points, ret->n_points, &ret->pose);
        ret->facing = attention_update(&(struct attention){ 0 }, &at_once, &ret->pose, 0);
        r = pipeline_crop(p, f, &a, i, &side_px);
        if (r < 0)
                return r;
        quality_measure(classifier_input(p->classifier, i), p->model->width_px, p->model->height_px, side_px,
                        &ret->pose, &quality);
        ret->quality = quality_least(&quality);
        return 0;
}

static int classify_still(struct pipeline *p, const struct frame *f, const struct decision_rules *rules,
                          struct face *ret, size_t max)
{
        struct emo_image image;
        unsigned n = 0, n_labels = p->model->n_labels;
        int r;

        r = pipeline_check_frame(p, f);
        if (r < 0)
                return r;
        r = pipeline_image(f, plugin_host_format(p->host, PLUGIN_DETECTOR), &image);
        if (r >= 0)
                r = pipeline_look_everywhere(p, &image);
        if (r >= 0)
                r = pipeline_image(f, plugin_host_format(p->host, PLUGIN_ALIGNER), &image);
        if (r < 0)
                return r;
        max = MIN(max, (size_t)p->config.max_faces);
        for (size_t i = 0; i < p->n_boxes && n < max; i++)
                if (crop_still(p, f, &image, &p->boxes[i], n, &ret[n]) >= 0)
                        n++;
        r = n ? pipeline_classify(p, n) : 0;
        if (r < 0)
                return r;
        for (unsigned i = 0; i < n; i++) {
                int best = decision_best(p->scores[i], n_labels, 0);

                memcpy(ret[i].scores, p->scores[i], n_labels * sizeof(float));
                ret[i].emotion = ret[i].quality < p->config.min_quality
                                         ? EMOTION_UNSURE
                                         : decision_best(p->scores[i], n_labels, rules->min_confidence);
                ret[i].confidence = best >= 0 ? (double)p->scores[i][best] : 0;
        }
        return (int)n;
}

int pipeline_classify_image(struct pipeline *p, const struct frame *f, const struct decision_rules *rules,
                            struct face *ret, size_t max)
{
        int r;

        pipeline_begin_stages(p);
        /* what the plugins remember of the stream, or of another picture, says nothing of this one, and the reverse */
        (void)plugin_host_new_sequence(p->host);
        r = classify_still(p, f, rules, ret, max);
        plugin_host_set_sequence(p->host, p->sequence);
        return r;
}
