/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/bus.h"
#include "cli/text.h"

static enum text_colour colour_of(const char *state)
{
        return strcmp(state, "streaming") == 0                               ? TEXT_GOOD
               : strcmp(state, "starting") == 0                              ? TEXT_WARN
               : strcmp(state, "closed") == 0 || strcmp(state, "ended") == 0 ? TEXT_PLAIN
                                                                             : TEXT_BAD;
}

static void add_camera(struct table *t, json_object *camera)
{
        const char *path = member_string(camera, "Path"), *state = member_string(camera, "State");
        uint64_t width = member_u64(camera, "Width"), height = member_u64(camera, "Height");
        bool open = width && height;

        if (strncmp(path, BUS_PATH "/", strlen(BUS_PATH "/")) == 0)
                path += strlen(BUS_PATH "/");
        table_add(t, TEXT_PLAIN, "%s", path);
        table_add(t, TEXT_PLAIN, "%s", member_string(camera, "Device"));
        table_add(t, colour_of(state), "%s", state);
        table_add(t, TEXT_PLAIN, "%s", open ? member_string(camera, "Format") : "-");
        if (open)
                table_add(t, TEXT_PLAIN, "%" PRIu64 "x%" PRIu64, width, height);
        else
                table_add(t, TEXT_PLAIN, "-");
        if (open)
                table_add(t, TEXT_PLAIN, "%.1f/%.1f", member_double(camera, "MeasuredFrameRate"),
                          member_double(camera, "FrameRate"));
        else
                table_add(t, TEXT_PLAIN, "-");
        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(camera, "Frames"));
        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(camera, "FramesDropped"));
        table_add(t, TEXT_PLAIN, "%s", member_string(camera, "Name"));
}

int verb_cameras(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *cameras = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        int r;

        r = ctl_get_cameras(c, &cameras);
        if (r)
                return r;
        if (c->json != CTL_JSON_OFF) {
                json_print(c, cameras);
                return CTL_OK;
        }
        if (table_new("CAMERA|DEVICE|STATE|FORMAT|>SIZE|>FPS|?FRAMES|?DROPPED|NAME", &t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        for (size_t i = 0; i < json_object_array_length(cameras); i++)
                add_camera(t, json_object_array_get_idx(cameras, i));
        if (table_n_rows(t) && table_print(c, t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        for (size_t i = 0; i < json_object_array_length(cameras); i++) {
                json_object *camera = json_object_array_get_idx(cameras, i);

                if (*member_string(camera, "LastError"))
                        ctl_note(c, "%s: %s", member_string(camera, "Device"), member_string(camera, "LastError"));
        }
        if (c->legend)
                ctl_note(c, "%zu camera%s listed.", table_n_rows(t), table_n_rows(t) == 1 ? "" : "s");
        return CTL_OK;
}
