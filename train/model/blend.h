/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Two networks of one shape to one whose weights lie between theirs. Between a network and what further training made
 * of it, the path is straight and good all along (Wortsman et al. 2022, arXiv:2109.01903): a little of the second's new
 * knowledge can be traded for the first's old one without training again.
 *
 * A classifier's classes may be weighed and its answers calibrated as well. Both go into the weights of the last layer, so
 * the file has the operators that it had.
 */

#include "train/data/dataset.h"
#include "train/model/classifier-file.h"

struct blend_options {
        double share;                        /* 0..1 of the second network */
        double weights[DATASET_MAX_CLASSES]; /* factor of the odds of each output before calibration; 0: as it is */
        const struct dataset *set;           /* rows for the temperature; NULL: the answers stay as sure as they come */
        unsigned threads;
        bool mirror; /* the temperature suits the mean of the answers to a picture and to its mirror image */
};

/**
 * blend() - write to @out what lies between the models at @first and @second
 * @ret_temperature: by which the logits were divided; 1 without a set
 *
 * Return: 0; -EINVAL other layers or sizes, weights or a set for what is no classifier, or classes of the set that the
 * model lacks; -ERANGE no temperature exists, as all rows are right; errors of the engine and of the file system.
 */
int blend(const char *first, const char *second, const struct blend_options *options, const char *out,
          double *ret_temperature, struct classifier_error *error);
