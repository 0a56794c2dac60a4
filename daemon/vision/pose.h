/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Where a head is turned, from its 68 landmarks: a model of a head is laid over them (weak perspective: turned, scaled,
 * shifted).
 *
 * Angles are in degrees and seen from the camera. Yaw is positive when the face is turned to the picture's right, pitch
 * when it looks up, roll when the axis from its eye on the picture's left to the one on the right points down. A face
 * that looks into the camera has yaw and pitch 0 wherever it is in the picture: it is the line of sight that counts.
 */

#include "daemon/vision/face.h"

/**
 * pose_fit() - the pose whose projection is nearest to the landmarks, in the least squares
 * @points: the whole scheme of 68
 * Return: 0; -EINVAL if @n is not 68, a point is not finite, or they all lie on a line.
 *
 * Eye corners, nose and mouth corners are used: points that the bones hold, or that move to both sides alike.
 */
int pose_fit(const float (*points)[2], unsigned n, struct face_pose *ret);

/* The model's place of a landmark that is used, else NULL: x to the face's side that the picture has on its right, y
 * down, z away from the camera, about millimetres of a grown-up's face. For tests. */
const double *pose_model_point(unsigned landmark);
