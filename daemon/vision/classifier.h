/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The expression classifier: an ONNX model of the form of nn/classifier-form.h, with emotiond.labels (at most
 * EMOTION_MAX) in its metadata or its settings. For people: emotiond.name, emotiond.licence.
 */

#include "basic/macro.h"
#include "daemon/vision/face.h"
#include "nn/classifier-form.h"

struct classifier;

struct classifier_info {
        const char *file, *name, *licence; /* name and licence may be "" */
        char sha256[65];
        unsigned n_labels;
        const char *labels[EMOTION_MAX];
        unsigned width_px, height_px; /* input */
        bool colour;                  /* it wants classifier_planes(), too */
        struct face_template face_template;
        unsigned max_batch;
        /* what was measured of it, see train/model/measured.h; 0, "" and none unless its file says so */
        double accuracy;
        const char *measured;
        unsigned n_decisions; /* 0, or n_labels * (n_labels + 1) */
        uint32_t decisions[EMOTION_MAX * (EMOTION_MAX + 1)];
};

struct classifier_error {
        char text[256];
};

/**
 * classifier_new() - load a model that classifies up to @max_batch faces a call
 * @text: what is said of it beside the file, and wins over it; may be NULL
 * @threads: for one forward pass, 1..64
 * Return: 0; -ENOENT and errno of open(2); -EBADMSG, -EOPNOTSUPP, -EFBIG from the engine; -EINVAL no input or output
 * of the form above. @error is filled.
 */
int classifier_new(const char *path, const struct nn_form_text *text, unsigned max_batch, unsigned threads,
                   struct classifier **ret, struct classifier_error *error);
struct classifier *classifier_free(struct classifier *c);
DEFINE_CLEANUP(struct classifier *, classifier_free)

/* Owned by the classifier, constant. */
const struct classifier_info *classifier_get_info(const struct classifier *c);

/* From now on each answer is the mean of those to a face and to its mirror image: twice the work. Off at first. */
void classifier_set_mirror(struct classifier *c, bool mirror);

/* Where face @i of the next batch goes: width_px * height_px floats in 0..255, to be filled by nn_image_warp(). */
float *classifier_input(struct classifier *c, unsigned i);
/* The same in colour, [3, height_px, width_px], red first; to be filled beside the other, which the quality of a picture is
 * measured by. NULL: the model takes none. */
float *classifier_planes(struct classifier *c, unsigned i);
/**
 * classifier_run() - normalise and run the first @n inputs
 * @ret: n_labels probabilities a face, sum 1. A network that gives a NaN makes that face's scores uniform.
 * Return: 0 or negative errno. Allocates nothing after the first call with one and the first with several.
 */
int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX]);
