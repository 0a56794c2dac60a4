/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The 68 points of a face in the numbering of the 300-W set (Sagonas et al. 2013): 0-16 jaw, 17-26 brows,
 * 27-35 nose, 36-47 eyes, 48-67 mouth; "left" and first is the picture's left.
 */

#include <stdbool.h>

#define LANDMARKS 68

/* Point of the same name in the mirror image. */
extern const unsigned char landmark_mirror[LANDMARKS];

struct landmark_box {
        double x, y; /* centre */
        double width, height;
};

/**
 * landmark_box() - the box, forehead to chin, that a detector trained on boxes of that kind puts round these
 * points: from the eyes' middle E towards the mouth's M it is centred at 0.32, 2.78 high and three quarters
 * as wide, in units of |EM| (fitted to 1,696 faces with boxes and points by judges of the scenes; the
 * height's deviation is 5 %)
 */
struct landmark_box landmark_box(const float (*points)[2]);

/**
 * landmark_offset_mirror() - points made ready for a mirror image
 * @share: how far to the right of their places the points of this set lie, of the eyes' distance
 * Moved to the left by twice as much: mirrored, they lie to the right of their places again, as far as before.
 */
void landmark_offset_mirror(float (*points)[2], double share);

/* Distance between the outer corners of the eyes, 36 and 45: the unit of errors. */
double landmark_eye_distance(const float (*points)[2]);
/* Mean distance of @a's points from @b's as a share of @b's eye distance; NaN if that is 0. */
double landmark_error(const float (*a)[2], const float (*b)[2]);
