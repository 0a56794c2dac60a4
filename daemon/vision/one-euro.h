/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A low-pass filter that is slow where nothing moves and fast where something does (Casiez, Roussel and Vogel, "1 Euro
 * Filter", CHI 2012): the cutoff frequency grows with the speed of the signal, so that a still one jitters little and a
 * moving one lags little.
 */

#include <stdbool.h>

#include "plugins/emo-plugin.h"

struct one_euro_params {
        double min_cutoff_hz;   /* of a still signal; lower: less jitter */
        double beta;            /* growth of the cutoff in Hz for each unit a second; higher: less lag */
        double speed_cutoff_hz; /* of the filter of the speed itself */
};

struct one_euro {
        bool started;
        double value, speed; /* units, units a second */
};

/**
 * one_euro_update() - take one sample
 * @dt_sec: since the last one; the first sample is taken as it is, and one without a time between changes nothing
 * Return: the filtered value.
 */
double one_euro_update(struct one_euro *f, const struct one_euro_params *p, double x, double dt_sec);

/* The landmarks of one face, a filter for each coordinate. All zero: nothing seen yet. */
struct point_filter {
        unsigned n_points;
        struct one_euro axes[EMO_MAX_LANDMARKS][2];
};

/**
 * point_filter_update() - smooth @n points in place
 * @size_px: of the face, so that the same movement counts the same near and far; > 0
 * @dt_sec: since the last call; after half a second, or when another number of points comes, it starts anew
 */
void point_filter_update(struct point_filter *f, float (*points)[2], unsigned n, double size_px, double dt_sec);
