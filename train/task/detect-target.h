/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Which cells of which level answer for a face.
 */

#include "nn/detect.h"
#include "train/task/detect-sample.h"

enum detect_cell {
        DETECT_NONE = 0,    /* must say no */
        DETECT_IGNORED = 1, /* may say what it likes */
        DETECT_FACE = 2,    /* + index of the face */
};

/**
 * detect_assign() - marks the cells of one level
 * @ret: [h, w]
 *
 * A face belongs to the level whose stride suits the root of its box's area, and near a border between two
 * levels to both. Its cells are those in the middle half of its box, and always the one under its centre; the
 * rest of its box is left alone. Where two faces claim a cell, the smaller has it.
 */
void detect_assign(const struct detect_truth *t, unsigned stride, unsigned w, unsigned h, unsigned char *ret);
