/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "daemon/vision/one-euro.h"

/* In face widths: a face that is still is filtered at 1.5 Hz; one that moves by its own width in a second, which is slow,
 * at 16 Hz, where the filter is a third of a frame late at 30 frames a second. */
static const struct one_euro_params point_params = { .min_cutoff_hz = 1.5, .beta = 15, .speed_cutoff_hz = 1 };

/* After so long a pause the old points say nothing of the new ones. */
#define MAX_PAUSE_SEC 0.5

/* Share of the new value after @dt_sec. */
static double gain(double cutoff_hz, double dt_sec)
{
        double tau_sec = 1 / (2 * M_PI * cutoff_hz);

        return dt_sec / (dt_sec + tau_sec);
}

double one_euro_update(struct one_euro *f, const struct one_euro_params *p, double x, double dt_sec)
{
        if (!f->started) {
                *f = (struct one_euro){ .started = true, .value = x };
                return x;
        }
        if (!(dt_sec > 0))
                return f->value;
        double speed = (x - f->value) / dt_sec;

        f->speed += gain(p->speed_cutoff_hz, dt_sec) * (speed - f->speed);
        f->value += gain(p->min_cutoff_hz + p->beta * fabs(f->speed), dt_sec) * (x - f->value);
        return f->value;
}

void point_filter_update(struct point_filter *f, float (*points)[2], unsigned n, double size_px, double dt_sec)
{
        struct one_euro_params p = point_params;

        if (n > EMO_MAX_LANDMARKS || n != f->n_points || dt_sec > MAX_PAUSE_SEC) {
                memset(f, 0, sizeof(*f));
                f->n_points = n <= EMO_MAX_LANDMARKS ? n : 0;
        }
        p.beta /= size_px > 1 ? size_px : 1;
        for (unsigned i = 0; i < f->n_points; i++)
                for (unsigned k = 0; k < 2; k++)
                        points[i][k] = (float)one_euro_update(&f->axes[i][k], &p, (double)points[i][k], dt_sec);
}
