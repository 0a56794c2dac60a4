/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "train/task/landmark-loss.h"

static double wing(const struct point_loss *loss, double x, double *slope)
{
        double w = loss->width, e = loss->curvature, a = fabs(x), s = x < 0 ? -1 : x > 0;

        if (a < w) {
                *slope = s * w / (e + a);
                return w * log1p(a / e);
        }
        *slope = s;
        return a - (w - w * log1p(w / e));
}

double point_loss(const struct point_loss *loss, const float *value, const float *target, size_t n, double scale,
                  double weight, float *gradient)
{
        double sum = 0, slope;

        for (size_t i = 0; i < n; i++) {
                double x = scale * ((double)value[i] - (double)target[i]);

                if (loss->kind == POINT_LOSS_L2) {
                        sum += x * x / 2;
                        slope = x;
                } else
                        sum += wing(loss, x, &slope);
                gradient[i] = (float)(weight * slope * scale / (double)n);
        }
        return sum / (double)n;
}

double logit_loss(double logit, double target, double *gradient)
{
        /* log(1 + exp(x)) without overflow */
        double softplus = logit > 0 ? logit + log1p(exp(-logit)) : log1p(exp(logit));

        *gradient = 1 / (1 + exp(-logit)) - target;
        return softplus - target * logit;
}
