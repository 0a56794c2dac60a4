/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Faces in a picture by a detection network: our own, or YuNet. nn/detect.h says which outputs it must have.
 *
 * Input: [1, C, H, W] float32, C 1 or 3 (the grey picture three times), H and W open or fixed. Metadata:
 *   emotiond.task           "detect"; may be absent
 *   emotiond.normalisation  see nn/image.h; absent: "none" for three channels, "unit" for one
 *   emotiond.box            "face", brows to chin, as emo-plugin.h has it; or "head", brow to chin with the forehead,
 *                           as YuNet has it, which is the default
 */

#include "nn/emotion-nn.h"
#include "plugins/emo-plugin.h"

struct detector;

struct detector_config {
        double threshold;     /* least score, 0..1 */
        double overlap;       /* of two boxes that are two faces, at most, 0..1 */
        uint32_t min_face_px; /* where the caller has no limit */
        uint32_t face_px;     /* what the smallest face should measure in the network's input */
        uint32_t max_side_px; /* of the network's input */
};

/**
 * detector_new() - load a network and try it on a small input
 * Return: 0; -EINVAL a network of another form; else as nn_model_load(). @error is filled.
 */
int detector_new(const char *path, const struct detector_config *config, struct detector **ret, struct nn_error *error);
/* Accepts NULL; returns NULL. */
struct detector *detector_free(struct detector *d);

/**
 * detector_find() - faces in a GRAY8 picture, best first
 * The first call with a picture or region of another size plans the network for it; after that nothing is allocated.
 * Return: number of boxes, at most @max; -EFBIG; -ENOMEM. @error is filled.
 */
int detector_find(struct detector *d, const struct emo_image *image, const struct emo_detect_hints *hints,
                  struct emo_box *ret, size_t max, struct nn_error *error);
