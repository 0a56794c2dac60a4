/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bus.h"
#include "cli/text.h"

static int set_enabled(struct ctl *c, bool on)
{
        _cleanup_(json_putp) json_object *manager = NULL;
        int r = ctl_get_all(c, EMO_ROOT, EMO_MANAGER, &manager);

        if (r)
                return r;
        if (member_bool(manager, "Enabled") == on) {
                ctl_note(c, "Emotion recognition is switched %s already.", on ? "on" : "off");
                return CTL_NOTHING_TO_DO;
        }
        r = ctl_call(c, EMO_ROOT, EMO_MANAGER, on ? "Enable" : "Disable", NULL);
        if (r)
                return r;
        ctl_note(c, on ? "Emotion recognition is switched on." :
                         "Emotion recognition is switched off; the camera is closed and stays closed.");
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
        int r = ctl_call(c, EMO_ROOT, EMO_MANAGER, "Reload", NULL);

        if (r)
                return r;
        ctl_note(c, "The configuration was read again.");
        return CTL_OK;
}
