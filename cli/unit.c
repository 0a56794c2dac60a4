/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "basic/clock.h"
#include "cli/bus.h"
#include "cli/text.h"
#include "cli/unit.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define UNIT_PATH "/org/freedesktop/systemd1/unit/emotiond_2eservice"
#define DBUS "org.freedesktop.DBus"
#define EXIT_CONFIG 78 /* of emotiond, see emotiond(8) */
#define LOOK_USEC (200 * 1000)

/* What systemd says of the unit; empty strings where it says nothing. */
struct unit {
        char load[32], active[32], result[32];
        int32_t status; /* with which the program ended */
};

static void read_word(sd_bus *bus, const char *interface, const char *property, char *ret, size_t size)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char *word = NULL;

        ret[0] = '\0';
        if (sd_bus_get_property_string(bus, SYSTEMD, UNIT_PATH, interface, property, &error, &word) >= 0)
                snprintf(ret, size, "%s", word);
        free(word);
}

/* Return: whether systemd is there and knows the unit. */
static bool read_unit(sd_bus *bus, struct unit *ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        *ret = (struct unit){ .status = 0 };
        read_word(bus, SYSTEMD ".Unit", "LoadState", ret->load, sizeof(ret->load));
        if (strcmp(ret->load, "masked") == 0)
                return true;
        if (strcmp(ret->load, "loaded") != 0)
                return false;
        read_word(bus, SYSTEMD ".Unit", "ActiveState", ret->active, sizeof(ret->active));
        read_word(bus, SYSTEMD ".Service", "Result", ret->result, sizeof(ret->result));
        (void)sd_bus_get_property_trivial(bus, SYSTEMD, UNIT_PATH, SYSTEMD ".Service", "ExecMainStatus", &error, 'i',
                                          &ret->status);
        return true;
}

/* The last error that the service wrote to the journal; empty if there is none or the user may not read it. */
static void read_journal(char *ret, size_t size)
{
        FILE *f = popen("journalctl --quiet --no-pager --boot --output=cat --lines=1 --priority=err "
                        "_SYSTEMD_UNIT=emotiond.service 2>/dev/null",
                        "re");

        ret[0] = '\0';
        if (!f)
                return;
        if (fgets(ret, (int)size, f))
                ret[strcspn(ret, "\n")] = '\0';
        else
                ret[0] = '\0';
        (void)pclose(f);
}

/* Return: whether the unit is the reason that the service is not there; the reason is a sentence, and what to do. */
static bool tell(const struct unit *u, char *ret, size_t size)
{
        const char *what = "emotiond failed";
        char line[512];

        if (strcmp(u->load, "masked") == 0) {
                snprintf(ret, size, "emotiond.service is masked; \"systemctl unmask emotiond\" lets it start again.");
                return true;
        }
        if (strcmp(u->active, "failed") != 0)
                return false;
        if (strcmp(u->result, "start-limit-hit") == 0)
                what = "emotiond failed several times in a row";
        else if (u->status == EXIT_CONFIG)
                what = "emotiond cannot start, because its configuration has an error";
        read_journal(line, sizeof(line));
        if (*line)
                snprintf(ret, size, "%s: %s. After mending that, start it with \"systemctl start emotiond\".", what,
                         line);
        else
                snprintf(ret, size,
                         "%s; \"journalctl -u emotiond\" says why. After mending that, start it with \"systemctl start "
                         "emotiond\".",
                         what);
        return true;
}

bool unit_tells(struct ctl *c, char *ret, size_t size)
{
        struct unit u;

        return read_unit(c->bus, &u) && tell(&u, ret, size);
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        *(bool *)userdata = true;
        return 0;
}

static bool has_owner(sd_bus *bus)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        return sd_bus_call_method(bus, DBUS, "/org/freedesktop/DBus", DBUS, "GetNameOwner", &error, NULL, "s",
                                  BUS_NAME) >= 0;
}

/* The bus is asked to start the service, and systemd how that goes, until one of them knows. */
static int start(struct ctl *c, char *why, size_t size)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        uint64_t end = clock_usec() + c->timeout_usec;
        bool answered = false;
        int r;

        r = sd_bus_call_method_async(c->bus, &slot, DBUS, "/org/freedesktop/DBus", DBUS, "StartServiceByName",
                                     on_started, &answered, "su", BUS_NAME, 0);
        while (r >= 0 && !answered && clock_usec() < end) {
                r = sd_bus_process(c->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(c->bus, LOOK_USEC);
                if (!answered && r == 0 && unit_tells(c, why, size)) {
                        ctl_say("%s", why);
                        return CTL_NOT_FOUND;
                }
        }
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        if (answered) /* what went wrong is said again to whoever calls */
                return 0;
        return ctl_fail(&SD_BUS_ERROR_MAKE_CONST(SD_BUS_ERROR_TIMEOUT, "no answer"), 0, NULL);
}

int unit_check(struct ctl *c)
{
        char why[1024];
        struct unit u;

        if (has_owner(c->bus) || !read_unit(c->bus, &u))
                return 0;
        if (tell(&u, why, sizeof(why))) {
                ctl_say("%s", why);
                return CTL_NOT_FOUND;
        }
        return start(c, why, sizeof(why));
}
