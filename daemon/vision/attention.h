/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Whether a face is turned to the camera, which stands for the screen above or below it. It faces the camera while yaw
 * and pitch are within limits; once it does, it may turn ATTENTION_MARGIN_DEG further before it no longer does. A change
 * counts when it has lasted for the hold, so that a face announces at most one in that time.
 */

#include <stdint.h>

#include "daemon/vision/face.h"

#define ATTENTION_MARGIN_DEG 5.0

/* When a face is turned to the camera; see attention.h. */
struct attention_rules {
        double max_yaw_deg, max_pitch_deg; /* 0..90, to both sides */
        uint64_t hold_usec;                /* a change must last for this long before it counts */
};

struct attention {
        bool facing;         /* as announced; a new face is not */
        bool challenged;     /* the last poses said otherwise */
        uint64_t since_usec; /* since then */
};

/* @pose: may be unknown, as that of a face that was not found; then it does not face the camera.
 * Return: true if @a->facing changed. */
bool attention_update(struct attention *a, const struct attention_rules *rules, const struct face_pose *pose,
                      uint64_t now_usec);
