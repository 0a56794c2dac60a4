/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus-face.h"

void bus_face_mark(struct bus_face *f, unsigned properties)
{
        f->dirty |= properties;
        sd_event_source_set_enabled(f->flush, SD_EVENT_ONESHOT);
}

void bus_face_arm(struct bus_face *f)
{
        uint64_t next = manager_next_usec(f->manager);

        if (next != UINT64_MAX)
                sd_event_source_set_time(f->timer, next);
        sd_event_source_set_enabled(f->timer, next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}
