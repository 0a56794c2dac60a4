/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a classifier of faces wants to be shown and what its answers mean: from its file, or from who knows it better.
 *
 * One input, four dimensions of float32: [N, C, H, W] or [N, H, W, C], with one channel or three. One output, a number
 * for each label. What the shapes do not tell stands in metadata, each of which struct nn_form_text can replace:
 *
 *   emotiond.labels         comma-separated, in output order ("anger,disgust,fear,happiness,sadness,surprise,neutral")
 *   emotiond.layout         "nchw" or "nhwc"; needed only where the shape does not tell
 *   emotiond.channels       "gray", "rgb" or "bgr"; absent: "gray" of one channel, "rgb" of three. "gray" of three
 *                           channels: the same picture three times
 *   emotiond.size           "48x48", width and height; needed only where the file leaves them open
 *   emotiond.normalisation  see nn/image.h; or "imagenet"; or "MEAN/STD", a number each or three with commas: pixels of
 *                           0..1 less the mean, divided by the standard deviation, in the order of the channels; absent:
 *                           "unit"
 *   emotiond.output         "probabilities" (the graph ends in Softmax; default) or "logits"
 *   emotiond.template       where the faces of training were carried to, see nn/face-template.h; absent: FER2013's framing
 */

#include <stdbool.h>

#include "nn/emotion-nn.h"
#include "nn/face-template.h"
#include "nn/image.h"

#define NN_FORM_MAX_LABELS 16
#define NN_FORM_LABEL_MAX 64 /* bytes, with the NUL */
#define NN_FORM_MAX_SIDE_PX 4096

enum nn_form_channels {
        NN_FORM_GRAY,
        NN_FORM_RGB,
        NN_FORM_BGR,
};

/* NULL or "": as the file says. */
struct nn_form_text {
        const char *labels; /* as nn_form_labels() reads them */
        const char *layout, *channels, *size, *normalisation, *output, *face_template;
};

struct nn_form {
        unsigned n_labels; /* 0: the file has none */
        char labels[NN_FORM_MAX_LABELS][NN_FORM_LABEL_MAX];
        bool nhwc;
        bool open_size; /* the file does not fix the sides: a plan wants exact shapes */
        unsigned n_channels;
        enum nn_form_channels channels;
        unsigned width_px, height_px;
        bool by_mean; /* by mean and std, by channel; else by normalisation */
        enum nn_normalisation normalisation;
        float mean[3], std[3];
        bool logits;
        struct face_template face_template;
};

/**
 * nn_form_read() - the form of the classifier @m
 * @text: may be NULL
 * Return: 0; -EINVAL, with a sentence, if the model is of no such form or a text is wrong.
 */
int nn_form_read(const struct nn_model *m, const struct nn_form_text *text, struct nn_form *ret,
                 struct nn_error *error);

/**
 * nn_form_labels() - labels as people write them, to those of the service
 *
 * "Angry,Happy" or with names of one's own "0=anger,1=happiness": upper case becomes lower, and the usual words for the
 * seven expressions become theirs. Two that stand for one class are refused, and so is what is no word. @ret: n_labels,
 * labels. Return: 0 or -EINVAL.
 */
int nn_form_labels(const char *text, struct nn_form *ret, struct nn_error *error);

/* Whether the service can announce it: 1 to 31 of a-z, 0-9, - and _, but not "unsure". */
bool nn_form_label_is_valid(const char *label);

/* The tensor that a plan for @batch faces wants, for nn_plan_options.inputs. */
struct nn_tensor nn_form_tensor(const struct nn_form *f, unsigned batch);

/* Whether the input, once planned, is what the form says, for @batch faces. */
bool nn_form_fits(const struct nn_form *f, const struct nn_tensor *input, unsigned batch);

/* Floats of one face at the input. */
size_t nn_form_size(const struct nn_form *f);

/**
 * nn_form_fill() - a face as the network wants it
 * @gray: [H, W] in 0..255
 * @rgb: [3, H, W] of the same in colour; NULL: there is none, and the gray stands for all channels
 * @mirror: the mirror image instead
 * @ret: nn_form_size() floats
 */
void nn_form_fill(const struct nn_form *f, const float *gray, const float *rgb, bool mirror, float *ret);
