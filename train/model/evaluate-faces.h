/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Runs a landmark network or a detector file over its data, through the engine that the service uses.
 */

#include "train/data/scenes.h"
#include "train/model/detect-score.h"
#include "train/model/evaluate.h"

/* Which kind of model a file is, by its metadata emotiond.task. */
enum evaluate_kind {
        EVALUATE_CLASSIFIER,
        EVALUATE_LANDMARKS,
        EVALUATE_DETECTOR,
};
/* Return: enum evaluate_kind, or the engine's error. */
int evaluate_kind(const char *path, struct classifier_error *error);

struct evaluate_points {
        size_t n;
        double mean, median; /* of the faces' mean errors, shares of the distance of the outer corners of the
                                eyes */
        double failures;     /* share of faces of more than 0.08 */
        double found;        /* share of faces with a confidence of at least 0.5 */
};

/* How the box is put before the network sees it. */
struct evaluate_framing {
        const char *name;
        double shift, scale, roll_deg; /* share of the box's height, in a direction of its own for each face; factor */
        unsigned passes;               /* 2: the box is put anew round the first pass's points, and turned with them */
};
#define EVALUATE_FRAMINGS 9
extern const struct evaluate_framing evaluate_framings[EVALUATE_FRAMINGS];

struct evaluate_landmarks {
        struct evaluate_points framings[EVALUATE_FRAMINGS];
        size_t n_background;     /* squares without a face */
        double background_found; /* share of them with a confidence of at least 0.5 */
};

struct evaluate_landmarks_options {
        const char *data;    /* folders, joined by ':' */
        const char *offsets; /* taken away from the first folder's points: see landmark_options; may be NULL */
        const char
                *background; /* scenes, whose face-free pictures that are kept back test the confidence; may be NULL */
        unsigned threads;
};

/**
 * evaluate_landmarks() - errors on the persons kept back from training
 */
int evaluate_landmarks(const char *path, const struct evaluate_landmarks_options *options,
                       struct evaluate_landmarks *ret, struct classifier_error *error);

struct evaluate_detector_options {
        enum scene_part part;
        unsigned side_px; /* larger pictures are shrunk until the longer side is this: a multiple of 32 */
        double iou;       /* from which a box is right */
        unsigned threads;
};

/* @ret: sorted; detect_score_done() */
int evaluate_detector(const char *path, const char *data, const struct evaluate_detector_options *options,
                      struct detect_score *ret, struct classifier_error *error);
