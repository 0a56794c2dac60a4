/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A detector file over whole pictures, through the engine that the service uses.
 */

#include "nn/detect.h"
#include "nn/image.h"
#include "train/model/evaluate.h"

struct face_finder;

/**
 * face_finder_new() - load a detector and plan it
 * @side_px: larger pictures are shrunk until the longer side is this: a multiple of 32
 *
 * Return: 0; -EINVAL another kind of network; else as nn_model_load(). @error is filled.
 */
int face_finder_new(const char *path, unsigned side_px, unsigned threads, struct face_finder **ret,
                    struct classifier_error *error);
/* Accepts NULL; returns NULL. */
struct face_finder *face_finder_free(struct face_finder *f);
DEFINE_CLEANUP(struct face_finder *, face_finder_free)

/* Whether the detector's boxes take the forehead in, by its metadata. */
bool face_finder_has_head(const struct face_finder *f);

/* Boxes in pixels of @im, best first, from a score of @threshold on. @ret: reused, the caller ends it with
 * detections_done(). Return: 0, -ENOMEM, -EINVAL. */
int face_finder_find(struct face_finder *f, const struct nn_image *im, double threshold, struct detections *ret);
