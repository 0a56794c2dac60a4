/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "daemon/vision/pose.h"

/* A mean head, symmetric. It was found from landmarks alone: 1,720 hand-marked faces of many people, each beside
 * its mirror image, turned and scaled by the fit below while the model's points were moved to where all of them together
 * want them; then rounded. The outer eye corners are 90 apart, which makes a unit about a millimetre, and between them is
 * the origin. */
static const struct {
        unsigned landmark;
        double at[3];
} model[] = {
        { 36, { -45, 0, 0 } },   { 39, { -20, 1, -6 } },  { 42, { 20, 1, -6 } },    { 45, { 45, 0, 0 } },
        { 27, { 0, 1, -25 } },   { 30, { 0, 37, -45 } },  { 31, { -13, 45, -22 } }, { 33, { 0, 48, -28 } },
        { 35, { 13, 45, -22 } }, { 48, { -26, 71, -5 } }, { 54, { 26, 71, -5 } },
};

const double *pose_model_point(unsigned landmark)
{
        for (size_t i = 0; i < ARRAY_LEN(model); i++)
                if (model[i].landmark == landmark)
                        return model[i].at;
        return NULL;
}

/* Solves the symmetric @m * x = @b for both right sides. False if @m is singular. */
static bool solve3(const double m[3][3], const double b[2][3], double ret[2][3])
{
        double cofactor[3][3], det = 0;

        for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++) {
                        int r0 = (i + 1) % 3, r1 = (i + 2) % 3, c0 = (j + 1) % 3, c1 = (j + 2) % 3;

                        cofactor[i][j] = m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
                }
        for (int j = 0; j < 3; j++)
                det += m[0][j] * cofactor[0][j];
        if (!(fabs(det) > 1e-9))
                return false;
        for (int k = 0; k < 2; k++)
                for (int i = 0; i < 3; i++)
                        ret[k][i] =
                                (cofactor[i][0] * b[k][0] + cofactor[i][1] * b[k][1] + cofactor[i][2] * b[k][2]) / det;
        return true;
}

/* The affine map of the model to the points that has the least squared error: two rows of three. */
static bool fit_affine(const float (*points)[2], double ret[2][3])
{
        double mean[3] = { 0 }, mean_at[2] = { 0 }, m[3][3] = { { 0 } }, b[2][3] = { { 0 } };
        const double n = ARRAY_LEN(model);

        for (size_t i = 0; i < ARRAY_LEN(model); i++) {
                for (int k = 0; k < 3; k++)
                        mean[k] += model[i].at[k] / n;
                for (int k = 0; k < 2; k++)
                        mean_at[k] += (double)points[model[i].landmark][k] / n;
        }
        for (size_t i = 0; i < ARRAY_LEN(model); i++)
                for (int j = 0; j < 3; j++) {
                        double x = model[i].at[j] - mean[j];

                        for (int k = 0; k < 3; k++)
                                m[j][k] += x * (model[i].at[k] - mean[k]);
                        for (int k = 0; k < 2; k++)
                                b[k][j] += x * ((double)points[model[i].landmark][k] - mean_at[k]);
                }
        return solve3(m, b, ret);
}

static double dot3(const double *a, const double *b)
{
        return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* The two orthonormal rows nearest to those of @a: (A A')^(-1/2) A, the root of the 2 by 2 matrix in closed form. */
static bool orthonormalise(double a[2][3])
{
        double g00 = dot3(a[0], a[0]), g01 = dot3(a[0], a[1]), g11 = dot3(a[1], a[1]);
        double root = sqrt(fmax(g00 * g11 - g01 * g01, 0)), t = sqrt(g00 + g11 + 2 * root);

        /* rows that are near to parallel are points on a line; NaN ends here, too */
        if (!(root > 1e-6 * (g00 + g11)) || !isfinite(t))
                return false;
        double s00 = (g00 + root) / t, s01 = g01 / t, s11 = (g11 + root) / t, det = s00 * s11 - s01 * s01;

        for (int k = 0; k < 3; k++) {
                double x = a[0][k], y = a[1][k];

                a[0][k] = (s11 * x - s01 * y) / det;
                a[1][k] = (s00 * y - s01 * x) / det;
        }
        return true;
}

int pose_fit(const float (*points)[2], unsigned n, struct face_pose *ret)
{
        double a[2][3];

        if (n != EMO_MAX_LANDMARKS || !fit_affine(points, a) || !orthonormalise(a))
                return -EINVAL;
        /* the third row of the rotation; its columns are where the model's axes point */
        double x2 = a[0][1] * a[1][2] - a[0][2] * a[1][1], z2 = a[0][0] * a[1][1] - a[0][1] * a[1][0];
        double yaw = atan2(-a[0][2], z2), pitch = asin(fmin(fmax(a[1][2], -1), 1));
        /* what is left of the model's x axis when yaw and pitch are taken back */
        double along = cos(yaw) * a[0][0] + sin(yaw) * x2;
        double down = sin(yaw) * sin(pitch) * a[0][0] + cos(pitch) * a[1][0] - cos(yaw) * sin(pitch) * x2;

        *ret = (struct face_pose){ .known = true,
                                   .yaw_deg = (float)(yaw * 180 / M_PI),
                                   .pitch_deg = (float)(pitch * 180 / M_PI),
                                   .roll_deg = (float)(atan2(down, along) * 180 / M_PI) };
        return 0;
}
