/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The mean face of each class of a set of face crops. A mean over hundreds of people shows nobody, but shows what
 * an expression has in common: the synthetic clip is made of it.
 */

#include "train/data/dataset.h"

struct mean_face_config {
        unsigned size_px; /* side of a mean face, 8..512; may exceed that of the pictures, whose shifts differ by
                             fractions of a pixel */
        unsigned passes;  /* 0: plain means; each pass more aligns the pictures better to the means of the last */
        double keep; /* share of a class that is used in the last pass: those most like the mean; above 0, up to 1 */
};

/**
 * mean_faces() - symmetric mean of each class, after contrast normalisation and alignment
 * @ret: [n_classes, size_px, size_px] in standard deviations about each picture's own mean; a class without rows
 * gets the mean of the others. The search is over shift, scale and rotation, for the highest correlation.
 * @ret_used: [n_classes] pictures that went in; may be NULL
 * Return: 0; -EINVAL @config out of range or an empty set; -ENOMEM.
 */
int mean_faces(const struct dataset *d, const struct mean_face_config *config, float *ret, size_t *ret_used);
