/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bus.h"
#include "cli/text.h"

static int steer(struct ctl *c, const char *method)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = ctl_connect(c);
        if (r)
                return r;
        r = ctl_new_call(c, BUS_PATH, BUS_IFACE_MANAGER, method, &m);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        r = sd_bus_call(c->bus, m, 0, &error, NULL);
        return r < 0 ? ctl_fail_admin(&error, r) : 0;
}

static int set_enabled(struct ctl *c, bool on)
{
        _cleanup_(json_putp) json_object *manager = NULL;
        int r = ctl_get_all(c, BUS_PATH, BUS_IFACE_MANAGER, &manager);

        if (r)
                return r;
        if (member_bool(manager, "Enabled") == on) {
                ctl_note(c, "Emotion recognition is switched %s already.", on ? "on" : "off");
                return CTL_NOTHING_TO_DO;
        }
        r = steer(c, on ? "Enable" : "Disable");
        if (r)
                return r;
        ctl_note(c, on ? "Emotion recognition is switched on."
                       : "Emotion recognition is switched off; the camera is closed and stays closed.");
        return CTL_OK;
}

int verb_enable(struct ctl *c, int argc, char **argv)
{
        return set_enabled(c, true);
}

int verb_disable(struct ctl *c, int argc, char **argv)
{
        return set_enabled(c, false);
}

int verb_reload(struct ctl *c, int argc, char **argv)
{
        int r = steer(c, "Reload");

        if (r)
                return r;
        ctl_note(c, "The configuration was read again.");
        return CTL_OK;
}
