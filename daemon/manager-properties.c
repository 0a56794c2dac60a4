/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/manager.h"

#define IN_VIEW(member) offsetof(struct manager_view, member), sizeof(((struct manager_view *)NULL)->member)
#define ELSEWHERE 0, 0

const struct manager_property_row manager_properties[] = {
        { "State", MANAGER_STATE, IN_VIEW(state) },
        { "LastError", MANAGER_LAST_ERROR, IN_VIEW(last_error) },
        { "Enabled", MANAGER_ENABLED, IN_VIEW(enabled) },
        { "InUse", MANAGER_IN_USE, IN_VIEW(in_use) },
        { "Emotions", MANAGER_EMOTIONS, ELSEWHERE },
        { "Model", MANAGER_MODEL, ELSEWHERE },
        { "Zones", MANAGER_ZONES, ELSEWHERE },
        { "ClosedHours", MANAGER_CLOSED_HOURS, ELSEWHERE },
        { "LastErrorText", MANAGER_LAST_ERROR_TEXT, IN_VIEW(last_error_text) },
        { "Plugins", MANAGER_PLUGINS, ELSEWHERE },
        { "Tainted", MANAGER_TAINTED, IN_VIEW(tainted) },
};
const size_t manager_n_properties = ARRAY_LEN(manager_properties);

/* Members are compared one by one: between them is padding. */
unsigned manager_view_changes(const struct manager_view *a, const struct manager_view *b)
{
        unsigned changed = 0;

        for (size_t i = 0; i < manager_n_properties; i++) {
                const struct manager_property_row *row = &manager_properties[i];

                if (memcmp((const char *)a + row->offset, (const char *)b + row->offset, row->size_bytes) != 0)
                        changed |= row->bit;
        }
        return changed;
}

const void *manager_view_member(const struct manager_view *v, const char *name, size_t size_bytes)
{
        for (size_t i = 0; i < manager_n_properties; i++)
                if (strcmp(manager_properties[i].name, name) == 0)
                        return manager_properties[i].size_bytes == size_bytes
                                       ? (const char *)v + manager_properties[i].offset
                                       : NULL;
        return NULL;
}
