/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/zones.h"

/* A smaller one is a slip of the pen: a ten-thousandth of the picture. */
#define MIN_AREA 1e-4

/* Twice the area of the triangle, over 0 if it turns one way, under 0 if the other. */
static double turn(const double *a, const double *b, const double *c)
{
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* @p, on the line through @a and @b, lies between them. */
static bool is_between(const double *a, const double *b, const double *p)
{
        return p[0] >= fmin(a[0], b[0]) && p[0] <= fmax(a[0], b[0]) && p[1] >= fmin(a[1], b[1]) &&
               p[1] <= fmax(a[1], b[1]);
}

static bool sides_meet(const double *a, const double *b, const double *c, const double *d)
{
        double u = turn(a, b, c), v = turn(a, b, d), s = turn(c, d, a), t = turn(c, d, b);

        if (((u > 0 && v < 0) || (u < 0 && v > 0)) && ((s > 0 && t < 0) || (s < 0 && t > 0)))
                return true;
        return (u == 0 && is_between(a, b, c)) || (v == 0 && is_between(a, b, d)) || (s == 0 && is_between(c, d, a)) ||
               (t == 0 && is_between(c, d, b));
}

static bool crosses_itself(const struct zone *z)
{
        size_t n = z->n_points;

        for (size_t i = 0; i < n; i++)
                for (size_t k = i + 2; k < n; k++)
                        if ((k + 1) % n != i &&
                            sides_meet(z->points[i], z->points[i + 1], z->points[k], z->points[(k + 1) % n]))
                                return true;
        return false;
}

static double area(const struct zone *z)
{
        double twice = 0;

        for (size_t i = 1; i + 1 < z->n_points; i++)
                twice += turn(z->points[0], z->points[i], z->points[i + 1]);
        return fabs(twice) / 2;
}

const char *zone_complaint(const struct zone *z)
{
        if (z->n_points < 3 || z->n_points > ZONE_MAX_POINTS)
                return "is not a polygon of 3 to 16 points";
        for (size_t i = 0; i < z->n_points; i++)
                for (int k = 0; k < 2; k++)
                        if (!(z->points[i][k] >= 0 && z->points[i][k] <= 1)) /* a NaN, too */
                                return "leaves the picture: points are shares of it, 0 to 1";
        if (crosses_itself(z))
                return "has sides that cross or touch each other";
        if (area(z) < MIN_AREA)
                return "holds less than a ten-thousandth of the picture";
        return NULL;
}

/* How often a ray to the right of the point crosses a side: Shimrat, Algorithm 112, 1962. */
static bool zone_holds(const struct zone *z, double x, double y)
{
        bool in = false;

        for (size_t i = 0, k = z->n_points - 1; i < z->n_points; k = i++) {
                const double *a = z->points[i], *b = z->points[k];

                if ((a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0])
                        in = !in;
        }
        return in;
}

bool zones_hold(const struct zones *zs, const struct emo_box *box, unsigned width_px, unsigned height_px)
{
        double x = ((double)box->x + box->width / 2.0) / width_px, y = ((double)box->y + box->height / 2.0) / height_px;

        for (size_t i = 0; i < zs->n; i++)
                if (zone_holds(&zs->items[i], x, y))
                        return true;
        return false;
}
