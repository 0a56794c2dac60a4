/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/attention.h"

bool attention_update(struct attention *a, const struct attention_rules *rules, const struct face_pose *pose,
                      uint64_t now_usec)
{
        double margin = a->facing ? ATTENTION_MARGIN_DEG : 0;
        bool facing = pose->known && fabs((double)pose->yaw_deg) <= rules->max_yaw_deg + margin &&
                      fabs((double)pose->pitch_deg) <= rules->max_pitch_deg + margin;

        if (facing == a->facing) {
                a->challenged = false;
                return false;
        }
        if (!a->challenged) {
                a->challenged = true;
                a->since_usec = now_usec;
        }
        if (now_usec - a->since_usec < rules->hold_usec)
                return false;
        a->facing = facing;
        a->challenged = false;
        return true;
}
