/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Training pictures for a detector: parts of scenes, with and without faces, scaled, turned and pasted onto a
 * scene without any, so that faces of all sizes come in all places.
 */

#include "train/data/scenes.h"
#include "train/net/random.h"
#include "train/task/augment.h"

#define DETECT_MAX_FACES 48

/* How often pictures of one source are drawn, by the beginning of their file's name. */
struct detect_source {
        const char *prefix; /* borrowed */
        double weight;      /* 1: as often as it has pictures */
};

/* Pictures and how likely each is: sums[i] is the weight of all up to i. */
struct detect_urn {
        size_t *scene, n;
        double *sums;
};

/* What was taken for a face, in a picture without one. */
struct detect_phantom {
        size_t scene;
        double x, y, size_px; /* middle, and root of the box's area, in the picture */
        double seen_px;       /* that size in the network's input */
};

struct detect_sampler {
        const struct scene_set *set;
        struct detect_urn faces;               /* pictures with a face; one of n faces is as likely as root n of one */
        struct detect_urn empty;               /* without; those known to look like a face come three times */
        double min_px, max_px;                 /* of a face: the root of its box's area */
        double occlude;                        /* probability of a thing drawn before a face */
        const struct detect_phantom *phantoms; /* owned by the caller; shown among the distractions */
        size_t n_phantoms;
        const struct augment_config *augment;
};

/* What is in a sample. */
struct detect_truth {
        unsigned n;
        struct detect_face {
                struct scene_face face;
                bool ignored; /* too little of it is to be seen: neither a face nor none */
                bool guessed; /* its points are */
        } faces[DETECT_MAX_FACES];
};

/* Return: 0; -EINVAL if there are no faces, or no pictures without, or all weigh nothing; -ENOMEM. */
int detect_sampler_init(struct detect_sampler *s, const struct scene_set *set, const struct detect_source *sources,
                        size_t n_sources);
void detect_sampler_done(struct detect_sampler *s);
/* @ret: width_px * height_px values 0..255; @scratch: as many */
void detect_sample(const struct detect_sampler *s, struct rng *rng, unsigned width_px, unsigned height_px, float *ret,
                   float *scratch, struct detect_truth *ret_truth);
/* Part of a face-free picture, as the network is to be tried on; @ret_at and *ret_scale lead back: picture = at + input /
 * scale. */
size_t detect_sample_empty(const struct detect_sampler *s, struct rng *rng, unsigned width_px, unsigned height_px,
                           float *ret, double ret_at[2], double *ret_scale);
/* The box's ends, points and all, by @map; in a mirror image left and right points change names. */
struct scene_face detect_map_face(const struct scene_face *f, const double forward[6], double roll_rad, double sx,
                                  double sy, bool mirror);
