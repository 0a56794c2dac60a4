/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "train/data/landmark-shape.h"

const unsigned char landmark_mirror[LANDMARKS] = {
        16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4, 3, 2, 1, 0, /* jaw */
        26, 25, 24, 23, 22, 21, 20, 19, 18, 17,                        /* brows */
        27, 28, 29, 30, 35, 34, 33, 32, 31,                            /* nose */
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,                /* eyes */
        54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,                /* mouth, outer */
        64, 63, 62, 61, 60, 67, 66, 65,                                /* mouth, inner */
};

struct landmark_box landmark_box(const float (*points)[2])
{
        double ex = 0, ey = 0, mx = ((double)points[48][0] + (double)points[54][0]) / 2;
        double my = ((double)points[48][1] + (double)points[54][1]) / 2, d;

        for (unsigned i = 36; i < 48; i++) {
                ex += (double)points[i][0] / 12;
                ey += (double)points[i][1] / 12;
        }
        d = hypot(mx - ex, my - ey);
        return (struct landmark_box){
                .x = ex + 0.32 * (mx - ex), .y = ey + 0.32 * (my - ey), .width = 0.75 * 2.78 * d, .height = 2.78 * d
        };
}

void landmark_offset_mirror(float (*points)[2], double share)
{
        double to_left = 2 * share * landmark_eye_distance((const float(*)[2])points);

        for (unsigned i = 0; i < LANDMARKS; i++)
                points[i][0] -= (float)to_left;
}

double landmark_eye_distance(const float (*points)[2])
{
        return hypot((double)points[45][0] - (double)points[36][0], (double)points[45][1] - (double)points[36][1]);
}

double landmark_error(const float (*a)[2], const float (*b)[2])
{
        double unit = landmark_eye_distance(b), sum = 0;

        for (unsigned i = 0; i < LANDMARKS; i++)
                sum += hypot((double)a[i][0] - (double)b[i][0], (double)a[i][1] - (double)b[i][1]);
        return unit > 0 ? sum / LANDMARKS / unit : (double)NAN;
}
