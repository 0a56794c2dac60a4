/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/bus.h"
#include "cli/text.h"

/* "left" and "right" are the picture's. */
static void add_turn(struct table *t, json_object *face)
{
        double yaw = member_double(face, "yaw"), pitch = member_double(face, "pitch");
        bool facing = member_bool(face, "attention");

        if (!member(face, "yaw")) {
                table_add(t, TEXT_FAINT, "-");
                table_add(t, TEXT_FAINT, "-");
                return;
        }
        if (member_bool(face, "static"))
                table_add(t, TEXT_FAINT, "thing");
        else
                table_add(t, facing ? TEXT_GOOD : TEXT_PLAIN, "%s", facing ? "yes" : "no");
        table_add(t, TEXT_PLAIN, "%.0f %s, %.0f %s", yaw < 0 ? -yaw : yaw, yaw < 0 ? "left" : "right",
                  pitch < 0 ? -pitch : pitch, pitch < 0 ? "down" : "up");
}

static void add_face(struct table *t, json_object *face)
{
        const char *emotion = member_string(face, "emotion");
        json_object *box = member(face, "box");
        uint64_t since = member_u64(face, "since"), seen = member_u64(face, "seen");
        double b[4] = { 0 };

        for (size_t i = 0; i < 4 && json_object_is_type(box, json_type_array); i++)
                b[i] = json_object_get_double(json_object_array_get_idx(box, i));
        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(face, "face"));
        table_add(t, strcmp(emotion, "unsure") == 0 ? TEXT_FAINT : TEXT_PLAIN, "%s", emotion);
        table_add(t, TEXT_PLAIN, "%.0f%%", 100 * member_double(face, "confidence"));
        table_add(t, TEXT_PLAIN, "%.0fx%.0f+%.0f+%.0f", b[2], b[3], b[0], b[1]);
        add_turn(t, face);
        if (member(face, "quality"))
                table_add(t, TEXT_PLAIN, "%.0f%%", 100 * member_double(face, "quality"));
        else
                table_add(t, TEXT_FAINT, "-"); /* of a service that does not measure it */
        table_add(t, TEXT_PLAIN, "%.1f s", seen > since ? (double)(seen - since) / 1e6 : 0);
}

/* Why nobody is in view, where the reason is not simply that there is nobody. */
static void explain_none(struct ctl *c)
{
        _cleanup_(json_putp) json_object *manager = NULL;
        const char *state;

        if (c->quiet || ctl_get_all(c, BUS_PATH, BUS_IFACE_MANAGER, &manager))
                return;
        state = member_string(manager, "State");
        if (strcmp(state, "idle") == 0)
                ctl_say("The camera is closed, for nobody watches; \"emotionctl watch\" opens it.");
        else if (strcmp(state, "disabled") == 0)
                ctl_say("%s", ctl_error_sentence(BUS_ERROR("Disabled")));
        else if (strcmp(state, "watching") != 0 && *member_string(manager, "LastError"))
                ctl_say("%s",
                        ctl_error_sentence(member_string(manager, "LastError")) ?: member_string(manager, "LastError"));
        else
                ctl_say("Nobody is in view.");
}

int verb_faces(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *faces = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        size_t n;
        int r;

        r = ctl_get_faces(c, &faces);
        if (r)
                return r;
        if (c->json != CTL_JSON_OFF) {
                json_print(c, faces);
                return CTL_OK;
        }
        n = json_object_is_type(faces, json_type_array) ? json_object_array_length(faces) : 0;
        if (n == 0) {
                explain_none(c);
                return CTL_OK;
        }
        if (table_new(">FACE|EMOTION|>CONFIDENCE|BOX|FACING|TURNED|>QUALITY|>IN VIEW", &t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        for (size_t i = 0; i < n; i++)
                add_face(t, json_object_array_get_idx(faces, i));
        return table_print(c, t) < 0 ? ctl_fail(NULL, -ENOMEM, NULL) : CTL_OK;
}
