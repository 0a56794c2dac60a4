/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Training pictures for a detector: parts of scenes, with and without faces, scaled, turned and pasted onto a
 * scene without any, so that faces of all sizes come in all places.
 */

#include "train/data/scenes.h"
#include "train/net/random.h"
#include "train/task/augment.h"

#define DETECT_MAX_FACES 16

struct detect_sampler {
        const struct scene_set *set;
        size_t *faces, n_faces; /* pictures with exactly one face */
        size_t *empty, n_empty; /* without; those known to look like a face come three times */
        double min_px, max_px;  /* of a face: the root of its box's area */
        const struct augment_config *augment;
};

/* What is in a sample. */
struct detect_truth {
        unsigned n;
        struct detect_face {
                struct scene_face face;
                bool ignored; /* too little of it is to be seen: neither a face nor none */
        } faces[DETECT_MAX_FACES];
};

/* Return: 0; -EINVAL if there are no faces, or no pictures without; -ENOMEM. */
int detect_sampler_init(struct detect_sampler *s, const struct scene_set *set);
void detect_sampler_done(struct detect_sampler *s);
/* @ret: width_px * height_px values 0..255; @scratch: as many */
void detect_sample(const struct detect_sampler *s, struct rng *rng, unsigned width_px, unsigned height_px, float *ret,
                   float *scratch, struct detect_truth *ret_truth);
/* The box's ends, points and all, by @map; in a mirror image left and right points change names. */
struct scene_face detect_map_face(const struct scene_face *f, const double forward[6], double roll_rad, double sx,
                                  double sy, bool mirror);
