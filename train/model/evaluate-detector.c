/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "train/model/evaluate-faces.h"
#include "train/model/face-finder.h"

#define LEAST_SCORE 0.02 /* what is below is not part of the curve */

int evaluate_detector(const char *path, const char *data, const struct evaluate_detector_options *options,
                      struct detect_score *ret, struct classifier_error *error)
{
        const struct scene_options wanted = { .part = options->part };
        _cleanup_(face_finder_freep) struct face_finder *finder = NULL;
        _cleanup_(scene_set_freep) struct scene_set *set = NULL;
        struct dataset_error data_error = { "out of memory" };
        struct detections found = { 0 };
        struct detect_score score = { 0 };
        int r = face_finder_new(path, options->side_px, options->threads, &finder, error);

        if (r < 0)
                return r;
        r = scene_set_load(data, &wanted, &set, &data_error);
        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "%s", data_error.text);
                return r;
        }
        for (size_t i = 0; i < set->n && r >= 0; i++) {
                r = face_finder_find(finder, &set->scenes[i].levels[0], LEAST_SCORE, &found);
                if (r >= 0)
                        r = detect_score_add(&score, &found, set->scenes[i].faces, set->scenes[i].n_faces,
                                             options->iou);
        }
        detections_done(&found);
        if (r < 0) {
                detect_score_done(&score);
                snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, strerror(-r));
                return r;
        }
        detect_score_sort(&score);
        *ret = score;
        return 0;
}
