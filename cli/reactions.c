/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cli/bus.h"
#include "cli/reactions.h"
#include "cli/text.h"

#define REACTIONS_ERROR(name) REACTIONS_SERVICE ".Error." name

static const struct {
        const char *name, *sentence;
        enum ctl_exit exit;
} explanations[] = {
        { REACTIONS_ERROR("NoticeMissing"),
          "Nothing is recorded before people are told. Say where they are in /etc/emotiond/reactions.conf, for example "
          "\"privacy: { notice = \\\"a sign at the entrance\\\"; };\", then \"systemctl restart emotion-reactions\".",
          CTL_FAILED },
        { REACTIONS_ERROR("NoSuchPlay"),
          "Nothing of that name is or was shown; \"emotionctl content list\" tells what was.", CTL_NOT_FOUND },
        { REACTIONS_ERROR("NotYourPlay"), "Another program began this play, and only it can end or mark it.",
          CTL_FAILED },
        { REACTIONS_ERROR("StoreFull"),
          "The store is full: make room on its disk, or raise store.max_mb in /etc/emotiond/reactions.conf.",
          CTL_FAILED },
        { SD_BUS_ERROR_ACCESS_DENIED,
          "You may not: this is for root and the group emotion-content (\"sudo usermod -aG emotion-content $USER\", then log "
          "in again).",
          CTL_FAILED },
};

static int fail(const sd_bus_error *e, int r)
{
        for (size_t i = 0; e && e->name && i < ARRAY_LEN(explanations); i++)
                if (strcmp(e->name, explanations[i].name) == 0) {
                        ctl_say("%s", explanations[i].sentence);
                        return explanations[i].exit;
                }
        if (e && ctl_error_is_absent(e)) {
                ctl_say("emotion-reactions could not be started: %s. \"journalctl -u emotion-reactions\" says more.",
                        e->message ?: e->name);
                return CTL_NOT_FOUND;
        }
        return ctl_fail(e, r, NULL);
}

int reactions_new_call(struct ctl *c, const char *method, sd_bus_message **ret)
{
        int r;

        c->waits = true; /* another service than emotiond is called */
        r = ctl_connect(c);
        if (r)
                return r;
        r = sd_bus_message_new_method_call(c->bus, ret, REACTIONS_SERVICE, REACTIONS_ROOT, REACTIONS_IFACE, method);
        return r < 0 ? fail(NULL, r) : 0;
}

int reactions_send(struct ctl *c, sd_bus_message *m, sd_bus_message **ret_reply)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(c->bus, m, 0, &error, ret_reply);

        return r < 0 ? fail(&error, r) : 0;
}

int reactions_properties(struct ctl *c, json_object **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        c->waits = true;
        r = ctl_connect(c);
        if (r)
                return r;
        r = sd_bus_call_method(c->bus, REACTIONS_SERVICE, REACTIONS_ROOT, "org.freedesktop.DBus.Properties", "GetAll",
                               &error, &reply, "s", REACTIONS_IFACE);
        *ret = NULL;
        if (r < 0 && ctl_error_is_absent(&error))
                return 0;
        if (r >= 0)
                r = json_from_value(reply, ret);
        return r < 0 ? fail(&error, r) : 0;
}

int reactions_current(struct ctl *c, char **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(json_putp) json_object *current = NULL;
        const char *play;
        int r;

        c->waits = true;
        r = ctl_connect(c);
        if (r)
                return r;
        r = sd_bus_get_property(c->bus, REACTIONS_SERVICE, REACTIONS_ROOT, REACTIONS_IFACE, "Current", &error, &reply,
                                "a{sv}");
        if (r >= 0)
                r = json_from_value(reply, &current);
        if (r < 0)
                return fail(&error, r);
        play = member_string(current, "play");
        if (!*play) {
                ctl_say("Nothing is shown just now.");
                return CTL_NOT_FOUND;
        }
        *ret = strdup(play);
        return *ret ? 0 : fail(NULL, -ENOMEM);
}

int reactions_begin(struct ctl *c, const char *content, bool stay, char **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *play;
        int r = reactions_new_call(c, "Begin", &m);

        if (r)
                return r;
        r = sd_bus_message_append(m, "sa{sv}", content, 1, "stay", "b", (int)stay);
        if (r < 0)
                return fail(NULL, r);
        r = reactions_send(c, m, &reply);
        if (r)
                return r;
        r = sd_bus_message_read(reply, "o", &play);
        *ret = r < 0 ? NULL : strdup(play);
        return *ret ? 0 : fail(NULL, r < 0 ? r : -ENOMEM);
}

int reactions_end(struct ctl *c, const char *play, uint32_t *ret_viewers, uint64_t *ret_shown_ms)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(json_putp) json_object *result = NULL;
        int r = reactions_new_call(c, "End", &m);

        if (r)
                return r;
        r = sd_bus_message_append(m, "oa{sv}", play, 0);
        if (r < 0)
                return fail(NULL, r);
        r = reactions_send(c, m, &reply);
        if (r)
                return r;
        r = json_from_value(reply, &result);
        if (r < 0)
                return fail(NULL, r);
        if (ret_viewers)
                *ret_viewers = (uint32_t)member_u64(result, "viewers");
        if (ret_shown_ms)
                *ret_shown_ms = member_u64(result, "shown-ms");
        return 0;
}

/* What a sealed memfd holds, as JSON. */
static int read_report(int fd, json_object **ret)
{
        struct json_tokener *t;
        struct stat st;
        void *map;

        if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > (64 << 20))
                return -EBADMSG;
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        t = json_tokener_new();
        *ret = t ? json_tokener_parse_ex(t, map, (int)st.st_size) : NULL;
        json_tokener_free(t);
        munmap(map, (size_t)st.st_size);
        return *ret ? 0 : -EBADMSG;
}

int reactions_query(struct ctl *c, const char *const *contents, size_t n, bool compare, json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int fd, r = reactions_new_call(c, "Query", &m);

        if (r)
                return r;
        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "compare", "b", (int)compare);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "contents");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", contents[i]);
        for (int i = 0; i < 4 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return fail(NULL, r);
        r = reactions_send(c, m, &reply);
        if (r)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r >= 0)
                r = read_report(fd, ret);
        return r < 0 ? fail(NULL, r) : 0;
}
