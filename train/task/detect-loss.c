/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdbool.h>

#include "basic/macro.h"
#include "train/task/detect-loss.h"

#define MAX_LOG 8.0 /* of a size; more is as good as infinite, and its exponential must not be */

static double softplus(double x)
{
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

double focal_loss(double logit, int target, double alpha, double gamma, double *gradient)
{
        double sign = target ? 1 : -1, weight = target ? alpha : 1 - alpha;
        /* p: of being right */
        double log_p = -softplus(-sign * logit), p = exp(log_p), q = pow(1 - p, gamma);

        *gradient = sign * weight * q * (gamma * p * log_p - (1 - p));
        return -weight * q * log_p;
}

/* One axis of two intervals: intersection, hull, and what they gain as our ends a and b move up. */
struct axis {
        double inner, hull;
        double inner_a, inner_b, hull_a, hull_b;
};

static struct axis axis_of(double a, double b, double ta, double tb)
{
        struct axis x = { .inner = MIN(b, tb) - MAX(a, ta), .hull = MAX(b, tb) - MIN(a, ta) };

        if (x.inner > 0) {
                x.inner_a = a > ta ? -1 : 0;
                x.inner_b = b < tb ? 1 : 0;
        } else
                x.inner = 0;
        x.hull_a = a < ta ? -1 : 0;
        x.hull_b = b > tb ? 1 : 0;
        return x;
}

double box_loss(const double value[4], const double target[4], double gradient[4])
{
        double w = exp(CLAMP(value[2], -MAX_LOG, MAX_LOG)), h = exp(CLAMP(value[3], -MAX_LOG, MAX_LOG));
        struct axis x =
                axis_of(value[0] - w / 2, value[0] + w / 2, target[0] - target[2] / 2, target[0] + target[2] / 2);
        struct axis y =
                axis_of(value[1] - h / 2, value[1] + h / 2, target[1] - target[3] / 2, target[1] + target[3] / 2);
        double inner = x.inner * y.inner, sum = w * h + target[2] * target[3] - inner, hull = x.hull * y.hull;
        /* loss = 2 - inner / sum - sum / hull: derivatives by each of the three */
        double by_inner = -1 / sum, by_sum = inner / (sum * sum) - 1 / hull, by_hull = sum / (hull * hull);
        double inner_weight = by_inner - by_sum; /* the intersection is part of sum too */
        double xa = inner_weight * x.inner_a * y.inner + by_hull * x.hull_a * y.hull;
        double xb = inner_weight * x.inner_b * y.inner + by_hull * x.hull_b * y.hull;
        double ya = inner_weight * y.inner_a * x.inner + by_hull * y.hull_a * x.hull;
        double yb = inner_weight * y.inner_b * x.inner + by_hull * y.hull_b * x.hull;

        gradient[0] = xa + xb;
        gradient[1] = ya + yb;
        gradient[2] = fabs(value[2]) < MAX_LOG ? ((xb - xa) / 2 + by_sum * h) * w : 0;
        gradient[3] = fabs(value[3]) < MAX_LOG ? ((yb - ya) / 2 + by_sum * w) * h : 0;
        return 2 - inner / sum - sum / hull;
}

double smooth_l1(double x, double *gradient)
{
        bool small = fabs(x) < 1;

        *gradient = small ? x : x < 0 ? -1 : 1;
        return small ? x * x / 2 : fabs(x) - 0.5;
}
