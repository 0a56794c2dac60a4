/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

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

/* Root is checked here, too, and not by the bus policy alone. */
int bus_check_trusted(const struct peer *peer, sd_bus_error *error)
{
        if (peer_is_trusted(peer))
                return 0;
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Only the administrator may do this");
}

void bus_emit_changed(sd_bus *bus, const char *path, const char *interface, const char *const *names)
{
        char *list[32];
        size_t n = 0;

        /* sd-bus wants the pointers without const, and only reads what they point to */
        for (; names[n] && n + 1 < ARRAY_LEN(list); n++)
                memcpy(&list[n], &names[n], sizeof(list[n]));
        list[n] = NULL;
        if (n > 0)
                sd_bus_emit_properties_changed_strv(bus, path, interface, list);
}
