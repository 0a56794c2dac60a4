/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "train/model/evaluate-faces.h"

/* What `emotion-nn eval` was asked for, of a model that is no classifier. */
struct eval_faces_options {
        const char *model, *data, *background, *offsets, *svg;
        struct evaluate_detector_options detector;
        bool json;
};

/* Measures and prints. Return: the exit status; messages go to standard error. */
int eval_faces(enum evaluate_kind kind, const struct eval_faces_options *options);
