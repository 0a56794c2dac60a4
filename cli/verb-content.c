/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "cli/reactions.h"
#include "cli/text.h"

static int begin(struct ctl *c, const char *content)
{
        _cleanup_(freep) char *play = NULL;
        int r = reactions_begin(c, content, true, &play);

        if (r == 0)
                ctl_note(c, "\"%s\" is shown from now on, until \"emotionctl content end\", for an hour at most.",
                         content);
        return r;
}

static int end(struct ctl *c)
{
        _cleanup_(freep) char *play = NULL;
        uint32_t viewers = 0;
        uint64_t shown_ms = 0;
        int r = reactions_current(c, &play);

        if (r == 0)
                r = reactions_end(c, play, &viewers, &shown_ms);
        if (r == 0 && viewers)
                ctl_note(c, "Shown for %.1f seconds, to about %u viewers.", (double)shown_ms / 1000, viewers);
        else if (r == 0)
                ctl_note(c, "Shown for %.1f seconds, to too few viewers to tell of.", (double)shown_ms / 1000);
        return r;
}

static int mark(struct ctl *c, const char *label)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *play = NULL;
        int r = reactions_current(c, &play);

        if (r == 0)
                r = reactions_new_call(c, "Mark", &m);
        if (r)
                return r;
        if (sd_bus_message_append(m, "os", play, label) < 0)
                return CTL_FAILED;
        return reactions_send(c, m, NULL);
}

static int list(struct ctl *c)
{
        _cleanup_(json_putp) json_object *report = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        json_object *contents;
        int r = reactions_query(c, NULL, 0, false, &report);

        if (r)
                return r;
        contents = member(report, "contents");
        if (c->json != CTL_JSON_OFF) {
                json_print(c, contents);
                return CTL_OK;
        }
        if (table_new("CONTENT|>PLAYS|>VIEWERS|>SECONDS", &t) < 0)
                return CTL_FAILED;
        for (size_t i = 0; i < json_object_array_length(contents); i++) {
                json_object *o = json_object_array_get_idx(contents, i);

                table_add(t, TEXT_PLAIN, "%s", member_string(o, "content"));
                table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(o, "plays"));
                if (member_u64(o, "viewers"))
                        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(o, "viewers"));
                else
                        table_add(t, TEXT_FAINT, "too few");
                table_add(t, TEXT_PLAIN, "%.0f", member_double(o, "seconds_shown"));
        }
        return table_print(c, t) < 0 ? CTL_FAILED : CTL_OK;
}

int verb_content(struct ctl *c, int argc, char **argv)
{
        if (strcmp(argv[0], "begin") == 0 && argc == 2)
                return begin(c, argv[1]);
        if (strcmp(argv[0], "mark") == 0 && argc == 2)
                return mark(c, argv[1]);
        if (strcmp(argv[0], "end") == 0 && argc == 1)
                return end(c);
        if (strcmp(argv[0], "list") == 0 && argc == 1)
                return list(c);
        ctl_say("Usage: emotionctl content begin ID | end | mark LABEL | list");
        return CTL_FAILED;
}
