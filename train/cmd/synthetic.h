/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The synthetic clip: one face, a mean over many people, that changes its expression by a script and moves a little,
 * as if a camera looked at it. For demonstrations and tests where no person's picture may be used.
 */

#include <stddef.h>
#include <stdint.h>

#define SYNTHETIC_MAX_STEPS 64
#define SYNTHETIC_MAX_CLASSES 16

struct synthetic_config {
        unsigned width_px, height_px, rate_hz;
        double hold_s;  /* how long an expression stays as it is */
        double morph_s; /* how long the change to the next one takes; the last changes into the first */
        /* of each class; 1: its mean; more: further away from the mean of all, like a caricature */
        double exaggeration[SYNTHETIC_MAX_CLASSES];
        double face_px; /* side of the face's square in the picture */
        unsigned n_steps;
        unsigned steps[SYNTHETIC_MAX_STEPS]; /* class of each step */
};

struct synthetic {
        struct synthetic_config config;
        unsigned size_px; /* side of one mean face */
        uint8_t *faces;   /* [n_classes, size, size], exaggerated */
        uint8_t *mixed;   /* [size, size] scratch */
        float *warped;    /* [height, width] scratch */
};

/* What frame @i shows. */
struct synthetic_truth {
        unsigned class; /* the one with the greater weight */
        double weight;  /* of it, 0.5..1; 1 while it is held */
};

/**
 * synthetic_init() - @strip: n_classes squares side by side, as `emotion-nn meanfaces` writes them
 * Return: 0; -EINVAL a strip that is no row of squares, or @config out of range; -ENOMEM.
 */
int synthetic_init(struct synthetic *s, const uint8_t *strip, unsigned width_px, unsigned height_px,
                   size_t stride_bytes, const struct synthetic_config *config);
void synthetic_done(struct synthetic *s);

/* Frames until the script begins again; the frame after the last would be the first. */
size_t synthetic_n_frames(const struct synthetic *s);
struct synthetic_truth synthetic_truth(const struct synthetic *s, size_t i);
/* @ret: width_px * height_px grey levels */
void synthetic_render(struct synthetic *s, size_t i, uint8_t *ret);
