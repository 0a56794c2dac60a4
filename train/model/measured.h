/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What was measured of a classifier, kept in its own file:
 *
 *   emotiond.accuracy   share of the rows that are right, 0 to 1
 *   emotiond.decisions  which class was decided to be what, as the service decides: a row of counts for each label, in
 *                       their order, parted by ';'; in it a count for each label and a last one for unsure, parted by ','
 *   emotiond.measured   on what, for people
 */

#include "train/model/evaluate.h"

/**
 * measured_write() - measures the model at @path on @d, and writes it into the file
 * @mirror: as the service does unless it is set otherwise
 * @min_confidence: below it a row is unsure, 0 to 1
 * @set: what @d is called
 * Return: 0; -EINVAL also if @d has no row of some label: what that is decided to be would not be known.
 */
int measured_write(const char *path, const struct dataset *d, const char *set, unsigned threads, bool mirror,
                   double min_confidence, struct classifier_error *error);
