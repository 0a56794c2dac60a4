/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/log.h"
#include "bridge/showing.h"
#include "bus/json.h"

#define REACTIONS "org.emotiond.Reactions1"
#define REACTIONS_PATH "/org/emotiond/Reactions1"
#define PROPERTIES "org.freedesktop.DBus.Properties"

static void count(struct showing *s)
{
        size_t i = 0;

        while (i < s->n && strcmp(s->contents[i].content, s->content) != 0)
                i++;
        if (i == SHOWING_CONTENTS_MAX) {
                s->other_plays++;
                return;
        }
        if (i == s->n)
                strcpy(s->contents[s->n++].content, s->content);
        s->contents[i].plays++;
}

static void set(struct showing *s, const char *content, const char *play)
{
        if (strcmp(s->content, content) == 0 && strcmp(s->play, play) == 0)
                return;
        snprintf(s->content, sizeof(s->content), "%s", content);
        snprintf(s->play, sizeof(s->play), "%s", play);
        if (*content)
                count(s);
        s->on_change(s->userdata);
}

static int on_look(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct showing *s = userdata;
        _cleanup_(json_putp) json_object *current = NULL;
        const char *path;

        s->look = sd_bus_slot_unref(s->look);
        if (sd_bus_message_is_method_error(m, NULL) || json_from_value(m, &current) < 0) {
                set(s, "", "");
                return 0;
        }
        path = strrchr(member_string(current, "play"), '/');
        set(s, member_string(current, "content"), path ? path + 1 : "");
        return 0;
}

static void look(struct showing *s)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(s->bus, &m, REACTIONS, REACTIONS_PATH, PROPERTIES, "Get");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", REACTIONS ".Manager", "Current");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, 0);
        s->look = sd_bus_slot_unref(s->look);
        if (r >= 0)
                r = sd_bus_call_async(s->bus, &s->look, m, on_look, s, 0);
        if (r < 0)
                log_debug_errno(r, "what is shown was not asked for: %m");
}

/* Anybody may say that something changed; what it is now is asked of the service itself. */
static int on_change(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        look(userdata);
        return 0;
}

int showing_init(struct showing *s, sd_bus *bus, void (*changed)(void *userdata), void *userdata)
{
        int r;

        *s = (struct showing){ .bus = bus, .on_change = changed, .userdata = userdata };
        r = sd_bus_add_match_async(bus, &s->changes,
                                   "type='signal',path='" REACTIONS_PATH "',interface='" PROPERTIES
                                   "',member='PropertiesChanged'",
                                   on_change, NULL, s);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop."
                                           "DBus',member='NameOwnerChanged',arg0='" REACTIONS "'",
                                           on_change, NULL, s);
        if (r >= 0)
                look(s);
        return r < 0 ? r : 0;
}

void showing_done(struct showing *s)
{
        s->changes = sd_bus_slot_unref(s->changes);
        s->look = sd_bus_slot_unref(s->look);
}
